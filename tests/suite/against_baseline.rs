//! A checkpoint of any size with a real tokenizer against scores that another program wrote. Not run by default:
//!
//! ```text
//! REWARDSCOPE_MODEL=DIR REWARDSCOPE_SCORES=scores.csv cargo test --release --test suite against_baseline:: -- --ignored --nocapture
//! ```
//!
//! `scores.csv` has the columns word and score, for the prompt below in f32. `REWARDSCOPE_BOS=published` where the program
//! tokenized rendered text with special tokens added.

use std::env;
use std::time::Instant;

use rewardscope::model::checkpoint::RewardModel;
use rewardscope::model::decoder::Nodes;
use rewardscope::model::format::files::{Files, SourceLabel};
use rewardscope::model::{BosPolicy, Cancel, Dtype, LoadOptions};

const PROMPT: &str = "What, in one word, is the greatest thing ever?";

#[test]
#[ignore = "needs a checkpoint and scores from elsewhere, named by environment variables"]
fn scores_are_those_of_the_baseline() {
    let variable = |name: &str| env::var(name).unwrap_or_else(|_| panic!("set {name}"));
    let bos =
        if env::var("REWARDSCOPE_BOS").is_ok_and(|bos| bos == "published") { BosPolicy::Published } else { BosPolicy::Single };
    let options = LoadOptions { bos, dtype: Dtype::F32, ..LoadOptions::default() };
    let files = Files::Directory(variable("REWARDSCOPE_MODEL").into());
    let cancel = Cancel::default();
    let started = Instant::now();
    let model = RewardModel::load(&files, &SourceLabel::default(), &options, &mut |_, _| {}, &cancel).unwrap();
    println!("loaded in {:.1?}: {:?}", started.elapsed(), model.info);

    let mut worst = 0f32;
    let mut rows = csv::Reader::from_path(variable("REWARDSCOPE_SCORES")).unwrap();
    let rows: Vec<(String, f32)> = rows.deserialize().collect::<Result<_, _>>().unwrap();
    let started = Instant::now();
    for (word, expected) in &rows {
        let ids = model.tokenizer.encode(PROMPT, word).unwrap();
        let output = model.decoder.forward(&Nodes::chain(&ids, 0), None, &[ids.len() as u32 - 1], false, &cancel).unwrap();
        let score = model.head.rewards(&output.hidden, None).unwrap()[0];
        worst = worst.max((score - expected).abs());
        assert!((score - expected).abs() < 1e-4, "{word:?}: {score}, not {expected}");
    }
    println!("{} words in {:.1?}, off by {worst:e} at most", rows.len(), started.elapsed());

    let vocabulary: Vec<String> =
        (0..model.decoder.config().vocab_size as u32).map(|id| model.tokenizer.token_text(id)).collect();
    let words: Vec<&str> = vocabulary.iter().map(String::as_str).collect();
    let started = Instant::now();
    let encoded = model.tokenizer.encode_all(PROMPT, &words, &cancel).unwrap();
    let lost = encoded.iter().filter(|ids| ids.is_err()).count();
    println!("vocabulary of {} tokenized as words in {:.1?}, {lost} of them to nothing", words.len(), started.elapsed());
}
