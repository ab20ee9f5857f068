//! candle and tokenizers panic on some malformed input. What runs them outside the engine's thread does so here.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::worker::panic_text;
use crate::model::ModelError;

/// What `work` gives; a panic in it is an error about the model, as in the engine's own thread.
///
/// # Errors
/// As `work`, and a panic in it.
pub fn caught<T>(model: &str, work: impl FnOnce() -> Result<T, ModelError>) -> Result<T, ModelError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        Err(ModelError::unsupported(model, panic_text(&*panic), "Please report this with the model's name"))
    })
}
