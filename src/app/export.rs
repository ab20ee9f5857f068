//! The table on the screen on its way into a file: exactly its rows, in their order, with what the numbers rest on.
//!
//! Builds the columns; who performs the effect writes them.

use std::sync::Arc;

use serde_json::Value;

use super::input::Input;
use super::table::{Layout, RankedTable, Side};
use super::{App, Effect, Level, Model, Overlay, View};
use crate::model::Provenance;
use crate::scores::export::shortest;
use crate::scores::origin::{ModelOrigin, Origin};
use crate::scores::sheet::{Sheet, Values};

/// A table to be written, and what it rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Export {
    /// As it was typed.
    pub path: String,
    pub sheet: Sheet,
    pub origin: Value,
}

impl App {
    /// Asks where the table is to go, with a name that says what it is.
    pub(super) fn ask_export(&mut self) -> Vec<Effect> {
        if self.view == View::Statistics {
            let Some(shown) = self.statistics.shown().filter(|shown| !shown.panels.is_empty()) else {
                return self.tell(Level::Info, "there are no statistics to draw yet");
            };
            let name = file_name(&format!("statistics-{}", shown.corpus));
            self.overlay = Some(Overlay::Export(Input::with_text(format!("{name}.svg"))));
            return Vec::new();
        }
        if self.table().is_none_or(|table| table.rows.is_empty()) {
            return self.tell(Level::Info, "there is no table to export yet");
        }
        let name = |model: Option<&Model>| model.map(|model| model.spec.name.clone());
        let other = self.table().and_then(|table| table.right.as_ref()).and(name(self.other()));
        let prompt = self.current_prompt().map(|prompt| prompt.prompt.label().to_owned());
        let parts: Vec<String> = name(self.focused()).into_iter().chain(other).chain(prompt).collect();
        self.overlay = Some(Overlay::Export(Input::with_text(format!("{}.csv", file_name(&parts.join("-"))))));
        Vec::new()
    }

    /// The table under the name that was typed.
    pub(super) fn export(&mut self, path: &str) -> Vec<Effect> {
        self.overlay = None;
        let path = path.trim();
        if self.view == View::Statistics {
            let Some(shown) = self.statistics.shown().filter(|_| !path.is_empty()) else { return Vec::new() };
            return vec![Effect::Draw { path: path.to_owned(), figure: Box::new(shown.figure()) }];
        }
        let Some(table) = self.table().filter(|_| !path.is_empty()) else { return Vec::new() };
        let sheet = self.sheet(table);
        let models = [self.focused(), table.right.as_ref().and(self.other())].into_iter().flatten().map(origin).collect();
        let origin = Origin::new(models, self.current_prompt().map(|prompt| &prompt.prompt)).json();
        vec![Effect::Export(Box::new(Export { path: path.to_owned(), sheet, origin }))]
    }

    /// What came of it; where it could not be written, the name can be changed.
    pub(super) fn exported(&mut self, outcome: Result<String, (String, String)>) -> Vec<Effect> {
        match outcome {
            Ok(written) => self.tell(Level::Info, format!("written: {written}")),
            Err((path, problem)) => {
                if self.overlay.is_none() {
                    self.overlay = Some(Overlay::Export(Input::with_text(path.clone())));
                }
                self.tell(Level::Error, format!("{path}: {problem}"))
            }
        }
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
                numbers(&mut sheet, &table.left, &rows, model(table.key.model).is_some_and(|model| !model.is_recorded()), "");
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

fn numbers(sheet: &mut Sheet, side: &Side, rows: &[usize], live: bool, before: &str) {
    // What was computed is f32, and written with the digits of an f32.
    let exact = |score: f64| if live && !score.is_nan() { shortest(score as f32) } else { score };
    let scores = rows.iter().map(|&row| side.scores.get(row).copied().map_or(f64::NAN, exact)).collect();
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
    ModelOrigin { model: model.spec.name.clone(), provenance, key: None }
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
