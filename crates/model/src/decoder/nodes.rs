//! A batch for the decoder: nodes of a token tree, each with its position and its parent.
//!
//! A plain sequence is a chain; the words of a prompt are a forest behind a shared prefix. No padding exists, so none can
//! change a score.

/// Why a list of nodes is not a forest.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NodesError {
    /// A node stands before its parent; its index.
    #[error("node {0} names a parent that does not stand before it")]
    ParentAfterChild(usize),
}

/// Nodes in an order where a parent stands before its children. Shapes: every list is `[nodes]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nodes {
    tokens: Vec<u32>,
    positions: Vec<u32>,
    parents: Vec<Option<u32>>,
}

impl Nodes {
    /// One sequence whose first token has position `start`.
    pub fn chain(tokens: &[u32], start: usize) -> Self {
        let n = tokens.len() as u32;
        Nodes {
            tokens: tokens.to_vec(),
            positions: (0..n).map(|i| start as u32 + i).collect(),
            parents: (0..n).map(|i| i.checked_sub(1)).collect(),
        }
    }

    /// Adds a node under `parent`, or at the root behind the first `start` tokens of a prefix; returns its index.
    pub fn push(&mut self, token: u32, parent: Option<u32>, start: usize) -> Result<u32, NodesError> {
        let position = match parent {
            None => start as u32,
            Some(p) => *self.positions.get(p as usize).ok_or(NodesError::ParentAfterChild(self.len()))? + 1,
        };
        self.tokens.push(token);
        self.positions.push(position);
        self.parents.push(parent);
        Ok(self.len() as u32 - 1)
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// True where there is no node.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The token of each node.
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// Counted from the start of the conversation.
    pub fn positions(&self) -> &[u32] {
        &self.positions
    }

    /// The parent of each node, none for a root.
    pub fn parents(&self) -> &[Option<u32>] {
        &self.parents
    }

    /// The node, its parent, its parent's parent, ... up to the root.
    pub fn with_ancestors(&self, node: u32) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(Some(node), |&n| self.parents.get(n as usize).copied().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forest_counts_positions_from_the_prefix() {
        let mut nodes = Nodes::default();
        let a = nodes.push(10, None, 5).unwrap();
        let b = nodes.push(11, Some(a), 5).unwrap();
        let c = nodes.push(12, Some(a), 5).unwrap();
        let d = nodes.push(13, Some(c), 5).unwrap();
        assert_eq!(nodes.positions(), [5, 6, 6, 7]);
        assert_eq!(nodes.with_ancestors(d).collect::<Vec<_>>(), [d, c, a]);
        assert_eq!(nodes.with_ancestors(b).collect::<Vec<_>>(), [b, a]);
        assert_eq!(nodes.push(14, Some(9), 5), Err(NodesError::ParentAfterChild(4)));
    }
}
