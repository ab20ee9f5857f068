//! Language models of other architectures, which candle-transformers computes, against transformers:
//! `tests/fixtures/make_stock_models.py` made the configurations and the expected numbers, and both sides fill the tensors.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use rewardscope::model::checkpoint::estimate;
use rewardscope::model::decoder::{Cache, Nodes};
use rewardscope::model::format::files::{Files, SourceLabel};
use rewardscope::model::language::LanguageModel;
use rewardscope::model::loaded::LoadedModel;
use rewardscope::model::{Cancel, LoadOptions, ModelError};
use serde_json::{Map, Value};

use crate::support::program::{file, fixture, home, json, number, refused, rewardscope, stdout, text};

/// Against the reference, in f32, for each token.
const TOLERANCE: f32 = 1e-4;

#[derive(serde::Deserialize)]
struct Fixture {
    models: BTreeMap<String, Model>,
}

#[derive(serde::Deserialize)]
struct Model {
    config: Map<String, Value>,
    tensors: BTreeMap<String, Vec<usize>>,
    sequences: Vec<Sequence>,
}

#[derive(serde::Deserialize)]
struct Sequence {
    ids: Vec<u32>,
    log_probabilities: Vec<f32>,
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn models() -> BTreeMap<String, Model> {
    let text = std::fs::read(fixtures().join("stock-models.json")).unwrap();
    serde_json::from_slice::<Fixture>(&text).unwrap().models
}

/// As `fill` of the script.
fn fill(name: &str, shape: &[usize]) -> Tensor {
    let seed = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |seed, byte| (seed ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let value = |at: usize| {
        let mut x = seed.wrapping_add((at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^= x >> 31;
        let x = (x >> 40) as f64 / f64::from(1 << 23) - 1.0;
        match shape {
            [_] => (x / 4.0 + if name.ends_with("bias") { 0.0 } else { 1.0 }) as f32,
            _ => (x * 2.0 / (shape[shape.len() - 1] as f64).sqrt()) as f32,
        }
    };
    let values: Vec<f32> = (0..shape.iter().product()).map(value).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

impl Model {
    /// The checkpoint, with the tokenizer of `llama-lm` beside.
    fn write(&self) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja"] {
            std::fs::copy(fixtures().join("llama-lm").join(name), folder.path().join(name)).unwrap();
        }
        std::fs::write(folder.path().join("config.json"), serde_json::to_string(&self.config).unwrap()).unwrap();
        let tensors = self.tensors.iter().map(|(name, shape)| (name.as_str(), fill(name, shape)));
        candle_core::safetensors::save(&tensors.collect(), folder.path().join("model.safetensors")).unwrap();
        folder
    }
}

fn load(folder: &Path) -> Result<LanguageModel, ModelError> {
    let files = Files::Directory(folder.to_owned());
    match LoadedModel::load(&files, &SourceLabel::default(), &LoadOptions::default(), &mut |_, _| {}, &Cancel::default())? {
        LoadedModel::Language(model) => Ok(model),
        LoadedModel::Reward(_) => panic!("a reward model"),
    }
}

/// Log-probability of each token of `ids` after those before it, each read of a conversation run on its own.
fn alone(model: &LanguageModel, ids: &[u32]) -> Vec<f32> {
    let one = |end: usize| {
        let read = [end as u32 - 1];
        let nodes = Nodes::chain(&ids[..end], 0);
        let logits = model.decoder.forward(&nodes, None, &read, false, &Cancel::default()).unwrap().hidden;
        model.head.log_probabilities(&logits, &[vec![ids[end]]], &Cancel::default()).unwrap()[0][0]
    };
    (1..ids.len()).map(one).collect()
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn every_token_is_as_probable_as_in_transformers() {
    let models = models();
    assert_eq!(models.len(), 15);
    for (name, model) in models {
        let folder = model.write();
        let loaded = load(folder.path()).unwrap_or_else(|error| panic!("{name}: {error}"));
        for Sequence { ids, log_probabilities } in &model.sequences {
            let off = largest_difference(&alone(&loaded, ids), log_probabilities);
            assert!(off < TOLERANCE, "{name}: off by {off:.1e}");
        }
        assert_eq!(loaded.info.provenance.policies.notes, [""; 0], "{name}: every tensor is read");
        // Memory is foreseen, and scores are kept under the name of what computes.
        let foreseen = estimate(&Files::Directory(folder.path().to_owned()), &LoadOptions::default()).unwrap();
        assert_eq!(foreseen.weights_bytes, loaded.info.memory_bytes, "{name}");
        assert_eq!(Some(&foreseen.kernel), loaded.info.provenance.kernel.known(), "{name}");
        assert_eq!(loaded.info.provenance.kernel.to_string().split('-').next(), Some("stock1"), "{name}");
    }
}

/// Words in a tree behind a prompt that is kept, read in either order, twice.
#[test]
fn what_is_kept_of_a_prompt_gives_what_the_whole_conversation_gives() {
    for (name, model) in models() {
        let loaded = load(model.write().path()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let ids = &model.sequences[0].ids;
        let (prompt, cancel) = (&ids[..12], Cancel::default());
        let words: [&[u32]; 4] = [&[5, 6, 7], &[5, 6, 8], &[5, 9, 1], &[30, 31, 32]];
        let expected: Vec<Vec<f32>> =
            words.iter().map(|word| alone(&loaded, &[prompt, word].concat())[prompt.len() - 1..].to_vec()).collect();
        let mut cache = loaded.decoder.forward(&Nodes::chain(prompt, 0), None, &[], true, &cancel).unwrap().cache.unwrap();
        for round in 0..2 {
            for backwards in [false, true] {
                let mut order: Vec<usize> = (0..words.len()).collect();
                if backwards {
                    order.reverse();
                }
                for word in order {
                    // The last token of the prompt is read, and of the word all but the last.
                    let start = prompt.len() - 1;
                    let run = [&prompt[start..], &words[word][..2]].concat();
                    let nodes = Nodes::chain(&run, start);
                    let output = loaded.decoder.forward(&nodes, Some(&cache), &[0, 1, 2], true, &cancel).unwrap();
                    let wanted: Vec<Vec<u32>> = words[word].iter().map(|id| vec![*id]).collect();
                    let values = loaded.head.log_probabilities(&output.hidden, &wanted, &cancel).unwrap().concat();
                    let off = largest_difference(&values, &expected[word]);
                    assert!(off < 1e-5, "{name}, {:?}, round {round}: off by {off:.1e}", words[word]);
                    // As a batch leaves the path of its last word behind the prompt.
                    cache.truncate(start).unwrap();
                    cache.append(&output.cache.unwrap()).unwrap();
                    assert_eq!(cache.len(), prompt.len() + 2);
                }
            }
        }
    }
}

/// A word goes on from what was kept of it, after another word ran from the same prompt: a model whose copies share keys and
/// values would have lost it.
#[test]
fn what_is_kept_of_a_word_outlives_another_word() {
    let (prompt, cancel) = ([420, 9, 17, 33, 5, 60], Cancel::default());
    let mut wrong = Vec::new();
    for (name, model) in models() {
        let loaded = load(model.write().path()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let run = |ids: &[u32], start: usize, cache: Option<&Cache>, reads: &[u32]| {
            loaded.decoder.forward(&Nodes::chain(ids, start), cache, reads, true, &cancel).unwrap()
        };
        let kept = run(&[&prompt[..], &[5, 6]].concat(), 0, None, &[5, 6, 7]).cache.unwrap();
        run(&[30, 31], prompt.len(), Some(&kept), &[0, 1]);
        let logits = run(&[7], kept.len(), Some(&kept), &[0]).hidden;
        let value = loaded.head.log_probabilities(&logits, &[vec![8]], &cancel).unwrap()[0][0];
        let expected = alone(&loaded, &[&prompt[..], &[5, 6, 7, 8]].concat());
        if (value - expected[expected.len() - 1]).abs() > 1e-5 {
            wrong.push(name);
        }
    }
    assert_eq!(wrong, [""; 0]);
}

const LIST: &str =
    "word,category\nlove,communion\nfreedom,agency\nice cream,communion\nself-determination,agency\nlovely,communion\n";

#[test]
fn words_are_scored_everywhere_as_by_any_language_model() {
    let home = home();
    let list = file(home.path(), "list.csv", LIST);
    for name in ["Olmo2ForCausalLM", "Glm4ForCausalLM"] {
        let folder = models().remove(name).unwrap().write();
        let path = folder.path().to_str().unwrap();
        let score = ["score", path, "--corpus", &list, "--prompt", "Name one.", "--tokens", "--format", "jsonl"];
        let rows: Vec<Value> = stdout(home.path(), &score).lines().map(|row| serde_json::from_str(row).unwrap()).collect();
        assert_eq!(rows.len(), 5);
        let loaded = load(folder.path()).unwrap();
        let mut several = 0;
        for row in &rows {
            let ids: Vec<u32> = serde_json::from_value(row["token_ids"].clone()).unwrap();
            let values: Vec<f32> = serde_json::from_value(row["token_logprobs"].clone()).unwrap();
            let expected = alone(&loaded, &ids)[ids.len() - 1 - values.len()..].to_vec();
            assert!(largest_difference(&values, &expected) < 1e-5, "{name}: {row}");
            assert!((number(&row["score"]) - f64::from(expected.iter().sum::<f32>())).abs() < 1e-4, "{name}: {row}");
            several += usize::from(values.len() > 1);
        }
        assert!(several >= 3, "{name}: {several} words of several tokens");
        // What was scored is kept under a key of its own, and told again as it was.
        let again = &score[..6];
        assert_eq!(stdout(home.path(), again), stdout(home.path(), again), "{name}");

        let vocabulary = ["score", path, "--vocabulary", "--prompt", "Name one.", "--format", "jsonl"];
        let probability: f64 = stdout(home.path(), &vocabulary)
            .lines()
            .map(|row| number(&serde_json::from_str::<Value>(row).unwrap()["score"]).exp())
            .sum();
        // Three rows of the output matrix belong to no token.
        assert!((0.9..=1.00001).contains(&probability), "{name}: {probability}");

        let report = json(home.path(), &["check", path]);
        assert_eq!(report["passed"], Value::Bool(true), "{name}: {report:#}");
        json(home.path(), &["implicit", path, &fixture("llama-lm"), "--corpus", &list]);
        refused(home.path(), &["bench", path], 1, &["candle-transformers"]);
    }
}

#[test]
fn what_candles_models_do_not_do_is_refused_by_name() {
    let home = home();
    let score = |path: &str, more: &[&str], naming: &[&str]| {
        refused(home.path(), &[&["score", path, "--word", "love", "--prompt", "Name one."], more].concat(), 1, naming);
    };
    let mut model = models().remove("Olmo2ForCausalLM").unwrap();
    let folder = model.write();
    let path = folder.path().to_str().unwrap();
    score(path, &["--dtype", "bf16"], &["Olmo2ForCausalLM", "in f32 alone, not in bf16"]);
    score(path, &["--token-logit", "7"], &["Olmo2ForCausalLM", "run as a language model alone"]);
    let said =
        text(&rewardscope(home.path(), &["score", path, "--word", "love", "--prompt", "Name one.", "--head-row", "1"]).stderr);
    assert!(said.contains("--head-row changes nothing"), "{said}");

    model.tensors.insert("v_head.summary.weight".to_owned(), vec![1, 32]);
    score(model.write().path().to_str().unwrap(), &[], &["v_head.summary.weight", "On this architecture no head is read"]);
    model.tensors.retain(|name, _| name != "v_head.summary.weight" && name != "model.layers.1.mlp.up_proj.weight");
    score(model.write().path().to_str().unwrap(), &[], &["there is no tensor model.layers.1.mlp.up_proj.weight"]);
    for (architecture, reason) in [
        ("Olmo2ForSequenceClassification", "a decoder of another build than Llama's"),
        ("MixtralForSequenceClassification", "a mixture of experts"),
        ("FalconForCausalLM", "tanh form of GELU"),
        ("OtherForCausalLM", "the architecture is OtherForCausalLM"),
    ] {
        model.config.insert("architectures".to_owned(), serde_json::json!([architecture]));
        score(model.write().path().to_str().unwrap(), &[], &[reason, "and as …ForCausalLM alone, from safetensors, Phi3, Phi,"]);
    }
}
