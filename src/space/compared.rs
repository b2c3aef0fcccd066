//! The parts of an architecture's network that distances and kernels compare.

use super::Architecture;
use crate::count::Count;
use crate::error::Result;
use crate::graph::{Sequence, check_iterations, collect, count, sequence};

impl Architecture {
    /// The rows of layers of the shared blocks that decide it, or of the `whole` network.
    pub(crate) fn sequences(&self, whole: bool) -> Result<Vec<Sequence>> {
        let mut found = vec![];
        self.each_graph(whole, &mut |nodes, end| found.push(sequence(nodes, end)))?;
        Ok(found)
    }

    /// The Weisfeiler-Lehman features of its graph (NAS-BOWL, arXiv 2006.07556): the hash of every
    /// operation in its surroundings of 0, 1, ... up to `iterations` steps, and how often it occurs,
    /// sorted by hash. Hashes are the same in all spaces and runs. Where its shared cells alone decide a
    /// network, the features are those of the cells, each taken once, without the layers around them.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([8], Task::classification(2)).then(repeat(1..=2, linear(any([4, 8]))));
    /// let features = |text: &str| space.parse(text)?.wl_features(1);
    /// // Input, linear(8), head and output; and each with what reads it.
    /// assert_eq!(features("linear(8)")?.len(), 4 + 4);
    /// let count = |features: Vec<(u64, usize)>| features.iter().map(|f| f.1).sum::<usize>();
    /// assert_eq!(count(features("linear(8)>linear(8)")?), 5 + 5);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the layers do not fit together, the space is of decisions alone, or `iterations` is not 0
    /// to 100.
    pub fn wl_features(&self, iterations: impl Count) -> Result<Vec<(u64, usize)>> {
        check_iterations(iterations.to_i64())?;
        self.wl(iterations.to_size(), false)
    }

    /// The same, of the `whole` network if asked.
    pub(crate) fn wl(&self, iterations: usize, whole: bool) -> Result<Vec<(u64, usize)>> {
        let mut all: Vec<_> = self.wl_steps(iterations, whole)?.into_iter().flatten().collect();
        all.sort_unstable();
        Ok(all)
    }

    /// The same, with a list for each iteration: features of different iterations are never equal.
    pub(crate) fn wl_steps(
        &self,
        iterations: usize,
        whole: bool,
    ) -> Result<Vec<Vec<(u64, usize)>>> {
        let (mut colours, mut block) = (vec![vec![]; iterations + 1], 0);
        self.each_graph(whole, &mut |nodes, end| {
            collect(nodes, end, block, &mut colours);
            block += 1;
        })?;
        Ok(colours.into_iter().map(count).collect())
    }
}
