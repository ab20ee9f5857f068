//! What can be wrong with a word list, a prompt set or a catalogue: one paragraph each, with file, line and next step.

use std::path::{Path, PathBuf};

use crate::toml_file::TomlError;

/// Why a file of the user, or a name in one, cannot be used.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say what the fields are")]
pub enum FileError {
    /// Something is wrong with this file.
    #[error("{}: {problem}. {next}", file.display())]
    File { file: PathBuf, problem: String, next: String },
    /// Nothing of this kind has this name.
    #[error("no {kind} '{name}'. {next}")]
    Unknown { kind: &'static str, name: String, next: String },
    /// A TOML file that does not parse, or says what is not allowed.
    #[error(transparent)]
    Toml(#[from] TomlError),
}

impl FileError {
    /// Something is wrong with this file, and this is what to do next.
    pub fn file(file: &Path, problem: impl Into<String>, next: impl Into<String>) -> Self {
        FileError::File { file: file.to_owned(), problem: problem.into(), next: next.into() }
    }
}
