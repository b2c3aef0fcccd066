//! The tree of a search space: blocks of layers with choices in them, and their decisions.

pub(crate) mod block;
pub(crate) mod cell;
mod choice;
pub(crate) mod genes;
mod genome;
mod line;
pub(crate) mod places;
mod spec;
pub(crate) mod value;
pub(crate) mod wired;

pub use block::{Block, IntoBlock, IntoBlocks, IntoSwitch, one_of, repeat, residual, seq, shared};
pub(crate) use block::{FromTable, Node as Tree};
pub(crate) use cell::{Cell, Join};
pub use cell::{branches, cell, concat, stack};
pub use choice::choice;
pub(crate) use choice::{CHOICE, MOST_OPTIONS};
pub(crate) use genome::Genome;
pub(crate) use line::{block_name, block_text, times_text};
pub(crate) use places::{Places, distinct};
pub(crate) use spec::Spec;
pub(crate) use value::Choice;
pub use value::{Acts, Floats, IntoActs, IntoFloats, IntoInts, Ints, Item, Items, any, same};
pub(crate) use wired::Wired;
pub use wired::wired;
