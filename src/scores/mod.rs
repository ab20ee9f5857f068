//! The scores themselves: a score table of them in memory, the store on disk, files of recorded ones, what is written out, and the
//! study they make up.

pub mod provenance;
pub mod store;
pub mod study;
pub mod table;

pub use table::ScoreTable;
