//! A vocabulary as the words of a session, and language models among the models.

use std::sync::Arc;

use rewardscope::app::Startup;
use rewardscope::base::terms::{Family, Unit};
use rewardscope::corpus::{Corpus, Word};
use rewardscope::engine::Event;
use rewardscope::engine::vocabulary::SAME_TEXT;
use rewardscope::model::ModelInfo;

use super::driver::{self, Driver, GEMMA, LLAMA, SIZE, current};

fn vocabulary() -> Arc<Corpus> {
    let mut corpus = Corpus::new("vocabulary");
    corpus.categories.push(SAME_TEXT.to_owned());
    for (id, text, categories) in [(5, "love", vec![0]), (6, "war", vec![]), (9, "love", vec![0])] {
        corpus.words.push(Word { text: text.into(), categories });
        corpus.tokens.push(id);
    }
    Arc::new(corpus)
}

fn pair() -> Driver {
    let models = vec![driver::demo("demo-llama"), driver::demo("demo-gemma")];
    let mut driver = Driver::new(Startup { models, corpus: None, ..driver::startup(SIZE) });
    assert!(driver.plan.is_empty(), "no words are known yet");
    driver.engine(Event::Vocabulary { model: LLAMA, corpus: vocabulary() });
    driver
}

#[test]
fn the_first_models_tokens_are_the_words_and_others_are_asked_their_texts() {
    let mut driver = pair();
    driver.engine(Event::Vocabulary { model: GEMMA, corpus: Arc::new(Corpus::new("another")) });
    let asked = |of| driver.plan.iter().find(|job| job.model == of).expect("a job");
    let (own, other) = (asked(LLAMA), asked(GEMMA));
    assert_eq!((own.token_ids.as_slice(), own.words.len()), (&[5, 6, 9][..], 3));
    assert_eq!((other.token_ids.as_slice(), other.words.len()), (&[][..], 3));
    assert_eq!(own.words, other.words, "one row is one token for both");
}

#[test]
fn tokens_with_one_text_have_rows_of_their_own_that_show_their_ids() {
    let mut driver = pair();
    driver.ready(LLAMA);
    let ids: Vec<_> = driver.plan[0].words.iter().map(|(id, _)| *id).collect();
    driver.give(LLAMA, current(&driver), &[(ids[0], 1.0), (ids[1], 2.0), (ids[2], 3.0)]);
    assert_eq!(driver.words(), ["love", "war", "love"]);
    let text = driver.text();
    assert!(text.contains("love #9") && text.contains("love #5") && !text.contains("war #"), "{text}");
}

#[test]
fn a_typed_word_is_not_the_token_of_the_same_text() {
    let mut driver = pair();
    driver.keys("wlove<Enter>");
    let jobs: Vec<_> = driver.plan.iter().filter(|job| job.model == LLAMA).collect();
    let told: Vec<_> = jobs.iter().map(|job| (job.words.len(), job.token_ids.as_slice())).collect();
    assert_eq!(told, [(1, &[][..]), (3, &[5, 6, 9])]);
    assert!(jobs[1].words.iter().all(|(id, _)| *id != jobs[0].words[0].0));
}

#[test]
fn the_unit_of_a_language_model_stands_in_the_header() {
    let mut driver = Driver::scored_pair(SIZE);
    assert!(!driver.text().contains("log p"));
    let mut provenance = driver::provenance("lm");
    provenance.unit = Unit::Nats;
    let info = ModelInfo { family: Family::Llama, provenance, memory_bytes: 1 };
    driver.engine(Event::Ready { model: LLAMA, info: Box::new(info) });
    let text = driver.text();
    let heading = text.lines().find(|line| line.trim_start().starts_with("rank")).expect("a heading");
    assert!(heading.contains("log p") && !heading.contains("score"), "{heading}");
    assert!(text.contains("nats"), "{text}");
}
