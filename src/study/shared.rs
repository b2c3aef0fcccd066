//! One-shot searches as studies: how one is made, what it derives, and its charts.

use super::Study;
use crate::chart::{
    CellWeights, Chart, DecisionProbabilities, Probabilities, SearchSignals, Signal, WeightedEdge,
};
use crate::error::{Error, ErrorKind, Result};
use crate::evaluate::{AnyEvaluator, Evaluation, Train};
use crate::oneshot::{Layout, Method, OneShot};
use crate::record::{Duplicates, Trial};
use crate::space::{Architecture, Space};
use crate::strategy::{IntoStrategy, Strategy};
use std::sync::Arc;

/// The number of an epoch, and the weights of all options after it.
type Row = (f64, Vec<f64>);

impl Study {
    /// A one-shot search: all architectures of the space are trained at once, in one network with shared
    /// weights, and the method derives one of them. Each trial is an epoch of the training: its
    /// architecture is the one that would be derived after it, its score the accuracy (or what the task
    /// has) that this one reaches on the shared weights, on the validation split. The alphas or the
    /// controller learn from one half of the training split, the weights from the other.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let data = Dataset::digits().take(300);
    /// let op = one_of([conv(same(), 3), conv(same(), 1), skip()]);
    /// let space = Space::on(&data).then(conv(8, 3)).then(&op).then(&op).then(global_avg_pool());
    ///
    /// let train = Train::on(&data).epochs(3);
    /// let search = Study::one_shot(&space, &train, Darts::second_order()).seed(1).quiet().run()?;
    /// assert_eq!(search.trials_done().len(), 3);
    ///
    /// let derived = search.derived()?;
    /// let alone = train.retrain(&derived, 3, 1)?; // what it comes to when it is trained alone
    /// # let _ = alone;
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn one_shot(space: &Space, train: &Train, method: impl Into<Method>) -> Study {
        let search = OneShot::new(space, train, method.into());
        let mut study = Study::new(space, search.clone());
        let setup = Arc::make_mut(&mut study.setup);
        setup.one_shot = Some(search.clone());
        setup.strategy = search.into_strategy();
        let epochs = train.settings.epochs.max(0) as usize;
        (setup.protocol.batch, setup.protocol.trials) = (1, Some(epochs));
        setup.protocol.duplicates = Duplicates::Repeat;
        study
    }

    /// An evaluator that scores any architecture on the weights that a one-shot search has come to: for
    /// their ranking, or for a search by another strategy.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let data = Dataset::digits().take(300);
    /// let op = one_of([conv(same(), 3), conv(same(), 1), skip()]);
    /// let space = Space::on(&data).then(conv(8, 3)).then(&op).then(global_avg_pool());
    /// let search = Study::one_shot(&space, &Train::on(&data).epochs(2), Darts::first_order()).quiet().run()?;
    /// let all = Study::new(&space, search.shared()?).strategy(Grid).quiet().run()?;
    /// assert_eq!(all.trials_done().len(), 3);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When it is no one-shot search, or no epoch has ended.
    pub fn shared(&self) -> Result<AnyEvaluator> {
        let search = self.searched()?;
        let epochs = self.trials_done().len();
        self.derived()?;
        Ok(search.shared(epochs, self.setup.protocol.seed))
    }

    /// The architecture that a one-shot search derives: that of its last epoch.
    ///
    /// # Errors
    /// When it is no one-shot search, or no epoch has ended.
    pub fn derived(&self) -> Result<Architecture> {
        let trials = self.trials_done();
        // A journal that was loaded to be looked at has nothing but its trials.
        if !trials.iter().any(|t| t.origin().starts_with("epoch ")) {
            self.searched()?;
        }
        match trials.iter().rev().find(|t| t.score().is_some()) {
            Some(last) => Ok(last.architecture()),
            None => Err(not_yet(trials.last())),
        }
    }

    fn searched(&self) -> Result<&OneShot> {
        self.setup.one_shot.as_ref().ok_or_else(|| {
            Error::invalid(
                "a study that is no one-shot search",
                "only such a search has shared weights and derives an architecture from them",
                "Study::one_shot(&space, &train, Darts::first_order())",
            )
        })
    }

    /// The weights of the options after each epoch: the number of the epoch, and the list.
    fn option_weights(&self) -> Result<(Layout, Vec<Row>)> {
        let layout = self.searched()?.layout()?;
        let row = |t: &Trial| {
            let weights = t.evaluation()?.option_weights();
            (weights.len() == layout.width).then_some((t.number() as f64 + 1.0, weights))
        };
        let rows: Vec<Row> = self.trials_done().iter().filter_map(row).collect();
        match rows.is_empty() {
            false => Ok((layout, rows)),
            true => Err(not_yet(self.trials_done().last())),
        }
    }

    /// How the weights of the options of a one-shot search have changed, as a chart: a panel for each
    /// choice. Those of ENAS are the probabilities by which its controller draws them.
    ///
    /// # Errors
    /// When it is no one-shot search, or no epoch has ended.
    pub fn operation_weights(&self) -> Result<Chart> {
        let (layout, rows) = self.option_weights()?;
        let panel = |(name, options, at): &(String, Vec<String>, usize)| DecisionProbabilities {
            name: name.clone(),
            options: options.clone(),
            x: rows.iter().map(|(epoch, _)| *epoch).collect(),
            probabilities: rows.iter().map(|(_, w)| w[*at..at + options.len()].to_vec()).collect(),
        };
        let decisions = layout.groups.iter().map(panel).collect();
        let shown = self.setup.strategy.describe(self.setup.planned());
        Ok(Chart::new(Probabilities { x: "epochs".into(), shown, decisions }))
    }

    /// The cell of a differentiable search with edges as thick as the weights of their options, epoch by
    /// epoch, and what is derived in the end. Of several cells, such as a normal and a reduction cell, the
    /// one of this name; [`Study::searched_cells`] lists them.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let data = Dataset::digits().take(300);
    /// let space = Space::on(&data).then(presets::nas_bench_201(4, 1));
    /// let search = Study::one_shot(&space, &Train::on(&data).epochs(2), Gdas::new()).quiet().run()?;
    /// assert_eq!(search.searched_cells()?, ["cell"]);
    /// assert!(search.searched_cell("cell")?.svg().contains("nor_conv_3x3"));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When it is no differentiable search of a cell, there is none of this name, or no epoch has ended.
    pub fn searched_cell(&self, name: &str) -> Result<Chart> {
        let (layout, rows) = self.option_weights()?;
        let names: Vec<&str> = layout.cells.iter().map(|cell| cell.name.as_str()).collect();
        let cell = layout.cells.iter().find(|cell| cell.name == name).ok_or_else(|| {
            let known = match names.is_empty() {
                true => "the space has no cell with an operation on each edge".to_string(),
                false => format!("the cells are called {}", names.join(", ")),
            };
            Error::invalid(format!("the cell {name:?}"), known, "study.searched_cells()?")
        })?;
        let derived = self.searched()?.derived_weights(&self.derived()?)?;
        let on = |column: usize| derived.get(column).is_some_and(|w| *w > 0.0);
        let edges = cell.edges.iter().map(|edge| {
            let (_, options, at) = &layout.groups[edge.group];
            let kept = (0..options.len()).filter(|o| on(at + o) && edge.gate.is_none_or(on));
            WeightedEdge {
                from: edge.from,
                to: edge.to,
                options: options.clone(),
                frames: rows.iter().map(|(_, w)| w[*at..at + options.len()].to_vec()).collect(),
                kept: kept.collect(),
            }
        });
        let mut edges: Vec<WeightedEdge> = edges.collect();
        edges.extend(cell.fixed.iter().map(|&(from, to)| WeightedEdge {
            from,
            to,
            ..WeightedEdge::default()
        }));
        let frames = rows.iter().map(|(epoch, _)| format!("epoch {epoch}")).collect();
        let method = self.setup.strategy.describe(self.setup.planned());
        let shown = format!("{method}, {name}");
        Ok(Chart::new(CellWeights { shown, nodes: cell.nodes.clone(), edges, frames }))
    }

    /// The names of the cells that a differentiable search has weights for.
    ///
    /// # Errors
    /// When it is no one-shot search.
    pub fn searched_cells(&self) -> Result<Vec<String>> {
        let layout = self.searched()?.layout()?;
        Ok(layout.cells.iter().map(|cell| cell.name.clone()).collect())
    }

    /// What a one-shot search shows of itself, epoch by epoch: the shared score of what would be derived,
    /// the mean entropy of the weights (1 where all are equal), the number of skip connections, and what the
    /// method has besides: a temperature, the curvature of the validation loss, the reward of a controller.
    ///
    /// # Errors
    /// When it is no one-shot search, or no epoch has ended.
    pub fn search_signals(&self) -> Result<Chart> {
        self.searched()?;
        let trials = self.trials_done();
        if trials.iter().all(|t| t.score().is_none()) {
            return self.derived().map(|_| Chart::new(SearchSignals::default()));
        }
        let panel = |name: String, log: bool, figure: &dyn Fn(&Evaluation) -> Option<f64>| {
            let points = trials
                .iter()
                .filter_map(|t| Some((t.number() as f64 + 1.0, figure(&t.evaluation()?)?)));
            let (x, y): (Vec<f64>, Vec<f64>) = points.unzip();
            let unit = String::new();
            (!x.is_empty()).then_some(Signal { name, unit, log, points: false, x, y })
        };
        let score = format!("shared {} of what is derived", self.metric().name);
        let mut panels: Vec<Signal> = vec![];
        panels.extend(panel(score, false, &|e| Some(e.score())));
        for name in ["entropy", "skip connections", "temperature", "curvature", "reward"] {
            panels.extend(panel(name.to_string(), false, &|e| e.get(name)));
        }
        let stopped = trials.iter().filter(|t| t.origin().contains("stopped: "));
        let marks = stopped.map(|t| (t.number() as f64 + 1.0, "stopped".to_string())).collect();
        let shown = self.setup.strategy.describe(self.setup.planned());
        Ok(Chart::new(SearchSignals { x: "epochs".into(), shown, panels, marks }))
    }
}

/// The error of a search that has nothing to show; with its last trial, if there is one.
fn not_yet(last: Option<&Trial>) -> Error {
    let text = match last.and_then(Trial::error) {
        Some(why) => format!("every epoch of the search has failed, the last one with: {why}"),
        None => "no epoch of the search has ended. Try .run()? first".to_string(),
    };
    Error::new(ErrorKind::Missing, text)
}
