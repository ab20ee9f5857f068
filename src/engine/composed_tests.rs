//! The way that a GPU runs, on the CPU, as it is asked in earnest: batches behind prefixes that are cut and gone on from, in
//! every dtype, over every checkpoint of `tests/fixtures`. Its tensors refuse to be empty, as a GPU refuses to launch over
//! nothing, so that what would end a run there fails here; and its scores are those of the way that the CPU takes.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::Job;
use super::batch::{Batches, Prefix};
use crate::base::terms::{ModelId, PromptId, WordId};
use crate::model::format::files::{Files, SourceLabel};
use crate::model::loaded::LoadedModel;
use crate::model::{Cancel, Dtype, LoadOptions};
use crate::sources::bundled;

/// In f32, relative to the largest score: sums are added up in another order.
const TOLERANCE: f32 = 1e-4;
const PROMPTS: [&str; 3] = ["What is the best thing?", "What is the best thing in the world, and why?", "Name one."];
const WORDS: [&str; 6] = ["love", "lovely", "freedom", "free", "hate", "ice cream"];

fn files() -> Vec<(String, Files)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let folders = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named = folders.filter(|path| path.join("config.json").exists());
    let mut all: Vec<_> = named.map(|path| (path.display().to_string(), Files::Directory(path))).collect();
    let bundled =
        bundled::BUNDLED.iter().map(|model| Files::Bundled { name: model.name, entries: bundled::bundled(model.name).unwrap() });
    all.extend(bundled.map(|files| (files.path("").display().to_string(), files)));
    all
}

fn job(prompt: &str, words: &[&str], token_ids: Vec<u32>) -> Job {
    let words: Vec<(WordId, Arc<str>)> = (0..).map(WordId).zip(words.iter().map(|word| (*word).into())).collect();
    Job {
        model: ModelId(0),
        prompt: PromptId(0),
        prompt_text: prompt.into(),
        words,
        token_ids,
        tokens: true,
        read_tokens: false,
        readings: Default::default(),
    }
}

/// Runs to the end, behind what stands from before, in batches and pieces of the prefix of at most `most` nodes.
fn run(model: &LoadedModel, mut batches: Batches, prefix: &mut Option<Prefix>, most: usize) -> HashMap<WordId, f32> {
    batches.limit(most);
    let mut scores = HashMap::new();
    while !batches.is_done() {
        let step = batches.step(model, prefix, &Cancel::default()).unwrap_or_else(|error| panic!("{error}"));
        assert!(step.unscorable.is_empty(), "{:?}", step.unscorable);
        scores.extend(step.scores);
    }
    scores
}

/// Everything that a model is asked, one after the other.
fn scores(model: &LoadedModel) -> Vec<f32> {
    let mut prefix = None;
    let mut all = Vec::new();
    for (prompt, most) in PROMPTS.iter().zip([512, 7, 512]).chain(PROMPTS.iter().zip([3, 512, 1])) {
        for words in [&WORDS[..], &WORDS[..1], &WORDS[..1]] {
            all.push(run(model, Batches::new(job(prompt, words, Vec::new())), &mut prefix, most));
        }
    }
    all.push(run(model, Batches::whole(job(PROMPTS[0], &WORDS, Vec::new())), &mut None, 512));
    if let LoadedModel::Language(_) = model {
        all.push(run(model, Batches::new(job(PROMPTS[0], &["a", "b"], vec![5, 6])), &mut prefix, 512));
    }
    let sorted = |scores: HashMap<WordId, f32>| {
        let mut scores: Vec<_> = scores.into_iter().collect();
        scores.sort_by_key(|(word, _)| *word);
        scores.into_iter().map(|(_, score)| score)
    };
    all.into_iter().flat_map(sorted).collect()
}

#[test]
fn the_way_of_a_gpu_runs_nothing_over_nothing_and_gives_the_scores_of_the_cpu() {
    let files = files();
    assert!(files.len() >= 20, "{} checkpoints", files.len());
    for (name, files) in files {
        for dtype in [Dtype::F32, Dtype::Bf16, Dtype::F16] {
            let options = LoadOptions { dtype, ..LoadOptions::default() };
            let composed = scores(&LoadedModel::composed(&files, &options).unwrap());
            assert!(composed.iter().all(|score| score.is_finite()), "{name}, {dtype}: {composed:?}");
            if dtype == Dtype::F32 {
                let (mut progress, cancel) = (|_, _| {}, Cancel::default());
                let native = LoadedModel::load(&files, &SourceLabel::default(), &options, &mut progress, &cancel).unwrap();
                let native = scores(&native);
                let size = native.iter().fold(1f32, |most, score| most.max(score.abs()));
                assert_eq!(native.len(), composed.len());
                let off = native.iter().zip(&composed).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(off <= TOLERANCE * size, "{name}: off by {off} of {size}");
            }
        }
    }
}
