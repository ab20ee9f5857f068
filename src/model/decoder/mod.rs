//! The transformer itself: token ids to hidden states, for a batch of nodes of a token tree.
//!
//! One implementation serves every architecture; [`DecoderConfig`] holds their differences. Each operation used here has a
//! gradient, so that the bundled pair is trained by the very code that scores with it. Knows nothing of words, prompts or
//! heads.

mod attention;
mod layer;
mod nodes;

use candle_core::{DType, Device, Tensor};

pub use nodes::{Nodes, NodesError};

use super::cancel::Cancel;
use super::config::DecoderConfig;
use attention::{Masks, Rotary};
use layer::{Layer, Norm};

/// Asked for one tensor by name and shape; answers with it on the decoder's device, or says what is wrong.
/// Weights keep the compute dtype; the embedding keeps the dtype of the file.
pub type Fetch<'a> = dyn FnMut(&str, &[usize], Role) -> Result<Tensor, super::ModelError> + 'a;

/// What a tensor is for, which decides the dtype it is kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Rows are looked up: kept as stored.
    Embedding,
    /// Multiplied: kept in the compute dtype.
    Linear,
    /// Norm weights and biases: kept in f32.
    Small,
}

/// Keys and values of positions already run, one pair a layer, each `[kv_heads, positions, head_dim]`.
#[derive(Clone, Debug)]
pub struct Cache {
    layers: Vec<(Tensor, Tensor)>,
    length: usize,
}

impl Cache {
    /// Positions held.
    pub fn len(&self) -> usize {
        self.length
    }

    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The first `length` positions alone; what they hold does not depend on what came after them.
    pub fn truncate(&self, length: usize) -> candle_core::Result<Cache> {
        let length = length.min(self.length);
        let cut = |x: &Tensor| x.narrow(1, 0, length)?.contiguous();
        let layers = self.layers.iter().map(|(k, v)| Ok((cut(k)?, cut(v)?))).collect::<candle_core::Result<_>>()?;
        Ok(Cache { layers, length })
    }

    /// These positions followed by those of `next`, which was run behind them.
    pub fn append(&self, next: &Cache) -> candle_core::Result<Cache> {
        let join = |a: &Tensor, b: &Tensor| Tensor::cat(&[a, b], 1);
        let layers = self.layers.iter().zip(&next.layers);
        let layers = layers.map(|(a, b)| Ok((join(&a.0, &b.0)?, join(&a.1, &b.1)?))).collect::<candle_core::Result<_>>()?;
        Ok(Cache { layers, length: self.length + next.length })
    }
}

/// What a forward gives back.
pub struct Output {
    /// After the final norm, `[reads, hidden_size]` in f32, in the order of the reads asked for.
    pub hidden: Tensor,
    /// Keys and values of the nodes of this batch (not of the prefix), where they were asked for.
    pub cache: Option<Cache>,
}

pub struct Decoder {
    config: DecoderConfig,
    embedding: Tensor,
    layers: Vec<Layer>,
    norm: Norm,
    rotary: Rotary,
    /// Of the layers with a window, where they rotate otherwise.
    local_rotary: Option<Rotary>,
    dtype: DType,
    device: Device,
}

impl Decoder {
    /// Builds the decoder from tensors named as in transformers' `model.*`.
    pub fn load(config: &DecoderConfig, dtype: DType, device: &Device, fetch: &mut Fetch<'_>) -> Result<Self, super::ModelError> {
        let embedding = fetch("model.embed_tokens.weight", &[config.vocab_size, config.hidden_size], Role::Embedding)?;
        let layers = (0..config.windows.len()).map(|i| Layer::load(config, i, fetch)).collect::<Result<Vec<_>, _>>()?;
        let norm = Norm::load(config, "model.norm", config.hidden_size, fetch)?;
        let rotary = Rotary::new(&config.rope, config.head_dim, device)?;
        let local = config.local_rope.as_ref();
        let local_rotary = local.map(|rope| Rotary::new(rope, config.head_dim, device)).transpose()?;
        Ok(Decoder { config: config.clone(), embedding, layers, norm, rotary, local_rotary, dtype, device: device.clone() })
    }

    pub fn config(&self) -> &DecoderConfig {
        &self.config
    }

    /// `[vocab_size, hidden_size]`, in the dtype of the file.
    pub fn embedding(&self) -> &Tensor {
        &self.embedding
    }

    pub fn device(&self) -> &Device {
        &self.device
    }

    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Runs `nodes` behind `prefix` and returns the hidden states at `reads` (indices of nodes).
    ///
    /// A node attends to the whole prefix, to its ancestors and to itself, within the layer's window; positions count from
    /// the start of the conversation. In the last layer only the reads go beyond their keys and values.
    ///
    /// `cancel` is looked at before every layer.
    pub fn forward(
        &self,
        nodes: &Nodes,
        prefix: Option<&Cache>,
        reads: &[u32],
        keep: bool,
        cancel: &Cancel,
    ) -> Result<Output, super::ModelError> {
        let ids = Tensor::new(nodes.tokens(), &self.device)?;
        let mut hidden = self.embedding.index_select(&ids, 0)?.to_dtype(self.dtype)?;
        if let Some(scale) = self.config.embedding_scale {
            // transformers rounds the factor to the model's dtype before it multiplies.
            let scale = Tensor::new(scale as f32, &self.device)?.to_dtype(self.dtype)?;
            hidden = hidden.broadcast_mul(&scale)?;
        }
        let rotation = self.rotary.at(nodes.positions(), &self.device)?;
        let local_rotation = self.local_rotary.as_ref().map(|rotary| rotary.at(nodes.positions(), &self.device)).transpose()?;
        let reads = Tensor::new(reads, &self.device)?;
        let masks = Masks::new(nodes, prefix.map_or(0, Cache::len), &self.config.windows, &self.device)?;
        let mut kept = Vec::with_capacity(if keep { self.layers.len() } else { 0 });
        for (i, layer) in self.layers.iter().enumerate() {
            cancel.check()?;
            let last = i + 1 == self.layers.len();
            let window = self.config.windows[i];
            let mask = masks.of(window);
            let rotation = local_rotation.as_ref().filter(|_| window.is_some()).unwrap_or(&rotation);
            let before = prefix.map(|cache| &cache.layers[i]);
            let select = last.then_some(&reads);
            let (next, keys_values) = layer.forward(&self.config, &hidden, rotation, mask, before, select)?;
            hidden = next;
            if keep {
                kept.push(keys_values);
            }
        }
        let hidden = if reads.elem_count() == 0 { hidden } else { self.norm.forward(&hidden)? }.to_dtype(DType::F32)?;
        let cache = keep.then(|| Cache { layers: kept, length: nodes.len() });
        Ok(Output { hidden, cache })
    }
}
