//! Constraints: what an architecture may cost.
//!
//! Costs are known before anything is built, so a space with limits is simply smaller: sampling,
//! mutating, crossing and enumerating leave out what is over them. Where chance finds nothing within
//! the limits, a descent does: it goes on to the neighbour that is over them by least, until none is
//! better; a random walk within the limits then forgets where the descent ended.

use super::{MENDS, Space};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Sums;
use crate::rng::Rng;
use crate::space::{Architecture, Latency};
use crate::words::thousands;
use serde::{Deserialize, Serialize};

/// At most so many parameters, for [`Space::at_most`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "methods return a new value and leave this one as it is"]
pub struct Params(pub usize);

/// At most so many multiply-adds per sample, for [`Space::at_most`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "methods return a new value and leave this one as it is"]
pub struct Macs(pub usize);

/// At most so many bytes to train with batches of 64, for [`Space::at_most`]; see
/// [`Architecture::memory`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "methods return a new value and leave this one as it is"]
pub struct Memory(pub usize);

/// A bound of a space, made of [`Params`], [`Macs`] or [`Memory`], or by [`Latency::seconds`].
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[must_use = "methods return a new value and leave this one as it is"]
pub struct Limit {
    what: What,
    most: f64,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    Params,
    Macs,
    Memory,
    /// A frozen table, so that what is within the limit never changes.
    Latency(Latency),
}

macro_rules! limits {
    ($($name:ident),*) => {$(
        impl From<$name> for Limit {
            fn from(most: $name) -> Limit {
                Limit { what: What::$name, most: most.0 as f64 }
            }
        }
    )*};
}
limits!(Params, Macs, Memory);

/// The batch that memory is estimated for.
const BATCH: u64 = 64;

impl Limit {
    /// A forward pass of at most so many seconds by a table.
    pub(crate) fn latency(table: Latency, most: f64) -> Limit {
        // JSON has finite numbers only, and nothing is within NaN.
        let most = if most.is_nan() { 0.0 } else { most.clamp(f64::MIN, f64::MAX) };
        Limit { what: What::Latency(table), most }
    }

    /// What an architecture costs in this respect; infinite if the table lacks one of its operations.
    pub(crate) fn cost(&self, arch: &Architecture, sums: &Sums) -> f64 {
        match &self.what {
            What::Latency(table) => table.of(arch).unwrap_or(f64::INFINITY),
            _ => self.spent(sums).unwrap_or(0.0),
        }
    }

    /// What the first layers of an architecture cost, which the whole costs at least; nothing where
    /// later layers decide which of them are run.
    pub(crate) fn spent(&self, sums: &Sums) -> Option<f64> {
        match self.what {
            What::Params => Some(sums.params as f64),
            What::Macs => Some(sums.macs as f64),
            What::Memory => Some(sums.memory(BATCH) as f64),
            What::Latency(_) => None,
        }
    }

    fn cost_of(&self, arch: &Architecture) -> f64 {
        self.cost(arch, &arch.sums())
    }

    pub(crate) fn allows(&self, cost: f64) -> bool {
        cost <= self.most
    }

    fn value(&self, cost: f64) -> String {
        let n = thousands(cost.max(0.0) as u128);
        match self.what {
            What::Params => format!("{n} parameters"),
            What::Macs => format!("{n} multiply-adds"),
            What::Memory => format!("{n} bytes to train with batches of {BATCH}"),
            What::Latency(_) => format!("a latency of {} ms", digits(cost * 1e3)),
        }
    }

    /// As it was written, with another number.
    fn written(&self, number: f64) -> String {
        match self.what {
            What::Params => format!("at_most(Params({number}))"),
            What::Macs => format!("at_most(Macs({number}))"),
            What::Memory => format!("at_most(Memory({number}))"),
            What::Latency(_) => format!("at_most(latency.seconds({number}))"),
        }
    }

    /// The limit that would just allow this cost, in few digits.
    fn allowing(&self, cost: f64) -> String {
        self.written(match self.what {
            What::Latency(_) => round_up(cost),
            _ => cost.ceil(),
        })
    }

    /// Why an architecture is outside.
    pub(crate) fn error(&self, arch: &Architecture, cost: f64) -> Error {
        if let (What::Latency(table), true) = (&self.what, cost.is_infinite())
            && let Err(e) = table.of(arch)
        {
            return e.context(self);
        }
        Error::new(
            ErrorKind::Shape,
            format!("it has {}, the space is limited by {self}", self.value(cost)),
        )
    }
}

/// With three significant digits.
fn digits(v: f64) -> String {
    let places = (2.0 - v.abs().max(1e-9).log10().floor()).clamp(0.0, 12.0) as usize;
    format!("{v:.places$}")
}

/// Rounded up to three significant digits.
fn round_up(v: f64) -> f64 {
    let step = 10f64.powf(v.abs().max(1e-9).log10().floor() - 2.0);
    // Written in decimal and read again, so that it is printed with these digits alone.
    let tidy = |v: f64| digits(v).parse().unwrap_or(v);
    let up = tidy((v / step).ceil() * step);
    if up >= v { up } else { tidy(up + step) }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.written(self.most))
    }
}

/// Spaces up to this size are looked through for the smallest costs.
const SMALL: u128 = 20_000;
/// How many descents are tried.
const STARTS: usize = 12;

impl Space {
    /// The space without architectures that cost more. Several limits hold together. How long a
    /// network takes is limited by a table of measured operations; see [`Latency::seconds`].
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::on(&Dataset::digits())
    ///     .then(repeat(1..=4, conv(any([8, 16, 32, 64]), 3)))
    ///     .then(global_avg_pool())
    ///     .at_most(Params(20_000))
    ///     .at_most(Macs(500_000));
    /// let arch = space.sample(&mut Rng::new(1))?;
    /// assert!(arch.params() <= 20_000 && arch.macs() <= 500_000);
    /// let tight = space.at_most(Params(100)).check().unwrap_err();
    /// assert!(tight.to_string().contains("the smallest has 178 parameters"), "{tight}");
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn at_most(&self, limit: impl Into<Limit>) -> Space {
        let mut limits = self.limits().to_vec();
        limits.push(limit.into());
        self.with_limits(limits)
    }

    /// How far an architecture is over the limits, as a sum of shares; infinite if it does not fit
    /// together.
    fn excess(&self, arch: &Architecture) -> f64 {
        if arch.fit().is_err() {
            return f64::INFINITY;
        }
        let over = |limit: &Limit| {
            let (cost, most) = (limit.cost_of(arch), limit.most.max(0.0));
            // A limit near 0 must not be divided by: one of a count or a microsecond is the least.
            let little = if let What::Latency(_) = limit.what { 1e-6 } else { 1.0 };
            if limit.allows(cost) { 0.0 } else { (cost - most) / most.max(little) }
        };
        self.limits().iter().map(over).sum()
    }

    /// An architecture within the limits, found by descent, or nothing.
    pub(super) fn descend(&self, rng: &mut Rng) -> Result<Option<Architecture>> {
        let free = self.with_limits(vec![]);
        for start in 0..STARTS {
            let first = (start == 0).then(|| free.next_valid(vec![], MENDS)).flatten();
            let first = match first {
                Some((_, arch)) => arch,
                None => free.sample(rng)?,
            };
            let found = self.lowest(&free, first, &|arch| self.excess(arch))?;
            if self.excess(&found) == 0.0 {
                return Ok(Some(self.wander(&free, found, rng)?));
            }
        }
        Ok(None)
    }

    /// The end of a descent through neighbours.
    fn lowest(
        &self,
        free: &Space,
        mut at: Architecture,
        cost: &dyn Fn(&Architecture) -> f64,
    ) -> Result<Architecture> {
        let mut least = cost(&at);
        while least > 0.0 {
            let mut better = None;
            for other in free.neighbours(&at)? {
                let c = cost(&other);
                if c < least {
                    (least, better) = (c, Some(other));
                }
            }
            let Some(other) = better else { break };
            at = other;
        }
        Ok(at)
    }

    /// A random walk within the limits, of four steps per decision.
    fn wander(&self, free: &Space, mut at: Architecture, rng: &mut Rng) -> Result<Architecture> {
        for _ in 0..4 * at.decided().len() {
            let Ok(other) = free.mutate(&at, rng) else { break };
            if self.excess(&other) == 0.0 {
                at = other;
            }
        }
        Ok(Architecture::new(self, at.decisions()))
    }

    /// What is wrong with the limits: that nothing is within them.
    pub(super) fn limit_problem(&self) -> Option<String> {
        if self.limits().is_empty() {
            return None;
        }
        let free = self.with_limits(vec![]);
        let mut rng = Rng::from_u64(0);
        let drawn = (0..100).filter_map(|_| free.sample(&mut rng).ok());
        if drawn.into_iter().any(|arch| self.excess(&arch) == 0.0) {
            return None;
        }
        if let Ok(Some(_)) = self.descend(&mut rng) {
            return None;
        }
        let small = free.size().is_some_and(|n| n <= SMALL);
        let found: Vec<Architecture> = match small {
            true => free.enumerate().collect(),
            false => self.small_ones(&free, &mut rng),
        };
        if small && found.iter().any(|arch| self.excess(arch) == 0.0) || found.is_empty() {
            return None;
        }
        let the = if small { "the smallest has" } else { "the smallest found has" };
        let least = |limit: &Limit, among: &dyn Fn(&Architecture) -> bool| {
            let costs = found.iter().filter(|a| among(a)).map(|a| limit.cost_of(a));
            costs.fold(f64::INFINITY, f64::min)
        };
        let mut faults = vec![];
        for limit in self.limits() {
            let smallest = least(limit, &|_| true);
            if smallest.is_infinite() {
                faults.extend(found.first().map(|arch| limit.error(arch, smallest).to_string()));
            } else if !limit.allows(smallest) {
                faults.push(format!(
                    "no architecture is within {limit}: {the} {}. Try {}, or smaller options.",
                    limit.value(smallest),
                    limit.allowing(smallest)
                ));
            }
        }
        if faults.is_empty() {
            // Each limit can be kept, but not all at once.
            for (i, limit) in self.limits().iter().enumerate() {
                let others = |a: &Architecture| {
                    let rest = self.limits().iter().enumerate().filter(|(j, _)| *j != i);
                    rest.into_iter().all(|(_, l)| l.allows(l.cost_of(a)))
                };
                let smallest = least(limit, &others);
                if smallest.is_finite() {
                    faults.push(format!(
                        "no architecture is within {limit} and the other limits: of those within the \
                         others, {the} {}. Try {}.",
                        limit.value(smallest),
                        limit.allowing(smallest)
                    ));
                }
            }
        }
        Some(faults.join(" "))
    }

    /// Small architectures of a large space: the ends of descents by each cost, and by all limits together.
    fn small_ones(&self, free: &Space, rng: &mut Rng) -> Vec<Architecture> {
        let mut found = vec![];
        for _ in 0..STARTS {
            for limit in self.limits().iter().map(Some).chain([None]) {
                let cost = |arch: &Architecture| match limit {
                    Some(limit) => limit.cost_of(arch),
                    None => self.excess(arch),
                };
                let lowest = free.sample(rng).and_then(|start| self.lowest(free, start, &cost));
                found.extend(lowest.ok());
            }
        }
        found
    }
}
