//! Hidden states to a reward.

use candle_core::{DType, Device, Tensor};

use super::ModelError;
use super::config::ModelConfig;
use super::files::Files;
use super::weights::{Keep, Meter, Weights};
use crate::text;

const WEIGHT: &str = "score.weight";

/// How the hidden state at the last token becomes one number. Always in f32; never through a sigmoid.
pub enum Head {
    /// `score.weight`, kept as `[rows, hidden_size]`; `row` is the one that holds the reward.
    Score { weight: Tensor, row: usize },
}

impl Head {
    /// Finds the head among the tensors.
    ///
    /// A missing head is an error that lists what is there: a model loaded without one would give noise for rewards. So is
    /// any other `score.*` tensor, whose part in the reward is not known.
    pub fn load(
        files: &Files,
        config: &ModelConfig,
        weights: &Weights,
        device: &Device,
        meter: &mut Meter,
    ) -> Result<Self, ModelError> {
        let stored = weights.get(WEIGHT).ok_or_else(|| weights.missing(WEIGHT))?;
        if let Some((other, _)) = weights.tensors().find(|(name, _)| name.starts_with("score.") && *name != WEIGHT) {
            let problem = format!("beside {WEIGHT} there is {}", text::visible(other));
            let next = "This version reads heads of one matrix without bias, as transformers makes them";
            return Err(ModelError::unsupported(files.path("").display().to_string(), problem, next));
        }
        let rows = match (config.labels, stored.shape.as_slice()) {
            (Some(labels), _) => labels,
            (None, [rows, _]) => (*rows).max(1),
            (None, _) => 1,
        };
        let weight = weights.load(WEIGHT, &[rows, config.decoder.hidden_size], Keep::As(DType::F32), device, meter)?;
        // The published scripts read `logits[:, 0]`, whatever the number of rows.
        Ok(Head::Score { weight, row: 0 })
    }

    /// Values that the head adds to the model's.
    pub fn parameters(&self) -> u64 {
        match self {
            Head::Score { weight, .. } => weight.elem_count() as u64,
        }
    }

    /// For the provenance line: `score.weight [1, 2048] f32`.
    pub fn describe(&self) -> String {
        match self {
            Head::Score { weight, .. } if weight.dims().first() == Some(&1) => format!("{WEIGHT} {:?} f32", weight.dims()),
            Head::Score { weight, row } => format!("{WEIGHT} {:?} f32, row {row}", weight.dims()),
        }
    }

    /// `hidden` is `[words, hidden_size]` in f32; one reward a word, raw.
    pub fn rewards(&self, hidden: &Tensor) -> Result<Vec<f32>, ModelError> {
        match self {
            Head::Score { weight, row } => Ok(hidden.matmul(&weight.narrow(0, *row, 1)?.t()?)?.squeeze(1)?.to_vec1()?),
        }
    }
}
