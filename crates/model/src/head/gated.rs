//! The heads of ArmoRM and QRM: many objectives, weighed by a gate that has read the prompt.
//!
//! `reward = Σ gate(h_gate) · (E[regression(h_last)] · reward_transform_matrix)`, where a regression on quantiles is first
//! averaged over them (ArmoRM `modeling_custom.py`; QRM in reward-bench `rewardbench/models/qrm.py`).

use candle_core::D;

use super::gate::Gate;
use super::read::{Linear, Reader};
use crate::ModelError;
use crate::nonempty::NonEmptyTensor;

const REGRESSION: &str = "regression_layer.weight";
const TRANSFORM: &str = "reward_transform_matrix";

pub struct GatedHead {
    gate: Gate,
    /// `[objectives, hidden_size]`, already averaged over quantiles, which is linear.
    regression: Linear,
    /// `[objectives, objectives]`, transposed: its rows are what objectives become.
    transform: Linear,
    quantiles: usize,
}

impl GatedHead {
    pub(super) fn load(reader: &mut Reader) -> Result<Self, ModelError> {
        let rows = reader.rows(REGRESSION)?;
        let gate = Gate::load(reader)?;
        let objectives = gate.objectives();
        let quantiles = reader.config.head.quantiles.unwrap_or(1);
        if rows != objectives * quantiles {
            let stated = if reader.config.head.quantiles.is_some() { "" } else { " (num_quantiles is not given)" };
            return Err(reader.refuse(format!(
                "{REGRESSION} has {rows} rows, and {objectives} objectives of {quantiles} quantiles{stated} need {}",
                objectives * quantiles
            )));
        }
        let hidden_size = reader.hidden_size();
        let regression = reader.tensor(REGRESSION, &[rows, hidden_size])?;
        let regression = reader.multiplier(regression.reshape(&[objectives, quantiles, hidden_size])?.mean(1)?, None)?;
        let transform = reader.tensor(TRANSFORM, &[objectives, objectives])?.t()?.contiguous()?;
        let transform = reader.multiplier(transform, None)?;
        Ok(GatedHead { gate, regression, transform, quantiles })
    }

    pub(super) fn describe(&self) -> String {
        let quantiles = if self.quantiles > 1 { format!(" of {} quantiles", self.quantiles) } else { String::new() };
        format!("{} objectives{quantiles}, gate of {} f32", self.gate.objectives(), self.gate.describe())
    }

    /// `hidden` is `[words, hidden_size]`, `gate` `[words, hidden_size]` or, for one prompt, `[1, hidden_size]`; to `[words]`.
    pub(super) fn rewards(&self, hidden: &NonEmptyTensor, gate: &NonEmptyTensor) -> candle_core::Result<NonEmptyTensor> {
        let objectives = self.transform.forward(&self.regression.forward(hidden)?)?;
        objectives.broadcast_mul(&self.gate.weights(gate)?)?.sum(D::Minus1)
    }
}
