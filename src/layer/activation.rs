//! An activation function as a layer of its own.

use crate::chart::Family;
use crate::layer::conv::Finish;
use crate::layer::wants::same_shape;
use crate::op::{
    Activation, Channels, Directions, Facts, Layer, LayerInfo, Pass, Plan, Said, Setting,
};
use crate::tree::{Block, IntoActs};
use candle_core::Tensor;

/// An activation function, given by name or as a choice.
///
/// ```
/// use nascent::prelude::*;
/// let block = conv(16, 3).norm(false).activation("identity").then(activation(any(["relu", "gelu"])));
/// assert!(block.problems().is_empty());
/// ```
#[doc(alias = "nonlinearity")]
pub fn activation(which: impl IntoActs) -> Block {
    Block::layer(&ACTIVATION, vec![which.into_acts().0])
}

macro_rules! shorthands {
    ($($name:ident $variant:ident $doc:literal $($alias:literal)+;)*) => {$(
        #[doc = $doc]
        #[doc(alias($($alias),+))]
        pub fn $name() -> Block {
            activation(Activation::$variant)
        }
    )*};
}
shorthands! {
    relu Relu "max(x, 0), as a layer." "ReLU" "Relu";
    gelu Gelu "x Phi(x), as a layer (arXiv 1606.08415)." "GELU" "Gelu";
    silu Silu "x sigmoid(x), as a layer, also called swish (arXiv 1710.05941)." "swish" "SiLU" "Silu" "Swish";
    tanh Tanh "The hyperbolic tangent, as a layer." "Tanh";
    sigmoid Sigmoid "1 / (1 + exp(-x)), as a layer." "logistic" "Sigmoid";
}

pub(crate) static ACTIVATION: LayerInfo = LayerInfo {
    name: "activation",
    family: Family::Activation,
    about: "activation function",
    args: &[Setting::act("activation", None).said(Said::Alone)],
    facts: Facts {
        does_nothing: |op| op.act() == Activation::Identity,
        keeps_zero: Finish::keeps_zero,
        directions: Directions::Keeps,
        channels: Channels::Each,
        ..Facts::PLAIN
    },
    plan: |op, inputs| {
        let plan = same_shape(op, inputs)?;
        Ok(Plan { single: Finish::single(op, &plan.output), ..plan })
    },
    build: |op, _, _| Ok(Box::new(op.act())),
};

impl Layer for Activation {
    fn forward(&self, inputs: &[&Tensor], pass: &mut Pass) -> candle_core::Result<Tensor> {
        pass.activate(*self, inputs[0])
    }
}
