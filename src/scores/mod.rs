//! The scores themselves: a book of them in memory, the store on disk, files of recorded ones, and what is written out.

mod book;
pub mod export;
pub mod origin;
pub mod recorded;
pub mod sheet;
pub mod store;

pub use book::{Book, ModelId, PromptId, WordId};
