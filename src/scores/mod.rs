//! The scores themselves: a book of them in memory, files of recorded ones, and what is written out.

pub mod ablation;
mod book;
pub mod export;
pub mod recorded;

pub use book::{Book, ModelId, PromptId, WordId};
