//! Where the nodes of a graph without circles stand when it is drawn in layers, as few edges crossing as can be
//! found quickly.
//!
//! Sugiyama, Tagawa and Toda, "Methods for Visual Understanding of Hierarchical System Structures", IEEE Transactions
//! on Systems, Man, and Cybernetics 11(2), 1981:
//!
//! ```text
//! 1. layer(v) = 1 + the largest layer of what v takes; an edge over several layers gets a waypoint in each between
//! 2. sweep down and up: order each layer by the mean place of the neighbours in the last one;
//!    exchange neighbours in a layer as long as that takes crossings away; keep the best order of all
//! 3. sweep again: each node to the mean of its neighbours, in that order and so far apart as they are wide
//! ```
//!
//! In step 3 a layer has an exact answer, the least sum of squares with given distances: isotonic regression, by
//! pooling neighbours that are in each other's way (Ayer et al. 1955). Waypoints weigh more, so long edges are straight.

/// Where nodes and edges are. Places are of centres, from left to right.
pub(super) struct Layout {
    /// The place of each node.
    pub(super) x: Vec<f64>,
    /// The layer of each node, from 0 on.
    pub(super) layer: Vec<usize>,
    /// Each edge: from, to, and its places in the layers between.
    pub(super) edges: Vec<(usize, usize, Vec<f64>)>,
    /// From the left edge of the first node to the right edge of the last.
    pub(super) width: f64,
}

/// How often the layers are swept in both directions.
const SWEEPS: usize = 12;
/// How much more an edge between two waypoints pulls than one between two nodes.
const STRAIGHT: f64 = 40.0;
/// The room of a waypoint.
const WAY: f64 = 10.0;

/// The layout of nodes with these inputs, which are all of smaller numbers, and widths, at least `gap` apart.
pub(super) fn layout(inputs: &[Vec<usize>], widths: &[f64], gap: f64) -> Layout {
    let net = Net::of(inputs, widths);
    let order = net.ordered();
    let x = net.placed(&order, gap);
    let n = inputs.len();
    let left = (0..x.len()).map(|v| x[v] - net.width[v] / 2.0).fold(f64::MAX, f64::min);
    let right = (0..x.len()).map(|v| x[v] + net.width[v] / 2.0).fold(f64::MIN, f64::max);
    let edge = |(from, to, ways): &(usize, usize, Vec<usize>)| {
        (*from, *to, ways.iter().map(|&v| x[v] - left).collect())
    };
    Layout {
        x: x[..n].iter().map(|x| x - left).collect(),
        layer: net.layer[..n].to_vec(),
        edges: net.edges.iter().map(edge).collect(),
        width: (right - left).max(0.0),
    }
}

/// Nodes, and behind them waypoints; links lead from a layer to the next.
struct Net {
    layer: Vec<usize>,
    width: Vec<f64>,
    up: Vec<Vec<usize>>,
    down: Vec<Vec<usize>>,
    /// From, to, and the waypoints.
    edges: Vec<(usize, usize, Vec<usize>)>,
    nodes: usize,
}

type Order = Vec<Vec<usize>>;

impl Net {
    fn of(inputs: &[Vec<usize>], widths: &[f64]) -> Net {
        let n = inputs.len();
        let known = |v: usize| inputs[v].iter().copied().filter(move |&u| u < v);
        let mut layer = vec![0usize; n];
        for v in 0..n {
            layer[v] = known(v).map(|u| layer[u] + 1).max().unwrap_or(0);
        }
        // What begins somewhere stands right above where it is wanted.
        for v in 0..n {
            let wanted = (v + 1..n).filter(|&w| inputs[w].contains(&v)).map(|w| layer[w]).min();
            if let (None, Some(wanted)) = (known(v).next(), wanted) {
                layer[v] = wanted.saturating_sub(1);
            }
        }
        let mut net = Net {
            layer,
            width: widths.to_vec(),
            up: vec![vec![]; n],
            down: vec![vec![]; n],
            edges: vec![],
            nodes: n,
        };
        for v in 0..n {
            let mut from: Vec<usize> = known(v).collect();
            from.sort_unstable();
            from.dedup();
            for u in from {
                let mut ways = vec![];
                let mut last = u;
                for layer in net.layer[u] + 1..net.layer[v] {
                    let way = net.layer.len();
                    net.layer.push(layer);
                    net.width.push(WAY);
                    net.up.push(vec![]);
                    net.down.push(vec![]);
                    net.link(last, way);
                    ways.push(way);
                    last = way;
                }
                net.link(last, v);
                net.edges.push((u, v, ways));
            }
        }
        net
    }

    fn link(&mut self, u: usize, v: usize) {
        self.down[u].push(v);
        self.up[v].push(u);
    }

    /// Each layer from left to right, with few crossings.
    fn ordered(&self) -> Order {
        let layers = self.layer.iter().max().map_or(0, |most| most + 1);
        let mut order: Order = vec![vec![]; layers];
        // Ways of one edge begin below where it comes from.
        (0..self.layer.len()).for_each(|v| order[self.layer[v]].push(v));
        let mut best = (self.crossings(&order), order.clone());
        for sweep in 0..SWEEPS {
            let downwards = sweep % 2 == 0;
            let (near, rows): (_, Vec<usize>) = match downwards {
                true => (&self.up, (1..layers).collect()),
                false => (&self.down, (0..layers.saturating_sub(1)).rev().collect()),
            };
            for row in rows {
                let beside = if downwards { row - 1 } else { row + 1 };
                let place = self.places(&order[beside]);
                let mut wanted: Vec<(f64, usize)> = order[row]
                    .iter()
                    .enumerate()
                    .map(|(i, &v)| (mean(near[v].iter().map(|&u| place[u])).unwrap_or(i as f64), v))
                    .collect();
                wanted.sort_by(|a, b| a.0.total_cmp(&b.0));
                order[row] = wanted.into_iter().map(|(_, v)| v).collect();
            }
            self.exchange(&mut order);
            let found = self.crossings(&order);
            if found < best.0 {
                best = (found, order.clone());
            }
        }
        best.1
    }

    /// The place of each node of a layer in its order; 0 for all others.
    fn places(&self, layer: &[usize]) -> Vec<f64> {
        let mut place = vec![0.0; self.layer.len()];
        layer.iter().enumerate().for_each(|(i, &v)| place[v] = i as f64);
        place
    }

    /// Exchanges neighbours wherever that takes crossings away.
    fn exchange(&self, order: &mut Order) {
        for row in 0..order.len() {
            let above = row.checked_sub(1).map(|above| self.places(&order[above]));
            let below = order.get(row + 1).map(|below| self.places(below));
            for i in 1..order[row].len() {
                let (a, b) = (order[row][i - 1], order[row][i]);
                let crossed = |near: &[Vec<usize>], place: &Option<Vec<f64>>| {
                    place.as_ref().map_or(0, |place| {
                        let pairs = |x: usize, y: usize| {
                            let after = |p: f64| near[y].iter().filter(|&&q| place[q] < p).count();
                            near[x].iter().map(|&p| after(place[p])).sum::<usize>()
                        };
                        pairs(a, b) as i64 - pairs(b, a) as i64
                    })
                };
                if crossed(&self.up, &above) + crossed(&self.down, &below) > 0 {
                    order[row].swap(i - 1, i);
                }
            }
        }
    }

    fn crossings(&self, order: &Order) -> usize {
        let between = |pair: &[Vec<usize>]| {
            let place = self.places(&pair[1]);
            let mut seen: Vec<f64> = vec![];
            let mut count = 0;
            for &u in &pair[0] {
                let ends: Vec<f64> = self.down[u].iter().map(|&v| place[v]).collect();
                count += ends.iter().map(|e| seen.iter().filter(|s| *s > e).count()).sum::<usize>();
                seen.extend(ends);
            }
            count
        };
        order.windows(2).map(between).sum()
    }

    /// The place of every node and waypoint.
    fn placed(&self, order: &Order, gap: f64) -> Vec<f64> {
        let mut x = vec![0.0; self.layer.len()];
        let apart = |u: usize, v: usize| (self.width[u] + self.width[v]) / 2.0 + gap;
        for row in order {
            let mut at = 0.0;
            for pair in row.windows(2) {
                at += apart(pair[0], pair[1]);
                x[pair[1]] = at;
            }
            row.iter().for_each(|&v| x[v] -= at / 2.0);
        }
        let way = |v: usize| v >= self.nodes;
        let pull = |u: usize, v: usize| if way(u) && way(v) { STRAIGHT } else { 1.0 };
        for sweep in 0..2 * SWEEPS {
            let last = sweep + 2 >= 2 * SWEEPS;
            let rows: Vec<usize> = match sweep % 2 {
                0 => (0..order.len()).collect(),
                _ => (0..order.len()).rev().collect(),
            };
            for row in rows {
                let near = |v: usize| {
                    let (up, down) = (self.up[v].iter(), self.down[v].iter());
                    match sweep % 2 {
                        _ if last => up.chain(down.as_slice()).copied().collect::<Vec<_>>(),
                        0 => up.chain(&[]).copied().collect(),
                        _ => down.chain(&[]).copied().collect(),
                    }
                };
                let wish = |&v: &usize| {
                    let near = near(v);
                    let weight: f64 = near.iter().map(|&u| pull(u, v)).sum();
                    let sum: f64 = near.iter().map(|&u| pull(u, v) * x[u]).sum();
                    match weight > 0.0 {
                        true => (sum / weight, weight),
                        false => (x[v], 0.1),
                    }
                };
                let wishes: Vec<(f64, f64)> = order[row].iter().map(wish).collect();
                let steps: Vec<f64> = order[row].windows(2).map(|p| apart(p[0], p[1])).collect();
                for (&v, place) in order[row].iter().zip(spread(&wishes, &steps)) {
                    x[v] = place;
                }
            }
        }
        x
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, n) = values.fold((0.0, 0), |(sum, n), v| (sum + v, n + 1));
    (n > 0).then(|| sum / f64::from(n))
}

/// The places nearest to wishes with weights, in their order and at least these steps apart.
fn spread(wishes: &[(f64, f64)], steps: &[f64]) -> Vec<f64> {
    // Without the steps, places may not fall: isotonic regression.
    let mut offset = vec![0.0; wishes.len()];
    for i in 1..wishes.len() {
        offset[i] = offset[i - 1] + steps[i - 1];
    }
    // Mean, weight and length of pools.
    let mut pools: Vec<(f64, f64, usize)> = vec![];
    for (&(wish, weight), offset) in wishes.iter().zip(&offset) {
        let mut pool = (wish - offset, weight, 1);
        while let Some(&(mean, w, n)) = pools.last().filter(|before| before.0 > pool.0) {
            pools.pop();
            pool = ((mean * w + pool.0 * pool.1) / (w + pool.1), w + pool.1, n + pool.2);
        }
        pools.push(pool);
    }
    let level = pools.iter().flat_map(|&(mean, _, n)| std::iter::repeat_n(mean, n));
    level.zip(&offset).map(|(level, offset)| level + offset).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid(inputs: &[&[usize]]) -> Layout {
        let inputs: Vec<Vec<usize>> = inputs.iter().map(|i| i.to_vec()).collect();
        layout(&inputs, &vec![100.0; inputs.len()], 20.0)
    }

    #[test]
    fn a_chain_is_straight_and_branches_stand_beside_each_other() {
        let chain = laid(&[&[], &[0], &[1]]);
        assert_eq!((chain.layer, chain.width), (vec![0, 1, 2], 100.0));
        assert!(chain.x.iter().all(|&x| x == 50.0), "{:?}", chain.x);
        let two = laid(&[&[], &[0], &[0], &[1, 2]]);
        assert_eq!(two.layer, [0, 1, 1, 2]);
        assert!((two.x[2] - two.x[1]).abs() >= 120.0 - 1e-9);
        assert!((two.x[0] - (two.x[1] + two.x[2]) / 2.0).abs() < 1.0, "{:?}", two.x);
    }

    #[test]
    fn a_skip_goes_around_what_it_skips() {
        let found = laid(&[&[], &[0], &[1], &[0, 2]]);
        let (_, _, ways) = found.edges.iter().find(|e| (e.0, e.1) == (0, 3)).unwrap();
        assert_eq!(ways.len(), 2);
        for (way, node) in ways.iter().zip([1, 2]) {
            assert!((way - found.x[node]).abs() >= 55.0, "{way} beside {}", found.x[node]);
        }
        assert!((ways[0] - ways[1]).abs() < 1.0, "straight: {ways:?}");
    }

    /// Two branches that an order by numbers would cross, and a graph in which some crossing must stay.
    #[test]
    fn crossings_are_taken_away() {
        let count = |inputs: &[&[usize]]| {
            let inputs: Vec<Vec<usize>> = inputs.iter().map(|i| i.to_vec()).collect();
            let net = Net::of(&inputs, &vec![10.0; inputs.len()]);
            net.crossings(&net.ordered())
        };
        assert_eq!(count(&[&[], &[], &[1], &[0], &[2], &[3]]), 0);
        assert_eq!(count(&[&[], &[], &[], &[2], &[1], &[0]]), 0);
        assert_eq!(count(&[&[], &[], &[0, 1], &[0, 1]]), 1, "K(2, 2)");
    }

    #[test]
    fn wishes_are_kept_where_they_can_be() {
        assert_eq!(spread(&[(0.0, 1.0), (50.0, 1.0)], &[10.0]), [0.0, 50.0]);
        assert_eq!(spread(&[(5.0, 1.0), (5.0, 1.0)], &[10.0]), [0.0, 10.0]);
        assert_eq!(spread(&[(5.0, 3.0), (5.0, 1.0)], &[8.0]), [3.0, 11.0]);
        assert!(spread(&[], &[]).is_empty());
    }

    #[test]
    fn what_is_not_a_graph_in_order_is_laid_out_all_the_same() {
        let found = laid(&[&[0, 7, 99], &[1], &[0, 0, 0]]);
        assert_eq!(found.edges.len(), 1);
        assert_eq!(layout(&[], &[], 1.0).width, 0.0);
        let dense: Vec<Vec<usize>> = (0..40).map(|i| (0..i).collect()).collect();
        let found = layout(&dense, &[80.0; 40], 10.0);
        assert!(found.x.iter().all(|x| x.is_finite() && *x <= found.width));
    }
}
