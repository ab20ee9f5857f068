//! The study's own tests, gathered under a name that says so.

use std::sync::Arc;

use serde::Serialize;

use super::{Anova, Contrast, MixedModel, by_key, text, texts};
use crate::contrast::TestResult;
use rewardscope_base::terms::Framing;

/// What the study tested with, given as published. These p-values do not hold, and so have no stars anywhere.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AsPublished {
    /// In the order of the report's contrasts.
    pub contrasts: Vec<PublishedContrast>,
    /// With a random intercept alone.
    pub mixed_model: Option<MixedModel>,
    /// Of `cell ~ category * framing * model`.
    pub anova: Option<Anova>,
}

/// One panel, by the tests that take every prompt for an independent observation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PublishedContrast {
    /// The category's name.
    #[serde(serialize_with = "text")]
    pub category: Arc<str>,
    /// The framing of the prompts.
    pub framing: Framing,
    /// In alphabetical order.
    #[serde(serialize_with = "texts")]
    pub families: [Arc<str>; 2],
    /// Mean of the second family's cells minus mean of the first's.
    pub difference: f64,
    /// Each under the key of its test.
    #[serde(flatten, serialize_with = "by_key")]
    pub results: Vec<TestResult>,
}

impl AsPublished {
    /// Of a report's contrasts the published tests.
    pub(crate) fn new(contrasts: &[Contrast], mixed_model: Option<&MixedModel>, anova: Option<&Anova>) -> AsPublished {
        let of = |contrast: &Contrast| PublishedContrast {
            category: contrast.category.clone(),
            framing: contrast.framing,
            families: contrast.families.clone(),
            difference: contrast.difference,
            results: contrast.results.iter().filter(|result| result.test.is_as_published()).cloned().collect(),
        };
        let contrasts = contrasts.iter().map(of).collect();
        AsPublished { contrasts, mixed_model: mixed_model.cloned(), anova: anova.cloned() }
    }
}
