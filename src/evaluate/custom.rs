//! Evaluators made from closures, and the owned handle that every evaluator is kept in.

use super::{Budget, Evaluation, Evaluator, Retrained, Watch};
use crate::data::{Dataset, Split};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::space::{Architecture, Space};
use crate::task::Metric;
use std::sync::Arc;

/// Any evaluator, in an owned handle that a notebook variable can hold.
#[derive(Clone)]
#[must_use = "methods return a new value and leave this one as it is"]
pub struct AnyEvaluator {
    inner: Arc<dyn Evaluator>,
    metric: Option<Metric>,
    full: Option<usize>,
}

impl AnyEvaluator {
    fn new(inner: Arc<dyn Evaluator>) -> Self {
        AnyEvaluator { inner, metric: None, full: None }
    }

    /// The same, with a smaller score being better.
    pub fn minimise(&self) -> Self {
        let metric = Metric { maximise: false, ..self.metric() };
        AnyEvaluator { metric: Some(metric), ..self.clone() }
    }

    /// The same, with a name for the score.
    pub fn named(&self, name: &str) -> Self {
        let metric = Metric { name: name.into(), ..self.metric() };
        AnyEvaluator { metric: Some(metric), ..self.clone() }
    }

    /// The same, with a full budget of this many epochs.
    pub fn epochs(&self, full: impl crate::count::Count) -> Self {
        AnyEvaluator { full: Some(full.to_size()), ..self.clone() }
    }

    /// The epochs of a full evaluation, if anything says how many.
    fn said(&self) -> Option<usize> {
        self.full.or_else(|| Some(self.inner.full()).filter(|&full| full > 0))
    }

    /// The budget of a full evaluation.
    pub(crate) fn whole(&self, seed: u64) -> Budget {
        self.said().map_or_else(|| Budget::open(seed), |full| Budget::new(full, full, seed))
    }

    /// Another evaluator, with the name, the direction and the epochs that this one was given.
    fn as_here(&self, other: AnyEvaluator) -> AnyEvaluator {
        let metric = self.metric.clone().or(other.metric);
        AnyEvaluator { metric, full: self.full.or(other.full), ..other }
    }

    /// The budget that it is given, in its own epochs where nothing says how many.
    fn own(&self, budget: &Budget) -> Budget {
        self.said().map_or(*budget, |full| budget.or_full(full))
    }
}

/// Methods of an evaluator that are answered by the one inside it, `$inner`, in which `$me` stands for
/// `self`. Without a list these are all that do not depend on the epochs or on the score's name.
macro_rules! inner_answers {
    ($me:ident => $inner:expr) => { inner_answers! { $me => $inner;
        fn describe() -> String;
        fn wraps() -> Option<&dyn Evaluator>;
        fn figures() -> Option<Vec<String>>;
        fn how_to_report(figure: &str) -> Option<String>;
        fn split() -> Option<Split>;
        fn stops_midway() -> bool;
        fn looks_up() -> bool;
        fn memory(arch: &Architecture) -> Option<usize>;
        fn data_fingerprint() -> u64;
        fn to_json() -> Option<String>;
        fn forecast(arch: &Architecture) -> Option<f64>;
        fn samples() -> Option<usize>;
        fn levels() -> Option<Vec<usize>>;
        fn problems() -> Vec<String>;
        fn problems_with(space: &Space) -> Vec<String>;
        fn retrain(arch: &Architecture, epochs: usize, seed: u64) -> Result<Retrained>;
    } };
    ($me:ident => $inner:expr;
     $(fn $name:ident($($arg:ident: $type:ty),*) -> $answer:ty;)*) => {$(
        fn $name(&self $(, $arg: $type)*) -> $answer {
            let $me = self;
            $inner.$name($($arg),*)
        }
    )*};
}

impl Evaluator for AnyEvaluator {
    inner_answers!(me => me.inner);
    fn evaluate(&self, arch: &Architecture, budget: &Budget) -> Result<Evaluation> {
        self.inner.evaluate(arch, &self.own(budget))
    }
    fn metric(&self) -> Metric {
        self.metric.clone().unwrap_or_else(|| self.inner.metric())
    }
    fn full(&self) -> usize {
        self.said().unwrap_or(1)
    }
    fn evaluate_watched(&self, a: &Architecture, b: &Budget, watch: &Watch) -> Result<Evaluation> {
        self.inner.evaluate_watched(a, &self.own(b), watch)
    }
    fn trained(&self, a: &Architecture, b: &Budget, watch: &Watch) -> Result<Model> {
        self.inner.trained(a, &self.own(b), watch)
    }
    fn moved(&self, data: &Dataset) -> Option<AnyEvaluator> {
        self.inner.moved(data).map(|found| self.as_here(found))
    }
    fn alone(&self) -> Option<AnyEvaluator> {
        self.inner.alone().map(|found| self.as_here(found))
    }
    fn known_optimum(&self, figure: Option<&str>) -> Option<f64> {
        // The optimum is known for the evaluator's own direction and budget.
        let turned = self.metric().maximise != self.inner.metric().maximise;
        let shortened = figure.is_none() && self.full.is_some_and(|full| full != self.inner.full());
        if turned || shortened { None } else { self.inner.known_optimum(figure) }
    }
}

impl std::fmt::Debug for AnyEvaluator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.describe())
    }
}

/// Whatever a study can take as its evaluator: a value, a reference to one that can be cloned, a
/// box or an arc. `How` tells the compiler which of these it is, and is never written.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot evaluate architectures",
    label = "pass Train::on(&data), evaluator(|arch, budget| ...), or a value that implements Evaluator"
)]
pub trait IntoEvaluator<How> {
    /// The owned handle.
    fn into_evaluator(self) -> AnyEvaluator;
}

impl<E: Evaluator + 'static> IntoEvaluator<crate::count::ByValue> for E {
    fn into_evaluator(self) -> AnyEvaluator {
        // A handle stays what it is, with its direction and name.
        let any: &dyn std::any::Any = &self;
        match any.downcast_ref::<AnyEvaluator>() {
            Some(handle) => handle.clone(),
            None => AnyEvaluator::new(Arc::new(self)),
        }
    }
}

impl<E: Evaluator + Clone + 'static> IntoEvaluator<crate::count::ByReference> for &E {
    fn into_evaluator(self) -> AnyEvaluator {
        self.clone().into_evaluator()
    }
}

macro_rules! pointers {
    ($($pointer:ident),*) => {$(
        impl<E: Evaluator + ?Sized> Evaluator for $pointer<E> {
            inner_answers!(me => (**me));
            inner_answers! { me => (**me);
                fn evaluate(arch: &Architecture, budget: &Budget) -> Result<Evaluation>;
                fn evaluate_watched(a: &Architecture, b: &Budget, w: &Watch) -> Result<Evaluation>;
                fn trained(a: &Architecture, b: &Budget, w: &Watch) -> Result<Model>;
                fn metric() -> Metric;
                fn full() -> usize;
                fn moved(data: &Dataset) -> Option<AnyEvaluator>;
                fn alone() -> Option<AnyEvaluator>;
                fn known_optimum(figure: Option<&str>) -> Option<f64>;
            }
        }
    )*};
}
pointers!(Box, Arc);

/// What a trial can be told: a score, an [`Evaluation`], or a `Result` of either.
#[diagnostic::on_unimplemented(
    message = "the result of a trial is an f64, an Evaluation, or a Result of one of them, not `{Self}`",
    label = "give a score, such as `0.9` or `x as f64`"
)]
pub trait IntoEvaluation {
    /// The evaluation.
    ///
    /// # Errors
    /// Why there is none.
    fn into_evaluation(self) -> Result<Evaluation>;
}

impl IntoEvaluation for f64 {
    fn into_evaluation(self) -> Result<Evaluation> {
        Ok(Evaluation::new(self))
    }
}

impl IntoEvaluation for f32 {
    fn into_evaluation(self) -> Result<Evaluation> {
        Ok(Evaluation::new(f64::from(self)))
    }
}

impl IntoEvaluation for Evaluation {
    fn into_evaluation(self) -> Result<Evaluation> {
        Ok(self)
    }
}

impl<T: IntoEvaluation, E: Into<Error>> IntoEvaluation for Result<T, E> {
    fn into_evaluation(self) -> Result<Evaluation> {
        self.map_err(Into::into)?.into_evaluation()
    }
}

/// What a closure of an evaluator may return: a score, an [`Evaluation`], or a [`Result`] of either
/// with our [`Error`]. There is one kind of `Result` only, so that a `?` in the closure, which takes
/// errors of any kind, needs no type.
#[diagnostic::on_unimplemented(
    message = "an evaluator returns an f64, an Evaluation, or a nascent::Result of one of them, not `{Self}`",
    label = "end with a score, such as `0.9` or `x as f64`; a Result with another error becomes ours in `Ok(result?)`"
)]
pub trait IntoOutcome {
    /// The evaluation.
    ///
    /// # Errors
    /// Why there is none.
    fn into_outcome(self) -> Result<Evaluation>;
}

macro_rules! outcomes {
    ($($type:ty),*) => {$(
        impl IntoOutcome for $type {
            fn into_outcome(self) -> Result<Evaluation> {
                self.into_evaluation()
            }
        }
    )*};
}
outcomes!(f64, f32, Evaluation);

impl<T: IntoOutcome> IntoOutcome for Result<T, Error> {
    fn into_outcome(self) -> Result<Evaluation> {
        self?.into_outcome()
    }
}

struct Closure<F>(F);

impl<F, R> Evaluator for Closure<F>
where
    F: Fn(&Architecture, &Budget) -> R + Send + Sync,
    R: IntoOutcome,
{
    fn evaluate(&self, arch: &Architecture, budget: &Budget) -> Result<Evaluation> {
        (self.0)(arch, budget).into_outcome()
    }
    fn describe(&self) -> String {
        "a closure".to_string()
    }
}

/// An evaluator from a closure of the architecture and the budget (which holds the seed). For a
/// training with another score, [`Train::score`](crate::Train::score) is shorter.
///
/// It may use `?`, and return several figures. A training that is called with the closure's budget
/// trains for its own epochs, ends when the study is stopped, and counts what it has spent:
///
/// ```
/// use nascent::prelude::*;
/// let data = Dataset::digits().take(200);
/// let space = Space::on(&data).then(linear(any([8, 64])));
/// let train = Train::on(&data).epochs(2); // moved into the closure; `data` stays
/// let priced = evaluator(move |arch, budget| {
///     let e = train.evaluate(arch, budget)?;
///     Ok(Evaluation::new(e.score() - 1e-5 * arch.params() as f64).with("accuracy", e.score()))
/// });
/// Study::new(&space, &priced).trials(2).quiet().run()?.best()?;
/// # Ok::<(), nascent::Error>(())
/// ```
///
/// A number will do as well:
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8, 16])));
/// let small = evaluator(|arch, _budget| arch.params() as f64).minimise().named("parameters");
/// let study = Study::new(&space, small).strategy(Grid).trials(3).quiet().run()?;
/// assert_eq!(study.best()?.score(), Some(4.0 * 8.0 + 4.0 + 4.0 * 2.0 + 2.0));
/// # Ok::<(), nascent::Error>(())
/// ```
pub fn evaluator<F, R>(f: F) -> AnyEvaluator
where
    F: Fn(&Architecture, &Budget) -> R + Send + Sync + 'static,
    R: IntoOutcome + 'static,
{
    AnyEvaluator::new(Arc::new(Closure(f)))
}
