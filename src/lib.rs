//! Neural architecture search you can watch, in a Rust notebook.
//!
//! A search has three parts, and a study that brings them together:
//!
//! ```text
//! space  ->  strategy  ->  evaluator  ->  study  ->  chart
//! which      what to       how good       the loop,  what a
//! exist      try next      is one         the record person sees
//! ```
//!
//! ```
//! use nascent::prelude::*;
//!
//! let data = Dataset::digits();
//! let space = Space::on(&data)                                 // shape and classes come from the data
//!     .then(conv(any([4, 8]), 3))                              // any: a choice of values
//!     .then(repeat(1..=2, one_of([                             // one_of: a choice of blocks
//!         conv(8, any([3, 5])).residual(), sep_conv(8, 3), max_pool(2)])))
//!     .then(global_avg_pool());
//!
//! let study = Study::new(&space, Train::on(&data).epochs(1))
//!     .strategy(Evolution::regularized()).trials(4).seed(1).run()?;
//! println!("{study}");                                         // in a notebook: the report, with charts
//! assert!(study.best()?.score() > Some(0.1));
//! # Ok::<(), nascent::Error>(())
//! ```
//!
//! Where to go from there:
//!
//! - spaces: [`Block`] with [`any`], [`one_of`], [`repeat`], [`cell`], [`wired`], [`shared`] and the
//!   [`presets`] from the literature; limits by [`Space::at_most`]; [`Distance`] and [`Encoding`] of
//!   architectures; [`Architecture::morphisms`], which keep the function of a network ([`Model::morph`]);
//! - evaluation: [`Train`]; a [`Supernet`], whose weights all architectures share; a [`Table`] of
//!   measured architectures, the embedded [`NasBench201`] and [`Mnist1dBench`]; an [`evaluator`] of your
//!   own; a [`Proxy`], which scores without training, or a [`Vote`] of several; [`Latency`] on this machine;
//! - strategies: [`Random`], [`Grid`], [`LocalSearch`], [`Annealing`], [`Evolution`], [`Genetic`],
//!   [`Nsga2`]; with a model [`Tpe`], [`GaussianProcess`], [`RandomForest`], [`Bananas`] and [`AutoKeras`]; with a
//!   controller [`Reinforce`] and [`Ppo`]; a [`WarmStart`] of any; a [`strategy`](fn@strategy) of your own; side by side in a
//!   [`Compare`];
//! - prediction: a [`Predictor`] that learns from a few trained architectures, on graph features
//!   ([`Encoding::graf`]) or any other encoding;
//! - what a search says: [`Study`], its report and journal, the charts in [`mod@chart`], [`stats`].
//!
//! Everything is an owned value that a notebook variable can hold; settings return a new value, so
//! a cell can be run again; and everything random follows from the study's seed, on any number of
//! threads. The README shows the set-up of a notebook; `notebooks/quickstart.ipynb` is the tour.

/// Prints a line. A standard output that is full or closed, as with `| head`, must not end a search in the
/// middle; the macro of the standard library would panic.
#[cfg(not(test))]
macro_rules! println {
    ($($line:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($line)*);
    }};
}

/// The same on standard error.
#[cfg(not(test))]
macro_rules! eprintln {
    ($($line:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($line)*);
    }};
}

mod bar;
#[doc(hidden)]
pub mod bench;
pub mod chart;
mod compare;
mod count;
mod data;
mod draw;
mod error;
mod evaluate;
mod export;
mod fidelity;
mod file;
mod front;
mod graph;
mod interrupt;
#[allow(unsafe_code)] // For vector registers, and for questions to the allocator.
mod kernel;
mod layer;
mod live;
mod model;
mod notebook;
mod oneshot;
mod op;
pub mod output;
mod predictor;
pub mod prelude;
mod proxy;
mod record;
mod rng;
mod room;
mod shape;
mod space;
pub mod stats;
mod strategy;
mod study;
mod surrogate;
mod task;
mod threads;
mod tree;
mod words;

pub use compare::{
    Against, Compare, Comparison, Finalists, Finals, IntoStrategies, Named, Pair, Standing, Verdict,
};
pub use count::{ByReference, ByValue, Count};
pub use data::{Augment, Dataset, Images, LogMel, Real, Split};
pub use draw::Draw;
pub use error::{Error, ErrorKind, Result};
pub use evaluate::{
    AnyEvaluator, Budget, Checkpoint, Evaluation, Evaluator, IntoEvaluation, IntoEvaluator,
    IntoOutcome, Mnist1dBench, NasBench201, Retrained, Supernet, Table, Train, Training, Watch,
    evaluator,
};
pub use fidelity::{
    Asha, Bohb, CurveStopping, FreezeThaw, Hyperband, MedianStopping, SuccessiveHalving, schedules,
};
pub use graph::LayerRow;
pub use layer::{
    activation, attention, avg_pool, batch_norm, conv, conv1d, darts_rnn, depthwise, drop_path,
    dropout, embedding, feed_forward, flatten, gelu, global_avg_pool, global_max_pool, group_norm,
    gru, last, layer_norm, layers, linear, lstm, max_pool, positions, relu, rnn, sep_conv, sigmoid,
    silu, skip, squeeze_excite, tanh, zero,
};
pub use live::{Live, live};
pub use model::{Answer, IntoInputs, Model, Optimizer, Schedule};
pub use notebook::{EvcxrDisplay, Shown, show};
pub use oneshot::{
    Darts, DrNas, Enas, FairNas, Gdas, Method, MethodInfo, PcDarts, RandomSharing, Snas, Spos,
    one_shot_methods,
};
pub use op::{Activation, LayerInfo, Op, Plan, Setting, Value};
pub use predictor::Predictor;
pub use proxy::{Proxy, ProxyInfo, Vote, proxies};
pub use record::{Duplicates, History, Key, OnFailure, Protocol, Trial};
pub use rng::Rng;
pub use shape::Shape;
pub use space::presets;
pub use space::{
    Architecture, Distance, Encoding, Enumerate, Latency, Limit, Macs, Memory, Morphism, Params,
    Space,
};
pub use strategy::{
    Annealing, AnyStrategy, AutoKeras, Bananas, Evolution, GaussianProcess, Genetic, Grid,
    IntoProposal, IntoStrategy, LocalSearch, Nsga2, Odds, Ppo, Proposal, Random, RandomForest,
    Reinforce, Strategy, StrategyInfo, Surrogate, Tpe, WarmStart, strategies, strategy,
};
pub use study::{
    Asked, Bill, Ended, Explanation, Fidelities, Measure, Measures, Running, Searches, Study,
    Transfer, Transferred, running,
};
pub use surrogate::{CurveRegression, Extrapolation, Prediction};
pub use task::{Metric, Task};
pub use tree::{
    Acts, Block, Floats, IntoActs, IntoBlock, IntoBlocks, IntoFloats, IntoInts, IntoSwitch, Ints,
    Item, Items, any, branches, cell, choice, concat, one_of, repeat, residual, same, seq, shared,
    stack, wired,
};

/// A CUDA device if the crate was built with the `cuda` feature and there is one, otherwise the CPU.
///
/// ```
/// let device = nascent::best_device();
/// ```
pub fn best_device() -> candle_core::Device {
    candle_core::Device::cuda_if_available(0).unwrap_or(candle_core::Device::Cpu)
}

/// The compiler warns if the value that a setting returns is not kept.
///
/// ```compile_fail
/// #![deny(unused_must_use)]
/// use nascent::prelude::*;
/// let space = Space::new([8], Task::classification(2)).then(linear(8));
/// let plan = Study::new(&space, evaluator(|_, _| 0.0));
/// plan.seed(1);
/// ```
#[cfg(doctest)]
mod unused {}

#[cfg(test)]
mod tests {
    /// Each method of a study has the attribute, not the type: `run()` returns a study as well, and may be
    /// called only for its journal.
    #[test]
    fn what_a_setting_of_a_study_returns_must_be_used() {
        let files =
            ["mod.rs", "objective.rs", "journal.rs", "running.rs", "explain.rs", "report.rs"];
        let mut settings = 0;
        for file in files {
            let path = format!("{}/src/study/{file}", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(path).unwrap();
            let lines: Vec<&str> = text.lines().collect();
            for (i, line) in lines.iter().enumerate() {
                let ours = line.starts_with("    pub fn ") && line.contains("&self");
                if ours && line.ends_with("-> Study {") {
                    assert!(lines[i - 1].contains("#[must_use"), "{file}: {line}");
                    settings += 1;
                }
            }
        }
        assert!(settings > 15, "{settings}");
    }
}
