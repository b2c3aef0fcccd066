//! The tree of a search space: layers with choices of values, and choices of layers.
//!
//! Five kinds of node are enough for chains, branches and nested choices: a layer, a sequence, a
//! choice of one block (`one_of`), a repetition, and a residual connection. The tree is data, not
//! closures, so that it can be counted, drawn, compared, stored, and kept in a notebook variable.

use crate::op::LayerInfo;
use crate::tree::cell::Cell;
use crate::tree::value::{Choice, Floats, IntoFloats, IntoInts, Ints};
use crate::tree::wired::Wired;
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A piece of a search space: one layer, or a composition of blocks.
///
/// Made by the layer functions ([`conv`](crate::conv), [`linear`](crate::linear), ...) and by
/// [`one_of`], [`repeat`], [`seq`] and [`residual`]; nested at will. Methods return a new block.
///
/// ```
/// use nascent::prelude::*;
/// let block = one_of([conv(32, any([3, 5])).residual(), max_pool(2)]);
/// let tower = repeat(1..=4, block.then(dropout(0.1)));
/// assert!(tower.problems().is_empty());
/// ```
#[derive(Clone)]
#[must_use = "methods return a new value and leave this one as it is"]
pub struct Block(pub(crate) Arc<Node>, u64);

#[derive(Clone)]
pub(crate) enum Node {
    Layer {
        info: &'static LayerInfo,
        args: Vec<Choice>,
    },
    Seq(Vec<Block>),
    OneOf(Vec<Block>),
    Repeat {
        times: Choice,
        block: Block,
    },
    Residual(Block),
    Cell(Cell),
    /// Vertices with an operation each, connected as the search decides.
    Wired(Wired),
    /// A wired cell, alone or shared, with so many channels at its output.
    Wide {
        channels: usize,
        block: Block,
    },
    /// Preparations and blocks in turn, see [`stack`](crate::stack).
    Stack(Vec<Block>),
    /// A block whose decisions are made once, wherever it stands.
    Shared {
        name: String,
        block: Block,
    },
    /// A block on which something impossible was asked; reported when the space is checked.
    Broken {
        block: Block,
        problem: String,
    },
}

/// A choice between blocks: the search picks one of them, with everything that is inside it.
///
/// ```
/// use nascent::prelude::*;
/// let block = one_of([conv(16, 3), sep_conv(16, 3), max_pool(2)]);
/// // References leave a notebook's variables where they are.
/// let (a, b) = (conv(16, 3), max_pool(2));
/// assert_eq!(one_of([&a, &b]), one_of([a, b]));
/// ```
#[doc(alias("choose", "OneOf", "LayerChoice", "layer_choice"))]
pub fn one_of<B>(blocks: impl IntoBlocks<B>) -> Block {
    Block::new(Node::OneOf(blocks.into_blocks()))
}

/// The block as often as chosen, every copy with choices of its own.
///
/// ```
/// use nascent::prelude::*;
/// let tower = repeat(1..=3, conv(any([16, 32]), 3));
/// ```
#[doc(alias("Repeat", "repeated"))]
pub fn repeat(times: impl IntoInts, block: impl IntoBlock) -> Block {
    Block::new(Node::Repeat { times: times.into_ints().0, block: block.into_block() })
}

/// The blocks one after the other, as one block.
#[doc(alias("sequential", "Sequential", "chain"))]
pub fn seq<B>(blocks: impl IntoBlocks<B>) -> Block {
    Block::new(Node::Seq(blocks.into_blocks()))
}

/// The block's input added to its output (arXiv 1512.03385). Where the shapes differ, the input
/// goes through a 1x1 convolution (or a linear layer) with batch normalisation first.
#[doc(alias("residual_block", "ResidualBlock", "shortcut"))]
pub fn residual(block: impl IntoBlock) -> Block {
    Block::new(Node::Residual(block.into_block()))
}

/// A block whose decisions are made once: wherever it stands in a space, its choices have fallen the
/// same way. That is how a network is built of one cell many times; weights are not shared.
///
/// The name stands for the block in an architecture's text, which begins with what was chosen. So a
/// block without choices gets a name of its own, and a cell of such blocks is short to read.
///
/// ```
/// use nascent::prelude::*;
/// let motif = shared("motif", one_of([conv(same(), 3), conv(same(), 5).residual()]));
/// let space = Space::new([3, 8, 8], Task::classification(10))
///     .then(conv(any([8, 16]), 3)).then(&motif).then(max_pool(2)).then(&motif);
/// assert_eq!(space.size(), Some(4));
/// let arch = space.decode([1, 0])?;
/// assert_eq!(arch.to_string(),
///     "motif={residual(conv(same,5))};conv(8,3)>motif>max_pool(2)>motif");
/// # Ok::<(), nascent::Error>(())
/// ```
pub fn shared(name: &str, block: impl IntoBlock) -> Block {
    Block::new(Node::Shared { name: name.to_string(), block: block.into_block() })
}

/// Whatever can stand for a block: one, or a reference to one.
#[diagnostic::on_unimplemented(
    message = "a block is wanted here, as conv(16, 3) or linear(64), not `{Self}`",
    label = "several blocks one after the other are seq([a, b]), a choice between them is one_of([a, b])"
)]
pub trait IntoBlock {
    /// The block.
    fn into_block(self) -> Block;
}

#[diagnostic::do_not_recommend]
impl<B: Into<Block>> IntoBlock for B {
    fn into_block(self) -> Block {
        self.into()
    }
}

/// Whatever can stand for several blocks: an array, a vector or an iterator of blocks or of references
/// to them.
#[diagnostic::on_unimplemented(
    message = "a list of blocks is wanted here, as one_of([conv(16, 3), max_pool(2)]), not `{Self}`",
    label = "put the blocks into square brackets: [a, b]"
)]
pub trait IntoBlocks<B> {
    /// The blocks.
    fn into_blocks(self) -> Vec<Block>;
}

#[diagnostic::do_not_recommend]
impl<B: Into<Block>, I: IntoIterator<Item = B>> IntoBlocks<B> for I {
    fn into_blocks(self) -> Vec<Block> {
        self.into_iter().map(Into::into).collect()
    }
}

impl From<&Block> for Block {
    fn from(block: &Block) -> Block {
        block.clone()
    }
}

impl Block {
    pub(crate) fn new(node: Node) -> Block {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Block(Arc::new(node), NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// A number that no other block has but its clones, for what is remembered of it.
    pub(crate) fn id(&self) -> u64 {
        self.1
    }

    /// A layer of the table with its required arguments; the others at their defaults.
    pub(crate) fn layer(info: &'static LayerInfo, required: Vec<Choice>) -> Block {
        let rest = info.args[required.len()..].iter().filter_map(|a| a.default.map(Choice::one));
        Block::new(Node::Layer { info, args: required.into_iter().chain(rest).collect() })
    }

    /// This block, on which something impossible was asked.
    pub(crate) fn broken(&self, problem: String) -> Block {
        Block::new(Node::Broken { block: self.clone(), problem })
    }

    /// This block and then the next one.
    pub fn then(&self, next: impl IntoBlock) -> Block {
        let mut blocks = match &*self.0 {
            Node::Seq(blocks) => blocks.clone(),
            _ => vec![self.clone()],
        };
        blocks.push(next.into_block());
        Block::new(Node::Seq(blocks))
    }

    /// This block with its input added to its output; see [`residual`].
    pub fn residual(&self) -> Block {
        residual(self.clone())
    }

    /// The blocks whose decisions follow each other where this one stands; `None` for a layer, a choice
    /// and a repetition. The decisions of a shared block stand elsewhere: at the space's beginning.
    pub(crate) fn parts(&self) -> Option<&[Block]> {
        match &*self.0 {
            Node::Seq(blocks) | Node::Stack(blocks) => Some(blocks),
            Node::Cell(cell) => Some(cell.parts()),
            Node::Wired(cell) => Some(cell.parts()),
            Node::Residual(block) | Node::Broken { block, .. } | Node::Wide { block, .. } => {
                Some(std::slice::from_ref(block))
            }
            Node::Shared { .. } => Some(&[]),
            Node::Layer { .. } | Node::OneOf(_) | Node::Repeat { .. } => None,
        }
    }

    /// All blocks that are directly in this one, a shared block included.
    pub(crate) fn children(&self) -> &[Block] {
        match &*self.0 {
            Node::Layer { .. } => &[],
            Node::OneOf(blocks) => blocks,
            Node::Repeat { block, .. } | Node::Shared { block, .. } => std::slice::from_ref(block),
            // Its edges are yes or no, and no blocks of their own.
            Node::Wired(cell) => std::slice::from_ref(&cell.op),
            _ => self.parts().unwrap_or_default(),
        }
    }

    /// Whether there is anything to decide in it, shared blocks aside.
    pub(crate) fn has_choices(&self) -> bool {
        match &*self.0 {
            Node::Layer { args, .. } => args.iter().any(|c| c.options.len() > 1),
            Node::OneOf(options) => options.len() > 1 || options.iter().any(Block::has_choices),
            Node::Repeat { times, block } => times.options.len() > 1 || block.has_choices(),
            _ => self.parts().unwrap_or_default().iter().any(Block::has_choices),
        }
    }

    /// Calls `see` with the name and the block of every shared one, those inside a shared one first.
    pub(crate) fn each_shared(&self, see: &mut dyn FnMut(&str, &Block)) {
        self.children().iter().for_each(|b| b.each_shared(see));
        if let Node::Shared { name, block } = &*self.0 {
            see(name, block);
        }
    }

    /// How deep it nests.
    pub(crate) fn depth(&self) -> usize {
        match &*self.0 {
            Node::Layer { .. } => 0,
            _ => 1 + self.children().iter().map(Block::depth).max().unwrap_or(0),
        }
    }
}

/// Whatever can stand for a no or a yes: `true`, `false`, or a choice between them, as
/// `any([false, true])`; 0 and 1 where it is written down.
#[diagnostic::on_unimplemented(
    message = "true, false or any([false, true]) is wanted here, not `{Self}`",
    label = "write true or false"
)]
pub trait IntoSwitch {
    /// The choice.
    fn into_switch(self) -> Ints;
}

impl IntoSwitch for bool {
    fn into_switch(self) -> Ints {
        i32::from(self).into_ints()
    }
}

impl IntoSwitch for Ints {
    fn into_switch(self) -> Ints {
        self
    }
}

impl IntoSwitch for &Ints {
    fn into_switch(self) -> Ints {
        self.clone()
    }
}

impl IntoSwitch for i32 {
    fn into_switch(self) -> Ints {
        self.into_ints()
    }
}

/// A rate, for layers that take one number.
pub(crate) fn rate(rate: impl IntoFloats) -> Choice {
    let Floats(choice) = rate.into_floats();
    choice
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::tree::block_text(self))
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialEq for Block {
    fn eq(&self, other: &Block) -> bool {
        if Arc::ptr_eq(&self.0, &other.0) {
            return true;
        }
        match (&*self.0, &*other.0) {
            (Node::Layer { info: a, args: x }, Node::Layer { info: b, args: y }) => {
                a.name == b.name && x == y
            }
            (Node::Seq(a), Node::Seq(b)) | (Node::OneOf(a), Node::OneOf(b)) => a == b,
            (Node::Repeat { times: a, block: x }, Node::Repeat { times: b, block: y }) => {
                a == b && x == y
            }
            (Node::Residual(a), Node::Residual(b)) => a == b,
            (Node::Cell(a), Node::Cell(b)) => a == b,
            (Node::Wired(a), Node::Wired(b)) => a == b,
            (Node::Wide { channels: a, block: x }, Node::Wide { channels: b, block: y }) => {
                a == b && x == y
            }
            (Node::Stack(a), Node::Stack(b)) => a == b,
            (Node::Shared { name: a, block: x }, Node::Shared { name: b, block: y }) => {
                a == b && x == y
            }
            (Node::Broken { problem: a, .. }, Node::Broken { problem: b, .. }) => a == b,
            _ => false,
        }
    }
}

/// The stored form of a block, the same tree with layers by name.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stored {
    Layer { name: String, args: Vec<Choice> },
    Seq(Vec<Block>),
    OneOf(Vec<Block>),
    Repeat { times: Choice, block: Block },
    Residual(Block),
    Cell(Cell),
    Wired(Wired),
    Wide { channels: usize, block: Block },
    Stack(Vec<Block>),
    Shared { name: String, block: Block },
    Broken { block: Block, problem: String },
}

impl Serialize for Block {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match (*self.0).clone() {
            Node::Layer { info, mut args } => {
                // Defaults at the end are left out: settings that a later version adds change
                // neither the text of a space nor its fingerprint.
                let defaults = info.args.iter().rev().zip(args.iter().rev());
                let spare = defaults.take_while(|(a, choice)| {
                    a.default.is_some_and(|d| **choice == Choice::one(d))
                });
                args.truncate(args.len() - spare.count());
                Stored::Layer { name: info.name.into(), args }
            }
            Node::Seq(b) => Stored::Seq(b),
            Node::OneOf(b) => Stored::OneOf(b),
            Node::Repeat { times, block } => Stored::Repeat { times, block },
            Node::Residual(b) => Stored::Residual(b),
            Node::Cell(c) => Stored::Cell(c),
            Node::Wired(w) => Stored::Wired(w),
            Node::Wide { channels, block } => Stored::Wide { channels, block },
            Node::Stack(b) => Stored::Stack(b),
            Node::Shared { name, block } => Stored::Shared { name, block },
            Node::Broken { block, problem } => Stored::Broken { block, problem },
        }
        .serialize(s)
    }
}
