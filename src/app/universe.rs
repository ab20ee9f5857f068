//! The words of the session: the corpus and what the user typed, each with its id in the score book.

use std::sync::Arc;

use crate::corpus::{Corpus, Word};
use crate::scores::{Book, WordId};

/// Distinct words in scoring order: typed words first, then the corpus in its own order.
#[derive(Clone, Debug)]
pub struct Universe {
    /// Tells one universe from another; grows with every change.
    pub version: u64,
    pub corpus: Corpus,
    /// Parallel to `corpus.words`.
    pub ids: Vec<WordId>,
    /// Parallel to `corpus.words`: tokens of a vocabulary; `NONE` for plain words.
    tokens: Vec<u32>,
    /// Index into `corpus.words` by word id; `NONE` for words of other corpora.
    index: Vec<u32>,
}

/// No index.
pub const NONE: u32 = u32::MAX;

impl Universe {
    pub fn new(version: u64, corpus: &Corpus, typed: &[Arc<str>], book: &mut Book) -> Universe {
        let mut universe = Universe {
            version,
            corpus: Corpus { name: corpus.name.clone(), categories: corpus.categories.clone(), ..Corpus::default() },
            ids: Vec::with_capacity(corpus.words.len() + typed.len()),
            tokens: Vec::with_capacity(corpus.words.len() + typed.len()),
            index: Vec::new(),
        };
        for text in typed {
            universe.add(Word { text: text.clone(), categories: Vec::new() }, NONE, book);
        }
        let tokens = corpus.tokens.iter().copied().chain(std::iter::repeat(NONE));
        for (word, token) in corpus.words.iter().zip(tokens) {
            universe.add(word.clone(), token, book);
        }
        universe
    }

    /// The place of a word in `corpus.words`.
    pub fn index_of(&self, word: WordId) -> Option<usize> {
        self.index.get(word.0 as usize).filter(|&&at| at != NONE).map(|&at| at as usize)
    }

    /// The token that the word at a place of `corpus.words` is, where it is one of a vocabulary.
    pub fn token(&self, at: usize) -> Option<u32> {
        self.tokens.get(at).copied().filter(|&token| token != NONE)
    }

    pub fn len(&self) -> usize {
        self.ids.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// A word that is there already, because it was typed, takes the categories of the corpus.
    fn add(&mut self, word: Word, token: u32, book: &mut Book) {
        let id = if token == NONE { book.word(&word.text) } else { book.token(&word.text, token) };
        if let Some(at) = self.index_of(id) {
            if self.corpus.words[at].categories.is_empty() {
                self.corpus.words[at].categories = word.categories;
            }
            return;
        }
        let slot = id.0 as usize;
        if self.index.len() <= slot {
            self.index.resize(slot + 1, NONE);
        }
        self.index[slot] = self.ids.len() as u32;
        self.ids.push(id);
        self.tokens.push(token);
        self.corpus.words.push(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_words_come_first_and_keep_the_categories_of_the_corpus() {
        let mut book = Book::default();
        book.word("elsewhere");
        let mut corpus = Corpus::new("test");
        corpus.categories.push("agency".to_owned());
        for text in ["freedom", "power"] {
            corpus.words.push(Word { text: text.into(), categories: vec![0] });
        }
        let universe = Universe::new(1, &corpus, &["power".into(), " love".into()], &mut book);
        let texts: Vec<_> = universe.corpus.words.iter().map(|w| &*w.text).collect();
        assert_eq!(texts, ["power", " love", "freedom"]);
        assert_eq!(universe.corpus.words[0].categories, [0]);
        assert_eq!(universe.index_of(book.word("freedom")), Some(2));
        assert_eq!(universe.index_of(book.word("elsewhere")), None);
        assert_eq!(universe.index_of(book.word("never seen")), None);
    }
}
