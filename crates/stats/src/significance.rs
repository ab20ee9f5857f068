//! Tails and quantiles of the t and F distributions, and p-values adjusted for many tests.

use statrs::distribution::{ContinuousCDF, StudentsT};
use statrs::function::beta::checked_beta_reg;

/// P(|T| ≥ |t|) of Student's t; NaN where that is not defined.
pub fn two_sided_t(t: f64, df: f64) -> f64 {
    checked_beta_reg(df / 2.0, 0.5, df / (df + t * t)).unwrap_or(f64::NAN)
}

/// The t that |T| is at least as large as with probability `p`; NaN where that is not defined.
pub fn two_sided_quantile(p: f64, df: f64) -> f64 {
    StudentsT::new(0.0, 1.0, df).map_or(f64::NAN, |t| t.inverse_cdf(1.0 - p / 2.0))
}

/// P(F ≥ f) of Fisher's F; NaN where that is not defined.
pub fn upper_f(f: f64, numerator_df: f64, denominator_df: f64) -> f64 {
    let x = denominator_df / (denominator_df + numerator_df * f);
    checked_beta_reg(denominator_df / 2.0, numerator_df / 2.0, x).unwrap_or(f64::NAN)
}

/// `p` times the number of tests, at most 1.
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
    fn tails_of_t_and_f() {
        // Known quantiles; with one degree of freedom t is Cauchy, and F(1, n) is t(n) squared.
        for (t, df, p) in [(2.228_138_851_986_27, 10.0, 0.05), (1.0, 1.0, 0.5), (0.0, 7.0, 1.0), (f64::INFINITY, 5.0, 0.0)] {
            assert!((two_sided_t(t, df) - p).abs() < 1e-12, "{t}: {}", two_sided_t(t, df));
            assert_eq!(two_sided_t(-t, df), two_sided_t(t, df));
            assert!(t.is_infinite() || p == 1.0 || (two_sided_quantile(p, df) - t).abs() < 1e-9);
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
