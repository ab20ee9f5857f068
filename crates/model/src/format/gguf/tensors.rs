//! ggml's tensors under the names of transformers, and what ggml's converter did to their values.

use std::ops::Range;

use candle_core::quantized::GgmlDType;

use super::header::Header;
use crate::ModelError;
use rewardscope_base::text;

/// How the stored values differ from those of transformers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Change {
    #[default]
    None,
    /// Gemma's norms: the 1 that the model adds is already in them.
    OneAdded,
    /// Llama's queries and keys: the two halves of each of so many heads stand interleaved.
    Interleaved { heads: usize },
}

/// One tensor as the file describes it; `range` lies within the file.
pub(crate) struct Described {
    pub name: String,
    pub shape: Vec<usize>,
    pub dtype: GgmlDType,
    pub range: Range<usize>,
    pub change: Change,
}

/// Tensors begin at multiples of at least this.
const ALIGNED: usize = 4;
const EMBEDDING: &str = "token_embd";
const ROPE_FACTORS: &str = "rope_freqs.weight";
const HEADS: [&str; 2] = ["cls.output.weight", "score.weight"];

/// Parts outside the layers.
const OUTSIDE: [(&str, &str); 4] =
    [(EMBEDDING, "model.embed_tokens"), ("output_norm", "model.norm"), ("output", "lm_head"), ("cls.output", "score")];

/// Parts of a layer. `ffn_norm` depends on whether there are norms behind attention.
const INSIDE: [(&str, &str); 13] = [
    ("attn_norm", "input_layernorm"),
    ("attn_q", "self_attn.q_proj"),
    ("attn_k", "self_attn.k_proj"),
    ("attn_v", "self_attn.v_proj"),
    ("attn_output", "self_attn.o_proj"),
    ("attn_q_norm", "self_attn.q_norm"),
    ("attn_k_norm", "self_attn.k_norm"),
    ("post_attention_norm", "post_attention_layernorm"),
    ("ffn_norm", "post_attention_layernorm"),
    ("ffn_gate", "mlp.gate_proj"),
    ("ffn_up", "mlp.up_proj"),
    ("ffn_down", "mlp.down_proj"),
    ("post_ffw_norm", "post_feedforward_layernorm"),
];

/// True where the file carries a reward head.
pub(super) fn has_head(header: &Header) -> bool {
    HEADS.iter().any(|name| header.content.tensor_infos.contains_key(*name))
}

/// All tensors, renamed where transformers has a name for them.
///
/// Fails where one lies outside the file, or has more values than can be counted.
pub fn tensors(header: &Header) -> Result<Vec<Described>, ModelError> {
    let post_norms = matches!(header.architecture(), "gemma2" | "gemma3");
    let tensors = header.content.tensor_infos.iter().map(|(name, info)| {
        let (shape, dtype) = (info.shape.dims().to_vec(), info.ggml_dtype);
        let range = range(header, &shape, dtype, info.offset).ok_or_else(|| {
            let problem =
                format!("is cut short or damaged: the tensor {} does not lie within it as it should", text::visible(name));
            ModelError::file(&header.path, problem, "Download the file again")
        })?;
        Ok(Described { name: renamed(name, post_norms), shape, dtype, range, change: change(header, name) })
    });
    tensors.collect()
}

/// The factors by which frequencies are divided, where the file has them: what it holds in place of llama3 scaling.
pub(super) fn rope_factors(header: &Header) -> Result<Option<Vec<f32>>, ModelError> {
    let Some(info) = header.content.tensor_infos.get(ROPE_FACTORS) else { return Ok(None) };
    let range = range(header, info.shape.dims(), info.ggml_dtype, info.offset);
    let map = crate::format::mapped::map(&header.path)?;
    let bytes = range.filter(|_| info.ggml_dtype == GgmlDType::F32).and_then(|range| map.get(range));
    let bytes =
        bytes.ok_or_else(|| ModelError::file(&header.path, format!("{ROPE_FACTORS} is not sound"), "Download it again"))?;
    Ok(Some(bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()))
}

fn range(header: &Header, shape: &[usize], dtype: GgmlDType, offset: u64) -> Option<Range<usize>> {
    let elements = shape.iter().try_fold(1usize, |product, n| product.checked_mul(*n))?;
    if !elements.is_multiple_of(dtype.block_size()) {
        return None;
    }
    let start = usize::try_from(header.content.tensor_data_offset.checked_add(offset)?).ok()?;
    let end = start.checked_add((elements / dtype.block_size()).checked_mul(dtype.type_size())?)?;
    // Blocks are read where they lie.
    (end <= header.size && start.is_multiple_of(ALIGNED)).then_some(start..end)
}

fn renamed(name: &str, post_norms: bool) -> String {
    let Some((part, kind)) = name.rsplit_once('.') else { return name.to_owned() };
    let look_up =
        |table: &[(&str, &'static str)], part: &str| table.iter().find(|(ggml, _)| *ggml == part).map(|(_, name)| *name);
    if let Some((layer, part)) = part.strip_prefix("blk.").and_then(|rest| rest.split_once('.')) {
        let part = match part {
            "ffn_norm" if post_norms => Some("pre_feedforward_layernorm"),
            part => look_up(&INSIDE, part),
        };
        return part.map_or_else(|| name.to_owned(), |part| format!("model.layers.{layer}.{part}.{kind}"));
    }
    look_up(&OUTSIDE, part).map_or_else(|| name.to_owned(), |part| format!("{part}.{kind}"))
}

fn change(header: &Header, name: &str) -> Change {
    let heads = |key: &str| header.count(&header.key(key));
    let all = heads("attention.head_count");
    match header.architecture() {
        "llama" if name.contains(".attn_q.") => all.map_or(Change::None, |heads| Change::Interleaved { heads }),
        "llama" if name.contains(".attn_k.") => {
            heads("attention.head_count_kv").or(all).map_or(Change::None, |heads| Change::Interleaved { heads })
        }
        gemma if gemma.starts_with("gemma") && name.ends_with("norm.weight") => Change::OneAdded,
        _ => Change::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_transformers() {
        for (ggml, post_norms, expected) in [
            ("token_embd.weight", false, "model.embed_tokens.weight"),
            ("output.weight", false, "lm_head.weight"),
            ("output_norm.weight", false, "model.norm.weight"),
            ("blk.12.attn_q.bias", false, "model.layers.12.self_attn.q_proj.bias"),
            ("blk.0.attn_k_norm.weight", true, "model.layers.0.self_attn.k_norm.weight"),
            ("blk.0.ffn_norm.weight", false, "model.layers.0.post_attention_layernorm.weight"),
            ("blk.0.ffn_norm.weight", true, "model.layers.0.pre_feedforward_layernorm.weight"),
            ("blk.0.post_attention_norm.weight", true, "model.layers.0.post_attention_layernorm.weight"),
            ("rope_freqs.weight", false, "rope_freqs.weight"),
            ("blk.0.unknown.weight", false, "blk.0.unknown.weight"),
        ] {
            assert_eq!(renamed(ggml, post_norms), expected);
        }
    }
}
