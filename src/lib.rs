//! rewardscope: a terminal explorer for reward models.
//!
//! Data flows one way: `corpus` and `model` are read, `engine` scores words on its own thread, `scores` keeps the numbers,
//! `stats` turns them into ranks, `app` holds the state of the explorer and `ui` draws it. `ui` and `app` know nothing of
//! candle; `model` and `engine` know nothing of ratatui; `stats` knows neither.

// What a command says goes through `cli::place`, which does not panic where nobody can read it.
#![deny(clippy::print_stderr, clippy::print_stdout)]

pub mod app;
pub mod atomic_file;
pub mod bench;
pub mod card;
pub mod check;
pub mod cli;
pub mod config;
pub mod corpus;
pub mod engine;
pub mod figure;
pub mod kernels;
pub mod latest;
pub mod logging;
pub mod machine;
pub mod model;
pub mod runtime;
pub mod scores;
pub mod stats;
pub mod terminal;
pub mod text;
pub mod ui;
pub mod user_toml;
