//! The one-hot encoding: a block of columns for every choice of the space, a 1 for the option taken.
//!
//! ```text
//! x = one-hot(choice 1), one-hot(choice 2), ...      in the order in which the tree is read
//! ```
//!
//! Every choice that any architecture has is there: those of all branches of a `one_of`, and of as
//! many copies of a `repeat` as there can be. Those that an architecture does not have are 0. So the
//! columns of a choice do not depend on the choices before it, and different decisions have different
//! vectors. Adjacency encodings of the literature (White et al., arXiv 2007.04965) are this where the
//! choices are operations.

use crate::space::Space;
use crate::tree::places::Places;
use std::sync::Arc;

pub(super) struct OneHot(Arc<Places>);

impl OneHot {
    pub(super) fn of(space: &Space) -> OneHot {
        OneHot(space.places().clone())
    }

    pub(super) fn width(&self) -> usize {
        self.0.width
    }

    pub(super) fn encode(&self, decisions: &[u32], out: &mut Vec<f32>) {
        self.0.one_hot(&mut decisions.iter(), out);
    }

    pub(super) fn names(&self) -> Vec<String> {
        let mut names = Vec::with_capacity(self.0.width);
        self.0.names("", &mut names);
        names
    }
}
