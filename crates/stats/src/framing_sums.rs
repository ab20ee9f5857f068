//! What a model thinks of a word whatever it is asked: the sum of the word's scores as the best and as the worst.
//!
//! A model whose order turns about with the question gives every word a sum of 0. A sum above 0 says that the word is liked
//! in both answers, one below 0 that it is disliked in both (framing asymmetry).

use std::sync::Arc;

use rayon::prelude::*;
use rewardscope_base::terms::Framing;
use serde::Serialize;

use super::agreement::mean_over_prompts;
use super::results::text;
use super::study::Study;
use super::{mean_sd, z_scores};

/// Words named at either end.
const NAMED: usize = 20;

/// The sums of one model's words.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FramingSums {
    /// The model's name.
    #[serde(serialize_with = "text")]
    pub model: Arc<str>,
    /// Prompts of a positive framing.
    pub positive_prompts: usize,
    /// Prompts of a negative framing.
    pub negative_prompts: usize,
    /// Words with a score under both.
    pub n: usize,
    /// Standard deviation of the sums over words: 0 where the order turns about.
    pub sd_of_sums: f64,
    /// Standard deviation of the differences: 0 where the framing makes no difference.
    pub sd_of_differences: f64,
    /// The words with the highest sums, the highest first.
    pub highest: Vec<FramingSum>,
    /// The words with the lowest sums, the lowest first.
    pub lowest: Vec<FramingSum>,
}

/// A word under both framings, in z-scores within model and prompt, of which the means over prompts are taken.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FramingSum {
    /// The word.
    pub word: String,
    /// Mean under positive prompts.
    pub positive: f64,
    /// Mean under negative prompts.
    pub negative: f64,
    /// Both together.
    pub sum: f64,
    /// The first less the second.
    pub difference: f64,
}

/// Every model that was asked under both framings.
pub fn framing_sums(study: &Study) -> Vec<FramingSums> {
    (0..study.models.len()).into_par_iter().filter_map(|model| of_model(study, model)).collect()
}

fn of_model(study: &Study, model: usize) -> Option<FramingSums> {
    let mean = |framing| mean_over_prompts(study, model, Some(framing), z_scores);
    let ((positive, positive_prompts), (negative, negative_prompts)) = (mean(Framing::Positive), mean(Framing::Negative));
    if positive_prompts == 0 || negative_prompts == 0 {
        return None;
    }
    let sum = |word: &usize| positive[*word] + negative[*word];
    let mut words: Vec<usize> = (0..study.words.len()).filter(|word| !sum(word).is_nan()).collect();
    let (_, sd_of_sums) = mean_sd(&words.iter().map(sum).collect::<Vec<_>>())?;
    let (_, sd_of_differences) = mean_sd(&words.iter().map(|&word| positive[word] - negative[word]).collect::<Vec<_>>())?;
    words.sort_by(|a, b| sum(b).total_cmp(&sum(a)));
    let named = |&word: &usize| FramingSum {
        word: study.words[word].text.to_string(),
        positive: positive[word],
        negative: negative[word],
        sum: sum(&word),
        difference: positive[word] - negative[word],
    };
    Some(FramingSums {
        model: study.models[model].name.clone(),
        positive_prompts,
        negative_prompts,
        n: words.len(),
        sd_of_sums,
        sd_of_differences,
        highest: words.iter().take(NAMED).map(named).collect(),
        lowest: words.iter().rev().take(NAMED).map(named).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::tests::study;

    #[test]
    fn a_word_that_is_liked_in_both_answers_has_the_highest_sum() {
        let words: Vec<(&str, &[u16])> = vec![("both", &[]), ("best", &[]), ("worst", &[]), ("neither", &[])];
        let prompts = [("p", Some(Framing::Positive)), ("n", Some(Framing::Negative)), ("own", None)];
        let turned: [&[f64]; 3] = [&[4.0, 3.0, 2.0, 1.0], &[10.0, 20.0, 30.0, 40.0], &[0.0; 4]];
        let liked: [&[f64]; 3] = [&[9.0, 9.0, 1.0, 1.0], &[9.0, 1.0, 9.0, 1.0], &[0.0; 4]];
        let one_side: [&[f64]; 3] = [&[1.0, 2.0, 3.0, 4.0], &[f64::NAN; 4], &[0.0; 4]];
        let found =
            framing_sums(&study(&words, &prompts, &[("turned", "F", &turned), ("liked", "F", &liked), ("one", "F", &one_side)]));
        assert_eq!(found.iter().map(|of| &*of.model).collect::<Vec<_>>(), ["turned", "liked"]);
        assert!(found[0].sd_of_sums < 1e-12 && found[0].sd_of_differences > 1.0, "{:?}", found[0]);
        assert_eq!((&*found[1].highest[0].word, &*found[1].lowest[0].word), ("both", "neither"));
        let first = &found[1].highest[0];
        assert_eq!((first.difference, first.sum), (0.0, 2.0 * first.positive));
    }
}
