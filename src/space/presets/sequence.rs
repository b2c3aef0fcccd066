//! Networks for sequences, built in any order from the three kinds of layers that mix positions:
//! recurrent, convolutional and attention layers.
//!
//! The idea: find out which way of looking at other positions suits the data, and in which order: step by
//! step (arXiv 1406.1078), nearby (a residual block as in ByteNet, 1610.10099), or everywhere (1706.03762,
//! normalised first as in 2002.04745). The Evolved Transformer (So, Liang and Le, 1901.11117) was found
//! in such a space.
//!
//! ```text
//! numbers ── linear ───┐                 ┌ lstm | gru, one or both directions          ┐
//!                      ├─ (positions) ── │ norm ── relu ── conv1d 3 | 5 | 7, residual  │ x 1..4
//! tokens ── embedding ─┘                 └ attention 2 | 4 | 8 ── feed-forward 2 | 4   ┘
//!     ── dropout ── last | average | maximum ── head
//! ```
//! All layers are `units` wide. Decided: whether learned positions are added (2), the depth, for every
//! layer its kind (4 recurrent, 3 convolutions, 3 * 2 pairs of attention and feed-forward: 13), the
//! rate of dropout (3), and how a sequence becomes one vector (3). For depths 1 to 4 that is
//! 2 * (13 + 13^2 + 13^3 + 13^4) * 3 * 3 = 556,920 networks. To continue a text, where nothing may look
//! ahead and every position has its prediction, there is one direction and no pooling:
//! 2 * (11 + 11^2 + 11^3 + 11^4) * 3 = 96,624.
//!
//! No paper has exactly this space: unlike that of the Evolved Transformer it has recurrent layers, but
//! neither branches nor gated linear units. Convolutions are normalised position by position, not over the
//! batch, because batch statistics would tell a position about later ones during training.

use super::broken;
use crate::count::Count;
use crate::layer::{
    attention, conv1d, dropout, embedding, feed_forward, global_avg_pool, global_max_pool, gru,
    last, layer_norm, linear, lstm, positions, relu, skip,
};
use crate::tree::{Block, IntoInts, any, one_of, repeat};

/// Networks that turn a sequence of numbers `[L, D]` into one vector, for classification and regression:
/// `depth` layers, all of them `units` wide, a multiple of 8 (so that it divides into heads).
///
/// ```
/// use nascent::{prelude::*, presets};
/// let space = Space::on(&Dataset::mnist1d()).then(presets::sequence(64, 1..=4));
/// assert_eq!(space.size(), Some(556_920));
/// # Ok::<(), nascent::Error>(())
/// ```
pub fn sequence(units: impl Count, depth: impl IntoInts) -> Block {
    of(units, |w| linear(w).plain().then(body(w, depth, true)).then(readout()))
}

/// Networks that turn a text, padded or not, into one vector: as [`sequence`], with an embedding.
///
/// ```
/// use nascent::{prelude::*, presets};
/// let space = Space::on(&Dataset::names()).then(presets::text(64, 1..=4));
/// assert_eq!(space.size(), Some(556_920));
/// # Ok::<(), nascent::Error>(())
/// ```
pub fn text(units: impl Count, depth: impl IntoInts) -> Block {
    of(units, |w| embedding(w).then(body(w, depth, true)).then(readout()))
}

/// Networks that continue a text: as [`text`], but no position sees a later one, and each has its own
/// output.
///
/// ```
/// use nascent::{prelude::*, presets};
/// let space = Space::on(&Dataset::names_text()).then(presets::language_model(64, 1..=4));
/// assert_eq!(space.size(), Some(96_624));
/// # Ok::<(), nascent::Error>(())
/// ```
pub fn language_model(units: impl Count, depth: impl IntoInts) -> Block {
    of(units, |w| embedding(w).then(body(w, depth, false)))
}

/// The block of a width that fits.
fn of(units: impl Count, block: impl FnOnce(i64) -> Block) -> Block {
    let units = units.to_i64();
    match units >= 8 && units % 8 == 0 {
        true => block(units),
        false => broken(format!(
            "a width of {units}: it is divided among 2, 4 or 8 heads and between two directions, so a \
             multiple of 8 is needed. Try 64."
        )),
    }
}

/// What stands between the first layer and the read-out, with recurrent layers of `both` directions or one.
fn body(w: i64, depth: impl IntoInts, both: bool) -> Block {
    let mut recurrent = vec![lstm(w), gru(w)];
    if both {
        // Two directions of half the width each.
        recurrent.extend([lstm(w / 2), gru(w / 2)].map(|r| r.bidirectional(true)));
    }
    let convolution = layer_norm().then(relu()).then(conv1d(w, any([3, 5, 7])).plain()).residual();
    let transformer = attention(any([2, 4, 8])).then(feed_forward(any([2, 4])));
    let layer = one_of(recurrent.into_iter().chain([convolution, transformer]));
    let body = one_of([skip(), positions()]).then(repeat(depth, layer));
    body.then(dropout(any([0.0, 0.1, 0.3])))
}

fn readout() -> Block {
    one_of([last(), global_avg_pool(), global_max_pool()])
}
