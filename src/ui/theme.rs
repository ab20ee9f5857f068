//! Styles by meaning. A view says `theme.rank_up`, never a colour; themes are data, bundled or the user's.
//!
//! A view first gives its whole area `theme.text`, which may carry a background; every other style is patched over it.
//! Colours that the terminal lacks are replaced here, so that nothing else asks what it can show.

mod colour;
mod file;

use std::path::{Path, PathBuf};

use ratatui::style::Style;

use crate::base::terms::Family;
use crate::base::text::visible;
use crate::base::toml_file;
use crate::base::toml_file::TomlError;
use crate::ui::abilities::{Abilities, Colours};
use file::{Sheet, ThemeFile};

/// Compiled into the program; a user's theme of the same name takes its place.
const BUNDLED: [(&str, &str); 4] = [
    ("default", include_str!("../../themes/default.toml")),
    ("dark", include_str!("../../themes/dark.toml")),
    ("light", include_str!("../../themes/light.toml")),
    ("mono", include_str!("../../themes/mono.toml")),
];

/// The theme of those who choose none.
pub const DEFAULT: &str = "default";
const MONO: &str = "mono";

macro_rules! theme {
    ($($(#[$doc:meta])* $meaning:ident,)+) => {
        /// The styles of the screen, by what they mean.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Theme {
            /// The name under which it was loaded.
            pub name: String,
            /// Draw with ASCII alone: no blocks, arrows or box lines.
            pub ascii: bool,
            categories: Vec<Style>,
            $($(#[$doc])* pub $meaning: Style,)+
        }

        /// The meanings that a theme file may style.
        pub const MEANINGS: &[&str] = &[$(stringify!($meaning)),+];

        impl Theme {
            fn from_sheet(name: &str, sheet: &Sheet, abilities: &Abilities) -> Self {
                let adapted = |style: Style| Style {
                    fg: style.fg.and_then(|fg| colour::adapt(fg, abilities.colours)),
                    bg: style.bg.and_then(|bg| colour::adapt(bg, abilities.colours)),
                    ..style
                };
                let style = |meaning| sheet.styles.get(meaning).copied().map(adapted).unwrap_or_default();
                Self {
                    name: name.to_owned(),
                    ascii: !abilities.utf8,
                    categories: sheet.categories.iter().copied().map(adapted).collect(),
                    $($meaning: style(stringify!($meaning)),)+
                }
            }
        }
    };
}

theme! {
    /// Everything that has no style of its own; the only style that may paint the background of a whole view.
    text,
    /// Beside what matters: axes, counts, units.
    dim,
    /// Names of boxes and panels, and what a line is about.
    title,
    /// The tab of the view or page that is shown.
    tab_active,
    /// The other tabs.
    tab_inactive,
    /// The lines around a box.
    border,
    /// The row under the cursor, patched over the styles of its cells.
    cursor_row,
    /// Column names of a table.
    header,
    /// Models of the Llama family; a sign and a letter always say the same as the colour.
    llama,
    /// Models of the Gemma family.
    gemma,
    /// Models of any other family.
    other_family,
    /// What the left model ranks higher, or what rose.
    rank_up,
    /// What the right model ranks higher, or what fell.
    rank_down,
    /// What both rank alike, or what stayed.
    rank_same,
    /// The bar that draws a score.
    bar,
    /// Sparklines and histograms that have no category.
    spark,
    /// Letters of a word that the search found.
    search_match,
    /// What makes numbers doubtful.
    warning,
    /// What failed.
    error,
    /// What is done.
    success,
    /// The line that says where the numbers come from.
    provenance,
    /// Keys in the line of hints.
    key_hint,
    /// What those keys do.
    key_hint_text,
    /// A notice.
    toast_info,
    /// A notice of an error.
    toast_error,
    /// A line of text that the user is writing.
    input,
    /// An entry of a list that is chosen, whether or not the cursor is on it.
    selected,
}

/// Why a theme cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ThemeError {
    /// No theme has that name.
    #[error("{0}")]
    Unknown(String),
    /// The file of the theme cannot be read.
    #[error("theme {}: cannot read the file: {source}; check the path and its permissions", visible(&.path.to_string_lossy()))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file of the theme is not as it must be.
    #[error("theme {0}")]
    File(#[from] TomlError),
}

/// A theme that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThemeListing {
    /// The name by which it is chosen.
    pub name: String,
    /// The user's file; none for a bundled theme.
    pub path: Option<PathBuf>,
    /// What is wrong with it, if anything.
    pub error: Option<String>,
}

impl Theme {
    /// The theme called `name`: the user's `themes/NAME.toml` under `user_dir` (the configuration folder), else a bundled
    /// one; or the file itself where `name` ends in `.toml`. With no colours to show, it is read for its mistakes and
    /// [`Theme::plain`] is given.
    pub fn load(name: &str, user_dir: Option<&Path>, abilities: &Abilities) -> Result<Theme, ThemeError> {
        let sheet = file::join(&chain(name, user_dir)?)?;
        if abilities.colours == Colours::None {
            return Ok(Theme { ascii: !abilities.utf8, ..Theme::plain() });
        }
        Ok(Theme::from_sheet(name, &sheet, abilities))
    }

    /// The style of the category with this index; the styles repeat after the last.
    pub fn category(&self, index: usize) -> Style {
        self.categories.get(index % self.categories.len().max(1)).copied().unwrap_or(self.text)
    }

    /// The style of a family.
    pub fn family(&self, family: Family) -> Style {
        match family {
            Family::Llama => self.llama,
            Family::Gemma => self.gemma,
            _ => self.other_family,
        }
    }

    /// Bold, dim, underlined and reversed instead of colours.
    pub fn plain() -> Theme {
        Theme::bundled(MONO)
    }

    fn bundled(name: &str) -> Theme {
        let abilities = Abilities { colours: Colours::True, no_color: false, utf8: true, size: None };
        // A test reads every bundled theme; were one broken all the same, an unstyled screen is still a screen.
        let sheet = chain(name, None).ok().and_then(|chain| file::join(&chain).ok()).unwrap_or_default();
        Theme::from_sheet(name, &sheet, &abilities)
    }
}

/// The sixteen colours of the terminal, readable on dark and on light.
impl Default for Theme {
    fn default() -> Self {
        Theme::bundled(DEFAULT)
    }
}

/// Where a theme is found.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    User(PathBuf),
    Bundled(&'static str),
}

/// Every theme that can be chosen, bundled first, then the user's by name.
pub fn list(user_dir: Option<&Path>) -> Vec<ThemeListing> {
    let listing = |(name, path): (String, Option<PathBuf>)| {
        let checked = chain(&name, user_dir).and_then(|chain| Ok(file::join(&chain)?));
        ThemeListing { name, path, error: checked.err().map(|error| error.to_string()) }
    };
    names(user_dir).into_iter().map(listing).collect()
}

/// Names and, for the user's themes, files; unread.
fn names(user_dir: Option<&Path>) -> Vec<(String, Option<PathBuf>)> {
    let entries = user_dir.and_then(|dir| std::fs::read_dir(dir.join("themes")).ok()).into_iter().flatten();
    let mut own: Vec<(String, Option<PathBuf>)> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .filter_map(|path| Some((path.file_stem()?.to_string_lossy().into_owned(), Some(path))))
        .collect();
    own.sort();
    let replaced = |name: &str| own.iter().any(|(user, _)| user == name);
    let mut all: Vec<_> =
        BUNDLED.iter().filter(|(name, _)| !replaced(name)).map(|(name, _)| ((*name).to_owned(), None)).collect();
    all.append(&mut own);
    all
}

/// The file of a theme and of all that it inherits from, ending with the bundled default.
fn chain(name: &str, user_dir: Option<&Path>) -> Result<Vec<ThemeFile>, ThemeError> {
    let mut seen: Vec<Source> = Vec::new();
    let mut chain: Vec<ThemeFile> = Vec::new();
    let mut next = name.to_owned();
    loop {
        // What is in the chain is not found again, so that a user's `dark` may inherit from the bundled `dark`.
        let sources = find(&next, user_dir);
        let Some(source) = sources.iter().find(|source| !seen.contains(source)) else {
            let message = match sources.first() {
                Some(_) => format!("the themes inherit from one another in a circle at '{}'", visible(&next)),
                None => unknown(&next, user_dir),
            };
            return Err(match chain.last() {
                Some(file) => file.inherits_error(&message).into(),
                None => ThemeError::Unknown(message),
            });
        };
        let file = read(source)?;
        next = file.inherits().unwrap_or(DEFAULT).to_owned();
        chain.push(file);
        if *source == Source::Bundled(DEFAULT) {
            return Ok(chain);
        }
        seen.push(source.clone());
    }
}

/// Where `name` may be read from, best first.
fn find(name: &str, user_dir: Option<&Path>) -> Vec<Source> {
    let user = match user_dir {
        _ if name.ends_with(".toml") => Some(PathBuf::from(name)),
        Some(dir) => Some(dir.join("themes").join(format!("{name}.toml"))).filter(|path| path.is_file()),
        None => None,
    };
    let bundled = BUNDLED.iter().find(|(bundled, _)| *bundled == name).map(|(name, _)| Source::Bundled(name));
    user.map(Source::User).into_iter().chain(bundled).collect()
}

fn read(source: &Source) -> Result<ThemeFile, ThemeError> {
    let file = match source {
        Source::User(path) => {
            let text = std::fs::read_to_string(path).map_err(|source| ThemeError::Read { path: path.clone(), source })?;
            ThemeFile::parse(&path.to_string_lossy(), &text)
        }
        Source::Bundled(name) => {
            let text = BUNDLED.iter().find(|(bundled, _)| bundled == name).map_or("", |(_, text)| *text);
            ThemeFile::parse(&format!("themes/{name}.toml"), text)
        }
    };
    Ok(file?)
}

fn unknown(name: &str, user_dir: Option<&Path>) -> String {
    let names = names(user_dir);
    let names: Vec<&str> = names.iter().map(|(name, _)| name.as_str()).collect();
    toml_file::not_allowed("theme", name, &names)
}

#[cfg(test)]
mod tests;
