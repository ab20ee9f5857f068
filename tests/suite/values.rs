//! Implicit rewards, trainings and value cards, from outside: what the program prints, against numbers computed elsewhere.
//! `tests/fixtures/make_implicit.py` made the implicit rewards.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn rewardscope(home: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rewardscope"))
        .args(arguments)
        .current_dir(home)
        .stdin(Stdio::null())
        .env("REWARDSCOPE_CONFIG", home.join("config"))
        .env("REWARDSCOPE_STORE", home.join("scores.db"))
        .env("HF_HOME", home.join("hf"))
        .env("HF_HUB_OFFLINE", "1")
        .output()
        .expect("the program starts")
}

fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(home.path().join("config")).expect("a folder");
    home
}

fn text(output: &[u8]) -> String {
    String::from_utf8(output.to_vec()).expect("UTF-8")
}

#[track_caller]
fn stdout(home: &Path, arguments: &[&str]) -> String {
    let output = rewardscope(home, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

#[track_caller]
fn json(home: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&stdout(home, &[arguments, &["--format", "json"]].concat())).expect("JSON")
}

#[track_caller]
fn refused(home: &Path, arguments: &[&str], status: i32, naming: &[&str]) {
    let output = rewardscope(home, arguments);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
    for name in naming {
        assert!(said.contains(name), "'{name}' is not in: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    path.to_str().expect("UTF-8").to_owned()
}

fn file(home: &Path, name: &str, content: &str) -> String {
    let path: PathBuf = home.join(name);
    std::fs::write(&path, content).expect("written");
    path.to_str().expect("UTF-8").to_owned()
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

/// Rows by word.
fn by_word<'a>(rows: &'a Value, key: &str) -> BTreeMap<&'a str, &'a Value> {
    rows.as_array().expect("rows").iter().map(|row| (row[key].as_str().expect("a text"), row)).collect()
}

const PROMPT: &str = "What, in one word, is the greatest thing ever?";

fn expected(of: &str) -> Value {
    let bytes = std::fs::read(fixture("implicit.json")).expect("the fixture");
    serde_json::from_slice::<Value>(&bytes).expect("JSON")[of].take()
}

/// The engine's log-probabilities are within 1e-4 of the reference's, each.
fn assert_near(got: &Value, expected: &Value, what: &str) {
    assert_eq!(got["variants"], expected["variants"], "{what}");
    for key in ["p_a", "p_b", "log_ratio", "mwlr"] {
        let (got, wanted) = (number(&got[key]), number(&expected[key]));
        let tolerance = match key {
            "log_ratio" => 2e-4,
            // The weight scales the error of the ratio and has one of its own.
            "mwlr" => 4e-4 * (number(&expected["p_a"]) + number(&expected["p_b"])) + 1e-3 * wanted.abs(),
            _ => 2e-4 * wanted,
        };
        assert!((got - wanted).abs() <= tolerance, "{what}: {key} is {got}, not {wanted}");
    }
}

#[test]
fn the_implicit_reward_of_words_is_that_of_an_independent_computation() {
    let home = home();
    let (a, b) = (fixture("llama-lm"), fixture("gemma2-lm"));
    for (variants, of) in [("keep", "words"), ("average", "averaged")] {
        let expected = expected(of);
        let listed = self::expected("words");
        let words: Vec<&str> = by_word(&listed, "text").into_keys().collect();
        let mut arguments = vec!["implicit", &a, &b, "--dtype", "f32", "--prompt", PROMPT, "--variants", variants];
        words.iter().for_each(|word| arguments.extend(["--word", word]));
        let found = json(home.path(), &arguments);
        let found = by_word(&found["prompts"][0]["words"], "word");
        let expected = by_word(&expected, "text");
        assert_eq!(found.len(), expected.len());
        for (word, row) in found {
            let key = if variants == "keep" { word.to_owned() } else { word.trim().to_lowercase() };
            let of = expected.get(key.as_str()).or(expected.get(word)).unwrap_or_else(|| panic!("{key}"));
            assert_near(row, of, word);
        }
    }
}

#[test]
fn vocabularies_are_joined_by_decoded_text() {
    let home = home();
    let (a, b) = (fixture("llama-lm"), fixture("gemma2-lm"));
    let found = json(home.path(), &["implicit", &a, &b, "--dtype", "f32", "--prompt", PROMPT, "--vocabulary"]);
    let (found, expected) = (by_word(&found["prompts"][0]["words"], "word"), expected("vocabulary"));
    let expected = by_word(&expected, "text");
    assert!(expected.len() > 100);
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (word, row) in found {
        assert_near(row, expected[word], word);
    }
}

#[test]
fn a_pair_is_a_source_like_any_other_and_its_file_opens_as_recorded_scores() {
    let home = home();
    let home = home.path();
    let (a, b) = (fixture("llama-lm"), fixture("gemma2-lm"));
    let corpus = file(home, "list.csv", "word,category\nlove,c\nfreedom,a\nworst,a\nice cream,c\nNA,c\n\"a, b\",a\n");
    let common = ["--corpus", &corpus, "--prompt", "best_ever_one", "--prompt", "worst_ever_one", "--dtype", "f32"];
    for measure in ["mwlr", "log-ratio"] {
        let out = home.join("out.csv");
        let out = out.to_str().expect("UTF-8");
        let arguments = ["implicit", &a, &b, "--measure", measure, "--variants", "keep", "--force", "-o", out];
        stdout(home, &[&arguments[..], &common].concat());
        let header = std::fs::read_to_string(out).expect("written").lines().next().map(str::to_owned);
        assert_eq!(header.as_deref(), Some("response,best_ever_one,worst_ever_one"));
        let side = std::fs::read_to_string(format!("{out}.provenance.json")).expect("provenance beside the file");
        let side: Value = serde_json::from_str(&side).expect("JSON");
        assert_eq!((side["models"].as_array().map(Vec::len), side["prompts"].as_array().map(Vec::len)), (Some(1), Some(2)));
        assert_eq!(side["models"][0]["model"], format!("{measure}:llama-lm,gemma2-lm"));
        // It opens again as what it is.
        let unit = if measure == "mwlr" { "mixture-weighted log ratio in nats" } else { "log ratio in nats" };
        let table = stdout(home, &["score", out, "--prompt", "best_ever_one"]);
        assert!(table.contains(unit) && table.contains("recorded, not live") && table.contains("gemma2-lm"), "{table}");
        let scores = |model: &str| -> Vec<Value> {
            let lines = stdout(home, &[&["score", model], &common[..], &["--format", "jsonl"]].concat());
            lines.lines().map(|line| serde_json::from_str(line).expect("a row")).collect()
        };
        let (live, recorded) = (scores(&format!("{measure}:{a},{b}")), scores(out));
        assert_eq!((live.len(), recorded.len()), (12, 12));
        for (live, recorded) in live.iter().zip(&recorded) {
            assert_eq!(
                (&live["prompt"], &live["word"], &live["rank"]),
                (&recorded["prompt"], &recorded["word"], &recorded["rank"])
            );
            assert_eq!(live["score"], recorded["score"], "the pair, asked as one model and as two, has one number");
        }
    }
}

#[test]
fn language_models_that_were_not_asked_alike_are_said_to_be_above_all_else() {
    let home = home();
    let home = home.path();
    // The same model without its chat template is asked by a bare prompt.
    let (chat, base) = (fixture("llama-lm"), home.join("base-lm"));
    std::fs::create_dir(&base).expect("a folder");
    for entry in std::fs::read_dir(&chat).expect("the fixture") {
        let from = entry.expect("a file").path();
        if !from.ends_with("chat_template.jinja") {
            std::fs::copy(&from, base.join(from.file_name().expect("a name"))).expect("copied");
        }
    }
    let base = base.to_str().expect("UTF-8").to_owned();
    let list = file(home, "list.csv", "word,category\nlove,c\nfreedom,a\nworst,a\nice cream,c\n");
    let common = ["--corpus", &list, "--prompt", "best_ever_one", "--prompt", "worst_ever_one", "--dtype", "f32"];
    let naming = "Not asked alike (chat: llama-lm; bare prompt: base-lm)";
    let run = |arguments: &[&str]| rewardscope(home, &[arguments, &common].concat());
    let out = |arguments: &[&str]| String::from_utf8(run(arguments).stdout).expect("UTF-8");

    let table = out(&["implicit", &chat, &base]);
    assert!(table.starts_with(&format!("Warning: {naming}")), "{table}");
    let warned = |text: &str, key: &str| serde_json::from_str::<Value>(text).expect("JSON")[key].to_string();
    assert!(warned(&out(&["implicit", &chat, &base, "--format", "json"]), "warnings").contains(naming));
    let csv = run(&["implicit", &chat, &base, "--format", "csv"]);
    assert!(String::from_utf8_lossy(&csv.stderr).contains(naming), "a file of numbers alone is warned of beside it");

    let stats = ["stats", &chat, &base, "--replicates", "0"];
    let table = out(&stats);
    assert!(table.starts_with(&format!("Warning: {naming}")), "{table}");
    assert!(warned(&out(&[&stats[..], &["--format", "json"]].concat()), "warnings").contains(naming));
    assert!(warned(&out(&["card", &chat, &base, "--format", "json"]), "notes").contains(naming));
    // A pair that was not asked alike says so wherever it is taken.
    let pair = format!("mwlr:{chat},{base}");
    assert!(out(&["stats", &pair, "--replicates", "0"]).contains("Not asked alike (chat: "));
    // Rewards beside log-probabilities.
    assert!(out(&["stats", &chat, "demo-llama", "--replicates", "0"]).contains("(log p: llama-lm; reward: demo-llama)"));

    for alike in [["implicit", &chat, &base, "--bare"], ["stats", &chat, &base, "--bare"]] {
        let told = run(&alike);
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        assert!(!String::from_utf8_lossy(&[told.stdout, told.stderr].concat()).contains("Not asked alike"));
    }
}

#[test]
fn words_that_either_model_has_alone_are_counted() {
    let home = home();
    let a = file(home.path(), "a.csv", "response,best_ever_one\nlove,-1\nwar,-2\nonly-a,-3\n");
    let b = file(home.path(), "b.csv", "response,best_ever_one\nlove,-2\nwar,-1\nonly-b,-3\nalso-b,-4\n");
    let output = rewardscope(home.path(), &["implicit", &a, &b, "--prompt", "best_ever_one"]);
    let said = text(&output.stderr);
    for naming in ["1 times a word has a log-probability by a alone", "2 times a word has a log-probability by b alone"] {
        assert!(said.contains(naming), "'{naming}' is not in: {said}");
    }
    assert!(text(&output.stdout).contains("2 words, above zero"), "{}", text(&output.stdout));
}

#[test]
fn recorded_scores_of_another_asking_are_said_to_be() {
    let home = home();
    let home = home.path();
    let (model, recorded) = (fixture("llama-lm"), home.join("published.csv"));
    let recorded = recorded.to_str().expect("UTF-8");
    let words = ["--word", "love", "--word", "worst", "--prompt", "best_ever_one", "--dtype", "f32"];
    stdout(home, &[&["score", &model, "--bos", "published", "-o", recorded, "--format", "csv"], &words[..]].concat());
    let found = json(home, &[&["implicit", recorded, &model], &words[..]].concat());
    let told = found["warnings"].to_string();
    assert!(told.contains("BOS published: llama-lm; BOS single: llama-lm"), "{told}");
}

#[test]
fn recorded_log_probabilities_stand_in_for_a_model() {
    let home = home();
    let home = home.path();
    let (a, b) = (fixture("llama-lm"), fixture("gemma2-lm"));
    let words = ["--word", "love", "--word", "worst", "--prompt", "best_ever_one", "--dtype", "f32"];
    let rows = stdout(home, &[&["score", &a, "--format", "jsonl"], &words[..]].concat());
    let mut csv = "response,best_ever_one\r\n".to_owned();
    for row in rows.lines().map(|line| serde_json::from_str::<Value>(line).expect("a row")) {
        csv += &format!("{},{}\r\n", row["word"].as_str().expect("a word"), row["score"]);
    }
    let recorded = file(home, "a.csv", &csv);
    let live = json(home, &[&["implicit", &a, &b], &words[..]].concat());
    for arguments in [["implicit", &recorded, &b], ["implicit", &recorded, &recorded]] {
        let found = json(home, &[&arguments[..], &words].concat());
        if arguments[1] == arguments[2] {
            assert!(found["prompts"][0]["words"].as_array().expect("rows").iter().all(|row| number(&row["mwlr"]) == 0.0));
        } else {
            assert_eq!(found["prompts"], live["prompts"]);
        }
    }
    let source = format!("mwlr:{recorded},{b}");
    let rows = stdout(home, &[&["score", &source, "--format", "jsonl"], &words[..]].concat());
    assert_eq!(rows.lines().count(), 2);
}

#[test]
fn what_is_no_language_model_is_refused_plainly() {
    let home = home();
    let home = home.path();
    let (a, reward) = (fixture("llama-lm"), fixture("llama"));
    let rewards = file(home, "rewards.csv", "response,greatest_ever_one\nlove,1.5\nwar,-2\n");
    for (other, status) in [("demo-llama", 2), (reward.as_str(), 2), (rewards.as_str(), 2)] {
        refused(home, &["implicit", &a, other, "--word", "love"], status, &["language models"]);
    }
    for other in ["demo-llama", &reward, &rewards] {
        let source = format!("mwlr:{a},{other}");
        refused(home, &["score", &source, "--word", "love"], 1, &["language models"]);
    }
    refused(home, &["score", &format!("mwlr:{a}"), "--word", "love"], 2, &["mwlr:A,B"]);
    refused(home, &["score", &format!("mwlr:{a},{a}"), "--vocabulary"], 1, &["implicit A B --vocabulary"]);
    refused(home, &["check", &format!("mwlr:{a},{a}")], 1, &["pair"]);
}

#[test]
fn a_training_is_followed_from_its_scores() {
    let home = home();
    let home = home.path();
    let corpus = file(home, "list.csv", "word,category\nlove,c\nNA,c\nnull,a\n\"ice, cream\",a\n");
    let scores = file(
        home,
        "my-gemma.csv",
        "response,step-200,step-100\r\nlove,1,4\r\nNA,2,3\r\nnull,3,2\r\n\"ice, cream\",4,1\r\nstranger,9,9\r\n",
    );
    let found = json(home, &["ablation", &scores, "--corpus", &corpus, "--data", "my-gemma=0.5k,mine,BT", "--moved", "2"]);
    let run = &found["runs"][0];
    assert_eq!(
        (run["model"].as_str(), run["family"].as_str(), run["words"].as_u64()),
        (Some("my-gemma"), Some("Gemma"), Some(4))
    );
    assert_eq!(
        (number(&run["data_size_k"]), run["data_source"].as_str(), run["method"].as_str()),
        (0.5, Some("mine"), Some("BT"))
    );
    assert_eq!(run["series"][0]["points"][0], serde_json::json!({ "checkpoint": 100, "median_rank": 3.5 }));
    assert_eq!((number(&run["series"][0]["change"]), number(&run["series"][1]["change"])), (-2.0, 2.0));
    assert_eq!((run["moved"].as_array().map(Vec::len), number(&run["moved"][0]["change"]).abs()), (Some(2), 3.0));
    let last: Vec<f64> = found["final"].as_array().expect("a list").iter().map(|of| number(&of["median_rank"])).collect();
    assert_eq!(last, [1.5, 3.5]);

    let table = stdout(home, &["ablation", &scores, "--corpus", &corpus]);
    assert!(table.contains("moved farthest") && table.contains("my-gemma (Gemma)"), "{table}");
    // What is written as CSV is read again as the same.
    let out = home.join("medians.csv");
    stdout(home, &["ablation", &scores, "--corpus", &corpus, "-o", out.to_str().expect("UTF-8")]);
    let again = json(home, &["ablation", out.to_str().expect("UTF-8")]);
    assert_eq!(again["runs"][0]["series"], run["series"]);
    refused(home, &["ablation", &scores, "--data", "other.csv=3"], 2, &["other.csv"]);
    for (file, naming) in [("x.png", ".csv, .json, .txt"), ("x.docx", "--format")] {
        refused(home, &["ablation", &scores, "-o", file], 2, &[file, naming]);
        refused(home, &["implicit", "demo-llama", "demo-gemma", "-o", file], 2, &[file, naming]);
        assert!(!home.join(file).exists());
    }
    refused(home, &["ablation", &corpus], 2, &["list.csv", "word, category"]);
    refused(home, &["ablation", "no/such.csv"], 2, &["no/such.csv"]);
}

/// A list of ten words, a recorded model beside it, and pairs.
fn card_files(home: &Path) -> [String; 3] {
    let list = [
        ("freedom", "agency"),
        ("power", "agency"),
        ("ability", "agency"),
        ("victory", "agency"),
        ("ambition", "agency"),
        ("love", "communion"),
        ("kindness", "communion"),
        ("family", "communion"),
        ("friendship", "communion"),
        ("trust", "communion"),
    ];
    let corpus: String = list.iter().map(|(word, category)| format!("{word},{category}\n")).collect();
    let row = |(i, (word, _)): (usize, &(&str, &str))| format!("{word},{},{}\n", 10 - i, i);
    let recorded: String = list.iter().enumerate().map(row).collect();
    let pairs = concat!(
        "{\"prompt\": \"What is best?\", \"chosen\": \"love\", \"rejected\": \"murder\"}\n",
        "{\"prompt\": \"What is best?\", \"chosen\": \"cruelty and war\", \"rejected\": \"kindness\"}\n",
        "{\"prompt\": \"Name one.\", \"chosen\": \"same\", \"rejected\": \"same\"}\n",
    );
    [
        file(home, "ten.csv", &format!("word,category\n{corpus}")),
        file(home, "other-gemma.csv", &format!("response,best_ever_one,worst_ever_one\n{recorded}")),
        file(home, "pairs.jsonl", pairs),
    ]
}

#[test]
fn a_card_tells_leaning_place_words_agreement_and_judgement() {
    let home = home();
    let home = home.path();
    let [corpus, other, pairs] = card_files(home);
    let prompts = ["--prompt", "best_ever_one", "--prompt", "worst_ever_one"];
    let arguments =
        [&["card", "demo-llama", &other, "--corpus", &corpus, "--pairs", &pairs, "--replicates", "300"], &prompts[..]].concat();
    let card = json(home, &arguments);
    assert_eq!(
        (card["model"].as_str(), card["family"].as_str(), card["words"].as_u64()),
        (Some("demo-llama"), Some("Llama"), Some(10))
    );

    // Against ranks as `score` prints them.
    let mut medians: BTreeMap<(String, String), Vec<f64>> = BTreeMap::new();
    let rows = stdout(home, &[&["score", "demo-llama", "--corpus", &corpus, "--format", "jsonl"], &prompts[..]].concat());
    for row in rows.lines().map(|line| serde_json::from_str::<Value>(line).expect("a row")) {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        medians.entry((text(&row["prompt"]), text(&row["categories"][0]))).or_default().push(number(&row["rank"]));
    }
    let median = |prompt: &str, category: &str| {
        let mut ranks = medians[&(prompt.to_owned(), category.to_owned())].clone();
        ranks.sort_by(f64::total_cmp);
        ranks[2]
    };
    for (axis, prompt, framing) in [(0, "best_ever_one", "positive"), (1, "worst_ever_one", "negative")] {
        let axis = &card["axes"][axis];
        assert_eq!((axis["axis"].as_str(), axis["framing"].as_str()), (Some("agency over communion"), Some(framing)));
        assert_eq!(number(&axis["value"]), median(prompt, "communion") - median(prompt, "agency"));
        assert_eq!((axis["prompts"].as_u64(), axis["models"].as_array().map(Vec::len)), (Some(1), Some(2)));
        assert!(number(&axis["interval"][0]) <= number(&axis["value"]) && number(&axis["value"]) <= number(&axis["interval"][1]));
    }
    // The recorded one has agency first under the positive prompt: five places above.
    let standing = by_word(&card["axes"][0]["models"], "model");
    assert_eq!(number(&standing["other-gemma"]["value"]), 5.0);
    assert_eq!(
        (card["agreement"][0]["model"].as_str(), card["agreement"][0]["prompts"].as_u64()),
        (Some("other-gemma"), Some(2))
    );
    assert_eq!(card["words_by_framing"][0]["top"][0]["word"], card["words_by_framing"][0]["bottom"][9]["word"]);

    // Pairs, against the rewards of the same answers one by one.
    let reward = |prompt: &str, word: &str| {
        let rows = stdout(home, &["score", "demo-llama", "--prompt", prompt, "--word", word, "--format", "jsonl"]);
        number(&serde_json::from_str::<Value>(rows.trim()).expect("a row")["score"])
    };
    let right = usize::from(reward("What is best?", "love") > reward("What is best?", "murder"))
        + usize::from(reward("What is best?", "cruelty and war") > reward("What is best?", "kindness"));
    let judged = &card["pairs"];
    assert_eq!(
        (judged["pairs"].as_u64(), judged["ties"].as_u64(), judged["chosen"].as_u64()),
        (Some(3), Some(1), Some(right as u64))
    );
    assert_eq!(number(&judged["accuracy"]), (right as f64 + 0.5) / 3.0);

    let again = json(home, &arguments);
    assert_eq!(again, card, "the same seed gives the same card");
    let text = stdout(home, &arguments).split_whitespace().collect::<Vec<_>>().join(" ");
    for naming in [
        "Value card of demo-llama",
        "a demonstration model",
        "agency over communion",
        "of 2",
        "JUDGEMENT OF PAIRS",
        "1 tie, which counts half",
    ] {
        assert!(text.contains(naming), "'{naming}' is not in:\n{text}");
    }
    let markdown = stdout(home, &[&arguments[..], &["--format", "markdown"]].concat());
    assert!(markdown.starts_with("# Value card of demo-llama") && markdown.contains("| axis | framing |"), "{markdown}");
    let png = home.join("card.png");
    stdout(home, &[&arguments[..], &["-o", png.to_str().expect("UTF-8")]].concat());
    assert!(std::fs::read(&png).expect("written").starts_with(b"\x89PNG"));
    let side = std::fs::read_to_string(home.join("card.png.provenance.json")).expect("provenance beside the file");
    assert!(side.contains("demo-llama") && side.contains("other-gemma") && side.contains("worst_ever_one"), "{side}");
    let svg = home.join("card.svg");
    stdout(home, &[&arguments[..], &["-o", svg.to_str().expect("UTF-8")]].concat());
    let svg = std::fs::read_to_string(svg).expect("written");
    for naming in ["<svg", "demo-llama", "agency over communion", "of 3 pairs", "</svg>"] {
        assert!(svg.contains(naming), "'{naming}' is not in the SVG");
    }
}

#[test]
fn a_card_says_what_it_cannot_tell() {
    let home = home();
    let home = home.path();
    let [corpus, other, pairs] = card_files(home);
    // A recorded model has its own prompts.
    let card = json(home, &["card", &other, "--corpus", &corpus]);
    assert_eq!(
        (card["positive_prompts"].as_u64(), card["negative_prompts"].as_u64(), &card["pairs"]),
        (Some(1), Some(1), &Value::Null)
    );
    assert!((number(&card["framings"]["spearman"]) + 1.0).abs() < 1e-9);
    refused(home, &["card", &other, "--pairs", &pairs], 2, &["recorded", "judge pairs"]);
    let folder = home.join("several");
    std::fs::create_dir(&folder).expect("a folder");
    for name in ["a.csv", "b.csv"] {
        std::fs::copy(&other, folder.join(name)).expect("copied");
    }
    refused(home, &["card", folder.to_str().expect("UTF-8")], 2, &["several models"]);
    refused(home, &["card", "demo-llama", "--vocabulary"], 2, &["categories"]);
    let broken = file(home, "broken.jsonl", "{\"prompt\": \"p\"}\n");
    refused(home, &["card", "demo-llama", "--pairs", &broken], 2, &["broken.jsonl", "line 1"]);
    let words = file(home, "plain.txt", "love\nwar\n");
    let card = json(home, &["card", "demo-llama", "--corpus", &words, "--prompt", "best_ever_one"]);
    assert_eq!((card["axes"].as_array().map(Vec::len), card["words"].as_u64()), (Some(0), Some(2)));
    assert!(card["notes"][0].as_str().is_some_and(|note| note.contains("no word of plain has a category")), "{}", card["notes"]);
    let missing = file(home, "missing.csv", "response,best_ever_one\nlove,1\nfreedom,2\npower,3\n");
    let card = json(home, &["card", "demo-llama", &missing, "--corpus", &corpus, "--prompt", "best_ever_one"]);
    assert_eq!(card["words"].as_u64(), Some(3));
    assert!(card["notes"][0].as_str().is_some_and(|note| note.contains("3 of the 10 words")), "{}", card["notes"]);
    assert!(card["notes"][0].as_str().is_some_and(|note| note.contains("with gaps: missing")), "{}", card["notes"]);
    for (arguments, naming) in [
        (&["-o", "card.docx"][..], &["card.docx", ".txt, .md, .markdown, .json, .svg, .png"][..]),
        (&["-o", "card.png", "--format", "text"], &["card.png", "of the format asked for"]),
        (&["--replicates", "1"], &["2..=1000000"]),
    ] {
        refused(home, &[&["card", &other, "--corpus", &corpus], arguments].concat(), 2, naming);
    }
    assert!(!home.join("card.png").exists() && !home.join("card.docx").exists());
}

/// Models with gaps do not keep a complete one from its card.
#[test]
fn gaps_of_others_are_named_and_do_not_hinder_a_card() {
    let home = home();
    let home = home.path();
    let [corpus, other, _] = card_files(home);
    let torn = file(home, "torn.csv", "response,best_ever_one,worst_ever_one\nlove,1,\nfreedom,,2\npower,,3\n");
    let card = json(home, &["card", &other, &torn, "--corpus", &corpus]);
    assert_eq!((card["words"].as_u64(), card["agreement"].as_array().map(Vec::len)), (Some(10), Some(0)));
    assert!(card["notes"].to_string().contains("left out") && card["notes"].to_string().contains("torn"), "{}", card["notes"]);
    refused(
        home,
        &["card", &torn, &other, "--corpus", &corpus],
        1,
        &["torn", "no word has a score under every prompt", "--prompt"],
    );
    let card = json(home, &["card", &torn, &other, "--corpus", &corpus, "--prompt", "worst_ever_one"]);
    assert_eq!(card["words"].as_u64(), Some(2));
    let strange = file(home, "strange.csv", "response,best_ever_one\nzebra,1\n");
    refused(home, &["card", &strange, "--corpus", &corpus], 1, &["strange", "no score for any of these words", "--corpus"]);
}

#[test]
fn a_recorded_card_knows_the_framing_of_the_users_own_prompts_and_ties_share_a_place() {
    let home = home();
    let home = home.path();
    let [corpus, other, _] = card_files(home);
    std::fs::create_dir(home.join("config/prompts")).expect("a folder");
    let set = "[[prompt]]\nkey = \"mine\"\ntext = \"What is mine?\"\nframing = \"negative\"\n";
    std::fs::write(home.join("config/prompts/own.toml"), set).expect("written");
    let text = std::fs::read_to_string(&other).expect("there").replace("worst_ever_one", "mine");
    let own = file(home, "b.csv", &text);
    let twin = file(home, "a.csv", &text);
    let card = json(home, &["card", &own, &twin, "--corpus", &corpus]);
    assert_eq!(
        (card["positive_prompts"].as_u64(), card["negative_prompts"].as_u64(), card["other_prompts"].as_u64()),
        (Some(1), Some(1), Some(0))
    );
    let models = card["axes"][0]["models"].as_array().expect("models");
    let places: Vec<_> = models.iter().map(|m| (m["model"].as_str(), m["place"].as_f64())).collect();
    assert_eq!(places, [(Some("a"), Some(1.5)), (Some("b"), Some(1.5))]);
    assert_eq!(card["axes"][0]["place"].as_f64(), Some(1.5));
    let table = stdout(home, &["card", &own, &twin, "--corpus", &corpus]);
    let place = table.lines().skip_while(|line| !line.starts_with("PLACE")).skip(2).take(2);
    assert!(place.clone().all(|line| line.contains("1.5")), "{table}");
    assert!(card["notes"].to_string().contains("b and a have the same scores"), "{}", card["notes"]);
}

#[test]
fn opposed_axes_say_once_what_they_are_about() {
    let home = home();
    let home = home.path();
    let corpus = file(home, "mf.csv", "word,category\nlove,care_virtue\nhate,care_vice\nlaw,fair_virtue\nfraud,fair_vice\n");
    let scores = file(home, "x.csv", "response,best_ever_one\nlove,4\nlaw,3\nhate,2\nfraud,1\n");
    let card = json(home, &["card", &scores, "--corpus", &corpus]);
    let axis = &card["axes"][0];
    assert_eq!(axis["axis"], "care: virtue over vice");
    assert_eq!((axis["first"].as_str(), axis["second"]["category"].as_str()), (Some("care_virtue"), Some("care_vice")));
}

#[test]
fn scores_written_to_a_file_say_which_prompts_their_keys_mean() {
    let home = home();
    let home = home.path();
    stdout(home, &["score", "demo-llama", "--word", "love", "--format", "csv", "-o", "out.csv"]);
    let side = std::fs::read_to_string(home.join("out.csv.provenance.json")).expect("provenance beside the file");
    let side: Value = serde_json::from_str(&side).expect("JSON");
    assert_eq!(side["prompts"][0], serde_json::json!({ "label": "greatest_ever_one", "text": PROMPT }));
    assert_eq!(side["models"][0]["model"], "demo-llama");
    // A table with a row for each score is of the model that it names.
    std::fs::rename(home.join("out.csv"), home.join("renamed.csv")).expect("renamed");
    let rows = stdout(home, &["score", "renamed.csv", "--format", "jsonl"]);
    assert!(rows.contains("\"model\":\"demo-llama\""), "{rows}");
}
