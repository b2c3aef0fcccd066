//! Pooling: the largest or the mean value of a window, or of a whole image or sequence.

use crate::chart::Family;
use crate::error::Result;
use crate::kernel;
use crate::layer::wants::not;
use crate::op::{Channels, Facts, Layer, LayerInfo, Op, Pass, Plan, Said, Setting, Value};
use crate::shape::Shape;
use crate::tree::{Block, IntoInts};
use candle_core::Tensor;

/// The largest value of every `window` x `window` square: `[C, H, W]` to `[C, H/window, W/window]`,
/// rounded down; for a sequence, of every `window` positions: `[L, D]` to `[L/window, D]`. With
/// [`stride`](Block::stride) the windows may overlap; with [`padding`](Block::padding) they extend
/// beyond the border, by up to half their size.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([16, 8, 8], Task::classification(10)).then(max_pool(3).stride(1).padding(1));
/// assert_eq!(space.default_architecture()?.layers()[1].shape.dims(), [16, 8, 8]);
/// # Ok::<(), nascent::Error>(())
/// ```
#[doc(alias("maxpool", "maxpool1d", "maxpool2d", "max_pool1d", "max_pool2d"))]
#[doc(alias("MaxPool", "MaxPool1d", "MaxPool2d", "MaxPooling1D", "MaxPooling2D"))]
pub fn max_pool(window: impl IntoInts) -> Block {
    Block::layer(&MAX_POOL, vec![window.into_ints().0])
}

/// The mean of every `window` x `window` square, not counting its padding; shapes and settings are
/// those of [`max_pool`].
#[doc(alias("avgpool", "avgpool1d", "avgpool2d", "avg_pool1d", "avg_pool2d", "average_pool"))]
#[doc(alias("AvgPool", "AvgPool1d", "AvgPool2d", "AveragePooling1D", "AveragePooling2D"))]
pub fn avg_pool(window: impl IntoInts) -> Block {
    Block::layer(&AVG_POOL, vec![window.into_ints().0])
}

/// The mean of every channel: an image `[C, H, W]` to features `[C]`, and a sequence `[L, D]` to
/// `[D]`. Where sequences are padded, only the positions before the padding count.
#[doc(alias("global_average_pool", "global_pool", "gap", "adaptive_avg_pool2d", "mean_pool"))]
#[doc(alias("GlobalAveragePooling1D", "GlobalAveragePooling2D", "AdaptiveAvgPool2d"))]
pub fn global_avg_pool() -> Block {
    Block::layer(&GLOBAL_AVG_POOL, vec![])
}

/// The largest value of every channel; the shapes are those of [`global_avg_pool`].
#[doc(alias = "adaptive_max_pool2d")]
#[doc(alias("GlobalMaxPooling1D", "GlobalMaxPooling2D", "AdaptiveMaxPool2d"))]
pub fn global_max_pool() -> Block {
    Block::layer(&GLOBAL_MAX_POOL, vec![])
}

const WANTED: &str = "an image [C, H, W] or a sequence [L, D]";

static WINDOW: [Setting; 3] = [
    Setting::int("window", None, 1, 127).said(Said::Square).measuring(),
    // 0 stands for "as the window".
    Setting::int("stride", Some(0), 0, 127).measuring(),
    Setting::int("padding", Some(0), 0, 63),
];

const WINDOW_FACTS: Facts = Facts {
    does_nothing: |op| op.int("window") == 1 && op.int("stride") <= 1,
    looks_ahead: |_| Some("leaving it out"),
    means: |op, setting| (setting.name == "stride").then(|| Value::Int(stride(op) as i64)),
    channels: Channels::Each,
    ..Facts::KEEPS_ZERO
};

pub(crate) static MAX_POOL: LayerInfo = LayerInfo {
    name: "max_pool",
    family: Family::Pool,
    about: "largest value of a window",
    args: &WINDOW,
    facts: WINDOW_FACTS,
    plan: plan_window,
    build: |op, _, _| Ok(Box::new(Window::of(op, true))),
};

pub(crate) static AVG_POOL: LayerInfo = LayerInfo {
    name: "avg_pool",
    family: Family::Pool,
    about: "mean of a window",
    args: &WINDOW,
    facts: WINDOW_FACTS,
    plan: plan_window,
    build: |op, _, _| Ok(Box::new(Window::of(op, false))),
};

pub(crate) static GLOBAL_AVG_POOL: LayerInfo = LayerInfo {
    name: "global_avg_pool",
    family: Family::Pool,
    about: "mean of each channel",
    args: &[],
    facts: Facts { channels: Channels::Each, ..Facts::KEEPS_ZERO },
    plan: plan_global,
    build: |_, _, _| Ok(Box::new(Global { max: false })),
};

pub(crate) static GLOBAL_MAX_POOL: LayerInfo = LayerInfo {
    name: "global_max_pool",
    family: Family::Pool,
    about: "largest value of each channel",
    args: &[],
    facts: Facts { channels: Channels::Each, ..Facts::KEEPS_ZERO },
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
    let (k, s, p) = (op.int("window"), stride(op), op.int("padding"));
    let half = k / 2;
    if p > half {
        let why = format!("a padding of {p} is more than half of the window. Try padding({half})");
        return Err(op.unfit(inputs, why));
    }
    let out = |size: usize| match size.saturating_add(2 * p).checked_sub(k) {
        Some(room) => Ok(room / s + 1),
        None => {
            let why = format!(
                "a window of {k} does not fit into {size}. Try a window of at most {}, or fewer \
                 pooling layers and strides before it",
                size + 2 * p
            );
            Err(op.unfit(inputs, why))
        }
    };
    match (inputs[0].as_slice(), inputs[0].vocabulary()) {
        (&[l, d], None) => Ok(window_plan(k, Shape::new([out(l)?, d]))),
        (&[c, h, w], None) => Ok(window_plan(k * k, Shape::new([c, out(h)?, out(w)?]))),
        _ => Err(not(op, inputs, WANTED)),
    }
}

/// One operation for each value of a window, and one window for each output.
fn window_plan(window: usize, output: Shape) -> Plan {
    let single = (output.elements() as u64).saturating_mul(window as u64);
    Plan { single, ..Plan::free(output) }
}

fn plan_global(op: &Op, inputs: &[Shape]) -> Result<Plan> {
    match (inputs[0].as_slice(), inputs[0].vocabulary()) {
        ([c, _, _] | [_, c], None) => {
            let single = inputs[0].elements() as u64;
            Ok(Plan { single, ..Plan::free(Shape::new([*c])) })
        }
        _ => Err(not(op, inputs, WANTED)),
    }
}

struct Window {
    max: bool,
    window: usize,
    stride: usize,
    padding: usize,
}

impl Window {
    fn of(op: &Op, max: bool) -> Window {
        Window { max, window: op.int("window"), stride: stride(op), padding: op.int("padding") }
    }
}

impl Layer for Window {
    fn forward(&self, inputs: &[&Tensor], _: &mut Pass) -> candle_core::Result<Tensor> {
        let pool = if self.max { kernel::max_pool } else { kernel::avg_pool };
        pool(inputs[0], self.window, self.stride, self.padding)
    }
}

struct Global {
    max: bool,
}

impl Layer for Global {
    fn forward(&self, inputs: &[&Tensor], pass: &mut Pass) -> candle_core::Result<Tensor> {
        if let &[n, l, _] = inputs[0].dims()
            && let Some(ends) = pass.ends_for(n, l)
        {
            return self.valid(inputs[0], l, &ends);
        }
        match (inputs[0].rank(), self.max) {
            (4, false) => kernel::global_avg_pool(inputs[0]),
            (4, true) => kernel::global_max_pool(inputs[0]),
            (_, false) => inputs[0].mean(1),
            (_, true) => largest(inputs[0]),
        }
    }
}

/// The largest over all positions of `[N, L, D]`.
fn largest(x: &Tensor) -> candle_core::Result<Tensor> {
    kernel::max_pool(x, x.dim(1)?, 1, 0)?.squeeze(1)
}

impl Global {
    /// The result over the positions of `[N, L, D]` before each sample's end.
    fn valid(&self, x: &Tensor, l: usize, ends: &[u32]) -> candle_core::Result<Tensor> {
        // A maximum adds this to each position, a mean multiplies by it.
        let weight = |end: u32, i: usize| match (i < end as usize, self.max) {
            (true, true) => 0.0,
            (false, true) => f32::NEG_INFINITY,
            (true, false) => 1.0 / end as f32,
            (false, false) => 0.0,
        };
        let weights: Vec<f32> =
            ends.iter().flat_map(|&end| (0..l).map(move |i| weight(end, i))).collect();
        let weights = Tensor::from_vec(weights, (ends.len(), l, 1), x.device())?;
        let weights = weights.to_dtype(x.dtype())?;
        match self.max {
            true => largest(&x.broadcast_add(&weights)?),
            false => x.broadcast_mul(&weights)?.sum(1),
        }
    }
}
