//! The files of a checkpoint: configuration, weights, GGUF.

pub mod config;
pub mod files;
pub mod gguf;
pub mod head_names;
pub mod mapped;
pub mod weights;
