//! Opening, planning, cancelling, failing; words, prompts, corpora and themes that are chosen.

use std::sync::Arc;

use rewardscope::app::picker::PickerKind;
use rewardscope::app::{Effect, Key, Level, Message, Overlay, Startup, View};
use rewardscope::base::terms::{Family, ModelId, WordId};
use rewardscope::corpus::{Corpus, Word};
use rewardscope::engine::{Event, Phase};

use super::driver::*;

fn opened(driver: &Driver) -> Vec<ModelId> {
    let open = |effect: &Effect| if let Effect::Open { model, .. } = effect { Some(*model) } else { None };
    driver.asked.iter().filter_map(open).collect()
}

/// Model, prompt and number of words of each planned job.
fn outline(driver: &Driver) -> Vec<(ModelId, &str, usize)> {
    driver.plan.iter().map(|job| (job.model, &*job.prompt_text, job.words.len())).collect()
}

const EVER: &str = "What, in one word, is the greatest thing ever?";
const WORLD: &str = "What, in one word, is the greatest thing in the world?";

#[test]
fn jobs_come_in_the_order_of_what_is_looked_at_and_hold_only_missing_words() {
    let mut driver = Driver::pair(SIZE);
    assert_eq!(outline(&driver), [(LLAMA, EVER, 27), (GEMMA, EVER, 27)]);
    let job = driver.plan[0].clone();
    driver.score_job(&job, 20);
    driver.keys("<Tab>");
    assert_eq!(outline(&driver), [(GEMMA, EVER, 27), (LLAMA, EVER, 7)]);
    driver.score_plan();
    driver.keys("]");
    assert_eq!(outline(&driver), [(GEMMA, WORLD, 27), (LLAMA, WORLD, 27)]);
    driver.keys("[");
    assert_eq!(outline(&driver), [], "nothing is missing under the first prompt");
    driver.keys("a");
    assert_eq!(driver.plan.len(), 2 * 5);
    assert!(driver.plan.iter().all(|job| &*job.prompt_text != EVER));
    assert!(driver.plan[..5].iter().all(|job| job.model == GEMMA));
    driver.keys("a");
    assert_eq!(outline(&driver), []);
}

#[test]
fn typed_words_are_scored_first_and_come_under_the_cursor() {
    let mut driver = Driver::scored_pair(SIZE);
    driver.keys("w liberty<Enter>");
    assert_eq!(driver.word(), " liberty");
    let words: Vec<_> = driver.plan[0].words.iter().map(|(_, text)| &**text).collect();
    assert_eq!(words, [" liberty"]);
    driver.send(Message::Paste("one\ntwo\n".to_owned()));
    let words: Vec<_> = driver.plan[0].words.iter().map(|(_, text)| &**text).collect();
    assert_eq!(words, ["two", "one", " liberty"]);
    driver.score_plan();
    driver.keys("<Esc>");
    assert!(driver.text().contains("two"));
    assert_eq!(outline(&driver), []);
}

#[test]
fn a_typed_prompt_joins_the_session() {
    let mut driver = Driver::scored_pair(SIZE);
    driver.keys("pIs it good to be kind?<Enter>");
    assert_eq!(outline(&driver)[0], (LLAMA, "Is it good to be kind?", 27));
    assert!(driver.text().contains("Is it good to be kind?"));
    assert!(driver.text().contains("your prompt"));
}

#[test]
fn cancelled_scoring_goes_on_with_what_is_missing() {
    let mut driver = Driver::pair(SIZE);
    driver.ready(LLAMA);
    driver.phase(GEMMA, Phase::Idle);
    let job = driver.plan[0].clone();
    driver.score_job(&job, 10);
    driver.keys("<Esc>");
    assert_eq!(outline(&driver), []);
    driver.phase(LLAMA, Phase::Idle);
    assert!(driver.text().contains("cancelled: r to go on"), "{}", driver.text());
    driver.keys("<Tab>");
    assert_eq!(outline(&driver), [], "flipping does not go on");
    driver.keys("<Tab>r");
    assert_eq!(outline(&driver), [(LLAMA, EVER, 17), (GEMMA, EVER, 27)]);
    assert!(!driver.text().contains("cancelled"));
}

#[test]
fn a_cancelled_download_is_taken_up_again_under_the_same_id() {
    let mut driver = Driver::pair(SIZE);
    driver.ready(LLAMA);
    driver.score_plan();
    let phase = Phase::Downloading {
        file: "model.safetensors".to_owned(),
        done_bytes: 1_200_000_000,
        total_bytes: 5_200_000_000,
        rate: 42e6,
    };
    driver.phase(GEMMA, phase);
    driver.keys("<Tab>");
    let text = driver.text();
    assert!(text.contains("downloading model.safetensors  1.2 GB of 5.2 GB  42.0 MB/s  ETA 1:35"), "{text}");
    driver.asked.clear();
    driver.keys("<Esc>");
    assert!(driver.asked.iter().any(|e| matches!(e, Effect::Cancel(id) if *id == GEMMA)));
    driver.phase(GEMMA, Phase::Cancelled);
    driver.keys("r");
    assert_eq!(opened(&driver), [GEMMA]);
}

#[test]
fn escape_closes_what_is_open_before_it_cancels() {
    let mut driver = Driver::pair(SIZE);
    driver.ready(LLAMA);
    driver.send(Message::Notify(Level::Error, "something".to_owned()));
    driver.keys("/lo<Enter>m");
    for _ in 0..3 {
        driver.keys("<Esc>");
        assert!(!driver.app.paused);
    }
    assert_eq!((driver.app.search.query(), driver.app.toasts.iter().count()), ("", 0));
    driver.keys("<Esc>");
    assert!(driver.app.paused);
}

#[test]
fn a_failed_model_leaves_the_others_alive() {
    let mut driver = Driver::pair(SIZE);
    driver.phase(LLAMA, Phase::Failed("demo-llama: no head. Tensors found: a, b".to_owned()));
    assert!(driver.text().contains("Tensors found"));
    driver.ready(GEMMA);
    let job = driver.plan.iter().find(|job| job.model == GEMMA).unwrap().clone();
    driver.score_job(&job, 27);
    driver.keys("]");
    assert!(driver.plan.iter().all(|job| job.model == GEMMA));
    driver.keys("<Tab>");
    assert_eq!(driver.app.table().unwrap().left.scored, 0);
    driver.asked.clear();
    driver.keys("r");
    assert_eq!(opened(&driver), [LLAMA]);
    assert_eq!(driver.plan.len(), 2);
}

#[test]
fn what_comes_late_for_a_closed_model_does_no_harm() {
    let mut driver = Driver::scored_pair(SIZE);
    driver.keys("4x");
    assert!(driver.asked.iter().any(|e| matches!(e, Effect::Close(id) if *id == LLAMA)));
    let prompt = current(&driver);
    driver.give(LLAMA, prompt, &[(WordId(0), 5.0)]);
    driver.phase(LLAMA, Phase::Failed("late".to_owned()));
    assert_eq!(driver.app.score_table.prompts_of(LLAMA), []);
    assert_eq!((driver.app.models.len(), driver.app.focus, driver.app.toasts.iter().count()), (1, Some(GEMMA), 0));
    driver.keys("x1");
    assert!(driver.app.models.is_empty());
    driver.keys("23<Tab>jy/a<Enter>n");
    driver.text();
}

#[test]
fn recorded_models_bring_their_words_and_prompts_and_are_never_planned() {
    let models = vec![recorded_spec("a-llama"), recorded_spec("b-gemma")];
    let prompts = prompts().into_iter().take(2).collect();
    let mut driver = Driver::new(Startup { models, corpus: None, prompts, ..startup(SIZE) });
    assert!(driver.text().contains("no words yet"));
    driver.engine(Event::Ready { model: LLAMA, info: recorded_info(Family::Llama, "/data/big_two/a.csv") });
    driver.engine(Event::Recorded { model: LLAMA, recorded: Box::new(recorded(LLAMA, &["freedom", "love"])) });
    driver.phase(LLAMA, Phase::Idle);
    driver.engine(Event::Recorded { model: GEMMA, recorded: Box::new(recorded(GEMMA, &["love", "peace"])) });
    assert_eq!(driver.app.universe.len(), 3);
    assert_eq!(driver.app.prompts.len(), 6, "prompts of the files join the list");
    assert_eq!(outline(&driver), []);
    driver.keys("a");
    assert_eq!(outline(&driver), []);
    let text = driver.text();
    assert!(text.contains("recorded, not live") && text.contains("2 of 3 words scored, 1 without score"), "{text}");

    let joined = driver.asked.iter().rev().find_map(|e| if let Effect::JoinCategories(c) = e { Some(c.clone()) } else { None });
    let mut joined = Arc::unwrap_or_clone(joined.unwrap());
    joined.categories.push("agency".to_owned());
    joined.words[0].categories.push(0);
    driver.send(Message::Joined(Arc::new(joined)));
    assert!(driver.text().contains("agency"));
}

#[test]
fn words_that_cannot_be_asked_are_told_and_not_planned_again() {
    let mut driver = Driver::pair(SIZE);
    let job = driver.plan[0].clone();
    let words = vec![(job.words[0].0, "'freedom': gives no token. Leave it out".to_owned())];
    driver.engine(Event::Unscorable { model: LLAMA, prompt: job.prompt, words });
    assert!(driver.text().contains("gives no token"));
    driver.keys("<Tab><Tab>");
    assert_eq!(outline(&driver)[0], (LLAMA, EVER, 26));
    // The next batch of such words adds no second notice.
    driver.keys("<Esc>");
    let words = vec![(job.words[1].0, "'power': gives no token. Leave it out".to_owned())];
    driver.engine(Event::Unscorable { model: LLAMA, prompt: job.prompt, words });
    assert!(!driver.text().contains("gives no token"), "{}", driver.text());
}

#[test]
fn models_are_opened_by_name_path_or_id() {
    let mut driver = Driver::scored_pair(SIZE);
    driver.keys("m");
    driver.send(Message::Models(catalogue()));
    driver.asked.clear();
    driver.keys("R-Gem<Enter>");
    assert_eq!((opened(&driver), driver.app.focus), (vec![ModelId(2)], Some(ModelId(2))));
    assert_eq!(driver.plan[0].model, ModelId(2));
    driver.keys("m./here<Enter>");
    assert!(matches!(driver.asked.last(), Some(Effect::Resolve(text)) if text == "./here"));
    driver.send(Message::Resolved(Err("no model './here'".to_owned())));
    assert!(driver.text().contains("no model './here'"));
    driver.keys("<Esc>mdemo-g<Enter>");
    assert_eq!((driver.app.models.len(), driver.app.focus), (3, Some(GEMMA)), "what is open is only shown");
}

#[test]
fn another_corpus_keeps_the_scores_it_shares() {
    let mut driver = Driver::scored_pair(SIZE);
    driver.keys("c");
    driver.send(Message::Corpora(corpora()));
    driver.keys("moral<Enter>");
    assert!(matches!(driver.asked.last(), Some(Effect::LoadCorpus(name)) if name == "moral-foundations"));
    let mut other = Corpus::new("moral-foundations");
    other.words.extend(["love", "harm"].map(|w| Word { text: w.into(), categories: Vec::new() }));
    driver.send(Message::Corpus(Ok(Arc::new(other))));
    assert_eq!(outline(&driver), [(LLAMA, EVER, 1), (GEMMA, EVER, 1)]);
    driver.send(Message::Corpus(Err("x.csv: empty. Give a list".to_owned())));
    assert!(driver.text().contains("x.csv: empty") && driver.text().contains("love"));
}

#[test]
fn themes_are_tried_on_and_taken_back() {
    let mut driver = Driver::scored_pair(SIZE);
    driver.asked.clear();
    driver.keys("t<Down><Esc>");
    let set: Vec<_> = driver.asked.iter().map(|e| if let Effect::SetTheme(name) = e { name.as_str() } else { "?" }).collect();
    assert_eq!(set, ["dark", "default"]);
    driver.keys("t<Down><Enter>");
    assert_eq!(driver.app.theme, "dark");
}

#[test]
fn the_palette_performs_what_it_lists() {
    let mut driver = Driver::scored_pair(SIZE);
    driver.keys(":compare<Enter>");
    assert_eq!(driver.app.view, View::Compare);
    driver.key(Key::control('p'));
    assert!(matches!(&driver.app.overlay, Some(Overlay::Picker(p)) if p.kind == PickerKind::Action));
    driver.keys("quit<Enter>");
    assert!(matches!(driver.asked.last(), Some(Effect::Quit)));
}

#[test]
fn a_word_is_copied_as_it_stands() {
    let mut driver = Driver::scored_pair(SIZE);
    driver.keys("w love<Enter><Esc>y");
    assert!(matches!(driver.asked.last(), Some(Effect::Copy(text)) if text == " love"));
}

#[test]
fn a_model_that_is_another_when_it_is_opened_again_keeps_none_of_its_scores() {
    let mut driver = Driver::scored_pair(SIZE);
    driver.plan.clear();
    let mut told = |content: &str| {
        let key = Box::new(rewardscope::scores::store::Key::of_recorded(content));
        driver.send(Message::Engine(Event::Key { model: LLAMA, key }));
        driver.plan.iter().map(|job| (job.model, job.words.len())).collect::<Vec<_>>()
    };
    assert_eq!(told("files"), [], "what it was found under says nothing against its scores");
    assert_eq!(told("files"), []);
    let all = AGENCY.len() + COMMUNION.len();
    assert_eq!(told("other files"), [(LLAMA, all)], "the other model's stay");
}
