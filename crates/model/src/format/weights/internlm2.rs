//! InternLM2's tensors under the names of Llama's, whose decoder it has.
//!
//! Its queries, keys and values are one matrix, `attention.wqkv`: a group of rows for each head of keys, in it the heads of
//! queries that go with that head, then its keys, then its values (InternLM's `modeling_internlm2.py`).

use std::ops::Range;

use super::{DECODER, ModelError, Stored, Weights};
use crate::format::config::DecoderConfig;

/// Modules outside the layers.
const OUTSIDE: [(&str, &str); 2] = [("model.tok_embeddings", "model.embed_tokens"), ("output", "lm_head")];
/// Modules of a layer.
const INSIDE: [(&str, &str); 6] = [
    ("attention_norm", "input_layernorm"),
    ("ffn_norm", "post_attention_layernorm"),
    ("attention.wo", "self_attn.o_proj"),
    ("feed_forward.w1", "mlp.gate_proj"),
    ("feed_forward.w3", "mlp.up_proj"),
    ("feed_forward.w2", "mlp.down_proj"),
];
const PACKED: &str = "attention.wqkv";

impl Weights {
    /// Gives the tensors the names of Llama's, and finds queries, keys and values among the rows of `wqkv`. Tensors of other
    /// models stay as they are.
    ///
    /// # Errors
    /// A `wqkv` of another shape than the heads of `config` make.
    pub fn under_llama_names(mut self, config: &DecoderConfig) -> Result<Self, ModelError> {
        if !self.tensors.keys().any(|name| name.contains(PACKED)) {
            return Ok(self);
        }
        for (name, stored) in std::mem::take(&mut self.tensors) {
            let Some(layer) = name.strip_suffix(".weight").or(name.strip_suffix(".bias")).and_then(|it| it.strip_suffix(PACKED))
            else {
                self.tensors.insert(renamed(&name).unwrap_or(name), stored);
                continue;
            };
            let end = &name[layer.len() + PACKED.len()..];
            let rows = (config.heads + 2 * config.kv_heads) * config.head_dim;
            let shape = [&[rows], stored.shape.get(1..).unwrap_or_default()].concat();
            if stored.shape != shape {
                return Err(self.shards[stored.shard].misshapen(&name, &stored.shape, &shape));
            }
            let queries = config.heads / config.kv_heads;
            for (part, heads) in [("q", 0..queries), ("k", queries..queries + 1), ("v", queries + 1..queries + 2)] {
                self.tensors.insert(format!("{layer}self_attn.{part}_proj{end}"), stored.of_each_group(heads, config));
            }
        }
        Ok(self)
    }
}

impl Stored {
    /// These of a group's heads, from all groups.
    fn of_each_group(&self, heads: Range<usize>, config: &DecoderConfig) -> Stored {
        let groups = config.kv_heads;
        let in_a_group = config.heads / groups + 2;
        let bytes_a_head = self.bytes() as usize / (groups * in_a_group);
        let start = self.ranges.first().map_or(0, |range| range.start);
        let at = |head: usize| start + head * bytes_a_head;
        let ranges = (0..groups).map(|group| at(group * in_a_group + heads.start)..at(group * in_a_group + heads.end)).collect();
        let mut shape = self.shape.clone();
        shape[0] = groups * heads.len() * config.head_dim;
        Stored { shape, ranges, ..self.clone() }
    }
}

/// Llama's name of a tensor; none for one that InternLM2 has no name of its own for.
fn renamed(name: &str) -> Option<String> {
    let (module, kind) = name.rsplit_once('.')?;
    let of = |table: &[(&str, &'static str)], module: &str| table.iter().find(|(own, _)| *own == module).map(|(_, llama)| *llama);
    if let Some(llama) = of(&OUTSIDE, module) {
        return Some(format!("{llama}.{kind}"));
    }
    let (layer, part) = module.strip_prefix(DECODER)?.strip_prefix("layers.")?.split_once('.')?;
    of(&INSIDE, part).map(|llama| format!("{DECODER}layers.{layer}.{llama}.{kind}"))
}
