//! The logit of one token after the conversation, as language models give it that were trained to say a reward so: NVIDIA's
//! Llama-3.1-Nemotron-70B-Reward reads token 0 (its model card). No file of such a model tells it from a language model.

use super::RewardHead;
use super::read::{HeadLinear, Reader};
use crate::ModelError;
use crate::format::head_names::{EMBEDDING, LM_HEAD};
use crate::nonempty::NonEmptyTensor;
use candle_core::Device;
use rewardscope_base::remedy::Remedy;

/// `reward = hidden · output_matrix[token]`
pub(super) struct TokenLogit {
    /// `lm_head.weight`, or the embedding where it is the output matrix.
    matrix: &'static str,
    token: u32,
    /// `[1, hidden_size]`
    row: HeadLinear,
    /// Logits pass through `cap · tanh(x / cap)`.
    softcap: Option<f64>,
}

impl TokenLogit {
    pub(super) fn load(reader: &mut Reader, token: u32) -> Result<Self, ModelError> {
        let matrix = if reader.config.tied { EMBEDDING } else { LM_HEAD };
        let (rows, hidden_size) = (reader.config.decoder.vocab_size, reader.hidden_size());
        if token as usize >= rows {
            let problem = format!("{} asks for a row of {matrix}, which has {rows} of them", Remedy::TokenLogit.with(token));
            let next = "Name a token of the vocabulary by its id; the first is 0";
            return Err(ModelError::unsupported(reader.files.path("").display().to_string(), problem, next));
        }
        let table = reader.weights.embedding(matrix, rows, hidden_size, reader.meter)?;
        let mut row = vec![0.0; hidden_size];
        table.rows(&[token], &mut row)?;
        let row = reader.multiplier(NonEmptyTensor::new(row, &[1, hidden_size], &Device::Cpu)?, None)?;
        Ok(TokenLogit { matrix, token, row, softcap: reader.config.final_softcap })
    }
}

impl RewardHead for TokenLogit {
    fn describe(&self) -> String {
        let cap = self.softcap.map(|cap| format!(", capped at {cap}")).unwrap_or_default();
        format!("logit of token {} by {} f32{cap}", self.token, self.matrix)
    }

    fn rewards(&self, hidden: &NonEmptyTensor, _gate: Option<&NonEmptyTensor>) -> candle_core::Result<NonEmptyTensor> {
        let logits = self.row.forward(hidden)?.squeeze(1)?;
        match self.softcap {
            Some(cap) => logits.affine(1.0 / cap, 0.0)?.tanh()?.affine(cap, 0.0),
            None => Ok(logits),
        }
    }
}
