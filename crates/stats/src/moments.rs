//! The moments of a model's scores under each prompt: where they are, how wide, how lopsided, how heavy their tails.

use std::sync::Arc;

use rayon::prelude::*;
use serde::Serialize;

use super::mean_sd;
use super::results::text;
use super::study::Study;

/// Of one model's scores under one prompt, by the estimators of pandas' `std`, `skew` and `kurt`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Moments {
    /// The model's name.
    #[serde(serialize_with = "text")]
    pub model: Arc<str>,
    /// The prompt's label.
    #[serde(serialize_with = "text")]
    pub prompt: Arc<str>,
    /// Words with a score.
    pub n: usize,
    /// In the unit of the scores.
    pub mean: f64,
    /// Standard deviation with n - 1, in the unit of the scores; none of one word.
    pub sd: Option<f64>,
    /// Corrected for bias: G1 of Joanes and Gill (1998). None of fewer than three words, and of equal scores.
    pub skew: Option<f64>,
    /// Excess (0 for a normal distribution), corrected for bias: G2 of Joanes and Gill. None of fewer than four words, and of
    /// equal scores.
    pub kurtosis: Option<f64>,
}

/// Every model under every prompt that has a score, in their orders.
pub fn moments(study: &Study) -> Vec<Moments> {
    let columns: Vec<(usize, usize)> =
        (0..study.models.len()).flat_map(|model| (0..study.prompts.len()).map(move |prompt| (model, prompt))).collect();
    let of_column = |&(model, prompt): &(usize, usize)| {
        let own = &study.models[model];
        let scores: Vec<f64> = own.scores.get(prompt)?.iter().copied().filter(|score| !score.is_nan()).collect();
        let (mean, sd) = mean_sd(&scores)?;
        let (skew, kurtosis) = shape(&scores, mean, sd);
        Some(Moments {
            model: own.name.clone(),
            prompt: study.prompts[prompt].label.clone(),
            n: scores.len(),
            mean,
            sd: (scores.len() > 1).then_some(sd),
            skew,
            kurtosis,
        })
    };
    columns.par_iter().filter_map(of_column).collect()
}

/// Skew and excess kurtosis.
fn shape(scores: &[f64], mean: f64, sd: f64) -> (Option<f64>, Option<f64>) {
    let n = scores.len() as f64;
    let standardized = |power: i32| scores.iter().map(|score| ((score - mean) / sd).powi(power)).sum::<f64>();
    let varies = |least: usize| scores.len() >= least && sd > 0.0;
    let skew = varies(3).then(|| n / ((n - 1.0) * (n - 2.0)) * standardized(3));
    let kurtosis = varies(4).then(|| {
        let [a, b, c] = [n - 1.0, n - 2.0, n - 3.0];
        n * (n + 1.0) / (a * b * c) * standardized(4) - 3.0 * a * a / (b * c)
    });
    (skew, kurtosis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::tests::study;

    #[test]
    fn few_or_equal_scores_have_no_shape() {
        let words: Vec<(&str, &[u16])> = vec![("w", &[]); 4];
        let nan = f64::NAN;
        let columns: [&[f64]; 4] = [&[1.0, nan, nan, nan], &[1.0, 2.0, 4.0, nan], &[0.1; 4], &[nan; 4]];
        let prompts = [("one", None), ("three", None), ("equal", None), ("none", None)];
        let found = moments(&study(&words, &prompts, &[("m", "F", &columns)]));
        let told: Vec<_> = found.iter().map(|of| (&*of.prompt, of.n, of.sd.is_some(), of.skew.is_some(), of.kurtosis)).collect();
        assert_eq!(told, [("one", 1, false, false, None), ("three", 3, true, true, None), ("equal", 4, true, false, None)]);
    }
}
