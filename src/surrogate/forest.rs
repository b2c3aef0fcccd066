//! A random forest of regression trees on 0-1 features, with the variance of its predictions.
//!
//! Frank Hutter, Holger Hoos and Kevin Leyton-Brown, "Sequential Model-Based Optimization for General
//! Algorithm Configuration" (SMAC), LION 5, 2011; the variance by the law of total variance, from their
//! "Algorithm Runtime Prediction: Methods and Evaluation", Artificial Intelligence 206, 2014:
//!
//! ```text
//! each tree: a bootstrap sample of the data; at every node a random 5/6 of the features, of which the
//!            one is taken that leaves the least sum of squares; a leaf keeps mean mu_b and variance v_b
//! mu(x)      = mean_b mu_b(x)
//! sigma^2(x) = mean_b v_b(x) + mean_b mu_b(x)^2 - mu(x)^2
//! ```

use crate::interrupt;
use crate::rng::Rng;

/// The share of the features that a node may split on, as in SMAC.
const SHARE: f64 = 5.0 / 6.0;
/// The fewest rows that a leaf holds, as in SMAC.
const LEAF: usize = 3;

#[derive(Clone, Debug)]
enum Node {
    Leaf {
        mean: f64,
        variance: f64,
    },
    /// The next node is `has` if the feature is present, and the following one otherwise.
    Split {
        feature: u32,
        has: usize,
    },
}

/// Regression trees, each a list of nodes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Forest(Vec<Vec<Node>>);

/// Rows of present features, by number below `width`, and their values.
pub(crate) struct Rows<'a> {
    pub(crate) x: &'a [Vec<u32>],
    pub(crate) y: &'a [f64],
    pub(crate) width: usize,
}

/// How often a feature occurs in a node, and the sum of the values there.
#[derive(Clone, Copy, Default)]
struct Tally {
    n: usize,
    sum: f64,
}

impl Forest {
    /// Grows the trees.
    pub(crate) fn grow(rows: &Rows, trees: usize, rng: &mut Rng) -> Forest {
        let n = rows.y.len();
        let tallies = vec![Tally::default(); rows.width];
        let mut grower = Grower { rows, tallies, touched: vec![] };
        let tree = |_| {
            interrupt::point();
            let mut sample: Vec<usize> = (0..n).map(|_| rng.below(n)).collect();
            let mut nodes = vec![];
            grower.node(&mut sample, &mut nodes, rng);
            nodes
        };
        Forest((0..trees).map(tree).collect())
    }

    /// mu and sigma at a point, given by its present features.
    pub(crate) fn predict(&self, features: &[u32]) -> (f64, f64) {
        let (mut mean, mut square) = (0.0, 0.0);
        for tree in &self.0 {
            let mut at = 0;
            while let Some(node) = tree.get(at) {
                match node {
                    Node::Leaf { mean: m, variance } => {
                        mean += m;
                        square += variance + m * m;
                        break;
                    }
                    Node::Split { feature, has: there } => {
                        at = if features.contains(feature) { *there } else { at + 1 };
                    }
                }
            }
        }
        let trees = self.0.len().max(1) as f64;
        mean /= trees;
        (mean, (square / trees - mean * mean).max(0.0).sqrt())
    }
}

struct Grower<'a> {
    rows: &'a Rows<'a>,
    tallies: Vec<Tally>,
    /// The features that occur in the node.
    touched: Vec<u32>,
}

impl Grower<'_> {
    /// Appends the tree that grows from these rows.
    fn node(&mut self, sample: &mut [usize], nodes: &mut Vec<Node>, rng: &mut Rng) {
        let n = sample.len() as f64;
        let sum: f64 = sample.iter().map(|&i| self.rows.y[i]).sum();
        let mean = sum / n.max(1.0);
        let squares: f64 = sample.iter().map(|&i| (self.rows.y[i] - mean).powi(2)).sum();
        let split = if squares > 0.0 { self.split(sample, sum, rng) } else { None };
        let Some(feature) = split else {
            nodes.push(Node::Leaf { mean, variance: squares / n.max(1.0) });
            return;
        };
        let at = nodes.len();
        nodes.push(Node::Split { feature, has: 0 });
        let mut without = 0;
        for i in 0..sample.len() {
            if !self.rows.x[sample[i]].contains(&feature) {
                sample.swap(i, without);
                without += 1;
            }
        }
        let (left, right) = sample.split_at_mut(without);
        self.node(left, nodes, rng);
        nodes[at] = Node::Split { feature, has: nodes.len() };
        self.node(right, nodes, rng);
    }

    /// The feature that leaves the least sum of squares: the largest sum of (sum of y)^2 / n over the
    /// two sides.
    fn split(&mut self, sample: &[usize], sum: f64, rng: &mut Rng) -> Option<u32> {
        self.touched.clear();
        for &i in sample {
            for &f in &self.rows.x[i] {
                let tally = &mut self.tallies[f as usize];
                if tally.n == 0 {
                    self.touched.push(f);
                }
                tally.n += 1;
                tally.sum += self.rows.y[i];
            }
        }
        let n = sample.len();
        let mut best = (sum * sum / n as f64 * (1.0 + 1e-12) + 1e-300, None);
        for &f in &self.touched {
            let with = std::mem::take(&mut self.tallies[f as usize]);
            if with.n < LEAF || n - with.n < LEAF || rng.uniform() >= SHARE {
                continue;
            }
            let rest = sum - with.sum;
            let gain = with.sum * with.sum / with.n as f64 + rest * rest / (n - with.n) as f64;
            if gain > best.0 {
                best = (gain, Some(f));
            }
        }
        best.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five copies of all combinations of three places with two options: columns 2p and 2p + 1.
    fn data() -> (Vec<Vec<u32>>, Vec<f64>) {
        let x: Vec<Vec<u32>> =
            (0..40u32).map(|b| (0..3).map(|p| 2 * p + (b >> p & 1)).collect()).collect();
        // The second place decides, the first does a little, the third nothing.
        let y = x.iter().map(|x| 10.0 * f64::from(x[1] - 2) + f64::from(x[0])).collect();
        (x, y)
    }

    #[test]
    fn it_finds_the_step_and_is_surer_with_more_of_it() {
        let (x, y) = data();
        let rows = Rows { x: &x, y: &y, width: 6 };
        let forest = Forest::grow(&rows, 30, &mut Rng::from_u64(1));
        for (x, y) in x.iter().zip(&y) {
            let (mu, sigma) = forest.predict(x);
            assert!((mu - y).abs() < 0.5 && sigma < 1.0, "{x:?}: {mu} ± {sigma} for {y}");
        }
        // A bootstrap sample does not tell the third place's options apart.
        let (a, b) = (forest.predict(&[0, 3, 4]), forest.predict(&[0, 3, 5]));
        assert!((a.0 - b.0).abs() < 0.3);
    }

    #[test]
    fn mean_and_variance_are_those_of_trees_and_leaves() {
        let leaf = |mean, variance| Node::Leaf { mean, variance };
        let split = vec![Node::Split { feature: 7, has: 2 }, leaf(1.0, 0.5), leaf(4.0, 0.0)];
        let forest = Forest(vec![split, vec![leaf(2.0, 1.5)]]);
        // Means 1 and 2, variances 0.5 and 1.5: 1.5, and 1 + 0.25.
        assert_eq!(forest.predict(&[3]), (1.5, 1.25f64.sqrt()));
        // Means 4 and 2, variances 0 and 1.5: 3, and 0.75 + 1.
        assert_eq!(forest.predict(&[7, 3]), (3.0, 1.75f64.sqrt()));
    }

    #[test]
    fn a_leaf_keeps_mean_and_variance_and_has_three_rows_or_more() {
        // Two rows differ, too few for a leaf of their own.
        let (x, y) = (vec![vec![0], vec![0], vec![1], vec![1], vec![1]], [5.0, 5.0, 1.0, 1.0, 1.0]);
        let forest = Forest::grow(&Rows { x: &x, y: &y, width: 2 }, 200, &mut Rng::from_u64(2));
        for tree in &forest.0 {
            assert!(tree.len() == 1 || tree.len() == 3);
            // Five rows cannot be split into three and three.
            assert!(matches!(tree[0], Node::Leaf { .. }));
        }
        let (mu, sigma) = forest.predict(&[0]);
        assert!((mu - 2.6).abs() < 0.25 && (sigma - 3.84f64.sqrt()).abs() < 0.3, "{mu} {sigma}");
    }

    #[test]
    fn nothing_to_learn_from_is_no_error() {
        let forest = Forest::grow(&Rows { x: &[], y: &[], width: 0 }, 3, &mut Rng::from_u64(1));
        assert_eq!(forest.predict(&[1]), (0.0, 0.0));
        assert_eq!(Forest::default().predict(&[]), (0.0, 0.0));
    }
}
