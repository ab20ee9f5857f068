//! The statistics view: its pages, how it follows the scores, what it says is missing.

use rewardscope::app::views::statistics::StatisticsPage;
use rewardscope::app::{Message, View};
use rewardscope::base::terms::{Family, ModelId};
use rewardscope::stats::agreement::AgreementMeasure;
use rewardscope::ui::theme::Theme;

use super::driver::*;

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
    assert!(!driver.app.views.statistics.zoomed);
}

#[test]
fn tables() {
    let pages = ["contrasts", "mixed_model", "agreement", "pairs"];
    for (at, name) in pages.into_iter().enumerate() {
        for size in [(80, 24), (160, 50)] {
            let mut driver = study(size);
            driver.keys(&"<Tab>".repeat(at + 1));
            driver.keys("j");
            insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), driver.text());
        }
    }
}

#[test]
fn the_matrix_of_agreement_shows_each_measure() {
    let mut driver = study((80, 24));
    driver.keys("<Tab><Tab><Tab>");
    for measure in ["Spearman", "Kendall", "RBO", "Spearman"] {
        assert!(driver.text().contains(&format!("  {measure}  ")), "{}", driver.text());
        driver.keys("]");
    }
    driver.keys("[[");
    assert_eq!(driver.app.views.statistics.measure, AgreementMeasure::Rbo);
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
    assert_eq!(driver.app.views.statistics.shown().unwrap().progress.columns, 2, "the request knew of two columns");
    // What came meanwhile is computed after a rest.
    driver.now += std::time::Duration::from_secs(60);
    driver.send(Message::Tick);
    assert_eq!(driver.app.views.statistics.shown().unwrap().progress.columns, 3);
    assert_eq!(driver.app.next_deadline(), None, "nothing is waited for when everything is known");
}

#[test]
fn partial_is_said_until_all_prompts_are_scored() {
    let mut driver = Driver::scored_pair((120, 36));
    driver.keys("3");
    let text = driver.text();
    assert!(text.contains("partial: 2 of 12 tables") && text.contains("a scores all"), "{text}");
    driver.keys("a<Esc>");
    let job = driver.plan[0].clone();
    driver.score_job(&job, 10);
    driver.now += std::time::Duration::from_secs(60);
    driver.send(Message::Tick);
    assert_eq!(driver.app.views.statistics.shown().unwrap().progress.columns, 2, "a column counts when it is complete");
    let job = driver.plan.iter().find(|job| job.model == LLAMA).unwrap().clone();
    driver.score_job(&job, job.words.len());
    driver.now += std::time::Duration::from_secs(60);
    driver.send(Message::Tick);
    let text = driver.text();
    assert!(text.contains("partial: 3 of 12 tables, 1 to 2 prompts a model"), "{text}");
    driver.send(Message::Resize(60, 20));
    assert!(driver.text().contains("partial 3/12"), "{}", driver.text());
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
        for _ in StatisticsPage::ALL {
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

/// The pair with every prompt scored, over so many categories of long names beside the two.
fn many_panels(size: (u16, u16), more: usize) -> Driver {
    let mut corpus = corpus();
    corpus.categories.extend((0..more).map(|i| format!("a_category_of_a_long_name_{i:02}")));
    for (i, word) in corpus.words.iter_mut().enumerate() {
        word.categories.extend((0..more as u16).filter(|c| (i + usize::from(*c)) % 3 > 0).map(|c| c + 2));
    }
    let models = vec![demo("demo-llama"), demo("demo-gemma")];
    let corpus = Some(std::sync::Arc::new(corpus));
    let mut driver = Driver::new(rewardscope::app::Startup { models, corpus, ..startup(size) });
    driver.ready(LLAMA);
    driver.ready(GEMMA);
    driver.score_plan();
    driver.keys("a<Esc>");
    driver.score_plan();
    driver.keys("3");
    driver
}

#[test]
fn a_difference_is_never_cut_off() {
    let mut driver = many_panels((60, 24), 8);
    let shown = driver.app.views.statistics.shown().unwrap();
    let difference =
        |panel: &rewardscope::report::panels::Panel| format!("Δ {:+.1}", panel.contrasts[0].difference).replace('-', "−");
    let differences: Vec<String> = shown.panels.iter().map(difference).collect();
    for columns in (60..=170).step_by(5) {
        driver.send(Message::Resize(columns, 24));
        let text = driver.text();
        // Below the line that says what a difference is.
        let titles = text.lines().skip(3).filter(|line| line.contains('Δ'));
        let found = titles.flat_map(|line| line.match_indices("Δ ").map(|(at, _)| line[at..].to_owned()).collect::<Vec<_>>());
        let mut seen = 0;
        for found in found {
            let is_whole = |whole: &String| found == *whole || found.starts_with(&format!("{whole} "));
            assert!(differences.iter().any(is_whole), "{columns}: {found}");
            seen += 1;
        }
        assert!(seen > 0, "{text}");
    }
}

#[test]
fn which_panels_are_on_the_screen_stands_beside_the_pages_and_the_axis_is_whole() {
    let mut driver = many_panels((80, 24), 8);
    driver.keys("G");
    let text = driver.text();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[2].contains("Panels") && lines[2].contains("panels 17 to 20 of 20"), "{text}");
    assert!(lines.iter().any(|line| line.contains("rank") && line.contains("mean ±se")), "{text}");
}

#[test]
fn one_model_a_family_is_said_to_be_one() {
    let driver = many_panels((80, 24), 0);
    let text = driver.text().split_whitespace().collect::<Vec<_>>().join(" ");
    let said = "One model a family: nothing can be said of families. Welch's p, as published, speaks of two models.";
    assert!(text.contains(said), "{text}");
}

#[test]
fn the_number_of_cells_is_told_whatever_else_has_no_room() {
    for (columns, left_out) in [(60, false), (60, true), (80, true), (120, true)] {
        let models = vec![demo("demo-llama"), demo("demo-gemma"), demo("third")];
        let mut driver = Driver::new(rewardscope::app::Startup { models, ..startup((columns, 24)) });
        driver.ready(LLAMA);
        driver.ready(GEMMA);
        if left_out {
            driver.ready_as_language(ModelId(2));
        }
        driver.score_plan();
        driver.keys("3");
        let text = driver.text();
        let second = text.lines().nth(1).unwrap();
        assert!(second.contains("n 4 cells") || second.contains("n 6 cells"), "{columns}: {text}");
        assert!(!left_out || second.contains("left out"), "{columns}: {text}");
    }
}

#[test]
fn a_family_that_is_not_known_does_not_hide_what_the_two_differ_by() {
    let names = ["a-gemma", "b-llama", "c-other"];
    let models = names.iter().map(|name| recorded_spec(name)).collect();
    let mut driver = Driver::new(rewardscope::app::Startup { models, ..startup((120, 36)) });
    let words = [&AGENCY[..], &COMMUNION[..]].concat();
    for id in (0..3).map(ModelId) {
        driver.engine(rewardscope::engine::Event::Recorded { model: id, recorded: Box::new(recorded(id, &words)) });
    }
    driver.keys("3");
    let text = driver.text();
    assert!(text.contains("Δ = Llama − Gemma, below 0 Llama prefers") && text.contains("○ ?"), "{text}");
    assert!(text.lines().any(|line| line.contains("agency +") && line.contains("Δ ")), "{text}");
    driver.keys("<Tab>");
    assert!(!driver.text().contains("exactly two families"), "{}", driver.text());
}

#[test]
fn a_panel_scrolls_through_its_models_and_goes_on_to_the_next() {
    let mut driver = study((60, 16));
    driver.keys("<Enter>");
    let text = driver.text();
    assert!(text.contains("1 to 3 of 8") && !text.contains("e-llama"), "{text}");
    driver.keys("jjjjjjjj");
    let text = driver.text();
    assert!(text.contains("6 to 8 of 8") && text.contains("f-llama"), "{text}");
    driver.keys("k");
    assert!(driver.text().contains("5 to 7 of 8"), "one step back from the end: {}", driver.text());
    driver.keys("]");
    let text = driver.text();
    assert!(text.contains("agency −") && text.contains("1 to 3 of 8"), "{text}");
    driver.keys("[");
    assert!(driver.text().contains("agency +"));
}

#[test]
fn a_pair_that_agrees_is_opened_side_by_side_and_a_term_is_not() {
    let mut driver = study((120, 36));
    driver.keys("<Tab><Tab><Enter>");
    assert_eq!((driver.app.view, driver.app.views.statistics.page), (View::Statistics, StatisticsPage::MixedModel));
    driver.keys("<Tab><Tab>j");
    let shown = driver.app.views.statistics.shown().unwrap();
    let pair = [shown.pairs[1].a.to_string(), shown.pairs[1].b.to_string()];
    driver.keys("<Enter>");
    let named = [driver.app.focused(), driver.app.other()].map(|model| model.unwrap().spec.name.clone());
    assert_eq!((driver.app.view, named), (View::Compare, pair));
}

#[test]
fn the_words_below_a_panel_are_whole_at_80_columns() {
    let driver = study((80, 24));
    let text = driver.text();
    for part in ["p .700, least .100, ×4 1", "as published: Welch t +1.00, df 19.0, p .331", "whatever they say.", "1 = highest"]
    {
        assert!(text.lines().any(|line| line.ends_with(part)), "{part} in {text}");
    }
}
