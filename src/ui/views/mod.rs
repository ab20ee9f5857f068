//! How each view is drawn, a module each.

pub mod ablation;
pub mod card;
pub mod compare;
pub mod implicit;
pub mod models;
pub mod statistics;
pub mod words;
