//! The interface of the engine: open, plan, cancel, close.
//!
//! Downloads and recorded files have threads of their own, so that neither holds up scoring; everything that touches
//! weights goes to the worker.

use std::collections::HashMap;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::implicit::ImplicitPairs;
use super::store_adapter::StoreAdapter;
use super::worker::{Activity, Request, Worker};
use super::{Event, InspectRequest, Job, Phase};
use crate::base::file_error::FileError;
use crate::base::remedy::Remedy;
use crate::base::terms::{Family, ModelId};
use crate::catalogue::Catalogue;
use crate::engine::events::{Events, failure, lock};
use crate::model::format::config::{ModelConfig, Task};
use crate::model::format::files::Files;
use crate::model::{Cancel, LoadOptions, ModelInfo, hub};
use crate::recorded;
use crate::recorded::scores::Recorded;
use crate::scores::provenance::FileProvenance;
use crate::scores::store::Store;
use crate::sources::locate::{self, Located};
use crate::sources::resolve::{ModelSource, ModelSpec};

/// How long work that was cancelled may take to end. It looks at its flag often; what does not is stuck in other code.
const GRACE: Duration = Duration::from_secs(5);

/// Dropping it cancels what runs and waits for the worker to end, but not for one that is stuck: it ends with the program.
pub struct Engine {
    requests: Sender<Request>,
    activity: Arc<Mutex<Activity>>,
    downloads: Mutex<HashMap<ModelId, Cancel>>,
    catalogue: Arc<Catalogue>,
    pairs: Arc<ImplicitPairs>,
    events: Events,
    worker: JoinHandle<()>,
}

impl Engine {
    /// Starts the worker thread, without a store.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(catalogue: Arc<Catalogue>, events: Events) -> std::io::Result<Self> {
        Self::start_with(catalogue, events, None)
    }

    /// The same with a store: scores that are there are not computed, and each computed score is written before it is sent.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start_with(catalogue: Arc<Catalogue>, events: Events, store: Option<Store>) -> std::io::Result<Self> {
        let (requests, receiver) = channel();
        let activity = Arc::new(Mutex::new(Activity::default()));
        let pairs = ImplicitPairs::new(events);
        let events = pairs.sink();
        let worker = Worker::new(receiver, events.clone(), activity.clone(), StoreAdapter::new(store));
        let worker = std::thread::Builder::new().name("model".to_owned()).spawn(move || worker.run())?;
        Ok(Engine { requests, activity, downloads: Mutex::default(), catalogue, pairs, events, worker })
    }

    /// Makes a model known under `model`; its files are fetched at once where they must be, its weights loaded when a job
    /// asks for them. Opening the same id again tries again.
    pub fn open(&self, model: ModelId, spec: &ModelSpec, options: LoadOptions) {
        let options = self.catalogue.completed(options, &spec.source);
        match &spec.source {
            ModelSource::Bundled(_) | ModelSource::Directory(_) => {
                match locate::find(spec, &options, hub::Look::Brief, &|_| {}, &Cancel::default()) {
                    Ok(Located { files, label, .. }) => self.send(Request::Open { model, files, label, options }),
                    Err(error) => self.tell(Event::Phase { model, phase: failure(error) }),
                }
            }
            ModelSource::Hub { .. } => self.download(model, spec, options),
            ModelSource::Recorded(path) => self.read(model, path, recorded::read),
            ModelSource::Implicit { measure, models } => {
                if options.vocabulary {
                    let why =
                        format!("a pair of models has no vocabulary of its own. {} joins theirs", Remedy::ImplicitVocabulary);
                    return self.tell(Event::Phase { model, phase: Phase::Failed(format!("{}: {why}", spec.name)) });
                }
                // Told by a small file, before gigabytes are read.
                if let Some(reward) = models.iter().find(|spec| is_reward_model(spec)) {
                    let why = super::implicit::refusal(&reward.name, "is a reward model");
                    return self.tell(Event::Phase { model, phase: Phase::Failed(why) });
                }
                let parts = self.pairs.open(model, *measure, models);
                for (part, spec) in parts.into_iter().zip(models.iter()) {
                    self.open_language_model(part, spec, options.clone());
                }
            }
        }
    }

    /// As [`Engine::open`] for one of the two models of an implicit reward: where recorded log-probabilities have several for
    /// one text, because several tokens decode to it, the highest counts.
    pub fn open_language_model(&self, model: ModelId, spec: &ModelSpec, options: LoadOptions) {
        match &spec.source {
            ModelSource::Recorded(path) => self.read(model, path, recorded::read_most_probable),
            _ => self.open(model, spec, options),
        }
    }

    /// States the whole of what is to be scored, first things first. What runs and is not wanted first is cancelled.
    pub fn plan(&self, jobs: Vec<Job>) {
        let jobs = self.pairs.plan(jobs);
        let head = jobs.first().map(|job| (job.model, job.prompt));
        let models: Vec<ModelId> = jobs.iter().map(|job| job.model).collect();
        self.send(Request::Plan(jobs));
        self.activity().cancel_unless(head, &models);
    }

    /// Asks how an opened model reads a word; answered by [`Event::Inspected`] between two batches.
    pub fn inspect(&self, request: InspectRequest) {
        // Of a pair, as its first model reads it.
        let model = self.pairs.behind(request.model).first().copied().unwrap_or(request.model);
        self.send(Request::Inspect(InspectRequest { model, ..request }));
    }

    /// Ends a model's download or load; its scores and what was downloaded stay.
    pub fn cancel(&self, model: ModelId) {
        for model in self.pairs.behind(model) {
            if let Some(cancel) = lock(&self.downloads).get(&model) {
                cancel.set();
            }
            self.activity().cancel_model(model);
        }
    }

    /// Gives a model's memory back.
    pub fn close(&self, model: ModelId) {
        self.cancel(model);
        for part in self.pairs.behind(model) {
            self.send(Request::Close(part));
        }
        self.pairs.close(model);
    }

    /// Reads recorded scores on a thread of its own.
    fn read(&self, model: ModelId, path: &Path, reader: Reader) {
        let (events, catalogue, path) = (self.events.clone(), self.catalogue.clone(), path.to_owned());
        self.spawn(model, "recorded", move || read_recorded(model, &path, &catalogue, reader, &events));
    }

    fn download(&self, model: ModelId, spec: &ModelSpec, options: LoadOptions) {
        let cancel = Cancel::default();
        let mut look = hub::Look::Brief;
        if let Some(before) = lock(&self.downloads).insert(model, cancel.clone()) {
            before.set();
            // It is tried again, perhaps because the files in the cache are damaged.
            look = hub::Look::Whole;
        }
        let (events, requests, spec) = (self.events.clone(), self.requests.clone(), spec.clone());
        self.spawn(model, "download", move || {
            let progress = |progress: hub::Progress| events(Event::Phase { model, phase: progress.into() });
            match locate::find(&spec, &options, look, &progress, &cancel) {
                Ok(Located { files, label, notes }) => {
                    notes.into_iter().for_each(|text| events(Event::Notice { text }));
                    // The worker is gone only when the program ends.
                    let _ = requests.send(Request::Open { model, files, label, options });
                }
                Err(error) => events(Event::Phase { model, phase: failure(error) }),
            }
        });
    }

    fn spawn(&self, model: ModelId, name: &str, work: impl FnOnce() + Send + 'static) {
        if let Err(error) = std::thread::Builder::new().name(name.to_owned()).spawn(work) {
            self.tell(Event::Phase { model, phase: Phase::Failed(format!("the system gave no thread: {error}")) });
        }
    }

    fn send(&self, request: Request) {
        // The worker ends only after a `Stop`, which is sent on drop.
        let _ = self.requests.send(request);
    }

    fn tell(&self, event: Event) {
        (self.events)(event);
    }

    fn activity(&self) -> MutexGuard<'_, Activity> {
        lock(&self.activity)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.send(Request::Stop);
        for cancel in lock(&self.downloads).values() {
            cancel.set();
        }
        self.activity().cancel();
        let asked = Instant::now();
        while !self.worker.is_finished() && asked.elapsed() < GRACE {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Whether a checkpoint on this machine says that it is one; false where that is not known without weights.
pub fn is_reward_model(spec: &ModelSpec) -> bool {
    match &spec.source {
        ModelSource::Bundled(_) => true,
        ModelSource::Directory(path) => match Files::at(path) {
            files @ Files::Directory(_) => ModelConfig::read(&files).is_ok_and(|config| config.task == Task::Reward),
            _ => false,
        },
        ModelSource::Hub { .. } | ModelSource::Recorded(_) | ModelSource::Implicit { .. } => false,
    }
}

/// How a file of recorded scores is read.
type Reader = fn(&Path, &Catalogue) -> Result<(String, Family, Recorded), FileError>;

fn read_recorded(model: ModelId, path: &Path, catalogue: &Catalogue, reader: Reader, events: &Events) {
    match reader(path, catalogue) {
        Ok((_, family, recorded)) => {
            let provenance = FileProvenance::provenance_of(path);
            let family = if family == Family::Other { Family::guess(&provenance.architecture) } else { family };
            events(Event::Ready { model, info: Box::new(ModelInfo { family, provenance, memory_bytes: 0 }) });
            events(Event::Recorded { model, recorded: Box::new(recorded) });
            events(Event::Phase { model, phase: Phase::Idle });
        }
        Err(error) => events(Event::Phase { model, phase: Phase::Failed(error.to_string()) }),
    }
}
