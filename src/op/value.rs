//! The value of a setting.

use super::Activation;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One value of a layer's argument.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// A size or a count.
    Int(i64),
    /// A rate.
    Float(f64),
    /// An activation function.
    Act(Activation),
}

impl Value {
    /// A key that is the same for equal values only.
    pub(crate) fn key(&self) -> (u8, u64) {
        match *self {
            Value::Int(v) => (0, v as u64),
            // Adding 0.0 turns -0.0 into 0.0.
            Value::Float(v) => (1, (v + 0.0).to_bits()),
            Value::Act(a) => (2, a as u64),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Int(v) => write!(f, "{v}"),
            Value::Float(v) => write!(f, "{v}"),
            Value::Act(a) => f.write_str(a.name()),
        }
    }
}
