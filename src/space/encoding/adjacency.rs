//! The adjacency encoding: which operation stands on every edge, or on every vertex, and which of the
//! edges are there.
//!
//! Colin White, Willie Neiswanger, Sam Nolen and Yash Savani, "A Study on Encodings for Neural
//! Architecture Search", arXiv 2007.04965, section 3.
//!
//! ```text
//! a cell with operations on its edges       for every edge i -> j:
//!                                             1 if the edge is there   (only where a choice keeps
//!                                                                      some of the edges)
//!                                             one-hot of its operation, 0 where there is no edge
//! a cell with operations on its vertices    for every i < j: 1 if i -> j
//!                                           for every vertex but the first and the last:
//!                                             one-hot of its operation
//! ```
//!
//! NAS-Bench-201 has 6 * 5 = 30 columns, NAS-Bench-101 has 21 + 5 * 3 = 36. It is the matrix that was
//! decided: a vertex that no path reaches is in it. Choices outside cells are one-hot, as are those of
//! cells whose edges have cells or shared blocks of their own.

use super::cells::{Part, parts};
use crate::space::Space;
use crate::tree::places::{distinct, join, mark};

pub(super) struct Adjacency {
    parts: Vec<Part>,
    pub(super) width: usize,
}

impl Adjacency {
    pub(super) fn of(space: &Space) -> Adjacency {
        let parts = parts(space);
        let width = parts.iter().map(width).fold(0, usize::saturating_add);
        Adjacency { parts, width }
    }

    pub(super) fn encode(&self, decisions: &[u32], out: &mut Vec<f32>) {
        let mut decisions = decisions.iter();
        for part in &self.parts {
            match part {
                Part::Rest { places, .. } => places.one_hot(&mut decisions, out),
                Part::Wired { cell, .. } => {
                    for _ in cell.pairs() {
                        out.push(if decisions.next() == Some(&1) { 1.0 } else { 0.0 });
                    }
                    for _ in 2..cell.vertices {
                        mark(out, cell.operations.read(&mut decisions), cell.operations.len());
                    }
                }
                // Its edges are listed by node, like the sets that a node chooses from.
                Part::Cell { cell, .. } => cell.read(&mut decisions, |edge, operation| {
                    let chosen = cell.steps[edge.to - cell.inputs].sets.is_some();
                    if chosen {
                        out.push(if operation.is_some() { 1.0 } else { 0.0 });
                    }
                    mark(out, operation.unwrap_or(usize::MAX), edge.operations.len());
                }),
            }
        }
    }

    pub(super) fn names(&self) -> Vec<String> {
        let mut names = vec![];
        for part in &self.parts {
            match part {
                Part::Rest { name, places, .. } => places.names(name, &mut names),
                Part::Wired { name, cell } => {
                    let at = |place: String| join(name, &place);
                    names.extend(cell.pairs().map(|(from, to)| at(format!("{from}-{to}"))));
                    for v in 1..cell.vertices.saturating_sub(1) {
                        let options = distinct(cell.operations.names.clone()).into_iter();
                        names.extend(options.map(|option| at(format!("{v}={option}"))));
                    }
                }
                Part::Cell { name, cell } => {
                    for step in &cell.steps {
                        for edge in &step.edges {
                            let place = join(name, &format!("{}-{}", edge.from, edge.to));
                            names.extend(step.sets.is_some().then(|| place.clone()));
                            let options = distinct(edge.operations.names.clone()).into_iter();
                            names.extend(options.map(|option| format!("{place}={option}")));
                        }
                    }
                }
            }
        }
        names
    }
}

fn width(part: &Part) -> usize {
    match part {
        Part::Rest { places, .. } => places.width,
        Part::Wired { cell, .. } => {
            cell.pairs().count() + cell.vertices.saturating_sub(2) * cell.operations.len()
        }
        Part::Cell { cell, .. } => {
            let columns = cell.steps.iter().flat_map(|step| {
                let bit = usize::from(step.sets.is_some());
                step.edges.iter().map(move |edge| bit + edge.operations.len())
            });
            columns.sum()
        }
    }
}
