//! What is asked and what is answered: word lists with their categories, and the prompts.
//!
//! Knows files and text, nothing of models. Readers live in `read`, the built-in lists in `builtin`.

pub mod prompt;

use std::sync::Arc;

pub use prompt::{Factors, Framing, Prompt, PromptSet};

/// One word of a corpus, exactly as it is put to the model (a leading space is part of it).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub text: Arc<str>,
    /// Indices into [`Corpus::categories`], ascending, without repeats; empty for a word of a plain list.
    pub categories: Vec<u16>,
}

/// A list of distinct words in file order, each with the categories it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corpus {
    /// `big-two`, or the file stem.
    pub name: String,
    /// Category names in order of first appearance.
    pub categories: Vec<String>,
    pub words: Vec<Word>,
}

impl Corpus {
    pub fn new(name: impl Into<String>) -> Self {
        Corpus { name: name.into(), categories: Vec::new(), words: Vec::new() }
    }

    /// The names of a word's categories.
    pub fn categories_of<'a>(&'a self, word: &'a Word) -> impl Iterator<Item = &'a str> {
        word.categories.iter().filter_map(|&c| self.categories.get(usize::from(c)).map(String::as_str))
    }
}
