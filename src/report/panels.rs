//! A report as a picture needs it: one panel a category and framing, with the cells of each family and of each model; and
//! what the tests of a panel say.

use std::sync::Arc;

use crate::base::terms::Framing;
use crate::base::text::{count, visible, wrap};
use crate::stats::contrast::{EXACT_MODELS, Kind, TestResult, WELCH, WORDS_AND_MODELS};
use crate::stats::mean_sd;
use crate::stats::results::{Contrast, Report};

/// One category under one framing.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// The category's name.
    pub category: Arc<str>,
    /// The framing of its prompts.
    pub framing: Framing,
    /// One a family, by name.
    pub families: Vec<Group>,
    /// One a model, as the report lists them.
    pub models: Vec<Group>,
    /// Between each two families that are known, in the order of the report; empty where fewer than two are.
    pub contrasts: Vec<Contrast>,
}

impl Panel {
    /// Each family, followed by its models, which are the unit of the exact test.
    pub fn lanes(&self) -> Vec<Lane<'_>> {
        let mut lanes = Vec::new();
        for family in &self.families {
            lanes.push(Lane { group: family, is_family: true });
            let models = self.models.iter().filter(|model| model.family == family.name);
            lanes.extend(models.map(|group| Lane { group, is_family: false }));
        }
        lanes
    }
}

/// A line of a panel that is shown model by model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lane<'a> {
    /// Its cells.
    pub group: &'a Group,
    /// Whether they are those of a whole family, and not of one model.
    pub is_family: bool,
}

/// The cells of a family or of a model, with their mean and its standard error.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The family's or the model's name.
    pub name: Arc<str>,
    /// The family.
    pub family: Arc<str>,
    /// Median ranks.
    pub values: Vec<f64>,
    /// Mean of the median ranks.
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

    /// How many cells there are.
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
            let of_model = |model: &crate::stats::results::ModelFamily| {
                let own = here.iter().filter(|c| c.model == model.model).map(|c| c.median_rank);
                Group::new(&model.model, &model.family, own.collect())
            };
            panels.push(Panel {
                category: category.clone(),
                framing,
                families: families.iter().filter_map(of_family).collect(),
                models: report.models.iter().filter_map(of_model).collect(),
                contrasts: report.contrasts.iter().filter(|c| c.category == *category && c.framing == framing).cloned().collect(),
            });
        }
    }
    panels
}

/// The range of median ranks that all panels share, with round ends, and the rank that chance gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RankAxis {
    /// The lowest rank on the axis, 1 or more.
    pub low: f64,
    /// The highest rank on the axis.
    pub high: f64,
    /// `(words + 1) / 2`: the median rank of words drawn at random.
    pub chance: f64,
}

impl RankAxis {
    /// Around all cells and the rank of chance, at least a twentieth of the ranks wide.
    pub fn around(panels: &[Panel], words: usize) -> RankAxis {
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

/// In plain words, what the tests of a contrast rest on and what they find; where a test is missing, why.
pub fn why_they_differ(contrast: &Contrast) -> String {
    let Some(exact) = contrast.result(&EXACT_MODELS) else { return why_a_test_is_missing(contrast) };
    let labellings = count(exact.labellings().unwrap_or(0) as usize);
    let ways = match exact.is_sampled() {
        true => format!("in {labellings} random labellings"),
        false => format!("in all {labellings} ways to label the families"),
    };
    let [verdict, _] = verdict(contrast, exact);
    format!(
        "The exact test takes the {} models as the unit, {ways}; the crossed analysis takes words as well. {verdict} As published, \
         Welch takes all {} cells as independent, though prompts put to one model are not: its p does not hold.",
        contrast.models.iter().sum::<usize>(),
        count(contrast.n.iter().sum()),
    )
}

/// The verdict alone, for a screen: one line of at most `cells` where there are 56 or more.
pub fn why_in_short(contrast: &Contrast, cells: usize) -> Vec<String> {
    match contrast.result(&EXACT_MODELS) {
        None => wrap(&why_a_test_is_missing(contrast), cells),
        Some(exact) => {
            let [long, short] = verdict(contrast, exact);
            wrap(if long.len() <= cells { &long } else { &short }, cells)
        }
    }
}

/// Whether the families differ by the tests that hold, each adjusted for the number of tests; in many words and in few.
fn verdict(contrast: &Contrast, exact: &TestResult) -> [String; 2] {
    let reaches = |result: Option<&TestResult>| result.and_then(TestResult::p_bonferroni).is_some_and(|p| p < 0.05);
    if exact.number(Kind::LeastP).is_some_and(|least| least >= 0.05) {
        let [a, b] = contrast.models;
        return [
            format!("With {a} and {b} models the exact test cannot reach .05, whatever they say."),
            format!("{a} and {b} models are too few for the exact test."),
        ];
    }
    let text = match (reaches(Some(exact)), reaches(contrast.result(&WORDS_AND_MODELS))) {
        (true, true) => "Adjusted, the families differ, for other words too.",
        (true, false) => "Adjusted, the families differ on these words.",
        (false, true) => "Adjusted, only the crossed analysis reaches .05.",
        (false, false) => "Adjusted, no difference of the families reaches .05.",
    };
    [text.to_owned(), text.to_owned()]
}

fn why_a_test_is_missing(contrast: &Contrast) -> String {
    let single = contrast.families.iter().zip(contrast.models).find(|(_, models)| *models == 1);
    match (contrast.result(&WELCH), contrast.models, single) {
        (None, ..) => "Too few cells for a test: more models and prompts are needed.".to_owned(),
        (_, [1, 1], _) => {
            "One model a family: nothing can be said of families. Welch's p, as published, speaks of two models.".to_owned()
        }
        (_, _, Some((family, _))) => format!(
            "One model stands for {}: nothing can be said of families. Welch's p, as published, counts its prompts.",
            visible(family)
        ),
        _ => "The exact test needs two models of each family.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::contrast::{TestResult, Value};
    use crate::stats::results::{Cell, ModelFamily};

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
        let lanes: Vec<_> = panel.lanes().into_iter().map(|lane| (&*lane.group.name, lane.is_family)).collect();
        assert_eq!(lanes, [("Gemma", true), ("a", false), ("Llama", true), ("b", false), ("c", false)]);
    }

    fn exact(p: f64, labellings: u64, sampled: bool) -> TestResult {
        let (number, least) = (Value::Number, Value::Number(1.0 / labellings as f64));
        let p_adjusted = number((4.0 * p).min(1.0));
        let (ways, sampled) = (Value::Count(labellings), Value::Flag(sampled));
        TestResult::with(&EXACT_MODELS, vec![ways, number(p), least, p_adjusted, sampled, number(-1.0), number(3.0), number(p)])
    }

    fn crossed(p: f64) -> TestResult {
        TestResult::with(&WORDS_AND_MODELS, [-4.0, -9.0, 1.0, p, (4.0 * p).min(1.0), 5.0].map(Value::Number).to_vec())
    }

    /// With the p of Welch, of the exact test, and of the crossed analysis.
    fn contrast(families: [&str; 2], models: [usize; 2], p: Option<[f64; 3]>) -> Contrast {
        let welch = p.map(|[p, ..]| TestResult::with(&WELCH, [-3.0, 9.0, p, (4.0 * p).min(1.0), p].map(Value::Number).to_vec()));
        let several = models.iter().all(|&models| models > 1);
        let labellings = if models == [3, 3] { 20 } else { 210 };
        let judging = p.filter(|_| several).map(|[_, p, other]| [exact(p, labellings, false), crossed(other)]);
        Contrast {
            category: "agency".into(),
            framing: Framing::Positive,
            families: families.map(Into::into),
            n: models.map(|models| 27 * models),
            models,
            difference: -4.0,
            results: judging.into_iter().flatten().chain(welch).collect(),
        }
    }

    #[test]
    fn a_panel_has_the_contrasts_of_all_pairs_and_a_family_that_is_not_known_is_in_none() {
        let mut report = report();
        report.models.push(ModelFamily { model: "d".into(), family: "other".into() });
        report.contrasts =
            [["Gemma", "Llama"], ["Gemma", "Qwen"], ["Llama", "Qwen"]].map(|of| contrast(of, [1, 2], None)).to_vec();
        let of: Vec<_> = panels(&report)[0].contrasts.iter().map(|c| c.families.each_ref().map(|f| f.to_string())).collect();
        assert_eq!(of, [["Gemma", "Llama"], ["Gemma", "Qwen"], ["Llama", "Qwen"]]);
    }

    #[test]
    fn the_verdict_is_that_of_the_tests_that_hold_each_adjusted() {
        let why = |p| why_they_differ(&contrast(["Gemma", "Llama"], [4, 6], Some(p)));
        // Unadjusted the exact test would reach .05; and Welch, as published, has no say.
        let text = why([0.001, 0.04, 0.3]);
        assert!(text.contains("all 270 cells") && text.contains("the 10 models") && text.contains("all 210 ways"), "{text}");
        assert!(text.contains("no difference of the families reaches .05.") && text.ends_with("its p does not hold."), "{text}");
        assert!(why([0.9, 0.01, 0.01]).contains("the families differ, for other words too."));
        assert!(why([0.9, 0.01, 0.02]).contains("the families differ on these words."));
        assert!(why([0.9, 0.02, 0.01]).contains("only the crossed analysis reaches .05."));
        let mut drawn = contrast(["Gemma", "Llama"], [40, 60], Some([0.001, 0.04, 0.5]));
        drawn.results[0] = exact(0.04, 500_000, true);
        assert!(why_they_differ(&drawn).contains("in 500,000 random labellings"), "{}", why_they_differ(&drawn));
        let few = why_they_differ(&contrast(["Gemma", "Llama"], [3, 3], Some([0.001, 0.05, 0.001])));
        assert!(few.contains("With 3 and 3 models the exact test cannot reach .05"), "{few}");
    }

    #[test]
    fn where_a_test_is_missing_the_reason_is_said() {
        let why = |models, p| why_they_differ(&contrast(["Gemma", "Llama"], models, p));
        assert!(why([1, 1], Some([0.01; 3])).starts_with("One model a family: nothing can be said of families"));
        assert!(why([1, 3], Some([0.01; 3])).starts_with("One model stands for Gemma"));
        assert!(why([1, 1], None).starts_with("Too few cells"));
    }

    #[test]
    fn the_short_lines_fit_a_small_screen() {
        for (models, p) in [([4, 6], [0.001, 0.5, 0.5]), ([3, 3], [0.5; 3]), ([400, 600], [0.001; 3]), ([1, 1], [0.1; 3])] {
            for (cells, most) in [(56, 2), (76, 2)] {
                let lines = why_in_short(&contrast(["Gemma", "Llama"], models, Some(p)), cells);
                assert!(lines.len() <= most && lines.iter().all(|line| line.len() <= cells), "{cells}: {lines:?}");
            }
        }
    }

    #[test]
    fn the_axis_holds_every_cell_and_chance() {
        let axis = RankAxis::around(&panels(&report()), 27);
        assert_eq!(axis.chance, 14.0);
        assert!(axis.low <= 10.0 && axis.high >= 21.0 && axis.low >= 1.0 && axis.high <= 27.0, "{axis:?}");
        assert_eq!(RankAxis::around(&[], 0).position(3.0), RankAxis::around(&[], 0).position(3.0).clamp(0.0, 1.0));
    }
}
