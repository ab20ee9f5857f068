//! Scores beside ratings, and moments of scores: held against statsmodels, scipy and pandas (`fixtures/make_ratings.py`), and
//! the command from outside.

use std::sync::Arc;

use rewardscope::base::terms::Framing;
use rewardscope::stats::moments::moments;
use rewardscope::stats::ratings::{Rating, relations};
use rewardscope::stats::study::{Study, StudyModel, StudyPrompt, StudyWord};
use serde_json::Value;

use crate::support::program::{self, rewardscope, text};

/// Equal but for the last digits; what is as good as 0 absolutely.
#[track_caller]
fn close(found: &Value, expected: &Value, what: &str) {
    let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
    assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1e-3), "{what}: {found} for {expected}");
}

fn study_of(table: &Value) -> Study {
    let column = |name: &str| -> Vec<f64> {
        table[name].as_array().unwrap().iter().map(|cell| cell.as_f64().unwrap_or(f64::NAN)).collect()
    };
    let prompts = [("p", Framing::Positive), ("q", Framing::Positive), ("n", Framing::Negative)];
    let words = column("p").len();
    Study {
        words: (0..words).map(|word| StudyWord { text: format!("w{word}").into(), categories: Vec::new() }).collect(),
        prompts: prompts.map(|(label, framing)| StudyPrompt { label: label.into(), framing: Some(framing) }).to_vec(),
        models: vec![StudyModel {
            name: "m".into(),
            family: "F".into(),
            scores: prompts.map(|(label, _)| Arc::new(column(label))).to_vec(),
        }],
        ..Study::default()
    }
}

#[test]
fn slopes_and_correlations_of_a_table_with_gaps_are_as_computed_elsewhere() {
    let fixture: Value = serde_json::from_str(include_str!("../fixtures/ratings.json")).unwrap();
    for told in fixture["tables"].as_array().unwrap() {
        let study = study_of(&told["table"]);
        let rating = |name: &Value| {
            let name = name.as_str().unwrap();
            let values = told["table"][name].as_array().unwrap().iter().map(|cell| cell.as_f64().unwrap_or(f64::NAN));
            Rating { name: name.into(), values: vec![Arc::new(values.collect())] }
        };
        let ratings: Vec<Rating> = fixture["columns"].as_array().unwrap().iter().map(rating).collect();
        let found = serde_json::to_value(relations(&study, &ratings)).unwrap();
        let (found, expected) = (found.as_array().unwrap(), told["relations"].as_array().unwrap());
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            let what = format!("{} words, {} {}", study.words.len(), expected["framing"], expected["column"]);
            assert_eq!(
                (&found["framing"], &found["column"], &found["n"]),
                (&expected["framing"], &expected["column"], &expected["n"])
            );
            for key in ["spearman", "kendall", "slope", "low", "high", "intercept", "standardized"] {
                close(&found[key], &expected[key], &format!("{what}: {key}"));
            }
            let (found, expected) = (found["adjusted"].as_array().unwrap(), expected["adjusted"].as_array().unwrap());
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(expected) {
                assert_eq!((&found["given"], &found["n"]), (&expected["given"], &expected["n"]));
                for key in ["slope", "low", "high", "standardized"] {
                    close(&found[key], &expected[key], &format!("{what} given {}: {key}", expected["given"]));
                }
            }
        }
    }
}

#[test]
fn moments_are_those_of_pandas() {
    let fixture: Value = serde_json::from_str(include_str!("../fixtures/ratings.json")).unwrap();
    for told in fixture["tables"].as_array().unwrap() {
        let found = serde_json::to_value(moments(&study_of(&told["table"]))).unwrap();
        for found in found.as_array().unwrap() {
            let expected = &told["moments"][found["prompt"].as_str().unwrap()];
            assert_eq!(found["n"], expected["n"]);
            for key in ["mean", "sd", "skew", "kurtosis"] {
                close(&found[key], &expected[key], key);
            }
        }
    }
}

/// A folder with a word list, ratings and recorded scores: model `up` follows the sentiment, whatever is asked; `turned` only
/// where it is asked for the best, and the other way about where for the worst.
fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| std::fs::write(home.path().join(name), text).unwrap();
    for folder in ["scores", "config"] {
        std::fs::create_dir(home.path().join(folder)).unwrap();
    }
    let sentiment = |i: usize| (i % 7) as f64 - 3.0;
    let noise = |i: usize| (i * i % 5) as f64 / 4.0;
    let words: Vec<String> = (0..30).map(|i| format!("word{i}")).collect();
    let list: String = words.iter().enumerate().map(|(i, word)| format!("{word},{}\n", ["kind", "cold"][i % 2])).collect();
    write("list.csv", format!("word,category\n{list}"));
    // The first word is rated under another spelling, the last is not rated.
    let rated: String =
        (0..29).map(|i| format!("{},{},{}\n", if i == 0 { "Word0" } else { &words[i] }, sentiment(i), i % 4)).collect();
    write("ratings.csv", format!("word,sentiment,log_frequency\n{rated}"));
    for (model, sign) in [("up", 1.0), ("turned", -1.0)] {
        let row = |i: usize| format!("{},{},{}\n", words[i], sentiment(i) + noise(i), sign * sentiment(i) + noise(i + 3));
        write(
            &format!("scores/{model}.csv"),
            format!("response,best_ever_one,worst_ever_one\n{}", (0..30).map(row).collect::<String>()),
        );
    }
    home
}

#[test]
fn sentiment_slopes_differ_by_framing_and_the_page_names_them() {
    let home = home();
    let arguments =
        ["stats", "scores", "--corpus", "list.csv", "--ratings", "ratings.csv", "--ratings", "characters", "--replicates", "0"];
    let output = rewardscope(home.path(), &[&arguments[..], &["--format", "json"]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: Value = serde_json::from_str(&text(&output.stdout)).unwrap();
    let of = |model: &str, framing: &str, column: &str| {
        let is_it = |of: &&Value| of["model"] == model && of["framing"] == framing && of["column"] == column;
        report["ratings"].as_array().unwrap().iter().find(is_it).cloned().unwrap()
    };
    let [up, turned] = ["up", "turned"].map(|model| of(model, "difference", "sentiment")["slope"].as_f64().unwrap());
    assert!((turned - up - 2.0).abs() < 1e-9, "{up} {turned}");
    let found = of("turned", "negative", "sentiment");
    assert!(found["high"].as_f64().unwrap() < 0.0 && found["n"] == 29, "{found}");
    let given: Vec<_> = found["adjusted"].as_array().unwrap().iter().map(|of| of["given"].clone()).collect();
    assert_eq!(
        given,
        [serde_json::json!(["log_frequency", "characters"]), "log_frequency".into(), "characters".into()]
            .map(|of| { if of.is_string() { serde_json::json!([of]) } else { of } })
    );
    assert_eq!(found["categories"][0]["category"], "cold");
    let notes = report["notes"].to_string();
    assert!(notes.contains("sentiment: 1 of 30 words have none") && notes.contains("first of them 'word0'"), "{notes}");
    let page = text(&rewardscope(home.path(), &arguments).stdout);
    for naming in ["Scores beside sentiment", "HC3", "given other ratings", "Words farthest from the line", "Moments of scores"] {
        assert!(page.contains(naming), "'{naming}' is not in: {page}");
    }
}

#[test]
fn tokens_are_counted_where_there_is_a_tokenizer_and_else_that_is_said() {
    let home = home();
    let words = "word,sentiment\nlove,3\nfreedom,2\nwar,-3\nhatred,-3\ntable,0\nunquestionably,1\n";
    std::fs::write(home.path().join("words.csv"), words.replace("sentiment", "category")).unwrap();
    std::fs::write(home.path().join("sentiment.csv"), words).unwrap();
    std::fs::write(
        home.path().join("told.csv"),
        "response,best_ever_one\nlove,3\nfreedom,2\nwar,1\nhatred,0\ntable,5\nunquestionably,4\n",
    )
    .unwrap();
    let arguments = [
        "stats",
        "demo-llama",
        "told.csv",
        "--corpus",
        "words.csv",
        "--prompt",
        "best_ever_one",
        "--ratings",
        "tokens",
        "--ratings",
        "sentiment.csv",
        "--no-store",
        "--replicates",
        "0",
        "--format",
        "json",
    ];
    let output = rewardscope(home.path(), &arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: Value = serde_json::from_str(&text(&output.stdout)).unwrap();
    let columns: Vec<String> =
        report["ratings"].as_array().unwrap().iter().map(|of| format!("{} {}", of["model"], of["column"])).collect();
    assert_eq!(columns, [r#""demo-llama" "tokens""#, r#""demo-llama" "sentiment""#, r#""told" "sentiment""#]);
    assert_eq!(report["ratings"][2]["adjusted"], serde_json::json!([]), "nothing is known to adjust by");
    let notes = report["notes"].to_string();
    assert!(notes.contains("told: its tokens cannot be counted"), "{notes}");
}

#[test]
fn ratings_that_are_none_are_refused_before_anything_is_scored() {
    let home = home();
    let refused = |ratings: &[&str], naming: &[&str]| {
        program::refused(home.path(), &[&["stats", "scores", "--corpus", "list.csv"], ratings].concat(), 2, naming);
    };
    refused(&["--ratings", "list.csv"], &["list.csv", "no column of numbers"]);
    refused(&["--ratings", "nowhere.csv"], &["nowhere.csv"]);
    refused(&["--ratings", "ratings.csv", "--rating-column", "sentimen"], &["'sentimen'", "'sentiment'"]);
    refused(&["--rating-column", "sentiment"], &["--ratings"]);
}

#[test]
fn an_exported_table_names_family_and_framing_of_every_row() {
    let home = home();
    let scores = "response,best_ever_one,worst_ever_one,What else?\nlove,1,2,3\nwar,,1,2\n";
    std::fs::write(home.path().join("R-Lla-3B.csv"), scores).unwrap();
    std::fs::write(home.path().join("mine.csv"), scores).unwrap();
    let output = rewardscope(home.path(), &["export", "R-Lla-3B.csv", "mine.csv", "--format", "csv"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    let mut rows = csv::Reader::from_reader(table.as_bytes());
    assert_eq!(rows.headers().unwrap().iter().collect::<Vec<_>>()[4..], ["score", "rank", "family", "framing"]);
    let told = rows.records().map(|row| row.map(|row| [0, 2, 6, 7].map(|at| row[at].to_owned()).join(" ")));
    let told = told.collect::<Result<Vec<_>, _>>().unwrap();
    let expected = ["love Llama positive", "love Llama negative", "war Llama negative", "love Llama ", "war Llama "];
    assert_eq!(told[..5], expected.map(|row| format!("R-Lla-3B {row}")));
    assert_eq!(told[5], "mine love  positive", "{table}");
    for file in ["one.parquet", "one.jsonl"] {
        assert!(rewardscope(home.path(), &["export", "mine.csv", "-o", file]).status.success());
        let again = rewardscope(home.path(), &["export", file, "--format", "csv"]);
        assert_eq!(text(&again.stdout).lines().count(), 6, "{}", text(&again.stderr));
    }
    let rows = std::fs::read_to_string(home.path().join("one.jsonl")).unwrap();
    assert!(rows.lines().next().unwrap().ends_with(r#""family":null,"framing":"positive"}"#), "{rows}");
}

#[test]
fn a_card_sets_its_own_model_beside_ratings() {
    let home = home();
    let arguments = [
        "card",
        "scores/turned.csv",
        "scores/up.csv",
        "--corpus",
        "list.csv",
        "--ratings",
        "ratings.csv",
        "--rating-column",
        "sentiment",
    ];
    let output = rewardscope(home.path(), &[&arguments[..], &["--format", "json"]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let card: Value = serde_json::from_str(&text(&output.stdout)).unwrap();
    let told: Vec<String> =
        card["ratings"].as_array().unwrap().iter().map(|of| format!("{} {}", of["model"], of["framing"])).collect();
    assert_eq!(told, [r#""turned" "positive""#, r#""turned" "negative""#, r#""turned" "difference""#]);
    let page = text(&rewardscope(home.path(), &[&arguments[..], &["--format", "markdown"]].concat()).stdout);
    assert!(page.contains("Scores beside ratings") && page.contains("above the line"), "{page}");
}
