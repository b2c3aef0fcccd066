//! Weisfeiler-Lehman features: which operations an architecture has, in which surroundings.
//!
//! Nino Shervashidze et al., "Weisfeiler-Lehman Graph Kernels", JMLR 12, 2011; for architectures Binxin
//! Ru, Xingchen Wan, Xiaowen Dong and Michael Osborne, "Interpretable Neural Architecture Search via
//! Bayesian Optimisation with Weisfeiler-Lehman Kernels" (NAS-BOWL), arXiv 2006.07556.
//!
//! ```text
//! c_0(v)     = the operation on node v, with its settings
//! c_{i+1}(v) = hash(c_i(v), the sorted c_i(u) of all u with v -> u)
//! phi        = how often each colour c_i occurs, for i = 0, ..., h
//! k(a, b)    = <phi(a), phi(b)> / sqrt(<phi(a), phi(a)> <phi(b), phi(b)>)
//! ```
//!
//! As in NAS-BOWL, nodes are operations, and the input and the output; edges are directed, and a node
//! sees the nodes that read it; a `skip` is not a node but an edge, and what `zero` removes is left out.
//! Sums are not nodes either: an operation that reads a sum reads all of its terms. So architectures with
//! the same [canonical](crate::Architecture::canonical) key have the same features. A convolution with a
//! ReLU in front of it is two operations.

use crate::error::{Error, Result};
use crate::graph::canonical::{Plain, is_small_sum, label, simplify};
use crate::graph::lowering::Node;
use crate::rng::mix;

/// More iterations than this add nothing.
const MOST_ITERATIONS: i64 = 100;
/// The colour of the output.
const OUTPUT: u64 = 0x6f75_7470_7574;
/// The colour of a network whose output is zeros.
const ZERO: u64 = 0x7a65_726f;

/// Whether a number of iterations is allowed.
pub(crate) fn check(iterations: i64) -> Result<()> {
    if (0..=MOST_ITERATIONS).contains(&iterations) {
        return Ok(());
    }
    Err(Error::invalid(
        format!("{iterations} iterations of Weisfeiler and Lehman"),
        format!("0 to {MOST_ITERATIONS} are allowed"),
        "2",
    ))
}

/// How often each colour occurs, sorted.
pub(crate) fn count(mut colours: Vec<u64>) -> Vec<(u64, usize)> {
    colours.sort_unstable();
    let runs = colours.chunk_by(|a, b| a == b);
    runs.filter_map(|run| Some((*run.first()?, run.len()))).collect()
}

/// Appends the colours of every iteration to its own list; those of different blocks are never the
/// same.
pub(crate) fn collect(nodes: &[Node], end: usize, block: u64, out: &mut [Vec<u64>]) {
    let Plain { reads, used, zero, end } = simplify(nodes, end);
    let Some(end) = end else {
        out.iter_mut().take(1).for_each(|first| first.push(mix(ZERO, block)));
        return;
    };
    let output = reads.len();
    let is_sum = |id: usize| is_small_sum(&nodes[id], &reads[id]) && !zero[id];
    let mut readers: Vec<Vec<usize>> = vec![vec![]; output];
    let mut read = |by: usize, from: usize| match is_sum(from) {
        true => reads[from].iter().for_each(|&i| readers[i].push(by)),
        false => readers[from].push(by),
    };
    let there: Vec<usize> = (0..output).filter(|&id| used[id] && !is_sum(id)).collect();
    there.iter().for_each(|&id| reads[id].iter().for_each(|&from| read(id, from)));
    read(output, end);
    let mut colours = vec![OUTPUT; output + 1];
    there.iter().for_each(|&id| colours[id] = label(&nodes[id], id, zero[id]));
    let (mut seen, last) = (vec![], out.len().saturating_sub(1) as u64);
    for (i, out) in (0..).zip(out) {
        let salt = mix(block, i);
        out.extend(there.iter().chain([&output]).map(|&id| mix(colours[id], salt)));
        if i == last {
            break;
        }
        let before = colours.clone();
        for &id in &there {
            seen.clear();
            seen.extend(readers[id].iter().map(|&by| before[by]));
            seen.sort_unstable();
            colours[id] = seen.iter().fold(mix(before[id], i), |h, &c| mix(h, c));
        }
        colours[output] = mix(before[output], i);
    }
}
