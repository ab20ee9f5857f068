//! Rewards at every token and after every layer, against a forward in numpy: `tests/fixtures/make_readings.py` made the
//! expected numbers.

use std::collections::{BTreeMap, HashMap};

use rewardscope::base::terms::{ModelId, PromptId, WordId};
use rewardscope::engine::batch::Batches;
use rewardscope::engine::{Job, Readings, WordTokens};
use rewardscope::model::format::files::{Files, SourceLabel};
use rewardscope::model::loaded::LoadedModel;
use rewardscope::model::{Cancel, Dtype, LoadOptions, ModelError};
use serde_json::Value;

use crate::support::expected::{expected, folder};
use crate::support::program::{file, fixture, home, refused, stdout};

const TOLERANCE: f32 = 1e-4;
const BOTH: Readings = Readings { by_token: true, by_layer: true };

/// A case of `readings.json`.
#[derive(serde::Deserialize)]
struct Case {
    prompt: usize,
    word: String,
    ids: Vec<u32>,
    token_rewards: Vec<f32>,
    layer_rewards: Vec<f32>,
}

fn cases() -> BTreeMap<String, Vec<Case>> {
    serde_json::from_slice(&std::fs::read(folder("readings.json")).unwrap()).unwrap()
}

/// The program's two ways of running a model.
fn both_ways(name: &str) -> [LoadedModel; 2] {
    let (files, options) = (Files::Directory(folder(name)), LoadOptions { dtype: Dtype::F32, ..LoadOptions::default() });
    let native = LoadedModel::load(&files, &SourceLabel::default(), &options, &mut |_, _| {}, &Cancel::default());
    [native.unwrap(), LoadedModel::composed(&files, &options).unwrap()]
}

fn job(prompt: &str, words: &[&str], readings: Readings) -> Job {
    let words = (0..).map(WordId).zip(words.iter().map(|word| (*word).into())).collect();
    Job { readings, ..Job::new(ModelId(0), PromptId(0), prompt.into(), words) }
}

/// Scores and readings by the number of the word.
fn run(model: &LoadedModel, mut batches: Batches, nodes: usize) -> Result<HashMap<WordId, (f32, WordTokens)>, ModelError> {
    let (mut prefix, mut read) = (None, HashMap::new());
    while !batches.is_done() {
        batches.set_nodes(nodes);
        let step = batches.step(model, &mut prefix, &Cancel::default())?;
        let scores: HashMap<WordId, f32> = step.scores.into_iter().collect();
        read.extend(step.tokens.into_iter().map(|(word, tokens)| (word, (scores[&word], tokens))));
    }
    Ok(read)
}

#[track_caller]
fn near(what: &str, values: &[f32], expected: &[f32]) {
    assert_eq!(values.len(), expected.len(), "{what}");
    for (at, (value, expected)) in values.iter().zip(expected).enumerate() {
        assert!((value - expected).abs() < TOLERANCE, "{what}, number {at}: {value}, not {expected}");
    }
}

#[test]
fn rewards_at_tokens_and_layers_are_those_of_numpy() {
    for (name, cases) in cases() {
        let prompts = expected(&name).prompts;
        for (model, way) in both_ways(&name).iter().zip(["native", "composed"]) {
            for (prompt, text) in prompts.iter().enumerate().take(2) {
                let cases: Vec<&Case> = cases.iter().filter(|case| case.prompt == prompt).collect();
                let words: Vec<&str> = cases.iter().map(|case| case.word.as_str()).collect();
                let job = || job(text, &words, BOTH);
                // Behind a prefix, a word a batch, and as whole conversations.
                for (batches, nodes) in [(Batches::new(job()), 512), (Batches::new(job()), 1), (Batches::whole(job()), 512)] {
                    let read = run(model, batches, nodes).unwrap();
                    for (id, case) in (0..).map(WordId).zip(&cases) {
                        let what = format!("{name}, {way}, prompt {prompt}, {:?}", case.word);
                        let (score, tokens) = &read[&id];
                        assert_eq!(tokens.ids, case.ids, "{what}");
                        near(&what, &tokens.token_rewards, &case.token_rewards);
                        near(&what, &tokens.layer_rewards, &case.layer_rewards);
                        assert_eq!(tokens.token_rewards.last(), Some(score), "{what}");
                        assert_eq!(tokens.layer_rewards.last(), Some(score), "{what}");
                    }
                }
            }
        }
    }
}

/// A gate reads after every layer as the head does, wherever it reads, and the score stays as it is without.
#[test]
fn a_gated_head_is_read_by_layer_and_refuses_tokens_by_name() {
    for name in ["armorm", "armorm-early", "qrm-gemma2"] {
        let prompts = expected(name).prompts;
        for model in both_ways(name) {
            let job = |readings| job(&prompts[0], &["love", "freedom"], Readings { ..readings });
            let by_layer = run(&model, Batches::new(job(Readings { by_layer: true, by_token: false })), 512).unwrap();
            let mut prefix = None;
            let plain = Batches::new(job(Readings::default())).step(&model, &mut prefix, &Cancel::default()).unwrap();
            for (word, score) in plain.scores {
                let (same, WordTokens { layer_rewards, ids, .. }) = &by_layer[&word];
                assert_eq!(layer_rewards.last(), Some(same), "{name}");
                assert!((same - score).abs() < 1e-5 && ids.is_empty(), "{name}: {same}, not {score}");
                assert_eq!(layer_rewards.len(), model.decoder().config().windows.len(), "{name}");
            }
            let error = run(&model, Batches::new(job(BOTH)), 512).unwrap_err().to_string();
            assert!(error.contains("gate that reads one place"), "{error}");
        }
    }
}

#[test]
fn a_model_without_a_head_is_refused_by_name() {
    let home = home();
    let refusal = |model: &str, option: &str, naming: &[&str]| {
        refused(
            home.path(),
            &["score", model, "--word", "love", option],
            if naming.contains(&"recorded") { 2 } else { 1 },
            naming,
        );
    };
    refusal(&fixture("llama-lm"), "--trace", &["llama-lm", "language model", "log-probability"]);
    refusal(&fixture("llama-lm"), "--layers", &["llama-lm", "language model"]);
    let recorded = file(home.path(), "old.csv", "model,prompt,word,score\nm,greatest_ever_one,love,1.5\n");
    refusal(&recorded, "--layers", &["old", "--layers", "recorded"]);
}

/// Rows are recorded scores again, and a score that the store has is read once more for its tokens.
#[test]
fn rows_carry_the_readings_and_open_as_recorded_scores() {
    let home = home();
    let words = ["--word", "love", "--word", "freedom"];
    let llama = fixture("llama");
    let score = |more: &[&str]| stdout(home.path(), &[&["score", &llama, "--prompt", "Name one."], &words[..], more].concat());
    let scored = score(&["--format", "jsonl"]);
    let read = score(&["--trace", "--layers", "--format", "jsonl"]);
    for (scored, read) in scored.lines().zip(read.lines()) {
        let [scored, read] = [scored, read].map(|line| serde_json::from_str::<Value>(line).unwrap());
        let list = |key: &str| read[key].as_array().unwrap().clone();
        assert_eq!(read["score"], scored["score"]);
        assert_eq!((list("token_rewards").last(), list("layer_rewards").last()), (Some(&read["score"]), Some(&read["score"])));
        assert_eq!((list("token_rewards").len(), list("layer_rewards").len()), (list("token_ids").len(), 3));
        assert!(scored.get("token_rewards").is_none() && scored.get("layer_rewards").is_none());
    }
    let layers = score(&["--layers", "--format", "jsonl"]);
    assert!(layers.contains("layer_rewards") && !layers.contains("token_"), "{layers}");
    let csv = score(&["--trace", "--format", "csv"]);
    assert!(csv.lines().next().unwrap().ends_with("token_ids,token_logprobs,token_rewards"), "{csv}");
    let table = score(&["--layers"]);
    assert!(table.contains("after each layer") && table.contains("no cause"), "{table}");
    let again = file(home.path(), "read.jsonl", &read);
    assert_eq!(stdout(home.path(), &["score", &again, "--prompt", "Name one.", "--format", "jsonl"]).lines().count(), 2);
}
