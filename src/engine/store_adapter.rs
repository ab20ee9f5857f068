//! The store as the worker uses it: the key of each opened model, scores looked up, and scores written.
//!
//! The worker waits while another program writes, in intervals so short that requests are answered in between. A damaged file is
//! set aside and a new store begun. A full disk is reported once and tried again with the next batch. Any other failure is
//! reported once, and scoring goes on without a store.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Job;
use crate::base::terms::{ModelId, WordId};
use crate::model::format::files::{Files, SourceLabel};
use crate::model::provenance::{Backend, Products, Stated};
use crate::model::{Cancel, LoadOptions, ModelError, ModelInfo};
use crate::scores::store::fingerprint::{Hashed, IdentifyError, Stamps, Unread};
use crate::scores::store::key::Key;
use crate::scores::store::{Store, StoreError, StoredWord, key};

/// How often a model is identified anew because its files changed meanwhile.
const TRIES: usize = 3;
/// After so long of waiting for another program a notice says why no score comes.
const TELL_AFTER: Duration = Duration::from_secs(1);

/// How far the key of a model's scores is known.
enum KeyState {
    /// The hash of its weights is not known yet; it is computed when they are loaded.
    Unread {
        /// Of the files, when the load began.
        stamps: Stamps,
    },
    /// It is loaded, and its weights were hashed meanwhile.
    Hashed { hashed: Hashed, stamps: Stamps, info: Box<ModelInfo> },
    Known {
        key: Box<Key>,
        /// Of the files, when they were hashed.
        stamps: Stamps,
        /// Once it is loaded.
        info: Option<Box<ModelInfo>>,
        /// The key has been sent as an event.
        told: bool,
    },
    /// Its scores are not kept.
    None,
}

/// The store's answer to the question which scores of a job it has.
pub(super) enum Answer {
    Known(Recalled),
    /// Another program is writing: ask again.
    Busy,
    /// Only once the model is loaded.
    Unread,
}

/// What the store has of a job.
#[derive(Default)]
pub(super) struct Recalled {
    /// The key of the model's scores, where it has just become known.
    pub(super) key: Option<Box<Key>>,
    /// Of the model, as it was when its scores were kept; only beside scores.
    pub(super) info: Option<Box<ModelInfo>>,
    pub(super) scores: Vec<(WordId, f32)>,
    /// The words that are left to compute, possibly none; `None` where that is the whole job.
    pub(super) left: Option<Job>,
}

/// Scores on their way into the store, with what they are kept under.
pub(super) struct Batch {
    model: ModelId,
    name: String,
    prompt: Arc<str>,
    /// Of the scores, in order.
    words: Vec<(Arc<str>, Option<u32>)>,
}

impl Batch {
    /// For scores of the words of a job.
    pub(super) fn new(label: &SourceLabel, job: &Job, scores: &[(WordId, f32)]) -> Self {
        let texts: HashMap<WordId, StoredWord<'_>> = stored_words(job).collect();
        let words = scores.iter().filter_map(|(word, _)| texts.get(word)).map(|(text, token)| (Arc::from(*text), *token));
        Batch { model: job.model, name: label.name.clone(), prompt: job.prompt_text.clone(), words: words.collect() }
    }

    pub(super) fn model(&self) -> ModelId {
        self.model
    }
}

/// How the writing of scores ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Writing {
    /// The scores may be sent.
    Done,
    /// Another program writes: they are to be brought again.
    Busy,
}

#[derive(Default)]
pub(super) struct StoreAdapter {
    store: Option<Store>,
    states: HashMap<ModelId, KeyState>,
    /// Notices that have not been sent yet.
    notices: Vec<String>,
    /// Since when another program has been waited for, and whether a notice has said so.
    waiting: Option<(Instant, bool)>,
    /// The disk was full when something was kept last.
    full: bool,
}

impl StoreAdapter {
    pub(super) fn new(store: Option<Store>) -> Self {
        store.iter().for_each(Store::be_brief);
        StoreAdapter { store, ..StoreAdapter::default() }
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
        self.states.remove(&model);
    }

    /// Whether the store can be asked for a model's scores only once the model has been loaded.
    pub(super) fn is_unread(&self, model: ModelId) -> bool {
        matches!(self.states.get(&model), Some(KeyState::Unread { .. }))
    }

    /// The model's files are about to be read. True where their hashes are to be taken on the way.
    pub(super) fn begins_to_load(&mut self, model: ModelId, files: &Files) -> bool {
        let Some(KeyState::Unread { stamps }) = self.states.get_mut(&model) else { return false };
        *stamps = Stamps::of(files);
        true
    }

    /// What the store knows of a job.
    ///
    /// # Errors
    /// [`ModelError::Cancelled`]. Errors of the model's files are left to the load.
    pub(super) fn recall(
        &mut self,
        (files, label, options): (&Files, &SourceLabel, &LoadOptions),
        job: &Job,
        cancel: &Cancel,
    ) -> Result<Answer, ModelError> {
        if !matches!(self.states.get(&job.model), Some(KeyState::Known { .. } | KeyState::None)) {
            let Some(state) = self.identify(job.model, (files, label, options), cancel)? else { return Ok(Answer::Busy) };
            self.states.insert(job.model, state);
        }
        if self.is_unread(job.model) {
            return Ok(Answer::Unread);
        }
        // The store has neither tokens nor readings.
        let known = if job.wants_scores_alone() { self.look_up(label, job) } else { Ok(Recalled::default()) };
        let known = match known {
            Ok(recalled) => recalled,
            Err(error) if self.is_to_wait(&error) => return Ok(Answer::Busy),
            Err(error) => {
                self.failed(error);
                Recalled::default()
            }
        };
        self.waiting = None;
        let key = match self.states.get_mut(&job.model) {
            Some(KeyState::Known { key, told: told @ false, .. }) => {
                *told = true;
                Some(key.clone())
            }
            _ => None,
        };
        Ok(Answer::Known(Recalled { key, ..known }))
    }

    /// Where a model's scores are kept; `None` where another program keeps the store from telling what it knows of the files.
    fn identify(
        &mut self,
        model: ModelId,
        (files, label, options): (&Files, &SourceLabel, &LoadOptions),
        cancel: &Cancel,
    ) -> Result<Option<KeyState>, ModelError> {
        let is_loaded = matches!(self.states.get(&model), Some(KeyState::Hashed { .. }));
        for _ in 0..TRIES {
            let Some(store) = &mut self.store else { return Ok(Some(KeyState::None)) };
            let (stamps, hashed, info) = match self.states.get(&model) {
                Some(KeyState::Hashed { hashed, stamps, info }) => (stamps.clone(), hashed.clone(), Some(info.clone())),
                _ => (Stamps::of(files), Hashed::default(), None),
            };
            match key::identify(store, files, label, options, &mut Unread::Loaded(&hashed), cancel) {
                Ok(Some(key)) if stamps.still_hold() => {
                    return Ok(Some(KeyState::Known { key: Box::new(key), stamps, info, told: false }));
                }
                Ok(None) if !is_loaded => return Ok(Some(KeyState::Unread { stamps })),
                // They were written to meanwhile.
                Ok(_) => {}
                Err(IdentifyError::Model(ModelError::Cancelled)) => return Err(ModelError::Cancelled),
                Err(IdentifyError::Model(_)) => break,
                Err(IdentifyError::Store(error)) if self.is_to_wait(&error) => return Ok(None),
                Err(IdentifyError::Store(error)) => self.failed(error),
            }
        }
        if is_loaded {
            self.notices.push(changed(&label.name));
        }
        Ok(Some(KeyState::None))
    }

    fn look_up(&self, label: &SourceLabel, job: &Job) -> Result<Recalled, StoreError> {
        let (Some(store), Some(KeyState::Known { key, .. })) = (&self.store, self.states.get(&job.model)) else {
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
            tokens: job.tokens,
            read_tokens: job.read_tokens,
            readings: job.readings,
            ..Job::new(job.model, job.prompt, job.prompt_text.clone(), Vec::new())
        };
        // The same content may lie elsewhere now; nothing of it is in memory.
        info.provenance.source.clone_from(&label.source);
        info.provenance.revision.clone_from(&label.revision);
        info.memory_bytes = 0;
        Ok(Recalled { key: None, info: Some(Box::new(info)), scores, left: Some(left) })
    }

    /// Changes with whatever another program writes; none without a store.
    pub(super) fn version(&self) -> Option<i64> {
        self.store.as_ref()?.version().ok()
    }

    /// Scores of `words` of a job that another program has written since they were asked for.
    pub(super) fn written_elsewhere(&mut self, job: &Job, words: &[(WordId, StoredWord<'_>)]) -> Vec<(WordId, f32)> {
        let (Some(store), Some(KeyState::Known { key, .. })) = (&self.store, self.states.get(&job.model)) else {
            return Vec::new();
        };
        let texts: Vec<StoredWord<'_>> = words.iter().map(|(_, text)| *text).collect();
        match store.known(key, &job.prompt_text, &texts) {
            Ok(known) => words.iter().zip(known).filter_map(|((word, _), score)| Some((*word, score?))).collect(),
            // Computed once more, it costs time alone; what fails here fails again where it is written.
            Err(_) => Vec::new(),
        }
    }

    /// The model has been loaded: what is computed from now on rests on this.
    ///
    /// # Errors
    /// Its files changed since they were identified: scores that were sent from the store are of other weights than those in
    /// memory, which may be half old and half new.
    pub(super) fn loaded(
        &mut self,
        model: ModelId,
        files: &Files,
        label: &SourceLabel,
        info: &ModelInfo,
        hashes: Vec<(PathBuf, blake3::Hash)>,
    ) -> Result<(), ModelError> {
        let Some(KeyState::Known { stamps, .. } | KeyState::Unread { stamps }) = self.states.get(&model) else { return Ok(()) };
        if !stamps.still_hold() {
            self.states.remove(&model);
            let next = "Open it again once they are complete";
            return Err(ModelError::unsupported(&label.name, "its files changed while it was opened", next));
        }
        let mut info = Box::new(info.clone());
        if let (Files::Directory(path) | Files::Gguf { file: path, .. }, None) = (files, &label.revision) {
            // As it is found from any folder.
            info.provenance.source = std::path::absolute(path).unwrap_or_else(|_| path.clone()).display().to_string();
        }
        match self.states.get_mut(&model) {
            Some(KeyState::Known { info: known, .. }) => *known = Some(info),
            Some(state @ KeyState::Unread { .. }) => {
                let KeyState::Unread { stamps } = std::mem::replace(state, KeyState::None) else { return Ok(()) };
                *state = KeyState::Hashed { hashed: stamps.hashed(hashes), stamps, info };
            }
            _ => {}
        }
        Ok(())
    }

    /// Writes scores before they are sent, and replaces each by the one that the store has afterwards.
    pub(super) fn keep(&mut self, batch: &Batch, scores: &mut [(WordId, f32)]) -> Writing {
        match self.write(batch, scores) {
            Ok(()) => {
                self.waiting = None;
                if std::mem::take(&mut self.full) {
                    self.notices.push("there is room on the disk again: scores are kept again".to_owned());
                }
                Writing::Done
            }
            Err(error) if self.is_to_wait(&error) => Writing::Busy,
            Err(error) => {
                let is_damaged = matches!(error, StoreError::Damaged { .. });
                self.failed(error);
                // Into the new store. Where that fails too, the scores are sent and not kept.
                if is_damaged && let Err(error) = self.write(batch, scores) {
                    self.failed(error);
                }
                Writing::Done
            }
        }
    }

    /// Writes scores into the store, where the model's are kept, and puts what is there now in their state.
    fn write(&mut self, batch: &Batch, scores: &mut [(WordId, f32)]) -> Result<(), StoreError> {
        let Some(KeyState::Known { key, info: Some(info), stamps, .. }) = self.states.get(&batch.model) else { return Ok(()) };
        if candle_took_over(key, info) {
            return Ok(());
        }
        let Some(store) = &mut self.store else { return Ok(()) };
        if scores.is_empty() || batch.words.len() != scores.len() {
            return Ok(());
        }
        if !stamps.still_hold() {
            self.notices.push(changed(&batch.name));
            self.states.insert(batch.model, KeyState::None);
            return Ok(());
        }
        let known: Vec<(StoredWord<'_>, f32)> =
            batch.words.iter().zip(&*scores).map(|((text, token), (_, score))| ((&**text, *token), *score)).collect();
        let kept = store.keep(key, info, &batch.name, &batch.prompt, &known)?;
        for ((_, score), kept) in scores.iter_mut().zip(kept.scores) {
            *score = kept;
        }
        Ok(())
    }

    /// Whether an error passes by itself, because another program is writing. After a while a notice says so.
    fn is_to_wait(&mut self, error: &StoreError) -> bool {
        let StoreError::Busy(path) = error else { return false };
        let (since, told) = self.waiting.get_or_insert_with(|| (Instant::now(), false));
        if !*told && since.elapsed() >= TELL_AFTER {
            *told = true;
            self.notices.push(format!("{}: another program is writing to it: scores wait until that is done", path.display()));
        }
        true
    }

    fn failed(&mut self, error: StoreError) {
        match (error, self.store.take()) {
            (StoreError::Damaged { problem, .. }, Some(store)) => match store.begin_anew(&problem) {
                Ok((store, note)) => {
                    store.be_brief();
                    self.store = Some(store);
                    self.notices.extend(note);
                }
                Err(error) => self.give_up(&error),
            },
            (error @ StoreError::Full(_), store) => {
                self.store = store;
                if !std::mem::replace(&mut self.full, true) {
                    self.notices.push(format!("{error}. Scores are not kept until there is"));
                }
            }
            (error, _) => self.give_up(&error),
        }
    }

    fn give_up(&mut self, error: &StoreError) {
        self.store = None;
        self.notices.push(format!("{error}. Scores are not kept from here on"));
    }
}

/// That a model's files are no longer those that it was loaded from.
fn changed(name: &str) -> String {
    format!(
        "{name}: its files have changed since it was opened, so what it scores from here on is not kept. Open it again once they \
         are complete"
    )
}

/// Whether our CUDA kernels, which the key names, gave way to candle when the model was loaded: the scores are not the key's.
fn candle_took_over(key: &Key, info: &ModelInfo) -> bool {
    let products = |kernel: &Stated<Backend>| kernel.known().map(|backend| backend.products);
    (products(&key.kernel), products(&info.provenance.kernel)) == (Some(Products::Cuda), Some(Products::Candle))
}

/// The words of a job as the store knows them.
pub(super) fn stored_words(job: &Job) -> impl Iterator<Item = (WordId, StoredWord<'_>)> {
    let tokens = job.token_ids.iter().copied().map(Some).chain(std::iter::repeat(None));
    job.words.iter().zip(tokens).map(|((id, text), token)| (*id, (&**text, token)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::terms::{Family, PromptId};
    use crate::model::Provenance;
    use crate::sources::bundled;

    #[test]
    fn scores_of_candle_are_not_kept_under_a_key_that_names_our_kernels() {
        let computed = |products| Stated::Known(Backend { products, build: None });
        let took_over = |planned, loaded| {
            let key = Key { kernel: computed(planned), ..Key::of_recorded("x") };
            let mut info = ModelInfo { family: Family::Llama, provenance: Provenance::of_recorded("x".into()), memory_bytes: 0 };
            info.provenance.kernel = computed(loaded);
            candle_took_over(&key, &info)
        };
        assert!(took_over(Products::Cuda, Products::Candle));
        assert!(!took_over(Products::Cuda, Products::Cuda) && !took_over(Products::Candle, Products::Candle));
    }

    #[test]
    fn a_full_disk_is_told_of_once_and_tried_again_with_every_batch() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(&folder.path().join("scores.sqlite")).unwrap();
        let mut keeper = StoreAdapter::new(Some(store));
        let files = Files::Bundled { name: "demo-llama", entries: bundled::bundled("demo-llama").unwrap() };
        let (label, options) = (SourceLabel::default(), LoadOptions::default());
        let job = |from: u32| Job {
            model: ModelId(0),
            prompt: PromptId(0),
            prompt_text: "p?".into(),
            words: (from..from + 500).map(|id| (WordId(id), format!("a word of some length, number {id}").into())).collect(),
            token_ids: Vec::new(),
            tokens: false,
            read_tokens: false,
            readings: Default::default(),
        };
        keeper.recall((&files, &label, &options), &job(0), &Cancel::default()).unwrap();
        let info = ModelInfo { family: Family::Llama, provenance: Provenance::of_recorded("x".into()), memory_bytes: 0 };
        keeper.loaded(ModelId(0), &files, &label, &info, Vec::new()).unwrap();
        let mut keep = |from: u32, pages: u32| {
            keeper.store.as_ref().unwrap().allow_pages(pages);
            let mut scores: Vec<_> = job(from).words.iter().map(|(word, _)| (*word, 1.5)).collect();
            let batch = Batch::new(&label, &job(from), &scores);
            assert_eq!(keeper.keep(&batch, &mut scores), Writing::Done, "it may be told in any case");
            (keeper.store.as_ref().unwrap().summary().unwrap().scores, keeper.notices())
        };
        assert_eq!(keep(0, 1_000_000), (500, vec![]));
        let (kept, notices) = keep(500, 1);
        assert!(kept == 500 && notices.len() == 1 && notices[0].contains("no room on the disk"), "{kept}, {notices:?}");
        assert_eq!(keep(1000, 1), (500, vec![]), "once");
        let (kept, notices) = keep(1500, 1_000_000);
        assert!(kept == 1000 && notices.len() == 1 && notices[0].contains("kept again"), "{kept}, {notices:?}");
    }
}
