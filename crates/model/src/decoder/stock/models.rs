//! candle's models behind one trait: which constructor an architecture has, and whether what a model has seen can be copied.

use candle_core::{DType, Result, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::{
    deepseek2, glm4_new, granitemoehybrid, helium, mixtral, olmo, olmo2, phi, phi3, qwen2_moe, qwen3_moe, smol::smollm3,
    stable_lm, starcoder2,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::ModelError;
use crate::format::config::Module;
use crate::format::head_names::LM_HEAD;

/// A model and the tokens that it has seen.
pub(super) trait Model: Send + Sync {
    /// Logits of the token after `ids` `[1, tokens]`, the first of which has the position `at`; the model has seen `at` tokens.
    fn run(&mut self, ids: &Tensor, at: usize) -> Result<Tensor>;

    /// The same model, which has seen the same and shares its weights. `None` where a copy would share keys and values as well:
    /// such a model can only forget.
    fn copy(&self) -> Option<Box<dyn Model>>;

    /// As if it had seen nothing.
    fn forget(&mut self);
}

/// A model whose keys and values are new tensors with every run, so that a copy keeps those that it has.
struct Copied<M> {
    model: M,
    run: fn(&mut M, &Tensor, usize) -> Result<Tensor>,
}

impl<M: Clone + Send + Sync + 'static> Model for Copied<M> {
    fn run(&mut self, ids: &Tensor, at: usize) -> Result<Tensor> {
        (self.run)(&mut self.model, ids, at)
    }

    fn copy(&self) -> Option<Box<dyn Model>> {
        Some(Box::new(Copied { model: self.model.clone(), run: self.run }))
    }

    // The one that is copied never runs.
    fn forget(&mut self) {}
}

/// A model that has no copy, or one that writes into the same keys and values.
struct Single<M> {
    model: M,
    run: fn(&mut M, &Tensor, usize) -> Result<Tensor>,
    forget: fn(&mut M),
}

impl<M: Send + Sync> Model for Single<M> {
    fn run(&mut self, ids: &Tensor, at: usize) -> Result<Tensor> {
        (self.run)(&mut self.model, ids, at)
    }

    fn copy(&self) -> Option<Box<dyn Model>> {
        None
    }

    fn forget(&mut self) {
        (self.forget)(&mut self.model);
    }
}

/// Builds a model of tensors that `weights` gives, by `keys` of config.json.
///
/// # Errors
/// Keys that candle cannot read, and what `weights` says of a tensor.
pub(super) fn build(
    module: Module,
    keys: &Map<String, Value>,
    weights: VarBuilder<'_>,
) -> std::result::Result<Box<dyn Model>, ModelError> {
    let is_tied = keys.get("tie_word_embeddings") == Some(&Value::Bool(true));
    if !is_tied && [Module::GraniteMoeHybrid, Module::Starcoder2].contains(&module) {
        let problem = "is in the weights, and candle's code for this architecture takes the embedding for the output matrix";
        return Err(ModelError::unsupported(
            LM_HEAD,
            problem,
            "Take the checkpoint as published, whose output matrix is the embedding",
        ));
    }
    Ok(match module {
        Module::Phi => copied(phi::Model::new(&read(keys)?, weights)?, |model, ids, _| model.forward(ids)),
        Module::Phi3 => copied(phi3::Model::new(&read(keys)?, weights)?, phi3::Model::forward),
        Module::Olmo => copied(olmo::Model::new(&read(keys)?, weights)?, olmo::Model::forward),
        Module::Olmo2 => copied(olmo2::Model::new(&read(keys)?, weights)?, olmo2::Model::forward),
        Module::Mixtral => copied(mixtral::Model::new(&read(keys)?, weights)?, mixtral::Model::forward),
        Module::Starcoder2 => copied(starcoder2::Model::new(&read(keys)?, weights)?, starcoder2::Model::forward),
        Module::Qwen2Moe => copied(qwen2_moe::Model::new(&read(keys)?, weights)?, qwen2_moe::Model::forward),
        Module::Qwen3Moe => {
            copied(qwen3_moe::ModelForCausalLM::new(&read(keys)?, weights)?, qwen3_moe::ModelForCausalLM::forward)
        }
        Module::Helium => copied(helium::Model::new(&read(keys)?, weights)?, helium::Model::forward),
        Module::GraniteMoeHybrid => {
            let config = read::<granitemoehybrid::GraniteMoeHybridConfig>(keys)?.into_config(false);
            let device = weights.device().clone();
            let seen = granitemoehybrid::GraniteMoeHybridCache::new(true, DType::F32, &config, &device)?;
            let model = granitemoehybrid::GraniteMoeHybrid::load(weights, &config)?;
            copied((model, seen), |(model, seen), ids, at| model.forward(ids, at, seen))
        }
        Module::Glm4New => single(
            glm4_new::ModelForCausalLM::new(&read(keys)?, weights)?,
            glm4_new::ModelForCausalLM::forward,
            glm4_new::ModelForCausalLM::clear_kv_cache,
        ),
        Module::SmolLm3 => single(
            smollm3::ModelForCausalLM::new(&read(keys)?, weights)?,
            smollm3::ModelForCausalLM::forward,
            smollm3::ModelForCausalLM::clear_kv_cache,
        ),
        Module::DeepSeek2 => single(
            deepseek2::DeepSeekV2::new(&read(keys)?, weights)?,
            deepseek2::DeepSeekV2::forward,
            deepseek2::DeepSeekV2::clear_kv_cache,
        ),
        // `use_cache` is false: it keeps nothing.
        Module::StableLm => single(stable_lm::Model::new(&read(keys)?, weights)?, stable_lm::Model::forward, |_| {}),
    })
}

fn copied<M: Clone + Send + Sync + 'static>(model: M, run: fn(&mut M, &Tensor, usize) -> Result<Tensor>) -> Box<dyn Model> {
    Box::new(Copied { model, run })
}

fn single<M: Send + Sync + 'static>(
    model: M,
    run: fn(&mut M, &Tensor, usize) -> Result<Tensor>,
    forget: fn(&mut M),
) -> Box<dyn Model> {
    Box::new(Single { model, run, forget })
}

fn read<C: DeserializeOwned>(keys: &Map<String, Value>) -> std::result::Result<C, ModelError> {
    serde_json::from_value(Value::Object(keys.clone())).map_err(|error| {
        ModelError::unsupported(
            "config.json",
            format!("candle cannot read its keys: {error}"),
            "Download the file again, or correct it",
        )
    })
}
