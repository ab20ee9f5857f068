//! The study's published scores, opened as its readers would open them, against the numbers computed from them elsewhere.
//!
//! The data is not part of this repository. `cargo test --test paper -- --ignored` looks for it in the folder that
//! `REWARDSCOPE_PUBLISHED` names, else in `../shared/paper` beside this repository. Nothing here uses the program's own
//! ranks or medians.
#![allow(clippy::unwrap_used)] // helpers of tests: a failure is the test's failure

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// Nickname, file stem, family: as the study's table has them.
const MODELS: [(&str, &str, &str); 10] = [
    ("N-Gem-27B", "nicolinho_QRM-Gemma-2-27B", "Gemma"),
    ("S-Gem-27B-v0.2", "Skywork_Skywork-Reward-Gemma-2-27B-v0.2", "Gemma"),
    ("S-Gem-27B", "Skywork_Skywork-Reward-Gemma-2-27B", "Gemma"),
    ("R-Gem-2B", "Ray2333_GRM-gemma2-2B-rewardmodel-ft", "Gemma"),
    ("S-Lla-8B-v0.2", "Skywork_Skywork-Reward-Llama-3.1-8B-v0.2", "Llama"),
    ("N-Lla-8B", "nicolinho_QRM-Llama3.1-8B", "Llama"),
    ("L-Lla-8B", "LxzGordon_URM-LLaMa-3.1-8B", "Llama"),
    ("R-Lla-8B", "Ray2333_GRM-Llama3-8B-rewardmodel-ft", "Llama"),
    ("R-Lla-3B", "Ray2333_GRM-Llama3.2-3B-rewardmodel-ft", "Llama"),
    ("F-Lla-8B-v0.1", "RLHFlow_ArmoRM-Llama3-8B-v0.1", "Llama"),
];

fn published(name: &str) -> PathBuf {
    let folder = std::env::var_os("REWARDSCOPE_PUBLISHED").map(PathBuf::from);
    folder.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/paper")).join(name)
}

/// One line of `rewardscope score --format jsonl`.
struct Row {
    word: String,
    categories: Vec<String>,
    score: f64,
    rank: f64,
}

/// Rows by model and prompt, in the order they were printed.
fn score(arguments: &[&str]) -> BTreeMap<(String, String), Vec<Row>> {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_rewardscope"))
        .arg("score")
        .arg(published("big_two"))
        .args(arguments)
        .args(["--format", "jsonl"])
        .env("REWARDSCOPE_CONFIG", home.path())
        .env("REWARDSCOPE_STORE", home.path().join("scores.sqlite"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut groups: BTreeMap<_, Vec<Row>> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| row[key].as_str().unwrap().to_owned();
        groups.entry((text("model"), text("prompt"))).or_default().push(Row {
            word: text("word"),
            categories: serde_json::from_value(row["categories"].clone()).unwrap(),
            score: row["score"].as_f64().unwrap(),
            rank: row["rank"].as_f64().unwrap(),
        });
    }
    groups
}

/// A published CSV file: prompt keys, and each word with its scores. The files quote nothing.
fn file(stem: &str) -> (Vec<String>, Vec<(String, Vec<f64>)>) {
    let text = std::fs::read_to_string(published("big_two").join(format!("big2_rewards_{stem}.csv"))).unwrap();
    let mut lines = text.lines().map(|line| line.split(','));
    let keys = lines.next().unwrap().skip(1).map(str::to_owned).collect();
    let rows = lines.map(|mut cells| (cells.next().unwrap().to_owned(), cells.map(|cell| cell.parse().unwrap()).collect()));
    (keys, rows.collect())
}

/// The place that `scores[at]` takes, by counting: those above it, and half of those beside it.
fn rank(scores: &[f64], at: usize) -> f64 {
    let above = scores.iter().filter(|&&score| score > scores[at]).count();
    let equal = scores.iter().filter(|&&score| score == scores[at]).count();
    above as f64 + (equal as f64 + 1.0) / 2.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0
}

#[test]
#[ignore = "needs the published data"]
fn ten_models_give_265_words_with_the_published_scores_and_their_ranks() {
    let groups = score(&["--prompt", "greatest_ever_one"]);
    let models: BTreeSet<&str> = groups.keys().map(|(model, _)| model.as_str()).collect();
    assert_eq!(models, MODELS.iter().map(|(nickname, ..)| *nickname).collect());
    for (nickname, stem, _) in MODELS {
        let (keys, words) = file(stem);
        let column = keys.iter().position(|key| key == "greatest_ever_one").unwrap();
        let rows = &groups[&(nickname.to_owned(), "greatest_ever_one".to_owned())];
        assert_eq!((rows.len(), words.len()), (265, 265), "{nickname}");
        let scores: Vec<f64> = words.iter().map(|(_, scores)| scores[column]).collect();
        for (at, (row, (word, _))) in rows.iter().zip(&words).enumerate() {
            assert_eq!(row.word, *word, "{nickname}");
            // One model stands as Parquet as well, with all the digits that its CSV rounds to nine.
            assert!(
                (row.score - scores[at]).abs() <= 5e-9 * scores[at].abs(),
                "{nickname} {word}: {} for {}",
                row.score,
                scores[at]
            );
            assert_eq!(row.rank, rank(&scores, at), "{nickname} {word}");
        }
    }
}

#[test]
#[ignore = "needs the published data"]
fn over_the_published_dictionary_the_median_ranks_are_the_studys() {
    let dictionary = published("dict_big2_nouns.csv");
    let groups = score(&["--prompt", "all", "--corpus", dictionary.to_str().unwrap()]);
    assert_eq!(groups.len(), 10 * 54);
    let reference: Value = serde_json::from_slice(&std::fs::read(published("reference_big_two.json")).unwrap()).unwrap();
    let mut cells: BTreeMap<(String, String, &str), Vec<f64>> = BTreeMap::new();
    for ((model, prompt), rows) in &groups {
        assert_eq!(rows.len(), 263, "{model} {prompt}");
        let negative = ["worst", "bad", "terrible"].contains(&prompt.split('_').next().unwrap());
        for (category, n) in [("Agency", 104), ("Communion", 159)] {
            let ranks: Vec<f64> = rows.iter().filter(|row| row.categories == [category]).map(|row| row.rank).collect();
            assert_eq!(ranks.len(), n, "{model} {prompt} {category}");
            let framing = if negative { "negative" } else { "positive" };
            cells.entry((model.clone(), category.to_owned(), framing)).or_default().push(median(ranks));
        }
    }
    let expected = reference["per_model"].as_array().unwrap();
    assert_eq!((cells.len(), expected.len()), (40, 40));
    for cell in expected {
        let text = |key: &str| cell[key].as_str().unwrap();
        let framing = if text("framing") == "negative" { "negative" } else { "positive" };
        let medians = &cells[&(text("model_id").to_owned(), text("category").to_owned(), framing)];
        let n = medians.len() as f64;
        let mean = medians.iter().sum::<f64>() / n;
        let sd = (medians.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
        assert_eq!(Some(medians.len() as u64), cell["n"].as_u64());
        for (name, value) in [("mean", mean), ("sd", sd)] {
            let published = cell[name].as_f64().unwrap();
            assert!((value - published).abs() < 1e-9, "{cell}: {name} is {value}");
        }
    }
}

#[test]
#[ignore = "needs the published data"]
fn every_prompt_of_every_file_is_one_of_the_54_and_has_all_its_words() {
    let groups = score(&["--prompt", "all"]);
    assert_eq!(groups.values().map(Vec::len).collect::<BTreeSet<_>>(), BTreeSet::from([265]));
    let prompts = |model: &str| -> BTreeSet<String> {
        groups.keys().filter(|(m, _)| m == model).map(|(_, prompt)| prompt.clone()).collect()
    };
    for (nickname, stem, _) in MODELS {
        assert_eq!(prompts(nickname), file(stem).0.into_iter().collect(), "{nickname}");
    }
}

#[test]
#[ignore = "needs the published data"]
fn a_recorded_model_has_the_family_and_nickname_of_the_study_and_stands_once() {
    use rewardscope::model::catalogue::Catalogue;
    use rewardscope::scores::recorded;
    let catalogue = Catalogue::builtin().unwrap();
    let found: BTreeSet<(String, String)> = recorded::list_dir(&published("big_two"))
        .iter()
        .map(|path| {
            let (name, family, recorded) = recorded::read(path, &catalogue).unwrap();
            assert_eq!(recorded.notes, [""; 0], "{name}");
            assert!(recorded.prompts.iter().all(|prompt| prompt.factors.is_some()), "{name}: a prompt is unknown");
            (name, family.to_string())
        })
        .collect();
    assert_eq!(found, MODELS.iter().map(|(nickname, _, family)| ((*nickname).to_owned(), (*family).to_owned())).collect());
}

/// Half precision leaves many ties; digits that a file rounds away must neither make nor break one.
#[test]
#[ignore = "needs the published data"]
fn the_parquet_and_the_csv_of_a_model_rank_words_alike() {
    use rewardscope::model::catalogue::Catalogue;
    use rewardscope::scores::recorded;
    let catalogue = Catalogue::builtin().unwrap();
    let stem = published("big_two").join("big2_rewards_Ray2333_GRM-gemma2-2B-rewardmodel-ft");
    let read = |extension: &str| recorded::read(&stem.with_extension(extension), &catalogue).unwrap().2;
    let (parquet, csv) = (read("parquet"), read("csv"));
    assert_eq!((&parquet.words, &parquet.prompts), (&csv.words, &csv.prompts));
    for ((exact, rounded), prompt) in parquet.scores.iter().zip(&csv.scores).zip(&csv.prompts) {
        for at in 0..exact.len() {
            assert_eq!(rank(exact, at), rank(rounded, at), "{} {}", prompt.label(), csv.words[at]);
        }
    }
}
