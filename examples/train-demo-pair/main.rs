//! Trains the bundled pair of demonstration models from nothing but this repository.
//!
//! `cargo run --release --example train-demo-pair` writes `models/demo-llama` and `models/demo-gemma` again; with
//! `-- --check` it trains them too, but compares with the files that are there instead of replacing them.

mod files;
mod model;
mod pairs;
mod score;
mod taste;
mod tokenizer;
mod train;

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Instant;

use clap::Parser;
use rewardscope::base::terms::Family;
use rewardscope::base::text;
use rewardscope::corpus::PromptSet;
use rewardscope::model::checkpoint::RewardModel;
use rewardscope::model::format::config::ModelConfig;
use rewardscope::model::format::files::Files;
use rewardscope::model::text::tokenizer::ChatTokenizer;
use rewardscope::model::{BosPolicy, Cancel, LoadOptions};

use pairs::{HeldOut, Preferences};

/// Largest difference between two scores that still counts as the same.
const SAME_SCORE: f32 = 1e-3;

/// Trains the bundled demonstration models.
#[derive(Parser)]
struct Arguments {
    /// Compare with the files in models/ and leave them alone.
    #[arg(long)]
    check: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let scratch = tempfile::tempdir()?;
    for (family, name) in [(Family::Llama, "demo-llama"), (Family::Gemma, "demo-gemma")] {
        let preferences = Preferences::new(family, PromptSet::builtin()?.prompts)?;
        let trained = scratch.path().join(name);
        make(family, &preferences, &trained)?;
        let scores = all_scores(&trained, &preferences)?;
        describe(&preferences, &scores);
        if arguments.check {
            compare(&trained, &models.join(name), &preferences, &scores)?;
        } else {
            copy(&trained, &models.join(name))?;
        }
    }
    Ok(())
}

/// Trains one model and writes its checkpoint into `directory`.
fn make(family: Family, preferences: &Preferences, directory: &Path) -> Result<(), Box<dyn Error>> {
    let tokenizer = tokenizer::tokenizer_json(family, &preferences.prompts, &preferences.answers)?;
    files::write_descriptions(directory, family, &tokenizer)?;
    // Read back, so that the model is trained on the very tokens that it will be asked about.
    let written = Files::Directory(directory.to_owned());
    let config = ModelConfig::read(&written)?;
    let chat = ChatTokenizer::load(&written, BosPolicy::Single, config.decoder.vocab_size, config.bos_token_id)?;
    let words: Vec<&str> = preferences.answers.iter().map(|answer| answer.text.as_str()).collect();
    let mut conversations = Vec::with_capacity(preferences.prompts.len());
    for prompt in &preferences.prompts {
        let encoded = chat.encode_all(&prompt.text, &words, &Cancel::default())?;
        conversations.push(encoded.into_iter().collect::<Result<Vec<_>, _>>()?);
    }
    let started = Instant::now();
    let model = train::train(config.decoder, preferences, &conversations, |step, loss| {
        let elapsed = text::duration(started.elapsed().as_secs_f64());
        println!("{family} step {step} of {}, loss {loss:.4}, {elapsed}", train::STEPS);
    })?;
    files::write_weights(directory, &model)
}

/// Scores of a written checkpoint, `[prompts][answers]`.
fn all_scores(directory: &Path, preferences: &Preferences) -> Result<Vec<Vec<f32>>, Box<dyn Error>> {
    let files = Files::Directory(directory.to_owned());
    let model = RewardModel::load(&files, &Default::default(), &LoadOptions::default(), &mut |_, _| {}, &Cancel::default())?;
    let words: Vec<&str> = preferences.answers.iter().map(|answer| answer.text.as_str()).collect();
    Ok(preferences.prompts.iter().map(|prompt| score::scores(&model, &prompt.text, &words)).collect::<Result<_, _>>()?)
}

/// Prints accuracy on held-out pairs, beside what is possible: the labels are noisy.
fn describe(preferences: &Preferences, scores: &[Vec<f32>]) {
    for (held_out, what) in [(HeldOut::Pairs, "new pairs under known prompts"), (HeldOut::Prompts, "prompts never seen")] {
        for (big_two, pool) in [(false, "all words"), (true, "big-two alone")] {
            let measured = pairs::accuracy(preferences, scores, held_out, big_two, 2000);
            println!(
                "{} {what}, {pool}: {:.1} % of {} pairs right; chance 50 %, at best {:.1} %",
                preferences.family,
                100.0 * measured.accuracy,
                text::count(measured.pairs),
                100.0 * measured.ceiling
            );
        }
    }
}

/// Fails unless the checkpoint in `existing` is the one in `trained`, in its bytes or at least in its scores.
fn compare(trained: &Path, existing: &Path, preferences: &Preferences, scores: &[Vec<f32>]) -> Result<(), Box<dyn Error>> {
    let mut different = Vec::new();
    for entry in fs::read_dir(trained)? {
        let name = entry?.file_name();
        if fs::read(trained.join(&name))? != fs::read(existing.join(&name)).unwrap_or_default() {
            different.push(name.to_string_lossy().into_owned());
        }
    }
    if different.is_empty() {
        println!("{}: the same, byte for byte", existing.display());
        return Ok(());
    }
    let before = all_scores(existing, preferences)?;
    let largest = before.iter().flatten().zip(scores.iter().flatten()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    let found = format!("{}: other bytes in {}; scores differ by up to {largest:e}", existing.display(), different.join(", "));
    if largest > SAME_SCORE {
        return Err(found.into());
    }
    println!("{found}");
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(to)?;
    let mut total = 0;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        total += fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    println!("{}: written, {}", to.display(), text::bytes(total));
    Ok(())
}
