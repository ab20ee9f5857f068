use super::*;

#[test]
fn the_documents_say_the_same_in_the_same_order() {
    let text = include_str!("../../../../../docs/models.md");
    let listed = text.split("## Architectures of candle-transformers").nth(1).unwrap().split("## Refused").next().unwrap();
    let written = rows().into_iter().map(|row| {
        let only = row.only.as_object().unwrap().iter().map(|(key, value)| format!("`{key}` {value}")).collect::<Vec<_>>();
        format!("| `{}` | {} |", row.name, if only.is_empty() { "–".to_owned() } else { only.join(", ") })
    });
    assert_eq!(listed.lines().filter(|line| line.starts_with("| `")).collect::<Vec<_>>(), written.collect::<Vec<_>>());
}

#[test]
fn the_message_names_all_of_them() {
    let names: Vec<&str> = rows().iter().map(|row| row.name).collect();
    assert_eq!(super::super::architecture::SUPPORTED_STOCK, names.join(", "));
}

fn read(name: &str, change: Value) -> Result<(DecoderConfig, Stock), String> {
    let mut config = json!({"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "vocab_size": 100, "max_position_embeddings": 512});
    config.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    find(&format!("{name}ForCausalLM")).unwrap().read(config.as_object().unwrap()).map_err(|refusal| match refusal {
        Refusal::Wrong(text) | Refusal::Unsupported(text) | Refusal::Known { problem: text, .. } => text,
    })
}

#[test]
fn what_candles_code_does_not_look_at_is_refused_by_its_key() {
    for (name, change, said) in [
        ("Phi", json!({"qk_layernorm": true}), "qk_layernorm is true, and candle's PhiForCausalLM"),
        ("Granite", json!({}), "tie_word_embeddings is false"),
        ("GraniteMoeHybrid", json!({"tie_word_embeddings": true}), "num_local_experts is 8"),
        (
            "GraniteMoeHybrid",
            json!({"tie_word_embeddings": true, "num_local_experts": 0, "position_embedding_type": "rope", "layer_types": ["mamba"]}),
            "layer_types holds 'mamba'",
        ),
        ("StableLm", json!({"use_parallel_residual": true}), "use_parallel_residual is true"),
        ("DeepseekV2", json!({"topk_method": "group_limited_greedy"}), "topk_method is \"group_limited_greedy\""),
        ("Phi3", json!({"rope_scaling": {"type": "longrope"}}), "the RoPE scaling is longrope"),
        ("Olmo2", json!({"rope_scaling": {"rope_type": "yarn"}}), "the RoPE scaling is yarn"),
        ("Olmo2", json!({"partial_rotary_factor": 0.5}), "0.5 of each head is rotated"),
        ("Olmo2", json!({"head_dim": 12}), "head_dim is 12"),
        ("Olmo2", json!({"hidden_act": "mish"}), "the activation is mish"),
        ("Olmo2", json!({"num_attention_heads": 0}), "num_attention_heads is 0"),
        ("Mixtral", json!({"num_local_experts": 2, "num_experts_per_tok": 3}), "num_experts_per_tok is 3"),
        ("Qwen2Moe", json!({"mlp_only_layers": [0]}), "mlp_only_layers is [0]"),
    ] {
        let error = read(name, change).unwrap_err();
        assert!(error.contains(said), "{name}: {error}");
    }
}

#[test]
fn positions_end_with_the_window_and_with_the_largest_table() {
    let most = |name, change| read(name, change).unwrap().0.max_positions;
    assert_eq!(most("Phi3", json!({"sliding_window": 256})), 256);
    assert_eq!(most("Phi3", json!({"max_position_embeddings": 1 << 29})), MOST_POSITIONS);
    assert_eq!(most("Qwen3Moe", json!({"sliding_window": 64, "use_sliding_window": false})), 512);
}
