//! Blocks whose parts are not one after the other: a small graph of nodes, each of which joins the
//! results of its edges.
//!
//! Node 0 is the input. Every later node takes edges from earlier ones, a block on each, and adds or
//! concatenates what they give; the last node is the output. Branches side by side are one such
//! node, a DenseNet's connection is another, and a cell of NAS-Bench-201 (arXiv 2001.00326) has
//! three.

use super::block::{Block, Node};
use serde::{Deserialize, Serialize};

/// How a node makes one tensor of several.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Join {
    /// Adds tensors of the same shape.
    Sum,
    /// Puts channels, or features, behind each other.
    Concat,
}

impl Join {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Join::Sum => "sum",
            Join::Concat => "concat",
        }
    }
}

/// A block on the way from an earlier node.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Edge {
    pub(crate) from: usize,
    pub(crate) block: Block,
}

/// A node with the edges that end in it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Step {
    pub(crate) join: Join,
    pub(crate) edges: Vec<Edge>,
}

/// Nodes 1, 2, ... in the order in which they are computed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Cell {
    pub(crate) steps: Vec<Step>,
}

/// All of the blocks on the same input, and the sum of what they give: their outputs have one shape.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([3, 8, 8], Task::classification(10))
///     .then(branches([conv(16, 3), conv(16, 5), conv(16, 1)]));
/// assert_eq!(space.default_architecture()?.layers()[4].shape.dims(), [16, 8, 8]);
/// # Ok::<(), nascent::Error>(())
/// ```
pub fn branches<B: Into<Block>>(blocks: impl IntoIterator<Item = B>) -> Block {
    single(Join::Sum, blocks)
}

/// All of the blocks on the same input, and what they give as one tensor: channels of images behind
/// each other, or features.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([3, 8, 8], Task::classification(10))
///     .then(concat([conv(16, 3), max_pool(3).stride(1).padding(1)]));
/// assert_eq!(space.default_architecture()?.layers()[3].shape.dims(), [19, 8, 8]);
/// # Ok::<(), nascent::Error>(())
/// ```
pub fn concat<B: Into<Block>>(blocks: impl IntoIterator<Item = B>) -> Block {
    single(Join::Concat, blocks)
}

fn single<B: Into<Block>>(join: Join, blocks: impl IntoIterator<Item = B>) -> Block {
    let edges = blocks.into_iter().map(|b| Edge { from: 0, block: b.into() }).collect();
    Block::new(Node::Cell(Cell { steps: vec![Step { join, edges }] }))
}

/// A cell: `nodes[j]` lists the blocks on the edges to node `j + 1`, from node 0, 1, ... up to `j`;
/// a node is the sum of its edges, and the last one is the cell's output. [`zero`](crate::zero)
/// stands for an edge that is not there.
///
/// ```
/// use nascent::prelude::*;
/// let op = one_of([zero(), skip(), conv(16, 3), avg_pool(3).stride(1).padding(1)]);
/// // The cell of NAS-Bench-201: three nodes behind its input, six edges.
/// let edges = |n: usize| vec![op.clone(); n];
/// let space = Space::new([16, 8, 8], Task::classification(10))
///     .then(cell([edges(1), edges(2), edges(3)]))
///     .then(global_avg_pool());
/// assert_eq!(space.size(), Some(4u128.pow(6)));
/// # Ok::<(), nascent::Error>(())
/// ```
pub fn cell<B: Into<Block>, N: IntoIterator<Item = B>>(
    nodes: impl IntoIterator<Item = N>,
) -> Block {
    let step = |edges: N| Step {
        join: Join::Sum,
        edges: edges
            .into_iter()
            .enumerate()
            .map(|(from, b)| Edge { from, block: b.into() })
            .collect(),
    };
    Block::new(Node::Cell(Cell { steps: nodes.into_iter().map(step).collect() }))
}

impl Cell {
    pub(crate) fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.edges().map(|(_, _, block)| block)
    }

    /// All edges: from which node, to which, and the block on the way.
    pub(crate) fn edges(&self) -> impl Iterator<Item = (usize, usize, &Block)> {
        self.steps
            .iter()
            .zip(1..)
            .flat_map(|(step, to)| step.edges.iter().map(move |edge| (edge.from, to, &edge.block)))
    }

    /// Whether it is only branches side by side.
    pub(crate) fn is_single(&self) -> bool {
        self.steps.len() == 1
    }

    /// What it is, in a few words.
    pub(crate) fn label(&self) -> String {
        match &self.steps[..] {
            [only] => format!("{} of {}", only.join.name(), only.edges.len()),
            steps => format!("cell of {} nodes", steps.len() + 1),
        }
    }

    /// As one would write it.
    pub(crate) fn text(&self, block: impl Fn(&Block) -> String) -> String {
        let list =
            |s: &Step| s.edges.iter().map(|e| block(&e.block)).collect::<Vec<_>>().join(", ");
        match &self.steps[..] {
            [Step { join: Join::Sum, .. }] => format!("branches[{}]", list(&self.steps[0])),
            [Step { join: Join::Concat, .. }] => format!("concat[{}]", list(&self.steps[0])),
            steps => {
                let nodes: Vec<String> = steps.iter().map(|s| format!("[{}]", list(s))).collect();
                format!("cell[{}]", nodes.join(", "))
            }
        }
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        let mut found = vec![];
        if self.steps.is_empty() {
            found.push("a cell without nodes. Give at least one, as cell([[conv(16, 3)]]).".into());
        }
        for (i, step) in self.steps.iter().enumerate() {
            let name = match self.is_single() {
                true => format!("{} of nothing", step.join.name()),
                false => format!("node {} of a cell has no edges", i + 1),
            };
            if step.edges.is_empty() {
                found.push(format!("{name}. Give at least one block."));
            }
            for edge in step.edges.iter().filter(|e| e.from > i) {
                found.push(format!(
                    "a cell's edge from node {} to node {}: edges come from earlier nodes, 0 to {i}. \
                     Give node {} at most {} blocks.",
                    edge.from,
                    i + 1,
                    i + 1,
                    i + 1
                ));
            }
        }
        found
    }
}
