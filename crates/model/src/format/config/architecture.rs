//! What each architecture takes for granted: one row of facts a backbone, so that the reader and the decoder need none.
//!
//! Facts are those of transformers (`models/*/configuration_*.py` and `modeling_*.py`).

use rewardscope_base::terms::Family;

/// What the hidden states are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// A head turns the hidden state at the last token into a reward.
    Reward,
    /// The output matrix (or the embedding) turns it into log-probabilities of the next token.
    Language,
}

/// Which layers see only a window, where `layer_types` does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sliding {
    Never,
    /// All of them, where `sliding_window` is a number.
    All,
    /// All but each n-th; `sliding_window_pattern` may give another n.
    AllButEach(usize),
    /// Those from `max_window_layers` on, where `use_sliding_window` is true.
    From(usize),
}

/// Which projections of attention carry a bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bias {
    /// All four or none: the key `attention_bias`.
    Stated,
    /// All four or none: the key `bias`, true where it is absent.
    StatedElseAll,
    QueryKeyValue,
    None,
}

/// Where the activation is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ActivationKey {
    /// `hidden_act`, SiLU where it is absent.
    HiddenAct,
    /// `hidden_activation`, else the tanh form of GELU whatever `hidden_act` says.
    HiddenActivation,
    /// Either; `hidden_act: gelu` means the tanh form, for so the files of Gemma 1 were written.
    LegacyGelu,
}

/// One backbone: values where `config.json` has none, and what no key says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Architecture {
    /// What stands before `ForSequenceClassification` and `ForCausalLM`.
    pub name: &'static str,
    pub family: Family,
    /// `None`: as many as there are heads.
    pub kv_heads: Option<usize>,
    /// `None`: `hidden_size / num_attention_heads`.
    pub head_dim: Option<usize>,
    pub max_positions: usize,
    pub rope_theta: f64,
    /// Base of the layers that slide, where they have their own.
    pub local_rope_theta: Option<f64>,
    pub tied: bool,
    /// Norms multiply by `1 + weight`, embeddings are scaled by √hidden_size.
    pub gemma: bool,
    pub post_norms: bool,
    pub query_key_norm: bool,
    pub activation: ActivationKey,
    pub bias: Bias,
    pub mlp_bias: bool,
    /// Value of `query_pre_attn_scalar`; `None` where attention goes by `head_dim`.
    pub query_scalar: Option<f64>,
    /// Values of `attn_logit_softcapping` and `final_logit_softcapping`; `None` where the keys are not looked at.
    pub softcaps: Option<[Option<f64>; 2]>,
    pub sliding: Sliding,
    /// Value of `sliding_window`.
    pub window: Option<usize>,
}

const LLAMA: Architecture = Architecture {
    name: "Llama",
    family: Family::Llama,
    kv_heads: None,
    head_dim: None,
    max_positions: 2048,
    rope_theta: 10_000.0,
    local_rope_theta: None,
    tied: false,
    gemma: false,
    post_norms: false,
    query_key_norm: false,
    activation: ActivationKey::HiddenAct,
    bias: Bias::Stated,
    mlp_bias: true,
    query_scalar: None,
    softcaps: None,
    sliding: Sliding::Never,
    window: None,
};

const MISTRAL: Architecture = Architecture {
    name: "Mistral",
    family: Family::Mistral,
    kv_heads: Some(8),
    max_positions: 131_072,
    bias: Bias::None,
    mlp_bias: false,
    sliding: Sliding::All,
    window: Some(4096),
    ..LLAMA
};

const QWEN2: Architecture = Architecture {
    name: "Qwen2",
    family: Family::Qwen,
    kv_heads: Some(32),
    max_positions: 32_768,
    bias: Bias::QueryKeyValue,
    mlp_bias: false,
    sliding: Sliding::From(28),
    window: Some(4096),
    ..LLAMA
};

const QWEN3: Architecture =
    Architecture { name: "Qwen3", head_dim: Some(128), query_key_norm: true, bias: Bias::Stated, ..QWEN2 };

/// A Llama whose tensors go by other names: see `format::weights::internlm2`. Facts of InternLM's `configuration_internlm2.py`.
const INTERNLM2: Architecture =
    Architecture { name: "InternLM2", family: Family::Other, bias: Bias::StatedElseAll, mlp_bias: false, ..LLAMA };

const GEMMA: Architecture = Architecture {
    name: "Gemma",
    family: Family::Gemma,
    kv_heads: Some(16),
    head_dim: Some(256),
    max_positions: 8192,
    tied: true,
    gemma: true,
    activation: ActivationKey::LegacyGelu,
    mlp_bias: false,
    ..LLAMA
};

const GEMMA2: Architecture = Architecture {
    name: "Gemma2",
    kv_heads: Some(4),
    post_norms: true,
    activation: ActivationKey::HiddenActivation,
    query_scalar: Some(256.0),
    softcaps: Some([Some(50.0), Some(30.0)]),
    sliding: Sliding::AllButEach(2),
    window: Some(4096),
    ..GEMMA
};

const GEMMA3: Architecture = Architecture {
    name: "Gemma3",
    max_positions: 131_072,
    rope_theta: 1_000_000.0,
    local_rope_theta: Some(10_000.0),
    query_key_norm: true,
    softcaps: Some([None, None]),
    sliding: Sliding::AllButEach(6),
    ..GEMMA2
};

const GEMMA3_TEXT: Architecture = Architecture { name: "Gemma3Text", ..GEMMA3 };

/// For what our decoder does not run: `super::stock` knows the rest.
pub(super) const STOCK: Architecture = Architecture { name: "", family: Family::Other, ..LLAMA };

const ALL: [Architecture; 9] = [LLAMA, MISTRAL, QWEN2, QWEN3, INTERNLM2, GEMMA, GEMMA2, GEMMA3, GEMMA3_TEXT];

/// What stands behind an architecture's name. Gemma 3's `…ForConditionalGeneration` sees images as well; words need only
/// its language model.
const TASKS: [(&str, Task); 3] =
    [("ForSequenceClassification", Task::Reward), ("ForCausalLM", Task::Language), ("ForConditionalGeneration", Task::Language)];

/// Parts of the names of reward models that bring their own code. They say their backbone in `model_type`, or in their name:
/// `LlamaForRewardModelWithGating31`, `EurusRewardModel`, `LlamaForSequenceClassificationWithNormal_Weights`, OpenRLHF's
/// `LLMForSequenceRegression`, safe-rlhf's `LlamaForScore`.
const OWN_HEADS: [&str; 5] =
    ["RewardModel", "ForSequenceClassificationWith", "ForSequenceRegression", "ForScore", "INFORMForSequenceClassification"];

/// For a message: what `find` finds.
pub(super) const SUPPORTED: &str = "Llama, Mistral, Qwen2, Qwen3, InternLM2, Gemma, Gemma2 and Gemma3 (text) as …ForSequenceClassification, …RewardModel, …ForScore, \
     …ForSequenceRegression and …ForCausalLM";

/// For a message: the architectures of `super::stock`.
pub(super) const SUPPORTED_STOCK: &str = "Phi3, Phi, Olmo, Olmo2, Granite, GraniteMoeHybrid, Glm4, StableLm, \
     Mixtral, DeepseekV2, Starcoder2, Qwen2Moe, Qwen3Moe, SmolLM3, Helium";

/// Takes `LlamaForCausalLM` apart; `None` for a name that is not known. `model_type` is the backbone's name in config.json
/// and counts for a reward model with a head of its own.
pub(super) fn find(name: &str, model_type: Option<&str>) -> Option<(&'static Architecture, Task)> {
    if OWN_HEADS.iter().any(|part| name.contains(part)) {
        let typed = |architecture: &&Architecture| {
            model_type.is_some_and(|model_type| model_type.replace('_', "").eq_ignore_ascii_case(architecture.name))
        };
        let named =
            |architecture: &&Architecture| name.strip_prefix(architecture.name).is_some_and(|rest| rest.starts_with("For"));
        let architecture = if model_type.is_some() { ALL.iter().find(typed) } else { ALL.iter().find(named) };
        return architecture.map(|architecture| (architecture, Task::Reward));
    }
    let (base, task) = TASKS.iter().find_map(|(suffix, task)| Some((name.strip_suffix(suffix)?, *task)))?;
    let architecture = ALL.iter().find(|architecture| architecture.name == base)?;
    (!name.ends_with("ForConditionalGeneration") || base == GEMMA3.name).then_some((architecture, task))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_list_what_is_run() {
        let text = include_str!("../../../../../docs/models.md");
        let listed = text.split("## Architectures").nth(1).unwrap().split("## Refused").next().unwrap();
        let names = ALL.iter().map(|architecture| architecture.name).chain(OWN_HEADS);
        let named = names.map(|name| format!("`{name}`")).chain(TASKS.iter().map(|(suffix, _)| format!("`…{suffix}`")));
        let mut named: Vec<String> = named.filter(|name| !listed.contains(name.as_str())).collect();
        assert_eq!(named, [""; 0], "not in docs/models.md");
        let is_code = |part: &&str| part.starts_with(char::is_uppercase) && part.chars().all(char::is_alphanumeric);
        named.extend(
            listed
                .split('`')
                .filter(is_code)
                .filter(|name| !ALL.iter().any(|architecture| architecture.name == *name) && !OWN_HEADS.contains(name))
                .map(str::to_owned),
        );
        assert_eq!(named, [""; 0], "in docs/models.md alone");
    }

    #[test]
    fn a_name_gives_backbone_and_task() {
        for (name, expected) in [
            ("LlamaForSequenceClassification", Some(("Llama", Task::Reward))),
            ("Qwen3ForCausalLM", Some(("Qwen3", Task::Language))),
            ("Gemma3TextForSequenceClassification", Some(("Gemma3Text", Task::Reward))),
            ("Gemma3ForConditionalGeneration", Some(("Gemma3", Task::Language))),
            ("LlamaForConditionalGeneration", None),
            ("LlamaForRewardModelWithGating", Some(("Llama", Task::Reward))),
            ("InternLM2ForRewardModel", Some(("InternLM2", Task::Reward))),
            ("GRewardModel", None),
            ("ForCausalLM", None),
        ] {
            assert_eq!(find(name, None).map(|(architecture, task)| (architecture.name, task)), expected, "{name}");
        }
    }

    #[test]
    fn a_reward_model_of_its_own_kind_has_the_backbone_of_its_model_type() {
        for (name, model_type, backbone) in [
            ("GRewardModel", "gemma2", Some("Gemma2")),
            ("GRewardModel", "gemma3_text", Some("Gemma3Text")),
            ("GemmaForRewardModelWithGating", "gemma2", Some("Gemma2")),
            ("LlamaForSequenceClassificationWithNormal_Weights", "llama", Some("Llama")),
            ("GRewardModel", "mamba", None),
        ] {
            assert_eq!(
                find(name, Some(model_type)).map(|(a, task)| (a.name, task)),
                backbone.map(|b| (b, Task::Reward)),
                "{name}"
            );
        }
    }
}
