//! What is on the screen on its way into a file: of a table exactly its rows, in their order, with what the numbers rest on; of
//! what is drawn, a picture.
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
    /// What it is called: `table`, `figure`.
    pub(super) noun: &'static str,
    /// What the name may end with.
    pub(super) endings: &'static [&'static str],
    /// Every score of the session can be written in its place.
    pub(super) has_everything: bool,
}

/// What was on the screen when it was asked for.
pub trait Snapshot: fmt::Debug + Send {
    /// Makes what is written to a file of which the name ends so.
    ///
    /// # Errors
    /// Where it cannot be told in that format.
    fn build(&self, ending: &str) -> Result<Export, String>;
}

/// What is to be written, and under which name, as it was typed.
#[derive(Debug)]
pub struct ExportRequest {
    /// As it was typed.
    pub path: String,
    snapshot: Box<dyn Snapshot>,
}

impl ExportRequest {
    /// Makes what is written. Cost: O(words), and for everything O(words · models · prompts).
    ///
    /// # Errors
    /// Where a card cannot be told in JSON.
    pub fn build(&self) -> Result<Export, String> {
        self.snapshot.build(&ending(&self.path))
    }
}

/// What is written.
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
    /// What is written: `table`, `figure`.
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
    /// Asks where what is shown is to go, with a name that says what it is.
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

    /// What came of it; where it could not be written, with the name to go on with, which can be changed.
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
