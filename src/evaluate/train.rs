//! Evaluation by training: the settings, and the evaluator they make.

use super::heritage::{self, Heirloom, Line, Weights, key};
use super::lesson::Lesson;
use super::shelved::Key;
use super::{
    Ancestor, AnyEvaluator, Budget, Checkpoint, Evaluation, Evaluator, IntoEvaluator, Retrained,
    Training, Watch,
};
use crate::bar::Bar;
use crate::count::Count;
use crate::data::{Augment, Dataset, Split};
use crate::draw::Draw;
use crate::error::{Error, ErrorKind, Result};
use crate::interrupt;
use crate::live::Stage;
use crate::model::{Model, Optimizer, Schedule};
use crate::space::{Architecture, Space};
use crate::task::{Metric, Task};
use crate::words::plural;
use candle_core::Device;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Trains an architecture on the train split and scores it on the validation split.
///
/// Every setting has a default: 4 epochs in batches of 64, AdamW with a learning rate of 0.01 on a
/// cosine schedule, no label smoothing, no augmentation, the last epoch's weights. The last,
/// incomplete batch of an epoch is left out, since batch statistics of a few samples are noise.
///
/// ```
/// use nascent::prelude::*;
/// let data = Dataset::digits().take(200);
/// let space = Space::on(&data).then(linear(any([16, 32])));
/// let train = Train::on(&data).epochs(3).optimizer(Optimizer::sgd(0.9).nesterov());
/// let result = train.evaluate(&space.default_architecture()?, &Budget::new(3, 3, 1))?;
/// assert_eq!(result.curve().len(), 3);
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias = "Trainer")]
pub struct Train {
    pub(crate) data: Dataset,
    pub(crate) settings: Settings,
    pub(crate) device: Device,
    pub(crate) threads: i64,
}

/// What a result depends on, apart from architecture, data and seed.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) epochs: i64,
    pub(crate) batch: i64,
    pub(crate) optimizer: Optimizer,
    pub(crate) schedule: Schedule,
    pub(crate) smoothing: f64,
    // Older journals have none; those without stay as they were.
    #[serde(default, skip_serializing_if = "Augment::is_none")]
    pub(crate) augment: Augment,
    pub(crate) clip: Option<f64>,
    pub(crate) patience: Option<i64>,
    pub(crate) keep_best: bool,
}

/// A training in a journal, on data that the crate embeds.
#[derive(Serialize, Deserialize)]
struct Stored {
    /// The name of the data.
    train: String,
    #[serde(flatten)]
    settings: Settings,
}

/// Samples per step, unless others are given.
const BATCH: usize = 64;

impl Train {
    /// Training on the data, with the defaults. Of fewer than 64 samples, a batch has an eighth.
    pub fn on(data: &Dataset) -> Train {
        let settings = Settings {
            epochs: 4,
            batch: match data.sizes().0 {
                n if n < BATCH => (n / 8).max(1) as i64,
                _ => BATCH as i64,
            },
            optimizer: Optimizer::default(),
            schedule: Schedule::default(),
            smoothing: 0.0,
            augment: Augment::new(),
            clip: None,
            patience: None,
            keep_best: false,
        };
        Train { data: data.clone(), settings, device: Device::Cpu, threads: 1 }
    }

    fn with(&self, change: impl FnOnce(&mut Settings)) -> Train {
        let mut train = self.clone();
        change(&mut train.settings);
        train
    }

    /// The full budget: passes over the training data, which the schedule spans.
    pub fn epochs(&self, epochs: impl Count) -> Train {
        self.with(|s| s.epochs = epochs.to_i64())
    }

    /// Samples per step; by default 64, or an eighth of fewer than 64.
    pub fn batch_size(&self, batch: impl Count) -> Train {
        self.with(|s| s.batch = batch.to_i64())
    }

    /// The optimiser with its learning rate and weight decay.
    pub fn optimizer(&self, optimizer: Optimizer) -> Train {
        self.with(|s| s.optimizer = optimizer)
    }

    /// The largest learning rate of the optimiser.
    pub fn learning_rate(&self, rate: f64) -> Train {
        self.with(|s| s.optimizer = s.optimizer.learning_rate(rate))
    }

    /// The weight decay of the optimiser.
    pub fn weight_decay(&self, decay: f64) -> Train {
        self.with(|s| s.optimizer = s.optimizer.weight_decay(decay))
    }

    /// How the learning rate changes.
    pub fn schedule(&self, schedule: Schedule) -> Train {
        self.with(|s| s.schedule = schedule)
    }

    /// Spreads this share of each target evenly over all classes (arXiv 1512.00567).
    pub fn label_smoothing(&self, share: f64) -> Train {
        self.with(|s| s.smoothing = share)
    }

    /// Changes the training samples a little at every step; validation and test samples stay. The
    /// changes follow from the seed and the step.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let data = Dataset::mnist1d();
    /// let train = Train::on(&data).augment(Augment::new().shift(4).noise(0.05));
    /// assert!(train.to_string().contains("augmented by shift(4), noise(0.05)"));
    /// ```
    pub fn augment(&self, augment: Augment) -> Train {
        self.with(|s| s.augment = augment)
    }

    /// Scales the gradient down to this norm where it is larger.
    pub fn clip_gradient(&self, norm: f64) -> Train {
        self.with(|s| s.clip = Some(norm))
    }

    /// Stops a training whose validation score has not improved for this many epochs.
    pub fn early_stop(&self, patience: impl Count) -> Train {
        self.with(|s| s.patience = Some(patience.to_i64()))
    }

    /// Keeps the weights and the score of the best epoch instead of the last one's. The score is
    /// then a little optimistic: it was chosen on the validation data.
    pub fn keep_best_epoch(&self) -> Train {
        self.with(|s| s.keep_best = true)
    }

    /// The device to train on, such as [`best_device`](crate::best_device). The default is the
    /// CPU.
    pub fn device(&self, device: &Device) -> Train {
        Train { device: device.clone(), ..self.clone() }
    }

    /// The threads that one training may use (default: 1). More pay off for a large network that trains
    /// alone; in a study, trials side by side use the cores better. The result is the same, bit for
    /// bit.
    pub fn threads(&self, threads: impl Count) -> Train {
        Train { threads: threads.to_i64(), ..self.clone() }
    }

    /// The same training with a score of your own, to be maximised: the closure gets the
    /// architecture and what the training found. The task's metrics stay in the evaluation.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let data = Dataset::digits().take(200);
    /// let space = Space::on(&data).then(linear(any([8, 64])));
    /// let priced = Train::on(&data)
    ///     .epochs(3)
    ///     .score("accuracy - price", |arch, e| e.score() - 1e-5 * arch.params() as f64);
    /// let best = Study::new(&space, priced).strategy(Grid).quiet().run()?.best()?;
    /// assert!(best.evaluation().and_then(|e| e.get("accuracy")) > best.score());
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn score<F>(&self, name: &str, score: F) -> AnyEvaluator
    where
        F: Fn(&Architecture, &Evaluation) -> f64 + Send + Sync + 'static,
    {
        let (train, name) = (self.clone(), name.to_string());
        Scored { train, name, score: Box::new(score) }.into_evaluator()
    }

    /// The data.
    pub fn data(&self) -> Dataset {
        self.data.clone()
    }

    /// Begins a training that can be advanced epoch by epoch, stored and continued.
    ///
    /// # Errors
    /// When the settings have problems or the architecture's layers do not fit together.
    pub fn start(&self, arch: &Architecture, seed: impl Count) -> Result<Training> {
        Training::begin(self, arch, seed.to_seed(), Split::Train)
    }

    /// Continues from a checkpoint, bit for bit as if it had never stopped.
    ///
    /// # Errors
    /// When the checkpoint is of another architecture, or its schedule has a different length.
    pub fn resume(&self, arch: &Architecture, checkpoint: &Checkpoint) -> Result<Training> {
        Training::resume(self, arch, checkpoint)
    }

    /// Trains on training and validation data together, for `epochs` with a schedule of that length,
    /// and tests once. Data without a test split are refused before the training; a model for those
    /// comes from [`Train::start`], which validates it.
    ///
    /// # Errors
    /// When the settings have problems, there is no test split, the loss is no longer a finite number, or it is
    /// interrupted, by ■ in a notebook or Ctrl-C in a terminal.
    pub fn retrain(
        &self,
        arch: &Architecture,
        epochs: impl Count,
        seed: impl Count,
    ) -> Result<Retrained> {
        let begun = std::time::Instant::now();
        let (epochs, seed) = (epochs.to_i64(), seed.to_seed());
        let whole = |s: &mut Settings| (s.epochs, s.patience, s.keep_best) = (epochs, None, false);
        let train = self.with(whole);
        train.check()?;
        if train.data.count(Split::Test) == 0 {
            return Err(Error::invalid(
                format!("retrain({epochs}) on {}", train.data.line()),
                "there is no test split, so nothing could be said about the winner",
                format!(
                    "data.split(0.6, 0.2, 0.2) before the search; or, for a model that is validated \
                     only, let mut run = Train::on(&data).epochs({epochs}).start(&architecture, \
                     {seed})?; run.advance({epochs})?; run.model()"
                ),
            ));
        }
        let many = epochs.max(0) as usize;
        let title = "The winner, trained on train + validation";
        let lesson = Lesson::new(title, &arch.to_text(), many);
        let stage = lesson.open(true);
        let bar = Bar::new(stage.is_none() && !crate::live::silent());
        let train = || {
            let mut run = Training::begin(&train, arch, seed, Split::TrainValidation)?;
            while !run.done() {
                run.advance(1)?;
                lesson.epoch(run.losses().last().copied().unwrap_or(f64::NAN));
                bar.say(|| lesson.says());
            }
            let metrics = run.measure(Split::Test)?;
            Ok((run, metrics))
        };
        let done =
            interrupt::in_front(|| format!("the training of {}", plural(many, "epoch")), train);
        let (run, metrics) = match done {
            Ok(done) => done,
            Err(e) => {
                stage.into_iter().for_each(Stage::clear);
                return Err(lesson.broken(e));
            }
        };
        let found = Evaluation::new(metrics[0].1).with_losses(run.losses());
        let found = metrics.iter().fold(found, |e, (name, value)| e.with(name, *value));
        let undefined = run.undefined(Split::Test);
        let found = undefined.iter().fold(found, |e, (name, why)| e.without(name, why));
        let winner = Retrained {
            model: run.model(),
            metric: self.metric(),
            test: metrics[0].1,
            evaluation: found,
            epochs: many,
            seconds: begun.elapsed().as_secs_f64(),
        };
        if let Some(stage) = stage {
            stage.finish(Draw::both(&winner));
        }
        Ok(winner)
    }

    /// The training of an evaluation, at its end.
    fn run(&self, arch: &Architecture, budget: &Budget, watch: &Watch) -> Result<Training> {
        // A user's evaluator around a training need not repeat its epochs.
        let budget = &budget.or_full(self.full());
        let (full, epochs) = (budget.full(), self.settings.epochs);
        if full as i64 != epochs {
            // Training for a number that neither says would be a silent disaster.
            return Err(Error::invalid(
                format!("a full budget of {}", plural(full, "epoch")),
                format!("this training has {epochs}"),
                format!("the same number in both: Train::on(&data).epochs({full}), or {epochs}"),
            ));
        }
        if budget.epochs_allowed() == 0 {
            return Err(Error::invalid(
                "a budget of 0 epochs",
                "at least 1 is needed for a score",
                "Budget::new(1, 4, seed)",
            ));
        }
        // A checkpoint of this very training, left by a process that was killed, saves its epochs.
        // Any other is not used, and a file that is not a checkpoint is left alone.
        let place = watch.checkpoint().filter(|path| Checkpoint::is_free(path));
        let kept = place.as_ref().and_then(|path| std::fs::read(path).ok());
        let kept = kept.and_then(|bytes| Checkpoint::from_bytes(&bytes).ok());
        let kept =
            kept.filter(|c| c.seed() == budget.seed() && c.epoch() <= budget.epochs_allowed());
        // Parallel trainings share the memory: one that does not fit beside the others waits for them.
        let line = watch.ancestor().filter(|_| kept.is_none()).map(|a| Line::of(a, watch.shelf()));
        let others = line.as_ref().map_or(0, |line| line.memory(self.settings.batch));
        let memory = arch.memory(self.settings.batch).max(others);
        let _room = crate::room::reserve(memory, || arch.largest_layer(), || watch.check())?;
        // So does one of an earlier trial that this one goes on with.
        let shelved = watch.shelf().and_then(|shelf| shelf.take::<Checkpoint>(key(arch, budget)));
        let kept = [kept.map(Arc::new), shelved].into_iter().flatten().max_by_key(|c| c.epoch());
        let mut run = match kept.and_then(|c| self.resume(arch, &c).ok()) {
            Some(run) => run,
            None => {
                let inherited =
                    line.map(|line| line.end(|one, known| self.again(one, known, watch)));
                let mut run = self.start(arch, budget.seed())?;
                if let Some((from, weights)) = inherited.transpose()?.flatten() {
                    run.inherit(from, &weights)?;
                }
                run
            }
        };
        run.watch(watch);
        while run.epoch() < budget.epochs_allowed() && !run.done() {
            run.advance(1)?;
            let last = |list: Vec<f64>| list.last().copied().unwrap_or(f64::NAN);
            watch.epoch(run.epoch(), last(run.evaluation().curve()), last(run.losses()));
            if let Some(path) = &place {
                // Written beside the old one and moved into its place, so that a kill leaves one of
                // the two. Where it cannot be written, the training goes on without it.
                let beside = path.with_extension("new");
                let bytes = run.checkpoint()?.to_bytes();
                let kept =
                    std::fs::write(&beside, bytes).and_then(|()| std::fs::rename(&beside, path));
                if kept.is_err() {
                    let _ = std::fs::remove_file(&beside);
                }
            }
        }
        if let Some(shelf) = watch.shelf().filter(|_| !run.done()) {
            let training = Arc::new(run.checkpoint()?);
            shelf.put(Key { epoch: training.epoch(), ..key(arch, budget) }, training);
        }
        if watch.heritable() {
            heritage::put(watch.shelf(), arch, budget, &run.weights()?);
        }
        Ok(run)
    }

    /// Trains an ancestor whose weights are not there any more, from the weights that it began with.
    fn again(&self, one: &Ancestor, from: Option<Heirloom>, watch: &Watch) -> Result<Weights> {
        let mut run = self.start(&one.arch, one.budget.seed())?;
        run.watch(&watch.aside());
        if let Some((arch, weights)) = from {
            run.inherit(arch, &weights)?;
        }
        run.advance(one.budget.epochs_allowed())?;
        let weights = run.weights()?;
        heritage::put(watch.shelf(), &one.arch, &one.budget, &weights);
        Ok(weights)
    }

    /// The steps of one epoch over a split.
    pub(super) fn steps(&self, split: Split) -> usize {
        self.data.count(split) / self.settings.batch.max(1) as usize
    }
}

impl Evaluator for Train {
    fn evaluate(&self, arch: &Architecture, budget: &Budget) -> Result<Evaluation> {
        let train = || self.evaluate_watched(arch, budget, &Watch::current());
        interrupt::in_front(|| "the training".into(), train)
    }

    fn evaluate_watched(
        &self,
        arch: &Architecture,
        budget: &Budget,
        watch: &Watch,
    ) -> Result<Evaluation> {
        let found = self.run(arch, budget, watch)?.evaluation();
        if let (Task::NextToken { .. }, Some(loss)) = (self.data.task(), found.get("loss"))
            && found.score() == f64::INFINITY
        {
            return Err(Error::new(
                ErrorKind::Backend,
                format!(
                    "the perplexity is e to the validation loss of {loss}, which is beyond what a \
                     number can hold. Try a smaller learning rate, or clip_gradient(1.0)."
                ),
            ));
        }
        Ok(found)
    }

    fn trained(&self, arch: &Architecture, budget: &Budget, watch: &Watch) -> Result<Model> {
        Ok(self.run(arch, budget, watch)?.model())
    }

    fn figures(&self) -> Option<Vec<String>> {
        Some(self.data.task().metrics().into_iter().map(|m| m.name).collect())
    }

    fn how_to_report(&self, figure: &str) -> Option<String> {
        Some(format!(
            "to add a figure of your own: evaluator(move |arch, budget| Ok(train.evaluate(arch, \
             budget)?.with({figure:?}, value)))"
        ))
    }

    fn split(&self) -> Option<Split> {
        Some(Split::Validation)
    }

    fn stops_midway(&self) -> bool {
        true
    }

    fn memory(&self, arch: &Architecture) -> Option<usize> {
        Some(arch.memory(self.settings.batch))
    }

    fn data_fingerprint(&self) -> u64 {
        self.data.fingerprint()
    }

    fn to_json(&self) -> Option<String> {
        let data = self.data.name();
        let embedded = Dataset::embedded(&data)?;
        if embedded.fingerprint() != self.data.fingerprint() || !self.device.is_cpu() {
            return None;
        }
        serde_json::to_string(&Stored { train: data, settings: self.settings }).ok()
    }

    fn metric(&self) -> Metric {
        self.data.task().metric()
    }

    fn full(&self) -> usize {
        self.settings.epochs.max(0) as usize
    }

    fn describe(&self) -> String {
        self.to_string()
    }

    fn problems(&self) -> Vec<String> {
        let Settings { epochs, batch, smoothing, clip, patience, .. } = self.settings;
        let mut found = self.settings.optimizer.problems();
        found.extend(self.settings.schedule.problem());
        if epochs < 1 {
            found.push(format!("epochs({epochs}): at least 1 is needed. Try epochs(4)."));
        }
        let (train, validation, _) = self.data.sizes();
        if batch < 1 {
            found.push(format!("batch_size({batch}): at least 1 is needed. Try 64."));
        } else if batch as usize > train {
            found.push(format!(
                "batch_size({batch}): the train split of {} has {train} samples. Try batch_size({}).",
                self.data.name(),
                (train / 8).max(1)
            ));
        }
        if !(1..=1024).contains(&self.threads) {
            found.push(format!("threads({}): allowed is 1 to 1024. Try 1.", self.threads));
        }
        if train == 0 || validation == 0 {
            let data = self.data.line();
            found.push(format!("the data {data}: a split is empty. Give more samples."));
        }
        if !(0.0..1.0).contains(&smoothing) {
            found.push(format!(
                "label_smoothing({smoothing}): allowed is 0.0 up to, but not including, 1.0. Try 0.1."
            ));
        }
        if smoothing > 0.0 && matches!(self.data.task(), Task::Regression { .. }) {
            let what = "label_smoothing: a regression has no labels to smooth. Leave it out.";
            found.push(what.into());
        }
        found.extend(self.settings.augment.problems(&self.data.shape()));
        if clip.is_some_and(|c| c.is_nan() || c <= 0.0) {
            found.push("clip_gradient: the norm must be above 0.0. Try 5.0.".into());
        }
        if patience.is_some_and(|p| p < 1) {
            found.push("early_stop: at least 1 epoch of patience is needed. Try 3.".into());
        }
        found
    }

    fn forecast(&self, arch: &Architecture) -> Option<f64> {
        let mut run = self.start(arch, 0).ok()?;
        // The first step warms up the caches and the allocator.
        let step = run.time_steps(1).and_then(|_| run.time_steps(2)).ok()?;
        Some(step * (self.steps(Split::Train) * self.full()) as f64)
    }

    fn samples(&self) -> Option<usize> {
        Some(self.data.sizes().0)
    }

    fn moved(&self, data: &Dataset) -> Option<AnyEvaluator> {
        Some(Train { data: data.clone(), ..self.clone() }.into_evaluator())
    }

    fn problems_with(&self, space: &Space) -> Vec<String> {
        let fits = space.input() == self.data.shape() && space.task() == self.data.task();
        let text = format!(
            "the space is for {}, inputs of {}; the data are {}. Build it with Space::on(&data).",
            space.task(),
            space.input(),
            self.data.line()
        );
        if fits { vec![] } else { vec![text] }
    }

    fn retrain(&self, arch: &Architecture, epochs: usize, seed: u64) -> Result<Retrained> {
        Train::retrain(self, arch, epochs, seed)
    }
}

type Score = Box<dyn Fn(&Architecture, &Evaluation) -> f64 + Send + Sync>;

/// A training that is scored in another way.
struct Scored {
    train: Train,
    name: String,
    score: Score,
}

impl Evaluator for Scored {
    fn evaluate(&self, arch: &Architecture, budget: &Budget) -> Result<Evaluation> {
        self.evaluate_watched(arch, budget, &Watch::current())
    }
    fn evaluate_watched(&self, a: &Architecture, b: &Budget, watch: &Watch) -> Result<Evaluation> {
        let found = self.train.evaluate_watched(a, b, watch)?;
        Ok(found.scored((self.score)(a, &found)))
    }
    fn trained(&self, arch: &Architecture, budget: &Budget, watch: &Watch) -> Result<Model> {
        self.train.trained(arch, budget, watch)
    }
    fn wraps(&self) -> Option<&dyn Evaluator> {
        Some(&self.train)
    }
    fn figures(&self) -> Option<Vec<String>> {
        self.train.figures()
    }
    fn how_to_report(&self, figure: &str) -> Option<String> {
        self.train.how_to_report(figure)
    }
    fn split(&self) -> Option<Split> {
        self.train.split()
    }
    fn stops_midway(&self) -> bool {
        true
    }
    fn metric(&self) -> Metric {
        Metric::maximise(&self.name)
    }
    fn describe(&self) -> String {
        format!("{}, scored by {}", self.train, self.name)
    }
}

impl Train {
    /// What [`Evaluator::to_json`] stored; nothing if it is of another kind.
    pub(crate) fn from_json(json: &str) -> Option<Train> {
        let Stored { train, settings } = serde_json::from_str(json).ok()?;
        Some(Train { settings, ..Train::on(&Dataset::embedded(&train)?) })
    }

    pub(super) fn check(&self) -> Result<()> {
        match &Evaluator::problems(self)[..] {
            [] => Ok(()),
            problems => Err(Error::all("the training", problems)),
        }
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} epochs in batches of {}, {}, {} schedule",
            self.epochs, self.batch, self.optimizer, self.schedule
        )?;
        if self.smoothing > 0.0 {
            write!(f, ", label smoothing {}", self.smoothing)?;
        }
        if !self.augment.is_none() {
            write!(f, ", augmented by {}", self.augment)?;
        }
        if let Some(norm) = self.clip {
            write!(f, ", gradients clipped at {norm}")?;
        }
        if let Some(patience) = self.patience {
            write!(f, ", early stop after {patience}")?;
        }
        f.write_str(if self.keep_best { ", best epoch kept" } else { "" })
    }
}

impl fmt::Display for Train {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "training on {} for {}", self.data.name(), self.settings)?;
        if self.device.is_cpu() { Ok(()) } else { write!(f, ", on {:?}", self.device.location()) }
    }
}

crate::draw::debug_as_display!(Train);
