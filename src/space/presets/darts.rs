//! The cells and the network of DARTS, which are those of NASNet with fewer nodes.
//!
//! Liu, Simonyan, Yang, "DARTS: Differentiable Architecture Search", arXiv 1806.09055; Zoph et al.,
//! "Learning Transferable Architectures for Scalable Image Recognition", arXiv 1707.07012.
//!
//! ```text
//! cell: inputs c_{k-2}, c_{k-1}; four nodes, each the sum of two edges from earlier nodes;
//!       the output c_k is the concatenation of the four
//!
//! operations   max_pool_3x3  avg_pool_3x3  skip_connect  sep_conv_3x3  sep_conv_5x5
//!              dil_conv_3x3  dil_conv_5x5
//! network      conv3x3-BN with 3C channels, L cells, global average pooling, linear;
//!              the cells at L/3 and 2L/3 reduce: stride 2 on the edges from their inputs,
//!              and twice the channels from there on
//! ```
//!
//! There are two cells to find, the normal and the reduction cell, each with
//! `C(2,2) C(3,2) C(4,2) C(5,2) = 180` ways to wire it and `7^8` to fill it: about 10^18 in all. The
//! paper's own search space has an eighth operation, none, which the derived cells counted here do not
//! have.
//!
//! A separable convolution is ReLU-depthwise-1x1-BN twice, a dilated one once. Where we differ: batch
//! normalisation scales and shifts everywhere, as in the paper's final training; a skip with stride 2 is
//! one 1x1 convolution instead of two that see shifted halves, with the same number of parameters; and
//! there is no auxiliary head.

use super::broken;
use crate::count::Count;
use crate::layer::{avg_pool, batch_norm, conv, global_avg_pool, max_pool, relu, sep_conv, skip};
use crate::tree::{Block, cell, one_of, same, seq, shared, stack};

/// The space of DARTS (arXiv 1806.09055) for images: a stack of `cells` normal and reduction cells, the
/// first with `channels`. The paper searches with 16 channels and 8 cells, and trains the cells that it
/// has found with 36 channels and 20 cells.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([3, 32, 32], Task::classification(10)).then(presets::darts(36, 20));
/// assert_eq!(space.size(), Some((180 * 7u128.pow(8)).pow(2)));
/// ```
pub fn darts(channels: impl Count, cells: impl Count) -> Block {
    let (c, n) = (channels.to_i64(), cells.to_i64());
    if n < 1 {
        return broken(format!("darts: {n} cells; at least 1 is needed. Try 8."));
    }
    let mut width = c;
    let mut list = vec![];
    // Of too many cells, these are enough for the check of the space's layers to refuse them.
    for k in 0..n.min(10_000) {
        let reduces = k == n / 3 || k == 2 * n / 3;
        if reduces {
            width = width.saturating_mul(2);
        }
        let name = if reduces { "reduce" } else { "normal" };
        let prepare = relu().then(conv(width, 1).activation("identity"));
        list.push((prepare, shared(name, darts_cell(if reduces { 2 } else { 1 }))));
    }
    seq([conv(c.saturating_mul(3), 3).activation("identity"), stack(list), global_avg_pool()])
}

/// A cell whose edges from its two inputs have a stride.
fn darts_cell(stride: i64) -> Block {
    let node = |n: usize| -> Vec<Block> {
        (0..n).map(|from| operation(if from < 2 { stride } else { 1 })).collect()
    };
    cell([node(2), node(3), node(4), node(5)]).two_inputs().keep(2).concat_nodes()
}

fn operation(stride: i64) -> Block {
    let pool = |pool: Block| pool.stride(stride).padding(1).then(batch_norm());
    let half = |kernel: i64, stride: i64, dilation: i64| {
        let conv = sep_conv(same(), kernel).stride(stride).dilation(dilation);
        relu().then(conv.activation("identity"))
    };
    let separable = |kernel: i64| half(kernel, stride, 1).then(half(kernel, 1, 1));
    let shrink = relu().then(conv(same(), 1).stride(stride).activation("identity"));
    let named = |name: &str, block: Block| match stride {
        1 => shared(name, block),
        _ => shared(&format!("{name}_s{stride}"), block),
    };
    one_of([
        named("max_pool_3x3", pool(max_pool(3))),
        named("avg_pool_3x3", pool(avg_pool(3))),
        named("skip_connect", if stride == 1 { skip() } else { shrink }),
        named("sep_conv_3x3", separable(3)),
        named("sep_conv_5x5", separable(5)),
        named("dil_conv_3x3", half(3, stride, 2)),
        named("dil_conv_5x5", half(5, stride, 2)),
    ])
}
