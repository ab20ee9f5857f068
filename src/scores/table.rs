//! Every score known in this process: by model, prompt and word.

use std::collections::HashMap;
use std::sync::Arc;

use crate::base::terms::{ModelId, PromptId, WordId};
use crate::corpus::Corpus;

/// Scores stay when corpus, prompt or view change: nothing is computed twice.
#[derive(Clone, Debug, Default)]
pub struct ScoreTable {
    words: Interner,
    tokens: HashMap<(Arc<str>, u32), u32>,
    prompts: Interner,
    /// Indexed by word; NaN where not known.
    scores: HashMap<(ModelId, PromptId), Arc<Vec<f64>>>,
}

impl ScoreTable {
    /// The id of a word, new or known.
    pub fn word(&mut self, text: &str) -> WordId {
        WordId(self.words.intern(text))
    }

    /// The id of a token of a vocabulary, new or known: another than that of the word with the same text.
    pub fn token(&mut self, text: &Arc<str>, token: u32) -> WordId {
        WordId(*self.tokens.entry((text.clone(), token)).or_insert_with(|| self.words.push(text.clone())))
    }

    /// The ids of a list's words, or of the tokens that they are.
    pub fn corpus(&mut self, corpus: &Corpus) -> Vec<WordId> {
        match corpus.tokens.is_empty() {
            true => corpus.words.iter().map(|word| self.word(&word.text)).collect(),
            false => corpus.words.iter().zip(&corpus.tokens).map(|(word, &token)| self.token(&word.text, token)).collect(),
        }
    }

    /// The text of a word or token.
    pub fn word_text(&self, id: WordId) -> &Arc<str> {
        &self.words.texts[id.0 as usize]
    }

    /// The id of a prompt, new or known.
    pub fn prompt(&mut self, text: &str) -> PromptId {
        PromptId(self.prompts.intern(text))
    }

    /// The text of a prompt.
    pub fn prompt_text(&self, id: PromptId) -> &Arc<str> {
        &self.prompts.texts[id.0 as usize]
    }

    /// Writes scores down; a score that is already there is replaced.
    pub fn insert(&mut self, model: ModelId, prompt: PromptId, scores: impl IntoIterator<Item = (WordId, f64)>) {
        let column = Arc::make_mut(self.scores.entry((model, prompt)).or_default());
        for (word, score) in scores {
            let at = word.0 as usize;
            if column.len() <= at {
                column.resize(at + 1, f64::NAN);
            }
            column[at] = score;
        }
    }

    /// A score; none where it is not known.
    pub fn score(&self, model: ModelId, prompt: PromptId, word: WordId) -> Option<f64> {
        let score = *self.scores.get(&(model, prompt))?.get(word.0 as usize)?;
        (!score.is_nan()).then_some(score)
    }

    /// A snapshot of a model's scores under a prompt, indexed by word id, NaN where unknown; cheap to take.
    pub fn column(&self, model: ModelId, prompt: PromptId) -> Arc<Vec<f64>> {
        self.scores.get(&(model, prompt)).cloned().unwrap_or_default()
    }

    /// Prompts for which the model has at least one score.
    pub fn prompts_of(&self, model: ModelId) -> Vec<PromptId> {
        let mut prompts: Vec<_> = self.scores.keys().filter(|(m, _)| *m == model).map(|(_, p)| *p).collect();
        prompts.sort_unstable();
        prompts
    }

    /// Drops a model's scores.
    pub fn forget(&mut self, model: ModelId) {
        self.scores.retain(|(m, _), _| *m != model);
    }
}

/// What a model computed in f32, as the f64 with the same shortest decimal digits: 0.1, not 0.10000000149011612. Every score
/// becomes one here, once, so that what is shown, written, read again and computed with is the same number.
pub fn decimal(score: f32) -> f64 {
    score.to_string().parse().unwrap_or(f64::from(score))
}

#[derive(Clone, Debug, Default)]
struct Interner {
    texts: Vec<Arc<str>>,
    ids: HashMap<Arc<str>, u32>,
}

impl Interner {
    fn intern(&mut self, text: &str) -> u32 {
        if let Some(&id) = self.ids.get(text) {
            return id;
        }
        let text: Arc<str> = text.into();
        let id = self.push(text.clone());
        self.ids.insert(text, id);
        id
    }

    /// A new id, which the text alone does not find.
    fn push(&mut self, text: Arc<str>) -> u32 {
        self.texts.push(text);
        self.texts.len() as u32 - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_found_by_what_they_belong_to() {
        let mut score_table = ScoreTable::default();
        let (model, other) = (ModelId(0), ModelId(1));
        let prompt = score_table.prompt("best?");
        let (love, cold) = (score_table.word("love"), score_table.word(" love"));
        assert_ne!(love, cold);
        score_table.insert(model, prompt, [(cold, 1.5)]);
        assert_eq!(score_table.score(model, prompt, cold), Some(1.5));
        assert_eq!(score_table.score(model, prompt, love), None);
        assert_eq!(score_table.score(other, prompt, cold), None);
        assert_eq!(score_table.prompts_of(model), [prompt]);
        score_table.forget(model);
        assert_eq!(score_table.score(model, prompt, cold), None);
    }

    #[test]
    fn a_score_is_the_decimal_number_that_is_written() {
        for score in [0.1f32, -2.345_678, 1e-7, f32::MAX] {
            assert_eq!(decimal(score).to_string(), score.to_string());
            assert_eq!(decimal(score) as f32, score);
        }
        assert!(decimal(f32::NAN).is_nan());
    }
}
