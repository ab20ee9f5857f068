//! The files of a checkpoint in the Hugging Face layout, as bytes.
//!
//! Knows the names that transformers reads; nothing of training.

use std::collections::HashMap;
use std::error::Error;

use candle_core::Tensor;
use rewardscope::model::Family;
use rewardscope::model::config::{DecoderConfig, RopeScaling};
use serde_json::{Value, json};

use crate::model::Trainable;

/// A file's name and content.
pub type File = (&'static str, Vec<u8>);

/// `tokenizer.json`, `tokenizer_config.json` with the chat template, and `special_tokens_map.json`.
pub fn tokenizer_files(family: Family, tokenizer: &Value) -> Result<Vec<File>, Box<dyn Error>> {
    let mut special = if family == Family::Gemma {
        json!({ "bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>" })
    } else {
        json!({ "bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>", "pad_token": "<|finetune_right_pad_id|>" })
    };
    let map = text(&special)?;
    let template = if family == Family::Gemma { include_str!("gemma.jinja") } else { include_str!("llama.jinja") };
    let mut settings = json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": false,
        "model_input_names": ["input_ids", "attention_mask"],
        "model_max_length": 512,
        "padding_side": "right",
        "chat_template": template.trim_end(),
    });
    if let (Some(settings), Some(special)) = (settings.as_object_mut(), special.as_object_mut()) {
        settings.append(special);
    }
    Ok(vec![("tokenizer.json", text(tokenizer)?), ("tokenizer_config.json", text(&settings)?), ("special_tokens_map.json", map)])
}

/// `config.json`, with the ids that the tokenizer gives to special tokens.
pub fn config_file(family: Family, config: &DecoderConfig, tokenizer: &Value) -> Result<File, Box<dyn Error>> {
    let id = |content: &str| {
        let tokens = tokenizer["added_tokens"].as_array().into_iter().flatten();
        tokens.filter(|token| token["content"] == content).map(|token| token["id"].clone()).next()
    };
    let mut written = json!({
        "hidden_size": config.hidden_size,
        "intermediate_size": config.intermediate_size,
        "num_hidden_layers": config.windows.len(),
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "head_dim": config.head_dim,
        "vocab_size": config.vocab_size,
        "max_position_embeddings": config.max_positions,
        "rms_norm_eps": config.norm_epsilon,
        "rope_theta": config.rope.theta,
        "attention_bias": config.attention_bias,
        "attention_dropout": 0.0,
        "initializer_range": 0.02,
        "use_cache": false,
        "id2label": { "0": "LABEL_0" },
        "label2id": { "LABEL_0": 0 },
        "torch_dtype": "float32",
    });
    let own = if family == Family::Gemma {
        json!({
            "architectures": ["Gemma2ForSequenceClassification"],
            "model_type": "gemma2",
            "hidden_act": "gelu_pytorch_tanh",
            "hidden_activation": "gelu_pytorch_tanh",
            "query_pre_attn_scalar": config.attention_scale.powi(-2).round() as u64,
            "attn_logit_softcapping": config.attention_softcap,
            "final_logit_softcapping": 30.0,
            "sliding_window": config.windows.iter().flatten().next(),
            "tie_word_embeddings": true,
            "bos_token_id": id("<bos>"),
            "eos_token_id": id("<eos>"),
            "pad_token_id": id("<pad>"),
        })
    } else {
        json!({
            "architectures": ["LlamaForSequenceClassification"],
            "model_type": "llama",
            "hidden_act": "silu",
            "mlp_bias": config.mlp_bias,
            "pretraining_tp": 1,
            "rope_scaling": rope_scaling(config.rope.scaling),
            "tie_word_embeddings": false,
            "bos_token_id": id("<|begin_of_text|>"),
            "eos_token_id": id("<|eot_id|>"),
            "pad_token_id": id("<|finetune_right_pad_id|>"),
        })
    };
    if let (Some(written), Value::Object(mut own)) = (written.as_object_mut(), own) {
        written.append(&mut own);
        written.sort_keys();
    }
    Ok(("config.json", text(&written)?))
}

/// `model.safetensors`, all tensors in f32.
pub fn weights_file(model: &Trainable) -> Result<File, Box<dyn Error>> {
    let tensors: Vec<(&String, Tensor)> =
        model.variables().iter().map(|(name, variable)| (name, variable.as_tensor().clone())).collect();
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    Ok(("model.safetensors", safetensors::serialize(tensors, Some(metadata))?))
}

fn rope_scaling(scaling: RopeScaling) -> Value {
    match scaling {
        RopeScaling::Default => Value::Null,
        RopeScaling::Linear { factor } => json!({ "rope_type": "linear", "factor": factor }),
        RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_max_positions } => json!({
            "rope_type": "llama3",
            "factor": factor,
            "low_freq_factor": low_freq_factor,
            "high_freq_factor": high_freq_factor,
            "original_max_position_embeddings": original_max_positions,
        }),
    }
}

fn text(value: &Value) -> Result<Vec<u8>, serde_json::Error> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    Ok(text)
}
