//! How long a network takes on this machine: a table of measured operations, added up.
//!
//! Parameters and multiply-adds say little about time: a pooling has none of either, and a small
//! convolution waits for memory. So every operation, with its settings and the shape that it is given,
//! is measured once, and a network takes as long as its operations together. A space of 15,625 cells
//! has only some dozens of different operations, so the latency of each cell is known without running it.
//! This is the look-up table of ProxylessNAS (Cai et al., arXiv 1812.00332) and FBNet (Wu et al., arXiv
//! 1812.03443).
//!
//! ```text
//! LAT(o, s)    = min over runs of the time of operation o on inputs of shape s    measured once
//! LAT(network) = sum over its operations of LAT(o, s)
//! ```
//!
//! It is the least of several runs, not their mean, because other work on the machine can only add to a
//! time.

use crate::count::Count;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Graph;
use crate::interrupt;
use crate::layer::INPUT;
use crate::op::{Op, Params, Pass};
use crate::rng::Rng;
use crate::room::fits;
use crate::shape::Shape;
use crate::space::{Architecture, Limit, Space};
use crate::words::plural;
use crate::{kernel, output};
use candle_core::{Device, Tensor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::fmt::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Seconds of a forward pass on this machine, predicted from measured operations: one thread of the
/// CPU, in evaluation mode, a batch of one unless [`Latency::batch`] says otherwise.
///
/// An operation is measured when it is first asked for, which takes about a tenth of a second, and
/// kept; clones share what they know. One is measured at a time, so parallel trials wait for each
/// other here; other work on the machine still disturbs the measurements a little.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([1, 8, 8], Task::classification(10))
///     .then(repeat(1..=2, conv(any([4, 8]), 3)))
///     .then(global_avg_pool());
/// let latency = Latency::new().for_space(&space)?;
/// let arch = space.default_architecture()?;
/// assert!(latency.of(&arch)? > 0.0);
/// // As a limit: at most ten milliseconds.
/// let quick = space.at_most(latency.seconds(0.01));
/// assert!(latency.of(&quick.sample(&mut Rng::new(1))?)? <= 0.01);
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "methods return a new value and leave this one as it is"]
pub struct Latency(Arc<Inner>);

struct Inner {
    batch: usize,
    /// Whether what is missing is measured.
    measuring: bool,
    /// Seconds by operation. Locked while one is measured.
    table: Mutex<Seconds>,
}

type Seconds = BTreeMap<String, f64>;

/// As [`Latency::new`].
impl Default for Latency {
    fn default() -> Latency {
        Latency::new()
    }
}

impl Latency {
    /// An empty table for batches of one, which measures an operation when it is first asked for.
    pub fn new() -> Latency {
        Latency::holding(1, true, Seconds::new())
    }

    fn holding(batch: usize, measuring: bool, table: Seconds) -> Latency {
        Latency(Arc::new(Inner { batch, measuring, table: Mutex::new(table) }))
    }

    /// An empty table for batches of another size; seconds are those of the whole batch.
    pub fn batch(&self, samples: impl Count) -> Latency {
        Latency::holding(samples.to_size(), true, Seconds::new())
    }

    /// Measures every operation that the architectures of a space consist of, and returns the table
    /// as it is then, which never changes again: the same architecture always gets the same seconds.
    ///
    /// Spaces of up to 20,000 architectures are looked through as a whole; larger ones by samples, and
    /// by the neighbours of each that brings a new operation, until none does.
    ///
    /// # Errors
    /// When the space has problems or more than 5,000 different operations, an operation cannot be run,
    /// or what is missing is not measured because the table is a frozen one.
    pub fn for_space(&self, space: &Space) -> Result<Latency> {
        space.check()?;
        let space = space.with_limits(vec![]);
        let mut found = Found::default();
        let mut table = self.table();
        let measure = || {
            if space.size().is_some_and(|n| n <= SMALL) {
                space.enumerate().try_for_each(|arch| {
                    interrupt::check()?;
                    found.note(&arch).map(|_| ())
                })?;
            } else {
                found.explore(&space)?;
            }
            found.first.iter().try_for_each(|(arch, id)| {
                interrupt::check()?;
                self.seconds_of(&mut table, arch, arch.graph()?, *id, &mut String::new())?;
                Ok(())
            })
        };
        interrupt::stoppable(|| "the measuring of latencies".into(), measure)?;
        Ok(Latency::holding(self.0.batch, false, table.clone()))
    }

    /// The table as it is now, which measures nothing any more: what is missing is an error.
    pub fn frozen(&self) -> Latency {
        Latency::holding(self.0.batch, false, self.table().clone())
    }

    /// The predicted seconds of one forward pass: the sum of its operations.
    ///
    /// # Errors
    /// When the layers do not fit together, or an operation is missing in a table that is frozen or
    /// was read; it names the operation.
    pub fn of(&self, arch: &Architecture) -> Result<f64> {
        let built;
        let graph = match arch.known_graph() {
            Some(graph) => graph,
            // Not kept: a limit asks this of every architecture that is drawn.
            None => {
                built = arch.of_space().networks().graph(arch.decided()).map_err(|m| m.error)?;
                &built
            }
        };
        let (mut table, mut key, mut sum) = (self.table(), String::new(), 0.0);
        for id in run(graph) {
            sum += self.seconds_of(&mut table, arch, graph, id, &mut key)?;
        }
        Ok(sum)
    }

    /// The operations of an architecture in the order in which they run, each with its seconds.
    ///
    /// # Errors
    /// As [`Latency::of`].
    pub fn by_operation(&self, arch: &Architecture) -> Result<Vec<(String, f64)>> {
        let (mut table, graph) = (self.table(), arch.graph()?);
        let row = |id| {
            let mut key = String::new();
            let seconds = self.seconds_of(&mut table, arch, graph, id, &mut key)?;
            Ok((key, seconds))
        };
        run(graph).map(row).collect()
    }

    /// A limit for [`Space::at_most`](crate::Space::at_most), with a copy of the table in it. The table
    /// should hold all operations of the space, as the one that [`Latency::for_space`] returns does. The
    /// limit is a part of the space: whoever resumes a study later needs the same table, so
    /// [`Latency::save`] it.
    pub fn seconds(&self, most: f64) -> Limit {
        Limit::latency(self.frozen(), most)
    }

    /// All that was measured: the operation with the shapes it was given, and seconds.
    pub fn operations(&self) -> Vec<(String, f64)> {
        self.table().iter().map(|(name, &seconds)| (name.clone(), seconds)).collect()
    }

    /// The table as JSON, for [`Latency::from_json`].
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Reads what [`Latency::to_json`] wrote, perhaps on another machine: a table that measures
    /// nothing.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let known = Latency::from_json(r#"{"batch": 1, "seconds": {"linear(2) on 4": 1e-6}}"#)?;
    /// assert_eq!(known.operations(), [("linear(2) on 4".to_string(), 1e-6)]);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the text is not such JSON, or a time is not a positive number.
    pub fn from_json(json: &str) -> Result<Latency> {
        Ok(serde_json::from_str(json)?)
    }

    /// Writes the table to a file, as JSON.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        output::write(path, self.to_json())
    }

    /// Reads what [`Latency::save`] wrote.
    ///
    /// # Errors
    /// When the file cannot be read, or holds something else.
    pub fn load(path: impl AsRef<Path>) -> Result<Latency> {
        let path = path.as_ref();
        if let Some(kind) = crate::file::irregular(path) {
            return Err(Error::new(
                ErrorKind::File,
                format!("reading {}: this is {kind}, and a regular file is needed", path.display()),
            ));
        }
        let read = || Latency::from_json(&std::fs::read_to_string(path)?);
        read().map_err(|e| e.context(format!("reading {}", path.display())))
    }

    /// Samples per batch.
    pub(crate) fn samples(&self) -> usize {
        self.0.batch
    }

    pub(crate) fn table(&self) -> MutexGuard<'_, Seconds> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The seconds of one node, measured if it is not known; `key` is set to its name.
    fn seconds_of(
        &self,
        table: &mut Seconds,
        arch: &Architecture,
        graph: &Graph,
        id: usize,
        key: &mut String,
    ) -> Result<f64> {
        name(graph, id, key);
        if let Some(&seconds) = table.get(key.as_str()) {
            return Ok(seconds);
        }
        if !self.0.measuring {
            return Err(lacks(key, table.len()));
        }
        let node = &graph.nodes[id];
        fits(arch.memory(self.0.batch) / 2, || arch.largest_layer())?;
        let shapes: Vec<Shape> =
            node.inputs.iter().map(|&i| graph.nodes[i].plan.output.clone()).collect();
        let seconds = self.time(&node.op, &shapes)?;
        table.insert(key.clone(), seconds);
        Ok(seconds)
    }

    fn time(&self, op: &Op, inputs: &[Shape]) -> Result<f64> {
        let mut params = Params::new(&Device::Cpu, 0);
        params.enter(op.name());
        let layer = (op.info.build)(op, inputs, &mut params)?;
        let given: Vec<Tensor> =
            (0..).zip(inputs).map(|(i, shape)| self.input(shape, i)).collect::<Result<_>>()?;
        let given: Vec<&Tensor> = given.iter().collect();
        let once = || Ok(layer.forward(&given, &mut Pass::new(false, None))?);
        least(Duration::from_millis(100), once).map_err(|e| e.context(format!("measuring {op}")))
    }

    /// A batch of made-up values, or of symbols.
    pub(crate) fn input(&self, shape: &Shape, number: usize) -> Result<Tensor> {
        if self.0.batch == 0 {
            return Err(Error::invalid("batch(0)", "a batch has at least one sample", "batch(1)"));
        }
        kernel::prepare();
        let (mut rng, dims) = (Rng::new(number), shape.batch(self.0.batch));
        let n = dims.iter().fold(1usize, |n, &d| n.saturating_mul(d));
        let device = &Device::Cpu;
        Ok(match shape.vocabulary().map(|symbols| symbols.saturating_sub(1)) {
            Some(last) => {
                // Not 0, which may be padding.
                let symbols = (0..n).map(|_| (1 + rng.below(last)).min(last) as u32);
                Tensor::from_vec(symbols.collect::<Vec<u32>>(), dims, device)?
            }
            None => {
                let values = (0..n).map(|_| rng.normal() as f32);
                Tensor::from_vec(values.collect::<Vec<f32>>(), dims, device)?
            }
        })
    }
}

/// Spaces up to this size are looked through as a whole.
const SMALL: u128 = 20_000;
/// The most operations that are measured for a space.
const MOST: usize = 5000;
/// How many samples of a larger space are looked at.
const SAMPLES: usize = 500;

/// The operations of a space, each where it was met first.
#[derive(Default)]
struct Found {
    names: HashSet<String>,
    first: Vec<(Architecture, usize)>,
}

impl Found {
    /// Whether the architecture has operations that are new.
    fn note(&mut self, arch: &Architecture) -> Result<bool> {
        let (graph, before) = (arch.graph()?, self.first.len());
        let mut key = String::new();
        for id in run(graph) {
            name(graph, id, &mut key);
            if !self.names.contains(&key) {
                self.names.insert(key.clone());
                self.first.push((arch.clone(), id));
                if self.first.len() > MOST {
                    return Err(Error::invalid(
                        "for_space(&space) with a space of thousands of different operations",
                        format!("at most {MOST} are measured, which takes about ten minutes"),
                        "fewer widths in the space, or Latency::new(), which measures what is \
                         asked for when it is asked for",
                    ));
                }
            }
        }
        Ok(self.first.len() > before)
    }

    /// Notes samples and, for each architecture with new operations, its neighbours.
    fn explore(&mut self, space: &Space) -> Result<()> {
        let mut rng = Rng::new(0);
        let mut open = VecDeque::new();
        for _ in 0..SAMPLES {
            let arch = space.sample(&mut rng)?;
            if self.note(&arch)? {
                open.push_back(arch);
            }
        }
        while let Some(arch) = open.pop_front() {
            interrupt::check()?;
            for other in space.neighbours(&arch)? {
                if self.note(&other)? {
                    open.push_back(other);
                }
            }
        }
        Ok(())
    }
}

/// The nodes that a forward pass runs: those that the output depends on, without the input.
fn run(graph: &Graph) -> impl Iterator<Item = usize> {
    let live = graph.live().into_iter().zip(&graph.nodes).enumerate();
    live.filter(|(_, (live, node))| *live && !node.op.is(&INPUT)).map(|(id, _)| id)
}

/// The name of a node in the table: the operation with its settings, and the shapes it is given.
fn name(graph: &Graph, id: usize, key: &mut String) {
    let node = &graph.nodes[id];
    key.clear();
    let _ = write!(key, "{} on ", node.op);
    for (i, &input) in node.inputs.iter().enumerate() {
        let and = if i > 0 { " and " } else { "" };
        let _ = write!(key, "{and}{}", graph.nodes[input].plan.output);
    }
}

/// The seconds of the quickest of the runs that fit into a time, at least five, after one to warm up.
pub(crate) fn least(time: Duration, mut run: impl FnMut() -> Result<Tensor>) -> Result<f64> {
    run()?;
    let (begun, mut least, mut runs) = (Instant::now(), f64::INFINITY, 0);
    while runs < 5 || begun.elapsed() < time {
        let start = Instant::now();
        let y = run()?;
        least = least.min(start.elapsed().as_secs_f64());
        drop(y);
        runs += 1;
    }
    // A coarse clock may not have moved.
    Ok(least.max(1e-9))
}

fn lacks(operation: &str, known: usize) -> Error {
    Error::new(
        ErrorKind::Missing,
        format!(
            "the latency table of {} lacks {operation}. Try Latency::new().for_space(&space)? on \
             the machine that counts",
            plural(known, "operation")
        ),
    )
}

#[derive(Serialize, Deserialize)]
struct Stored {
    batch: usize,
    seconds: Seconds,
}

impl Serialize for Latency {
    fn serialize<S: Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        Stored { batch: self.0.batch, seconds: self.table().clone() }.serialize(s)
    }
}

impl<'de> Deserialize<'de> for Latency {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        let Stored { batch, seconds } = Stored::deserialize(d)?;
        if let Some((name, s)) = seconds.iter().find(|(_, s)| !s.is_finite() || **s <= 0.0) {
            let why = format!("{name} takes {s} seconds; a time is a positive number");
            return Err(serde::de::Error::custom(why));
        }
        Ok(Latency::holding(batch, false, seconds))
    }
}

/// Equal tables; whether they measure what is missing does not matter.
impl PartialEq for Latency {
    fn eq(&self, other: &Latency) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.0.batch == other.0.batch && self.operations() == other.operations())
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without waiting for another cell that is measuring.
        let Ok(table) = self.0.table.try_lock() else { return f.write_str("latency, measuring") };
        let n = plural(table.len(), "operation");
        let more = if self.0.measuring { ", others when they are asked for" } else { "" };
        write!(f, "latency of {n} in batches of {}{more}", self.0.batch)
    }
}
