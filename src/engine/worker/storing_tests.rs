//! The worker and its store: what is told stands there, whoever else is at it, and nothing is lost or computed twice.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::*;
use crate::base::terms::WordId;
use crate::engine::events::{Events, lock};
use crate::engine::store_adapter::StoreAdapter;
use crate::engine::worker::Request;
use crate::engine::{InspectRequest, Job};
use crate::model::format::files::{Files, SourceLabel};
use crate::model::{LoadOptions, ModelInfo, Provenance};
use crate::scores::store::fingerprint::Unread;
use crate::scores::store::{Key, Store, key};
use crate::sources::bundled;

const MODEL: ModelId = ModelId(0);
const PROMPT: &str = "What is best?";
/// Long enough for a slow machine; reached only by a test that fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A worker with a store of its own.
struct Bench {
    folder: tempfile::TempDir,
    requests: Sender<Request>,
    events: Receiver<Event>,
    worker: Option<std::thread::JoinHandle<()>>,
    seen: Vec<Event>,
}

impl Bench {
    fn start(prepare: impl FnOnce(&Path, &mut Worker)) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let (requests, receiver) = channel();
        let (sender, events) = channel();
        let told: Events = Arc::new(move |event| drop(sender.send(event)));
        let (store, _) = Store::open(&path(folder.path())).unwrap();
        let mut worker = Worker::new(receiver, told, Arc::default(), StoreAdapter::new(Some(store)));
        prepare(folder.path(), &mut worker);
        let worker = std::thread::spawn(move || worker.run());
        Bench { folder, requests, events, worker: Some(worker), seen: Vec::new() }
    }

    fn open(&self, files: Files) {
        self.open_of(files, None);
    }

    /// The same of a commit.
    fn open_of(&self, files: Files, commit: Option<&str>) {
        let revision = commit.map(str::to_owned);
        let label = SourceLabel { name: "m".to_owned(), source: "lab/m".to_owned(), revision };
        self.requests.send(Request::Open { model: MODEL, files, label, options: LoadOptions::default() }).unwrap();
    }

    fn plan(&self, prompts: u32, words: &[String]) {
        let words: Vec<_> = (0..).map(WordId).zip(words.iter().map(|word| word.as_str().into())).collect();
        let job = |prompt| Job {
            model: MODEL,
            prompt: PromptId(prompt),
            prompt_text: if prompt == 0 { PROMPT.into() } else { format!("What is number {prompt}?").into() },
            words: words.clone(),
            token_ids: Vec::new(),
            tokens: false,
            read_tokens: false,
            readings: Default::default(),
        };
        self.requests.send(Request::Plan((0..prompts).map(job).collect())).unwrap();
    }

    #[track_caller]
    fn until(&mut self, what: &str, is_enough: impl Fn(&[Event]) -> bool) {
        while !is_enough(&self.seen) {
            let event = self.events.recv_timeout(PATIENCE);
            self.seen.push(event.unwrap_or_else(|_| panic!("{what} did not come: {:?}", self.seen)));
        }
    }

    fn scores(&self) -> Vec<(u32, f64)> {
        let scores = self.seen.iter().filter_map(|event| match event {
            Event::Scores { scores, .. } => Some(scores),
            _ => None,
        });
        scores.flatten().map(|(word, score)| (word.0, *score)).collect()
    }

    fn notices(&self) -> Vec<&str> {
        self.seen.iter().filter_map(|event| if let Event::Notice { text } = event { Some(text.as_str()) } else { None }).collect()
    }

    /// Scores in the store, and how many were computed for it.
    fn kept(&self) -> (usize, usize) {
        let runs = Store::open(&path(self.folder.path())).unwrap().0.runs().unwrap();
        (runs.iter().map(|run| run.scores).sum(), runs.iter().map(|run| run.computed).sum())
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = self.requests.send(Request::Stop);
        self.worker.take().map(std::thread::JoinHandle::join);
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join("scores.sqlite")
}

fn demo() -> Files {
    Files::Bundled { name: "demo-llama", entries: bundled::bundled("demo-llama").unwrap() }
}

fn words(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("word number {i}")).collect()
}

fn is_notice(event: &Event) -> bool {
    matches!(event, Event::Notice { .. })
}

/// Another program that writes to the store, for as long as it likes.
fn lock_store(folder: &Path) -> rusqlite::Connection {
    let other = rusqlite::Connection::open(path(folder)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    other
}

/// A model on disk that a test may write to. It was written just now.
fn copied(folder: &Path) -> Files {
    let (from, to) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/llama"), folder.join("model"));
    std::fs::create_dir(&to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
    Files::Directory(to)
}

/// The same, written long ago.
fn at_rest(folder: &Path) -> Files {
    let files = copied(folder);
    for entry in std::fs::read_dir(folder.join("model")).unwrap().flatten() {
        let long_ago = std::time::SystemTime::now() - Duration::from_secs(3600);
        std::fs::File::options().write(true).open(entry.path()).unwrap().set_modified(long_ago).unwrap();
    }
    files
}

fn is_ready(seen: &[Event]) -> bool {
    matches!(seen.last(), Some(Event::Phase { phase: Phase::Idle, .. }))
}

/// Writes a file again, as it was: it may be another one now.
fn touch(folder: &Path) {
    let path = folder.join("model/config.json");
    let text = std::fs::read(&path).unwrap();
    std::fs::write(path, text).unwrap();
}

#[test]
fn scores_wait_for_a_store_that_is_busy_and_all_of_them_come_and_are_kept() {
    let mut bench = Bench::start(|_, _| {});
    bench.open(demo());
    let other = lock_store(bench.folder.path());
    bench.plan(2, &words(40));
    bench.until("the notice", |seen| seen.iter().any(is_notice));
    assert!(bench.notices()[0].contains("another program is writing"), "{:?}", bench.notices());
    assert_eq!(bench.scores(), [], "nothing is told that is not kept");
    // It answers all the while.
    let word: Arc<str> = "love".into();
    let request = InspectRequest { model: MODEL, prompt_text: PROMPT.into(), word, company: Vec::new(), load: false };
    bench.requests.send(Request::Inspect(request)).unwrap();
    bench.until("an answer", |seen| seen.iter().any(|event| matches!(event, Event::Inspected { .. })));
    assert_eq!(bench.scores(), []);
    other.execute_batch("COMMIT").unwrap();
    bench.until("the end", |seen| matches!(seen.last(), Some(Event::Phase { phase: Phase::Idle, .. })));
    assert_eq!((bench.scores().len(), bench.kept()), (80, (80, 80)));
    assert_eq!(bench.notices().len(), 1, "once is enough");
}

#[test]
fn a_busy_store_holds_up_neither_a_cancel_nor_an_end() {
    let mut bench = Bench::start(|_, _| {});
    bench.open(demo());
    let other = lock_store(bench.folder.path());
    bench.plan(1, &words(40));
    bench.until("the notice", |seen| seen.iter().any(is_notice));
    let asked = Instant::now();
    bench.requests.send(Request::Plan(Vec::new())).unwrap();
    bench.until("the cancel", |seen| matches!(seen.last(), Some(Event::Phase { phase: Phase::Idle, .. })));
    bench.requests.send(Request::Stop).unwrap();
    bench.worker.take().unwrap().join().unwrap();
    // It takes a tenth of a second; a machine may be slow, but no store is waited for so long.
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    other.execute_batch("COMMIT").unwrap();
    assert_eq!((bench.scores(), bench.kept()), (vec![], (0, 0)));
}

#[test]
fn what_was_cancelled_while_the_store_was_busy_is_told_once_it_is_kept() {
    let mut bench = Bench::start(|_, _| {});
    bench.open(demo());
    let other = lock_store(bench.folder.path());
    bench.plan(1, &words(40));
    bench.until("the notice", |seen| seen.iter().any(is_notice));
    bench.plan(0, &[]);
    bench.plan(1, &words(40));
    other.execute_batch("COMMIT").unwrap();
    bench.until("all scores", |seen| {
        matches!(seen.last(), Some(Event::Phase { phase: Phase::Idle, .. }))
            && seen.iter().any(|e| matches!(e, Event::Scores { .. }))
    });
    let mut told: Vec<u32> = bench.scores().into_iter().map(|(word, _)| word).collect();
    told.sort_unstable();
    told.dedup();
    assert_eq!((told.len(), bench.kept()), (40, (40, 40)));
}

/// The key of the demonstration model, and a connection through which another program writes scores of it.
fn elsewhere(folder: &Path) -> (Store, Key) {
    let (mut store, _) = Store::open(&path(folder)).unwrap();
    let (label, options) = (SourceLabel::default(), LoadOptions::default());
    let mut read = |_, _| {};
    let key = key::identify(&mut store, &demo(), &label, &options, &mut Unread::Read(&mut read), &Cancel::default()).unwrap();
    (store, key.unwrap())
}

#[test]
fn what_another_program_has_written_is_told_and_not_computed_again() {
    let all = words(300);
    let steps: Arc<Mutex<Vec<usize>>> = Arc::default();
    let counted = steps.clone();
    let mut bench = Bench::start(|folder, worker| {
        let (folder, texts) = (folder.to_owned(), all.clone());
        worker.step = Box::new(move |batches, model, prefix, cancel| {
            let step = batches.step(model, prefix, cancel)?;
            lock(&counted).push(step.scores.len());
            if lock(&counted).len() == 1 {
                // It has all but the last hundred, the words of this very batch among them.
                let (mut store, key) = elsewhere(&folder);
                let info = ModelInfo {
                    family: crate::base::terms::Family::Other,
                    provenance: Provenance::of_recorded("x".into()),
                    memory_bytes: 0,
                };
                let scores: Vec<_> =
                    texts[..200].iter().zip(0..).map(|(text, at)| ((text.as_str(), None), 1000.0 + at as f32)).collect();
                store.keep(&key, &info, "m", PROMPT, &scores).unwrap();
            }
            Ok(step)
        });
    });
    bench.open(demo());
    bench.plan(1, &all);
    bench.until("the end", |seen| {
        matches!(seen.last(), Some(Event::Phase { phase: Phase::Idle, .. }))
            && seen.iter().any(|e| matches!(e, Event::Scores { .. }))
    });
    let mut told = bench.scores();
    told.sort_by_key(|(word, _)| *word);
    assert_eq!(told.iter().map(|(word, _)| *word).collect::<Vec<_>>(), (0..300).collect::<Vec<_>>(), "each once");
    let theirs = |(word, score): &(u32, f64)| *score == 1000.0 + f64::from(*word);
    assert_eq!(told.iter().take_while(|told| theirs(told)).count(), 200);
    assert!(!told[200..].iter().any(theirs));
    let steps = lock(&steps).clone();
    assert_eq!(steps.iter().sum::<usize>(), 100 + bench.kept().1 - 300, "only the batch in flight was computed twice");
    assert_eq!(bench.kept().0, 300);
}

#[test]
fn of_two_that_are_at_the_same_words_each_tells_every_word_once() {
    let texts = words(60);
    let mut bench = Bench::start(|folder, worker| {
        let (folder, texts) = (folder.to_owned(), texts.clone());
        worker.step = Box::new(move |batches, model, prefix, cancel| {
            batches.set_nodes(40);
            let step = batches.step(model, prefix, cancel)?;
            // The other one is a moment faster, each time.
            let (mut store, key) = elsewhere(&folder);
            let info = ModelInfo {
                family: crate::base::terms::Family::Other,
                provenance: Provenance::of_recorded("x".into()),
                memory_bytes: 0,
            };
            let scores: Vec<_> = step.scores.iter().map(|(word, _)| ((texts[word.0 as usize].as_str(), None), 7.0)).collect();
            store.keep(&key, &info, "m", &batches.job().prompt_text, &scores).unwrap();
            Ok(step)
        });
    });
    bench.open(demo());
    bench.plan(5, &texts);
    bench.until("the end", |seen| {
        matches!(seen.last(), Some(Event::Phase { phase: Phase::Idle, .. }))
            && seen.iter().any(|event| matches!(event, Event::Scores { .. }))
    });
    let mut told: Vec<(u32, u32)> = Vec::new();
    for event in &bench.seen {
        if let Event::Scores { prompt, scores, .. } = event {
            assert!(scores.iter().all(|(_, score)| *score == 7.0), "what stands in the store is told");
            told.extend(scores.iter().map(|(word, _)| (prompt.0, word.0)));
        }
    }
    told.sort_unstable();
    let all: Vec<(u32, u32)> = (0..5).flat_map(|prompt| (0..60).map(move |word| (prompt, word))).collect();
    assert_eq!(told, all);
}

#[test]
fn the_key_is_told_before_all_that_stands_under_it_and_the_fit_is_asked_for_once() {
    let looks: Arc<Mutex<usize>> = Arc::default();
    let counted = looks.clone();
    let mut bench = Bench::start(|_, worker| {
        worker.available = Box::new(move |_| {
            *lock(&counted) += 1;
            Some(u64::MAX)
        });
    });
    bench.open(demo());
    bench.plan(3, &words(5));
    bench.until("all scores", |seen| seen.iter().filter(|event| matches!(event, Event::Scores { .. })).count() == 3);
    let place = |is_it: fn(&Event) -> bool| bench.seen.iter().position(is_it).unwrap();
    assert!(place(|event| matches!(event, Event::Key { .. })) < place(|event| matches!(event, Event::Ready { .. })));
    assert_eq!(bench.seen.iter().filter(|event| matches!(event, Event::Key { .. })).count(), 1);
    assert_eq!(*lock(&looks), 2, "before it is loaded and after that: not at every prompt");
}

#[test]
fn a_model_whose_files_change_while_it_is_opened_fails_and_is_another_when_it_is_opened_again() {
    for known in [false, true] {
        let mut bench = Bench::start(|folder, worker| {
            let (folder, events, touched) = (folder.to_owned(), worker.events.clone(), Mutex::new(false));
            worker.events = Arc::new(move |event| {
                // What is loaded now is not what was looked up in the store.
                if matches!(event, Event::Phase { phase: Phase::Loading { .. }, .. })
                    && !std::mem::replace(&mut *lock(&touched), true)
                {
                    touch(&folder);
                }
                events(event);
            });
        });
        let files = at_rest(bench.folder.path());
        if known {
            let (mut store, _) = Store::open(&path(bench.folder.path())).unwrap();
            let (label, options, mut read) = (SourceLabel::default(), LoadOptions::default(), |_, _| {});
            key::identify(&mut store, &files, &label, &options, &mut Unread::Read(&mut read), &Cancel::default()).unwrap();
        }
        bench.open(files.clone());
        bench.plan(1, &words(5));
        bench.until("the failure", |seen| matches!(seen.last(), Some(Event::Phase { phase: Phase::Failed(_), .. })));
        let Some(Event::Phase { phase: Phase::Failed(why), .. }) = bench.seen.last() else { panic!("{:?}", bench.seen) };
        assert!(why.contains("m: its files changed while it was opened") && why.contains("Open it again"), "{why}");
        assert_eq!((bench.scores(), bench.kept()), (vec![], (0, 0)));
        bench.open(files);
        bench.plan(1, &words(5));
        bench.until("scores", |seen| seen.iter().any(|event| matches!(event, Event::Scores { .. })));
        assert_eq!(bench.kept(), (5, 5));
    }
}

#[test]
fn weights_are_read_once_and_known_without_being_read_from_then_on() {
    let free: Arc<Mutex<u64>> = Arc::new(Mutex::new(u64::MAX));
    let says = free.clone();
    let mut bench = Bench::start(|_, worker| worker.available = Box::new(move |_| Some(*lock(&says))));
    let files = at_rest(bench.folder.path());
    bench.open(files.clone());
    bench.plan(1, &words(5));
    bench.until("the end", is_ready);
    assert_eq!(bench.kept(), (5, 5));
    let mut read = Vec::new();
    for event in &bench.seen {
        if let Event::Phase { phase: Phase::Loading { done_bytes, fit, .. }, .. } = event {
            assert!(fit.is_some(), "nothing is read before it is known to fit");
            read.push(*done_bytes);
        }
    }
    assert!(!read.is_empty() && read.is_sorted(), "{read:?}");
    let scores = bench.scores();
    // Where there is no memory for it at all, what is known is told.
    *lock(&free) = 0;
    bench.seen.clear();
    bench.open(files.clone());
    bench.plan(1, &words(5));
    bench.until("the end", is_ready);
    assert_eq!((bench.scores(), bench.kept()), (scores, (5, 5)));
    assert!(!bench.seen.iter().any(|event| matches!(event, Event::Phase { phase: Phase::Loading { .. }, .. })));
    // The hash that was taken on the way is that of the files.
    let (mut store, _) = Store::open(&bench.folder.path().join("other.sqlite")).unwrap();
    let (label, options, mut told) = (SourceLabel::default(), LoadOptions::default(), 0);
    let mut read = |done, _| told = done;
    let key = key::identify(&mut store, &files, &label, &options, &mut Unread::Read(&mut read), &Cancel::default()).unwrap();
    let is_it = |event: &Event| matches!(event, Event::Key { key: it, .. } if Some(&**it) == key.as_ref());
    assert!(bench.seen.iter().any(is_it), "{key:?}");
    assert_eq!(told, files.weight_files().unwrap().bytes);
}

#[test]
fn what_is_kept_of_a_model_that_is_not_known_before_it_is_loaded_is_told_then_and_not_computed_again() {
    let mut bench = Bench::start(|_, _| {});
    // Written moments ago: its hash is not relied on.
    let files = copied(bench.folder.path());
    for _ in 0..2 {
        bench.seen.clear();
        bench.open(files.clone());
        bench.plan(1, &words(5));
        bench.until("the end", is_ready);
        assert_eq!((bench.scores().len(), bench.kept()), (5, (5, 5)));
        assert!(bench.seen.iter().any(|event| matches!(event, Event::Phase { phase: Phase::Loading { .. }, .. })));
    }
}

#[test]
fn a_file_that_changes_in_the_cache_under_its_commit_is_another_model() {
    let mut bench = Bench::start(|_, _| {});
    let files = at_rest(bench.folder.path());
    let mut came = Vec::new();
    for _ in 0..2 {
        bench.seen.clear();
        bench.open_of(files.clone(), Some("c0ffee"));
        bench.plan(1, &words(5));
        bench.until("the end", is_ready);
        let key =
            bench.seen.iter().find_map(|event| if let Event::Key { key, .. } = event { Some(key.content.clone()) } else { None });
        came.push((key.unwrap(), bench.scores()));
        // The last tensor, turned about.
        let weights = bench.folder.path().join("model/model.safetensors");
        let mut bytes = std::fs::read(&weights).unwrap();
        let end = bytes.len() - 64;
        bytes[end..].reverse();
        std::fs::write(&weights, bytes).unwrap();
    }
    let [(before, old), (after, new)] = &came[..] else { panic!("{came:?}") };
    assert!(
        [before, after].iter().all(|content| content.starts_with("hub:lab/m@c0ffee:")) && before != after,
        "{before}, {after}"
    );
    assert_ne!(old, new);
    assert_eq!(bench.kept(), (10, 10));
}

#[test]
fn a_model_whose_files_change_later_is_kept_no_longer_and_that_is_told_once() {
    let mut bench = Bench::start(|folder, worker| {
        let folder = folder.to_owned();
        worker.step = Box::new(move |batches, model, prefix, cancel| {
            let step = batches.step(model, prefix, cancel);
            if batches.job().prompt == PromptId(1) {
                touch(&folder);
            }
            step
        });
    });
    bench.open(copied(bench.folder.path()));
    bench.plan(3, &words(5));
    bench.until("all scores", |seen| seen.iter().filter(|event| matches!(event, Event::Scores { .. })).count() == 3);
    assert_eq!(bench.kept(), (5, 5), "the first prompt's, whose files were those that were hashed");
    let [notice] = bench.notices()[..] else { panic!("{:?}", bench.notices()) };
    assert!(notice.contains("m: its files have changed") && notice.contains("is not kept"), "{notice}");
}

#[test]
fn damage_is_set_aside_when_it_is_met_and_the_batch_goes_into_the_new_store() {
    let mut bench = Bench::start(|folder, worker| {
        let path = path(folder);
        worker.step = Box::new(move |batches, model, prefix, cancel| {
            let step = batches.step(model, prefix, cancel);
            if batches.job().prompt == PromptId(1) && step.is_ok() {
                let other = rusqlite::Connection::open(&path).unwrap();
                other.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
                drop(other);
                let mut bytes = std::fs::read(&path).unwrap();
                bytes[4096..].fill(0xa5);
                std::fs::write(&path, bytes).unwrap();
            }
            step
        });
    });
    bench.open(demo());
    bench.plan(2, &words(5));
    bench.until("all scores", |seen| seen.iter().filter(|event| matches!(event, Event::Scores { .. })).count() == 2);
    let [notice] = bench.notices()[..] else { panic!("{:?}", bench.notices()) };
    assert!(
        notice.contains("damaged") && notice.contains("set aside as") && notice.contains("a new store was begun"),
        "{notice}"
    );
    assert_eq!(bench.kept(), (5, 5), "the second prompt's");
}
