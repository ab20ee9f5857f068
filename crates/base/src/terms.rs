//! The terms of the study, each said once: families of base models, units of scores, framings of prompts, ids.

use std::fmt;

/// The base model a reward model grew from: what the study compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Family {
    /// Google's Gemma.
    Gemma,
    /// Meta's Llama.
    Llama,
    /// Alibaba's Qwen.
    Qwen,
    /// Mistral, Mixtral and Ministral of Mistral AI.
    Mistral,
    /// Microsoft's Phi.
    Phi,
    /// InternLM of Shanghai AI Laboratory.
    InternLm,
    /// OLMo of Ai2.
    Olmo,
    /// 01.AI's Yi.
    Yi,
    /// GLM of Zhipu AI.
    Glm,
    /// TII's Falcon.
    Falcon,
    /// EleutherAI's Pythia.
    Pythia,
    /// Hugging Face's SmolLM.
    SmolLm,
    /// IBM's Granite.
    Granite,
    /// DeepSeek's own models.
    DeepSeek,
    /// Any other, or not known.
    Other,
}

/// Each family with its name, and with what the names of its models hold. One of fewer than four letters counts where it is a
/// word of its own: `phi-3`, but not `dolphin`.
const FAMILIES: [(Family, &str, &[&str]); 14] = [
    (Family::Gemma, "Gemma", &["gemma"]),
    (Family::Llama, "Llama", &["llama"]),
    (Family::Qwen, "Qwen", &["qwen", "qwq"]),
    (Family::Mistral, "Mistral", &["mistral", "mixtral", "ministral"]),
    (Family::Phi, "Phi", &["phi", "phiforcausal"]),
    (Family::InternLm, "InternLM", &["internlm"]),
    (Family::Olmo, "OLMo", &["olmo"]),
    (Family::Yi, "Yi", &["yi"]),
    (Family::Glm, "GLM", &["glm", "chatglm", "glmforcausal"]),
    (Family::Falcon, "Falcon", &["falcon"]),
    (Family::Pythia, "Pythia", &["pythia"]),
    (Family::SmolLm, "SmolLM", &["smollm"]),
    (Family::Granite, "Granite", &["granite"]),
    (Family::DeepSeek, "DeepSeek", &["deepseek"]),
];

impl Family {
    /// The letter that stands beside the colour: `G`, `L`, `?`.
    pub fn letter(self) -> char {
        match self {
            Family::Other => '?',
            known => known.to_string().chars().next().unwrap_or('?'),
        }
    }

    /// Guesses from an architecture, a repository or a file name; `Other` where no family is named, or several are.
    pub fn guess(name: &str) -> Family {
        match Family::named_in(name)[..] {
            [family] => family,
            _ => Family::Other,
        }
    }

    /// Every family that a name holds. DeepSeek's distilled models are of the family that they were distilled into.
    pub fn named_in(name: &str) -> Vec<Family> {
        let name = name.to_ascii_lowercase();
        let is_letter = |at: Option<usize>| at.and_then(|at| name.as_bytes().get(at)).is_some_and(u8::is_ascii_alphabetic);
        let holds = |part: &&str| {
            let is_word = |at: usize| !is_letter(at.checked_sub(1)) && !is_letter(Some(at + part.len()));
            name.match_indices(*part).any(|(at, _)| part.len() > 3 || is_word(at))
        };
        let named = FAMILIES.iter().filter(|(_, _, parts)| parts.iter().any(&holds));
        let mut found: Vec<Family> = named.map(|(family, ..)| *family).collect();
        if found.len() > 1 {
            found.retain(|family| *family != Family::DeepSeek);
        }
        found
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = FAMILIES.iter().find(|(family, ..)| family == self).map_or("other", |(_, name, _)| name);
        f.write_str(name)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_known_by_the_names_of_their_models() {
        for (name, family) in [
            ("Skywork-Reward-Gemma-2-27B", Family::Gemma),
            ("TinyLlama_v1.1", Family::Llama),
            ("c-qwen2.5-rm", Family::Qwen),
            ("Qwen3ForCausalLM", Family::Qwen),
            ("Mixtral-8x7B", Family::Mistral),
            ("Phi-3-mini", Family::Phi),
            ("PhiForCausalLM", Family::Phi),
            ("microsoft/phi3", Family::Phi),
            ("dolphin-2.9", Family::Other),
            ("internlm2-7b-reward", Family::InternLm),
            ("01-ai/Yi-34B", Family::Yi),
            ("yielding", Family::Other),
            ("DeepSeek-R1-Distill-Qwen-7B", Family::Qwen),
            ("deepseek-llm-7b", Family::DeepSeek),
            ("gemma-llama-mix", Family::Other),
            ("run-7", Family::Other),
        ] {
            assert_eq!(Family::guess(name), family, "{name}");
        }
        assert_eq!(Family::named_in("gemma-llama-mix"), [Family::Gemma, Family::Llama]);
        for (family, name, _) in FAMILIES {
            assert_eq!(Family::guess(&family.to_string()), family, "{name}");
            assert_eq!(family.letter(), name.chars().next().unwrap());
        }
        assert_eq!((Family::Other.to_string().as_str(), Family::Other.letter()), ("other", '?'));
    }
}
