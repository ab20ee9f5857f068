//! rewardscope: a terminal explorer for reward models.
//!
//! Its rooms, from the ground up, and what each may name stand in ARCHITECTURE.md; `tests/architecture.rs` holds the code to
//! it.

pub mod app;
pub mod bench;
pub mod catalogue;
pub mod check;
pub mod cli;
pub mod corpus;
pub mod engine;
pub mod explorer;
pub mod recorded;
pub mod report;
pub mod scores;
pub mod session;
pub mod sources;
pub mod tables;
pub mod ui;

pub use rewardscope_base as base;
pub use rewardscope_kernels as kernels;
pub use rewardscope_model as model;
pub use rewardscope_stats as stats;
