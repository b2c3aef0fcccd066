//! What a controller has learned: for every decision, a small panel with the stacked probabilities of
//! its options over trials. At first all options are equally likely; where a band fills its panel, the
//! decision has been made.

use super::Draw;
use super::bands::across;
use super::lines::{LABEL, apart, path, remarks};
use super::plain::{COLUMNS, cell, fit, heading, len, spark};
use super::plot::{AXIS, head, share};
use super::svg::{Anchor, SHOWN, Svg, WIDTH, nothing};
use super::theme::{CARD, Font, INK, MUTED, colour, width};
use crate::words::{human_count, usable};
use serde::{Deserialize, Serialize};

/// How the probabilities of options move over trials.
///
/// ```
/// use nascent::chart::{Chart, DecisionProbabilities, Probabilities};
/// let kernel = DecisionProbabilities {
///     name: "kernel size".into(),
///     options: vec!["3".into(), "5".into()],
///     x: vec![1.0, 50.0],
///     probabilities: vec![vec![0.5, 0.5], vec![0.9, 0.1]],
/// };
/// let chart = Chart::new(Probabilities { decisions: vec![kernel], ..Probabilities::default() });
/// assert!(chart.svg().contains("kernel size: 3 from 50 % to 90 %"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Probabilities {
    /// What the horizontal axis counts: `trials`.
    pub x: String,
    /// What is shown: `REINFORCE, learning rate 0.1`.
    pub shown: String,
    /// The decisions.
    pub decisions: Vec<DecisionProbabilities>,
}

/// One decision of [`Probabilities`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DecisionProbabilities {
    /// The name of the decision: `kernel size`.
    pub name: String,
    /// The names of its options.
    pub options: Vec<String>,
    /// The places on the horizontal axis, in order.
    pub x: Vec<f64>,
    /// `probabilities[k][o]` is the probability of option `o` at `x[k]`; each row is scaled to sum
    /// to 1.
    pub probabilities: Vec<Vec<f64>>,
}

impl DecisionProbabilities {
    /// Places with the probabilities of all options, as far as they can be drawn.
    fn rows(&self) -> Vec<(f64, Vec<f64>)> {
        let row = |(x, row): (&f64, &Vec<f64>)| {
            let part =
                |o: usize| row.get(o).copied().filter(|p| usable(*p)).unwrap_or(0.0).max(0.0);
            let parts: Vec<f64> = (0..self.options.len()).map(part).collect();
            // As shares of the largest, because their sum is always finite.
            let most = parts.iter().copied().fold(0.0, f64::max);
            let parts: Vec<f64> = parts.iter().map(|p| p / most).collect();
            let sum: f64 = parts.iter().sum();
            let ok = usable(*x) && most > 0.0;
            ok.then(|| (*x, parts.iter().map(|p| p / sum).collect()))
        };
        self.x.iter().zip(&self.probabilities).filter_map(row).collect()
    }
}

/// A decision as it is drawn.
struct Panel<'a> {
    decision: &'a DecisionProbabilities,
    rows: Vec<(f64, Vec<f64>)>,
}

impl Panel<'_> {
    /// The last probability of every option with its place, the most likely first.
    fn last(&self) -> Vec<(usize, f64)> {
        let last = self.rows.last().map_or(&[][..], |r| &r.1);
        let mut all: Vec<(usize, f64)> = last.iter().copied().enumerate().collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        all
    }

    /// An option in words.
    fn says(&self, o: usize) -> String {
        let at =
            |row: Option<&(f64, Vec<f64>)>| row.and_then(|r| r.1.get(o)).map_or(0.0, |p| p * 100.0);
        let name = self.decision.options.get(o).map_or("", String::as_str);
        let (first, last) = (at(self.rows.first()), at(self.rows.last()));
        format!("{}: {name} from {first:.0} % to {last:.0} %", self.decision.name)
    }
}

const TITLE: &str = "Probabilities of the options";
/// Height of the stack of a panel, of its name, and the least distance of labels.
const HIGH: f64 = 66.0;
const NAME: f64 = 17.0;
const STEP: f64 = 10.5;
const SMALL: Font = Font { size: 9.0, fill: INK, bold: false, mono: false };

impl Probabilities {
    fn panels(&self) -> Vec<Panel<'_>> {
        let all = self.decisions.iter().map(|decision| Panel { decision, rows: decision.rows() });
        all.filter(|p| !p.rows.is_empty() && !p.decision.options.is_empty()).collect()
    }

    fn x_name(&self) -> &str {
        if self.x.is_empty() { "trials" } else { &self.x }
    }

    /// The first and the last place of all panels.
    fn ends(panels: &[Panel]) -> (f64, f64) {
        let xs: Vec<f64> = panels.iter().flat_map(|p| &p.rows).map(|r| r.0).collect();
        across(&xs, false).ends()
    }

    fn describe(&self, panels: &[Panel]) -> String {
        let said = panels.iter().filter_map(|p| Some(p.says(p.last().first()?.0)));
        let said = said.collect::<Vec<_>>().join("; ");
        let (x, shown) = (self.x_name(), &self.shown);
        format!("{TITLE} over {x}. {shown}. The most likely at the end: {said}")
    }
}

/// A panel in its area: left, top, width; `labels` is the room for the names of options.
fn draw(
    svg: &mut Svg,
    panel: &Panel,
    (left, top, wide): (f64, f64, f64),
    labels: f64,
    (from, to): (f64, f64),
) {
    let options = &panel.decision.options;
    let right = left + wide - labels - 10.0;
    let room = ((HIGH + 4.0) / STEP) as usize;
    svg.text((left, top + 11.0), &panel.decision.name, LABEL.bold(), Anchor::Start, wide);
    let (begin, end) = (top + NAME, top + NAME + HIGH);
    let at = |x: f64| left + share(x, (from, to)).clamp(0.0, 1.0) * (right - left);
    // Sums of the options before each, at every place.
    let mut below = vec![0.0; panel.rows.len()];
    let every = (panel.rows.len() / 150).max(1);
    let last = panel.rows.len() - 1;
    let kept = |k: &usize| k.is_multiple_of(every) || *k == last;
    let mut middles = vec![0.0; options.len()];
    for (o, middle) in middles.iter_mut().enumerate() {
        let above: Vec<f64> = panel.rows.iter().zip(&below).map(|(r, b)| b + r.1[o]).collect();
        let edge = |sums: &[f64]| -> Vec<(f64, f64)> {
            let point = |k: usize| (at(panel.rows[k].0), begin + sums[k].min(1.0) * HIGH);
            (0..=last).filter(kept).map(point).collect()
        };
        let (upper, mut round) = (edge(&below), edge(&above));
        round.reverse();
        round.extend(upper);
        let mut round = path(&round) + "Z";
        if last == 0 {
            let (y0, y1) = (begin + below[0] * HIGH, begin + above[0].min(1.0) * HIGH);
            round = path(&[(left, y0), (right, y0), (right, y1), (left, y1)]) + "Z";
        }
        // From the ninth option on, colours are repeated, paler.
        let alpha = if o < 8 { 0.78 } else { 0.45 };
        let look = format!(r#"fill-opacity="{alpha}" stroke="{CARD}" stroke-width="0.8""#);
        svg.area(&round, colour(o), &look);
        *middle = begin + (below[last] + above[last]) / 2.0 * HIGH;
        below = above;
    }
    svg.line((left, end), (right, end), AXIS, 1.0);
    let mut named: Vec<usize> = panel.last().iter().take(room).map(|l| l.0).collect();
    named.sort_unstable();
    // Slightly apart in the order of the stack, so that options of zero height keep this order.
    let wanted = |(i, o): (usize, &usize)| middles[*o] + i as f64 * 1e-6;
    let wanted: Vec<f64> = named.iter().enumerate().map(wanted).collect();
    let places = apart(&wanted, STEP, (begin + 3.0, end - 1.0));
    for (o, y) in named.into_iter().zip(places) {
        svg.path(&path(&[(right + 1.0, middles[o]), (right + 7.0, y)]), colour(o), 1.4, "");
        svg.text((right + 10.0, y + 3.2), &options[o], SMALL, Anchor::Start, labels + 1.0);
        let tip = (right + 2.0, y - STEP / 2.0, left + wide - right - 2.0, STEP);
        svg.tip(tip, &panel.says(o));
    }
    let all: Vec<String> = panel.last().iter().take(12).map(|l| panel.says(l.0)).collect();
    svg.tip((left, begin, right - left, HIGH), &all.join("\n"));
    let font = SMALL.fill(MUTED);
    if options.len() > room {
        let more = format!("+ {}", options.len() - room);
        svg.text((right + 10.0, end + 11.0), &more, font, Anchor::Start, labels + 1.0);
    }
    let ends = [(from, left, Anchor::Start), (to, right, Anchor::End)];
    if right - left > 60.0 {
        for (x, at, anchor) in ends {
            svg.text((at, end + 11.0), &human_count(x), font, anchor, (right - left) / 2.0 - 2.0);
        }
    }
}

impl Draw for Probabilities {
    fn svg(&self) -> String {
        let panels = self.panels();
        if panels.is_empty() {
            return nothing(TITLE, "no decision has probabilities");
        }
        let mut svg = Svg::default();
        let over = format!("over {}", self.x_name());
        let top = head(&mut svg, TITLE, &remarks(&[&self.shown, &over])) - 6.0;
        let columns = panels.len().min(2);
        let gap = 22.0;
        let wide = (WIDTH - 32.0 - gap * (columns - 1) as f64) / columns as f64;
        let row = NAME + HIGH + 22.0;
        let ends = Self::ends(&panels);
        let options = panels.iter().flat_map(|p| &p.decision.options);
        let labels = options.map(|o| width(o, SMALL)).fold(0.0, f64::max).min(wide * 0.42);
        for (i, panel) in panels.iter().enumerate() {
            let left = 16.0 + (i % columns) as f64 * (wide + gap);
            draw(&mut svg, panel, (left, top + (i / columns) as f64 * row, wide), labels, ends);
        }
        let height = top + panels.len().div_ceil(columns) as f64 * row + 4.0;
        svg.finish((WIDTH, height), SHOWN, TITLE, &self.describe(&panels))
    }

    fn plain(&self) -> String {
        let panels = self.panels();
        if panels.is_empty() {
            return format!("{TITLE}\nnothing to draw yet: no decision has probabilities\n");
        }
        let mut out = heading(TITLE, &self.shown);
        let name = panels.iter().flat_map(|p| &p.decision.options).map(|o| len(o)).max();
        let name = name.unwrap_or(0).min(26);
        for panel in &panels {
            out += &(fit(&panel.decision.name, COLUMNS) + "\n");
            let last = panel.last();
            for &(o, p) in last.iter().take(8) {
                let values: Vec<f64> = panel.rows.iter().map(|r| r.1[o]).collect();
                let line = spark(&values, (0.0, 1.0), 40);
                let (label, p) = (cell(&panel.decision.options[o], name), p * 100.0);
                out += &(fit(&format!("  {label}  {line:<40}  {p:>3.0} %"), COLUMNS) + "\n");
            }
            if last.len() > 8 {
                out += &format!("  and {} more\n", last.len() - 8);
            }
        }
        let (from, to) = Self::ends(&panels);
        let (from, to) = (human_count(from), human_count(to));
        let range = format!("{} {from} to {to}, blocks from 0 to 100 %", self.x_name());
        out + &fit(&range, COLUMNS) + "\n"
    }
}

/// A made-up controller of six decisions.
pub(super) fn example() -> Probabilities {
    let decision = |(d, (name, options)): (usize, &(&str, &[&str]))| {
        let x: Vec<f64> = (0..=60).map(|k| f64::from(k * 5)).collect();
        let logit = |o: usize, t: f64| {
            let pull = ((o * 5 + d * 3) % 7) as f64 / 7.0;
            t / 300.0 * (4.0 * pull + 0.5 * (t / 40.0 + o as f64 + d as f64).sin())
        };
        let row =
            |t: &f64| -> Vec<f64> { (0..options.len()).map(|o| logit(o, *t).exp()).collect() };
        DecisionProbabilities {
            name: (*name).into(),
            options: options.iter().map(|o| o.to_string()).collect(),
            probabilities: x.iter().map(row).collect(),
            x,
        }
    };
    let decisions: [(&str, &[&str]); 6] = [
        ("first channels", &["8", "16", "32"]),
        ("kernel size", &["3", "5"]),
        ("operation on edge 0 to 1", &["none", "skip", "conv 1x1", "conv 3x3", "avg pool 3x3"]),
        ("operation on edge 0 to 2", &["none", "skip", "conv 1x1", "conv 3x3", "avg pool 3x3"]),
        ("blocks", &["1", "2", "3", "4"]),
        ("activation", &["relu", "gelu", "silu"]),
    ];
    Probabilities {
        x: "trials".into(),
        shown: "REINFORCE, learning rate 0.1".into(),
        decisions: decisions.iter().enumerate().map(decision).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn of(x: &[f64], probabilities: &[&[f64]], options: usize) -> Probabilities {
        let decision = DecisionProbabilities {
            name: "d".into(),
            options: (0..options).map(|o| format!("option {o}")).collect(),
            x: x.to_vec(),
            probabilities: probabilities.iter().map(|p| p.to_vec()).collect(),
        };
        Probabilities { decisions: vec![decision], ..example() }
    }

    #[test]
    fn rows_are_scaled_to_one_and_the_likely_come_first() {
        let chart = of(&[1.0, 2.0, 3.0], &[&[1.0, 3.0], &[0.0, 0.0], &[f64::NAN, 2.0]], 2);
        let panels = chart.panels();
        assert_eq!(panels[0].rows, [(1.0, vec![0.25, 0.75]), (3.0, vec![0.0, 1.0])]);
        assert_eq!(panels[0].last(), [(1, 1.0), (0, 0.0)]);
        assert_eq!(panels[0].says(1), "d: option 1 from 75 % to 100 %");
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let long = "a very long name & ".repeat(12);
        let mut named = example();
        for d in &mut named.decisions {
            d.name = long.clone();
            d.options.iter_mut().for_each(|o| *o = long.clone());
        }
        let twelve = example().decisions.into_iter().cycle().take(12).collect();
        let cases = [
            Probabilities::default(),
            of(&[], &[], 2),
            of(&[1.0], &[&[]], 0),
            of(&[1.0], &[&[1.0]], 1),
            of(&[1.0], &[&[0.5, 0.5]], 2),
            of(&[1.0, 1.0], &[&[1e99, 1e99], &[0.0, 1.0]], 2),
            of(&[f64::NAN, 1.0], &[&[1.0], &[-1.0, 2.0]], 5),
            of(&[1.0, 2.0], &[&[1.0; 40], &[1.0; 40]], 40),
            of(&(0..5000).map(f64::from).collect::<Vec<_>>(), &vec![&[0.1, 0.2][..]; 5000], 2),
            Probabilities { decisions: twelve, shown: long, ..example() },
            named,
        ];
        cases.iter().for_each(check::chart);
    }
}
