//! When each trial ran: a bar from its begin to its end, in one lane for each that ran at the same time, and above them
//! when the strategy thought. Gaps are time in which nothing was evaluated: the strategy took long, or a batch waited for
//! its last trial. With hundreds of trials a bar would be thinner than a pixel; then each column shows which
//! share of its time the lane was busy with what.

use super::Draw;
use super::best_so_far::time_unit;
use super::lines::{LABEL, remarks};
use super::plain::{COLUMNS, fit, table};
use super::plot::{AXIS, Key, Sample, Scale, cross, head, legend, x_axis};
use super::svg::{Anchor, SHOWN, Svg, WIDTH, n, nothing};
use super::theme::{CARD, FAIL, GRID, INK, MUTED, colour, width};
use crate::words::{human_seconds, plural, thousands, usable};
use serde::{Deserialize, Serialize};

/// Trials over time.
///
/// ```
/// use nascent::chart::{Chart, Stretch, Timeline};
/// let bar = |number, lane, begin, end| Stretch { number, lane, begin, end, ..Stretch::default() };
/// let chart = Chart::new(Timeline {
///     shown: "measured, 2 threads".into(),
///     trials: vec![bar(0, 0, 0.0, 40.0), bar(1, 1, 0.0, 30.0), bar(2, 1, 31.0, 60.0)],
///     ..Timeline::default()
/// });
/// assert!(chart.plain().contains("lane 2"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// Which time this is, and where it comes from.
    pub shown: String,
    /// The trials.
    pub trials: Vec<Stretch>,
    /// From when to when the strategy thought, in seconds, as far as that is known.
    pub thoughts: Vec<(f64, f64)>,
}

/// One trial of a [`Timeline`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stretch {
    /// The number of the trial.
    pub number: usize,
    /// The architecture, or anything else that is said of it.
    pub name: String,
    /// The lane that it ran in, from 0.
    pub lane: usize,
    /// When it began, in seconds.
    pub begin: f64,
    /// When it ended, in seconds.
    pub end: f64,
    /// Whether it failed.
    pub failed: bool,
    /// Whether it ended before the full number of epochs.
    pub stopped: bool,
    /// Whether it took over the result of an earlier trial, in no time.
    pub reused: bool,
}

/// How a trial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Done,
    Stopped,
    Failed,
    Reused,
}

impl How {
    const ALL: [How; 4] = [How::Done, How::Stopped, How::Failed, How::Reused];

    fn of(trial: &Stretch) -> How {
        match (trial.reused, trial.failed, trial.stopped) {
            (true, ..) => How::Reused,
            (_, true, _) => How::Failed,
            (_, _, true) => How::Stopped,
            _ => How::Done,
        }
    }

    fn word(self) -> &'static str {
        match self {
            How::Done => "done",
            How::Stopped => "fewer epochs",
            How::Failed => "failed",
            How::Reused => "result reused",
        }
    }

    fn fill(self) -> &'static str {
        match self {
            How::Done => colour(0),
            How::Stopped => colour(5),
            How::Failed => FAIL,
            How::Reused => MUTED,
        }
    }

    /// The share of the lane's height that a bar takes, so that they are told apart without colours as well.
    fn high(self) -> f64 {
        match self {
            How::Done | How::Failed => 1.0,
            How::Stopped => 0.55,
            How::Reused => 0.4,
        }
    }

    /// Its mark in a terminal.
    fn letter(self) -> char {
        match self {
            How::Done => '█',
            How::Stopped => '▄',
            How::Failed => '×',
            How::Reused => '.',
        }
    }
}

const TITLE: &str = "Trials over time";
/// The most bars that are drawn one by one, and the most lanes.
const BARS: usize = 600;
const LANES: usize = 48;

struct Row {
    name: String,
    top: f64,
    high: f64,
}

struct Plan<'a> {
    trials: Vec<(&'a Stretch, How)>,
    thoughts: Vec<(f64, f64)>,
    lanes: usize,
    /// Lanes that are not drawn.
    more: usize,
    /// In the unit of the axis.
    unit: (&'static str, f64),
    end: f64,
}

impl Plan<'_> {
    /// The trials of a lane.
    fn lane(&self, lane: usize) -> impl Iterator<Item = &(&Stretch, How)> {
        self.trials.iter().filter(move |(t, how)| t.lane == lane && *how != How::Reused)
    }

    fn reused(&self) -> impl Iterator<Item = &Stretch> {
        self.trials.iter().filter(|(_, how)| *how == How::Reused).map(|(t, _)| *t)
    }

    fn count(&self, how: How) -> usize {
        self.trials.iter().filter(|(_, h)| *h == how).count()
    }

    /// The share of the lanes' time in which they evaluated.
    fn busy(&self) -> f64 {
        let spent = |(t, how): &(&Stretch, How)| match how {
            How::Reused => 0.0,
            _ => (t.end - t.begin) / self.end.max(f64::MIN_POSITIVE),
        };
        let lanes = (self.lanes + self.more).max(1) as f64;
        (self.trials.iter().map(spent).sum::<f64>() / lanes).clamp(0.0, 1.0)
    }

    fn thought(&self) -> f64 {
        self.thoughts.iter().map(|(a, b)| b - a).sum::<f64>() + 0.0
    }

    fn crowded(&self) -> bool {
        self.trials.len() > BARS
    }
}

impl Timeline {
    fn plan(&self) -> Option<Plan<'_>> {
        let whole = |a: f64, b: f64| usable(a) && usable(b) && a >= 0.0 && b >= a;
        let known = self.trials.iter().filter(|t| whole(t.begin, t.end));
        let mut trials: Vec<(&Stretch, How)> = known.map(|t| (t, How::of(t))).collect();
        trials.sort_by(|a, b| a.0.begin.total_cmp(&b.0.begin));
        let thoughts: Vec<(f64, f64)> =
            self.thoughts.iter().copied().filter(|t| whole(t.0, t.1)).collect();
        let ends = trials.iter().map(|(t, _)| t.end).chain(thoughts.iter().map(|t| t.1));
        let end = ends.reduce(f64::max)?;
        if trials.is_empty() {
            return None;
        }
        let run = trials.iter().filter(|(_, how)| *how != How::Reused);
        let lanes = run.map(|(t, _)| t.lane.saturating_add(1)).max().unwrap_or(0);
        let (shown, more) = (lanes.min(LANES), lanes.saturating_sub(LANES));
        let unit = if end < 0.5 { ("time (milliseconds)", 1e-3) } else { time_unit(end) };
        Some(Plan { trials, thoughts, lanes: shown, more, unit, end })
    }

    fn why_empty(&self) -> &'static str {
        if self.trials.is_empty() {
            "no trial has ended"
        } else {
            "no trial has a begin and an end"
        }
    }

    fn note(&self, plan: &Plan) -> String {
        let count = match plan.trials.len() {
            n if n < 1000 => plural(n, "trial"),
            n => format!("{} trials", thousands(n as u128)),
        };
        let busy = match plan.lanes {
            0 => String::new(),
            _ => format!("busy for {:.0} % of {}", 100.0 * plan.busy(), human_seconds(plan.end)),
        };
        let thought = match plan.thoughts.is_empty() {
            true => String::new(),
            false => format!("the strategy thought for {}", human_seconds(plan.thought())),
        };
        let binned = match plan.crowded() {
            true => "each column shows shares of its time".to_string(),
            false => String::new(),
        };
        let more = match plan.more {
            0 => String::new(),
            n => format!("{n} more lanes not drawn"),
        };
        remarks(&[&self.shown, &count, &busy, &thought, &binned, &more])
    }

    fn describe(&self, plan: &Plan) -> String {
        let counts = How::ALL.iter().map(|how| format!("{} {}", plan.count(*how), how.word()));
        let counts: Vec<String> = counts.collect();
        format!("{TITLE}. {}. {}", self.note(plan).replace('\n', ". "), counts.join(", "))
    }

    /// The rows from the top: the strategy, the lanes, what was reused.
    fn rows(&self, plan: &Plan, top: f64) -> (Vec<Row>, f64) {
        let high = match plan.lanes {
            0..=6 => 20.0,
            7..=12 => 14.0,
            13..=24 => 9.0,
            _ => 5.0,
        };
        let mut y = top;
        let mut rows = vec![];
        let mut add = |name: String, high: f64, gap: f64| {
            rows.push(Row { name, top: y, high });
            y += high + gap;
        };
        if !plan.thoughts.is_empty() {
            add("strategy".into(), 9.0, 6.0);
        }
        let gap = if high > 8.0 { 4.0 } else { 1.0 };
        (1..=plan.lanes).for_each(|lane| add(format!("lane {lane}"), high, gap));
        if plan.count(How::Reused) > 0 {
            let name = "reused".to_string();
            rows.push(Row { name, top: y + if high > 8.0 { 0.0 } else { 5.0 }, high: 9.0 });
            y += if high > 8.0 { 13.0 } else { 18.0 };
        }
        (rows, y)
    }
}

/// Draws bars one by one, the numbers of the trials in them where there is room.
fn draw_bars(svg: &mut Svg, plan: &Plan, lane: usize, row: &Row, at: &dyn Fn(f64) -> f64) {
    let mut written = f64::NEG_INFINITY;
    for (trial, how) in plan.lane(lane) {
        let (from, to) = (at(trial.begin), at(trial.end));
        let wide = (to - from - 0.6).max(0.9);
        let high = row.high * how.high();
        let area = (from, row.top + row.high - high, wide, high);
        svg.rect(area, if wide > 4.0 { 1.5 } else { 0.0 }, how.fill(), "");
        let middle = (from + wide / 2.0, row.top + row.high / 2.0);
        let number = trial.number.to_string();
        let font = LABEL.size(9.0).fill(CARD);
        if *how == How::Failed && wide > 8.0 && row.high > 8.0 {
            cross(svg, (from + 5.5, middle.1), CARD);
        }
        let room = wide - if *how == How::Failed { 20.0 } else { 5.0 };
        let wanted = width(&number, font);
        let fits = wanted < room && middle.0 - wanted / 2.0 > written;
        if row.high >= 12.0 && *how != How::Stopped && fits {
            written = middle.0 + wanted / 2.0 + 2.0;
            svg.text((middle.0, middle.1 + 3.2), &number, font, Anchor::Middle, room);
        }
        let says = format!(
            "trial {}, {} after {}, from {} to {}; {}",
            trial.number,
            how.word(),
            human_seconds(trial.end - trial.begin),
            human_seconds(trial.begin),
            human_seconds(trial.end),
            trial.name
        );
        svg.tip((from, row.top, wide.max(2.0), row.high), &says);
    }
}

/// Of each column, the shares of its time that these stretches take.
fn shares(
    stretches: impl Iterator<Item = (f64, f64, usize)>,
    end: f64,
    columns: usize,
) -> Vec<[f64; 3]> {
    let mut found = vec![[0.0; 3]; columns];
    let wide = (end / columns as f64).max(f64::MIN_POSITIVE);
    let column = |t: f64| ((t / wide) as usize).min(columns - 1);
    for (from, to, kind) in stretches {
        for (c, shares) in found.iter_mut().enumerate().take(column(to) + 1).skip(column(from)) {
            let (left, right) = (c as f64 * wide, (c + 1) as f64 * wide);
            shares[kind] += ((to.min(right) - from.max(left)) / wide).clamp(0.0, 1.0);
        }
    }
    found
}

/// Draws, for each column, the shares of time one upon the other.
fn draw_shares(
    svg: &mut Svg,
    shares: &[[f64; 3]],
    row: &Row,
    (left, right): (f64, f64),
    fills: [&str; 3],
) {
    let wide = (right - left) / shares.len() as f64;
    let mut paths = [const { String::new() }; 3];
    for (c, kinds) in shares.iter().enumerate() {
        let (x, mut base) = (left + (c as f64 + 0.5) * wide, row.top + row.high);
        for (path, share) in paths.iter_mut().zip(kinds) {
            let top = (base - share * row.high).max(row.top);
            if base - top > 0.15 {
                *path += &format!("M{} {}V{}", n(x), n(base), n(top));
            }
            base = top;
        }
    }
    for (path, fill) in paths.iter().zip(fills).filter(|(path, _)| !path.is_empty()) {
        svg.path(path, fill, wide + 0.1, "");
    }
}

impl Draw for Timeline {
    fn svg(&self) -> String {
        let Some(plan) = self.plan() else { return nothing(TITLE, self.why_empty()) };
        let mut svg = Svg::default();
        let top = head(&mut svg, TITLE, &self.note(&plan));
        let key = |how: &How| Key::new(how.fill(), Sample::Area(1.0), how.word());
        let kinds = How::ALL.iter().filter(|how| plan.count(**how) > 0 && **how != How::Reused);
        let mut keys: Vec<Key> = kinds.map(key).collect();
        if keys.len() < 2 && plan.count(How::Failed) == 0 {
            keys.clear();
        }
        let begin = legend(&mut svg, &keys, top) + 2.0;
        let (rows, bottom) = self.rows(&plan, begin);
        let names = rows.iter().map(|r| width(&r.name, LABEL)).fold(0.0, f64::max);
        let (left, right) = (16.0 + names + 8.0, WIDTH - 18.0);
        // The end of a bar is the end of the axis.
        let x = Scale::linear(0.0, plan.end / plan.unit.1, 6, false).thin(right - left);
        let at = |t: f64| left + x.unit(t / plan.unit.1).clamp(0.0, 1.0) * (right - left);
        for (v, _) in &x.ticks {
            let place = left + x.unit(*v) * (right - left);
            svg.line((place, begin - 3.0), (place, bottom), GRID, 1.0);
        }
        svg.line((left, begin - 3.0), (left, bottom), AXIS, 1.0);
        let mut lane = 0;
        let last_lane = plan.lanes.saturating_sub(1);
        for row in &rows {
            let middle = row.top + row.high / 2.0 + 3.6;
            let is_lane = row.name.starts_with("lane ");
            if !is_lane || row.high > 8.0 || lane == 0 || (lane == last_lane && lane > 2) {
                svg.text((left - 8.0, middle), &row.name, LABEL, Anchor::End, left - 16.0);
            }
            let columns = if plan.lanes > 12 { 100 } else { 190 };
            if is_lane {
                let kind = |(t, how): &(&Stretch, How)| {
                    let kind = How::ALL.iter().position(|h| h == how).unwrap_or(0).min(2);
                    (t.begin, t.end, kind)
                };
                match plan.crowded() {
                    true => {
                        let found = shares(plan.lane(lane).map(kind), plan.end, columns);
                        let fills = [How::Done, How::Stopped, How::Failed].map(How::fill);
                        draw_shares(&mut svg, &found, row, (left, right), fills);
                    }
                    false => draw_bars(&mut svg, &plan, lane, row, &at),
                }
                lane += 1;
            } else if row.name == "strategy" {
                if plan.thoughts.len() > BARS {
                    let all = plan.thoughts.iter().map(|&(a, b)| (a, b, 0));
                    let found = shares(all, plan.end, columns);
                    draw_shares(&mut svg, &found, row, (left, right), [INK; 3]);
                } else {
                    for &(from, to) in &plan.thoughts {
                        let area = (at(from), row.top, (at(to) - at(from)).max(0.6), row.high);
                        svg.rect(area, 0.0, INK, r#"fill-opacity="0.75""#);
                    }
                }
            } else {
                let mut seen: Vec<i32> = plan.reused().map(|t| (at(t.end) * 2.0) as i32).collect();
                seen.sort_unstable();
                seen.dedup();
                let tick =
                    |x: &i32| format!("M{} {}v{}", n(f64::from(*x) / 2.0), n(row.top), n(row.high));
                svg.path(&seen.iter().map(tick).collect::<String>(), MUTED, 1.0, "");
            }
        }
        x_axis(&mut svg, &x, (left, right), bottom, plan.unit.0);
        svg.finish((WIDTH, bottom + 46.0), SHOWN, TITLE, &self.describe(&plan))
    }

    fn plain(&self) -> String {
        let Some(plan) = self.plan() else {
            return format!("{TITLE}\nnothing to draw yet: {}\n", self.why_empty());
        };
        let note: String = self
            .note(&plan)
            .split('\n')
            .map(|line| fit(line, COLUMNS).trim_end().to_string() + "\n")
            .collect();
        let (room, mut out) = (60, format!("{TITLE}\n{note}"));
        let column = |t: f64| ((t / plan.end.max(f64::MIN_POSITIVE)) * room as f64) as usize;
        let mut line = |name: &str, stretches: &mut dyn Iterator<Item = (f64, f64, char)>| {
            let mut cells = vec![' '; room];
            for (from, to, mark) in stretches {
                let from = column(from).min(room - 1);
                cells[from..column(to).clamp(from + 1, room)].fill(mark);
            }
            let cells: String = cells.into_iter().collect();
            out += &format!("{}\n", format!("{name:>9} │{cells}").trim_end());
        };
        if !plan.thoughts.is_empty() {
            line("strategy", &mut plan.thoughts.iter().map(|&(a, b)| (a, b, '▒')));
        }
        for lane in 0..plan.lanes.min(16) {
            let mut bars = plan.lane(lane).map(|(t, how)| (t.begin, t.end, how.letter()));
            line(&format!("lane {}", lane + 1), &mut bars);
        }
        if plan.count(How::Reused) > 0 {
            line("reused", &mut plan.reused().map(|t| (t.end, t.end, '|')));
        }
        out += &format!("{:>9} └{}\n", "", "─".repeat(room));
        let (end, name) = (human_seconds(plan.end), fit(plan.unit.0, 30));
        let gap = room.saturating_sub(2 + name.chars().count() + end.chars().count()) / 2;
        let gap = " ".repeat(gap);
        out += &(fit(&format!("{:>9}  0 {gap}{name}{gap}{end}", ""), COLUMNS) + "\n\n");
        let columns = ["ended", "trials", "", "seconds in all"].map(String::from);
        let rows = How::ALL.iter().filter(|how| plan.count(**how) > 0).map(|how| {
            let of = plan.trials.iter().filter(|(_, h)| h == how);
            let seconds: f64 = match how {
                How::Reused => 0.0,
                _ => of.map(|(t, _)| t.end - t.begin).sum(),
            };
            let mark = if *how == How::Reused { '|' } else { how.letter() }.to_string();
            vec![how.word().to_string(), plan.count(*how).to_string(), mark, human_seconds(seconds)]
        });
        out + &table(&columns, &rows.collect::<Vec<_>>())
    }
}

/// Thirty-four made-up trials, four at a time.
pub(super) fn example() -> Timeline {
    let mut rng = crate::rng::Rng::from_u64(21);
    let (mut free, mut asked) = ([0.0; 4], 0.0);
    let mut timeline = Timeline { shown: "measured, 4 threads".into(), ..Timeline::default() };
    for number in 0..34 {
        let thought = if number < 10 { 0.2 } else { 1.0 + 0.15 * f64::from(number) };
        let lane = (0..4).fold(0, |a, b| if free[b] < free[a] { b } else { a });
        let begin = f64::max(free[lane], asked) + thought;
        timeline.thoughts.push((begin - thought, begin));
        asked = begin;
        let (failed, stopped, reused) = (number == 13, number % 6 == 4, number % 11 == 9);
        let long = 38.0 * (0.4 * rng.normal()).exp();
        let end = match (reused, failed, stopped) {
            (true, ..) => begin,
            (_, true, _) => begin + 0.3 * long,
            (_, _, true) => begin + 0.4 * long,
            _ => begin + long,
        };
        free[lane] = free[lane].max(end);
        let name = format!("conv({}, 3)>linear(10)", 8 + number);
        let number = number as usize;
        timeline.trials.push(Stretch { number, name, lane, begin, end, failed, stopped, reused });
    }
    timeline
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn bar(lane: usize, begin: f64, end: f64) -> Stretch {
        Stretch { lane, begin, end, name: "conv<3 & 4>".into(), ..Stretch::default() }
    }

    fn of(trials: Vec<Stretch>) -> Timeline {
        Timeline { trials, thoughts: vec![], shown: "measured".into() }
    }

    #[test]
    fn busy_is_the_share_of_all_lanes() {
        let timeline = of(vec![bar(0, 0.0, 10.0), bar(1, 0.0, 5.0), bar(1, 7.5, 10.0)]);
        assert_eq!(timeline.plan().unwrap().busy(), 0.875);
        assert!(timeline.plain().contains("busy for 88 % of 10 s"), "{}", timeline.plain());
        // What was reused took no time, and no lane.
        let mut reused = bar(7, 3.0, 3.0);
        reused.reused = true;
        let timeline = of(vec![bar(0, 0.0, 4.0), reused]);
        assert_eq!((timeline.plan().unwrap().lanes, timeline.plan().unwrap().busy()), (1, 1.0));
    }

    #[test]
    fn columns_have_shares_of_their_time() {
        let found = shares([(0.0, 1.0, 0), (1.5, 3.0, 1), (3.5, 4.0, 2)].into_iter(), 4.0, 2);
        assert_eq!(found, [[0.5, 0.25, 0.0], [0.0, 0.5, 0.25]]);
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let many = |count: usize, lanes: usize| {
            let bar = |i: usize| Stretch {
                number: i,
                failed: i % 50 == 7,
                stopped: i % 3 == 1,
                reused: i % 17 == 2,
                ..bar(i % lanes, (i / lanes) as f64, (i / lanes) as f64 + 0.8)
            };
            let thoughts =
                (0..count).map(|i| (i as f64 / lanes as f64, i as f64 / lanes as f64 + 0.1));
            Timeline { thoughts: thoughts.collect(), ..of((0..count).map(bar).collect()) }
        };
        let mut reused = example();
        reused.trials.iter_mut().for_each(|t| t.reused = true);
        let cases = [
            Timeline::default(),
            of(vec![bar(0, f64::NAN, 1.0), bar(0, 2.0, 1.0), bar(0, -1.0, 1.0)]),
            of(vec![bar(0, 0.0, 0.0)]),
            of(vec![bar(0, 0.0, 1.0)]),
            of(vec![bar(usize::MAX, 0.0, 1.0)]),
            of(vec![bar(0, 0.0, f64::MAX), bar(1, f64::MAX, f64::MAX)]),
            of(vec![bar(0, 0.0, 5e-324)]),
            Timeline { thoughts: vec![(0.0, 1.0)], ..of(vec![]) },
            Timeline { shown: "long & <name> ".repeat(20), ..example() },
            reused,
            many(500, 60),
            many(1000, 3),
            many(100_000, 48),
        ];
        cases.iter().for_each(check::chart);
        assert!(cases[12].svg().len() < 600_000, "{}", cases[12].svg().len());
    }
}
