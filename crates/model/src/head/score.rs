//! The plain head: one matrix, of which one row is the reward.

use super::read::{Linear, Reader};
use crate::ModelError;
use crate::nonempty::NonEmptyTensor;

const WEIGHT: &str = "score.weight";

/// `reward = hidden · weight[row]`.
pub struct ScoreHead {
    /// The row that holds the reward, `[1, hidden_size]`.
    weight: Linear,
    /// Of the whole matrix.
    shape: [usize; 2],
    /// Which row that is.
    row: usize,
}

impl ScoreHead {
    /// Takes row `row` as the reward, where that is given; the published scripts read `logits[:, 0]`, whatever the number
    /// of rows.
    pub(super) fn load(reader: &mut Reader, row: Option<usize>) -> Result<Self, ModelError> {
        let stored = reader.rows(WEIGHT)?;
        let rows = reader.config.labels.unwrap_or(stored);
        let weight = reader.tensor(WEIGHT, &[rows, reader.hidden_size()])?;
        let row = row.unwrap_or(0);
        if row >= rows {
            let problem = format!("{WEIGHT} has {rows} rows, and the catalogue takes row {row} for the reward");
            return Err(ModelError::unsupported(
                reader.files.path("").display().to_string(),
                problem,
                "Correct reward_row in models.toml; the first row is 0",
            ));
        }
        let weight = reader.multiplier(weight.narrow(0, row, 1)?, None)?;
        Ok(ScoreHead { weight, shape: [rows, reader.hidden_size()], row })
    }

    pub(super) fn describe(&self) -> String {
        match self.shape {
            dims @ [1, _] => format!("{WEIGHT} {dims:?} f32"),
            dims => format!("{WEIGHT} {dims:?} f32, row {}", self.row),
        }
    }

    /// `[words, hidden_size]` to `[words]`.
    pub(super) fn rewards(&self, hidden: &NonEmptyTensor) -> candle_core::Result<NonEmptyTensor> {
        self.weight.forward(hidden)?.squeeze(1)
    }
}
