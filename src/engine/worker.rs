//! The one thread that owns models and device.
//!
//! It holds the newest plan and runs the first job that can run, a batch at a time, looking for requests between batches.
//! Models are loaded when a job needs them and stay loaded while memory lasts; the one used longest ago goes first. One that
//! went and finds no room again waits for it.

mod memory_sharing;
mod reading;
mod storing;

use std::any::Any;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use candle_core::Device;

use super::batch::{Batches, Prefix, Step};
use super::events::{Events, failure, lock};
use super::fit::{BatchLimit, Fit};
use super::inspect::inspect;
use super::store_adapter::{Batch, StoreAdapter};
use super::{Event, InspectRequest, Inspection, Job, Phase, memory, vocabulary};
use crate::base::terms::{ModelId, PromptId};
use crate::model::format::files::{Files, SourceLabel};
use crate::model::loaded::LoadedModel;
use crate::model::{Cancel, LoadOptions, ModelError, checkpoint};
use storing::Unwritten;

/// How often progress within a load is sent.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);
/// How long a model waits before it is looked whether there is room for it now.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// How long requests alone are looked at before a store that was busy is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(20);

pub(super) enum Request {
    Open { model: ModelId, files: Files, label: SourceLabel, options: LoadOptions },
    Plan(Vec<Job>),
    Inspect(InspectRequest),
    Close(ModelId),
    Stop,
}

/// What the worker is doing, for the handle, which cancels it.
#[derive(Default)]
pub(super) struct Activity {
    model: Option<ModelId>,
    /// None while the model is loaded.
    prompt: Option<PromptId>,
    cancel: Cancel,
}

impl Activity {
    pub(super) fn cancel(&self) {
        self.cancel.set();
    }

    pub(super) fn cancel_model(&self, model: ModelId) {
        if self.model == Some(model) {
            self.cancel.set();
        }
    }

    /// Scoring goes on only for the job that is wanted first; loading, for any model that is wanted.
    pub(super) fn cancel_unless(&self, head: Option<(ModelId, PromptId)>, models: &[ModelId]) {
        let wanted = match (self.model, self.prompt) {
            (None, _) => true,
            (Some(model), None) => models.contains(&model),
            (Some(model), Some(prompt)) => head == Some((model, prompt)),
        };
        if !wanted {
            self.cancel.set();
        }
    }
}

struct Opened {
    files: Files,
    label: SourceLabel,
    options: LoadOptions,
    loaded: Option<Loaded>,
    failed: bool,
    /// It was loaded, and made room for another model.
    made_room: bool,
    /// When there was no room for it last, if it waits for that.
    waits_since: Option<Instant>,
}

impl Opened {
    /// It is loaded, or may be tried to load.
    fn can_run(&self) -> bool {
        !self.failed && self.waits_since.is_none_or(|at| at.elapsed() >= LOOK_AGAIN)
    }
}

struct Loaded {
    model: LoadedModel,
    prefix: Option<Prefix>,
    room: BatchLimit,
    /// What it was reckoned to take when it was loaded.
    fit: Fit,
    used: Instant,
}

/// A job with its pace.
struct Running {
    batches: Batches,
    started: Instant,
    total: usize,
    /// The store has been asked for what it knows of it.
    recalled: bool,
    /// The store's data version, which changes with every write of another program: when the store was asked for the whole job,
    /// and when it was asked last for the words that come next.
    recalled_at: Option<i64>,
    looked_at: Option<i64>,
}

pub(super) struct Worker {
    requests: Receiver<Request>,
    events: Events,
    activity: Arc<Mutex<Activity>>,
    models: HashMap<ModelId, Opened>,
    jobs: Vec<Running>,
    store: StoreAdapter,
    unwritten: Option<Unwritten>,
    /// The word that was inspected last, whose readings have not been sent.
    unread: Option<InspectRequest>,
    /// Bytes that are free on a device, where it tells.
    available: FreeFn,
    step: StepFn,
}

type FreeFn = Box<dyn Fn(&Device) -> Option<u64> + Send>;
type StepFn = Box<dyn Fn(&mut Batches, &LoadedModel, &mut Option<Prefix>, &Cancel) -> Result<Step, ModelError> + Send>;

impl Worker {
    pub(super) fn new(requests: Receiver<Request>, events: Events, activity: Arc<Mutex<Activity>>, store: StoreAdapter) -> Self {
        Worker {
            requests,
            events,
            activity,
            models: HashMap::new(),
            jobs: Vec::new(),
            store,
            unwritten: None,
            unread: None,
            available: Box::new(memory::free_on),
            step: Box::new(Batches::step),
        }
    }

    pub(super) fn run(mut self) {
        // The store was busy: it is asked again, but not at once.
        let mut is_waiting = false;
        loop {
            if std::mem::take(&mut is_waiting) {
                let goes_on = match self.requests.recv_timeout(ASK_AGAIN) {
                    Ok(request) => self.take(request),
                    Err(error) => error == RecvTimeoutError::Timeout,
                };
                if !goes_on {
                    return;
                }
            }
            // A computed batch is sent before anything else is done.
            if let Some(unwritten) = self.unwritten.take() {
                is_waiting = !self.finish(unwritten);
                continue;
            }
            if self.unread.is_some() {
                let cancel = Cancel::default();
                *lock(&self.activity) = Activity { cancel: cancel.clone(), ..Activity::default() };
                let goes_on = match self.requests.try_recv() {
                    Ok(request) => self.take(request),
                    Err(TryRecvError::Disconnected) => false,
                    Err(TryRecvError::Empty) => {
                        self.read(&cancel);
                        true
                    }
                };
                if !goes_on {
                    return;
                }
                *lock(&self.activity) = Activity::default();
                continue;
            }
            let opened = |job: &Running| self.models.get(&job.batches.job().model);
            // Known scores are sent before any is computed.
            let can_ask =
                |job: &Running| opened(job).is_some_and(|m| !m.failed) && !self.store.is_unread(job.batches.job().model);
            let unasked = self.jobs.iter().position(|job| !job.recalled && can_ask(job));
            let can_run = |job: &Running| opened(job).is_some_and(Opened::can_run);
            let Some(next) = unasked.or_else(|| self.jobs.iter().position(can_run)) else {
                let waits = self.jobs.iter().any(|job| opened(job).is_some_and(|m| m.waits_since.is_some()));
                let request = match waits {
                    true => self.requests.recv_timeout(LOOK_AGAIN),
                    false => self.requests.recv().map_err(RecvTimeoutError::from),
                };
                let goes_on = match request {
                    Ok(request) => self.take(request),
                    Err(error) => error == RecvTimeoutError::Timeout,
                };
                if !goes_on {
                    return;
                }
                continue;
            };
            let job = self.jobs[next].batches.job();
            let (model, prompt) = (job.model, job.prompt);
            let loaded = self.models.get(&model).is_some_and(|m| m.loaded.is_some());
            let cancel = Cancel::default();
            *lock(&self.activity) = Activity { model: Some(model), prompt: loaded.then_some(prompt), cancel: cancel.clone() };
            // Requests are looked for after the activity is stated: one that comes later finds it and cancels it.
            match self.requests.try_recv() {
                Ok(request) => {
                    if !self.take(request) {
                        return;
                    }
                    continue;
                }
                Err(TryRecvError::Disconnected) => return,
                Err(TryRecvError::Empty) => {}
            }
            // candle and tokenizers panic on some malformed input; the explorer and the other models go on.
            let outcome = catch_unwind(AssertUnwindSafe(|| match (unasked, loaded) {
                (Some(at), _) => self.recall(at, &cancel),
                (None, true) => self.score(next, &cancel).map(|()| true),
                (None, false) => self.load(model, &cancel).map(|()| true),
            }));
            let outcome = outcome.unwrap_or_else(|panic| {
                Err(ModelError::unsupported(self.name(model), panic_text(&*panic), "Please report this with the model's name"))
            });
            *lock(&self.activity) = Activity::default();
            self.tell_notices();
            match outcome {
                Ok(is_done) => is_waiting = !is_done,
                Err(error) => self.stopped(model, error, loaded),
            }
        }
    }

    /// False when the worker is to end.
    fn take(&mut self, request: Request) -> bool {
        match request {
            Request::Open { model, files, label, options } => {
                let vocabulary = options.vocabulary.then(|| vocabulary::read(&files));
                let failed = matches!(vocabulary, Some(Err(_)));
                self.forget(model);
                self.models
                    .insert(model, Opened { files, label, options, loaded: None, failed, made_room: false, waits_since: None });
                self.phase(model, Phase::Waiting);
                match vocabulary {
                    Some(Ok(corpus)) => self.tell(Event::Vocabulary { model, corpus: Arc::new(corpus) }),
                    Some(Err(error)) => self.phase(model, failure(error)),
                    None => {}
                }
            }
            Request::Plan(jobs) => {
                // A job that goes on keeps what it has tokenized, and its pace.
                let mut before = std::mem::take(&mut self.jobs);
                let failed = |model| self.models.get(&model).is_some_and(|opened| opened.failed);
                for job in jobs.into_iter().filter(|job| !job.words.is_empty() && !failed(job.model)) {
                    let known = before.iter().position(|old| old.batches.is_for(&job));
                    self.jobs.push(match known {
                        Some(at) => before.swap_remove(at),
                        None => Running {
                            total: job.words.len(),
                            started: Instant::now(),
                            batches: Batches::new(job),
                            recalled: !self.store.is_on(),
                            recalled_at: None,
                            looked_at: None,
                        },
                    });
                }
                for old in before {
                    let model = old.batches.job().model;
                    if !self.jobs.iter().any(|job| job.batches.job().model == model)
                        && self.models.get(&model).is_some_and(|m| !m.failed)
                    {
                        self.phase(model, Phase::Idle);
                    }
                }
            }
            Request::Inspect(request) => {
                self.inspect(request.clone());
                self.unread = Some(request);
            }
            Request::Close(model) => {
                self.models.remove(&model);
                // There may be room now for one that waits.
                self.models.values_mut().for_each(|opened| opened.waits_since = None);
                self.share_room();
                self.forget(model);
                self.jobs.retain(|job| job.batches.job().model != model);
            }
            Request::Stop => return false,
        }
        true
    }

    /// A model that is not loaded has its tokenizer read for this alone.
    fn inspect(&self, request: InspectRequest) {
        let InspectRequest { model, prompt_text, word, company, .. } = request;
        let answer = || -> Result<Inspection, ModelError> {
            let none =
                || ModelError::unsupported("the model", "its files are not here yet", "Wait until they are, or open it again");
            let opened = self.models.get(&model).ok_or_else(none)?;
            match opened.loaded.as_ref().map(|loaded| &loaded.model) {
                Some(LoadedModel::Reward(model)) => inspect(&model.tokenizer, None, &prompt_text, &word, &company),
                Some(LoadedModel::Language(model)) => inspect(&model.tokenizer, Some(model.form), &prompt_text, &word, &company),
                None => {
                    let (tokenizer, form) = checkpoint::read_tokenizer(&opened.files, &opened.options)?;
                    inspect(&tokenizer, form, &prompt_text, &word, &company)
                }
            }
        };
        let inspection = match catch_unwind(AssertUnwindSafe(answer)) {
            Ok(outcome) => outcome.map(Box::new).map_err(|error| error.to_string()),
            Err(panic) => Err(panic_text(&*panic)),
        };
        self.tell(Event::Inspected { model, prompt_text, word, inspection });
    }

    fn load(&mut self, model: ModelId, cancel: &Cancel) -> Result<(), ModelError> {
        let Some(fit) = self.make_room(model)? else { return Ok(()) };
        let Some(opened) = self.models.get_mut(&model) else { return Ok(()) };
        let mut progress = loading_phase(self.events.clone(), model, Some(fit));
        let Opened { files, label, options, .. } = &*opened;
        let (loaded, hashes) = if self.store.begins_to_load(model, files) {
            LoadedModel::load_and_hash(files, label, options, &mut progress, cancel)?
        } else {
            (LoadedModel::load(files, label, options, &mut progress, cancel)?, Vec::new())
        };
        let info = Box::new(loaded.info().clone());
        self.store.loaded(model, files, label, &info, hashes)?;
        opened.loaded = Some(Loaded { model: loaded, prefix: None, room: BatchLimit::of(&fit), fit, used: Instant::now() });
        self.share_room();
        self.tell(Event::Ready { model, info });
        self.phase(model, Phase::WarmingUp);
        for job in &mut self.jobs {
            job.started = Instant::now();
        }
        Ok(())
    }

    fn score(&mut self, at: usize, cancel: &Cancel) -> Result<(), ModelError> {
        while self.leave_to_others(at, cancel)? {}
        let Some(running) = self.jobs.get_mut(at) else { return Ok(()) };
        if running.batches.is_done() {
            self.end(at);
            return Ok(());
        }
        let (model, prompt) = (running.batches.job().model, running.batches.job().prompt);
        let Some(opened) = self.models.get_mut(&model) else { return Ok(()) };
        let Some(loaded) = opened.loaded.as_mut() else { return Ok(()) };
        loaded.used = Instant::now();
        let Loaded { model: weights, prefix, room, .. } = loaded;
        let step = room.run(&mut running.batches, |batches| (self.step)(batches, weights, prefix, cancel))?;
        let batch = Batch::new(&opened.label, running.batches.job(), &step.scores);
        self.unwritten = Some(Unwritten { step, batch, prompt });
        Ok(())
    }

    /// A job of which nothing is left.
    fn end(&mut self, at: usize) {
        let model = self.jobs.remove(at).batches.job().model;
        match self.jobs.iter_mut().find(|job| job.batches.job().model == model) {
            Some(next) => next.started = Instant::now(),
            None => self.phase(model, Phase::Idle),
        }
    }

    /// After a step that did not end well: what was cancelled stays as it is, what failed is not tried again.
    fn stopped(&mut self, model: ModelId, error: ModelError, loaded: bool) {
        let cancelled = matches!(error, ModelError::Cancelled);
        if cancelled && loaded {
            return;
        }
        if let Some(opened) = self.models.get_mut(&model) {
            opened.failed = !cancelled;
            opened.loaded = None;
        }
        self.jobs.retain(|job| job.batches.job().model != model);
        self.phase(model, failure(error));
    }

    fn name(&self, model: ModelId) -> String {
        self.models.get(&model).map(|opened| opened.label.name.clone()).unwrap_or_default()
    }

    fn phase(&self, model: ModelId, phase: Phase) {
        self.tell(Event::Phase { model, phase });
    }

    fn tell(&self, event: Event) {
        (self.events)(event);
    }
}

/// Tells of bytes read, as often as is good.
fn loading_phase(events: Events, model: ModelId, fit: Option<Fit>) -> impl FnMut(u64, u64) {
    let mut told = Instant::now() - PROGRESS_EVERY;
    move |done_bytes, total_bytes| {
        if told.elapsed() >= PROGRESS_EVERY {
            told = Instant::now();
            events(Event::Phase { model, phase: Phase::Loading { done_bytes, total_bytes, fit } });
        }
    }
}

pub(super) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the computation broke off: {}", text.unwrap_or("no reason given"))
}

#[cfg(test)]
mod tests;
