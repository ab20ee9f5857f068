//! One page on what a model values: where it leans on each axis and how surely, its place among other models, its first and
//! last words, whom it agrees with, and how well it judges pairs. Knows a study, nothing else.

mod axes;
mod pairs;

use serde::Serialize;

use super::agreement::{PERSISTENCE, kendall, rank_biased_overlap};
use super::results::FramingAgreement;
use super::study::Study;
use super::{agreement, ranks, spearman, z_scores};
pub use axes::{Axis, Pole};
pub use pairs::{Accuracy, wilson};
use rewardscope_base::terms::Framing;

/// What a card rests on.
#[derive(Clone, Copy, Debug)]
pub struct CardOptions {
    /// Bootstrap samples; the same seed gives the same intervals.
    pub replicates: u32,
    /// Of the random numbers.
    pub seed: u64,
    /// How many of the first and of the last words are named.
    pub words: usize,
}

impl Default for CardOptions {
    fn default() -> Self {
        CardOptions { replicates: 2000, seed: 1, words: 12 }
    }
}

/// The card of one model of a study.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Card {
    /// The model's name.
    pub model: String,
    /// The model's family.
    pub family: String,
    /// Words ranked.
    pub words: usize,
    /// Prompts of a positive framing under which the model has scores.
    pub positive_prompts: usize,
    /// Prompts of a negative framing.
    pub negative_prompts: usize,
    /// Prompts of no known framing, which count for nothing where there are others.
    pub other_prompts: usize,
    /// An axis for each framing that was asked.
    pub axes: Vec<Leaning>,
    /// First and last words, for each framing that was asked.
    pub words_by_framing: Vec<Extremes>,
    /// None where only one framing was asked.
    pub framings: Option<FramingAgreement>,
    /// With each other model, the nearest first.
    pub agreement: Vec<Likeness>,
    /// Bootstrap samples.
    pub replicates: u32,
    /// Of the random numbers.
    pub seed: u64,
}

/// Where a model leans on an axis, under one framing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Leaning {
    /// The axis.
    #[serde(flatten)]
    pub axis: Axis,
    /// None: the framing of no prompt is known.
    pub framing: Option<Framing>,
    /// Mean over prompts, in places; above zero toward the axis's first pole.
    pub value: f64,
    /// Standard deviation of the bootstrap samples, in which both prompts and words are drawn again. Not a number, in JSON
    /// null, of fewer than two samples.
    pub se: f64,
    /// The middle 95 % of the bootstrap samples, in places.
    pub interval: (f64, f64),
    /// Prompts that the value is the mean of.
    pub prompts: usize,
    /// Words of the first pole, and of the second where there is one.
    pub pole_words: [usize; 2],
    /// 1: of all models it leans farthest toward the first pole. Ties share a place.
    pub place: f64,
    /// Every model that was asked under this framing, this one among them, in order of place, those that share one by name.
    pub models: Vec<Standing>,
}

/// One model's place among those that are compared on an axis.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standing {
    /// The model's name.
    pub model: String,
    /// The model's family.
    pub family: String,
    /// Where it leans, in places, as [`Leaning::value`].
    pub value: f64,
    /// Ties share a place: two at the top both have 1.5.
    pub place: f64,
}

/// The words that a model ranks first and last.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Extremes {
    /// None: the framing of no prompt is known.
    pub framing: Option<Framing>,
    /// Prompts that ranks and z-scores are the means over.
    pub prompts: usize,
    /// The best first.
    pub top: Vec<Ranked>,
    /// The worst first.
    pub bottom: Vec<Ranked>,
}

/// A word with its mean rank.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ranked {
    /// The word.
    pub word: String,
    /// Its categories, by name.
    pub categories: Vec<String>,
    /// Mean of the ranks over the prompts.
    pub mean_rank: f64,
    /// Mean of the z-scores within prompt.
    pub mean_z: f64,
}

/// How alike two models rank words: means over the prompts that both were asked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Likeness {
    /// The other model's name.
    pub model: String,
    /// The other model's family.
    pub family: String,
    /// Prompts that both were asked.
    pub prompts: usize,
    /// Spearman's rho; none where it is not defined.
    pub spearman: Option<f64>,
    /// Kendall's tau-b.
    pub kendall: Option<f64>,
    /// Rank-biased overlap (p = 0.9, extrapolated).
    pub rbo: Option<f64>,
}

/// The card of `study.models[model]`; none where there is no such model, or it has no score.
pub fn card(study: &Study, model: usize, options: &CardOptions) -> Option<Card> {
    let own = study.models.get(model)?;
    let count = |framing| prompts_of(study, model, framing).len();
    let [positive_prompts, negative_prompts, other_prompts] = FRAMINGS.map(count);
    let framed = positive_prompts + negative_prompts > 0;
    let asked = FRAMINGS.into_iter().filter(|&framing| count(framing) > 0 && (framing.is_some() || !framed));
    let axes = Axis::of_study(study);
    let leaning = |framing| axes.iter().filter_map(move |axis| axes::leaning(study, model, axis, framing, options));
    let known = |i: &usize| own.scores.iter().any(|scores| scores.get(*i).is_some_and(|score| !score.is_nan()));
    let words = (0..study.words.len()).filter(known).count();
    (words > 0).then(|| Card {
        model: own.name.to_string(),
        family: own.family.to_string(),
        words,
        positive_prompts,
        negative_prompts,
        other_prompts,
        axes: asked.clone().flat_map(leaning).collect(),
        words_by_framing: asked.map(|framing| extremes(study, model, framing, options.words)).collect(),
        framings: agreement::framings_of(study, model),
        agreement: likeness(study, model),
        replicates: options.replicates,
        seed: options.seed,
    })
}

const FRAMINGS: [Option<Framing>; 3] = [Some(Framing::Positive), Some(Framing::Negative), None];

/// Prompts of exactly this framing under which the model has a score.
fn prompts_of(study: &Study, model: usize, framing: Option<Framing>) -> Vec<usize> {
    let has = |at: &usize| study.models[model].scores.get(*at).is_some_and(|scores| scores.iter().any(|s| !s.is_nan()));
    (0..study.prompts.len()).filter(|&at| study.prompts[at].framing == framing).filter(has).collect()
}

fn extremes(study: &Study, model: usize, framing: Option<Framing>, words: usize) -> Extremes {
    let prompts = prompts_of(study, model, framing);
    let mut sums = vec![(0.0, 0.0, 0_u32); study.words.len()];
    for &prompt in &prompts {
        let scores = &study.models[model].scores[prompt];
        for ((sum, rank), z) in sums.iter_mut().zip(ranks(scores)).zip(z_scores(scores)).filter(|((_, rank), _)| !rank.is_nan()) {
            *sum = (sum.0 + rank, sum.1 + z, sum.2 + 1);
        }
    }
    let mut ranked: Vec<Ranked> = Vec::new();
    for (word, (rank, z, n)) in study.words.iter().zip(sums).filter(|(_, (_, _, n))| *n > 0) {
        let categories = word.categories.iter().filter_map(|&c| study.categories.get(usize::from(c)));
        ranked.push(Ranked {
            word: word.text.to_string(),
            categories: categories.map(|name| name.to_string()).collect(),
            mean_rank: rank / f64::from(n),
            mean_z: z / f64::from(n),
        });
    }
    ranked.sort_by(|a, b| a.mean_rank.total_cmp(&b.mean_rank));
    let bottom = ranked.iter().rev().take(words).cloned().collect();
    ranked.truncate(words);
    Extremes { framing, prompts: prompts.len(), top: ranked, bottom }
}

fn likeness(study: &Study, model: usize) -> Vec<Likeness> {
    let own = &study.models[model];
    let framed = FRAMINGS[..2].iter().any(|&framing| !prompts_of(study, model, framing).is_empty());
    let counts = |prompt: &crate::study::StudyPrompt| prompt.framing.is_some() || !framed;
    let mut all = Vec::new();
    for (_, other) in study.models.iter().enumerate().filter(|(i, _)| *i != model) {
        let mut sums = [(0.0, 0_u32); 3];
        let mut prompts = 0;
        let columns = own.scores.iter().zip(&other.scores).zip(&study.prompts);
        for ((a, b), _) in columns.filter(|(_, prompt)| counts(prompt)) {
            let measures =
                [spearman(a, b).map(|(rho, _)| rho), kendall(a, b).map(|(tau, _)| tau), rank_biased_overlap(a, b, PERSISTENCE)];
            prompts += usize::from(measures[2].is_some());
            for (sum, value) in sums.iter_mut().zip(measures) {
                if let Some(value) = value {
                    *sum = (sum.0 + value, sum.1 + 1);
                }
            }
        }
        let [spearman, kendall, rbo] = sums.map(|(sum, n)| (n > 0).then(|| sum / f64::from(n)));
        let (model, family) = (other.name.to_string(), other.family.to_string());
        all.push(Likeness { model, family, prompts, spearman, kendall, rbo });
    }
    let rho = |of: &Likeness| of.spearman.unwrap_or(-2.0);
    all.sort_by(|a, b| rho(b).total_cmp(&rho(a)).then_with(|| a.model.cmp(&b.model)));
    all
}

#[cfg(test)]
mod tests;
