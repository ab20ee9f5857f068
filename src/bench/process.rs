//! What the system says of this process, and how fast it reads a file.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use crate::model::Cancel;

/// Bytes taken from a file at a time.
const PIECE: usize = 8 << 20;

static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Notes the time as that of the start; called first thing. The system's own record would not do: where a script replaces
/// itself by this program, it tells when the script began.
pub fn started() {
    LazyLock::force(&STARTED);
}

/// Time since this program started.
pub(super) fn age() -> Duration {
    STARTED.elapsed()
}

/// Processor time that all threads of this process have taken so far, in seconds; none where the system does not tell.
pub(super) fn cpu_seconds() -> Option<f64> {
    let mut used = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `used` is a valid place for the answer.
    let told = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut used) } == 0;
    told.then_some(used.tv_sec as f64 + used.tv_nsec as f64 / 1e9)
}

/// The most memory that this process has held so far, in bytes; none where the system does not tell.
pub(super) fn peak_rss_bytes() -> Option<u64> {
    // getrusage would count what the parent held before it started this program.
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Seconds that one thread takes to read these files from end to end.
pub(super) fn read_seconds(files: &[PathBuf], cancel: &Cancel) -> io::Result<f64> {
    let start = Instant::now();
    let mut piece = vec![0; PIECE];
    for path in files {
        let mut file = File::open(path)?;
        while !cancel.is_set() && file.read(&mut piece)? > 0 {}
    }
    Ok(start.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_costs_processor_time() {
        let before = cpu_seconds().unwrap();
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(20) {
            std::hint::black_box(start);
        }
        assert!(cpu_seconds().unwrap() > before);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_held_once_is_remembered() {
        let before = peak_rss_bytes().unwrap();
        let held = vec![1_u8; 256 << 20];
        assert!(held.iter().step_by(4096).all(|byte| *byte == 1));
        drop(held);
        assert!(peak_rss_bytes().unwrap() >= before.max(256 << 20));
    }
}
