//! Words through the batches of the engine, timed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::cost::{Floor, Path};
use super::{BatchSize, process};
use crate::engine::batch::{Batches, Step};
use crate::engine::scorer::Scorer;
use crate::engine::{Job, WordTokens};
use crate::model::ModelError;
use crate::model::loaded::LoadedModel;

/// A loaded model under one prompt.
pub(super) struct Timer<'a> {
    pub(super) scorer: &'a Scorer,
    pub(super) prompt: &'a Arc<str>,
}

/// One run over words, from their texts to their scores, its prompt's prefix included.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TimedRun {
    pub(super) words: usize,
    pub(super) unscorable: usize,
    pub(super) seconds: f64,
    /// Processors that it had on average; below the number of threads where others took some. None where it is not known.
    pub(super) cores: Option<f64>,
    pub(super) tokens_run: u64,
    /// Batches.
    pub(super) steps: u64,
}

/// The first run of a process, and what is learnt by it.
pub(super) struct FirstRun {
    pub(super) run: TimedRun,
    pub(super) floor: Floor,
    /// Of the process when the first score was there.
    pub(super) age: Duration,
    /// Rows of the output matrix that are multiplied at each read: none for a reward model.
    pub(super) output_rows: usize,
    /// Why the first of the words that cannot be scored cannot.
    pub(super) unscorable: Option<String>,
}

impl Timer<'_> {
    pub(super) fn first(&self, words: &[Arc<str>]) -> Result<FirstRun, ModelError> {
        let (mut age, mut unscorable, mut paths) = (None, None, Vec::new());
        let run = self.follow(words, true, |step| {
            if !step.scores.is_empty() {
                age.get_or_insert_with(process::age);
            }
            unscorable = unscorable.take().or_else(|| step.unscorable.first().map(|(_, why)| why.clone()));
            paths.extend(step.tokens.into_iter().map(|(_, tokens)| self.path(tokens)));
        })?;
        let output_rows = match &self.scorer.model {
            LoadedModel::Reward(_) => 0,
            LoadedModel::Language(model) => model.head.vocab_size(),
        };
        Ok(FirstRun { run, floor: Floor::of(paths)?, age: age.unwrap_or_default(), output_rows, unscorable })
    }

    pub(super) fn run(&self, words: &[Arc<str>]) -> Result<TimedRun, ModelError> {
        self.follow(words, false, |_| {})
    }

    pub(super) fn with_floor(&self, words: &[Arc<str>]) -> Result<(TimedRun, Floor), ModelError> {
        let mut paths = Vec::new();
        let run = self.follow(words, true, |step| paths.extend(step.tokens.into_iter().map(|(_, tokens)| self.path(tokens))))?;
        Ok((run, Floor::of(paths)?))
    }

    /// Runs batches of `nodes` for up to so many seconds, or until all words are scored. The prefix has run before.
    pub(super) fn in_batches_of(&self, nodes: usize, words: &[Arc<str>], seconds: f64) -> Result<BatchSize, ModelError> {
        let mut batches = Batches::new(self.job(words, false));
        let mut prefix = None;
        batches.set_nodes(1);
        // Tokenizes, and runs the prefix and one word.
        self.scorer.step(&mut batches, &mut prefix)?;
        let (mut scored, mut tokens, mut steps) = (0, 0, 0);
        let start = Instant::now();
        while !batches.is_done() && start.elapsed().as_secs_f64() < seconds {
            batches.set_nodes(nodes);
            let step = self.scorer.step(&mut batches, &mut prefix)?;
            scored += step.scores.len();
            tokens += step.tokens_run;
            steps += 1;
        }
        let seconds = start.elapsed().as_secs_f64().max(1e-9);
        Ok(BatchSize {
            nodes,
            nodes_run: tokens as f64 / f64::from(steps.max(1)),
            words: scored,
            seconds,
            words_per_s: scored as f64 / seconds,
            tokens_per_s: tokens as f64 / seconds,
        })
    }

    /// Runs words to their end, and gives each batch to `each`.
    fn follow(&self, words: &[Arc<str>], tokens: bool, mut each: impl FnMut(Step)) -> Result<TimedRun, ModelError> {
        let job = self.job(words, tokens);
        let mut run = TimedRun::default();
        let before = process::cpu_seconds();
        let start = Instant::now();
        self.scorer.run(Batches::new(job), |step| {
            run.words += step.scores.len();
            run.unscorable += step.unscorable.len();
            run.tokens_run += step.tokens_run as u64;
            run.steps += 1;
            each(step);
        })?;
        run.seconds = start.elapsed().as_secs_f64();
        run.cores = process::cpu_seconds().zip(before).map(|(after, before)| (after - before) / run.seconds);
        Ok(run)
    }

    fn job(&self, words: &[Arc<str>], tokens: bool) -> Job {
        Job { tokens, ..Scorer::job(self.prompt.clone(), words.iter().cloned()) }
    }

    /// A reward is read at the last token; log-probabilities at the token before each of a word's, and its last never runs.
    fn path(&self, tokens: WordTokens) -> Path {
        let WordTokens { mut ids, log_probabilities, .. } = tokens;
        match &self.scorer.model {
            LoadedModel::Reward(_) => Path { ids, reads: 1 },
            LoadedModel::Language(_) => {
                ids.pop();
                Path { ids, reads: log_probabilities.len() }
            }
        }
    }
}
