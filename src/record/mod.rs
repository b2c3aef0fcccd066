//! What a study records: its trials, their settings, and what the next trial may know of them.

mod failure;
mod history;
pub(crate) mod objectives;
mod protocol;
pub(crate) mod trial;

pub(crate) use failure::Failure;
pub use history::History;
pub(crate) use history::{best as best_of, levels_in_order};
pub use protocol::{Duplicates, Key, OnFailure, Protocol};
pub use trial::Trial;
pub(crate) use trial::{Cost, Outcome, Record};
