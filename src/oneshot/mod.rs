//! One-shot search: all architectures of a space are trained at once, in one network, and one of them is
//! derived from it. Each file holds one method and its row; what they share is in `bilevel.rs` (alphas and
//! weights in turn) and `relaxation.rs` (weights from alphas).
//!
//! A search gives a [`Study`](crate::Study), as any other: a trial is an epoch, its architecture the one that
//! would be derived after it, its score what this one reaches on the weights that all share. So the same
//! journal, charts and limits serve. What it derives in the end is
//! [`Study::derived`](crate::Study::derived); train it alone before you believe its score.

mod bilevel;
mod darts;
mod drnas;
mod enas;
mod fairnas;
mod gdas;
mod halves;
mod paths;
mod pc_darts;
mod random_sharing;
mod relaxation;
mod reward;
mod search;
mod snas;
mod spos;

pub use darts::Darts;
pub use drnas::DrNas;
pub use enas::Enas;
pub use fairnas::FairNas;
pub use gdas::Gdas;
pub use pc_darts::PcDarts;
pub use random_sharing::RandomSharing;
pub(crate) use search::{Layout, ONE_SHOT, OneShot};
pub use snas::Snas;
pub use spos::Spos;

use crate::error::{Error, Result};
use crate::evaluate::{Kept, Supernet, Train, Watch};
use crate::graph::{MixedGraph, Relaxed};
use crate::space::Space;
use crate::words::which;
use bilevel::{Bilevel, Rules};
use relaxation::Relaxation;
use std::fmt;
use std::sync::Arc;

/// A search in progress, epoch by epoch.
trait Search: Send {
    /// The epochs that are over.
    fn epoch(&self) -> usize;
    /// One epoch.
    fn advance(&mut self, watch: &Watch) -> Result<()>;
    /// Why it has stopped before its last epoch.
    fn stopped(&self) -> Option<String>;
    /// The decisions of the architecture that would be derived now.
    fn derive(&mut self) -> Result<Vec<u32>>;
    /// The validation metrics of an architecture on the shared weights, the score first.
    fn score(&mut self, decisions: &[u32], watch: &Watch) -> Result<Vec<(String, f64)>>;
    /// The validation metrics of the network that mixes all options with these weights.
    fn mixture(&mut self, weights: &[f64], watch: &Watch) -> Result<Vec<(String, f64)>> {
        let _ = (weights, watch);
        Err(Error::invalid(
            "a mixture of all options in a search on single paths",
            "only a differentiable search trains one",
            "Darts::first_order()",
        ))
    }
    /// What is to be shown of this epoch.
    fn signals(&mut self, watch: &Watch) -> Result<Signals>;
    /// All that is needed to go on in another process.
    fn keep(&self) -> Result<Kept>;
    fn restore(&mut self, kept: Kept) -> Result<()>;
}

/// What there is to show of an epoch.
struct Signals {
    figures: Vec<(String, f64)>,
    /// The weights of all options (see [`Relaxed`]); empty where a method has none.
    weights: Vec<f64>,
}

type Begin = dyn Fn(&Space, &Train, u64) -> Result<Box<dyn Search>> + Send + Sync;

/// A method of one-shot search with its settings, for [`Study::one_shot`](crate::Study::one_shot); made of
/// [`Darts`], [`Gdas`], [`Snas`], [`PcDarts`], [`DrNas`], [`Enas`], [`Spos`], [`FairNas`] or
/// [`RandomSharing`] by `into()`.
#[derive(Clone)]
pub struct Method {
    name: String,
    problems: Vec<String>,
    how: How,
    begin: Arc<Begin>,
}

/// How a method goes through the options of a space.
#[derive(Clone, Copy, PartialEq)]
enum How {
    /// All at once: whether edges have weights, and of how many channels the options see one.
    Mixed((bool, usize)),
    /// By paths that a controller draws.
    Controller,
    /// By paths that are drawn without looking at how good they are.
    Paths { fair: bool },
}

impl Method {
    /// A method of alphas and weights in turn.
    fn relaxed(name: &str, relaxation: impl Relaxation + 'static, rules: Rules) -> Method {
        let relaxation: Arc<dyn Relaxation> = Arc::new(relaxation);
        Method {
            name: format!("{name}{}", rules.describe()),
            problems: rules.problems(),
            how: How::Mixed(rules.how()),
            begin: Arc::new(move |space, train, seed| {
                let begun = Bilevel::begin(rules, relaxation.clone(), space, train, seed)?;
                Ok(Box::new(begun))
            }),
        }
    }

    /// The method of this name in the table; see [`one_shot_methods`].
    ///
    /// ```
    /// use nascent::prelude::*;
    /// assert!(Method::named("gdas").is_ok());
    /// assert!(Method::named("dart").unwrap_err().to_string().contains("darts, darts2, gdas"));
    /// ```
    ///
    /// # Errors
    /// When there is no such row.
    pub fn named(name: &str) -> Result<Method> {
        let names: Vec<&str> = METHODS.iter().map(|row| row.name).collect();
        Ok((METHODS[which("method", name, &names)?].make)())
    }

    /// What keeps it from searching this space with this training.
    fn problems(&self, space: &Space, train: &Train) -> Vec<String> {
        let mut found = self.problems.clone();
        if let How::Paths { fair } = self.how {
            let all = Supernet::on(space, train);
            found.extend(if fair { all.fair() } else { all }.own_faults());
        } else {
            found.extend(halves(train));
        }
        if let Some(patience) = train.settings.patience {
            let instead = match self.how {
                How::Mixed(_) => "Try stop_at_skips(2) of the method, or leave it out",
                _ => "Leave it out",
            };
            found.push(format!(
                "early_stop({patience}) in a one-shot search: its epochs are not those of one network. \
                 {instead}."
            ));
        }
        if train.settings.keep_best {
            found.push(
                "keep_best_epoch() in a one-shot search: it derives from its last epoch. Try it where the \
                 derived network is trained alone."
                    .to_string(),
            );
        }
        found.extend(self.mixed(space).and_then(Result::err).map(|e| e.to_string()));
        found
    }

    /// The network of all options, where it mixes them.
    fn mixed(&self, space: &Space) -> Option<Result<MixedGraph>> {
        let How::Mixed((normalise, share)) = self.how else { return None };
        let spec = space.networks().spec();
        Some(Relaxed::of(spec).and_then(|all| MixedGraph::of(spec, &all, normalise, share)))
    }

    /// The bytes of shared weights and a path, where it trains single paths and that is known.
    fn shared_memory(&self, space: &Space, train: &Train) -> Option<usize> {
        let all = Supernet::on(space, train);
        match self.how {
            How::Mixed(_) => None,
            How::Paths { fair: true } => all.fair().memory(),
            _ => all.memory(),
        }
    }

    /// The same, with other things that are wrong with its settings.
    fn with_problems(mut self, problems: impl IntoIterator<Item = String>) -> Method {
        self.problems.extend(problems);
        self
    }
}

/// What is wrong with the training samples of a search that needs two halves of them.
fn halves(train: &Train) -> Option<String> {
    let (batch, samples) = (train.settings.batch.max(1) as usize, train.data.sizes().0);
    if samples < 2 {
        return Some(format!(
            "{samples} training samples, of which one half trains the weights and the other the choice: more \
             data are needed, at least {} samples for this batch.",
            2 * batch
        ));
    }
    (samples / 2 < batch).then(|| {
        format!(
            "{samples} training samples, of which one half trains the weights and the other the choice: a \
             batch of {batch} does not fit into {}. Try .batch_size({}), or more data.",
            samples / 2,
            (samples / 4).max(1)
        )
    })
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

crate::draw::debug_as_display!(Method);

/// A search outside a study, for benchmarks.
pub(crate) struct Begun(Box<dyn Search>);

/// Begins the search of a method of the table.
pub(crate) fn begin(name: &str, space: &Space, train: &Train) -> Result<Begun> {
    Ok(Begun((Method::named(name)?.begin)(space, train, 1)?))
}

impl Begun {
    pub(crate) fn epoch(&mut self) -> Result<()> {
        self.0.advance(&Watch::none())
    }
}

/// A row of the table of one-shot methods.
#[derive(Clone, Debug)]
pub struct MethodInfo {
    /// Its name.
    pub name: &'static str,
    /// How it searches, in a line.
    pub about: &'static str,
    /// Where it was described.
    pub paper: &'static str,
    /// Makes the method with its default settings.
    pub make: fn() -> Method,
}

/// The table of one-shot methods.
///
/// ```
/// let names: Vec<&str> = nascent::one_shot_methods().iter().map(|row| row.name).collect();
/// let mixing = ["darts", "darts2", "gdas", "snas", "pc_darts", "drnas"];
/// assert_eq!(names, [&mixing[..], &["enas", "spos", "fairnas", "random_sharing"]].concat());
/// ```
pub fn one_shot_methods() -> &'static [MethodInfo] {
    METHODS
}

static METHODS: &[MethodInfo] = &[
    darts::ROW,
    darts::SECOND,
    gdas::ROW,
    snas::ROW,
    pc_darts::ROW,
    drnas::ROW,
    enas::ROW,
    spos::ROW,
    fairnas::ROW,
    random_sharing::ROW,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::AnyStrategy;

    #[test]
    fn who_takes_a_method_for_a_strategy_is_told_where_it_is() {
        let names: Vec<&str> = METHODS.iter().map(|row| row.name).collect();
        assert_eq!(names, crate::fidelity::SHARED);
        for name in ["DARTS", "pc-darts"] {
            let said = AnyStrategy::named(name).err().map(|e| e.to_string()).unwrap_or_default();
            assert!(said.contains("Study::one_shot(&space, &train, Method::named(\""), "{said}");
            assert!(Method::named(name).is_ok());
        }
    }
}
