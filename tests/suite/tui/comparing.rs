//! What is said above a comparison: models that were not asked alike, words that one of them lacks.

use rewardscope::app::Startup;
use rewardscope::base::terms::{ModelId, Unit};
use rewardscope::engine::{Event, Phase};
use rewardscope::model::asking::form_text;
use rewardscope::model::{ModelInfo, PromptForm, Provenance};
use rewardscope::ui::theme::Theme;

use super::driver::*;

/// A pair of language models, scored, each asked in its own way.
fn language_models(size: (u16, u16), forms: [PromptForm; 2], bos: [&str; 2]) -> Driver {
    let mut driver = Driver::pair(size);
    for (model, (form, bos)) in [LLAMA, GEMMA].into_iter().zip(forms.into_iter().zip(bos)) {
        let spec = driver.app.model(model).unwrap().spec.clone();
        let (template, bos) = (form_text(form, "of the GGUF"), bos.into());
        let provenance = Provenance { template, bos, unit: Unit::Nats, demonstration: false, ..provenance(&spec.name) };
        let info = Box::new(ModelInfo { family: spec.family, provenance, memory_bytes: 1 });
        driver.engine(Event::Ready { model, info });
        driver.phase(model, Phase::WarmingUp);
    }
    driver.score_plan();
    driver
}

/// Recorded models with these words each.
fn of_words(size: (u16, u16), models: &[(&str, &[&str])]) -> Driver {
    let specs = models.iter().map(|(name, _)| recorded_spec(name)).collect();
    let mut driver = Driver::new(Startup { models: specs, ..startup(size) });
    for (id, (_, words)) in (0..).map(ModelId).zip(models) {
        driver.engine(Event::Recorded { model: id, recorded: Box::new(recorded(id, words)) });
        driver.phase(id, Phase::Idle);
    }
    driver
}

/// The views that compare, the pages of the statistics among them.
const COMPARING: [&str; 7] = ["2", "3", "3<Tab>", "3<Tab><Tab>", "3<Tab><Tab><Tab>", "5", "6"];

fn top(driver: &Driver) -> String {
    driver.text().lines().take(3).collect::<Vec<_>>().join("\n")
}

#[test]
fn language_models_that_were_not_asked_alike_are_told_apart_at_the_top_of_every_view_that_compares_them() {
    use PromptForm::{Bare, Chat};
    let warning = Theme::default().warning;
    for size in [(60, 16), (80, 24), (160, 50)] {
        for (forms, bos, told) in [
            ([Chat, Bare], ["single"; 2], "chat against bare prompt"),
            ([Chat, Chat], ["single", "published"], "BOS single against published"),
        ] {
            for keys in COMPARING {
                let mut driver = language_models(size, forms, bos);
                driver.keys(keys);
                let text = top(&driver);
                assert!(text.contains("! ") && text.contains(told), "{size:?} {keys}: {}", driver.text());
                let y = text.lines().position(|line| line.contains(told)).unwrap() as u16;
                let buffer = driver.draw();
                let mark = (0..size.0).find(|&x| buffer[(x, y)].symbol() == "!").unwrap();
                assert_eq!(Some(buffer[(mark, y)].fg), warning.fg, "{size:?} {keys}");
            }
        }
        for keys in COMPARING {
            let mut driver = language_models(size, [Chat, Chat], ["single"; 2]);
            driver.keys(keys);
            assert!(!driver.text().contains('!'), "{}", driver.text());
        }
        let mut alone = language_models(size, [Chat, Bare], ["single"; 2]);
        for keys in ["1", "4"] {
            alone.keys(keys);
            assert!(!top(&alone).contains("against"), "one model alone differs from nothing: {}", alone.text());
        }
    }
}

#[test]
fn a_reward_beside_a_log_probability_is_said_in_the_compare_view() {
    let mut driver = Driver::scored_pair((80, 24));
    driver.ready_as_language(GEMMA);
    driver.keys("2");
    assert!(top(&driver).contains("reward against log p"), "{}", driver.text());
}

#[test]
fn two_models_with_other_words_are_ranked_over_those_that_both_have_and_the_view_says_so() {
    let models = [("a-gemma", &AGENCY[..]), ("b-llama", &AGENCY[..5])];
    let mut driver = of_words((120, 30), &models);
    driver.keys("2");
    assert!(top(&driver).contains("! ranks over 5 words that both have, of 14 and 5"), "{}", driver.text());
    assert_eq!(driver.app.table().unwrap().left.ranked, 5);
    let mut driver = of_words((60, 16), &models);
    driver.keys("2");
    assert!(top(&driver).contains("! 5 common words, of 14 and 5"), "{}", driver.text());
    // While the other one is at work, more words are on their way.
    let mut driver = Driver::pair((120, 30));
    driver.ready(LLAMA);
    driver.ready(GEMMA);
    driver.keys("2");
    let jobs = driver.plan.clone();
    driver.score_job(&jobs[0], 27);
    driver.score_job(&jobs[1], 5);
    assert!(!driver.text().contains("common words"), "{}", driver.text());
}

#[test]
fn families_that_agree_do_not_differ_in_the_statistics_for_having_other_words() {
    // The scores of a word are the same by all four.
    let words = [&AGENCY[..], &COMMUNION[..]].concat();
    let few = [&AGENCY[4..], &COMMUNION[..6]].concat();
    let models = ["a-gemma", "b-gemma", "c-llama", "d-llama"].map(recorded_spec).to_vec();
    let mut driver = Driver::new(Startup { models, ..startup((120, 36)) });
    for id in (0..4).map(ModelId) {
        let words = if id.0 < 2 { &words } else { &few };
        driver.engine(Event::Recorded { model: id, recorded: Box::new(recorded(ModelId(0), words)) });
    }
    driver.keys("3");
    let report = &driver.app.views.statistics.shown().unwrap().report;
    assert_eq!((report.words, report.common_words.of), (few.len(), words.len()));
    assert!(!report.contrasts.is_empty() && report.contrasts.iter().all(|contrast| contrast.difference == 0.0));
    assert!(top(&driver).contains("! 16 of 27 words"), "{}", driver.text());
    assert!(report.warnings[0].contains("c-llama has 16, d-llama has 16"), "{:?}", report.warnings);
}

#[test]
fn models_without_a_word_in_common_have_no_statistics_and_the_view_says_why() {
    let mut driver = of_words((80, 24), &[("a-gemma", &AGENCY), ("b-llama", &COMMUNION), ("c-llama", &AGENCY)]);
    driver.keys("3");
    let text = driver.text().split_whitespace().collect::<Vec<_>>().join(" ");
    for naming in ["Nothing can be compared: 0 of the 27 words", "Without b-llama it would be 14"] {
        assert!(text.contains(naming), "'{naming}' is not in: {}", driver.text());
    }
    assert!(driver.app.views.statistics.shown().unwrap().report.cells.is_empty());
}
