//! Every comparison of groups in a study: families against families and models against models, panel by panel.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::cells::PanelCells;
use super::contrast::{Comparison, EXACT_MODELS, TESTS, TESTS_OF_MODELS, WELCH, adjust};
use super::describe::Summary;
use super::options::{Progress, ReportOptions};
use super::placements::{FamilyPlacements, of_pair, placements};
use super::results::{Contrast, ModelContrast, UNIT_NOTE};
use super::study::Study;
use super::summary::known_families;
use super::word_draws::WordDraws;

/// Models are compared two by two up to this many: pairs grow with the square.
const MOST_MODELS_IN_PAIRS: usize = 4;

/// The contrasts of each two families.
#[derive(Clone, Debug, Default)]
pub struct FamilyContrasts {
    /// By pair of families, then panel.
    pub contrasts: Vec<Contrast>,
    /// The number of contrasts that can be tested at all, for which p-values are adjusted.
    pub adjusted_for: usize,
    /// What a reader should know of them, in sentences.
    pub notes: Vec<String>,
}

/// Two families in one panel.
struct Pair<'a> {
    families: [&'a Arc<str>; 2],
    panel: &'a PanelCells,
    placements: Option<[&'a FamilyPlacements; 2]>,
    /// `[models][cells]` of each family.
    models: [Vec<&'a [f64]>; 2],
}

/// Compares each two families of known name in every panel in which both have cells.
pub fn families(study: &Study, panels: &[PanelCells], options: &ReportOptions, progress: Progress) -> FamilyContrasts {
    let families = known_families(study);
    let placed = if families.len() < 2 { Vec::new() } else { placements(study, panels) };
    let mut pairs: Vec<Pair> = Vec::new();
    for (i, first) in families.iter().enumerate() {
        for second in &families[i + 1..] {
            let pair = |(at, panel)| {
                let models = [first, second].map(|family| PanelCells::of_family(panel, study, family));
                let placements = placed.get(at).and_then(|of: &Vec<_>| of_pair(of, &families, [first, second]));
                Pair { families: [first, second], panel, placements, models }
            };
            pairs.extend(panels.iter().enumerate().map(pair));
        }
    }
    pairs.retain(|pair| pair.models.iter().all(|models| !models.is_empty()));
    let draws = if pairs.is_empty() { None } else { WordDraws::new(study, panels, options, progress) };
    let done = AtomicUsize::new(0);
    let compare = |(number, pair): (usize, &Pair)| {
        let word_draws = draws.as_ref().map(|draws| draws.differences(pair.panel, pair.families));
        let contrast = contrast(pair, word_draws, options, number);
        progress("comparing families", done.fetch_add(1, Ordering::Relaxed) + 1, pairs.len());
        contrast
    };
    let mut contrasts: Vec<Contrast> = pairs.par_iter().enumerate().map(compare).collect();
    let tested = |contrast: &&Contrast| contrast.results.iter().any(|result| result.p().is_some());
    let adjusted_for = contrasts.iter().filter(tested).count();
    adjust(&mut contrasts.iter_mut().map(|contrast| &mut contrast.results).collect::<Vec<_>>(), adjusted_for);
    let notes = notes(study, &families, &contrasts);
    FamilyContrasts { contrasts, adjusted_for, notes }
}

fn contrast(pair: &Pair, word_draws: Option<Vec<f64>>, options: &ReportOptions, number: usize) -> Contrast {
    let comparison =
        Comparison { models: pair.models.clone(), word_draws, placements: pair.placements, options: *options, number };
    let cells = comparison.cells();
    let [first, second] = cells.each_ref().map(|cells| Summary::new(cells).map_or(f64::NAN, |of| of.mean));
    Contrast {
        category: pair.panel.category.clone(),
        framing: pair.panel.framing,
        families: pair.families.map(Arc::clone),
        n: cells.each_ref().map(Vec::len),
        models: pair.models.each_ref().map(Vec::len),
        difference: second - first,
        results: comparison.results(&TESTS),
    }
}

/// Contrasts of each two models where these are few: Welch by panel, with the false discovery rate over all of them (the
/// study's figure 2, which compares two base models).
pub fn models(study: &Study, panels: &[PanelCells]) -> Vec<ModelContrast> {
    let models = study.models.len();
    if models > MOST_MODELS_IN_PAIRS {
        return Vec::new();
    }
    let mut contrasts = Vec::new();
    for first in 0..models {
        for second in first + 1..models {
            for panel in panels {
                let cells = [&panel.models[first][..], &panel.models[second]];
                let [Some(a), Some(b)] = cells.map(Summary::new) else { continue };
                let options = ReportOptions::quick();
                let models_of = cells.map(|cells| vec![cells]);
                let comparison = Comparison { models: models_of, word_draws: None, placements: None, options, number: 0 };
                contrasts.push(ModelContrast {
                    models: [study.models[first].name.clone(), study.models[second].name.clone()],
                    category: panel.category.clone(),
                    framing: panel.framing,
                    n: [a.n, b.n],
                    difference: b.mean - a.mean,
                    results: comparison.results(&TESTS_OF_MODELS),
                });
            }
        }
    }
    let tested = contrasts.iter().filter(|contrast| contrast.result(&WELCH).is_some()).count();
    adjust(&mut contrasts.iter_mut().map(|contrast| &mut contrast.results).collect::<Vec<_>>(), tested);
    contrasts
}

fn notes(study: &Study, families: &[Arc<str>], contrasts: &[Contrast]) -> Vec<String> {
    let mut notes = Vec::new();
    if families.len() < 2 {
        let known = if families.is_empty() { "no family is" } else { "one family alone is" };
        notes.push(format!("{known} known: nothing to compare families with"));
    }
    if families.len() > 2 {
        notes.push(format!("{} families: p-values are adjusted over all {} contrasts of two", families.len(), contrasts.len()));
    }
    if contrasts.iter().any(|contrast| contrast.result(&EXACT_MODELS).is_some()) {
        notes.push(UNIT_NOTE.to_owned());
    }
    let single = families.iter().filter(|family| study.models.iter().filter(|model| model.family == **family).count() == 1);
    let single: Vec<&str> = single.map(|family| &**family).collect();
    if !single.is_empty() && !contrasts.is_empty() {
        let names = single.join(", ");
        notes.push(format!(
            "one model stands for {names}: a test with models as the unit needs two of each family, and tests over its prompts \
             speak of that model, not of its family"
        ));
    }
    if contrasts.iter().any(|contrast| contrast.result(&EXACT_MODELS).is_some_and(|exact| exact.is_sampled())) {
        notes.push("the exact test has too many ways to label the models: random ones stand for them (sampled)".to_owned());
    }
    notes
}
