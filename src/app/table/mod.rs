//! The ordered table that a view shows, computed from snapshots away from the screen's thread.
//!
//! [`rank`] is pure: a request holds everything it needs, so the newest request can run anywhere and an old answer is
//! recognised by its key. Drawing reads the answer row by row and computes nothing that grows with the corpus.

mod compare;
mod implicit;
mod page;
pub mod query;
mod scatter;
mod sort;
mod words;

use std::sync::Arc;

use super::View;
use super::universe::{NONE, Universe};
use crate::base::terms::{Measure, ModelId, PromptId, Unit, WordId};
use crate::recorded::ratings::Ratings;
use crate::stats;
pub use compare::{CompareSort, ComparedCategory};
pub use page::{Place, WordPage};
use query::{Numbers, Query};
pub use scatter::Scatter;
pub use words::{CategorySummary, PromptColumn, WordSort};

/// What the bars and histograms measure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AxisKind {
    /// Standard deviations from the model's mean: comparable between models.
    #[default]
    Z,
    /// The raw reward.
    Reward,
}

/// The range that all loaded models share under the current prompt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    /// What is measured.
    pub kind: AxisKind,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Axis {
    /// The place of a value, 0 at the low end and 1 at the high end.
    pub fn position(&self, value: f64) -> f64 {
        if self.high > self.low { ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0) } else { 0.5 }
    }

    /// The place where bars begin: at zero, or at the end that is nearest to it.
    pub fn origin(&self) -> f64 {
        self.position(0.0)
    }
}

/// Which table: one model's words, two models side by side, or the reward that is implicit in two language models; each with
/// its own order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TableKind {
    /// The words of one model.
    Words(WordSort),
    /// Two models side by side.
    Compare(CompareSort),
    /// The reward that is implicit in two language models, or of one model that is an implicit reward itself.
    Implicit(Measure, WordSort),
}

/// Which table a view wants to show, as far as the view decides that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableSpec {
    /// Its rows and their order.
    pub kind: TableKind,
    /// The last row first.
    pub reversed: bool,
    /// The model, or the left-hand one of two.
    pub model: Option<ModelId>,
    /// The right-hand model of a comparison, or model B of an implicit reward.
    pub other: Option<ModelId>,
    /// Width of a histogram.
    pub bins: usize,
}

/// Everything that decides a table besides the scores themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableKey {
    /// The view that shows it.
    pub view: View,
    /// Its rows and their order.
    pub kind: TableKind,
    /// The last row first.
    pub reversed: bool,
    /// The model, or the left-hand one of two.
    pub model: Option<ModelId>,
    /// The right-hand model of a comparison, or model B of an implicit reward.
    pub other: Option<ModelId>,
    /// The prompt that is asked.
    pub prompt: Option<PromptId>,
    /// [`Universe::version`].
    pub universe: u64,
    /// Categories to show, as indices into the corpus; empty for all. Own words are shown beside them.
    pub filter: Vec<u16>,
    /// Own words are shown, and nothing else.
    pub own_only: bool,
    /// What is searched for, as it is typed: see [`Query`].
    pub search: String,
    /// What bars and histograms measure.
    pub axis: AxisKind,
    /// Width of a histogram.
    pub bins: usize,
    /// The word whose page is open.
    pub page: Option<WordId>,
    /// The column of ratings that the scores are set beside; none where they are not.
    pub rating: Option<usize>,
}

/// One score column, indexed by word id, NaN where unknown.
pub type ScoreColumn = Arc<Vec<f64>>;

/// A snapshot of what a table is made of.
#[derive(Clone, Debug)]
pub struct RankRequest {
    /// Grows with each request.
    pub generation: u64,
    /// Which table is asked for.
    pub key: TableKey,
    /// The words.
    pub universe: Arc<Universe>,
    /// The current prompt's column of every model that has one, and what its scores are: those of one unit share the axis.
    pub columns: Vec<(ModelId, Unit, ScoreColumn)>,
    /// The shown model's columns under all prompts of the set, for the sparklines.
    pub prompts: Vec<(PromptId, ScoreColumn)>,
    /// All columns of all models, for the page of a word.
    pub page: Vec<(ModelId, PromptId, ScoreColumn)>,
    /// What is known of the words beside their scores.
    pub ratings: Arc<Ratings>,
}

/// One model's numbers over the universe; vectors are by index, NaN where there is no score. Own words have the rank and the
/// z-score that they would have among the words of the list, and change neither of these nor any other number.
#[derive(Clone, Debug, Default)]
pub struct SideScores {
    /// The scores.
    pub scores: Vec<f64>,
    /// The z-scores among the words of the list.
    pub z: Vec<f64>,
    /// Over all scored words of the list, or in a comparison over those that both models have.
    pub ranks: Vec<f64>,
    /// How many words of the list have a rank.
    pub ranked: usize,
    /// How many words of the list have a score.
    pub scored: usize,
    /// How many own words have one.
    pub own_scored: usize,
    /// Lowest and highest score of the list.
    pub range: Option<(f64, f64)>,
    /// How many words the list has.
    listed: usize,
}

/// The answer to a [`RankRequest`].
#[derive(Clone, Debug)]
pub struct RankedTable {
    /// The number of the request.
    pub generation: u64,
    /// Which table it is.
    pub key: TableKey,
    /// The words.
    pub universe: Arc<Universe>,
    /// Indices of words in the order of the rows, after the filter.
    pub rows: Vec<u32>,
    /// Row by index.
    row_of: Vec<u32>,
    /// Cells of the longest word, at most 60.
    pub longest: u16,
    /// The search of the key, read.
    pub query: Query,
    /// Rows whose word matches the search, ascending.
    pub matches: Vec<u32>,
    /// The numbers of the model, or of the left-hand one of two.
    pub left: SideScores,
    /// The numbers of the right-hand model.
    pub right: Option<SideScores>,
    /// Of an implicit reward: log-probabilities, in nats, under both language models, NaN where one of them is not known. None
    /// where they are another table's matter.
    pub log_probabilities: Option<[Vec<f64>; 2]>,
    /// Right rank minus left rank: positive where the left model likes the word better. Empty but in a comparison.
    pub differences: Vec<f64>,
    /// Spearman's correlation of the two models, and the number of words it is computed from.
    pub agreement: Option<(f64, usize)>,
    /// The axis of bars and histograms; none while no score is known. That of a comparison is of z-scores where the two models'
    /// scores are of different units.
    pub axis: Option<Axis>,
    /// One a category of the list.
    pub categories: Vec<CategorySummary>,
    /// The same of the right-hand model, and how far the two are apart. Empty but in a comparison.
    pub compared: Vec<ComparedCategory>,
    /// Prompts under which the shown model has scores, in the order of the set.
    pub prompts: Vec<PromptColumn>,
    /// The page of a word, where one is open.
    pub page: Option<WordPage>,
    /// The scores beside a column of ratings, where that is asked for.
    pub scatter: Option<Scatter>,
}

impl RankedTable {
    /// The row of a word; none where the table does not show it.
    pub fn row_of(&self, word: WordId) -> Option<usize> {
        let row = *self.row_of.get(self.universe.index_of(word)?)?;
        (row != NONE).then_some(row as usize)
    }

    /// The word of a row.
    pub fn word_at(&self, row: usize) -> Option<WordId> {
        self.universe.ids.get(*self.rows.get(row)? as usize).copied()
    }
}

/// Computes a table. Cost: O(n log n) in the words, O(n) in the words of each scored prompt.
pub fn rank(request: RankRequest) -> RankedTable {
    let RankRequest { generation, key, universe, columns, prompts, page, ratings } = request;
    let page = key.page.map(|word| WordPage::new(word, &universe, &page));
    let of_model = |model: Option<ModelId>| columns.iter().find(|(m, ..)| Some(*m) == model);
    let column_of = |model: Option<ModelId>| of_model(model).map(|(.., column)| column);
    let both = [key.model, key.other].map(column_of);
    let listed = universe.listed();
    let log_probabilities = match (key.kind, both) {
        (TableKind::Implicit(..), [Some(a), Some(b)]) => Some([a, b].map(|column| scores_of_all(&universe, Some(column)))),
        _ => None,
    };
    let mut left = match (key.kind, &log_probabilities) {
        (TableKind::Implicit(measure, _), Some(logs)) => implicit::side(measure, logs, listed),
        (TableKind::Implicit(..), None) if key.other.is_some() => side(&universe, None),
        _ => side(&universe, both[0]),
    };
    let mut right = matches!(key.kind, TableKind::Compare(_)).then(|| side(&universe, both[1]));
    let units = [key.model, key.other].map(|model| of_model(model).map(|(_, unit, _)| *unit));
    let axis = match (key.kind, units) {
        (TableKind::Implicit(..), _) => implicit::axis(&left),
        (TableKind::Compare(_), [Some(a), Some(b)]) if a != b => common_axis(&universe, &columns, &[a, b], AxisKind::Z),
        (_, [Some(unit), _]) => common_axis(&universe, &columns, &[unit], key.axis),
        (_, [None, _]) => None,
    };
    let prompts = words::prompt_columns(&universe, prompts);

    let mut agreement = None;
    let mut differences = Vec::new();
    match &mut right {
        None => left.rank(|_| true),
        Some(right) => {
            let (known_left, known_right) = (left.scores.clone(), right.scores.clone());
            left.rank(|i| !known_right[i].is_nan());
            right.rank(|i| !known_left[i].is_nan());
            differences = left.ranks.iter().zip(&right.ranks).map(|(l, r)| r - l).collect();
            agreement = stats::spearman(&left.scores[..listed], &right.scores[..listed]);
        }
    }
    let scatter = key.rating.and_then(|column| scatter::scatter(&universe, &left, &ratings, column));
    let categories = words::summaries(&universe, &left, axis, key.bins);
    let compared = match &right {
        Some(right) => compare::categories(&universe, [&left, right], axis, key.bins),
        None => Vec::new(),
    };

    let passes = |i: usize| key.filter.is_empty() || universe.categories(i).iter().any(|c| key.filter.contains(c));
    let query = Query::parse(&key.search);
    let numbers = Numbers { universe: &universe, left: &left, right: right.as_ref(), differences: &differences };
    let shown = |i: usize| (universe.is_own(i) || !key.own_only && passes(i)) && query.shows(i, &numbers);
    let mut rows: Vec<u32> = (0..universe.len()).filter(|&i| shown(i)).map(|i| i as u32).collect();
    match key.kind {
        TableKind::Words(sort) | TableKind::Implicit(_, sort) => {
            words::sort(&mut rows, sort, key.reversed, &universe, &left, &prompts)
        }
        TableKind::Compare(sort) => compare::sort(&mut rows, sort, key.reversed, &universe, &left, right.as_ref(), &differences),
    }
    let mut row_of = vec![NONE; universe.len()];
    for (row, &i) in (0..).zip(&rows) {
        row_of[i as usize] = row;
    }
    let matches = match &query {
        Query::Empty | Query::Problem(_) => Vec::new(),
        query => {
            let hit = |i: u32| query.matches(universe.text(i as usize));
            (0..).zip(&rows).filter(|&(_, &i)| hit(i)).map(|(row, _)| row).collect()
        }
    };
    let longest = universe.longest();
    RankedTable {
        generation,
        key,
        universe,
        rows,
        longest,
        query,
        row_of,
        matches,
        left,
        right,
        log_probabilities,
        differences,
        agreement,
        axis,
        categories,
        compared,
        prompts,
        page,
        scatter,
    }
}

impl SideScores {
    /// The number of a word that the axis measures.
    pub fn value(&self, kind: AxisKind, word: usize) -> f64 {
        match kind {
            AxisKind::Z => self.z[word],
            AxisKind::Reward => self.scores[word],
        }
    }

    /// Ranks the words for which `counts` holds.
    fn rank(&mut self, counts: impl Fn(usize) -> bool) {
        let scores: Vec<f64> = self.scores.iter().enumerate().map(|(i, &s)| if counts(i) { s } else { f64::NAN }).collect();
        let (list, own) = scores.split_at(self.listed);
        self.ranks = stats::ranks(list);
        self.ranked = known(&self.ranks);
        self.ranks.extend(stats::places(list, own));
    }

    /// The number by which words are sorted by rank. An own word comes before the word of the list whose rank it would have.
    fn order(&self, i: usize) -> f64 {
        self.ranks[i] - if i < self.listed { 0.0 } else { 0.5 }
    }
}

fn side(universe: &Universe, column: Option<&ScoreColumn>) -> SideScores {
    side_of(scores_of_all(universe, column), universe.listed())
}

fn side_of(scores: Vec<f64>, listed: usize) -> SideScores {
    let (list, own) = scores.split_at(listed);
    let z = [stats::z_scores(list), stats::z_scores_among(list, own)].concat();
    let (range, scored, own_scored) = (range(list), known(list), known(own));
    SideScores { scores, z, ranks: Vec::new(), ranked: 0, scored, own_scored, range, listed }
}

fn known(values: &[f64]) -> usize {
    values.iter().filter(|value| !value.is_nan()).count()
}

/// A column in the order of the list's words.
fn scores_of_list(universe: &Universe, column: &ScoreColumn) -> Vec<f64> {
    universe.ids[..universe.listed()].iter().map(|id| column.get(id.0 as usize).copied().unwrap_or(f64::NAN)).collect()
}

/// A column by index.
fn scores_of_all(universe: &Universe, column: Option<&ScoreColumn>) -> Vec<f64> {
    let score = |id: &WordId| column.and_then(|c| c.get(id.0 as usize)).copied().unwrap_or(f64::NAN);
    universe.ids.iter().map(score).collect()
}

/// Around the scores of all models of these units: as they are, rewards and log-probabilities have no place on one axis.
fn common_axis(universe: &Universe, columns: &[(ModelId, Unit, ScoreColumn)], units: &[Unit], kind: AxisKind) -> Option<Axis> {
    let of_unit = columns.iter().filter(|(_, of, _)| units.contains(of));
    let ranges = of_unit.filter_map(|(.., column)| {
        let scores = scores_of_list(universe, column);
        range(&if kind == AxisKind::Z { stats::z_scores(&scores) } else { scores })
    });
    let (low, high) = ranges.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
    Some(Axis { kind, low, high })
}

fn range(values: &[f64]) -> Option<(f64, f64)> {
    let known = values.iter().copied().filter(|v| v.is_finite());
    known.map(|v| (v, v)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_begin_at_zero_or_at_the_end_nearest_to_it() {
        let axis = |low, high| Axis { kind: AxisKind::Reward, low, high };
        assert_eq!(axis(-1.0, 3.0).origin(), 0.25);
        assert_eq!((axis(2.0, 4.0).origin(), axis(-4.0, -2.0).origin()), (0.0, 1.0));
        assert_eq!(axis(1.0, 1.0).position(1.0), 0.5);
    }
}
