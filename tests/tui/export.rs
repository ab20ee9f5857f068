//! The table on the screen goes into a file as it stands.

use rewardscope::app::{Effect, Export, Key, KeyCode, Message};
use rewardscope::scores::sheet::Values;

use crate::driver::{Driver, SIZE};

fn exported(driver: &Driver) -> &Export {
    let last = driver.asked.iter().rev().find_map(|effect| if let Effect::Export(export) = effect { Some(export) } else { None });
    last.unwrap()
}

fn words(export: &Export) -> Vec<String> {
    let found = export.sheet.columns.iter().find(|(name, _)| name == "word");
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
    let export = exported(&driver);
    assert_eq!(words(export), on_screen);
    assert_eq!(export.path, "demo-llama-greatest_ever_one.csv");
    assert_eq!(export.origin["models"][0]["model"], "demo-llama");
    assert_eq!(export.origin["prompts"][0]["label"], "greatest_ever_one");

    driver.keys("2");
    driver.keys("e");
    driver.key(Key::plain(KeyCode::Enter));
    let export = exported(&driver);
    let names: Vec<&str> = export.sheet.columns.iter().map(|(name, _)| name.as_str()).collect();
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
