//! The tree of a search space: layers with choices of values, and choices of layers.
//!
//! Five kinds of node are enough for chains and nested choices: a layer, a sequence, a choice of one
//! block (`one_of`), a repetition, and a residual connection. Cells add graphs (`cell.rs`, `wired.rs`).
//! The tree is data, not closures, so that it can be counted, drawn, compared, stored, and kept in a
//! notebook variable.

use crate::op::{LayerInfo, Setting};
use crate::tree::cell::Cell;
use crate::tree::value::{Choice, IntoInts, Ints};
use crate::tree::wired::Wired;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A piece of a search space: one layer, or a composition of blocks.
///
/// Made by the layer functions ([`conv`](crate::conv), [`linear`](crate::linear), ...) and by
/// [`one_of`], [`repeat`], [`seq`] and [`residual`], nested as you like. Methods return a new block.
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

/// A node of the tree; it is stored with layers by name.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Node {
    #[serde(serialize_with = "write_layer", deserialize_with = "read_layer")]
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
    /// Vertices with one operation each, connected as the search decides.
    Wired(Wired),
    /// A wired cell, possibly shared, with this number of channels at its output.
    Wide {
        channels: usize,
        block: Block,
    },
    /// Preparations and blocks alternately, see [`stack`](crate::stack).
    Stack(Vec<Block>),
    /// A block whose decisions are made once, wherever it stands.
    Shared {
        name: String,
        block: Block,
    },
    /// A block with an impossible setting, which is reported when the space is checked.
    Broken {
        block: Block,
        problem: String,
    },
}

/// A choice between blocks: the search picks one of them, and then decides everything inside it.
///
/// ```
/// use nascent::prelude::*;
/// let block = one_of([conv(16, 3), sep_conv(16, 3), max_pool(2)]);
/// // With references, the variables of a notebook remain usable.
/// let (a, b) = (conv(16, 3), max_pool(2));
/// assert_eq!(one_of([&a, &b]), one_of([a, b]));
/// ```
#[doc(alias("choose", "OneOf", "LayerChoice", "layer_choice"))]
pub fn one_of<B>(blocks: impl IntoBlocks<B>) -> Block {
    Block::new(Node::OneOf(blocks.into_blocks()))
}

/// The block, repeated as often as chosen; every copy has choices of its own.
///
/// ```
/// use nascent::prelude::*;
/// let tower = repeat(1..=3, conv(any([16, 32]), 3));
/// ```
#[doc(alias("Repeat", "repeated"))]
pub fn repeat(times: impl IntoInts, block: impl IntoBlock) -> Block {
    Block::new(Node::Repeat { times: times.into_ints().0, block: block.into_block() })
}

/// The blocks in sequence, as one block.
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

/// A block whose decisions are made once: its choices are the same wherever it stands in a space. This
/// builds a network from many copies of one cell; the weights are not shared.
///
/// In an architecture's text the name stands for the block, and the text begins with what was chosen.
/// A block without choices can be shared too, to give it a name that keeps the text of a cell short.
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

/// Anything that can be used as a block: a block or a reference to one.
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

/// Anything that can be used as several blocks: an array, a vector or an iterator of blocks or of
/// references to them.
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

    /// A number that only this block and its clones have, the key of what is cached about it.
    pub(crate) fn id(&self) -> u64 {
        self.1
    }

    /// A layer of the table with its required arguments; the other ones have their defaults.
    pub(crate) fn layer(info: &'static LayerInfo, required: Vec<Choice>) -> Block {
        let rest = info.args[required.len()..].iter().filter_map(|a| a.default.map(Choice::one));
        Block::new(Node::Layer { info, args: required.into_iter().chain(rest).collect() })
    }

    /// This block with a problem that is reported when the space is checked.
    pub(crate) fn broken(&self, problem: String) -> Block {
        Block::new(Node::Broken { block: self.clone(), problem })
    }

    /// This block followed by the next one.
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

    /// The blocks whose decisions, in order, are the decisions of this one; `None` for a layer, a choice
    /// and a repetition. The decisions of a shared block are elsewhere: at the beginning of the space's.
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

    /// All blocks directly inside this one, including the block of a shared one.
    pub(crate) fn children(&self) -> &[Block] {
        match &*self.0 {
            Node::Layer { .. } => &[],
            Node::OneOf(blocks) => blocks,
            Node::Repeat { block, .. } | Node::Shared { block, .. } => std::slice::from_ref(block),
            // Its edges are yes-or-no decisions, not blocks.
            Node::Wired(cell) => std::slice::from_ref(&cell.op),
            _ => self.parts().unwrap_or_default(),
        }
    }

    /// Whether there is anything to decide in it, not counting shared blocks.
    pub(crate) fn has_choices(&self) -> bool {
        match &*self.0 {
            Node::Layer { args, .. } => args.iter().any(|c| c.options.len() > 1),
            Node::OneOf(options) => options.len() > 1 || options.iter().any(Block::has_choices),
            Node::Repeat { times, block } => times.options.len() > 1 || block.has_choices(),
            _ => self.parts().unwrap_or_default().iter().any(Block::has_choices),
        }
    }

    /// Calls `see` with the name and the block of every shared block, inner ones first.
    pub(crate) fn each_shared(&self, see: &mut dyn FnMut(&str, &Block)) {
        self.children().iter().for_each(|b| b.each_shared(see));
        if let Node::Shared { name, block } = &*self.0 {
            see(name, block);
        }
    }

    /// The depth of the tree below it.
    pub(crate) fn depth(&self) -> usize {
        match &*self.0 {
            Node::Layer { .. } => 0,
            _ => 1 + self.children().iter().map(Block::depth).max().unwrap_or(0),
        }
    }
}

/// Anything that can be used as a switch: `true`, `false`, or a choice between them,
/// `any([false, true])`. In the text of an architecture they are 0 and 1.
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

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::tree::block_text(self))
    }
}

crate::draw::debug_as_display!(Block);

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

/// A layer as it is stored.
#[derive(Serialize)]
struct Stored<'a> {
    name: &'a str,
    args: &'a [Choice],
}

/// Leaves out trailing arguments that are at their defaults: settings that a later version adds change
/// neither the text of a space nor its fingerprint.
fn write_layer<S: Serializer>(
    info: &&'static LayerInfo,
    args: &[Choice],
    s: S,
) -> Result<S::Ok, S::Error> {
    let defaults = info.args.iter().rev().zip(args.iter().rev());
    let is_default = |(a, choice): &(&Setting, &Choice)| {
        a.default.is_some_and(|default| **choice == Choice::one(default))
    };
    let spare = defaults.take_while(is_default).count();
    Stored { name: info.name, args: &args[..args.len() - spare] }.serialize(s)
}

/// A layer with its arguments, read by the table of layers.
pub(crate) struct FromTable(pub(crate) &'static LayerInfo, pub(crate) Vec<Choice>);

fn read_layer<'de, D: Deserializer<'de>>(
    d: D,
) -> Result<(&'static LayerInfo, Vec<Choice>), D::Error> {
    let FromTable(info, args) = Deserialize::deserialize(d)?;
    Ok((info, args))
}

impl Serialize for Block {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(s)
    }
}

impl<'de> Deserialize<'de> for Block {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(match Node::deserialize(d)? {
            // This method checks it.
            Node::Wide { channels, block } => block.channels(channels),
            node => Block::new(node),
        })
    }
}
