//! What others want to know of a layer besides its costs and its weights.
//!
//! Whoever rewrites, compares, draws or explains a network asks the row of the table, so that a layer
//! is one file. A row says what is out of the ordinary: `Facts { flat: true, ..Facts::PLAIN }`.

use crate::op::{Op, Setting, Value};

/// See [`LayerInfo`](super::LayerInfo).
pub(crate) struct Facts {
    /// Whether it passes its input on, as it is set.
    pub(crate) does_nothing: fn(&Op) -> bool,
    /// Whether it makes zeros of zeros, or a constant that is learned.
    pub(crate) keeps_zero: fn(&Op) -> bool,
    /// What to try where it would let a position see later ones; nothing where it does not.
    pub(crate) looks_ahead: fn(&Op) -> Option<&'static str>,
    /// What it has to do with the two directions of a recurrent layer.
    pub(crate) directions: Directions,
    /// Whether an image is flattened before it comes in.
    pub(crate) flat: bool,
    /// The value that a setting comes to where it means the same as another one.
    pub(crate) means: fn(&Op, &Setting) -> Option<Value>,
    /// As one would write it, what does the like for features, sequences or images: shapes of 1, 2 or
    /// 3 dimensions.
    pub(crate) instead: fn(&Op, usize) -> Option<String>,
}

impl Facts {
    /// A layer of which nothing of all this is to be said.
    pub(crate) const PLAIN: Facts = Facts {
        does_nothing: |_| false,
        keeps_zero: |_| false,
        looks_ahead: |_| None,
        directions: Directions::Mixes,
        flat: false,
        means: |_, _| None,
        instead: |_, _| None,
    };
    /// A layer that makes zeros of zeros, whatever it is set to.
    pub(crate) const KEEPS_ZERO: Facts = Facts { keeps_zero: |_| true, ..Facts::PLAIN };
}

/// What a layer makes of features whose two halves come from the two directions of a recurrent layer.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Directions {
    /// It mixes them: they are halves no longer.
    Mixes,
    /// It makes them, where its switch `bidirectional` is on.
    Makes,
    /// It leaves them where they are.
    Keeps,
    /// It takes each where it ends: its switch `bidirectional` is on behind them.
    Ends,
}
