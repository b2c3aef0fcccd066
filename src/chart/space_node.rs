//! The parts of a search space, as its picture has them.

use super::Family;
use serde::{Deserialize, Serialize};

/// A part of a search space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TreeNode {
    /// One layer.
    Layer {
        /// The layer with its fixed arguments: `conv 3×3`.
        text: String,
        /// What the search decides about it: the name of an argument and its options.
        choices: Vec<(String, Vec<String>)>,
        /// The family, for the colour.
        #[serde(default)]
        family: Family,
    },
    /// One after another.
    Sequence(Vec<TreeNode>),
    /// Exactly one of these.
    OneOf(Vec<TreeNode>),
    /// The inner part several times.
    Repeat {
        /// How often: `1..3`.
        times: String,
        /// What is repeated.
        inner: Box<TreeNode>,
    },
    /// The inner part with its input added to its output.
    Residual(Box<TreeNode>),
    /// All of these, side by side.
    Branches {
        /// What becomes of them: `sum of 2`.
        label: String,
        /// The branches, or the edges of a cell.
        parts: Vec<TreeNode>,
        /// Of a cell: how its nodes are joined.
        #[serde(default)]
        wiring: Option<Wiring>,
    },
    /// An edge of a cell.
    Edge {
        /// Between which nodes: `0 → 1`.
        label: String,
        /// The block on it.
        inner: Box<TreeNode>,
    },
}

/// How the nodes of a cell are joined.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Wiring {
    /// The nodes, in the order in which they are computed: `0`, `1`, ..., and `out` for a concatenation of all.
    pub nodes: Vec<String>,
    /// From which node to which, the first is smaller, and whether the search decides what is on the edge.
    pub edges: Vec<(usize, usize, bool)>,
}

impl Default for TreeNode {
    fn default() -> Self {
        TreeNode::Sequence(vec![])
    }
}
