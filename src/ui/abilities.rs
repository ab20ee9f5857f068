//! What the terminal can show, judged from the environment alone: colours, letters, size.
//!
//! Nothing is asked of the terminal: an answer may never come over a slow line, and the first frame does not wait.

use std::fmt;

/// How many colours may be sent, in the order of what falls back to what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Colours {
    /// No colours.
    None,
    /// The sixteen colours of the terminal.
    Sixteen,
    /// The 256 indexed colours.
    Indexed256,
    /// 24-bit colours.
    True,
}

impl fmt::Display for Colours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Colours::None => "none",
            Colours::Sixteen => "16",
            Colours::Indexed256 => "256",
            Colours::True => "truecolor",
        })
    }
}

/// What the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    /// How many colours it has.
    pub colours: Colours,
    /// `NO_COLOR` asks for none, whatever the terminal has.
    pub no_color: bool,
    /// False where the locale names another encoding: `--ascii` is then the default.
    pub utf8: bool,
    /// Columns and rows; none where there is no terminal.
    pub size: Option<(u16, u16)>,
}

/// Terminals that have 24-bit colour and say so by their name; SSH hands on `TERM` but not `COLORTERM`.
const TRUECOLOR_TERMS: [&str; 6] = ["alacritty", "foot", "wezterm", "xterm-ghostty", "xterm-kitty", "contour"];

impl Abilities {
    /// Reads the process environment and the size of the terminal on stdout.
    pub fn detect() -> Self {
        use std::io::IsTerminal as _;
        let size = if std::io::stdout().is_terminal() { crossterm::terminal::size().ok() } else { None };
        Self::from_lookup(|name| std::env::var(name).ok(), size)
    }

    /// As [`Abilities::detect`], with the environment given by `lookup`. A variable set to nothing counts as unset.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>, size: Option<(u16, u16)>) -> Self {
        let lookup = |name| lookup(name).filter(|value| !value.is_empty());
        let no_color = lookup("NO_COLOR").is_some();
        let colours = if no_color { Colours::None } else { colours(lookup("TERM"), lookup("COLORTERM")) };
        Self { colours, no_color, utf8: utf8(lookup), size }
    }
}

fn colours(term: Option<String>, colorterm: Option<String>) -> Colours {
    let term = term.unwrap_or_default();
    let named = |names: &[&str]| names.iter().any(|name| term.starts_with(name));
    if term == "dumb" || named(&["vt100", "vt102", "vt220"]) {
        Colours::None
    } else if colorterm.is_some_and(|c| c == "truecolor" || c == "24bit") || term.ends_with("-direct") || named(&TRUECOLOR_TERMS)
    {
        Colours::True
    } else if term.contains("256color") {
        Colours::Indexed256
    } else {
        Colours::Sixteen
    }
}

/// The first of the three variables that is set decides, as in POSIX. With none set nothing is known, as in most
/// containers, and nearly every terminal of today speaks UTF-8.
fn utf8(lookup: impl Fn(&'static str) -> Option<String>) -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(lookup).is_none_or(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn abilities(variables: &[(&str, &str)]) -> Abilities {
        let lookup = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        Abilities::from_lookup(lookup, None)
    }

    #[test]
    fn colours_follow_the_environment() {
        for (variables, expected) in [
            (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")][..], Colours::True),
            (&[("TERM", "xterm-256color"), ("COLORTERM", "24bit")], Colours::True),
            (&[("TERM", "xterm-256color")], Colours::Indexed256),
            (&[("TERM", "xterm-256color"), ("COLORTERM", "")], Colours::Indexed256),
            (&[("TERM", "xterm-kitty")], Colours::True),
            (&[("TERM", "xterm")], Colours::Sixteen),
            (&[("TERM", "linux")], Colours::Sixteen),
            (&[], Colours::Sixteen),
            (&[("TERM", "dumb"), ("COLORTERM", "truecolor")], Colours::None),
            (&[("TERM", "vt220")], Colours::None),
            (&[("TERM", "xterm-256color"), ("NO_COLOR", "1")], Colours::None),
            (&[("TERM", "xterm-256color"), ("NO_COLOR", "")], Colours::Indexed256),
        ] {
            assert_eq!(abilities(variables).colours, expected, "{variables:?}");
        }
    }

    #[test]
    fn no_color_is_told_apart_from_a_terminal_without_colours() {
        assert!(abilities(&[("NO_COLOR", "1")]).no_color);
        assert!(!abilities(&[("TERM", "dumb")]).no_color);
    }

    #[test]
    fn the_first_locale_variable_that_is_set_decides() {
        for (variables, expected) in [
            (&[("LANG", "en_GB.UTF-8")][..], true),
            (&[("LANG", "de_DE.utf8")], true),
            (&[("LANG", "en_US.ISO-8859-1")], false),
            (&[("LANG", "C")], false),
            (&[("LC_ALL", "C"), ("LANG", "en_GB.UTF-8")], false),
            (&[("LC_ALL", ""), ("LC_CTYPE", "C.UTF-8"), ("LANG", "C")], true),
            (&[], true),
        ] {
            assert_eq!(abilities(variables).utf8, expected, "{variables:?}");
        }
    }
}
