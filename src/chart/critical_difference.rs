//! Demsar's diagram of critical differences: strategies at their mean ranks on an axis, the best on
//! the right. A thick bar joins strategies between which the test finds no difference.
//!
//! J. Demsar, Statistical comparisons of classifiers over multiple data sets, JMLR 7 (2006).

use super::Draw;
use super::bands::NAMES;
use super::lines::{Across, LABEL, after, path};
use super::plain::{COLUMNS, cell, fit, len, wrap as wrap_plain};
use super::plot::{Scale, head, range};
use super::svg::{Anchor, SHOWN, Svg, WIDTH, nothing};
use super::theme::{Font, INK, MUTED, colour, elide, width, wrap};
use crate::words::usable;
use serde::{Deserialize, Serialize};

/// The mean ranks of strategies and the groups that a test does not tell apart.
///
/// ```
/// use nascent::chart::{Chart, CriticalDifference, MeanRank};
/// let of = |name: &str, rank| MeanRank { name: name.into(), rank };
/// let chart = Chart::new(CriticalDifference {
///     ranks: vec![of("random", 2.8), of("evolution", 1.4), of("BANANAS", 1.8)],
///     cliques: vec![vec![1, 2]],
///     critical: Some(0.7),
///     note: "Friedman p < 0.001, Nemenyi at 0.05, 30 seeds.".into(),
///     ..CriticalDifference::default()
/// });
/// assert!(chart.svg().contains("critical difference 0.70"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CriticalDifference {
    /// What was ranked: `test accuracy after 150 trials`.
    pub shown: String,
    /// The strategies, in any order.
    pub ranks: Vec<MeanRank>,
    /// Groups of strategies that do not differ, each a list of places in `ranks`.
    pub cliques: Vec<Vec<usize>>,
    /// The difference of mean ranks from which on strategies differ; `None` where the test has none.
    pub critical: Option<f64>,
    /// A sentence below: `Friedman p < 0.001, Nemenyi at 0.05, 200 seeds`.
    pub note: String,
}

/// One strategy of a [`CriticalDifference`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MeanRank {
    /// The name of the strategy.
    pub name: String,
    /// Its mean rank; 1 is the best.
    pub rank: f64,
}

/// A strategy as it is drawn: its place in the data, name and rank.
struct Place<'a> {
    index: usize,
    name: &'a str,
    rank: f64,
}

/// A rank in words.
fn say(rank: f64) -> String {
    format!("{rank:.2}")
}

/// The height of a row of names, and the distance between bars.
const ROW: f64 = 19.0;
const BAR: f64 = 8.0;

impl CriticalDifference {
    /// The strategies, the best first.
    fn places(&self) -> Vec<Place<'_>> {
        let all = self.ranks.iter().enumerate().filter(|(_, r)| (0.0..1e6).contains(&r.rank));
        let mut places: Vec<_> =
            all.map(|(index, r)| Place { index, name: &r.name, rank: r.rank }).collect();
        places.sort_by(|a, b| a.rank.total_cmp(&b.rank));
        places
    }

    /// The bars: the best and the worst rank of each group, at the first level where it touches no
    /// other bar.
    fn bars(&self) -> Vec<(f64, f64, usize)> {
        let rank = |i: &usize| self.ranks.get(*i).map(|r| r.rank).filter(|r| usable(*r));
        let mut spans: Vec<(f64, f64)> = vec![];
        for clique in &self.cliques {
            let ranks: Vec<f64> = clique.iter().filter_map(rank).collect();
            if ranks.len() > 1 {
                spans.push(range(&ranks));
            }
        }
        spans.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.total_cmp(&b.0)));
        let mut reach: Vec<f64> = vec![];
        let mut bars = vec![];
        for (lo, hi) in spans {
            // They come from the left, the worst first: a level is free once its last bar has ended.
            let level = reach.iter().position(|end| hi < end - 0.15).unwrap_or(reach.len());
            reach.resize(reach.len().max(level + 1), f64::INFINITY);
            reach[level] = lo;
            bars.push((lo, hi, level));
        }
        bars
    }

    fn title(&self) -> String {
        match self.shown.is_empty() {
            true => "Mean ranks".into(),
            false => format!("Mean ranks: {}", self.shown),
        }
    }

    /// The first and the last rank on the axis: whole, around all ranks, and as far apart as the
    /// critical difference where there are enough ranks.
    fn axis(&self, places: &[Place]) -> (f64, f64) {
        let mut first = places.first().map_or(1.0, |p| p.rank.floor());
        let last = places.last().map_or(2.0, |p| p.rank.ceil());
        let mut last = last.max(first + 1.0);
        for _ in 0..places.len() {
            if self.critical.is_some_and(|c| c > last - first) {
                first = f64::min(first, (first - 1.0).max(1.0));
                last = f64::max(last, (last + 1.0).min(places.len() as f64));
            }
        }
        (first, last)
    }

    fn describe(&self, places: &[Place]) -> String {
        let ranks: Vec<String> =
            places.iter().map(|p| format!("{} {}", p.name, say(p.rank))).collect();
        let groups: Vec<String> = self.groups().into_iter().map(|g| g.join(", ")).collect();
        let critical =
            self.critical.map_or(String::new(), |c| format!(" Critical difference {}.", say(c)));
        let groups = match groups.is_empty() {
            true => "Every pair differs".into(),
            false => format!("No difference found within: {}", groups.join("; ")),
        };
        let (title, ranks, note) = (self.title(), ranks.join(", "), &self.note);
        format!("{title} (1 is best): {ranks}. {groups}.{critical} {note}")
    }

    /// The names in every group of two or more, the best first.
    fn groups(&self) -> Vec<Vec<String>> {
        let places = self.places();
        let of = |clique: &Vec<usize>| -> Vec<String> {
            let inside = places.iter().filter(|p| clique.contains(&p.index));
            inside.map(|p| p.name.to_string()).collect()
        };
        self.cliques.iter().map(of).filter(|g| g.len() > 1).collect()
    }

    /// The scale of the critical difference above the axis.
    fn draw_scale(&self, svg: &mut Svg, across: &Across, y: f64, span: f64) {
        let Some(critical) = self.critical.filter(|c| (0.0..1e6).contains(c)) else { return };
        let text = format!("critical difference {}", say(critical));
        let left = across.left;
        let length = critical / span * (across.right - left);
        if left + length > across.right {
            let says = format!("{text}, more than the axis shows");
            return svg.text((left, y + 4.0), &says, LABEL, Anchor::Start, WIDTH - 16.0 - left);
        }
        let d = format!("M{left:.1} {:.1}v8m0 -4h{length:.1}m0 -4v8", y - 4.0);
        svg.path(&d, INK, 1.4, "");
        let at = left + length + 7.0;
        let fits = |text: &str| width(text, LABEL) <= WIDTH - 16.0 - at;
        let says = if fits(&text) { text } else { format!("CD {}", say(critical)) };
        match fits(&says) {
            true => svg.text((at, y + 3.6), &says, LABEL, Anchor::Start, WIDTH - 16.0 - at),
            false => svg.text((left, y - 7.0), &says, LABEL, Anchor::Start, WIDTH - 16.0 - left),
        }
    }
}

/// Rank and name in one line, or in two where `most` pixels are few; the rank is next to the line
/// and always whole.
fn label(p: &Place, right: bool, most: f64) -> Vec<String> {
    let with = |name: &str| match right {
        true => format!("{}  {name}", say(p.rank)),
        false => format!("{name}  {}", say(p.rank)),
    };
    let room = most - width(&with(""), LABEL);
    if width(&with(p.name), LABEL) <= most {
        return vec![with(p.name)];
    }
    if most > 100.0 {
        return vec![with(&elide(p.name, LABEL, room))];
    }
    let lines = wrap(p.name, LABEL, if right { room } else { most });
    let first = lines.first().map_or("", String::as_str);
    let rest = after(p.name, first);
    match right {
        true => vec![with(first), elide(rest, LABEL, most)],
        false => vec![first.to_string(), with(&elide(rest, LABEL, room)).trim().to_string()],
    }
}

fn widest(lines: &[String]) -> f64 {
    lines.iter().map(|l| width(l, LABEL)).fold(0.0, f64::max)
}

/// Where the axis begins and ends so that the names beside it have room. `sides` holds, for each name,
/// how far from the left end it hangs (as a share of the axis), its width, and whether it is on the left.
fn fitted(sides: &[(f64, f64, bool)]) -> (f64, f64) {
    let (mut left, mut right) = (30.0, WIDTH - 30.0);
    for _ in 0..30 {
        for &(part, wide, at_left) in sides {
            let at = left + part * (right - left);
            if at_left && at < 16.0 + wide && part < 0.95 {
                left = (16.0 + wide - part * right) / (1.0 - part);
            } else if !at_left && at > WIDTH - 16.0 - wide && part > 0.05 {
                right = (WIDTH - 16.0 - wide - left * (1.0 - part)) / part;
            }
        }
    }
    if right - left > 150.0 { (left, right) } else { (130.0, WIDTH - 130.0) }
}

impl Draw for CriticalDifference {
    fn svg(&self) -> String {
        let places = self.places();
        if places.is_empty() {
            return nothing(&self.title(), "no strategy has a rank");
        }
        let (first, last) = self.axis(&places);
        let n = places.len();
        // The better half hangs on the right.
        let better = n / 2;
        let part = |p: &Place| (last - p.rank) / (last - first);
        // Long names take two lines where the axis would be short otherwise.
        let mut labels = vec![];
        let (mut left, mut right) = (0.0, 0.0);
        for most in [170.0, 92.0] {
            let lines = |(i, p): (usize, &Place)| label(p, i < better, most);
            labels = places.iter().enumerate().map(lines).collect::<Vec<_>>();
            let side = |(i, p): (usize, &Place)| (part(p), widest(&labels[i]) + 14.0, i >= better);
            (left, right) = fitted(&places.iter().enumerate().map(side).collect::<Vec<_>>());
            let cut = labels.iter().flatten().any(|l| l.contains('…'));
            if right - left > 230.0 && !cut {
                break;
            }
        }
        let row_height = if labels.iter().any(|l| l.len() > 1) { 25.0 } else { ROW };

        let mut svg = Svg::default();
        let note = "the best at the right  ·  a bar joins those not told apart";
        let top = head(&mut svg, &self.title(), note);
        let scale = top + 8.0;
        let axis = scale + if self.critical.is_some() { 42.0 } else { 20.0 };
        let ranks = Scale::linear(0.0, last - first, 14, true);
        let across = Across { x: &ranks, left, right };
        self.draw_scale(&mut svg, &across, scale, last - first);
        svg.line((left, axis), (right, axis), INK, 1.4);
        let label = width(&format!("{last}"), Font::NOTE) + 8.0;
        let every = (label * (last - first) / (right - left)).ceil().max(1.0) as usize;
        for step in (0..=(last - first) as usize).step_by(every) {
            let at = across.at(last - first - step as f64);
            svg.line((at, axis - 6.0), (at, axis), INK, 1.4);
            let label = format!("{}", first + step as f64);
            svg.text((at, axis - 10.0), &label, Font::NOTE, Anchor::Middle, 60.0);
        }
        let bars = self.bars();
        let levels = bars.iter().map(|b| b.2 + 1).max().unwrap_or(0);
        let rows = axis + 14.0 + levels as f64 * BAR;
        for (i, p) in places.iter().enumerate() {
            let row = if i < better { i } else { n - 1 - i };
            let (x, y) = (across.at(last - p.rank), rows + 8.0 + row as f64 * row_height);
            let at_left = i >= better;
            let wide = widest(&labels[i]);
            // The line reaches from the axis to the name, which is in the margin.
            let (edge, at, anchor, room) = if at_left {
                let edge = (x - 8.0).min(16.0 + wide + 6.0);
                (edge, edge - 5.0, Anchor::End, edge - 6.0 - 8.0)
            } else {
                let edge = (x + 8.0).max(WIDTH - 16.0 - wide - 6.0);
                (edge, edge + 5.0, Anchor::Start, WIDTH - 8.0 - edge - 6.0)
            };
            let d = path(&[(x, axis), (x, y), (edge, y)]);
            svg.path(&d, colour(p.index), 1.2, r#"stroke-linejoin="round""#);
            svg.dot((x, axis), 3.2, colour(p.index), "");
            for (l, line) in labels[i].iter().enumerate() {
                let y = y + 3.6 - (labels[i].len() - 1) as f64 * 5.3 + l as f64 * 10.6;
                svg.text((at, y), line, LABEL, anchor, room);
            }
            svg.hover((x, axis), 6.0, &format!("{}: mean rank {}", p.name, say(p.rank)));
        }
        for (best, worst, level) in bars {
            let y = axis + 11.0 + level as f64 * BAR;
            let (from, to) = (across.at(last - worst) - 4.0, across.at(last - best) + 4.0);
            svg.path(&path(&[(from, y), (to, y)]), INK, 4.0, r#"stroke-linecap="round""#);
        }
        let mut y = rows + 8.0 + (n.div_ceil(2) as f64) * row_height + 2.0;
        for line in wrap(&self.note, Font::NOTE, WIDTH - 32.0).iter().filter(|l| !l.is_empty()) {
            y += 15.0;
            svg.text((16.0, y), line, Font::NOTE.fill(MUTED), Anchor::Start, WIDTH - 32.0);
        }
        svg.finish((WIDTH, y + 14.0), SHOWN, &self.title(), &self.describe(&places))
    }

    fn plain(&self) -> String {
        let title = fit(&format!("{} (1 is best)", self.title()), COLUMNS);
        let places = self.places();
        if places.is_empty() {
            return format!("{title}\nnothing to draw yet: no strategy has a rank\n");
        }
        let (first, last) = self.axis(&places);
        let name = places.iter().map(|p| len(p.name)).max().unwrap_or(0).min(28);
        let room = 30;
        let mut bars = self.bars();
        bars.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut out = format!("{title}\n");
        for p in &places {
            let at = ((last - p.rank) / (last - first) * (room - 1) as f64).round() as usize;
            let line: String = (0..room).map(|c| if c == at { '●' } else { '·' }).collect();
            let within =
                |b: &(f64, f64, usize)| if (b.0..=b.1).contains(&p.rank) { '█' } else { ' ' };
            let groups: String = bars.iter().take(12).map(within).collect();
            let row = format!("{:>6}  {}  {line}  {groups}", say(p.rank), cell(p.name, name));
            out += &(fit(row.trim_end(), COLUMNS) + "\n");
        }
        out += &format!("{:>6}  {:<name$}  {last:<15}{first:>15}\n", "rank", "");
        let critical = self.critical.map(|c| format!("critical difference {}. ", say(c)));
        let bars =
            if bars.is_empty() { "" } else { "A column of █ joins those not told apart. " };
        let below = format!("{}{bars}{}", critical.unwrap_or_default(), self.note);
        wrap_plain(below.trim(), COLUMNS).iter().for_each(|l| out += &format!("{l}\n"));
        out
    }
}

/// Seven made-up strategies.
pub(super) fn example() -> CriticalDifference {
    let ranks = [6.21, 3.35, 3.62, 5.66, 1.93, 2.24, 4.99];
    let rank = |(name, rank): (&&str, f64)| MeanRank { name: (*name).into(), rank };
    CriticalDifference {
        shown: "test accuracy, 150 trials".into(),
        ranks: NAMES.iter().zip(ranks).map(rank).collect(),
        cliques: vec![vec![4, 5], vec![1, 2], vec![3, 6], vec![0, 3]],
        critical: Some(0.64),
        note: "Friedman p < 0.001, Nemenyi at 0.05, 200 seeds.".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn of(ranks: &[f64]) -> CriticalDifference {
        let rank = |(i, &rank): (usize, &f64)| MeanRank { name: format!("strategy {i}"), rank };
        CriticalDifference { ranks: ranks.iter().enumerate().map(rank).collect(), ..example() }
    }

    #[test]
    fn bars_that_overlap_are_at_different_levels() {
        let chart = CriticalDifference {
            cliques: vec![vec![0, 1, 2], vec![1, 2, 3], vec![3, 4], vec![5]],
            ..of(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
        };
        assert_eq!(chart.bars(), [(4.0, 5.0, 0), (2.0, 4.0, 1), (1.0, 3.0, 0)]);
    }

    #[test]
    fn the_best_is_at_the_right() {
        let svg = of(&[2.0, 1.0]).svg();
        let x = |name: &str| -> f64 {
            let at = svg.find(&format!("<title>{name}: mean rank")).unwrap();
            let dot = &svg[svg[..at].rfind("cx=\"").unwrap() + 4..];
            dot.split('"').next().unwrap().parse().unwrap()
        };
        assert!(x("strategy 1") > x("strategy 0"));
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let long = "a very long name of a strategy & ".repeat(9);
        let mut named = of(&(1..=14).map(f64::from).collect::<Vec<_>>());
        named.ranks.iter_mut().for_each(|r| r.name = long.clone());
        let same = of(&[7.5; 14]);
        let all = CriticalDifference { cliques: vec![(0..14).collect()], ..same.clone() };
        let chain = (0..13).map(|i| vec![i, i + 1]).collect();
        let cases = [
            CriticalDifference::default(),
            of(&[]),
            of(&[1.0]),
            of(&[f64::NAN, 2.0, f64::INFINITY, -4.0]),
            of(&[1.0, 1e5]),
            CriticalDifference { critical: Some(99.0), ..example() },
            CriticalDifference {
                critical: Some(f64::NAN),
                cliques: vec![vec![99, 1]],
                ..example()
            },
            CriticalDifference { critical: None, note: String::new(), ..example() },
            CriticalDifference { note: long.clone(), shown: long, ..example() },
            CriticalDifference {
                cliques: chain,
                ..of(&(0..14).map(|i| 1.0 + f64::from(i) * 0.9).collect::<Vec<_>>())
            },
            named,
            same,
            all,
        ];
        cases.iter().for_each(check::chart);
    }
}
