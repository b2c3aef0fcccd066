//! A map of thousands of architectures by cost and score. Points would cover each other, so the plane
//! is cut into small hexagons, each shaded by how many architectures lie in it, on a logarithmic
//! scale, or by the mean of a third quantity. On top lies the frontier: the architectures that no
//! other beats in both.

use super::frontier::{Area, Frontier, FrontierPoint, around, cost_scale, free, spans};
use super::plain::{COLUMNS, Canvas, fit, table};
use super::plot::{Around, Frame, Key, Sample, Scale, padded, range, steps, zoomed};
use super::svg::{Anchor, WIDTH, nothing};
use super::theme::{CARD, Font, INK, colour, elide, width};
use super::{Chart, Draw};
use crate::error::{Error, Result};
use crate::words::{capital, direction, human_count, plural, score, thousands, usable};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Many architectures by what they cost and what they score; see [`map`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[must_use = "it is shown where it is the last value of a cell, or by println!"]
pub struct Map {
    /// The name of the score, with its unit: `accuracy (%)`.
    pub metric: String,
    /// Whether a higher score is better.
    pub maximise: bool,
    /// The score of every architecture.
    pub scores: Vec<f64>,
    /// What the cost is, with its unit: `training time (s)`. Less is better.
    pub x: String,
    /// The cost of every architecture.
    pub costs: Vec<f64>,
    /// The name of a third quantity, which colours the map, and its value for every architecture.
    pub third: Option<(String, Vec<f64>)>,
    /// Architectures to be named in the picture.
    pub marks: Vec<Mark>,
}

/// A named place on a [`Map`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// What is written beside it.
    pub name: String,
    /// Its score.
    pub score: f64,
    /// Its cost.
    pub cost: f64,
}

/// A map of many architectures: scores on the vertical axis, costs on the horizontal, both in the same
/// order, with their names and units. Values that are not finite are left out.
///
/// ```
/// use nascent::prelude::*;
/// use nascent::chart;
/// let cost: Vec<f64> = (1..=2000).map(|i| f64::from(i * 7919 % 2003)).collect();
/// let accuracy: Vec<f64> = cost.iter().map(|c| 90.0 - 400.0 / (c + 20.0) - c % 7.0).collect();
/// let map = chart::map("accuracy (%)", &accuracy, "latency (ms)", &cost)?
///     .mark("the best found", accuracy[0], cost[0]);
/// assert!(map.chart().svg().starts_with("<svg"));
/// # Ok::<(), nascent::Error>(())
/// ```
///
/// # Errors
/// When the numbers of scores and costs differ.
pub fn map(
    metric: &str,
    scores: impl AsRef<[f64]>,
    cost: &str,
    costs: impl AsRef<[f64]>,
) -> Result<Map> {
    let (scores, costs) = (scores.as_ref().to_vec(), costs.as_ref().to_vec());
    same_number("map(...)", scores.len(), costs.len())?;
    let (metric, x, maximise) = (metric.to_string(), cost.to_string(), true);
    Ok(Map { metric, maximise, scores, x, costs, third: None, marks: vec![] })
}

/// A cost in the picture: counts are large, seconds may be small.
fn amount(value: f64) -> String {
    if value != 0.0 && value.abs() < 1.0 { score(value) } else { human_count(value) }
}

fn same_number(call: &str, scores: usize, others: usize) -> Result<()> {
    if scores == others {
        return Ok(());
    }
    Err(Error::invalid(
        format!("{call} with {others} values for {}", plural(scores, "score")),
        "every architecture needs one of each",
        "lists of the same length, in the same order",
    ))
}

impl Map {
    /// The same map where lower scores are better, as for losses.
    pub fn minimise(&self) -> Map {
        Map { maximise: false, ..self.clone() }
    }

    /// The same map, coloured by the mean of a third quantity in each place instead of the number of
    /// architectures. Architectures whose value is not finite are left out of the map and its frontier.
    ///
    /// # Errors
    /// When the numbers of values and architectures differ.
    pub fn colour(&self, name: &str, values: impl AsRef<[f64]>) -> Result<Map> {
        let values = values.as_ref().to_vec();
        same_number(&format!("colour({name:?}, ...)"), self.scores.len(), values.len())?;
        Ok(Map { third: Some((name.to_string(), values)), ..self.clone() })
    }

    /// The same map with a named place: an architecture that was found, or the best there is.
    pub fn mark(&self, name: &str, score: f64, cost: f64) -> Map {
        let mut map = self.clone();
        map.marks.push(Mark { name: name.to_string(), score, cost });
        map
    }

    /// The picture.
    pub fn chart(&self) -> Chart {
        Chart::new(self.clone())
    }

    /// Cost, score and what colours the map, for all architectures that can be drawn.
    fn points(&self) -> Vec<(f64, f64, f64)> {
        let third = |i: usize| match &self.third {
            Some((_, values)) => values.get(i).copied().unwrap_or(f64::NAN),
            None => 1.0,
        };
        let all = self.costs.iter().zip(&self.scores).enumerate();
        all.map(|(i, (&x, &y))| (x, y, third(i)))
            .filter(|p| usable(p.0) && usable(p.1) && usable(p.2))
            .collect()
    }

    fn marks(&self) -> Vec<&Mark> {
        self.marks.iter().filter(|m| usable(m.cost) && usable(m.score)).collect()
    }

    /// The architectures on the map that no other beats in both, from the cheapest on, as (cost, score).
    pub fn frontier(&self) -> Vec<(f64, f64)> {
        let point = |(x, score, _)| FrontierPoint { x, score, ..FrontierPoint::default() };
        let points = self.points().into_iter().map(point).collect();
        let chart = Frontier { maximise: self.maximise, points, ..Frontier::default() };
        chart.frontier().iter().map(|p| (p.x, p.score)).collect()
    }

    fn metric(&self) -> &str {
        if self.metric.is_empty() { "score" } else { &self.metric }
    }

    fn x_name(&self) -> &str {
        if self.x.is_empty() { "cost" } else { &self.x }
    }

    fn title(&self) -> String {
        format!("{} against {}", capital(self.metric()), self.x_name())
    }

    fn axes(&self, points: &[(f64, f64, f64)], front: &[(f64, f64)]) -> (Scale, Scale) {
        let marks = self.marks();
        let xs: Vec<f64> = points.iter().map(|p| p.0).chain(marks.iter().map(|m| m.cost)).collect();
        let mut ys = zoomed(points.iter().map(|p| p.1).collect(), self.maximise, REACH);
        ys.extend(front.iter().map(|p| p.1).chain(marks.iter().map(|m| m.score)));
        let (lo, hi) = padded(&ys, 0.04, 0.08);
        (cost_scale(&xs, 0.04, 0.04), Scale::linear(lo, hi, 5, false))
    }

    /// What the colours stand for.
    fn shades_name(&self) -> &str {
        self.third.as_ref().map_or("architectures in a place", |third| &third.0)
    }
}

/// Scores more than this many times as far below the median as the best is above it are not shown.
const REACH: f64 = 3.0;

/// From few to many: ColorBrewer's blues without the palest, which would be lost on the card.
pub(super) const BLUES: [&str; 6] =
    ["#C6DBEF", "#9ECAE1", "#6BAED6", "#4292C6", "#2171B5", "#08306B"];
/// From little to much of a third quantity: viridis, readable with every kind of colour vision.
pub(super) const VIRIDIS: [&str; 6] =
    ["#D8E219", "#73D056", "#21908D", "#2D708E", "#433E85", "#440154"];

/// Half the width and half the radius of a hexagon: in these units its corners are whole numbers.
const UNIT: (f64, f64) = (2.6, 1.5);

/// What lies in a hexagon.
#[derive(Clone, Copy, Default)]
struct Bin {
    count: usize,
    sum: f64,
}

/// The column and row of the hexagon that a point lies in; odd rows are shifted half a width to the
/// right.
fn hexagon((x, y): (f64, f64)) -> (i32, i32) {
    let (x, y) = (x / UNIT.0, y / UNIT.1);
    // Centres are at (i, 3 j) with i + j even. Of the nearest in the even and in the odd rows, the nearer.
    let nearest = |odd: f64| {
        let row = 2.0 * ((y / 3.0 - odd) / 2.0).round() + odd;
        let column = 2.0 * ((x - odd) / 2.0).round() + odd;
        let (dx, dy) = ((x - column) * UNIT.0, (y - 3.0 * row) * UNIT.1);
        (dx * dx + dy * dy, (column as i32, row as i32))
    };
    let (even, odd) = (nearest(0.0), nearest(1.0));
    if even.0 <= odd.0 { even.1 } else { odd.1 }
}

/// The colours of a range of values, in steps.
struct Shades {
    lo: f64,
    hi: f64,
    log: bool,
    colours: [&'static str; 6],
}

impl Shades {
    fn of(values: &[f64], counts: bool) -> Shades {
        let (lo, hi) = range(values);
        let (log, colours) = (counts || spans(values), if counts { BLUES } else { VIRIDIS });
        Shades { lo, hi, log, colours }
    }

    fn step(&self, v: f64) -> usize {
        let place = |v: f64| if self.log { v.max(1e-300).ln() } else { v };
        let (lo, hi) = (place(self.lo), place(self.hi));
        let unit = if hi > lo { (place(v) - lo) / (hi - lo) } else { 0.0 };
        ((unit * self.colours.len() as f64) as usize).min(self.colours.len() - 1)
    }
}

impl Map {
    /// The hexagons as one path per colour, in units in which their corners are whole numbers.
    fn hexagons(&self, frame: &mut Frame, points: &[(f64, f64, f64)]) -> Shades {
        let mut bins: BTreeMap<(i32, i32), Bin> = BTreeMap::new();
        for &(x, y, third) in points.iter().filter(|p| frame.shows(p.1)) {
            let at = frame.at(x, y);
            let bin = bins.entry(hexagon((at.0 - frame.left, at.1 - frame.top))).or_default();
            (bin.count, bin.sum) = (bin.count + 1, bin.sum + third);
        }
        let counts = self.third.is_none();
        let value = |b: &Bin| if counts { b.count as f64 } else { b.sum / b.count as f64 };
        let values: Vec<f64> = bins.values().map(value).collect();
        let shades = Shades::of(&values, counts);
        let mut paths = vec![String::new(); shades.colours.len()];
        for ((column, row), bin) in &bins {
            let path = &mut paths[shades.step(value(bin))];
            *path += &format!("M{column} {}l1 1v2l-1 1-1-1v-2z", 3 * row - 2);
        }
        let mut body = String::new();
        for (path, fill) in paths.iter().zip(shades.colours).filter(|(path, _)| !path.is_empty()) {
            body += &format!(r#"<path d="{path}" fill="{fill}" stroke="{fill}"/>"#);
        }
        let (left, top, (w, h)) = (frame.left, frame.top, UNIT);
        frame.svg.raw(&format!(
            r#"<g transform="translate({left:.1} {top:.1}) scale({w} {h})" stroke-width="0.12">{body}</g>"#
        ));
        shades
    }

    /// What the colours stand for, in the row of the legend after the frontier.
    fn colour_bar(&self, frame: &mut Frame, shades: &Shades) {
        let (y, font) = (frame.top - 12.0, Font::NOTE);
        let mut x = 16.0 + 23.0 + width("frontier", font) + 20.0;
        let (least, most) = (amount(shades.lo), amount(shades.hi));
        let mut used = &shades.colours[..1];
        if shades.lo < shades.hi {
            frame.svg.text((x, y), &least, font, Anchor::Start, 60.0);
            x += width(&least, font) + 5.0;
            used = &shades.colours;
        }
        for fill in used {
            frame.svg.rect((x, y - 8.5, 11.0, 9.0), 0.0, fill, "");
            x += 11.0;
        }
        let mean = if self.third.is_some() { "mean " } else { "" };
        let text = format!("{most} {mean}{}", self.shades_name());
        frame.svg.text((x + 5.0, y), &text, font, Anchor::Start, WIDTH - 16.0 - x - 5.0);
    }

    /// The marked places with their names, where there is room.
    fn draw_marks(&self, frame: &mut Frame, front: &[(f64, f64)]) {
        let marks = self.marks();
        let mut taken: Vec<Area> =
            marks.iter().map(|m| around(frame.at(m.cost, m.score), 5.0)).collect();
        let line: Vec<Area> = front.iter().map(|p| around(frame.at(p.0, p.1), 1.5)).collect();
        for (i, mark) in marks.iter().enumerate() {
            let at = frame.at(mark.cost, mark.score);
            frame.layer("", |pen| pen.ring((mark.cost, mark.score), 5.0, colour(i + 2)));
            let (value, cost) = (score(mark.score), amount(mark.cost));
            let (name, metric, x_name) = (&mark.name, self.metric(), self.x_name());
            frame.svg.hover(at, 6.0, &format!("{name}: {metric} {value}, {cost} {x_name}"));
            let font = Font::TEXT.bold().size(11.0).fill(INK);
            let name = elide(&mark.name, font, 170.0);
            let (w, h) = (width(&name, font), font.size);
            let (x, y) = at;
            let (right, left, middle) = (x + 9.0, x - w - 9.0, x - w / 2.0);
            let (level, below, above) = (y + h / 2.0 - 1.5, y + h + 8.0, y - 9.0);
            let places = [
                (right, level),
                (left, level),
                (right, below),
                (left, below),
                (middle, below),
                (middle, above),
                (right, above),
                (left, above),
            ]
            .map(|(x, y)| (x, y - h, x + w, y + 2.0));
            let inside = (frame.left + 2.0, frame.top - 2.0, WIDTH - 8.0, frame.bottom - 1.0);
            let Some(area) = free(&places, inside, &taken, &line) else { continue };
            taken.push((area.0 - 3.0, area.1, area.2 + 3.0, area.3));
            let card = (area.0 - 3.0, area.1 - 0.5, w + 6.0, h + 4.0);
            frame.svg.rect(card, 3.0, CARD, r#"fill-opacity="0.85""#);
            frame.svg.text((area.0, area.3 - 2.0), &name, font, Anchor::Start, w + 1.0);
        }
    }

    fn note(&self, y: &Scale, shown: usize, all: usize, front: usize) -> String {
        let count = thousands(all as u128);
        let mut note =
            format!("{}  ·  {front} of {count} on the frontier", direction(self.maximise));
        if shown < all {
            let (side, end) =
                if self.maximise { ("below", y.ends().0) } else { ("above", y.ends().1) };
            let n = thousands((all - shown) as u128);
            note += &format!("  ·  {n} {side} {}", score(end));
        }
        note
    }

    fn describe(&self, all: usize, front: &[(f64, f64)]) -> String {
        let say = |p: &(f64, f64)| format!("{} at {}", score(p.1), amount(p.0));
        let ends: Vec<String> = front.first().into_iter().chain(front.last()).map(say).collect();
        let all = plural(all, "architecture");
        let (title, direction) = (self.title(), direction(self.maximise));
        format!("{title} ({direction}): {all}. The frontier goes from {}", ends.join(" to "))
    }
}

impl Draw for Map {
    fn svg(&self) -> String {
        let (points, front) = (self.points(), self.frontier());
        if points.is_empty() {
            return nothing(&self.title(), "no architecture has a score and a cost");
        }
        let (x, y) = self.axes(&points, &front);
        let shown = points.iter().filter(|p| (0.0..=1.0).contains(&y.unit(p.1))).count();
        let legend = vec![Key::new(colour(1), Sample::Line(""), "frontier")];
        let note = self.note(&y, shown, points.len(), front.len());
        let around = Around::new(self.title(), note, legend, self.x_name());
        let mut frame = Frame::new(around, x, y);
        let shades = self.hexagons(&mut frame, &points);
        self.colour_bar(&mut frame, &shades);

        let mut steps = steps(front.iter().copied());
        // The last point of the frontier holds for everything costlier.
        let largest = points.iter().map(|p| p.0).fold(f64::NEG_INFINITY, f64::max);
        steps.extend(front.last().map(|&(_, y)| (largest, y)));
        frame.layer(r#"stroke-linejoin="round""#, |pen| {
            pen.line(&steps, CARD, 0.8, 3.2);
            pen.line(&steps, colour(1), 1.0, 1.8);
            pen.dots(&front, if front.len() > 40 { 1.6 } else { 2.4 }, colour(1), 1.0);
        });
        self.draw_marks(&mut frame, &steps);
        frame.finish(&self.title(), &self.describe(points.len(), &front))
    }

    fn plain(&self) -> String {
        let title = fit(&format!("{} ({})", self.title(), direction(self.maximise)), COLUMNS);
        let (points, front) = (self.points(), self.frontier());
        if points.is_empty() {
            let why = "no architecture has a score and a cost";
            return format!("{title}\nnothing to draw yet: {why}\n");
        }
        let (x, y) = self.axes(&points, &front);
        let mut canvas = Canvas::new(64, 14);
        let mut cells: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        let shows = |y: f64| (0.0..=1.0).contains(&y);
        for p in &points {
            let unit = (x.unit(p.0), y.unit(p.1));
            if shows(unit.1) {
                *cells.entry(canvas.cell(unit)).or_default() += 1;
            }
        }
        let counts: Vec<f64> = cells.values().map(|&n| n as f64).collect();
        let shades = Shades::of(&counts, true);
        for (&cell, &n) in &cells {
            canvas.put(cell, ['·', '·', '░', '▒', '▓', '█'][shades.step(n as f64)], true);
        }
        for p in &front {
            canvas.put(canvas.cell((x.unit(p.0), y.unit(p.1))), '●', true);
        }
        let marks = self.marks();
        for m in &marks {
            canvas.put(canvas.cell((x.unit(m.cost), y.unit(m.score))), '◆', true);
        }
        let ((left, right), (lo, hi)) = (x.ends(), y.ends());
        let (low, high) = (score(lo), score(hi));
        let name = format!("{}{}", self.x_name(), if x.is_log() { " (logarithmic)" } else { "" });
        let ends = (amount(left), amount(right));
        let plot = canvas.render((&low, &high), (&ends.0, &ends.1), &name, &[]);
        let columns = ["frontier".to_string(), self.x_name().into(), self.metric().into()];
        let marked = marks.iter().map(|m| (format!("◆ {}", fit(&m.name, 40)), m.cost, m.score));
        let front = front.iter().rev().take(8).map(|p| ("●".to_string(), p.0, p.1));
        let rows: Vec<Vec<String>> =
            marked.chain(front).map(|(name, x, y)| vec![name, amount(x), score(y)]).collect();
        format!("{title}\n{plot}\n{}", table(&columns, &rows))
    }
}

/// Four thousand made-up architectures.
pub(super) fn example() -> Map {
    let mut rng = crate::rng::Rng::from_u64(7);
    let (metric, x) = ("accuracy (%)".into(), "training time (s)".into());
    let mut map = Map { metric, maximise: true, x, ..Map::default() };
    for _ in 0..4000 {
        let cost = 900.0 + 4000.0 * rng.uniform() * rng.uniform();
        let luck = rng.normal().abs() * 3.0 + if rng.below(30) == 0 { 40.0 } else { 0.0 };
        map.costs.push(cost);
        map.scores.push(92.0 - 9000.0 / (cost + 200.0) - luck);
    }
    map.mark("ResNet-like", 87.5, 2400.0)
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    #[test]
    fn a_point_lies_in_the_hexagon_whose_centre_is_nearest() {
        let mut rng = crate::rng::Rng::from_u64(1);
        for _ in 0..2000 {
            let (x, y) = (60.0 * rng.uniform() - 10.0, 60.0 * rng.uniform() - 10.0);
            let away = |&(i, j): &(i32, i32)| {
                let (dx, dy) = (x - f64::from(i) * UNIT.0, y - 3.0 * f64::from(j) * UNIT.1);
                dx * dx + dy * dy
            };
            let all = (-10..40).flat_map(|i| (-10..40).map(move |j| (i, j)));
            let least = all.filter(|(i, j)| (i + j) % 2 == 0).map(|c| away(&c));
            let least = least.fold(f64::INFINITY, f64::min);
            assert!((away(&hexagon((x, y))) - least).abs() < 1e-9, "({x}, {y})");
        }
    }

    #[test]
    fn small_costs_are_told_apart() {
        let map = map("accuracy (%)", [80.0, 90.0], "latency (s)", [0.0012, 0.0034]).unwrap();
        let plain = map.chart().plain();
        assert!(plain.contains("0.0012") && plain.contains("0.0034"), "{plain}");
    }

    #[test]
    fn every_architecture_is_counted_once() {
        // One place with 1,000 and one with a single one: the two ends of the colours.
        let mut costs = vec![1.0; 1000];
        costs.push(2.0);
        let scores: Vec<f64> = costs.iter().map(|c| 50.0 + c).collect();
        let svg = map("accuracy (%)", &scores, "ms", &costs).unwrap().chart().svg();
        let paths = |fill: &str| {
            let path = svg
                .split("<path d=\"M")
                .find(|p| p.contains(&format!(r#"" fill="{fill}" stroke"#)));
            path.map_or(0, |p| p.split('"').next().unwrap_or_default().matches('z').count())
        };
        assert_eq!((paths(BLUES[0]), paths(BLUES[5])), (1, 1), "{svg}");
        assert!(svg.contains(">1 k architectures in a place<"), "{svg}");
    }

    #[test]
    fn the_whole_of_a_benchmark_is_a_small_picture() {
        let mut rng = crate::rng::Rng::from_u64(2);
        let costs: Vec<f64> = (0..15_625).map(|_| 1e5 * (2.0 * rng.uniform()).exp()).collect();
        let scores: Vec<f64> = (0..15_625).map(|_| 90.0 * rng.uniform()).collect();
        let all = map("accuracy (%)", &scores, "parameters", &costs).unwrap();
        let chart = all.colour("parameters", &costs).unwrap().mark("best", 89.9, 3e5).chart();
        check::svg(&chart.svg());
        assert!(chart.svg().len() < 150_000, "{}", chart.svg().len());
    }

    #[test]
    fn lists_of_different_lengths_are_refused() {
        let says = map("accuracy", [1.0], "cost", [1.0, 2.0]).unwrap_err().to_string();
        assert!(
            says.starts_with("map(...) with 2 values for 1 score: every architecture"),
            "{says}"
        );
        assert!(example().colour("params", [1.0]).unwrap_err().to_string().contains("4000 scores"));
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let of = |points: &[(f64, f64)]| {
            let (x, y): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
            map("accuracy", y, "cost", x).unwrap()
        };
        let long = "long & <name> ".repeat(20);
        let cases = [
            Map::default(),
            of(&[(f64::NAN, 1.0)]),
            of(&[(1.0, 1.0)]),
            of(&[(1.0, 1.0), (2.0, 2.0)]).minimise(),
            of(&[(-1.0, 1.0), (1e6, 2.0), (0.0, f64::INFINITY)]),
            of(&[(1e-300, 1.0), (1e99, 2.0)]),
            of(&[(5.0, 1.0), (1e99, -1e99)]),
            example().mark(&long, 80.0, 1000.0).mark(&long, 80.0, 1000.0).mark("", 1.0, f64::NAN),
            example().colour(&long, &example().scores).unwrap(),
            example().colour("c", vec![f64::NAN; 4000]).unwrap(),
        ];
        cases.iter().for_each(check::chart);
    }

    #[test]
    fn the_frontier_of_a_map_is_that_of_its_points() {
        let of =
            map("accuracy", [1.0, 3.0, 2.0, 3.0, 5.0], "cost", [1.0, 2.0, 3.0, 2.0, 9.0]).unwrap();
        assert_eq!(of.frontier(), [(1.0, 1.0), (2.0, 3.0), (9.0, 5.0)]);
        assert_eq!(of.minimise().frontier(), [(1.0, 1.0)]);
    }
}
