//! Warm start: the first trials are the best of many architectures by a score without training.
//!
//! Abdelfattah, Mehrotra, Dudziak, Lane: "Zero-Cost Proxies for Lightweight NAS", arXiv 2101.08134, section 5: many
//! architectures are scored by a proxy before the search, and the best ones begin it. For aging evolution
//! they are the first population, for a predictor the first training set.
//!
//! ```text
//! pool  <- N random architectures, scored by the proxy
//! first <- the k best of them, the best first
//! trials 0 .. k-1:    first[trial]
//! from trial k on:    what the strategy proposes, which sees the first trials as any others
//! ```
//!
//! The paper has N = 3,000 on NAS-Bench-201. Here N is given, and k is 10 unless it is set. It is not a row of the
//! table of strategies, for it needs another one.

use super::{AnyStrategy, IntoStrategy, Proposal, Strategy, from_json, stored};
use crate::count::Count;
use crate::error::Result;
use crate::proxy::Proxy;
use crate::record::History;
use crate::rng::Rng;
use crate::space::Architecture;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A strategy that begins with the best of many architectures by a [`Proxy`], and goes on as another one.
///
/// The many are drawn by the study's seed and scored before the first trial; what they cost is on no trial's
/// account.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::on(&Dataset::digits()).then(presets::nas_bench_201(4, 1));
/// let strategy = WarmStart::new(&Proxy::synflow(), 20, Evolution::regularized()).first(3);
/// let study = Study::new(&space, evaluator(|a, _| a.params() as f64))
///     .strategy(strategy).trials(5).seed(7).quiet().run()?;
/// let best = Proxy::synflow().best_of(&space, 20, 3, 7)?;
/// assert_eq!(study.trials_done()[0].architecture(), best[0]);
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias("ZeroCostWarmup", "warmup", "warm_up", "Screened"))]
pub struct WarmStart {
    proxy: Proxy,
    candidates: i64,
    first: i64,
    inner: AnyStrategy,
    /// What was screened, so that it is done once per study. It follows from the settings, the space and the seed, so
    /// copies may share it.
    known: Arc<Mutex<Vec<Screened>>>,
}

/// The first architectures of the studies with this space and this seed.
type Screened = ((u64, u64), Arc<Vec<Architecture>>);

/// For how many studies they are remembered: those of one comparison.
const STUDIES: usize = 64;

const NAME: &str = "warm_start";

impl WarmStart {
    /// Begins with the best of so many `candidates`, 10 of them, and goes on with the strategy.
    pub fn new<How>(
        proxy: &Proxy,
        candidates: impl Count,
        strategy: impl IntoStrategy<How>,
    ) -> WarmStart {
        let (candidates, inner) = (candidates.to_i64(), strategy.into_strategy());
        WarmStart { proxy: proxy.clone(), candidates, first: 10, inner, known: Arc::default() }
    }

    /// How many of them begin the search.
    pub fn first(&self, trials: impl Count) -> WarmStart {
        WarmStart { first: trials.to_i64(), known: Arc::default(), ..self.clone() }
    }

    fn known(&self) -> MutexGuard<'_, Vec<Screened>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first architectures.
    fn screened(&self, history: &History) -> Result<Arc<Vec<Architecture>>> {
        let key = (history.space().fingerprint(), history.seed());
        if let Some((_, found)) = self.known().iter().find(|(k, _)| *k == key) {
            return Ok(found.clone());
        }
        let (n, k) = (self.candidates, self.first);
        let found = Arc::new(self.proxy.best_of(history.space(), n, k, history.seed())?);
        let mut known = self.known();
        if known.len() >= STUDIES {
            known.remove(0);
        }
        known.push((key, found.clone()));
        Ok(found)
    }
}

impl Strategy for WarmStart {
    fn ask(&self, history: &History, rng: &mut Rng) -> Result<Proposal> {
        // One that the study has refused, as another one that makes the same network was tried, is not asked again.
        if (history.asked() as i64) < self.first && history.rejected().is_none() {
            let first = self.screened(history)?;
            if let Some(arch) = first.get(history.asked()) {
                return Ok(Proposal::new(arch.clone(), &self.proxy.name()));
            }
        }
        self.inner.ask(history, rng)
    }

    fn describe(&self, trials: usize) -> String {
        let (k, n) = (self.first, self.candidates);
        format!("the best {k} of {n} by {}, then {}", self.proxy, self.inner.describe(trials))
    }

    fn to_json(&self) -> Option<String> {
        let inner: Value = serde_json::from_str(&self.inner.to_json()?).ok()?;
        let settings = json!({
            "proxy": self.proxy.stored()?,
            "candidates": self.candidates,
            "first": self.first,
            "then": inner,
        });
        Some(json!({ NAME: settings }).to_string())
    }

    fn problems(&self) -> Vec<String> {
        let (k, n) = (self.first, self.candidates);
        let mut found = crate::evaluate::Evaluator::problems(&self.proxy);
        if n < 1 {
            found.push(format!("{n} candidates of a warm start: at least 1 is needed. Try 1000."));
        } else if k < 1 || k > n {
            found.push(format!(
                "first({k}) of {n} candidates: allowed is 1 to {n}. Try first({}).",
                n.min(10)
            ));
        }
        if self.inner.is_schedule() {
            found.push(
                "a warm start of a schedule, whose first trials have budgets of their own. Try the schedule \
                 of a warm start: Hyperband::new().of(WarmStart::new(&proxy, 1000, Random))."
                    .to_string(),
            );
        }
        found.extend(self.inner.problems());
        found
    }

    fn beside(&self, journal: Option<&Path>, seed: u64) {
        self.inner.beside(journal, seed);
    }
}

super::debug_as_described!(WarmStart);

/// The strategy of a stored form, if it is a warm start.
pub(super) fn read(json: &str) -> Option<AnyStrategy> {
    let (name, settings) = stored(json)?;
    let number = |name: &str| settings.get(name)?.as_i64();
    if name != NAME {
        return None;
    }
    let proxy = Proxy::read(settings.get("proxy")?)?;
    let inner = from_json(&settings.get("then")?.to_string())?;
    Some(
        WarmStart::new(&proxy, number("candidates")?, inner)
            .first(number("first")?)
            .into_strategy(),
    )
}
