//! The networks of a space, and what is found out once about all of them.

use crate::graph::cost::{Costs, Memo};
use crate::graph::open::Open;
use crate::graph::{Graph, Misfit, Reach, Sharing};
use crate::tree::Spec;
use std::sync::OnceLock;

/// The networks of a space.
pub(crate) struct Networks {
    spec: Spec,
    /// What its layers are known to cost.
    memo: Memo,
    /// Which shapes can reach each part of it.
    reach: OnceLock<Reach>,
    /// What they have together, if they share weights.
    sharing: OnceLock<Option<Sharing>>,
}

impl Networks {
    pub(crate) fn new(spec: Spec) -> Networks {
        let (reach, sharing) = (OnceLock::new(), OnceLock::new());
        Networks { spec, memo: Memo::default(), reach, sharing }
    }

    pub(crate) fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The network that decisions lead to.
    ///
    /// # Errors
    /// When its layers do not fit together.
    pub(crate) fn graph(&self, decisions: &[u32]) -> Result<Graph, Misfit> {
        Graph::of(&self.spec, decisions)
    }

    /// What a network costs, without building it; nothing where its layers do not fit together, or where it
    /// is an unusual one.
    pub(crate) fn costs(&self, decisions: &[u32]) -> Option<Costs> {
        Costs::walk(&self.spec, &self.memo, decisions)
    }

    /// All of them, with nothing decided.
    pub(crate) fn open(&self) -> Open {
        Open::of(&self.spec)
    }

    pub(crate) fn reach(&self) -> &Reach {
        self.reach.get_or_init(|| Reach::of(&self.spec))
    }

    /// Nothing where the space has too many shapes to tell, or none that fit.
    pub(crate) fn sharing(&self) -> Option<&Sharing> {
        self.sharing.get_or_init(|| Sharing::of(&self.spec)).as_ref()
    }
}
