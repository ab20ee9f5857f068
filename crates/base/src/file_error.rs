//! What can be wrong with a word list, a prompt set or a catalogue: one paragraph each, with file, line and next step.

use std::path::{Path, PathBuf};

use crate::toml_file::TomlError;

#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("{}: {problem}. {next}", file.display())]
    File { file: PathBuf, problem: String, next: String },
    #[error("no {kind} '{name}'. {next}")]
    Unknown { kind: &'static str, name: String, next: String },
    #[error(transparent)]
    Toml(#[from] TomlError),
}

impl FileError {
    pub fn file(file: &Path, problem: impl Into<String>, next: impl Into<String>) -> Self {
        FileError::File { file: file.to_owned(), problem: problem.into(), next: next.into() }
    }
}
