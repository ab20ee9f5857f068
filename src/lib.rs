//! rewardscope: a terminal explorer for reward models.
//!
//! Its rooms, from the ground up, and what each may name stand in ARCHITECTURE.md; `tests/architecture.rs` holds the code to
//! it.

pub mod app;
pub mod base;
pub mod bench;
pub mod catalogue;
pub mod check;
pub mod cli;
pub mod corpus;
pub mod engine;
pub mod explorer;
pub mod kernels;
pub mod model;
pub mod recorded;
pub mod report;
pub mod scores;
pub mod session;
pub mod sources;
pub mod stats;
pub mod tables;
pub mod ui;
