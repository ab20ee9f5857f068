//! What can be wrong with a model, said so that the reader knows the file and the next step.

use std::path::PathBuf;

/// Every message is one paragraph: what happened, on which file or tensor, what to do next. Names from outside are passed
/// through [`rewardscope_base::text::visible`] where the message is shown.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say what the fields are")]
pub enum ModelError {
    /// Something is wrong with this file.
    #[error("{}: {problem}. {next}", file.display())]
    File { file: PathBuf, problem: String, next: String },
    /// A name that is neither a nickname, a repository id nor a path.
    #[error("no model '{name}'. {next}")]
    Unknown { name: String, next: String },
    /// Something read correctly that this program does not run.
    #[error("{what}: {problem}. {next}")]
    Unsupported { what: String, problem: String, next: String },
    /// A reward that is no number.
    #[error("{model}: the reward of '{word}' under '{prompt}' is {value}. {next}")]
    NotFinite { model: String, word: String, prompt: String, value: f32, next: String },
    /// A word that cannot be scored; the others can.
    #[error("'{word}': {problem}. {next}")]
    Word { word: String, problem: String, next: String },
    /// A repository, or what the hub says of it.
    #[error("{repository}: {problem}. {next}")]
    Hub { repository: String, problem: String, next: String },
    /// A file that was to hold recorded scores.
    #[error(transparent)]
    Scores(Box<rewardscope_base::file_error::FileError>),
    /// Somebody asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// A forest of nodes that no plan should give.
    #[error("{0}. This is a fault in the program; please report it with the model's name")]
    Nodes(#[from] super::decoder::nodes::NodesError),
    /// candle refused a computation.
    #[error("{}. This is a fault in the computation, not in your input; please report it with the model's name", cause(.0))]
    Compute(#[from] candle_core::Error),
}

impl ModelError {
    /// Something is wrong with this file, and this is what to do next.
    pub fn file(file: impl Into<PathBuf>, problem: impl Into<String>, next: impl Into<String>) -> Self {
        ModelError::File { file: file.into(), problem: problem.into(), next: next.into() }
    }

    /// Something was read correctly and is not run here, and this is what to do next.
    pub fn unsupported(what: impl Into<String>, problem: impl Into<String>, next: impl Into<String>) -> Self {
        ModelError::Unsupported { what: what.into(), problem: problem.into(), next: next.into() }
    }
}

/// What candle says went wrong, in one line. The stack that it may have taken down says nothing to who reads the message;
/// it goes to the log.
pub(super) fn cause(error: &candle_core::Error) -> String {
    use candle_core::Error;
    match error {
        Error::WithBacktrace { inner, backtrace } => {
            tracing::debug!(%backtrace, "where the computation failed");
            cause(inner)
        }
        Error::Context { inner, context } => format!("{}: {}", one_line(&context.to_string()), cause(inner)),
        Error::WithPath { inner, path } => format!("{}: {}", path.display(), cause(inner)),
        Error::WrappedContext { wrapped, context } => format!("{}: {}", one_line(context), one_line(&wrapped.to_string())),
        error => one_line(&error.to_string()),
    }
}

/// The lines of a text behind one another, without those of a stack: `  0: <unknown>`, `  at file.rs:3:5`.
fn one_line(text: &str) -> String {
    let is_of_a_stack = |line: &&str| {
        let numbered = line.split_once(": ").is_some_and(|(number, _)| number.parse::<u32>().is_ok());
        numbered || line.starts_with("at ") || line.starts_with("stack backtrace")
    };
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty() && !is_of_a_stack(line)).collect();
    lines.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Error;

    #[test]
    fn an_error_of_the_computation_shows_its_cause_and_no_stack() {
        let driver = || Error::Cuda(r#"DriverError(CUDA_ERROR_INVALID_VALUE, "invalid argument")"#.into());
        let traced = |inner| Error::WithBacktrace {
            inner: Box::new(inner),
            backtrace: Box::new(std::backtrace::Backtrace::force_capture()),
        };
        let printed =
            "no kernel\n   0: <unknown>\n   1: candle_core::tensor::Tensor::to_dtype\n             at src/tensor.rs:3:5";
        for (error, expected) in [
            (traced(driver()), r#"DriverError(CUDA_ERROR_INVALID_VALUE, "invalid argument")"#),
            (traced(traced(driver()).context("matmul")), r#"matmul: DriverError(CUDA_ERROR_INVALID_VALUE, "invalid argument")"#),
            (traced(driver()).with_path("x"), r#"x: DriverError(CUDA_ERROR_INVALID_VALUE, "invalid argument")"#),
            (Error::Msg(printed.to_owned()), "no kernel"),
            (Error::Cuda(printed.into()), "no kernel"),
        ] {
            let shown = ModelError::from(error).to_string();
            assert!(shown.starts_with(&format!("{expected}. This is a fault")), "{shown}");
            assert!(!shown.contains("<unknown>") && !shown.contains('\n'), "{shown}");
        }
    }
}
