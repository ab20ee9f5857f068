//! `rewardscope stats` from outside: what it reads, what it prints, and what it says of what is missing.

use std::path::Path;

use rewardscope::stats::contrast::{TESTS, shown_tests};
use serde_json::Value;

use crate::support::program::{self, rewardscope, text};

const KEYS: [&str; 4] = ["best_ever_one", "good_time_single", "worst_ever_one", "terrible_world_please"];
/// Words that readers of tables are known to bend.
const WORDS: [&str; 9] = ["love", "NA", "null", "ice, cream", "two\nlines", " love", "nan", "None", "tie"];

#[track_caller]
fn stdout(home: &Path, arguments: &[&str]) -> String {
    let output = rewardscope(home, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "", "progress goes to terminals alone");
    text(&output.stdout)
}

#[track_caller]
fn json(home: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&stdout(home, &[arguments, &["--format", "json"]].concat())).expect("JSON")
}

#[track_caller]
fn refused(home: &Path, arguments: &[&str], naming: &[&str]) {
    program::refused(home, arguments, 2, naming);
}

/// A folder with a word list and scores of these models; `score(model, prompt, word)` is what a model says, none where it says
/// nothing.
fn home(models: &[&str], score: impl Fn(usize, usize, usize) -> Option<f64>) -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a folder");
    let scores = home.path().join("scores");
    std::fs::create_dir(&scores).expect("a folder");
    std::fs::create_dir(home.path().join("config")).expect("a folder");
    let field = |word: &str| format!("\"{word}\"");
    let list = WORDS.iter().enumerate().map(|(i, word)| {
        let category = ["Care_Virtue", "Care_Vice", "Duty_Virtue"][i % 3];
        format!("{},{category}\r\n", field(word))
    });
    // One word in both halves of a category, and a row that stands twice.
    let list: String = list.chain(["\"love\",Care_Vice\r\n", "\"love\",Care_Vice\r\n"].map(str::to_owned)).collect();
    std::fs::write(home.path().join("list.csv"), format!("word,category\r\n{list}")).expect("a list");
    for (m, model) in models.iter().enumerate() {
        let row = |w: usize| {
            let cells = (0..KEYS.len()).map(|p| score(m, p, w).map_or("NA".to_owned(), |score| score.to_string()));
            format!("{},{}\r\n", field(WORDS[w]), cells.collect::<Vec<_>>().join(","))
        };
        let rows: String = (0..WORDS.len()).map(row).collect();
        let extra = format!("not-in-the-list{}\r\n", ",1e9".repeat(KEYS.len()));
        let file = format!("response,{}\r\n{rows}{extra}", KEYS.join(","));
        std::fs::write(scores.join(format!("{model}.csv")), file).expect("scores");
    }
    home
}

/// Distinct but for one tie; another order for every model and prompt.
fn some(model: usize, prompt: usize, word: usize) -> Option<f64> {
    let word = if word == 8 { 7 } else { word };
    Some(((word * (3 + model + 2 * prompt)) % 17) as f64 + word as f64 / 100.0)
}

/// Those that have cells, by name.
fn categories(report: &Value) -> Vec<String> {
    let names =
        report["cells"].as_array().expect("cells").iter().map(|cell| cell["category"].as_str().expect("a name").to_owned());
    names.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

const STATS: [&str; 4] = ["stats", "scores", "--corpus", "list.csv"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&STATS[..], more].concat()
}

#[test]
fn cells_of_words_that_readers_bend_are_the_medians_of_their_ranks() {
    let home = home(&["gemma-a", "gemma-b", "llama-a", "llama-b", "llama-c"], some);
    let report = json(home.path(), &with(&["--replicates", "99"]));
    assert_eq!((&report["words"], report["prompts"].as_array().expect("prompts").len()), (&9.into(), 4));
    let cells = report["cells"].as_array().expect("cells");
    assert_eq!(cells.len(), 5 * 4 * 3);
    for cell in cells {
        let model = cell["model"].as_str().expect("a name");
        let m = ["gemma-a", "gemma-b", "llama-a", "llama-b", "llama-c"].iter().position(|name| *name == model).expect("a model");
        let p = KEYS.iter().position(|key| cell["prompt"] == *key).expect("a prompt");
        let scores: Vec<f64> = (0..9).map(|w| some(m, p, w).expect("a score")).collect();
        let rank = |w: usize| {
            let above = scores.iter().filter(|score| **score > scores[w]).count();
            above as f64 + (scores.iter().filter(|score| **score == scores[w]).count() + 1) as f64 / 2.0
        };
        // "love" is in Care_Vice as well.
        let own: &[usize] = match cell["category"].as_str().expect("a category") {
            "Care_Virtue" => &[0, 3, 6],
            "Care_Vice" => &[0, 1, 4, 7],
            _ => &[2, 5, 8],
        };
        let mut ranks: Vec<f64> = own.iter().map(|w| rank(*w)).collect();
        ranks.sort_by(f64::total_cmp);
        let median = (ranks[(ranks.len() - 1) / 2] + ranks[ranks.len() / 2]) / 2.0;
        assert_eq!((cell["median_rank"].as_f64(), cell["words"].as_u64()), (Some(median), Some(own.len() as u64)), "{cell}");
        assert_eq!(cell["framing"], if p < 2 { "positive" } else { "negative" });
        assert_eq!(cell["family"], if m < 2 { "Gemma" } else { "Llama" });
    }
    let contrasts = report["contrasts"].as_array().expect("contrasts");
    assert_eq!(contrasts.len(), 6);
    for contrast in contrasts {
        assert_eq!(contrast["families"], serde_json::json!(["Gemma", "Llama"]));
        assert_eq!((&contrast["permutation"]["replicates"], &contrast["exact_models"]["splits"]), (&99.into(), &10.into()));
        assert!(contrast["bootstrap"]["words"].is_array());
    }
    let terms: Vec<&str> =
        report["mixed_model"]["fixed"].as_array().expect("effects").iter().filter_map(|e| e["term"].as_str()).collect();
    assert_eq!((terms[0], terms[terms.len() - 1]), ("(Intercept)", "family[Llama]:category[Duty_Virtue]:framing[negative]"));
    let noted = |report: &Value| report["notes"].to_string();
    assert!(noted(&report).contains("not independent"), "why the tests differ is said");
    assert!(noted(&report).contains("repeated rows"), "{}", noted(&report));
    assert_eq!(report, json(home.path(), &with(&["--replicates", "99"])), "one seed, one report");
}

#[test]
fn categories_are_folded_and_left_out_as_asked() {
    let home = home(&["gemma-a", "llama-a"], some);
    let report = json(home.path(), &with(&["--category-prefix", "--replicates", "0"]));
    assert_eq!(categories(&report), ["Care", "Duty"]);
    assert_eq!(report["cells"][0]["words"], 6, "a word in both halves counts once");
    let report = json(home.path(), &with(&["--exclude-category", "Care_Virtue", "--exclude-category", "Duty_Virtue"]));
    assert_eq!((categories(&report), &report["words"]), (vec!["Care_Vice".to_owned()], &4.into()));
    refused(home.path(), &with(&["--exclude-category", "Care_Virtu"]), &["no category 'Care_Virtu'", "Care_Virtue"]);
    refused(home.path(), &with(&["--family", "gemma-z=Gemma"]), &["no model 'gemma-z'", "gemma-a"]);
    refused(home.path(), &with(&["--family", "gemma-a"]), &["MODEL=NAME"]);
    refused(home.path(), &["stats", "scores"], &["--corpus"]);
}

#[test]
fn two_models_are_compared_without_a_mixed_model_or_a_crash() {
    let home = home(&["gemma-a", "llama-a"], some);
    let report = json(home.path(), &with(&[]));
    assert!(report["mixed_model"].is_null());
    let note = report["mixed_model_note"].as_str().expect("a sentence");
    assert!(note.contains("not identifiable") && note.contains("second model"), "{note}");
    assert!(report["contrasts"][0]["exact_models"].is_null() && report["contrasts"][0]["welch"].is_object());
    assert_eq!(report["anova"]["terms"].as_array().expect("terms").len(), 7);
    assert_eq!(report["model_contrasts"].as_array().expect("pairs").len(), 6);
    let table = stdout(home.path(), &with(&[]));
    assert!(table.contains("not identifiable") && table.contains("one model stands for Gemma, Llama"), "{table}");
}

#[test]
fn a_model_of_no_known_family_and_three_families_are_handled() {
    let home = home(&["gemma-a", "llama-a", "mystery"], some);
    let report = json(home.path(), &with(&["--replicates", "0"]));
    assert_eq!(report["contrasts"].as_array().expect("contrasts").len(), 6, "Gemma and Llama alone");
    let divided: Vec<String> =
        report["dividing"].as_array().expect("words").iter().map(|of| of["families"].to_string()).collect();
    assert_eq!(divided, [r#"["Gemma","Llama"]"#; 2], "no known family, no words that divide it from others");
    assert!(report["notes"].to_string().contains("--family"), "{}", report["notes"]);
    let report = json(home.path(), &with(&["--replicates", "0", "--family", "mystery=Qwen"]));
    let pairs: Vec<String> =
        report["contrasts"].as_array().expect("contrasts").iter().map(|contrast| contrast["families"].to_string()).collect();
    assert_eq!(pairs.len(), 18);
    assert_eq!([&pairs[0], &pairs[6], &pairs[12]], [r#"["Gemma","Llama"]"#, r#"["Gemma","Qwen"]"#, r#"["Llama","Qwen"]"#]);
}

#[test]
fn models_that_agree_do_not_differ_for_having_been_asked_other_words() {
    // All say the same of a word; those of one family were asked six of the nine.
    let models = ["gemma-a", "gemma-b", "llama-a", "llama-b"];
    let home = home(&models, |m, p, w| if m >= 2 && w >= 6 { None } else { some(0, p, w) });
    let report = json(home.path(), &with(&["--replicates", "99"]));
    for contrast in report["contrasts"].as_array().expect("contrasts") {
        assert_eq!(contrast["difference"], 0.0, "{contrast}");
    }
    assert!(report["agreement"].as_array().expect("pairs").iter().all(|pair| pair["spearman"] == 1.0));
    let common = &report["common_words"];
    assert_eq!((&report["words"], &common["words"], &common["of"]), (&6.into(), &6.into(), &9.into()));
    let counts = |key: &str| common["models"].as_array().expect("models").iter().map(|m| m[key].as_u64()).collect::<Vec<_>>();
    assert_eq!(counts("words"), [9, 9, 6, 6].map(Some));
    assert_eq!(counts("without_it"), [6; 4].map(Some), "two models lack the same words");
    let told = "Compared over the 6 of 9 words that every model has under every prompt that it was asked: llama-a has 6, llama-b \
                has 6; the other 2 models have all.";
    assert_eq!(report["warnings"], serde_json::json!([told]));
    let table = stdout(home.path(), &with(&["--replicates", "0"]));
    assert!(table.starts_with("Warning: Compared over the 6 of 9 words") && table.contains("6 words, 4 prompts"), "{table}");
}

#[test]
fn the_model_that_costs_the_most_words_and_categories_without_words_are_named() {
    let models = ["gemma-a", "llama-a", "llama-b"];
    // Of the third model's words none is of Duty_Virtue.
    let home = home(&models, |m, p, w| if m == 2 && (w % 3 == 2 || w > 6) { None } else { some(m, p, w) });
    let report = json(home.path(), &with(&["--replicates", "0"]));
    assert_eq!(categories(&report), ["Care_Vice", "Care_Virtue"]);
    let told = report["warnings"].to_string();
    for naming in
        ["5 of 9 words", "llama-b has 5; the other 2 models have all", "Without llama-b it would be 9", "left of Duty_Virtue"]
    {
        assert!(told.contains(naming), "'{naming}' is not in: {told}");
    }
}

#[test]
fn models_that_share_no_words_are_refused_with_what_each_has() {
    let home = home(&["gemma-a", "llama-a"], |m, p, w| if (m == 0) == (w < 4) { some(m, p, w) } else { None });
    refused(home.path(), &with(&[]), &["0 of the 9 words", "gemma-a has 4, llama-a has 5", "--corpus", "--prompt"]);
    // One word alone has no rank that says anything.
    let home = self::home(&["gemma-a", "llama-a"], |m, p, w| if w == 4 || (m == 0) == (w < 4) { some(m, p, w) } else { None });
    refused(home.path(), &with(&[]), &["1 of the 9 words"]);
}

#[test]
fn missing_scores_are_said_and_bend_nothing() {
    // The second model lacks two words under one prompt, and one prompt altogether; nobody has "tie".
    let gaps = |m: usize, p: usize, w: usize| {
        let lacking = w == 8 || (m == 1 && (p == 3 || (p == 0 && w < 2)));
        if lacking { None } else { some(m, p, w) }
    };
    let home = home(&["gemma-a", "llama-a"], gaps);
    let report = json(home.path(), &with(&["--replicates", "0"]));
    assert_eq!((&report["words"], &report["common_words"]["of"]), (&6.into(), &8.into()), "six are common to every table");
    assert!(
        !text(serde_json::to_string(&report["cells"]).expect("cells").as_bytes()).contains("null"),
        "no cell without a number"
    );
    let partial = report["partial"].as_array().expect("partial columns");
    let told: Vec<_> = partial.iter().map(|p| (p["model"].as_str(), p["prompt"].as_str(), p["words"].as_u64())).collect();
    assert_eq!(
        told,
        [(Some("llama-a"), Some("best_ever_one"), Some(6)), (Some("llama-a"), Some("terrible_world_please"), Some(0))]
    );
    let notes = report["notes"].to_string();
    for naming in [
        "partial under 1 of 4 prompts; the fewest, 6 of 8 words, have a score under best_ever_one",
        "no score under 1 of 4 prompts",
        "1 of 9 words of the list",
    ] {
        assert!(notes.contains(naming), "'{naming}' is not in: {notes}");
    }
    let cells = report["cells"].as_array().expect("cells");
    assert_eq!(cells.len(), 4 * 3 + 3 * 3);
    // A list that shares no word with the scores is no empty report.
    std::fs::write(home.path().join("other.csv"), "word,category\nzebra,a\n").expect("a list");
    refused(home.path(), &["stats", "scores", "--corpus", "other.csv"], &["no score for any word", "--corpus"]);
}

#[test]
fn tables_fit_a_page_and_name_the_test_beside_its_stars() {
    let home = home(&["gemma-a", "gemma-b", "llama-a", "llama-b", "llama-c"], some);
    let table = stdout(home.path(), &with(&["--replicates", "99"]));
    for (number, line) in table.lines().enumerate() {
        assert!(unicode_width::UnicodeWidthStr::width(line) <= 100, "line {number}: {line}");
    }
    for naming in ["Welch t", "perm. p", "exact p", "10", "Stars", "not independent", "REML", "type II", "Notes", "n "] {
        assert!(table.contains(naming), "'{naming}' is not in:\n{table}");
    }
    let markdown = stdout(home.path(), &with(&["--replicates", "99", "--format", "markdown"]));
    assert!(markdown.contains("## Mixed model") && markdown.contains("| category | framing |"), "{markdown}");
    assert!(!markdown.contains('\u{1b}'));
    let latex = stdout(home.path(), &with(&["--replicates", "99", "--format", "latex"]));
    assert!(latex.contains("\\subsection*{Mixed model") && latex.contains("category & framing &"), "{latex}");
    assert_eq!(latex.matches("\\toprule").count(), latex.matches("\\bottomrule").count());
}

#[test]
fn the_agreement_of_all_models_is_in_json_and_in_a_picture() {
    let home = home(&["llama-a", "gemma-a", "gemma-b"], some);
    let report = json(home.path(), &with(&["--replicates", "0", "--figure", "map.svg", "--draw", "agreement"]));
    let matrix = &report["agreement_matrix"];
    let models: Vec<&str> = matrix["models"].as_array().expect("models").iter().filter_map(|of| of["model"].as_str()).collect();
    assert_eq!(models, ["gemma-a", "gemma-b", "llama-a"], "by family");
    let of = |a: &str, b: &str| -> Vec<f64> {
        let is_it = |pair: &&Value| pair["a"] == a && pair["b"] == b;
        report["agreement"].as_array().expect("pairs").iter().filter(is_it).filter_map(|pair| pair["spearman"].as_f64()).collect()
    };
    let values = of("gemma-b", "llama-a");
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    assert!((matrix["spearman"][2][1].as_f64().expect("a number") - mean).abs() < 1e-12 && matrix["rbo"][1][1] == 1.0);
    assert_eq!(matrix["map"]["points"].as_array().map(Vec::len), Some(3));
    let figure = std::fs::read_to_string(home.path().join("map.svg")).expect("a figure");
    assert!(figure.contains("Agreement of models") && figure.contains(">Kendall<") && figure.contains(">llama-a<"));
    refused(home.path(), &with(&["--draw", "agreement"]), &["--figure"]);
}

#[test]
fn every_test_of_the_list_is_shown_in_every_format() {
    let home = home(&["gemma-a", "gemma-b", "llama-a", "llama-b", "llama-c"], some);
    let report = json(home.path(), &with(&["--replicates", "99", "--figure", "panels.svg"]));
    let table = stdout(home.path(), &with(&["--replicates", "99"]));
    let markdown = stdout(home.path(), &with(&["--replicates", "99", "--format", "markdown"]));
    let latex = stdout(home.path(), &with(&["--replicates", "99", "--format", "latex"])).replace("\\%", "%");
    let figure = std::fs::read_to_string(home.path().join("panels.svg")).expect("a figure");
    for test in TESTS {
        let (key, contrasts) = (test.key, report["contrasts"].as_array().expect("contrasts"));
        for quantity in test.quantities {
            assert!(contrasts.iter().all(|contrast| contrast[key].get(quantity.key).is_some()), "{key}: {}", quantity.key);
        }
        assert_eq!(report["adjusted_for"].get(key).is_some(), test.has_p(), "{key}");
        for column in test.columns() {
            for page in [&table, &markdown, &latex] {
                assert!(page.contains(column.heading), "{key}: {}", column.heading);
            }
        }
    }
    for test in shown_tests().filter(|test| test.has_p()) {
        assert!(figure.contains(&format!(">{}", test.name)), "{}", test.key);
    }
}

#[test]
fn live_models_take_part_under_the_same_prompts() {
    let home = home(&["gemma-a", "llama-a"], some);
    let live = &["stats", "scores", "demo-llama", "demo-gemma", "--corpus", "list.csv", "--replicates", "0"];
    let report = json(home.path(), live);
    let models: Vec<&str> = report["models"].as_array().expect("models").iter().filter_map(|m| m["model"].as_str()).collect();
    assert_eq!(models, ["gemma-a", "llama-a", "demo-llama", "demo-gemma"]);
    assert_eq!(report["prompts"].as_array().expect("prompts").len(), 4);
    let of_demo = report["cells"].as_array().expect("cells").iter().filter(|cell| cell["model"] == "demo-llama").count();
    assert_eq!(of_demo, 4 * 3);
    assert!(report["mixed_model"].is_object(), "two models of each family");
}

fn notes(report: &Value) -> String {
    report["notes"].to_string()
}

#[test]
fn namesakes_are_told_apart_and_each_can_be_given_a_family() {
    let home = home(&["x"], some);
    let scores = home.path().join("scores");
    for folder in ["before", "after"] {
        std::fs::create_dir(home.path().join(folder)).expect("a folder");
        std::fs::copy(scores.join("x.csv"), home.path().join(folder).join("x.csv")).expect("copied");
    }
    let two = ["stats", "before/x.csv", "after/x.csv", "./before/../after/x.csv", "--corpus", "list.csv", "--replicates", "0"];
    let report = json(home.path(), &[&two[..], &["--family", "before/x=Gemma", "--family", "after/x=Llama"]].concat());
    let models = serde_json::json!([{ "model": "before/x", "family": "Gemma" }, { "model": "after/x", "family": "Llama" }]);
    assert_eq!(report["models"], models, "one file counts once, whatever path leads to it");
    assert!(notes(&report).contains("before/x and after/x have the same scores"), "{}", notes(&report));
    refused(home.path(), &[&two[..], &["--family", "x=Gemma"]].concat(), &["no model 'x'", "before/x, after/x"]);
}

#[test]
fn what_a_folder_has_beside_is_named() {
    let home = home(&["gemma-a", "llama-a"], some);
    let scores = home.path().join("scores");
    std::fs::copy(home.path().join("list.csv"), scores.join("dictionary.csv")).expect("copied");
    std::fs::write(scores.join("cut.parquet"), "PAR1").expect("written");
    std::fs::write(scores.join("README.txt"), "no table").expect("written");
    let report = json(home.path(), &with(&["--replicates", "0"]));
    assert_eq!(report["models"].as_array().map(Vec::len), Some(2));
    let told = notes(&report);
    for naming in ["cut.parquet: not opened: is not readable Parquet", "dictionary.csv: not opened: no recorded scores"] {
        assert!(told.contains(naming), "'{naming}' is not in: {told}");
    }
    assert!(!told.contains("README"), "{told}");
}

#[test]
fn of_several_broken_files_the_first_one_is_named() {
    let home = home(&["gemma-a", "llama-a", "llama-b"], some);
    for model in ["gemma-a", "llama-a", "llama-b"] {
        let path = home.path().join("scores").join(format!("{model}.csv"));
        // The first is the longest, and so the last to be read.
        let long = if model == "gemma-a" { 20_000 } else { 0 };
        let rows: String = (0..long).map(|i| format!("w{i},1,1,1,1\n")).collect();
        let text = std::fs::read_to_string(&path).expect("there") + &rows + "last,1,1,1,high\n";
        std::fs::write(path, text).expect("written");
    }
    for _ in 0..4 {
        let output = rewardscope(home.path(), &STATS);
        let said = text(&output.stderr);
        assert!(said.contains("gemma-a.csv") && !said.contains("llama") && said.contains("'high'"), "{said}");
        let said = text(&rewardscope(home.path(), &["score", "scores", "--prompt", KEYS[0]]).stderr);
        let at = |name: &str| said.find(name).expect("named");
        assert!(at("gemma-a.csv") < at("llama-a.csv") && at("llama-a.csv") < at("llama-b.csv"), "{said}");
    }
}

#[test]
fn the_store_is_touched_where_something_is_computed() {
    let home = home(&["gemma-a", "llama-a"], some);
    let store = home.path().join("scores.db");
    json(home.path(), &with(&["--replicates", "0"]));
    card(home.path(), &["scores/gemma-a.csv", "scores/llama-a.csv"]);
    assert!(!store.exists(), "recorded scores alone");
    let live = ["demo-llama", "--prompt", KEYS[0], "--threads", "1"];
    card(home.path(), &[&live[..], &["--no-store"]].concat());
    assert!(!store.exists());
    card(home.path(), &[&live[..], &["--store", "other.db"]].concat());
    assert!(home.path().join("other.db").exists() && !store.exists());
    let live = ["stats", "demo-llama", "--corpus", "list.csv", "--prompt", KEYS[0], "--threads", "1"];
    json(home.path(), &live);
    assert!(store.exists());
}

/// A card over the list; its notes stand on standard error as well.
#[track_caller]
fn card(home: &Path, arguments: &[&str]) -> Value {
    let output = rewardscope(home, &[&["card", "--corpus", "list.csv", "--format", "json"], arguments].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_str(&text(&output.stdout)).expect("JSON")
}

/// A column of numbers that is no prompt is said, and bends no agreement under the prompts.
#[test]
fn a_stray_column_of_numbers_is_named_and_bends_nothing() {
    let home = home(&["gemma-a", "llama-a"], some);
    let before = json(home.path(), &with(&["--replicates", "0"]));
    for model in ["gemma-a", "llama-a"] {
        let path = home.path().join("scores").join(format!("{model}.csv"));
        let mut reader = csv::Reader::from_path(&path).expect("a table");
        let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a row")).collect();
        let mut header = reader.headers().expect("a header").clone();
        header.push_field("n_tokens");
        header.push_field("Category");
        let mut writer = csv::Writer::from_path(&path).expect("a file");
        writer.write_record(&header).expect("written");
        for (i, mut row) in rows.into_iter().enumerate() {
            row.push_field(&(i * i % 5).to_string());
            row.push_field("Care");
            writer.write_record(&row).expect("written");
        }
    }
    let after = json(home.path(), &with(&["--replicates", "0"]));
    for key in ["agreement", "families", "contrasts", "dividing", "framings", "anova", "mixed_model_note"] {
        assert_eq!(before[key], after[key], "{key}");
    }
    assert_eq!(after["prompts"].as_array().map(Vec::len), Some(5));
    for naming in [
        "gemma-a, llama-a: passed over: the column Category, which holds text",
        "n_tokens, which is no known prompt",
        "(n_tokens): it has cells and takes part in nothing else",
    ] {
        assert!(notes(&after).contains(naming), "'{naming}' is not in: {}", notes(&after));
    }
    let of = ["scores/gemma-a.csv", "scores/llama-a.csv"];
    let four: Vec<&str> = of.into_iter().chain(KEYS.into_iter().flat_map(|key| ["--prompt", key])).collect();
    let (all, four) = (card(home.path(), &of), card(home.path(), &four));
    for key in ["axes", "agreement", "words_by_framing", "framings"] {
        assert_eq!(all[key], four[key], "{key}");
    }
    assert!(notes(&all).contains("left out beside prompts of known framing, as theirs is not: n_tokens"), "{}", notes(&all));
}

#[test]
fn words_that_steer_a_terminal_never_leave_as_such() {
    let home = home(&["gemma-a", "llama-a"], some);
    let steer = "x\u{9b}31m\u{202e}";
    let append = |path: &str, line: String| {
        let path = home.path().join(path);
        std::fs::write(&path, std::fs::read_to_string(&path).expect("there") + &line).expect("written");
    };
    append("list.csv", format!("{steer},Care_Vice{steer}\n"));
    append("scores/gemma-a.csv", format!("{steer},9,9,9,9\n"));
    append("scores/llama-a.csv", format!("{steer},-9,-9,-9,-9\n"));
    for format in ["json", "table", "markdown"] {
        let out = stdout(home.path(), &with(&["--replicates", "0", "--format", format]));
        assert!(!out.contains(['\u{9b}', '\u{202e}']), "{format}: {out}");
        assert!(out.contains("9b"), "{format}: it is shown as an escape");
    }
    let report = json(home.path(), &with(&["--replicates", "0"]));
    assert!(report["cells"].as_array().expect("cells").iter().any(|cell| cell["category"] == format!("Care_Vice{steer}")));
}

#[test]
fn what_cannot_be_compared_is_refused_for_the_right_reason() {
    let home = home(&["gemma-a", "llama-a"], some);
    let all = ["Care_Virtue", "Care_Vice", "Duty_Virtue"].map(|name| ["--exclude-category", name]).concat();
    refused(home.path(), &with(&all), &["every category is excluded"]);
    std::fs::write(home.path().join("kinds.csv"), "word,kind\nlove,a\nNA,b\n").expect("written");
    refused(home.path(), &["stats", "scores", "--corpus", "kinds.csv"], &["no categories", "word, kind", "column category"]);
    let output = rewardscope(home.path(), &with(&["--figure", "no/such/folder/x.svg"]));
    let said = text(&output.stderr);
    assert!(said.contains("no such folder") && said.contains("--figure") && !said.contains("--output"), "{said}");
    let utf16: Vec<u8> = "\u{feff}response,best_ever_one\nlove,1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(home.path().join("utf16.csv"), utf16).expect("written");
    refused(home.path(), &["stats", "utf16.csv", "--corpus", "list.csv"], &["iconv -f utf-16"]);
    // One cell for each model.
    std::fs::write(home.path().join("one.csv"), "word,category\nlove,a\nNA,a\nnull,a\n").expect("written");
    let one = ["stats", "scores", "--corpus", "one.csv", "--prompt", KEYS[0], "--family", "llama-a=Gemma", "--replicates", "0"];
    let report = json(home.path(), &one);
    assert!(report["anova"].is_null() && report["anova_note"].as_str().is_some_and(|note| note.contains("nothing is left")));
    std::fs::write(home.path().join("foundations.csv"), "Foundation,word\na,love\nb,NA\n").expect("written");
    assert_eq!(json(home.path(), &["stats", "scores", "--corpus", "foundations.csv"])["words"], 2);
}

#[test]
fn families_that_are_wholly_apart_have_an_exact_p_and_no_header_times_0() {
    // Gemma has the first three words on top, Llama the last three, whatever is asked.
    let models = ["gemma-a", "gemma-b", "gemma-c", "llama-a", "llama-b", "llama-c"];
    let home = home(&models, |m, _, w| Some(if m < 3 { -(w as f64) } else { w as f64 }));
    std::fs::write(home.path().join("ends.csv"), "word,category\nlove,a\nNA,a\nnull,a\nnan,b\nNone,b\ntie,b\n").expect("a list");
    let ends = ["stats", "scores", "--corpus", "ends.csv", "--replicates", "99"];
    let report = json(home.path(), &ends);
    for contrast in report["contrasts"].as_array().expect("contrasts") {
        assert_eq!(
            (&contrast["exact_models"]["splits"], &contrast["exact_models"]["p"]),
            (&20.into(), &0.1.into()),
            "{contrast}"
        );
        assert_eq!(contrast["exact_models"]["least_p"], 0.1);
        assert!(contrast["welch"].is_null() && contrast["models_interval"].is_null() && contrast["hedges_g"].is_null());
    }
    assert_eq!(report["adjusted_for"]["exact_models"], 4);
    let table = stdout(home.path(), &ends);
    assert!(table.contains("p × 4") && !table.contains("× 0"), "{table}");
}

#[test]
fn what_a_report_rests_on_is_in_its_json() {
    let home = home(&["gemma-a", "gemma-b", "llama-a", "llama-b", "llama-c"], some);
    let report = json(home.path(), &with(&["--replicates", "9", "--seed", "5"]));
    let run = &report["run"];
    assert_eq!((&run["program"], &run["version"]), (&"rewardscope".into(), &env!("CARGO_PKG_VERSION").into()));
    assert_eq!((&run["seed"], run["words"].as_array().map(Vec::len)), (&5.into(), Some(9)));
    assert_eq!(run["command"], "rewardscope stats scores --corpus list.csv --replicates 9 --seed 5 --format json");
    let files = run["files"].as_array().expect("files");
    assert_eq!(files.len(), 6, "five of scores, and the word list");
    for file in files {
        let bytes = std::fs::read(home.path().join(file["path"].as_str().expect("a path"))).expect("there");
        assert_eq!(file["blake3"], blake3::hash(&bytes).to_hex().to_string());
    }
}

#[test]
fn the_published_tests_are_named_so_and_have_no_stars() {
    // Models of a family agree, so that every p over cells is tiny.
    let models = ["gemma-a", "gemma-b", "gemma-c", "llama-a", "llama-b", "llama-c"];
    let home = home(&models, |m, p, w| Some(if m < 3 { w as f64 } else { -(w as f64) } + some(m, p, w).unwrap_or(0.0) / 8.0));
    let report = json(home.path(), &with(&["--replicates", "99"]));
    let published = &report["as_published"];
    let contrasts = report["contrasts"].as_array().expect("contrasts");
    assert_eq!(published["contrasts"].as_array().map(Vec::len), Some(contrasts.len()));
    for (of, contrast) in published["contrasts"].as_array().expect("contrasts").iter().zip(contrasts) {
        for key in ["category", "framing", "families", "difference", "welch", "permutation"] {
            assert_eq!(of[key], contrast[key], "{key}");
        }
        assert!(of.get("exact_models").is_none());
    }
    let p = |contrast: &Value| contrast["welch"]["p_bonferroni"].as_f64().expect("a p");
    assert!(contrasts.iter().any(|contrast| p(contrast) < 0.05), "there would be stars");
    for key in ["mixed_model", "anova"] {
        assert!(published[key].is_object() && published[key] == report[key], "{key}");
    }
    let table = stdout(home.path(), &with(&["--replicates", "99"]));
    for heading in ["as published, prompts as the unit", "Mixed model as published", "Analysis of variance as published"] {
        let section = table.split_once(heading).unwrap_or_else(|| panic!("'{heading}' is not in:\n{table}")).1;
        // Up to the next heading, which stands between empty lines.
        let section = section.split("\n\n").take(1).collect::<String>();
        // One alone is in the formula.
        assert!(!section.contains("**"), "{heading}: {section}");
    }
}

#[test]
fn families_are_known_by_name_and_a_name_of_two_is_said_to_be() {
    let home = home(&["gemma-a", "gemma-b", "c-qwen2.5-rm", "d-Qwen3-rm", "gemma-llama-mix"], some);
    let report = json(home.path(), &with(&["--replicates", "0"]));
    let family = |model: &str| {
        report["models"].as_array().expect("models").iter().find(|of| of["model"] == model).map(|of| of["family"].clone())
    };
    assert_eq!((family("c-qwen2.5-rm"), family("d-Qwen3-rm")), (Some("Qwen".into()), Some("Qwen".into())));
    assert_eq!(family("gemma-llama-mix"), Some("other".into()));
    assert!(notes(&report).contains("gemma-llama-mix (its name holds Gemma and Llama)"), "{}", notes(&report));
    assert_eq!(report["contrasts"][0]["families"], serde_json::json!(["Gemma", "Qwen"]));
}

#[test]
fn one_of_something_is_singular() {
    let home = home(&["gemma-a"], some);
    let table = stdout(home.path(), &with(&["--replicates", "0", "--prompt", KEYS[0]]));
    assert!(table.contains("1 model (1 Gemma)") && table.contains("1 prompt,"), "{table}");
    assert!(!table.contains("1 models") && !table.contains("1 prompts"), "{table}");
}

#[test]
fn the_framing_of_ones_own_prompts_is_given_by_an_option_and_wildcards_stand_for_scored_words() {
    let home = tempfile::tempdir().expect("a folder");
    let home = home.path();
    std::fs::create_dir(home.join("config")).expect("a folder");
    let scores = |kind: f64| {
        format!("word\tkindest=thing\tWhat is cruel?\nkindness\t{kind}\t1\nkindly\t2\t2\nwar\t1\t{kind}\npower\t0\t4\n")
    };
    let a = program::file(home, "a-llama.tsv", &scores(3.0));
    let b = program::file(home, "b-gemma.tsv", &scores(-3.0));
    let list = program::file(home, "list.csv", "word,category\nkind*,care\nwar,harm\npower,harm\n");
    let arguments = ["stats", &a, &b, "--corpus", &list];
    let found = json(home, &arguments);
    assert!(found["cells"].as_array().expect("cells").iter().all(|cell| cell["framing"].is_null()));
    let notes = |found: &Value| found["notes"].to_string();
    assert!(notes(&found).contains("--framing KEY=positive"), "{}", notes(&found));
    assert!(notes(&found).contains("1 terms that end in * stand for 2 scored words"), "{}", notes(&found));
    let framed = ["--framing", "kindest=thing=positive", "--framing", "What is cruel?=negative"];
    let found = json(home, &[&arguments[..], &framed].concat());
    let framings: Vec<&str> =
        found["cells"].as_array().expect("cells").iter().filter_map(|cell| cell["framing"].as_str()).collect();
    assert_eq!(framings.len(), 8, "two models, two categories, two prompts");
    assert!(framings.contains(&"positive") && framings.contains(&"negative"));
    assert!(!notes(&found).contains("--framing"), "{}", notes(&found));
    let with = |framing| [&arguments[..], &["--framing", framing]].concat();
    refused(home, &with("kindest_thing=positive"), &["no prompt of this comparison is called so", "'kindest=thing'"]);
    refused(home, &with("kindest=thing=good"), &["KEY=negative"]);
}
