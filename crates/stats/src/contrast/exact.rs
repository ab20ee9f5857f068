//! The exact test with models as the unit: every way to label the models with the two families, each as likely as the
//! observed one if families made no difference.
//!
//! Prompts of one model are not independent of one another; models are. So this is the test that does not take 27 prompts
//! of one model for 27 witnesses.

use rand::Rng;

use super::permutation::{ROUNDING, stream};
use super::welch::{WelchTest, welch};
use super::{Comparison, Kind, Quantity, Test, Unit, Value};

/// The exact test. It needs two models of each family.
pub static EXACT_MODELS: Test = Test {
    key: "exact_models",
    name: "exact",
    unit: Unit::Models,
    random: false,
    quantities: &[
        Quantity::new("splits", Kind::Labellings).heading("ways"),
        Quantity::new("p", Kind::P).heading("exact p").on_screen("exact", 1),
        Quantity::new("least_p", Kind::LeastP).heading("least p").on_screen("least", 4),
        Quantity::new("p_bonferroni", Kind::Bonferroni).heading("p").on_screen("exact", 0),
        Quantity::new("sampled", Kind::Sampled),
        Quantity::new("t", Kind::Statistic).heading("Welch t"),
        Quantity::new("df", Kind::DegreesOfFreedom),
        Quantity::new("p_welch", Kind::Detail),
    ],
    legend: |_| {
        Some(
            "exact: the share of all ways to label the models with the families whose Welch t is as far from 0; least p: the \
             smallest that so many models allow."
                .to_owned(),
        )
    },
    compute,
};

/// Up to so many labellings are gone through one by one; of more, so many random ones are drawn.
const MOST_SPLITS: u64 = 500_000;

fn compute(comparison: &Comparison) -> Option<Vec<Value>> {
    let [first, second] = comparison.means();
    let exact = exact_models(&first, &second, comparison.options.seed, comparison.number, MOST_SPLITS)?;
    let (df, p) = exact.welch.map_or((f64::NAN, f64::NAN), |welch| (welch.df, welch.p));
    let t = exact.welch.map_or(f64::NAN, |welch| welch.t);
    Some(vec![
        Value::Count(exact.splits),
        Value::Number(exact.p),
        Value::Number(exact.least_p),
        Value::Number(exact.p),
        Value::Flag(exact.sampled),
        Value::Number(t),
        Value::Number(df),
        Value::Number(p),
    ])
}

/// The exact test of the means of models.
struct ExactModels {
    /// Ways to label the models with the families, the one observed included; random ones where `sampled`.
    splits: u64,
    /// The share of them whose Welch t is at least as far from 0; of random ones, `(count + 1) / (splits + 1)`.
    p: f64,
    /// The smallest p that the numbers of models allow: that of the observed labelling alone, and of its mirror where families
    /// have equally many models.
    least_p: f64,
    sampled: bool,
    /// Welch's test of the same means; none where neither family varies.
    welch: Option<WelchTest>,
}

/// `first` and `second` are the models' means. None where a family has fewer than two models. Where nothing varies within the
/// families, t is infinite, and only labellings that divide the models in the same way reach it. `test` is the number of the
/// contrast, which has random numbers of its own.
fn exact_models(first: &[f64], second: &[f64], seed: u64, test: usize, most: u64) -> Option<ExactModels> {
    if first.len() < 2 || second.len() < 2 {
        return None;
    }
    let all = [first, second].concat();
    let labels: Vec<bool> = (0..all.len()).map(|model| model < first.len()).collect();
    let observed = t_of_split(&all, &labels).abs();
    let reaches = |chosen: &[bool]| t_of_split(&all, chosen).abs() >= observed * (1.0 - ROUNDING);
    let ways = binomial(all.len(), first.len()).filter(|&ways| ways <= most);
    let (splits, p, sampled) = match ways {
        Some(ways) => (ways, count(&mut vec![false; all.len()], 0, first.len(), &reaches) as f64 / ways as f64, false),
        None => {
            let mut random = stream(seed, test, u32::MAX as usize);
            let count = (0..most).filter(|_| reaches(&drawn(all.len(), first.len(), &mut random))).count();
            (most, (count + 1) as f64 / (most + 1) as f64, true)
        }
    };
    let least = match ways {
        Some(_) if first.len() == second.len() => 2.0 / splits as f64,
        Some(_) => 1.0 / splits as f64,
        None => 1.0 / (splits + 1) as f64,
    };
    Some(ExactModels { splits, p, least_p: least, sampled, welch: welch(first, second) })
}

/// Welch's t of those chosen against the others, in two passes: sums of squares alone lose the digits of tight groups.
/// 0 where nothing differs, infinite where nothing varies within the groups.
fn t_of_split(values: &[f64], chosen: &[bool]) -> f64 {
    let (mut n, mut sums, mut squares) = ([0.0; 2], [0.0; 2], [0.0; 2]);
    for (value, &group) in values.iter().zip(chosen) {
        n[usize::from(group)] += 1.0;
        sums[usize::from(group)] += value;
    }
    let means = [sums[0] / n[0], sums[1] / n[1]];
    for (value, &group) in values.iter().zip(chosen) {
        squares[usize::from(group)] += (value - means[usize::from(group)]).powi(2);
    }
    let difference = means[0] - means[1];
    let se = (squares[0] / (n[0] - 1.0) / n[0] + squares[1] / (n[1] - 1.0) / n[1]).sqrt();
    if difference == 0.0 { 0.0 } else { difference / se }
}

/// How many ways to choose `left` from place `from` on reach the observed t, given those chosen before.
fn count(chosen: &mut [bool], from: usize, left: usize, reaches: &impl Fn(&[bool]) -> bool) -> u64 {
    if left == 0 {
        return u64::from(reaches(chosen));
    }
    let mut found = 0;
    for i in from..=chosen.len() - left {
        chosen[i] = true;
        found += count(chosen, i + 1, left - 1, reaches);
        chosen[i] = false;
    }
    found
}

/// One random way to choose `many` of `n` (Knuth's selection sampling).
fn drawn(n: usize, many: usize, random: &mut impl Rng) -> Vec<bool> {
    let mut left = many as u32;
    let mut choose = |i: usize| {
        let chosen = random.random_range(0..(n - i) as u32) < left;
        left -= u32::from(chosen);
        chosen
    };
    (0..n).map(&mut choose).collect()
}

/// n over k; none where it does not fit.
fn binomial(n: usize, k: usize) -> Option<u64> {
    let mut ways: u64 = 1;
    for i in 0..k as u64 {
        ways = ways.checked_mul(n as u64 - i)? / (i + 1);
    }
    Some(ways)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_labelling_is_counted() {
        // Of the 10 ways to choose 2 of 1, 2, 3, 4, 10, only the observed one (10 and 4) puts |t| so far out; by hand.
        let exact = exact_models(&[10.0, 4.0], &[1.0, 2.0, 3.0], 1, 0, MOST_SPLITS).unwrap();
        assert_eq!((exact.splits, exact.sampled), (10, false));
        let observed = welch(&[10.0, 4.0], &[1.0, 2.0, 3.0]).unwrap();
        let values: [f64; 5] = [1.0, 2.0, 3.0, 4.0, 10.0];
        let mut reached = 0;
        for i in 0..5 {
            for j in 0..i {
                let rest: Vec<f64> = (0..5).filter(|k| *k != i && *k != j).map(|k| values[k]).collect();
                let t = welch(&[values[i], values[j]], &rest).unwrap().t;
                reached += u32::from(t.abs() >= observed.t.abs() - 1e-12);
            }
        }
        assert_eq!(exact.p, f64::from(reached) / 10.0);
        assert!(exact.p > 0.0 && exact.p < 1.0);
    }

    #[test]
    fn mirrored_labels_count_twice_where_families_are_equal_in_number() {
        let exact = exact_models(&[1.0, 2.0, 3.0], &[11.0, 12.0, 13.5], 1, 0, MOST_SPLITS).unwrap();
        assert_eq!((exact.splits, exact.p), (20, 0.1), "the observed labels and their mirror");
    }

    #[test]
    fn too_many_ways_are_sampled_and_said_to_be() {
        let first: Vec<f64> = (0..9).map(|i| f64::from(i * 7 % 9)).collect();
        let second: Vec<f64> = (0..9).map(|i| f64::from(i * 4 % 9) * 1.3 + 0.9).collect();
        let exact = exact_models(&first, &second, 1, 0, MOST_SPLITS).unwrap();
        let sampled = exact_models(&first, &second, 1, 0, 20_000).unwrap();
        assert!(!exact.sampled && exact.splits == 48_620);
        assert!(sampled.sampled && sampled.splits == 20_000);
        let error = (exact.p * (1.0 - exact.p) / 20_000.0).sqrt();
        assert!((sampled.p - exact.p).abs() < 4.0 * error, "{} for {}", sampled.p, exact.p);
        assert_eq!(binomial(200, 100), None);
        assert!(exact_models(&vec![1.0; 100], &[first, vec![2.0; 91]].concat(), 1, 0, 100).unwrap().sampled);
    }

    #[test]
    fn families_that_vary_in_nothing_but_their_difference_have_a_p() {
        let p = |first: &[f64], second: &[f64]| {
            let exact = exact_models(first, second, 1, 0, MOST_SPLITS).unwrap();
            assert!(exact.welch.is_none());
            (exact.p, exact.least_p)
        };
        assert_eq!(p(&[1.5; 3], &[4.5; 3]), (0.1, 0.1));
        assert_eq!(p(&[1.5; 2], &[4.5; 4]), (1.0 / 15.0, 1.0 / 15.0));
        assert_eq!(p(&[2.0; 2], &[2.0; 2]), (1.0, 1.0 / 3.0), "where nothing differs every labelling is as far from 0");
    }

    #[test]
    fn a_family_of_one_model_cannot_be_tested() {
        assert!(exact_models(&[1.0], &[2.0, 3.0], 1, 0, MOST_SPLITS).is_none());
    }
}
