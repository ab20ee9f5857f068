use super::super::{Rope, RopeScaling};
use super::*;

const LLAMA: &str = r#""architectures":["LlamaForSequenceClassification"],"hidden_size":64,"intermediate_size":128,
    "num_hidden_layers":2,"num_attention_heads":4,"vocab_size":100"#;
const GEMMA2: &str = r#""architectures":["Gemma2ForSequenceClassification"],"hidden_size":64,"intermediate_size":128,
    "num_hidden_layers":3,"num_attention_heads":4,"num_key_value_heads":2,"vocab_size":100"#;

fn read(base: &str, more: &str) -> Result<ModelConfig, Refusal> {
    let text = format!("{{{base}{more}}}");
    ModelConfig::from_raw(serde_json::from_str(&text).unwrap(), &serde_json::from_str(&text).unwrap())
}

fn refusal(base: &str, more: &str) -> String {
    match read(base, more) {
        Ok(config) => panic!("{config:?}"),
        Err(Refusal::Wrong(text) | Refusal::Unsupported(text) | Refusal::Known { problem: text, .. }) => text,
    }
}

#[test]
fn absent_keys_take_the_family_defaults() {
    let llama = read(LLAMA, "").unwrap().decoder;
    assert_eq!((llama.kv_heads, llama.head_dim, llama.norm_epsilon), (4, 16, 1e-6));
    assert_eq!(llama.rope, Rope { theta: 10_000.0, scaling: RopeScaling::Default });
    assert_eq!((llama.attention_scale, llama.attention_softcap, llama.activation), (0.25, None, Activation::Silu));
    assert_eq!(llama.windows, [None, None]);

    let gemma = read(GEMMA2, "").unwrap().decoder;
    assert_eq!((gemma.head_dim, gemma.attention_scale, gemma.attention_softcap), (256, 1.0 / 16.0, Some(50.0)));
    assert_eq!(gemma.windows, [Some(4096), None, Some(4096)]);
    assert_eq!(gemma.activation, Activation::GeluTanh);
    assert_eq!((gemma.norm_offset, gemma.embedding_scale), (1.0, Some(8.0)));
    assert!(gemma.post_norms && !gemma.query_key_norm);
    assert_eq!(read(GEMMA2, "").unwrap().final_softcap, Some(30.0));
}

#[test]
fn null_switches_off_what_absence_leaves_on() {
    let gemma = read(GEMMA2, r#","attn_logit_softcapping":null,"sliding_window":null"#).unwrap().decoder;
    assert_eq!(gemma.attention_softcap, None);
    assert_eq!(gemma.windows, [None; 3]);
}

#[test]
fn layer_types_decide_which_layers_slide() {
    let kinds = r#","sliding_window":7,"layer_types":["full_attention","sliding_attention","full_attention"]"#;
    assert_eq!(read(GEMMA2, kinds).unwrap().decoder.windows, [None, Some(7), None]);
}

#[test]
fn gemma_2_scales_queries_by_its_own_scalar() {
    let gemma = read(GEMMA2, r#","head_dim":16,"query_pre_attn_scalar":144,"hidden_act":"gelu""#).unwrap().decoder;
    assert_eq!((gemma.head_dim, gemma.attention_scale), (16, 1.0 / 12.0));
    assert_eq!(gemma.activation, Activation::GeluTanh, "hidden_act is not Gemma 2's key");
}

#[test]
fn both_generations_of_rope_keys_say_the_same() {
    let llama3 = RopeScaling::Llama3 { factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_max_positions: 8192 };
    let linear = RopeScaling::Linear { factor: 2.0 };
    let factors = r#""factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":8192"#;
    for (keys, theta, scaling) in [
        (format!(r#","rope_theta":500000.0,"rope_scaling":{{"rope_type":"llama3",{factors}}}"#), 500_000.0, llama3.clone()),
        (format!(r#","rope_parameters":{{"rope_type":"llama3","rope_theta":500000,{factors}}}"#), 500_000.0, llama3),
        (r#","rope_theta":1e6,"rope_scaling":{"type":"linear","factor":2}"#.into(), 1e6, linear),
        (r#","rope_theta":1e6,"rope_scaling":null"#.into(), 1e6, RopeScaling::Default),
        (r#","rope_parameters":{"rope_type":"default","rope_theta":1e6}"#.into(), 1e6, RopeScaling::Default),
        (r#","rope_scaling":{"type":"default"}"#.into(), 1e4, RopeScaling::Default),
    ] {
        assert_eq!(read(LLAMA, &keys).unwrap().decoder.rope, Rope { theta, scaling }, "{keys}");
    }
    let implied = r#","max_position_embeddings":777,"rope_scaling":{"rope_type":"llama3","factor":8,"low_freq_factor":1,"high_freq_factor":4}"#;
    let RopeScaling::Llama3 { original_max_positions, .. } = read(LLAMA, implied).unwrap().decoder.rope.scaling else { panic!() };
    assert_eq!(original_max_positions, 777);
}

fn named(architecture: &str, more: &str) -> ModelConfig {
    read(&LLAMA.replace("LlamaForSequenceClassification", architecture), more).unwrap()
}

#[test]
fn a_name_tells_backbone_and_task() {
    for (name, family, task) in [
        ("LlamaForCausalLM", Family::Llama, Task::Language),
        ("GemmaForSequenceClassification", Family::Gemma, Task::Reward),
        ("Gemma3TextForSequenceClassification", Family::Gemma, Task::Reward),
        ("Gemma3ForCausalLM", Family::Gemma, Task::Language),
    ] {
        let config = named(name, r#","num_key_value_heads":2"#);
        assert_eq!((config.family, config.task), (family, task), "{name}");
    }
    let tied = |name, more| named(name, more).tied;
    assert!(!tied("LlamaForCausalLM", "") && tied("LlamaForCausalLM", r#","tie_word_embeddings":true"#));
    let gemma2 = |more| read(&GEMMA2.replace("SequenceClassification", "CausalLM"), more).unwrap();
    assert!(gemma2("").tied);
    assert_eq!(gemma2(r#","final_logit_softcapping":null"#).final_softcap, None);
}

#[test]
fn gemma_1_means_the_tanh_form_by_gelu() {
    let act = |more| read(&GEMMA2.replace("Gemma2", "Gemma"), more).unwrap().decoder.activation;
    assert_eq!(act(r#","hidden_act":"gelu""#), Activation::GeluTanh);
    assert_eq!(act(r#","hidden_act":"gelu","hidden_activation":null"#), Activation::GeluTanh);
    assert_eq!(act(""), Activation::GeluTanh);
    assert_eq!(act(r#","hidden_act":"silu""#), Activation::Silu);
    let gemma = read(&GEMMA2.replace("Gemma2", "Gemma"), r#","attn_logit_softcapping":50.0,"sliding_window":4"#).unwrap().decoder;
    assert_eq!((gemma.post_norms, gemma.attention_softcap, gemma.windows), (false, None, vec![None; 3]));
}

#[test]
fn gemma_3_rotates_by_kind_of_layer_in_both_generations_of_keys() {
    let linear = |theta| Rope { theta, scaling: RopeScaling::Linear { factor: 8.0 } };
    let plain = |theta| Rope { theta, scaling: RopeScaling::Default };
    for (keys, global, local) in [
        ("", plain(1e6), plain(1e4)),
        (
            r#","rope_theta":5e5,"rope_local_base_freq":100,"rope_scaling":{"rope_type":"linear","factor":8}"#,
            linear(5e5),
            plain(100.0),
        ),
        (r#","rope_scaling":null,"rope_local_base_freq":100"#, plain(1e6), plain(100.0)),
        (
            r#","rope_parameters":{"full_attention":{"rope_type":"linear","factor":8,"rope_theta":5e5},
                "sliding_attention":{"rope_type":"default","rope_theta":100}}"#,
            linear(5e5),
            plain(100.0),
        ),
        (r#","rope_parameters":{"full_attention":{"rope_type":"linear","factor":8}}"#, linear(1e6), plain(1e4)),
    ] {
        let config = named("Gemma3ForCausalLM", keys).decoder;
        assert_eq!((config.rope, config.local_rope), (global, Some(local)), "{keys}");
    }
}

#[test]
fn the_language_model_of_one_that_sees_images_is_read() {
    let text = LLAMA.split_once(',').unwrap().1;
    let nested = format!(
        r#""architectures":["Gemma3ForConditionalGeneration"],"bos_token_id":2,
           "text_config":{{{text},"num_key_value_heads":2,"head_dim":8,"sliding_window":7,"sliding_window_pattern":2}}"#
    );
    let config = read(&nested, "").unwrap();
    assert_eq!((config.bos_token_id, config.decoder.head_dim, config.tied), (Some(2), 8, true));
    assert_eq!(config.decoder.windows, [Some(7), None]);
    assert!(config.decoder.query_key_norm);
}

#[test]
fn qwen_and_mistral_windows_and_biases() {
    let qwen = r#","num_key_value_heads":4,"sliding_window":9,"max_window_layers":1"#;
    let decoder = named("Qwen2ForCausalLM", &format!(r#"{qwen},"use_sliding_window":false"#)).decoder;
    assert_eq!((decoder.windows, decoder.query_bias, decoder.output_bias), (vec![None, None], true, false));
    let decoder = named("Qwen3ForCausalLM", &format!(r#"{qwen},"use_sliding_window":true"#)).decoder;
    assert_eq!((decoder.windows, decoder.query_bias, decoder.head_dim), (vec![None, Some(9)], false, 128));
    let mistral = |more: &str| named("MistralForCausalLM", &format!(r#","num_key_value_heads":2{more}"#)).decoder.windows;
    assert_eq!(mistral(r#","sliding_window":5"#), [Some(5); 2]);
    assert_eq!(mistral(r#","sliding_window":null"#), [None; 2]);
    assert_eq!(mistral(""), [Some(4096); 2]);
}

#[test]
fn labels_are_counted_in_id2label() {
    assert_eq!(read(LLAMA, "").unwrap().labels, None);
    assert_eq!(read(LLAMA, r#","id2label":{"0":"LABEL_0"}"#).unwrap().labels, Some(1));
    assert_eq!(read(LLAMA, r#","num_labels":3"#).unwrap().labels, Some(3));
}

#[test]
fn an_end_of_sequence_list_is_no_obstacle() {
    let config = read(LLAMA, r#","eos_token_id":[1,2],"bos_token_id":5,"torch_dtype":"bfloat16","dtype":"bfloat16""#).unwrap();
    assert_eq!(config.bos_token_id, Some(5));
}

#[test]
fn what_is_not_run_is_named() {
    for (base, more, expected) in [
        (r#""architectures":["GRewardModel"]"#, "", "GRewardModel"),
        (r#""architectures":[]"#, "", "no architecture"),
        (LLAMA, r#","quantization_config":{"bits":4}"#, "quantized"),
        (LLAMA, r#","quantization":{"group_size":64,"bits":4}"#, "quantized by MLX"),
        (LLAMA, r#","quantization":{"bits":4},"quantization_config":{"bits":4}"#, "quantized by MLX"),
        (LLAMA, r#","quantization_config":{"quant_method":"awq"}"#, "quantized by awq"),
        (r#""architectures":["RewardModel"]"#, r#","model_type":"mixtral""#, "RewardModel over mixtral, a mixture of experts"),
        (LLAMA, r#","rope_scaling":{"type":"yarn","factor":2}"#, "yarn"),
        (LLAMA, r#","rope_scaling":{"type":"linear"}"#, "lacks the key factor"),
        (LLAMA, r#","rope_parameters":{"full_attention":{"rope_type":"default"}}"#, "kinds of layers"),
        (LLAMA, r#","hidden_act":"relu""#, "relu"),
        (LLAMA, r#","num_key_value_heads":3"#, "does not divide"),
        (LLAMA, r#","head_dim":5"#, "even"),
        (LLAMA, r#","max_position_embeddings":0"#, "max_position_embeddings is 0"),
        (LLAMA, r#","num_key_value_heads":0"#, "num_key_value_heads is 0"),
        (r#""architectures":["LlamaForSequenceClassification"]"#, "", "hidden_size is missing"),
        (GEMMA2, r#","layer_types":["full_attention"]"#, "1 entries for 3 layers"),
        (GEMMA2, r#","use_bidirectional_attention":true"#, "both ways"),
        (GEMMA2, r#","attn_logit_softcapping":0.0"#, "above 0"),
    ] {
        let message = refusal(base, more);
        assert!(message.contains(expected), "{more}: {message}");
    }
}
