//! One word under every prompt, by every model.

use super::{ScoreColumn, scores_of_list};
use crate::app::universe::Universe;
use crate::base::terms::{ModelId, PromptId, WordId};

/// The rank of a word in one column of scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Among the words of the list; of an own word the rank that it would have.
    pub rank: f64,
    /// How many words of the list have a score there.
    pub of: usize,
}

impl Place {
    /// 0 for the best word and 1 for the last.
    pub fn share(&self) -> f64 {
        if self.of > 1 { ((self.rank - 1.0) / (self.of - 1) as f64).clamp(0.0, 1.0) } else { 0.5 }
    }
}

/// The ranks of one word.
#[derive(Clone, Debug, PartialEq)]
pub struct WordPage {
    /// The word.
    pub word: WordId,
    /// By model and prompt, where the word has a score.
    places: Vec<(ModelId, PromptId, Place)>,
}

impl WordPage {
    /// Cost: O(n) in the words of each column.
    pub(super) fn new(word: WordId, universe: &Universe, columns: &[(ModelId, PromptId, ScoreColumn)]) -> WordPage {
        let listed = universe.index_of(word).is_some_and(|at| !universe.is_own(at));
        let place = |column: &ScoreColumn| {
            let score = column.get(word.0 as usize).copied().filter(|score| !score.is_nan())?;
            let scores = scores_of_list(universe, column);
            let count = |holds: fn(f64, f64) -> bool| scores.iter().filter(|&&other| holds(other, score)).count();
            let (higher, equal) = (count(|a, b| a > b), count(|a, b| a == b));
            let tied = if listed { equal.saturating_sub(1) } else { equal };
            Some(Place { rank: 1.0 + higher as f64 + tied as f64 / 2.0, of: super::known(&scores) })
        };
        let places = columns.iter().filter_map(|(model, prompt, column)| Some((*model, *prompt, place(column)?)));
        WordPage { word, places: places.collect() }
    }

    /// The word's rank by a model under a prompt.
    pub fn place(&self, model: ModelId, prompt: PromptId) -> Option<Place> {
        self.places.iter().find(|(m, p, _)| (*m, *p) == (model, prompt)).map(|(.., place)| *place)
    }
}
