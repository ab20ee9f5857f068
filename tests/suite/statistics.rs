//! Statistics of random unbalanced designs, held against statsmodels and scipy (`fixtures/make_statistics.py`), which in turn
//! are held against R (`fixtures/check_statistics.R`).
use std::collections::BTreeSet;

use rewardscope::base::terms::Framing;
use rewardscope::stats::anova::anova;
use rewardscope::stats::cells::PanelCells;
use rewardscope::stats::compare;
use rewardscope::stats::contrast::{EXACT_MODELS, HEDGES_G, Kind, MODELS_INTERVAL, PERMUTATION, WELCH, WORDS_AND_MODELS};
use rewardscope::stats::mixed::mixed_model;
use rewardscope::stats::options::ReportOptions;
use rewardscope::stats::report::report;
use rewardscope::stats::results::Contrast;
use rewardscope::stats::slopes::random_slopes;
use rewardscope::stats::study::{Study, StudyModel, StudyPrompt, StudyWord};
use serde_json::Value;

const FRAMINGS: [(&str, Framing); 2] = [("positive", Framing::Positive), ("negative", Framing::Negative)];

/// Every study of the fixture with its cells.
fn studies() -> Vec<(Study, Vec<PanelCells>, Value)> {
    let studies = studies_of(include_str!("../fixtures/statistics.json"));
    assert_eq!(studies.len(), 5);
    studies
}

fn studies_of(fixture: &str) -> Vec<(Study, Vec<PanelCells>, Value)> {
    let fixture: Value = serde_json::from_str(fixture).unwrap();
    fixture["studies"].as_array().unwrap().iter().map(|study| study_of(study.clone())).collect()
}

fn study_of(told: Value) -> (Study, Vec<PanelCells>, Value) {
    let models = told["models"].as_array().unwrap();
    let text = |model: &Value, key: &str| model[key].as_str().unwrap().into();
    let model = |m: &Value| StudyModel { name: text(m, "model"), family: text(m, "family"), scores: Vec::new() };
    let study = Study { models: models.iter().map(model).collect(), ..Study::default() };
    let panels_of = |model: &Value| model["cells"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let names: Vec<String> = models.iter().flat_map(panels_of).collect();
    let categories: BTreeSet<&str> = names.iter().filter_map(|panel| panel.split(' ').next()).collect();
    let mut panels = Vec::new();
    for category in categories {
        for (name, framing) in FRAMINGS {
            let cells = |model: &Value| -> Vec<f64> {
                let cells = model["cells"][format!("{category} {name}")].as_array();
                cells.into_iter().flatten().map(|cell| cell.as_f64().unwrap()).collect()
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

/// By lme4 (`fixtures/make_slopes.R`), whose optimiser stops earlier, above all where models vary in fewer directions than there
/// are panels.
#[test]
fn random_slopes_of_unbalanced_designs_are_as_computed_elsewhere() {
    let studies = studies_of(include_str!("../fixtures/slopes.json"));
    let mut singular = 0;
    for (study, panels, told) in &studies {
        let (name, found) = (told["name"].as_str().unwrap(), random_slopes(study, panels).unwrap());
        let log_likelihood = told["log_likelihood"].as_f64().unwrap();
        assert!(found.log_likelihood > log_likelihood - 1e-6, "{name}: {} for {log_likelihood}", found.log_likelihood);
        close(found.log_likelihood, &told["log_likelihood"], 1e-6, name);
        close(found.residual_variance, &told["residual_variance"], 1e-3, name);
        assert_eq!(Some(found.singular), told["singular"].as_bool(), "{name}");
        singular += u32::from(found.singular);
        let named = |term: &str| term.replace(['[', ']'], "");
        let fixed = told["fixed"].as_array().unwrap();
        assert_eq!(found.fixed.len(), fixed.len());
        for expected in fixed {
            let term = expected["term"].as_str().unwrap();
            let effect = found.fixed.iter().find(|effect| named(&effect.term) == term).unwrap();
            assert!((effect.estimate - expected["estimate"].as_f64().unwrap()).abs() < 1e-3 * effect.se, "{name}: {term}");
            close(effect.se, &expected["se"], 1e-3, term);
            let families = study.models.iter().map(|model| &model.family).collect::<BTreeSet<_>>().len();
            assert_eq!(effect.df, (study.models.len() - families) as f64);
        }
    }
    assert_eq!((studies.len(), singular), (4, 2));
}

#[test]
fn random_slopes_that_a_design_cannot_carry_are_refused_with_the_reason() {
    let (study, panels, _) = studies().swap_remove(3);
    let reason = random_slopes(&study, &panels).unwrap_err();
    assert!(reason.contains("5 models of 2 families leave 3 degrees of freedom, fewer than the 4 panels"), "{reason}");
    let (study, mut panels, _) = studies().swap_remove(0);
    panels.iter_mut().flat_map(|panel| &mut panel.models).for_each(|cells| cells.truncate(1));
    let reason = random_slopes(&study, &panels).unwrap_err();
    assert!(reason.contains("a second prompt"), "{reason}");
}

#[test]
fn the_crossed_analysis_is_as_computed_elsewhere() {
    let fixture: Value = serde_json::from_str(include_str!("../fixtures/crossed.json")).unwrap();
    let mut compared = 0;
    for told in fixture["studies"].as_array().unwrap() {
        let found = report(&study_of_scores(told), &ReportOptions::quick()).contrasts;
        let expected = told["contrasts"].as_array().unwrap();
        assert_eq!(found.len(), expected.len());
        for expected in expected {
            let contrast = found.iter().find(|found| is_contrast(found, expected)).unwrap();
            let result = contrast.result(&WORDS_AND_MODELS).unwrap();
            let what = expected["category"].as_str().unwrap();
            let (number, [low, high]) = (|kind| result.number(kind).unwrap(), result.ends().unwrap());
            close(number(Kind::Effect), &expected["estimate"], 1e-9, what);
            close(low, &expected["low"], 1e-9, what);
            close(high, &expected["high"], 1e-9, what);
            close(number(Kind::P), &expected["p"], 1e-9, what);
            close(number(Kind::DegreesOfFreedom), &expected["df"], 1e-9, what);
            compared += 1;
        }
    }
    assert_eq!(compared, 22);
}

/// A study with scores.
fn study_of_scores(told: &Value) -> Study {
    let (models, words) = (told["models"].as_array().unwrap(), told["words"].as_array().unwrap());
    let columns = |model: &Value, framing: &str| {
        let columns = model["scores"][framing].as_array().unwrap().iter();
        columns.map(|column| column.as_array().unwrap().iter().map(|score| score.as_f64().unwrap()).collect()).collect::<Vec<_>>()
    };
    let prompts = |framing: &str| models.iter().map(|model| columns(model, framing).len()).max().unwrap();
    let mut study = Study {
        categories: told["categories"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().into()).collect(),
        words: (0..).zip(words).map(|(at, of)| word(at, of)).collect(),
        ..Study::default()
    };
    for (name, framing) in FRAMINGS {
        let labels = (0..prompts(name)).map(|at| StudyPrompt { label: format!("{name} {at}").into(), framing: Some(framing) });
        study.prompts.extend(labels);
    }
    for model in models {
        let mut scores = Vec::new();
        for (name, _) in FRAMINGS {
            let mut of_framing: Vec<Vec<f64>> = columns(model, name);
            of_framing.resize(prompts(name), vec![f64::NAN; words.len()]);
            scores.extend(of_framing.into_iter().map(std::sync::Arc::new));
        }
        let text = |key: &str| model[key].as_str().unwrap().into();
        study.models.push(StudyModel { name: text("model"), family: text("family"), scores });
    }
    study
}

fn word(at: usize, categories: &Value) -> StudyWord {
    let categories = categories.as_array().unwrap().iter().map(|category| category.as_u64().unwrap() as u16).collect();
    StudyWord { text: format!("w{at}").into(), categories }
}

/// Whether a contrast is the one that a fixture tells of.
fn is_contrast(found: &Contrast, told: &Value) -> bool {
    let framing = FRAMINGS.iter().find(|(name, _)| told["framing"] == *name).unwrap().1;
    let families = told["families"].as_array().unwrap();
    told["category"] == *found.category
        && found.framing == framing
        && found.families.iter().zip(families).all(|(found, told)| *told == **found)
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
            let contrast = found.iter().find(|found| is_contrast(found, expected)).unwrap();
            let (welch, what) = (contrast.result(&WELCH).unwrap(), expected["category"].as_str().unwrap());
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
                    close(found.number(Kind::LeastP).unwrap(), &expected["exact"]["least_p"], 1e-12, what);
                    let (interval, g) = (contrast.result(&MODELS_INTERVAL).unwrap(), contrast.result(&HEDGES_G).unwrap());
                    for (result, key) in [(interval, "models_interval"), (g, "hedges_g")] {
                        let [low, high] = result.ends().unwrap();
                        close(low, &expected[key]["low"], 1e-6, key);
                        close(high, &expected[key]["high"], 1e-6, key);
                    }
                    close(interval.number(Kind::DegreesOfFreedom).unwrap(), &expected["models_interval"]["df"], 1e-9, what);
                    close(g.number(Kind::Effect).unwrap(), &expected["hedges_g"]["value"], 1e-9, what);
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
