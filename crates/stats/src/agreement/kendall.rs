//! Kendall's tau-b by Knight's algorithm: sort by one side, count the exchanges that a merge sort by the other makes.

use super::both;
use super::ranking::{Ranking, choose_two};

/// Tau-b over the pairs in which neither value is NaN, in n log n (Knight 1966, A computer method for calculating Kendall's
/// tau with ungrouped data), and the number of pairs. None where it is not defined: fewer than two, or one side all tied.
pub fn kendall(a: &[f64], b: &[f64]) -> Option<(f64, usize)> {
    let (a, b) = both(a, b);
    kendall_of(&Ranking::new(&a), &Ranking::new(&b)).map(|tau| (tau, a.len()))
}

/// The same of two rankings of the same words.
pub(super) fn kendall_of(a: &Ranking, b: &Ranking) -> Option<f64> {
    let mut tied_both = 0;
    let mut second: Vec<u32> = a.order.iter().map(|word| b.group_of[*word as usize]).collect();
    for ends in a.starts.windows(2) {
        let group = &mut second[ends[0]..ends[1]];
        if group.len() > 1 {
            group.sort_unstable();
            tied_both += group.chunk_by(|x, y| x == y).map(|run| choose_two(run.len())).sum::<u64>();
        }
    }
    let mut spare = vec![0; second.len()];
    let discordant = exchanges(&mut second, &mut spare);
    let all = choose_two(a.len());
    let (tied_a, tied_b) = (a.tied_pairs(), b.tied_pairs());
    let (free_a, free_b) = (all - tied_a, all - tied_b);
    if free_a == 0 || free_b == 0 {
        return None;
    }
    // Concordant less discordant; pairs tied in both were taken away twice.
    let difference = (all + tied_both) as f64 - (tied_a + tied_b) as f64 - 2.0 * discordant as f64;
    Some((difference / (free_a as f64).sqrt() / (free_b as f64).sqrt()).clamp(-1.0, 1.0))
}

/// Sorts `values`, and gives the number of pairs that stood in the wrong order.
fn exchanges(values: &mut [u32], spare: &mut [u32]) -> u64 {
    let n = values.len();
    if n < 2 {
        return 0;
    }
    let half = n / 2;
    let mut count = {
        let ((left, right), (spare_left, spare_right)) = (values.split_at_mut(half), spare.split_at_mut(half));
        exchanges(left, spare_left) + exchanges(right, spare_right)
    };
    let (mut i, mut j) = (0, half);
    for slot in spare.iter_mut() {
        if j == n || (i < half && values[i] <= values[j]) {
            *slot = values[i];
            i += 1;
        } else {
            *slot = values[j];
            j += 1;
            count += (half - i) as u64;
        }
    }
    values.copy_from_slice(spare);
    count
}
