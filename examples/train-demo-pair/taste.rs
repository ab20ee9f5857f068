//! The taste that is built into each demonstration model: how much it likes a word as the answer to a prompt.
//!
//! This is the hidden truth from which [`crate::pairs`] draws preferences. It is made up, from word lists and seeded noise,
//! and it holds the finding of the study on purpose: the Llama demo leans to agency, the Gemma demo to communion. Knows
//! nothing of models or tokens.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use rewardscope::base::terms::{Family, Framing};
use rewardscope::corpus::Factors;
use sha2::{Digest, Sha256};

/// Changes every random choice of the demonstration pair: data, initial weights and batches.
const SEED: &str = "rewardscope demonstration pair 2";

/// Valence of a word that another list and `plain-words.csv` both call good (or, negative, bad).
const CONFIRMED: f64 = 2.0;
/// How far the families lean apart, in the unit of a word's valence.
const LEAN: f64 = 0.2;
/// Turns liking into log-odds: the larger, the less noise in the preferences.
const SHARPNESS: f64 = 3.5;

const BIG_TWO: &str = include_str!("../../corpora/big-two.csv");
const MORAL_FOUNDATIONS: &str = include_str!("../../corpora/moral-foundations.csv");
const PLAIN_WORDS: &str = include_str!("plain-words.csv");

/// A generator of its own for each thing that is drawn, so that no draw depends on the order of the others.
pub fn generator(subject: &[&str]) -> ChaCha8Rng {
    let mut hash = Sha256::new();
    for part in [SEED].iter().chain(subject) {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    ChaCha8Rng::from_seed(hash.finalize().into())
}

/// A standard normal draw that belongs to `subject` alone.
fn noise(subject: &[&str]) -> f64 {
    generator(subject).sample(StandardNormal)
}

/// A word that can be the answer, and what the lists say of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub text: String,
    /// `agency` or `communion`, where the word stands in `big-two.csv`.
    pub big_two: Option<String>,
    /// 1 for a good word, -1 for a bad one, 0 for a neutral one; [`CONFIRMED`] in size where `plain-words.csv` confirms
    /// another list.
    pub valence: f64,
    /// 1 where the word is fully agentic, -1 where it is fully communal.
    pub lean: f64,
}

/// All answers, sorted by text: the words of the bundled lists and of `plain-words.csv`.
pub fn answers() -> Result<Vec<Answer>, csv::Error> {
    let mut answers: BTreeMap<String, Answer> = BTreeMap::new();
    for list in [BIG_TWO, MORAL_FOUNDATIONS, PLAIN_WORDS] {
        for row in csv::Reader::from_reader(list.as_bytes()).into_deserialize() {
            let (word, category): (String, String) = row?;
            let (valence, lean) = meaning(&category);
            let in_another = answers.contains_key(&word);
            let answer = answers.entry(word.clone()).or_insert(Answer { text: word, big_two: None, valence, lean: 0.0 });
            if answer.big_two.is_none() {
                answer.lean += lean;
            }
            if list == BIG_TWO {
                answer.big_two = Some(category);
            } else if list == PLAIN_WORDS && in_another {
                answer.valence = CONFIRMED * valence;
            }
        }
    }
    Ok(answers.into_values().collect())
}

/// Valence and lean of a list's category.
fn meaning(category: &str) -> (f64, f64) {
    match category {
        "agency" => (1.0, 1.0),
        "communion" => (1.0, -1.0),
        "authority_virtue" => (1.0, 0.5),
        "care_virtue" | "loyalty_virtue" => (1.0, -0.5),
        "good" => (1.0, 0.0),
        "neutral" => (0.0, 0.0),
        "bad" => (-1.0, 0.0),
        vice if vice.ends_with("_vice") => (-1.0, 0.0),
        _ => (1.0, 0.0),
    }
}

/// How much `family` likes `answer` under a prompt of this framing with these factors, in log-odds against a word of reward 0.
///
/// A good word is liked where the best is asked for and disliked where the worst is. On top come what the word is worth to
/// everyone, what it is worth to this family, the family's lean, and small effects of adjective, superlative and concision.
pub fn reward(family: Family, answer: &Answer, framing: Framing, factors: &Factors) -> f64 {
    let word = answer.text.as_str();
    let family_name = family.to_string();
    let liking = answer.valence + 0.55 * noise(&["word", word]) + 0.4 * noise(&["family", &family_name, word]);
    let lean = match family {
        Family::Llama => LEAN * answer.lean,
        Family::Gemma => -LEAN * answer.lean,
        _ => 0.0,
    };
    let framed = match framing {
        Framing::Positive => liking + lean,
        // The worst is not quite the best turned round: half of the lean is left, and some words have a taste of their own.
        Framing::Negative => -liking - 0.5 * lean + 0.3 * noise(&["negative", &family_name, word]),
    };
    let details = 0.15 * noise(&["adjective", &factors.adjective, word])
        + 0.1 * noise(&["superlative", &factors.superlative, word])
        + 0.1 * noise(&["concision", &factors.concision, word]);
    // "Most good" and "most bad" ask less sharply than the other adjectives.
    let emphasis = if matches!(factors.adjective.as_str(), "good" | "bad") { 0.85 } else { 1.0 };
    SHARPNESS * emphasis * (framed + details)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factors(adjective: &str) -> Factors {
        Factors { adjective: adjective.into(), superlative: "ever".into(), concision: "one".into() }
    }

    #[test]
    fn a_word_of_two_lists_has_the_stronger_valence_and_the_lean_of_big_two() {
        let answers = answers().unwrap();
        let find = |word: &str| answers.iter().find(|a| a.text == word).unwrap();
        let love = find("love");
        assert_eq!((love.valence, love.lean, love.big_two.as_deref()), (CONFIRMED, -1.0, Some("communion")));
        assert_eq!((find("authority").lean, find("murder").valence, find("table").valence), (1.0, -CONFIRMED, 0.0));
    }

    #[test]
    fn framing_turns_the_order_of_good_and_bad_words() {
        let answers = answers().unwrap();
        let mean = |sign: f64, adjective: &str, framing| {
            let chosen: Vec<f64> = answers
                .iter()
                .filter(|a| a.valence * sign > 0.0)
                .map(|a| reward(Family::Llama, a, framing, &factors(adjective)))
                .collect();
            chosen.iter().sum::<f64>() / chosen.len() as f64
        };
        assert!(mean(1.0, "best", Framing::Positive) > mean(-1.0, "best", Framing::Positive) + 3.0);
        assert!(mean(1.0, "worst", Framing::Negative) < mean(-1.0, "worst", Framing::Negative) - 3.0);
    }

    #[test]
    fn draws_depend_on_their_subject_alone() {
        assert_eq!(noise(&["a", "b"]), noise(&["a", "b"]));
        assert_ne!(noise(&["a", "b"]), noise(&["ab"]));
    }
}
