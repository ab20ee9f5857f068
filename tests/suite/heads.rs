//! Heads of their own kind, from the text of a word to its reward, against PyTorch: `tests/fixtures/make_heads.py` made the
//! checkpoints and the expected numbers. Wrong ways to read them are caught, and what cannot be read is refused by name.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::support::expected::{Case, expected, folder};
use candle_core::{Device, Tensor};
use rewardscope::base::terms::{Family, ModelId, PromptId, WordId};
use rewardscope::catalogue::Catalogue;
use rewardscope::engine::{Engine, Event, Job, Phase};
use rewardscope::model::checkpoint::RewardModel;
use rewardscope::model::decoder::Nodes;
use rewardscope::model::format::files::{Files, SourceLabel};
use rewardscope::model::{BosPolicy, Cancel, Dtype, LoadOptions, ModelError};
use rewardscope::sources::resolve as source;

const FIXTURES: [&str; 7] = ["grm", "grm-linear", "armorm", "armorm-early", "qrm", "qrm-gemma2", "urm"];
const GATED: [&str; 4] = ["armorm", "armorm-early", "qrm", "qrm-gemma2"];
/// Scores against the reference, in f32.
const TOLERANCE: f32 = 1e-4;
/// Scores against our own in another batch.
const BATCH_TOLERANCE: f32 = 1e-5;
/// A wrong way must be off by this much somewhere, or the fixtures have no teeth.
const PLAINLY_WRONG: f32 = 0.2;
/// Long enough for a slow machine; reached only by a test that fails.
const PATIENCE: Duration = Duration::from_secs(60);

fn load(directory: &Path, bos: BosPolicy) -> Result<RewardModel, ModelError> {
    let label = SourceLabel { name: "it".to_owned(), source: "it".to_owned(), revision: None };
    let options = LoadOptions { bos, dtype: Dtype::F32, ..LoadOptions::default() };
    RewardModel::load(&Files::Directory(directory.to_owned()), &label, &options, &mut |_, _| {}, &Cancel::default())
}

fn sound(name: &str) -> RewardModel {
    load(&folder(name), BosPolicy::Single).unwrap()
}

/// The largest distance of a case's score from the reference.
fn worst(name: &str, score: impl Fn(&Case) -> f32) -> f32 {
    let cases = expected(name).cases;
    cases.iter().map(|case| (score(case) - case.single.score).abs()).fold(0.0, f32::max)
}

/// A conversation's reward where the gate reads at `place`.
fn with_gate_at(model: &RewardModel, ids: &[u32], place: usize) -> f32 {
    let reads = [ids.len() as u32 - 1, place as u32];
    let hidden = model.decoder.forward(&Nodes::chain(ids, 0), None, &reads, false, &Cancel::default()).unwrap().hidden;
    let row = |n| hidden.narrow(0, n, 1).unwrap();
    model.head.rewards(&row(0), Some(&row(1))).unwrap()[0]
}

#[test]
fn ids_and_scores_are_those_of_pytorch() {
    for name in FIXTURES {
        let expected = expected(name);
        for policy in [BosPolicy::Single, BosPolicy::Published] {
            let model = load(&folder(name), policy).unwrap();
            for case in &expected.cases {
                let reference = if policy == BosPolicy::Published { &case.published } else { &case.single };
                let ids = model.tokenizer.encode(&expected.prompts[case.prompt], &case.word).unwrap();
                assert_eq!(ids, reference.ids, "{name}, {policy}, prompt {}, {:?}", case.prompt, case.word);
                let score = model.reward_alone(&ids, &Cancel::default()).unwrap();
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
fn what_was_found_is_stated() {
    for (name, family, head, added) in [
        ("grm", Family::Llama, "v_head.summary ReLU 24-24-1 f32", 33 * 24 + 25 * 24 + 25),
        ("grm-linear", Family::Gemma, "v_head.summary linear f32", 33),
        ("armorm", Family::Llama, "5 objectives, gate of 4 layers, temperature 3 f32", 160 + 25 + 33 * 16 + 2 * 17 * 16 + 85 + 1),
        (
            "qrm",
            Family::Llama,
            "5 objectives of 3 quantiles, gate of 3 layers, batch norm after ReLU, temperature 0.7 f32",
            480 + 25 + 512 + 256 + 2 * 64 + 85 + 1,
        ),
        (
            "qrm-gemma2",
            Family::Gemma,
            "5 objectives of 3 quantiles, gate of 3 layers, batch norm before ReLU, temperature 0.7 f32",
            480 + 25 + 512 + 256 + 2 * 64 + 85 + 1,
        ),
        ("urm", Family::Llama, "means of 5 attributes, weighed by weights.fc f32", 320 + 2 * 33 * 32 + 165),
    ] {
        let model = sound(name);
        assert_eq!((model.info.family, model.info.provenance.head.as_str()), (family, head), "{name}");
        assert_eq!(model.head.parameters(), added, "{name}");
    }
}

#[test]
fn a_gate_that_reads_elsewhere_is_plainly_wrong() {
    for name in GATED {
        let model = sound(name);
        let right = |case: &Case| model.gate_position(&case.single.ids).unwrap().unwrap();
        let late = worst(name, |case| with_gate_at(&model, &case.single.ids, right(case) + 1));
        assert!(late > PLAINLY_WRONG, "{name}: one token late is off by only {late}");
        let last = worst(name, |case| with_gate_at(&model, &case.single.ids, case.single.ids.len() - 1));
        assert!(last > PLAINLY_WRONG, "{name}: at the last token is off by only {last}");
    }
    // Only the early template opens an answer twice.
    let model = sound("armorm-early");
    let pattern = model.tokenizer.plain("<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n").unwrap();
    let first = |ids: &[u32]| ids.windows(pattern.len()).position(|window| window == pattern).unwrap();
    let off = worst("armorm-early", |case| with_gate_at(&model, &case.single.ids, first(&case.single.ids)));
    assert!(off > PLAINLY_WRONG, "at the first occurrence is off by only {off}");
}

/// A copy of a fixture that a test may break.
fn copy(name: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder(name)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), directory.path().join(entry.file_name())).unwrap();
    }
    directory
}

fn edit_config(directory: &Path, edit: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>)) {
    let path = directory.join("config.json");
    let mut config: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    edit(&mut config);
    fs::write(path, serde_json::to_vec(&config).unwrap()).unwrap();
}

/// Loads all tensors that candle knows, lets `edit` change them, and writes them again.
fn edit_weights(directory: &Path, edit: impl FnOnce(&mut BTreeMap<String, Tensor>)) {
    let path = directory.join("model.safetensors");
    let loaded: HashMap<String, Tensor> = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
    let mut tensors: BTreeMap<String, Tensor> = loaded.into_iter().collect();
    edit(&mut tensors);
    fs::remove_file(&path).unwrap();
    candle_core::safetensors::save(&tensors.into_iter().collect::<HashMap<_, _>>(), &path).unwrap();
}

#[test]
fn a_head_read_otherwise_is_plainly_wrong() {
    type Way = (&'static str, &'static [&'static str], fn(&Path));
    let ways: &[Way] = &[
        ("no temperature", &GATED, |at| {
            edit_config(at, |config| {
                config.insert("gating_temperature".to_owned(), 1.into());
            })
        }),
        ("the default temperature", &GATED, |at| {
            edit_config(at, |config| {
                config.remove("gating_temperature");
            })
        }),
        ("no transform matrix", &GATED, |at| {
            edit_weights(at, |tensors| {
                let identity = Tensor::eye(5, candle_core::DType::F32, &Device::Cpu).unwrap();
                tensors.insert("reward_transform_matrix".to_owned(), identity);
            })
        }),
        ("no logit scale", &GATED, |at| {
            edit_weights(at, |tensors| {
                tensors.insert("gating.logit_scale".to_owned(), Tensor::new(&[1f32], &Device::Cpu).unwrap());
            })
        }),
        ("one quantile instead of their mean", &["qrm", "qrm-gemma2"], |at| {
            edit_config(at, |config| {
                config.insert("num_quantiles".to_owned(), 1.into());
            });
            edit_weights(at, |tensors| {
                let all = &tensors["regression_layer.weight"];
                let first = all.reshape((5, 3, 32)).unwrap().narrow(1, 0, 1).unwrap().squeeze(1).unwrap().contiguous().unwrap();
                tensors.insert("regression_layer.weight".to_owned(), first);
            })
        }),
        ("quantiles before objectives", &["qrm", "qrm-gemma2"], |at| {
            edit_weights(at, |tensors| {
                let all = tensors["regression_layer.weight"].reshape((3, 5, 32)).unwrap();
                let turned = all.transpose(0, 1).unwrap().contiguous().unwrap().reshape((15, 32)).unwrap();
                tensors.insert("regression_layer.weight".to_owned(), turned);
            })
        }),
        ("batch norm ignored", &["qrm", "qrm-gemma2"], |at| {
            edit_weights(at, |tensors| {
                let norms: Vec<String> =
                    tensors.keys().filter_map(|name| name.strip_suffix(".running_mean").map(str::to_owned)).collect();
                assert_eq!(norms.len(), 2);
                for norm in norms {
                    for (part, value) in [("weight", 1f32), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)] {
                        tensors.insert(format!("{norm}.{part}"), Tensor::full(value, 16, &Device::Cpu).unwrap());
                    }
                }
            })
        }),
        ("batch norm without its statistics", &["qrm", "qrm-gemma2"], |at| {
            edit_weights(at, |tensors| {
                for (name, tensor) in tensors.iter_mut() {
                    let value = if name.ends_with("running_mean") { 0f32 } else { 1.0 };
                    if name.contains(".running_") {
                        *tensor = Tensor::full(value, 16, &Device::Cpu).unwrap();
                    }
                }
            })
        }),
        ("no bias in the value head", &["grm", "grm-linear"], |at| {
            edit_weights(at, |tensors| {
                for (name, tensor) in tensors.iter_mut().filter(|(name, _)| name.starts_with("v_head.")) {
                    if name.ends_with(".bias") {
                        *tensor = tensor.zeros_like().unwrap();
                    }
                }
            })
        }),
        ("spreads instead of means", &["urm"], |at| {
            edit_weights(at, |tensors| {
                let weight = tensors["score.weight"].reshape((5, 2, 32)).unwrap();
                let part = |n| weight.narrow(1, n, 1).unwrap();
                let turned = Tensor::cat(&[part(1), part(0)], 1).unwrap().reshape((10, 32)).unwrap();
                tensors.insert("score.weight".to_owned(), turned);
            })
        }),
    ];
    for (way, names, tamper) in ways {
        for name in *names {
            let directory = copy(name);
            tamper(directory.path());
            let model = load(directory.path(), BosPolicy::Single).unwrap();
            let off = worst(name, |case| model.reward_alone(&case.single.ids, &Cancel::default()).unwrap());
            assert!(off > PLAINLY_WRONG, "{name}, {way}: off by only {off}");
        }
    }
}

#[test]
fn what_is_missing_odd_or_unknown_is_refused_by_name() {
    type Break = (&'static str, fn(&Path), &'static [&'static str]);
    fn without(at: &Path, name: &str) {
        edit_weights(at, |tensors| drop(tensors.remove(name).expect("a tensor to take away")));
    }
    fn with(at: &Path, name: &str, shape: &[usize]) {
        let tensor = Tensor::zeros(shape, candle_core::DType::F32, &Device::Cpu).unwrap();
        edit_weights(at, |tensors| drop(tensors.insert(name.to_owned(), tensor)));
    }
    fn set(at: &Path, key: &str, value: impl Into<serde_json::Value>) {
        edit_config(at, |config| drop(config.insert(key.to_owned(), value.into())));
    }
    let breaks: &[Break] = &[
        (
            "armorm",
            |at| without(at, "regression_layer.weight"),
            &["no tensor regression_layer.weight", "Found: gating.logit_scale"],
        ),
        ("armorm", |at| without(at, "reward_transform_matrix"), &["no tensor reward_transform_matrix", "Found:"]),
        ("armorm", |at| without(at, "gating.logit_scale"), &["no tensor gating.logit_scale"]),
        ("armorm", |at| without(at, "gating.layers.1.weight"), &["gating_n_hidden is 3", "2 hidden layers"]),
        ("armorm", |at| set(at, "gating_hidden_dim", 1024), &["gating.layers.0.weight has shape [16, 32]", "[1024, 32]"]),
        ("armorm", |at| set(at, "num_objectives", 19), &["gating.layers.3.weight", "[19, 16]"]),
        ("armorm", |at| set(at, "gating_temperature", 0), &["gating_temperature is 0", "above 0"]),
        ("armorm", |at| with(at, "gating.layers.7.scale", &[2]), &["gating.layers.7.scale", "not known"]),
        ("armorm", |at| set(at, "model_type", "mistral"), &["no gating pattern is known"]),
        ("qrm", |at| without(at, "gating.layers.2.running_var"), &["no tensor gating.layers.2.running_var"]),
        ("qrm", |at| without(at, "gating.layers.2.weight"), &["no tensor gating.layers.2.weight"]),
        ("qrm", |at| set(at, "num_quantiles", 4), &["regression_layer.weight has 15 rows", "4 quantiles", "20"]),
        (
            "qrm",
            |at| edit_config(at, |config| drop(config.remove("num_quantiles"))),
            &["regression_layer.weight has 15 rows", "num_quantiles is not given"],
        ),
        ("grm", |at| without(at, "v_head.summary.2.bias"), &["no tensor v_head.summary.2.bias", "Found: "]),
        ("grm", |at| set(at, "vhead_num_layers", 1), &["v_head.summary.2.weight has shape [24, 24]", "[1, 24]"]),
        ("grm", |at| set(at, "vhead_layer_type", "conv"), &["vhead_layer_type is conv"]),
        ("grm", |at| set(at, "vhead_layer_type", "linear"), &["no tensor v_head.summary.weight"]),
        ("grm", |at| set(at, "model_type", "mamba"), &["GRewardModel"]),
        ("grm", |at| with(at, "score.weight", &[1, 32]), &["beside", "score.weight", "not known"]),
        (
            "grm",
            |at| set(at, "architectures", vec!["LlamaForSequenceClassification"]),
            &["no tensor score.weight", "v_head.summary"],
        ),
        ("urm", |at| without(at, "weights.fc.2.weight"), &["no tensor weights.fc.2.weight"]),
        ("urm", |at| set(at, "architectures", vec!["LlamaForSequenceClassification"]), &["weights.fc.0.bias", "not known"]),
    ];
    for (name, damage, parts) in breaks {
        let directory = copy(name);
        damage(directory.path());
        let message = load(directory.path(), BosPolicy::Single).err().map(|error| error.to_string());
        let message = message.unwrap_or_else(|| panic!("{name}: not refused, expected {parts:?}"));
        assert!(!message.contains('\n') && message.split(". ").count() > 1, "{name}: one paragraph with a next step: {message}");
        for part in *parts {
            assert!(message.contains(part), "{name}: '{part}' is not in: {message}");
        }
    }
}

#[test]
fn shapes_come_from_the_file_where_config_json_is_silent() {
    for name in ["grm", "grm-linear", "armorm", "qrm"] {
        let directory = copy(name);
        edit_config(directory.path(), |config| {
            for key in [
                "vhead_layer_type",
                "vhead_num_neurons",
                "vhead_num_layers",
                "num_objectives",
                "gating_hidden_dim",
                "gating_n_hidden",
            ] {
                config.remove(key);
            }
        });
        let model = load(directory.path(), BosPolicy::Single).unwrap();
        let off = worst(name, |case| model.reward_alone(&case.single.ids, &Cancel::default()).unwrap());
        assert!(off < TOLERANCE, "{name}: {off}");
    }
}

#[test]
fn an_unknown_name_of_a_reward_model_is_known_by_its_tensors() {
    for name in ["grm", "grm-linear", "qrm", "qrm-gemma2"] {
        let directory = copy(name);
        edit_config(directory.path(), |config| {
            config.insert("architectures".to_owned(), vec!["SomebodysRewardModel"].into());
        });
        let model = load(directory.path(), BosPolicy::Single).unwrap();
        let off = worst(name, |case| model.reward_alone(&case.single.ids, &Cancel::default()).unwrap());
        assert!(off < TOLERANCE, "{name}: {off}");
    }
}

#[test]
fn a_gate_without_its_pattern_says_which() {
    let directory = copy("armorm");
    let template = "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m.role }}: {{ m.content }}<|eot_id|>{% endfor %}";
    fs::write(directory.path().join("chat_template.jinja"), template).unwrap();
    let model = load(directory.path(), BosPolicy::Single).unwrap();
    let ids = model.tokenizer.encode("Name one.", "love").unwrap();
    let message = model.gate_position(&ids).unwrap_err().to_string();
    assert!(message.contains(r"<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"), "{message}");

    let outcome = engine_run(directory.path(), &[("Name one.", &["love", "hate"])]);
    assert_eq!((outcome.scores.len(), outcome.unscorable.len()), (0, 2));
    assert!(outcome.unscorable[0].contains("gating pattern"), "{:?}", outcome.unscorable);
}

struct Outcome {
    scores: HashMap<(PromptId, WordId), f32>,
    unscorable: Vec<String>,
}

/// Runs prompts one after the other through the engine, on one loaded model.
fn engine_run(directory: &Path, prompts: &[(&str, &[&str])]) -> Outcome {
    const MODEL: ModelId = ModelId(0);
    let (sender, events) = channel();
    let catalogue = Arc::new(Catalogue::builtin().unwrap());
    let engine = Engine::start(catalogue.clone(), Arc::new(move |event| drop(sender.send(event)))).unwrap();
    let spec = source::resolve(directory.to_str().unwrap(), &catalogue).unwrap().remove(0);
    engine.open(MODEL, &spec, LoadOptions { dtype: Dtype::F32, ..LoadOptions::default() });
    let job = |(n, (prompt, words)): (usize, &(&str, &[&str]))| Job {
        model: MODEL,
        prompt: PromptId(n as u32),
        prompt_text: (*prompt).into(),
        words: words.iter().enumerate().map(|(i, word)| (WordId(i as u32), (*word).into())).collect(),
        token_ids: Vec::new(),
        tokens: false,
        read_tokens: false,
        readings: Default::default(),
    };
    engine.plan(prompts.iter().enumerate().map(job).collect());
    let wanted: usize = prompts.iter().map(|(_, words)| words.len()).sum();
    let mut outcome = Outcome { scores: HashMap::new(), unscorable: Vec::new() };
    while outcome.scores.len() + outcome.unscorable.len() < wanted {
        match events.recv_timeout(PATIENCE).expect("an event") {
            Event::Scores { prompt, scores, .. } => {
                outcome.scores.extend(scores.into_iter().map(|(word, score)| ((prompt, word), score as f32)))
            }
            Event::Unscorable { words, .. } => outcome.unscorable.extend(words.into_iter().map(|(_, reason)| reason)),
            Event::Phase { phase: Phase::Failed(failure), .. } => panic!("failed: {failure:?}"),
            _ => {}
        }
    }
    outcome
}

#[test]
fn batches_order_and_a_reused_prefix_change_no_score() {
    for name in FIXTURES {
        let expected = expected(name);
        let model = sound(name);
        let alone = |prompt: &str, word: &str| {
            let ids = model.tokenizer.encode(prompt, word).unwrap();
            model.reward_alone(&ids, &Cancel::default()).unwrap()
        };
        let words: Vec<&str> = expected.cases.iter().filter(|case| case.prompt == 0).map(|case| case.word.as_str()).collect();
        let reversed: Vec<&str> = words.iter().rev().copied().collect();
        let one = &words[..1];
        let [first, second, third] = [0, 1, 2].map(|n| expected.prompts[n].as_str());
        // The prefix is cut, extended, kept whole, and again run from a shorter one. A single word shares all but its last
        // token, so that under the early template the gate of the word itself stands in the prefix.
        let longer = format!("{first} {second}");
        // As many tokens, and others: a gate's state that outlives its prompt would be taken for this one's.
        let gate = |prompt: &str| model.gate_position(&model.tokenizer.encode(prompt, "love").unwrap()).unwrap();
        let mut others = (0..5).flat_map(|at| ('a'..='z').map(move |letter| (at, letter))).map(|(at, letter)| {
            let mut prompt = first.to_owned();
            prompt.replace_range(at..at + 1, letter.encode_utf8(&mut [0; 4]));
            prompt
        });
        let turned = others.find(|other| other != first && gate(other) == gate(first)).expect("a prompt of as many tokens");
        // A word that opens an answer itself has a gate of its own beside that of the prompt.
        let opening = match model.info.family {
            Family::Llama => "love<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nhate",
            _ => "love<end_of_turn>\n<start_of_turn>model\nhate",
        };
        let runs: [(&str, &[&str]); 12] = [
            (first, &words),
            (longer.as_str(), &words),
            (first, &reversed),
            (first, one),
            (first, &words[1..2]),
            (turned.as_str(), &words),
            (first, &["love", opening]),
            (first, &[opening]),
            (first, &["love"]),
            (first, &words),
            (second, &words[2..]),
            (third, &reversed[..4]),
        ];
        let outcome = engine_run(&folder(name), &runs);
        assert_eq!(outcome.unscorable, Vec::<String>::new());
        for (n, (prompt, words)) in runs.iter().enumerate() {
            for (i, word) in words.iter().enumerate() {
                let (score, alone) = (outcome.scores[&(PromptId(n as u32), WordId(i as u32))], alone(prompt, word));
                assert!((score - alone).abs() < BATCH_TOLERANCE, "{name}, run {n}, {word:?}: {score}, alone {alone}");
            }
        }
    }
}
