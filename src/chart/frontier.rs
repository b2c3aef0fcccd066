//! The frontier of size against score: the networks that no other network beats in both. Between two
//! of them the line is a step, because nothing was found in between.

use super::Draw;
use super::lines::remarks;
use super::plain::{COLUMNS, Canvas, fit, table};
use super::plot::{Around, Frame, Scale, beyond, binned, off_scale, padded, range, steps, zoomed};
use super::svg::{Anchor, WIDTH, nothing};
use super::theme::{FAINT, Font, INK, colour, elide, width};
use crate::words::{capital, direction, human_count, plural, score, usable};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a network costs against what it scores.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Frontier {
    /// What the cost is: `parameters`.
    pub x: String,
    /// Whether more of it is better, as for a speed. For a cost, less is better.
    #[serde(default)]
    pub maximise_x: bool,
    /// The name of the score.
    pub metric: String,
    /// Whether a higher score is better.
    pub maximise: bool,
    /// The networks.
    pub points: Vec<FrontierPoint>,
    /// The frontier as places in `points`, if it is one of more than these two quantities. If `None`,
    /// it is computed.
    #[serde(default)]
    pub front: Option<Vec<usize>>,
}

/// One network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FrontierPoint {
    /// The name of the network or trial.
    pub name: String,
    /// Its cost.
    pub x: f64,
    /// Its score.
    pub score: f64,
    /// Whether it is the one that was chosen, which is named in the picture.
    pub best: bool,
}

/// The part of a name such as `trial 7: conv(16,3)>...` that is written in the picture; hovering over
/// it shows the rest.
fn short(name: &str) -> &str {
    name.split_once(": ").map_or(name, |(short, _)| short)
}

impl Frontier {
    /// The points that no other point beats by being better and no costlier, or cheaper and as good,
    /// in order of their cost. Of equal points, the first; without points that are not finite. If the
    /// frontier is one of more quantities, the points that were given.
    ///
    /// ```
    /// use nascent::chart::{Frontier, FrontierPoint};
    /// let at = |name: &str, x, score| FrontierPoint { name: name.into(), x, score, best: false };
    /// let points = vec![at("small", 1e3, 0.91), at("worse", 2e3, 0.90), at("large", 9e3, 0.97)];
    /// let chart = Frontier { maximise: true, points, ..Frontier::default() };
    /// let names: Vec<String> = chart.frontier().into_iter().map(|p| p.name).collect();
    /// assert_eq!(names, ["small", "large"]);
    /// ```
    pub fn frontier(&self) -> Vec<FrontierPoint> {
        let gain = |p: &FrontierPoint| if self.maximise { p.score } else { -p.score };
        let cost = |p: &FrontierPoint| if self.maximise_x { -p.x } else { p.x };
        let mut points = match &self.front {
            Some(front) => front.iter().filter_map(|&i| self.points.get(i)).collect(),
            None => self.points.iter().collect::<Vec<&FrontierPoint>>(),
        };
        points.retain(|p| usable(p.x) && usable(p.score));
        points.sort_by(|a, b| cost(a).total_cmp(&cost(b)).then(gain(b).total_cmp(&gain(a))));
        let mut kept: Vec<FrontierPoint> = vec![];
        for point in points {
            let better = kept.last().is_none_or(|last| gain(point) > gain(last));
            if better || self.front.is_some() {
                kept.push(point.clone());
            }
        }
        kept
    }

    fn usable_points(&self) -> Vec<&FrontierPoint> {
        self.points.iter().filter(|p| usable(p.x) && usable(p.score)).collect()
    }

    fn metric(&self) -> &str {
        if self.metric.is_empty() { "score" } else { &self.metric }
    }

    fn x_name(&self) -> &str {
        if self.x.is_empty() { "cost" } else { &self.x }
    }

    /// The name of the axis, which also says which way is better if that is not to be expected.
    fn axis(&self) -> String {
        let better = if self.maximise_x { " (higher is better)" } else { "" };
        format!("{}{better}", self.x_name())
    }

    /// The costliest of some costs.
    fn costliest(&self, costs: impl Iterator<Item = f64>) -> f64 {
        match self.maximise_x {
            true => costs.fold(f64::INFINITY, f64::min),
            false => costs.fold(f64::NEG_INFINITY, f64::max),
        }
    }

    fn title(&self) -> String {
        format!("{} against {}", capital(self.metric()), self.x_name())
    }

    fn why_empty(&self) -> &'static str {
        match self.points.is_empty() {
            true => "no trial has finished",
            false => "no trial has a score and a cost",
        }
    }
}

/// Whether values span enough for a logarithmic axis.
pub(super) fn spans(values: &[f64]) -> bool {
    let (least, most) = range(values);
    least > 0.0 && most / least > 8.0
}

/// The axis of costs, with a margin on both sides.
pub(super) fn cost_scale(costs: &[f64], below: f64, above: f64) -> Scale {
    if spans(costs) {
        let logs: Vec<f64> = costs.iter().map(|x| x.log10()).collect();
        let (lo, hi) = padded(&logs, below, above);
        return Scale::log(10f64.powf(lo), 10f64.powf(hi).min(f64::MAX), 6);
    }
    let (lo, hi) = padded(costs, below, above);
    let positive = costs.iter().all(|x| *x >= 0.0);
    Scale::linear(if positive { lo.max(0.0) } else { lo }, hi, 6, false)
}

/// The geometry of the chart.
struct Plan<'a> {
    points: Vec<&'a FrontierPoint>,
    front: Vec<FrontierPoint>,
    /// The frontier as a line of steps.
    steps: Vec<(f64, f64)>,
    /// The networks that are not on the frontier.
    beaten: Vec<(f64, f64)>,
    /// Those that were chosen.
    best: Vec<&'a FrontierPoint>,
    x: Scale,
    y: Scale,
}

/// A box that labels keep clear of: left, top, right, bottom.
pub(super) type Area = (f64, f64, f64, f64);

pub(super) fn around((x, y): (f64, f64), r: f64) -> Area {
    (x - r, y - r, x + r, y + r)
}

/// The first of the places for a label that lies inside and overlaps nothing: neither what is taken
/// nor, if possible, the crowd.
pub(super) fn free(
    places: &[Area; 8],
    inside: Area,
    taken: &[Area],
    crowd: &[Area],
) -> Option<Area> {
    let overlap = |a: &Area, b: &Area| a.0 < b.2 && b.0 < a.2 && a.1 < b.3 && b.1 < a.3;
    let fits = |a: &&Area, crowd: &[Area]| {
        let within = a.0 >= inside.0 && a.1 >= inside.1 && a.2 <= inside.2 && a.3 <= inside.3;
        within && !taken.iter().chain(crowd).any(|t| overlap(a, t))
    };
    places.iter().find(|a| fits(a, crowd)).or(places.iter().find(|a| fits(a, &[]))).copied()
}

impl Frontier {
    fn plan(&self) -> Option<Plan<'_>> {
        let points = self.usable_points();
        let front = self.frontier();
        // A frontier of more than two quantities is not a line here.
        let line = front.iter().filter(|_| self.front.is_none());
        let steps = steps(line.map(|p| (p.x, p.score)));
        // The score rises with the cost along the frontier, so its points are found by bisection.
        let on_front = |p: &FrontierPoint| {
            let from = front.partition_point(|f| f.x < p.x);
            front[from..].iter().take_while(|f| f.x == p.x).any(|f| f.score == p.score)
        };
        let beaten = points.iter().filter(|p| !on_front(p)).map(|p| (p.x, p.score)).collect();
        let best = points.iter().filter(|p| p.best).take(8).copied().collect();
        let costs: Vec<f64> = points.iter().map(|p| p.x).collect();
        let (x, y) = (cost_scale(&costs, 0.06, 0.08), self.y_scale(&points, &front)?);
        Some(Plan { points, front, steps, beaten, best, x, y })
    }

    fn y_scale(&self, points: &[&FrontierPoint], front: &[FrontierPoint]) -> Option<Scale> {
        front.first()?;
        let mut shown = zoomed(points.iter().map(|p| p.score).collect(), self.maximise, 6.0);
        shown.extend(front.iter().map(|p| p.score));
        let (lo, hi) = padded(&shown, 0.1, 0.14);
        Some(Scale::linear(lo, hi, 5, false))
    }

    /// Names where there is room: the chosen ones first, then the frontier from its better end.
    fn names(&self, frame: &mut Frame, plan: &Plan) {
        let marks = plan.front.iter().chain(plan.best.iter().copied());
        let mut taken: Vec<Area> = marks.map(|p| around(frame.at(p.x, p.score), 5.0)).collect();
        for pair in plan.steps.windows(2) {
            let (a, b) = (frame.at(pair[0].0, pair[0].1), frame.at(pair[1].0, pair[1].1));
            taken.push((a.0.min(b.0), a.1.min(b.1), a.0.max(b.0) + 0.1, a.1.max(b.1) + 0.1));
        }
        let crowd: Vec<Area> =
            plan.beaten.iter().map(|&(x, v)| around(frame.at(x, v), 3.0)).collect();
        let on_front = plan.front.iter().rev().filter(|p| !p.best && plan.front.len() <= 15);
        for p in plan.best.iter().copied().chain(on_front) {
            let font = match p.best {
                true => Font::TEXT.bold().size(11.5).fill(INK),
                false => Font::NOTE.size(10.5),
            };
            let name = elide(short(&p.name), font, 130.0);
            let text = if p.best { format!("{name}  {}", score(p.score)) } else { name };
            let areas = self.places(frame.at(p.x, p.score), width(&text, font), font.size);
            let inside = (frame.left + 2.0, frame.top - 4.0, WIDTH - 12.0, frame.bottom - 1.0);
            let Some(area) = free(&areas, inside, &taken, &crowd) else { continue };
            taken.push((area.0 - 4.0, area.1, area.2 + 4.0, area.3));
            let room = area.2 - area.0 + 1.0;
            frame.svg.halo((area.0, area.3 - 2.0), &text, font, Anchor::Start, room);
        }
    }

    /// Where the name of a point may be written, the best places first: those on the empty side of
    /// the line.
    fn places(&self, (x, y): (f64, f64), w: f64, h: f64) -> [Area; 8] {
        let (over, under) = (-9.0, 9.0 + h);
        let (clear, back) = if self.maximise { (over, under) } else { (under, over) };
        let level = h / 2.0 - 1.0;
        [
            (x - w - 5.0, clear),
            (x - w / 2.0, clear),
            (x + 5.0, back),
            (x + 5.0, clear),
            (x - w / 2.0, back),
            (x + 9.0, level),
            (x - w - 9.0, level),
            (x - w - 5.0, back),
        ]
        .map(|(left, dy)| (left, y + dy - h, left + w, y + dy + 2.0))
    }

    /// What each point says when hovered over.
    fn tooltips(&self, frame: &mut Frame, plan: &Plan) {
        for p in &plan.points {
            if frame.shows(p.score) {
                let cost = format!("{} {}", human_count(p.x), self.x_name());
                let says = format!("{}: {} {}, {cost}", p.name, self.metric(), score(p.score));
                let at = frame.at(p.x, p.score);
                frame.svg.hover(at, 6.0, &says);
            }
        }
    }

    fn note(&self, plan: &Plan) -> String {
        let (front, all) = (plan.front.len(), plan.points.len());
        let note = format!("{}  ·  {front} of {all} on the frontier", direction(self.maximise));
        let seen = |p: &&&FrontierPoint| (0.0..=1.0).contains(&plan.y.unit(p.score));
        let hidden = plan.points.iter().filter(|p| !seen(p)).map(|p| p.score).collect::<Vec<_>>();
        let hidden = off_scale(&hidden, self.maximise, true);
        remarks(&[&note, &hidden, binned(plan.beaten.len())])
    }

    fn describe(&self, plan: &Plan) -> String {
        let say = |p: &FrontierPoint| format!("{} at {}", score(p.score), human_count(p.x));
        let said: Vec<String> = plan.front.iter().take(12).map(say).collect();
        let count = plural(plan.points.len(), "network");
        let said = said.join(", ");
        format!("{} ({}): {count}. Frontier: {said}", self.title(), direction(self.maximise))
    }
}

impl Draw for Frontier {
    fn svg(&self) -> String {
        let Some(plan) = self.plan() else { return nothing(&self.title(), self.why_empty()) };
        let around = Around::new(self.title(), self.note(&plan), vec![], &self.axis());
        let mut frame = Frame::new(around, plan.x.clone(), plan.y.clone());

        let alpha = if plan.beaten.len() > 400 { 0.35 } else { 0.55 };
        frame.layer("", |pen| pen.dots(&plan.beaten, 2.8, FAINT, alpha));
        // Those beyond the view, once in each place that can be told apart.
        let far = plan.beaten.iter().filter(|p| !(0.0..=1.0).contains(&frame.y.unit(p.1)));
        let columns: BTreeSet<i32> = far.map(|p| (frame.at(p.0, 0.0).0 / 2.0) as i32).collect();
        let edge = if self.maximise { frame.bottom - 6.0 } else { frame.top + 6.0 };
        for column in columns {
            beyond(&mut frame.svg, (f64::from(column) * 2.0, edge), !self.maximise, FAINT);
        }
        // The last point of the frontier holds for everything costlier.
        let largest = self.costliest(plan.points.iter().map(|p| p.x));
        frame.layer(r#"stroke-dasharray="8 10""#, |pen| {
            if let Some(&(x, value)) = plan.steps.last() {
                pen.line(&[(x, value), (largest, value)], colour(0), 0.6, 1.4);
            }
        });
        let marks: Vec<(f64, f64)> = plan.front.iter().map(|p| (p.x, p.score)).collect();
        frame.layer(r#"stroke-linejoin="round""#, |pen| {
            pen.line(&plan.steps, colour(0), 0.75, 1.6);
            pen.dots(&marks, 3.8, colour(0), 1.0);
            plan.best.iter().for_each(|p| pen.ring((p.x, p.score), 5.4, colour(1)));
        });
        self.names(&mut frame, &plan);
        if plan.points.len() <= 300 {
            self.tooltips(&mut frame, &plan);
        }
        frame.finish(&self.title(), &self.describe(&plan))
    }

    fn plain(&self) -> String {
        let title = fit(&format!("{} ({})", self.title(), direction(self.maximise)), COLUMNS);
        let points = self.usable_points();
        if points.is_empty() {
            return format!("{title}\nnothing to draw yet: {}\n", self.why_empty());
        }
        let front = self.frontier();
        let costs: Vec<f64> = points.iter().map(|p| p.x).collect();
        let log = spans(&costs);
        let place = |x: f64| if log { x.log10() } else { x };
        let xs: Vec<f64> = costs.into_iter().map(place).collect();
        let mut ys = zoomed(points.iter().map(|p| p.score).collect(), self.maximise, 6.0);
        ys.extend(front.iter().map(|p| p.score));
        let ((left, right), (lo, hi)) = (padded(&xs, 0.0, 0.0), padded(&ys, 0.0, 0.0));
        let mut canvas = Canvas::new(64, 12);
        let unit =
            |p: &FrontierPoint| ((place(p.x) - left) / (right - left), (p.score - lo) / (hi - lo));
        points.iter().for_each(|p| canvas.put(canvas.cell(unit(p)), '·', false));
        front.iter().for_each(|p| canvas.put(canvas.cell(unit(p)), '●', true));
        let best = points.iter().filter(|p| p.best);
        best.for_each(|p| canvas.put(canvas.cell(unit(p)), '◆', true));
        let back = |x: f64| human_count(if log { 10f64.powf(x) } else { x });
        let name = format!("{}{}", self.axis(), if log { " (logarithmic)" } else { "" });
        let plot = canvas.render((&score(lo), &score(hi)), (&back(left), &back(right)), &name, &[]);
        let columns = ["frontier".to_string(), self.x_name().into(), self.metric().into()];
        let row = |p: &FrontierPoint| {
            let name = format!("{} {}", if p.best { '◆' } else { '●' }, fit(&p.name, 40));
            vec![name, human_count(p.x), score(p.score)]
        };
        let rows: Vec<Vec<String>> = front.iter().rev().take(8).map(row).collect();
        let more =
            if front.len() > 8 { format!("and {} more\n", front.len() - 8) } else { String::new() };
        format!("{title}\n{plot}\n{}{more}", table(&columns, &rows))
    }
}

/// Twenty networks on the digits.
pub(super) fn example() -> Frontier {
    let costs = [
        2_890.0, 4_120.0, 5_218.0, 9_802.0, 7_450.0, 12_004.0, 14_330.0, 22_010.0, 18_211.0,
        25_602.0, 30_114.0, 33_802.0, 61_002.0, 48_226.0, 70_410.0, 88_112.0, 120_400.0, 143_010.0,
        190_330.0, 310_000.0,
    ];
    let scores = [
        0.9047, 0.9312, 0.9523, 0.9401, 0.9648, 0.9583, 0.9702, 0.9655, 0.9390, 0.9731, 0.9588,
        0.9764, 0.9702, 0.9801, 0.9689, 0.9822, 0.9745, 0.9822, 0.9871, 0.9850,
    ];
    let point = |(i, (x, score)): (usize, (f64, f64))| FrontierPoint {
        name: format!("trial {}", i + 1),
        x,
        score,
        best: i == 18,
    };
    Frontier {
        x: "parameters".into(),
        metric: "accuracy".into(),
        maximise: true,
        points: costs.into_iter().zip(scores).enumerate().map(point).collect(),
        ..Frontier::default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn of(points: &[(f64, f64)], maximise: bool) -> Frontier {
        let point = |(i, &(x, score)): (usize, &(f64, f64))| FrontierPoint {
            name: i.to_string(),
            x,
            score,
            best: false,
        };
        Frontier { maximise, points: points.iter().enumerate().map(point).collect(), ..example() }
    }

    fn names(chart: &Frontier) -> Vec<String> {
        chart.frontier().into_iter().map(|p| p.name).collect()
    }

    #[test]
    fn the_frontier_agrees_with_its_definition() {
        // Small whole numbers, for many ties.
        let points: Vec<(f64, f64)> =
            (0..60).map(|i| (f64::from(i * 37 % 11), f64::from(i * 53 % 7))).collect();
        for maximise in [true, false] {
            let chart = of(&points, maximise);
            let gain = |s: f64| if maximise { s } else { -s };
            let beaten = |p: &FrontierPoint| {
                chart.points.iter().any(|q| {
                    let (g, h) = (gain(q.score), gain(p.score));
                    q.x <= p.x && g >= h && (q.x < p.x || g > h)
                })
            };
            let first = |i: usize, p: &FrontierPoint| {
                !chart.points[..i].iter().any(|q| (q.x, q.score) == (p.x, p.score))
            };
            let front = chart.points.iter().enumerate();
            let front = front.filter(|&(i, p)| !beaten(p) && first(i, p));
            let mut expected: Vec<String> = front.map(|(_, p)| p.name.clone()).collect();
            let mut got = names(&chart);
            expected.sort();
            got.sort();
            assert_eq!(got, expected);
        }
    }

    #[test]
    fn ties_and_directions() {
        let points = [(1.0, 0.5), (1.0, 0.5), (2.0, 0.5), (2.0, 0.7), (2.0, f64::NAN), (3.0, 0.1)];
        assert_eq!(names(&of(&points, true)), ["0", "3"]);
        assert_eq!(names(&of(&points, false)), ["0", "5"]);
        // Like a speed: the fastest first, and slower only for a better score.
        let speed = |maximise| Frontier { maximise_x: true, ..of(&points, maximise) };
        assert_eq!(names(&speed(true)), ["5", "3"]);
        assert_eq!(names(&speed(false)), ["5"]);
        // Of three figures: what was given, from the cheapest on.
        let given = Frontier { front: Some(vec![5, 0, 2]), ..of(&points, true) };
        assert_eq!(names(&given), ["0", "2", "5"]);
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let many: Vec<(f64, f64)> = (0..3000)
            .map(|i| (f64::from(i * 7919 % 997) + 1.0, f64::from(i * 31 % 1009)))
            .collect();
        let mut named = example();
        named
            .points
            .iter_mut()
            .for_each(|p| (p.name, p.best) = ("long & <name> ".repeat(20), true));
        let cases = [
            Frontier::default(),
            of(&[(f64::NAN, 1.0)], true),
            of(&[(1.0, 1.0)], true),
            of(&[(0.0, 0.0); 5], false),
            of(&[(-1.0, 1.0), (1e6, 2.0), (0.0, f64::INFINITY)], true),
            of(&[(1e-300, 1.0), (1e99, 2.0)], true),
            of(&[(5.0, 1.0), (1e99, -1e99)], true),
            of(&many, true),
            of(&many, false),
            Frontier { maximise_x: true, ..of(&many, true) },
            Frontier { front: Some((0..40).collect()), ..of(&many, true) },
            Frontier { front: Some(vec![9]), ..of(&[(1.0, 1.0)], true) },
            named,
        ];
        cases.iter().for_each(check::chart);
    }
}
