//! The page of one word: its rank by every model under every prompt.

use super::driver::*;

fn all_scored(size: (u16, u16)) -> Driver {
    let mut driver = Driver::scored_pair(size);
    driver.keys("a<Esc>");
    driver.score_plan();
    driver
}

#[test]
fn a_word_has_a_page_of_its_ranks() {
    for size in [(60, 16), (80, 24), (160, 50)] {
        let mut driver = all_scored(size);
        driver.keys("jj<Enter>");
        insta::assert_snapshot!(format!("word_page_{}x{}", size.0, size.1), driver.text());
    }
}

#[test]
fn the_ranks_are_those_of_the_tables() {
    let mut driver = all_scored((160, 50));
    let prompts: Vec<_> = driver.app.prompts.iter().map(|prompt| prompt.id).collect();
    for word in ["freedom", "love"] {
        // Each table in turn, as Words shows it.
        let mut expected = Vec::new();
        for &prompt in &prompts {
            for model in [LLAMA, GEMMA] {
                let table = driver.app.table().unwrap();
                let at = (0..table.universe.len()).find(|&at| &**table.universe.text(at) == word).unwrap();
                assert_eq!((table.key.prompt, table.key.model), (Some(prompt), Some(model)));
                expected.push((model, prompt, table.left.ranks[at], table.left.ranked));
                driver.keys("<Tab>");
            }
            driver.keys("]");
        }
        driver.keys(&format!("/{word}"));
        driver.keys("<Enter><Enter>");
        let page = driver.app.table().unwrap().page.clone().unwrap();
        for (model, prompt, rank, of) in expected {
            let place = page.place(model, prompt).unwrap();
            assert_eq!((place.rank, place.of), (rank, of), "{word} {model:?} {prompt:?}");
        }
        driver.keys("<Esc><Esc>");
    }
}

#[test]
fn an_own_word_has_the_ranks_that_it_would_have() {
    let mut driver = Driver::scored_pair((120, 36));
    driver.keys("w");
    driver.keys("zebra<Enter><Esc>");
    driver.score_plan();
    let table = driver.app.table().unwrap();
    let at = (0..table.universe.len()).find(|&at| &**table.universe.text(at) == "zebra").unwrap();
    let (rank, word) = (table.left.ranks[at], table.universe.ids[at]);
    assert_eq!(table.word_at(driver.app.cursor.row()), Some(word), "the cursor is on it");
    driver.keys("<Enter>");
    let page = driver.app.table().unwrap().page.clone().unwrap();
    let place = page.place(LLAMA, current(&driver)).unwrap();
    assert_eq!((place.rank, place.of), (rank, 27));
}

#[test]
fn left_and_right_go_to_the_neighbours_and_escape_back_to_the_table() {
    let mut driver = all_scored(SIZE);
    let words = driver.words();
    driver.keys("j<Enter>");
    assert!(driver.text().contains(&words[1]));
    driver.key(rewardscope::app::Key::plain(rewardscope::app::KeyCode::Right));
    assert_eq!(driver.app.table().unwrap().page.as_ref().map(|page| page.word), driver.app.table().unwrap().word_at(2));
    driver.keys("<Esc>");
    assert_eq!(driver.word(), words[2]);
    driver.keys("<Enter><Enter>");
    assert!(driver.app.overlay.is_none(), "the key that opens it closes it");
}
