//! What other modules need to know about a layer besides its costs and its weights.
//!
//! Code that rewrites, compares, draws or explains networks asks the row of the table, so that a layer
//! is one file. A row states only what is special: `Facts { flat: true, ..Facts::PLAIN }`.

use crate::op::{Op, Setting, Value};

/// See [`LayerInfo`](super::LayerInfo).
pub(crate) struct Facts {
    /// Whether it passes its input on unchanged, with its settings.
    pub(crate) does_nothing: fn(&Op) -> bool,
    /// Whether it turns zeros into zeros, or into a learned constant.
    pub(crate) keeps_zero: fn(&Op) -> bool,
    /// What to try if it lets a position see later ones; `None` if it does not.
    pub(crate) looks_ahead: fn(&Op) -> Option<&'static str>,
    /// How it treats the two directions of a recurrent layer.
    pub(crate) directions: Directions,
    /// Whether an image is flattened before it comes in.
    pub(crate) flat: bool,
    /// The value that stands for a setting's value where both mean the same.
    pub(crate) means: fn(&Op, &Setting) -> Option<Value>,
    /// The settings of which a smaller value takes a slice of the weights that a larger one has: the first
    /// filters, or the middle of a kernel. `None` where part of the weights does not do what the whole does.
    pub(crate) slices: fn(&Op) -> Option<&'static [&'static str]>,
    /// How the channels that come out are made of those that come in.
    pub(crate) channels: Channels,
    /// Its counterpart, as one would write it, for features, sequences or images: shapes of 1, 2 or 3
    /// dimensions.
    pub(crate) instead: fn(&Op, usize) -> Option<String>,
}

impl Facts {
    /// A layer with nothing special.
    pub(crate) const PLAIN: Facts = Facts {
        does_nothing: |_| false,
        keeps_zero: |_| false,
        looks_ahead: |_| None,
        directions: Directions::Mixes,
        flat: false,
        means: |_, _| None,
        slices: |_| None,
        channels: Channels::Whole,
        instead: |_, _| None,
    };
    /// A layer that turns zeros into zeros, whatever its settings are.
    pub(crate) const KEEPS_ZERO: Facts = Facts { keeps_zero: |_| true, ..Facts::PLAIN };
}

/// How the channels of a layer's output are made of those of its input.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Channels {
    /// Of all of them together, in a way of its own.
    Whole,
    /// Each of the same channel alone.
    Each,
    /// By weights `weight` or `pointwise` `[O, I, ...]`, one for each pair, and then each alone.
    Weighed,
}

/// What a layer does to features whose two halves come from the two directions of a recurrent layer.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Directions {
    /// It mixes them, so that they are no longer separate.
    Mixes,
    /// It makes them, if its switch `bidirectional` is on.
    Makes,
    /// It leaves them where they are.
    Keeps,
    /// It takes each at its end: its switch `bidirectional` is on after them.
    Ends,
}
