//! Where a search has looked: its architectures as points of a plane, near each other where they are alike, coloured by
//! score. A line leads from each new best architecture to the next, so one sees whether a search went on near the
//! best or jumped, and whether good architectures lie together at all.
//!
//! The places come from elsewhere: [`Study::search_map`](crate::Study::search_map) computes them of distances. Both
//! axes have the same scale; they have no direction of their own, so only a length is given.

use super::Draw;
use super::frontier::{Area, around, free};
use super::lines::{LABEL, path, remarks};
use super::map::VIRIDIS;
use super::plain::{COLUMNS, Canvas, fit, table};
use super::plot::{Around, Frame, Key, Sample, Scale, cross, range, strokes};
use super::svg::{Anchor, WIDTH, nothing};
use super::theme::{CARD, FAIL, FAINT, Font, GRID, INK, MUTED, colour, elide, width};
use crate::words::{capital, direction, plural, score, thousands, usable};
use serde::{Deserialize, Serialize};

/// The architectures of a search in a plane.
///
/// ```
/// use nascent::chart::{Chart, Placed, SearchMap};
/// let at = |number, x, y, score| Placed { number, x, y, score: Some(score), ..Placed::default() };
/// let chart = Chart::new(SearchMap {
///     metric: "accuracy".into(),
///     maximise: true,
///     distance: "Hamming distance".into(),
///     points: vec![at(0, 0.0, 0.0, 0.8), at(1, 2.0, 1.0, 0.7), at(2, 0.5, 1.0, 0.9)],
///     ..SearchMap::default()
/// });
/// assert!(chart.plain().contains("0.9000"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SearchMap {
    /// The name of the score.
    pub metric: String,
    /// Whether a higher score is better.
    pub maximise: bool,
    /// What the distance between two points stands for: `Hamming distance`.
    pub distance: String,
    /// How the places were found, and what was left out.
    pub shown: String,
    /// The architectures, in the order in which they were tried.
    pub points: Vec<Placed>,
}

/// An architecture of a [`SearchMap`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Placed {
    /// The number of its trial.
    pub number: usize,
    /// Its place.
    pub x: f64,
    /// Its place.
    pub y: f64,
    /// Its score; `None` where it has none that could be compared with the others.
    pub score: Option<f64>,
    /// Whether its trial failed.
    pub failed: bool,
    /// What is shown of it when the pointer rests on it: the architecture.
    pub name: String,
}

/// The largest and the least height of the part with the points, and its width.
const HIGH: (f64, f64) = (190.0, 330.0);
const WIDE: f64 = WIDTH - 40.0;
/// With more points, the line through all of them would be a tangle.
const ALL: usize = 80;
/// So many of the new best architectures have their numbers written.
const NUMBERS: usize = 12;

/// A point as it is drawn, in units of the largest coordinate.
#[derive(Clone, Copy)]
struct Spot<'a> {
    at: (f64, f64),
    score: Option<f64>,
    point: &'a Placed,
}

struct Plan<'a> {
    spots: Vec<Spot<'a>>,
    /// The scores in order.
    sorted: Vec<f64>,
    /// The places in `spots` of those that were the best so far.
    best: Vec<usize>,
    /// What a step of 1 stands for.
    unit: f64,
    x: Scale,
    y: Scale,
    high: f64,
}

impl Plan<'_> {
    /// From 0 for the worst sixth to 5 for the best.
    fn sixth(&self, score: f64, maximise: bool) -> usize {
        let below = self.sorted.partition_point(|s| *s < score);
        let equal = self.sorted[below..].partition_point(|s| *s <= score);
        let middle = below as f64 + equal.saturating_sub(1) as f64 / 2.0;
        let share = middle / self.sorted.len().saturating_sub(1).max(1) as f64;
        let share = if maximise { share } else { 1.0 - share };
        ((share * VIRIDIS.len() as f64) as usize).min(VIRIDIS.len() - 1)
    }

    fn failed(&self) -> impl Iterator<Item = &Spot<'_>> {
        self.spots.iter().filter(|s| s.point.failed)
    }

    /// Those that have neither a score nor failed.
    fn open(&self) -> impl Iterator<Item = &Spot<'_>> {
        self.spots.iter().filter(|s| s.score.is_none() && !s.point.failed)
    }
}

impl SearchMap {
    fn metric(&self) -> &str {
        if self.metric.is_empty() { "score" } else { &self.metric }
    }

    fn distance(&self) -> &str {
        if self.distance.is_empty() { "distance" } else { &self.distance }
    }

    fn title(&self) -> String {
        format!("Where the search looked: {}", self.metric())
    }

    fn why_empty(&self) -> &'static str {
        if self.points.is_empty() { "no trial has ended" } else { "no architecture has a place" }
    }

    fn plan(&self) -> Option<Plan<'_>> {
        let points = || self.points.iter().filter(|p| usable(p.x) && usable(p.y));
        let most = points().flat_map(|p| [p.x.abs(), p.y.abs()]).fold(0.0, f64::max);
        let unit = if most > 0.0 { most } else { 1.0 };
        let spots: Vec<Spot> = points()
            .map(|point| Spot {
                at: (point.x / unit, point.y / unit),
                score: point.score.filter(|s| usable(*s) && !point.failed),
                point,
            })
            .collect();
        let ends = |of: fn(&Spot) -> f64| range(&spots.iter().map(of).collect::<Vec<f64>>());
        let ((left, right), (low, high)) = (ends(|s| s.at.0), ends(|s| s.at.1));
        if left > right {
            return None;
        }
        // The same scale both ways, with a margin; a single point is in the middle.
        let (wide, tall) = ((right - left).max(1e-3) * 1.1, (high - low).max(1e-3) * 1.14);
        let height = (WIDE * tall / wide).clamp(HIGH.0, HIGH.1);
        let step = (wide / WIDE).max(tall / height);
        let around = |a: f64, b: f64, room: f64| {
            let half = step * room / 2.0;
            let mut scale = Scale::linear((a + b) / 2.0 - half, (a + b) / 2.0 + half, 1, false);
            scale.ticks = vec![];
            scale
        };
        let mut sorted: Vec<f64> = spots.iter().filter_map(|s| s.score).collect();
        sorted.sort_by(f64::total_cmp);
        let mut best: Vec<usize> = vec![];
        for (i, spot) in spots.iter().enumerate() {
            let Some(value) = spot.score else { continue };
            let before = best.last().and_then(|&b| spots[b].score);
            if before.is_none_or(|b| if self.maximise { value > b } else { value < b }) {
                best.push(i);
            }
        }
        let (x, y) = (around(left, right, WIDE), around(low, high, height));
        Some(Plan { spots, sorted, best, unit, x, y, high: height })
    }

    fn note(&self, plan: &Plan) -> String {
        let count = plural_of(plan.spots.len(), "architecture");
        let failed = match plan.failed().count() {
            0 => String::new(),
            n => format!("× {} failed", thousands(n as u128)),
        };
        remarks(&[&count, &failed, &self.shown])
    }

    fn legend(&self, plan: &Plan) -> Vec<Key> {
        let mut keys = vec![];
        if let [low, .., high] = plan.sorted[..] {
            let (worst, best) = if self.maximise { (low, high) } else { (high, low) };
            let text = format!(
                "{} in sixths, from {} to {} (best)",
                elide(self.metric(), Font::NOTE, 150.0),
                score(worst),
                score(best)
            );
            keys.push(Key::new(VIRIDIS[0], Sample::Ramp(&VIRIDIS), text));
        }
        if plan.best.len() > 1 {
            let text = "from one best trial to the next";
            keys.push(Key::new(colour(1), Sample::Line(""), text));
        }
        if plan.open().next().is_some() {
            keys.push(Key::new(FAINT, Sample::Dot, "stopped early"));
        }
        keys
    }

    fn draw_points(&self, frame: &mut Frame, plan: &Plan) {
        let r = match plan.spots.len() {
            0..=150 => 4.0,
            151..=600 => 3.0,
            _ => 2.2,
        };
        let all: Vec<(f64, f64)> = plan.spots.iter().map(|s| s.at).collect();
        if (2..=ALL).contains(&all.len()) {
            frame.layer(r#"stroke-linejoin="round""#, |pen| pen.line(&all, FAINT, 0.45, 0.8));
        }
        let open: Vec<(f64, f64)> = plan.open().map(|s| s.at).collect();
        let mut groups = [const { vec![] }; VIRIDIS.len()];
        for spot in &plan.spots {
            if let Some(value) = spot.score {
                groups[plan.sixth(value, self.maximise)].push(spot.at);
            }
        }
        frame.layer("", |pen| {
            pen.dots(&open, r * 0.75, FAINT, 0.7);
            for (i, (group, fill)) in groups.iter().zip(VIRIDIS).enumerate() {
                // The palest would be lost on a dark page.
                let (edge, alpha) = if i < 2 { (MUTED, 0.8) } else { (CARD, 0.9) };
                if plan.spots.len() <= 3000 {
                    pen.dots(group, r + 0.7, edge, alpha);
                }
                pen.dots(group, r, fill, 1.0);
            }
        });
        let failed: Vec<(f64, f64)> = plan.failed().map(|s| frame.at(s.at.0, s.at.1)).collect();
        match failed.len() {
            0..=200 => failed.iter().for_each(|&at| cross(&mut frame.svg, at, FAIL)),
            _ => strokes(&mut frame.svg, &failed, FAIL),
        }
    }

    /// The line through the best so far, with the numbers of the trials where there is room.
    fn draw_best(&self, frame: &mut Frame, plan: &Plan) {
        let at: Vec<(f64, f64)> =
            plan.best.iter().map(|&i| frame.at(plan.spots[i].at.0, plan.spots[i].at.1)).collect();
        let Some((&last, before)) = at.split_last() else { return };
        let d = path(&at);
        frame.svg.path(&d, CARD, 3.4, r#"stroke-linejoin="round" stroke-opacity="0.8""#);
        frame.svg.path(&d, colour(1), 1.6, r#"stroke-linejoin="round""#);
        let ring = |fill: &str| format!(r#"stroke="{fill}" stroke-width="1.6""#);
        for &place in before.iter().rev().take(200) {
            frame.svg.dot(place, 3.4, "none", &ring(colour(1)));
        }
        frame.svg.dot(last, 7.0, "none", &ring(CARD).replace("1.6", "4"));
        frame.svg.dot(last, 7.0, "none", &ring(colour(1)).replace("1.6", "2.2"));
        let mut taken: Vec<Area> = at.iter().map(|&p| around(p, 3.0)).collect();
        taken.push(around(last, 8.0));
        let mut crowd: Vec<Area> = at.windows(2).flat_map(|pair| along(pair[0], pair[1])).collect();
        crowd.extend(plan.spots.iter().take(800).map(|s| around(frame.at(s.at.0, s.at.1), 3.0)));
        let inside = (frame.left + 2.0, frame.top + 1.0, frame.right - 2.0, frame.bottom - 2.0);
        for (k, (&i, &place)) in plan.best.iter().zip(&at).enumerate().rev() {
            let (newest, spot) = (k + 1 == at.len(), &plan.spots[i]);
            if !newest && k > 0 && at.len() - k > NUMBERS {
                continue;
            }
            let number = spot.point.number;
            let (text, font) = match spot.score.filter(|_| newest) {
                Some(value) => {
                    (format!("trial {number}: {}", score(value)), LABEL.bold().size(11.0))
                }
                None => (number.to_string(), LABEL.fill(INK)),
            };
            let (w, h) = (width(&text, font), font.size);
            let off = if newest { 10.0 } else { 5.5 };
            let (right, left, middle) = (place.0 + off, place.0 - w - off, place.0 - w / 2.0);
            let (level, over, under) = (place.1 + h / 2.0, place.1 - off, place.1 + h + off);
            let places = [
                (right, level),
                (left, level),
                (middle, over),
                (middle, under),
                (right, over),
                (left, over),
                (right, under),
                (left, under),
            ]
            .map(|(x, y)| (x, y - h, x + w, y + 2.0));
            let Some(area) = free(&places, inside, &taken, &crowd) else { continue };
            taken.push((area.0 - 3.0, area.1, area.2 + 3.0, area.3));
            frame.svg.halo((area.0, area.3 - 2.0), &text, font, Anchor::Start, w + 1.0);
        }
    }

    /// How long a distance is in the picture, below it.
    fn draw_length(&self, frame: &mut Frame, plan: &Plan) {
        let (lo, hi) = frame.x.ends();
        let whole = (hi - lo) * plan.unit;
        // A round number of about a sixth of the width.
        let Some((length, text)) = Scale::linear(0.0, whole, 5, false).ticks.into_iter().nth(1)
        else {
            return;
        };
        let wide = length / whole * (frame.right - frame.left);
        if !wide.is_finite() || !(4.0..WIDE).contains(&wide) {
            return;
        }
        let (x, y) = (frame.left, frame.bottom + 15.0);
        let d = path(&[(x, y - 4.0), (x, y), (x + wide, y), (x + wide, y - 4.0)]);
        frame.svg.path(&d, MUTED, 1.2, "");
        let says = format!("a distance of {text} in this picture");
        let from = x + wide + 8.0;
        frame.svg.text((from, y + 2.0), &says, Font::NOTE, Anchor::Start, WIDTH - 16.0 - from);
    }

    fn says(&self, spot: &Spot) -> String {
        let result = match (spot.score, spot.point.failed) {
            (_, true) => "failed".to_string(),
            (Some(value), _) => format!("{} {}", self.metric(), score(value)),
            (None, _) => "stopped early".to_string(),
        };
        format!("trial {}: {result}, {}", spot.point.number, spot.point.name)
    }

    fn describe(&self, plan: &Plan) -> String {
        let best = plan.best.iter().rev().take(8).map(|&i| {
            let spot = &plan.spots[i];
            format!("trial {} with {}", spot.point.number, score(spot.score.unwrap_or(f64::NAN)))
        });
        let best: Vec<String> = best.collect();
        format!(
            "{} ({}). {}. The best, the last first: {}",
            self.title(),
            direction(self.maximise),
            self.note(plan).replace('\n', ". "),
            best.join(", ")
        )
    }
}

/// Small areas along a line, which labels keep clear of.
fn along(a: (f64, f64), b: (f64, f64)) -> impl Iterator<Item = Area> {
    let steps = ((b.0 - a.0).hypot(b.1 - a.1) / 6.0).clamp(1.0, 80.0) as usize;
    let at = move |k: usize| k as f64 / steps as f64;
    (0..=steps).map(move |k| around((a.0 + (b.0 - a.0) * at(k), a.1 + (b.1 - a.1) * at(k)), 1.0))
}

/// `12,345 architectures`.
fn plural_of(n: usize, noun: &str) -> String {
    if n < 1000 { plural(n, noun) } else { format!("{} {noun}s", thousands(n as u128)) }
}

impl Draw for SearchMap {
    fn svg(&self) -> String {
        let Some(plan) = self.plan() else { return nothing(&self.title(), self.why_empty()) };
        let (note, legend) = (self.note(&plan), self.legend(&plan));
        let around = Around::new(self.title(), note, legend, "");
        let mut frame = Frame::tall(around, plan.x.clone(), plan.y.clone(), plan.high);
        let area = (frame.left, frame.top, frame.right - frame.left, frame.bottom - frame.top);
        frame.svg.rect(area, 2.0, "none", &format!(r#"stroke="{GRID}""#));
        self.draw_points(&mut frame, &plan);
        self.draw_best(&mut frame, &plan);
        self.draw_length(&mut frame, &plan);
        if plan.spots.len() <= 400 {
            for spot in &plan.spots {
                let at = frame.at(spot.at.0, spot.at.1);
                frame.svg.hover(at, 5.0, &self.says(spot));
            }
        }
        frame.height = frame.bottom + 32.0;
        frame.finish(&self.title(), &self.describe(&plan))
    }

    fn plain(&self) -> String {
        let title = fit(&format!("{} ({})", self.title(), direction(self.maximise)), COLUMNS);
        let Some(plan) = self.plan() else {
            return format!("{title}\nnothing to draw yet: {}\n", self.why_empty());
        };
        let mut canvas = Canvas::new(64, 18);
        let cell =
            |canvas: &Canvas, s: &Spot| canvas.cell((plan.x.unit(s.at.0), plan.y.unit(s.at.1)));
        plan.failed().for_each(|s| canvas.put(cell(&canvas, s), '×', false));
        plan.open().for_each(|s| canvas.put(cell(&canvas, s), '·', false));
        let mut scored: Vec<&Spot> = plan.spots.iter().filter(|s| s.score.is_some()).collect();
        let value = |s: &Spot| s.score.unwrap_or(f64::NAN);
        scored.sort_by(|a, b| value(a).total_cmp(&value(b)));
        if !self.maximise {
            scored.reverse();
        }
        for spot in scored {
            let mark = ['1', '2', '3', '4', '5', '6'][plan.sixth(value(spot), self.maximise)];
            canvas.put(cell(&canvas, spot), mark, true);
        }
        if let Some(&best) = plan.best.last() {
            canvas.put(cell(&canvas, &plan.spots[best]), '◆', true);
        }
        let plot = canvas.render(("", ""), ("", ""), &format!("{}s", self.distance()), &[]);
        let plot: String = plot.lines().map(|line| format!("{}\n", line.trim_end())).collect();
        let columns = ["new best", &capital(self.metric()), "architecture"].map(String::from);
        let row = |&i: &usize| {
            let spot = &plan.spots[i];
            let name = fit(&spot.point.name, 44);
            vec![format!("trial {}", spot.point.number), score(value(spot)), name]
        };
        let rows: Vec<Vec<String>> = plan.best.iter().rev().take(8).map(row).collect();
        let keys = "1 the worst sixth, 6 the best, ◆ the best of all, × failed";
        let note = fit(&self.note(&plan).replace('\n', "; "), COLUMNS);
        format!("{title}\n{note}\n{plot}{keys}\n\n{}", table(&columns, &rows))
    }
}

/// Ninety made-up architectures, in groups.
pub(super) fn example() -> SearchMap {
    let mut rng = crate::rng::Rng::from_u64(5);
    let centres = [(-1.6, 0.9), (0.3, -0.8), (1.5, 0.8)];
    let placed = |number: usize| {
        // First anywhere, then more and more near the good ones.
        let group = match number {
            0..30 => rng.below(3),
            _ => 1 + rng.below(2).max(rng.below(2)),
        };
        let (x, y) = centres[group];
        let (x, y) = (x + 0.45 * rng.normal(), y + 0.35 * rng.normal());
        let value = 0.93 - 0.02 * ((x - 1.7).powi(2) + (y - 0.9).powi(2)) + 0.004 * rng.normal();
        let failed = number % 29 == 17;
        Placed {
            number,
            x,
            y,
            score: (!failed).then_some(value),
            failed,
            name: format!("conv({}, 3)>linear(10)", 8 + number),
        }
    };
    SearchMap {
        metric: "accuracy".into(),
        maximise: true,
        distance: "Hamming distance".into(),
        shown: "placed by Hamming distance (rank correlation 0.83)".into(),
        points: (0..90).map(placed).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    #[test]
    fn the_line_leads_from_best_to_best() {
        let at = |number, score: f64| Placed { number, score: Some(score), ..Placed::default() };
        let mut points = vec![at(0, 0.5), at(1, 0.4), at(2, 0.6), at(3, 0.9), at(4, 0.9)];
        points[3].failed = true;
        let map = SearchMap { points, maximise: true, ..example() };
        assert_eq!(map.plan().unwrap().best, [0, 2, 4]);
        assert_eq!(SearchMap { maximise: false, ..map }.plan().unwrap().best, [0, 1]);
    }

    #[test]
    fn each_colour_has_a_sixth() {
        let at =
            |i: i32| Placed { x: f64::from(i), score: Some(f64::from(i)), ..Placed::default() };
        let map = SearchMap { points: (0..60).map(at).collect(), maximise: true, ..example() };
        let plan = map.plan().unwrap();
        let mut counts = [0; 6];
        (0..60).for_each(|i| counts[plan.sixth(f64::from(i), true)] += 1);
        assert!(counts.iter().all(|n| (9..=11).contains(n)), "{counts:?}");
        assert_eq!((plan.sixth(59.0, true), plan.sixth(59.0, false)), (5, 0));
    }

    #[test]
    fn both_ways_have_the_same_scale() {
        let at = |x, y| Placed { x, y, ..Placed::default() };
        let map = SearchMap { points: vec![at(0.0, 0.0), at(100.0, 1.0)], ..example() };
        let plan = map.plan().unwrap();
        let span = |s: &Scale| s.ends().1 - s.ends().0;
        assert!((span(&plan.x) / WIDE - span(&plan.y) / plan.high).abs() < 1e-12);
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let of = |points: &[(f64, f64)]| SearchMap {
            points: points
                .iter()
                .map(|&(x, y)| Placed { x, y, score: Some(x), ..Placed::default() })
                .collect(),
            ..example()
        };
        let long = "long & <name> ".repeat(20);
        let mut failed = example();
        failed.points.iter_mut().for_each(|p| (p.failed, p.score) = (true, None));
        let mut stopped = example();
        stopped.points.iter_mut().for_each(|p| p.score = None);
        let many =
            (0..20_000).map(|i| (f64::from(i % 173), f64::from(i % 251))).collect::<Vec<_>>();
        let rising: Vec<_> = (0..3000).map(|i| (f64::from(i), f64::from(i * 7 % 101))).collect();
        let cases = [
            SearchMap::default(),
            of(&[(f64::NAN, 1.0), (1.0, f64::INFINITY)]),
            of(&[(0.0, 0.0)]),
            of(&[(3.0, -2.0); 5]),
            of(&[(1e300, -1e300), (-1e300, 1e300), (0.0, 0.0)]),
            of(&[(1e-310, 0.0), (0.0, 5e-324)]),
            of(&[(f64::MAX, f64::MIN), (f64::MIN, f64::MAX)]),
            SearchMap { metric: long.clone(), distance: long.clone(), shown: long, ..example() },
            failed,
            stopped,
            SearchMap { maximise: false, ..of(&rising) },
            of(&rising),
            of(&many),
        ];
        cases.iter().for_each(check::chart);
        assert!(of(&many).svg().len() < 400_000, "{}", of(&many).svg().len());
    }
}
