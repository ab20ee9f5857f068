//! Scores as a file holds them.

use std::sync::Arc;

/// Scores read from a file: all at once.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub words: Vec<Arc<str>>,
    pub prompts: Vec<crate::corpus::Prompt>,
    /// `[prompts][words]`; NaN where the file has no value.
    pub scores: Vec<Vec<f64>>,
    /// What a reader should know of the file: rows passed over, columns not read.
    pub notes: Vec<String>,
}
