//! The receiver of the engine's events, and what the engine's threads share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Event, Phase};
use crate::model::ModelError;

/// Where events go. Called from several threads; must not block.
pub type Events = Arc<dyn Fn(Event) + Send + Sync>;

/// Locks a mutex, also after a panic of another thread: the data is valid at every moment.
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
