//! What a head reads beside the score: at every token of a conversation, and after every layer.
//!
//! Says which models have such readings; `batch` computes them in the forward that gives the score. A reading after an
//! earlier layer takes that layer's state through the final norm into the head, which was trained on the last layer alone: it
//! explores, and proves no cause.

use candle_core::Tensor;

use super::Readings;
use super::prefix::Prefix;
use crate::model::ModelError;
use crate::model::checkpoint::RewardModel;
use crate::model::loaded::LoadedModel;

/// # Errors
/// A model that has no such readings, by name.
pub(super) fn allow(asked: Readings, model: &LoadedModel) -> Result<(), ModelError> {
    if asked == Readings::default() {
        return Ok(());
    }
    let refuse = |problem: &str, next: &str| Err(ModelError::unsupported(&model.info().provenance.source, problem, next));
    match model {
        LoadedModel::Language(_) => refuse(
            "it is a language model, and has no reward to read at tokens or layers",
            "Ask it for tokens alone: each token of a word comes with its log-probability",
        ),
        LoadedModel::Reward(model) if asked.by_token && model.head.is_gated() => refuse(
            "its head weighs objectives by a gate that reads one place of the conversation, so only the token that is read has a reward",
            "Ask for its scores, or for what its head reads after every layer",
        ),
        LoadedModel::Reward(_) => Ok(()),
    }
}

/// Rewards at the first `shared` tokens, whose states the prefix keeps.
pub(super) fn of_prefix(model: &RewardModel, prefix: Option<&Prefix>, shared: usize) -> Result<Vec<f32>, ModelError> {
    if shared == 0 {
        return Ok(Vec::new());
    }
    let state = |at: usize| prefix.and_then(|prefix| prefix.gate(at));
    let missing = || candle_core::Error::msg("the prefix was run without the states that are read");
    let states: Vec<&Tensor> = (0..shared).map(|at| state(at).ok_or_else(missing)).collect::<Result<_, _>>()?;
    model.published(model.head.rewards(&Tensor::cat(&states, 0)?, None)?)
}
