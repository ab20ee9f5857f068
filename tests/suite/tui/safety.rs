//! What must not harm: hostile text, wide text, keys in any state, colours without meaning, timers without need.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use rewardscope::app::{Key, KeyCode, Message, Startup, View};
use rewardscope::base::terms::{Family, ModelId};
use rewardscope::corpus::{Corpus, Word};
use rewardscope::engine::Phase;
use rewardscope::sources::resolve::{ModelSource, ModelSpec};
use rewardscope::ui::theme::Theme;

use super::driver::*;

#[test]
fn hostile_text_puts_no_control_character_on_the_screen() {
    let mut corpus = Corpus::new("evil\u{1b}[2J");
    corpus.categories = vec!["cat\u{202e}\u{7}".to_owned(), "爱".to_owned()];
    for (i, text) in [
        "\u{1b}[31mred",
        "a\nb\tc",
        "\u{9b}2J",
        "\u{202e}evil",
        "zero\u{200b}width",
        "爱情故事很长的词语一二三四",
        " lead ",
        "\u{301}\u{301}x",
        "\u{0}",
    ]
    .into_iter()
    .enumerate()
    {
        corpus.words.push(Word { text: text.into(), categories: vec![(i % 2) as u16] });
    }
    let spec = ModelSpec {
        name: "m\u{1b}]0;title\u{7}".to_owned(),
        source: ModelSource::Directory("/x/\u{1b}c".into()),
        family: Family::Other,
    };
    let models = vec![spec, demo("demo-gemma")];
    for keys in ["", "<Tab>", "2", "3", "4", "/\u{9b}", "m", "i", "p", "c", "f", ":", "w\u{202e}", "y", "px\u{1b}y<Enter>"] {
        let mut driver = Driver::new(Startup { models: models.clone(), corpus: Some(Arc::new(corpus.clone())), ..startup(SIZE) });
        driver.send(Message::Models(catalogue()));
        driver.score_plan();
        driver.phase(ModelId(0), Phase::Failed("bad \u{1b}[0m\nfile".to_owned()));
        driver.keys(keys);
        for theme in [Theme::default(), ascii()] {
            assert_eq!(unsafe_cells(&driver.draw_with(&theme)), Default::default(), "{keys}");
        }
    }
}

#[test]
fn wide_words_keep_the_columns_in_line() {
    let mut corpus = corpus();
    corpus.words.push(Word { text: "自由と平和を愛する長い言葉".into(), categories: vec![0] });
    let mut driver = Driver::new(Startup { models: vec![demo("demo-llama")], corpus: Some(Arc::new(corpus)), ..startup(SIZE) });
    driver.score_plan();
    driver.keys("/自由");
    let buffer = driver.draw();
    // The word is also beside its mark on the axis, above the rows.
    let row = (8..21).find(|&y| (0..80).any(|x| buffer[(x, y)].symbol() == "自")).unwrap();
    let column = |row: u16| (0..80).find(|&x| buffer[(x, row)].symbol() == "a" && buffer[(x + 1, row)].symbol() == "g");
    let other = (8..21).find(|&y| y != row && column(y).is_some()).unwrap();
    assert_eq!(column(row), column(other));
}

#[test]
fn meanings_have_their_colours() {
    let mut driver = Driver::scored_pair(SIZE);
    driver.keys("2");
    let (buffer, theme) = (driver.draw(), Theme::default());
    let fg = |symbol: &str| buffer.content.iter().find(|c| c.symbol() == symbol).unwrap().fg;
    assert_eq!(Some(fg("◆")), theme.llama.fg);
    assert_eq!(Some(fg("◇")), theme.gemma.fg);
    driver.keys("jjj");
    let buffer = driver.draw();
    // An arrow has the colour of the family that prefers the word, the number beside it too.
    let of = |buffer: &Buffer, arrow: &str| {
        let at = buffer.content.iter().position(|c| c.symbol() == arrow && c.modifier == ratatui::style::Modifier::BOLD).unwrap();
        [&buffer.content[at], &buffer.content[at + 6]].map(|cell| Some(cell.fg))
    };
    assert_eq!(of(&buffer, "▲"), [theme.llama.fg; 2]);
    assert_eq!(of(&buffer, "▼"), [theme.gemma.fg; 2]);
    let reversed = |y: u16| buffer[(40, y)].modifier.contains(ratatui::style::Modifier::REVERSED);
    // Above the words, reversed cells draw a histogram that hangs.
    assert_eq!((11..24).filter(|&y| reversed(y)).count(), 1, "one row is marked");
    driver.keys("1/lov");
    let buffer = driver.draw();
    let found = buffer.content.iter().any(|c| c.symbol() == "l" && c.modifier.contains(ratatui::style::Modifier::UNDERLINED));
    assert!(found, "the match is marked");
}

#[test]
fn nothing_waits_for_time_when_nothing_is_shown_for_a_while() {
    let mut driver = Driver::scored_pair(SIZE);
    assert_eq!(driver.app.next_deadline(), None);
    driver.keys("y");
    let deadline = driver.app.next_deadline().unwrap();
    driver.now = deadline;
    driver.send(Message::Tick);
    assert_eq!((driver.app.next_deadline(), driver.app.toasts.iter().count()), (None, 0));
}

#[test]
fn every_key_in_every_state_leaves_a_screen() {
    let keys: Vec<char> = (' '..='~').collect();
    for view in View::ALL {
        for &c in &keys {
            let mut driver = Driver::pair((60, 16));
            driver.key(view.info().keys[0]);
            assert_eq!(driver.app.view, view);
            driver.key(Key::char(c));
            driver.key(Key::plain(KeyCode::Down));
            driver.key(Key::plain(KeyCode::Enter));
            let text = driver.text();
            assert_eq!(text.lines().count(), 16, "{view:?}, '{c}'");
            let first = text.lines().next().unwrap_or_default();
            let info = driver.app.view.info();
            let tab = info.short_title.unwrap_or(info.title);
            assert!(driver.app.overlay.is_some() || first.contains(tab), "{view:?}, '{c}': {text}");
            assert_eq!(unsafe_cells(&driver.draw()), Default::default(), "{view:?}, '{c}'");
        }
    }
}
