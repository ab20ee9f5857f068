//! Pure statistics over scores, in f64. Knows no model, no screen, no file.

mod describe;
mod rank;

pub use describe::{Histogram, mean_sd, median, z_scores};
pub use rank::ranks;
