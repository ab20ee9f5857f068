//! The study's published scores, opened as its readers would open them, against the numbers computed from them elsewhere.
//!
//! The data is not part of this repository. `cargo test --test suite paper:: -- --ignored` looks for it in the folder that
//! `REWARDSCOPE_PUBLISHED` names, else in `../shared/paper` beside this repository. Nothing here uses the program's own
//! ranks or medians.
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
    use rewardscope::catalogue::Catalogue;
    use rewardscope::recorded;
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
    use rewardscope::catalogue::Catalogue;
    use rewardscope::recorded;
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

/// The object that `rewardscope stats --format json` writes.
fn stats(arguments: &[&str]) -> Value {
    let home = tempfile::tempdir().unwrap();
    let dictionary = published("dict_big2_nouns.csv");
    let output = Command::new(env!("CARGO_BIN_EXE_rewardscope"))
        .arg("stats")
        .arg(published("big_two"))
        .args(["--corpus", dictionary.to_str().unwrap(), "--format", "json"])
        .args(arguments)
        .env("REWARDSCOPE_CONFIG", home.path())
        .env("REWARDSCOPE_STORE", home.path().join("scores.sqlite"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn reference() -> Value {
    serde_json::from_slice(&std::fs::read(published("reference_big_two.json")).unwrap()).unwrap()
}

/// The one element of a list whose texts are these.
fn find<'a>(list: &'a Value, texts: &[(&str, &str)]) -> &'a Value {
    let found: Vec<&Value> =
        list.as_array().unwrap().iter().filter(|entry| texts.iter().all(|(key, text)| entry[*key] == *text)).collect();
    assert_eq!(found.len(), 1, "{texts:?}");
    found[0]
}

#[track_caller]
fn close(found: &Value, expected: &Value, tolerance: f64) {
    let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
    assert!((found - expected).abs() <= tolerance * expected.abs().max(1.0), "{found} for {expected}");
}

#[test]
#[ignore = "needs the published data"]
fn statistics_of_the_ten_models_hold_every_cell_and_summary_of_the_study() {
    let (report, reference) = (stats(&["--replicates", "0"]), reference());
    assert_eq!((report["words"].as_u64(), report["cells"].as_array().unwrap().len()), (Some(263), 1080));
    assert_eq!(report["prompts"].as_array().unwrap().len(), 54);
    let dictionary = std::fs::read_to_string(published("dict_big2_nouns.csv")).unwrap();
    let category_of: BTreeMap<&str, &str> = dictionary
        .lines()
        .skip(1)
        .map(|line| line.split_once(',').unwrap())
        .map(|(category, word)| (word.trim_matches('"'), category.trim_matches('"')))
        .collect();
    for (nickname, stem, family) in MODELS {
        let (keys, words) = file(stem);
        let words: Vec<(&str, Vec<f64>)> =
            words.iter().filter_map(|(word, scores)| Some((*category_of.get(word.as_str())?, scores.clone()))).collect();
        assert_eq!(words.len(), 263);
        for (column, key) in keys.iter().enumerate() {
            let scores: Vec<f64> = words.iter().map(|(_, scores)| scores[column]).collect();
            for category in ["Agency", "Communion"] {
                let own = (0..263).filter(|&at| words[at].0 == category).map(|at| rank(&scores, at));
                let cell = find(&report["cells"], &[("model", nickname), ("category", category), ("prompt", key)]);
                assert_eq!(cell["median_rank"].as_f64().unwrap(), median(own.collect()), "{nickname} {key} {category}");
                assert_eq!(cell["family"], family);
                let negative = ["worst", "bad", "terrible"].contains(&key.split('_').next().unwrap());
                assert_eq!(cell["framing"], if negative { "negative" } else { "positive" });
                assert_eq!(cell["words"], if category == "Agency" { 104 } else { 159 });
            }
        }
    }
    for expected in reference["per_model"].as_array().unwrap() {
        let text = |key: &str| expected[key].as_str().unwrap();
        let keys = [("model", text("model_id")), ("category", text("category")), ("framing", text("framing"))];
        let found = find(&report["models_summary"], &keys);
        assert_eq!(found["n"], expected["n"]);
        ["mean", "sd", "se"].iter().for_each(|key| close(&found[key], &expected[key], 1e-12));
    }
    for expected in reference["per_family"].as_array().unwrap() {
        for (family, key) in [("Gemma", "gemma"), ("Llama", "llama")] {
            let (category, framing) = (expected["category"].as_str().unwrap(), expected["framing"].as_str().unwrap());
            let found = find(&report["families"], &[("family", family), ("category", category), ("framing", framing)]);
            assert_eq!(found["n"], expected[key]["n"]);
            ["mean", "sd", "se"].iter().for_each(|number| close(&found[number], &expected[key][number], 1e-12));
        }
    }
}

#[test]
#[ignore = "needs the published data"]
fn tests_between_the_families_are_the_studys() {
    let (report, reference) = (stats(&["--replicates", "9999", "--seed", "7"]), reference());
    assert_eq!(report["contrasts"].as_array().unwrap().len(), 4);
    for row in reference["tests"]["rows"].as_array().unwrap() {
        let keys = [("category", row["category"].as_str().unwrap()), ("framing", row["framing"].as_str().unwrap())];
        let found = find(&report["contrasts"], &keys);
        let welch = &row["welch"];
        close(&found["difference"], &welch["diff_llama_minus_gemma"], 1e-12);
        // The reference gives t of Gemma minus Llama.
        let t = -welch["t_gemma_minus_llama"].as_f64().unwrap();
        close(&found["welch"]["t"], &t.into(), 1e-12);
        close(&found["welch"]["df"], &welch["df"], 1e-12);
        for (ours, theirs) in [("p", "p_welch_two_sided"), ("p_bonferroni", "p_welch_bonferroni")] {
            let (ours, theirs) = (found["welch"][ours].as_f64().unwrap(), welch[theirs].as_f64().unwrap());
            assert!((ours - theirs).abs() <= 1e-9 * theirs, "{ours} for {theirs}: relative, as p are small");
        }
        let exact = &row["exact_model_level"];
        assert_eq!(found["exact_models"]["splits"], 210);
        assert_eq!(found["exact_models"]["p"], exact["p_exact_welch_t"]);
        assert_eq!(found["exact_models"]["p_bonferroni"].as_f64(), exact["p_exact_welch_t_bonferroni"].as_f64());
        close(&found["exact_models"]["p_welch"], &exact["p_welch"], 1e-9);
        // Two estimates of one probability, from 9,999 and 99,999 divisions: four standard errors, and one division.
        let (p, theirs) = (found["permutation"]["p"].as_f64().unwrap(), row["perm_99999"]["p_plus_one"].as_f64().unwrap());
        let error = (theirs * (1.0 - theirs) * (1.0 / 9_999.0 + 1.0 / 99_999.0)).sqrt();
        assert!((p - theirs).abs() < 4.0 * error + 1e-4, "{keys:?}: {p} for {theirs}");
        assert_eq!((&found["permutation"]["replicates"], &found["permutation"]["seed"]), (&9999.into(), &7.into()));
    }
}

#[test]
#[ignore = "needs the published data"]
fn the_mixed_model_is_the_exact_one() {
    let (report, reference) = (stats(&["--replicates", "0"]), reference());
    let (found, exact) = (&report["mixed_model"], &reference["mixed_model"]["exact_reml"]);
    close(&found["intercept_variance"], &exact["random_intercept_var"], 1e-9);
    close(&found["residual_variance"], &exact["residual_var"], 1e-9);
    close(&found["log_likelihood"], &exact["reml_loglik"], 1e-9);
    assert_eq!((&found["n"], &found["groups"]), (&exact["n_obs"], &exact["n_groups"]));
    let terms = exact["fixed"].as_array().unwrap();
    assert_eq!(found["fixed"].as_array().unwrap().len(), terms.len());
    for (found, expected) in found["fixed"].as_array().unwrap().iter().zip(terms) {
        let named = expected["term"].as_str().unwrap();
        let named = named.replace("base_modelLlama", "family[Llama]").replace("CategoryCommunion", "category[Communion]");
        assert_eq!(found["term"], named.replace("prompt_framingnegative", "framing[negative]"));
        assert_eq!(found["df"].as_f64(), expected["df"].as_f64());
        ["estimate", "se", "t"].iter().for_each(|key| close(&found[key], &expected[key], 1e-9));
        let (p, theirs) = (found["p"].as_f64().unwrap(), expected["p"].as_f64().unwrap());
        assert!((p - theirs).abs() <= 1e-7 * theirs, "{named}: {p} for {theirs}");
    }
}

/// The authors state sizes and sources of their runs elsewhere than in the files; `--data` says them.
#[test]
#[ignore = "needs the published data"]
fn the_final_medians_of_every_training_are_the_studys() {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_rewardscope"))
        .arg("ablation")
        .arg(published("ablation"))
        .args(["--data", "rank_results_uf_54=53,uf,BT", "--data", "rank_results_sky_80k=77,skywork,BT"])
        .args(["--data", "rank_results_uf_13=,,BT", "--data", "rank_results_uf_27.csv=27k,,BT"])
        .args(["--data", "rank_results_grm_80k=550,uf+skywork", "--format", "json"])
        .env("REWARDSCOPE_CONFIG", home.path())
        .env("REWARDSCOPE_STORE", home.path().join("scores.sqlite"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let reference: Value = serde_json::from_slice(&std::fs::read(published("reference_ablation.json")).unwrap()).unwrap();
    let key = |of: &Value, names: [&str; 8]| -> Vec<Value> {
        names.iter().map(|name| of[name].as_f64().map_or_else(|| of[name].clone(), Value::from)).collect()
    };
    let ours = ["data_size_k", "data_source", "method", "file", "model", "family", "category", "checkpoint"];
    let theirs = ["data_size_k", "data_source", "method", "file", "model_id", "base_model", "category", "checkpoint"];
    let (found, expected) = (found["final"].as_array().unwrap(), reference["final"].as_array().unwrap());
    assert_eq!(found.len(), expected.len());
    for of in expected {
        let same = found.iter().find(|other| key(other, ours) == key(of, theirs));
        let median = same.unwrap_or_else(|| panic!("no {of}"))["median_rank"].as_f64();
        assert_eq!(median, of["median_rank"].as_f64(), "{of}");
    }
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("rank_results_uf_27.csv and rank_results_uf_13.csv hold the same numbers"), "{said}");
}
