//! Scores against scores: what each test measures, and when it fails. Pure.

use super::words::{PROMPTS, WORDS};
use super::{Outcome, Scores, Test};
use crate::stats::{median, spearman};

pub(super) const FINITE: (&str, &str) = ("finite", "no reward is NaN or infinite");
pub(super) const DIFFER: (&str, &str) = ("words differ", "the head tells words apart");
pub(super) const BATCH: (&str, &str) = ("batch = single", "words scored together get what each gets alone");
pub(super) const PREFIX: (&str, &str) = ("prefix = whole", "reusing the prompt's keys and values changes nothing");
pub(super) const COMPANY: (&str, &str) = ("company", "neither order nor the other words of a batch matter; there is no padding");
pub(super) const DTYPE: (&str, &str) = ("bf16 ~ f32", "half precision keeps the order of the words");
pub(super) const ORDER: (&str, &str) =
    ("good over bad", "pairs in which a plainly good word beats a plainly bad one: high if positive, low if negative");
pub(super) const PUBLISHED: (&str, &str) =
    ("published", "against the study's scores, which hold two BOS (--bos published) and stand in half precision");

/// Half precision may swap words that are near each other; below this it does more than that.
const LEAST_CORRELATION: f64 = 0.9;

fn test((test, meaning): (&'static str, &'static str), result: Outcome, figure: String) -> Test {
    Test { test, result, figure, meaning }
}

fn judged(name: (&'static str, &'static str), passes: bool, figure: String) -> Test {
    test(name, if passes { Outcome::Pass } else { Outcome::Fail }, figure)
}

pub(super) fn skipped(name: (&'static str, &'static str), reason: String) -> Test {
    test(name, Outcome::Skipped, reason)
}

/// The tests of a model whose rewards are no numbers: nothing else can be measured.
pub(super) fn not_finite(error: &str) -> Vec<Test> {
    let rest = [DIFFER, BATCH, PREFIX, COMPANY, DTYPE, ORDER, PUBLISHED];
    let skip = |name| skipped(name, "there are no finite rewards to compare".to_owned());
    std::iter::once(test(FINITE, Outcome::Fail, error.to_owned())).chain(rest.map(skip)).collect()
}

/// A word that the tokenizer leaves nothing of has no reward, which is no fault of the weights.
pub(super) fn finite(scores: &Scores) -> Test {
    let known = scores.iter().flatten().filter(|score| score.is_finite()).count();
    let all = scores.iter().map(Vec::len).sum::<usize>();
    let unscorable = if known < all { format!(", {} without tokens", all - known) } else { String::new() };
    let infinite = scores.iter().flatten().any(|score| score.is_infinite());
    judged(FINITE, known > 0 && !infinite, format!("{known} rewards{unscorable}"))
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
    judged(DIFFER, 2 * fewest >= WORDS.len(), format!("at least {fewest} distinct rewards for {} words", WORDS.len()))
}

/// How far two ways to the same reward may be apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tolerance(f32);

impl Tolerance {
    /// Some units in the last place of the dtype, of the largest reward or of 1.
    pub(super) fn of(dtype: &str, scores: &Scores) -> Self {
        let largest = scores.iter().flatten().fold(1.0_f32, |most, score| most.max(score.abs()));
        Tolerance(
            largest
                * match dtype {
                    "f32" => 1e-4,
                    "bf16" => 3e-2,
                    _ => 1e-2,
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
    judged(name, !missing && largest <= tolerance.0, figure)
}

pub(super) fn dtypes(a: &Scores, b: &Scores) -> Test {
    let correlations = correlations(a, &b.iter().map(|row| wide(row)).collect::<Vec<_>>());
    let lowest = correlations.iter().copied().fold(f64::INFINITY, f64::min);
    let largest = a.iter().flatten().zip(b.iter().flatten()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    let figure = format!("rank correlation {lowest:.4} at least, largest difference {largest:.1e}");
    judged(DTYPE, correlations.len() == a.len() && lowest >= LEAST_CORRELATION, figure)
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
        let tolerance = Tolerance::of("f32", &scores);
        assert_eq!(tolerance, Tolerance(6.5 * 1e-4));
        for test in [finite(&scores), differ(&scores), equal(BATCH, &scores, &scores, tolerance), dtypes(&scores, &scores)] {
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
        assert_eq!(outcome(dtypes(&scores, &constant)), Outcome::Fail);
        let mut off = scores.clone();
        off[3][23] += 1e-3;
        assert_eq!(outcome(equal(PREFIX, &scores, &off, Tolerance::of("f32", &scores))), Outcome::Fail);
        assert_eq!(outcome(equal(PREFIX, &scores, &off, Tolerance::of("bf16", &scores))), Outcome::Pass);
        off[3][23] = f32::NAN;
        assert_eq!(outcome(equal(PREFIX, &scores, &off, Tolerance::of("bf16", &scores))), Outcome::Fail);
        let tests = not_finite("NaN");
        assert_eq!(tests.iter().filter(|test| test.result == Outcome::Fail).count(), 1);
        assert!(tests[1..].iter().all(|test| test.result == Outcome::Skipped));
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
