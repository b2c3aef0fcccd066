//! The budgets of a schedule: after how many epochs it looks, and what it looks at.

use super::chain::{Chain, chains};
use crate::error::{Error, Result};
use crate::record::{History, Record, Trial};
use crate::rng::Rng;
use crate::strategy::parts::Recall;
use crate::strategy::{AnyStrategy, IntoStrategy, LONGER, Proposal, Random, Strategy, Tpe};
use crate::words::plural;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The settings that all schedules have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Rungs {
    /// One of so many goes on.
    pub(super) reduction: i64,
    /// The fewest epochs of a look.
    pub(super) least: i64,
    /// The budgets themselves, where they are given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) given: Vec<i64>,
    /// Whether a longer training begins from nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) anew: bool,
    /// What is looked at, in its stored form, where it can be stored.
    pub(super) of: Inner,
}

/// Which trials are gone on with, as far as it was decided.
pub(super) type Decided = HashMap<usize, bool>;

/// The strategy that proposes new architectures.
#[derive(Clone)]
pub(super) struct Inner(pub(super) AnyStrategy);

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl PartialEq for Inner {
    fn eq(&self, o: &Inner) -> bool {
        self.0.to_json() == o.0.to_json()
    }
}

impl Serialize for Inner {
    fn serialize<S: serde::Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        self.0.to_json().serialize(s)
    }
}

impl<'d> Deserialize<'d> for Inner {
    fn deserialize<D: serde::Deserializer<'d>>(d: D) -> std::result::Result<Inner, D::Error> {
        let json = Option::<String>::deserialize(d)?;
        let known = json.as_deref().and_then(crate::strategy::from_json);
        let none = || serde::de::Error::custom("a strategy that cannot be made from its settings");
        known.map(Inner).ok_or_else(none)
    }
}

impl Rungs {
    pub(super) fn new(reduction: i64) -> Rungs {
        let of = Inner(Random.into_strategy());
        Rungs { reduction, least: 1, given: vec![], anew: false, of }
    }

    /// The same, with what Bayesian optimisation proposes.
    pub(super) fn modelled(self) -> Rungs {
        Rungs { of: Inner(Tpe::new().into_strategy()), ..self }
    }

    pub(super) fn problems(&self, name: &str) -> Vec<String> {
        let mut found = self.of.0.problems();
        if self.of.0.is_schedule() {
            found.push(format!(
                "{name} of a schedule: both would say how many epochs a trial has. Try of(Tpe::new()), or \
                 another strategy that only chooses architectures."
            ));
        }
        let (eta, least) = (self.reduction, self.least);
        if !(2..=1_000).contains(&eta) {
            found.push(format!(
                "reduction({eta}) of {name}: one of 2 to 1000 goes on. Try reduction(3)."
            ));
        }
        if least < 1 {
            found.push(format!(
                "least({least}) of {name}: at least 1 epoch is needed. Try least(1)."
            ));
        }
        if !self.given.is_empty() && (self.given[0] < 1 || !self.given.is_sorted_by(|a, b| a < b)) {
            let mut grown: Vec<i64> = self.given.iter().copied().filter(|&r| r > 0).collect();
            grown.sort_unstable();
            grown.dedup();
            let most =
                grown.pop().map_or("the epochs of a full evaluation".into(), |r| r.to_string());
            let rest: String = grown.iter().map(|r| format!("{r}, ")).collect();
            found.push(format!(
                "rungs({:?}) of {name}: epochs that grow from 1 on are wanted, those of a full evaluation last. \
                 Try rungs([{rest}{most}]).",
                self.given
            ));
        }
        found
    }

    pub(super) fn describe(&self, name: &str, trials: usize) -> String {
        let mut text = format!("{name}, one of {} goes on", self.reduction);
        match &self.given[..] {
            [] if self.least > 1 => text += &format!(", from {} epochs on", self.least),
            [] => {}
            given => {
                let given: Vec<String> = given.iter().map(i64::to_string).collect();
                text += &format!(", after {} epochs", given.join(", "));
            }
        }
        if self.anew {
            text += ", each time anew";
        }
        format!("{text}; of {}", self.of.0.describe(trials))
    }

    /// The budgets of a study, the full one last. Where there are scores after some epochs only, each is the last of
    /// these at or below it.
    ///
    /// # Errors
    /// When none of them fits.
    pub(super) fn of(&self, history: &History) -> Result<Vec<usize>> {
        self.fitting(history.full_epochs(), history.levels())
    }

    /// The same for a full budget of so many epochs, and scores after these only, if it is not after all of them.
    pub(super) fn fitting(&self, full: usize, levels: &[usize]) -> Result<Vec<usize>> {
        let wanted = self.wanted(full)?;
        let Some(&lowest) = levels.first() else { return Ok(wanted) };
        if let Some(first) = self.given.first().filter(|&&r| r < lowest as i64) {
            let levels: Vec<String> = levels.iter().map(usize::to_string).collect();
            return Err(Error::invalid(
                format!("rungs that begin with {}", plural(*first as usize, "epoch")),
                format!("there are scores after {} epochs", levels.join(", ")),
                match wanted.last() {
                    Some(&full) if lowest < full => format!("rungs([{lowest}, {full}])"),
                    _ => format!("rungs([{lowest}])"),
                },
            ));
        }
        let below = |r: usize| levels.iter().rev().copied().find(|&level| level <= r);
        let (top, lower) = wanted.split_last().map_or((1, &[][..]), |(top, lower)| (*top, lower));
        let mut rungs: Vec<usize> = lower.iter().filter_map(|&r| below(r)).collect();
        rungs.dedup();
        // Rungs that are given say themselves where to begin.
        let least = if self.given.is_empty() { self.least.max(1) as usize } else { 1 };
        rungs.retain(|&r| r >= least);
        // The full budget is itself, whatever it is looked up at.
        rungs.retain(|&r| r < below(top).unwrap_or(top));
        rungs.push(top);
        Ok(rungs)
    }

    /// The budgets that the settings ask for in a study with so many epochs.
    fn wanted(&self, full: usize) -> Result<Vec<usize>> {
        if !self.given.is_empty() {
            let given: Vec<usize> = self.given.iter().map(|&r| r.max(1) as usize).collect();
            if given.last() != Some(&full) {
                return Err(Error::invalid(
                    format!("rungs({given:?})"),
                    format!("a full evaluation has {full} epochs, and the last rung is that one"),
                    format!("rungs([..., {full}])"),
                ));
            }
            return Ok(given);
        }
        let (least, eta) = (self.least.max(1) as usize, self.reduction.max(2) as f64);
        if least > full {
            return Err(Error::invalid(
                format!("least({least}) of a schedule"),
                format!("a full evaluation has {}", plural(full, "epoch")),
                format!("least(1), or more epochs in the evaluator, such as .epochs({least})"),
            ));
        }
        // From the top: R, R / eta, R / eta^2, ... as long as there are enough.
        let mut rungs = vec![full];
        for i in 1.. {
            let epochs = (full as f64 / eta.powi(i)).round() as usize;
            if epochs < least || epochs >= rungs[rungs.len() - 1] {
                break;
            }
            rungs.push(epochs);
        }
        rungs.reverse();
        Ok(rungs)
    }

    /// A new architecture for its first rung.
    pub(super) fn fresh(
        &self,
        history: &History,
        rungs: &[usize],
        first: usize,
        rng: &mut Rng,
    ) -> Result<Proposal> {
        let (seen, numbers) = self.seen(history, rungs)?;
        let proposal = self.of.0.ask(&seen, rng)?.renumbered(&numbers);
        Ok(Rungs::up_to(proposal, first, history))
    }

    /// What the strategy that proposes architectures sees: one trial for each architecture, with its result at the
    /// highest rung that has more of them than an architecture has decisions (BOHB, arXiv 1807.01774, section 3.2),
    /// or at the lowest. What has no result there is still running, as far as that strategy knows. And the numbers
    /// that its trials have here.
    fn seen(&self, history: &History, rungs: &[usize]) -> Result<(History, Vec<usize>)> {
        let decisions = history.space().default_architecture()?.decided().len();
        let chains = chains(history);
        let at = |chain: &Chain, rung: usize| {
            chain.trials.iter().position(|t| t.finished().is_some() && t.depth() == rung)
        };
        let count = |rung: usize| chains.iter().filter(|c| at(c, rung).is_some()).count();
        let rung = rungs.iter().rev().copied().find(|&rung| count(rung) > decisions);
        let rung = rung.unwrap_or(rungs[0]);
        // The place of each chain, and of every trial by that of its chain.
        let (ended, running): (Vec<&Chain>, Vec<&Chain>) =
            chains.iter().partition(|chain| at(chain, rung).is_some());
        let mut place = HashMap::new();
        for (n, chain) in ended.iter().chain(&running).enumerate() {
            place.extend(chain.trials.iter().map(|t| (t.number(), n)));
        }
        let record = |chain: &Chain| {
            let first = &chain.trials[0].0;
            let now = at(chain, rung).map_or(first, |i| &chain.trials[i].0);
            let there = |n: &usize| place.get(n).copied();
            let parents = first.parents.iter().filter_map(there).collect();
            let inherits = first.inherits.as_ref().and_then(there);
            let (origin, continues) = (first.origin.clone(), None);
            Record { parents, inherits, origin, continues, reused: None, ..Record::clone(now) }
        };
        let number = |chain: &&Chain| at(chain, rung).map_or(0, |i| chain.trials[i].number());
        let first = |chain: &&Chain| chain.trials[0].number();
        let numbers = ended.iter().map(number).chain(running.iter().map(first)).collect();
        let waiting = |chain: &&Chain| {
            let first = Chain { trials: vec![chain.trials[0].as_if_running()] };
            record(&first)
        };
        let newest = chains.last().map(|chain| chain.trials[0].architecture());
        let ended = ended.iter().map(|chain| record(chain)).collect();
        let running = running.iter().map(waiting).collect();
        Ok((history.only(ended, running, newest), numbers))
    }

    /// The first training that goes on, by a rule that is asked once for each of its looks: what has stopped does not
    /// go on later, whatever is learned after it. So a rule may look at trials before the last one of a chain alone.
    pub(super) fn next_of(
        &self,
        decided: &Recall<Decided>,
        history: &History,
        rungs: &[usize],
        rule: impl Fn(&Chain, &Trial, &[Chain]) -> Result<bool>,
    ) -> Result<Option<Proposal>> {
        let chains = chains(history);
        decided.with(history, |decided| {
            for chain in &chains {
                let Some(last) = chain.last().filter(|t| t.finished().is_some()) else { continue };
                let Some(&next) = rungs.iter().find(|&&r| r > last.depth()) else { continue };
                let goes_on = match decided.get(&last.number()) {
                    Some(&known) => known,
                    None => {
                        let found = rule(chain, last, &chains)?;
                        decided.insert(last.number(), found);
                        found
                    }
                };
                if goes_on {
                    return Ok(Some(self.promoted(last, next, history)));
                }
            }
            Ok(None)
        })
    }

    /// Goes on with a trial, up to the next rung.
    pub(super) fn promoted(&self, trial: &Trial, epochs: usize, history: &History) -> Proposal {
        match self.anew {
            false => Proposal::continuing(trial, epochs),
            true => {
                let again =
                    Proposal { longer: true, ..Proposal::new(trial.architecture(), LONGER) };
                Rungs::up_to(again.parents(std::slice::from_ref(trial)), epochs, history)
            }
        }
    }

    pub(super) fn up_to(proposal: Proposal, epochs: usize, history: &History) -> Proposal {
        // The full budget is what a proposal has without being asked.
        if epochs == history.full_epochs() { proposal } else { proposal.epochs(epochs) }
    }
}

/// The settings of a schedule: its budgets.
macro_rules! budgets {
    ($schedule:ident) => {
        impl $schedule {
            /// One of so many goes on to the next rung, which has as many times the epochs.
            pub fn reduction(&self, eta: impl Count) -> Self {
                self.with(Rungs { reduction: eta.to_i64(), ..self.rungs.clone() })
            }

            /// The fewest epochs after which it looks.
            pub fn least(&self, epochs: impl Count) -> Self {
                self.with(Rungs { least: epochs.to_i64(), ..self.rungs.clone() })
            }

            /// After how many epochs it looks, the full budget last: `rungs([12, 200])`.
            pub fn rungs<T: Count>(&self, epochs: impl IntoIterator<Item = T>) -> Self {
                let given = epochs.into_iter().map(|e| e.to_i64()).collect();
                self.with(Rungs { given, ..self.rungs.clone() })
            }

            /// A longer training begins from nothing, and is paid for as a whole: for tables whose rungs
            /// are trainings of their own, with a learning rate that falls to zero in each.
            pub fn anew(&self) -> Self {
                self.with(Rungs { anew: true, ..self.rungs.clone() })
            }
        }
    };
}
pub(super) use budgets;

/// The settings of a schedule of what another strategy proposes.
macro_rules! rungs {
    ($schedule:ident $(, $recall:ident)?) => {
        super::rungs::budgets!($schedule);

        impl $schedule {
            fn with(&self, rungs: Rungs) -> Self {
                Self { rungs $(, $recall: self.$recall.clone())? }
            }

            /// The strategy that proposes the architectures to look at. It sees the results of one rung: of
            /// the highest that has enough.
            pub fn of<How>(&self, strategy: impl IntoStrategy<How>) -> Self {
                self.with(Rungs { of: Inner(strategy.into_strategy()), ..self.rungs.clone() })
            }
        }
    };
}
pub(super) use rungs;
