//! Language models of other architectures, which candle-transformers computes: what each takes where config.json has no key,
//! and what candle's code takes whatever the file says. A file that says otherwise is refused.
//!
//! Values of absent keys are those of transformers (`models/*/configuration_*.py`). Each architecture was compared with
//! transformers: `tests/fixtures/make_stock_models.py`.

use serde_json::{Map, Value, json};

use super::refusal::{Refusal, positive, size, wrong};
use super::{Activation, DecoderConfig, Rope, RopeScaling};
use rewardscope_base::text;

/// candle makes tables of rotations with a row for each position that a model has; no larger ones are asked for.
const MOST_POSITIONS: usize = 1 << 15;
/// Experts of a layer, at most; beyond that it is a slip of the pen.
const MOST_EXPERTS: usize = 1 << 12;
/// Activations that candle computes as transformers does.
const ACTIVATIONS: [&str; 5] = ["silu", "gelu", "gelu_new", "gelu_pytorch_tanh", "relu"];

/// A module of candle-transformers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are candle's")]
pub enum Module {
    Phi,
    Phi3,
    Olmo,
    Olmo2,
    GraniteMoeHybrid,
    Glm4New,
    StableLm,
    Mixtral,
    DeepSeek2,
    Starcoder2,
    Qwen2Moe,
    Qwen3Moe,
    SmolLm3,
    Helium,
}

/// What candle is to build.
#[derive(Clone, Debug, PartialEq)]
pub struct Stock {
    /// Whose code computes.
    pub module: Module,
    /// Keys of config.json as that code reads them, but `vocab_size` and `tie_word_embeddings`, which the weights settle.
    pub keys: Map<String, Value>,
}

impl Stock {
    /// With what the weights settled: rows of the embedding, and which output matrix there is.
    pub(crate) fn of_weights(&self, decoder: &DecoderConfig, tied: bool) -> Self {
        let mut keys = self.keys.clone();
        keys.insert("vocab_size".to_owned(), json!(decoder.vocab_size));
        keys.insert("tie_word_embeddings".to_owned(), json!(tied));
        Stock { module: self.module, keys }
    }

    /// Whether config.json takes the embedding for the output matrix.
    pub(super) fn is_tied(&self) -> bool {
        self.keys.get("tie_word_embeddings") == Some(&Value::Bool(true))
    }
}

/// One architecture.
pub(super) struct Row {
    /// What stands before `ForCausalLM`.
    name: &'static str,
    module: Module,
    /// Values where the key is absent, beside those of [`absent`].
    absent: Value,
    /// Of keys that candle's code does not look at, the one value that it computes.
    only: Value,
}

/// Values where the key is absent, unless the architecture has its own.
fn absent() -> Value {
    json!({"hidden_act": "silu", "rope_theta": 1e4, "max_position_embeddings": 2048, "attention_bias": false, "mlp_bias": false,
        "tie_word_embeddings": false, "use_sliding_window": true, "rms_norm_eps": 1e-6})
}

/// In the order of `docs/models.md`. `head_dim` among the absent keys means that candle's code looks at it; elsewhere a head is
/// `hidden_size / num_attention_heads` wide.
fn rows() -> Vec<Row> {
    let row = |name, module, absent, only| Row { name, module, absent, only };
    vec![
        row("Phi3", Module::Phi3, json!({"rms_norm_eps": 1e-5}), json!({})),
        row(
            "Phi",
            Module::Phi,
            json!({"hidden_act": "gelu_new", "layer_norm_eps": 1e-5, "partial_rotary_factor": 0.5, "qk_layernorm": false}),
            json!({"qk_layernorm": false, "tie_word_embeddings": false}),
        ),
        row("Olmo", Module::Olmo, json!({}), json!({})),
        row("Olmo2", Module::Olmo2, json!({"rms_norm_eps": 1e-5}), json!({})),
        row(
            "Granite",
            Module::GraniteMoeHybrid,
            json!({}),
            json!({"hidden_act": "silu", "attention_bias": false, "mlp_bias": false, "tie_word_embeddings": true}),
        ),
        row(
            "GraniteMoeHybrid",
            Module::GraniteMoeHybrid,
            json!({"num_local_experts": 8, "position_embedding_type": null, "shared_intermediate_size": 1024}),
            json!({"hidden_act": "silu", "attention_bias": false, "tie_word_embeddings": true, "num_local_experts": 0,
                "position_embedding_type": "rope"}),
        ),
        row(
            "Glm4",
            Module::Glm4New,
            json!({"rms_norm_eps": 1.5625e-7, "partial_rotary_factor": 0.5, "num_key_value_heads": 2, "head_dim": 128,
                "attention_bias": true}),
            json!({}),
        ),
        row(
            "StableLm",
            Module::StableLm,
            json!({"layer_norm_eps": 1e-5, "partial_rotary_factor": 0.25, "num_key_value_heads": 32, "use_qkv_bias": false,
                "qk_layernorm": false, "use_parallel_residual": false}),
            json!({"qk_layernorm": false, "use_parallel_residual": false, "tie_word_embeddings": false}),
        ),
        row(
            "Mixtral",
            Module::Mixtral,
            json!({"rms_norm_eps": 1e-5, "rope_theta": 1e6, "num_key_value_heads": 8, "num_local_experts": 8,
                "num_experts_per_tok": 2}),
            json!({"tie_word_embeddings": false}),
        ),
        row(
            "DeepseekV2",
            Module::DeepSeek2,
            json!({"head_dim": null, "first_k_dense_replace": 0, "kv_lora_rank": 512, "q_lora_rank": 1536, "n_routed_experts": 64,
                "n_shared_experts": 2, "num_experts_per_tok": 6, "moe_intermediate_size": 1407, "qk_nope_head_dim": 128,
                "qk_rope_head_dim": 64, "v_head_dim": 128, "topk_method": "greedy", "scoring_func": "softmax",
                "norm_topk_prob": false, "moe_layer_freq": 1}),
            json!({"topk_method": "greedy", "scoring_func": "softmax", "norm_topk_prob": false, "moe_layer_freq": 1,
                "mlp_bias": false, "rms_norm_eps": 1e-6}),
        ),
        row(
            "Starcoder2",
            Module::Starcoder2,
            json!({"hidden_act": "gelu_pytorch_tanh", "norm_epsilon": 1e-5, "num_key_value_heads": 2, "use_bias": true,
                "tie_word_embeddings": true}),
            json!({"tie_word_embeddings": true}),
        ),
        row(
            "Qwen2Moe",
            Module::Qwen2Moe,
            json!({"num_key_value_heads": 16, "num_experts": 60, "num_experts_per_tok": 4, "moe_intermediate_size": 1408,
                "shared_expert_intermediate_size": 5632, "norm_topk_prob": false, "decoder_sparse_step": 1, "mlp_only_layers": [],
                "qkv_bias": true, "use_sliding_window": false}),
            json!({"decoder_sparse_step": 1, "mlp_only_layers": [], "qkv_bias": true, "use_sliding_window": false,
                "tie_word_embeddings": false}),
        ),
        row(
            "Qwen3Moe",
            Module::Qwen3Moe,
            json!({"num_key_value_heads": 4, "head_dim": null, "num_experts": 128, "num_experts_per_tok": 8,
                "moe_intermediate_size": 768, "norm_topk_prob": false, "decoder_sparse_step": 1, "mlp_only_layers": [],
                "use_sliding_window": false}),
            json!({"decoder_sparse_step": 1, "mlp_only_layers": [], "use_sliding_window": false}),
        ),
        row(
            "SmolLM3",
            Module::SmolLm3,
            json!({"rope_theta": 2e6, "num_key_value_heads": 4, "no_rope_layer_interval": 4, "tie_word_embeddings": true,
                "use_sliding_window": false}),
            json!({"use_sliding_window": false}),
        ),
        row(
            "Helium",
            Module::Helium,
            json!({"rms_norm_eps": 1e-8, "rope_theta": 1e5, "num_key_value_heads": 20, "head_dim": 128}),
            json!({"attention_bias": false, "mlp_bias": false}),
        ),
    ]
}

/// `None` for an architecture that candle does not run here.
pub(super) fn find(architecture: &str) -> Option<Row> {
    let name = architecture.strip_suffix("ForCausalLM")?;
    rows().into_iter().find(|row| row.name == name)
}

impl Row {
    /// What candle is to build by a config.json, with the sizes of its decoder.
    pub(super) fn read(&self, config: &Map<String, Value>) -> Result<(DecoderConfig, Stock), Refusal> {
        let mut keys = self.completed(config);
        for (key, only) in self.only.as_object().into_iter().flatten() {
            let stated = keys.get(key).unwrap_or(&Value::Null);
            if !same(stated, only) {
                let said = text::visible(&stated.to_string()).into_owned();
                return Err(Refusal::Unsupported(format!(
                    "{key} is {said}, and candle's {}ForCausalLM, which computes this architecture here, takes {only}",
                    self.name
                )));
            }
        }
        let activation = keys.get("hidden_act").and_then(Value::as_str).unwrap_or_default();
        if !ACTIVATIONS.contains(&activation) {
            return Err(Refusal::Unsupported(format!("the activation is {}", text::visible(activation))));
        }
        rotation(&mut keys, self.module)?;
        let decoder = self.decoder(&keys)?;
        self.adapt(&mut keys, &decoder)?;
        Ok((decoder, Stock { module: self.module, keys }))
    }

    /// The file's keys, and those that it leaves out.
    fn completed(&self, config: &Map<String, Value>) -> Map<String, Value> {
        let stated = |(key, value): (&String, &Value)| (!value.is_null()).then(|| (key.clone(), value.clone()));
        let mut keys: Map<String, Value> = config.iter().filter_map(stated).collect();
        // transformers 5 writes the one name for both.
        if let (false, Some(count)) = (keys.contains_key("num_experts"), keys.get("num_local_experts").cloned()) {
            keys.insert("num_experts".to_owned(), count);
        }
        for absent in [&self.absent, &absent()] {
            for (key, value) in absent.as_object().into_iter().flatten() {
                keys.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
        // A null that means something where the key has another default.
        if config.get("q_lora_rank") == Some(&Value::Null) {
            keys.insert("q_lora_rank".to_owned(), Value::Null);
        }
        keys
    }

    /// Sizes alone: the rest is candle's.
    fn decoder(&self, keys: &Map<String, Value>) -> Result<DecoderConfig, Refusal> {
        let number = |key: &str| keys.get(key).and_then(Value::as_u64).and_then(|value| usize::try_from(value).ok());
        let hidden_size = size("hidden_size", number("hidden_size"), 1 << 20)?;
        let heads = size("num_attention_heads", number("num_attention_heads"), 1 << 12)?;
        let kv_heads = size("num_key_value_heads", number("num_key_value_heads").or(Some(heads)), 1 << 12)?;
        let layers = size("num_hidden_layers", number("num_hidden_layers"), 1 << 10)?;
        if !heads.is_multiple_of(kv_heads) {
            return Err(wrong(format!("num_attention_heads is {heads}, which num_key_value_heads ({kv_heads}) does not divide")));
        }
        let stated = number("head_dim").filter(|_| self.module != Module::DeepSeek2);
        let head_dim = match stated {
            Some(head_dim) => head_dim,
            None if hidden_size.is_multiple_of(heads) => hidden_size / heads,
            None => {
                return Err(wrong(format!("hidden_size is {hidden_size}, which num_attention_heads ({heads}) does not divide")));
            }
        };
        let head_dim = size("head_dim", Some(head_dim), 1 << 12)?;
        if self.absent.get("head_dim").is_none() && head_dim * heads != hidden_size {
            return Err(Refusal::Unsupported(format!(
                "head_dim is {head_dim}, and candle's {}ForCausalLM, which computes this architecture here, takes {}",
                self.name,
                hidden_size / heads
            )));
        }
        let of_key = |key: &str| size(key, number(key), 1 << 12);
        let (kv_heads, head_dim) = match self.module {
            Module::DeepSeek2 => (heads, of_key("qk_nope_head_dim")? + of_key("qk_rope_head_dim")?),
            _ => (kv_heads, head_dim),
        };
        let positions = size("max_position_embeddings", number("max_position_embeddings"), 1 << 30)?;
        let window = number("sliding_window").filter(|_| keys.get("use_sliding_window") != Some(&Value::Bool(false)));
        Ok(DecoderConfig {
            hidden_size,
            intermediate_size: size("intermediate_size", number("intermediate_size"), 1 << 22)?,
            heads,
            kv_heads,
            head_dim,
            vocab_size: size("vocab_size", number("vocab_size"), 1 << 24)?,
            activation: Activation::Silu,
            norm_epsilon: 0.0,
            norm_offset: 0.0,
            embedding_scale: None,
            post_norms: false,
            query_key_norm: false,
            attention_scale: 1.0,
            attention_softcap: None,
            query_bias: false,
            output_bias: false,
            mlp_bias: false,
            rope: Rope { theta: 1.0, scaling: RopeScaling::Default },
            local_rope: None,
            windows: vec![None; layers],
            // Within the window every position sees all before it, and so it does in candle's code.
            max_positions: positions.min(window.unwrap_or(positions)).min(MOST_POSITIONS),
        })
    }

    /// Says the same in the keys that candle's code reads.
    fn adapt(&self, keys: &mut Map<String, Value>, decoder: &DecoderConfig) -> Result<(), Refusal> {
        for key in ["num_experts", "num_local_experts", "n_routed_experts"] {
            let Some(count) = keys.get(key).and_then(Value::as_u64).filter(|count| *count > 0) else { continue };
            let count = size(key, Some(count as usize), MOST_EXPERTS)?;
            size("num_experts_per_tok", keys.get("num_experts_per_tok").and_then(Value::as_u64).map(|n| n as usize), count)?;
        }
        let layer_types: Vec<&str> =
            keys.get("layer_types").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        if let Some(other) = layer_types.iter().find(|kind| !["attention", "full_attention"].contains(kind)) {
            return Err(Refusal::Unsupported(format!("layer_types holds '{}'", text::visible(other))));
        }
        self.rotated(keys, decoder.head_dim)?;
        let mut set = |key: &str, value: Value| keys.insert(key.to_owned(), value);
        set("max_position_embeddings", json!(decoder.max_positions));
        set("sliding_window", json!(decoder.max_positions));
        set("num_key_value_heads", json!(decoder.kv_heads));
        for unused in ["use_flash_attn", "use_cache"] {
            set(unused, json!(false));
        }
        // Candle's code reads them as numbers, and does nothing with them.
        for unused in ["bos_token_id", "eos_token_id", "max_window_layers"] {
            set(unused, json!(0));
        }
        match self.module {
            Module::GraniteMoeHybrid => {
                set("layer_types", json!([]));
                if self.name == "Granite" {
                    set("shared_intermediate_size", json!(decoder.intermediate_size));
                }
            }
            Module::DeepSeek2 => {
                set("n_group", json!(1));
                set("topk_group", json!(1));
            }
            Module::Qwen3Moe => {
                set("head_dim", json!(decoder.head_dim));
            }
            _ => {}
        }
        Ok(())
    }
}

impl Row {
    /// Checks how much of each head is rotated.
    fn rotated(&self, keys: &mut Map<String, Value>, head_dim: usize) -> Result<(), Refusal> {
        const KEY: &str = "partial_rotary_factor";
        let factor = keys.get(KEY).map_or(Some(1.0), Value::as_f64).unwrap_or_default();
        let has_parts = self.absent.get(KEY).is_some();
        if factor == 1.0 && !has_parts {
            keys.remove(KEY);
        } else if !(has_parts || self.module == Module::Phi3) || factor <= 0.0 || factor >= 1.0 {
            return Err(Refusal::Unsupported(format!("{factor} of each head is rotated (key {KEY})")));
        }
        let rotated = match self.module {
            Module::DeepSeek2 => keys.get("qk_rope_head_dim").and_then(Value::as_u64).unwrap_or_default() as usize,
            _ => (factor * head_dim as f64) as usize,
        };
        if rotated == 0 || !rotated.is_multiple_of(2) {
            return Err(wrong(format!("{rotated} values of each head are rotated, and rotary embeddings need an even number")));
        }
        Ok(())
    }
}

/// Numbers by their value: 1 is 1.0.
fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

/// The rotary keys of either generation of transformers, where candle's code reads them.
fn rotation(keys: &mut Map<String, Value>, module: Module) -> Result<(), Refusal> {
    let stated = ["rope_scaling", "rope_parameters"].iter().find_map(|key| keys.get(*key)?.as_object());
    let parameters = stated.cloned().unwrap_or_default();
    keys.remove("rope_scaling");
    for key in ["rope_theta", "partial_rotary_factor"] {
        if let Some(value) = parameters.get(key).filter(|value| !value.is_null()) {
            keys.insert(key.to_owned(), value.clone());
        }
    }
    positive("rope_theta", keys.get("rope_theta").and_then(Value::as_f64).unwrap_or_default())?;
    let kind = parameters.get("rope_type").or_else(|| parameters.get("type"));
    match (kind.and_then(Value::as_str).unwrap_or("default"), module) {
        ("default", _) => {}
        ("yarn", Module::DeepSeek2) => {
            let mut scaling = Map::from_iter([("type".to_owned(), json!("yarn"))]);
            for key in ["factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim", "original_max_position_embeddings"] {
                let value = parameters.get(key).cloned().unwrap_or(Value::Null);
                positive(key, value.as_f64().unwrap_or_default())?;
                scaling.insert(key.to_owned(), value);
            }
            keys.insert("rope_scaling".to_owned(), Value::Object(scaling));
        }
        (other, _) => return Err(Refusal::Unsupported(format!("the RoPE scaling is {}", text::visible(other)))),
    }
    Ok(())
}

#[cfg(test)]
#[path = "stock_tests.rs"]
mod tests;
