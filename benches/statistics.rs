//! How long the statistics of ten models take, from the start of the program to its end: 54 prompts, 2,040 words, recorded
//! as the study's authors publish scores.
//!
//! ```sh
//! cargo bench --bench statistics
//! ```
//!
//! `REWARDSCOPE_BINARY` measures another build of the program. Scores are random, rounded to three decimals so that there are
//! ties; families and framings are told apart a little.

#![allow(clippy::expect_used, clippy::panic)]

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rewardscope::base::terms::Framing;
use rewardscope::corpus::PromptSet;

const RUNS: usize = 7;
const WORDS: usize = 2_040;
const CATEGORIES: [&str; 5] = ["Authority", "Care", "Fairness", "Loyalty", "Sanctity"];

fn main() {
    let program = std::env::var("REWARDSCOPE_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_rewardscope").to_owned());
    let folder = tempfile::tempdir().expect("a folder");
    let corpus = folder.path().join("words.csv");
    std::fs::write(&corpus, list()).expect("a list");
    let scores = folder.path().join("scores");
    std::fs::create_dir(&scores).expect("a folder");
    for model in 0..10 {
        let family = if model < 4 { "gemma" } else { "llama" };
        std::fs::write(scores.join(format!("{family}-{model}.csv")), recorded(model)).expect("scores");
    }
    for (what, more) in [
        ("stats, as it is", &[][..]),
        ("stats with categories folded", &["--category-prefix"]),
        ("stats without permutations and intervals", &["--replicates", "0"]),
    ] {
        let mut times: Vec<Duration> = (0..RUNS).map(|_| run(&program, &scores, &corpus, more)).collect();
        times.sort_unstable();
        let (least, median, most) = (times[0], times[RUNS / 2], times[RUNS - 1]);
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        println!("{what:<42} {:>7.0} ms  ({:.0} to {:.0}, {RUNS} runs)", ms(median), ms(least), ms(most));
    }
}

fn run(program: &str, scores: &Path, corpus: &Path, more: &[&str]) -> Duration {
    let started = Instant::now();
    let output = Command::new(program)
        .arg("stats")
        .arg(scores)
        .arg("--corpus")
        .arg(corpus)
        .args(["--format", "json"])
        .args(more)
        .env("REWARDSCOPE_CONFIG", scores)
        .env("REWARDSCOPE_STORE", corpus.with_file_name("scores.sqlite"))
        .stdin(Stdio::null())
        .output()
        .expect("the program runs");
    let took = started.elapsed();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.len() > 100_000, "a report has its cells");
    took
}

/// Words in the ten categories of moral foundations, a few in two of them.
fn list() -> String {
    let mut text = "word,category\n".to_owned();
    for i in 0..WORDS {
        let side = if i % 2 == 0 { "Virtue" } else { "Vice" };
        let _ = writeln!(text, "word{i},{}_{side}", CATEGORIES[i % 5]);
        if i % 20 == 0 {
            let _ = writeln!(text, "word{i},{}_{side}", CATEGORIES[(i + 1) % 5]);
        }
    }
    text
}

fn recorded(model: u64) -> String {
    let mut random = ChaCha8Rng::seed_from_u64(model);
    let prompts = PromptSet::builtin().expect("the study's prompts").prompts;
    let labels: Vec<&str> = prompts.iter().map(|prompt| prompt.label()).collect();
    let mut text = format!("response,{}\n", labels.join(","));
    let taste: Vec<f64> = (0..5).map(|_| random.random_range(-0.5..0.5)).collect();
    for i in 0..WORDS {
        let _ = write!(text, "word{i}");
        for prompt in &prompts {
            let turned = if prompt.framing == Some(Framing::Negative) { -1.0 } else { 1.0 };
            let score: f64 = random.random_range(-6.0..6.0) + turned * taste[i % 5];
            let _ = write!(text, ",{score:.3}");
        }
        text.push('\n');
    }
    text
}
