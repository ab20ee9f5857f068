//! Words and their scores on their way into a file: of a table exactly its rows, in their order; or every score of the session.

use std::sync::Arc;

use serde_json::Value;

use super::{Export, Snapshot};
use crate::app::table::{RankedTable, ScoreColumn, SideScores, TableKind};
use crate::app::{App, Model, Universe};
use crate::base::terms::WordId;
use crate::scores::provenance::{FileProvenance, ModelProvenance};
use crate::tables::columns::{ColumnTable, Values};
use crate::tables::long::{LongTable, LongWord};

/// A table as it is shown.
#[derive(Debug)]
pub(in crate::app) struct TableRows {
    table: Arc<RankedTable>,
    prompt: String,
    models: [NamedModel; 2],
    measure: Option<&'static str>,
    origin: Value,
}

/// Every score of a session.
#[derive(Debug)]
pub(in crate::app) struct AllScores {
    universe: Arc<Universe>,
    prompts: Vec<String>,
    /// Each with its columns, one a prompt.
    models: Vec<(NamedModel, Vec<ScoreColumn>)>,
    origin: Value,
}

/// A model, as far as a file names it.
#[derive(Debug, Default)]
struct NamedModel {
    name: String,
}

impl Snapshot for TableRows {
    fn build(&self, _ending: &str) -> Result<Export, String> {
        Ok(Export::ColumnTable { sheet: self.sheet(), origin: self.origin.clone() })
    }
}

impl Snapshot for AllScores {
    fn build(&self, _ending: &str) -> Result<Export, String> {
        Ok(Export::ColumnTable { sheet: self.sheet(), origin: self.origin.clone() })
    }
}

impl App {
    /// Every score of the session's words: each opened model under each prompt.
    pub(in crate::app) fn everything(&self) -> AllScores {
        let prompts = || self.prompts.iter().map(|entry| &entry.prompt);
        let columns = |model: &Model| self.prompts.iter().map(|entry| self.score_table.column(model.id, entry.id)).collect();
        AllScores {
            universe: self.universe.clone(),
            prompts: prompts().map(|prompt| prompt.label().to_owned()).collect(),
            models: self.models.iter().map(|model| (NamedModel::from(model), columns(model))).collect(),
            origin: FileProvenance::new(self.models.iter().map(origin).collect(), prompts()).json(),
        }
    }

    /// The rows of the table that is shown.
    pub(in crate::app) fn rows(&self) -> Option<TableRows> {
        let table = self.shown_table()?.clone();
        let prompt = self.prompts.iter().find(|prompt| Some(prompt.id) == table.key.prompt);
        let models = [table.key.model, table.key.other].map(|id| id.and_then(|id| self.model(id)));
        let measure = matches!(table.key.kind, TableKind::Implicit(..)).then(|| self.implicit_measure(&table).0.key());
        let origins = models.iter().flatten().map(|model| origin(model)).collect();
        Some(TableRows {
            prompt: prompt.map_or_else(String::new, |prompt| prompt.prompt.label().to_owned()),
            models: models.map(|model| model.map(NamedModel::from).unwrap_or_default()),
            measure,
            origin: FileProvenance::new(origins, self.current_prompt().map(|prompt| &prompt.prompt)).json(),
            table,
        })
    }
}

fn origin(model: &Model) -> ModelProvenance {
    ModelProvenance { model: model.spec.name.clone(), provenance: model.provenance(), key: model.key.as_deref().cloned() }
}

impl From<&Model> for NamedModel {
    fn from(model: &Model) -> NamedModel {
        NamedModel { name: model.spec.name.clone() }
    }
}

impl AllScores {
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
                let score = |id: &WordId| column.get(id.0 as usize).copied().unwrap_or(f64::NAN);
                let scores: Vec<f64> = self.universe.ids.iter().map(score).collect();
                long.add(&model.name, prompt, &words, &scores);
            }
        }
        long.columns()
    }
}

impl TableRows {
    fn sheet(&self) -> ColumnTable {
        let table = &self.table;
        let [model, other] = &self.models;
        let rows: Vec<usize> = table.rows.iter().map(|&row| row as usize).collect();
        let universe = &table.universe;
        let text = |text: &str| Values::Text(vec![text.into(); rows.len()]);
        let mut sheet = ColumnTable::default();
        if !matches!(table.key.kind, TableKind::Compare(_)) {
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
                    numbers(&mut sheet, side, &rows, &format!("{} ", of.name));
                }
                sheet.add("difference", picked(&table.differences, &rows));
            }
            None => {
                if let Some(logs) = &table.log_probabilities {
                    sheet.add("against", text(&other.name));
                    for (name, log) in ["log p", "log p against"].into_iter().zip(logs) {
                        sheet.add(name, picked(log, &rows));
                    }
                }
                if let Some(measure) = self.measure {
                    sheet.add("measure", text(measure));
                }
                numbers(&mut sheet, &table.left, &rows, "");
                if table.prompts.len() > 1 {
                    let mean = |&row: &usize| {
                        let z: Vec<f64> = table.prompts.iter().filter_map(|p| p.z(table.universe.ids[row])).collect();
                        crate::stats::mean_sd(&z).map_or(f64::NAN, |(mean, _)| mean)
                    };
                    sheet.add("mean z over prompts", Values::Number(rows.iter().map(mean).collect()));
                }
            }
        }
        if let Some(scatter) = &table.scatter {
            sheet.add(&*scatter.relation.column, picked(&scatter.ratings, &rows));
        }
        let tokens: Vec<Option<i64>> = rows.iter().map(|&row| table.universe.token(row).map(i64::from)).collect();
        if tokens.iter().any(Option::is_some) {
            sheet.add("token_id", Values::Integer(tokens));
        }
        sheet
    }
}

fn numbers(sheet: &mut ColumnTable, side: &SideScores, rows: &[usize], before: &str) {
    sheet.add(format!("{before}score"), picked(&side.scores, rows));
    sheet.add(format!("{before}rank"), picked(&side.ranks, rows));
    sheet.add(format!("{before}z"), picked(&side.z, rows));
}

fn picked(values: &[f64], rows: &[usize]) -> Values {
    Values::Number(rows.iter().map(|&row| values.get(row).copied().unwrap_or(f64::NAN)).collect())
}
