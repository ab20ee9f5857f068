//! Axes of values, each between two opposed categories or between one and the middle of the list; and where a model leans on
//! them, with a bootstrap over prompts and words.

use rand::Rng as _;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;

use super::{CardOptions, Leaning, Standing, prompts_of};
use crate::study::Study;
use crate::{mean_sd, median, ranks};
use rewardscope_base::terms::Framing;

/// One end of an axis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pole {
    /// The words of a category, by its name.
    Category(String),
    /// The middle of all ranks.
    Middle,
}

/// A model's place on it is the second pole's median rank less the first's: above zero where it ranks the first higher.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Axis {
    /// `agency over communion`; `care: virtue over vice`; `care over the middle`.
    pub axis: String,
    /// A category.
    pub first: String,
    /// What the first is set against.
    pub second: Pole,
}

/// Names that end in these are opposed, as in `care_virtue` and `care_vice`.
const OPPOSED: [(&str, &str); 2] = [("virtue", "vice"), ("positive", "negative")];

impl Axis {
    /// The axes of a study. Two categories make one. Of more, those called alike but for virtue and vice make an axis, and each
    /// of the rest makes one with the middle of the list. Categories without words make none.
    pub fn of_study(study: &Study) -> Vec<Axis> {
        let used = |at: usize| study.words.iter().any(|word| word.categories.iter().any(|&c| usize::from(c) == at));
        let names: Vec<&str> = (0..study.categories.len()).filter(|&at| used(at)).map(|at| &*study.categories[at]).collect();
        let against = |first: &str, second: &str| Axis {
            axis: named(first, second),
            first: first.to_owned(),
            second: Pole::Category(second.to_owned()),
        };
        if let [a, b] = names[..] {
            return vec![if opposed(b, a).is_some() { against(b, a) } else { against(a, b) }];
        }
        let mut axes = Vec::new();
        for &name in &names {
            let other = names.iter().find(|other| opposed(name, other).is_some());
            let is_second = names.iter().any(|other| opposed(other, name).is_some());
            match other {
                Some(other) => axes.push(against(name, other)),
                None if is_second => {}
                None => axes.push(Axis { axis: format!("{name} over the middle"), first: name.to_owned(), second: Pole::Middle }),
            }
        }
        axes
    }
}

/// What two opposed names have in common, and the end of each; none of other names. Case is no
/// difference.
fn opposed<'a>(first: &'a str, second: &'a str) -> Option<(&'a str, [&'a str; 2])> {
    let parted = |name: &'a str, end: &str| {
        let at = name.len().checked_sub(end.len()).filter(|at| name.is_char_boundary(*at))?;
        let (stem, found) = name.split_at(at);
        found.eq_ignore_ascii_case(end).then_some((stem, found))
    };
    OPPOSED.iter().find_map(|(good, bad)| {
        let ((stem, good), (other, bad)) = (parted(first, good)?, parted(second, bad)?);
        (stem.to_lowercase() == other.to_lowercase()).then_some((stem, [good, bad]))
    })
}

/// What they have in common is said once.
fn named(first: &str, second: &str) -> String {
    let separator = |c: char| matches!(c, '_' | '.' | '-' | ' ' | ':' | '/');
    match opposed(first, second).map(|(stem, ends)| (stem.trim_end_matches(separator), ends)) {
        Some((stem, [good, bad])) if !stem.is_empty() => format!("{stem}: {good} over {bad}"),
        _ => format!("{first} over {second}"),
    }
}

/// Words of the two poles, each once and in order; the second is empty for the middle.
fn poles(study: &Study, axis: &Axis) -> [Vec<usize>; 2] {
    let words = |name: &str| -> Vec<usize> {
        let at = study.categories.iter().position(|known| **known == *name);
        let is = |word: &usize| study.words[*word].categories.iter().any(|&c| Some(usize::from(c)) == at);
        (0..study.words.len()).filter(is).collect()
    };
    let second = match &axis.second {
        Pole::Category(name) => words(name),
        Pole::Middle => Vec::new(),
    };
    [words(&axis.first), second]
}

/// Ranks under one prompt.
struct Column {
    /// Of each pole, `(rank, place of the word in the pole)`, ascending.
    poles: [Vec<(f64, u32)>; 2],
    middle: f64,
}

impl Column {
    fn new(scores: &[f64], poles: &[Vec<usize>; 2]) -> Column {
        let ranks = ranks(scores);
        let ranked = ranks.iter().filter(|rank| !rank.is_nan()).count();
        let pole = |words: &Vec<usize>| {
            let mut of: Vec<(f64, u32)> =
                words.iter().zip(0..).map(|(&word, at)| (ranks[word], at)).filter(|(rank, _)| !rank.is_nan()).collect();
            of.sort_by(|a, b| a.0.total_cmp(&b.0));
            of
        };
        Column { poles: poles.each_ref().map(pole), middle: (ranked as f64 + 1.0) / 2.0 }
    }

    /// The second pole's median less the first's, each word counted so often.
    fn value(&self, against_middle: bool, times: [&[u32]; 2]) -> f64 {
        let first = weighted_median(&self.poles[0], times[0]);
        let second = if against_middle { self.middle } else { weighted_median(&self.poles[1], times[1]) };
        second - first
    }
}

/// The median of values each of which stands so often; NaN of none. `sorted` is ascending.
fn weighted_median(sorted: &[(f64, u32)], times: &[u32]) -> f64 {
    let total: u32 = sorted.iter().map(|(_, at)| times[*at as usize]).sum();
    if total == 0 {
        return f64::NAN;
    }
    // The two in the middle; one and the same where the number is odd.
    let (low, high) = ((total - 1) / 2, total / 2);
    let mut passed = 0;
    let mut lower = None;
    for (value, at) in sorted {
        passed += times[*at as usize];
        if lower.is_none() && passed > low {
            lower = Some(*value);
        }
        if passed > high {
            return (lower.unwrap_or(*value) + value) / 2.0;
        }
    }
    f64::NAN
}

/// A model's value on an axis: the mean over its prompts of this framing; none where it has no prompt or word for it.
fn value(study: &Study, model: usize, axis: &Axis, poles: &[Vec<usize>; 2], framing: Option<Framing>) -> Option<f64> {
    let of_prompt = |prompt: usize| {
        let ranks = ranks(&study.models[model].scores[prompt]);
        let middle = (ranks.iter().filter(|rank| !rank.is_nan()).count() as f64 + 1.0) / 2.0;
        let of = |words: &Vec<usize>| median(words.iter().map(|&word| ranks[word]));
        let second = if axis.second == Pole::Middle { Some(middle) } else { of(&poles[1]) };
        Some(second? - of(&poles[0])?)
    };
    let values: Vec<f64> = prompts_of(study, model, framing).into_iter().filter_map(of_prompt).collect();
    mean_sd(&values).map(|(mean, _)| mean)
}

/// How far a model leans on an axis under one framing, how sure that is, and how far the others lean.
pub(super) fn leaning(
    study: &Study,
    model: usize,
    axis: &Axis,
    framing: Option<Framing>,
    options: &CardOptions,
) -> Option<Leaning> {
    let poles = poles(study, axis);
    let own = value(study, model, axis, &poles, framing)?;
    let prompts = prompts_of(study, model, framing);
    let columns: Vec<Column> = prompts.iter().map(|&at| Column::new(&study.models[model].scores[at], &poles)).collect();
    let against_middle = axis.second == Pole::Middle;
    let sample = |replicate: u32| {
        // A stream for each, so that threads do not decide what is drawn.
        let mut random = ChaCha8Rng::seed_from_u64(options.seed);
        random.set_stream(u64::from(replicate));
        let mut draw = |n: usize| {
            let mut times = vec![0_u32; n];
            (0..n).for_each(|_| times[random.random_range(0..n)] += 1);
            times
        };
        let (first, second, prompts) = (draw(poles[0].len()), draw(poles[1].len()), draw(columns.len()));
        let of = |(column, times): (&Column, &u32)| (column.value(against_middle, [&first, &second]), f64::from(*times));
        let drawn = columns.iter().zip(&prompts).filter(|(_, times)| **times > 0).map(of).filter(|(value, _)| !value.is_nan());
        let (sum, n) = drawn.fold((0.0, 0.0), |(sum, n), (value, times)| (sum + value * times, n + times));
        sum / n
    };
    let mut samples: Vec<f64> = (0..options.replicates).into_par_iter().map(sample).filter(|v| !v.is_nan()).collect();
    samples.sort_by(f64::total_cmp);
    // One sample has no spread, which is not one of 0.
    let known = samples.len() > 1;
    let se = mean_sd(&samples).filter(|_| known).map_or(f64::NAN, |(_, sd)| sd);
    let end = |p| if known { quantile(&samples, p) } else { f64::NAN };
    let mut models: Vec<(usize, Standing)> = Vec::new();
    for (i, other) in study.models.iter().enumerate() {
        if let Some(value) = value(study, i, axis, &poles, framing) {
            let (model, family) = (other.name.to_string(), other.family.to_string());
            models.push((i, Standing { model, family, value, place: 0.0 }));
        }
    }
    let places = ranks(&models.iter().map(|(_, standing)| standing.value).collect::<Vec<_>>());
    models.iter_mut().zip(places).for_each(|((_, standing), place)| standing.place = place);
    models.sort_by(|(_, a), (_, b)| a.place.total_cmp(&b.place).then_with(|| a.model.cmp(&b.model)));
    let place = models.iter().find(|(i, _)| *i == model)?.1.place;
    Some(Leaning {
        axis: axis.clone(),
        framing,
        value: own,
        se,
        interval: (end(0.025), end(0.975)),
        prompts: columns.len(),
        pole_words: poles.each_ref().map(Vec::len),
        place,
        models: models.into_iter().map(|(_, standing)| standing).collect(),
    })
}

/// Linear between the order statistics (Hyndman and Fan's type 7).
fn quantile(sorted: &[f64], p: f64) -> f64 {
    let at = p * sorted.len().saturating_sub(1) as f64;
    match (sorted.get(at.floor() as usize), sorted.get(at.ceil() as usize)) {
        (Some(low), Some(high)) => low + (high - low) * at.fract(),
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weighted_median_is_that_of_the_values_written_out() {
        let sorted = [(1.0, 2), (3.0, 0), (4.0, 1), (9.0, 3)];
        for times in [[1, 1, 1, 1], [0, 0, 0, 5], [2, 0, 1, 1], [1, 2, 3, 0], [0, 1, 0, 0], [3, 3, 0, 0]] {
            let written = sorted.iter().flat_map(|(value, at)| std::iter::repeat_n(*value, times[*at as usize] as usize));
            assert_eq!(Some(weighted_median(&sorted, &times)), median(written), "{times:?}");
        }
        assert!(weighted_median(&sorted, &[0; 4]).is_nan() && weighted_median(&[], &[]).is_nan());
    }

    #[test]
    fn quantiles_lie_between_order_statistics() {
        assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.5), 3.0);
        assert_eq!(quantile(&[1.0, 2.0], 0.25), 1.25);
        assert!(quantile(&[], 0.5).is_nan());
    }
}
