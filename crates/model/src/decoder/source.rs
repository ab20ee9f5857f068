//! Where the native decoder's tensors come from.

use crate::ModelError;
use crate::decoder::packed::Packed;
use crate::format::weights::Embedding;

/// Gives tensors by name and shape, or says what is wrong.
pub trait Source {
    /// `[rows, width]`, of which rows are looked up.
    fn embedding(&self, name: &str, rows: usize, width: usize) -> Result<Embedding, ModelError>;
    /// `[out, input]`, to be multiplied.
    fn matrix(&self, name: &str, out: usize, input: usize) -> Result<Packed, ModelError>;
    /// `[length]`, in f32.
    fn vector(&self, name: &str, length: usize) -> Result<Vec<f32>, ModelError>;
}
