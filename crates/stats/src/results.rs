//! What the statistics find: plain values, one type for each result.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::common::CommonWords;
use rewardscope_base::terms::Framing;

/// Why the two kinds of test give different answers; stands wherever both do.
pub const UNIT_NOTE: &str = "Welch and permutation tests take every prompt for a witness of its own, but the prompts of one \
     model are not independent: they ask one model nearly the same question. The exact test takes each model for one witness. \
     Where they differ, only the exact test says something about other models of these families.";

/// Whether a model likes under negative prompts what it dislikes under positive ones.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct FramingAgreement {
    pub model: String,
    /// Prompts of each framing that have a score.
    pub positive_prompts: usize,
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
    pub difference: f64,
    /// None where a family has fewer than two models, or neither varies.
    pub se: Option<f64>,
    /// Welch–Satterthwaite.
    pub df: Option<f64>,
    pub interval: Option<(f64, f64)>,
}

/// All of it. Lists are in a fixed order: models as given, families and categories by name, positive before negative.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Words ranked: those that every model has under every prompt that it was asked.
    pub words: usize,
    pub common_words: CommonWords,
    /// What makes the numbers doubtful, in sentences; stands above them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    pub models: Vec<ModelFamily>,
    /// Labels of the prompts.
    #[serde(serialize_with = "texts")]
    pub prompts: Vec<Arc<str>>,
    pub cells: Vec<Cell>,
    pub models_summary: Vec<ModelSummary>,
    pub scores_summary: Vec<ScoreSummary>,
    pub families: Vec<FamilySummary>,
    /// Between each two families, second in alphabetical order minus first; empty where fewer than two are known.
    pub contrasts: Vec<Contrast>,
    /// What Bonferroni multiplied the p-values of the contrasts by.
    pub adjusted_for: AdjustedFor,
    /// Null where it is not identifiable; `mixed_model_note` then says why.
    pub mixed_model: Option<MixedModel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mixed_model_note: Option<String>,
    /// Null where there is none; `anova_note` then says why.
    pub anova: Option<Anova>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anova_note: Option<String>,
    /// Between each two models, second minus first in the order given; only where they are few.
    pub model_contrasts: Vec<ModelContrast>,
    pub agreement: Vec<Agreement>,
    /// How each model's positive framings agree with its negative ones.
    pub framings: Vec<FramingAgreement>,
    /// Between each two known families, the words that they rank most differently.
    pub dividing: Vec<DividingWords>,
    /// Columns in which words of the study have no score (yet).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub partial: Vec<PartialColumn>,
    /// What a reader should know: scores missing, families passed over, words left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Differences are second family minus first, with models as the unit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DividingWords {
    pub families: [String; 2],
    pub framing: Framing,
    /// The farthest apart first.
    pub words: Vec<Dividing>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelFamily {
    #[serde(serialize_with = "text")]
    pub model: Arc<str>,
    #[serde(serialize_with = "text")]
    pub family: Arc<str>,
}

/// Median rank of a category's words, within model and prompt: the unit of everything after.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cell {
    #[serde(serialize_with = "text")]
    pub model: Arc<str>,
    #[serde(serialize_with = "text")]
    pub family: Arc<str>,
    #[serde(serialize_with = "text")]
    pub category: Arc<str>,
    #[serde(serialize_with = "text")]
    pub prompt: Arc<str>,
    pub framing: Option<Framing>,
    /// Words of the category that were ranked.
    pub words: usize,
    pub median_rank: f64,
}

/// A model under a prompt for which some words of the study have no score; before words are left out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PartialColumn {
    #[serde(serialize_with = "text")]
    pub model: Arc<str>,
    #[serde(serialize_with = "text")]
    pub prompt: Arc<str>,
    /// With a score.
    pub words: usize,
    pub of: usize,
}

/// Of a model's cells in one category and framing; `sd` with n - 1 (NaN, in JSON null, where n is 1), `se = sd / √n`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelSummary {
    #[serde(serialize_with = "text")]
    pub model: Arc<str>,
    #[serde(serialize_with = "text")]
    pub category: Arc<str>,
    pub framing: Framing,
    pub n: usize,
    pub mean: f64,
    pub sd: f64,
    pub se: f64,
}

/// Of a model's scores of a category's words, over the prompts of one framing: rewards of one model beside another's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScoreSummary {
    #[serde(serialize_with = "text")]
    pub model: Arc<str>,
    #[serde(serialize_with = "text")]
    pub category: Arc<str>,
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
    #[serde(serialize_with = "text")]
    pub family: Arc<str>,
    #[serde(serialize_with = "text")]
    pub category: Arc<str>,
    pub framing: Framing,
    pub n: usize,
    pub mean: f64,
    pub sd: f64,
    pub se: f64,
}

/// How many tests of each kind the p-values of the contrasts are adjusted for, over all panels and all pairs of families.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AdjustedFor {
    pub welch: usize,
    pub permutation: usize,
    pub exact_models: usize,
}

/// One panel (category and framing): do the families differ?
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Contrast {
    #[serde(serialize_with = "text")]
    pub category: Arc<str>,
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
    /// Cells as the unit; none where a family has fewer than two or nothing varies.
    pub welch: Option<Welch>,
    pub permutation: Option<Permutation>,
    /// Models as the unit.
    pub exact_models: Option<ExactModels>,
    /// Of `difference`; null where it was not asked for.
    pub bootstrap: Option<Bootstrap>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Welch {
    /// With the sign of the difference.
    pub t: f64,
    /// Welch–Satterthwaite.
    pub df: f64,
    pub p: f64,
    /// Times the number of contrasts.
    pub p_bonferroni: f64,
    /// Benjamini–Hochberg over the contrasts.
    pub p_fdr: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Permutation {
    pub replicates: usize,
    pub seed: u64,
    pub p: f64,
    pub p_bonferroni: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ExactModels {
    /// Ways to label the families, the one observed included; random ones where `sampled`.
    pub splits: u64,
    /// Share of them whose Welch t of the models' means is at least as far from 0.
    pub p: f64,
    pub p_bonferroni: f64,
    /// There are too many ways: `splits` random ones stand for them, and `p` is `(count + 1) / (splits + 1)`.
    pub sampled: bool,
    /// Welch's t test of the models' means: t with the sign of the difference, two-sided p.
    pub t: f64,
    pub df: f64,
    pub p_welch: f64,
}

/// Percentile intervals of a difference; null where they say nothing (one model in a family).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bootstrap {
    /// 0.95.
    pub level: f64,
    pub replicates: usize,
    pub seed: u64,
    /// Models drawn again within their families.
    pub models: Option<[f64; 2]>,
    /// Words drawn again, and ranked anew.
    pub words: Option<[f64; 2]>,
}

/// Type II analysis of variance of `cell ~ category * framing * model`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Anova {
    pub terms: Vec<AnovaTerm>,
    pub residual_sum_of_squares: f64,
    pub residual_df: f64,
    /// Cells.
    pub n: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AnovaTerm {
    /// `category:framing`.
    pub term: String,
    pub sum_of_squares: f64,
    pub df: f64,
    /// Not a number, in JSON null, where the residual is nothing; so is `p`.
    pub f: f64,
    pub p: f64,
}

/// One panel of two models: do their cells differ?
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelContrast {
    #[serde(serialize_with = "texts")]
    pub models: [Arc<str>; 2],
    #[serde(serialize_with = "text")]
    pub category: Arc<str>,
    pub framing: Framing,
    pub n: [usize; 2],
    pub difference: f64,
    pub welch: Option<Welch>,
}

/// `cell ~ family * category * framing` with a random intercept for each model, by REML.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MixedModel {
    /// As fitted: a factor with one level is left out.
    pub formula: String,
    pub fixed: Vec<FixedEffect>,
    pub intercept_variance: f64,
    pub residual_variance: f64,
    /// Cells.
    pub n: usize,
    /// Models.
    pub groups: usize,
    /// Restricted log-likelihood.
    pub log_likelihood: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FixedEffect {
    /// `family[Llama]:category[Communion]:framing[negative]`, or `(Intercept)`.
    pub term: String,
    pub estimate: f64,
    pub se: f64,
    pub df: f64,
    pub t: f64,
    pub p: f64,
}

/// How alike two models rank the words of a prompt; null where not defined.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Agreement {
    #[serde(serialize_with = "text")]
    pub a: Arc<str>,
    #[serde(serialize_with = "text")]
    pub b: Arc<str>,
    #[serde(serialize_with = "text")]
    pub prompt: Arc<str>,
    pub spearman: Option<f64>,
    /// Tau-b.
    pub kendall: Option<f64>,
    /// Rank-biased overlap, extrapolated.
    pub rbo: Option<f64>,
}

fn text<S: Serializer>(text: &Arc<str>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(text)
}

fn texts<S: Serializer>(texts: &[Arc<str>], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(texts.iter().map(|text| &**text))
}
