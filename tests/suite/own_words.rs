//! Words given one by one beside a list: scored with it, and in none of its ranks.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn rewardscope(home: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rewardscope"));
    command
        .args(arguments)
        .current_dir(home)
        .stdin(Stdio::null())
        .env("REWARDSCOPE_CONFIG", home.join("config"))
        .env("REWARDSCOPE_STORE", home.join("scores.sqlite"))
        .env("HF_HUB_OFFLINE", "1");
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a temporary folder");
    std::fs::create_dir(home.path().join("config")).expect("a folder");
    let list = "word,category\nfreedom,agency\npower,agency\nskill,agency\nlove,communion\nfamily,communion\ntrust,communion\n";
    std::fs::write(home.path().join("list.csv"), list).expect("a file");
    home
}

fn rows(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("a row")).collect()
}

const OWN: [&str; 8] = ["--word", "zebra", "--word", "love", "--word", "banana", "--word", "zebra"];

#[test]
fn a_word_beside_a_list_has_the_rank_that_it_would_have_and_moves_none() {
    let home = home();
    let score = ["score", "demo-llama", "demo-gemma", "--corpus", "list.csv", "--format", "jsonl"];
    let before = rows(&rewardscope(home.path(), &score));
    let after = rows(&rewardscope(home.path(), &[&score[..], &OWN].concat()));
    let (own, list): (Vec<Value>, Vec<Value>) = after.into_iter().partition(|row| row["own"] == true);
    assert_eq!(list, before, "the list stands as it stood; 'love' is one of it");
    let told: Vec<(&str, &str)> =
        own.iter().map(|row| (row["model"].as_str().expect("text"), row["word"].as_str().expect("text"))).collect();
    let expected = ["demo-llama", "demo-gemma"].map(|model| ["zebra", "banana"].map(|word| (model, word))).concat();
    assert_eq!(told, expected, "each once");
    for row in &own {
        assert_eq!(row["categories"], serde_json::json!(["own"]));
        let score = |row: &Value| row["score"].as_f64().expect("a number");
        let better = list.iter().filter(|other| other["model"] == row["model"] && score(other) > score(row)).count();
        assert_eq!(row["rank"].as_f64(), Some((better + 1) as f64), "{row}");
    }
}

#[test]
fn tables_and_files_mark_it() {
    let home = home();
    let score = [&["score", "demo-llama", "--corpus", "list.csv"][..], &OWN].concat();
    let table = String::from_utf8(rewardscope(home.path(), &score).stdout).expect("UTF-8");
    let zebra = table.lines().find(|line| line.contains("zebra")).expect("a row");
    assert!(zebra.trim_start().starts_with('(') && zebra.contains(") ") && zebra.contains(" own "), "{table}");
    rewardscope(home.path(), &[&score[..], &["-o", "scores.csv"]].concat());
    let mut reader = csv::Reader::from_path(home.path().join("scores.csv")).expect("a table");
    let categories: HashMap<String, String> =
        reader.records().map(|row| row.expect("a row")).map(|row| (row[2].to_owned(), row[3].to_owned())).collect();
    assert_eq!((&*categories["zebra"], &*categories["love"]), ("own", "communion"));
}

#[test]
fn words_alone_are_the_list() {
    let home = home();
    let rows = rows(&rewardscope(home.path(), &["score", "demo-llama", "--word", "a", "--word", "b", "--format", "jsonl"]));
    assert!(rows.iter().all(|row| row.get("own").is_none() && row["categories"] == serde_json::json!([])), "{rows:?}");
    assert_eq!(rows.iter().filter_map(|row| row["rank"].as_f64()).sum::<f64>(), 3.0);
}

#[test]
fn a_card_leaves_it_out_and_says_so() {
    let home = home();
    let card = ["card", "demo-llama", "--corpus", "list.csv", "--prompt", "best_ever_one", "--prompt", "worst_ever_one"];
    let numbers = |arguments: &[&str]| {
        let output = rewardscope(home.path(), &[arguments, &["--format", "json", "--replicates", "100"]].concat());
        let mut card: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        card.as_object_mut().expect("an object").remove("notes");
        (card, String::from_utf8(output.stderr).expect("UTF-8"))
    };
    let (before, _) = numbers(&card);
    let (after, notes) = numbers(&[&card[..], &OWN].concat());
    assert_eq!(before, after);
    assert!(notes.contains("no part of the card: zebra, banana"), "{notes}");
}

#[test]
fn an_implicit_reward_of_a_list_is_not_moved_by_a_word_beside_it() {
    let home = home();
    let [a, b] = ["llama-lm", "gemma2-lm"].map(|name| format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR")));
    let own = ["--word", "zebra", "--word", "love", "--word", "Love"];
    for variants in ["average", "keep", "add"] {
        let command = ["implicit", &a, &b, "--corpus", "list.csv", "--variants", variants, "--format", "json"];
        let words = |arguments: &[&str]| -> Vec<Value> {
            let report: Value = serde_json::from_slice(&rewardscope(home.path(), arguments).stdout).expect("JSON");
            report["prompts"][0]["words"].as_array().expect("words").clone()
        };
        let before = words(&command);
        let after = words(&[&command[..], &own].concat());
        let (own, list): (Vec<Value>, Vec<Value>) = after.into_iter().partition(|word| word["own"] == true);
        assert_eq!(list, before, "{variants}: the list is as it was, and 'love' is one of it");
        let names: Vec<&str> = own.iter().map(|word| word["word"].as_str().expect("text")).collect();
        assert_eq!(names, ["zebra", "Love"], "{variants}");
        for word in &own {
            let value = |word: &Value| word["mwlr"].as_f64().expect("a number");
            let better = list.iter().filter(|other| value(other) > value(word)).count();
            assert_eq!(word["rank"].as_f64().expect("a rank").floor(), (better + 1) as f64, "{word}");
            assert_eq!(word["categories"], serde_json::json!(["own"]));
        }
    }
    let table = rewardscope(home.path(), &["implicit", &a, &b, "--corpus", "list.csv", "--word", "zebra"]);
    let table = String::from_utf8(table.stdout).expect("UTF-8");
    let line = table.lines().find(|line| line.contains("zebra")).expect("a line of it");
    assert!(line.trim_start().starts_with('('), "{table}");
}
