//! Placeholder while the tree grows.
