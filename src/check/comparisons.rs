//! Scores against scores: what each test measures, and when it fails. Pure.

use super::words::{PROMPTS, WORDS};
use super::{Loss, Outcome, Scores, Test};
use crate::model::device::Compute;
use crate::stats::{mean_sd, median, spearman};

pub(super) const FINITE: (&str, &str) = ("finite", "no reward is NaN or infinite");
pub(super) const DIFFER: (&str, &str) = ("words differ", "the head tells words apart");
pub(super) const BATCH: (&str, &str) = ("batch = single", "words scored together get what each gets alone");
pub(super) const PREFIX: (&str, &str) = ("prefix = whole", "reusing the prompt's keys and values changes nothing");
pub(super) const COMPANY: (&str, &str) = ("company", "neither order nor the other words of a batch matter; there is no padding");
pub(super) const BF16: (&str, &str) = ("bf16 ~ f32", "half precision keeps the order of the words");
pub(super) const Q8_0: (&str, &str) = ("q8_0 ~ f32", "eight bits a weight keep the order of the words");
pub(super) const ORDER: (&str, &str) =
    ("good over bad", "pairs in which a plainly good word beats a plainly bad one: high if positive, low if negative");
pub(super) const PUBLISHED: (&str, &str) =
    ("published", "against the study's scores, which hold two BOS (as BOS policy 'published' gives) and are in half precision");

/// Half precision may swap words that are near each other; below this it does more than that.
const LEAST_CORRELATION: f64 = 0.9;

fn test((test, meaning): (&'static str, &'static str), result: Outcome, figure: String) -> Test {
    Test { test, result, figure, meaning, loss: None }
}

fn pass_or_fail(name: (&'static str, &'static str), passes: bool, figure: String) -> Test {
    test(name, if passes { Outcome::Pass } else { Outcome::Fail }, figure)
}

pub(super) fn skipped(name: (&'static str, &'static str), reason: String) -> Test {
    test(name, Outcome::Skipped, reason)
}

/// The tests of a model whose rewards are no numbers: nothing else can be measured.
pub(super) fn not_finite(error: &str) -> Vec<Test> {
    let rest = [DIFFER, BATCH, PREFIX, COMPANY, BF16, Q8_0, ORDER, PUBLISHED];
    let skip = |name| skipped(name, "there are no finite rewards to compare".to_owned());
    std::iter::once(test(FINITE, Outcome::Fail, error.to_owned())).chain(rest.map(skip)).collect()
}

/// A word that the tokenizer leaves nothing of has no reward, which is no fault of the weights.
pub(super) fn finite(scores: &Scores) -> Test {
    let known = scores.iter().flatten().filter(|score| score.is_finite()).count();
    let all = scores.iter().map(Vec::len).sum::<usize>();
    let unscorable = if known < all { format!(", {} without tokens", all - known) } else { String::new() };
    let infinite = scores.iter().flatten().any(|score| score.is_infinite());
    pass_or_fail(FINITE, known > 0 && !infinite, format!("{known} rewards{unscorable}"))
}

/// Fails where fewer than half of the words have a reward of their own under some prompt.
pub(super) fn differ(scores: &Scores) -> Test {
    let distinct = |row: &Vec<f32>| {
        let mut bits: Vec<u32> = row.iter().filter(|score| score.is_finite()).map(|score| score.to_bits()).collect();
        bits.sort_unstable();
        bits.dedup();
        bits.len()
    };
    let fewest = scores.iter().map(distinct).min().unwrap_or(0);
    pass_or_fail(DIFFER, 2 * fewest >= WORDS.len(), format!("at least {fewest} distinct rewards for {} words", WORDS.len()))
}

/// How far two ways to the same reward may be apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tolerance(f32);

impl Tolerance {
    /// Some units in the last place of the dtype, of the largest reward or of 1.
    pub(super) fn of(dtype: Compute, scores: &Scores) -> Self {
        let largest = scores.iter().flatten().fold(1.0_f32, |most, score| most.max(score.abs()));
        Tolerance(
            largest
                * match dtype {
                    Compute::F32 => 1e-4,
                    Compute::Bf16 => 3e-2,
                    Compute::F16 | Compute::Q8_0 => 1e-2,
                },
        )
    }
}

/// Fails where any pair is further apart than the tolerance, or only one side has a reward.
pub(super) fn equal(name: (&'static str, &'static str), a: &Scores, b: &Scores, tolerance: Tolerance) -> Test {
    let pairs = || a.iter().flatten().zip(b.iter().flatten());
    let missing = pairs().any(|(a, b)| a.is_nan() != b.is_nan());
    let largest = pairs().map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    let figure = format!("largest difference {largest:.1e}, tolerance {:.1e}", tolerance.0);
    pass_or_fail(name, !missing && largest <= tolerance.0, figure)
}

/// Scores in f32 and in another precision. Fails where some prompt's words lose their order, or have none.
pub(super) fn loss(name: (&'static str, &'static str), exact: &Scores, other: &Scores) -> Test {
    let correlations = correlations(exact, &other.iter().map(|row| wide(row)).collect::<Vec<_>>());
    let mut loss = Loss {
        rank_correlation: correlations.iter().copied().fold(1.0, f64::min),
        largest_difference: 0.0,
        largest_difference_sd: 0.0,
    };
    for (exact, other) in exact.iter().zip(other) {
        let (exact, other) = (wide(exact), wide(other));
        // A word without a reward is not compared; the other tests speak of it.
        let largest = exact.iter().zip(&other).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        loss.largest_difference = loss.largest_difference.max(largest);
        if let Some((_, sd)) = mean_sd(&exact).filter(|(_, sd)| *sd > 0.0) {
            loss.largest_difference_sd = loss.largest_difference_sd.max(largest / sd);
        }
    }
    let Loss { rank_correlation, largest_difference, largest_difference_sd } = loss;
    let figure = format!(
        "rank correlation {rank_correlation:.4} at least, largest difference {largest_difference:.1e} \
         ({largest_difference_sd:.1e} sd)"
    );
    let passes = correlations.len() == exact.len() && rank_correlation >= LEAST_CORRELATION;
    Test { loss: Some(loss), ..pass_or_fail(name, passes, figure) }
}

/// How often good is above bad, under each framing: a report, for a model may well have learnt something else.
pub(super) fn ordering(scores: &Scores, good: &[usize], bad: &[usize]) -> Test {
    let share = |positive: bool| {
        let rows = scores.iter().zip(PROMPTS).filter(|(_, (framing, _))| *framing == positive);
        let pairs = rows.flat_map(|(row, _)| good.iter().flat_map(move |&g| bad.iter().map(move |&b| row[g] > row[b])));
        let (above, all) = pairs.fold((0, 0), |(above, all), is| (above + usize::from(is), all + 1));
        100.0 * above as f64 / f64::from(all.max(1))
    };
    test(ORDER, Outcome::Report, format!("positive {:.0} %, negative {:.0} %", share(true), share(false)))
}

pub(super) fn published(ours: &Scores, theirs: &[Vec<f64>]) -> Test {
    let correlation = median(correlations(ours, theirs));
    let pairs = ours.iter().flatten().zip(theirs.iter().flatten());
    let difference = median(pairs.map(|(a, b)| (f64::from(*a) - b).abs()));
    let (prompts, words) = (ours.len(), ours.first().map_or(0, Vec::len));
    let shown = |value: Option<f64>| value.map_or("none".to_owned(), |value| format!("{value:.4}"));
    let (correlation, difference) = (shown(correlation), shown(difference));
    let figure =
        format!("rank correlation {correlation}, median absolute difference {difference}, {prompts} prompts, {words} words");
    test(PUBLISHED, Outcome::Report, figure)
}

/// Of each prompt under which both sides have an order.
fn correlations(a: &Scores, b: &[Vec<f64>]) -> Vec<f64> {
    a.iter().zip(b).filter_map(|(a, b)| Some(spearman(&wide(a), b)?.0)).collect()
}

fn wide(row: &[f32]) -> Vec<f64> {
    row.iter().map(|&score| f64::from(score)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rewards that fall from word to word, under every prompt.
    fn falling() -> Scores {
        vec![(0..WORDS.len()).map(|i| 5.0 - i as f32 * 0.5).collect(); PROMPTS.len()]
    }

    fn outcome(test: Test) -> Outcome {
        test.result
    }

    #[test]
    fn sound_scores_pass() {
        let scores = falling();
        let tolerance = Tolerance::of(Compute::F32, &scores);
        assert_eq!(tolerance, Tolerance(6.5 * 1e-4));
        for test in [finite(&scores), differ(&scores), equal(BATCH, &scores, &scores, tolerance), loss(BF16, &scores, &scores)] {
            assert_eq!(test.result, Outcome::Pass, "{test:?}");
        }
    }

    #[test]
    fn each_fault_fails_its_test() {
        let scores = falling();
        let mut infinite = scores.clone();
        infinite[2][3] = f32::INFINITY;
        assert_eq!(outcome(finite(&infinite)), Outcome::Fail);
        let mut constant = scores.clone();
        constant[1].fill(0.25);
        assert_eq!(outcome(differ(&constant)), Outcome::Fail);
        assert_eq!(outcome(loss(BF16, &scores, &constant)), Outcome::Fail);
        let mut off = scores.clone();
        off[3][23] += 1e-3;
        assert_eq!(outcome(equal(PREFIX, &scores, &off, Tolerance::of(Compute::F32, &scores))), Outcome::Fail);
        assert_eq!(outcome(equal(PREFIX, &scores, &off, Tolerance::of(Compute::Bf16, &scores))), Outcome::Pass);
        off[3][23] = f32::NAN;
        assert_eq!(outcome(equal(PREFIX, &scores, &off, Tolerance::of(Compute::Bf16, &scores))), Outcome::Fail);
        let tests = not_finite("NaN");
        assert_eq!(tests.iter().filter(|test| test.result == Outcome::Fail).count(), 1);
        assert!(tests[1..].iter().all(|test| test.result == Outcome::Skipped));
    }

    #[test]
    fn a_loss_is_told_raw_and_in_standard_deviations() {
        let exact = vec![vec![1.0, 2.0, 3.0], vec![10.0, 20.0, 30.0]];
        let other = vec![vec![1.5, 2.0, 3.0], vec![10.0, 19.0, 30.0]];
        let test = loss(BF16, &exact, &other);
        assert_eq!(test.result, Outcome::Pass);
        // Sample standard deviations are 1 and 10.
        assert_eq!(test.loss, Some(Loss { rank_correlation: 1.0, largest_difference: 1.0, largest_difference_sd: 0.5 }));
        assert_eq!(test.figure, "rank correlation 1.0000 at least, largest difference 1.0e0 (5.0e-1 sd)");
        let reversed = vec![vec![3.0, 2.0, 1.0], vec![10.0, 20.0, 30.0]];
        let test = loss(BF16, &exact, &reversed);
        assert_eq!((test.result, test.loss.map(|loss| loss.rank_correlation)), (Outcome::Fail, Some(-1.0)));
    }

    #[test]
    fn ordering_counts_pairs_by_framing() {
        let mut scores = falling();
        scores[3].reverse();
        let test = ordering(&scores, &[0, 1], &[2, 3]);
        assert_eq!((test.result, test.figure.as_str()), (Outcome::Report, "positive 100 %, negative 50 %"));
    }

    #[test]
    fn published_scores_are_met_by_rank_and_by_difference() {
        let ours = vec![vec![1.0, 2.0, 3.0], vec![1.0, 2.0, 3.0]];
        let test = published(&ours, &[vec![1.5, 2.5, 3.5], vec![1.5, 2.5, f64::NAN]]);
        assert_eq!(test.figure, "rank correlation 1.0000, median absolute difference 0.5000, 2 prompts, 3 words");
        assert_eq!(test.result, Outcome::Report);
    }
}
