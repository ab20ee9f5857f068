//! What stands in the weights and no part of the model asks for.

use super::format::config::{ModelConfig, Task};
use super::format::head_names;
use super::format::weights::Weights;
use super::head;
use rewardscope_base::text;

/// Tensors that are named before it is said how many more there are.
const NAMED: usize = 3;
/// Tables that are computed here, whatever a file holds.
const COMPUTED: [&str; 5] = ["rotary_emb.inv_freq", "position_ids", "rope_freqs.weight", "masked_bias", "attn.bias"];
/// Modules of a layer that may have a bias, where the configuration says so.
const BIASED: [&str; 2] = [".self_attn.", ".mlp."];

/// An output matrix stays on disk where only rewards are asked for, or where the embedding is the output matrix; so do
/// what sees images and what only training counts.
pub(super) fn is_used(name: &str, config: &ModelConfig) -> bool {
    let name = name.strip_prefix("model.").unwrap_or(name);
    if head_names::is_a_counter(name) {
        return false;
    }
    if config.task == Task::Language && head::resembles_a_head(name) {
        return false;
    }
    if name.starts_with("lm_head.") {
        return config.task == Task::Language && !config.tied;
    }
    !["vision_tower.", "multi_modal_projector."].iter().any(|part| name.starts_with(part))
}

/// What there is to say once everything has been read: nothing of what is no part of such a model, nor of tables that are
/// computed here.
pub(super) fn notes(weights: &Weights, config: &ModelConfig) -> Vec<String> {
    let is_missed = |name: &&str| is_used(name, config) && !COMPUTED.iter().any(|end| name.ends_with(end));
    let (biases, others): (Vec<&str>, Vec<&str>) =
        weights.unread().into_iter().filter(is_missed).partition(|name| is_a_bias(name));
    let biases = (!biases.is_empty()).then(|| {
        let count =
            if biases.len() == 1 { "1 bias of the layers was" } else { &format!("{} biases of the layers were", biases.len()) };
        format!(
            "{count} not read, for config.json or its class denies them (keys attention_bias, mlp_bias): {}. A model that was \
             trained with them scores otherwise",
            named(&biases)
        )
    });
    let others = (!others.is_empty()).then(|| {
        let count = if others.len() == 1 {
            "1 tensor of the weights was"
        } else {
            &format!("{} tensors of the weights were", others.len())
        };
        let part = if others.len() == 1 { "has" } else { "have" };
        format!("{count} not read, and {part} no part in the scores: {}", named(&others))
    });
    biases.into_iter().chain(others).collect()
}

fn is_a_bias(name: &str) -> bool {
    name.ends_with(".bias") && BIASED.iter().any(|module| name.contains(module))
}

fn named(names: &[&str]) -> String {
    let shown = names.iter().take(NAMED).map(|name| text::named(name)).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
