//! The store by itself: what goes in comes out, and what may not go in does not.

use std::path::Path;

use super::fingerprint::Unread;
use super::key::AskedForm;
use super::schema::{APPLICATION, FORMAT};
use super::*;
use crate::base::terms::Family;
use crate::model::format::files::{Files, SourceLabel};
use crate::model::{Cancel, Provenance, SoftCap};

fn key(content: &str) -> Key {
    Key { content: content.to_owned(), ..Key::of_recorded("") }
}

fn info() -> ModelInfo {
    ModelInfo { family: Family::Llama, provenance: Provenance::of_recorded("somewhere".into()), memory_bytes: 7 }
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scores.sqlite");
    (folder, path)
}

fn open(path: &Path) -> Store {
    let (store, note) = Store::open(path).unwrap();
    assert_eq!(note, None);
    store
}

fn keep(store: &mut Store, content: &str, scores: &[(StoredWord<'_>, f32)]) -> Vec<f32> {
    store.keep(&key(content), &info(), content, "best?", scores).unwrap().scores
}

fn texts(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("word {i}")).collect()
}

impl Store {
    /// As on a disk that has room for so many pages, or for those that there are.
    pub(crate) fn allow_pages(&self, pages: u32) {
        self.connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).unwrap();
    }
}

/// Scores of as many words as there are texts: 0, 1, 2, …
fn numbered(texts: &[String]) -> Vec<(StoredWord<'_>, f32)> {
    texts.iter().zip(0..).map(|(text, i)| ((text.as_str(), None), i as f32)).collect()
}

/// The files of a folder by name.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn scores_come_back_to_the_bit_and_by_their_exact_word_and_key() {
    let (_folder, path) = folder();
    let odd = ["love", " love", "Love", "NA", "null", "a\0b", "", "two\nlines", "ice, \"cream\"", "é", "e\u{301}", "\u{feff}x"];
    let value = |i: usize| [0.1_f32, -13.757_933, f32::MIN_POSITIVE / 2.0, 3.402_823_5e38, -0.0, 1.0][i % 6];
    {
        let mut store = open(&path);
        let scores: Vec<_> = odd.iter().enumerate().map(|(i, word)| ((*word, None), value(i))).collect();
        keep(&mut store, "a", &scores);
        keep(&mut store, "a", &[(("love", Some(7)), 5.0)]);
    }
    let store = open(&path);
    let asked: Vec<StoredWord<'_>> = odd.iter().map(|word| (*word, None)).collect();
    let known = store.known(&key("a"), "best?", &asked).unwrap();
    for (i, score) in known.iter().enumerate() {
        // SQLite keeps one zero.
        let expected = if value(i) == 0.0 { 0.0 } else { value(i) };
        assert_eq!(score.map(|score| score.abs().to_bits()), Some(expected.abs().to_bits()), "{:?}", odd[i]);
        assert_eq!(score.map(|score| score == value(i)), Some(true), "{:?}", odd[i]);
    }
    assert_eq!(store.known(&key("a"), "best?", &[("love", Some(7)), ("love", Some(8))]).unwrap(), [Some(5.0), None]);
    assert_eq!(store.known(&key("a"), "worst?", &asked[..1]).unwrap(), [None]);
    assert_eq!(store.known(&key("b"), "best?", &asked[..1]).unwrap(), [None]);
    assert_eq!(store.info(&key("a")).unwrap(), Some(info()));
}

#[test]
fn many_words_are_found_as_few_are() {
    let (_folder, path) = folder();
    let mut store = open(&path);
    let texts: Vec<String> = (0..LOOKED_UP_SINGLY + 10).map(|i| format!("w{i}")).collect();
    let scores: Vec<_> = texts.iter().enumerate().skip(1).map(|(i, text)| ((text.as_str(), None), i as f32)).collect();
    keep(&mut store, "a", &scores);
    let asked: Vec<StoredWord<'_>> = texts.iter().map(|text| (text.as_str(), None)).collect();
    let known = store.known(&key("a"), "best?", &asked).unwrap();
    assert_eq!(known[0], None);
    assert!(known.iter().enumerate().skip(1).all(|(i, score)| *score == Some(i as f32)));
    assert_eq!(known[..100], store.known(&key("a"), "best?", &asked[..100]).unwrap());
}

#[test]
fn what_was_written_first_stays_and_is_what_is_told() {
    let (_folder, path) = folder();
    let (mut one, mut two) = (open(&path), open(&path));
    assert_eq!(keep(&mut one, "a", &[(("love", None), 1.0)]), [1.0]);
    assert_eq!(keep(&mut two, "a", &[(("love", None), 2.0), (("hate", None), 3.0)]), [1.0, 3.0]);
    let run = &one.runs().unwrap()[0];
    assert_eq!((run.scores, run.computed, run.prompts), (2, 3, 1));
}

#[test]
fn what_is_no_number_never_enters_and_takes_nothing_with_it() {
    let (_folder, path) = folder();
    let mut store = open(&path);
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let scores = [(("love", None), 1.0), (("hate", None), bad)];
        let error = store.keep(&key("a"), &info(), "a", "best?", &scores).unwrap_err().to_string();
        assert!(error.contains("'hate'"), "{error}");
    }
    assert_eq!(store.known(&key("a"), "best?", &[("love", None)]).unwrap(), [None]);
    keep(&mut store, "a", &[(("love", None), 1.0)]);
    // Nor past this program: the file itself refuses.
    for bad in ["NULL", "9e999", "-9e999"] {
        assert!(store.connection.execute(&format!("UPDATE scores SET score = {bad}"), []).is_err(), "{bad}");
    }
}

#[test]
fn every_part_of_a_key_tells_runs_apart() {
    let whole = Key::of_recorded("x");
    let others = [
        Key { scoring: 9, ..whole.clone() },
        Key { content: "y".into(), ..whole.clone() },
        Key { tokenizer: Some("t".into()), ..whole.clone() },
        Key { bos: crate::model::BosPolicy::Published, ..whole.clone() },
        Key { template_date: "26 Jul 2024".into(), ..whole.clone() },
        Key { softcap: SoftCap::Off, ..whole.clone() },
        Key { rounding: Some(crate::model::PublishedDtype::F16), ..whole.clone() },
        Key { form: Some(AskedForm::Bare), ..whole.clone() },
        Key { reward_row: Some(1), ..whole.clone() },
        Key { token_logit: Some(0), ..whole.clone() },
        Key { normalize: true, ..whole.clone() },
        Key { dtype: "bf16".into(), ..whole.clone() },
        Key { device: "cuda".into(), ..whole.clone() },
        Key { kernel: "avx2".into(), ..whole.clone() },
    ];
    let digests: std::collections::HashSet<_> = others.iter().chain([&whole]).map(Key::digest).collect();
    assert_eq!(digests.len(), others.len() + 1);
    let again: Key = serde_json::from_str(&whole.json()).unwrap();
    assert_eq!(again.digest(), whole.digest());
}

#[test]
fn a_damaged_file_is_set_aside_whole_and_a_new_one_begun() {
    for (what, bytes) in
        [("no database", b"not a database at all, but long enough to be taken for one; ".repeat(4)), ("short", b"SQLi".to_vec())]
    {
        let (folder, path) = folder();
        std::fs::write(&path, &bytes).unwrap();
        let (mut store, note) = Store::open(&path).unwrap();
        let note = note.expect(what);
        assert!(note.contains("scores.sqlite.damaged-"), "{note}");
        keep(&mut store, "a", &[(("love", None), 1.0)]);
        drop(store);
        let kept = std::fs::read_dir(folder.path()).unwrap().flatten().map(|entry| entry.path());
        let kept: Vec<_> = kept.filter(|path| path.to_string_lossy().contains(".damaged-")).collect();
        assert_eq!(kept.len(), 1, "{kept:?}");
        assert_eq!(std::fs::read(&kept[0]).unwrap(), bytes, "{what}");
        // A second time on the same day.
        std::fs::write(&path, &bytes).unwrap();
        assert!(Store::open(&path).unwrap().1.expect(what).contains("-2,"));
        assert_eq!(std::fs::read(&kept[0]).unwrap(), bytes, "{what}");
    }
}

#[test]
fn damage_in_the_middle_is_noticed() {
    let (_folder, path) = folder();
    let mut store = open(&path);
    keep(&mut store, "a", &numbered(&texts(2000)));
    drop(store);
    let mut bytes = std::fs::read(&path).unwrap();
    let pages = bytes.len() / 4096;
    assert!(pages > 8);
    for page in 3..pages {
        bytes[page * 4096..page * 4096 + 64].fill(0xa5);
    }
    std::fs::write(&path, &bytes).unwrap();
    assert!(matches!(Store::open_existing(&path), Err(StoreError::Damaged { .. })));
    assert!(matches!(Store::open_to_read(&path), Err(StoreError::Damaged { .. })));
    let mut here = open(&path.with_extension("other.sqlite"));
    let error = here.import(&path).unwrap_err().to_string();
    assert!(error.contains("Export it anew"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), bytes, "looking does not set aside");
    assert!(Store::open(&path).unwrap().1.is_some());
}

#[test]
fn a_newer_format_and_another_program_s_database_are_left_alone() {
    let (folder, path) = folder();
    drop(open(&path));
    let set = |application: i64, format: i64| {
        let connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "application_id", application).unwrap();
        connection.pragma_update(None, "user_version", format).unwrap();
        connection.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(())).unwrap();
        drop(connection);
        std::fs::read(&path).unwrap()
    };
    let bytes = set(APPLICATION, FORMAT + 1);
    let error = Store::open(&path).unwrap_err();
    assert!(
        matches!(error, StoreError::Newer { .. }) && error.to_string().contains("name another store with store FILE"),
        "{error}"
    );
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    let bytes = set(1234, 1);
    assert!(matches!(Store::open(&path), Err(StoreError::Foreign(_))));
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    let bytes = set(0, 0);
    assert!(matches!(Store::open(&path), Err(StoreError::Foreign(_))), "tables, but not ours");
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing beside it");
}

#[test]
fn a_file_that_is_no_store_and_is_not_called_one_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("notes.csv", &b"word,category\nlove,good\n"[..]),
        ("thesis.txt", &b"x".repeat(5000)),
        ("short", b"SQLite format 3\0 and no more"),
        // A database of a program that says nothing of itself, and damaged.
        ("other.sqlite", &[&b"SQLite format 3\0\x10\0\x01\x01\0\x40\x20\x20"[..], &[0; 4072]].concat()),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        for error in
            [Store::open(&path).unwrap_err(), Store::open_existing(&path).unwrap_err(), Store::open_to_read(&path).unwrap_err()]
        {
            assert!(matches!(error, StoreError::NoStore(_) | StoreError::Foreign(_)), "{name}: {error}");
            assert!(error.to_string().contains("left as it is"), "{error}");
        }
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "{name}");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(names(folder.path()), [""; 0], "{name}: nothing beside it");
    }
    // One of ours that was cut is known by its beginning, whatever its name is.
    let path = folder.path().join("scores.db");
    keep(&mut open(&path), "a", &numbered(&texts(500)));
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert!(Store::open(&path).unwrap().1.is_some_and(|note| note.contains("scores.db.damaged-")));
}

#[test]
fn another_program_s_database_is_not_so_much_as_tidied_up() {
    let (folder, path) = folder();
    let other = Connection::open(&path).unwrap();
    other.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
    other.execute_batch("PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (x); INSERT INTO t VALUES (1)").unwrap();
    // As a program leaves it that was killed: what it wrote last stands beside the file.
    for suffix in ["", "-wal"] {
        std::fs::copy(folder.path().join(format!("scores.sqlite{suffix}")), folder.path().join(format!("left.sqlite{suffix}")))
            .unwrap();
    }
    let read = || ["", "-wal"].map(|suffix| std::fs::read(folder.path().join(format!("left.sqlite{suffix}"))).unwrap());
    let before = read();
    assert!(matches!(Store::open(&folder.path().join("left.sqlite")), Err(StoreError::Foreign(_))));
    assert_eq!(read(), before);
}

#[test]
fn names_that_mean_something_to_the_database_are_files_here() {
    let folder = tempfile::tempdir().unwrap();
    for name in [":memory:", "file:x?mode=memory", "with space%20 and ä.sqlite", "-dash"] {
        let path = folder.path().join(name);
        keep(&mut open(&path), "a", &[(("love", None), 1.0)]);
        assert_eq!(Store::open_to_read(&path).unwrap().runs().unwrap().len(), 1, "{name}");
    }
    assert_eq!(names(folder.path()).len(), 4);
}

#[test]
fn many_that_make_a_store_or_set_one_aside_at_once_all_get_it() {
    for garbage in [false, true] {
        for _ in 0..20 {
            let (folder, path) = folder();
            if garbage {
                std::fs::write(&path, b"garbage").unwrap();
            }
            let together = std::sync::Barrier::new(8);
            let one = |number: usize| {
                together.wait();
                let (mut store, note) = Store::open(&path).unwrap_or_else(|error| panic!("{error}"));
                keep(&mut store, &format!("model {number}"), &[(("love", None), number as f32)]);
                note
            };
            let notes: Vec<String> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..8).map(|number| scope.spawn(move || one(number))).collect();
                threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
            });
            assert_eq!(notes.len(), usize::from(garbage), "{notes:?}");
            assert_eq!(open(&path).summary().unwrap().scores, 8, "what one wrote, the next did not set aside");
            let aside: Vec<_> = names(folder.path()).into_iter().filter(|name| name.contains(".damaged-")).collect();
            assert_eq!(aside.len(), usize::from(garbage), "{aside:?}");
        }
    }
}

#[test]
fn damage_that_shows_late_is_set_aside_with_its_file_and_only_that() {
    let (folder, path) = folder();
    let (mut one, two) = (open(&path), open(&path));
    keep(&mut one, "a", &[(("love", None), 1.0)]);
    let (mut one, note) = one.begin_anew("malformed").unwrap();
    assert!(note.unwrap().contains("scores.sqlite.damaged-"));
    keep(&mut one, "a", &[(("hate", None), 2.0)]);
    // Another program meets the same damage in the file that it still has open.
    let (two, note) = two.begin_anew("malformed").unwrap();
    assert_eq!(note, None);
    assert_eq!(two.known(&key("a"), "best?", &[("love", None), ("hate", None)]).unwrap(), [None, Some(2.0)]);
    assert_eq!(
        names(folder.path()).iter().filter(|name| name.contains(".damaged-") && name.ends_with(char::is_numeric)).count(),
        1
    );
}

#[test]
fn a_busy_store_says_so_and_is_not_taken_for_a_broken_one() {
    let (_folder, path) = folder();
    let mut store = open(&path);
    store.be_brief();
    keep(&mut store, "a", &[(("love", None), 1.0)]);
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store.keep(&key("a"), &info(), "a", "best?", &[(("hate", None), 2.0)]).unwrap_err();
    assert!(matches!(error, StoreError::Busy(_)), "{error}");
    assert_eq!(store.known(&key("a"), "best?", &[("love", None)]).unwrap(), [Some(1.0)], "it can be read all the while");
    let version = store.version().unwrap();
    other.execute_batch("UPDATE runs SET used = 7; COMMIT").unwrap();
    assert_ne!(store.version().unwrap(), version, "what another wrote is seen");
    let kept = store.keep(&key("a"), &info(), "a", "best?", &[(("hate", None), 2.0), (("love", None), 3.0)]).unwrap();
    assert_eq!(kept, Kept { scores: vec![2.0, 1.0], known: 1 });
}

#[test]
fn what_is_said_of_a_run_and_cannot_be_read_is_said_anew() {
    let (_folder, path) = folder();
    let mut store = open(&path);
    keep(&mut store, "a", &[(("love", None), 1.0)]);
    store.connection.execute("UPDATE runs SET info = '{\"of\": \"another version\"}'", []).unwrap();
    assert_eq!(store.info(&key("a")).unwrap(), None);
    keep(&mut store, "a", &[(("love", None), 1.0)]);
    assert_eq!(store.info(&key("a")).unwrap(), Some(info()));
}

#[test]
fn a_file_is_hashed_in_steps_between_which_it_can_be_cancelled() {
    let (folder, path) = folder();
    let mut store = open(&path);
    let model = folder.path().join("model");
    std::fs::create_dir(&model).unwrap();
    let weights = std::fs::File::create(model.join("model.safetensors")).unwrap();
    weights.set_len(40 << 20).unwrap();
    let (files, label) = (Files::Directory(model), SourceLabel::default());
    let mut told = vec![0];
    let mut progress = |done, _| told.push(done);
    let mut content = |progress: &mut dyn FnMut(u64, u64), cancel: &Cancel| {
        fingerprint::content(&mut store, &files, &label, &mut Unread::Read(progress), cancel)
    };
    assert!(content(&mut progress, &Cancel::default()).unwrap().is_some());
    assert_eq!(told.last(), Some(&(40 << 20)));
    assert!(told.windows(2).all(|pair| pair[1] - pair[0] <= 8 << 20), "{told:?}");
    let cancel = Cancel::default();
    let mut reads = 0;
    let mut progress = |_, _| {
        reads += 1;
        cancel.set();
    };
    let ended = content(&mut progress, &cancel);
    assert!(matches!(ended, Err(fingerprint::IdentifyError::Model(crate::model::ModelError::Cancelled))));
    assert_eq!(reads, 1);
}

#[test]
fn the_name_of_a_folder_s_content_is_what_it_was_in_stores_that_there_are() {
    let (folder, path) = folder();
    let model = folder.path().join("model");
    std::fs::create_dir(&model).unwrap();
    for (name, bytes) in [("config.json", &b"{}"[..]), ("model.safetensors", &[7; (3 << 20) + 5])] {
        std::fs::write(model.join(name), bytes).unwrap();
    }
    let content = |revision: Option<&str>| {
        let label = SourceLabel { name: "m".into(), source: "lab/m".into(), revision: revision.map(str::to_owned) };
        let (files, mut progress) = (Files::Directory(model.clone()), |_, _| {});
        let content =
            fingerprint::content(&mut open(&path), &files, &label, &mut Unread::Read(&mut progress), &Cancel::default());
        content.unwrap().unwrap().model
    };
    let mut hasher = blake3::Hasher::new();
    for (name, bytes) in [("config.json", &b"{}"[..]), ("model.safetensors", &[7; (3 << 20) + 5])] {
        hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes()).update(blake3::hash(bytes).as_bytes());
    }
    let hash = hasher.finalize().to_hex();
    assert_eq!(content(None), format!("files:{hash}"));
    assert_eq!(content(Some("c0ffee")), format!("hub:lab/m@c0ffee:{hash}"));
}

#[test]
fn a_prune_forgets_the_hashes_of_files_that_are_gone_alone() {
    let (folder, path) = folder();
    let mut store = open(&path);
    let hash = blake3::hash(b"x");
    let [there, gone] = ["there", "gone"].map(|name| folder.path().join(name));
    std::fs::write(&there, "").unwrap();
    for file in [&there, &gone] {
        store.keep_fingerprint(file, b"stamp", &hash).unwrap();
    }
    store.prune(&[]).unwrap();
    assert_eq!(store.fingerprint(&there, b"stamp").unwrap(), Some(hash));
    assert_eq!(store.fingerprint(&gone, b"stamp").unwrap(), None);
}

#[test]
fn a_place_that_cannot_be_written_is_an_error() {
    let (folder, _) = folder();
    assert!(matches!(Store::open(folder.path()), Err(StoreError::Unusable { .. })));
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(matches!(Store::open(&file.join("scores.sqlite")), Err(StoreError::Unusable { .. })));
}

#[test]
fn runs_go_to_another_store_and_back_and_a_forged_key_does_not() {
    let (folder, path) = folder();
    let mut store = open(&path);
    keep(&mut store, "a", &[(("love", None), 0.1), (("love", Some(3)), -7.5)]);
    keep(&mut store, "b", &[(("hate", None), 2.0)]);
    let ids: Vec<i64> = store.runs().unwrap().iter().map(|run| run.id).collect();
    let file = folder.path().join("sent.sqlite");
    let to = |replace| crate::base::atomic_file::Destination::of(&file, replace);
    assert_eq!(store.export(to(false).unwrap(), &ids[..1]).unwrap(), Imported { runs: 1, scores: 2, ..Imported::default() });
    assert!(to(false).is_err(), "nothing is overwritten");
    store.export(to(true).unwrap(), &ids[..1]).unwrap();
    assert_eq!(names(folder.path()).iter().filter(|name| name.starts_with("sent")).collect::<Vec<_>>(), ["sent.sqlite"]);
    assert!(store.import(&path).unwrap_err().to_string().contains("the store itself"));

    let elsewhere = folder.path().join("elsewhere.sqlite");
    let mut other = open(&elsewhere);
    keep(&mut other, "a", &[(("love", None), 0.2)]);
    let came = other.import(&file).unwrap();
    assert_eq!(came, Imported { runs: 1, scores: 1, differing: 1, ..Imported::default() });
    assert_eq!(other.known(&key("a"), "best?", &[("love", None), ("love", Some(3))]).unwrap(), [Some(0.2), Some(-7.5)]);
    assert_eq!(other.import(&file).unwrap(), Imported { runs: 1, known: 1, differing: 1, ..Imported::default() });
    assert_eq!(other.import(&path).unwrap().runs, 2);

    let forged = Connection::open(&file).unwrap();
    forged.execute("UPDATE runs SET parts = replace(parts, '\"a\"', '\"c\"')", []).unwrap();
    drop(forged);
    assert_eq!(other.import(&file).unwrap(), Imported { refused: 1, ..Imported::default() });
}

#[test]
fn what_is_taken_in_stays_as_it_is_and_may_be_read_only() {
    let (folder, path) = folder();
    keep(&mut open(&path), "a", &[(("love", None), 1.0)]);
    // A live one, in use with its log, and one that was sent, in a folder where nothing can be written.
    let sent = folder.path().join("sent");
    std::fs::create_dir(&sent).unwrap();
    let file = sent.join("with space.sqlite");
    open(&path).export(crate::base::atomic_file::Destination::of(&file, false).unwrap(), &[1]).unwrap();
    let mut here = open(&folder.path().join("here.sqlite"));
    let set = |mode: u32| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&sent, std::fs::Permissions::from_mode(mode)).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode & 0o666)).unwrap();
    };
    for mode in [0o755, 0o555] {
        set(mode);
        let before = (std::fs::read(&file).unwrap(), std::fs::metadata(&file).unwrap().modified().unwrap());
        assert_eq!(here.import(&file).unwrap().runs, 1);
        assert_eq!(Store::open_to_read(&file).unwrap().summary().unwrap().scores, 1);
        assert_eq!((std::fs::read(&file).unwrap(), std::fs::metadata(&file).unwrap().modified().unwrap()), before);
        assert_eq!(names(&sent), ["with space.sqlite"]);
    }
    set(0o755);
    // In use by another program, whose last scores stand beside the file yet.
    let mut live = open(&path);
    keep(&mut live, "b", &[(("war", None), -2.0)]);
    let before = std::fs::read(&path).unwrap();
    assert_eq!(here.import(&path).unwrap(), Imported { runs: 2, scores: 1, known: 1, ..Imported::default() });
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn an_import_lets_other_programs_write_between_its_parts() {
    let (folder, path) = folder();
    let sent = folder.path().join("sent.sqlite");
    let texts = texts(10_000);
    keep(&mut open(&sent), "a", &numbered(&texts));
    let mut here = open(&path);
    let mut other = open(&path);
    other.be_brief();
    let mut turns = 0;
    let came = here.import_between(&sent, &mut || {
        turns += 1;
        keep(&mut other, "b", &[((&format!("turn {turns}"), None), 1.0)]);
    });
    assert_eq!(came.unwrap(), Imported { runs: 1, scores: 10_000, ..Imported::default() });
    assert_eq!(turns, 3);
    assert_eq!(here.summary().unwrap().scores, 10_003);
    assert_eq!(here.import(&sent).unwrap(), Imported { runs: 1, known: 10_000, ..Imported::default() });
}

#[test]
fn scores_that_are_none_are_left_out_of_an_import_and_counted() {
    let (folder, path) = folder();
    let sent = folder.path().join("sent.sqlite");
    keep(&mut open(&sent), "a", &numbered(&texts(6)));
    let edit = Connection::open(&sent).unwrap();
    edit.execute_batch(
        "PRAGMA ignore_check_constraints = 1;
         UPDATE scores SET score = 'high' WHERE score = 1.0;
         UPDATE scores SET score = 1e39 WHERE score = 2.0;
         UPDATE words SET text = x'ff' WHERE text = 'word 3';
         UPDATE words SET text = CAST(x'fffe' AS TEXT) WHERE text = 'word 4';",
    )
    .unwrap();
    drop(edit);
    let mut here = open(&path);
    assert_eq!(here.import(&sent).unwrap(), Imported { runs: 1, scores: 2, unreadable: 4, ..Imported::default() });
    let known = here.known(&key("a"), "best?", &[("word 0", None), ("word 1", None), ("word 5", None)]).unwrap();
    assert_eq!(known, [Some(0.0), None, Some(5.0)]);
}

#[test]
fn a_pipe_is_no_store_and_nobody_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scores.sqlite");
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    for error in [Store::open(&path).unwrap_err(), Store::open_to_read(&path).unwrap_err()] {
        assert!(error.to_string().contains("no plain file"), "{error}");
    }
}

#[test]
fn a_prune_takes_a_run_and_what_only_it_had() {
    let (_folder, path) = folder();
    let mut store = open(&path);
    keep(&mut store, "a", &[(("love", None), 1.0), (("only a", None), 2.0)]);
    keep(&mut store, "b", &[(("love", None), 3.0)]);
    let first = store.runs().unwrap()[0].id;
    assert_eq!(store.prune(&[first]).unwrap(), Pruned { runs: 1, scores: 2 });
    let left = store.summary().unwrap();
    assert_eq!((left.runs.len(), left.words, left.scores), (1, 1, 1));
    assert_eq!(store.known(&key("b"), "best?", &[("love", None)]).unwrap(), [Some(3.0)]);
    // Written again, as by a program that was at it all the while.
    assert_eq!(keep(&mut store, "a", &[(("love", None), 1.0)]), [1.0]);
}
