//! What a classifier takes for what: a row for each true class, a column for each answer, with the number of samples.
//! The diagonal is what is right. The shade is the share of the row, so that a rare class is seen as well as a
//! frequent one; what is wrong is orange, what is right is blue.

use super::Draw;
use super::letters::clean;
use super::lines::{LABEL, Rows, ramp, remarks};
use super::map::BLUES;
use super::pairs::heads;
use super::plain::{COLUMNS, cell as label, fit, heading, len, wrap};
use super::plot::head;
use super::svg::{Anchor, SHOWN, Svg, WIDTH, nothing};
use super::theme::{Font, INK, elide, width};
use crate::words::{plural, thousands};
use serde::{Deserialize, Serialize};

/// How often each class was taken for each.
///
/// ```
/// use nascent::chart::{Chart, Confusion};
/// let chart = Chart::new(Confusion {
///     classes: vec!["cat".into(), "dog".into()],
///     counts: vec![vec![18, 2], vec![5, 15]],
///     shown: "test".into(),
/// });
/// assert!(chart.svg().contains("33 of 40 right (82.5 %)"));
/// assert!(chart.svg().contains("dog taken for cat: 5 of 20 (25.0 %)"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Confusion {
    /// The names of the classes.
    pub classes: Vec<String>,
    /// `counts[i][j]` is how many samples of class `i` were taken for class `j`.
    pub counts: Vec<Vec<usize>>,
    /// What is shown: `test split of digits`.
    pub shown: String,
}

/// The most classes that are drawn; of more, those with the most mistakes.
const MOST: usize = 30;
/// From white to orange, for mistakes.
const ORANGES: [&str; 6] = ["#FCF1E3", "#FBDDB4", "#F2B46C", "#E2913A", "#C96F16", "#A2500A"];
/// The most mistakes that are told one by one.
const TOLD: usize = 20;
const TITLE: &str = "True classes and answers";
const WHY: &str = "no sample has been answered";

/// The colour of a number on a step.
fn ink(step: usize) -> &'static str {
    if step >= 4 { "#FFFFFF" } else { INK }
}

impl Confusion {
    fn at(&self, i: usize, j: usize) -> usize {
        self.counts.get(i).and_then(|row| row.get(j)).copied().unwrap_or_default()
    }

    fn of(&self, i: usize) -> usize {
        (0..self.classes.len()).fold(0, |sum: usize, j| sum.saturating_add(self.at(i, j)))
    }

    fn right(&self) -> (usize, usize) {
        let n = self.classes.len();
        let sum =
            |of: &dyn Fn(usize) -> usize| (0..n).fold(0, |s: usize, i| s.saturating_add(of(i)));
        (sum(&|i| self.at(i, i)), sum(&|i| self.of(i)))
    }

    /// The share of the samples of class `i` that were taken for class `j`.
    fn share(&self, i: usize, j: usize) -> f64 {
        self.at(i, j) as f64 / self.of(i).max(1) as f64
    }

    /// The classes that are drawn, in their order.
    fn drawn(&self) -> Vec<usize> {
        let n = self.classes.len();
        let mut order: Vec<usize> = (0..n).collect();
        if n > MOST {
            // Of what they are, and of what is taken for them.
            let wrong = |i: usize| -> usize {
                let others = (0..n).filter(|&j| j != i);
                others.fold(0, |s: usize, j| {
                    s.saturating_add(self.at(i, j)).saturating_add(self.at(j, i))
                })
            };
            let wrong: Vec<usize> = order.iter().map(|&i| wrong(i)).collect();
            order.sort_by_key(|&i| std::cmp::Reverse(wrong[i]));
            order.truncate(MOST);
            order.sort_unstable();
        }
        order
    }

    /// The mistakes, the most frequent first.
    fn mistakes(&self) -> Vec<(usize, usize)> {
        let n = self.classes.len();
        let pairs = (0..n).flat_map(|i| (0..n).map(move |j| (i, j)));
        let mut all: Vec<(usize, usize)> =
            pairs.filter(|&(i, j)| i != j && self.at(i, j) > 0).collect();
        all.sort_by_key(|&(i, j)| std::cmp::Reverse(self.at(i, j)));
        all
    }

    fn says(&self, i: usize, j: usize) -> String {
        let (n, of, share) = (self.at(i, j), self.of(i), 100.0 * self.share(i, j));
        let (true_class, answer) = (&self.classes[i], &self.classes[j]);
        match i == j {
            true => format!("{n} of {of} {true_class} right ({share:.1} %)"),
            false => format!("{true_class} taken for {answer}: {n} of {of} ({share:.1} %)"),
        }
    }

    fn result(&self) -> String {
        let (right, all) = self.right();
        let share = 100.0 * right as f64 / all.max(1) as f64;
        let count = |n: usize| thousands(n as u128);
        format!("{} of {} right ({share:.1} %)", count(right), count(all))
    }

    fn note(&self) -> String {
        let rest = match self.classes.len() {
            n if n > MOST => format!("the {MOST} of {n} classes with the most mistakes"),
            _ => String::new(),
        };
        remarks(&[&self.shown, &self.result(), &rest])
    }

    /// What the shades stand for.
    fn key(svg: &mut Svg, y: f64) {
        let x = ramp(svg, (16.0, y), ["wrong", ""], &ORANGES);
        ramp(svg, (x + 10.0, y), ["right", "0 to 100 % of a row"], &BLUES);
    }
}

/// The step of a share, by its root, so that a few mistakes are seen.
fn step(share: f64) -> usize {
    ((share.clamp(0.0, 1.0).sqrt() * 6.0) as usize).min(5)
}

impl Draw for Confusion {
    fn svg(&self) -> String {
        if self.right().1 == 0 {
            return nothing(TITLE, WHY);
        }
        let drawn = self.drawn();
        let names: Vec<String> = drawn.iter().map(|&i| self.classes[i].clone()).collect();
        let mut svg = Svg::default();
        let top = head(&mut svg, TITLE, &self.note());
        let bold = LABEL.bold();
        let own = width("true class", bold) + 26.0;
        let left = Rows::new(&names, 0.0, 1.0, 120.0).left.max(own);
        let cell = ((WIDTH - 16.0 - left) / names.len() as f64).min(56.0);
        let middle = left + cell * names.len() as f64 / 2.0;
        let room = 2.0 * (middle - left).max(30.0);
        svg.text((middle, top - 2.0), "answer", bold, Anchor::Middle, room);
        let begin = heads(&names, &mut svg, top + 7.0, left, cell);
        svg.text((left - 8.0, begin - 6.0), "true class", bold, Anchor::End, left - 20.0);
        let high = (cell * 0.8).clamp(13.0, 30.0);
        let one = |name: &String| elide(&clean(name), LABEL, 119.0);
        let names = if high < 22.0 { names.iter().map(one).collect() } else { names };
        let mut rows = Rows::new(&names, begin, high, 120.0);
        rows.left = left;
        rows.write(&mut svg);
        for (r, &i) in drawn.iter().enumerate() {
            for (c, &j) in drawn.iter().enumerate() {
                let area = (left + c as f64 * cell, rows.y(r), cell, high);
                let inner = (area.0 + 0.6, area.1 + 0.6, cell - 1.2, high - 1.2);
                let (n, shade) = (self.at(i, j), step(self.share(i, j)));
                let shades = if i == j { BLUES } else { ORANGES };
                // A class without samples has no share, and no mistake needs no colour.
                if n == 0 && (i != j || self.of(i) == 0) {
                    svg.rect(inner, 2.0, "#F3F3F0", "");
                    continue;
                }
                svg.rect(inner, 2.0, shades[shade], "");
                let text = thousands(n as u128);
                let font = Font { fill: ink(shade), bold: i == j, ..LABEL };
                // A number that does not fit would be another number.
                let size = (font.size * (cell - 3.0) / width(&text, font)).min(font.size);
                if size >= 6.0 {
                    let at = (area.0 + cell / 2.0, area.1 + high / 2.0 + size * 0.36);
                    svg.text(at, &text, font.size(size), Anchor::Middle, cell);
                }
                svg.tip(area, &self.says(i, j));
            }
        }
        let y = rows.bottom() + 20.0;
        Confusion::key(&mut svg, y);
        let said: Vec<String> =
            self.mistakes().iter().take(TOLD).map(|&(i, j)| self.says(i, j)).collect();
        let about = format!("{TITLE}: {}. {}. {}", self.shown, self.result(), said.join("; "));
        svg.finish((WIDTH, y + 14.0), SHOWN, TITLE, &about)
    }

    fn plain(&self) -> String {
        if self.right().1 == 0 {
            return format!("{TITLE}\nnothing to draw yet: {WHY}\n");
        }
        let drawn = self.drawn();
        let mut out = heading(TITLE, &remarks(&[&self.shown, &self.result()]));
        let name = drawn.iter().map(|&i| len(&self.classes[i])).max().unwrap_or(0).min(18);
        let widest = drawn.iter().flat_map(|&i| drawn.iter().map(move |&j| (i, j)));
        let widest = widest.map(|(i, j)| self.at(i, j).to_string().len()).max().unwrap_or(1);
        let fits = (COLUMNS - name - 2) / (widest.max(4) + 1);
        if drawn.len() > fits {
            // Too wide for a terminal: the mistakes as a list.
            let mistakes = self.mistakes();
            for &(i, j) in mistakes.iter().take(TOLD) {
                out += &(fit(&format!("  {}", self.says(i, j)), COLUMNS) + "\n");
            }
            return match mistakes.len() {
                0 => out + "  no mistake\n",
                n if n > TOLD => out + &format!("  and {} more kinds of mistakes\n", n - TOLD),
                _ => out,
            };
        }
        let room = widest.max(4).max(((COLUMNS - name - 2) / drawn.len() - 1).min(9));
        let right = |text: &str| super::letters::right(&fit(text, room), room);
        let head: String = drawn.iter().map(|&j| format!(" {}", right(&self.classes[j]))).collect();
        out += &(fit(format!("  {:<name$}{head}", "").trim_end(), COLUMNS) + "\n");
        for &i in &drawn {
            let cell = |&j: &usize| match self.at(i, j) {
                0 if i != j => format!(" {}", right("·")),
                n => format!(" {}", right(&n.to_string())),
            };
            let cells: String = drawn.iter().map(cell).collect();
            let line = format!("  {}{cells}", label(&self.classes[i], name));
            out += &(fit(line.trim_end(), COLUMNS) + "\n");
        }
        let most = self.mistakes();
        if let Some(&(i, j)) = most.first() {
            let says =
                format!("{}; {} in all", self.says(i, j), plural(most.len(), "kind of mistake"));
            let says = says.replace("kind of mistakes", "kinds of mistakes");
            let lines = wrap(&format!("most often: {says}"), COLUMNS - 2);
            lines.iter().for_each(|line| out += &format!("  {line}\n"));
        }
        out
    }
}

/// Digits, with the mistakes of people.
pub(super) fn example() -> Confusion {
    let mistakes =
        [(4, 9, 7), (9, 4, 3), (3, 5, 4), (5, 3, 2), (7, 1, 5), (8, 3, 3), (2, 7, 1), (8, 1, 2)];
    let mut counts = vec![vec![0; 10]; 10];
    for (i, row) in counts.iter_mut().enumerate() {
        row[i] = 33 + i % 4;
    }
    for (i, j, n) in mistakes {
        counts[i][j] = n;
        counts[i][i] -= n;
    }
    Confusion {
        classes: (0..10).map(|d| d.to_string()).collect(),
        counts,
        shown: "test split of digits".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn of(n: usize, name: &str) -> Confusion {
        let classes = (0..n).map(|i| format!("{name} {i}")).collect();
        let counts = (0..n).map(|i| (0..n).map(|j| (i * 37 + j * 61) % 11).collect()).collect();
        Confusion { classes, counts, ..example() }
    }

    #[test]
    fn the_share_is_that_of_the_row() {
        let chart = example();
        assert_eq!((chart.of(4), chart.at(4, 9)), (33, 7));
        assert!(chart.svg().contains("4 taken for 9: 7 of 33 (21.2 %)"));
        assert_eq!(chart.mistakes()[0], (4, 9));
        let (right, all) = chart.right();
        assert_eq!((right, all), (all - 27, 33 * 3 + 34 * 3 + 35 * 2 + 36 * 2));
        assert!(chart.plain().contains("most often: 4 taken for 9: 7 of 33"), "{}", chart.plain());
    }

    #[test]
    fn of_many_classes_those_with_mistakes_are_drawn() {
        let mut chart = of(100, "class");
        chart.counts = vec![vec![0; 100]; 100];
        (0..100).for_each(|i| chart.counts[i][i] = 5);
        chart.counts[99][3] = 2;
        let drawn = chart.drawn();
        assert!(drawn.len() == MOST && drawn.contains(&99) && drawn.contains(&3));
        assert!(chart.svg().contains("the 30 of 100 classes with the most mistakes"));
        assert!(chart.plain().contains("class 99 taken for class 3: 2 of 7"), "{}", chart.plain());
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let long = "a very long name of a class & ".repeat(9);
        let cases = [
            Confusion::default(),
            Confusion { counts: vec![], ..example() },
            Confusion { counts: vec![vec![1]], ..example() },
            Confusion { counts: vec![vec![usize::MAX; 10]; 10], shown: long.clone(), ..example() },
            of(1, "one"),
            of(2, &long),
            of(18, "a class"),
            of(30, &long),
            of(400, "s"),
        ];
        cases.iter().for_each(check::chart);
    }
}
