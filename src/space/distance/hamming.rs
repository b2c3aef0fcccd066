//! The Hamming distance: in how many decisions two architectures differ.
//!
//! ```text
//! d(a, b) = the number of places p in the tree of choices with a_p != b_p
//! ```
//!
//! A choice in a branch that was not taken, or in a copy beyond the chosen depth, does not exist; the
//! distance treats that as one more option at its place. So decisions are compared by place, not by their
//! index in the list, which shifts where a choice opens others. Where no choice depends on another, this
//! is the plain Hamming distance of the two lists. Being a distance of vectors with a symbol for "not
//! there", it is a metric.

use crate::error::Error;
use crate::space::Architecture;

/// Whether the two have the same places.
pub(super) fn same_choices(a: &Architecture, b: &Architecture) -> bool {
    a.of_space().root() == b.of_space().root()
}

pub(super) fn distance(a: &Architecture, b: &Architecture) -> usize {
    a.of_space().places().differ(&mut a.decided().iter(), &mut b.decided().iter())
}

pub(super) fn apart(a: &Architecture, b: &Architecture) -> Error {
    Error::invalid(
        format!("the Hamming distance of {a} and {b}"),
        "their spaces have different choices, and only the same ones can be counted",
        "Distance::edit() or Distance::weisfeiler_lehman(2), which compare networks",
    )
}
