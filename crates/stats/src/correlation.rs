//! Rank correlation between two sets of scores over the same things.

use super::{mean_sd, ranks};

/// Spearman's rank correlation: Pearson's correlation of the average ranks, over the pairs in which neither value is NaN.
/// Gives the correlation and the number of pairs; none where it is not defined (fewer than two pairs, or all values of one
/// side tied).
pub fn spearman(a: &[f64], b: &[f64]) -> Option<(f64, usize)> {
    let (a, b): (Vec<f64>, Vec<f64>) = a.iter().zip(b).filter(|(a, b)| !a.is_nan() && !b.is_nan()).unzip();
    let n = a.len();
    let (a, b) = (ranks(&a), ranks(&b));
    let ((mean_a, sd_a), (mean_b, sd_b)) = (mean_sd(&a)?, mean_sd(&b)?);
    if n < 2 || sd_a == 0.0 || sd_b == 0.0 {
        return None;
    }
    let covariance: f64 = a.iter().zip(&b).map(|(a, b)| (a - mean_a) * (b - mean_b)).sum::<f64>() / (n - 1) as f64;
    Some(((covariance / (sd_a * sd_b)).clamp(-1.0, 1.0), n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spearman_is_the_correlation_of_average_ranks() {
        let nan = f64::NAN;
        for (a, b, expected) in [
            (&[1.0, 2.0, 3.0][..], &[10.0, 200.0, 3000.0][..], Some((1.0, 3))),
            (&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0], Some((-1.0, 3))),
            (&[1.0, nan, 2.0, 3.0], &[1.0, 5.0, nan, 2.0], Some((1.0, 2))),
            (&[1.0], &[1.0], None),
            (&[1.0, 1.0], &[1.0, 2.0], None),
            (&[], &[], None),
        ] {
            match (spearman(a, b), expected) {
                (Some((r, n)), Some((e, m))) => assert!((r - e).abs() < 1e-12 && n == m, "{r} {n}"),
                (got, expected) => assert_eq!(got, expected),
            }
        }
        // With ties: ranks 1 2.5 2.5 4 5 against 1 3 2 5 4, by hand 8.5 / sqrt(9.5 * 10).
        let (r, n) = spearman(&[1.0, 2.0, 2.0, 3.0, 4.0], &[1.0, 3.0, 2.0, 5.0, 4.0]).unwrap();
        assert_eq!(n, 5);
        assert!((r - 8.5 / (9.5f64 * 10.0).sqrt()).abs() < 1e-12, "{r}");
    }
}
