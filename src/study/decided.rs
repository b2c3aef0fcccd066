//! What the trials of a study have decided, decision by decision, beside their scores: what the charts of decisions
//! are made of.

use super::Study;
use super::report::deepest;
use crate::error::{Error, Result};
use crate::stats::ped_anova::Picks;
use crate::words::{nearest, plural, thousands};
use std::collections::BTreeMap;

/// With more options than this, a space is not listed.
const MOST_OPTIONS: usize = 10_000;

/// A decision of the space, and what the trials took there.
pub(super) struct Decision {
    /// As in the columns of a one-hot encoding.
    pub name: String,
    /// In the order of the space.
    pub options: Vec<String>,
    /// Of each trial the option, if it has the decision.
    pub picks: Vec<Option<u16>>,
}

/// The trials that can be compared, with their decisions.
pub(super) struct Decided {
    /// Those that a trial has, in the order of the space.
    pub decisions: Vec<Decision>,
    pub scores: Vec<f64>,
    /// The numbers of the trials.
    pub trials: Vec<usize>,
    /// After how many epochs, if some trials had fewer.
    epochs: Option<usize>,
}

impl Decision {
    pub fn as_picks(&self) -> Picks<'_> {
        Picks { options: self.options.len(), of: &self.picks }
    }

    /// The share of the trials that have it.
    pub fn share(&self) -> f64 {
        let have = self.picks.iter().flatten().count();
        have as f64 / self.picks.len().max(1) as f64
    }
}

impl Decided {
    /// Which trials these are, in words.
    pub fn shown(&self) -> String {
        let n = thousands(self.trials.len() as u128);
        match self.epochs {
            None => format!("{n} trials"),
            Some(epochs) => format!("the {n} trials with {}", plural(epochs, "epoch")),
        }
    }

    pub fn as_picks(&self) -> Vec<Picks<'_>> {
        self.decisions.iter().map(Decision::as_picks).collect()
    }

    /// The decision of this name.
    pub fn named(&self, name: &str, call: &str) -> Result<&Decision> {
        let found = self.decisions.iter().find(|d| d.name == name);
        found.ok_or_else(|| {
            let names: Vec<String> = self.decisions.iter().map(|d| d.name.clone()).collect();
            let shown: Vec<String> = names.iter().take(12).map(|n| format!("{n:?}")).collect();
            let more = if names.len() > 12 { ", ..." } else { "" };
            let meant = nearest(name, &names).unwrap_or(&names[0]);
            Error::invalid(
                format!("{call} with the decision {name:?}"),
                format!("the decisions of the trials are {}{more}", shown.join(", ")),
                format!("{meant:?}"),
            )
        })
    }
}

impl Study {
    /// The trials that finished with a score, after as many epochs as any, and were not reused from an earlier trial.
    pub(super) fn decided(&self, call: &str) -> Result<Decided> {
        let places = self.setup.space.places();
        let (width, call) = (places.width, format!("{call} of a study"));
        if width > MOST_OPTIONS {
            return Err(Error::invalid(
                format!("{call} whose space has {width} options"),
                format!("at most {MOST_OPTIONS} are listed"),
                "a space with fewer choices in it",
            ));
        }
        if self.setup.space.size() == Some(1) {
            return Err(Error::invalid(
                format!("{call} whose space has a single architecture"),
                "there is nothing to decide",
                "a choice, as conv(any([16, 32]), 3)",
            ));
        }
        let all = self.trials_done();
        let most = deepest(all.iter());
        let counts = |t: &&crate::record::Trial| t.depth() == most && t.reused_from().is_none();
        let scored = all.iter().filter(counts).filter_map(|t| {
            let score = t.score().filter(|s| s.is_finite())?;
            Some((t, score))
        });
        let scored: Vec<_> = scored.collect();
        if scored.len() < 2 {
            let failed = all.iter().filter(|t| t.error().is_some()).count();
            let failures = if failed > 0 { format!(", {failed} failed") } else { String::new() };
            let fewer = all.iter().any(|t| t.score().is_some() && t.depth() < most);
            let epochs =
                if fewer { format!(" after {}", plural(most, "epoch")) } else { String::new() };
            let (done, with) = (plural(all.len(), "trial"), scored.len());
            return Err(Error::invalid(
                format!("{call} with {done}: {with} with a score of its own{epochs}{failures}"),
                "at least 2 are needed, and 100 before their decisions tell much",
                "study.run() first, with more trials that end with a score",
            ));
        }
        let mut labels = vec![];
        places.labels("", &mut labels);
        let mut columns: BTreeMap<usize, (usize, Vec<Option<u16>>)> = BTreeMap::new();
        for (i, (trial, _)) in scored.iter().enumerate() {
            let mut taken = vec![];
            places.taken(&mut trial.architecture().decided().iter(), 0, &mut taken);
            for place in taken {
                let column = columns.entry(place.at);
                let empty = || (place.options as usize, vec![None; scored.len()]);
                column.or_insert_with(empty).1[i] = u16::try_from(place.pick).ok();
            }
        }
        let decision = |(at, (options, picks)): (usize, (usize, Vec<Option<u16>>))| {
            let labels = labels.get(at..at + options)?;
            let name = labels.first()?.0.clone();
            let options = labels.iter().map(|(_, option)| option.clone()).collect();
            Some(Decision { name, options, picks })
        };
        let decisions: Vec<Decision> = columns.into_iter().filter_map(decision).collect();
        if decisions.is_empty() {
            return Err(Error::invalid(
                format!("{call} whose space has a single architecture"),
                "there is nothing to decide",
                "a choice, as conv(any([16, 32]), 3)",
            ));
        }
        let (trials, scores) = scored.iter().map(|(t, score)| (t.number(), *score)).unzip();
        let fewer = all.iter().any(|t| t.score().is_some() && t.depth() < most);
        Ok(Decided { decisions, scores, trials, epochs: fewer.then_some(most) })
    }
}
