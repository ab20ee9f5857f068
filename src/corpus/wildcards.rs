//! Terms with a `*`, which stand for many words: kept aside, and expanded where the words are known that have scores.

use std::collections::{HashMap, HashSet};

use super::{Builder, Corpus};

/// What a note says of wildcards that were not expanded.
const PASSED_OVER: &str = "terms that end in * stand for many words and were passed over";

/// A term as `kind*`, which stands for every word that begins so, `kind` itself too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wildcard {
    /// What the words begin with.
    pub stem: String,
    /// Names of the categories that its words belong to.
    pub categories: Vec<String>,
}

/// What a term of a list is.
pub(super) enum Term<'a> {
    Word,
    /// It ends in `*`: what stands before.
    Stem(&'a str),
    /// It has a `*` elsewhere.
    Pattern,
}

/// What a term is. A `*` beside signs alone, as in a vocabulary, is part of a word.
pub(super) fn term(text: &str) -> Term<'_> {
    let of_a_word = |letter: char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '\'' | '_' | '*');
    if !text.contains('*') || !text.contains(char::is_alphabetic) || !text.chars().all(of_a_word) {
        return Term::Word;
    }
    match text.strip_suffix('*') {
        Some(stem) if !stem.contains('*') => Term::Stem(stem),
        _ => Term::Pattern,
    }
}

/// What is to be said of so many wildcards.
pub(super) fn note(wildcards: usize) -> Option<String> {
    (wildcards > 0).then(|| format!("{wildcards} {PASSED_OVER}"))
}

impl Corpus {
    /// The notes, but for the one on wildcards: for a list that is expanded for each file by itself.
    pub fn notes_when_expanded(&self) -> impl Iterator<Item = &String> {
        self.notes.iter().filter(|note| !note.ends_with(PASSED_OVER))
    }

    /// Puts the scored words into the list that its wildcards stand for, behind its own; a word of the list gets the
    /// categories of those that it begins like. A note says how many words each gave.
    pub fn expand<'a>(&mut self, scored: impl IntoIterator<Item = &'a str>) {
        if self.wildcards.is_empty() {
            return;
        }
        let wildcards = std::mem::take(&mut self.wildcards);
        self.notes = self.notes_when_expanded().cloned().collect();
        let before = self.words.len();
        // By first letter, as a vocabulary meets hundreds of wildcards.
        let mut by_letter: HashMap<char, Vec<(usize, &Wildcard)>> = HashMap::new();
        for (at, wildcard) in wildcards.iter().enumerate() {
            if let Some(letter) = wildcard.stem.chars().next() {
                by_letter.entry(letter).or_default().push((at, wildcard));
            }
        }
        let mut found = vec![0_usize; wildcards.len()];
        let mut seen = HashSet::new();
        let mut builder = Builder::new(std::mem::take(self));
        for word in scored {
            let Some(alike) = word.chars().next().and_then(|letter| by_letter.get(&letter)) else { continue };
            for (at, wildcard) in alike.iter().filter(|(_, wildcard)| word.starts_with(&wildcard.stem)) {
                builder.add(word, wildcard.categories.iter().map(String::as_str));
                found[*at] += usize::from(seen.insert((*at, word)));
            }
        }
        *self = builder.finish();
        let without = found.iter().filter(|&&words| words == 0).count();
        let (new, words) = (self.words.len() - before, seen.iter().map(|(_, word)| word).collect::<HashSet<_>>().len());
        self.notes.push(format!(
            "{} terms that end in * stand for {words} scored words, {new} of which the list does not have itself; {without} of \
             them stand for none",
            wildcards.len(),
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_become_the_scored_words_that_begin_so() {
        let mut corpus = Corpus::from_words("x", ["kindness", "war"].map(str::to_owned));
        let wildcard = |stem: &str, category: &str| Wildcard { stem: stem.to_owned(), categories: vec![category.to_owned()] };
        corpus.wildcards = vec![wildcard("kind", "care"), wildcard("kin", "family"), wildcard("zeal", "none")];
        corpus.notes = vec!["another".to_owned(), note(3).unwrap()];
        corpus.expand(["kind", " kind", "kindness", "Kind", "kin", "kind"]);
        let words: Vec<(&str, Vec<&str>)> =
            corpus.words.iter().map(|word| (&*word.text, corpus.categories_of(word).collect())).collect();
        let expected =
            [("kindness", vec!["care", "family"]), ("war", vec![]), ("kind", vec!["care", "family"]), ("kin", vec!["family"])];
        assert_eq!(words, expected);
        assert_eq!(corpus.notes.len(), 2, "{:?}", corpus.notes);
        assert!(corpus.notes[1].contains("3 terms that end in * stand for 3 scored words, 2 of which"), "{:?}", corpus.notes);
        assert!(corpus.notes[1].contains("1 of them stand for none"), "{:?}", corpus.notes);
        let before = corpus.clone();
        corpus.expand(["kindly"]);
        assert_eq!(corpus, before, "once is enough");
    }

    #[test]
    fn a_star_among_signs_is_a_word() {
        for text in ["*", "**", "*/", " *", ":*", "x"] {
            assert!(matches!(term(text), Term::Word), "{text}");
        }
        assert!(matches!(term("kind*"), Term::Stem("kind")) && matches!(term("be kind*"), Term::Stem("be kind")));
        assert!(matches!(term("wid*get"), Term::Pattern) && matches!(term("*ing"), Term::Pattern));
    }
}
