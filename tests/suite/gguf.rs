//! GGUF files against the checkpoints that they were made from: the fixtures, laid out as ggml's converter lays them out,
//! give the ids and rewards that transformers gives for the originals.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{DType, Device, Tensor};
use rewardscope::model::checkpoint::{RewardModel, estimate};
use rewardscope::model::decoder::Nodes;
use rewardscope::model::format::config::{ModelConfig, RopeScaling, Task};
use rewardscope::model::format::files::{Files, SourceLabel};
use rewardscope::model::format::weights::{Keep, Meter, Weights};
use rewardscope::model::head::is_of_a_head;
use rewardscope::model::text::tokenizer::ChatTokenizer;
use rewardscope::model::{BosPolicy, Cancel, Dtype, LoadOptions};
use serde_json::Value as Json;

const TOLERANCE: f64 = 1e-4;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn json(path: PathBuf) -> Json {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn load_tensor(files: &Files, name: &str) -> Tensor {
    let weights = Weights::open(files, is_of_a_head).unwrap();
    let shape = weights.get(name).unwrap().shape.clone();
    let cancel = Cancel::default();
    let mut progress = |_, _| {};
    let meter = Meter::new(&mut progress, &cancel, 0);
    weights.load(name, &shape, Keep::As(DType::F32), &Device::Cpu, &meter).unwrap()
}

/// What ggml calls a tensor of transformers.
fn ggml_name(name: &str, post_norms: bool) -> String {
    let before_mlp = if post_norms { "pre_feedforward_layernorm" } else { "post_attention_layernorm" };
    let mut name = name.replace(before_mlp, "ffn_norm");
    for (ours, theirs) in [
        ("model.layers.", "blk."),
        ("model.embed_tokens", "token_embd"),
        ("model.norm", "output_norm"),
        ("score.", "cls.output."),
        ("self_attn.q_proj", "attn_q"),
        ("self_attn.k_proj", "attn_k"),
        ("self_attn.v_proj", "attn_v"),
        ("self_attn.o_proj", "attn_output"),
        ("self_attn.q_norm", "attn_q_norm"),
        ("self_attn.k_norm", "attn_k_norm"),
        ("mlp.gate_proj", "ffn_gate"),
        ("mlp.up_proj", "ffn_up"),
        ("mlp.down_proj", "ffn_down"),
        ("input_layernorm", "attn_norm"),
        ("post_attention_layernorm", "post_attention_norm"),
        ("post_feedforward_layernorm", "post_ffw_norm"),
    ] {
        name = name.replace(ours, theirs);
    }
    name
}

fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Value {
    Value::Array(texts.into_iter().map(|text| Value::String(text.to_owned())).collect())
}

/// The tokenizer of a fixture as metadata.
fn tokenizer_metadata(name: &str, metadata: &mut HashMap<String, Value>) {
    let tokenizer = json(fixture(name).join("tokenizer.json"));
    let vocabulary = tokenizer["model"]["vocab"].as_object().unwrap();
    let added = tokenizer["added_tokens"].as_array().unwrap();
    let mut tokens: Vec<(u64, &str)> = vocabulary.iter().map(|(token, id)| (id.as_u64().unwrap(), token.as_str())).collect();
    tokens.extend(added.iter().map(|token| (token["id"].as_u64().unwrap(), token["content"].as_str().unwrap())));
    tokens.sort();
    tokens.dedup();
    let special: Vec<u64> = added.iter().map(|token| token["id"].as_u64().unwrap()).collect();
    let kind = |&(id, token): &(u64, &str)| match token {
        _ if special.contains(&id) => 3,
        byte if byte.starts_with("<0x") => 6,
        _ => 1,
    };
    let mut put = |key: &str, value: Value| metadata.insert(format!("tokenizer.ggml.{key}"), value);
    put("tokens", texts(tokens.iter().map(|(_, token)| *token)));
    put("token_type", Value::Array(tokens.iter().map(|token| Value::I32(kind(token))).collect()));
    if name.starts_with("gemma") {
        put("model", Value::String("llama".into()));
        // Pieces were learned in the order of their ids, the best first.
        put("scores", Value::Array(tokens.iter().map(|(id, _)| Value::F32(-(*id as f32))).collect()));
        put("add_space_prefix", Value::Bool(false));
    } else {
        put("model", Value::String("gpt2".into()));
        put("pre", Value::String(if name.starts_with("llama") { "llama-bpe" } else { "qwen2" }.into()));
        let merges = tokenizer["model"]["merges"].as_array().unwrap();
        let merges: Vec<String> =
            merges.iter().map(|pair| format!("{} {}", pair[0].as_str().unwrap(), pair[1].as_str().unwrap())).collect();
        put("merges", texts(merges.iter().map(String::as_str)));
    }
    let config = json(fixture(name).join("tokenizer_config.json"));
    let special = |name: &str| config[name].as_str().or(config[name]["content"].as_str());
    let id = |name: &str| tokens.iter().find(|(_, token)| Some(*token) == special(name)).map(|(id, _)| *id as u32);
    // Where a model has no first token, ggml's converter writes some id all the same, and that it is not added.
    put("bos_token_id", Value::U32(id("bos_token").unwrap_or(0)));
    if id("bos_token").is_none() {
        put("add_bos_token", Value::Bool(false));
    }
    put("eos_token_id", Value::U32(id("eos_token").unwrap()));
    put("unknown_token_id", Value::U32(id("unk_token").unwrap_or(0)));
    let template = std::fs::read_to_string(fixture(name).join("chat_template.jinja"));
    let named = || config["chat_template"].as_array()?.iter().find(|named| named["name"] == "default")?["template"].as_str();
    let template = template.unwrap_or_else(|_| config["chat_template"].as_str().or_else(named).unwrap().to_owned());
    metadata.insert("tokenizer.chat_template".into(), Value::String(template));
}

/// A fixture as a GGUF file, and the configuration that it was made from.
fn converted(name: &str, folder: &Path) -> PathBuf {
    let files = Files::Directory(fixture(name));
    let config = ModelConfig::read(&files).unwrap().decoder;
    let architecture = name.split('-').next().unwrap();
    let mut metadata = HashMap::from([("general.architecture".to_owned(), Value::String(architecture.to_owned()))]);
    tokenizer_metadata(name, &mut metadata);
    let mut put = |key: &str, value: Value| metadata.insert(format!("{architecture}.{key}"), value);
    let count = |n: usize| Value::U32(n as u32);
    put("block_count", count(config.windows.len()));
    put("embedding_length", count(config.hidden_size));
    put("feed_forward_length", count(config.intermediate_size));
    put("attention.head_count", count(config.heads));
    put("attention.head_count_kv", count(config.kv_heads));
    put("attention.key_length", count(config.head_dim));
    put("attention.layer_norm_rms_epsilon", Value::F32(config.norm_epsilon as f32));
    put("context_length", count(config.max_positions));
    put("rope.freq_base", Value::F32(config.rope.theta as f32));
    if let RopeScaling::Linear { factor } = config.rope.scaling {
        put("rope.scaling.type", Value::String("linear".into()));
        put("rope.scaling.factor", Value::F32(factor as f32));
    }
    if let Some(local) = &config.local_rope {
        put("rope.freq_base_swa", Value::F32(local.theta as f32));
        put("attention.sliding_window", count(config.windows.iter().flatten().copied().next().unwrap()));
        let slides = config.windows.iter().map(|window| Value::Bool(window.is_some()));
        put("attention.sliding_window_pattern", Value::Array(slides.collect()));
    }

    let mut tensors = Vec::new();
    for (hf, stored) in Weights::open(&files, is_of_a_head).unwrap().tensors() {
        let mut tensor = load_tensor(&files, hf);
        if hf.ends_with("norm.weight") {
            tensor = (tensor + config.norm_offset).unwrap();
        }
        // GGUF has no key for Gemma's scalar: the norm of queries takes what head_dim is off by.
        if hf.ends_with("q_norm.weight") {
            tensor = (tensor * (config.attention_scale * (config.head_dim as f64).sqrt())).unwrap();
        }
        let heads = if hf.contains("q_proj") { config.heads } else { config.kv_heads };
        if architecture == "llama" && (hf.contains("q_proj") || hf.contains("k_proj")) {
            let by_half = tensor.reshape((heads, 2, config.head_dim / 2, ())).unwrap();
            tensor = by_half.transpose(1, 2).unwrap().contiguous().unwrap().reshape(stored.shape.as_slice()).unwrap();
        }
        tensors.push((ggml_name(hf, config.post_norms), QTensor::quantize(&tensor, GgmlDType::F32).unwrap()));
    }
    if matches!(config.rope.scaling, RopeScaling::Llama3 { .. }) {
        let mut plain = config.rope.clone();
        plain.scaling = RopeScaling::Default;
        let scaled = config.rope.inverse_frequencies(config.head_dim);
        let factors: Vec<f32> = plain
            .inverse_frequencies(config.head_dim)
            .iter()
            .zip(scaled)
            .map(|(plain, scaled)| (plain / scaled) as f32)
            .collect();
        let factors = Tensor::new(factors, &Device::Cpu).unwrap();
        tensors.push(("rope_freqs.weight".into(), QTensor::quantize(&factors, GgmlDType::F32).unwrap()));
    }
    write(&folder.join(format!("{name}.gguf")), &metadata, &tensors)
}

fn write(path: &Path, metadata: &HashMap<String, Value>, tensors: &[(String, QTensor)]) -> PathBuf {
    let metadata: Vec<(&str, &Value)> = metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
    let tensors: Vec<(&str, &QTensor)> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    gguf_file::write(&mut File::create(path).unwrap(), &metadata, &tensors).unwrap();
    path.to_owned()
}

fn load(file: &Path) -> RewardModel {
    let options = LoadOptions { dtype: Dtype::F32, ..LoadOptions::default() };
    RewardModel::load(&Files::at(file), &SourceLabel::default(), &options, &mut |_, _| {}, &Cancel::default()).unwrap()
}

#[test]
fn a_converted_checkpoint_gives_the_rewards_of_the_original() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["llama", "llama-2024", "gemma", "gemma3", "qwen2"] {
        let model = load(&converted(name, folder.path()));
        let expected = json(fixture(name).join("expected.json"));
        for case in expected["cases"].as_array().unwrap() {
            let prompt = expected["prompts"][case["prompt"].as_u64().unwrap() as usize].as_str().unwrap();
            let word = case["word"].as_str().unwrap();
            let ids = model.tokenizer.encode(prompt, word).unwrap();
            assert_eq!(serde_json::json!(ids), case["single"]["ids"], "{name}: {word}");
            let nodes = Nodes::chain(&ids, 0);
            let output = model.decoder.forward(&nodes, None, &[ids.len() as u32 - 1], false, &Cancel::default()).unwrap();
            let off = f64::from(model.head.rewards(&output.hidden, None).unwrap()[0]) - case["single"]["score"].as_f64().unwrap();
            assert!(off.abs() < TOLERANCE, "{name}: {word} is off by {off}");
        }
        let told = &model.info.provenance;
        assert!(told.template.starts_with("of the GGUF") && told.quantized.is_none(), "{name}: {}", told.summary());
    }
}

#[test]
fn tokenizer_and_template_may_come_from_another_folder() {
    let folder = tempfile::tempdir().unwrap();
    let other = fixture("qwen3");
    let files = Files::at(&converted("qwen2", folder.path())).with_tokenizer(Some(&other));
    let tokenizer = ChatTokenizer::load(&files, BosPolicy::Single, 1000, None).unwrap();
    assert!(tokenizer.render("which", "love").unwrap().contains("<think>"), "the template of qwen3 thinks");
    assert_eq!(tokenizer.template().unwrap().describe(), "chat_template.jinja");
    let empty = Files::at(&folder.path().join("qwen2.gguf")).with_tokenizer(Some(folder.path()));
    let error = ChatTokenizer::load(&empty, BosPolicy::Single, 1000, None).err().unwrap().to_string();
    assert!(error.contains("tokenizer.json: missing"), "{error}");
}

#[test]
fn every_command_takes_the_tokenizer_that_it_is_given() {
    let home = tempfile::tempdir().unwrap();
    converted("qwen2", home.path());
    let other = fixture("qwen3");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rewardscope"));
        command.args(arguments).args(["--tokenizer", other.to_str().unwrap()]).current_dir(home.path()).stdin(Stdio::null());
        command.env("REWARDSCOPE_CONFIG", home.path()).env("REWARDSCOPE_STORE", home.path().join("scores.sqlite"));
        let output = command.env("HF_HOME", home.path()).env("HF_HUB_OFFLINE", "1").output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let json = |arguments: &[&str]| serde_json::from_str::<Json>(&run(arguments)).unwrap();
    let check = json(&["check", "./qwen2.gguf", "--format", "json"]);
    let facts = check["found"].as_array().unwrap();
    let template = facts.iter().find(|fact| fact["what"] == "template").unwrap();
    assert_eq!(template["found"].as_str(), Some("chat_template.jinja"), "not that of the GGUF");
    let bench = json(&["bench", "./qwen2.gguf", "--repeat", "1", "--sweep", "none", "--format", "json"]);
    assert_eq!(bench["provenance"]["template"].as_str(), Some("chat_template.jinja"));
    // And so does what is looked up: under the model's own tokenizer nothing was scored.
    let scored = run(&["score", "./qwen2.gguf", "--word", "love", "--format", "csv"]);
    let score = |csv: &str| csv.lines().nth(1).unwrap().split(',').nth(4).unwrap().to_owned();
    assert_eq!(score(&run(&["export", "./qwen2.gguf"])), score(&scored));
}

#[test]
fn what_the_metadata_leaves_out_is_filled_in_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let count = |key: &str, n: u32| (format!("gemma3.{key}"), Value::U32(n));
    let metadata = HashMap::from([
        ("general.architecture".to_owned(), Value::String("gemma3".into())),
        count("block_count", 7),
        count("embedding_length", 32),
        count("feed_forward_length", 64),
        count("attention.head_count", 4),
        count("attention.head_count_kv", 1),
        count("attention.key_length", 16),
        count("attention.sliding_window", 512),
        count("rope.freq_base", 1_000_000),
    ]);
    let embedding = Tensor::zeros((96, 32), DType::F32, &Device::Cpu).unwrap();
    let tensors = [("token_embd.weight".to_owned(), QTensor::quantize(&embedding, GgmlDType::Q8_0).unwrap())];
    let config = ModelConfig::read(&Files::at(&write(&folder.path().join("x.gguf"), &metadata, &tensors))).unwrap();
    assert_eq!((config.architecture.as_str(), config.task, config.tied), ("Gemma3ForCausalLM", Task::Language, true));
    let decoder = config.decoder;
    assert_eq!((decoder.vocab_size, decoder.attention_scale), (96, 0.25));
    assert_eq!((decoder.rope.theta, decoder.local_rope.unwrap().theta), (1e6, 1e4));
    let wide: Vec<usize> = (0..7).filter(|&layer| decoder.windows[layer].is_none()).collect();
    assert_eq!((wide, decoder.windows[0]), (vec![5], Some(512)));
    assert_eq!(config.assumed.len(), 3, "{:?}", config.assumed);
    assert!(config.assumed.iter().any(|fact| fact == "local RoPE base 10000"));
}

#[test]
fn a_head_that_cannot_be_read_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let count = |key: &str, n: u32| (format!("qwen3.{key}"), Value::U32(n));
    let plain = || {
        HashMap::from([
            ("general.architecture".to_owned(), Value::String("qwen3".into())),
            count("block_count", 1),
            count("embedding_length", 32),
            count("feed_forward_length", 64),
            count("attention.head_count", 4),
            count("attention.head_count_kv", 2),
            count("attention.key_length", 16),
        ])
    };
    let tensor =
        |rows: usize| QTensor::quantize(&Tensor::zeros((rows, 32), DType::F32, &Device::Cpu).unwrap(), GgmlDType::F32).unwrap();
    let opened = |metadata: &HashMap<String, Value>, more: Option<&str>| {
        let more = more.map(|name| (name.to_owned(), tensor(1)));
        let tensors: Vec<_> = [("token_embd.weight".to_owned(), tensor(96))].into_iter().chain(more).collect();
        let files = Files::at(&write(&folder.path().join("x.gguf"), metadata, &tensors));
        estimate(&files, &LoadOptions::default()).map(|found| found.is_language).map_err(|error| error.to_string())
    };
    assert_eq!(opened(&plain(), None), Ok(true));
    for name in ["value_head.weight", "reward_head.weight"] {
        assert_eq!(opened(&plain(), Some(name)), Ok(false), "{name} makes a reward model of it");
    }
    let message = opened(&plain(), Some("cls.weight")).unwrap_err();
    assert!(message.contains("cls.weight") && message.contains("kind language-model"), "{message}");
    let mut ranked = plain();
    ranked.extend([count("pooling_type", 4)]);
    assert!(opened(&ranked, None).unwrap_err().contains("pooling type for ranking"));
    assert_eq!(opened(&ranked, Some("cls.output.weight")), Ok(false));
    let mut labelled = plain();
    labelled.extend([("qwen3.classifier.output_labels".to_owned(), texts(["rejected", "chosen"]))]);
    let tensors = [("token_embd.weight".to_owned(), tensor(96)), ("cls.output.weight".to_owned(), tensor(2))];
    let config = ModelConfig::read(&Files::at(&write(&folder.path().join("y.gguf"), &labelled, &tensors))).unwrap();
    assert_eq!(
        (config.labels, config.label_names.into_values().collect()),
        (Some(2), vec!["rejected".to_owned(), "chosen".to_owned()])
    );
    let mut adapter = plain();
    adapter.extend([("general.type".to_owned(), Value::String("adapter".into()))]);
    assert!(opened(&adapter, None).unwrap_err().contains("LoRA adapter"));
}

#[test]
fn blocks_are_read_as_candle_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let values = Tensor::arange(0f32, 4096f32, &Device::Cpu).unwrap().cos().unwrap().reshape((8, 512)).unwrap();
    let dtypes = {
        use GgmlDType::*;
        [F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2K, Q3K, Q4K, Q5K, Q6K]
    };
    for dtype in dtypes {
        let stored = QTensor::quantize(&values, dtype).unwrap();
        let expected = stored.dequantize(&Device::Cpu).unwrap().to_vec2::<f32>().unwrap();
        let metadata = HashMap::from([("general.architecture".to_owned(), Value::String("qwen3".into()))]);
        let file = write(&folder.path().join("x.gguf"), &metadata, &[("output.weight".to_owned(), stored)]);
        let read = load_tensor(&Files::at(&file), "lm_head.weight").to_vec2::<f32>().unwrap();
        assert_eq!(read, expected, "{dtype:?}");
    }
}

#[test]
fn a_file_cut_anywhere_is_refused_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = converted("qwen2", folder.path());
    let whole = std::fs::read(&file).unwrap();
    for part in 0..40 {
        std::fs::write(&file, &whole[..whole.len() * part / 40]).unwrap();
        let options = LoadOptions::default();
        let loaded = RewardModel::load(&Files::at(&file), &SourceLabel::default(), &options, &mut |_, _| {}, &Cancel::default());
        let message = loaded.err().expect("refused").to_string();
        assert!(message.contains("qwen2.gguf"), "{message}");
    }
}

/// Numbers that look random and are the same each time.
fn numbers(mut seed: u64) -> impl Iterator<Item = usize> {
    std::iter::repeat_with(move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize
    })
}

#[test]
fn damaged_files_end_in_an_error_or_a_model() {
    let folder = tempfile::tempdir().unwrap();
    let file = converted("llama", folder.path());
    let whole = std::fs::read(&file).unwrap();
    let mut numbers = numbers(1);
    let mut refused = 0;
    for round in 0..60 {
        let mut bytes = whole.clone();
        // Half of the time within the first keys, where counts and kinds stand close together.
        let within = if round % 2 == 0 { 2000 } else { bytes.len() / 4 };
        for _ in 0..1 + round % 4 {
            let at = numbers.next().unwrap() % within;
            bytes[at] = [0, 1, 0xff, 0x80, 9][numbers.next().unwrap() % 5];
        }
        std::fs::write(&file, bytes).unwrap();
        let options = LoadOptions::default();
        let loaded = RewardModel::load(&Files::at(&file), &SourceLabel::default(), &options, &mut |_, _| {}, &Cancel::default());
        refused += usize::from(loaded.is_err());
    }
    assert!(refused > 10, "{refused}");
}
