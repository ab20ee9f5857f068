//! What is known of each opened model.

use std::collections::{HashMap, HashSet};

use crate::base::terms::{Family, ModelId, PromptId, Unit, WordId};
use crate::engine::Phase;
use crate::model::ModelInfo;
use crate::scores::store::Key;
use crate::sources::resolve::{ModelSource, ModelSpec};

#[derive(Clone, Debug)]
pub struct Model {
    pub id: ModelId,
    pub spec: ModelSpec,
    pub phase: Phase,
    /// Known once its files are read.
    pub info: Option<ModelInfo>,
    /// Under what its scores stand in the store.
    pub key: Option<Box<Key>>,
    /// Words that it cannot be asked under a prompt.
    pub unscorable: HashMap<PromptId, HashSet<WordId>>,
}

impl Model {
    pub fn new(id: ModelId, spec: ModelSpec) -> Model {
        Model { id, spec, phase: Phase::Waiting, info: None, key: None, unscorable: HashMap::new() }
    }

    pub fn family(&self) -> Family {
        self.info.as_ref().map_or(self.spec.family, |info| info.family)
    }

    /// What its scores are.
    pub fn unit(&self) -> Unit {
        self.info.as_ref().map_or_else(Unit::default, |info| info.provenance.unit)
    }

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

    pub fn cannot_score(&self, prompt: PromptId, word: WordId) -> bool {
        self.unscorable.get(&prompt).is_some_and(|words| words.contains(&word))
    }
}
