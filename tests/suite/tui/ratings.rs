//! Scores beside ratings, in the place of the histograms.

use rewardscope::app::{Key, Message, Startup};
use rewardscope::recorded::ratings::Ratings;

use super::driver::*;

/// Both categories but for one word, with the number of their letters as a sentiment.
fn ratings() -> Ratings {
    let folder = tempfile::tempdir().unwrap();
    let words = AGENCY.iter().chain(&COMMUNION).filter(|word| **word != "peace");
    let rows: String = words.map(|word| format!("{word},{},{}\n", word.len(), word.len() % 3)).collect();
    let path = folder.path().join("sentiment.csv");
    std::fs::write(&path, format!("word,sentiment,frequency\n{rows}")).unwrap();
    Ratings::read(&[path.display().to_string()], &[]).unwrap()
}

fn scored(size: (u16, u16), ratings: Ratings) -> Driver {
    let models = vec![demo("demo-llama"), demo("demo-gemma")];
    let mut driver = Driver::new(Startup { models, ratings, ..startup(size) });
    driver.ready(LLAMA);
    driver.ready(GEMMA);
    driver.score_plan();
    driver
}

#[test]
fn a_key_sets_scores_beside_each_column_and_shows_histograms_again() {
    let mut driver = scored((100, 30), ratings());
    let histograms = driver.text();
    driver.keys("v");
    insta::assert_snapshot!(driver.text());
    assert!(driver.text().contains("beside sentiment 1 of 2  n 26"), "{}", driver.text());
    driver.keys("v");
    assert!(driver.text().contains("beside frequency 2 of 2"));
    driver.keys("v");
    assert_eq!(driver.text(), histograms);
}

#[test]
fn the_word_under_the_cursor_is_named_among_the_points() {
    let mut driver = scored((80, 24), ratings());
    driver.keys("v");
    for _ in 0..AGENCY.len() + COMMUNION.len() {
        let (word, text) = (driver.word(), driver.text());
        let points: String = text.lines().skip(2).take(9).map(|line| line.chars().take(44).collect::<String>() + "\n").collect();
        assert_eq!(points.contains(&word), word != "peace", "{word}: {text}");
        driver.keys("j");
    }
}

#[test]
fn points_are_drawn_in_plain_signs_and_on_the_smallest_screen() {
    let mut driver = scored((60, 16), ratings());
    driver.keys("v");
    let text = text(&driver.draw_with(&ascii()));
    assert!(text.is_ascii() && text.contains("beside sentiment"), "{text}");
    driver.send(Message::Resize(20, 8));
    driver.draw();
}

#[test]
fn without_ratings_the_key_says_how_to_give_some() {
    let mut driver = Driver::scored_pair(SIZE);
    let before = driver.text();
    driver.key(Key::char('v'));
    let told: Vec<&str> = driver.app.toasts.iter().map(|toast| toast.text.as_str()).collect();
    assert!(matches!(told[..], [text] if text.contains("--ratings FILE")), "{told:?}");
    assert_eq!(driver.text().lines().nth(3), before.lines().nth(3));
}
