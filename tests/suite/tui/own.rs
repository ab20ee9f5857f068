//! The user's own words: shown where they would stand, and in no number of the study.

use std::sync::Arc;

use rewardscope::app::table::{RankedTable, SideScores};
use rewardscope::app::{Effect, Export, Message, Startup};
use rewardscope::corpus::{Corpus, Word};
use rewardscope::engine::Event;
use rewardscope::tables::columns::{ColumnTable, Values};
use rewardscope::ui::theme::Theme;

use super::driver::*;

const OWN: [&str; 12] = ["zebra", "banana", "run", "the", "of", " love", "Freedom", "quux", "green", "seven", "house", "liberty"];

/// The pair under all prompts.
fn complete(size: (u16, u16)) -> Driver {
    let mut driver = Driver::scored_pair(size);
    driver.keys("a<Esc>");
    driver.score_plan();
    driver
}

/// Types words one by one, and the engine scores them.
fn type_words(driver: &mut Driver, words: &[&str]) {
    driver.keys("1");
    for word in words {
        driver.keys(&format!("w{word}<Enter><Esc>"));
        driver.score_plan();
    }
}

fn index(table: &RankedTable, word: &str) -> usize {
    (0..table.universe.len()).find(|&at| &**table.universe.text(at) == word).unwrap()
}

/// All numbers of the list's words, to the bit.
fn of_the_list(side: &SideScores, listed: usize) -> Vec<[u64; 3]> {
    (0..listed).map(|i| [side.scores[i], side.ranks[i], side.z[i]].map(f64::to_bits)).collect()
}

fn exported(driver: &mut Driver, name: &str) -> Export {
    driver.keys("e");
    for _ in 0..120 {
        driver.key(rewardscope::app::Key::plain(rewardscope::app::KeyCode::Backspace));
    }
    driver.keys(&format!("{name}<Enter>"));
    let last =
        driver.asked.iter().rev().find_map(|effect| if let Effect::Export(request) = effect { Some(request) } else { None });
    last.unwrap().build().unwrap()
}

fn text_of(export: Export) -> String {
    match export {
        Export::Text(text) => text,
        Export::Figure(figure) => figure.svg(),
        Export::ColumnTable { .. } => panic!("a table"),
    }
}

/// Everything that is made of the list: tables, summaries, statistics, card, pictures.
fn study(driver: &mut Driver) -> Vec<String> {
    let mut found = Vec::new();
    for keys in ["1", "<Tab>", "<Tab>", "2"] {
        driver.keys(keys);
        let table = driver.app.table().unwrap();
        let listed = table.universe.listed();
        found.push(format!("{keys} {:?}", of_the_list(&table.left, listed)));
        found.push(format!("{:?}", table.right.as_ref().map(|right| of_the_list(right, listed))));
        let differences: Vec<u64> = table.differences.iter().take(listed).map(|d| d.to_bits()).collect();
        found.push(format!("{differences:?} {:?} {:?} {:?}", table.agreement, table.axis, table.compared));
        found.push(format!("{:?} {:?} {} {}", table.categories, table.left.range, table.left.ranked, table.left.scored));
        let z: Vec<_> = table.prompts.iter().map(|p| (p.scored, p.z(table.universe.ids[3]).map(f64::to_bits))).collect();
        found.push(format!("{z:?}"));
    }
    driver.now += std::time::Duration::from_secs(600);
    driver.keys("3");
    driver.send(Message::Tick);
    let shown = driver.app.views.statistics.shown().unwrap();
    found.push(format!("{:?} {:?} {:?} {:?}", shown.report, shown.panels, shown.pairs, shown.progress));
    found.push(text_of(exported(driver, "x.svg")));
    driver.now += std::time::Duration::from_secs(600);
    driver.keys("5");
    driver.send(Message::Tick);
    found.push(text_of(exported(driver, "x.json")));
    driver.keys("1");
    found
}

#[test]
fn typed_words_change_no_number_of_the_study() {
    let mut driver = complete((160, 50));
    let before = study(&mut driver);
    type_words(&mut driver, &OWN);
    assert_eq!(driver.app.universe.own.len(), OWN.len());
    let after = study(&mut driver);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before, after);
    }
}

#[test]
fn an_own_word_has_the_place_and_the_z_score_that_it_would_have() {
    let mut driver = complete(SIZE);
    type_words(&mut driver, &OWN);
    let table = driver.app.table().unwrap();
    let listed = table.universe.listed();
    let list = &table.left.scores[..listed];
    let mean = list.iter().sum::<f64>() / listed as f64;
    let sd = (list.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / (listed - 1) as f64).sqrt();
    for word in OWN {
        let at = index(table, word);
        let score = table.left.scores[at];
        let better = list.iter().filter(|other| **other > score).count();
        assert_eq!(table.left.ranks[at], (better + 1) as f64, "{word}");
        assert!((table.left.z[at] - (score - mean) / sd).abs() < 1e-9, "{word}");
    }
    // In the table they stand where they would, by their scores.
    let scores: Vec<f64> = table.rows.iter().map(|&i| table.left.scores[i as usize]).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
    driver.keys("S");
    let table = driver.app.table().unwrap();
    let scores: Vec<f64> = table.rows.iter().map(|&i| table.left.scores[i as usize]).collect();
    assert!(scores.is_sorted_by(|a, b| a <= b), "{scores:?}");
}

#[test]
fn an_own_word_is_marked_without_colour_and_says_where_it_would_stand() {
    for size in [(80, 24), (60, 16), (160, 50)] {
        let mut driver = Driver::scored_pair(size);
        type_words(&mut driver, &["zebra"]);
        let rank = {
            let table = driver.app.table().unwrap();
            table.left.ranks[index(table, "zebra")]
        };
        let text = text(&driver.draw_with(&Theme::plain()));
        // The word is also beside its mark on the axis, above the rows.
        let row = text.lines().rfind(|line| line.contains("zebra")).unwrap().to_owned();
        assert!(row.contains(&format!("({rank})")) && row.contains(" own "), "{text}");
        assert!(text.contains("27 words and 1 own scored"), "{text}");
        if size.0 >= 80 {
            assert!(text.contains(&format!("own word, would be {rank} of 27")), "{text}");
        }
    }
    let mut driver = Driver::scored_pair((160, 50));
    type_words(&mut driver, &["zebra"]);
    driver.keys("2");
    let table = driver.app.table().unwrap();
    let at = index(table, "zebra");
    let [left, right] = [table.left.ranks[at], table.right.as_ref().unwrap().ranks[at]];
    assert_eq!(table.differences[at], right - left);
    assert!(driver.text().contains(&format!("own word, would be {left} and {right} of 27")), "{}", driver.text());
}

#[test]
fn a_word_worse_than_all_is_behind_them() {
    let mut driver = Driver::scored_pair((120, 36));
    driver.keys("wzebra<Enter><Esc>");
    let (prompt, word) = (current(&driver), driver.plan[0].words[0].0);
    driver.give(LLAMA, prompt, &[(word, -99.0)]);
    assert!(driver.text().contains("own word, would be behind all of 27"), "{}", driver.text());
    driver.give(LLAMA, prompt, &[(word, 99.0)]);
    assert!(driver.text().contains("own word, would be 1 of 27"), "{}", driver.text());
}

#[test]
fn own_words_are_listed_together_and_beside_every_filter() {
    let mut driver = Driver::scored_pair(SIZE);
    driver.keys("W");
    assert!(driver.text().contains("there are no own words: w types some"), "{}", driver.text());
    type_words(&mut driver, &["zebra", "banana"]);
    driver.keys("<Esc>W");
    let mut words = driver.words();
    words.sort();
    assert_eq!(words, ["banana", "zebra"]);
    assert!(driver.text().contains("own words only, would be") && driver.text().contains("Esc all words"), "{}", driver.text());
    driver.keys("<Tab>2");
    assert_eq!(driver.words().len(), 2, "in every table");
    driver.keys("1<Esc>");
    assert_eq!(driver.words().len(), 29);
    driver.keys("fcommu<Enter>");
    assert_eq!(driver.words().len(), COMMUNION.len() + 2);
    // Sorted by category they stand together, behind those of the list.
    driver.keys("f<Enter>ss");
    let words = driver.words();
    assert!(words[27..].iter().all(|word| ["banana", "zebra"].contains(&word.as_str())), "{words:?}");
}

#[test]
fn an_own_word_is_removed_and_said_to_be() {
    let mut driver = Driver::scored_pair(SIZE);
    let before = driver.words();
    type_words(&mut driver, &["zebra", "banana"]);
    assert_eq!(driver.word(), "banana");
    driver.keys("d");
    assert!(driver.text().contains("removed: banana"), "{}", driver.text());
    assert!(!driver.words().contains(&"banana".to_owned()) && driver.words().contains(&"zebra".to_owned()));
    driver.keys("<Esc>/zebra<Enter>");
    assert_eq!(driver.word(), "zebra");
    driver.keys("<Esc>W<Del>");
    assert_eq!(driver.words(), before, "with the last own word all words are shown again");
    driver.keys("<Esc>/love<Enter>d");
    let text = driver.text();
    assert!(text.contains("'love' is of the word list: only words that you typed can be"), "{text}");
    driver.keys("<Esc><Esc>");
    assert_eq!(driver.words(), before);
    // Typed again it is there again, with the score that is known.
    driver.keys("wzebra<Enter><Esc>");
    assert_eq!(driver.word(), "zebra");
    assert!(driver.plan.is_empty(), "{:?}", driver.plan);
}

#[test]
fn a_word_added_to_the_list_counts_and_the_screen_says_so() {
    let mut driver = complete((160, 50));
    let before = study(&mut driver);
    type_words(&mut driver, &["zebra", "banana"]);
    driver.keys("+");
    assert!(driver.text().contains("added to the word list: banana"), "{}", driver.text());
    driver.keys("<Esc>");
    assert!(driver.text().contains("big-two+1 added · 28 words + 1 own"), "{}", driver.text());
    let table = driver.app.table().unwrap();
    let at = index(table, "banana");
    assert!(!table.universe.is_own(at) && table.universe.categories(at).is_empty());
    assert_eq!((table.left.ranked, table.universe.category_names(at).len()), (28, 0));
    assert_ne!(study(&mut driver), before, "the statistics have it");
    assert_eq!(driver.app.views.statistics.shown().unwrap().report.words, 28);
    driver.keys("/banana<Enter>+");
    assert!(driver.text().contains("'banana' is in the word list already"), "{}", driver.text());
    driver.keys("<Esc>d");
    assert!(driver.text().contains("removed: banana; it no longer counts"), "{}", driver.text());
    let after = study(&mut driver);
    assert!(before == after, "as before");
}

#[test]
fn a_word_that_the_list_has_is_gone_to_and_keeps_its_categories() {
    let mut driver = Driver::scored_pair(SIZE);
    let before = driver.words();
    driver.keys("wlove<Enter><Esc>");
    assert_eq!((driver.word().as_str(), driver.app.universe.own.len()), ("love", 0));
    assert!(driver.text().contains("'love' is in the word list"), "{}", driver.text());
    assert_eq!(driver.words(), before);
    let table = driver.app.table().unwrap();
    assert_eq!(table.universe.category_names(index(table, "love")), ["communion"]);
    // Where it cannot be seen, that is said.
    driver.keys("<Esc>fagency<Enter>wlove<Enter><Esc>");
    assert!(driver.text().contains("'love' is in the word list; the filter hides it: f changes"), "{}", driver.text());
    // It is no own word in another list either.
    let mut other = Corpus::new("other");
    other.words.push(Word { text: "harm".into(), categories: Vec::new() });
    driver.send(Message::Corpus(Ok(Arc::new(other))));
    assert_eq!(driver.app.universe.len(), 1);
}

#[test]
fn typed_words_of_the_list_are_scored_before_the_others() {
    let mut driver = Driver::pair(SIZE);
    driver.keys("wpeace<Enter>charity<Enter>zebra<Enter><Esc>");
    let first: Vec<_> = driver.plan[0].words.iter().take(3).map(|(_, text)| text.to_string()).collect();
    assert_eq!((first, driver.plan[0].words.len()), (["zebra", "charity", "peace"].map(str::to_owned).to_vec(), 28));
}

#[test]
fn an_own_word_that_cannot_be_asked_completes_no_table() {
    let mut driver = Driver::pair(SIZE);
    driver.ready(LLAMA);
    let job = driver.plan[0].clone();
    driver.score_job(&job, 26);
    driver.keys("wzebra<Enter><Esc>");
    let zebra = driver.plan[0].words[0].0;
    let words = vec![(zebra, "gives no token".to_owned())];
    driver.engine(Event::Unscorable { model: LLAMA, prompt: job.prompt, words });
    driver.keys("3");
    assert_eq!(driver.app.views.statistics.shown().unwrap().progress.columns, 0, "one word of the list has no score yet");
}

fn column<'a>(sheet: &'a ColumnTable, name: &str) -> &'a Values {
    &sheet.columns.iter().find(|(known, _)| known == name).unwrap().1
}

#[test]
fn tables_that_are_written_mark_own_words_and_no_rank_of_the_list_moves() {
    let sheet = |driver: &mut Driver, keys: &str| {
        driver.keys(keys);
        match exported(driver, "x.csv") {
            Export::ColumnTable { sheet, .. } => sheet,
            _ => panic!("no table"),
        }
    };
    let rows = |sheet: &ColumnTable| -> Vec<(String, Vec<String>, f64)> {
        let (Values::Text(words), Values::Names(categories), Values::Number(ranks)) =
            (column(sheet, "word"), column(sheet, "categories"), column(sheet, "rank"))
        else {
            panic!("other columns")
        };
        let row = |i: usize| (words[i].to_string(), categories[i].clone(), ranks[i]);
        (0..words.len()).map(row).collect()
    };
    let mut driver = Driver::scored_pair(SIZE);
    let before = rows(&sheet(&mut driver, "1"));
    type_words(&mut driver, &OWN);
    let after = rows(&sheet(&mut driver, "1"));
    let (own, list): (Vec<_>, Vec<_>) = after.into_iter().partition(|(_, categories, _)| categories == &["own"]);
    assert_eq!(list, before);
    assert_eq!(own.len(), OWN.len());
    let table = driver.app.table().unwrap();
    assert!(own.iter().all(|(word, _, rank)| *rank == table.left.ranks[index(table, word)]));
    // Every score of the session.
    driver.keys("e<Tab><Enter>");
    let last =
        driver.asked.iter().rev().find_map(|effect| if let Effect::Export(request) = effect { Some(request) } else { None });
    let Export::ColumnTable { sheet, .. } = last.unwrap().build().unwrap() else { panic!("no table") };
    let everything = rows(&sheet);
    let (own, list): (Vec<_>, Vec<_>) = everything.into_iter().partition(|(_, categories, _)| categories == &["own"]);
    assert_eq!((own.len(), list.len()), (2 * OWN.len(), 2 * 27));
    for (word, _, rank) in before {
        assert!(list.iter().any(|(known, _, of)| *known == word && *of == rank), "{word}");
    }
}

#[test]
fn own_words_have_a_name_that_no_category_of_the_list_has() {
    let mut corpus = corpus();
    corpus.categories[0] = "own".to_owned();
    let models = vec![demo("demo-llama")];
    let mut driver =
        Driver::new(Startup { models, corpus: Some(Arc::new(corpus)), words: vec!["zebra".into()], ..startup(SIZE) });
    driver.score_plan();
    let table = driver.app.table().unwrap();
    assert_eq!(table.universe.category_names(index(table, "zebra")), ["own word"]);
}

#[test]
fn own_words_stay_when_the_list_changes() {
    let mut driver = Driver::scored_pair(SIZE);
    type_words(&mut driver, &["zebra", "harm"]);
    let mut other = Corpus::new("other");
    other.categories.push("care".to_owned());
    other.words.extend(["harm", "love"].map(|word| Word { text: word.into(), categories: vec![0] }));
    driver.send(Message::Corpus(Ok(Arc::new(other))));
    driver.score_plan();
    let universe = &driver.app.universe;
    assert_eq!((universe.listed(), universe.own.len()), (2, 1), "'harm' is the list's now");
    driver.send(Message::Corpus(Ok(Arc::new(corpus()))));
    assert_eq!(driver.app.universe.own.len(), 2);
}

#[test]
fn keys_for_own_words_are_named_where_they_work() {
    let mut driver = Driver::scored_pair((200, 40));
    let hints = |driver: &Driver| driver.text().lines().last().unwrap_or_default().to_owned();
    for absent in ["own words", "remove word", "add to list"] {
        assert!(!hints(&driver).contains(absent), "{}", hints(&driver));
    }
    type_words(&mut driver, &["zebra"]);
    for named in ["W own words", "d remove word", "+ add to list"] {
        assert!(hints(&driver).contains(named), "{named}: {}", hints(&driver));
    }
    driver.keys("W");
    assert!(hints(&driver).contains("W all words"), "{}", hints(&driver));
}
