//! Strategies made from closures, and the owned handle that every strategy is kept in.

use super::{Proposal, Strategy};
use crate::error::{Error, Result};
use crate::record::History;
use crate::rng::Rng;
use crate::space::Architecture;
use std::path::Path;
use std::sync::Arc;

/// Any strategy, in an owned handle that a notebook variable can hold.
#[derive(Clone)]
#[must_use = "methods return a new value and leave this one as it is"]
pub struct AnyStrategy(Arc<dyn Strategy>);

/// A strategy that asks the one inside it.
macro_rules! forwarded {
    ($([$($parameters:tt)*] $strategy:ty, $this:ident => $inner:expr;)*) => {$(
        impl $($parameters)* Strategy for $strategy {
            fn ask(&self, history: &History, rng: &mut Rng) -> Result<Proposal> {
                let $this = self;
                $inner.ask(history, rng)
            }
            fn describe(&self, trials: usize) -> String {
                let $this = self;
                $inner.describe(trials)
            }
            fn to_json(&self) -> Option<String> {
                let $this = self;
                $inner.to_json()
            }
            fn problems(&self) -> Vec<String> {
                let $this = self;
                $inner.problems()
            }
            fn beside(&self, journal: Option<&Path>, seed: u64) {
                let $this = self;
                $inner.beside(journal, seed)
            }
            fn rungs_of(&self, full: usize, levels: &[usize]) -> Option<Result<Vec<usize>>> {
                let $this = self;
                $inner.rungs_of(full, levels)
            }
        }
    )*};
}
forwarded! {
    [] AnyStrategy, any => any.0;
    [<S: Strategy + ?Sized>] Box<S>, pointer => (**pointer);
    [<S: Strategy + ?Sized>] Arc<S>, pointer => (**pointer);
}

super::debug_as_described!(AnyStrategy);

/// Whatever a study can take as its strategy: a value, a reference to one that can be cloned, a box,
/// an arc, or the name of a row of [`strategies`](fn@crate::strategies) or [`schedules`](crate::schedules). `How` tells the compiler which of these it is, and is never written.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot choose architectures",
    label = "pass \"random\", Grid, LocalSearch::new(), Evolution::regularized(), Tpe::new(), strategy(\"name\", |history, rng| ...), or a value that implements Strategy"
)]
pub trait IntoStrategy<How> {
    /// The owned handle.
    fn into_strategy(self) -> AnyStrategy;
}

impl<S: Strategy + 'static> IntoStrategy<crate::count::ByValue> for S {
    fn into_strategy(self) -> AnyStrategy {
        let any: &dyn std::any::Any = &self;
        match any.downcast_ref::<AnyStrategy>() {
            Some(handle) => handle.clone(),
            None => AnyStrategy(Arc::new(self)),
        }
    }
}

impl<S: Strategy + Clone + 'static> IntoStrategy<crate::count::ByReference> for &S {
    fn into_strategy(self) -> AnyStrategy {
        self.clone().into_strategy()
    }
}

/// Marks a strategy's name.
#[doc(hidden)]
pub enum ByName {}

impl IntoStrategy<ByName> for &str {
    fn into_strategy(self) -> AnyStrategy {
        AnyStrategy::named(self).unwrap_or_else(|e| AnyStrategy(Arc::new(Unknown(e))))
    }
}

impl IntoStrategy<ByName> for String {
    fn into_strategy(self) -> AnyStrategy {
        self.as_str().into_strategy()
    }
}

impl IntoStrategy<ByName> for &String {
    fn into_strategy(self) -> AnyStrategy {
        self.as_str().into_strategy()
    }
}

/// A name that no strategy has: the study that it was given to says so.
struct Unknown(Error);

impl Strategy for Unknown {
    fn ask(&self, _: &History, _: &mut Rng) -> Result<Proposal> {
        Err(self.0.clone())
    }
    fn describe(&self, _: usize) -> String {
        "an unknown strategy".into()
    }
    fn problems(&self) -> Vec<String> {
        vec![self.0.to_string()]
    }
}

/// What a closure of a strategy may return: an [`Architecture`], a [`Proposal`], or a [`Result`] of
/// either with our [`Error`]. There is one kind of `Result` only, so that `?` in a closure needs no
/// type.
#[diagnostic::on_unimplemented(
    message = "a strategy returns an Architecture, a Proposal, or a nascent::Result of one of them, not `{Self}`",
    label = "end with an architecture, as `history.space().sample(rng)`; of a Result with another error, with `Ok(result?)`"
)]
pub trait IntoProposal {
    /// The proposal.
    ///
    /// # Errors
    /// Why there is none.
    fn into_proposal(self) -> Result<Proposal>;
}

impl IntoProposal for Architecture {
    fn into_proposal(self) -> Result<Proposal> {
        Ok(self.into())
    }
}

impl IntoProposal for Proposal {
    fn into_proposal(self) -> Result<Proposal> {
        Ok(self)
    }
}

// Of no other error: with one type alone, closures with `?` need no annotation.
impl<T: IntoProposal> IntoProposal for Result<T, Error> {
    fn into_proposal(self) -> Result<Proposal> {
        self?.into_proposal()
    }
}

struct Closure<F> {
    name: String,
    f: F,
}

impl<F, R> Strategy for Closure<F>
where
    F: Fn(&History, &mut Rng) -> R + Send + Sync,
    R: IntoProposal,
{
    fn ask(&self, history: &History, rng: &mut Rng) -> Result<Proposal> {
        (self.f)(history, rng).into_proposal()
    }
    fn describe(&self, _: usize) -> String {
        self.name.clone()
    }
}

/// A strategy from a closure of the history and the trial's stream of random numbers.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8, 16])));
/// let mine = strategy("mine", |history, rng| history.space().sample(rng));
/// let study = Study::new(&space, evaluator(|a, _| a.params() as f64)).strategy(mine).trials(5).quiet().run()?;
/// assert_eq!(study.trials_done().len(), 5);
/// # Ok::<(), nascent::Error>(())
/// ```
pub fn strategy<F, R>(name: &str, f: F) -> AnyStrategy
where
    F: Fn(&History, &mut Rng) -> R + Send + Sync + 'static,
    R: IntoProposal + 'static,
{
    AnyStrategy(Arc::new(Closure { name: name.to_string(), f }))
}
