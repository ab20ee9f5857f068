//! The program from outside, without a screen: what it prints, where, and with which status.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The program with folders of its own and no network.
fn rewardscope(home: &Path, arguments: &[&str]) -> Output {
    command(home, arguments).output().expect("the program starts")
}

fn command(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rewardscope"));
    command
        .args(arguments)
        .current_dir(home)
        .stdin(Stdio::null())
        .env("REWARDSCOPE_CONFIG", home.join("config"))
        .env("REWARDSCOPE_STORE", home.join("scores.sqlite"))
        .env("HF_HOME", home.join("hf"))
        .env("HF_HUB_OFFLINE", "1")
        .env_remove("HF_TOKEN")
        .env_remove("HF_HUB_CACHE");
    command
}

fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a temporary folder");
    std::fs::create_dir(home.path().join("config")).expect("a folder");
    home
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

fn rows(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", stderr(output));
    stdout(output).lines().map(|line| serde_json::from_str(line).expect("a JSON row")).collect()
}

/// A failure names what it must, is one paragraph, and shows neither a panic nor a backtrace.
#[track_caller]
fn assert_refused(output: &Output, status: i32, naming: &[&str]) {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(status), "{text}");
    for name in naming {
        assert!(text.contains(name), "'{name}' is not named in: {text}");
    }
    assert!(!text.contains("panicked") && !text.contains("RUST_BACKTRACE"), "{text}");
    assert!(!text.trim().contains("\n\n"), "more than a paragraph: {text}");
}

#[test]
fn without_a_terminal_the_explorer_says_how_to_run_headless() {
    let home = home();
    let output = rewardscope(home.path(), &[]);
    assert_refused(&output, 2, &["terminal", "rewardscope score"]);
    assert!(output.stdout.is_empty());
}

#[test]
fn a_row_has_the_documented_keys_and_ranks_are_within_model_and_prompt() {
    let home = home();
    let words = ["--word", "love", "--word", "murder", "--word", " love", "--word", "victory"];
    let output = rewardscope(
        home.path(),
        &[
            &["score", "demo-llama", "demo-gemma", "--prompt", "best_ever_one", "--prompt", "What is new?", "--format", "jsonl"],
            &words[..],
        ]
        .concat(),
    );
    let rows = rows(&output);
    assert_eq!(rows.len(), 2 * 2 * 4);
    let keys: Vec<&String> = rows[0].as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["model", "prompt", "word", "categories", "score", "rank"]);
    for (at, (model, prompt)) in [
        ("demo-llama", "best_ever_one"),
        ("demo-llama", "What is new?"),
        ("demo-gemma", "best_ever_one"),
        ("demo-gemma", "What is new?"),
    ]
    .into_iter()
    .enumerate()
    {
        let group = &rows[at * 4..at * 4 + 4];
        assert!(group.iter().all(|row| row["model"] == model && row["prompt"] == prompt));
        let words: Vec<&str> = group.iter().map(|row| row["word"].as_str().expect("text")).collect();
        assert_eq!(words, ["love", "murder", " love", "victory"], "the order of the list is kept");
        let ranks: f64 = group.iter().map(|row| row["rank"].as_f64().expect("a number")).sum();
        assert_eq!(ranks, 10.0);
        for a in group {
            for b in group {
                let (score, rank) = (|r: &Value| r["score"].as_f64(), |r: &Value| r["rank"].as_f64());
                assert_eq!(score(a) > score(b), rank(a) < rank(b), "a higher reward has a lower rank");
            }
        }
    }
    // Both templates trim the answer: the two words are one conversation, so they tie.
    assert_eq!(rows[0]["score"], rows[2]["score"]);
    assert_eq!(rows[0]["rank"], rows[2]["rank"]);
}

#[test]
fn bos_policies_are_visible_in_the_tokens() {
    let home = home();
    let tokens = |bos: &str| {
        let output =
            rewardscope(home.path(), &["score", "demo-llama", "--word", "love", "--bos", bos, "--tokens", "--format", "jsonl"]);
        let ids: Vec<u64> = rows(&output)[0]["token_ids"].as_array().expect("ids").iter().filter_map(Value::as_u64).collect();
        ids
    };
    let (single, published, none) = (tokens("single"), tokens("published"), tokens("none"));
    assert_eq!(published[0], published[1], "the published way doubles the first token");
    assert_eq!(published[1..], single);
    assert_eq!(single[1..], none);
}

#[test]
fn a_live_model_takes_the_default_corpus_and_prompt() {
    let home = home();
    let rows = rows(&rewardscope(home.path(), &["score", "demo-gemma", "--format", "jsonl"]));
    assert!(rows.len() >= 240);
    assert!(rows.iter().all(|row| row["prompt"] == "greatest_ever_one"));
    assert!(rows.iter().all(|row| !row["categories"].as_array().expect("a list").is_empty()));
}

#[test]
fn scores_do_not_depend_on_the_other_words_or_their_order() {
    let home = home();
    let score = |words: &[&str]| {
        let mut arguments = vec!["score", "demo-llama", "--format", "jsonl"];
        arguments.extend(words.iter().flat_map(|word| ["--word", *word]));
        let rows = rows(&rewardscope(home.path(), &arguments));
        rows.iter()
            .map(|row| (row["word"].as_str().expect("text").to_owned(), row["score"].as_f64().expect("a number")))
            .collect::<Vec<_>>()
    };
    let together = score(&["love", "freedom", "free", "a", "incomprehensibility", "hate"]);
    let mut backwards = score(&["hate", "incomprehensibility", "a", "free", "freedom", "love"]);
    backwards.reverse();
    for ((word, a), (_, b)) in together.iter().zip(&backwards) {
        assert!((a - b).abs() < 1e-5, "{word}: {a} and {b}");
        let alone = score(&[word])[0].1;
        assert!((a - alone).abs() < 1e-5, "{word}: {a} together, {alone} alone");
    }
}

#[test]
fn an_output_file_appears_whole_with_its_provenance() {
    let home = home();
    let output = rewardscope(home.path(), &["score", "demo-llama", "--word", "love", "-o", "scores.csv"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(output.stdout.is_empty());
    let csv = std::fs::read_to_string(home.path().join("scores.csv")).expect("the file");
    assert!(csv.starts_with("model,prompt,word,categories,score,rank\ndemo-llama,greatest_ever_one,love,"), "{csv}");
    let side = std::fs::read_to_string(home.path().join("scores.csv.provenance.json")).expect("the provenance");
    let side: Value = serde_json::from_str(&side).expect("JSON");
    let provenance = &side["models"][0]["provenance"];
    for key in ["source", "revision", "dtype", "bos", "template", "head"] {
        assert!(provenance[key].is_string(), "{key} is missing in {provenance}");
    }
    assert!(!home.path().join("scores.csv.partial").exists());
}

#[test]
fn bad_input_is_refused_in_one_paragraph() {
    let home = home();
    let write = |name: &str, content: &[u8]| {
        let path = home.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, content).expect("a file");
    };
    write("ragged.csv", b"word,category\nlove,a\nhate,b,c\n");
    write("latin1.txt", b"caf\xe9\n");
    write("empty.txt", b"");
    write("invalid/config.json", b"{ \"architectures\": [");
    write("bert/config.json", b"{ \"architectures\": [\"BertForSequenceClassification\"], \"hidden_size\": 8 }");
    write("nothing/readme.txt", b"hello");
    let cases: [(&[&str], i32, &[&str]); 15] = [
        (&["score", "./no-such-folder", "--word", "a"], 2, &["no-such-folder"]),
        (&["score", "demo-lama", "--word", "a"], 2, &["demo-lama", "demo-llama"]),
        (&["score", "S-Gem-72B", "--word", "a"], 2, &["S-Gem-72B", "S-Gem-27B"]),
        (&["score", "./nothing", "--word", "a"], 2, &["nothing", "config.json"]),
        (&["score", "./invalid", "--word", "a"], 1, &["config.json", "line 1"]),
        (&["score", "./bert", "--word", "a"], 1, &["BertForSequenceClassification", "This version runs Llama"]),
        (&["score", "demo-llama", "--corpus", "ragged.csv"], 2, &["ragged.csv", "3"]),
        (&["score", "demo-llama", "--words-file", "latin1.txt"], 2, &["latin1.txt", "UTF-8"]),
        (&["score", "demo-llama", "--corpus", "empty.txt"], 2, &["empty.txt", "no words"]),
        (&["score", "demo-llama", "--corpus", "big-tow"], 2, &["big-tow", "big-two"]),
        (&["score", "demo-llama", "--prompt", "greatest_evr_one"], 2, &["greatest_evr_one", "greatest_ever_one"]),
        (&["score", "demo-llama", "--word", ""], 1, &["tokenizes to nothing"]),
        (&["score", "demo-llama", "--word", "a", "-o", "no/such/folder/x.csv"], 1, &["no/such/folder/x.csv", "--output"]),
        (&["score", "demo-llama", "--word", "a", "-o", "x.parquet"], 2, &["x.parquet", ".csv, .jsonl, .txt"]),
        (&["--store", "x.sqlite", "score", "demo-llama"], 2, &["the command goes first", "rewardscope score"]),
    ];
    for (arguments, status, naming) in cases {
        assert_refused(&rewardscope(home.path(), arguments), status, naming);
    }
}

#[test]
fn a_reward_that_is_no_number_is_an_error_that_names_the_word() {
    let home = home();
    let directory = home.path().join("nan");
    std::fs::create_dir(&directory).expect("a folder");
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/llama")).expect("the fixture") {
        let entry = entry.expect("a file");
        std::fs::copy(entry.path(), directory.join(entry.file_name())).expect("a copy");
    }
    // safetensors: the length of the header in eight bytes, the header, the data.
    let file = directory.join("model.safetensors");
    let mut bytes = std::fs::read(&file).expect("weights");
    let length = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
    let header: Value = serde_json::from_slice(&bytes[8..8 + length]).expect("a header");
    let start = 8 + length + header["score.weight"]["data_offsets"][0].as_u64().expect("an offset") as usize;
    bytes[start..start + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(&file, bytes).expect("weights");
    let output = rewardscope(home.path(), &["score", "./nan", "--word", "love"]);
    assert_refused(&output, 1, &["nan", "'love'", "NaN", "--dtype f32"]);
    assert!(output.stdout.is_empty(), "no score is written");
}

#[test]
fn one_model_that_fails_leaves_the_others_scored() {
    let home = home();
    std::fs::create_dir(home.path().join("broken")).expect("a folder");
    std::fs::write(home.path().join("broken/config.json"), "{}").expect("a file");
    let output = rewardscope(home.path(), &["score", "./broken", "demo-llama", "--word", "love", "--format", "jsonl"]);
    assert_refused(&output, 1, &["broken"]);
    assert_eq!(stdout(&output).lines().count(), 1);
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let home = home();
    let mut child = command(home.path(), &["score", "demo-llama", "--prompt", "all", "--format", "jsonl"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(stderr(&output), "");
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_keeps_what_was_finished_and_ends_with_130() {
    let home = home();
    // Enough words that it cannot be done before the signal.
    let words: String = (0..30_000).map(|i| format!("word{i}\n")).collect();
    std::fs::write(home.path().join("many.txt"), words).expect("a file");
    let arguments = ["score", "demo-llama", "--words-file", "many.txt", "--prompt", "all", "-o", "out.csv", "--format", "csv"];
    let child = command(home.path(), &arguments).stderr(Stdio::piped()).spawn().expect("the program starts");
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(killed.success());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert!(stderr(&output).contains("out.csv.partial"), "{}", stderr(&output));
    assert!(home.path().join("out.csv.partial").exists() && !home.path().join("out.csv").exists());
}

/// Nobody reads its output, so that it waits in the middle of a row.
#[cfg(unix)]
#[test]
fn a_second_interrupt_ends_a_run_that_is_stuck() {
    use std::os::fd::AsRawFd as _;
    use std::os::unix::process::ExitStatusExt as _;
    let home = home();
    let arguments = ["score", "demo-llama", "--prompt", "all", "--format", "jsonl", "--no-store"];
    let mut child =
        command(home.path(), &arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the program starts");
    let unread = child.stdout.take().expect("a pipe");
    let started = std::time::Instant::now();
    let pause = || {
        assert!(started.elapsed() < std::time::Duration::from_secs(120), "it goes on and on");
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    let mut waiting = 0;
    // A pipe is full before it holds 64 kB to the byte.
    while waiting < 30_000 {
        pause();
        // SAFETY: the pipe is open, and the call only fills in the number.
        unsafe { libc::ioctl(unread.as_raw_fd(), libc::FIONREAD, &mut waiting) };
    }
    let end = loop {
        if let Some(end) = child.try_wait().expect("it can be asked") {
            break end;
        }
        // SAFETY: takes numbers alone; the child is not reaped yet.
        unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
        pause();
    };
    // By its own hand where it was not stuck yet.
    assert!(end.signal() == Some(libc::SIGINT) || end.code() == Some(130), "{end:?}");
}

/// The shell's `ulimit -f`, and a file that grows beyond it.
#[cfg(unix)]
#[test]
fn a_file_that_may_not_grow_is_an_error_and_not_the_end() {
    let home = home();
    let run =
        format!("ulimit -f 2; exec '{}' score demo-llama --no-store --format csv -o out.csv", env!("CARGO_BIN_EXE_rewardscope"));
    let output = Command::new("sh")
        .args(["-c", &run])
        .current_dir(home.path())
        .env("REWARDSCOPE_CONFIG", home.path().join("config"))
        .env("HF_HUB_OFFLINE", "1")
        .output()
        .expect("a shell");
    assert_refused(&output, 1, &["out.csv"]);
}

#[test]
fn lists_name_what_can_be_used() {
    let home = home();
    for (command, naming) in [
        ("models", &["demo-llama", "demonstration", "S-Gem-27B-v0.2", "Ray2333/GRM-gemma2-2B-rewardmodel-ft"][..]),
        ("corpora", &["big-two", "moral-foundations", "agency"]),
        ("prompts", &["greatest_ever_one", "terrible_time_please", "What, in one word, is the most good thing in the world?"]),
        ("themes", &["default"]),
        ("doctor", &["memory", "cache"]),
    ] {
        let output = rewardscope(home.path(), &[command]);
        assert!(output.status.success(), "{command}: {}", stderr(&output));
        for name in naming {
            assert!(stdout(&output).contains(name), "{command} does not name {name}: {}", stdout(&output));
        }
        let output = rewardscope(home.path(), &[command, "--format", "json"]);
        serde_json::from_str::<Value>(&stdout(&output)).unwrap_or_else(|error| panic!("{command}: {error}"));
    }
    let prompts: Value =
        serde_json::from_str(&stdout(&rewardscope(home.path(), &["prompts", "--format", "json"]))).expect("JSON");
    assert_eq!(prompts.as_array().map(Vec::len), Some(54));
}

/// A fixture: `llama-lm`.
fn fixture(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name).display().to_string()
}

/// The score of a word, and the provenance of its model.
fn scored(home: &Path, model: &str, options: &[&str]) -> (f64, Value) {
    let arguments = [&["score", model, "--word", "love", "--format", "jsonl", "--force", "-o", "out.jsonl"], options].concat();
    let output = rewardscope(home, &arguments);
    assert!(output.status.success(), "{}", stderr(&output));
    let read = |name: &str| -> Value {
        serde_json::from_str(&std::fs::read_to_string(home.join(name)).expect("the file")).expect("JSON")
    };
    let side = read("out.jsonl.provenance.json");
    (read("out.jsonl")["score"].as_f64().expect("a number"), side["models"][0]["provenance"].clone())
}

#[test]
fn policies_change_scores_and_stand_in_the_provenance() {
    let home = home();
    let gemma = fixture("gemma2");
    let (usual, provenance) = scored(home.path(), &gemma, &[]);
    assert_eq!(provenance["attention_softcap"], "on");
    assert_eq!(provenance["rewards_rounded_to"], Value::Null);
    let (uncapped, provenance) = scored(home.path(), &gemma, &["--softcap", "off"]);
    assert_eq!(provenance["attention_softcap"], "off");
    assert!((usual - uncapped).abs() > 1e-4, "{usual} with and {uncapped} without soft-cap");
    let (rounded, provenance) = scored(home.path(), &gemma, &["--reference-rounding"]);
    assert_eq!(provenance["rewards_rounded_to"], "bf16");
    assert!(rounded != usual && (rounded - usual).abs() <= usual.abs() / 256.0, "{rounded} for {usual}");
    assert_eq!(f64::from((rounded as f32).to_bits() & 0xffff), 0.0, "{rounded} is no bf16 number");
}

#[test]
fn a_policy_without_anything_to_act_on_is_named() {
    let home = home();
    let arguments = ["score", &fixture("llama"), "--word", "love", "--softcap", "off", "--template-date", "2026-11-23"];
    let output = rewardscope(home.path(), &arguments);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("no attention soft-cap"), "{}", stderr(&output));
    let heading = stdout(&output);
    let dated = heading.contains("23 Nov 2026");
    assert_ne!(dated, stderr(&output).contains("asks for no date"), "{heading}\n{}", stderr(&output));
    let refused = rewardscope(home.path(), &["score", "demo-llama", "--template-date", "soon"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("'soon' is no date"), "{}", stderr(&refused));
}

#[test]
fn a_language_model_gives_log_probabilities_of_words_and_of_their_tokens() {
    let home = home();
    let score = |arguments: &[&str]| {
        let model = fixture("llama-lm");
        let start =
            ["score", &model, "--word", "love", "--word", " love", "--prompt", "Name one.", "--tokens", "--format", "jsonl"];
        rows(&rewardscope(home.path(), &[&start, arguments].concat()))
    };
    let (default, chat, bare) = (score(&[]), score(&["--chat"]), score(&["--bare"]));
    assert_eq!(default, chat, "a model with a template is asked in it");
    for row in chat.iter().chain(&bare) {
        let values: Vec<f64> = row["token_logprobs"].as_array().expect("values").iter().filter_map(Value::as_f64).collect();
        let (sum, score) = (values.iter().sum::<f64>(), row["score"].as_f64().expect("a number"));
        assert!(!values.is_empty() && values.iter().all(|value| *value < 0.0) && (sum - score).abs() < 1e-4, "{row}");
        assert!(row["token_ids"].as_array().expect("ids").len() > values.len());
    }
    assert_ne!(chat[0]["token_ids"], bare[0]["token_ids"]);
    for key in ["score", "token_ids", "rank"] {
        assert_eq!(bare[0][key], bare[1][key], "one space stands before either");
    }
    let model = fixture("llama-lm");
    assert_eq!(rewardscope(home.path(), &["score", &model, "--chat", "--bare", "--word", "a"]).status.code(), Some(2));
    let table = rewardscope(home.path(), &["score", &model, "--word", "love"]);
    assert!(stdout(&table).contains(" · nats"), "{}", stdout(&table));
}

#[test]
fn a_vocabulary_is_scored_token_by_token_and_texts_that_repeat_are_told_apart() {
    let home = home();
    for (model, prompts) in [("llama-lm", &["Name one.", "Name two."][..]), ("gemma2", &["Name one."])] {
        let model = fixture(model);
        let mut arguments = vec!["score", &model, "--vocabulary", "--format", "jsonl"];
        arguments.extend(prompts.iter().flat_map(|prompt| ["--prompt", prompt]));
        let rows = rows(&rewardscope(home.path(), &arguments));
        let of = |prompt: &str| rows.iter().filter(|row| row["prompt"] == prompt).collect::<Vec<_>>();
        for prompt in prompts {
            let rows = of(prompt);
            let ids: std::collections::HashSet<u64> = rows.iter().filter_map(|row| row["token_id"].as_u64()).collect();
            assert!(ids.len() > 400 && ids.len() == rows.len(), "{model}: {} ids, {} rows", ids.len(), rows.len());
            let marked = rows.iter().filter(|row| row["categories"] != Value::Array(Vec::new())).count();
            assert!(marked > 10 && marked < rows.len(), "{model}: {marked} of {} share a text", rows.len());
            if model.ends_with("-lm") {
                let sum: f64 = rows.iter().filter_map(|row| row["score"].as_f64()).map(f64::exp).sum();
                // All but the rows of the matrix that no token has.
                assert!(sum > 0.98 && sum < 1.000001, "{sum}");
            }
        }
    }
    let both = ["score", "demo-llama", "--vocabulary", "--corpus", "big-two"];
    assert_eq!(rewardscope(home.path(), &both).status.code(), Some(2));
}
