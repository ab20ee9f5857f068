//! `rewardscope ablation`: trainings followed over their checkpoints.

use std::path::Path;

use super::args::{AblationArgs, TextFormat};
use super::output;
use crate::base::text::{visible, visible_word};
use crate::base::text_file::stem;
use crate::corpus::Corpus;
use crate::recorded::trainings::{self, Words};
use crate::report::figure;
use crate::report::figure::LinesFigure;
use crate::report::grid::{Alignment, Document, DocumentFormat};
use crate::session::failure::Failure;
use crate::session::{DEFAULT_CORPUS, Session};
use crate::stats::ablation::{Ablation, Final, Moved, Run, Series, Training};
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
        TextFormat::Table => page(&found, DocumentFormat::Table),
        TextFormat::Markdown => page(&found, DocumentFormat::Markdown),
        TextFormat::Latex => page(&found, DocumentFormat::Latex),
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

fn page(found: &Ablation, format: DocumentFormat) -> String {
    const LEFT: Alignment = Alignment::Left;
    const RIGHT: Alignment = Alignment::Right;
    let mut document = Document::new(format);
    for run in &found.runs {
        document.heading(&heading(run));
        let categories = run.series.iter().map(|series| (series.category.as_str(), RIGHT));
        let columns: Vec<_> = [("step", RIGHT)].into_iter().chain(categories).collect();
        let row = |name: String, value: &dyn Fn(&Series) -> String| [vec![name], run.series.iter().map(value).collect()].concat();
        let median = |series: &Series, step| {
            let point = series.points.iter().find(|point| point.checkpoint == step);
            point.map(|point| rank_text(point.median_rank)).unwrap_or_default()
        };
        let steps = steps(run).into_iter().map(|step| row(step.to_string(), &|series| median(series, step)));
        let change = row("change".to_owned(), &|series| format!("{:+.1}", series.change));
        document.table(&columns, &steps.chain([change]).collect::<Vec<_>>());
        if run.moved.is_empty() {
            continue;
        }
        document.paragraph("");
        document.paragraph("Words that moved farthest, with their ranks at the first and the last checkpoint:");
        let row = |moved: &Moved| {
            let (first, last) = (rank_text(moved.first_rank), rank_text(moved.last_rank));
            let word = visible_word(&moved.word, false).into_owned();
            vec![first, last, format!("{:+.1}", moved.change), moved.categories.join(", "), word]
        };
        let columns = [("first", RIGHT), ("last", RIGHT), ("change", RIGHT), ("category", LEFT), ("word", LEFT)];
        document.table(&columns, &run.moved.iter().map(row).collect::<Vec<_>>());
    }
    document.heading("Median rank at the last checkpoint (1 is the best)");
    let row = |of: &Final| {
        let t = &of.training;
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let size = t.data_size_k.map_or("-".to_owned(), |size| size.to_string());
        let (step, median) = (of.checkpoint.to_string(), rank_text(of.median_rank));
        let (source, method, family) = (text(&t.data_source), text(&t.method), text(&t.family));
        vec![size, source, method, family, of.category.clone(), step, median, t.model.clone()]
    };
    let columns = [
        ("k pairs", RIGHT),
        ("source", LEFT),
        ("method", LEFT),
        ("family", LEFT),
        ("category", LEFT),
        ("step", RIGHT),
        ("median", RIGHT),
        ("model", LEFT),
    ];
    document.table(&columns, &found.r#final.iter().map(row).collect::<Vec<_>>());
    document.finish()
}

/// What was trained, on what, and where it was read.
fn heading(run: &Run) -> String {
    let t = &run.training;
    let family = t.family.as_deref().map(|family| format!(" ({family})")).unwrap_or_default();
    let words = run.words.map(|words| format!("; {words} words ranked")).unwrap_or_default();
    let known = t.data();
    let known = if known.is_empty() { String::new() } else { format!("  {known}") };
    format!("{}{family}{known}  {}{words}", t.model, t.file)
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
