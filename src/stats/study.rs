//! What the statistics are computed from: scores of several models, under several prompts, over one list of words.

use std::sync::Arc;

use crate::corpus::Framing;

/// Scores over one list of words. Words of no category take part in the ranks and in nothing else.
#[derive(Clone, Debug, Default)]
pub struct Study {
    /// In order of name.
    pub categories: Vec<Arc<str>>,
    pub words: Vec<StudyWord>,
    pub prompts: Vec<StudyPrompt>,
    pub models: Vec<StudyModel>,
}

#[derive(Clone, Debug)]
pub struct StudyWord {
    pub text: Arc<str>,
    /// Indices into [`Study::categories`], ascending.
    pub categories: Vec<u16>,
}

#[derive(Clone, Debug)]
pub struct StudyPrompt {
    /// Its key, or its text where it has none.
    pub label: Arc<str>,
    /// None where it is not known: such a prompt has cells, and takes part in nothing that compares framings.
    pub framing: Option<Framing>,
}

#[derive(Clone, Debug)]
pub struct StudyModel {
    pub name: Arc<str>,
    /// `Gemma`, `Llama`, or a name that the user gave.
    pub family: Arc<str>,
    /// `[prompts][words]`, raw; NaN where there is no score (yet).
    pub scores: Vec<Arc<Vec<f64>>>,
}
