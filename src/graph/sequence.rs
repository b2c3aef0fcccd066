//! A network as a row of layers with skip connections, as the edit distance sees it.

use crate::graph::canonical::{Plain, simplify};
use crate::graph::lowering::Node;
use crate::graph::walk::Role;
use crate::layer::{ADD, CONCAT, INPUT};
use crate::op::Op;

/// Layers in the order in which they are computed, and the connections that pass over some of them.
pub(crate) struct Sequence {
    /// The operations, each with the channels, features or units of its output.
    pub(crate) layers: Vec<(Op, usize)>,
    /// The ranks where a connection begins and ends, inputs first and the output last; and whether it
    /// is concatenated.
    pub(crate) skips: Vec<(usize, usize, bool)>,
}

/// Further sources of a node are left out: these are already more skip connections than can be compared.
const MOST_SOURCES: usize = 2 * MOST_SKIPS;
/// More skip connections than this take too long to match.
pub(crate) const MOST_SKIPS: usize = 1000;

/// The network of these nodes, which ends at one of them.
pub(crate) fn sequence(nodes: &[Node], end: usize) -> Sequence {
    let Plain { reads, used, zero, end } = simplify(nodes, end);
    let (mut layers, mut skips) = (vec![], vec![]);
    // The ranks of the layers that each node's output comes from, and whether through a concatenation.
    let mut sources: Vec<Vec<(usize, bool)>> = vec![vec![]; reads.len()];
    let (mut rank, mut chained) = (0, false);
    let mut connect = |from: &[(usize, bool)], to: usize| {
        chained = false;
        for &(begin, concat) in from {
            // The first connection to the next layer is the row itself.
            match begin + 1 == to && !chained {
                true => chained = true,
                false => skips.push((begin, to, concat)),
            }
        }
    };
    for (id, node) in nodes.iter().enumerate().take(reads.len()) {
        let input = node.op.is(&INPUT);
        if !(used[id] || input) || zero[id] {
            continue;
        }
        let concat = node.op.is(&CONCAT);
        let read = reads[id].iter().flat_map(|&i| sources[i].iter()).take(MOST_SOURCES);
        let read: Vec<(usize, bool)> = read.map(|&(at, c)| (at, c || concat)).collect();
        // The head has the rank of the output.
        if concat || node.op.is(&ADD) || node.role == Role::Head {
            sources[id] = read;
            continue;
        }
        connect(&read, rank);
        if !input {
            layers.push((node.op.clone(), node.plan.output.channels()));
        }
        sources[id] = vec![(rank, false)];
        rank += 1;
    }
    if let Some(end) = end {
        connect(&sources[end], rank);
    }
    Sequence { layers, skips }
}
