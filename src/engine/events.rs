//! Where the engine tells what happens, and what its threads share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Event, Phase};
use crate::model::ModelError;

/// Where events go. Called from several threads; must not block.
pub type Events = Arc<dyn Fn(Event) + Send + Sync>;

/// A lock that a panicking thread held is taken all the same: what it guards is valid at every moment.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How an error is shown: a cancelled model is not a failed one.
pub(super) fn failure(error: ModelError) -> Phase {
    match error {
        ModelError::Cancelled => Phase::Cancelled,
        error => Phase::Failed(error.to_string()),
    }
}
