//! `rewardscope implicit`: what one language model likes more than another.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use serde::Serialize;

use super::args::{ImplicitArgs, TextFormat};
use super::headless::Gather;
use super::output;
use crate::base::atomic_file::Destination;
use crate::base::terms::{Family, ModelId, PromptId, Unit, WordId};
use crate::base::text::{visible, visible_word};
use crate::corpus::{self, Corpus, Prompt};
use crate::engine::{Job, ModelInfo, implicit, is_reward_model};
use crate::model::asking::differences;
use crate::model::{LoadOptions, Provenance};
use crate::recorded;
use crate::recorded::scores::Recorded;
use crate::report::figure;
use crate::report::figure::{Lollipop, LollipopFigure};
use crate::scores::provenance::{FileProvenance, ModelProvenance};
use crate::session::Session;
use crate::session::failure::Failure;
use crate::sources::resolve::{ModelSource, ModelSpec};
use crate::stats::implicit::{ImplicitWord, Variants, fold, join, variants_of, words};
use crate::stats::ranks;
use crate::tables::long::{rank_text, shortest};

/// Texts with their log-probabilities under one prompt.
type Column = Vec<(Arc<str>, f64)>;

pub(super) fn run(args: &ImplicitArgs) -> Result<(), Failure> {
    let session = Session::new()?;
    let (output, figure) = output::output_and_figure(args.output.as_deref(), args.figure.as_deref(), args.force)?;
    let format = TextFormat::of(args.format, &output)?;
    let specs = [one(&args.a, &session)?, one(&args.b, &session)?];
    if let Some(reward) = specs.iter().find(|spec| is_reward_model(spec)) {
        return Err(Failure::Use(implicit::refusal(&reward.name, "is a reward model")));
    }
    let prompts = session.prompts(&args.words.prompt)?;
    let mut notes = Vec::new();
    let files = [file(&specs[0], &session, &mut notes)?, file(&specs[1], &session, &mut notes)?];
    let corpus = list(args, &session, &files)?;
    let options = LoadOptions { vocabulary: args.words.vocabulary, ..args.options.over(&session.settings) };
    let live: Vec<ModelSpec> =
        specs.iter().zip(&files).filter(|(_, file)| file.is_none()).map(|(spec, _)| spec.clone()).collect();
    let mut asked = if live.is_empty() { None } else { Some(Gather::open(&session, &live, options, &args.store)?) };
    let mut live_columns = match &mut asked {
        Some(gather) => ask(gather, live.len(), &corpus, args, &prompts, &mut notes)?.into_iter(),
        None => Vec::new().into_iter(),
    };
    let mut sides: Vec<Vec<Column>> = Vec::new();
    for (spec, file) in specs.iter().zip(&files) {
        sides.push(match file {
            Some(file) => columns(spec, file, &corpus, args.words.vocabulary, &prompts)?,
            None => live_columns.next().unwrap_or_default(),
        });
    }
    let found = found(args, &corpus, &prompts, &sides);
    if found.iter().all(|prompt| prompt.words.is_empty()) {
        return Err(Failure::Run("the two models have no word in common".to_owned()));
    }
    for (side, other) in [(0, 1), (1, 0)] {
        let alone = |(own, other): (&Column, &Column)| own.len() - join(pairs(own), pairs(other)).len();
        let apart: usize = sides[side].iter().zip(&sides[other]).map(alone).sum();
        if apart > 0 && !args.words.vocabulary {
            let name = &specs[side].name;
            notes.push(format!("{apart} times a word has a log-probability by {name} alone and was left out"));
        }
    }
    let infos = infos(&specs, asked.as_ref());
    let named: Vec<_> = specs.iter().zip(&infos).map(|(spec, info)| (spec.name.as_str(), &info.provenance)).collect();
    let differing = differences(&named);
    let warnings: Vec<String> = differing.iter().map(|difference| difference.text.clone()).collect();
    let (a, b, measure) = (&specs[0].name, &specs[1].name, args.measure.key());
    let report = Report { warnings, a, b, measure, variants: args.variants, prompts: found };
    let text = match format {
        TextFormat::Table => table(&report, args),
        TextFormat::Csv => csv(&report, args, output.is_terminal())?,
        TextFormat::Json => output::json(&report)?,
    };
    // What the files say of a live model goes before what its name lets guess.
    let models = [0, 1].map(|side| (specs[side].name.clone(), infos[side].family));
    output::draw(figure, || figure::lollipops(&picture(&report, models, args)))?;
    notes.extend(asked.iter_mut().flat_map(Gather::take_notes));
    // A table on the screen begins with the warnings.
    if args.output.is_some() || format != TextFormat::Table {
        report.warnings.iter().for_each(|warning| output::warning(warning));
    }
    notes.iter().for_each(|note| output::note(note));
    output::write(output, text.as_bytes(), Some(&origin(args, &specs, &infos, &prompts)))
}

/// What is known of both models, from their files where they are live, else from beside their scores.
fn infos(specs: &[ModelSpec; 2], asked: Option<&Gather>) -> [ModelInfo; 2] {
    // Live sides have the first ids, in their order.
    let mut ids = (0..).map(ModelId);
    specs.each_ref().map(|spec| match &spec.source {
        ModelSource::Recorded(path) => {
            ModelInfo { family: spec.family, provenance: FileProvenance::provenance_of(path), memory_bytes: 0 }
        }
        _ => {
            let info = ids.next().zip(asked).and_then(|(id, gather)| gather.infos.get(&id).cloned());
            let nothing = || Provenance::of_recorded(spec.name.clone());
            info.unwrap_or_else(|| ModelInfo { family: spec.family, provenance: nothing(), memory_bytes: 0 })
        }
    })
}

/// What the numbers rest on, told of the pair as of one model: so the file opens again with its unit.
fn origin(args: &ImplicitArgs, specs: &[ModelSpec; 2], [a, b]: &[ModelInfo; 2], prompts: &[Prompt]) -> FileProvenance {
    let pair = implicit::together(args.measure, a, b);
    let name = format!("{}:{},{}", args.measure.key(), specs[0].name, specs[1].name);
    FileProvenance::new(vec![ModelProvenance::new(&name, &pair.provenance)], prompts)
}

/// The words of the first prompt, the one that A likes most on top.
fn picture(report: &Report<'_>, models: [(String, Family); 2], args: &ImplicitArgs) -> LollipopFigure {
    let Some(of) = report.prompts.first() else { return LollipopFigure::default() };
    let mut rows: Vec<&Row> = of.words.iter().collect();
    rows.sort_by(|a, b| a.rank.total_cmp(&b.rank));
    let word = |row: &Row| Lollipop {
        word: row.word.word.clone(),
        categories: row.categories.clone(),
        value: row.word.value(args.measure),
    };
    LollipopFigure {
        models,
        measure: args.measure,
        words: rows.into_iter().map(word).collect(),
        prompt: of.text.to_owned(),
        note: report.warnings.join(" "),
    }
}

fn one(name: &str, session: &Session) -> Result<ModelSpec, Failure> {
    let mut specs = session.models(&[name.to_owned()])?;
    match (specs.pop(), specs.is_empty()) {
        (Some(spec), true) if !matches!(spec.source, ModelSource::Implicit { .. }) => Ok(spec),
        _ => Err(Failure::Use(format!("{name}: more than one model. Name one language model on either side"))),
    }
}

/// The log-probabilities of a recorded side.
fn file(spec: &ModelSpec, session: &Session, notes: &mut Vec<String>) -> Result<Option<Recorded>, Failure> {
    let ModelSource::Recorded(path) = &spec.source else { return Ok(None) };
    let (_, _, recorded) = recorded::read_most_probable(path, &session.catalogue).map_err(Failure::usage)?;
    implicit::log_probabilities(&recorded).map_err(|what| Failure::Use(implicit::refusal(&spec.name, &what)))?;
    notes.extend(recorded.notes.iter().map(|note| format!("{}: {note}", spec.name)));
    Ok(Some(recorded))
}

/// The words asked; where none are named, all of the recorded sides, else the default list.
fn list(args: &ImplicitArgs, session: &Session, files: &[Option<Recorded>; 2]) -> Result<Corpus, Failure> {
    if args.words.vocabulary {
        return Ok(Corpus::new("vocabulary"));
    }
    let named = session.words(&args.words)?;
    let mut corpus = match named {
        Some(corpus) => Arc::unwrap_or_clone(corpus),
        None if files.iter().any(Option::is_some) => {
            let words = files.iter().flatten().flat_map(|file| &file.words);
            let mut all = Corpus::from_words("recorded", words.map(|word| word.to_string()));
            corpus::join_categories(&mut all);
            all
        }
        None => Arc::unwrap_or_clone(session.default_corpus()?),
    };
    if args.variants == Variants::Add {
        let forms = corpus.words.iter().flat_map(|word| variants_of(&word.text)).collect::<Vec<_>>();
        let categories = corpus.clone();
        corpus.merge(Corpus { name: categories.name, ..Corpus::from_words("", forms) });
    }
    Ok(corpus)
}

/// Log-probabilities of the live sides, `[sides][prompts]`.
fn ask(
    gather: &mut Gather,
    sides: usize,
    corpus: &Corpus,
    args: &ImplicitArgs,
    prompts: &[Prompt],
    notes: &mut Vec<String>,
) -> Result<Vec<Vec<Column>>, Failure> {
    let mut texts: Vec<Vec<Arc<str>>> = Vec::new();
    let mut jobs = Vec::new();
    for side in 0..sides {
        let model = ModelId(side as u32);
        let corpus = gather.vocabularies.get(&model).map_or(corpus, |vocabulary| vocabulary.as_ref());
        let words: Vec<(WordId, Arc<str>)> = (0..).map(WordId).zip(corpus.words.iter().map(|word| word.text.clone())).collect();
        for (prompt, at) in prompts.iter().zip(0..) {
            let (words, token_ids) = (words.clone(), corpus.tokens.clone());
            let prompt_text = prompt.text.clone();
            jobs.push(Job { model, prompt: PromptId(at), prompt_text, words, token_ids, tokens: false });
        }
        texts.push(words.into_iter().map(|(_, text)| text).collect());
    }
    let mut columns = vec![vec![Column::new(); prompts.len()]; sides];
    let left_out = gather.score(jobs, &mut |model, prompt, scores| {
        let texts = &texts[model.0 as usize];
        let scores = scores.into_iter().map(|(word, log)| (texts[word.0 as usize].clone(), shortest(log)));
        columns[model.0 as usize][prompt.0 as usize].extend(scores);
    })?;
    for id in (0..sides as u32).map(ModelId) {
        if gather.infos.get(&id).is_some_and(|info| info.provenance.unit != Unit::Nats) {
            return Err(Failure::Use(implicit::refusal(&gather.spec(id).name, "is a reward model")));
        }
    }
    let lost = |words: &[&super::headless::LeftOut]| match words {
        [] => None,
        [first, ..] => Some(format!("{} times a word could not be asked, first {}", words.len(), first.reason)),
    };
    notes.extend(lost(&left_out.iter().filter(|_| !args.words.vocabulary).collect::<Vec<_>>()));
    // In the order of the list, whatever the order of scoring.
    for (columns, texts) in columns.iter_mut().zip(&texts) {
        let place: HashMap<&str, usize> = texts.iter().enumerate().rev().map(|(i, text)| (&**text, i)).collect();
        columns.iter_mut().for_each(|column| column.sort_by_key(|(text, _)| place.get(&**text).copied()));
    }
    Ok(columns)
}

/// Log-probabilities of a recorded side, `[prompts]`: of the words asked, or of all.
fn columns(spec: &ModelSpec, file: &Recorded, corpus: &Corpus, all: bool, prompts: &[Prompt]) -> Result<Vec<Column>, Failure> {
    let asked: HashMap<&str, usize> = corpus.words.iter().enumerate().map(|(i, word)| (&*word.text, i)).collect();
    let mut columns = Vec::new();
    for prompt in prompts {
        let at = file.prompts.iter().position(|p| p.text == prompt.text);
        let Some(scores) = at.and_then(|at| file.scores.get(at)) else {
            let has: Vec<&str> = file.prompts.iter().map(Prompt::label).take(6).collect();
            let (name, label) = (&spec.name, prompt.label());
            return Err(Failure::Run(format!("{name}: nothing is recorded for the prompt '{label}'. It has {}", has.join(", "))));
        };
        let known = file.words.iter().cloned().zip(scores.iter().copied()).filter(|(_, log)| !log.is_nan());
        let mut column: Column = known.filter(|(text, _)| all || asked.contains_key(&**text)).collect();
        if !all {
            column.sort_by_key(|(text, _)| asked.get(&**text).copied());
        }
        columns.push(column);
    }
    Ok(columns)
}

fn pairs(column: &Column) -> impl Iterator<Item = (&str, f64)> {
    column.iter().map(|(text, log)| (&**text, *log))
}

#[derive(Serialize)]
struct Report<'a> {
    /// What makes the numbers doubtful.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    a: &'a str,
    b: &'a str,
    measure: &'static str,
    variants: Variants,
    prompts: Vec<OfPrompt<'a>>,
}

#[derive(Serialize)]
struct OfPrompt<'a> {
    prompt: &'a str,
    text: &'a str,
    words: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    /// By the measure asked for; 1 is what A likes most against B.
    rank: f64,
    categories: Vec<String>,
    #[serde(flatten)]
    word: ImplicitWord,
}

fn found<'a>(args: &ImplicitArgs, corpus: &Corpus, prompts: &'a [Prompt], sides: &[Vec<Column>]) -> Vec<OfPrompt<'a>> {
    let average = args.variants != Variants::Keep;
    let mut categories: HashMap<String, Vec<String>> = HashMap::new();
    let key = |text: &str| if average { fold(text) } else { text.to_owned() };
    for word in &corpus.words {
        let of = categories.entry(key(&word.text)).or_default();
        let new: Vec<String> =
            corpus.categories_of(word).filter(|name| !of.iter().any(|known| known == name)).map(str::to_owned).collect();
        of.extend(new);
    }
    let of_prompt = |(at, prompt): (usize, &'a Prompt)| {
        let joined = join(pairs(&sides[0][at]), pairs(&sides[1][at]));
        let words = words(&joined, average, args.words.vocabulary);
        let places = ranks(&words.iter().map(|word| word.value(args.measure)).collect::<Vec<_>>());
        let mut own = categories.clone();
        if args.words.vocabulary {
            let mut all = Corpus::from_words("vocabulary", words.iter().map(|word| word.word.clone()));
            corpus::join_categories(&mut all);
            own = all
                .words
                .iter()
                .map(|word| (word.text.to_string(), all.categories_of(word).map(str::to_owned).collect()))
                .collect();
        }
        let row = |(word, rank): (ImplicitWord, f64)| {
            let categories = own.get(&key(&word.word)).cloned().unwrap_or_default();
            Row { rank, categories, word }
        };
        OfPrompt { prompt: prompt.label(), text: &prompt.text, words: words.into_iter().zip(places).map(row).collect() }
    };
    prompts.iter().enumerate().map(of_prompt).collect()
}

fn table(report: &Report<'_>, args: &ImplicitArgs) -> String {
    let mut out: String = report.warnings.iter().map(|warning| format!("Warning: {}\n\n", visible(warning))).collect();
    for (i, of) in report.prompts.iter().enumerate() {
        let gap = if i > 0 { "\n" } else { "" };
        let _ = writeln!(out, "{gap}{} of A {} against B {}", args.measure, visible(report.a), visible(report.b));
        let name = if of.prompt == of.text { String::new() } else { format!("{}: ", of.prompt) };
        let _ = writeln!(
            out,
            "{}{}\n{} words, above zero where A gives the word more",
            visible(&name),
            visible(of.text),
            of.words.len()
        );
        let _ = writeln!(out, "{:>7} {:>12} {:>10} {:>10} {:>10} {:>4}  word", "rank", "mwlr", "log ratio", "p A", "p B", "n");
        let mut rows: Vec<&Row> = of.words.iter().collect();
        rows.sort_by(|a, b| a.rank.total_cmp(&b.rank));
        for Row { rank, categories, word } in rows {
            let shown = visible_word(&word.word, false);
            let ImplicitWord { variants, p_a, p_b, log_ratio, mwlr, .. } = word;
            let rank = rank_text(*rank);
            let _ = writeln!(
                out,
                "{rank:>7} {mwlr:>+12.3e} {log_ratio:>+10.4} {p_a:>10.3e} {p_b:>10.3e} {variants:>4}  {shown}{}",
                if categories.is_empty() { String::new() } else { format!("  ({})", visible(&categories.join(", "))) }
            );
        }
    }
    out
}

/// The study's wide layout, which opens as recorded scores: a word, then one column a prompt.
fn csv(report: &Report<'_>, args: &ImplicitArgs, terminal: bool) -> Result<String, Failure> {
    let mut order: Vec<&str> = Vec::new();
    let mut rows: HashMap<&str, Vec<Option<f64>>> = HashMap::new();
    for (at, of) in report.prompts.iter().enumerate() {
        for row in &of.words {
            let values = rows.entry(&row.word.word).or_insert_with(|| {
                order.push(&row.word.word);
                vec![None; report.prompts.len()]
            });
            values[at] = Some(row.word.value(args.measure));
        }
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = std::iter::once("response").chain(report.prompts.iter().map(|of| of.prompt));
    let shown = |text: &str| if terminal { visible(text).into_owned() } else { text.to_owned() };
    writer.write_record(header.map(shown)).map_err(Failure::run)?;
    for word in order {
        let values = rows[word].iter().map(|value| value.map(|value| value.to_string()).unwrap_or_default());
        writer.write_record(std::iter::once(shown(word)).chain(values)).map_err(Failure::run)?;
    }
    let bytes = writer.into_inner().map_err(Failure::run)?;
    String::from_utf8(bytes).map_err(Failure::run)
}

impl TextFormat {
    /// What was asked for, or what the name of a file says; a table where none is written.
    ///
    /// # Errors
    /// A name that says neither, or a picture's.
    pub(super) fn of(asked: Option<TextFormat>, output: &Destination) -> Result<TextFormat, Failure> {
        let endings = [("csv", TextFormat::Csv, false), ("json", TextFormat::Json, false), ("txt", TextFormat::Table, false)];
        output::format(asked, output, &endings, TextFormat::Table)
    }
}
