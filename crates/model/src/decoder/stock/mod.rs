//! Language models of other architectures, as candle-transformers computes them: logits of the next token, conversation by
//! conversation.
//!
//! `models` has candle's constructors, `weights` gives them their tensors. What a model has seen is kept at every token that was
//! read, so that a word costs a run of each of its tokens alone; where candle's code cannot keep it, every read runs its whole
//! conversation.

mod models;
mod weights;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;

use super::{Nodes, Wanted};
use crate::format::config;
use crate::{Cancel, ModelError};
use models::Model;
use weights::Named;
pub(crate) use weights::Tensors;

/// One of candle's models in memory.
pub(super) struct Stock {
    /// Has seen nothing whenever it is free.
    model: Mutex<Box<dyn Model>>,
    vocab_size: usize,
    device: Device,
}

/// One conversation, and what the model held after some of its tokens.
#[derive(Clone, Debug, Default)]
pub(super) struct Trail {
    tokens: Vec<u32>,
    /// In order of length.
    states: Vec<Arc<State>>,
}

/// After the first `length` tokens of a conversation.
struct State {
    length: usize,
    /// None where candle's code keeps nothing that can be copied.
    model: Option<Box<dyn Model>>,
    /// Of the token that comes next, `[vocab_size]`.
    logits: Vec<f32>,
}

/// What a forward gave.
pub(super) struct Run {
    /// Of the token after each read, `[reads, vocab_size]`.
    pub logits: Vec<f32>,
    /// The conversation of the last node that was to be kept, from its start.
    pub kept: Trail,
}

impl Stock {
    /// Builds the model that `config` says, in f32.
    ///
    /// # Errors
    /// Keys that candle cannot read, a tensor that is missing or has another shape, and
    /// [`ModelError::Cancelled`].
    pub(super) fn load(
        config: &config::Stock,
        vocab_size: usize,
        device: &Device,
        tensors: &dyn Tensors,
    ) -> Result<Self, ModelError> {
        let failed = Mutex::new(None);
        let named = Named { tensors, failed: &failed };
        let built =
            models::build(config.module, &config.keys, VarBuilder::from_backend(Box::new(named), DType::F32, device.clone()));
        let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
        let model = Mutex::new(built.map_err(|error| failed.unwrap_or(error))?);
        Ok(Stock { model, vocab_size, device: device.clone() })
    }

    /// Runs what `wanted` reads and keeps, behind the conversation `past`. `cancel` is looked at before each read.
    pub(super) fn forward(
        &self,
        nodes: &Nodes,
        past: Option<&Trail>,
        wanted: Wanted<'_>,
        cancel: &Cancel,
    ) -> Result<Run, ModelError> {
        let mut trail = past.cloned().unwrap_or_default();
        let before = past.map_or(&[][..], |past| &past.tokens);
        let conversation = |node: u32| {
            let mut path: Vec<u32> = nodes.with_ancestors(node).collect();
            path.reverse();
            let root = path.first().map_or(0, |&root| nodes.positions()[root as usize] as usize);
            before[..root].iter().copied().chain(path.into_iter().map(|node| nodes.tokens()[node as usize])).collect::<Vec<u32>>()
        };
        let mut logits = Vec::with_capacity(wanted.reads.len() * self.vocab_size);
        for &node in wanted.reads {
            cancel.check()?;
            logits.extend_from_slice(&trail.follow(conversation(node), self)?.logits);
        }
        if let Some(&last) = wanted.keep.last() {
            cancel.check()?;
            trail.follow(conversation(last), self)?;
        }
        Ok(Run { logits, kept: trail })
    }

    /// The state after one more token than `state` has seen; `None` where that cannot be copied.
    fn after(&self, state: &State, token: u32) -> candle_core::Result<Option<State>> {
        let Some(mut model) = state.model.as_ref().and_then(|model| model.copy()) else { return Ok(None) };
        let logits = self.run(&mut *model, &[token], state.length)?;
        Ok(Some(State { length: state.length + 1, model: Some(model), logits }))
    }

    /// The state after a conversation that is run as a whole.
    fn whole(&self, conversation: &[u32]) -> candle_core::Result<State> {
        let mut free = self.model.lock().unwrap_or_else(PoisonError::into_inner);
        let length = conversation.len();
        if let Some(mut model) = free.copy() {
            drop(free);
            let logits = self.run(&mut *model, conversation, 0)?;
            return Ok(State { length, model: Some(model), logits });
        }
        free.forget();
        let logits = self.run(&mut **free, conversation, 0);
        free.forget();
        Ok(State { length, model: None, logits: logits? })
    }

    fn run(&self, model: &mut dyn Model, ids: &[u32], at: usize) -> candle_core::Result<Vec<f32>> {
        let ids = Tensor::new(ids, &self.device)?.unsqueeze(0)?;
        let logits: Vec<f32> = model.run(&ids, at)?.flatten_all()?.to_vec1()?;
        if logits.len() != self.vocab_size {
            candle_core::bail!("{} logits for a vocabulary of {}", logits.len(), self.vocab_size);
        }
        Ok(logits)
    }
}

impl Trail {
    /// The state after `conversation`, which becomes this trail's; states of what it shares with the one before are kept.
    fn follow(&mut self, conversation: Vec<u32>, stock: &Stock) -> candle_core::Result<&State> {
        self.cut(self.tokens.iter().zip(&conversation).take_while(|(a, b)| a == b).count());
        let held = self.states.last().map_or(0, |state| state.length);
        if held < conversation.len() {
            let next = match (self.states.last(), &conversation[held..]) {
                (Some(state), &[token]) => stock.after(state, token)?,
                _ => None,
            };
            let next = next.map_or_else(|| stock.whole(&conversation), Ok)?;
            self.states.push(Arc::new(next));
        }
        self.tokens = conversation;
        match self.states.last() {
            Some(state) => Ok(state),
            None => candle_core::bail!("a conversation without tokens was read"),
        }
    }

    /// Keeps the first `length` tokens.
    pub(super) fn cut(&mut self, length: usize) {
        self.tokens.truncate(length);
        self.states.retain(|state| state.length <= length);
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("length", &self.length).finish_non_exhaustive()
    }
}
