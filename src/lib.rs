//! rewardscope: a terminal explorer for reward models.
//!
//! Data flows one way: `corpus` and `model` are read, `engine` scores words on its own thread, `scores` keeps the numbers,
//! `stats` turns them into ranks, `app` holds the state of the explorer and `ui` draws it. `ui` and `app` know nothing of
//! candle; `model` and `engine` know nothing of ratatui; `stats` knows neither.

// What a command says goes through `cli::place`, which does not panic where nobody can read it.
#![deny(clippy::print_stderr, clippy::print_stdout)]

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
