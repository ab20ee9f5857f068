//! Everything that the statistics tell of a study, in the shape in which `stats --format json` writes it.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::corpus::Framing;

/// All of it. Lists are in a fixed order: models as given, families and categories by name, positive before negative.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Words ranked.
    pub words: usize,
    pub models: Vec<ModelFamily>,
    /// Labels of the prompts.
    #[serde(serialize_with = "texts")]
    pub prompts: Vec<Arc<str>>,
    pub cells: Vec<Cell>,
    pub models_summary: Vec<ModelSummary>,
    pub families: Vec<FamilySummary>,
    /// Between the two families, second in alphabetical order minus first; empty where there are not two.
    pub contrasts: Vec<Contrast>,
    /// Null where it is not identifiable; `mixed_model_note` then says why.
    pub mixed_model: Option<MixedModel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mixed_model_note: Option<String>,
    pub agreement: Vec<Agreement>,
    /// What a reader should know: scores missing, families passed over, words left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
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

/// Of a model's cells in one category and framing; `sd` with n - 1, `se = sd / √n`.
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

/// One panel (category and framing): do the families differ?
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Contrast {
    #[serde(serialize_with = "text")]
    pub category: Arc<str>,
    pub framing: Framing,
    pub difference: f64,
    /// Cells as the unit; none where a family has fewer than two or nothing varies.
    pub welch: Option<Welch>,
    pub permutation: Option<Permutation>,
    /// Models as the unit.
    pub exact_models: Option<ExactModels>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Welch {
    pub t: f64,
    /// Welch–Satterthwaite.
    pub df: f64,
    pub p: f64,
    /// Times the number of panels.
    pub p_bonferroni: f64,
    /// Benjamini–Hochberg over the panels.
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
    /// Ways to label the families, the one observed included.
    pub splits: u64,
    pub p: f64,
}

/// `cell ~ family * category * framing` with a random intercept a model, by REML.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MixedModel {
    pub fixed: Vec<FixedEffect>,
    pub intercept_variance: f64,
    pub residual_variance: f64,
    /// Cells.
    pub n: usize,
    /// Models.
    pub groups: usize,
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

// serde writes what an Arc holds only with a feature that nothing else here needs.
fn text<S: Serializer>(text: &Arc<str>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(text)
}

fn texts<S: Serializer>(texts: &[Arc<str>], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(texts.iter().map(|text| &**text))
}
