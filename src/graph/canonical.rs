//! The canonical key: a hash of a network's graph, the same for isomorphic graphs.
//!
//! First everything without effect is removed: skips are looked through, a sum of sums is one sum, and
//! zeros are neither added nor processed: what a convolution or a normalisation makes of them is at most a
//! learned constant, which counts as zero too, as in the benchmarks.
//!
//! Then colours are refined as by Weisfeiler and Lehman (1968). The colour of a node is a hash of its
//! operation and of the colours of the nodes that it reads, in any order for a sum; then of the nodes that
//! read it, which distinguishes a node that is read twice from two equal ones; and once more of those that
//! it reads. The key is a hash of the colours of all nodes that the output depends on.

use crate::graph::lowering::{Graph, Node, leading_to};
use crate::graph::walk::Role;
use crate::layer::{ADD, CONCAT, ZERO};
use crate::op::{Activation, Value};
use crate::rng::{Hash64, mix};

/// What an operation amounts to.
#[derive(Clone, Copy, PartialEq)]
enum Is {
    /// Zeros.
    Zero,
    /// What another node computes, or itself.
    Node(usize),
}

/// A graph without the operations that do nothing.
pub(crate) struct Plain {
    /// The nodes that every node reads.
    pub(crate) reads: Vec<Vec<usize>>,
    /// Which nodes the output depends on.
    pub(crate) used: Vec<bool>,
    /// Which nodes are zeros.
    pub(crate) zero: Vec<bool>,
    /// The node that gives the output; nothing where that is zeros.
    pub(crate) end: Option<usize>,
}

/// Sums of more than this are not flattened: x + x, added to itself again and again, would grow without
/// bounds.
const MOST_SUMMED: usize = 256;

/// Whether the node is a sum that counts as part of the sums that read it.
pub(crate) fn is_small_sum(node: &Node, reads: &[usize]) -> bool {
    node.op.is(&ADD) && reads.len() <= MOST_SUMMED
}

/// Looks through skips, flattens sums, and follows zeros, in the graph that ends in node `end`.
pub(crate) fn simplify(nodes: &[Node], end: usize) -> Plain {
    let n = end + 1;
    let mut is: Vec<Is> = Vec::with_capacity(n);
    let mut reads: Vec<Vec<usize>> = Vec::with_capacity(n);
    for (id, node) in nodes.iter().enumerate().take(n) {
        let (mut list, mut what) = (vec![], Is::Node(id));
        let inputs = node.inputs.iter().map(|&i| is[i]);
        if node.op.is(&ADD) {
            for input in inputs {
                match input {
                    Is::Zero => {}
                    // A sum of sums is one sum.
                    Is::Node(i) if is_small_sum(&nodes[i], &reads[i]) => list.extend(&reads[i]),
                    Is::Node(i) => list.push(i),
                }
            }
            match list[..] {
                [] => what = Is::Zero,
                [only] => what = Is::Node(only),
                _ => {}
            }
        } else {
            let zeros = inputs.clone().all(|i| i == Is::Zero) && !node.inputs.is_empty();
            if node.op.is(&ZERO) || zeros && (node.op.info.facts.keeps_zero)(&node.op) {
                what = Is::Zero;
            } else if (node.op.info.facts.does_nothing)(&node.op) {
                what = is[node.inputs[0]];
            }
            let stands = |(&i, is)| if let Is::Node(other) = is { other } else { i };
            list.extend(node.inputs.iter().zip(inputs).map(stands));
        }
        if what == Is::Zero {
            list.clear();
        }
        is.push(what);
        reads.push(list);
    }
    let end = match is.last() {
        Some(&Is::Node(end)) => Some(end),
        _ => None,
    };
    let used = leading_to(end, n, |id| &reads[id]);
    let zero = is.iter().map(|&is| is == Is::Zero).collect();
    Plain { reads, used, zero, end }
}

impl Graph {
    /// A hash of the graph, the same for isomorphic ones.
    pub(crate) fn canonical(&self) -> u64 {
        self.nodes.len().checked_sub(1).map_or(0, |end| canonical(&self.nodes, end))
    }
}

/// The key of the graph whose output is the node `end`.
pub(crate) fn canonical(nodes: &[Node], end: usize) -> u64 {
    let Plain { reads, used, zero, end } = simplify(nodes, end);
    let n = reads.len();
    let Some(end) = end else {
        let mut h = Hash64::new();
        h.write(b"zero");
        return h.finish();
    };
    let mut readers: Vec<Vec<usize>> = vec![vec![]; n];
    for id in (0..=end).rev().filter(|&id| used[id]) {
        reads[id].iter().for_each(|&i| readers[i].push(id));
    }
    let mut colours: Vec<u64> = vec![0; n];
    for id in (0..=end).filter(|&id| used[id]) {
        colours[id] = label(&nodes[id], id, zero[id]);
    }
    let mut list: Vec<u64> = Vec::with_capacity(8);
    for round in 0..3 {
        for k in 0..=end {
            let id = if round == 1 { end - k } else { k };
            if !used[id] {
                continue;
            }
            let from = if round == 1 { &readers[id] } else { &reads[id] };
            list.clear();
            list.extend(from.iter().map(|&i| colours[i]));
            // The vertices of a wired cell have no order, not even at its output.
            let ordered = nodes[id].op.is(&CONCAT) && nodes[id].role != Role::Gather;
            if round == 1 || !ordered {
                list.sort_unstable();
            }
            colours[id] = list.iter().fold(mix(colours[id], round), |h, &v| mix(h, v));
        }
    }
    list.clear();
    list.extend((0..=end).filter(|&id| used[id]).map(|id| colours[id]));
    list.sort_unstable();
    list.iter().fold(colours[end], |h, &v| mix(h, v))
}

/// A hash of the name of each activation.
const ACTIVATIONS: [u64; Activation::ALL.len()] = {
    let (mut hashes, mut at) = ([0; Activation::ALL.len()], 0);
    while at < hashes.len() {
        let name = Activation::ALL[at].name().as_bytes();
        let mut i = 0;
        while i < name.len() {
            hashes[at] = mix(hashes[at], name[i] as u64);
            i += 1;
        }
        at += 1;
    }
    hashes
};

/// A hash of a node's operation, the same for settings that mean the same; of inputs and zeros, their
/// shape.
pub(crate) fn label(node: &Node, id: usize, zero: bool) -> u64 {
    let op = &node.op;
    let shape = |h| node.plan.output.as_slice().iter().fold(h, |h, &d| mix(h, d as u64));
    if zero {
        return shape(0);
    }
    let mut h = op.info.hash();
    let (width, spare) = (node.plan.output.channels() as i64, node.spare as u64);
    if node.role == Role::Gather {
        h = shape(h);
    }
    for (arg, value) in op.info.args.iter().zip(&op.args) {
        let number = match op.meant(arg, *value) {
            // Which vertices of a wired cell have one channel more depends on their order alone.
            Value::Int(v) if arg.is_size() && v == width => (v as u64).wrapping_sub(spare),
            Value::Int(v) => v as u64,
            Value::Float(v) => v.to_bits(),
            Value::Act(a) => ACTIVATIONS[a as usize],
        };
        h = mix(h, number);
    }
    if node.inputs.is_empty() {
        let symbols = node.plan.output.vocabulary().unwrap_or(0) as u64;
        h = shape(mix(mix(h, symbols), id as u64));
    }
    h
}
