//! The words of the session, each with its id in the score table: the list, and beside it the user's own words.

use std::sync::{Arc, OnceLock};

use unicode_width::UnicodeWidthStr as _;

use crate::base::terms::WordId;
use crate::base::text::visible_word;
use crate::corpus::{Corpus, Word, own_label};
use crate::scores::table::ScoreTable;

/// Distinct words: first those of the list, in its order, then the own words. A word's place in this order is its index.
#[derive(Clone, Debug)]
pub struct Universe {
    /// Tells one universe from another; grows with every change.
    pub version: u64,
    /// The list, which is all that statistics are made of. Words that the user added to it come last.
    pub corpus: Corpus,
    /// Words that the user typed and the list does not have, newest first: scored and shown, and in no statistic.
    pub own: Vec<Arc<str>>,
    /// By index.
    pub ids: Vec<WordId>,
    /// By index, of the list: tokens of a vocabulary; `NONE` for plain words.
    tokens: Vec<u32>,
    /// Index by word id; `NONE` for words that are not here.
    index: Vec<u32>,
    /// How many words at the end of the list were added to it.
    added: usize,
    /// Cells of the longest word, once it is asked for.
    longest: OnceLock<u16>,
}

/// Most cells that are made room for, for the sake of a longer word.
const LONGEST: u16 = 60;

/// No index.
pub const NONE: u32 = u32::MAX;

impl Universe {
    /// `added` words join the list, without categories; `typed` words are own words beside it. A word that the list has already
    /// stays one of the list.
    pub fn new(version: u64, corpus: &Corpus, added: &[Arc<str>], typed: &[Arc<str>], score_table: &mut ScoreTable) -> Universe {
        let mut universe = Universe {
            version,
            corpus: Corpus { name: corpus.name.clone(), categories: corpus.categories.clone(), ..Corpus::default() },
            own: Vec::new(),
            ids: Vec::with_capacity(corpus.words.len() + added.len() + typed.len()),
            tokens: Vec::with_capacity(corpus.words.len() + added.len()),
            index: Vec::new(),
            added: 0,
            longest: OnceLock::new(),
        };
        let tokens = corpus.tokens.iter().copied().chain(std::iter::repeat(NONE));
        for (word, token) in corpus.words.iter().zip(tokens) {
            let id = if token == NONE { score_table.word(&word.text) } else { score_table.token(&word.text, token) };
            if universe.take(id) {
                universe.corpus.words.push(word.clone());
                universe.tokens.push(token);
            }
        }
        for text in added {
            if universe.take(score_table.word(text)) {
                universe.corpus.words.push(Word { text: text.clone(), categories: Vec::new() });
                universe.tokens.push(NONE);
                universe.added += 1;
            }
        }
        if universe.added > 0 {
            universe.corpus.name = format!("{}+{} added", corpus.name, universe.added);
        }
        for text in typed {
            if universe.take(score_table.word(text)) {
                universe.own.push(text.clone());
            }
        }
        universe
    }

    /// Gives a word that is not here yet the next index; false for one that is.
    fn take(&mut self, id: WordId) -> bool {
        if self.index_of(id).is_some() {
            return false;
        }
        let slot = id.0 as usize;
        if self.index.len() <= slot {
            self.index.resize(slot + 1, NONE);
        }
        self.index[slot] = self.ids.len() as u32;
        self.ids.push(id);
        true
    }

    /// The index of a word.
    pub fn index_of(&self, word: WordId) -> Option<usize> {
        self.index.get(word.0 as usize).filter(|&&at| at != NONE).map(|&at| at as usize)
    }

    /// The token that a word is, where it is one of a vocabulary.
    pub fn token(&self, at: usize) -> Option<u32> {
        self.tokens.get(at).copied().filter(|&token| token != NONE)
    }

    /// The text of a word.
    pub fn text(&self, at: usize) -> &Arc<str> {
        match self.corpus.words.get(at) {
            Some(word) => &word.text,
            None => &self.own[at - self.corpus.words.len()],
        }
    }

    /// Indices into the list's categories; an own word has none.
    pub fn categories(&self, at: usize) -> &[u16] {
        self.corpus.words.get(at).map_or(&[], |word| &word.categories)
    }

    /// The texts of the column of categories; for an own word the label of own words.
    pub fn category_names(&self, at: usize) -> Vec<&str> {
        match self.corpus.words.get(at) {
            Some(word) => self.corpus.categories_of(word).collect(),
            None => vec![own_label(&self.corpus.categories)],
        }
    }

    /// Cells of the longest word, with the id of a token beside it; at most 60. Counted once, where tables are ranked.
    pub(super) fn longest(&self) -> u16 {
        let cells = |at: usize| {
            let id = if self.token(at).is_some() { 8 } else { 0 };
            (visible_word(self.text(at), false).width() + id).min(usize::from(LONGEST)) as u16
        };
        *self.longest.get_or_init(|| (0..self.len()).map(cells).max().unwrap_or(0))
    }

    /// Whether a word is an own word.
    pub fn is_own(&self, at: usize) -> bool {
        at >= self.listed()
    }

    /// Whether the list has a word.
    pub fn lists(&self, word: WordId) -> bool {
        self.index_of(word).is_some_and(|at| !self.is_own(at))
    }

    /// Whether the user added a word to the list.
    pub fn is_added(&self, at: usize) -> bool {
        (self.listed() - self.added..self.listed()).contains(&at)
    }

    /// How many words the list has: theirs are the first indices.
    pub fn listed(&self) -> usize {
        self.corpus.words.len()
    }

    /// How many words there are, own ones among them.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no word at all.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corpus() -> Corpus {
        let mut corpus = Corpus::new("test");
        corpus.categories.push("agency".to_owned());
        for text in ["freedom", "power"] {
            corpus.words.push(Word { text: text.into(), categories: vec![0] });
        }
        corpus
    }

    #[test]
    fn own_words_stand_beside_the_list_and_words_that_it_has_are_its_own() {
        let mut score_table = ScoreTable::default();
        score_table.word("elsewhere");
        let universe = Universe::new(1, &corpus(), &[], &["power".into(), " love".into(), " love".into()], &mut score_table);
        let texts: Vec<_> = (0..universe.len()).map(|at| &**universe.text(at)).collect();
        assert_eq!(texts, ["freedom", "power", " love"]);
        assert_eq!((universe.listed(), universe.corpus.words.len(), universe.own.len()), (2, 2, 1));
        assert_eq!(universe.index_of(score_table.word("power")), Some(1));
        assert_eq!((universe.categories(1), universe.categories(2)), (&[0][..], &[][..]));
        assert_eq!((universe.category_names(1), universe.category_names(2)), (vec!["agency"], vec!["own"]));
        assert!(!universe.is_own(1) && universe.is_own(2));
        assert_eq!(universe.index_of(score_table.word("elsewhere")), None);
        assert_eq!(universe.index_of(score_table.word("never seen")), None);
    }

    #[test]
    fn added_words_are_the_lists_and_its_name_says_so() {
        let mut score_table = ScoreTable::default();
        let universe =
            Universe::new(1, &corpus(), &["zest".into(), "power".into()], &["zest".into(), "x".into()], &mut score_table);
        assert_eq!((universe.listed(), universe.own.len()), (3, 1));
        assert_eq!(&*universe.corpus.words[2].text, "zest");
        assert!(universe.is_added(2) && !universe.is_added(1) && !universe.is_added(3) && !universe.is_own(2));
        assert_eq!(universe.corpus.name, "test+1 added");
    }
}
