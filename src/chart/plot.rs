//! Axes. A [`Scale`] maps numbers to a side of the picture and knows its ticks; a [`Frame`] lays
//! out title, legend, grid and labels, then lends a pen to draw inside it.
//!
//! plotters draws the lines and points of the data. It only guesses how wide a text is, so our own
//! writer sets all text. plotters also rounds to whole pixels, so the data are drawn at four times
//! their size and scaled down, in an inner `<svg>`, which clips without needing an id.

use super::svg::{Anchor, SHOWN, Svg, WIDTH, n};
use super::theme::{CARD, Font, GRID, score, width, wrap};
use crate::words::{human_count, thousands, trim, usable};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Height of the part with the data.
const PLOT_HEIGHT: f64 = 172.0;
/// How much larger plotters draws.
const FINE: f64 = 4.0;

/// One axis: its range and its labelled ticks.
#[derive(Clone, Debug)]
pub(crate) struct Scale {
    /// The ends as they are drawn: divided by `part`, or as logarithms.
    lo: f64,
    hi: f64,
    log: bool,
    /// A power of ten by which numbers close to the limits of `f64` are divided, so that the difference
    /// of two does not overflow; 1 for all others.
    part: f64,
    /// Position and label, in order.
    pub ticks: Vec<(f64, String)>,
}

impl Scale {
    /// A linear axis over a range, with about `n` ticks; `whole` keeps them to whole numbers.
    pub fn linear(lo: f64, hi: f64, n: usize, whole: bool) -> Scale {
        let part = part_of(lo, hi);
        let (lo, hi) = open(lo / part, hi / part);
        let step = nice_step((hi - lo) / n.max(1) as f64);
        let step = match whole {
            true if step > 2.0 && step < 5.0 => 5.0,
            true => step.max(1.0).round(),
            false => step,
        };
        let first = (lo / step).ceil();
        let mut ticks: Vec<(f64, String)> = (0..4 * n.max(1) + 8)
            .map(|i| (first + i as f64) * step)
            .take_while(|&v| v <= hi + step * 1e-9)
            .map(|v| (v * part, tick(v, step, lo.abs().max(hi.abs()), part)))
            .filter(|tick| tick.0.is_finite())
            .collect();
        // Close to the least number there is, several are the same.
        ticks.dedup_by_key(|tick| tick.0);
        Scale { lo, hi, log: false, part, ticks }
    }

    /// A logarithmic axis over a positive range: ticks at 1, 2, 5 or 1, 3 or 1 of each decade.
    pub fn log(lo: f64, hi: f64, n: usize) -> Scale {
        let logarithm = |v: f64| v.max(f64::MIN_POSITIVE).log10();
        let (lo, hi) = open(logarithm(lo), logarithm(hi));
        let within = |steps: &[f64], every: i32| -> Vec<(f64, String)> {
            (lo.floor() as i32..=hi.ceil() as i32)
                .filter(|decade| decade.rem_euclid(every) == 0)
                .flat_map(|decade| steps.iter().map(move |s| s * 10f64.powi(decade)))
                .filter(|v| v.is_finite() && (lo..=hi).contains(&v.log10()))
                .map(|v| (v, tick_label(v, v, f64::MAX)))
                .collect()
        };
        let every = ((hi - lo) / n.max(1) as f64).ceil().max(1.0) as i32;
        let choices = [within(&[1.0, 2.0, 5.0], 1), within(&[1.0, 3.0], 1), within(&[1.0], every)];
        let last = choices[2].clone();
        let ticks = choices.into_iter().find(|t| t.len() <= n + 1).unwrap_or(last);
        Scale { lo, hi, log: true, part: 1.0, ticks }
    }

    /// The same axis, with ticks only between two values.
    pub fn only(mut self, lo: f64, hi: f64) -> Scale {
        self.ticks.retain(|t| (lo..=hi).contains(&t.0));
        self
    }

    /// The same axis, with ticks at these whole numbers.
    pub fn at(mut self, values: &[f64]) -> Scale {
        self.ticks = values.iter().map(|&v| (v, thousands(v.max(0.0) as u128))).collect();
        self
    }

    /// The values at its ends.
    pub fn ends(&self) -> (f64, f64) {
        let back = |v: f64| if self.log { 10f64.powf(v) } else { v * self.part };
        let inside = |v: f64| back(v).clamp(f64::MIN, f64::MAX);
        (inside(self.lo), inside(self.hi))
    }

    pub fn is_log(&self) -> bool {
        self.log
    }

    /// A value as it is drawn.
    fn place(&self, v: f64) -> f64 {
        if self.log { v.max(f64::MIN_POSITIVE).log10() } else { v / self.part }
    }

    /// Where a value lies: 0 and 1 at the ends.
    pub fn unit(&self, v: f64) -> f64 {
        ((self.place(v) - self.lo) / (self.hi - self.lo)).clamp(-10.0, 10.0)
    }

    /// The same axis with fewer labels, so few that they do not touch within `room` pixels.
    pub fn thin(mut self, room: f64) -> Scale {
        let crowded = |ticks: &[(f64, String)]| {
            ticks.windows(2).any(|pair| {
                let apart = (self.unit(pair[1].0) - self.unit(pair[0].0)) * room;
                let half = |i: usize| width(&pair[i].1, Font::NOTE) / 2.0;
                apart < half(0) + half(1) + 8.0
            })
        };
        let mut ticks = self.ticks.clone();
        while ticks.len() > 2 && crowded(&ticks) {
            let mut keep = false;
            ticks.retain(|_| {
                keep = !keep;
                keep
            });
        }
        self.ticks = ticks;
        self
    }
}

/// The [`Scale::part`] of an axis with these ends.
fn part_of(lo: f64, hi: f64) -> f64 {
    let most = lo.abs().max(hi.abs());
    let far = most.is_finite() && most > 0.0 && !(1e-100..1e100).contains(&most);
    if far { 10f64.powi((most.log10().floor() as i32).max(-300)) } else { 1.0 }
}

/// The label of a tick that stands for `v` times `part`.
fn tick(v: f64, step: f64, most: f64, part: f64) -> String {
    match part == 1.0 || v.abs() < step * 1e-6 {
        true => tick_label(v, step, most),
        false => {
            let digits = (-step.log10().floor()).clamp(0.0, 6.0) as usize;
            format!("{:.digits$e}", v * part)
        }
    }
}

/// Where a value lies between two others: 0 and 1 at these, and 0.5 if they are equal.
pub(crate) fn share(v: f64, (lo, hi): (f64, f64)) -> f64 {
    let part = part_of(lo, hi);
    if hi > lo { (v / part - lo / part) / (hi / part - lo / part) } else { 0.5 }
}

/// The range of two ends in any order, widened if it is empty.
fn open(lo: f64, hi: f64) -> (f64, f64) {
    let (lo, hi) = if lo <= hi { (lo, hi) } else { (hi, lo) };
    if !usable(lo) || !usable(hi) {
        return (0.0, 1.0);
    }
    let most = lo.abs().max(hi.abs());
    let least = if most > 0.0 { most * 1e-9 } else { 1e-12 };
    if hi - lo > least { (lo, hi) } else { (lo - least, hi + least) }
}

/// The least and the greatest value; without values, infinity and minus infinity.
pub(crate) fn range(values: &[f64]) -> (f64, f64) {
    let (lo, hi) = (f64::INFINITY, f64::NEG_INFINITY);
    values.iter().fold((lo, hi), |(lo, hi), &v| (lo.min(v), hi.max(v)))
}

/// The range of the values with a margin below and above, as shares of the range.
pub(crate) fn padded(values: &[f64], below: f64, above: f64) -> (f64, f64) {
    let (lo, hi) = range(values);
    if lo > hi {
        return (0.0, 1.0);
    }
    // Halves, because the whole range may overflow.
    let (half, within) = (hi / 2.0 - lo / 2.0, |v: f64| v.clamp(f64::MIN, f64::MAX));
    if half <= lo.abs().max(hi.abs()) * 0.5e-9 {
        let around = if hi == 0.0 { 1.0 } else { hi.abs() * 0.05 };
        return (within(lo - around), within(hi + around));
    }
    (within(lo - 2.0 * (half * below)), within(hi + 2.0 * (half * above)))
}

/// The values worth showing. Those more than `reach` times as far from the median as the best one
/// would squeeze everything else together and are left out.
pub(crate) fn zoomed(mut values: Vec<f64>, maximise: bool, reach: f64) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    if !maximise {
        values.reverse();
    }
    let (Some(&best), Some(&middle)) = (values.last(), values.get(values.len() / 2)) else {
        return values;
    };
    // Eighths, so that no difference overflows.
    let distance = |v: f64| (v / 8.0 - middle / 8.0).abs();
    let far = distance(best) * reach;
    if far > 0.0 {
        values.retain(|v| distance(*v) <= far);
    }
    values
}

/// The next larger of 1, 2, 2.5 or 5 times a power of ten.
fn nice_step(rough: f64) -> f64 {
    let decade = 10f64.powf(rough.max(1e-300).log10().floor());
    let part = rough / decade;
    decade * [1.0, 2.0, 2.5, 5.0].into_iter().find(|s| part <= s * 1.0001).unwrap_or(10.0)
}

/// A tick's label, with the digits that its step needs; `most` is the largest value of its axis.
fn tick_label(v: f64, step: f64, most: f64) -> String {
    if v.abs() < step * 1e-6 {
        return "0".into();
    }
    if most >= 1e4 && v.abs() >= 1e3 && step >= 10.0 {
        return match step < v.abs() / 400.0 {
            true => format!("{v:.0}"),
            false => human_count(v),
        };
    }
    let digits = (-(step * 1.0001).log10().floor()).max(0.0) as usize;
    if digits > 6 {
        return format!("{v:.2e}");
    }
    let exact = (step * 10f64.powi(digits as i32)).fract();
    let digits = if (0.01..0.99).contains(&exact) { digits + 1 } else { digits };
    match step == v {
        true => trim(format!("{v:.digits$}")),
        false => format!("{v:.digits$}"),
    }
}

/// One entry of a legend.
pub(crate) struct Key {
    pub colour: &'static str,
    pub sample: Sample,
    pub text: String,
}

impl Key {
    pub fn new(colour: &'static str, sample: Sample, text: impl Into<String>) -> Key {
        Key { colour, sample, text: text.into() }
    }
}

/// What precedes the text of a legend.
#[derive(Clone, Copy)]
pub(crate) enum Sample {
    /// A line with a pattern, as in `stroke-dasharray`; empty is solid.
    Line(&'static str),
    Dot,
    Ring,
    /// A larger ring, which is drawn around a dot.
    Hollow,
    /// A line of several colours, from its left to its right end.
    Ramp(&'static [&'static str]),
    /// A filled area, with its opacity.
    Area(f64),
}

/// What surrounds the data.
pub(crate) struct Around {
    pub title: String,
    /// Below the title; `\n` starts a new line.
    pub note: String,
    pub legend: Vec<Key>,
    pub x_name: String,
    /// Room kept free on the right for labels.
    pub right: f64,
}

impl Around {
    pub fn new(title: String, note: String, legend: Vec<Key>, x_name: &str) -> Around {
        Around { title, note, legend, x_name: x_name.into(), right: 0.0 }
    }
}

/// A picture with axes, ready for its data.
pub(crate) struct Frame {
    pub svg: Svg,
    pub x: Scale,
    pub y: Scale,
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
    /// The height of the whole picture.
    pub height: f64,
}

impl Frame {
    /// Lays out the surroundings and draws them.
    pub fn new(around: Around, x: Scale, y: Scale) -> Frame {
        Frame::tall(around, x, y, PLOT_HEIGHT)
    }

    /// The same with another height for the part with the data.
    pub fn tall(around: Around, x: Scale, y: Scale, height: f64) -> Frame {
        let mut svg = Svg::default();
        let end = head(&mut svg, &around.title, &around.note);
        let legend_end = legend(&mut svg, &around.legend, end);
        let labels = y.ticks.iter().map(|t| width(&t.1, Font::NOTE)).fold(0.0, f64::max);
        let (left, right) = (22.0 + labels.min(110.0), WIDTH - 18.0 - around.right);
        let x = x.thin(right - left);
        let area = (left, legend_end, right, legend_end + height);
        let mut frame = Frame::within(svg, area, x, y);
        x_axis(&mut frame.svg, &frame.x, (left, right), frame.bottom, &around.x_name);
        frame
    }

    /// A frame in a picture that has been begun, given by left, top, right and bottom: only the grid
    /// and the labels on the left are drawn.
    pub fn within(
        mut svg: Svg,
        (left, top, right, bottom): (f64, f64, f64, f64),
        x: Scale,
        y: Scale,
    ) -> Frame {
        let y_at = |v: f64| bottom - y.unit(v) * (bottom - top);
        for (v, label) in &y.ticks {
            svg.line((left, y_at(*v)), (right, y_at(*v)), GRID, 1.0);
            svg.text((left - 7.0, y_at(*v) + 4.0), label, Font::NOTE, Anchor::End, 110.0);
        }
        Frame { svg, x, y, left, right, top, bottom, height: bottom + 46.0 }
    }

    /// Draws in the pixels of the picture, clipped to the frame.
    pub fn inside(&mut self, draw: impl FnOnce(&mut Svg)) {
        let mut part = Svg::default();
        draw(&mut part);
        self.svg.clipped((self.left, self.top, self.right, self.bottom), part);
    }

    /// The pixel of a point.
    pub fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let (w, h) = (self.right - self.left, self.bottom - self.top);
        (self.left + self.x.unit(x) * w, self.bottom - self.y.unit(y) * h)
    }

    /// Whether a height is in view.
    pub fn shows(&self, y: f64) -> bool {
        (0.0..=1.0).contains(&self.y.unit(y))
    }

    /// Draws data with plotters, clipped to the frame; `group` holds attributes for all of it.
    pub fn layer(&mut self, group: &str, draw: impl FnOnce(&mut Pen)) {
        let (w, h) = (self.right - self.left, self.bottom - self.top);
        let size = ((w * FINE) as u32, (h * FINE) as u32);
        let (mut picture, mut marks) = (String::new(), String::new());
        {
            let root = SVGBackend::with_string(&mut picture, size).into_drawing_area();
            let (x, y) = (self.x.lo..self.x.hi, self.y.lo..self.y.hi);
            if let Ok(context) = ChartBuilder::on(&root).build_cartesian_2d(x, y) {
                let mut pen = Pen { context, x: &self.x, y: &self.y, size, marks: String::new() };
                draw(&mut pen);
                marks = pen.marks;
            }
            let _ = root.present();
        }
        // Keep what is inside plotters' own element.
        let start = picture.find("<svg").and_then(|i| picture[i..].find('>').map(|j| i + j + 1));
        let Some((start, end)) = start.zip(picture.rfind("</svg>")) else { return };
        let body = picture[start..end].replace('\n', "").replace(r#" opacity="1""#, "") + &marks;
        if body.is_empty() {
            return;
        }
        self.svg.raw(&format!(
            r#"<svg x="{:.1}" y="{:.1}" width="{w:.1}" height="{h:.1}" viewBox="0 0 {} {}" preserveAspectRatio="none"><g {group}>{body}</g></svg>"#,
            self.left, self.top, size.0, size.1
        ));
    }

    /// The finished picture.
    pub fn finish(self, title: &str, desc: &str) -> String {
        self.svg.finish((WIDTH, self.height), SHOWN, title, desc)
    }
}

/// Title, in two lines at most, and note; returns where what follows may begin.
pub(crate) fn head(svg: &mut Svg, title: &str, note: &str) -> f64 {
    let inner = WIDTH - 32.0;
    let mut lines = wrap(title, Font::TITLE, inner);
    if lines.len() > 2 || (lines.len() == 2 && lines[1].is_empty()) {
        lines = vec![title.to_string()];
    }
    let mut y = 10.0;
    for line in &lines {
        y += 16.0;
        svg.text((16.0, y), line, Font::TITLE, Anchor::Start, inner);
    }
    y += 2.0;
    for line in note.split('\n') {
        y += 15.0;
        svg.text((16.0, y), line, Font::NOTE, Anchor::Start, inner);
    }
    y + 17.0
}

/// The lower edge of a plot with its ticks and the name of the axis below.
pub(crate) fn x_axis(svg: &mut Svg, x: &Scale, (left, right): (f64, f64), bottom: f64, name: &str) {
    for (v, label) in &x.ticks {
        let at = left + x.unit(*v) * (right - left);
        svg.line((at, bottom), (at, bottom + 4.0), AXIS, 1.0);
        let half = width(label, Font::NOTE) / 2.0;
        let at = at.clamp(8.0 + half, (WIDTH - 8.0 - half).max(8.0 + half));
        svg.text((at, bottom + 17.0), label, Font::NOTE, Anchor::Middle, 110.0);
    }
    svg.line((left, bottom), (right, bottom), AXIS, 1.0);
    if name.is_empty() {
        return;
    }
    let middle = (left + right) / 2.0;
    let room = 2.0 * (middle - 10.0).min(WIDTH - 10.0 - middle);
    svg.text((middle, bottom + 35.0), name, Font::NOTE, Anchor::Middle, room);
}

/// The keys of a legend, few in a row, many in columns; returns where the plot may begin.
pub(crate) fn legend(svg: &mut Svg, keys: &[Key], top: f64) -> f64 {
    if keys.is_empty() {
        return top - 4.0;
    }
    let inner = WIDTH - 32.0;
    let many = keys.len() > 4;
    let room = inner - 26.0;
    let wide = |key: &Key| width(&key.text, Font::NOTE).min(room);
    let widest = keys.iter().map(wide).fold(0.0, f64::max);
    let columns = (((inner + 16.0) / (39.0 + widest)) as usize).max(1);
    let rows = keys.len().div_ceil(columns);
    let (mut x, mut y) = (16.0, top + 2.0);
    for (i, key) in keys.iter().enumerate() {
        if many {
            x = 16.0 + (i / rows) as f64 * (inner + 16.0) / columns as f64;
            y = top + 2.0 + (i % rows) as f64 * 17.0;
        } else if x > 16.0 && x + 24.0 + wide(key) > WIDTH - 16.0 {
            (x, y) = (16.0, y + 17.0);
        }
        key.sample.draw(svg, (x, y - 4.0), key.colour);
        svg.text((x + 23.0, y), &key.text, Font::NOTE, Anchor::Start, room);
        x += 23.0 + wide(key) + 16.0;
    }
    (if many { top + 2.0 + (rows - 1) as f64 * 17.0 } else { y }) + 12.0
}

impl Sample {
    fn draw(self, svg: &mut Svg, (x, y): (f64, f64), colour: &str) {
        match self {
            Sample::Line(dash) => {
                let dash = match dash {
                    "" => String::new(),
                    dash => format!(r#"stroke-dasharray="{dash}""#),
                };
                svg.path(&format!("M{x:.1} {y:.1}h18"), colour, 3.0, &dash);
            }
            Sample::Dot => svg.dot((x + 11.0, y), 4.0, colour, ""),
            Sample::Ring => {
                let look = format!(r#"stroke="{colour}" stroke-width="1.6""#);
                svg.dot((x + 11.0, y), 3.4, CARD, &look);
            }
            Sample::Hollow => {
                let look = format!(r#"stroke="{colour}" stroke-width="1.8""#);
                svg.dot((x + 11.0, y), 5.0, "none", &look);
            }
            Sample::Ramp(shades) => {
                let wide = 18.0 / shades.len().max(1) as f64;
                for (i, shade) in shades.iter().enumerate() {
                    svg.rect((x + i as f64 * wide, y - 2.0, wide + 0.2, 4.0), 0.0, shade, "");
                }
            }
            Sample::Area(alpha) => {
                let look = format!(r#"fill-opacity="{alpha}""#);
                svg.rect((x, y - 5.0, 18.0, 10.0), 1.0, colour, &look);
            }
        }
    }
}

/// Draws inside a frame. plotters cannot fail when it writes to a string, so nothing here returns
/// errors.
pub(crate) struct Pen<'a> {
    context: ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>,
    x: &'a Scale,
    y: &'a Scale,
    size: (u32, u32),
    /// What is drawn without plotters, on top of what plotters draws.
    marks: String,
}

impl Pen<'_> {
    fn place(&self, &(x, y): &(f64, f64)) -> (f64, f64) {
        // plotters counts pixels in 32 bits, so what lies far outside is moved nearer.
        let far = |scale: &Scale, v: f64| {
            let range = scale.hi - scale.lo;
            scale.place(v).clamp(scale.lo - 4.0 * range, scale.hi + 4.0 * range)
        };
        (far(self.x, x), far(self.y, y))
    }

    /// A line through points.
    pub fn line(&mut self, points: &[(f64, f64)], colour: &str, alpha: f64, stroke: f64) {
        let points: Vec<_> = points.iter().map(|p| self.place(p)).collect();
        let style = rgb(colour).mix(alpha).stroke_width((stroke * FINE).round() as u32);
        let half = (self.x.hi - self.x.lo) / f64::from(self.size.0.max(1)) * FINE / 2.0;
        let pieces = clip(&outline(&points, half), self.y.lo, self.y.hi);
        let pieces = pieces.into_iter().map(|piece| PathElement::new(piece, style));
        let _ = self.context.draw_series(pieces);
    }

    /// Dots. If there are many, those that fall on the same spot are drawn once.
    pub fn dots(&mut self, points: &[(f64, f64)], r: f64, colour: &str, alpha: f64) {
        if points.len() >= MANY {
            let (w, h) = (f64::from(self.size.0), f64::from(self.size.1));
            let at = |p: &(f64, f64)| (self.x.unit(p.0) * w, (1.0 - self.y.unit(p.1)) * h);
            let inside = |p: &(f64, f64)| (0.0..=w).contains(&p.0) && (0.0..=h).contains(&p.1);
            let places = points.iter().map(at).filter(inside);
            let gap = FINE * if points.len() < BINNED { 1.3 } else { 2.5 };
            let (wide, d) = (n(2.0 * r * FINE), spots(places, gap));
            self.marks += &format!(
                r#"<path d="{d}" fill="none" stroke="{colour}" stroke-width="{wide}" stroke-linecap="round" stroke-opacity="{alpha}"/>"#
            );
            return;
        }
        let style = rgb(colour).mix(alpha).filled();
        let points: Vec<_> = points
            .iter()
            .map(|p| Circle::new(self.place(p), (r * FINE).round() as i32, style))
            .collect();
        let _ = self.context.draw_series(points);
    }

    /// A ring in the card's colour inside, with a point in the middle.
    pub fn ring(&mut self, point: (f64, f64), r: f64, colour: &str) {
        let at = self.place(&point);
        let size = |r: f64| (r * FINE).round() as i32;
        let marks = [
            Circle::new(at, size(r + 1.0), rgb(CARD).filled()),
            Circle::new(at, size(r), rgb(colour).filled()),
            Circle::new(at, size(r - 1.8), rgb(CARD).filled()),
            Circle::new(at, size(r - 3.0), rgb(colour).filled()),
        ];
        let _ = self.context.draw_series(marks);
    }
}

/// A line of thousands of points, thinned so that it looks the same: of successive points in the
/// same column of width `half`, only the first, the lowest, the highest and the last.
pub(crate) fn outline(points: &[(f64, f64)], half: f64) -> Cow<'_, [(f64, f64)]> {
    if points.len() < 2000 {
        return points.into();
    }
    let column = |p: &(f64, f64)| (p.0 / half).round();
    let mut kept = vec![];
    for run in points.chunk_by(|a, b| column(a) == column(b)) {
        let by = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let place = |p: Option<&(f64, f64)>| run.iter().position(|q| Some(q) == p);
        let ends = [place(run.iter().min_by(by)), place(run.iter().max_by(by))];
        let at =
            BTreeSet::from_iter([0, run.len() - 1].into_iter().chain(ends.into_iter().flatten()));
        kept.extend(at.into_iter().map(|i| run[i]));
    }
    kept.into()
}

/// The pieces of a line that lie between the heights `lo` and `hi`. plotters would draw the rest
/// along the edge.
fn clip(points: &[(f64, f64)], lo: f64, hi: f64) -> Vec<Vec<(f64, f64)>> {
    let mut pieces: Vec<Vec<(f64, f64)>> = vec![];
    let mut open = false;
    for pair in points.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let rise = b.1 - a.1;
        let inside = |v: f64| (lo..=hi).contains(&v);
        // The part of the line from a to b that is inside.
        let (from, to) = match rise == 0.0 {
            true if inside(a.1) => (0.0, 1.0),
            true => (1.0, 0.0),
            false => {
                let (s, t) = ((lo - a.1) / rise, (hi - a.1) / rise);
                (f64::max(s.min(t), 0.0), f64::min(s.max(t), 1.0))
            }
        };
        if from > to {
            open = false;
            continue;
        }
        let at = |t: f64| (a.0 + (b.0 - a.0) * t, a.1 + rise * t);
        if !open || from > 0.0 {
            pieces.push(vec![at(from)]);
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push(at(to));
        }
        open = to >= 1.0;
    }
    pieces
}

/// A colour of the theme for plotters.
fn rgb(hex: &str) -> RGBColor {
    let part =
        |i: usize| hex.get(i..i + 2).and_then(|h| u8::from_str_radix(h, 16).ok()).unwrap_or(90);
    RGBColor(part(1), part(3), part(5))
}

/// A small cross, for a failure.
pub(crate) fn cross(svg: &mut Svg, (x, y): (f64, f64), colour: &str) {
    let d = format!("M{:.1} {:.1}l5.6 5.6m0 -5.6l-5.6 5.6", x - 2.8, y - 2.8);
    svg.path(&d, colour, 1.4, "");
}

/// A line that keeps the height of each point until the next one, with its corners.
pub(crate) fn steps(points: impl IntoIterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut line: Vec<(f64, f64)> = vec![];
    for (x, y) in points {
        line.extend(line.last().map(|&(_, before)| (x, before)));
        line.push((x, y));
    }
    line
}

/// From this many points on, those that fall on the same spot are drawn once.
pub(crate) const MANY: usize = 500;
/// From this many on, a spot is large enough to be seen, and the chart says so: see [`binned`].
const BINNED: usize = 10 * MANY;

/// What a chart of so many dots says of those that share a spot; nothing as long as no eye could tell.
pub(crate) fn binned(dots: usize) -> &'static str {
    if dots < BINNED { "" } else { "dots that share a spot are drawn as one" }
}

/// A path of points for a stroke with round ends, one point in each square of `gap` pixels. It takes
/// a tenth of the space of as many circles.
pub(crate) fn spots(places: impl Iterator<Item = (f64, f64)>, gap: f64) -> String {
    let square = |v: f64| (v / gap).round() as i32;
    let squares: BTreeSet<(i32, i32)> = places.map(|(x, y)| (square(x), square(y))).collect();
    let draw =
        |(x, y): (i32, i32)| format!("M{} {}h0", n(f64::from(x) * gap), n(f64::from(y) * gap));
    squares.into_iter().map(draw).collect()
}

/// Many failures: short strokes, which stay apart where crosses would not.
pub(crate) fn strokes(svg: &mut Svg, places: &[(f64, f64)], colour: &str) {
    // Two points closer than half a pixel cannot be told apart.
    let places: BTreeSet<(i32, i32)> =
        places.iter().map(|(x, y)| ((x * 2.0).round() as i32, (y * 2.0).round() as i32)).collect();
    let draw = |(x, y): (i32, i32)| {
        format!("M{} {}v5", n(f64::from(x) / 2.0), n(f64::from(y) / 2.0 - 2.5))
    };
    let d: String = places.into_iter().map(draw).collect();
    svg.path(&d, colour, 0.8, r#"opacity="0.6""#);
}

/// A small triangle that points out of the frame, for a value beyond its edge.
pub(crate) fn beyond(svg: &mut Svg, (x, y): (f64, f64), up: bool, colour: &str) {
    let dy = if up { -5.0 } else { 5.0 };
    svg.raw(&format!(
        r#"<path d="M{:.1} {y:.1}h6l-3 {dy}Z" fill="{colour}" fill-opacity="0.55"/>"#,
        x - 3.0
    ));
}

/// What is said of values beyond the edge of the frame, each of which has a triangle there: how many, on which side,
/// and how far the farthest is.
///
/// ```text
/// ▾ 2 below the axis, down to 0.1000
/// ```
pub(crate) fn off_scale(far: &[f64], maximise: bool, upright: bool) -> String {
    let (lo, hi) = range(far);
    if lo > hi {
        return String::new();
    }
    let (mark, side) = match (maximise, upright) {
        (true, true) => ('▾', "below"),
        (true, false) => ('◂', "left of"),
        (false, true) => ('▴', "above"),
        (false, false) => ('▸', "right of"),
    };
    let (to, value) = if maximise { ("down to", lo) } else { ("up to", hi) };
    let reach = if far.len() == 1 {
        format!("at {}", score(value))
    } else {
        format!("{to} {}", score(value))
    };
    format!("{mark} {} {side} the axis, {reach}", far.len())
}

/// The colour of the line along an axis.
pub(crate) const AXIS: &str = "#B9BDBF";

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: &Scale) -> Vec<&str> {
        scale.ticks.iter().map(|t| t.1.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_numbers_inside_the_range() {
        assert_eq!(
            labels(&Scale::linear(0.897, 0.992, 5, false)),
            ["0.90", "0.92", "0.94", "0.96", "0.98"]
        );
        assert_eq!(labels(&Scale::linear(0.4, 20.6, 6, true)), ["5", "10", "15", "20"]);
        assert_eq!(
            labels(&Scale::linear(0.0, 1.0, 4, false)),
            ["0", "0.25", "0.50", "0.75", "1.00"]
        );
        let decades = Scale::log(3e3, 4e5, 6);
        assert_eq!(labels(&decades), ["5 k", "10 k", "20 k", "50 k", "100 k", "200 k"]);
        assert_eq!(labels(&Scale::log(1.0, 1e12, 4)).len(), 5);
        for (lo, hi) in [(1.0, 1.0), (0.0, 0.0), (-1e99, 1e99), (1e16, 1e16 + 2.0), (f64::NAN, 1.0)]
        {
            assert!(Scale::linear(lo, hi, 5, false).ticks.len() < 40);
        }
    }

    #[test]
    fn lines_are_clipped_at_the_edges() {
        let line = [(0.0, -1.0), (1.0, 1.0), (2.0, 1.0), (3.0, 3.0), (4.0, 3.0), (5.0, 1.0)];
        let pieces = clip(&line, 0.0, 2.0);
        assert_eq!(pieces[0], [(0.5, 0.0), (1.0, 1.0), (2.0, 1.0), (2.5, 2.0)]);
        assert_eq!(pieces[1], [(4.5, 2.0), (5.0, 1.0)]);
        assert_eq!(pieces.len(), 2);
        assert!(clip(&line[..1], 0.0, 2.0).is_empty());
    }

    #[test]
    fn the_view_leaves_out_what_is_far_worse() {
        let values = vec![0.95, 0.96, 0.97, 0.1];
        assert_eq!(zoomed(values.clone(), true, 3.0), [0.95, 0.96, 0.97]);
        assert_eq!(zoomed(vec![0.5, 0.5], true, 3.0), [0.5, 0.5]);
        assert!(zoomed(vec![], false, 3.0).is_empty());
    }
}
