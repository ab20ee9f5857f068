//! The forward as a composition of candle's operations, each of which has a gradient and runs on any device: what trains
//! the bundled pair, and what runs on a GPU.

mod attention;
mod layer;

use candle_core::{DType, Device, Tensor};

use super::nodes::Nodes;
use super::{Fetch, Role, Wanted};
use crate::format::config::DecoderConfig;
use crate::nonempty::NonEmptyTensor;
use crate::{Cancel, ModelError};
use attention::{Masks, Rotary};
use layer::{Layer, Norm, Reads};

pub(super) struct Composed {
    config: DecoderConfig,
    embedding: NonEmptyTensor,
    layers: Vec<Layer>,
    norm: Norm,
    rotary: Rotary,
    /// Of the layers with a window, where they rotate otherwise.
    local_rotary: Option<Rotary>,
    dtype: DType,
    device: Device,
}

/// Keys and values, a pair a layer, each `[kv_heads, positions, head_dim]`.
type KeysValues = Vec<(NonEmptyTensor, NonEmptyTensor)>;

impl Composed {
    pub(super) fn load(config: &DecoderConfig, dtype: DType, device: &Device, fetch: &mut Fetch<'_>) -> Result<Self, ModelError> {
        let embedding = fetch("model.embed_tokens.weight", &[config.vocab_size, config.hidden_size], Role::Embedding)?;
        let embedding = NonEmptyTensor::of(embedding)?;
        let layers = (0..config.windows.len()).map(|i| Layer::load(config, i, fetch)).collect::<Result<Vec<_>, _>>()?;
        let norm = Norm::load(config, "model.norm", config.hidden_size, fetch)?;
        let rotary = Rotary::new(&config.rope, config.head_dim, device)?;
        let local = config.local_rope.as_ref();
        let local_rotary = local.map(|rope| Rotary::new(rope, config.head_dim, device)).transpose()?;
        Ok(Composed { config: config.clone(), embedding, layers, norm, rotary, local_rotary, dtype, device: device.clone() })
    }

    /// `[vocab_size, hidden_size]`, in the dtype of the file.
    pub(super) fn embedding(&self) -> &Tensor {
        self.embedding.tensor()
    }

    /// See [`Decoder::forward_for`](super::Decoder::forward_for). `nodes` holds at least one; without reads there are no hidden
    /// states after the last layer. Returns these, those after each earlier layer, and keys and values.
    pub(super) fn forward(
        &self,
        nodes: &Nodes,
        past: Option<&KeysValues>,
        wanted: Wanted<'_>,
        cancel: &Cancel,
    ) -> Result<(Option<Tensor>, Vec<Tensor>, KeysValues), ModelError> {
        let ids = self.indices(nodes.tokens())?;
        let mut hidden = self.embedding.index_select(&ids, 0)?.to_dtype(self.dtype)?;
        if let Some(scale) = self.config.embedding_scale {
            // transformers rounds the factor to the model's dtype before it multiplies.
            let scale = NonEmptyTensor::new(vec![scale as f32], &[1], &self.device)?.to_dtype(self.dtype)?;
            hidden = hidden.broadcast_mul(&scale)?;
        }
        let rotation = self.rotary.at(nodes.positions(), &self.device)?;
        let local_rotation = self.local_rotary.as_ref().map(|rotary| rotary.at(nodes.positions(), &self.device)).transpose()?;
        let some = |indices: &[u32]| (!indices.is_empty()).then(|| self.indices(indices)).transpose();
        let (reads, keep, by_layer) = (some(wanted.reads)?, some(wanted.keep)?, some(wanted.by_layer)?);
        let length = past.and_then(|layers| layers.first()).map_or(Ok(0), |(keys, _)| keys.dim(1))?;
        let masks = Masks::new(nodes, length, &self.config.windows, &self.device)?;
        let states = |rows: &NonEmptyTensor| Ok::<_, ModelError>(self.norm.forward(rows)?.to_dtype(DType::F32)?.into_tensor());
        let (mut kept, mut earlier) = (Vec::new(), Vec::new());
        for (i, layer) in self.layers.iter().enumerate() {
            cancel.check()?;
            let last = i + 1 == self.layers.len();
            let window = self.config.windows[i];
            let mask = masks.of(window);
            let rotation = local_rotation.as_ref().filter(|_| window.is_some()).unwrap_or(&rotation);
            let before = past.map(|layers| &layers[i]);
            let reads = match &reads {
                _ if !last => Reads::All,
                Some(reads) => Reads::At(reads),
                None => Reads::None,
            };
            let (next, (keys, values)) = layer.forward(&self.config, &hidden, rotation, mask, before, reads)?;
            if let Some(keep) = &keep {
                kept.push((keys.index_select(keep, 1)?, values.index_select(keep, 1)?));
            }
            match next {
                Some(next) => hidden = next,
                None => return Ok((None, earlier, kept)),
            }
            if let Some(by_layer) = by_layer.as_ref().filter(|_| !last) {
                earlier.push(states(&hidden.index_select(by_layer, 0)?)?);
            }
        }
        Ok((Some(states(&hidden)?), earlier, kept))
    }

    fn indices(&self, indices: &[u32]) -> candle_core::Result<NonEmptyTensor> {
        NonEmptyTensor::new(indices.to_vec(), &[indices.len()], &self.device)
    }
}
