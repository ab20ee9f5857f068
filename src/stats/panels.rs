//! A report as a picture needs it: one panel a category and framing, with the cells of each family and of each model; and
//! how a test is said in few signs.

use std::sync::Arc;

use super::mean_sd;
use super::report::{Contrast, Report};
use crate::corpus::Framing;

/// One category under one framing.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    pub category: Arc<str>,
    pub framing: Framing,
    /// One a family, by name.
    pub families: Vec<Group>,
    /// One a model, as the report lists them.
    pub models: Vec<Group>,
    pub contrast: Option<Contrast>,
}

/// Cells that stand together, with their mean and its standard error.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub name: Arc<str>,
    pub family: Arc<str>,
    /// Median ranks.
    pub values: Vec<f64>,
    pub mean: f64,
    /// With n - 1; 0 for one cell.
    pub sd: f64,
    /// `sd / √n`; 0 for one cell, of which it says nothing.
    pub se: f64,
}

impl Group {
    fn new(name: &Arc<str>, family: &Arc<str>, values: Vec<f64>) -> Option<Group> {
        let (mean, sd) = mean_sd(&values)?;
        let se = sd / (values.len() as f64).sqrt();
        Some(Group { name: name.clone(), family: family.clone(), values, mean, sd, se })
    }

    pub fn n(&self) -> usize {
        self.values.len()
    }
}

/// Every panel that has cells: categories by name, positive before negative. Cells of prompts without a framing belong to
/// none.
pub fn panels(report: &Report) -> Vec<Panel> {
    let mut categories: Vec<&Arc<str>> = report.cells.iter().map(|cell| &cell.category).collect();
    let mut families: Vec<&Arc<str>> = report.models.iter().map(|model| &model.family).collect();
    for names in [&mut categories, &mut families] {
        names.sort_unstable();
        names.dedup();
    }
    let mut panels = Vec::new();
    for category in categories {
        for framing in [Framing::Positive, Framing::Negative] {
            let here: Vec<_> =
                report.cells.iter().filter(|cell| cell.category == *category && cell.framing == Some(framing)).collect();
            if here.is_empty() {
                continue;
            }
            let of_family = |family: &&Arc<str>| {
                Group::new(family, family, here.iter().filter(|c| c.family == **family).map(|c| c.median_rank).collect())
            };
            let of_model = |model: &super::report::ModelFamily| {
                let own = here.iter().filter(|c| c.model == model.model).map(|c| c.median_rank);
                Group::new(&model.model, &model.family, own.collect())
            };
            panels.push(Panel {
                category: category.clone(),
                framing,
                families: families.iter().filter_map(of_family).collect(),
                models: report.models.iter().filter_map(of_model).collect(),
                contrast: report.contrasts.iter().find(|c| c.category == *category && c.framing == framing).cloned(),
            });
        }
    }
    panels
}

/// The range of median ranks that all panels share, with round ends, and the rank that chance gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RankAxis {
    pub low: f64,
    pub high: f64,
    /// `(words + 1) / 2`: the median rank of words drawn at random.
    pub chance: f64,
}

impl RankAxis {
    /// Around all cells and the rank of chance, at least a twentieth of the ranks wide.
    pub fn of(panels: &[Panel], words: usize) -> RankAxis {
        let chance = (words as f64 + 1.0) / 2.0;
        let values = || panels.iter().flat_map(|p| &p.families).flat_map(|group| group.values.iter().copied());
        let low = values().fold(chance, f64::min);
        let high = values().fold(chance, f64::max);
        let pad = ((high - low) * 0.04).max(words as f64 / 40.0);
        RankAxis { low: (low - pad).floor().max(1.0), high: (high + pad).ceil().min(words.max(2) as f64), chance }
    }

    /// The place of a rank, 0 at the low end and 1 at the high end.
    pub fn position(&self, rank: f64) -> f64 {
        if self.high > self.low { ((rank - self.low) / (self.high - self.low)).clamp(0.0, 1.0) } else { 0.5 }
    }
}

/// In plain words, why the test over cells and the exact test over models say different things; none where there are not
/// both. `cells` is how many cells the panel has.
pub fn why_they_differ(contrast: &Contrast, cells: usize, models: usize) -> Option<String> {
    let (welch, exact) = (contrast.welch?, contrast.exact_models?);
    let verdict = match (welch.p_bonferroni < 0.05, exact.p < 0.05) {
        (true, true) => "Here both reach .05.",
        (true, false) => "Here only Welch reaches .05: too few models differ too little to speak of families.",
        (false, true) => "Here only the exact test reaches .05.",
        (false, false) => "Here neither reaches .05.",
    };
    Some(format!(
        "Welch takes all {cells} cells as independent; prompts put to one model are not, they repeat its taste. The exact test \
         takes the {models} models as the unit, in all {} ways to label the families. {verdict}",
        exact.splits
    ))
}

/// `***` below .001, `**` below .01, `*` below .05, else `n.s.`. Whoever writes it names the test beside it.
pub fn stars(p: f64) -> &'static str {
    match p {
        p if p < 0.001 => "***",
        p if p < 0.01 => "**",
        p if p < 0.05 => "*",
        _ => "n.s.",
    }
}

/// A p-value in at most five signs: `.042`, `3e-5`, `1`.
pub fn p_text(p: f64) -> String {
    match p {
        p if p.is_nan() => "?".to_owned(),
        p if p >= 0.9995 => "1".to_owned(),
        p if p >= 0.001 => format!("{p:.3}").trim_start_matches('0').to_owned(),
        p if p > 0.0 => format!("{p:.0e}"),
        _ => "0".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::report::{Cell, ModelFamily};

    fn report() -> Report {
        let mut report = Report { words: 27, ..Report::default() };
        for (model, family, base) in [("b", "Llama", 10.0), ("a", "Gemma", 20.0), ("c", "Llama", 12.0)] {
            report.models.push(ModelFamily { model: model.into(), family: family.into() });
            for (prompt, framing) in [("p", Some(Framing::Positive)), ("q", Some(Framing::Positive)), ("own", None)] {
                let median_rank = base + f64::from(u8::from(prompt == "q"));
                let (model, family, prompt) = (model.into(), family.into(), prompt.into());
                report.cells.push(Cell { model, family, category: "agency".into(), prompt, framing, words: 14, median_rank });
            }
        }
        report
    }

    #[test]
    fn panels_hold_the_cells_of_families_by_name_and_of_models_as_given() {
        let panels = panels(&report());
        assert_eq!(panels.len(), 1, "no panel without cells, and none for prompts of no framing");
        let panel = &panels[0];
        let families: Vec<_> = panel.families.iter().map(|g| (&*g.name, g.values.clone())).collect();
        assert_eq!(families, [("Gemma", vec![20.0, 21.0]), ("Llama", vec![10.0, 11.0, 12.0, 13.0])]);
        let llama = &panel.families[1];
        assert_eq!((llama.n(), llama.mean), (4, 11.5));
        assert!((llama.se - (5.0f64 / 3.0).sqrt() / 2.0).abs() < 1e-12);
        assert_eq!(panel.models.iter().map(|g| &*g.name).collect::<Vec<_>>(), ["b", "a", "c"]);
    }

    #[test]
    fn the_axis_holds_every_cell_and_chance() {
        let axis = RankAxis::of(&panels(&report()), 27);
        assert_eq!(axis.chance, 14.0);
        assert!(axis.low <= 10.0 && axis.high >= 21.0 && axis.low >= 1.0 && axis.high <= 27.0, "{axis:?}");
        assert_eq!(RankAxis::of(&[], 0).position(3.0), RankAxis::of(&[], 0).position(3.0).clamp(0.0, 1.0));
    }

    #[test]
    fn p_values_are_short_and_stars_follow_the_usual_limits() {
        let shown = [1.0, 0.9999, 0.5, 0.0421, 0.001, 0.00003, 1e-200, 0.0].map(p_text);
        assert_eq!(shown, ["1", "1", ".500", ".042", ".001", "3e-5", "1e-200", "0"]);
        assert_eq!([0.0009, 0.001, 0.01, 0.05, f64::NAN].map(stars), ["***", "**", "*", "n.s.", "n.s."]);
    }
}
