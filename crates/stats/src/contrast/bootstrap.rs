//! Bootstrap intervals of the difference between two families: over words (other words might have stood in the list), and over
//! models. Percentile intervals (Efron 1979).
//!
//! Of so few models as a family has, percentiles hold the difference in 72 to 89 of 100 cases and not in 95
//! (docs/statistics.md). That interval is in JSON alone, for comparison with earlier reports: `models_interval` is the one to
//! use.

use rand::Rng;

use super::permutation::stream;
use super::{Comparison, Kind, Quantity, Test, TestResult, Unit, Value};

/// The bootstrap. An interval over models needs two models of each family.
pub static BOOTSTRAP: Test = Test {
    key: "bootstrap",
    name: "bootstrap",
    unit: Unit::Models,
    random: true,
    quantities: &[
        Quantity::new("level", Kind::Detail),
        Quantity::new("replicates", Kind::Detail),
        Quantity::new("seed", Kind::Detail),
        Quantity::new("models", Kind::Interval),
        Quantity::new("words", Kind::Interval).heading("95 % over words"),
    ],
    legend,
    compute,
};

const LEVEL: f64 = 0.95;
/// The first random stream of these draws, so that they share none with other tests of the same seed.
pub(crate) const STREAMS: usize = 1 << 30;

fn legend(result: Option<&TestResult>) -> Option<String> {
    let (Value::Count(replicates), Value::Count(seed)) = (result?.value("replicates")?, result?.value("seed")?) else {
        return None;
    };
    Some(format!("95 % over words: {replicates} bootstrap draws, seed {seed}, for other words and these very models."))
}

fn compute(comparison: &Comparison) -> Option<Vec<Value>> {
    let (replicates, seed) = (comparison.options.bootstrap, comparison.options.seed);
    if replicates == 0 {
        return None;
    }
    let [first, second] = &comparison.models;
    let models = over_models(first, second, replicates, seed, comparison.number);
    Some(vec![
        Value::Number(LEVEL),
        Value::Count(replicates as u64),
        Value::Count(seed),
        Value::Interval(models.and_then(percentiles)),
        Value::Interval(comparison.word_draws.clone().and_then(percentiles)),
    ])
}

/// Differences of family means with each family's models drawn again; none where a family has one model, which would always
/// be drawn.
fn over_models(first: &[&[f64]], second: &[&[f64]], replicates: usize, seed: u64, test: usize) -> Option<Vec<f64>> {
    if first.len() < 2 || second.len() < 2 {
        return None;
    }
    let sums =
        |models: &[&[f64]]| models.iter().map(|cells| (cells.iter().sum(), cells.len() as f64)).collect::<Vec<(f64, f64)>>();
    let (first, second) = (sums(first), sums(second));
    let mut random = stream(seed, STREAMS + test, 0);
    let mut mean = |models: &[(f64, f64)]| {
        let drawn = (0..models.len()).map(|_| models[random.random_range(0..models.len() as u32) as usize]);
        let (sum, n) = drawn.fold((0.0, 0.0), |(sum, n), (s, m)| (sum + s, n + m));
        sum / n
    };
    Some((0..replicates).map(|_| -mean(&first) + mean(&second)).collect())
}

/// The middle of the values at [`LEVEL`], interpolated as R's `quantile` does; none of fewer than two. NaN is left out.
fn percentiles(mut values: Vec<f64>) -> Option<[f64; 2]> {
    values.retain(|value| !value.is_nan());
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len().checked_sub(1).filter(|last| *last > 0)?;
    let at = |share: f64| {
        let place = share * last as f64;
        let below = place.floor() as usize;
        let above = (below + 1).min(last);
        values[below] + (place - below as f64) * (values[above] - values[below])
    };
    Some([at((1.0 - LEVEL) / 2.0), at((1.0 + LEVEL) / 2.0)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_drawn_within_their_families() {
        // Means 1 and 3 against 10 and 20: of the four pairs of draws, differences run from 7 to 19.
        let differences = over_models(&[&[1.0], &[3.0]], &[&[10.0, 10.0], &[20.0, 20.0]], 4_000, 1, 0).unwrap();
        let share = |wanted: f64| differences.iter().filter(|d| **d == wanted).count() as f64 / 4_000.0;
        assert!((share(7.0) - 1.0 / 16.0).abs() < 0.02 && (share(13.0) - 4.0 / 16.0).abs() < 0.03, "{}", share(13.0));
        assert_eq!(percentiles(differences), Some([7.0, 19.0]));
        assert_eq!(over_models(&[&[1.0, 2.0]], &[&[1.0], &[2.0]], 10, 1, 0), None);
    }

    #[test]
    fn percentiles_are_interpolated() {
        let values = (0..=100).rev().map(f64::from).chain([f64::NAN]).collect();
        let [low, high] = percentiles(values).unwrap();
        assert!((low - 2.5).abs() < 1e-9 && (high - 97.5).abs() < 1e-9, "{low} {high}");
        assert_eq!(percentiles(vec![1.0, f64::NAN]), None);
    }
}
