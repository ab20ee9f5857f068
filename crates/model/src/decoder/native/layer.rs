//! One transformer block over slices.

use rayon::prelude::*;

use super::attention::{Batch, Seen, attend};
use super::workspace::{Workspace, sized};
use super::{ROWS, elementwise};
use crate::decoder::nodes::Nodes;
use crate::decoder::packed::Packed;
use crate::decoder::source::Source;
use crate::format::config::{Activation, DecoderConfig};
use crate::{Cancel, ModelError};

/// Values that one task takes where rows do not matter.
const PIECE: usize = 1 << 14;

/// Root mean square norm.
pub(super) struct Norm {
    /// `[width]`, the offset already added.
    weight: Vec<f32>,
    epsilon: f32,
}

impl Norm {
    pub(super) fn read(config: &DecoderConfig, name: &str, width: usize, source: &dyn Source) -> Result<Self, ModelError> {
        let mut weight = source.vector(&format!("{name}.weight"), width)?;
        weight.iter_mut().for_each(|value| *value += config.norm_offset as f32);
        Ok(Norm { weight, epsilon: config.norm_epsilon as f32 })
    }

    /// Rows of `x` into rows of `to`.
    pub(super) fn rows(&self, x: &[f32], to: &mut [f32]) {
        let width = self.weight.len();
        to.par_chunks_mut(ROWS * width).zip(x.par_chunks(ROWS * width)).for_each(|(to, x)| {
            for (to, x) in to.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
                elementwise::norm(x, &self.weight, self.epsilon, to);
            }
        });
    }

    fn in_place(&self, row: &mut [f32]) {
        elementwise::norm_in_place(row, &self.weight, self.epsilon);
    }
}

/// `x · weightᵀ + bias`
struct Projection {
    weight: Packed,
    bias: Option<Vec<f32>>,
}

impl Projection {
    fn read(name: &str, out: usize, input: usize, bias: bool, source: &dyn Source) -> Result<Self, ModelError> {
        let weight = source.matrix(&format!("{name}.weight"), out, input)?;
        let bias = if bias { Some(source.vector(&format!("{name}.bias"), out)?) } else { None };
        Ok(Projection { weight, bias })
    }

    /// `x` is `[rows, input]`; the first rows of `to` are overwritten and returned.
    fn forward<'a>(&self, x: &[f32], to: &'a mut Vec<f32>) -> candle_core::Result<&'a mut [f32]> {
        let out = self.weight.out();
        let to = sized(to, x.len() / self.weight.input() * out);
        self.weight.multiply(x, to)?;
        if let Some(bias) = &self.bias {
            to.par_chunks_mut(out).for_each(|row| elementwise::add(row, bias));
        }
        Ok(to)
    }
}

/// Where a node stands: at `position`, behind `start` positions of the cache.
#[derive(Clone, Copy)]
pub(super) struct Place {
    start: usize,
    position: usize,
}

impl Place {
    /// Of all nodes; parents stand before their children.
    pub(super) fn all(nodes: &Nodes) -> Vec<Place> {
        let mut places: Vec<Place> = Vec::with_capacity(nodes.len());
        for (&position, parent) in nodes.positions().iter().zip(nodes.parents()) {
            let position = position as usize;
            let start = parent.map_or(position, |parent| places[parent as usize].start);
            places.push(Place { start, position });
        }
        places
    }
}

/// What a layer sees of what was run before.
#[derive(Clone, Copy)]
pub(super) struct Past<'a> {
    pub window: Option<usize>,
    /// Whether the layer rotates by the frequencies of layers with a window.
    pub local: bool,
    /// Keys and values of cached positions.
    pub rows: Option<(&'a [f32], &'a [f32])>,
}

pub(super) struct Layer {
    input_norm: Norm,
    query: Projection,
    key: Projection,
    value: Projection,
    output: Projection,
    /// Of queries and of keys, `[head_dim]` each.
    head_norms: Option<(Norm, Norm)>,
    post_attention_norm: Option<Norm>,
    feed_forward_norm: Norm,
    gate: Projection,
    up: Projection,
    down: Projection,
    post_feed_forward_norm: Option<Norm>,
}

impl Layer {
    pub(super) fn read(config: &DecoderConfig, index: usize, source: &dyn Source) -> Result<Self, ModelError> {
        let at = |part: &str| format!("model.layers.{index}.{part}");
        let norm = |part: &str, width: usize| Norm::read(config, &at(part), width, source);
        let (h, i) = (config.hidden_size, config.intermediate_size);
        let (q, kv) = (config.heads * config.head_dim, config.kv_heads * config.head_dim);
        let (bias, mlp_bias) = (config.query_bias, config.mlp_bias);
        // With post norms the name `post_attention_layernorm` means what it says; without, it is the norm before the MLP.
        let (post_attention_norm, feed_forward_norm, post_feed_forward_norm) = if config.post_norms {
            let before = norm("pre_feedforward_layernorm", h)?;
            (Some(norm("post_attention_layernorm", h)?), before, Some(norm("post_feedforward_layernorm", h)?))
        } else {
            (None, norm("post_attention_layernorm", h)?, None)
        };
        let head_norms = if config.query_key_norm {
            Some((norm("self_attn.q_norm", config.head_dim)?, norm("self_attn.k_norm", config.head_dim)?))
        } else {
            None
        };
        Ok(Layer {
            input_norm: norm("input_layernorm", h)?,
            query: Projection::read(&at("self_attn.q_proj"), q, h, bias, source)?,
            key: Projection::read(&at("self_attn.k_proj"), kv, h, bias, source)?,
            value: Projection::read(&at("self_attn.v_proj"), kv, h, bias, source)?,
            output: Projection::read(&at("self_attn.o_proj"), h, q, config.output_bias, source)?,
            head_norms,
            post_attention_norm,
            feed_forward_norm,
            gate: Projection::read(&at("mlp.gate_proj"), i, h, mlp_bias, source)?,
            up: Projection::read(&at("mlp.up_proj"), i, h, mlp_bias, source)?,
            down: Projection::read(&at("mlp.down_proj"), h, i, mlp_bias, source)?,
            post_feed_forward_norm,
        })
    }

    /// The stream's norm, and from it keys and values of all nodes.
    pub(super) fn keys_and_values(
        &self,
        config: &DecoderConfig,
        space: &mut Workspace,
        nodes: usize,
        past: Past<'_>,
    ) -> Result<(), ModelError> {
        let length = nodes * config.hidden_size;
        self.input_norm.rows(&space.hidden[..length], sized(&mut space.normed, length));
        let normed = &space.normed[..length];
        self.value.forward(normed, &mut space.values)?;
        let keys = self.key.forward(normed, &mut space.keys)?;
        let rotations = if past.local { &space.local } else { &space.global };
        let norm = self.head_norms.as_ref().map(|(_, norm)| norm);
        norm_and_rotate(keys, config.kv_heads, config.head_dim, norm, rotations, None, 1.0);
        Ok(())
    }

    /// Attention and feed-forward of the first rows of the stream: those of all nodes, or where a layer is the last those of
    /// `reads`, already brought to the front.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn attend_and_feed(
        &self,
        config: &DecoderConfig,
        space: &mut Workspace,
        nodes: &Nodes,
        places: &[Place],
        reads: Option<&[u32]>,
        past: Past<'_>,
        cancel: &Cancel,
    ) -> Result<(), ModelError> {
        let rows = reads.map_or(nodes.len(), <[u32]>::len);
        let length = rows * config.hidden_size;
        let queries = self.query.forward(&space.normed[..length], &mut space.queries)?;
        let rotations = if past.local { &space.local } else { &space.global };
        let norm = self.head_norms.as_ref().map(|(norm, _)| norm);
        norm_and_rotate(queries, config.heads, config.head_dim, norm, rotations, reads, config.attention_scale as f32);

        let width = config.heads * config.head_dim;
        let batch = Batch {
            heads: config.heads,
            kv_heads: config.kv_heads,
            head_dim: config.head_dim,
            softcap: config.attention_softcap.map(|cap| cap as f32),
            cached: past.rows.unwrap_or((&[], &[])),
            own: (&space.keys, &space.values),
        };
        let mixed = sized(&mut space.mixed, rows * width);
        mixed.par_chunks_mut(width).zip(queries.par_chunks(width)).enumerate().for_each_init(
            <(Vec<u32>, Vec<f32>)>::default,
            |(ancestors, scores), (row, (to, query))| {
                let node = reads.map_or(row as u32, |reads| reads[row]);
                ancestors.clear();
                ancestors.extend(nodes.with_ancestors(node));
                ancestors.reverse();
                let Place { start, position } = places[node as usize];
                attend(&batch, &Seen::new(past.window, start, position, ancestors), query, scores, to);
            },
        );
        cancel.check()?;
        self.output.forward(mixed, &mut space.added)?;
        join(&mut space.hidden[..length], &mut space.added, self.post_attention_norm.as_ref(), config.hidden_size);

        self.feed_forward_norm.rows(&space.hidden[..length], sized(&mut space.normed, length));
        let normed = &space.normed[..length];
        let up = &*self.up.forward(normed, &mut space.up)?;
        cancel.check()?;
        let gate = self.gate.forward(normed, &mut space.gate)?;
        gate.par_chunks_mut(PIECE).zip(up.par_chunks(PIECE)).for_each(|(gate, up)| match config.activation {
            Activation::Silu => elementwise::silu_mul(gate, up),
            Activation::GeluTanh => elementwise::gelu_tanh_mul(gate, up),
            Activation::Gelu => elementwise::gelu_mul(gate, up),
        });
        cancel.check()?;
        self.down.forward(gate, &mut space.added)?;
        join(&mut space.hidden[..length], &mut space.added, self.post_feed_forward_norm.as_ref(), config.hidden_size);
        Ok(())
    }
}

/// Adds to the stream what a part of the layer brought, after its norm where it has one.
fn join(hidden: &mut [f32], added: &mut [f32], norm: Option<&Norm>, width: usize) {
    hidden.par_chunks_mut(ROWS * width).zip(added.par_chunks_mut(ROWS * width)).for_each(|(hidden, added)| {
        for (hidden, added) in hidden.chunks_exact_mut(width).zip(added.chunks_exact_mut(width)) {
            if let Some(norm) = norm {
                norm.in_place(added);
            }
            elementwise::add(hidden, added);
        }
    });
}

/// Norm, rotation and scale of queries or keys `[rows, heads · head_dim]`; row `i` stands where node `reads[i]` does.
fn norm_and_rotate(
    x: &mut [f32],
    heads: usize,
    head_dim: usize,
    norm: Option<&Norm>,
    rotations: &(Vec<f32>, Vec<f32>),
    reads: Option<&[u32]>,
    scale: f32,
) {
    let half = head_dim / 2;
    x.par_chunks_mut(heads * head_dim).enumerate().with_min_len(ROWS).for_each(|(row, x)| {
        let node = reads.map_or(row, |reads| reads[row] as usize);
        let (cos, sin) = (&rotations.0[node * half..][..half], &rotations.1[node * half..][..half]);
        for head in x.chunks_exact_mut(head_dim) {
            if let Some(norm) = norm {
                norm.in_place(head);
            }
            elementwise::rotate(head, cos, sin, scale);
        }
    });
}
