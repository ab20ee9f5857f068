//! Names under which checkpoints of others keep a head: of tensors, and of files beside the weights.
//!
//! The names of the heads that are read are in `head`, a list of one entry a kind.

/// The output matrix of a language model.
pub const LM_HEAD: &str = "lm_head.weight";
/// The input embedding, which is the output matrix where the two are tied.
pub const EMBEDDING: &str = "model.embed_tokens.weight";

/// Parts of names under which others keep their heads.
const PARTS: [&str; 8] = ["head", "reward", "score", "classif", "regress", "critic", "summary", "gating"];
/// Whole names of such a part.
const WHOLE: [&str; 3] = ["cls", "value", "values"];
/// Heads that say the next tokens, and what sees or hears.
const OTHERS: [&str; 9] = ["lm_head", "medusa", "mtp", "eagle", "draft", "vision", "visual", "audio", "multi_modal"];
/// What stands before a name where one module holds the model.
const WRAPPERS: [&str; 11] = [
    "model.",
    "base_model.",
    "pretrained_model.",
    "module.",
    "transformer.",
    "language_model.",
    "backbone.",
    "rm.",
    "reward_model.",
    "_orig_mod.",
    "_fsdp_wrapped_module.",
];
/// Counters that a batch norm and safe-rlhf's normalizer keep while they are trained.
const COUNTERS: [&str; 2] = [".num_batches_tracked", "normalizer.count"];

/// True for what stands in the file and is never read.
pub fn is_a_counter(name: &str) -> bool {
    COUNTERS.iter().any(|counter| name.ends_with(counter))
}

/// The name without what wraps the model, where `found` holds of it: `pretrained_model.v_head.summary.bias` is
/// `v_head.summary.bias`.
pub fn unwrapped(name: &str, found: impl Fn(&str) -> bool) -> Option<&str> {
    let mut rest = name;
    while !found(rest) {
        rest = WRAPPERS.iter().find_map(|wrapper| rest.strip_prefix(wrapper))?;
    }
    Some(rest)
}

/// True for a tensor outside the layers whose name, in lower case, speaks of a head that gives no tokens.
pub fn speaks_of_a_head(name: &str) -> bool {
    let in_layers = ["layers.", "blk.", "h."].iter().any(|part| {
        let numbered = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
        name.match_indices(part).any(|(at, _)| (at == 0 || name[..at].ends_with('.')) && numbered(&name[at + part.len()..]))
    });
    !in_layers && !is_of_another(name) && has_part(name)
}

/// True for a file beside the weights that holds a head, in whatever format: `value_head.safetensors`, `v_head.bin`.
pub fn is_a_head_file(name: &str) -> bool {
    let Some((stem, end)) = name.rsplit_once('.') else { return false };
    let stem = stem.to_ascii_lowercase();
    ["safetensors", "bin", "pt", "pth"].contains(&end) && !is_of_another(&stem) && has_part(&stem)
}

fn is_of_another(name: &str) -> bool {
    OTHERS.iter().any(|other| name.contains(other))
}

fn has_part(name: &str) -> bool {
    PARTS.iter().any(|part| name.contains(part)) || name.split('.').any(|part| WHOLE.contains(&part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wraps_a_model_is_taken_off_a_name() {
        for (name, expected) in [
            ("v_head.summary.bias", Some("v_head.summary.bias")),
            ("pretrained_model.v_head.summary.bias", Some("v_head.summary.bias")),
            ("base_model.model.score.weight", Some("score.weight")),
            ("model.layers.0.score.weight", None),
            ("score", None),
        ] {
            let found = |rest: &str| rest.starts_with("score.") || rest.starts_with("v_head.");
            assert_eq!(unwrapped(name, found), expected, "{name}");
        }
    }

    #[test]
    fn files_that_hold_a_head_are_known_by_name() {
        for name in ["value_head.safetensors", "value_head.bin", "v_head.pt", "score_head.safetensors", "reward_head.pth"] {
            assert!(is_a_head_file(name), "{name}");
        }
        for name in [
            "model.safetensors",
            "model-00001-of-00002.safetensors",
            "pytorch_model.bin",
            "training_args.bin",
            "optimizer.pt",
            "adapter_model.safetensors",
            "medusa_lm_head.pt",
            "value_head.json",
        ] {
            assert!(!is_a_head_file(name), "{name}");
        }
    }
}
