//! The files of a checkpoint: configuration, weights, GGUF.

pub mod config;
pub mod files;
pub mod gguf;
pub(crate) mod head_names;
pub mod instead;
pub(crate) mod mapped;
pub mod weights;
