//! What the linear models of all cells find: the mixed models and the analysis of variance.

use rewardscope_base::terms::Framing;
use serde::Serialize;

/// Type II analysis of variance of `cell ~ category * framing * model`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Anova {
    /// Main effects first, then interactions.
    pub terms: Vec<AnovaTerm>,
    /// What the terms leave.
    pub residual_sum_of_squares: f64,
    /// Its degrees of freedom.
    pub residual_df: f64,
    /// Cells.
    pub n: usize,
}

/// A term of the analysis of variance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AnovaTerm {
    /// `category:framing`.
    pub term: String,
    /// Of type II: beside every term that does not contain this one.
    pub sum_of_squares: f64,
    /// Degrees of freedom.
    pub df: f64,
    /// Not a number, in JSON null, where the residual is nothing; so is `p`.
    pub f: f64,
    /// The upper tail of F.
    pub p: f64,
}

/// `cell ~ family * category * framing` with a random intercept for each model, by REML.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MixedModel {
    /// As fitted: a factor with one level is left out.
    pub formula: String,
    /// In the order of the formula.
    pub fixed: Vec<FixedEffect>,
    /// Between models.
    pub intercept_variance: f64,
    /// Within models.
    pub residual_variance: f64,
    /// Cells.
    pub n: usize,
    /// Models.
    pub groups: usize,
    /// Restricted log-likelihood.
    pub log_likelihood: f64,
}

/// A fixed effect of the mixed model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FixedEffect {
    /// `family[Llama]:category[Communion]:framing[negative]`, or `(Intercept)`.
    pub term: String,
    /// In ranks.
    pub estimate: f64,
    /// Standard error of the estimate.
    pub se: f64,
    /// Degrees of freedom of t.
    pub df: f64,
    /// `estimate / se`.
    pub t: f64,
    /// Two-sided.
    pub p: f64,
}

/// `cell ~ family * category * framing` with a random intercept and random slopes for each model, by REML.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RandomSlopes {
    /// As fitted: a factor with one level is left out.
    pub formula: String,
    /// In the order of the formula; degrees of freedom are models less families.
    pub fixed: Vec<FixedEffect>,
    /// Category and framing, in the order of `covariance`.
    pub panels: Vec<SlopePanel>,
    /// Between models of a family, `[panels][panels]`.
    pub covariance: Vec<Vec<f64>>,
    /// Within models.
    pub residual_variance: f64,
    /// Whether models vary in fewer directions than there are panels.
    pub singular: bool,
    /// Cells.
    pub n: usize,
    /// Models.
    pub groups: usize,
    /// Restricted log-likelihood.
    pub log_likelihood: f64,
}

/// A panel in which each model has an effect of its own.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SlopePanel {
    /// The category's name.
    pub category: String,
    /// The framing of the prompts.
    pub framing: Framing,
}
