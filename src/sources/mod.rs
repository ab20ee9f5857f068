//! What a MODEL argument names, and where its files lie.

pub mod bundled;
pub mod locate;
pub mod names;
pub mod resolve;
