//! Where a gate reads: the tokens that open the answer.
//!
//! The released code of ArmoRM and QRM holds fixed ids. Here the ids are made of the text by the checkpoint's own
//! tokenizer, so that they hold for any vocabulary.

use crate::ModelError;
use crate::text::tokenizer::ChatTokenizer;
use rewardscope_base::terms::Family;

/// The end of a turn and the opening of the answer, as a backbone's chat template writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatingPattern {
    text: &'static str,
    ids: Vec<u32>,
}

impl GatingPattern {
    /// Fails for a backbone whose gated models are not known.
    pub fn of(family: Family, tokenizer: &ChatTokenizer) -> Result<Self, ModelError> {
        let text = match family {
            Family::Llama => "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
            Family::Gemma => "<end_of_turn>\n<start_of_turn>model\n",
            _ => {
                return Err(ModelError::unsupported(
                    "the gate",
                    "for this backbone no gating pattern is known",
                    "This version knows those of Llama 3 and Gemma; please report the model",
                ));
            }
        };
        Ok(GatingPattern { text, ids: tokenizer.plain(text)? })
    }

    /// The first token of the last occurrence among the ids of a conversation; fails where there is none.
    pub fn last(&self, ids: &[u32]) -> Result<usize, ModelError> {
        last(&self.ids, ids).ok_or_else(|| {
            let problem = format!("the conversation does not hold the gating pattern {:?}, where the gate reads", self.text);
            ModelError::unsupported("the gate", problem, "Use the chat template that the model was trained with")
        })
    }
}

fn last(pattern: &[u32], ids: &[u32]) -> Option<usize> {
    if pattern.is_empty() {
        return None;
    }
    ids.windows(pattern.len()).rposition(|window| window == pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_occurrence_counts() {
        for (ids, expected) in
            [(&[1, 8, 9, 3, 8, 9, 4][..], Some(4)), (&[8, 9], Some(0)), (&[9, 8], None), (&[8], None), (&[], None)]
        {
            assert_eq!(last(&[8, 9], ids), expected, "{ids:?}");
        }
        assert_eq!(last(&[], &[1, 2]), None);
    }
}
