//! How long it takes to reach a target: the share of seeds that have reached it, against trials or
//! seconds. If a curve ends below 100 %, some seeds of that strategy never got there.
//!
//! The run-length distributions of H. Hoos and T. Stuetzle, Stochastic Local Search (2004).

use super::Draw;
use super::bands::{NAMES, across};
use super::lines::{End, Name, dashes, dimmed, dimmed_note, framed, names, path, remarks, thinned};
use super::plain::{COLUMNS, cell, fit, heading, len, spark};
use super::plot::Scale;
use super::svg::nothing;
use super::theme::CARD;
use crate::words::{human_count, usable};
use serde::{Deserialize, Serialize};

/// When every seed of several strategies reached a target.
///
/// ```
/// use nascent::chart::{Chart, TargetTimes, TimeToTarget};
/// let times = vec![Some(12.0), None, Some(40.0), Some(31.0)];
/// let chart = Chart::new(TimeToTarget {
///     target: "94 % accuracy".into(),
///     end: Some(100.0),
///     series: vec![TargetTimes { name: "random".into(), times }],
///     ..TimeToTarget::default()
/// });
/// assert!(chart.svg().contains("random 75 %"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TimeToTarget {
    /// What the horizontal axis counts, with its unit: `trials`, `simulated time (s)`.
    pub x: String,
    /// Whether the horizontal axis is logarithmic.
    pub log_x: bool,
    /// The target: `test accuracy of 94 %`.
    pub target: String,
    /// What else there is to say: `200 seeds`.
    pub shown: String,
    /// Where the searches ended. `None`: at the last time given.
    pub end: Option<f64>,
    /// The strategies.
    pub series: Vec<TargetTimes>,
}

/// One strategy of a [`TimeToTarget`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TargetTimes {
    /// The name of the strategy.
    pub name: String,
    /// When each seed reached the target, in any order; `None` if it never did.
    pub times: Vec<Option<f64>>,
}

/// A strategy as it is drawn: the times, in order, and the number of seeds.
struct Track<'a> {
    index: usize,
    name: &'a str,
    times: Vec<f64>,
    seeds: usize,
}

impl Track<'_> {
    /// The share of seeds that ever reached the target.
    fn share(&self) -> f64 {
        self.times.len() as f64 / self.seeds as f64
    }

    /// The share at a time.
    fn at(&self, time: f64) -> f64 {
        self.times.iter().filter(|t| **t <= time).count() as f64 / self.seeds as f64
    }

    /// The corners of the curve from `start` to `end`.
    fn steps(&self, start: f64, end: f64) -> Vec<(f64, f64)> {
        let mut line = vec![(start, 0.0)];
        for (i, &time) in self.times.iter().enumerate() {
            let before = line[line.len() - 1];
            let share = (i + 1) as f64 / self.seeds as f64;
            // Seeds that arrive together make one step.
            if i > 0 && before.0 == time {
                line.pop();
            } else {
                line.push((time, before.1));
            }
            line.push((time, share));
        }
        let last = line[line.len() - 1].1;
        line.push((end.max(line[line.len() - 1].0), last));
        line
    }

    /// The time by which half of all seeds got there.
    fn half(&self) -> Option<f64> {
        self.times.get(self.seeds.div_ceil(2).saturating_sub(1)).copied()
    }

    fn result(&self) -> String {
        // 100 % and 0 % are only for all and none.
        match self.share() * 100.0 {
            share if (99.5..100.0).contains(&share) => "> 99 %".into(),
            share if share < 0.5 && share > 0.0 => "< 1 %".into(),
            share => format!("{share:.0} %"),
        }
    }
}

impl TimeToTarget {
    fn tracks(&self) -> Vec<Track<'_>> {
        let times = |series: &TargetTimes| {
            let reached = series.times.iter().flatten().copied();
            let reached = reached.filter(|t| usable(*t) && *t >= 0.0 && (!self.log_x || *t > 0.0));
            let mut times: Vec<f64> = reached.collect();
            times.sort_by(f64::total_cmp);
            times
        };
        let all = self.series.iter().enumerate().filter(|(_, s)| !s.times.is_empty());
        all.map(|(index, s)| Track { index, name: &s.name, times: times(s), seeds: s.times.len() })
            .collect()
    }

    fn x_name(&self) -> &str {
        if self.x.is_empty() { "trials" } else { &self.x }
    }

    fn title(&self) -> String {
        let target = if self.target.is_empty() { "the target" } else { &self.target };
        format!("Share of seeds that reached {target}")
    }

    fn scale(&self, tracks: &[Track]) -> Scale {
        let mut xs: Vec<f64> = tracks.iter().flat_map(|t| &t.times).copied().collect();
        xs.extend(self.end.filter(|e| usable(*e) && *e > 0.0));
        if xs.is_empty() {
            xs.push(1.0);
        }
        if !self.log_x {
            xs.push(0.0);
        }
        across(&xs, self.log_x)
    }

    /// A strategy in words.
    fn says(&self, track: &Track) -> String {
        let half = track.half().map(human_count);
        let half =
            half.map_or(String::new(), |h| format!(", half of them by {} {h}", self.x_name()));
        format!("{}: {} of {} seeds{half}", track.name, track.times.len(), track.seeds)
    }
}

impl Draw for TimeToTarget {
    fn svg(&self) -> String {
        let tracks = self.tracks();
        if tracks.is_empty() {
            return nothing(&self.title(), "no seed has finished");
        }
        let x = self.scale(&tracks);
        let (start, end) = x.ends();
        let mut y = Scale::linear(0.0, 1.04, 4, false);
        y.ticks = (0..=4).map(|i| (f64::from(i) / 4.0, format!("{} %", i * 25))).collect();
        // By the share at the end; of equal ones, who was there earlier.
        let late = |t: &Track| t.half().filter(|h| usable(*h)).map_or(1.0, |h| h / (1.0 + h));
        let dim = dimmed(&tracks.iter().map(|t| t.share() - 1e-6 * late(t)).collect::<Vec<_>>());
        let named = |(t, &dim): (&Track, &bool)| Name {
            index: t.index,
            text: format!("{} {}", t.name, t.result()),
            dim,
        };
        let texts: Vec<Name> = tracks.iter().zip(&dim).map(named).collect();
        let log = if self.log_x { "log scale" } else { "" };
        let note =
            remarks(&[&self.shown, "further left and higher is better", log, &dimmed_note(&dim)]);
        let head = (self.title(), note, self.x_name().to_string());
        let (mut frame, at_ends) = framed(head, &texts, x, y);
        let both = || tracks.iter().zip(&texts);
        for (track, name) in both().filter(|(_, n)| n.dim).chain(both().filter(|(_, n)| !n.dim)) {
            let points: Vec<_> =
                track.steps(start, end).into_iter().map(|p| frame.at(p.0, p.1)).collect();
            let (d, rough) = (path(&points), path(&thinned(points, 4.0)));
            let (i, says) = (track.index, self.says(track));
            frame.inside(|svg| {
                if !name.dim {
                    svg.path(&d, CARD, 3.2, r#"opacity="0.6""#);
                }
                svg.path(&d, name.colour(), name.stroke(), &dashes(i));
                svg.tip_line(&rough, &says);
            });
        }
        if at_ends {
            let end = |(t, name): (&Track, &Name)| End { name: name.clone(), at: (end, t.share()) };
            names(&mut frame, &both().map(end).collect::<Vec<_>>());
        }
        let said: Vec<String> = tracks.iter().map(|t| self.says(t)).collect();
        let desc = format!("{}. {}. {}", self.title(), self.shown, said.join("; "));
        frame.finish(&self.title(), &desc)
    }

    fn plain(&self) -> String {
        let title = fit(&self.title(), COLUMNS);
        let tracks = self.tracks();
        if tracks.is_empty() {
            return format!("{title}\nnothing to draw yet: no seed has finished\n");
        }
        let mut out = heading(&title, &self.shown);
        let x = self.scale(&tracks);
        let (start, end) = x.ends();
        let name = tracks.iter().map(|t| len(t.name)).max().unwrap_or(0).min(24);
        let room = 32;
        for track in &tracks {
            let time = |i: usize| {
                let part = i as f64 / (room - 1) as f64;
                let (a, b) = if self.log_x { (start.ln(), end.ln()) } else { (start, end) };
                let time = a + (b - a) * part;
                let time = if self.log_x { time.exp() } else { time };
                track.at(time * (1.0 + 1e-9))
            };
            let line = spark(&(0..room).map(time).collect::<Vec<_>>(), (0.0, 1.0), room);
            let half =
                track.half().map_or(String::new(), |h| format!("  half by {}", human_count(h)));
            let row = format!("  {}  {line} {:>5}{half}", cell(track.name, name), track.result());
            out += &(fit(&row, COLUMNS) + "\n");
        }
        let (from, to) = (human_count(start), human_count(end));
        let log = if self.log_x { " (log)" } else { "" };
        let range = format!("{} {from} to {to}{log}, blocks from 0 to 100 %", self.x_name());
        out + &fit(&format!("  {:<name$}  {range}", ""), COLUMNS) + "\n"
    }
}

/// Seven made-up strategies, two hundred seeds each.
pub(super) fn example() -> TimeToTarget {
    let mut rng = crate::rng::Rng::from_u64(11);
    let series = NAMES.iter().enumerate().map(|(i, name)| {
        let middle = [190.0, 70.0, 82.0, 150.0, 38.0, 45.0, 110.0][i];
        let mut time = || f64::round(middle * (0.5 * rng.normal()).exp());
        let times = (0..200).map(|_| Some(time()).filter(|t| *t <= 150.0)).collect();
        TargetTimes { name: (*name).into(), times }
    });
    TimeToTarget {
        x: "trials".into(),
        target: "94 % accuracy".into(),
        shown: "200 seeds".into(),
        end: Some(150.0),
        series: series.collect(),
        ..TimeToTarget::default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn of(times: &[Option<f64>]) -> TimeToTarget {
        let series = vec![TargetTimes { name: "s".into(), times: times.to_vec() }];
        TimeToTarget { series, end: Some(10.0), ..example() }
    }

    #[test]
    fn the_curve_is_the_empirical_distribution() {
        let chart = of(&[Some(4.0), None, Some(2.0), Some(2.0)]);
        let track = &chart.tracks()[0];
        let steps = [(0.0, 0.0), (2.0, 0.0), (2.0, 0.5), (4.0, 0.5), (4.0, 0.75), (10.0, 0.75)];
        assert_eq!(track.steps(0.0, 10.0), steps);
        assert_eq!((track.at(1.9), track.at(2.0), track.at(9.0)), (0.0, 0.5, 0.75));
        assert_eq!((track.half(), track.result()), (Some(2.0), "75 %".to_string()));
        assert_eq!(of(&[Some(1.0), None, None]).tracks()[0].half(), None);
        assert!(chart.svg().contains("s 75 %"));
        let mut nearly = vec![Some(1.0); 999];
        nearly.push(None);
        assert_eq!(of(&nearly).tracks()[0].result(), "> 99 %");
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let long = "a very long name of a strategy & ".repeat(9);
        let many = |name: &str| TimeToTarget {
            series: (0..14)
                .map(|i| TargetTimes {
                    name: format!("{name} {i}"),
                    ..example().series[i % 7].clone()
                })
                .collect(),
            ..example()
        };
        let cases = [
            TimeToTarget::default(),
            of(&[]),
            of(&[None]),
            of(&[Some(0.0)]),
            TimeToTarget { end: None, ..of(&[None, None]) },
            TimeToTarget { log_x: true, end: Some(-1.0), ..of(&[Some(0.0), Some(3.0), Some(1e9)]) },
            TimeToTarget { log_x: true, end: None, ..of(&[None]) },
            of(&[Some(f64::NAN), Some(f64::INFINITY), Some(-3.0), Some(1e99)]),
            many("strategy"),
            many("regularized evolution"),
            many(&long),
            TimeToTarget { target: long.clone(), shown: long, ..example() },
        ];
        cases.iter().for_each(check::chart);
    }
}
