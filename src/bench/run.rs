//! Words through the batches of the engine, timed.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::cost::{Floor, Path};
use super::{BatchSize, process};
use crate::base::terms::{ModelId, PromptId, WordId};
use crate::engine::batch::{Batches, Prefix, Step};
use crate::engine::fit::BatchLimit;
use crate::engine::{Job, WordTokens};
use crate::model::loaded::LoadedModel;
use crate::model::{Cancel, ModelError};

/// A model and what it is asked.
pub(super) struct Asked<'a> {
    pub(super) model: &'a LoadedModel,
    pub(super) prompt: &'a Arc<str>,
    /// How large batches may be, as learnt so far.
    pub(super) room: Cell<BatchLimit>,
    pub(super) cancel: &'a Cancel,
}

/// One run over words, from their texts to their scores, its prompt's prefix included.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Run {
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
pub(super) struct First {
    pub(super) run: Run,
    pub(super) floor: Floor,
    /// Of the process when the first score was there.
    pub(super) age: Duration,
    /// Rows of the output matrix that are multiplied at each read: none for a reward model.
    pub(super) output_rows: usize,
    /// Why the first of the words that cannot be scored cannot.
    pub(super) unscorable: Option<String>,
}

impl Asked<'_> {
    pub(super) fn first(&self, words: &[Arc<str>]) -> Result<First, ModelError> {
        let (mut age, mut unscorable, mut paths) = (None, None, Vec::new());
        let run = self.follow(words, true, |step| {
            if !step.scores.is_empty() {
                age.get_or_insert_with(process::age);
            }
            unscorable = unscorable.take().or_else(|| step.unscorable.first().map(|(_, why)| why.clone()));
            paths.extend(step.tokens.drain(..).map(|(_, tokens)| self.path(tokens)));
        })?;
        let output_rows = match self.model {
            LoadedModel::Reward(_) => 0,
            LoadedModel::Language(model) => model.head.vocab_size(),
        };
        Ok(First { run, floor: Floor::of(paths)?, age: age.unwrap_or_default(), output_rows, unscorable })
    }

    pub(super) fn run(&self, words: &[Arc<str>]) -> Result<Run, ModelError> {
        self.follow(words, false, |_| {})
    }

    pub(super) fn with_floor(&self, words: &[Arc<str>]) -> Result<(Run, Floor), ModelError> {
        let mut paths = Vec::new();
        let run = self.follow(words, true, |step| paths.extend(step.tokens.drain(..).map(|(_, tokens)| self.path(tokens))))?;
        Ok((run, Floor::of(paths)?))
    }

    /// Batches of `nodes`, behind a prefix that stands, for up to so many seconds or until all words are scored.
    pub(super) fn in_batches_of(&self, nodes: usize, words: &[Arc<str>], seconds: f64) -> Result<BatchSize, ModelError> {
        let mut batches = Batches::new(self.job(words, false));
        let mut prefix = None;
        batches.set_nodes(1);
        // Tokenizes, and runs the prefix and one word.
        self.step(&mut batches, &mut prefix)?;
        let (mut scored, mut tokens, mut steps) = (0, 0, 0);
        let start = Instant::now();
        while !batches.is_done() && start.elapsed().as_secs_f64() < seconds {
            batches.set_nodes(nodes);
            let step = self.step(&mut batches, &mut prefix)?;
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

    fn follow(&self, words: &[Arc<str>], tokens: bool, mut each: impl FnMut(&mut Step)) -> Result<Run, ModelError> {
        let job = self.job(words, tokens);
        let mut run = Run::default();
        let before = process::cpu_seconds();
        let start = Instant::now();
        let mut batches = Batches::new(job);
        let mut prefix: Option<Prefix> = None;
        while !batches.is_done() {
            let mut step = self.step(&mut batches, &mut prefix)?;
            run.words += step.scores.len();
            run.unscorable += step.unscorable.len();
            run.tokens_run += step.tokens_run as u64;
            run.steps += 1;
            each(&mut step);
        }
        run.seconds = start.elapsed().as_secs_f64();
        run.cores = process::cpu_seconds().zip(before).map(|(after, before)| (after - before) / run.seconds);
        Ok(run)
    }

    fn step(&self, batches: &mut Batches, prefix: &mut Option<Prefix>) -> Result<Step, ModelError> {
        let mut room = self.room.get();
        let step = room.run(batches, |batches| batches.step(self.model, prefix, self.cancel));
        self.room.set(room);
        step
    }

    fn job(&self, words: &[Arc<str>], tokens: bool) -> Job {
        Job {
            model: ModelId(0),
            prompt: PromptId(0),
            prompt_text: self.prompt.clone(),
            words: (0..).map(WordId).zip(words.iter().cloned()).collect(),
            token_ids: Vec::new(),
            tokens,
        }
    }

    /// A reward is read at the last token; log-probabilities at the token before each of a word's, and its last never runs.
    fn path(&self, tokens: WordTokens) -> Path {
        let WordTokens { mut ids, log_probabilities, .. } = tokens;
        match self.model {
            LoadedModel::Reward(_) => Path { ids, reads: 1 },
            LoadedModel::Language(_) => {
                ids.pop();
                Path { ids, reads: log_probabilities.len() }
            }
        }
    }
}
