//! The forward of inference on the CPU: packed matrices, plain slices, buffers that are used again.
//!
//! The residual stream, norms, rotation, soft-max and attention are in f32; matrices in what was asked for. Threads share
//! out rows and columns and never split a sum, and a sum's order depends on nothing but positions, so a token's result is
//! the same to the bit whether it runs in a prefix, in a forest or alone.

mod attention;
mod elementwise;
mod layer;
mod workspace;

use std::sync::Mutex;

use rayon::prelude::*;

use super::Wanted;
use super::cache::Rows;
use super::nodes::Nodes;
use super::source::Source;
use crate::device::Compute;
use crate::format::config::DecoderConfig;
use crate::format::weights::Embedding;
use crate::{Cancel, ModelError};
pub(crate) use elementwise::is_fused;
pub(super) use elementwise::{exponential, hyperbolic_tangent};
use layer::{Layer, Norm, Past, Place};
use workspace::Workspace;

/// Rows that one task takes: enough that handing them out costs nothing.
const ROWS: usize = 4;

pub(super) struct Native {
    config: DecoderConfig,
    embedding: Embedding,
    layers: Vec<Layer>,
    norm: Norm,
    /// Radians a position, `[head_dim / 2]`.
    frequencies: Vec<f32>,
    /// Of the layers with a window, where they rotate otherwise.
    local_frequencies: Option<Vec<f32>>,
    /// In the precision that matrices are multiplied in.
    embedding_scale: f32,
    /// As many as there ever were forwards at a time.
    workspaces: Mutex<Vec<Workspace>>,
}

/// What a forward gave.
pub(super) struct Run {
    /// `[reads, hidden_size]`
    pub(super) hidden: Vec<f32>,
    /// Of each layer but the last, `[by_layer, hidden_size]`.
    pub(super) earlier: Vec<Vec<f32>>,
    /// Keys and values of the nodes to keep.
    pub(super) kept: Rows,
}

impl Native {
    /// Reads the layers in parallel.
    pub(super) fn read(config: &DecoderConfig, compute: Compute, source: &(dyn Source + Sync)) -> Result<Self, ModelError> {
        let layers =
            (0..config.windows.len()).into_par_iter().map(|i| Layer::read(config, i, source)).collect::<Result<_, _>>()?;
        let frequencies = |rope: &crate::format::config::Rope| -> Vec<f32> {
            rope.inverse_frequencies(config.head_dim).into_iter().map(|f| f as f32).collect()
        };
        Ok(Native {
            embedding: source.embedding("model.embed_tokens.weight", config.vocab_size, config.hidden_size)?,
            norm: Norm::read(config, "model.norm", config.hidden_size, source)?,
            frequencies: frequencies(&config.rope),
            local_frequencies: config.local_rope.as_ref().map(frequencies),
            // transformers rounds the factor to the model's dtype before it multiplies.
            embedding_scale: compute.round(config.embedding_scale.unwrap_or(1.0) as f32),
            layers,
            config: config.clone(),
            workspaces: Mutex::default(),
        })
    }

    /// See [`Decoder::forward_for`](super::Decoder::forward_for).
    pub(super) fn forward(
        &self,
        nodes: &Nodes,
        past: Option<&Rows>,
        wanted: Wanted<'_>,
        cancel: &Cancel,
    ) -> Result<Run, ModelError> {
        // Taken out, not locked: a thread that waits for its part may begin another forward.
        let taken = self.workspaces.lock().ok().and_then(|mut free| free.pop());
        let mut workspace = taken.unwrap_or_default();
        let result = self.run(&mut workspace, nodes, past, wanted, cancel);
        if let Ok(mut free) = self.workspaces.lock() {
            free.push(workspace);
        }
        result
    }

    fn run(
        &self,
        space: &mut Workspace,
        nodes: &Nodes,
        past: Option<&Rows>,
        wanted: Wanted<'_>,
        cancel: &Cancel,
    ) -> Result<Run, ModelError> {
        let Wanted { reads, keep, by_layer } = wanted;
        let (config, width) = (&self.config, self.config.hidden_size);
        self.embed(nodes.tokens(), workspace::sized(&mut space.hidden, nodes.len() * width))?;
        rotations(&self.frequencies, nodes.positions(), &mut space.global);
        if let Some(frequencies) = &self.local_frequencies {
            rotations(frequencies, nodes.positions(), &mut space.local);
        }
        let places = Place::all(nodes);
        let (mut kept, mut earlier) = (Rows::default(), Vec::new());
        for (i, layer) in self.layers.iter().enumerate() {
            cancel.check()?;
            let last = i + 1 == self.layers.len();
            let past = Past {
                window: config.windows[i],
                local: config.windows[i].is_some() && self.local_frequencies.is_some(),
                rows: past.map(|rows| rows.layer(i)),
            };
            layer.keys_and_values(config, space, nodes.len(), past)?;
            kept.keep(&space.keys, &space.values, config.kv_heads * config.head_dim, keep);
            if last {
                space.select(reads, width);
            }
            if !(last && reads.is_empty()) {
                layer.attend_and_feed(config, space, nodes, &places, last.then_some(reads), past, cancel)?;
            }
            if !(last || by_layer.is_empty()) {
                let mut states = vec![0.0; by_layer.len() * width];
                self.norm.rows(&workspace::rows(&space.hidden, by_layer, width), &mut states);
                earlier.push(states);
            }
        }
        let mut hidden = vec![0.0; reads.len() * width];
        self.norm.rows(&space.hidden[..hidden.len()], &mut hidden);
        Ok(Run { hidden, earlier, kept })
    }

    fn embed(&self, tokens: &[u32], hidden: &mut [f32]) -> Result<(), ModelError> {
        self.embedding.rows(tokens, hidden)?;
        hidden.iter_mut().for_each(|value| *value *= self.embedding_scale);
        Ok(())
    }
}

/// Cosines and sines of each position, `[positions, head_dim / 2]` each; angles in f32, whatever the matrices are in.
fn rotations(frequencies: &[f32], positions: &[u32], to: &mut (Vec<f32>, Vec<f32>)) {
    to.0.clear();
    to.1.clear();
    for &position in positions {
        for frequency in frequencies {
            let (sin, cos) = (position as f32 * frequency).sin_cos();
            to.0.push(cos);
            to.1.push(sin);
        }
    }
}
