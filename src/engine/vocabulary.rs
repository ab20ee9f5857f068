//! Every token of a tokenizer as a word; tokens with the same text are distinguished by their ids.
//!
//! Knows the tokenizer's files, not the model's weights: a vocabulary can be listed before anything is loaded.

use std::collections::HashMap;
use std::sync::Arc;

use crate::corpus::{Corpus, Word};
use crate::model::format::files::Files;
use crate::model::text::tokenizer::ChatTokenizer;
use crate::model::{BosPolicy, ModelError};

/// Another token has the very same text.
pub const SAME_TEXT: &str = "same text";
/// Another token has the same text but for white space around it, which a chat template may trim.
pub const SAME_TRIMMED: &str = "same trimmed";

/// The vocabulary of a checkpoint as a corpus, in order of id.
///
/// Its words repeat where tokens have the same text; those, and those that differ by white space alone, stand in a category
/// that says so. Fails where the tokenizer cannot be read.
///
/// # Errors
/// A tokenizer that cannot be read.
pub fn read(files: &Files) -> Result<Corpus, ModelError> {
    let tokenizer = ChatTokenizer::load(files, BosPolicy::Single, usize::MAX, None)?;
    Ok(corpus(tokenizer.ids_known().into_iter().map(|id| (id, tokenizer.token_text(id))).collect()))
}

/// How many tokens each word is to a checkpoint's tokenizer, standing alone and without special tokens.
///
/// # Errors
/// A tokenizer that cannot be read, or fails on a word.
pub fn token_counts(files: &Files, words: &[&Arc<str>]) -> Result<Vec<f64>, ModelError> {
    let tokenizer = ChatTokenizer::load(files, BosPolicy::Single, usize::MAX, None)?;
    words.iter().map(|word| Ok(tokenizer.plain(word)?.len() as f64)).collect()
}

fn corpus(tokens: Vec<(u32, String)>) -> Corpus {
    let mut corpus = Corpus::new("vocabulary");
    corpus.categories = vec![SAME_TEXT.to_owned(), SAME_TRIMMED.to_owned()];
    let (mut exact, mut trimmed): (HashMap<&str, u32>, HashMap<&str, u32>) = Default::default();
    for (_, text) in &tokens {
        *exact.entry(text).or_default() += 1;
        *trimmed.entry(text.trim()).or_default() += 1;
    }
    for (id, text) in &tokens {
        let (same, alike) = (exact[text.as_str()], trimmed[text.trim()]);
        let categories = [(0, same > 1), (1, alike > same)].into_iter().filter(|(_, holds)| *holds).map(|(at, _)| at);
        corpus.words.push(Word { text: Arc::from(text.as_str()), categories: categories.collect() });
        corpus.tokens.push(*id);
    }
    corpus
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_with_one_text_are_kept_apart_and_marked() {
        let tokens = ["love", " love", "love", "war", "\t", " "];
        let corpus = corpus(tokens.iter().zip(10..).map(|(text, id)| (id, (*text).to_owned())).collect());
        let told: Vec<(u32, &str, Vec<&str>)> =
            corpus.tokens.iter().zip(&corpus.words).map(|(id, w)| (*id, &*w.text, corpus.categories_of(w).collect())).collect();
        assert_eq!(
            told,
            [
                (10, "love", vec![SAME_TEXT, SAME_TRIMMED]),
                (11, " love", vec![SAME_TRIMMED]),
                (12, "love", vec![SAME_TEXT, SAME_TRIMMED]),
                (13, "war", vec![]),
                (14, "\t", vec![SAME_TRIMMED]),
                (15, " ", vec![SAME_TRIMMED]),
            ]
        );
    }
}
