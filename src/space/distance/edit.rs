//! The edit distance of networks: what it takes to make one from the other, layer by layer, and skip
//! connection by skip connection.
//!
//! Haifeng Jin, Qingquan Song and Xia Hu, "Auto-Keras: An Efficient Neural Architecture Search System",
//! arXiv 1806.10282, section 3.2.
//!
//! ```text
//! d(f_a, f_b)     = D_l(L_a, L_b) + lambda D_s(S_a, S_b),       lambda = 1
//! D_l             = the least cost of an alignment that keeps the order of the layers:
//!     A[i][j]     = min(A[i-1][j] + 1, A[i][j-1] + 1, A[i-1][j-1] + d_l(layer i, layer j))
//!     d_l         = 1 for layers of different types; else the mean of |x - y| / max(x, y) over
//!                   width, kernel and stride, as far as the layer has them
//! D_s             = the least cost of matching the skip connections, 1 for each that is left over
//!     d_s         = (|u_a - u_b| + |delta_a - delta_b|) / (max(u_a, u_b) + max(delta_a, delta_b))
//!     u, delta    = the rank of the layer where the connection begins, and how far it reaches;
//!                   d_s = 1 between one that is added and one that is concatenated
//! ```
//!
//! Layers are ranked as they are computed, except those that skip, add or concatenate. Every
//! connection that does not lead to the next layer is a skip connection, including those of branches. Where
//! we differ: settings besides width, kernel and stride (activation, dilation, ...) are in the mean as
//! well where they differ, so 0 means equal.

use super::hungarian::assign;
use crate::error::{Error, Result};
use crate::graph::{MOST_SKIPS, Sequence};
use crate::op::{Op, Value};
use crate::space::Architecture;

/// The weight of the skip connections.
const LAMBDA: f64 = 1.0;

/// The layers of an architecture: those of every cell that decides it, or of the whole network.
///
/// # Errors
/// When there are none, or too many connections.
pub(super) fn layers(arch: &Architecture, whole: bool) -> Result<Vec<Sequence>> {
    let found = arch.sequences(whole)?;
    match found.iter().map(|s| s.skips.len()).max() {
        Some(n) if n > MOST_SKIPS => Err(Error::invalid(
            format!("the edit distance of a network with {n} skip connections or more"),
            format!("at most {MOST_SKIPS} are allowed"),
            "Distance::hamming() or Distance::weisfeiler_lehman(2)",
        )),
        _ => Ok(found),
    }
}

pub(super) fn distance(a: &[Sequence], b: &[Sequence]) -> f64 {
    let pairs = a.iter().zip(b);
    pairs.map(|(a, b)| align(a, b) + LAMBDA * matching(&a.skips, &b.skips)).sum()
}

/// D_l, row by row.
fn align(a: &Sequence, b: &Sequence) -> f64 {
    let mut above: Vec<f64> = (0..=b.layers.len()).map(|j| j as f64).collect();
    for (i, x) in a.layers.iter().enumerate() {
        let mut row = vec![(i + 1) as f64];
        for (j, y) in b.layers.iter().enumerate() {
            let edited = above[j] + layer_distance(x, y);
            row.push(edited.min(above[j + 1] + 1.0).min(row[j] + 1.0));
        }
        above = row;
    }
    above.last().copied().unwrap_or(0.0)
}

/// d_l
fn layer_distance((a, width_a): &(Op, usize), (b, width_b): &(Op, usize)) -> f64 {
    if !a.is(b.info) {
        return 1.0;
    }
    let (mut sum, mut n) = (0.0, 0);
    for ((arg, x), y) in a.info.args.iter().zip(&a.args).zip(&b.args) {
        if !arg.measures && x == y {
            continue;
        }
        n += 1;
        let (x, y) = match arg.measures {
            // A pooling's own stride is its window.
            true => (a.meant(arg, *x), b.meant(arg, *y)),
            false => (*x, *y),
        };
        sum += match (x, y) {
            // Whether it is `same()` or a number, the width of the output counts.
            _ if arg.is_size() => relative(*width_a as f64, *width_b as f64),
            (Value::Int(x), Value::Int(y)) => relative(x as f64, y as f64),
            (Value::Float(x), Value::Float(y)) => relative(x, y),
            (x, y) => f64::from(u8::from(x != y)),
        };
    }
    sum / f64::from(n.max(1))
}

fn relative(x: f64, y: f64) -> f64 {
    if x == y { 0.0 } else { (x - y).abs() / x.abs().max(y.abs()) }
}

/// D_s
fn matching(a: &[Skip], b: &[Skip]) -> f64 {
    let n = a.len().max(b.len());
    let cost =
        |i: usize, j: usize| a.get(i).zip(b.get(j)).map_or(1.0, |(x, y)| skip_distance(x, y));
    let costs: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| cost(i, j)).collect()).collect();
    assign(&costs).1
}

/// Where it begins, where it ends, and whether it is concatenated there.
type Skip = (usize, usize, bool);

/// d_s
fn skip_distance(a: &Skip, b: &Skip) -> f64 {
    if a.2 != b.2 {
        return 1.0;
    }
    let (u_a, u_b) = (a.0 as f64, b.0 as f64);
    let (delta_a, delta_b) = ((a.1 - a.0) as f64, (b.1 - b.0) as f64);
    ((u_a - u_b).abs() + (delta_a - delta_b).abs()) / (u_a.max(u_b) + delta_a.max(delta_b))
}
