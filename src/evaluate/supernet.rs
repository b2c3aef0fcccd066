//! Weight sharing: one set of weights for all architectures of a space, trained once, on single paths.
//!
//! An architecture is a path through a network that holds them all, and paths that go through the same
//! operation, at the same place and on inputs of the same shape, have its weights in common:
//!
//! ```text
//! SPOS (Guo et al., arXiv 1904.00420)           FairNAS (Chu et al., arXiv 1907.01845)
//! for each batch (x, y):                        for each batch (x, y):
//!     a ~ U(A), uniform over the space              for each choice: shuffle its m operations
//!     W <- W - lr grad L(N(a, W); x, y)             a_1, ..., a_m: a_k takes the k-th of each choice
//!                                                   W <- W - lr sum_k grad L(N(a_k, W); x, y)
//! ```
//!
//! Of widths and kernels to choose, the smaller take slices of the weights of the largest (`op/slices.rs`).
//!
//! An architecture is then scored without any training, on the weights that it inherits. Their batch
//! statistics belong to all paths and to none, so those of the path are measured anew on some batches
//! before it is validated (SPOS, section 3.4).
//!
//! It is cheap, and it is not the truth: weights that serve all are best for none, and how well they rank
//! differs from space to space. Compare with networks that were trained alone before you believe it.

use super::lesson::Lesson;
use super::paths::Fair;
use super::supernet_memory::Needs;
use super::telling::Telling;
use super::{
    AnyEvaluator, Budget, Evaluation, Evaluator, IntoEvaluator, Kept, Train, Training, Watch,
};
use crate::chart::{Agreement, Chart, Measured};
use crate::count::Count;
use crate::data::Split;
use crate::draw::Draw;
use crate::error::{Error, Result};
use crate::interrupt;
use crate::live::Stage;
use crate::model::Model;
use crate::op::{Pass, Store};
use crate::rng::Rng;
use crate::space::{Architecture, Space};
use crate::words::{human_seconds, plural, thousands};
use candle_core::Tensor;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// A network that holds all architectures of a space, on shared weights.
///
/// ```
/// use nascent::prelude::*;
/// let data = Dataset::digits().take(300);
/// let op = one_of([conv(same(), 3), conv(same(), 1), skip()]);
/// let space = Space::on(&data).then(conv(8, 3)).then(&op).then(&op).then(global_avg_pool());
///
/// let supernet = Supernet::on(&space, &Train::on(&data).epochs(2)).quiet().train(1)?;
/// let study = Study::new(&space, &supernet).strategy(Evolution::regularized()).trials(9).quiet().run()?;
///
/// let best = study.best()?.architecture();
/// let model: Model = supernet.extract(&best)?;            // a network of its own, with what it inherits
/// let alone = Train::on(&data).retrain(&best, 2, 1)?;     // and what it comes to when trained alone
/// # let _ = (model, alone);
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias("OneShot", "SuperNetwork", "WeightSharing", "SPOS", "FairNAS"))]
pub struct Supernet {
    pub(super) space: Space,
    pub(super) train: Train,
    pub(super) fair: bool,
    pub(super) batches: i64,
    pub(super) slices: bool,
    quiet: bool,
    trained: Option<Arc<Trained>>,
}

/// What a training has made.
pub(super) struct Trained {
    pub(super) store: Store,
    pub(super) log: Log,
}

/// What is said of a training.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Log {
    pub(super) seed: u64,
    losses: Vec<f64>,
    /// How many weights there are after the training.
    numbers: usize,
    /// How often a path was trained on a batch.
    paths: usize,
    seconds: f64,
}

/// A training in progress.
pub(crate) struct Going {
    of: Supernet,
    fair: Option<Fair>,
    store: Store,
    /// The seed of the initial weights.
    init: u64,
    seed: u64,
    run: Training,
    /// How often a path was trained on a batch.
    paths: usize,
    /// The memory of the largest path so far, where that of the whole is not known.
    largest: Option<usize>,
}

impl Going {
    /// One epoch.
    pub(crate) fn epoch(&mut self, watch: &Watch) -> Result<()> {
        let rng = Rng::from_u64(self.seed);
        let Going { of, fair, store, init, paths, run, largest, .. } = self;
        let Supernet { space, train, .. } = of;
        run.watch(watch);
        run.one_epoch(|run, batch| {
            let mut rng = rng.stream("paths", run.taken());
            let archs = match fair {
                Some(fair) => fair.draw(space, &mut rng)?,
                None => vec![space.sample(&mut rng)?],
            };
            *paths += archs.len();
            if let Some(most) = largest {
                for arch in &archs {
                    let memory = arch.memory(train.settings.batch);
                    if memory > *most {
                        crate::room::fits(memory, || arch.largest_layer())?;
                        *most = memory;
                    }
                }
            }
            let model = |arch: &Architecture| Model::sharing(arch, &train.device, *init, store);
            let models = archs.iter().map(model).collect::<Result<Vec<_>>>()?;
            run.shared_step(batch, &models)
        })
    }

    /// The epochs that are over.
    pub(crate) fn epochs(&self) -> usize {
        self.run.epoch()
    }

    /// The training loss of the last epoch.
    pub(crate) fn loss(&self) -> f64 {
        last(&self.run.losses())
    }

    /// The supernet with the weights that it has now; those of its next epochs will be its own too.
    pub(crate) fn as_it_is(&self, seconds: f64) -> Supernet {
        let (seed, losses, paths) = (self.seed, self.run.losses(), self.paths);
        let log = Log { seed, losses, numbers: self.store.numbers(), paths, seconds };
        self.of.with(Trained { store: self.store.clone(), log })
    }

    /// What an architecture makes of these inputs, on the shared weights and the statistics of this batch.
    pub(crate) fn glance(&self, arch: &Architecture, x: &Tensor) -> Result<Tensor> {
        let store = self.store.fork();
        let model = Model::sharing(arch, &self.of.train.device, self.init, &store)?;
        Ok(model.run(x, &mut Pass::new(true, Some(Rng::from_u64(self.seed))))?)
    }

    pub(crate) fn keep(&self) -> Result<Kept> {
        let state = serde_json::to_value((self.paths, self.run.log()))?;
        Ok(Kept::of(state, &self.store, self.run.steps()))
    }

    pub(crate) fn restore(&mut self, mut kept: Kept) -> Result<()> {
        let (paths, log) = serde_json::from_value(std::mem::take(&mut kept.state))?;
        self.paths = paths;
        self.run.go_on(log, kept, &self.store)
    }
}

impl Supernet {
    /// Of a space, with the data, the epochs, the batches and the optimiser of a training. Paths are
    /// drawn uniformly.
    pub fn on(space: &Space, train: &Train) -> Supernet {
        Supernet {
            space: space.clone(),
            train: train.clone(),
            fair: false,
            batches: 20,
            slices: true,
            quiet: false,
            trained: None,
        }
    }

    /// Trains with strict fairness: in every step each operation of every choice once, by as many paths as
    /// there are operations. A step costs as much as all these paths. For spaces in which every
    /// architecture has the same choices.
    pub fn fair(&self) -> Supernet {
        Supernet { fair: true, trained: None, ..self.clone() }
    }

    /// How many batches of training samples the statistics of a path are measured on before it is
    /// validated; 20 by default.
    pub fn recalibrate(&self, batches: impl Count) -> Supernet {
        Supernet { batches: batches.to_i64(), ..self.clone() }
    }

    /// Gives every width and every kernel weights of its own at its place. By default a layer of 8 filters has
    /// the first 8 of the layer of 32 that could stand there, and a kernel of 3 the middle of one of 5, where
    /// that is sound: not behind a concatenation, in recurrent layers and attention, or between groups.
    pub fn separate_sizes(&self) -> Supernet {
        Supernet { slices: false, trained: None, ..self.clone() }
    }

    /// Trains without lines of progress.
    pub fn quiet(&self) -> Supernet {
        Supernet { quiet: true, ..self.clone() }
    }

    /// Trains the shared weights; they follow from the seed. At most ten lines on standard output say how
    /// far it is, with the loss and the time left; see [`Supernet::quiet`].
    ///
    /// # Errors
    /// When settings have problems, the data are not those of the space, the memory does not suffice
    /// (see [`Supernet::memory`]), or the training diverges.
    pub fn train(&self, seed: impl Count) -> Result<Supernet> {
        let begun = std::time::Instant::now();
        let mut going = self.begin(seed.to_seed())?;
        let epochs = self.train.full();
        let lesson = Lesson::new("Shared weights", &self.train.to_string(), epochs);
        let stage = lesson.open(!self.quiet);
        let drawn = stage.is_some() || crate::live::hush();
        let mut telling = Telling::new(self.quiet || drawn, epochs);
        let mut train = || {
            for epoch in 1..=epochs {
                going.epoch(&Watch::current())?;
                lesson.epoch(going.loss());
                telling.epoch(epoch, going.loss(), begun.elapsed().as_secs_f64());
            }
            Ok(())
        };
        if let Err(e) = interrupt::in_front(|| "the training of shared weights".into(), &mut train)
        {
            stage.into_iter().for_each(Stage::clear);
            return Err(lesson.broken(e));
        }
        let seconds = begun.elapsed().as_secs_f64();
        telling.finish(going.loss(), seconds);
        let trained = going.as_it_is(seconds);
        if let Some(stage) = stage {
            stage.finish(Draw::both(&trained));
        }
        Ok(trained)
    }

    /// The training before its first epoch.
    pub(crate) fn begin(&self, seed: u64) -> Result<Going> {
        match &self.faults()[..] {
            [] => {}
            faults => return Err(Error::all("the supernet", faults)),
        }
        let (rng, store) = (Rng::from_u64(seed), Store::new(self.slices));
        let fair = self.fair.then(|| Fair::of(&self.space)).transpose()?;
        let first = self.space.sample(&mut rng.stream("first", 0))?;
        let batch = self.train.settings.batch;
        let largest = match Needs::of(&self.space, &self.train, self.fair, self.slices) {
            Some(Needs { all, shared }) => {
                crate::room::fits_shared(all, shared)?;
                None
            }
            None => {
                crate::room::fits(first.memory(batch), || first.largest_layer())?;
                Some(first.memory(batch))
            }
        };
        let init = rng.stream("init", 0).bits();
        let model = Model::sharing(&first, &self.train.device, init, &store)?;
        let run = Training::of(&self.train, &model, seed, Split::Train)?;
        Ok(Going { of: self.clone(), fair, store, init, seed, run, paths: 0, largest })
    }

    pub(super) fn with(&self, trained: Trained) -> Supernet {
        Supernet { trained: Some(Arc::new(trained)), ..self.clone() }
    }

    /// What keeps it from being trained.
    fn faults(&self) -> Vec<String> {
        let mut found = self.train.problems();
        found.extend(self.train.problems_with(&self.space));
        found.extend(self.space.check().err().map(|e| e.to_string()));
        found.extend(self.own_faults());
        let settings = &self.train.settings;
        if settings.patience.is_some() || settings.keep_best {
            found.push(
                "early_stop(...) and keep_best_epoch() ask for a validation after every epoch, and a supernet \
                 has a score for every architecture and none of its own. Leave them out."
                    .to_string(),
            );
        }
        found
    }

    /// What is wrong with it where space and training are right.
    pub(crate) fn own_faults(&self) -> Vec<String> {
        let mut found = vec![];
        if self.space.size() == Some(1) {
            found.push(
                "the space has a single architecture, and nothing to share. Try \
                 one_of([conv(same(), 3), conv(same(), 5), skip()]) in place of a layer, or train it \
                 alone: Train::on(&data)."
                    .to_string(),
            );
        }
        found.extend(self.batch_fault());
        if self.fair {
            found.extend(Fair::of(&self.space).err().map(|e| e.to_string()));
        }
        found
    }

    pub(super) fn trained(&self) -> Result<&Trained> {
        self.trained.as_deref().ok_or_else(|| {
            Error::invalid(
                "a supernet that has not been trained",
                "its weights are random, and would rank nothing",
                "let supernet = supernet.train(1)?; first",
            )
        })
    }

    /// The bytes that the training needs at most: all weights that a path may have, as far as the steps of
    /// the training can touch them, their running statistics, the state of the optimiser, the gradients,
    /// and what the largest path keeps for its backward pass. Nothing is allocated to find out. What the
    /// allocator and the data set hold comes on top; and scoring takes a copy of the weights of the
    /// path. It is an upper bound: in spaces with shared blocks or wired cells it counts some weights that
    /// no path has.
    /// [`Supernet::train`] refuses what does not fit into the memory that is free.
    ///
    /// `None` where the space has too many shapes to tell, or none that fit.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let data = Dataset::digits();
    /// let op = one_of([conv(same(), 3), conv(same(), 1), skip()]);
    /// let space = Space::on(&data).then(conv(8, 3)).then(repeat(4, op)).then(global_avg_pool());
    /// let supernet = Supernet::on(&space, &Train::on(&data));
    /// let one = space.default_architecture()?.memory(64);
    /// assert!(supernet.memory().is_some_and(|bytes| one < bytes && bytes < 2 * one));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn memory(&self) -> Option<usize> {
        Needs::of(&self.space, &self.train, self.fair, self.slices).map(|needs| needs.all)
    }

    /// The training loss of every epoch, as a mean over the paths that were drawn; empty before the
    /// training.
    pub fn losses(&self) -> Vec<f64> {
        self.trained.as_ref().map_or(vec![], |trained| trained.log.losses.clone())
    }

    /// A network of its own, with a copy of the weights that the architecture has in the supernet, and with batch
    /// statistics that are measured anew, as for [`Supernet::evaluate`]: it does what was scored.
    ///
    /// # Errors
    /// When the supernet has not been trained, or the architecture is of another space.
    pub fn extract(&self, arch: &Architecture) -> Result<Model> {
        let model = self.copy(arch)?;
        self.recalibrated(&model, &Watch::current())?;
        Ok(model)
    }

    /// Measures the statistics of a network anew; on how many samples.
    fn recalibrated(&self, model: &Model, watch: &Watch) -> Result<(Training, usize)> {
        if self.batches < 1 {
            return Err(Error::all(
                "the supernet",
                &self.batch_fault().into_iter().collect::<Vec<_>>(),
            ));
        }
        crate::kernel::prepare();
        let mut run = Training::of(&self.train, model, self.trained()?.log.seed, Split::Train)?;
        run.watch(watch);
        let samples = run.recalibrate(self.batches as usize)?;
        Ok((run, samples))
    }

    fn batch_fault(&self) -> Option<String> {
        (self.batches < 1).then(|| {
            format!(
                "recalibrate({}): at least 1 batch is needed, for the statistics of all paths are \
                 those of none. Try 20.",
                self.batches
            )
        })
    }

    /// With the weights and statistics of the supernet.
    fn copy(&self, arch: &Architecture) -> Result<Model> {
        let trained = self.trained()?;
        self.has(arch)?;
        let (device, seed) = (&self.train.device, trained.log.seed);
        let init = Rng::from_u64(seed).stream("init", 0).bits();
        let shared = Model::sharing(arch, device, init, &trained.store.fork())?.named_vars();
        let own = Model::new(arch, device, 0)?.for_data(&self.train.data)?;
        let names = own.named_vars().into_iter().map(|(name, _)| name);
        let values = shared.iter().map(|(_, var)| Ok(var.as_detached_tensor().copy()?));
        own.set(names.zip(values.collect::<Result<Vec<_>>>()?).collect::<HashMap<_, _>>())?;
        Ok(own)
    }

    /// Scores an architecture on the weights that it inherits, on the validation split.
    ///
    /// # Errors
    /// As [`Supernet::extract`].
    pub fn evaluate(&self, arch: &Architecture) -> Result<Evaluation> {
        Evaluator::evaluate(self, arch, &Budget::open(0))
    }

    /// How well the shared weights rank: a chart of some networks, each with the score that it has on the
    /// weights that it inherits and the one that is known of it, such as its test accuracy after a training
    /// of its own. Better has to be the same in both, higher or lower. It says Kendall's tau, and how much
    /// is lost by trusting the shared weights. The networks are scored on all cores.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let table = Mnist1dBench::table();                       // 2,250 networks that were trained alone
    /// let (space, data) = (table.space(), Dataset::mnist1d().take(400));
    /// let supernet = Supernet::on(&space, &Train::on(&data).epochs(1)).quiet().train(1)?;
    /// let mut known = vec![];
    /// for arch in space.enumerate().step_by(500) {
    ///     let accuracy = table.figure(&arch, "test")?.unwrap_or(f64::NAN);
    ///     known.push((arch, accuracy));
    /// }
    /// let chart: Chart = supernet.agreement(known)?;
    /// assert!(chart.plain().contains("5 networks"));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When there are fewer than two networks, and as [`Supernet::extract`].
    pub fn agreement(&self, known: impl IntoIterator<Item = (Architecture, f64)>) -> Result<Chart> {
        self.trained()?;
        let known: Vec<(Architecture, f64)> = known.into_iter().collect();
        if known.len() < 2 {
            return Err(Error::invalid(
                format!("the agreement of {}", plural(known.len(), "network")),
                "an order needs at least two, and says little below twenty",
                "more networks of which the truth is known",
            ));
        }
        known.iter().try_for_each(|(arch, _)| self.has(arch))?;
        let (budget, watch) = (Budget::open(0), Watch::current());
        let score = |i: usize| {
            interrupt::check()?;
            self.evaluate_watched(&known[i].0, &budget, &watch)
        };
        let scores = || {
            let scores = crate::threads::map(known.len(), 1, score);
            scores.into_iter().collect::<Result<Vec<Evaluation>>>()
        };
        let what = || format!("the scores of {} on shared weights", plural(known.len(), "network"));
        let scores = interrupt::stoppable(what, scores)?;
        let measured = |((arch, truth), found): ((Architecture, f64), Evaluation)| Measured {
            name: arch.to_string(),
            cheap: found.score(),
            truth,
        };
        let metric = self.metric();
        Ok(Chart::new(Agreement {
            cheap: format!("{} on shared weights", metric.name),
            truth: format!("{} of training alone", metric.name),
            maximise: metric.maximise,
            networks: known.into_iter().zip(scores).map(measured).collect(),
        }))
    }

    /// Refuses an architecture of another space.
    fn has(&self, arch: &Architecture) -> Result<()> {
        match self.space.contains(arch) {
            true => Ok(()),
            false => Err(Error::invalid(
                format!("the architecture {arch}"),
                "it is not one of the space that the supernet was made of",
                "space.sample(&mut rng), or space.decode(arch.decisions())",
            )),
        }
    }
}

/// The last of the losses.
fn last(losses: &[f64]) -> f64 {
    losses.last().copied().unwrap_or(f64::NAN)
}

impl Evaluator for Supernet {
    fn evaluate(&self, arch: &Architecture, budget: &Budget) -> Result<Evaluation> {
        self.evaluate_watched(arch, budget, &Watch::current())
    }

    fn evaluate_watched(
        &self,
        arch: &Architecture,
        _: &Budget,
        watch: &Watch,
    ) -> Result<Evaluation> {
        let (run, samples) = self.recalibrated(&self.copy(arch)?, watch)?;
        let metrics = run.measure(Split::Validation)?;
        let epochs = samples as f64 / self.train.data.count(Split::Train).max(1) as f64;
        let found = Evaluation::new(metrics[0].1).with_epochs(epochs);
        let found = metrics.iter().fold(found, |e, (name, value)| e.with(name, *value));
        let undefined = run.undefined(Split::Validation);
        Ok(undefined.iter().fold(found, |e, (name, why)| e.without(name, why)))
    }

    fn wraps(&self) -> Option<&dyn Evaluator> {
        Some(&self.train)
    }

    fn alone(&self) -> Option<AnyEvaluator> {
        Some(self.train.clone().into_evaluator())
    }

    fn figures(&self) -> Option<Vec<String>> {
        self.train.figures()
    }

    fn full(&self) -> usize {
        1
    }

    fn forecast(&self, _: &Architecture) -> Option<f64> {
        None
    }

    fn to_json(&self) -> Option<String> {
        None
    }

    /// What the weights follow from, and nothing else: a journal goes on with another supernet that was
    /// trained in the same way.
    fn describe(&self) -> String {
        let paths = if self.fair { "fair paths" } else { "uniform paths" };
        let seed = match &self.trained {
            Some(trained) => format!("from seed {}", trained.log.seed),
            None => "not trained yet".to_string(),
        };
        let size = self.space.size_text();
        let (batches, train) = (self.batches, &self.train);
        let sizes = if self.slices { "" } else { ", sizes apart" };
        format!(
            "supernet of {size} architectures on {paths}{sizes}, {seed}, recalibrated on {batches}: {train}"
        )
    }

    fn problems(&self) -> Vec<String> {
        let mut found = self.faults();
        found.extend(self.trained().err().map(|e| e.to_string()));
        found
    }

    fn problems_with(&self, space: &Space) -> Vec<String> {
        match *space == self.space {
            true => vec![],
            false => vec![
                "the supernet is of another space. Build it with Supernet::on(&space, &train) with the \
                 space of the study."
                    .to_string(),
            ],
        }
    }
}

impl fmt::Display for Supernet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Evaluator::describe(self))?;
        let Some(trained) = &self.trained else { return Ok(()) };
        let Log { numbers, paths, seconds, .. } = trained.log;
        let (numbers, paths) = (thousands(numbers as u128), thousands(paths as u128));
        let seconds = human_seconds(seconds);
        write!(f, "; {numbers} shared weights, {paths} steps of a path in {seconds}")
    }
}

crate::draw::debug_as_display!(Supernet);
