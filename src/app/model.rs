//! What is known of each opened model.

use std::collections::{HashMap, HashSet};

use crate::base::terms::{Family, ModelId, PromptId, Unit, WordId};
use crate::engine::Phase;
use crate::model::{ModelInfo, Provenance};
use crate::scores::store::Key;
use crate::sources::resolve::{ModelSource, ModelSpec};

/// An opened model.
#[derive(Clone, Debug)]
pub struct Model {
    /// Its id in the score table and for the engine.
    pub id: ModelId,
    /// What was opened.
    pub spec: ModelSpec,
    /// What the engine does for it.
    pub phase: Phase,
    /// Known once its files are read.
    pub info: Option<ModelInfo>,
    /// The key of its scores in the store.
    pub key: Option<Box<Key>>,
    /// Words that it cannot be asked under a prompt.
    pub unscorable: HashMap<PromptId, HashSet<WordId>>,
}

impl Model {
    /// A model of which no file has been read yet.
    pub fn new(id: ModelId, spec: ModelSpec) -> Model {
        Model { id, spec, phase: Phase::Waiting, info: None, key: None, unscorable: HashMap::new() }
    }

    /// As its files say, or else its name.
    pub fn family(&self) -> Family {
        self.info.as_ref().map_or(self.spec.family, |info| info.family)
    }

    /// What its scores are.
    pub fn unit(&self) -> Unit {
        self.info.as_ref().map_or_else(Unit::default, |info| info.provenance.unit)
    }

    /// What its scores rest on, as far as that is known yet.
    pub(super) fn provenance(&self) -> Provenance {
        let unknown = || Provenance::of_recorded(self.spec.name.clone());
        self.info.as_ref().map_or_else(unknown, |info| info.provenance.clone())
    }

    /// Whether its scores come from a file.
    pub fn is_recorded(&self) -> bool {
        matches!(self.spec.source, ModelSource::Recorded(_))
    }

    /// Whether the engine may be asked to score with it.
    pub fn is_available(&self) -> bool {
        !self.is_recorded() && !matches!(self.phase, Phase::Failed(_) | Phase::Cancelled)
    }

    /// Whether its files are on their way, from the network or from the disk.
    pub fn is_opening(&self) -> bool {
        matches!(self.phase, Phase::Downloading { .. } | Phase::Loading { .. })
            || self.phase == Phase::Waiting && self.info.is_none()
    }

    /// Whether anything runs for it that can be cancelled.
    pub fn is_busy(&self) -> bool {
        self.is_opening() || matches!(self.phase, Phase::WaitingForMemory { .. } | Phase::WarmingUp | Phase::Scoring { .. })
    }

    /// Whether a word cannot be asked under a prompt.
    pub fn cannot_score(&self, prompt: PromptId, word: WordId) -> bool {
        self.unscorable.get(&prompt).is_some_and(|words| words.contains(&word))
    }
}
