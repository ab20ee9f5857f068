//! The size of the difference between two families in standard deviations of their models: Hedges' g.

use super::{Comparison, Kind, Quantity, Test, Unit, Value};
use crate::describe::{Summary, squares};
use crate::noncentral_t::noncentrality;
use statrs::function::gamma::ln_gamma;

/// Hedges' g with its interval. It needs two models of each family, of which some vary.
pub static HEDGES_G: Test = Test {
    key: "hedges_g",
    name: "g",
    unit: Unit::Models,
    random: false,
    quantities: &[
        Quantity::new("value", Kind::Effect).heading("g").on_screen("g", 3),
        Quantity::new("low", Kind::Low).heading("95 % of g").on_screen("95 % of g", 7),
        Quantity::new("high", Kind::High),
    ],
    legend: |_| Some("g: Hedges' g, the difference in standard deviations between models of a family.".to_owned()),
    compute,
};

/// Hedges (1981): the difference of the families' means over the pooled standard deviation of their models, times the factor
/// that takes its bias away. The interval is that of the size in the families themselves, from the noncentral t distribution
/// (Steiger and Fouladi 1997): exact where models are normal and vary alike in both families.
fn compute(comparison: &Comparison) -> Option<Vec<Value>> {
    let [first, second] = comparison.means();
    let (a, b) = (Summary::new(&first)?, Summary::new(&second)?);
    if a.n < 2 || b.n < 2 {
        return None;
    }
    let (n_a, n_b) = (a.n as f64, b.n as f64);
    let df = n_a + n_b - 2.0;
    let sd = ((squares(&first, a.mean) + squares(&second, b.mean)) / df).sqrt();
    if sd == 0.0 {
        return None;
    }
    let size = (b.mean - a.mean) / sd;
    let unbiased = (ln_gamma(df / 2.0) - ln_gamma((df - 1.0) / 2.0)).exp() / (df / 2.0).sqrt();
    let scale = (1.0 / n_a + 1.0 / n_b).sqrt();
    let end = |probability: f64| noncentrality(size / scale, df, probability) * scale;
    Some([size * unbiased, end(0.975), end(0.025)].map(Value::Number).to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contrast::TestResult;
    use crate::options::ReportOptions;

    fn g(models: [&[f64]; 2]) -> Option<(f64, [f64; 2])> {
        let models = models.map(|means| means.chunks(1).collect());
        let comparison = Comparison { models, word_draws: None, placements: None, options: ReportOptions::quick(), number: 0 };
        let result = TestResult::new(&HEDGES_G, &comparison);
        Some((result.number(Kind::Effect)?, result.ends()?))
    }

    #[test]
    fn g_turns_with_its_families_and_needs_a_spread() {
        let (a, b): (&[f64], &[f64]) = (&[1.0, 4.0, 2.5, 3.0], &[5.0, 9.0, 6.5]);
        let ((there, [low, high]), (back, [other_low, other_high])) = (g([a, b]).unwrap(), g([b, a]).unwrap());
        assert!(low < there && there < high && (there + back).abs() < 1e-12);
        assert!((low + other_high).abs() < 1e-7 && (high + other_low).abs() < 1e-7, "{low} {high} {other_low} {other_high}");
        assert!(g([&[1.0; 2], &[4.0; 2]]).is_none() && g([&[1.0], &[4.0, 5.0]]).is_none());
    }
}
