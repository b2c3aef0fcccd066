//! The best score so far: how fast a search finds good networks. Every trial is a faint dot, the
//! running best a line of steps; a failed trial is a cross on the lower edge.

use super::Draw;
use super::lines::remarks;
use super::plain::{COLUMNS, Canvas, cell, fit, len, spark};
use super::plot::{
    Around, Frame, Key, Sample, Scale, beyond, binned, cross, off_scale, padded, share, steps,
    strokes, zoomed,
};
use super::svg::{Anchor, WIDTH, nothing};
use super::theme::{FAIL, Font, colour, elide, width};
use crate::words::{direction, human_seconds, number, plural, score, trim, usable};
use serde::{Deserialize, Serialize};

/// Best score so far over trials or seconds, for one search or several.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BestSoFar {
    /// What the horizontal axis counts.
    pub axis: Axis,
    /// The name of the score.
    pub metric: String,
    /// Whether a higher score is better.
    pub maximise: bool,
    /// The searches.
    pub series: Vec<BestSeries>,
}

/// What progress is counted in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Axis {
    /// Trials, by number.
    #[default]
    Trials,
    /// Seconds since the start.
    Seconds,
}

/// The trials of one search.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BestSeries {
    /// The name of the search or strategy.
    pub name: String,
    /// Trial number or seconds, and the score, in order; `None` is a failed trial.
    pub points: Vec<(f64, Option<f64>)>,
}

/// A search as it is drawn.
struct Track {
    name: String,
    /// Trials with a score.
    done: Vec<(f64, f64)>,
    /// Where trials failed.
    failed: Vec<f64>,
    /// The running best at each point where it changes.
    best: Vec<(f64, f64)>,
    /// Where the search starts and ends.
    start: f64,
    end: f64,
}

impl Track {
    fn of(series: &BestSeries, maximise: bool, scale: f64) -> Track {
        let mut track = Track {
            name: series.name.clone(),
            done: vec![],
            failed: vec![],
            best: vec![],
            start: f64::INFINITY,
            end: f64::NEG_INFINITY,
        };
        for &(x, value) in series.points.iter().filter(|(x, _)| usable(*x)) {
            let x = x / scale;
            (track.start, track.end) = (track.start.min(x), track.end.max(x));
            let Some(value) = value.filter(|v| usable(*v)) else {
                track.failed.push(x);
                continue;
            };
            track.done.push((x, value));
            let better =
                |&(_, best): &(f64, f64)| if maximise { value > best } else { value < best };
            if track.best.last().is_none_or(better) {
                track.best.push((x, value));
            }
        }
        track
    }

    /// The best score in words.
    fn result(&self) -> String {
        self.best.last().map_or("no score".into(), |b| score(b.1))
    }

    /// The line of the running best, with its corners.
    fn steps(&self) -> Vec<(f64, f64)> {
        let mut line = steps(self.best.iter().copied());
        line.extend(self.best.last().map(|&(_, value)| (self.end, value)));
        line
    }
}

/// The name of an axis of time that ends at so many seconds, and its unit in seconds.
pub(super) fn time_unit(most: f64) -> (&'static str, f64) {
    match most {
        most if most > 3.0 * 3600.0 => ("time (hours)", 3600.0),
        most if most > 300.0 => ("time (minutes)", 60.0),
        _ => ("time (seconds)", 1.0),
    }
}

/// The geometry of the chart.
struct Plan {
    tracks: Vec<Track>,
    /// The first and last place, in the unit of the axis.
    x: (f64, f64),
    /// The scores in view.
    y: Vec<f64>,
    /// The name of the axis, and its unit in trials or seconds.
    unit: (&'static str, f64),
    /// How many trials failed, and how many are beyond the view.
    failed: usize,
    hidden: usize,
}

impl BestSoFar {
    fn plan(&self) -> Option<Plan> {
        let places = self.series.iter().flat_map(|s| &s.points).map(|p| p.0);
        let unit = match (self.axis, places.filter(|x| usable(*x)).fold(0.0, f64::max)) {
            (Axis::Trials, _) => ("trial", 1.0),
            (Axis::Seconds, most) => time_unit(most),
        };
        let tracks: Vec<Track> =
            self.series.iter().map(|s| Track::of(s, self.maximise, unit.1)).collect();
        let values: Vec<f64> = tracks.iter().flat_map(|t| &t.done).map(|p| p.1).collect();
        if values.is_empty() {
            return None;
        }
        let first = tracks.iter().map(|t| t.start).fold(f64::INFINITY, f64::min);
        let last = tracks.iter().map(|t| t.end).fold(f64::NEG_INFINITY, f64::max);
        let mut y = zoomed(values.clone(), self.maximise, 6.0);
        let hidden = values.len() - y.len();
        // A search may end beyond the view of the others: every line must end inside.
        y.extend(tracks.iter().filter_map(|t| t.best.last()).map(|b| b.1));
        let failed = tracks.iter().map(|t| t.failed.len()).sum();
        Some(Plan { tracks, x: (first, last), y, unit, failed, hidden })
    }

    /// The axes of the trials, if there is a score.
    pub(super) fn axes(&self) -> Option<(Scale, Scale)> {
        Some(self.scales(&self.plan()?))
    }

    fn metric(&self) -> &str {
        if self.metric.is_empty() { "score" } else { &self.metric }
    }

    fn title(&self) -> String {
        match self.axis {
            Axis::Trials => format!("Best {} so far", self.metric()),
            Axis::Seconds => format!("Best {} against time", self.metric()),
        }
    }

    pub(super) fn why_empty(&self) -> String {
        match self.series.iter().map(|s| s.points.len()).sum::<usize>() {
            0 => "no trial has finished".into(),
            n => format!("none of {} has a score", plural(n, "trial")),
        }
    }

    /// A place on the axis in words.
    fn at(&self, plan: &Plan, x: f64) -> String {
        match self.axis {
            Axis::Trials => format!("trial {}", number(x)),
            Axis::Seconds => human_seconds(x * plan.unit.1),
        }
    }

    fn note(&self, plan: &Plan) -> String {
        let failed = match plan.failed {
            0 => String::new(),
            n => format!("× {n} failed"),
        };
        let (_, y) = self.scales(plan);
        let done = plan.tracks.iter().flat_map(|t| &t.done).map(|p| p.1);
        let far: Vec<f64> = done.filter(|v| !(0.0..=1.0).contains(&y.unit(*v))).collect();
        let most = plan.tracks.iter().map(|t| t.done.len()).max().unwrap_or(0);
        let far = off_scale(&far, self.maximise, true);
        remarks(&[direction(self.maximise), &failed, &far, binned(most)])
    }

    fn scales(&self, plan: &Plan) -> (Scale, Scale) {
        let (first, last) = plan.x;
        let (from, to) = padded(&[first, last], 0.03, 0.03);
        let x = match self.axis {
            Axis::Trials if first == last => Scale::linear(first - 1.0, last + 1.0, 3, true),
            Axis::Trials => Scale::linear(from, to, 7, true),
            Axis::Seconds if first == last => Scale::linear(0.0, (last * 2.0).max(1e-3), 6, false),
            Axis::Seconds => Scale::linear(from.max(0.0), to, 6, false),
        };
        let x = if self.axis == Axis::Trials { x.only(first, last) } else { x };
        // Room for the label beyond the best, and for the marks on the lower edge.
        let label = if plan.tracks.len() > 1 { 0.06 } else { 0.15 };
        let marks = if plan.failed + plan.hidden > 0 { 0.12 } else { 0.06 };
        let (lo, hi) = match self.maximise {
            true => padded(&plan.y, marks, label),
            false => padded(&plan.y, f64::max(marks, label), 0.06),
        };
        (x, Scale::linear(lo, hi, 5, false))
    }

    fn legend(plan: &Plan) -> Vec<Key> {
        let key = |(i, track): (usize, &Track)| {
            let name = elide(&track.name, Font::NOTE, 122.0);
            let sample = Sample::Line(if dashed(i) { "4 2" } else { "" });
            Key::new(colour(i), sample, format!("{name} {}", track.result()))
        };
        plan.tracks.iter().enumerate().map(key).collect()
    }

    /// Marks on the edges: trials that failed, and those whose score is beyond the view.
    fn mark_edges(&self, frame: &mut Frame, track: &Track, seen: &str, failed: &str) {
        let edge = if self.maximise { frame.bottom - 6.0 } else { frame.top + 6.0 };
        for &(x, value) in &track.done {
            if !frame.shows(value) {
                let at = (frame.at(x, 0.0).0, edge);
                beyond(&mut frame.svg, at, !self.maximise, seen);
            }
        }
        let crosses: Vec<(f64, f64)> =
            track.failed.iter().map(|&x| (frame.at(x, 0.0).0, frame.bottom - 4.5)).collect();
        match crosses.len() {
            0..=40 => crosses.iter().for_each(|&at| cross(&mut frame.svg, at, failed)),
            _ => strokes(&mut frame.svg, &crosses, failed),
        }
    }

    /// The score of the best at the end of the only line.
    fn label(&self, frame: &mut Frame, plan: &Plan) {
        let [Track { best, end, .. }] = plan.tracks.as_slice() else { return };
        let Some(&(x, value)) = best.last() else { return };
        let says = format!("{}  ({})", score(value), self.at(plan, x));
        let font = Font::TEXT.bold().fill(colour(0));
        let (right, y) = frame.at(*end, value);
        // Where the line is short, the text must not extend over the axis.
        let right = right.max(frame.left + width(&says, font) + 4.0).min(WIDTH - 14.0);
        let y = if self.maximise { y - 9.0 } else { y + 18.0 }.clamp(frame.top + 9.0, frame.bottom);
        frame.svg.halo((right, y), &says, font, Anchor::End, 300.0);
    }

    /// What each dot says when hovered over.
    fn tooltips(&self, frame: &mut Frame, plan: &Plan) {
        for track in &plan.tracks {
            let name =
                if plan.tracks.len() > 1 { format!("{}, ", track.name) } else { String::new() };
            for &(x, value) in &track.done {
                if frame.shows(value) {
                    let says = format!("{name}{}: {}", self.at(plan, x), score(value));
                    frame.svg.hover(frame.at(x, value), 6.0, &says);
                }
            }
        }
    }

    fn describe(&self, plan: &Plan) -> String {
        let say = |track: &Track| {
            let trials = plural(track.done.len() + track.failed.len(), "trial");
            let best = track.best.last();
            let at = best.map_or(String::new(), |b| format!(" at {}", self.at(plan, b.0)));
            format!("{}: {trials}, best {}{at}", track.name, track.result())
        };
        let said: Vec<String> = plan.tracks.iter().map(say).collect();
        format!("{} ({}). {}", self.title(), direction(self.maximise), said.join("; "))
    }

    /// One search as a plot of characters.
    fn plain_one(&self, plan: &Plan, track: &Track) -> String {
        let ((lo, hi), (first, last)) = (padded(&plan.y, 0.0, 0.0), plan.x);
        let mut canvas = Canvas::new(64, 12);
        let place = |&(x, value): &(f64, f64)| (share(x, (first, last)), share(value, (lo, hi)));
        let end = track.best.last().map(|b| (track.end, b.1));
        let steps: Vec<_> = track.best.iter().chain(&end).map(|p| canvas.cell(place(p))).collect();
        canvas.steps(&steps);
        track.done.iter().for_each(|point| canvas.put(canvas.cell(place(point)), '·', false));
        let failed: Vec<usize> =
            track.failed.iter().map(|&x| canvas.cell(place(&(x, lo))).0).collect();
        let start = if last > first { self.tick(first) } else { String::new() };
        let ends = (score(lo), score(hi));
        let plot =
            canvas.render((&ends.0, &ends.1), (&start, &self.tick(last)), plan.unit.0, &failed);
        let at = track.best.last().map_or(String::new(), |b| self.at(plan, b.0));
        let failures = match failed.len() {
            0 => String::new(),
            n => format!(", × {n} failed"),
        };
        format!("{plot}best {}, {at}{failures}\n", track.result())
    }

    /// Several searches, one line each.
    fn plain_many(&self, plan: &Plan) -> String {
        let ((lo, hi), (first, last)) = (padded(&plan.y, 0.0, 0.0), plan.x);
        let name = plan.tracks.iter().map(|t| len(&t.name)).max().unwrap_or(0).min(24);
        let mut out = String::new();
        for track in &plan.tracks {
            let best_at =
                |x: f64| track.best.iter().rfind(|b| b.0 <= x + 1e-9).map_or(f64::NAN, |b| b.1);
            let values: Vec<f64> = (0..40)
                .map(|i| first + (last - first) * f64::from(i) / 39.0)
                .filter(|x| *x <= track.end + (last - first) / 78.0)
                .map(best_at)
                .collect();
            let line = spark(&values, (lo, hi), 40);
            out += &format!("  {}  {line:<40}  {}\n", cell(&track.name, name), track.result());
        }
        let range = format!("{} {} to {}", plan.unit.0, self.tick(first), self.tick(last));
        let blocks = format!("blocks from {} to {}", score(lo), score(hi));
        out + &fit(&format!("  {:<name$}  {range}, {blocks}", ""), COLUMNS) + "\n"
    }

    /// An end of the axis for the terminal.
    fn tick(&self, x: f64) -> String {
        match self.axis {
            Axis::Trials => number(x),
            Axis::Seconds if x.abs() < 1e9 => trim(format!("{x:.1}")),
            Axis::Seconds => number(x),
        }
    }
}

/// From the fifth on, lines also differ by their dashes.
fn dashed(i: usize) -> bool {
    i >= 4
}

impl Draw for BestSoFar {
    fn svg(&self) -> String {
        let Some(plan) = self.plan() else { return nothing(&self.title(), &self.why_empty()) };
        let several = plan.tracks.len() > 1;
        let (x, y) = self.scales(&plan);
        let legend = if several { Self::legend(&plan) } else { vec![] };
        let around = Around::new(self.title(), self.note(&plan), legend, plan.unit.0);
        let mut frame = Frame::new(around, x, y);

        let count: usize = plan.tracks.iter().map(|t| t.done.len()).sum();
        let (r, alpha) = if count > 400 { (1.6, 0.3) } else { (2.6, 0.38) };
        for (i, track) in plan.tracks.iter().enumerate() {
            let seen: Vec<_> = track.done.iter().filter(|p| frame.shows(p.1)).copied().collect();
            frame.layer("", |pen| pen.dots(&seen, r, colour(i), alpha));
            let failed = if several { colour(i) } else { FAIL };
            self.mark_edges(&mut frame, track, colour(i), failed);
        }
        for (i, track) in plan.tracks.iter().enumerate() {
            let dash = if dashed(i) { r#"stroke-dasharray="24 10""# } else { "" };
            let group = format!(r#"stroke-linejoin="round" {dash}"#);
            frame.layer(&group, |pen| pen.line(&track.steps(), colour(i), 1.0, 2.0));
        }
        for (i, track) in plan.tracks.iter().enumerate() {
            if let Some(&best) = track.best.last() {
                frame.layer("", |pen| pen.ring(best, if several { 4.0 } else { 4.6 }, colour(i)));
            }
        }
        self.label(&mut frame, &plan);
        if count <= 300 {
            self.tooltips(&mut frame, &plan);
        }
        frame.finish(&self.title(), &self.describe(&plan))
    }

    fn plain(&self) -> String {
        let title = fit(&format!("{} ({})", self.title(), direction(self.maximise)), COLUMNS);
        let drawn = match self.plan() {
            None => format!("nothing to draw yet: {}\n", self.why_empty()),
            Some(plan) => match plan.tracks.as_slice() {
                [track] => self.plain_one(&plan, track),
                _ => self.plain_many(&plan),
            },
        };
        format!("{title}\n{drawn}")
    }
}

/// Twenty trials on the digits.
pub(super) fn example() -> BestSoFar {
    let scores = [
        0.9312, 0.9047, 0.9523, 0.9401, 0.9648, 0.9211, 0.9583, 0.9702, 0.9655, 0.9390, 0.9731,
        0.9588, 0.9764, 0.9702, 0.9801, 0.9689, 0.9822, 0.9745, 0.9822, 0.9871,
    ];
    let point = |(i, s): (usize, f64)| (i as f64 + 1.0, Some(s).filter(|_| i != 5 && i != 11));
    let points = scores.into_iter().enumerate().map(point).collect();
    BestSoFar {
        axis: Axis::Trials,
        metric: "accuracy".into(),
        maximise: true,
        series: vec![BestSeries { name: "regularized evolution".into(), points }],
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn of(points: Vec<(f64, Option<f64>)>) -> BestSoFar {
        BestSoFar { series: vec![BestSeries { name: "s".into(), points }], ..example() }
    }

    #[test]
    fn the_running_best_follows_the_direction() {
        let series = BestSeries {
            name: String::new(),
            points: vec![
                (1.0, Some(2.0)),
                (2.0, None),
                (3.0, Some(1.0)),
                (4.0, Some(f64::NAN)),
                (5.0, Some(3.0)),
            ],
        };
        assert_eq!(Track::of(&series, true, 1.0).best, [(1.0, 2.0), (5.0, 3.0)]);
        let down = Track::of(&series, false, 1.0);
        assert_eq!(down.best, [(1.0, 2.0), (3.0, 1.0)]);
        assert_eq!(down.failed, [2.0, 4.0]);
        assert_eq!(down.steps(), [(1.0, 2.0), (3.0, 2.0), (3.0, 1.0), (5.0, 1.0)]);
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let long = "a very long name of a strategy ".repeat(9);
        let many =
            (0..3000).map(|i| (f64::from(i), Some(f64::from(i * 7919 % 1000) / 1e3))).collect();
        let cases = [
            BestSoFar::default(),
            of(vec![]),
            of(vec![(1.0, None)]),
            of(vec![(1.0, Some(0.5))]),
            of(vec![(1.0, Some(0.0)), (2.0, Some(0.0))]),
            of(vec![
                (1.0, Some(f64::NAN)),
                (2.0, Some(f64::INFINITY)),
                (f64::NAN, Some(1.0)),
                (4.0, Some(0.9)),
            ]),
            of(vec![(1.0, Some(-1e99)), (2.0, Some(1e99))]),
            of((0..9).map(|i| (1.0, Some(0.9 + f64::from(i)))).collect()),
            of(many),
            BestSoFar { maximise: false, axis: Axis::Seconds, ..example() },
            BestSoFar {
                metric: long.clone(),
                series: vec![
                    BestSeries {
                        name: long.clone(),
                        points: example().series[0].points.clone()
                    };
                    8
                ],
                ..example()
            },
        ];
        cases.iter().for_each(check::chart);
    }

    #[test]
    fn several_series_get_a_legend() {
        let mut chart = example();
        chart.series.push(BestSeries {
            name: "random".into(),
            points: vec![(1.0, Some(0.9)), (20.0, Some(0.95))],
        });
        let svg = chart.svg();
        assert!(
            svg.contains("random 0.9500") && svg.contains("regularized evolution 0.9871"),
            "{svg}"
        );
    }
}
