//! The explorer in a real terminal, on the bundled pair and on recorded scores: what a user sees and what the terminal is
//! left like.

use std::time::Duration;

use crate::support::pty::{DOWN, ENTER, ESC, Launch, Pty, TAB};

fn explorer() -> Launch {
    Launch::new(env!("CARGO_BIN_EXE_rewardscope"))
}

fn bundled_pair() -> Pty {
    let pty = explorer().start();
    pty.wait_for("words scored");
    pty
}

/// More words than are scored before the test is over.
fn busy_with_many_words() -> Pty {
    let launch = explorer();
    let words: String = (0..50_000).map(|i| format!("word{i}\n")).collect();
    let list = launch.home().join("many.txt");
    std::fs::write(&list, words).expect("a file");
    let pty = launch.args(["--words-file", list.to_str().expect("UTF-8")]).start();
    pty.wait_for("words/s");
    pty
}

/// The screen's row under the cursor: the one that begins with the mark.
fn cursor_row(pty: &Pty) -> String {
    pty.screen().lines().find(|line| line.starts_with('▌')).unwrap_or_default().to_owned()
}

#[test]
fn words_of_the_bundled_pair_appear_and_both_models_are_at_hand() {
    let mut pty = bundled_pair();
    pty.wait_for("greatest_ever_one");
    pty.wait_for("demo-llama");
    pty.wait_for("demonstration");
    pty.wait_until("histograms of both categories", |s| {
        let text = s.contents();
        text.contains("agency") && text.contains("communion") && text.contains('▇')
    });
    let llama = pty.screen();
    pty.send(TAB);
    pty.wait_for("demo-gemma");
    pty.wait_until("the other model's table", |s| s.contents() != llama && s.contents().contains("words scored"));
    pty.send("2");
    pty.wait_for("diff");
    pty.wait_until("both names", |s| s.contents().contains("demo-llama") && s.contents().contains("demo-gemma"));
    pty.wait_for("Spearman");
    pty.send("q");
    assert_eq!(pty.wait_exit(), 0);
    pty.assert_restored();
}

#[test]
fn the_cursor_keeps_its_word_when_models_are_flipped() {
    let mut pty = bundled_pair();
    pty.send(DOWN);
    pty.send(DOWN);
    pty.wait_until("the third row", |s| s.contents().lines().any(|line| line.starts_with("▌      3")));
    let word = cursor_row(&pty).split_whitespace().nth(2).expect("a word").to_owned();
    pty.send(TAB);
    pty.wait_for("demo-gemma");
    pty.wait_until("the same word under the cursor", |s| {
        s.contents().lines().any(|line| line.starts_with('▌') && line.split_whitespace().any(|part| part == word))
    });
}

#[test]
fn words_typed_one_after_the_other_are_each_scored() {
    let mut pty = bundled_pair();
    for (typed, word) in (1..).zip(["wibble", "flarn", "quux", " love", "zang", "blorp", "nim", "oof", "plugh", "xyzzy"]) {
        pty.send("w");
        pty.wait_for("Add own words");
        pty.send(word);
        pty.send(ENTER);
        pty.send(ESC);
        pty.wait_for(&format!("words and {typed} own scored"));
    }
}

#[test]
fn a_search_goes_to_its_word_and_escape_leaves_it() {
    let mut pty = bundled_pair();
    pty.send("/freedom");
    pty.send(ENTER);
    pty.wait_until("freedom under the cursor", |s| {
        s.contents().lines().any(|line| line.starts_with('▌') && line.contains("freedom"))
    });
    pty.send(ESC);
    pty.wait_quiet(Duration::from_millis(300));
    assert!(cursor_row(&pty).contains("freedom"), "the cursor stays: {}", pty.screen());
}

#[test]
fn another_prompt_is_scored_on_demand_and_a_typed_one_too() {
    let mut pty = bundled_pair();
    pty.send("pworst_ever_one");
    pty.send(ENTER);
    pty.wait_for("− negative");
    pty.wait_for("words scored");
    pty.send("pWhat would a stranger want?");
    pty.send(ENTER);
    pty.wait_for("What would a stranger want?");
    pty.wait_for("words scored");
}

#[test]
fn the_size_may_change_at_any_time() {
    let mut pty = bundled_pair();
    for (columns, rows) in [(160, 50), (100, 30), (81, 25)] {
        pty.resize(columns, rows);
        pty.wait_until("the bottom line at the new size", |s| {
            s.rows(0, columns).nth(usize::from(rows) - 1).is_some_and(|line| line.contains("quit"))
        });
    }
    pty.resize(40, 10);
    pty.wait_for("40x10");
    pty.resize(80, 24);
    pty.wait_for("words scored");
}

#[test]
fn a_mistyped_model_is_a_notice_and_nothing_else_stops() {
    let mut pty = bundled_pair();
    pty.send("m./no-such-model");
    pty.send(ENTER);
    pty.wait_for("no such file or directory");
    pty.send(ESC);
    // Escape and Tab in one breath would be Alt-Tab.
    pty.wait_until("no notice", |s| !s.contents().contains("no such file"));
    pty.send(TAB);
    pty.wait_for("demo-gemma");
}

#[test]
fn idle_it_writes_nothing() {
    let pty = bundled_pair();
    pty.wait_quiet(Duration::from_millis(500));
    let before = pty.bytes_written();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(pty.bytes_written(), before);
}

#[test]
fn signals_end_it_and_restore_the_terminal() {
    for signal in [libc::SIGTERM, libc::SIGHUP, libc::SIGINT] {
        let mut pty = bundled_pair();
        pty.signal(signal);
        assert_eq!(pty.wait_exit(), 128 + signal as u32);
        pty.assert_restored();
    }
}

#[test]
fn a_signal_while_a_model_scores_ends_it_as_well() {
    let mut pty = busy_with_many_words();
    pty.signal(libc::SIGTERM);
    assert_eq!(pty.wait_exit(), 128 + 15);
    pty.assert_restored();
}

#[test]
fn escape_stops_scoring_and_r_goes_on() {
    let mut pty = busy_with_many_words();
    pty.send(ESC);
    pty.wait_for("cancelled");
    pty.send("r");
    pty.wait_for("words/s");
}

#[test]
fn no_colour_means_no_colour() {
    let pty = explorer().env("NO_COLOR", "1").start();
    pty.wait_for("words scored");
    let coloured = pty.look(|screen| {
        let (rows, columns) = (24, 80);
        (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))).any(|(row, column)| {
            screen.cell(row, column).is_some_and(|c| c.fgcolor() != vt100::Color::Default || c.bgcolor() != vt100::Color::Default)
        })
    });
    assert!(!coloured, "{}", pty.screen());
}

#[test]
fn ascii_means_ascii() {
    let pty = explorer().args(["--ascii"]).start();
    pty.wait_for("words scored");
    let screen = pty.screen();
    let foreign: String = screen.chars().filter(|c| !c.is_ascii()).collect();
    assert_eq!(foreign, "", "{screen}");
}

#[test]
fn hostile_words_steer_nothing() {
    let launch = explorer();
    std::fs::write(launch.home().join("words.txt"), "love\n\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31mevil\n\u{202e}live\n")
        .expect("a file");
    let list = launch.home().join("words.txt");
    let pty = launch.args(["--words-file", list.to_str().expect("UTF-8")]).start();
    pty.wait_for("words scored");
    pty.wait_for("\\u{1b}");
    assert!(!pty.raw().contains("owned\u{7}") && !pty.raw().contains('\u{9b}') && !pty.raw().contains('\u{202e}'));
}
