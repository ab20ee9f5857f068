//! Draws of words for the bootstrap, and the median ranks under them.
//!
//! A word's draw is shared by all models and prompts, as the word is; words are ranked anew among those drawn. Every block of
//! draws has a random stream of its own, and what is summed over columns are quarters of a rank, which f64 adds without
//! rounding: a seed gives the same interval on any number of threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::Rng;
use rayon::prelude::*;

use super::cells::{PanelCells, members};
use super::contrast::permutation::stream;
use super::options::{Progress, ReportOptions};
use super::study::Study;
use rewardscope_base::terms::Framing;

/// Longer lists have no interval over words: draws of a whole vocabulary would fill the memory.
const MOST_WORDS: usize = 20_000;
/// Replicates that are carried through the words side by side.
const LANES: usize = 32;
/// The first random stream of these draws, so that they share none with other tests of the same seed.
const STREAMS: usize = super::contrast::bootstrap::STREAMS + (1 << 29);

type Lanes = [u32; LANES];

/// The differences of families in each draw of words.
pub(super) struct WordDraws<'a> {
    draws: Draws<'a>,
    sums: Sums,
}

impl<'a> WordDraws<'a> {
    /// None where no draws are asked for, or the list is too long.
    pub(super) fn new(study: &'a Study, panels: &[PanelCells], options: &ReportOptions, progress: Progress) -> Option<Self> {
        if options.bootstrap == 0 || study.words.len() > MOST_WORDS {
            return None;
        }
        let draws = Draws::new(study, panels, options.bootstrap, options.seed);
        let sums = draws.sums(progress);
        Some(WordDraws { draws, sums })
    }

    /// The second family's mean less the first's in each draw; NaN where a category had no word.
    pub(super) fn differences(&self, panel: &PanelCells, [first, second]: [&Arc<str>; 2]) -> Vec<f64> {
        self.draws.differences(&self.sums, panel, first, second)
    }
}

/// Draws of words, and where the medians under them go.
struct Draws<'a> {
    study: &'a Study,
    members: Vec<Vec<u32>>,
    /// Category and framing of each panel.
    panels: Vec<(Arc<str>, Framing)>,
    families: Vec<Arc<str>>,
    /// `[blocks][words]`: how often each word is drawn in each of the replicates of a block.
    draws: Vec<Vec<[u8; LANES]>>,
    replicates: usize,
}

/// `[families][panels]`: the number of cells, and their sum in each replicate.
struct Sums {
    cells: Vec<f64>,
    sums: Vec<Vec<f64>>,
}

impl<'a> Draws<'a> {
    fn new(study: &'a Study, panels: &[PanelCells], replicates: usize, seed: u64) -> Self {
        let n = study.words.len();
        let draw = |block: usize| {
            let mut random = stream(seed, STREAMS, block);
            let mut counts = vec![[0u8; LANES]; n];
            // Lane by lane: what a replicate draws does not depend on the others.
            for (lane, _) in (0..LANES).flat_map(|lane| (0..n).map(move |draw| (lane, draw))) {
                let word = random.random_range(0..n as u32) as usize;
                counts[word][lane] = counts[word][lane].saturating_add(1);
            }
            counts
        };
        Draws {
            study,
            members: members(study),
            panels: panels.iter().map(|panel| (panel.category.clone(), panel.framing)).collect(),
            families: super::summary::known_families(study),
            draws: (0..replicates.div_ceil(LANES)).into_par_iter().map(draw).collect(),
            replicates,
        }
    }

    /// Ranks the drawn words of every column and adds up the medians.
    fn sums(&self, progress: Progress) -> Sums {
        let slots = self.families.len() * self.panels.len();
        let mut columns: Vec<(usize, &Arc<Vec<f64>>, Framing)> = Vec::new();
        for model in &self.study.models {
            let Some(family) = self.families.iter().position(|family| *family == model.family) else { continue };
            for (prompt, scores) in self.study.prompts.iter().zip(&model.scores) {
                columns.extend(prompt.framing.map(|framing| (family, scores, framing)));
            }
        }
        let empty = || Sums { cells: vec![0.0; slots], sums: vec![Vec::new(); slots] };
        let done = AtomicUsize::new(0);
        let add = |mut sums: Sums, (family, scores, framing): &(usize, &Arc<Vec<f64>>, Framing)| {
            let column = RankedWords::new(scores, &self.members);
            let panel = |category| self.panels.iter().position(|(c, f)| c == category && f == framing);
            let slot = |category| Some(family * self.panels.len() + panel(category)?);
            let mut wanted: Vec<(usize, &[u32])> = Vec::new();
            for (category, words) in self.study.categories.iter().zip(&column.categories) {
                wanted.extend(slot(category).filter(|_| !words.is_empty()).map(|slot| (slot, words.as_slice())));
            }
            for (slot, _) in &wanted {
                sums.cells[*slot] += 1.0;
                sums.sums[*slot].resize(self.replicates, 0.0);
            }
            for (block, draws) in self.draws.iter().enumerate() {
                let places = column.places(draws);
                for (slot, words) in &wanted {
                    let medians = column.medians(words, draws, &places);
                    sums.sums[*slot][block * LANES..].iter_mut().zip(medians).for_each(|(sum, median)| *sum += median);
                }
            }
            progress("drawing words again, columns", done.fetch_add(1, Ordering::Relaxed) + 1, columns.len());
            sums
        };
        let merge = |mut sums: Sums, other: Sums| {
            sums.cells.iter_mut().zip(other.cells).for_each(|(cells, more)| *cells += more);
            for (sum, more) in sums.sums.iter_mut().zip(other.sums) {
                if sum.is_empty() {
                    *sum = more;
                } else {
                    sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
                }
            }
            sums
        };
        columns.par_iter().fold(empty, add).reduce(empty, merge)
    }

    /// Differences of family means in each replicate; NaN where a category had no word.
    fn differences(&self, sums: &Sums, panel: &PanelCells, first: &Arc<str>, second: &Arc<str>) -> Vec<f64> {
        let panel = self.panels.iter().position(|(c, f)| *c == panel.category && *f == panel.framing);
        let slot = |family| Some(self.families.iter().position(|known| known == family)? * self.panels.len() + panel?);
        let (Some(a), Some(b)) = (slot(first), slot(second)) else { return Vec::new() };
        let mean = |slot: usize, sum: f64| sum / sums.cells[slot];
        sums.sums[a].iter().zip(&sums.sums[b]).map(|(&of_a, &of_b)| mean(b, of_b) - mean(a, of_a)).collect()
    }
}

/// A model's scores under a prompt, as words in the order of their scores.
struct RankedWords {
    /// Highest score first; words without a score are not there.
    order: Vec<u32>,
    /// For each place in `order`, where the words of that very score begin and end.
    ties: Vec<(u32, u32)>,
    /// For each category the places of its words in `order`, ascending.
    categories: Vec<Vec<u32>>,
}

impl RankedWords {
    fn new(scores: &[f64], members: &[Vec<u32>]) -> Self {
        let mut order: Vec<u32> = (0..scores.len() as u32).filter(|&word| !scores[word as usize].is_nan()).collect();
        order.sort_unstable_by(|&a, &b| scores[b as usize].total_cmp(&scores[a as usize]));
        let mut ties = vec![(0, 0); order.len()];
        let mut start = 0;
        while start < order.len() {
            let score = scores[order[start] as usize];
            let end = start + order[start..].iter().take_while(|&&word| scores[word as usize] == score).count();
            ties[start..end].fill((start as u32, end as u32));
            start = end;
        }
        let mut place_of = vec![u32::MAX; scores.len()];
        for (place, &word) in order.iter().enumerate() {
            place_of[word as usize] = place as u32;
        }
        let of_category = |words: &Vec<u32>| {
            let known = words.iter().filter_map(|&word| place_of.get(word as usize).copied());
            let mut places: Vec<u32> = known.filter(|&place| place != u32::MAX).collect();
            places.sort_unstable();
            places
        };
        RankedWords { order, ties, categories: members.iter().map(of_category).collect() }
    }

    /// `[places + 1]`: how many drawn words come before each place.
    fn places(&self, draws: &[[u8; LANES]]) -> Vec<Lanes> {
        let mut before = [0; LANES];
        let mut places = Vec::with_capacity(self.order.len() + 1);
        places.push(before);
        for &word in &self.order {
            add(&mut before, &draws[word as usize]);
            places.push(before);
        }
        places
    }

    /// Median rank of a category's drawn words in each replicate; NaN where none was drawn.
    fn medians(&self, category: &[u32], draws: &[[u8; LANES]], places: &[Lanes]) -> [f64; LANES] {
        let of = |place: &u32| &draws[self.order[*place as usize] as usize];
        let mut total = [0; LANES];
        category.iter().for_each(|place| add(&mut total, of(place)));
        // Counting the words up to which no more than half are drawn finds the middle one without a branch.
        let (mut seen, mut lower, mut upper) = ([0; LANES], [0u32; LANES], [0u32; LANES]);
        for place in category {
            add(&mut seen, of(place));
            for lane in 0..LANES {
                lower[lane] += u32::from(2 * seen[lane] < total[lane]);
                upper[lane] += u32::from(2 * seen[lane] <= total[lane]);
            }
        }
        std::array::from_fn(|lane| {
            if total[lane] == 0 {
                return f64::NAN;
            }
            let rank = |at: u32| {
                let (start, end) = self.ties[category[at as usize] as usize];
                f64::from(places[start as usize][lane] + 1 + places[end as usize][lane]) / 2.0
            };
            (rank(lower[lane]) + rank(upper[lane])) / 2.0
        })
    }
}

fn add(to: &mut Lanes, counts: &[u8; LANES]) {
    for lane in 0..LANES {
        to[lane] += u32::from(counts[lane]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::tests::study;
    use crate::contrast::{BOOTSTRAP, Value};
    use crate::results::Contrast;
    use crate::{cells, median, ranks};

    /// Two models under two prompts over words with ties, gaps and several categories.
    fn example() -> Study {
        let categories: Vec<Vec<u16>> = (0..40).map(|i| [vec![0], vec![1], vec![0, 1], vec![]][i % 4].clone()).collect();
        let names: Vec<String> = (0..40).map(|i| format!("w{i}")).collect();
        let words: Vec<(&str, &[u16])> = names.iter().map(String::as_str).zip(categories.iter().map(Vec::as_slice)).collect();
        let column = |by: usize| (0..40).map(|i| (i * by % 41 / 3) as f64).collect::<Vec<f64>>();
        let (a, b, c) = (column(7), column(11), column(17));
        let mut gaps = column(23);
        gaps[4..9].fill(f64::NAN);
        let prompts = [("p", Some(Framing::Positive)), ("q", Some(Framing::Positive))];
        study(&words, &prompts, &[("a", "G", &[&a, &b]), ("b", "L", &[&c, &gaps])])
    }

    fn options(bootstrap: usize) -> ReportOptions {
        ReportOptions { bootstrap, replicates: 0, seed: 5 }
    }

    /// The medians by brute force: a list with every drawn word as often as it was drawn, ranked.
    #[test]
    fn words_drawn_again_are_ranked_anew() {
        let study = example();
        let panels = cells::panels(&study);
        let words = Draws::new(&study, &panels, 40, 5);
        let sums = words.sums(&|_, _, _| {});
        assert!(words.draws.iter().all(|block| block.iter().all(|word| word.iter().all(|&count| count < 40))));
        for (at, panel) in panels.iter().enumerate() {
            let found = words.differences(&sums, panel, &"G".into(), &"L".into());
            assert_eq!(found.len(), 40);
            for (replicate, found) in found.iter().enumerate() {
                let count = |word: usize| words.draws[replicate / LANES][word][replicate % LANES];
                let cell = |model: usize, prompt: usize| {
                    let scores = &study.models[model].scores[prompt];
                    let drawn: Vec<usize> = (0..40).flat_map(|word| vec![word; usize::from(count(word))]).collect();
                    assert_eq!(drawn.len(), 40);
                    let ranks = ranks(&drawn.iter().map(|&word| scores[word]).collect::<Vec<_>>());
                    let own = drawn.iter().zip(&ranks).filter(|(word, _)| study.words[**word].categories.contains(&(at as u16)));
                    median(own.map(|(_, rank)| *rank)).unwrap()
                };
                let expected = (cell(1, 0) + cell(1, 1) - cell(0, 0) - cell(0, 1)) / 2.0;
                assert_eq!(*found, expected, "replicate {replicate} of {}", panel.category);
            }
        }
    }

    #[test]
    fn a_seed_gives_one_interval_on_any_number_of_threads() {
        let study = example();
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let report = pool.install(|| crate::report::report(&study, &options(100)));
            let result = |contrast: &Contrast| contrast.result(&BOOTSTRAP).cloned().unwrap();
            report.contrasts.iter().map(result).collect::<Vec<_>>()
        };
        let intervals = on(1);
        assert_eq!(intervals, on(3));
        for interval in &intervals {
            let models = interval.value("models");
            assert_eq!(models, Some(Value::Interval(None)), "one model of a family would always be drawn");
            assert!(matches!(interval.value("words"), Some(Value::Interval(Some([low, high]))) if low < high), "{interval:?}");
        }
    }
}
