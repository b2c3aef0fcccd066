//! The recurrent cells of DARTS (Liu, Simonyan and Yang, arXiv 1806.09055, section 3.2).
//!
//! The idea: a recurrent cell is a small graph of gated steps, each of which picks its function and the
//! earlier state that it continues from. The paper searches for it on the Penn Treebank.
//!
//! ```text
//! [x, h] ── s0 ──┬── s1 ──┬── s2 ── ...  s8        step i: one of s0 .. s(i-1),
//!                │        │                        then tanh, relu, sigmoid or identity
//!                └────────┴── mean of s1 .. s8 ── h'
//! ```
//! Decided: for each of 8 steps the earlier state (1, 2, .. 8 of them) and the function (4):
//! 8! * 4^8 = 2,642,411,520 cells. [`darts_rnn`](crate::darts_rnn) has the formulas.
//!
//! A search by shared weights, as [`Darts`](crate::Darts), also weighs the function "none", which it never
//! keeps, and normalises all states within the batch, as the paper's does.
//!
//! Where it differs from the paper: its language model has an embedding and a cell of 850 units (300 while it searches), dropout in
//! several places, and a head that shares the embedding's weights: here the rest of the network is
//! yours.
//!
//! At first gates are half open and weights are small, so a state loses about half of its size in every
//! step on its way to the next position: the cell suits dependencies over a short distance, as in text,
//! and is slow to learn what [`last`](crate::last) needs from the beginning of a signal.

use crate::tree::{Block, IntoInts, any};

/// All recurrent cells of DARTS, with this many units: sequences `[L, D]` to `[L, units]`.
///
/// ```
/// use nascent::{prelude::*, presets};
/// let data = Dataset::names_text();
/// let space = Space::on(&data).then(embedding(64)).then(presets::darts_rnn(64));
/// assert_eq!(space.size(), Some(2_642_411_520));
/// println!("{}", space.sample(&mut Rng::new(1))?);
/// # Ok::<(), nascent::Error>(())
/// ```
pub fn darts_rnn(units: impl IntoInts) -> Block {
    let functions = any(["tanh", "relu", "sigmoid", "identity"]);
    crate::layer::darts_rnn(units, (0..8).map(|i| (0..=i, &functions)))
}
