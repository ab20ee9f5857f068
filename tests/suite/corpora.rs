//! The bundled word lists keep what `corpora/README.md` says of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Rows of a bundled list as `(category, word)`, in file order.
fn rows(name: &str) -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpora").join(name).with_extension("csv");
    let mut reader = csv::Reader::from_path(path).unwrap();
    assert_eq!(reader.headers().unwrap(), vec!["word", "category"]);
    reader.deserialize::<(String, String)>().map(|row| row.map(|(word, category)| (category, word)).unwrap()).collect()
}

fn counts(rows: &[(String, String)]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for (category, _) in rows {
        *counts.entry(category.as_str()).or_default() += 1;
    }
    counts
}

#[test]
fn big_two_holds_enough_words_in_balanced_categories() {
    let rows = rows("big-two");
    let counts = counts(&rows);
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), ["agency", "communion"]);
    let (agency, communion) = (counts["agency"], counts["communion"]);
    assert!(agency >= 130 && communion >= 130 && agency.abs_diff(communion) <= 10, "{counts:?}");
    let mean_length = |category: &str| {
        let letters: usize = rows.iter().filter(|(c, _)| c == category).map(|(_, word)| word.len()).sum();
        letters as f64 / counts[category] as f64
    };
    assert!((mean_length("agency") - mean_length("communion")).abs() < 0.5);
}

#[test]
fn moral_foundations_hold_enough_words_in_each_virtue_and_vice() {
    let rows = rows("moral-foundations");
    let expected: BTreeSet<String> = ["care", "fairness", "loyalty", "authority", "sanctity"]
        .iter()
        .flat_map(|foundation| [format!("{foundation}_virtue"), format!("{foundation}_vice")])
        .collect();
    let counts = counts(&rows);
    assert_eq!(counts.keys().map(|c| c.to_string()).collect::<BTreeSet<_>>(), expected);
    assert!(counts.values().all(|&n| n >= 28), "{counts:?}");
}

#[test]
fn every_word_is_one_plain_lowercase_word_and_stands_once() {
    for name in ["big-two", "moral-foundations"] {
        let mut seen = BTreeSet::new();
        for (category, word) in rows(name) {
            assert!(!word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()), "{name}: '{word}'");
            assert!(seen.insert(word.clone()), "{name}: '{word}' stands twice, again in {category}");
        }
    }
}

#[test]
fn words_are_sorted_within_their_category_and_categories_stand_together() {
    for name in ["big-two", "moral-foundations"] {
        let rows = rows(name);
        let mut done = BTreeSet::new();
        for pair in rows.windows(2) {
            if pair[0].0 == pair[1].0 {
                assert!(pair[0].1 < pair[1].1, "{name}: '{}' before '{}'", pair[0].1, pair[1].1);
            } else {
                done.insert(pair[0].0.clone());
                assert!(!done.contains(&pair[1].0), "{name}: {} comes back", pair[1].0);
            }
        }
    }
}
