//! The recurrent cell of DARTS with its choices relaxed, as a layer; see `kernel/mixed_rnn.rs` for the
//! formulas. It is not in the table: nobody writes it.
//!
//! Its settings are its units and, for each of the eight steps, how many terms there are, and of each term
//! the earlier state, the function, and its column in the list of weights, which comes with the forward
//! pass; -1 is a term that is fixed. A term of weight 0 is not computed. Its weights have the names and the
//! shapes of those of the derived cell.

use crate::chart::Family;
use crate::error::{Error, Result};
use crate::kernel::{self, Term};
use crate::layer::conv::product;
use crate::layer::darts_rnn::{STEPS, function};
use crate::layer::wants::{for_sequences, sequence};
use crate::op::{Facts, Layer, LayerInfo, Op, Params, Pass, Plan, Setting, Value};
use crate::shape::Shape;
use candle_core::{Tensor, Var};

pub(crate) static MIXED_RNN: LayerInfo = LayerInfo {
    name: "mixed_rnn",
    family: Family::Recurrent,
    about: "recurrent cell of DARTS with all options at once",
    args: &[Setting::size("units", 65_536)],
    facts: Facts { instead: for_sequences, ..Facts::PLAIN },
    plan,
    build: |op, inputs, p| Ok(Box::new(MixedRnn::build(op, inputs, p, true)?)),
};

/// The terms of each step.
fn terms(op: &Op, inputs: &[Shape]) -> Result<Vec<Vec<Term>>> {
    let lost = || Error::from("a relaxed recurrent cell without its terms");
    let mut args = op.args.iter().skip(1);
    let mut step = |i: usize| {
        let Some(Value::Int(count)) = args.next() else { return Err(lost()) };
        let mut terms = vec![];
        for _ in 0..*count {
            let (Some(Value::Int(from)), Some(act), Some(Value::Int(column))) =
                (args.next(), args.next(), args.next())
            else {
                return Err(lost());
            };
            let function = function(op, inputs, i, Some(*act))?;
            terms.push(Term {
                from: *from as usize,
                function,
                column: usize::try_from(*column).ok(),
            });
        }
        Ok(terms)
    };
    (1..=STEPS).map(&mut step).collect()
}

/// Every state that is read is multiplied by the matrix of the step that reads it. A training step keeps of
/// each such edge the state, its gates, and two numbers for each function.
fn plan(op: &Op, inputs: &[Shape]) -> Result<Plan> {
    let (l, d) = sequence(op, inputs)?;
    let (units, terms) = (op.int("units"), terms(op, inputs)?);
    let edges = |terms: &Vec<Term>| {
        let mut from: Vec<usize> = terms.iter().map(|term| term.from).collect();
        from.sort_unstable();
        from.dedup();
        from.len()
    };
    let all: usize = terms.iter().map(edges).sum();
    let functions: usize = terms.iter().map(Vec::len).sum();
    let first = product(&[d.saturating_add(units), 2, units]);
    let once = first.saturating_add(product(&[all, units, 2, units]));
    let kept = product(&[l, 6 * (STEPS + 1) + 7 * all + 4 * functions, units]);
    Ok(Plan {
        output: Shape::new([l, units]),
        params: first.saturating_add(product(&[STEPS, units, 2, units])),
        macs: once.saturating_mul(l as u64),
        kept: kept.saturating_add(product(&[l, d])),
        single: 0,
    })
}

struct MixedRnn {
    first: Var,
    later: Var,
    normalised: bool,
    steps: Vec<Vec<Term>>,
}

impl MixedRnn {
    /// The states are `normalised` in a search.
    fn build(op: &Op, inputs: &[Shape], p: &mut Params, normalised: bool) -> Result<MixedRnn> {
        let ((_, d), units) = (sequence(op, inputs)?, op.int("units"));
        Ok(MixedRnn {
            first: p.within("W0", &[d + units, 2 * units], 0.04)?,
            later: p.within("W", &[STEPS, units, 2 * units], 0.04)?,
            normalised,
            steps: terms(op, inputs)?,
        })
    }
}

impl Layer for MixedRnn {
    fn forward(&self, inputs: &[&Tensor], pass: &mut Pass) -> candle_core::Result<Tensor> {
        let Some(mixture) = pass.mixture.clone() else {
            candle_core::bail!("mixed_rnn: no weights")
        };
        let x = inputs[0];
        let (n, l, _) = x.dims3()?;
        let ends = pass.ends_for(n, l);
        let counts =
            |term: &&Term| term.column.is_none_or(|column| mixture.factor(&[column]) != 0.0);
        let steps: Vec<Vec<Term>> =
            self.steps.iter().map(|terms| terms.iter().filter(counts).cloned().collect()).collect();
        let weights = [self.first.as_tensor(), self.later.as_tensor(), &mixture.weights];
        let how = (self.normalised, pass.train);
        kernel::mixed_rnn(x, weights, &steps, how, ends.as_ref())
    }
}

/// The layer without normalisation, to be compared with the derived one.
#[cfg(test)]
pub(crate) fn bare(op: &Op, inputs: &[Shape], p: &mut Params) -> Result<Box<dyn Layer>> {
    Ok(Box::new(MixedRnn::build(op, inputs, p, false)?))
}
