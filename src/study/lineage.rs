//! Charts of how a search went: who descends from whom, and which trials were a population when.

use super::Study;
use crate::chart::{Chart, FamilyTree, Member, Population, Relative};
use crate::count::Count;
use crate::record::Trial;
use crate::task::Metric;

impl Study {
    /// The trials with lines to their parents, coloured by origin; the ancestry of the best stands out.
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
        let Metric { name: metric, maximise } = self.metric();
        let trials = self.trials_done().into_iter().map(relative).collect();
        Chart::new(FamilyTree { metric, maximise, trials })
    }

    /// The last `size` finished trials at each time, which are the population of
    /// [`Evolution`](crate::Evolution): each is a line from its birth to its death by age.
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
        let Metric { name: metric, maximise } = self.metric();
        let members = finished.iter().enumerate().map(member).collect();
        let end = Some(trials.len() as f64);
        Chart::new(Population { x: "trials".into(), metric, maximise, members, end })
    }
}
