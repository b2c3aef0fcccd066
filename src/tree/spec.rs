//! The contents of a space: the shape of the data, the task, and the tree of blocks between them.

use crate::shape::Shape;
use crate::task::Task;
use crate::tree::{Block, Genome, Places};
use std::sync::{Arc, OnceLock};

/// Everything that the networks of a space depend on.
pub(crate) struct Spec {
    pub(crate) input: Shape,
    pub(crate) task: Task,
    pub(crate) root: Block,
    genome: OnceLock<Genome>,
}

impl Spec {
    pub(crate) fn new(input: Shape, task: Task, root: Block) -> Spec {
        Spec { input, task, root, genome: OnceLock::new() }
    }

    /// The blocks with the decisions.
    pub(crate) fn genome(&self) -> &Genome {
        self.genome.get_or_init(|| Genome::of(&self.root))
    }

    /// The places of all decisions.
    pub(crate) fn places(&self) -> &Arc<Places> {
        let genome = self.genome();
        genome.places.get_or_init(|| Arc::new(Places::of_genome(genome, &self.root)))
    }
}
