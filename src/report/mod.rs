//! Results put into words, pictures and documents.

pub mod card;
pub mod figure;
pub mod panels;
