//! What was on the screen when it was asked for, and what is made of it for a file. Making it can take seconds, so it is done
//! on another thread; a snapshot shares what it holds with the state that goes on.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use crate::app::statistics::Statistics;
use crate::app::table::{Column, Layout, RankedTable, Side};
use crate::app::{Model, Universe};
use crate::base::terms::{Family, Measure, WordId};
use crate::report::card::CardPage;
use crate::report::figure;
use crate::report::figure::{Figure, LinesFigure, Lollipop, LollipopFigure};
use crate::stats::ablation::Ablation;
use crate::tables::columns::{ColumnTable, LongTable, LongWord, Values};
use crate::tables::long::shortest;

/// What is to be written, and under which name, as it was typed.
#[derive(Clone, Debug)]
pub struct ExportRequest {
    pub path: String,
    pub(super) what: Snapshot,
}

/// What is written.
#[derive(Debug)]
pub enum Export {
    /// A table, and what its numbers rest on.
    ColumnTable {
        sheet: ColumnTable,
        origin: Value,
    },
    Figure(Figure),
    Text(String),
}

#[derive(Clone, Debug)]
pub(super) enum Snapshot {
    Rows(Box<Rows>),
    Everything(Box<Everything>),
    Statistics(Arc<Statistics>),
    Card(Box<CardPage>),
    Implicit(Box<Implicit>),
    Ablation(Arc<Ablation>),
}

/// A table as it stands.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    pub(super) table: Arc<RankedTable>,
    pub(super) prompt: String,
    pub(super) sides: [SideOf; 2],
    pub(super) measure: Option<&'static str>,
    pub(super) origin: Value,
}

/// Every score of a session.
#[derive(Clone, Debug)]
pub(super) struct Everything {
    pub(super) universe: Arc<Universe>,
    pub(super) prompts: Vec<String>,
    /// Each with its columns, one a prompt.
    pub(super) models: Vec<(SideOf, Vec<Column>)>,
    pub(super) origin: Value,
}

/// A model, as far as a table says of it.
#[derive(Clone, Debug, Default)]
pub(super) struct SideOf {
    name: String,
    live: bool,
}

/// Two language models, and what one likes more.
#[derive(Clone, Debug)]
pub(super) struct Implicit {
    pub(super) table: Arc<RankedTable>,
    pub(super) models: [(String, Family); 2],
    pub(super) measure: Measure,
    pub(super) prompt: String,
    /// What makes the numbers doubtful.
    pub(super) note: String,
}

impl ExportRequest {
    /// Makes what is written. Cost: O(words), and for everything O(words · models · prompts).
    ///
    /// # Errors
    /// Where a card cannot be told in JSON.
    pub fn build(&self) -> Result<Export, String> {
        Ok(match &self.what {
            Snapshot::Rows(rows) => Export::ColumnTable { sheet: rows.sheet(), origin: rows.origin.clone() },
            Snapshot::Everything(all) => Export::ColumnTable { sheet: all.sheet(), origin: all.origin.clone() },
            Snapshot::Statistics(shown) => Export::Figure(shown.figure()),
            Snapshot::Implicit(of) => Export::Figure(of.figure()),
            Snapshot::Ablation(found) => Export::Figure(figure::lines(&LinesFigure::new(found))),
            Snapshot::Card(page) => match ending(&self.path).as_str() {
                "md" => Export::Text(page.markdown()),
                "json" => Export::Text(page.json().map_err(|error| error.to_string())?),
                "txt" => Export::Text(page.text()),
                _ => Export::Figure(page.figure()),
            },
        })
    }
}

/// How a file's name ends, in lower case.
pub(super) fn ending(path: &str) -> String {
    Path::new(path).extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default()
}

impl SideOf {
    pub(super) fn model(model: &Model) -> SideOf {
        SideOf { name: model.spec.name.clone(), live: !model.is_recorded() }
    }
}

impl Everything {
    fn sheet(&self) -> ColumnTable {
        let universe = &self.universe;
        let words: Vec<LongWord> = (0..universe.len())
            .map(|at| LongWord {
                text: universe.text(at).clone(),
                categories: universe.category_names(at).into_iter().map(str::to_owned).collect(),
                token: universe.token(at),
                own: universe.is_own(at),
            })
            .collect();
        let mut long = LongTable::default();
        for (model, columns) in &self.models {
            for (prompt, column) in self.prompts.iter().zip(columns) {
                let score = |id: &WordId| column.get(id.0 as usize).map_or(f64::NAN, |&score| exact(score, model.live));
                let scores: Vec<f64> = self.universe.ids.iter().map(score).collect();
                long.add(&model.name, prompt, &words, &scores);
            }
        }
        long.sheet()
    }
}

impl Rows {
    fn sheet(&self) -> ColumnTable {
        let table = &self.table;
        let [model, other] = &self.sides;
        let rows: Vec<usize> = table.rows.iter().map(|&row| row as usize).collect();
        let universe = &table.universe;
        let text = |text: &str| Values::Text(vec![text.into(); rows.len()]);
        let mut sheet = ColumnTable::default();
        if !matches!(table.key.layout, Layout::Compare(_)) {
            sheet.add("model", text(&model.name));
        }
        sheet.add("prompt", text(&self.prompt));
        let words: Vec<Arc<str>> = rows.iter().map(|&row| universe.text(row).clone()).collect();
        sheet.add("word", Values::Text(words));
        let categories = |&row: &usize| universe.category_names(row).into_iter().map(str::to_owned).collect();
        sheet.add("categories", Values::Names(rows.iter().map(categories).collect()));
        match &table.right {
            Some(right) => {
                for (side, of) in [(&table.left, model), (right, other)] {
                    numbers(&mut sheet, side, &rows, of.live, &format!("{} ", of.name));
                }
                sheet.add("difference", picked(&table.differences, &rows));
            }
            None => {
                if let Some(logs) = &table.log_probabilities {
                    sheet.add("against", text(&other.name));
                    for (name, log) in ["log p", "log p against"].into_iter().zip(logs) {
                        sheet.add(name, Values::Number(rows.iter().map(|&row| exact(log[row], true)).collect()));
                    }
                }
                if let Some(measure) = self.measure {
                    sheet.add("measure", text(measure));
                }
                // Of two models it is made here, in f64.
                let as_computed = table.log_probabilities.is_none();
                numbers(&mut sheet, &table.left, &rows, as_computed && model.live, "");
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

impl Implicit {
    fn figure(&self) -> Figure {
        let (table, corpus) = (&self.table, &self.table.universe.corpus);
        let mut known: Vec<usize> = (0..corpus.words.len()).filter(|&i| !table.left.ranks[i].is_nan()).collect();
        known.sort_by(|&i, &j| table.left.ranks[i].total_cmp(&table.left.ranks[j]));
        let word = |&i: &usize| Lollipop {
            word: corpus.words[i].text.to_string(),
            categories: corpus.categories_of(&corpus.words[i]).map(str::to_owned).collect(),
            value: table.left.scores[i],
        };
        let own = match table.universe.own.len() {
            0 => String::new(),
            1 => "1 own word is not drawn".to_owned(),
            own => format!("{own} own words are not drawn"),
        };
        let notes: Vec<&str> = [self.note.as_str(), &own].into_iter().filter(|note| !note.is_empty()).collect();
        figure::lollipops(&LollipopFigure {
            models: self.models.clone(),
            measure: self.measure,
            words: known.iter().map(word).collect(),
            prompt: self.prompt.clone(),
            note: notes.join("; "),
        })
    }
}

/// What an engine computed is f32, and written with the digits of an f32.
fn exact(score: f64, live: bool) -> f64 {
    if live && !score.is_nan() { shortest(score as f32) } else { score }
}

fn numbers(sheet: &mut ColumnTable, side: &Side, rows: &[usize], live: bool, before: &str) {
    let scores = rows.iter().map(|&row| side.scores.get(row).map_or(f64::NAN, |&score| exact(score, live))).collect();
    sheet.add(format!("{before}score"), Values::Number(scores));
    sheet.add(format!("{before}rank"), picked(&side.ranks, rows));
    sheet.add(format!("{before}z"), picked(&side.z, rows));
}

fn picked(values: &[f64], rows: &[usize]) -> Values {
    Values::Number(rows.iter().map(|&row| values.get(row).copied().unwrap_or(f64::NAN)).collect())
}
