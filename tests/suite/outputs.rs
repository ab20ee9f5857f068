//! What `-o FILE` does to what FILE is, of every command that writes one.
#![cfg(unix)]
use std::os::unix::fs::{FileTypeExt as _, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Home(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rewardscope"));
        command.args(arguments).current_dir(self.path()).env("HOME", self.path()).stdin(Stdio::null());
        for (name, folder) in [("XDG_CONFIG_HOME", "config"), ("XDG_DATA_HOME", "data"), ("XDG_CACHE_HOME", "cache")] {
            command.env(name, self.path().join(folder));
        }
        command.env("XDG_STATE_HOME", self.path().join("state")).env_remove("REWARDSCOPE_STORE").env("HF_HUB_OFFLINE", "1");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program starts")
    }

    /// Runs what must succeed.
    fn done(&self, arguments: &[&str]) -> Output {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", told(&output));
        output
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).expect(name)
    }

    fn has(&self, name: &str) -> bool {
        std::fs::symlink_metadata(self.path().join(name)).is_ok()
    }
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const SCORE: [&str; 7] = ["score", "demo-llama", "--word", "love", "--format", "csv", "-o"];

/// Every command that writes a file, without the name, which it ends with.
fn writers(home: &Home) -> Vec<(Vec<&'static str>, &'static str)> {
    let steps = "response,step-1,step-2\nlove,1,2\nwar,2,1\n";
    std::fs::write(home.path().join("steps.csv"), steps).expect("a training");
    std::fs::write(home.path().join("list.csv"), "word,category\nlove,good\nwar,bad\nhate,bad\njoy,good\n").expect("a list");
    let recorded = "response,greatest_ever_one,worst_ever_one\nlove,4,1\nwar,1,4\nhate,2,3\njoy,3,2\n";
    std::fs::write(home.path().join("recorded-llama.csv"), recorded).expect("scores");
    let logs = "response,greatest_ever_one\nlove,-4\nwar,-1\n";
    for name in ["a.csv", "b.csv"] {
        std::fs::write(home.path().join(name), logs).expect("log-probabilities");
    }
    home.done(&["score", "demo-llama", "--word", "love"]);
    vec![
        (vec!["score", "demo-llama", "--word", "love", "-o"], "x.csv"),
        (vec!["export", "demo-llama", "-o"], "x.csv"),
        (vec!["export", "demo-llama", "-o"], "x.parquet"),
        (vec!["store", "export", "-o"], "x.sqlite"),
        (vec!["implicit", "a.csv", "b.csv", "-o"], "x.csv"),
        (vec!["implicit", "a.csv", "b.csv", "--figure"], "x.svg"),
        (vec!["ablation", "steps.csv", "--corpus", "list.csv", "-o"], "x.csv"),
        (vec!["ablation", "steps.csv", "--corpus", "list.csv", "--figure"], "x.svg"),
        (vec!["card", "recorded-llama.csv", "--corpus", "list.csv", "-o"], "x.md"),
        (vec!["stats", "recorded-llama.csv", "--corpus", "list.csv", "--replicates", "0", "--figure"], "x.svg"),
    ]
}

#[test]
fn no_command_overwrites_a_file_unasked_and_every_one_does_when_told() {
    let home = Home::new();
    for (arguments, file) in writers(&home) {
        std::fs::write(home.path().join(file), "theirs").expect("a file");
        let arguments = [&arguments[..], &[file]].concat();
        let refused = home.run(&arguments);
        assert_eq!(refused.status.code(), Some(1), "{arguments:?}: {}", told(&refused));
        for naming in [file, "not overwritten", "--force"] {
            assert!(told(&refused).contains(naming), "{arguments:?}: '{naming}' is not in: {}", told(&refused));
        }
        assert_eq!(home.read(file), "theirs", "{arguments:?}");
        home.done(&[&arguments[..], &["--force"]].concat());
        assert!(!std::fs::read(home.path().join(file)).expect("a file").starts_with(b"theirs"), "{arguments:?}");
        for file in [file.to_owned(), format!("{file}.provenance.json")] {
            let _ = std::fs::remove_file(home.path().join(file));
        }
        home.done(&arguments);
        for file in [file.to_owned(), format!("{file}.provenance.json")] {
            let _ = std::fs::remove_file(home.path().join(file));
        }
        let left: Vec<_> = std::fs::read_dir(home.path()).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
        assert!(left.iter().all(|name| !name.to_string_lossy().contains(".partial")), "{arguments:?}: {left:?}");
    }
}

#[test]
fn a_file_that_is_there_is_refused_before_the_work_begins() {
    let home = Home::new();
    std::fs::write(home.path().join("x.csv"), "theirs").expect("a file");
    // Of a model that would have to be downloaded, nothing is asked.
    let output = home.run(&["score", "lab/nowhere", "--word", "love", "-o", "x.csv"]);
    assert!(told(&output).contains("not overwritten") && !told(&output).contains("HF_HUB_OFFLINE"), "{}", told(&output));
}

#[test]
fn the_target_of_a_link_is_written_and_opens_with_its_provenance_by_either_name() {
    let home = Home::new();
    std::fs::create_dir(home.path().join("runs")).expect("a folder");
    symlink("runs/a.csv", home.path().join("latest.csv")).expect("a link");
    home.done(&[&SCORE[..], &["latest.csv"]].concat());
    assert_eq!(home.run(&[&SCORE[..], &["latest.csv"]].concat()).status.code(), Some(1));
    home.done(&[&SCORE[..], &["latest.csv", "--force"]].concat());
    assert!(std::fs::symlink_metadata(home.path().join("latest.csv")).expect("there").is_symlink());
    for name in ["latest.csv", "runs/a.csv"] {
        let table = String::from_utf8(home.done(&["score", name]).stdout).expect("UTF-8");
        assert!(table.contains("recorded, not live") && table.contains("f32 · cpu"), "{name}: {table}");
    }
    assert!(home.has("runs/a.csv.provenance.json") && !home.has("latest.csv.provenance.json"));
}

#[test]
fn a_pipe_and_standard_output_are_written_to_and_get_nothing_beside_them() {
    let home = Home::new();
    let made = Command::new("mkfifo").arg(home.path().join("pipe.csv")).status().expect("mkfifo");
    assert!(made.success());
    let reader = Command::new("cat").arg(home.path().join("pipe.csv")).stdout(Stdio::piped()).spawn().expect("cat");
    let output = home.done(&[&SCORE[..], &["pipe.csv"]].concat());
    assert!(told(&output).contains("pipe.csv: no plain file"), "{}", told(&output));
    let read = reader.wait_with_output().expect("it ends").stdout;
    assert!(String::from_utf8_lossy(&read).starts_with("model,prompt,word"));
    assert!(std::fs::symlink_metadata(home.path().join("pipe.csv")).expect("there").file_type().is_fifo());
    symlink("/dev/stdout", home.path().join("out.csv")).expect("a link");
    for name in ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "out.csv"] {
        let output = home.done(&[&SCORE[..], &[name]].concat());
        assert!(String::from_utf8_lossy(&output.stdout).starts_with("model,prompt,word"), "{name}: {}", told(&output));
    }
    // A file behind standard output is the shell's, and stays the one that it opened.
    let file = std::fs::File::create(home.path().join("redirected")).expect("a file");
    let ended = home.command(&[&SCORE[..], &["/dev/stdout"]].concat()).stdout(file).status().expect("the program starts");
    assert!(ended.success() && home.read("redirected").starts_with("model,prompt,word"));
    let names = ["pipe.csv.provenance.json", "out.csv.provenance.json", "redirected.provenance.json", "-", "-.provenance.json"];
    assert!(names.iter().all(|name| !home.has(name)));
    assert!(!Path::new("/dev/stdout.provenance.json").exists());
    home.done(&["score", "demo-llama", "--word", "love"]);
    let refused = home.run(&["store", "export", "-o", "/dev/null"]);
    assert!(refused.status.code() == Some(1) && told(&refused).contains("a store is a file of its own"), "{}", told(&refused));
}

#[test]
fn two_programs_that_write_one_file_leave_a_whole_one_with_its_own_provenance() {
    let home = Home::new();
    let words: String = (0..300).map(|i| format!("word{i}\n")).collect();
    std::fs::write(home.path().join("many.txt"), words).expect("words");
    let many = ["score", "demo-llama", "--no-store", "--words-file", "many.txt", "-o", "x.csv", "--force"];
    let few = ["score", "demo-gemma", "--no-store", "--word", "love", "-o", "x.csv", "--force"];
    for _ in 0..3 {
        let running =
            [&many[..], &few, &many, &few].map(|arguments| home.command(arguments).spawn().expect("the program starts"));
        for mut child in running {
            assert!(child.wait().expect("it ends").success());
        }
        let rows = home.read("x.csv").lines().count();
        assert!(rows == 301 || rows == 2, "{rows} lines");
        let beside: Value = serde_json::from_str(&home.read("x.csv.provenance.json")).expect("JSON");
        assert_eq!(beside["checksum"]["rows"], rows - 1);
        let table = home.done(&["score", "x.csv"]);
        assert!(!told(&table).contains("cut or edited"), "{}", told(&table));
    }
}

#[test]
fn scores_that_were_changed_since_they_were_written_are_told_of_by_every_command_that_opens_them() {
    let home = Home::new();
    let pair =
        ["score", "demo-llama", "--corpus", "big-two", "--prompt", "greatest_ever_one", "--prompt", "worst_ever_one", "-o"];
    home.done(&[&pair[..], &["c.csv"]].concat());
    let sound = home.read("c.csv");
    let score = sound.lines().nth(1).and_then(|row| row.split(',').nth(4)).expect("a score").to_owned();
    std::fs::write(home.path().join("c.csv"), sound.replacen(&score, "9.5", 1)).expect("changed");
    for arguments in [
        &["score", "c.csv"][..],
        &["export", "c.csv"],
        &["stats", "c.csv", "--corpus", "big-two", "--replicates", "0"],
        &["card", "c.csv", "--corpus", "big-two"],
    ] {
        let output = home.done(arguments);
        // `stats` prints its notes with the report.
        let all = [told(&output), String::from_utf8_lossy(&output.stdout).into_owned()].concat();
        assert!(all.contains("cut or edited since it was written"), "{arguments:?}: {}", told(&output));
    }
    let refused = home.run(&["store", "import", "c.csv"]);
    assert!(told(&refused).contains("cut, damaged or edited"), "{}", told(&refused));
    // Without a checksum, nothing says that the scores are those that were written.
    let mut beside: Value = serde_json::from_str(&home.read("c.csv.provenance.json")).expect("JSON");
    beside.as_object_mut().expect("an object").remove("checksum");
    std::fs::write(home.path().join("c.csv.provenance.json"), beside.to_string()).expect("written");
    let refused = home.run(&["store", "import", "c.csv"]);
    assert!(!refused.status.success() && told(&refused).contains("checksum"), "{}", told(&refused));
}

#[test]
fn score_and_export_write_the_same_rows() {
    let home = Home::new();
    std::fs::write(home.path().join("list.csv"), "word,category\n\"ice, cream\",good\nwar,bad\n\u{202e}joy,good\n")
        .expect("a list");
    let same = |options: &[&str], format: &str| {
        let (scored, exported) = (format!("scored.{format}"), format!("exported.{format}"));
        home.done(&[&["score", "demo-llama"][..], options, &["--force", "-o", &scored]].concat());
        home.done(&[&["export", "demo-llama"][..], options, &["--force", "-o", &exported]].concat());
        let scored = home.read(&scored);
        assert!(scored.lines().count() > 2, "{scored}");
        assert_eq!(rows_of(&scored, &[]), rows_of(&home.read(&exported), &EXPORTED_ALONE), "{options:?} as {format}");
    };
    let prompts = ["--prompt", "greatest_ever_one", "--prompt", "worst_ever_one"];
    for format in ["csv", "jsonl"] {
        same(&[&["--corpus", "list.csv"][..], &prompts].concat(), format);
    }
    let folder = format!("{}/tests/fixtures/llama-lm", env!("CARGO_MANIFEST_DIR"));
    for format in ["csv", "jsonl"] {
        let (scored, exported) = (format!("tokens.{format}"), format!("tokens-exported.{format}"));
        home.done(&["score", &folder, "--vocabulary", "-o", &scored]);
        home.done(&["export", &folder, "--vocabulary", "-o", &exported]);
        assert_eq!(rows_of(&home.read(&scored), &[])[0], rows_of(&home.read(&exported), &EXPORTED_ALONE)[0], "{format}");
    }
}

/// Columns that `export` adds, for those who analyse several models.
const EXPORTED_ALONE: [&str; 2] = ["family", "framing"];

/// The names of the columns and the cells of each row, in their order, but for some columns, all of which are there.
fn rows_of(table: &str, without: &[&str]) -> Vec<Vec<String>> {
    let keep = |names: &[String]| -> Vec<usize> {
        assert!(without.iter().all(|name| names.iter().any(|column| column == name)), "{names:?}");
        (0..names.len()).filter(|&at| !without.contains(&names[at].as_str())).collect()
    };
    let json: Result<Vec<serde_json::Map<String, Value>>, _> = table.lines().map(serde_json::from_str).collect();
    let rows: Vec<Vec<String>> = match json {
        Ok(rows) => {
            let names: Vec<String> = rows[0].keys().cloned().collect();
            let cells = |row: serde_json::Map<String, Value>| row.values().map(Value::to_string).collect();
            [names].into_iter().chain(rows.into_iter().map(cells)).collect()
        }
        Err(_) => {
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(table.as_bytes());
            reader.records().map(|row| row.expect("CSV").iter().map(str::to_owned).collect()).collect()
        }
    };
    let kept = keep(&rows[0]);
    rows.iter().map(|row| kept.iter().map(|&at| row[at].clone()).collect()).collect()
}

#[test]
fn what_an_implicit_reward_rests_on_has_the_checksum_of_its_file() {
    let home = Home::new();
    writers(&home);
    home.done(&["implicit", "a.csv", "b.csv", "-o", "x.csv"]);
    let beside: Value = serde_json::from_str(&home.read("x.csv.provenance.json")).expect("JSON");
    assert_eq!(beside["checksum"]["rows"], 2, "{beside}");
    assert!(!told(&home.done(&["score", "x.csv"])).contains("cut or edited"));
}

#[test]
fn notes_that_nobody_can_read_do_not_end_the_program_in_another_way() {
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
    let home = Home::new();
    let refused = home.command(&["score", "nonexist"]).stderr(full()).status().expect("the program starts");
    assert_eq!(refused.code(), Some(2));
    std::fs::write(home.path().join("twice.txt"), "love\nlove\n").expect("words");
    let scored = home.command(&["score", "demo-llama", "--words-file", "twice.txt", "--store", "."]).stderr(full()).status();
    assert_eq!(scored.expect("the program starts").code(), Some(0));
    for arguments in [&["score", "demo-llama", "--word", "love"][..], &["models"], &["export", "demo-llama"], &["doctor"]] {
        home.done(&["score", "demo-llama", "--word", "love"]);
        let output = home.command(arguments).stdout(full()).stderr(Stdio::piped()).output().expect("the program starts");
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", told(&output));
        assert!(told(&output).contains("standard output"), "{arguments:?}: {}", told(&output));
    }
}

#[test]
fn a_full_disk_is_an_error_that_leaves_no_half_file() {
    let home = Home::new();
    let words: String = (0..3000).map(|i| format!("word{i}\n")).collect();
    std::fs::write(home.path().join("many.txt"), words).expect("words");
    // A limit on the size of files stands for the end of the disk; its signal is ignored, so that a write fails as there.
    let shell = "trap '' XFSZ; ulimit -f 32; exec \"$0\" score demo-llama --no-store --words-file many.txt -o x.csv";
    let output = Command::new("sh")
        .args(["-c", shell, env!("CARGO_BIN_EXE_rewardscope")])
        .current_dir(home.path())
        .env("HOME", home.path())
        .output()
        .expect("sh");
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(told(&output).contains("x.csv: cannot be written"), "{}", told(&output));
    assert!(!home.has("x.csv") && !home.has("x.csv.provenance.json"));
}

#[test]
fn scores_written_to_a_file_say_which_prompts_their_keys_mean() {
    let home = Home::new();
    home.done(&["score", "demo-llama", "--word", "love", "--format", "csv", "-o", "out.csv"]);
    let provenance: Value = serde_json::from_str(&home.read("out.csv.provenance.json")).expect("JSON");
    let text = "What, in one word, is the greatest thing ever?";
    assert_eq!(provenance["prompts"][0], serde_json::json!({ "label": "greatest_ever_one", "text": text }));
    assert_eq!(provenance["models"][0]["model"], "demo-llama");
    // A table with a row for each score is of the model that it names.
    std::fs::rename(home.path().join("out.csv"), home.path().join("renamed.csv")).expect("renamed");
    let rows = String::from_utf8(home.done(&["score", "renamed.csv", "--format", "jsonl"]).stdout).expect("UTF-8");
    assert!(rows.contains("\"model\":\"demo-llama\""), "{rows}");
}
