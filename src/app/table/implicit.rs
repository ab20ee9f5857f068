//! The reward that is implicit in two language models, for the words that both have.

use super::{Axis, AxisKind, SideScores, side_of};
use crate::base::terms::Measure;

/// The measure in the place of scores; `logs` are log-probabilities under A and B, of the list's words first.
pub(super) fn side(measure: Measure, logs: &[Vec<f64>; 2], listed: usize) -> SideScores {
    side_of(logs[0].iter().zip(&logs[1]).map(|(&a, &b)| measure.of(a, b)).collect(), listed)
}

/// From the least to the most, zero among them, with room for a name on either side of it.
pub(super) fn axis(side: &SideScores) -> Option<Axis> {
    /// Of the longer side.
    const LEAST: f64 = 0.25;
    let (low, high) = side.range?;
    let (low, high) = (low.min(0.0), high.max(0.0));
    Some(Axis { kind: AxisKind::Reward, low: low.min(-high * LEAST), high: high.max(-low * LEAST) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_has_room_on_both_sides() {
        let ends = |scores: &[f64]| axis(&side_of(scores.to_vec(), scores.len())).map(|axis| (axis.low, axis.high));
        assert_eq!(ends(&[1.0, 4.0, f64::NAN]), Some((-1.0, 4.0)));
        assert_eq!(ends(&[-8.0, -2.0]), Some((-8.0, 2.0)));
        assert_eq!(ends(&[-3.0, 4.0]), Some((-3.0, 4.0)));
        assert_eq!(ends(&[f64::NAN]), None);
    }

    #[test]
    fn a_word_that_one_model_lacks_has_no_value() {
        let found = side(Measure::LogRatio, &[vec![-1.0, -2.0], vec![-3.0, f64::NAN]], 2);
        assert_eq!(found.scores[0], 2.0);
        assert!(found.scores[1].is_nan());
    }
}
