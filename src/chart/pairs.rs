//! Every strategy against every other: how often the row beats the column, as a matrix of numbers
//! and colours. What may be chance is pale.

use super::Draw;
use super::bands::NAMES;
use super::lines::{LABEL, Rows, ramp, remarks, two_lines};
use super::plain::{COLUMNS, cell as label, fit, heading, len};
use super::plot::head;
use super::svg::{Anchor, SHOWN, Svg, WIDTH, nothing};
use super::theme::{CARD, FAINT, INK, MUTED, width, wrap};
use serde::{Deserialize, Serialize};

/// A matrix of how often strategies beat each other.
///
/// ```
/// use nascent::chart::{Chart, Pairs};
/// let chart = Chart::new(Pairs {
///     names: vec!["random".into(), "evolution".into()],
///     wins: vec![vec![0.5, 0.1], vec![0.9, 0.5]],
///     p: vec![vec![1.0, 0.002], vec![0.002, 1.0]],
///     alpha: 0.05,
///     shown: "20 seeds".into(),
/// });
/// assert!(chart.svg().contains("evolution beats random in 90.0 %, p = 0.002"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pairs {
    /// The strategies.
    pub names: Vec<String>,
    /// `wins[i][j]` is the probability, 0 to 1, that strategy `i` beats strategy `j`. The diagonal is
    /// not shown.
    pub wins: Vec<Vec<f64>>,
    /// `p[i][j]` is the p value of that pair, corrected for the number of pairs. Empty if no test
    /// was made.
    pub p: Vec<Vec<f64>>,
    /// Pairs with a p value above this are pale.
    pub alpha: f64,
    /// What is shown: `test accuracy after 150 trials, 200 seeds, Wilcoxon with Holm`.
    pub shown: String,
}

/// From always losing to always winning: orange and blue differ for every kind of colour vision.
const STEPS: [&str; 9] = [
    "#B35806", "#D8852F", "#F2B46C", "#FBDDB4", "#F3F3F0", "#CBE0EF", "#8FBFDE", "#4B94C4",
    "#1F6CA6",
];
const TITLE: &str = "How often the row beats the column (%)";

/// The step of a probability.
fn step(p: f64) -> usize {
    ((p.clamp(0.0, 1.0) * 9.0) as usize).min(8)
}

/// The colour of the number on a step.
fn ink(step: usize) -> &'static str {
    if step == 0 || step >= 7 { "#FFFFFF" } else { INK }
}

impl Pairs {
    /// The probability of a pair, where there is one.
    fn wins(&self, i: usize, j: usize) -> Option<f64> {
        let p = self.wins.get(i)?.get(j).copied()?;
        (i != j && (0.0..=1.0).contains(&p)).then_some(p)
    }

    /// The p value of a pair, where there is one.
    fn p(&self, i: usize, j: usize) -> Option<f64> {
        self.p.get(i)?.get(j).copied()
    }

    /// Whether the result of a pair may be chance.
    fn chance(&self, i: usize, j: usize) -> bool {
        self.p(i, j).is_some_and(|p| p.is_nan() || p > self.alpha)
    }

    fn empty(&self) -> bool {
        let n = self.names.len();
        !(0..n).any(|i| (0..n).any(|j| self.wins(i, j).is_some()))
    }

    /// A pair in words.
    fn says(&self, i: usize, j: usize) -> String {
        let Some(wins) = self.wins(i, j) else { return String::new() };
        let p = match self.p(i, j) {
            Some(p) if p.is_finite() && p < 0.001 => ", p < 0.001".into(),
            Some(p) if p.is_finite() => format!(", p = {p:.3}"),
            _ => String::new(),
        };
        let chance = if self.chance(i, j) { ", not significant" } else { "" };
        format!("{} beats {} in {:.1} %{p}{chance}", self.names[i], self.names[j], wins * 100.0)
    }

    fn describe(&self) -> String {
        let n = self.names.len();
        // Each pair once, from the side of the winner.
        let said: Vec<String> = (0..n)
            .flat_map(|i| (0..n).map(move |j| (i, j)))
            .filter(|&(i, j)| self.wins(i, j).is_some_and(|w| w > 0.5 || (w == 0.5 && i < j)))
            .map(|(i, j)| self.says(i, j))
            .collect();
        format!("{TITLE}. {}. {}", self.shown, said.join("; "))
    }

    /// What the colours stand for.
    fn key(&self, svg: &mut Svg, y: f64) {
        let font = LABEL.fill(MUTED);
        let mut x = ramp(svg, (16.0, y), ["loses", "wins"], &STEPS);
        if self.p.is_empty() {
            return;
        }
        x += 16.0;
        sample(svg, (x, y - 9.5, 22.0, 13.0));
        let says = format!("not significant at {}", self.alpha);
        svg.text((x + 28.0, y), &says, font, Anchor::Start, WIDTH - 16.0 - x - 28.0);
    }
}

/// Names above the columns, horizontal where they fit and upright otherwise; returns where the
/// cells begin.
pub(super) fn heads(names: &[String], svg: &mut Svg, top: f64, left: f64, cell: f64) -> f64 {
    let lines: Vec<Vec<String>> = names.iter().map(|name| wrap(name, LABEL, cell - 4.0)).collect();
    let whole = |lines: &Vec<String>, name: &String| {
        lines.len() <= 3 && lines.join(" ").replace("- ", "-") == *name
    };
    let middle = |j: usize| left + (j as f64 + 0.5) * cell;
    if lines.iter().zip(names).all(|(l, name)| whole(l, name)) {
        let most = lines.iter().map(Vec::len).max().unwrap_or(1);
        let bottom = top + 11.0 * most as f64;
        for (j, lines) in lines.iter().enumerate() {
            for (l, line) in lines.iter().rev().enumerate() {
                let at = (middle(j), bottom - 3.0 - 11.0 * l as f64);
                svg.text(at, line, LABEL, Anchor::Middle, cell - 3.0);
            }
        }
        return bottom + 2.0;
    }
    // Two upright lines where a column is wide enough, otherwise one.
    let (most, two) = if cell >= 26.0 { (128.0, true) } else { (150.0, false) };
    let set = |name: &String| if two { two_lines(name, most) } else { vec![name.clone()] };
    let lines: Vec<Vec<String>> = names.iter().map(set).collect();
    let wide = lines.iter().flatten().map(|l| width(l, LABEL));
    let bottom = top + wide.fold(0.0, f64::max).min(most) - 4.0;
    for (j, lines) in lines.iter().enumerate() {
        let first = middle(j) + 3.6 - (lines.len() as f64 - 1.0) * 5.3;
        for (l, line) in lines.iter().enumerate() {
            svg.upright((first + l as f64 * 10.6, bottom), line, LABEL, most);
        }
    }
    bottom + 6.0
}

/// A pale cell.
pub(super) fn sample(svg: &mut Svg, (x, y, w, h): (f64, f64, f64, f64)) {
    let look = r##"stroke="#D5D6D2" stroke-width="0.8" stroke-dasharray="2 1.5""##;
    svg.rect((x + 0.6, y + 0.6, w - 1.2, h - 1.2), 2.0, CARD, look);
}

impl Draw for Pairs {
    fn svg(&self) -> String {
        if self.empty() {
            return nothing(TITLE, "no pair has a probability");
        }
        let n = self.names.len();
        let mut svg = Svg::default();
        let top = head(&mut svg, TITLE, &remarks(&[&self.shown]));
        let most = if n > 8 { 128.0 } else { 150.0 };
        let left = Rows::new(&self.names, 0.0, 1.0, most).left;
        let cell = ((WIDTH - 16.0 - left) / n as f64).min(62.0);
        let high = (cell * 0.8).clamp(if n > 20 { 12.0 } else { 21.0 }, 30.0);
        let begin = heads(&self.names, &mut svg, top - 4.0, left, cell);
        let rows = Rows::new(&self.names, begin, high, most);
        rows.write(&mut svg);
        let size = (cell * 0.42).clamp(3.0, 11.0);
        for i in 0..n {
            for j in 0..n {
                let area = (left + j as f64 * cell, rows.y(i), cell, high);
                let inner = (area.0 + 0.6, area.1 + 0.6, cell - 1.2, high - 1.2);
                let middle = (area.0 + cell / 2.0, area.1 + high / 2.0 + size * 0.36);
                let Some(wins) = self.wins(i, j) else {
                    if i == j {
                        svg.dot((middle.0, area.1 + high / 2.0), 1.3, FAINT, "");
                    }
                    continue;
                };
                let text = format!("{:.0}", wins * 100.0);
                let font = match self.chance(i, j) {
                    true => {
                        sample(&mut svg, area);
                        LABEL.size(size).fill(MUTED)
                    }
                    false => {
                        svg.rect(inner, 2.0, STEPS[step(wins)], "");
                        LABEL.size(size).fill(ink(step(wins))).bold()
                    }
                };
                svg.text(middle, &text, font, Anchor::Middle, cell);
                svg.tip(area, &self.says(i, j));
            }
        }
        let y = rows.bottom() + 20.0;
        self.key(&mut svg, y);
        svg.finish((WIDTH, y + 14.0), SHOWN, TITLE, &self.describe())
    }

    fn plain(&self) -> String {
        if self.empty() {
            return format!("{TITLE}\nnothing to draw yet: no pair has a probability\n");
        }
        let mut out = heading(TITLE, &self.shown);
        let n = self.names.len();
        // Beside 14 columns, names have 21 characters.
        let room = COLUMNS.saturating_sub(3 + 4 * n).max(12);
        let name = self.names.iter().map(|n| len(n)).max().unwrap_or(0).min(room);
        let head: String = (1..=n).map(|j| format!("{j:>4}")).collect();
        out += &(fit(&format!("   {:<name$}{head}", ""), COLUMNS) + "\n");
        let mut chance = false;
        for i in 0..n {
            let cell = |j: usize| {
                let text = match self.wins(i, j) {
                    None if i == j => "·".into(),
                    None => String::new(),
                    Some(w) if self.chance(i, j) => format!("~{:.0}", w * 100.0),
                    Some(w) => format!("{:.0}", w * 100.0),
                };
                format!("{text:>4}")
            };
            let cells: String = (0..n).map(cell).collect();
            chance |= cells.contains('~');
            let row = format!("{:>2} {}{cells}", i + 1, label(&self.names[i], name));
            out += &(fit(row.trim_end(), COLUMNS) + "\n");
        }
        if chance {
            out += &(fit(&format!("~ not significant at {}", self.alpha), COLUMNS) + "\n");
        }
        out
    }
}

/// Seven made-up strategies.
pub(super) fn example() -> Pairs {
    let strength = [0.0, 2.1, 1.9, 0.4, 3.4, 3.1, 0.9];
    let wins = |i: usize, j: usize| 1.0 / (1.0 + f64::exp(strength[j] - strength[i]));
    let p = |i: usize, j: usize| f64::exp(-9.0 * f64::abs(strength[i] - strength[j]));
    let matrix = |of: &dyn Fn(usize, usize) -> f64| -> Vec<Vec<f64>> {
        (0..7).map(|i| (0..7).map(|j| of(i, j)).collect()).collect()
    };
    Pairs {
        names: NAMES.iter().map(|n| n.to_string()).collect(),
        wins: matrix(&wins),
        p: matrix(&p),
        alpha: 0.05,
        shown: "test accuracy after 150 trials, 200 seeds, Wilcoxon with Holm".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn of(n: usize, name: &str) -> Pairs {
        let even = |i: usize, j: usize| ((i * 37 + j * 61) % 101) as f64 / 100.0;
        let matrix = |scale: f64| -> Vec<Vec<f64>> {
            (0..n).map(|i| (0..n).map(|j| even(i, j) * scale).collect()).collect()
        };
        let names = (0..n).map(|i| format!("{name} {i}")).collect();
        Pairs { names, wins: matrix(1.0), p: matrix(0.2), ..example() }
    }

    #[test]
    fn what_may_be_chance_is_pale_and_marked() {
        let chart = example();
        // Local search and regularized evolution: p = exp(-9 * 0.2) = 0.17.
        assert!(chart.chance(1, 2) && !chart.chance(0, 1));
        assert!(chart.svg().contains(", p = 0.165, not significant"));
        assert!(chart.plain().contains(" ~55"), "{}", chart.plain());
        // A p value that could not be computed shows nothing.
        let unknown = Pairs { p: vec![vec![f64::NAN; 7]; 7], ..example() };
        assert!(unknown.chance(0, 1));
        assert!(!Pairs { p: vec![], ..example() }.chance(0, 1));
    }

    #[test]
    fn colours_are_symmetric_about_even() {
        assert_eq!([0.0, 0.49, 0.5, 0.51, 1.0].map(step), [0, 4, 4, 4, 8]);
        assert_eq!((step(0.2) + step(0.8), step(0.35) + step(0.65)), (8, 8));
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let long = "a very long name of a strategy & ".repeat(9);
        let cases = [
            Pairs::default(),
            Pairs { wins: vec![], ..example() },
            Pairs { wins: vec![vec![f64::NAN; 2]; 9], ..example() },
            Pairs { p: vec![vec![0.0]], shown: long.clone(), ..example() },
            of(1, "one"),
            of(2, "a"),
            of(2, &long),
            of(4, "s"),
            of(14, "regularized evolution"),
            of(14, &long),
            of(30, "s"),
        ];
        cases.iter().for_each(check::chart);
    }
}
