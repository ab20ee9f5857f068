//! The order of the Words view, its histograms and its sparklines over prompts.

use super::sort::{sort_by_number, sort_by_rank, sort_by_text};
use super::{Axis, AxisKind, ScoreColumn, SideScores, known, scores_of_list};
use crate::app::universe::Universe;
use crate::base::terms::{PromptId, WordId};
use crate::stats::{self, Histogram};

/// What the rows of the Words view are ordered by, from left to right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WordSort {
    /// By rank, the best first.
    #[default]
    Rank,
    /// By alphabet.
    Word,
    /// By category; within one, the best first.
    Category,
    /// By score.
    Score,
    /// By z-score.
    Z,
    /// The mean z-score over the prompts that are known for the word.
    Prompts,
}

impl WordSort {
    /// Every order, in that of the keys.
    pub const ALL: [WordSort; 6] =
        [WordSort::Rank, WordSort::Word, WordSort::Category, WordSort::Score, WordSort::Z, WordSort::Prompts];

    /// Those of a table of implicit rewards, where score and rank are one order.
    pub const IMPLICIT: [WordSort; 3] = [WordSort::Rank, WordSort::Word, WordSort::Category];

    /// What it is called in messages.
    pub fn name(self) -> &'static str {
        match self {
            WordSort::Rank => "rank",
            WordSort::Word => "word",
            WordSort::Category => "category",
            WordSort::Score => "score",
            WordSort::Z => "z",
            WordSort::Prompts => "mean z over prompts",
        }
    }

    /// Whether the natural order starts with the largest.
    pub fn descends(self) -> bool {
        matches!(self, WordSort::Score | WordSort::Z | WordSort::Prompts)
    }
}

/// How one category's words are spread.
#[derive(Clone, Debug, PartialEq)]
pub struct CategorySummary {
    /// Index into the corpus' categories.
    pub category: u16,
    /// Words with a rank.
    pub n: usize,
    /// The median of the ranks of its words.
    pub median_rank: Option<f64>,
    /// The median of what the axis measures of them.
    pub median: Option<f64>,
    /// Over the common axis; empty counts where there is no axis yet.
    pub histogram: Histogram,
}

/// One prompt's scores of the shown model, with what turns them into z-scores.
#[derive(Clone, Debug)]
pub struct PromptColumn {
    /// The prompt.
    pub prompt: PromptId,
    column: ScoreColumn,
    /// Mean and standard deviation of the list's scores.
    spread: (f64, f64),
    /// Words of the list that have a score under this prompt.
    pub scored: usize,
}

impl PromptColumn {
    /// The word's z-score among the words of the list under this prompt.
    pub fn z(&self, word: WordId) -> Option<f64> {
        let score = *self.column.get(word.0 as usize)?;
        (!score.is_nan()).then(|| stats::z_score(score, self.spread))
    }
}

/// Prompts without a score for any word of the list are left out.
pub(super) fn prompt_columns(universe: &Universe, prompts: Vec<(PromptId, ScoreColumn)>) -> Vec<PromptColumn> {
    let mut columns = Vec::new();
    for (prompt, column) in prompts {
        let scores = scores_of_list(universe, &column);
        if let Some(spread) = stats::mean_sd(&scores) {
            columns.push(PromptColumn { prompt, column, spread, scored: known(&scores) });
        }
    }
    columns
}

pub(super) fn summaries(universe: &Universe, side: &SideScores, axis: Option<Axis>, bins: usize) -> Vec<CategorySummary> {
    let summary = |(category, members): (u16, Vec<usize>)| {
        let ranks: Vec<f64> = members.iter().map(|&i| side.ranks[i]).collect();
        let kind = axis.map_or(AxisKind::Z, |axis| axis.kind);
        let values: Vec<f64> = members.iter().map(|&i| side.value(kind, i)).collect();
        let (n, median_rank, median) = (ranks.len(), stats::median(ranks), stats::median(values.iter().copied()));
        let histogram = match axis {
            Some(axis) => Histogram::new(values, axis.low, axis.high, bins),
            None => Histogram { low: 0.0, high: 0.0, counts: vec![0; bins] },
        };
        CategorySummary { category, n, median_rank, median, histogram }
    };
    (0..).zip(ranked_members(universe, side)).map(summary).collect()
}

/// The words of each category that have a rank.
pub(super) fn ranked_members(universe: &Universe, side: &SideScores) -> Vec<Vec<usize>> {
    let mut members = vec![Vec::new(); universe.corpus.categories.len()];
    for (i, word) in universe.corpus.words.iter().enumerate().filter(|(i, _)| !side.ranks[*i].is_nan()) {
        for &category in &word.categories {
            if let Some(members) = members.get_mut(usize::from(category)) {
                members.push(i);
            }
        }
    }
    members
}

pub(super) fn sort(
    rows: &mut [u32],
    sort: WordSort,
    reversed: bool,
    universe: &Universe,
    side: &SideScores,
    prompts: &[PromptColumn],
) {
    let descending = sort.descends() != reversed;
    match sort {
        WordSort::Rank => sort_by_rank(rows, descending, side),
        WordSort::Score => sort_by_number(rows, descending, |i| side.scores[i]),
        WordSort::Z => sort_by_number(rows, descending, |i| side.z[i]),
        WordSort::Word => sort_by_text(rows, descending, |i| universe.text(i).to_lowercase()),
        WordSort::Category => {
            // Within a category, the best first.
            sort_by_rank(rows, false, side);
            sort_by_number(rows, descending, |i| category_order(universe, i));
        }
        WordSort::Prompts => {
            let mean = |id: WordId| {
                let known: Vec<f64> = prompts.iter().filter_map(|p| p.z(id)).collect();
                stats::mean_sd(&known).map_or(f64::NAN, |(mean, _)| mean)
            };
            let means: Vec<f64> = universe.ids.iter().map(|&id| mean(id)).collect();
            sort_by_number(rows, descending, |i| means[i]);
        }
    }
}

/// The number by which words are sorted by category: those of the list, then own words, then words without a category.
pub(super) fn category_order(universe: &Universe, i: usize) -> f64 {
    match universe.categories(i).first() {
        Some(&category) => f64::from(category),
        None if universe.is_own(i) => universe.corpus.categories.len() as f64,
        None => f64::NAN,
    }
}
