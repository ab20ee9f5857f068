//! How alike models rank words: Spearman, Kendall and rank-biased overlap for each pair of models under each prompt; how a
//! model's positive framings agree with its negative ones; which words divide two families. Knows a study, nothing else.

mod families;
mod kendall;
mod matrix;
mod overlap;
mod ranking;

use rayon::prelude::*;

use super::results::Agreement;
use super::study::Study;
use super::{ranks, spearman};
use crate::results::FramingAgreement;
pub use crate::results::{AgreementMatrix, AgreementMeasure, MapPoint, Matrix, ModelMap};
pub use families::dividing;
pub use kendall::kendall;
use kendall::kendall_of;
use overlap::overlap_of;
pub use overlap::{PERSISTENCE, depth_agreements, rank_biased_overlap};
use ranking::{Ranking, spearman_of};
use rewardscope_base::terms::Framing;

/// Every pair of models, in their order, under every prompt of known framing (every prompt where none is known), in theirs;
/// over the words that both have a score for. A pair that shares fewer than two words under a prompt has no measure there and
/// is left out.
pub fn agreements(study: &Study) -> Vec<Agreement> {
    let models = study.models.len();
    let pairs: Vec<(usize, usize)> = (0..models).flat_map(|a| (a + 1..models).map(move |b| (a, b))).collect();
    let of_prompt = |prompt: usize| -> Vec<Option<Agreement>> {
        let columns: Vec<Option<Column<'_>>> =
            study.models.iter().map(|model| model.scores.get(prompt).map(|scores| Column::new(scores))).collect();
        let agreement = |&(a, b): &(usize, usize)| {
            let (x, y) = (columns[a].as_ref()?, columns[b].as_ref()?);
            let [spearman, kendall, rbo] = x.measures(y)?;
            let (a, b) = (&study.models[a].name, &study.models[b].name);
            Some(Agreement { a: a.clone(), b: b.clone(), prompt: study.prompts[prompt].label.clone(), spearman, kendall, rbo })
        };
        pairs.iter().map(agreement).collect()
    };
    let by_prompt: Vec<Vec<Option<Agreement>>> = study.counted_prompts().into_par_iter().map(of_prompt).collect();
    (0..pairs.len()).flat_map(|pair| by_prompt.iter().filter_map(move |of| of[pair].clone())).collect()
}

/// A model's scores under a prompt, sorted once for all the models that they are compared with.
struct Column<'a> {
    scores: &'a [f64],
    known: Vec<bool>,
    ranking: Ranking,
}

impl<'a> Column<'a> {
    fn new(scores: &'a [f64]) -> Self {
        let known: Vec<bool> = scores.iter().map(|score| !score.is_nan()).collect();
        let there: Vec<f64> = scores.iter().copied().filter(|score| !score.is_nan()).collect();
        Column { scores, known, ranking: Ranking::new(&there) }
    }

    /// Spearman, Kendall and overlap; none over fewer than two words.
    fn measures(&self, other: &Column<'_>) -> Option<[Option<f64>; 3]> {
        let measures = |a: &Ranking, b: &Ranking| {
            (a.len() > 1).then(|| [spearman_of(a, b), kendall_of(a, b), overlap_of(a, b, PERSISTENCE)])
        };
        if self.known == other.known {
            return measures(&self.ranking, &other.ranking);
        }
        let (a, b) = both(self.scores, other.scores);
        measures(&Ranking::new(&a), &Ranking::new(&b))
    }
}

/// The values at the places where neither side is NaN.
fn both(a: &[f64], b: &[f64]) -> (Vec<f64>, Vec<f64>) {
    a.iter().zip(b).filter(|(a, b)| !a.is_nan() && !b.is_nan()).map(|(a, b)| (*a, *b)).unzip()
}

/// For each model that was asked under both framings. Mean ranks, and not matched pairs of prompts: they need no factorial
/// design, and the noise of single prompts does not pull the correlation towards zero.
pub fn framings(study: &Study) -> Vec<FramingAgreement> {
    (0..study.models.len()).into_par_iter().filter_map(|model| framings_of(study, model)).collect()
}

/// The same of `study.models[model]`; none where it was not asked under both framings.
pub fn framings_of(study: &Study, model: usize) -> Option<FramingAgreement> {
    let mean = |framing| mean_ranks(study, model, Some(framing));
    let ((positive, positive_prompts), (negative, negative_prompts)) = (mean(Framing::Positive), mean(Framing::Negative));
    (positive_prompts > 0 && negative_prompts > 0).then(|| FramingAgreement {
        model: study.models[model].name.to_string(),
        positive_prompts,
        negative_prompts,
        words: both(&positive, &negative).0.len(),
        spearman: spearman(&positive, &negative).map(|(rho, _)| rho),
    })
}

/// Each word's mean over a model's prompts of one framing (none: all) of its rank within the prompt, NaN where it has none;
/// and the number of prompts with scores.
fn mean_ranks(study: &Study, model: usize, framing: Option<Framing>) -> (Vec<f64>, usize) {
    mean_over_prompts(study, model, framing, ranks)
}

/// The same of any measure within a prompt.
pub(super) fn mean_over_prompts(
    study: &Study,
    model: usize,
    framing: Option<Framing>,
    measure: impl Fn(&[f64]) -> Vec<f64>,
) -> (Vec<f64>, usize) {
    let mut sums = vec![(0.0, 0_u32); study.words.len()];
    let mut prompts = 0;
    for (prompt, scores) in study.prompts.iter().zip(&study.models[model].scores) {
        if framing.is_some_and(|framing| prompt.framing != Some(framing)) || scores.iter().all(|score| score.is_nan()) {
            continue;
        }
        prompts += 1;
        for (sum, value) in sums.iter_mut().zip(measure(scores)).filter(|(_, value)| !value.is_nan()) {
            *sum = (sum.0 + value, sum.1 + 1);
        }
    }
    let mean = |(sum, n): (f64, u32)| if n > 0 { sum / f64::from(n) } else { f64::NAN };
    (sums.into_iter().map(mean).collect(), prompts)
}

#[cfg(test)]
mod tests;
