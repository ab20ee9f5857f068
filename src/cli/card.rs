//! `rewardscope card`: one page on what a model values, where it stands among others, and how well it judges.

use std::collections::HashMap;
use std::sync::Arc;

use super::args::{CardArgs, CardFormat};
use super::headless::Headless;
use super::{output, ratings};
use crate::base::atomic_file::Destination;
use crate::base::terms::{ModelId, PromptId, Unit, WordId};
use crate::base::text::counted;
use crate::corpus::pairs::{AnswerPair, read_pairs};
use crate::corpus::{Corpus, Prompt};
use crate::engine::pairs::PreferencePairs;
use crate::model::Provenance;
use crate::report::card::CardPage;
use crate::report::grid::DocumentFormat;
use crate::scores::provenance::{FileProvenance, ModelProvenance};
use crate::scores::study::{StudyOptions, StudySource, build};
use crate::scores::table::ScoreTable;
use crate::session::failure::Failure;
use crate::session::{Named, Session, Words};
use crate::sources::resolve::{ModelSource, ModelSpec};
use crate::stats::card::{Accuracy, CardOptions, card};
use crate::stats::ratings::relations;
use crate::stats::study::{Comparable, Study};

/// The model that the card is about stands first.
const OWN: ModelId = ModelId(0);

pub(super) fn run(args: &CardArgs) -> Result<(), Failure> {
    let session = Session::new()?;
    let output = output::output(args.output.as_deref(), args.force)?;
    let format = format(args, &output)?;
    if args.words.vocabulary {
        return Err(Failure::Use("a card needs words with categories: give --corpus, not --vocabulary".to_owned()));
    }
    let mut names = vec![args.model.clone()];
    names.extend(args.others.iter().cloned());
    let Named { specs, notes: of_folders } = session.named(&names)?;
    if session.models(&names[..1])?.len() != 1 {
        return Err(Failure::Use(format!("{}: a folder of several models. Name the one that the card is about", args.model)));
    }
    let pairs = args.pairs.as_deref().map(read_pairs).transpose().map_err(Failure::usage)?;
    if let (ModelSource::Recorded(_), Some(_)) = (&specs[0].source, &pairs) {
        let why = "holds recorded scores, which do not judge pairs. Name the model itself, or leave out --pairs";
        return Err(Failure::Use(format!("{}: {why}", args.model)));
    }
    let Words { list, own } = session.words_apart(&args.words)?;
    let mut corpus = Arc::unwrap_or_clone(match list {
        Some(corpus) => corpus,
        None => session.default_corpus()?,
    });
    let given = session.ratings(&args.ratings)?;
    let load_options = args.options.over(&session.settings);
    let mut headless = Headless::open(&session, &specs, load_options.clone(), &args.store)?;
    headless.expand(&mut corpus);
    let prompts = prompts(args, &session, &headless)?;
    let mut notes = [of_folders, corpus.notes.clone()].concat();
    if !own.is_empty() {
        notes.push(format!("words given by --word beside a list are no part of the card: {}", own.join(", ")));
    }
    let study = study(args, &corpus, &prompts, &mut headless, &specs, &mut notes)?;
    let accuracy = match pairs {
        None => None,
        Some((pairs, several)) => judge(&mut headless, pairs, several, &mut notes)?,
    };
    let Comparable { study, own, .. } = comparable(study, &corpus, &mut notes)?;
    let options = CardOptions { replicates: args.replicates, seed: args.seed, ..CardOptions::default() };
    let card = card(&study, own, &options).ok_or_else(|| Failure::Run(format!("{}: it has no score", specs[0].name)))?;
    notes.extend(unframed(&study, card.positive_prompts + card.negative_prompts));
    if card.axes.is_empty() {
        notes.push(format!("no word of {} has a category, so there is no axis to lean on", corpus.name));
    }
    let mut beside = Vec::new();
    if let Some(given) = &given {
        let (columns, of_ratings) = ratings::of_study(given, &study, &specs, &headless, &load_options);
        beside.extend(relations(&study, &columns).into_iter().filter(|relation| *relation.model == *card.model));
        notes.extend(of_ratings);
    }
    notes.extend(headless.take_notes());
    notes.splice(0..0, headless.asked_differently());
    let none = || Provenance::of_recorded(String::new());
    let provenance = headless.infos.get(&OWN).map_or_else(none, |info| info.provenance.clone());
    let mut page = CardPage::new(card, &study, &corpus.name, provenance);
    (page.pairs, page.ratings, page.notes) = (accuracy, beside, notes);
    let written = match format {
        CardFormat::Text => page.document(DocumentFormat::Table).into_bytes(),
        CardFormat::Markdown => page.document(DocumentFormat::Markdown).into_bytes(),
        CardFormat::Latex => page.document(DocumentFormat::Latex).into_bytes(),
        CardFormat::Json => page.json().map_err(Failure::run)?.into_bytes(),
        CardFormat::Svg => page.figure().svg().into_bytes(),
        CardFormat::Png => page.figure().png().map_err(Failure::run)?,
    };
    for note in &page.notes {
        output::note(note);
    }
    let mut infos: Vec<_> = headless.infos.iter().collect();
    infos.sort_by_key(|(id, _)| **id);
    let models = infos.into_iter().map(|(&id, info)| ModelProvenance::new(&headless.spec(id).name, &info.provenance));
    output::write(output, &written, Some(&FileProvenance::new(models.collect(), &prompts)))
}

/// None where no pair could be judged. What was left out is noted.
fn judge(
    headless: &mut Headless,
    pairs: Vec<AnswerPair>,
    several_turns: usize,
    notes: &mut Vec<String>,
) -> Result<Option<Accuracy>, Failure> {
    let mut score_table = ScoreTable::default();
    let judging = PreferencePairs::new(pairs, several_turns, &mut score_table);
    let mut scores: HashMap<(PromptId, WordId), f64> = HashMap::new();
    let left_out = headless.score(judging.jobs(OWN, |_, _| false), &mut |_, prompt, found| {
        scores.extend(found.into_iter().map(|(word, score)| ((prompt, word), score)));
    })?;
    let (accuracy, judged) = judging.judged(|prompt, word| scores.get(&(prompt, word)).copied());
    let unit = headless.infos.get(&OWN).map_or_else(Unit::default, |info| info.provenance.unit);
    notes.extend(judging.notes(judged, unit, left_out.first().map(|word| word.reason.as_str())));
    Ok(accuracy)
}

fn format(args: &CardArgs, output: &Destination) -> Result<CardFormat, Failure> {
    let endings = [
        ("txt", CardFormat::Text, false),
        ("md", CardFormat::Markdown, false),
        ("markdown", CardFormat::Markdown, false),
        ("tex", CardFormat::Latex, false),
        ("json", CardFormat::Json, false),
        ("svg", CardFormat::Svg, true),
        ("png", CardFormat::Png, true),
    ];
    let format = output::format(args.format, output, &endings, CardFormat::Text)?;
    if format == CardFormat::Png && output.is_terminal() {
        return Err(Failure::Use("a PNG goes into a file: name it with --output".to_owned()));
    }
    Ok(format)
}

/// Those asked for; else all that a recorded model has; else the study's 54.
fn prompts(args: &CardArgs, session: &Session, headless: &Headless) -> Result<Vec<Prompt>, Failure> {
    match headless.recorded.get(&OWN) {
        Some(recorded) if args.words.prompt.is_empty() => Ok(recorded.prompts.clone()),
        _ if args.words.prompt.is_empty() => session.prompts(&["all".to_owned()]),
        _ => session.prompts(&args.words.prompt),
    }
}

/// The words and prompts by every model. Models without a score under some prompt, and words that could not be scored, are noted.
fn study(
    args: &CardArgs,
    corpus: &Corpus,
    prompts: &[Prompt],
    headless: &mut Headless,
    specs: &[ModelSpec],
    notes: &mut Vec<String>,
) -> Result<Study, Failure> {
    let mut table = ScoreTable::default();
    let words = table.corpus(corpus);
    let left_out = headless.fill(&mut table, corpus, prompts)?;
    if let Some(first) = left_out.first() {
        let (many, name) = (counted(left_out.len(), "time"), &specs[first.model.0 as usize].name);
        notes.push(format!("{many} a word could not be scored, first by {name}: {}", first.reason));
    }
    let prompt_ids: Vec<PromptId> = prompts.iter().map(|prompt| table.prompt(&prompt.text)).collect();
    let mut sources = Vec::new();
    for (id, spec) in (0..).map(ModelId).zip(specs) {
        let has_score = |prompt: &&PromptId| words.iter().any(|word| table.score(id, **prompt, *word).is_some());
        let scored = prompt_ids.iter().filter(has_score).count();
        if scored < prompts.len() {
            notes.push(format!("{}: scores under {scored} of {}", spec.name, counted(prompts.len(), "prompt")));
        }
        let family = headless.infos.get(&id).map_or(spec.family, |info| info.family);
        sources.push(StudySource {
            name: spec.name.as_str().into(),
            family: family.to_string().into(),
            columns: prompt_ids.iter().map(|&prompt| table.column(id, prompt)).collect(),
        });
    }
    let options = StudyOptions {
        category_prefix: args.category_prefix,
        exclude: args.exclude_category.clone(),
        families: args.family.clone(),
        scored_words_only: false,
    };
    let (study, of_study) = build(corpus, &words, prompts, &sources, &options).map_err(Failure::usage)?;
    notes.extend(of_study);
    Ok(study)
}

/// The study over the words that every model has, without models whose gaps would leave next to none.
fn comparable(study: Study, corpus: &Corpus, notes: &mut Vec<String>) -> Result<Comparable, Failure> {
    let all = study.words.len();
    let own = &study.models[OWN.0 as usize];
    if own.scores.iter().all(|column| column.iter().all(|score| score.is_nan())) {
        return Err(Failure::Run(format!(
            "{}: there is no score for any of these words and prompts. Give the list that it was scored with as --corpus, or name \
             its prompts with --prompt",
            own.name
        )));
    }
    let torn = format!(
        "{}: no word has a score under every prompt, and a card ranks one list of words under all of them. Name with --prompt the \
         prompts under which it is complete",
        own.name
    );
    let name = own.name.clone();
    let found = study.comparable(OWN.0 as usize).ok_or(Failure::Run(torn))?;
    let named = |of: &[Arc<str>]| of.iter().map(|name| name.to_string()).collect::<Vec<_>>().join(", ");
    let words = found.study.words.len();
    if words < all {
        let own = if found.own_words < all { format!("; {name} itself has {}", found.own_words) } else { String::new() };
        let gaps = if found.lacking.is_empty() { String::new() } else { format!("; with gaps: {}", named(&found.lacking)) };
        let what = "those that every model has under every prompt";
        notes.push(format!("{words} of the {all} words of {}: {what}{own}{gaps}", corpus.name));
    }
    if !found.left_out.is_empty() {
        let what = "left out, as its gaps would leave less than a quarter of the words";
        notes.push(format!("{what}: {}", named(&found.left_out)));
    }
    Ok(found)
}

/// Prompts that take no part beside `framed` others.
fn unframed(study: &Study, framed: usize) -> Option<String> {
    let labels: Vec<&str> = study.prompts.iter().filter(|prompt| prompt.framing.is_none()).map(|prompt| &*prompt.label).collect();
    let told = || format!("left out beside prompts of known framing, as theirs is not: {}", labels.join(", "));
    (framed > 0 && !labels.is_empty()).then(told)
}
