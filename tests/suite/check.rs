//! `rewardscope check` from outside: sound models pass, and each kind of broken one fails the test that is there for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use safetensors::tensor::{SafeTensors, TensorView};
use serde_json::Value;

fn rewardscope(home: &Path, arguments: &[&str]) -> Output {
    let config = home.join("config");
    fs::create_dir_all(&config).unwrap();
    Command::new(env!("CARGO_BIN_EXE_rewardscope"))
        .args(arguments)
        .current_dir(home)
        .stdin(Stdio::null())
        .env("REWARDSCOPE_CONFIG", config)
        .env("REWARDSCOPE_STORE", home.join("scores.sqlite"))
        .env("HF_HOME", home.join("hf"))
        .env("HF_HUB_OFFLINE", "1")
        .output()
        .unwrap()
}

/// The report, and the exit status.
fn check(home: &Path, model: &str, options: &[&str]) -> (Value, i32) {
    let output = rewardscope(home, &[&["check", model, "--format", "json"], options].concat());
    let status = output.status.code().unwrap();
    let json = serde_json::from_slice(&output.stdout);
    (json.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr))), status)
}

/// Result and figure of a test.
#[track_caller]
fn outcome(report: &Value, test: &str) -> (String, String) {
    let tests = report["tests"].as_array().unwrap();
    let found = tests.iter().find(|entry| entry["test"] == test).unwrap_or_else(|| panic!("no test {test} in {report:#}"));
    let text = |key: &str| found[key].as_str().unwrap().to_owned();
    (text("result"), text("figure"))
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// A copy of the Llama fixture under another name, each tensor's bytes changed by `edit`.
fn copy(home: &Path, name: &str, edit: impl Fn(&str, &mut [u8])) -> String {
    let directory = home.join(name);
    fs::create_dir_all(&directory).unwrap();
    for entry in fs::read_dir(fixture("llama")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), directory.join(entry.file_name())).unwrap();
    }
    let path = directory.join("model.safetensors");
    let bytes = fs::read(&path).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap().tensors();
    let edited: Vec<(String, Vec<u8>)> = tensors
        .iter()
        .map(|(name, view)| {
            let mut data = view.data().to_vec();
            edit(name, &mut data);
            (name.clone(), data)
        })
        .collect();
    let views = tensors
        .iter()
        .zip(&edited)
        .map(|((_, view), (name, data))| (name.clone(), TensorView::new(view.dtype(), view.shape().to_vec(), data).unwrap()));
    fs::write(&path, safetensors::serialize(views.collect::<Vec<_>>(), None).unwrap()).unwrap();
    directory.display().to_string()
}

const SAME: [&str; 3] = ["batch = single", "prefix = whole", "company"];

#[test]
fn sound_models_pass_and_say_what_they_are() {
    let home = tempfile::tempdir().unwrap();
    let fixtures = ["gemma2", "llama-lm"].map(|name| fixture(name).display().to_string());
    for model in fixtures.into_iter().chain(["demo-llama".to_owned()]) {
        for dtype in ["f32", "bf16"] {
            let (report, status) = check(home.path(), &model, &["--dtype", dtype]);
            assert_eq!((status, &report["passed"]), (0, &Value::Bool(true)), "{model} {dtype}: {report:#}");
            for test in SAME.iter().chain(&["finite", "words differ", "bf16 ~ f32", "q8_0 ~ f32"]) {
                assert_eq!(outcome(&report, test).0, "pass", "{model} {dtype} {test}: {report:#}");
            }
            assert_eq!(outcome(&report, "good over bad").0, "report");
            let tests = report["tests"].as_array().unwrap();
            let losses: Vec<&Value> = tests.iter().filter(|entry| !entry["rank_correlation"].is_null()).collect();
            let names: Vec<&str> = losses.iter().map(|loss| loss["test"].as_str().unwrap()).collect();
            assert_eq!(names, ["bf16 ~ f32", "q8_0 ~ f32"]);
            for loss in losses {
                let figure = |key: &str| loss[key].as_f64().unwrap_or_else(|| panic!("no {key} in {loss:#}"));
                assert!((0.9..=1.0).contains(&figure("rank_correlation")), "{loss:#}");
                // Rows of the fixtures are too short for blocks of 32: those stay in f32.
                if loss["test"] == "bf16 ~ f32" || model == "demo-llama" {
                    assert!(figure("largest_difference") > 0.0 && figure("largest_difference_sd") > 0.0, "{loss:#}");
                }
            }
            assert_eq!(outcome(&report, "published").0, "skipped", "no data were given");
            let facts: Vec<&str> = report["found"].as_array().unwrap().iter().map(|f| f["what"].as_str().unwrap()).collect();
            for what in ["architecture", "head", "computed in", "memory", "parameters", "loaded in", "template", "BOS"] {
                assert!(facts.contains(&what), "{what} is not among {facts:?}");
            }
        }
    }
}

#[test]
fn the_demonstration_model_puts_good_over_bad_under_a_positive_prompt() {
    let home = tempfile::tempdir().unwrap();
    let (report, _) = check(home.path(), "demo-llama", &[]);
    let figure = outcome(&report, "good over bad").1;
    let share = |label: &str| -> f64 {
        let rest = figure.split_once(label).unwrap().1;
        rest.split('%').next().unwrap().trim().parse().unwrap()
    };
    assert!(share("positive") > share("negative") + 20.0, "{figure}");
}

#[test]
fn weights_that_are_no_numbers_fail_and_what_cannot_be_measured_is_not_passed() {
    let home = tempfile::tempdir().unwrap();
    let nan = |name: &str, data: &mut [u8]| {
        if name == "model.norm.weight" {
            data.chunks_exact_mut(4).for_each(|value| value.copy_from_slice(&f32::NAN.to_le_bytes()));
        }
    };
    let (report, status) = check(home.path(), &copy(home.path(), "nan", nan), &[]);
    assert_eq!((status, &report["passed"]), (1, &Value::Bool(false)));
    let (result, figure) = outcome(&report, "finite");
    assert!(result == "fail" && figure.contains("NaN"), "{figure}");
    for test in SAME {
        assert_eq!(outcome(&report, test).0, "skipped");
    }
}

#[test]
fn a_head_that_says_the_same_of_every_word_fails() {
    let home = tempfile::tempdir().unwrap();
    let zero = |name: &str, data: &mut [u8]| {
        if name == "score.weight" {
            data.fill(0);
        }
    };
    let (report, status) = check(home.path(), &copy(home.path(), "constant", zero), &[]);
    assert_eq!(status, 1);
    let (result, figure) = outcome(&report, "words differ");
    assert!(result == "fail" && figure.contains("at least 1 distinct"), "{figure}");
    assert_eq!(outcome(&report, "finite").0, "pass", "a constant is a number");
}

#[test]
fn published_scores_are_met_where_there_are_some() {
    let home = tempfile::tempdir().unwrap();
    let name = "Ray2333_GRM-Llama3-8B-rewardmodel-ft";
    let model = copy(home.path(), name, |_, _| {});
    let prompt = "What, in one word, is the greatest thing ever?";
    let words = ["love", "war", "table", "ice cream", "freedom"];
    let asked: Vec<&str> = words.iter().flat_map(|word| ["--word", word]).collect();
    let scored = rewardscope(home.path(), &[&["score", &model, "--prompt", prompt, "--format", "jsonl"], &asked[..]].concat());
    assert!(scored.status.success(), "{}", String::from_utf8_lossy(&scored.stderr));
    let rows: Vec<Value> = String::from_utf8(scored.stdout).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let lines: String =
        rows.iter().map(|row| format!("{},{}\n", row["word"].as_str().unwrap(), row["score"].as_f64().unwrap() + 0.25)).collect();
    let data = home.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join(format!("big2_rewards_{name}.csv")), format!("response,greatest_ever_one\n{lines}")).unwrap();

    let (report, status) = check(home.path(), &model, &["--published", "data"]);
    let (result, figure) = outcome(&report, "published");
    assert_eq!((result.as_str(), status), ("report", 0));
    assert_eq!(figure, "rank correlation 1.0000, median absolute difference 0.2500, 1 prompts, 5 words");

    let (report, _) = check(home.path(), "demo-llama", &["--published", "data"]);
    assert_eq!(outcome(&report, "published").0, "skipped", "the demonstration model is none of the ten");
}

#[test]
fn the_table_ends_with_a_count_and_bad_use_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let output = rewardscope(home.path(), &["check", "demo-gemma"]);
    let table = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{table}");
    assert!(table.contains("meaning") && table.trim_end().ends_with("7 passed, 0 failed, 1 skipped"), "{table}");
    for (arguments, status, naming) in [
        (&["check", "demo-lama"][..], 2, "demo-llama"),
        (&["check", "demo-llama", "--published", "nowhere"], 2, "nowhere"),
        (&["check"], 2, "MODEL"),
    ] {
        let output = rewardscope(home.path(), arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(status) && text.contains(naming), "{text}");
    }
}

#[test]
fn a_tokenizer_that_breaks_off_is_an_error_and_no_crash() {
    let home = tempfile::tempdir().unwrap();
    let model = copy(home.path(), "broken", |_, _| {});
    let path = Path::new(&model).join("tokenizer.json");
    let mut tokenizer: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    // The library looks for what the two make together beyond the longest token that there is.
    let tokens = tokenizer["model"]["vocab"].as_object().unwrap().keys();
    let longest = tokens.max_by_key(|token| token.len()).unwrap().clone();
    tokenizer["model"]["merges"].as_array_mut().unwrap().push(serde_json::json!([longest, longest]));
    fs::write(&path, tokenizer.to_string()).unwrap();
    for command in ["check", "bench"] {
        let output = rewardscope(home.path(), &[command, &model]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{command}: {said}");
        assert!(said.contains("the computation broke off"), "{command}: {said}");
    }
}
