//! Two decisions together: for each pair of options the mean or another figure of the trials that took both, as
//! numbers and shades, with how many trials these are. If one decision does not depend on the other, the rows look
//! alike. A pair that no trial has is left open.

use super::Draw;
use super::letters::clean;
use super::lines::{LABEL, Rows, remarks};
use super::map::BLUES;
use super::pairs::{heads, sample};
use super::plain::{COLUMNS, cell as label, fit, heading, len};
use super::plot::{head, range, share, zoomed};
use super::svg::{Anchor, SHOWN, Svg, WIDTH, nothing};
use super::theme::{Font, INK, MUTED, elide, width};
use crate::words::{capital, direction, plural, score, thousands, usable};
use serde::{Deserialize, Serialize};

/// What trials scored by their options of two decisions.
///
/// ```
/// use nascent::chart::{Chart, Interaction, PairCell};
/// let cell = |value, trials| PairCell { value, trials };
/// let chart = Chart::new(Interaction {
///     shows: "mean accuracy".into(),
///     maximise: true,
///     decisions: vec!["depth".into(), "width".into()],
///     rows: vec!["1".into(), "2".into()],
///     columns: vec!["16".into(), "32".into()],
///     cells: vec![vec![cell(0.7, 4), cell(0.8, 3)], vec![cell(0.9, 5), PairCell::default()]],
///     ..Interaction::default()
/// });
/// assert!(chart.svg().contains("depth 2, width 16: mean accuracy 0.9000, 5 trials"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Interaction {
    /// What the numbers are: `mean accuracy`.
    pub shows: String,
    /// Whether a higher number is better.
    pub maximise: bool,
    /// What is shown: `300 trials`.
    pub shown: String,
    /// The names of the two decisions: that of the rows, that of the columns.
    pub decisions: Vec<String>,
    /// The options of the first decision.
    pub rows: Vec<String>,
    /// The options of the second decision.
    pub columns: Vec<String>,
    /// `cells[i][j]` are the trials with option `i` of the first decision and `j` of the second.
    pub cells: Vec<Vec<PairCell>>,
}

/// The trials with two options, of an [`Interaction`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PairCell {
    /// Their figure.
    pub value: f64,
    /// How many they are.
    pub trials: usize,
}

/// The most options of a side; of more, those that most trials took.
const MOST: usize = 24;

/// What is drawn: the places of rows and columns.
struct Shown {
    rows: Vec<usize>,
    columns: Vec<usize>,
    /// The range of the shades: of all values but those that are far worse than the others.
    ends: (f64, f64),
    /// Whether there are worse ones.
    worse: bool,
}

impl Interaction {
    fn shows(&self) -> &str {
        if self.shows.is_empty() { "score" } else { &self.shows }
    }

    fn decision(&self, i: usize) -> &str {
        self.decisions.get(i).map_or("", String::as_str)
    }

    fn title(&self) -> String {
        format!("{} by {} and {}", capital(self.shows()), self.decision(0), self.decision(1))
    }

    /// The value and the number of trials of a pair that some trial has.
    fn at(&self, i: usize, j: usize) -> Option<(f64, usize)> {
        let cell = self.cells.get(i)?.get(j)?;
        (cell.trials > 0 && usable(cell.value)).then_some((cell.value, cell.trials))
    }

    fn drawn(&self) -> Option<Shown> {
        let (n, m) = (self.rows.len(), self.columns.len());
        let pairs: Vec<(usize, usize, usize)> = (0..n)
            .flat_map(|i| (0..m).map(move |j| (i, j)))
            .filter_map(|(i, j)| Some((i, j, self.at(i, j)?.1)))
            .collect();
        let most_taken = |n: usize, of: &dyn Fn(&(usize, usize, usize)) -> usize| {
            let mut counts = vec![0; n];
            pairs.iter().for_each(|p| counts[of(p)] += p.2);
            let mut order: Vec<usize> = (0..n).collect();
            order.sort_by_key(|&i| std::cmp::Reverse(counts[i]));
            order.truncate(MOST);
            order.sort_unstable();
            order
        };
        let (rows, columns) = (most_taken(n, &|p| p.0), most_taken(m, &|p| p.1));
        let cells = rows.iter().flat_map(|&i| columns.iter().map(move |&j| (i, j)));
        let values: Vec<f64> = cells.filter_map(|(i, j)| Some(self.at(i, j)?.0)).collect();
        let near = zoomed(values.clone(), self.maximise, 3.0);
        let worse = near.len() < values.len();
        (!values.is_empty()).then(|| Shown { ends: range(&near), worse, rows, columns })
    }

    /// What is left out.
    fn rest(&self, shown: &Shown) -> String {
        let (n, m) = (self.rows.len(), self.columns.len());
        match n.max(m) {
            most if most > MOST => {
                format!(
                    "the {} x {} options that most trials took",
                    shown.rows.len(),
                    shown.columns.len()
                )
            }
            _ => String::new(),
        }
    }

    /// The step of a value, from the worst to the best.
    fn step(&self, value: f64, shown: &Shown) -> usize {
        let unit = share(value, shown.ends).clamp(0.0, 1.0);
        let unit = if self.maximise { unit } else { 1.0 - unit };
        ((unit * BLUES.len() as f64) as usize).min(BLUES.len() - 1)
    }

    /// A pair in words.
    fn says(&self, i: usize, j: usize) -> String {
        let (a, b) = (self.decision(0), self.decision(1));
        let pair = format!("{a} {}, {b} {}", self.rows[i], self.columns[j]);
        match self.at(i, j) {
            Some((value, n)) => {
                format!("{pair}: {} {}, {}", self.shows(), score(value), plural(n, "trial"))
            }
            None => format!("{pair}: no trial"),
        }
    }

    /// What the shades stand for.
    fn key(&self, svg: &mut Svg, y: f64, shown: &Shown) {
        let font = LABEL.fill(MUTED);
        let (lo, hi) = shown.ends;
        let (worst, best) = if self.maximise { (lo, hi) } else { (hi, lo) };
        let mut x = 16.0;
        let say = |svg: &mut Svg, x: &mut f64, text: &str| {
            svg.text((*x, y), text, font, Anchor::Start, 130.0);
            *x += width(text, font).min(130.0) + 6.0;
        };
        let or = match (shown.worse, self.maximise) {
            (false, _) => "",
            (true, true) => " or less",
            (true, false) => " or more",
        };
        say(svg, &mut x, &format!("{}{or}", score(worst)));
        for fill in BLUES {
            svg.rect((x, y - 8.5, 14.0, 10.0), 0.0, fill, "");
            x += 14.0;
        }
        x += 6.0;
        say(svg, &mut x, &format!("{}, the best", score(best)));
        x += 12.0;
        sample(svg, (x, y - 9.5, 22.0, 13.0));
        x += 28.0;
        svg.text((x, y), "no trial", font, Anchor::Start, WIDTH - 10.0 - x);
    }
}

/// The colour of the text on a step.
fn ink(step: usize) -> &'static str {
    if step >= 4 { "#FFFFFF" } else { INK }
}

impl Draw for Interaction {
    fn svg(&self) -> String {
        let Some(shown) = self.drawn() else {
            return nothing(&self.title(), "no trial has both decisions and a score");
        };
        let mut svg = Svg::default();
        let note = remarks(&[&self.shown, direction(self.maximise), &self.rest(&shown)]);
        let top = head(&mut svg, &self.title(), &note);
        let pick = |names: &[String], places: &[usize]| -> Vec<String> {
            places.iter().map(|&i| names[i].clone()).collect()
        };
        let rows = pick(&self.rows, &shown.rows);
        let columns = pick(&self.columns, &shown.columns);
        let name = LABEL.bold();
        let own = width(self.decision(0), name).min(130.0) + 26.0;
        let left = Rows::new(&rows, 0.0, 1.0, 120.0).left.max(own);
        let cell = ((WIDTH - 16.0 - left) / columns.len() as f64).min(72.0);
        let middle = left + cell * columns.len() as f64 / 2.0;
        // The name of the columns above their options, and that of the rows above theirs.
        let room = 2.0 * (middle - left).max(40.0).min(WIDTH - 10.0 - middle);
        svg.text((middle, top - 2.0), self.decision(1), name, Anchor::Middle, room);
        let begin = heads(&columns, &mut svg, top + 7.0, left, cell);
        svg.text((left - 8.0, begin - 6.0), self.decision(0), name, Anchor::End, left - 20.0);
        let texts = cell >= 30.0;
        let high = if texts { 31.0 } else { cell.clamp(13.0, 24.0) };
        // Low rows have names of one line.
        let one = |name: &String| elide(&clean(name), LABEL, 119.0);
        let rows = if high < 22.0 { rows.iter().map(one).collect() } else { rows };
        let mut rows = Rows::new(&rows, begin, high, 120.0);
        rows.left = left;
        rows.write(&mut svg);
        for (r, &i) in shown.rows.iter().enumerate() {
            for (c, &j) in shown.columns.iter().enumerate() {
                let area = (left + c as f64 * cell, rows.y(r), cell, high);
                let middle = area.0 + cell / 2.0;
                match self.at(i, j) {
                    None => {
                        sample(&mut svg, area);
                        if texts {
                            let at = (middle, area.1 + high / 2.0 + 3.6);
                            svg.text(at, "–", LABEL.fill(MUTED), Anchor::Middle, cell);
                        }
                    }
                    Some((value, trials)) => {
                        let step = self.step(value, &shown);
                        let inner = (area.0 + 0.6, area.1 + 0.6, cell - 1.2, high - 1.2);
                        svg.rect(inner, 2.0, BLUES[step], "");
                        if texts {
                            let font = Font { fill: ink(step), ..LABEL.bold() };
                            let (value, n) = (score(value), count(trials, cell));
                            let (at, room) = ((middle, area.1 + 14.0), cell - 3.0);
                            // A number that does not fit would be another number.
                            let size = (font.size * room / width(&value, font)).min(font.size);
                            if size >= 6.5 {
                                svg.text(at, &value, font.size(size), Anchor::Middle, cell);
                            }
                            let font = Font { fill: ink(step), ..LABEL.size(9.0) };
                            let at = (middle, area.1 + 25.0);
                            svg.text(at, &elide(&n, font, cell), font, Anchor::Middle, cell);
                        }
                    }
                }
                svg.tip(area, &self.says(i, j));
            }
        }
        let y = rows.bottom() + 20.0;
        self.key(&mut svg, y, &shown);
        let pairs = shown.rows.iter().flat_map(|&i| shown.columns.iter().map(move |&j| (i, j)));
        let said = pairs.filter(|&(i, j)| self.at(i, j).is_some()).map(|(i, j)| self.says(i, j));
        let said = said.collect::<Vec<_>>().join("; ");
        let about = format!("{} ({}). {said}", self.title(), direction(self.maximise));
        svg.finish((WIDTH, y + 14.0), SHOWN, &self.title(), &about)
    }

    fn plain(&self) -> String {
        let title = fit(&format!("{} ({})", self.title(), direction(self.maximise)), COLUMNS);
        let Some(shown) = self.drawn() else {
            return format!(
                "{title}\nnothing to draw yet: no trial has both decisions and a score\n"
            );
        };
        // The best pairs first where the table would be too wide.
        let name = shown.rows.iter().map(|&i| len(&self.rows[i])).max().unwrap_or(0).min(18);
        let room = 9;
        let fits = (COLUMNS - name - 2) / (room + 1);
        let mut out = heading(&title, &self.shown);
        let columns = &shown.columns[..shown.columns.len().min(fits)];
        let head: String =
            columns.iter().map(|&j| format!(" {}", right(&self.columns[j], room))).collect();
        out += &(fit(format!("  {:<name$}{head}", "").trim_end(), COLUMNS) + "\n");
        for &i in &shown.rows {
            let cell = |&j: &usize| {
                let text = self.at(i, j).map_or("–".into(), |(value, _)| score(value));
                format!(" {}", right(&text, room))
            };
            let cells: String = columns.iter().map(cell).collect();
            let line = format!("  {}{cells}", label(&self.rows[i], name));
            out += &(fit(line.trim_end(), COLUMNS) + "\n");
        }
        if columns.len() < self.columns.len() {
            let rest = self.columns.len() - columns.len();
            out += &(fit(
                &format!("  and {} of {}", plural(rest, "more option"), self.decision(1)),
                COLUMNS,
            ) + "\n");
        }
        out
    }
}

/// A text at the right end of a column.
fn right(text: &str, room: usize) -> String {
    super::letters::right(&fit(text, room), room)
}

/// How many trials a cell has, in the longest form that fits.
fn count(trials: usize, cell: f64) -> String {
    let long = plural(trials, "trial");
    let fits = width(&long, LABEL.size(9.0)) <= cell - 3.0;
    if fits { long } else { thousands(trials as u128) }
}

/// Two edges of a cell: what is on one of them matters only if the other lets something through.
pub(super) fn example() -> Interaction {
    let operations = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"];
    let names: Vec<String> = operations.iter().map(|name| (*name).into()).collect();
    let gain = [0.0, 2.5, 4.0, 5.5, 2.0];
    let cell = |i: usize, j: usize| {
        let joint = if i == 0 || j == 0 { 0.0 } else { 2.0 };
        let trials = if (i + 2 * j) % 9 == 7 { 0 } else { 3 + (7 * i + 5 * j) % 17 };
        PairCell { value: 80.0 + gain[i] + 0.7 * gain[j] + joint, trials }
    };
    Interaction {
        shows: "mean validation accuracy (%)".into(),
        maximise: true,
        shown: "250 trials".into(),
        decisions: vec!["cell.0-3".into(), "cell.2-3".into()],
        rows: names.clone(),
        columns: names,
        cells: (0..5).map(|i| (0..5).map(|j| cell(i, j)).collect()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn of(n: usize, m: usize, name: &str) -> Interaction {
        let names = |n: usize| (0..n).map(|i| format!("{name} {i}")).collect();
        let cell = |i: usize, j: usize| PairCell {
            value: ((i * 37 + j * 61) % 101) as f64,
            trials: (i + j) % 4,
        };
        Interaction {
            rows: names(n),
            columns: names(m),
            cells: (0..n).map(|i| (0..m).map(|j| cell(i, j)).collect()).collect(),
            ..example()
        }
    }

    #[test]
    fn shades_go_from_the_worst_to_the_best() {
        let chart = example();
        let shown = chart.drawn().unwrap();
        let step = |chart: &Interaction, v: f64| chart.step(v, &shown);
        assert_eq!((step(&chart, shown.ends.0), step(&chart, shown.ends.1)), (0, 5));
        let loss = Interaction { maximise: false, ..chart };
        assert_eq!((step(&loss, shown.ends.0), step(&loss, shown.ends.1)), (5, 0));
    }

    #[test]
    fn a_pair_that_is_far_worse_does_not_take_the_shades_from_the_others() {
        let mut chart = example();
        chart.cells[0][0].value = 10.0;
        let shown = chart.drawn().unwrap();
        assert!(shown.worse && shown.ends.0 > 75.0 && chart.step(10.0, &shown) == 0);
        assert!(chart.svg().contains(" or less<"));
    }

    #[test]
    fn a_pair_without_trials_is_open() {
        let chart = example();
        assert!(chart.at(1, 3).is_none());
        assert!(chart.svg().contains("cell.0-3 skip_connect, cell.2-3 nor_conv_3x3: no trial"));
        assert!(chart.plain().contains('–'));
    }

    #[test]
    fn of_many_options_the_most_taken_are_shown() {
        let mut chart = of(30, 2, "o");
        chart.cells[29][0] = PairCell { value: 1.0, trials: 1000 };
        let shown = chart.drawn().unwrap();
        assert_eq!((shown.rows.len(), shown.rows[23]), (24, 29));
        assert!(chart.svg().contains("the 24 x 2 options that most trials took"));
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let long = "a very long name of an option & ".repeat(9);
        let with = |value: f64| Interaction {
            cells: vec![vec![PairCell { value, trials: 2 }; 5]; 5],
            ..example()
        };
        let cases = [
            Interaction::default(),
            of(0, 0, "o"),
            of(1, 1, "o"),
            of(2, 2, &long),
            of(5, 1, "o"),
            of(1, 5, &long),
            of(8, 12, "an option"),
            of(300, 300, &long),
            Interaction { cells: vec![vec![]], ..example() },
            Interaction { decisions: vec![], ..example() },
            Interaction { decisions: vec![long.clone(), long.clone()], shows: long, ..example() },
            with(f64::NAN),
            with(f64::MAX),
            with(-1e-300),
            with(0.0),
        ];
        cases.iter().for_each(check::chart);
    }
}
