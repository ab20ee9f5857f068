//! The minimum of a smooth function by BFGS (Nocedal and Wright 2006, algorithm 6.1), with a line search that halves its step.

use nalgebra::{DMatrix, DVector};

/// A function's value and gradient at some parameters.
pub(crate) struct Point {
    pub parameters: DVector<f64>,
    pub value: f64,
    pub gradient: DVector<f64>,
}

const MOST_STEPS: usize = 1_000;
/// A gradient of this size, beside the value, is none.
const FLAT: f64 = 1e-9;
/// Where rounding hides all further descent, a gradient of this size is none.
const FLAT_BY_ROUNDING: f64 = 1e-5;

/// Goes down from `start`; none where the function is not defined there, or nothing flat is found.
pub(crate) fn minimum(start: DVector<f64>, at: &dyn Fn(&DVector<f64>) -> Option<Point>) -> Option<Point> {
    let n = start.len();
    let mut point = at(&start)?;
    let mut inverse = DMatrix::identity(n, n) / point.gradient.norm().max(1.0);
    let mut is_fresh = true;
    for _ in 0..MOST_STEPS {
        let size = 1.0 + point.value.abs();
        if point.gradient.amax() <= FLAT * size {
            return Some(point);
        }
        let mut direction = -(&inverse * &point.gradient);
        let mut descent = direction.dot(&point.gradient);
        if descent >= 0.0 {
            inverse = DMatrix::identity(n, n) / point.gradient.norm().max(1.0);
            direction = -(&inverse * &point.gradient);
            descent = direction.dot(&point.gradient);
        }
        let steps = (0..50).map(|halvings| 0.5f64.powi(halvings));
        let lower =
            |step: f64| at(&(&point.parameters + &direction * step)).filter(|to| to.value < point.value + 1e-4 * step * descent);
        let Some(next) = steps.into_iter().find_map(lower) else {
            if point.gradient.amax() <= FLAT_BY_ROUNDING * size {
                return Some(point);
            }
            if is_fresh {
                return None;
            }
            inverse = DMatrix::identity(n, n) / point.gradient.norm().max(1.0);
            is_fresh = true;
            continue;
        };
        let (moved, turned) = (&next.parameters - &point.parameters, &next.gradient - &point.gradient);
        let curvature = moved.dot(&turned);
        if curvature > 1e-14 * moved.norm() * turned.norm() {
            if is_fresh {
                inverse = DMatrix::identity(n, n) * (curvature / turned.norm_squared());
            }
            let left = DMatrix::identity(n, n) - &moved * turned.transpose() / curvature;
            inverse = &left * inverse * left.transpose() + &moved * moved.transpose() / curvature;
            is_fresh = false;
        }
        point = next;
    }
    (point.gradient.amax() <= FLAT_BY_ROUNDING * (1.0 + point.value.abs())).then_some(point)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curved_valley_is_followed_to_its_lowest_point() {
        // Rosenbrock's function.
        let at = |at: &DVector<f64>| {
            let (x, y) = (at[0], at[1]);
            let gradient = DVector::from_vec(vec![-2.0 * (1.0 - x) - 400.0 * x * (y - x * x), 200.0 * (y - x * x)]);
            Some(Point { parameters: at.clone(), value: (1.0 - x).powi(2) + 100.0 * (y - x * x).powi(2), gradient })
        };
        let found = minimum(DVector::from_vec(vec![-1.2, 1.0]), &at).unwrap();
        assert!((found.parameters - DVector::from_vec(vec![1.0, 1.0])).amax() < 1e-7);
        let without_end =
            |at: &DVector<f64>| Some(Point { parameters: at.clone(), value: -at[0], gradient: DVector::from_vec(vec![-1.0]) });
        assert!(minimum(DVector::from_vec(vec![0.0]), &without_end).is_none(), "a function without an end has no minimum");
    }
}
