//! `rewardscope stats`: families of models compared, from recorded scores and live models alike.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::args::{PageFormat, StatsArgs, StatsPicture};
use super::headless::{Headless, LeftOut};
use super::run::Run;
use super::score::progress::Progress;
use super::{output, ratings};
use crate::base::suggestions::{did_you_mean, nearest};
use crate::base::terms::{Family, Framing, ModelId};
use crate::base::text;
use crate::corpus::{Corpus, Prompt, PromptSet};
use crate::report::figure;
use crate::report::figure::{AgreementFigure, Figure, PanelsFigure};
use crate::report::grid::DocumentFormat;
use crate::report::panels::panels;
use crate::report::statistics;
use crate::scores::study::{StudyOptions, StudySource, build};
use crate::scores::table::ScoreTable;
use crate::session::failure::Failure;
use crate::session::{Named, Session};
use crate::sources::resolve::ModelSpec;
use crate::stats::common::CommonWords;
use crate::stats::options::ReportOptions;
use crate::stats::ratings::relations;
use crate::stats::report::report_with;
use crate::stats::results::Report;
use crate::stats::study::Study;

/// Prompts that a message names.
const NAMED: usize = 8;
/// Draws of the bootstrap: enough for a 95 % interval.
const BOOTSTRAP: usize = 1_000;

pub(super) fn run(args: &StatsArgs) -> Result<(), Failure> {
    let session = Session::new()?;
    let Named { specs, notes: mut of_folders } = session.named(&args.sources)?;
    let mut corpus = corpus(&session, &args.corpus)?;
    let figure = output::figure(args.figure.as_deref(), args.force)?;
    // Before models are opened, as a mistyped one shall not cost their time.
    let asked = if args.prompt.is_empty() { None } else { Some(session.prompts(&args.prompt)?) };
    let ratings = session.ratings(&args.ratings)?;
    let load_options = args.options.over(&session.settings);
    let mut headless = Headless::open(&session, &specs, load_options.clone(), &args.store)?;
    headless.expand(&mut corpus);
    let mut prompts = match asked {
        Some(prompts) => prompts,
        None => default_prompts(&session, &headless)?,
    };
    frame(&mut prompts, &args.framing)?;
    let mut notes: Vec<String> = corpus.notes.iter().map(|note| format!("{}: {note}", corpus.name)).collect();
    let mut score_table = ScoreTable::default();
    notes.append(&mut of_folders);
    let ids = score_table.corpus(&corpus);
    let unasked = headless.fill(&mut score_table, &corpus, &prompts)?;
    notes.extend(left_out(&headless, &unasked, specs.len()));
    notes.extend(headless.take_notes());
    let prompt_ids: Vec<_> = prompts.iter().map(|prompt| score_table.prompt(&prompt.text)).collect();
    let source = |(id, spec): (ModelId, &ModelSpec)| {
        let read = headless.infos.get(&id).map(|info| info.family).filter(|family| *family != Family::Other);
        StudySource {
            name: spec.name.as_str().into(),
            family: read.unwrap_or(spec.family).to_string().into(),
            columns: prompt_ids.iter().map(|&prompt| score_table.column(id, prompt)).collect(),
        }
    };
    let sources: Vec<StudySource> = (0..).map(ModelId).zip(&specs).map(source).collect();
    let options = StudyOptions {
        category_prefix: args.category_prefix,
        exclude: args.exclude_category.clone(),
        families: args.family.clone(),
        scored_words_only: true,
    };
    let (study, of_study) = build(&corpus, &ids, &prompts, &sources, &options).map_err(Failure::usage)?;
    notes.extend(of_study);
    // Ratings need no categories.
    check(&study, &corpus, ratings.is_none() || figure.is_some())?;
    let mut report = compute(&study, args);
    notes.extend(unknown_families(&report));
    if prompts.iter().any(|prompt| prompt.framing.is_none()) {
        notes.push("the framing of a prompt of your own is given by --framing KEY=positive or KEY=negative".to_owned());
    }
    if let Some(given) = ratings {
        let study = study.of_common_words();
        let (columns, of_ratings) = ratings::of_study(&given, &study, &specs, &headless, &load_options);
        report.ratings = relations(&study, &columns);
        notes.extend(of_ratings);
    }
    report.notes.splice(0..0, notes);
    report.warnings.splice(0..0, headless.asked_differently());
    output::draw(figure, || picture(&report, &corpus.name, args.draw.unwrap_or_default()))?;
    print(&report, &specs, args)
}

fn picture(report: &Report, corpus: &str, of: StatsPicture) -> Figure {
    let notes = &report.warnings;
    match of {
        StatsPicture::Panels => figure::panels(PanelsFigure { panels: &panels(report), report, corpus, notes }),
        StatsPicture::Agreement => {
            let (words, prompts) = (report.words, report.prompts.len());
            figure::agreement(AgreementFigure { matrix: &report.agreement_matrix, words, prompts, corpus, notes })
        }
    }
}

fn corpus(session: &Session, names: &[String]) -> Result<Corpus, Failure> {
    let mut merged: Option<Corpus> = None;
    for name in names {
        let next = session.corpus(name)?;
        match &mut merged {
            Some(corpus) => corpus.merge(next),
            None => merged = Some(next),
        }
    }
    merged.ok_or_else(|| Failure::Use("no word list is named: give --corpus".to_owned()))
}

/// Every prompt that a recorded source has a column for, in the order of the known prompts, then of the files; where no source
/// is recorded, the study's 54. Both framings are needed for most of what is computed.
fn default_prompts(session: &Session, headless: &Headless) -> Result<Vec<Prompt>, Failure> {
    let known = PromptSet::with_user(session.user_dir()).map_err(Failure::usage)?.prompts;
    if headless.recorded.is_empty() {
        return session.prompts(&["all".to_owned()]);
    }
    let mut models: Vec<&ModelId> = headless.recorded.keys().collect();
    models.sort_unstable();
    let mut prompts: Vec<Prompt> = Vec::new();
    for prompt in models.iter().filter_map(|id| headless.recorded.get(id)).flat_map(|recorded| &recorded.prompts) {
        // The user's own prompts are known here with their framing.
        let prompt = known.iter().find(|known| known.is(prompt)).unwrap_or(prompt);
        if !prompts.iter().any(|other| other.text == prompt.text) {
            prompts.push(prompt.clone());
        }
    }
    prompts.sort_by_key(|prompt| known.iter().position(|known| known.text == prompt.text).unwrap_or(known.len()));
    Ok(prompts)
}

/// Gives prompts the framings that the user says they have.
///
/// # Errors
/// A name that no prompt has.
fn frame(prompts: &mut [Prompt], framings: &[(String, Framing)]) -> Result<(), Failure> {
    for (name, framing) in framings {
        let Some(prompt) = prompts.iter_mut().find(|prompt| prompt.label() == name || *prompt.text == **name) else {
            let near = nearest(name, prompts.iter().map(Prompt::label));
            return Err(Failure::Use(format!(
                "--framing {name}: no prompt of this comparison is called so. {}Its prompts are {}",
                did_you_mean(&near),
                named_in_short(prompts.iter().map(Prompt::label))
            )));
        };
        prompt.framing = Some(*framing);
    }
    Ok(())
}

fn named_in_short<'a>(mut names: impl Iterator<Item = &'a str>) -> String {
    let named: Vec<&str> = names.by_ref().take(NAMED).collect();
    format!("{}{}", named.join(", "), if names.next().is_some() { ", …" } else { "" })
}

/// What could not be asked, a note for each model.
fn left_out(headless: &Headless, left_out: &[LeftOut], models: usize) -> Vec<String> {
    let mut notes = Vec::new();
    for model in (0..models as u32).map(ModelId) {
        let of_model: Vec<_> = left_out.iter().filter(|word| word.model == model).collect();
        if let Some(first) = of_model.first() {
            let name = &headless.spec(model).name;
            let times = text::counted(of_model.len(), "time");
            notes.push(format!("{name}: {times} a word could not be asked, first {}", first.reason));
        }
    }
    notes
}

/// Refuses a study of which no statistic can be computed.
fn check(study: &Study, corpus: &Corpus, by_category: bool) -> Result<(), Failure> {
    let list = &corpus.name;
    if by_category && study.categories.is_empty() {
        let told: String = corpus.notes.iter().map(|note| format!(" ({note})")).collect();
        return Err(Failure::Use(match corpus.categories.is_empty() {
            true => format!(
                "{list}: the list has no categories{told}: there is nothing to compare. Give a list with a column category beside \
                 its words"
            ),
            false => {
                format!("{list}: every category is excluded: there is nothing to compare. Leave one with --exclude-category")
            }
        }));
    }
    if let Some(model) = study.models.iter().find(|model| model.scores.iter().all(|column| column.iter().all(|s| s.is_nan()))) {
        let name = &model.name;
        return Err(Failure::Use(format!(
            "{name}: it has no score for any word of {list} under these prompts. Give the word list that it was scored with as \
             --corpus, or name its prompts with --prompt"
        )));
    }
    let common = CommonWords::count(study);
    if let (true, Some(told)) = (common.are_too_few(), common.in_sentences()) {
        return Err(Failure::Use(format!(
            "{list}: {told} Leave out the model that lacks most, give a list whose words all have as --corpus, or name with \
             --prompt the prompts under which they are complete"
        )));
    }
    Ok(())
}

fn compute(study: &Study, args: &StatsArgs) -> Report {
    let replicates = args.replicates as usize;
    let bootstrap = if replicates > 0 { BOOTSTRAP } else { 0 };
    let progress = Mutex::new(Progress::new());
    let told = |what: &'static str, done: usize, of: usize| {
        progress.lock().unwrap_or_else(PoisonError::into_inner).count(what, done, of);
    };
    let report = report_with(study, &ReportOptions { replicates, bootstrap, seed: args.seed }, &told);
    progress.into_inner().unwrap_or_else(PoisonError::into_inner).clear();
    report
}

/// Which models no comparison of families counts, why, and how to say their family.
fn unknown_families(report: &Report) -> Option<String> {
    let reason = |name: &str| {
        let named: Vec<String> = Family::named_in(name).iter().map(Family::to_string).collect();
        if named.len() > 1 { format!("{name} (its name holds {})", named.join(" and ")) } else { name.to_owned() }
    };
    let unknown: Vec<String> = report.models_of_no_family().map(reason).collect();
    let names = unknown.join(", ");
    let note = format!("the family of {names} is not known, so no comparison of families counts it: give --family MODEL=NAME");
    (!unknown.is_empty()).then_some(note)
}

/// A report with the run that made it, as one JSON object.
#[derive(Serialize)]
struct ReportOfRun<'a> {
    run: Run<'a>,
    #[serde(flatten)]
    report: &'a Report,
}

fn print(report: &Report, specs: &[ModelSpec], args: &StatsArgs) -> Result<(), Failure> {
    output::print(&match args.format {
        PageFormat::Json => {
            let corpora = args.corpus.iter().map(Path::new);
            let lists: Vec<&Path> = corpora.chain(args.ratings.ratings.iter().map(AsRef::as_ref)).collect();
            let run = Run::new(specs, &lists, args.seed, &report.word_list)?;
            let json = serde_json::to_string(&ReportOfRun { run, report }).map_err(Failure::run)?;
            format!("{}\n", text::visible_json(&json))
        }
        PageFormat::Table => statistics::page(report, DocumentFormat::Table),
        PageFormat::Markdown => statistics::page(report, DocumentFormat::Markdown),
        PageFormat::Latex => statistics::page(report, DocumentFormat::Latex),
    })
}
