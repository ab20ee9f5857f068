//! Results put into words, pictures and documents.

pub mod card;
pub mod figure;
pub mod grid;
pub mod panels;
pub mod statistics;
pub mod wording;
