//! The forward as a composition of candle's operations, each of which has a gradient and runs on any device: what trains
//! the bundled pair, and what runs on a GPU.

mod attention;
mod layer;

use candle_core::{DType, Device, Tensor};

use super::nodes::Nodes;
use super::{Fetch, Role};
use crate::model::config::DecoderConfig;
use crate::model::{Cancel, ModelError};
use attention::{Masks, Rotary};
use layer::{Layer, Norm};

pub(super) struct Composed {
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

/// Keys and values, a pair a layer, each `[kv_heads, positions, head_dim]`.
type KeysValues = Vec<(Tensor, Tensor)>;

impl Composed {
    pub(super) fn load(config: &DecoderConfig, dtype: DType, device: &Device, fetch: &mut Fetch<'_>) -> Result<Self, ModelError> {
        let embedding = fetch("model.embed_tokens.weight", &[config.vocab_size, config.hidden_size], Role::Embedding)?;
        let layers = (0..config.windows.len()).map(|i| Layer::load(config, i, fetch)).collect::<Result<Vec<_>, _>>()?;
        let norm = Norm::load(config, "model.norm", config.hidden_size, fetch)?;
        let rotary = Rotary::new(&config.rope, config.head_dim, device)?;
        let local = config.local_rope.as_ref();
        let local_rotary = local.map(|rope| Rotary::new(rope, config.head_dim, device)).transpose()?;
        Ok(Composed { config: config.clone(), embedding, layers, norm, rotary, local_rotary, dtype, device: device.clone() })
    }

    /// `[vocab_size, hidden_size]`, in the dtype of the file.
    pub(super) fn embedding(&self) -> &Tensor {
        &self.embedding
    }

    /// See [`Decoder::forward`](super::Decoder::forward); keys and values of the nodes `keep` are returned in that order.
    pub(super) fn forward(
        &self,
        nodes: &Nodes,
        past: Option<&KeysValues>,
        reads: &[u32],
        keep: &[u32],
        cancel: &Cancel,
    ) -> Result<(Tensor, KeysValues), ModelError> {
        let ids = Tensor::new(nodes.tokens(), &self.device)?;
        let mut hidden = self.embedding.index_select(&ids, 0)?.to_dtype(self.dtype)?;
        if let Some(scale) = self.config.embedding_scale {
            // transformers rounds the factor to the model's dtype before it multiplies.
            let scale = Tensor::new(scale as f32, &self.device)?.to_dtype(self.dtype)?;
            hidden = hidden.broadcast_mul(&scale)?;
        }
        let rotation = self.rotary.at(nodes.positions(), &self.device)?;
        let local_rotation = self.local_rotary.as_ref().map(|rotary| rotary.at(nodes.positions(), &self.device)).transpose()?;
        let (reads, keep) = (Tensor::new(reads, &self.device)?, Tensor::new(keep, &self.device)?);
        let length = past.and_then(|layers| layers.first()).map_or(Ok(0), |(keys, _)| keys.dim(1))?;
        let masks = Masks::new(nodes, length, &self.config.windows, &self.device)?;
        let mut kept = Vec::new();
        for (i, layer) in self.layers.iter().enumerate() {
            cancel.check()?;
            let last = i + 1 == self.layers.len();
            let window = self.config.windows[i];
            let mask = masks.of(window);
            let rotation = local_rotation.as_ref().filter(|_| window.is_some()).unwrap_or(&rotation);
            let before = past.map(|layers| &layers[i]);
            let select = last.then_some(&reads);
            let (next, (keys, values)) = layer.forward(&self.config, &hidden, rotation, mask, before, select)?;
            hidden = next;
            if keep.elem_count() > 0 {
                kept.push((keys.index_select(&keep, 1)?, values.index_select(&keep, 1)?));
            }
        }
        let hidden = if reads.elem_count() == 0 { hidden } else { self.norm.forward(&hidden)? };
        Ok((hidden.to_dtype(DType::F32)?, kept))
    }
}
