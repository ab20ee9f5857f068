//! What must be readable wherever there is little room, and what keys and hints promise.

use ratatui::style::Modifier;
use rewardscope::app::{Effect, Key, KeyCode, Level, Message, Startup, View};
use rewardscope::base::terms::{Family, Measure};
use rewardscope::engine::{Event, Phase};
use rewardscope::sources::resolve::{ModelSource, ModelSpec};
use rewardscope::ui::theme::Theme;

use rewardscope::app::table::AxisKind;

use super::driver::*;

fn line(text: &str, at: usize) -> &str {
    text.lines().nth(at).unwrap_or_default()
}

#[test]
fn every_view_has_its_name_at_80_columns_and_the_mark_touches_no_other() {
    for view in View::ALL {
        let mut driver = Driver::scored_pair(SIZE);
        driver.key(view.info().keys[0]);
        let buffer = driver.draw();
        let top = line(&text(&buffer), 0).to_owned();
        for info in View::ALL.map(View::info) {
            let name = info.short_title.unwrap_or(info.title);
            assert!(top.contains(name), "{name} in {top}");
        }
        let marked = |x: u16| buffer[(x, 0)].modifier.contains(Modifier::REVERSED);
        let (first, last) = ((0..80).find(|&x| marked(x)).unwrap(), (0..80).rfind(|&x| marked(x)).unwrap());
        assert_eq!([first - 1, last + 1].map(|x| buffer[(x, 0)].symbol()), [" ", " "], "{top}");
    }
}

#[test]
fn the_note_goes_before_the_name_of_the_model() {
    let spec = ModelSpec { name: "a-model-of-a-name-7B-llama".to_owned(), ..recorded_spec("x") };
    for (columns, shown, note) in [(60, "a-mo", false), (80, "a-model-of-a-name-7B-llama", true), (120, "7B-llama", true)] {
        let driver = Driver::new(Startup { models: vec![spec.clone()], ..startup((columns, 20)) });
        let text = driver.text();
        assert!(line(&text, 0).contains(shown) && line(&text, 0).contains("recorded") == note, "{columns}: {text}");
    }
    // What it is stands below then.
    let mut driver = Driver::scored_pair(SIZE);
    assert!(driver.text().contains("demonstration model"));
    driver.send(Message::Resize(60, 20));
    assert!(driver.text().contains("demo-llama"));
}

#[test]
fn an_implicit_reward_is_called_by_both_its_models() {
    let part = |name: &str, family| ModelSpec { name: name.to_owned(), source: ModelSource::Directory(name.into()), family };
    let models = Box::new([part("first-instruct", Family::Llama), part("second-base", Family::Gemma)]);
    let source = ModelSource::Implicit { measure: Measure::Mwlr, models };
    let spec = ModelSpec { name: "mwlr:first-instruct,second-base".to_owned(), source, family: Family::Other };
    let driver = Driver::new(Startup { models: vec![spec], ..startup(SIZE) });
    let top = line(&driver.text(), 0).to_owned();
    assert!(top.contains("◆ L first-instruct") && top.contains("◇ G second-base"), "{top}");
}

#[test]
fn a_model_that_waits_for_another_says_so() {
    let mut driver = Driver::pair(SIZE);
    let loading = |done_bytes| Phase::Loading { done_bytes, total_bytes: 10, fit: None };
    driver.phase(GEMMA, loading(0));
    driver.phase(LLAMA, loading(5));
    assert!(driver.text().contains("◇ waiting"), "{}", driver.text());
    driver.keys("<Tab>");
    assert!(driver.text().contains("waiting for the other models") && !driver.text().contains("loading 0"), "{}", driver.text());
    driver.phase(LLAMA, Phase::Idle);
    assert!(driver.text().contains("loading 0 B of 10 B"), "{}", driver.text());
}

#[test]
fn a_model_that_waits_for_memory_keeps_its_scores_and_says_what_makes_room() {
    let mut driver = Driver::pair((130, 24));
    driver.ready(LLAMA);
    let job = driver.plan[0].clone();
    driver.score_job(&job, 10);
    driver.phase(LLAMA, Phase::WaitingForMemory { needed_bytes: 14_500_000_000, free_bytes: 10_200_000_000 });
    let text = driver.text();
    assert!(text.contains("waiting for memory: takes 14.5 GB, 10.2 GB is free. Close a model (x in their list)"), "{text}");
    let score = driver.app.score_table.column(LLAMA, job.prompt)[job.words[0].0.0 as usize];
    assert!(text.contains(&format!("{score:.2}")) && text.contains(&*job.words[0].1), "{score} {text}");
    assert!(driver.app.model(LLAMA).is_some_and(|model| model.is_available()), "it goes on being planned");
    driver.keys("4");
    assert!(driver.text().contains("waiting for memory") && !driver.text().contains("failed"), "{}", driver.text());
    driver.keys("1<Tab>");
    assert!(driver.text().contains("waiting for memory"), "beside the other model as well: {}", driver.text());
    driver.keys("<Esc>");
    assert!(driver.app.paused, "it can be called off");
}

#[test]
fn a_failure_stands_where_the_words_would_and_is_not_said_twice() {
    let mut driver = Driver::pair(SIZE);
    driver.ready(GEMMA);
    driver.phase(LLAMA, Phase::Failed("demo-llama: no head. Give another".to_owned()));
    assert_eq!(driver.app.toasts.iter().count(), 0, "it stands on the screen");
    let text = driver.text();
    for part in ["demo-llama: no head", "r tries again", "x closes the model"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!line(&text, 23).contains("search") && line(&text, 23).contains("x close"), "{text}");
    driver.keys("4");
    driver.phase(LLAMA, Phase::Failed("demo-llama: still no head".to_owned()));
    assert_eq!(driver.app.toasts.iter().count(), 0, "the list of models shows it");
    driver.keys("3");
    driver.phase(LLAMA, Phase::Failed("demo-llama: no head at all".to_owned()));
    assert!(driver.text().contains("no head at all"), "elsewhere it is told");
    driver.keys("<Esc>1x");
    assert_eq!((driver.app.models.len(), driver.app.focus), (1, Some(GEMMA)));
    driver.keys("x");
    assert_eq!(driver.app.models.len(), 1, "a model that has words is closed in the list alone");
    assert!(driver.text().contains("models are closed in their list"), "{}", driver.text());
}

#[test]
fn what_is_left_out_is_a_note_and_no_error() {
    let mut driver = Driver::pair(SIZE);
    let job = driver.plan[0].clone();
    let words = vec![(job.words[0].0, "'freedom': gives no token".to_owned())];
    driver.engine(Event::Unscorable { model: LLAMA, prompt: job.prompt, words });
    assert!(driver.app.toasts.iter().all(|toast| toast.level == Level::Warning));
    assert!(driver.text().contains("Note") && !driver.text().contains("Error"), "{}", driver.text());
}

#[test]
fn hints_name_only_what_works_and_escape_by_what_it_does() {
    let hints = |driver: &Driver| driver.text().lines().last().unwrap_or_default().to_owned();
    let mut driver = Driver::new(Startup { models: vec![recorded_spec("a-llama")], ..startup((160, 40)) });
    driver.engine(Event::Recorded { model: LLAMA, recorded: Box::new(recorded(LLAMA, &AGENCY)) });
    driver.phase(LLAMA, Phase::Idle);
    for absent in ["flip", "tokens", "all prompts", "add words", "Esc"] {
        assert!(!hints(&driver).contains(absent), "{absent} in {}", hints(&driver));
    }
    for named in ["/ search", "f filter", "e export"] {
        assert!(hints(&driver).contains(named), "{named} in {}", hints(&driver));
    }
    driver.keys("y");
    assert!(hints(&driver).contains("Esc dismiss"));
    driver.keys("<Esc>/pow<Enter>");
    assert!(hints(&driver).contains("Esc end search"));
    driver.keys("<Esc>3");
    driver.keys("<Enter>");
    assert!(hints(&driver).contains("Esc back") && hints(&driver).contains("Enter all panels"));
    driver.keys("<Esc><Tab><Tab>");
    assert!(!hints(&driver).contains("Enter"), "nothing is to be opened on the page of the mixed model: {}", hints(&driver));
    let mut pair = Driver::scored_pair((160, 40));
    assert!(hints(&pair).contains("a all prompts"));
    pair.keys("a<Esc>");
    assert!(hints(&pair).contains("a this prompt only"));
}

#[test]
fn the_help_turns_by_the_page() {
    let mut driver = Driver::scored_pair(SIZE);
    driver.keys("?");
    let last = |driver: &Driver| driver.text().lines().nth(19).unwrap_or_default().to_owned();
    let bottom = last(&driver);
    driver.keys("<PgDn>");
    let top = driver.text().lines().nth(3).unwrap_or_default().to_owned();
    assert_eq!(top, bottom, "the last line is the first of the next page");
}

#[test]
fn headings_of_a_comparison_say_whose_words_come_first() {
    let mut driver = Driver::scored_pair(SIZE);
    driver.keys("2s");
    assert!(driver.text().contains("diff ◆▼"), "{}", driver.text());
    driver.keys("s");
    assert!(driver.text().contains("diff ◇▲"), "{}", driver.text());
}

#[test]
fn two_models_of_one_family_are_told_apart_by_colours_that_are_no_familys() {
    let models = vec![recorded_spec("a-llama"), recorded_spec("b-llama")];
    let mut driver = Driver::new(Startup { models, ..startup(SIZE) });
    for id in [LLAMA, GEMMA] {
        driver.engine(Event::Recorded { model: id, recorded: Box::new(recorded(id, &AGENCY)) });
    }
    driver.keys("2");
    driver.keys("jj");
    let (buffer, theme) = (driver.draw(), Theme::default());
    let arrows = |arrow: &str| {
        let all = buffer.content.iter().filter(|cell| cell.symbol() == arrow && !cell.modifier.contains(Modifier::UNDERLINED));
        all.filter(|cell| !cell.modifier.contains(Modifier::REVERSED)).map(|cell| Some(cell.fg)).collect::<Vec<_>>()
    };
    assert!(!arrows("▲").is_empty() && arrows("▲").iter().all(|fg| *fg == theme.rank_up.fg));
    assert!(!arrows("▼").is_empty() && arrows("▼").iter().all(|fg| *fg == theme.rank_down.fg));
}

#[test]
fn rewards_and_log_probabilities_share_an_axis_of_z_scores_alone() {
    let mut driver = Driver::scored_pair(SIZE);
    driver.ready_as_language(GEMMA);
    let prompt = current(&driver);
    let low: Vec<_> = driver.app.universe.ids.iter().enumerate().map(|(i, &id)| (id, -1000.0 - i as f64)).collect();
    driver.give(GEMMA, prompt, &low);
    driver.keys("z");
    let table = driver.app.table().unwrap();
    assert!(table.axis.unwrap().low > -100.0, "a reward is not drawn beside log-probabilities");
    driver.keys("2");
    let table = driver.app.table().unwrap();
    assert_eq!(table.axis.unwrap().kind, AxisKind::Z);
    driver.keys("z");
    assert!(driver.text().contains("no axis in common"), "{}", driver.text());
    assert_eq!(driver.app.axis, AxisKind::Reward, "that of the other view stays");
}

#[test]
fn small_scores_are_told_apart() {
    let mut driver = Driver::scored_pair(SIZE);
    let prompt = current(&driver);
    let tiny: Vec<_> = driver.app.universe.ids.iter().enumerate().map(|(i, &id)| (id, 2.834e-4 / (i + 1) as f64)).collect();
    driver.give(LLAMA, prompt, &tiny);
    let text = driver.text();
    assert!(text.contains("+2.83e-4") && text.contains("+1.42e-4"), "{text}");
}

#[test]
fn no_blank_is_underlined_where_only_modifiers_can_be_shown() {
    let mut driver = Driver::scored_pair((120, 36));
    driver.keys("a<Esc>");
    driver.score_plan();
    for keys in ["", "2", "3", "4", "5", "m", "<Esc>f", "<Esc>1t"] {
        driver.keys(keys);
        let buffer = driver.draw_with(&Theme::plain());
        for y in 0..36 {
            // A blank between two words of a heading is one of the heading.
            let under = |x: u16| buffer[(x, y)].modifier.contains(Modifier::UNDERLINED);
            let blanks = (1..119).filter(|&x| under(x) && buffer[(x, y)].symbol() == " " && !(under(x - 1) && under(x + 1)));
            assert_eq!(blanks.count(), 0, "{keys}, line {y}: {}", text(&buffer));
            let shapes = (0..120).filter(|&x| under(x) && "▁▂▃▄▅▆▇━▾".contains(buffer[(x, y)].symbol()));
            assert_eq!(shapes.count(), 0, "{keys}, line {y}");
        }
    }
}

#[test]
fn without_colours_the_list_of_themes_says_why_they_look_alike() {
    let models = vec![demo("demo-llama")];
    let mut driver = Driver::new(Startup { models, colourless: true, ..startup(SIZE) });
    driver.keys("t");
    assert!(driver.text().contains("NO_COLOR"), "{}", driver.text());
    let mut driver = Driver::scored_pair(SIZE);
    driver.keys("t");
    assert!(!driver.text().contains("NO_COLOR"));
}

#[test]
fn of_many_categories_the_filter_says_which_have_a_histogram() {
    let mut corpus = corpus();
    corpus.categories.extend((0..18).map(|i| format!("more{i}")));
    corpus.words[0].categories.extend(2..20);
    let corpus = Some(std::sync::Arc::new(corpus));
    let mut driver = Driver::new(Startup { models: vec![demo("demo-llama")], corpus, ..startup(SIZE) });
    driver.score_plan();
    let text = driver.text();
    assert!(text.contains("+14 more categories: f chooses which to show") && !line(&text, 3).contains("more17"), "{text}");
    driver.keys("fmore17<Enter>");
    assert!(line(&driver.text(), 3).contains("more17"), "{}", driver.text());
}

#[test]
fn a_vice_has_the_colour_of_its_virtue_in_another_shade() {
    let mut corpus = corpus();
    corpus.categories = vec!["care_virtue".to_owned(), "care_vice".to_owned()];
    let corpus = Some(std::sync::Arc::new(corpus));
    let mut driver = Driver::new(Startup { models: vec![demo("demo-llama")], corpus, ..startup(SIZE) });
    driver.score_plan();
    let (buffer, theme) = (driver.draw(), Theme::default());
    // Names of the two histograms.
    let [virtue, vice] = [4, 6].map(|y| &buffer[(2, y)]);
    assert_eq!([virtue.fg, vice.fg].map(Some), [theme.category(0).fg; 2]);
    assert_eq!([virtue, vice].map(|cell| cell.modifier.contains(Modifier::DIM)), [false, true]);
}

#[test]
fn a_match_is_not_sought_without_a_search() {
    let mut driver = Driver::scored_pair(SIZE);
    let word = driver.word();
    driver.keys("n");
    assert!(driver.text().contains("nothing is searched for"), "{}", driver.text());
    assert_eq!(driver.word(), word);
}

#[test]
fn arrows_move_between_panels_that_stand_side_by_side() {
    let mut driver = Driver::scored_pair((120, 36));
    driver.keys("a<Esc>");
    driver.score_plan();
    driver.keys("3");
    let at = |driver: &Driver| driver.app.views.statistics.panel.row(4);
    let press = |driver: &mut Driver, code| driver.key(Key::plain(code));
    press(&mut driver, KeyCode::Down);
    assert_eq!(at(&driver), 2, "below");
    press(&mut driver, KeyCode::Right);
    assert_eq!(at(&driver), 3, "beside");
    press(&mut driver, KeyCode::Up);
    assert_eq!(at(&driver), 1);
    press(&mut driver, KeyCode::Left);
    assert_eq!((at(&driver), driver.app.view), (0, View::Statistics));
    driver.keys("]");
    assert_eq!(at(&driver), 1);
    assert!(!driver.asked.iter().any(|effect| matches!(effect, Effect::Quit)));
}
