//! The activation functions, by name.

use crate::kernel;
use candle_core::Tensor;
use serde::{Deserialize, Serialize};
use std::fmt;

/// An activation function.
///
/// ```
/// use nascent::Activation;
/// assert_eq!(Activation::parse("gelu"), Ok(Activation::Gelu));
/// assert!(Activation::parse("rellu").unwrap_err().contains("relu, gelu"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Activation {
    /// max(x, 0)
    Relu,
    /// x Phi(x), with the normal distribution function
    Gelu,
    /// x sigmoid(x), also called swish
    Silu,
    /// hyperbolic tangent
    Tanh,
    /// 1 / (1 + exp(-x))
    Sigmoid,
    /// x where positive, 0.01 x elsewhere
    LeakyRelu,
    /// x where positive, exp(x) - 1 elsewhere
    Elu,
    /// x
    Identity,
}

impl Activation {
    /// All of them.
    pub const ALL: [Activation; 8] = [
        Activation::Relu,
        Activation::Gelu,
        Activation::Silu,
        Activation::Tanh,
        Activation::Sigmoid,
        Activation::LeakyRelu,
        Activation::Elu,
        Activation::Identity,
    ];

    /// Its name, in lower case.
    pub const fn name(&self) -> &'static str {
        match self {
            Activation::Relu => "relu",
            Activation::Gelu => "gelu",
            Activation::Silu => "silu",
            Activation::Tanh => "tanh",
            Activation::Sigmoid => "sigmoid",
            Activation::LeakyRelu => "leaky_relu",
            Activation::Elu => "elu",
            Activation::Identity => "identity",
        }
    }

    /// The activation with this name, in upper or lower case.
    ///
    /// # Errors
    /// A text that lists the valid names.
    pub fn parse(name: &str) -> Result<Activation, String> {
        Activation::ALL.into_iter().find(|a| a.name().eq_ignore_ascii_case(name.trim())).ok_or_else(
            || format!("there is no activation \"{name}\". Try one of {}.", Activation::names()),
        )
    }

    pub(crate) fn names() -> String {
        Activation::ALL.map(|a| a.name()).join(", ")
    }

    /// Applies it to every element.
    ///
    /// # Errors
    /// When Candle fails, for example on a tensor of integers.
    pub fn apply(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        match self {
            Activation::Relu => kernel::relu(x),
            Activation::Gelu => kernel::gelu(x),
            Activation::Silu => kernel::silu(x),
            Activation::Tanh => kernel::tanh(x),
            Activation::Sigmoid => kernel::sigmoid(x),
            Activation::LeakyRelu => kernel::leaky_relu(x),
            Activation::Elu => kernel::elu(x),
            Activation::Identity => Ok(x.clone()),
        }
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
