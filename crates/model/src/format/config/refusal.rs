//! Why a configuration is refused, key by key.

use super::architecture::SUPPORTED;
use crate::ModelError;
use crate::format::files::Files;

/// Why a configuration is not run, before the file's name is put to it.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The file contradicts itself.
    Wrong(String),
    /// The file is sound, and asks for something else than this program does.
    Unsupported(String),
}

impl Refusal {
    pub(super) fn into_model_error(self, files: &Files) -> ModelError {
        let file = files.path(FILE);
        match self {
            Refusal::Wrong(problem) => ModelError::file(file, problem, "Download the file again, or correct it"),
            Refusal::Unsupported(problem) => {
                let next = format!("This version runs {SUPPORTED}, with plain safetensors weights or from GGUF");
                ModelError::unsupported(file.display().to_string(), problem, next)
            }
        }
    }
}

pub(super) const FILE: &str = "config.json";

pub(super) fn wrong(problem: impl Into<String>) -> Refusal {
    Refusal::Wrong(problem.into())
}

pub(super) fn positive(key: &str, value: f64) -> Result<f64, Refusal> {
    if value.is_finite() && value > 0.0 { Ok(value) } else { Err(wrong(format!("{key} is {value}, and must be above 0"))) }
}
