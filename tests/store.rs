//! Scores outlive the program, whatever ends it; nothing is computed twice; two programs share one store.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rewardscope::scores::store::Store;

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("config")).unwrap();
        Home(home)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn store(&self) -> PathBuf {
        self.path().join("scores.sqlite")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rewardscope"));
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null());
        command.env("REWARDSCOPE_CONFIG", self.path().join("config")).env("REWARDSCOPE_STORE", self.store());
        command.env("HF_HOME", self.path().join("hf")).env("HF_HUB_OFFLINE", "1");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Scores in the store, and how many were computed to get there.
    fn counted(&self) -> (usize, usize) {
        if !self.store().exists() {
            return (0, 0);
        }
        let runs = Store::open(&self.store()).unwrap().0.runs().unwrap();
        (runs.iter().map(|run| run.scores).sum(), runs.iter().map(|run| run.computed).sum())
    }
}

const RUN: [&str; 11] = [
    "score",
    "demo-llama",
    "demo-gemma",
    "--corpus",
    "big-two",
    "--prompt",
    "best_ever_one",
    "--prompt",
    "worst_ever_one",
    "--format",
    "jsonl",
];

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn killed_fifty_times_a_run_loses_nothing_and_ends_the_same() {
    let calm = Home::new();
    let whole = text(&calm.run(&RUN));
    let rows = whole.lines().count();
    assert_eq!(calm.counted(), (rows, rows));

    let mut kills = 0;
    // Times that are spread evenly and differ from run to run: a run that ended before it was killed counts as none.
    let mut random = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().subsec_nanos() | 1;
    while kills < 50 {
        let home = Home::new();
        let mut before = 0;
        let mut told: Vec<String> = Vec::new();
        for _ in 0..50 {
            let mut child = home.start(&RUN);
            random ^= random << 13;
            random ^= random >> 17;
            random ^= random << 5;
            std::thread::sleep(Duration::from_millis(u64::from(20 + random % 180)));
            let ended = child.try_wait().unwrap().is_some();
            child.kill().unwrap();
            let output = child.wait_with_output().unwrap();
            // The last line may be cut off.
            let seen: Vec<&str> = output
                .stdout
                .split(|&b| b == b'\n')
                .filter_map(|l| std::str::from_utf8(l).ok())
                .filter(|l| l.ends_with('}'))
                .collect();
            assert!(seen.iter().zip(&told).all(|(now, then)| now == then), "what was told once is told again");
            if seen.len() > told.len() {
                told = seen.iter().map(|line| (*line).to_owned()).collect();
            }
            let (scores, computed) = home.counted();
            assert_eq!(scores, computed, "none is computed twice");
            assert!(scores >= before && scores >= told.len(), "{scores} in the store; {before} were there");
            before = scores;
            kills += usize::from(!ended);
            if ended || kills == 50 {
                break;
            }
        }
        let ended = text(&home.run(&RUN));
        assert!(ended.lines().zip(&told).all(|(now, then)| now == then), "what was told before it was killed stands");
        assert_eq!(ended, whole);
        assert_eq!(home.counted(), (rows, rows));
        assert_eq!(text(&home.run(&RUN)), ended);
    }
}

#[test]
fn two_programs_fill_one_store_at_once() {
    let calm = Home::new();
    let whole = text(&calm.run(&RUN));
    let home = Home::new();
    let children = [home.start(&RUN), home.start(&RUN), home.start(&RUN)];
    let told = children.map(|child| {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        text(&output)
    });
    // Whichever computed a score first, all tell the same one.
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0], told[2]);
    assert_eq!(told[0], whole);
    assert_eq!(home.counted().0, whole.lines().count());
    assert_eq!(Store::open(&home.store()).unwrap().0.runs().unwrap().len(), 2);
}

#[test]
fn what_is_known_is_told_without_loading_and_only_the_rest_is_computed() {
    let home = Home::new();
    home.run(&["score", "demo-llama", "--word", "love", "--word", "war"]);
    assert_eq!(home.counted(), (2, 2));
    let table = text(&home.run(&["score", "demo-llama", "--word", "love", "--word", "peace"]));
    assert!(table.contains("demo-llama@") && table.contains("f32"), "{table}");
    assert_eq!(home.counted(), (3, 3));
    let again = text(&home.run(&["score", "demo-llama", "--word", "love", "--word", "peace"]));
    assert_eq!(again, table, "the heading too");
    assert_eq!(home.counted(), (3, 3));
    // Another policy is another number.
    for options in [["--bos", "none"], ["--dtype", "bf16"], ["--template-date", "2020-01-01"], ["--store", "other.sqlite"]] {
        home.run(&[&["score", "demo-llama", "--word", "love"], &options[..]].concat());
    }
    assert_eq!(home.counted(), (6, 6));
    home.run(&["score", "demo-llama", "--word", "new", "--no-store"]);
    assert_eq!(home.counted(), (6, 6));
}

#[test]
fn a_changed_file_is_another_model() {
    let home = Home::new();
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/demo-llama");
    let copy = home.path().join("copy");
    std::fs::create_dir(&copy).unwrap();
    for entry in std::fs::read_dir(models).unwrap().flatten() {
        std::fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
    }
    let score = |word: &str| text(&home.run(&["score", "./copy", "--word", word, "--format", "csv"]));
    let first = score("love");
    assert_eq!(score("love"), first);
    assert_eq!(home.counted(), (1, 1));
    // The same bytes elsewhere are the same model.
    std::fs::rename(&copy, home.path().join("moved")).unwrap();
    home.run(&["score", "./moved", "--word", "love"]);
    assert_eq!(home.counted(), (1, 1));
    std::fs::rename(home.path().join("moved"), &copy).unwrap();
    let weights = copy.join("model.safetensors");
    let mut bytes = std::fs::read(&weights).unwrap();
    let last = bytes.len() - 2;
    bytes[last] ^= 0x40;
    std::fs::write(&weights, bytes).unwrap();
    score("love");
    assert_eq!(home.counted(), (2, 2));
}

#[test]
fn a_store_that_cannot_be_used_is_told_of_and_the_run_goes_on() {
    let home = Home::new();
    std::fs::write(home.store(), b"garbage").unwrap();
    let output = home.run(&["score", "demo-llama", "--word", "love"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("damaged") && told.contains("set aside"), "{told}");
    assert!(text(&output).contains("love"));
    assert_eq!(home.counted(), (1, 1));

    std::fs::create_dir(home.path().join("folder")).unwrap();
    let output = home.run(&["score", "demo-llama", "--word", "love", "--store", "folder"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("Scores are not kept in this run"), "{told}");
}

#[test]
fn a_run_goes_to_a_colleague_as_a_table_or_whole_and_can_be_removed() {
    let home = Home::new();
    home.run(&["score", "demo-llama", "--word", "love", "--word", "NA", "--word", "ice, cream", "--prompt", "Mine, \"or\" not?"]);
    let told = text(&home.run(&["score", "demo-llama", "--word", "love", "--prompt", "Mine, \"or\" not?", "--format", "jsonl"]));
    let score = serde_json::from_str::<serde_json::Value>(&told).unwrap()["score"].as_f64().unwrap();
    home.run(&["store", "export", "demo-llama", "-o", "whole.sqlite"]);
    for (file, layout) in [("long.csv", "long"), ("long.parquet", "long"), ("wide.jsonl", "wide")] {
        home.run(&["export", "demo-llama", "--layout", layout, "-o", file]);
        let again = home.command(&["export", "demo-llama", "-o", file]).output().unwrap();
        assert!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("not overwritten"));
        // As a recorded model, with what it rests on.
        let table = text(&home.run(&["score", file, "--prompt", "Mine, \"or\" not?"]));
        assert!(table.contains("recorded, not live") && table.contains("f32 · cpu") && table.contains("ice, cream"), "{table}");
        let rows = text(&home.run(&["score", file, "--word", "love", "--prompt", "Mine, \"or\" not?", "--format", "jsonl"]));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&rows).unwrap()["score"].as_f64(), Some(score), "{file}");
    }
    // Into another store, where the same model then needs no computing.
    for file in ["long.csv", "long.parquet", "wide.jsonl", "whole.sqlite"] {
        let colleague = Home::new();
        let file = home.path().join(file);
        colleague.run(&["store", "import", file.to_str().unwrap()]);
        assert_eq!(colleague.counted(), (3, 0), "{}", file.display());
        let prompt = ["--word", "love", "--prompt", "Mine, \"or\" not?", "--format", "jsonl"];
        assert_eq!(text(&colleague.run(&[&["score", "demo-llama"], &prompt[..]].concat())), told);
        assert_eq!(colleague.counted(), (3, 0));
    }
    let info: serde_json::Value = serde_json::from_str(&text(&home.run(&["store", "info", "--format", "json"]))).unwrap();
    assert_eq!([&info["models"], &info["prompts"], &info["words"], &info["scores"]], [1, 1, 3, 3]);
    home.run(&["store", "prune", "demo-llama", "--dry-run"]);
    home.run(&["store", "prune", "--unknown", "--older-than", "0"]);
    assert_eq!(home.counted().0, 3, "a bundled model is known, and a dry run removes nothing");
    assert!(!home.command(&["store", "prune"]).output().unwrap().status.success(), "not everything by default");
    home.run(&["store", "prune", "demo-llama"]);
    assert_eq!(home.counted().0, 0);
}
