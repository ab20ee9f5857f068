//! The gate of ArmoRM and QRM: from the hidden state at the end of the prompt to the weight of each objective.
//!
//! `gating.layers` is a list in which layers without tensors count as well, so that the numbers in the file tell the order:
//!
//! | numbers of the linear layers | norm | read as |
//! | --- | --- | --- |
//! | 0, 1, 2, 3 | none | Linear, ReLU (ArmoRM, `modeling_custom.py`) |
//! | 0, 3, 6, 9 | 2, 5, 8 | Linear, ReLU, BatchNorm (QRM, reward-bench `rewardbench/models/qrm.py`) |
//! | 0, 3, 6, 9 | 1, 4, 7 | Linear, BatchNorm, ReLU |
//! | 0, 2, 4, 6 | none | Linear, ReLU, ReLU being a layer |
//!
//! Anything else is refused.

use serde::Deserialize;

use super::read::{HeadLinear, Reader};
use crate::ModelError;
use crate::nonempty::NonEmptyTensor;

pub(super) const NAME: &str = "gating";
/// Where config.json says nothing (`modeling_custom.py`).
const TEMPERATURE: f64 = 10.0;
/// PyTorch's default, which no file states.
const BATCH_NORM_EPSILON: f64 = 1e-5;

#[derive(Default, Deserialize)]
struct Keys {
    num_objectives: Option<usize>,
    gating_temperature: Option<f64>,
    /// Rows of a hidden layer.
    gating_hidden_dim: Option<usize>,
    /// Hidden layers.
    gating_n_hidden: Option<usize>,
}

pub(super) struct Gate {
    hidden: Vec<Hidden>,
    last: HeadLinear,
    temperature: f64,
    /// `gating.logit_scale`, `[1]`
    scale: NonEmptyTensor,
}

struct Hidden {
    linear: HeadLinear,
    norm: Norm,
}

enum Norm {
    None,
    AfterReLU(BatchNorm),
    BeforeReLU(BatchNorm),
}

/// One hidden layer's place in the list, and how it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    Plain,
    NormAfterReLU,
    NormBeforeReLU,
}

impl Gate {
    pub(super) fn load(reader: &mut Reader) -> Result<Self, ModelError> {
        let keys: Keys = reader.keys()?;
        let objectives = reader.count("num_objectives", keys.num_objectives)?;
        let temperature = reader.positive("gating_temperature", keys.gating_temperature)?.unwrap_or(TEMPERATURE);
        let neurons = reader.count("gating_hidden_dim", keys.gating_hidden_dim)?;
        let hidden_layers = reader.count("gating_n_hidden", keys.gating_n_hidden)?;
        let numbers = numbers(reader, "weight");
        let norms = numbers_of_norms(reader);
        let linears: Vec<usize> = numbers.into_iter().filter(|n| !norms.contains(n)).collect();
        let Some((&last, hidden)) = linears.split_last() else {
            return Err(reader.weights.missing(&format!("{NAME}.layers.0.weight")));
        };
        if let Some(stated) = hidden_layers.filter(|&stated| stated != hidden.len()) {
            let problem = format!("gating_n_hidden is {stated}, and {NAME}.layers has {} hidden layers", hidden.len());
            return Err(reader.refuse(problem));
        }
        let mut input = reader.hidden_size();
        let mut layers = Vec::with_capacity(hidden.len());
        for (&at, &next) in linears.iter().zip(linears.iter().skip(1)) {
            let within: Vec<usize> = norms.iter().copied().filter(|n| (at..next).contains(n)).collect();
            let layout = layout(next - at, &within.iter().map(|n| n - at).collect::<Vec<_>>())
                .ok_or_else(|| reader.refuse(format!("{NAME}.layers.{at} to {next} stand in an order that is not known")))?;
            let name = format!("{NAME}.layers.{at}");
            let out = match neurons {
                Some(neurons) => neurons,
                None => reader.rows(&format!("{name}.weight"))?,
            };
            let bias = reader.has(&format!("{name}.bias"));
            let linear = reader.linear(&name, out, input, bias)?;
            let norm = match (layout, within.first()) {
                (Layout::NormAfterReLU, Some(n)) => Norm::AfterReLU(BatchNorm::load(reader, *n, out)?),
                (Layout::NormBeforeReLU, Some(n)) => Norm::BeforeReLU(BatchNorm::load(reader, *n, out)?),
                _ => Norm::None,
            };
            layers.push(Hidden { linear, norm });
            input = out;
        }
        let name = format!("{NAME}.layers.{last}");
        let objectives = match objectives {
            Some(objectives) => objectives,
            None => reader.rows(&format!("{name}.weight"))?,
        };
        let bias = reader.has(&format!("{name}.bias"));
        let last = reader.linear(&name, objectives, input, bias)?;
        let scale = reader.tensor(&format!("{NAME}.logit_scale"), &[1])?;
        Ok(Gate { hidden: layers, last, temperature, scale })
    }

    pub(super) fn objectives(&self) -> usize {
        self.last.rows()
    }

    /// `4 layers, batch norm, temperature 10`
    pub(super) fn describe(&self) -> String {
        let norm = match self.hidden.first().map(|hidden| &hidden.norm) {
            Some(Norm::AfterReLU(_)) => ", batch norm after ReLU",
            Some(Norm::BeforeReLU(_)) => ", batch norm before ReLU",
            _ => "",
        };
        format!("{} layers{norm}, temperature {}", self.hidden.len() + 1, self.temperature)
    }

    /// `[rows, hidden_size]` to weights `[rows, objectives]`: softmax(x / temperature) · scale.
    pub(super) fn weights(&self, hidden: &NonEmptyTensor) -> candle_core::Result<NonEmptyTensor> {
        let mut x = hidden.clone();
        for Hidden { linear, norm } in &self.hidden {
            let y = linear.forward(&x)?;
            x = match norm {
                Norm::None => y.relu()?,
                Norm::AfterReLU(norm) => norm.forward(&y.relu()?)?,
                Norm::BeforeReLU(norm) => norm.forward(&y)?.relu()?,
            };
        }
        let logits = self.last.forward(&x)?.affine(1.0 / self.temperature, 0.0)?;
        logits.softmax()?.broadcast_mul(&self.scale)
    }
}

/// Batch norm as it is used after training: by its running statistics, so that no row depends on another.
struct BatchNorm {
    mean: NonEmptyTensor,
    /// `weight / √(running_var + epsilon)`
    factor: NonEmptyTensor,
    bias: NonEmptyTensor,
}

impl BatchNorm {
    fn load(reader: &mut Reader, number: usize, size: usize) -> Result<Self, ModelError> {
        let mut part = |part: &str| reader.tensor(&format!("{NAME}.layers.{number}.{part}"), &[size]);
        let (weight, bias, mean, variance) = (part("weight")?, part("bias")?, part("running_mean")?, part("running_var")?);
        let factor = weight.div(&variance.affine(1.0, BATCH_NORM_EPSILON)?.sqrt()?)?;
        Ok(BatchNorm { mean, factor, bias })
    }

    fn forward(&self, x: &NonEmptyTensor) -> candle_core::Result<NonEmptyTensor> {
        x.broadcast_sub(&self.mean)?.broadcast_mul(&self.factor)?.broadcast_add(&self.bias)
    }
}

/// How a hidden layer is read from the distance to the next one and the places of batch norms between.
fn layout(distance: usize, norms: &[usize]) -> Option<Layout> {
    match (distance, norms) {
        (1 | 2, []) => Some(Layout::Plain),
        (3, [2]) => Some(Layout::NormAfterReLU),
        (3, [1]) => Some(Layout::NormBeforeReLU),
        _ => None,
    }
}

/// Layers of the gate that have such a tensor, in order.
fn numbers(reader: &Reader, part: &str) -> Vec<usize> {
    let number =
        |name: &str| name.strip_prefix(NAME)?.strip_prefix(".layers.")?.strip_suffix(part)?.strip_suffix('.')?.parse().ok();
    let mut numbers: Vec<usize> = reader.weights.tensors().filter_map(|(name, _)| number(name)).collect();
    numbers.sort_unstable();
    numbers
}

/// A vector of weights, or running statistics, make a layer a batch norm; what it lacks is then named.
fn numbers_of_norms(reader: &Reader) -> Vec<usize> {
    let is_vector =
        |n: &usize| reader.weights.get(&format!("{NAME}.layers.{n}.weight")).is_some_and(|stored| stored.shape.len() == 1);
    let mut norms: Vec<usize> = numbers(reader, "weight").into_iter().filter(is_vector).collect();
    norms.extend(numbers(reader, "running_mean"));
    norms.extend(numbers(reader, "running_var"));
    norms.sort_unstable();
    norms.dedup();
    norms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_the_file_tell_the_order_of_layers() {
        for (distance, norms, expected) in [
            (1, &[][..], Some(Layout::Plain)),
            (2, &[], Some(Layout::Plain)),
            (3, &[2], Some(Layout::NormAfterReLU)),
            (3, &[1], Some(Layout::NormBeforeReLU)),
            (2, &[1], None),
            (3, &[], None),
            (3, &[1, 2], None),
            (4, &[2], None),
        ] {
            assert_eq!(layout(distance, norms), expected, "{distance}, {norms:?}");
        }
    }
}
