//! The plain head: one matrix, of which one row is the reward, under the name that its authors gave it.

use super::read::{HeadLinear, Reader};
use super::{HeadKind, RewardHead};
use crate::ModelError;
use crate::nonempty::NonEmptyTensor;
use rewardscope_base::remedy::Remedy;

/// The name that transformers gives to the matrix.
pub(super) const NAME: &str = "score";

pub(super) const KIND: HeadKind = plain(&["plain reward models"], &[NAME], "score.weight");
/// reward-bench `rewardbench/models/{eurus,ultrarm}.py`.
pub(super) const REGRESSION_HEAD: HeadKind = plain(&["Eurus", "UltraRM"], &["regression_head"], "regression_head.weight");
/// OpenRLHF where `value_head_prefix` is `value_head`; Ziya's has a bias.
pub(super) const VALUE_HEAD: HeadKind = plain(&["OpenRLHF", "Ziya"], &["value_head"], "value_head.weight");
/// OpenLMLab's MOSS-RLHF.
pub(super) const REWARD_HEAD: HeadKind = plain(&["MOSS-RLHF"], &["reward_head"], "reward_head.weight");
/// PKU-Alignment's safe-rlhf, `models/score_model`.
pub(super) const SCORE_HEAD: HeadKind = plain(&["beaver"], &["score_head"], "score_head.weight");
/// reward-bench `rewardbench/models/starling.py`; InternLM's `modeling_internlm2.py`.
pub(super) const V_HEAD: HeadKind = plain(&["Starling", "InternLM2-Reward", "POLAR"], &["v_head"], "v_head.weight");

/// A plain head whose matrix is `told_by`, in the one module of `modules`.
const fn plain(names: &'static [&'static str], modules: &'static [&'static str], told_by: &'static str) -> HeadKind {
    HeadKind {
        names,
        modules,
        tensors: &[],
        told_by,
        is_named: is_a_classifier,
        load: |kind, reader| Ok(Box::new(ScoreHead::load(kind.modules.concat(), reader)?)),
    }
}

/// True for the classes of transformers that end in a plain head, and for those that bear their name.
pub(super) fn is_a_classifier(architecture: &str) -> bool {
    architecture.ends_with("ForSequenceClassification")
}

/// `reward = hidden · weight[row] + bias[row]`.
struct ScoreHead {
    module: String,
    /// The row that holds the reward, `[1, hidden_size]`.
    weight: HeadLinear,
    /// Of the whole matrix.
    shape: [usize; 2],
    /// Which row that is.
    row: usize,
}

impl ScoreHead {
    /// Takes the row that the catalogue names; the published scripts read `logits[:, 0]`, whatever the number of rows.
    fn load(module: String, reader: &mut Reader) -> Result<Self, ModelError> {
        let name = format!("{module}.weight");
        let stored = reader.rows(&name)?;
        // Classes of their own have as many rows as they like, whatever config.json counts.
        let labels = reader.config.labels.filter(|_| module == NAME && is_a_classifier(&reader.config.architecture));
        let rows = labels.unwrap_or(stored);
        let weight = reader.tensor(&name, &[rows, reader.hidden_size()])?;
        let row = reader.row.take().unwrap_or(0);
        if row >= rows {
            let rows = if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") };
            let problem = format!("{name} has {rows}, and row {row} is asked for as the reward");
            return Err(ModelError::unsupported(
                reader.files.path("").display().to_string(),
                problem,
                format!("Take another with {}, or correct reward_row in models.toml; the first row is 0", Remedy::HeadRow),
            ));
        }
        // transformers builds `score` without a bias: one beside it has a part that is not known.
        let bias = format!("{module}.bias");
        let bias = match module != NAME && reader.has(&bias) {
            true => Some(reader.tensor(&bias, &[rows])?.narrow(0, row, 1)?),
            false => None,
        };
        let weight = reader.multiplier(weight.narrow(0, row, 1)?, bias)?;
        Ok(ScoreHead { module, weight, shape: [rows, reader.hidden_size()], row })
    }
}

impl RewardHead for ScoreHead {
    fn describe(&self) -> String {
        let module = &self.module;
        match self.shape {
            dims @ [1, _] => format!("{module}.weight {dims:?} f32"),
            dims => format!("{module}.weight {dims:?} f32, row {}", self.row),
        }
    }

    fn rewards(&self, hidden: &NonEmptyTensor, _gate: Option<&NonEmptyTensor>) -> candle_core::Result<NonEmptyTensor> {
        self.weight.forward(hidden)?.squeeze(1)
    }
}
