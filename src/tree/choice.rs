//! A decision without a layer: only an evaluator knows its meaning, and this crate cannot build it.
//!
//! Benchmark tables and cost models of your own score decisions, whatever they stand for. A space of
//! such choices alone has no network: no head, no parameters, nothing to build. A choice is no layer,
//! so it is not in the table of layers.

use crate::chart::Family;
use crate::error::{Error, ErrorKind, Result};
use crate::op::{Facts, Layer, LayerInfo, Op, Params, Plan, Setting};
use crate::shape::Shape;
use crate::tree::{Block, IntoInts};

/// A decision about something that this crate does not build: an operation that only a
/// [`Table`](crate::Table) knows, or a setting that an evaluator of your own reads from
/// [`Architecture::decisions`](crate::Architecture::decisions).
///
/// An architecture that consists only of choices has no head and no parameters. Shapes pass through a
/// choice unchanged; [`Model::new`](crate::Model::new) refuses it.
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

/// The most options that one choice may have.
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
