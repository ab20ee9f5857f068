//! Models opened and asked without a screen, for commands that need all the numbers before they can say anything.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use super::Failure;
use super::args::StoreArgs;
use super::score::progress::Progress;
use super::session::Session;
use crate::corpus::Corpus;
use crate::engine::{Engine, Event, Job, ModelInfo, Phase, Recorded};
use crate::model::LoadOptions;
use crate::model::source::{ModelSource, ModelSpec};
use crate::scores::{ModelId, PromptId, WordId};

/// A word that a model could not be asked, and why.
pub(super) struct LeftOut {
    pub(super) model: ModelId,
    pub(super) prompt: PromptId,
    pub(super) reason: String,
}

/// The engine with some models; a model's id is its place in the list.
pub(super) struct Gather {
    engine: Engine,
    events: Receiver<Event>,
    specs: Vec<ModelSpec>,
    progress: Progress,
    unread: HashSet<ModelId>,
    pub(super) infos: HashMap<ModelId, ModelInfo>,
    pub(super) recorded: HashMap<ModelId, Recorded>,
    pub(super) vocabularies: HashMap<ModelId, Arc<Corpus>>,
    /// What a reader should know of the models.
    pub(super) notes: Vec<String>,
}

impl Gather {
    /// Opens the models, and waits for the files of those that are read as a whole: recorded scores, and vocabularies where
    /// the options ask for them.
    pub(super) fn open(session: &Session, specs: &[ModelSpec], options: LoadOptions) -> Result<Self, Failure> {
        let (sender, events) = channel();
        let (store, note) = session.store(&StoreArgs::from_env());
        let events_to = Arc::new(move |event| drop(sender.send(event)));
        let engine = Engine::start_with(session.catalogue.clone(), events_to, store)
            .map_err(|error| Failure::Run(format!("the system gave no thread for the model: {error}")))?;
        let mut gather = Gather {
            engine,
            events,
            specs: specs.to_vec(),
            progress: Progress::new(),
            unread: HashSet::new(),
            infos: HashMap::new(),
            recorded: HashMap::new(),
            vocabularies: HashMap::new(),
            notes: note.into_iter().collect(),
        };
        for (id, spec) in (0..).map(ModelId).zip(specs) {
            gather.engine.open(id, spec, options);
            if matches!(spec.source, ModelSource::Recorded(_)) || options.vocabulary {
                gather.unread.insert(id);
            }
        }
        while !gather.unread.is_empty() {
            gather.next(&mut |_, _, _| {}, &mut |_| {}, (1, 1))?;
        }
        gather.progress.clear();
        Ok(gather)
    }

    pub(super) fn spec(&self, model: ModelId) -> &ModelSpec {
        &self.specs[model.0 as usize]
    }

    /// Runs the jobs to their end. Scores go to `take` as they come; the words that could not be asked are given back.
    pub(super) fn score(
        &mut self,
        jobs: Vec<Job>,
        take: &mut dyn FnMut(ModelId, PromptId, Vec<(WordId, f32)>),
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
        Ok(left_out)
    }

    /// Takes in one event.
    fn next(
        &mut self,
        scores: &mut dyn FnMut(ModelId, PromptId, Vec<(WordId, f32)>),
        left_out: &mut dyn FnMut(LeftOut),
        place: (usize, usize),
    ) -> Result<(), Failure> {
        let event = self.events.recv().map_err(|_| Failure::Run("the engine ended before its work was done".to_owned()))?;
        match event {
            Event::Phase { phase: Phase::Failed(message), .. } => {
                self.progress.clear();
                return Err(Failure::Run(message));
            }
            Event::Phase { model, phase } => self.progress.show(&self.specs[model.0 as usize].name, &phase, place),
            Event::Ready { model, info } => {
                let name = &self.specs[model.0 as usize].name;
                let notes = info.provenance.policies.notes.iter().map(|note| format!("{name}: {note}"));
                // A model that had to make room for another is loaded again.
                if !self.infos.contains_key(&model) {
                    self.notes.extend(notes);
                }
                self.infos.insert(model, *info);
            }
            Event::Vocabulary { model, corpus } => {
                self.unread.remove(&model);
                self.vocabularies.insert(model, corpus);
            }
            Event::Recorded { model, recorded } => {
                self.unread.remove(&model);
                let name = &self.specs[model.0 as usize].name;
                self.notes.extend(recorded.notes.iter().map(|note| format!("{name}: {note}")));
                self.recorded.insert(model, *recorded);
            }
            Event::Scores { model, prompt, scores: found } => scores(model, prompt, found),
            Event::Unscorable { model, prompt, words } => {
                words.into_iter().for_each(|(_, reason)| left_out(LeftOut { model, prompt, reason }));
            }
            Event::Notice { text } => self.notes.push(text),
            // None of these is asked for.
            Event::Key { .. } | Event::Tokens { .. } | Event::Inspected { .. } => {}
        }
        Ok(())
    }
}
