//! Pure statistics over scores, in f64. Knows no model, no screen, no file.

mod correlation;
mod describe;
pub mod panels;
mod rank;
pub mod report;
pub mod study;

pub use correlation::spearman;
pub use describe::{Histogram, mean_sd, median, z_scores};
pub use rank::ranks;
