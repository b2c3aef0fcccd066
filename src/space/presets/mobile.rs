//! Inverted residuals, the blocks of mobile image networks: MobileNetV2 (Sandler et al., arXiv
//! 1801.04381), searched by MnasNet (Tan et al., 1807.11626), ProxylessNAS (Cai, Zhu and Han,
//! 1812.00332), and with the depth of each stage by Once-for-All (Cai et al., 1908.09791).
//!
//! The idea: between few channels, widen (a 1x1 convolution), look around (a depthwise convolution,
//! cheap in many channels), and narrow again without an activation; the input is added where it has
//! the same shape.
//!
//! ```text
//! block:    ┌ conv 1x1, 3 or 6 times ── depthwise 3, 5 or 7 ── (squeeze-excite) ── conv 1x1 ┐
//!         x ┴──────────────────────────── if nothing changes ───────────────────────────────+── y
//!
//! network:  conv 3x3 ── [ first block: stride, new channels ── 1 to 3 more ] a stage
//!             ── conv 1x1, 4 times ── global average pooling ── head
//! ```
//! Decided: the depth of every stage (2, 3 or 4 blocks), and for every block the kernel (3), the
//! expansion of the block's input channels (2), and squeeze-excite or not (2), 12 kinds of block. For
//! S stages that is (12^2 + 12^3 + 12^4)^S: 22,608 for one, 5.9 * 10^21 for the five of the papers.
//!
//! Where it differs from the papers: ProxylessNAS leaves out blocks by a zero operation where here a
//! stage is shallower, and has no squeeze-excite; MnasNet decides kernel, expansion and squeeze-excite
//! once per stage, and also its channels and the kind of convolution. Widths are fixed here. MobileNetV2
//! has a narrow first stage without expansion; the stem takes its place here. The hidden features
//! of squeeze-excite are a quarter of the widened channels, as in MobileNetV3 (1905.02244); its gate
//! is the logistic function, and the activation is ReLU, not ReLU6 or hard swish.

use super::broken;
use crate::count::Count;
use crate::layer::{conv, depthwise, global_avg_pool, skip, squeeze_excite};
use crate::op::Value;
use crate::tree::{Block, IntoInts, Ints, any, one_of, repeat, seq};

/// Mobile image networks: a 3x3 convolution to `stem` channels, then stages of inverted residuals with
/// the given (channels, stride of the first block), each as deep as `depth` says.
///
/// For images of 224 pixels ProxylessNAS has stages of 24, 40, 80, 96 and 192 channels (and a block of
/// 320), behind a convolution that halves the size: `conv(32, 3).stride(2)` before the preset.
///
/// ```
/// use nascent::{prelude::*, presets};
/// let stages = [(24, 2), (40, 2), (80, 2), (96, 1), (192, 2)];
/// let space = Space::new([3, 224, 224], Task::classification(1000))
///     .then(conv(32, 3).stride(2)).then(presets::mobile(16, stages, 2..=4));
/// assert_eq!(space.size(), Some((12u128.pow(2) + 12u128.pow(3) + 12u128.pow(4)).pow(5)));
///
/// let small = Space::on(&Dataset::digits()).then(presets::mobile(8, [(16, 2), (32, 2)], 1..=2));
/// assert_eq!(small.size(), Some(156 * 156));
/// # Ok::<(), nascent::Error>(())
/// ```
pub fn mobile(
    stem: impl Count,
    stages: impl IntoIterator<Item = (impl Count, impl Count)>,
    depth: impl IntoInts,
) -> Block {
    let depth = depth.into_ints();
    let more = Ints(crate::tree::value::Choice {
        options: depth.values().into_iter().map(|d| Value::Int(d.saturating_sub(1))).collect(),
        problem: depth.0.problem.clone(),
    });
    if let Some(d) = depth.values().into_iter().find(|&d| d < 1) {
        let problem = "a stage has at least one block. Try 2..=4.";
        return broken(format!("mobile: a depth of {d}: {problem}"));
    }
    let mut blocks = vec![conv(stem.to_i64(), 3)];
    let mut from = stem.to_i64();
    for (channels, stride) in stages {
        let (to, stride) = (channels.to_i64(), stride.to_i64());
        if from < 1 || to < 1 {
            let problem = "at least 1 is needed. Try mobile(16, [(24, 2), (40, 2)], 2..=4).";
            return broken(format!("mobile: {} channels: {problem}", from.min(to)));
        }
        blocks.push(inverted(from, to, stride));
        blocks.push(repeat(&more, inverted(to, to, 1)));
        from = to;
    }
    blocks.push(conv(from.saturating_mul(4), 1));
    blocks.push(global_avg_pool());
    seq(blocks)
}

/// One block, with its choices.
fn inverted(from: i64, to: i64, stride: i64) -> Block {
    let block = conv(any([3, 6].map(|e| from.saturating_mul(e))), 1)
        .then(depthwise(any([3, 5, 7])).stride(stride))
        .then(one_of([skip(), squeeze_excite(4)]))
        .then(conv(to, 1).activation("identity"));
    if from == to && stride == 1 { block.residual() } else { block }
}
