//! How soon the explorer answers, measured from outside in a pseudo-terminal: the first frame, a key while a model
//! scores, the end of scoring after Esc, and what it costs when idle.
//!
//! ```sh
//! cargo bench --bench responsiveness                   # the bundled pair
//! cargo bench --bench responsiveness -- path/to/model  # any MODEL
//! ```
//!
//! `REWARDSCOPE_BINARY` measures another build of the program.

#![allow(clippy::expect_used, clippy::panic)]

#[path = "../tests/suite/support/pty.rs"]
#[allow(dead_code)]
mod pty;

use std::time::{Duration, Instant};

use pty::{ESC, Launch, Pty};

const RUNS: usize = 9;
const KEYS: usize = 60;

fn main() {
    let models: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let program = std::env::var("REWARDSCOPE_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_rewardscope").to_owned());
    let start = |arguments: &[&str]| {
        let arguments = models.iter().map(String::as_str).chain(arguments.iter().copied());
        Launch::new(&program).args(arguments).start()
    };

    let first_frames: Vec<Duration> = (0..RUNS).map(|_| since_start(&start(&[]), "Words")).collect();
    report("first frame after the start", &first_frames);
    let first_words: Vec<Duration> = (0..RUNS.min(3)).map(|_| since_start(&start(&[]), "━")).collect();
    report("first bar of a score after the start", &first_words);

    // Words enough that scoring outlasts the measurement.
    let folder = tempfile::tempdir().expect("a folder");
    let list = folder.path().join("many.txt");
    let words: String = (0..200_000).map(|i| format!("word{i}\n")).collect();
    std::fs::write(&list, words).expect("a list");
    let mut pty = start(&["--words-file", list.to_str().expect("UTF-8")]);
    pty.wait_for("words/s");
    report("key to its view on the screen, while scoring", &keys(&mut pty));
    let asked = Instant::now();
    pty.send(ESC);
    pty.wait_for("cancelled");
    println!("{:<44} {:>8.1} ms", "Esc to the end of scoring, as shown", asked.elapsed().as_secs_f64() * 1e3);

    pty.wait_quiet(Duration::from_secs(1));
    let (bytes, ticks, seconds) = (pty.bytes_written(), cpu_ticks(pty.process_id()), 5);
    std::thread::sleep(Duration::from_secs(seconds));
    let used = cpu_ticks(pty.process_id()).zip(ticks).map(|(after, before)| after - before);
    println!("{:<44} {:>8} bytes", "idle: written in 5 s", pty.bytes_written() - bytes);
    if let Some(used) = used {
        println!("{:<44} {:>8.2} % of a core", "idle: processor", used as f64 / seconds as f64);
    }
}

fn since_start(pty: &Pty, text: &str) -> Duration {
    pty.wait_for(text);
    pty.started.elapsed()
}

/// The time from a key to its effect as the terminal has it, for keys that change the view.
fn keys(pty: &mut Pty) -> Vec<Duration> {
    let mut times = Vec::new();
    for (key, shows) in [("4", "memory"), ("1", "rank")].iter().cycle().take(KEYS) {
        let sent = Instant::now();
        pty.send(key);
        pty.wait_for(shows);
        times.push(sent.elapsed());
        std::thread::sleep(Duration::from_millis(37));
    }
    times
}

fn report(what: &str, times: &[Duration]) {
    let mut times: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
    times.sort_by(f64::total_cmp);
    let (median, most) = (times[times.len() / 2], times[times.len() - 1]);
    println!("{what:<44} {median:>8.1} ms median, {most:.1} ms at most, n {}", times.len());
}

/// Processor time of a process in ticks of 1/100 s; none where the system does not tell.
fn cpu_ticks(process: i32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
}
