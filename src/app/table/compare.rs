//! The categories and the order of the Compare view.

use super::sort::{sort_by_number, sort_by_rank, sort_by_text};
use super::words::{CategorySummary, category_order, ranked_members, summaries};
use super::{Axis, SideScores};
use crate::app::universe::Universe;
use crate::stats::{MedianDifference, median_difference};

/// A category under the right-hand model, and how far it is from the left-hand one.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparedCategory {
    /// How its words are spread under the right-hand model.
    pub right: CategorySummary,
    /// The right-hand median rank less the left-hand one: positive where the left model likes the category better.
    pub difference: Option<MedianDifference>,
}

pub(super) fn categories(universe: &Universe, sides: [&SideScores; 2], axis: Option<Axis>, bins: usize) -> Vec<ComparedCategory> {
    let [left, right] = sides;
    let difference = |members: Vec<usize>| {
        let pairs: Vec<(f64, f64)> = members.iter().map(|&i| (left.ranks[i], right.ranks[i])).collect();
        median_difference(&pairs)
    };
    let summaries = summaries(universe, right, axis, bins).into_iter();
    let differences = ranked_members(universe, left).into_iter().map(difference);
    summaries.zip(differences).map(|(right, difference)| ComparedCategory { right, difference }).collect()
}

/// What the rows of the Compare view are ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CompareSort {
    /// The largest difference of rank first, whichever way.
    #[default]
    Difference,
    /// Words that the left model ranks higher first.
    LeftPreferred,
    /// Words that the right model ranks higher first.
    RightPreferred,
    /// By the left model's rank.
    LeftRank,
    /// By the right model's rank.
    RightRank,
    /// By alphabet.
    Word,
    /// By category; within one, the largest difference first.
    Category,
}

impl CompareSort {
    /// Every order, in that of the keys.
    pub const ALL: [CompareSort; 7] = [
        CompareSort::Difference,
        CompareSort::LeftPreferred,
        CompareSort::RightPreferred,
        CompareSort::LeftRank,
        CompareSort::RightRank,
        CompareSort::Word,
        CompareSort::Category,
    ];

    /// What it is called in messages.
    pub fn name(self) -> &'static str {
        match self {
            CompareSort::Difference => "difference",
            CompareSort::LeftPreferred => "left prefers",
            CompareSort::RightPreferred => "right prefers",
            CompareSort::LeftRank => "left rank",
            CompareSort::RightRank => "right rank",
            CompareSort::Word => "word",
            CompareSort::Category => "category",
        }
    }

    /// Whether the natural order starts with the largest.
    pub fn descends(self) -> bool {
        matches!(self, CompareSort::Difference | CompareSort::LeftPreferred)
    }
}

pub(super) fn sort(
    rows: &mut [u32],
    sort: CompareSort,
    reversed: bool,
    universe: &Universe,
    left: &SideScores,
    right: Option<&SideScores>,
    differences: &[f64],
) {
    let descending = sort.descends() != reversed;
    let difference = |i: usize| differences.get(i).copied().unwrap_or(f64::NAN);
    match sort {
        CompareSort::Difference => sort_by_number(rows, descending, |i| difference(i).abs()),
        CompareSort::LeftPreferred | CompareSort::RightPreferred => sort_by_number(rows, descending, difference),
        CompareSort::LeftRank => sort_by_rank(rows, descending, left),
        CompareSort::RightRank => sort_by_rank(rows, descending, right.unwrap_or(left)),
        CompareSort::Word => sort_by_text(rows, descending, |i| universe.text(i).to_lowercase()),
        CompareSort::Category => {
            sort_by_number(rows, true, |i| difference(i).abs());
            sort_by_number(rows, descending, |i| category_order(universe, i));
        }
    }
}
