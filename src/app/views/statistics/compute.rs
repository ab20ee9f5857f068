//! From snapshots of scores to everything that the statistics view draws.

use std::sync::Arc;

use crate::app::Universe;
use crate::app::table::ScoreColumn;
use crate::base::text::count;
use crate::corpus::Prompt;
use crate::report::figure::{AgreementFigure, Figure, PanelsFigure};
use crate::report::panels::{Panel, RankAxis};
use crate::report::{figure, panels};
use crate::stats::results::Report;
use crate::stats::study::{Study, StudyModel, StudyPrompt, StudyWord};

/// A snapshot of the scores that statistics are computed from.
#[derive(Clone, Debug)]
pub struct StatisticsRequest {
    /// Grows with each request.
    pub generation: u64,
    /// The words.
    pub universe: Arc<Universe>,
    /// Every prompt of the session, and whether it belongs to the set that is scored as a whole.
    pub prompts: Vec<(Prompt, bool)>,
    /// The models that are compared.
    pub models: Vec<StatisticsModel>,
    /// Opened models whose scores are of another kind.
    pub left_out: usize,
    /// What makes a comparison of these models doubtful, in sentences.
    pub warnings: Vec<String>,
}

/// The scores of one model.
#[derive(Clone, Debug)]
pub struct StatisticsModel {
    /// No two are the same.
    pub name: Arc<str>,
    /// The name of its family.
    pub family: Arc<str>,
    /// Whether its scores come from a file.
    pub recorded: bool,
    /// One a prompt, indexed by word id.
    pub columns: Vec<ScoreColumn>,
    /// Words of the list that cannot be asked, one number a prompt.
    pub unscorable: Vec<usize>,
}

/// How many of the scores that are wanted are known. A column is one model's scores under one prompt. It counts once each of its
/// words has a score: until then, the words that all models have would be few, and change with every score.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// How many columns are complete.
    pub columns: usize,
    /// How many columns there are to be.
    pub columns_wanted: usize,
    /// Complete columns of the model that has fewest, and of the one that has most, of those that have any.
    pub prompts_of_a_model: (usize, usize),
}

impl Progress {
    /// Whether some columns are missing.
    pub fn is_partial(&self) -> bool {
        self.columns < self.columns_wanted
    }

    /// `partial: 72 of 108 tables`, and where models have not been asked alike, `18 to 54 prompts a model`; none where
    /// everything is there.
    pub fn notes(&self) -> Vec<String> {
        let (fewest, most) = self.prompts_of_a_model;
        let missing = format!("partial: {} of {} tables", count(self.columns), count(self.columns_wanted));
        let unequal = format!("{fewest} to {most} prompts a model");
        let notes = [(self.is_partial(), missing), (fewest < most, unequal)];
        notes.into_iter().filter(|(holds, _)| *holds).map(|(_, note)| note).collect()
    }
}

/// How alike two models rank, over all prompts that both have.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelPair {
    /// The name of one model.
    pub a: Arc<str>,
    /// The name of the other model.
    pub b: Arc<str>,
    /// Means over prompts; none where it is defined under no prompt.
    pub spearman: Option<f64>,
    /// Mean of Kendall's tau.
    pub kendall: Option<f64>,
    /// Mean of the rank-biased overlap.
    pub rbo: Option<f64>,
    /// Lowest and highest Spearman of a prompt.
    pub range: Option<(f64, f64)>,
    /// How many prompts both have.
    pub prompts: usize,
}

/// The answer to a [`StatisticsRequest`].
#[derive(Clone, Debug)]
pub struct Statistics {
    /// The number of the request.
    pub generation: u64,
    /// Name of the word list.
    pub corpus: String,
    /// The results.
    pub report: Report,
    /// A panel a category and framing.
    pub panels: Vec<Panel>,
    /// The axis that all panels share.
    pub axis: RankAxis,
    /// Every two models, those that rank most alike first.
    pub pairs: Vec<ModelPair>,
    /// How many of the columns are scored.
    pub progress: Progress,
    /// How many opened models have scores of another unit.
    pub left_out: usize,
}

impl Statistics {
    /// The panels as a picture.
    pub fn figure(&self) -> Figure {
        let (panels, report, corpus) = (&self.panels, &self.report, self.corpus.as_str());
        figure::panels(PanelsFigure { panels, report, corpus, notes: &self.doubts() })
    }

    /// How alike all models rank, as a picture.
    pub fn agreement_figure(&self) -> Figure {
        let (matrix, words, prompts) = (&self.report.agreement_matrix, self.report.words, self.report.prompts.len());
        figure::agreement(AgreementFigure { matrix, words, prompts, corpus: &self.corpus, notes: &self.doubts() })
    }

    fn doubts(&self) -> Vec<String> {
        [self.report.warnings.clone(), self.progress.notes()].concat()
    }
}

/// Computes everything. Cost: that of [`report`](crate::stats::report::report).
pub fn compute(request: StatisticsRequest) -> Statistics {
    let StatisticsRequest { generation, universe, prompts, models, left_out, warnings } = request;
    let (study, progress) = study(&universe, &prompts, models);
    let mut report = crate::stats::report::report(&study, &crate::stats::options::ReportOptions::quick());
    report.warnings.splice(0..0, warnings);
    let panels = panels::panels(&report);
    let axis = RankAxis::around(&panels, report.words);
    let pairs = pairs(&report);
    Statistics { generation, corpus: universe.corpus.name.clone(), report, panels, axis, pairs, progress, left_out }
}

/// The complete columns of the list's words as a study, and how many of the wanted ones they are.
pub(in crate::app::views) fn study(
    universe: &Universe,
    prompts: &[(Prompt, bool)],
    models: Vec<StatisticsModel>,
) -> (Study, Progress) {
    let words = universe.listed();
    let mut progress = Progress::default();
    let mut used = vec![false; prompts.len()];
    let mut rows: Vec<Vec<Option<Vec<f64>>>> = Vec::new();
    for model in &models {
        let mut own = Vec::new();
        for (at, ((_, in_set), column)) in prompts.iter().zip(&model.columns).enumerate() {
            let scores: Vec<f64> =
                universe.ids[..words].iter().map(|id| column.get(id.0 as usize).copied().unwrap_or(f64::NAN)).collect();
            let known = scores.iter().filter(|score| !score.is_nan()).count();
            let complete = known > 0 && (model.recorded || known + model.unscorable.get(at).copied().unwrap_or(0) >= words);
            progress.columns_wanted += usize::from(if model.recorded { complete } else { *in_set || known > 0 });
            progress.columns += usize::from(complete);
            used[at] |= complete;
            own.push(complete.then_some(scores));
        }
        rows.push(own);
    }
    let asked = rows.iter().map(|own| own.iter().flatten().count()).filter(|&prompts| prompts > 0);
    progress.prompts_of_a_model = asked.map(|n| (n, n)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or_default();
    let kept = || used.iter().enumerate().filter(|(_, used)| **used).map(|(at, _)| at);
    let nothing = Arc::new(vec![f64::NAN; words]);
    let study_model = |(model, mut own): (StatisticsModel, Vec<Option<Vec<f64>>>)| StudyModel {
        name: model.name,
        family: model.family,
        scores: kept().map(|at| own[at].take().map_or_else(|| nothing.clone(), Arc::new)).collect(),
    };
    // In order of name, as the report lists them.
    let mut order: Vec<u16> = (0..universe.corpus.categories.len() as u16).collect();
    order.sort_by_key(|&i| &universe.corpus.categories[usize::from(i)]);
    let place = |category: u16| order.iter().position(|&i| i == category).map(|at| at as u16);
    let study_word = |word: &crate::corpus::Word| {
        let mut categories: Vec<u16> = word.categories.iter().filter_map(|&c| place(c)).collect();
        categories.sort_unstable();
        StudyWord { text: word.text.clone(), categories }
    };
    let study = Study {
        categories: order.iter().map(|&i| universe.corpus.categories[usize::from(i)].as_str().into()).collect(),
        words: universe.corpus.words.iter().map(study_word).collect(),
        prompts: kept().map(|at| StudyPrompt { label: prompts[at].0.label().into(), framing: prompts[at].0.framing }).collect(),
        models: models.into_iter().zip(rows).filter(|(_, own)| own.iter().any(Option::is_some)).map(study_model).collect(),
    };
    (study, progress)
}

/// Means over prompts, the most alike first.
fn pairs(report: &Report) -> Vec<ModelPair> {
    let mut pairs: Vec<ModelPair> = Vec::new();
    let mut sums: Vec<[(f64, usize); 3]> = Vec::new();
    for one in &report.agreement {
        let at = pairs.iter().position(|pair| pair.a == one.a && pair.b == one.b).unwrap_or_else(|| {
            let (a, b) = (one.a.clone(), one.b.clone());
            pairs.push(ModelPair { a, b, spearman: None, kendall: None, rbo: None, range: None, prompts: 0 });
            sums.push(Default::default());
            pairs.len() - 1
        });
        pairs[at].prompts += usize::from(one.spearman.is_some());
        for (sum, value) in sums[at].iter_mut().zip([one.spearman, one.kendall, one.rbo]) {
            if let Some(value) = value {
                *sum = (sum.0 + value, sum.1 + 1);
            }
        }
        if let Some(r) = one.spearman {
            pairs[at].range = Some(pairs[at].range.map_or((r, r), |(low, high)| (low.min(r), high.max(r))));
        }
    }
    for (pair, sums) in pairs.iter_mut().zip(sums) {
        let [spearman, kendall, rbo] = sums.map(|(sum, n)| (n > 0).then(|| sum / n as f64));
        *pair = ModelPair { spearman, kendall, rbo, ..pair.clone() };
    }
    pairs.sort_by(|a, b| b.spearman.unwrap_or(f64::NEG_INFINITY).total_cmp(&a.spearman.unwrap_or(f64::NEG_INFINITY)));
    pairs
}
