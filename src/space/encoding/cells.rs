//! The cells of a space, with the operations that its edges or vertices choose from: what adjacency
//! and path encodings and graph features are made of.

use crate::layer::ZERO;
use crate::space::Space;
use crate::tree::block::{Block, Node};
use crate::tree::cell::{Cell, Edge as CellEdge};
use crate::tree::genes::count;
use crate::tree::places::{Places, join};
use crate::tree::value::Choice;
use crate::tree::{Genome, block_name, seq};
use std::slice::Iter;

/// A piece of a space, in the order of its decisions.
pub(super) enum Part {
    Cell {
        name: String,
        cell: EdgeCell,
    },
    Wired {
        name: String,
        cell: VertexCell,
    },
    /// Choices outside cells, or those of a cell with more on its edges than single operations.
    Rest {
        name: String,
        places: Places,
        in_cell: bool,
    },
}

/// Operations on edges.
pub(super) struct EdgeCell {
    pub(super) inputs: usize,
    pub(super) nodes: usize,
    /// Whether the output consists of all nodes after the inputs, not just the last one.
    pub(super) concat: bool,
    pub(super) steps: Vec<Step>,
}

/// The edges to one node.
pub(super) struct Step {
    /// The sets of edges that the node chooses from, where it does not keep them all.
    pub(super) sets: Option<Vec<Vec<usize>>>,
    pub(super) edges: Vec<Edge>,
}

pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) operations: Operations,
}

/// Operations on vertices.
pub(super) struct VertexCell {
    pub(super) vertices: usize,
    pub(super) most_edges: usize,
    pub(super) operations: Operations,
}

/// All that a block can become, in the order of its decisions.
pub(super) struct Operations {
    pub(super) names: Vec<String>,
    /// Whether nothing gets through.
    pub(super) zero: Vec<bool>,
    places: Places,
}

impl Operations {
    /// Which of them was decided.
    pub(super) fn read(&self, decisions: &mut Iter<u32>) -> usize {
        self.places.rank(decisions)
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }
}

/// More operations than this on one edge are too many for an alphabet.
pub(super) const MOST_OPERATIONS: usize = 256;

impl EdgeCell {
    /// Calls `see` for every edge with the number of its operation, `None` where the node does not
    /// keep it.
    pub(super) fn read(
        &self,
        decisions: &mut Iter<u32>,
        mut see: impl FnMut(&Edge, Option<usize>),
    ) {
        for step in &self.steps {
            let kept = step.sets.as_ref().map(|sets| {
                let one = sets.len() < 2;
                let pick = if one { 0 } else { decisions.next().map_or(0, |&d| d as usize) };
                sets.get(pick).map_or(&[][..], Vec::as_slice)
            });
            for (i, edge) in step.edges.iter().enumerate() {
                let there = kept.is_none_or(|kept| kept.contains(&i));
                see(edge, there.then(|| edge.operations.read(decisions)));
            }
        }
    }
}

impl VertexCell {
    /// Every pair of vertices, row by row.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let n = self.vertices;
        (0..n).flat_map(move |from| (from + 1..n).map(move |to| (from, to)))
    }
}

/// The pieces of a space.
pub(super) fn parts(space: &Space) -> Vec<Part> {
    let Genome { shared, .. } = space.genome();
    let mut found = vec![];
    shared.iter().for_each(|(name, block)| collect(block, name.clone(), &mut found));
    collect(space.root(), String::new(), &mut found);
    found
}

fn collect(block: &Block, name: String, found: &mut Vec<Part>) {
    if !block.has_choices() {
        return;
    }
    let rest = |name, in_cell| Part::Rest { name, places: Places::of(block), in_cell };
    match &*block.0 {
        Node::Layer { .. } => found.push(rest(name, false)),
        Node::OneOf(options) => match &options[..] {
            [only] => collect(only, name, found),
            _ => found.push(rest(name, false)),
        },
        Node::Repeat { times, block: copy } => match &times.options[..] {
            [_] if has_cells(copy) => {
                for i in 0..count(times, 0) {
                    collect(copy, format!("{}[{i}]", join(&name, "repeat")), found);
                }
            }
            _ => found.push(rest(name, false)),
        },
        Node::Cell(cell) => found.push(match edge_cell(cell) {
            Some(cell) => Part::Cell { name, cell },
            None => rest(name, true),
        }),
        Node::Wired(cell) => found.push(match operations(&cell.op) {
            Some(operations) => {
                let (vertices, most_edges) = (cell.vertices, cell.most_edges);
                Part::Wired { name, cell: VertexCell { vertices, most_edges, operations } }
            }
            None => rest(name, true),
        }),
        _ => match block.parts().unwrap_or_default() {
            [only] => collect(only, name, found),
            parts => {
                for (i, part) in parts.iter().enumerate() {
                    collect(part, join(&name, &i.to_string()), found);
                }
            }
        },
    }
}

/// The cell, if each of its edges carries one operation of a list that is not too long.
fn edge_cell(cell: &Cell) -> Option<EdgeCell> {
    let (inputs, mut steps) = (cell.inputs(), vec![]);
    for ((step, sets), to) in cell.nodes().zip(inputs..) {
        let edge = |edge: &CellEdge| {
            Some(Edge { from: edge.from, to, operations: operations(&edge.block)? })
        };
        let edges = step.edges.iter().map(edge).collect::<Option<_>>()?;
        steps.push(Step { sets: sets.map(<[_]>::to_vec), edges });
    }
    Some(EdgeCell { inputs, nodes: inputs + steps.len(), concat: cell.concat, steps })
}

fn has_cells(block: &Block) -> bool {
    matches!(*block.0, Node::Cell(_) | Node::Wired(_)) || block.children().iter().any(has_cells)
}

/// All that the block can become; `None` if that is too much, or if there are cells or shared choices
/// inside it.
fn operations(block: &Block) -> Option<Operations> {
    let places = Places::of(block);
    if places.combinations() > MOST_OPERATIONS {
        return None;
    }
    let all = fillings(block)?;
    let (names, zero) = all.iter().map(|b| (block_name(b), is_zero(b))).unzip();
    Some(Operations { names, zero, places })
}

/// The block without choices, in every way, the last choice changing fastest.
fn fillings(block: &Block) -> Option<Vec<Block>> {
    let mut shares = false;
    block.each_shared(&mut |_, inner| shares |= inner.has_choices());
    if shares {
        return None;
    }
    if !block.has_choices() {
        return Some(vec![block.clone()]);
    }
    match &*block.0 {
        Node::Layer { info, args } => {
            let options = args.iter().map(|c| c.options.iter().copied().map(Choice::one).collect());
            let all = products(options.collect());
            Some(all.into_iter().map(|args| Block::new(Node::Layer { info, args })).collect())
        }
        Node::OneOf(options) => {
            Some(options.iter().map(fillings).collect::<Option<Vec<_>>>()?.concat())
        }
        Node::Repeat { times, block } => {
            let one = fillings(block)?;
            let deep = |i| products(vec![one.clone(); count(times, i)]).into_iter().map(seq);
            Some((0..times.options.len()).flat_map(deep).collect())
        }
        Node::Seq(blocks) => {
            let all = blocks.iter().map(fillings).collect::<Option<Vec<_>>>()?;
            Some(products(all).into_iter().map(seq).collect())
        }
        Node::Residual(inner) => Some(fillings(inner)?.iter().map(Block::residual).collect()),
        _ => None,
    }
}

/// The letters of operations; new ones are added to the alphabet.
pub(super) fn spell(operations: &Operations, letters: &mut Vec<String>) -> Vec<Option<usize>> {
    let spell = |(name, &zero): (&String, &bool)| {
        if zero {
            return None;
        }
        let known = letters.iter().position(|letter| letter == name);
        Some(known.unwrap_or_else(|| {
            letters.push(name.clone());
            letters.len() - 1
        }))
    };
    operations.names.iter().zip(&operations.zero).map(spell).collect()
}

/// One of each list, in every way.
fn products<T: Clone>(lists: Vec<Vec<T>>) -> Vec<Vec<T>> {
    lists.iter().fold(vec![vec![]], |found, list| {
        let longer = |begin: &Vec<T>| {
            let begin = begin.clone();
            list.iter().map(move |last| begin.iter().chain([last]).cloned().collect())
        };
        found.iter().flat_map(longer).collect()
    })
}

/// Whether the block returns zeros, whatever its input.
fn is_zero(block: &Block) -> bool {
    match &*block.0 {
        Node::Layer { info, .. } => std::ptr::eq(*info, &ZERO),
        Node::Shared { block, .. } => is_zero(block),
        Node::Seq(blocks) => blocks.iter().any(is_zero),
        Node::OneOf(options) => options.iter().all(is_zero),
        _ => false,
    }
}
