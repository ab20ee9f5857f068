//! Keys and values of positions already run, as either way of running a decoder keeps them.

use super::stock::Trail;
use crate::nonempty::NonEmptyTensor;

/// One chain of positions, in order, from the start of the conversation or behind another chain.
#[derive(Clone, Debug)]
pub struct Cache {
    pub(super) layers: Layers,
    pub(super) length: usize,
}

#[derive(Clone, Debug)]
pub(super) enum Layers {
    /// A pair a layer, each `[kv_heads, positions, head_dim]`.
    Tensors(Vec<(NonEmptyTensor, NonEmptyTensor)>),
    Rows(Rows),
    /// Of one of candle's own models: the whole conversation.
    Trail(Trail),
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

    /// True where no position is held.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Keeps the first `length` positions alone; what they hold does not depend on what came after them. On the CPU nothing
    /// is copied.
    ///
    /// # Errors
    /// Where a device has no memory for what is kept; everything is as before then.
    pub fn truncate(&mut self, length: usize) -> candle_core::Result<()> {
        if length >= self.length {
            return Ok(());
        }
        match &mut self.layers {
            // Nothing is kept of no positions.
            Layers::Tensors(layers) if length == 0 => layers.clear(),
            Layers::Tensors(layers) => {
                let cut = |x: &NonEmptyTensor| x.narrow(1, 0, length)?.contiguous();
                let cut = layers.iter().map(|(k, v)| Ok((cut(k)?, cut(v)?)));
                *layers = cut.collect::<candle_core::Result<_>>()?;
            }
            Layers::Rows(Rows(layers)) => {
                for (keys, values) in layers {
                    keys.truncate(keys.len() / self.length * length);
                    values.truncate(values.len() / self.length * length);
                }
            }
            Layers::Trail(trail) => trail.cut(length),
        }
        self.length = length;
        Ok(())
    }

    /// Puts the positions of `next`, which was run behind these, after them.
    ///
    /// # Errors
    /// Where they are of another decoder, or a device has no memory for both; everything is as before then.
    pub fn append(&mut self, next: &Cache) -> candle_core::Result<()> {
        match (&mut self.layers, &next.layers) {
            (Layers::Tensors(mine), Layers::Tensors(theirs)) if mine.is_empty() => mine.clone_from(theirs),
            (Layers::Tensors(_), Layers::Tensors(theirs)) if theirs.is_empty() => {}
            (Layers::Tensors(mine), Layers::Tensors(theirs)) => {
                let join = |a: &NonEmptyTensor, b: &NonEmptyTensor| NonEmptyTensor::cat(&[a, b], 1);
                let joined = mine.iter().zip(theirs).map(|(a, b)| Ok((join(&a.0, &b.0)?, join(&a.1, &b.1)?)));
                *mine = joined.collect::<candle_core::Result<_>>()?;
            }
            (Layers::Rows(Rows(mine)), Layers::Rows(Rows(theirs))) => {
                for (mine, theirs) in mine.iter_mut().zip(theirs) {
                    mine.0.extend_from_slice(&theirs.0);
                    mine.1.extend_from_slice(&theirs.1);
                }
            }
            // What was run behind these has them in it.
            (Layers::Trail(mine), Layers::Trail(theirs)) => mine.clone_from(theirs),
            _ => candle_core::bail!("keys and values of one decoder were put behind those of another"),
        }
        self.length += next.length;
        Ok(())
    }
}
