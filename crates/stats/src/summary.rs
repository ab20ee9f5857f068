//! Mean, standard deviation and standard error of cells: a model's and a family's, by category and framing.

use std::sync::Arc;

use super::cells::PanelCells;
use super::describe::Summary;
use super::results::{FamilySummary, ModelSummary, UNKNOWN_FAMILY};
use super::study::Study;

/// Every family of a study, in alphabetical order.
pub fn families(study: &Study) -> Vec<Arc<str>> {
    let mut families: Vec<Arc<str>> = study.models.iter().map(|model| model.family.clone()).collect();
    families.sort();
    families.dedup();
    families
}

/// Families that can be compared: all but [`UNKNOWN_FAMILY`].
pub fn known_families(study: &Study) -> Vec<Arc<str>> {
    families(study).into_iter().filter(|family| &**family != UNKNOWN_FAMILY).collect()
}

/// By model, then panel.
pub fn of_models(study: &Study, panels: &[PanelCells]) -> Vec<ModelSummary> {
    let of = |(model, panel): (usize, &PanelCells)| {
        let Summary { n, mean, sd, se } = Summary::new(panel.models.get(model)?)?;
        let (model, category) = (study.models[model].name.clone(), panel.category.clone());
        Some(ModelSummary { model, category, framing: panel.framing, n, mean, sd, se })
    };
    (0..study.models.len()).flat_map(|model| panels.iter().map(move |panel| (model, panel))).filter_map(of).collect()
}

/// By family, then panel; over all cells of the family's models.
pub fn of_families(study: &Study, panels: &[PanelCells]) -> Vec<FamilySummary> {
    let mut summaries = Vec::new();
    for family in families(study) {
        for panel in panels {
            let cells = panel.of_family(study, &family).concat();
            let Some(Summary { n, mean, sd, se }) = Summary::new(&cells) else { continue };
            let (family, category) = (family.clone(), panel.category.clone());
            summaries.push(FamilySummary { family, category, framing: panel.framing, n, mean, sd, se });
        }
    }
    summaries
}

impl PanelCells {
    /// The cells of a family's models, model by model; models without a cell here are left out.
    pub fn of_family(&self, study: &Study, family: &str) -> Vec<&[f64]> {
        let of = study.models.iter().zip(&self.models).filter(|(model, cells)| &*model.family == family && !cells.is_empty());
        of.map(|(_, cells)| cells.as_slice()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::tests::{panel, study};
    use rewardscope_base::terms::Framing;

    #[test]
    fn a_family_is_summarised_over_the_cells_of_its_models() {
        let models: [(&str, &str, &[&[f64]]); 4] =
            [("a", "G", &[]), ("b", "L", &[]), ("c", "G", &[]), ("d", UNKNOWN_FAMILY, &[])];
        let study = study(&[], &[], &models);
        let panels = [panel("A", Framing::Negative, &[&[1.0, 3.0], &[4.0], &[5.0], &[]])];
        let of_families = of_families(&study, &panels);
        assert_eq!(of_families.len(), 2, "a family without cells has no summary");
        let gemma = &of_families[0];
        assert_eq!((&*gemma.family, gemma.n, gemma.mean, gemma.sd), ("G", 3, 3.0, 2.0));
        assert!((gemma.se - 2.0 / 3.0f64.sqrt()).abs() < 1e-15);
        assert!(of_families[1].n == 1 && of_families[1].sd.is_nan(), "one cell has no spread");
        let names: Vec<_> = of_models(&study, &panels).iter().map(|m| (m.model.to_string(), m.n, m.mean)).collect();
        assert_eq!(names, [("a".to_owned(), 2, 2.0), ("b".to_owned(), 1, 4.0), ("c".to_owned(), 1, 5.0)]);
        assert_eq!(known_families(&study), ["G".into(), "L".into()]);
    }
}
