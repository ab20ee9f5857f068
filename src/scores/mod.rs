//! The scores themselves: a book of them in memory, the store on disk, files of recorded ones, what is written out, and the
//! study they make up.

pub mod ablation;
mod book;
pub mod export;
pub mod judging;
pub mod origin;
pub mod recorded;
pub mod sheet;
pub mod store;
pub mod study;

pub use book::{Book, ModelId, PromptId, WordId};
