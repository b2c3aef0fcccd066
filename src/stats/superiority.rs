//! How probable it is that one strategy beats another: a difference that anyone understands, and that
//! does not depend on the scale of the scores.
//!
//! ```text
//! A      = P(x better than y) + P(x equal to y) / 2          x and y from any two seeds
//! paired = the same, x and y from the same seed
//! ```
//!
//! A is the measure of Vargha and Delaney (A Critique and Improvement of the CL Common Language Effect
//! Size Statistics, J. Educational and Behavioral Statistics 25, 2000): the U of Mann and Whitney over
//! the number of pairs. They call 0.56, 0.64 and 0.71 a small, a medium and a large difference. The
//! bands are those of the percentile bootstrap, see [`bootstrap`](super::bootstrap()).

use super::bootstrap::{Band, Draws, Statistic, bootstrap};
use super::check::{self, Allowed};
use super::summary::sorted;
use crate::count::Count;
use crate::error::Result;
use crate::rng::Rng;

/// The probability, with its bootstrap band, that a random value of `x` is better than a random one
/// of `y`, a tie counting as half (Vargha and Delaney's A): 1 where all of `x` is better, 0.5 where neither
/// is. Better is larger if `maximise`. The lists may differ in length; both are resampled. `level`
/// and `resamples` as in [`bootstrap`](super::bootstrap()).
///
/// ```
/// use nascent::{Rng, stats::superiority};
/// let (evolution, random) = ([0.94, 0.95, 0.93, 0.94], [0.93, 0.92, 0.94, 0.91]);
/// let a = superiority(evolution, random, true, 0.95, 1000, &mut Rng::new(1))?;
/// assert_eq!(a.value, 13.5 / 16.0);
/// assert!(a.low < a.value && a.high == 1.0);
/// # Ok::<(), nascent::Error>(())
/// ```
///
/// # Errors
/// When a list is empty or holds NaN, and as of [`bootstrap`](super::bootstrap()).
pub fn superiority(
    x: impl AsRef<[f64]>,
    y: impl AsRef<[f64]>,
    maximise: bool,
    level: f64,
    resamples: impl Count,
    rng: &mut Rng,
) -> Result<Band> {
    let call = "superiority(x, y, ...)";
    let (x, y) = (x.as_ref(), y.as_ref());
    check::sample(call, "x", x, Allowed::Ordered)?;
    check::sample(call, "y", y, Allowed::Ordered)?;
    let of_x = Draws::new(call, x.len(), level, resamples, rng)?;
    let of_y = Draws::new(call, y.len(), level, resamples, rng)?;
    let order = Order::new(x, y, maximise);
    let value = order.share(&vec![1; x.len()], &vec![1; y.len()]);
    let shares: Vec<f64> = of_x.iter().zip(of_y.iter()).map(|(a, b)| order.share(a, b)).collect();
    Ok(of_x.band(value, &shares))
}

/// The share of pairs, with its bootstrap band, in which `x` is better than `y`, a tie counting as half:
/// `x[i]` and `y[i]` come from the same seed, and seeds are resampled. Better is larger if `maximise`.
/// `level` and `resamples` as in [`bootstrap`](super::bootstrap()).
///
/// ```
/// use nascent::{Rng, stats::paired_superiority};
/// let (evolution, random) = ([0.94, 0.95, 0.93, 0.94], [0.93, 0.92, 0.94, 0.94]);
/// let share = paired_superiority(evolution, random, true, 0.95, 1000, &mut Rng::new(1))?;
/// assert_eq!(share.value, 2.5 / 4.0);
/// # Ok::<(), nascent::Error>(())
/// ```
///
/// # Errors
/// When the lists differ in length, are empty or hold NaN, and as of [`bootstrap`](super::bootstrap()).
pub fn paired_superiority(
    x: impl AsRef<[f64]>,
    y: impl AsRef<[f64]>,
    maximise: bool,
    level: f64,
    resamples: impl Count,
    rng: &mut Rng,
) -> Result<Band> {
    let call = "paired_superiority(x, y, ...)";
    check::pairs(call, x.as_ref(), y.as_ref(), Allowed::Ordered)?;
    let win = |(x, y): (&f64, &f64)| match (x == y, (x > y) == maximise) {
        (true, _) => 0.5,
        (false, better) => f64::from(u8::from(better)),
    };
    let wins: Vec<f64> = x.as_ref().iter().zip(y.as_ref()).map(win).collect();
    bootstrap(wins, Statistic::Mean, level, resamples, rng).map_err(|e| e.context(call))
}

/// What is compared, prepared for counting.
struct Order {
    /// Places in `y`, from the worst.
    places: Vec<usize>,
    /// For each of `x`: how many of `y` are worse, and how many are worse or equal.
    worse: Vec<(usize, usize)>,
}

impl Order {
    fn new(x: &[f64], y: &[f64], maximise: bool) -> Order {
        let gain = |v: &f64| if maximise { *v } else { -*v };
        let y: Vec<f64> = y.iter().map(gain).collect();
        let mut places: Vec<usize> = (0..y.len()).collect();
        places.sort_by(|&a, &b| y[a].total_cmp(&y[b]));
        let y = sorted(&y);
        let below = |x: f64| (y.partition_point(|y| *y < x), y.partition_point(|y| *y <= x));
        Order { places, worse: x.iter().map(|x| below(gain(x))).collect() }
    }

    /// The share of pairs in which x is better, when each value counts this many times.
    fn share(&self, of_x: &[u32], of_y: &[u32]) -> f64 {
        let (mut before, mut sum) = (vec![0], 0u64);
        for &place in &self.places {
            sum += u64::from(of_y[place]);
            before.push(sum);
        }
        let wins = self.worse.iter().zip(of_x).map(|(&(less, not_more), &count)| {
            u64::from(count) * (before[less] + before[not_more])
        });
        wins.sum::<u64>() as f64 / (2 * sum * self.worse.len() as u64) as f64
    }
}
