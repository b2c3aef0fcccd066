//! Convolution, batch normalisation, activation: the unit that most image networks are made of.
//!
//! y = act(BN(W * x)), with W of shape [O, I, K, K] and padding (K-1)/2 on each side, so that a
//! stride of 1 keeps the size and a stride of 2 halves it, rounding up. A bias is learned only
//! where no batch normalisation follows, since that would cancel it. With a dilation d the kernel's
//! taps are d apart (arXiv 1511.07122), and the padding is d times as wide; with g groups a filter
//! sees I/g channels (arXiv 1611.05431).

use crate::chart::Family;
use crate::error::Result;
use crate::kernel;
use crate::layer::batch_norm::Norm;
use crate::layer::wants::{for_images, image};
use crate::op::{
    Activation, Channels, Facts, Layer, LayerInfo, Op, Params, Pass, Plan, Said, Setting, Value,
};
use crate::shape::Shape;
use crate::tree::{Block, IntoInts};
use candle_core::{Tensor, Var};

/// A convolution with batch normalisation and ReLU: `channels` filters of `kernel` x `kernel`.
///
/// Images `[C, H, W]` in, `[channels, ceil(H/stride), ceil(W/stride)]` out. More settings:
/// [`stride`](Block::stride), [`dilation`](Block::dilation), [`groups`](Block::groups),
/// [`activation`](Block::activation), [`norm`](Block::norm), [`bias`](Block::bias), and
/// [`plain`](Block::plain) for the convolution alone.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([1, 8, 8], Task::classification(10)).then(conv(any([16, 32]), 3).stride(2));
/// let arch = space.default_architecture()?;
/// assert_eq!(arch.layers()[1].shape.dims(), [16, 4, 4]);
/// # Ok::<(), nascent::Error>(())
/// ```
#[doc(alias("conv2d", "Conv2d", "Conv2D", "convolution", "convolution2d", "Convolution2D"))]
pub fn conv(channels: impl IntoInts, kernel: impl IntoInts) -> Block {
    Block::layer(&CONV, vec![channels.into_ints().0, kernel.into_ints().0])
}

pub(crate) static CONV: LayerInfo = LayerInfo {
    name: "conv",
    family: Family::Conv,
    about: "convolution, batch normalisation, activation",
    args: &CONV_SETTINGS,
    facts: FACTS,
    plan,
    build: |op, inputs, p| {
        let (c, ..) = image(op, inputs)?;
        let (o, groups) = (op.int("channels"), op.int("groups").max(1));
        Ok(Box::new(Conv::build(op, [o, per_group(op, inputs, c, o)?], groups, p)?))
    },
};

/// The facts of a convolution of images that ends in a [`Finish`].
pub(super) const FACTS: Facts = Facts {
    keeps_zero: Finish::keeps_zero,
    means: Finish::means,
    slices,
    channels: Channels::Weighed,
    instead: for_images,
    ..Facts::PLAIN
};

/// Between groups the channels of a smaller convolution are not the first of a larger one.
fn slices(op: &Op) -> Option<&'static [&'static str]> {
    (op.int("groups") <= 1).then_some(&["channels", "kernel"])
}

// The settings of layers that end in a [`Finish`].
pub(super) const CHANNELS: Setting = Setting::size("channels", 65_536);
pub(super) const KERNEL: Setting =
    Setting::int("kernel", None, 1, 127).said(Said::Square).measuring();
pub(super) const STRIDE: Setting = Setting::int("stride", Some(1), 1, 127).measuring();
pub(super) const NORM_WORDS: [&str; 2] = ["no norm", "normalised"];
pub(super) const NORM: Setting = Setting::switch("norm", true, NORM_WORDS);
pub(super) const RELU: Setting =
    Setting::act("activation", Some(Activation::Relu)).said(Said::Alone);
pub(super) const DILATION: Setting = Setting::int("dilation", Some(1), 1, 127);
pub(super) const GROUPS: Setting = Setting::int("groups", Some(1), 1, 65_536).dividing();
pub(super) const BIAS: Setting = Setting::switch("bias", true, ["no bias", "bias"]);

static CONV_SETTINGS: [Setting; 8] = [CHANNELS, KERNEL, STRIDE, NORM, RELU, DILATION, GROUPS, BIAS];

/// The dilation, 1 where a layer has none.
fn dilation(op: &Op) -> usize {
    op.int("dilation").max(1)
}

/// The padding on each side.
pub(super) fn padding(op: &Op) -> usize {
    dilation(op) * ((op.int("kernel") - 1) / 2)
}

/// The output size of a kernel with that padding.
pub(super) fn same(op: &Op, size: usize) -> Option<usize> {
    let covered = dilation(op) * (op.int("kernel") - 1) + 1;
    let padded = size.saturating_add(2 * padding(op));
    (padded >= covered).then(|| (padded - covered) / op.int("stride") + 1)
}

/// The most numbers that a padded input may have where the padding is several times its size: the
/// kernels lay it out in memory, and nothing else accounts for that.
const MOST_PADDED: u64 = 1 << 28;

/// Refuses a padding of absurd size; `padded` are the dimensions of the padded input.
pub(super) fn check_padding(op: &Op, inputs: &[Shape], padded: &[usize]) -> Result<()> {
    let numbers = product(padded);
    if numbers <= MOST_PADDED.max((inputs[0].elements() as u64).saturating_mul(4)) {
        return Ok(());
    }
    let why = format!(
        "with a padding of {} it is {numbers} numbers, at most {MOST_PADDED} are allowed. Try a \
         smaller kernel or dilation",
        padding(op)
    );
    Err(op.unfit(inputs, why))
}

/// The size of a convolved image.
pub(super) fn output(op: &Op, inputs: &[Shape]) -> Result<(usize, usize)> {
    let (c, h, w) = image(op, inputs)?;
    let p = 2 * padding(op);
    check_padding(op, inputs, &[c, h.saturating_add(p), w.saturating_add(p)])?;
    match (same(op, h), same(op, w)) {
        (Some(h), Some(w)) => Ok((h, w)),
        _ => Err(op.unfit(
            inputs,
            "the kernel is larger than the padded image. Try an odd one, which always fits",
        )),
    }
}

/// The number of channels that a filter sees, in a convolution from `c` to `o` channels.
pub(super) fn per_group(op: &Op, inputs: &[Shape], c: usize, o: usize) -> Result<usize> {
    let groups = op.int("groups").max(1);
    if c.is_multiple_of(groups) && o.is_multiple_of(groups) {
        return Ok(c / groups);
    }
    let why = format!(
        "{groups} groups of {c} channels in and {o} out: they have to divide both. Try groups(1){}",
        if op.is(&CONV) { ", or depthwise(3) for a group per channel" } else { "" }
    );
    Err(op.unfit(inputs, why))
}

fn plan(op: &Op, inputs: &[Shape]) -> Result<Plan> {
    let (c, ..) = image(op, inputs)?;
    let (h, w) = output(op, inputs)?;
    let (k, o) = (op.int("kernel"), op.int("channels"));
    let weights = product(&[o, per_group(op, inputs, c, o)?, k, k]);
    Ok(Finish::plan(op, weights, product(&[h, w]), Shape::new([o, h, w])))
}

/// A product that saturates: sizes are a user's, and may be absurd.
pub(super) fn product(factors: &[usize]) -> u64 {
    factors.iter().fold(1, |p, &f| p.saturating_mul(f as u64))
}

/// The steps of a unit after its product: a bias or a normalisation, then the activation.
pub(super) struct Finish {
    bias: Option<Var>,
    norm: Option<Norm>,
    act: Activation,
}

impl Finish {
    pub(super) fn build(op: &Op, channels: usize, fan_in: usize, p: &mut Params) -> Result<Self> {
        let bias = Finish::biased(op).then(|| p.uniform("bias", &[channels], fan_in));
        let bias = bias.transpose()?;
        let norm = (op.has("norm") && p.norms).then(|| Norm::build(channels, p)).transpose()?;
        Ok(Finish { bias, norm, act: op.act() })
    }

    /// Whether a bias is learned: there is no normalisation, and it is not switched off.
    fn biased(op: &Op) -> bool {
        !op.has("norm") && op.value("bias") != Some(Value::Int(0))
    }

    /// The plan of a unit whose product uses all of its `weights` once at each of the `positions`.
    pub(super) fn plan(op: &Op, weights: u64, positions: u64, output: Shape) -> Plan {
        // A scale and a shift per channel, or a bias.
        let each = if op.has("norm") { 2 } else { u64::from(Finish::biased(op)) };
        Plan {
            single: Finish::single(op, &output),
            params: weights.saturating_add((output.channels() as u64).saturating_mul(each)),
            macs: weights.saturating_mul(positions),
            kept: (output.elements() as u64).saturating_mul(Finish::tensors(op, false)),
            output,
        }
    }

    /// Its operations on single values: two per value for the normalisation, one for an activation.
    pub(super) fn single(op: &Op, output: &Shape) -> u64 {
        let each = 2 * u64::from(op.has("norm")) + u64::from(op.act() != Activation::Identity);
        (output.elements() as u64).saturating_mul(each)
    }

    /// Whether zeros stay zeros; a learned bias does not count.
    pub(super) fn keeps_zero(op: &Op) -> bool {
        op.act() != Activation::Sigmoid
    }

    /// A single tap has no distance to another, and a normalisation cancels a bias.
    pub(super) fn means(op: &Op, setting: &Setting) -> Option<Value> {
        let one = setting.name == DILATION.name && op.int("kernel") == 1
            || setting.name == BIAS.name && op.has("norm");
        one.then_some(Value::Int(1))
    }

    /// The number of tensors that a unit keeps: the product and the result of each later step. A bias
    /// is a step of its own unless the product includes it; ReLU after a normalisation is not.
    pub(super) fn tensors(op: &Op, bias_included: bool) -> u64 {
        match (op.has("norm"), op.act()) {
            (true, Activation::Relu | Activation::Identity) => 2,
            (true, _) => 3,
            (false, act) => {
                let bias = Finish::biased(op) && !bias_included;
                // A bias and a ReLU are one step.
                let act = act != Activation::Identity && !(bias && act == Activation::Relu);
                1 + u64::from(bias) + u64::from(act)
            }
        }
    }

    pub(super) fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref().map(|b| b.as_tensor())
    }

    /// The result from a product `[N, C, H, W]`, `[N, L, C]` or `[N, C]` that lacks the bias.
    pub(super) fn forward(&self, y: &Tensor, pass: &mut Pass) -> candle_core::Result<Tensor> {
        match self.bias() {
            // One pass over the data for the bias and the most common activation.
            Some(b) if self.act == Activation::Relu && pass.fuses() => {
                let y = kernel::bias(y, b, true)?;
                pass.activated(self.act, &y);
                Ok(y)
            }
            Some(b) => self.act(&pass.product(kernel::bias(y, b, false)?)?, pass),
            None => self.act(&pass.product(y.clone())?, pass),
        }
    }

    /// Normalisation and activation alone. The statistics of a sequence are per feature, over all
    /// samples and positions.
    pub(super) fn act(&self, y: &Tensor, pass: &mut Pass) -> candle_core::Result<Tensor> {
        if let (&[n, l, d], true) = (y.dims(), self.norm.is_some()) {
            return self.act(&y.reshape((n * l, d))?, pass)?.reshape((n, l, d));
        }
        let Some(norm) = &self.norm else { return pass.activate(self.act, y) };
        // One pass over the data for the most common pair.
        if self.act == Activation::Relu && pass.fuses() {
            let y = norm.forward(y, pass, true)?;
            pass.activated(self.act, &y);
            return Ok(y);
        }
        let y = norm.forward(y, pass, false)?;
        pass.activate(self.act, &y)
    }
}

/// Where the taps of a kernel are, and the groups that its filters form.
pub(super) struct Taps {
    pub(super) stride: usize,
    pub(super) padding: usize,
    pub(super) dilation: usize,
    pub(super) groups: usize,
}

impl Taps {
    pub(super) fn of(op: &Op, groups: usize) -> Taps {
        let (stride, padding, dilation) = (op.int("stride"), padding(op), dilation(op));
        Taps { stride, padding, dilation, groups }
    }

    pub(super) fn conv2d(&self, x: &Tensor, weight: &Tensor) -> candle_core::Result<Tensor> {
        kernel::conv2d(x, weight, self.stride, self.padding, self.dilation, self.groups)
    }
}

pub(super) struct Conv {
    weight: Var,
    taps: Taps,
    finish: Finish,
}

impl Conv {
    /// `o` filters in so many groups, each of which sees `i` channels.
    pub(super) fn build(
        op: &Op,
        [o, i]: [usize; 2],
        groups: usize,
        p: &mut Params,
    ) -> Result<Self> {
        let k = op.int("kernel");
        let fan_in = i * k * k;
        let weight = p.uniform("weight", &[o, i, k, k], fan_in)?;
        Ok(Conv { weight, taps: Taps::of(op, groups), finish: Finish::build(op, o, fan_in, p)? })
    }
}

impl Layer for Conv {
    fn forward(&self, inputs: &[&Tensor], pass: &mut Pass) -> candle_core::Result<Tensor> {
        self.finish.forward(&self.taps.conv2d(inputs[0], &self.weight)?, pass)
    }
}
