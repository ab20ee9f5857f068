//! Whether a model's numbers can be trusted on this machine: what was found in its files, and tests on a handful of words.
//!
//! `questions` scores, `comparisons` compares scores with scores, `precision` those of one model in several number formats, `words` says
//! which. Nothing here prints.

mod comparisons;
mod precision;
mod questions;
mod words;

use serde::Serialize;

use crate::model::format::files::{Files, SourceLabel};
use crate::model::{Cancel, Dtype, LoadOptions, ModelError};
use crate::recorded::scores::Recorded;
use questions::{Grouping, Subject};
use words::{Kind, PROMPTS, WORDS};

/// How a test came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// What was measured is as it should be.
    Pass,
    /// It is not.
    Fail,
    /// A figure for the reader, which neither passes nor fails.
    Report,
    /// Not run, for the reason given: counts neither as passed nor as failed.
    Skipped,
}

/// One line of the final table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Test {
    /// The name of the test.
    pub test: &'static str,
    /// How it came out.
    pub result: Outcome,
    /// What was measured, with its unit and tolerance; why it was not, where it was skipped.
    pub figure: String,
    /// What the test shows, in a few words.
    pub meaning: &'static str,
    /// Of a test of precision.
    #[serde(flatten)]
    pub loss: Option<Loss>,
}

/// How far the scores of one precision are from those of f32.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Loss {
    /// Spearman's, of the words under one prompt; the lowest of all prompts.
    pub rank_correlation: f64,
    /// The largest absolute difference of a word's scores.
    pub largest_difference: f64,
    /// In standard deviations of the words' scores in f32 under the same prompt; the largest of all prompts.
    pub largest_difference_sd: f64,
}

/// Something that the files say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// The name of the fact.
    pub what: &'static str,
    /// What the files say of it.
    pub found: String,
}

/// All that a check found out about a model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CheckReport {
    /// The model's name.
    pub model: String,
    /// Facts from its files.
    pub found: Vec<Fact>,
    /// The tests, in the order in which they are told.
    pub tests: Vec<Test>,
    /// No test failed.
    pub passed: bool,
}

/// Rewards, `[prompts][words]`.
type Scores = Vec<Vec<f32>>;

/// Loads a model, once for each precision, and tests it. `published` are the study's scores of this model, or why there are none.
///
/// # Errors
/// A model that cannot be loaded. Whatever is wrong with its scores is part of the report.
pub fn run(
    files: &Files,
    label: &SourceLabel,
    options: &LoadOptions,
    published: Result<&Recorded, String>,
    progress: &mut (dyn FnMut(u64, u64) + Send),
    cancel: &Cancel,
) -> Result<CheckReport, ModelError> {
    // Rounding would hide what the tests look for; only the published scores are met with it.
    let exact = LoadOptions { rounding: None, ..options.clone() };
    let subject = Subject::load(files, label, &exact, progress, cancel)?;
    let found = subject.facts(options.rounding);
    let mut tests = Vec::new();
    match all(&subject, Grouping::Together) {
        Err(error @ ModelError::NotFinite { .. }) => tests.extend(comparisons::not_finite(&error.to_string())),
        Err(error) => return Err(error),
        Ok(base) => {
            tests.push(comparisons::finite(&base));
            tests.push(comparisons::differ(&base));
            let few: Vec<usize> = (0..WORDS.len()).step_by(3).collect();
            let tolerance = comparisons::Tolerance::of(subject.dtype(), &base);
            let single = some(&subject, Grouping::Single, &few)?;
            tests.push(comparisons::equal(comparisons::BATCH, &pick(&base, &few), &single, tolerance));
            let whole = some(&subject, Grouping::Whole, &few)?;
            tests.push(comparisons::equal(comparisons::PREFIX, &pick(&base, &few), &whole, tolerance));
            tests.push(comparisons::equal(comparisons::COMPANY, &base, &in_other_company(&subject)?, tolerance));
            tests.push(comparisons::ordering(&base, &rows(Kind::Good), &rows(Kind::Bad)));
            let against = published.and_then(|recorded| against_published(&subject, recorded, options));
            let dtype = subject.dtype();
            // Gives its memory back before another precision is loaded.
            drop(subject);
            let mut load = |dtype| scores_in(dtype, files, label, &exact, progress, cancel);
            let losses = precision::losses(dtype, base, &mut load)?;
            let at = tests.len() - 1;
            tests.splice(at..at, losses);
            tests.push(against.unwrap_or_else(|reason| comparisons::skipped(comparisons::PUBLISHED, reason)));
        }
    }
    let passed = tests.iter().all(|test| test.result != Outcome::Fail);
    Ok(CheckReport { model: label.name.clone(), found, tests, passed })
}

fn rows(kind: Kind) -> Vec<usize> {
    (0..WORDS.len()).filter(|&i| WORDS[i].0 == kind).collect()
}

fn all(subject: &Subject, grouping: Grouping) -> Result<Scores, ModelError> {
    some(subject, grouping, &(0..WORDS.len()).collect::<Vec<_>>())
}

fn some(subject: &Subject, grouping: Grouping, which: &[usize]) -> Result<Scores, ModelError> {
    let texts: Vec<&str> = which.iter().map(|&i| WORDS[i].1).collect();
    PROMPTS.iter().map(|(_, prompt)| subject.scores(prompt, &texts, grouping)).collect()
}

fn pick(scores: &Scores, which: &[usize]) -> Scores {
    scores.iter().map(|row| which.iter().map(|&i| row[i]).collect()).collect()
}

/// Every word once more: backwards, in two groups that each jump over every second word, prompts taking turns.
fn in_other_company(subject: &Subject) -> Result<Scores, ModelError> {
    let mut scores = vec![vec![f32::NAN; WORDS.len()]; PROMPTS.len()];
    for odd in [1, 0] {
        let which: Vec<usize> = (0..WORDS.len()).rev().filter(|i| i % 2 == odd).collect();
        for (row, part) in scores.iter_mut().zip(some(subject, Grouping::Together, &which)?) {
            for (&at, score) in which.iter().zip(part) {
                row[at] = score;
            }
        }
    }
    Ok(scores)
}

/// Loaded once more in another precision; the reason where that does not go.
fn scores_in(
    dtype: Dtype,
    files: &Files,
    label: &SourceLabel,
    options: &LoadOptions,
    progress: &mut (dyn FnMut(u64, u64) + Send),
    cancel: &Cancel,
) -> Result<Result<Scores, String>, ModelError> {
    let options = LoadOptions { dtype, ..options.clone() };
    let scores = Subject::load(files, label, &options, progress, cancel).and_then(|subject| all(&subject, Grouping::Together));
    match scores {
        Ok(scores) => Ok(Ok(scores)),
        Err(ModelError::Cancelled) => Err(ModelError::Cancelled),
        Err(error) => Ok(Err(error.to_string())),
    }
}

fn against_published(subject: &Subject, recorded: &Recorded, options: &LoadOptions) -> Result<Test, String> {
    let words: Vec<&str> = recorded.words.iter().map(|word| &**word).collect();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for (_, prompt) in PROMPTS {
        let Some(at) = recorded.prompts.iter().position(|known| *known.text == *prompt) else { continue };
        let scores = subject.scores(prompt, &words, Grouping::Together).map_err(|error| error.to_string())?;
        let scores = options.rounding.map_or(Ok(scores.clone()), |dtype| dtype.round(scores));
        ours.push(scores.map_err(|error| error.to_string())?);
        theirs.push(recorded.scores[at].clone());
    }
    if ours.is_empty() {
        return Err("the file has none of the prompts that are asked here".to_owned());
    }
    Ok(comparisons::published(&ours, &theirs))
}
