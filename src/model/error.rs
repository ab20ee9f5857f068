//! What can be wrong with a model, said so that the reader knows the file and the next step.

use std::path::PathBuf;

/// Every message is one paragraph: what happened, on which file or tensor, what to do next. Names from outside are passed
/// through [`crate::text::visible`] where the message is shown.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error("{}: {problem}. {next}", file.display())]
    File { file: PathBuf, problem: String, next: String },
    /// A name that is neither a nickname, a repository id nor a path.
    #[error("no model '{name}'. {next}")]
    Unknown { name: String, next: String },
    /// Something read correctly that this program does not run.
    #[error("{what}: {problem}. {next}")]
    Unsupported { what: String, problem: String, next: String },
    #[error("{model}: the reward of '{word}' under '{prompt}' is {value}. {next}")]
    NotFinite { model: String, word: String, prompt: String, value: f32, next: String },
    #[error("'{word}': {problem}. {next}")]
    Word { word: String, problem: String, next: String },
    #[error("{repository}: {problem}. {next}")]
    Hub { repository: String, problem: String, next: String },
    /// A file that was to hold recorded scores.
    #[error(transparent)]
    Scores(Box<crate::corpus::CorpusError>),
    #[error("cancelled")]
    Cancelled,
    #[error("{0}. This is a fault in the program; please report it with the model's name")]
    Nodes(#[from] super::decoder::NodesError),
    #[error("{0}. This is a fault in the computation, not in your input; please report it with the model's name")]
    Compute(#[from] candle_core::Error),
}

impl ModelError {
    pub fn file(file: impl Into<PathBuf>, problem: impl Into<String>, next: impl Into<String>) -> Self {
        ModelError::File { file: file.into(), problem: problem.into(), next: next.into() }
    }

    pub fn unsupported(what: impl Into<String>, problem: impl Into<String>, next: impl Into<String>) -> Self {
        ModelError::Unsupported { what: what.into(), problem: problem.into(), next: next.into() }
    }
}
