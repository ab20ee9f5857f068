//! What is found of the scores themselves.

use std::sync::Arc;

use rewardscope_base::terms::Framing;
use serde::Serialize;

use super::text;

/// Of one model's scores under one prompt, by the estimators of pandas' `std`, `skew` and `kurt`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Moments {
    /// The model's name.
    #[serde(serialize_with = "text")]
    pub model: Arc<str>,
    /// The prompt's label.
    #[serde(serialize_with = "text")]
    pub prompt: Arc<str>,
    /// None where it is not known.
    pub framing: Option<Framing>,
    /// Words with a score.
    pub n: usize,
    /// In the unit of the scores.
    pub mean: f64,
    /// Standard deviation with n - 1, in the unit of the scores; none of one word.
    pub sd: Option<f64>,
    /// Corrected for bias: G1 of Joanes and Gill (1998). None of fewer than three words, and of equal scores.
    pub skew: Option<f64>,
    /// Excess (0 for a normal distribution), corrected for bias: G2 of Joanes and Gill. None of fewer than four words, and of
    /// equal scores.
    pub kurtosis: Option<f64>,
}

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
