//! A decision without a layer: what an evaluator knows and this crate cannot build.
//!
//! Benchmark tables and cost models of your own score decisions, whatever stands behind them. A space
//! of such choices alone has no network: no head, no parameters, nothing to build. It is not in the table of
//! layers, because it is not one.

use crate::chart::Family;
use crate::error::{Error, ErrorKind, Result};
use crate::op::{Facts, Layer, LayerInfo, Op, Params, Plan, Setting};
use crate::shape::Shape;
use crate::tree::{Block, IntoInts};

/// A decision that stands for something this crate does not build: an operation that only a
/// [`Table`](crate::Table) knows, or a setting that an evaluator of your own reads from
/// [`Architecture::decisions`](crate::Architecture::decisions).
///
/// An architecture of nothing but choices is its decisions: it has no head and no parameters. Shapes
/// pass through a choice as they are; [`Model::new`](crate::Model::new) refuses it.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::decisions([3, 4]); // the same as choice(0..3), then choice(0..4)
/// let score = evaluator(|arch, _| arch.decisions()[0] as f64 - arch.decisions()[1] as f64);
/// let study = Study::new(&space, score).strategy(Grid).trials(12).quiet().run()?;
/// assert_eq!(study.best()?.architecture().to_string(), "choice(2)>choice(0)");
/// # Ok::<(), nascent::Error>(())
/// ```
pub fn choice(options: impl IntoInts) -> Block {
    Block::layer(&CHOICE, vec![options.into_ints().0])
}

/// The most options of one choice.
pub(crate) const MOST_OPTIONS: usize = 100_000;

pub(crate) static CHOICE: LayerInfo = LayerInfo {
    name: "choice",
    family: Family::Other,
    about: "a decision that an evaluator knows the meaning of",
    args: &[Setting::int("option", None, 0, MOST_OPTIONS as i64 - 1)],
    facts: Facts::PLAIN,
    plan: |_, inputs| Ok(Plan { kept: 0, ..Plan::free(inputs[0].clone()) }),
    build,
};

fn build(op: &Op, _: &[Shape], _: &mut Params) -> Result<Box<dyn Layer>> {
    Err(Error::new(
        ErrorKind::Missing,
        format!(
            "{op} stands for something that only its evaluator knows: there is no network to build. \
             Evaluate the architecture, or search a space of layers, as conv(16, 3)."
        ),
    ))
}
