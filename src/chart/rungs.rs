//! Who went on: the scores of networks at the rungs of a schedule. Most lines are short, for most networks
//! were stopped early; those that went on are drawn darker, and the best of those that came to the end is
//! named.

use super::Draw;
use super::lines::remarks;
use super::plain::{COLUMNS, fit, table};
use super::plot::{Around, Frame, Key, Sample, Scale, padded, zoomed};
use super::svg::nothing;
use super::theme::{FAINT, MUTED, colour};
use crate::words::{direction, plural, score, thousands, usable};
use serde::{Deserialize, Serialize};

/// Networks at the rungs of a schedule.
///
/// ```
/// use nascent::chart::{Chart, Climb, Rungs};
/// let climb = |name: &str, points: &[(f64, f64)]| Climb { name: name.into(), points: points.to_vec() };
/// let chart = Chart::new(Rungs {
///     metric: "accuracy".into(),
///     maximise: true,
///     paid: 6.0,
///     shown: String::new(),
///     networks: vec![climb("a", &[(1.0, 0.6), (3.0, 0.8)]), climb("b", &[(1.0, 0.5)]), climb("c", &[(1.0, 0.4)])],
/// });
/// assert!(chart.plain().contains("3 at 1 epoch, 1 at 3"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rungs {
    /// The name of the score.
    pub metric: String,
    /// Whether a higher score is better.
    pub maximise: bool,
    /// The epochs that were paid for.
    pub paid: f64,
    /// The schedule in words.
    pub shown: String,
    /// The networks.
    pub networks: Vec<Climb>,
}

/// A network: the epochs after which it was looked at, and its score there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Climb {
    /// The name of the network or trial.
    pub name: String,
    /// Epochs and score, from the first rung on.
    pub points: Vec<(f64, f64)>,
}

/// The most lines that are drawn.
const CROWD: usize = 1_500;

struct Found<'a> {
    networks: Vec<(&'a Climb, Vec<(f64, f64)>)>,
    /// How many were looked at after each number of epochs.
    rungs: Vec<(f64, usize)>,
    /// The best of those that came furthest.
    best: usize,
}

impl Rungs {
    fn metric(&self) -> &str {
        if self.metric.is_empty() { "score" } else { &self.metric }
    }

    fn title(&self) -> String {
        format!("Who went on: {}", self.metric())
    }

    fn why_empty(&self) -> &'static str {
        match self.networks.is_empty() {
            true => "no network has been looked at",
            false => "no network has a score",
        }
    }

    fn found(&self) -> Option<Found<'_>> {
        let points = |c: &Climb| -> Vec<(f64, f64)> {
            c.points.iter().copied().filter(|(e, s)| *e > 0.0 && usable(*e) && usable(*s)).collect()
        };
        let mut networks: Vec<_> = self.networks.iter().map(|c| (c, points(c))).collect();
        networks.retain(|(_, points)| !points.is_empty());
        let mut rungs: Vec<(f64, usize)> = vec![];
        for (epochs, _) in networks.iter().flat_map(|(_, points)| points) {
            match rungs.iter_mut().find(|(rung, _)| rung == epochs) {
                Some((_, n)) => *n += 1,
                None => rungs.push((*epochs, 1)),
            }
        }
        rungs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let last = |i: usize| networks[i].1[networks[i].1.len() - 1];
        let better = |a: usize, b: usize| {
            let ((d, x), (e, y)) = (last(a), last(b));
            let wins = if self.maximise { y > x } else { y < x };
            if e > d || (e == d && wins) { b } else { a }
        };
        let best = (0..networks.len()).reduce(better)?;
        Some(Found { networks, rungs, best })
    }

    /// How many there were at each rung, in words.
    fn counts(&self, found: &Found) -> String {
        let at = |(i, (epochs, n)): (usize, &(f64, usize))| match i {
            0 => format!("{} at {}", thousands(*n as u128), plural(*epochs as usize, "epoch")),
            _ => format!("{} at {epochs}", thousands(*n as u128)),
        };
        let shown = found.rungs.iter().enumerate().map(at).take(8).collect::<Vec<_>>().join(", ");
        if found.rungs.len() > 8 { format!("{shown} …") } else { shown }
    }

    fn paid(&self) -> String {
        match usable(self.paid) && self.paid > 0.0 {
            true if self.paid.round() == 1.0 => "1 epoch paid for".to_string(),
            true => format!("{} epochs paid for", thousands(self.paid.round() as u128)),
            false => String::new(),
        }
    }
}

impl Draw for Rungs {
    fn svg(&self) -> String {
        let Some(found) = self.found() else { return nothing(&self.title(), self.why_empty()) };
        let (first, last) = (found.rungs[0].0, found.rungs[found.rungs.len() - 1].0);
        let places: Vec<f64> = found.rungs.iter().map(|rung| rung.0).collect();
        let plain = places.len() <= 10 && places.iter().all(|v| (1.0..1e6).contains(v));
        let x = match last > first {
            true if plain => Scale::log(first * 0.9, last * 1.1, 8).at(&places).thin(500.0),
            true => Scale::log(first * 0.9, last * 1.1, 8).only(first, last),
            false => Scale::linear(first - 1.0, first + 1.0, 2, true).only(first, first),
        };
        let all: Vec<f64> = found.networks.iter().flat_map(|(_, p)| p).map(|p| p.1).collect();
        let best = &found.networks[found.best];
        let mut shown = zoomed(all, self.maximise, 8.0);
        shown.extend(best.1.iter().map(|p| p.1));
        let (lo, hi) = padded(&shown, 0.06, 0.08);
        let y = Scale::linear(lo, hi, 5, false);
        let every = found.networks.len().div_ceil(CROWD).max(1);
        let thin = if every > 1 { format!("1 of {every} drawn") } else { String::new() };
        let note = remarks(&[direction(self.maximise), &self.counts(&found), &self.paid(), &thin]);
        let end = best.1[best.1.len() - 1];
        let says = format!("the best after {}: {}", plural(end.0 as usize, "epoch"), score(end.1));
        let legend = vec![
            Key::new(colour(0), Sample::Dot, says.clone()),
            Key::new(MUTED, Sample::Line(""), "went on"),
            Key::new(FAINT, Sample::Dot, "stopped there"),
        ];
        let around = Around::new(self.title(), note, legend, "epochs");
        let mut frame = Frame::new(around, x, y);
        let stops = |p: &[(f64, f64)]| p[p.len() - 1].0 < last;
        frame.layer(r#"stroke-linejoin="round""#, |pen| {
            for (_, points) in found.networks.iter().step_by(every) {
                if points.len() > 1 {
                    let alpha = if stops(points) { 0.35 } else { 0.8 };
                    pen.line(points, MUTED, alpha, 1.2);
                }
            }
        });
        frame.layer("", |pen| {
            for (_, points) in found.networks.iter().step_by(every) {
                let end = &points[points.len() - 1..];
                let (ink, alpha) = if stops(points) { (FAINT, 0.6) } else { (MUTED, 1.0) };
                pen.dots(end, 2.6, ink, alpha);
            }
        });
        frame.layer(r#"stroke-linejoin="round""#, |pen| {
            pen.line(&best.1, colour(0), 1.0, 2.2);
            pen.dots(&best.1, 3.2, colour(0), 1.0);
        });
        if found.networks.len() <= 300 {
            for (climb, points) in &found.networks {
                let (epochs, value) = points[points.len() - 1];
                let at = frame.at(epochs, value);
                let text = format!(
                    "{}: {} after {}",
                    climb.name,
                    score(value),
                    plural(epochs as usize, "epoch")
                );
                frame.svg.hover(at, 5.0, &text);
            }
        }
        let about = format!(
            "{} ({}). {}. {}, {}: {says}. {}",
            self.title(),
            direction(self.maximise),
            self.counts(&found),
            self.paid(),
            best.0.name,
            self.shown
        );
        frame.finish(&self.title(), &about)
    }

    fn plain(&self) -> String {
        let title = fit(&format!("{} ({})", self.title(), direction(self.maximise)), COLUMNS);
        let Some(found) = self.found() else {
            return format!("{title}\nnothing to draw yet: {}\n", self.why_empty());
        };
        let row = |&(epochs, n): &(f64, usize)| {
            let here: Vec<(&Climb, f64)> = found
                .networks
                .iter()
                .filter_map(|(c, p)| Some((*c, p.iter().find(|p| p.0 == epochs)?.1)))
                .collect();
            let best = here.iter().fold((String::new(), f64::NAN), |best, next| {
                let first = best.1.is_nan();
                let wins = if self.maximise { next.1 > best.1 } else { next.1 < best.1 };
                if first || wins { (next.0.name.clone(), next.1) } else { best }
            });
            vec![format!("{epochs}"), format!("{n}"), score(best.1), fit(&best.0, 40)]
        };
        let rows: Vec<Vec<String>> = found.rungs.iter().take(20).map(row).collect();
        let columns = ["epochs", "networks", "best", "which"].map(String::from);
        let says = remarks(&[&self.counts(&found), &self.paid()]);
        format!("{title}\n{}\n\n{}", fit(&says, COLUMNS), table(&columns, &rows))
    }
}

/// Twenty-seven networks, of which one in three goes on.
pub(super) fn example() -> Rungs {
    let mut rng = crate::rng::Rng::from_u64(3);
    let mut good: Vec<f64> = (0..27).map(|_| 0.8 + 0.15 * rng.uniform()).collect();
    good.sort_by(|a, b| b.total_cmp(a));
    let networks = good.iter().enumerate().map(|(i, end)| {
        let rungs = [27, 9, 3, 1].iter().filter(|&&n| i < n).count();
        let at = |k: usize| {
            (3f64.powi(k as i32), end - 0.5 * (-0.8 * k as f64).exp() + 0.01 * rng.normal())
        };
        let points = (0..rungs).map(at).collect();
        Climb { name: format!("trial {i}"), points }
    });
    Rungs {
        metric: "validation accuracy".into(),
        maximise: true,
        paid: 81.0,
        shown: "successive halving, one of 3 goes on; of random search".into(),
        networks: networks.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    #[test]
    fn the_best_of_those_that_came_furthest_is_named() {
        let climb = |name: &str, points: &[(f64, f64)]| Climb {
            name: name.into(),
            points: points.to_vec(),
        };
        let networks = vec![
            climb("early", &[(1.0, 9.0)]),
            climb("late", &[(1.0, 1.0), (3.0, 2.0)]),
            climb("later", &[(1.0, 1.0), (3.0, 3.0)]),
            climb("broken", &[(1.0, f64::NAN)]),
        ];
        let chart = Rungs { networks, ..example() };
        let found = chart.found().unwrap();
        assert_eq!(found.networks[found.best].0.name, "later");
        assert_eq!(found.rungs, [(1.0, 3), (3.0, 2)]);
        let less = Rungs { maximise: false, ..chart };
        let found = less.found().unwrap();
        assert_eq!(found.networks[found.best].0.name, "late");
        assert!(less.plain().contains("3 at 1 epoch, 2 at 3"), "{}", less.plain());
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let of = |points: Vec<(f64, f64)>| Climb { name: "<a & b>".repeat(30), points };
        let with = |networks: Vec<Climb>| Rungs { networks, ..example() };
        let many: Vec<Climb> = (0..20_000)
            .map(|i| of(vec![(1.0, f64::from(i % 97)), (2.0, f64::from(i % 89))]))
            .collect();
        let cases = [
            Rungs::default(),
            with(vec![of(vec![])]),
            with(vec![of(vec![(f64::NAN, 1.0), (1.0, f64::INFINITY), (-1.0, 2.0)])]),
            with(vec![of(vec![(1.0, 0.5)])]),
            with(vec![of(vec![(1.0, 0.5), (2.0, 0.5)]); 3]),
            with(vec![of(vec![(1e-300, f64::MAX), (1e300, f64::MIN)])]),
            with((1..60).map(|i| of(vec![(f64::from(i), 1.0)])).collect()),
            Rungs { paid: f64::NAN, shown: "x".repeat(900), metric: "m".repeat(300), ..example() },
            with(many.clone()),
        ];
        cases.iter().for_each(check::chart);
        assert!(with(many).svg().len() < 600_000);
    }
}
