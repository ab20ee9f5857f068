//! The views: what fills the screen, a module each.

pub mod ablation;
pub mod card;
mod implicit;
pub mod statistics;
