//! A small part of `crates/stats/examples/false_alarms`: what has stars holds its 5 % where families do not differ, and what is given as
//! published does not.

#[path = "../../crates/stats/examples/false_alarms/measures.rs"]
mod measures;
#[path = "../../crates/stats/examples/false_alarms/simulate.rs"]
mod simulate;

use std::collections::BTreeMap;

use measures::alarms;
use rewardscope::stats::contrast::judging_tests;
use rewardscope::stats::options::ReportOptions;
use rewardscope::stats::report::report;
use simulate::{Design, study};

const STUDIES: u64 = 120;

/// The share of false alarms by measure.
fn shares(by_word: bool) -> BTreeMap<String, f64> {
    let design = Design { models: [4, 6], words: 8, prompts: 5, correlated: true, by_word };
    let mut counts: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for seed in 0..STUDIES {
        for (name, alarm) in alarms(&report(&study(&design, seed), &ReportOptions::quick())) {
            let (alarms, all) = counts.entry(name).or_default();
            (*alarms, *all) = (*alarms + f64::from(u8::from(alarm)), *all + 1.0);
        }
    }
    counts.into_iter().map(|(name, (alarms, all))| (name, alarms / all)).collect()
}

/// Three standard errors above .05.
fn most() -> f64 {
    0.05 + 3.0 * (0.05 * 0.95 / STUDIES as f64).sqrt()
}

#[test]
fn what_has_stars_holds_where_prompts_of_a_model_are_alike_and_what_is_published_does_not() {
    let shares = shares(false);
    let holding = judging_tests().map(|test| format!("{}: p", test.key));
    let intervals = ["models_interval", "hedges_g", "words_and_models"].map(|key| format!("{key}: interval"));
    let terms = ["family", "family:category", "family:framing", "family:category:framing"];
    let slopes = terms.map(|term| format!("random_slopes: {term}"));
    for name in holding.chain(intervals).chain(slopes) {
        assert!(shares[&name] <= most(), "{name}: {}", shares[&name]);
    }
    for name in ["welch: p", "mixed_model: family:category", "anova: category:model"] {
        assert!(shares[name] > 0.3, "{name}: {}", shares[name]);
    }
}

#[test]
fn the_crossed_analysis_holds_where_families_differ_word_by_word_and_the_exact_test_does_not() {
    let shares = shares(true);
    for name in ["words_and_models: p", "words_and_models: interval"] {
        assert!(shares[name] <= most(), "{name}: {}", shares[name]);
    }
    assert!(shares["exact_models: p"] > 0.15, "{}", shares["exact_models: p"]);
}
