//! Rewardscope beside PyTorch and transformers on one checkpoint, turn by turn: words a second, memory, time to the first
//! score, and how far the scores are apart.
//!
//! ```sh
//! cargo bench --bench against_transformers -- --peer baseline_transformers.py --python venv/bin/python \
//!     --model path/to/checkpoint --words nouns.csv --dtype bf16
//! ```
//!
//! The peer scores words in two modes, `full` (each conversation whole, as the published scripts do) and `prefix` (keys and
//! values of the prompt reused), and prints one JSON line. Both sides get the same tokens: two BOS, as published. A run of the
//! peer that had fewer than nine tenths of its threads is thrown away and made again, for a busy neighbour slows it out of
//! proportion; ours count as they come. `REWARDSCOPE_BINARY` measures another build.

#![allow(clippy::panic)]

#[path = "support/program.rs"]
#[allow(dead_code)]
mod program;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use clap::Parser;
use program::{median, number, run, table};
use rewardscope::stats::spearman;
use serde_json::Value;

/// Runs thrown away before a busy machine is given up.
const MOST_REJECTED: usize = 10;
const PROMPT: &str = "What, in one word, is the greatest thing ever?";

#[derive(Parser)]
struct Arguments {
    /// Script of the peer
    #[arg(long)]
    peer: PathBuf,
    /// Python that has torch and transformers
    #[arg(long)]
    python: PathBuf,
    #[arg(long)]
    model: String,
    /// CSV or one word a line
    #[arg(long)]
    words: String,
    #[arg(long, default_value = "bf16")]
    dtype: String,
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Turns of all sides
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Timed runs within a turn
    #[arg(long, default_value_t = 3)]
    repeat: usize,
    /// Words that the peer's slow mode is given
    #[arg(long, default_value_t = 32)]
    limit: usize,
    /// Processors that the peer must have had in each of its runs [default: 0.9 of the threads]
    #[arg(long)]
    cores: Option<f64>,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

/// The figures of one side, one for each round.
#[derive(Default)]
struct Side(Vec<Value>);

impl Side {
    fn median(&self, key: &str) -> f64 {
        median(&self.0.iter().map(|report| number(report, key)).collect::<Vec<_>>())
    }
}

fn main() {
    let arguments = Arguments::parse();
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no folder: {error}"));
    let theirs_out = folder.path().join("theirs.csv");
    let (mut ours, mut prefix, mut full) = (Side::default(), Side::default(), Side::default());
    let (mut our_first, mut their_first) = (Vec::new(), Vec::new());
    let mut rejected = 0;
    for round in 1..=arguments.rounds {
        eprintln!("round {round} of {}", arguments.rounds);
        ours.0.push(our_report(&arguments));
        prefix.0.push(quiet(&arguments, &mut rejected, || peer(&arguments, "prefix", None, Some(&theirs_out)).0));
        full.0.push(quiet(&arguments, &mut rejected, || peer(&arguments, "full", Some(arguments.limit), None).0));
        our_first.push(our_scores(&arguments, &["--word", "love"]).1);
        their_first.push(peer(&arguments, "full", Some(1), None).1);
    }
    let (scores, _) = our_scores(&arguments, &["--words-file", &words_file(&arguments, folder.path())]);

    let at = |side: &Side, key: &str, digits: usize| format!("{:.digits$}", side.median(key));
    let percent = |side: &Side, key: &str| format!("{:.1} %", 100.0 * side.median(key));
    let memory = |bytes: f64| format!("{:.2} GB", bytes / 1e9);
    let ratio = |theirs: &Side| format!("{:.2} ×", ours.median("words_per_s") / theirs.median("words_per_s"));
    let (our_rss, peer_rss) = (ours.median("peak_rss_bytes"), prefix.median("peak_rss_mib") * f64::from(1 << 20));
    let dash = || "–".to_owned();
    println!("{}", program::machine());
    let versions = prefix.0.first().map(|report| (report["torch"].clone(), report["transformers"].clone()));
    if let Some((torch, transformers)) = versions {
        println!("torch {torch}, transformers {transformers}; {} of {} threads", arguments.dtype, arguments.threads);
    }
    println!("{} rounds of {} runs, {rejected} runs thrown away for want of a processor\n", arguments.rounds, arguments.repeat);
    let (first, peer_first) = (median(&our_first), median(&their_first));
    table(
        &["", "rewardscope", "transformers, prefix reused", "transformers, published way"],
        &[
            vec!["words/s".into(), at(&ours, "words_per_s", 1), at(&prefix, "words_per_s", 1), at(&full, "words_per_s", 2)],
            vec!["rewardscope is faster by".into(), dash(), ratio(&prefix), ratio(&full)],
            vec!["words".into(), at(&ours, "words", 0), at(&prefix, "words", 0), at(&full, "words", 0)],
            vec!["tokens run".into(), at(&ours, "tokens_run", 0), at(&prefix, "tokens_run", 0), at(&full, "tokens_run", 0)],
            vec!["floor of tokens".into(), at(&ours, "tokens_floor", 0), dash(), dash()],
            vec!["share of the CPU's peak".into(), percent(&ours, "share_of_peak"), dash(), dash()],
            vec!["share of it by the weight matrices alone".into(), percent(&ours, "linears_share_of_peak"), dash(), dash()],
            vec!["peak memory".into(), memory(our_rss), memory(peer_rss), dash()],
            vec![
                "peak memory / checkpoint".into(),
                at(&ours, "peak_rss_of_checkpoint", 2),
                format!("{:.2}", peer_rss / ours.median("checkpoint_bytes")),
                dash(),
            ],
            vec!["loading, s".into(), at(&ours, "load_s", 2), at(&prefix, "load_s", 2), at(&full, "load_s", 2)],
            vec!["a plain read of the file, s".into(), at(&ours, "plain_read_s", 2), dash(), dash()],
            vec!["one word, start to end of the process, s".into(), format!("{first:.2}"), dash(), format!("{peer_first:.2}")],
            vec!["the same, as a share of theirs".into(), format!("{:.2}", first / peer_first), dash(), dash()],
        ],
    );
    compare(&scores, &theirs_out);
}

/// Runs until a run had its processors to itself.
fn quiet(arguments: &Arguments, rejected: &mut usize, mut measure: impl FnMut() -> Value) -> Value {
    let enough = arguments.cores.unwrap_or(0.9 * arguments.threads as f64);
    loop {
        let report = measure();
        let cores: Vec<f64> = report["cores_got"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
        if cores.iter().all(|cores| *cores >= enough) {
            return report;
        }
        *rejected += 1;
        assert!(*rejected < MOST_REJECTED, "the machine is busy: of {} threads the last run got {cores:?}", arguments.threads);
        eprintln!("thrown away: {cores:?} processors");
    }
}

fn options(arguments: &Arguments) -> Vec<String> {
    let threads = arguments.threads.to_string();
    let options =
        [&arguments.model, "--dtype", &arguments.dtype, "--threads", &threads, "--bos", "published", "--prompt", PROMPT];
    options.map(str::to_owned).to_vec()
}

fn our_report(arguments: &Arguments) -> Value {
    let mut all = options(arguments);
    let repeat = arguments.repeat.to_string();
    all.extend(["--corpus", &arguments.words, "--sweep", "none", "--repeat", &repeat].map(str::to_owned));
    program::bench(&all.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Words with their scores, and the seconds of the whole process.
fn our_scores(arguments: &Arguments, words: &[&str]) -> (String, f64) {
    // Nothing may be known from the run before.
    let mut all = vec!["score".to_owned(), "--no-store".to_owned()];
    all.extend(options(arguments));
    all.extend(words.iter().map(|word| (*word).to_owned()));
    all.extend(["--format", "csv"].map(str::to_owned));
    run(&program::path(), &all)
}

fn peer(arguments: &Arguments, mode: &str, limit: Option<usize>, out: Option<&Path>) -> (Value, f64) {
    let text = |path: &Path| path.display().to_string();
    let mut all =
        vec![text(&arguments.peer), "--model".into(), arguments.model.clone(), "--words".into(), arguments.words.clone()];
    all.extend(["--dtype", &arguments.dtype, "--mode", mode, "--prompt", PROMPT].map(str::to_owned));
    all.extend(["--threads".into(), arguments.threads.to_string()]);
    let repeat = if limit == Some(1) { 1 } else { arguments.repeat };
    all.extend(["--repeat".into(), repeat.to_string()]);
    all.extend(limit.into_iter().flat_map(|limit| ["--limit".to_owned(), limit.to_string()]));
    all.extend(out.into_iter().flat_map(|out| ["--out".to_owned(), text(out)]));
    let (line, seconds) = run(&text(&arguments.python), &all);
    let report = serde_json::from_str(line.lines().last().unwrap_or_default());
    (report.unwrap_or_else(|error| panic!("no line of the peer: {error} in {line}")), seconds)
}

/// The words that the peer read, one a line.
fn words_file(arguments: &Arguments, folder: &Path) -> String {
    let words = rewardscope::corpus::Corpus::load(&arguments.words, None);
    let words = words.unwrap_or_else(|error| panic!("{error}"));
    let path = folder.join("words.txt");
    let lines: String = words.words.iter().map(|word| format!("{}\n", word.text)).collect();
    std::fs::write(&path, lines).unwrap_or_else(|error| panic!("{error}"));
    path.display().to_string()
}

fn compare(ours: &str, theirs: &Path) {
    let theirs = std::fs::read_to_string(theirs).unwrap_or_else(|error| panic!("{error}"));
    let theirs: HashMap<String, f64> = scores(&theirs).collect();
    let pairs = scores(ours).filter_map(|(word, score)| Some((score, *theirs.get(&word)?)));
    let (ours, theirs): (Vec<f64>, Vec<f64>) = pairs.unzip();
    let largest = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    if let Some((correlation, n)) = spearman(&ours, &theirs) {
        println!("\nScores of both over {n} words: rank correlation {correlation:.5}, largest difference {largest:.2e}");
    }
}

/// Columns `word` and `score` of a CSV file with a header.
fn scores(text: &str) -> impl Iterator<Item = (String, f64)> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let head = reader.headers().cloned().unwrap_or_default();
    let column = |name| head.iter().position(|column| column == name);
    let columns = column("word").zip(column("score"));
    let rows: Vec<(String, f64)> = reader
        .records()
        .flatten()
        .filter_map(|row| {
            let (word, score) = columns?;
            Some((row.get(word)?.to_owned(), row.get(score)?.parse().ok()?))
        })
        .collect();
    rows.into_iter()
}
