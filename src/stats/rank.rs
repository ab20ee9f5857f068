//! Ranks: 1 is the highest score, ties share the average of the places they take.

/// Ranks of `scores`, NaN where the score is NaN (such a score takes no place).
/// The study's definition: `rank(-score)` with average ties.
pub fn ranks(scores: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..scores.len()).filter(|&i| !scores[i].is_nan()).collect();
    order.sort_unstable_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let mut ranks = vec![f64::NAN; scores.len()];
    let mut start = 0;
    while start < order.len() {
        // Compared with ==, so that 0.0 and -0.0 tie although they are ordered.
        let mut end = start + 1;
        while end < order.len() && scores[order[end]] == scores[order[start]] {
            end += 1;
        }
        let shared = (start + 1 + end) as f64 / 2.0;
        for &i in &order[start..end] {
            ranks[i] = shared;
        }
        start = end;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_the_average_place() {
        assert_eq!(ranks(&[3.0, 1.0, 2.0]), [1.0, 3.0, 2.0]);
        assert_eq!(ranks(&[1.0, 2.0, 2.0, 0.0]), [3.0, 1.5, 1.5, 4.0]);
        assert_eq!(ranks(&[0.0, -0.0]), [1.5, 1.5]);
        assert_eq!(ranks(&[]), [0.0; 0]);
        let with_gap = ranks(&[1.0, f64::NAN, 5.0]);
        assert_eq!((with_gap[0], with_gap[2]), (2.0, 1.0));
        assert!(with_gap[1].is_nan());
    }
}
