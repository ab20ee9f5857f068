//! Scores of many words by a written checkpoint. Knows nothing of training.

use rewardscope::engine::plan::Forest;
use rewardscope::model::checkpoint::RewardModel;
use rewardscope::model::{Cancel, ModelError};

/// Conversations that are run at once.
const AT_ONCE: usize = 64;

/// The conversations as one forest, in which a common beginning stands once.
pub fn forest<C: AsRef<[u32]>>(conversations: &[C]) -> Result<Forest, ModelError> {
    let mut forest = Forest::new(0);
    for conversation in conversations {
        forest.add(conversation.as_ref()).map_err(|error| candle_core::Error::msg(error.to_string()))?;
    }
    Ok(forest)
}

/// Rewards of `words` as answers to `prompt`, in order.
pub fn scores(model: &RewardModel, prompt: &str, words: &[&str]) -> Result<Vec<f32>, ModelError> {
    let cancel = Cancel::default();
    let conversations: Vec<Vec<u32>> =
        model.tokenizer.encode_all(prompt, words, &cancel)?.into_iter().collect::<Result<_, _>>()?;
    let mut scores = Vec::with_capacity(words.len());
    for batch in conversations.chunks(AT_ONCE) {
        let forest = forest(batch)?;
        let hidden = model.decoder.forward(forest.nodes(), None, forest.reads(), false, &cancel)?.hidden;
        scores.extend(model.head.rewards(&hidden, None)?);
    }
    Ok(scores)
}
