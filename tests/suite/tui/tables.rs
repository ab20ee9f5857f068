//! Flipping, moving, searching, filtering, sorting, comparing.

use std::sync::Arc;
use std::time::Duration;

use rewardscope::app::table::{self, CompareSort, WordSort};
use rewardscope::app::views::Order;
use rewardscope::app::{App, Effect, Key, KeyCode, Message, Startup};
use rewardscope::base::terms::{ModelId, PromptId, WordId};
use rewardscope::corpus::{Corpus, Word};
use rewardscope::engine::Event;

use super::driver::*;

#[test]
fn flipping_keeps_word_sort_and_filter() {
    let mut driver = Driver::scored_pair(SIZE);
    driver.keys("fcommu<Enter>jjss");
    let (word, sort) = (driver.word(), driver.app.views.words.order);
    assert!(COMMUNION.contains(&word.as_str()));
    driver.keys("<Tab>");
    assert_eq!(driver.app.focus, Some(GEMMA));
    assert_eq!((driver.word(), driver.app.views.words.order, driver.words().len()), (word.clone(), sort, COMMUNION.len()));
    driver.key(Key::plain(KeyCode::BackTab));
    assert_eq!((driver.app.focus, driver.word()), (Some(LLAMA), word));
}

#[test]
fn a_flip_back_is_drawn_before_the_ranking_is_done_and_never_with_the_other_models_numbers() {
    let mut driver = Driver::scored_pair(SIZE);
    driver.slow = true;
    let name = |driver: &Driver| driver.text().lines().next().unwrap().to_owned();
    driver.keys("<Tab>");
    assert!(name(&driver).contains("demo-llama"), "the header goes with the numbers shown");
    driver.rank_waiting();
    assert!(name(&driver).contains("demo-gemma"));
    driver.keys("<Tab>");
    assert!(name(&driver).contains("demo-llama"), "kept from last time");
}

#[test]
fn the_cursor_stays_on_its_word_while_rows_move() {
    let mut driver = Driver::pair(SIZE);
    let job = driver.plan[0].clone();
    driver.score_job(&job, 12);
    assert_eq!(driver.app.cursor.row(), 0);
    driver.keys("jjjjj");
    let (word, before) = (driver.word(), driver.app.cursor.row());
    let prompt = current(&driver);
    let better: Vec<(WordId, f64)> = job.words[12..20].iter().map(|(id, _)| (*id, 99.0)).collect();
    driver.give(LLAMA, prompt, &better);
    assert_eq!((driver.word(), driver.app.cursor.row()), (word, before + 8));
}

#[test]
fn until_it_is_moved_the_cursor_stays_at_the_top() {
    let mut driver = Driver::pair(SIZE);
    let job = driver.plan[0].clone();
    driver.score_job(&job, 3);
    let first = driver.word();
    driver.give(LLAMA, job.prompt, &[(job.words[20].0, 99.0)]);
    assert_ne!(driver.word(), first);
    assert_eq!(driver.app.cursor.row(), 0);
}

#[test]
fn a_search_finds_words_as_they_are_typed() {
    let mut driver = Driver::scored_pair(SIZE);
    driver.keys("s/ship");
    assert_eq!(driver.word(), "friendship");
    assert!(driver.text().contains("/ship▏   2 matches"), "{}", driver.text());
    driver.keys("<Enter>n");
    assert_eq!(driver.word(), "leadership");
    driver.keys("n");
    assert_eq!(driver.word(), "friendship");
    driver.keys("N");
    assert_eq!(driver.word(), "leadership");
    assert!(driver.text().contains("/ship 2 of 2"));
    driver.keys("<Tab>");
    assert_eq!((driver.word().as_str(), driver.app.search.query()), ("leadership", "ship"));
}

#[test]
fn escape_takes_a_search_back_to_where_it_began() {
    let mut driver = Driver::scored_pair(SIZE);
    driver.keys("jjj");
    let word = driver.word();
    driver.keys("/freed");
    assert_eq!(driver.word(), "freedom");
    driver.keys("<Esc>");
    assert_eq!((driver.word(), driver.app.search.query()), (word, ""));
}

#[test]
fn filters_show_categories_and_keep_ranks_of_the_whole_corpus() {
    let mut driver = Driver::scored_pair(SIZE);
    let rank = |driver: &Driver, word: &str| {
        let table = driver.app.table().unwrap();
        let at = table.universe.corpus.words.iter().position(|w| &*w.text == word).unwrap();
        table.left.ranks[at]
    };
    let before = rank(&driver, "love");
    driver.keys("fcommu<Enter>");
    assert_eq!(driver.words().len(), COMMUNION.len());
    assert_eq!(rank(&driver, "love"), before);
    // Opened again the list has the one tick; the first line stands for all.
    driver.keys("f <Enter>");
    assert_eq!(driver.words().len(), 27);
    driver.keys("fagency <Enter>");
    assert_eq!(driver.words().len(), COMMUNION.len(), "with a tick taken away the others stay");
    driver.keys("fcommu ");
    assert!(driver.text().contains("one category at least is shown"), "{}", driver.text());
    assert_eq!(driver.words().len(), COMMUNION.len());
}

#[test]
fn tables_sort_by_every_column_both_ways() {
    let mut driver = Driver::scored_pair(SIZE);
    let by_rank = driver.words();
    for sort in WordSort::ALL {
        assert_eq!(driver.app.views.words.order, Order { by: sort, reversed: false });
        let forward = driver.words();
        driver.keys("S");
        let mut backward = driver.words();
        assert_ne!(forward, backward, "{sort:?}");
        if sort != WordSort::Category {
            backward.reverse();
            assert_eq!(forward, backward, "{sort:?}");
        }
        driver.keys("S>");
    }
    assert_eq!(driver.words(), by_rank);
    driver.keys("2");
    for sort in CompareSort::ALL {
        assert_eq!(driver.app.views.compare.order, Order { by: sort, reversed: false });
        driver.keys("s");
    }
    driver.keys("<");
    assert_eq!(driver.app.views.compare.order.by, CompareSort::Category);
}

#[test]
fn equal_scores_share_a_rank_and_words_without_one_come_last() {
    let mut driver = Driver::pair(SIZE);
    let words: Vec<WordId> = driver.plan[0].words.iter().map(|(id, _)| *id).collect();
    let prompt = current(&driver);
    driver.give(LLAMA, prompt, &[(words[5], 1.0), (words[7], 3.0), (words[9], 1.0)]);
    let table = driver.app.table().unwrap();
    assert_eq!([5, 7, 9].map(|i| table.left.ranks[i]), [2.5, 1.0, 2.5]);
    assert_eq!(table.rows[..4], [7, 5, 9, 0]);
    driver.keys("S");
    assert_eq!(driver.app.table().unwrap().rows[..3], [5, 9, 7]);
    assert!(driver.text().contains("2.5"));
}

#[test]
fn comparison_ranks_only_words_that_both_models_have() {
    let mut driver = Driver::pair(SIZE);
    let w: Vec<WordId> = driver.plan[0].words.iter().map(|(id, _)| *id).collect();
    let prompt = current(&driver);
    driver.give(LLAMA, prompt, &[(w[0], 9.0), (w[1], 8.0), (w[2], 7.0), (w[3], 6.0)]);
    driver.give(GEMMA, prompt, &[(w[1], 1.0), (w[2], 2.0), (w[3], 3.0), (w[4], 4.0)]);
    driver.keys("2");
    let table = driver.app.table().unwrap();
    assert_eq!(table.left.ranks[1..4], [1.0, 2.0, 3.0]);
    assert!(table.left.ranks[0].is_nan());
    assert_eq!(table.differences[1..4], [2.0, 0.0, -2.0]);
    assert_eq!(table.agreement, Some((-1.0, 3)));
    let text = driver.text();
    for part in ["▲     +2", "▼     −2", "=", "Spearman −1.00  n 3"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn the_other_model_of_a_comparison_can_be_changed() {
    let mut driver =
        Driver::new(Startup { models: vec![demo("demo-llama"), demo("demo-gemma"), recorded_spec("third")], ..startup(SIZE) });
    driver.keys("2");
    assert_eq!(driver.app.other().unwrap().id, GEMMA);
    driver.keys("o");
    assert!(driver.text().contains("Compare with"), "{}", driver.text());
    driver.keys("<Down><Enter>");
    let sides = |driver: &Driver| (driver.app.focus.unwrap(), driver.app.other().unwrap().id);
    assert_eq!(sides(&driver), (LLAMA, ModelId(2)));
    driver.keys("<Tab>");
    assert_eq!(sides(&driver), (GEMMA, ModelId(2)));
    driver.keys("<Tab>");
    assert_eq!(sides(&driver), (LLAMA, ModelId(2)), "the right-hand model is passed over, not swapped");
    driver.keys("<S-Tab>");
    assert_eq!(sides(&driver), (GEMMA, ModelId(2)));
}

#[test]
fn one_ranking_runs_at_a_time_and_the_last_scores_are_never_lost() {
    let mut driver = Driver::pair(SIZE);
    driver.slow = true;
    let job = driver.plan[0].clone();
    driver.score_job(&job, 5);
    let first = driver.waiting.pop().unwrap();
    driver.score_job(&job, 10);
    driver.score_job(&job, 20);
    assert!(driver.waiting.is_empty(), "one is under way");
    driver.send(Message::Ranked(Box::new(table::rank(first))));
    assert_eq!(driver.app.table().unwrap().left.scored, 5);
    driver.now = driver.app.next_deadline().unwrap();
    driver.send(Message::Tick);
    driver.rank_waiting();
    assert_eq!(driver.app.table().unwrap().left.scored, 20);
    assert_eq!(driver.app.next_deadline(), None);
}

#[test]
fn large_corpora_are_ranked_with_rests_between() {
    let mut corpus = Corpus::new("large");
    corpus.words.extend((0..20_000).map(|i| Word { text: format!("word{i}").into(), categories: Vec::new() }));
    let (mut app, effects) =
        App::new(Startup { models: vec![demo("demo-llama")], corpus: Some(Arc::new(corpus)), ..startup(SIZE) });
    let rank = |app: &mut App, effects: Vec<Effect>, now| {
        let requests = effects.into_iter().filter_map(|e| if let Effect::Rank(request) = e { Some(*request) } else { None });
        requests.map(|r| app.update(Message::Ranked(Box::new(table::rank(r))), now)).count()
    };
    let at = Duration::from_millis;
    assert_eq!(rank(&mut app, effects, at(0)), 1);
    let scores = || Message::Engine(Event::Scores { model: LLAMA, prompt: PromptId(0), scores: vec![(WordId(0), 1.0)] });
    let effects = app.update(scores(), at(1));
    assert_eq!(rank(&mut app, effects, at(1)), 0, "it rests");
    let due = app.next_deadline().unwrap();
    assert_eq!(due, at(80));
    let effects = app.update(Message::Tick, due);
    assert_eq!(rank(&mut app, effects, due), 1);
    assert_eq!(app.next_deadline(), None);
    assert_eq!(app.table().unwrap().left.scored, 1);
}

#[test]
fn a_model_is_compared_with_one_of_another_family_unless_the_user_chose() {
    let models = ["a-llama", "b-llama", "c-gemma"].map(recorded_spec).to_vec();
    let mut driver = Driver::new(Startup { models, ..startup(SIZE) });
    driver.keys("2");
    assert_eq!(driver.app.other().unwrap().spec.name, "c-gemma");
    driver.keys("o<Up><Enter>");
    assert_eq!(driver.app.other().unwrap().spec.name, "b-llama");
}
