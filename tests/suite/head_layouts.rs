//! Heads under the names and layouts of their families, against NumPy: `tests/fixtures/make_head_layouts.py` gives the tensors
//! and the expected rewards, over decoders that are held to PyTorch.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use crate::support::expected::{expected, folder};
use candle_core::{Device, Tensor};
use rewardscope::model::format::files::{Files, SourceLabel};
use rewardscope::model::loaded::LoadedModel;
use rewardscope::model::{Cancel, Dtype, LoadOptions, ModelError};
use serde_json::{Map, Value, json};

/// Scores against the reference, in f32.
const TOLERANCE: f32 = 1e-4;
/// In the same way that the released checkpoints of these families wrap their decoder.
const WRAPPED: [(&str, &str); 1] = [("Starling", "transformer.")];

/// One head over a checkpoint of `tests/fixtures`, in place of its own.
#[derive(serde::Deserialize)]
struct Layout {
    name: String,
    checkpoint: String,
    /// Keys of config.json.
    config: Map<String, Value>,
    tensors: Vec<HeadTensor>,
    token_logit: Option<u32>,
    /// Of the checkpoint's first cases.
    scores: Vec<f32>,
    normalized: Option<Vec<f32>>,
}

#[derive(serde::Deserialize)]
struct HeadTensor {
    name: String,
    shape: Vec<usize>,
    seed: usize,
}

impl HeadTensor {
    /// As `fill` of the script.
    fn filled(&self) -> Tensor {
        let count: usize = self.shape.iter().product();
        let values: Vec<f32> = (0..count).map(|i| ((i * 7919 + self.seed) % 23) as f32 / 20.0 - 0.5).collect();
        Tensor::from_vec(values, self.shape.as_slice(), &Device::Cpu).unwrap()
    }
}

impl Layout {
    fn all() -> Vec<Layout> {
        serde_json::from_slice(&fs::read(folder("head-layouts.json")).unwrap()).unwrap()
    }

    fn named(name: &str) -> Layout {
        Self::all().into_iter().find(|layout| layout.name == name).unwrap()
    }

    fn write(&self) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(folder(&self.checkpoint)).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), directory.path().join(entry.file_name())).unwrap();
        }
        let path = directory.path().join("config.json");
        let mut config: Map<String, Value> = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        config.retain(|key, _| !key.starts_with("vhead_"));
        config.extend(self.config.clone());
        fs::write(path, serde_json::to_vec(&config).unwrap()).unwrap();
        let path = directory.path().join("model.safetensors");
        let wrapper = WRAPPED.iter().find(|(name, _)| *name == self.name).map_or("model.", |(_, wrapper)| wrapper);
        let body = candle_core::safetensors::load(&path, &Device::Cpu).unwrap().into_iter();
        let body = body.filter_map(|(name, tensor)| Some((format!("{wrapper}{}", name.strip_prefix("model.")?), tensor)));
        let head = self.tensors.iter().map(|tensor| (tensor.name.clone(), tensor.filled()));
        let tensors: HashMap<String, Tensor> = body.chain(head).collect();
        fs::remove_file(&path).unwrap();
        candle_core::safetensors::save(&tensors, path).unwrap();
        directory
    }
}

fn load(directory: &Path, options: LoadOptions) -> Result<LoadedModel, ModelError> {
    let options = LoadOptions { dtype: Dtype::F32, ..options };
    let (files, label) = (Files::Directory(directory.to_owned()), SourceLabel::default());
    LoadedModel::load(&files, &label, &options, &mut |_, _| {}, &Cancel::default())
}

#[track_caller]
fn assert_scores(layout: &Layout, loaded: &LoadedModel, scores: &[f32]) {
    let LoadedModel::Reward(model) = loaded else { panic!("{}: a language model", layout.name) };
    assert!(!scores.is_empty());
    for (case, score) in expected(&layout.checkpoint).cases.iter().zip(scores) {
        let found = model.reward_alone(&case.single.ids, &Cancel::default()).unwrap();
        assert!((found - score).abs() < TOLERANCE, "{}, {:?}: {found}, not {score}", layout.name, case.word);
    }
}

fn notes(loaded: &LoadedModel) -> String {
    loaded.info().provenance.policies.notes.join("\n")
}

#[test]
fn each_layout_gives_the_rewards_of_its_reference() {
    for layout in Layout::all() {
        let directory = layout.write();
        let options = LoadOptions { token_logit: layout.token_logit, ..LoadOptions::default() };
        let loaded = load(directory.path(), options).unwrap();
        assert_scores(&layout, &loaded, &layout.scores);
        let head = &loaded.info().provenance.head;
        assert!(
            layout
                .tensors
                .iter()
                .all(|tensor| head.contains(tensor.name.split('.').next().unwrap()) || tensor.name.starts_with("normalizer.")),
            "{}: {head}",
            layout.name
        );
        assert!(!notes(&loaded).contains("not read"), "{}: {}", layout.name, notes(&loaded));
    }
}

#[test]
fn a_layout_is_told_by_its_tensors_under_the_name_of_a_language_model() {
    for mut layout in Layout::all().into_iter().filter(|layout| layout.token_logit.is_none()) {
        let architecture = if layout.checkpoint == "qwen2" { "Qwen2ForCausalLM" } else { "LlamaForCausalLM" };
        layout.config.insert("architectures".to_owned(), json!([architecture]));
        let loaded = load(layout.write().path(), LoadOptions::default()).unwrap();
        assert_scores(&layout, &loaded, &layout.scores);
        assert!(notes(&loaded).contains("taken for a reward model"), "{}: {}", layout.name, notes(&loaded));
    }
}

#[test]
fn a_normalizer_is_named_and_applied_when_asked() {
    let mut normalized = 0;
    for layout in Layout::all() {
        let directory = layout.write();
        let token_logit = layout.token_logit;
        let asked = load(directory.path(), LoadOptions { normalize: true, token_logit, ..LoadOptions::default() }).unwrap();
        let provenance = &asked.info().provenance;
        let Some(scores) = &layout.normalized else {
            assert_scores(&layout, &asked, &layout.scores);
            assert!(notes(&asked).contains("normalization changes nothing"), "{}: {}", layout.name, notes(&asked));
            continue;
        };
        normalized += 1;
        assert_scores(&layout, &asked, scores);
        assert!(provenance.summary().contains("normalized by mean"), "{}", provenance.summary());
        let raw = load(directory.path(), LoadOptions::default()).unwrap();
        assert!(notes(&raw).contains("normalization applies"), "{}: {}", layout.name, notes(&raw));
    }
    assert_eq!(normalized, 2);
}

#[test]
fn a_normalizer_that_cannot_be_applied_is_refused_by_name() {
    for (name, key, value, part) in [
        ("OpenRLHF", "std", json!(0.0), "std is 0"),
        ("beaver", "normalize_function", json!("rank"), "normalize_function is rank"),
    ] {
        let mut layout = Layout::named(name);
        layout.config.insert(key.to_owned(), value);
        let message = load(layout.write().path(), LoadOptions::default()).err().unwrap().to_string();
        assert!(message.contains(part) && !message.contains('\n'), "{message}");
    }
}

#[test]
fn a_logit_of_a_token_is_a_reward_only_when_asked() {
    let layout = Layout::named("Nemotron-Reward");
    let directory = layout.write();
    assert!(matches!(load(directory.path(), LoadOptions::default()).unwrap(), LoadedModel::Language(_)));
    let message =
        load(directory.path(), LoadOptions { token_logit: Some(425), ..LoadOptions::default() }).err().unwrap().to_string();
    assert!(message.contains("425") && message.contains("lm_head.weight") && !message.contains('\n'), "{message}");
    let classifier = Layout::named("UltraRM");
    let options = LoadOptions { token_logit: Some(0), ..LoadOptions::default() };
    let loaded = load(classifier.write().path(), options).unwrap();
    assert_scores(&classifier, &loaded, &classifier.scores);
    assert!(notes(&loaded).contains("token logit 0 changes nothing"), "{}", notes(&loaded));
}

#[test]
fn architectures_that_are_not_run_are_refused_with_what_would_open_them() {
    for (architecture, model_type, parts) in [
        ("MixtralForSequenceClassification", "mixtral", ["mixture of experts", "router"]),
        ("Qwen3MoeForSequenceClassification", "qwen3_moe", ["mixture of experts", "router"]),
        ("AtheneForSequenceClassification", "llama", ["Athene", "place that is read"]),
        ("Qwen2ForProcessRewardModel", "qwen2", ["each step", "Qwen2.5-Math-RM"]),
        ("DebertaV2ForSequenceClassification", "deberta-v2", ["encoder", "beside the decoder"]),
    ] {
        let mut layout = Layout::named("UltraRM");
        layout.config.extend(json!({"architectures": [architecture], "model_type": model_type}).as_object().unwrap().clone());
        let message = load(layout.write().path(), LoadOptions::default()).err().unwrap().to_string();
        assert!(message.contains(architecture) && !message.contains('\n'), "{message}");
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }
}
