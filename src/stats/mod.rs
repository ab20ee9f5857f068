//! Pure statistics over scores, in f64. Knows no model, no screen, no file.

pub mod agreement;
mod correlation;
mod describe;
mod rank;
pub mod report;
pub mod study;

pub use correlation::spearman;
pub use describe::{Histogram, mean_sd, median, z_scores};
pub use rank::ranks;
