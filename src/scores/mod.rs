//! The scores themselves: the table of them in memory, the store on disk, what a file's numbers rest on, and the study that they
//! make up.

pub mod provenance;
pub mod store;
pub mod study;
pub mod table;

pub use table::ScoreTable;
