//! The files of a checkpoint in the Hugging Face layout.
//!
//! Knows the names that transformers reads; nothing of training. Every choice that a family makes differently is in use.

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::path::Path;

use candle_core::Tensor;
use rewardscope::base::terms::Family;
use serde_json::{Value, json};

use crate::model::Trainable;
use crate::tokenizer::VOCABULARY;

/// `config.json`, with the ids that `tokenizer` gives to special tokens.
pub fn config(family: Family, tokenizer: &Value) -> Value {
    let id = |content: &str| {
        let mut tokens = tokenizer["added_tokens"].as_array().into_iter().flatten();
        tokens.find(|token| token["content"] == content).map(|token| token["id"].clone())
    };
    match family {
        Family::Gemma => json!({
            "architectures": ["Gemma2ForSequenceClassification"],
            "attention_bias": false,
            "attention_dropout": 0.0,
            "attn_logit_softcapping": 50.0,
            "bos_token_id": id("<bos>"),
            "eos_token_id": id("<eos>"),
            "final_logit_softcapping": 30.0,
            "head_dim": 32,
            "hidden_act": "gelu_pytorch_tanh",
            "hidden_activation": "gelu_pytorch_tanh",
            "hidden_size": 96,
            "id2label": { "0": "LABEL_0" },
            "initializer_range": 0.02,
            "intermediate_size": 256,
            "label2id": { "LABEL_0": 0 },
            "max_position_embeddings": 512,
            "model_type": "gemma2",
            "num_attention_heads": 4,
            "num_hidden_layers": 3,
            "num_key_value_heads": 2,
            "pad_token_id": id("<pad>"),
            // hidden_size / heads and not head_dim, as in Gemma 2 27B.
            "query_pre_attn_scalar": 24,
            "rms_norm_eps": 1e-6,
            "rope_theta": 10000.0,
            // Shorter than a conversation, so that it matters.
            "sliding_window": 16,
            "tie_word_embeddings": true,
            "torch_dtype": "float32",
            "use_cache": true,
            "vocab_size": VOCABULARY,
        }),
        _ => json!({
            "architectures": ["LlamaForSequenceClassification"],
            "attention_bias": false,
            "attention_dropout": 0.0,
            "bos_token_id": id("<|begin_of_text|>"),
            "eos_token_id": id("<|eot_id|>"),
            "head_dim": 16,
            "hidden_act": "silu",
            "hidden_size": 96,
            "id2label": { "0": "LABEL_0" },
            "initializer_range": 0.02,
            "intermediate_size": 256,
            "label2id": { "LABEL_0": 0 },
            "max_position_embeddings": 512,
            "mlp_bias": false,
            "model_type": "llama",
            "num_attention_heads": 6,
            "num_hidden_layers": 3,
            "num_key_value_heads": 2,
            "pad_token_id": id("<|finetune_right_pad_id|>"),
            "pretraining_tp": 1,
            "rms_norm_eps": 1e-5,
            "rope_scaling": {
                "factor": 8.0,
                "high_freq_factor": 4.0,
                "low_freq_factor": 1.0,
                "original_max_position_embeddings": 64,
                "rope_type": "llama3",
            },
            "rope_theta": 10000.0,
            "tie_word_embeddings": false,
            "torch_dtype": "float32",
            "use_cache": true,
            "vocab_size": VOCABULARY,
        }),
    }
}

/// Writes everything but the weights: `config.json`, `tokenizer.json`, `tokenizer_config.json` with the chat template, and
/// `special_tokens_map.json`.
pub fn write_descriptions(directory: &Path, family: Family, tokenizer: &Value) -> Result<(), Box<dyn Error>> {
    let (mut special, template) = match family {
        Family::Gemma => (
            json!({ "bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>" }),
            include_str!("gemma.jinja"),
        ),
        _ => (
            json!({ "bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>", "pad_token": "<|finetune_right_pad_id|>" }),
            include_str!("llama.jinja"),
        ),
    };
    fs::create_dir_all(directory)?;
    write_json(directory, "config.json", &config(family, tokenizer))?;
    write_json(directory, "tokenizer.json", tokenizer)?;
    write_json(directory, "special_tokens_map.json", &special)?;
    let mut settings = json!({
        "chat_template": template.trim_end(),
        "clean_up_tokenization_spaces": false,
        "model_input_names": ["input_ids", "attention_mask"],
        "model_max_length": 512,
        "padding_side": "right",
        "tokenizer_class": "PreTrainedTokenizerFast",
    });
    if let (Some(settings), Some(special)) = (settings.as_object_mut(), special.as_object_mut()) {
        settings.append(special);
    }
    write_json(directory, "tokenizer_config.json", &settings)
}

/// Writes `model.safetensors`, all tensors in f32.
pub fn write_weights(directory: &Path, model: &Trainable) -> Result<(), Box<dyn Error>> {
    let tensors = model.variables().iter().map(|(name, variable)| (name, variable.as_tensor().clone()));
    let tensors: Vec<(&String, Tensor)> = tensors.collect();
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    Ok(fs::write(directory.join("model.safetensors"), safetensors::serialize(tensors, Some(metadata))?)?)
}

fn write_json(directory: &Path, name: &str, value: &Value) -> Result<(), Box<dyn Error>> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    Ok(fs::write(directory.join(name), text)?)
}
