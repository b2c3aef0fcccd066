//! Who descends from whom: every trial is a dot at its number and score, with an edge from each
//! parent. The line that led to the best trial stands out, so that one sees whether a search climbs
//! in many small steps or by a lucky draw.

use super::Draw;
use super::lines::remarks;
use super::plain::{COLUMNS, Canvas, fit, table};
use super::plot::{
    Around, Frame, Key, Sample, Scale, beyond, binned, cross, off_scale, padded, spots, strokes,
    zoomed,
};
use super::svg::{Anchor, WIDTH, n, nothing};
use super::theme::{CARD, FAIL, FAINT, Font, INK, colour, width};
use crate::words::{capital, direction, plural, score, usable};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The trials of a search and their parents.
///
/// ```
/// use nascent::chart::{Chart, FamilyTree, Relative};
/// let trial = |trial, score, parents: &[usize], origin: &str| Relative {
///     trial,
///     score: Some(score),
///     parents: parents.to_vec(),
///     origin: origin.into(),
/// };
/// let chart = Chart::new(FamilyTree {
///     metric: "accuracy".into(),
///     maximise: true,
///     trials: vec![trial(1, 0.90, &[], "random"), trial(2, 0.93, &[1], "mutation")],
/// });
/// assert!(chart.plain().contains("1 step to the best"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FamilyTree {
    /// The name of the score.
    pub metric: String,
    /// Whether higher is better.
    pub maximise: bool,
    /// The trials, in any order.
    pub trials: Vec<Relative>,
}

/// A trial of a [`FamilyTree`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Relative {
    /// The number of the trial.
    pub trial: usize,
    /// Its score; `None` if it failed.
    pub score: Option<f64>,
    /// The numbers of its parents; later and unknown trials are left out.
    pub parents: Vec<usize>,
    /// How it came about: `random`, `mutation`, `crossover`.
    pub origin: String,
}

impl Relative {
    fn value(&self) -> Option<f64> {
        self.score.filter(|v| usable(*v))
    }

    /// How it came about, in words.
    fn story(&self) -> String {
        let parents: Vec<String> = self.parents.iter().map(usize::to_string).collect();
        match (self.origin.as_str(), parents.is_empty()) {
            (origin, true) => origin.to_string(),
            ("", false) => format!("from {}", parents.join(" and ")),
            (origin, false) => format!("{origin} of {}", parents.join(" and ")),
        }
    }
}

/// The trials by number, and what the picture makes of them.
struct Plan<'a> {
    trials: BTreeMap<usize, &'a Relative>,
    /// How trials came about, in the order in which they first did.
    origins: Vec<&'a str>,
    /// The best trial.
    best: usize,
    /// The best trial, the better of its parents, and so on to the first.
    line: Vec<usize>,
    /// The same trials, each with the better of its parents.
    on_line: BTreeMap<usize, Option<usize>>,
    /// The best trial and all its ancestors.
    ancestors: BTreeSet<usize>,
    /// Of the edges that are not on the line, one in so many is drawn.
    every: usize,
}

/// From this many trials on, dots that fall on the same spot are drawn once.
const MANY: usize = 1500;
/// So many edges can be told apart, if not followed.
const EDGES: usize = 1500;
/// So many steps of the line are described in words.
const TOLD: usize = 12;

impl FamilyTree {
    fn better(&self, a: f64, b: f64) -> bool {
        if self.maximise { a > b } else { a < b }
    }

    fn plan(&self) -> Option<Plan<'_>> {
        let trials: BTreeMap<usize, &Relative> = self.trials.iter().map(|t| (t.trial, t)).collect();
        let mut best: Option<(usize, f64)> = None;
        let (mut origins, mut known) = (vec![], BTreeSet::new());
        for (&number, trial) in &trials {
            if known.insert(trial.origin.as_str()) {
                origins.push(trial.origin.as_str());
            }
            if let Some(v) = trial.value().filter(|v| best.is_none_or(|b| self.better(*v, b.1))) {
                best = Some((number, v));
            }
        }
        let (best, _) = best?;
        let mut plan = Plan {
            trials,
            origins,
            best,
            line: vec![],
            on_line: BTreeMap::new(),
            ancestors: BTreeSet::new(),
            every: 1,
        };
        let mut at = Some(best);
        while let Some(number) = at {
            plan.line.push(number);
            let mut next: Option<(usize, f64)> = None;
            for parent in plan.parents(number) {
                let value = plan.trials.get(&parent).and_then(|t| t.value());
                if let Some(v) = value.filter(|v| next.is_none_or(|n| self.better(*v, n.1))) {
                    next = Some((parent, v));
                }
            }
            at = next.map(|n| n.0);
        }
        let mut open = vec![best];
        while let Some(number) = open.pop() {
            if plan.ancestors.insert(number) {
                open.extend(plan.parents(number));
            }
        }
        let next = plan.line.iter().skip(1).map(|t| Some(*t)).chain([None]);
        plan.on_line = plan.line.iter().copied().zip(next).collect();
        let edges: usize = plan.trials.keys().map(|t| plan.parents(*t).len()).sum();
        plan.every = edges.saturating_sub(plan.line.len()).div_ceil(EDGES).max(1);
        Some(plan)
    }

    fn metric(&self) -> &str {
        if self.metric.is_empty() { "score" } else { &self.metric }
    }

    fn title(&self) -> String {
        format!("{}: who descends from whom", capital(self.metric()))
    }

    fn why_empty(&self) -> String {
        match self.trials.len() {
            0 => "no trial has finished".into(),
            n => format!("none of {} has a score", plural(n, "trial")),
        }
    }

    fn scales(&self, plan: &Plan) -> (Scale, Scale, Vec<f64>) {
        let numbers: Vec<f64> = plan.trials.keys().map(|t| *t as f64).collect();
        let ((lo, hi), (first, last)) = (padded(&numbers, 0.03, 0.03), padded(&numbers, 0.0, 0.0));
        let x = Scale::linear(lo, hi, 7, true).only(first, last);
        let values: Vec<f64> = plan.trials.values().filter_map(|t| t.value()).collect();
        // A poor ancestor of the best stands at the edge as well: to scale, it would press all others together.
        let view = zoomed(values.clone(), self.maximise, 6.0);
        let failed = plan.trials.len() > values.len();
        let marks = if view.len() < values.len() || failed { 0.12 } else { 0.06 };
        let (lo, hi) = match self.maximise {
            true => padded(&view, marks, 0.15),
            false => padded(&view, f64::max(marks, 0.15), 0.06),
        };
        let y = Scale::linear(lo, hi, 5, false);
        let far = values.into_iter().filter(|v| !(0.0..=1.0).contains(&y.unit(*v))).collect();
        (x, y, far)
    }

    fn note(&self, plan: &Plan, hidden: &[f64]) -> String {
        let failed = plan.trials.values().filter(|t| t.value().is_none()).count();
        let steps = format!("{} to the best", plural(plan.line.len().saturating_sub(1), "step"));
        let failed = match failed {
            0 => String::new(),
            n => format!("× {n} failed"),
        };
        let thin = match plan.every {
            1 => String::new(),
            n => format!("1 of {n} other edges drawn"),
        };
        let hidden = off_scale(hidden, self.maximise, true);
        let spots = if plan.trials.len() > MANY { binned(usize::MAX) } else { "" };
        remarks(&[direction(self.maximise), &steps, &failed, &hidden, &thin, spots])
    }

    /// A trial in words.
    fn says(&self, trial: &Relative) -> String {
        let story = trial.story();
        let comma = if story.is_empty() { "" } else { ", " };
        let result = trial.value().map_or("failed".into(), score);
        format!("trial {}{comma}{story}: {result}", trial.trial)
    }

    fn describe(&self, plan: &Plan) -> String {
        let count = plural(plan.trials.len(), "trial");
        let told = plan.line.iter().take(TOLD).filter_map(|t| plan.trials.get(t));
        let mut line = told.map(|t| self.says(t)).collect::<Vec<_>>().join(", from ");
        if let Some(more) = plan.line.len().checked_sub(TOLD).filter(|n| *n > 0) {
            line += &format!(", from {more} more");
        }
        format!("{} ({}). {count}. The best: {line}", self.title(), direction(self.maximise))
    }

    fn draw_edges(&self, frame: &mut Frame, plan: &Plan) {
        let (mut others, mut kin, mut line) = (String::new(), String::new(), String::new());
        // Of a long line, only the steps that can be seen.
        let mut stood: Option<(f64, f64)> = None;
        let mut nth = 0;
        for (&number, trial) in &plan.trials {
            let Some(value) = trial.value() else { continue };
            for parent in plan.parents(number) {
                let Some(from) = plan.trials.get(&parent).and_then(|t| t.value()) else { continue };
                let direct = plan.on_line.get(&number) == Some(&Some(parent));
                nth += 1;
                if !direct && !usize::is_multiple_of(nth, plan.every) {
                    continue;
                }
                let (mut a, b) = (frame.at(parent as f64, from), frame.at(number as f64, value));
                if direct && plan.line.len() > MANY {
                    a = stood.unwrap_or(a);
                    let near = (b.0 - a.0).abs() < 0.7 && (b.1 - a.1).abs() < 0.7;
                    if near && number != plan.best {
                        stood = Some(a);
                        continue;
                    }
                    stood = Some(b);
                }
                let middle = n((a.0 + b.0) / 2.0);
                let (ay, by) = (n(a.1), n(b.1));
                let d = format!("M{} {ay}C{middle} {ay} {middle} {by} {} {by}", n(a.0), n(b.0));
                match () {
                    () if direct => line += &d,
                    () if plan.ancestors.contains(&number) => kin += &d,
                    () => others += &d,
                }
            }
        }
        let pale = if plan.trials.len() > 120 { 0.45 } else { 0.8 };
        frame.inside(|svg| {
            svg.path(&others, FAINT, 0.8, &format!(r#"stroke-opacity="{pale}""#));
            svg.path(&kin, INK, 1.0, r#"stroke-opacity="0.5""#);
            svg.path(&line, CARD, 4.6, r#"stroke-opacity="0.8""#);
            svg.path(&line, INK, 2.2, "");
        });
    }

    fn draw_trials(&self, frame: &mut Frame, plan: &Plan) {
        let edge = if self.maximise { frame.bottom - 6.0 } else { frame.top + 6.0 };
        if plan.trials.len() > MANY {
            return self.draw_many(frame, plan, edge);
        }
        let r = if plan.trials.len() > 120 { 2.4 } else { 3.2 };
        for (&number, trial) in &plan.trials {
            let fill = plan.colour(&trial.origin);
            let at = frame.at(number as f64, trial.value().unwrap_or(0.0));
            let at = match trial.value() {
                None => {
                    let at = (at.0, frame.bottom - 4.5);
                    cross(&mut frame.svg, at, FAIL);
                    at
                }
                Some(v) if !frame.shows(v) => {
                    beyond(&mut frame.svg, (at.0, edge), !self.maximise, fill);
                    (at.0, edge)
                }
                Some(_) => {
                    let direct = plan.on_line.contains_key(&number);
                    let (r, stroke) = if direct { (r + 1.2, INK) } else { (r, CARD) };
                    let ring = format!(r#"stroke="{stroke}" stroke-width="1""#);
                    frame.svg.dot(at, r, fill, &ring);
                    at
                }
            };
            if plan.trials.len() <= 600 {
                frame.svg.hover(at, r + 2.5, &self.says(trial));
            }
        }
    }

    /// Thousands of trials, without a tooltip for each.
    fn draw_many(&self, frame: &mut Frame, plan: &Plan, edge: f64) {
        let (mut failed, mut far) = (vec![], BTreeMap::new());
        let mut dots: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
        let mut line: BTreeMap<(i32, i32), &str> = BTreeMap::new();
        for (&number, trial) in &plan.trials {
            let fill = plan.colour(&trial.origin);
            let at = frame.at(number as f64, trial.value().unwrap_or(0.0));
            match trial.value() {
                None => failed.push((at.0, frame.bottom - 4.5)),
                Some(v) if !frame.shows(v) => _ = far.insert((at.0 / 2.0) as i32, (at.0, fill)),
                Some(_) if plan.on_line.contains_key(&number) => {
                    line.insert(((at.0 / 4.0) as i32, (at.1 / 4.0) as i32), fill);
                    if number == plan.best {
                        dots.entry(INK).or_default().push(at);
                    }
                }
                Some(_) => dots.entry(fill).or_default().push(at),
            }
        }
        strokes(&mut frame.svg, &failed, FAIL);
        for (x, fill) in far.into_values() {
            beyond(&mut frame.svg, (x, edge), !self.maximise, fill);
        }
        frame.inside(|svg| {
            for (fill, places) in &dots {
                let round = r#"stroke-linecap="round" stroke-opacity="0.75""#;
                let gap = if places.len() < 10_000 { 1.3 } else { 2.4 };
                svg.path(&spots(places.iter().copied(), gap), fill, 3.6, round);
            }
        });
        for ((x, y), fill) in line {
            let at = (f64::from(x) * 4.0 + 2.0, f64::from(y) * 4.0 + 2.0);
            frame.svg.dot(at, 2.4, fill, &format!(r#"stroke="{INK}" stroke-width="0.8""#));
        }
    }

    /// The score of the best trial, beside its dot.
    fn label(&self, frame: &mut Frame, plan: &Plan) {
        let Some(value) = plan.trials.get(&plan.best).and_then(|t| t.value()) else { return };
        let says = format!("{}  (trial {})", score(value), plan.best);
        let font = Font::TEXT.bold();
        let (x, y) = frame.at(plan.best as f64, value);
        let half = width(&says, font) / 2.0;
        let middle = x.min(WIDTH - 14.0 - half).max(frame.left + half + 4.0);
        let y = if self.maximise { y - 9.0 } else { y + 18.0 }.clamp(frame.top + 9.0, frame.bottom);
        frame.svg.halo((middle, y), &says, font, Anchor::Middle, 300.0);
    }
}

impl Plan<'_> {
    /// The parents of a trial that exist and came before it.
    fn parents(&self, number: usize) -> Vec<usize> {
        let Some(trial) = self.trials.get(&number) else { return vec![] };
        let before = |p: &&usize| **p < number && self.trials.contains_key(p);
        trial.parents.iter().filter(before).copied().collect()
    }

    /// The colour of an origin: the common ones look the same in every picture.
    fn colour(&self, origin: &str) -> &'static str {
        let fixed = |o: &str| matches!(o, "random" | "mutation" | "crossover");
        match origin {
            "random" => "#8A9097",
            "mutation" => colour(0),
            "crossover" => colour(1),
            _ => {
                let others = self.origins.iter().filter(|o| !fixed(o));
                colour(2 + others.take_while(|o| **o != origin).count() % 6)
            }
        }
    }

    fn legend(&self) -> Vec<Key> {
        let key = |origin: &&str| {
            let text = if origin.is_empty() { "other" } else { origin };
            Key::new(self.colour(origin), Sample::Dot, text)
        };
        let mut keys: Vec<Key> = self.origins.iter().take(8).map(key).collect();
        if self.line.len() > 1 {
            keys.push(Key::new(INK, Sample::Line(""), "line to the best"));
        }
        keys
    }
}

impl Draw for FamilyTree {
    fn svg(&self) -> String {
        let Some(plan) = self.plan() else { return nothing(&self.title(), &self.why_empty()) };
        let (x, y, hidden) = self.scales(&plan);
        let around = Around::new(self.title(), self.note(&plan, &hidden), plan.legend(), "trial");
        let mut frame = Frame::tall(around, x, y, 215.0);
        self.draw_edges(&mut frame, &plan);
        self.draw_trials(&mut frame, &plan);
        self.label(&mut frame, &plan);
        frame.finish(&self.title(), &self.describe(&plan))
    }

    fn plain(&self) -> String {
        let title = fit(&format!("{} ({})", self.title(), direction(self.maximise)), COLUMNS);
        let Some(plan) = self.plan() else {
            return format!("{title}\nnothing to draw yet: {}\n", self.why_empty());
        };
        let (x, y, hidden) = self.scales(&plan);
        let mut canvas = Canvas::new(64, 12);
        let mut failed = vec![];
        for (&number, trial) in &plan.trials {
            match trial.value() {
                Some(v) if (0.0..=1.0).contains(&y.unit(v)) => {
                    let cell = canvas.cell((x.unit(number as f64), y.unit(v)));
                    let direct = plan.on_line.contains_key(&number);
                    canvas.put(cell, if direct { '●' } else { '·' }, direct);
                }
                Some(_) => {}
                None => failed.push(canvas.cell((x.unit(number as f64), 0.0)).0),
            }
        }
        let (lo, hi) = y.ends();
        let mut numbers = plan.trials.keys().map(usize::to_string);
        let (first, last) = match (numbers.next(), numbers.next_back()) {
            (Some(first), Some(last)) => (first, last),
            (only, _) => (String::new(), only.unwrap_or_default()),
        };
        let plot = canvas.render((&score(lo), &score(hi)), (&first, &last), "trial", &failed);
        let heads = ["● trial".to_string(), "came about".into(), self.metric().into()];
        let shown = plan.line.iter().take(12).filter_map(|t| plan.trials.get(t));
        let rows: Vec<Vec<String>> = shown
            .map(|t| vec![t.trial.to_string(), t.story(), t.value().map_or("–".into(), score)])
            .collect();
        let note = fit(&self.note(&plan, &hidden).replace('\n', "  ·  "), COLUMNS);
        format!("{title}\n{plot}{note}\n{}", table(&heads, &rows))
    }
}

/// A made-up evolution of a hundred trials.
pub(super) fn example() -> FamilyTree {
    let mut rng = crate::rng::Rng::from_u64(21);
    let mut trials: Vec<Relative> = vec![];
    for trial in 1..=100 {
        let mut parents = vec![];
        let mut base = 0.86 + 0.04 * rng.uniform();
        let mut origin = "random";
        if trial > 20 {
            let tournament = |rng: &mut crate::rng::Rng| {
                let from = trials.len() - 20;
                let drawn = (0..6).map(|_| &trials[from + rng.below(20)]);
                drawn.max_by(|a, b| a.score.unwrap_or(0.0).total_cmp(&b.score.unwrap_or(0.0)))
            };
            let two = rng.below(4) == 0;
            let found: Vec<&Relative> =
                (0..if two { 2 } else { 1 }).filter_map(|_| tournament(&mut rng)).collect();
            let mean = found.iter().filter_map(|t| t.score).sum::<f64>() / found.len() as f64;
            parents = found.iter().map(|t| t.trial).collect();
            origin = if two { "crossover" } else { "mutation" };
            base = mean + (0.985 - mean) * 0.12 * rng.normal();
        }
        let score = (rng.below(30) > 0).then_some(base);
        trials.push(Relative { trial, score, parents, origin: origin.into() });
    }
    FamilyTree { metric: "accuracy".into(), maximise: true, trials }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn of(trials: &[(usize, Option<f64>, &[usize])]) -> FamilyTree {
        let trial = |&(trial, score, parents): &(usize, Option<f64>, &[usize])| Relative {
            trial,
            score,
            parents: parents.to_vec(),
            origin: "mutation".into(),
        };
        FamilyTree { trials: trials.iter().map(trial).collect(), ..example() }
    }

    #[test]
    fn the_line_follows_the_better_parent_and_kin_are_all_ancestors() {
        let tree = of(&[
            (1, Some(0.1), &[]),
            (2, Some(0.2), &[]),
            (3, Some(0.3), &[1, 2]),
            (4, Some(0.9), &[3, 4, 5, 77]),
            (5, Some(0.4), &[1]),
        ]);
        let plan = tree.plan().unwrap();
        assert_eq!((plan.best, plan.line.as_slice()), (4, [4, 3, 2].as_slice()));
        assert_eq!(plan.ancestors.iter().copied().collect::<Vec<_>>(), [1, 2, 3, 4]);
        let down = FamilyTree { maximise: false, ..tree };
        assert_eq!(down.plan().unwrap().best, 1);
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let long = "a very long origin & ".repeat(9);
        let big = usize::MAX;
        let mut strange = example();
        strange.trials.iter_mut().enumerate().for_each(|(i, t)| t.origin = format!("{long}{i}"));
        let many = (0..3000)
            .map(|i| Relative {
                trial: i,
                score: Some((i * 7919 % 1000) as f64),
                parents: vec![i / 2, i.saturating_sub(3)],
                origin: "mutation".into(),
            })
            .collect();
        let cases = [
            FamilyTree::default(),
            of(&[]),
            of(&[(1, None, &[])]),
            of(&[(1, Some(0.5), &[1])]),
            of(&[(0, Some(0.0), &[]), (1, Some(0.0), &[0]), (1, Some(1.0), &[2])]),
            of(&[(1, Some(-1e99), &[]), (big, Some(1e99), &[1])]),
            of(&[
                (1, Some(f64::NAN), &[]),
                (2, Some(f64::INFINITY), &[1]),
                (3, Some(1.0), &[1, 2]),
            ]),
            FamilyTree { maximise: false, metric: long.clone(), ..example() },
            strange,
            FamilyTree { trials: many, ..example() },
        ];
        cases.iter().for_each(check::chart);
    }
}
