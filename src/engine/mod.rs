//! How words are scored: what can be asked of the engine and what it tells.
//!
//! `handle` is what the rest of the program holds; `worker` is the one thread that owns models and device; `batch` runs one
//! job in steps; `inspect` takes one conversation apart; `plan` turns conversations into nodes to run; `memory` says what fits. Requests state the whole of what is wanted, in order, so the newest request wins and nothing has to be taken back piece by piece. A score
//! is a fact about model, prompt and word: one that arrives late does no harm.

pub(crate) mod batch;
mod handle;
pub mod inspect;
pub(crate) mod memory;
pub mod plan;
mod worker;

use std::sync::Arc;

pub use handle::Engine;
pub use inspect::{Badge, Inspection};

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
    /// Tell the token ids as well.
    pub tokens: bool,
}

/// A word to be looked at as a model reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InspectRequest {
    pub model: ModelId,
    pub prompt_text: Arc<str>,
    pub word: Arc<str>,
    /// Other words of the list, with which it may share tokens.
    pub company: Vec<Arc<str>>,
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
    pub scores: Vec<Vec<f64>>,
    /// What a reader should know of the file: rows passed over, columns not read.
    pub notes: Vec<String>,
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
    /// Ids of whole conversations, before their scores, where the job asked for them.
    Tokens {
        model: ModelId,
        prompt: PromptId,
        tokens: Vec<(WordId, Vec<u32>)>,
    },
    /// Answers [`Engine::inspect`].
    Inspected {
        model: ModelId,
        prompt_text: Arc<str>,
        word: Arc<str>,
        inspection: Result<Box<Inspection>, String>,
    },
    /// Words that this model cannot be asked, each with the reason; the job goes on without them.
    Unscorable {
        model: ModelId,
        prompt: PromptId,
        words: Vec<(WordId, String)>,
    },
}
