//! What the worker keeps and recalls: the store, and under which key each opened model's scores stand in it.
//!
//! A store that fails is told of once and then left alone: scoring goes on without it.

use std::collections::HashMap;

use super::Job;
use crate::model::checkpoint::SourceLabel;
use crate::model::files::Files;
use crate::model::{Cancel, LoadOptions, ModelError, ModelInfo};
use crate::scores::store::key::{self, IdentifyError, Key};
use crate::scores::store::{Store, StoreError, StoredWord, fingerprint};
use crate::scores::{ModelId, WordId};

/// Files that never lie still are not waited for.
const TRIES: usize = 3;

/// What is known of a model's place in the store.
enum Place {
    Known {
        key: Box<Key>,
        /// Of the files, when they were hashed.
        stamps: Vec<Option<Vec<u8>>>,
        /// Once it is loaded.
        info: Option<Box<ModelInfo>>,
    },
    /// Its scores are not kept.
    None,
}

/// What the store knew of a job.
#[derive(Default)]
pub(super) struct Recalled {
    /// Of the model, as it was when its scores were kept; only beside scores.
    pub(super) info: Option<Box<ModelInfo>>,
    pub(super) scores: Vec<(WordId, f32)>,
    /// What is left to compute, where it is less than the whole; without words where nothing is.
    pub(super) left: Option<Job>,
}

#[derive(Default)]
pub(super) struct Keeper {
    store: Option<Store>,
    places: HashMap<ModelId, Place>,
    /// What the user should know, not told yet.
    notices: Vec<String>,
}

impl Keeper {
    pub(super) fn new(store: Option<Store>) -> Self {
        Keeper { store, ..Keeper::default() }
    }

    pub(super) fn is_on(&self) -> bool {
        self.store.is_some()
    }

    /// Notices since the last call.
    pub(super) fn notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    /// The model is another one, or opened anew, or closed.
    pub(super) fn forget(&mut self, model: ModelId) {
        self.places.remove(&model);
    }

    /// What the store knows of a job. The first time for a model its files may have to be read through, of which
    /// `progress` is told; where they may not be read, the model has no place in the store before it is opened again.
    ///
    /// # Errors
    /// [`ModelError::Cancelled`]. What is wrong with the model's files is left for the load to say.
    pub(super) fn recall(
        &mut self,
        (files, label, options): (&Files, &SourceLabel, &LoadOptions),
        job: &Job,
        may_be_read: bool,
        progress: &mut dyn FnMut(u64, u64),
        cancel: &Cancel,
    ) -> Result<Recalled, ModelError> {
        self.identify(job.model, (files, label, options), may_be_read, progress, cancel)?;
        // The tokens are not in the store.
        if job.tokens {
            return Ok(Recalled::default());
        }
        match self.look_up(label, job) {
            Ok(recalled) => Ok(recalled),
            Err(error) => {
                self.give_up(&error);
                Ok(Recalled::default())
            }
        }
    }

    fn identify(
        &mut self,
        model: ModelId,
        (files, label, options): (&Files, &SourceLabel, &LoadOptions),
        may_be_read: bool,
        progress: &mut dyn FnMut(u64, u64),
        cancel: &Cancel,
    ) -> Result<(), ModelError> {
        if self.places.contains_key(&model) {
            return Ok(());
        }
        let mut place = Place::None;
        for _ in 0..TRIES {
            let Some(store) = &mut self.store else { break };
            let stamps = fingerprint::stamps(files, label);
            match key::identify(store, files, label, options, may_be_read, progress, cancel) {
                Ok(key) if stamps == fingerprint::stamps(files, label) => {
                    place = Place::Known { key: Box::new(key), stamps, info: None };
                    break;
                }
                // They were written to meanwhile.
                Ok(_) => {}
                Err(IdentifyError::Model(ModelError::Cancelled)) if may_be_read => return Err(ModelError::Cancelled),
                Err(IdentifyError::Model(_)) => break,
                Err(IdentifyError::Store(error)) => {
                    self.give_up(&error);
                    break;
                }
            }
        }
        self.places.insert(model, place);
        Ok(())
    }

    fn look_up(&self, label: &SourceLabel, job: &Job) -> Result<Recalled, StoreError> {
        let (Some(store), Some(Place::Known { key, .. })) = (&self.store, self.places.get(&job.model)) else {
            return Ok(Recalled::default());
        };
        let Some(mut info) = store.info(key)? else { return Ok(Recalled::default()) };
        let words: Vec<StoredWord<'_>> = stored_words(job).map(|(_, word)| word).collect();
        let known = store.known(key, &job.prompt_text, &words)?;
        if known.iter().all(Option::is_none) {
            return Ok(Recalled::default());
        }
        let scores = job.words.iter().zip(&known).filter_map(|((word, _), score)| Some((*word, (*score)?))).collect();
        let missing = |at: &usize| known.get(*at).is_some_and(Option::is_none);
        let left = Job {
            words: (0..job.words.len()).filter(missing).map(|at| job.words[at].clone()).collect(),
            token_ids: (0..job.token_ids.len()).filter(missing).map(|at| job.token_ids[at]).collect(),
            ..job.clone_without_words()
        };
        // The same content may lie elsewhere now; nothing of it is in memory.
        info.provenance.source.clone_from(&label.source);
        info.provenance.revision.clone_from(&label.revision);
        info.memory_bytes = 0;
        Ok(Recalled { info: Some(Box::new(info)), scores, left: Some(left) })
    }

    /// The model has been loaded: what is computed from now on rests on this.
    pub(super) fn loaded(&mut self, model: ModelId, files: &Files, label: &SourceLabel, info: &ModelInfo) {
        let Some(Place::Known { stamps, info: known, .. }) = self.places.get_mut(&model) else { return };
        if *stamps == fingerprint::stamps(files, label) {
            *known = Some(Box::new(info.clone()));
            return;
        }
        self.places.insert(model, Place::None);
        self.notices.push(format!(
            "{}: its files changed while it was opened, so its scores are not kept. Open it again once they are complete",
            label.name
        ));
    }

    /// Writes scores down before they are told. What is to be told is what stands in the store afterwards.
    pub(super) fn keep(&mut self, label: &SourceLabel, job: &Job, scores: &mut [(WordId, f32)]) {
        let Some(Place::Known { key, info: Some(info), .. }) = self.places.get(&job.model) else { return };
        let Some(store) = &mut self.store else { return };
        let texts: HashMap<WordId, StoredWord<'_>> = stored_words(job).collect();
        let known: Option<Vec<(StoredWord<'_>, f32)>> =
            scores.iter().map(|(word, score)| Some((*texts.get(word)?, *score))).collect();
        let Some(known) = known else { return };
        match store.keep(key, info, &label.name, &job.prompt_text, &known) {
            Ok(kept) => {
                for ((_, score), kept) in scores.iter_mut().zip(kept) {
                    *score = kept;
                }
            }
            Err(error) => self.give_up(&error),
        }
    }

    fn give_up(&mut self, error: &StoreError) {
        self.store = None;
        self.notices.push(format!("{error}. Scores are not kept from here on"));
    }
}

/// The words of a job as the store knows them.
fn stored_words(job: &Job) -> impl Iterator<Item = (WordId, StoredWord<'_>)> {
    let tokens = job.token_ids.iter().copied().map(Some).chain(std::iter::repeat(None));
    job.words.iter().zip(tokens).map(|((id, text), token)| (*id, (&**text, token)))
}
