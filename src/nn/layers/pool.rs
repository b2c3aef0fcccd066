//! Pooling: the largest or the mean value of a window, or of the whole image.

use super::conv::image;
use crate::arch::Shape;
use crate::error::Result;
use crate::kernel;
use crate::nn::{Layer, LayerInfo, Op, Pass, Plan, Setting};
use crate::space::{Block, IntoInts};
use candle_core::Tensor;

/// The largest value of every `window` x `window` square: `[C, H, W]` to `[C, H/window, W/window]`,
/// rounded down. With [`stride`](Block::stride) the windows may overlap.
pub fn max_pool(window: impl IntoInts) -> Block {
    Block::layer(&MAX_POOL, vec![window.into_ints().0])
}

/// The mean of every `window` x `window` square; shapes as [`max_pool`].
pub fn avg_pool(window: impl IntoInts) -> Block {
    Block::layer(&AVG_POOL, vec![window.into_ints().0])
}

/// The mean of every channel: an image `[C, H, W]` to features `[C]`, and a sequence `[L, D]` to
/// `[D]`.
pub fn global_avg_pool() -> Block {
    Block::layer(&GLOBAL_AVG_POOL, vec![])
}

/// The largest value of every channel: shapes as [`global_avg_pool`].
pub fn global_max_pool() -> Block {
    Block::layer(&GLOBAL_MAX_POOL, vec![])
}

static WINDOW: [Setting; 2] = [
    Setting::int("window", None, 1, 127),
    // 0 stands for "as the window".
    Setting::int("stride", Some(0), 0, 127),
];

pub(crate) static MAX_POOL: LayerInfo = LayerInfo {
    name: "max_pool",
    family: "pool",
    about: "largest value of a window",
    args: &WINDOW,
    plan: plan_window,
    build: |op, inputs, _| window(op, inputs, true),
};

pub(crate) static AVG_POOL: LayerInfo = LayerInfo {
    name: "avg_pool",
    family: "pool",
    about: "mean of a window",
    args: &WINDOW,
    plan: plan_window,
    build: |op, inputs, _| window(op, inputs, false),
};

pub(crate) static GLOBAL_AVG_POOL: LayerInfo = LayerInfo {
    name: "global_avg_pool",
    family: "pool",
    about: "mean of each channel",
    args: &[],
    plan: plan_global,
    build: |_, _, _| Ok(Box::new(Global { max: false })),
};

pub(crate) static GLOBAL_MAX_POOL: LayerInfo = LayerInfo {
    name: "global_max_pool",
    family: "pool",
    about: "largest value of each channel",
    args: &[],
    plan: plan_global,
    build: |_, _, _| Ok(Box::new(Global { max: true })),
};

fn stride(op: &Op) -> usize {
    match op.int("stride") {
        0 => op.int("window"),
        s => s,
    }
}

fn plan_window(op: &Op, inputs: &[Shape]) -> Result<Plan> {
    let (c, h, w) = image(op, inputs)?;
    let (k, s) = (op.int("window"), stride(op));
    if h < k || w < k {
        return Err(op.unfit(
            inputs,
            format!("a window of {k}x{k} does not fit into {h}x{w}. Try fewer pooling layers or strides before it"),
        ));
    }
    Ok(Plan::free(Shape::new([c, (h - k) / s + 1, (w - k) / s + 1])))
}

fn plan_global(op: &Op, inputs: &[Shape]) -> Result<Plan> {
    match (inputs[0].as_slice(), inputs[0].vocabulary()) {
        ([c, _, _], None) | ([_, c], None) => Ok(Plan::free(Shape::new([*c]))),
        _ => Err(op.unfit(
            inputs,
            "it wants an image [C, H, W] or a sequence [L, D]. Leave it out: the input has no \
             positions to pool",
        )),
    }
}

struct Window {
    max: bool,
    window: usize,
    stride: usize,
}

fn window(op: &Op, _: &[Shape], max: bool) -> Result<Box<dyn Layer>> {
    Ok(Box::new(Window { max, window: op.int("window"), stride: stride(op) }))
}

impl Layer for Window {
    fn forward(&self, inputs: &[&Tensor], _: &mut Pass) -> candle_core::Result<Tensor> {
        let pool = if self.max { kernel::max_pool2d } else { kernel::avg_pool2d };
        pool(inputs[0], self.window, self.stride, 0)
    }
}

struct Global {
    max: bool,
}

impl Layer for Global {
    fn forward(&self, inputs: &[&Tensor], _: &mut Pass) -> candle_core::Result<Tensor> {
        match (inputs[0].rank(), self.max) {
            (4, false) => kernel::global_avg_pool(inputs[0]),
            (4, true) => inputs[0].flatten_from(2)?.max(2),
            (_, false) => inputs[0].mean(1),
            (_, true) => inputs[0].max(1),
        }
    }
}
