//! The scores of a table beside a column of ratings.

use std::sync::Arc;

use super::{RankedTable, SideScores};
use crate::app::universe::Universe;
use crate::recorded::ratings::Ratings;
use crate::stats::ratings::{Asked, Relation, relation};
use crate::stats::study::{Study, StudyModel, StudyPrompt, StudyWord};

/// Scores beside one column of ratings, under the prompt of the table.
#[derive(Clone, Debug)]
pub struct Scatter {
    /// The column's number among the columns, from 0.
    pub column: usize,
    /// How many columns there are.
    pub columns: usize,
    /// By index of the word, NaN where there is none.
    pub ratings: Vec<f64>,
    /// How the scores follow the ratings.
    pub relation: Relation,
}

impl Scatter {
    /// Lowest and highest rating and lowest and highest score of the words that have both; none of fewer than two words.
    pub fn ranges(&self, table: &RankedTable) -> Option<[(f64, f64); 2]> {
        let points = || self.points(table).map(|(_, point)| point);
        let range =
            |of: fn((f64, f64)) -> f64| points().map(|point| (of(point), of(point))).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        (points().count() > 1).then(|| Some([range(|point| point.0)?, range(|point| point.1)?])).flatten()
    }

    /// The index of each word that has both numbers, with its rating and its score.
    pub fn points<'a>(&'a self, table: &'a RankedTable) -> impl Iterator<Item = (usize, (f64, f64))> + 'a {
        let points = self.ratings.iter().zip(&table.left.scores).enumerate();
        points.map(|(at, (rating, score))| (at, (*rating, *score))).filter(|(_, (x, y))| !x.is_nan() && !y.is_nan())
    }
}

/// The words of the list beside `ratings[column]`; none where there is no such column.
pub(super) fn scatter(universe: &Universe, side: &SideScores, ratings: &Ratings, column: usize) -> Option<Scatter> {
    let listed = universe.listed();
    let scores = &side.scores[..listed];
    let word = |word: &crate::corpus::Word| StudyWord { text: word.text.clone(), categories: word.categories.clone() };
    let study = Study {
        categories: universe.corpus.categories.iter().map(|name| name.as_str().into()).collect(),
        words: universe.corpus.words.iter().map(word).collect(),
        prompts: vec![StudyPrompt { label: "".into(), framing: None }],
        models: vec![StudyModel { name: "".into(), family: "".into(), scores: vec![Arc::new(scores.to_vec())] }],
    };
    let (columns, _) = ratings.of_study(&study, &[]);
    let known: Vec<_> = columns.iter().collect();
    let own = known.get(column)?;
    let mut of_words = own.values[0].to_vec();
    of_words.resize(universe.len(), f64::NAN);
    let relation = relation(&study, &known, 0, Asked::Any, column, (scores, 1));
    Some(Scatter { column, columns: columns.len(), ratings: of_words, relation })
}
