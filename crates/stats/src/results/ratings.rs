//! What is found of scores beside ratings.

use std::sync::Arc;

use serde::Serialize;

use super::text;

/// The prompts whose scores are related to ratings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Asked {
    /// Those that ask for the best.
    Positive,
    /// Those that ask for the worst.
    Negative,
    /// A word's mean score under positive prompts less that under negative ones: its slope is the difference of the two
    /// slopes.
    Difference,
    /// All, where the framing of none is known; null in JSON.
    #[serde(untagged)]
    Any,
}

impl Asked {
    /// In the order of a report.
    pub(crate) const ALL: [Asked; 4] = [Asked::Positive, Asked::Negative, Asked::Difference, Asked::Any];

    /// As tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Asked::Positive => "positive",
            Asked::Negative => "negative",
            Asked::Difference => "difference",
            Asked::Any => "any",
        }
    }
}

/// One model's scores under one framing beside one column of ratings, over the words that have both.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Relation {
    /// The model's name.
    #[serde(serialize_with = "text")]
    pub model: Arc<str>,
    /// Its family.
    #[serde(serialize_with = "text")]
    pub family: Arc<str>,
    /// The prompts whose mean is the score.
    pub framing: Asked,
    /// The column of ratings.
    #[serde(serialize_with = "text")]
    pub column: Arc<str>,
    /// Prompts that a score is the mean over.
    pub prompts: usize,
    /// Words with a score and a rating.
    pub n: usize,
    /// Spearman's correlation; none where one side is all tied.
    pub spearman: Option<f64>,
    /// Kendall's tau-b.
    pub kendall: Option<f64>,
    /// In units of the score for one unit of the rating; none where it is not defined.
    pub slope: Option<f64>,
    /// The lower end of its 95 % interval.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// Where the line is at a rating of 0.
    pub intercept: Option<f64>,
    /// The slope in standard deviations of the score for one of the rating, by which models and columns can be compared.
    pub standardized: Option<f64>,
    /// The slope given other columns: first given all of them, then, where these are several, given each alone.
    pub adjusted: Vec<Adjusted>,
    /// The words farthest from the line, the farthest first.
    pub farthest: Vec<FromLine>,
    /// The words farthest apart in rank, the farthest first.
    pub rank_differences: Vec<RankDifference>,
    /// The categories of the word list among the differences.
    pub categories: Vec<CategoryDifference>,
}

/// A slope given other columns, over the words that have all of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Adjusted {
    /// The other columns.
    pub given: Vec<String>,
    /// Words with a score and all ratings.
    pub n: usize,
    /// As that of a [`Relation`]; none where one column follows from the others.
    pub slope: Option<f64>,
    /// The lower end of its 95 % interval.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// In standard deviations of the score for one of the rating.
    pub standardized: Option<f64>,
}

/// A word beside the line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FromLine {
    /// The word.
    pub word: String,
    /// Its rating.
    pub rating: f64,
    /// Its score.
    pub score: f64,
    /// The score less that of the line: above zero where the model likes the word more than its rating tells.
    pub residual: f64,
}

/// A word that model and ratings rank differently.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RankDifference {
    /// The word.
    pub word: String,
    /// The names of its categories.
    pub categories: Vec<String>,
    /// Its rank by the model, 1 for the highest score, ties averaged.
    pub score_rank: f64,
    /// Its rank by the rating, 1 for the highest.
    pub rating_rank: f64,
    /// The first less the second: below zero where the model ranks the word higher than its rating does.
    pub difference: f64,
}

/// The words of one category beside all others: a description, not a test.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CategoryDifference {
    /// The category's name.
    #[serde(serialize_with = "text")]
    pub category: Arc<str>,
    /// Its words with a score and a rating.
    pub n: usize,
    /// Mean rank by the model less rank by the rating: below zero where the model ranks them higher.
    pub mean_rank_difference: f64,
    /// Mean distance from the line; none where there is no line.
    pub mean_residual: Option<f64>,
}
