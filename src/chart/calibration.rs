//! Whether a model of scores knows what it does not know: what it expected of architectures before they were
//! evaluated, against what came out, and how often that lay within its intervals. If the intervals are right, half of the
//! results lie within the 50 % intervals, four of five within the 80 % intervals. Fewer: the model is too sure of itself,
//! and a search by it explores too little. More: it is too cautious.
//!
//! Gneiting, Balabdaoui and Raftery, "Probabilistic forecasts, calibration and sharpness", J. Royal Statistical Society
//! B 69, 2007. Coverage is a share of few trials, so it has an interval itself, by Wilson's score (JASA 22, 1927):
//!
//! ```text
//! (p + z^2 / 2n ± z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)        z = 1.96
//! ```

use super::Draw;
use super::lines::{Across, LABEL, Rows, path, remarks};
use super::plain::{COLUMNS, Canvas, fit, table};
use super::plot::{AXIS, Around, Frame, Key, Sample, Scale, padded, x_axis, zoomed};
use super::svg::{Anchor, WIDTH, n, nothing};
use super::theme::{CARD, INK, MUTED, colour};
use crate::stats::kendall_tau;
use crate::words::{capital, plural, score, thousands, usable};
use serde::{Deserialize, Serialize};

/// What a model expected of architectures, and what came out.
///
/// ```
/// use nascent::chart::{Calibration, Chart, Forecast};
/// let forecast = |mean, truth| Forecast {
///     mean,
///     lows: vec![mean - 0.01, mean - 0.02, mean - 0.03],
///     highs: vec![mean + 0.01, mean + 0.02, mean + 0.03],
///     truth,
///     ..Forecast::default()
/// };
/// let chart = Chart::new(Calibration {
///     metric: "accuracy".into(),
///     forecasts: vec![forecast(0.90, 0.905), forecast(0.92, 0.945), forecast(0.95, 0.91)],
///     ..Calibration::default()
/// });
/// assert!(chart.plain().contains("95 % interval"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The name of the score.
    pub metric: String,
    /// Whether a higher score is better.
    pub maximise: bool,
    /// Which model it is, and what it had learned from.
    pub shown: String,
    /// The predictions, in the order of the trials.
    pub forecasts: Vec<Forecast>,
}

/// A prediction of a [`Calibration`], made before the result was known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// The number of the trial.
    pub number: usize,
    /// The architecture.
    pub name: String,
    /// The expected score.
    pub mean: f64,
    /// The lower ends of the intervals of 50, 80 and 95 %.
    pub lows: Vec<f64>,
    /// Their upper ends.
    pub highs: Vec<f64>,
    /// The score that came out.
    pub truth: f64,
}

/// The probabilities of the intervals.
const LEVELS: [f64; 3] = [0.5, 0.8, 0.95];
/// More predictions than this are thinned; all count for the coverage.
const DRAWN: usize = 300;

impl Forecast {
    fn interval(&self, level: usize) -> Option<(f64, f64)> {
        let (low, high) = (*self.lows.get(level)?, *self.highs.get(level)?);
        (usable(low) && usable(high) && low <= high).then_some((low, high))
    }

    fn is_usable(&self) -> bool {
        let all = (0..LEVELS.len()).all(|level| self.interval(level).is_some());
        all && usable(self.mean) && usable(self.truth)
    }

    /// Whether the result lies within an interval.
    fn within(&self, level: usize) -> bool {
        self.interval(level).is_some_and(|(low, high)| (low..=high).contains(&self.truth))
    }
}

/// The interval of a share, of `hits` in `n`.
fn wilson(hits: usize, n: usize) -> (f64, f64) {
    const Z: f64 = 1.959_963_984_540_054;
    let (n, p) = (n.max(1) as f64, hits as f64 / n.max(1) as f64);
    let (middle, square) = (p + Z * Z / (2.0 * n), Z * Z / (4.0 * n * n));
    let half = Z * (p * (1.0 - p) / n + square).sqrt();
    let whole = 1.0 + Z * Z / n;
    (((middle - half) / whole).max(0.0), ((middle + half) / whole).min(1.0))
}

struct Plan<'a> {
    all: Vec<&'a Forecast>,
    every: usize,
    /// How many results lie within the intervals of each level.
    hits: [usize; 3],
    /// Kendall's tau of expectations and results.
    tau: Option<f64>,
}

impl Plan<'_> {
    fn drawn(&self) -> impl Iterator<Item = &Forecast> {
        self.all.iter().step_by(self.every).copied()
    }

    /// Coverage in a word, by the widest interval whose share is surely another one.
    fn verdict(&self) -> &'static str {
        if self.all.iter().all(|f| f.truth == self.all[0].truth) {
            return "all are the same, no verdict";
        }
        let off = |level: usize| {
            let (low, high) = wilson(self.hits[level], self.all.len());
            if high < LEVELS[level] { -1 } else { i32::from(low > LEVELS[level]) }
        };
        match (0..LEVELS.len()).map(off).sum::<i32>() {
            ..=-1 => "too few, the model is too sure",
            0 => "about as many as there should be",
            _ => "too many, the model is too cautious",
        }
    }
}

impl Calibration {
    fn metric(&self) -> &str {
        if self.metric.is_empty() { "score" } else { &self.metric }
    }

    fn title(&self) -> String {
        format!("Expected {} against what came out", self.metric())
    }

    fn why_empty(&self) -> &'static str {
        match self.forecasts.is_empty() {
            true => "no trial was predicted",
            false => "no prediction has intervals and a result",
        }
    }

    fn plan(&self) -> Option<Plan<'_>> {
        let all: Vec<&Forecast> = self.forecasts.iter().filter(|f| f.is_usable()).collect();
        if all.is_empty() {
            return None;
        }
        let hits = [0, 1, 2].map(|level| all.iter().filter(|f| f.within(level)).count());
        let every = if all.len() > 2 * DRAWN { all.len().div_ceil(DRAWN) } else { 1 };
        let (means, truths): (Vec<f64>, Vec<f64>) = all.iter().map(|f| (f.mean, f.truth)).unzip();
        let tau = kendall_tau(&means, &truths).ok().filter(|tau| tau.is_finite());
        Some(Plan { all, every, hits, tau })
    }

    fn scale(&self, plan: &Plan, n: usize) -> Scale {
        let both = plan.all.iter().flat_map(|f| [f.mean, f.truth]).collect();
        let (lo, hi) = padded(&zoomed(both, self.maximise, 5.0), 0.06, 0.06);
        Scale::linear(lo, hi, n, false)
    }

    fn note(&self, plan: &Plan) -> String {
        let thin = match plan.every {
            1 => String::new(),
            every => format!("1 of {every} drawn"),
        };
        let tau = plan.tau.map_or(String::new(), |tau| format!("Kendall's tau {tau:.2}"));
        remarks(&[&self.shown, &tau, &thin])
    }

    fn says(&self, f: &Forecast) -> String {
        let (low, high) = f.interval(2).unwrap_or((f64::NAN, f64::NAN));
        let (mean, truth) = (score(f.mean), score(f.truth));
        let (low, high) = (score(low), score(high));
        format!(
            "trial {}: {mean} expected ({low} to {high} with 95 %), {truth} came out; {}",
            f.number, f.name
        )
    }

    /// The coverage of a level in words.
    fn coverage(plan: &Plan, level: usize) -> String {
        let share = 100.0 * plan.hits[level] as f64 / plan.all.len() as f64;
        format!("{share:.0} %")
    }

    fn describe(&self, plan: &Plan) -> String {
        let said = (0..LEVELS.len()).map(|i| {
            format!("{} within the {:.0} % intervals", Self::coverage(plan, i), 100.0 * LEVELS[i])
        });
        let said: Vec<String> = said.collect();
        format!(
            "{}. {}. {} predictions: {}; {}",
            self.title(),
            self.note(plan).replace('\n', ". "),
            plan.all.len(),
            said.join(", "),
            plan.verdict()
        )
    }

    /// Bars and points.
    fn draw_forecasts(&self, frame: &mut Frame, plan: &Plan) {
        let few = plan.all.len() / plan.every <= 120;
        let (wide, r) = if few { (2.6, 2.6) } else { (1.6, 1.8) };
        let diagonal = {
            let (lo, hi) = frame.x.ends();
            path(&[frame.at(lo, lo), frame.at(hi, hi)])
        };
        let (mut halves, mut most, mut outside) = (String::new(), String::new(), String::new());
        for f in plan.drawn() {
            let bar = |level: usize| {
                let (low, high) = f.interval(level).unwrap_or((f.mean, f.mean));
                let (from, to) = (frame.at(f.truth, low), frame.at(f.truth, high));
                format!("M{} {}V{}", n(from.0), n(from.1), n(to.1))
            };
            halves += &bar(0);
            *(if f.within(2) { &mut most } else { &mut outside }) += &bar(2);
        }
        let alpha = if few { 0.5 } else { 0.3 };
        frame.inside(|svg| {
            svg.path(&diagonal, MUTED, 1.2, r#"stroke-dasharray="4 3""#);
            svg.path(&most, colour(0), 1.0, &format!(r#"stroke-opacity="{alpha}""#));
            svg.path(&outside, colour(1), 1.0, r#"stroke-opacity="0.8""#);
            svg.path(&halves, colour(0), wide, &format!(r#"stroke-opacity="{alpha}""#));
        });
        for f in plan.drawn().filter(|f| frame.shows(f.mean)).collect::<Vec<_>>() {
            let at = frame.at(f.truth, f.mean);
            if at.0 < frame.left || at.0 > frame.right {
                continue;
            }
            match f.within(2) {
                true => frame.svg.dot(
                    at,
                    r,
                    colour(0),
                    &format!(r#"stroke="{CARD}" stroke-width="0.6""#),
                ),
                false => {
                    let look = format!(r#"stroke="{}" stroke-width="1.6""#, colour(1));
                    frame.svg.dot(at, r, CARD, &look);
                }
            }
            frame.svg.hover(at, 5.0, &self.says(f));
        }
    }

    /// The lower panel: for each level the share of results within, beside the share that there should be.
    fn draw_coverage(&self, frame: &mut Frame, plan: &Plan) {
        let names: Vec<String> =
            LEVELS.iter().map(|level| format!("{:.0} % interval", 100.0 * level)).collect();
        let top = frame.bottom + 76.0;
        let heading = LABEL.bold().size(11.0);
        let says = capital(&format!("within the intervals: {}", plan.verdict()));
        frame.svg.text((16.0, top - 13.0), &says, heading, Anchor::Start, WIDTH - 32.0);
        let rows = Rows::new(&names, top, 19.0, 90.0);
        let right = WIDTH - 96.0;
        let mut x = Scale::linear(0.0, 1.0, 4, false);
        x.ticks = (0..=4).map(|i| (f64::from(i) / 4.0, format!("{} %", i * 25))).collect();
        let across = Across { x: &x, left: rows.left, right };
        across.grid(&mut frame.svg, top, rows.bottom());
        rows.write(&mut frame.svg);
        for (i, level) in LEVELS.iter().enumerate() {
            let y = rows.y(i) + 9.5;
            let share = plan.hits[i] as f64 / plan.all.len() as f64;
            let (low, high) = wilson(plan.hits[i], plan.all.len());
            let should = across.at(*level);
            frame.svg.path(&path(&[(should, y - 7.5), (should, y + 7.5)]), INK, 2.0, "");
            let d = path(&[(across.at(low), y), (across.at(high), y)]);
            frame.svg.path(&d, colour(0), 3.0, r#"stroke-opacity="0.45" stroke-linecap="round""#);
            let look = format!(r#"stroke="{CARD}" stroke-width="1""#);
            frame.svg.dot((across.at(share), y), 4.2, colour(0), &look);
            let text =
                format!("{} of {}", Self::coverage(plan, i), thousands(plan.all.len() as u128));
            frame.svg.text((WIDTH - 16.0, y + 3.6), &text, LABEL.bold(), Anchor::End, 78.0);
            let tip = format!(
                "{} of {} results lie within; with 95 % confidence {:.0} to {:.0} %",
                plan.hits[i],
                plan.all.len(),
                100.0 * low,
                100.0 * high
            );
            frame.svg.tip((rows.left, y - 9.0, right - rows.left, 18.0), &tip);
        }
        frame.svg.line((rows.left, rows.bottom()), (right, rows.bottom()), AXIS, 1.0);
        x_axis(
            &mut frame.svg,
            &x,
            (rows.left, right),
            rows.bottom(),
            "share of results within; | should be, ● is, with its 95 % interval",
        );
        frame.height = rows.bottom() + 46.0;
    }
}

impl Draw for Calibration {
    fn svg(&self) -> String {
        let Some(plan) = self.plan() else { return nothing(&self.title(), self.why_empty()) };
        let mut legend = vec![
            Key::new(colour(0), Sample::Dot, "expected, with 50 and 95 % intervals"),
            Key::new(MUTED, Sample::Line("4 3"), "as expected"),
        ];
        if plan.hits[2] < plan.all.len() {
            legend.insert(1, Key::new(colour(1), Sample::Ring, "outside of its 95 %"));
        }
        let name = format!("{} that came out", self.metric());
        let around = Around::new(self.title(), self.note(&plan), legend, &name);
        let mut frame = Frame::tall(around, self.scale(&plan, 6), self.scale(&plan, 6), 250.0);
        self.draw_forecasts(&mut frame, &plan);
        self.draw_coverage(&mut frame, &plan);
        frame.finish(&self.title(), &self.describe(&plan))
    }

    fn plain(&self) -> String {
        let title = fit(&self.title(), COLUMNS);
        let Some(plan) = self.plan() else {
            return format!("{title}\nnothing to draw yet: {}\n", self.why_empty());
        };
        let scale = self.scale(&plan, 6);
        let mut canvas = Canvas::new(48, 14);
        (0..48).for_each(|c| {
            let unit = c as f64 / 47.0;
            canvas.put(canvas.cell((unit, unit)), '/', true);
        });
        for f in &plan.all {
            let (x, y) = (scale.unit(f.truth), scale.unit(f.mean));
            if (0.0..=1.0).contains(&x) && (0.0..=1.0).contains(&y) {
                canvas.put(canvas.cell((x, y)), if f.within(2) { '●' } else { '○' }, true);
            }
        }
        let (lo, hi) = scale.ends();
        let (lo, hi) = (score(lo), score(hi));
        let plot = canvas.render((&lo, &hi), (&lo, &hi), "came out; upwards: expected", &[]);
        let note: String = self
            .note(&plan)
            .split('\n')
            .map(|line| fit(line, COLUMNS).trim_end().to_string() + "\n")
            .collect();
        let columns = ["", "results within", "95 % of that"].map(String::from);
        let row = |i: usize| {
            let (low, high) = wilson(plan.hits[i], plan.all.len());
            vec![
                format!("{:.0} % interval", 100.0 * LEVELS[i]),
                format!("{} of {}", Self::coverage(&plan, i), plural(plan.all.len(), "result")),
                format!("{:.0} to {:.0} %", 100.0 * low, 100.0 * high),
            ]
        };
        let rows: Vec<Vec<String>> = (0..LEVELS.len()).map(row).collect();
        let keys = "○ outside of its 95 % interval";
        let verdict = fit(&format!("Within the intervals: {}", plan.verdict()), COLUMNS);
        format!("{title}\n{note}{plot}{keys}\n\n{}{verdict}\n", table(&columns, &rows))
    }
}

/// A made-up model that is a little too sure of itself.
pub(super) fn example() -> Calibration {
    let mut rng = crate::rng::Rng::from_u64(17);
    let forecast = |i: usize| {
        let mean = 0.93 - 0.05 * (0.8 * rng.normal()).exp() * 0.6;
        let sd = 0.006 + 0.01 * rng.uniform();
        let truth = mean + 1.35 * sd * rng.normal();
        let ends = |sign: f64| [0.674, 1.282, 1.96].map(|k| mean + sign * k * sd).to_vec();
        let name = format!("conv({}, 3)>linear(10)", 8 + i);
        Forecast { number: i + 5, name, mean, lows: ends(-1.0), highs: ends(1.0), truth }
    };
    Calibration {
        metric: "accuracy".into(),
        maximise: true,
        shown: "a Gaussian process that had learned the trials before; 30 refits".into(),
        forecasts: (0..95).map(forecast).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn of(rows: &[(f64, f64, f64)]) -> Calibration {
        let forecast = |&(mean, sd, truth): &(f64, f64, f64)| Forecast {
            mean,
            lows: [0.674, 1.282, 1.96].map(|k| mean - k * sd).to_vec(),
            highs: [0.674, 1.282, 1.96].map(|k| mean + k * sd).to_vec(),
            truth,
            ..Forecast::default()
        };
        Calibration { forecasts: rows.iter().map(forecast).collect(), ..example() }
    }

    /// statsmodels.stats.proportion.proportion_confint(8, 10, method="wilson"): 0.4902, 0.9433; and of 0 in 10.
    #[test]
    fn shares_have_wilsons_interval() {
        let (low, high) = wilson(8, 10);
        assert!((low - 0.490162).abs() < 1e-5 && (high - 0.943318).abs() < 1e-5, "{low} {high}");
        let (low, high) = wilson(0, 10);
        assert!(low == 0.0 && (high - 0.277533).abs() < 1e-5, "{low} {high}");
    }

    #[test]
    fn coverage_counts_what_lies_within() {
        let chart = of(&[(0.0, 1.0, 0.5), (0.0, 1.0, -1.0), (0.0, 1.0, 1.9), (0.0, 1.0, 3.0)]);
        assert_eq!(chart.plan().unwrap().hits, [1, 2, 3]);
        // A model that is sure of itself and wrong, and one that never is.
        let sure: Vec<_> = (0..50).map(|i| (f64::from(i), 1e-3, f64::from(i) + 1.0)).collect();
        assert_eq!(of(&sure).plan().unwrap().verdict(), "too few, the model is too sure");
        let shy: Vec<_> = (0..50).map(|i| (f64::from(i), 1e3, f64::from(i) + 1.0)).collect();
        assert_eq!(of(&shy).plan().unwrap().verdict(), "too many, the model is too cautious");
        let same = of(&[(0.5, 0.1, 0.5); 40]);
        assert!(same.plain().contains("all are the same, no verdict"), "{}", same.plain());
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let long = "long & <name> ".repeat(20);
        let mut short = example();
        short.forecasts.iter_mut().for_each(|f| f.lows.truncate(1));
        let many: Vec<_> =
            (0..100_000).map(|i| (f64::from(i % 997), 5.0, f64::from(i % 991))).collect();
        let cases = [
            Calibration::default(),
            of(&[]),
            short,
            of(&[(f64::NAN, 1.0, 1.0), (1.0, f64::INFINITY, 1.0), (1.0, 1.0, f64::NAN)]),
            of(&[(0.5, 0.0, 0.5)]),
            of(&[(0.5, 0.1, 0.5); 4]),
            of(&[(1e300, 1e299, -1e300), (-1e300, 1e300, 1e300)]),
            of(&[(1e-310, 0.0, 5e-324), (0.0, 1e-310, 0.0)]),
            Calibration { metric: long.clone(), shown: long, maximise: false, ..example() },
            of(&many),
        ];
        cases.iter().for_each(check::chart);
        assert!(cases[9].svg().len() < 300_000, "{}", cases[9].svg().len());
    }
}
