//! From the text of a word to its reward, against transformers: `tests/fixtures/make_checkpoints.py` made the checkpoints
//! and the expected numbers.

use crate::support::expected::{Case, expected, folder};
use candle_core::{DType, Device, Tensor};
use rewardscope::base::terms::Family;
use rewardscope::model::checkpoint::RewardModel;
use rewardscope::model::decoder::{Cache, Decoder, Nodes};
use rewardscope::model::device::Compute;
use rewardscope::model::format::config::{Activation, DecoderConfig, ModelConfig, RopeScaling};
use rewardscope::model::format::files::{Files, SourceLabel};
use rewardscope::model::format::weights::{Keep, Meter, Weights};
use rewardscope::model::head::{Head, is_of_a_head};
use rewardscope::model::{BosPolicy, Cancel, Dtype, LoadOptions};

const FIXTURES: [&str; 9] = ["llama", "llama-2024", "gemma2", "gemma2-2024", "mistral", "gemma", "gemma3", "qwen2", "qwen3"];
/// Scores against the reference, in f32.
const TOLERANCE: f32 = 1e-4;
/// Scores against our own in another batch.
const BATCH_TOLERANCE: f32 = 1e-5;
/// A wrong way must be off by this much somewhere, or the fixtures have no teeth.
const PLAINLY_WRONG: f32 = 0.2;

fn load(name: &str, bos: BosPolicy, dtype: Dtype) -> RewardModel {
    let label = SourceLabel { name: name.to_owned(), source: name.to_owned(), revision: None };
    let options = LoadOptions { bos, dtype, ..LoadOptions::default() };
    RewardModel::load(&Files::Directory(folder(name)), &label, &options, &mut |_, _| {}, &Cancel::default()).unwrap()
}

/// Hidden states at the last tokens to rewards, for one conversation run on its own.
fn score(decoder: &Decoder, head: &Head, ids: &[u32]) -> f32 {
    let last = ids.len() as u32 - 1;
    let output = decoder.forward(&Nodes::chain(ids, 0), None, &[last], false, &Cancel::default()).unwrap();
    head.rewards(&output.hidden, None).unwrap()[0]
}

/// Many conversations in one forward behind a prefix that they share.
fn forest(model: &RewardModel, conversations: &[&[u32]], prefix: usize) -> Vec<f32> {
    let cancel = Cancel::default();
    let cache: Option<Cache> = (prefix > 0).then(|| {
        let chain = Nodes::chain(&conversations[0][..prefix], 0);
        model.decoder.forward(&chain, None, &[], true, &cancel).unwrap().cache.unwrap()
    });
    let (mut nodes, mut reads) = (Nodes::default(), Vec::new());
    let mut known = std::collections::HashMap::new();
    for ids in conversations {
        let mut parent = None;
        for &token in &ids[prefix..] {
            let node = *known.entry((parent, token)).or_insert_with(|| nodes.push(token, parent, prefix).unwrap());
            parent = Some(node);
        }
        reads.extend(parent);
    }
    let output = model.decoder.forward(&nodes, cache.as_ref(), &reads, false, &cancel).unwrap();
    model.head.rewards(&output.hidden, None).unwrap()
}

#[test]
fn ids_and_scores_are_those_of_transformers() {
    for name in FIXTURES {
        let expected = expected(name);
        for policy in [BosPolicy::Single, BosPolicy::Published] {
            let model = load(name, policy, Dtype::F32);
            for case in &expected.cases {
                let reference = case.under(policy);
                let ids = model.tokenizer.encode(&expected.prompts[case.prompt], &case.word).unwrap();
                assert_eq!(ids, reference.ids, "{name}, {policy}, prompt {}, word {:?}", case.prompt, case.word);
                let score = score(&model.decoder, &model.head, &ids);
                let off = (score - reference.score).abs();
                assert!(
                    off < TOLERANCE,
                    "{name}, {policy}, prompt {}, {:?}: {score}, not {}",
                    case.prompt,
                    case.word,
                    reference.score
                );
            }
        }
    }
}

#[test]
fn what_was_loaded_is_stated() {
    for (name, family, head, template) in [
        ("llama", Family::Llama, "score.weight [1, 48] f32", "chat_template.jinja, 26 Jul 2024"),
        ("llama-2024", Family::Llama, "score.weight [3, 48] f32, row 0", "tokenizer_config.json"),
        ("gemma2", Family::Gemma, "score.weight [1, 48] f32", "tokenizer_config.json"),
        ("gemma2-2024", Family::Gemma, "score.weight [1, 48] f32", "chat_template.jinja"),
    ] {
        let info = load(name, BosPolicy::Single, Dtype::F32).info;
        let told = info.provenance;
        assert_eq!((info.family, told.head.as_str(), told.template.as_str()), (family, head, template));
        assert_eq!(
            (told.dtype.known(), told.bos.known(), told.demonstration),
            (Some(&Compute::F32), Some(&BosPolicy::Single), false)
        );
    }
    let told = load("llama", BosPolicy::Single, Dtype::F32).info.provenance;
    assert_eq!((told.parameters, told.architecture.as_str()), (90_048, "LlamaForSequenceClassification"));
}

#[test]
fn batch_order_and_prefix_change_no_score() {
    for name in FIXTURES {
        let expected = expected(name);
        let model = load(name, BosPolicy::Single, Dtype::F32);
        for prompt in 0..expected.prompts.len() {
            let cases: Vec<&Case> = expected.cases.iter().filter(|case| case.prompt == prompt).collect();
            let mut ids: Vec<&[u32]> = cases.iter().map(|case| case.single.ids.as_slice()).collect();
            let shortest = ids.iter().map(|ids| ids.len()).min().unwrap();
            let shared = (0..shortest - 1).take_while(|&i| ids.iter().all(|other| other[i] == ids[0][i])).count();
            assert!(shared > 3, "{name}: conversations share their prompt");

            let alone: Vec<f32> = ids.iter().map(|ids| score(&model.decoder, &model.head, ids)).collect();
            let close = |what: &str, scores: &[f32], alone: &[f32]| {
                for ((a, b), case) in scores.iter().zip(alone).zip(&cases) {
                    assert!((a - b).abs() < BATCH_TOLERANCE, "{name}, prompt {prompt}, {what}, {:?}: {a}, alone {b}", case.word);
                }
            };
            close("behind the whole prefix", &forest(&model, &ids, shared), &alone);
            close("behind half of the prefix", &forest(&model, &ids, shared / 2), &alone);
            close("without a prefix", &forest(&model, &ids, 0), &alone);
            ids.reverse();
            let mut reversed = forest(&model, &ids, shared);
            reversed.reverse();
            close("in reverse order", &reversed, &alone);
        }
    }
}

#[test]
fn many_words_encode_as_each_does() {
    for name in FIXTURES {
        let expected = expected(name);
        let model = load(name, BosPolicy::Single, Dtype::F32);
        let words: Vec<&str> = expected.cases.iter().map(|case| case.word.as_str()).collect();
        let all = model.tokenizer.encode_all(&expected.prompts[0], &words, &Cancel::default()).unwrap();
        for (word, ids) in words.iter().zip(all) {
            assert_eq!(ids.unwrap(), model.tokenizer.encode(&expected.prompts[0], word).unwrap());
        }
    }
}

#[test]
fn half_precision_is_near_and_not_the_same() {
    for name in FIXTURES {
        let expected = expected(name);
        for (dtype, tolerance) in [(Dtype::Bf16, 0.5), (Dtype::F16, 0.06)] {
            let model = load(name, BosPolicy::Single, dtype);
            let off = |case: &Case| (score(&model.decoder, &model.head, &case.single.ids) - case.single.score).abs();
            let worst = expected.cases.iter().take(13).map(off).fold(0.0, f32::max);
            // Weights in f16 are widened before they multiply: those of a file in f16 give what they give in f32.
            let exact = dtype == Dtype::F16 || worst > TOLERANCE;
            assert!(worst < tolerance && exact, "{name}, {dtype:?}: off by {worst}");
        }
    }
}

/// Scores of a fixture's cases where the configuration was tampered with.
fn scores_of(name: &str, tamper: fn(&mut DecoderConfig)) -> Vec<f32> {
    let files = Files::Directory(folder(name));
    let mut config = ModelConfig::read(&files).unwrap();
    let weights = Weights::open(&files, is_of_a_head).unwrap();
    let (cancel, device) = (Cancel::default(), Device::Cpu);
    let mut progress = |_, _| {};
    let meter = Meter::new(&mut progress, &cancel, 0);
    let head = Head::load(&files, &config, &weights, None, false, &meter).unwrap();
    tamper(&mut config.decoder);
    let mut fetch = |name: &str, shape: &[usize], _| weights.load(name, shape, Keep::As(DType::F32), &device, &meter);
    let decoder = Decoder::trainable(&config.decoder, DType::F32, &device, &mut fetch).unwrap();
    expected(name).cases.iter().map(|case| score(&decoder, &head, &case.single.ids)).collect()
}

fn worst(scores: &[f32], name: &str) -> f32 {
    let expected = expected(name);
    scores.iter().zip(&expected.cases).map(|(score, case)| (score - case.single.score).abs()).fold(0.0, f32::max)
}

#[test]
fn wrong_ways_are_plainly_wrong() {
    type Tamper = (&'static str, &'static str, fn(&mut DecoderConfig));
    let ways: &[Tamper] = &[
        ("gemma2", "scaled by head_dim", |c| c.attention_scale = (c.head_dim as f64).powf(-0.5)),
        ("gemma2", "no soft-cap", |c| c.attention_softcap = None),
        ("gemma2", "no window", |c| c.windows = vec![None; c.windows.len()]),
        ("gemma2", "a window one too long", |c| c.windows.iter_mut().flatten().for_each(|w| *w += 1)),
        ("gemma2", "layer kinds implied", |c| c.windows = vec![Some(24), None, Some(24)]),
        ("gemma2-2024", "scaled by head_dim", |c| c.attention_scale = (c.head_dim as f64).powf(-0.5)),
        ("gemma2-2024", "no soft-cap", |c| c.attention_softcap = None),
        ("gemma2-2024", "odd layers slide", |c| c.windows = vec![None, Some(16), None, Some(16)]),
        ("gemma2-2024", "norms without an offset", |c| c.norm_offset = 0.0),
        ("gemma2-2024", "embeddings unscaled", |c| c.embedding_scale = None),
        ("llama", "RoPE unscaled", |c| c.rope.scaling = RopeScaling::Default),
        ("llama", "RoPE scaled linearly", |c| c.rope.scaling = RopeScaling::Linear { factor: 8.0 }),
        ("llama-2024", "RoPE unscaled", |c| c.rope.scaling = RopeScaling::Default),
        ("llama-2024", "no attention bias", |c| (c.query_bias, c.output_bias) = (false, false)),
        ("llama-2024", "no MLP bias", |c| c.mlp_bias = false),
        ("mistral", "no window", |c| c.windows = vec![None; c.windows.len()]),
        ("mistral", "only even layers slide", |c| c.windows = vec![Some(20), None]),
        ("gemma", "embeddings unscaled", |c| c.embedding_scale = None),
        ("gemma", "norms without an offset", |c| c.norm_offset = 0.0),
        ("gemma", "SiLU", |c| c.activation = Activation::Silu),
        ("gemma3", "one RoPE base", |c| c.local_rope = None),
        ("gemma3", "RoPE bases exchanged", |c| std::mem::swap(&mut c.rope, c.local_rope.as_mut().unwrap())),
        ("gemma3", "RoPE unscaled", |c| c.rope.scaling = RopeScaling::Default),
        ("gemma3", "local RoPE scaled", |c| c.local_rope.as_mut().unwrap().scaling = c.rope.scaling.clone()),
        ("gemma3", "no window", |c| c.windows.iter_mut().flatten().for_each(|w| *w = 10_000)),
        ("gemma3", "a window one too long", |c| c.windows.iter_mut().flatten().for_each(|w| *w += 1)),
        ("gemma3", "five of six slide", |c| c.windows = vec![Some(20); 4]),
        ("gemma3", "no QK-norm", |c| c.query_key_norm = false),
        ("gemma3", "scaled by head_dim", |c| c.attention_scale = (c.head_dim as f64).powf(-0.5)),
        ("qwen2", "no biases", |c| c.query_bias = false),
        ("qwen2", "a window that is switched off", |c| c.windows = vec![Some(8); 2]),
        ("qwen3", "no QK-norm", |c| c.query_key_norm = false),
        ("qwen3", "no window", |c| c.windows = vec![None; 3]),
        ("qwen3", "every layer slides", |c| c.windows = vec![Some(20); 3]),
    ];
    for (name, way, tamper) in ways {
        let off = worst(&scores_of(name, *tamper), name);
        assert!(off > PLAINLY_WRONG, "{name}, {way}: off by only {off}");
    }
    for name in FIXTURES {
        assert!(worst(&scores_of(name, |_| {}), name) < TOLERANCE, "{name}: untampered");
    }
}

/// The fixture gemma3 as part of a model that sees images, with the keys of transformers 4 and tensors under `prefix`.
fn nested_gemma3(prefix: &str) -> tempfile::TempDir {
    let folder_of = folder("gemma3");
    let directory = tempfile::tempdir().unwrap();
    for name in ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja"] {
        std::fs::copy(folder_of.join(name), directory.path().join(name)).unwrap();
    }
    let mut text: serde_json::Value = serde_json::from_slice(&std::fs::read(folder_of.join("config.json")).unwrap()).unwrap();
    let keys = text.as_object_mut().unwrap();
    for key in ["architectures", "id2label", "label2id", "rope_parameters", "layer_types"] {
        keys.remove(key);
    }
    keys.extend([
        ("rope_theta".to_owned(), 1000.0.into()),
        ("rope_local_base_freq".to_owned(), 50.0.into()),
        ("rope_scaling".to_owned(), serde_json::json!({ "rope_type": "linear", "factor": 4.0 })),
        ("sliding_window_pattern".to_owned(), 3.into()),
    ]);
    let config = serde_json::json!({
        "architectures": ["Gemma3ForSequenceClassification"], "id2label": { "0": "LABEL_0" }, "text_config": text,
    });
    std::fs::write(directory.path().join("config.json"), config.to_string()).unwrap();
    let bytes = std::fs::read(folder_of.join("model.safetensors")).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let renamed = tensors.tensors().into_iter().map(|(name, view)| match name.strip_prefix("model.") {
        Some(rest) => (format!("{prefix}{rest}"), view),
        None => (name, view),
    });
    let file = safetensors::serialize(renamed, None).unwrap();
    std::fs::write(directory.path().join("model.safetensors"), file).unwrap();
    directory
}

#[test]
fn the_language_model_within_another_gives_the_same_scores() {
    for prefix in ["", "model.language_model.", "language_model.model."] {
        let directory = nested_gemma3(prefix);
        let files = Files::Directory(directory.path().to_owned());
        let options = LoadOptions { dtype: Dtype::F32, ..LoadOptions::default() };
        let model = RewardModel::load(&files, &SourceLabel::default(), &options, &mut |_, _| {}, &Cancel::default()).unwrap();
        for case in expected("gemma3").cases.iter().take(13) {
            let off = (score(&model.decoder, &model.head, &case.single.ids) - case.single.score).abs();
            assert!(off < TOLERANCE, "under '{prefix}', {:?}: off by {off}", case.word);
        }
    }
}

#[test]
fn a_doubled_bos_and_an_early_pool_are_plainly_wrong() {
    for name in FIXTURES {
        let expected = expected(name);
        let model = load(name, BosPolicy::Single, Dtype::F32);
        let early: Vec<f32> =
            expected.cases.iter().map(|c| score(&model.decoder, &model.head, &c.single.ids[..c.single.ids.len() - 1])).collect();
        assert!(worst(&early, name) > PLAINLY_WRONG, "{name}: pooled one token early");
        // These templates write no BOS, so nothing is doubled there.
        if !["llama-2024", "qwen2", "qwen3"].contains(&name) {
            let doubled: Vec<f32> = expected.cases.iter().map(|case| case.published.score).collect();
            assert!(worst(&doubled, name) > PLAINLY_WRONG, "{name}: doubled BOS");
        }
    }
}

#[test]
fn a_cancelled_forward_ends_without_scores() {
    let model = load("llama", BosPolicy::Single, Dtype::F32);
    let cancel = Cancel::default();
    cancel.set();
    let result = model.decoder.forward(&Nodes::chain(&[1, 2], 0), None, &[1], false, &cancel);
    assert!(matches!(result, Err(rewardscope::model::ModelError::Cancelled)));
}

#[test]
fn every_step_of_the_decoder_has_a_gradient() {
    for name in ["llama", "gemma2", "gemma3", "qwen2"] {
        let files = Files::Directory(folder(name));
        let config = ModelConfig::read(&files).unwrap();
        let weights = Weights::open(&files, is_of_a_head).unwrap();
        let (cancel, device) = (Cancel::default(), Device::Cpu);
        let mut progress = |_, _| {};
        let meter = Meter::new(&mut progress, &cancel, 0);
        let mut variables = Vec::new();
        let decoder = Decoder::trainable(&config.decoder, DType::F32, &device, &mut |name, shape, _| {
            let tensor = weights.load(name, shape, Keep::As(DType::F32), &device, &meter)?;
            let variable = candle_core::Var::from_tensor(&tensor)?;
            let tensor = variable.as_tensor().clone();
            variables.push((name.to_owned(), variable));
            Ok(tensor)
        });
        let hidden = decoder.unwrap().forward(&Nodes::chain(&[5, 6, 7, 8], 0), None, &[3], false, &cancel).unwrap().hidden;
        let gradients = hidden.sqr().and_then(|h: Tensor| h.sum_all()).and_then(|loss| loss.backward()).unwrap();
        for (tensor, variable) in &variables {
            assert!(gradients.get(variable).is_some(), "{name}: no gradient reaches {tensor}");
        }
    }
}
