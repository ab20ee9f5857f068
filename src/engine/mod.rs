//! How words are scored: what can be asked of the engine, and the events that it answers with.
//!
//! `handle` is the interface for the rest of the program; `worker` is the one thread that owns models and device; `batch` runs one
//! job in steps, by `likelihood` where the model is a language model; `inspect` takes one conversation apart; `plan` turns
//! conversations into nodes to run; `implicit` asks two language models and tells one score; `vocabulary` makes words of
//! tokens; `readings` reads a head at every token and layer; `pairs` asks which of two answers a model prefers; `scorer` asks one loaded model without a worker; `fit` says what
//! fits, by `memory`; `store_adapter` writes scores to the store before they are told, and recalls them; `events` is where all
//! of it tells what happens; `caught` makes errors of panics.
//!
//! Requests state the whole of what is wanted, in order, so the newest request wins and nothing has to be taken back piece by
//! piece. A score is a fact about model, prompt and word: one that arrives late does no harm.

pub mod batch;
mod caught;
#[cfg(test)]
mod composed_tests;
pub mod events;
pub mod fit;
mod handle;
pub mod implicit;
pub mod inspect;
mod likelihood;
pub(crate) mod memory;
pub mod pairs;
pub mod plan;
mod prefix;
mod readings;
pub mod scorer;
pub mod store_adapter;
pub mod vocabulary;
mod worker;

use std::sync::Arc;

pub use caught::caught;
pub use fit::Fit;
pub use handle::{Engine, is_reward_model};
pub use inspect::{Badge, Inspection};

use crate::base::terms::{ModelId, PromptId, WordId};
use crate::corpus::Corpus;
use crate::model::ModelInfo;
use crate::model::hub;
use crate::recorded::scores::Recorded;
use crate::scores::store::Key;
use crate::scores::table::decimal;
use crate::tables::long::{IndexedToken, TokenColumns};

/// Words to score by one model under one prompt.
#[derive(Clone, Debug)]
pub struct Job {
    /// The model that is asked.
    pub model: ModelId,
    /// The id under which the scores come back.
    pub prompt: PromptId,
    /// The user's turn.
    pub prompt_text: Arc<str>,
    /// Texts of the words, with the ids under which the scores come back.
    pub words: Vec<(WordId, Arc<str>)>,
    /// Where the words are tokens of the model's vocabulary, the id of each: a language model then tells the probability
    /// of these, all from one forward, and does not tokenize the texts. Else empty.
    pub token_ids: Vec<u32>,
    /// Send [`Event::Tokens`] as well.
    pub tokens: bool,
    /// Send the token that a reward is read at with [`Event::Tokens`], for words of which it is not the last one.
    pub read_tokens: bool,
    /// What is read of each conversation beside its score, and sent with [`Event::Tokens`].
    pub readings: Readings,
}

/// What a reward model's head reads of a conversation beside its score.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readings {
    /// The reward at every token.
    pub by_token: bool,
    /// The reward at the token that is read, from the state after every layer through the final norm. The head was trained on
    /// the last layer alone, so this explores where a preference forms and proves no cause.
    pub by_layer: bool,
}

impl Job {
    /// True where the job asks for nothing that the store does not keep.
    pub fn wants_scores_alone(&self) -> bool {
        !self.tokens && self.readings == Readings::default()
    }

    /// A job for words that are given as texts, without [`Event::Tokens`].
    pub fn new(model: ModelId, prompt: PromptId, prompt_text: Arc<str>, words: Vec<(WordId, Arc<str>)>) -> Self {
        Job {
            model,
            prompt,
            prompt_text,
            words,
            token_ids: Vec::new(),
            tokens: false,
            read_tokens: false,
            readings: Readings::default(),
        }
    }
}

/// A word to be looked at as a model reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InspectRequest {
    /// The model whose template and tokenizer are used.
    pub model: ModelId,
    /// The user's turn.
    pub prompt_text: Arc<str>,
    /// The word, exactly as it is scored.
    pub word: Arc<str>,
    /// Other words of the list, with which it may share tokens.
    pub company: Vec<Arc<str>>,
    /// A reward model that is not loaded is loaded, so that its head can be read.
    pub load: bool,
}

/// Why a head has not been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// The model is not loaded.
    NotLoaded,
    /// It failed, for this reason.
    Refused(String),
}

/// What a model is doing. Bytes and words are counts; rates are per second; times are seconds.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// Its turn has not come.
    Waiting,
    /// It made room for another model, and there is none for it now. It goes on as soon as there is.
    WaitingForMemory {
        /// The least that the model takes.
        needed_bytes: u64,
        /// Free on its device.
        free_bytes: u64,
    },
    /// Its files are being fetched from the hub.
    Downloading {
        /// The file that is being fetched.
        file: String,
        /// Done so far.
        done_bytes: u64,
        /// Of all files.
        total_bytes: u64,
        /// Bytes a second.
        rate: f64,
    },
    /// Its weights are being read.
    Loading {
        /// Done so far.
        done_bytes: u64,
        /// Of all files.
        total_bytes: u64,
        /// Memory that the model is expected to take, once that is known.
        fit: Option<Fit>,
    },
    /// The prompt's shared prefix runs.
    WarmingUp,
    /// Words under one prompt are being scored.
    Scoring {
        /// The prompt of the job.
        prompt: PromptId,
        /// Words that are scored.
        done: usize,
        /// Words of the job.
        total: usize,
        /// Pace of this job.
        words_per_second: f64,
        /// Seconds that are left for this job.
        eta: f64,
    },
    /// Nothing left to do for it.
    Idle,
    /// It cannot be used, for this reason.
    Failed(String),
    /// Its download or load was cancelled.
    Cancelled,
}

impl From<hub::Progress> for Phase {
    fn from(hub::Progress { file, done_bytes, total_bytes, rate }: hub::Progress) -> Self {
        Phase::Downloading { file, done_bytes, total_bytes, rate }
    }
}

/// How a word was put to a model, token by token.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WordTokens {
    /// Ids of the whole conversation; empty where neither tokens nor rewards at tokens were asked for.
    pub ids: Vec<u32>,
    /// Of a reward model, where asked for: the reward at each of `ids`.
    pub token_rewards: Vec<f32>,
    /// Of a reward model, where asked for: what the head reads after each layer. The last is the score.
    pub layer_rewards: Vec<f32>,
    /// Of a language model: the log-probabilities, in nats, of the last tokens of `ids`, each given all before it. Their
    /// sum is the score. Empty for a reward model.
    pub log_probabilities: Vec<f32>,
    /// The first of the word's tokens includes text before the word. Only known of a language model.
    pub merged: bool,
    /// The token that the reward is read at, where it is not the last one.
    pub read_token: Option<IndexedToken>,
}

impl From<WordTokens> for TokenColumns {
    fn from(tokens: WordTokens) -> Self {
        let decimals = |values: Vec<f32>| values.into_iter().map(decimal).collect();
        TokenColumns {
            token_ids: tokens.ids,
            token_logprobs: decimals(tokens.log_probabilities),
            token_rewards: decimals(tokens.token_rewards),
            layer_rewards: decimals(tokens.layer_rewards),
            merged: tokens.merged,
            read_token: tokens.read_token,
        }
    }
}

/// An answer of the engine. Those about one model come in order.
#[derive(Clone, Debug)]
pub enum Event {
    /// What a model is doing has changed.
    Phase {
        /// The model it is about.
        model: ModelId,
        /// What the model is doing now.
        phase: Phase,
    },
    /// The key of a model's scores in the store: before the first of them, and once more where the model is another one when it
    /// is opened again. Not without a store.
    Key {
        /// The model it is about.
        model: ModelId,
        /// The key.
        key: Box<Key>,
    },
    /// May come twice: from the store, and once more when the model is loaded.
    Ready {
        /// The model it is about.
        model: ModelId,
        /// Family and provenance.
        info: Box<ModelInfo>,
    },
    /// The model's vocabulary, where it was opened with [`LoadOptions::vocabulary`](crate::model::LoadOptions); before anything is
    /// loaded.
    Vocabulary {
        /// The model it is about.
        model: ModelId,
        /// A word for each token, in the order of ids.
        corpus: Arc<Corpus>,
    },
    /// A file of recorded scores has been read.
    Recorded {
        /// The model it is about.
        model: ModelId,
        /// Everything that the file holds.
        recorded: Box<Recorded>,
    },
    /// Scores, computed or from the store.
    Scores {
        /// The model it is about.
        model: ModelId,
        /// The prompt of the job.
        prompt: PromptId,
        /// The numbers that are shown, written and computed with, see [`crate::scores::table::decimal`].
        scores: Vec<(WordId, f64)>,
    },
    /// Tokens and readings of whole conversations, before their scores, where the job asked for them.
    Tokens {
        /// The model it is about.
        model: ModelId,
        /// The prompt of the job.
        prompt: PromptId,
        /// Of each word.
        tokens: Vec<(WordId, WordTokens)>,
    },
    /// Answers [`Engine::inspect`].
    Inspected {
        /// The model it is about.
        model: ModelId,
        /// The user's turn that was asked for.
        prompt_text: Arc<str>,
        /// The word that was asked for.
        word: Arc<str>,
        /// The conversation, or why it cannot be made.
        inspection: Result<Box<Inspection>, String>,
    },
    /// Follows [`Event::Inspected`] of a reward model: what its head reads at every token, but for a gated head, and after
    /// every layer. Of several words that were asked for meanwhile the newest is read.
    Read {
        /// The model it is about.
        model: ModelId,
        /// The user's turn that was asked for.
        prompt_text: Arc<str>,
        /// The word that was asked for.
        word: Arc<str>,
        /// The readings, or why there are none.
        readings: Result<Box<WordTokens>, Unread>,
    },
    /// Something about the store that the user should know; of no model.
    Notice {
        /// A sentence for the user.
        text: String,
    },
    /// Words that this model cannot be asked, each with the reason; the job goes on without them.
    Unscorable {
        /// The model it is about.
        model: ModelId,
        /// The prompt of the job.
        prompt: PromptId,
        /// The words, each with the reason.
        words: Vec<(WordId, String)>,
    },
}

impl Event {
    /// Whom it is about; none for what is about no model.
    pub fn model(&self) -> Option<ModelId> {
        match self {
            Event::Phase { model, .. }
            | Event::Ready { model, .. }
            | Event::Key { model, .. }
            | Event::Vocabulary { model, .. }
            | Event::Recorded { model, .. }
            | Event::Scores { model, .. }
            | Event::Tokens { model, .. }
            | Event::Inspected { model, .. }
            | Event::Read { model, .. }
            | Event::Unscorable { model, .. } => Some(*model),
            Event::Notice { .. } => None,
        }
    }
}
