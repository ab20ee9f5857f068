//! Every comparison of groups in a study: families against families and models against models, panel by panel.

use std::sync::Arc;

use rayon::prelude::*;

use super::bootstrap;
use super::cells::Panel;
use super::contrast::{WelchTest, benjamini_hochberg, bonferroni, welch};
use super::exact::{MOST_SPLITS, exact_models};
use super::options::{Progress, ReportOptions};
use super::permutation::permutation_p;
use super::results::{AdjustedFor, Contrast, ModelContrast, Permutation, UNIT_NOTE, Welch};
use super::study::Study;
use super::summary::{Summary, UNKNOWN_FAMILY, known_families};

/// Models are compared two by two up to this many: pairs grow with the square.
const MOST_MODELS_IN_PAIRS: usize = 4;

/// Contrasts of each two families, by pair and panel, for how many tests they are adjusted, and what a reader should know of
/// them.
pub fn families(
    study: &Study,
    panels: &[Panel],
    options: &ReportOptions,
    progress: Progress,
) -> (Vec<Contrast>, AdjustedFor, Vec<String>) {
    let families = known_families(study);
    let mut tests: Vec<(&Arc<str>, &Arc<str>, &Panel)> = Vec::new();
    for (i, first) in families.iter().enumerate() {
        for second in &families[i + 1..] {
            tests.extend(panels.iter().map(|panel| (first, second, panel)));
        }
    }
    tests.retain(|(a, b, panel)| !panel.of_family(study, a).is_empty() && !panel.of_family(study, b).is_empty());
    let intervals = bootstrap::intervals(study, panels, &tests, options, progress);
    let done = std::sync::atomic::AtomicUsize::new(0);
    let compare = |(at, (first, second, panel)): (usize, &(&Arc<str>, &Arc<str>, &Panel))| {
        let contrast = one(study, panel, [first, second], options, at);
        let done = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        progress("comparing families", done, tests.len());
        contrast
    };
    let (welch, mut contrasts): (Vec<Option<WelchTest>>, Vec<Contrast>) = tests.par_iter().enumerate().map(compare).unzip();
    let adjusted = adjusted(&welch);
    let tested = adjusted.iter().flatten().count();
    let adjusted_for = AdjustedFor { welch: tested, permutation: tested, exact_models: tested };
    for ((contrast, welch), interval) in contrasts.iter_mut().zip(adjusted).zip(intervals) {
        contrast.welch = welch;
        contrast.bootstrap = interval;
        if let Some(permutation) = &mut contrast.permutation {
            permutation.p_bonferroni = bonferroni(permutation.p, adjusted_for.permutation);
        }
        if let Some(exact) = &mut contrast.exact_models {
            exact.p_bonferroni = bonferroni(exact.p, adjusted_for.exact_models);
        }
    }
    let notes = notes(study, &families, &contrasts);
    (contrasts, adjusted_for, notes)
}

fn one(
    study: &Study,
    panel: &Panel,
    [first, second]: [&Arc<str>; 2],
    options: &ReportOptions,
    at: usize,
) -> (Option<WelchTest>, Contrast) {
    let groups = [panel.of_family(study, first), panel.of_family(study, second)];
    let [a, b] = [groups[0].concat(), groups[1].concat()];
    let means =
        groups.each_ref().map(|models| models.iter().filter_map(|cells| Some(Summary::of(cells)?.mean)).collect::<Vec<_>>());
    let mean = |cells: &[f64]| Summary::of(cells).map_or(f64::NAN, |of| of.mean);
    let ReportOptions { replicates, seed, .. } = *options;
    let p = if replicates > 0 { permutation_p(&a, &b, replicates, seed, at) } else { None };
    let contrast = Contrast {
        category: panel.category.clone(),
        framing: panel.framing,
        families: [first.clone(), second.clone()],
        n: [a.len(), b.len()],
        models: [groups[0].len(), groups[1].len()],
        difference: mean(&b) - mean(&a),
        welch: None,
        permutation: p.map(|p| Permutation { replicates, seed, p, p_bonferroni: p }),
        exact_models: exact_models(&means[0], &means[1], seed, at, MOST_SPLITS),
        bootstrap: None,
    };
    (welch(&a, &b), contrast)
}

/// Each test with its p-values for as many tests as there are.
fn adjusted(tests: &[Option<WelchTest>]) -> Vec<Option<Welch>> {
    let p: Vec<f64> = tests.iter().flatten().map(|test| test.p).collect();
    let mut fdr = benjamini_hochberg(&p).into_iter();
    let of = |test: &WelchTest| Welch {
        t: test.t,
        df: test.df,
        p: test.p,
        p_bonferroni: bonferroni(test.p, p.len()),
        p_fdr: fdr.next().unwrap_or(f64::NAN),
    };
    let mut of = of;
    tests.iter().map(|test| test.as_ref().map(&mut of)).collect()
}

/// Contrasts of each two models where these are few: Welch by panel, with the false discovery rate over all of them (the
/// study's figure 2, which compares two base models).
pub fn models(study: &Study, panels: &[Panel]) -> Vec<ModelContrast> {
    let models = study.models.len();
    if models > MOST_MODELS_IN_PAIRS {
        return Vec::new();
    }
    let (mut tests, mut contrasts) = (Vec::new(), Vec::new());
    for first in 0..models {
        for second in first + 1..models {
            for panel in panels {
                let (a, b) = (&panel.models[first], &panel.models[second]);
                let (Some(of_a), Some(of_b)) = (Summary::of(a), Summary::of(b)) else { continue };
                tests.push(welch(a, b));
                contrasts.push(ModelContrast {
                    models: [study.models[first].name.clone(), study.models[second].name.clone()],
                    category: panel.category.clone(),
                    framing: panel.framing,
                    n: [a.len(), b.len()],
                    difference: of_b.mean - of_a.mean,
                    welch: None,
                });
            }
        }
    }
    for (contrast, welch) in contrasts.iter_mut().zip(adjusted(&tests)) {
        contrast.welch = welch;
    }
    contrasts
}

fn notes(study: &Study, families: &[Arc<str>], contrasts: &[Contrast]) -> Vec<String> {
    let mut notes = Vec::new();
    let unknown = study.models.iter().filter(|model| &*model.family == UNKNOWN_FAMILY).map(|model| &*model.name);
    let unknown: Vec<&str> = unknown.collect();
    if !unknown.is_empty() {
        let names = unknown.join(", ");
        notes.push(format!(
            "the family of {names} is not known, so no comparison of families counts it: give --family MODEL=NAME"
        ));
    }
    if families.len() < 2 {
        notes.push(format!("{} known: nothing to compare families with", text_of(families.len())));
    }
    if families.len() > 2 {
        notes.push(format!("{} families: p-values are adjusted over all {} contrasts of two", families.len(), contrasts.len()));
    }
    if contrasts.iter().any(|contrast| contrast.exact_models.is_some()) {
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
    if contrasts.iter().any(|contrast| contrast.exact_models.is_some_and(|exact| exact.sampled)) {
        notes.push("the exact test has too many ways to label the models: random ones stand for them (sampled)".to_owned());
    }
    notes
}

fn text_of(families: usize) -> &'static str {
    if families == 0 { "no family is" } else { "one family alone is" }
}
