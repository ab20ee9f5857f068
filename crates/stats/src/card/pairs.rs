//! How often a model prefers what people chose.

use serde::Serialize;

/// Preferences of a model over pairs of answers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Accuracy {
    /// Pairs judged.
    pub pairs: usize,
    /// The chosen answer scored higher.
    pub chosen: usize,
    /// The rejected answer scored higher.
    pub rejected: usize,
    /// Both scored alike; each counts half in the accuracy.
    pub ties: usize,
    /// `(chosen + ties / 2) / pairs`, from 0 to 1.
    pub accuracy: f64,
    /// Wilson's score interval, 95 %.
    pub interval: (f64, f64),
}

impl Accuracy {
    /// Of the scores of chosen and rejected answers; none without a pair.
    pub fn from_scores(pairs: impl IntoIterator<Item = (f64, f64)>) -> Option<Accuracy> {
        let (mut chosen, mut rejected, mut ties) = (0, 0, 0);
        for (better, worse) in pairs {
            if better > worse {
                chosen += 1;
            } else if better < worse {
                rejected += 1;
            } else {
                ties += 1;
            }
        }
        let pairs = chosen + rejected + ties;
        let successes = chosen as f64 + ties as f64 / 2.0;
        let interval = wilson(successes, pairs)?;
        Some(Accuracy { pairs, chosen, rejected, ties, accuracy: successes / pairs as f64, interval })
    }
}

/// The 95 % score interval of a proportion (Wilson 1927); halves of successes are allowed. None of no trials.
pub fn wilson(successes: f64, trials: usize) -> Option<(f64, f64)> {
    const Z: f64 = 1.959_963_984_540_054;
    if trials == 0 {
        return None;
    }
    let n = trials as f64;
    let p = successes / n;
    let scale = 1.0 / (1.0 + Z * Z / n);
    let centre = scale * (p + Z * Z / (2.0 * n));
    let half = scale * Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    Some(((centre - half).max(0.0), (centre + half).min(1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// statsmodels: `proportion_confint(successes, trials, method="wilson")`.
    #[test]
    fn intervals_are_those_of_statsmodels() {
        for (successes, trials, low, high) in WILSON {
            let (l, h) = wilson(successes, trials).unwrap();
            assert!((l - low).abs() < 1e-12 && (h - high).abs() < 1e-12, "{successes} of {trials}: {l} {h}");
        }
        assert_eq!(wilson(0.0, 0), None);
    }

    const WILSON: [(f64, usize, f64, f64); 4] = [
        (7.5, 10, 0.44218142427854984, 0.9190521757900056),
        (0.0, 5, 0.0, 0.43448246478317487),
        (5.0, 5, 0.5655175352168252, 1.0),
        (612.0, 1000, 0.5814239245764211, 0.6417188815228144),
    ];

    #[test]
    fn ties_count_half_and_are_stated() {
        let found = Accuracy::from_scores([(2.0, 1.0), (1.0, 1.0), (0.0, 3.0), (5.0, 1.0)]).unwrap();
        assert_eq!((found.pairs, found.chosen, found.rejected, found.ties, found.accuracy), (4, 2, 1, 1, 0.625));
        assert_eq!(Accuracy::from_scores([]), None);
    }
}
