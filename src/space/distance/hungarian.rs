//! The assignment problem: pairs of rows and columns with the least total cost.
//!
//! Harold W. Kuhn, "The Hungarian Method for the Assignment Problem", 1955, in the form with shortest
//! augmenting paths by Jonker and Volgenant, 1987; `O(n^3)`.
//!
//! ```text
//! potentials u_i, v_j with u_i + v_j <= c_ij, and equality where i and j are paired
//! for every row: a shortest path, in reduced costs c_ij - u_i - v_j, from it to a column that is free;
//!                potentials move by the distances on the way; pairs along the path are exchanged
//! ```

/// The column of every row of a square matrix of finite costs, each column once, and the least total.
pub(super) fn assign(cost: &[Vec<f64>]) -> (Vec<usize>, f64) {
    let n = cost.len();
    // Row and column 0 stand for nothing; `row[j]` is the row that has column j.
    let (mut u, mut v) = (vec![0.0; n + 1], vec![0.0; n + 1]);
    let mut row = vec![0; n + 1];
    for i in 1..=n {
        row[0] = i;
        let mut last = 0;
        let mut least = vec![f64::INFINITY; n + 1];
        let (mut from, mut done) = (vec![0; n + 1], vec![false; n + 1]);
        while row[last] != 0 {
            done[last] = true;
            let (at, mut step, mut next) = (row[last], f64::INFINITY, 0);
            for j in (1..=n).filter(|&j| !done[j]) {
                let reduced = cost[at - 1][j - 1] - u[at] - v[j];
                if reduced < least[j] {
                    (least[j], from[j]) = (reduced, last);
                }
                if least[j] < step {
                    (step, next) = (least[j], j);
                }
            }
            for j in 0..=n {
                match done[j] {
                    true => {
                        u[row[j]] += step;
                        v[j] -= step;
                    }
                    false => least[j] -= step,
                }
            }
            last = next;
        }
        while last != 0 {
            row[last] = row[from[last]];
            last = from[last];
        }
    }
    let mut column = vec![0; n];
    (1..=n).for_each(|j| column[row[j] - 1] = j - 1);
    let total = column.iter().zip(cost).map(|(&j, costs)| costs[j]).sum();
    (column, total)
}

#[cfg(test)]
mod tests {
    use super::assign;
    use crate::rng::Rng;

    /// The least total over all permutations.
    fn brute(cost: &[Vec<f64>], taken: &mut Vec<usize>) -> f64 {
        if taken.len() == cost.len() {
            return taken.iter().zip(cost).map(|(&j, row)| row[j]).sum();
        }
        let mut least = f64::INFINITY;
        for j in (0..cost.len()).filter(|j| !taken.contains(j)).collect::<Vec<_>>() {
            taken.push(j);
            least = least.min(brute(cost, taken));
            taken.pop();
        }
        least
    }

    #[test]
    fn the_least_of_all_permutations_is_found() {
        let mut rng = Rng::new(1);
        for n in 0..=7 {
            for round in 0..60 {
                // Every other time with many ties, and with negative costs.
                let mut draw = || match round % 2 {
                    0 => rng.normal(),
                    _ => rng.below(4) as f64,
                };
                let cost: Vec<Vec<f64>> =
                    (0..n).map(|_| (0..n).map(|_| draw()).collect()).collect();
                let (column, total) = assign(&cost);
                let mut sorted = column.clone();
                sorted.sort_unstable();
                assert_eq!(sorted, (0..n).collect::<Vec<_>>());
                let least = brute(&cost, &mut vec![]);
                assert!((total - least).abs() < 1e-9, "{cost:?}: {total}, not {least}");
            }
        }
    }

    #[test]
    fn a_matrix_worked_by_hand() {
        // scipy.optimize.linear_sum_assignment([[4, 1, 3], [2, 0, 5], [3, 2, 2]]): columns 1, 0, 2.
        let cost = [[4.0, 1.0, 3.0], [2.0, 0.0, 5.0], [3.0, 2.0, 2.0]].map(|row| row.to_vec());
        assert_eq!(assign(&cost), (vec![1, 0, 2], 5.0));
    }
}
