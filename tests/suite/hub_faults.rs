//! Faults of a hub, seen from outside: what comes wrong, cut, from elsewhere or not at all, and what lies damaged in the cache.

// The helpers of a test may fail as loudly as the test itself.
use std::path::PathBuf;
use std::time::Duration;

use crate::support::hub_server::{Behaviour, COMMIT, HubServer, REPOSITORY, hash};
use rewardscope::model::hub::{self, HubSettings, Look, Snapshot, Token, TokenOrigin};
use rewardscope::model::{Cancel, ModelError};
use tempfile::TempDir;

const CONFIG: &[u8] = b"{\"model_type\": \"llama\"}";
const PAGE: &[u8] = b"<html>Please log in.</html>";
static WRONG: [u8; 93] = [9; 93];

/// Safetensors of so many bytes of values.
fn weights(values: usize) -> Vec<u8> {
    let header = format!("{{\"a\":{{\"dtype\":\"U8\",\"shape\":[{values}],\"data_offsets\":[0,{values}]}}}}");
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![7; values]].concat()
}

fn files(weights: &[u8]) -> Vec<(&'static str, &[u8])> {
    let [template, tokenizer] = [&b"{\"chat_template\": \"\"}"[..], b"{}"];
    vec![
        ("config.json", CONFIG),
        ("model.safetensors", weights),
        ("tokenizer.json", tokenizer),
        ("tokenizer_config.json", template),
    ]
}

struct Home {
    settings: HubSettings,
    _folder: TempDir,
}

impl Home {
    fn new(server: &HubServer) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = HubSettings {
            endpoint: server.endpoint.clone(),
            cache_dir: folder.path().join("hub"),
            token: None,
            offline: false,
            patience: Duration::from_secs(60),
        };
        Home { settings, _folder: folder }
    }

    fn fetch(&self, revision: Option<&str>, look: Look) -> Result<Snapshot, ModelError> {
        hub::fetch_looking(&self.settings, REPOSITORY, revision, look, &|_| {}, &Cancel::default())
    }

    fn brought(&self) -> Snapshot {
        self.fetch(None, Look::Brief).expect("brought")
    }

    fn refusal(&self) -> String {
        self.fetch(None, Look::Brief).expect_err("refused").to_string()
    }

    fn blob(&self, name: &str, bytes: &[u8]) -> PathBuf {
        self.settings.cache_dir.join("models--lab--tiny-reward/blobs").join(hash(name, bytes))
    }
}

#[test]
fn wrong_bytes_are_discarded_and_fetched_once_more_and_then_an_error() {
    let sound = weights(30);
    assert_eq!(sound.len(), WRONG.len(), "of the right length");
    let wrong: [(&str, &[u8]); 2] = [("model.safetensors", &WRONG), ("config.json", b"{\"model_type\": \"gemma\"}")];
    for (name, other) in wrong {
        for (times, is_brought) in [(1, true), (usize::MAX, false)] {
            for listing in [true, false] {
                let behaviour = Behaviour { instead: Some((name, other, times)), listing, ..Behaviour::default() };
                let server = HubServer::start(&files(&sound), behaviour);
                let home = Home::new(&server);
                let outcome = home.fetch(None, Look::Brief);
                assert_eq!(server.downloads_of(name).len(), 2, "{name}");
                let wanted = files(&sound).into_iter().find(|(file, _)| *file == name).expect("served").1.to_vec();
                match outcome {
                    Ok(snapshot) => {
                        assert!(is_brought);
                        assert_eq!(std::fs::read(snapshot.directory.join(name)).expect("read"), wanted);
                        assert!(snapshot.notes.is_empty(), "{:?}", snapshot.notes);
                    }
                    Err(error) => {
                        let told = error.to_string();
                        assert!(!is_brought && told.contains(name) && told.contains("Nothing of it was kept"), "{told}");
                        let blob = home.blob(name, &wanted);
                        assert!(!blob.exists() && !blob.with_extension("incomplete").exists());
                    }
                }
            }
        }
    }
}

#[test]
fn a_transfer_that_goes_on_from_wrong_bytes_is_begun_anew() {
    let sound = weights(40_000);
    let server = HubServer::start(&files(&sound), Behaviour::default());
    let home = Home::new(&server);
    let blob = home.blob("model.safetensors", &sound);
    std::fs::create_dir_all(blob.parent().expect("blobs")).expect("created");
    std::fs::write(blob.with_extension("incomplete"), [0; 9000]).expect("written");
    let snapshot = home.brought();
    assert_eq!(std::fs::read(snapshot.directory.join("model.safetensors")).expect("read"), sound);
    let asked: Vec<_> = server.downloads_of("model.safetensors").iter().map(|r| r.headers.get("range").cloned()).collect();
    assert_eq!(asked, [Some(format!("bytes=9000-{}", sound.len() - 1)), None]);
}

#[test]
fn what_no_hash_speaks_for_is_told_of_and_a_web_page_or_a_cut_file_is_refused() {
    let sound = weights(40_000);
    let bare = Behaviour { listing: false, hashes: false, lengths: false, ..Behaviour::default() };
    let server = HubServer::start(&files(&sound), bare.clone());
    let home = Home::new(&server);
    for snapshot in [home.brought(), home.brought()] {
        let told = snapshot.notes.join("\n");
        assert!(told.contains("model.safetensors") && told.contains("could not be verified"), "{told}");
    }
    let page = Behaviour { instead: Some(("tokenizer.json", PAGE, usize::MAX)), ..bare.clone() };
    let cut_json = Behaviour { cut: Some(("config.json", 9)), ..bare.clone() };
    let cut_weights = Behaviour { cut: Some(("model.safetensors", 20_000)), ..bare };
    for (behaviour, naming) in [
        (page, ["tokenizer.json", "web page"]),
        (cut_json, ["config.json", "not whole JSON"]),
        (cut_weights, ["model.safetensors", "its header says"]),
    ] {
        let server = HubServer::start(&files(&sound), behaviour);
        let home = Home::new(&server);
        let told = home.refusal();
        assert!(naming.iter().all(|part| told.contains(part)), "{naming:?}: {told}");
        assert!(hub::cached_models_in(&home.settings.cache_dir).is_empty());
    }
}

#[test]
fn a_file_that_is_damaged_in_the_cache_is_named_and_replaced() {
    let sound = weights(40_000);
    for (name, damage) in [
        ("config.json", b"{\"model_type\": \"gemma\"}".to_vec()),
        ("tokenizer.json", PAGE.to_vec()),
        ("model.safetensors", vec![0; sound.len()]),
    ] {
        let server = HubServer::start(&files(&sound), Behaviour::default());
        let mut home = Home::new(&server);
        let snapshot = home.brought();
        let path = snapshot.directory.join(name);
        let whole = std::fs::read(&path).expect("read");
        let spoil = || std::fs::write(&path, &damage).expect("written");
        spoil();
        let model = &hub::cached_models_in(&home.settings.cache_dir)[0];
        assert!(hub::damaged_in(&home.settings.cache_dir, model)[0].starts_with(name));

        home.settings.offline = true;
        let told = home.refusal();
        assert!(told.contains(name) && told.contains("damaged") && told.contains("HF_HUB_OFFLINE"), "{told}");
        assert!(path.exists(), "what cannot be brought anew stays");
        home.settings.offline = false;
        for revision in [None, Some(COMMIT)] {
            spoil();
            let again = home.fetch(revision, Look::Brief).expect("brought");
            assert!(again.notes.iter().any(|note| note.contains(name) && note.contains("downloaded anew")), "{:?}", again.notes);
            assert_eq!(std::fs::read(&path).expect("read"), whole, "{name}");
            assert!(home.fetch(revision, Look::Brief).expect("cached").notes.is_empty());
        }
        spoil();
        drop(server);
        let told = home.refusal();
        assert!(told.contains(name) && told.contains("damaged") && told.contains("no answer"), "{told}");
    }
}

#[test]
fn a_close_look_finds_one_wrong_byte_in_large_weights() {
    let sound = weights(33 << 20);
    let server = HubServer::start(&files(&sound), Behaviour::default());
    let home = Home::new(&server);
    let path = home.brought().directory.join("model.safetensors");
    let mut wrong = sound.clone();
    wrong[20 << 20] ^= 1;
    std::fs::write(&path, &wrong).expect("written");
    let snapshot = home.fetch(Some(COMMIT), Look::Whole).expect("brought");
    assert!(snapshot.notes[0].contains("model.safetensors") && snapshot.notes[0].contains("downloaded anew"));
    assert!(std::fs::read(&path).expect("read") == sound);
}

#[test]
fn a_server_that_takes_a_request_and_says_nothing_is_given_up() {
    let sound = weights(40_000);
    for silent in [("GET", "/model.safetensors"), ("GET", "/config.json"), ("HEAD", "/config.json"), ("GET", COMMIT)] {
        let server = HubServer::start(&files(&sound), Behaviour { silent: Some(silent), ..Behaviour::default() });
        let mut home = Home::new(&server);
        home.settings.patience = Duration::from_millis(1500);
        let told = home.refusal();
        assert!(told.contains("no answer"), "{silent:?}: {told}");
        if silent.0 == "GET" && silent.1 != COMMIT {
            assert!(told.contains("said nothing for 1.5 s") && told.contains(silent.1.trim_start_matches('/')), "{told}");
        }
    }
}

#[test]
fn a_list_that_goes_on_at_another_host_is_not_followed_and_the_token_stays() {
    let sound = weights(30);
    let elsewhere = HubServer::start(&files(&sound), Behaviour::default());
    let next_page = Some(format!("{}/api/models/{REPOSITORY}/tree/{COMMIT}?cursor=1", elsewhere.endpoint));
    let server = HubServer::start(&files(&sound), Behaviour { next_page, ..Behaviour::default() });
    let mut home = Home::new(&server);
    home.settings.token = Token::new("hf_secret", TokenOrigin::Variable);
    home.brought();
    assert!(elsewhere.requests().is_empty(), "{:?}", elsewhere.requests());
    assert!(server.requests().iter().all(|request| request.headers.contains_key("authorization")));
}

#[test]
fn a_list_without_end_ends() {
    let sound = weights(30);
    let next_page = Some(format!("/api/models/{REPOSITORY}/tree/{COMMIT}"));
    for behaviour in
        [Behaviour { next_page, ..Behaviour::default() }, Behaviour { endless_listing: true, ..Behaviour::default() }]
    {
        let server = HubServer::start(&files(&sound), behaviour);
        // Each file is then asked for by its name.
        Home::new(&server).brought();
        let pages = server.requests().iter().filter(|request| request.path.ends_with(&format!("/tree/{COMMIT}"))).count();
        assert!(pages <= 1000, "{pages}");
    }
}
