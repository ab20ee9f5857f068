//! `rewardscope card`: one page on what a model values, where it stands among others, and how well it judges.

use std::collections::HashMap;
use std::sync::Arc;

use super::args::{CardArgs, CardFormat};
use super::gather::Gather;
use super::session::Session;
use super::{Failure, place};
use crate::card::Page;
use crate::corpus::pairs::{AnswerPair, read_pairs};
use crate::corpus::{Corpus, Prompt};
use crate::engine::{Job, ModelInfo};
use crate::model::source::{ModelSource, ModelSpec};
use crate::model::{Provenance, Unit};
use crate::scores::export::shortest;
use crate::scores::judging::Judging;
use crate::scores::study::{StudyOptions, StudySource, build};
use crate::scores::{Book, ModelId, PromptId, WordId};
use crate::stats::card::{Accuracy, CardOptions, card};
use crate::stats::study::Study;
use crate::text::visible;

/// The model that the card is about stands first.
const OWN: ModelId = ModelId(0);

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
        Some((pairs, several)) => judge(&mut gather, pairs, several, &mut notes)?,
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
    let none = || Provenance::of_recorded(String::new());
    let provenance = gather.infos.get(&OWN).map_or_else(none, |info| info.provenance.clone());
    let mut page = Page::new(card, &study, &corpus.name, provenance);
    (page.pairs, page.notes) = (accuracy, notes);
    let text = match args.format.unwrap_or_else(|| format_of(args)) {
        CardFormat::Text => page.text(),
        CardFormat::Markdown => page.markdown(),
        CardFormat::Json => page.json().map_err(Failure::run)?,
        CardFormat::Svg => page.figure().svg(),
    };
    for note in &page.notes {
        eprintln!("note: {}", visible(note));
    }
    let rests_on = |(id, info): (&ModelId, &'_ ModelInfo)| (id.0, info.provenance.clone());
    let mut rests_on: Vec<(u32, Provenance)> = gather.infos.iter().map(rests_on).collect();
    rests_on.sort_by_key(|(id, _)| *id);
    let rests_on: Vec<(&str, &Provenance)> = rests_on.iter().map(|(id, p)| (specs[*id as usize].name.as_str(), p)).collect();
    place::write(args.output.as_deref(), &text, &rests_on)
}

/// None where no pair could be judged. What was left out is noted.
fn judge(
    gather: &mut Gather,
    pairs: Vec<AnswerPair>,
    several_turns: usize,
    notes: &mut Vec<String>,
) -> Result<Option<Accuracy>, Failure> {
    let mut book = Book::default();
    let judging = Judging::new(pairs, several_turns, &mut book);
    let mut scores: HashMap<(PromptId, WordId), f64> = HashMap::new();
    let left_out = gather.score(judging.jobs(OWN, |_, _| false), &mut |_, prompt, found| {
        scores.extend(found.into_iter().map(|(word, score)| ((prompt, word), f64::from(score))));
    })?;
    let (accuracy, judged) = judging.judged(|prompt, word| scores.get(&(prompt, word)).copied());
    let unit = gather.infos.get(&OWN).map_or_else(Unit::default, |info| info.provenance.unit);
    notes.extend(judging.notes(judged, unit, left_out.first().map(|word| word.reason.as_str())));
    Ok(accuracy)
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

/// Over the words that every model has.
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
    let words: Vec<WordId> = (0..corpus.words.len() as u32).map(WordId).collect();
    let (study, told) = build(corpus, &words, prompts, &sources, &options).map_err(Failure::usage)?;
    notes.extend(told);
    let all = study.words.len();
    let study = study.of_common_words();
    if study.words.len() < all {
        notes.push(format!("{} of the {all} words of {}: those that every model has", study.words.len(), corpus.name));
    }
    Ok(study)
}
