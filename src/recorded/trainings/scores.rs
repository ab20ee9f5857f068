//! Tables of scores with a column, or a row, for each checkpoint.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::ordered::Ordered;
use super::{LongColumns, Reader};
use crate::base::file_error::FileError;
use crate::base::terms::Family;
use crate::corpus::Corpus;
use crate::recorded::{MOST_CELLS, identify};
use crate::stats::ablation::{CheckpointWord, Run, Training};
use crate::tables::read::Table;

/// Model and prompt.
type RunKey = (String, String);
/// Scores at each step, by place of the word in the corpus.
type BySteps = Ordered<u64, Vec<f64>>;

/// Scores by model and prompt, then step, then place of the word in the corpus.
struct Scores<'a> {
    path: &'a Path,
    places: HashMap<&'a str, usize>,
    runs: Ordered<RunKey, BySteps>,
    tables: usize,
    strangers: HashSet<String>,
    differing: usize,
}

impl<'a> Scores<'a> {
    fn new(path: &'a Path, corpus: &'a Corpus) -> Self {
        let places = corpus.words.iter().enumerate().map(|(i, word)| (&*word.text, i)).collect();
        Scores { path, places, runs: Ordered::default(), tables: 0, strangers: HashSet::new(), differing: 0 }
    }

    fn add(&mut self, run: &RunKey, step: u64, word: &str, score: f64) -> Result<(), FileError> {
        let Some(&at) = self.places.get(word) else {
            self.strangers.insert(word.to_owned());
            return Ok(());
        };
        let words = self.places.len();
        let steps = self.runs.entry(run, Ordered::default);
        if !steps.contains(&step) {
            self.tables += 1;
            if self.tables.saturating_mul(words) > MOST_CELLS {
                let problem = format!(
                    "more than {} tables of model, prompt and checkpoint over {words} words are more than can be held",
                    self.tables - 1
                );
                let next = "Look whether the columns of model, prompt and checkpoint are meant, or split the file";
                return Err(FileError::file(self.path, problem, next));
            }
        }
        let known = &mut steps.entry(&step, || vec![f64::NAN; words])[at];
        if known.is_nan() {
            *known = score;
        } else {
            self.differing += usize::from(*known != score && !score.is_nan());
        }
        Ok(())
    }
}

impl Reader<'_> {
    pub(super) fn wide(&mut self, table: &mut Table, word: usize, steps: &[(usize, String, u64)]) -> Result<Vec<Run>, FileError> {
        let (model, family) = identify(self.path, self.catalogue);
        let family = if family == Family::Other { self.family(&model) } else { Some(family.to_string()) };
        let mut scores = Scores::new(self.path, self.corpus);
        let runs: Vec<RunKey> = steps.iter().map(|(_, prompt, _)| (model.clone(), prompt.clone())).collect();
        while let Some(row) = table.next_row()? {
            for ((column, _, step), run) in steps.iter().zip(&runs) {
                let score = table.number(&row, *column)?;
                scores.add(run, *step, &row.text(word), score)?;
            }
        }
        let names = HashMap::from([(model, family)]);
        Ok(self.runs(scores, &names))
    }

    pub(super) fn long(&mut self, table: &mut Table, columns: &LongColumns) -> Result<Vec<Run>, FileError> {
        let LongColumns { word, checkpoint, score, model, prompt } = *columns;
        let mut scores = Scores::new(self.path, self.corpus);
        let mut names = HashMap::new();
        let (of_file, _) = identify(self.path, self.catalogue);
        while let Some(row) = table.next_row()? {
            let Some(step) = self.step(table, &row, checkpoint)? else { continue };
            let model = model.map_or_else(|| of_file.clone(), |column| row.text(column).trim().to_owned());
            let prompt = prompt.map(|column| row.text(column).trim().to_owned()).unwrap_or_default();
            let run = (model, prompt);
            scores.add(&run, step, &row.text(word), table.number(&row, score)?)?;
            names.entry(run.0).or_insert_with_key(|model| self.family(model));
        }
        Ok(self.runs(scores, &names))
    }

    fn runs(&mut self, scores: Scores<'_>, families: &HashMap<String, Option<String>>) -> Vec<Run> {
        let of_file = self.of_file.clone();
        self.strangers = scores.strangers.len();
        self.note(scores.differing, "rows repeat a word with another score; the first one counts");
        self.note(scores.strangers.len(), "words are not in the word list and take no rank");
        let (mut gaps, mut torn): (Vec<String>, Option<String>) = Default::default();
        let mut run = |((model, prompt), mut steps): (RunKey, Vec<(u64, Vec<f64>)>)| {
            steps.retain(|(_, scores)| scores.iter().any(|score| !score.is_nan()));
            // Ranks of one checkpoint and of another are compared, so both run over the same words.
            let all = 0..self.corpus.words.len();
            let known = |i: usize, at: &[(u64, Vec<f64>)]| at.iter().filter(|(_, scores)| !scores[i].is_nan()).count();
            let kept: Vec<usize> = all.clone().filter(|&i| known(i, &steps) == steps.len()).collect();
            let lost = all.filter(|&i| known(i, &steps) > 0).count() - kept.len();
            if lost > 0 {
                let fewest = steps.iter().min_by_key(|(_, scores)| scores.iter().filter(|score| !score.is_nan()).count());
                let fewest = fewest.map_or(0, |(step, _)| *step);
                let left = if kept.is_empty() { "there is nothing to follow" } else { "they take no rank" };
                gaps.push(format!(
                    "{model}: {lost} of {} words lack a score at some checkpoint, most of them at step {fewest}: {left}",
                    lost + kept.len()
                ));
            }
            if kept.is_empty() {
                torn = torn.take().or(gaps.last().cloned());
                return None;
            }
            let word = |&i: &usize| {
                let word = &self.corpus.words[i];
                CheckpointWord { text: &word.text, categories: self.corpus.categories_of(word).collect() }
            };
            let words: Vec<CheckpointWord<'_>> = kept.iter().map(word).collect();
            let steps: Vec<(u64, Vec<f64>)> =
                steps.iter().map(|(step, scores)| (*step, kept.iter().map(|&i| scores[i]).collect())).collect();
            let family = families.get(&model).cloned().flatten();
            let prompt = (!prompt.is_empty()).then_some(prompt);
            Some(Run::from_scores(Training { model, family, prompt, ..of_file.clone() }, &words, &steps))
        };
        let by_run = scores.runs.into_entries().into_iter().map(|(key, steps)| (key, steps.into_entries()));
        let runs = by_run.filter_map(&mut run).collect();
        self.torn = torn;
        // A file may follow 54 prompts.
        let more = gaps.len().saturating_sub(3);
        gaps.truncate(3);
        gaps.extend((more > 0).then(|| format!("the same of {more} more trainings or prompts")));
        self.notes.extend(gaps.into_iter().map(|gap| format!("{}: {gap}", self.of_file.file)));
        runs
    }
}
