//! Zero-cost proxies: a score for an architecture that was never trained, in milliseconds, from fresh weights and at
//! most one batch. Each file holds one proxy and its row; what they share is in `candidate.rs` (network, batch,
//! gradients) and `gram.rs` (determinants). `vote.rs` puts several together, `screen.rs` picks the best of many.
//!
//! Abdelfattah, Mehrotra, Dudziak, Lane: "Zero-Cost Proxies for Lightweight NAS", arXiv 2101.08134, names most of
//! them, and where they stand: as the score of a search, as a filter before the first trial, as a vote.

mod candidate;
mod fisher;
mod flops;
mod grad_norm;
mod gram;
mod grasp;
mod jacob_cov;
mod l2_norm;
mod naswot;
mod params;
mod plain;
pub(crate) mod screen;
mod snip;
mod synflow;
mod vote;
mod zen;

pub use vote::Vote;

use crate::count::Count;
use crate::data::{Dataset, Split};
use crate::error::{Error, ErrorKind, Result};
use crate::evaluate::{Budget, Evaluation, Evaluator};
use crate::rng::Rng;
use crate::space::{Architecture, Encoding, Space};
use crate::task::Metric;
use crate::words::which;
use candidate::Candidate;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// A zero-cost proxy: a score for an architecture that is not trained. More is better.
///
/// It is an evaluator, so a study can search by it; [`Proxy::best_of`] screens many architectures before any is
/// trained; [`WarmStart`](crate::WarmStart) begins a search with these; [`Vote`] puts several proxies
/// together. The score follows from the architecture and the seed alone.
///
/// | proxy | what it reads | batch |
/// |---|---|---|
/// | [`grad_norm`](Proxy::grad_norm) | norms of the gradients | yes |
/// | [`snip`](Proxy::snip) | weights times gradients, without their signs | yes |
/// | [`grasp`](Proxy::grasp) | weights times the change of the gradient along itself | yes |
/// | [`fisher`](Proxy::fisher) | channels times their gradients | yes |
/// | [`synflow`](Proxy::synflow) | what flows through positive weights, ln(1 + S) | no |
/// | [`jacob_cov`](Proxy::jacob_cov) | correlations of the gradients by the inputs | yes |
/// | [`naswot`](Proxy::naswot) | which ReLUs the inputs switch on | yes |
/// | [`zen`](Proxy::zen) | how far features move with their inputs | its own noise |
/// | [`l2_norm`](Proxy::l2_norm) | norms of the fresh weights | no |
/// | [`plain`](Proxy::plain) | weights times gradients | yes |
/// | [`params`](Proxy::params), [`flops`](Proxy::flops) | the architecture alone | no |
///
/// Those that need a batch take it from [`Proxy::data`], and are given noise without it: inputs and targets of the
/// right shapes that mean nothing. How well each ranks is in the README.
///
/// ```
/// use nascent::prelude::*;
/// let data = Dataset::digits();
/// let space = Space::on(&data).then(presets::nas_bench_201(4, 1));
/// let (none, all) = (space.decode([0; 6])?, space.decode([3; 6])?);
/// let proxy = Proxy::synflow();
/// assert_eq!(proxy.score(&none)?, 0.0);                   // nothing flows through a cell without operations
/// assert!(proxy.score(&all)? > 10.0);
/// let proxy = Proxy::snip().data(&data).batch(16).seed(1);
/// assert!(proxy.score(&all)? > proxy.score(&none)?);
///
/// // As a feature, beside others, for a predictor.
/// let features = Encoding::graf().and(&Proxy::synflow().feature());
/// assert_eq!(features.of(&none)?.last(), Some(&0.0));
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias("ZeroCost", "zero_cost", "TrainingFree"))]
pub struct Proxy {
    row: &'static ProxyInfo,
    data: Option<Dataset>,
    batch: i64,
    seed: u64,
    /// Where the network that is scored is another one with the same decisions.
    space: Option<Space>,
    /// The scores so far; copies with the same settings share them.
    known: Arc<Mutex<Known>>,
}

/// Scores of architectures of one space, by their decisions.
#[derive(Default)]
struct Known {
    space: Option<Space>,
    scores: HashMap<Vec<u32>, f64>,
}

/// What proxies that were stored know, by their settings, as long as one of them lives.
type Memories = Vec<(String, Weak<Mutex<Known>>)>;

fn memories() -> MutexGuard<'static, Memories> {
    static MEMORIES: Mutex<Memories> = Mutex::new(vec![]);
    MEMORIES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many scores are remembered.
const MOST: usize = 100_000;

/// The inputs of a batch, as in the papers.
const BATCH: i64 = 64;

/// A way to name each row without its text.
macro_rules! named {
    ($($name:ident $doc:literal;)*) => {$(
        #[doc = $doc]
        pub fn $name() -> Proxy {
            Proxy::of(&$name::ROW)
        }
    )*};
}

impl Proxy {
    fn of(row: &'static ProxyInfo) -> Proxy {
        Proxy { row, data: None, batch: BATCH, seed: 0, space: None, known: Arc::default() }
    }

    /// The proxy of this name in the table; see [`proxies`].
    ///
    /// ```
    /// use nascent::prelude::*;
    /// assert_eq!(Proxy::named("synflow")?.name(), "synflow");
    /// assert!(Proxy::named("sinflow").unwrap_err().to_string().contains("grad_norm, snip, grasp"));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When there is no such row.
    pub fn named(name: &str) -> Result<Proxy> {
        let names: Vec<&str> = PROXIES.iter().map(|row| row.name).collect();
        Ok((PROXIES[which("proxy", name, &names)?].make)())
    }

    named! {
        grad_norm "Norms of the gradients of a batch, summed over the layers (arXiv 2101.08134).";
        snip "How much the loss depends on each weight, to first order (arXiv 1810.02340).";
        grasp "How much the flow of the gradient depends on each weight (arXiv 2002.07376), by finite differences.";
        fisher "How much the loss depends on each channel (arXiv 1906.04113).";
        synflow "How much flows through positive weights from an input of ones, as ln(1 + S) (arXiv 2006.05467).";
        jacob_cov "How differently the output depends on different inputs (arXiv 2006.04647v1).";
        naswot "How differently inputs switch the ReLUs on and off (arXiv 2006.04647); the network needs some.";
        zen "How far a small change of the input moves the features (arXiv 2102.01063); the network needs batch normalisations.";
        l2_norm "Norms of the fresh weights, summed over the layers (arXiv 2101.08134).";
        plain "Weights times their gradients (arXiv 2101.08134).";
        params "The number of parameters, which every proxy should be compared with.";
        flops "The operations of a forward pass, which every proxy should be compared with.";
    }

    /// The data that the batch is taken from: their training samples.
    pub fn data(&self, data: &Dataset) -> Proxy {
        Proxy { data: Some(data.clone()), known: Arc::default(), ..self.clone() }
    }

    /// The inputs of a batch (default: 64).
    pub fn batch(&self, inputs: impl Count) -> Proxy {
        Proxy { batch: inputs.to_i64(), known: Arc::default(), ..self.clone() }
    }

    /// The seed of weights, batch and dropout (default: 0).
    pub fn seed(&self, seed: impl Count) -> Proxy {
        Proxy { seed: seed.to_seed(), known: Arc::default(), ..self.clone() }
    }

    /// Scores, in place of an architecture, what the same decisions make in another space: with smaller inputs,
    /// narrower layers or fewer cells, which is cheaper; or with layers at all, where there is only a table.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let cells = |size: usize, n: usize| {
    ///     Space::new([3, size, size], Task::classification(10)).then(presets::nas_bench_201(4, n))
    /// };
    /// let (large, small) = (cells(16, 2), cells(8, 1));
    /// let proxy = Proxy::synflow().within(&small);
    /// let score = proxy.score(&large.decode([3; 6])?)?;
    /// assert_eq!(score, Proxy::synflow().score(&small.decode([3; 6])?)?);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn within(&self, space: &Space) -> Proxy {
        Proxy { space: Some(space.clone()), known: Arc::default(), ..self.clone() }
    }

    /// Its name.
    pub fn name(&self) -> String {
        self.row.name.to_string()
    }

    /// The score of an architecture. More is better; only the order means something. It is remembered: the same one
    /// costs nothing again.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([4], Task::classification(2)).then(linear(any([8, 32])));
    /// let scores: Vec<f64> = space.all()?.iter().map(|a| Proxy::naswot().score(a)).collect::<Result<_>>()?;
    /// assert!(scores[1] > scores[0]);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the settings do not fit the space, the architecture is not a network, or it has none of the layers that
    /// the proxy reads.
    pub fn score(&self, arch: &Architecture) -> Result<f64> {
        if let Some(score) = self.known(arch).scores.get(arch.decided()) {
            return Ok(*score);
        }
        let score = self.scored(arch, 0)?;
        self.known(arch).scores.insert(arch.decisions(), score);
        Ok(score)
    }

    /// What is known of the architecture's space, and of no other one.
    fn known(&self, arch: &Architecture) -> MutexGuard<'_, Known> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.space.as_ref() != Some(arch.of_space()) || known.scores.len() >= MOST {
            *known = Known { space: Some(arch.space()), scores: HashMap::new() };
        }
        known
    }

    /// The score as a column of an [`Encoding`], for a [`Predictor`](crate::Predictor).
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::on(&Dataset::digits()).then(presets::nas_bench_201(4, 1));
    /// let features = Encoding::graf().and(&Proxy::synflow().feature()).and(&Proxy::params().feature());
    /// assert_eq!(features.names(&space)?[95..], ["synflow", "params"]);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn feature(&self) -> Encoding {
        let proxy = self.clone();
        Encoding::column(self.row.name, move |arch| proxy.score(arch))
    }

    /// The `k` best of `n` architectures that are drawn at random, the best first: a filter before anything is
    /// trained (arXiv 2101.08134, section 5). None is drawn twice, and those that cannot be scored are left out, so
    /// in a small space there may be fewer.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::on(&Dataset::digits()).then(presets::nas_bench_201(4, 1));
    /// let best = Proxy::synflow().best_of(&space, 20, 3, 1)?;
    /// assert_eq!(best.len(), 3);
    /// let again = Proxy::synflow().best_of(&space, 20, 1, 1)?;
    /// assert_eq!(again[0].decisions(), best[0].decisions());
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When n or k is less than 1 or k more than n, or none can be scored.
    pub fn best_of(
        &self,
        space: &Space,
        n: impl Count,
        k: impl Count,
        seed: impl Count,
    ) -> Result<Vec<Architecture>> {
        let (n, k) = (n.to_i64(), k.to_i64());
        let score = |arch: &Architecture| self.score(arch);
        Ok(screen::best(screen::scored(space, (n, k), &mut Rng::new(seed), score)?, k))
    }

    /// Its settings as JSON, if it can be made again from them. A proxy that is, while this one lives, knows the
    /// scores that this one knows: the studies of a comparison make their strategies anew.
    pub(crate) fn stored(&self) -> Option<Value> {
        let data = match &self.data {
            None => None,
            Some(data) => {
                let again = Dataset::embedded(&data.name())?;
                Some((again.fingerprint() == data.fingerprint()).then(|| data.name())?)
            }
        };
        let (name, batch, seed) = (self.row.name, self.batch, self.seed);
        let mut settings = json!({ "name": name, "data": data, "batch": batch, "seed": seed });
        if let Some(space) = &self.space {
            settings["within"] = serde_json::to_value(space).ok()?;
        }
        let (mut memories, text) = (memories(), settings.to_string());
        memories.retain(|(_, known)| known.strong_count() > 0);
        if !memories.iter().any(|(known, _)| *known == text) {
            memories.push((text, Arc::downgrade(&self.known)));
        }
        Some(settings)
    }

    /// The proxy of these.
    pub(crate) fn read(stored: &Value) -> Option<Proxy> {
        let proxy = Proxy::named(stored.get("name")?.as_str()?).ok()?;
        let data = match stored.get("data")? {
            Value::Null => None,
            name => Some(Dataset::embedded(name.as_str()?)?),
        };
        let (batch, seed) = (stored.get("batch")?.as_i64()?, stored.get("seed")?.as_u64()?);
        let space = match stored.get("within") {
            None => None,
            Some(space) => Some(Space::deserialize(space).ok()?),
        };
        let (memories, text) = (memories(), stored.to_string());
        let shared = memories.iter().find(|(known, _)| *known == text);
        let known = shared.and_then(|(_, known)| known.upgrade()).unwrap_or_default();
        Some(Proxy { data, batch, seed, space, known, ..proxy })
    }

    /// The architecture that is scored in place of another one.
    fn stand_in(&self, arch: &Architecture) -> Result<Architecture> {
        match &self.space {
            None => Ok(arch.clone()),
            Some(space) => space.decode(arch.decisions()),
        }
    }

    fn scored(&self, arch: &Architecture, draw: u64) -> Result<f64> {
        let mut problems = Evaluator::problems(self);
        problems.extend(self.problems_with(arch.of_space()));
        if !problems.is_empty() {
            return Err(Error::all("the proxy", &problems));
        }
        let arch = self.stand_in(arch)?;
        arch.check()?;
        let (data, batch) = (self.data.as_ref(), self.batch.max(1) as usize);
        let score =
            (self.row.score)(&Candidate { arch: &arch, data, batch, seed: self.seed, draw })?;
        if !score.is_finite() {
            let text = format!(
                "{}: the score of {arch} is {score}. Its numbers are too large without training; try \
                 norm(true), or another proxy.",
                self.row.name
            );
            return Err(Error::new(ErrorKind::Backend, text));
        }
        Ok(score)
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row.name)?;
        match &self.data {
            _ if !self.row.batch => f.write_str(" without data")?,
            Some(data) => write!(f, " on {} samples of {}", self.batch, data.name())?,
            None => write!(f, " on {} samples of noise", self.batch)?,
        }
        if let Some(space) = &self.space {
            write!(f, ", within a space on {}", space.input())?;
        }
        write!(f, ", seed {}", self.seed)
    }
}

crate::draw::debug_as_display!(Proxy);

/// As an evaluator it gives its score, the metric has its name, and no epochs are spent. Each trial draws weights of
/// its own, by its seed; the batch is the same for all.
impl Evaluator for Proxy {
    fn evaluate(&self, arch: &Architecture, budget: &Budget) -> Result<Evaluation> {
        Ok(Evaluation::new(self.scored(arch, budget.seed())?).with_epochs(0.0))
    }

    fn figures(&self) -> Option<Vec<String>> {
        Some(vec![])
    }

    fn split(&self) -> Option<Split> {
        (self.row.batch && self.data.is_some()).then_some(Split::Train)
    }

    fn memory(&self, arch: &Architecture) -> Option<usize> {
        self.stand_in(arch).ok().map(|arch| arch.memory(self.batch))
    }

    fn data_fingerprint(&self) -> u64 {
        let data = self.data.as_ref().map_or(0, Dataset::fingerprint);
        data ^ self.space.as_ref().map_or(0, Space::fingerprint)
    }

    fn metric(&self) -> Metric {
        Metric::maximise(self.row.name)
    }

    fn full(&self) -> usize {
        1
    }

    fn describe(&self) -> String {
        format!("the proxy {self}")
    }

    fn problems(&self) -> Vec<String> {
        let mut found = vec![];
        // The statistics of a batch need two samples.
        if self.batch < 2 {
            found
                .push(format!("batch({}): at least 2 are needed. Try batch({BATCH}).", self.batch));
        }
        let samples = self.data.as_ref().map(|data| (data.name(), data.sizes().0));
        if let Some((name, samples)) = samples.as_ref().filter(|(_, samples)| *samples < 2) {
            found.push(format!(
                "the train split of {name} has {samples} samples, and a batch needs 2. Try more data, or none: \
                 noise will do."
            ));
        } else if let Some((name, samples)) =
            samples.filter(|(_, samples)| self.batch > *samples as i64)
        {
            found.push(format!(
                "batch({}): the train split of {name} has {samples} samples. Try batch({samples}).",
                self.batch
            ));
        }
        found
    }

    fn problems_with(&self, space: &Space) -> Vec<String> {
        if let Some(own) = &self.space {
            let fits = space.default_architecture().and_then(|a| own.decode(a.decisions()));
            if let Err(e) = fits {
                let what = "the space of within has other decisions than the architectures";
                return vec![format!(
                    "{}: {what}: {e} Try the same building blocks.",
                    self.row.name
                )];
            }
        }
        let space = self.space.as_ref().unwrap_or(space);
        if space.is_decisions() {
            let what = "a space of decisions alone has no networks to score";
            return vec![format!(
                "{}: {what}. Try Table::over with the space, or within(&space).",
                self.row.name
            )];
        }
        let Some(data) = &self.data else { return vec![] };
        if space.input() == data.shape() && space.task() == data.task() {
            return vec![];
        }
        vec![format!(
            "the space is for {}, inputs of {}; the data are {}. Build it with Space::on(&data).",
            space.task(),
            space.input(),
            data.line()
        )]
    }
}

/// A row of the table of proxies.
#[derive(Clone, Debug)]
pub struct ProxyInfo {
    /// Its name.
    pub name: &'static str,
    /// What it reads, in a line.
    pub about: &'static str,
    /// Where it was described.
    pub paper: &'static str,
    /// Whether it needs a batch, of data or of noise.
    pub batch: bool,
    /// Makes the proxy with its default settings.
    pub make: fn() -> Proxy,
    score: fn(&Candidate) -> Result<f64>,
}

/// The table of proxies.
///
/// ```
/// let names: Vec<&str> = nascent::proxies().iter().map(|row| row.name).collect();
/// assert_eq!(names[..5], ["grad_norm", "snip", "grasp", "fisher", "synflow"]);
/// ```
pub fn proxies() -> Vec<&'static ProxyInfo> {
    PROXIES.to_vec()
}

static PROXIES: &[&ProxyInfo] = &[
    &grad_norm::ROW,
    &snip::ROW,
    &grasp::ROW,
    &fisher::ROW,
    &synflow::ROW,
    &jacob_cov::ROW,
    &naswot::ROW,
    &zen::ROW,
    &l2_norm::ROW,
    &plain::ROW,
    &params::ROW,
    &flops::ROW,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// A comparison makes the strategies of its studies from their settings.
    #[test]
    fn a_proxy_made_from_settings_shares_its_scores() {
        let space = Space::new([4], crate::task::Task::classification(2));
        let again = |proxy: &Proxy| Proxy::read(&proxy.stored().unwrap()).unwrap();
        let first = Proxy::synflow().seed(11).within(&space);
        let (second, third) = (again(&first), again(&first.seed(12)));
        assert!(Arc::ptr_eq(&first.known, &second.known));
        assert!(!Arc::ptr_eq(&first.known, &third.known), "another seed");
        assert!(!Arc::ptr_eq(&first.known, &again(&Proxy::snip().seed(11).within(&space)).known));
        // What nobody uses any more is forgotten.
        let settings = first.stored().unwrap();
        drop((first, second));
        let new = Proxy::read(&settings).unwrap();
        assert_eq!(Arc::strong_count(&new.known), 1);
    }
}
