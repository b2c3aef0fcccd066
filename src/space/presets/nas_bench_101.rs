//! The cell and the network of NAS-Bench-101.
//!
//! Chris Ying, Aaron Klein, Eric Christiansen, Esteban Real, Kevin Murphy and Frank Hutter,
//! "NAS-Bench-101: Towards Reproducible Neural Architecture Search", arXiv 1902.09635.
//!
//! ```text
//! cell: at most 7 vertices and 9 edges, vertex 0 the input, the last the output, an operation on each
//!       of the others; see src/tree/wired.rs for what it computes
//!
//! operations    0 conv3x3-bn-relu   1 conv1x1-bn-relu   2 maxpool3x3
//! network       conv3x3-BN-ReLU, C channels
//!               N cells at C, 2x2 max-pooling, N cells at 2C, 2x2 max-pooling, N cells at 4C,
//!               global average pooling, linear
//! ```
//!
//! The first cell after a pooling doubles the channels. Every cell of a network is the same, so the
//! space has 21 + 5 decisions: the matrix of edges row by row, then the operations in the benchmark's
//! order. The benchmark has C = 128 and N = 3 on CIFAR-10.
//!
//! Of the 2^21 * 3^5 (about 510 million) combinations many are not networks, and most of the others are
//! equal to another one. 423,624 different cells are left, both by the hash that the benchmark publishes
//! and by a true canonical form, and as many different networks by
//! [`Architecture::canonical`](crate::Architecture::canonical).

use super::broken;
use crate::count::Count;
use crate::layer::{conv, global_avg_pool, max_pool};
use crate::tree::{Block, one_of, repeat, same, seq, shared, wired};

/// The space of NAS-Bench-101 (arXiv 1902.09635) for images `[C, H, W]`: three stacks of `cells` cells,
/// the first with `channels`, the others with twice and four times as many. The benchmark has 128
/// channels and 3 cells. The decisions are those of [`wired`].
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([3, 32, 32], Task::classification(10)).then(presets::nas_bench_101(128, 3));
/// // The benchmark's example, a cell like those of Inception.
/// let arch = space.parse(
///     "cell={wired(conv(same,1)~0;conv(same,3)~0;conv(same,3)~0;conv(same,3)~3;\
///      max_pool(3,stride=1,padding=1)~0;~1~2~4~5)};\
///      conv(128,3)>cell>cell>cell>max_pool(2)>cell>cell>cell>max_pool(2)>cell>cell>cell>global_avg_pool",
/// )?;
/// assert_eq!(arch.params(), 2_694_282);
/// # Ok::<(), nascent::Error>(())
/// ```
pub fn nas_bench_101(channels: impl Count, cells: impl Count) -> Block {
    let (c, n) = (channels.to_i64(), cells.to_i64());
    if n < 1 {
        return broken(format!("nas_bench_101: {n} cells per stage; at least 1 is needed. Try 3."));
    }
    let operation = one_of([conv(same(), 3), conv(same(), 1), max_pool(3).stride(1).padding(1)]);
    let cell = shared("cell", wired(7, 9, operation));
    let stack = |channels: i64| match n {
        1 => cell.channels(channels),
        _ => seq([cell.channels(channels), repeat(n - 1, cell.clone())]),
    };
    seq([
        conv(c, 3),
        stack(c),
        max_pool(2),
        stack(c.saturating_mul(2)),
        max_pool(2),
        stack(c.saturating_mul(4)),
        global_avg_pool(),
    ])
}
