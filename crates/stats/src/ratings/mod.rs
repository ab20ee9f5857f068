//! How a model's scores of words follow what else is known of the words: what people think of them, their sentiment, how
//! frequent or long they are.
//!
//! A score here is a word's mean over the prompts of one framing. It is related to each column of ratings alone, and given
//! the others. Knows a study, nothing else.

mod regression;

use std::sync::Arc;

use rayon::prelude::*;
use rewardscope_base::terms::Framing;

use super::agreement::{kendall, mean_over_prompts};
use super::results::{Adjusted, Asked, CategoryDifference, FromLine, RankDifference, Relation};
use super::study::Study;
use super::{ranks, spearman};
pub use regression::{Regression, Slope, regression};

/// Words that a relation names as farthest from the line, and as farthest apart in rank.
const NAMED: usize = 20;

/// A column of numbers about words.
#[derive(Clone, Debug)]
pub struct Rating {
    /// `sentiment`, `elo_score`.
    pub name: Arc<str>,
    /// `[models][words]` of a study, NaN where there is none: most columns are the same for all models, their own numbers of
    /// tokens are not.
    pub values: Vec<Arc<Vec<f64>>>,
}

/// Every model of a study under every framing beside every column. The study is over words that all models have
/// ([`Study::of_common_words`]), and `ratings` are in the order of its models and words.
pub fn relations(study: &Study, ratings: &[Rating]) -> Vec<Relation> {
    let cases: Vec<(usize, Asked)> = (0..study.models.len()).flat_map(|model| Asked::ALL.map(|asked| (model, asked))).collect();
    let of_case = |&(model, asked): &(usize, Asked)| -> Vec<Relation> {
        let Some((scores, prompts)) = scores(study, model, asked) else { return Vec::new() };
        // A column of which nothing is known for this model's words leaves nothing to adjust by.
        let has_some = |rating: &&Rating| rating.values[model].iter().any(|value| !value.is_nan());
        let known: Vec<&Rating> = ratings.iter().filter(has_some).collect();
        (0..known.len()).map(|column| relation(study, &known, model, asked, column, (&scores, prompts))).collect()
    };
    cases.par_iter().map(of_case).collect::<Vec<_>>().concat()
}

/// A model's mean scores, `[words]`, and the prompts that they are the means over; none where it was not asked so.
pub fn scores(study: &Study, model: usize, asked: Asked) -> Option<(Vec<f64>, usize)> {
    let mean = |framing| mean_over_prompts(study, model, framing, <[f64]>::to_vec);
    let some = |(scores, prompts): (Vec<f64>, usize)| (prompts > 0).then_some((scores, prompts));
    match asked {
        Asked::Positive => some(mean(Some(Framing::Positive))),
        Asked::Negative => some(mean(Some(Framing::Negative))),
        Asked::Difference => {
            let (positive, negative) = (scores(study, model, Asked::Positive)?, scores(study, model, Asked::Negative)?);
            let difference = positive.0.iter().zip(&negative.0).map(|(positive, negative)| positive - negative);
            Some((difference.collect(), positive.1 + negative.1))
        }
        Asked::Any if study.prompts.iter().all(|prompt| prompt.framing.is_none()) => some(mean(None)),
        Asked::Any => None,
    }
}

/// The scores of `model`, which are means over some prompts, beside the column `ratings[column]`, given the others.
pub fn relation(
    study: &Study,
    ratings: &[&Rating],
    model: usize,
    asked: Asked,
    column: usize,
    (scores, prompts): (&[f64], usize),
) -> Relation {
    let own = ratings[column];
    let Rows { words, score, columns } = Rows::new(model, scores, &[own]);
    let rating = &columns[0];
    let line = regression(&score, &columns);
    let slope = line.as_ref().map(|line| line.slopes[0]);
    let others: Vec<&Rating> = ratings.iter().enumerate().filter(|(at, _)| *at != column).map(|(_, rating)| *rating).collect();
    let mut adjusted = Vec::new();
    if !others.is_empty() {
        adjusted.push(given(model, scores, own, &others));
    }
    if others.len() > 1 {
        adjusted.extend(others.iter().map(|other| given(model, scores, own, &[*other])));
    }
    let (score_ranks, rating_ranks) = (ranks(&score), ranks(rating));
    let apart = |row: usize| score_ranks[row] - rating_ranks[row];
    let residual = |row: usize, line: &Regression| score[row] - line.intercept - line.slopes[0].value * rating[row];
    let names = |row: usize| study.words[words[row]].categories.iter().map(|&c| study.categories[usize::from(c)].to_string());
    let from_line = line.as_ref().map(|line| {
        let word = |row: usize| FromLine {
            word: study.words[words[row]].text.to_string(),
            rating: rating[row],
            score: score[row],
            residual: residual(row, line),
        };
        farthest(words.len(), |row| residual(row, line)).into_iter().map(word).collect()
    });
    let rank_difference = |row: usize| RankDifference {
        word: study.words[words[row]].text.to_string(),
        categories: names(row).collect(),
        score_rank: score_ranks[row],
        rating_rank: rating_ranks[row],
        difference: apart(row),
    };
    let of_category = |(at, category): (usize, &Arc<str>)| {
        let rows: Vec<usize> =
            (0..words.len()).filter(|&row| study.words[words[row]].categories.contains(&(at as u16))).collect();
        let mean = |of: &dyn Fn(usize) -> f64| rows.iter().map(|&row| of(row)).sum::<f64>() / rows.len() as f64;
        (!rows.is_empty()).then(|| CategoryDifference {
            category: category.clone(),
            n: rows.len(),
            mean_rank_difference: mean(&apart),
            mean_residual: line.as_ref().map(|line| mean(&|row| residual(row, line))),
        })
    };
    Relation {
        model: study.models[model].name.clone(),
        family: study.models[model].family.clone(),
        framing: asked,
        column: own.name.clone(),
        prompts,
        n: words.len(),
        spearman: spearman(&score, rating).map(|(rho, _)| rho),
        kendall: kendall(&score, rating).map(|(tau, _)| tau),
        slope: slope.map(|slope| slope.value),
        low: slope.and_then(|slope| slope.interval).map(|[low, _]| low),
        high: slope.and_then(|slope| slope.interval).map(|[_, high]| high),
        intercept: line.as_ref().map(|line| line.intercept),
        standardized: slope.map(|slope| slope.standardized),
        adjusted,
        farthest: from_line.unwrap_or_default(),
        rank_differences: farthest(words.len(), apart).into_iter().map(rank_difference).collect(),
        categories: study.categories.iter().enumerate().filter_map(of_category).collect(),
    }
}

/// The words that have a score and a value in every column.
struct Rows {
    /// Indices into the words of the study.
    words: Vec<usize>,
    score: Vec<f64>,
    /// `[columns][rows]`.
    columns: Vec<Vec<f64>>,
}

impl Rows {
    fn new(model: usize, scores: &[f64], ratings: &[&Rating]) -> Rows {
        let known = |word: &usize| !scores[*word].is_nan() && ratings.iter().all(|rating| !rating.values[model][*word].is_nan());
        let words: Vec<usize> = (0..scores.len()).filter(known).collect();
        let of = |values: &[f64]| words.iter().map(|&word| values[word]).collect();
        Rows { score: of(scores), columns: ratings.iter().map(|rating| of(&rating.values[model])).collect(), words }
    }
}

/// The slope of `own` given others.
fn given(model: usize, scores: &[f64], own: &Rating, others: &[&Rating]) -> Adjusted {
    let Rows { words, score, columns } = Rows::new(model, scores, &[&[own], others].concat());
    let slope = regression(&score, &columns).map(|line| line.slopes[0]);
    Adjusted {
        given: others.iter().map(|rating| rating.name.to_string()).collect(),
        n: words.len(),
        slope: slope.map(|slope| slope.value),
        low: slope.and_then(|slope| slope.interval).map(|[low, _]| low),
        high: slope.and_then(|slope| slope.interval).map(|[_, high]| high),
        standardized: slope.map(|slope| slope.standardized),
    }
}

/// The rows with the largest distance from zero, the largest first; of equal ones the first.
fn farthest(rows: usize, distance: impl Fn(usize) -> f64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows).collect();
    order.sort_by(|&a, &b| distance(b).abs().total_cmp(&distance(a).abs()));
    order.truncate(NAMED);
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::tests::study;

    const POSITIVE: Option<Framing> = Some(Framing::Positive);
    const NEGATIVE: Option<Framing> = Some(Framing::Negative);

    fn rating(name: &str, values: &[f64]) -> Rating {
        Rating { name: name.into(), values: vec![Arc::new(values.to_vec())] }
    }

    #[test]
    fn each_framing_has_its_slope_and_the_difference_that_of_both() {
        let words: Vec<(&str, &[u16])> = vec![("a", &[0]), ("b", &[0]), ("c", &[1]), ("d", &[]), ("e", &[1])];
        let prompts = [("p", POSITIVE), ("q", POSITIVE), ("n", NEGATIVE), ("own", None)];
        let p = [1.0, 2.0, 3.0, 4.5, 5.0];
        let q = [3.0, 4.0, 5.0, 5.5, 9.0];
        let n = [2.0, 1.5, 1.0, 9.0, 0.5];
        let study = study(&words, &prompts, &[("m", "F", &[&p, &q, &n, &[7.0; 5]])]);
        let found = relations(&study, &[rating("x", &[1.0, 2.0, 3.0, f64::NAN, 5.0])]);
        let told: Vec<_> = found.iter().map(|of| (of.framing.name(), of.prompts, of.n)).collect();
        assert_eq!(told, [("positive", 2, 4), ("negative", 1, 4), ("difference", 3, 4)]);
        let slopes: Vec<f64> = found.iter().map(|of| of.slope.unwrap()).collect();
        assert!((slopes[0] - slopes[1] - slopes[2]).abs() < 1e-12, "{slopes:?}");
        assert_eq!(serde_json::to_value(Asked::Any).unwrap(), serde_json::Value::Null);
        assert_eq!(serde_json::to_value(found[2].framing).unwrap(), "difference");
        assert!(found[0].adjusted.is_empty(), "there is nothing to adjust for");
    }

    #[test]
    fn words_and_categories_beside_the_line_are_named() {
        let words: Vec<(&str, &[u16])> = vec![("a", &[0]), ("b", &[0]), ("c", &[1]), ("d", &[1]), ("odd", &[1])];
        let study = study(&words, &[("p", None)], &[("m", "F", &[&[1.0, 2.0, 3.0, 3.5, -9.0]])]);
        let [found] = &relations(&study, &[rating("x", &[1.0, 2.0, 3.0, 4.0, 5.0])])[..] else { panic!("one relation") };
        assert_eq!(found.framing, Asked::Any);
        assert_eq!(found.farthest[0].word, "odd");
        let first = &found.rank_differences[0];
        assert_eq!((&*first.word, first.score_rank, first.rating_rank, first.difference), ("odd", 5.0, 1.0, 4.0));
        let apart: Vec<_> = found.categories.iter().map(|of| (&*of.category, of.n, of.mean_rank_difference)).collect();
        assert_eq!(apart, [("A", 2, -1.0), ("B", 3, 2.0 / 3.0)]);
        let residuals: f64 = found.categories.iter().map(|of| of.mean_residual.unwrap() * of.n as f64).sum();
        assert!(residuals.abs() < 1e-12, "residuals of all words add up to 0: {residuals}");
    }

    #[test]
    fn a_slope_is_given_for_all_other_columns_and_for_each_alone() {
        let words: Vec<(&str, &[u16])> = vec![("w", &[]); 8];
        let [x, y, z] = [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], [1.0, 0.0, 2.0, 0.0, 3.0, 0.0, 4.0, 1.0], [5.0; 8]];
        let scores: Vec<f64> = x.iter().zip(&y).map(|(x, y)| 2.0 * x - 3.0 * y).collect();
        let study = study(&words, &[("p", None)], &[("m", "F", &[&scores])]);
        let found = relations(&study, &[rating("x", &x), rating("y", &y), rating("constant", &z)]);
        let given: Vec<Vec<String>> = found[0].adjusted.iter().map(|of| of.given.clone()).collect();
        assert_eq!(given, [vec!["y", "constant"], vec!["y"], vec!["constant"]]);
        assert!((found[0].adjusted[1].slope.unwrap() - 2.0).abs() < 1e-12);
        assert_eq!(found[0].adjusted[0].slope, None, "a constant column has no slope of its own");
        assert_eq!((found[2].slope, found[2].spearman), (None, None));
    }
}
