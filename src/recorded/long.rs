//! A row for each score: `model,prompt,word,…,score,…`, of one model.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::labels::Labels;
use super::{MOST_CELLS, Repeats, no_words, notes};
use crate::base::file_error::FileError;
use crate::recorded::scores::Recorded;
use crate::tables::read;
use crate::tables::read::Table;

/// The indices of the columns that are read.
pub(super) struct LongColumns {
    model: usize,
    prompt: usize,
    word: usize,
    score: usize,
}

impl LongColumns {
    pub(super) fn of(header: &[String]) -> Option<LongColumns> {
        let at = |name: &str| header.iter().position(|column| column.trim() == name);
        Some(LongColumns { model: at("model")?, prompt: at("prompt")?, word: at("word")?, score: at("score")? })
    }
}

/// The model that a file of this layout names in its first row.
pub(super) fn model(path: &Path) -> Option<String> {
    let (header, row) = read::first(path).ok()?;
    let columns = LongColumns::of(&header)?;
    let model = row?.text(columns.model).trim().to_owned();
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
        let of = row.text(columns.model);
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
    let prompts = labels.prompts(path, prompts.names.iter().map(|label| &**label))?;
    Ok(Recorded { words: words.names, prompts, scores, notes: notes(empty, differing) })
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
