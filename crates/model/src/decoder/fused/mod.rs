//! The forward of inference on a GPU, in the shape of `native`: few kernels of our own, and matrix products between them.
//!
//! The residual stream, keys and values, norms, rotation, soft-max and attention are in f32; matrices in what was asked for.
//! No sum depends on the other rows of a batch, so a token's result is the same to the bit in any company, as on the CPU.
//!
//! A [`Backend`] does the computing: `card` on a GPU, `emulation` on the CPU, where a test holds it against `native`. What
//! stands here, the order of kernels and the layout of buffers, is the same for both.

#[cfg(feature = "cuda")]
mod card;
mod emulation;
#[cfg(feature = "cuda")]
mod product;
mod tree;

use std::collections::HashMap;
use std::sync::Mutex;

use candle_core::{DType, Result, Tensor};

use super::nodes::Nodes;
use super::{Fetch, Role, Wanted};
use crate::device::Compute;
use crate::format::config::{Activation, DecoderConfig};
use crate::nonempty::NonEmptyTensor;
use crate::{Cancel, ModelError};
#[cfg(feature = "cuda")]
pub(super) use card::Card;
pub(super) use emulation::Emulation;
use tree::Tree;

/// Rows that go through the feed-forward at a time, and the most that one product takes: its buffers are the largest.
const CHUNK: usize = 1024;

/// By name.
pub(super) type Tensors = HashMap<String, Tensor>;

pub(super) const EMBEDDING: &str = "model.embed_tokens.weight";

/// Keys and values, a pair a layer, each `[1, positions, kv_heads · head_dim]` in f32.
pub(super) type KeysValues = Vec<(NonEmptyTensor, NonEmptyTensor)>;

/// What of a model's configuration decides what kernels do.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    hidden: usize,
    intermediate: usize,
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
    activation: Activation,
    epsilon: f32,
    /// Of queries.
    scale: f32,
    softcap: Option<f32>,
    compute: Compute,
    /// Of the embedding's file. The emulation reads f32 of any.
    #[cfg_attr(not(feature = "cuda"), allow(dead_code))]
    embedding: DType,
}

impl Shape {
    fn queries(&self) -> usize {
        self.heads * self.head_dim
    }

    fn keys(&self) -> usize {
        self.kv_heads * self.head_dim
    }

    /// Queries, keys and values of a row, one behind the other.
    fn joined(&self) -> usize {
        self.queries() + 2 * self.keys()
    }
}

/// Attention of one layer.
pub(super) struct Attention<'a, B: Backend> {
    /// Keys and values of the prefix.
    past: Option<(&'a NonEmptyTensor, &'a NonEmptyTensor)>,
    tree: &'a Tree<B>,
    window: Option<usize>,
    /// The node of each row, where rows are not the nodes in order.
    which: Option<&'a B::Indices>,
    rows: usize,
}

/// What a layer's part adds to the stream, and what is made of the stream then.
pub(super) struct Join<'a, B: Backend> {
    rows: usize,
    bias: Option<&'a B::Floats>,
    /// The norm of what is added.
    post: Option<&'a B::Floats>,
    /// The norm of the stream.
    next: &'a B::Floats,
}

/// Memory of a device, and the kernels on it. Buffers are row-major, and hold at least [`CHUNK`] rows more than are in use:
/// a product may write there.
pub(super) trait Backend: Sized {
    /// f32.
    type Floats;
    /// In the dtype that matrices are multiplied in.
    type Operands;
    type Indices;
    /// `[out, input]`
    type Matrix;
    /// `[vocab_size, hidden]`
    type Embedding;

    fn shape(&self) -> &Shape;
    /// Zeros.
    fn floats(&self, length: usize) -> Result<Self::Floats>;
    /// Zeros.
    fn operands(&self, length: usize) -> Result<Self::Operands>;
    fn indices(&self, values: &[u32]) -> Result<Self::Indices>;
    fn upload(&self, values: &[f32]) -> Result<Self::Floats>;
    fn download(&self, from: &Self::Floats, length: usize) -> Result<Vec<f32>>;
    /// A vector in f32, brought from where it was read.
    fn vector(&self, tensor: &Tensor) -> Result<Self::Floats>;
    fn matrix(&self, tensor: Tensor) -> Result<Self::Matrix>;
    fn embedding(&self, tensor: Tensor) -> Result<Self::Embedding>;

    /// The embeddings of `tokens`, scaled.
    fn embed(&self, embedding: &Self::Embedding, tokens: &[u32], scale: f32, to: &mut Self::Floats) -> Result<()>;
    fn norm(&self, x: &Self::Floats, rows: usize, weight: &Self::Floats, to: &mut Self::Operands) -> Result<()>;
    /// Rows `first..first + rows` of `x` times the matrix, into rows from `at` on of `to`.
    fn product(
        &self,
        x: (&Self::Operands, usize),
        rows: usize,
        matrix: &Self::Matrix,
        to: (&mut Self::Floats, usize),
    ) -> Result<()>;
    /// Bias, head norms, rotation and the scale of queries, in place in `[rows, joined]`.
    fn heads(
        &self,
        joined: &mut Self::Floats,
        rows: usize,
        bias: Option<&Self::Floats>,
        norms: Option<&(Self::Floats, Self::Floats)>,
        turns: &(Self::Floats, Self::Floats),
    ) -> Result<()>;
    fn attend(&self, joined: &Self::Floats, attention: &Attention<'_, Self>, to: &mut Self::Operands) -> Result<()>;
    /// The stream's norm goes into `to`.
    fn join(&self, added: &Self::Floats, join: &Join<'_, Self>, hidden: &mut Self::Floats, to: &mut Self::Operands)
    -> Result<()>;
    /// The same behind the last layer: the norm is in f32.
    fn finish(&self, added: &Self::Floats, join: &Join<'_, Self>, hidden: &mut Self::Floats, to: &mut Self::Floats)
    -> Result<()>;
    /// `[rows, 2 · intermediate]`, the gate first.
    fn activate(&self, x: &Self::Floats, rows: usize, bias: Option<&Self::Floats>, to: &mut Self::Operands) -> Result<()>;
    /// Of each of `rows`, of rows of `stride` values, the `width` from `column` on: columns are (stride, column, width).
    fn gather(
        &self,
        from: &Self::Floats,
        columns: (usize, usize, usize),
        rows: (&Self::Indices, usize),
        to: &mut Self::Floats,
    ) -> Result<()>;
    /// The same as a tensor `[1, rows, width]`.
    fn kept(&self, from: &Self::Floats, columns: (usize, usize, usize), rows: (&Self::Indices, usize)) -> Result<NonEmptyTensor>;
}

/// `x · weightᵀ`; the bias is added by whoever reads the product.
struct Linear<B: Backend> {
    weight: B::Matrix,
    bias: Option<B::Floats>,
}

struct Layer<B: Backend> {
    input_norm: B::Floats,
    /// Queries, keys and values in one product.
    joined: Linear<B>,
    /// Of queries and of keys.
    head_norms: Option<(B::Floats, B::Floats)>,
    output: Linear<B>,
    post_attention_norm: Option<B::Floats>,
    feed_forward_norm: B::Floats,
    /// Gate and up in one product.
    gate_up: Linear<B>,
    down: Linear<B>,
    post_feed_forward_norm: Option<B::Floats>,
    window: Option<usize>,
    /// Whether it rotates by the frequencies of layers with a window.
    local: bool,
}

/// Kept from one forward to the next, and as long as the largest needed.
struct Workspace<B: Backend> {
    rows: usize,
    /// The residual stream, `[rows, hidden]`.
    hidden: B::Floats,
    added: B::Floats,
    normed: B::Operands,
    joined: B::Floats,
    /// What attention brought, `[rows, heads · head_dim]`.
    mixed: B::Operands,
    /// `[CHUNK, 2 · intermediate]`
    gate_up: B::Floats,
    active: B::Operands,
}

impl<B: Backend> Workspace<B> {
    fn new(backend: &B, rows: usize) -> Result<Self> {
        let (shape, padded) = (backend.shape(), rows + CHUNK);
        Ok(Workspace {
            rows,
            hidden: backend.floats(padded * shape.hidden)?,
            added: backend.floats(padded * shape.hidden)?,
            normed: backend.operands(padded * shape.hidden)?,
            // The last norm goes there too.
            joined: backend.floats(padded * shape.joined().max(shape.hidden))?,
            mixed: backend.operands(padded * shape.queries())?,
            gate_up: backend.floats(2 * CHUNK * 2 * shape.intermediate)?,
            active: backend.operands(2 * CHUNK * shape.intermediate)?,
        })
    }
}

/// What a forward gives back.
pub(super) struct Run {
    /// `[reads, hidden_size]`
    pub hidden: Vec<f32>,
    /// Of each layer but the last, `[by_layer, hidden_size]`.
    pub earlier: Vec<Vec<f32>>,
    pub kept: KeysValues,
}

pub(super) struct Fused<B: Backend> {
    backend: B,
    embedding: B::Embedding,
    embedding_scale: f32,
    layers: Vec<Layer<B>>,
    norm: B::Floats,
    /// Radians a position, `[head_dim / 2]`.
    frequencies: Vec<f32>,
    local_frequencies: Option<Vec<f32>>,
    workspace: Mutex<Option<Workspace<B>>>,
}

/// What of `config` the kernels are made for; none for a shape that they cannot compute.
pub(super) fn shape(config: &DecoderConfig, compute: Compute, embedding: DType) -> Option<Shape> {
    let fits = config.heads.is_multiple_of(config.kv_heads) && config.head_dim.is_multiple_of(2);
    // A thread keeps a sum for each query head that shares a key head.
    (fits && config.heads / config.kv_heads <= 16 && config.head_dim <= 256).then(|| Shape {
        hidden: config.hidden_size,
        intermediate: config.intermediate_size,
        heads: config.heads,
        kv_heads: config.kv_heads,
        head_dim: config.head_dim,
        activation: config.activation,
        epsilon: config.norm_epsilon as f32,
        scale: config.attention_scale as f32,
        softcap: config.attention_softcap.map(|cap| cap as f32),
        compute,
        embedding,
    })
}

impl<B: Backend> Fused<B> {
    /// Tensors are named as in transformers' `model.*`. They are returned too: those that were joined as views of the whole.
    pub(super) fn load(
        backend: B,
        embedding: Tensor,
        config: &DecoderConfig,
        fetch: &mut Fetch<'_>,
    ) -> std::result::Result<(Self, Tensors), ModelError> {
        let shape = backend.shape().clone();
        let tensors = Tensors::from([(EMBEDDING.to_owned(), embedding.clone())]);
        let mut load = Load { backend: &backend, config, fetch, tensors };
        let layers = (0..config.windows.len()).map(|index| load.layer(index)).collect::<std::result::Result<_, _>>()?;
        let norm = load.norm("model.norm", config.hidden_size)?;
        let tensors = load.tensors;
        let frequencies = |rope: &crate::format::config::Rope| -> Vec<f32> {
            rope.inverse_frequencies(config.head_dim).into_iter().map(|frequency| frequency as f32).collect()
        };
        let fused = Fused {
            embedding: backend.embedding(embedding)?,
            // transformers rounds the factor to the model's dtype before it multiplies.
            embedding_scale: shape.compute.round(config.embedding_scale.unwrap_or(1.0) as f32),
            layers,
            norm,
            frequencies: frequencies(&config.rope),
            local_frequencies: config.local_rope.as_ref().map(frequencies),
            workspace: Mutex::new(None),
            backend,
        };
        Ok((fused, tensors))
    }

    /// See [`Decoder::forward`](super::Decoder::forward). `nodes` holds at least one. Hidden states are `[reads, hidden_size]`;
    /// keys and values of the nodes `keep` are returned in that order.
    pub(super) fn forward(
        &self,
        nodes: &Nodes,
        past: Option<&KeysValues>,
        wanted: Wanted<'_>,
        cancel: &Cancel,
    ) -> std::result::Result<Run, ModelError> {
        // Taken out, not locked: another thread may begin a forward of its own.
        let taken = self.workspace.lock().ok().and_then(|mut kept| kept.take());
        let mut workspace = match taken.filter(|workspace| workspace.rows >= nodes.len()) {
            Some(workspace) => workspace,
            None => Workspace::new(&self.backend, nodes.len())?,
        };
        let result = self.run(&mut workspace, nodes, past, wanted, cancel);
        if let Ok(mut kept) = self.workspace.lock() {
            *kept = Some(workspace);
        }
        result
    }

    fn run(
        &self,
        space: &mut Workspace<B>,
        nodes: &Nodes,
        past: Option<&KeysValues>,
        wanted: Wanted<'_>,
        cancel: &Cancel,
    ) -> std::result::Result<Run, ModelError> {
        let Wanted { reads, keep, by_layer } = wanted;
        let (backend, shape, count) = (&self.backend, self.backend.shape(), nodes.len());
        let tree = Tree::new(backend, nodes)?;
        let turns = self.turns(&self.frequencies, nodes.positions())?;
        let local = self.local_frequencies.as_ref().map(|local| self.turns(local, nodes.positions())).transpose()?;
        let some = |rows: &[u32]| (!rows.is_empty()).then(|| backend.indices(rows)).transpose();
        let (read, keeping, by_layer) = (some(reads)?, some(keep)?, some(by_layer)?.map(|rows| (rows, by_layer.len())));
        let (mut kept, mut earlier) = (Vec::new(), Vec::new());
        backend.embed(&self.embedding, nodes.tokens(), self.embedding_scale, &mut space.hidden)?;
        let Some(first) = self.layers.first() else { return Err(candle_core::Error::msg("a decoder without layers").into()) };
        backend.norm(&space.hidden, count, &first.input_norm, &mut space.normed)?;
        for (i, layer) in self.layers.iter().enumerate() {
            cancel.check()?;
            let turns = local.as_ref().filter(|_| layer.local).unwrap_or(&turns);
            backend.product((&space.normed, 0), count, &layer.joined.weight, (&mut space.joined, 0))?;
            backend.heads(&mut space.joined, count, layer.joined.bias.as_ref(), layer.head_norms.as_ref(), turns)?;
            if let Some(keeping) = &keeping {
                let columns = |column: usize| (shape.joined(), column, shape.keys());
                let keys = backend.kept(&space.joined, columns(shape.queries()), (keeping, keep.len()))?;
                let values = backend.kept(&space.joined, columns(shape.queries() + shape.keys()), (keeping, keep.len()))?;
                kept.push((keys, values));
            }
            // In the last layer only what is read goes on.
            let next = self.layers.get(i + 1);
            let (which, rows) = if next.is_some() { (None, count) } else { (read.as_ref(), reads.len()) };
            if rows == 0 {
                break;
            }
            let past = past.and_then(|layers| layers.get(i)).map(|(keys, values)| (keys, values));
            let attention = Attention { past, tree: &tree, window: layer.window, which, rows };
            backend.attend(&space.joined, &attention, &mut space.mixed)?;
            if let Some(which) = which {
                backend.gather(&space.hidden, (shape.hidden, 0, shape.hidden), (which, rows), &mut space.added)?;
                std::mem::swap(&mut space.hidden, &mut space.added);
            }
            backend.product((&space.mixed, 0), rows, &layer.output.weight, (&mut space.added, 0))?;
            let part = Join {
                rows,
                bias: layer.output.bias.as_ref(),
                post: layer.post_attention_norm.as_ref(),
                next: &layer.feed_forward_norm,
            };
            backend.join(&space.added, &part, &mut space.hidden, &mut space.normed)?;
            for first in (0..rows).step_by(CHUNK) {
                let chunk = CHUNK.min(rows - first);
                backend.product((&space.normed, first), chunk, &layer.gate_up.weight, (&mut space.gate_up, 0))?;
                backend.activate(&space.gate_up, chunk, layer.gate_up.bias.as_ref(), &mut space.active)?;
                backend.product((&space.active, 0), chunk, &layer.down.weight, (&mut space.added, first))?;
            }
            let part = Join {
                rows,
                bias: layer.down.bias.as_ref(),
                post: layer.post_feed_forward_norm.as_ref(),
                next: next.map_or(&self.norm, |next| &next.input_norm),
            };
            match next {
                Some(_) => backend.join(&space.added, &part, &mut space.hidden, &mut space.normed)?,
                None => backend.finish(&space.added, &part, &mut space.hidden, &mut space.joined)?,
            }
            if let (Some((rows, count)), Some(_)) = (&by_layer, next) {
                earlier.push(self.states_at(&space.hidden, (rows, *count))?);
            }
        }
        let hidden = if reads.is_empty() { Vec::new() } else { backend.download(&space.joined, reads.len() * shape.hidden)? };
        Ok(Run { hidden, earlier, kept })
    }

    /// Rows of the stream after the norm behind the last layer.
    fn states_at(&self, hidden: &B::Floats, rows: (&B::Indices, usize)) -> Result<Vec<f32>> {
        let (backend, width) = (&self.backend, self.backend.shape().hidden);
        let zeros = || backend.floats(rows.1 * width);
        let (mut stream, nothing, mut states) = (zeros()?, zeros()?, zeros()?);
        backend.gather(hidden, (width, 0, width), rows, &mut stream)?;
        let part = Join { rows: rows.1, bias: None, post: None, next: &self.norm };
        backend.finish(&nothing, &part, &mut stream, &mut states)?;
        backend.download(&states, rows.1 * width)
    }

    /// Cosines and sines, `[positions, head_dim / 2]` each; angles in f32, as on the CPU.
    fn turns(&self, frequencies: &[f32], positions: &[u32]) -> Result<(B::Floats, B::Floats)> {
        let angles = positions.iter().flat_map(|&position| frequencies.iter().map(move |frequency| position as f32 * frequency));
        let (sin, cos): (Vec<f32>, Vec<f32>) = angles.map(f32::sin_cos).unzip();
        Ok((self.backend.upload(&cos)?, self.backend.upload(&sin)?))
    }
}

/// Tensors on their way into layers.
struct Load<'a, 'f, B: Backend> {
    backend: &'a B,
    config: &'a DecoderConfig,
    fetch: &'a mut Fetch<'f>,
    tensors: Tensors,
}

impl<B: Backend> Load<'_, '_, B> {
    fn norm(&mut self, name: &str, width: usize) -> std::result::Result<B::Floats, ModelError> {
        let name = format!("{name}.weight");
        let weight = (self.fetch)(&name, &[width], Role::Small)?;
        self.tensors.insert(name, weight.clone());
        let offset = self.config.norm_offset;
        let weight = if offset == 0.0 { weight } else { weight.affine(1.0, offset)? };
        Ok(self.backend.vector(&weight)?)
    }

    /// The matrices `parts`, `[out, input]` each, as one.
    fn linear(&mut self, parts: &[(String, usize)], input: usize, bias: bool) -> std::result::Result<Linear<B>, ModelError> {
        let weight = self.joined(parts, "weight", &|out| vec![out, input], Role::Linear)?;
        let bias = if bias { Some(self.joined(parts, "bias", &|out| vec![out], Role::Small)?) } else { None };
        let bias = bias.map(|bias| self.backend.vector(&bias)).transpose()?;
        Ok(Linear { weight: self.backend.matrix(weight)?, bias })
    }

    fn joined(
        &mut self,
        parts: &[(String, usize)],
        kind: &str,
        shape: &dyn Fn(usize) -> Vec<usize>,
        role: Role,
    ) -> std::result::Result<Tensor, ModelError> {
        let names = parts.iter().map(|(name, out)| (format!("{name}.{kind}"), *out));
        let tensors = names.clone().map(|(name, out)| (self.fetch)(&name, &shape(out), role));
        let mut tensors = tensors.collect::<std::result::Result<Vec<Tensor>, _>>()?;
        let joined = if tensors.len() == 1 { tensors.remove(0) } else { Tensor::cat(&tensors, 0)? };
        let mut first = 0;
        for (name, out) in names {
            self.tensors.insert(name, joined.narrow(0, first, out)?);
            first += out;
        }
        Ok(joined)
    }

    fn layer(&mut self, index: usize) -> std::result::Result<Layer<B>, ModelError> {
        let config = self.config;
        let at = |part: &str| format!("model.layers.{index}.{part}");
        let (h, i) = (config.hidden_size, config.intermediate_size);
        let (q, kv) = (config.heads * config.head_dim, config.kv_heads * config.head_dim);
        // With post norms the name `post_attention_layernorm` means what it says; without, it is the norm before the MLP.
        let (post_attention_norm, feed_forward_norm, post_feed_forward_norm) = if config.post_norms {
            let before = self.norm(&at("pre_feedforward_layernorm"), h)?;
            (Some(self.norm(&at("post_attention_layernorm"), h)?), before, Some(self.norm(&at("post_feedforward_layernorm"), h)?))
        } else {
            (None, self.norm(&at("post_attention_layernorm"), h)?, None)
        };
        let head_norms = if config.query_key_norm {
            let queries = self.norm(&at("self_attn.q_norm"), config.head_dim)?;
            Some((queries, self.norm(&at("self_attn.k_norm"), config.head_dim)?))
        } else {
            None
        };
        let attention = [(at("self_attn.q_proj"), q), (at("self_attn.k_proj"), kv), (at("self_attn.v_proj"), kv)];
        Ok(Layer {
            input_norm: self.norm(&at("input_layernorm"), h)?,
            joined: self.linear(&attention, h, config.query_bias)?,
            head_norms,
            output: self.linear(&[(at("self_attn.o_proj"), h)], q, config.output_bias)?,
            post_attention_norm,
            feed_forward_norm,
            gate_up: self.linear(&[(at("mlp.gate_proj"), i), (at("mlp.up_proj"), i)], h, config.mlp_bias)?,
            down: self.linear(&[(at("mlp.down_proj"), h)], i, config.mlp_bias)?,
            post_feed_forward_norm,
            window: config.windows[index],
            local: config.windows[index].is_some() && config.local_rope.is_some(),
        })
    }
}
