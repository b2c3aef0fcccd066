//! ENAS: Pham, Guan, Zoph, Le and Dean, "Efficient Neural Architecture Search via Parameter Sharing",
//! arXiv 1802.03268.
//!
//! The idea: a recurrent controller draws architectures, as in reinforcement learning (`strategy/
//! reinforce.rs`), but none is trained alone: all are paths through one network, whose weights they share, and
//! a reward costs one batch.
//!
//! ```text
//! in every epoch
//!   for each batch (x, y) of T                          the controller is fixed
//!       m ~ pi(theta),  w <- w - lr grad_w L(x, y; w, m)
//!   for i in 1 ... 30                                   w is fixed
//!       m_1 ... m_M ~ pi(theta), R_j the accuracy of m_j on a batch of V, b <- 0.99 b + 0.01 mean R
//!       theta <- Adam step along sum over j of (R_j - b) grad log pi(m_j) + 0.0001 grad entropy
//! derive: of 10 draws from pi(theta), the one with the best reward on a batch of V
//! ```
//!
//! T and V are the halves of the training samples. The reward of a regression is 1 / (1 + loss). M is 5. Where
//! we differ: the controller is the one of `strategy/controller.rs`, an LSTM of 100 units, without the
//! paper's temperature and tanh on the logits. Its learning rate is the paper's 0.00035 for 9,300 steps, and
//! larger where there are fewer, up to 0.01. The reward of a network for the next token is the inverse of its
//! perplexity.

use super::halves::Halves;
use super::reward::{best_of, reward};
use super::{How, Method, MethodInfo, Search, Signals};
use crate::data::Split;
use crate::error::{Error, ErrorKind, Result};
use crate::evaluate::{Kept, Train, Training, Watch, clip, loss, set};
use crate::kernel;
use crate::model::{Model, Steps};
use crate::op::{Pass, Store};
use crate::rng::Rng;
use crate::space::{Architecture, Space};
use crate::strategy::controller::{Controller, Shape};
use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A recurrent controller that draws paths through shared weights, and learns from how good they are there.
///
/// ```
/// use nascent::prelude::*;
/// let data = Dataset::digits().take(300);
/// let op = one_of([conv(same(), 3), conv(same(), 1), skip()]);
/// let space = Space::on(&data).then(conv(8, 3)).then(&op).then(global_avg_pool());
/// let search = Study::one_shot(&space, &Train::on(&data).epochs(2), Enas::new()).quiet().run()?;
/// assert!(space.contains(&search.derived()?));
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias = "ENAS")]
pub struct Enas {}

impl Enas {
    /// With the constants above.
    pub fn new() -> Enas {
        Enas {}
    }
}

/// Its row in the table of one-shot methods.
pub(super) const ROW: MethodInfo = MethodInfo {
    name: "enas",
    about: "a recurrent controller draws single paths, rewarded on shared weights",
    paper: "Pham et al. 2018, arXiv 1802.03268",
    make: || Enas::new().into(),
};

impl From<Enas> for Method {
    fn from(_: Enas) -> Method {
        Method {
            name: "ENAS".into(),
            problems: vec![],
            how: How::Controller,
            begin: Arc::new(|space, train, seed| Ok(Box::new(Sampled::begin(space, train, seed)?))),
        }
    }
}

/// Steps of the controller in an epoch, and the draws of each.
const STEPS: usize = 30;
const DRAWS: usize = 5;
/// Of how many draws the best is derived.
const CANDIDATES: usize = 10;
/// The paper's steps of the controller: 310 epochs.
const PAPER_STEPS: f64 = 310.0 * 30.0;
/// How often an architecture is drawn again where its layers do not fit together.
const TRIES: usize = 20;
/// How many batches the statistics of a derived network are measured on.
const RECALIBRATION: usize = 20;

/// A search in progress.
struct Sampled {
    space: Space,
    train: Train,
    seed: u64,
    controller: Controller,
    store: Store,
    steps: Steps,
    samples: Halves,
    state: State,
    /// The memory that the largest network so far needs.
    largest: AtomicUsize,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct State {
    epoch: usize,
    baseline: Option<f64>,
    /// Steps of the controller.
    taken: usize,
    reward: f64,
}

impl Sampled {
    fn begin(space: &Space, train: &Train, seed: u64) -> Result<Sampled> {
        kernel::prepare();
        let rng = Rng::from_u64(seed);
        let epochs = train.settings.epochs.max(1) as f64;
        let rate = (0.00035 * PAPER_STEPS / (epochs * STEPS as f64)).clamp(0.00035, 0.01);
        let shape = Shape { layers: 1, units: 100, init: 0.1 };
        let controller = Controller::new(space, shape, rate, rng.stream("controller", 0).bits())?;
        if !controller.decides() {
            return Err(Error::invalid(
                "a space with a single architecture",
                "a controller needs something to decide",
                "one_of([conv(same(), 3), conv(same(), 5), skip()]) in place of a layer",
            ));
        }
        let samples = Halves::of(train, &rng)?;
        Ok(Sampled {
            space: space.clone(),
            train: train.clone(),
            seed,
            controller,
            store: Store::new(true),
            steps: Steps::new(train.settings.optimizer),
            samples,
            state: State::default(),
            largest: AtomicUsize::new(0),
        })
    }

    /// The network of an architecture on these weights, if there is memory for it.
    fn model(&self, arch: &Architecture, store: &Store) -> Result<Model> {
        let need = arch.memory(self.train.settings.batch);
        if need > self.largest.load(Ordering::Relaxed) {
            crate::room::fits(need, || arch.largest_layer())?;
            self.largest.store(need, Ordering::Relaxed);
        }
        let init = Rng::from_u64(self.seed).stream("init", 0).bits();
        Model::sharing(arch, &self.train.device, init, store)
    }

    fn draw(&self, rng: &mut Rng) -> Result<Architecture> {
        for _ in 0..TRIES {
            let drawn = self.space.decode(self.controller.draw(rng, &mut |_, _| {})?)?;
            if drawn.check().is_ok() {
                return Ok(drawn);
            }
        }
        // Where next to nothing fits, one that does, by chance.
        self.space.sample(rng)
    }

    /// How good an architecture is on a batch, on the shared weights and with the batch's own statistics.
    fn reward(&self, arch: &Architecture, batch: &(Tensor, Tensor)) -> Result<f64> {
        let mut pass = Pass::new(true, Some(Rng::from_u64(self.seed)));
        // A look at weights changes none of them.
        let out = self.model(arch, &self.store.fork())?.run(&batch.0, &mut pass)?;
        reward(&self.train.data.task(), &out, &batch.1)
    }

    /// A batch of the held-out half.
    fn held_out(&self, rng: &mut Rng) -> Result<(Tensor, Tensor)> {
        let mut order = self.samples.parts[1].clone();
        rng.shuffle(&mut order);
        self.samples.gather(&order[..(self.train.settings.batch as usize).min(order.len())])
    }
}

impl Search for Sampled {
    fn epoch(&self) -> usize {
        self.state.epoch
    }

    fn advance(&mut self, watch: &Watch) -> Result<()> {
        let (epoch, size) = (self.state.epoch, self.train.settings.batch as usize);
        let rng = Rng::from_u64(self.seed);
        let mut order = self.samples.parts[0].clone();
        rng.stream("shuffle", epoch).shuffle(&mut order);
        let per_epoch = order.len() / size;
        let full = self.train.settings.epochs.max(1) as usize * per_epoch;
        for (i, batch) in order.chunks_exact(size).enumerate() {
            watch.check()?;
            kernel::step_begins();
            let step = epoch * per_epoch + i;
            let mut random = rng.stream("path", step);
            let model = self.model(&self.draw(&mut random)?, &self.store)?;
            self.steps.take_on(&model.trained())?;
            let (mut x, y) = self.samples.gather(batch)?;
            if !self.train.settings.augment.is_none() {
                x = self.train.settings.augment.apply(&x, &mut rng.stream("augment", step))?;
            }
            let out = model.forward_train(&x, &mut random)?;
            let loss = loss(&self.train.data.task(), &out, &y, self.train.settings.smoothing)?;
            let mut grads = loss.backward()?;
            if !loss.to_scalar::<f32>()?.is_finite() {
                return Err(Error::new(
                    ErrorKind::Backend,
                    format!(
                        "the loss is no number in epoch {}: the search has diverged. Try a smaller \
                         learning rate, or clip_gradient(5.0).",
                        epoch + 1
                    ),
                ));
            }
            if let Some(most) = self.train.settings.clip {
                clip(&mut grads, &model.vars(), most)?;
            }
            model.spread(&mut grads)?;
            let scale = self.train.settings.schedule.scale(step, per_epoch, full);
            self.steps.step(&grads, scale)?;
        }
        let mut mean = 0.0;
        for i in 0..STEPS {
            watch.check()?;
            let mut random = rng.stream("controller", epoch * STEPS + i + 1);
            let batch = self.held_out(&mut random)?;
            let archs = (0..DRAWS).map(|_| self.draw(&mut random)).collect::<Result<Vec<_>>>()?;
            let rewards = archs.iter().map(|arch| self.reward(arch, &batch));
            let rewards = rewards.collect::<Result<Vec<f64>>>()?;
            let average = rewards.iter().sum::<f64>() / DRAWS as f64;
            let baseline = self.state.baseline.map_or(average, |b| 0.99 * b + 0.01 * average);
            self.state.baseline = Some(baseline);
            mean += average / STEPS as f64;
            let decided: Vec<&[u32]> = archs.iter().map(Architecture::decided).collect();
            let n = DRAWS as f64;
            let weights: Vec<f32> = rewards
                .iter()
                .flat_map(|r| [(-(r - baseline) / n) as f32, (-1e-4 / n) as f32])
                .collect();
            let weights = Tensor::from_vec(weights, (DRAWS, 2), &Device::Cpu)?;
            let loss = (self.controller.score(&decided)? * weights)?.sum_all()?;
            self.controller.descend(&loss)?;
            self.state.taken += 1;
        }
        self.state.reward = mean;
        self.state.epoch += 1;
        Ok(())
    }

    fn stopped(&self) -> Option<String> {
        None
    }

    fn derive(&mut self) -> Result<Vec<u32>> {
        let mut rng = Rng::from_u64(self.seed).stream("derive", self.state.epoch);
        let batch = self.held_out(&mut rng)?;
        let drawn = (0..CANDIDATES).map(|_| self.draw(&mut rng)).collect::<Result<Vec<_>>>()?;
        best_of(drawn, |arch| self.reward(arch, &batch))
    }

    fn score(&mut self, decisions: &[u32], watch: &Watch) -> Result<Vec<(String, f64)>> {
        let arch = self.space.decode(decisions.iter().copied())?;
        let model = self.model(&arch, &self.store.fork())?;
        let mut run = Training::of(&self.train, &model, self.seed, Split::Train)?;
        run.watch(watch);
        run.recalibrate(RECALIBRATION)?;
        run.measure(Split::Validation)
    }

    fn signals(&mut self, _: &Watch) -> Result<Signals> {
        let mut rng = Rng::from_u64(self.seed).stream("odds", self.state.epoch);
        let weights = self.controller.odds(50, &mut rng)?;
        Ok(Signals { figures: vec![("reward".to_string(), self.state.reward)], weights })
    }

    fn keep(&self) -> Result<Kept> {
        let state = serde_json::to_value(&self.state)?;
        let mut kept = Kept::of(state, &self.store, &self.steps);
        let controller = self.controller.named().into_iter();
        kept.tensors.extend(controller.map(|(name, var)| (name, var.as_detached_tensor())));
        Ok(kept)
    }

    fn restore(&mut self, mut kept: Kept) -> Result<()> {
        let state: State = serde_json::from_value(std::mem::take(&mut kept.state))?;
        let controller = kept.split_off("controller.");
        for (name, var) in self.controller.named() {
            set(&controller, &name, &var)?;
        }
        self.controller.resume(state.taken);
        kept.give(&self.store, &mut self.steps, &self.train.device)?;
        self.state = state;
        Ok(())
    }
}
