//! InternLM2's reward models and POLAR, from the text of a word to its reward, against PyTorch:
//! `tests/fixtures/make_internlm2.py` made the checkpoint and the expected numbers.

use std::fs;
use std::path::Path;

use crate::support::expected::{Case, expected, folder};
use candle_core::{DType, Device, Tensor};
use rewardscope::model::format::files::{Files, SourceLabel};
use rewardscope::model::loaded::LoadedModel;
use rewardscope::model::{BosPolicy, Cancel, Dtype, LoadOptions, ModelError};
use serde_json::{Map, Value, json};

const NAME: &str = "internlm2";
/// Scores against the reference, in f32.
const TOLERANCE: f32 = 1e-4;

/// What POLAR has otherwise than InternLM2-Reward.
#[derive(serde::Deserialize)]
struct Polar {
    config: Map<String, Value>,
    template: String,
    prompts: Vec<String>,
    cases: Vec<Case>,
}

/// A copy of the checkpoint, without what the tests expect of it.
fn copied() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for name in ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"] {
        fs::copy(folder(NAME).join(name), directory.path().join(name)).unwrap();
    }
    directory
}

fn with_keys(directory: &Path, keys: Map<String, Value>) {
    let path = directory.join("config.json");
    let mut config: Map<String, Value> = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    config.extend(keys);
    fs::write(path, serde_json::to_vec(&config).unwrap()).unwrap();
}

fn load(directory: &Path, bos: BosPolicy) -> Result<LoadedModel, ModelError> {
    let options = LoadOptions { bos, dtype: Dtype::F32, ..LoadOptions::default() };
    let (files, label) = (Files::Directory(directory.to_owned()), SourceLabel::default());
    LoadedModel::load(&files, &label, &options, &mut |_, _| {}, &Cancel::default())
}

fn notes(model: &LoadedModel) -> String {
    model.info().provenance.policies.notes.join("\n")
}

#[track_caller]
fn assert_cases(model: &LoadedModel, policy: BosPolicy, prompts: &[String], cases: &[Case]) {
    let LoadedModel::Reward(model) = model else { panic!("a language model") };
    assert!(!cases.is_empty());
    for case in cases {
        let reference = case.under(policy);
        let ids = model.tokenizer.encode(&prompts[case.prompt], &case.word).unwrap();
        assert_eq!(ids, reference.ids, "{policy}, {:?}", case.word);
        let found = model.reward_alone(&ids, &Cancel::default()).unwrap();
        assert!((found - reference.score).abs() < TOLERANCE, "{policy}, {:?}: {found}, not {}", case.word, reference.score);
    }
}

#[test]
fn ids_and_rewards_are_those_of_the_reference() {
    let expected = expected(NAME);
    for policy in [BosPolicy::Single, BosPolicy::Published] {
        let model = load(&folder(NAME), policy).unwrap();
        assert_cases(&model, policy, &expected.prompts, &expected.cases);
        let found = notes(&model);
        assert!(found.contains("<|reward|> (config.json: reward_token_id 424) stands behind each conversation"), "{found}");
        assert!(!found.contains("not read") && !found.contains("POLAR"), "{found}");
        assert_eq!(model.info().provenance.head, "v_head.weight [1, 48] f32");
    }
}

#[test]
fn under_the_name_of_the_language_model_it_is_the_same() {
    let directory = copied();
    with_keys(directory.path(), json!({"architectures": ["InternLM2ForCausalLM"]}).as_object().unwrap().clone());
    let model = load(directory.path(), BosPolicy::Single).unwrap();
    let expected = expected(NAME);
    assert_cases(&model, BosPolicy::Single, &expected.prompts, &expected.cases[..4]);
    assert!(notes(&model).contains("taken for a reward model"), "{}", notes(&model));
}

#[test]
fn the_operations_of_a_gpu_give_the_same_rewards() {
    let options = LoadOptions { dtype: Dtype::F32, ..LoadOptions::default() };
    let model = LoadedModel::composed(&Files::Directory(folder(NAME)), &options).unwrap();
    let expected = expected(NAME);
    assert_cases(&model, BosPolicy::Single, &expected.prompts, &expected.cases[..4]);
}

#[test]
fn polar_reads_its_reference_from_the_template() {
    let polar: Polar = serde_json::from_slice(&fs::read(folder(NAME).join("polar.json")).unwrap()).unwrap();
    let directory = copied();
    with_keys(directory.path(), polar.config);
    let without = notes(&load(directory.path(), BosPolicy::Single).unwrap());
    assert!(without.contains("POLAR") && without.contains("prompt, new line, reference, <|reward|>"), "{without}");
    fs::write(directory.path().join("chat_template.jinja"), polar.template).unwrap();
    for policy in [BosPolicy::Single, BosPolicy::Published] {
        let model = load(directory.path(), policy).unwrap();
        assert_cases(&model, policy, &polar.prompts, &polar.cases);
        assert!(!notes(&model).contains("POLAR"), "{}", notes(&model));
    }
}

#[test]
fn a_bias_is_taken_apart_like_its_matrix() {
    let directory = copied();
    with_keys(directory.path(), json!({"bias": true}).as_object().unwrap().clone());
    let message = load(directory.path(), BosPolicy::Single).err().unwrap().to_string();
    // Of one of the layers: they are read side by side.
    assert!(
        message.contains("there is no tensor model.layers.") && message.contains(".self_attn.q_proj.bias. Found"),
        "{message}"
    );
    // A bias of ones on values alone moves each value by one, and so what attention gives: by what `wo` makes of ones.
    let path = directory.path().join("model.safetensors");
    let plain = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
    let values: Vec<f32> = (0..2).flat_map(|_| [vec![0.0; 8 * 4], vec![1.0; 8]].concat()).collect();
    let ones = Tensor::ones((48, 1), DType::F32, &Device::Cpu).unwrap();
    let (mut by_values, mut by_output) = (plain.clone(), plain.clone());
    for layer in 0..2 {
        let name = |part: &str| format!("model.layers.{layer}.attention.{part}");
        let none = |rows: usize| Tensor::zeros(rows, DType::F32, &Device::Cpu).unwrap();
        by_values.insert(name("wqkv.bias"), Tensor::new(values.as_slice(), &Device::Cpu).unwrap());
        by_values.insert(name("wo.bias"), none(48));
        let wo = plain[&name("wo.weight")].to_dtype(DType::F32).unwrap();
        by_output.insert(name("wqkv.bias"), none(80));
        by_output.insert(name("wo.bias"), wo.matmul(&ones).unwrap().squeeze(1).unwrap());
    }
    let rewards = [by_values, by_output].map(|tensors| {
        fs::remove_file(&path).unwrap();
        candle_core::safetensors::save(&tensors, &path).unwrap();
        let LoadedModel::Reward(model) = load(directory.path(), BosPolicy::Single).unwrap() else { panic!() };
        model.reward_alone(&expected(NAME).cases[0].single.ids, &Cancel::default()).unwrap()
    });
    assert!((rewards[0] - rewards[1]).abs() < TOLERANCE, "{rewards:?}");
    assert!((rewards[0] - expected(NAME).cases[0].single.score).abs() > 0.01, "{rewards:?}");
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let directory = copied();
    with_keys(directory.path(), json!({"num_key_value_heads": 3}).as_object().unwrap().clone());
    let message = load(directory.path(), BosPolicy::Single).err().unwrap().to_string();
    assert!(message.contains("attention.wqkv.weight has shape [80, 48], and config.json asks for [96, 48]"), "{message}");
    let directory = copied();
    fs::remove_file(directory.path().join("tokenizer.json")).unwrap();
    for name in ["tokenizer.model", "tokenization_internlm2.py"] {
        fs::write(directory.path().join(name), "").unwrap();
    }
    let message = load(directory.path(), BosPolicy::Single).err().unwrap().to_string();
    assert!(message.contains("only in tokenizer.model") && message.contains("trust_remote_code=True"), "{message}");
}
