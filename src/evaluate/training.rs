//! One training: forward, loss, backward, step, and a validation after every epoch.
//!
//! Everything random comes from streams named by the seed, the purpose and the epoch or step, so
//! the training can be cut at any epoch and continued bit for bit from a [`Checkpoint`].

use super::heritage::Weights;
use super::number::Number;
use super::shelf_files::PAUSED;
use super::shelved::Shelved;
use super::{Evaluation, Kept, Train, Watch};
use crate::count::Count;
use crate::data::Split;
use crate::error::{Error, ErrorKind, Result};
use crate::interrupt;
use crate::kernel;
use crate::model::{Model, Steps};
use crate::op::{Pass, Store};
use crate::rng::Rng;
use crate::space::Architecture;
use crate::task::{Figure, Metric, Task};
use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, Var};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// A training in progress.
///
/// ```
/// use nascent::prelude::*;
/// let data = Dataset::digits().take(200);
/// let space = Space::on(&data).then(linear(16));
/// let arch = space.default_architecture()?;
/// let train = Train::on(&data).epochs(4);
/// let mut run = train.start(&arch, 1)?;
/// run.advance(2)?;
/// let kept = run.checkpoint()?;
/// let mut again = train.resume(&arch, &kept)?;
/// again.advance(2)?;
/// assert_eq!(again.epoch(), 4);
/// # Ok::<(), nascent::Error>(())
/// ```
pub struct Training {
    train: Train,
    split: Split,
    model: Model,
    steps: Steps,
    x: Tensor,
    y: Tensor,
    log: Log,
    /// Weights and statistics of the best epoch so far, if they are to be kept.
    best: Option<HashMap<String, Tensor>>,
    watch: Watch,
    threads: kernel::Threads,
    /// Until the first step has been measured.
    gauge: Option<kernel::Gauge>,
    memory: Option<usize>,
}

/// What has happened in a training so far.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Log {
    seed: u64,
    /// The full budget, which the schedule spans.
    full: usize,
    epoch: usize,
    losses: Vec<f64>,
    /// Validation metrics after each epoch, the score first.
    metrics: Vec<Vec<(String, Number)>>,
    stopped: bool,
}

impl Log {
    /// The score after each epoch.
    fn scores(&self) -> impl Iterator<Item = f64> {
        self.metrics.iter().map(|metrics| metrics[0].1.0)
    }
}

impl Training {
    pub(super) fn begin(
        train: &Train,
        arch: &Architecture,
        seed: u64,
        split: Split,
    ) -> Result<Training> {
        kernel::prepare();
        train.check()?;
        let wanted = arch.space();
        if wanted.input() != train.data.shape() || wanted.task() != train.data.task() {
            return Err(Error::invalid(
                format!("a space for {}, inputs of {}", wanted.task(), wanted.input()),
                format!("the data are {}", train.data.line()),
                "Space::on(&data) with the data that you train on",
            ));
        }
        crate::room::fits(arch.memory(train.settings.batch), || arch.largest_layer())?;
        let gauge = train.device.is_cpu().then(kernel::Gauge::new);
        let init = Rng::from_u64(seed).stream("init", 0).bits();
        let model = Model::new(arch, &train.device, init)?;
        let mut run = Training { gauge, ..Training::of(train, &model, seed, split)? };
        run.steps.take_on(model.weights())?;
        Ok(run)
    }

    /// Of a network that is there already, of which no weight is trained yet.
    pub(crate) fn of(train: &Train, model: &Model, seed: u64, split: Split) -> Result<Training> {
        let model = model.for_data(&train.data)?;
        let steps = Steps::new(train.settings.optimizer);
        let (x, y) = train.data.on(&train.device)?;
        let log = Log { seed, full: train.settings.epochs.max(0) as usize, ..Log::default() };
        Ok(Training {
            train: train.clone(),
            split,
            model,
            steps,
            x,
            y,
            log,
            best: None,
            watch: Watch::current(),
            threads: kernel::Threads::new(train.threads.max(1) as usize)?,
            gauge: None,
            memory: None,
        })
    }

    pub(super) fn resume(
        train: &Train,
        arch: &Architecture,
        checkpoint: &Checkpoint,
    ) -> Result<Training> {
        let Header { of: theirs, steps, log, .. } = &checkpoint.header;
        let mut run = Training::begin(train, arch, log.seed, Split::Train)?;
        let ours = belongs(train, arch);
        if let Some((now, then)) = ours.iter().zip(theirs).find(|(a, b)| a != b) {
            return Err(Error::invalid(
                format!("a checkpoint of \"{then}\""),
                format!("this is \"{now}\""),
                "the architecture, data and settings that it was made with",
            ));
        }
        let mut tensors = checkpoint.tensors.clone();
        for (name, slot) in run.steps.slots() {
            let kept =
                tensors.remove(&name).filter(|t| t.dims() == slot.dims()).ok_or_else(|| {
                    Error::new(
                        ErrorKind::File,
                        format!("the checkpoint has no matching {name}: it is of another training"),
                    )
                })?;
            slot.set(&kept.to_device(&train.device)?)?;
        }
        let (best, tensors): (HashMap<_, _>, HashMap<_, _>) =
            tensors.into_iter().partition(|(name, _)| name.starts_with("best."));
        let bare = |(name, tensor): (String, Tensor)| (name["best.".len()..].to_string(), tensor);
        let best: HashMap<String, Tensor> = best.into_iter().map(bare).collect();
        run.best = (!best.is_empty()).then_some(best);
        run.model.set(tensors)?;
        run.steps.taken = *steps;
        run.log = log.clone();
        Ok(run)
    }

    /// Begins with the weights of another network of the space, wherever they fit.
    pub(super) fn inherit(&mut self, from: &Architecture, weights: &[Tensor]) -> Result<()> {
        let seed = Rng::from_u64(self.log.seed).stream("inherit", 0).bits();
        self.model.inherit(from, weights, seed)
    }

    /// A copy of the weights and statistics of the network, in its order.
    pub(super) fn weights(&self) -> Result<Weights> {
        let vars = self.model().named_vars();
        let copy = |(_, var): &(String, Var)| Ok(var.as_detached_tensor().copy()?);
        vars.iter().map(copy).collect::<Result<Vec<Tensor>>>().map(Arc::new)
    }

    /// Trains for this many further epochs, at most to the end of the full budget; an early stop ends
    /// it sooner.
    ///
    /// # Errors
    /// When the loss is no longer a finite number, or Candle fails.
    pub fn advance(&mut self, epochs: impl Count) -> Result<()> {
        if !self.watch.alone() {
            return self.go(epochs.to_i64());
        }
        // A training of its own, in the foreground.
        interrupt::in_front(
            || "the training".into(),
            || {
                let stop = interrupt::stop_here().unwrap_or_default();
                self.watch = self.watch.ending_with(&stop);
                self.go(epochs.to_i64())
            },
        )
    }

    fn go(&mut self, epochs: i64) -> Result<()> {
        for _ in 0..epochs {
            if self.done() {
                break;
            }
            self.one_epoch(Training::one_step)?;
            if self.split == Split::Train {
                let metrics = self.measure(Split::Validation)?;
                let metrics = metrics.into_iter().map(|(name, value)| (name, Number(value)));
                self.log.metrics.push(metrics.collect());
                self.judge();
            }
        }
        Ok(())
    }

    /// Asks the watch before every step.
    pub(crate) fn watch(&mut self, watch: &Watch) {
        self.watch = watch.clone();
    }

    /// Whether the full budget is spent, or the training has stopped early.
    pub fn done(&self) -> bool {
        self.log.stopped || self.log.epoch >= self.log.full
    }

    /// The samples in the order of the epoch that comes next.
    fn order(&self) -> Vec<u32> {
        let mut order = self.train.data.indices(self.split);
        Rng::from_u64(self.log.seed).stream("shuffle", self.log.epoch).shuffle(&mut order);
        order
    }

    /// One epoch of steps, each on a batch, of which it returns the loss.
    pub(super) fn one_epoch(
        &mut self,
        mut step: impl FnMut(&mut Training, &[u32]) -> Result<Tensor>,
    ) -> Result<()> {
        let epoch = self.log.epoch;
        let order = self.order();
        let batches = order.chunks_exact(self.train.settings.batch as usize);
        let losses: Vec<Tensor> = batches.map(|b| step(self, b)).collect::<Result<_>>()?;
        // Read at the end, so that no step waits for a GPU.
        let losses: Vec<f64> =
            losses.iter().map(|l| Ok(f64::from(l.to_scalar::<f32>()?))).collect::<Result<_>>()?;
        let mean = losses.iter().sum::<f64>() / losses.len().max(1) as f64;
        if !mean.is_finite() {
            return Err(Error::new(
                ErrorKind::Backend,
                format!(
                    "the loss is {mean} in epoch {}: the training has diverged. Try a smaller \
                     learning rate, or a warm-up.",
                    epoch + 1
                ),
            ));
        }
        self.log.losses.push(mean);
        self.log.epoch += 1;
        Ok(())
    }

    /// One step on a batch of samples; returns the loss before it.
    fn one_step(&mut self, batch: &[u32]) -> Result<Tensor> {
        self.watch.check()?;
        let model = [self.model.clone()];
        let Some(gauge) = self.gauge.take() else {
            kernel::step_begins();
            let threads = self.threads.clone();
            return threads.run(|| self.step(batch, &model));
        };
        let (loss, most) = gauge.measure(|| self.step(batch, &model));
        self.memory = most;
        if let Some(bytes) = most {
            self.watch.allocated(bytes);
        }
        loss
    }

    /// One step on weights that other networks share: the gradients of all these networks are added up
    /// before the weights change. Returns the mean of their losses.
    pub(super) fn shared_step(&mut self, batch: &[u32], models: &[Model]) -> Result<Tensor> {
        self.watch.check()?;
        for model in models {
            self.steps.take_on(&model.trained())?;
        }
        kernel::step_begins();
        let threads = self.threads.clone();
        threads.run(|| self.step(batch, models))
    }

    /// The steps that were taken so far.
    pub(super) fn taken(&self) -> usize {
        self.steps.taken
    }

    pub(super) fn steps(&self) -> &Steps {
        &self.steps
    }

    pub(super) fn log(&self) -> &Log {
        &self.log
    }

    /// Goes on with shared weights where another process has ended.
    pub(super) fn go_on(&mut self, log: Log, kept: Kept, store: &Store) -> Result<()> {
        kept.give(store, &mut self.steps, &self.train.device)?;
        self.log = log;
        Ok(())
    }

    fn step(&mut self, batch: &[u32], models: &[Model]) -> Result<Tensor> {
        let step = self.steps.taken;
        let per_epoch = self.train.steps(self.split);
        let (mut x, y) = self.gather(batch)?;
        if !self.train.settings.augment.is_none() {
            let mut rng = Rng::from_u64(self.log.seed).stream("augment", step);
            x = self.train.settings.augment.apply(&x, &mut rng)?;
        }
        let (mut sum, mut all): (Option<Tensor>, Option<GradStore>) = (None, None);
        for model in models {
            let mut dropout = Rng::from_u64(self.log.seed).stream("dropout", step);
            let out = model.forward_train(&x, &mut dropout)?;
            let loss = loss(&self.train.data.task(), &out, &y, self.train.settings.smoothing)?;
            let mut grads = loss.backward()?;
            if let Some(most) = self.train.settings.clip {
                clip(&mut grads, &model.vars(), most)?;
            }
            model.spread(&mut grads)?;
            match &mut all {
                None => all = Some(grads),
                Some(all) => add(all, &grads, &model.trained())?,
            }
            sum = Some(match sum {
                None => loss.detach(),
                Some(sum) => (sum + loss.detach())?,
            });
        }
        let scale = self.train.settings.schedule.scale(step, per_epoch, per_epoch * self.log.full);
        if let Some(grads) = &all {
            self.steps.step(grads, scale)?;
        }
        match (sum, models.len()) {
            (Some(loss), 1) => Ok(loss),
            (Some(sum), n) => Ok((sum / n as f64)?),
            (None, _) => Err(Error::from("a step without a network")),
        }
    }

    fn gather(&self, samples: &[u32]) -> Result<(Tensor, Tensor)> {
        let i = Tensor::new(samples, self.x.device())?;
        Ok((self.x.index_select(&i, 0)?, self.y.index_select(&i, 0)?))
    }

    /// Sets the running statistics to those of the current weights: the mean over some batches of
    /// training samples. Returns how many samples were used.
    pub(crate) fn recalibrate(&self, batches: usize) -> Result<usize> {
        let mut used = 0;
        let order = self.order();
        let batches = order.chunks_exact(self.train.settings.batch as usize).take(batches);
        for (i, batch) in batches.enumerate() {
            self.watch.check()?;
            let rng = Rng::from_u64(self.log.seed).stream("recalibrate", i);
            let mut pass = Pass::new(true, Some(rng));
            pass.momentum = 1.0 / (i + 1) as f64;
            self.model.run(&self.gather(batch)?.0, &mut pass)?;
            used += batch.len();
        }
        Ok(used)
    }

    /// The mean seconds of a few steps, for a forecast; this spoils the training.
    pub(crate) fn time_steps(&mut self, steps: usize) -> Result<f64> {
        let order = self.train.data.indices(self.split);
        let begun = std::time::Instant::now();
        for _ in 0..steps {
            self.one_step(&order[..self.train.settings.batch as usize])?.to_scalar::<f32>()?;
        }
        Ok(begun.elapsed().as_secs_f64() / steps as f64)
    }

    fn metric(&self) -> Metric {
        self.train.data.task().metric()
    }

    /// The best epoch so far (the first of several equal ones), counted from 0.
    fn best_epoch(&self) -> Option<usize> {
        let metric = self.metric();
        let better = |best: (usize, f64), next: (usize, f64)| {
            if metric.better(next.1, best.1) { next } else { best }
        };
        self.log.scores().enumerate().reduce(better).map(|(epoch, _)| epoch)
    }

    /// After an epoch: keeps its weights if it is the best, and stops if the last improvement is too long
    /// ago.
    fn judge(&mut self) {
        let (Some(best), last) = (self.best_epoch(), self.log.epoch - 1) else { return };
        if self.train.settings.keep_best && best == last {
            let copy = |v: &Var| v.as_detached_tensor().copy();
            let all = self.model.named_vars();
            self.best = all.iter().map(|(n, v)| Some((n.clone(), copy(v).ok()?))).collect();
        }
        if let Some(patience) = self.train.settings.patience {
            self.log.stopped |= (last - best) as i64 >= patience;
        }
    }

    /// The metrics of the current network on a split, the score first. Those that are undefined there
    /// are left out, such as the r2 of a target that has the same value in all samples.
    ///
    /// # Errors
    /// Only what Candle reports.
    pub fn measure(&self, split: Split) -> Result<Vec<(String, f64)>> {
        measured(&self.train, (&self.x, &self.y), split, |x| self.model.forward(x))
    }

    /// The epochs trained so far.
    pub fn epoch(&self) -> usize {
        self.log.epoch
    }

    /// The most bytes that were allocated at once for weights, optimiser and the first step, without the
    /// data, to be compared with [`Architecture::memory`]. `None` before the first step, if another
    /// training ran at the same time, on a GPU, and if the allocator is not glibc's. It counts for the
    /// whole process: what other threads allocate or free meanwhile is in it.
    pub fn peak_memory(&self) -> Option<usize> {
        self.memory
    }

    /// The training loss of every epoch.
    pub fn losses(&self) -> Vec<f64> {
        self.log.losses.clone()
    }

    /// The network: with the best epoch's weights where those are kept, otherwise as it is now. In the
    /// second case it shares its weights with the training, and changes as the training goes on.
    pub fn model(&self) -> Model {
        if let Some(best) = &self.best
            && let Ok(model) = Model::new(&self.model.architecture(), &self.train.device, 0)
            && model.set(best.clone()).is_ok()
        {
            return model.with_meaning(self.model.meaning().clone());
        }
        self.model.clone()
    }

    /// What the training has found so far.
    pub fn evaluation(&self) -> Evaluation {
        let epoch = match self.train.settings.keep_best {
            true => self.best_epoch(),
            false => self.log.epoch.checked_sub(1),
        };
        let metrics = epoch.and_then(|e| self.log.metrics.get(e)).cloned().unwrap_or_default();
        let score = metrics.first().map_or(f64::NAN, |m| m.1.0);
        let start = Evaluation::new(score)
            .with_curve(self.log.scores())
            .with_losses(self.losses())
            .with_epochs(self.log.epoch as f64);
        let found = metrics.iter().fold(start, |e, (name, value)| e.with(name, value.0));
        let why = if metrics.is_empty() { vec![] } else { self.undefined(Split::Validation) };
        why.iter().fold(found, |e, (name, why)| e.without(name, why))
    }

    /// The metrics that are undefined on a split, each with the reason.
    pub(super) fn undefined(&self, split: Split) -> Vec<(String, String)> {
        let reason = |figure: Figure| match figure {
            Figure::R2 => self
                .constant_target(split)
                .map(|target| format!("{target}, so there is no variance that could be explained")),
            Figure::Accuracy | Figure::Loss | Figure::Perplexity | Figure::Rmse => None,
        };
        let with_name = |&figure: &Figure| Some((figure.metric().name, reason(figure)?));
        self.train.data.task().figures().iter().filter_map(with_name).collect()
    }

    /// The first target that has the same value in all samples of a split, in words.
    fn constant_target(&self, split: Split) -> Option<String> {
        let outputs = self.train.data.task().outputs();
        let indices = self.train.data.indices(split);
        let samples = indices.len();
        let rows = Tensor::new(indices, self.y.device()).ok()?;
        let rows = self.y.index_select(&rows, 0).ok()?.flatten_all().ok()?.to_vec1::<f32>().ok()?;
        let same = |i: &usize| rows.iter().skip(*i).step_by(outputs).all(|v| *v == rows[*i]);
        let constant = (0..outputs.min(rows.len())).find(same)?;
        let which = if outputs > 1 { format!("target {constant} ") } else { "the target ".into() };
        let split = match split {
            Split::Train => "training",
            Split::Validation => "validation",
            Split::Test => "test",
            Split::TrainValidation => "training and validation",
        };
        let value = rows[constant];
        Some(format!("{which}is {value} in all {samples} samples of the {split} split"))
    }

    /// All that is needed to continue later, even in another process.
    ///
    /// # Errors
    /// Only what Candle reports.
    pub fn checkpoint(&self) -> Result<Checkpoint> {
        let mut tensors = HashMap::new();
        let cpu = |t: Tensor| Ok::<_, Error>(t.to_device(&Device::Cpu)?.copy()?);
        for (name, var) in self.model.named_vars() {
            tensors.insert(name, cpu(var.as_detached_tensor())?);
        }
        for (name, tensor) in self.steps.named() {
            tensors.insert(name, cpu(tensor)?);
        }
        for (name, tensor) in self.best.iter().flatten() {
            tensors.insert(format!("best.{name}"), cpu(tensor.clone())?);
        }
        let of = belongs(&self.train, &self.model.architecture());
        let (steps, log) = (self.steps.taken, self.log.clone());
        Ok(Checkpoint { header: Header { schema: SCHEMA, of, steps, log }, tensors })
    }
}

impl fmt::Debug for Training {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.log.scores().last().unwrap_or(f64::NAN);
        let name = self.metric().name;
        write!(f, "epoch {} of {}, validation {name} {last:.4}", self.log.epoch, self.log.full)
    }
}

/// The metrics of a network on a split, the score first; without those that are undefined there.
pub(crate) fn measured(
    train: &Train,
    (x, y): (&Tensor, &Tensor),
    split: Split,
    mut forward: impl FnMut(&Tensor) -> Result<Tensor>,
) -> Result<Vec<(String, f64)>> {
    let (mut sums, task) = (Sums::default(), train.data.task());
    let at_once = 2 * train.settings.batch.clamp(1, 1 << 20) as usize;
    for batch in train.data.indices(split).chunks(at_once.min(EVALUATION_BATCH)) {
        let i = Tensor::new(batch, x.device())?;
        let (out, y) = (forward(&x.index_select(&i, 0)?)?, y.index_select(&i, 0)?.flatten_all()?);
        match task {
            Task::Regression { outputs } => {
                sums.values(&out.flatten_all()?.to_vec1()?, &y.to_vec1()?, outputs);
            }
            _ => {
                let rows = out.reshape(((), task.outputs()))?.to_vec2()?;
                sums.classes(&rows, &y.to_vec1()?);
            }
        }
    }
    Ok(sums.metrics(&task))
}

/// The mean loss of a batch, which a proxy may need too.
pub(crate) fn loss(
    task: &Task,
    out: &Tensor,
    y: &Tensor,
    smoothing: f64,
) -> candle_core::Result<Tensor> {
    match task {
        Task::Classification { .. } => kernel::cross_entropy(out, y, smoothing),
        Task::Regression { .. } => (out - y)?.sqr()?.mean_all(),
        Task::NextToken { vocabulary } => {
            kernel::cross_entropy(&out.reshape(((), *vocabulary))?, &y.flatten_all()?, smoothing)
        }
    }
}

/// Scales the gradients so that their common norm is at most `most` (arXiv 1211.5063).
pub(crate) fn clip(grads: &mut GradStore, vars: &[Var], most: f64) -> Result<()> {
    let mut square = 0.0;
    for var in vars {
        if let Some(g) = grads.get(var) {
            square += f64::from(g.sqr()?.sum_all()?.to_scalar::<f32>()?);
        }
    }
    let norm = square.sqrt();
    if norm > most {
        for var in vars {
            if let Some(g) = grads.remove(var) {
                grads.insert(var, (g * (most / norm))?);
            }
        }
    }
    Ok(())
}

/// Adds the gradients of these weights to what there is.
fn add(all: &mut GradStore, grads: &GradStore, weights: &[(String, Var)]) -> Result<()> {
    for (_, var) in weights {
        let Some(g) = grads.get(var) else { continue };
        let sum = match all.get(var) {
            Some(before) => (before + g)?,
            None => g.clone(),
        };
        all.insert(var, sum);
    }
    Ok(())
}

/// The most samples that are evaluated at once. Without gradients a sample takes about half of the
/// memory, so twice the training batch needs no more than the training does.
const EVALUATION_BATCH: usize = 256;

/// Sums over the samples, in f64 and in order, so that they do not depend on the batches.
#[derive(Default)]
struct Sums {
    n: f64,
    right: f64,
    loss: f64,
    targets: Vec<Spread>,
}

/// One target of a regression: squared errors, and the mean and the squared deviations of its values,
/// by Welford's updates, since a difference of sums would leave rounding errors where all values are
/// the same.
#[derive(Clone, Default)]
struct Spread {
    n: f64,
    errors: f64,
    mean: f64,
    deviations: f64,
}

impl Sums {
    fn classes(&mut self, logits: &[Vec<f32>], targets: &[u32]) {
        for (row, &target) in logits.iter().zip(targets) {
            let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f64 = row.iter().map(|&v| f64::from(v - max).exp()).sum();
            let at = row.get(target as usize).copied().unwrap_or(f32::NAN);
            self.loss += sum.ln() - f64::from(at - max);
            let first = row.iter().position(|&v| v == max);
            self.right += f64::from(u8::from(first == Some(target as usize)));
            self.n += 1.0;
        }
    }

    fn values(&mut self, out: &[f32], targets: &[f32], outputs: usize) {
        self.targets.resize(outputs, Spread::default());
        for (i, (&o, &t)) in out.iter().zip(targets).enumerate() {
            let (o, t) = (f64::from(o), f64::from(t));
            let target = &mut self.targets[i % outputs];
            target.n += 1.0;
            target.errors += (o - t).powi(2);
            let before = t - target.mean;
            target.mean += before / target.n;
            target.deviations += before * (t - target.mean);
            self.loss += (o - t).powi(2);
            self.n += 1.0;
        }
    }

    /// The share of the variance that is explained, as a mean over the targets. It is undefined where a
    /// target has the same value in all samples: without variance there is no share of it.
    fn r2(&self) -> Option<f64> {
        let one = |t: &Spread| (t.deviations > 0.0).then(|| 1.0 - t.errors / t.deviations);
        let all: Option<Vec<f64>> = self.targets.iter().map(one).collect();
        all.map(|all| all.iter().sum::<f64>() / all.len() as f64)
    }

    /// The metrics of the task, without those that are undefined for these samples.
    fn metrics(&self, task: &Task) -> Vec<(String, f64)> {
        let loss = self.loss / self.n;
        let value = |figure: Figure| match figure {
            Figure::Accuracy => Some(self.right / self.n),
            Figure::Loss => Some(loss),
            Figure::Perplexity => Some(loss.exp()),
            Figure::Rmse => Some(loss.sqrt()),
            Figure::R2 => self.r2(),
        };
        let measured = |&figure: &Figure| Some((figure.metric().name, value(figure)?));
        task.figures().iter().filter_map(measured).collect()
    }
}

/// A training as bytes: weights, statistics, optimiser state, and what has happened so far. See
/// [`Training::checkpoint`].
#[derive(Clone)]
pub struct Checkpoint {
    header: Header,
    tensors: HashMap<String, Tensor>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Header {
    schema: u32,
    of: [String; 3],
    steps: usize,
    log: Log,
}

/// What a training depends on, besides its seed: architecture, data, settings.
fn belongs(train: &Train, arch: &Architecture) -> [String; 3] {
    let space = format!("{:016x}", arch.space().fingerprint());
    let data = format!("{} {:016x}", train.data.name(), train.data.fingerprint());
    [format!("{} {:?} of space {space}", arch, arch.decisions()), data, train.settings.to_string()]
}

/// The version of the checkpoint format.
const SCHEMA: u32 = 1;

/// How a checkpoint's header begins.
const BEGINS: &[u8] = br#"{"schema":"#;

impl Checkpoint {
    /// The epochs trained so far.
    pub fn epoch(&self) -> usize {
        self.header.log.epoch
    }

    pub(crate) fn seed(&self) -> u64 {
        self.header.log.seed
    }

    /// Whether a checkpoint may be kept there: there is nothing yet, or a checkpoint.
    pub(crate) fn is_free(path: &Path) -> bool {
        !path.exists() || Checkpoint::is_at(path)
    }

    /// Whether there is a file that begins like a checkpoint. A power cut may have emptied it.
    pub(crate) fn is_at(path: &Path) -> bool {
        let mut start = [0; 8 + BEGINS.len()];
        if !path.is_file() {
            return false;
        }
        match std::fs::File::open(path) {
            Ok(file) if file.metadata().is_ok_and(|m| m.len() == 0) => true,
            Ok(mut file) => file.read_exact(&mut start).is_ok() && start.ends_with(BEGINS),
            Err(_) => false,
        }
    }

    /// The checkpoint as bytes: a length, a JSON header of that many bytes, and safetensors.
    pub fn to_bytes(&self) -> Vec<u8> {
        let header = serde_json::to_vec(&self.header).unwrap_or_default();
        let sorted: std::collections::BTreeMap<_, _> = self.tensors.iter().collect();
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header);
        // Tensors of known types in main memory: nothing can fail.
        bytes.extend(safetensors::serialize(sorted, None).unwrap_or_default());
        bytes
    }

    /// Reads what [`Checkpoint::to_bytes`] wrote.
    ///
    /// # Errors
    /// When the bytes are cut short, damaged, or of another version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Checkpoint> {
        let wrong = |what: &str| {
            Error::new(
                ErrorKind::File,
                format!("these {} bytes are not a checkpoint: {what}", bytes.len()),
            )
        };
        let (length, rest) = bytes.split_at_checked(8).ok_or_else(|| wrong("too short"))?;
        let length = u64::from_le_bytes(length.try_into().unwrap_or_default());
        let (header, rest) = usize::try_from(length)
            .ok()
            .and_then(|n| rest.split_at_checked(n))
            .ok_or_else(|| wrong("cut short"))?;
        let header: Header = serde_json::from_slice(header)
            .map_err(|e| wrong(&format!("their header cannot be read ({e})")))?;
        if header.schema != SCHEMA {
            return Err(wrong(&format!("version {}, this is version {SCHEMA}", header.schema)));
        }
        let tensors = candle_core::safetensors::load_buffer(rest, &Device::Cpu)
            .map_err(|e| wrong(&format!("cut short or damaged ({})", Error::from(e))))?;
        Ok(Checkpoint { header, tensors })
    }
}

impl Shelved for Checkpoint {
    const STAYS: bool = false;
    const ENDING: &str = PAUSED;

    fn size(&self) -> usize {
        self.tensors.values().map(|t| t.elem_count() * t.dtype().size_in_bytes()).sum()
    }

    fn to_bytes(&self) -> Vec<u8> {
        Checkpoint::to_bytes(self)
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Checkpoint::from_bytes(bytes).ok()
    }
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "checkpoint after epoch {} of {}", self.epoch(), self.header.log.full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Dataset;
    use crate::layer::{embedding, linear};
    use crate::space::Space;

    /// Each by its definition, and none of them as another one.
    #[test]
    fn every_metric_is_measured_as_itself() {
        for task in [Task::classification(2), Task::next_token(2), Task::regression(1)] {
            let mut sums = Sums::default();
            match task {
                Task::Regression { .. } => sums.values(&[1.0, 2.0, 4.0], &[1.0, 3.0, 5.0], 1),
                _ => sums.classes(&[vec![2.0, 0.0], vec![0.0, 1.0], vec![1.0, 0.0]], &[0, 1, 1]),
            }
            // Of the differences of the logits, and of the errors 0, 1, 1 around a mean of 3.
            let logs = [-2.0f64, -1.0, 1.0].map(|d| d.exp().ln_1p());
            let entropy = logs.iter().sum::<f64>() / 3.0;
            let value = |name: &str| match name {
                "accuracy" => 2.0 / 3.0,
                "perplexity" => entropy.exp(),
                "rmse" => (2.0f64 / 3.0).sqrt(),
                "r2" => 1.0 - 2.0 / 8.0,
                "loss" if matches!(task, Task::Regression { .. }) => 2.0 / 3.0,
                "loss" => entropy,
                other => panic!("say here what {other} is"),
            };
            let measured = sums.metrics(&task);
            let names: Vec<String> = task.metrics().into_iter().map(|m| m.name).collect();
            assert_eq!(measured.iter().map(|m| m.0.clone()).collect::<Vec<_>>(), names);
            for (name, found) in measured {
                assert!((found - value(&name)).abs() < 1e-7, "{name} of {task}: {found}");
            }
        }
    }

    /// What is not measured where every sample has the same target has a reason, and nothing else has.
    #[test]
    fn a_metric_is_measured_or_there_is_a_reason() -> Result<()> {
        let x: Vec<f32> = (0..40).map(|i| i as f32).collect();
        for data in [
            Dataset::classification("same", x.clone(), [1], vec![1; 40], 2)?,
            Dataset::regression("same", x.clone(), [1], vec![3.0; 40], 1)?,
            Dataset::next_token("same", &[1; 41], 4, 2)?,
        ] {
            let block = match data.task() {
                Task::NextToken { .. } => embedding(2),
                _ => linear(2),
            };
            let arch = Space::on(&data).then(block).default_architecture()?;
            let run = Train::on(&data).batch_size(2).start(&arch, 1)?;
            let measured = run.measure(Split::Validation)?.into_iter().map(|m| m.0);
            let undefined = run.undefined(Split::Validation).into_iter().map(|m| m.0);
            let mut found: Vec<String> = measured.chain(undefined).collect();
            let mut all: Vec<String> = data.task().metrics().into_iter().map(|m| m.name).collect();
            found.sort();
            all.sort();
            assert_eq!(found, all, "{}", data.task());
        }
        Ok(())
    }
}
