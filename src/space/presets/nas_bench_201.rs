//! The cell and the network of NAS-Bench-201.
//!
//! Xuanyi Dong and Yi Yang, "NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture
//! Search", arXiv 2001.00326.
//!
//! ```text
//! cell: four nodes, an operation on every edge, a node is the sum of its edges
//!
//!     0 ──> 1    0 ──> 2 <── 1    0 ──> 3 <── 1, 2        six edges in this order
//!
//! operations    0 none   1 skip_connect   2 nor_conv_1x1   3 nor_conv_3x3   4 avg_pool_3x3
//! network       conv3x3-BN, C channels
//!               N cells at C, a residual block to 2C with stride 2,
//!               N cells at 2C, a residual block to 4C with stride 2,
//!               N cells at 4C, BN-ReLU, global average pooling, linear
//! ```
//!
//! A convolution on an edge is ReLU-convolution-BN. Every cell of a network is the same, so the space
//! has six decisions and 5^6 = 15,625 architectures; the decisions are the digits of the benchmark's
//! tables. The benchmark has C = 16 and N = 5 on images of 32 x 32 (CIFAR-10, CIFAR-100) or 16 x 16
//! (ImageNet16-120).
//!
//! How many of them are different networks? 6,466 by the rule that the benchmark publishes
//! ([`nas_bench_201_unique_string`]), and 5,425 by
//! [`Architecture::canonical`](crate::Architecture::canonical), which knows that pooling zeros gives
//! zeros, but distinguishes a node that is read twice from two equal nodes with weights of their own. A
//! rule that did not distinguish them would count 4,930.

use super::broken;
use crate::count::Count;
use crate::error::{Error, Result};
use crate::layer::{avg_pool, batch_norm, conv, global_avg_pool, relu, skip, zero};
use crate::space::Architecture;
use crate::tree::{Block, branches, cell, one_of, repeat, same, seq, shared};

/// The space of NAS-Bench-201 (arXiv 2001.00326) for images `[C, H, W]`: `cells` cells per stage, with
/// `channels` in the first of the three stages, and twice and four times as many in the others. The
/// benchmark has 16 channels and 5 cells.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([3, 32, 32], Task::classification(10)).then(presets::nas_bench_201(16, 5));
/// assert_eq!(space.size(), Some(15_625));
/// let arch = space.decode([3, 3, 3, 3, 3, 3])?;
/// assert_eq!(arch.params(), 1_531_546);
/// # Ok::<(), nascent::Error>(())
/// ```
pub fn nas_bench_201(channels: impl Count, cells: impl Count) -> Block {
    let (c, n) = (channels.to_i64(), cells.to_i64());
    if n < 1 {
        return broken(format!("nas_bench_201: {n} cells per stage; at least 1 is needed. Try 5."));
    }
    let unit = |channels: i64, kernel: i64, stride: i64| {
        relu().then(conv(channels, kernel).stride(stride).activation("identity"))
    };
    let nor_conv = |kernel: i64| relu().then(conv(same(), kernel).activation("identity"));
    let operation = one_of([
        shared("none", zero()),
        shared("skip_connect", skip()),
        shared("nor_conv_1x1", nor_conv(1)),
        shared("nor_conv_3x3", nor_conv(3)),
        shared("avg_pool_3x3", avg_pool(3).stride(1).padding(1)),
    ]);
    let edges = |n: usize| vec![operation.clone(); n];
    let stage = repeat(n, shared("cell", cell([edges(1), edges(2), edges(3)])));
    let reduce = |channels: i64| {
        let narrow = conv(channels, 1).norm(false).bias(false).activation("identity");
        branches([unit(channels, 3, 2).then(unit(channels, 3, 1)), avg_pool(2).then(narrow)])
    };
    seq([
        conv(c, 3).activation("identity"),
        stage.clone(),
        reduce(c.saturating_mul(2)),
        stage.clone(),
        reduce(c.saturating_mul(4)),
        stage,
        batch_norm(),
        relu(),
        global_avg_pool(),
    ])
}

/// The string by which the benchmark identifies a cell: cells with the same string are isomorphic. Skips
/// are looked through, `none` is `#`, and so is any edge from a node that is only `#`; a node is the
/// sorted sum of its edges. The 15,625 cells have 6,466 strings.
///
/// Members of one class were trained separately, and their measured accuracies differ; so do their
/// parameters, where an operation that no path reaches is counted.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::on(&Dataset::digits()).then(presets::nas_bench_201(16, 1));
/// let string = |decisions: [i32; 6]| {
///     presets::nas_bench_201_unique_string(&space.decode(decisions)?)
/// };
/// assert_eq!(string([1, 3, 1, 3, 3, 3])?, string([1, 1, 3, 3, 3, 3])?);
/// # Ok::<(), nascent::Error>(())
/// ```
///
/// # Errors
/// When the architecture does not have six decisions of five options.
pub fn nas_bench_201_unique_string(arch: &Architecture) -> Result<String> {
    const NAMES: [&str; 5] =
        ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"];
    let code = arch.decided();
    if code.len() != 6 || code.iter().any(|&d| d > 4) {
        return Err(Error::invalid(
            format!("the decisions {code:?}"),
            "a cell of NAS-Bench-201 has six, each 0 to 4",
            "an architecture of Space::on(&data).then(presets::nas_bench_201(16, 5))",
        ));
    }
    let mut nodes = vec!["0".to_string()];
    let mut operations = code.iter().map(|&d| d as usize);
    for _ in 0..3 {
        let edge = |(from, op): (&String, usize)| match op {
            0 => "#".to_string(),
            _ if from == "#" => "#".to_string(),
            1 => from.clone(),
            op => format!("({from})@{}", NAMES[op]),
        };
        let mut edges: Vec<String> = nodes.iter().zip(&mut operations).map(edge).collect();
        edges.sort();
        nodes.push(edges.join("+"));
    }
    Ok(nodes.pop().unwrap_or_default())
}
