//! A fully connected layer: y = act(x W^T + b), with W of shape [O, I].

use crate::chart::Family;
use crate::error::Result;
use crate::kernel;
use crate::layer::conv::{BIAS, Finish, NORM_WORDS, RELU, product};
use crate::layer::wants::not;
use crate::op::{Channels, Facts, Layer, LayerInfo, Op, Params, Pass, Plan, Setting};
use crate::shape::Shape;
use crate::tree::{Block, IntoInts};
use candle_core::{Tensor, Var};

/// A fully connected layer with ReLU: `[F]` in, `[units]` out; a sequence `[L, D]` gives
/// `[L, units]` with the same weights at every position. An image is flattened first.
///
/// More settings: [`activation`](Block::activation), [`norm`](Block::norm),
/// [`bias`](Block::bias), [`plain`](Block::plain).
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([64], Task::classification(10)).then(linear(any([32, 64])));
/// assert_eq!(space.decode([1])?.layers()[1].params, 64 * 64 + 64);
/// # Ok::<(), nascent::Error>(())
/// ```
#[doc(alias("dense", "Dense", "Linear", "fc", "fully_connected", "FullyConnected"))]
pub fn linear(units: impl IntoInts) -> Block {
    Block::layer(&LINEAR, vec![units.into_ints().0])
}

pub(crate) static LINEAR: LayerInfo = LayerInfo {
    name: "linear",
    family: Family::Linear,
    about: "fully connected layer, activation",
    args: &[
        Setting::size("units", 1_048_576),
        Setting::switch("norm", false, NORM_WORDS),
        RELU,
        BIAS,
    ],
    facts: Facts {
        keeps_zero: Finish::keeps_zero,
        flat: true,
        means: Finish::means,
        slices: |_| Some(&["units"]),
        channels: Channels::Weighed,
        ..Facts::PLAIN
    },
    plan,
    build,
};

fn plan(op: &Op, inputs: &[Shape]) -> Result<Plan> {
    let units = op.int("units");
    let (positions, features, output) = match (inputs[0].as_slice(), inputs[0].vocabulary()) {
        (&[f], None) => (1, f, Shape::new([units])),
        (&[l, d], None) => (l, d, Shape::new([l, units])),
        _ => return Err(not(op, inputs, "features [F] or a sequence [L, D]")),
    };
    let kept = (output.elements() as u64).saturating_mul(Finish::tensors(op, true));
    let plan = Finish::plan(op, product(&[units, features]), positions as u64, output);
    Ok(Plan { kept, ..plan })
}

struct Linear {
    weight: Var,
    finish: Finish,
}

fn build(op: &Op, inputs: &[Shape], p: &mut Params) -> Result<Box<dyn Layer>> {
    let (features, units) = (inputs[0].channels(), op.int("units"));
    Ok(Box::new(Linear {
        weight: p.uniform("weight", &[units, features], features)?,
        finish: Finish::build(op, units, features, p)?,
    }))
}

/// A linear map with a bias and nothing else, for layers that consist of several.
pub(super) struct Dense {
    pub(super) weight: Var,
    pub(super) bias: Var,
}

impl Dense {
    pub(super) fn build(name: &str, inputs: usize, outputs: usize, p: &mut Params) -> Result<Self> {
        Ok(Dense {
            weight: p.uniform(&format!("{name}.weight"), &[outputs, inputs], inputs)?,
            bias: p.uniform(&format!("{name}.bias"), &[outputs], inputs)?,
        })
    }

    pub(super) fn apply(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        kernel::linear(x, &self.weight, Some(&self.bias))
    }
}

impl Layer for Linear {
    fn forward(&self, inputs: &[&Tensor], pass: &mut Pass) -> candle_core::Result<Tensor> {
        let y = kernel::linear(inputs[0], &self.weight, self.finish.bias())?;
        self.finish.act(&pass.product(y)?, pass)
    }
}
