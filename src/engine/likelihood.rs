//! Batches of a language model: log-probabilities of words from one forest of nodes.
//!
//! A word's tokens are read at their parents: the first at the last token of the prompt, which all words of a prompt share,
//! each of the others at the token before it. The last token of a word is never run. Every distribution is computed once,
//! for all words that go on from there.

use std::collections::HashMap;

use super::plan::{Forest, Last, Scored};
use super::prefix::Prefix;
use crate::model::decoder::{Cache, Nodes};
use crate::model::language::LanguageModel;
use crate::model::text::continuation::Continuation;
use crate::model::{Cancel, ModelError};

/// Scores as many of the waiting words, in order, as make a forest of `nodes`, behind what `prefix` holds of each.
pub(super) fn run<'a>(
    model: &LanguageModel,
    waiting: impl Iterator<Item = &'a Continuation>,
    nodes: usize,
    prefix: Option<&Prefix>,
    cancel: &Cancel,
) -> Result<(Vec<Scored>, Last), ModelError> {
    let mut forest = Forest::default();
    let mut reads = Reads::default();
    let mut words = Vec::new();
    let (mut last, mut path): (&[u32], Vec<u32>) = (&[], Vec::new());
    for continuation in waiting {
        let Continuation { ids, word, .. } = continuation;
        // The token before the word's first runs even where the prefix holds it, because its hidden state is read.
        let start = prefix.map_or(0, |prefix| prefix.held(&ids[..word - 1]));
        last = &ids[..ids.len() - 1];
        path = forest.path(start, &last[start..])?;
        let parents = &path[word - 1 - start..];
        words.push(parents.iter().zip(&ids[*word..]).map(|(&parent, &token)| reads.want(parent, token)).collect::<Vec<_>>());
        if forest.nodes().len() >= nodes {
            break;
        }
    }
    let cache = prefix.map(Prefix::cache);
    let output = model.decoder.forward_keeping(forest.nodes(), cache, &reads.nodes, &path, cancel)?;
    let hidden = output.hidden;
    let values = model.head.log_probabilities(&hidden, &reads.wanted, cancel)?;
    let scored = |places: Vec<(usize, usize)>| {
        let log_probabilities: Vec<f32> = places.into_iter().map(|(read, at)| values[read][at]).collect();
        let score = log_probabilities.iter().map(|&value| f64::from(value)).sum::<f64>() as f32;
        Scored { score, log_probabilities, ..Scored::default() }
    };
    let start = last.len() - path.len();
    let last = Last { nodes: forest.nodes().len(), start, tokens: last[start..].to_vec(), cache: output.cache };
    Ok((words.into_iter().map(scored).collect(), last))
}

/// Log-probabilities of the tokens after `last`, which stands behind `held` ids that `cache` holds.
pub(super) fn after(
    model: &LanguageModel,
    cache: Option<&Cache>,
    held: usize,
    last: u32,
    tokens: &[u32],
    cancel: &Cancel,
) -> Result<Vec<f32>, ModelError> {
    let hidden = model.decoder.forward(&Nodes::chain(&[last], held), cache, &[0], false, cancel)?.hidden;
    let mut values = model.head.log_probabilities(&hidden, &[tokens.to_vec()], cancel)?;
    Ok(values.pop().unwrap_or_default())
}

/// Which nodes are read, and which tokens are wanted after each.
#[derive(Default)]
struct Reads {
    nodes: Vec<u32>,
    wanted: Vec<Vec<u32>>,
    place: HashMap<u32, usize>,
}

impl Reads {
    /// Where the value of `token` after `node` will stand: which read, and which of its tokens.
    fn want(&mut self, node: u32, token: u32) -> (usize, usize) {
        let read = *self.place.entry(node).or_insert_with(|| {
            self.nodes.push(node);
            self.wanted.push(Vec::new());
            self.nodes.len() - 1
        });
        let tokens = &mut self.wanted[read];
        // Words come sorted, so a token wanted before is the one wanted last.
        if tokens.last() != Some(&token) {
            tokens.push(token);
        }
        (read, tokens.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_go_on_from_one_token_share_its_distribution() {
        let mut reads = Reads::default();
        let places: Vec<_> =
            [(3, 10), (3, 10), (5, 7), (3, 11)].into_iter().map(|(node, token)| reads.want(node, token)).collect();
        assert_eq!(places, [(0, 0), (0, 0), (1, 0), (0, 1)]);
        assert_eq!((reads.nodes, reads.wanted), (vec![3, 5], vec![vec![10, 11], vec![7]]));
    }
}
