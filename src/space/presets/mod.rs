//! Search spaces from the literature, ready to use. Each is a function that returns a
//! [`Block`], so that it can be a whole space or a part of one.
//!
//! ```
//! use nascent::prelude::*;
//! let space = Space::on(&Dataset::digits()).then(presets::nas_bench_201(16, 1));
//! assert_eq!(space.size(), Some(15_625));
//! let space = Space::on(&Dataset::digits()).then(presets::mlp());
//! let wider = Space::on(&Dataset::digits()).then(one_of([presets::mlp(), linear(512)]));
//! assert_eq!(wider.size(), space.size().map(|n| n + 1));
//! ```

mod darts;
mod darts_rnn;
mod mlp;
mod mobile;
mod nas_bench_101;
mod nas_bench_201;
mod sequence;

pub use darts::darts;
pub use darts_rnn::darts_rnn;
pub use mlp::{mlp, mlp_of};
pub use mobile::mobile;
pub use nas_bench_101::nas_bench_101;
pub use nas_bench_201::{nas_bench_201, nas_bench_201_unique_string};
pub use sequence::{language_model, sequence, text};

use crate::tree::block::{Block, Node};

/// A preset that was asked for something impossible.
fn broken(problem: String) -> Block {
    Block::new(Node::Broken { block: crate::layer::skip(), problem })
}
