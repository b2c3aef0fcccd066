//! Charts of how a search went: who descends from whom, and which trials were a population when.

use super::{Study, run};
use crate::chart::{
    Candidate, Chart, DecisionProbabilities, FamilyTree, Member, Population, Probabilities,
    Relative, SurrogateView,
};
use crate::count::Count;
use crate::evaluate::{Budget, Evaluator};
use crate::record::Trial;
use crate::space::Architecture;
use crate::strategy::Odds;
use crate::surrogate::Prediction;
use crate::task::Metric;
use std::collections::HashMap;

impl Study {
    /// The trials with lines to their parents, coloured by origin; the line of the best stands out.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::decisions([4, 4, 4]);
    /// let sum = evaluator(|a, _| a.decisions().iter().sum::<u32>() as f64);
    /// let study = Study::new(&space, sum).strategy(Evolution::regularized()).trials(40).quiet().run()?;
    /// assert!(study.family_tree().svg().contains("mutation"));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn family_tree(&self) -> Chart {
        let relative = |t: Trial| Relative {
            trial: t.number(),
            score: t.score(),
            parents: t.parents(),
            origin: t.origin(),
        };
        let metric = self.metric();
        Chart::new(FamilyTree {
            metric: metric.name,
            maximise: metric.maximise,
            trials: self.trials_done().into_iter().map(relative).collect(),
        })
    }

    /// The last `size` finished trials at each time, as the population of
    /// [`Evolution`](crate::Evolution): each a line from its birth to its death of age.
    pub fn population(&self, size: impl Count) -> Chart {
        let trials = self.trials_done();
        let finished: Vec<&Trial> = trials.iter().filter(|t| t.score().is_some()).collect();
        let size = size.to_size().max(1);
        let member = |(i, t): (usize, &&Trial)| Member {
            name: format!("trial {}", t.number()),
            score: t.score().unwrap_or(f64::NAN),
            born: t.number() as f64,
            died: finished.get(i.saturating_add(size)).map(|next| next.number() as f64),
        };
        let metric = self.metric();
        Chart::new(Population {
            x: "trials".into(),
            metric: metric.name,
            maximise: metric.maximise,
            members: finished.iter().enumerate().map(member).collect(),
            end: Some(trials.len() as f64),
        })
    }
}

/// The probabilities of a policy over time, a panel for each decision.
pub(crate) fn odds_chart(shown: &str, odds: Vec<Odds>) -> Chart {
    let mut decisions: Vec<DecisionProbabilities> = vec![];
    for Odds { decision, option, probabilities } in odds {
        if decisions.last().is_none_or(|d| d.name != decision) {
            decisions.push(DecisionProbabilities {
                name: decision,
                options: vec![],
                x: (0..probabilities.len()).map(|n| n as f64).collect(),
                probabilities: vec![vec![]; probabilities.len()],
            });
        }
        let Some(panel) = decisions.last_mut() else { continue };
        panel.options.push(option);
        panel.probabilities.iter_mut().zip(probabilities).for_each(|(row, p)| row.push(p));
    }
    Chart::new(Probabilities { x: "trials".into(), shown: shown.to_string(), decisions })
}

/// What a model expects of architectures after the trials of a study. The truth is shown where a trial
/// found it, and everywhere if it only has to be looked up; but not of several objectives, of which
/// the model predicts a weighted sum, and no score.
pub(crate) fn outlook_chart(
    study: &Study,
    architectures: &[Architecture],
    predictions: &[Prediction],
    acquisition: &str,
) -> Chart {
    let (metric, evaluator) = (study.metric(), study.evaluator());
    let several = study.objectives().len() > 1;
    let metric = if several { Metric::maximise("weighted objectives") } else { metric };
    let seen: HashMap<Vec<u32>, f64> = study
        .trials_done()
        .iter()
        .filter_map(|t| Some((t.architecture().decisions(), t.score()?)))
        .collect();
    let budget = Budget::new(evaluator.full(), evaluator.full(), 0);
    let look_up = |arch: &Architecture| {
        let cheap = evaluator.looks_up();
        let found = cheap.then(|| run::guarded(|| evaluator.evaluate(arch, &budget)).ok())?;
        found.map(|e| e.score())
    };
    let candidate = |(arch, p): (&Architecture, &Prediction)| {
        let known = seen.get(arch.decided()).copied();
        Candidate {
            name: arch.to_text(),
            mean: p.mean(),
            sd: p.sd(),
            ends: Some(p.ends()),
            acquisition: p.acquisition(),
            truth: if several { None } else { known.or_else(|| look_up(arch)) },
            seen: known.is_some(),
        }
    };
    let candidates: Vec<Candidate> = architectures.iter().zip(predictions).map(candidate).collect();
    let open = candidates.iter().enumerate().filter(|(_, c)| !c.seen && c.acquisition.is_finite());
    let chosen = open.max_by(|a, b| a.1.acquisition.total_cmp(&b.1.acquisition)).map(|(i, _)| i);
    Chart::new(SurrogateView {
        metric: metric.name,
        maximise: metric.maximise,
        acquisition: acquisition.to_string(),
        candidates,
        chosen,
    })
}
