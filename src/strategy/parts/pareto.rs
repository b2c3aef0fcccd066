//! Ranks and distances of rows of objectives, all of them minimised (Deb et al. 2002).

/// Whether `a` is nowhere worse than `b` and somewhere better.
fn dominates(a: &[f64], b: &[f64]) -> bool {
    let mut better = false;
    for (x, y) in a.iter().zip(b) {
        if x > y {
            return false;
        }
        better |= x < y;
    }
    better
}

/// The fast non-dominated sort of section III A: the first front is what no row dominates, the next
/// one what no other row of the rest does, and so on. Numbers of rows, in order within a front.
pub(in super::super) fn fronts(rows: &[Vec<f64>]) -> Vec<Vec<usize>> {
    // S_p, the rows that p dominates, and n_p, how many dominate p.
    let mut beneath: Vec<Vec<usize>> = vec![vec![]; rows.len()];
    let mut above = vec![0_usize; rows.len()];
    for p in 0..rows.len() {
        for q in p + 1..rows.len() {
            let (over, under) = match () {
                () if dominates(&rows[p], &rows[q]) => (p, q),
                () if dominates(&rows[q], &rows[p]) => (q, p),
                () => continue,
            };
            beneath[over].push(under);
            above[under] += 1;
        }
    }
    let mut front: Vec<usize> = (0..rows.len()).filter(|&p| above[p] == 0).collect();
    let mut fronts = vec![];
    while !front.is_empty() {
        let mut next = vec![];
        for &q in front.iter().flat_map(|&p| &beneath[p]) {
            above[q] -= 1;
            if above[q] == 0 {
                next.push(q);
            }
        }
        next.sort_unstable();
        fronts.push(std::mem::replace(&mut front, next));
    }
    fronts
}

/// The crowding distance of section III B of every row of one front, in the order of `front`: the
/// sum over the objectives of how far apart its two neighbours are, as a share of the whole range.
/// The first and the last in an objective are infinitely far from others. An objective in which all
/// are equal tells nobody apart and counts nothing.
pub(in super::super) fn crowding(rows: &[Vec<f64>], front: &[usize]) -> Vec<f64> {
    let mut distance = vec![0.0; front.len()];
    let objectives = front.first().map_or(0, |&i| rows[i].len());
    let columns = (0..objectives).map(|m| front.iter().map(|&i| rows[i][m]).collect::<Vec<f64>>());
    for values in columns {
        let mut order: Vec<usize> = (0..front.len()).collect();
        order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
        let (Some(&low), Some(&high)) = (order.first(), order.last()) else { continue };
        // Of halves: the range of the largest numbers is none.
        let apart = |a: usize, b: usize| values[b] / 2.0 - values[a] / 2.0;
        let range = apart(low, high);
        if range <= 0.0 {
            continue;
        }
        (distance[low], distance[high]) = (f64::INFINITY, f64::INFINITY);
        for three in order.windows(3) {
            distance[three[1]] += apart(three[0], three[2]) / range;
        }
    }
    distance
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against pymoo (see the constants); rows without equal values in an objective.
    #[test]
    fn ranks_and_crowding_are_pymoos() {
        let rows: Vec<Vec<f64>> = ROWS.iter().map(|row| row.to_vec()).collect();
        let fronts = fronts(&rows);
        let expected: Vec<Vec<usize>> = FRONTS.iter().map(|f| f.to_vec()).collect();
        assert_eq!(fronts, expected);
        let distance = crowding(&rows, &fronts[0]);
        for (a, b) in distance.into_iter().zip(CROWDING) {
            assert!(a == b || (a - b).abs() < 1e-12, "{a}, not {b}");
        }
    }

    #[test]
    fn equal_rows_and_the_largest_numbers_are_ranked_too() {
        let same = vec![vec![1.0, 2.0]; 3];
        assert_eq!(fronts(&same), [[0, 1, 2]]);
        assert_eq!(crowding(&same, &[0, 1, 2]), [0.0; 3]);
        let wide = vec![vec![-1e308, 1.0], vec![1e308, -1.0], vec![0.0, 0.0]];
        assert_eq!(fronts(&wide), [[0, 1, 2]]);
        assert_eq!(crowding(&wide, &[0, 1, 2])[2], 2.0);
        assert!(fronts(&[]).is_empty() && crowding(&[], &[]).is_empty());
        // With one objective the fronts are the sorted values.
        assert_eq!(
            fronts(&[vec![3.0], vec![1.0], vec![1.0], vec![2.0]]),
            [vec![1, 2], vec![3], vec![0]]
        );
    }

    /// pymoo 0.6.2: `F = numpy.random.default_rng(1).integers(0, 1000, (14, 3)) / 100`,
    /// `NonDominatedSorting().do(F)`, and three times `get_crowding_function("cd").do(F[fronts[0]])`,
    /// which is divided by the number of objectives there.
    const ROWS: [[f64; 3]; 14] = [
        [4.73, 5.11, 7.55],
        [9.5, 0.34, 1.44],
        [8.22, 9.48, 2.49],
        [3.11, 8.69, 4.23],
        [2.73, 8.27, 2.56],
        [4.09, 6.43, 5.49],
        [0.85, 0.27, 8.65],
        [7.53, 8.37, 5.38],
        [8.17, 3.29, 4.52],
        [7.88, 1.23, 3.03],
        [1.24, 4.53, 9.76],
        [1.34, 3.83, 4.03],
        [9.03, 2.03, 5.02],
        [2.62, 0.19, 7.5],
    ];
    const FRONTS: [&[usize]; 2] = [&[1, 2, 4, 6, 9, 11, 13], &[0, 3, 5, 7, 8, 10, 12]];
    const CROWDING: [f64; 7] = [
        f64::INFINITY,
        f64::INFINITY,
        1.2911693029702185,
        f64::INFINITY,
        1.214238342485987,
        1.5824006286254133,
        f64::INFINITY,
    ];
}
