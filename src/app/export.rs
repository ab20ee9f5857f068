//! What is on the screen on its way into a file: of a table exactly its rows, in their order, with what the numbers rest on; of
//! what is drawn, a picture.
//!
//! Builds columns and pictures; who performs the effect writes them.

use std::sync::Arc;

use serde_json::Value;

use super::input::Input;
use super::table::{Layout, RankedTable, Side};
use super::{App, Effect, Level, Model, Overlay, View};
use crate::figure::{self, FigureFormat, LinesFigure};
use crate::model::Provenance;
use crate::scores::export::shortest;
use crate::scores::origin::{ModelOrigin, Origin};
use crate::scores::sheet::{LongSheet, LongWord, Sheet, Values};
use crate::scores::{ModelId, WordId};

/// The name of a file that is being typed.
#[derive(Clone, Debug)]
pub struct ExportInput {
    pub name: Input,
    /// Every score of the session, not the visible table alone; none where there is no such choice.
    pub everything: Option<bool>,
}

/// A table to be written, and what it rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Export {
    /// As it was typed.
    pub path: String,
    pub sheet: Sheet,
    pub origin: Value,
}

impl App {
    /// Asks where what is shown is to go, with a name that says what it is.
    pub(super) fn ask_export(&mut self) -> Vec<Effect> {
        let name = match self.view {
            View::Statistics => self.statistics.shown().filter(|shown| !shown.panels.is_empty()).map(|shown| {
                let name = file_name(&format!("statistics-{}", shown.corpus));
                format!("{name}.svg")
            }),
            View::Card => self.card_page().map(|page| file_name(&format!("card-{}", page.card.model)) + ".svg"),
            View::Ablation => self.ablation.shown().map(|_| "ablation.svg".to_owned()),
            View::Words | View::Compare | View::Implicit | View::Models => self.table_name(),
        };
        match name {
            Some(name) => {
                self.overlay = Some(Overlay::Export(ExportInput {
                    name: Input::with_text(name),
                    everything: self.view.is_table().then_some(false),
                }))
            }
            None => return self.tell(Level::Info, "there is nothing to write yet"),
        }
        Vec::new()
    }

    fn table_name(&self) -> Option<String> {
        let table = self.table().filter(|table| !table.rows.is_empty())?;
        let name = |id: Option<ModelId>| id.and_then(|id| self.model(id)).map(|model| model.spec.name.clone());
        let measure = (self.view == View::Implicit).then(|| self.implicit_measure(table).0.key().to_owned());
        let prompt = self.current_prompt().map(|prompt| prompt.prompt.label().to_owned());
        let parts = [measure, name(table.key.model), name(table.key.other), prompt];
        Some(file_name(&parts.into_iter().flatten().collect::<Vec<_>>().join("-")) + ".csv")
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
        match self.exported_as(path, everything) {
            Some(effect) => vec![effect],
            None => self.exported(Err((path.to_owned(), format!("a name that ends with {} is needed", self.export_endings())))),
        }
    }

    /// None for a name that ends in none of the ways that the view can be written.
    fn exported_as(&self, path: &str, everything: bool) -> Option<Effect> {
        let ending = std::path::Path::new(path).extension().map(|ending| ending.to_string_lossy().to_lowercase());
        let draws = FigureFormat::of(std::path::Path::new(path)).is_some();
        let path = path.to_owned();
        let figure = match self.view {
            _ if !draws => None,
            View::Statistics => Some(self.statistics.shown()?.figure()),
            View::Card => Some(self.card_page()?.figure()),
            View::Ablation => Some(figure::lines(&LinesFigure::of(self.ablation.shown()?))),
            View::Implicit => Some(self.implicit_figure(self.table()?)),
            View::Words | View::Compare | View::Models => None,
        };
        if let Some(figure) = figure {
            return Some(Effect::Draw { path, figure: Box::new(figure) });
        }
        match (self.view, ending.as_deref()) {
            (View::Card, Some("md")) => Some(Effect::Write { path, text: self.card_page()?.markdown() }),
            (View::Card, Some("json")) => Some(Effect::Write { path, text: self.card_page()?.json().ok()? }),
            (View::Card, Some("txt")) => Some(Effect::Write { path, text: self.card_page()?.text() }),
            (View::Words | View::Compare | View::Implicit, Some("csv" | "jsonl" | "parquet")) if everything => {
                let models = self.models.iter().map(origin).collect();
                let prompts = self.prompts.iter().map(|entry| &entry.prompt);
                let origin = Origin::new(models, prompts).json();
                Some(Effect::Export(Box::new(Export { path, sheet: self.everything(), origin })))
            }
            (View::Words | View::Compare | View::Implicit, Some("csv" | "jsonl" | "parquet")) => {
                let table = self.table()?;
                let models = [table.key.model, table.key.other];
                let models = models.into_iter().flatten().filter_map(|id| self.model(id)).map(origin).collect();
                let origin = Origin::new(models, self.current_prompt().map(|prompt| &prompt.prompt)).json();
                Some(Effect::Export(Box::new(Export { path, sheet: self.sheet(table), origin })))
            }
            _ => None,
        }
    }

    /// What came of it; where it could not be written, the name can be changed.
    pub(super) fn exported(&mut self, outcome: Result<String, (String, String)>) -> Vec<Effect> {
        match outcome {
            Ok(written) => self.tell(Level::Info, format!("written: {written}")),
            Err((path, problem)) => {
                if self.overlay.is_none() {
                    let everything = self.view.is_table().then_some(false);
                    self.overlay = Some(Overlay::Export(ExportInput { name: Input::with_text(path.clone()), everything }));
                }
                self.tell(Level::Error, format!("{path}: {problem}"))
            }
        }
    }

    /// Every score of the session's words: each opened model under each prompt.
    fn everything(&self) -> Sheet {
        let corpus = &self.universe.corpus;
        let words: Vec<LongWord> = (0..corpus.words.len())
            .map(|at| LongWord {
                text: corpus.words[at].text.clone(),
                categories: corpus.categories_of(&corpus.words[at]).map(str::to_owned).collect(),
                token: self.universe.token(at),
            })
            .collect();
        let mut long = LongSheet::default();
        for model in &self.models {
            for entry in &self.prompts {
                let column = self.book.column(model.id, entry.id);
                let score = |id: &WordId| column.get(id.0 as usize).map_or(f64::NAN, |&score| exact(score, !model.is_recorded()));
                let scores: Vec<f64> = self.universe.ids.iter().map(score).collect();
                long.add(&model.spec.name, entry.prompt.label(), &words, &scores);
            }
        }
        long.sheet()
    }

    fn sheet(&self, table: &RankedTable) -> Sheet {
        let rows: Vec<usize> = table.rows.iter().map(|&row| row as usize).collect();
        let corpus = &table.universe.corpus;
        let text = |text: &str| Values::Text(vec![text.into(); rows.len()]);
        let prompt = self.prompts.iter().find(|prompt| Some(prompt.id) == table.key.prompt);
        let mut sheet = Sheet::default();
        let model = |id| self.models.iter().find(|model| Some(model.id) == id);
        let compares = matches!(table.key.layout, Layout::Compare(_));
        if !compares {
            sheet.add("model", text(model(table.key.model).map_or("", |model| &model.spec.name)));
        }
        sheet.add("prompt", text(prompt.map_or("", |prompt| prompt.prompt.label())));
        let words: Vec<Arc<str>> = rows.iter().map(|&row| corpus.words[row].text.clone()).collect();
        sheet.add("word", Values::Text(words));
        let categories = |&row: &usize| corpus.categories_of(&corpus.words[row]).map(str::to_owned).collect();
        sheet.add("categories", Values::Names(rows.iter().map(categories).collect()));
        match &table.right {
            Some(right) => {
                for (side, id) in [(&table.left, table.key.model), (right, table.key.other)] {
                    let name = model(id).map_or("", |model| &model.spec.name);
                    let live = model(id).is_some_and(|model| !model.is_recorded());
                    numbers(&mut sheet, side, &rows, live, &format!("{name} "));
                }
                sheet.add("difference", picked(&table.differences, &rows));
            }
            None => {
                if let Some(logs) = &table.log_probabilities {
                    sheet.add("against", text(model(table.key.other).map_or("", |model| &model.spec.name)));
                    for (name, log) in ["log p", "log p against"].into_iter().zip(logs) {
                        sheet.add(name, Values::Number(rows.iter().map(|&row| exact(log[row], true)).collect()));
                    }
                }
                if matches!(table.key.layout, Layout::Implicit(..)) {
                    sheet.add("measure", text(self.implicit_measure(table).0.key()));
                }
                // Of two models it is made here, in f64.
                let as_computed = table.log_probabilities.is_none();
                let live = as_computed && model(table.key.model).is_some_and(|model| !model.is_recorded());
                numbers(&mut sheet, &table.left, &rows, live, "");
                if table.prompts.len() > 1 {
                    let mean = |&row: &usize| {
                        let z: Vec<f64> = table.prompts.iter().filter_map(|p| p.z(table.universe.ids[row])).collect();
                        crate::stats::mean_sd(&z).map_or(f64::NAN, |(mean, _)| mean)
                    };
                    sheet.add("mean z over prompts", Values::Number(rows.iter().map(mean).collect()));
                }
            }
        }
        let tokens: Vec<Option<i64>> = rows.iter().map(|&row| table.universe.token(row).map(i64::from)).collect();
        if tokens.iter().any(Option::is_some) {
            sheet.add("token_id", Values::Integer(tokens));
        }
        sheet
    }
}

/// What an engine computed is f32, and written with the digits of an f32.
fn exact(score: f64, live: bool) -> f64 {
    if live && !score.is_nan() { shortest(score as f32) } else { score }
}

fn numbers(sheet: &mut Sheet, side: &Side, rows: &[usize], live: bool, before: &str) {
    let scores = rows.iter().map(|&row| side.scores.get(row).map_or(f64::NAN, |&score| exact(score, live))).collect();
    sheet.add(format!("{before}score"), Values::Number(scores));
    sheet.add(format!("{before}rank"), picked(&side.ranks, rows));
    sheet.add(format!("{before}z"), picked(&side.z, rows));
}

fn picked(values: &[f64], rows: &[usize]) -> Values {
    Values::Number(rows.iter().map(|&row| values.get(row).copied().unwrap_or(f64::NAN)).collect())
}

fn origin(model: &Model) -> ModelOrigin {
    let unknown = || Provenance::of_recorded(model.spec.name.clone());
    let provenance = model.info.as_ref().map_or_else(unknown, |info| info.provenance.clone());
    ModelOrigin { model: model.spec.name.clone(), provenance, key: model.key.as_deref().cloned() }
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
