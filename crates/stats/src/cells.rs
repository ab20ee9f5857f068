//! Cells: the median rank of a category's words within model and prompt (paper, section 3), the unit of everything after.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::describe::{mean_sd, min_max};
use super::ranks;
use super::results::{Cell, PartialColumn, ScoreSummary};
use super::study::Study;
use rewardscope_base::terms::Framing;
use rewardscope_base::text::counted;

/// A cell by its indices into the study, so that names need not be compared.
#[derive(Clone, Copy, Debug)]
pub(super) struct IndexedCell {
    pub model: usize,
    pub prompt: usize,
    pub category: usize,
    /// Words of the category that have a rank.
    pub words: usize,
    pub median: f64,
    /// Mean over the words of `(score - min) / (max - min)`, and of `(score - mean) / sd`, both within model and prompt.
    pub min_max: f64,
    pub z: f64,
}

/// Cells of one category and framing, by model.
#[derive(Clone, Debug)]
pub struct PanelCells {
    /// The category's name.
    pub category: Arc<str>,
    /// The framing of its prompts.
    pub framing: Framing,
    /// `[models of the study][prompts of that framing]`, without those that have no score.
    pub models: Vec<Vec<f64>>,
}

/// Every cell that has a rank: by model, then prompt, then category. Ranks run over the words that have a score there, so
/// a column with gaps has cells of its own scale: who compares takes [`Study::of_common_words`] first.
pub fn cells(study: &Study) -> Vec<Cell> {
    named(study, &indexed(study))
}

pub(super) fn named(study: &Study, cells: &[IndexedCell]) -> Vec<Cell> {
    let name = |at: &IndexedCell| {
        let (model, prompt) = (&study.models[at.model], &study.prompts[at.prompt]);
        Cell {
            model: model.name.clone(),
            family: model.family.clone(),
            category: study.categories[at.category].clone(),
            prompt: prompt.label.clone(),
            framing: prompt.framing,
            words: at.words,
            median_rank: at.median,
        }
    };
    cells.iter().map(name).collect()
}

pub(super) fn indexed(study: &Study) -> Vec<IndexedCell> {
    let members = members(study);
    let columns: Vec<(usize, usize)> =
        (0..study.models.len()).flat_map(|model| (0..study.prompts.len()).map(move |prompt| (model, prompt))).collect();
    let of_column = |&(model, prompt): &(usize, usize)| column(study, &members, model, prompt);
    columns.par_iter().map(of_column).collect::<Vec<_>>().concat()
}

fn column(study: &Study, members: &[Vec<u32>], model: usize, prompt: usize) -> Vec<IndexedCell> {
    let Some(scores) = study.models[model].scores.get(prompt) else { return Vec::new() };
    let (ranks, normalised) = (ranks(scores), min_max(scores));
    let (mean, sd) = mean_sd(scores).unwrap_or((f64::NAN, 0.0));
    let mut of_category: Vec<f64> = Vec::new();
    let mut cells = Vec::with_capacity(members.len());
    for (category, words) in members.iter().enumerate() {
        let ranked = || words.iter().map(|&word| word as usize).filter(|&word| ranks.get(word).is_some_and(|r| !r.is_nan()));
        of_category.clear();
        of_category.extend(ranked().map(|word| ranks[word]));
        let n = of_category.len();
        let Some(median) = median_in_place(&mut of_category) else { continue };
        let z = |word: usize| if sd > 0.0 { (scores[word] - mean) / sd } else { 0.0 };
        cells.push(IndexedCell {
            model,
            prompt,
            category,
            words: n,
            median,
            min_max: ranked().map(|word| normalised[word]).sum::<f64>() / n as f64,
            z: ranked().map(z).sum::<f64>() / n as f64,
        });
    }
    cells
}

/// Indices of each category's words.
pub(super) fn members(study: &Study) -> Vec<Vec<u32>> {
    let mut members = vec![Vec::new(); study.categories.len()];
    for (i, word) in study.words.iter().enumerate() {
        for &category in &word.categories {
            if let Some(members) = members.get_mut(usize::from(category)) {
                members.push(i as u32);
            }
        }
    }
    members
}

/// The median without a full sort; none of an empty set. Holds no NaN; leaves the values in another order.
fn median_in_place(values: &mut [f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let (n, half) = (values.len(), values.len() / 2);
    let (below, &mut middle, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    let beside = if n % 2 == 1 { middle } else { below.iter().copied().fold(f64::NEG_INFINITY, f64::max) };
    Some((beside + middle) / 2.0)
}

/// Panels of a study in order of category, positive before negative; those without a cell are left out.
pub fn panels(study: &Study) -> Vec<PanelCells> {
    panels_of(study, &indexed(study))
}

pub(super) fn panels_of(study: &Study, cells: &[IndexedCell]) -> Vec<PanelCells> {
    let mut panels: BTreeMap<(usize, Framing), Vec<Vec<f64>>> = BTreeMap::new();
    for cell in cells {
        let Some(framing) = study.prompts[cell.prompt].framing else { continue };
        let models = panels.entry((cell.category, framing)).or_insert_with(|| vec![Vec::new(); study.models.len()]);
        models[cell.model].push(cell.median);
    }
    let named = |((category, framing), models): ((usize, Framing), _)| PanelCells {
        category: study.categories[category].clone(),
        framing,
        models,
    };
    panels.into_iter().map(named).collect()
}

/// Normalised scores by model, then panel.
pub(super) fn scores_summary(study: &Study, cells: &[IndexedCell]) -> Vec<ScoreSummary> {
    let mut sums: BTreeMap<(usize, usize, Framing), (usize, f64, f64)> = BTreeMap::new();
    for cell in cells {
        let Some(framing) = study.prompts[cell.prompt].framing else { continue };
        let (n, min_max, z) = sums.entry((cell.model, cell.category, framing)).or_default();
        (*n, *min_max, *z) = (*n + 1, *min_max + cell.min_max, *z + cell.z);
    }
    let mean = |((model, category, framing), (n, min_max, z)): ((usize, usize, Framing), (usize, f64, f64))| ScoreSummary {
        model: study.models[model].name.clone(),
        category: study.categories[category].clone(),
        framing,
        n,
        min_max: min_max / n as f64,
        z: z / n as f64,
    };
    sums.into_iter().map(mean).collect()
}

/// Columns in which some word of the study has no score, those without any score included.
pub fn partial_columns(study: &Study) -> Vec<PartialColumn> {
    let of = study.words.len();
    let mut partial = Vec::new();
    for model in &study.models {
        for (at, prompt) in study.prompts.iter().enumerate() {
            let words = model.scores.get(at).map_or(0, |scores| scores.iter().take(of).filter(|s| !s.is_nan()).count());
            if words < of {
                partial.push(PartialColumn { model: model.name.clone(), prompt: prompt.label.clone(), words, of });
            }
        }
    }
    partial
}

/// What a reader should know of missing scores and of prompts that take part in no comparison.
pub(super) fn notes(study: &Study, partial: &[PartialColumn]) -> Vec<String> {
    let mut notes = Vec::new();
    for model in &study.models {
        let of_model: Vec<&PartialColumn> = partial.iter().filter(|column| column.model == model.name).collect();
        let (empty, gaps): (Vec<_>, Vec<_>) = of_model.into_iter().partition(|column| column.words == 0);
        if let Some(column) = gaps.iter().min_by_key(|column| column.words) {
            let (n, of) = (counted(study.prompts.len(), "prompt"), column.of);
            notes.push(format!(
                "{}: partial under {} of {n}; the fewest, {} of {of} words, have a score under {}",
                model.name,
                gaps.len(),
                column.words,
                column.prompt
            ));
        }
        if !empty.is_empty() {
            notes.push(format!("{}: no score under {} of {}", model.name, empty.len(), counted(study.prompts.len(), "prompt")));
        }
    }
    notes.extend(unframed(study));
    notes
}

/// Labels of prompts that a note names.
const NAMED: usize = 6;

fn unframed(study: &Study) -> Option<String> {
    let labels: Vec<&str> = study.prompts.iter().filter(|prompt| prompt.framing.is_none()).map(|prompt| &*prompt.label).collect();
    let more = if labels.len() > NAMED { ", …" } else { "" };
    let named = format!("{}{more}", labels[..labels.len().min(NAMED)].join(", "));
    match labels.len() {
        0 => None,
        n if n == study.prompts.len() => Some(format!(
            "the framing of no prompt is known ({named}): there are cells and the agreement of models, and no comparison of \
             families"
        )),
        1 => Some(format!("the framing of one prompt is not known ({named}): it has cells and takes part in nothing else")),
        n => Some(format!("the framing of {n} prompts is not known ({named}): they have cells and take part in nothing else")),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::study::{StudyModel, StudyPrompt, StudyWord};

    /// Families and models with one cell value for each panel and prompt, for the tests of what is computed from cells.
    pub fn panel(category: &str, framing: Framing, models: &[&[f64]]) -> PanelCells {
        PanelCells { category: category.into(), framing, models: models.iter().map(|cells| cells.to_vec()).collect() }
    }

    pub fn study(words: &[(&str, &[u16])], prompts: &[(&str, Option<Framing>)], models: &[(&str, &str, &[&[f64]])]) -> Study {
        let categories = words.iter().flat_map(|(_, of)| of.iter()).max().map_or(0, |most| most + 1);
        Study {
            categories: (0..categories).map(|c| char::from(b'A' + c as u8).to_string().into()).collect(),
            words: words.iter().map(|(text, of)| StudyWord { text: (*text).into(), categories: of.to_vec() }).collect(),
            prompts: prompts.iter().map(|(label, framing)| StudyPrompt { label: (*label).into(), framing: *framing }).collect(),
            models: models
                .iter()
                .map(|(name, family, scores)| StudyModel {
                    name: (*name).into(),
                    family: (*family).into(),
                    scores: scores.iter().map(|column| Arc::new(column.to_vec())).collect(),
                })
                .collect(),
        }
    }

    const NAN: f64 = f64::NAN;

    #[test]
    fn a_cell_is_the_median_of_ranks_over_all_words_of_the_study() {
        // Ranks 1, 2.5, 2.5, 4, 5: the word of no category takes a place; the word of both counts in both.
        let words = [("a", &[0][..]), ("b", &[0, 1]), ("none", &[]), ("c", &[1]), ("d", &[0])];
        let study = study(&words, &[("p", Some(Framing::Positive))], &[("m", "F", &[&[9.0, 5.0, 5.0, 2.0, 1.0]])]);
        let found: Vec<(usize, f64)> = cells(&study).iter().map(|cell| (cell.words, cell.median_rank)).collect();
        assert_eq!(found, [(3, 2.5), (2, 3.25)]);
        let cell = &scores_summary(&study, &indexed(&study))[1];
        assert!((cell.min_max - (4.0 / 8.0 + 1.0 / 8.0) / 2.0).abs() < 1e-12, "{}", cell.min_max);
        let sd = (((9.0f64 - 4.4).powi(2) + 2.0 * 0.6f64.powi(2) + 2.4f64.powi(2) + 3.4f64.powi(2)) / 4.0).sqrt();
        assert!((cell.z - (0.6 - 2.4) / 2.0 / sd).abs() < 1e-12, "{}", cell.z);
    }

    #[test]
    fn a_word_without_a_score_takes_no_place_and_is_counted_as_missing() {
        let words = [("a", &[0][..]), ("b", &[0]), ("c", &[0])];
        let prompts = [("p", Some(Framing::Positive)), ("q", None), ("r", Some(Framing::Negative))];
        let study = study(&words, &prompts, &[("m", "F", &[&[1.0, NAN, 3.0], &[1.0, 2.0, 3.0], &[NAN, NAN, NAN]])]);
        let found: Vec<_> = cells(&study).iter().map(|cell| (cell.prompt.to_string(), cell.words, cell.median_rank)).collect();
        assert_eq!(found, [("p".to_owned(), 2, 1.5), ("q".to_owned(), 3, 2.0)]);
        let partial: Vec<_> = partial_columns(&study).iter().map(|p| (p.prompt.to_string(), p.words, p.of)).collect();
        assert_eq!(partial, [("p".to_owned(), 2, 3), ("r".to_owned(), 0, 3)]);
        let panels = panels(&study);
        assert_eq!(panels.len(), 1, "a prompt of no known framing is in no panel");
        assert_eq!(panels[0].models, [[1.5]]);
        let told = notes(&study, &[]).concat();
        assert!(told.contains("framing of one prompt") && told.contains("(q)") && told.contains("nothing else"), "{told}");
    }

    #[test]
    fn a_category_of_equally_liked_words_lies_at_exactly_the_mean() {
        let words: Vec<(&str, &[u16])> = vec![("w", &[0]); 10];
        let study = study(&words, &[("p", Some(Framing::Positive))], &[("m", "F", &[&[0.1; 10]])]);
        let cell = indexed(&study)[0];
        assert_eq!((cell.z, cell.min_max, cell.median), (0.0, 0.5, 5.5));
    }

    #[test]
    fn medians_need_no_sort() {
        for (mut values, expected) in [
            (vec![], None),
            (vec![3.0], Some(3.0)),
            (vec![5.0, 1.0], Some(3.0)),
            (vec![5.0, 1.0, 4.0], Some(4.0)),
            (vec![4.0, 4.0, 1.0, 9.0, 2.0, 3.5], Some(3.75)),
        ] {
            assert_eq!(median_in_place(&mut values), expected);
        }
    }
}
