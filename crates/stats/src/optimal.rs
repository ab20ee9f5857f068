//! The words that each model scores highest and lowest, with the ranks that the other models give them ("optimal and pessimal
//! tokens", Christian et al. 2025, arXiv 2506.07326).

use std::sync::Arc;

use serde::Serialize;

use super::ranks;
use super::results::text;
use super::study::Study;

/// One model under one prompt.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Optimal {
    /// The model's name.
    #[serde(serialize_with = "text")]
    pub model: Arc<str>,
    /// The prompt's label.
    #[serde(serialize_with = "text")]
    pub prompt: Arc<str>,
    /// The words with the highest scores, the highest first.
    pub optimal: Vec<RankedWord>,
    /// The words with the lowest scores, the lowest first.
    pub pessimal: Vec<RankedWord>,
}

/// A word at one of the ends.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RankedWord {
    /// The word.
    pub word: String,
    /// Its raw score.
    pub score: f64,
    /// Its rank by every model of the study, in their order; 1 is the highest score, ties averaged. None where a model has no
    /// score.
    pub ranks: Vec<Option<f64>>,
}

/// Of every prompt and model, in their orders, the `many` words at either end; of words with one score, the first of the list.
pub fn optimal(study: &Study, many: usize) -> Vec<Optimal> {
    let mut found = Vec::new();
    for (at, prompt) in study.prompts.iter().enumerate() {
        let ranks: Vec<Vec<f64>> =
            study.models.iter().map(|model| model.scores.get(at).map_or(Vec::new(), |of| ranks(of))).collect();
        for (own, model) in study.models.iter().enumerate() {
            let Some(scores) = model.scores.get(at) else { continue };
            let mut words: Vec<usize> = (0..study.words.len()).filter(|&word| !scores[word].is_nan()).collect();
            words.sort_by(|&a, &b| ranks[own][a].total_cmp(&ranks[own][b]));
            let rank = |word: usize| ranks.iter().map(|of| of.get(word).copied().filter(|rank| !rank.is_nan())).collect();
            let named =
                |&word: &usize| RankedWord { word: study.words[word].text.to_string(), score: scores[word], ranks: rank(word) };
            found.push(Optimal {
                model: model.name.clone(),
                prompt: prompt.label.clone(),
                optimal: words.iter().take(many).map(named).collect(),
                pessimal: words.iter().rev().take(many).map(named).collect(),
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::tests::study;

    #[test]
    fn each_end_has_the_ranks_by_all_models() {
        let words: Vec<(&str, &[u16])> = vec![("a", &[]), ("b", &[]), ("c", &[]), ("d", &[])];
        let study =
            study(&words, &[("p", None)], &[("m", "F", &[&[1.0, 4.0, 2.0, 4.0]]), ("n", "F", &[&[4.0, 1.0, f64::NAN, 2.0]])]);
        let found = optimal(&study, 2);
        assert_eq!(found.len(), 2);
        let told = |of: &[RankedWord]| of.iter().map(|word| (word.word.clone(), word.ranks.clone())).collect::<Vec<_>>();
        let expected = [("b".to_owned(), vec![Some(1.5), Some(3.0)]), ("d".to_owned(), vec![Some(1.5), Some(2.0)])];
        assert_eq!(told(&found[0].optimal), expected);
        assert_eq!(found[0].pessimal.iter().map(|word| (&*word.word, word.score)).collect::<Vec<_>>(), [("a", 1.0), ("c", 2.0)]);
        assert_eq!(found[0].pessimal[1].ranks, [Some(3.0), None]);
        assert_eq!(found[1].optimal[0].word, "a");
    }
}
