//! The terms of the study, each said once: families of base models, units of scores, framings of prompts, ids.

use std::fmt;

/// The base model a reward model grew from: what the study compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Family {
    /// Google's Gemma.
    Gemma,
    /// Meta's Llama.
    Llama,
    /// Any other, or not known.
    Other,
}

impl Family {
    /// The letter that stands beside the colour: `G`, `L`, `?`.
    pub fn letter(self) -> char {
        match self {
            Family::Gemma => 'G',
            Family::Llama => 'L',
            Family::Other => '?',
        }
    }

    /// Guesses from an architecture, a repository or a file name; `Other` where neither family is named.
    pub fn guess(name: &str) -> Family {
        let name = name.to_ascii_lowercase();
        match (name.contains("gemma"), name.contains("llama")) {
            (true, _) => Family::Gemma,
            (false, true) => Family::Llama,
            _ => Family::Other,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Family::Gemma => "Gemma",
            Family::Llama => "Llama",
            Family::Other => "other",
        })
    }
}

/// What a score is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// The raw output of a reward model's head.
    #[default]
    Reward,
    /// A log-probability to base e.
    Nats,
    /// The difference of two log-probabilities to base e.
    LogRatio,
    /// Such a difference, weighted with the mean of the two probabilities.
    Mwlr,
}

impl Unit {
    /// What a column of such scores is called.
    pub fn title(self) -> &'static str {
        match self {
            Unit::Reward => "score",
            Unit::Nats => "log p",
            Unit::LogRatio => "log ratio",
            Unit::Mwlr => "MWLR",
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unit::Reward => "reward",
            Unit::Nats => "nats",
            Unit::LogRatio => "log ratio in nats",
            Unit::Mwlr => "mixture-weighted log ratio in nats",
        })
    }
}

/// What is made of the log-probabilities of a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Mixture-weighted log ratio, `0.5 (p_A + p_B) (log p_A − log p_B)`: words that neither would say count for little
    #[default]
    Mwlr,
    /// `log p_A − log p_B`
    LogRatio,
}

impl Measure {
    /// Both measures, the default first.
    pub const ALL: [Measure; 2] = [Measure::Mwlr, Measure::LogRatio];

    /// Of a word's log-probabilities under A and B.
    pub fn of(self, log_a: f64, log_b: f64) -> f64 {
        let ratio = log_a - log_b;
        match self {
            Measure::LogRatio => ratio,
            Measure::Mwlr => 0.5 * (log_a.exp() + log_b.exp()) * ratio,
        }
    }

    /// What the command line calls it.
    pub fn key(self) -> &'static str {
        match self {
            Measure::Mwlr => "mwlr",
            Measure::LogRatio => "log-ratio",
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Measure::Mwlr => "mixture-weighted log ratio",
            Measure::LogRatio => "log ratio",
        })
    }
}

/// Whether a prompt asks for the best or for the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Framing {
    /// It asks for the best.
    Positive,
    /// It asks for the worst.
    Negative,
}

/// A model opened in this process; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModelId(pub u32);

/// A word that has been seen in this process, by its exact text, or a token of a vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WordId(pub u32);

/// A prompt that has been seen in this process, by its exact text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PromptId(pub u32);
