//! The recurrent cell that DARTS searches for (arXiv 1806.09055): eight steps, each of which begins
//! with an earlier state and moves it towards a function of itself, as far as a gate allows.
//!
//! ```text
//! (c, g) = [x, h] W_0     s_0 = h    + s(c) (tanh(g) - h)
//! (c, g) = s_p(i) W_i     s_i = s_p(i) + s(c) (f_i(g) - s_p(i))      i = 1 .. 8, p(i) < i
//! h' = (s_1 + .. + s_8) / 8
//! ```
//! with the logistic function `s`, a state of zeros at the start, no biases, and weights uniform in
//! ±0.04, as in the authors' code: `W_0` is `[D + H, 2 H]`, and each `W_i` is `[H, 2 H]`. The batch
//! normalisation that DARTS uses inside the cell during the search (but not when it trains the cell that
//! it found) is in `mixed_rnn.rs`. We leave out the dropout of its language models.

use crate::chart::Family;
use crate::error::Result;
use crate::kernel::{self, Function, Step};
use crate::layer::conv::product;
use crate::layer::wants::{for_sequences, sequence};
use crate::op::{Activation, Facts, Layer, LayerInfo, Op, Params, Pass, Plan, Setting, Value};
use crate::shape::Shape;
use crate::tree::{Block, IntoActs, IntoInts};
use candle_core::{Tensor, Var};

/// The recurrent cell of DARTS: a sequence `[L, D]` in, `[L, units]` out. The ends of sequences are
/// treated as in [`lstm`](crate::lstm).
///
/// Each of its eight steps is a pair: the state that it begins with, from 0 to its own number less
/// one, and its function: tanh, relu, sigmoid or identity. Both can be choices;
/// [`presets::darts_rnn`](crate::presets::darts_rnn) offers all of them.
///
/// ```
/// use nascent::prelude::*;
/// // The cell in the authors' repository, found on the Penn Treebank.
/// let found = [(0, "relu"), (1, "relu"), (2, "tanh"), (3, "relu"), (4, "relu"), (1, "identity"),
///              (5, "relu"), (1, "relu")];
/// let space = Space::new([12], Task::next_token(27)).then(embedding(16)).then(darts_rnn(32, found));
/// let arch = space.default_architecture()?;
/// assert_eq!(arch.layers()[2].shape.dims(), [12, 32]);
/// assert_eq!(arch.layers()[2].params, (16 + 32) * 64 + 8 * 32 * 64);
/// # Ok::<(), nascent::Error>(())
/// ```
pub fn darts_rnn(
    units: impl IntoInts,
    steps: impl IntoIterator<Item = (impl IntoInts, impl IntoActs)>,
) -> Block {
    let mut args = vec![units.into_ints().0];
    for (from, function) in steps {
        args.extend([from.into_ints().0, function.into_acts().0]);
    }
    let given = args.len() / 2;
    if given == STEPS {
        return Block::layer(&DARTS_RNN, args);
    }
    super::skip().broken(format!(
        "darts_rnn with {given} steps: it has {STEPS}. Give a pair for each, as (0, \"tanh\")."
    ))
}

pub(crate) const STEPS: usize = 8;

pub(crate) static DARTS_RNN: LayerInfo = LayerInfo {
    name: "darts_rnn",
    family: Family::Recurrent,
    about: "recurrent cell of DARTS: eight gated steps",
    args: &[
        Setting::size("units", 65_536),
        Setting::int("from1", None, 0, 0),
        Setting::act("f1", None),
        Setting::int("from2", None, 0, 1),
        Setting::act("f2", None),
        Setting::int("from3", None, 0, 2),
        Setting::act("f3", None),
        Setting::int("from4", None, 0, 3),
        Setting::act("f4", None),
        Setting::int("from5", None, 0, 4),
        Setting::act("f5", None),
        Setting::int("from6", None, 0, 5),
        Setting::act("f6", None),
        Setting::int("from7", None, 0, 6),
        Setting::act("f7", None),
        Setting::int("from8", None, 0, 7),
        Setting::act("f8", None),
    ],
    facts: Facts { instead: for_sequences, ..Facts::PLAIN },
    plan,
    build,
};

/// The function that a value of step `i` means.
pub(super) fn function(
    op: &Op,
    inputs: &[Shape],
    i: usize,
    value: Option<Value>,
) -> Result<Function> {
    match value {
        Some(Value::Act(Activation::Tanh)) => Ok(Function::Tanh),
        Some(Value::Act(Activation::Relu)) => Ok(Function::Relu),
        Some(Value::Act(Activation::Sigmoid)) => Ok(Function::Sigmoid),
        Some(Value::Act(Activation::Identity)) => Ok(Function::Identity),
        other => {
            let name = other.map_or(String::new(), |v| v.to_string());
            let why = format!(
                "the function of step {i} is {name}; the cell has tanh, relu, sigmoid and \
                 identity. Try one of these"
            );
            Err(op.unfit(inputs, why))
        }
    }
}

/// The steps according to the settings.
fn steps(op: &Op, inputs: &[Shape]) -> Result<Vec<Step>> {
    let step = |i: usize| {
        let function = function(op, inputs, i, op.value(&format!("f{i}")))?;
        Ok((op.int(&format!("from{i}")), function))
    };
    (1..=STEPS).map(step).collect()
}

/// A training step keeps the inputs, laid out anew; the gate, the function's value and the state of
/// every step; and the outputs.
fn plan(op: &Op, inputs: &[Shape]) -> Result<Plan> {
    let (l, d) = sequence(op, inputs)?;
    steps(op, inputs)?;
    let units = op.int("units");
    let first = product(&[d.saturating_add(units), 2, units]);
    let weights = first.saturating_add(product(&[STEPS, units, 2, units]));
    let states = product(&[l, 3 * (STEPS + 1) + 1, units]);
    Ok(Plan {
        output: Shape::new([l, units]),
        params: weights,
        macs: weights.saturating_mul(l as u64),
        kept: states.saturating_add(product(&[l, d])),
        single: 0,
    })
}

struct DartsRnn {
    first: Var,
    later: Var,
    steps: Vec<Step>,
}

fn build(op: &Op, inputs: &[Shape], p: &mut Params) -> Result<Box<dyn Layer>> {
    let ((_, d), units) = (sequence(op, inputs)?, op.int("units"));
    Ok(Box::new(DartsRnn {
        first: p.within("W0", &[d + units, 2 * units], 0.04)?,
        later: p.within("W", &[STEPS, units, 2 * units], 0.04)?,
        steps: steps(op, inputs)?,
    }))
}

impl Layer for DartsRnn {
    fn forward(&self, inputs: &[&Tensor], pass: &mut Pass) -> candle_core::Result<Tensor> {
        let x = inputs[0];
        let ends = pass.ends_for(x.dim(0)?, x.dim(1)?);
        kernel::darts_rnn(x, &self.first, &self.later, &self.steps, ends.as_ref())
    }
}
