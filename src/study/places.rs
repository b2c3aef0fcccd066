//! Where a search has looked: its architectures in a plane, by their distances.

use super::Study;
use crate::chart::{Chart, Placed, SearchMap};
use crate::error::Result;
use crate::interrupt;
use crate::record::Trial;
use crate::space::{Compared, Distance};
use crate::stats::{Plane, spearman};
use crate::task::Metric;
use crate::words::thousands;
use std::collections::{BTreeSet, HashMap};

/// The most architectures that are placed, and of these the most whose distances to all others are computed.
const MOST: usize = 2_000;
const LANDMARKS: usize = 200;

impl Study {
    /// The architectures of this study as points of a plane, near each other where they differ in few decisions,
    /// coloured by score, with a line from each new best to the next. As [`Study::search_map_by`] with
    /// [`Distance::hamming`].
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::decisions([4, 4, 4]);
    /// let sum = evaluator(|a, _| a.decisions().iter().sum::<u32>() as f64);
    /// let study = Study::new(&space, sum).strategy(LocalSearch::new()).trials(40).quiet().run()?;
    /// assert!(study.search_map().svg().contains("Hamming distance"));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn search_map(&self) -> Chart {
        // Architectures of one space have a Hamming distance.
        self.search_map_by(&Distance::hamming())
            .unwrap_or_else(|_| Chart::new(SearchMap::default()))
    }

    /// The same by another distance. The places are those of classical multidimensional scaling, which keeps distances
    /// as well as a plane can; how well that is, the chart says by the rank correlation of both. Of more than 200 architectures, 200
    /// that are far apart are placed by their distances to each other, and the others by their distances to these; of
    /// more than 2,000, as many are drawn, evenly spread over the study.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([8], Task::classification(2)).then(repeat(1..=3, linear(any([4, 8, 16]))));
    /// let study = Study::new(&space, evaluator(|a, _| -(a.params() as f64))).trials(20).quiet().run()?;
    /// assert!(study.search_map_by(&Distance::edit())?.svg().contains("edit distance"));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Distance::between`], if it has no distance for any of the architectures, as the edit distance for
    /// decisions alone. If it has for some, only these are drawn.
    pub fn search_map_by(&self, distance: &Distance) -> Result<Chart> {
        let found = distinct(&self.trials_done());
        let deepest = found.iter().filter(|t| t.score().is_some()).map(Trial::depth).max();
        let kept = thinned(&found, deepest, &self.metric());
        let (mut trials, mut ready, mut why) = (vec![], vec![], None);
        for trial in &kept {
            interrupt::point();
            match distance.prepare(&trial.architecture(), false) {
                Ok(features) => {
                    trials.push(trial);
                    ready.push(features);
                }
                Err(e) => why = Some(e),
            }
        }
        if let (true, Some(e)) = (ready.is_empty(), why) {
            return Err(e);
        }
        let (landmarks, rows) = landmarks(&ready);
        let near = |i: usize| rows.iter().map(move |row| row[i]);
        let among: Vec<Vec<f64>> = landmarks.iter().map(|&i| near(i).collect()).collect();
        let plane = Plane::of(&among);
        let places: Vec<(f64, f64)> = (0..ready.len()).map(|i| plane.place(near(i))).collect();
        let placed = |(trial, &(x, y)): (&&Trial, &(f64, f64))| Placed {
            number: trial.number(),
            x,
            y,
            score: trial.score().filter(|_| Some(trial.depth()) == deepest),
            failed: trial.error().is_some(),
            name: trial.architecture().to_text(),
        };
        let points: Vec<Placed> = trials.iter().zip(&places).map(placed).collect();
        let name = distance.to_string();
        let kept_ranks = kept_order(&landmarks, &among, &places);
        let rho = kept_ranks.map_or(String::new(), |rho| format!(" (rank correlation {rho:.2})"));
        let mut shown = vec![format!("placed by {name}{rho}")];
        if ready.len() > landmarks.len() {
            shown.push(format!("by {} landmarks", landmarks.len()));
        }
        if found.len() > kept.len() {
            let (some, all) = (thousands(kept.len() as u128), thousands(found.len() as u128));
            shown.push(format!("{some} of {all} drawn"));
        }
        if ready.len() < kept.len() {
            shown.push(format!("{} have none", kept.len() - ready.len()));
        }
        shown.extend(deepest.and_then(|deepest| self.short_of(deepest)));
        let Metric { name: metric, maximise } = self.metric();
        let shown = shown.join(", ");
        Ok(Chart::new(SearchMap { metric, maximise, distance: name, shown, points }))
    }
}

/// For each architecture the trial that trained it longest, at the place of its first one.
fn distinct(trials: &[Trial]) -> Vec<Trial> {
    let mut places: HashMap<Vec<u32>, usize> = HashMap::new();
    let mut found: Vec<Trial> = vec![];
    for trial in trials.iter().filter(|t| t.reused_from().is_none()) {
        let place = *places.entry(trial.architecture().decisions()).or_insert(found.len());
        match found.get_mut(place) {
            None => found.push(trial.clone()),
            Some(known) => {
                let (old, new) = (
                    (known.score().is_some(), known.depth()),
                    (trial.score().is_some(), trial.depth()),
                );
                if new > old {
                    *known = trial.clone();
                }
            }
        }
    }
    found
}

/// At most [`MOST`] of them, evenly spread, and all that were the best so far.
fn thinned(trials: &[Trial], deepest: Option<usize>, metric: &Metric) -> Vec<Trial> {
    if trials.len() <= MOST {
        return trials.to_vec();
    }
    let mut kept: BTreeSet<usize> =
        (0..MOST).map(|k| k * (trials.len() - 1) / (MOST - 1)).collect();
    let mut best: Option<f64> = None;
    for (i, trial) in trials.iter().enumerate() {
        let Some(score) = trial.score().filter(|_| Some(trial.depth()) == deepest) else {
            continue;
        };
        if best.is_none_or(|b| metric.better(score, b)) {
            best = Some(score);
            kept.insert(i);
        }
    }
    kept.into_iter().map(|i| trials[i].clone()).collect()
}

/// Landmarks, each the farthest from those before it, and the distances of each to all. If there are few, all are landmarks.
fn landmarks(ready: &[Compared]) -> (Vec<usize>, Vec<Vec<f64>>) {
    let row = |i: usize| {
        interrupt::point();
        ready.iter().map(|other| ready[i].distance(other)).collect::<Vec<f64>>()
    };
    if ready.len() <= LANDMARKS {
        return ((0..ready.len()).collect(), (0..ready.len()).map(row).collect());
    }
    let (mut chosen, mut rows) = (vec![0], vec![row(0)]);
    let mut nearest = rows[0].clone();
    while chosen.len() < LANDMARKS {
        let far = |a: &usize, b: &usize| nearest[*a].total_cmp(&nearest[*b]);
        let Some(next) = (0..ready.len()).max_by(far).filter(|&i| nearest[i] > 0.0) else { break };
        let new = row(next);
        nearest.iter_mut().zip(&new).for_each(|(least, d)| *least = least.min(*d));
        chosen.push(next);
        rows.push(new);
    }
    (chosen, rows)
}

/// How well the distances of the landmarks in the plane keep the order of the true ones.
fn kept_order(landmarks: &[usize], among: &[Vec<f64>], places: &[(f64, f64)]) -> Option<f64> {
    let (mut truth, mut shown) = (vec![], vec![]);
    for (a, row) in among.iter().enumerate() {
        for (b, d) in row.iter().enumerate().take(a) {
            let ((x, y), (u, v)) = (places[landmarks[a]], places[landmarks[b]]);
            truth.push(*d);
            shown.push((x - u).hypot(y - v));
        }
    }
    spearman(&truth, &shown).ok().filter(|rho| rho.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::ChartData;
    use crate::evaluate::evaluator;
    use crate::space::Space;
    use crate::strategy::Random;

    fn points(chart: &Chart) -> SearchMap {
        match chart.data() {
            ChartData::SearchMap(map) => map,
            _ => panic!("another chart"),
        }
    }

    #[test]
    fn two_decisions_are_their_own_map() {
        // Two of two options: a square, whose corners have distance 1 along its sides.
        let space = Space::decisions([2, 2]);
        let study = Study::new(&space, evaluator(|a, _| f64::from(a.decisions()[0])));
        let study = study.strategy(crate::strategy::Grid).trials(4).quiet().run().unwrap();
        let map = points(&study.search_map());
        assert_eq!(map.points.len(), 4);
        let apart = |a: usize, b: usize| {
            let (p, q) = (&map.points[a], &map.points[b]);
            (p.x - q.x).hypot(p.y - q.y)
        };
        // The square of the diagonal is not the sum of the squares of the sides, as distances of 1 and 2 want it.
        assert!(
            (apart(0, 1) - apart(2, 3)).abs() < 1e-9 && (apart(0, 3) - apart(1, 2)).abs() < 1e-9
        );
        assert!(apart(0, 3) > apart(0, 1) + 0.1, "{map:?}");
    }

    #[test]
    fn many_are_placed_by_landmarks_and_thinned() {
        let space = Space::decisions([9, 9, 9, 9]);
        let sum = evaluator(|a, _| a.decisions().iter().sum::<u32>() as f64);
        let study = Study::new(&space, sum).strategy(Random).trials(3000).quiet().run().unwrap();
        let map = points(&study.search_map());
        assert!(
            map.shown.contains("200 landmarks") && map.shown.contains("drawn"),
            "{}",
            map.shown
        );
        assert!((MOST..MOST + 60).contains(&map.points.len()), "{}", map.points.len());
        let best = study.best().unwrap().number();
        assert!(map.points.iter().any(|p| p.number == best));
    }

    #[test]
    fn decisions_alone_have_no_edit_distance() {
        let space = Space::decisions([2, 2]);
        let study = Study::new(&space, evaluator(|_, _| 1.0)).trials(3).quiet().run().unwrap();
        let said = study.search_map_by(&Distance::edit()).unwrap_err().to_string();
        assert!(said.contains("Try "), "{said}");
        assert!(study.search_map_by(&Distance::weisfeiler_lehman(-1)).is_err());
        // Without a trial there is nothing to place, and no error.
        let none = Study::new(&space, evaluator(|_, _| 1.0));
        assert!(none.search_map_by(&Distance::edit()).unwrap().plain().contains("nothing to draw"));
    }
}
