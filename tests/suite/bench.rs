//! `rewardscope bench` from outside: what it reports, that its counts are sound, and what it refuses. No time is judged.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

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

#[track_caller]
fn report(home: &Path, arguments: &[&str]) -> Value {
    let output = rewardscope(home, &[&["bench", "--format", "json", "--repeat", "1"], arguments].concat());
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && errors.is_empty(), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn number(report: &Value, key: &str) -> f64 {
    report[key].as_f64().unwrap_or_else(|| panic!("no number {key} in {report:#}"))
}

#[test]
fn the_bundled_pair_is_measured_and_every_figure_is_there() {
    let home = tempfile::tempdir().unwrap();
    for model in ["demo-llama", "demo-gemma"] {
        let report = report(home.path(), &[model]);
        for key in [
            "seconds",
            "words_per_s",
            "tokens_per_s",
            "gflops",
            "peak_gflops",
            "share_of_peak",
            "linears_share_of_peak",
            "peak_rss_bytes",
            "checkpoint_bytes",
            "time_to_first_word_s",
            "load_s",
        ] {
            assert!(number(&report, key) > 0.0, "{key} in {report:#}");
        }
        assert_eq!((report["corpus"].as_str(), report["prompt"].as_str()), (Some("big-two"), Some("greatest_ever_one")));
        assert_eq!(report["runs"].as_array().unwrap().len(), 1);
        assert!(number(&report, "time_to_first_word_s") >= number(&report, "load_s"), "the first word comes after the load");
        assert!(report["plain_read_s"].is_null(), "compiled in: there is no file to read");
        let (run, floor) = (number(&report, "tokens_run"), number(&report, "tokens_floor"));
        assert!(run >= floor && run <= floor * 1.02, "{run} tokens run, floor {floor}");
        assert!(run * 4.0 < number(&report, "tokens_whole"), "words share their prompt");
        let sweep = report["sweep"].as_array().unwrap();
        assert_eq!(sweep.iter().map(|size| size["nodes"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 4, 16, 64, 256, 512]);
        assert!(sweep.iter().all(|size| number(size, "words_per_s") > 0.0), "{report:#}");
        assert_eq!(report["provenance"]["source"].as_str(), Some(model));
    }
}

/// The floor is a fact about ids: it can be counted without any forest, from those that `score --tokens` tells.
#[test]
fn the_floor_is_the_number_of_distinct_beginnings() {
    let home = tempfile::tempdir().unwrap();
    let words = "love\nfree\nfreedom\nfreedoms\nlove letter\nwar\n";
    fs::write(home.path().join("words.txt"), words).unwrap();
    let asked = ["--words-file", "words.txt", "--prompt", "What is best?"];
    for (model, last_runs) in [(fixture("gemma2"), 1), (fixture("llama-lm"), 0)] {
        let model = model.to_str().unwrap();
        let report = report(home.path(), &[&[model, "--sweep", "none"], &asked[..]].concat());
        let scored = rewardscope(home.path(), &[&["score", model, "--tokens", "--format", "jsonl"], &asked[..]].concat());
        let mut beginnings = std::collections::HashSet::new();
        let mut all = 0;
        for line in String::from_utf8(scored.stdout).unwrap().lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            let ids: Vec<u64> = row["token_ids"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap()).collect();
            // A language model is asked what comes after all tokens but the last.
            let run = &ids[..ids.len() - 1 + last_runs];
            beginnings.extend((1..=run.len()).map(|n| run[..n].to_vec()));
            all += run.len();
        }
        assert_eq!(number(&report, "words"), 6.0);
        assert_eq!(number(&report, "tokens_floor"), beginnings.len() as f64, "{model}");
        assert_eq!(number(&report, "tokens_whole"), all as f64, "{model}");
        assert!(number(&report, "plain_read_s") > 0.0, "these weights lie in a file");
        assert!(report["sweep"].as_array().unwrap().is_empty());
    }
}

#[test]
fn the_vocabulary_is_set_beside_what_the_corpus_predicts() {
    let home = tempfile::tempdir().unwrap();
    let report = report(home.path(), &["demo-llama", "--sweep", "none", "--vocabulary=2000", "--threads", "1"]);
    assert_eq!(number(&report, "threads"), 1.0);
    let vocabulary = &report["vocabulary"];
    let words = number(vocabulary, "words") + number(vocabulary, "unscorable");
    let (run, floor) = (number(vocabulary, "tokens_run"), number(vocabulary, "tokens_floor"));
    assert!(run >= floor && run <= 1.02 * floor, "{run} of {floor}");
    assert!((1000.0..=1536.0).contains(&words), "{words}");
    let predicted = number(vocabulary, "words") / number(&report, "words_per_s");
    assert!((number(vocabulary, "predicted_s") / predicted - 1.0).abs() < 1e-9);
    assert!((number(vocabulary, "ratio") - number(vocabulary, "seconds") / predicted).abs() < 1e-9);
}

#[test]
fn the_table_is_for_reading_and_bad_use_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let output = rewardscope(home.path(), &["bench", "demo-llama", "--repeat", "2", "--sweep", "8"]);
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{table}");
    for part in ["demo-llama", "words/s", "tokens run", "in registers", "first score", "batch size"] {
        assert!(table.contains(part), "no {part} in\n{table}");
    }
    assert!(output.stderr.is_empty(), "there is no terminal to draw progress on");
    for (arguments, naming) in [
        (&["bench"][..], "MODEL"),
        (&["bench", "demo-lama"], "demo-llama"),
        (&["bench", "demo-llama", "--threads", "0"], "--threads"),
        (&["bench", "demo-llama", "--threads", "many"], "--threads"),
        (&["bench", "demo-llama", "--repeat", "0"], "--repeat"),
        (&["bench", "demo-llama", "--sweep", "8,0"], "--sweep"),
        (&["bench", "demo-llama", "--sweep", "some"], "--sweep"),
        (&["bench", "demo-llama", "--prompt", "all"], "one is measured"),
        (&["bench", "demo-llama", "--corpus", "no-such-list"], "no-such-list"),
        (&["bench", "demo-llama", "--dtype", "f8"], "f8"),
        (&["score", "demo-llama", "--threads", "0"], "--threads"),
    ] {
        let output = rewardscope(home.path(), arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && text.contains(naming), "{arguments:?}: {text}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
    fs::write(home.path().join("scores.csv"), "response,greatest_ever_one\nlove,1.5\n").unwrap();
    let output = rewardscope(home.path(), &["bench", "scores.csv"]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && text.contains("recorded scores"), "{text}");
}

/// Two terabytes of weights by their header, in a file that takes no room on the disk.
fn huge(home: &Path) -> String {
    let folder = home.join("huge");
    fs::create_dir(&folder).unwrap();
    for name in ["config.json", "tokenizer.json", "tokenizer_config.json"] {
        fs::copy(fixture("gemma2").join(name), folder.join(name)).unwrap();
    }
    let (rows, columns) = (1_000_000_u64, 1_000_000_u64);
    let tensor = serde_json::json!({ "dtype": "BF16", "shape": [rows, columns], "data_offsets": [0, 2 * rows * columns] });
    let header = serde_json::json!({ "model.layers.0.mlp.up_proj.weight": tensor }).to_string();
    let file = fs::File::create(folder.join("model.safetensors")).unwrap();
    std::io::Write::write_all(&mut &file, &(header.len() as u64).to_le_bytes()).unwrap();
    std::io::Write::write_all(&mut &file, header.as_bytes()).unwrap();
    file.set_len(8 + header.len() as u64 + 2 * rows * columns).unwrap();
    folder.display().to_string()
}

#[test]
fn a_model_that_cannot_fit_is_refused_at_once_with_what_would() {
    let home = tempfile::tempdir().unwrap();
    let model = huge(home.path());
    for (command, dtype, taken) in [("bench", "auto", "bf16"), ("score", "f32", "f32"), ("check", "auto", "bf16")] {
        let output = rewardscope(home.path(), &[command, &model, "--dtype", dtype]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{command}: {text}");
        let bytes = if taken == "f32" { "4.0 TB" } else { "2.0 TB" };
        assert!(text.contains("needs about ") && text.contains(&format!("({bytes} of weights in {taken})")), "{command}: {text}");
        assert!(text.contains(" is free") && text.contains("or a GPU with 20"), "{command}: {text}");
    }
}

#[test]
fn the_precision_taken_is_explained_wherever_the_scores_rest_on_it() {
    let home = tempfile::tempdir().unwrap();
    let reason = |arguments: &[&str]| {
        let report = report(home.path(), &[&["demo-llama", "--sweep", "none"], arguments].concat());
        report["provenance"]["dtype_reason"].as_str().unwrap().to_owned()
    };
    assert_eq!(reason(&["--dtype", "bf16"]), "bf16 was asked for");
    let auto = reason(&[]);
    assert!(auto.starts_with("f32, the most exact, fits this machine's memory ("), "{auto}");
    let output = rewardscope(home.path(), &["score", "demo-llama", "--word", "love"]);
    assert!(String::from_utf8(output.stdout).unwrap().contains(&format!("dtype: {auto}\n")));
}
