//! Tables of scores with a column, or a row, for each checkpoint.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::ordered::Ordered;
use super::{LongColumns, Reader, Words};
use crate::base::file_error::FileError;
use crate::base::terms::Family;
use crate::recorded::{MOST_CELLS, identify};
use crate::stats::ablation::{CheckpointWord, Run, Training};
use crate::stats::implicit::{Variants, fold};
use crate::tables::read::Table;

/// Model and prompt.
type RunKey = (String, String);
/// Scores at each step, by the number of the spelling.
type BySteps = Ordered<u64, Vec<f64>>;

/// A word of the file that the list has, perhaps in another case or with other white space around it.
struct Spelling {
    text: String,
    /// The place in the list of the word that it is; of several that are alike, the first.
    place: usize,
    /// The list has it so itself.
    exact: bool,
}

/// What a text of the file is.
#[derive(Clone, Copy)]
enum Known {
    /// The number of a spelling.
    Spelling(usize),
    /// Not of the list.
    Stranger,
    /// Of the list, and not among the only words that count.
    LeftOut,
}

/// Scores by model and prompt, then step, then number of the spelling.
struct Scores<'a> {
    path: &'a Path,
    words: &'a Words<'a>,
    /// Places in the list: by the text of a word, and by what the variants of words share, where the first counts.
    exact: HashMap<&'a str, usize>,
    alike: HashMap<String, usize>,
    only: Option<HashSet<&'a str>>,
    known: HashMap<String, Known>,
    spellings: Vec<Spelling>,
    runs: Ordered<RunKey, BySteps>,
    tables: usize,
    differing: usize,
}

impl<'a> Scores<'a> {
    fn new(path: &'a Path, words: &'a Words<'a>) -> Self {
        let exact = words.corpus.words.iter().enumerate().map(|(i, word)| (&*word.text, i)).collect();
        let mut alike = HashMap::new();
        for (i, word) in words.corpus.words.iter().enumerate() {
            alike.entry(fold(&word.text)).or_insert(i);
        }
        let only = words.only.map(|only| only.words.iter().map(|word| &*word.text).collect());
        let (known, spellings, runs) = (HashMap::new(), Vec::new(), Ordered::default());
        Scores { path, words, exact, alike, only, known, spellings, runs, tables: 0, differing: 0 }
    }

    fn known(&mut self, text: &str) -> Known {
        if let Some(known) = self.known.get(text) {
            return *known;
        }
        let known = match self.alike.get(&fold(text)) {
            None => Known::Stranger,
            Some(_) if self.only.as_ref().is_some_and(|only| !only.contains(text)) => Known::LeftOut,
            Some(&place) => {
                let exact = self.exact.get(text).copied();
                let place = exact.filter(|_| self.words.variants == Variants::Keep).unwrap_or(place);
                self.spellings.push(Spelling { text: text.to_owned(), place, exact: exact.is_some() });
                Known::Spelling(self.spellings.len() - 1)
            }
        };
        self.known.insert(text.to_owned(), known);
        known
    }

    /// How many texts are of a kind.
    fn count(&self, is: fn(&Known) -> bool) -> usize {
        self.known.values().filter(|known| is(known)).count()
    }

    fn add(&mut self, run: &RunKey, step: u64, word: &str, score: f64) -> Result<(), FileError> {
        let Known::Spelling(at) = self.known(word) else { return Ok(()) };
        let words = self.words.corpus.words.len().max(self.spellings.len());
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
        let scores = steps.entry(&step, Vec::new);
        if scores.len() <= at {
            scores.resize(at + 1, f64::NAN);
        }
        if scores[at].is_nan() {
            scores[at] = score;
        } else {
            self.differing += usize::from(scores[at] != score && !score.is_nan());
        }
        Ok(())
    }

    /// The spellings of each word that takes a rank, in the order of the list: all of a word of the list where they are
    /// averaged, else each for itself.
    fn ranked(&self) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..self.spellings.len()).collect();
        order.sort_by_key(|&i| self.spellings[i].place);
        if self.words.variants == Variants::Keep {
            return order.into_iter().map(|i| vec![i]).collect();
        }
        let alike = order.chunk_by(|&a, &b| self.spellings[a].place == self.spellings[b].place);
        alike.map(<[usize]>::to_vec).collect()
    }

    /// What is to be said of spellings that the list does not have so.
    fn note(&self) -> Option<String> {
        let others = self.spellings.iter().filter(|spelling| !spelling.exact).count();
        let words = self.ranked().len();
        (others > 0).then(|| match self.words.variants {
            Variants::Keep => format!("{others} of {words} words are spelled otherwise than in the list, and each takes a rank"),
            Variants::Average | Variants::Add => format!(
                "{} spellings, which differ by case and outer spaces alone, were averaged to {words} words",
                self.spellings.len()
            ),
        })
    }
}

impl Reader<'_> {
    pub(super) fn wide(&mut self, table: &mut Table, word: usize, steps: &[(usize, String, u64)]) -> Result<Vec<Run>, FileError> {
        let (model, family) = identify(self.path, self.catalogue);
        let family = if family == Family::Other { self.family(&model) } else { Some(family.to_string()) };
        let mut scores = Scores::new(self.path, self.words);
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
        let mut scores = Scores::new(self.path, self.words);
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
        self.strangers = scores.count(|known| matches!(known, Known::Stranger));
        self.note(scores.differing, "rows repeat a word with another score; the first one counts");
        self.note(self.strangers, "words are not in the word list and take no rank");
        self.note(scores.count(|known| matches!(known, Known::LeftOut)), "words are not among those that alone count");
        self.notes.extend(scores.note().map(|note| format!("{}: {note}", of_file.file)));
        let (ranked, spellings) = (scores.ranked(), scores.spellings);
        let corpus = self.words.corpus;
        let (mut gaps, mut torn): (Vec<String>, Option<String>) = Default::default();
        let mut run = |((model, prompt), mut steps): (RunKey, Vec<(u64, Vec<f64>)>)| {
            steps.retain(|(_, scores)| scores.iter().any(|score| !score.is_nan()));
            let score = |scores: &[f64], i: usize| scores.get(i).copied().unwrap_or(f64::NAN);
            // Ranks of one checkpoint and of another are compared, so both run over the same words.
            let known = |i: usize| steps.iter().filter(|(_, scores)| !score(scores, i).is_nan()).count();
            let all = (0..spellings.len()).filter(|&i| known(i) > 0).count();
            let whole = |of: &Vec<usize>| of.iter().copied().filter(|&i| known(i) == steps.len()).collect::<Vec<_>>();
            let kept: Vec<Vec<usize>> = ranked.iter().map(whole).filter(|of| !of.is_empty()).collect();
            let lost = all - kept.iter().map(Vec::len).sum::<usize>();
            if lost > 0 {
                let fewest = steps.iter().min_by_key(|(_, scores)| scores.iter().filter(|score| !score.is_nan()).count());
                let fewest = fewest.map_or(0, |(step, _)| *step);
                let left = if kept.is_empty() { "there is nothing to follow" } else { "they take no rank" };
                gaps.push(format!(
                    "{model}: {lost} of {all} words lack a score at some checkpoint, most of them at step {fewest}: {left}"
                ));
            }
            if kept.is_empty() {
                torn = torn.take().or(gaps.last().cloned());
                return None;
            }
            let word = |of: &Vec<usize>| {
                let (spelling, word) = (&spellings[of[0]], &corpus.words[spellings[of[0]].place]);
                let text = if self.words.variants == Variants::Keep { &spelling.text } else { &*word.text };
                CheckpointWord { text, categories: corpus.categories_of(word).collect() }
            };
            let words: Vec<CheckpointWord<'_>> = kept.iter().map(word).collect();
            let mean = |scores: &[f64], of: &Vec<usize>| of.iter().map(|&i| score(scores, i)).sum::<f64>() / of.len() as f64;
            let steps: Vec<(u64, Vec<f64>)> =
                steps.iter().map(|(step, scores)| (*step, kept.iter().map(|of| mean(scores, of)).collect())).collect();
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
