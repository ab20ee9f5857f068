//! Models opened and asked without a screen, for commands that need all the numbers before they can say anything.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use super::score::progress::Progress;
use crate::base::terms::{ModelId, PromptId, WordId};
use crate::corpus::{Corpus, Prompt};
use crate::engine::{Engine, Event, Job, Phase};
use crate::model::asking::differences;
use crate::model::{LoadOptions, ModelInfo};
use crate::recorded::scores::Recorded;
use crate::scores::table::ScoreTable;
use crate::session::Session;
use crate::session::arguments::StoreArgs;
use crate::session::failure::Failure;
use crate::sources::resolve::{ModelSource, ModelSpec};

/// A word that a model could not be asked, and why.
pub(super) struct LeftOut {
    pub(super) model: ModelId,
    pub(super) prompt: PromptId,
    pub(super) reason: String,
}

/// The engine with some models; a model's id is its place in the list.
pub(super) struct Headless {
    engine: Engine,
    events: Receiver<Event>,
    specs: Vec<ModelSpec>,
    progress: Progress,
    unread: HashSet<ModelId>,
    pub(super) infos: HashMap<ModelId, ModelInfo>,
    pub(super) recorded: HashMap<ModelId, Recorded>,
    pub(super) vocabularies: HashMap<ModelId, Arc<Corpus>>,
    failed: BTreeMap<ModelId, String>,
    /// Of no single model.
    notes: Vec<String>,
    of_models: BTreeMap<ModelId, Vec<String>>,
}

impl Headless {
    /// Opens the models, and waits for the files of those that are read as a whole: recorded scores, and vocabularies where
    /// the options ask for them. The store is not touched where nothing will be computed.
    ///
    /// # Errors
    /// Of the first model, in their order, that failed to open, whichever told so first.
    pub(super) fn open(session: &Session, specs: &[ModelSpec], options: LoadOptions, store: &StoreArgs) -> Result<Self, Failure> {
        let mut headless = Self::open_by(Engine::open, session, specs, options, store)?;
        headless.notes.extend(copies(specs, &headless.recorded));
        Ok(headless)
    }

    /// As [`Headless::open`] for the two language models of an implicit reward.
    pub(super) fn open_language_models(
        session: &Session,
        specs: &[ModelSpec; 2],
        options: LoadOptions,
        store: &StoreArgs,
    ) -> Result<Self, Failure> {
        Self::open_by(Engine::open_language_model, session, specs, options, store)
    }

    fn open_by(
        open: fn(&Engine, ModelId, &ModelSpec, LoadOptions),
        session: &Session,
        specs: &[ModelSpec],
        options: LoadOptions,
        store: &StoreArgs,
    ) -> Result<Self, Failure> {
        let (sender, events) = channel();
        let (store, note) = if specs.iter().any(is_computed) { session.store(store) } else { (None, None) };
        let events_to = Arc::new(move |event| {
            // Nobody listens only once the program ends.
            let _ = sender.send(event);
        });
        let engine = Engine::start_with(session.catalogue.clone(), events_to, store)
            .map_err(|error| Failure::Run(format!("the system gave no thread for the model: {error}")))?;
        let mut headless = Headless {
            engine,
            events,
            specs: specs.to_vec(),
            progress: Progress::new(),
            unread: HashSet::new(),
            infos: HashMap::new(),
            recorded: HashMap::new(),
            vocabularies: HashMap::new(),
            failed: BTreeMap::new(),
            notes: note.into_iter().collect(),
            of_models: BTreeMap::new(),
        };
        for (id, spec) in (0..).map(ModelId).zip(specs) {
            open(&headless.engine, id, spec, options.clone());
            if matches!(spec.source, ModelSource::Recorded(_)) || options.vocabulary {
                headless.unread.insert(id);
            }
        }
        while !headless.unread.is_empty() {
            headless.next(&mut |_, _, _| {}, &mut |_| {}, (1, 1))?;
        }
        headless.progress.clear();
        headless.fail()?;
        Ok(headless)
    }

    /// What a reader should know of the models, in their order; what holds for several is said once.
    pub(super) fn take_notes(&mut self) -> Vec<String> {
        let mut told: Vec<(String, Vec<&str>)> = Vec::new();
        for (model, notes) in std::mem::take(&mut self.of_models) {
            let name = &*self.specs[model.0 as usize].name;
            for note in notes {
                match told.iter_mut().find(|(known, _)| *known == note) {
                    Some((_, names)) => names.push(name),
                    None => told.push((note, vec![name])),
                }
            }
        }
        let mut all = std::mem::take(&mut self.notes);
        all.extend(told.into_iter().map(|(note, names)| format!("{}: {note}", names.join(", "))));
        all
    }

    /// Gives a list the words that its wildcards stand for, of those that recorded models have scores for.
    pub(super) fn expand(&self, corpus: &mut Corpus) {
        let mut recorded: Vec<_> = self.recorded.iter().collect();
        recorded.sort_by_key(|(id, _)| **id);
        if !recorded.is_empty() {
            corpus.expand(recorded.into_iter().flat_map(|(_, recorded)| &recorded.words).map(AsRef::as_ref));
        }
    }

    /// In what the models were asked differently.
    pub(super) fn asked_differently(&self) -> Vec<String> {
        let mut known: Vec<_> = self.infos.iter().collect();
        known.sort_by_key(|(id, _)| **id);
        let asked: Vec<_> = known.iter().map(|(id, info)| (self.spec(**id).name.as_str(), &info.provenance)).collect();
        differences(&asked).into_iter().map(|difference| difference.text).collect()
    }

    /// Ends where a model has failed.
    fn fail(&mut self) -> Result<(), Failure> {
        self.failed.pop_first().map_or(Ok(()), |(_, why)| Err(Failure::Run(why)))
    }

    pub(super) fn spec(&self, model: ModelId) -> &ModelSpec {
        &self.specs[model.0 as usize]
    }

    /// Runs the jobs to their end. Scores go to `take` as they come; the words that could not be asked are given back.
    pub(super) fn score(
        &mut self,
        jobs: Vec<Job>,
        take: &mut dyn FnMut(ModelId, PromptId, Vec<(WordId, f64)>),
    ) -> Result<Vec<LeftOut>, Failure> {
        let mut missing: usize = jobs.iter().map(|job| job.words.len()).sum();
        let of = jobs.len();
        let mut left: HashMap<(ModelId, PromptId), usize> = HashMap::new();
        for job in &jobs {
            *left.entry((job.model, job.prompt)).or_default() += job.words.len();
        }
        let mut left_out = Vec::new();
        self.engine.plan(jobs);
        while missing > 0 {
            let mut told = Vec::new();
            let at = (of - left.len() + 1).min(of);
            let before = left_out.len();
            self.fail()?;
            self.next(
                &mut |model, prompt, scores| {
                    told.push((model, prompt, scores.len()));
                    take(model, prompt, scores);
                },
                &mut |word| left_out.push(word),
                (at, of),
            )?;
            told.extend(left_out[before..].iter().map(|word: &LeftOut| (word.model, word.prompt, 1)));
            for (model, prompt, words) in told {
                missing = missing.saturating_sub(words);
                if let Some(n) = left.get_mut(&(model, prompt)) {
                    *n = n.saturating_sub(words);
                    if *n == 0 {
                        left.remove(&(model, prompt));
                    }
                }
            }
        }
        self.progress.clear();
        self.fail()?;
        Ok(left_out)
    }

    /// Puts the scores of all models into a table: of recorded models those under `prompts`, of the others those of the words
    /// of `corpus`, or of their vocabulary where that was asked for. Gives what could not be asked.
    pub(super) fn fill(&mut self, table: &mut ScoreTable, corpus: &Corpus, prompts: &[Prompt]) -> Result<Vec<LeftOut>, Failure> {
        let mut jobs = Vec::new();
        for model in (0..self.specs.len() as u32).map(ModelId) {
            if let Some(recorded) = self.recorded.get(&model) {
                recorded.insert_into(table, model, prompts);
                continue;
            }
            let corpus = self.vocabularies.get(&model).map_or(corpus, AsRef::as_ref);
            let texts = corpus.words.iter().map(|word| word.text.clone());
            let words: Vec<(WordId, Arc<str>)> = table.corpus(corpus).into_iter().zip(texts).collect();
            for prompt in prompts {
                let job = Job::new(model, table.prompt(&prompt.text), prompt.text.clone(), words.clone());
                jobs.push(Job { token_ids: corpus.tokens.clone(), ..job });
            }
        }
        self.score(jobs, &mut |model, prompt, scores| table.insert(model, prompt, scores))
    }

    /// Takes in one event.
    fn next(
        &mut self,
        scores: &mut dyn FnMut(ModelId, PromptId, Vec<(WordId, f64)>),
        left_out: &mut dyn FnMut(LeftOut),
        place: (usize, usize),
    ) -> Result<(), Failure> {
        let event = self.events.recv().map_err(|_| Failure::Run("the engine ended before its work was done".to_owned()))?;
        match event {
            Event::Phase { model, phase: Phase::Failed(message) } => {
                self.progress.clear();
                self.unread.remove(&model);
                self.failed.insert(model, message);
            }
            Event::Phase { model, phase } => self.progress.show(&self.specs[model.0 as usize].name, &phase, place),
            Event::Ready { model, info } => {
                // A model that had to make room for another is loaded again.
                if !self.infos.contains_key(&model) {
                    self.of_models.entry(model).or_default().extend(info.provenance.policies.notes.iter().cloned());
                }
                self.infos.insert(model, *info);
            }
            Event::Vocabulary { model, corpus } => {
                self.unread.remove(&model);
                self.vocabularies.insert(model, corpus);
            }
            Event::Recorded { model, recorded } => {
                self.unread.remove(&model);
                self.of_models.entry(model).or_default().extend(recorded.notes.iter().cloned());
                self.recorded.insert(model, *recorded);
            }
            Event::Scores { model, prompt, scores: found } => scores(model, prompt, found),
            Event::Unscorable { model, prompt, words } => {
                words.into_iter().for_each(|(_, reason)| left_out(LeftOut { model, prompt, reason }));
            }
            Event::Notice { text } => self.notes.push(text),
            // None of these is asked for.
            Event::Key { .. } | Event::Tokens { .. } | Event::Inspected { .. } | Event::Read { .. } => {}
        }
        Ok(())
    }
}

/// Whether a model's scores are computed, all of them or one part of a pair's.
fn is_computed(spec: &ModelSpec) -> bool {
    match &spec.source {
        ModelSource::Recorded(_) => false,
        ModelSource::Implicit { models, .. } => models.iter().any(is_computed),
        ModelSource::Bundled(_) | ModelSource::Hub { .. } | ModelSource::Directory(_) => true,
    }
}

/// Recorded models with the same scores, such as one that stands as CSV and as Parquet, or under two names.
fn copies(specs: &[ModelSpec], recorded: &HashMap<ModelId, Recorded>) -> Vec<String> {
    let known: Vec<(&ModelSpec, &Recorded)> =
        (0..).map(ModelId).zip(specs).filter_map(|(id, spec)| Some((spec, recorded.get(&id)?))).collect();
    let mut notes = Vec::new();
    for (i, (spec, scores)) in known.iter().enumerate() {
        if let Some((first, _)) = known[..i].iter().find(|(_, other)| are_alike(scores, other)) {
            let names = format!("{} and {}", first.name, spec.name);
            notes.push(format!("{names} have the same scores: if they are one model, it counts twice"));
        }
    }
    notes
}

/// Whether every score is the same, but for digits that a file may have rounded away.
fn are_alike(a: &Recorded, b: &Recorded) -> bool {
    const ROUNDED: f64 = 1e-7;
    let same = |(x, y): (&f64, &f64)| (x.is_nan() && y.is_nan()) || (x - y).abs() <= ROUNDED * x.abs().max(y.abs());
    let texts = |of: &Recorded| of.prompts.iter().map(|prompt| prompt.text.clone()).collect::<Vec<_>>();
    a.words == b.words
        && texts(a) == texts(b)
        && a.scores.iter().flatten().any(|score| !score.is_nan())
        && a.scores.iter().zip(&b.scores).all(|(a, b)| a.iter().zip(b).all(same))
}
