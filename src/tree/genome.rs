//! The order of a space's decisions: first those of its shared blocks, then those of the tree.

use super::{Block, Places, seq};
use std::sync::{Arc, OnceLock};

/// The blocks with the decisions of a space, in order.
#[derive(Clone)]
pub(crate) struct Genome {
    /// All shared blocks by name, in order of appearance, those inside another one first.
    pub(crate) named: Vec<(String, Block)>,
    /// Those with decisions; the others are only names, and are walked like any block.
    pub(crate) shared: Vec<(String, Block)>,
    /// The shared blocks and then the tree, as a sequence; without the tree if it decides nothing.
    pub(crate) whole: Block,
    /// Whether the tree has no decisions apart from those of its shared blocks.
    pub(crate) fixed: bool,
    /// The places of all decisions, computed on demand.
    pub(crate) places: OnceLock<Arc<Places>>,
}

impl Genome {
    pub(crate) fn of(root: &Block) -> Genome {
        let mut named: Vec<(String, Block)> = vec![];
        root.each_shared(&mut |name, block| {
            if named.iter().all(|(other, _)| other != name) {
                named.push((name.to_string(), block.clone()));
            }
        });
        let decided = named.iter().filter(|(_, block)| block.has_choices());
        let shared: Vec<(String, Block)> = decided.cloned().collect();
        let fixed = !root.has_choices();
        let blocks = shared.iter().map(|(_, block)| block);
        let whole = match (shared.is_empty(), fixed) {
            (true, _) => root.clone(),
            (false, true) => seq(blocks),
            (false, false) => seq(blocks.chain([root])),
        };
        Genome { named, shared, whole, fixed, places: OnceLock::new() }
    }

    /// The number of a shared block with decisions.
    pub(crate) fn number(&self, name: &str) -> Option<usize> {
        self.shared.iter().position(|(other, _)| other == name)
    }
}
