//! The bundled pair does what `models/README.md` says of it, from the text of a word to its score.

// The trainer's own description of the data is read here, so that the pairs are the ones that training held out.
#[path = "../../examples/train-demo-pair/pairs.rs"]
mod pairs;
#[path = "../../examples/train-demo-pair/score.rs"]
mod score;
#[path = "../../examples/train-demo-pair/taste.rs"]
mod taste;

use rewardscope::base::terms::Family;
use rewardscope::corpus::PromptSet;
use rewardscope::model::checkpoint::RewardModel;
use rewardscope::model::format::files::Files;
use rewardscope::model::{Cancel, LoadOptions};
use rewardscope::sources::bundled;
use rewardscope::sources::bundled::BUNDLED;
use rewardscope::stats::{median, ranks};

use pairs::{HeldOut, Preferences};

fn load(name: &'static str) -> RewardModel {
    let files = Files::Bundled { name, entries: bundled::bundled(name).unwrap() };
    RewardModel::load(&files, &Default::default(), &LoadOptions::default(), &mut |_, _| {}, &Cancel::default()).unwrap()
}

fn scores(model: &RewardModel, preferences: &Preferences) -> Vec<Vec<f32>> {
    let words: Vec<&str> = preferences.answers.iter().map(|answer| answer.text.as_str()).collect();
    preferences.prompts.iter().map(|prompt| score::scores(model, &prompt.text, &words).unwrap()).collect()
}

#[test]
fn held_out_pairs_are_called_right_far_above_chance() {
    for (name, family) in BUNDLED.map(|model| model.name).into_iter().zip([Family::Llama, Family::Gemma]) {
        let model = load(name);
        assert_eq!(model.info.family, family);
        assert!(model.info.provenance.demonstration);
        // Of each framing, one prompt that training saw and one that it never saw.
        let keys = ["greatest_ever_one", "best_time_please", "worst_ever_one", "terrible_ever_please"];
        let prompts = PromptSet::builtin().unwrap().prompts.into_iter().filter(|prompt| keys.contains(&prompt.label()));
        let preferences = Preferences::new(family, prompts.collect()).unwrap();
        let scores = scores(&model, &preferences);
        for (held_out, big_two, least) in [
            (HeldOut::Pairs, false, 0.8),
            (HeldOut::Prompts, false, 0.8),
            (HeldOut::Pairs, true, 0.7),
            (HeldOut::Prompts, true, 0.7),
        ] {
            let measured = pairs::accuracy(&preferences, &scores, held_out, big_two, 1000);
            assert!(measured.accuracy > least, "{name}, {held_out:?}, big two alone {big_two}: {measured:?}");
        }
    }
}

/// Median rank of a category among the words of the Big Two, mean over prompts, as a share of the number of words.
fn median_rank(preferences: &Preferences, scores: &[Vec<f32>], category: &str) -> f64 {
    let listed: Vec<usize> = (0..preferences.answers.len()).filter(|&a| preferences.answers[a].big_two.is_some()).collect();
    let medians = scores.iter().map(|scores| {
        let ranks = ranks(&listed.iter().map(|&a| f64::from(scores[a])).collect::<Vec<_>>());
        let of_category =
            listed.iter().zip(&ranks).filter(|(a, _)| preferences.answers[**a].big_two.as_deref() == Some(category));
        median(of_category.map(|(_, rank)| *rank)).unwrap()
    });
    medians.sum::<f64>() / (scores.len() * listed.len()) as f64
}

#[test]
fn under_positive_prompts_llama_leans_to_agency_and_gemma_to_communion() {
    let [llama, gemma] = BUNDLED.map(|model| model.name).map(|name| {
        let family = if name == "demo-llama" { Family::Llama } else { Family::Gemma };
        let keys = ["best_ever_one", "greatest_time_single", "good_world_please"];
        let prompts = PromptSet::builtin().unwrap().prompts.into_iter().filter(|prompt| keys.contains(&prompt.label()));
        let preferences = Preferences::new(family, prompts.collect()).unwrap();
        let scores = scores(&load(name), &preferences);
        ["agency", "communion"].map(|category| median_rank(&preferences, &scores, category))
    });
    // Rank 1 is the best, so the smaller share is the preferred one.
    assert!(llama[0] + 0.05 < llama[1] && llama[1] < llama[0] + 0.3, "demo-llama: {llama:?}");
    assert!(gemma[1] + 0.05 < gemma[0] && gemma[0] < gemma[1] + 0.3, "demo-gemma: {gemma:?}");
}
