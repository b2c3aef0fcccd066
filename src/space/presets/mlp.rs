//! Multilayer perceptrons, as in the fully connected benchmark of HPOBench (Klein and Hutter, "Tabular
//! benchmarks for joint architecture and hyperparameter optimization", arXiv 1905.04970).
//!
//! The idea: how deep, how wide, and how each layer is activated and regularised.
//!
//! ```text
//! input ── flatten ── [ linear ── (batch norm) ── relu | tanh ── dropout ] x 1..4 ── head
//!                       16 .. 512                                0, 0.3, 0.6
//! ```
//! Decided: the number of layers (1 to 4), and for each its units (16, 32, 64, 128, 256, 512), batch
//! normalisation or not (2), the activation (2), and the rate of dropout (3), 72 kinds of layer:
//! 72 + 72^2 + 72^3 + 72^4 = 27,252,360 networks.
//!
//! Where it differs from the paper: there the depth is 2 and nothing is normalised, so
//! (6 * 2 * 3)^2 = 1,296 of its 62,208 configurations are networks and the rest is how they are trained
//! (learning rate, schedule, batch size); those 1,296 are in this space. Its data are regressions on
//! tables; here an image or a sequence is flattened first.

use crate::layer::{dropout, flatten, linear};
use crate::tree::{Block, IntoInts, any, repeat};

/// Multilayer perceptrons of 1 to 4 layers with 16 to 512 units.
///
/// ```
/// use nascent::{prelude::*, presets};
/// let space = Space::on(&Dataset::digits()).then(presets::mlp());
/// assert_eq!(space.size(), Some(27_252_360));
/// assert_eq!(space.default_architecture()?.to_string(), "flatten>linear(16)>dropout(0)");
/// # Ok::<(), nascent::Error>(())
/// ```
pub fn mlp() -> Block {
    mlp_of(1..=4, [16, 32, 64, 128, 256, 512])
}

/// Multilayer perceptrons of other depths and widths, with the remaining choices of [`mlp`]: 12 kinds of
/// layer for each width.
///
/// ```
/// use nascent::{prelude::*, presets};
/// let space = Space::on(&Dataset::mnist1d()).then(presets::mlp_of(2, [32, 64]));
/// assert_eq!(space.size(), Some(24 * 24));
/// # Ok::<(), nascent::Error>(())
/// ```
pub fn mlp_of(depth: impl IntoInts, units: impl IntoInts) -> Block {
    let layer = linear(units).norm(any([false, true])).activation(any(["relu", "tanh"]));
    flatten().then(repeat(depth, layer.then(dropout(any([0.0, 0.3, 0.6])))))
}
