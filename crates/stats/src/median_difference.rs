//! The difference of the medians of two models over the same words.

use rand::Rng;
use rayon::prelude::*;

use super::contrast::permutation::stream;

/// Draws of words; an end of the interval is the mean of the two draws around it.
const DRAWS: usize = 1000;
/// Fewer words have no interval: their draws repeat the same few medians.
const FEWEST_WORDS: usize = 10;
/// More words have none either: it would take seconds.
const MOST_WORDS: usize = 20_000;
/// Draws that share a random stream.
const BLOCK: usize = 50;
const SEED: u64 = 0;
/// A random stream that no test of a contrast uses.
const STREAMS: usize = 1 << 31;

/// The second median less the first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MedianDifference {
    /// In the unit of the values, such as ranks.
    pub difference: f64,
    /// The interval over words, for other words of the kind with the same models: it covers 95 %, and more where models agree on
    /// the words. None for fewer than 10 words or for more than 20,000.
    pub interval: Option<(f64, f64)>,
}

impl MedianDifference {
    /// Whether the interval leaves out 0.
    pub fn is_clear(&self) -> bool {
        self.interval.is_some_and(|(low, high)| low > 0.0 || high < 0.0)
    }
}

/// The difference of the medians of pairs, one pair a word, and its percentile bootstrap over words: a word is drawn with both
/// of its values. The draws are the same in every call. None of no pairs.
pub fn median_difference(pairs: &[(f64, f64)]) -> Option<MedianDifference> {
    let n = pairs.len();
    let (mut first, mut second): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let difference = |first: &mut [f64], second: &mut [f64]| Some(median_of(second)? - median_of(first)?);
    let observed = difference(&mut first, &mut second)?;
    if !(FEWEST_WORDS..=MOST_WORDS).contains(&n) {
        return Some(MedianDifference { difference: observed, interval: None });
    }
    let block = |block: usize| {
        let mut random = stream(SEED, STREAMS, block);
        let (mut first, mut second) = (vec![0.0; n], vec![0.0; n]);
        let mut drawn = Vec::with_capacity(BLOCK);
        for _ in 0..BLOCK {
            for (a, b) in first.iter_mut().zip(&mut second) {
                (*a, *b) = pairs[random.random_range(0..n as u32) as usize];
            }
            drawn.extend(difference(&mut first, &mut second));
        }
        drawn
    };
    let mut drawn: Vec<f64> = (0..DRAWS / BLOCK).into_par_iter().flat_map_iter(block).collect();
    drawn.sort_unstable_by(f64::total_cmp);
    let tail = DRAWS / 40;
    let between = |at: usize| (drawn[at - 1] + drawn[at]) / 2.0;
    Some(MedianDifference { difference: observed, interval: Some((between(tail), between(DRAWS - tail))) })
}

/// The median; changes the order of the values. None of none.
fn median_of(values: &mut [f64]) -> Option<f64> {
    let n = values.len();
    if n == 0 {
        return None;
    }
    let (below, &mut middle, _) = values.select_nth_unstable_by(n / 2, f64::total_cmp);
    if n % 2 == 1 {
        return Some(middle);
    }
    let before = below.iter().copied().max_by(f64::total_cmp)?;
    Some((before + middle) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::median;

    #[test]
    fn the_medians_are_those_of_sorted_values() {
        let mut random = stream(7, 0, 0);
        for n in 1..40 {
            let mut values: Vec<f64> = (0..n).map(|_| f64::from(random.random_range(0..20u32))).collect();
            assert_eq!(median(values.clone()), median_of(&mut values), "{n}");
        }
        assert_eq!(median_difference(&[]), None);
        assert_eq!(median_difference(&[(1.0, 4.0)]), Some(MedianDifference { difference: 3.0, interval: None }));
    }

    #[test]
    fn the_interval_covers_what_other_words_would_give() {
        // Words of one population, whose second value is 5 more: how often do 40 of them have 5 in their interval?
        let mut random = stream(1, 0, 0);
        let mut covered = |shared: f64| {
            let covers = |_: &i32| {
                let mut value = || {
                    let word = shared * random.random::<f64>();
                    let mut own = || word + (30.0 - shared) * random.random::<f64>();
                    (own(), own() + 5.0)
                };
                let pairs: Vec<(f64, f64)> = (0..40).map(|_| value()).collect();
                let (low, high) = median_difference(&pairs).and_then(|found| found.interval).unwrap();
                low <= 5.0 && 5.0 <= high
            };
            (0..400).filter(covers).count()
        };
        // 380 of 400 with a standard error of 4.4.
        let unrelated = covered(0.0);
        assert!((364..=394).contains(&unrelated), "{unrelated} of 400");
        // Where the two values of a word go together, its difference varies less than the medians of draws do: a wide interval.
        let related = covered(20.0);
        assert!(related >= 380, "{related} of 400");
    }

    #[test]
    fn a_word_is_drawn_with_both_of_its_values() {
        let pairs: Vec<(f64, f64)> = (0..60).map(|i| (f64::from(i * i), f64::from(i * i) + 3.0)).collect();
        let found = median_difference(&pairs).unwrap();
        assert_eq!((found.difference, found.interval), (3.0, Some((3.0, 3.0))));
        assert!(found.is_clear());
    }
}
