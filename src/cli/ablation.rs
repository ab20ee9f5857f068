//! `rewardscope ablation`: trainings followed over their checkpoints.

use std::fmt::Write as _;
use std::path::Path;

use super::args::{AblationArgs, TextFormat};
use super::output;
use crate::base::text::{visible, visible_word};
use crate::base::text_file::stem;
use crate::corpus::Corpus;
use crate::recorded::trainings::{self, Words};
use crate::report::figure;
use crate::report::figure::LinesFigure;
use crate::session::failure::Failure;
use crate::session::{DEFAULT_CORPUS, Session};
use crate::stats::ablation::{Ablation, Run, Training};
use crate::tables::long::rank_text;

pub(super) fn run(args: &AblationArgs) -> Result<(), Failure> {
    let session = Session::new()?;
    let (output, figure) = output::output_and_figure(args.output.as_deref(), args.figure.as_deref(), args.force)?;
    let format = TextFormat::of(args.format, &output)?;
    let corpus = corpus(args, &session)?;
    let only = args.only_words.as_deref().map(Corpus::of_file).transpose().map_err(Failure::usage)?;
    let words = Words { corpus: &corpus, variants: args.variants, only: only.as_ref() };
    let data = args.data.iter().map(|text| Data::parse(text)).collect::<Result<Vec<_>, _>>()?;
    let (mut runs, mut notes) = (Vec::new(), Vec::new());
    for file in trainings::files(&args.files).map_err(Failure::usage)? {
        let (found, told) = trainings::read(&file, &words, &session.catalogue).map_err(Failure::usage)?;
        runs.extend(found);
        notes.extend(told);
    }
    let mut unused: Vec<&Data> = data.iter().collect();
    for run in &mut runs {
        for of in &data {
            if !of.is_of(&run.training) {
                continue;
            }
            of.apply(&mut run.training);
            unused.retain(|other| other.file != of.file);
        }
        run.moved.truncate(args.moved);
    }
    if let Some(unused) = unused.first() {
        return Err(Failure::Use(format!(
            "--data {}: none of the files is called that. Give a file's name without its folder",
            unused.file
        )));
    }
    notes.splice(0..0, corpus.notes_when_expanded().map(|note| format!("{}: {note}", corpus.name)));
    let found = Ablation::new(runs, notes);
    let text = match format {
        TextFormat::Table => table(&found),
        TextFormat::Csv => csv(&found, output.is_terminal())?,
        TextFormat::Json => output::json(&found)?,
    };
    for note in &found.notes {
        output::note(note);
    }
    output::draw(figure, || figure::lines(&LinesFigure::new(&found)))?;
    output::write(output, text.as_bytes(), None)
}

fn corpus(args: &AblationArgs, session: &Session) -> Result<Corpus, Failure> {
    let mut names = args.corpus.iter().map(String::as_str);
    let mut corpus = session.corpus(names.next().unwrap_or(DEFAULT_CORPUS))?;
    for name in names {
        corpus.merge(session.corpus(name)?);
    }
    Ok(corpus)
}

/// What `--data` says of a file.
struct Data {
    file: String,
    size: Option<f64>,
    source: Option<String>,
    method: Option<String>,
}

impl Data {
    fn parse(text: &str) -> Result<Data, Failure> {
        let wrong = || Failure::Use(format!("--data {text}: write it as FILE=SIZE,SOURCE,METHOD, as in runs.csv=80,skywork,BT"));
        let (file, said) = text.split_once('=').ok_or_else(wrong)?;
        let mut parts = said.splitn(3, ',').map(|part| Some(part.trim().to_owned()).filter(|part| !part.is_empty()));
        let size = match parts.next().flatten() {
            None => None,
            Some(size) => Some(size.trim_end_matches(['k', 'K']).parse().ok().filter(|n: &f64| *n > 0.0).ok_or_else(wrong)?),
        };
        Ok(Data { file: file.to_owned(), size, source: parts.next().flatten(), method: parts.next().flatten() })
    }

    fn is_of(&self, training: &Training) -> bool {
        self.file == training.file || self.file == stem(Path::new(&training.file))
    }

    fn apply(&self, training: &mut Training) {
        training.data_size_k = self.size.or(training.data_size_k);
        training.data_source = self.source.clone().or(training.data_source.take());
        training.method = self.method.clone().or(training.method.take());
    }
}

fn table(found: &Ablation) -> String {
    let mut out = String::new();
    for run in &found.runs {
        heading(&mut out, run);
        let steps = steps(run);
        let widest = run.series.iter().map(|series| visible(&series.category).chars().count()).max().unwrap_or(0).max(8);
        let _ = write!(out, "  {:<widest$}", "step");
        for step in &steps {
            let _ = write!(out, " {step:>8}");
        }
        let _ = writeln!(out, " {:>9}", "change");
        for series in &run.series {
            let _ = write!(out, "  {:<widest$}", visible(&series.category));
            for step in &steps {
                let point = series.points.iter().find(|point| point.checkpoint == *step);
                let _ = write!(out, " {:>8}", point.map(|point| rank_text(point.median_rank)).unwrap_or_default());
            }
            let _ = writeln!(out, " {:>+9.1}", series.change);
        }
        if !run.moved.is_empty() {
            let _ = writeln!(out, "  moved farthest (rank at the first and the last checkpoint)");
        }
        for moved in &run.moved {
            let (first, last) = (rank_text(moved.first_rank), rank_text(moved.last_rank));
            let of = if moved.categories.is_empty() { String::new() } else { format!("  ({})", moved.categories.join(", ")) };
            let _ = writeln!(
                out,
                "  {first:>8} → {last:>8} {:>+9.1}  {}{}",
                moved.change,
                visible_word(&moved.word, false),
                visible(&of)
            );
        }
        out.push('\n');
    }
    let _ = writeln!(out, "Median rank at the last checkpoint (1 is the best)");
    let _ = writeln!(
        out,
        "  {:>9}  {:<12} {:<8} {:<10} {:<14} {:>8} {:>8}  model",
        "k pairs", "source", "method", "family", "category", "step", "median"
    );
    for of in &found.r#final {
        let t = &of.training;
        let text = |text: &Option<String>| text.as_deref().map_or("-".to_owned(), |text| visible(text).into_owned());
        let size = t.data_size_k.map_or("-".to_owned(), |size| size.to_string());
        let (source, method, family, category) = (text(&t.data_source), text(&t.method), text(&t.family), visible(&of.category));
        let (step, median, model) = (of.checkpoint, rank_text(of.median_rank), visible(&t.model));
        let _ = writeln!(out, "  {size:>9}  {source:<12} {method:<8} {family:<10} {category:<14} {step:>8} {median:>8}  {model}");
    }
    out
}

fn heading(out: &mut String, run: &Run) {
    let t = &run.training;
    let family = t.family.as_deref().map(|family| format!(" ({family})")).unwrap_or_default();
    let words = run.words.map(|words| format!("; {words} words ranked")).unwrap_or_default();
    let known = t.data();
    let known = if known.is_empty() { String::new() } else { format!("  {known}") };
    let _ = writeln!(out, "{}{}{}  {}{words}", visible(&t.model), visible(&family), visible(&known), visible(&t.file));
}

fn steps(run: &Run) -> Vec<u64> {
    let mut steps: Vec<u64> = run.series.iter().flat_map(|series| series.points.iter().map(|point| point.checkpoint)).collect();
    steps.sort_unstable();
    steps.dedup();
    steps
}

/// One row a checkpoint and category, under the names that the study's files use.
fn csv(found: &Ablation, terminal: bool) -> Result<String, Failure> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header =
        ["model_id", "Category", "checkpoint", "base_model", "sum_value", "data_size", "data_source", "method", "prompt", "file"];
    writer.write_record(header).map_err(Failure::run)?;
    for run in &found.runs {
        let t = run.training.clone();
        let size = t.data_size_k.map(|size| size.to_string());
        for series in &run.series {
            for point in &series.points {
                let (checkpoint, median) = (point.checkpoint.to_string(), point.median_rank.to_string());
                let or_na = |text: &Option<String>| text.clone().unwrap_or_else(|| "NA".to_owned());
                let mut record = [
                    t.model.clone(),
                    series.category.clone(),
                    checkpoint,
                    or_na(&t.family),
                    median,
                    or_na(&size),
                    or_na(&t.data_source),
                    or_na(&t.method),
                    or_na(&t.prompt),
                    t.file.clone(),
                ];
                if terminal {
                    record = record.map(|field| visible(&field).into_owned());
                }
                writer.write_record(record).map_err(Failure::run)?;
            }
        }
    }
    String::from_utf8(writer.into_inner().map_err(Failure::run)?).map_err(Failure::run)
}
