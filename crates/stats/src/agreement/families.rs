//! The words that two families rank most differently, with models as the unit.

use rayon::prelude::*;

use super::{MeanRanks, mean_over_prompts};
use crate::describe::Summary;
use crate::results::{Dividing, Estimate};
use crate::significance::two_sided_quantile;
use crate::study::Study;
use crate::z_scores;
use rewardscope_base::terms::Framing;

/// Every word that both families have, the most dividing (by the difference of mean ranks) first. A model's rank of a word is
/// its mean over the prompts of `framing`; a family's the mean over its models.
pub fn dividing(study: &Study, mean_ranks: &MeanRanks, families: [&str; 2], framing: Framing) -> Vec<Dividing> {
    let of = |family: &str| {
        let models: Vec<usize> = (0..study.models.len()).filter(|&model| &*study.models[model].family == family).collect();
        let both = |model| (mean_ranks.under(model, framing), mean_over_prompts(study, model, Some(framing), z_scores).0);
        models.into_par_iter().map(both).unzip::<_, _, Vec<_>, Vec<_>>()
    };
    let ((ranks_a, z_a), (ranks_b, z_b)) = (of(families[0]), of(families[1]));
    let mut words: Vec<Dividing> = Vec::new();
    for (i, word) in study.words.iter().enumerate() {
        let (a, b) = (known(&ranks_a, i), known(&ranks_b, i));
        let (Some(rank), Some(z)) = (estimate(&a, &b), estimate(&known(&z_a, i), &known(&z_b, i))) else { continue };
        words.push(Dividing { word: word.text.to_string(), models: [a.len(), b.len()], rank, z });
    }
    words.sort_by(|x, y| y.rank.difference.abs().total_cmp(&x.rank.difference.abs()));
    words
}

/// What models have of a word.
fn known(models: &[impl AsRef<[f64]>], word: usize) -> Vec<f64> {
    models.iter().map(|values| values.as_ref()[word]).filter(|value| !value.is_nan()).collect()
}

fn estimate(a: &[f64], b: &[f64]) -> Option<Estimate> {
    let (of_a, of_b) = (Summary::new(a)?, Summary::new(b)?);
    let difference = of_b.mean - of_a.mean;
    let (v_a, v_b) = (of_a.se * of_a.se, of_b.se * of_b.se);
    let unknown = Estimate { difference, se: None, df: None, interval: None };
    // Of one model there is no variance: it is not a number.
    if (v_a + v_b).is_nan() || v_a + v_b == 0.0 {
        return Some(unknown);
    }
    let se = (v_a + v_b).sqrt();
    let df = (v_a + v_b).powi(2) / (v_a * v_a / (of_a.n - 1) as f64 + v_b * v_b / (of_b.n - 1) as f64);
    let half = two_sided_quantile(0.05, df) * se;
    let interval = (!half.is_nan()).then_some((difference - half, difference + half));
    Some(Estimate { difference, se: Some(se), df: Some(df), interval })
}
