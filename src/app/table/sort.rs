//! Orders of rows: by number, by rank, by text.

use std::cmp::Ordering;

use super::SideScores;

/// Sorts by a number: ascending unless `descending`, rows without one always last, equal rows in corpus order.
pub(super) fn sort_by_number(rows: &mut [u32], descending: bool, number: impl Fn(usize) -> f64) {
    rows.sort_by(|&a, &b| {
        let (x, y) = (number(a as usize), number(b as usize));
        let order = if descending { y.total_cmp(&x) } else { x.total_cmp(&y) };
        x.is_nan().cmp(&y.is_nan()).then(order)
    });
}

/// Sorts by rank: the best first unless `descending`, rows without one always last. Words of one place, such as own words
/// between the same two of the list, are told apart by their scores.
pub(super) fn sort_by_rank(rows: &mut [u32], descending: bool, side: &SideScores) {
    rows.sort_by(|&a, &b| {
        let (a, b) = (a as usize, b as usize);
        let (x, y) = (side.order(a), side.order(b));
        if x.is_nan() || y.is_nan() {
            return x.is_nan().cmp(&y.is_nan());
        }
        let by_score = || side.scores[b].partial_cmp(&side.scores[a]).unwrap_or(Ordering::Equal);
        let order = x.total_cmp(&y).then_with(by_score);
        if descending { order.reverse() } else { order }
    });
}

/// Sorts by a text, ascending unless `descending`.
pub(super) fn sort_by_text(rows: &mut [u32], descending: bool, text: impl Fn(usize) -> String) {
    rows.sort_by_cached_key(|&i| text(i as usize));
    if descending {
        rows.reverse();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_without_a_number_come_last_either_way_and_equal_rows_keep_their_order() {
        let numbers = [2.0, f64::NAN, 1.0, 2.0];
        for (descending, order) in [(false, [2, 0, 3, 1]), (true, [0, 3, 2, 1])] {
            let mut rows = [0, 1, 2, 3];
            sort_by_number(&mut rows, descending, |i| numbers[i]);
            assert_eq!(rows, order);
        }
    }
}
