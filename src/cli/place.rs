//! Where a finished text goes: standard output, or a file that appears whole.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

use super::Failure;
use crate::figure::Figure;
use crate::model::Provenance;
use crate::whole_file::{self, with_suffix};

/// Whether what is printed reaches a terminal.
pub(super) fn is_terminal(output: Option<&Path>) -> bool {
    output.is_none() && io::stdout().is_terminal()
}

/// Fails before anything is computed where the file could not be written.
pub(super) fn check(output: Option<&Path>) -> Result<(), Failure> {
    let Some(path) = output else { return Ok(()) };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let problem = if path.is_dir() {
        "it is a directory"
    } else if !folder.is_dir() {
        "there is no such folder"
    } else {
        return Ok(());
    };
    Err(unwritable(path, problem))
}

/// A line on standard output. Where nobody reads it any more, as behind `| head`, the program ends, which is no failure.
pub(super) fn say(line: impl std::fmt::Display) {
    if let Err(error) = writeln!(io::stdout().lock(), "{line}") {
        let closed = error.kind() == io::ErrorKind::BrokenPipe;
        if !closed {
            eprintln!("rewardscope: standard output: {error}");
        }
        std::process::exit(i32::from(!closed));
    }
}

/// Indented JSON, safe to show.
pub(super) fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    crate::text::json(value).map_err(Failure::run)
}

/// Writes the text; beside a file stands what its numbers rest on, where that is given.
pub(super) fn write(output: Option<&Path>, text: &str, rests_on: &[(&str, &Provenance)]) -> Result<(), Failure> {
    let Some(path) = output else {
        let written = io::stdout().lock().write_all(text.as_bytes()).and_then(|()| io::stdout().flush());
        return match written {
            // `rewardscope card ... | head` is no failure.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::run(error)),
            _ => Ok(()),
        };
    };
    if !rests_on.is_empty() {
        let side = with_suffix(path, ".provenance.json");
        let models: Vec<_> = rests_on.iter().map(|(model, p)| serde_json::json!({ "model": model, "provenance": p })).collect();
        let json = serde_json::json!({ "program": concat!("rewardscope ", env!("CARGO_PKG_VERSION")), "models": models });
        std::fs::write(&side, format!("{json:#}\n")).map_err(|error| unwritable(&side, error))?;
    }
    whole_file::write(path, text.as_bytes(), true).map_err(|error| unwritable(path, error))
}

/// Writes a picture, where one was asked for; a file that is there is replaced, as `-o` does.
pub(super) fn draw(path: Option<&Path>, figure: impl FnOnce() -> Figure) -> Result<(), Failure> {
    let Some(path) = path else { return Ok(()) };
    figure().save(path, true).map_err(|error| unwritable(path, error))
}

fn unwritable(path: &Path, problem: impl std::fmt::Display) -> Failure {
    Failure::Run(format!("{}: cannot be written: {problem}. Choose another place with --output", path.display()))
}
