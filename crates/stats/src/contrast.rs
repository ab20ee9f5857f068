//! Do two groups of cells differ? Welch's t, and what many such tests do to a p-value.

use statrs::function::beta::checked_beta_reg;

use super::summary::{Summary, squares};

/// Welch's t test of two groups.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WelchTest {
    /// Mean of the second group minus mean of the first.
    pub difference: f64,
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
    let (a, b) = (Summary::of(first)?, Summary::of(second)?);
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
    let t = difference / total.sqrt();
    let df = total * total / (va * va / (a.n - 1) as f64 + vb * vb / (b.n - 1) as f64);
    Some(WelchTest { difference, t, df, p: two_sided_t(t, df) })
}

/// P(|T| ≥ |t|) of Student's t; NaN where that is not defined.
pub fn two_sided_t(t: f64, df: f64) -> f64 {
    checked_beta_reg(df / 2.0, 0.5, df / (df + t * t)).unwrap_or(f64::NAN)
}

/// P(F ≥ f) of Fisher's F; NaN where that is not defined.
pub fn upper_f(f: f64, numerator_df: f64, denominator_df: f64) -> f64 {
    let x = denominator_df / (denominator_df + numerator_df * f);
    checked_beta_reg(denominator_df / 2.0, numerator_df / 2.0, x).unwrap_or(f64::NAN)
}

/// Each p times their number, at most 1.
pub fn bonferroni(p: f64, tests: usize) -> f64 {
    (p * tests as f64).min(1.0)
}

/// Benjamini and Hochberg (1995): the smallest false discovery rate at which each test would be kept. As R's `p.adjust`.
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[b].total_cmp(&p[a]));
    let mut adjusted = vec![0.0; p.len()];
    let mut least = 1.0f64;
    for (above, &i) in order.iter().enumerate() {
        least = least.min(p[i] * p.len() as f64 / (p.len() - above) as f64);
        adjusted[i] = least;
    }
    adjusted
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

    #[test]
    fn tails_of_t_and_f() {
        // Known quantiles; with one degree of freedom t is Cauchy, and F(1, n) is t(n) squared.
        for (t, df, p) in [(2.228_138_851_986_27, 10.0, 0.05), (1.0, 1.0, 0.5), (0.0, 7.0, 1.0), (f64::INFINITY, 5.0, 0.0)] {
            assert!((two_sided_t(t, df) - p).abs() < 1e-12, "{t}: {}", two_sided_t(t, df));
            assert_eq!(two_sided_t(-t, df), two_sided_t(t, df));
        }
        assert!((upper_f(2.5f64.powi(2), 1.0, 17.0) - two_sided_t(2.5, 17.0)).abs() < 1e-14);
        assert!((upper_f(4.102_821_015_130_14, 2.0, 10.0) - 0.05).abs() < 1e-10);
        assert!(two_sided_t(1.0, 0.0).is_nan() && two_sided_t(f64::NAN, 3.0).is_nan() && upper_f(1.0, 1.0, 0.0).is_nan());
    }

    #[test]
    fn adjustments_for_many_tests() {
        assert_eq!([bonferroni(0.01, 4), bonferroni(0.5, 4)], [0.04, 1.0]);
        // R: p.adjust(c(.01, .04, .03, .005, .8), "BH")
        let adjusted = benjamini_hochberg(&[0.01, 0.04, 0.03, 0.005, 0.8]);
        for (found, expected) in adjusted.iter().zip([0.025, 0.05, 0.05, 0.025, 0.8]) {
            assert!((found - expected).abs() < 1e-15, "{adjusted:?}");
        }
        assert!(benjamini_hochberg(&[]).is_empty());
    }
}
