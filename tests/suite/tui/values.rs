//! The views of what models value: the card of one, the implicit reward of two, trainings over their checkpoints.

use std::path::PathBuf;

use rewardscope::app::views::ablation::AblationPage;
use rewardscope::app::{Effect, Export, Message, Startup, View};
use rewardscope::base::terms::{Family, Measure, ModelId};
use rewardscope::corpus::pairs::AnswerPair;
use rewardscope::engine::Event;
use rewardscope::stats::ablation::{Ablation, CheckpointWord, Point, Run, Series, Training};
use rewardscope::ui::theme::Theme;

use super::driver::*;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 36), (160, 50)];

/// Four recorded models under all prompts.
fn recorded_models(size: (u16, u16)) -> Driver {
    let names = ["a-gemma", "b-gemma", "c-llama", "d-llama"];
    let models = names.iter().map(|name| recorded_spec(name)).collect();
    let mut driver = Driver::new(Startup { models, ..startup(size) });
    let words = [&AGENCY[..], &COMMUNION[..]].concat();
    for (id, name) in (0..).map(ModelId).zip(names) {
        driver.engine(Event::Ready { model: id, info: recorded_info(Family::guess(name), "scores.csv") });
        driver.engine(Event::Recorded { model: id, recorded: Box::new(recorded(id, &words)) });
    }
    driver
}

/// Two language models with every word scored.
pub fn language_models(size: (u16, u16)) -> Driver {
    let mut driver = Driver::pair(size);
    driver.ready_as_language(LLAMA);
    driver.ready_as_language(GEMMA);
    driver.score_plan();
    // Log-probabilities are below zero.
    let prompt = current(&driver);
    for model in [LLAMA, GEMMA] {
        let words = driver.app.universe.ids.clone();
        let texts: Vec<_> = words.iter().map(|&id| driver.app.score_table.word_text(id).clone()).collect();
        let scores: Vec<_> = words.iter().zip(&texts).map(|(&id, text)| (id, score(model, "p", text) - 8.0)).collect();
        driver.give(model, prompt, &scores);
    }
    driver.keys("6");
    driver
}

fn training(model: &str, family: &str, size: f64) -> Training {
    Training {
        file: format!("{model}.csv"),
        model: model.to_owned(),
        family: Some(family.to_owned()),
        data_size_k: Some(size),
        data_source: Some("uf".to_owned()),
        ..Training::default()
    }
}

/// Two trainings on one set of data and one on another, of whose words the scores are known.
fn trainings() -> Ablation {
    let series = |category: &str, from: f64, by: f64| {
        let points = (1..=6).map(|at| Point { checkpoint: at * 1000, median_rank: from + by * at as f64 }).collect();
        Series::new(category, points).unwrap()
    };
    let run = |model: &str, family: &str, by: f64| Run {
        training: training(model, family, 27.0),
        words: None,
        series: vec![series("agency", 90.0, by), series("communion", 140.0, -by)],
        moved: Vec::new(),
    };
    let word = |text, category: &'static str| CheckpointWord { text, categories: vec![category] };
    let words = [word("power", "agency"), word("love", "communion"), word("\u{1b}[31mtrust", "communion")];
    let scored =
        Run::from_scores(training("third-gemma", "Gemma", 80.0), &words, &[(10, vec![3.0, 2.0, 1.0]), (20, vec![1.0, 2.0, 3.0])]);
    Ablation::new(vec![run("first-llama", "Llama", 4.0), run("second-gemma", "Gemma", -3.0), scored], Vec::new())
}

pub fn ablation(size: (u16, u16)) -> Driver {
    let mut driver = Driver::new(Startup { trainings: vec![PathBuf::from("runs")], ..startup(size) });
    assert_eq!(driver.app.view, View::Ablation, "with nothing but trainings there is one view to see");
    let asked =
        driver.asked.iter().any(|effect| matches!(effect, Effect::Follow { paths, .. } if paths == &[PathBuf::from("runs")]));
    assert!(asked);
    driver.send(Message::Followed(Ok(Box::new(trainings()))));
    driver
}

#[test]
fn card() {
    for size in SIZES {
        let mut driver = recorded_models(size);
        driver.keys("5");
        driver.keys("j");
        insta::assert_snapshot!(format!("card_{}x{}", size.0, size.1), driver.text());
    }
}

#[test]
fn a_card_follows_the_model_on_the_screen_and_is_computed_once_for_each() {
    let mut driver = recorded_models(SIZE);
    assert_eq!(driver.cards, 0, "nothing is computed before it is asked for");
    driver.keys("5");
    let named = |driver: &Driver| driver.app.views.card.shown().unwrap().card().unwrap().model.clone();
    assert_eq!((driver.cards, named(&driver)), (1, "a-gemma".to_owned()));
    driver.keys("<Tab>");
    assert_eq!((driver.cards, named(&driver)), (2, "b-gemma".to_owned()));
    driver.keys("1");
    driver.keys("5");
    assert_eq!(driver.cards, 2, "nothing has changed");
    driver.keys("<S-Tab>");
    assert_eq!((driver.cards, named(&driver)), (3, "a-gemma".to_owned()));
}

#[test]
fn a_card_says_what_is_still_missing() {
    let mut driver = Driver::pair(SIZE);
    driver.keys("5");
    assert!(driver.text().contains("no prompt is scored whole yet"), "{}", driver.text());
    driver.ready(LLAMA);
    driver.ready(GEMMA);
    driver.score_plan();
    driver.now += std::time::Duration::from_secs(60);
    driver.send(Message::Tick);
    let text = driver.text();
    assert!(text.contains("partial: 2 of 12 tables") && text.contains("a scores all"), "{text}");
}

#[test]
fn pairs_are_judged_while_their_card_is_on_the_screen() {
    let pair = |prompt: &str, chosen: &str, rejected: &str| AnswerPair {
        prompt: prompt.into(),
        chosen: chosen.into(),
        rejected: rejected.into(),
    };
    let pairs = vec![pair("Which?", "a", "b"), pair("Which?", "c", "b"), pair("And?", "a", "b")];
    let models = vec![demo("demo-llama"), demo("demo-gemma")];
    let mut driver = Driver::new(Startup { models, pairs: (pairs, 0), ..startup(SIZE) });
    driver.ready(LLAMA);
    driver.ready(GEMMA);
    assert!(driver.plan.iter().all(|job| job.words.len() > 5), "nobody looks at a card");
    driver.score_plan();
    driver.keys("5");
    let asked: Vec<(ModelId, &str, usize)> =
        driver.plan.iter().map(|job| (job.model, &*job.prompt_text, job.words.len())).collect();
    assert_eq!(asked, [(LLAMA, "Which?", 3), (LLAMA, "And?", 2)]);
    assert!(driver.text().contains("pairs judged as people did  none yet, of 3"), "{}", driver.text());
    let which = driver.plan[0].clone();
    let ids: Vec<_> = which.words.iter().map(|(id, _)| *id).collect();
    driver.give(LLAMA, which.prompt, &[(ids[0], 2.0), (ids[1], 1.0), (ids[2], 0.5)]);
    let text = driver.text();
    assert!(text.contains("50.0 %") && text.contains("partial: 2 of 3 pairs"), "{text}");
    assert!(driver.app.score_table.prompts_of(LLAMA).len() == 1, "questions are no prompts of the session");
    driver.keys("<Tab>");
    assert_eq!(driver.plan[0].model, GEMMA, "each model judges for itself");
}

#[test]
fn implicit_reward() {
    for size in SIZES {
        insta::assert_snapshot!(format!("implicit_{}x{}", size.0, size.1), language_models(size).text());
    }
}

#[test]
fn an_implicit_reward_is_ranked_by_its_measure_and_turns_round_with_the_models() {
    let mut driver = language_models(SIZE);
    let first = |driver: &Driver| driver.words().first().cloned().unwrap();
    driver.keys("z");
    assert_eq!(driver.app.views.implicit.measure, Measure::LogRatio);
    let table = driver.app.table().unwrap();
    let (left, logs) = (table.left.scores.clone(), table.log_probabilities.clone().unwrap());
    for ((ratio, a), b) in left.iter().zip(&logs[0]).zip(&logs[1]) {
        assert!((ratio - (a - b)).abs() < 1e-12);
    }
    let (best, order) = (first(&driver), driver.words());
    driver.keys("<Tab>");
    let turned = driver.words();
    assert_eq!(turned.last().unwrap(), &best, "what one likes more, the other likes less");
    assert_eq!(turned.iter().rev().collect::<Vec<_>>(), order.iter().collect::<Vec<_>>());
}

#[test]
fn fewer_than_two_language_models_have_no_implicit_reward() {
    let mut driver = Driver::scored_pair(SIZE);
    driver.keys("6");
    assert!(driver.text().contains("an implicit reward is of two language models"), "{}", driver.text());
}

#[test]
fn over_training() {
    for size in SIZES {
        insta::assert_snapshot!(format!("ablation_{}x{}", size.0, size.1), ablation(size).text());
    }
    let mut driver = ablation(SIZE);
    driver.keys("j");
    assert!(driver.text().contains("80k pairs, uf"), "{}", driver.text());
    driver.keys("<Tab>");
    assert_eq!(driver.app.views.ablation.page, AblationPage::Last);
    insta::assert_snapshot!("last_checkpoints", driver.text());
    driver.keys("<Tab>");
    let text = driver.text();
    assert!(text.contains("power") && text.contains("\\u{1b}[31mtrust"), "{text}");
    assert!(unsafe_cells(&driver.draw()).is_empty());
}

#[test]
fn a_set_that_was_followed_comes_before_one_with_a_single_checkpoint() {
    let mut single = trainings();
    for run in &mut single.runs[..2] {
        run.series.iter_mut().for_each(|series| series.points.truncate(1));
    }
    let mut driver = ablation(SIZE);
    driver.send(Message::Followed(Ok(Box::new(single))));
    assert!(driver.text().contains("80k pairs, uf"), "{}", driver.text());
    driver.keys("]");
    assert!(driver.text().contains("27k pairs, uf"), "{}", driver.text());
    driver.keys("[");
    assert!(driver.text().contains("80k pairs, uf"));
}

#[test]
fn without_trainings_the_view_says_how_to_open_one_and_a_broken_file_is_told() {
    let mut driver = Driver::scored_pair(SIZE);
    driver.keys("7");
    assert!(driver.text().contains("no training is open"), "{}", driver.text());
    driver.send(Message::Trainings(vec![PathBuf::from("runs")]));
    driver.send(Message::Followed(Err("runs: broken".into())));
    assert!(driver.text().contains("runs: broken") && !driver.app.views.ablation.is_open(), "{}", driver.text());
    let before = driver.asked.len();
    driver.send(Message::Trainings(vec![PathBuf::from("others")]));
    assert!(matches!(driver.asked[before..], [Effect::Follow { .. }]));
}

#[test]
fn each_view_is_written_in_its_own_ways() {
    let drawn = |mut driver: Driver, view: &str, name: &str| {
        driver.keys(view);
        driver.keys("e");
        driver.key(rewardscope::app::Key::control('u'));
        driver.keys(name);
        let before = driver.asked.len();
        driver.keys("<Enter>");
        match driver.asked[before..].first() {
            Some(Effect::Export(request)) => match request.build().unwrap() {
                Export::Figure(_) => format!("draw {}", request.path),
                Export::Text(text) => format!("write {} {}", request.path, text.lines().next().unwrap_or_default()),
                Export::ColumnTable { sheet, .. } => format!("export {} {}", request.path, sheet.rows()),
            },
            _ => driver.text(),
        }
    };
    assert_eq!(drawn(recorded_models(SIZE), "5", "a.png"), "draw a.png");
    assert_eq!(drawn(recorded_models(SIZE), "5", "a.md"), "write a.md # Value card of a-gemma (Gemma)");
    assert_eq!(drawn(recorded_models(SIZE), "5", "a.txt"), "write a.txt Value card of a-gemma (Gemma)");
    assert_eq!(drawn(recorded_models(SIZE), "5", "a.json"), "write a.json {");
    assert!(drawn(recorded_models(SIZE), "5", "a.csv").contains("a name that ends with .svg"));
    assert_eq!(drawn(language_models(SIZE), "6", "a.svg"), "draw a.svg");
    assert_eq!(drawn(language_models(SIZE), "6", "a.csv"), "export a.csv 27");
    assert_eq!(drawn(ablation(SIZE), "7", "a.svg"), "draw a.svg");
    // Everything: four models, six prompts, twenty-seven words.
    assert_eq!(drawn(recorded_models(SIZE), "1", "a.csv<Tab>"), format!("export a.csv {}", 4 * 6 * 27));
}

#[test]
fn these_views_keep_to_plain_signs_where_only_those_can_be_shown() {
    let mut plain = Theme::plain();
    plain.ascii = true;
    for theme in [ascii(), plain] {
        let mut card = recorded_models(SIZE);
        card.keys("5");
        let mut ablation = ablation(SIZE);
        let check = |driver: &Driver| {
            let buffer = driver.draw_with(&theme);
            let foreign: Vec<_> = buffer.content.iter().map(|c| c.symbol()).filter(|s| !s.is_ascii()).collect();
            assert!(foreign.is_empty(), "{foreign:?}");
        };
        check(&card);
        check(&language_models(SIZE));
        for _ in AblationPage::ALL {
            check(&ablation);
            ablation.keys("<Tab>");
        }
    }
}
