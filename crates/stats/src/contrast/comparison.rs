//! Two groups of cells under every test, and the p-values of many contrasts adjusted for one another.

use super::{Kind, Test, TestResult};
use crate::describe::Summary;
use crate::options::ReportOptions;
use crate::placements::FamilyPlacements;
use crate::significance::{benjamini_hochberg, bonferroni};

/// Two groups of cells that are compared.
#[derive(Clone, Debug)]
pub struct Comparison<'a> {
    /// `[models][cells]` of the first family and of the second.
    pub models: [Vec<&'a [f64]>; 2],
    /// The difference of the families in each draw of words, NaN where a draw has none of the category; none where no words
    /// were drawn.
    pub word_draws: Option<Vec<f64>>,
    /// How each family places single words; none where two models are compared.
    pub placements: Option<[&'a FamilyPlacements; 2]>,
    /// How many random numbers are drawn, and from which seed.
    pub options: ReportOptions,
    /// The number of the contrast in its report: each has random numbers of its own.
    pub number: usize,
}

impl Comparison<'_> {
    /// All cells of each family.
    pub fn cells(&self) -> [Vec<f64>; 2] {
        self.models.each_ref().map(|models| models.concat())
    }

    /// The mean of each model's cells, by family.
    pub fn means(&self) -> [Vec<f64>; 2] {
        self.models.each_ref().map(|models| models.iter().filter_map(|cells| Some(Summary::new(cells)?.mean)).collect())
    }

    pub(crate) fn results(&self, tests: &[&'static Test]) -> Vec<TestResult> {
        tests.iter().map(|test| TestResult::new(test, self)).collect()
    }
}

/// Adjusts the p-values of each test: times `tests` by Bonferroni, and over all contrasts by Benjamini and Hochberg. Every
/// contrast has its results in the same order.
pub(crate) fn adjust(contrasts: &mut [&mut Vec<TestResult>], tests: usize) {
    for at in 0..contrasts.first().map_or(0, |results| results.len()) {
        let p: Vec<f64> = contrasts.iter().filter_map(|results| results[at].p()).collect();
        let tested = contrasts.iter_mut().map(|results| &mut results[at]).filter(|result| result.p().is_some());
        for ((result, p), fdr) in tested.zip(&p).zip(benjamini_hochberg(&p)) {
            result.set(Kind::Bonferroni, bonferroni(*p, tests));
            result.set(Kind::FalseDiscovery, fdr);
        }
    }
}
