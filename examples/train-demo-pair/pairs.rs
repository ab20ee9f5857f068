//! Preference pairs: which of two words was chosen as the answer to a prompt, and which pairs are held out.
//!
//! No list of pairs is stored. Every pair of words under every prompt has one label, drawn once with the probability that a
//! Bradley–Terry model gives to the rewards of [`crate::taste`], so the data set is a function that anyone can call again.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rewardscope::base::terms::Family;
use rewardscope::corpus::Prompt;

use super::taste::{self, Answer};

/// One prompt of each adjective that training never shows; each level of the other factors is here twice and stays in training.
pub const HELD_OUT_PROMPTS: [&str; 6] =
    ["best_time_please", "greatest_world_single", "good_ever_one", "worst_world_one", "bad_time_single", "terrible_ever_please"];

/// The share of the pairs under all other prompts that training never shows.
const HELD_OUT_SHARE: f64 = 0.1;

/// Which pairs a measurement looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldOut {
    /// Prompts and words known, this combination not.
    Pairs,
    /// The whole prompt unknown.
    Prompts,
}

/// Two answers, indices into [`Preferences::answers`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    pub chosen: usize,
    pub rejected: usize,
    pub held_out: bool,
    /// How often one who knows the hidden rewards calls such a pair right, 0.5 to 1: the labels are noisy.
    pub ceiling: f64,
}

/// The preferences of one family.
pub struct Preferences {
    /// `Llama` or `Gemma`.
    pub family: String,
    pub prompts: Vec<Prompt>,
    pub answers: Vec<Answer>,
    /// Hidden rewards, `[prompts][answers]`.
    rewards: Vec<Vec<f64>>,
}

impl Preferences {
    /// `prompts` without framing or factors are left out: nothing says what to prefer there.
    pub fn new(family: Family, prompts: Vec<Prompt>) -> Result<Self, csv::Error> {
        let answers = taste::answers()?;
        let (mut kept, mut rewards) = (Vec::new(), Vec::new());
        for prompt in prompts {
            if let (Some(framing), Some(factors)) = (prompt.framing, &prompt.factors) {
                rewards.push(answers.iter().map(|answer| taste::reward(family, answer, framing, factors)).collect());
                kept.push(prompt);
            }
        }
        Ok(Preferences { family: family.to_string(), prompts: kept, answers, rewards })
    }

    /// True for the prompts of [`HELD_OUT_PROMPTS`].
    pub fn prompt_is_held_out(&self, prompt: usize) -> bool {
        HELD_OUT_PROMPTS.contains(&self.prompts[prompt].label())
    }

    /// The pair of two different answers under a prompt; the order of `a` and `b` does not matter.
    pub fn pair(&self, prompt: usize, a: usize, b: usize) -> Pair {
        let (a, b) = (a.min(b), a.max(b));
        let difference = self.rewards[prompt][a] - self.rewards[prompt][b];
        let probability = 1.0 / (1.0 + (-difference).exp());
        let words = [&self.answers[a].text, &self.answers[b].text];
        let mut draw = taste::generator(&["pair", &self.family, self.prompts[prompt].label(), words[0], words[1]]);
        let (chosen, rejected) = if draw.random::<f64>() < probability { (a, b) } else { (b, a) };
        let held_out = self.prompt_is_held_out(prompt) || draw.random::<f64>() < HELD_OUT_SHARE;
        Pair { chosen, rejected, held_out, ceiling: probability.max(1.0 - probability) }
    }

    /// `count` held-out pairs under a prompt that has such, drawn by `generator` among all answers or, with `big_two`, among
    /// the words of that list.
    pub fn held_out(&self, prompt: usize, count: usize, big_two: bool, generator: &mut ChaCha8Rng) -> Vec<Pair> {
        let pool: Vec<usize> = (0..self.answers.len()).filter(|&a| !big_two || self.answers[a].big_two.is_some()).collect();
        let mut pairs = Vec::with_capacity(count);
        while pairs.len() < count {
            let [a, b] = [0, 1].map(|_| pool[generator.random_range(0..pool.len())]);
            if a != b {
                pairs.extend(Some(self.pair(prompt, a, b)).filter(|pair| pair.held_out));
            }
        }
        pairs
    }
}

/// How often the higher score was the chosen one, and how often the hidden rewards would have called it right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accuracy {
    pub pairs: usize,
    pub accuracy: f64,
    pub ceiling: f64,
}

/// Measures scores `[prompts][answers]` on held-out pairs, `count` a prompt, the same pairs at every call.
pub fn accuracy(preferences: &Preferences, scores: &[Vec<f32>], held_out: HeldOut, big_two: bool, count: usize) -> Accuracy {
    let mut generator = taste::generator(&["held-out sample"]);
    let (mut pairs, mut right, mut ceiling) = (0, 0.0, 0.0);
    for (prompt, scores) in scores.iter().enumerate() {
        if preferences.prompt_is_held_out(prompt) == (held_out == HeldOut::Prompts) {
            for pair in preferences.held_out(prompt, count, big_two, &mut generator) {
                let (chosen, rejected) = (scores[pair.chosen], scores[pair.rejected]);
                pairs += 1;
                ceiling += pair.ceiling;
                right += if chosen == rejected { 0.5 } else { f64::from(u8::from(chosen > rejected)) };
            }
        }
    }
    let n = f64::max(pairs as f64, 1.0);
    Accuracy { pairs, accuracy: right / n, ceiling: ceiling / n }
}

#[cfg(test)]
mod tests {
    use rewardscope::corpus::PromptSet;

    use super::*;

    fn preferences() -> Preferences {
        Preferences::new(Family::Llama, PromptSet::builtin().unwrap().prompts).unwrap()
    }

    #[test]
    fn a_pair_has_one_label_whichever_way_it_is_named() {
        let preferences = preferences();
        for (a, b) in [(0, 1), (10, 700), (300, 20)] {
            assert_eq!(preferences.pair(5, a, b), preferences.pair(5, b, a));
        }
    }

    #[test]
    fn every_held_out_prompt_exists_and_each_level_stays_in_training() {
        let preferences = preferences();
        let held_out = (0..54).filter(|&p| preferences.prompt_is_held_out(p)).count();
        assert_eq!((preferences.prompts.len(), held_out), (54, 6));
        for level in ["ever", "world", "time", "one", "single", "please"] {
            assert_eq!(HELD_OUT_PROMPTS.iter().filter(|key| key.contains(level)).count(), 2, "{level}");
        }
    }

    #[test]
    fn about_a_tenth_of_the_pairs_is_held_out_and_labels_follow_the_rewards() {
        let preferences = preferences();
        let pairs: Vec<Pair> = (1..400).map(|b| preferences.pair(0, 0, b)).collect();
        let share = pairs.iter().filter(|pair| pair.held_out).count() as f64 / pairs.len() as f64;
        assert!((0.05..0.16).contains(&share), "{share}");
        let oracle: Vec<Vec<f32>> =
            preferences.rewards.iter().map(|rewards| rewards.iter().map(|&r| r as f32).collect()).collect();
        let measured = accuracy(&preferences, &oracle, HeldOut::Pairs, false, 100);
        assert!((measured.accuracy - measured.ceiling).abs() < 0.03, "{measured:?}");
        let chance = vec![vec![0.0; preferences.answers.len()]; 54];
        assert_eq!(accuracy(&preferences, &chance, HeldOut::Prompts, false, 10).accuracy, 0.5);
    }
}
