//! The value head of GRM's `-sftreg` models: a small feed-forward network, or one linear layer.
//!
//! Layout: `v_head.summary.{0,2,…}` with ReLU between, every layer with a bias, or `v_head.summary` alone (reward-bench
//! `rewardbench/models/grm.py`).

use super::read::{Linear, Reader};
use crate::ModelError;
use crate::nonempty::NonEmptyTensor;
use rewardscope_base::text;

const NAME: &str = "v_head.summary";

pub struct ValueHead {
    /// ReLU stands between two layers.
    layers: Vec<Linear>,
}

impl ValueHead {
    pub(super) fn load(reader: &mut Reader) -> Result<Self, ModelError> {
        let keys = &reader.config.head;
        let linear = match keys.value_kind.as_deref() {
            Some("linear") => true,
            Some("mlp") => false,
            None => reader.has(&format!("{NAME}.weight")),
            Some(other) => return Err(reader.refuse(format!("vhead_layer_type is {}", text::visible(other)))),
        };
        let hidden_size = reader.hidden_size();
        if linear {
            return Ok(ValueHead { layers: vec![reader.linear(NAME, 1, hidden_size, true)?] });
        }
        let hidden_layers = keys.value_layers.unwrap_or_else(|| last_index(reader) / 2);
        let neurons = keys.value_neurons;
        let (mut layers, mut input) = (Vec::new(), hidden_size);
        for i in 0..hidden_layers {
            let name = format!("{NAME}.{}", 2 * i);
            let out = match neurons {
                Some(neurons) => neurons,
                None => reader.rows(&format!("{name}.weight"))?,
            };
            layers.push(reader.linear(&name, out, input, true)?);
            input = out;
        }
        layers.push(reader.linear(&format!("{NAME}.{}", 2 * hidden_layers), 1, input, true)?);
        Ok(ValueHead { layers })
    }

    pub(super) fn describe(&self) -> String {
        match self.layers.as_slice() {
            [_] => format!("{NAME} linear f32"),
            layers => {
                let sizes: Vec<_> = layers.iter().map(|layer| layer.rows().to_string()).collect();
                format!("{NAME} ReLU {} f32", sizes.join("-"))
            }
        }
    }

    /// `[words, hidden_size]` to `[words]`.
    pub(super) fn rewards(&self, hidden: &NonEmptyTensor) -> candle_core::Result<NonEmptyTensor> {
        let mut x = hidden.clone();
        for (i, layer) in self.layers.iter().enumerate() {
            x = layer.forward(&if i > 0 { x.relu()? } else { x })?;
        }
        x.squeeze(1)
    }
}

/// Of the last layer in the file; 2, as published, where none is found.
fn last_index(reader: &Reader) -> usize {
    let index = |name: &str| name.strip_prefix(NAME)?.strip_prefix('.')?.strip_suffix(".weight")?.parse().ok();
    reader.weights.tensors().filter_map(|(name, _)| index(name)).max().unwrap_or(2)
}
