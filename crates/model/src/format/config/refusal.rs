//! Why a configuration is refused, key by key.

use super::architecture::{SUPPORTED, SUPPORTED_STOCK};
use crate::ModelError;
use crate::format::files::Files;

/// Why a configuration is not run, before the file's name is put to it.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The file contradicts itself.
    Wrong(String),
    /// The file is sound, and asks for something else than this program does.
    Unsupported(String),
    /// An architecture that is known, and not run.
    Known {
        /// Its name, and why it is not run.
        problem: String,
        /// What would open it.
        opened_by: &'static str,
    },
}

impl Refusal {
    pub(crate) fn into_model_error(self, files: &Files) -> ModelError {
        let file = files.path(FILE);
        let runs = format!(
            "This version runs {SUPPORTED}, with plain safetensors weights or from GGUF; and as …ForCausalLM alone, from \
             safetensors, {SUPPORTED_STOCK}"
        );
        match self {
            Refusal::Wrong(problem) => ModelError::file(file, problem, "Download the file again, or correct it"),
            Refusal::Unsupported(problem) => ModelError::unsupported(file.display().to_string(), problem, runs),
            Refusal::Known { problem, opened_by } => {
                ModelError::unsupported(file.display().to_string(), problem, format!("{opened_by}. {runs}"))
            }
        }
    }
}

pub(crate) const FILE: &str = "config.json";

pub(super) fn wrong(problem: impl Into<String>) -> Refusal {
    Refusal::Wrong(problem.into())
}

/// A count from 1 to `most`; beyond that it is a slip of the pen, and must not become an allocation.
pub(crate) fn size(key: &str, value: Option<usize>, most: usize) -> Result<usize, Refusal> {
    match value {
        None => Err(wrong(format!("the key {key} is missing"))),
        Some(value) if (1..=most).contains(&value) => Ok(value),
        Some(value) => Err(wrong(format!("{key} is {value}, and must lie between 1 and {most}"))),
    }
}

pub(crate) fn positive(key: &str, value: f64) -> Result<f64, Refusal> {
    if value.is_finite() && value > 0.0 { Ok(value) } else { Err(wrong(format!("{key} is {value}, and must be above 0"))) }
}
