//! What attention needs beside its weights: rotation by position, and who may see whom.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use candle_core::{DType, Device, Result};

use crate::decoder::nodes::Nodes;
use crate::format::config::Rope;
use crate::nonempty::NonEmptyTensor;

/// Rotary embedding, angles in f32 whatever the model's dtype.
pub(super) struct Rotary {
    /// `[1, head_dim / 2]`
    inverse_frequencies: NonEmptyTensor,
}

/// Cosines and sines of a batch, each `[nodes, 1, head_dim / 2]` in f32.
#[derive(Clone)]
pub(super) struct Rotation {
    cos: NonEmptyTensor,
    sin: NonEmptyTensor,
}

impl Rotary {
    pub(super) fn new(rope: &Rope, head_dim: usize, device: &Device) -> Result<Self> {
        let frequencies: Vec<f32> = rope.inverse_frequencies(head_dim).into_iter().map(|f| f as f32).collect();
        let shape = [1, frequencies.len()];
        Ok(Rotary { inverse_frequencies: NonEmptyTensor::new(frequencies, &shape, device)? })
    }

    pub(super) fn at(&self, positions: &[u32], device: &Device) -> Result<Rotation> {
        let positions: Vec<f32> = positions.iter().map(|&p| p as f32).collect();
        let shape = [positions.len(), 1];
        let positions = NonEmptyTensor::new(positions, &shape, device)?;
        let angles = positions.broadcast_mul(&self.inverse_frequencies)?.unsqueeze(1)?;
        Ok(Rotation { cos: angles.cos()?, sin: angles.sin()? })
    }
}

impl Rotation {
    /// The rows at `reads`, `[reads]` of u32.
    pub(super) fn select(&self, reads: &NonEmptyTensor) -> Result<Self> {
        Ok(Rotation { cos: self.cos.index_select(reads, 0)?, sin: self.sin.index_select(reads, 0)? })
    }

    /// Rotates `[nodes, heads, head_dim]`, first half against second half, as Hugging Face checkpoints are laid out.
    pub(super) fn apply(&self, x: &NonEmptyTensor) -> Result<NonEmptyTensor> {
        let dtype = x.dtype();
        let x = x.to_dtype(DType::F32)?;
        let half = x.dim(2)? / 2;
        let (a, b) = (x.narrow(2, 0, half)?, x.narrow(2, half, half)?);
        let first = a.broadcast_mul(&self.cos)?.sub(&b.broadcast_mul(&self.sin)?)?;
        let second = b.broadcast_mul(&self.cos)?.add(&a.broadcast_mul(&self.sin)?)?;
        NonEmptyTensor::cat(&[&first, &second], 2)?.to_dtype(dtype)
    }
}

/// Additive masks, 0 where a node sees and -∞ where not, `[nodes, prefix + nodes]` in f32; one for each window in use.
pub(super) struct Masks(BTreeMap<Option<usize>, NonEmptyTensor>);

impl Masks {
    pub(super) fn new(nodes: &Nodes, prefix: usize, windows: &[Option<usize>], device: &Device) -> Result<Self> {
        let mut masks = BTreeMap::new();
        for &window in windows {
            if let Entry::Vacant(free) = masks.entry(window) {
                free.insert(mask(nodes, prefix, window, device)?);
            }
        }
        Ok(Masks(masks))
    }

    /// The mask of a window that stood in the list given to [`Masks::new`].
    pub(super) fn of(&self, window: Option<usize>) -> &NonEmptyTensor {
        &self.0[&window]
    }
}

fn mask(nodes: &Nodes, prefix: usize, window: Option<usize>, device: &Device) -> Result<NonEmptyTensor> {
    let (n, width) = (nodes.len(), prefix + nodes.len());
    let mut values = vec![f32::NEG_INFINITY; n * width];
    for (node, row) in values.chunks_exact_mut(width.max(1)).enumerate() {
        let position = nodes.positions()[node] as usize;
        // Position p is seen when position - p < window.
        let first_seen = window.map_or(0, |w| (position + 1).saturating_sub(w));
        let root = nodes.with_ancestors(node as u32).last().map_or(position, |root| nodes.positions()[root as usize] as usize);
        for seen in row.iter_mut().take(prefix.min(root)).skip(first_seen) {
            *seen = 0.0;
        }
        for ancestor in nodes.with_ancestors(node as u32) {
            if nodes.positions()[ancestor as usize] as usize >= first_seen {
                row[prefix + ancestor as usize] = 0.0;
            }
        }
    }
    NonEmptyTensor::new(values, &[n, width], device)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(nodes: &Nodes, prefix: usize, window: Option<usize>) -> Vec<String> {
        let rows: Vec<Vec<f32>> = mask(nodes, prefix, window, &Device::Cpu).unwrap().tensor().to_vec2().unwrap();
        rows.iter().map(|r| r.iter().map(|&v| if v == 0.0 { 'x' } else { '.' }).collect()).collect()
    }

    #[test]
    fn a_chain_is_causal_and_a_window_forgets() {
        let chain = Nodes::chain(&[1, 2, 3, 4], 0);
        assert_eq!(seen(&chain, 0, None), ["x...", "xx..", "xxx.", "xxxx"]);
        assert_eq!(seen(&chain, 0, Some(2)), ["x...", "xx..", ".xx.", "..xx"]);
    }

    #[test]
    fn siblings_behind_a_prefix_do_not_see_each_other() {
        let mut nodes = Nodes::default();
        let a = nodes.push(1, None, 3).unwrap();
        nodes.push(2, Some(a), 3).unwrap();
        nodes.push(3, Some(a), 3).unwrap();
        nodes.push(4, None, 3).unwrap();
        assert_eq!(seen(&nodes, 3, None), ["xxxx...", "xxxxx..", "xxxx.x.", "xxx...x"]);
        assert_eq!(seen(&nodes, 3, Some(3)), [".xxx...", "..xxx..", "..xx.x.", ".xx...x"]);
    }

    #[test]
    fn a_root_sees_what_stands_before_its_position() {
        let mut nodes = Nodes::default();
        let a = nodes.push(1, None, 2).unwrap();
        nodes.push(2, Some(a), 0).unwrap();
        nodes.push(3, None, 4).unwrap();
        assert_eq!(seen(&nodes, 4, None), ["xx..x..", "xx..xx.", "xxxx..x"]);
    }
}
