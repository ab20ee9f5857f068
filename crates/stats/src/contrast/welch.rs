//! Welch's t test of two groups of cells.

use super::{Comparison, Kind, Quantity, Test, Unit, Value};
use crate::describe::{Summary, squares};
use crate::significance::two_sided_t;

/// Welch's test with every cell as the unit, as the study has it. It needs two cells of each family, of which some vary.
pub static WELCH: Test = Test {
    key: "welch",
    name: "Welch",
    unit: Unit::Prompts,
    random: false,
    quantities: &[
        Quantity::new("t", Kind::Statistic).heading("Welch t").on_screen("Welch t", 5),
        Quantity::new("df", Kind::DegreesOfFreedom).heading("df").on_screen("df", 8),
        Quantity::new("p", Kind::P).heading("p").on_screen("Welch p", 6),
        Quantity::new("p_bonferroni", Kind::Bonferroni).heading("p"),
        Quantity::new("p_fdr", Kind::FalseDiscovery).heading("p FDR"),
    ],
    legend: |_| None,
    compute,
};

fn compute(comparison: &Comparison) -> Option<Vec<Value>> {
    let [first, second] = comparison.cells();
    let WelchTest { t, df, p, .. } = welch(&first, &second)?;
    Some([t, df, p, p, p].map(Value::Number).to_vec())
}

/// Welch's t test of two groups.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WelchTest {
    /// Mean of the second group minus mean of the first.
    pub difference: f64,
    /// Standard error of the difference.
    pub se: f64,
    /// With the sign of `difference`.
    pub t: f64,
    /// Welch–Satterthwaite.
    pub df: f64,
    /// Two-sided.
    pub p: f64,
}

/// Welch, B. L. (1947); degrees of freedom after Satterthwaite (1946). None where a group has fewer than two values or
/// neither varies.
pub fn welch(first: &[f64], second: &[f64]) -> Option<WelchTest> {
    let (a, b) = (Summary::new(first)?, Summary::new(second)?);
    if a.n < 2 || b.n < 2 {
        return None;
    }
    // Squared standard errors from the sums of squares, without the square root and its square; 0 where nothing but
    // rounding tells the values apart.
    let variance = |values: &[f64], of: &Summary| squares(values, of.mean) / (of.n - 1) as f64 / of.n as f64;
    let (va, vb) = (variance(first, &a), variance(second, &b));
    let total = va + vb;
    if total <= 0.0 || !total.is_finite() {
        return None;
    }
    let difference = b.mean - a.mean;
    let se = total.sqrt();
    let t = difference / se;
    let df = total * total / (va * va / (a.n - 1) as f64 + vb * vb / (b.n - 1) as f64);
    Some(WelchTest { difference, se, t, df, p: two_sided_t(t, df) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn welch_is_as_computed_elsewhere() {
        // scipy.stats.ttest_ind(b, a, equal_var=False)
        let a = [27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4];
        let b = [27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9, 30.5, 24.4];
        let test = welch(&a, &b).unwrap();
        let expected = [2.833_333_333_333_333, 2.852_954_870_171_522, 27.887_303_988_420_12, 0.008_071_938_172_194_9];
        for (found, expected) in [test.difference, test.t, test.df, test.p].iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{test:?}");
        }
        let other_way = welch(&b, &a).unwrap();
        assert_eq!((other_way.t, other_way.p), (-test.t, test.p));
    }

    #[test]
    fn what_cannot_be_tested_is_none() {
        assert_eq!(welch(&[1.0], &[1.0, 2.0]), None);
        assert_eq!(welch(&[1.0, 1.0], &[2.0, 2.0]), None);
        assert_eq!(welch(&[], &[]), None);
        let (a, b) = (131.0f64 / 3.0, 0.1);
        assert_eq!(welch(&[a, a.next_up(), a], &[b; 3]), None, "rounding is no variance");
        assert!(welch(&[1.0, 1.0], &[1.0, 2.0]).is_some(), "one group that varies is enough");
    }
}
