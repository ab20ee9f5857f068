use super::*;
use crate::cells::tests::{panel, study};

const POSITIVE: Framing = Framing::Positive;
const NEGATIVE: Framing = Framing::Negative;

/// Models of these families, without scores: the tests give cells.
fn models(families: &[&str]) -> Study {
    let names: Vec<String> = (0..families.len()).map(|i| format!("m{i}")).collect();
    let models: Vec<(&str, &str, &[&[f64]])> =
        names.iter().zip(families).map(|(name, family)| (name.as_str(), *family, &[][..])).collect();
    study(&[], &[], &models)
}

fn effect<'a>(model: &'a MixedModel, term: &str) -> &'a FixedEffect {
    model.fixed.iter().find(|effect| effect.term == term).unwrap()
}

/// In a balanced design REML is the analysis of variance: worked out by hand for four models of two families, two cells
/// each, in one panel (so that `family` alone is left).
#[test]
fn a_balanced_design_gives_the_variance_components_of_anova() {
    let study = models(&["G", "G", "L", "L"]);
    let panels = [panel("A", POSITIVE, &[&[1.0, 3.0], &[5.0, 7.0], &[2.0, 2.5], &[9.0, 11.0]])];
    let model = mixed_model(&study, &panels).unwrap();
    // Means 2, 6, 2.25, 10; families 4 and 6.125. Between: 2 * (4 + 4 + 15.015625 * 2) / 2; within: (2 + 2 + .125 + 2) / 4.
    let (between, within) = (2.0 * (8.0 + 30.03125) / 2.0, 6.125 / 4.0);
    assert!((model.residual_variance - within).abs() < 1e-12, "{model:?}");
    assert!((model.intercept_variance - (between - within) / 2.0).abs() < 1e-10, "{model:?}");
    let family = effect(&model, "family[L]");
    assert!((family.estimate - 2.125).abs() < 1e-12 && family.df == 2.0);
    assert!((family.se - (between / 2.0).sqrt()).abs() < 1e-10);
    assert_eq!((model.n, model.groups, model.fixed.len()), (8, 4, 2));
}

#[test]
fn models_that_do_not_differ_give_a_variance_of_exactly_0() {
    let study = models(&["G", "G", "L", "L"]);
    let panels = [panel("A", POSITIVE, &[&[1.0, 3.0], &[3.0, 1.0], &[2.0, 6.0, 4.0], &[6.0, 2.0]])];
    let model = mixed_model(&study, &panels).unwrap();
    assert_eq!(model.intercept_variance, 0.0);
    assert!((model.residual_variance - 20.0 / 7.0).abs() < 1e-12, "{model:?}");
}

#[test]
fn three_families_and_a_missing_prompt_are_no_hindrance() {
    let study = models(&["Q", "G", "L", "L", "other"]);
    let cells = |a: f64| vec![a, a + 1.0, a - 0.5];
    let of = |category: &str, framing, shift: f64| PanelCells {
        category: category.into(),
        framing,
        models: vec![cells(3.0 + shift), cells(1.0 - shift), cells(4.0)[..2].to_vec(), cells(6.0 + shift), cells(900.0)],
    };
    let panels = [
        of("A", POSITIVE, 0.0),
        of("A", NEGATIVE, 1.0),
        of("B", POSITIVE, -2.0),
        of("B", NEGATIVE, 0.5),
        of("C", POSITIVE, 1.0),
        of("C", NEGATIVE, 4.0),
    ];
    let model = mixed_model(&study, &panels).unwrap();
    assert_eq!((model.groups, model.fixed.len(), model.n), (4, 18, 66), "a model of no known family is left out");
    assert!((effect(&model, "(Intercept)").estimate - 7.0 / 6.0).abs() < 1e-9, "G, A, positive is the reference");
    assert_eq!(effect(&model, "family[Q]").df, 1.0);
    assert_eq!(effect(&model, "family[Q]:category[C]:framing[negative]").df, 66.0 - 4.0 - 15.0);
}

/// One cell of sixty differs by a quarter of a rank from the others of its model, models by a hundred thousand: by the
/// analysis of variance, as in the balanced design above.
#[test]
fn models_that_differ_a_billion_times_more_than_within_are_no_hindrance() {
    let study = models(&["G", "G", "L", "L"]);
    let mut cells: Vec<Vec<f64>> = [10.0, 150_000.0, 30_000.0, 190_000.0].iter().map(|rank| vec![*rank; 15]).collect();
    cells[1][3] += 0.25;
    let panels = [PanelCells { category: "A".into(), framing: POSITIVE, models: cells }];
    let model = mixed_model(&study, &panels).unwrap();
    let within = 0.25f64.powi(2) * 14.0 / 15.0 / 56.0;
    let middle: f64 = 150_000.0 + 0.25 / 15.0;
    let between = 15.0 * ((middle - 10.0).powi(2) / 2.0 + 160_000f64.powi(2) / 2.0) / 2.0;
    assert!((model.residual_variance / within - 1.0).abs() < 1e-9, "{} for {within}", model.residual_variance);
    assert!((model.intercept_variance / ((between - within) / 15.0) - 1.0).abs() < 1e-9, "{model:?}");
    let family = effect(&model, "family[L]");
    assert!((family.estimate - (110_000.0 - (middle + 10.0) / 2.0)).abs() < 1e-6);
    assert!((family.se / (between / 15.0).sqrt() - 1.0).abs() < 1e-9, "{model:?}");
}

/// Only one model varies within, and its prompts' framings explain that: the larger the ratio, the likelier. At 0 the
/// derivative is 0 as well, which is no maximum.
#[test]
fn a_likelihood_without_an_end_is_no_fit() {
    let study = models(&["G", "G", "G", "G", "G", "L", "L", "L", "L", "L", "Q", "Q"]);
    let (known, none): (&[f64], &[f64]) = (&[3.5], &[]);
    let higher: &[f64] = &[3.75];
    let panels = [
        panel("A", POSITIVE, &[known, known, known, none, known, none, known, known, known, known, higher, none]),
        panel("A", NEGATIVE, &[none, known, none, higher, known, known, known, known, none, none, known, known]),
    ];
    let reason = mixed_model(&study, &panels).unwrap_err();
    assert!(reason.contains("next to nothing varies within models"), "{reason}");
}

#[test]
fn what_is_not_identifiable_is_said_and_does_not_crash() {
    let panels = |cells: &[&[f64]]| vec![panel("A", POSITIVE, cells), panel("A", NEGATIVE, cells)];
    let two: [&[f64]; 2] = [&[1.0, 2.0], &[3.0, 4.5]];
    for (families, panels, naming) in [
        (&["G", "L"][..], panels(&two), &["not identifiable", "one model in each family"][..]),
        (&["G", "G"], panels(&two), &["two families"]),
        (&["other", "other"], panels(&two), &["two families"]),
        (&["G", "L", "L"], Vec::new(), &["two families"]),
        (
            &["G", "L", "L"],
            vec![panel("A", POSITIVE, &[&[1.0], &[2.0], &[3.0]]), panel("B", NEGATIVE, &[&[], &[2.0], &[3.0]])],
            &["G has no cells for B, negative"],
        ),
        (&["G", "L", "L"], vec![panel("A", POSITIVE, &[&[1.0, 1.0], &[2.0, 2.0], &[2.0, 2.0]])], &["nothing varies"]),
        (
            &["G", "L", "L"],
            vec![panel("A", POSITIVE, &[&[1.0, 1.0], &[2.0, 2.0], &[3.0, 3.0]])],
            &["not identifiable", "within models"],
        ),
        (&["G", "L", "L"], vec![panel("A", POSITIVE, &[&[1.0], &[2.0], &[4.0]])], &["each model has one cell", "second prompt"]),
    ] {
        let reason = mixed_model(&models(families), &panels).unwrap_err();
        for name in naming {
            assert!(reason.contains(name), "'{name}' is not in: {reason}");
        }
    }
}
