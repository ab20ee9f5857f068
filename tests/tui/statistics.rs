//! The statistics view: its pages, how it follows the scores, what it says is missing.

use rewardscope::app::Message;
use rewardscope::app::statistics::Page;
use rewardscope::model::Family;
use rewardscope::scores::ModelId;
use rewardscope::ui::theme::Theme;

use crate::driver::*;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 36), (160, 50)];

/// Six recorded models, three a family, under all prompts.
fn study(size: (u16, u16)) -> Driver {
    let names = ["a-gemma", "b-gemma", "c-gemma", "d-llama", "e-llama", "f-llama"];
    let models = names.iter().map(|name| recorded_spec(name)).collect();
    let mut driver = Driver::new(rewardscope::app::Startup { models, ..startup(size) });
    let words = [&AGENCY[..], &COMMUNION[..]].concat();
    for (id, name) in (0..).map(ModelId).zip(names) {
        driver.engine(rewardscope::engine::Event::Ready { model: id, info: recorded_info(Family::guess(name), "scores.csv") });
        let recorded = Box::new(recorded(id, &words));
        driver.engine(rewardscope::engine::Event::Recorded { model: id, recorded });
    }
    driver.keys("3");
    driver
}

#[test]
fn panels() {
    for size in SIZES {
        insta::assert_snapshot!(format!("panels_{}x{}", size.0, size.1), study(size).text());
    }
}

#[test]
fn one_panel_by_model() {
    let mut driver = study((80, 24));
    driver.keys("j<Enter>");
    insta::assert_snapshot!(driver.text());
    driver.keys("<Esc>");
    assert!(!driver.app.statistics.zoomed);
}

#[test]
fn tables() {
    for (pages, name) in [("<Tab>", "contrasts"), ("<Tab><Tab>", "mixed_model"), ("<Tab><Tab><Tab>", "agreement")] {
        for size in [(80, 24), (160, 50)] {
            let mut driver = study(size);
            driver.keys(pages);
            driver.keys("j");
            insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), driver.text());
        }
    }
}

#[test]
fn nothing_is_computed_before_the_view_is_asked_for_and_newest_scores_win() {
    let mut driver = Driver::pair(SIZE);
    driver.ready(LLAMA);
    driver.ready(GEMMA);
    driver.score_plan();
    assert_eq!(driver.studies, 0);
    driver.slow = true;
    driver.keys("3");
    assert!(driver.waiting_statistics.is_some());
    driver.keys("a");
    let jobs = driver.plan.clone();
    driver.score_job(&jobs[0], 27);
    driver.slow = false;
    driver.compute_waiting();
    assert_eq!(driver.app.statistics.shown().unwrap().progress.columns, 2, "the request knew of two columns");
    // What came meanwhile is computed after a rest.
    driver.now += std::time::Duration::from_secs(60);
    driver.send(Message::Tick);
    assert_eq!(driver.app.statistics.shown().unwrap().progress.columns, 3);
    assert_eq!(driver.app.next_deadline(), None, "nothing is waited for when everything is known");
}

#[test]
fn partial_is_said_until_all_prompts_are_scored() {
    let mut driver = Driver::scored_pair(SIZE);
    driver.keys("3");
    let text = driver.text();
    assert!(text.contains("partial: 1 of 6 prompts") && text.contains("a scores all"), "{text}");
    driver.keys("a<Esc>");
    let job = driver.plan[0].clone();
    driver.score_job(&job, 10);
    driver.now += std::time::Duration::from_secs(60);
    driver.send(Message::Tick);
    assert_eq!(driver.app.statistics.shown().unwrap().progress.columns, 2, "a column counts when it is complete");
    driver.score_plan();
    driver.now += std::time::Duration::from_secs(60);
    driver.send(Message::Tick);
    let text = driver.text();
    assert!(!text.contains("partial") && text.contains("n 24 cells"), "{text}");
}

#[test]
fn what_cannot_be_compared_is_said() {
    let mut driver = Driver::pair(SIZE);
    driver.keys("3");
    assert!(driver.text().contains("no model has scores for all words"), "{}", driver.text());
    let mut corpus = corpus();
    corpus.categories.clear();
    corpus.words.iter_mut().for_each(|word| word.categories.clear());
    driver.send(Message::Corpus(Ok(std::sync::Arc::new(corpus))));
    driver.now += std::time::Duration::from_secs(60);
    driver.send(Message::Tick);
    assert!(driver.text().contains("this word list has none"), "{}", driver.text());
}

#[test]
fn pages_keep_to_plain_signs_where_only_those_can_be_shown() {
    let mut plain = Theme::plain();
    plain.ascii = true;
    for theme in [ascii(), plain] {
        let mut driver = study((80, 24));
        for _ in Page::ALL {
            for zoom in ["", "<Enter>"] {
                driver.keys(zoom);
                let buffer = driver.draw_with(&theme);
                let foreign: Vec<_> = buffer.content.iter().map(|c| c.symbol()).filter(|s| !s.is_ascii()).collect();
                assert!(foreign.is_empty(), "{foreign:?}");
            }
            driver.keys("<Esc><Tab>");
        }
    }
    let mut driver = study((80, 24));
    driver.keys("3");
    insta::assert_snapshot!("panels_ascii", text(&driver.draw_with(&ascii())));
}
