//! Scores of many words by a written checkpoint. Knows nothing of training.

use rewardscope::engine::plan::Forest;
use rewardscope::model::checkpoint::RewardModel;
use rewardscope::model::{Cancel, ModelError};

/// Conversations that are run at once.
const AT_ONCE: usize = 64;

/// The conversations as one forest, in which a common beginning is there once, and the last node of each.
pub fn forest<C: AsRef<[u32]>>(conversations: &[C]) -> Result<(Forest, Vec<u32>), ModelError> {
    let (mut forest, mut last) = (Forest::default(), Vec::new());
    for conversation in conversations {
        let path = forest.path(0, conversation.as_ref()).map_err(|error| candle_core::Error::msg(error.to_string()))?;
        last.extend(path.last());
    }
    Ok((forest, last))
}

/// Rewards of `words` as answers to `prompt`, in order.
pub fn scores(model: &RewardModel, prompt: &str, words: &[&str]) -> Result<Vec<f32>, ModelError> {
    let cancel = Cancel::default();
    let conversations: Vec<Vec<u32>> =
        model.tokenizer.encode_all(prompt, words, &cancel)?.into_iter().collect::<Result<_, _>>()?;
    let mut scores = Vec::with_capacity(words.len());
    for batch in conversations.chunks(AT_ONCE) {
        let (forest, last) = forest(batch)?;
        let hidden = model.decoder.forward(forest.nodes(), None, &last, false, &cancel)?.hidden;
        scores.extend(model.head.rewards(&hidden, None)?);
    }
    Ok(scores)
}
