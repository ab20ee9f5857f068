//! The rotary keys of `config.json`: `rope_theta` and `rope_scaling` (transformers 4) or `rope_parameters` (5).

use serde_json::{Map, Value};

use super::read::{Refusal, positive, wrong};
use super::{Rope, RopeScaling};
use crate::text;

/// What transformers takes where no base is given.
const THETA: f64 = 10_000.0;

/// Keys beside the rotary ones that bear on them.
pub(super) struct Around {
    pub theta: Option<f64>,
    pub partial_rotary_factor: Option<f64>,
    pub max_positions: usize,
}

/// `parameters` is `rope_scaling` or `rope_parameters`, whichever the file has.
pub(super) fn read(parameters: Option<&Map<String, Value>>, around: &Around) -> Result<Rope, Refusal> {
    let none = Map::new();
    let parameters = parameters.unwrap_or(&none);
    if parameters.values().any(Value::is_object) {
        return Err(Refusal::Unsupported("rope_parameters differ between kinds of layers".to_owned()));
    }
    let partial = number(parameters, "partial_rotary_factor")?.or(around.partial_rotary_factor);
    if partial.is_some_and(|factor| factor != 1.0) {
        return Err(Refusal::Unsupported("only part of each head is rotated (key partial_rotary_factor)".to_owned()));
    }
    let theta = number(parameters, "rope_theta")?.or(around.theta).unwrap_or(THETA);
    let need = |key: &str| {
        number(parameters, key)?
            .ok_or_else(|| wrong(format!("its RoPE scaling lacks the key {key}")))
            .and_then(|value| positive(key, value))
    };
    // Files of early 2024 say `type`; where both stand, transformers goes by `rope_type`.
    let kind = parameters.get("rope_type").or_else(|| parameters.get("type"));
    let scaling = match kind.and_then(Value::as_str).unwrap_or("default") {
        "default" => RopeScaling::Default,
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
        other => return Err(Refusal::Unsupported(format!("the RoPE scaling is {}", text::visible(other)))),
    };
    Ok(Rope { theta: positive("rope_theta", theta)?, scaling })
}

fn number(parameters: &Map<String, Value>, key: &str) -> Result<Option<f64>, Refusal> {
    match parameters.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_f64().map(Some).ok_or_else(|| wrong(format!("{key} is {value}, and must be a number"))),
    }
}
