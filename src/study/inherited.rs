//! The networks of trials, with the weights that they inherited.

use super::{Study, run};
use crate::error::{Error, Result};
use crate::evaluate::{Evaluator, Watch};
use crate::model::Model;
use crate::record::Trial;

impl Study {
    /// The network that a trial has trained, with the weights that it ended with, those that it inherited
    /// included. It is trained again, which takes as long as the trial did; where weights that it
    /// inherited are not in memory any more, those are trained as well. The seed makes it the same.
    /// [`Study::retrain`] trains the best architecture anew instead, longer and on more data.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let data = Dataset::digits().take(200);
    /// let space = Space::on(&data).then(linear(any([8, 16, 32])));
    /// let study = Study::new(&space, Train::on(&data).epochs(2)).trials(3).quiet().run()?;
    /// let model = study.model(&study.best()?)?;
    /// assert_eq!(model.predict((&data, Split::Test))?.len(), data.sizes().2);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the trial has not finished or is of another study, or the evaluator is not a training.
    pub fn model(&self, trial: &Trial) -> Result<Model> {
        let (trial, ancestor) = {
            let state = self.lock();
            let ours = state.trials().get(trial.number());
            let ours = ours.filter(|t| t.architecture() == trial.architecture());
            let Some(ours) = ours.filter(|t| t.finished().is_some()) else {
                return Err(Error::invalid(
                    format!("the network of trial {}", trial.number()),
                    "this study has no such trial that has finished",
                    "study.model(&study.best()?)",
                ));
            };
            let from = ours.reused_from().unwrap_or(ours.number());
            let ours = state.trials()[from].clone();
            let ancestor = state.ancestor(ours.inherits());
            (ours, ancestor)
        };
        let watch = Watch::none().shelving(Some(self.setup.shelf()));
        let watch = watch.inheriting(ancestor, false);
        let (arch, budget) = (trial.architecture(), trial.budget());
        run::guarded(|| self.setup.evaluator.trained(&arch, &budget, &watch))
    }
}
