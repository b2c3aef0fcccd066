//! Searches on single paths that are drawn without looking at how good they are: the training of the shared
//! weights is that of `Supernet`, epoch by epoch, and a search on the weights comes behind its last epoch.
//! Earlier epochs propose the best of some random paths, each judged on one batch.

use super::reward::{best_of, ranked, reward};
use super::{How, Method, Search, Signals};
use crate::data::Split;
use crate::error::Result;
use crate::evaluate::{Budget, Evaluator, Going, Kept, Supernet, Train, Watch};
use crate::rng::Rng;
use crate::space::{Architecture, Space};
use crate::task::Metric;
use candle_core::Tensor;
use std::sync::Arc;

/// How many paths are looked at after an epoch that is not the last.
const CANDIDATES: usize = 10;

/// Gives the decisions of the best architecture it finds, by a score of which more is better.
pub(super) type Chosen = dyn Fn(&Space, &mut Rng, &mut dyn FnMut(&Architecture) -> Result<f64>) -> Result<Vec<u32>>
    + Send
    + Sync;

/// A method that trains uniform or fair paths, and then chooses.
pub(super) fn method(
    name: String,
    fair: bool,
    problems: Vec<String>,
    choose: Arc<Chosen>,
) -> Method {
    let begin = move |space: &Space, train: &Train, seed: u64| {
        Ok(Box::new(Paths::begin(space, train, seed, fair, choose.clone())?) as Box<dyn Search>)
    };
    Method { name, problems, how: How::Paths { fair }, begin: Arc::new(begin) }
}

/// A search in progress.
struct Paths {
    space: Space,
    train: Train,
    seed: u64,
    going: Going,
    choose: Arc<Chosen>,
    /// The inputs and targets of the whole data set.
    x: Tensor,
    y: Tensor,
}

impl Paths {
    fn begin(
        space: &Space,
        train: &Train,
        seed: u64,
        fair: bool,
        choose: Arc<Chosen>,
    ) -> Result<Paths> {
        crate::kernel::prepare();
        let all = Supernet::on(space, train);
        let going = if fair { all.fair() } else { all }.begin(seed)?;
        let (x, y) = train.data.on(&train.device)?;
        Ok(Paths { space: space.clone(), train: train.clone(), seed, going, choose, x, y })
    }

    fn metric(&self) -> Metric {
        self.train.data.task().metric()
    }

    /// The best of some random paths on a batch of the validation split.
    fn glance(&self) -> Result<Vec<u32>> {
        let mut rng = Rng::from_u64(self.seed).stream("glance", self.going.epochs());
        let mut samples = self.train.data.indices(Split::Validation);
        rng.shuffle(&mut samples);
        samples.truncate(self.train.settings.batch.max(1) as usize);
        let i = Tensor::new(&samples[..], self.x.device())?;
        let (x, y) = (self.x.index_select(&i, 0)?, self.y.index_select(&i, 0)?);
        let drawn =
            (0..CANDIDATES).map(|_| self.space.sample(&mut rng)).collect::<Result<Vec<_>>>()?;
        let task = self.train.data.task();
        best_of(drawn, |arch| reward(&task, &self.going.glance(arch, &x)?, &y))
    }
}

impl Search for Paths {
    fn epoch(&self) -> usize {
        self.going.epochs()
    }

    fn advance(&mut self, watch: &Watch) -> Result<()> {
        self.going.epoch(watch)
    }

    fn stopped(&self) -> Option<String> {
        None
    }

    fn derive(&mut self) -> Result<Vec<u32>> {
        if self.going.epochs() < self.train.full() {
            return self.glance();
        }
        let (now, metric, watch) = (self.going.as_it_is(0.0), self.metric(), Watch::current());
        let mut score = |arch: &Architecture| {
            let found = now.evaluate_watched(arch, &Budget::open(0), &watch)?;
            Ok(ranked(-metric.turned(found.score())))
        };
        let mut rng = Rng::from_u64(self.seed).stream("choose", 0);
        (self.choose)(&self.space, &mut rng, &mut score)
    }

    fn score(&mut self, decisions: &[u32], watch: &Watch) -> Result<Vec<(String, f64)>> {
        let arch = self.space.decode(decisions.iter().copied())?;
        let now = self.going.as_it_is(0.0);
        let found = now.evaluate_watched(&arch, &Budget::open(0), watch)?;
        let rest = found.metrics().into_iter().filter(|(name, _)| *name != self.metric().name);
        Ok([(self.metric().name, found.score())].into_iter().chain(rest).collect())
    }

    fn signals(&mut self, _: &Watch) -> Result<Signals> {
        let figures = vec![("training loss".to_string(), self.going.loss())];
        Ok(Signals { figures, weights: vec![] })
    }

    fn keep(&self) -> Result<Kept> {
        self.going.keep()
    }

    fn restore(&mut self, kept: Kept) -> Result<()> {
        self.going.restore(kept)
    }
}
