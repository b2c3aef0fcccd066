//! One-shot searches as studies: how one is made, what it derives, and its charts.

use super::{Study, guarded};
use crate::chart::{
    CellWeights, Chart, DecisionProbabilities, Landscape, Probabilities, SearchSignals, Signal,
    Trajectory, Waypoint, WeightedEdge,
};
use crate::count::Count;
use crate::error::{Error, ErrorKind, Result};
use crate::evaluate::{AnyEvaluator, Evaluation, Evaluator, IntoEvaluator, Train, Watch};
use crate::oneshot::{Layout, Method, OneShot};
use crate::record::{Duplicates, Trial};
use crate::space::{Architecture, Space};
use crate::strategy::{IntoStrategy, Strategy};
use crate::words::plural;
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
    /// let sgd = Optimizer::sgd(0.9).learning_rate(0.025).weight_decay(3e-4);
    /// let train = Train::on(&data).epochs(3).optimizer(sgd).clip_gradient(5.0);
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

    /// The weights of the options after each epoch.
    fn option_weights(&self) -> Result<(Layout, Vec<Row>)> {
        let layout = self.searched()?.layout()?;
        let row = |t: &Trial| {
            let weights = t.evaluation()?.option_weights();
            (weights.len() == layout.width).then_some((t.number() as f64 + 1.0, weights))
        };
        let rows: Vec<Row> = self.trials_done().iter().filter_map(row).collect();
        match rows.is_empty() {
            false => Ok((layout, rows)),
            // A controller of very many options does not tell them apart.
            true if self.trials_done().iter().any(|t| t.score().is_some()) => Err(Error::invalid(
                format!("the weights of {} options", layout.width),
                "its epochs hold none: a controller lists those of at most 10000",
                "study.search_signals()?, or a smaller repeat(...)",
            )),
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
            let (known, try_) = match names.is_empty() {
                true => {
                    let known = "the space has no cell with an operation on each edge".to_string();
                    (known, "study.operation_weights()?, or a space with cell([...])")
                }
                false => (
                    format!("the cells are called {}", names.join(", ")),
                    "study.searched_cells()?",
                ),
            };
            Error::invalid(format!("the cell {name:?}"), known, try_)
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
    /// method has besides: a temperature, the curvature of the validation loss, the reward of a controller, the
    /// training loss of single paths.
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
        let mixture = format!("{} of the mixture", self.metric().name);
        for name in [
            mixture.as_str(),
            "training loss",
            "entropy",
            "skip connections",
            "temperature",
            "curvature",
            "reward",
        ] {
            panels.extend(panel(name.to_string(), false, &|e| e.get(name)));
        }
        let stopped = trials.iter().filter(|t| t.origin().contains("stopped: "));
        let marks = stopped.map(|t| (t.number() as f64 + 1.0, "stopped".to_string())).collect();
        let shown = self.setup.strategy.describe(self.setup.planned());
        Ok(Chart::new(SearchSignals { x: "epochs".into(), shown, panels, marks }))
    }

    /// The curvature of a differentiable search against the quality of what it would derive, a point for
    /// each epoch, as in "Understanding and Robustifying Differentiable Architecture Search" (Zela et al.,
    /// arXiv 1909.09656): there, what is derived gets worse as the curvature rises.
    ///
    /// The search has to watch its curvature, the eigenvalue of largest magnitude of the second derivatives of the
    /// validation loss by the alphas. The judge says how good an architecture is: a training of its own, or a table.
    /// It evaluates each architecture once, with its full budget and the seed of the search, on all cores. An epoch
    /// to which it gives no number (`f64::NAN`) is left out, and counted in the chart.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let data = Dataset::digits().take(300);
    /// let op = one_of([conv(same(), 3), conv(same(), 1), skip()]);
    /// let space = Space::on(&data).then(conv(4, 3)).then(&op).then(&op).then(global_avg_pool());
    /// let train = Train::on(&data).epochs(2);
    /// let search = Study::one_shot(&space, &train, Darts::first_order().watch_curvature()).quiet().run()?;
    /// let chart: Chart = search.search_curvature(&train)?;
    /// assert!(chart.svg().contains("Accuracy of what is derived"));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// A table of another space knows the same decisions as architectures of its own:
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let data = Dataset::digits().take(300);
    /// let space = Space::on(&data).then(presets::nas_bench_201(4, 1));
    /// let method = Darts::first_order().watch_curvature();
    /// let search = Study::one_shot(&space, &Train::on(&data).epochs(2), method).quiet().run()?;
    ///
    /// let table = NasBench201::cifar10();
    /// let judge = evaluator(move |arch, _| {
    ///     let cell = table.space().decode(arch.decisions())?;
    ///     Ok(table.figure(&cell, "val")?.unwrap_or(f64::NAN))
    /// });
    /// let chart = search.search_curvature(judge.named("CIFAR-10 accuracy"))?;
    /// assert!(chart.plain().contains("2 epochs"));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When it is no one-shot search, no epoch has ended, the curvature was not watched, or the judge fails or has
    /// no number for any of the architectures.
    pub fn search_curvature<How>(&self, judge: impl IntoEvaluator<How>) -> Result<Chart> {
        self.derived()?;
        let watched = |t: &Trial| {
            t.score()?;
            Some((t.number() + 1, t.evaluation()?.get("curvature")?, t.architecture()))
        };
        let epochs: Vec<(usize, f64, Architecture)> =
            self.trials_done().iter().filter_map(watched).collect();
        if epochs.is_empty() {
            return Err(Error::invalid(
                "a search without the curvature of its epochs",
                "a search by gradient measures it where it was told to",
                "Study::one_shot(&space, &train, Darts::first_order().watch_curvature())",
            ));
        }
        // Several epochs often derive the same.
        let mut judged: Vec<(usize, &Architecture)> = vec![];
        let mut which: Vec<usize> = vec![];
        for (epoch, _, arch) in &epochs {
            let known = judged.iter().position(|(_, a)| a.decisions() == arch.decisions());
            which.push(known.unwrap_or(judged.len()));
            if known.is_none() {
                judged.push((*epoch, arch));
            }
        }
        let judge = judge.into_evaluator();
        let (budget, watch) = (judge.whole(self.setup.protocol.seed), Watch::current());
        let score = |i: usize| {
            let (epoch, arch) = judged[i];
            let found = guarded(|| watch.during(|| judge.evaluate_watched(arch, &budget, &watch)));
            let context = |e: Error| match e.kind() {
                ErrorKind::Stopped => e,
                _ => e.context(format!("judging {arch}, which epoch {epoch} derives")),
            };
            found.map(|e| e.score()).map_err(context)
        };
        let scores =
            crate::threads::map(judged.len(), if judge.looks_up() { 64 } else { 1 }, score);
        let scores = scores.into_iter().collect::<Result<Vec<f64>>>()?;
        if !scores.iter().any(|s| s.is_finite()) {
            return Err(Error::invalid(
                format!("a judge without a number for {}", plural(scores.len(), "architecture")),
                "it has to say how good they are",
                "Train::on(&data).epochs(10), or evaluator(|arch, _| ...) with a figure of a table",
            ));
        }
        let point = |((number, x, arch), at): ((usize, f64, Architecture), usize)| Waypoint {
            number,
            x,
            y: scores[at],
            name: arch.to_string(),
        };
        let metric = judge.metric();
        Ok(Chart::new(Trajectory {
            shown: self.setup.strategy.describe(self.setup.planned()),
            step: "epoch".into(),
            x: "curvature".into(),
            y: format!("{} of what is derived", metric.name),
            maximise: metric.maximise,
            points: epochs.into_iter().zip(which).map(point).collect(),
        }))
    }

    /// The landscape of a differentiable search: the score of the mixture, on the weights that the search has
    /// come to, over a plane through the logarithms of the weights. Across, from those of the first epoch to those of the
    /// last; upwards, where the path went furthest from that line. `points` is the number of places in each
    /// direction; each takes a validation, and 9 are 81 of them.
    ///
    /// # Errors
    /// When it is no differentiable search, fewer than two epochs have ended, or `points` is not 3 to 65.
    pub fn search_landscape(&self, points: impl Count) -> Result<Chart> {
        let n = points.to_size();
        let (layout, rows) = self.option_weights()?;
        if !(3..=65).contains(&n) || rows.len() < 2 {
            let epochs = rows.len();
            return Err(Error::invalid(
                format!("a landscape of {n} x {n} places after {}", plural(epochs, "epoch")),
                "3 to 65 places in each direction are allowed, and two epochs are needed",
                "search_landscape(9), and more epochs",
            ));
        }
        // Of a softmax these are the alphas, up to a number that is the same for all options of a choice.
        // Weights of edges stay as they are.
        let mut chosen = vec![false; layout.width];
        for (_, options, at) in &layout.groups {
            chosen[*at..at + options.len()].fill(true);
        }
        let log = |(w, of_option): (&f64, &bool)| if *of_option { w.max(1e-9).ln() } else { 0.0 };
        let logs: Vec<Vec<f64>> =
            rows.iter().map(|(_, w)| w.iter().zip(&chosen).map(log).collect()).collect();
        let (first, last) = (&logs[0], &logs[logs.len() - 1]);
        let from_last = |p: &[f64]| p.iter().zip(last).map(|(p, l)| p - l).collect::<Vec<f64>>();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let unit = |v: Vec<f64>| {
            let norm = dot(&v, &v).sqrt();
            (norm > 1e-9).then(|| v.iter().map(|v| v / norm).collect::<Vec<f64>>())
        };
        let along = unit(from_last(first).iter().map(|d| -d).collect());
        let along = along.unwrap_or_else(|| unit(vec![1.0; last.len()]).unwrap_or_default());
        let aside = |p: &Vec<f64>| {
            let d = from_last(p);
            let on = dot(&d, &along);
            d.iter().zip(&along).map(|(d, a)| d - on * a).collect::<Vec<f64>>()
        };
        let size = |v: &Vec<f64>| dot(v, v);
        let furthest = logs.iter().map(aside).max_by(|a, b| size(a).total_cmp(&size(b)));
        let up = furthest.and_then(unit).unwrap_or_else(|| {
            // A straight path: any direction across it.
            let mut other = vec![0.0; last.len()];
            let least = (0..along.len()).min_by(|&a, &b| along[a].abs().total_cmp(&along[b].abs()));
            other[least.unwrap_or(0)] = 1.0;
            unit(other).unwrap_or_default()
        });
        let place = |p: &Vec<f64>| (dot(&from_last(p), &along), dot(&from_last(p), &up));
        let path: Vec<(f64, f64)> = logs.iter().map(place).collect();
        let spread = |of: &dyn Fn(&(f64, f64)) -> f64, least: f64| -> Vec<f64> {
            let (low, high) =
                path.iter().map(of).fold((0.0f64, 0.0f64), |(l, h), v| (l.min(v), h.max(v)));
            let room = (0.5 * (high - low)).max(least);
            (0..n)
                .map(|i| low - room + (high - low + 2.0 * room) * i as f64 / (n - 1) as f64)
                .collect()
        };
        let length = path.iter().map(|p| p.0.abs()).fold(0.0, f64::max);
        let (xs, ys) = (spread(&|p| p.0, 0.1), spread(&|p| p.1, (0.5 * length).max(0.1)));
        let weights = |x: f64, y: f64| {
            let mut list = rows[rows.len() - 1].1.clone();
            for (_, options, at) in &layout.groups {
                let own = *at..at + options.len();
                let moved: Vec<f64> =
                    own.clone().map(|i| last[i] + x * along[i] + y * up[i]).collect();
                let most = moved.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = moved.iter().map(|m| (m - most).exp()).sum();
                list[own].iter_mut().zip(&moved).for_each(|(w, m)| *w = (m - most).exp() / sum);
            }
            list
        };
        let lists: Vec<Vec<f64>> = ys
            .iter()
            .flat_map(|&y| xs.iter().map(move |&x| (x, y)))
            .map(|(x, y)| weights(x, y))
            .collect();
        let (epochs, seed) = (self.trials_done().len(), self.setup.protocol.seed);
        let scores = self.searched()?.mixtures(&lists, epochs, seed)?;
        let metric = self.metric();
        Ok(Chart::new(Landscape {
            shown: self.setup.strategy.describe(self.setup.planned()),
            x: "log weights, along the search".into(),
            y: "log weights, aside".into(),
            metric: format!("{} of the mixture", metric.name),
            maximise: metric.maximise,
            values: scores.chunks(n).map(<[f64]>::to_vec).collect(),
            xs,
            ys,
            path,
            path_labels: ("epoch 1".into(), format!("epoch {epochs}")),
        }))
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
