//! The training samples of a search in two halves: the weights learn from one, the choice from the other.

use crate::data::Split;
use crate::error::Result;
use crate::evaluate::Train;
use crate::rng::Rng;
use candle_core::Tensor;

pub(super) struct Halves {
    /// The inputs and targets of the whole data set.
    pub(super) x: Tensor,
    pub(super) y: Tensor,
    /// The samples that the weights learn from, and those that the choice is learned from.
    pub(super) parts: [Vec<u32>; 2],
}

impl Halves {
    pub(super) fn of(train: &Train, rng: &Rng) -> Result<Halves> {
        let (x, y) = train.data.on(&train.device)?;
        let mut samples = train.data.indices(Split::Train);
        rng.stream("halves", 0).shuffle(&mut samples);
        let rest = samples.split_off(samples.len() / 2);
        Ok(Halves { x, y, parts: [samples, rest] })
    }

    /// The inputs and targets of these samples.
    pub(super) fn gather(&self, samples: &[u32]) -> Result<(Tensor, Tensor)> {
        let i = Tensor::new(samples, self.x.device())?;
        Ok((self.x.index_select(&i, 0)?, self.y.index_select(&i, 0)?))
    }
}
