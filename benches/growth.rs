//! How the cost of scoring grows with the depth of the model, the number of words and the number of prompts.
//!
//! ```sh
//! cargo bench --bench growth                                   # the bundled pair
//! cargo bench --bench growth -- --model path/to/checkpoint --dtype bf16 [--vocabulary 20000]
//! ```
//!
//! Shallower models are the same files with fewer layers in config.json. Depth and words are timed by `rewardscope bench`,
//! loading excluded; prompts by whole runs of `rewardscope score`, of which the first prompt's includes loading.
//! `REWARDSCOPE_BINARY` measures another build of the program.

#![allow(clippy::expect_used, clippy::panic)]

#[path = "support/program.rs"]
#[allow(dead_code)]
mod program;

use std::path::{Path, PathBuf};

use clap::Parser;
use program::{bench, number, run, table};
use rewardscope::corpus::{Corpus, PromptSet};
use serde_json::Value;

#[derive(Parser)]
struct Arguments {
    /// A directory in the Hugging Face layout; may be repeated [default: the bundled pair]
    #[arg(long)]
    model: Vec<PathBuf>,
    #[arg(long, default_value = "auto")]
    dtype: String,
    #[arg(long, default_value_t = 3)]
    repeat: usize,
    /// Tokens of the vocabulary to score as words, beside what the corpus predicts
    #[arg(long)]
    vocabulary: Option<u32>,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let mut arguments = Arguments::parse();
    if arguments.model.is_empty() {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
        arguments.model = ["demo-llama", "demo-gemma"].map(|name| models.join(name)).to_vec();
    }
    println!("{}", program::machine());
    for model in &arguments.model {
        println!("\n## {} in {}\n", model.file_name().unwrap_or_default().to_string_lossy(), arguments.dtype);
        let folder = tempfile::tempdir().expect("a folder");
        depth(&arguments, model, folder.path());
        words(&arguments, model, folder.path());
        prompts(&arguments, model);
        if let Some(most) = arguments.vocabulary {
            vocabulary(&arguments, model, most);
        }
    }
}

fn timed(arguments: &Arguments, model: &Path, more: &[&str]) -> Value {
    let (model, repeat) = (model.display().to_string(), arguments.repeat.to_string());
    bench(&[&[&model, "--dtype", &arguments.dtype, "--repeat", &repeat, "--sweep", "none"], more].concat())
}

/// Milliseconds, and a share of the last line's cost for one unit.
fn lines(points: &[(usize, f64)]) -> Vec<Vec<String>> {
    let unit = |(n, seconds): &(usize, f64)| seconds / *n as f64;
    let last = points.last().map_or(f64::NAN, unit);
    let line = |point: &(usize, f64)| {
        let (n, seconds) = *point;
        vec![
            n.to_string(),
            format!("{:.1}", 1e3 * seconds),
            format!("{:.3}", 1e3 * unit(point)),
            format!("{:.2}", unit(point) / last),
        ]
    };
    points.iter().map(line).collect()
}

fn depth(arguments: &Arguments, model: &Path, folder: &Path) {
    let config: Value = read_json(&model.join("config.json"));
    let layers = config["num_hidden_layers"].as_u64().unwrap_or(1) as usize;
    let mut depths: Vec<usize> = [layers / 4, layers / 2, 3 * layers / 4, layers].into_iter().filter(|n| *n > 0).collect();
    depths.dedup();
    let points: Vec<(usize, f64)> = depths
        .into_iter()
        .map(|depth| (depth, number(&timed(arguments, &shallower(model, &config, depth, folder), &[]), "seconds")))
        .collect();
    table(&["layers", "ms", "ms a layer", "of the deepest's"], &lines(&points));
    println!();
}

/// The same files but for a config.json with fewer layers.
fn shallower(model: &Path, config: &Value, layers: usize, folder: &Path) -> PathBuf {
    let to = folder.join(format!("layers-{layers}"));
    std::fs::create_dir(&to).expect("a folder");
    for entry in std::fs::read_dir(model).expect("the model's folder").flatten() {
        if entry.file_name() != "config.json" && entry.path().is_file() {
            let whole = entry.path().canonicalize().expect("a file that is there");
            std::os::unix::fs::symlink(whole, to.join(entry.file_name())).expect("a link");
        }
    }
    let mut config = config.clone();
    config["num_hidden_layers"] = layers.into();
    if let Some(kinds) = config["layer_types"].as_array_mut() {
        kinds.truncate(layers);
    }
    std::fs::write(to.join("config.json"), config.to_string()).expect("written");
    to
}

fn words(arguments: &Arguments, model: &Path, folder: &Path) {
    let corpus = Corpus::load("big-two", None).expect("compiled in");
    let all: Vec<&str> = corpus.words.iter().map(|word| &*word.text).collect();
    let mut rows = Vec::new();
    for every in [8, 4, 2, 1] {
        let some: Vec<&str> = all.iter().copied().step_by(every).collect();
        let path = folder.join(format!("every-{every}.txt"));
        std::fs::write(&path, some.join("\n") + "\n").expect("written");
        let report = timed(arguments, model, &["--words-file", &path.display().to_string()]);
        let (seconds, tokens) = (number(&report, "seconds"), number(&report, "tokens_run"));
        rows.push(vec![
            some.len().to_string(),
            format!("{tokens:.0}"),
            format!("{:.1}", 1e3 * seconds),
            format!("{:.3}", 1e3 * seconds / some.len() as f64),
            format!("{:.3}", 1e3 * seconds / tokens),
        ]);
    }
    table(&["words", "tokens run", "ms", "ms a word", "ms a token"], &rows);
    println!();
}

fn prompts(arguments: &Arguments, model: &Path) {
    let set = PromptSet::with_user(None).expect("compiled in").prompts;
    let seconds = |many: usize| {
        // Nothing may be known from the run before.
        let mut all = vec![
            "score".to_owned(),
            "--no-store".to_owned(),
            model.display().to_string(),
            "--dtype".to_owned(),
            arguments.dtype.clone(),
        ];
        all.extend(["--format", "csv"].map(str::to_owned));
        all.extend(set.iter().take(many).flat_map(|prompt| ["--prompt".to_owned(), prompt.label().to_owned()]));
        let times: Vec<f64> = (0..arguments.repeat).map(|_| run(&program::path(), &all).1).collect();
        program::median(&times)
    };
    let first = seconds(1);
    let points: Vec<(usize, f64)> = [2, 3, 5, 9].into_iter().map(|many| (many - 1, seconds(many) - first)).collect();
    table(&["prompts after the first", "ms", "ms a prompt", "of the last line's"], &lines(&points));
}

fn vocabulary(arguments: &Arguments, model: &Path, most: u32) {
    let report = timed(arguments, model, &[&format!("--vocabulary={most}")]);
    let found = &report["vocabulary"];
    println!();
    table(
        &["words of the vocabulary", "tokens run", "floor", "s", "predicted by the corpus, s", "ratio by words", "by tokens"],
        &[vec![
            format!("{:.0}", number(found, "words")),
            format!("{:.0}", number(found, "tokens_run")),
            format!("{:.0}", number(found, "tokens_floor")),
            format!("{:.1}", number(found, "seconds")),
            format!("{:.1}", number(found, "predicted_s")),
            format!("{:.2}", number(found, "ratio")),
            format!("{:.2}", number(found, "ratio_by_tokens")),
        ]],
    );
}

fn read_json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
