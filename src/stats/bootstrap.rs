//! How certain a mean or a median over few seeds is: the percentile bootstrap.
//!
//! The seeds at hand stand for all seeds. Drawing the same number from them with replacement shows how
//! much the statistic would vary, and the middle part of its values is the band (Efron, Bootstrap
//! Methods: Another Look at the Jackknife, Annals of Statistics 7, 1979).
//!
//! ```text
//! repeat B times:  draw n of the n seeds with replacement;  t*_b = statistic of what was drawn
//! band = quantiles (1 - level) / 2 and (1 + level) / 2 of t*_1 ... t*_B
//! ```
//!
//! A curve is resampled as a whole: all of its points share the draws of seeds. A draw is stored as the
//! number of times that each seed came up. So a mean is a weighted sum, and a median is found by walking
//! along the sorted values until half of the draw has been passed.

use super::check::{self, Allowed};
use super::summary::{mean, short, sorted, sorted_quantile};
use crate::count::Count;
use crate::error::{Error, Result};
use crate::rng::Rng;
use crate::threads;
use std::fmt;

/// What is estimated from a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// The mean.
    Mean,
    /// The median.
    Median,
}

/// An estimate and the band in which it would lie with other seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    /// The lower end of the band.
    pub low: f64,
    /// The estimate from the values themselves.
    pub value: f64,
    /// The upper end of the band.
    pub high: f64,
}

/// `0.93 [0.91, 0.95]`
impl fmt::Display for Band {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}, {}]", short(self.value), short(self.low), short(self.high))
    }
}

/// The mean or median of a sample with its bootstrap band at a `level` (0.95 is usual), from this many
/// `resamples` (1000 is usual). With few seeds, under about ten, a percentile band is too narrow; a
/// single value has a band of zero width.
///
/// ```
/// use nascent::{Rng, stats::{Statistic, bootstrap}};
/// let accuracies = [0.91, 0.94, 0.92, 0.95, 0.90, 0.93, 0.92, 0.94];
/// let band = bootstrap(accuracies, Statistic::Mean, 0.95, 1000, &mut Rng::new(1))?;
/// assert!(band.low > 0.91 && band.low < band.value && band.value < band.high && band.high < 0.94);
/// # Ok::<(), nascent::Error>(())
/// ```
///
/// # Errors
/// When there is no value or one is not finite, the level is not between 0 and 1, or the resamples
/// are fewer than 1 or more than can be held.
pub fn bootstrap(
    values: impl AsRef<[f64]>,
    statistic: Statistic,
    level: f64,
    resamples: impl Count,
    rng: &mut Rng,
) -> Result<Band> {
    let call = "bootstrap(values, ...)";
    let values = values.as_ref();
    check::sample(call, "values", values, Allowed::Finite)?;
    let draws = Draws::new(call, values.len(), level, resamples, rng)?;
    let rows: Vec<&[f64]> = values.chunks(1).collect();
    Ok(bands(&rows, 0..1, statistic, &draws).swap_remove(0))
}

/// Bands along curves: `rows` holds a curve for each seed, all with the same points, and for each
/// point there is a band. See [`bootstrap`].
///
/// ```
/// use nascent::{Rng, stats::{Statistic, bootstrap_curve}};
/// // The best score so far of three seeds, after 1, 2 and 3 trials.
/// let rows = [[0.5, 0.7, 0.8], [0.6, 0.6, 0.9], [0.4, 0.7, 0.7]];
/// let bands = bootstrap_curve(rows, Statistic::Median, 0.95, 1000, &mut Rng::new(1))?;
/// assert_eq!(bands.iter().map(|b| b.value).collect::<Vec<_>>(), [0.5, 0.7, 0.8]);
/// assert_eq!((bands[2].low, bands[2].high), (0.7, 0.9));
/// # Ok::<(), nascent::Error>(())
/// ```
///
/// # Errors
/// As of [`bootstrap`], and when the rows differ in length or have none.
pub fn bootstrap_curve<R: AsRef<[f64]>>(
    rows: impl AsRef<[R]>,
    statistic: Statistic,
    level: f64,
    resamples: impl Count,
    rng: &mut Rng,
) -> Result<Vec<Band>> {
    let call = "bootstrap_curve(rows, ...)";
    let (rows, points) = check::table(call, "rows", rows.as_ref(), Allowed::Finite)?;
    if points == 0 {
        return Err(Error::invalid(
            format!("{call} with {} rows of length 0", rows.len()),
            "at least one seed with one point is needed",
            "a row for each seed, a column for each point of the curve",
        ));
    }
    let draws = Draws::new(call, rows.len(), level, resamples, rng)?;
    let blocks = points.div_ceil(BLOCK);
    let least = WORTH.div_ceil(draws.counts.len().max(1));
    let block = |i: usize| {
        let from = i * BLOCK;
        bands(&rows, from..points.min(from + BLOCK), statistic, &draws)
    };
    Ok(threads::map(blocks, least, block).concat())
}

/// How often each of `n` seeds came up in each resample.
pub(super) struct Draws {
    n: usize,
    level: f64,
    counts: Vec<u32>,
}

impl Draws {
    /// Seed by seed, resample by resample: `n` times `rng.below(n)` for each.
    pub(super) fn new(
        call: &str,
        n: usize,
        level: f64,
        resamples: impl Count,
        rng: &mut Rng,
    ) -> Result<Draws> {
        check::share(call, "level", level, "0.95")?;
        let resamples = resamples.to_i64();
        let most = (MOST_COUNTS / n.max(1)).clamp(1, MOST_RESAMPLES);
        if resamples < 1 || resamples > most as i64 {
            return Err(Error::invalid(
                format!("{call} with {resamples} resamples of {n} values"),
                format!("1 to {most} are allowed"),
                "1000",
            ));
        }
        let mut counts = vec![0; n * resamples as usize];
        for resample in counts.chunks_exact_mut(n.max(1)) {
            (0..n).for_each(|_| resample[rng.below(n)] += 1);
        }
        Ok(Draws { n, level, counts })
    }

    /// The resamples, each the counts of the seeds.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u32]> {
        self.counts.chunks_exact(self.n.max(1))
    }

    /// The band of an estimate, from its values in the resamples.
    pub(super) fn band(&self, value: f64, resampled: &[f64]) -> Band {
        let (resampled, outside) = (sorted(resampled), (1.0 - self.level) / 2.0);
        let at = |share| sorted_quantile(&resampled, share);
        Band { low: at(outside), value, high: at(1.0 - outside) }
    }
}

/// How many points of a curve are summed side by side: two to four vector registers.
const BLOCK: usize = 8;
/// How many counts of a block are worth a thread.
const WORTH: usize = 1_000_000;
/// 100 million counts take 400 MB.
const MOST_COUNTS: usize = 100_000_000;
const MOST_RESAMPLES: usize = 1_000_000;

fn bands(
    rows: &[&[f64]],
    points: std::ops::Range<usize>,
    statistic: Statistic,
    draws: &Draws,
) -> Vec<Band> {
    let columns: Vec<Vec<f64>> =
        points.map(|at| rows.iter().map(|row| row[at]).collect()).collect();
    match statistic {
        Statistic::Mean => {
            let resampled = means(&columns, draws);
            columns.iter().zip(resampled).map(|(c, r)| draws.band(mean(c), &r)).collect()
        }
        Statistic::Median => {
            let median = |c: &[f64]| sorted_quantile(&sorted(c), 0.5);
            columns.iter().map(|c| draws.band(median(c), &medians(c, draws))).collect()
        }
    }
}

/// For each of up to `BLOCK` columns, its means in the resamples.
fn means(columns: &[Vec<f64>], draws: &Draws) -> Vec<Vec<f64>> {
    // Less the first value, so that values which are equal for all seeds have a band of zero width.
    let mut first = [0.0; BLOCK];
    let mut rows = vec![[0.0; BLOCK]; draws.n];
    for (j, column) in columns.iter().enumerate() {
        first[j] = column[0];
        rows.iter_mut().zip(column).for_each(|(row, v)| row[j] = v - column[0]);
    }
    let mut means = vec![vec![]; columns.len()];
    for counts in draws.iter() {
        let mut sums = [0.0; BLOCK];
        for (&count, row) in counts.iter().zip(&rows) {
            let count = f64::from(count);
            sums.iter_mut().zip(row).for_each(|(sum, v)| *sum += count * v);
        }
        for (j, means) in means.iter_mut().enumerate() {
            means.push(first[j] + sums[j] / draws.n as f64);
        }
    }
    means
}

/// The medians of a column in the resamples.
fn medians(column: &[f64], draws: &Draws) -> Vec<f64> {
    let mut places: Vec<usize> = (0..column.len()).collect();
    places.sort_unstable_by(|&a, &b| column[a].total_cmp(&column[b]));
    // Of n in order, from 0: the middle one, or the two around the middle.
    let (lower, upper) = ((draws.n - 1) / 2, draws.n / 2);
    let median = |counts: &[u32]| {
        let mut walk = places.iter();
        let (mut passed, mut value) = (0, 0.0);
        let mut at = |rank: usize| {
            while passed <= rank {
                let Some(&place) = walk.next() else { break };
                passed += counts[place] as usize;
                value = column[place];
            }
            value
        };
        let low = at(lower);
        f64::midpoint(low, at(upper))
    };
    draws.iter().map(median).collect()
}
