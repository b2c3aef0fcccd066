//! How important decisions are: a bar for each, the most important first. Only the shares count, so the bars are named
//! by what they add up to.

use super::Draw;
use super::lines::{Across, LABEL, Rows, remarks};
use super::plain::{COLUMNS, cell, fit, heading, len};
use super::plot::{Scale, head, x_axis};
use super::svg::{Anchor, SHOWN, Svg, WIDTH, nothing};
use super::theme::{INK, MUTED, colour, width};
use crate::words::usable;
use serde::{Deserialize, Serialize};

/// The importance of the decisions of a space.
///
/// ```
/// use nascent::chart::{Chart, Importances, ImportanceRow};
/// let row = |name: &str, importance| ImportanceRow { name: name.into(), importance, share: 1.0 };
/// let chart = Chart::new(Importances {
///     metric: "accuracy".into(),
///     method: "PED-ANOVA: the best 10 % against all".into(),
///     shown: "300 trials".into(),
///     rows: vec![row("depth", 0.2), row("width", 0.8)],
/// });
/// assert!(chart.plain().contains("width ") && chart.plain().contains("80 %"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Importances {
    /// The name of the score.
    pub metric: String,
    /// How importance was measured.
    pub method: String,
    /// What it was measured on: `300 trials`.
    pub shown: String,
    /// The decisions, in any order.
    pub rows: Vec<ImportanceRow>,
}

/// One decision of [`Importances`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ImportanceRow {
    /// The name of the decision.
    pub name: String,
    /// Its importance, 0 or more; what is drawn is its share of the sum.
    pub importance: f64,
    /// The share of the trials that have the decision at all, 0 to 1.
    pub share: f64,
}

/// The most bars; of more, the rest are one sentence.
const MOST: usize = 20;

/// A bar: the decision, its share of the importance in percent, and what is said beside it.
struct Bar<'a> {
    row: &'a ImportanceRow,
    percent: f64,
    note: String,
}

/// A share in percent, with a digit where it is small.
fn percent(v: f64) -> String {
    match v {
        _ if v >= 9.95 => format!("{v:.0} %"),
        _ if v >= 0.05 => format!("{v:.1} %"),
        _ if v > 0.0 => "< 0.1 %".into(),
        _ => "0 %".into(),
    }
}

impl Importances {
    fn title(&self) -> String {
        let metric = if self.metric.is_empty() { "score" } else { &self.metric };
        format!("Importance of decisions for {metric}")
    }

    /// All bars, the longest first.
    fn bars(&self) -> Vec<Bar<'_>> {
        let counts = |r: &&ImportanceRow| usable(r.importance) && r.importance >= 0.0;
        let rows: Vec<&ImportanceRow> = self.rows.iter().filter(counts).collect();
        // Parts of the largest, so that the sum does not overflow.
        let most = rows.iter().map(|r| r.importance).fold(0.0, f64::max);
        let part = |r: &ImportanceRow| if most > 0.0 { r.importance / most } else { 0.0 };
        let sum: f64 = rows.iter().map(|r| part(r)).sum();
        if sum == 0.0 {
            return vec![];
        }
        let bar = |row: &'_ ImportanceRow| part(row) / sum * 100.0;
        let mut bars: Vec<Bar> = rows
            .into_iter()
            .map(|row| Bar { row, percent: bar(row), note: in_some(row.share) })
            .collect();
        bars.sort_by(|a, b| b.percent.total_cmp(&a.percent));
        bars
    }

    fn why_empty(&self) -> &'static str {
        match self.rows.is_empty() {
            true => "no decision has been measured",
            false => "no decision tells better trials from others",
        }
    }

    /// What is said of the bars that are not drawn.
    fn rest(&self, bars: &[Bar]) -> String {
        let Some(rest) = bars.get(MOST..).filter(|rest| !rest.is_empty()) else {
            return String::new();
        };
        let sum: f64 = rest.iter().map(|b| b.percent).sum();
        format!("{} more have {} together", rest.len(), percent(sum))
    }
}

/// Where a decision does not exist in all trials.
fn in_some(share: f64) -> String {
    match (0.0..0.995).contains(&share) {
        true => format!("in {} of the trials", percent(share * 100.0)),
        false => String::new(),
    }
}

impl Draw for Importances {
    fn svg(&self) -> String {
        let all = self.bars();
        if all.is_empty() {
            return nothing(&self.title(), self.why_empty());
        }
        let bars = &all[..all.len().min(MOST)];
        let mut svg = Svg::default();
        let note = remarks(&[&self.method, &self.shown, &self.rest(&all)]);
        let top = head(&mut svg, &self.title(), &note) - 4.0;
        let names: Vec<String> = bars.iter().map(|b| b.row.name.clone()).collect();
        let rows = Rows::new(&names, top, 22.0, 190.0);
        // The longest bar leaves room for what is written after it.
        let right = WIDTH - 16.0;
        let high = bars[0].percent;
        let says = |b: &Bar| {
            let note = if b.note.is_empty() { 0.0 } else { width(&b.note, LABEL) + 8.0 };
            (width(&percent(b.percent), LABEL.bold()) + 6.0, note)
        };
        let room = right - rows.left;
        let fits = |b: &Bar| {
            let (value, note) = says(b);
            (room - value - note).max(40.0) / b.percent.max(1e-9)
        };
        let unit = bars.iter().map(fits).fold(room / high, f64::min);
        let x = Scale::linear(0.0, room / unit, 5, false).only(0.0, high * 1.02).thin(room);
        let across = Across { x: &x, left: rows.left, right };
        across.grid(&mut svg, top, rows.bottom());
        rows.write(&mut svg);
        for (i, bar) in bars.iter().enumerate() {
            let (y, end) = (rows.y(i), across.at(bar.percent));
            svg.rect((rows.left, y + 4.0, end - rows.left, 14.0), 1.5, colour(0), "");
            let (value, _) = says(bar);
            let text = percent(bar.percent);
            svg.text((end + 4.0, y + 14.6), &text, LABEL.bold().fill(INK), Anchor::Start, value);
            let at = (end + value + 4.0, y + 14.6);
            svg.text(at, &bar.note, LABEL.fill(MUTED), Anchor::Start, WIDTH - 10.0 - at.0);
            let more = if bar.note.is_empty() { "" } else { ", " };
            let tip = format!("{}: {text}{more}{}", bar.row.name, bar.note);
            svg.tip((rows.left, y, right - rows.left, 22.0), &tip);
        }
        let name = "share of the importance (%)";
        x_axis(&mut svg, &x, (rows.left, right), rows.bottom(), name);
        let said: Vec<String> =
            bars.iter().map(|b| format!("{} {}", b.row.name, percent(b.percent))).collect();
        let about =
            format!("{} ({}; {}). {}", self.title(), self.method, self.shown, said.join(", "));
        svg.finish((WIDTH, rows.bottom() + 46.0), SHOWN, &self.title(), &about)
    }

    fn plain(&self) -> String {
        let title = fit(&self.title(), COLUMNS);
        let bars = self.bars();
        if bars.is_empty() {
            return format!("{title}\nnothing to draw yet: {}\n", self.why_empty());
        }
        let shown: Vec<&str> =
            [&self.method[..], &self.shown].into_iter().filter(|s| !s.is_empty()).collect();
        let mut out = heading(&title, &shown.join(", "));
        let name = bars.iter().take(MOST).map(|b| len(&b.row.name)).max().unwrap_or(0).min(30);
        for bar in bars.iter().take(MOST) {
            let eighths = (bar.percent / bars[0].percent * 24.0 * 8.0).round() as usize;
            let part = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8];
            let drawn = format!("{}{part}", "█".repeat(eighths / 8));
            let (name, value) = (cell(&bar.row.name, name), percent(bar.percent));
            let line = format!("  {name} {drawn} {value}  {}", bar.note);
            out += &(fit(line.trim_end(), COLUMNS).trim_end().to_string() + "\n");
        }
        let rest = self.rest(&bars);
        if rest.is_empty() { out } else { out + &format!("  {rest}\n") }
    }
}

/// Six decisions of a cell and one that few networks have.
pub(super) fn example() -> Importances {
    let row = |(name, importance, share): (&str, f64, f64)| ImportanceRow {
        name: name.into(),
        importance,
        share,
    };
    let rows = [
        ("cell.0-1", 0.06, 1.0),
        ("cell.0-2", 0.11, 1.0),
        ("cell.1-2", 0.08, 1.0),
        ("cell.0-3", 0.44, 1.0),
        ("cell.1-3", 0.1, 1.0),
        ("cell.2-3", 0.18, 1.0),
        ("head.linear.width", 0.03, 0.38),
    ];
    Importances {
        metric: "validation accuracy".into(),
        method: "PED-ANOVA: the best 10 % against all".into(),
        shown: "300 trials".into(),
        rows: rows.into_iter().map(row).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn of(values: &[f64], name: &str) -> Importances {
        let row = |(i, &importance): (usize, &f64)| ImportanceRow {
            name: format!("{name} {i}"),
            importance,
            share: 1.0 - i as f64 / 7.0,
        };
        Importances { rows: values.iter().enumerate().map(row).collect(), ..example() }
    }

    #[test]
    fn bars_are_shares_in_order() {
        let chart = of(&[1.0, 3.0, f64::NAN, -1.0, 0.0], "d");
        let shares: Vec<f64> = chart.bars().iter().map(|b| b.percent).collect();
        assert_eq!(shares, [75.0, 25.0, 0.0]);
        assert_eq!([75.0, 9.94, 0.01, 0.0].map(percent), ["75 %", "9.9 %", "< 0.1 %", "0 %"]);
        assert!(chart.plain().contains("d 1"), "{}", chart.plain());
        assert!(of(&[0.0; 3], "d").plain().contains("no decision tells better trials from others"));
        let many = of(&[1.0; 40], "d").plain();
        assert!(many.contains("20 more have 50 % together"), "{many}");
    }

    #[test]
    fn what_only_some_trials_have_is_said() {
        let said = example().svg();
        assert_eq!(said.matches(">in 38 % of the trials<").count(), 1);
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let long = "a very long name of a decision & ".repeat(9);
        let cases = [
            Importances::default(),
            of(&[], "d"),
            of(&[0.0, 0.0], "d"),
            of(&[f64::NAN, f64::INFINITY, -1.0], "d"),
            of(&[1.0], "d"),
            of(&[f64::MAX, f64::MAX, 1e-300], "d"),
            of(&[1e-300, 1e-310], "d"),
            of(&(0..300).map(f64::from).collect::<Vec<_>>(), &long),
            Importances { method: long.clone(), shown: long.clone(), metric: long, ..example() },
        ];
        cases.iter().for_each(check::chart);
    }
}
