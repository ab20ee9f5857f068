//! Scores outlive the program, whatever ends it; nothing is computed twice; two programs share one store.

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

    let (mut kills, mut homes) = (0, 0);
    // Times that are spread evenly and differ from run to run: a run that ended before it was killed counts as none.
    let mut random = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().subsec_nanos() | 1;
    while kills < 50 {
        homes += 1;
        assert!(homes <= 60, "{kills} kills in {homes} stores: runs end before they can be killed");
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
    home.run(&["store", "prune", "--unknown", "--older-than", "0", "--yes"]);
    assert_eq!(home.counted().0, 3, "a bundled model is known, and a dry run removes nothing");
    for (arguments, told) in [
        (&["store", "prune"][..], "name what to remove"),
        (&["store", "prune", "demo-llama"], "say --yes"),
        (&["store", "prune", "demo-lama", "--yes"], "no run of 'demo-lama'"),
    ] {
        let output = home.command(arguments).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && stderr.contains(told), "{arguments:?}: {stderr}");
        assert_eq!(home.counted().0, 3, "{arguments:?}");
    }
    home.run(&["store", "prune", "demo-llama", "--yes"]);
    assert_eq!(home.counted().0, 0);
}

/// A copy of the Llama fixture under `folder`.
fn copy(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/llama")).unwrap().flatten() {
        std::fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
    }
}

#[test]
fn models_that_are_there_are_not_unknown_from_wherever_one_looks() {
    let home = Home::new();
    let commit = "0123456789012345678901234567890123456789";
    let repository = home.path().join("hf/hub/models--lab--tiny");
    copy(&repository.join("snapshots").join(commit));
    std::fs::create_dir(repository.join("refs")).unwrap();
    std::fs::write(repository.join("refs/main"), commit).unwrap();
    copy(&home.path().join("copy"));
    copy(&home.path().join("gone"));
    for model in ["lab/tiny", "./copy", "./gone"] {
        home.run(&["score", model, "--word", "love"]);
    }
    // One file under three names: a repository at a commit, and two folders with the same content.
    assert_eq!(home.counted(), (2, 2));
    let elsewhere = home.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let prune = |arguments: &[&str]| {
        let output = home.command(&[&["store", "prune"], arguments].concat()).current_dir(&elsewhere).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        text(&output)
    };
    assert!(prune(&["--unknown", "--yes"]).contains("nothing in the store is meant by that"));
    let folder = home.path().join("copy").display().to_string();
    assert!(prune(&[&format!("{folder}/"), "--dry-run"]).contains("1 scores of 1 runs"), "by its place");
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::remove_dir_all(&repository).unwrap();
    assert!(prune(&["--unknown", "--yes"]).contains("removed 2 scores of 2 runs"));
}

#[test]
fn an_export_has_the_scores_that_were_asked_for_and_no_others() {
    let home = Home::new();
    copy(&home.path().join("model"));
    let export = |arguments: &[&str]| {
        let output = home.command(&[&["export", "./model"], arguments].concat()).output().unwrap();
        (output.status.code().unwrap(), text(&output), String::from_utf8(output.stderr).unwrap())
    };
    home.run(&["score", "./model", "--word", "love", "--bos", "none"]);
    // There is a run of that name, and another one is meant.
    let (status, _, told) = export(&[]);
    assert!(
        status == 1 && told.contains("run:1") && told.contains("BOS none") && told.contains("rewardscope score ./model"),
        "{told}"
    );
    let (status, none, told) = export(&["--bos", "none"]);
    assert!(status == 0 && told.is_empty(), "{told}");
    assert_eq!(home.command(&["export", "run:1"]).output().unwrap().stdout, none.as_bytes());
    home.run(&["score", "./model", "--word", "love"]);
    let (_, single, _) = export(&[]);
    assert_ne!(single, none);
    // The files are others now.
    let config = home.path().join("model/config.json");
    let changed = std::fs::read_to_string(&config).unwrap().replace("\"rms_norm_eps\": 1e-05", "\"rms_norm_eps\": 2e-05");
    std::fs::write(&config, changed).unwrap();
    let (status, table, told) = export(&[]);
    assert!(status == 1 && table.is_empty() && told.contains("as it lies here") && told.contains("run:2"), "{told}");
    // They are gone: then the name has to do, and the options say which.
    std::fs::remove_dir_all(home.path().join("model")).unwrap();
    let by_name = |arguments: &[&str]| {
        let output = home.command(&[&["export", "model"], arguments].concat()).output().unwrap();
        (output.status.code().unwrap(), text(&output), String::from_utf8(output.stderr).unwrap())
    };
    let (status, _, told) = by_name(&[]);
    assert!(status == 2 && told.contains("run:1") && told.contains("run:2"), "{told}");
    let (status, table, told) = by_name(&["--bos", "none"]);
    assert!(status == 0 && table == none && told.contains("its files are not here") && told.contains("run:1"), "{told}");
    let (status, _, told) = by_name(&["--softcap", "off"]);
    assert!(status == 2 && told.contains("no run of it with these options"), "{told}");
}

#[test]
fn what_score_wrote_goes_into_another_store_and_what_was_cut_does_not() {
    let home = Home::new();
    for (file, format) in [("long.csv", "csv"), ("long.jsonl", "jsonl")] {
        home.run(&[
            "score",
            "demo-llama",
            "--word",
            "love",
            "--word",
            "war",
            "--prompt",
            "Which one?",
            "--format",
            format,
            "-o",
            file,
        ]);
        let colleague = Home::new();
        let path = home.path().join(file);
        colleague.run(&["store", "import", path.to_str().unwrap()]);
        assert_eq!(colleague.counted(), (2, 0), "{file}");
        colleague.run(&["score", "demo-llama", "--word", "love", "--word", "war", "--prompt", "Which one?"]);
        assert_eq!(colleague.counted(), (2, 0), "{file}: nothing is left to compute");

        let sound = std::fs::read_to_string(&path).unwrap();
        let cut = sound.trim_end().rsplit_once('\n').unwrap().0.to_owned() + "\n";
        std::fs::write(&path, cut).unwrap();
        let colleague = Home::new();
        let output = colleague.command(&["store", "import", path.to_str().unwrap()]).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && told.contains("it was cut, damaged or edited"), "{told}");
        assert_eq!(colleague.counted(), (0, 0));
        // It opens all the same, and says so.
        let told = home.run(&["score", file, "--prompt", "Which one?"]).stderr;
        assert!(String::from_utf8_lossy(&told).contains("cut or edited since it was written"));
    }
}

#[test]
fn a_store_that_another_program_holds_is_waited_for_and_ctrl_c_is_not_kept_waiting() {
    let home = Home::new();
    home.run(&["score", "demo-llama", "--word", "love"]);
    let other = rusqlite::Connection::open(home.store()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut command = home.command(&["score", "demo-llama", "--word", "war"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It says what it waits for, at once.
    let mut told = String::new();
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    std::io::BufRead::read_line(&mut stderr, &mut told).unwrap();
    assert!(told.contains("another program is writing"), "{told}");
    let asked = std::time::Instant::now();
    // SAFETY: the child has not been waited for, so its id is its own.
    assert_eq!(unsafe { libc::kill(child.id() as i32, libc::SIGINT) }, 0);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    assert_eq!(home.counted(), (1, 1));

    let waiting = home.command(&["score", "demo-llama", "--word", "war"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut waiting = waiting.unwrap();
    let mut stderr = std::io::BufReader::new(waiting.stderr.take().unwrap());
    std::io::BufRead::read_line(&mut stderr, &mut told).unwrap();
    other.execute_batch("COMMIT").unwrap();
    let output = waiting.wait_with_output().unwrap();
    assert!(output.status.success() && text(&output).contains("war"));
    assert_eq!(home.counted(), (2, 2));
}

#[test]
fn an_empty_name_of_a_store_is_none_and_a_file_that_is_none_is_left_alone() {
    let home = Home::new();
    let output = home.command(&["models"]).env("REWARDSCOPE_STORE", "").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut command = home.command(&["score", "demo-llama", "--word", "love"]);
    assert!(command.env("REWARDSCOPE_STORE", "").env("XDG_DATA_HOME", home.path()).output().unwrap().status.success());
    let notes = home.path().join("notes.csv");
    std::fs::write(&notes, "word,category\nlove,good\n").unwrap();
    let output = home.run(&["score", "demo-llama", "--word", "love", "--store", "notes.csv"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("no store of scores, and left as it is") && told.contains("not kept in this run"), "{told}");
    assert_eq!(std::fs::read_to_string(&notes).unwrap(), "word,category\nlove,good\n");
}

#[test]
fn whoever_stops_reading_is_no_failure() {
    let home = Home::new();
    home.run(&["score", "demo-llama", "--word", "love"]);
    for arguments in
        [&["prompts"][..], &["models", "--format", "json"], &["store", "info"], &["score", "demo-llama", "--word", "war"]]
    {
        let mut child = home.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn what_an_export_leaves_out_and_cannot_be_is_said() {
    let home = Home::new();
    home.run(&["score", "demo-llama", "--word", "love", "--word", " love", "--prompt", "Which one?"]);
    home.run(&["score", "demo-llama", "--vocabulary", "--prompt", "Which one?", "--format", "csv", "-o", "vocabulary.csv"]);
    // Tokens alone, each with its id.
    let tokens = text(&home.run(&["export", "demo-llama", "--vocabulary"]));
    let all = text(&home.run(&["export", "demo-llama"]));
    let ids = |csv: &str| csv.lines().skip(1).filter(|row| !row.ends_with(',')).count();
    assert_eq!((ids(&tokens), ids(&all)), (tokens.lines().count() - 1, tokens.lines().count() - 1));
    assert_eq!(all.lines().count(), tokens.lines().count() + 2, "and the two words");
    let told = |arguments: &[&str], status: i32| {
        let output = home.command(&[&["export"], arguments].concat()).output().unwrap();
        assert_eq!(output.status.code(), Some(status), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let notes = told(&["demo-llama", "--prompt", "all", "--prompt", "Which one?"], 0);
    assert!(notes.lines().count() == 1 && notes.contains("and 53 more"), "one line for all prompts: {notes}");
    let pair = told(&["mwlr:demo-llama,demo-gemma"], 2);
    assert!(pair.contains("rewardscope implicit A B"), "{pair}");
    std::fs::create_dir(home.path().join("config/prompts")).unwrap();
    std::fs::write(
        home.path().join("config/prompts/mine.toml"),
        "[[prompt]]\nkey = \"response\"\ntext = \"Which one?\"\nframing = \"positive\"\n",
    )
    .unwrap();
    let taken = told(&["demo-llama", "--word", "love", "--layout", "wide"], 2);
    assert!(taken.contains("'response'") && taken.contains("--layout long"), "{taken}");
}

#[test]
fn a_run_that_is_told_to_end_says_by_what() {
    for (signal, status) in [(libc::SIGINT, 130), (libc::SIGTERM, 143), (libc::SIGHUP, 129)] {
        let home = Home::new();
        // Held, so that it is still at work when the signal comes.
        home.run(&["score", "demo-llama", "--word", "love"]);
        let other = rusqlite::Connection::open(home.store()).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let mut command = home.command(&["score", "demo-llama", "--word", "war"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut told = String::new();
        let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
        std::io::BufRead::read_line(&mut stderr, &mut told).unwrap();
        // SAFETY: the child has not been waited for, so its id is its own.
        assert_eq!(unsafe { libc::kill(child.id() as i32, signal) }, 0);
        assert_eq!(child.wait().unwrap().code(), Some(status));
    }
}
