use std::sync::Arc;

use super::*;
use crate::study::{StudyModel, StudyPrompt, StudyWord};

/// Made by `tests/fixtures/make_agreement.py` with scipy, and by breaking ties in every way there is.
const CASES: &str = include_str!("../../../../tests/fixtures/agreement.json");

#[derive(serde::Deserialize)]
struct Case {
    a: Vec<Option<f64>>,
    b: Vec<Option<f64>>,
    kendall: Option<f64>,
    spearman: Option<f64>,
    rbo: Option<f64>,
}

fn values(of: &[Option<f64>]) -> Vec<f64> {
    of.iter().map(|value| value.unwrap_or(f64::NAN)).collect()
}

#[track_caller]
fn assert_near(got: Option<f64>, expected: Option<f64>, what: &str) {
    match (got, expected) {
        (Some(got), Some(expected)) => assert!((got - expected).abs() < 1e-12, "{what}: {got}, not {expected}"),
        (got, expected) => assert_eq!(got, expected, "{what}"),
    }
}

#[test]
fn measures_are_those_of_scipy_and_of_all_ways_to_break_ties() {
    let cases: Vec<Case> = serde_json::from_str(CASES).unwrap();
    let with = |of: fn(&Case) -> bool| cases.iter().filter(|case| of(case)).count();
    assert!(with(|case| case.rbo.is_some()) >= 20 && with(|case| case.a.len() > 1000) >= 2);
    for (i, case) in cases.iter().enumerate() {
        let (a, b) = (values(&case.a), values(&case.b));
        assert_near(kendall(&a, &b).map(|(tau, _)| tau), case.kendall, &format!("tau of case {i}"));
        assert_near(spearman(&a, &b).map(|(rho, _)| rho), case.spearman, &format!("rho of case {i}"));
        if case.rbo.is_some() {
            let (known_a, known_b) = both(&a, &b);
            let is_constant = |of: &[f64]| of.len() > 1 && of.iter().all(|value| *value == of[0]);
            // A side without an order has none to agree with, though a number could be computed.
            let expected = case.rbo.filter(|_| !is_constant(&known_a) && !is_constant(&known_b));
            assert_near(rank_biased_overlap(&a, &b, PERSISTENCE), expected, &format!("overlap of case {i}"));
        }
    }
}

/// Webber et al. 2010, the table of agreement and average overlap at each depth for ⟨a b c d e f g⟩ and ⟨z c a v w x y⟩.
#[test]
fn agreement_at_each_depth_is_that_of_the_published_example() {
    let words = "abcdefgzvwxy";
    let scores = |order: &str| -> Vec<f64> {
        words.chars().map(|word| order.chars().position(|c| c == word).map_or(f64::NAN, |at| -(at as f64))).collect()
    };
    // Completed after the seventh, so that both rank the same words.
    let agreements = depth_agreements(&scores("abcdefgzvwxy"), &scores("zcavwxybdefg"));
    let published = [(0.0, 0.0), (0.0, 0.0), (0.667, 0.222), (0.5, 0.292), (0.4, 0.313), (0.333, 0.317), (0.286, 0.312)];
    let mut sum = 0.0;
    for (depth, (agreement, (at_depth, average))) in agreements.iter().zip(published).enumerate() {
        sum += agreement;
        let mean = sum / (depth + 1) as f64;
        assert!((agreement - at_depth).abs() < 6e-4 && (mean - average).abs() < 6e-4, "depth {}: {agreement} {mean}", depth + 1);
    }
    assert_eq!(agreements.last(), Some(&1.0));
}

#[test]
fn one_ranking_overlaps_with_itself_wholly_unless_ties_leave_its_order_open() {
    let a = [5.0, 3.0, 4.0, 1.0];
    assert_near(rank_biased_overlap(&a, &a, 0.9), Some(1.0), "the same order");
    // Three tied behind one: at depth d > 1 the expected overlap is 1 + (d - 1) · ((d - 1) / 3), the agreement that by d.
    let shared = |d: f64| (1.0 + (d - 1.0).powi(2) / 3.0) / d;
    let expected: f64 = (1..=4).map(|d| 0.1 * 0.9f64.powi(d - 1) * shared(f64::from(d))).sum::<f64>() + 0.9f64.powi(4);
    assert_near(rank_biased_overlap(&[1.0, -0.0, 0.0, 0.0], &a, 0.9), Some(expected), "next to no order");
    assert_eq!(rank_biased_overlap(&[0.0, -0.0, 0.0, 0.0], &a, 0.9), None, "no order to agree with");
    assert_eq!(rank_biased_overlap(&[], &[], 0.9), None);
    assert_eq!(rank_biased_overlap(&[f64::NAN], &[1.0], 0.9), None);
}

fn study(models: &[(&str, &str, &[&[f64]])], framings: &[Framing]) -> Study {
    let prompts = framings.iter().enumerate();
    Study {
        words: (0..models[0].2[0].len()).map(|i| StudyWord { text: format!("w{i}").into(), categories: Vec::new() }).collect(),
        prompts: prompts.map(|(i, f)| StudyPrompt { label: format!("p{i}").into(), framing: Some(*f) }).collect(),
        models: models
            .iter()
            .map(|(name, family, scores)| StudyModel {
                name: (*name).into(),
                family: (*family).into(),
                scores: scores.iter().map(|scores| Arc::new(scores.to_vec())).collect(),
            })
            .collect(),
        ..Study::default()
    }
}

/// What is sorted once for many gives what each pair by itself gives, gaps and ties and all.
#[test]
fn pairs_of_a_study_are_those_of_the_lists_themselves() {
    let cases: Vec<Case> = serde_json::from_str(CASES).unwrap();
    for case in cases.iter().filter(|case| case.a.len() > 4) {
        let (a, b) = (values(&case.a), values(&case.b));
        let study = study(&[("A", "x", &[&a]), ("B", "x", &[&b]), ("C", "y", &[&a])], &[Framing::Positive]);
        let found = agreements(&study);
        let pair = |x: &str, y: &str| found.iter().find(|of| (&*of.a, &*of.b) == (x, y)).unwrap();
        for of in [pair("A", "B"), pair("B", "C")] {
            assert_near(of.kendall, case.kendall, "tau");
            assert_near(of.spearman, case.spearman, "rho");
            assert_near(of.rbo, rank_biased_overlap(&a, &b, PERSISTENCE), "overlap");
        }
    }
}

#[test]
fn every_pair_is_compared_under_every_prompt_over_the_words_of_both() {
    let nan = f64::NAN;
    let study = study(
        &[
            ("A", "x", &[&[1.0, 2.0, 3.0, nan], &[nan; 4]]),
            ("B", "x", &[&[3.0, nan, 5.0, 1.0], &[1.0; 4]]),
            ("C", "y", &[&[9.0, 8.0, 7.0, 6.0], &[1.0, 2.0, 3.0, 4.0]]),
        ],
        &[Framing::Positive, Framing::Negative],
    );
    let found = agreements(&study);
    let at = |a: &str, b: &str, prompt: &str| {
        let round = |value: Option<f64>| value.map(|value| (value * 1e9).round() / 1e9);
        found
            .iter()
            .find(|x| (&*x.a, &*x.b, &*x.prompt) == (a, b, prompt))
            .map(|x| (round(x.spearman), round(x.kendall), x.rbo.is_some()))
    };
    assert_eq!(at("A", "B", "p0"), Some((Some(1.0), Some(1.0), true)));
    assert_eq!(at("A", "C", "p0"), Some((Some(-1.0), Some(-1.0), true)));
    assert_eq!(at("A", "B", "p1"), None, "a model without scores has no agreement");
    assert_eq!(at("B", "C", "p1"), Some((None, None, false)), "all tied: not defined");
    assert_eq!(found.len(), 4);
}

#[test]
fn a_prompt_of_no_known_framing_does_not_bend_the_agreement_under_the_others() {
    let columns: [&[f64]; 2] = [&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]];
    let mut study = study(&[("A", "x", &columns), ("B", "y", &[columns[0], columns[0]])], &[Framing::Positive; 2]);
    study.prompts[1].framing = None;
    let prompts = |study: &Study| agreements(study).iter().map(|of| of.prompt.to_string()).collect::<Vec<_>>();
    assert_eq!(prompts(&study), ["p0"]);
    study.prompts[0].framing = None;
    assert_eq!(prompts(&study), ["p0", "p1"], "where none is known, all count");
}

#[test]
fn framings_that_turn_the_order_about_correlate_at_minus_one() {
    use Framing::{Negative, Positive};
    let turned: &[&[f64]] = &[&[1.0, 2.0, 3.0], &[2.0, 5.0, 7.0], &[3.0, 2.0, 1.0]];
    let study = study(&[("A", "x", turned), ("B", "x", &[turned[0], turned[1], turned[0]])], &[Positive, Positive, Negative]);
    let found = framings(&study, &MeanRanks::new(&study));
    assert_eq!((found[0].positive_prompts, found[0].negative_prompts, found[0].words), (2, 1, 3));
    assert_near(found[0].spearman, Some(-1.0), "turned about");
    assert_near(found[1].spearman, Some(1.0), "the same order");
}

#[test]
fn the_word_that_families_rank_most_differently_comes_first_with_its_interval() {
    let positive = [Framing::Positive];
    let found = {
        // Ranks of w0: 4, 3 in x; 1, 2 in y. Means 3.5 and 1.5, each with variance 0.5.
        let study = study(
            &[
                ("A", "x", &[&[1.0, 2.0, 3.0, 4.0]]),
                ("B", "x", &[&[2.0, 1.0, 3.0, 4.0]]),
                ("C", "y", &[&[4.0, 1.0, 2.0, 3.0]]),
                ("D", "y", &[&[3.0, 1.0, 2.0, 4.0]]),
            ],
            &positive,
        );
        dividing(&study, &MeanRanks::new(&study), ["x", "y"], Framing::Positive)
    };
    let first = &found[0];
    assert_eq!((&*first.word, first.models, first.rank.difference), ("w0", [2, 2], -2.0));
    // se = sqrt(0.25 + 0.25), df = 0.5² / (2 · 0.25²) = 2, t(0.975, 2) = 4.302652729911275.
    assert_near(first.rank.se, Some(0.5f64.sqrt()), "se");
    assert_near(first.rank.df, Some(2.0), "df");
    let (low, high) = first.rank.interval.unwrap();
    let half = 4.302652729911275 * 0.5f64.sqrt();
    assert!((low - (-2.0 - half)).abs() < 1e-6 && (high - (-2.0 + half)).abs() < 1e-6, "{low} {high}");
    assert!(first.z.difference > 0.0);
    let alone = study(&[("A", "x", &[&[1.0, 2.0]]), ("C", "y", &[&[4.0, 1.0]])], &positive);
    let alone = dividing(&alone, &MeanRanks::new(&alone), ["x", "y"], Framing::Positive);
    assert_eq!((alone[0].rank.se, alone[0].rank.interval), (None, None), "one model a family tells no uncertainty");
    let none = study(&[("A", "x", &[&[1.0]])], &positive);
    assert!(dividing(&none, &MeanRanks::new(&none), ["x", "y"], Framing::Positive).is_empty());
}
