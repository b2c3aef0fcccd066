//! Curves with bands: how strategies progress, and how certain that is. A curve is the mean or median
//! of many seeds, and the band around it is where that may lie; where bands overlap, the strategies
//! may not differ.

use super::Draw;
use super::lines::{
    End, Name, Reference, dashes, dimmed, dimmed_note, framed, level, names, path, remarks, thinned,
};
use super::plain::{COLUMNS, cell, fit, heading, len, spark};
use super::plot::{Frame, Scale, padded, zoomed};
use super::svg::nothing;
use super::theme::{CARD, colour};
use crate::words::{capital, direction, human_count, score, usable};
use serde::{Deserialize, Serialize};

/// A curve with an uncertainty band for every strategy.
///
/// ```
/// use nascent::chart::{BandSeries, Bands, Chart};
/// let random = BandSeries {
///     name: "random".into(),
///     x: vec![1.0, 2.0, 3.0],
///     middle: vec![4.0, 2.0, 1.0],
///     low: vec![3.0, 1.5, 0.8],
///     high: vec![5.0, 2.5, 1.3],
/// };
/// let chart = Chart::new(Bands {
///     metric: "regret (%)".into(),
///     shown: "mean of 20 seeds, 95 % bootstrap band".into(),
///     log_y: true,
///     series: vec![random],
///     ..Bands::default()
/// });
/// assert!(chart.plain().contains("1.0000 (0.8000 to 1.3000)"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bands {
    /// What the horizontal axis counts, with its unit: `trials`, `simulated time (s)`.
    pub x: String,
    /// Whether the horizontal axis is logarithmic.
    pub log_x: bool,
    /// What the vertical axis shows, with its unit: `regret (%)`.
    pub metric: String,
    /// Whether higher is better.
    pub maximise: bool,
    /// Whether the vertical axis is logarithmic, which suits a regret. Values that are not positive
    /// are then below the frame.
    pub log_y: bool,
    /// What curve and band are: `mean of 200 seeds, 95 % bootstrap band`.
    pub shown: String,
    /// A value to compare with.
    pub reference: Option<Reference>,
    /// The strategies.
    pub series: Vec<BandSeries>,
}

/// One strategy of [`Bands`]: four lists of the same length.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BandSeries {
    /// The name of the strategy.
    pub name: String,
    /// The places on the horizontal axis, in order.
    pub x: Vec<f64>,
    /// The curve.
    pub middle: Vec<f64>,
    /// The lower edge of the band.
    pub low: Vec<f64>,
    /// The upper edge of the band.
    pub high: Vec<f64>,
}

/// A point of a curve with its band.
#[derive(Clone, Copy, Debug)]
struct Point {
    x: f64,
    middle: f64,
    low: f64,
    high: f64,
}

/// A strategy as it is drawn.
struct Line<'a> {
    index: usize,
    name: &'a str,
    points: Vec<Point>,
}

impl Bands {
    /// The strategies with something to draw. A band without an edge ends at its curve.
    fn lines(&self) -> Vec<Line<'_>> {
        let points = |series: &BandSeries| {
            let point = |(i, (&x, &middle)): (usize, (&f64, &f64))| {
                let edge = |edges: &[f64]| edges.get(i).copied().filter(|v| usable(*v));
                let (low, high) = (edge(&series.low), edge(&series.high));
                let drawn = usable(x) && usable(middle) && (!self.log_x || x > 0.0);
                let (low, high) = (low.unwrap_or(middle), high.unwrap_or(middle));
                drawn.then_some(Point { x, middle, low, high })
            };
            series.x.iter().zip(&series.middle).enumerate().filter_map(point).collect()
        };
        let all = self.series.iter().enumerate();
        all.map(|(index, s)| Line { index, name: &s.name, points: points(s) })
            .filter(|line| !line.points.is_empty())
            .collect()
    }

    fn metric(&self) -> &str {
        if self.metric.is_empty() { "score" } else { &self.metric }
    }

    fn x_name(&self) -> &str {
        if self.x.is_empty() { "trials" } else { &self.x }
    }

    fn title(&self) -> String {
        format!("{} against {}", capital(self.metric()), self.x_name())
    }

    /// Which lines are grey: those that end far from the best.
    fn dim(&self, lines: &[Line]) -> Vec<bool> {
        let sign = if self.maximise { 1.0 } else { -1.0 };
        let last = |l: &Line| l.points.last().map_or(f64::NEG_INFINITY, |p| sign * p.middle);
        dimmed(&lines.iter().map(last).collect::<Vec<_>>())
    }

    fn x_scale(&self, lines: &[Line]) -> Scale {
        let xs: Vec<f64> = lines.iter().flat_map(|l| &l.points).map(|p| p.x).collect();
        across(&xs, self.log_x)
    }

    fn y_scale(&self, lines: &[Line]) -> Scale {
        let points = || lines.iter().flat_map(|l| &l.points);
        let reference = self.reference.iter().map(|r| r.value).filter(|v| usable(*v));
        if self.log_y {
            let middles = points().map(|p| p.middle).filter(|v| *v > 0.0);
            let least = middles.fold(f64::INFINITY, f64::min);
            let all = points().flat_map(|p| [p.low.max(least / 4.0), p.middle, p.high]);
            let logs: Vec<f64> =
                all.chain(reference).filter(|v| *v > 0.0).map(f64::log10).collect();
            let (lo, hi) = padded(&logs, 0.05, 0.05);
            return Scale::log(10f64.powf(lo), 10f64.powf(hi), 6);
        }
        // The first trials may be far worse than everything that follows.
        let mut view = zoomed(points().map(|p| p.middle).collect(), self.maximise, 8.0);
        let ends = lines.iter().filter_map(|l| l.points.last());
        view.extend(ends.flat_map(|p| [p.low, p.middle, p.high]).chain(reference));
        let (lo, hi) = padded(&view, 0.05, 0.07);
        Scale::linear(lo, hi, 5, false)
    }

    fn note(&self, dim: &[bool]) -> String {
        let log = if self.log_y { "log scale" } else { "" };
        remarks(&[&self.shown, direction(self.maximise), log, &dimmed_note(dim)])
    }

    /// The bands below, then the grey lines, the coloured ones on top.
    fn draw(&self, frame: &mut Frame, lines: &[Line], texts: &[Name]) {
        let several = lines.len() > 1;
        for (line, _) in lines.iter().zip(texts).filter(|(_, name)| !name.dim) {
            let edge = |v: fn(&Point) -> f64| -> Vec<(f64, f64)> {
                thinned(line.points.iter().map(|p| frame.at(p.x, v(p))).collect(), 2.4)
            };
            let mut round = edge(|p| p.low);
            round.extend(edge(|p| p.high).into_iter().rev());
            let alpha = if lines.len() > 6 { 0.11 } else { 0.17 };
            let look = format!(r#"fill-opacity="{alpha}""#);
            frame.inside(|svg| svg.area(&(path(&round) + "Z"), colour(line.index), &look));
        }
        let both = || lines.iter().zip(texts);
        for (line, name) in both().filter(|(_, n)| n.dim).chain(both().filter(|(_, n)| !n.dim)) {
            let at: Vec<_> = line.points.iter().map(|p| frame.at(p.x, p.middle)).collect();
            let (rough, d) = (path(&thinned(at.clone(), 6.0)), path(&thinned(at, 1.5)));
            let says = if several { line.name } else { self.metric() };
            let (i, last) = (line.index, line.points[line.points.len() - 1]);
            let single = line.points.len() == 1;
            let at = frame.at(last.x, last.middle);
            let bar = [last.low, last.high].map(|v| frame.at(last.x, v));
            frame.inside(|svg| {
                if !name.dim {
                    svg.path(&rough, CARD, 3.2, r#"opacity="0.6""#);
                }
                svg.path(&d, name.colour(), name.stroke(), &dashes(i));
                svg.tip_line(&rough, says);
                // A single point has a bar in place of a band.
                if single && bar[0] != bar[1] {
                    svg.line(bar[0], bar[1], name.colour(), 1.2);
                }
            });
            if single && frame.shows(last.middle) {
                frame.svg.dot(at, 3.0, name.colour(), "");
            }
        }
        for line in lines {
            let every = line.points.len().div_ceil(10).max(1);
            for point in line.points.iter().rev().step_by(every) {
                if frame.shows(point.middle) {
                    let at = frame.at(point.x, point.middle);
                    frame.svg.hover(at, 5.0, &self.says(line.name, point));
                }
            }
        }
    }

    /// A point in words.
    fn says(&self, name: &str, p: &Point) -> String {
        let band = match p.low == p.middle && p.high == p.middle {
            true => String::new(),
            false => format!(" ({} to {})", score(p.low), score(p.high)),
        };
        let x = human_count(p.x);
        format!("{name}, {} {x}: {}{band}", self.x_name(), score(p.middle))
    }

    fn describe(&self, lines: &[Line]) -> String {
        let ends = lines.iter().filter_map(|l| Some(self.says(l.name, l.points.last()?)));
        let reference =
            self.reference.as_ref().map_or(String::new(), |r| format!("; {}", r.says()));
        let said = ends.collect::<Vec<_>>().join("; ");
        let (shown, direction) = (&self.shown, direction(self.maximise));
        format!("{} ({direction}; {shown}). At the end: {said}{reference}", self.title())
    }
}

/// A horizontal axis over places, from the first to the last.
pub(super) fn across(xs: &[f64], log: bool) -> Scale {
    let (lo, hi) = padded(xs, 0.0, 0.0);
    if log {
        return Scale::log(lo.max(1e-12), hi.max(1e-12), 6);
    }
    let whole = xs.iter().all(|x| x.fract() == 0.0) && hi - lo >= 4.0;
    Scale::linear(lo, hi, 6, whole)
}

impl Draw for Bands {
    fn svg(&self) -> String {
        let lines = self.lines();
        if lines.is_empty() {
            return nothing(&self.title(), "no strategy has a value");
        }
        let dim = self.dim(&lines);
        let named =
            |(l, &dim): (&Line, &bool)| Name { index: l.index, text: l.name.to_string(), dim };
        let texts: Vec<Name> = lines.iter().zip(&dim).map(named).collect();
        let (x, y) = (self.x_scale(&lines), self.y_scale(&lines));
        let head = (self.title(), self.note(&dim), self.x_name().to_string());
        let (mut frame, at_ends) = framed(head, &texts, x, y);
        if let Some(reference) = &self.reference {
            level(&mut frame, reference);
        }
        self.draw(&mut frame, &lines, &texts);
        if at_ends {
            let end = |(l, name): (&Line, &Name)| {
                let last = l.points.last()?;
                Some(End { name: name.clone(), at: (last.x, last.middle) })
            };
            names(&mut frame, &lines.iter().zip(&texts).filter_map(end).collect::<Vec<_>>());
        }
        frame.finish(&self.title(), &self.describe(&lines))
    }

    fn plain(&self) -> String {
        let title = fit(&format!("{} ({})", self.title(), direction(self.maximise)), COLUMNS);
        let lines = self.lines();
        if lines.is_empty() {
            return format!("{title}\nnothing to draw yet: no strategy has a value\n");
        }
        let (x, y) = (self.x_scale(&lines), self.y_scale(&lines));
        let name = lines.iter().map(|l| len(l.name)).max().unwrap_or(0).min(24);
        let room = 28;
        let mut out = heading(&title, &self.shown);
        for line in &lines {
            let value = |i: usize| {
                let at = i as f64 / (room - 1) as f64;
                let before = line.points.iter().rfind(|p| x.unit(p.x) <= at + 1e-9);
                before.map_or(f64::NAN, |p| y.unit(p.middle).clamp(0.0, 1.0))
            };
            let end = line.points.iter().map(|p| x.unit(p.x)).fold(0.0, f64::max);
            let shown = ((end * (room - 1) as f64).round() as usize + 1).min(room);
            let blocks = spark(&(0..shown).map(value).collect::<Vec<_>>(), (0.0, 1.0), room);
            let last = line.points[line.points.len() - 1];
            let [middle, low, high] = [last.middle, last.low, last.high].map(score);
            let result = format!("{middle} ({low} to {high})");
            let row = format!("  {}  {blocks:<room$}  {result}", cell(line.name, name));
            out += &(fit(row.trim_end(), COLUMNS) + "\n");
        }
        let ((from, to), (lo, hi)) = (x.ends(), y.ends());
        let log = |is: bool| if is { " (log)" } else { "" };
        let (from, to) = (human_count(from), human_count(to));
        let range = format!("{} {from} to {to}{}", self.x_name(), log(self.log_x));
        let blocks = format!("blocks from {} to {}{}", score(lo), score(hi), log(self.log_y));
        out += &(fit(&format!("  {:<name$}  {range}, {blocks}", ""), COLUMNS) + "\n");
        if let Some(reference) = &self.reference {
            out += &(fit(&format!("  {}", reference.says()), COLUMNS) + "\n");
        }
        out
    }
}

/// The strategies of the examples.
pub(super) const NAMES: [&str; 7] = [
    "random",
    "local search",
    "regularized evolution",
    "REINFORCE",
    "BANANAS",
    "predictor (GP)",
    "Hyperband",
];

/// The regret of seven made-up strategies.
pub(super) fn example() -> Bands {
    let series = NAMES.iter().enumerate().map(|(i, name)| {
        let speed = [0.5, 0.95, 0.85, 0.6, 1.15, 1.05, 0.7][i];
        let x: Vec<f64> = (1..=150).map(f64::from).collect();
        let middle: Vec<f64> =
            x.iter().map(|x| 9.0 / (1.0 + 0.12 * x).powf(speed) + 0.02).collect();
        let part = 0.07 + 0.02 * i as f64;
        let by = |part: f64| middle.iter().map(|v| v * part).collect();
        BandSeries { name: (*name).into(), low: by(1.0 - part), high: by(1.0 + part), x, middle }
    });
    Bands {
        x: "trials".into(),
        metric: "regret (%)".into(),
        log_y: true,
        shown: "mean of 200 seeds, 95 % bootstrap band".into(),
        series: series.collect(),
        ..Bands::default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn of(x: &[f64], middle: &[f64]) -> Bands {
        let (x, middle) = (x.to_vec(), middle.to_vec());
        let series = BandSeries { name: "s".into(), x, low: middle.clone(), high: vec![], middle };
        Bands { series: vec![series], ..example() }
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let long = "a very long name of a strategy & ".repeat(9);
        let many = |name: &dyn Fn(usize) -> String, n: usize| -> Vec<BandSeries> {
            let one = |i| BandSeries { name: name(i), ..example().series[i % 7].clone() };
            (0..n).map(one).collect()
        };
        let cases = [
            Bands::default(),
            Bands { series: vec![BandSeries::default()], ..example() },
            of(&[1.0], &[0.5]),
            of(&[1.0, 2.0], &[0.0, 0.0]),
            of(&[1.0, 2.0, f64::NAN, 4.0], &[f64::NAN, 0.5, 1.0, f64::INFINITY]),
            of(&[1.0, 2.0], &[-1e99, 1e99]),
            of(&[0.0, 1e-9], &[1e-12, 1e12]),
            Bands { log_x: true, ..of(&[0.0, 1.0, 1e6], &[1.0, 2.0, 3.0]) },
            Bands { log_y: false, maximise: true, ..of(&[5.0, 5.0], &[1.0, 2.0]) },
            Bands { reference: Some(Reference::new(&long, 0.0)), log_y: false, ..example() },
            Bands { reference: Some(Reference::new("optimum", f64::NAN)), ..example() },
            Bands { series: many(&|i| format!("strategy {i}"), 14), ..example() },
            Bands { series: many(&|i| format!("a strategy with a name {i}"), 14), ..example() },
            Bands { series: many(&|_| long.clone(), 14), metric: long.clone(), ..example() },
            Bands { series: many(&|_| String::new(), 40), shown: long.clone(), ..example() },
        ];
        cases.iter().for_each(check::chart);
    }

    #[test]
    fn a_curve_is_drawn_at_its_values() {
        let chart = of(&[1.0, 11.0], &[1.0, 10.0]);
        let lines = chart.lines();
        let y = chart.y_scale(&lines);
        // A decade with a margin of a twentieth at both ends.
        assert!((y.unit(1.0) - 0.05 / 1.1).abs() < 1e-9, "{}", y.unit(1.0));
        assert!((y.unit(10.0) - 1.05 / 1.1).abs() < 1e-9);
        let x = chart.x_scale(&lines);
        assert_eq!((x.unit(1.0), x.unit(6.0), x.unit(11.0)), (0.0, 0.5, 1.0));
    }

    #[test]
    fn every_strategy_is_named_once_whole() {
        let svg = example().svg();
        for name in NAMES {
            assert_eq!(svg.matches(&format!(">{name}</text>")).count(), 1, "{name}");
        }
        assert!(example().plain().contains("BANANAS"));
    }

    #[test]
    fn long_curves_are_small_pictures() {
        let x: Vec<f64> = (0..100_000).map(f64::from).collect();
        assert!(of(&x, &x).svg().len() < 20_000, "{}", of(&x, &x).svg().len());
    }
}
