//! What the statistics find: plain values, one type for each result.

mod agreement;
mod linear;
mod ratings;
mod scores;

use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::common::CommonWords;
use super::contrast::{TESTS, Test, TestResult};
pub use agreement::{AgreementMatrix, AgreementMeasure, MapPoint, Matrix, ModelMap};
pub use linear::{Anova, AnovaTerm, FixedEffect, MixedModel};
pub use ratings::{Adjusted, Asked, CategoryDifference, FromLine, RankDifference, Relation};
use rewardscope_base::terms::Framing;
pub use scores::{FramingSum, FramingSums, Moments, Optimal, RankedWord};

/// The family of a model of which none is known: such models have cells, and take part in no comparison of families.
pub const UNKNOWN_FAMILY: &str = "other";

/// Why the two kinds of test give different answers; written wherever both are shown.
pub const UNIT_NOTE: &str = "Welch and permutation tests take every prompt for a witness of its own, but the prompts of one \
     model are not independent: they ask one model nearly the same question. The exact test takes each model for one witness. \
     Where they differ, only the exact test says something about other models of these families.";

/// Whether a model likes under negative prompts what it dislikes under positive ones.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct FramingAgreement {
    /// The model's name.
    pub model: String,
    /// Prompts of a positive framing that have a score.
    pub positive_prompts: usize,
    /// Prompts of a negative framing that have a score.
    pub negative_prompts: usize,
    /// Words that have a rank under both framings.
    pub words: usize,
    /// Spearman's correlation, over words, of the mean rank under positive prompts with that under negative ones: -1 for a
    /// model that turns its order about, +1 for one that ranks words alike whatever is asked. None where it is not defined.
    pub spearman: Option<f64>,
}

/// One word between two families; differences are second family less first.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Dividing {
    /// The word.
    pub word: String,
    /// Models of each family that have the word.
    pub models: [usize; 2],
    /// Of mean ranks, in places: below zero where the second family ranks the word higher.
    pub rank: Estimate,
    /// Of mean z-scores: above zero where the second family scores it higher.
    pub z: Estimate,
}

/// A difference of means with its uncertainty: Welch's standard error and 95 % interval, models as the unit.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Estimate {
    /// Second family less first.
    pub difference: f64,
    /// None where a family has fewer than two models, or neither varies.
    pub se: Option<f64>,
    /// Welch–Satterthwaite.
    pub df: Option<f64>,
    /// The 95 % interval, low and high; none where `se` is.
    pub interval: Option<(f64, f64)>,
}

/// All of it. Lists are in a fixed order: models as given, families and categories by name, positive before negative.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Words ranked: those that every model has under every prompt that it was asked.
    pub words: usize,
    /// How many words are compared, and which models cost the others.
    pub common_words: CommonWords,
    /// What makes the numbers doubtful, in sentences; shown above them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Every model, in the order given.
    pub models: Vec<ModelFamily>,
    /// Labels of the prompts.
    #[serde(serialize_with = "texts")]
    pub prompts: Vec<Arc<str>>,
    /// Every cell that has a rank: by model, then prompt, then category.
    pub cells: Vec<Cell>,
    /// Cells of each model, by panel.
    pub models_summary: Vec<ModelSummary>,
    /// Scores of each model, scaled, by panel.
    pub scores_summary: Vec<ScoreSummary>,
    /// Cells of each family, by panel.
    pub families: Vec<FamilySummary>,
    /// Between each two families, second in alphabetical order minus first; empty where fewer than two are known.
    pub contrasts: Vec<Contrast>,
    /// The number of contrasts that can be tested at all, by which Bonferroni multiplies every p-value of a contrast. In JSON
    /// it is repeated under the key of each test that has a p-value.
    #[serde(serialize_with = "for_each_p")]
    pub adjusted_for: usize,
    /// Null where it is not identifiable; `mixed_model_note` then says why.
    pub mixed_model: Option<MixedModel>,
    /// Why there is no mixed model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mixed_model_note: Option<String>,
    /// Null where there is none; `anova_note` then says why.
    pub anova: Option<Anova>,
    /// Why there is no analysis of variance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anova_note: Option<String>,
    /// Between each two models, second minus first in the order given; only where they are few.
    pub model_contrasts: Vec<ModelContrast>,
    /// Of each two models under each prompt.
    pub agreement: Vec<Agreement>,
    /// Of all models, with the means over prompts, and a map of the models.
    pub agreement_matrix: AgreementMatrix,
    /// How each model's positive framings agree with its negative ones.
    pub framings: Vec<FramingAgreement>,
    /// Between each two known families, the words that they rank most differently.
    pub dividing: Vec<DividingWords>,
    /// Of the scores of each model under each prompt.
    pub moments: Vec<Moments>,
    /// The words that a model likes or dislikes under both framings.
    pub framing_sums: Vec<FramingSums>,
    /// Each model's scores beside each column of ratings; empty where none are given.
    pub ratings: Vec<Relation>,
    /// Columns in which words of the study have no score (yet).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub partial: Vec<PartialColumn>,
    /// What a reader should know: scores missing, families passed over, words left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Report {
    /// The models that no comparison of families counts, because their family is not known.
    pub fn models_of_no_family(&self) -> impl Iterator<Item = &str> {
        self.models.iter().filter(|model| &*model.family == UNKNOWN_FAMILY).map(|model| &*model.model)
    }
}

/// Differences are second family minus first, with models as the unit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DividingWords {
    /// In alphabetical order.
    pub families: [String; 2],
    /// The framing of the prompts that ranks are means over.
    pub framing: Framing,
    /// The farthest apart first.
    pub words: Vec<Dividing>,
}

/// A model and its family.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelFamily {
    /// The model's name.
    #[serde(serialize_with = "text")]
    pub model: Arc<str>,
    /// Its family.
    #[serde(serialize_with = "text")]
    pub family: Arc<str>,
}

/// Median rank of a category's words, within model and prompt: the unit of everything after.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cell {
    /// The model's name.
    #[serde(serialize_with = "text")]
    pub model: Arc<str>,
    /// Its family.
    #[serde(serialize_with = "text")]
    pub family: Arc<str>,
    /// The category's name.
    #[serde(serialize_with = "text")]
    pub category: Arc<str>,
    /// The prompt's label.
    #[serde(serialize_with = "text")]
    pub prompt: Arc<str>,
    /// None where it is not known.
    pub framing: Option<Framing>,
    /// Words of the category that were ranked.
    pub words: usize,
    /// 1 is the highest score; ties share a rank.
    pub median_rank: f64,
}

/// A model under a prompt for which some words of the study have no score; before words are left out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PartialColumn {
    /// The model's name.
    #[serde(serialize_with = "text")]
    pub model: Arc<str>,
    /// The prompt's label.
    #[serde(serialize_with = "text")]
    pub prompt: Arc<str>,
    /// With a score.
    pub words: usize,
    /// Words of the study.
    pub of: usize,
}

/// Of a model's cells in one category and framing; `sd` with n - 1 (NaN, in JSON null, where n is 1), `se = sd / √n`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelSummary {
    /// The model's name.
    #[serde(serialize_with = "text")]
    pub model: Arc<str>,
    /// The category's name.
    #[serde(serialize_with = "text")]
    pub category: Arc<str>,
    /// The framing of the prompts.
    pub framing: Framing,
    /// Cells.
    pub n: usize,
    /// Mean of the median ranks.
    pub mean: f64,
    /// Standard deviation, with n - 1.
    pub sd: f64,
    /// `sd / √n`.
    pub se: f64,
}

/// Of a model's scores of a category's words, over the prompts of one framing: rewards of one model beside another's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScoreSummary {
    /// The model's name.
    #[serde(serialize_with = "text")]
    pub model: Arc<str>,
    /// The category's name.
    #[serde(serialize_with = "text")]
    pub category: Arc<str>,
    /// The framing of the prompts.
    pub framing: Framing,
    /// Prompts; the means are those of the prompts' means.
    pub n: usize,
    /// Mean of the scores scaled to 0..1 within model and prompt.
    pub min_max: f64,
    /// Mean of the z-scores within model and prompt.
    pub z: f64,
}

/// Of a family's cells in one category and framing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FamilySummary {
    /// Its family.
    #[serde(serialize_with = "text")]
    pub family: Arc<str>,
    /// The category's name.
    #[serde(serialize_with = "text")]
    pub category: Arc<str>,
    /// The framing of the prompts.
    pub framing: Framing,
    /// Cells.
    pub n: usize,
    /// Mean of the median ranks.
    pub mean: f64,
    /// Standard deviation, with n - 1.
    pub sd: f64,
    /// `sd / √n`.
    pub se: f64,
}

/// One panel (category and framing): do the families differ?
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Contrast {
    /// The category's name.
    #[serde(serialize_with = "text")]
    pub category: Arc<str>,
    /// The framing of the prompts.
    pub framing: Framing,
    /// In alphabetical order.
    #[serde(serialize_with = "texts")]
    pub families: [Arc<str>; 2],
    /// Cells of each.
    pub n: [usize; 2],
    /// Models of each.
    pub models: [usize; 2],
    /// Mean of the second family's cells minus mean of the first's.
    pub difference: f64,
    /// One for each of [`TESTS`], in their order. In JSON each has the key of its test, and is null where it was not made.
    #[serde(flatten, serialize_with = "by_key")]
    pub results: Vec<TestResult>,
}

impl Contrast {
    /// What a test found; none where it was not made.
    pub fn result(&self, test: &Test) -> Option<&TestResult> {
        made(&self.results, test)
    }
}

/// One panel of two models: do their cells differ?
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelContrast {
    /// In the order of the study.
    #[serde(serialize_with = "texts")]
    pub models: [Arc<str>; 2],
    /// The category's name.
    #[serde(serialize_with = "text")]
    pub category: Arc<str>,
    /// The framing of the prompts.
    pub framing: Framing,
    /// Cells of each.
    pub n: [usize; 2],
    /// Mean of the second model's cells minus mean of the first's.
    pub difference: f64,
    /// One for each of `TESTS_OF_MODELS`, in their order, as in [`Contrast`].
    #[serde(flatten, serialize_with = "by_key")]
    pub results: Vec<TestResult>,
}

impl ModelContrast {
    /// What a test found; none where it was not made.
    pub fn result(&self, test: &Test) -> Option<&TestResult> {
        made(&self.results, test)
    }
}

fn made<'a>(results: &'a [TestResult], test: &Test) -> Option<&'a TestResult> {
    results.iter().find(|result| result.test == test && result.is_made())
}

/// How alike two models rank the words of a prompt; null where not defined.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Agreement {
    /// The first model.
    #[serde(serialize_with = "text")]
    pub a: Arc<str>,
    /// The second model.
    #[serde(serialize_with = "text")]
    pub b: Arc<str>,
    /// The prompt's label.
    #[serde(serialize_with = "text")]
    pub prompt: Arc<str>,
    /// Spearman's rho.
    pub spearman: Option<f64>,
    /// Tau-b.
    pub kendall: Option<f64>,
    /// Rank-biased overlap, extrapolated.
    pub rbo: Option<f64>,
}

// serde writes what an Arc holds only with a feature that nothing else here needs.
fn text<S: Serializer>(text: &Arc<str>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(text)
}

fn texts<S: Serializer>(texts: &[Arc<str>], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(texts.iter().map(|text| &**text))
}

fn by_key<S: Serializer>(results: &[TestResult], to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(results.iter().map(|result| (result.test.key, result)))
}

fn for_each_p<S: Serializer>(contrasts: &usize, to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(TESTS.iter().filter(|test| test.has_p()).map(|test| (test.key, contrasts)))
}
