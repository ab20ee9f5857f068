//! `config.json` read into a [`DecoderConfig`], with what each family takes for granted where a key is absent.
//!
//! Key names and defaults are those of transformers (`models/llama/configuration_llama.py`,
//! `models/gemma2/configuration_gemma2.py`), for files written by version 4 and by version 5.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::rope;
use super::{Activation, DecoderConfig};
use crate::model::files::Files;
use crate::model::{Family, ModelError};
use crate::text;

const FILE: &str = "config.json";
const SUPPORTED: &str = "LlamaForSequenceClassification and Gemma2ForSequenceClassification, and their …ForCausalLM,";

/// What the output of a model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// One number for a conversation.
    Reward,
    /// The probability of the next token (`…ForCausalLM`).
    Language,
}

/// What `config.json` says of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// As written: `LlamaForSequenceClassification`.
    pub architecture: String,
    pub task: Task,
    pub family: Family,
    pub decoder: DecoderConfig,
    /// Logits of a language model pass through `cap · tanh(x / cap)`.
    pub final_softcap: Option<f64>,
    /// A language model's output matrix is its embedding.
    pub tied_embeddings: bool,
    /// Rows of the reward head; `None` where the file does not say.
    pub labels: Option<usize>,
    /// Which id begins a sequence, as far as the model knows; the tokenizer has the last word.
    pub bos_token_id: Option<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Llama,
    Gemma2,
}

/// The keys that matter. A key of the wrong type is an error of the parser, which knows its line.
#[derive(Deserialize)]
struct Raw {
    architectures: Option<Vec<String>>,
    hidden_size: Option<usize>,
    intermediate_size: Option<usize>,
    num_hidden_layers: Option<usize>,
    num_attention_heads: Option<usize>,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    vocab_size: Option<usize>,
    hidden_act: Option<String>,
    hidden_activation: Option<String>,
    rms_norm_eps: Option<f64>,
    max_position_embeddings: Option<usize>,
    attention_bias: Option<bool>,
    mlp_bias: Option<bool>,
    query_pre_attn_scalar: Option<f64>,
    /// Absent means the family's default, null means none: the two must be told apart.
    #[serde(default, deserialize_with = "stated")]
    attn_logit_softcapping: Option<Option<f64>>,
    #[serde(default, deserialize_with = "stated")]
    sliding_window: Option<Option<usize>>,
    layer_types: Option<Vec<String>>,
    use_bidirectional_attention: Option<Value>,
    #[serde(default, deserialize_with = "stated")]
    final_logit_softcapping: Option<Option<f64>>,
    tie_word_embeddings: Option<bool>,
    rope_theta: Option<f64>,
    rope_scaling: Option<Map<String, Value>>,
    rope_parameters: Option<Map<String, Value>>,
    partial_rotary_factor: Option<f64>,
    quantization_config: Option<Value>,
    num_labels: Option<usize>,
    id2label: Option<BTreeMap<String, Value>>,
    bos_token_id: Option<Value>,
}

fn stated<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl ModelConfig {
    /// Reads and checks `config.json`.
    ///
    /// Fails where the file is missing or no JSON, where the architecture is one that this program does not run, and where
    /// sizes contradict one another.
    pub fn read(files: &Files) -> Result<Self, ModelError> {
        let raw: Raw = files.json(FILE)?.ok_or_else(|| {
            ModelError::file(files.path(FILE), "missing", "A model is a folder in the Hugging Face layout; give that folder")
        })?;
        Self::from_raw(raw).map_err(|error| error.into_model_error(files))
    }

    /// The error for a language model where a reward model is needed.
    pub fn not_a_reward_model(&self, files: &Files) -> ModelError {
        let problem = format!("the architecture is {}, a language model's", text::visible(&self.architecture));
        Refusal::Unsupported(problem).into_model_error(files)
    }

    fn from_raw(raw: Raw) -> Result<Self, Refusal> {
        let architectures = raw.architectures.as_deref().unwrap_or_default();
        let architecture = architectures.first().ok_or_else(|| wrong("it names no architecture (key architectures)"))?.clone();
        // A language model's body is that of the reward model of the same name.
        let (body, task) = match architecture.strip_suffix("ForCausalLM") {
            Some(name) => (format!("{name}ForSequenceClassification"), Task::Language),
            None => (architecture.clone(), Task::Reward),
        };
        let kind = match body.as_str() {
            "LlamaForSequenceClassification" => Kind::Llama,
            "Gemma2ForSequenceClassification" => Kind::Gemma2,
            _ => return Err(Refusal::Unsupported(format!("the architecture is {}", text::visible(&architecture)))),
        };
        if raw.quantization_config.as_ref().is_some_and(|value| !value.is_null()) {
            return Err(Refusal::Unsupported("the weights are quantized (key quantization_config)".to_owned()));
        }
        if raw.use_bidirectional_attention.as_ref().is_some_and(|value| !matches!(value, Value::Null | Value::Bool(false))) {
            return Err(Refusal::Unsupported("attention looks both ways (key use_bidirectional_attention)".to_owned()));
        }
        let labels = raw.id2label.as_ref().map(BTreeMap::len).or(raw.num_labels);
        if labels == Some(0) {
            return Err(wrong("it counts no label (key id2label)"));
        }
        let bos_token_id = raw.bos_token_id.as_ref().and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
        let family = if kind == Kind::Llama { Family::Llama } else { Family::Gemma };
        let final_softcap = if kind == Kind::Gemma2 { raw.final_logit_softcapping.unwrap_or(Some(30.0)) } else { None };
        let final_softcap = final_softcap.map(|cap| positive("final_logit_softcapping", cap)).transpose()?;
        let tied_embeddings = raw.tie_word_embeddings.unwrap_or(family == Family::Gemma);
        let decoder = decoder(kind, &raw)?;
        Ok(ModelConfig { architecture, task, family, decoder, final_softcap, tied_embeddings, labels, bos_token_id })
    }
}

fn decoder(kind: Kind, raw: &Raw) -> Result<DecoderConfig, Refusal> {
    let hidden_size = size("hidden_size", raw.hidden_size, 1 << 20)?;
    let intermediate_size = size("intermediate_size", raw.intermediate_size, 1 << 22)?;
    let layers = size("num_hidden_layers", raw.num_hidden_layers, 1 << 10)?;
    let heads = size("num_attention_heads", raw.num_attention_heads, 1 << 12)?;
    let vocab_size = size("vocab_size", raw.vocab_size, 1 << 24)?;
    let max_positions =
        size("max_position_embeddings", raw.max_position_embeddings.or(Some(default(kind, 2048, 8192))), 1 << 30)?;
    let kv_heads = size("num_key_value_heads", raw.num_key_value_heads.or(Some(default(kind, heads, 4))), 1 << 12)?;
    if !heads.is_multiple_of(kv_heads) {
        return Err(wrong(format!("num_attention_heads is {heads}, which num_key_value_heads ({kv_heads}) does not divide")));
    }
    let head_dim = match (raw.head_dim, kind) {
        (Some(head_dim), _) => head_dim,
        (None, Kind::Gemma2) => 256,
        (None, Kind::Llama) if hidden_size.is_multiple_of(heads) => hidden_size / heads,
        (None, Kind::Llama) => {
            return Err(wrong(format!(
                "hidden_size is {hidden_size}, which num_attention_heads ({heads}) does not divide, and head_dim is not given"
            )));
        }
    };
    let head_dim = size("head_dim", Some(head_dim), 1 << 12)?;
    if !head_dim.is_multiple_of(2) {
        return Err(wrong(format!("head_dim is {head_dim}, and rotary embeddings need an even one")));
    }
    let gemma = kind == Kind::Gemma2;
    let attention_scalar = if gemma { raw.query_pre_attn_scalar.unwrap_or(256.0) } else { head_dim as f64 };
    let attention_softcap = if gemma { raw.attn_logit_softcapping.unwrap_or(Some(50.0)) } else { None };
    let activation = match kind {
        // Gemma 2 never looks at `hidden_act`, which its files of 2024 carry as well.
        Kind::Gemma2 => raw.hidden_activation.as_deref().unwrap_or("gelu_pytorch_tanh"),
        Kind::Llama => raw.hidden_act.as_deref().unwrap_or("silu"),
    };
    Ok(DecoderConfig {
        hidden_size,
        intermediate_size,
        heads,
        kv_heads,
        head_dim,
        vocab_size,
        activation: read_activation(activation)?,
        norm_epsilon: positive("rms_norm_eps", raw.rms_norm_eps.unwrap_or(1e-6))?,
        gemma,
        post_norms: gemma,
        attention_scale: positive("query_pre_attn_scalar", attention_scalar)?.powf(-0.5),
        attention_softcap: attention_softcap.map(|cap| positive("attn_logit_softcapping", cap)).transpose()?,
        attention_bias: raw.attention_bias.unwrap_or(false),
        mlp_bias: !gemma && raw.mlp_bias.unwrap_or(false),
        rope: rope::read(
            raw.rope_scaling.as_ref().filter(|map| !map.is_empty()).or(raw.rope_parameters.as_ref()),
            &rope::Around { theta: raw.rope_theta, partial_rotary_factor: raw.partial_rotary_factor, max_positions },
        )?,
        windows: if gemma { windows(raw, layers)? } else { vec![None; layers] },
        max_positions,
    })
}

/// Gemma 2: every second layer, from the first, sees only `sliding_window` positions, unless `layer_types` says otherwise.
fn windows(raw: &Raw, layers: usize) -> Result<Vec<Option<usize>>, Refusal> {
    let window = raw.sliding_window.unwrap_or(Some(4096));
    if window == Some(0) {
        return Err(wrong("sliding_window is 0"));
    }
    let Some(kinds) = &raw.layer_types else {
        return Ok((0..layers).map(|layer| window.filter(|_| layer % 2 == 0)).collect());
    };
    if kinds.len() != layers {
        return Err(wrong(format!("layer_types has {} entries for {layers} layers", kinds.len())));
    }
    let of = |kind: &String| match kind.as_str() {
        "sliding_attention" => Ok(window),
        "full_attention" => Ok(None),
        other => Err(Refusal::Unsupported(format!("layer_types holds '{}'", text::visible(other)))),
    };
    kinds.iter().map(of).collect()
}

fn read_activation(name: &str) -> Result<Activation, Refusal> {
    match name {
        "silu" | "swish" => Ok(Activation::Silu),
        "gelu_pytorch_tanh" | "gelu_new" => Ok(Activation::GeluTanh),
        "gelu" => Ok(Activation::Gelu),
        other => Err(Refusal::Unsupported(format!("the activation is {}", text::visible(other)))),
    }
}

fn default<T>(kind: Kind, llama: T, gemma2: T) -> T {
    if kind == Kind::Llama { llama } else { gemma2 }
}

/// A count from 1 to `most`; beyond that it is a slip of the pen, and must not become an allocation.
fn size(key: &str, value: Option<usize>, most: usize) -> Result<usize, Refusal> {
    match value {
        None => Err(wrong(format!("the key {key} is missing"))),
        Some(value) if (1..=most).contains(&value) => Ok(value),
        Some(value) => Err(wrong(format!("{key} is {value}, and must lie between 1 and {most}"))),
    }
}

pub(super) fn positive(key: &str, value: f64) -> Result<f64, Refusal> {
    if value.is_finite() && value > 0.0 { Ok(value) } else { Err(wrong(format!("{key} is {value}, and must be above 0"))) }
}

/// Why a configuration is not run, before the file's name is put to it.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The file contradicts itself.
    Wrong(String),
    /// The file is sound, and asks for something else than this program does.
    Unsupported(String),
}

pub(super) fn wrong(problem: impl Into<String>) -> Refusal {
    Refusal::Wrong(problem.into())
}

impl Refusal {
    fn into_model_error(self, files: &Files) -> ModelError {
        let file = files.path(FILE);
        match self {
            Refusal::Wrong(problem) => ModelError::file(file, problem, "Download the file again, or correct it"),
            Refusal::Unsupported(problem) => {
                let next = format!("This version runs {SUPPORTED} with plain safetensors weights");
                ModelError::unsupported(file.display().to_string(), problem, next)
            }
        }
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
