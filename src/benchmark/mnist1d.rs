//! Our own benchmark.

use crate::data::Dataset;
use crate::evaluate::Train;
use crate::nn::{conv1d, global_avg_pool, global_max_pool, gru, last, max_pool, skip};
use crate::space::{Space, any, one_of, same};

/// Every network of a small convolutional and recurrent space, trained on MNIST-1D by this crate.
#[derive(Clone)]
pub struct Mnist1dBench;

impl Mnist1dBench {
    /// The space: a stem, three positions of five operations each, and three ways to read out.
    pub fn space() -> Space {
        let operation = one_of([
            skip(),
            conv1d(same(), 3),
            conv1d(same(), 5).residual(),
            max_pool(2),
            gru(same()),
        ]);
        Space::on(&Dataset::mnist1d())
            .then(conv1d(any([4, 8, 16]), any([3, 7])))
            .then(&operation)
            .then(&operation)
            .then(&operation)
            .then(one_of([global_avg_pool(), global_max_pool(), last()]))
    }

    /// How each of them was trained.
    pub fn training() -> Train {
        Train::on(&Dataset::mnist1d()).epochs(27)
    }
}
