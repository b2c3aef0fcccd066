//! How a front grows: the hypervolume of the trials so far, against trials. It is the share of the box between a
//! reference point and the best values that at least one of the trials so far dominates, so it never falls, and it rises
//! only with a trial that no earlier one dominates.
//!
//! Zitzler and Thiele, "Multiobjective evolutionary algorithms: a comparative case study and the strength Pareto
//! approach", IEEE Trans. Evolutionary Computation 3, 1999. The number means nothing without the reference point, so
//! this is written above it.

use super::Draw;
use super::lines::{LABEL, remarks};
use super::plain::{COLUMNS, Canvas, fit, table};
use super::plot::{Around, Frame, Key, Sample, Scale, cross, padded, range, steps, strokes};
use super::svg::{Anchor, nothing};
use super::theme::{CARD, FAIL, INK, colour, width};
use crate::words::{plural, score, thousands, usable};
use serde::{Deserialize, Serialize};

/// The hypervolume after every trial.
///
/// ```
/// use nascent::chart::{Chart, HypervolumeHistory};
/// let chart = Chart::new(HypervolumeHistory {
///     reference: "accuracy 10.00, params 4.3 M".into(),
///     volumes: vec![Some(0.2), Some(0.2), None, Some(0.5)],
///     front: 2,
///     ..HypervolumeHistory::default()
/// });
/// assert!(chart.plain().contains("0.5000"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HypervolumeHistory {
    /// The point that the volume is measured from, in words.
    pub reference: String,
    /// What the volume is a share of, or its unit.
    pub unit: String,
    /// How the trials were proposed: the strategy.
    pub shown: String,
    /// How many trials are on the front at the end.
    pub front: usize,
    /// The volume that each trial leaves, in order; `None` for one that failed.
    pub volumes: Vec<Option<f64>>,
}

const TITLE: &str = "Hypervolume of the front against trials";

/// The trial and its volume, where the volume rises.
fn rises(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut found: Vec<(f64, f64)> = vec![];
    for &(x, v) in points {
        if found.last().is_none_or(|last| v > last.1) {
            found.push((x, v));
        }
    }
    found
}

impl HypervolumeHistory {
    fn points(&self) -> Vec<(f64, f64)> {
        let all = self.volumes.iter().enumerate();
        all.filter_map(|(i, v)| Some((i as f64, v.filter(|v| usable(*v))?))).collect()
    }

    fn failed(&self) -> Vec<f64> {
        let all = self.volumes.iter().enumerate();
        all.filter(|(_, v)| v.is_none()).map(|(i, _)| i as f64).collect()
    }

    fn why_empty(&self) -> &'static str {
        match self.volumes.iter().flatten().next() {
            Some(_) => "the volumes are too large or too small to compute",
            None if self.volumes.is_empty() => "no trial has ended",
            None => "no trial has finished",
        }
    }

    fn scales(&self, points: &[(f64, f64)]) -> (Scale, Scale) {
        let (lo, hi) = padded(&[0.0, self.volumes.len() as f64 - 1.0], 0.02, 0.02);
        let values: Vec<f64> = points.iter().map(|p| p.1).collect();
        let (least, most) = range(&values);
        // From 0, unless all that happens is near the top.
        let from_zero = least >= 0.0 && least < 0.6 * most;
        let (low, high) = padded(&values, if from_zero { 0.0 } else { 0.1 }, 0.14);
        let low = if from_zero { 0.0 } else { low };
        (Scale::linear(lo, hi, 7, true), Scale::linear(low, high, 5, false))
    }

    fn note(&self) -> String {
        let from = match self.reference.is_empty() {
            true => String::new(),
            false => format!("from {}", self.reference),
        };
        let front = format!("{} on the front at the end", plural(self.front, "trial"));
        let failed = match self.failed().len() {
            0 => String::new(),
            n => format!("× {} failed", thousands(n as u128)),
        };
        remarks(&[&from, &self.unit, &front, &failed, &self.shown])
    }

    fn describe(&self, rises: &[(f64, f64)]) -> String {
        let last = rises.last().map_or(String::new(), |(x, v)| {
            format!("It last rose with trial {x}, to {}", score(*v))
        });
        format!("{TITLE}. {}. {last}", self.note().replace('\n', ". "))
    }
}

impl Draw for HypervolumeHistory {
    fn svg(&self) -> String {
        let points = self.points();
        let rises = rises(&points);
        let (Some(&(x, v)), Some(&(end, _))) = (rises.last(), points.last()) else {
            return nothing(TITLE, self.why_empty());
        };
        let (x_scale, y_scale) = self.scales(&points);
        let legend = vec![
            Key::new(colour(0), Sample::Line(""), "all trials so far"),
            Key::new(colour(0), Sample::Dot, "it grew with this trial"),
        ];
        let around = Around::new(TITLE.into(), self.note(), legend, "trial");
        let mut frame = Frame::new(around, x_scale, y_scale);
        let failed: Vec<(f64, f64)> =
            self.failed().iter().map(|x| (frame.at(*x, 0.0).0, frame.bottom - 5.0)).collect();
        match failed.len() {
            0..=40 => failed.iter().for_each(|&at| cross(&mut frame.svg, at, FAIL)),
            _ => strokes(&mut frame.svg, &failed, FAIL),
        }
        let mut line = steps(rises.iter().copied());
        line.push((end, v));
        frame.layer(r#"stroke-linejoin="round""#, |pen| {
            pen.line(&line, CARD, 0.8, 4.0);
            pen.line(&line, colour(0), 1.0, 2.0);
            pen.dots(&rises, if rises.len() > 60 { 2.0 } else { 3.2 }, colour(0), 1.0);
            pen.ring((x, v), 5.0, colour(1));
        });
        let at = frame.at(x, v);
        let text = format!("{} by trial {x}", score(v));
        let font = LABEL.bold().size(11.0).fill(INK);
        let w = width(&text, font);
        let left =
            (at.0 - w / 2.0).clamp(frame.left + 2.0, (frame.right - w).max(frame.left + 2.0));
        let base = if at.1 - 20.0 > frame.top { at.1 - 9.0 } else { at.1 + 18.0 };
        frame.svg.halo((left, base), &text, font, Anchor::Start, w + 1.0);
        for &(x, v) in rises.iter().rev().take(300) {
            let at = frame.at(x, v);
            frame.svg.hover(at, 5.0, &format!("trial {x}: hypervolume {}", score(v)));
        }
        frame.finish(TITLE, &self.describe(&rises))
    }

    fn plain(&self) -> String {
        let points = self.points();
        let rises = rises(&points);
        let Some(&(end, _)) = points.last() else {
            return format!("{TITLE}\nnothing to draw yet: {}\n", self.why_empty());
        };
        let (x, y) = self.scales(&points);
        let mut canvas = Canvas::new(64, 10);
        let mut cells: Vec<(usize, usize)> =
            rises.iter().map(|p| canvas.cell((x.unit(p.0), y.unit(p.1)))).collect();
        cells.extend(rises.last().map(|p| canvas.cell((x.unit(end), y.unit(p.1)))));
        canvas.steps(&cells);
        let (lo, hi) = y.ends();
        let last = (self.volumes.len() - 1).to_string();
        let plot = canvas.render((&score(lo), &score(hi)), ("0", &last), "trial", &[]);
        let note: String = self
            .note()
            .split('\n')
            .map(|line| fit(line, COLUMNS).trim_end().to_string() + "\n")
            .collect();
        let columns = ["grew with", "hypervolume"].map(String::from);
        let row = |p: &(f64, f64)| vec![format!("trial {}", p.0), score(p.1)];
        let rows: Vec<Vec<String>> = rises.iter().rev().take(8).map(row).collect();
        format!("{TITLE}\n{note}{plot}\n{}", table(&columns, &rows))
    }
}

/// A made-up study of two objectives.
pub(super) fn example() -> HypervolumeHistory {
    let mut rng = crate::rng::Rng::from_u64(9);
    let mut volume = 0.0;
    let after = |i: usize| {
        if rng.uniform() < 2.0 / (i as f64 / 8.0 + 2.0) {
            volume += 0.22 * (0.92 - volume) * rng.uniform();
        }
        (i % 41 != 40).then_some(volume)
    };
    HypervolumeHistory {
        reference: "accuracy 10.00, params 1.07 M (the worst of all trials)".into(),
        unit: "as a share of the box to the best values of all trials".into(),
        shown: "NSGA-II".into(),
        front: 11,
        volumes: (0..120).map(after).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    #[test]
    fn only_rises_are_marked() {
        assert_eq!(
            rises(&[(0.0, 0.0), (1.0, 0.0), (3.0, 0.5), (4.0, 0.5), (5.0, 0.7)]),
            [(0.0, 0.0), (3.0, 0.5), (5.0, 0.7)]
        );
        let chart = HypervolumeHistory { volumes: vec![None, Some(0.3), None], ..example() };
        assert_eq!((chart.points(), chart.failed()), (vec![(1.0, 0.3)], vec![0.0, 2.0]));
        assert!(chart.plain().contains("× 2 failed"));
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let of = |volumes: Vec<Option<f64>>| HypervolumeHistory { volumes, ..example() };
        let long = "long & <name> ".repeat(30);
        let cases = [
            HypervolumeHistory::default(),
            of(vec![None]),
            of(vec![None; 300]),
            of(vec![Some(f64::NAN), Some(f64::INFINITY)]),
            of(vec![Some(0.0)]),
            of(vec![Some(0.5); 3]),
            of(vec![Some(-1e300), Some(1e300)]),
            of(vec![Some(1e-310), Some(1e-300)]),
            of((0..100_000).map(|i| (i % 7 > 0).then_some(f64::from(i))).collect()),
            HypervolumeHistory {
                reference: long.clone(),
                unit: long.clone(),
                shown: long,
                ..example()
            },
        ];
        cases.iter().for_each(check::chart);
        assert!(cases[8].svg().len() < 400_000, "{}", cases[8].svg().len());
    }
}
