//! What scoring costs at the least: tokens that must run, and the operations of running them. Pure.

use std::collections::HashSet;

use serde::Serialize;

use crate::engine::plan::Forest;
use crate::model::decoder::NodesError;
use crate::model::format::config::DecoderConfig;

/// One conversation as far as it has to run, and how many of its last tokens are read.
pub(super) struct Path {
    pub(super) ids: Vec<u32>,
    pub(super) reads: usize,
}

/// Tokens that the words of one prompt need, where nothing runs twice: the shared prefix, and each distinct node behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Floor {
    pub(super) tokens: u64,
    /// Positions that these tokens see, themselves among them, summed.
    pub(super) seen: u64,
    /// Distinct nodes at which something is read.
    pub(super) reads: u64,
    /// Tokens of all conversations, each run on its own: the published way, without its padding.
    pub(super) whole: u64,
}

impl Floor {
    pub(super) fn of(mut paths: Vec<Path>) -> Result<Self, NodesError> {
        // Sorted, what is shared stands side by side, where the forest finds it at once.
        paths.sort_by(|a, b| a.ids.cmp(&b.ids));
        let mut forest = Forest::default();
        let mut read = HashSet::new();
        let mut whole = 0;
        for Path { ids, reads } in &paths {
            let nodes = forest.path(0, ids)?;
            read.extend(nodes.iter().rev().take(*reads).copied());
            whole += ids.len() as u64;
        }
        let nodes = forest.nodes();
        let seen = nodes.positions().iter().map(|&position| u64::from(position) + 1).sum();
        Ok(Floor { tokens: nodes.len() as u64, seen, reads: read.len() as u64, whole })
    }

    /// Of these tokens through this model.
    pub(super) fn operations(&self, config: &DecoderConfig, output_rows: usize) -> Operations {
        Operations::of(config, self, output_rows)
    }

    /// The same words where `tokens` ran in the place of the least possible; what each sees is taken to be as before.
    pub(super) fn scaled(&self, tokens: u64) -> Floor {
        let seen = (self.seen as f64 * tokens as f64 / self.tokens.max(1) as f64) as u64;
        Floor { tokens, seen, ..*self }
    }
}

/// Multiplications and additions, each counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Operations {
    /// Products with weights.
    pub linear: f64,
    /// Queries with keys, and weights with values.
    pub attention: f64,
}

impl Operations {
    /// A weight matrix `[out, in]` takes `2 · out · in` a token; attention `4 · heads · head_dim` for each position seen. In
    /// the last layer only keys and values of all tokens are needed, the rest where a reward is read. `output_rows` of an
    /// output matrix are multiplied at each read.
    fn of(config: &DecoderConfig, work: &Floor, output_rows: usize) -> Self {
        let (hidden, inner) = (config.hidden_size as f64, config.intermediate_size as f64);
        let query = (config.heads * config.head_dim) as f64;
        let key = (config.kv_heads * config.head_dim) as f64;
        let (tokens, seen, reads) = (work.tokens as f64, work.seen as f64, work.reads as f64);
        let full_layers = config.windows.len().saturating_sub(1) as f64;
        let keys_values = 4.0 * hidden * key;
        let rest = 4.0 * hidden * query + 6.0 * hidden * inner;
        let output = 2.0 * hidden * output_rows as f64;
        let seen_by_reads = seen / tokens.max(1.0) * reads;
        Operations {
            linear: full_layers * tokens * (keys_values + rest) + tokens * keys_values + reads * (rest + output),
            attention: 4.0 * query * (full_layers * seen + seen_by_reads),
        }
    }

    /// All operations together.
    pub fn total(&self) -> f64 {
        self.linear + self.attention
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::format::config::ModelConfig;
    use crate::model::format::files::Files;
    use crate::sources::bundled;

    fn floor(paths: &[(&[u32], usize)]) -> Floor {
        Floor::of(paths.iter().map(|(ids, reads)| Path { ids: ids.to_vec(), reads: *reads }).collect()).unwrap()
    }

    #[test]
    fn what_is_shared_counts_once_in_any_order() {
        let expected = Floor { tokens: 6, seen: 1 + 2 + 3 + 4 + 4 + 3, reads: 3, whole: 11 };
        assert_eq!(floor(&[(&[1, 2, 3, 9], 1), (&[1, 2, 4], 1), (&[1, 2, 3, 8], 1)]), expected);
        assert_eq!(floor(&[(&[1, 2, 4], 1), (&[1, 2, 3, 8], 1), (&[1, 2, 3, 9], 1)]), expected);
        assert_eq!(floor(&[(&[1, 2], 1), (&[1, 2], 1)]), Floor { tokens: 2, seen: 3, reads: 1, whole: 4 });
        assert_eq!(floor(&[(&[1, 2, 3], 2), (&[1, 2, 4], 2)]).reads, 3, "the token that both go on from is read once");
        assert_eq!(floor(&[]), Floor::default());
    }

    #[test]
    fn operations_are_those_of_the_matrices() {
        let entries = bundled::bundled("demo-llama").unwrap();
        let mut config = ModelConfig::read(&Files::Bundled { name: "demo-llama", entries }).unwrap().decoder;
        (config.hidden_size, config.intermediate_size) = (8, 20);
        (config.heads, config.kv_heads, config.head_dim, config.windows) = (2, 1, 4, vec![None; 3]);
        let work = Floor { tokens: 10, seen: 55, reads: 2, whole: 0 };
        // A layer: q and o 8x8, k and v 4x8, three of 20x8; in the last, k and v for all ten and the rest for two.
        let keys_values = 2.0 * (2 * 4 * 8) as f64;
        let rest = 2.0 * (2 * 8 * 8 + 3 * 20 * 8) as f64;
        let expected = 2.0 * 10.0 * (keys_values + rest) + 10.0 * keys_values + 2.0 * (rest + 2.0 * 8.0 * 100.0);
        let operations = work.operations(&config, 100);
        assert_eq!(operations.linear, expected);
        assert_eq!(operations.attention, 4.0 * 8.0 * (2.0 * 55.0 + 11.0));
    }
}
