//! A reward model whose weights can be trained: rewardscope's own decoder over variables, and a linear head.
//!
//! The decoder that scores is the decoder that learns, so the files written hold exactly what was trained. Knows token ids,
//! nothing of words or files.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor, Var};
use rand::Rng;
use rand_distr::StandardNormal;
use rewardscope::model::decoder::{Decoder, Role};
use rewardscope::model::format::config::DecoderConfig;
use rewardscope::model::{Cancel, ModelError};

use super::taste;
use crate::score::forest;

/// The name of the head in the files.
const HEAD: &str = "score.weight";

/// Variables by their names in the files.
pub struct Trainable {
    config: DecoderConfig,
    variables: BTreeMap<String, Var>,
}

impl Trainable {
    /// Random weights that depend on `name` and nothing else.
    pub fn new(name: &str, config: DecoderConfig) -> Result<Self, ModelError> {
        let device = Device::Cpu;
        let mut variables = BTreeMap::new();
        let depth = config.windows.len() as f64;
        let hidden = config.hidden_size;
        let mut create = |tensor: &str, shape: &[usize], role: Role| -> Result<Tensor, ModelError> {
            let count = shape.iter().product();
            let values: Vec<f32> = if role == Role::Small {
                // Norms begin as the identity; Gemma stores the difference from it.
                vec![1.0 - config.norm_offset as f32; count]
            } else {
                // Projections that add to the residual stream begin smaller, so that depth does not swell it.
                let residual = tensor.contains("o_proj") || tensor.contains("down_proj");
                let fan_in = shape.last().copied().unwrap_or(1) as f64;
                let deviation = if residual { (2.0 * depth * fan_in).powf(-0.5) } else { fan_in.powf(-0.5) };
                let generator = taste::generator(&["weights", name, tensor]);
                let normal = generator.sample_iter::<f64, _>(StandardNormal);
                normal.take(count).map(|value| (value * deviation) as f32).collect()
            };
            let variable = Var::from_vec(values, shape, &device)?;
            let shared = variable.as_tensor().clone();
            variables.insert(tensor.to_owned(), variable);
            Ok(shared)
        };
        create(HEAD, &[1, hidden], Role::Linear)?;
        Decoder::trainable(&config, DType::F32, &device, &mut create)?;
        Ok(Trainable { config, variables })
    }

    pub fn variables(&self) -> &BTreeMap<String, Var> {
        &self.variables
    }

    /// Rewards of whole conversations, `[conversations]`, with gradients to every variable.
    pub fn rewards(&self, conversations: &[&[u32]]) -> Result<Tensor, ModelError> {
        // Built anew at each call: Gemma's norms add 1 to their weight when they are loaded.
        let mut fetch = |name: &str, _: &[usize], _: Role| Ok(self.variable(name)?.as_tensor().clone());
        let decoder = Decoder::trainable(&self.config, DType::F32, &Device::Cpu, &mut fetch)?;
        let (forest, last) = forest(conversations)?;
        let hidden = decoder.forward(forest.nodes(), None, &last, false, &Cancel::default())?.hidden;
        Ok(hidden.matmul(&self.variable(HEAD)?.t()?)?.squeeze(1)?)
    }

    fn variable(&self, name: &str) -> Result<&Var, ModelError> {
        let missing = || candle_core::Error::msg(format!("no variable '{name}'"));
        Ok(self.variables.get(name).ok_or_else(missing)?)
    }
}

/// The Bradley–Terry loss: the mean of `-ln σ(reward of the chosen - reward of the rejected)`.
///
/// `rewards` is `[answers]`; `chosen` and `rejected` are indices into it, one of each a pair.
pub fn bradley_terry(rewards: &Tensor, chosen: &[u32], rejected: &[u32]) -> Result<Tensor, candle_core::Error> {
    let select = |indices: &[u32]| rewards.index_select(&Tensor::new(indices, rewards.device())?, 0);
    let margin = (select(chosen)? - select(rejected)?)?;
    // -ln σ(x) = max(-x, 0) + ln(1 + exp(-|x|)), which overflows nowhere.
    (margin.neg()?.relu()? + (margin.abs()?.neg()?.exp()? + 1.0)?.log()?)?.mean_all()
}
