//! Bayesian optimisation with a Gaussian process.
//!
//! ```text
//! try n_0 random architectures
//! repeat: fit a Gaussian process to the trials so far
//!         draw a pool: half mutations of the best trials, half random architectures, none tried before
//!         try the most promising one: argmax of the acquisition over the pool
//! ```
//!
//! Jones, Schonlau and Welch 1998 (expected improvement); Snoek, Larochelle and Adams, arXiv 1206.2944;
//! for architectures Kandasamy et al., arXiv 1802.07191, and NAS-BOWL: Ru, Wan, Dong and Osborne, arXiv
//! 2006.07556, whose pool this is. The kernels and the search for their parameters are in
//! `src/strategy/kernel.rs`; the model sees the ranks of the scores (`src/surrogate/target.rs`).
//!
//! A space of decisions alone, such as that of a [`Table`](crate::Table), has no graph. There the
//! Weisfeiler-Lehman features are those of zero iterations: how often each option occurs among the
//! decisions with the same number of options.
//!
//! - *Batches*: for a running trial, the model believes its own mean (the kriging believer). So it expects
//!   nothing new there, and learns no score from it.
//! - *Failures*: a failed trial is learned as worse than every score, and the acquisition is weighed by the
//!   probability that a candidate does not fail (`parts/caution.rs`).
//! - *Several objectives*: every trial maximises another random weighting of them (ParEGO); the kernel's
//!   parameters are those of equal weights.
//! - *Cost*: the parameters are fitted again when the number of trials has grown by a tenth, or by 25; in
//!   between the Cholesky factor grows by one row per trial. Above 300 trials the model learns from the 150
//!   best and the last of the others. The ranks are those of up to 3,000 trials (`targets.rs`).

use super::candidates::{self, Memory, Model, Outlook, acquisitions, believed, most_useful};
use super::features::{Features, Ruler};
use super::kernel::{Kernel, Pair, Parameters};
use super::parts::Recall;
use super::targets::{Seen, evenly};
use super::{IntoStrategy, Proposal, Strategy, StrategyInfo, Surrogate, read};
use crate::error::{Error, Result};
use crate::record::History;
use crate::rng::Rng;
use crate::space::Architecture;
use crate::surrogate::{Acquisition, Cholesky, Gp, Prediction, Scale};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// The most trials that the model learns from.
const MOST: usize = 300;
/// After how many trials the parameters are fitted again at the latest.
const STEP: usize = 25;
/// The most architectures whose features are kept, and the most decisions of all of them.
const KNOWN: usize = 20_000;
const DECISIONS: usize = 2_000_000;
/// The most architectures at which one function is drawn: the cost grows with the cube of their number.
const AT_ONCE: usize = 2_000;

/// Bayesian optimisation with a Gaussian process: tries what is most promising by a model that knows how
/// certain it is.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([8], Task::classification(2)).then(repeat(1..=4, linear(any([4, 8, 16, 32]))));
/// let study = Study::new(&space, evaluator(|a, _| -(a.params() as f64)))
///     .strategy(GaussianProcess::hamming())
///     .trials(40).seed(1).quiet().run()?;
/// assert_eq!(study.best()?.architecture().to_string(), "linear(4)");
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias("BayesianOptimization", "BayesOpt", "GP", "GPSampler"))]
pub struct GaussianProcess {
    weisfeiler_lehman: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    graf: bool,
    acquisition: Acquisition,
    #[serde(skip)]
    recall: Recall<Memory<Learned>>,
}

/// The features of architectures, and the model of the trials.
#[derive(Default)]
pub(super) struct Learned {
    /// For graph features.
    ruler: Option<Ruler>,
    known: HashMap<Vec<u32>, Arc<Features>>,
    model: Option<Points>,
}

/// The points of a Gaussian process, whatever their values.
struct Points {
    /// After how many trials the parameters were fitted.
    fitted: usize,
    /// The trials that it learns from, by their place among those that are seen.
    points: Vec<usize>,
    /// How many of those it has looked at.
    looked: usize,
    features: Vec<Arc<Features>>,
    parameters: Parameters,
    factor: Cholesky,
}

impl GaussianProcess {
    /// With the Hamming kernel: architectures are similar if they agree in many decisions, by their place
    /// in the tree of choices. It tries what has the largest expected improvement.
    pub fn hamming() -> Self {
        GaussianProcess {
            weisfeiler_lehman: false,
            graf: false,
            acquisition: Acquisition::ExpectedImprovement,
            recall: Recall::default(),
        }
    }

    /// With the Weisfeiler-Lehman kernel as well: architectures are also similar if they have the same
    /// operations in the same surroundings (NAS-BOWL), or, in a space of decisions alone, which has no
    /// graph, if each option occurs equally often.
    pub fn weisfeiler_lehman() -> Self {
        GaussianProcess { weisfeiler_lehman: true, ..GaussianProcess::hamming() }
    }

    /// With graph features and the size of the network as well: architectures are also similar if they have
    /// as many operations, as long paths and as many connections of each kind (GRAF, arXiv 2404.16551), or as many
    /// parameters and operations, and the score may rise or fall with the size. For few trials, where a
    /// model of decisions knows too little. In a space of decisions alone, which has no graph and no size,
    /// it counts how often each option occurs.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let table = NasBench201::cifar10();
    /// let study = Study::new(&table.space(), &table).strategy(GaussianProcess::graf())
    ///     .batch(1).trials(20).seed(1).quiet().run()?;
    /// assert!(study.best()?.score() > Some(89.0));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn graf() -> Self {
        GaussianProcess { graf: true, ..GaussianProcess::hamming() }
    }

    fn kernel(&self) -> Kernel {
        match (self.graf, self.weisfeiler_lehman) {
            (true, _) => Kernel::Graf,
            (_, true) => Kernel::WeisfeilerLehman,
            _ => Kernel::Hamming,
        }
    }

    fn row(&self) -> &'static StrategyInfo {
        match self.kernel() {
            Kernel::Hamming => &HAMMING,
            Kernel::WeisfeilerLehman => &WEISFEILER_LEHMAN,
            Kernel::Graf => &GRAF,
        }
    }
}

impl Learned {
    fn features(&mut self, arch: &Architecture, kernel: Kernel) -> Arc<Features> {
        if let Some(known) = self.known.get(arch.decided()) {
            return known.clone();
        }
        let mut features = Features::of(arch, kernel.iterations());
        if kernel == Kernel::Graf {
            let ruler = self.ruler.get_or_insert_with(|| Ruler::of(arch.of_space()));
            ruler.measure(arch, &mut features);
        }
        let features = Arc::new(features);
        if self.known.len() >= KNOWN.min(DECISIONS / arch.decided().len().max(1)) {
            self.known.clear();
        }
        self.known.insert(arch.decisions(), features.clone());
        features
    }

    /// Brings the model up to the trials that have ended.
    fn follow(&mut self, kernel: Kernel, history: &History, seen: &Seen) {
        // If trials have been cleared since, the others have new places.
        let fitted = fitted_after(history.visible().len()).max(seen.cleared);
        if self.model.as_ref().is_none_or(|m| m.fitted != fitted) {
            let first = seen.first(fitted);
            let y = evenly(history, first);
            let scale = Scale::of(&y);
            let points = most_useful(&y, MOST);
            let z: Vec<f64> = points.iter().map(|&i| scale.z(y[i])).collect();
            let features: Vec<_> =
                points.iter().map(|&i| self.features(&first[i].0.architecture, kernel)).collect();
            let pairs: Vec<Vec<Pair>> = (0..features.len())
                .map(|i| features[..=i].iter().map(|b| kernel.pair(&features[i], b)).collect())
                .collect();
            let parameters = Parameters::fit(kernel, &pairs, &z);
            let factor = parameters.factor(&pairs);
            let looked = first.len();
            self.model = Some(Points { fitted, points, looked, features, parameters, factor });
        }
        let from = self.model.as_ref().map_or(0, |m| m.looked);
        for (i, trial) in seen.trials.iter().enumerate().skip(from) {
            let features = self.features(&trial.0.architecture, kernel);
            if let Some(model) = &mut self.model {
                model.push(kernel, features);
                model.points.push(i);
                model.looked = i + 1;
            }
        }
    }
}

impl Points {
    fn pairs(&self, kernel: Kernel, x: &Features) -> Vec<Pair> {
        self.features.iter().map(|b| kernel.pair(x, b)).collect()
    }

    fn correlations(&self, kernel: Kernel, x: &Features) -> Vec<f64> {
        self.features.iter().map(|b| self.parameters.correlation(&kernel.pair(x, b))).collect()
    }

    fn push(&mut self, kernel: Kernel, x: Arc<Features>) {
        let mut pairs = self.pairs(kernel, &x);
        pairs.push(kernel.pair(&x, &x));
        self.parameters.push(&mut self.factor, &pairs);
        self.features.push(x);
    }

    fn truncate(&mut self, n: usize) {
        self.features.truncate(n);
        self.factor.truncate(n);
    }
}

/// The number of trials, `n` or less, after which the parameters are fitted.
pub(crate) fn fitted_after(n: usize) -> usize {
    let mut at = 2;
    loop {
        let next = at + (at / 10).clamp(1, STEP);
        if next > n {
            return at;
        }
        at = next;
    }
}

acquisitions!(GaussianProcess, "Tries what is best in a function that is drawn from the model.");

impl Model for GaussianProcess {
    type Learned = Learned;

    fn look(
        &self,
        learned: &mut Learned,
        history: &History,
        seen: &Seen,
        y: &[f64],
        architectures: &[Architecture],
        rng: &mut Rng,
    ) -> Vec<Outlook> {
        let kernel = self.kernel();
        let believed: Vec<_> =
            believed(history).iter().map(|a| learned.features(a, kernel)).collect();
        let looked: Vec<_> = architectures.iter().map(|a| learned.features(a, kernel)).collect();
        learned.follow(kernel, history, seen);
        let Some(model) = &mut learned.model else { return vec![] };
        let scale = Scale::of(y);
        let z: Vec<f64> = model.points.iter().filter_map(|&i| Some(scale.z(*y.get(i)?))).collect();
        let gp = Gp::fit(&model.factor, &z);
        let best = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let n = model.features.len();
        for features in believed {
            model.push(kernel, features);
        }
        let parameters = model.parameters;
        let rows: Vec<Vec<f64>> = looked.iter().map(|x| model.correlations(kernel, x)).collect();
        let mut outlooks = vec![];
        // L^-1 r of every point, which is needed to draw a whole function.
        let mut solved: Vec<Vec<f64>> = vec![];
        let own = |x: &Features| parameters.own(&kernel.pair(x, x));
        for (row, x) in rows.into_iter().zip(&looked) {
            let mu = gp.mu(&row);
            let mut r = row;
            model.factor.forward(&mut r);
            let sigma = gp.sigma(&r, own(x));
            let acquisition = match self.acquisition {
                Acquisition::Thompson => f64::NAN,
                other => other.of(mu, sigma, best, rng),
            };
            outlooks.push(Outlook { mu, sigma, acquisition });
            if self.acquisition == Acquisition::Thompson {
                solved.push(r);
            }
        }
        model.truncate(n);
        if self.acquisition == Acquisition::Thompson {
            let mut factor = Cholesky::default();
            let mut normals = vec![];
            for (i, outlook) in outlooks.iter_mut().enumerate() {
                let shared = |j: usize| {
                    let own = parameters.correlation(&kernel.pair(&looked[i], &looked[j]));
                    gp.covariance(&solved[i], &solved[j], own)
                };
                let left: Vec<f64> = (0..i).map(shared).collect();
                factor.push(&left, gp.covariance(&solved[i], &solved[i], own(&looked[i])));
                normals.push(rng.normal());
                outlook.acquisition = outlook.mu + factor.last_times(&normals);
            }
        }
        outlooks
    }
}

impl Surrogate for GaussianProcess {
    fn expects(
        &self,
        history: &History,
        architectures: &[Architecture],
    ) -> Result<Vec<Prediction>> {
        if self.acquisition == Acquisition::Thompson && architectures.len() > AT_ONCE {
            return Err(Error::invalid(
                format!(
                    "predictions of {} architectures by Thompson sampling",
                    architectures.len()
                ),
                format!("a function is drawn at {AT_ONCE} at the most"),
                "fewer of them, or expected_improvement()",
            ));
        }
        Ok(candidates::expects(self, self.acquisition, &self.recall, history, architectures))
    }

    fn prefers_by(&self) -> String {
        self.acquisition.name()
    }
}

/// Its row in the table with the Hamming kernel.
pub(super) const HAMMING: StrategyInfo = StrategyInfo {
    name: "gp-hamming",
    about: "a Gaussian process on the decisions; expected improvement chooses",
    paper: "Jones et al. 1998, J. Global Optimization 13; Snoek et al. 2012, arXiv 1206.2944",
    make: || GaussianProcess::hamming().into_strategy(),
    read: read::<GaussianProcess>,
};

/// The same with the Weisfeiler-Lehman kernel.
pub(super) const WEISFEILER_LEHMAN: StrategyInfo = StrategyInfo {
    name: "gp-wl",
    about: "a Gaussian process on the graphs of the networks; expected improvement chooses",
    paper: "Ru et al. 2021 (NAS-BOWL), arXiv 2006.07556",
    make: || GaussianProcess::weisfeiler_lehman().into_strategy(),
    read: read::<GaussianProcess>,
};

/// The same with graph features and sizes.
pub(super) const GRAF: StrategyInfo = StrategyInfo {
    name: "gp-graf",
    about: "a Gaussian process on graph features, sizes and decisions; expected improvement chooses",
    paper: "Kadlecova et al. 2024 (GRAF), arXiv 2404.16551",
    make: || GaussianProcess::graf().into_strategy(),
    read: read::<GaussianProcess>,
};

impl Strategy for GaussianProcess {
    fn ask(&self, history: &History, rng: &mut Rng) -> Result<Proposal> {
        candidates::ask(self, self.acquisition, &self.recall, history, rng)
    }

    fn describe(&self, _: usize) -> String {
        let kernel = match self.kernel() {
            Kernel::Hamming => "Hamming kernel",
            Kernel::WeisfeilerLehman => "Weisfeiler-Lehman kernel",
            Kernel::Graf => "graph features",
        };
        format!("Gaussian process ({kernel}, {})", self.acquisition.name())
    }

    fn to_json(&self) -> Option<String> {
        self.row().stored(self)
    }

    fn problems(&self) -> Vec<String> {
        self.acquisition.problem().into_iter().collect()
    }
}
