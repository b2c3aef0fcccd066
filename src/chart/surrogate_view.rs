//! What a surrogate predicts and what an acquisition function makes of it. Candidates are in the
//! order of their predicted mean, the best on the left, with bands of one and two standard
//! deviations; below, the value that decides which is tried next. Where the highest bar is not at
//! the left, uncertainty has outweighed the prediction.

use super::Draw;
use super::lines::LABEL;
use super::plain::{COLUMNS, fit, table};
use super::plot::{AXIS, Around, Frame, Key, Sample, Scale, padded, x_axis};
use super::svg::{Anchor, n, nothing};
use super::theme::{CARD, GRID, INK, MUTED, colour};
use crate::words::{direction, plural, score, usable};
use serde::{Deserialize, Serialize};

/// The candidates that a surrogate has rated.
///
/// ```
/// use nascent::chart::{Candidate, Chart, SurrogateView};
/// let candidate = |name: &str, mean, sd, acquisition| Candidate {
///     name: name.into(),
///     mean,
///     sd,
///     acquisition,
///     ..Candidate::default()
/// };
/// let chart = Chart::new(SurrogateView {
///     metric: "accuracy".into(),
///     maximise: true,
///     acquisition: "upper confidence bound".into(),
///     candidates: vec![candidate("a", 0.95, 0.01, 0.96), candidate("b", 0.94, 0.04, 0.98)],
///     chosen: Some(1),
/// });
/// assert!(chart.svg().contains("chosen: b"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SurrogateView {
    /// The name of the score that is predicted.
    pub metric: String,
    /// Whether higher is better.
    pub maximise: bool,
    /// The name of the acquisition function: `expected improvement`.
    pub acquisition: String,
    /// The candidates, in any order.
    pub candidates: Vec<Candidate>,
    /// The place in `candidates` of the one that is tried next.
    pub chosen: Option<usize>,
}

/// A candidate of a [`SurrogateView`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its name or text form.
    pub name: String,
    /// The predicted mean.
    pub mean: f64,
    /// The predicted standard deviation.
    pub sd: f64,
    /// For a prediction that is not symmetric: the scores two and one standard deviations below the
    /// mean, and one and two above it, in this order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<[f64; 4]>,
    /// The value of the acquisition function; more is more promising. `NaN` where there is none.
    pub acquisition: f64,
    /// The true score, where it is known.
    pub truth: Option<f64>,
    /// Whether the surrogate was fitted to it.
    pub seen: bool,
}

impl Candidate {
    /// The score one or two deviations below or above the mean.
    fn end(&self, k: f64) -> f64 {
        match (self.ends, k) {
            (None, _) => self.mean + k * self.sd,
            (Some(ends), ..-1.0) => ends[0],
            (Some(ends), ..0.0) => ends[1],
            (Some(ends), ..=1.0) => ends[2],
            (Some(ends), _) => ends[3],
        }
    }

    fn truth(&self) -> Option<f64> {
        self.truth.filter(|v| usable(*v))
    }
}

/// Height of the lower panel, and the gap above it.
const LOW: f64 = 58.0;
const GAP: f64 = 26.0;

/// With more candidates, only some can be told apart.
const DRAWN: usize = 800;

/// One in so many candidates is drawn.
fn every(candidates: usize) -> usize {
    if candidates > 2 * DRAWN { candidates.div_ceil(DRAWN) } else { 1 }
}

/// Those that are drawn: rank, place in the data, candidate.
fn drawn<'a>(
    ranked: &[(usize, &'a Candidate)],
) -> impl Iterator<Item = (usize, usize, &'a Candidate)> {
    let all = ranked.iter().enumerate().step_by(every(ranked.len()));
    all.map(|(rank, (i, c))| (rank, *i, *c))
}

impl SurrogateView {
    /// The candidates, by predicted mean, the best first, with their places in the data.
    fn ranked(&self) -> Vec<(usize, &Candidate)> {
        let ordered = |c: &Candidate| {
            let (two, one) = ((c.end(-2.0), c.end(2.0)), (c.end(-1.0), c.end(1.0)));
            usable(two.0) && usable(two.1) && two.0 <= two.1 && one.0 <= one.1
        };
        let can = |c: &&Candidate| usable(c.mean) && usable(c.sd) && c.sd >= 0.0 && ordered(c);
        let mut all: Vec<_> = self.candidates.iter().enumerate().filter(|c| can(&c.1)).collect();
        all.sort_by(|a, b| a.1.mean.total_cmp(&b.1.mean));
        if self.maximise {
            all.reverse();
        }
        all
    }

    fn metric(&self) -> &str {
        if self.metric.is_empty() { "score" } else { &self.metric }
    }

    fn acquisition(&self) -> &str {
        if self.acquisition.is_empty() { "acquisition" } else { &self.acquisition }
    }

    fn title(&self) -> String {
        format!("Predicted {}", self.metric())
    }

    fn note(&self, ranked: &[(usize, &Candidate)]) -> String {
        let seen = ranked.iter().filter(|c| c.1.seen).count();
        let count = plural(ranked.len(), "candidate");
        let thin = match every(ranked.len()) {
            1 => String::new(),
            n => format!(", 1 of {n} drawn"),
        };
        format!("{}  ·  {count}, {seen} evaluated{thin}", direction(self.maximise))
    }

    fn y_scale(&self, ranked: &[(usize, &Candidate)]) -> Scale {
        let around = |k: f64| -> Vec<f64> {
            ranked.iter().flat_map(|(_, c)| [c.end(-k), c.end(k)]).collect()
        };
        let truths = ranked.iter().filter_map(|c| c.1.truth());
        let near: Vec<f64> = around(1.0).into_iter().chain(truths).collect();
        let ((lo, hi), (far_lo, far_hi)) =
            (padded(&near, 0.0, 0.0), padded(&around(2.0), 0.0, 0.0));
        // Two deviations may leave the frame if they would squeeze everything else together.
        let most = 0.4 * (hi - lo);
        let (lo, hi) = (lo.min(far_lo.max(lo - most)), hi.max(far_hi.min(hi + most)));
        let (lo, hi) = padded(&[lo, hi], 0.05, 0.05);
        Scale::linear(lo, hi, 5, false)
    }

    /// A candidate in words.
    fn says(&self, rank: usize, i: usize, c: &Candidate) -> String {
        let chosen = if self.chosen == Some(i) { ", chosen" } else { "" };
        let truth = match (c.truth(), c.seen) {
            (Some(v), true) => format!(", evaluated: {}", score(v)),
            (Some(v), false) => format!(", in truth {}", score(v)),
            (None, true) => ", evaluated".into(),
            (None, false) => String::new(),
        };
        let (mean, sd) = (score(c.mean), score(c.sd));
        let value = match usable(c.acquisition) {
            true => format!(", {} {}", self.acquisition(), score(c.acquisition)),
            false => String::new(),
        };
        format!("{rank}. {}: {mean} ± {sd}{value}{truth}{chosen}", c.name)
    }

    fn describe(&self, ranked: &[(usize, &Candidate)]) -> String {
        let said = |(rank, (i, c)): (usize, &(usize, &Candidate))| self.says(rank + 1, *i, c);
        let first: Vec<String> = ranked.iter().enumerate().take(3).map(said).collect();
        let chosen = ranked.iter().position(|c| self.chosen == Some(c.0));
        let chosen =
            chosen.map_or(String::new(), |at| format!(" Chosen: {}", said((at, &ranked[at]))));
        let (title, note, first) = (self.title(), self.note(ranked), first.join("; "));
        format!("{title} ({note}). The first: {first}.{chosen}")
    }

    fn legend(&self, ranked: &[(usize, &Candidate)]) -> Vec<Key> {
        let known = |seen: bool| ranked.iter().any(|c| c.1.seen == seen && c.1.truth().is_some());
        let chosen = ranked.iter().any(|c| self.chosen == Some(c.0));
        let keys = [
            (true, Key::new(colour(0), Sample::Line(""), "mean")),
            (true, Key::new(colour(0), Sample::Area(0.36), "± 1 sd")),
            (true, Key::new(colour(0), Sample::Area(0.15), "± 2 sd")),
            (known(true), Key::new(INK, Sample::Dot, "evaluated")),
            (known(false), Key::new(INK, Sample::Ring, "true value")),
            (chosen, Key::new(colour(1), Sample::Area(0.9), "chosen")),
        ];
        keys.into_iter().filter(|(shown, _)| *shown).map(|(_, key)| key).collect()
    }

    /// Means, bands and true values.
    fn draw_predictions(&self, frame: &mut Frame, ranked: &[(usize, &Candidate)], wide: f64) {
        let (mut one, mut two, mut means) = (String::new(), String::new(), String::new());
        for (rank, _, c) in drawn(ranked) {
            let x = rank as f64 + 1.0;
            let bar = |k: f64| {
                let (low, high) = (frame.at(x, c.end(-k)), frame.at(x, c.end(k)));
                format!("M{} {}V{}", n(low.0), n(low.1), n(high.1))
            };
            (one, two) = (one + &bar(1.0), two + &bar(2.0));
            let at = frame.at(x, c.mean);
            let half = (wide * 0.62).max(0.8);
            means += &format!("M{} {}h{}", n(at.0 - half), n(at.1), n(2.0 * half));
        }
        frame.inside(|svg| {
            svg.path(&two, colour(0), wide, r#"stroke-opacity="0.15""#);
            svg.path(&one, colour(0), wide, r#"stroke-opacity="0.25""#);
            svg.path(&means, colour(0), 2.0, "");
        });
        let r = (wide * 0.55).clamp(1.6, 3.2);
        for (rank, _, c) in drawn(ranked) {
            let Some(truth) = c.truth().filter(|v| frame.shows(*v)) else { continue };
            let at = frame.at(rank as f64 + 1.0, truth);
            if c.seen {
                let look = format!(r#"stroke="{CARD}" stroke-width="0.8""#);
                frame.svg.dot(at, r + 0.4, INK, &look);
                continue;
            }
            let (line, alpha) = if r < 2.0 { (0.8, 0.6) } else { (1.1, 1.0) };
            let look = format!(r#"stroke="{INK}" stroke-width="{line}" stroke-opacity="{alpha}""#);
            frame.svg.dot(at, r, CARD, &look);
        }
    }

    /// The acquisition function, in the lower panel.
    fn draw_acquisition(&self, frame: &mut Frame, ranked: &[(usize, &Candidate)], wide: f64) {
        let (top, bottom) = (frame.bottom + GAP, frame.bottom + GAP + LOW);
        let (left, right) = (frame.left, frame.right);
        let mut values: Vec<f64> =
            ranked.iter().map(|c| c.1.acquisition).filter(|v| usable(*v)).collect();
        // Bars begin at zero, or at the least value where zero is far away.
        let (least, most) = padded(&values, 0.0, 0.0);
        let from_zero = least >= 0.0 && least < 0.7 * most;
        if from_zero || values.is_empty() {
            values.push(0.0);
        }
        let (lo, hi) = padded(&values, if from_zero { 0.0 } else { 0.08 }, 0.1);
        let y = Scale::linear(lo, hi, 3, false);
        let y_at = |v: f64| bottom - y.unit(v) * (bottom - top);
        for (v, label) in &y.ticks {
            frame.svg.line((left, y_at(*v)), (right, y_at(*v)), GRID, 1.0);
            let font = LABEL.fill(MUTED);
            let label = if label.len() > 5 { format!("{v:.0e}") } else { label.clone() };
            frame.svg.text((left - 7.0, y_at(*v) + 3.6), &label, font, Anchor::End, left - 12.0);
        }
        let at = |rank: usize| frame.at(rank as f64 + 1.0, 0.0).0;
        let bar = |rank: usize, v: f64| format!("M{} {}V{}", n(at(rank)), n(bottom), n(y_at(v)));
        let (mut bars, mut best) = (String::new(), String::new());
        let chosen = ranked.iter().enumerate().find(|c| self.chosen == Some(c.1.0));
        let chosen = chosen.map(|(rank, (i, c))| (rank, *i, *c));
        let all = drawn(ranked).chain(chosen);
        for (rank, i, c) in all.filter(|c| usable(c.2.acquisition)) {
            let bar = bar(rank, c.acquisition);
            if self.chosen == Some(i) { best += &bar } else { bars += &bar }
        }
        frame.svg.path(&bars, MUTED, wide * 0.8, r#"stroke-opacity="0.75""#);
        frame.svg.path(&best, colour(1), wide.max(2.5), "");
        let name = LABEL.fill(INK);
        frame.svg.text((left, top - 6.0), self.acquisition(), name, Anchor::Start, right - left);
        frame.svg.line((left, top), (left, bottom), AXIS, 1.0);
        let scale = frame.x.clone();
        x_axis(&mut frame.svg, &scale, (left, right), bottom, "candidates, by predicted mean");
        frame.height = bottom + 46.0;
    }

    /// The chosen candidate: a band through both panels, and its name.
    fn draw_chosen(&self, frame: &mut Frame, ranked: &[(usize, &Candidate)], wide: f64) {
        let Some(rank) = ranked.iter().position(|c| self.chosen == Some(c.0)) else { return };
        let x = frame.at(rank as f64 + 1.0, 0.0).0;
        let w = (wide + 3.0).max(5.0);
        let area = (x - w / 2.0, frame.top, w, frame.bottom + GAP + LOW - frame.top);
        frame.svg.rect(area, 1.5, colour(1), r#"fill-opacity="0.16""#);
    }
}

impl Draw for SurrogateView {
    fn svg(&self) -> String {
        let ranked = self.ranked();
        if ranked.is_empty() {
            return nothing(&self.title(), "no candidate has a prediction");
        }
        let count = ranked.len() as f64;
        let mut x = Scale::linear(0.4, count + 0.6, 6, true).only(1.0, count);
        if x.ticks.first().is_none_or(|t| t.0 > 1.0 + count * 0.08) {
            x.ticks.insert(0, (1.0, "1".into()));
        }
        let ticks = x.ticks.clone();
        x.ticks = vec![];
        let mut note = self.note(&ranked);
        if let Some((_, c)) = ranked.iter().find(|c| self.chosen == Some(c.0)) {
            note += &format!("\nchosen: {}", c.name.replace('\n', " "));
        }
        let around = Around::new(self.title(), note, self.legend(&ranked), "");
        let mut frame = Frame::tall(around, x, self.y_scale(&ranked), 165.0);
        frame.x.ticks = ticks;
        frame.x = frame.x.clone().thin(frame.right - frame.left);
        let wide = ((frame.right - frame.left) / (count + 0.2) * 0.72).clamp(0.4, 11.0);
        self.draw_chosen(&mut frame, &ranked, wide);
        self.draw_predictions(&mut frame, &ranked, wide);
        self.draw_acquisition(&mut frame, &ranked, wide);
        let slot = (frame.right - frame.left) / (count + 0.2);
        for (rank, (i, c)) in ranked.iter().enumerate().take(400) {
            let x = frame.at(rank as f64 + 1.0, 0.0).0;
            let high = frame.bottom + GAP + LOW - frame.top;
            let area = (x - slot / 2.0, frame.top, slot, high);
            frame.svg.tip(area, &self.says(rank + 1, *i, c));
        }
        frame.finish(&self.title(), &self.describe(&ranked))
    }

    fn plain(&self) -> String {
        let title = fit(&format!("{} ({})", self.title(), direction(self.maximise)), COLUMNS);
        let ranked = self.ranked();
        if ranked.is_empty() {
            return format!("{title}\nnothing to draw yet: no candidate has a prediction\n");
        }
        let y = self.y_scale(&ranked);
        let heads = ["", "candidate", "mean", "sd", "", "acq.", "truth"].map(String::from);
        let room = 18;
        let shown = |rank: usize, i: usize| rank < 15 || self.chosen == Some(i);
        let mut rows = vec![];
        for (rank, (i, c)) in ranked.iter().enumerate().filter(|(rank, c)| shown(*rank, c.0)) {
            let cell = |v: f64| (y.unit(v).clamp(0.0, 1.0) * (room - 1) as f64).round() as usize;
            let mut bar = vec!['\u{00b7}'; room];
            bar[cell(c.end(-2.0))..=cell(c.end(2.0))].fill('─');
            bar[cell(c.end(-1.0))..=cell(c.end(1.0))].fill('━');
            bar[cell(c.mean)] = '┃';
            if let Some(truth) = c.truth() {
                bar[cell(truth)] = if c.seen { '●' } else { '○' };
            }
            let mark = if self.chosen == Some(*i) { "→" } else { "" };
            let truth = c.truth().map_or(String::new(), score);
            let value = if usable(c.acquisition) { score(c.acquisition) } else { "–".into() };
            let (rank, bar) = (format!("{mark}{}", rank + 1), bar.into_iter().collect());
            let (mean, sd) = (score(c.mean), score(c.sd));
            rows.push(vec![rank, fit(&c.name, 17), mean, sd, bar, value, truth]);
        }
        let more = match ranked.len() - rows.len() {
            0 => String::new(),
            k => format!("and {k} more; "),
        };
        let (lo, hi) = y.ends();
        let (lo, hi) = (score(lo), score(hi));
        let bars = format!("{more}bars from {lo} to {hi}, acq.: {}", self.acquisition());
        let marks = "┃ mean, ━ 1 sd, ─ 2 sd, ● evaluated, ○ true value, → chosen";
        format!("{title}\n{}{marks}\n{}\n", table(&heads, &rows), fit(&bars, COLUMNS))
    }
}

/// Forty made-up candidates, twelve of them evaluated.
pub(super) fn example() -> SurrogateView {
    let mut rng = crate::rng::Rng::from_u64(36);
    let mut candidates: Vec<Candidate> = (0..40)
        .map(|i| {
            let seen = i % 10 < 3;
            let truth = 0.955 - 0.02 * rng.normal().abs();
            let sd = if seen { 0.001 } else { 0.002 + 0.016 * rng.uniform() * rng.uniform() };
            let mean = truth + sd * rng.normal();
            let name = format!("conv({}, {}) -> linear({})", 8 << (i % 3), 3 + 2 * (i % 2), 16 + i);
            let truth = seen.then_some(truth);
            Candidate { name, mean, sd, truth, seen, ..Candidate::default() }
        })
        .collect();
    let best = candidates.iter().filter_map(|c| c.truth).fold(0.0, f64::max);
    // Expected improvement, with the logistic curve in place of the normal distribution's.
    for c in &mut candidates {
        let z = (c.mean - best) / c.sd;
        c.acquisition = if c.seen { 0.0 } else { c.sd * (1.7 * z).exp().ln_1p() / 1.7 };
    }
    let value = |i: &usize| candidates[*i].acquisition;
    let chosen = (0..40).max_by(|a, b| value(a).total_cmp(&value(b)));
    let (metric, acquisition) = ("accuracy".into(), "expected improvement".into());
    SurrogateView { metric, maximise: true, acquisition, candidates, chosen }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn of(rows: &[(f64, f64, f64)]) -> SurrogateView {
        let row = |&(mean, sd, acquisition): &_| Candidate {
            name: "c".into(),
            mean,
            sd,
            acquisition,
            ..Candidate::default()
        };
        SurrogateView { candidates: rows.iter().map(row).collect(), chosen: Some(0), ..example() }
    }

    #[test]
    fn candidates_stand_by_predicted_mean() {
        let chart = of(&[(0.1, 0.0, 0.0), (0.3, 0.0, 0.0), (f64::NAN, 0.0, 0.0), (0.2, 0.0, 0.0)]);
        let order = |chart: &SurrogateView| chart.ranked().iter().map(|c| c.0).collect::<Vec<_>>();
        assert_eq!(order(&chart), [1, 3, 0]);
        assert_eq!(order(&SurrogateView { maximise: false, ..chart }), [0, 3, 1]);
    }

    #[test]
    fn the_chosen_candidate_is_named() {
        let chart = example();
        let name = &chart.candidates[chart.chosen.unwrap()].name;
        let svg = chart.svg();
        assert!(svg.contains(&format!("chosen: {}", super::super::theme::escape(name))), "{svg}");
        assert!(chart.plain().contains('→'));
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let long = "a very long name & ".repeat(12);
        let many: Vec<_> =
            (0..2000).map(|i| (f64::from(i * 7919 % 1000), 30.0, f64::from(i % 50))).collect();
        let mut named = example();
        named.candidates.iter_mut().for_each(|c| c.name = long.clone());
        let cases = [
            SurrogateView::default(),
            of(&[]),
            of(&[(0.0, 0.0, 0.0)]),
            of(&[(1.0, f64::NAN, 0.0), (1.0, -1.0, 0.0)]),
            of(&[(0.5, 0.1, f64::NAN), (0.6, 0.1, f64::NEG_INFINITY)]),
            of(&[(0.5, 0.1, -3.0), (0.6, 1e9, -7.0)]),
            of(&[(-1e99, 1.0, 1e99), (1e99, 1.0, -1e99)]),
            of(&many),
            SurrogateView { chosen: Some(77), maximise: false, ..example() },
            SurrogateView { metric: long.clone(), acquisition: long, ..named },
        ];
        cases.iter().for_each(check::chart);
    }
}
