//! `rewardscope tokens`: the best and the worst tokens of the vocabulary that several models share.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::args::{PageFormat, TokensArgs};
use super::headless::Headless;
use super::output;
use crate::base::terms::{ModelId, WordId};
use crate::base::text;
use crate::corpus::{Corpus, Prompt};
use crate::model::LoadOptions;
use crate::report::grid::DocumentFormat;
use crate::report::optimal::{SharedTokens, TokensOfModel};
use crate::scores::table::ScoreTable;
use crate::session::failure::Failure;
use crate::session::{Named, Session};
use crate::sources::resolve::ModelSpec;
use crate::stats::optimal::optimal;
use crate::stats::study::{Study, StudyModel, StudyPrompt, StudyWord};

pub(super) fn run(args: &TokensArgs) -> Result<(), Failure> {
    let session = Session::new()?;
    let Named { specs, mut notes } = session.named(&args.models)?;
    let prompts = session.prompts(&args.prompt)?;
    let options = LoadOptions { vocabulary: true, ..args.options.over(&session.settings) };
    let mut headless = Headless::open(&session, &specs, options, &args.store)?;
    let mut table = ScoreTable::default();
    headless.fill(&mut table, &Corpus::new("vocabulary"), &prompts)?;
    notes.extend(headless.take_notes());
    notes.splice(0..0, headless.asked_differently());
    let shared = shared(&specs, &headless, &mut table, &prompts, args.top.into(), notes)?;
    output::print(&match args.format {
        PageFormat::Json => format!("{}\n", text::visible_json(&serde_json::to_string(&shared).map_err(Failure::run)?)),
        PageFormat::Table => shared.page(DocumentFormat::Table),
        PageFormat::Markdown => shared.page(DocumentFormat::Markdown),
        PageFormat::Latex => shared.page(DocumentFormat::Latex),
    })
}

/// The tokens of one model, by their texts.
struct Tokens {
    /// The token of each text, the first of several.
    of_text: HashMap<Arc<str>, WordId>,
    /// In the order of the vocabulary.
    texts: Vec<Arc<str>>,
    told: TokensOfModel,
}

impl Tokens {
    fn new(model: &ModelSpec, tokens: Vec<(Arc<str>, WordId)>) -> Tokens {
        let all = tokens.len();
        let (mut of_text, mut texts) = (HashMap::with_capacity(all), Vec::with_capacity(all));
        for (text, id) in tokens {
            of_text.entry(text.clone()).or_insert_with(|| {
                texts.push(text);
                id
            });
        }
        let told =
            TokensOfModel { model: model.name.clone(), tokens: all, repeated: all - texts.len(), unscored: 0, not_shared: 0 };
        Tokens { of_text, texts, told }
    }
}

/// The words of each model, and of them those that all models have with a score under every prompt.
///
/// # Errors
/// Where there are fewer than two of them.
fn shared(
    specs: &[ModelSpec],
    headless: &Headless,
    table: &mut ScoreTable,
    prompts: &[Prompt],
    many: usize,
    notes: Vec<String>,
) -> Result<SharedTokens, Failure> {
    let prompt_ids: Vec<_> = prompts.iter().map(|prompt| table.prompt(&prompt.text)).collect();
    let mut of_models = Vec::new();
    for (id, spec) in (0..).map(ModelId).zip(specs) {
        let tokens: Vec<(Arc<str>, WordId)> = match (headless.vocabularies.get(&id), headless.recorded.get(&id)) {
            (Some(vocabulary), _) => {
                let ids = table.corpus(vocabulary);
                vocabulary.words.iter().map(|word| word.text.clone()).zip(ids).collect()
            }
            (None, Some(recorded)) => recorded.words.iter().map(|word| (word.clone(), table.word(word))).collect(),
            (None, None) => Vec::new(),
        };
        let mut of_model = Tokens::new(spec, tokens);
        let is_scored = |text: &Arc<str>| {
            let word = of_model.of_text.get(text).copied();
            word.is_some_and(|word| prompt_ids.iter().all(|prompt| table.score(id, *prompt, word).is_some()))
        };
        let (scored, unscored): (Vec<_>, Vec<_>) = of_model.texts.iter().cloned().partition(is_scored);
        (of_model.texts, of_model.told.unscored) = (scored, unscored.len());
        of_models.push(of_model);
    }
    let others: Vec<HashSet<Arc<str>>> = of_models.iter().skip(1).map(|of| of.texts.iter().cloned().collect()).collect();
    let words: Vec<Arc<str>> = of_models.first().map_or(Vec::new(), |first| first.texts.clone());
    let words: Vec<Arc<str>> = words.into_iter().filter(|text| others.iter().all(|other| other.contains(text))).collect();
    of_models.iter_mut().for_each(|of| of.told.not_shared = of.texts.len() - words.len());
    if words.len() < 2 {
        let told = of_models.iter().map(|of| {
            format!(
                "{}: {} tokens, of which {} have no score under these prompts",
                of.told.model, of.told.tokens, of.told.unscored
            )
        });
        let told: Vec<String> = told.collect();
        return Err(Failure::Use(format!(
            "these models share {} tokens: there is nothing to rank. {}. Name with --prompt a prompt that all of them have scores for",
            words.len(),
            told.join("; ")
        )));
    }
    let model = |(id, (spec, tokens)): (ModelId, (&ModelSpec, &Tokens))| StudyModel {
        name: spec.name.as_str().into(),
        family: spec.family.to_string().into(),
        scores: prompt_ids
            .iter()
            .map(|&prompt| {
                let score = |text: &Arc<str>| table.score(id, prompt, tokens.of_text[text]).unwrap_or(f64::NAN);
                Arc::new(words.iter().map(score).collect())
            })
            .collect(),
    };
    let study = Study {
        models: (0..).map(ModelId).zip(specs.iter().zip(&of_models)).map(model).collect(),
        prompts: prompts.iter().map(|prompt| StudyPrompt { label: prompt.label().into(), framing: prompt.framing }).collect(),
        words: words.iter().map(|text| StudyWord { text: text.clone(), categories: Vec::new() }).collect(),
        ..Study::default()
    };
    Ok(SharedTokens {
        shared: words.len(),
        models: of_models.into_iter().map(|of| of.told).collect(),
        optimal: optimal(&study, many),
        notes,
    })
}
