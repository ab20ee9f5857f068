//! A small feed-forward network: linear layers with ReLU between them, every layer with a bias.
//!
//! `score.{0,2}` is the head of INF-ORM (reward-bench `rewardbench/models/inform.py`), and of Qwen2.5-Math-RM and WorldPM, whose
//! class is `Qwen2ForRewardModel`. GRM's network is chosen in `value`.

use super::read::{HeadLinear, Reader};
use super::{HeadKind, RewardHead, score};
use crate::ModelError;
use crate::nonempty::NonEmptyTensor;

pub(super) const KIND: HeadKind = HeadKind {
    names: &["INF-ORM", "Qwen2.5-Math-RM", "WorldPM"],
    modules: &[score::NAME],
    tensors: &[],
    told_by: "score.0",
    is_named: score::is_a_classifier,
    load: |_, reader| Ok(Box::new(Network::load(reader, score::NAME, None, None)?)),
};

/// Linear layers with ReLU between two of them.
pub(super) struct Network {
    module: String,
    layers: Vec<HeadLinear>,
}

impl Network {
    /// Layers `module.{0,2,…}`. `neurons` is the width of the hidden layers and `hidden_layers` their number; where one is not
    /// given, the file's tensors say it.
    pub(super) fn load(
        reader: &mut Reader,
        module: &str,
        neurons: Option<usize>,
        hidden_layers: Option<usize>,
    ) -> Result<Self, ModelError> {
        let hidden_layers = hidden_layers.unwrap_or_else(|| last_index(reader, module) / 2);
        let (mut layers, mut input) = (Vec::new(), reader.hidden_size());
        for i in 0..hidden_layers {
            let name = format!("{module}.{}", 2 * i);
            let out = match neurons {
                Some(neurons) => neurons,
                None => reader.rows(&format!("{name}.weight"))?,
            };
            layers.push(reader.linear(&name, out, input, true)?);
            input = out;
        }
        layers.push(reader.linear(&format!("{module}.{}", 2 * hidden_layers), 1, input, true)?);
        Ok(Network { module: module.to_owned(), layers })
    }

    /// The one layer `module`.
    pub(super) fn linear(reader: &mut Reader, module: &str) -> Result<Self, ModelError> {
        let layer = reader.linear(module, 1, reader.hidden_size(), true)?;
        Ok(Network { module: module.to_owned(), layers: vec![layer] })
    }
}

impl RewardHead for Network {
    fn describe(&self) -> String {
        match self.layers.as_slice() {
            [_] => format!("{} linear f32", self.module),
            layers => {
                let sizes: Vec<_> = layers.iter().map(|layer| layer.rows().to_string()).collect();
                format!("{} ReLU {} f32", self.module, sizes.join("-"))
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

/// Number of the last layer in the file; 2, as published, where none is found.
fn last_index(reader: &Reader, module: &str) -> usize {
    let index = |name: &str| name.strip_prefix(module)?.strip_prefix('.')?.strip_suffix(".weight")?.parse().ok();
    reader.weights.tensors().filter_map(|(name, _)| index(name)).max().unwrap_or(2)
}
