//! A row for each score: `model,prompt,word,…,score,…`, of one model, whose column may be missing.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::labels::Labels;
use super::{MOST_CELLS, Repeats, WORD, column, no_words, notes};
use crate::base::file_error::FileError;
use crate::recorded::scores::Recorded;
use crate::tables::read;
use crate::tables::read::Table;

const MODEL: [&str; 3] = ["model", "model_id", "model_name"];
/// What columns of scores are called, the likeliest first.
const SCORE: [&str; 11] =
    ["score", "reward", "value", "logprob", "log_prob", "log_probability", "logp", "logit", "scores", "rewards", "reward_score"];

/// The indices of the columns that are read.
pub(super) struct LongColumns {
    model: Option<usize>,
    prompt: usize,
    word: usize,
    score: usize,
}

impl LongColumns {
    /// None of another layout: there is no column of prompts. `variable` and `name` are those that `pandas.melt` and R's
    /// `pivot_longer` give one, beside `value`.
    ///
    /// # Errors
    /// A column of prompts and none of scores.
    pub(super) fn of(path: &Path, header: &[String]) -> Result<Option<LongColumns>, FileError> {
        let melted = || column(header, &["value"]).and(column(header, &["variable", "name"]));
        let Some(prompt) = column(header, &["prompt"]).or_else(melted) else { return Ok(None) };
        let Some(word) = column(header, &WORD) else { return Ok(None) };
        let Some(score) = column(header, &SCORE) else {
            let problem =
                format!("it has a column of prompts, and so a row for each score, but none of scores: {}", header.join(", "));
            return Err(FileError::file(path, problem, "Name the column of scores `score`"));
        };
        Ok(Some(LongColumns { model: column(header, &MODEL), prompt, word, score }))
    }
}

/// The model that a file of this layout names in its first row.
pub(super) fn model(path: &Path) -> Option<String> {
    let (header, row) = read::first(path).ok()?;
    let model = row?.text(LongColumns::of(path, &header).ok()??.model?).trim().to_owned();
    (!model.is_empty()).then_some(model)
}

/// Names in the order in which they come up.
#[derive(Default)]
struct Index {
    names: Vec<Arc<str>>,
    places: HashMap<Arc<str>, usize>,
}

impl Index {
    fn place(&mut self, name: &str) -> usize {
        if let Some(&place) = self.places.get(name) {
            return place;
        }
        let name: Arc<str> = name.into();
        self.places.insert(name.clone(), self.names.len());
        self.names.push(name);
        self.names.len() - 1
    }
}

pub(super) fn read(
    path: &Path,
    table: &mut Table,
    columns: &LongColumns,
    labels: &Labels,
    repeats: Repeats,
) -> Result<Recorded, FileError> {
    let (mut words, mut prompts) = (Index::default(), Index::default());
    let mut model: Option<String> = None;
    let mut cells: HashMap<(usize, usize), f64> = HashMap::new();
    let (mut empty, mut differing) = (0, 0);
    while let Some(row) = table.next_row()? {
        let of = columns.model.map(|model| row.text(model)).unwrap_or_default();
        if model.get_or_insert_with(|| of.clone().into_owned()) != &*of {
            let problem = format!("holds scores of more than one model: {} and {of}", model.unwrap_or_default());
            return Err(FileError::file(path, problem, "Export one model to a file, so that each can be opened"));
        }
        let word = row.text(columns.word);
        if word.is_empty() {
            empty += 1;
            continue;
        }
        let at = (prompts.place(&row.text(columns.prompt)), words.place(&word));
        let score = table.number(&row, columns.score)?;
        let known = cells.entry(at).or_insert(score);
        let (counts, differs) = repeats.of(*known, score);
        *known = counts;
        differing += usize::from(differs);
    }
    if words.names.is_empty() {
        return Err(no_words(path));
    }
    fits(path, prompts.names.len(), words.names.len(), cells.len())?;
    let mut scores = vec![vec![f64::NAN; words.names.len()]; prompts.names.len()];
    for ((prompt, word), score) in cells {
        scores[prompt][word] = score;
    }
    let names = || prompts.names.iter().map(|label| &**label);
    let mut notes = notes(empty, differing, table.not_finite());
    notes.extend(labels.note(names()));
    let prompts = labels.prompts(path, names())?;
    notes.extend(other_scores(&table.header, columns));
    Ok(Recorded { words: words.names, prompts, scores, notes })
}

/// Of two columns that may hold the scores, which one is read.
fn other_scores(header: &[String], columns: &LongColumns) -> Option<String> {
    let others: Vec<&str> = SCORE
        .iter()
        .filter_map(|name| column(header, &[name]).filter(|at| *at != columns.score))
        .map(|at| header[at].as_str())
        .collect();
    let read = header[columns.score].trim();
    (!others.is_empty()).then(|| format!("the scores are those of the column {read}; passed over: {}", others.join(", ")))
}

/// A table of every word under every prompt is made of a row for each that is there: a few rows can ask for a large one.
fn fits(path: &Path, prompts: usize, words: usize, rows: usize) -> Result<(), FileError> {
    let cells = prompts.saturating_mul(words);
    if cells <= MOST_CELLS {
        return Ok(());
    }
    let [prompts, words, cells, most, rows] = [prompts, words, cells, MOST_CELLS, rows].map(crate::base::text::count);
    let problem = format!(
        "{prompts} prompts and {words} words make {cells} scores, more than {most} can be held, of which {rows} are there"
    );
    Err(FileError::file(path, problem, "Look whether the columns prompt and word are meant, or split the file by prompts"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_would_be_mostly_gaps_is_refused_by_its_numbers() {
        let path = Path::new("sparse.csv");
        assert!(fits(path, 54, 256_000, 1).is_ok(), "a vocabulary under all prompts of the study");
        let message = fits(path, 30_000, 40_000, 40_000).unwrap_err().to_string();
        for naming in ["sparse.csv", "30,000 prompts", "40,000 words", "1,200,000,000", "split"] {
            assert!(message.contains(naming), "'{naming}' is not in: {message}");
        }
        assert!(fits(path, usize::MAX, 2, 1).is_err());
    }
}
