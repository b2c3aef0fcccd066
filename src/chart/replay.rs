//! A search as an animation: its trials appear in their order, and the best score so far climbs with them. Where
//! nothing moves, as on paper, it is the picture of the end.
//!
//! The time of a trial is its place among all of them, whatever it took: a search of hours is over in eight seconds.

use super::best_so_far::{Axis, BestSeries, BestSoFar};
use super::lines::remarks;
use super::plain::{COLUMNS, fit};
use super::plot::{Around, Frame, cross, steps};
use super::svg::{Anchor, Svg, WIDTH, n, nothing};
use super::theme::{FAIL, Font, colour};
use super::{Draw, best_so_far};
use crate::words::{direction, plural, score, usable};
use serde::{Deserialize, Serialize};

/// The trials of a search in their order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    /// The name of the score.
    pub metric: String,
    /// Whether a higher score is better.
    pub maximise: bool,
    /// The trials.
    pub trials: Vec<Replayed>,
}

/// A trial of a search.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Replayed {
    /// Its number.
    pub number: usize,
    /// Its score; `None` where it failed.
    pub score: Option<f64>,
    /// What was tried, as a text.
    pub name: String,
}

/// More trials than this are thinned out; those that were the best so far stay.
const DOTS: usize = 240;
/// So many of the last improvements are named.
const NAMED: usize = 40;
/// The seconds that the end is seen.
const REST: f64 = 3.0;
/// How long a dot takes to appear, as a share of the whole.
const APPEARS: f64 = 0.012;

impl Replay {
    /// The same as a chart that does not move.
    fn still(&self) -> BestSoFar {
        let point = |t: &Replayed| (t.number as f64, t.score.filter(|s| usable(*s)));
        let points = self.trials.iter().map(point).collect();
        let series = vec![BestSeries { name: "the search".into(), points }];
        BestSoFar {
            axis: Axis::Trials,
            metric: self.metric.clone(),
            maximise: self.maximise,
            series,
        }
    }

    fn title(&self) -> String {
        let metric = if self.metric.is_empty() { "score" } else { &self.metric };
        format!("The search, trial by trial: best {metric} so far")
    }

    /// Seconds of the whole, and the share of it at which trial `i` appears.
    fn at(&self, i: usize) -> (f64, f64) {
        let run = (self.trials.len() as f64 * 0.08).clamp(2.0, 8.0);
        let share = (i + 1) as f64 / self.trials.len().max(1) as f64;
        (run + REST, share * run / (run + REST))
    }

    /// The trials that were the best when they ended.
    fn records(&self) -> Vec<usize> {
        let mut best: Option<f64> = None;
        let better = |a: f64, b: f64| if self.maximise { a > b } else { a < b };
        let mut is_best = |t: &Replayed| {
            let new = t.score.filter(|s| usable(*s) && best.is_none_or(|b| better(*s, b)));
            best = new.or(best);
            new.is_some()
        };
        (0..self.trials.len()).filter(|&i| is_best(&self.trials[i])).collect()
    }

    /// An attribute that has one value up to the time of trial `i`, and another from there on.
    fn turns(&self, attribute: &str, i: usize, from: &str, to: &str) -> String {
        let (seconds, at) = self.at(i);
        let begins = format!("{:.4}", (at - APPEARS).max(0.0));
        let (at, seconds) = (format!("{at:.4}"), n(seconds));
        format!(
            r#"<animate attributeName="{attribute}" values="{from};{from};{to};{to}" keyTimes="0;{begins};{at};1" dur="{seconds}s" repeatCount="indefinite"/>"#
        )
    }

    /// A text that is seen from the time of trial `i` to that of trial `next`.
    fn seen(&self, i: usize, next: Option<usize>) -> String {
        let (seconds, from) = self.at(i);
        let (values, times) = match next {
            Some(next) => ("0;1;0", format!("0;{from:.4};{:.4}", self.at(next).1)),
            None => ("0;1", format!("0;{from:.4}")),
        };
        format!(
            r#"<animate attributeName="opacity" calcMode="discrete" values="{values}" keyTimes="{times}" dur="{}s" repeatCount="indefinite"/>"#,
            n(seconds)
        )
    }

    /// The line of the best so far, which grows as the trials pass.
    fn line(&self, frame: &mut Frame, records: &[usize]) {
        let place = |&i: &usize| {
            let trial = &self.trials[i];
            (i, frame.at(trial.number as f64, trial.score.unwrap_or(0.0)))
        };
        let corners: Vec<(usize, (f64, f64))> = records.iter().map(place).collect();
        let Some(&(_, (_, y))) = corners.last() else { return };
        let numbers = self.trials.iter().map(|t| t.number);
        let end = frame.at(numbers.max().unwrap_or(0) as f64, 0.0).0;
        let points: Vec<(f64, f64)> = corners.iter().map(|c| c.1).collect();
        let mut whole = steps(points.iter().copied());
        whole.push((end, y));
        // How far along the line each trial that was the best is, by length.
        let length = |points: &[(f64, f64)]| -> f64 {
            points.windows(2).map(|w| (w[1].0 - w[0].0).hypot(w[1].1 - w[0].1)).sum()
        };
        let all = length(&whole).max(1e-9);
        let (mut offsets, mut times) = (vec!["1".to_string()], vec!["0".to_string()]);
        let mut frames = |share: f64, at: f64| {
            offsets.push(format!("{:.4}", (1.0 - share).clamp(0.0, 1.0)));
            times.push(format!("{at:.4}"));
        };
        for (k, (i, _)) in corners.iter().enumerate() {
            let so_far = steps(points[..=k].iter().copied());
            let at = self.at(*i).1;
            // Up to the step on the level, then the step itself.
            if k > 0 {
                frames(length(&so_far[..so_far.len() - 1]) / all, at);
            }
            frames(length(&so_far) / all, at);
        }
        frames(1.0, self.at(self.trials.len() - 1).1);
        frames(1.0, 1.0);
        let d: String = (whole.iter().enumerate())
            .map(|(k, (x, y))| format!("{}{} {}", if k == 0 { "M" } else { "L" }, n(*x), n(*y)))
            .collect();
        let (seconds, colour) = (n(self.at(0).0), colour(0));
        let (offsets, times) = (offsets.join(";"), times.join(";"));
        frame.inside(|svg| {
            svg.raw(&format!(
                r#"<path d="{d}" fill="none" stroke="{colour}" stroke-width="2.2" stroke-linejoin="round" pathLength="1" stroke-dasharray="1" stroke-dashoffset="0"><animate attributeName="stroke-dashoffset" values="{offsets}" keyTimes="{times}" dur="{seconds}s" repeatCount="indefinite"/></path>"#
            ));
        });
    }

    fn dots(&self, frame: &mut Frame, records: &[usize]) -> usize {
        let step = self.trials.len().div_ceil(DOTS).max(1);
        let drawn = |i: &usize| i.is_multiple_of(step) || records.binary_search(i).is_ok();
        let all: Vec<usize> = (0..self.trials.len()).filter(drawn).collect();
        let mut body = Svg::default();
        for &i in &all {
            let trial = &self.trials[i];
            let x = frame.at(trial.number as f64, 0.0).0;
            match trial.score.filter(|s| usable(*s)) {
                None => {
                    let mut mark = Svg::default();
                    cross(&mut mark, (x, frame.bottom - 5.0), FAIL);
                    body.raw(&mark.group(&self.turns("opacity", i, "0", "1")));
                }
                Some(value) if frame.shows(value) => {
                    let best = records.binary_search(&i).is_ok();
                    let (r, to) = if best { (3.4, "1") } else { (2.6, "0.4") };
                    let ((x, y), colour) = (frame.at(trial.number as f64, value), colour(0));
                    body.raw(&format!(
                        r#"<circle cx="{}" cy="{}" r="{r}" fill="{colour}" opacity="{to}">{}</circle>"#,
                        n(x),
                        n(y),
                        self.turns("opacity", i, "0", to)
                    ));
                }
                Some(_) => {}
            }
        }
        frame.inside(|svg| svg.append(body));
        all.len()
    }

    /// What was the best at each time, in one place.
    fn names(&self, frame: &mut Frame, records: &[usize], y: f64) {
        let from = records.len().saturating_sub(NAMED);
        let font = Font::TEXT.bold().fill(colour(0));
        for (k, &i) in records.iter().enumerate().skip(from) {
            let (trial, next) = (&self.trials[i], records.get(k + 1).copied());
            let name =
                if trial.name.is_empty() { String::new() } else { format!(": {}", trial.name) };
            let value = score(trial.score.unwrap_or(f64::NAN));
            let says = format!("{value}, trial {}{name}", trial.number);
            frame.svg.text((16.0, y), &says, font, Anchor::Start, WIDTH - 32.0);
            frame.svg.animate_text(&self.seen(i, next), next.is_some());
        }
    }
}

impl Draw for Replay {
    fn svg(&self) -> String {
        let still = self.still();
        let Some((x, y)) = still.axes() else { return nothing(&self.title(), &still.why_empty()) };
        let records = self.records();
        let count = self.trials.len();
        let step = count.div_ceil(DOTS).max(1);
        let thinned = match step {
            1 => String::new(),
            _ => format!("one dot in {step} of {} drawn", plural(count, "trial")),
        };
        let failed = match self.trials.iter().filter(|t| t.score.is_none()).count() {
            0 => String::new(),
            n => format!("× {n} failed"),
        };
        // The second line is for the names.
        let note = remarks(&[direction(self.maximise), &failed, &thinned]) + "\n ";
        let around = Around::new(self.title(), note, vec![], "trial");
        let mut frame = Frame::new(around, x, y);
        self.dots(&mut frame, &records);
        self.line(&mut frame, &records);
        let at = frame.top - 11.0;
        self.names(&mut frame, &records, at);
        let best = records.last().map_or("no score".into(), |&i| {
            format!("best {}", score(self.trials[i].score.unwrap_or(f64::NAN)))
        });
        let desc = format!("{} appear one after the other; {best}", plural(count, "trial"));
        frame.finish(&self.title(), &desc)
    }

    fn plain(&self) -> String {
        let mut out = self.still().plain();
        let records = self.records();
        for &i in records.iter().skip(records.len().saturating_sub(8)) {
            let trial = &self.trials[i];
            let value = score(trial.score.unwrap_or(f64::NAN));
            let line = format!("  trial {}: {value}  {}", trial.number, trial.name);
            out += &(fit(&line, COLUMNS).trim_end().to_string() + "\n");
        }
        out
    }
}

/// The trials of the running best's example, with architectures.
pub(super) fn example() -> Replay {
    let BestSoFar { metric, maximise, series, .. } = best_so_far::example();
    let names = [
        "conv(16,3)>sep_conv(32,3)>max_pool(2)",
        "conv(32,3)>conv(32,5)+skip",
        "conv(32,3)>max_pool(2)",
    ];
    let trial = |(i, &(number, score)): (usize, &(f64, Option<f64>))| Replayed {
        number: number as usize,
        score,
        name: names[i % names.len()].into(),
    };
    let trials = series[0].points.iter().enumerate().map(trial).collect();
    Replay { metric, maximise, trials }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn of(scores: &[Option<f64>]) -> Replay {
        let trial = |(number, &score): (usize, &Option<f64>)| Replayed {
            number,
            score,
            name: format!("architecture {number}"),
        };
        Replay { trials: scores.iter().enumerate().map(trial).collect(), ..example() }
    }

    #[test]
    fn trials_that_were_the_best_are_found_in_both_directions() {
        let scores = [Some(0.5), None, Some(0.4), Some(f64::NAN), Some(0.7), Some(0.7)];
        assert_eq!(of(&scores).records(), [0, 4]);
        assert_eq!(Replay { maximise: false, ..of(&scores) }.records(), [0, 2]);
    }

    #[test]
    fn all_times_are_in_order_and_within_the_whole() {
        let many: Vec<Option<f64>> = (0..500).map(|i| Some(f64::from(i * 7919 % 1009))).collect();
        for svg in [of(&many).svg(), example().svg(), of(&[Some(1.0)]).svg()] {
            for times in svg.split("keyTimes=\"").skip(1) {
                let times: Vec<f64> = times
                    .split('"')
                    .next()
                    .unwrap()
                    .split(';')
                    .map(|t| t.parse().unwrap())
                    .collect();
                assert!(times[0] == 0.0 && times.iter().all(|t| *t <= 1.0), "{times:?}");
                assert!(times.is_sorted(), "{times:?}");
            }
            for (values, rest) in svg.split("values=\"").skip(1).filter_map(|s| s.split_once('"')) {
                let times = rest.split("keyTimes=\"").nth(1).unwrap().split('"').next().unwrap();
                assert_eq!(values.split(';').count(), times.split(';').count());
            }
        }
        assert!(of(&many).svg().contains("one dot in 3 of 500 trials drawn"));
        assert!(of(&many).svg().len() < 120_000, "{}", of(&many).svg().len());
    }

    #[test]
    fn at_rest_the_end_is_seen() {
        let svg = of(&[Some(0.5), Some(0.7)]).svg();
        let hidden = svg.split("<text ").find(|t| t.contains("architecture 0")).unwrap();
        assert!(hidden.starts_with(r#"opacity="0""#));
        let last = svg.split("<text ").find(|t| t.contains("architecture 1")).unwrap();
        assert!(!last.starts_with(r#"opacity="0""#));
        assert!(svg.contains(r#"stroke-dashoffset="0""#));
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let long = "a <long> & name ".repeat(40);
        let mut named = of(&[Some(0.1), Some(0.2), None]);
        named.trials.iter_mut().for_each(|t| t.name.clone_from(&long));
        let cases = [
            Replay::default(),
            of(&[]),
            of(&[None, None]),
            of(&[Some(f64::INFINITY), Some(f64::NAN)]),
            of(&[Some(1e300), Some(-1e300), Some(0.0)]),
            of(&[Some(0.5); 3]),
            of(&(0..2000).map(|i| Some(f64::from(i))).collect::<Vec<_>>()),
            named,
            example(),
        ];
        cases.iter().for_each(check::chart);
    }
}
