//! Statistics over scores, in f64. Knows no model, no screen, no file.
//!
//! A [`study::Study`] goes in, a [`results::Report`] comes out ([`report::report`]):
//!
//! - `common` finds the words that all models have.
//! - `cells` makes the unit of everything after: the median rank of a category's words within model and prompt.
//! - `summary` describes cells. `compare` sets families and models against each other, by the tests of `contrast`.
//! - `slopes` models all cells at once; `mixed` and `anova` do so as published.
//! - `agreement` says how alike models rank words.
//! - `moments`, `framing_sums` and `optimal` describe the scores themselves, `ratings` relates them to what else is known.
//!
//! Beside it, `card` puts one model on a page, `implicit` makes a reward of two language models, and `ablation` follows a
//! training.

#![warn(missing_docs)]

pub mod ablation;
pub mod agreement;
pub mod anova;
pub mod card;
pub mod cells;
pub mod common;
pub mod compare;
pub mod contrast;
mod correlation;
mod describe;
mod design;
pub mod framing_sums;
pub mod implicit;
mod median_difference;
mod minimum;
pub mod mixed;
pub mod moments;
mod noncentral_t;
pub mod optimal;
pub mod options;
pub mod placements;
mod rank;
pub mod ratings;
pub mod report;
pub mod results;
mod significance;
pub mod slopes;
pub mod study;
pub mod summary;
mod word_draws;

pub use correlation::spearman;
pub use describe::{Histogram, mean_sd, median, min_max, z_score, z_scores, z_scores_among};
pub use median_difference::{MedianDifference, median_difference};
pub use rank::{places, ranks, ranks_beside};
pub use summary::families;
