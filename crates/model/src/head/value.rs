//! The value head of GRM's `-sftreg` models: a small feed-forward network, or one linear layer.
//!
//! Layout: `v_head.summary.{0,2,…}` with ReLU between, every layer with a bias, or `v_head.summary` alone (reward-bench
//! `rewardbench/models/grm.py`).

use serde::Deserialize;

use super::HeadKind;
use super::network::Network;
use super::read::Reader;
use crate::ModelError;
use rewardscope_base::text;

const MODULE: &str = "v_head";

pub(super) const KIND: HeadKind = HeadKind {
    names: &["GRM"],
    modules: &[MODULE],
    tensors: &[],
    told_by: MODULE,
    is_named: |architecture| architecture.ends_with("GRewardModel"),
    load: |_, reader| Ok(Box::new(load(reader)?)),
};

#[derive(Default, Deserialize)]
struct Keys {
    /// `mlp` or `linear`.
    vhead_layer_type: Option<String>,
    vhead_num_neurons: Option<usize>,
    /// Hidden layers.
    vhead_num_layers: Option<usize>,
}

fn load(reader: &mut Reader) -> Result<Network, ModelError> {
    let keys: Keys = reader.keys()?;
    let neurons = reader.count("vhead_num_neurons", keys.vhead_num_neurons)?;
    let hidden_layers = reader.count("vhead_num_layers", keys.vhead_num_layers)?;
    let module = format!("{MODULE}.summary");
    let linear = match keys.vhead_layer_type.as_deref() {
        Some("linear") => true,
        Some("mlp") => false,
        None => reader.has(&format!("{module}.weight")),
        Some(other) => return Err(reader.refuse(format!("vhead_layer_type is {}", text::visible(other)))),
    };
    if linear { Network::linear(reader, &module) } else { Network::load(reader, &module, neurons, hidden_layers) }
}
