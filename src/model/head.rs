//! Hidden states to a reward.

use candle_core::Tensor;

use super::ModelError;

/// How the hidden state at the last token becomes one number. Always in f32; never through a sigmoid.
pub enum Head {
    /// `score.weight`, kept as `[rows, hidden_size]`; `row` is the one that holds the reward.
    Score { weight: Tensor, row: usize },
}

impl Head {
    /// `hidden` is `[words, hidden_size]` in f32; one reward a word, raw.
    pub fn rewards(&self, hidden: &Tensor) -> Result<Vec<f32>, ModelError> {
        match self {
            Head::Score { weight, row } => Ok(hidden.matmul(&weight.narrow(0, *row, 1)?.t()?)?.squeeze(1)?.to_vec1()?),
        }
    }
}
