//! What a search measures of itself while it goes on: one panel below the other over a common
//! horizontal axis, each with one line. A search that goes wrong shows it here before its result
//! does: the entropy of the choices stays high, a curvature explodes, or skip connections take over.
//! Events are vertical lines through all panels.

use super::Draw;
use super::bands::across;
use super::lines::{LABEL, path, remarks, thinned};
use super::plain::{COLUMNS, cell, fit, heading, len, spark};
use super::plot::{AXIS, Frame, Scale, head, padded, spots, x_axis};
use super::svg::{Anchor, SHOWN, Svg, WIDTH, nothing};
use super::theme::{CARD, Font, MUTED, colour, elide, width};
use crate::words::{human_count, number, plural, score, usable};
use serde::{Deserialize, Serialize};

/// What a search measures of itself, one panel below the other.
///
/// ```
/// use nascent::chart::{Chart, SearchSignals, Signal};
/// let entropy = Signal {
///     name: "entropy of the choices".into(),
///     unit: "bits".into(),
///     x: vec![1.0, 2.0, 3.0],
///     y: vec![2.3, 1.9, 0.4],
///     ..Signal::default()
/// };
/// let chart = Chart::new(SearchSignals {
///     x: "epochs".into(),
///     panels: vec![entropy],
///     marks: vec![(2.0, "stopped here".into())],
///     ..SearchSignals::default()
/// });
/// assert!(chart.svg().contains(">stopped here</text>"));
/// assert!(chart.plain().contains("2.3000 → 0.4000"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SearchSignals {
    /// What the horizontal axis counts: `epochs`.
    pub x: String,
    /// What is shown: `DARTS, second order, NAS-Bench-201`.
    pub shown: String,
    /// The signals, from top to bottom.
    pub panels: Vec<Signal>,
    /// Events: where on the horizontal axis, and a word or two, such as `stopped here`.
    pub marks: Vec<(f64, String)>,
}

/// One panel of [`SearchSignals`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// What it is: `entropy of the choices`.
    pub name: String,
    /// Its unit, such as `bits`; may be empty.
    pub unit: String,
    /// Whether the axis is logarithmic. Values that are not positive are then left out.
    pub log: bool,
    /// Whether its values are points by themselves, which no line connects.
    pub points: bool,
    /// The places on the horizontal axis, in order.
    pub x: Vec<f64>,
    /// The value at each place. Where one is not finite, the line has a gap.
    pub y: Vec<f64>,
}

/// A signal as it is drawn.
struct Panel<'a> {
    signal: &'a Signal,
    /// Runs of points without a gap.
    runs: Vec<Vec<(f64, f64)>>,
}

const TITLE: &str = "Signals of the search";
const WHY: &str = "no signal has a value";
/// Height of the line of a panel, and of its name above it.
const HIGH: f64 = 54.0;
const NAME: f64 = 25.0;
/// More panels or marks than this cannot be told apart.
const PANELS: usize = 16;
const MARKS: usize = 60;
/// With more runs than this, a line is gaps above all, and drawn as points.
const RUNS: usize = 400;

impl Signal {
    fn runs(&self) -> Vec<Vec<(f64, f64)>> {
        let can = |p: &(f64, f64)| usable(p.0) && usable(p.1) && !(self.log && p.1 <= 0.0);
        let all: Vec<(f64, f64)> = self.x.iter().copied().zip(self.y.iter().copied()).collect();
        let runs = all.split(|p| !can(p)).filter(|run| !run.is_empty());
        runs.map(<[_]>::to_vec).collect()
    }

    fn title(&self) -> String {
        let unit = match self.unit.is_empty() {
            true => String::new(),
            false => format!(" ({})", self.unit),
        };
        let log = if self.log { ", log scale" } else { "" };
        format!("{}{unit}{log}", self.name)
    }
}

impl Panel<'_> {
    fn all(&self) -> impl DoubleEndedIterator<Item = (f64, f64)> {
        self.runs.iter().flatten().copied()
    }

    fn ends(&self) -> Option<((f64, f64), (f64, f64))> {
        Some((self.all().next()?, self.all().next_back()?))
    }

    fn scale(&self) -> Scale {
        let values: Vec<f64> = self.all().map(|p| p.1).collect();
        if self.signal.log {
            let logs: Vec<f64> = values.iter().map(|v| v.log10()).collect();
            let (lo, hi) = padded(&logs, 0.1, 0.12);
            return Scale::log(10f64.powf(lo), 10f64.powf(hi), 3);
        }
        let (lo, hi) = padded(&values, 0.1, 0.12);
        let whole = values.iter().all(|v| v.fract() == 0.0) && hi - lo >= 3.0;
        Scale::linear(lo, hi, 4, whole)
    }

    /// The first and the last value in words.
    fn says(&self) -> String {
        let Some((first, last)) = self.ends() else { return String::new() };
        match self.all().count() {
            1 => value(last.1),
            _ => format!("{} → {}", value(first.1), value(last.1)),
        }
    }
}

/// A value in words; counts are whole.
fn value(v: f64) -> String {
    if v.fract() == 0.0 && v.abs() < 1e6 { number(v) } else { score(v) }
}

impl SearchSignals {
    fn x_name(&self) -> &str {
        if self.x.is_empty() { "steps" } else { &self.x }
    }

    /// The signals with something to draw.
    fn panels(&self) -> Vec<Panel<'_>> {
        let all = self.panels.iter().map(|signal| Panel { signal, runs: signal.runs() });
        all.filter(|p| !p.runs.is_empty()).collect()
    }

    /// The marks that are drawn, from left to right.
    fn marks(&self) -> Vec<(f64, &str)> {
        let all = self.marks.iter().map(|(x, word)| (*x, word.as_str()));
        let mut marks: Vec<_> = all.filter(|m| usable(m.0)).collect();
        marks.sort_by(|a, b| a.0.total_cmp(&b.0));
        let every = marks.len().div_ceil(MARKS).max(1);
        marks.into_iter().step_by(every).collect()
    }

    fn x_scale(&self, panels: &[Panel], marks: &[(f64, &str)]) -> Scale {
        let places = panels.iter().flat_map(|p| p.all().map(|p| p.0));
        across(&places.chain(marks.iter().map(|m| m.0)).collect::<Vec<_>>(), false)
    }

    fn describe(&self, panels: &[Panel], marks: &[(f64, &str)]) -> String {
        let said = panels.iter().take(PANELS).map(|p| format!("{}: {}", p.signal.name, p.says()));
        let marks = marks.iter().take(8).map(|m| format!("{} at {}", m.1, number(m.0)));
        let said: Vec<String> = said.chain(marks).collect();
        let (x, shown) = (self.x_name(), &self.shown);
        format!("{TITLE} over {x}. {shown}. From first to last: {}", said.join("; "))
    }
}

/// The line or the points of a panel.
fn draw(frame: &mut Frame, panel: &Panel, x_name: &str) {
    let alone = panel.signal.points || panel.runs.len() > RUNS;
    let (lines, dots): (Vec<_>, Vec<_>) =
        panel.runs.iter().partition(|run| run.len() > 1 && !alone);
    let d: String = lines
        .into_iter()
        .map(|run| path(&thinned(run.iter().map(|p| frame.at(p.0, p.1)).collect(), 0.8)))
        .collect();
    if !d.is_empty() {
        frame.inside(|svg| svg.path(&d, colour(0), 1.8, r#"stroke-linejoin="round""#));
    }
    let dots: Vec<(f64, f64)> = dots.into_iter().flatten().copied().collect();
    let places = dots.iter().map(|p| frame.at(p.0, p.1));
    match dots.len() {
        // Whole, even at the edge.
        0..=100 => places.collect::<Vec<_>>().into_iter().for_each(|at| {
            frame.svg.dot(at, 2.4, colour(0), "");
        }),
        _ => {
            let d = spots(places, 1.0);
            let round = r#"stroke-linecap="round""#;
            frame.inside(|svg| svg.path(&d, colour(0), 2.2, round));
        }
    }
    let count = panel.all().count();
    for (x, y) in panel.all().rev().step_by(count.div_ceil(12).max(1)) {
        let says = format!("{}, {x_name} {}: {}", panel.signal.title(), number(x), value(y));
        let at = frame.at(x, y);
        frame.svg.hover(at, 5.0, &says);
    }
}

/// The words of the marks in rows above the panels, and how many rows they take. Where words would
/// touch, the one further left stands higher; without room in three rows, a word is left out.
fn words(marks: &[(f64, &str)], at: impl Fn(f64) -> f64) -> (Vec<Option<(usize, f64)>>, usize) {
    let mut free = [f64::INFINITY; 3];
    let place = |(x, word): &(f64, &str)| {
        let wide = width(&elide(word, LABEL, ROOM), LABEL);
        let left = (at(*x) - 3.0).min(WIDTH - 12.0 - wide).max(12.0);
        let row = (0..free.len()).find(|r| left + wide + 8.0 <= free[*r])?;
        // A row above has no word over this one's line.
        free[row] = left;
        (!word.trim().is_empty()).then_some((row, left))
    };
    let mut places: Vec<Option<(usize, f64)>> = marks.iter().rev().map(place).collect();
    places.reverse();
    let rows = places.iter().flatten().map(|p| p.0 + 1).max().unwrap_or(0);
    (places, rows)
}

/// The most that the word of a mark may take.
const ROOM: f64 = 170.0;

impl Draw for SearchSignals {
    fn svg(&self) -> String {
        let all = self.panels();
        if all.is_empty() {
            return nothing(TITLE, WHY);
        }
        let marks = self.marks();
        let panels = &all[..all.len().min(PANELS)];
        let left_out = |n: usize, noun: &str| match n {
            0 => String::new(),
            n => format!("{} not drawn", plural(n, noun)),
        };
        let more = left_out(all.len() - panels.len(), "signal");
        let fewer = left_out(self.marks.len() - marks.len(), "mark");
        let mut svg = Svg::default();
        let over = format!("over {}", self.x_name());
        let begin = head(&mut svg, TITLE, &remarks(&[&self.shown, &over, &more, &fewer])) - 8.0;
        let scales: Vec<Scale> = panels.iter().map(Panel::scale).collect();
        let ticks = scales.iter().flat_map(|s| &s.ticks);
        let labels = ticks.map(|t| width(&t.1, Font::NOTE)).fold(0.0, f64::max).min(110.0);
        let (left, right) = (22.0 + labels, WIDTH - 18.0);
        let x = self.x_scale(panels, &marks).thin(right - left);
        let at = |v: f64| left + x.unit(v).clamp(0.0, 1.0) * (right - left);
        let (places, rows) = words(&marks, at);
        let top = begin + rows as f64 * 13.0;
        let row = NAME + HIGH;
        let bottom = top + panels.len() as f64 * row;
        for ((x, word), place) in marks.iter().zip(&places) {
            let over = place.map_or(top, |p| top - p.0 as f64 * 13.0);
            let d = path(&[(at(*x), over), (at(*x), bottom)]);
            svg.path(&d, colour(1), 1.2, r#"stroke-dasharray="4 2.5""#);
            if let Some((row, left)) = place {
                let y = top - 3.0 - *row as f64 * 13.0;
                svg.halo((*left, y), word, LABEL.fill(FLAG), Anchor::Start, ROOM);
            }
        }
        for (i, (panel, y)) in panels.iter().zip(scales).enumerate() {
            let begin = top + i as f64 * row;
            let area = (left, begin + NAME, right, begin + row);
            let says = panel.says();
            let said = width(&says, LABEL);
            let room = right - 16.0 - said - 10.0;
            let line = begin + NAME - 7.0;
            let title = panel.signal.title();
            let named = width(&title, LABEL.bold()).min(room);
            // The lines of marks do not run through the text.
            for (x, w) in [(16.0, named), (right - said, said)] {
                svg.rect((x - 3.0, line - 10.0, w + 6.0, 13.5), 0.0, CARD, "");
            }
            svg.text((16.0, line), &title, LABEL.bold(), Anchor::Start, room);
            let font = LABEL.fill(MUTED);
            svg.text((right, line), &says, font, Anchor::End, said + 1.0);
            let mut frame = Frame::within(svg, area, x.clone(), y);
            draw(&mut frame, panel, self.x_name());
            svg = frame.svg;
            svg.line((left, area.1), (left, area.3), AXIS, 1.0);
            svg.line((left, area.3), (right, area.3), AXIS, 1.0);
        }
        for (x, word) in &marks {
            let says = format!("{word}: {} {}", self.x_name(), number(*x));
            svg.tip((at(*x) - 3.0, top, 6.0, 12.0), &says);
        }
        x_axis(&mut svg, &x, (left, right), bottom, self.x_name());
        let size = (WIDTH, bottom + 46.0);
        svg.finish(size, SHOWN, TITLE, &self.describe(panels, &marks))
    }

    fn plain(&self) -> String {
        let panels = self.panels();
        if panels.is_empty() {
            return format!("{TITLE}\nnothing to draw yet: {WHY}\n");
        }
        let marks = self.marks();
        let x = self.x_scale(&panels, &marks);
        let name = panels.iter().map(|p| len(&p.signal.title())).max().unwrap_or(0).min(36);
        let room = 20;
        let mut out = heading(TITLE, &self.shown);
        for panel in panels.iter().take(PANELS) {
            let y = panel.scale();
            // The last value of each stretch; a line goes on until its next value.
            let mut values = vec![f64::NAN; room];
            for (at, v) in panel.all() {
                let i = (x.unit(at).clamp(0.0, 1.0) * (room - 1) as f64).round() as usize;
                values[i] = y.unit(v).clamp(0.0, 1.0);
            }
            let last = values.iter().rposition(|v| v.is_finite()).unwrap_or(0);
            for i in 1..=last {
                if values[i].is_nan() && !panel.signal.points {
                    values[i] = values[i - 1];
                }
            }
            let blocks = spark(&values, (0.0, 1.0), room);
            let row =
                format!("  {}  {blocks}  {}", cell(&panel.signal.title(), name), panel.says());
            out += &(fit(&row, COLUMNS) + "\n");
        }
        if panels.len() > PANELS {
            out += &format!("  and {}\n", plural(panels.len() - PANELS, "signal"));
        }
        let (from, to) = x.ends();
        let (from, to) = (human_count(from), human_count(to));
        let range = format!("{} {from} to {to}, first → last value", self.x_name());
        out += &(fit(&format!("  {:<name$}  {range}", ""), COLUMNS) + "\n");
        for (x, word) in marks.iter().take(PANELS) {
            let said = format!("  {:<name$}  {word}: {} {}", "", self.x_name(), number(*x));
            out += &(fit(&said, COLUMNS).trim_end().to_string() + "\n");
        }
        out
    }
}

/// The words of marks: the colour of their lines, darker, to be read on the card.
const FLAG: &str = "#A84A00";

/// A made-up search by gradient that is stopped when its curvature grows.
pub(super) fn example() -> SearchSignals {
    let mut rng = crate::rng::Rng::from_u64(14);
    let x: Vec<f64> = (1..=50).map(f64::from).collect();
    let mut signal = |name: &str, unit: &str, noise: f64, of: &dyn Fn(f64) -> f64| Signal {
        name: name.into(),
        unit: unit.into(),
        y: x.iter().map(|x| of(*x) * (1.0 + noise * rng.normal())).collect(),
        x: x.clone(),
        ..Signal::default()
    };
    let entropy =
        signal("mean entropy of the choices", "bits", 0.01, &|x| 2.32 / (1.0 + (x / 24.0).powi(2)));
    let temperature = signal("temperature", "", 0.0, &|x| 10.0 * 0.92f64.powf(x));
    let curvature = signal("largest eigenvalue of the Hessian", "", 0.06, &|x| {
        0.12 + 0.0016 * x + 0.6 / (1.0 + ((41.0 - x) / 2.5).exp())
    });
    let shared =
        signal("accuracy on shared weights", "%", 0.006, &|x| 88.0 - 50.0 / (1.0 + x / 4.0));
    let mut alone = signal("accuracy trained alone", "%", 0.001, &|x| {
        93.6 - 3.0 / x - 6.0 / (1.0 + ((42.0 - x) / 3.0).exp())
    });
    let tenth = |v: &[f64]| v.iter().copied().skip(4).step_by(5).collect();
    (alone.points, alone.x, alone.y) = (true, tenth(&alone.x), tenth(&alone.y));
    let skips = signal("skip connections", "", 0.0, &|x| {
        [(18.0, 1.0), (36.0, 1.0), (42.0, 2.0), (46.0, 2.0)]
            .iter()
            .map(|(from, more)| if x >= *from { *more } else { 0.0 })
            .sum()
    });
    SearchSignals {
        x: "epochs".into(),
        shown: "DARTS, first order, on NAS-Bench-201".into(),
        panels: vec![entropy, Signal { log: true, ..temperature }, curvature, shared, alone, skips],
        marks: vec![(39.0, "would stop here".into())],
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn of(x: &[f64], y: &[f64]) -> SearchSignals {
        let (x, y) = (x.to_vec(), y.to_vec());
        let signal = Signal { name: "s".into(), x, y, ..Signal::default() };
        SearchSignals { panels: vec![signal], ..example() }
    }

    fn log(mut chart: SearchSignals) -> SearchSignals {
        chart.panels.iter_mut().for_each(|p| p.log = true);
        chart
    }

    fn points(mut chart: SearchSignals) -> SearchSignals {
        chart.panels.iter_mut().for_each(|p| p.points = true);
        chart
    }

    #[test]
    fn a_value_that_is_not_finite_is_a_gap() {
        let chart = of(&[1.0, 2.0, 3.0, 4.0], &[1.0, 2.0, f64::NAN, 4.0]);
        assert_eq!(chart.panels()[0].runs, [vec![(1.0, 1.0), (2.0, 2.0)], vec![(4.0, 4.0)]]);
        let chart = log(of(&[1.0, 2.0, 3.0], &[-1.0, 0.0, 10.0]));
        assert_eq!(chart.panels()[0].runs, [[(3.0, 10.0)]]);
        assert_eq!(chart.panels()[0].says(), "10");
    }

    #[test]
    fn a_mark_goes_through_all_panels() {
        let chart = example();
        let svg = chart.svg();
        assert_eq!(svg.matches(">would stop here</text>").count(), 1);
        let line = svg.split("<path d=\"").find(|p| p.contains("stroke-dasharray=\"4 2.5\""));
        let ends: Vec<f64> = line.unwrap().split('"').next().unwrap()[1..]
            .split(['L', ' '])
            .map(|v| v.parse().unwrap())
            .collect();
        assert_eq!(ends[0], ends[2]);
        assert!(ends[3] - ends[1] >= 6.0 * (HIGH + NAME), "{ends:?}");
        assert!(chart.plain().contains("would stop here: epochs 39"));
    }

    #[test]
    fn words_of_marks_keep_apart() {
        let marks = [(100.0, "one word"), (104.0, "another"), (108.0, "third"), (300.0, "far")];
        let (places, rows) = words(&marks, |x| x);
        assert_eq!(rows, 3);
        let row: Vec<_> = places.iter().map(|p| p.unwrap().0).collect();
        assert_eq!(row, [2, 1, 0, 0]);
        // Without room, only the line is left.
        let many: Vec<_> = (0..10).map(|i| (f64::from(i), "a longer word")).collect();
        assert_eq!(words(&many, |x| x).0.iter().flatten().count(), 3);
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let long = "a very long name & ".repeat(12);
        let mut named = example();
        for panel in &mut named.panels {
            (panel.name, panel.unit) = (long.clone(), long.clone());
        }
        let marks = |n: usize| (0..n).map(|i| (i as f64 / 3.0, format!("mark {i}"))).collect();
        let many: Vec<f64> = (0..100_000).map(f64::from).collect();
        let noise: Vec<f64> = (0..100_000).map(|i| f64::from(i * 7919 % 1000)).collect();
        let gaps: Vec<f64> =
            (0..100_000).map(|i| if i % 3 == 0 { f64::NAN } else { f64::from(i) }).collect();
        let forty = example().panels.into_iter().cycle().take(40).collect();
        let cases = [
            SearchSignals::default(),
            SearchSignals { panels: vec![Signal::default()], ..example() },
            of(&[], &[]),
            of(&[1.0], &[0.5]),
            of(&[1.0, 1.0], &[0.0, 0.0]),
            of(&[f64::NAN, 2.0, f64::INFINITY], &[1.0, f64::NEG_INFINITY, 1.0]),
            of(&[1.0, 2.0], &[-1e300, 1e300]),
            of(&[-1e300, 1e300], &[1.0, 2.0]),
            log(of(&[1.0, 2.0], &[1e-300, 1e300])),
            log(of(&[1.0, 2.0], &[0.0, -1.0])),
            log(of(&[1.0, 2.0, 3.0], &[1.0, 5.0, 20.0])),
            points(of(&many, &noise)),
            of(&many, &noise),
            of(&many, &gaps),
            SearchSignals { marks: marks(100_000), ..example() },
            SearchSignals {
                marks: vec![(f64::NAN, "no".into()), (1e300, "far".into())],
                ..example()
            },
            SearchSignals { marks: vec![(1.0, long.clone()), (2.0, String::new())], ..example() },
            SearchSignals { panels: forty, ..example() },
            SearchSignals { shown: long.clone(), x: long, ..named },
        ];
        cases.iter().for_each(check::chart);
        for case in &cases {
            assert!(case.svg().len() < 250_000, "{}", case.svg().len());
        }
    }
}
