//! Recurrent layers: the output at each position depends on the positions before it.
//!
//! ```text
//! rnn   h' = tanh(a)                                        a = Wx x + bx + Wh h + bh
//! lstm  c' = s(f) c + s(i) tanh(g)    h' = s(o) tanh(c')    i, f, g, o = a
//! gru   h' = (1 - z) n + z h          r, z = s(a)           n = tanh(Wx x + bx + r (Wh h + bh))
//! ```
//! with the logistic function `s` and a state of zeros at the start (Elman, Cognitive Science 14,
//! 1990; Hochreiter and Schmidhuber, Neural Computation 9, 1997; arXiv 1406.1078). The order of the
//! gates, the two biases and the initialisation, uniform in ±1/sqrt(units), are PyTorch's, and so
//! are the numbers of parameters. `weight` is PyTorch's `weight_ih` and `weight_hh` side by side,
//! `bias` its `bias_ih` over `bias_hh`, and `_reverse` marks the second direction as it does there.

use crate::chart::Family;
use crate::error::Result;
use crate::kernel::{self, Cell};
use crate::layer::conv::product;
use crate::layer::wants::{for_sequences, sequence};
use crate::layer::{BIDIRECTIONAL, if_bidirectional};
use crate::op::{Directions, Facts, Layer, LayerInfo, Op, Params, Pass, Plan, Setting};
use crate::shape::Shape;
use crate::tree::{Block, IntoInts};
use candle_core::{Tensor, Var};

/// A plain recurrent layer with tanh: a sequence `[L, D]` in, `[L, units]` out. Settings and the ends
/// of sequences are as for [`lstm`].
#[doc(alias("RNN", "Rnn", "SimpleRNN", "simple_rnn"))]
pub fn rnn(units: impl IntoInts) -> Block {
    Block::layer(&RNN, vec![units.into_ints().0])
}

/// Long short-term memory: a sequence `[L, D]` in, the states `[L, units]` out, `[L, 2*units]` when
/// [`bidirectional`](Block::bidirectional).
///
/// Where sequences are padded (see [`Shape::padded`](crate::Shape::padded)), the backward direction
/// begins at the end of each sequence, and the output after the end is zero.
/// [`last`](crate::last) turns the states into features.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([40, 3], Task::classification(5)).then(lstm(any([16, 32]))).then(last());
/// let arch = space.decode([1])?;
/// assert_eq!(arch.layers()[1].shape.dims(), [40, 32]);
/// assert_eq!(arch.layers()[1].params, 4 * 32 * (3 + 32 + 2));
/// # Ok::<(), nascent::Error>(())
/// ```
#[doc(alias("LSTM", "Lstm"))]
pub fn lstm(units: impl IntoInts) -> Block {
    Block::layer(&LSTM, vec![units.into_ints().0])
}

/// Gated recurrent units: like [`lstm`] with three quarters of its parameters, and with the same
/// settings and the same treatment of the ends of sequences.
#[doc(alias("GRU", "Gru"))]
pub fn gru(units: impl IntoInts) -> Block {
    Block::layer(&GRU, vec![units.into_ints().0])
}

static SETTINGS: [Setting; 2] = [Setting::size("units", 65_536), BIDIRECTIONAL];

const FACTS: Facts = Facts {
    looks_ahead: if_bidirectional,
    directions: Directions::Makes,
    instead: for_sequences,
    ..Facts::PLAIN
};

macro_rules! rows {
    ($($row:ident, $name:literal, $cell:ident, $about:literal;)*) => {$(
        pub(crate) static $row: LayerInfo = LayerInfo {
            name: $name,
            family: Family::Recurrent,
            about: $about,
            args: &SETTINGS,
            facts: FACTS,
            plan: |op, inputs| plan(Cell::$cell, op, inputs),
            build: |op, inputs, p| build(Cell::$cell, op, inputs, p),
        };
    )*};
}
rows! {
    RNN, "rnn", Rnn, "recurrent layer with tanh";
    LSTM, "lstm", Lstm, "long short-term memory";
    GRU, "gru", Gru, "gated recurrent units";
}

fn directions(op: &Op) -> usize {
    1 + usize::from(op.has("bidirectional"))
}

fn plan(cell: Cell, op: &Op, inputs: &[Shape]) -> Result<Plan> {
    let (l, d) = sequence(op, inputs)?;
    let (units, directions) = (op.int("units"), directions(op));
    let rows = cell.gates() * units * directions;
    // The states of each direction with what they keep, and the concatenation of the two.
    let joined = if directions == 2 { 2 * units } else { 0 };
    let numbers = (cell.kept() + 1) * units * directions + joined;
    Ok(Plan {
        output: Shape::new([l, directions * units]),
        params: product(&[rows, d.saturating_add(units + 2)]),
        macs: product(&[l, rows, d.saturating_add(units)]),
        // The inputs are laid out anew, step by step.
        kept: product(&[l, d.saturating_add(numbers)]),
        single: 0,
    })
}

struct Recurrent {
    cell: Cell,
    /// Weights and biases of the first direction, and of the second where there is one.
    directions: Vec<(Var, Var)>,
}

fn build(cell: Cell, op: &Op, inputs: &[Shape], p: &mut Params) -> Result<Box<dyn Layer>> {
    let (_, d) = sequence(op, inputs)?;
    let units = op.int("units");
    let rows = cell.gates() * units;
    let mut direction = |end: &str| -> Result<(Var, Var)> {
        let weight = p.uniform(&format!("weight{end}"), &[rows, d + units], units)?;
        Ok((weight, p.uniform(&format!("bias{end}"), &[2, rows], units)?))
    };
    let ends = ["", "_reverse"].into_iter().take(directions(op));
    let directions = ends.map(&mut direction).collect::<Result<_>>()?;
    Ok(Box::new(Recurrent { cell, directions }))
}

impl Layer for Recurrent {
    fn forward(&self, inputs: &[&Tensor], pass: &mut Pass) -> candle_core::Result<Tensor> {
        let x = inputs[0];
        let ends = pass.ends_for(x.dim(0)?, x.dim(1)?);
        let states = |(i, (w, b)): (usize, &(Var, Var))| {
            kernel::recurrent(self.cell, x, w, b, i == 1, ends.as_ref())
        };
        let states: Vec<Tensor> =
            self.directions.iter().enumerate().map(states).collect::<candle_core::Result<_>>()?;
        match &states[..] {
            [one] => Ok(one.clone()),
            both => Tensor::cat(both, 2),
        }
    }
}
