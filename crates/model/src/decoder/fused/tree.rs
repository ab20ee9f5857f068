//! Where each node of a batch finds what it attends to.

use candle_core::Result;

use super::Backend;
use crate::decoder::nodes::Nodes;

/// On the device.
pub(super) struct Tree<B: Backend> {
    /// Positions of the prefix behind which a node's root stands, `[nodes]`.
    pub starts: B::Indices,
    /// Where a node's lineage begins and ends, `[nodes + 1]`.
    pub offsets: B::Indices,
    /// Of one node after another: its ancestors from the root on, and itself.
    pub lineage: B::Indices,
}

impl<B: Backend> Tree<B> {
    pub(super) fn new(backend: &B, nodes: &Nodes) -> Result<Self> {
        let (starts, offsets, lineage) = lists(nodes);
        Ok(Tree { starts: backend.indices(&starts)?, offsets: backend.indices(&offsets)?, lineage: backend.indices(&lineage)? })
    }
}

fn lists(nodes: &Nodes) -> (Vec<u32>, Vec<u32>, Vec<u32>) {
    let (mut starts, mut offsets, mut lineage): (Vec<u32>, Vec<u32>, Vec<u32>) = (Vec::new(), vec![0], Vec::new());
    for (node, (&position, parent)) in nodes.positions().iter().zip(nodes.parents()).enumerate() {
        // A parent stands before its children, so its lists are complete.
        match parent.map(|parent| parent as usize) {
            None => starts.push(position),
            Some(parent) => {
                starts.push(starts[parent]);
                lineage.extend_from_within(offsets[parent] as usize..offsets[parent + 1] as usize);
            }
        }
        lineage.push(node as u32);
        offsets.push(lineage.len() as u32);
    }
    (starts, offsets, lineage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lineage_runs_from_the_root_to_the_node_itself() {
        let mut nodes = Nodes::default();
        let a = nodes.push(10, None, 5).unwrap();
        nodes.push(11, None, 2).unwrap();
        let c = nodes.push(12, Some(a), 5).unwrap();
        nodes.push(13, Some(c), 5).unwrap();
        assert_eq!(lists(&nodes), (vec![5, 2, 5, 5], vec![0, 1, 2, 4, 7], vec![0, 1, 0, 2, 0, 2, 3]));
    }
}
