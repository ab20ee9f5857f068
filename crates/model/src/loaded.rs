//! A model that is ready to score: a reward model or a language model.

use std::path::PathBuf;
use std::sync::Arc;

use super::checkpoint::{Checkpoint, RewardModel};
use super::decoder::Decoder;
use super::format::config::Task;
use super::format::files::{Files, SourceLabel};
use super::format::weights::Digest;
use super::language::LanguageModel;
use super::text::tokenizer::ChatTokenizer;
use super::{Cancel, LoadOptions, ModelError, ModelInfo};

/// A model in memory: what its scores are differs, what it is otherwise does not.
pub enum LoadedModel {
    /// Its scores are rewards.
    Reward(RewardModel),
    /// Its scores are log-probabilities in nats.
    Language(LanguageModel),
}

impl LoadedModel {
    /// Loads a checkpoint as what its config.json says that it is. `progress` is told the bytes of weights read and to
    /// read, at least every 4 MiB, and `cancel` is looked at as often.
    ///
    /// What can be wrong with the small files is found before the first byte of weights is read.
    pub fn load(
        files: &Files,
        label: &SourceLabel,
        options: &LoadOptions,
        progress: &mut (dyn FnMut(u64, u64) + Send),
        cancel: &Cancel,
    ) -> Result<Self, ModelError> {
        Self::from_checkpoint(Checkpoint::open(files, label, options)?, progress, cancel)
    }

    /// The same, with the hash of each file of weights: the files are read once for both.
    pub fn load_and_hash(
        files: &Files,
        label: &SourceLabel,
        options: &LoadOptions,
        progress: &mut (dyn FnMut(u64, u64) + Send),
        cancel: &Cancel,
    ) -> Result<(Self, Vec<(PathBuf, blake3::Hash)>), ModelError> {
        let mut checkpoint = Checkpoint::open(files, label, options)?;
        let digests = checkpoint.weights.hash_while_reading();
        let model = Self::from_checkpoint(checkpoint, progress, cancel)?;
        let hash = |digest: &Arc<Digest>| Ok((digest.path().to_owned(), digest.finish(&mut |_| {}, cancel)?));
        Ok((model, digests.iter().map(hash).collect::<Result<_, ModelError>>()?))
    }

    /// On the CPU, of the operations that a GPU runs: slower than [`load`](Self::load) there, and for tests that hold the two
    /// together.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn composed(files: &Files, options: &LoadOptions) -> Result<Self, ModelError> {
        let label = SourceLabel::default();
        let mut checkpoint = Checkpoint::open(files, &label, options)?;
        checkpoint.native = false;
        Self::from_checkpoint(checkpoint, &mut |_, _| {}, &Cancel::default())
    }

    fn from_checkpoint(
        checkpoint: Checkpoint<'_>,
        progress: &mut (dyn FnMut(u64, u64) + Send),
        cancel: &Cancel,
    ) -> Result<Self, ModelError> {
        Ok(match checkpoint.config.task {
            Task::Reward => LoadedModel::Reward(RewardModel::from_checkpoint(checkpoint, progress, cancel)?),
            Task::Language => LoadedModel::Language(LanguageModel::load(checkpoint, progress, cancel)?),
        })
    }

    /// Ids to hidden states.
    pub fn decoder(&self) -> &Decoder {
        match self {
            LoadedModel::Reward(model) => &model.decoder,
            LoadedModel::Language(model) => &model.decoder,
        }
    }

    /// Text to ids.
    pub fn tokenizer(&self) -> &ChatTokenizer {
        match self {
            LoadedModel::Reward(model) => &model.tokenizer,
            LoadedModel::Language(model) => &model.tokenizer,
        }
    }

    /// What the model is and what its scores rest on.
    pub fn info(&self) -> &ModelInfo {
        match self {
            LoadedModel::Reward(model) => &model.info,
            LoadedModel::Language(model) => &model.info,
        }
    }
}
