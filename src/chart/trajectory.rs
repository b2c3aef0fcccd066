//! The course of a search through two of its figures, epoch by epoch: one figure across, the other up,
//! joined in the order of the epochs. Of the curvature of a differentiable search against the quality of what
//! it derives, it is the picture of Zela et al., "Understanding and Robustifying Differentiable Architecture
//! Search" (arXiv 1909.09656, figures 3 to 5): where the one rises, the other falls.

use super::Draw;
use super::frontier::{Area, around, cost_scale, free};
use super::landscape::beside;
use super::lines::{LABEL, path, remarks};
use super::plain::{COLUMNS, Canvas, fit, heading, table};
use super::plot::{Around, Frame, Key, Sample, Scale, padded};
use super::svg::{Anchor, WIDTH, nothing};
use super::theme::{CARD, Font, INK, colour, elide, width};
use crate::stats::kendall_tau;
use crate::words::{capital, direction, number, plural, score, usable};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Two figures of a search, one against the other, as it goes on.
///
/// Kendall's tau describes how far both rise together, from -1 to 1. Successive epochs depend on each
/// other, so it tests nothing.
///
/// ```
/// use nascent::chart::{Chart, Trajectory, Waypoint};
/// let at = |number, x, y| Waypoint { number, x, y, name: "conv|skip".into() };
/// let chart = Chart::new(Trajectory {
///     step: "epoch".into(),
///     x: "curvature".into(),
///     y: "accuracy".into(),
///     maximise: true,
///     points: vec![at(1, 0.2, 0.93), at(2, 0.3, 0.95), at(3, 1.1, 0.80), at(4, 3.0, 0.71)],
///     ..Trajectory::default()
/// });
/// assert!(chart.svg().contains(">epoch 4</text>"));
/// assert!(chart.plain().contains("Kendall's tau -0.67, 4 epochs"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trajectory {
    /// What is shown: `DARTS, first order`.
    pub shown: String,
    /// What each point is: `epoch`.
    pub step: String,
    /// The figure on the horizontal axis, which is logarithmic if all its values are positive and the
    /// largest is more than eight times the least.
    pub x: String,
    /// The figure on the vertical axis.
    pub y: String,
    /// Whether a higher `y` is better.
    pub maximise: bool,
    /// The points, which are joined in the order of their numbers. Those whose `x` or `y` is not finite
    /// are left out and counted.
    pub points: Vec<Waypoint>,
}

/// One point of a [`Trajectory`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Waypoint {
    /// Which one it is: the number of the epoch.
    pub number: usize,
    /// Its place on the horizontal axis.
    pub x: f64,
    /// Its place on the vertical axis.
    pub y: f64,
    /// What is shown of it when the pointer rests on it: the architecture.
    pub name: String,
}

/// From early to late.
const SHADES: [&str; 9] = [
    "#B9D8EC", "#9CC8E4", "#7FB7DB", "#61A5D2", "#4292C6", "#2380B8", "#0C6AA4", "#00558A",
    "#003F6B",
];
/// Of more points than this, so many and the best are drawn, evenly spaced in their order.
const DRAWN: usize = 200;

/// The points that can be drawn, in order, and what is said about them.
struct Found<'a> {
    points: Vec<&'a Waypoint>,
    /// How many have no place.
    missing: usize,
    /// The first of the best.
    best: usize,
    /// Kendall's tau; nothing where one of the figures is the same everywhere.
    tau: Option<f64>,
}

impl Found<'_> {
    fn first(&self) -> &Waypoint {
        self.points[0]
    }

    fn last(&self) -> &Waypoint {
        self.points[self.points.len() - 1]
    }

    fn best(&self) -> &Waypoint {
        self.points[self.best]
    }

    /// Those that are drawn, the best among them, with their places in the order as shares of the way.
    fn drawn(&self) -> Vec<(&Waypoint, f64)> {
        let n = self.points.len();
        let last = (n - 1).max(1);
        let mut which: BTreeSet<usize> = match n <= DRAWN {
            true => (0..n).collect(),
            false => (0..DRAWN).map(|k| k * last / (DRAWN - 1)).collect(),
        };
        which.insert(self.best);
        which.into_iter().map(|i| (self.points[i], i as f64 / last as f64)).collect()
    }
}

/// One of a list, from its first at 0 to its last at 1.
fn along<T: Copy, const N: usize>(list: [T; N], share: f64) -> T {
    list[((share * N as f64) as usize).min(N - 1)]
}

impl Trajectory {
    fn names(&self) -> (&str, &str) {
        let (x, y) = (self.x.as_str(), self.y.as_str());
        (if x.is_empty() { "figure" } else { x }, if y.is_empty() { "score" } else { y })
    }

    fn step(&self) -> &str {
        if self.step.is_empty() { "epoch" } else { &self.step }
    }

    fn title(&self) -> String {
        let (x, y) = self.names();
        format!("{} against {x}", capital(y))
    }

    /// The same, without the name of the axis below where there is no room for it.
    fn short_title(&self) -> String {
        let title = self.title();
        match width(&title, Font::TITLE) <= WIDTH - 32.0 {
            true => title,
            false => capital(self.names().1),
        }
    }

    fn why_empty(&self) -> String {
        match self.points.is_empty() {
            true => format!("no {} has ended", self.step()),
            false => format!("no {} has both figures", self.step()),
        }
    }

    /// Nothing where no point has both figures.
    fn found(&self) -> Option<Found<'_>> {
        let mut points: Vec<&Waypoint> =
            self.points.iter().filter(|p| usable(p.x) && usable(p.y)).collect();
        points.sort_by_key(|p| p.number);
        let gain = |i: usize| if self.maximise { points[i].y } else { -points[i].y };
        let better = |a: usize, b: usize| if gain(b) > gain(a) { b } else { a };
        let best = (0..points.len()).reduce(better)?;
        let (xs, ys): (Vec<f64>, Vec<f64>) = points.iter().map(|p| (p.x, p.y)).unzip();
        let (tau, missing) = (kendall_tau(&xs, &ys).ok(), self.points.len() - points.len());
        Some(Found { points, missing, best, tau })
    }

    /// Both axes, with a margin around the points where `room`. No point is left out: an epoch that derives
    /// something far worse is what the chart is there to show.
    fn axes(found: &Found, room: bool) -> (Scale, Scale) {
        let (xs, ys): (Vec<f64>, Vec<f64>) = found.points.iter().map(|p| (p.x, p.y)).unzip();
        let margin = |share: f64| if room { share } else { 0.0 };
        let (lo, hi) = padded(&ys, margin(0.1), margin(0.12));
        (cost_scale(&xs, margin(0.06), margin(0.1)), Scale::linear(lo, hi, 5, false))
    }

    fn x_axis(&self, scale: &Scale) -> String {
        let name = self.names().0;
        if scale.is_log() { format!("{name} (logarithmic)") } else { name.to_string() }
    }

    fn tau(&self, found: &Found) -> String {
        let points = plural(found.points.len(), self.step());
        match found.tau {
            Some(tau) => format!("Kendall's tau {tau:.2}, {points}"),
            None => format!("no Kendall's tau: no order among {points}"),
        }
    }

    /// How many points are not drawn, and why.
    fn left_out(&self, found: &Found) -> (String, String) {
        let missing = match found.missing {
            0 => String::new(),
            n => format!("{n} without both figures"),
        };
        let drawn = found.drawn().len();
        let thinned = match found.points.len() > drawn {
            true => format!("{drawn} of them drawn"),
            false => String::new(),
        };
        (missing, thinned)
    }

    fn label(&self, p: &Waypoint) -> String {
        format!("{} {}", self.step(), p.number)
    }

    /// A point in words.
    fn says(&self, p: &Waypoint) -> String {
        let (x, y) = self.names();
        let name = if p.name.is_empty() { String::new() } else { format!(", {}", p.name) };
        format!("{}: {x} {}, {y} {}{name}", self.label(p), number(p.x), score(p.y))
    }

    fn describe(&self, found: &Found) -> String {
        let (title, direction, tau) = (self.title(), direction(self.maximise), self.tau(found));
        let shown = if self.shown.is_empty() { String::new() } else { format!("; {}", self.shown) };
        let (first, last, best) = (found.first(), found.last(), found.best());
        let [first, last, best] = [first, last, best].map(|p| self.says(p));
        format!("{title} ({direction}{shown}). {tau}. First, {first}. Last, {last}. Best, {best}")
    }

    /// The line and its points, from pale to strong.
    fn draw(&self, frame: &mut Frame, found: &Found) {
        let drawn = found.drawn();
        let places: Vec<((f64, f64), &str)> =
            drawn.iter().map(|(p, share)| (frame.at(p.x, p.y), along(SHADES, *share))).collect();
        let (r, stroke) = if places.len() > 60 { (2.2, 1.1) } else { (3.2, 1.6) };
        // A stretch has the colour of the point that it leads to.
        let stretches: Vec<_> =
            places.windows(2).map(|pair| (pair[0].0, pair[1].0, pair[1].1)).collect();
        for run in stretches.chunk_by(|a, b| a.2 == b.2) {
            let mut line = vec![run[0].0];
            line.extend(run.iter().map(|stretch| stretch.1));
            let round = r#"stroke-linejoin="round" stroke-linecap="round""#;
            frame.svg.path(&path(&line), run[0].2, stroke, round);
        }
        let edge = format!(r#"stroke="{CARD}" stroke-width="0.8""#);
        places.iter().for_each(|(at, shade)| frame.svg.dot(*at, r, shade, &edge));
        let at = |p: &Waypoint| frame.at(p.x, p.y);
        let (first, last, best) = (at(found.first()), at(found.last()), at(found.best()));
        let look = |fill: &str| format!(r#"stroke="{fill}" stroke-width="1.8""#);
        frame.svg.dot(best, 6.6, "none", &look(colour(1)));
        if found.points.len() > 1 {
            frame.svg.dot(first, 4.2, CARD, &look(SHADES[3]));
        }
        frame.svg.dot(last, 4.6, SHADES[SHADES.len() - 1], &look(CARD));
        for (p, _) in &drawn {
            let at = frame.at(p.x, p.y);
            frame.svg.hover(at, 6.0, &self.says(p));
        }
        // The words at both ends keep clear of the line too.
        let mut crowd: Vec<Area> = places.iter().map(|p| around(p.0, r)).collect();
        for (a, b, _) in &stretches {
            let (dx, dy) = (b.0 - a.0, b.1 - a.1);
            let pieces = (dx.hypot(dy) / 5.0).ceil().max(1.0);
            let on = |k: usize| (a.0 + dx * k as f64 / pieces, a.1 + dy * k as f64 / pieces);
            crowd.extend((1..pieces as usize).map(|k| around(on(k), 1.5)));
        }
        let mut taken: Vec<Area> = vec![around(first, 5.5), around(last, 5.5), around(best, 6.9)];
        let inside = (frame.left + 1.0, frame.top - 4.0, WIDTH - 5.0, frame.bottom - 1.0);
        let ends = [(found.last(), last), (found.first(), first)];
        for (p, at) in ends.into_iter().take(found.points.len()) {
            let font = LABEL.bold().fill(INK);
            let text = elide(&self.label(p), font, 150.0);
            let w = width(&text, font);
            let Some(area) = free(&beside(at, w, font.size), inside, &taken, &crowd) else {
                continue;
            };
            taken.push(area);
            let place = (area.0 + 4.0, area.3 - 4.0);
            frame.svg.halo(place, &text, font, Anchor::Start, w + 1.0);
        }
    }
}

impl Draw for Trajectory {
    fn svg(&self) -> String {
        let Some(found) = self.found() else { return nothing(&self.title(), &self.why_empty()) };
        let (x, y) = Self::axes(&found, true);
        let (missing, thinned) = self.left_out(&found);
        let tau = self.tau(&found);
        let note = remarks(&[&tau, direction(self.maximise), &missing, &thinned, &self.shown]);
        let (first, last, best) = (found.first(), found.last(), found.best());
        let best = format!("best, {}: {}", self.label(best), score(best.y));
        let mut legend = vec![Key::new(colour(1), Sample::Hollow, best)];
        if found.points.len() > 1 {
            let way = format!("{} to {}", self.label(first), last.number);
            legend.insert(0, Key::new("", Sample::Ramp(&SHADES), way));
        }
        let around = Around::new(self.short_title(), note, legend, &self.x_axis(&x));
        let mut frame = Frame::tall(around, x, y, 200.0);
        self.draw(&mut frame, &found);
        frame.finish(&self.title(), &self.describe(&found))
    }

    fn plain(&self) -> String {
        let title = fit(&format!("{} ({})", self.title(), direction(self.maximise)), COLUMNS);
        let Some(found) = self.found() else {
            let why = format!("nothing to draw yet: {}", self.why_empty());
            return format!("{title}\n{}\n", fit(&why, COLUMNS));
        };
        let (x, y) = Self::axes(&found, false);
        let mut canvas = Canvas::new(64, 14);
        let mut put = |p: &Waypoint, mark| {
            let cell = canvas.cell((x.unit(p.x), y.unit(p.y)));
            canvas.put(cell, mark, true);
        };
        found.drawn().into_iter().for_each(|(p, share)| put(p, along(['·', '•', '●'], share)));
        let (first, last, best) = (found.first(), found.last(), found.best());
        put(best, '★');
        put(first, '◇');
        put(last, '◆');
        let ((left, right), (lo, hi)) = (x.ends(), y.ends());
        let [left, right] = [left, right].map(number);
        let name = self.x_axis(&x);
        let mut out = heading(&title, &self.shown);
        out += &canvas.render((&score(lo), &score(hi)), (&left, &right), &name, &[]);
        let (missing, thinned) = self.left_out(&found);
        let said = [self.tau(&found), "early ·, then •, late ●".into(), missing, thinned];
        let said: Vec<String> = said.into_iter().filter(|s| !s.is_empty()).collect();
        out += &(fit(&said.join("; "), COLUMNS) + "\n\n");
        let row = |mark: &str, p: &Waypoint| {
            let name = format!("{mark} {}", self.label(p));
            vec![fit(&name, 24), score(p.y), number(p.x), fit(&p.name, 40)]
        };
        let (x_name, y_name) = self.names();
        let columns = [String::new(), y_name.into(), x_name.into(), String::new()];
        let rows = [row("◇ first,", first), row("◆ last,", last), row("★ best,", best)];
        out + &table(&columns, &rows)
    }
}

/// A made-up search by gradient: the curvature rises, and what it derives gets better and then worse.
pub(super) fn example() -> Trajectory {
    let mut rng = crate::rng::Rng::from_u64(11);
    let point = |i: usize| {
        let t = i as f64 / 49.0;
        let x = 0.16 * (3.0 * t.powf(1.4) + 0.12 * rng.normal()).exp();
        let rise = 0.03 * (1.0 - (-9.0 * t).exp());
        let fall = 0.11 / (1.0 + (-14.0 * (t - 0.72)).exp());
        let y = 0.925 + rise - fall + 0.004 * rng.normal();
        Waypoint { number: i + 1, x, y, name: format!("cell {}", i + 1) }
    };
    Trajectory {
        shown: "DARTS, first order, 50 epochs".into(),
        step: "epoch".into(),
        x: "curvature".into(),
        y: "test accuracy".into(),
        maximise: true,
        points: (0..50).map(point).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn of(points: &[(f64, f64)]) -> Trajectory {
        let point = |(i, &(x, y)): (usize, &(f64, f64))| Waypoint {
            number: i + 1,
            x,
            y,
            name: format!("network {i}"),
        };
        Trajectory { points: points.iter().enumerate().map(point).collect(), ..example() }
    }

    #[test]
    fn points_are_joined_in_the_order_of_their_numbers() {
        let mut chart = of(&[(1.0, 0.5), (2.0, 0.9), (3.0, 0.7), (f64::NAN, 0.1), (4.0, 0.9)]);
        let svg = chart.svg();
        chart.points.reverse();
        assert_eq!(chart.svg(), svg);
        let found = chart.found().unwrap();
        let numbers: Vec<usize> = found.points.iter().map(|p| p.number).collect();
        // Of equally good ones, the earliest is the best.
        assert_eq!((numbers, found.best, found.missing), (vec![1, 2, 3, 5], 1, 1));
        for part in [">epoch 1</text>", ">epoch 5</text>", "1 without both figures", "4 epochs"] {
            assert!(svg.contains(part), "{part}");
        }
        assert!(svg.contains("epoch 2: curvature 2, test accuracy 0.9000, network 1"));
        let less = Trajectory { maximise: false, ..chart.clone() };
        assert_eq!(less.found().unwrap().best, 0);
        let plain = chart.plain();
        assert!(plain.contains("◇ first, epoch 1") && plain.contains("★ best, epoch 2"), "{plain}");
    }

    #[test]
    fn the_axis_is_logarithmic_where_the_values_span_it() {
        let wide = of(&[(0.1, 0.5), (0.4, 0.6), (2.0, 0.7)]);
        assert!(wide.svg().contains("curvature (logarithmic)"));
        assert!(wide.plain().contains("curvature (logarithmic)"));
        for narrow in [of(&[(0.1, 0.5), (0.4, 0.6)]), of(&[(-0.1, 0.5), (0.4, 0.6), (9.0, 0.7)])] {
            assert!(!narrow.svg().contains("logarithmic"));
        }
    }

    #[test]
    fn the_tau_is_that_of_both_figures() {
        let said = |points: &[(f64, f64)]| of(points).plain();
        assert!(
            said(&[(1.0, 3.0), (2.0, 2.0), (3.0, 1.0)]).contains("Kendall's tau -1.00, 3 epochs")
        );
        assert!(said(&[(1.0, 3.0), (1.0, 2.0)]).contains("no Kendall's tau"));
        assert!(said(&[(1.0, 3.0)]).contains("no order among 1 epoch"));
    }

    #[test]
    fn late_points_are_strong() {
        let chart = example();
        let found = chart.found().unwrap();
        let shades: Vec<&str> = found.drawn().iter().map(|d| along(SHADES, d.1)).collect();
        assert_eq!((shades[0], shades[49]), (SHADES[0], SHADES[8]));
        assert!(chart.svg().contains(SHADES[4]));
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let many: Vec<(f64, f64)> =
            (0..100_000).map(|i| (f64::from(i * 7919 % 997), f64::from(i * 31 % 1009))).collect();
        let long = "a very long name of a figure & ".repeat(9);
        let mut named = example();
        named.points.iter_mut().for_each(|p| p.name.clone_from(&long));
        let mut numbered = example();
        numbered.points.iter_mut().for_each(|p| p.number = usize::MAX - p.number);
        let cases = [
            Trajectory::default(),
            of(&[]),
            of(&[(f64::NAN, 1.0), (1.0, f64::INFINITY)]),
            of(&[(1.0, 1.0)]),
            of(&[(0.0, 0.0); 5]),
            of(&[(0.5, 0.1), (0.5, 0.2)]),
            of(&[(0.1, 0.2), (0.5, 0.2)]),
            of(&[(-1.0, 1.0), (1e6, 2.0), (0.0, f64::NEG_INFINITY)]),
            of(&[(f64::MAX, f64::MIN), (f64::MIN, f64::MAX)]),
            of(&[(1e-300, 5e-324), (2e-300, 0.0), (1e300, -1e300)]),
            of(&[(5e-324, 0.5), (f64::MAX, 0.6)]),
            of(&many),
            Trajectory { maximise: false, ..of(&many[..300]) },
            Trajectory {
                shown: long.clone(),
                step: long.clone(),
                x: long.clone(),
                y: long,
                ..example()
            },
            Trajectory { step: String::new(), x: String::new(), y: String::new(), ..example() },
            named,
            numbered,
        ];
        cases.iter().for_each(check::chart);
        for case in &cases {
            assert!(case.svg().len() < 150_000, "{}", case.svg().len());
        }
        assert!(of(&many).svg().contains("201 of them drawn"));
    }
}
