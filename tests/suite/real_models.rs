//! Two real language models against transformers, in a folder that `scripts/fetch-real-models` and
//! `scripts/reference_gguf.py` have filled:
//!
//!     REWARDSCOPE_REAL_MODELS=FOLDER cargo test --test suite real_models:: -- --ignored --nocapture

use std::path::{Path, PathBuf};

use rewardscope::model::decoder::Nodes;
use rewardscope::model::format::files::{Files, SourceLabel};
use rewardscope::model::format::gguf;
use rewardscope::model::language::LanguageModel;
use rewardscope::model::loaded::LoadedModel;
use rewardscope::model::{Cancel, Dtype, LoadOptions};
use rewardscope::stats::spearman;

/// In nats.
const TOLERANCE: f64 = 0.02;
const RANK_CORRELATION: f64 = 0.999;

#[derive(serde::Deserialize)]
struct Reference {
    contexts: Vec<Context>,
}

#[derive(serde::Deserialize)]
struct Context {
    ids: Vec<u32>,
    words: Vec<Word>,
}

#[derive(serde::Deserialize)]
struct Word {
    word: String,
    ids: Vec<u32>,
    log_prob: f64,
}

/// As it scores: by the forward of the CPU.
fn load(file: &Path) -> LanguageModel {
    let options = LoadOptions { dtype: Dtype::F32, ..LoadOptions::default() };
    let loaded =
        LoadedModel::load(&Files::at(file), &SourceLabel::default(), &options, &mut |_, _| {}, &Cancel::default()).unwrap();
    let LoadedModel::Language(model) = loaded else { panic!("{}: no language model", file.display()) };
    println!("{}: {}", file.display(), model.info.provenance.summary());
    model
}

fn log_prob(model: &LanguageModel, context: &[u32], word: &[u32]) -> f64 {
    let (ids, cancel) = ([context, word].concat(), Cancel::default());
    let first = context.len() as u32 - 1;
    let reads: Vec<u32> = (first..first + word.len() as u32).collect();
    let hidden = model.decoder.forward(&Nodes::chain(&ids, 0), None, &reads, false, &cancel).unwrap().hidden;
    let wanted: Vec<Vec<u32>> = word.iter().map(|token| vec![*token]).collect();
    let values = model.head.log_probabilities(&hidden, &wanted, &cancel).unwrap();
    values.into_iter().flatten().map(f64::from).sum()
}

#[test]
#[ignore = "needs the models of scripts/fetch-real-models in the folder that REWARDSCOPE_REAL_MODELS names"]
fn words_have_the_log_probabilities_that_transformers_gives_them() {
    let folder = std::env::var_os("REWARDSCOPE_REAL_MODELS").map(PathBuf::from).expect("REWARDSCOPE_REAL_MODELS names a folder");
    for name in ["smollm2-135m-instruct", "gemma-3-270m"] {
        let file = folder.join(name).with_extension("gguf");
        let reference = std::fs::read(folder.join(format!("{name}.reference.json"))).expect("run scripts/reference_gguf.py");
        let reference: Reference = serde_json::from_slice(&reference).unwrap();
        let model = load(&file);
        let tokenizer = gguf::tokenizer(&file).unwrap();
        for context in &reference.contexts {
            let (mut ours, mut theirs, mut worst) = (Vec::new(), Vec::new(), 0f64);
            for word in &context.words {
                let ids = tokenizer.encode(word.word.as_str(), false).unwrap();
                assert_eq!(ids.get_ids(), word.ids, "{name}: {:?}", word.word);
                let log_prob = log_prob(&model, &context.ids, &word.ids);
                worst = worst.max((log_prob - word.log_prob).abs());
                ours.push(log_prob);
                theirs.push(word.log_prob);
            }
            let (correlation, _) = spearman(&ours, &theirs).unwrap();
            println!("{name}: {} words, worst difference {worst:.6} nats, rank correlation {correlation:.6}", ours.len());
            assert!(worst < TOLERANCE && correlation > RANK_CORRELATION, "{name}");
        }
    }
}
