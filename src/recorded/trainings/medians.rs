//! Tables of median ranks, a row for each model, category and checkpoint, as the study's authors published them.

use std::collections::{BTreeSet, HashMap};

use super::ordered::Ordered;
use super::{Columns, Reader, thousands};
use crate::base::file_error::FileError;
use crate::stats::ablation::{Point, Run, Series, Training};
use crate::tables::read::{Row, Table};

/// What stands for "not known" in a column of names.
const MISSING: [&str; 5] = ["", "NA", "NaN", "null", "None"];

/// A row whose median is known.
struct Median {
    /// Its family as the row says it.
    training: Training,
    category: String,
    checkpoint: u64,
    rank: f64,
}

/// What tells trainings of one file apart: model, family, thousands of pairs, source, method, prompt.
type Key = (String, Option<String>, Option<u64>, Option<String>, Option<String>, Option<String>);

/// Median ranks by category, then checkpoint.
type ByCategory = Ordered<String, Ordered<u64, f64>>;

impl Reader<'_> {
    pub(super) fn medians(&mut self, table: &mut Table, columns: &Columns) -> Result<Vec<Run>, FileError> {
        let mut medians: Vec<Median> = Vec::new();
        let mut missing = 0;
        while let Some(row) = table.next_row()? {
            let Some(checkpoint) = self.step(table, &row, columns.checkpoint)? else { continue };
            let rank = table.number(&row, columns.median)?;
            if rank.is_nan() {
                missing += 1;
                continue;
            }
            let category = row.text(columns.category).trim().to_owned();
            medians.push(Median { training: self.training(&row, columns), category, checkpoint, rank });
        }
        self.fill_in_families(&mut medians);
        let mut differing = 0;
        let mut runs: Ordered<Key, (Training, ByCategory)> = Ordered::default();
        for Median { training, category, checkpoint, rank } in medians {
            let (_, series) = runs.entry(&key(&training), || (training, Ordered::default()));
            let known = *series.entry(&category, Ordered::default).entry(&checkpoint, || rank);
            differing += usize::from(known != rank);
        }
        self.note(missing, "rows without a median were passed over");
        self.note(differing, "rows repeat a model, category and checkpoint with another median; the first one counts");
        let series = |(category, points): (String, Ordered<u64, f64>)| {
            let point = |(checkpoint, median_rank)| Point { checkpoint, median_rank };
            Series::new(category, points.into_entries().into_iter().map(point).collect())
        };
        let run = |(_, (training, of)): (Key, (Training, ByCategory))| {
            let mut series: Vec<Series> = of.into_entries().into_iter().filter_map(series).collect();
            series.sort_by(|a, b| a.category.cmp(&b.category));
            Run { training, words: None, series, moved: Vec::new() }
        };
        Ok(runs.into_entries().into_iter().map(run).collect())
    }

    /// A row that does not say its base model has that of the model's other rows, where these agree, or the one that its
    /// name tells.
    fn fill_in_families(&self, medians: &mut [Median]) {
        let mut said: HashMap<String, BTreeSet<String>> = HashMap::new();
        for Median { training, .. } in medians.iter() {
            said.entry(training.model.clone()).or_default().extend(training.family.clone());
        }
        for Median { training, .. } in medians.iter_mut().filter(|median| median.training.family.is_none()) {
            let mut known = said.get(&training.model).into_iter().flatten();
            training.family = match (known.next(), known.next()) {
                (Some(only), None) => Some(only.clone()),
                _ => self.family(&training.model),
            };
        }
    }

    fn training(&self, row: &Row, columns: &Columns) -> Training {
        let text = |column: Option<usize>| {
            let text = row.text(column?).trim().to_owned();
            (!MISSING.iter().any(|missing| text.eq_ignore_ascii_case(missing))).then_some(text)
        };
        let of_file = self.of_file.clone();
        let other = &columns.other;
        Training {
            family: text(other.base),
            data_size_k: text(other.size).and_then(|size| thousands(&size)).or(of_file.data_size_k),
            data_source: text(other.source).or(of_file.data_source),
            method: text(other.method).or(of_file.method),
            prompt: text(other.prompt),
            file: of_file.file,
            model: row.text(columns.model).trim().to_owned(),
        }
    }
}

fn key(training: &Training) -> Key {
    let Training { model, family, data_size_k, data_source, method, prompt, file: _ } = training.clone();
    (model, family, data_size_k.map(f64::to_bits), data_source, method, prompt)
}
