//! Permutation test with cells as the unit: how often a random division into groups of these sizes gives a Welch t at least
//! as far from 0 as the observed one.
//!
//! Every replicate belongs to a block, and every block has a random stream of its own, so a seed gives the same p-value on
//! any number of threads.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::welch::welch;
use super::{Comparison, Kind, Quantity, Test, TestResult, Unit, Value};

/// The permutation test. It needs what Welch's test needs.
pub static PERMUTATION: Test = Test {
    key: "permutation",
    name: "permutation",
    unit: Unit::Prompts,
    random: true,
    quantities: &[
        Quantity::new("replicates", Kind::Detail),
        Quantity::new("seed", Kind::Detail),
        Quantity::new("p", Kind::P).heading("perm. p"),
        Quantity::new("p_bonferroni", Kind::Bonferroni).heading("p"),
    ],
    legend,
    compute,
};

fn legend(result: Option<&TestResult>) -> Option<String> {
    let (Value::Count(replicates), Value::Count(seed)) = (result?.value("replicates")?, result?.value("seed")?) else {
        return None;
    };
    Some(format!("perm.: permutation test, {replicates} random divisions, seed {seed}."))
}

fn compute(comparison: &Comparison) -> Option<Vec<Value>> {
    let [first, second] = comparison.cells();
    let (replicates, seed) = (comparison.options.replicates, comparison.options.seed);
    if replicates == 0 {
        return None;
    }
    let p = permutation_p(&first, &second, replicates, seed, comparison.number)?;
    Some(vec![Value::Count(replicates as u64), Value::Count(seed), Value::Number(p), Value::Number(p)])
}

/// Replicates that share a random stream.
const BLOCK: usize = 250;
/// Two sums of the same numbers differ by less than this share. A |t| that differs from the observed one by less counts as equal.
pub(super) const ROUNDING: f64 = 1e-10;

/// Two-sided p, `(count + 1) / (replicates + 1)`: the observed division is one of those that could have come up, so p is
/// never 0 (Phipson and Smyth 2010; the study's reference numbers give it as `p_plus_one`). `test` tells several tests with
/// one seed apart. None where Welch's t is not defined.
fn permutation_p(first: &[f64], second: &[f64], replicates: usize, seed: u64, test: usize) -> Option<f64> {
    welch(first, second)?;
    // Around the common mean sums of squares lose no digits, and t does not change.
    let all = [first, second].concat();
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    let mut all: Vec<f64> = all.iter().map(|value| value - mean).collect();
    let sums = |group: &[f64]| (group.len(), group.iter().sum(), group.iter().map(|v| v * v).sum());
    let (a, b) = all.split_at(first.len());
    let observed = t_of_sums(sums(a), sums(b)).abs();
    // The smaller group is the one drawn: less to draw, and |t| is the same.
    let drawn = first.len().min(second.len());
    if first.len() > drawn {
        all.rotate_left(first.len());
    }
    let count: usize = (0..replicates.div_ceil(BLOCK))
        .into_par_iter()
        .map(|block| {
            let mut random = stream(seed, test, block);
            let mut values = all.clone();
            let of_block = BLOCK.min(replicates - block * BLOCK);
            (0..of_block).filter(|_| reaches(&mut values, drawn, observed, &mut random)).count()
        })
        .sum();
    Some((count + 1) as f64 / (replicates + 1) as f64)
}

/// The random numbers of one block of one test.
pub(crate) fn stream(seed: u64, test: usize, block: usize) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream((test as u64) << 32 | block as u64);
    random
}

/// Draws a group into the front of `values` and compares its |t| with the observed one.
fn reaches(values: &mut [f64], drawn: usize, observed: f64, random: &mut ChaCha8Rng) -> bool {
    let n = values.len() as u32;
    let (mut sum, mut squares) = (0.0, 0.0);
    for i in 0..drawn {
        let other = random.random_range(i as u32..n) as usize;
        values.swap(i, other);
        sum += values[i];
        squares += values[i] * values[i];
    }
    let (rest_sum, rest_squares) = values[drawn..].iter().fold((0.0, 0.0), |(s, q), v| (s + v, q + v * v));
    let t = t_of_sums((drawn, sum, squares), (values.len() - drawn, rest_sum, rest_squares));
    t.abs() >= observed * (1.0 - ROUNDING)
}

/// Welch's t from the number, sum and sum of squares of two groups; 0 where nothing differs, infinite where nothing varies
/// within the groups.
fn t_of_sums(a: (usize, f64, f64), b: (usize, f64, f64)) -> f64 {
    let part = |(n, sum, squares): (usize, f64, f64)| {
        let n = n as f64;
        let mean = sum / n;
        // Rounding can leave a little less than nothing.
        let around = squares - sum * mean;
        let around = if around <= squares * 1e-14 { 0.0 } else { around };
        (mean, around / (n - 1.0) / n)
    };
    let ((mean_a, va), (mean_b, vb)) = (part(a), part(b));
    let difference = mean_b - mean_a;
    if difference == 0.0 { 0.0 } else { difference / (va + vb).sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups() -> (Vec<f64>, Vec<f64>) {
        ((0..12).map(|i| f64::from(i * 7 % 12)).collect(), (0..9).map(|i| f64::from(i * 5 % 9) + 3.5).collect())
    }

    /// All divisions of eight values into groups of three and five, against a large number of random ones.
    #[test]
    fn p_comes_near_the_share_of_all_divisions() {
        let (a, b) = ([1.0, 4.0, 2.5], [3.0, 6.0, 7.5, 5.0, 8.0]);
        let all = [&a[..], &b[..]].concat();
        let observed = welch(&a, &b).unwrap().t.abs();
        let (mut reached, mut divisions) = (0, 0);
        for mask in 0u32..256 {
            if mask.count_ones() != 3 {
                continue;
            }
            let pick = |inside: bool| (0..8).filter(|i| (mask >> i & 1 == 1) == inside).map(|i| all[i]).collect::<Vec<f64>>();
            let t = welch(&pick(true), &pick(false)).unwrap().t.abs();
            divisions += 1;
            reached += usize::from(t >= observed - 1e-12);
        }
        assert_eq!(divisions, 56);
        let (exact, replicates) = (f64::from(reached as u32) / 56.0, 20_000);
        let error = (exact * (1.0 - exact) / replicates as f64).sqrt();
        for (a, b) in [(&a[..], &b[..]), (&b[..], &a[..])] {
            let p = permutation_p(a, b, replicates, 1, 0).unwrap();
            assert!((p - exact).abs() < 4.0 * error, "{p} for {exact} ± {error}");
        }
    }

    #[test]
    fn a_seed_gives_one_p_on_any_number_of_threads() {
        let (a, b) = groups();
        let on = |threads: usize, seed: u64, test: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| permutation_p(&a, &b, 3_333, seed, test).unwrap())
        };
        assert_eq!(on(1, 7, 0), on(3, 7, 0));
        assert_ne!(on(1, 7, 0), on(1, 8, 0));
        assert_ne!(on(1, 7, 0), on(1, 7, 1), "two tests with one seed draw differently");
    }

    #[test]
    fn p_is_never_0_and_is_1_where_means_are_equal() {
        let far: Vec<f64> = (0..12).map(|i| 1e6 + f64::from(i)).collect();
        assert_eq!(permutation_p(&groups().0, &far, 99, 1, 0), Some(0.01));
        assert_eq!(permutation_p(&[1.0, 3.0], &[0.0, 4.0], 99, 1, 0), Some(1.0));
        assert_eq!(permutation_p(&[1.0], &[0.0, 4.0], 99, 1, 0), None);
    }

    #[test]
    fn t_from_sums_is_welchs() {
        let (a, b) = groups();
        let sums = |v: &[f64]| (v.len(), v.iter().sum::<f64>(), v.iter().map(|v| v * v).sum::<f64>());
        let t = welch(&a, &b).unwrap().t;
        assert!((t_of_sums(sums(&a), sums(&b)) - t).abs() < 1e-12);
        assert_eq!(t_of_sums((2, 2.0, 2.0), (2, 4.0, 8.0)), f64::INFINITY);
        assert_eq!(t_of_sums((2, 2.0, 2.0), (2, 2.0, 2.0)), 0.0);
    }
}
