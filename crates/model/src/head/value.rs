//! The value head of GRM's `-sftreg` models: a small feed-forward network, or one linear layer.
//!
//! Layout: `v_head.summary.{0,2,…}` with ReLU between, every layer with a bias, or `v_head.summary` alone (reward-bench
//! `rewardbench/models/grm.py`).

use serde::Deserialize;

use super::read::{HeadLinear, Reader};
use super::{HeadKind, RewardHead};
use crate::ModelError;
use crate::nonempty::NonEmptyTensor;
use rewardscope_base::text;

const MODULE: &str = "v_head";

pub(super) const KIND: HeadKind = HeadKind {
    names: &["GRM"],
    modules: &[MODULE],
    tensors: &[],
    told_by: MODULE,
    is_named: |architecture| architecture.ends_with("GRewardModel"),
    load: |reader| Ok(Box::new(ValueHead::load(reader)?)),
};

#[derive(Default, Deserialize)]
struct Keys {
    /// `mlp` or `linear`.
    vhead_layer_type: Option<String>,
    vhead_num_neurons: Option<usize>,
    /// Hidden layers.
    vhead_num_layers: Option<usize>,
}

struct ValueHead {
    /// ReLU stands between two layers.
    layers: Vec<HeadLinear>,
}

impl ValueHead {
    fn load(reader: &mut Reader) -> Result<Self, ModelError> {
        let keys: Keys = reader.keys()?;
        let neurons = reader.count("vhead_num_neurons", keys.vhead_num_neurons)?;
        let hidden_layers = reader.count("vhead_num_layers", keys.vhead_num_layers)?;
        let network = format!("{MODULE}.summary");
        let linear = match keys.vhead_layer_type.as_deref() {
            Some("linear") => true,
            Some("mlp") => false,
            None => reader.has(&format!("{network}.weight")),
            Some(other) => return Err(reader.refuse(format!("vhead_layer_type is {}", text::visible(other)))),
        };
        let hidden_size = reader.hidden_size();
        if linear {
            return Ok(ValueHead { layers: vec![reader.linear(&network, 1, hidden_size, true)?] });
        }
        let hidden_layers = hidden_layers.unwrap_or_else(|| last_index(reader, &network) / 2);
        let (mut layers, mut input) = (Vec::new(), hidden_size);
        for i in 0..hidden_layers {
            let name = format!("{network}.{}", 2 * i);
            let out = match neurons {
                Some(neurons) => neurons,
                None => reader.rows(&format!("{name}.weight"))?,
            };
            layers.push(reader.linear(&name, out, input, true)?);
            input = out;
        }
        layers.push(reader.linear(&format!("{network}.{}", 2 * hidden_layers), 1, input, true)?);
        Ok(ValueHead { layers })
    }
}

impl RewardHead for ValueHead {
    fn describe(&self) -> String {
        match self.layers.as_slice() {
            [_] => format!("{MODULE}.summary linear f32"),
            layers => {
                let sizes: Vec<_> = layers.iter().map(|layer| layer.rows().to_string()).collect();
                format!("{MODULE}.summary ReLU {} f32", sizes.join("-"))
            }
        }
    }

    fn rewards(&self, hidden: &NonEmptyTensor, _gate: Option<&NonEmptyTensor>) -> candle_core::Result<NonEmptyTensor> {
        let mut x = hidden.clone();
        for (i, layer) in self.layers.iter().enumerate() {
            x = layer.forward(&if i > 0 { x.relu()? } else { x })?;
        }
        x.squeeze(1)
    }
}

/// Of the last layer in the file; 2, as published, where none is found.
fn last_index(reader: &Reader, network: &str) -> usize {
    let index = |name: &str| name.strip_prefix(network)?.strip_prefix('.')?.strip_suffix(".weight")?.parse().ok();
    reader.weights.tensors().filter_map(|(name, _)| index(name)).max().unwrap_or(2)
}
