//! Placeholder while the tree grows.
pub mod theme;
