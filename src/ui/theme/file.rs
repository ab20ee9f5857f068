//! The theme format: what a theme file may say, and how a chain of files that inherit becomes styles.
//!
//! ```toml
//! inherits = "dark"                       # `default` where nothing is said
//! categories = [{ fg = "sky" }, { fg = "rose" }]
//! [palette]
//! sky = "#7cc4ee"                         # a terminal colour, `reset`, `#rrggbb` or 0-255
//! [styles]
//! title = { fg = "sky", modifiers = ["bold"] }
//! ```
//!
//! A style replaces the inherited style of the same meaning as a whole; a palette name replaces the inherited name, also
//! where inherited styles use it. Knows nothing of folders.

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;
use toml::Spanned;

use super::{MEANINGS, colour};
use crate::base::toml_file;
use crate::base::toml_file::TomlError;

/// One file, read but not yet joined with those it inherits from.
#[derive(Debug)]
pub struct ThemeFile {
    /// The path, or `themes/NAME.toml` for a bundled theme.
    label: String,
    text: String,
    content: Content,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    inherits: Option<Spanned<String>>,
    categories: Option<Spanned<Vec<StyleEntry>>>,
    #[serde(default)]
    palette: BTreeMap<String, Spanned<ColourEntry>>,
    #[serde(default)]
    styles: BTreeMap<Spanned<String>, StyleEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StyleEntry {
    fg: Option<Spanned<ColourEntry>>,
    bg: Option<Spanned<ColourEntry>>,
    #[serde(default)]
    modifiers: Vec<ModifierEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a colour: a palette name, a terminal colour, \"#rrggbb\" or 0-255")]
enum ColourEntry {
    Name(String),
    Index(u8),
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ModifierEntry {
    Bold,
    Dim,
    Italic,
    Underlined,
    Reversed,
    CrossedOut,
}

/// What a chain of files says: a style for some meanings, and the cycle of categories where one is given.
#[derive(Debug, Default)]
pub struct Sheet {
    pub styles: BTreeMap<String, Style>,
    pub categories: Vec<Style>,
}

type Palette = BTreeMap<String, Color>;

impl ThemeFile {
    /// Reads `text`, the content of the file called `label` in errors.
    pub fn parse(label: &str, text: &str) -> Result<Self, TomlError> {
        let content: Content = toml_file::parse(label, text)?;
        let file = Self { label: label.to_owned(), text: text.to_owned(), content };
        for meaning in file.content.styles.keys() {
            if !MEANINGS.contains(&meaning.get_ref().as_str()) {
                return Err(file.error(meaning.span(), toml_file::not_allowed("meaning", meaning.get_ref(), MEANINGS)));
            }
        }
        if let Some(categories) = file.content.categories.as_ref().filter(|c| c.get_ref().is_empty()) {
            return Err(file.error(categories.span(), "categories need at least one style"));
        }
        Ok(file)
    }

    pub fn inherits(&self) -> Option<&str> {
        self.content.inherits.as_ref().map(|name| name.get_ref().as_str())
    }

    /// A mistake in the line that says `inherits`.
    pub fn inherits_error(&self, message: &str) -> TomlError {
        self.error(self.content.inherits.as_ref().map_or(0..0, Spanned::span), message)
    }

    fn error(&self, span: std::ops::Range<usize>, message: impl AsRef<str>) -> TomlError {
        TomlError::at(&self.label, &self.text, span, message)
    }

    fn extend_palette(&self, palette: &mut Palette) -> Result<(), TomlError> {
        for (name, entry) in &self.content.palette {
            let colour = self.colour(entry, &Palette::new())?;
            palette.insert(name.clone(), colour);
        }
        Ok(())
    }

    fn colour(&self, entry: &Spanned<ColourEntry>, palette: &Palette) -> Result<Color, TomlError> {
        let name = match entry.get_ref() {
            ColourEntry::Index(index) => return Ok(Color::Indexed(*index)),
            ColourEntry::Name(name) => name,
        };
        palette.get(name).copied().or_else(|| colour::parse(name)).ok_or_else(|| {
            let terminal = colour::TERMINAL_COLOURS.iter().map(|(name, ..)| *name);
            let names: Vec<&str> = palette.keys().map(String::as_str).chain(terminal).chain(["reset"]).collect();
            let message = toml_file::not_allowed("colour", name, &names);
            self.error(entry.span(), format!("{message}, \"#rrggbb\", 0-255"))
        })
    }

    fn style(&self, entry: &StyleEntry, palette: &Palette) -> Result<Style, TomlError> {
        let colour = |entry: &Option<_>| entry.as_ref().map(|entry| self.colour(entry, palette)).transpose();
        let modifiers = entry.modifiers.iter().fold(Modifier::empty(), |all, one| {
            all | match one {
                ModifierEntry::Bold => Modifier::BOLD,
                ModifierEntry::Dim => Modifier::DIM,
                ModifierEntry::Italic => Modifier::ITALIC,
                ModifierEntry::Underlined => Modifier::UNDERLINED,
                ModifierEntry::Reversed => Modifier::REVERSED,
                ModifierEntry::CrossedOut => Modifier::CROSSED_OUT,
            }
        });
        let mut style = Style::new().add_modifier(modifiers);
        (style.fg, style.bg) = (colour(&entry.fg)?, colour(&entry.bg)?);
        Ok(style)
    }
}

/// Joins a chain of files, the one that was asked for first and what it inherits from after it.
pub fn join(chain: &[ThemeFile]) -> Result<Sheet, TomlError> {
    let mut palette = Palette::new();
    for file in chain.iter().rev() {
        file.extend_palette(&mut palette)?;
    }
    let mut sheet = Sheet::default();
    for file in chain.iter().rev() {
        for (meaning, entry) in &file.content.styles {
            sheet.styles.insert(meaning.get_ref().clone(), file.style(entry, &palette)?);
        }
        if let Some(categories) = &file.content.categories {
            let styles = categories.get_ref().iter().map(|entry| file.style(entry, &palette));
            sheet.categories = styles.collect::<Result<_, _>>()?;
        }
    }
    Ok(sheet)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(files: &[&str]) -> Result<Sheet, TomlError> {
        let chain: Result<Vec<_>, _> = files.iter().map(|text| ThemeFile::parse("mine.toml", text)).collect();
        join(&chain?)
    }

    #[test]
    fn a_theme_overrides_palette_and_styles_of_the_one_it_inherits_from() {
        let parent = "categories = [{ fg = 1 }]\n[palette]\naccent = 'red'\n[styles]\ntitle = { fg = 'accent', modifiers = ['bold'] }\n\
                      text = { fg = 'accent' }";
        let child = "[palette]\naccent = '#102030'\n[styles]\ntext = { bg = 17 }";
        let sheet = sheet(&[child, parent]).expect("both are valid");
        assert_eq!(sheet.styles["title"], Style::new().fg(Color::Rgb(16, 32, 48)).add_modifier(Modifier::BOLD));
        assert_eq!(sheet.styles["text"], Style::new().bg(Color::Indexed(17)));
        assert_eq!(sheet.categories, [Style::new().fg(Color::Indexed(1))]);
    }

    #[test]
    fn every_mistake_names_its_line_and_what_is_allowed() {
        for (text, line, parts) in [
            ("[styles]\ntitel = { fg = 'red' }", 2, &["no meaning 'titel'", "did you mean 'title'", "rank_up"][..]),
            ("[palette]\nsky = 'blu'", 2, &["no colour 'blu'", "did you mean 'blue'"]),
            ("[palette]\na = 'red'\nb = 'a'", 3, &["no colour 'a'"]),
            ("[palette]\nsky = 'blue'\n[styles]\ntext = { fg = 'skye' }", 4, &["no colour 'skye'", "did you mean 'sky'"]),
            ("[styles]\ntext = { fg = 300 }", 2, &["expected a colour"]),
            ("[styles]\ntext = { fg = '#12345' }", 2, &["no colour '#12345'", "#rrggbb"]),
            ("[styles]\ntext = { colour = 'red' }", 2, &["unknown field `colour`", "`fg`, `bg`, `modifiers`"]),
            ("[styles]\ntext = { modifiers = ['blod'] }", 2, &["unknown variant `blod`", "`bold`"]),
            ("[palete]\nsky = 'blue'", 1, &["unknown field `palete`", "`palette`"]),
            ("categories = []", 1, &["at least one"]),
        ] {
            let error = sheet(&[text]).expect_err(text);
            assert_eq!(error.line, line, "{error}");
            for part in parts {
                assert!(error.to_string().contains(part), "{error} lacks {part}");
            }
        }
    }
}
