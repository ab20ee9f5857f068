//! The program run from outside, and its figures as a Markdown table.

use std::ffi::OsStr;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use serde_json::Value;

/// The release build of this checkout, or the one that `REWARDSCOPE_BINARY` names.
pub fn path() -> String {
    std::env::var("REWARDSCOPE_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_rewardscope").to_owned())
}

/// Standard output and the seconds from start to end; ends the benchmark where the command fails.
pub fn run(program: &str, arguments: &[impl AsRef<OsStr>]) -> (String, f64) {
    let start = Instant::now();
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).env("HF_HUB_OFFLINE", "1");
    let Output { status, stdout, stderr } = command.output().unwrap_or_else(|error| panic!("{program}: {error}"));
    let seconds = start.elapsed().as_secs_f64();
    assert!(status.success(), "{command:?} ended with {status}:\n{}", String::from_utf8_lossy(&stderr));
    (String::from_utf8_lossy(&stdout).into_owned(), seconds)
}

/// What `rewardscope bench` reports.
pub fn bench(arguments: &[&str]) -> Value {
    let (text, _) = run(&path(), &[&["bench", "--format", "json"], arguments].concat());
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("no report: {error} in {text}"))
}

pub fn number(report: &Value, key: &str) -> f64 {
    report[key].as_f64().unwrap_or(f64::NAN)
}

pub fn median(values: &[f64]) -> f64 {
    rewardscope::stats::median(values.iter().copied()).unwrap_or(f64::NAN)
}

/// A table whose first column holds names, the others figures.
pub fn table(head: &[&str], rows: &[Vec<String>]) {
    println!("| {} |", head.join(" | "));
    println!("| --- |{}", " ---: |".repeat(head.len() - 1));
    for row in rows {
        println!("| {} |", row.join(" | "));
    }
}

/// The machine, for the lines above a table.
pub fn machine() -> String {
    let system = sysinfo::System::new_with_specifics(
        sysinfo::RefreshKind::nothing()
            .with_cpu(sysinfo::CpuRefreshKind::nothing())
            .with_memory(sysinfo::MemoryRefreshKind::nothing().with_ram()),
    );
    let brand = system.cpus().first().map(|cpu| cpu.brand().trim().to_owned()).unwrap_or_default();
    let memory = rewardscope::base::text::bytes(system.total_memory());
    format!("{brand}, {} processors, {memory}", system.cpus().len())
}
