//! The rotary keys of `config.json`: `rope_theta` and `rope_scaling` (transformers 4) or `rope_parameters` (5), which for
//! Gemma 3 holds one set for each kind of layer.

use serde_json::{Map, Value};

use super::refusal::{Refusal, positive, wrong};
use super::{Rope, RopeScaling};
use rewardscope_base::text;

/// Our own kind, for what no rule of transformers says: see `model::gguf`.
pub(crate) const FACTORS: &str = "factors";

/// Keys beside the rotary ones that bear on them.
pub(super) struct Around {
    /// `rope_theta`, or the architecture's.
    pub theta: f64,
    /// Base of the layers that slide: `rope_local_base_freq`, or the architecture's; `None` where all layers rotate alike.
    pub local_theta: Option<f64>,
    pub partial_rotary_factor: Option<f64>,
    pub max_positions: usize,
    pub head_dim: usize,
}

/// Rotation of the layers that see everything, and of those that slide where it is another. `parameters` is `rope_scaling`
/// or `rope_parameters`, whichever the file has; one set without kinds of layers is that of the former.
pub(super) fn read(parameters: Option<&Map<String, Value>>, around: &Around) -> Result<(Rope, Option<Rope>), Refusal> {
    let none = Map::new();
    let parameters = parameters.unwrap_or(&none);
    let Some(local_theta) = around.local_theta else { return Ok((one(parameters, around.theta, around)?, None)) };
    let of = |kind: &str| parameters.get(kind).and_then(Value::as_object);
    let (full, sliding) = (of("full_attention"), of("sliding_attention"));
    let flat = if full.is_none() && sliding.is_none() { parameters } else { &none };
    let global = one(full.unwrap_or(flat), around.theta, around)?;
    Ok((global, Some(one(sliding.unwrap_or(&none), local_theta, around)?)))
}

fn one(parameters: &Map<String, Value>, theta: f64, around: &Around) -> Result<Rope, Refusal> {
    if parameters.values().any(Value::is_object) {
        return Err(Refusal::Unsupported("rope_parameters differ between kinds of layers".to_owned()));
    }
    let partial = number(parameters, "partial_rotary_factor")?.or(around.partial_rotary_factor);
    if partial.is_some_and(|factor| factor != 1.0) {
        return Err(Refusal::Unsupported("only part of each head is rotated (key partial_rotary_factor)".to_owned()));
    }
    let theta = number(parameters, "rope_theta")?.unwrap_or(theta);
    let need = |key: &str| {
        number(parameters, key)?
            .ok_or_else(|| wrong(format!("its RoPE scaling lacks the key {key}")))
            .and_then(|value| positive(key, value))
    };
    // Files of early 2024 say `type`; where both stand, transformers goes by `rope_type`.
    let kind = parameters.get("rope_type").or_else(|| parameters.get("type"));
    let scaling = match kind.and_then(Value::as_str).unwrap_or("default") {
        // The dynamic kind stretches frequencies only beyond the model's positions (transformers `modeling_rope_utils.py`,
        // `_compute_dynamic_ntk_parameters`; InternLM's `modeling_internlm2.py`), where no conversation is let.
        "default" | "dynamic" => RopeScaling::Default,
        "linear" => RopeScaling::Linear { factor: need("factor")? },
        "llama3" => {
            let key = "original_max_position_embeddings";
            let original = number(parameters, key)?.unwrap_or(around.max_positions as f64);
            RopeScaling::Llama3 {
                factor: need("factor")?,
                low_freq_factor: need("low_freq_factor")?,
                high_freq_factor: need("high_freq_factor")?,
                original_max_positions: positive(key, original)? as usize,
            }
        }
        FACTORS => RopeScaling::Factors(factors(parameters, around.head_dim)?),
        other => return Err(Refusal::Unsupported(format!("the RoPE scaling is {}", text::visible(other)))),
    };
    Ok(Rope { theta: positive("rope_theta", theta)?, scaling })
}

fn factors(parameters: &Map<String, Value>, head_dim: usize) -> Result<Vec<f64>, Refusal> {
    let list = parameters.get("factors").and_then(Value::as_array);
    let factors: Vec<f64> = list.into_iter().flatten().filter_map(Value::as_f64).filter(|f| f.is_finite() && *f > 0.0).collect();
    if factors.len() == head_dim / 2 {
        return Ok(factors);
    }
    Err(wrong(format!("it has {} sound RoPE factors for heads of {head_dim}", factors.len())))
}

fn number(parameters: &Map<String, Value>, key: &str) -> Result<Option<f64>, Refusal> {
    match parameters.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_f64().map(Some).ok_or_else(|| wrong(format!("{key} is {value}, and must be a number"))),
    }
}
