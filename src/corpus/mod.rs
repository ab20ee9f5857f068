//! What is asked and what is answered: word lists with their categories, and the prompts.
//!
//! `read` reads the formats of word lists, `library` finds lists by name, `prompt` and `prompts` hold the questions,
//! `wildcards` finds the words that a term with a `*` stands for, `sides` tells which categories are two sides of one. Knows files and text, nothing of models.

pub mod library;
pub mod pairs;
pub mod prompt;
pub mod prompts;
pub mod read;
mod sides;
mod wildcards;

use std::collections::HashMap;
use std::sync::Arc;

pub use library::{Listing, join_categories, list};
pub use prompt::{Factors, Prompt, PromptSet};
pub use read::read_words_file;
pub use sides::{Side, sides};
pub use wildcards::Wildcard;

/// One word of a corpus, exactly as it is put to the model (a leading space is part of it).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The word exactly as it is scored.
    pub text: Arc<str>,
    /// Indices into [`Corpus::categories`], ascending, without repeats; empty for a word of a plain list.
    pub categories: Vec<u16>,
}

/// A list of words in file order, distinct but for a vocabulary's, each with the categories it belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Corpus {
    /// `big-two`, or the file stem.
    pub name: String,
    /// Category names in order of first appearance.
    pub categories: Vec<String>,
    /// In the order of the list, each once.
    pub words: Vec<Word>,
    /// Of a model's vocabulary: the id of each word's token, by which words of one text are told apart. Else empty.
    pub tokens: Vec<u32>,
    /// Terms that stand for many words: see [`Corpus::expand`].
    pub wildcards: Vec<Wildcard>,
    /// What a reader should know of the file: rows merged or passed over.
    pub notes: Vec<String>,
}

impl Corpus {
    /// A list without words.
    pub fn new(name: impl Into<String>) -> Self {
        Corpus { name: name.into(), ..Corpus::default() }
    }

    /// Words without categories, each once.
    pub fn from_words(name: impl Into<String>, words: impl IntoIterator<Item = String>) -> Self {
        let mut builder = Builder::new(Corpus::new(name));
        for word in words {
            builder.add(&word, []);
        }
        builder.finish()
    }

    /// Adds the words and categories of another list; a word in both has the categories of both.
    pub fn merge(&mut self, other: Corpus) {
        let mut builder = Builder::new(std::mem::take(self));
        for word in &other.words {
            builder.add(&word.text, other.categories_of(word));
        }
        *self = builder.finish();
        if !self.name.split('+').any(|part| part == other.name) {
            self.name = format!("{}+{}", self.name, other.name);
        }
        self.wildcards.extend(other.wildcards);
        self.notes.extend(other.notes);
    }

    /// The names of a word's categories.
    pub fn categories_of<'a>(&'a self, word: &'a Word) -> impl Iterator<Item = &'a str> {
        word.categories.iter().filter_map(|&c| self.categories.get(usize::from(c)).map(String::as_str))
    }
}

/// What stands in the place of a category for a word that a reader asked for beside a list: a name that no category of the
/// list has.
pub fn own_label(categories: &[String]) -> &'static str {
    ["own", "own word"].into_iter().find(|label| !categories.iter().any(|name| name == label)).unwrap_or("(own)")
}

/// A corpus that grows, with an index of its words.
pub(crate) struct Builder {
    corpus: Corpus,
    index: HashMap<Arc<str>, usize>,
    categories: HashMap<String, u16>,
    /// Rows that named a word and category already there.
    repeated: usize,
}

impl Builder {
    pub(crate) fn new(corpus: Corpus) -> Self {
        let index = corpus.words.iter().enumerate().map(|(i, word)| (word.text.clone(), i)).collect();
        let categories = corpus.categories.iter().cloned().zip(0..=u16::MAX).collect();
        Builder { corpus, index, categories, repeated: 0 }
    }

    pub(crate) fn add<'a>(&mut self, text: &str, categories: impl IntoIterator<Item = &'a str>) {
        let at = self.index.get(text).copied();
        let known = at.is_some();
        let at = at.unwrap_or_else(|| {
            let text: Arc<str> = text.into();
            self.index.insert(text.clone(), self.corpus.words.len());
            self.corpus.words.push(Word { text, categories: Vec::new() });
            self.corpus.words.len() - 1
        });
        let mut new = !known;
        for category in categories {
            let Some(id) = self.category(category) else { continue };
            let held = &mut self.corpus.words[at].categories;
            if let Err(place) = held.binary_search(&id) {
                held.insert(place, id);
                new = true;
            }
        }
        self.repeated += usize::from(!new);
    }

    pub(crate) fn note(&mut self, note: String) {
        self.corpus.notes.push(note);
    }

    pub(crate) fn repeated(&self) -> usize {
        self.repeated
    }

    pub(crate) fn finish(self) -> Corpus {
        self.corpus
    }

    /// The id of a category, new or known; none once 65,536 are known.
    fn category(&mut self, name: &str) -> Option<u16> {
        if let Some(&id) = self.categories.get(name) {
            return Some(id);
        }
        let id = u16::try_from(self.corpus.categories.len()).ok()?;
        self.categories.insert(name.to_owned(), id);
        self.corpus.categories.push(name.to_owned());
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_lists_unite_words_and_categories() {
        let mut a = Builder::new(Corpus::new("a"));
        a.add("love", ["communion"]);
        a.add("power", ["agency"]);
        let mut a = a.finish();
        let mut b = Builder::new(Corpus::new("b"));
        b.add("love", ["care"]);
        b.add(" love", []);
        a.merge(b.finish());
        let words: Vec<(&str, Vec<&str>)> = a.words.iter().map(|w| (&*w.text, a.categories_of(w).collect())).collect();
        assert_eq!(words, [("love", vec!["communion", "care"]), ("power", vec!["agency"]), (" love", vec![])]);
        assert_eq!(a.name, "a+b");
    }

    #[test]
    fn repeats_are_counted_and_merged() {
        let mut builder = Builder::new(Corpus::new("x"));
        for (word, category) in [("love", "a"), ("love", "a"), ("love", "b"), ("hate", "a")] {
            builder.add(word, [category]);
        }
        assert_eq!(builder.repeated(), 1);
        assert_eq!(builder.finish().words.len(), 2);
    }
}
