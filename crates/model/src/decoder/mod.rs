//! The transformer itself: token ids to hidden states, for a batch of nodes of a token tree.
//!
//! [`DecoderConfig`] holds the differences between architectures, and there are three ways to run it: `native` on the CPU,
//! `fused` on an NVIDIA GPU, `composed` of candle's operations where gradients are wanted or another device computes. `stock`
//! has language models of other architectures, which candle-transformers computes. Knows nothing of words, prompts or heads.

mod cache;
mod composed;
mod fused;
mod native;
pub mod nodes;
pub mod packed;
pub(super) mod source;
mod stock;

use candle_core::{DType, Device, Tensor};

pub use cache::Cache;
pub use nodes::{Nodes, NodesError};

use super::cancel::Cancel;
use super::device::Compute;
use super::format::config::{self, DecoderConfig};
use cache::Layers;
use composed::Composed;
#[cfg(feature = "cuda")]
use fused::Card;
use fused::{Emulation, Fused};
use native::Native;
pub(super) use native::is_fused;
use source::Source;
use stock::Stock;
pub(super) use stock::Tensors;

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

/// What a forward gives back.
pub struct Output {
    /// After the final norm, `[reads, hidden_size]` in f32, in the order of the reads asked for. On the CPU but where candle's
    /// operations run on a GPU. Of a stock model (`Decoder::stock`) the logits of the token that comes next, `[reads, vocab_size]`,
    /// for candle-transformers gives no hidden states.
    pub hidden: Tensor,
    /// Hidden states after each layer but the last, from the first on, through the final norm: of each layer
    /// `[by_layer, hidden_size]` in f32, in the order of the nodes asked for. Empty where none were.
    pub earlier: Vec<Tensor>,
    /// Keys and values of nodes of this batch (not of the prefix), where they were asked for.
    pub cache: Option<Cache>,
}

/// What a forward is to give back; indices of nodes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// Nodes whose hidden states after the last layer are wanted.
    pub reads: &'a [u32],
    /// Nodes whose keys and values are wanted.
    pub keep: &'a [u32],
    /// Nodes whose hidden states after every earlier layer are wanted as well.
    pub by_layer: &'a [u32],
}

/// A decoder-only transformer in memory: token ids to hidden states.
pub struct Decoder {
    config: DecoderConfig,
    forward: Forward,
    device: Device,
}

/// How a forward is run.
enum Forward {
    Native(Native),
    Composed(Composed),
    #[cfg(feature = "cuda")]
    Fused(Box<Fused<Card>>, Tensor),
    Emulated(Box<Fused<Emulation>>),
    Stock(Stock),
}

impl Decoder {
    /// A language model that candle-transformers computes, in f32: it gives logits in place of hidden states.
    pub(super) fn stock(
        config: &DecoderConfig,
        stock: &config::Stock,
        device: &Device,
        tensors: &dyn Tensors,
    ) -> Result<Self, super::ModelError> {
        let forward = Forward::Stock(Stock::load(stock, config.vocab_size, device, tensors)?);
        Ok(Decoder { config: config.clone(), forward, device: device.clone() })
    }

    /// Builds the decoder from tensors named as in transformers' `model.*`, of operations that have a gradient, on any
    /// device.
    pub fn trainable(
        config: &DecoderConfig,
        dtype: DType,
        device: &Device,
        fetch: &mut Fetch<'_>,
    ) -> Result<Self, super::ModelError> {
        let forward = Forward::Composed(Composed::load(config, dtype, device, fetch)?);
        Ok(Decoder { config: config.clone(), forward, device: device.clone() })
    }

    /// For inference on the CPU, tensors read in parallel.
    pub(super) fn read(
        config: &DecoderConfig,
        compute: Compute,
        source: &(dyn Source + Sync),
    ) -> Result<Self, super::ModelError> {
        let forward = Forward::Native(Native::read(config, compute, source)?);
        Ok(Decoder { config: config.clone(), forward, device: Device::Cpu })
    }

    /// Runs the GPU's kernels as they are said in Rust: slow, and there to be held against the other ways. `dtype` is that of
    /// matrices. None for a shape that the kernels cannot compute.
    pub fn emulated(config: &DecoderConfig, dtype: DType, fetch: &mut Fetch<'_>) -> Result<Option<Self>, super::ModelError> {
        let embedding = fetch(fused::EMBEDDING, &[config.vocab_size, config.hidden_size], Role::Embedding)?;
        let Some(shape) = fused::shape(config, Compute::of(dtype), embedding.dtype()) else { return Ok(None) };
        let (fused, _) = Fused::load(Emulation::new(shape), embedding, config, fetch)?;
        Ok(Some(Decoder { config: config.clone(), forward: Forward::Emulated(Box::new(fused)), device: Device::Cpu }))
    }

    /// For inference on a GPU: by our kernels where there are some for it and they agree with candle's operations on a small
    /// tree, else by those. Also says why not, where they do not agree.
    pub(super) fn on_gpu(
        config: &DecoderConfig,
        compute: Compute,
        device: &Device,
        fetch: &mut Fetch<'_>,
    ) -> Result<(Self, Option<String>), super::ModelError> {
        #[cfg(feature = "cuda")]
        if device.is_cuda() {
            return Self::on_card(config, compute, device, fetch);
        }
        Ok((Self::trainable(config, compute.dtype(), device, fetch)?, None))
    }

    #[cfg(feature = "cuda")]
    fn on_card(
        config: &DecoderConfig,
        compute: Compute,
        device: &Device,
        fetch: &mut Fetch<'_>,
    ) -> Result<(Self, Option<String>), super::ModelError> {
        let made = |forward| Decoder { config: config.clone(), forward, device: device.clone() };
        let embedding = fetch(fused::EMBEDDING, &[config.vocab_size, config.hidden_size], Role::Embedding)?;
        let Some(shape) = fused::shape(config, compute, embedding.dtype()) else {
            let mut fetch = |name: &str, shape: &[usize], role| match name {
                fused::EMBEDDING => Ok(embedding.clone()),
                _ => fetch(name, shape, role),
            };
            let why = "they are made for heads of at most 256 values, of which at most 16 share keys".to_owned();
            return Ok((Self::trainable(config, compute.dtype(), device, &mut fetch)?, Some(why)));
        };
        let (fused, mut tensors) = Fused::load(Card::new(shape, device)?, embedding.clone(), config, fetch)?;
        let mut take = |name: &str, _: &[usize], _| {
            let missing = || candle_core::Error::msg(format!("{name} was not read")).into();
            tensors.remove(name).ok_or_else(missing)
        };
        let composed = made(Forward::Composed(Composed::load(config, compute.dtype(), device, &mut take)?));
        let fused = made(Forward::Fused(Box::new(fused), embedding));
        Ok(match fused.differs_from(&composed, compute)? {
            None => (fused, None),
            Some(difference) => (composed, Some(difference)),
        })
    }

    /// Runs a small tree behind a small prefix both ways. `None` where hidden states are the same but for rounding.
    #[cfg(feature = "cuda")]
    fn differs_from(&self, other: &Decoder, compute: Compute) -> Result<Option<String>, super::ModelError> {
        /// Root mean square of what differs, as a share of that of the hidden states.
        const ROUNDING: [(Compute, f32); 2] = [(Compute::Bf16, 0.1), (Compute::F16, 0.02)];
        let token = |i: usize| (i * 7919 + 11) as u32 % self.config.vocab_size as u32;
        let prefix: Vec<u32> = (0..40).map(token).collect();
        let mut tree = Nodes::default();
        let push = |tree: &mut Nodes, token, parent, start| tree.push(token, parent, start).map_err(candle_core::Error::wrap);
        for branch in 0..8 {
            let root = push(&mut tree, token(50 + branch), None, 40 - branch)?;
            let child = push(&mut tree, token(60 + branch), Some(root), 40 - branch)?;
            push(&mut tree, token(70 + branch), Some(child), 40 - branch)?;
        }
        let reads: Vec<u32> = (0..tree.len() as u32).collect();
        let run = |decoder: &Decoder| -> Result<Vec<f32>, super::ModelError> {
            let cancel = Cancel::default();
            let before = decoder.forward(&Nodes::chain(&prefix, 0), None, &[], true, &cancel)?.cache;
            let hidden = decoder.forward(&tree, before.as_ref(), &reads, false, &cancel)?.hidden;
            Ok(hidden.flatten_all()?.to_vec1()?)
        };
        let (mine, theirs) = (run(self)?, run(other)?);
        let size = |values: &mut dyn Iterator<Item = f32>| values.map(|x| x * x).sum::<f32>().sqrt();
        let share = size(&mut mine.iter().zip(&theirs).map(|(a, b)| a - b)) / size(&mut theirs.iter().copied());
        let allowed = ROUNDING.iter().find(|(of, _)| *of == compute).map_or(1e-3, |(_, share)| *share);
        // A share that is no number is no agreement.
        let agree = share <= allowed;
        tracing::debug!(share, allowed, "our kernels beside candle's operations");
        Ok((!agree)
            .then(|| format!("hidden states differ from candle's by {share:.2e} of their size, where {allowed:.0e} is rounding")))
    }

    /// What computes: `native`, `fused`, `candle`, or `stock`.
    pub fn way(&self) -> &'static str {
        match self.forward {
            Forward::Native(_) => "native",
            Forward::Composed(_) => "candle",
            #[cfg(feature = "cuda")]
            Forward::Fused(..) => "fused",
            Forward::Emulated(_) => "emulated",
            Forward::Stock(_) => "stock",
        }
    }

    /// Its sizes.
    pub fn config(&self) -> &DecoderConfig {
        &self.config
    }

    /// Where it computes.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// `[vocab_size, hidden_size]`, in the dtype of the file, where candle's operations look rows up in it.
    pub fn embedding(&self) -> Option<&Tensor> {
        match &self.forward {
            Forward::Native(_) => None,
            Forward::Composed(composed) => Some(composed.embedding()),
            #[cfg(feature = "cuda")]
            Forward::Fused(_, embedding) => Some(embedding),
            Forward::Emulated(_) | Forward::Stock(_) => None,
        }
    }

    /// Runs `nodes` behind `prefix` and returns the hidden states at `reads` (indices of nodes); with `keep`, the keys and
    /// values of all nodes as well.
    ///
    /// A root at position `p` sees the first `p` positions of the prefix; every node sees what its root sees, its ancestors
    /// and itself, within the layer's window. Positions count from the start of the conversation. In the last layer only
    /// the reads go beyond their keys and values.
    ///
    /// `cancel` is looked at several times a layer.
    pub fn forward(
        &self,
        nodes: &Nodes,
        prefix: Option<&Cache>,
        reads: &[u32],
        keep: bool,
        cancel: &Cancel,
    ) -> Result<Output, super::ModelError> {
        let all: Vec<u32> = if keep { (0..nodes.len() as u32).collect() } else { Vec::new() };
        let output = self.forward_keeping(nodes, prefix, reads, &all, cancel)?;
        Ok(Output { cache: output.cache.filter(|_| keep), ..output })
    }

    /// The same, with the keys and values of the nodes `keep`, in that order.
    pub fn forward_keeping(
        &self,
        nodes: &Nodes,
        prefix: Option<&Cache>,
        reads: &[u32],
        keep: &[u32],
        cancel: &Cancel,
    ) -> Result<Output, super::ModelError> {
        self.forward_for(nodes, prefix, Wanted { reads, keep, by_layer: &[] }, cancel)
    }

    /// The same, with all that is `wanted`.
    ///
    /// # Errors
    /// An index without a node, a root behind more positions than `prefix` holds, a `prefix` of another decoder, and
    /// [`ModelError::Cancelled`](super::ModelError::Cancelled).
    pub fn forward_for(
        &self,
        nodes: &Nodes,
        prefix: Option<&Cache>,
        wanted: Wanted<'_>,
        cancel: &Cancel,
    ) -> Result<Output, super::ModelError> {
        let Wanted { reads, keep, by_layer } = wanted;
        let held = prefix.map_or(0, Cache::len);
        let roots = nodes.positions().iter().zip(nodes.parents()).filter(|(_, parent)| parent.is_none());
        let missing = |error: String| super::ModelError::from(candle_core::Error::msg(error));
        if let Some((position, _)) = roots.max().filter(|(position, _)| **position as usize > held) {
            return Err(missing(format!("a node stands at position {position}, and keys and values of {held} are held")));
        }
        if let Some(node) = reads.iter().chain(keep).chain(by_layer).find(|node| **node as usize >= nodes.len()) {
            return Err(missing(format!("there is no node {node} among {}", nodes.len())));
        }
        let no_states = || Tensor::zeros((0, self.config.hidden_size), DType::F32, &Device::Cpu);
        if nodes.is_empty() {
            return Ok(Output { hidden: no_states()?, earlier: Vec::new(), cache: None });
        }
        let prefix = prefix.filter(|cache| !cache.is_empty());
        let length = keep.len();
        let (hidden, earlier, layers) = match &self.forward {
            Forward::Native(native) => {
                let past = match prefix.map(|cache| &cache.layers) {
                    Some(Layers::Rows(rows)) => Some(rows),
                    Some(_) => return Err(missing("the prefix is of another decoder".to_owned())),
                    None => None,
                };
                let native::Run { hidden, earlier, kept } = native.forward(nodes, past, wanted, cancel)?;
                let states = |rows: usize, values| Tensor::from_vec(values, (rows, self.config.hidden_size), &self.device);
                let earlier = earlier.into_iter().map(|values| states(by_layer.len(), values)).collect::<Result<_, _>>()?;
                (states(reads.len(), hidden)?, earlier, Layers::Rows(kept))
            }
            #[cfg(feature = "cuda")]
            Forward::Fused(fused, _) => self.run_fused(fused, nodes, prefix, wanted, cancel)?,
            Forward::Emulated(fused) => self.run_fused(fused, nodes, prefix, wanted, cancel)?,
            Forward::Composed(composed) => {
                let past = match prefix.map(|cache| &cache.layers) {
                    Some(Layers::Tensors(layers)) => Some(layers),
                    Some(_) => return Err(missing("the prefix is of another decoder".to_owned())),
                    None => None,
                };
                let (hidden, earlier, layers) = composed.forward(nodes, past, wanted, cancel)?;
                (hidden.map_or_else(no_states, Ok)?, earlier, Layers::Tensors(layers))
            }
            Forward::Stock(stock) => {
                let past = match prefix.map(|cache| &cache.layers) {
                    Some(Layers::Trail(trail)) => Some(trail),
                    Some(_) => return Err(missing("the prefix is of another decoder".to_owned())),
                    None => None,
                };
                let stock::Run { logits, kept } = stock.forward(nodes, past, wanted, cancel)?;
                let logits = Tensor::from_vec(logits, (reads.len(), self.config.vocab_size), &Device::Cpu)?;
                (logits, Vec::new(), Layers::Trail(kept))
            }
        };
        Ok(Output { hidden, earlier, cache: (length > 0).then_some(Cache { layers, length }) })
    }

    fn run_fused<B: fused::Backend>(
        &self,
        fused: &Fused<B>,
        nodes: &Nodes,
        prefix: Option<&Cache>,
        wanted: Wanted<'_>,
        cancel: &Cancel,
    ) -> Result<(Tensor, Vec<Tensor>, Layers), super::ModelError> {
        let past = match prefix.map(|cache| &cache.layers) {
            Some(Layers::Tensors(layers)) => Some(layers),
            Some(_) => return Err(candle_core::Error::msg("the prefix is of another decoder").into()),
            None => None,
        };
        let fused::Run { hidden, earlier, kept } = fused.forward(nodes, past, wanted, cancel)?;
        let states = |rows: usize, values| Tensor::from_vec(values, (rows, self.config.hidden_size), &Device::Cpu);
        let earlier = earlier.into_iter().map(|values| states(wanted.by_layer.len(), values)).collect::<Result<_, _>>()?;
        Ok((states(wanted.reads.len(), hidden)?, earlier, Layers::Tensors(kept)))
    }
}
