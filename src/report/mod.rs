//! Results put into words, pictures and documents.

#![warn(missing_docs)]

pub mod card;
pub mod figure;
pub mod grid;
pub mod optimal;
pub mod panels;
pub mod ratings;
pub mod scores;
pub mod statistics;
pub mod wording;
