//! Final results of many seeds: one row per strategy, one dot per seed, a box from the first to the third
//! quartile, a bar at the median. Two strategies whose boxes hardly overlap differ in most seeds.

use super::bands::NAMES;
use super::lines::{Across, LABEL, Reference, Rows, path, remarks};
use super::plain::{COLUMNS, cell, fit, heading, len};
use super::plot::{Scale, head, off_scale, padded, x_axis, zoomed};
use super::svg::{Anchor, SHOWN, Svg, WIDTH, n};
use super::theme::{CARD, INK, MUTED, colour, width};
use super::{Draw, svg::nothing};
use crate::words::{capital, direction, plural, score, usable};
use serde::{Deserialize, Serialize};

/// The final results of every seed of several strategies, in the order given.
///
/// ```
/// use nascent::chart::{Chart, Spread, SpreadRow};
/// let row = |name: &str, values: &[f64]| SpreadRow { name: name.into(), values: values.to_vec() };
/// let chart = Chart::new(Spread {
///     metric: "accuracy (%)".into(),
///     maximise: true,
///     rows: vec![row("random", &[92.1, 92.9, 93.0]), row("evolution", &[93.6, 93.9, 94.0])],
///     ..Spread::default()
/// });
/// assert!(chart.plain().contains("93.90 3 seeds"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// What the values are, with their unit: `test accuracy (%)`.
    pub metric: String,
    /// Whether higher is better.
    pub maximise: bool,
    /// What is shown: `after 150 trials, 200 seeds`.
    pub shown: String,
    /// A value to compare with.
    pub reference: Option<Reference>,
    /// The strategies.
    pub rows: Vec<SpreadRow>,
}

/// One strategy of a [`Spread`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SpreadRow {
    /// The name of the strategy.
    pub name: String,
    /// One value per seed, in any order.
    pub values: Vec<f64>,
}

/// Sorted values that can be drawn.
fn sorted(row: &SpreadRow) -> Vec<f64> {
    let mut values: Vec<f64> = row.values.iter().copied().filter(|v| usable(*v)).collect();
    values.sort_by(f64::total_cmp);
    values
}

/// A quantile of sorted values, linear between neighbours; `NaN` without values.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let place = q * sorted.len().saturating_sub(1) as f64;
    let value = |i: usize| sorted.get(i).copied().unwrap_or(f64::NAN);
    let (below, above) = (value(place as usize), value(place.ceil() as usize));
    below + (above - below) * place.fract()
}

pub(super) fn quartiles(sorted: &[f64]) -> [f64; 3] {
    [0.25, 0.5, 0.75].map(|q| quantile(sorted, q))
}

impl Spread {
    fn metric(&self) -> &str {
        if self.metric.is_empty() { "score" } else { &self.metric }
    }

    fn title(&self) -> String {
        format!("{} of every seed", capital(self.metric()))
    }

    /// The axis: all quartiles, and all values that are not far off.
    fn scale(&self, rows: &[Vec<f64>]) -> Scale {
        let mut view = zoomed(rows.concat(), self.maximise, 8.0);
        view.extend(rows.iter().flat_map(|r| quartiles(r)).filter(|v| usable(*v)));
        view.extend(self.reference.iter().map(|r| r.value).filter(|v| usable(*v)));
        let (lo, hi) = padded(&view, 0.03, 0.03);
        Scale::linear(lo, hi, 5, false)
    }

    fn describe(&self, rows: &[Vec<f64>]) -> String {
        let said = self.rows.iter().zip(rows).map(|(row, v)| says(&row.name, v));
        let said = said.collect::<Vec<_>>().join("; ");
        let reference =
            self.reference.as_ref().map_or(String::new(), |r| format!("; {}", r.says()));
        let (shown, direction) = (&self.shown, direction(self.maximise));
        format!("{} ({direction}; {shown}). {said}{reference}", self.title())
    }
}

/// A row in words.
fn says(name: &str, values: &[f64]) -> String {
    let [q1, q2, q3] = quartiles(values).map(score);
    match values.len() {
        0 => format!("{name}: no values"),
        1 => format!("{name}: {q2} from one seed"),
        n => format!("{name}: median {q2}, quartiles {q1} and {q3}, {n} seeds"),
    }
}

/// The dots of a row as one path of round points. They pile up where values are dense; steps of the
/// golden ratio through the sorted values keep neighbours apart.
pub(super) fn dots(svg: &mut Svg, across: &Across, values: &[f64], bottom: f64, fill: &str) {
    const HIGH: f64 = 9.5;
    let bin = |v: f64| ((across.at(v) - across.left) / 4.0).max(0.0) as usize + 1;
    let mut counts = vec![0.0; bin(across.x.ends().1) + 3];
    values.iter().for_each(|v| counts[bin(*v)] += 1.0);
    let dense = |b: usize| counts[b - 1] + 2.0 * counts[b] + counts[b + 1];
    let most = values.iter().map(|v| dense(bin(*v))).fold(1.0, f64::max);
    let mut seen = std::collections::HashSet::new();
    // If there are thousands, one per pixel.
    let fine = if values.len() > 5000 { 1.0 } else { 2.0 };
    let mut d = String::new();
    for (i, &v) in values.iter().enumerate() {
        let up = (i as f64 * 0.618_033_988_75 + 0.5).fract() * (0.25 + 0.75 * dense(bin(v)) / most);
        let (x, y) = (across.at(v), bottom - up * HIGH);
        if seen.insert(((x * fine) as i64, (y * fine) as i64)) {
            d += &format!("M{} {}h0", n(x), n(y));
        }
    }
    let (size, alpha) = match values.len() {
        0..=30 => (3.6, 0.75),
        31..=120 => (2.8, 0.6),
        121..=400 => (2.1, 0.55),
        _ => (1.5, 0.5),
    };
    svg.path(&d, fill, size, &format!(r#"stroke-linecap="round" stroke-opacity="{alpha}""#));
}

/// Box and median of a row.
pub(super) fn draw_box(svg: &mut Svg, across: &Across, values: &[f64], y: f64, fill: &'static str) {
    let [q1, q2, q3] = quartiles(values).map(|v| across.at(v));
    if values.len() > 1 {
        let look = format!(r#"fill-opacity="0.28" stroke="{fill}" stroke-width="1""#);
        svg.rect((q1, y, (q3 - q1).max(0.5), 7.0), 1.5, fill, &look);
    }
    svg.path(&path(&[(q2, y - 1.5), (q2, y + 8.5)]), CARD, 4.5, "");
    svg.path(&path(&[(q2, y - 1.0), (q2, y + 8.0)]), INK, 2.4, "");
}

/// Values in a line of a terminal: a dot each, their quartiles and their median.
pub(super) fn strip(all: &[f64], x: &Scale, room: usize) -> String {
    let place = |v: f64| (x.unit(v).clamp(0.0, 1.0) * (room - 1) as f64).round() as usize;
    let mut cells = vec![' '; room];
    all.iter().for_each(|v| cells[place(*v)] = '·');
    if !all.is_empty() {
        let [q1, q2, q3] = quartiles(all).map(place);
        cells[q1..=q3].fill('▒');
        cells[q2] = '█';
    }
    cells.into_iter().collect()
}

impl Draw for Spread {
    fn svg(&self) -> String {
        let values: Vec<Vec<f64>> = self.rows.iter().map(sorted).collect();
        if values.iter().all(Vec::is_empty) {
            return nothing(&self.title(), "no seed has a value");
        }
        let x = self.scale(&values);
        let inside = |v: &f64| (0.0..=1.0).contains(&x.unit(*v));
        let hidden: Vec<f64> = values.iter().flatten().copied().filter(|v| !inside(v)).collect();
        let far = off_scale(&hidden, self.maximise, false);
        let mut svg = Svg::default();
        let note = remarks(&[&self.shown, direction(self.maximise), &far]);
        let top = head(&mut svg, &self.title(), &note) + 6.0;
        let names: Vec<String> = self.rows.iter().map(|r| r.name.clone()).collect();
        let rows = Rows::new(&names, top, 25.0, 128.0);
        let medians: Vec<String> = values.iter().map(|v| score(quantile(v, 0.5))).collect();
        let wide = medians.iter().map(|m| width(m, LABEL)).fold(36.0, f64::max);
        let right = WIDTH - 16.0 - wide - 8.0;
        let x = x.clone().thin(right - rows.left);
        let across = Across { x: &x, left: rows.left, right };
        across.grid(&mut svg, top, rows.bottom());
        rows.rules(&mut svg, right);
        rows.write(&mut svg);
        svg.text((WIDTH - 16.0, top - 4.0), "median", LABEL.fill(MUTED), Anchor::End, wide + 8.0);
        if let Some(reference) = &self.reference {
            across.reference(&mut svg, reference, top, rows.bottom());
        }
        for (i, all) in values.iter().enumerate() {
            let y = rows.y(i);
            let seen: Vec<f64> = all.iter().copied().filter(inside).collect();
            dots(&mut svg, &across, &seen, y + 22.5, colour(i));
            if seen.len() < all.len() {
                let (edge, turn) =
                    if self.maximise { (rows.left + 3.0, 1) } else { (right - 3.0, -1) };
                edge_mark(&mut svg, (edge, y + 17.0), turn, colour(i));
            }
            if !all.is_empty() {
                draw_box(&mut svg, &across, all, y + 4.0, colour(i));
            }
            let font = LABEL.bold();
            let at = (WIDTH - 16.0, y + 25.0 / 2.0 + 3.6);
            svg.text(at, &medians[i], font, Anchor::End, wide * 1.1 + 1.0);
            svg.tip((rows.left, y, right - rows.left, 25.0), &says(&self.rows[i].name, all));
        }
        x_axis(&mut svg, &x, (rows.left, right), rows.bottom(), self.metric());
        let size = (WIDTH, rows.bottom() + 46.0);
        svg.finish(size, SHOWN, &self.title(), &self.describe(&values))
    }

    fn plain(&self) -> String {
        let title = fit(&format!("{} ({})", self.title(), direction(self.maximise)), COLUMNS);
        let values: Vec<Vec<f64>> = self.rows.iter().map(sorted).collect();
        if values.iter().all(Vec::is_empty) {
            return format!("{title}\nnothing to draw yet: no seed has a value\n");
        }
        let x = self.scale(&values);
        let name = self.rows.iter().map(|r| len(&r.name)).max().unwrap_or(0).min(22);
        let room = 38;
        let mut out = heading(&title, &self.shown);
        for (row, all) in self.rows.iter().zip(&values) {
            let bar = strip(all, &x, room);
            let median = score(quantile(all, 0.5));
            let seeds = plural(all.len(), "seed");
            let line = format!("  {} {bar} {median:>7} {seeds}", cell(&row.name, name));
            out += &(fit(line.trim_end(), COLUMNS) + "\n");
        }
        let (lo, hi) = x.ends();
        let says = format!("{} to {}; ▒ middle half, █ median", score(lo), score(hi));
        out += &(fit(&format!("  {:<name$} {says}", ""), COLUMNS) + "\n");
        if let Some(reference) = &self.reference {
            out += &(fit(&format!("  {}", reference.says()), COLUMNS) + "\n");
        }
        out
    }
}

/// A small triangle at the edge, for seeds beyond it: to the left for `1`, to the right for `-1`.
pub(super) fn edge_mark(svg: &mut Svg, (x, y): (f64, f64), turn: i32, fill: &str) {
    let dx = 5 * turn;
    svg.area(&format!("M{} {}v6l{} -3Z", n(x + f64::from(dx) - 2.0), n(y - 3.0), -dx), fill, "");
}

/// Seven made-up strategies, two hundred seeds each.
pub(super) fn example() -> Spread {
    let mut rng = crate::rng::Rng::from_u64(3);
    let row = |(i, name): (usize, &&str)| {
        let gap = [1.3, 0.5, 0.55, 1.1, 0.25, 0.3, 0.9][i];
        let values = (0..200).map(|_| 94.37 - gap * (0.5 * rng.normal()).exp()).collect();
        SpreadRow { name: (*name).into(), values }
    };
    Spread {
        metric: "test accuracy (%)".into(),
        maximise: true,
        shown: "after 150 trials, 200 seeds".into(),
        reference: Some(Reference::new("optimum", 94.37)),
        rows: NAMES.iter().enumerate().map(row).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    #[test]
    fn quartiles_are_those_of_numpy() {
        // numpy.quantile([3, 1, 4, 1, 5, 9, 2, 6], [.25, .5, .75]) is [1.75, 3.5, 5.25].
        let row = SpreadRow { name: String::new(), values: vec![3., 1., 4., 1., 5., 9., 2., 6.] };
        assert_eq!(quartiles(&sorted(&row)), [1.75, 3.5, 5.25]);
        assert_eq!(quartiles(&[7.0]), [7.0; 3]);
        assert!(quartiles(&[]).iter().all(|q| q.is_nan()));
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let long = "a very long name of a strategy & ".repeat(9);
        let of = |rows: Vec<Vec<f64>>| Spread {
            rows: rows.into_iter().map(|values| SpreadRow { name: "s".into(), values }).collect(),
            ..example()
        };
        let many = |n: usize, name: &str| Spread {
            rows: (0..n)
                .map(|i| SpreadRow {
                    name: format!("{name} {i}"),
                    values: (0..1000).map(|k| f64::from(k * 7919 % 1000 + i as i32)).collect(),
                })
                .collect(),
            reference: None,
            ..example()
        };
        let cases = [
            Spread::default(),
            of(vec![]),
            of(vec![vec![]]),
            of(vec![vec![94.0]]),
            Spread { reference: None, ..of(vec![vec![0.0]]) },
            of(vec![vec![1.0; 50], vec![], vec![f64::NAN, f64::INFINITY]]),
            of(vec![vec![-1e99, 1e99]]),
            Spread { maximise: false, ..of(vec![vec![1.0, 1.1, 1.2, 1.3, 1e6]]) },
            Spread { reference: Some(Reference::new(&long, 94.0)), ..example() },
            many(14, "regularized evolution"),
            many(14, &long),
        ];
        cases.iter().for_each(check::chart);
        assert!(many(14, "s").svg().len() < 250_000, "{}", many(14, "s").svg().len());
    }

    #[test]
    fn far_seeds_are_counted_not_lost() {
        let mut chart = example();
        chart.rows[0].values.push(10.0);
        assert!(chart.svg().contains("◂ 1 left of the axis, at "));
    }
}
