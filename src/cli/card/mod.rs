//! `rewardscope card`: one page on what a model values, where it stands among others, and how well it judges.

mod judge;
mod page;
mod svg;

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;

use super::args::{CardArgs, CardFormat};
use super::gather::Gather;
use super::session::Session;
use super::{Failure, place};
use crate::corpus::pairs::read_pairs;
use crate::corpus::{Corpus, Prompt};
use crate::engine::{Job, ModelInfo};
use crate::model::Provenance;
use crate::model::source::{ModelSource, ModelSpec};
use crate::scores::export::shortest;
use crate::scores::study::{StudyOptions, StudySource, build};
use crate::scores::{ModelId, PromptId, WordId};
use crate::stats::card::{Accuracy, Card, CardOptions, card};
use crate::stats::study::Study;
use crate::text::visible;

/// The model that the card is about stands first.
const OWN: ModelId = ModelId(0);

/// Everything on the page, as `--format json` writes it.
#[derive(Serialize)]
struct Page<'a> {
    program: &'static str,
    #[serde(flatten)]
    card: &'a Card,
    corpus: &'a str,
    /// Words of each category.
    categories: Vec<(String, usize)>,
    pairs: Option<Accuracy>,
    provenance: &'a Provenance,
    notes: &'a [String],
}

pub(super) fn run(args: &CardArgs) -> Result<(), Failure> {
    let session = Session::new()?;
    place::check(args.output.as_deref())?;
    if args.words.vocabulary {
        return Err(Failure::Use("a card needs words with categories: give --corpus, not --vocabulary".to_owned()));
    }
    let mut names = vec![args.model.clone()];
    names.extend(args.others.iter().cloned());
    let specs = session.models(&names)?;
    if session.models(&names[..1])?.len() != 1 {
        return Err(Failure::Use(format!("{}: a folder of several models. Name the one that the card is about", args.model)));
    }
    let pairs = args.pairs.as_deref().map(read_pairs).transpose().map_err(Failure::usage)?;
    if let (ModelSource::Recorded(_), Some(_)) = (&specs[0].source, &pairs) {
        let why = "holds recorded scores, which do not judge pairs. Name the model itself, or leave out --pairs";
        return Err(Failure::Use(format!("{}: {why}", args.model)));
    }
    let corpus = match session.words(&args.words)? {
        Some(corpus) => corpus,
        None => session.default_corpus()?,
    };
    let mut gather = Gather::open(&session, &specs, args.options.over(&session.settings))?;
    let prompts = prompts(args, &session, &gather)?;
    let mut notes = corpus.notes.clone();
    let columns = columns(&mut gather, &specs, &corpus, &prompts, &mut notes)?;
    let accuracy = match pairs {
        None => None,
        Some((pairs, several)) => judge::judge(&mut gather, OWN, pairs, several, &mut notes)?,
    };
    let study = study(args, &corpus, &prompts, &gather, columns, &mut notes)?;
    let options = CardOptions { replicates: args.replicates, seed: args.seed, ..CardOptions::default() };
    let Some(card) = card(&study, 0, &options) else {
        return Err(Failure::Run(format!("{}: there is no score for any of these words and prompts", specs[0].name)));
    };
    if card.axes.is_empty() {
        notes.push(format!("no word of {} has a category, so there is no axis to lean on", corpus.name));
    }
    notes.extend(std::mem::take(&mut gather.notes));
    let none = Provenance::of_recorded(String::new());
    let provenance = gather.infos.get(&OWN).map_or(&none, |info| &info.provenance);
    let of = |(at, name): (usize, &Arc<str>)| {
        (name.to_string(), study.words.iter().filter(|word| word.categories.contains(&(at as u16))).count())
    };
    let page = Page {
        program: concat!("rewardscope ", env!("CARGO_PKG_VERSION")),
        card: &card,
        corpus: &corpus.name,
        categories: study.categories.iter().enumerate().map(of).collect(),
        pairs: accuracy,
        provenance,
        notes: &notes,
    };
    let text = match args.format.unwrap_or_else(|| format_of(args)) {
        CardFormat::Text => page::text(&page),
        CardFormat::Markdown => page::markdown(&page),
        CardFormat::Json => place::json(&page)?,
        CardFormat::Svg => svg::svg(&page),
    };
    for note in &notes {
        eprintln!("note: {}", visible(note));
    }
    let rests_on = |(id, info): (&ModelId, &'_ ModelInfo)| (id.0, info.provenance.clone());
    let mut rests_on: Vec<(u32, Provenance)> = gather.infos.iter().map(rests_on).collect();
    rests_on.sort_by_key(|(id, _)| *id);
    let rests_on: Vec<(&str, &Provenance)> = rests_on.iter().map(|(id, p)| (specs[*id as usize].name.as_str(), p)).collect();
    place::write(args.output.as_deref(), &text, &rests_on)
}

fn format_of(args: &CardArgs) -> CardFormat {
    let extension = args.output.as_ref().and_then(|path| path.extension()).map(|e| e.to_string_lossy().to_lowercase());
    match extension.as_deref() {
        Some("md" | "markdown") => CardFormat::Markdown,
        Some("json") => CardFormat::Json,
        Some("svg") => CardFormat::Svg,
        _ => CardFormat::Text,
    }
}

/// Those asked for; else all that a recorded model has; else the study's 54.
fn prompts(args: &CardArgs, session: &Session, gather: &Gather) -> Result<Vec<Prompt>, Failure> {
    match gather.recorded.get(&OWN) {
        Some(recorded) if args.words.prompt.is_empty() => Ok(recorded.prompts.clone()),
        _ if args.words.prompt.is_empty() => session.prompts(&["all".to_owned()]),
        _ => session.prompts(&args.words.prompt),
    }
}

/// `[models][prompts][words]`, NaN where there is no score.
fn columns(
    gather: &mut Gather,
    specs: &[ModelSpec],
    corpus: &Corpus,
    prompts: &[Prompt],
    notes: &mut Vec<String>,
) -> Result<Vec<Vec<Vec<f64>>>, Failure> {
    let mut columns = vec![vec![vec![f64::NAN; corpus.words.len()]; prompts.len()]; specs.len()];
    for (model, recorded) in &gather.recorded {
        let place: HashMap<&str, usize> = recorded.words.iter().enumerate().map(|(i, word)| (&**word, i)).collect();
        for (prompt, column) in prompts.iter().zip(&mut columns[model.0 as usize]) {
            let same = |p: &Prompt| p.text == prompt.text || (p.key.is_some() && p.key == prompt.key);
            let Some(scores) = recorded.prompts.iter().position(same).and_then(|at| recorded.scores.get(at)) else { continue };
            for (word, score) in corpus.words.iter().zip(column.iter_mut()) {
                *score = place.get(&*word.text).and_then(|&at| scores.get(at)).copied().unwrap_or(f64::NAN);
            }
        }
    }
    let words: Vec<(WordId, Arc<str>)> = (0..).map(WordId).zip(corpus.words.iter().map(|word| word.text.clone())).collect();
    let mut jobs = Vec::new();
    for id in (0..specs.len() as u32).map(ModelId).filter(|id| !gather.recorded.contains_key(id)) {
        for (prompt, at) in prompts.iter().zip(0..) {
            let (prompt_text, words) = (prompt.text.clone(), words.clone());
            jobs.push(Job { model: id, prompt: PromptId(at), prompt_text, words, token_ids: Vec::new(), tokens: false });
        }
    }
    let left_out = gather.score(jobs, &mut |model, prompt, scores| {
        for (word, score) in scores {
            columns[model.0 as usize][prompt.0 as usize][word.0 as usize] = shortest(score);
        }
    })?;
    if let Some(first) = left_out.first() {
        let (many, name) = (left_out.len(), &specs[first.model.0 as usize].name);
        notes.push(format!("{many} times a word could not be scored, first by {name}: {}", first.reason));
    }
    Ok(columns)
}

/// The words that every model has under every prompt that it was asked, so that places of one model and of another count
/// the same words.
fn study(
    args: &CardArgs,
    corpus: &Corpus,
    prompts: &[Prompt],
    gather: &Gather,
    columns: Vec<Vec<Vec<f64>>>,
    notes: &mut Vec<String>,
) -> Result<Study, Failure> {
    let ids = || (0..columns.len() as u32).map(ModelId);
    let asked = |column: &&Vec<f64>| column.iter().any(|score| !score.is_nan());
    for (id, columns) in ids().zip(&columns) {
        let has = columns.iter().filter(asked).count();
        if has < prompts.len() {
            notes.push(format!("{}: scores under {has} of the {} prompts", gather.spec(id).name, prompts.len()));
        }
    }
    let held = |word: &usize| columns.iter().flatten().filter(asked).all(|column| !column[*word].is_nan());
    let kept: Vec<usize> = (0..corpus.words.len()).filter(held).collect();
    if kept.len() < corpus.words.len() {
        notes.push(format!("{} of the {} words of {}: those that every model has", kept.len(), corpus.words.len(), corpus.name));
    }
    let common = Corpus { words: kept.iter().map(|&at| corpus.words[at].clone()).collect(), ..corpus.clone() };
    let sources: Vec<StudySource> = ids()
        .zip(columns)
        .map(|(id, columns)| {
            let spec = gather.spec(id);
            let family = gather.infos.get(&id).map_or(spec.family, |info| info.family);
            StudySource {
                name: spec.name.as_str().into(),
                family: family.to_string().into(),
                columns: columns.into_iter().map(Arc::new).collect(),
            }
        })
        .collect();
    let options = StudyOptions {
        category_prefix: args.category_prefix,
        exclude: args.exclude_category.clone(),
        families: args.family.clone(),
        scored_words_only: false,
    };
    let words: Vec<WordId> = kept.iter().map(|&at| WordId(at as u32)).collect();
    let (study, told) = build(&common, &words, prompts, &sources, &options).map_err(Failure::usage)?;
    notes.extend(told);
    Ok(study)
}
