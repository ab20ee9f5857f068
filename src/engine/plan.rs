//! From the token ids of conversations to the nodes that have to run.
//!
//! All conversations of a prompt start alike: that prefix runs once. What follows it forms a forest in which words that
//! begin with the same tokens share nodes. Both are found from the ids of whole conversations, never from an assumed
//! boundary between prompt and answer: a tokenizer may merge across it.

use crate::model::decoder::{Cache, Nodes, NodesError};

/// Length of the longest prefix that all sequences share, such that each keeps at least one token after it.
/// 0 where there is no sequence.
pub fn common_prefix<'a>(mut sequences: impl Iterator<Item = &'a [u32]>) -> usize {
    let Some(first) = sequences.next() else { return 0 };
    let mut length = first.len().saturating_sub(1);
    for other in sequences {
        length = length.min(other.len().saturating_sub(1));
        length = first[..length].iter().zip(other).take_while(|(a, b)| a == b).count();
    }
    length
}

/// Conversations without their prefix, merged into a forest as they are added.
#[derive(Clone, Debug, Default)]
pub struct Forest {
    nodes: Nodes,
    /// First child and next sibling of each node; `first_root` heads the list of roots.
    first_child: Vec<Option<u32>>,
    next_sibling: Vec<Option<u32>>,
    first_root: Option<u32>,
}

impl Forest {
    /// Makes the nodes of a sequence that follows the first `start` tokens of what has been run, and gives them in order.
    /// Sequences that follow prefixes of different lengths share no node.
    ///
    /// # Errors
    /// As [`Nodes::push`].
    pub fn path(&mut self, start: usize, suffix: &[u32]) -> Result<Vec<u32>, NodesError> {
        let mut path: Vec<u32> = Vec::with_capacity(suffix.len());
        for &token in suffix {
            let parent = path.last().copied();
            path.push(match self.child(parent, token, start) {
                Some(node) => node,
                None => self.grow(parent, token, start)?,
            });
        }
        Ok(path)
    }

    /// The nodes to run.
    pub fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    /// The child of `parent` for `token`. The newest child heads its list, so sorted input is found at once.
    fn child(&self, parent: Option<u32>, token: u32, start: usize) -> Option<u32> {
        let first = match parent {
            None => self.first_root,
            Some(p) => self.first_child[p as usize],
        };
        let is_it = |n: usize| self.nodes.tokens()[n] == token && (parent.is_some() || self.nodes.positions()[n] == start as u32);
        std::iter::successors(first, |&n| self.next_sibling[n as usize]).find(|&n| is_it(n as usize))
    }

    fn grow(&mut self, parent: Option<u32>, token: u32, start: usize) -> Result<u32, NodesError> {
        let node = self.nodes.push(token, parent, start)?;
        let head = match parent {
            None => &mut self.first_root,
            Some(p) => &mut self.first_child[p as usize],
        };
        self.next_sibling.push(head.replace(node));
        self.first_child.push(None);
        Ok(node)
    }
}

/// The last word of a batch, whose path the next batch goes on from.
pub(super) struct Last {
    /// Nodes of the whole batch.
    pub(super) nodes: usize,
    /// Tokens before those that ran.
    pub(super) start: usize,
    pub(super) tokens: Vec<u32>,
    /// Of these tokens.
    pub(super) cache: Option<Cache>,
}

/// What one word came to.
#[derive(Default)]
pub(super) struct Scored {
    pub(super) score: f32,
    /// By a reward model, where asked for: at each token of the conversation.
    pub(super) token_rewards: Vec<f32>,
    /// By a reward model, where asked for: after each layer.
    pub(super) layer_rewards: Vec<f32>,
    /// Of each of its tokens, by a language model.
    pub(super) log_probabilities: Vec<f32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_leaves_every_conversation_a_token() {
        let prefix = |sequences: &[&[u32]]| common_prefix(sequences.iter().copied());
        assert_eq!(prefix(&[]), 0);
        assert_eq!(prefix(&[&[1, 2, 3]]), 2);
        assert_eq!(prefix(&[&[1, 2, 3, 9], &[1, 2, 4, 9]]), 2);
        assert_eq!(prefix(&[&[1, 2], &[1, 2, 3]]), 1);
        assert_eq!(prefix(&[&[1, 2, 3], &[1, 2]]), 1, "whichever comes first");
        assert_eq!(prefix(&[&[5], &[6, 7]]), 0);
    }

    #[test]
    fn sequences_that_part_from_what_is_held_at_different_places_share_no_node() {
        let mut forest = Forest::default();
        assert_eq!(forest.path(4, &[1, 2]).unwrap(), [0, 1]);
        assert_eq!(forest.path(5, &[1, 2]).unwrap(), [2, 3]);
        assert_eq!(forest.path(4, &[1, 3]).unwrap(), [0, 4]);
        assert_eq!(forest.nodes().positions(), [4, 5, 5, 6, 5]);
    }

    #[test]
    fn words_that_begin_alike_share_nodes() {
        let mut forest = Forest::default();
        let suffixes = [&[1, 2, 9][..], &[1, 3, 9], &[4, 9], &[1, 2, 9], &[1]];
        let last = suffixes.map(|suffix| *forest.path(10, suffix).unwrap().last().unwrap());
        assert_eq!(forest.nodes().tokens(), [1, 2, 9, 3, 9, 4, 9]);
        assert_eq!(forest.nodes().positions(), [10, 11, 12, 11, 12, 10, 11]);
        assert_eq!(last, [2, 4, 6, 2, 0]);
    }
}
