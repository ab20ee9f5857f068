//! Many conversations as one batch for the decoder, and their scores.
//!
//! Knows token ids, nothing of training.

use std::collections::HashMap;

use rewardscope::model::checkpoint::RewardModel;
use rewardscope::model::decoder::{Nodes, NodesError};
use rewardscope::model::{Cancel, ModelError};

/// Conversations that are run at once when nothing is learned.
const AT_ONCE: usize = 64;

/// The conversations as one tree in which a common beginning stands once, and the node at which each ends.
pub fn tree(conversations: &[&[u32]]) -> Result<(Nodes, Vec<u32>), ModelError> {
    let refuse = |error: NodesError| candle_core::Error::msg(error.to_string());
    let mut nodes = Nodes::default();
    let mut children: HashMap<(Option<u32>, u32), u32> = HashMap::new();
    let mut ends = Vec::with_capacity(conversations.len());
    for conversation in conversations {
        let mut at = None;
        for &token in *conversation {
            at = Some(match children.get(&(at, token)) {
                Some(&child) => child,
                None => {
                    let child = nodes.push(token, at, 0).map_err(refuse)?;
                    children.insert((at, token), child);
                    child
                }
            });
        }
        ends.extend(at);
    }
    Ok((nodes, ends))
}

/// Rewards of `words` as answers to `prompt`, in order.
pub fn scores(model: &RewardModel, prompt: &str, words: &[&str]) -> Result<Vec<f32>, ModelError> {
    let cancel = Cancel::default();
    let conversations: Vec<Vec<u32>> =
        model.tokenizer.encode_all(prompt, words, &cancel)?.into_iter().collect::<Result<_, _>>()?;
    let mut scores = Vec::with_capacity(words.len());
    for batch in conversations.chunks(AT_ONCE) {
        let batch: Vec<&[u32]> = batch.iter().map(Vec::as_slice).collect();
        let (nodes, ends) = tree(&batch)?;
        scores.extend(model.head.rewards(&model.decoder.forward(&nodes, None, &ends, false, &cancel)?.hidden)?);
    }
    Ok(scores)
}
