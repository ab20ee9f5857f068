//! The explorer: composition root, keys, event loop, terminal.

pub mod arguments;
pub mod entries;
pub mod event_loop;
pub mod keys;
pub mod logging;
pub mod newest_job;
pub mod program;
pub mod terminal;
