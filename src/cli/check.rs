//! `rewardscope check`: whether a model's numbers can be trusted on this machine. Exit status 0 where no test failed.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::args::{CheckArgs, PageFormat};
use super::score::progress::Progress;
use super::{interrupt, output};
use crate::base::text::visible;
use crate::check::{self, CheckReport, Outcome, Test};
use crate::engine::{Phase, caught};
use crate::model::hub::Look;
use crate::recorded;
use crate::recorded::scores::Recorded;
use crate::report::grid::{Alignment, Document, DocumentFormat};
use crate::session::Session;
use crate::session::failure::Failure;
use crate::sources::locate::{self, Located};
use crate::sources::resolve::ModelSpec;

pub(super) fn run(args: &CheckArgs) -> Result<(), Failure> {
    let session = Session::new()?;
    let specs = session.models(std::slice::from_ref(&args.model))?;
    let [spec] = &specs[..] else {
        return Err(Failure::Use(format!(
            "{}: a directory of recorded scores. A check needs one model with its weights",
            args.model
        )));
    };
    let options = session.catalogue.completed(args.options.over(&session.settings), &spec.source);
    let published = published(args.published.as_deref(), spec, &session)?;
    // A download tells of itself from threads of its own.
    let progress = Mutex::new(Progress::new());
    let line = || progress.lock().unwrap_or_else(PoisonError::into_inner);
    let show = |phase: &Phase| line().show(&spec.name, phase, (1, 1));
    let cancel = interrupt::cancel()?;
    let report = locate::find(spec, &options, Look::Whole, &|progress| show(&progress.into()), &cancel).and_then(|found| {
        found.notes.iter().for_each(|note| output::note(note));
        let Located { files, label, .. } = found;
        let mut loading = |done_bytes, total_bytes| show(&Phase::Loading { done_bytes, total_bytes, fit: None });
        let published = published.as_ref().map_err(Clone::clone);
        caught(&spec.name, || check::run(&files, &label, &options, published, &mut loading, &cancel))
    });
    line().clear();
    let report = report.map_err(interrupt::failure)?;
    output::print(&match args.format {
        PageFormat::Table => table(&report),
        PageFormat::Markdown => page(&report, DocumentFormat::Markdown),
        PageFormat::Latex => page(&report, DocumentFormat::Latex),
        PageFormat::Json => {
            let mut json = serde_json::to_value(&report).map_err(Failure::run)?;
            if let Some(map) = json.as_object_mut() {
                map.insert("program".to_owned(), concat!("rewardscope ", env!("CARGO_PKG_VERSION")).into());
            }
            output::json(&json)?
        }
    })?;
    // The table has said why.
    if report.passed { Ok(()) } else { Err(Failure::Run(String::new())) }
}

/// The study's scores of this model, or why there are none at hand.
fn published(folder: Option<&Path>, spec: &ModelSpec, session: &Session) -> Result<Result<Recorded, String>, Failure> {
    let Some(folder) = folder else { return Ok(Err("no data at hand: --published DIR".to_owned())) };
    if !folder.is_dir() {
        return Err(Failure::Use(format!(
            "{}: no such directory. Give --published the folder of the study's scores",
            folder.display()
        )));
    }
    let Some(entry) = session.catalogue.entry_of(&spec.source) else {
        return Ok(Err("this is none of the study's ten models".to_owned()));
    };
    let files = recorded::list_dir(folder);
    let of_model = |file: &&std::path::PathBuf| recorded::identify(file, &session.catalogue).0 == entry.nickname;
    match files.iter().find(of_model) {
        Some(file) => {
            let (name, _, recorded) = recorded::read(file, &session.catalogue).map_err(Failure::usage)?;
            recorded.notes.iter().for_each(|note| output::note(&format!("{name}: {note}")));
            Ok(Ok(recorded))
        }
        None => Ok(Err(format!("no file of {} in {}", entry.nickname, folder.display()))),
    }
}

fn table(report: &CheckReport) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}", visible(&report.model));
    for fact in &report.found {
        let _ = writeln!(out, "  {:<13} {}", fact.what, visible(&fact.found));
    }
    let figures: Vec<_> = report.tests.iter().map(|test| visible(&test.figure)).collect();
    // A long reason pushes its own meaning aside, not every other.
    let width = figures.iter().map(|figure| figure.chars().count()).filter(|n| *n <= 60).max().unwrap_or(0);
    let _ = writeln!(out, "\n  {:<15} {:<8} {:<width$}  meaning", "test", "result", "figure");
    for (test, figure) in report.tests.iter().zip(figures) {
        let result = in_a_word(test.result);
        let _ = writeln!(out, "  {:<15} {result:<8} {figure:<width$}  {}", test.test, test.meaning);
    }
    let _ = writeln!(out, "\n  {}", counts(report));
    out
}

fn in_a_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "pass",
        Outcome::Fail => "FAIL",
        Outcome::Report => "report",
        Outcome::Skipped => "skipped",
    }
}

fn counts(report: &CheckReport) -> String {
    let count = |outcome| report.tests.iter().filter(|test| test.result == outcome).count();
    let (passed, failed, skipped) = (count(Outcome::Pass), count(Outcome::Fail), count(Outcome::Skipped));
    format!("{passed} passed, {failed} failed, {skipped} skipped")
}

/// The same for a paper.
fn page(report: &CheckReport, format: DocumentFormat) -> String {
    let mut document = Document::new(format);
    document.title(&format!("Check of {}", report.model));
    let facts: Vec<_> = report.found.iter().map(|fact| vec![fact.what.to_string(), fact.found.to_string()]).collect();
    document.table(&["found", ""].map(|name| (name, Alignment::Left)), &facts);
    let row = |test: &Test| {
        vec![test.test.to_string(), in_a_word(test.result).to_owned(), test.figure.to_string(), test.meaning.to_string()]
    };
    let rows: Vec<_> = report.tests.iter().map(row).collect();
    document.table(&["test", "result", "figure", "meaning"].map(|name| (name, Alignment::Left)), &rows);
    document.paragraph(&format!("{}.", counts(report)));
    document.finish()
}
