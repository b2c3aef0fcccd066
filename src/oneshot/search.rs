//! A one-shot search as the strategy and the evaluator of a study: the strategy runs an epoch and proposes
//! what would be derived after it; the evaluator scores that on the shared weights.
//!
//! Beside the journal a file keeps the weights and all else after every epoch. A study that goes on reads it,
//! or, where it is missing, runs its epochs again: with the same seed they come out the same.

use super::{How, Method, Search, Signals};
use crate::data::Dataset;
use crate::error::{Error, ErrorKind, Result};
use crate::evaluate::{
    AnyEvaluator, Budget, Evaluation, Evaluator, IntoEvaluator, Kept, Retrained, Train, Watch,
};
use crate::graph::{Relaxed, Sums};
use crate::kernel::Threads;
use crate::output;
use crate::record::{Duplicates, History, Protocol};
use crate::rng::{Rng, child, hash_of};
use crate::space::{Architecture, Space};
use crate::strategy::{Proposal, Strategy};
use crate::task::Metric;
use crate::words::memory_size;
use candle_core::{Device, Tensor};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A method with its space and training, and the searches in progress. Clones have the same ones.
#[derive(Clone)]
pub(crate) struct OneShot {
    space: Space,
    train: Train,
    method: Method,
    /// By the seed of the study.
    runs: Arc<Mutex<HashMap<u64, Arc<Mutex<Run>>>>>,
    /// The last proposals and what was found about them, by the seeds of their trials.
    found: Arc<Mutex<HashMap<u64, Found>>>,
}

/// The decisions of a proposal, and what was found about it.
type Found = (Vec<u32>, Evaluation);

#[derive(Default)]
struct Run {
    search: Option<Box<dyn Search>>,
    /// Where it is kept.
    path: Option<PathBuf>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl OneShot {
    pub(crate) fn new(space: &Space, train: &Train, method: Method) -> OneShot {
        let (space, train) = (space.clone(), train.clone());
        OneShot { space, train, method, runs: Arc::default(), found: Arc::default() }
    }

    fn run(&self, seed: u64) -> Arc<Mutex<Run>> {
        locked(&self.runs).entry(seed).or_default().clone()
    }

    /// Everything that the result follows from, besides the seed.
    fn belongs(&self) -> String {
        let space = self.space.fingerprint();
        let data = self.train.data.fingerprint();
        format!("{} on space {space:016x}, data {data:016x}: {}", self.method, self.train)
    }

    /// The search after so many epochs.
    fn at<'r>(&self, run: &'r mut Run, epochs: usize, seed: u64) -> Result<&'r mut dyn Search> {
        // Taken out, so that nothing is left of one that breaks off in an epoch.
        let mut search = match run.search.take().filter(|s| s.epoch() <= epochs) {
            Some(search) => search,
            None => self.begun(run.path.as_deref(), epochs, seed)?,
        };
        let watch = Watch::current();
        while search.epoch() < epochs {
            self.threads()?.run(|| search.advance(&watch))?;
        }
        Ok(&mut **run.search.insert(search))
    }

    /// The threads of a step.
    fn threads(&self) -> Result<Threads> {
        Threads::new(self.train.threads.max(1) as usize)
    }

    /// The search as it was kept, or one that begins.
    fn begun(&self, path: Option<&Path>, epochs: usize, seed: u64) -> Result<Box<dyn Search>> {
        let begin = || (self.method.begin)(&self.space, &self.train, seed);
        let Some(path) = path else { return begin() };
        free(path)?;
        let kept = read(path, &self.belongs(), seed).filter(|(epoch, _)| *epoch <= epochs);
        let mut search = begin()?;
        match kept.map(|(_, kept)| search.restore(kept)) {
            None | Some(Ok(())) => Ok(search),
            // Half of it may be set.
            Some(Err(_)) => {
                drop(search);
                begin()
            }
        }
    }

    /// What the search of this seed finds after so many epochs: the decisions, where they come from, and
    /// how good they are.
    fn after(&self, epochs: usize, seed: u64) -> Result<(Vec<u32>, String, Evaluation)> {
        let run = self.run(seed);
        let mut run = locked(&run);
        let search = self.at(&mut run, epochs, seed)?;
        let decisions = search.derive()?;
        let metrics = search.score(&decisions, &Watch::current())?;
        let Signals { figures, weights } = search.signals(&Watch::current())?;
        let origin = match search.stopped() {
            Some(why) => format!("epoch {epochs}, stopped: {why}"),
            None => format!("epoch {epochs}"),
        };
        let kept = search.keep()?;
        let found = Evaluation::new(metrics.first().map_or(f64::NAN, |m| m.1)).with_epochs(1.0);
        let found = metrics.iter().chain(&figures).fold(found, |e, (name, v)| e.with(name, *v));
        if let Some(path) = &run.path {
            write(path, &self.belongs(), seed, epochs, kept)?;
        }
        Ok((decisions, origin, found.with_option_weights(weights)))
    }
}

/// What the list of option weights means.
pub(crate) struct Layout {
    /// Each choice with its options and the first of its weights.
    pub(crate) groups: Vec<(String, Vec<String>, usize)>,
    pub(crate) cells: Vec<CellLayout>,
    /// The length of the list.
    pub(crate) width: usize,
}

/// A cell of the space.
pub(crate) struct CellLayout {
    pub(crate) name: String,
    pub(crate) nodes: Vec<String>,
    pub(crate) edges: Vec<EdgeLayout>,
    /// Connections without a choice.
    pub(crate) fixed: Vec<(usize, usize)>,
}

pub(crate) struct EdgeLayout {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// The choice on it, by its place in the groups.
    pub(crate) group: usize,
    /// The weight of the edge itself.
    pub(crate) gate: Option<usize>,
}

impl OneShot {
    /// What the list of option weights means.
    ///
    /// # Errors
    /// When the space has nothing to choose.
    pub(crate) fn layout(&self) -> Result<Layout> {
        if let How::Paths { .. } = self.method.how {
            return Err(Error::invalid(
                format!("the weights of the options of {}", self.method),
                "it draws its paths without weighing options",
                "study.search_signals()?, or Darts::first_order() or Enas::new(), which weigh them",
            ));
        }
        if self.method.how == How::Controller {
            // The columns of the one-hot encoding, place by place.
            let mut labels = vec![];
            self.space.places().labels("", &mut labels);
            let mut groups: Vec<(String, Vec<String>, usize)> = vec![];
            for (at, (place, option)) in labels.into_iter().enumerate() {
                match groups.last_mut().filter(|(name, ..)| *name == place) {
                    Some((_, options, _)) => options.push(option),
                    None => groups.push((place, vec![option], at)),
                }
            }
            let width = groups.last().map_or(0, |(_, options, at)| at + options.len());
            return Ok(Layout { groups, cells: vec![], width });
        }
        let relaxed = Relaxed::of(self.space.networks().spec())?;
        let groups = relaxed.places.iter().map(|p| (p.label.clone(), p.options.clone(), p.at));
        let cells = relaxed.cells.iter().map(|cell| CellLayout {
            name: cell.name.clone(),
            nodes: cell.nodes(),
            edges: (cell.edges.iter())
                .map(|edge| EdgeLayout {
                    from: edge.from,
                    to: edge.to,
                    group: edge.place,
                    gate: relaxed.gate(edge.place),
                })
                .collect(),
            fixed: cell.fixed(),
        });
        Ok(Layout { groups: groups.collect(), cells: cells.collect(), width: relaxed.width })
    }

    /// The option weights with which a relaxed network is that of an architecture.
    ///
    /// # Errors
    /// When the space has nothing to choose.
    pub(crate) fn derived_weights(&self, arch: &Architecture) -> Result<Vec<f64>> {
        let spec = self.space.networks().spec();
        Relaxed::of(spec)?.one_hot(spec, arch.decided())
    }
}

/// Any architecture, scored on the weights that a search has come to after some epochs.
struct Shared {
    search: OneShot,
    epochs: usize,
    seed: u64,
}

impl OneShot {
    /// An evaluator on the shared weights after so many epochs.
    pub(crate) fn shared(&self, epochs: usize, seed: u64) -> AnyEvaluator {
        Shared { search: self.clone(), epochs, seed }.into_evaluator()
    }

    /// The scores of the network that mixes all options with each of these lists of weights, on the shared
    /// weights after so many epochs.
    pub(crate) fn mixtures(
        &self,
        lists: &[Vec<f64>],
        epochs: usize,
        seed: u64,
    ) -> Result<Vec<f64>> {
        let run = self.run(seed);
        let mut run = locked(&run);
        let search = self.at(&mut run, epochs, seed)?;
        let watch = Watch::current();
        let score = |weights: &Vec<f64>| {
            Ok(search.mixture(weights, &watch)?.first().map_or(f64::NAN, |metric| metric.1))
        };
        self.threads()?.run(|| lists.iter().map(score).collect())
    }
}

impl Evaluator for Shared {
    fn evaluate(&self, arch: &Architecture, _: &Budget) -> Result<Evaluation> {
        if !self.search.space.contains(arch) {
            return Err(Error::invalid(
                format!("the architecture {arch}"),
                "it is not one of the space that was searched",
                "space.sample(&mut rng), or space.decode(arch.decisions())",
            ));
        }
        let run = self.search.run(self.seed);
        let mut run = locked(&run);
        let search = self.search.at(&mut run, self.epochs, self.seed)?;
        let watch = Watch::current();
        let metrics = self.search.threads()?.run(|| search.score(arch.decided(), &watch))?;
        let found = Evaluation::new(metrics.first().map_or(f64::NAN, |m| m.1)).with_epochs(0.0);
        Ok(metrics.iter().fold(found, |e, (name, value)| e.with(name, *value)))
    }

    fn metric(&self) -> Metric {
        Evaluator::metric(&self.search.train)
    }

    fn full(&self) -> usize {
        1
    }

    fn describe(&self) -> String {
        let (epochs, seed) = (self.epochs, self.seed);
        format!("weights after {epochs} epochs from seed {seed} of {}", self.search.belongs())
    }

    fn problems_with(&self, space: &Space) -> Vec<String> {
        match *space == self.search.space {
            true => vec![],
            false => vec![
                "the weights are of a search of another space. Try the space that it searched."
                    .to_string(),
            ],
        }
    }

    fn retrain(&self, arch: &Architecture, epochs: usize, seed: u64) -> Result<Retrained> {
        Evaluator::retrain(&self.search.train, arch, epochs, seed)
    }

    fn alone(&self) -> Option<AnyEvaluator> {
        Some(self.search.train.clone().into_evaluator())
    }

    fn moved(&self, data: &Dataset) -> Option<AnyEvaluator> {
        Evaluator::moved(&self.search.train, data)
    }
}

impl Strategy for OneShot {
    fn ask(&self, history: &History, _: &mut Rng) -> Result<Proposal> {
        if history.batch() != 1 {
            return Err(Error::invalid(
                format!("batch({}) in a one-shot search", history.batch()),
                "an epoch begins where the last one has ended, so it is 1",
                "the study without batch(...)",
            ));
        }
        let (epochs, seed) = (history.asked() + 1, history.seed());
        let over = |why: String| Err(Error::new(ErrorKind::Exhausted, why));
        let full = self.train.settings.epochs.max(0) as usize;
        if epochs > full {
            return over(format!("the search has had the {full} epochs of its training"));
        }
        if let Some(last) = history.trials().last()
            && let Some((_, why)) = last.origin().split_once("stopped: ")
        {
            return over(format!("the search has stopped early: {why}"));
        }
        let (decisions, origin, found) = self.after(epochs, seed)?;
        let trial = child(seed, "trial", history.asked() as u64);
        let arch = self.space.decode(decisions)?;
        locked(&self.found).insert(trial, (arch.decisions(), found));
        Ok(Proposal::new(arch, &origin))
    }

    fn describe(&self, _: usize) -> String {
        self.method.to_string()
    }

    fn problems(&self) -> Vec<String> {
        self.method.problems(&self.space, &self.train)
    }

    fn beside(&self, journal: Option<&Path>, seed: u64) {
        let path = journal.map(weights_of);
        let run = self.run(seed);
        let mut run = locked(&run);
        if run.path != path {
            // Another file, and perhaps another search in it.
            *run = Run { search: None, path };
        }
    }
}

impl Evaluator for OneShot {
    /// What was found when the architecture was proposed. Where a process has ended in between, the file
    /// beside the journal leads there again.
    fn evaluate(&self, arch: &Architecture, budget: &Budget) -> Result<Evaluation> {
        let other = || {
            Err(Error::invalid(
                "an architecture of its own for a one-shot search",
                "it scores what it derives, after each of its epochs",
                "study.shared()?, which scores any architecture",
            ))
        };
        let known = locked(&self.found).remove(&budget.seed());
        if let Some((decisions, found)) = known {
            return if arch.decisions() == decisions { Ok(found) } else { other() };
        }
        let full = self.train.settings.epochs.max(0) as usize;
        let seeds: Vec<u64> = locked(&self.runs).keys().copied().collect();
        let trials = seeds.iter().flat_map(|&seed| (0..full).map(move |n| (seed, n)));
        let trial = |&(seed, n): &(u64, usize)| child(seed, "trial", n as u64) == budget.seed();
        match trials.into_iter().find(trial) {
            Some((seed, n)) => {
                let (decisions, _, found) = self.after(n + 1, seed)?;
                match self.space.decode(decisions)?.decisions() == arch.decisions() {
                    true => Ok(found),
                    false => other(),
                }
            }
            None => other(),
        }
    }

    fn alone(&self) -> Option<AnyEvaluator> {
        Some(self.train.clone().into_evaluator())
    }

    fn moved(&self, data: &Dataset) -> Option<AnyEvaluator> {
        Evaluator::moved(&self.train, data)
    }

    fn metric(&self) -> Metric {
        Evaluator::metric(&self.train)
    }

    fn full(&self) -> usize {
        1
    }

    fn describe(&self) -> String {
        format!("{ONE_SHOT}: {}", self.belongs())
    }

    fn data_fingerprint(&self) -> u64 {
        self.train.data_fingerprint()
    }

    fn problems(&self) -> Vec<String> {
        Evaluator::problems(&self.train)
    }

    fn problems_with(&self, space: &Space) -> Vec<String> {
        Evaluator::problems_with(&self.train, space)
    }

    fn retrain(&self, arch: &Architecture, epochs: usize, seed: u64) -> Result<Retrained> {
        Evaluator::retrain(&self.train, arch, epochs, seed)
    }
}

/// The file of weights of a journal.
fn weights_of(journal: &Path) -> PathBuf {
    let mut name = journal.file_name().unwrap_or_default().to_os_string();
    name.push(".weights");
    journal.with_file_name(name)
}

impl OneShot {
    /// What is wrong with how a study is to run it.
    pub(crate) fn problems_of(&self, protocol: &Protocol, journal: Option<&Path>) -> Vec<String> {
        let mut found = vec![];
        if protocol.batch != 1 {
            let batch = protocol.batch;
            found.push(format!(
                "batch({batch}) in a one-shot search: an epoch begins where the last one has ended, so it \
                 is 1. Leave batch(...) out."
            ));
        }
        if protocol.duplicates != Duplicates::Repeat {
            found.push(
                "duplicates in a one-shot search: two epochs may derive the same, and each has a score of \
                 its own. Leave duplicates(...) out, or try duplicates(Duplicates::Repeat)."
                    .to_string(),
            );
        }
        if protocol.on_failure.attempts() > 1 {
            found.push(
                "on_failure(OnFailure::Retry(...)) in a one-shot search: an epoch that has failed fails \
                 again. Try OnFailure::Abort."
                    .to_string(),
            );
        }
        let batch = self.train.settings.batch.max(0) as u64;
        let (need, what, instead) = match self.method.mixed(&self.space) {
            Some(mixed) => (
                mixed.ok().map(|mixed| Sums::of(&mixed.graph.nodes).memory(batch) as usize),
                "all options at once",
                ", PcDarts::new(), or Enas::new(), which trains one path at a time",
            ),
            None => (
                self.method.shared_memory(&self.space, &self.train),
                "the shared weights and a path",
                "",
            ),
        };
        if let (Some(most), Some(need)) = (protocol.memory, need)
            && need > most
        {
            let [need, most] = [need, most].map(memory_size);
            found.push(format!(
                "trial_memory: {what} need about {need}, and {most} are allowed. Try smaller batches{instead}."
            ));
        }
        found.extend(journal.and_then(|j| free(&weights_of(j)).err()).map(|e| e.to_string()));
        found
    }
}

/// How such an evaluator describes itself.
pub(crate) const ONE_SHOT: &str = "shared weights of a one-shot search";

/// How the header of a file of weights begins.
const KIND: &str = "nascent one-shot search 2";

#[derive(serde::Serialize, serde::Deserialize)]
struct Header {
    kind: String,
    of: String,
    seed: u64,
    epoch: usize,
    steps: usize,
    #[serde(default)]
    missed: BTreeMap<String, usize>,
    state: serde_json::Value,
}

/// Writes a search: a length, a JSON header of that many bytes, safetensors, and a hash of all of this.
fn write(path: &Path, of: &str, seed: u64, epoch: usize, kept: Kept) -> Result<()> {
    let Kept { state, steps, missed, tensors } = kept;
    let header = Header { kind: KIND.into(), of: of.into(), seed, epoch, steps, missed, state };
    let header = serde_json::to_vec(&header)?;
    let cpu = |(name, t): (String, Tensor)| Ok((name, t.to_device(&Device::Cpu)?.contiguous()?));
    let tensors: BTreeMap<String, Tensor> = tensors.into_iter().map(cpu).collect::<Result<_>>()?;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header);
    bytes.extend(safetensors::serialize(tensors, None).map_err(|e| Error::from(e.to_string()))?);
    bytes.extend(hash_of(&bytes).to_le_bytes());
    output::write(path, &bytes)
}

/// Whether a search may be kept there: there is nothing yet, or a search.
///
/// # Errors
/// When there is another file.
fn free(path: &Path) -> Result<()> {
    let ours = match File::open(path) {
        Ok(file) => {
            let begin = format!("{{\"kind\":\"{KIND}\"");
            let (mut bytes, most) = (vec![], 8 + begin.len() as u64);
            let is_file = file.metadata().is_ok_and(|m| m.is_file());
            // One that was cut short is still recognised by what there is.
            is_file
                && file.take(most).read_to_end(&mut bytes).is_ok()
                && (bytes.is_empty()
                    || bytes
                        .get(8..)
                        .is_some_and(|b| !b.is_empty() && begin.as_bytes().starts_with(b)))
        }
        Err(e) => e.kind() == std::io::ErrorKind::NotFound,
    };
    match ours {
        true => Ok(()),
        false => Err(Error::invalid(
            format!("the file {}", path.display()),
            "a one-shot search keeps its weights there, and this is something else",
            "another name for the journal, or to move the file away",
        )),
    }
}

fn header_of(bytes: &[u8]) -> Option<(Header, &[u8])> {
    let (length, rest) = bytes.split_at_checked(8)?;
    let length = u64::from_le_bytes(length.try_into().ok()?);
    let (header, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    let header: Header = serde_json::from_slice(header).ok()?;
    (header.kind == KIND).then_some((header, rest))
}

/// Reads a search with its epoch; nothing where there is no file, a damaged one, or one of another search:
/// then its epochs are run again.
fn read(path: &Path, of: &str, seed: u64) -> Option<(usize, Kept)> {
    let bytes = std::fs::read(path).ok()?;
    let (bytes, hash) = bytes.split_last_chunk::<8>()?;
    let (header, rest) = header_of(bytes)?;
    if header.of != of || header.seed != seed || hash_of(bytes) != u64::from_le_bytes(*hash) {
        return None;
    }
    let tensors = candle_core::safetensors::load_buffer(rest, &Device::Cpu).ok()?;
    let Header { state, steps, missed, epoch, .. } = header;
    Some((epoch, Kept { state, steps, missed, tensors: tensors.into_iter().collect() }))
}
