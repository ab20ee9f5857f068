//! One loaded model that is asked words directly: no thread, no store and no events. `check` and `bench` measure with it.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;

use super::Job;
use super::batch::{Batches, Prefix, Step};
use super::fit::{BatchLimit, Fit};
use crate::base::terms::{ModelId, PromptId, WordId};
use crate::model::format::files::{Files, SourceLabel};
use crate::model::loaded::LoadedModel;
use crate::model::{Cancel, LoadOptions, ModelError};

/// A loaded model, and how large its batches may be as learnt so far.
pub struct Scorer {
    /// The model.
    pub model: LoadedModel,
    /// What the model was expected to take of the memory, before it was loaded.
    pub fit: Fit,
    /// How long the load took.
    pub load_seconds: f64,
    limit: Cell<BatchLimit>,
    cancel: Cancel,
}

impl Scorer {
    /// Loads a model. `progress` gets the bytes that have been read, those of all weights, and what the model is expected to
    /// take of the memory.
    ///
    /// # Errors
    /// A model that does not fit into memory, before any of it is read, and all that [`LoadedModel::load`] refuses.
    pub fn load(
        files: &Files,
        label: &SourceLabel,
        options: &LoadOptions,
        progress: &mut (dyn FnMut(u64, u64, Fit) + Send),
        cancel: &Cancel,
    ) -> Result<Self, ModelError> {
        let fit = Fit::now(&label.name, files, options)?;
        let start = Instant::now();
        let model = LoadedModel::load(files, label, options, &mut |done, total| progress(done, total, fit), cancel)?;
        let load_seconds = start.elapsed().as_secs_f64();
        Ok(Scorer { model, fit, load_seconds, limit: Cell::new(BatchLimit::of(&fit)), cancel: cancel.clone() })
    }

    /// Words under one prompt; a word's id is its index.
    pub fn job(prompt: Arc<str>, words: impl IntoIterator<Item = Arc<str>>) -> Job {
        Job::new(ModelId(0), PromptId(0), prompt, (0..).map(WordId).zip(words).collect())
    }

    /// Runs one batch. Where memory runs out it is tried again with smaller ones, which the next batches then keep to.
    ///
    /// # Errors
    /// All that [`Batches::step`] refuses.
    pub fn step(&self, batches: &mut Batches, prefix: &mut Option<Prefix>) -> Result<Step, ModelError> {
        let mut limit = self.limit.get();
        let step = limit.run(batches, |batches| batches.step(&self.model, prefix, &self.cancel));
        self.limit.set(limit);
        step
    }

    /// Runs all batches of a job, and gives each of them to `each`.
    ///
    /// # Errors
    /// All that [`Batches::step`] refuses.
    pub fn run(&self, mut batches: Batches, mut each: impl FnMut(Step)) -> Result<(), ModelError> {
        let mut prefix = None;
        while !batches.is_done() {
            each(self.step(&mut batches, &mut prefix)?);
        }
        Ok(())
    }
}
