//! The tests that look at the program from outside, in one binary: one link instead of thirty, and the parts run side by side.
//!
//! ```sh
//! cargo test --test suite store::     # those of one file
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A failure is the test's failure.

mod ablation;
mod against_baseline;
mod bad_checkpoints;
mod bench;
mod card;
mod check;
mod cli;
mod corpora;
mod demo;
mod engine;
mod explorer;
mod false_alarms;
mod forwards;
mod gguf;
mod head_layouts;
mod heads;
mod hub;
mod hub_faults;
mod implicit;
mod internlm2;
mod likelihood;
mod outputs;
mod own_words;
mod paper;
mod parity;
mod picture;
mod ratings;
mod reading;
mod readings;
mod real_models;
mod same_bits;
mod second_opinion;
mod statistics;
mod stats_command;
mod stock_models;
mod store;
mod support;
mod taken_for;
mod templates;
mod terminal;
mod tokens;
mod trainable;
mod tui;
