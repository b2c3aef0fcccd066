//! What charts of several strategies share: names at the ends of lines, kept apart; a line at a
//! reference value; rows with names on the left.

use super::letters::clean;
use super::plot::{AXIS, Around, Frame, Key, Sample, Scale, outline};
use super::svg::{Anchor, Svg, WIDTH, n};
use super::theme::{FAINT, Font, INK, MUTED, colour, dash, elide, width, wrap};
use crate::words::score;
use serde::{Deserialize, Serialize};

/// A value to compare with, such as the optimum of a benchmark.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// What it is: `optimum`.
    pub name: String,
    /// Where it is.
    pub value: f64,
}

impl Reference {
    /// A named value.
    pub fn new(name: &str, value: f64) -> Reference {
        Reference { name: name.to_string(), value }
    }

    /// Name and value in words.
    pub(crate) fn says(&self) -> String {
        format!("{} {}", self.name, score(self.value)).trim().to_string()
    }
}

/// The names of strategies.
pub(crate) const LABEL: Font = Font { size: 10.0, fill: INK, bold: false, mono: false };

/// Remarks for the head of a picture, in three lines at most. A remark that fits on one line is not
/// broken.
pub(crate) fn remarks(parts: &[&str]) -> String {
    let room = WIDTH - 32.0;
    let mut lines: Vec<String> = vec![];
    for part in parts.iter().filter(|p| !p.is_empty()) {
        let joined = lines.last().map(|line| format!("{line}  ·  {part}"));
        match joined.filter(|line| width(line, Font::NOTE) <= room) {
            Some(line) => *lines.last_mut().unwrap_or(&mut String::new()) = line,
            None => lines.extend(wrap(part, Font::NOTE, room)),
        }
    }
    lines.truncate(3);
    lines.join("\n")
}

/// A ramp of colours with a word before and one behind it; returns where it ends.
pub(crate) fn ramp(svg: &mut Svg, at: (f64, f64), ends: [&str; 2], fills: &[&str]) -> f64 {
    let font = LABEL.fill(MUTED);
    let (mut x, y) = at;
    svg.text((x, y), ends[0], font, Anchor::Start, 90.0);
    x += width(ends[0], font) + 6.0;
    for fill in fills {
        svg.rect((x, y - 8.5, 13.0, 10.0), 0.0, fill, "");
        x += 13.0;
    }
    svg.text((x + 6.0, y), ends[1], font, Anchor::Start, 130.0);
    x + 6.0 + width(ends[1], font)
}

/// The commands of a path through points.
pub(crate) fn path(points: &[(f64, f64)]) -> String {
    let points = outline(points, 0.5);
    let command = |(i, p): (usize, &(f64, f64))| {
        format!("{}{} {}", if i == 0 { 'M' } else { 'L' }, n(p.0), n(p.1))
    };
    points.iter().enumerate().map(command).collect()
}

/// The points of a line, without those less than `gap` pixels to the right of the one before. The
/// last point is kept.
pub(crate) fn thinned(points: Vec<(f64, f64)>, gap: f64) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = vec![];
    let last = points.len().saturating_sub(1);
    for (i, p) in points.into_iter().enumerate() {
        if i == last || kept.last().is_none_or(|k| (p.0 - k.0).abs() >= gap) {
            kept.push(p);
        }
    }
    kept
}

/// Places at least `gap` apart between `lo` and `hi`, as near as possible to those wanted and in the
/// same order: least squares, by pooling neighbours that violate the order (Ayer et al. 1955).
pub(crate) fn apart(wanted: &[f64], gap: f64, (lo, hi): (f64, f64)) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]));
    let gap = gap.min((hi - lo) / wanted.len().saturating_sub(1).max(1) as f64);
    // Without the gaps, the places may touch but not cross.
    let mut pools: Vec<(f64, usize)> = vec![];
    for (rank, &i) in order.iter().enumerate() {
        pools.push((wanted[i] - rank as f64 * gap, 1));
        while let [.., before, last] = pools.as_slice() {
            if before.0 <= last.0 {
                break;
            }
            let count = before.1 + last.1;
            let mean = (before.0 * before.1 as f64 + last.0 * last.1 as f64) / count as f64;
            pools.truncate(pools.len() - 2);
            pools.push((mean, count));
        }
    }
    let top = hi - wanted.len().saturating_sub(1) as f64 * gap;
    let places = pools.into_iter().flat_map(|(mean, count)| vec![mean; count]);
    let mut out = vec![0.0; wanted.len()];
    for (rank, (place, &i)) in places.zip(&order).enumerate() {
        out[i] = place.max(lo).min(top.max(lo)) + rank as f64 * gap;
    }
    out
}

/// A line by its name: the number of its series, what is written, and whether it is drawn in grey.
#[derive(Clone)]
pub(crate) struct Name {
    pub index: usize,
    pub text: String,
    pub dim: bool,
}

impl Name {
    /// The colour of the line.
    pub fn colour(&self) -> &'static str {
        if self.dim { FAINT } else { colour(self.index) }
    }

    /// The width of the line.
    pub fn stroke(&self) -> f64 {
        if self.dim { 1.0 } else { 1.8 }
    }
}

/// More lines than this are a tangle, of which only a few are in colour.
const TANGLE: usize = 8;
/// So many of them.
pub(crate) const BRIGHT: usize = 5;

/// Which lines are drawn in grey: of many, all but the best few by these values, where more is better.
pub(crate) fn dimmed(values: &[f64]) -> Vec<bool> {
    if values.len() <= TANGLE {
        return vec![false; values.len()];
    }
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    let mut dim = vec![true; values.len()];
    order.into_iter().take(BRIGHT).for_each(|i| dim[i] = false);
    dim
}

/// What is said of them.
pub(crate) fn dimmed_note(dim: &[bool]) -> String {
    if dim.contains(&true) {
        format!("the best {BRIGHT} at the end in colour")
    } else {
        String::new()
    }
}

/// The end of a line: its name, and the last point.
pub(crate) struct End {
    pub name: Name,
    pub at: (f64, f64),
}

/// The distance between names, and the room before them for a sample of the line.
const STEP: f64 = 12.5;
const SAMPLE: f64 = 27.0;

/// A frame for lines. Their names stand at the ends where there is room, and otherwise in a legend;
/// returns whether they stand at the ends.
pub(crate) fn framed(
    (title, note, x_name): (String, String, String),
    texts: &[Name],
    x: Scale,
    y: Scale,
) -> (Frame, bool) {
    let longest = texts.iter().map(|t| width(&t.text, LABEL)).fold(0.0, f64::max);
    let at_ends = longest <= 96.0 || (texts.len() > 6 && longest <= 145.0);
    let key = |name: &Name| Key::new(name.colour(), Sample::Line(dash(name.index)), &name.text);
    let around = Around {
        title,
        note,
        x_name,
        legend: if at_ends { vec![] } else { texts.iter().map(key).collect() },
        right: if at_ends { SAMPLE + longest - 8.0 } else { 0.0 },
    };
    let height = (texts.len() as f64 * STEP + 8.0).max(if at_ends { 180.0 } else { 190.0 });
    (Frame::tall(around, x, y, height), at_ends)
}

/// The names to the right of the ends of their lines.
pub(crate) fn names(frame: &mut Frame, ends: &[End]) {
    let wanted: Vec<f64> =
        ends.iter().map(|e| frame.at(e.at.0, e.at.1).1.clamp(frame.top, frame.bottom)).collect();
    let places = apart(&wanted, STEP, (frame.top + 3.0, frame.bottom - 3.0));
    let right = frame.right;
    for ((end, from), to) in ends.iter().zip(wanted).zip(places) {
        let (name, stop) = (&end.name, frame.at(end.at.0, end.at.1).0);
        let (i, stroke) = (name.index, name.colour());
        if stop < right - 3.0 {
            let d = path(&[(stop, from), (right, from)]);
            frame.svg.path(&d, stroke, 0.7, r#"stroke-dasharray="1 3" opacity="0.7""#);
        }
        let lead = path(&[(right, from), (right + 7.0, to)]);
        frame.svg.path(&lead, stroke, 0.8, r#"opacity="0.7""#);
        let d = path(&[(right + 7.0, to), (right + 23.0, to)]);
        frame.svg.path(&d, stroke, if name.dim { 1.2 } else { 2.2 }, &dashes(i));
        let room = WIDTH - 8.0 - right - SAMPLE;
        let font = if name.dim { LABEL.fill(MUTED) } else { LABEL };
        frame.svg.text((right + SAMPLE, to + 3.6), &name.text, font, Anchor::Start, room);
    }
}

/// The attribute for the pattern of the line of series `i`.
pub(crate) fn dashes(i: usize) -> String {
    match dash(i) {
        "" => r#"stroke-linejoin="round""#.into(),
        pattern => format!(r#"stroke-linejoin="round" stroke-dasharray="{pattern}""#),
    }
}

/// A horizontal line at a reference value, with its name.
pub(crate) fn level(frame: &mut Frame, reference: &Reference) {
    if !frame.shows(reference.value) {
        return;
    }
    let y = frame.at(0.0, reference.value).1;
    let (left, right) = (frame.left, frame.right);
    let d = path(&[(left, y), (right, y)]);
    frame.svg.path(&d, MUTED, 1.0, r#"stroke-dasharray="2 3""#);
    let over = if y - 14.0 < frame.top { y + 12.0 } else { y - 4.0 };
    let font = LABEL.fill(MUTED);
    frame.svg.halo((left + 4.0, over), &reference.says(), font, Anchor::Start, right - left - 8.0);
}

/// A name in at most two lines of `most` pixels.
pub(crate) fn two_lines(name: &str, most: f64) -> Vec<String> {
    let name = &clean(name);
    let mut lines = wrap(name, LABEL, most);
    if lines.len() > 2 {
        let rest = after(name, &lines[0]);
        lines.truncate(1);
        lines.push(elide(rest, LABEL, most));
    }
    lines
}

/// What is left of a name after its first line.
pub(crate) fn after<'a>(name: &'a str, first: &str) -> &'a str {
    let chars = first.chars().count();
    name.char_indices().nth(chars).map_or("", |(i, _)| name[i..].trim())
}

/// Rows with names on the left.
pub(crate) struct Rows {
    /// Where the names end.
    pub left: f64,
    pub top: f64,
    pub height: f64,
    lines: Vec<Vec<String>>,
    names: Vec<String>,
}

impl Rows {
    /// Lays them out: names take `most` pixels at most, and two lines.
    pub fn new(names: &[String], top: f64, height: f64, most: f64) -> Rows {
        let lines: Vec<Vec<String>> = names.iter().map(|name| two_lines(name, most)).collect();
        let widest = lines.iter().flatten().map(|l| width(l, LABEL)).fold(0.0, f64::max);
        let left = 16.0 + widest.min(most) + 8.0;
        Rows { left, top, height, lines, names: names.to_vec() }
    }

    /// The top of row `i`.
    pub fn y(&self, i: usize) -> f64 {
        self.top + i as f64 * self.height
    }

    /// The bottom of the last row.
    pub fn bottom(&self) -> f64 {
        self.y(self.names.len())
    }

    /// Writes the names.
    pub fn write(&self, svg: &mut Svg) {
        for (i, lines) in self.lines.iter().enumerate() {
            let middle = self.y(i) + self.height / 2.0;
            let first = middle + 3.6 - (lines.len() - 1) as f64 * 5.2;
            for (l, line) in lines.iter().enumerate() {
                let at = (self.left - 8.0, first + l as f64 * 10.4);
                svg.text(at, line, LABEL, Anchor::End, self.left);
            }
            svg.tip((16.0, self.y(i), self.left - 24.0, self.height), &self.names[i]);
        }
    }

    /// Faint lines between them.
    pub fn rules(&self, svg: &mut Svg, right: f64) {
        for i in 1..self.names.len() {
            svg.line((self.left, self.y(i)), (right, self.y(i)), super::theme::GRID, 0.7);
        }
    }
}

/// A scale between the edges of a plot without a frame, which gives the pixel of a value.
pub(crate) struct Across<'a> {
    pub x: &'a Scale,
    pub left: f64,
    pub right: f64,
}

impl Across<'_> {
    pub fn at(&self, v: f64) -> f64 {
        self.left + self.x.unit(v) * (self.right - self.left)
    }

    /// Vertical grid lines.
    pub fn grid(&self, svg: &mut Svg, top: f64, bottom: f64) {
        for (v, _) in &self.x.ticks {
            svg.line((self.at(*v), top), (self.at(*v), bottom), super::theme::GRID, 1.0);
        }
        svg.line((self.left, top), (self.left, bottom), AXIS, 1.0);
    }

    /// A vertical line at a reference value, its name above.
    pub fn reference(&self, svg: &mut Svg, reference: &Reference, top: f64, bottom: f64) {
        if !(0.0..=1.0).contains(&self.x.unit(reference.value)) {
            return;
        }
        let at = self.at(reference.value);
        let d = path(&[(at, top), (at, bottom)]);
        svg.path(&d, MUTED, 1.0, r#"stroke-dasharray="2 3""#);
        let font = LABEL.fill(MUTED);
        let text = elide(&reference.says(), font, self.right - self.left);
        let half = width(&text, font) / 2.0;
        let middle = at.min(self.right - half).max(self.left + half);
        svg.text((middle, top - 4.0), &reference.says(), font, Anchor::Middle, 2.0 * half + 0.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_apart_and_near_their_lines() {
        // Two that clash share the distance; the third is left alone.
        assert_eq!(apart(&[10.0, 12.0, 80.0], 10.0, (0.0, 100.0)), [6.0, 16.0, 80.0]);
        // The order of the lines is kept, whatever the order given.
        assert_eq!(apart(&[12.0, 10.0], 10.0, (0.0, 100.0)), [16.0, 6.0]);
        // The edges hold.
        assert_eq!(apart(&[99.0, 99.0, 99.0], 10.0, (0.0, 100.0)), [80.0, 90.0, 100.0]);
        // More than there is room for: as far apart as possible.
        let many = apart(&[50.0; 11], 20.0, (0.0, 100.0));
        assert_eq!((many[0], many[1], many[10]), (0.0, 10.0, 100.0));
        assert!(apart(&[], 10.0, (0.0, 1.0)).is_empty());
    }

    #[test]
    fn of_many_lines_the_best_are_bright() {
        assert_eq!(dimmed(&[1.0; 8]), [false; 8]);
        let values: Vec<f64> = (0..14).map(f64::from).collect();
        let dim = dimmed(&values);
        assert_eq!(dim, [[true; 9].as_slice(), &[false; 5]].concat());
        assert_eq!(dimmed_note(&dim), "the best 5 at the end in colour");
    }

    #[test]
    fn no_two_of_fourteen_lines_look_the_same() {
        let looks: std::collections::HashSet<_> = (0..14).map(|i| (colour(i), dash(i))).collect();
        assert_eq!(looks.len(), 14);
    }

    #[test]
    fn thinned_lines_keep_their_ends() {
        let line: Vec<_> = (0..100).map(|i| (f64::from(i) * 0.1, 1.0)).collect();
        let thin = thinned(line, 1.0);
        assert_eq!((thin.len(), thin[0].0), (11, 0.0));
        assert!((thin[10].0 - 9.9).abs() < 1e-9);
    }
}
