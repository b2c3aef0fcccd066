//! A plane through the space of weights, coloured by what a network with these weights scores, and the
//! path that a search took on it. Contour lines join places of equal score: where they lie close
//! together, a small step of the weights changes much, and a search that ends there falls off when its
//! weights are rounded to a network.
//!
//! Between four neighbouring values the plane is filled by marching squares: the part of the square
//! above a level is bounded by straight lines between points interpolated on its sides.

use super::Draw;
use super::frontier::{Area, around, free};
use super::lines::{LABEL, path, remarks};
use super::plain::{COLUMNS, Canvas, fit, heading};
use super::plot::{AXIS, Frame, Scale, head, padded, range, share, x_axis, zoomed};
use super::svg::{Anchor, SHOWN, Svg, WIDTH, n, nothing};
use super::theme::{CARD, Font, GRID, INK, elide, width};
use crate::words::{direction, number, plural, score, usable};
use serde::{Deserialize, Serialize};

/// A metric over a plane, with a path on it.
///
/// ```
/// use nascent::chart::{Chart, Landscape};
/// let chart = Chart::new(Landscape {
///     metric: "accuracy".into(),
///     maximise: true,
///     x: "first direction".into(),
///     y: "second direction".into(),
///     xs: vec![-1.0, 0.0, 1.0],
///     ys: vec![-1.0, 1.0],
///     values: vec![vec![0.1, 0.5, 0.2], vec![0.4, 0.9, 0.6]],
///     path: vec![(-1.0, -1.0), (-0.5, 0.0), (0.0, 1.0)],
///     path_labels: ("start".into(), "end".into()),
///     ..Landscape::default()
/// });
/// assert!(chart.svg().contains(">end</text>") && chart.plain().contains("◆ end"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Landscape {
    /// What is shown: `supernet after 50 epochs, 21 × 21 points`.
    pub shown: String,
    /// What the horizontal axis is: `first direction`.
    pub x: String,
    /// What the vertical axis is.
    pub y: String,
    /// The name of the score that colours the plane.
    pub metric: String,
    /// Whether a higher score is better. What is better is darker.
    pub maximise: bool,
    /// The places of the columns on the horizontal axis.
    pub xs: Vec<f64>,
    /// The places of the rows on the vertical axis.
    pub ys: Vec<f64>,
    /// `values[row][column]` is the score at `ys[row]` and `xs[column]`. Where it is not finite, the
    /// plane stays grey.
    pub values: Vec<Vec<f64>>,
    /// The path of the search on the plane, from its start to its end.
    pub path: Vec<(f64, f64)>,
    /// What is written at the start and at the end of the path.
    pub path_labels: (String, String),
}

/// The worst in the first colour and the best in the last one: viridis, which rises evenly in darkness
/// for every kind of colour vision.
const SHADES: [&str; 13] = [
    "#F0E51D", "#C4E025", "#90D643", "#5FC860", "#39B777", "#22A485", "#21918C", "#287C8E",
    "#31678D", "#3B528A", "#433981", "#471E70", "#440154",
];
/// More rows or columns than this are thinned out.
const SIDE: usize = 64;
/// More pieces of squares than this, as in noise, and the plane is drawn value by value.
const PIECES: usize = 5000;
/// More points of the path than this are not drawn one by one.
const STEPS: usize = 60;
const HIGH: f64 = 250.0;
const TEXT: [char; 5] = [' ', '·', '░', '▒', '▓'];

/// The values that are drawn, in order of their places: shares of the range, `NaN` where there is none.
struct Grid {
    xs: Vec<f64>,
    ys: Vec<f64>,
    shares: Vec<Vec<f64>>,
    /// The ends of the colours, the levels between them, and their labels.
    lo: f64,
    hi: f64,
    levels: Vec<(f64, String)>,
    /// Values beyond the ends, and those that are not drawn at all.
    beyond: usize,
    thinned: bool,
}

/// The indices of places that can be drawn, in order of the places, at most [`SIDE`] of them.
fn order(places: &[f64]) -> (Vec<usize>, bool) {
    let mut all: Vec<usize> = (0..places.len()).filter(|i| usable(places[*i])).collect();
    all.sort_by(|&a, &b| places[a].total_cmp(&places[b]));
    all.dedup_by(|a, b| places[*a] == places[*b]);
    match all.len() <= SIDE {
        true => (all, false),
        false => ((0..SIDE).map(|i| all[i * (all.len() - 1) / (SIDE - 1)]).collect(), true),
    }
}

impl Landscape {
    fn metric(&self) -> &str {
        if self.metric.is_empty() { "score" } else { &self.metric }
    }

    fn title(&self) -> String {
        format!("Landscape of {}", self.metric())
    }

    fn names(&self) -> (&str, &str) {
        let (x, y) = (self.x.as_str(), self.y.as_str());
        let x = if x.is_empty() { "first direction" } else { x };
        (x, if y.is_empty() { "second direction" } else { y })
    }

    fn labels(&self) -> (&str, &str) {
        let (start, end) = (self.path_labels.0.as_str(), self.path_labels.1.as_str());
        (if start.is_empty() { "start" } else { start }, if end.is_empty() { "end" } else { end })
    }

    fn grid(&self) -> Option<Grid> {
        let ((columns, a), (rows, b)) = (order(&self.xs), order(&self.ys));
        let value = |row: usize, column: usize| {
            self.values.get(row).and_then(|r| r.get(column)).copied().unwrap_or(f64::NAN)
        };
        let values: Vec<Vec<f64>> =
            rows.iter().map(|&r| columns.iter().map(|&c| value(r, c)).collect()).collect();
        let all: Vec<f64> = values.iter().flatten().copied().filter(|v| usable(*v)).collect();
        if all.is_empty() {
            return None;
        }
        let (lo, hi) = range(&zoomed(all.clone(), self.maximise, 4.0));
        let beyond = all.iter().filter(|v| !(lo..=hi).contains(*v)).count();
        let levels = match lo < hi {
            true => Scale::linear(lo, hi, SHADES.len() - 2, false).ticks,
            false => vec![],
        };
        let inside = |l: &(f64, String)| lo < l.0 && l.0 < hi;
        let levels: Vec<_> = levels.into_iter().filter(inside).take(SHADES.len() - 1).collect();
        let unit = |v: f64| match usable(v) {
            true => share(v, (lo, hi)).clamp(0.0, 1.0),
            false => f64::NAN,
        };
        Some(Grid {
            xs: columns.iter().map(|&i| self.xs[i]).collect(),
            ys: rows.iter().map(|&i| self.ys[i]).collect(),
            shares: values.into_iter().map(|r| r.into_iter().map(unit).collect()).collect(),
            lo,
            hi,
            levels,
            beyond,
            thinned: a || b,
        })
    }

    /// The colour between two levels: the best is the darkest.
    fn shade(&self, band: usize, grid: &Grid) -> &'static str {
        let last = grid.levels.len();
        let band = if self.maximise { band } else { last - band.min(last) };
        match last {
            0 => SHADES[SHADES.len() / 2],
            _ => SHADES[band * (SHADES.len() - 1) / last],
        }
    }

    fn path(&self) -> Vec<(f64, f64)> {
        self.path.iter().copied().filter(|p| usable(p.0) && usable(p.1)).collect()
    }

    /// The axes: all of the plane, and the path if it does not lead far away from it.
    fn axes(grid: &Grid, path: &[(f64, f64)]) -> (Scale, Scale) {
        let scale = |places: &[f64], on: &mut dyn Iterator<Item = f64>| {
            let (lo, hi) = padded(places, 0.0, 0.0);
            let ((from, to), mut ends) = (padded(places, 0.3, 0.3), vec![lo, hi]);
            ends.extend(on.filter(|v| (from..=to).contains(v)));
            let (lo, hi) = range(&ends);
            Scale::linear(lo, hi, 6, false)
        };
        let x = scale(&grid.xs, &mut path.iter().map(|p| p.0));
        (x, scale(&grid.ys, &mut path.iter().map(|p| p.1)))
    }

    fn note(&self, grid: &Grid) -> String {
        let beyond = match grid.beyond {
            0 => String::new(),
            n => format!("{} beyond the colours", plural(n, "value")),
        };
        let thinned = if grid.thinned { "not all rows and columns drawn" } else { "" };
        remarks(&[&self.shown, direction(self.maximise), &beyond, thinned])
    }

    /// The best value with its place.
    fn best(&self, grid: &Grid) -> Option<(f64, f64, f64)> {
        let cells = grid
            .shares
            .iter()
            .enumerate()
            .flat_map(|(r, row)| row.iter().enumerate().map(move |(c, v)| (*v, r, c)));
        let cells = cells.filter(|c| usable(c.0));
        let turned = |v: f64| if self.maximise { v } else { -v };
        let (v, r, c) = cells.max_by(|a, b| turned(a.0).total_cmp(&turned(b.0)))?;
        Some((grid.xs[c], grid.ys[r], grid.value(v)))
    }

    fn describe(&self, grid: &Grid) -> String {
        let (x, y) = self.names();
        let at = |(x, y): (f64, f64)| format!("({}, {})", number(x), number(y));
        let best =
            self.best(grid).map(|(x, y, v)| format!("The best, {}, at {}", score(v), at((x, y))));
        let path = self.path();
        let ends = path.first().zip(path.last());
        let labels = self.labels();
        let walked = ends.map_or(String::new(), |(a, b)| {
            format!(". The path from {} {} to {} {}", labels.0, at(*a), labels.1, at(*b))
        });
        let (title, shown) = (self.title(), &self.shown);
        format!(
            "{title} over {x} and {y} ({}; {shown}), from {} to {}. {}{walked}",
            direction(self.maximise),
            score(grid.lo),
            score(grid.hi),
            best.unwrap_or_default()
        )
    }
}

/// The places between which a value holds that is drawn by itself: halfway to its neighbours.
fn edges(places: &[f64]) -> Vec<f64> {
    let n = places.len();
    let between = |i: usize| places[i - 1] / 2.0 + places[i] / 2.0;
    (0..=n)
        .map(|i| match i {
            0 => places[0],
            i if i == n => places[n - 1],
            i => between(i),
        })
        .collect()
}

impl Grid {
    fn value(&self, share: f64) -> f64 {
        // Halves, because the whole range may overflow.
        self.lo + 2.0 * (share * (self.hi / 2.0 - self.lo / 2.0))
    }

    /// The levels as shares of the range.
    fn cuts(&self) -> Vec<f64> {
        self.levels.iter().map(|l| share(l.0, (self.lo, self.hi))).collect()
    }

    /// Whether squares between four values can be drawn.
    fn has_squares(&self) -> bool {
        let full = |r: usize, c: usize| self.square(r, c).is_some();
        let (rows, columns) = (self.ys.len(), self.xs.len());
        (1..rows).any(|r| (1..columns).any(|c| full(r - 1, c - 1)))
    }

    /// The values at the corners of a square, around it.
    fn square(&self, r: usize, c: usize) -> Option<[f64; 4]> {
        let s = &self.shares;
        let all = [s[r][c], s[r][c + 1], s[r + 1][c + 1], s[r + 1][c]];
        all.iter().all(|v| v.is_finite()).then_some(all)
    }

    /// How many squares are cut by levels.
    fn pieces(&self, cuts: &[f64]) -> usize {
        let mut count = 0;
        for r in 1..self.ys.len() {
            for c in 1..self.xs.len() {
                let Some(corners) = self.square(r - 1, c - 1) else { continue };
                let (lo, hi) = range(&corners);
                count += cuts.iter().filter(|cut| lo < **cut && **cut <= hi).count();
            }
        }
        count
    }

    /// The part of the plane at or above a level as a path, and the line along its edge.
    fn above(&self, cut: f64, at: &dyn Fn(f64, f64) -> (f64, f64)) -> (String, String) {
        let (mut area, mut line) = (String::new(), String::new());
        let corner = |r: usize, c: usize| at(self.xs[c], self.ys[r]);
        let point = |p: (f64, f64)| format!("{} {}", n(p.0), n(p.1));
        for r in 1..self.ys.len() {
            // Squares wholly above the level, side by side, are one rectangle.
            let mut run: Option<usize> = None;
            for c in 1..=self.xs.len() {
                let corners = match c < self.xs.len() {
                    true => self.square(r - 1, c - 1),
                    false => None,
                };
                let whole = corners.is_some_and(|v| v.iter().all(|v| *v >= cut));
                if whole && run.is_none() {
                    run = Some(c - 1);
                }
                if let Some(from) = run.take_if(|_| !whole) {
                    let (a, b) = (corner(r - 1, from), corner(r, c - 1));
                    area += &format!("M{}H{}V{}H{}Z", point(a), n(b.0), n(b.1), n(a.0));
                }
                let Some(values) = corners.filter(|v| !whole && v.iter().any(|v| *v >= cut)) else {
                    continue;
                };
                let places =
                    [corner(r - 1, c - 1), corner(r - 1, c), corner(r, c), corner(r, c - 1)];
                // The corners above the level and the cuts between; whether the part ends at a cut.
                let mut round: Vec<((f64, f64), bool)> = vec![];
                for i in 0..4 {
                    let (j, (a, b)) = ((i + 1) % 4, (values[i], values[(i + 1) % 4]));
                    if a >= cut {
                        round.push((places[i], false));
                    }
                    if (a >= cut) != (b >= cut) {
                        let t = ((cut - a) / (b - a)).clamp(0.0, 1.0);
                        let mix = |a: f64, b: f64| a + t * (b - a);
                        let (p, q) = (places[i], places[j]);
                        round.push(((mix(p.0, q.0), mix(p.1, q.1)), a >= cut));
                    }
                }
                for (i, (p, ends)) in round.iter().enumerate() {
                    area += &format!("{}{}", if i == 0 { "M" } else { "L" }, point(*p));
                    if *ends {
                        let next = round[(i + 1) % round.len()].0;
                        line += &format!("M{}L{}", point(*p), point(next));
                    }
                }
                area += "Z";
            }
        }
        (area, line)
    }
}

impl Landscape {
    /// The plane: filled between levels, or value by value.
    fn draw_plane(&self, frame: &mut Frame, grid: &Grid) {
        let cuts = grid.cuts();
        let (x, y) = (frame.x.clone(), frame.y.clone());
        let (left, top) = (frame.left, frame.top);
        let (w, h) = (frame.right - left, frame.bottom - top);
        let at = |px: f64, py: f64| (left + x.unit(px) * w, top + (1.0 - y.unit(py)) * h);
        let seam = |fill: &str| format!(r#"stroke="{fill}" stroke-width="0.6""#);
        let mut part = Svg::default();
        if grid.has_squares() && grid.pieces(&cuts) <= PIECES {
            let mut lines = String::new();
            for (band, cut) in [f64::NEG_INFINITY].iter().chain(&cuts).enumerate() {
                let (area, line) = grid.above(*cut, &at);
                let fill = self.shade(band, grid);
                if !area.is_empty() {
                    part.area(&area, fill, &seam(fill));
                }
                lines += &line;
            }
            if !lines.is_empty() {
                part.path(&lines, CARD, 0.7, r#"stroke-opacity="0.55""#);
            }
        } else {
            let mut areas = vec![String::new(); cuts.len() + 1];
            let (across, up) = (edges(&grid.xs), edges(&grid.ys));
            for (r, row) in grid.shares.iter().enumerate() {
                let band =
                    |v: f64| v.is_finite().then(|| cuts.iter().filter(|cut| v >= **cut).count());
                let mut c = 0;
                for run in row.chunk_by(|a, b| band(*a) == band(*b)) {
                    let (from, to) = (c, c + run.len());
                    c = to;
                    let Some(band) = band(run[0]) else { continue };
                    let (mut a, mut b) = (at(across[from], up[r]), at(across[to], up[r + 1]));
                    // One row or column alone is as wide as the plane.
                    if grid.xs.len() == 1 {
                        (a.0, b.0) = (left, left + w);
                    }
                    if grid.ys.len() == 1 {
                        (a.1, b.1) = (top + h, top);
                    }
                    areas[band] +=
                        &format!("M{} {}H{}V{}H{}Z", n(a.0), n(a.1), n(b.0), n(b.1), n(a.0));
                }
            }
            for (band, area) in areas.iter().enumerate().filter(|a| !a.1.is_empty()) {
                let fill = self.shade(band, grid);
                part.area(area, fill, &seam(fill));
            }
        }
        frame.inside(|svg| *svg = part);
    }

    /// The colours with the levels between them.
    fn colour_bar(&self, svg: &mut Svg, grid: &Grid, y: f64) {
        let font = Font::NOTE;
        let bands = grid.levels.len() + 1;
        let (lo, hi) = (score(grid.lo), score(grid.hi));
        let wide = (130.0 / bands as f64).min(15.0);
        let mut x = 16.0;
        if bands > 1 {
            svg.text((x, y), &lo, font, Anchor::Start, 90.0);
            x += width(&lo, font).min(90.0) + 6.0;
        }
        for band in 0..bands {
            svg.rect((x, y - 9.0, wide, 10.0), 0.0, self.shade(band, grid), "");
            x += wide;
        }
        let every = match grid.levels.as_slice() {
            [a, b, ..] if bands > 2 => format!(", in steps of {}", number(b.0 - a.0)),
            _ => String::new(),
        };
        let room = WIDTH - 16.0 - x - 6.0;
        let whole = format!("{hi}  {}{every}", self.metric());
        let fits = width(&whole, font) <= room;
        let text = if fits { whole } else { format!("{hi}  {}", self.metric()) };
        svg.text((x + 6.0, y), &text, font, Anchor::Start, room);
    }

    fn draw_path(&self, frame: &mut Frame) {
        let all = self.path();
        let (Some(&first), Some(&last)) = (all.first(), all.last()) else { return };
        let points: Vec<(f64, f64)> = all.iter().map(|p| frame.at(p.0, p.1)).collect();
        let d = path(&near(&points));
        let dots = points.len() <= STEPS;
        frame.inside(|svg| {
            if points.len() > 1 {
                let round = r#"stroke-linejoin="round" stroke-linecap="round""#;
                svg.path(&d, INK, 3.8, round);
                svg.path(&d, CARD, 1.9, round);
            }
            for p in points.iter().filter(|_| dots) {
                svg.dot(*p, 1.9, CARD, &format!(r#"stroke="{INK}" stroke-width="1""#));
            }
        });
        let shows = |frame: &Frame, p: (f64, f64)| {
            (0.0..=1.0).contains(&frame.x.unit(p.0)) && frame.shows(p.1)
        };
        let crowd: Vec<Area> =
            points.iter().step_by(points.len().div_ceil(200)).map(|p| around(*p, 2.0)).collect();
        let (start, end) = self.labels();
        let mut taken: Vec<Area> = [first, last].map(|p| around(frame.at(p.0, p.1), 5.5)).to_vec();
        let ends = [(end, last, true), (start, first, false)];
        for (name, p, is_end) in ends.into_iter().take(if all.len() > 1 { 2 } else { 1 }) {
            if !shows(frame, p) {
                continue;
            }
            let at = frame.at(p.0, p.1);
            let look = format!(r#"stroke="{INK}" stroke-width="1.6""#);
            frame.svg.dot(at, 4.6, if is_end { END } else { CARD }, &look);
            frame.svg.hover(at, 7.0, &format!("{name}: {}, {}", number(p.0), number(p.1)));
            let font = LABEL.bold();
            let text = elide(name, font, 150.0);
            if text.trim().is_empty() {
                continue;
            }
            let w = width(&text, font);
            let places = beside(at, w, font.size);
            let inside = (frame.left + 1.0, frame.top + 1.0, frame.right - 1.0, frame.bottom - 1.0);
            let Some(area) = free(&places, inside, &taken, &crowd) else { continue };
            taken.push(area);
            let card = (area.0, area.1, area.2 - area.0, area.3 - area.1);
            frame.svg.rect(card, 3.0, CARD, r#"fill-opacity="0.88""#);
            frame.svg.text((area.0 + 4.0, area.3 - 4.0), &text, font, Anchor::Start, w + 1.0);
        }
    }
}

/// Where a text of this width and height may be written beside the mark of a point: the text with a margin.
pub(super) fn beside((x, y): (f64, f64), w: f64, h: f64) -> [Area; 8] {
    let (right, left, middle) = (x + 11.0, x - w - 11.0, x - w / 2.0);
    let (level, below, above) = (y + h / 2.0 - 1.0, y + h + 9.0, y - 10.0);
    [
        (right, level),
        (left, level),
        (middle, below),
        (middle, above),
        (right, below),
        (left, below),
        (right, above),
        (left, above),
    ]
    .map(|(x, y)| (x - 4.0, y - h - 1.0, x + w + 4.0, y + 3.0))
}

/// The end of the path.
const END: &str = "#D55E00";

/// Points of a path without those closer than a pixel to the one before.
fn near(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = vec![];
    let gap = if points.len() > 2000 { 2.5 } else { 0.6 };
    for (i, p) in points.iter().enumerate() {
        let far = |k: &(f64, f64)| (p.0 - k.0).abs().max((p.1 - k.1).abs()) >= gap;
        if i + 1 == points.len() || kept.last().is_none_or(far) {
            kept.push(*p);
        }
    }
    let every = kept.len().div_ceil(4000).max(1);
    let last = kept.len().saturating_sub(1);
    let kept = kept.into_iter().enumerate().filter(|(i, _)| i % every == 0 || *i == last);
    kept.map(|k| k.1).collect()
}

const WHY: &str = "no place on the plane has a score";

impl Draw for Landscape {
    fn svg(&self) -> String {
        let title = self.title();
        let Some(grid) = self.grid() else { return nothing(&title, WHY) };
        let path = self.path();
        let (x, y) = Self::axes(&grid, &path);
        let mut svg = Svg::default();
        let end = head(&mut svg, &title, &self.note(&grid));
        self.colour_bar(&mut svg, &grid, end + 2.0);
        let labels = y.ticks.iter().map(|t| width(&t.1, Font::NOTE)).fold(0.0, f64::max);
        let (left, right) = (22.0 + labels.min(110.0), WIDTH - 18.0);
        let (x_name, y_name) = self.names();
        let top = end + 30.0;
        svg.text(
            (16.0, top - 8.0),
            &format!("↑ {y_name}"),
            Font::NOTE,
            Anchor::Start,
            right - 16.0,
        );
        let x = x.thin(right - left);
        let area = (left, top, right, top + HIGH);
        svg.rect((left, top, right - left, HIGH), 0.0, GRID, "");
        let mut frame = Frame::within(svg, area, x, y);
        self.draw_plane(&mut frame, &grid);
        frame.svg.line((left, top), (left, area.3), AXIS, 1.0);
        let (scale, bottom) = (frame.x.clone(), area.3);
        x_axis(&mut frame.svg, &scale, (left, right), bottom, &format!("{x_name} →"));
        self.draw_path(&mut frame);
        frame.svg.finish((WIDTH, bottom + 46.0), SHOWN, &title, &self.describe(&grid))
    }

    fn plain(&self) -> String {
        let title = fit(&format!("{} ({})", self.title(), direction(self.maximise)), COLUMNS);
        let Some(grid) = self.grid() else {
            return format!("{title}\nnothing to draw yet: {WHY}\n");
        };
        let path = self.path();
        let (x, y) = Self::axes(&grid, &path);
        let (wide, high) = (56, 16);
        let mut canvas = Canvas::new(wide, high);
        // Each character has the colour of the nearest value.
        let nearest = |places: &[f64], scale: &Scale, unit: f64| {
            let off = |v: f64| (scale.unit(v) - unit).abs();
            (0..places.len()).min_by(|&a, &b| off(places[a]).total_cmp(&off(places[b])))
        };
        let columns: Vec<_> =
            (0..wide).map(|c| nearest(&grid.xs, &x, c as f64 / (wide - 1) as f64)).collect();
        for row in 0..high {
            let unit = 1.0 - row as f64 / (high - 1) as f64;
            let Some(r) = nearest(&grid.ys, &y, unit) else { continue };
            for (column, c) in columns.iter().enumerate() {
                let Some(v) = c.map(|c| grid.shares[r][c]).filter(|v| v.is_finite()) else {
                    canvas.put((column, row), '?', true);
                    continue;
                };
                let v = if self.maximise { v } else { 1.0 - v };
                let step = ((v * TEXT.len() as f64) as usize).min(TEXT.len() - 1);
                canvas.put((column, row), TEXT[step], true);
            }
        }
        let place = |p: &(f64, f64)| (x.unit(p.0), y.unit(p.1));
        let inside = |p: &&(f64, f64)| {
            let (a, b) = place(p);
            (0.0..=1.0).contains(&a) && (0.0..=1.0).contains(&b)
        };
        for p in path.iter().filter(inside) {
            canvas.put(canvas.cell(place(p)), '•', true);
        }
        let ends = [(path.first(), '◇'), (path.last(), '◆')];
        for (p, mark) in ends.into_iter().filter_map(|(p, mark)| Some((p.filter(inside)?, mark))) {
            canvas.put(canvas.cell(place(p)), mark, true);
        }
        let ((x0, x1), (y0, y1)) = (x.ends(), y.ends());
        let [x0, x1, y0, y1] = [x0, x1, y0, y1].map(number);
        let (x_name, y_name) = self.names();
        let mut out = heading(&title, &self.shown);
        out += &(fit(&format!("↑ {y_name}"), COLUMNS) + "\n");
        out += &canvas.render((&y0, &y1), (&x0, &x1), &format!("{x_name} →"), &[]);
        let (worst, best) = match self.maximise {
            true => (grid.lo, grid.hi),
            false => (grid.hi, grid.lo),
        };
        let bar: String = TEXT.iter().skip(1).collect();
        let known = grid.shares.iter().flatten().all(|v| v.is_finite());
        let unknown = if known { "" } else { "? without a score, " };
        let (worst, best) = (score(worst), score(best));
        let said = format!("{unknown}blank{bar} {}: {worst} to {best}", self.metric());
        out += &(fit(&said, COLUMNS) + "\n");
        if !path.is_empty() {
            let (start, end) = self.labels();
            let said = format!("◇ {}, ◆ {}", fit(start, 30), fit(end, 30));
            out += &(fit(&said, COLUMNS) + "\n");
        }
        out
    }
}

/// The accuracy around a made-up search, which climbs to a ridge and over its edge.
pub(super) fn example() -> Landscape {
    let places: Vec<f64> = (0..25).map(|i| f64::from(i) / 8.0 - 1.5).collect();
    let at = |x: f64, y: f64| {
        let hill = 0.34 * (-((x - 0.35).powi(2) / 0.9 + (y - 0.25 * x - 0.1).powi(2) / 0.45)).exp();
        let cliff = 0.22 / (1.0 + ((x - 0.95 + 0.3 * y) * 7.0).exp());
        0.34 + hill + cliff + 0.015 * (3.1 * x).sin() * (2.3 * y).cos()
    };
    let step = |i: i32| {
        let t = f64::from(i) / 24.0;
        let x = -1.25 + 2.35 * t + 0.05 * (9.0 * t).sin();
        (x, -1.0 + 1.7 * (1.0 - (1.0 - t).powi(2)) - 0.5 * t * t + 0.06 * (14.0 * t).cos())
    };
    Landscape {
        shown: "DARTS, weights of the supernet after 50 epochs, 25 × 25 points".into(),
        x: "from the start to the end of the search".into(),
        y: "main direction of the rest".into(),
        metric: "accuracy".into(),
        maximise: true,
        values: places.iter().map(|y| places.iter().map(|x| at(*x, *y)).collect()).collect(),
        xs: places.clone(),
        ys: places,
        path: (0..=24).map(step).collect(),
        path_labels: ("epoch 1".into(), "epoch 50".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn of(xs: &[f64], ys: &[f64], values: &[&[f64]]) -> Landscape {
        let values = values.iter().map(|r| r.to_vec()).collect();
        Landscape { xs: xs.to_vec(), ys: ys.to_vec(), values, ..example() }
    }

    #[test]
    fn what_lies_above_a_level_is_cut_out_of_the_squares() {
        let at = |x: f64, y: f64| (x, y);
        let chart = of(&[0.0, 10.0], &[0.0, 10.0], &[&[0.0, 1.0], &[0.0, 1.0]]);
        let grid = chart.grid().unwrap();
        let (area, line) = grid.above(0.5, &at);
        assert_eq!((area.as_str(), line.as_str()), ("M5 0L10 0L10 10L5 10Z", "M5 10L5 0"));
        assert_eq!(grid.above(0.0, &at).0, "M0 0H10V10H0Z");
        // A corner that has no value: nothing is known of the square.
        let chart = of(&[0.0, 10.0], &[0.0, 10.0], &[&[0.0, 1.0], &[f64::NAN, 1.0]]);
        assert!(!chart.grid().unwrap().has_squares());
    }

    #[test]
    fn contours_of_corners_and_saddles() {
        let at = |x: f64, y: f64| (x, y);
        let lines = |values: &[&[f64]]| {
            let line = of(&[0.0, 10.0], &[0.0, 10.0], values).grid().unwrap().above(0.5, &at).1;
            line.split('M').skip(1).map(String::from).collect::<Vec<_>>()
        };
        assert_eq!(lines(&[&[1.0, 0.0], &[0.0, 0.0]]), ["5 0L0 5"]);
        assert_eq!(lines(&[&[0.0, 1.0], &[1.0, 1.0]]), ["0 5L5 0"]);
        assert_eq!(lines(&[&[1.0, 0.0], &[0.0, 1.0]]), ["5 0L10 5", "5 10L0 5"]);
    }

    #[test]
    fn rows_and_columns_are_drawn_in_order_of_their_places() {
        let chart = of(&[2.0, 1.0, f64::NAN], &[0.0], &[&[0.2, 0.1, 0.9]]);
        let grid = chart.grid().unwrap();
        assert_eq!((grid.xs, grid.shares), (vec![1.0, 2.0], vec![vec![0.0, 1.0]]));
    }

    #[test]
    fn the_best_is_dark() {
        let dark = |chart: &Landscape, band: usize| chart.shade(band, &chart.grid().unwrap());
        let chart = example();
        let last = chart.grid().unwrap().levels.len();
        assert_eq!((dark(&chart, 0), dark(&chart, last)), (SHADES[0], SHADES[12]));
        let chart = Landscape { maximise: false, ..chart };
        assert_eq!((dark(&chart, 0), dark(&chart, last)), (SHADES[12], SHADES[0]));
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let long = "a very long name & ".repeat(12);
        let line: Vec<f64> = (0..320).map(f64::from).collect();
        let noise = |r: usize| (0..320).map(|c| ((r * 7919 + c * 104_729) % 1000) as f64).collect();
        let noisy = Landscape {
            xs: line.clone(),
            ys: line.clone(),
            values: (0..320).map(noise).collect(),
            ..example()
        };
        let walk = (0..100_000).map(|i| (f64::from(i * 7919 % 1000) / 500.0 - 1.0, 0.3)).collect();
        let many: Vec<f64> = (0..100_000).map(f64::from).collect();
        let cases = [
            Landscape::default(),
            of(&[], &[], &[]),
            of(&[0.0], &[0.0], &[&[0.5]]),
            of(&[0.0, 1.0], &[0.0], &[&[0.5, 0.7]]),
            of(&[0.0], &[0.0, 1.0, 2.0], &[&[0.5], &[0.1], &[f64::NAN]]),
            of(&[0.0, 1.0], &[0.0, 1.0], &[&[0.5, 0.5], &[0.5, 0.5]]),
            of(&[0.0, 1.0], &[0.0, 1.0], &[&[f64::NAN, f64::INFINITY], &[]]),
            of(&[0.0, 1.0], &[0.0, 1.0], &[&[f64::MAX, f64::MIN], &[0.0, 1e300]]),
            of(&[-1e300, 1e300], &[0.0, 5e-324], &[&[1.0, 2.0], &[3.0, 4.0]]),
            of(&[f64::NAN, 1.0], &[f64::INFINITY], &[&[1.0, 2.0], &[3.0, 4.0]]),
            of(&many, &[0.0, 1.0], &[&many, &many]),
            Landscape { maximise: false, ..noisy.clone() },
            noisy,
            Landscape { path: walk, ..example() },
            Landscape { path: vec![], ..example() },
            Landscape { path: vec![(0.1, 0.1)], ..example() },
            Landscape { path: vec![(0.1, f64::NAN), (1e300, -1e300), (0.0, 0.0)], ..example() },
            Landscape {
                shown: long.clone(),
                x: long.clone(),
                y: long.clone(),
                metric: long.clone(),
                path_labels: (long.clone(), long),
                ..example()
            },
        ];
        cases.iter().for_each(check::chart);
        for case in &cases {
            assert!(case.svg().len() < 300_000, "{}", case.svg().len());
        }
    }
}
