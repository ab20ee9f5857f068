//! The moments of a model's scores under each prompt: where they are, how wide, how lopsided, how heavy their tails.

use rayon::prelude::*;

use super::mean_sd;
use super::results::Moments;
use super::study::Study;

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
            framing: study.prompts[prompt].framing,
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
