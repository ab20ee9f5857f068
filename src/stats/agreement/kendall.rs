//! Kendall's tau-b by Knight's algorithm: sort by one side, count the exchanges that a merge sort by the other makes.

/// Tau-b over the pairs in which neither value is NaN, in n log n (Knight 1966, A computer method for calculating Kendall's
/// tau with ungrouped data), and the number of pairs. None where it is not defined: fewer than two, or one side all tied.
pub fn kendall(a: &[f64], b: &[f64]) -> Option<(f64, usize)> {
    // Adding zero makes one of -0.0 and 0.0, which a total order would tell apart.
    let known = a.iter().zip(b).filter(|(a, b)| !a.is_nan() && !b.is_nan());
    let mut pairs: Vec<(f64, f64)> = known.map(|(a, b)| (a + 0.0, b + 0.0)).collect();
    pairs.sort_unstable_by(|x, y| x.0.total_cmp(&y.0).then(x.1.total_cmp(&y.1)));
    let tied_a = tied(&pairs, |x, y| x.0 == y.0);
    let tied_both = tied(&pairs, |x, y| x == y);
    let mut second: Vec<f64> = pairs.iter().map(|pair| pair.1).collect();
    let discordant = exchanges(&mut second, &mut vec![0.0; pairs.len()]);
    let tied_b = tied(&second, |x, y| x == y);
    let all = choose_two(pairs.len());
    let (free_a, free_b) = (all - tied_a, all - tied_b);
    if free_a == 0 || free_b == 0 {
        return None;
    }
    // Concordant less discordant; pairs tied in both were taken away twice.
    let difference = (all + tied_both) as f64 - (tied_a + tied_b) as f64 - 2.0 * discordant as f64;
    Some(((difference / (free_a as f64).sqrt() / (free_b as f64).sqrt()).clamp(-1.0, 1.0), pairs.len()))
}

fn choose_two(n: usize) -> u64 {
    let n = n as u64;
    n * n.saturating_sub(1) / 2
}

/// Pairs within runs of equal neighbours.
fn tied<T>(sorted: &[T], equal: impl Fn(&T, &T) -> bool) -> u64 {
    sorted.chunk_by(equal).map(|run| choose_two(run.len())).sum()
}

/// Sorts `values`, and gives the number of pairs that stood in the wrong order.
fn exchanges(values: &mut [f64], spare: &mut [f64]) -> u64 {
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
