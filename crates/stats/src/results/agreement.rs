//! How alike all models rank, as values: matrices, and places on a map.

use std::sync::Arc;

use serde::Serialize;

use super::{ModelFamily, text};

/// A measure of agreement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AgreementMeasure {
    /// Spearman's rho.
    #[default]
    Spearman,
    /// Kendall's tau-b.
    Kendall,
    /// Rank-biased overlap, extrapolated.
    Rbo,
}

impl AgreementMeasure {
    /// Every measure, in the order in which they are shown.
    pub const ALL: [AgreementMeasure; 3] = [AgreementMeasure::Spearman, AgreementMeasure::Kendall, AgreementMeasure::Rbo];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            AgreementMeasure::Spearman => "Spearman",
            AgreementMeasure::Kendall => "Kendall",
            AgreementMeasure::Rbo => "RBO",
        }
    }
}

/// Values of each model with each other, `[models][models]`: the mean over the prompts under which both have it, none where it
/// is defined under no prompt. A model agrees with itself by 1.
pub type Matrix = Vec<Vec<Option<f64>>>;

/// Every model with every other one.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AgreementMatrix {
    /// The rows and columns: by family, those of none last, and within one in the order of the study.
    pub models: Vec<ModelFamily>,
    /// Spearman's rho.
    pub spearman: Matrix,
    /// Kendall's tau-b.
    pub kendall: Matrix,
    /// Rank-biased overlap, extrapolated.
    pub rbo: Matrix,
    /// None of fewer than three models.
    pub map: Option<ModelMap>,
}

/// Models as points: the nearer two are, the more alike they rank words.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelMap {
    /// One a model that has a Spearman with every other on the map, in the order of the matrix.
    pub points: Vec<MapPoint>,
    /// What each of the two axes shows of the squared distances: its eigenvalue, as a share of all that are above zero.
    pub shares: [f64; 2],
}

/// A model on the map.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MapPoint {
    /// The model's name.
    #[serde(serialize_with = "text")]
    pub model: Arc<str>,
    /// Its family.
    #[serde(serialize_with = "text")]
    pub family: Arc<str>,
    /// Its place on the first axis; the distance between two models is 1 − Spearman as nearly as two axes show it.
    pub x: f64,
    /// Its place on the second axis.
    pub y: f64,
}
