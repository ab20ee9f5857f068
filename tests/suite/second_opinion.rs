//! The models of candle-transformers as a second opinion on our own decoder: the same checkpoint, token for token.
//!
//! candle's models lack some of what our decoder has. Where a fixture asks for such a thing, `both` takes it out of config.json
//! for both sides; `candle` says the rest to candle in its own keys.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::{gemma, gemma2, gemma3, llama, mistral, qwen2, qwen3};
use rewardscope::model::decoder::Nodes;
use rewardscope::model::format::files::{Files, SourceLabel};
use rewardscope::model::loaded::LoadedModel;
use rewardscope::model::{Cancel, Dtype, LoadOptions};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Between logits that reach a few units, in f32.
const TOLERANCE: f32 = 1e-4;
/// Within every window of the fixtures: candle's windows are one position longer than those of transformers, and Gemma 2's are
/// not applied at all.
const TOKENS: u32 = 16;

/// Logits of the token after `ids` `[1, tokens]`.
type Run = Box<dyn FnMut(&Tensor) -> candle_core::Result<Tensor>>;

struct Opinion {
    fixture: &'static str,
    both: Value,
    candle: Value,
    build: fn(&Value, VarBuilder<'_>) -> candle_core::Result<Run>,
}

fn opinions() -> [Opinion; 7] {
    let rotation = json!({"rope_theta": 10000.0});
    [
        Opinion {
            fixture: "llama-lm",
            both: json!({}),
            // candle reads the keys of transformers 4.
            candle: json!({"rope_theta": 10000.0, "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                "high_freq_factor": 4.0, "original_max_position_embeddings": 64}}),
            build: |keys, weights| {
                let config = read::<llama::LlamaConfig>(keys).into_config(false);
                let seen = llama::Cache::new(false, DType::F32, &config, &Device::Cpu)?;
                let model = llama::Llama::load(weights, &config)?;
                Ok(Box::new(move |ids| model.forward(ids, 0, &mut seen.clone())))
            },
        },
        Opinion {
            fixture: "mistral",
            both: json!({}),
            candle: json!({"rope_theta": 10000.0, "use_flash_attn": false}),
            build: |keys, weights| {
                let model = mistral::Model::new(&read(keys), weights)?;
                Ok(Box::new(move |ids| model.clone().forward(ids, 0)))
            },
        },
        Opinion {
            fixture: "qwen2",
            both: json!({}),
            // candle's mask has a window also where use_sliding_window is false.
            candle: json!({"sliding_window": 512}),
            build: |keys, weights| {
                let model = qwen2::ModelForCausalLM::new(&read(keys), weights)?;
                Ok(Box::new(move |ids| model.clone().forward(ids, 0)))
            },
        },
        Opinion {
            fixture: "qwen3",
            // candle has no windows here.
            both: json!({"use_sliding_window": false, "layer_types": null}),
            candle: rotation.clone(),
            build: |keys, weights| {
                let model = qwen3::ModelForCausalLM::new(&read(keys), weights)?;
                Ok(Box::new(move |ids| model.clone().forward(ids, 0)))
            },
        },
        Opinion {
            fixture: "gemma",
            both: json!({}),
            // By gelu the files of Gemma 1 mean the tanh form, and candle the exact one.
            candle: json!({"hidden_act": null, "hidden_activation": "gelu_pytorch_tanh"}),
            build: |keys, weights| {
                let model = gemma::Model::new(false, &read(keys), weights)?;
                Ok(Box::new(move |ids| model.clone().forward(ids, 0)))
            },
        },
        Opinion {
            fixture: "gemma2",
            // candle scales queries by head_dim whatever query_pre_attn_scalar says.
            both: json!({"query_pre_attn_scalar": 16, "final_logit_softcapping": null}),
            candle: rotation,
            build: |keys, weights| {
                let model = gemma2::Model::new(false, &read(keys), weights)?;
                Ok(Box::new(move |ids| model.clone().forward(ids, 0)))
            },
        },
        Opinion {
            fixture: "gemma3",
            // The same here; candle stretches no rotation, and cannot keep several heads of keys of more than one token at once.
            both: json!({"query_pre_attn_scalar": 16, "rope_parameters": {"full_attention": {"rope_theta": 1000.0, "rope_type": "default"},
                "sliding_attention": {"rope_theta": 50.0, "rope_type": "default"}}}),
            candle: json!({"rope_theta": 1000.0, "rope_local_base_freq": 50.0}),
            build: |keys, weights| {
                let model = gemma3::Model::new(false, &read(keys), weights)?;
                Ok(Box::new(move |ids| {
                    let mut model = model.clone();
                    let logits = (0..ids.dim(1)?).map(|at| model.forward(&ids.narrow(1, at, 1)?, at));
                    logits.last().unwrap()
                }))
            },
        },
    ]
}

fn read<C: DeserializeOwned>(keys: &Value) -> C {
    serde_json::from_value(keys.clone()).unwrap()
}

/// Puts the keys of `changes` over those of `config`; a null takes one away.
fn put_over(config: &mut Value, changes: &Value) {
    let config = config.as_object_mut().unwrap();
    for (key, value) in changes.as_object().unwrap() {
        config.insert(key.clone(), value.clone());
        config.retain(|_, value| !value.is_null());
    }
}

/// The largest difference between logits of ours and of candle's, and the largest logit.
fn differences(opinion: &Opinion) -> (f32, f32) {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(opinion.fixture);
    let folder = tempfile::tempdir().unwrap();
    let mut tensors: HashMap<String, Tensor> = HashMap::new();
    for entry in std::fs::read_dir(&fixture).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        if path.extension().is_some_and(|extension| extension == "safetensors") {
            tensors.extend(candle_core::safetensors::load(&path, &Device::Cpu).unwrap());
        }
    }
    let mut config: Value = serde_json::from_slice(&std::fs::read(fixture.join("config.json")).unwrap()).unwrap();
    put_over(&mut config, &opinion.both);
    std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    let files = Files::Directory(folder.path().to_owned());
    let options = LoadOptions { dtype: Dtype::F32, ..LoadOptions::default() };
    let cancel = Cancel::default();
    let ours = LoadedModel::load(&files, &SourceLabel::default(), &options, &mut |_, _| {}, &cancel).unwrap();
    let ids: Vec<u32> = (0..TOKENS).map(|at| (at * 7919 + 31) % 420).collect();
    let reads: Vec<u32> = (0..TOKENS).collect();
    let hidden = ours.decoder().forward(&Nodes::chain(&ids, 0), None, &reads, false, &cancel).unwrap().hidden;

    // A reward model has no output matrix: the embedding does for both.
    let embedding = tensors["model.embed_tokens.weight"].clone();
    let output = tensors.entry("lm_head.weight".to_owned()).or_insert(embedding).to_dtype(DType::F32).unwrap();
    let logits = hidden.matmul(&output.t().unwrap()).unwrap().to_vec2::<f32>().unwrap();
    put_over(&mut config, &opinion.candle);
    let weights = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
    let mut theirs = (opinion.build)(&config, weights).unwrap();
    let (mut difference, mut largest) = (0f32, 0f32);
    for (last, ours) in logits.iter().enumerate() {
        let seen = Tensor::new(&ids[..=last], &Device::Cpu).unwrap().unsqueeze(0).unwrap();
        let theirs: Vec<f32> = theirs(&seen).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        assert_eq!(ours.len(), theirs.len());
        for (a, b) in ours.iter().zip(&theirs) {
            (difference, largest) = (difference.max((a - b).abs()), largest.max(b.abs()));
        }
    }
    (difference, largest)
}

#[test]
fn our_decoder_agrees_with_candles_models() {
    for opinion in opinions() {
        let (difference, largest) = differences(&opinion);
        assert!(difference < TOLERANCE && largest > 1.0, "{}: {difference:.1e} of {largest}", opinion.fixture);
    }
}
