//! Every statistic of a study in one report, in the shape that becomes JSON.

use super::cells::{self, PanelCells};
use super::common::CommonWords;
use super::compare::FamilyContrasts;
use super::study::Study;
use super::{agreement, anova, compare, framing_sums, mixed, moments, summary};
use crate::options::{Progress, ReportOptions};
use crate::results::{AgreementMatrix, DividingWords, ModelFamily, Report};
use rewardscope_base::terms::Framing;

/// Computes every statistic of a study, over the words that all its models have. Where these are too few, a
/// report says so and has no numbers.
pub fn report(study: &Study, options: &ReportOptions) -> Report {
    report_with(study, options, &|_, _, _| {})
}

/// As [`report`]; `progress` hears what is being done, how much of it is done, and of how much. It is called from many
/// threads.
pub fn report_with(study: &Study, options: &ReportOptions, progress: Progress) -> Report {
    let (common_words, partial) = (CommonWords::count(study), cells::partial_columns(study));
    let name = |model: &super::study::StudyModel| ModelFamily { model: model.name.clone(), family: model.family.clone() };
    let known = Report {
        words: common_words.words,
        models: study.models.iter().map(name).collect(),
        prompts: study.prompts.iter().map(|prompt| prompt.label.clone()).collect(),
        warnings: common_words.in_sentences().into_iter().collect(),
        ..Report::default()
    };
    let missing = cells::notes(study, &partial);
    if common_words.are_too_few() {
        return Report { common_words, partial, notes: missing, ..known };
    }
    let study = &study.clone().of_common_words();
    let indexed = cells::indexed(study);
    let panels: Vec<PanelCells> = cells::panels_of(study, &indexed);
    let FamilyContrasts { contrasts, adjusted_for, mut notes } = compare::families(study, &panels, options, progress);
    let (mixed_model, mixed_model_note) = match mixed::mixed_model(study, &panels) {
        Ok(model) => (Some(model), None),
        Err(reason) => (None, Some(reason)),
    };
    let (anova, anova_note) = match anova::anova(study, &panels) {
        Ok(anova) => (Some(anova), None),
        Err(reason) => (None, Some(reason)),
    };
    notes.extend(missing);
    let agreement = agreement::agreements(study);
    Report {
        common_words,
        cells: cells::named(study, &indexed),
        models_summary: summary::of_models(study, &panels),
        scores_summary: cells::scores_summary(study, &indexed),
        families: summary::of_families(study, &panels),
        contrasts,
        adjusted_for,
        mixed_model,
        mixed_model_note,
        anova,
        anova_note,
        model_contrasts: compare::models(study, &panels),
        agreement_matrix: AgreementMatrix::new(&known.models, &agreement),
        agreement,
        framings: agreement::framings(study),
        dividing: dividing(study),
        moments: moments::moments(study),
        framing_sums: framing_sums::framing_sums(study),
        partial,
        notes,
        ..known
    }
}

/// Words named as dividing, for each two families and framing.
const DIVIDING: usize = 20;

/// The words that divide each two known families most, by framing.
fn dividing(study: &Study) -> Vec<DividingWords> {
    let families = summary::known_families(study);
    let pairs = families.iter().enumerate().flat_map(|(i, a)| families[i + 1..].iter().map(move |b| [&**a, &**b]));
    let mut found = Vec::new();
    for of in pairs {
        for framing in [Framing::Positive, Framing::Negative] {
            let mut words = agreement::dividing(study, of, Some(framing));
            words.truncate(DIVIDING);
            if !words.is_empty() {
                found.push(DividingWords { families: of.map(str::to_owned), framing, words });
            }
        }
    }
    found
}
