//! GGUF metadata to the `config.json` that transformers would have written for the model.
//!
//! What the metadata leaves out is filled with the architecture's documented value, and told under `assumed`.

use candle_core::quantized::gguf_file;
use serde_json::{Map, Value, json};

use super::header::Header;
use super::tensors;
use crate::ModelError;
use crate::format::config::FACTORS;
use rewardscope_base::text;

/// ggml's names and those of transformers.
const ARCHITECTURES: [(&str, &str); 6] =
    [("llama", "Llama"), ("gemma", "Gemma"), ("gemma2", "Gemma2"), ("gemma3", "Gemma3"), ("qwen2", "Qwen2"), ("qwen3", "Qwen3")];

/// The models whose `query_pre_attn_scalar` is `hidden_size / heads` and not `head_dim`, by their number of layers: the
/// 27B of Gemma 2 and of Gemma 3. The metadata has no key for it.
const SCALED_BY_WIDTH: [(&str, usize); 2] = [("gemma2", 46), ("gemma3", 62)];

/// `LLAMA_POOLING_TYPE_RANK`: hidden states go to a head that gives a score.
const POOLED_FOR_RANKING: usize = 4;

/// Metadata keys that say the same as one of `config.json`.
const SAME: [(&str, &str); 9] = [
    ("embedding_length", "hidden_size"),
    ("feed_forward_length", "intermediate_size"),
    ("block_count", "num_hidden_layers"),
    ("attention.head_count", "num_attention_heads"),
    ("attention.head_count_kv", "num_key_value_heads"),
    ("context_length", "max_position_embeddings"),
    ("attention.layer_norm_rms_epsilon", "rms_norm_eps"),
    ("rope.freq_base", "rope_theta"),
    ("attention.sliding_window", "sliding_window"),
];

/// The `config.json` of a file.
///
/// Fails where the architecture is none that is run, or rotary scaling is of an unknown kind; what is missing or
/// contradictory beyond that shows when the result is read as any `config.json`.
pub(super) fn config(header: &Header) -> Result<Value, ModelError> {
    let ggml = header.architecture();
    if header.text("general.type") == Some("adapter") {
        let next = "Merge it into its base model with llama-export-lora, and open the file that this gives";
        return Err(header.unsupported("this is a LoRA adapter, and no model by itself".to_owned(), next));
    }
    let Some((_, name)) = ARCHITECTURES.iter().find(|(known, _)| *known == ggml) else {
        let known = ARCHITECTURES.map(|(known, _)| known).join(", ");
        let problem = format!("the architecture is '{}'", text::visible(ggml));
        return Err(header.unsupported(problem, &format!("This version runs {known} from GGUF")));
    };
    let count = |key: &str| header.count(&header.key(key));
    let number = |key: &str| header.number(&header.key(key));
    let task = if tensors::has_head(header) { "ForSequenceClassification" } else { "ForCausalLM" };
    let mut config = Map::new();
    let mut set = |key: &str, value: Value| config.insert(key.to_owned(), value);
    set("architectures", json!([format!("{name}{task}")]));
    for (theirs, ours) in SAME {
        match (count(theirs), number(theirs)) {
            (Some(value), _) => set(ours, json!(value)),
            (None, Some(value)) => set(ours, json!(value)),
            (None, None) => None,
        };
    }
    for (theirs, ours) in
        [("attn_logit_softcapping", "attn_logit_softcapping"), ("final_logit_softcapping", "final_logit_softcapping")]
    {
        if let Some(cap) = number(theirs) {
            set(ours, json!(cap));
        }
    }
    let (hidden, heads, layers) = (count("embedding_length"), count("attention.head_count"), count("block_count"));
    let by_width = hidden.zip(heads).and_then(|(hidden, heads)| hidden.checked_div(heads));
    let head_dim = count("attention.key_length").or(count("rope.dimension_count")).or(by_width);
    set("head_dim", json!(head_dim));
    if let Some([rows, _]) = header.content.tensor_infos.get("token_embd.weight").map(|tensor| tensor.shape.dims()) {
        set("vocab_size", json!(rows));
    }
    set("tie_word_embeddings", json!(!header.content.tensor_infos.contains_key("output.weight")));
    if count("pooling_type") == Some(POOLED_FOR_RANKING) {
        set("pooling_type", json!("rank"));
    }
    // llama.cpp adds the biases that a file has.
    let has_biases =
        |parts: &[&str]| parts.iter().all(|part| header.content.tensor_infos.contains_key(&format!("blk.0.{part}.bias")));
    set("attention_bias", json!(has_biases(&["attn_q", "attn_k", "attn_v", "attn_output"])));
    set("mlp_bias", json!(has_biases(&["ffn_gate", "ffn_up", "ffn_down"])));
    let labels = header.texts(&header.key("classifier.output_labels"));
    if !labels.is_empty() {
        set("id2label", (0..).map(|row: usize| row.to_string()).zip(labels.into_iter().map(Value::from)).collect());
    }
    if let Some(id) = header.count("tokenizer.ggml.bos_token_id") {
        set("bos_token_id", json!(id));
    }

    let mut assumed = Vec::new();
    if matches!(ggml, "gemma2" | "gemma3") {
        let wide = SCALED_BY_WIDTH.iter().any(|(name, n)| *name == ggml && Some(*n) == layers);
        let scalar = if wide { by_width } else { head_dim };
        set("query_pre_attn_scalar", json!(scalar));
        assumed.push(format!("query_pre_attn_scalar {}", scalar.unwrap_or_default()));
    }
    if ggml == "gemma3" {
        match number("rope.freq_base_swa") {
            Some(theta) => drop(set("rope_local_base_freq", json!(theta))),
            None => assumed.push("local RoPE base 10000".to_owned()),
        }
        match header.content.metadata.get(&header.key("attention.sliding_window_pattern")) {
            Some(gguf_file::Value::Array(slides)) => {
                let kind = |slides: &gguf_file::Value| match slides.to_u64() {
                    Ok(0) => "full_attention",
                    _ => "sliding_attention",
                };
                set("layer_types", json!(slides.iter().map(kind).collect::<Vec<_>>()));
            }
            Some(value) => drop(set("sliding_window_pattern", json!(value.to_u64().unwrap_or_default()))),
            None => assumed.push("every 6th layer sees all, the others a window".to_owned()),
        }
    }
    if let Some(scaling) = rope_scaling(header)? {
        set("rope_scaling", scaling);
    }
    set("assumed", json!(assumed));
    Ok(Value::Object(config))
}

fn rope_scaling(header: &Header) -> Result<Option<Value>, ModelError> {
    if let Some(factors) = tensors::rope_factors(header)? {
        return Ok(Some(json!({ "rope_type": FACTORS, "factors": factors })));
    }
    let factor = header.number(&header.key("rope.scaling.factor")).or(header.number(&header.key("rope.scale_linear")));
    match (header.text(&header.key("rope.scaling.type")), factor) {
        (Some("none"), _) | (None, None) => Ok(None),
        (Some("linear") | None, Some(factor)) => Ok(Some(json!({ "rope_type": "linear", "factor": factor }))),
        (Some(other), _) => {
            let problem = format!("the RoPE scaling is '{}'", text::visible(other));
            Err(header.unsupported(problem, "This version runs linear scaling and the factors that llama3 scaling leaves"))
        }
    }
}
