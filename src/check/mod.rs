//! Whether a model's numbers can be trusted on this machine: what was found in its files, and tests on a handful of words.
//!
//! `bench` scores, `judge` compares scores with scores, `words` says which. Nothing here prints.

mod bench;
mod judge;
mod words;

use serde::Serialize;

use crate::engine::{Recorded, memory};
use crate::model::checkpoint::{SourceLabel, estimate_bytes};
use crate::model::files::Files;
use crate::model::{Cancel, Dtype, LoadOptions, ModelError};
use crate::text;
use bench::{Bench, Way};
use words::{Kind, PROMPTS, WORDS};

/// Beside the weights: activations, keys and values, tokenizer.
const WORKING_BYTES: u64 = 256 << 20;

/// How a test came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Pass,
    Fail,
    /// A figure to read, which nothing here judges.
    Report,
    /// Not run, for the reason given: counts neither as passed nor as failed.
    Skipped,
}

/// One line of the final table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Test {
    pub test: &'static str,
    pub result: Outcome,
    /// What was measured, with its unit and tolerance; why it was not, where it was skipped.
    pub figure: String,
    pub meaning: &'static str,
}

/// Something that the files say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fact {
    pub what: &'static str,
    pub found: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    pub model: String,
    pub found: Vec<Fact>,
    pub tests: Vec<Test>,
    /// No test failed.
    pub passed: bool,
}

/// Rewards, `[prompts][words]`.
type Scores = Vec<Vec<f32>>;

/// Loads a model, up to twice, and tests it. `published` are the study's scores of this model, or why there are none.
///
/// Fails where the model cannot be loaded; whatever is wrong with its scores stands in the report.
pub fn run(
    files: &Files,
    label: &SourceLabel,
    options: &LoadOptions,
    published: Result<&Recorded, String>,
    progress: &mut (dyn FnMut(u64, u64) + Send),
    cancel: &Cancel,
) -> Result<Report, ModelError> {
    // Rounding would hide what the tests look for; only the published scores are met with it.
    let exact = LoadOptions { rounding: None, ..*options };
    let bench = Bench::load(files, label, &exact, progress, cancel)?;
    let found = bench.facts(options.rounding);
    let mut tests = Vec::new();
    match all(&bench, Way::Together) {
        Err(error @ ModelError::NotFinite { .. }) => tests.extend(judge::not_finite(&error.to_string())),
        Err(error) => return Err(error),
        Ok(base) => {
            tests.push(judge::finite(&base));
            tests.push(judge::differ(&base));
            let few: Vec<usize> = (0..WORDS.len()).step_by(3).collect();
            let tolerance = judge::Tolerance::of(&bench.dtype(), &base);
            let single = some(&bench, Way::Single, &few)?;
            tests.push(judge::equal(judge::BATCH, &pick(&base, &few), &single, tolerance));
            let whole = some(&bench, Way::Whole, &few)?;
            tests.push(judge::equal(judge::PREFIX, &pick(&base, &few), &whole, tolerance));
            tests.push(judge::equal(judge::COMPANY, &base, &in_other_company(&bench)?, tolerance));
            tests.push(judge::ordering(&base, &rows(Kind::Good), &rows(Kind::Bad)));
            let against = published.and_then(|recorded| against_published(&bench, recorded, options));
            let dtype = bench.dtype();
            // Gives its memory back before the other dtype is loaded.
            drop(bench);
            tests.insert(5, other_dtype(files, label, &exact, &dtype, &base, progress, cancel)?);
            tests.push(against.unwrap_or_else(|reason| judge::skipped(judge::PUBLISHED, reason)));
        }
    }
    let passed = tests.iter().all(|test| test.result != Outcome::Fail);
    Ok(Report { model: label.name.clone(), found, tests, passed })
}

fn rows(kind: Kind) -> Vec<usize> {
    (0..WORDS.len()).filter(|&i| WORDS[i].0 == kind).collect()
}

fn all(bench: &Bench, way: Way) -> Result<Scores, ModelError> {
    some(bench, way, &(0..WORDS.len()).collect::<Vec<_>>())
}

fn some(bench: &Bench, way: Way, which: &[usize]) -> Result<Scores, ModelError> {
    let texts: Vec<&str> = which.iter().map(|&i| WORDS[i].1).collect();
    PROMPTS.iter().map(|(_, prompt)| bench.scores(prompt, &texts, way)).collect()
}

fn pick(scores: &Scores, which: &[usize]) -> Scores {
    scores.iter().map(|row| which.iter().map(|&i| row[i]).collect()).collect()
}

/// Every word once more: backwards, in two groups that each jump over every second word, prompts taking turns.
fn in_other_company(bench: &Bench) -> Result<Scores, ModelError> {
    let mut scores = vec![vec![f32::NAN; WORDS.len()]; PROMPTS.len()];
    for odd in [1, 0] {
        let which: Vec<usize> = (0..WORDS.len()).rev().filter(|i| i % 2 == odd).collect();
        for (row, part) in scores.iter_mut().zip(some(bench, Way::Together, &which)?) {
            for (&at, score) in which.iter().zip(part) {
                row[at] = score;
            }
        }
    }
    Ok(scores)
}

fn other_dtype(
    files: &Files,
    label: &SourceLabel,
    options: &LoadOptions,
    used: &str,
    base: &Scores,
    progress: &mut (dyn FnMut(u64, u64) + Send),
    cancel: &Cancel,
) -> Result<Test, ModelError> {
    let dtype = if used == "f32" { Dtype::Bf16 } else { Dtype::F32 };
    let options = LoadOptions { dtype, ..*options };
    let needed = estimate_bytes(files, &options)? + WORKING_BYTES;
    let free = memory::available();
    if needed > free {
        let reason = format!("the second load needs about {}, {} is free", text::bytes(needed), text::bytes(free));
        return Ok(judge::skipped(judge::DTYPE, reason));
    }
    let other = Bench::load(files, label, &options, progress, cancel).and_then(|other| all(&other, Way::Together));
    match other {
        Ok(other) => Ok(judge::dtypes(base, &other)),
        Err(ModelError::Cancelled) => Err(ModelError::Cancelled),
        Err(error) => Ok(judge::skipped(judge::DTYPE, format!("the second load did not end well: {error}"))),
    }
}

fn against_published(bench: &Bench, recorded: &Recorded, options: &LoadOptions) -> Result<Test, String> {
    let words: Vec<&str> = recorded.words.iter().map(|word| &**word).collect();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for (_, prompt) in PROMPTS {
        let Some(at) = recorded.prompts.iter().position(|known| *known.text == *prompt) else { continue };
        let scores = bench.scores(prompt, &words, Way::Together).map_err(|error| error.to_string())?;
        let scores = options.rounding.map_or(Ok(scores.clone()), |dtype| dtype.round(scores));
        ours.push(scores.map_err(|error| error.to_string())?);
        theirs.push(recorded.scores[at].clone());
    }
    if ours.is_empty() {
        return Err("the file has none of the prompts that are asked here".to_owned());
    }
    Ok(judge::published(&ours, &theirs))
}
