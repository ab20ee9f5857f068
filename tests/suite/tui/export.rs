//! The table on the screen goes into a file as it stands.

use rewardscope::app::{Effect, Export, Key, KeyCode, Message};
use rewardscope::tables::columns::{ColumnTable, Values};
use serde_json::Value;

use super::driver::{Driver, SIZE};

/// What was exported last: the name as it was typed, the table and what it rests on.
fn exported(driver: &Driver) -> (String, ColumnTable, Value) {
    let last =
        driver.asked.iter().rev().find_map(|effect| if let Effect::Export(request) = effect { Some(request) } else { None });
    let request = last.unwrap();
    let Ok(Export::ColumnTable { sheet, origin }) = request.build() else { panic!("no table") };
    (request.path.clone(), sheet, origin)
}

fn words(sheet: &ColumnTable) -> Vec<String> {
    let found = sheet.columns.iter().find(|(name, _)| name == "word");
    let Some((_, Values::Text(words))) = found else { panic!("no words") };
    words.iter().map(|word| word.to_string()).collect()
}

#[test]
fn the_visible_rows_are_exported_in_their_order_under_a_name_that_says_what_they_are() {
    let mut driver = Driver::scored_pair(SIZE);
    driver.keys("S");
    driver.keys("e");
    assert!(driver.text().contains("Write the table to a file"), "{}", driver.text());
    driver.key(Key::plain(KeyCode::Enter));
    let shown = driver.app.table().unwrap();
    let on_screen: Vec<String> =
        shown.rows.iter().map(|&row| shown.universe.corpus.words[row as usize].text.to_string()).collect();
    let (path, sheet, origin) = exported(&driver);
    assert_eq!(words(&sheet), on_screen);
    assert_eq!(path, "demo-llama-greatest_ever_one.csv");
    assert_eq!(origin["models"][0]["model"], "demo-llama");
    assert_eq!(origin["prompts"][0]["label"], "greatest_ever_one");

    driver.keys("2");
    driver.keys("e");
    driver.key(Key::plain(KeyCode::Enter));
    let (_, sheet, _) = exported(&driver);
    let names: Vec<&str> = sheet.columns.iter().map(|(name, _)| name.as_str()).collect();
    assert!(
        names.contains(&"demo-llama rank") && names.contains(&"demo-gemma score") && names.contains(&"difference"),
        "{names:?}"
    );
}

#[test]
fn a_file_that_is_there_gives_the_name_back_to_be_changed() {
    let mut driver = Driver::scored_pair(SIZE);
    driver.send(Message::Exported(Err(("x.csv".into(), "it exists already".into()))));
    let screen = driver.text();
    assert!(screen.contains("x.csv") && screen.contains("it exists already"), "{screen}");
    driver.key(Key::plain(KeyCode::Esc));
    driver.send(Message::Exported(Ok("/here/y.csv".into())));
    assert!(driver.text().contains("/here/y.csv"));
}

#[test]
fn what_is_written_is_what_was_shown_when_it_was_asked_for() {
    let mut driver = Driver::scored_pair(SIZE);
    let before = driver.words();
    driver.keys("e");
    driver.key(Key::plain(KeyCode::Enter));
    // The table goes on while the file is still to be made.
    driver.keys("S");
    assert_ne!(driver.words(), before);
    assert_eq!(words(&exported(&driver).1), before);
}
