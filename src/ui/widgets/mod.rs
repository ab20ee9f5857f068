//! What several views are drawn from.

pub mod bar;
pub mod lollipop;
pub mod popup;
pub mod sparkline;
pub mod strip;
pub mod table;
