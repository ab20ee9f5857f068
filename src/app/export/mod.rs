//! What is on the screen on its way into a file: of a table exactly its rows, in their order, with what the numbers rest on; of
//! what is drawn, a picture.
//!
//! Here a snapshot of it is taken; `snapshot` makes of it what is written, on another thread.

mod snapshot;

use std::path::Path;

use super::input::Input;
use super::table::{Layout, RankedTable};
use super::{App, Effect, Level, Model, Overlay, View};
use crate::base::terms::ModelId;
use crate::model::Provenance;
use crate::report::figure::FigureFormat;
use crate::scores::provenance::{FileProvenance, ModelProvenance};
use snapshot::{Everything, Implicit, Rows, SideOf, Snapshot, ending};
pub use snapshot::{Export, ExportRequest};

/// The name of a file that is being typed.
#[derive(Clone, Debug)]
pub struct ExportInput {
    pub name: Input,
    /// Every score of the session, not the visible table alone; none where there is no such choice.
    pub everything: Option<bool>,
}

impl App {
    /// Asks where what is shown is to go, with a name that says what it is.
    pub(super) fn ask_export(&mut self) -> Vec<Effect> {
        let Some(name) = self.export_name() else { return self.tell(Level::Info, "there is nothing to write yet") };
        let everything = self.view.is_table().then_some(false);
        self.overlay = Some(Overlay::Export(ExportInput { name: Input::with_text(name), everything }));
        Vec::new()
    }

    /// Whether the view has something that can be written.
    pub(super) fn has_something_to_write(&self) -> bool {
        match self.view {
            View::Statistics => self.statistics.shown().is_some_and(|shown| !shown.panels.is_empty()),
            View::Card => self.card.shown().is_some_and(|shown| shown.page.is_some()),
            View::Ablation => self.ablation.shown().is_some(),
            View::Words | View::Compare | View::Implicit | View::Models => {
                self.table().is_some_and(|table| !table.rows.is_empty())
            }
        }
    }

    fn export_name(&self) -> Option<String> {
        if !self.has_something_to_write() {
            return None;
        }
        Some(match self.view {
            View::Statistics => file_name(&format!("statistics-{}", self.statistics.shown()?.corpus)) + ".svg",
            View::Card => file_name(&format!("card-{}", self.card.shown()?.card()?.model)) + ".svg",
            View::Ablation => "ablation.svg".to_owned(),
            View::Words | View::Compare | View::Implicit | View::Models => self.table_name(self.table()?),
        })
    }

    fn table_name(&self, table: &RankedTable) -> String {
        let name = |id: Option<ModelId>| id.and_then(|id| self.model(id)).map(|model| model.spec.name.clone());
        let measure = (self.view == View::Implicit).then(|| self.implicit_measure(table).0.key().to_owned());
        let prompt = self.current_prompt().map(|prompt| prompt.prompt.label().to_owned());
        let parts = [measure, name(table.key.model), name(table.key.other), prompt];
        file_name(&parts.into_iter().flatten().collect::<Vec<_>>().join("-")) + ".csv"
    }

    /// What may stand at the end of a file's name in this view.
    pub fn export_endings(&self) -> &'static str {
        match self.view {
            View::Statistics | View::Ablation => ".svg or .png",
            View::Card => ".svg, .png, .md, .json or .txt",
            View::Implicit => ".csv, .jsonl, .parquet, .svg or .png",
            View::Words | View::Compare | View::Models => ".csv, .jsonl or .parquet",
        }
    }

    /// What is shown, under the name that was typed.
    pub(super) fn export(&mut self, path: &str, everything: bool) -> Vec<Effect> {
        self.overlay = None;
        let path = path.trim();
        if path.is_empty() {
            return Vec::new();
        }
        match self.snapshot(path, everything) {
            Some(what) => vec![Effect::Export(Box::new(ExportRequest { path: path.to_owned(), what }))],
            None => {
                let problem = format!("{path}: a name that ends with {} is needed", self.export_endings());
                self.exported(Err((path.to_owned(), problem)))
            }
        }
    }

    /// None for a name that ends in none of the ways that the view can be written.
    fn snapshot(&self, path: &str, everything: bool) -> Option<Snapshot> {
        let ending = ending(path);
        let draws = FigureFormat::from_path(Path::new(path)).is_some();
        let is_table = matches!(ending.as_str(), "csv" | "jsonl" | "parquet");
        Some(match self.view {
            View::Statistics if draws => Snapshot::Statistics(self.statistics.snapshot()?),
            View::Card if draws || matches!(ending.as_str(), "md" | "json" | "txt") => {
                Snapshot::Card(Box::new(self.card_page()?))
            }
            View::Ablation if draws => Snapshot::Ablation(self.ablation.snapshot()?),
            View::Implicit if draws => Snapshot::Implicit(Box::new(self.implicit_snapshot()?)),
            View::Words | View::Compare | View::Implicit if is_table && everything => {
                Snapshot::Everything(Box::new(self.everything()))
            }
            View::Words | View::Compare | View::Implicit if is_table => Snapshot::Rows(Box::new(self.rows()?)),
            _ => return None,
        })
    }

    /// What came of it; where it could not be written, with the name to go on with, which can be changed.
    pub(super) fn exported(&mut self, outcome: Result<String, (String, String)>) -> Vec<Effect> {
        match outcome {
            Ok(written) => self.tell(Level::Info, format!("written: {written}")),
            Err((name, problem)) => {
                if self.overlay.is_none() {
                    let everything = self.view.is_table().then_some(false);
                    self.overlay = Some(Overlay::Export(ExportInput { name: Input::with_text(name), everything }));
                }
                self.tell(Level::Error, problem)
            }
        }
    }

    /// Every score of the session's words: each opened model under each prompt.
    fn everything(&self) -> Everything {
        let prompts = || self.prompts.iter().map(|entry| &entry.prompt);
        let columns = |model: &Model| self.prompts.iter().map(|entry| self.score_table.column(model.id, entry.id)).collect();
        Everything {
            universe: self.universe.clone(),
            prompts: prompts().map(|prompt| prompt.label().to_owned()).collect(),
            models: self.models.iter().map(|model| (SideOf::model(model), columns(model))).collect(),
            origin: FileProvenance::new(self.models.iter().map(origin).collect(), prompts()).json(),
        }
    }

    fn rows(&self) -> Option<Rows> {
        let table = self.tables.snapshot(self.view)?;
        let prompt = self.prompts.iter().find(|prompt| Some(prompt.id) == table.key.prompt);
        let models = [table.key.model, table.key.other].map(|id| id.and_then(|id| self.model(id)));
        let measure = matches!(table.key.layout, Layout::Implicit(..)).then(|| self.implicit_measure(&table).0.key());
        let origins = models.iter().flatten().map(|model| origin(model)).collect();
        Some(Rows {
            prompt: prompt.map_or_else(String::new, |prompt| prompt.prompt.label().to_owned()),
            sides: models.map(|model| model.map(SideOf::model).unwrap_or_default()),
            measure,
            origin: FileProvenance::new(origins, self.current_prompt().map(|prompt| &prompt.prompt)).json(),
            table,
        })
    }

    fn implicit_snapshot(&self) -> Option<Implicit> {
        let table = self.tables.snapshot(View::Implicit)?;
        let prompt = self.current_prompt().map(|entry| entry.prompt.text.to_string()).unwrap_or_default();
        let (models, (measure, _)) = (self.implicit_names(&table), self.implicit_measure(&table));
        let note = self.asked_differently().into_iter().map(|difference| difference.text).collect::<Vec<_>>().join(" ");
        Some(Implicit { table, models, measure, prompt, note })
    }
}

fn origin(model: &Model) -> ModelProvenance {
    let unknown = || Provenance::of_recorded(model.spec.name.clone());
    let provenance = model.info.as_ref().map_or_else(unknown, |info| info.provenance.clone());
    ModelProvenance { model: model.spec.name.clone(), provenance, key: model.key.as_deref().cloned() }
}

/// A name that every file system takes.
fn file_name(text: &str) -> String {
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
