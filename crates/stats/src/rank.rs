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

/// The ranks that scores would have among `scores`, of which they are none: behind all that are higher and among those that
/// are equal, so from 1 to one more than there are. NaN where the score is, and where there is nothing to stand among.
pub fn places(scores: &[f64], beside: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = scores.iter().copied().filter(|score| !score.is_nan()).collect();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    let place = |&score: &f64| {
        if score.is_nan() || sorted.is_empty() {
            return f64::NAN;
        }
        let higher = sorted.partition_point(|&other| other > score);
        let equal = sorted.partition_point(|&other| other >= score) - higher;
        1.0 + higher as f64 + equal as f64 / 2.0
    };
    beside.iter().map(place).collect()
}

/// Ranks of the scores that are not `own`, and of those that are, the ranks that each would have among the others.
pub fn ranks_beside(scores: &[f64], own: &[bool]) -> Vec<f64> {
    let list: Vec<f64> = scores.iter().zip(own).map(|(&score, &own)| if own { f64::NAN } else { score }).collect();
    let beside: Vec<f64> = scores.iter().zip(own).filter(|(_, own)| **own).map(|(&score, _)| score).collect();
    let mut places = places(&list, &beside).into_iter();
    let rank = |(rank, &own): (f64, &bool)| if own { places.next().unwrap_or(f64::NAN) } else { rank };
    ranks(&list).into_iter().zip(own).map(rank).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_beside_others_has_the_place_it_would_take_and_moves_none() {
        let scores = [3.0, 1.0, 2.0, 2.0, f64::NAN];
        assert_eq!(places(&scores, &[9.0, 2.5, 2.0, 0.0]), [1.0, 2.0, 3.0, 5.0]);
        // As if it stood among them.
        for score in [9.0, 2.5, 2.0, 1.0, 0.0] {
            let with = [&scores[..], &[score]].concat();
            assert_eq!(ranks(&with).last(), places(&scores, &[score]).first(), "{score}");
        }
        assert_eq!(places(&[0.0], &[-0.0]), [1.5]);
        assert_eq!(ranks_beside(&[3.0, 2.5, 2.0, 9.0], &[false, true, false, true]), [1.0, 2.0, 2.0, 1.0]);
        assert!(places(&scores, &[f64::NAN])[0].is_nan() && places(&[f64::NAN], &[1.0])[0].is_nan());
    }

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
