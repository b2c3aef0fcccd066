//! 64-bit numbers as the 32-bit numbers that networks compute with.
//!
//! 32 bits hold 7 digits. Times in milliseconds since 1970 have 13, so all times within two minutes
//! become one number, and samples can no longer be told apart. They can if the column is moved first:
//! for the differences from its median, 7 digits are enough.

use super::Dataset;
use crate::shape::Shape;
use serde::{Deserialize, Serialize};

/// What was done to the given numbers, for each feature or channel: a number `v` became
/// `(v - shift) / scale`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scaling {
    pub(crate) shift: Vec<f64>,
    pub(crate) scale: Vec<f64>,
}

/// The channels of a shape, and how many values of one are adjacent: channels come first in an
/// image and last in a sequence.
pub(crate) fn channels(shape: &Shape) -> (usize, usize) {
    match *shape.as_slice() {
        [features] | [_, features] => (features, 1),
        [channels, ref rest @ ..] => (channels, rest.iter().product()),
        [] => (1, 1),
    }
}

/// The channel of a value, by its place among samples of a shape, one after the other.
pub(super) fn channel_of(shape: &Shape) -> impl Fn(usize) -> usize + use<> {
    let (n, inner) = channels(shape);
    move |i| i / inner.max(1) % n.max(1)
}

impl Scaling {
    /// Numbers as they are.
    pub(crate) fn none(channels: usize) -> Scaling {
        Scaling { shift: vec![0.0; channels], scale: vec![1.0; channels] }
    }

    pub(crate) fn is_none(&self) -> bool {
        self.shift.iter().all(|&s| s == 0.0) && self.scale.iter().all(|&s| s == 1.0)
    }

    /// A number of a channel as the network sees it.
    pub(crate) fn apply(&self, channel: usize, v: f64) -> f64 {
        (v - self.shift[channel]) * self.scale[channel].recip()
    }

    /// The number that was given.
    pub(crate) fn undo(&self, channel: usize, v: f64) -> f64 {
        v * self.scale[channel] + self.shift[channel]
    }

    /// Samples of a shape, one after the other, as the network sees them.
    pub(crate) fn narrow(&self, shape: &Shape, x: &[f64]) -> Vec<f32> {
        let channel = channel_of(shape);
        x.iter().enumerate().map(|(i, &v)| self.apply(channel(i), v) as f32).collect()
    }

    /// Samples of a shape as they were given.
    pub(crate) fn widen(&self, shape: &Shape, x: &[f32]) -> Vec<f64> {
        let channel = channel_of(shape);
        x.iter().enumerate().map(|(i, &v)| self.undo(channel(i), v.into())).collect()
    }

    /// This, and then another.
    pub(crate) fn then(&self, next: &Scaling) -> Scaling {
        let all = || 0..self.shift.len();
        Scaling {
            shift: all().map(|c| self.undo(c, next.shift[c])).collect(),
            scale: all().map(|c| self.scale[c] * next.scale[c]).collect(),
        }
    }
}

impl Dataset {
    /// What was done to the inputs since they were given, and what a model has to do to new inputs: what
    /// keeps their values apart in 32 bits, and [`Dataset::standardised`].
    pub(crate) fn scaling(&self) -> Option<&Scaling> {
        self.0.scaling.as_ref()
    }

    /// What was done to the targets of a regression, for each output, and what a model has to undo in its
    /// predictions. It is only ever a shift, so that errors keep their unit.
    pub(crate) fn target_scaling(&self) -> Option<&Scaling> {
        self.0.target_scaling.as_ref()
    }

    /// What was subtracted from the targets of a regression before they became numbers of 32 bits, one
    /// number per output, usually 0; see the data's card.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let x: Vec<f64> = (0..100).map(f64::from).collect();
    /// let time: Vec<f64> = x.iter().map(|x| 1.7e12 + 1000.0 * x).collect();
    /// let data = Dataset::regression("clock", x, [1], time, 1)?;
    /// assert_eq!(data.target_shift(), [1.7e12 + 50_000.0]);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn target_shift(&self) -> Vec<f64> {
        match (&self.0.target_scaling, &self.0.task) {
            (Some(scaling), _) => scaling.shift.clone(),
            (None, crate::task::Task::Regression { outputs }) => vec![0.0; *outputs],
            _ => vec![],
        }
    }
}

/// A column of numbers as they were given.
#[derive(Default)]
pub(super) struct Column {
    high: Vec<f64>,
    /// What 64 bits lack of a whole number of more than 15 digits; empty where there is none.
    low: Vec<f64>,
}

/// A column in 32 bits, and what was done to it.
pub(super) struct Fitted {
    pub(super) shift: f64,
    pub(super) scale: f64,
    /// The number of distinct values that were given, and of those that are left.
    pub(super) given: usize,
    pub(super) left: usize,
}

/// One distinct value in this many may be lost. Of random 64-bit numbers fewer coincide in 32 bits.
const LOST: usize = 100;

/// Differences of this many steps of a 64-bit number are what rounding leaves, as in
/// 0.1 + 0.2 = 0.30000000000000004.
const NOISE: f64 = 16.0 * f64::EPSILON;

impl Column {
    pub(super) fn push(&mut self, (high, low): (f64, f64)) {
        if low != 0.0 || !self.low.is_empty() {
            self.low.resize(self.high.len(), 0.0);
            self.low.push(low);
        }
        self.high.push(high);
    }

    pub(super) fn of(high: impl IntoIterator<Item = f64>) -> Column {
        Column { high: high.into_iter().collect(), low: vec![] }
    }

    pub(super) fn len(&self) -> usize {
        self.high.len()
    }

    fn pair(&self, i: usize) -> (f64, f64) {
        (self.high[i], self.low.get(i).copied().unwrap_or(0.0))
    }

    /// Whether every value is one more than the last.
    pub(super) fn counts(&self) -> bool {
        let step = |i: usize| {
            let ((a, b), (c, d)) = (self.pair(i), self.pair(i + 1));
            (c - a) + (d - b) == 1.0
        };
        self.high.len() > 1 && (0..self.high.len() - 1).all(step)
    }

    /// What keeps the column's values apart in 32 bits; without `may_scale` only a shift, which keeps the
    /// unit.
    pub(super) fn fit(&self, may_scale: bool) -> Fitted {
        let same = Fitted { shift: 0.0, scale: 1.0, given: 0, left: 0 };
        let exact = |v: &f64| f64::from(*v as f32) == *v;
        if self.low.is_empty() && self.high.iter().all(exact) {
            return same;
        }
        let mut all: Vec<(f64, f64)> = (0..self.len()).map(|i| self.pair(i)).collect();
        all.sort_unstable_by(by_value);
        let (Some(&(least, _)), Some(&(most, _))) = (all.first(), all.last()) else { return same };
        let whole = || all.iter().all(|(v, _)| v.fract() == 0.0);
        if most - least <= NOISE * most.abs().max(least.abs()) && !whole() {
            return same;
        }
        all.dedup();
        let given = all.len();
        // Rounding keeps the order: what became equal is adjacent.
        let left = |shift: f64, scale: f64| {
            let narrow = |(high, low): (f64, f64)| (((high - shift) + low) * scale.recip()) as f32;
            let pairs = all.windows(2).filter(|w| narrow(w[0]) != narrow(w[1]));
            1 + pairs.count()
        };
        let kept = |left: usize| left.saturating_mul(LOST) >= given.saturating_mul(LOST - 1);
        // The median: a single value far away, such as a 0 for what is missing, does not move it.
        let median = all[given / 2].0;
        // The reciprocals of the tiniest numbers are not finite.
        let widest = (median - least).max(most - median);
        let widest = if widest > 0.0 { widest.max(f64::MIN_POSITIVE) } else { 0.0 };
        let mut best = Fitted { left: left(0.0, 1.0), given, ..same };
        for (shift, scale) in [(median, 1.0), (median, widest)] {
            if kept(best.left) || scale == 0.0 || !(may_scale || scale == 1.0) {
                break;
            }
            let left = left(shift, scale);
            if left > best.left {
                best = Fitted { shift, scale, given, left };
            }
        }
        best
    }

    /// The values in 32 bits.
    pub(super) fn narrow(&self, shift: f64, scale: f64) -> impl Iterator<Item = f32> + '_ {
        (0..self.len()).map(move |i| {
            let (high, low) = self.pair(i);
            (((high - shift) + low) * scale.recip()) as f32
        })
    }
}

fn by_value(a: &(f64, f64), b: &(f64, f64)) -> std::cmp::Ordering {
    a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
}

impl Fitted {
    /// What the data's card says about it.
    pub(super) fn note(&self, name: &str) -> Option<String> {
        let moved = match (self.shift, self.scale) {
            (0.0, 1.0) => None,
            (shift, 1.0) => Some(format!("{} is subtracted", shown(shift))),
            (shift, scale) => Some(format!(
                "{} is subtracted and the rest divided by {}",
                shown(shift),
                shown(scale)
            )),
        };
        let lost = self.left.saturating_mul(LOST) < self.given.saturating_mul(LOST - 1);
        let merged = merged(name, self.given, self.left);
        match moved {
            Some(moved) if lost => Some(format!("{merged}; {moved}")),
            None => lost.then_some(merged),
            Some(moved) => {
                Some(format!("{name}: {moved}, so that 32-bit numbers tell its values apart"))
            }
        }
    }
}

/// A number in full, or with an exponent where it would be long.
fn shown(v: f64) -> String {
    if v != 0.0 && v.abs() < 1e-4 || v.abs() >= 1e21 { format!("{v:e}") } else { v.to_string() }
}

/// The words for values that cannot be told apart.
pub(super) fn merged(name: &str, given: usize, left: usize) -> String {
    format!(
        "{name}: its {given} different values become {left} in 32-bit numbers, so some cannot be told \
         apart; small differences beside large ones need a column of their own"
    )
}

/// Columns in 32 bits, sample after sample, with what was done to them and what to say about it.
pub(super) fn narrow(
    columns: &[Column],
    may_scale: bool,
    name: impl Fn(usize) -> String,
) -> (Vec<f32>, Option<Scaling>, Vec<String>) {
    let (scaling, notes) = fitted(columns.iter().map(|column| column.fit(may_scale)), name);
    (like(columns, &scaling), Some(scaling).filter(|s| !s.is_none()), notes)
}

/// What was done to columns, and what to say about it.
fn fitted(
    columns: impl Iterator<Item = Fitted>,
    name: impl Fn(usize) -> String,
) -> (Scaling, Vec<String>) {
    let (mut scaling, mut notes) = (Scaling::none(0), vec![]);
    for (c, fitted) in columns.enumerate() {
        scaling.shift.push(fitted.shift);
        scaling.scale.push(fitted.scale);
        notes.extend(fitted.note(&name(c)));
    }
    (scaling, notes)
}

/// Columns in 32 bits, sample after sample, scaled as others were.
pub(super) fn like(columns: &[Column], scaling: &Scaling) -> Vec<f32> {
    let rows = columns.first().map_or(0, Column::len);
    let mut x = vec![0.0; rows * columns.len()];
    for (c, column) in columns.iter().enumerate() {
        let places = x.iter_mut().skip(c).step_by(columns.len());
        let values = column.narrow(scaling.shift[c], scaling.scale[c]);
        places.zip(values).for_each(|(x, v)| *x = v);
    }
    x
}

/// Numbers of 32 or 64 bits, as a data set takes them.
pub trait Real: Copy {
    #[doc(hidden)]
    fn numbers(list: Vec<Self>) -> Numbers;
}

/// A list of [`Real`].
#[doc(hidden)]
pub enum Numbers {
    Narrow(Vec<f32>),
    Wide(Vec<f64>),
}

impl Real for f32 {
    fn numbers(list: Vec<f32>) -> Numbers {
        Numbers::Narrow(list)
    }
}

impl Real for f64 {
    fn numbers(list: Vec<f64>) -> Numbers {
        Numbers::Wide(list)
    }
}

impl Numbers {
    pub(super) fn len(&self) -> usize {
        match self {
            Numbers::Narrow(x) => x.len(),
            Numbers::Wide(x) => x.len(),
        }
    }

    /// The first value that 32 bits cannot hold, with its place.
    pub(super) fn unfit(&self) -> Option<(usize, f64)> {
        match self {
            Numbers::Narrow(x) => {
                let i = x.iter().position(|v| !v.is_finite())?;
                Some((i, x[i].into()))
            }
            Numbers::Wide(x) => {
                let i = x.iter().position(|&v| !(v as f32).is_finite())?;
                Some((i, x[i]))
            }
        }
    }

    /// In 32 bits, for samples of a shape: what was done to each channel, and what to say about it.
    pub(super) fn narrow(
        self,
        shape: &Shape,
        may_scale: bool,
        name: impl Fn(usize) -> String,
    ) -> (Vec<f32>, Option<Scaling>, Vec<String>) {
        let x = match self {
            Numbers::Narrow(x) => return (x, None, vec![]),
            Numbers::Wide(x) => x,
        };
        let (n, inner) = channels(shape);
        let of = |c: usize| x.chunks(inner.max(1)).skip(c).step_by(n.max(1)).flatten().copied();
        let (scaling, notes) = fitted((0..n).map(|c| Column::of(of(c)).fit(may_scale)), name);
        let narrow = scaling.narrow(shape, &x);
        (narrow, Some(scaling).filter(|s| !s.is_none()), notes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(list: &[f64]) -> (f64, f64, usize, usize) {
        let f = Column::of(list.iter().copied()).fit(true);
        (f.shift, f.scale, f.given, f.left)
    }

    #[test]
    fn a_column_is_moved_where_its_values_would_become_one() {
        let column =
            |at: f64, step: f64| (0..100).map(|i| at + step * f64::from(i)).collect::<Vec<_>>();
        assert_eq!(fit(&column(0.0, 1.0)), (0.0, 1.0, 0, 0));
        assert_eq!(fit(&column(0.0, 0.1)), (0.0, 1.0, 100, 100));
        assert_eq!(fit(&column(1.7e12, 1000.0)), (1.7e12 + 50_000.0, 1.0, 100, 100));
        assert_eq!(fit(&column(f64::from(1 << 24), 1.0)).0, f64::from(1 << 24) + 50.0);
        // Too small for 32 bits.
        let (_, scale, given, left) = fit(&column(0.0, 1e-50));
        assert_eq!((scale, given, left), (5e-49, 100, 100));
        // A value far away leaves the others where they can be told apart.
        let mut far = column(1.7e12, 1000.0);
        far[3] = 0.0;
        assert_eq!(fit(&far).2, fit(&far).3);
        // Too small for a reciprocal in 64 bits.
        let tiny = Column::of(column(0.0, 1e-310));
        let f = tiny.fit(true);
        assert_eq!((f.given, f.left), (100, 100));
        assert!(tiny.narrow(f.shift, f.scale).all(|v| v.abs() <= 1.0));
        // A rounding error is not a difference.
        assert_eq!(fit(&[0.3, 0.1 + 0.2, 0.3, 0.3]), (0.0, 1.0, 0, 0));
        // Two heaps far apart: nothing helps.
        let two: Vec<f64> = (0..100).map(|i| f64::from(i % 2) * 1.7e12 + f64::from(i)).collect();
        assert!(fit(&two).3 < 60, "{:?}", fit(&two));
    }

    #[test]
    fn whole_numbers_of_more_digits_than_64_bits_have() {
        let mut column = Column::default();
        (0..10).for_each(|i| column.push((1.7e18, f64::from(i))));
        let f = column.fit(true);
        assert_eq!((f.shift, f.given, f.left), (1.7e18, 10, 10));
        assert_eq!(column.narrow(f.shift, f.scale).collect::<Vec<_>>()[..3], [0.0, 1.0, 2.0]);
        assert!(column.counts());
    }

    #[test]
    fn two_scalings_are_one() {
        let a = Scaling { shift: vec![10.0], scale: vec![2.0] };
        let b = Scaling { shift: vec![3.0], scale: vec![0.5] };
        let both = a.then(&b);
        assert_eq!(both.apply(0, 24.0), b.apply(0, a.apply(0, 24.0)));
        assert_eq!(both.undo(0, both.apply(0, 24.0)), 24.0);
    }
}
