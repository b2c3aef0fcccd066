//! The path encoding: which sequences of operations lead from a cell's input to its output.
//!
//! Colin White, Willie Neiswanger and Yash Savani, "BANANAS: Bayesian Optimization with Neural
//! Architectures for Neural Architecture Search", arXiv 1910.11858; truncated to the shortest paths, and
//! compared with other encodings, in "A Study on Encodings for Neural Architecture Search", arXiv
//! 2007.04965.
//!
//! ```text
//! a column for every sequence (o_1, ..., o_l) of the q operations that some path may have, shorter
//! sequences first
//!     x_k = 1 if the architecture has a path with the operations of column k
//! truncated: the first n columns, because long paths are rare
//! ```
//!
//! Two ways of writing the same cell have the same encoding, and operations on no path are not in it. A
//! `zero` (the `none` of NAS-Bench-201) is not an operation, because it breaks a path; a `skip` is one. So
//! NAS-Bench-201 has 4 + 16 + 64 = 84 columns; NAS-Bench-101, whose operations are on the vertices and
//! whose shortest path has none, has 1 + 3 + 9 + 27 + 81 + 243 = 364. A cell with two inputs has the paths
//! of each, and in a space with several cells the columns of one cell follow those of another.
//!
//! The sequences of a cell are kept as a tree, a node for every prefix. An architecture is encoded
//! by walking its edges in order with, at every vertex, the set of tree nodes that paths to it end in.

use super::cells::{EdgeCell, MOST_OPERATIONS, Part, VertexCell, parts, spell};
use super::{MOST_COLUMNS, other};
use crate::error::{Error, Result};
use crate::space::Space;
use std::slice::Iter;

pub(super) struct Paths {
    cells: Vec<Cell>,
    pub(super) width: usize,
}

/// The paths of one cell.
struct Cell {
    name: String,
    cell: Kind,
    /// The letters of the alphabet: the different operations, as text.
    letters: Vec<String>,
    /// The letter of every operation of every edge, in order, or of every operation of a vertex; `None`
    /// for a zero.
    spelled: Vec<Vec<Option<usize>>>,
    tree: Tree,
}

enum Kind {
    Edges(EdgeCell),
    Vertices(VertexCell),
}

/// The sequences: for every node and letter the node that it leads to.
#[derive(Default)]
struct Tree {
    next: Vec<u32>,
    letters: usize,
    /// The column of every node's sequence.
    column: Vec<u32>,
    columns: usize,
    /// The root of every input.
    roots: Vec<u32>,
}

/// No node, or no column.
const NONE: u32 = u32::MAX;

/// An edge of the graph that paths go through, with the letters that may stand on it.
struct Move {
    from: usize,
    to: usize,
    letters: Vec<usize>,
}

impl Paths {
    /// # Errors
    /// Where there is no cell, a choice outside the cells, or too many paths.
    pub(super) fn of(space: &Space, first: Option<usize>) -> Result<Paths> {
        let mut cells = vec![];
        for part in parts(space) {
            cells.push(match part {
                Part::Cell { name, cell } => Cell::of_edges(name, cell, first)?,
                Part::Wired { name, cell } => Cell::of_vertices(name, cell, first)?,
                Part::Rest { name, places, in_cell } => {
                    let example = match places.width {
                        0..1000 => {
                            let mut names = vec![];
                            places.names(&name, &mut names);
                            names.first().map_or(String::new(), |n| format!(", as {n}"))
                        }
                        _ => String::new(),
                    };
                    return Err(match in_cell {
                        true => Error::invalid(
                            format!("the path encoding of a cell with other cells on its edges, or more than {MOST_OPERATIONS} operations"),
                            format!("a path consists of single operations{example}"),
                            other(),
                        ),
                        false => Error::invalid(
                            "the path encoding of a space with choices outside of its cells",
                            format!("they are on no path through a cell{example}"),
                            other(),
                        ),
                    });
                }
            });
        }
        if cells.is_empty() {
            return Err(Error::invalid(
                "the path encoding of a space without choices in a cell",
                "its only path is the network itself",
                other(),
            ));
        }
        let width = cells.iter().map(|cell| cell.tree.columns).fold(0, usize::saturating_add);
        Ok(Paths { cells, width })
    }

    pub(super) fn encode(&self, decisions: &[u32], out: &mut Vec<f32>) {
        let mut decisions = decisions.iter();
        for cell in &self.cells {
            let begin = out.len();
            out.resize(begin + cell.tree.columns, 0.0);
            cell.encode(&mut decisions, &mut out[begin..]);
        }
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.cells.iter().flat_map(Cell::names).collect()
    }
}

impl Cell {
    fn of_edges(name: String, cell: EdgeCell, first: Option<usize>) -> Result<Cell> {
        let mut letters = vec![];
        let edges = || cell.steps.iter().flat_map(|step| &step.edges);
        let spelled: Vec<_> = edges().map(|e| spell(&e.operations, &mut letters)).collect();
        let moves = edges().zip(&spelled).map(|(edge, spelled)| Move {
            from: edge.from,
            to: edge.to,
            letters: distinct(spelled),
        });
        let moves: Vec<Move> = moves.collect();
        let ends = |node: usize| match cell.concat {
            true => node >= cell.inputs,
            false => node + 1 == cell.nodes,
        };
        let tree = Tree::grow(cell.inputs, cell.nodes, &moves, letters.len(), &ends, first)?;
        Ok(Cell { name, cell: Kind::Edges(cell), letters, spelled, tree })
    }

    fn of_vertices(name: String, cell: VertexCell, first: Option<usize>) -> Result<Cell> {
        let mut letters = vec![];
        let spelled = spell(&cell.operations, &mut letters);
        // A path of this many edges goes through one vertex fewer, and may end anywhere.
        let moves = cell.pairs().filter(|&(_, to)| to + 1 < cell.vertices);
        let any = distinct(&spelled);
        let moves: Vec<Move> =
            moves.map(|(from, to)| Move { from, to, letters: any.clone() }).collect();
        let longest = cell.most_edges.min(cell.vertices - 1);
        let tree = Tree::grow(1, longest, &moves, letters.len(), &|_| true, first)?;
        Ok(Cell { name, cell: Kind::Vertices(cell), letters, spelled: vec![spelled], tree })
    }

    fn encode(&self, decisions: &mut Iter<u32>, out: &mut [f32]) {
        let tree = &self.tree;
        let mut mark = |node: u32| {
            let column = tree.column.get(node as usize).map_or(NONE, |&c| c);
            if let Some(x) = out.get_mut(column as usize) {
                *x = 1.0;
            }
        };
        match &self.cell {
            Kind::Edges(cell) => {
                let mut at: Vec<Vec<u32>> = vec![vec![]; cell.nodes];
                at.iter_mut().zip(&tree.roots).for_each(|(set, &root)| set.push(root));
                let mut spelled = self.spelled.iter();
                cell.read(decisions, |edge, operation| {
                    let letter = spelled.next().zip(operation).and_then(|(s, o)| *s.get(o)?);
                    if let Some(letter) = letter {
                        tree.step(&mut at, edge.from, edge.to, letter);
                    }
                });
                let ends = if cell.concat { cell.inputs } else { cell.nodes - 1 };
                at[ends..].iter().flatten().for_each(|&node| mark(node));
            }
            Kind::Vertices(cell) => {
                let n = cell.vertices;
                let mut edges = vec![false; n * n];
                for (from, to) in cell.pairs() {
                    edges[from * n + to] = decisions.next() == Some(&1);
                }
                let mut at: Vec<Vec<u32>> = vec![vec![]; n];
                at[0].extend(&tree.roots);
                for v in 1..n - 1 {
                    let operation = cell.operations.read(decisions);
                    let letter = self.spelled.first().and_then(|s| *s.get(operation)?);
                    let Some(letter) = letter else { continue };
                    for u in (0..v).filter(|u| edges[u * n + v]) {
                        tree.step(&mut at, u, v, letter);
                    }
                }
                let last = (0..n - 1).filter(|v| edges[v * n + n - 1]);
                last.flat_map(|v| &at[v]).for_each(|&node| mark(node));
            }
        }
    }

    /// Every column's operations, as `cell: skip > conv(same, 3)`.
    fn names(&self) -> Vec<String> {
        let tree = &self.tree;
        let mut names = vec![String::new(); tree.columns];
        let mut begun: Vec<(u32, String)> = vec![];
        for (i, &root) in tree.roots.iter().enumerate() {
            let input = if tree.roots.len() > 1 { format!("input {i}") } else { String::new() };
            begun.push((root, input));
        }
        while let Some((node, text)) = begun.pop() {
            let at = node as usize;
            if let Some(name) = names.get_mut(tree.column[at] as usize) {
                let text = if text.is_empty() { "input to output" } else { text.as_str() };
                let cell = if self.name.is_empty() { "path" } else { &self.name };
                *name = format!("{cell}: {text}");
            }
            let next = &tree.next[at * tree.letters..][..tree.letters];
            for (&child, letter) in next.iter().zip(&self.letters).filter(|(c, _)| **c != NONE) {
                let arrow = if text.is_empty() { "" } else { " > " };
                begun.push((child, format!("{text}{arrow}{letter}")));
            }
        }
        names
    }
}

fn distinct(spelled: &[Option<usize>]) -> Vec<usize> {
    let mut letters: Vec<usize> = spelled.iter().flatten().copied().collect();
    letters.sort_unstable();
    letters.dedup();
    letters
}

/// The most nodes of a cell: one bit each.
const MOST_NODES: usize = 128;

impl Tree {
    /// The sequences of all paths of fewer than `nodes` moves, shortest first, or the `first` ones.
    fn grow(
        inputs: usize,
        nodes: usize,
        moves: &[Move],
        letters: usize,
        ends: &dyn Fn(usize) -> bool,
        first: Option<usize>,
    ) -> Result<Tree> {
        let highest = moves.iter().map(|m| m.to).max().unwrap_or(0);
        if highest >= MOST_NODES {
            return Err(Error::invalid(
                format!("the path encoding of a cell of {} nodes", highest + 1),
                format!("at most {MOST_NODES} are allowed"),
                other(),
            ));
        }
        let most = first.unwrap_or(usize::MAX).min(MOST_COLUMNS + 1);
        let mut tree = Tree { letters, ..Tree::default() };
        // The nodes of one length, and where in the cell their sequences may end.
        let mut level: Vec<(u32, u128)> = vec![];
        for input in 0..inputs {
            let root = tree.push();
            tree.roots.push(root);
            level.push((root, 1 << input));
        }
        for length in 0..nodes {
            for &(node, at) in &level {
                if tree.columns < most && (0..=highest).any(|v| at >> v & 1 == 1 && ends(v)) {
                    tree.column[node as usize] = tree.columns as u32;
                    tree.columns += 1;
                }
            }
            if tree.columns >= most || tree.is_too_large() || length + 1 == nodes {
                break;
            }
            let mut longer = vec![];
            for (node, at) in level {
                if tree.is_too_large() {
                    break;
                }
                let mut to = vec![0u128; letters];
                for m in moves.iter().filter(|m| at >> m.from & 1 == 1) {
                    m.letters.iter().for_each(|&letter| to[letter] |= 1 << m.to);
                }
                for (letter, &at) in to.iter().enumerate().filter(|(_, at)| **at != 0) {
                    let child = tree.push();
                    tree.next[node as usize * letters + letter] = child;
                    longer.push((child, at));
                }
            }
            level = longer;
        }
        if tree.columns > MOST_COLUMNS || tree.columns < most && tree.is_too_large() {
            let hint = match tree.columns {
                n if n >= 100 && first.is_none() => {
                    "Encoding::path().truncated(100), which keeps the shortest"
                }
                _ => "Encoding::adjacency(), or fewer operations on an edge",
            };
            return Err(Error::invalid(
                format!("the path encoding of a cell with more than {MOST_COLUMNS} paths"),
                "that is the most, including their prefixes",
                hint,
            ));
        }
        Ok(tree)
    }

    /// Whether there are more prefixes than a search can keep.
    fn is_too_large(&self) -> bool {
        self.column.len() > 8 * MOST_COLUMNS || self.next.len() > 100 * MOST_COLUMNS
    }

    fn push(&mut self) -> u32 {
        self.next.resize(self.next.len() + self.letters, NONE);
        self.column.push(NONE);
        (self.column.len() - 1) as u32
    }

    /// Paths to one vertex continue to another.
    fn step(&self, at: &mut [Vec<u32>], from: usize, to: usize, letter: usize) {
        for i in 0..at[from].len() {
            let node = at[from][i] as usize;
            let next = self.next.get(node * self.letters + letter).map_or(NONE, |&n| n);
            if next != NONE && !at[to].contains(&next) {
                at[to].push(next);
            }
        }
    }
}
