//! The store by itself: what goes in comes out, and what may not go in does not.

use std::path::Path;

use super::schema::{APPLICATION, FORMAT};
use super::*;
use crate::model::{Family, Provenance, SoftCap};

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
    store.keep(&key(content), &info(), content, "best?", scores).unwrap()
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
        Key { form: Some("bare".into()), ..whole.clone() },
        Key { reward_row: Some(1), ..whole.clone() },
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
    let texts: Vec<String> = (0..2000).map(|i| format!("word {i}")).collect();
    keep(&mut store, "a", &texts.iter().map(|text| ((text.as_str(), None), 1.0)).collect::<Vec<_>>());
    drop(store);
    let mut bytes = std::fs::read(&path).unwrap();
    let pages = bytes.len() / 4096;
    assert!(pages > 8);
    for page in 3..pages {
        bytes[page * 4096..page * 4096 + 64].fill(0xa5);
    }
    std::fs::write(&path, &bytes).unwrap();
    assert!(matches!(Store::open_existing(&path), Err(StoreError::Damaged { .. })));
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
    assert!(matches!(error, StoreError::Newer { .. }) && error.to_string().contains("--store"), "{error}");
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
    assert_eq!(store.export(&file, &ids[..1]).unwrap(), Imported { runs: 1, scores: 2, ..Imported::default() });
    assert!(store.export(&file, &ids).is_err(), "nothing is overwritten");

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
