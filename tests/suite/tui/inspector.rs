//! The token inspector: asked, answered, scrolled, flipped.

use std::path::Path;

use rewardscope::app::{Effect, Overlay, Startup};
use rewardscope::engine::inspect::inspect;
use rewardscope::engine::{Event, InspectRequest, Inspection, Unread, WordTokens};
use rewardscope::model::checkpoint::read_tokenizer;
use rewardscope::model::format::files::Files;
use rewardscope::model::{BosPolicy, LoadOptions};

use super::driver::*;

/// The request that was made last.
fn asked(driver: &Driver) -> InspectRequest {
    let requests = driver.asked.iter().rev();
    let mut requests =
        requests.filter_map(|effect| if let Effect::Inspect(request) = effect { Some(request.clone()) } else { None });
    requests.next().unwrap()
}

/// What a model would answer.
fn answer(driver: &mut Driver, inspection: Result<Box<Inspection>, String>) {
    let InspectRequest { model, prompt_text, word, .. } = asked(driver);
    driver.engine(Event::Inspected { model, prompt_text, word, inspection });
}

/// Answers with the tokenizer of a fixture.
fn answer_with(driver: &mut Driver, fixture: &str, bos: BosPolicy) {
    let InspectRequest { prompt_text, word, company, .. } = asked(driver);
    let files = Files::Directory(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(fixture));
    let (tokenizer, form) = read_tokenizer(&files, &LoadOptions { bos, ..LoadOptions::default() }).unwrap();
    answer(driver, inspect(&tokenizer, form, &prompt_text, &word, &company).map(Box::new).map_err(|error| error.to_string()));
}

#[test]
fn what_it_looks_like() {
    for size in [(80, 24), (120, 36), (160, 50)] {
        let mut driver = Driver::scored_pair(size);
        driver.keys("i");
        answer_with(&mut driver, "llama", BosPolicy::Single);
        insta::assert_snapshot!(format!("inspector_{}x{}", size.0, size.1), driver.text());
    }
    let mut driver = Driver::scored_pair(SIZE);
    driver.keys("w love<Enter><Esc>i");
    answer_with(&mut driver, "llama", BosPolicy::Published);
    insta::assert_snapshot!("inspector_badges", driver.text());
}

/// The head reads the word: a course that falls, jumps at the 60th token, and ends high.
fn readings(tokens: usize) -> WordTokens {
    let value = |at: usize| if at < 60 { 2.0 - at as f32 / 20.0 } else { 4.0 + (at % 3) as f32 };
    let layer_rewards = vec![-0.5, 0.25, -1.5, -1.75, 2.0, 2.5, 4.25, value(tokens - 1)];
    WordTokens { token_rewards: (0..tokens).map(value).collect(), layer_rewards, ..WordTokens::default() }
}

fn read(driver: &mut Driver, readings: Result<Box<WordTokens>, Unread>) {
    let InspectRequest { model, prompt_text, word, .. } = asked(driver);
    driver.engine(Event::Read { model, prompt_text, word, readings });
}

#[test]
fn rewards_along_the_conversation_and_by_layer() {
    for size in [(80, 24), (120, 36), (160, 50)] {
        let mut driver = Driver::scored_pair(size);
        driver.keys("i");
        answer_with(&mut driver, "llama", BosPolicy::Single);
        read(&mut driver, Ok(Box::new(readings(67))));
        insta::assert_snapshot!(format!("inspector_rewards_{}x{}", size.0, size.1), driver.text());
        driver.keys("l");
        insta::assert_snapshot!(format!("inspector_layers_{}x{}", size.0, size.1), driver.text());
        driver.keys("l");
        assert!(driver.text().contains("Reward at each token"), "{}", driver.text());
    }
    let mut driver = Driver::scored_pair(SIZE);
    driver.keys("i");
    answer_with(&mut driver, "llama", BosPolicy::Single);
    read(&mut driver, Ok(Box::new(readings(67))));
    let plain = driver.draw_with(&ascii());
    let inside = plain.content().iter().map(|cell| cell.symbol()).collect::<String>();
    assert!(inside.is_ascii() && inside.contains("-0.95 to +6.00") && inside.contains('^'), "{inside}");
}

#[test]
fn a_model_that_is_not_loaded_is_loaded_on_request_alone() {
    let mut driver = Driver::scored_pair(SIZE);
    driver.keys("i");
    answer_with(&mut driver, "llama", BosPolicy::Single);
    assert!(!asked(&driver).load && !driver.text().contains("not loaded"));
    read(&mut driver, Err(Unread::NotLoaded));
    assert!(driver.text().contains("is not loaded") && driver.text().contains("Enter load"), "{}", driver.text());
    driver.keys("<Enter>");
    assert!(asked(&driver).load);
    answer_with(&mut driver, "llama", BosPolicy::Single);
    read(&mut driver, Err(Unread::Refused("the disk is gone".to_owned())));
    assert!(driver.text().contains("no rewards at tokens: the disk is gone"), "{}", driver.text());
}

#[test]
fn a_gated_head_says_why_tokens_have_no_reward_and_a_language_model_says_nothing() {
    let mut driver = Driver::scored_pair(SIZE);
    driver.keys("i");
    answer_with(&mut driver, "llama", BosPolicy::Single);
    read(&mut driver, Ok(Box::new(WordTokens { token_rewards: Vec::new(), ..readings(67) })));
    assert!(driver.text().contains("The head's gate reads one place"), "{}", driver.text());
    driver.ready_as_language(LLAMA);
    driver.keys("<Esc>i");
    answer_with(&mut driver, "llama-lm", BosPolicy::Single);
    read(&mut driver, Err(Unread::NotLoaded));
    assert!(!driver.text().contains("not loaded"), "{}", driver.text());
}

#[test]
fn the_word_under_the_cursor_is_asked_of_the_model_shown_with_words_that_may_be_the_same() {
    let mut driver = Driver::scored_pair(SIZE);
    driver.keys("w love<Enter><Esc>i");
    assert!(driver.text().contains("the model answers when"), "{}", driver.text());
    let request = asked(&driver);
    assert_eq!((request.model, &*request.word), (LLAMA, " love"));
    assert_eq!(&*request.company[0], "love");
    assert!(request.company.len() > 10 && !request.company.contains(&request.word));
}

#[test]
fn a_late_answer_for_another_word_is_not_shown() {
    let mut driver = Driver::scored_pair(SIZE);
    driver.keys("jji");
    let InspectRequest { model, prompt_text, .. } = asked(&driver);
    let other = Err("of another word".to_owned());
    driver.engine(Event::Inspected { model, prompt_text, word: "elsewhere".into(), inspection: other });
    assert!(!driver.text().contains("of another word"));
    answer(&mut driver, Err("the template fails".to_owned()));
    assert!(driver.text().contains("the template fails"));
}

#[test]
fn flipping_keeps_the_word_and_asks_the_other_model() {
    let mut driver = Driver::scored_pair(SIZE);
    driver.keys("i");
    let word = asked(&driver).word;
    driver.keys("<Tab>");
    let request = asked(&driver);
    assert_eq!((request.model, request.word), (GEMMA, word));
    answer_with(&mut driver, "gemma2", BosPolicy::Single);
    assert!(driver.text().contains("by demo-gemma"));
    driver.keys("<Esc>");
    assert!(driver.app.overlay.is_none());
}

#[test]
fn of_a_language_model_the_text_before_the_word_and_the_word_are_shown() {
    let mut driver = Driver::scored_pair((120, 36));
    driver.keys("i");
    answer_with(&mut driver, "llama-lm", BosPolicy::Single);
    let text = driver.text();
    assert!(text.contains("each has its log-probability") && !text.contains("reward read here"), "{text}");
    let word = asked(&driver).word;
    let shown = text.lines().filter(|line| line.contains(&*word)).collect::<Vec<_>>();
    assert!(shown.iter().any(|line| line.trim_end_matches(['│', ' ']).ends_with(&*word)), "no end of turn: {text}");
}

#[test]
fn recorded_scores_have_no_tokens() {
    let startup = Startup { models: vec![recorded_spec("N-Lla-8B llama")], corpus: None, ..startup(SIZE) };
    let mut driver = Driver::new(startup);
    let model = driver.app.focus.unwrap();
    driver.engine(Event::Recorded { model, recorded: Box::new(recorded(model, &["love", "war"])) });
    driver.keys("i");
    assert!(driver.text().contains("neither tokens nor"), "{}", driver.text());
    let error = rewardscope::ui::theme::Theme::default().error.fg;
    let line = driver.text().lines().position(|line| line.contains("neither tokens")).unwrap() as u16;
    let buffer = driver.draw();
    assert!((0..80).all(|x| Some(buffer[(x, line)].fg) != error), "it is no error");
    assert!(!driver.asked.iter().any(|effect| matches!(effect, Effect::Inspect(_))));
}

#[test]
fn a_long_conversation_scrolls_to_its_end_and_no_further() {
    let mut driver = Driver::scored_pair(SIZE);
    driver.keys("i");
    let tokens = (0..400).map(|id| (id, format!("token{id}"))).collect();
    answer(&mut driver, Ok(Box::new(Inspection { tokens, pooled: Some(399), ..Inspection::default() })));
    driver.keys("GG");
    assert!(driver.text().contains("token399"), "{}", driver.text());
    let Some(Overlay::Inspector(inspector)) = &driver.app.overlay else { panic!("the inspector is open") };
    let last = inspector.scroll;
    driver.keys("jk");
    let Some(Overlay::Inspector(inspector)) = &driver.app.overlay else { panic!("the inspector is open") };
    assert_eq!(inspector.scroll, last - 1);
    driver.send(rewardscope::app::Message::Resize(160, 300));
    let Some(Overlay::Inspector(inspector)) = &driver.app.overlay else { panic!("the inspector is open") };
    assert_eq!(inspector.scroll, 0, "a larger screen shows all");
}

#[test]
fn hostile_tokens_put_no_control_character_on_the_screen() {
    let evil = "\u{1b}[2J\u{9b}\u{202e}\n";
    for theme in [rewardscope::ui::theme::Theme::default(), ascii()] {
        let mut driver = Driver::scored_pair((60, 16));
        driver.keys("i");
        let badges = vec![
            rewardscope::engine::Badge::SameTokens(vec![evil.into(); 9]),
            rewardscope::engine::Badge::Rewritten(evil.to_owned()),
            rewardscope::engine::Badge::Unscorable(evil.to_owned()),
        ];
        let tokens = vec![(1, evil.to_owned()), (2, "\u{301}".repeat(300)), (u32::MAX, "爱".repeat(40))];
        let rendered = format!("{evil}{}", "e\u{301}\u{301}".repeat(100));
        let inspection = Inspection { rendered, tokens, word: 3..9, shared: 1, pooled: Some(2), badges };
        answer(&mut driver, Ok(Box::new(inspection)));
        for _ in 0..40 {
            assert_eq!(unsafe_cells(&driver.draw_with(&theme)), Default::default());
            driver.keys("j");
        }
        answer(&mut driver, Err(evil.to_owned()));
        assert_eq!(unsafe_cells(&driver.draw_with(&theme)), Default::default());
    }
}
