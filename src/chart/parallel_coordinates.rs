//! Trials as lines through their decisions, from the first decision at the top to the score at the bottom: what the
//! best have in common is where their lines run together.
//!
//! Inselberg, "The plane with parallel coordinates", The Visual Computer 1, 1985. The axes lie, so that names and options
//! can be read on a phone. Trials that took the same option are spread around it by their rank, the best on the right;
//! lines are shaded by rank as well, and drawn from the worst to the best.

use super::Draw;
use super::lines::{LABEL, Rows, ramp, remarks};
use super::map::BLUES;
use super::plain::{COLUMNS, fit, heading, table};
use super::plot::{AXIS, Scale, head, off_scale, padded, x_axis, zoomed};
use super::svg::{Anchor, SHOWN, Svg, WIDTH, n, nothing};
use super::theme::{CARD, FAINT, MUTED, colour, width};
use crate::stats::rank::ranks;
use crate::words::{direction, score, thousands, usable};
use serde::{Deserialize, Serialize};

/// Trials through their decisions.
///
/// ```
/// use nascent::chart::{Chart, DecisionAxis, ParallelCoordinates, TrialLine};
/// let axis = |name: &str, options: &[&str]| DecisionAxis {
///     name: name.into(),
///     options: options.iter().map(|o| o.to_string()).collect(),
/// };
/// let line = |name: &str, score, picks: &[usize]| TrialLine {
///     name: name.into(), score, picks: picks.iter().map(|p| Some(*p)).collect(),
/// };
/// let chart = Chart::new(ParallelCoordinates {
///     metric: "accuracy".into(),
///     maximise: true,
///     decisions: vec![axis("depth", &["1", "2"]), axis("width", &["16", "32"])],
///     trials: vec![line("trial 0", 0.7, &[0, 1]), line("trial 1", 0.9, &[1, 1])],
///     ..ParallelCoordinates::default()
/// });
/// assert!(chart.svg().contains("trial 1: accuracy 0.9000, depth 2, width 32"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ParallelCoordinates {
    /// The name of the score.
    pub metric: String,
    /// Whether a higher score is better.
    pub maximise: bool,
    /// What is shown: `300 trials`.
    pub shown: String,
    /// The decisions, from the top.
    pub decisions: Vec<DecisionAxis>,
    /// The trials, in any order.
    pub trials: Vec<TrialLine>,
}

/// One decision of [`ParallelCoordinates`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DecisionAxis {
    /// The name of the decision.
    pub name: String,
    /// Its options.
    pub options: Vec<String>,
}

/// One trial of [`ParallelCoordinates`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrialLine {
    /// The name of the trial.
    pub name: String,
    /// Its score.
    pub score: f64,
    /// The option that it took at each decision, if it has the decision.
    pub picks: Vec<Option<usize>>,
}

/// The most decisions.
const MOST: usize = 12;
/// The most options that are written along an axis.
const WRITTEN: usize = 12;
/// The most lines: of more, the best of these and a sample of the others.
const CROWD: usize = 400;
const ALWAYS: usize = 50;
/// The distance of two axes.
const STEP: f64 = 46.0;
/// So many lines say what they are when they are pointed at.
const TIPS: usize = 20;

/// A trial as it is drawn: its rank as a share, 0 the worst and 1 the best.
struct Line<'a> {
    trial: &'a TrialLine,
    rank: f64,
}

impl ParallelCoordinates {
    fn metric(&self) -> &str {
        if self.metric.is_empty() { "score" } else { &self.metric }
    }

    fn title(&self) -> String {
        format!("Trials through their decisions to {}", self.metric())
    }

    fn axes(&self) -> &[DecisionAxis] {
        &self.decisions[..self.decisions.len().min(MOST)]
    }

    /// All trials with a score, from the worst to the best.
    fn ranked(&self) -> Vec<Line<'_>> {
        let mut trials: Vec<&TrialLine> = self.trials.iter().filter(|t| usable(t.score)).collect();
        let gain = |t: &TrialLine| if self.maximise { t.score } else { -t.score };
        trials.sort_by(|a, b| gain(a).total_cmp(&gain(b)));
        // Equal scores have an equal rank.
        let gains: Vec<f64> = trials.iter().map(|t| gain(t)).collect();
        let last = (trials.len() as f64 - 1.0).max(0.0);
        let share = |rank: f64| if last > 0.0 { (rank - 1.0) / last } else { 1.0 };
        let lines = trials.into_iter().zip(ranks(&gains));
        lines.map(|(trial, rank)| Line { trial, rank: share(rank) }).collect()
    }

    /// Those that are drawn: the best, and of the others as many as there is room for, evenly by rank.
    fn thinned<'a, 'l>(&self, lines: &'l [Line<'a>]) -> Vec<&'l Line<'a>> {
        let Some(others) = lines.len().checked_sub(ALWAYS).filter(|_| lines.len() > CROWD) else {
            return lines.iter().collect();
        };
        let room = CROWD - ALWAYS;
        let some = (0..room).map(|i| &lines[i * others / room]);
        some.chain(&lines[others..]).collect()
    }

    /// What is left out.
    fn rest(&self, all: usize) -> String {
        let lines = match all > CROWD {
            true => format!(
                "{CROWD} of {} lines drawn, the best {ALWAYS} among them",
                thousands(all as u128)
            ),
            false => String::new(),
        };
        let axes = match self.decisions.len() > MOST {
            true => format!("the first {MOST} of {} decisions", self.decisions.len()),
            false => String::new(),
        };
        [axes, lines].into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join("  ·  ")
    }

    /// A trial in words.
    fn says(&self, trial: &TrialLine) -> String {
        let taken = self.axes().iter().zip(&trial.picks).filter_map(|(axis, pick)| {
            let option = axis.options.get((*pick)?)?;
            Some(format!(", {} {option}", axis.name))
        });
        let taken: String = taken.collect();
        format!("{}: {} {}{taken}", trial.name, self.metric(), score(trial.score))
    }
}

/// The middle of an option on its axis, between 0 and 1, and half the width that its trials are spread over. The last
/// place of an axis is for trials without the decision, if there are any.
struct Places {
    count: f64,
    missing: bool,
}

impl Places {
    fn of(axis: &DecisionAxis, at: usize, lines: &[&Line]) -> Places {
        let has = |l: &&Line| l.trial.picks.get(at).copied().flatten();
        let missing = lines.iter().any(|l| has(l).is_none_or(|p| p >= axis.options.len()));
        Places { count: (axis.options.len() + usize::from(missing)).max(1) as f64, missing }
    }

    fn middle(&self, place: usize) -> f64 {
        (place as f64 + 0.5) / self.count
    }

    /// Where a line crosses.
    fn cross(&self, pick: Option<usize>, rank: f64) -> f64 {
        let own = if self.missing { self.count as usize - 1 } else { self.count as usize };
        let place = pick.filter(|p| *p < own).unwrap_or(self.count as usize - 1);
        self.middle(place) + (rank - 0.5) * 0.62 / self.count
    }
}

/// The options along an axis, below it.
fn options(svg: &mut Svg, axis: &DecisionAxis, places: &Places, (left, right, y): (f64, f64, f64)) {
    let wide = (right - left) / places.count;
    let font = LABEL.size(8.5);
    let all = axis.options.len() + usize::from(places.missing);
    // If not all can be written, the first, the last and some between them.
    let every = all.div_ceil(WRITTEN).max(1);
    let room = wide * every as f64 - 3.0;
    for i in (0..all).step_by(every) {
        let text = axis.options.get(i).map_or("not there", String::as_str);
        let at = left + places.middle(i) * (right - left);
        let half = wide * 0.31;
        let d = format!("M{} {}H{}", n(at - half), n(y), n(at + half));
        svg.path(&d, FAINT, 3.0, "");
        // Readable on a tangle of lines.
        let wide = width(text, font).min(room) + 3.0;
        svg.rect((at - wide / 2.0, y + 4.5, wide, 10.5), 2.0, CARD, r#"fill-opacity="0.8""#);
        svg.text((at, y + 12.5), text, font, Anchor::Middle, room);
    }
}

impl Draw for ParallelCoordinates {
    fn svg(&self) -> String {
        let (all, axes) = (self.ranked(), self.axes());
        if all.is_empty() || axes.is_empty() {
            let why =
                if all.is_empty() { "no trial has a score" } else { "there are no decisions" };
            return nothing(&self.title(), why);
        }
        let lines = self.thinned(&all);
        let scores = || lines.iter().map(|l| l.trial.score);
        let (lo, hi) = padded(&zoomed(scores().collect(), self.maximise, 4.0), 0.02, 0.02);
        let x = Scale::linear(lo, hi, 5, false);
        let far: Vec<f64> = scores().filter(|v| !(0.0..=1.0).contains(&x.unit(*v))).collect();
        let far = off_scale(&far, self.maximise, false);
        let mut svg = Svg::default();
        let note = remarks(&[&self.shown, direction(self.maximise), &self.rest(all.len()), &far]);
        let top = head(&mut svg, &self.title(), &note);
        // What the shades stand for.
        let font = LABEL.fill(MUTED);
        let at = ramp(&mut svg, (16.0, top), ["worst", "best by rank"], &BLUES) + 16.0;
        svg.path(&format!("M{} {}h18", n(at), n(top - 4.0)), colour(1), 2.4, "");
        let best = all[all.len() - 1].trial;
        let says = format!("{}: {}", best.name, score(best.score));
        svg.text((at + 24.0, top), &says, font, Anchor::Start, WIDTH - 14.0 - at - 24.0);

        let names: Vec<String> = axes.iter().map(|a| a.name.clone()).collect();
        let rows = Rows::new(&names, top + 4.0, STEP, 165.0);
        let (left, right) = (rows.left, WIDTH - 16.0);
        let bottom = rows.bottom() + 20.0;
        let x = x.thin(right - left);
        let places: Vec<Places> =
            axes.iter().enumerate().map(|(i, a)| Places::of(a, i, &lines)).collect();
        let y = |i: usize| rows.y(i) + STEP / 2.0;
        let path = |line: &Line| {
            let cross = |(i, p): (usize, &Places)| {
                let pick = line.trial.picks.get(i).copied().flatten();
                (left + p.cross(pick, line.rank) * (right - left), y(i))
            };
            let mut points: Vec<(f64, f64)> = places.iter().enumerate().map(cross).collect();
            let end = x.unit(line.trial.score).clamp(0.0, 1.0);
            points.push((left + end * (right - left), bottom));
            let step = |(i, p): (usize, &(f64, f64))| {
                format!("{}{} {}", if i == 0 { 'M' } else { 'L' }, n(p.0), n(p.1))
            };
            points.iter().enumerate().map(step).collect::<String>()
        };
        let alpha = if lines.len() > 120 { 0.5 } else { 0.75 };
        let look = format!(r#"stroke-linejoin="round" stroke-opacity="{alpha}""#);
        for (i, shade) in BLUES.iter().enumerate() {
            let step = |l: &&&Line| ((l.rank * 6.0) as usize).min(5) == i;
            let d: String = lines.iter().filter(step).map(|l| path(l)).collect();
            let wide = if i >= 4 { 1.2 } else { 0.8 };
            if !d.is_empty() {
                svg.path(&d, shade, wide, &look);
            }
        }
        let best = path(lines[lines.len() - 1]);
        svg.path(&best, CARD, 4.4, r#"stroke-linejoin="round""#);
        svg.path(&best, colour(1), 2.2, r#"stroke-linejoin="round""#);
        for (i, (axis, places)) in axes.iter().zip(&places).enumerate() {
            let d = format!("M{} {}H{}", n(left), n(y(i)), n(right));
            svg.path(&d, AXIS, 0.6, "");
            options(&mut svg, axis, places, (left, right, y(i)));
        }
        rows.write(&mut svg);
        for line in lines.iter().rev().take(TIPS).rev() {
            svg.tip_line(&path(line), &self.says(line.trial));
        }
        x_axis(&mut svg, &x, (left, right), bottom, self.metric());
        let said = all.iter().rev().take(3).map(|l| self.says(l.trial)).collect::<Vec<_>>();
        let about = format!(
            "{} ({}; {}). The best: {}",
            self.title(),
            direction(self.maximise),
            self.shown,
            said.join("; ")
        );
        svg.finish((WIDTH, bottom + 46.0), SHOWN, &self.title(), &about)
    }

    fn plain(&self) -> String {
        let title = fit(&format!("{} ({})", self.title(), direction(self.maximise)), COLUMNS);
        let (all, axes) = (self.ranked(), self.axes());
        if all.is_empty() || axes.is_empty() {
            let why =
                if all.is_empty() { "no trial has a score" } else { "there are no decisions" };
            return format!("{title}\nnothing to draw yet: {why}\n");
        }
        // As many decisions as fit, and the best trials as rows.
        let axes = &axes[..axes.len().min(6)];
        let room = (COLUMNS - 26) / axes.len() - 2;
        let columns = ["trial".to_string(), self.metric().to_string()].map(|c| fit(&c, 11));
        let columns: Vec<String> =
            columns.into_iter().chain(axes.iter().map(|a| fit(&a.name, room))).collect();
        let row = |line: &Line| {
            let option = |(axis, i): (&DecisionAxis, usize)| {
                let pick = line.trial.picks.get(i).copied().flatten();
                fit(pick.and_then(|p| axis.options.get(p)).map_or("–", String::as_str), room)
            };
            let own = [fit(&line.trial.name, 11), score(line.trial.score)];
            own.into_iter().chain(axes.iter().zip(0..).map(option)).collect()
        };
        let rows: Vec<Vec<String>> = all.iter().rev().take(10).map(row).collect();
        let more = match all.len() {
            n if n > 10 => format!("and {} worse trials\n", thousands(n as u128 - 10)),
            _ => String::new(),
        };
        format!("{}{}{more}", heading(&title, &self.shown), table(&columns, &rows))
    }
}

/// Two hundred made-up cells.
pub(super) fn example() -> ParallelCoordinates {
    let mut rng = crate::rng::Rng::from_u64(11);
    let operations = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"];
    let edges = ["cell.0-1", "cell.0-2", "cell.1-2", "cell.0-3", "cell.1-3", "cell.2-3"];
    let axis = |name: &&str| DecisionAxis {
        name: (*name).into(),
        options: operations.iter().map(|o| (*o).into()).collect(),
    };
    let gain = [0.0, 1.4, 1.2, 1.8, 0.6];
    let trial = |number: usize| {
        let picks: Vec<Option<usize>> = edges.iter().map(|_| Some(rng.below(5))).collect();
        let gains =
            picks.iter().flatten().enumerate().map(|(i, &p)| gain[p] * (i + 1) as f64 / 6.0);
        let score = 84.0 + gains.sum::<f64>() + 0.4 * rng.normal();
        TrialLine { name: format!("trial {number}"), score, picks }
    };
    ParallelCoordinates {
        metric: "validation accuracy (%)".into(),
        maximise: true,
        shown: "200 trials".into(),
        decisions: edges.iter().map(axis).collect(),
        trials: (0..200).map(trial).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn of(axes: &[usize], scores: &[f64], name: &str) -> ParallelCoordinates {
        let axis = |(i, &n): (usize, &usize)| DecisionAxis {
            name: format!("{name} {i}"),
            options: (0..n).map(|o| format!("{name} {o}")).collect(),
        };
        let trial = |(i, &score): (usize, &f64)| TrialLine {
            name: format!("{name} {i}"),
            score,
            picks: axes.iter().enumerate().map(|(a, &n)| (i * (a + 1)).checked_rem(n)).collect(),
        };
        ParallelCoordinates {
            decisions: axes.iter().enumerate().map(axis).collect(),
            trials: scores.iter().enumerate().map(trial).collect(),
            ..example()
        }
    }

    #[test]
    fn of_many_lines_the_best_stay() {
        let scores: Vec<f64> = (0..5000).map(|i| f64::from(i * 7919 % 5003)).collect();
        let chart = of(&[3, 4], &scores, "d");
        let all = chart.ranked();
        let drawn = chart.thinned(&all);
        assert_eq!((drawn.len(), drawn[0].trial.score), (CROWD, all[0].trial.score));
        let best =
            |lines: &[&Line]| lines.iter().rev().take(ALWAYS).map(|l| l.trial.score).sum::<f64>();
        assert_eq!(best(&drawn), best(&all.iter().collect::<Vec<_>>()));
        assert!(drawn.windows(2).all(|pair| pair[0].rank < pair[1].rank));
        assert!(chart.svg().contains("400 of 5,000 lines drawn, the best 50 among them"));
    }

    #[test]
    fn trials_without_a_decision_have_a_place_of_their_own() {
        let mut chart = of(&[2, 2], &[0.1, 0.2, 0.3], "d");
        assert!(!chart.svg().contains("not there"));
        chart.trials[1].picks[1] = None;
        assert_eq!(chart.svg().matches(">not there<").count(), 1);
        let lines = chart.ranked();
        let places = Places::of(&chart.decisions[1], 1, &lines.iter().collect::<Vec<_>>());
        assert!(places.cross(None, 0.5) > places.cross(Some(1), 0.5));
    }

    #[test]
    fn equal_scores_have_an_equal_rank() {
        let ranks = |scores: &[f64]| -> Vec<f64> {
            of(&[2], scores, "t").ranked().iter().map(|l| l.rank).collect()
        };
        assert_eq!(ranks(&[0.2, 0.1, 0.2]), [0.0, 0.75, 0.75]);
        assert_eq!((ranks(&[1.0; 3]), ranks(&[1.0])), (vec![0.5; 3], vec![1.0]));
    }

    #[test]
    fn the_best_line_is_the_last_by_the_direction() {
        let chart = of(&[2], &[0.3, 0.1, f64::NAN, 0.2], "t");
        assert_eq!(chart.ranked().last().unwrap().trial.name, "t 0");
        let loss = ParallelCoordinates { maximise: false, ..chart };
        assert_eq!(loss.ranked().last().unwrap().trial.name, "t 1");
        assert!(loss.plain().contains("t 1"), "{}", loss.plain());
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let long = "a very long name of a decision & ".repeat(9);
        let many: Vec<f64> = (0..3000).map(|i| f64::from(i * 31 % 1009)).collect();
        let cases = [
            ParallelCoordinates::default(),
            of(&[], &[1.0], "d"),
            of(&[3], &[], "d"),
            of(&[3], &[f64::NAN], "d"),
            of(&[0, 1, 3], &[1.0], "d"),
            of(&[3], &[0.5; 40], "d"),
            of(&[3, 2], &[f64::MAX, f64::MIN, 0.0], "d"),
            of(&[300, 5], &many, &long),
            of(&[4; 40], &many, &long),
            ParallelCoordinates { maximise: false, ..of(&[4; 3], &[1.0, 1.1, 1.2, 1e6], "d") },
            ParallelCoordinates { metric: long.clone(), shown: long, ..example() },
        ];
        cases.iter().for_each(check::chart);
        let size = of(&[4; 12], &many, "d").svg().len();
        assert!(size < 200_000, "{size}");
    }
}
