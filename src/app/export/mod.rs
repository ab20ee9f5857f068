//! Writing what is on the screen to a file: the rows of a table, in their order, with their provenance; or a picture.
//!
//! A view takes a [`Snapshot`] of it, from which the file is made on another thread, for that can take seconds. A snapshot
//! shares what it holds with the state that goes on.

mod rows;

use std::fmt;
use std::path::Path;

use serde_json::Value;

use super::input::Input;
use super::{App, Effect, Level, Overlay};
use crate::report::figure::Figure;
use crate::tables::columns::ColumnTable;

/// Endings of files that hold a table.
pub(super) const TABLES: &[&str] = &["csv", "jsonl", "parquet"];
/// Endings of files that hold a picture.
pub(super) const FIGURES: &[&str] = &["svg", "png"];

/// What a view has to write to a file.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    /// A name that says what it is.
    pub(super) name: String,
    /// Its kind in a word: `table`, `figure`.
    pub(super) noun: &'static str,
    /// What the name may end with.
    pub(super) endings: &'static [&'static str],
    /// Every score of the session can be written in its place.
    pub(super) has_everything: bool,
}

/// What was on the screen when it was asked for.
pub trait Snapshot: fmt::Debug + Send {
    /// Makes the contents of a file whose name has this ending.
    ///
    /// # Errors
    /// Where that format cannot hold them.
    fn build(&self, ending: &str) -> Result<Export, String>;
}

/// A file to write.
#[derive(Debug)]
pub struct ExportRequest {
    /// The name, as the user typed it.
    pub path: String,
    snapshot: Box<dyn Snapshot>,
}

impl ExportRequest {
    /// Makes the contents of the file. Cost: O(words), and for everything O(words · models · prompts).
    ///
    /// # Errors
    /// Where the format cannot hold them.
    pub fn build(&self) -> Result<Export, String> {
        self.snapshot.build(&ending(&self.path))
    }
}

/// The contents of a file.
#[derive(Debug)]
pub enum Export {
    /// A table, and what its numbers rest on.
    ColumnTable {
        /// The columns.
        sheet: ColumnTable,
        /// Models, prompts and checksums, as JSON.
        origin: Value,
    },
    /// A picture.
    Figure(Figure),
    /// A page.
    Text(String),
}

/// The name of a file that is being typed.
#[derive(Clone, Debug)]
pub struct ExportInput {
    /// The name so far.
    pub name: Input,
    /// The kind of contents in a word: `table`, `figure`.
    pub noun: &'static str,
    /// Every score of the session, not the visible table alone; none where there is no such choice.
    pub everything: Option<bool>,
    endings: &'static [&'static str],
}

impl ExportInput {
    fn new(name: String, offer: &Offer) -> ExportInput {
        let everything = offer.has_everything.then_some(false);
        ExportInput { name: Input::with_text(name), noun: offer.noun, everything, endings: offer.endings }
    }

    /// What the name may end with: `.csv, .jsonl or .parquet`.
    pub fn endings(&self) -> String {
        let endings: Vec<String> = self.endings.iter().map(|ending| format!(".{ending}")).collect();
        match endings.split_last() {
            Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
            _ => endings.concat(),
        }
    }
}

impl App {
    /// Asks for the name of a file, and suggests one.
    pub(super) fn ask_export(&mut self) {
        match self.view.controller().offer(self) {
            Some(offer) => self.overlay = Some(Overlay::Export(ExportInput::new(offer.name.clone(), &offer))),
            None => self.notify(Level::Info, "there is nothing to write yet"),
        }
    }

    /// Writes what is shown, under the name that was typed.
    pub(super) fn export(&mut self) {
        let Some(Overlay::Export(input)) = self.overlay.take() else { return };
        let path = input.name.text().trim().to_owned();
        if path.is_empty() {
            return;
        }
        let ending = ending(&path);
        let is_known = input.endings.contains(&ending.as_str());
        let everything = input.everything.unwrap_or(false);
        match is_known.then(|| self.view.controller().snapshot(self, &ending, everything)).flatten() {
            Some(snapshot) => self.effects.push(Effect::Export(Box::new(ExportRequest { path, snapshot }))),
            None => {
                let problem = format!("{path}: a name that ends with {} is needed", input.endings());
                self.exported(Err((path, problem)));
            }
        }
    }

    /// Takes in the outcome: the path of the file, or a name to go on with and the problem with the name that was typed.
    pub(super) fn exported(&mut self, outcome: Result<String, (String, String)>) {
        match outcome {
            Ok(written) => self.notify(Level::Info, format!("written: {written}")),
            Err((name, problem)) => {
                if let (None, Some(offer)) = (&self.overlay, self.view.controller().offer(self)) {
                    self.overlay = Some(Overlay::Export(ExportInput::new(name, &offer)));
                }
                self.notify(Level::Error, problem);
            }
        }
    }
}

/// How a file's name ends, in lower case.
fn ending(path: &str) -> String {
    Path::new(path).extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// A name that every file system takes.
pub(super) fn file_name(text: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let name: String = text.chars().take(100).map(plain).collect();
    name.trim_start_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn names_hold_nothing_that_leads_elsewhere() {
        assert_eq!(file_name("lab/x-What is\nbest?"), "lab_x-What_is_best_");
        assert_eq!(file_name("../../etc"), "_.._etc");
    }
}
