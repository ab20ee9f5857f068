//! A word as a model reads it: the rendered conversation, its tokens, and what may surprise in them.
//!
//! [`Inspection::of`] is pure: it is given texts and ids, and compares. [`inspect`] asks a tokenizer for them.

use std::ops::Range;
use std::sync::Arc;

use super::plan::common_prefix;
use crate::model::text::continuation::gap;
use crate::model::text::tokenizer::ChatTokenizer;
use crate::model::{Cancel, ModelError, PromptForm};

/// Two answers with neither a beginning nor an end in common, which nothing trims: where their conversations part, the
/// answer begins.
const PROBES: [&str; 2] = ["A", "b"];

/// One conversation, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// As the template writes it.
    pub rendered: String,
    /// Bytes of `rendered` that are the word, as far as the template left it.
    pub word: Range<usize>,
    /// Ids and their texts, of the whole conversation.
    pub tokens: Vec<(u32, String)>,
    /// How many tokens from the first are the same for the other words: they run once.
    pub shared: usize,
    /// The token at whose hidden state the reward is read, which is the last one, or the last before the pad token; none for a language model, which gives
    /// each token of the word a probability.
    pub pooled: Option<usize>,
    /// Warnings about this token.
    pub badges: Vec<Badge>,
}

/// Something that changes what a score means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Badge {
    /// The conversation starts with so many beginning-of-sequence tokens.
    DoubledBos(usize),
    /// The template takes white space off the word.
    Trimmed,
    /// The template writes something else than the word, trimmed or not.
    Rewritten(String),
    /// The tokenizer joins the beginning of the word with the text before it.
    Merges,
    /// Other words have the very same tokens, so they always score alike.
    SameTokens(Vec<Arc<str>>),
    /// The word has no score, for this reason.
    Unscorable(String),
}

/// A conversation's texts and tokens, from which the warnings are made.
#[derive(Clone, Debug, Default)]
pub struct Parts<'a> {
    /// The word that is looked at.
    pub word: &'a str,
    /// What parts it from a bare prompt: [`gap`].
    pub gap: &'static str,
    /// The whole conversation as text, by the chat template.
    pub rendered: String,
    /// The conversations of `PROBES`.
    pub probes: [String; 2],
    /// Ids and texts of the whole conversation, the policy on BOS applied.
    pub tokens: Vec<(u32, String)>,
    /// The id of the beginning-of-sequence token, where the tokenizer has one.
    pub bos: Option<u32>,
    /// Of a reward model: the index of the token that is read.
    pub pooled: Option<usize>,
    /// Ids of `rendered` alone, and of its part before the word: no policy applied to either.
    pub plain: Vec<u32>,
    /// Ids of the conversation up to the word's first token.
    pub before: Vec<u32>,
    /// Conversations of other words.
    pub company: Vec<(Arc<str>, Vec<u32>)>,
    /// Why the word cannot be scored.
    pub unscorable: Option<String>,
}

impl Inspection {
    /// Judges a conversation.
    pub fn of(parts: Parts) -> Inspection {
        let ids: Vec<u32> = parts.tokens.iter().map(|(id, _)| *id).collect();
        let place = answer(&parts.rendered, &parts.probes);
        let written = &parts.rendered[place.clone()];
        let mut badges = Vec::new();
        badges.extend(parts.unscorable.map(Badge::Unscorable));
        let beginnings = ids.iter().take_while(|id| Some(**id) == parts.bos).count();
        if beginnings > 1 {
            badges.push(Badge::DoubledBos(beginnings));
        }
        if written.strip_prefix(parts.gap) != Some(parts.word) {
            let trims = [parts.word.trim(), parts.word.trim_start(), parts.word.trim_end()];
            badges.push(if trims.contains(&written) { Badge::Trimmed } else { Badge::Rewritten(written.to_owned()) });
        }
        if !written.is_empty() && !parts.plain.starts_with(&parts.before) {
            badges.push(Badge::Merges);
        }
        let others = parts.company.iter().filter(|(word, _)| **word != *parts.word);
        let same: Vec<Arc<str>> = others.clone().filter(|(_, other)| *other == ids).map(|(word, _)| word.clone()).collect();
        if !same.is_empty() {
            badges.push(Badge::SameTokens(same));
        }
        let shared = common_prefix(std::iter::once(ids.as_slice()).chain(others.map(|(_, other)| other.as_slice())));
        Inspection {
            word: place,
            shared,
            pooled: parts.pooled.filter(|at| *at < parts.tokens.len()),
            rendered: parts.rendered,
            tokens: parts.tokens,
            badges,
        }
    }
}

/// The range of the answer in a conversation: two conversations with other answers are the same before and after it.
fn answer(rendered: &str, probes: &[String; 2]) -> Range<usize> {
    let [a, b] = probes;
    let start = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let tail = a.bytes().rev().zip(b.bytes().rev()).take_while(|(a, b)| a == b).count();
    let end = rendered.len().saturating_sub(tail);
    // A template that rearranges the conversation around some words leaves no such place.
    let whole = rendered.get(start..end).is_some() && rendered.get(..start) == a.get(..start);
    if whole { start..end } else { rendered.len()..rendered.len() }
}

/// Takes the conversation of `word` under `prompt` apart, or, with a `form`, the text that a language model reads;
/// `company` are other words of the same list.
///
/// Fails where the template does; a word that cannot be scored is no failure.
///
/// # Errors
/// A chat template or tokenizer that fails on the prompt.
pub fn inspect(
    tokenizer: &ChatTokenizer,
    form: Option<PromptForm>,
    prompt: &str,
    word: &str,
    company: &[Arc<str>],
) -> Result<Inspection, ModelError> {
    let render = |word: &str| match form {
        None => tokenizer.render(prompt, word),
        Some(form) => tokenizer.text_with(form, prompt, word),
    };
    let encode = |word: &str| match form {
        None => tokenizer.encode(prompt, word),
        Some(form) => {
            let found = tokenizer.continuations(form, prompt, &[word], &Cancel::default())?.pop();
            found.unwrap_or(Err(ModelError::Cancelled)).map(|continuation| continuation.ids)
        }
    };
    let rendered = render(word)?;
    // What parts a word from a bare prompt is read with the word, and so belongs to it here.
    let (gap, probes) = match form {
        None => ("", [render(PROBES[0])?, render(PROBES[1])?]),
        Some(form) => {
            let before = tokenizer.text_before(form, prompt)?;
            (gap(form, &before, word), PROBES.map(|probe| before.clone() + probe))
        }
    };
    let start = answer(&rendered, &probes).start;
    let mut others = Vec::with_capacity(company.len() + PROBES.len());
    for other in company.iter().cloned().chain(PROBES.map(Arc::from)) {
        // A word that fails is no company; it says so itself when it is looked at.
        if let Ok(ids) = encode(&other) {
            others.push((other, ids));
        }
    }
    let (ids, unscorable) = match encode(word) {
        Ok(ids) => (ids, None),
        Err(error) => (tokenizer.conversation(&rendered)?, Some(error.to_string())),
    };
    Ok(Inspection::of(Parts {
        word,
        gap,
        pooled: form.is_none().then(|| tokenizer.read_at(&ids)),
        tokens: ids.into_iter().map(|id| (id, tokenizer.token_text(id))).collect(),
        bos: tokenizer.bos(),
        plain: tokenizer.plain(&rendered)?,
        before: tokenizer.plain(&rendered[..start])?,
        company: others,
        unscorable,
        rendered,
        probes,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tokenizer of characters: ids are code points, `^` begins a sequence, and " l" is one token.
    fn ids(text: &str) -> Vec<u32> {
        let mut ids = Vec::new();
        for c in text.chars() {
            match (ids.last(), c) {
                (Some(32), 'l') => *ids.last_mut().unwrap() = 1000,
                _ => ids.push(c as u32),
            }
        }
        ids
    }

    fn inspected(word: &str, trims: bool, before: &str) -> Inspection {
        let render = |word: &str| format!("^which?{before}{}$", if trims { word.trim() } else { word });
        let rendered = render(word);
        let probes = PROBES.map(render);
        let start = answer(&rendered, &probes).start;
        let company = ["love", "war", "A", "b"].map(|w| (Arc::from(w), ids(&render(w)))).to_vec();
        Inspection::of(Parts {
            word,
            gap: "",
            tokens: ids(&rendered).into_iter().map(|id| (id, String::new())).collect(),
            bos: Some('^' as u32),
            pooled: Some(ids(&rendered).len() - 1),
            plain: ids(&rendered),
            before: ids(&rendered[..start]),
            company,
            unscorable: None,
            rendered,
            probes,
        })
    }

    #[test]
    fn the_word_is_found_in_its_conversation_and_the_last_token_is_read() {
        let plain = inspected("peace", true, "\n");
        assert_eq!(&plain.rendered[plain.word.clone()], "peace");
        assert_eq!((plain.shared, plain.pooled, plain.tokens.len()), (8, Some(13), 14));
        assert_eq!(plain.badges, []);
    }

    #[test]
    fn what_may_surprise_is_said() {
        let same = |word: &str| Badge::SameTokens(vec![word.into()]);
        for (word, trims, before, expected) in [
            ("peace", true, "\n", vec![]),
            (" love", true, "\n", vec![Badge::Trimmed, same("love")]),
            (" love", false, "\n", vec![]),
            ("lost", true, ": ", vec![Badge::Merges]),
            ("cost", true, ": ", vec![]),
            ("peace", true, "^\n", vec![]),
        ] {
            assert_eq!(inspected(word, trims, before).badges, expected, "{word:?}");
        }
        let doubled = Inspection::of(Parts { tokens: vec![(7, String::new()); 2], bos: Some(7), ..Parts::default() });
        assert_eq!(doubled.badges, [Badge::DoubledBos(2)]);
        let shouted =
            Parts { word: "x", rendered: "<X>".to_owned(), probes: ["<A>".to_owned(), "<B>".to_owned()], ..Parts::default() };
        assert_eq!(Inspection::of(shouted).badges, [Badge::Rewritten("X".to_owned())]);
    }

    #[test]
    fn the_space_behind_a_bare_prompt_is_read_with_the_word_and_is_no_rewriting() {
        let parts = Parts {
            word: "peace",
            gap: " ",
            rendered: "which? peace".to_owned(),
            probes: ["which?A".to_owned(), "which?b".to_owned()],
            tokens: ids("which? peace").into_iter().map(|id| (id, String::new())).collect(),
            plain: ids("which? peace"),
            before: ids("which?"),
            ..Parts::default()
        };
        let found = Inspection::of(parts);
        assert_eq!((&found.rendered[found.word.clone()], found.badges.len()), (" peace", 0), "{:?}", found.badges);
    }

    #[test]
    fn a_template_that_turns_the_conversation_round_is_no_panic() {
        for rendered in ["", "é", "other"] {
            let parts =
                Parts { word: "w", rendered: rendered.to_owned(), probes: ["<<<A".into(), "<<<b".into()], ..Parts::default() };
            assert_eq!(Inspection::of(parts).rendered, rendered);
        }
    }
}
