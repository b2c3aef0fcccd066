//! A random forest of regression trees on numbers, with the variance of its predictions.
//!
//! Leo Breiman, "Random Forests", Machine Learning 45, 2001; the variance by the law of total variance, as in
//! `forest.rs`, whose trees split on the presence of a feature:
//!
//! ```text
//! each tree: a bootstrap sample of the data; at every node a random third of the columns, of which the one is
//!            taken, with the threshold, that leaves the least sum of squares; a leaf keeps mean and variance
//! mu(x)      = mean_b mu_b(x)
//! sigma^2(x) = mean_b v_b(x) + mean_b mu_b(x)^2 - mu(x)^2
//! ```
//!
//! A third is Breiman's number for regression. A threshold lies in the middle of two values that follow each other
//! at the node. The columns are ranked once, so a node goes through the values that a column has, not
//! through its sorted rows.

use crate::interrupt;
use crate::rng::Rng;

/// The share of the columns that a node may split on: one of so many.
const SHARE: usize = 3;
/// The fewest rows that a leaf holds.
const LEAF: usize = 1;

#[derive(Clone, Copy, Debug)]
enum Node {
    Leaf {
        mean: f64,
        variance: f64,
    },
    /// The next node is `above` if the column is above the threshold, and the following one otherwise.
    Split {
        column: usize,
        threshold: f64,
        above: usize,
    },
}

/// Regression trees on rows of numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trees(Vec<Vec<Node>>);

impl Trees {
    /// Grows so many trees on rows of the same width.
    pub(crate) fn grow(x: &[Vec<f64>], y: &[f64], trees: usize, rng: &mut Rng) -> Trees {
        let width = x.first().map_or(0, Vec::len);
        let columns: Vec<Column> = (0..width).map(|c| Column::of(x, c)).collect();
        // A column without two values cannot be split.
        let useful: Vec<usize> = (0..width).filter(|&c| columns[c].values.len() > 1).collect();
        let most = columns.iter().map(|c| c.values.len()).max().unwrap_or(0);
        let mut grower = Grower { columns, useful, y, tallies: vec![(0, 0.0); most] };
        let n = y.len();
        let tree = |_| {
            interrupt::point();
            let mut sample: Vec<usize> = (0..n).map(|_| rng.below(n)).collect();
            let mut nodes = vec![];
            grower.node(&mut sample, &mut nodes, rng);
            nodes
        };
        Trees((0..trees).map(tree).collect())
    }

    /// mu and sigma at a row.
    pub(crate) fn predict(&self, x: &[f64]) -> (f64, f64) {
        let (mut mean, mut square) = (0.0, 0.0);
        for tree in &self.0 {
            let mut at = 0;
            while let Some(node) = tree.get(at) {
                match *node {
                    Node::Leaf { mean: m, variance } => {
                        mean += m;
                        square += variance + m * m;
                        break;
                    }
                    Node::Split { column, threshold, above } => {
                        at = if x[column] > threshold { above } else { at + 1 };
                    }
                }
            }
        }
        let trees = self.0.len().max(1) as f64;
        mean /= trees;
        (mean, (square / trees - mean * mean).max(0.0).sqrt())
    }
}

/// A column by the ranks of its values.
struct Column {
    /// Its different values, in order.
    values: Vec<f64>,
    /// Of each row, the place of its value among them.
    ranks: Vec<usize>,
}

impl Column {
    fn of(x: &[Vec<f64>], column: usize) -> Column {
        let mut values: Vec<f64> = x.iter().map(|row| row[column]).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        let rank = |row: &Vec<f64>| values.partition_point(|v| *v < row[column]);
        let ranks = x.iter().map(rank).collect();
        Column { values, ranks }
    }
}

struct Grower<'a> {
    columns: Vec<Column>,
    useful: Vec<usize>,
    y: &'a [f64],
    /// How many rows of a node have each value of a column, and the sum of their targets.
    tallies: Vec<(usize, f64)>,
}

impl Grower<'_> {
    /// Appends the tree that grows from these rows.
    fn node(&mut self, sample: &mut [usize], nodes: &mut Vec<Node>, rng: &mut Rng) {
        let n = sample.len() as f64;
        let sum: f64 = sample.iter().map(|&i| self.y[i]).sum();
        let mean = sum / n.max(1.0);
        let squares: f64 = sample.iter().map(|&i| (self.y[i] - mean).powi(2)).sum();
        let split = if squares > 0.0 { self.split(sample, sum, rng) } else { None };
        let Some((column, rank)) = split else {
            nodes.push(Node::Leaf { mean, variance: squares / n.max(1.0) });
            return;
        };
        let Column { values, ranks } = &self.columns[column];
        let mut below = 0;
        for i in 0..sample.len() {
            if ranks[sample[i]] <= rank {
                sample.swap(i, below);
                below += 1;
            }
        }
        // The next value that a row of the node has.
        let next = sample[below..].iter().map(|&i| ranks[i]).min().unwrap_or(rank);
        let threshold = values[rank] / 2.0 + values[next] / 2.0;
        let at = nodes.len();
        nodes.push(Node::Split { column, threshold, above: 0 });
        let (left, right) = sample.split_at_mut(below);
        self.node(left, nodes, rng);
        nodes[at] = Node::Split { column, threshold, above: nodes.len() };
        self.node(right, nodes, rng);
    }

    /// The column, and the largest rank below the threshold, that leave the least sum of squares: the largest sum
    /// of (sum of y)^2 / n over the two sides. Columns are drawn until a third was looked at, and further
    /// while none of them has two values here.
    fn split(&mut self, sample: &[usize], sum: f64, rng: &mut Rng) -> Option<(usize, usize)> {
        let n = sample.len();
        let mut best = (sum * sum / n as f64 * (1.0 + 1e-12) + 1e-300, None);
        let (tries, mut looked) = (self.useful.len().div_ceil(SHARE), 0);
        for drawn in 0..self.useful.len() {
            if looked >= tries {
                break;
            }
            let other = drawn + rng.below(self.useful.len() - drawn);
            self.useful.swap(drawn, other);
            let column = self.useful[drawn];
            let ranks = &self.columns[column].ranks;
            let (mut low, mut high) = (usize::MAX, 0);
            for &i in sample {
                let rank = ranks[i];
                (low, high) = (low.min(rank), high.max(rank));
                self.tallies[rank].0 += 1;
                self.tallies[rank].1 += self.y[i];
            }
            looked += usize::from(low < high);
            let (mut count, mut part) = (0, 0.0);
            for (rank, tally) in self.tallies.iter_mut().enumerate().take(high + 1).skip(low) {
                let (k, y) = std::mem::take(tally);
                (count, part) = (count + k, part + y);
                if k == 0 || count < LEAF || n - count < LEAF {
                    continue;
                }
                let gain = part * part / count as f64 + (sum - part).powi(2) / (n - count) as f64;
                if gain > best.0 {
                    best = (gain, Some((column, rank)));
                }
            }
        }
        best.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The second column decides at 0.35, the first does a little, the third nothing.
    fn data() -> (Vec<Vec<f64>>, Vec<f64>) {
        let mut rng = Rng::from_u64(5);
        let x: Vec<Vec<f64>> = (0..200).map(|_| (0..3).map(|_| rng.uniform()).collect()).collect();
        let y = x.iter().map(|x| if x[1] > 0.35 { 10.0 + x[0] } else { x[0] }).collect();
        (x, y)
    }

    #[test]
    fn it_finds_the_step_and_is_unsure_beside_it() {
        let (x, y) = data();
        let trees = Trees::grow(&x, &y, 100, &mut Rng::from_u64(1));
        let at = |v: f64| trees.predict(&[0.5, v, 0.5]);
        let (low, high) = (at(0.1), at(0.9));
        assert!((low.0 - 0.5).abs() < 0.5 && (high.0 - 10.5).abs() < 0.5, "{low:?} {high:?}");
        assert!(at(0.35).1 > 2.0 * low.1.max(high.1), "{:?} {low:?} {high:?}", at(0.35));
        // It is flat beyond the data.
        assert_eq!(at(7.0), at(1.0));
    }

    #[test]
    fn a_threshold_lies_in_the_middle_and_leaves_hold_mean_and_variance() {
        // One column and two values: whatever the bootstrap sample, the only threshold is 2.
        let x = vec![vec![1.0], vec![1.0], vec![3.0], vec![3.0]];
        let trees = Trees::grow(&x, &[1.0, 2.0, 5.0, 5.0], 50, &mut Rng::from_u64(2));
        let mut splits = 0;
        for tree in &trees.0 {
            match tree[..] {
                [Node::Leaf { .. }] => {}
                [Node::Split { column: 0, threshold: 2.0, above: 2 }, low, high] => {
                    splits += 1;
                    let Node::Leaf { mean, variance } = low else { panic!("{low:?}") };
                    assert!((1.0..=2.0).contains(&mean) && variance <= 0.25, "{low:?}");
                    assert!(matches!(high, Node::Leaf { mean: 5.0, variance: 0.0 }), "{high:?}");
                }
                ref other => panic!("{other:?}"),
            }
        }
        assert!(splits > 30, "{splits}");
        let two = Trees(vec![
            vec![Node::Leaf { mean: 1.0, variance: 0.5 }],
            vec![Node::Leaf { mean: 2.0, variance: 1.5 }],
        ]);
        assert_eq!(two.predict(&[]), (1.5, 1.25f64.sqrt()));
    }

    #[test]
    fn nothing_to_learn_from_is_no_error() {
        let none = Trees::grow(&[], &[], 3, &mut Rng::from_u64(1));
        assert_eq!(none.predict(&[1.0]), (0.0, 0.0));
        let same = Trees::grow(&[vec![1.0], vec![1.0]], &[2.0, 4.0], 9, &mut Rng::from_u64(1));
        assert!((2.0..=4.0).contains(&same.predict(&[1.0]).0));
    }
}
