//! How fast a model scores on this machine, and how near that comes to what the machine can do.
//!
//! The words go through the same batches as everywhere else. `cost` counts what must be computed, `run` times it,
//! `products` says what the CPU does with matrices and in registers, `process` what the system knows of this process.
//! Nothing here prints.

mod cost;
mod process;
mod products;
mod run;

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use crate::engine::scorer::Scorer;
use crate::engine::{Fit, vocabulary};
use crate::kernels::operations_per_second;
use crate::model::format::files::{Files, SourceLabel};
use crate::model::{Cancel, LoadOptions, ModelError, Provenance};
use crate::stats::median;

pub use cost::Operations;
pub use process::started;
use run::{TimedRun, Timer};

/// How long each batch size of the sweep is run at most, in seconds.
const SWEEP_SECONDS: f64 = 2.0;
const GIGA: f64 = 1e9;

/// What is measured.
#[derive(Clone, Debug)]
pub struct BenchOptions {
    /// Timed runs of the whole corpus, after one that is not counted.
    pub repeats: usize,
    /// Nodes in a batch, each measured; empty for no sweep.
    pub sweep: Vec<usize>,
    /// Tokens of the vocabulary to score as words, spread evenly over it; none for no such run.
    pub vocabulary: Option<usize>,
}

/// The words of one prompt.
#[derive(Clone, Debug)]
pub struct Question {
    /// The name of the word list.
    pub corpus: String,
    /// The prompt's key, or its text where it has none.
    pub prompt: String,
    /// The user's turn.
    pub prompt_text: Arc<str>,
    /// The words that are scored.
    pub words: Vec<Arc<str>>,
}

/// Where the measurement is.
#[derive(Clone, Copy, Debug)]
pub enum Stage {
    /// Weights are being read.
    Loading {
        /// Bytes read so far.
        done: u64,
        /// Bytes of all weights.
        total: u64,
        /// Memory that the model is expected to take.
        fit: Fit,
    },
    /// One of the measurements runs.
    Running {
        /// Its name.
        what: &'static str,
        /// Its number, from 1.
        at: usize,
        /// How many there are of its kind.
        of: usize,
    },
}

/// All measurements, in the order of the printed report. Times are in seconds, rates per second, memory in bytes.
#[derive(Clone, Debug, Serialize)]
pub struct BenchReport {
    /// Name and version of the program that measured.
    pub program: &'static str,
    /// The model's name.
    pub model: String,
    /// The name of the word list.
    pub corpus: String,
    /// The prompt's key, or its text where it has none.
    pub prompt: String,
    /// Threads that multiplied.
    pub threads: usize,
    /// Words of the corpus that have a score.
    pub words: usize,
    /// Words that the model cannot be timer.
    pub unscorable: usize,
    /// Median of `runs`.
    pub seconds: f64,
    /// The whole corpus, its prompt's prefix included, loading excluded.
    pub runs: Vec<f64>,
    /// Processors that each of the runs had on average: below `threads` where others took some.
    pub cores_got: Vec<Option<f64>>,
    /// Words a second, in the median run.
    pub words_per_s: f64,
    /// Tokens a second, in the median run.
    pub tokens_per_s: f64,
    /// Tokens that ran in each of the runs.
    pub tokens_run: u64,
    /// The prompt's prefix and the distinct nodes behind it.
    pub tokens_floor: u64,
    /// Tokens of all conversations, each run on its own.
    pub tokens_whole: u64,
    /// `tokens_whole - tokens_run`.
    pub tokens_saved: u64,
    /// Of the tokens that ran.
    pub operations: Operations,
    /// Of the floor.
    pub operations_floor: Operations,
    /// Operations a second, in units of 10⁹.
    pub gflops: f64,
    /// What the CPU reaches in registers, in the dtype of the products; none for another device.
    pub peak_gflops: Option<f64>,
    /// `gflops / peak_gflops`.
    pub share_of_peak: Option<f64>,
    /// One layer's weight matrices alone, by the kernels that score with them, on as many rows as a batch had.
    pub linears_gflops: Option<f64>,
    /// `linears_gflops / peak_gflops`.
    pub linears_share_of_peak: Option<f64>,
    /// Tokens run in the first run, by its steps.
    pub nodes_in_a_batch: usize,
    /// Speed by the size of batches.
    pub sweep: Vec<BatchSize>,
    /// Speed over the model's vocabulary, where that was asked for.
    pub vocabulary: Option<Vocabulary>,
    /// Bytes of the files of weights.
    pub checkpoint_bytes: u64,
    /// What weights and batches were expected to take before anything was loaded.
    pub estimated_bytes: u64,
    /// The most that this process held until the runs of the corpus were done; none where the system does not tell.
    pub peak_rss_bytes: Option<u64>,
    /// `peak_rss_bytes / checkpoint_bytes`.
    pub peak_rss_of_checkpoint: Option<f64>,
    /// How long the load took.
    pub load_s: f64,
    /// From the start of the process to the first score.
    pub time_to_first_word_s: f64,
    /// Reading the files of weights from end to end, after everything else; none where they are compiled in.
    pub plain_read_s: Option<f64>,
    /// How the model computed.
    pub provenance: Provenance,
}

/// One line of the sweep, the prompt's prefix standing.
#[derive(Clone, Debug, Serialize)]
pub struct BatchSize {
    /// Nodes timer for.
    pub nodes: usize,
    /// Nodes that a batch came to on average: a word is never torn apart, and the last batch may be small.
    pub nodes_run: f64,
    /// Words that were scored.
    pub words: usize,
    /// How long they took.
    pub seconds: f64,
    /// Words a second.
    pub words_per_s: f64,
    /// Tokens a second.
    pub tokens_per_s: f64,
}

/// The speed over the vocabulary, compared with the speed over the word list.
#[derive(Clone, Debug, Serialize)]
pub struct Vocabulary {
    /// Tokens that were scored as words.
    pub words: usize,
    /// Tokens that cannot be asked.
    pub unscorable: usize,
    /// How long they took.
    pub seconds: f64,
    /// Words a second.
    pub words_per_s: f64,
    /// Tokens that ran.
    pub tokens_run: u64,
    /// The least tokens that can run for these words.
    pub tokens_floor: u64,
    /// As many words at the corpus's rate.
    pub predicted_s: f64,
    /// `seconds / predicted_s`.
    pub ratio: f64,
    /// The same by tokens run: a word of the vocabulary is one token, and shares less.
    pub ratio_by_tokens: f64,
}

/// Loads the model and measures it. Takes as long as loading, `repeats + 1` runs of the words and the sweep.
///
/// # Errors
/// A model that cannot be loaded, or that can score none of the words; and [`ModelError::Cancelled`].
pub fn run(
    files: &Files,
    label: &SourceLabel,
    load: &LoadOptions,
    question: &Question,
    options: &BenchOptions,
    tell: &mut (dyn FnMut(Stage) + Send),
    cancel: &Cancel,
) -> Result<BenchReport, ModelError> {
    let weights = files.weight_files()?;
    let mut progress = |done, total, fit| tell(Stage::Loading { done, total, fit });
    let scorer = Scorer::load(files, label, load, &mut progress, cancel)?;
    let model = &scorer.model;
    if model.decoder().way() == "stock" {
        let problem = "is computed by candle-transformers, whose operations are not those that are counted here";
        return Err(ModelError::unsupported(
            &label.name,
            problem,
            "Take a model of an architecture that this program computes itself",
        ));
    }
    let timer = Timer { scorer: &scorer, prompt: &question.prompt_text };
    let first = timer.first(&question.words)?;
    if first.run.words == 0 {
        let why = first.unscorable.unwrap_or_else(|| "there are none".to_owned());
        return Err(ModelError::unsupported(&label.name, format!("none of the words can be scored: {why}"), "Choose others"));
    }
    let runs = (0..options.repeats).map(|i| {
        tell(Stage::Running { what: "run", at: i + 1, of: options.repeats });
        timer.run(&question.words)
    });
    let runs: Vec<TimedRun> = runs.collect::<Result<_, _>>()?;
    // What follows takes memory that scoring does not.
    let peak_rss_bytes = process::peak_rss_bytes();
    let on_cpu = model.decoder().device().is_cpu();
    tell(Stage::Running { what: "peak", at: 1, of: 1 });
    let info = model.info();
    let dtype = info.provenance.dtype.known().filter(|_| on_cpu);
    let element = dtype.and_then(|dtype| products::element(*dtype));
    let peak = element.map(operations_per_second);
    let rows = (first.run.tokens_run as f64 / first.run.steps.max(1) as f64).round() as usize;
    let linears = element.map(|element| products::linears(model.decoder().config(), rows, element));
    let mut sweep = Vec::new();
    for (i, &nodes) in options.sweep.iter().enumerate() {
        tell(Stage::Running { what: "batch size", at: i + 1, of: options.sweep.len() });
        sweep.push(timer.in_batches_of(nodes, &question.words, SWEEP_SECONDS)?);
    }

    let seconds = median(runs.iter().map(|run| run.seconds)).unwrap_or(first.run.seconds);
    let TimedRun { words, unscorable, tokens_run, .. } = first.run;
    let floor = first.floor;
    let operations = floor.scaled(tokens_run).operations(model.decoder().config(), first.output_rows);
    let rate = operations.total() / seconds;
    let mut report = BenchReport {
        program: concat!("rewardscope ", env!("CARGO_PKG_VERSION")),
        model: label.name.clone(),
        corpus: question.corpus.clone(),
        prompt: question.prompt.clone(),
        threads: rayon::current_num_threads(),
        words,
        unscorable,
        seconds,
        runs: runs.iter().map(|run| run.seconds).collect(),
        cores_got: runs.iter().map(|run| run.cores).collect(),
        words_per_s: words as f64 / seconds,
        tokens_per_s: tokens_run as f64 / seconds,
        tokens_run,
        tokens_floor: floor.tokens,
        tokens_whole: floor.whole,
        tokens_saved: floor.whole.saturating_sub(tokens_run),
        operations,
        operations_floor: floor.operations(model.decoder().config(), first.output_rows),
        gflops: rate / GIGA,
        peak_gflops: peak.map(|peak| peak / GIGA),
        share_of_peak: peak.map(|peak| rate / peak),
        linears_gflops: linears.map(|linears| linears / GIGA),
        linears_share_of_peak: linears.zip(peak).map(|(linears, peak)| linears / peak),
        nodes_in_a_batch: rows,
        sweep,
        vocabulary: None,
        checkpoint_bytes: weights.bytes,
        estimated_bytes: scorer.fit.needed_bytes(),
        peak_rss_bytes,
        peak_rss_of_checkpoint: peak_rss_bytes.map(|peak| peak as f64 / weights.bytes.max(1) as f64),
        load_s: scorer.load_seconds,
        time_to_first_word_s: first.age.as_secs_f64(),
        plain_read_s: None,
        provenance: info.provenance.clone(),
    };
    if let Some(most) = options.vocabulary {
        tell(Stage::Running { what: "vocabulary", at: 1, of: 1 });
        report.vocabulary = Some(vocabulary_run(files, &timer, most, &report)?);
    }
    tell(Stage::Running { what: "plain read", at: 1, of: 1 });
    if !weights.on_disk.is_empty() {
        let read = process::read_seconds(&weights.on_disk, cancel);
        report.plain_read_s = Some(read.map_err(|error| unreadable(&weights.on_disk, &error))?);
    }
    cancel.check()?;
    Ok(report)
}

fn vocabulary_run(files: &Files, timer: &Timer<'_>, most: usize, report: &BenchReport) -> Result<Vocabulary, ModelError> {
    let corpus = vocabulary::read(files)?;
    let every = corpus.words.len().div_ceil(most.max(1)).max(1);
    let words: Vec<Arc<str>> = corpus.words.iter().step_by(every).map(|word| word.text.clone()).collect();
    let (TimedRun { words, unscorable, seconds, tokens_run, .. }, floor) = timer.with_floor(&words)?;
    let predicted_s = words as f64 / report.words_per_s;
    Ok(Vocabulary {
        words,
        unscorable,
        seconds,
        words_per_s: words as f64 / seconds,
        tokens_run,
        tokens_floor: floor.tokens,
        predicted_s,
        ratio: seconds / predicted_s,
        ratio_by_tokens: seconds / (tokens_run as f64 / report.tokens_per_s),
    })
}

fn unreadable(files: &[PathBuf], error: &std::io::Error) -> ModelError {
    let file = files.first().cloned().unwrap_or_default();
    ModelError::file(file, format!("cannot be read again: {error}"), "Leave it in its place while it is measured")
}
