//! Models from a hub, seen from outside: a small server on 127.0.0.1 stands for huggingface.co.

// The helpers of a test may fail as loudly as the test itself.
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::support::hub_server::{Behaviour, COMMIT, HubServer, REPOSITORY, hash};
use rewardscope::model::hub::{self, HubSettings, Progress, Snapshot, Token, TokenOrigin};
use rewardscope::model::{Cancel, ModelError};
use tempfile::TempDir;

static WEIGHTS: [u8; 40_000] = [7; 40_000];
static TINY: [(&str, &[u8]); 5] = [
    ("README.md", b"not wanted"),
    ("config.json", b"{\"model_type\": \"llama\"}"),
    ("model.safetensors", &WEIGHTS),
    ("tokenizer.json", b"{}"),
    ("tokenizer_config.json", b"{\"chat_template\": \"\"}"),
];
const INDEX: &[u8] = br#"{"metadata": {"total_size": 6}, "weight_map": {"a": "model-00001-of-00002.safetensors",
    "b": "model-00002-of-00002.safetensors"}}"#;

/// A cache of its own for each test, and the settings that point to it.
struct Home {
    settings: HubSettings,
    _folder: TempDir,
}

impl Home {
    fn new(server: &HubServer) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let cache_dir = folder.path().join("hub");
        let patience = Duration::from_secs(30);
        let settings = HubSettings { endpoint: server.endpoint.clone(), cache_dir, token: None, offline: false, patience };
        Home { settings, _folder: folder }
    }

    fn fetch(&self) -> Result<Snapshot, ModelError> {
        self.fetch_revision(None)
    }

    fn fetch_revision(&self, revision: Option<&str>) -> Result<Snapshot, ModelError> {
        hub::fetch_with(&self.settings, REPOSITORY, revision, &|_| {}, &Cancel::default())
    }

    fn refusal(&self) -> String {
        self.fetch().expect_err("refused").to_string()
    }

    fn blob(&self, name: &str, bytes: &[u8]) -> std::path::PathBuf {
        self.settings.cache_dir.join("models--lab--tiny-reward/blobs").join(hash(name, bytes))
    }
}

fn without<'a>(files: &[(&'a str, &'a [u8])], names: &[&str]) -> Vec<(&'a str, &'a [u8])> {
    files.iter().filter(|(name, _)| !names.contains(name)).copied().collect()
}

fn sharded() -> Vec<(&'static str, &'static [u8])> {
    let mut files = without(&TINY, &["model.safetensors"]);
    files.push(("model.safetensors.index.json", INDEX));
    files.push(("model-00001-of-00002.safetensors", b"one"));
    files.push(("model-00002-of-00002.safetensors", b"two"));
    files
}

fn names_in(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    names
}

#[test]
fn a_repository_is_brought_once_and_then_opens_without_the_server() {
    let server = HubServer::start(&TINY, Behaviour::default());
    let home = Home::new(&server);
    let snapshot = home.fetch().expect("brought");
    assert_eq!(snapshot.revision, COMMIT);
    assert_eq!(names_in(&snapshot.directory), ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]);
    assert_eq!(std::fs::read(snapshot.directory.join("model.safetensors")).expect("read"), WEIGHTS);
    assert!(server.downloads_of("README.md").is_empty());

    let asked = server.requests().len();
    assert_eq!(home.fetch_revision(Some(COMMIT)).expect("cached"), snapshot);
    assert_eq!(server.requests().len(), asked, "a commit that lies in the cache needs no request");
    assert_eq!(home.fetch().expect("cached"), snapshot);
    assert_eq!(server.downloads_of("model.safetensors").len(), 1);

    drop(server);
    assert_eq!(home.fetch().expect("the branch falls back to its cached commit"), snapshot);
    let [model] = &hub::cached_models_in(&home.settings.cache_dir)[..] else { panic!("one model is complete") };
    assert_eq!((model.repository.as_str(), model.revision.as_str()), (REPOSITORY, COMMIT));
    assert_eq!(model.references, ["main"]);
    assert!(model.bytes > 40_000);
}

#[test]
fn offline_uses_a_full_cache_and_says_what_an_empty_one_lacks() {
    let server = HubServer::start(&TINY, Behaviour::default());
    let mut home = Home::new(&server);
    home.settings.offline = true;
    let message = home.refusal();
    for part in ["HF_HUB_OFFLINE is set", "models--lab--tiny-reward", "copy the folder"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    home.settings.offline = false;
    let snapshot = home.fetch().expect("brought");
    let asked = server.requests().len();
    home.settings.offline = true;
    assert_eq!(home.fetch().expect("cached"), snapshot);
    assert_eq!(server.requests().len(), asked);
    let [fast, other] = ["tokenizer.json", "tokenizer.model"].map(|name| snapshot.directory.join(name));
    std::fs::rename(&fast, &other).expect("renamed");
    assert!(home.refusal().contains("only in tokenizer.model"));
    std::fs::rename(other, fast).expect("renamed");
    std::fs::remove_file(snapshot.directory.join("model.safetensors")).expect("removed");
    assert!(home.refusal().contains("missing: model.safetensors"));
}

#[test]
fn progress_of_each_file_reaches_its_size() {
    let slow = Some(("model.safetensors", Duration::from_millis(10)));
    let server = HubServer::start(&TINY, Behaviour { slow, ..Behaviour::default() });
    let home = Home::new(&server);
    let seen = Mutex::new(Vec::<Progress>::new());
    let report = |progress| seen.lock().expect("no panic holds it").push(progress);
    hub::fetch_with(&home.settings, REPOSITORY, None, &report, &Cancel::default()).expect("brought");
    let seen = seen.into_inner().expect("no panic holds it");
    let weights: Vec<&Progress> = seen.iter().filter(|p| p.file == "model.safetensors").collect();
    assert!(weights.is_sorted_by_key(|p| p.done_bytes));
    assert!(weights.len() > 2 && weights.iter().any(|p| p.rate > 0.0), "{weights:?}");
    let last = weights.last().expect("reported");
    assert_eq!((last.done_bytes, last.total_bytes), (40_000, 40_000));
    assert!(seen.iter().any(|p| p.file == "config.json" && p.done_bytes == p.total_bytes));
}

#[test]
fn a_sharded_repository_is_brought_whole_also_from_a_mirror_without_listings() {
    for listing in [true, false] {
        let server = HubServer::start(&sharded(), Behaviour { listing, ..Behaviour::default() });
        let home = Home::new(&server);
        let snapshot = home.fetch().expect("brought");
        assert_eq!(std::fs::read(snapshot.directory.join("model-00002-of-00002.safetensors")).expect("read"), b"two");
        assert_eq!(hub::cached_models_in(&home.settings.cache_dir).len(), 1);
    }
}

#[test]
fn a_head_in_a_file_of_its_own_is_brought_also_to_a_folder_that_was_complete_without_it() {
    for listing in [true, false] {
        let behaviour = || Behaviour { listing, ..Behaviour::default() };
        let with_head = [&TINY[..], &[("value_head.safetensors", b"the head"), ("training_args.bin", b"not wanted")]].concat();
        let server = HubServer::start(&with_head, behaviour());
        let home = Home::new(&server);
        let snapshot = home.fetch().expect("brought");
        assert_eq!(std::fs::read(snapshot.directory.join("value_head.safetensors")).expect("read"), b"the head");
        assert!(!snapshot.directory.join("training_args.bin").exists());
        // As a version left it that knew of no such file.
        std::fs::remove_file(snapshot.directory.join("value_head.safetensors")).expect("removed");
        assert_eq!(home.fetch().expect("cached"), snapshot);
        assert!(snapshot.directory.join("value_head.safetensors").is_file(), "listing: {listing}");
    }
}

#[test]
fn a_shard_outside_the_folder_is_refused() {
    for hostile in ["../../../../evil.safetensors", "/tmp/evil.safetensors", "a/../../evil.safetensors"] {
        let index = format!(r#"{{"weight_map": {{"a": "{hostile}"}}}}"#);
        let mut files = sharded();
        files.retain(|(name, _)| *name != "model.safetensors.index.json");
        files.push(("model.safetensors.index.json", index.as_bytes()));
        let server = HubServer::start(&files, Behaviour::default());
        let message = Home::new(&server).refusal();
        assert!(message.contains(hostile) && message.contains("model.safetensors.index.json"), "{message}");
        assert!(!server.requests().iter().any(|request| request.path.contains("evil")));
    }
}

#[test]
fn a_missing_shard_and_other_formats_are_named() {
    let server = HubServer::start(&without(&sharded(), &["model-00002-of-00002.safetensors"]), Behaviour::default());
    let home = Home::new(&server);
    assert!(home.refusal().contains("names model-00002-of-00002.safetensors, which the repository does not have"));
    assert!(hub::cached_models_in(&home.settings.cache_dir).is_empty());

    let mut files = without(&TINY, &["model.safetensors"]);
    files.push(("pytorch_model.bin", b"pickle"));
    let server = HubServer::start(&files, Behaviour::default());
    assert!(Home::new(&server).refusal().contains("only in pytorch_model.bin"));

    let mut files = without(&TINY, &["tokenizer.json"]);
    files.push(("tokenizer.model", b"pieces"));
    let server = HubServer::start(&files, Behaviour::default());
    let home = Home::new(&server);
    assert!(home.refusal().contains("only in tokenizer.model"));
    assert!(!home.blob("model.safetensors", &WEIGHTS).exists(), "weights that cannot be used are not brought");
}

#[test]
fn a_gated_model_names_its_page_the_licence_and_the_token() {
    for (status, code) in [(401, "GatedRepo"), (403, "GatedRepo")] {
        let server = HubServer::start(&TINY, Behaviour { refusal: Some((status, code)), ..Behaviour::default() });
        let mut home = Home::new(&server);
        for token in [None, Token::new("hf_secret", TokenOrigin::Variable)] {
            home.settings.token = token;
            let message = home.refusal();
            for part in
                [&status.to_string(), "https://huggingface.co/lab/tiny-reward", "HF_TOKEN", "accept the licence on that page"]
            {
                assert!(message.contains(part), "{part}: {message}");
            }
            assert!(!message.contains("hf_secret"));
        }
    }
}

#[test]
fn the_token_is_sent_as_a_bearer() {
    let server = HubServer::start(&TINY, Behaviour { token: Some("hf_secret"), ..Behaviour::default() });
    let mut home = Home::new(&server);
    home.settings.token = Token::new("hf_wrong", TokenOrigin::File("/home/ada/token".into()));
    assert!(home.refusal().contains("does not accept the token from /home/ada/token"));
    home.settings.token = Token::new("hf_secret", TokenOrigin::Variable);
    home.fetch().expect("brought");
    let last = server.requests().pop().expect("asked");
    assert_eq!(last.headers.get("authorization").map(String::as_str), Some("Bearer hf_secret"));
}

#[test]
fn a_repository_or_revision_that_does_not_exist_is_said() {
    let server = HubServer::start(&TINY, Behaviour::default());
    let home = Home::new(&server);
    let fetch = |repository, revision| {
        let outcome = hub::fetch_with(&home.settings, repository, revision, &|_| {}, &Cancel::default());
        outcome.expect_err("not there").to_string()
    };
    assert!(fetch("lab/tiny-rewrad", None).contains("knows no such repository"));
    assert!(fetch(REPOSITORY, Some("v9")).contains("no revision 'v9'"));
    let asked = server.requests().len();
    for hostile in ["../etc", "lab/../../etc", "lab/tiny reward", "lab/tiny?x", "tiny"] {
        assert!(fetch(hostile, None).contains("not a Hugging Face repository id"), "{hostile}");
    }
    assert!(fetch(REPOSITORY, Some("../../main")).contains("is not a revision"));
    assert_eq!(server.requests().len(), asked, "a name that is refused reaches neither network nor disk");
}

#[test]
fn no_answer_says_how_to_go_on_without_a_network() {
    let server = HubServer::start(&TINY, Behaviour::default());
    let home = Home::new(&server);
    drop(server);
    let message = home.refusal();
    for part in ["no answer from http://127.0.0.1", "HF_HUB_OFFLINE", "HF_ENDPOINT", "copy the folder"] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[test]
fn cancel_ends_a_slow_transfer_and_the_next_one_goes_on_from_there() {
    let slow = Some(("model.safetensors", Duration::from_millis(20)));
    for ranges in [true, false] {
        let server = HubServer::start(&TINY, Behaviour { slow, ranges, ..Behaviour::default() });
        let home = Home::new(&server);
        let cancel = Cancel::default();
        let cancelled_at = Mutex::new(None);
        let stop_midway = |progress: Progress| {
            if progress.file == "model.safetensors" && progress.done_bytes > 5000 {
                cancelled_at.lock().expect("no panic holds it").get_or_insert_with(Instant::now);
                cancel.set();
            }
        };
        let outcome = hub::fetch_with(&home.settings, REPOSITORY, None, &stop_midway, &cancel);
        assert!(matches!(outcome, Err(ModelError::Cancelled)), "{outcome:?}");
        let waited = cancelled_at.into_inner().expect("no panic holds it").expect("cancelled").elapsed();
        assert!(waited < Duration::from_secs(2), "{waited:?}");
        assert!(home.blob("tokenizer.json", b"{}").is_file(), "whole files stay");
        assert!(hub::cached_models_in(&home.settings.cache_dir).is_empty());
        let came = home.blob("model.safetensors", &WEIGHTS).with_extension("incomplete").metadata().expect("kept").len();
        assert!((5000..40_000).contains(&came), "{came}");

        let snapshot = home.fetch().expect("brought");
        assert_eq!(std::fs::read(snapshot.directory.join("model.safetensors")).expect("read"), WEIGHTS);
        assert_eq!(server.downloads_of("tokenizer.json").len(), 1);
        let second = server.downloads_of("model.safetensors").pop().expect("asked again");
        assert_eq!(second.headers.get("range").cloned(), Some(format!("bytes={came}-39999")));
    }
}

#[test]
fn a_connection_that_breaks_is_taken_up_again() {
    let server = HubServer::start(&TINY, Behaviour { breaks_after: Some(9000), ..Behaviour::default() });
    let home = Home::new(&server);
    let snapshot = home.fetch().expect("brought");
    assert_eq!(std::fs::read(snapshot.directory.join("model.safetensors")).expect("read"), WEIGHTS);
    assert_eq!(server.downloads_of("model.safetensors").len(), 2);
}

#[test]
fn a_download_larger_than_the_disk_is_refused_before_it_begins() {
    // The small files lie in the cache already, so only the weights ask for room.
    let server = HubServer::start(&TINY, Behaviour { claimed_extra_bytes: 1 << 60, ..Behaviour::default() });
    let home = Home::new(&server);
    for name in ["config.json", "tokenizer.json", "tokenizer_config.json"] {
        let bytes = TINY.iter().find(|(file, _)| *file == name).expect("served").1;
        let blob = home.blob(name, bytes);
        std::fs::create_dir_all(blob.parent().expect("blobs")).expect("created");
        std::fs::write(blob, bytes).expect("written");
    }
    let message = home.refusal();
    assert!(message.contains("1152921.5 TB") && message.contains("free") && message.contains("HF_HOME"), "{message}");
    assert!(server.downloads_of("model.safetensors").is_empty());
}
