//! What in a language model's `config.json` speaks of a reward model.

use serde_json::{Map, Value};

use rewardscope_base::text;

/// Keys that only trainers and authors of reward models write begin so. (`num_key_value_heads` is everyone's.)
const KEYS: [&str; 8] =
    ["value_head", "vhead", "v_head", "regression", "score_head", "num_objectives", "num_quantiles", "problem_type"];
/// DeepSeek's width of the values of a head of attention, which begins so as well.
const WIDTH: &str = "v_head_dim";
/// Parts of a class's name, in lower case.
const CLASSES: [&str; 7] =
    ["reward", "valuehead", "withvalue", "sequenceclassification", "tokenclassification", "sequenceregression", "forscore"];

/// Each in a few words: `the key vhead_layer_type`, `auto_map to …`. Empty for a plain language model.
pub(super) fn signs(config: &Map<String, Value>) -> Vec<String> {
    let mut signs = Vec::new();
    for (key, value) in config {
        let is_stated = match value {
            Value::Null | Value::Bool(false) => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(values) => !values.is_empty(),
            Value::Object(map) => !map.is_empty(),
            Value::Bool(true) | Value::Number(_) => true,
        };
        let name = key.to_ascii_lowercase();
        if is_stated && name != WIDTH && (name.contains("reward") || KEYS.iter().any(|part| name.starts_with(part))) {
            signs.push(format!("the key {} of config.json", text::visible(key)));
        }
    }
    let classes = config.get("auto_map").and_then(Value::as_object).into_iter().flatten();
    if let Some((key, class)) = classes
        .map(|(key, class)| (key, texts(class).join(", ")))
        .find(|(key, class)| is_of_a_reward_model(key) || is_of_a_reward_model(class))
    {
        signs.push(format!("auto_map of {} to {}", text::visible(key), text::visible(&class)));
    }
    let others = config.get("architectures").map(texts).unwrap_or_default();
    if let Some(other) = others.into_iter().skip(1).find(|name| is_of_a_reward_model(name)) {
        signs.push(format!("the further architecture {}", text::visible(other)));
    }
    // Two labels without names are what transformers writes for every model.
    if config.get("num_labels").and_then(Value::as_u64).is_some_and(|count| count != 2) {
        signs.push("the key num_labels of config.json".to_owned());
    }
    if config.get("id2label").and_then(Value::as_object).is_some_and(|labels| !are_unnamed(labels)) {
        signs.push("the labels of config.json (id2label)".to_owned());
    }
    if config.get("pooling_type").and_then(Value::as_str) == Some("rank") {
        signs.push("a pooling type for ranking".to_owned());
    }
    signs
}

fn are_unnamed(labels: &Map<String, Value>) -> bool {
    labels.is_empty()
        || labels.len() == 2
            && labels.iter().all(|(id, label)| label.as_str().is_some_and(|label| label == format!("LABEL_{id}")))
}

fn is_of_a_reward_model(class: &str) -> bool {
    let class = class.to_ascii_lowercase().replace('_', "");
    CLASSES.iter().any(|part| class.contains(part))
}

/// A text, or those of a list.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
        value => value.as_str().into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(config: Value) -> Vec<String> {
        signs(config.as_object().unwrap())
    }

    #[test]
    fn a_plain_language_model_shows_no_sign() {
        let plain = serde_json::json!({
            "architectures": ["LlamaForCausalLM"], "problem_type": null, "tie_word_embeddings": true, "num_labels": 2,
            "id2label": {"0": "LABEL_0", "1": "LABEL_1"}, "query_pre_attn_scalar": 256, "normalize_reward": false, "num_key_value_heads": 8, "num_attention_heads": 32,
            "v_head_dim": 128,
            "auto_map": {"AutoConfig": "configuration_x.XConfig", "AutoModelForCausalLM": ["modeling_x.XForCausalLM", null]},
        });
        assert_eq!(found(plain), [""; 0]);
    }

    #[test]
    fn what_only_a_reward_model_says_is_named() {
        for (config, expected) in [
            (serde_json::json!({"vhead_num_neurons": 1024}), "the key vhead_num_neurons of config.json"),
            (serde_json::json!({"value_head_prefix": "value_head"}), "the key value_head_prefix of config.json"),
            (serde_json::json!({"normalize_reward": true}), "the key normalize_reward of config.json"),
            (serde_json::json!({"problem_type": "regression"}), "the key problem_type of config.json"),
            (serde_json::json!({"num_labels": 1}), "the key num_labels of config.json"),
            (serde_json::json!({"id2label": {"0": "LABEL_0"}}), "the labels of config.json (id2label)"),
            (serde_json::json!({"id2label": {"0": "rejected", "1": "chosen"}}), "the labels of config.json (id2label)"),
            (
                serde_json::json!({"architectures": ["LlamaForCausalLM", "LlamaForRewardModel"]}),
                "the further architecture LlamaForRewardModel",
            ),
            (
                serde_json::json!({"auto_map": {"AutoModel": "m.AutoModelForCausalLMWithValueHead"}}),
                "auto_map of AutoModel to m.AutoModelForCausalLMWithValueHead",
            ),
            (
                serde_json::json!({"auto_map": {"AutoModelForSequenceClassification": "m.X"}}),
                "auto_map of AutoModelForSequenceClassification to m.X",
            ),
            (serde_json::json!({"auto_map": {"AutoModel": ["m.Reward_Model", null]}}), "auto_map of AutoModel to m.Reward_Model"),
        ] {
            assert_eq!(found(config.clone()), [expected], "{config}");
        }
    }
}
