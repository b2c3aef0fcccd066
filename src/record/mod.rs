//! What a study has recorded: the trials, under which settings, and what the next one may know of them.

mod failure;
mod history;
pub(crate) mod objectives;
mod protocol;
pub(crate) mod trial;

pub(crate) use failure::Failure;
pub use history::History;
pub(crate) use history::best as best_of;
pub use protocol::{Duplicates, Key, OnFailure, Protocol};
pub use trial::Trial;
pub(crate) use trial::{Cost, Outcome};
