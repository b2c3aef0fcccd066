//! Architectures that are decided one choice at a time, for strategies with probabilities of their own.

use super::{Architecture, Space};
use crate::error::Result;

impl Space {
    /// An architecture that is decided choice by choice, in the order of its decisions:
    /// `pick(place, options)` returns the number of the option that is taken, below `options`. Which
    /// choices follow depends on those before; each has a place of its own in the tree, the number of
    /// its first column in [`Encoding::one_hot`](crate::Encoding::one_hot), whatever came before it.
    /// To go through the choices of a given architecture, return its decisions one by one.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([8], Task::classification(2)).then(repeat(1..=2, linear(any([4, 8, 16]))));
    /// let mut asked = vec![];
    /// let arch = space.decide(|place, options| {
    ///     asked.push((place, options));
    ///     options - 1
    /// })?;
    /// assert_eq!(arch.to_string(), "linear(16)>linear(16)");
    /// assert_eq!(asked, [(0, 2), (2, 3), (5, 3)]); // how often, and how wide each time
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// Whether the layers fit together is another question: see [`Architecture::check`].
    ///
    /// # Errors
    /// When a place has no such option, or the blocks of the space are not sound.
    pub fn decide(&self, mut pick: impl FnMut(usize, usize) -> usize) -> Result<Architecture> {
        self.sound()?;
        let mut decisions = vec![];
        self.places().visit(0, &mut |place, options| {
            let option = pick(place, options);
            decisions.push(u32::try_from(option).unwrap_or(u32::MAX));
            option
        });
        self.decode(decisions)
    }
}
