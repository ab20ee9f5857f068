//! Keys and values of positions already run, as either way of running a decoder keeps them.

use candle_core::Tensor;

/// One chain of positions, in order, from the start of the conversation or behind another chain.
#[derive(Clone, Debug)]
pub struct Cache {
    pub(super) layers: Layers,
    pub(super) length: usize,
}

#[derive(Clone, Debug)]
pub(super) enum Layers {
    /// A pair a layer, each `[kv_heads, positions, head_dim]`.
    Tensors(Vec<(Tensor, Tensor)>),
    Rows(Rows),
}

/// Keys and values in f32, a pair a layer, each `[positions, kv_heads · head_dim]`.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows(Vec<(Vec<f32>, Vec<f32>)>);

impl Rows {
    /// Adds a layer that holds the rows of `nodes`.
    pub(super) fn keep(&mut self, keys: &[f32], values: &[f32], width: usize, nodes: &[u32]) {
        let rows = |from: &[f32]| nodes.iter().flat_map(|&n| &from[n as usize * width..][..width]).copied().collect();
        self.0.push((rows(keys), rows(values)));
    }

    pub(super) fn layer(&self, index: usize) -> (&[f32], &[f32]) {
        self.0.get(index).map_or((&[], &[]), |(keys, values)| (keys, values))
    }
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
        let layers = match &self.layers {
            Layers::Tensors(layers) => {
                let cut = |x: &Tensor| x.narrow(1, 0, length)?.contiguous();
                let layers = layers.iter().map(|(k, v)| Ok((cut(k)?, cut(v)?)));
                Layers::Tensors(layers.collect::<candle_core::Result<_>>()?)
            }
            Layers::Rows(Rows(layers)) => {
                let cut = |x: &[f32]| x[..x.len() / self.length.max(1) * length].to_vec();
                Layers::Rows(Rows(layers.iter().map(|(k, v)| (cut(k), cut(v))).collect()))
            }
        };
        Ok(Cache { layers, length })
    }

    /// These positions followed by those of `next`, which was run behind them.
    pub fn append(&self, next: &Cache) -> candle_core::Result<Cache> {
        let layers = match (&self.layers, &next.layers) {
            (Layers::Tensors(mine), Layers::Tensors(theirs)) => {
                let join = |a: &Tensor, b: &Tensor| Tensor::cat(&[a, b], 1);
                let layers = mine.iter().zip(theirs).map(|(a, b)| Ok((join(&a.0, &b.0)?, join(&a.1, &b.1)?)));
                Layers::Tensors(layers.collect::<candle_core::Result<_>>()?)
            }
            (Layers::Rows(Rows(mine)), Layers::Rows(Rows(theirs))) => {
                let layers = mine.iter().zip(theirs);
                Layers::Rows(Rows(layers.map(|(a, b)| ([&a.0[..], &b.0].concat(), [&a.1[..], &b.1].concat())).collect()))
            }
            _ => candle_core::bail!("keys and values of one decoder were put behind those of another"),
        };
        Ok(Cache { layers, length: self.length + next.length })
    }
}
