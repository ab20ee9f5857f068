//! Prompts and the factors of the study's design: adjective × superlative × concision, and the framing they imply.

use crate::base::terms::Framing;
use std::sync::Arc;

/// The levels of one prompt in the factorial design (paper, section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Factors {
    /// The level of the factor adjective, as `greatest`.
    pub adjective: String,
    /// The level of the factor superlative, as `ever`.
    pub superlative: String,
    /// The level of the factor concision, as `one`.
    pub concision: String,
}

/// A question put to the model as the user's turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// `greatest_ever_one`; none for a text typed by the user.
    pub key: Option<Arc<str>>,
    /// The question exactly as it is put.
    pub text: Arc<str>,
    /// None where it is not known.
    pub framing: Option<Framing>,
    /// Its place in a factorial design, where it has one.
    pub factors: Option<Factors>,
}

impl Prompt {
    /// Whether both are one prompt: they have the same text, or the same key.
    pub fn is(&self, other: &Prompt) -> bool {
        self.text == other.text || (self.key.is_some() && self.key == other.key)
    }

    /// What names the prompt in tables and files: its key, or its text where it has none.
    pub fn label(&self) -> &str {
        self.key.as_deref().unwrap_or(&self.text)
    }
}

/// A named list of prompts, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptSet {
    /// The name of the set.
    pub name: String,
    /// Its prompts, in order.
    pub prompts: Vec<Prompt>,
}
