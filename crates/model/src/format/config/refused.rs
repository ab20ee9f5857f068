//! Architectures that are known and not run: what stands in the way of each, and what would open it.

/// One of them, or a few that fail for the same reason.
pub(super) struct Refused {
    /// How the names of their classes begin, as config.json has them.
    pub classes: &'static [&'static str],
    /// Why their scores cannot be computed here, as the rest of a sentence about the model.
    pub reason: &'static str,
    /// What would have to be there.
    pub opened_by: &'static str,
}

/// Looked through before the architectures that our decoder runs: `Qwen2ForProcessRewardModel` would pass for one of them.
pub(super) const REFUSED: [Refused; 9] = [
    Refused {
        classes: &["Mixtral", "Qwen2Moe", "Qwen3Moe", "PhiMoE", "OlmoE", "DeepseekV2", "DeepseekV3", "GptOss", "Jamba"],
        reason: "a mixture of experts, and the decoder here has one feed-forward network a layer",
        opened_by: "It would take a router and experts in the decoder; a dense model of the same family runs",
    },
    Refused {
        classes: &["Athene"],
        reason: "Athene's, which reads the last token of its own kind in the conversation, not the last token",
        opened_by: "It would take that token's place as the place that is read",
    },
    Refused {
        classes: &["Qwen2ForProcessReward", "Qwen3ForProcessReward"],
        reason: "a process reward model's, which gives a value to each step of a solution and none to an answer",
        opened_by: "Take the outcome reward model of the same family (Qwen2.5-Math-RM)",
    },
    Refused {
        classes: &["Critic"],
        reason: "a critic's, which was trained beside a policy to foresee its rewards",
        opened_by: "Take the reward model that the critic was trained with",
    },
    Refused {
        classes: &["Deberta", "Bert", "Roberta", "XLMRoberta", "ModernBert", "T5", "Longformer"],
        reason: "an encoder's, in which each token sees those behind it as well",
        opened_by: "It would take an encoder beside the decoder",
    },
    Refused {
        classes: &["Falcon"],
        reason: "Falcon's, in which candle's code takes the tanh form of GELU for the exact one: log-probabilities differ from those \
                 of transformers by 6e-4 and more",
        opened_by: "It would take the exact form in candle",
    },
    Refused {
        classes: &[
            "GPTNeoX",
            "GPT2",
            "GPTJ",
            "OPT",
            "Bloom",
            "Phi",
            "StableLm",
            "Olmo",
            "Granite",
            "Glm",
            "Cohere",
            "Starcoder2",
            "SmolLM3",
            "Helium",
        ],
        reason: "a decoder of another build than Llama's",
        opened_by: "It would take its norms, positions and feed-forward network in the decoder",
    },
    Refused {
        classes: &["Qwen2VL", "Qwen2_5_VL", "Qwen3VL", "Llava", "Mllama", "InternVL"],
        reason: "a model's that sees images, with positions of its own kind",
        opened_by: "Take the language model of the same family",
    },
    Refused {
        classes: &["Qwen3Next", "Qwen3_5", "Mamba", "RecurrentGemma", "Gemma3n", "Gemma4"],
        reason: "a decoder's with layers of another kind than attention",
        opened_by: "It would take those layers in the decoder",
    },
];

/// The entry of a class; none for one that is not listed.
pub(super) fn find(class: &str) -> Option<&'static Refused> {
    REFUSED.iter().find(|refused| refused.classes.iter().any(|begin| class.starts_with(begin)))
}

/// The entry of a backbone, by the `model_type` of config.json: of reward models whose class says nothing of it.
pub(super) fn find_type(model_type: &str) -> Option<&'static Refused> {
    let model_type = model_type.replace('_', "").to_ascii_lowercase();
    REFUSED.iter().find(|refused| refused.classes.iter().any(|begin| model_type.starts_with(&begin.to_ascii_lowercase())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_say_the_same_in_the_same_order() {
        let text = include_str!("../../../../../docs/models.md");
        let rows = text.split("## Refused by name").nth(1).unwrap().lines().filter(|line| line.starts_with("| `"));
        let written = REFUSED.iter().map(|refused| {
            let classes: Vec<String> = refused.classes.iter().map(|class| format!("`{class}`")).collect();
            format!("| {} | {} | {} |", classes.join(", "), refused.reason, refused.opened_by)
        });
        assert_eq!(rows.collect::<Vec<_>>(), written.collect::<Vec<_>>());
    }

    #[test]
    fn no_entry_takes_what_is_run() {
        for class in
            ["LlamaForSequenceClassification", "Qwen2ForRewardModel", "Qwen3ForCausalLM", "Gemma3ForConditionalGeneration"]
        {
            assert!(find(class).is_none(), "{class}");
        }
    }

    #[test]
    fn a_backbone_is_known_by_its_model_type() {
        for (model_type, class) in
            [("mixtral", "Mixtral"), ("qwen2_moe", "Qwen2Moe"), ("qwen3_moe", "Qwen3Moe"), ("gpt_neox", "GPTNeoX")]
        {
            assert!(find_type(model_type).is_some_and(|refused| refused.classes.contains(&class)), "{model_type}");
        }
        assert!(find_type("llama").is_none() && find_type("").is_none());
    }
}
