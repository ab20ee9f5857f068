//! What each view looks like at three sizes.

use rewardscope::app::{Level, Message};
use rewardscope::engine::Phase;

use super::driver::*;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 36), (160, 50)];

fn at_all_sizes(name: &str, make: impl Fn((u16, u16)) -> Driver) {
    for size in SIZES {
        insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), make(size).text());
    }
}

/// Half of the words scored by one model, the other waiting.
fn streaming(size: (u16, u16)) -> Driver {
    let mut driver = Driver::pair(size);
    driver.ready(LLAMA);
    let job = driver.plan[0].clone();
    driver.score_job(&job, 15);
    driver
}

/// All prompts scored by both models.
fn complete(size: (u16, u16)) -> Driver {
    let mut driver = Driver::scored_pair(size);
    driver.keys("a<Esc>");
    driver.score_plan();
    driver
}

#[test]
fn words() {
    at_all_sizes("words", complete);
}

#[test]
fn words_while_scores_stream_in() {
    at_all_sizes("words_streaming", streaming);
}

#[test]
fn compare() {
    at_all_sizes("compare", |size| {
        let mut driver = Driver::scored_pair(size);
        driver.keys("2jj");
        driver
    });
}

#[test]
fn models() {
    at_all_sizes("models", |size| {
        let mut driver = streaming(size);
        let error = "/models/x/config.json: not valid JSON at line 3. Fetch the file again, or give another directory";
        driver.phase(GEMMA, Phase::Failed(error.to_owned()));
        driver.keys("<Esc>4j");
        driver
    });
}

#[test]
fn the_first_frame() {
    insta::assert_snapshot!(Driver::pair((80, 24)).text());
}

#[test]
fn a_terminal_too_small_is_told_what_is_needed() {
    for size in [(40, 10), (59, 40), (100, 15), (12, 3), (1, 1)] {
        let mut driver = Driver::scored_pair(size);
        let text = driver.text();
        // As much of it as there are cells for, from its beginning.
        let whole = format!("rewardscope needs 60x16, this terminal is {}x{}", size.0, size.1).replace(' ', "");
        let shown: String = text.split_whitespace().collect();
        assert!(!shown.is_empty() && whole.starts_with(&shown), "{size:?}: {text}");
        assert!(size.0 < 40 || shown == whole, "{size:?}: {text}");
        driver.send(Message::Resize(80, 24));
        assert!(driver.text().contains("greatest_ever_one"));
    }
}

#[test]
fn help() {
    insta::assert_snapshot!({
        let mut driver = Driver::scored_pair((80, 24));
        driver.keys("?");
        driver.text()
    });
    insta::assert_snapshot!({
        let mut driver = Driver::scored_pair((120, 60));
        driver.keys("?");
        driver.text()
    });
}

#[test]
fn pickers() {
    for (name, keys) in [
        ("models", "m"),
        ("models_typed", "m/models/x"),
        ("prompts", "pworst"),
        ("filter", "f "),
        ("corpora", "c"),
        ("palette", ":sort"),
    ] {
        let mut driver = Driver::scored_pair((80, 24));
        driver.send(Message::Models(catalogue()));
        driver.send(Message::Corpora(corpora()));
        driver.keys(keys);
        insta::assert_snapshot!(format!("picker_{name}"), driver.text());
    }
}

#[test]
fn toasts() {
    let mut driver = streaming((80, 24));
    let error = "demo-gemma: model.safetensors: the file ends after 1,204 of 2,600,000 bytes. Fetch it again";
    driver.send(Message::Notify(Level::Error, error.to_owned()));
    driver.send(Message::Notify(Level::Info, "copied: love".to_owned()));
    insta::assert_snapshot!(driver.text());
}

#[test]
fn ascii_draws_nothing_else() {
    let theme = ascii();
    for keys in ["", "2", "3", "4", "?", "m", "i", "f ", ":", "w", "/lo", "z"] {
        let mut driver = complete((80, 24));
        driver.send(Message::Models(catalogue()));
        driver.keys(keys);
        let buffer = driver.draw_with(&theme);
        let foreign: Vec<_> = buffer.content.iter().map(|c| c.symbol()).filter(|s| !s.is_ascii()).collect();
        assert!(foreign.is_empty(), "{keys}: {foreign:?}");
        if keys.is_empty() || keys == "2" {
            insta::assert_snapshot!(format!("ascii_{}", if keys.is_empty() { "words" } else { "compare" }), text(&buffer));
        }
    }
}

#[test]
fn policies_stand_in_the_provenance_line_and_in_the_models_view() {
    use rewardscope::model::{Policies, PublishedDtype, SoftCap};
    let mut driver = Driver::scored_pair((200, 30));
    let off = Policies {
        attention_softcap: Some(SoftCap::Off),
        rewards_rounded_to: Some(PublishedDtype::Bf16),
        notes: vec!["--template-date changes nothing".to_owned()],
        ..Policies::default()
    };
    driver.ready_under(GEMMA, off);
    driver.keys("<Tab>");
    assert!(driver.text().contains("soft-cap off · rounded to bf16"), "{}", driver.text());
    driver.send(Message::Resize(80, 30));
    assert!(driver.text().contains("f32 cpu, soft-cap off, rounded to bf16"), "{}", driver.text());
    driver.keys("4j");
    let models = driver.text();
    assert!(models.contains("soft-cap off") && models.contains("--template-date changes nothing"), "{models}");
    driver.send(Message::Resize(200, 30));
    driver.keys("2<Tab>");
    assert!(driver.text().contains("f32 cpu ↔ f32 cpu, soft-cap off"), "{}", driver.text());
}
