//! `rewardscope bench`: how fast a model scores on this machine. Standard output holds the report alone.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use super::args::{BenchArgs, ListFormat};
use super::score::progress::Progress;
use super::{interrupt, output};
use crate::base::text::{bytes, count, visible};
use crate::bench::{self, BenchOptions, BenchReport, Question, Stage};
use crate::engine::{Phase, caught};
use crate::model::hub::Look;
use crate::session::Session;
use crate::session::arguments::WordArgs;
use crate::session::failure::Failure;
use crate::sources::locate::{self, Located};

pub(super) fn run(args: &BenchArgs) -> Result<(), Failure> {
    let session = Session::new()?;
    let specs = session.models(std::slice::from_ref(&args.model))?;
    let [spec] = &specs[..] else {
        return Err(Failure::Use(format!("{}: a directory of recorded scores. Name one model with its weights", args.model)));
    };
    let load = session.catalogue.completed(args.options.over(&session.settings), &spec.source);
    let question = question(args, &session)?;
    let options = BenchOptions {
        repeats: args.repeat.into(),
        sweep: args.sweep.0.clone(),
        vocabulary: args.vocabulary.map(|most| most as usize),
    };
    // A download tells of itself from threads of its own.
    let progress = Mutex::new(Progress::new());
    let line = || progress.lock().unwrap_or_else(PoisonError::into_inner);
    let show = |phase: &Phase| line().show(&spec.name, phase, (1, 1));
    let mut tell = |stage| match stage {
        Stage::Loading { done, total, fit } => show(&Phase::Loading { done_bytes: done, total_bytes: total, fit: Some(fit) }),
        Stage::Running { what, at, of } => line().say(&spec.name, &format!("measuring: {what} {at} of {of}")),
    };
    let cancel = interrupt::cancel()?;
    let report = locate::find(spec, &load, Look::Brief, &|progress| show(&progress.into()), &cancel).and_then(|found| {
        found.notes.iter().for_each(|note| output::note(note));
        let Located { files, label, .. } = found;
        caught(&spec.name, || bench::run(&files, &label, &load, &question, &options, &mut tell, &cancel))
    });
    line().clear();
    let report = report.map_err(interrupt::failure)?;
    output::print(&match args.format {
        ListFormat::Table => table(&report),
        ListFormat::Json => output::json(&report)?,
    })
}

fn question(args: &BenchArgs, session: &Session) -> Result<Question, Failure> {
    let words = WordArgs {
        corpus: args.corpus.clone(),
        word: Vec::new(),
        words_file: args.words_file.clone(),
        vocabulary: false,
        prompt: Vec::from_iter(args.prompt.clone()),
    };
    let corpus = match session.words(&words)? {
        Some(corpus) => corpus,
        None => session.default_corpus()?,
    };
    let prompts = session.prompts(&words.prompt)?;
    let [prompt] = &prompts[..] else {
        return Err(Failure::Use(format!("{} prompts: one is measured at a time", prompts.len())));
    };
    Ok(Question {
        corpus: corpus.name.clone(),
        prompt: prompt.label().to_owned(),
        prompt_text: prompt.text.clone(),
        words: corpus.words.iter().map(|word| word.text.clone()).collect(),
    })
}

fn table(report: &BenchReport) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}", visible(&report.model));
    let _ = writeln!(out, "{}", visible(&report.provenance.summary()));
    let _ = writeln!(out, "dtype: {}", visible(&report.provenance.dtype_reason));
    let _ = writeln!(out, "{} at {}, {} threads\n", visible(&report.corpus), visible(&report.prompt), report.threads);
    for (what, found) in facts(report) {
        let _ = writeln!(out, "  {what:<14} {found}");
    }
    if !report.sweep.is_empty() {
        let _ = writeln!(out, "\n  {:>10} {:>11} {:>10} {:>10}", "batch size", "nodes run", "words/s", "tokens/s");
    }
    for size in &report.sweep {
        let (words, tokens) = (size.words_per_s, size.tokens_per_s);
        let _ = writeln!(out, "  {:>10} {:>11.1} {words:>10.1} {tokens:>10.1}", size.nodes, size.nodes_run);
    }
    out
}

fn facts(r: &BenchReport) -> Vec<(&'static str, String)> {
    let whole = |n: u64| count(n as usize);
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let left_out = if r.unscorable > 0 { format!(", {} more cannot be asked", count(r.unscorable)) } else { String::new() };
    let runs: Vec<String> = r.runs.iter().map(|seconds| format!("{seconds:.3}")).collect();
    let least_cores = r.cores_got.iter().flatten().copied().fold(f64::INFINITY, f64::min);
    let cores = if least_cores.is_finite() { format!(", {least_cores:.2} cores at least") } else { String::new() };
    let mut facts = vec![
        ("words", format!("{}{left_out}", count(r.words))),
        ("seconds", format!("{:.3} (median of {}{cores})", r.seconds, runs.join(", "))),
        ("words/s", format!("{:.1}", r.words_per_s)),
        ("tokens/s", format!("{:.1}", r.tokens_per_s)),
        (
            "tokens run",
            format!(
                "{} of {} (floor {}, {} above it)",
                whole(r.tokens_run),
                whole(r.tokens_whole),
                whole(r.tokens_floor),
                percent(r.tokens_run as f64 / r.tokens_floor.max(1) as f64 - 1.0)
            ),
        ),
        (
            "operations",
            format!(
                "{:.1} GFLOP, {} of them attention; floor {:.1}",
                r.operations.total() / 1e9,
                percent(r.operations.attention / r.operations.total()),
                r.operations_floor.total() / 1e9
            ),
        ),
    ];
    let speed = match (r.peak_gflops, r.share_of_peak) {
        (Some(peak), Some(share)) => format!("{:.1} GFLOP/s, {} of {peak:.1} in registers", r.gflops, percent(share)),
        _ => format!("{:.1} GFLOP/s", r.gflops),
    };
    facts.push(("speed", speed));
    if let (Some(linears), Some(share)) = (r.linears_gflops, r.linears_share_of_peak) {
        let nodes = r.nodes_in_a_batch;
        facts.push(("", format!("{linears:.1} GFLOP/s, {} by the weight matrices alone on {nodes} rows", percent(share))));
    }
    let peak = match (r.peak_rss_bytes, r.peak_rss_of_checkpoint) {
        (Some(peak), Some(share)) => format!("{} at most, {share:.2} × the checkpoint", bytes(peak)),
        _ => "not told by this system".to_owned(),
    };
    facts.push(("memory", format!("{peak}; about {} expected", bytes(r.estimated_bytes))));
    let read = r.plain_read_s.map(|s| format!("; a plain read takes {s:.2} s")).unwrap_or_default();
    facts.push(("checkpoint", format!("{}{read}", bytes(r.checkpoint_bytes))));
    facts.push(("loading", format!("{:.2} s; first score {:.2} s after the start", r.load_s, r.time_to_first_word_s)));
    if let Some(v) = &r.vocabulary {
        facts.push(("vocabulary", format!("{} words in {:.2} s, {:.1} words/s", count(v.words), v.seconds, v.words_per_s)));
        facts.push((
            "",
            format!(
                "{:.2} × what the corpus predicts by words ({:.2} s), {:.2} × by tokens",
                v.ratio, v.predicted_s, v.ratio_by_tokens
            ),
        ));
        facts.push(("", format!("{} tokens run, floor {}", whole(v.tokens_run), whole(v.tokens_floor))));
    }
    facts
}
