//! A space as a graph in which nothing is decided yet: every choice is a node that reads the output of each
//! of its options.
//!
//! The graph grows with the text of the space, not with the depth of its networks: a repeated block is in
//! it once, and so are the block on the vertices of a wired cell and a shared block, to which later nodes
//! refer. Shapes are not known, so a residual connection has no projection. The picture of a space is
//! drawn from this graph.

use crate::error::{Error, Result};
use crate::graph::walk::{Between, Role, Sink, Walk};
use crate::layer::ZERO;
use crate::shape::Shape;
use crate::tree::{Block, CHOICE, Join, Spec, Tree};

/// A node of an open graph.
pub(crate) struct OpenNode {
    pub(crate) what: What,
    /// The nodes that it reads: for a choice the ends of its options, for a repetition or a wired cell the
    /// end of the block inside.
    #[cfg_attr(not(test), expect(dead_code, reason = "pictures show blocks, not nodes"))]
    pub(crate) inputs: Vec<usize>,
}

pub(crate) enum What {
    Input,
    /// A layer, of whose settings some may be choices.
    Layer,
    /// A decision that only an evaluator knows the meaning of.
    Decision,
    /// Zeros, whatever comes in.
    Zero,
    /// Several tensors as one.
    Join,
    /// One of the nodes that it reads, or a repetition of one.
    Choice,
    /// A shared block that is in the graph already.
    Again,
    Head,
}

/// A block as it was walked, with the blocks inside it; a layer has none.
pub(crate) struct Part {
    pub(crate) block: Block,
    pub(crate) parts: Vec<Part>,
    /// Whether it is a shared block that is in the graph already.
    pub(crate) again: bool,
}

/// Nodes in topological order, the first the input, and the blocks that they belong to.
pub(crate) struct Open {
    pub(crate) nodes: Vec<OpenNode>,
    /// The blocks that are being walked, the outermost first; after the walk only that one, with all others
    /// inside it.
    open: Vec<Part>,
}

impl Open {
    pub(crate) fn of(spec: &Spec) -> Open {
        let input = OpenNode { what: What::Input, inputs: vec![] };
        let root = Part { block: spec.root.clone(), parts: vec![], again: false };
        let mut walk = Walk::new(spec, Open { nodes: vec![input], open: vec![root] });
        // Without shapes nothing can fail to fit.
        let _ = walk.network(&[], 0);
        walk.sink
    }

    /// The root of the tree as it was walked.
    pub(crate) fn root(&self) -> Option<&Part> {
        self.open.first().and_then(|whole| whole.parts.first())
    }

    /// Whether it is a network from its input to its head, and not decisions alone.
    pub(crate) fn has_head(&self) -> bool {
        matches!(self.nodes.last(), Some(OpenNode { what: What::Head, .. }))
    }

    fn push(&mut self, what: What, inputs: Vec<usize>) -> usize {
        self.nodes.push(OpenNode { what, inputs });
        self.nodes.len() - 1
    }

    fn add(&mut self, part: Part) {
        if let Some(outer) = self.open.last_mut() {
            outer.parts.push(part);
        }
    }

    /// Whether a shared block is in the graph already, or is being walked.
    fn stands(&self, name: &str) -> bool {
        fn within(part: &Part, name: &str) -> bool {
            matches!(&*part.block.0, Tree::Shared { name: other, .. } if other == name)
                || part.parts.iter().any(|inner| within(inner, name))
        }
        self.open.iter().any(|part| within(part, name))
    }
}

impl Sink for Open {
    type At = usize;
    type Stop = Error;
    const OPEN: bool = true;

    fn layer(&mut self, layer: &Block, _: &[u32], at: usize) -> Result<usize> {
        self.add(Part { block: layer.clone(), parts: vec![], again: false });
        let what = match &*layer.0 {
            Tree::Layer { info, .. } if std::ptr::eq(*info, &ZERO) => What::Zero,
            Tree::Layer { info, .. } if std::ptr::eq(*info, &CHOICE) => What::Decision,
            _ => What::Layer,
        };
        Ok(self.push(what, vec![at]))
    }

    fn join(&mut self, _: Join, ends: &[usize], _: Role) -> Result<usize> {
        Ok(self.push(What::Join, ends.to_vec()))
    }

    fn shortcut(&mut self, from: usize, _: usize) -> Result<usize> {
        Ok(from)
    }

    fn between(&mut self, _: Between, from: usize) -> Result<usize> {
        Ok(from)
    }

    fn head(&mut self, end: usize) -> Result<usize> {
        let layers =
            self.nodes.iter().filter(|n| matches!(n.what, What::Layer | What::Zero)).count();
        let decisions = self.nodes.iter().filter(|n| matches!(n.what, What::Decision)).count();
        Ok(if decisions > 0 && layers == 0 { end } else { self.push(What::Head, vec![end]) })
    }

    fn stop(&self, why: impl FnOnce() -> Error) -> Error {
        why()
    }

    fn shape(&self, _: usize) -> Shape {
        Shape::new([0usize; 0])
    }

    fn dims<'a>(&'a self, _: &'a usize) -> &'a [usize] {
        &[]
    }

    fn same_shape(&self, _: usize, _: usize) -> bool {
        true
    }

    fn is_zero(&self, at: usize) -> bool {
        matches!(self.nodes[at].what, What::Zero)
    }

    fn enter(&mut self, block: &Block, at: usize) -> Option<usize> {
        let again = matches!(&*block.0, Tree::Shared { name, .. } if self.stands(name));
        let part = Part { block: block.clone(), parts: vec![], again };
        match again {
            true => {
                self.add(part);
                Some(self.push(What::Again, vec![at]))
            }
            false => {
                self.open.push(part);
                None
            }
        }
    }

    fn leave(&mut self) {
        if let Some(part) = self.open.pop() {
            self.add(part);
        }
    }

    fn choice(&mut self, _: usize, ends: Vec<usize>) -> usize {
        self.push(What::Choice, ends)
    }
}

#[cfg(test)]
mod tests {
    use crate::prelude::*;

    #[test]
    fn choices_read_what_each_option_gives() {
        let motif = shared("motif", conv(same(), any([3, 5])).residual());
        let space = Space::new([3, 8, 8], Task::classification(10))
            .then(&motif)
            .then(one_of([skip(), branches([conv(3, 3), zero(), skip()])]))
            .then(repeat(1..=3, max_pool(2)))
            .then(&motif);
        let open = space.networks().open();
        let inputs: Vec<&[usize]> = open.nodes.iter().map(|node| &node.inputs[..]).collect();
        // The input, the motif and its sum; skip, and the branches and their sum, without zeros; one
        // of the two; what is repeated; the motif again, and the head.
        let expected: [&[usize]; 12] =
            [&[], &[0], &[1, 0], &[2], &[2], &[2], &[2], &[4, 6], &[3, 7], &[8], &[9], &[10]];
        assert_eq!(inputs[..12], expected);
        assert_eq!(inputs[12..], [&[11][..]]);
        assert!(open.has_head());
        assert!(!Space::decisions([2, 3]).networks().open().has_head());
    }
}
