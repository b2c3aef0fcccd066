//! Predictors: models that say from a few trained architectures how good others are, before these are trained.
//!
//! Colin White, Arber Zela, Binxin Ru, Yang Liu and Frank Hutter, "How Powerful are Performance Predictors in
//! Neural Architecture Search?", arXiv 2104.01177, compares their kinds; GRAF (arXiv 2404.16551) puts a
//! random forest on features of the graph.
//!
//! ```text
//! x_i    = the encoding of architecture i
//! z_i    = the quantile of its score among all that were learned     (src/surrogate/target.rs)
//! model  : x -> mean and standard deviation of z, which go back to scores
//! ```
//!
//! The models are in `src/surrogate`; how well they rank, against the number of architectures that they have
//! learned from, is in `sizes.rs`.

mod sizes;

use crate::chart::{Agreement, Chart, Measured};
use crate::count::Count;
use crate::error::{Error, ErrorKind, Result};
use crate::interrupt;
use crate::proxy::screen;
use crate::rng::Rng;
use crate::space::{Architecture, Distance, Encoding, Space};
use crate::stats::kendall_tau;
use crate::surrogate::{
    Acquisition, Distant, Ensemble, Prediction, Recipe, Row, Scale, Trees, Units, distance,
};
use crate::words::plural;
use std::fmt;
use std::sync::Arc;

/// A model that predicts the scores of architectures from a few that were trained.
///
/// [`fit`](Predictor::fit) gives a copy that has learned, or [`Study::fit`](crate::Study::fit) one that has learned
/// the trials of a study. A predictor is a random forest, a [Gaussian
/// process](Predictor::gaussian_process) or an [ensemble of networks](Predictor::networks), on any
/// [`Encoding`]; unless another one is given, on [`Encoding::graf`].
///
/// ```
/// use nascent::prelude::*;
/// let table = NasBench201::cifar10();
/// let space = table.space();
/// let mut rng = Rng::new(1);
/// let archs: Vec<Architecture> = (0..300).map(|_| space.sample(&mut rng)).collect::<Result<_>>()?;
/// let scores: Vec<f64> = archs.iter().map(|a| table.evaluate(a, &Budget::new(200, 200, 1)).map(|e| e.score())).collect::<Result<_>>()?;
///
/// let forest = Predictor::forest().fit(&archs[..60], &scores[..60])?;
/// let expected = forest.predict(&archs[100])?;
/// assert!(expected.low() <= expected.mean() && expected.mean() <= expected.high());
/// // How well it orders those that it has not seen.
/// assert!(forest.kendall_tau(&archs[60..], &scores[60..])? > 0.5);
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias("PerformancePredictor", "surrogate", "RandomForestRegressor"))]
pub struct Predictor {
    kind: Kind,
    input: Input,
    seed: u64,
    maximise: bool,
    learned: Option<Arc<Learned>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Forest { trees: i64 },
    GaussianProcess,
    Networks { members: i64 },
}

/// What the model sees of an architecture.
#[derive(Clone)]
enum Input {
    Encoding(Encoding),
    Distance(Distance),
}

/// What has been learned.
struct Learned {
    space: Space,
    scale: Scale,
    best: f64,
    architectures: Vec<Architecture>,
    model: Model,
}

/// A model of rows of numbers, or of distances.
enum Model {
    Forest(Trees),
    Points(Units, Vec<Vec<f64>>, Distant),
    Distances(Distant),
    Networks(Units, Ensemble),
}

/// As many trees as in Breiman's experiments, and in those of GRAF.
const TREES: i64 = 100;
/// As in BANANAS, with its networks of 3 layers.
const MEMBERS: i64 = 5;

impl Predictor {
    /// A random forest of 100 trees: the spread of trees and leaves says how sure it is.
    pub fn forest() -> Predictor {
        Predictor::of(Kind::Forest { trees: TREES })
    }

    /// A Gaussian process: sure near what it has learned, unsure far from it. It takes a
    /// [`Distance`](Predictor::distance) as well. The time to learn grows with the third power of the
    /// number of architectures; 500 take about a second.
    pub fn gaussian_process() -> Predictor {
        Predictor::of(Kind::GaussianProcess)
    }

    /// An ensemble of 5 small networks: where they disagree they are unsure.
    pub fn networks() -> Predictor {
        Predictor::of(Kind::Networks { members: MEMBERS })
    }

    fn of(kind: Kind) -> Predictor {
        let input = Input::Encoding(Encoding::graf());
        Predictor { kind, input, seed: 0, maximise: true, learned: None }
    }

    /// What it sees of an architecture (default: [`Encoding::graf`]).
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let features = Encoding::graf().and(&Proxy::synflow().feature());
    /// let predictor = Predictor::forest().encoding(&features);
    /// assert_eq!(predictor.to_string(), "random forest of 100 trees on GRAF and synflow");
    /// ```
    pub fn encoding(&self, encoding: &Encoding) -> Predictor {
        Predictor { input: Input::Encoding(encoding.clone()), learned: None, ..self.clone() }
    }

    /// For a Gaussian process: by how far architectures are apart, in place of an encoding.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([8], Task::classification(2)).then(repeat(1..=3, linear(any([4, 8]))));
    /// let archs = space.all()?;
    /// let sizes: Vec<f64> = archs.iter().map(|a| a.params() as f64).collect();
    /// let process = Predictor::gaussian_process().distance(Distance::weisfeiler_lehman(2)).fit(&archs, sizes)?;
    /// assert!(process.kendall_tau(&archs, archs.iter().map(|a| a.params() as f64).collect::<Vec<_>>())? > 0.8);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn distance(&self, distance: Distance) -> Predictor {
        Predictor { input: Input::Distance(distance), learned: None, ..self.clone() }
    }

    /// How many trees a forest has, or networks an ensemble; a Gaussian process is one.
    pub fn members(&self, members: impl Count) -> Predictor {
        let n = members.to_i64();
        let kind = match self.kind {
            Kind::Forest { .. } => Kind::Forest { trees: n },
            Kind::Networks { .. } => Kind::Networks { members: n },
            Kind::GaussianProcess => Kind::GaussianProcess,
        };
        Predictor { kind, learned: None, ..self.clone() }
    }

    /// The seed of trees and networks (default: 0).
    pub fn seed(&self, seed: impl Count) -> Predictor {
        Predictor { seed: seed.to_seed(), learned: None, ..self.clone() }
    }

    /// Lower scores are better. No prediction is worse than the worst score that was learned, so it has to know
    /// which end that is.
    pub fn minimise(&self) -> Predictor {
        self.towards(false)
    }

    pub(crate) fn towards(&self, maximise: bool) -> Predictor {
        Predictor { maximise, learned: None, ..self.clone() }
    }

    /// A copy that has learned these scores.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8, 16, 32])));
    /// let archs = space.all()?;
    /// let fitted = Predictor::gaussian_process().fit(&archs, [1.0, 2.0, 3.0, 4.0])?;
    /// assert!(fitted.predict(&archs[3])?.mean() > fitted.predict(&archs[0])?.mean());
    /// let e = Predictor::forest().fit(&archs, [1.0, f64::NAN, 3.0, 4.0]).unwrap_err();
    /// assert!(e.to_string().contains("NaN"));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When there are fewer than two architectures or not as many scores, a score is not finite, an
    /// architecture is of another space than the first, or the encoding does not fit the space.
    pub fn fit(
        &self,
        architectures: impl AsRef<[Architecture]>,
        scores: impl AsRef<[f64]>,
    ) -> Result<Predictor> {
        let (archs, scores) = (architectures.as_ref(), scores.as_ref());
        self.sound()?;
        let Some(first) = known(archs, scores)? else { return Err(too_few(archs.len())) };
        let gains = self.gains(scores);
        let scale = Scale::of(&gains);
        let z: Vec<f64> = gains.iter().map(|&y| scale.z(y)).collect();
        let learn = || -> Result<Model> {
            Ok(match &self.input {
                Input::Encoding(encoding) => self.learn(&rows(encoding, archs)?, &z),
                Input::Distance(distance) => {
                    let all = distance.all(archs)?;
                    let before = all.into_iter().enumerate().map(|(i, row)| row[..i].to_vec());
                    Model::Distances(Distant::fit(&before.collect::<Vec<_>>(), &z))
                }
            })
        };
        let model = interrupt::stoppable(|| format!("the learning of the {self}"), learn)?;
        let best = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let space = first.space();
        let learned = Learned { space, scale, best, architectures: archs.to_vec(), model };
        Ok(Predictor { learned: Some(Arc::new(learned)), ..self.clone() })
    }

    /// Scores turned so that more is better.
    fn gains(&self, scores: &[f64]) -> Vec<f64> {
        scores.iter().map(|y| self.sign() * y).collect()
    }

    fn sign(&self) -> f64 {
        if self.maximise { 1.0 } else { -1.0 }
    }

    fn learn(&self, x: &[Vec<f64>], z: &[f64]) -> Model {
        let mut rng = Rng::from_u64(self.seed);
        match self.kind {
            Kind::Forest { trees } => Model::Forest(Trees::grow(x, z, trees.to_size(), &mut rng)),
            Kind::GaussianProcess => {
                let units = Units::of(x);
                let points: Vec<Vec<f64>> = x.iter().map(|row| units.apply(row)).collect();
                let before =
                    |i: usize| points[..i].iter().map(|b| distance(&points[i], b)).collect();
                let process = Distant::fit(&(0..points.len()).map(before).collect::<Vec<_>>(), z);
                Model::Points(units, points, process)
            }
            Kind::Networks { members } => {
                let units = Units::of(x);
                let x: Vec<Row> = x.iter().map(|row| sparse(&units.apply(row))).collect();
                let features = x.first().map_or(0, Vec::len);
                let recipe = Recipe { layers: 3, width: 20, epochs: 150, rate: 0.01, batch: 32 };
                let members = members.to_size();
                Model::Networks(units, Ensemble::train(&x, z, features, members, &recipe, &mut rng))
            }
        }
    }

    /// What it expects of an architecture: a score with its uncertainty. The acquisition of the prediction is
    /// the expected improvement over the best that was learned.
    ///
    /// # Errors
    /// When it has not learned yet, or the architecture is of another space than those that it has learned.
    pub fn predict(&self, arch: &Architecture) -> Result<Prediction> {
        let learned = self.learned()?;
        let (mu, sigma) = self.outlook(learned, arch)?;
        let improvement = Acquisition::ExpectedImprovement;
        let value = improvement.of(mu, sigma, learned.best, &mut Rng::from_u64(self.seed));
        let value = improvement.in_scores(value, &learned.scale);
        Ok(Prediction::new(mu, sigma, value, &learned.scale, self.sign()))
    }

    /// What it expects of several architectures, in their order.
    ///
    /// # Errors
    /// As [`Predictor::predict`].
    pub fn predict_all(&self, archs: impl AsRef<[Architecture]>) -> Result<Vec<Prediction>> {
        archs.as_ref().iter().map(|arch| self.predict(arch)).collect()
    }

    fn learned(&self) -> Result<&Learned> {
        self.learned.as_deref().ok_or_else(|| {
            let text = format!(
                "the {self} has not learned yet. Try predictor.fit(&architectures, &scores)?."
            );
            Error::new(ErrorKind::Missing, text)
        })
    }

    /// mu and sigma on the scale of the model.
    fn outlook(&self, learned: &Learned, arch: &Architecture) -> Result<(f64, f64)> {
        if *arch.of_space() != learned.space {
            return Err(foreign(arch));
        }
        match &self.input {
            Input::Encoding(encoding) => Ok(learned.model.at(&row(encoding, arch)?)),
            Input::Distance(distance) => {
                let to = |b: &Architecture| distance.between(arch, b);
                let d = learned.architectures.iter().map(to).collect::<Result<Vec<f64>>>()?;
                Ok(learned.model.at(&d))
            }
        }
    }

    /// Kendall's tau of its predictions with known scores: how well it orders architectures. Those that it
    /// has learned from say little; give others.
    ///
    /// # Errors
    /// As [`Predictor::predict`], and when there are fewer than two architectures, not as many scores, or one
    /// of the two puts them into no order.
    pub fn kendall_tau(
        &self,
        architectures: impl AsRef<[Architecture]>,
        scores: impl AsRef<[f64]>,
    ) -> Result<f64> {
        let predicted: Vec<f64> =
            self.predict_all(architectures)?.iter().map(Prediction::mean).collect();
        kendall_tau(predicted, scores)
    }

    /// Predictions against what is known, as a chart; it says Kendall's tau, and how much is lost by training
    /// only what the predictor likes most.
    ///
    /// # Errors
    /// As [`Predictor::predict`], and when there are fewer than two architectures.
    pub fn agreement(&self, known: impl IntoIterator<Item = (Architecture, f64)>) -> Result<Chart> {
        let known: Vec<(Architecture, f64)> = known.into_iter().collect();
        if known.len() < 2 {
            return Err(Error::invalid(
                format!("the agreement of {}", plural(known.len(), "architecture")),
                "an order needs at least two, and says little below twenty",
                "more architectures of which the score is known",
            ));
        }
        let measured = |(arch, truth): (Architecture, f64)| {
            let cheap = self.predict(&arch)?.mean();
            Ok(Measured { name: arch.to_string(), cheap, truth })
        };
        Ok(Chart::new(Agreement {
            cheap: "prediction".into(),
            truth: "score".into(),
            maximise: self.maximise,
            networks: known.into_iter().map(measured).collect::<Result<_>>()?,
        }))
    }

    /// The `k` of `n` random architectures that it expects most of, the best first: a filter before anything
    /// is trained, as [`Proxy::best_of`](crate::Proxy::best_of).
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([8], Task::classification(2)).then(repeat(1..=3, linear(any([4, 8, 16, 32]))));
    /// let mut rng = Rng::new(1);
    /// let tried: Vec<Architecture> = (0..20).map(|_| space.sample(&mut rng)).collect::<Result<_>>()?;
    /// let sizes: Vec<f64> = tried.iter().map(|a| a.params() as f64).collect();
    /// let small = Predictor::forest().minimise().fit(&tried, sizes)?.best_of(&space, 50, 3, 1)?;
    /// assert!(small[0].params() < 200);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Predictor::predict`], and when n or k is less than 1 or k more than n.
    pub fn best_of(
        &self,
        space: &Space,
        n: impl Count,
        k: impl Count,
        seed: impl Count,
    ) -> Result<Vec<Architecture>> {
        self.learned()?;
        let (n, k) = (n.to_i64(), k.to_i64());
        let choose = || {
            let drawn = screen::drawn(space, n, k, &mut Rng::new(seed))?;
            let scored = drawn.into_iter().map(|arch| {
                interrupt::check()?;
                let gain = self.sign() * self.predict(&arch)?.mean();
                Ok((gain, arch))
            });
            Ok(screen::best(scored.collect::<Result<Vec<_>>>()?, k))
        };
        interrupt::stoppable(|| format!("the choice of the best of {n}"), choose)
    }

    fn sound(&self) -> Result<()> {
        if self.kind != Kind::GaussianProcess && matches!(self.input, Input::Distance(_)) {
            return Err(Error::invalid(
                format!("a {self}"),
                "it learns from columns, and a distance has none",
                "Predictor::gaussian_process().distance(...), or .encoding(&Encoding::graf())",
            ));
        }
        let (n, least, usual) = match self.kind {
            Kind::Forest { trees } => (trees, 1, TREES),
            Kind::Networks { members } => (members, 2, MEMBERS),
            Kind::GaussianProcess => return Ok(()),
        };
        match (least..=10_000).contains(&n) {
            true => Ok(()),
            false => Err(Error::invalid(
                format!("members({n})"),
                format!("{least} to 10000 is allowed"),
                format!("members({usual})"),
            )),
        }
    }
}

impl Model {
    fn at(&self, x: &[f64]) -> (f64, f64) {
        match self {
            Model::Forest(trees) => trees.predict(x),
            Model::Distances(process) => process.predict(x),
            Model::Points(units, points, process) => {
                let x = units.apply(x);
                process.predict(&points.iter().map(|b| distance(&x, b)).collect::<Vec<_>>())
            }
            Model::Networks(units, networks) => networks.predict(&sparse(&units.apply(x))),
        }
    }
}

fn sparse(row: &[f64]) -> Row {
    (0..).zip(row.iter().copied()).collect()
}

fn row(encoding: &Encoding, arch: &Architecture) -> Result<Vec<f64>> {
    Ok(encoding.of(arch)?.into_iter().map(f64::from).collect())
}

fn rows(encoding: &Encoding, archs: &[Architecture]) -> Result<Vec<Vec<f64>>> {
    let all = encoding.all(archs)?;
    Ok(all.into_iter().map(|x| x.into_iter().map(f64::from).collect()).collect())
}

/// The first architecture, if there are two or more with a score each.
fn known<'a>(archs: &'a [Architecture], scores: &[f64]) -> Result<Option<&'a Architecture>> {
    if archs.len() != scores.len() {
        return Err(Error::invalid(
            format!(
                "{} with {}",
                plural(archs.len(), "architecture"),
                plural(scores.len(), "score")
            ),
            "each has to have one",
            "two lists of the same length",
        ));
    }
    if let Some(i) = scores.iter().position(|y| !y.is_finite()) {
        return Err(Error::invalid(
            format!("the score {} of {}, number {i}", scores[i], archs[i]),
            "only finite numbers can be learned",
            "leaving out architectures without a score",
        ));
    }
    let first = archs.first().filter(|_| archs.len() >= 2);
    let other = |a: &&Architecture| first.is_some_and(|first| a.of_space() != first.of_space());
    match archs.iter().find(other) {
        Some(other) => Err(foreign(other)),
        None => Ok(first),
    }
}

fn too_few(n: usize) -> Error {
    Error::invalid(
        format!("a predictor that learns from {}", plural(n, "architecture")),
        "2 are needed at the least, and 20 before it ranks well",
        "more architectures that were trained",
    )
}

fn foreign(arch: &Architecture) -> Error {
    Error::invalid(
        format!("a prediction of {arch}"),
        "it belongs to another space than the architectures that were learned",
        "space.decode(arch.decisions()) in their space",
    )
}

impl fmt::Display for Predictor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Forest { trees } => write!(f, "random forest of {trees} trees")?,
            Kind::GaussianProcess => f.write_str("Gaussian process")?,
            Kind::Networks { members } => write!(f, "ensemble of {members} networks")?,
        }
        match &self.input {
            Input::Encoding(encoding) => write!(f, " on {encoding}")?,
            Input::Distance(distance) => write!(f, " by {distance}")?,
        }
        match &self.learned {
            Some(learned) => {
                write!(f, ", which has learned {} architectures", learned.architectures.len())
            }
            None => Ok(()),
        }
    }
}

crate::draw::debug_as_display!(Predictor);
