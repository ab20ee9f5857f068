//! TOML that users write (settings, themes): read strictly, with errors that name the file, the line, what stands there
//! and what is allowed. Knows nothing of what the files mean.

use std::ops::Range;

use serde::de::DeserializeOwned;

use crate::text::visible;

/// One mistake in a user's file, as one line of text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}, line {line} ({excerpt}): {message}")]
pub struct TomlError {
    /// The path as the user knows it.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// The line itself, made safe to show and cut to a readable length.
    pub excerpt: String,
    /// What is wrong, and what is allowed.
    pub message: String,
}

impl TomlError {
    /// A mistake at the byte range `span` of `text`, the content of `file`.
    pub fn at(file: &str, text: &str, span: Range<usize>, message: impl AsRef<str>) -> Self {
        let before = text.get(..span.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let content = text.lines().nth(line - 1).unwrap_or_default().trim();
        let mut excerpt: String = visible(content).chars().take(60).collect();
        if content.chars().count() > 60 {
            excerpt.push_str("...");
        }
        let message = message.as_ref().lines().map(str::trim).collect::<Vec<_>>().join(" ");
        Self { file: visible(file).into_owned(), line, excerpt, message: visible(&message).into_owned() }
    }
}

/// Reads `text`, the content of `file`.
pub fn parse<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, TomlError> {
    // A byte order mark is what some editors put first; it says nothing.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    toml::from_str(text).map_err(|error| TomlError::at(file, text, error.span().unwrap_or(0..0), error.message()))
}

/// `no theme 'drak'; did you mean 'dark'? Allowed: dark, light`.
pub fn not_allowed(what: &str, given: &str, allowed: &[&str]) -> String {
    let hint = match nearest(given, allowed) {
        Some(name) => format!("did you mean '{name}'? "),
        None => String::new(),
    };
    format!("no {what} '{}'; {hint}Allowed: {}", visible(given), allowed.join(", "))
}

/// The name that `given` may be a slip of.
pub fn nearest<'a>(given: &str, names: &[&'a str]) -> Option<&'a str> {
    names
        .iter()
        .map(|name| (strsim::jaro_winkler(&given.to_lowercase(), &name.to_lowercase()), *name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[serde(rename = "size")]
        _size: Option<u32>,
    }

    #[test]
    fn a_mistake_is_told_with_file_line_and_what_is_allowed() {
        for (text, line, part) in [
            ("# first\n\nsise = 3\n", 3, "unknown field `sise`, expected `size`"),
            ("size = 'three'", 1, "expected u32"),
            ("size = 1\nsize = 2\n", 2, "duplicate key"),
            ("size = \n", 1, "size ="),
            ("\u{feff}size = 1\n[other]", 2, "unknown field `other`"),
            ("\"\u{1b}[2J\" = 1", 1, "u{1b}"),
        ] {
            let error = parse::<Sample>("sample.toml", text).expect_err(text);
            let shown = error.to_string();
            assert!(shown.starts_with(&format!("sample.toml, line {line} (")), "{shown}");
            assert!(shown.contains(part), "{shown}");
            assert!(!shown.contains(crate::text::is_unsafe), "{shown:?}");
        }
    }

    #[test]
    fn a_slip_is_answered_with_the_nearest_name() {
        let allowed = ["default", "dark", "light"];
        assert_eq!(not_allowed("theme", "drak", &allowed), "no theme 'drak'; did you mean 'dark'? Allowed: default, dark, light");
        assert_eq!(not_allowed("theme", "xyz", &allowed), "no theme 'xyz'; Allowed: default, dark, light");
    }
}
