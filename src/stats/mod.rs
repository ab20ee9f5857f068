//! Pure statistics over scores, in f64. Knows no model, no screen, no file.

pub mod ablation;
pub mod agreement;
pub mod card;
mod correlation;
mod describe;
pub mod implicit;
mod rank;
pub mod report;
pub mod study;

pub use correlation::spearman;
pub use describe::{Histogram, mean_sd, median, z_scores};
pub use rank::ranks;
