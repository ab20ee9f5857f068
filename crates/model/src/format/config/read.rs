//! `config.json` read into a [`DecoderConfig`], with what each family takes for granted where a key is absent.
//!
//! Key names are those of transformers, for files written by version 4 and by version 5.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::architecture::{self, ActivationKey, Architecture, Bias, Task};
use super::{Activation, DecoderConfig, Stock, refused, rope, signs, stock, windows};
use crate::format::config::refusal::{FILE, Refusal, positive, size, wrong};
use crate::format::files::Files;
use crate::{ModelError, ReadToken};
use rewardscope_base::terms::Family;
use rewardscope_base::text;

/// What `config.json` says of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// As written: `LlamaForSequenceClassification`.
    pub architecture: String,
    /// By the backbone.
    pub family: Family,
    /// As the architecture's name has it; `model::task` settles it with what the other files say.
    pub task: Task,
    /// What speaks of a reward model, where the architecture is a language model's.
    pub signs: Vec<String>,
    /// The token whose logit is the reward, where that was asked of a language model; `model::task` sets it.
    pub token_logit: Option<u32>,
    /// What the decoder is built by; of a `stock` model only its sizes.
    pub decoder: DecoderConfig,
    /// What candle-transformers builds in place of our decoder.
    pub stock: Option<Stock>,
    /// Rows of the reward head; `None` where the file does not say.
    pub labels: Option<usize>,
    /// What the file calls these rows (`id2label`), in the order of their numbers.
    pub label_names: BTreeMap<usize, String>,
    /// The token that fills up shorter texts of a batch.
    pub pad_token_id: Option<u32>,
    /// Which token the code that the architecture names reads a reward at.
    pub read: ReadToken,
    /// Of a reward model, a token that stands behind every conversation, and at which the reward is read (`reward_token_id`).
    pub reward_token: Option<u32>,
    /// Which id begins a sequence, as far as the model knows; the tokenizer has the last word.
    pub bos_token_id: Option<u32>,
    /// The embedding is the output matrix as well, where the file has no `lm_head.weight`.
    pub tied: bool,
    /// Logits pass through `cap · tanh(x / cap)`.
    pub final_softcap: Option<f64>,
    /// What the file leaves out and the architecture documents, for the provenance; only GGUF leaves such things out.
    pub assumed: Vec<String>,
}

/// The keys that matter. A key of the wrong type is an error of the parser, which knows its line.
#[derive(Deserialize)]
struct Raw {
    architectures: Option<Vec<String>>,
    model_type: Option<String>,
    /// The language model, where the checkpoint sees images as well.
    text_config: Option<Box<Raw>>,
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
    /// What InternLM2 calls it.
    bias: Option<bool>,
    mlp_bias: Option<bool>,
    query_pre_attn_scalar: Option<f64>,
    /// Absent means the family's default, null means none: the two must be told apart.
    #[serde(default, deserialize_with = "stated")]
    attn_logit_softcapping: Option<Option<f64>>,
    #[serde(default, deserialize_with = "stated")]
    final_logit_softcapping: Option<Option<f64>>,
    #[serde(default, deserialize_with = "stated")]
    sliding_window: Option<Option<usize>>,
    sliding_window_pattern: Option<usize>,
    use_sliding_window: Option<bool>,
    max_window_layers: Option<usize>,
    layer_types: Option<Vec<String>>,
    use_bidirectional_attention: Option<Value>,
    rope_theta: Option<f64>,
    rope_local_base_freq: Option<f64>,
    rope_scaling: Option<Map<String, Value>>,
    rope_parameters: Option<Map<String, Value>>,
    partial_rotary_factor: Option<f64>,
    quantization_config: Option<Value>,
    /// What MLX writes in its place.
    quantization: Option<Value>,
    num_labels: Option<usize>,
    id2label: Option<BTreeMap<String, Value>>,
    bos_token_id: Option<Value>,
    pad_token_id: Option<Value>,
    /// Of reward models that InternLM's xtuner trains.
    reward_token_id: Option<u32>,
    /// Classes that come with the checkpoint.
    auto_map: Option<Value>,
    /// Keys that OpenRLHF writes.
    value_head_prefix: Option<Value>,
    normalize_reward: Option<Value>,
    tie_word_embeddings: Option<bool>,
    /// Ours: what stood in no metadata and was taken as documented.
    #[serde(default)]
    assumed: Vec<String>,
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
        let bytes = files.read(FILE)?.ok_or_else(|| {
            ModelError::file(files.path(FILE), "missing", "A model is a folder in the Hugging Face layout; give that folder")
        })?;
        let keys = files.parsed(FILE, &bytes)?;
        let mut config = Self::from_raw(files.parsed(FILE, &bytes)?, &keys).map_err(|error| error.into_model_error(files))?;
        if config.task == Task::Language {
            config.signs = signs::signs(&keys);
        }
        Ok(config)
    }

    /// The error for a language model where a reward model is needed.
    pub fn not_a_reward_model(&self, files: &Files) -> ModelError {
        let problem = format!("the architecture is {}, a language model's", text::visible(&self.architecture));
        Refusal::Unsupported(problem).into_model_error(files)
    }

    /// `keys` are all of the file's.
    fn from_raw(raw: Raw, keys: &Map<String, Value>) -> Result<Self, Refusal> {
        let architectures = raw.architectures.as_deref().unwrap_or_default();
        let architecture = architectures.first().ok_or_else(|| wrong("it names no architecture (key architectures)"))?.clone();
        let stock = stock::find(&architecture);
        let (backbone, task) = match &stock {
            Some(_) => (&architecture::STOCK, Task::Language),
            None => known(&architecture, raw.model_type.as_deref())?,
        };
        let text = raw.text_config.as_deref().unwrap_or(&raw);
        if let Some(quantized) = quantized(&raw) {
            let opened_by = "Look for the model before it was quantized, or in GGUF";
            return Err(Refusal::Known { problem: format!("the weights are quantized {quantized}"), opened_by });
        }
        if text.use_bidirectional_attention.as_ref().is_some_and(|value| !matches!(value, Value::Null | Value::Bool(false))) {
            return Err(Refusal::Unsupported("attention looks both ways (key use_bidirectional_attention)".to_owned()));
        }
        let (decoder, stock) = match &stock {
            Some(stock) => stock.read(keys).map(|(decoder, stock)| (decoder, Some(stock)))?,
            None => (decoder(backbone, text)?, None),
        };
        let labels = raw.id2label.as_ref().map(BTreeMap::len).or(raw.num_labels);
        if labels == Some(0) {
            return Err(wrong("it counts no label (key id2label)"));
        }
        let id = |value: Option<&Value>| value.and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
        let bos = raw.bos_token_id.as_ref().or(text.bos_token_id.as_ref());
        let pad = raw.pad_token_id.as_ref().or(text.pad_token_id.as_ref());
        let label = |(row, name): (&String, &Value)| Some((row.parse().ok()?, name.as_str()?.to_owned()));
        let label_names = raw.id2label.iter().flatten().filter_map(label).collect();
        let own_code = [&raw.auto_map, &raw.value_head_prefix, &raw.normalize_reward].into_iter().any(Option::is_some);
        let is_of_transformers = architecture.ends_with("ForSequenceClassification") && !own_code;
        let tied = raw.tie_word_embeddings.or(text.tie_word_embeddings);
        let tied = tied.unwrap_or(stock.as_ref().map_or(backbone.tied, Stock::is_tied));
        let final_softcap = backbone.softcaps.and_then(|[_, cap]| text.final_logit_softcapping.unwrap_or(cap));
        Ok(ModelConfig {
            family: backbone.family,
            task,
            signs: Vec::new(),
            token_logit: None,
            decoder,
            stock,
            labels,
            label_names,
            pad_token_id: id(pad),
            read: if is_of_transformers { ReadToken::BeforePad } else { ReadToken::Last },
            reward_token: raw.reward_token_id,
            bos_token_id: id(bos),
            tied,
            final_softcap: final_softcap.map(|cap| positive("final_logit_softcapping", cap)).transpose()?,
            architecture,
            assumed: raw.assumed,
        })
    }
}

/// By what the weights were quantized; none where they were not. MLX writes its own key, and often the other one as well.
fn quantized(raw: &Raw) -> Option<String> {
    let is_stated = |value: &&Value| !value.is_null() && value.as_object().is_none_or(|map| !map.is_empty());
    if raw.quantization.as_ref().is_some_and(|value| is_stated(&value)) {
        return Some("by MLX (key quantization)".to_owned());
    }
    let config = raw.quantization_config.as_ref().filter(is_stated)?;
    let method = config.get("quant_method").and_then(Value::as_str);
    Some(method.map_or_else(
        || "(key quantization_config)".to_owned(),
        |method| format!("by {} (key quantization_config)", text::named(method)),
    ))
}

/// What our decoder runs of this name.
fn known(architecture: &str, model_type: Option<&str>) -> Result<(&'static Architecture, Task), Refusal> {
    if let Some(refused) = refused::find(architecture) {
        let problem = format!("the architecture is {}, {}", text::visible(architecture), refused.reason);
        return Err(Refusal::Known { problem, opened_by: refused.opened_by });
    }
    architecture::find(architecture, model_type).ok_or_else(|| {
        let (shown, model_type) = (text::visible(architecture), model_type.unwrap_or_default());
        match refused::find_type(model_type) {
            Some(refused) => Refusal::Known {
                problem: format!("the architecture is {shown} over {}, {}", text::named(model_type), refused.reason),
                opened_by: refused.opened_by,
            },
            None => Refusal::Unsupported(format!("the architecture is {shown}")),
        }
    })
}

fn decoder(backbone: &Architecture, raw: &Raw) -> Result<DecoderConfig, Refusal> {
    let hidden_size = size("hidden_size", raw.hidden_size, 1 << 20)?;
    let intermediate_size = size("intermediate_size", raw.intermediate_size, 1 << 22)?;
    let layers = size("num_hidden_layers", raw.num_hidden_layers, 1 << 10)?;
    let heads = size("num_attention_heads", raw.num_attention_heads, 1 << 12)?;
    let vocab_size = size("vocab_size", raw.vocab_size, 1 << 24)?;
    let max_positions = size("max_position_embeddings", raw.max_position_embeddings.or(Some(backbone.max_positions)), 1 << 30)?;
    let kv_heads = raw.num_key_value_heads.or(backbone.kv_heads).unwrap_or(heads);
    let kv_heads = size("num_key_value_heads", Some(kv_heads), 1 << 12)?;
    if !heads.is_multiple_of(kv_heads) {
        return Err(wrong(format!("num_attention_heads is {heads}, which num_key_value_heads ({kv_heads}) does not divide")));
    }
    let head_dim = match raw.head_dim.or(backbone.head_dim) {
        Some(head_dim) => head_dim,
        None if hidden_size.is_multiple_of(heads) => hidden_size / heads,
        None => {
            return Err(wrong(format!(
                "hidden_size is {hidden_size}, which num_attention_heads ({heads}) does not divide, and head_dim is not given"
            )));
        }
    };
    let head_dim = size("head_dim", Some(head_dim), 1 << 12)?;
    if !head_dim.is_multiple_of(2) {
        return Err(wrong(format!("head_dim is {head_dim}, and rotary embeddings need an even one")));
    }
    let attention_scalar = match backbone.query_scalar {
        Some(scalar) => raw.query_pre_attn_scalar.unwrap_or(scalar),
        None => head_dim as f64,
    };
    let attention_softcap = backbone.softcaps.and_then(|[cap, _]| raw.attn_logit_softcapping.unwrap_or(cap));
    let all_or_none = |stated: bool| (stated, stated);
    let (query_bias, output_bias) = match backbone.bias {
        Bias::Stated => all_or_none(raw.attention_bias.unwrap_or(false)),
        Bias::StatedElseAll => all_or_none(raw.bias.unwrap_or(true)),
        Bias::QueryKeyValue => (true, false),
        Bias::None => (false, false),
    };
    let (rope, local_rope) = rope::read(
        raw.rope_scaling.as_ref().filter(|map| !map.is_empty()).or(raw.rope_parameters.as_ref()),
        &rope::Around {
            theta: raw.rope_theta.unwrap_or(backbone.rope_theta),
            local_theta: backbone.local_rope_theta.map(|theta| raw.rope_local_base_freq.unwrap_or(theta)),
            partial_rotary_factor: raw.partial_rotary_factor,
            max_positions,
            head_dim,
        },
    )?;
    let windows = windows::read(
        backbone.sliding,
        &windows::Keys {
            layers,
            window: raw.sliding_window.unwrap_or(backbone.window),
            layer_types: raw.layer_types.as_deref(),
            pattern: raw.sliding_window_pattern,
            use_sliding_window: raw.use_sliding_window.unwrap_or(false),
            max_window_layers: raw.max_window_layers,
        },
    )?;
    if local_rope.is_some() && raw.sliding_window == Some(None) {
        return Err(wrong("sliding_window is null, and its layers slide"));
    }
    Ok(DecoderConfig {
        hidden_size,
        intermediate_size,
        heads,
        kv_heads,
        head_dim,
        vocab_size,
        activation: activation(backbone.activation, raw)?,
        norm_epsilon: positive("rms_norm_eps", raw.rms_norm_eps.unwrap_or(1e-6))?,
        norm_offset: if backbone.gemma { 1.0 } else { 0.0 },
        embedding_scale: backbone.gemma.then(|| (hidden_size as f64).sqrt()),
        post_norms: backbone.post_norms,
        query_key_norm: backbone.query_key_norm,
        attention_scale: positive("query_pre_attn_scalar", attention_scalar)?.powf(-0.5),
        attention_softcap: attention_softcap.map(|cap| positive("attn_logit_softcapping", cap)).transpose()?,
        query_bias,
        output_bias,
        mlp_bias: backbone.mlp_bias && raw.mlp_bias.unwrap_or(false),
        rope,
        local_rope,
        windows,
        max_positions,
    })
}

fn activation(key: ActivationKey, raw: &Raw) -> Result<Activation, Refusal> {
    const TANH: &str = "gelu_pytorch_tanh";
    let (act, activation) = (raw.hidden_act.as_deref(), raw.hidden_activation.as_deref());
    read_activation(match key {
        ActivationKey::HiddenAct => act.unwrap_or("silu"),
        ActivationKey::HiddenActivation => activation.unwrap_or(TANH),
        ActivationKey::LegacyGelu => activation.or(act.filter(|act| *act != "gelu")).unwrap_or(TANH),
    })
}

fn read_activation(name: &str) -> Result<Activation, Refusal> {
    match name {
        "silu" | "swish" => Ok(Activation::Silu),
        "gelu_pytorch_tanh" | "gelu_new" => Ok(Activation::GeluTanh),
        "gelu" => Ok(Activation::Gelu),
        other => Err(Refusal::Unsupported(format!("the activation is {}", text::visible(other)))),
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
