//! How words are scored: what can be asked of the engine and what it tells.
//!
//! `worker` is the one thread that owns models and device; `plan` turns conversations into nodes to run. Requests state the
//! whole of what is wanted, in order, so the newest request wins and nothing has to be taken back piece by piece. A score
//! is a fact about model, prompt and word: one that arrives late does no harm.

use std::sync::Arc;

use crate::model::Provenance;
use crate::scores::{ModelId, PromptId, WordId};

/// Words to score by one model under one prompt.
#[derive(Clone, Debug)]
pub struct Job {
    pub model: ModelId,
    pub prompt: PromptId,
    /// The user's turn.
    pub prompt_text: Arc<str>,
    pub words: Vec<(WordId, Arc<str>)>,
}

/// What a model is doing. Bytes and words are counts; rates are per second; times are seconds.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// Its turn has not come.
    Waiting,
    Downloading {
        file: String,
        done_bytes: u64,
        total_bytes: u64,
        rate: f64,
    },
    Loading {
        done_bytes: u64,
        total_bytes: u64,
    },
    /// The prompt's shared prefix runs.
    WarmingUp,
    Scoring {
        prompt: PromptId,
        done: usize,
        total: usize,
        words_per_second: f64,
        eta: f64,
    },
    /// Nothing left to do for it.
    Idle,
    Failed(String),
    Cancelled,
}

/// What is known of a model once its files are read.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelInfo {
    pub family: crate::model::Family,
    pub provenance: Provenance,
    /// Memory that its weights take, in bytes; 0 for recorded scores.
    pub memory_bytes: u64,
}

/// Scores read from a file: all at once.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub words: Vec<Arc<str>>,
    pub prompts: Vec<crate::corpus::Prompt>,
    /// `[prompts][words]`; NaN where the file has no value.
    pub scores: Vec<Vec<f32>>,
}

/// What the engine tells, in order for each model.
#[derive(Clone, Debug)]
pub enum Event {
    Phase {
        model: ModelId,
        phase: Phase,
    },
    Ready {
        model: ModelId,
        info: Box<ModelInfo>,
    },
    Recorded {
        model: ModelId,
        recorded: Box<Recorded>,
    },
    Scores {
        model: ModelId,
        prompt: PromptId,
        scores: Vec<(WordId, f32)>,
    },
    /// Words that this model cannot be asked, each with the reason; the job goes on without them.
    Unscorable {
        model: ModelId,
        prompt: PromptId,
        words: Vec<(WordId, String)>,
    },
}
