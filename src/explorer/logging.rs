//! A log for those who ask for one: in a file, never on the terminal, written by a thread of its own.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::EnvFilter;

use crate::base::text::visible;
use crate::base::toml_file;

/// Asks for a log, and how much of it: a level, or directives such as `rewardscope=debug,hf_hub=info`.
pub const LOG_VARIABLE: &str = "REWARDSCOPE_LOG";

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Why no log can be written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file of the log cannot be written.
    #[error("cannot write the log {}: {source}; name another file with --log FILE", visible(&.path.to_string_lossy()))]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The level is none that is known.
    #[error("{LOG_VARIABLE}: {0}, or directives such as rewardscope=debug,hf_hub=info")]
    Level(String),
    /// The user has no folder for a log.
    #[error("{LOG_VARIABLE} is set, but the system names no folder for logs; name a file with --log FILE")]
    NoFolder,
    /// The log could not be started.
    #[error("cannot start the log: {0}")]
    Start(String),
}

/// Keeps the log open. Dropping it writes what still waits.
#[derive(Debug)]
#[must_use = "the log ends when this is dropped"]
pub struct Log {
    /// The file that is written.
    pub path: PathBuf,
    _writer: WorkerGuard,
}

/// Starts a log where `file` (`--log`) or `level` ([`LOG_VARIABLE`]) asks for one; in `rewardscope.log` in the folder
/// `state` where no file is named. Lines are added to what the file holds. Once a process.
pub fn start(file: Option<&Path>, level: Option<&str>, state: Option<&Path>) -> Result<Option<Log>, LogError> {
    let level = level.filter(|level| !level.is_empty());
    let path = match (file, level) {
        (None, None) => return Ok(None),
        (Some(file), _) => file.to_owned(),
        (None, Some(_)) => state.ok_or(LogError::NoFolder)?.join("rewardscope.log"),
    };
    let filter = filter(level.unwrap_or("info"))?;
    let open = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        OpenOptions::new().create(true).append(true).open(&path)
    };
    let file = open().map_err(|source| LogError::Open { path: path.clone(), source })?;
    let (writer, guard) = tracing_appender::non_blocking(file);
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(false)
        .with_thread_names(true)
        .try_init()
        .map_err(|error| LogError::Start(error.to_string()))?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "started");
    Ok(Some(Log { path, _writer: guard }))
}

/// A bare level is meant for us: libraries say a lot below `warn`.
fn filter(level: &str) -> Result<EnvFilter, LogError> {
    let directives = if level.contains('=') {
        level.to_owned()
    } else if LEVELS.contains(&level.to_lowercase().as_str()) {
        format!("warn,rewardscope={level}")
    } else {
        return Err(LogError::Level(toml_file::not_allowed("level", level, &LEVELS)));
    };
    EnvFilter::try_new(directives).map_err(|error| LogError::Level(visible(&error.to_string()).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_ours_and_directives_are_as_written() {
        for (level, expected) in [
            ("debug", Some("rewardscope=debug,warn")),
            ("hf_hub=info", Some("hf_hub=info")),
            ("debg", None),
            ("rewardscope=loud", None),
        ] {
            assert_eq!(filter(level).ok().map(|filter| filter.to_string()).as_deref(), expected, "{level}");
        }
        assert!(filter("debg").expect_err("no such level").to_string().contains("did you mean 'debug'"));
    }

    #[test]
    fn without_being_asked_nothing_is_written() {
        let folder = tempfile::tempdir().expect("a folder");
        for level in [None, Some("")] {
            assert!(start(None, level, Some(folder.path())).expect("nothing to do").is_none());
        }
        assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 0);
    }

    #[test]
    fn a_log_that_cannot_be_written_names_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        fs::write(&path, "").expect("a file");
        let error = start(Some(&path.join("below.log")), None, None).expect_err("a file is no folder").to_string();
        assert!(error.contains("below.log") && error.contains("--log"), "{error}");
        let error = start(None, Some("info"), None).expect_err("nowhere to write").to_string();
        assert!(error.contains("--log"), "{error}");
    }
}
