//! The heads of ArmoRM and QRM: many objectives, weighed by a gate that has read the prompt.
//!
//! `reward = Σ gate(h_gate) · (E[regression(h_last)] · reward_transform_matrix)`, where a regression on quantiles is first
//! averaged over them (ArmoRM `modeling_custom.py`; QRM in reward-bench `rewardbench/models/qrm.py`).

use candle_core::{D, Error};
use serde::Deserialize;

use super::gate::{self, Gate};
use super::read::{HeadLinear, Reader};
use super::{HeadKind, RewardHead};
use crate::ModelError;
use crate::nonempty::NonEmptyTensor;

const REGRESSION: &str = "regression_layer";
const TRANSFORM: &str = "reward_transform_matrix";

pub(super) const KIND: HeadKind = HeadKind {
    names: &["ArmoRM", "QRM"],
    modules: &[REGRESSION, gate::NAME],
    tensors: &[TRANSFORM],
    told_by: REGRESSION,
    is_named: |architecture| architecture.contains("WithGating"),
    load: |_, reader| Ok(Box::new(GatedHead::load(reader)?)),
};

#[derive(Default, Deserialize)]
struct Keys {
    num_quantiles: Option<usize>,
}

struct GatedHead {
    gate: Gate,
    /// `[objectives, hidden_size]`, already averaged over quantiles, which is linear.
    regression: HeadLinear,
    /// `[objectives, objectives]`, transposed: its rows are what objectives become.
    transform: HeadLinear,
    quantiles: usize,
}

impl GatedHead {
    fn load(reader: &mut Reader) -> Result<Self, ModelError> {
        let name = format!("{REGRESSION}.weight");
        let rows = reader.rows(&name)?;
        let gate = Gate::load(reader)?;
        let objectives = gate.objectives();
        let stated = reader.count("num_quantiles", reader.keys::<Keys>()?.num_quantiles)?;
        let quantiles = stated.unwrap_or(1);
        if rows != objectives * quantiles {
            let stated = if stated.is_some() { "" } else { " (num_quantiles is not given)" };
            return Err(reader.refuse(format!(
                "{name} has {rows} rows, and {objectives} objectives of {quantiles} quantiles{stated} need {}",
                objectives * quantiles
            )));
        }
        let hidden_size = reader.hidden_size();
        let regression = reader.tensor(&name, &[rows, hidden_size])?;
        let regression = reader.multiplier(regression.reshape(&[objectives, quantiles, hidden_size])?.mean(1)?, None)?;
        let transform = reader.tensor(TRANSFORM, &[objectives, objectives])?.t()?.contiguous()?;
        let transform = reader.multiplier(transform, None)?;
        Ok(GatedHead { gate, regression, transform, quantiles })
    }
}

impl RewardHead for GatedHead {
    fn describe(&self) -> String {
        let quantiles = if self.quantiles > 1 { format!(" of {} quantiles", self.quantiles) } else { String::new() };
        format!("{} objectives{quantiles}, gate of {} f32", self.gate.objectives(), self.gate.describe())
    }

    fn is_gated(&self) -> bool {
        true
    }

    fn rewards(&self, hidden: &NonEmptyTensor, gate: Option<&NonEmptyTensor>) -> candle_core::Result<NonEmptyTensor> {
        let gate = gate.ok_or_else(|| Error::msg("a gated head was asked without the gate's hidden state"))?;
        let objectives = self.transform.forward(&self.regression.forward(hidden)?)?;
        objectives.broadcast_mul(&self.gate.weights(gate)?)?.sum(D::Minus1)
    }
}
