//! Layers that compute nothing: the identity, the flattening of an image, and zeros.

use crate::chart::Family;
use crate::layer::wants::{numbers, same_shape};
use crate::op::{Channels, Directions, Facts, Layer, LayerInfo, Pass, Plan};
use crate::shape::Shape;
use crate::tree::{Block, concat};
use candle_core::Tensor;

/// The input, unchanged. As an option of [`one_of`](crate::one_of) it lets the search leave a layer
/// out.
#[doc(alias("identity", "Identity", "skip_connect"))]
pub fn skip() -> Block {
    Block::layer(&SKIP, vec![])
}

/// An image or a sequence as one vector of features: `[C, H, W]` to `[C*H*W]`.
#[doc(alias = "Flatten")]
pub fn flatten() -> Block {
    Block::layer(&FLATTEN, vec![])
}

/// Zeros in the shape of the input: an edge of a [`cell`](crate::cell) that is not there.
#[doc(alias("none", "Zero"))]
pub fn zero() -> Block {
    Block::layer(&ZERO, vec![])
}

impl Block {
    /// This block with its input concatenated to its output, as in DenseNet (arXiv 1608.06993):
    /// channels of an image, features of a vector or of every position of a sequence.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([3, 8, 8], Task::classification(10)).then(conv(12, 3).dense());
    /// assert_eq!(space.default_architecture()?.layers()[3].shape.dims(), [15, 8, 8]);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn dense(&self) -> Block {
        concat([skip(), self.clone()])
    }
}

pub(crate) static SKIP: LayerInfo = LayerInfo {
    name: "skip",
    family: Family::Other,
    about: "the input as it is",
    args: &[],
    facts: Facts {
        does_nothing: |_| true,
        directions: Directions::Keeps,
        channels: Channels::Each,
        ..Facts::KEEPS_ZERO
    },
    plan: |_, inputs| Ok(Plan { kept: 0, ..Plan::free(inputs[0].clone()) }),
    build: |_, _, _| Ok(Box::new(Skip)),
};

pub(crate) static FLATTEN: LayerInfo = LayerInfo {
    name: "flatten",
    family: Family::Other,
    about: "all values as one vector",
    args: &[],
    facts: Facts::KEEPS_ZERO,
    plan: |op, inputs| {
        numbers(op, inputs)?;
        Ok(Plan { kept: 0, ..Plan::free(Shape::new([inputs[0].elements()])) })
    },
    build: |_, _, _| Ok(Box::new(Flatten)),
};

pub(crate) static ZERO: LayerInfo = LayerInfo {
    name: "zero",
    family: Family::Other,
    about: "zeros: no connection",
    args: &[],
    facts: Facts { channels: Channels::Each, ..Facts::KEEPS_ZERO },
    plan: same_shape,
    build: |_, _, _| Ok(Box::new(Zero)),
};

struct Zero;

impl Layer for Zero {
    fn forward(&self, inputs: &[&Tensor], _: &mut Pass) -> candle_core::Result<Tensor> {
        inputs[0].zeros_like()
    }
}

struct Skip;

impl Layer for Skip {
    fn forward(&self, inputs: &[&Tensor], _: &mut Pass) -> candle_core::Result<Tensor> {
        Ok(inputs[0].clone())
    }
}

struct Flatten;

impl Layer for Flatten {
    fn forward(&self, inputs: &[&Tensor], _: &mut Pass) -> candle_core::Result<Tensor> {
        inputs[0].flatten_from(1)
    }
}
