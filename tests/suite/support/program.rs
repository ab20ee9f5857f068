//! The program as a user runs it: arguments in, what it prints out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Runs the program in a folder of its own, without a network.
pub fn rewardscope(home: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rewardscope"))
        .args(arguments)
        .current_dir(home)
        .stdin(Stdio::null())
        .env("REWARDSCOPE_CONFIG", home.join("config"))
        .env("REWARDSCOPE_STORE", home.join("scores.db"))
        .env("HF_HOME", home.join("hf"))
        .env("HF_HUB_OFFLINE", "1")
        .output()
        .expect("the program starts")
}

/// A folder with an empty folder for settings.
pub fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(home.path().join("config")).expect("a folder");
    home
}

/// Output as text.
pub fn text(output: &[u8]) -> String {
    String::from_utf8(output.to_vec()).expect("UTF-8")
}

/// What a run that succeeds prints.
#[track_caller]
pub fn stdout(home: &Path, arguments: &[&str]) -> String {
    let output = rewardscope(home, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// The same as JSON.
#[track_caller]
pub fn json(home: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&stdout(home, &[arguments, &["--format", "json"]].concat())).expect("JSON")
}

/// A run that fails with this status and names these.
#[track_caller]
pub fn refused(home: &Path, arguments: &[&str], status: i32, naming: &[&str]) {
    let output = rewardscope(home, arguments);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
    for name in naming {
        assert!(said.contains(name), "'{name}' is not in: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

/// The path of a file or folder of `tests/fixtures`.
pub fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    path.to_str().expect("UTF-8").to_owned()
}

/// Writes a file and gives its path.
pub fn file(home: &Path, name: &str, content: &str) -> String {
    let path: PathBuf = home.join(name);
    std::fs::write(&path, content).expect("written");
    path.to_str().expect("UTF-8").to_owned()
}

/// A number of a report.
pub fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

/// Rows by word.
pub fn by_word<'a>(rows: &'a Value, key: &str) -> BTreeMap<&'a str, &'a Value> {
    rows.as_array().expect("rows").iter().map(|row| (row[key].as_str().expect("a text"), row)).collect()
}
