//! Which option earned what: for every decision its options in the order of the space, each with the scores of the
//! trials that took it, on one axis for all. The best median stands out, of options that enough trials took.
//! Scores are drawn as in `spread.rs`: a dot for each, a box for the middle half, a bar at the median.

use super::Draw;
use super::lines::{Across, LABEL, Rows, remarks};
use super::plain::{COLUMNS, cell, fit, heading, len};
use super::plot::{Scale, head, off_scale, padded, x_axis, zoomed};
use super::spread::{dots, draw_box, edge_mark, quartiles, strip};
use super::svg::{Anchor, SHOWN, Svg, WIDTH, nothing};
use super::theme::{Font, MUTED, colour, width};
use crate::words::{capital, direction, plural, score, thousands, usable};
use serde::{Deserialize, Serialize};

/// The scores of trials by the options that they took.
///
/// ```
/// use nascent::chart::{Chart, Choices, DecisionScores, OptionScores};
/// let option = |name: &str, scores: &[f64]| OptionScores { name: name.into(), scores: scores.to_vec() };
/// let depth = DecisionScores {
///     name: "depth".into(),
///     options: vec![option("1", &[0.7, 0.8]), option("2", &[0.9, 0.8, 0.85])],
/// };
/// let decisions = vec![depth];
/// let chart = Chart::new(Choices { metric: "accuracy".into(), maximise: true, decisions, ..Choices::default() });
/// assert!(chart.plain().contains("0.8500   3 trials"), "{chart}");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Choices {
    /// The name of the score.
    pub metric: String,
    /// Whether a higher score is better.
    pub maximise: bool,
    /// What is shown: `300 trials`.
    pub shown: String,
    /// The decisions, in the order in which they are drawn.
    pub decisions: Vec<DecisionScores>,
}

/// One decision of [`Choices`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DecisionScores {
    /// The name of the decision.
    pub name: String,
    /// Its options.
    pub options: Vec<OptionScores>,
}

/// One option of a [`DecisionScores`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OptionScores {
    /// The name of the option.
    pub name: String,
    /// The scores of the trials that took it, in any order.
    pub scores: Vec<f64>,
}

/// The most rows: whole decisions are left out beyond it.
const MOST: usize = 36;
/// The most options of a decision: of more, those that most trials took.
const OPTIONS: usize = 16;
/// An option that fewer trials took does not stand out.
const ENOUGH: usize = 3;
/// About so many dots in all: of more, each row has a sample.
const DOTS: usize = 15_000;
/// The height of a row, and of the name of a decision above its rows.
const ROW: f64 = 21.0;
const NAME: f64 = 22.0;

/// A decision as it is drawn.
struct Block<'a> {
    name: &'a str,
    /// Names and sorted scores.
    rows: Vec<(&'a str, Vec<f64>)>,
    /// How many options are left out.
    hidden: usize,
    /// The row that stands out.
    best: Option<usize>,
}

impl Block<'_> {
    /// The name, with what is left out.
    fn says(&self) -> String {
        match self.hidden {
            0 => self.name.to_string(),
            n => format!("{} ({n} rarer options not shown)", self.name),
        }
    }
}

impl Choices {
    fn metric(&self) -> &str {
        if self.metric.is_empty() { "score" } else { &self.metric }
    }

    fn title(&self) -> String {
        format!("{} by option", capital(self.metric()))
    }

    fn block<'a>(&self, decision: &'a DecisionScores) -> Block<'a> {
        let sorted = |option: &'a OptionScores| {
            let mut scores: Vec<f64> =
                option.scores.iter().copied().filter(|v| usable(*v)).collect();
            scores.sort_by(f64::total_cmp);
            (&option.name[..], scores)
        };
        let mut rows: Vec<(&str, Vec<f64>)> = decision.options.iter().map(sorted).collect();
        let hidden = rows.len().saturating_sub(OPTIONS);
        if hidden > 0 {
            let mut counts: Vec<usize> = rows.iter().map(|r| r.1.len()).collect();
            counts.sort_unstable_by(|a, b| b.cmp(a));
            let (least, mut ties) = (counts[OPTIONS - 1], OPTIONS);
            ties -= counts.iter().filter(|c| **c > least).count();
            rows.retain(|(_, scores)| {
                let tie = scores.len() == least && ties > 0;
                ties -= usize::from(tie);
                tie || scores.len() > least
            });
        }
        // The best, if it is better than the second.
        let gain = |v: f64| if self.maximise { v } else { -v };
        let taken = rows.iter().enumerate().filter(|(_, r)| r.1.len() >= ENOUGH);
        let mut medians: Vec<(usize, f64)> =
            taken.map(|(i, r)| (i, gain(quartiles(&r.1)[1]))).collect();
        medians.sort_by(|a, b| b.1.total_cmp(&a.1));
        let best = match medians[..] {
            [(best, first), (_, second), ..] if first > second => Some(best),
            _ => None,
        };
        Block { name: &decision.name, rows, hidden, best }
    }

    /// The decisions that are drawn.
    fn blocks(&self) -> Vec<Block<'_>> {
        let mut left = MOST;
        let all = self.decisions.iter().map(|d| self.block(d));
        let drawn = all.filter(|b| b.rows.iter().any(|r| !r.1.is_empty())).take_while(|block| {
            let fits = block.rows.len() <= left;
            left = left.saturating_sub(block.rows.len());
            fits
        });
        drawn.collect()
    }

    /// What is said of the decisions that are left out.
    fn rest(&self, drawn: usize) -> String {
        let all = self.decisions.iter().filter(|d| {
            d.options.iter().any(|option| option.scores.iter().any(|score| usable(*score)))
        });
        match all.count() {
            n if n > drawn => format!("the first {drawn} of {n} decisions"),
            _ => String::new(),
        }
    }

    /// All scores that are not far off, and every middle half.
    fn scale(&self, blocks: &[Block]) -> Scale {
        let rows = || blocks.iter().flat_map(|b| &b.rows);
        // A decision that every trial has holds all scores, so one is enough, but not every trial has each.
        let mut view = zoomed(rows().flat_map(|r| r.1.clone()).collect(), self.maximise, 4.0);
        let middles = rows().filter(|r| r.1.len() >= ENOUGH).flat_map(|r| quartiles(&r.1));
        view.extend(middles);
        let (lo, hi) = padded(&view, 0.03, 0.03);
        Scale::linear(lo, hi, 5, false)
    }
}

/// An option in words.
fn says(name: &str, scores: &[f64]) -> String {
    let [q1, q2, q3] = quartiles(scores).map(score);
    match scores.len() {
        0 => format!("{name}: no trial"),
        1 => format!("{name}: {q2}, 1 trial"),
        n => format!("{name}: median {q2}, quartiles {q1} and {q3}, {n} trials"),
    }
}

impl Draw for Choices {
    fn svg(&self) -> String {
        let blocks = self.blocks();
        if blocks.is_empty() {
            return nothing(&self.title(), "no trial has a score");
        }
        let x = self.scale(&blocks);
        let inside = |v: &f64| (0.0..=1.0).contains(&x.unit(*v));
        // Of the first decision, for each trial has at most one option of it.
        let far: Vec<f64> =
            blocks[0].rows.iter().flat_map(|r| &r.1).copied().filter(|v| !inside(v)).collect();
        let far = off_scale(&far, self.maximise, false);
        let mut svg = Svg::default();
        let rest = self.rest(blocks.len());
        let each = (DOTS / blocks.iter().map(|b| b.rows.len()).sum::<usize>()).max(1);
        let sampled = match blocks.iter().flat_map(|b| &b.rows).any(|r| r.1.len() > each) {
            true => format!("at most {each} dots in a row"),
            false => String::new(),
        };
        let bold =
            if blocks.iter().any(|b| b.best.is_some()) { "best medians in bold" } else { "" };
        let note = remarks(&[&self.shown, direction(self.maximise), bold, &rest, &sampled, &far]);
        let top = head(&mut svg, &self.title(), &note) - 2.0;
        let names: Vec<String> =
            blocks.iter().flat_map(|b| &b.rows).map(|r| r.0.to_string()).collect();
        let left = Rows::new(&names, top, ROW, 112.0).left;
        let counts = blocks.iter().flat_map(|b| &b.rows).map(|r| thousands(r.1.len() as u128));
        let medians = blocks.iter().flat_map(|b| &b.rows).map(|r| score(quartiles(&r.1)[1]));
        let widest = |texts: &mut dyn Iterator<Item = String>, head: &str| {
            let bold = LABEL.bold();
            texts.map(|t| width(&t, bold)).fold(width(head, LABEL), f64::max).min(70.0)
        };
        let (trials, median) =
            (widest(&mut counts.into_iter(), "trials"), widest(&mut medians.into_iter(), "median"));
        let (ends, right) = (WIDTH - 14.0, WIDTH - 14.0 - trials - 10.0 - median - 8.0);
        let mark = LABEL.fill(MUTED);
        let middle = ends - trials - 10.0;
        svg.text((middle, top + 4.0), "median", mark, Anchor::End, median + 1.0);
        svg.text((ends, top + 4.0), "trials", mark, Anchor::End, trials + 1.0);
        let x = x.clone().thin(right - left);
        let across = Across { x: &x, left, right };
        let mut y = top - 8.0;
        for block in &blocks {
            let name = LABEL.bold().size(10.5);
            let room = if y < top { right } else { ends } - 16.0;
            svg.text((16.0, y + 15.0), &block.says(), name, Anchor::Start, room);
            y += NAME;
            let names: Vec<String> = block.rows.iter().map(|r| r.0.to_string()).collect();
            let mut rows = Rows::new(&names, y, ROW, 112.0);
            rows.left = left;
            across.grid(&mut svg, y, rows.bottom());
            rows.rules(&mut svg, right);
            rows.write(&mut svg);
            for (i, (name, all)) in block.rows.iter().enumerate() {
                let (y, best) = (rows.y(i), block.best == Some(i));
                let fill = if best { colour(1) } else { colour(0) };
                let seen: Vec<f64> = all.iter().copied().filter(inside).collect();
                // Evenly by rank, so that a sample looks like the whole.
                let n = seen.len().min(each);
                let some: Vec<f64> =
                    (0..n).map(|i| seen[(2 * i + 1) * seen.len() / (2 * n)]).collect();
                dots(&mut svg, &across, &some, y + ROW - 2.0, fill);
                if seen.len() < all.len() {
                    let (edge, turn) =
                        if self.maximise { (left + 3.0, 1) } else { (right - 3.0, -1) };
                    edge_mark(&mut svg, (edge, y + ROW - 5.0), turn, fill);
                }
                let [q1, _, q3] = quartiles(all);
                if !all.is_empty() && (all.len() >= ENOUGH || (inside(&q1) && inside(&q3))) {
                    draw_box(&mut svg, &across, all, y + 2.5, fill);
                }
                let font = |f: Font| if best { f.bold() } else { f };
                let line = y + ROW / 2.0 + 3.6;
                let (says_median, n) = match all.len() {
                    0 => ("–".to_string(), "0".to_string()),
                    n => (score(quartiles(all)[1]), thousands(n as u128)),
                };
                svg.text((middle, line), &says_median, font(LABEL), Anchor::End, median + 2.0);
                svg.text((ends, line), &n, font(mark), Anchor::End, trials + 2.0);
                svg.tip((left, y, right - left, ROW), &says(name, all));
            }
            y = rows.bottom();
        }
        x_axis(&mut svg, &x, (left, right), y, self.metric());
        let block = |b: &Block| {
            let said = b.rows.iter().map(|r| says(r.0, &r.1)).collect::<Vec<_>>().join("; ");
            format!("{}: {said}", b.name)
        };
        let said = blocks.iter().map(block).collect::<Vec<_>>().join(". ");
        let about =
            format!("{} ({}; {}). {said}", self.title(), direction(self.maximise), self.shown);
        svg.finish((WIDTH, y + 46.0), SHOWN, &self.title(), &about)
    }

    fn plain(&self) -> String {
        let title = fit(&format!("{} ({})", self.title(), direction(self.maximise)), COLUMNS);
        let blocks = self.blocks();
        if blocks.is_empty() {
            return format!("{title}\nnothing to draw yet: no trial has a score\n");
        }
        let x = self.scale(&blocks);
        let names = blocks.iter().flat_map(|b| &b.rows).map(|r| len(r.0));
        let (name, room) = (names.max().unwrap_or(0).min(20), 30);
        let rest = self.rest(blocks.len());
        let shown: Vec<&str> =
            [&self.shown[..], &rest].into_iter().filter(|s| !s.is_empty()).collect();
        let mut out = heading(&title, &shown.join(", "));
        for block in &blocks {
            out += &(fit(&block.says(), COLUMNS) + "\n");
            for (i, (option, all)) in block.rows.iter().enumerate() {
                let bar = strip(all, &x, room);
                let median = score(quartiles(all)[1]);
                let mark = if block.best == Some(i) { '●' } else { ' ' };
                let trials = plural(all.len(), "trial");
                let line = format!("{mark} {} {bar} {median:>7} {trials:>10}", cell(option, name));
                out += &(fit(line.trim_end(), COLUMNS) + "\n");
            }
        }
        let (lo, hi) = x.ends();
        let says = format!("{} to {}; ▒ middle half, █ median, ● the best", score(lo), score(hi));
        out + &(fit(&format!("  {:<name$} {says}", ""), COLUMNS) + "\n")
    }
}

/// Three decisions of a cell, of which the first decides most.
pub(super) fn example() -> Choices {
    let mut rng = crate::rng::Rng::from_u64(5);
    let operations = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"];
    let gains = [[0.0, 5.5, 4.0, 6.0, 3.0], [0.0, 0.4, 1.6, 2.2, 0.3], [1.0, 0.9, 1.2, 1.4, 1.1]];
    let counts = [[21, 60, 44, 81, 14], [30, 33, 55, 70, 32], [50, 41, 39, 52, 38]];
    let decision = |(d, name): (usize, &str)| {
        let option = |(i, name): (usize, &&str)| OptionScores {
            name: (*name).into(),
            scores: (0..counts[d][i])
                .map(|_| 86.0 + gains[d][i] - 1.2 * (0.6 * rng.normal()).exp())
                .collect(),
        };
        let options = operations.iter().enumerate().map(option).collect();
        DecisionScores { name: name.into(), options }
    };
    let names = ["cell.0-3", "cell.2-3", "cell.0-1"];
    Choices {
        metric: "validation accuracy (%)".into(),
        maximise: true,
        shown: "220 trials; the most important decision first".into(),
        decisions: names.into_iter().enumerate().map(decision).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn of(decisions: Vec<Vec<Vec<f64>>>, name: &str) -> Choices {
        let decision = |(d, options): (usize, Vec<Vec<f64>>)| {
            let option = |(i, scores): (usize, Vec<f64>)| OptionScores {
                name: format!("{name} {i}"),
                scores,
            };
            let options = options.into_iter().enumerate().map(option).collect();
            DecisionScores { name: format!("{name} {d}"), options }
        };
        let decisions = decisions.into_iter().enumerate().map(decision).collect();
        Choices { decisions, ..example() }
    }

    #[test]
    fn the_best_median_of_enough_trials_stands_out() {
        let chart =
            of(vec![vec![vec![0.5, 0.6, 0.7], vec![0.9], vec![0.1, 0.7, 0.8], vec![]]], "d");
        assert_eq!(chart.blocks()[0].best, Some(2));
        assert_eq!(Choices { maximise: false, ..chart }.blocks()[0].best, Some(0));
        assert_eq!(of(vec![vec![vec![0.5, 0.6, 0.7]]], "d").blocks()[0].best, None);
        assert_eq!(of(vec![vec![vec![0.5; 3]; 2]], "d").blocks()[0].best, None);
    }

    #[test]
    fn rare_options_and_late_decisions_are_left_out_and_counted() {
        let scores: Vec<Vec<f64>> = (0..20).map(|i| vec![0.5; 1 + i % 7]).collect();
        let chart = of(vec![scores; 5], "d");
        let blocks = chart.blocks();
        assert_eq!((blocks.len(), blocks[0].rows.len(), blocks[0].hidden), (2, 16, 4));
        // The four left out are three with one trial and the last with two.
        assert_eq!(blocks[0].rows[0].0, "d 1");
        assert!(chart.plain().contains("the first 2 of 5 decisions"));
        assert!(chart.svg().contains("d 0 (4 rarer options not shown)"));
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let long = "a very long name of an option & ".repeat(9);
        let many: Vec<f64> = (0..5000).map(|k| f64::from(k * 7919 % 1000)).collect();
        let cases = [
            Choices::default(),
            of(vec![], "d"),
            of(vec![vec![]], "d"),
            of(vec![vec![vec![]]], "d"),
            of(vec![vec![vec![f64::NAN, f64::INFINITY]]], "d"),
            of(vec![vec![vec![0.0]]], "d"),
            of(vec![vec![vec![0.5; 9], vec![], vec![f64::NAN]], vec![vec![1.0]]], "d"),
            of(vec![vec![vec![-1e99, 1e99], vec![f64::MAX, f64::MIN]]], "d"),
            Choices { maximise: false, ..of(vec![vec![vec![1.0, 1.1, 1.2, 1e6]]], "d") },
            of(vec![vec![many.clone(); 3]; 14], &long),
            Choices { metric: long.clone(), shown: long, ..example() },
        ];
        cases.iter().for_each(check::chart);
        let size = of(vec![vec![many.clone(); 16]; 3], "d").svg().len();
        assert!(size < 400_000, "{size}");
    }
}
