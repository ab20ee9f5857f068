//! What a set of numbers looks like: median, mean and spread, z-scores, a histogram. NaN means "no value" and is passed over.

/// The middle value, or the mean of the two middle ones; none of an empty set.
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().filter(|v| !v.is_nan()).collect();
    if values.is_empty() {
        return None;
    }
    values.sort_unstable_by(f64::total_cmp);
    let half = values.len() / 2;
    Some(if values.len().is_multiple_of(2) { (values[half - 1] + values[half]) / 2.0 } else { values[half] })
}

/// The mean, no lower than the lowest value and no higher than the highest: rounding would put that of equal values beside
/// them. None of an empty set.
pub(super) fn mean(values: impl Iterator<Item = f64> + Clone) -> Option<f64> {
    let n = values.clone().count();
    let ends = |(low, high): (f64, f64), value: f64| (low.min(value), high.max(value));
    let (low, high) = values.clone().fold((f64::INFINITY, f64::NEG_INFINITY), ends);
    (n > 0).then(|| (values.sum::<f64>() / n as f64).max(low).min(high))
}

/// Mean and standard deviation (n - 1 in the denominator; 0 for a single value), two passes; none of an empty set. Of equal
/// values the mean is that value and the deviation 0, to the bit.
pub fn mean_sd(values: &[f64]) -> Option<(f64, f64)> {
    let known = || values.iter().copied().filter(|v| !v.is_nan());
    let n = known().count();
    let mean = mean(known())?;
    let squares: f64 = known().map(|v| (v - mean).powi(2)).sum();
    Some((mean, if n > 1 { (squares / (n - 1) as f64).sqrt() } else { 0.0 }))
}

/// How many, their mean, their standard deviation with n - 1 (NaN, which JSON writes as null, for a single one), and its
/// ratio to √n.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    pub n: usize,
    pub mean: f64,
    pub sd: f64,
    pub se: f64,
}

impl Summary {
    /// None of no values.
    pub fn new(values: &[f64]) -> Option<Summary> {
        let (n, count) = (values.len(), values.len() as f64);
        let mean = mean(values.iter().copied())?;
        let sd = if n > 1 { (squares(values, mean) / (count - 1.0)).sqrt() } else { f64::NAN };
        Some(Summary { n, mean, sd, se: sd / count.sqrt() })
    }
}

/// Differences that are smaller beside the numbers themselves are rounding: cells are quarters of a rank, and their means
/// rounded to the sixteenth digit.
const ROUNDING: f64 = 1e-13;

/// Sum of squared distances from `mean`; 0 where they are no larger than rounding.
pub(super) fn squares(values: &[f64], mean: f64) -> f64 {
    let largest = values.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    if squares <= values.len() as f64 * (largest * ROUNDING).powi(2) { 0.0 } else { squares }
}

/// `(score - mean) / sd`; 0 throughout where all scores are equal, NaN where the score is.
pub fn z_scores(scores: &[f64]) -> Vec<f64> {
    z_scores_among(scores, scores)
}

/// The z-scores of `of`, by the mean and the standard deviation of `scores`; NaN where these have none.
pub fn z_scores_among(scores: &[f64], of: &[f64]) -> Vec<f64> {
    let spread = mean_sd(scores);
    of.iter().map(|&score| spread.map_or(f64::NAN, |spread| z_score(score, spread))).collect()
}

/// `(score - mean) / sd`; 0 where the deviation is, NaN where the score is.
pub fn z_score(score: f64, (mean, sd): (f64, f64)) -> f64 {
    match score {
        score if score.is_nan() => score,
        _ if sd > 0.0 => (score - mean) / sd,
        _ => 0.0,
    }
}

/// `(score - min) / (max - min)`, from 0 to 1; 0.5 throughout where all scores are equal, NaN where the score is.
pub fn min_max(scores: &[f64]) -> Vec<f64> {
    let known = || scores.iter().copied().filter(|score| !score.is_nan());
    let (low, high) = known().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), score| (low.min(score), high.max(score)));
    let of = |&score: &f64| if score.is_nan() || high > low { (score - low) / (high - low) } else { 0.5 };
    scores.iter().map(of).collect()
}

/// Counts of values in equal bins over a closed range.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// The lower edge of the first bin.
    pub low: f64,
    /// The upper edge of the last bin.
    pub high: f64,
    /// How many values fall into each bin.
    pub counts: Vec<u32>,
}

impl Histogram {
    /// Values outside `low..=high` are left out; `high` itself falls into the last bin. With `low == high` everything
    /// falls into the middle bin.
    pub fn new(values: impl IntoIterator<Item = f64>, low: f64, high: f64, bins: usize) -> Self {
        let mut counts = vec![0; bins];
        for value in values {
            if bins == 0 || !(low..=high).contains(&value) {
                continue;
            }
            let at = if high > low { ((value - low) / (high - low) * bins as f64) as usize } else { bins / 2 };
            counts[at.min(bins - 1)] += 1;
        }
        Histogram { low, high, counts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median([]), None);
        assert_eq!(median([2.0]), Some(2.0));
        assert_eq!(median([4.0, f64::NAN, 1.0, 3.0]), Some(3.0));
        assert_eq!(median([4.0, 1.0]), Some(2.5));
    }

    #[test]
    fn z_scores_have_mean_zero_and_sd_one() {
        let z = z_scores(&[2.0, 4.0, 9.0, f64::NAN]);
        let (mean, sd) = mean_sd(&z).unwrap();
        assert!(mean.abs() < 1e-12 && (sd - 1.0).abs() < 1e-12);
        assert!(z[3].is_nan());
        assert_eq!(z_scores(&[5.0, 5.0]), [0.0, 0.0]);
    }

    #[test]
    fn equal_values_do_not_vary_however_many_they_are() {
        // The sum of 10 times 0.1 is not 1, nor that of 3 times 0.7 three times as much.
        for (value, n) in [(0.1, 10), (0.7, 3), (-0.1, 26), (1e-300, 7), (123.456, 263)] {
            let values = vec![value; n];
            assert_eq!(mean_sd(&values), Some((value, 0.0)), "{n} times {value}");
            assert_eq!(z_scores(&values), vec![0.0; n]);
        }
    }

    #[test]
    fn min_max_runs_from_0_to_1() {
        let scaled = min_max(&[2.0, 4.0, f64::NAN, 6.0]);
        assert_eq!((scaled[0], scaled[1], scaled[3]), (0.0, 0.5, 1.0));
        assert!(scaled[2].is_nan());
        assert_eq!(min_max(&[3.0, 3.0]), [0.5, 0.5]);
        assert!(min_max(&[f64::NAN, 1.0])[0].is_nan());
    }

    #[test]
    fn a_histogram_keeps_its_edges() {
        let h = Histogram::new([0.0, 0.49, 0.5, 1.0, 1.1, f64::NAN], 0.0, 1.0, 2);
        assert_eq!(h.counts, [2, 2]);
        assert_eq!(Histogram::new([3.0, 3.0], 3.0, 3.0, 5).counts, [0, 0, 2, 0, 0]);
    }

    #[test]
    fn what_differs_by_rounding_alone_does_not_vary() {
        let third = 131.0f64 / 3.0;
        for values in [vec![third; 3], vec![third, third.next_up(), third.next_down()], vec![0.1; 27]] {
            assert_eq!(Summary::new(&values).unwrap().sd, 0.0, "{values:?}");
        }
        // The smallest difference that one cell of many can make.
        let mut cells = vec![131_000.0; 1000];
        cells[0] += 0.25;
        assert!(Summary::new(&cells).unwrap().sd > 0.0);
    }
}
