use std::sync::Arc;

use super::*;
use crate::study::{StudyModel, StudyPrompt, StudyWord};

const CATEGORIES: [&str; 2] = ["agency", "communion"];

/// Ten words of either category, `a0` to `a9` and `c0` to `c9`; each model's scores by prompt.
fn study(models: Vec<(&str, &str, Vec<Vec<f64>>)>, framings: &[Option<Framing>]) -> Study {
    let word = |i: usize| {
        let (letter, category) = if i < 10 { ("a", 0) } else { ("c", 1) };
        StudyWord { text: format!("{letter}{}", i % 10).into(), categories: vec![category] }
    };
    Study {
        categories: CATEGORIES.map(Arc::from).to_vec(),
        words: (0..20).map(word).collect(),
        prompts: framings.iter().zip(0..).map(|(&framing, i)| StudyPrompt { label: format!("p{i}").into(), framing }).collect(),
        models: models
            .into_iter()
            .map(|(name, family, scores)| StudyModel {
                name: name.into(),
                family: family.into(),
                scores: scores.into_iter().map(Arc::new).collect(),
            })
            .collect(),
    }
}

/// Agency first, or last, with a little change from prompt to prompt.
fn scores(agency: f64, shift: usize) -> Vec<f64> {
    (0..20).map(|i| if i < 10 { agency } else { 0.0 } + ((i * 7 + shift * 3) % 20) as f64 / 40.0).collect()
}

#[test]
fn a_model_leans_where_it_ranks_words_higher_and_has_its_place() {
    use Framing::{Negative, Positive};
    let framings = [Some(Positive), Some(Positive), Some(Negative)];
    let of = |agency: f64| (0..3).map(|i| scores(if i < 2 { agency } else { -agency }, i)).collect::<Vec<_>>();
    let study = study(vec![("A", "Llama", of(1.0)), ("B", "Gemma", of(-1.0)), ("C", "Gemma", of(0.0))], &framings);
    let card = card(&study, 0, &CardOptions::default()).unwrap();
    assert_eq!((card.words, card.positive_prompts, card.negative_prompts, card.other_prompts), (20, 2, 1, 0));
    let positive = &card.axes[0];
    assert_eq!((positive.axis.axis.as_str(), positive.framing), ("agency over communion", Some(Positive)));
    // Agency takes ranks 1 to 10, communion 11 to 20.
    assert_eq!((positive.value, positive.place, positive.prompts, positive.pole_words), (10.0, 1.0, 2, [10, 10]));
    assert_eq!(positive.models.iter().map(|m| m.model.as_str()).collect::<Vec<_>>(), ["A", "C", "B"]);
    let negative = &card.axes[1];
    assert_eq!((negative.framing, negative.value, negative.place), (Some(Negative), -10.0, 3.0));
    assert!(positive.interval.0 > 5.0 && positive.interval.1 < 15.0 && positive.se > 0.0, "{positive:?}");
    let words = &card.words_by_framing[0];
    assert!(words.top.iter().take(10).all(|word| word.categories == ["agency"]) && words.bottom[0].word.starts_with('c'));
    assert!(words.top[0].mean_rank < words.top[1].mean_rank && words.bottom[0].mean_rank > words.bottom[1].mean_rank);
    assert_eq!(card.framings.as_ref().map(|f| f.model.as_str()), Some("A"));
    assert!(card.framings.unwrap().spearman.unwrap() < 0.0);
    let nearest: Vec<&str> = card.agreement.iter().map(|other| other.model.as_str()).collect();
    assert_eq!((nearest, card.agreement[0].prompts), (vec!["C", "B"], 3));
}

#[test]
fn intervals_depend_on_the_seed_alone_and_one_prompt_leaves_those_of_words() {
    let study = study(vec![("A", "x", vec![scores(0.2, 1)])], &[None]);
    let of = |seed| card(&study, 0, &CardOptions { seed, ..CardOptions::default() }).unwrap();
    let (a, again, other) = (of(1), of(1), of(2));
    assert_eq!(a, again);
    assert_ne!(a.axes[0].interval, other.axes[0].interval);
    assert_eq!((a.axes[0].framing, a.axes[0].prompts, a.axes[0].place), (None, 1, 1.0));
    assert!(a.axes[0].se > 0.0 && a.framings.is_none() && a.agreement.is_empty());
}

/// The standard error of a mean of medians, where it is known: with one word a pole nothing but prompts varies, and the
/// bootstrap's standard error is the sample's sd with n in the denominator, over √n.
#[test]
fn with_one_word_a_pole_the_uncertainty_is_that_of_the_mean_over_prompts() {
    let mut study = study(vec![("A", "x", Vec::new())], &[Some(Framing::Positive); 8]);
    study.words.truncate(3);
    study.words[1].categories = vec![1];
    study.words[2].categories = Vec::new();
    let values = [2.0, -1.0, 2.0, 1.0, 1.0, -2.0, 2.0, 1.0];
    let orders: [[f64; 3]; 8] = values.map(|value: f64| match value as i32 {
        2 => [3.0, 1.0, 2.0],
        1 => [3.0, 2.0, 1.0],
        -1 => [2.0, 3.0, 1.0],
        _ => [1.0, 3.0, 2.0],
    });
    study.models[0].scores = orders.iter().map(|scores| Arc::new(scores.to_vec())).collect();
    let found = card(&study, 0, &CardOptions { replicates: 40_000, ..CardOptions::default() }).unwrap();
    let mean = values.iter().sum::<f64>() / 8.0;
    let sd = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 8.0).sqrt();
    let axis = &found.axes[0];
    assert_eq!(axis.value, mean);
    assert!((axis.se / (sd / 8.0f64.sqrt()) - 1.0).abs() < 0.02, "{} for {}", axis.se, sd / 8.0f64.sqrt());
}

#[test]
fn axes_are_pairs_that_oppose_each_other_or_categories_against_the_middle() {
    let axes = |names: &[&str]| -> Vec<String> {
        let word = |c: usize| StudyWord { text: format!("w{c}").into(), categories: vec![c as u16] };
        let categories = names.iter().map(|name| Arc::from(*name)).collect();
        let study = Study { categories, words: (0..names.len()).map(word).collect(), ..Study::default() };
        Axis::of_study(&study).into_iter().map(|axis| axis.axis).collect()
    };
    assert_eq!(axes(&["agency", "communion"]), ["agency over communion"]);
    assert_eq!(axes(&["care_vice", "care_virtue"]), ["care: virtue over vice"]);
    assert_eq!(
        axes(&["Care.Vice", "Care.Virtue", "liberty", "fair_vice"]),
        ["Care: Virtue over Vice", "liberty over the middle", "fair_vice over the middle"]
    );
    assert_eq!(axes(&["negative", "positive"]), ["positive over negative"]);
    assert_eq!(axes(&["CARE_VICE", "Care_Virtue", "x"]), ["Care: Virtue over VICE", "x over the middle"]);
    assert_eq!(axes(&["one"]), ["one over the middle"]);
    assert!(axes(&[]).is_empty());
}

#[test]
fn models_that_lean_alike_share_a_place_whatever_their_order_and_their_names() {
    let of = |agency: f64| vec![scores(agency, 1)];
    let standings = |order: [(&'static str, f64); 4]| {
        let models = order.iter().map(|(name, agency)| (*name, "x", of(*agency))).collect();
        let study = study(models, &[None]);
        let leaning =
            |own: usize| card(&study, own, &CardOptions { replicates: 5, ..CardOptions::default() }).unwrap().axes.remove(0);
        let places = |of: &Leaning| of.models.iter().map(|m| (m.model.clone(), m.place)).collect::<Vec<_>>();
        assert_eq!(leaning(3).place, leaning(0).models.iter().find(|m| m.model == order[3].0).unwrap().place);
        places(&leaning(0))
    };
    let expected = [("c", 1.5), ("d", 1.5), ("a", 3.5), ("b", 3.5)].map(|(name, place)| (name.to_owned(), place));
    assert_eq!(standings([("a", -1.0), ("b", -1.0), ("c", 1.0), ("d", 1.0)]), expected);
    assert_eq!(standings([("d", 1.0), ("b", -1.0), ("c", 1.0), ("a", -1.0)]), expected);
    // Two of one name: the card is about the one at its place.
    let study = study(vec![("m", "x", of(1.0)), ("m", "x", of(-1.0))], &[None]);
    let place = |own| card(&study, own, &CardOptions::default()).unwrap().axes[0].place;
    assert_eq!((place(0), place(1)), (1.0, 2.0));
}

#[test]
fn prompts_of_no_known_framing_count_where_there_are_no_others() {
    let columns = |agency: f64| vec![scores(agency, 1), scores(-agency, 2)];
    let models = || vec![("A", "x", columns(1.0)), ("B", "y", columns(0.0))];
    let found = card(&study(models(), &[Some(Framing::Positive), None]), 0, &CardOptions::default()).unwrap();
    let framings = |card: &Card| card.axes.iter().map(|of| of.framing).collect::<Vec<_>>();
    assert_eq!((framings(&found), found.words_by_framing.len()), (vec![Some(Framing::Positive)], 1));
    assert_eq!((found.other_prompts, found.agreement[0].prompts), (1, 1));
    let found = card(&study(models(), &[None, None]), 0, &CardOptions::default()).unwrap();
    assert_eq!((framings(&found), found.agreement[0].prompts), (vec![None], 2));
}

#[test]
fn one_sample_has_no_spread() {
    let study = study(vec![("A", "x", vec![scores(1.0, 1)])], &[None]);
    for replicates in [0, 1] {
        let found = card(&study, 0, &CardOptions { replicates, ..CardOptions::default() }).unwrap();
        let axis = &found.axes[0];
        assert!(axis.se.is_nan() && axis.interval.0.is_nan() && axis.value == 10.0, "{axis:?}");
    }
}

#[test]
fn a_model_without_scores_has_no_card() {
    let study = study(vec![("A", "x", vec![vec![f64::NAN; 20]])], &[None]);
    assert_eq!(card(&study, 0, &CardOptions::default()), None);
    assert_eq!(card(&study, 1, &CardOptions::default()), None);
}
