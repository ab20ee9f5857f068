//! A prompt and a word to the ids that a language model reads: the text before the word, and the word behind it, parted by a
//! space where the prompt is bare.
//!
//! Where the word begins among the ids is found by tokenizing the whole text with and without it, never by assuming a
//! boundary: a tokenizer may merge across it. Knows tokenizer and template, not what a token is worth.

use super::tokenizer::{AT_ONCE, ChatTokenizer};
use crate::{BosPolicy, Cancel, ModelError, PromptForm};
use rewardscope_base::remedy::Remedy;

/// One word behind its prompt, or a whole conversation, which is read at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continuation {
    /// Of the whole text; behind a word, without an end of turn.
    pub ids: Vec<u32>,
    /// Index of the word's first token: at least 1, below `ids.len()`; of a whole conversation, that
    /// of the token after the one that is read.
    pub word: usize,
    /// The word's first token holds text that stands before the word, so that its probability counts as well.
    pub merged: bool,
}

/// What stands between the text before a word and the word: behind a bare prompt one space, unless white space stands there
/// already or nothing stands on one of its sides. A template ends as its model was trained to go on: behind it, nothing.
///
/// The rule looks at the texts alone, so that it is the same for all models; the space counts with the word.
pub fn gap(form: PromptForm, before: &str, word: &str) -> &'static str {
    let is_open = |side: Option<char>| side.is_some_and(|c| !c.is_whitespace());
    let parted = form == PromptForm::Bare && is_open(before.chars().next_back()) && is_open(word.chars().next());
    if parted { " " } else { "" }
}

impl ChatTokenizer {
    /// The text that the word is put behind: the user's turn and the opening of the answer, or the prompt as it stands.
    pub fn text_before(&self, form: PromptForm, prompt: &str) -> Result<String, ModelError> {
        match form {
            PromptForm::Chat => self.chat_template()?.render_open(prompt),
            PromptForm::Bare => Ok(prompt.to_owned()),
        }
    }

    /// Ids of the text before the word, the policy on BOS applied.
    pub fn ids_before(&self, form: PromptForm, prompt: &str) -> Result<Vec<u32>, ModelError> {
        Ok(without(&self.end(), self.ids(&self.text_before(form, prompt)?)?))
    }

    /// The whole text that is read.
    pub fn text_with(&self, form: PromptForm, prompt: &str, word: &str) -> Result<String, ModelError> {
        let text = self.text_before(form, prompt)?;
        let gap = gap(form, &text, word);
        Ok(text + gap + word)
    }

    /// Puts each word behind the prompt exactly as it stands, across the [`gap`]; one result a word, in order.
    ///
    /// Fails as a whole where the prompt cannot be put, or when cancelled; for one word where nothing is left of it, or
    /// where no token stands before it.
    pub fn continuations(
        &self,
        form: PromptForm,
        prompt: &str,
        words: &[&str],
        cancel: &Cancel,
    ) -> Result<Vec<Result<Continuation, ModelError>>, ModelError> {
        let (text, end) = (self.text_before(form, prompt)?, self.end());
        let before = without(&end, self.ids(&text)?);
        let mut found = Vec::with_capacity(words.len());
        for words in words.chunks(AT_ONCE) {
            cancel.check()?;
            let whole = self.all_ids(words.iter().map(|word| Ok(format!("{text}{}{word}", gap(form, &text, word)))).collect());
            found.extend(words.iter().zip(whole).map(|(word, ids)| {
                let ids = self.judge(word, without(&end, ids?), Some(&before))?;
                continuation(word, ids, &before)
            }));
        }
        Ok(found)
    }

    /// What adding special tokens puts behind a text, where the policy adds them.
    fn end(&self) -> Vec<u32> {
        let alone = self.ids("").unwrap_or_default();
        alone.into_iter().skip_while(|id| Some(*id) == self.bos()).collect()
    }
}

fn without(end: &[u32], mut ids: Vec<u32>) -> Vec<u32> {
    if ids.ends_with(end) {
        ids.truncate(ids.len() - end.len());
    }
    ids
}

fn continuation(word: &str, ids: Vec<u32>, before: &[u32]) -> Result<Continuation, ModelError> {
    let shared = ids.iter().zip(before).take_while(|(a, b)| a == b).count();
    let refuse = |problem: &str, next: String| ModelError::Word { word: word.to_owned(), problem: problem.to_owned(), next };
    if shared == ids.len() {
        return Err(refuse("adds no token to the text before it", "Leave it out".to_owned()));
    }
    if shared == 0 {
        let problem = "no token stands before it, and a language model gives a probability only to what follows";
        return Err(refuse(problem, format!("Choose a prompt with text, or {}", Remedy::Bos.with(BosPolicy::Single))));
    }
    Ok(Continuation { ids, word: shared, merged: shared < before.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_begins_where_the_ids_part_from_those_of_the_prompt() {
        let before = [1, 7, 8];
        for (ids, word, merged) in [
            (&[1, 7, 8, 20][..], 3, false),
            (&[1, 7, 8, 20, 21], 3, false),
            // The prompt's last token and the word's first characters became one token.
            (&[1, 7, 9], 2, true),
            (&[1, 7, 9, 21], 2, true),
        ] {
            let found = continuation("w", ids.to_vec(), &before).unwrap();
            assert_eq!((found.word, found.merged, found.ids.as_slice()), (word, merged, ids));
        }
    }

    #[test]
    fn a_bare_prompt_and_its_word_are_parted_by_one_space_and_a_template_decides_for_itself() {
        for (before, word, expected) in [
            ("Which is best?", "love", " "),
            ("Which is best?", " love", ""),
            ("Which is best?", "\tlove", ""),
            ("Which is best?\n", "love", ""),
            ("Which is best?\u{3000}", "love", ""),
            ("最好的是什么？", "爱", " "),
            ("", "love", ""),
            ("Which is best?", "", ""),
        ] {
            assert_eq!(gap(PromptForm::Bare, before, word), expected, "{before:?} {word:?}");
            assert_eq!(gap(PromptForm::Chat, before, word), "");
        }
    }

    #[test]
    fn a_word_without_a_token_or_without_a_past_is_refused() {
        assert!(continuation("w", vec![1, 7], &[1, 7, 8]).unwrap_err().to_string().contains("adds no token"));
        assert!(continuation("w", vec![20], &[]).unwrap_err().to_string().contains("no token stands before it"));
    }

    #[test]
    fn an_end_that_special_tokens_add_is_not_scored() {
        assert_eq!(without(&[2], vec![1, 7, 2]), [1, 7]);
        assert_eq!(without(&[], vec![1, 7, 2]), [1, 7, 2]);
        assert_eq!(without(&[2], vec![1, 7]), [1, 7]);
    }
}
