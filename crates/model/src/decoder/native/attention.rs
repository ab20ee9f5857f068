//! Attention of one node: over the positions before it in the cache, then over its ancestors in the batch.
//!
//! Positions are gone through in order, and a sum's order follows from positions alone: whether a token's keys and values
//! come from a cache, a chain or a forest changes no bit.

use super::elementwise::{dot, exponentials, fma, softcap, widest};

/// Dimensions of a value that are summed at a time, in registers.
const BLOCK: usize = 64;

/// What all nodes of a batch have in common in one layer. Keys and values are `[positions, kv_heads · head_dim]`, queries
/// `[heads · head_dim]` and already scaled.
pub(super) struct Batch<'a> {
    pub heads: usize,
    pub kv_heads: usize,
    pub head_dim: usize,
    pub softcap: Option<f32>,
    /// Of positions from the start of the conversation.
    pub cached: (&'a [f32], &'a [f32]),
    /// Of the nodes of the batch.
    pub own: (&'a [f32], &'a [f32]),
}

/// Where a node's keys and values stand.
pub(super) struct Seen<'a> {
    /// Positions `first..start` of the cache.
    pub first: usize,
    pub start: usize,
    /// The nodes of the batch behind them, in order of position.
    pub nodes: &'a [u32],
}

impl Seen<'_> {
    /// `nodes` is the node with all of its ancestors, from its root, which stands at position `start`; with a window, what it has
    /// forgotten is left out.
    pub(super) fn new(window: Option<usize>, start: usize, position: usize, nodes: &[u32]) -> Seen<'_> {
        // Position p is seen when position - p < window.
        let first = window.map_or(0, |w| (position + 1).saturating_sub(w));
        Seen { first: first.min(start), start, nodes: &nodes[first.saturating_sub(start)..] }
    }

    #[inline(always)]
    fn len(&self) -> usize {
        self.start - self.first + self.nodes.len()
    }

    /// Row `at` of those seen: `width` values.
    #[inline(always)]
    fn row<'b>(&self, at: usize, cached: &'b [f32], own: &'b [f32], width: usize) -> &'b [f32] {
        let behind = self.start - self.first;
        if at < behind {
            &cached[(self.first + at) * width..][..width]
        } else {
            &own[self.nodes[at - behind] as usize * width..][..width]
        }
    }
}

#[inline(always)]
fn attend_body<const FMA: bool>(batch: &Batch<'_>, seen: &Seen<'_>, queries: &[f32], scores: &mut Vec<f32>, to: &mut [f32]) {
    let (d, group, width) = (batch.head_dim, batch.heads / batch.kv_heads, batch.kv_heads * batch.head_dim);
    let count = seen.len();
    scores.resize(group * count, 0.0);
    for kv in 0..batch.kv_heads {
        for at in 0..count {
            let key = &seen.row(at, batch.cached.0, batch.own.0, width)[kv * d..][..d];
            for member in 0..group {
                scores[member * count + at] = dot::<FMA>(&queries[(kv * group + member) * d..][..d], key);
            }
        }
        for member in 0..group {
            let weights = &mut scores[member * count..][..count];
            if let Some(cap) = batch.softcap {
                softcap::<FMA>(weights, cap);
            }
            let factor = 1.0 / exponentials::<FMA>(weights);
            let mut from = 0;
            let head = &mut to[(kv * group + member) * d..][..d];
            while from + BLOCK <= d {
                let mut sums = [0.0; BLOCK];
                for (at, &weight) in weights.iter().enumerate() {
                    let value = &seen.row(at, batch.cached.1, batch.own.1, width)[kv * d + from..][..BLOCK];
                    for i in 0..BLOCK {
                        sums[i] = fma::<FMA>(weight, value[i], sums[i]);
                    }
                }
                for i in 0..BLOCK {
                    head[from + i] = sums[i] * factor;
                }
                from += BLOCK;
            }
            let rest = &mut head[from..];
            if rest.is_empty() {
                continue;
            }
            rest.fill(0.0);
            for (at, &weight) in weights.iter().enumerate() {
                let value = &seen.row(at, batch.cached.1, batch.own.1, width)[kv * d + from..][..rest.len()];
                for (sum, value) in rest.iter_mut().zip(value) {
                    *sum = fma::<FMA>(weight, *value, *sum);
                }
            }
            for sum in rest {
                *sum *= factor;
            }
        }
    }
}

widest! {
    /// One node's heads mixed, into `to` `[heads · head_dim]`; `scores` is scratch.
    attend = attend_body(batch: &Batch<'_>, seen: &Seen<'_>, queries: &[f32], scores: &mut Vec<f32>, to: &mut [f32])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_forgets_the_cache_first_and_then_ancestors() {
        let seen = |window| {
            let seen = Seen::new(window, 3, 5, &[7, 8, 9]);
            (seen.first, seen.nodes.to_vec())
        };
        assert_eq!(seen(None), (0, vec![7, 8, 9]));
        assert_eq!(seen(Some(6)), (0, vec![7, 8, 9]));
        assert_eq!(seen(Some(5)), (1, vec![7, 8, 9]));
        assert_eq!(seen(Some(3)), (3, vec![7, 8, 9]));
        assert_eq!(seen(Some(2)), (3, vec![8, 9]));
        assert_eq!(seen(Some(1)), (3, vec![9]));
    }
}
