//! Learning curves: the score after each epoch, one thin line per network, so that a crowd shows its
//! shape. The curves that matter are coloured, and named at their ends.

use super::Draw;
use super::plain::{COLUMNS, cell, fit, len, spark};
use super::plot::{Around, Frame, Scale, padded, zoomed};
use super::svg::{Anchor, WIDTH, nothing};
use super::theme::{FAINT, Font, MUTED, colour, width};
use crate::words::{direction, plural, score, usable};
use serde::{Deserialize, Serialize};

/// Learning curves of many networks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LearningCurves {
    /// The name of the score.
    pub metric: String,
    /// Whether a higher score is better.
    pub maximise: bool,
    /// What is counted along the horizontal axis: `epoch`.
    pub x: String,
    /// The curves.
    pub curves: Vec<Curve>,
}

/// One network's learning curve.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// The name of the network or trial.
    pub name: String,
    /// Whether to colour and name it.
    pub highlight: bool,
    /// The score after each epoch, from the first.
    pub values: Vec<f64>,
}

/// A curve as it is drawn.
struct Line<'a> {
    curve: &'a Curve,
    points: Vec<(f64, f64)>,
}

impl Line<'_> {
    /// The last score in words.
    fn end(&self) -> String {
        score(self.points[self.points.len() - 1].1)
    }
}

/// Places for labels beside the ends of lines, as near as possible to those wanted but `apart` from
/// each other, inside `top..bottom`; `None` for labels that find no room.
pub(crate) fn spread(wanted: &[f64], apart: f64, (top, bottom): (f64, f64)) -> Vec<Option<f64>> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.truncate(((bottom - top) / apart).max(0.0) as usize + 1);
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]));
    let mut places = vec![None; wanted.len()];
    let mut next = top;
    for &i in &order {
        let at = wanted[i].max(next);
        places[i] = Some(at);
        next = at + apart;
    }
    let mut limit = bottom;
    for &i in order.iter().rev() {
        places[i] = places[i].map(|at| at.min(limit));
        limit = places[i].unwrap_or(limit) - apart;
    }
    places
}

/// The most pale curves that are drawn, and the most points of all of them.
const CROWD: usize = 600;
const POINTS: usize = 30_000;
/// The most highlighted curves; there are no colours and places for more names.
const NAMED: usize = 32;

/// From the end of a curve to its name: dotted, so that it is not taken for data.
const LEADER: &str = r#"opacity="0.7" stroke-dasharray="1 3""#;

impl LearningCurves {
    fn lines(&self) -> Vec<Line<'_>> {
        let lines = self.curves.iter().map(|curve| {
            let numbered = curve.values.iter().enumerate().filter(|(_, v)| usable(**v));
            Line { curve, points: numbered.map(|(i, &v)| (i as f64 + 1.0, v)).collect() }
        });
        lines.filter(|line| !line.points.is_empty()).collect()
    }

    fn metric(&self) -> &str {
        if self.metric.is_empty() { "score" } else { &self.metric }
    }

    fn title(&self) -> String {
        format!("Learning curves: {}", self.metric())
    }

    fn x_name(&self) -> &str {
        if self.x.is_empty() { "epoch" } else { &self.x }
    }

    fn why_empty(&self) -> &'static str {
        if self.curves.is_empty() { "no network has been trained" } else { "no curve has a value" }
    }

    fn range(&self, lines: &[Line]) -> Vec<f64> {
        let all = || lines.iter().flat_map(|l| &l.points).map(|p| p.1);
        let mut shown = zoomed(all().collect(), self.maximise, 8.0);
        // Named curves are shown from the first epoch to the last.
        let named = lines.iter().filter(|l| l.curve.highlight);
        shown.extend(named.flat_map(|l| &l.points).map(|p| p.1));
        shown
    }
}

impl Draw for LearningCurves {
    fn svg(&self) -> String {
        let lines = self.lines();
        if lines.is_empty() {
            return nothing(&self.title(), self.why_empty());
        }
        let named: Vec<&Line> = lines.iter().filter(|l| l.curve.highlight).take(NAMED).collect();
        let rooms = named.iter().map(|l| width(&l.curve.name, Font::NOTE) + 16.0);
        let room = rooms.fold(0.0, f64::max).min(140.0);
        let longest = lines.iter().filter_map(|l| l.points.last()).map(|p| p.0).fold(1.0, f64::max);
        let (lo, hi) = padded(&self.range(&lines), 0.05, 0.06);
        let (first, last) = if longest > 1.0 { (1.0, longest) } else { (0.0, 2.0) };
        let margin = (last - first) * 0.015;
        let ticks = if longest <= 10.0 { 10 } else { 7 };
        let x = Scale::linear(first - margin, last + margin, ticks, true).only(1.0, longest);
        let y = Scale::linear(lo, hi, 5, false);
        let crowd: Vec<&Line> = lines.iter().filter(|l| !l.curve.highlight).collect();
        // As many as fit into a picture of limited size, spread evenly over all.
        let points = crowd.iter().map(|l| l.points.len().min(2000)).sum::<usize>();
        let every = points.div_ceil(POINTS).max(crowd.len().div_ceil(CROWD)).max(1);
        let thin = if every > 1 { format!(", 1 of {every} drawn") } else { String::new() };
        let count = plural(lines.len(), "network");
        let note = format!("{}  ·  {count}{thin}", direction(self.maximise));
        let around = Around::new(self.title(), note, vec![], self.x_name());
        let around = Around { right: room, ..around };
        let mut frame = Frame::new(around, x, y);

        let alpha = match lines.len() {
            0..=20 => 0.6,
            21..=80 => 0.4,
            _ => 0.25,
        };
        frame.layer(r#"stroke-linejoin="round""#, |pen| {
            for line in crowd.iter().step_by(every) {
                pen.line(&line.points, FAINT, alpha, 1.0);
                if line.points.len() == 1 {
                    pen.dots(&line.points, 2.2, FAINT, alpha);
                }
            }
        });
        // The first highlighted is drawn last, on top.
        frame.layer(r#"stroke-linejoin="round""#, |pen| {
            for (i, line) in named.iter().enumerate().rev() {
                pen.line(&line.points, colour(i), 1.0, 2.0);
                pen.dots(&line.points[line.points.len() - 1..], 2.8, colour(i), 1.0);
            }
        });
        let ends: Vec<(f64, f64)> =
            named.iter().filter_map(|l| l.points.last()).map(|&(x, v)| frame.at(x, v)).collect();
        let wanted: Vec<f64> = ends.iter().map(|e| e.1).collect();
        let places = spread(&wanted, 14.0, (frame.top + 4.0, frame.bottom - 4.0));
        let text_x = frame.right + 12.0;
        for (i, (place, end)) in places.iter().zip(&ends).enumerate() {
            let Some(y) = *place else { continue };
            let from = (end.0 + 4.0, end.1.clamp(frame.top, frame.bottom));
            if (y - from.1).abs() > 2.0 || from.0 < frame.right - 1.0 {
                let d = format!("M{:.1} {:.1}L{:.1} {y:.1}", from.0, from.1, text_x - 2.0);
                frame.svg.path(&d, MUTED, 0.7, LEADER);
            }
            let font = Font::NOTE.bold().fill(colour(i));
            let (name, room) = (&named[i].curve.name, WIDTH - 8.0 - text_x);
            frame.svg.halo((text_x, y + 4.0), name, font, Anchor::Start, room);
            frame.svg.hover(*end, 7.0, &format!("{name}: {}", named[i].end()));
        }
        let end = |l: &&Line| format!("{} ends at {}", l.curve.name, l.end());
        let ends = named.iter().take(8).map(end).collect::<Vec<_>>().join("; ");
        let (title, x_name, direction) = (self.title(), self.x_name(), direction(self.maximise));
        frame.finish(&title, &format!("{title} over {x_name} ({direction}), {count}. {ends}"))
    }

    fn plain(&self) -> String {
        let title = format!("{} ({})", self.title(), direction(self.maximise));
        let mut out = fit(&title, COLUMNS) + "\n";
        let mut lines = self.lines();
        if lines.is_empty() {
            return out + &format!("nothing to draw yet: {}\n", self.why_empty());
        }
        let (lo, hi) = padded(&self.range(&lines), 0.0, 0.0);
        lines.sort_by_key(|l| !l.curve.highlight);
        let shown = lines.len().min(10);
        let name = lines[..shown].iter().map(|l| len(&l.curve.name)).max().unwrap_or(0).min(26);
        let longest = lines.iter().map(|l| l.curve.values.len()).max().unwrap_or(1);
        let room = longest.min(36);
        for line in &lines[..shown] {
            let values: Vec<f64> = line.points.iter().map(|p| p.1).collect();
            let mark = if line.curve.highlight { '*' } else { ' ' };
            let own = (values.len() * room).div_ceil(longest);
            let (name, drawn) = (cell(&line.curve.name, name), spark(&values, (lo, hi), own));
            out += &format!("{mark} {name}  {drawn:<room$}  {}\n", line.end());
        }
        if lines.len() > shown {
            out += &format!("  and {} more\n", lines.len() - shown);
        }
        let scale =
            format!("{} 1 to {longest}, blocks from {} to {}", self.x_name(), score(lo), score(hi));
        out + &fit(&format!("  {:<name$}  {scale}", ""), COLUMNS) + "\n"
    }
}

/// Twenty networks on the digits, eight epochs.
pub(super) fn example() -> LearningCurves {
    let curve = |i: i32| {
        let (end, speed) =
            (0.93 + f64::from(i * 7 % 20) * 0.003, 0.6 + f64::from(i * 3 % 11) * 0.12);
        let value = |e: i32| {
            let wobble = f64::from((i * 31 + e * 17) % 13 - 6) * 0.0009;
            ((end - 0.42 * (-speed * f64::from(e)).exp() + wobble) * 1e4).round() / 1e4
        };
        Curve {
            name: format!("trial {}", i + 1),
            highlight: [2, 5, 17].contains(&i),
            values: (1..=8).map(value).collect(),
        }
    };
    LearningCurves {
        metric: "validation accuracy".into(),
        maximise: true,
        x: "epoch".into(),
        curves: (0..20).map(curve).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    #[test]
    fn labels_are_moved_apart_and_stay_inside() {
        let places = spread(&[50.0, 50.0, 51.0, 99.0], 10.0, (0.0, 100.0));
        let mut at: Vec<f64> = places.into_iter().flatten().collect();
        at.sort_by(f64::total_cmp);
        assert!(at.windows(2).all(|p| p[1] - p[0] >= 10.0), "{at:?}");
        assert!(at.iter().all(|y| (0.0..=100.0).contains(y)));
        assert_eq!(spread(&[5.0; 30], 10.0, (0.0, 100.0)).iter().flatten().count(), 11);
        assert!(spread(&[], 10.0, (0.0, 1.0)).is_empty());
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let of =
            |values: Vec<f64>, highlight| Curve { name: "<a & b>".repeat(20), highlight, values };
        let with = |curves| LearningCurves { curves, ..example() };
        let cases = [
            LearningCurves::default(),
            with(vec![of(vec![], true)]),
            with(vec![of(vec![f64::NAN; 3], true)]),
            with(vec![of(vec![0.5], true)]),
            with(vec![of(vec![0.5; 8], true); 40]),
            with(vec![of(vec![f64::INFINITY, 1.0, f64::NAN, 2.0], false)]),
            with(
                (0..300)
                    .map(|i| of((0..100).map(|e| f64::from(e * i)).collect(), i % 20 == 0))
                    .collect(),
            ),
            LearningCurves { maximise: false, ..example() },
        ];
        cases.iter().for_each(check::chart);
    }
}
