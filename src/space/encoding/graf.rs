//! Neural graph features (GRAF): how many operations of which kind there are, how long the paths through
//! them are, and how they are connected.
//!
//! Gabriela Kadlecova, Jovita Lukasik, Martin Pilat, Petra Vidnerova, Mahmoud Safari, Roman Neruda and Frank
//! Hutter, "Surprisingly Strong Performance Prediction with Neural Graph Features", ICML 2024, arXiv
//! 2404.16551, section 4. With the operations O, for every operation o and every non-empty subset S of O:
//!
//! ```text
//! count(o)        how many operations are o
//! min path(S)     the fewest operations on a path from the input to the output that has operations of S alone;
//!                 one more than any path can have where there is none
//! max path(S)     the most operations of S on a path from the input to the output
//! out degree(S)   how many operations of S read the input; one for each input
//! in degree(S)    how many operations of S the output reads
//! mean in(S)      how many operations of S an operation or the output reads, on average
//! mean out(S)     how many operations of S read an operation or the input, on average
//! ```
//!
//! An operation reads what it gets directly or in a sum. NAS-Bench-201 has 4 + 1 + 15 * 6 = 95 columns.
//!
//! Where we differ: a `zero` (the `none` of NAS-Bench-201) is no operation, but an edge that is not there, and what no
//! path from the input to the output goes through is left out first, because it changes nothing: how many
//! edges or vertices that leaves without effect is a column. So two ways of writing the same cell have the
//! same features. With more than 7 operations there would be more subsets than a model could use: up to 16 have
//! single ones, pairs, all but one, and all; more have single ones and all.
//!
//! What is not in a cell has the features of the layer graph (`graf_layers.rs`). Decisions alone have no
//! graph: there are only counts, of each option among all decisions with the same number of options.

use super::cells::{EdgeCell, Part, VertexCell, parts, spell};
use super::graf_features::{Flow, Kinds};
use super::graf_layers::Layers;
use crate::error::Result;
use crate::space::{Architecture, Space};
use crate::tree::places::Places;
use std::slice::Iter;

pub(super) struct Graf {
    parts: Vec<Piece>,
    /// Where there are choices outside of the cells.
    layers: Option<Layers>,
    /// For decisions alone: the numbers of options that there are.
    options: Vec<u32>,
    pub(super) width: usize,
}

enum Piece {
    Edges {
        cell: EdgeCell,
        spelled: Vec<Vec<Option<usize>>>,
        kinds: Kinds,
    },
    Vertices {
        cell: VertexCell,
        spelled: Vec<Option<usize>>,
        kinds: Kinds,
    },
    /// Its decisions are passed over.
    Rest(Places),
}

impl Graf {
    pub(super) fn of(space: &Space) -> Graf {
        if space.is_decisions() {
            let options = options_of(space);
            let width = options.iter().fold(0, |w: usize, &n| w.saturating_add(n as usize));
            return Graf { parts: vec![], layers: None, options, width };
        }
        let mut pieces = vec![];
        for part in parts(space) {
            pieces.push(match part {
                Part::Cell { name, cell } => {
                    let mut letters = vec![];
                    let edges = || cell.steps.iter().flat_map(|step| &step.edges);
                    let spelled = edges().map(|e| spell(&e.operations, &mut letters)).collect();
                    let longest = Some(cell.nodes - cell.inputs);
                    let idle = Some(("edges", edges().count()));
                    let kinds = Kinds::new(name, letters, cell.inputs, longest, idle);
                    Piece::Edges { cell, spelled, kinds }
                }
                Part::Wired { name, cell } => {
                    let mut letters = vec![];
                    let spelled = spell(&cell.operations, &mut letters);
                    let between = cell.vertices.saturating_sub(2);
                    let idle = Some(("vertices", between));
                    let kinds = Kinds::new(name, letters, 1, Some(between), idle);
                    Piece::Vertices { cell, spelled, kinds }
                }
                Part::Rest { places, .. } => Piece::Rest(places),
            });
        }
        let outside = pieces.iter().any(|p| matches!(p, Piece::Rest(_))) || pieces.is_empty();
        let layers = outside.then(|| Layers::of(space));
        let own = pieces.iter().filter_map(Piece::kinds).map(Kinds::width);
        let width = own.fold(layers.as_ref().map_or(0, Layers::width), usize::saturating_add);
        Graf { parts: pieces, layers, options: vec![], width }
    }

    /// # Errors
    /// Where layers outside of cells do not fit together.
    pub(super) fn encode(&self, arch: &Architecture, out: &mut Vec<f32>) -> Result<()> {
        if !self.options.is_empty() {
            let mut taken = vec![];
            let places = arch.of_space().places();
            places.taken(&mut arch.decided().iter(), 0, &mut taken);
            for &n in &self.options {
                let counted = |pick| taken.iter().filter(move |t| (t.options, t.pick) == (n, pick));
                out.extend((0..n).map(|pick| counted(pick).count() as f32));
            }
            return Ok(());
        }
        let mut decisions = arch.decided().iter();
        for part in &self.parts {
            match part {
                Piece::Edges { cell, spelled, kinds } => {
                    kinds.features(&edges(cell, spelled, &mut decisions), out);
                }
                Piece::Vertices { cell, spelled, kinds } => {
                    kinds.features(&vertices(cell, spelled, &mut decisions), out);
                }
                Piece::Rest(places) => places.taken(&mut decisions, 0, &mut vec![]),
            }
        }
        self.layers.as_ref().map_or(Ok(()), |layers| layers.encode(arch, out))
    }

    pub(super) fn names(&self) -> Vec<String> {
        let mut names = vec![];
        for &n in &self.options {
            let of = |pick| format!("decisions among {n} options that take option {pick}");
            names.extend((0..n).map(of));
        }
        self.parts.iter().filter_map(Piece::kinds).for_each(|kinds| kinds.names(&mut names));
        if let Some(layers) = &self.layers {
            layers.names(&mut names);
        }
        names
    }
}

/// The different numbers of options of all decisions that an architecture may have.
fn options_of(space: &Space) -> Vec<u32> {
    let mut labels = vec![];
    space.places().labels("", &mut labels);
    let mut options: Vec<u32> =
        labels.chunk_by(|a, b| a.0 == b.0).map(|options| options.len() as u32).collect();
    options.sort_unstable();
    options.dedup();
    options
}

impl Piece {
    fn kinds(&self) -> Option<&Kinds> {
        match self {
            Piece::Edges { kinds, .. } | Piece::Vertices { kinds, .. } => Some(kinds),
            Piece::Rest(_) => None,
        }
    }
}

/// The operations on the edges of a cell.
fn edges(cell: &EdgeCell, spelled: &[Vec<Option<usize>>], decisions: &mut Iter<u32>) -> Flow {
    let mut flow = Flow::default();
    let mut nodes: Vec<usize> = (0..cell.inputs).map(|_| flow.push(None, &[])).collect();
    let (mut summed, mut to, mut spelled) = (vec![], cell.inputs, spelled.iter());
    cell.read(decisions, |edge, operation| {
        while to < edge.to {
            nodes.push(flow.push(None, &summed));
            summed.clear();
            to += 1;
        }
        let kind = spelled.next().zip(operation).and_then(|(s, o)| *s.get(o)?);
        if kind.is_some() {
            summed.push(flow.push(kind, &[nodes[edge.from]]));
        }
    });
    while to < cell.nodes {
        nodes.push(flow.push(None, &summed));
        summed.clear();
        to += 1;
    }
    let ends = if cell.concat { cell.inputs } else { cell.nodes - 1 };
    flow.push(None, &nodes[ends..]);
    flow
}

/// The operations on the vertices of a wired cell.
fn vertices(cell: &VertexCell, spelled: &[Option<usize>], decisions: &mut Iter<u32>) -> Flow {
    let n = cell.vertices;
    let mut wired = vec![false; n * n];
    for (from, to) in cell.pairs() {
        wired[from * n + to] = decisions.next() == Some(&1);
    }
    let (mut flow, mut at) = (Flow::default(), vec![]);
    at.push(Some(flow.push(None, &[])));
    for v in 1..n {
        let reads: Vec<usize> = (0..v).filter(|u| wired[u * n + v]).filter_map(|u| at[u]).collect();
        let last = v + 1 == n;
        let kind = if last {
            None
        } else {
            spelled.get(cell.operations.read(decisions)).copied().flatten()
        };
        // A zero gives nothing to read.
        at.push((last || kind.is_some()).then(|| flow.push(kind, &reads)));
    }
    flow
}
