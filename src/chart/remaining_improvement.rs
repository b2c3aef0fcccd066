//! Whether it is worth going on: how much better than the best so far an architecture could still be, by what a model
//! believes after each number of trials, against the noise of a score. Once the line is below the noise, a better
//! architecture could not be told from luck, and the search may stop. How the numbers come about is said in
//! `src/study/termination.rs`.

use super::Draw;
use super::lines::{LABEL, path, remarks};
use super::plain::{COLUMNS, Canvas, fit, table};
use super::plot::{Around, Frame, Key, Sample, Scale, padded, range};
use super::svg::{Anchor, nothing};
use super::theme::{CARD, MUTED, colour};
use crate::words::{number, score, usable};
use serde::{Deserialize, Serialize};

/// How much improvement a model believes possible, after each number of trials.
///
/// ```
/// use nascent::chart::{Chart, RemainingImprovement};
/// let chart = Chart::new(RemainingImprovement {
///     metric: "accuracy".into(),
///     noise: 0.01,
///     trials: vec![10.0, 20.0, 30.0],
///     bounds: vec![0.08, 0.03, 0.006],
///     ..RemainingImprovement::default()
/// });
/// assert!(chart.plain().contains("below the noise after 30 trials"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RemainingImprovement {
    /// The name of the score.
    pub metric: String,
    /// Which model it is.
    pub shown: String,
    /// The standard deviation of a score, from one training of an architecture to the next; 0 if it is not known.
    pub noise: f64,
    /// After how many trials.
    pub trials: Vec<f64>,
    /// The most by which the best score so far may still be beaten, for each of these.
    pub bounds: Vec<f64>,
}

const NOISE: &str = "noise of a score";
/// Bounds less than this share of the largest one are drawn as this.
const LEAST: f64 = 1e-4;

impl RemainingImprovement {
    fn metric(&self) -> &str {
        if self.metric.is_empty() { "score" } else { &self.metric }
    }

    fn title(&self) -> String {
        format!("How much better {} may still become", self.metric())
    }

    fn points(&self) -> Vec<(f64, f64)> {
        let all = self.trials.iter().copied().zip(self.bounds.iter().copied());
        let mut points: Vec<_> = all.filter(|p| usable(p.0) && usable(p.1)).collect();
        points.iter_mut().for_each(|p| p.1 = p.1.max(0.0));
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points
    }

    fn noise(&self) -> Option<f64> {
        Some(self.noise).filter(|v| usable(*v) && *v > 0.0)
    }

    /// From where on all bounds are below the noise.
    fn settled(&self, points: &[(f64, f64)]) -> Option<(f64, f64)> {
        let noise = self.noise()?;
        let above = points.iter().rposition(|p| p.1 > noise).map_or(0, |i| i + 1);
        points.get(above).copied()
    }

    /// What is seen, in words.
    fn says(&self, points: &[(f64, f64)]) -> String {
        let Some(&(x, last)) = points.last() else { return String::new() };
        match (self.settled(points), self.noise()) {
            (Some((at, _)), _) => format!("below the noise after {} trials", number(at)),
            (None, Some(noise)) if last / noise < 1e4 => {
                format!(
                    "still {} after {} trials, {:.1} times the noise",
                    score(last),
                    number(x),
                    last / noise
                )
            }
            _ => format!("still {} after {} trials", score(last), number(x)),
        }
    }

    fn scales(&self, points: &[(f64, f64)]) -> (Scale, Scale) {
        let (lo, hi) = padded(&points.iter().map(|p| p.0).collect::<Vec<_>>(), 0.03, 0.03);
        let mut values: Vec<f64> = points.iter().map(|p| p.1).collect();
        values.extend(self.noise());
        let (_, most) = range(&values);
        let x = Scale::linear(lo.max(0.0), hi, 7, true);
        if most <= 0.0 {
            return (x, Scale::linear(0.0, 1.0, 4, false));
        }
        let floor = (most * LEAST).max(f64::MIN_POSITIVE);
        let positive: Vec<f64> = values.iter().map(|v| v.max(floor)).collect();
        let (least, _) = range(&positive);
        if most / least > 12.0 {
            return (x, Scale::log(least / 1.5, (most * 1.5).min(f64::MAX), 5));
        }
        (x, Scale::linear(0.0, padded(&[0.0, most], 0.0, 0.12).1, 5, false))
    }

    /// A bound as it is drawn: on a logarithmic axis none is below its lower end.
    fn drawn(y: &Scale, v: f64) -> f64 {
        if y.is_log() { v.max(y.ends().0) } else { v }
    }
}

impl Draw for RemainingImprovement {
    fn svg(&self) -> String {
        let points = self.points();
        if points.is_empty() {
            return nothing(&self.title(), "no model has been asked");
        }
        let (x, y) = self.scales(&points);
        let log = if y.is_log() { "log scale" } else { "" };
        let note = remarks(&[&self.says(&points), &self.shown, log]);
        let mut keys =
            vec![Key::new(colour(0), Sample::Line(""), "the most that is possible, by the model")];
        if self.settled(&points).is_some() {
            keys.push(Key::new(colour(1), Sample::Hollow, "below from here on"));
        }
        let mut frame = Frame::new(Around::new(self.title(), note, keys, "trials"), x, y);
        if let Some(noise) = self.noise() {
            let bottom = frame.bottom;
            let top = frame.at(0.0, noise).1.clamp(frame.top, bottom);
            let area = (frame.left, top, frame.right - frame.left, bottom - top);
            frame.svg.rect(area, 0.0, MUTED, r#"fill-opacity="0.09""#);
            let edge = path(&[(area.0, top), (area.0 + area.2, top)]);
            frame.svg.path(&edge, MUTED, 1.0, r#"stroke-dasharray="2 3""#);
            let says = format!("{NOISE}: {}", score(noise));
            let at = (frame.left + 5.0, bottom - 6.0);
            frame.svg.halo(at, &says, LABEL.fill(MUTED), Anchor::Start, area.2 - 10.0);
        }
        let line: Vec<(f64, f64)> =
            points.iter().map(|p| (p.0, Self::drawn(&frame.y, p.1))).collect();
        frame.layer(r#"stroke-linejoin="round""#, |pen| {
            pen.line(&line, CARD, 0.8, 4.0);
            pen.line(&line, colour(0), 1.0, 2.0);
            pen.dots(&line, if line.len() > 60 { 1.6 } else { 3.0 }, colour(0), 1.0);
        });
        if let Some((at, bound)) = self.settled(&points) {
            let bound = Self::drawn(&frame.y, bound);
            frame.layer("", |pen| pen.ring((at, bound), 5.0, colour(1)));
        }
        for &(x, v) in points.iter().rev().take(300) {
            let at = frame.at(x, Self::drawn(&frame.y, v));
            frame.svg.hover(
                at,
                5.0,
                &format!("after {} trials: {} at the most", number(x), score(v)),
            );
        }
        let desc = format!("{}: {}. {}", self.title(), self.says(&points), self.shown);
        frame.finish(&self.title(), &desc)
    }

    fn plain(&self) -> String {
        let title = fit(&self.title(), COLUMNS);
        let points = self.points();
        if points.is_empty() {
            return format!("{title}\nnothing to draw yet: no model has been asked\n");
        }
        let (x, y) = self.scales(&points);
        let mut canvas = Canvas::new(64, 10);
        if let Some(noise) = self.noise() {
            let row = canvas.cell((0.0, y.unit(noise))).1;
            (0..64).for_each(|column| canvas.put((column, row), '·', false));
        }
        for p in &points {
            canvas.put(canvas.cell((x.unit(p.0), y.unit(Self::drawn(&y, p.1)))), '●', true);
        }
        let ((left, right), (lo, hi)) = (x.ends(), y.ends());
        let ends = (score(lo), score(hi), format!("{left:.0}"), format!("{right:.0}"));
        let ends = (ends.0, ends.1, fit(&ends.2, 12), fit(&ends.3, 12));
        let name = if y.is_log() { "trials; upwards logarithmic" } else { "trials" };
        let plot = canvas.render((&ends.0, &ends.1), (&ends.2, &ends.3), name, &[]);
        let says = fit(&self.says(&points), COLUMNS);
        let shown = match self.shown.is_empty() {
            true => String::new(),
            false => fit(&self.shown, COLUMNS) + "\n",
        };
        let columns = ["after trials", "may still improve by"].map(String::from);
        let every = points.len().div_ceil(8).max(1);
        let rows: Vec<Vec<String>> =
            points.iter().rev().step_by(every).map(|p| vec![number(p.0), score(p.1)]).collect();
        format!("{title}\n{says}\n{shown}{plot}· noise of a score\n\n{}", table(&columns, &rows))
    }
}

/// A made-up search.
pub(super) fn example() -> RemainingImprovement {
    let mut rng = crate::rng::Rng::from_u64(23);
    let trials: Vec<f64> = (1..=28).map(|i| f64::from(5 * i)).collect();
    let bounds =
        trials.iter().map(|t| 0.11 * (-t / 34.0).exp() * (0.18 * rng.normal()).exp() + 8e-4);
    RemainingImprovement {
        metric: "accuracy".into(),
        shown: "a Gaussian process; 2 standard deviations around its means".into(),
        noise: 0.004,
        bounds: bounds.collect(),
        trials,
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn of(bounds: &[f64], noise: f64) -> RemainingImprovement {
        let trials = (1..=bounds.len()).map(|i| i as f64).collect();
        RemainingImprovement { trials, bounds: bounds.to_vec(), noise, ..example() }
    }

    #[test]
    fn it_is_settled_where_it_stays_below_the_noise() {
        let chart = of(&[0.5, 0.1, 0.3, 0.15, 0.05], 0.2);
        assert_eq!(chart.settled(&chart.points()), Some((4.0, 0.15)));
        let above = of(&[0.5, 0.1, 0.3], 0.2);
        assert_eq!(above.settled(&above.points()), None);
        assert_eq!(above.says(&above.points()), "still 0.3000 after 3 trials, 1.5 times the noise");
        // Nothing is said of a noise that is not known.
        let unknown = of(&[0.5, 0.1], 0.0);
        assert_eq!(unknown.says(&unknown.points()), "still 0.1000 after 2 trials");
        // What is below 0 is none.
        assert_eq!(of(&[-0.1], 0.2).points(), [(1.0, 0.0)]);
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let long = "long & <name> ".repeat(20);
        let many: Vec<f64> = (0..100_000).map(|i| 1.0 / f64::from(1 + i)).collect();
        let cases = [
            RemainingImprovement::default(),
            of(&[f64::NAN, f64::INFINITY], 1.0),
            of(&[0.0], 0.0),
            of(&[0.5; 4], f64::NAN),
            of(&[0.0, 0.0, 1.0], 1e-300),
            of(&[f64::MAX, 5e-324], f64::MAX),
            of(&[1e300, 1e-300], 1e-310),
            of(&many, 1e-3),
            RemainingImprovement { metric: long.clone(), shown: long, ..example() },
        ];
        cases.iter().for_each(check::chart);
        assert!(cases[7].svg().len() < 200_000, "{}", cases[7].svg().len());
    }
}
