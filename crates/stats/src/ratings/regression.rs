//! Ordinary least squares with intervals that hold where the scatter around the line is uneven: standard errors HC3
//! (MacKinnon and White 1985), Student's t with the residual degrees of freedom.

use nalgebra::{DMatrix, DVector};
use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::describe::mean;

/// Columns that leave less than this share of the largest eigenvalue of their correlations say the same.
const RANK_TOLERANCE: f64 = 1e-10;
/// A word with this leverage or more decides its own residual, which then says nothing of the scatter.
const FULL_LEVERAGE: f64 = 1.0 - 1e-10;

/// `y = intercept + Σ slope · column`.
#[derive(Clone, Debug, PartialEq)]
pub struct Regression {
    /// Rows that the line is fitted to.
    pub n: usize,
    /// Where every column is 0.
    pub intercept: f64,
    /// One a column.
    pub slopes: Vec<Slope>,
}

/// The slope of one column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slope {
    /// In units of `y` for one unit of the column.
    pub value: f64,
    /// In standard deviations of `y` for one of the column; of a single column this is Pearson's correlation.
    pub standardized: f64,
    /// The 95 % interval; none where a row alone decides the slope.
    pub interval: Option<[f64; 2]>,
}

/// Fits a line to the rows of `y` and `columns`, none of which may be NaN.
///
/// None where it is not defined: no more rows than coefficients, a constant `y` or column, or columns of which one follows
/// from the others.
pub fn regression(y: &[f64], columns: &[Vec<f64>]) -> Option<Regression> {
    let (n, k) = (y.len(), columns.len());
    if k == 0 || n < k + 2 {
        return None;
    }
    // Centred and scaled: the intercept drops out of the normal equations, and units do not matter to them.
    let (y_mean, y_sd, y_scaled) = scaled(y)?;
    let scales = columns.iter().map(|column| scaled(column)).collect::<Option<Vec<_>>>()?;
    // [rows, columns]
    let z = DMatrix::from_fn(n, k, |row, column| scales[column].2[row]);
    let y_scaled = DVector::from_vec(y_scaled);
    let products = z.tr_mul(&z);
    let eigenvalues = products.clone().symmetric_eigen().eigenvalues;
    if eigenvalues.min() <= RANK_TOLERANCE * eigenvalues.max() {
        return None;
    }
    let inverse = products.try_inverse()?;
    let standardized = &inverse * z.tr_mul(&y_scaled);
    let residuals = y_scaled - &z * &standardized;
    // What each row adds to the slopes, for one unit of its own residual.
    let mut influence = &z * inverse;
    let mut alone = false;
    for (row, residual) in residuals.iter().enumerate() {
        let leverage = 1.0 / n as f64 + influence.row(row).dot(&z.row(row));
        alone |= leverage >= FULL_LEVERAGE;
        influence.row_mut(row).scale_mut(residual / (1.0 - leverage));
    }
    let covariance = influence.tr_mul(&influence);
    let t = StudentsT::new(0.0, 1.0, (n - k - 1) as f64).ok()?.inverse_cdf(0.975);
    let slope = |column: usize| {
        let unit = y_sd / scales[column].1;
        let (value, half) = (standardized[column] * unit, t * covariance[(column, column)].sqrt() * unit);
        let interval = (!alone && half.is_finite()).then_some([value - half, value + half]);
        Slope { value, standardized: standardized[column], interval }
    };
    let slopes: Vec<Slope> = (0..k).map(slope).collect();
    let at_means: f64 = slopes.iter().zip(&scales).map(|(slope, (mean, ..))| slope.value * mean).sum();
    Some(Regression { n, intercept: y_mean - at_means, slopes })
}

/// Mean, standard deviation, and the values less the one over the other; none of values that do not vary.
fn scaled(values: &[f64]) -> Option<(f64, f64, Vec<f64>)> {
    let (mean, sd) = (mean(values.iter().copied())?, crate::mean_sd(values)?.1);
    (sd > 0.0).then(|| (mean, sd, values.iter().map(|value| (value - mean) / sd).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_through_all_points_is_found_and_columns_that_repeat_each_other_are_refused() {
        let x = vec![1.0, 2.0, 4.0, 7.0, 11.0];
        let y: Vec<f64> = x.iter().map(|x| 3.0 - 2.0 * x).collect();
        let found = regression(&y, std::slice::from_ref(&x)).unwrap();
        assert!((found.intercept - 3.0).abs() < 1e-12 && (found.slopes[0].value + 2.0).abs() < 1e-12, "{found:?}");
        assert!((found.slopes[0].standardized + 1.0).abs() < 1e-12);
        let [low, high] = found.slopes[0].interval.unwrap();
        assert!(high - low < 1e-9, "{found:?}");
        let shifted: Vec<f64> = x.iter().map(|x| 5.0 * x + 1.0).collect();
        assert_eq!(regression(&y, &[x.clone(), shifted]), None);
        assert_eq!(regression(&y, &[vec![1.0; 5]]), None, "a column that does not vary");
        assert_eq!(regression(&y[..2], &[x[..2].to_vec()]), None, "two points are on every line");
        assert_eq!(regression(&y, &[]), None);
    }

    #[test]
    fn a_row_that_alone_decides_the_slope_leaves_no_interval() {
        let found = regression(&[1.0, 2.0, 3.0, 9.0], &[vec![0.0, 0.0, 0.0, 1.0]]).unwrap();
        assert_eq!((found.slopes[0].value, found.slopes[0].interval), (7.0, None));
    }
}
