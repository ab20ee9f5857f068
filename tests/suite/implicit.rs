//! Implicit rewards from outside: what the program prints, against numbers computed elsewhere
//! (`tests/fixtures/make_implicit.py`).

use serde_json::Value;

use crate::support::program::{by_word, file, fixture, home, json, number, refused, rewardscope, stdout, text};

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
    for naming in ["1 time a word has a log-probability by a alone", "2 times a word has a log-probability by b alone"] {
        assert!(said.contains(naming), "'{naming}' is not in: {said}");
    }
    assert!(text(&output.stdout).contains("2 words, above zero"), "{}", text(&output.stdout));
}

#[test]
fn many_pairs_have_a_mean_and_each_a_value_over_the_words_that_all_models_have() {
    let home = home();
    let home = home.path();
    let model = |name: &str, rows: &str| file(home, &format!("{name}.csv"), &format!("response,best_ever_one\n{rows}"));
    let a = model("a-llama", "love,-1\n Love,-3\nwar,-2\nonly-a,-3\n");
    let c = model("c-llama", "love,-2\n Love,-2\nwar,-4\n");
    let b = model("b-gemma", "love,-2\n Love,-1\nwar,-1\n");
    let sets = ["implicit", "--a", &a, &c, "--b", &b, "--prompt", "best_ever_one"];
    let report = json(home, &[&sets[..], &["--measure", "log-ratio"]].concat());
    assert_eq!(report["pairs"], serde_json::json!([["a-llama", "b-gemma"], ["c-llama", "b-gemma"]]));
    let words = by_word(&report["prompts"][0]["words"], "word");
    assert_eq!(words.len(), 2, "{words:?}");
    // Of love, the mean of two spellings: (1 − 2) / 2 and (0 − 1) / 2.
    assert_eq!(words["love"]["each"], serde_json::json!([-0.5, -0.5]));
    assert_eq!(words["war"]["each"], serde_json::json!([-1.0, -3.0]));
    let war = &words["war"];
    assert_eq!((number(&war["mean"]), number(&war["rank"]), war["above_zero"].as_u64()), (-2.0, 2.0, Some(0)));
    assert!((number(&war["sd"]) - 2.0f64.sqrt()).abs() < 1e-12 && words["love"]["variants"] == 2);

    let said = rewardscope(home, &sets);
    assert!(
        text(&said.stderr).contains("1 times a text has no log-probability by some of the 3 models"),
        "{}",
        text(&said.stderr)
    );
    let picture = home.join("pairs.svg");
    let draw = ["--show", "WAR", "--figure", picture.to_str().expect("UTF-8"), "--format", "latex"];
    let latex = stdout(home, &[&sets[..], &draw].concat());
    assert!(latex.contains("war & A & B \\\\") && !latex.contains("love"), "{latex}");
    let svg = std::fs::read_to_string(&picture).expect("a figure");
    assert!(svg.contains("between 2 pairs of models") && svg.contains(">war<") && svg.contains(">c-llama<"), "{svg}");

    refused(home, &[&sets[..], &["--show", "peace"]].concat(), 2, &["peace"]);
    refused(home, &["implicit", "--a", &a, "--b", &b, &a], 2, &["named twice"]);
    refused(home, &["implicit", "--a", &a], 2, &["--b"]);
    refused(home, &["implicit"], 2, &["<A>"]);
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
