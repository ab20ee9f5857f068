//! The interval of the difference between two families, with models as the unit: Welch's, from the mean of each model.

use super::welch::welch;
use super::{Comparison, Kind, Quantity, Test, Unit, Value};
use crate::significance::two_sided_quantile;

/// Welch's interval over models. It needs two models of each family, of which some vary.
pub static MODELS_INTERVAL: Test = Test {
    key: "models_interval",
    name: "over models",
    unit: Unit::Models,
    random: false,
    quantities: &[
        Quantity::new("low", Kind::Low).heading("95 % over models").on_screen("95 % over models", 2),
        Quantity::new("high", Kind::High),
        Quantity::new("df", Kind::DegreesOfFreedom),
    ],
    legend: |_| Some("95 % over models: Welch's interval, for other models of these families and the same words.".to_owned()),
    compute,
};

fn compute(comparison: &Comparison) -> Option<Vec<Value>> {
    let [first, second] = comparison.means();
    let welch = welch(&first, &second)?;
    let df = safe_df(welch.df, first.len().min(second.len()));
    let half = welch.se * two_sided_quantile(0.05, df);
    // Of the mean over models, which is that over cells where all were asked equally many prompts.
    Some([welch.difference - half, welch.difference + half, df].map(Value::Number).to_vec())
}

/// Satterthwaite's degrees of freedom `df`, but one where a family has two models (`fewest`). A variance of two models is so
/// uncertain that his count then misses up to twice the 5 % (docs/statistics.md); one, the least that it can be, never does.
pub(super) fn safe_df(df: f64, fewest: usize) -> f64 {
    if fewest <= 2 { 1.0 } else { df }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contrast::TestResult;
    use crate::options::ReportOptions;

    fn ends(models: [&[f64]; 2]) -> ([f64; 2], f64) {
        let models = models.map(|means| means.chunks(1).collect());
        let comparison = Comparison { models, word_draws: None, placements: None, options: ReportOptions::quick(), number: 0 };
        let result = TestResult::new(&MODELS_INTERVAL, &comparison);
        (result.ends().unwrap(), result.number(Kind::DegreesOfFreedom).unwrap())
    }

    #[test]
    fn the_interval_is_as_computed_elsewhere() {
        // scipy.stats.ttest_ind(b, a, equal_var=False).confidence_interval(.95)
        let ([low, high], df) = ends([&[1.0, 4.0, 2.5, 3.0], &[5.0, 9.0, 6.5, 7.0, 8.0]]);
        for (found, expected) in [low, high, df].iter().zip([2.292_425_794_394_696, 6.657_574_205_605_304, 6.973_251_248_279_263])
        {
            assert!((found - expected).abs() < 1e-9, "{found} for {expected}");
        }
    }

    #[test]
    fn two_models_of_a_family_have_one_degree_of_freedom() {
        let ([low, high], df) = ends([&[1.0, 3.0], &[5.0, 9.0, 6.5, 7.0, 8.0]]);
        assert_eq!(df, 1.0);
        assert!(low < -6.0 && high > 16.0, "{low} {high}");
    }
}
