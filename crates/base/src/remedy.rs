//! What a message advises, without knowing how the user does it.
//!
//! Models, stores and word lists advise another dtype or another file, and are used behind a command line, a screen, or as a
//! library. So a message names a [`Remedy`], and the program says once, by [`use_wording`], how its users ask for one:
//! `--dtype bf16` on a command line. A program that says nothing gets the plain terms below.

use std::fmt;
use std::sync::OnceLock;

/// Something that a message advises or speaks of: a setting of a run, or a list to look into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// How many beginning-of-sequence tokens there are.
    Bos,
    /// The number format that is computed in.
    Dtype,
    /// The device that computes.
    Device,
    /// Language models: the word comes after the chat template's opening of an answer.
    Chat,
    /// Language models: the word comes after the prompt's text.
    Bare,
    /// The day that chat templates are given.
    TemplateDate,
    /// The soft-cap on attention scores.
    Softcap,
    /// Rewards rounded to the dtype of their published run.
    ReferenceRounding,
    /// What a checkpoint is taken for, whatever its files show.
    TakenAs,
    /// The token whose logit is a language model's reward.
    TokenLogit,
    /// Rewards brought to the scale that a checkpoint holds for them.
    Normalize,
    /// The token that a reward is read at.
    Read,
    /// The row of a head with several that is the reward.
    HeadRow,
    /// One of several chat templates, by its name.
    ChatTemplate,
    /// The file that scores are kept in.
    Store,
    /// The base model that a model grew from.
    Family,
    /// A word list.
    Corpus,
    /// A column of ratings.
    RatingColumn,
    /// A plain list, one word a line.
    WordsFile,
    /// A prompt.
    Prompt,
    /// The list of known models.
    Models,
    /// The list of known prompts.
    Prompts,
    /// The list of known word lists.
    Corpora,
    /// The implicit reward of two models for each token of their vocabularies.
    ImplicitVocabulary,
}

/// Writes a remedy, with the value that is advised or with `""`, as its user asks for it.
pub type Wording = fn(Remedy, &str) -> String;

static WORDING: OnceLock<Wording> = OnceLock::new();

/// From here on messages of this process use this wording. The first call holds.
pub fn use_wording(wording: Wording) {
    WORDING.get_or_init(|| wording);
}

impl Remedy {
    /// Every one.
    pub const ALL: [Remedy; 24] = [
        Remedy::Bos,
        Remedy::Dtype,
        Remedy::Device,
        Remedy::Chat,
        Remedy::Bare,
        Remedy::TemplateDate,
        Remedy::Softcap,
        Remedy::ReferenceRounding,
        Remedy::TakenAs,
        Remedy::TokenLogit,
        Remedy::Normalize,
        Remedy::Read,
        Remedy::HeadRow,
        Remedy::ChatTemplate,
        Remedy::Store,
        Remedy::Family,
        Remedy::Corpus,
        Remedy::RatingColumn,
        Remedy::WordsFile,
        Remedy::Prompt,
        Remedy::Models,
        Remedy::Prompts,
        Remedy::Corpora,
        Remedy::ImplicitVocabulary,
    ];

    /// With the value that is advised: `--dtype bf16`.
    pub fn with(self, value: impl fmt::Display) -> String {
        WORDING.get().unwrap_or(&(plain as Wording))(self, &value.to_string())
    }
}

/// Without a value: `--dtype`.
impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.with(""))
    }
}

/// `dtype bf16`
fn plain(remedy: Remedy, value: &str) -> String {
    let term = match remedy {
        Remedy::Bos => "BOS policy",
        Remedy::Dtype => "dtype",
        Remedy::Device => "device",
        Remedy::Chat => "chat form",
        Remedy::Bare => "bare form",
        Remedy::TemplateDate => "template date",
        Remedy::Softcap => "soft-cap",
        Remedy::ReferenceRounding => "rounding to the published dtype",
        Remedy::TakenAs => "kind",
        Remedy::TokenLogit => "token logit",
        Remedy::Normalize => "normalization",
        Remedy::Read => "token to read",
        Remedy::HeadRow => "head row",
        Remedy::ChatTemplate => "chat template",
        Remedy::Store => "store",
        Remedy::Family => "family",
        Remedy::Corpus => "word list",
        Remedy::RatingColumn => "column of ratings",
        Remedy::WordsFile => "file of words",
        Remedy::Prompt => "prompt",
        Remedy::Models => "the catalogue of models",
        Remedy::Prompts => "the list of prompts",
        Remedy::Corpora => "the list of word lists",
        Remedy::ImplicitVocabulary => "the implicit reward over both vocabularies",
    };
    if value.is_empty() { term.to_owned() } else { format!("{term} {value}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The one test of this process that settles a wording.
    #[test]
    fn a_remedy_is_worded_as_the_program_says() {
        assert_eq!((Remedy::Dtype.with("bf16"), Remedy::Bos.to_string()), ("dtype bf16".to_owned(), "BOS policy".to_owned()));
        use_wording(|remedy, value| format!("set {remedy:?} {value}"));
        assert_eq!(Remedy::Dtype.with("bf16"), "set Dtype bf16");
        use_wording(|_, _| String::new());
        assert_eq!(Remedy::Dtype.with("f32"), "set Dtype f32", "the first wording holds");
    }
}
