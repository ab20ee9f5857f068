//! Statistics of random unbalanced designs, held against statsmodels and scipy (`fixtures/make_statistics.py`), which in turn
//! are held against R (`fixtures/check_statistics.R`).
use std::collections::BTreeSet;

use rewardscope::base::terms::Framing;
use rewardscope::stats::anova::anova;
use rewardscope::stats::cells::PanelCells;
use rewardscope::stats::compare;
use rewardscope::stats::contrast::{EXACT_MODELS, Kind, PERMUTATION, WELCH};
use rewardscope::stats::mixed::mixed_model;
use rewardscope::stats::options::ReportOptions;
use rewardscope::stats::study::{Study, StudyModel};
use serde_json::Value;

const FRAMINGS: [(&str, Framing); 2] = [("positive", Framing::Positive), ("negative", Framing::Negative)];

/// Every study of the fixture with its cells.
fn studies() -> Vec<(Study, Vec<PanelCells>, Value)> {
    let fixture: Value = serde_json::from_str(include_str!("../fixtures/statistics.json")).unwrap();
    let studies: Vec<_> = fixture["studies"].as_array().unwrap().iter().map(|study| study_of(study.clone())).collect();
    assert_eq!(studies.len(), 5);
    studies
}

fn study_of(told: Value) -> (Study, Vec<PanelCells>, Value) {
    let models = told["models"].as_array().unwrap();
    let text = |model: &Value, key: &str| model[key].as_str().unwrap().into();
    let model = |m: &Value| StudyModel { name: text(m, "model"), family: text(m, "family"), scores: Vec::new() };
    let study = Study { models: models.iter().map(model).collect(), ..Study::default() };
    let categories: BTreeSet<&str> =
        told["contrasts"].as_array().unwrap().iter().map(|c| c["category"].as_str().unwrap()).collect();
    let mut panels = Vec::new();
    for category in categories {
        for (name, framing) in FRAMINGS {
            let cells = |model: &Value| -> Vec<f64> {
                let cells = model["cells"][format!("{category} {name}")].as_array().unwrap();
                cells.iter().map(|cell| cell.as_f64().unwrap()).collect()
            };
            panels.push(PanelCells { category: category.into(), framing, models: models.iter().map(cells).collect() });
        }
    }
    (study, panels, told)
}

/// Relative, but for what is as good as 0.
#[track_caller]
fn close(found: f64, expected: &Value, tolerance: f64, what: &str) {
    let expected = expected.as_f64().unwrap();
    assert!((found - expected).abs() <= tolerance * expected.abs().max(1e-9), "{what}: {found} for {expected}");
}

#[test]
fn mixed_models_of_unbalanced_designs_are_as_computed_elsewhere() {
    let mut boundary = 0;
    for (study, panels, told) in studies() {
        let (name, expected) = (told["name"].as_str().unwrap(), &told["mixed_model"]);
        let found = mixed_model(&study, &panels).unwrap();
        // Where models lie far apart, the inverse of a whole covariance matrix, which the fixture rests on, loses digits.
        close(found.intercept_variance, &expected["intercept_variance"], 1e-6, name);
        close(found.residual_variance, &expected["residual_variance"], 1e-7, name);
        boundary += u32::from(found.intercept_variance == 0.0);
        assert_eq!((Some(found.n as u64), Some(found.groups as u64)), (expected["n"].as_u64(), expected["groups"].as_u64()));
        let fixed = expected["fixed"].as_array().unwrap();
        assert_eq!(found.fixed.len(), fixed.len());
        for expected in fixed {
            let term = expected["term"].as_str().unwrap();
            let found = found.fixed.iter().find(|effect| effect.term == term).unwrap();
            // Of models far apart little of the scale is left for the effects within them.
            close(found.estimate, &expected["estimate"], 1e-6, term);
            close(found.se, &expected["se"], 1e-7, term);
            assert_eq!(Some(found.df), expected["df"].as_f64(), "{name}: {term}");
            close(found.p, &expected["p"], 1e-5, term);
        }
    }
    assert_eq!(boundary, 1, "one of the studies has models that do not differ");
}

#[test]
fn contrasts_of_families_are_as_computed_elsewhere() {
    let options = ReportOptions { replicates: 2_000, bootstrap: 0, seed: 3 };
    let mut exact = 0;
    for (study, panels, told) in studies() {
        let found = compare::families(&study, &panels, &options, &|_, _, _| {}).contrasts;
        let expected = told["contrasts"].as_array().unwrap();
        assert_eq!(found.len(), expected.len());
        for expected in expected {
            let text = |key: &str| expected[key].as_str().unwrap();
            let families = expected["families"].as_array().unwrap();
            let is_it = |c: &&rewardscope::stats::results::Contrast| {
                let framing = FRAMINGS.iter().find(|(name, _)| *name == text("framing")).unwrap().1;
                *c.category == *text("category")
                    && c.framing == framing
                    && c.families.iter().zip(families).all(|(a, b)| **a == *b)
            };
            let contrast = found.iter().find(is_it).unwrap();
            let (welch, what) = (contrast.result(&WELCH).unwrap(), text("category"));
            let number = |kind| welch.number(kind).unwrap();
            assert!((contrast.difference - expected["difference"].as_f64().unwrap()).abs() < 1e-10, "{what}");
            close(number(Kind::Statistic), &expected["t"], 1e-10, what);
            close(number(Kind::DegreesOfFreedom), &expected["df"], 1e-10, what);
            close(number(Kind::P), &expected["p"], 1e-9, what);
            close(number(Kind::Bonferroni), &expected["p_bonferroni"], 1e-9, what);
            close(number(Kind::FalseDiscovery), &expected["p_fdr"], 1e-9, what);
            match contrast.result(&EXACT_MODELS) {
                Some(found) => {
                    exact += 1;
                    assert_eq!(found.labellings(), expected["exact"]["splits"].as_u64());
                    close(found.p().unwrap(), &expected["exact"]["p"], 1e-12, what);
                }
                None => assert!(expected["exact"].is_null()),
            }
            // A permutation test of the same groups cannot lie far from the t test.
            let p = contrast.result(&PERMUTATION).and_then(|permutation| permutation.p()).unwrap();
            assert!((p - number(Kind::P)).abs() < 0.05, "{p} for {}", number(Kind::P));
        }
    }
    assert!(exact >= 20, "{exact}");
}

#[test]
fn analyses_of_variance_of_unbalanced_designs_are_as_computed_elsewhere() {
    for (study, panels, told) in studies() {
        let (found, expected) = (anova(&study, &panels).unwrap(), &told["anova"]);
        close(found.residual_sum_of_squares, &expected["residual_sum_of_squares"], 1e-8, "residual");
        close(found.residual_df, &expected["residual_df"], 0.0, "residual");
        let terms = expected["terms"].as_array().unwrap();
        assert_eq!(found.terms.len(), terms.len());
        for (found, expected) in found.terms.iter().zip(terms) {
            assert_eq!(found.term, expected["term"].as_str().unwrap());
            close(found.df, &expected["df"], 0.0, &found.term);
            close(found.sum_of_squares, &expected["sum_of_squares"], 1e-7, &found.term);
            close(found.f, &expected["f"], 1e-7, &found.term);
            close(found.p, &expected["p"], 1e-5, &found.term);
        }
    }
}
