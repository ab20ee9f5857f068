//! What several views are drawn from.

pub mod bar;
pub mod dumbbell;
pub mod lollipop;
pub mod mirror;
pub mod popup;
pub mod sparkline;
pub mod strip;
pub mod table;
