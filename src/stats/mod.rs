//! Pure statistics over scores, in f64. Knows no model, no screen, no file.
//!
//! A [`study::Study`] goes in, a [`report::Report`] comes out ([`report::report`]). `cells` makes the unit of everything
//! after, the median rank of a category within model and prompt; `summary` describes it, `compare` sets families and models
//! against each other with the tests of `contrast`, `permutation`, `exact` and `bootstrap`; `mixed` and `anova` model all of
//! it at once.

pub mod anova;
pub mod bootstrap;
pub mod cells;
pub mod compare;
pub mod contrast;
mod correlation;
mod describe;
mod design;
pub mod exact;
pub mod mixed;
pub mod permutation;
mod rank;
pub mod report;
pub mod study;
pub mod summary;

pub use correlation::spearman;
pub use describe::{Histogram, mean_sd, median, min_max, z_scores};
pub use rank::ranks;
pub use summary::families;
