//! The plain head: one matrix, of which one row is the reward.

use super::read::{HeadLinear, Reader};
use super::{HeadKind, RewardHead};
use crate::ModelError;
use crate::nonempty::NonEmptyTensor;
use rewardscope_base::remedy::Remedy;

pub(super) const NAME: &str = "score";

pub(super) const KIND: HeadKind = HeadKind {
    names: &["plain reward models"],
    modules: &[NAME],
    tensors: &[],
    told_by: NAME,
    is_named: |architecture| architecture.ends_with("ForSequenceClassification"),
    load: |reader| Ok(Box::new(ScoreHead::load(reader)?)),
};

/// `reward = hidden · weight[row]`.
struct ScoreHead {
    /// The row that holds the reward, `[1, hidden_size]`.
    weight: HeadLinear,
    /// Of the whole matrix.
    shape: [usize; 2],
    /// Which row that is.
    row: usize,
}

impl ScoreHead {
    /// Takes the row that the catalogue names; the published scripts read `logits[:, 0]`, whatever the number of rows.
    fn load(reader: &mut Reader) -> Result<Self, ModelError> {
        let name = format!("{NAME}.weight");
        let stored = reader.rows(&name)?;
        let rows = reader.config.labels.unwrap_or(stored);
        let weight = reader.tensor(&name, &[rows, reader.hidden_size()])?;
        let row = reader.row.unwrap_or(0);
        if row >= rows {
            let problem = format!("{name} has {rows} rows, and row {row} is asked for as the reward");
            return Err(ModelError::unsupported(
                reader.files.path("").display().to_string(),
                problem,
                format!("Take another with {}, or correct reward_row in models.toml; the first row is 0", Remedy::HeadRow),
            ));
        }
        let weight = reader.multiplier(weight.narrow(0, row, 1)?, None)?;
        Ok(ScoreHead { weight, shape: [rows, reader.hidden_size()], row })
    }
}

impl RewardHead for ScoreHead {
    fn describe(&self) -> String {
        match self.shape {
            dims @ [1, _] => format!("{NAME}.weight {dims:?} f32"),
            dims => format!("{NAME}.weight {dims:?} f32, row {}", self.row),
        }
    }

    fn rewards(&self, hidden: &NonEmptyTensor, _gate: Option<&NonEmptyTensor>) -> candle_core::Result<NonEmptyTensor> {
        self.weight.forward(hidden)?.squeeze(1)
    }
}
