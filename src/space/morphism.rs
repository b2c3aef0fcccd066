//! The architectures that an architecture can grow into, without a change in what its network computes.

use super::{Architecture, Space};
use crate::error::Result;
use crate::graph::morph::Morph;
use crate::tree::genes;
use std::collections::HashSet;
use std::fmt;

/// A step from an architecture to a larger one that can compute the same: see
/// [`Architecture::morphisms`].
#[derive(Clone, PartialEq)]
pub struct Morphism {
    name: String,
    target: Architecture,
}

/// The most combinations of decisions that a changed one opens.
const MOST_OPENED: usize = 64;

impl Morphism {
    /// What it does: "wider: conv(16,3) to conv(32,3)", "larger kernel: ...", "deeper: ...", "skip, added:
    /// ...", "skip, concatenated".
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// The larger architecture; [`Model::morph`](crate::Model::morph) makes its network.
    pub fn architecture(&self) -> Architecture {
        self.target.clone()
    }
}

impl Architecture {
    /// The network morphisms of the space: all architectures that differ in one decision, with what it
    /// opens, and that have weights which compute the same as this one's network (Net2Net, arXiv 1511.05641).
    /// Where a decision opens more than 64 combinations of others, 64 of them are looked at.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([1, 8, 8], Task::classification(10))
    ///     .then(repeat(1..=2, conv(any([4, 8]), any([3, 5])))).then(global_avg_pool());
    /// let arch = space.parse("conv(4,3)>global_avg_pool")?;
    /// let names: Vec<String> = arch.morphisms()?.iter().map(Morphism::name).collect();
    /// assert_eq!(names[..2], ["deeper: conv(4,3)", "deeper: conv(8,3)"]);
    /// assert!(names.contains(&"larger kernel: conv(4,3) to conv(4,5)".to_string()));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the layers do not fit together, or the space is one of decisions alone.
    pub fn morphisms(&self) -> Result<Vec<Morphism>> {
        self.check()?;
        let mut found = vec![];
        self.of_space().variants(self, &mut |target| {
            // A network that computes the same is no smaller.
            if target.params() < self.params() {
                return;
            }
            if let (Ok(old), Ok(new)) = (self.graph(), target.graph())
                && let Ok(morph) = Morph::of(old, new)
            {
                found.push(Morphism { name: morph.name, target });
            }
        })?;
        Ok(found)
    }
}

impl Space {
    /// Calls `see` with the architectures that differ in one decision and fit together, with all combinations
    /// of the decisions that it opens, up to a limit.
    fn variants(&self, arch: &Architecture, see: &mut dyn FnMut(Architecture)) -> Result<()> {
        let genes = self.own(arch)?;
        let arities = genes::arities(self.genes(), &genes);
        let mut met = HashSet::from([arch.decisions()]);
        for (k, &n) in arities.iter().enumerate() {
            for option in (0..n).filter(|&option| option != arch.decided()[k] as usize) {
                for number in 0..MOST_OPENED {
                    let mut left = number;
                    let fill = &mut |block: &_| genes::numbered(block, &mut left);
                    let changed = genes::change(self.genes(), &genes, k, option, fill);
                    if left > 0 {
                        break;
                    }
                    let flat = genes::flatten(self.genes(), &changed);
                    let other = Architecture::new(self, flat);
                    if met.insert(other.decisions()) && other.fit().is_ok() {
                        see(other);
                    }
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Morphism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.target)
    }
}

crate::draw::debug_as_display!(Morphism);
