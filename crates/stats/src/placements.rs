//! Placements: for each word of a category how many of the other words a model ranks above it, and for each other word how
//! many of the category's. Their means are a category's mean rank but for a constant; unlike ranks they say how much of it
//! hangs on each single word (DeLong, DeLong and Clarke-Pearson 1988).

use std::sync::Arc;

use rayon::prelude::*;

use super::cells::{PanelCells, members};
use super::ranks;
use super::study::Study;
use super::summary::known_families;

/// A table `[models][words]`, as far as an analysis of both needs it.
#[derive(Clone, Debug, Default)]
pub struct TwoWay {
    /// Of each model the mean over its words.
    pub models: Vec<f64>,
    /// Of each word the mean over the models.
    pub words: Vec<f64>,
    /// What neither the model nor the word accounts for: the mean square of their interaction; NaN of one model or one word.
    pub interaction: f64,
}

/// The placements of one family in one panel, each a mean over the panel's prompts.
#[derive(Clone, Debug, Default)]
pub struct FamilyPlacements {
    /// Of the category's words.
    pub own: TwoWay,
    /// Of all other words.
    pub others: TwoWay,
}

/// The placements of each known family in each panel: `[panels][families]`, families as [`known_families`] lists them. Every
/// model has every word under the prompts that it was asked.
pub(super) fn placements(study: &Study, panels: &[PanelCells]) -> Vec<Vec<FamilyPlacements>> {
    let members = members(study);
    let families = known_families(study);
    let mut sums = vec![vec![Sums::default(); families.len()]; panels.len()];
    // Model by model, so that sums do not depend on the number of threads.
    for model in &study.models {
        let Some(family) = families.iter().position(|family| *family == model.family) else { continue };
        let asked = study.prompts.iter().zip(&model.scores).filter(|(_, scores)| scores.iter().any(|score| !score.is_nan()));
        let columns: Vec<_> = asked.filter_map(|(prompt, scores)| Some((prompt.framing?, scores))).collect();
        let ranked: Vec<_> = columns.into_par_iter().map(|(framing, scores)| (framing, ranks(scores))).collect();
        panels.par_iter().zip(&mut sums).for_each(|(panel, sums)| {
            let category = study.categories.iter().position(|category| *category == panel.category);
            let Some(words) = category.and_then(|category| members.get(category)) else { return };
            let of_framing: Vec<&[f64]> =
                ranked.iter().filter(|(framing, _)| *framing == panel.framing).map(|(_, ranks)| ranks.as_slice()).collect();
            if !of_framing.is_empty() {
                sums[family].add(&of_framing, words);
            }
        });
    }
    sums.into_iter().map(|of| of.into_iter().map(Sums::finish).collect()).collect()
}

/// Two tables as they grow by models.
#[derive(Clone, Debug, Default)]
struct Sums {
    own: TwoWay,
    others: TwoWay,
    squares: [f64; 2],
}

impl Sums {
    /// Adds a model: its ranks under each prompt, `[prompts][words]`, and the category's words.
    fn add(&mut self, prompts: &[&[f64]], members: &[u32]) {
        let words = prompts[0].len();
        let mut is_member = vec![false; words];
        members.iter().for_each(|&word| is_member[word as usize] = true);
        let mut placements = vec![0.0; words];
        // `above[r]`: words of the kind whose rank is less than r / 2. Ranks are halves.
        let mut above = [vec![0u32; 2 * words + 3], vec![0u32; 2 * words + 3]];
        for ranks in prompts {
            above.iter_mut().for_each(|above| above.fill(0));
            for (rank, &own) in ranks.iter().zip(&is_member) {
                above[usize::from(own)][doubled(*rank) + 1] += 1;
            }
            for above in &mut above {
                for at in 1..above.len() {
                    above[at] += above[at - 1];
                }
            }
            for ((placement, rank), &own) in placements.iter_mut().zip(*ranks).zip(&is_member) {
                let (above, at) = (&above[usize::from(!own)], doubled(*rank));
                // Half of those that tie.
                *placement += f64::from(above[at] + above[at + 1]) / 2.0;
            }
        }
        placements.iter_mut().for_each(|placement| *placement /= prompts.len() as f64);
        for (at, table) in [&mut self.others, &mut self.own].into_iter().enumerate() {
            let row = || placements.iter().zip(&is_member).filter(|(_, own)| usize::from(**own) == at).map(|(value, _)| *value);
            let n = row().count();
            table.words.resize(n, 0.0);
            table.words.iter_mut().zip(row()).for_each(|(sum, value)| *sum += value);
            table.models.push(row().sum::<f64>() / n as f64);
            self.squares[at] += row().map(|value| value * value).sum::<f64>();
        }
    }

    fn finish(self) -> FamilyPlacements {
        let [of_others, of_own] = self.squares;
        FamilyPlacements { own: self.own.finish(of_own), others: self.others.finish(of_others) }
    }
}

/// Twice a rank, a whole number.
fn doubled(rank: f64) -> usize {
    (2.0 * rank) as usize
}

impl TwoWay {
    /// From the sums of words over the models, and the sum of all squares.
    fn finish(mut self, squares: f64) -> TwoWay {
        let (models, words) = (self.models.len() as f64, self.words.len() as f64);
        self.words.iter_mut().for_each(|sum| *sum /= models);
        let sum_of = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>();
        let mean = self.models.iter().sum::<f64>() / models;
        let left = squares - words * sum_of(&self.models) - models * sum_of(&self.words) + models * words * mean * mean;
        // Rounding can leave a little less than nothing.
        self.interaction = left.max(0.0) / ((models - 1.0) * (words - 1.0));
        self
    }
}

/// The placements of two families in a panel.
pub(super) fn of_pair<'a>(
    placements: &'a [FamilyPlacements],
    families: &[Arc<str>],
    pair: [&Arc<str>; 2],
) -> Option<[&'a FamilyPlacements; 2]> {
    let of = |family: &Arc<str>| placements.get(families.iter().position(|known| known == family)?);
    let [first, second] = pair;
    Some([of(first)?, of(second)?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells;
    use crate::cells::tests::study;
    use rewardscope_base::terms::Framing;

    #[test]
    fn placements_count_pairs_of_words_and_halve_ties() {
        let words = [("a", &[0][..]), ("b", &[1]), ("c", &[0]), ("d", &[1]), ("e", &[])];
        let prompts = [("p", Some(Framing::Positive)), ("q", Some(Framing::Positive))];
        // Orders a > b = c > d > e, and e > d > c > b > a.
        let scores: [&[f64]; 2] = [&[5.0, 4.0, 4.0, 2.0, 1.0], &[1.0, 2.0, 3.0, 4.0, 5.0]];
        let study = study(&words, &prompts, &[("m", "G", &scores), ("n", "G", &scores[..1]), ("o", "L", &scores[1..])]);
        let panels = cells::panels(&study);
        let found = placements(&study, &panels);
        let gemma = &found[0][0];
        // Above a: none, then three; above c: b for half, then d and e.
        assert_eq!(gemma.own.models, [(1.5 + 1.25) / 2.0, (0.0 + 0.5) / 2.0]);
        assert_eq!(gemma.own.words, [0.75, (1.25 + 0.5) / 2.0]);
        // Of A above b: a and half of c, then c; above d: both, then none; above e: both, then none.
        assert_eq!(gemma.others.words, [(1.25 + 1.5) / 2.0, 1.5, 1.5]);
        // The mean rank of the category is its mean placement and a constant.
        let rank = |model: usize| (ranks(&study.models[model].scores[0])[0] + ranks(&study.models[model].scores[0])[2]) / 2.0;
        assert_eq!(rank(1), gemma.own.models[1] + 1.5);
        assert!(found[0][1].own.interaction.is_nan(), "of one model");
        let left = gemma.own.interaction;
        // Of the table 1.5 1.25 / 0 .5 by hand: deviations of .1875 four times.
        assert!((left - 4.0 * 0.1875f64.powi(2)).abs() < 1e-12, "{left}");
    }
}
