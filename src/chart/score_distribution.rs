//! How the scores of all trials are distributed: for every score the share of trials that are no higher, one curve per
//! search. The running best tells how good the luckiest trial was; this tells whether a search, or a space, is good as a
//! whole (Radosavovic et al., "On network design spaces for visual recognition", arXiv 1905.13214, compare
//! spaces by it; `plot_edf` of Optuna draws the same).
//!
//! ```text
//! F(s) = (number of trials with score <= s) / (number of trials with a score)
//! ```

use super::Draw;
use super::lines::{BRIGHT, End, LABEL, Name, dashes, dimmed, framed, names, path, remarks};
use super::plain::{COLUMNS, cell, fit, heading, len, spark};
use super::plot::{Frame, Scale, off_scale, padded, zoomed};
use super::svg::{Anchor, nothing};
use super::theme::{CARD, MUTED, width};
use crate::words::{capital, plural, score, thousands, usable};
use serde::{Deserialize, Serialize};

/// The scores of all trials of one search or several.
///
/// ```
/// use nascent::chart::{Chart, ScoreDistribution, ScoreSeries};
/// let series = |name: &str, scores: &[f64]| ScoreSeries { name: name.into(), scores: scores.to_vec() };
/// let chart = Chart::new(ScoreDistribution {
///     metric: "accuracy".into(),
///     maximise: true,
///     series: vec![series("random", &[0.5, 0.6, 0.9]), series("evolution", &[0.8, 0.85, 0.9])],
///     ..ScoreDistribution::default()
/// });
/// assert!(chart.plain().contains("0.8500"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScoreDistribution {
    /// The name of the score.
    pub metric: String,
    /// Whether a higher score is better.
    pub maximise: bool,
    /// Which trials these are.
    pub shown: String,
    /// The searches.
    pub series: Vec<ScoreSeries>,
}

/// One search of a [`ScoreDistribution`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScoreSeries {
    /// The name of the search or strategy.
    pub name: String,
    /// The scores of its trials, in any order.
    pub scores: Vec<f64>,
}

/// A search as it is drawn.
struct Track<'a> {
    index: usize,
    name: &'a str,
    sorted: Vec<f64>,
}

impl Track<'_> {
    /// F(s).
    fn share(&self, s: f64) -> f64 {
        self.sorted.partition_point(|v| *v <= s) as f64 / self.sorted.len() as f64
    }

    /// The least score with F(s) >= q.
    fn quantile(&self, q: f64) -> f64 {
        let n = self.sorted.len();
        let place = (q * n as f64 - 1e-9).ceil().max(1.0) as usize;
        self.sorted.get(place - 1).copied().unwrap_or(f64::NAN)
    }

    /// The corners of the curve from `start` to `end`.
    fn steps(&self, start: f64, end: f64) -> Vec<(f64, f64)> {
        let n = self.sorted.len() as f64;
        let mut line = vec![(start.min(self.sorted[0]), 0.0)];
        let mut done = 0.0;
        for equals in self.sorted.chunk_by(|a, b| a == b) {
            line.push((equals[0], done / n));
            done += equals.len() as f64;
            line.push((equals[0], done / n));
        }
        line.push((end.max(line[line.len() - 1].0), 1.0));
        line
    }

    fn says(&self) -> String {
        format!(
            "{}: half of {} trials up to {}, a tenth up to {}, nine tenths up to {}",
            self.name,
            thousands(self.sorted.len() as u128),
            score(self.quantile(0.5)),
            score(self.quantile(0.1)),
            score(self.quantile(0.9))
        )
    }
}

impl ScoreDistribution {
    fn tracks(&self) -> Vec<Track<'_>> {
        let track = |(index, s): (usize, &'_ ScoreSeries)| {
            let mut sorted: Vec<f64> = s.scores.iter().copied().filter(|v| usable(*v)).collect();
            sorted.sort_by(f64::total_cmp);
            (index, sorted)
        };
        let all = self.series.iter().enumerate().map(track).filter(|t| !t.1.is_empty());
        all.map(|(index, sorted)| Track { index, name: &self.series[index].name, sorted }).collect()
    }

    fn metric(&self) -> &str {
        if self.metric.is_empty() { "score" } else { &self.metric }
    }

    fn title(&self) -> String {
        format!("How many trials reach which {}", self.metric())
    }

    /// The axis: the middle of every search, and what is not far off.
    fn scale(&self, tracks: &[Track]) -> Scale {
        let all: Vec<f64> = tracks.iter().flat_map(|t| &t.sorted).copied().collect();
        let mut view = zoomed(all, self.maximise, 5.0);
        view.extend(tracks.iter().flat_map(|t| [t.quantile(0.25), t.quantile(0.75)]));
        let (lo, hi) = padded(&view, 0.03, 0.03);
        Scale::linear(lo, hi, 6, false)
    }

    fn note(&self, tracks: &[Track], x: &Scale, dim: &[bool]) -> String {
        let better = match self.maximise {
            true => "further right is better",
            false => "further left is better",
        };
        let far = |v: &f64| !(0.0..=1.0).contains(&x.unit(*v));
        let hidden: Vec<f64> = tracks.iter().flat_map(|t| &t.sorted).copied().filter(far).collect();
        let counts = match tracks {
            [one] => trials(one.sorted.len()),
            _ => String::new(),
        };
        let bright = match dim.contains(&true) {
            true => format!("the {BRIGHT} with the best medians in colour"),
            false => String::new(),
        };
        let beyond = off_scale(&hidden, self.maximise, false);
        remarks(&[&self.shown, &counts, better, &bright, &beyond])
    }

    /// Where the name of each curve begins: at a height of its own, the lowest for the curve furthest to the right, so that
    /// few lines to names cross another curve.
    fn ends(tracks: &[Track], texts: &[Name]) -> Vec<End> {
        let mut order: Vec<usize> = (0..tracks.len()).collect();
        order.sort_by(|&a, &b| tracks[b].quantile(0.5).total_cmp(&tracks[a].quantile(0.5)));
        let share = |place: usize| 0.1 + 0.8 * (place as f64 + 0.5) / tracks.len() as f64;
        let end = |(place, &i): (usize, &usize)| End {
            name: texts[i].clone(),
            at: (tracks[i].quantile(share(place)), share(place)),
        };
        order.iter().enumerate().map(end).collect()
    }
}

fn trials(n: usize) -> String {
    if n < 1000 { plural(n, "trial") } else { format!("{} trials", thousands(n as u128)) }
}

impl Draw for ScoreDistribution {
    fn svg(&self) -> String {
        let tracks = self.tracks();
        if tracks.is_empty() {
            return nothing(&self.title(), "no trial has a score");
        }
        let x = self.scale(&tracks);
        let (start, end) = x.ends();
        let mut y = Scale::linear(0.0, 1.03, 4, false);
        y.ticks = (0..=4).map(|i| (f64::from(i) / 4.0, format!("{} %", i * 25))).collect();
        let sign = if self.maximise { 1.0 } else { -1.0 };
        let dim = dimmed(&tracks.iter().map(|t| sign * t.quantile(0.5)).collect::<Vec<_>>());
        let named = |(t, &dim): (&Track, &bool)| Name { index: t.index, text: t.name.into(), dim };
        let texts: Vec<Name> = tracks.iter().zip(&dim).map(named).collect();
        let note = self.note(&tracks, &x, &dim);
        let named = if tracks.len() > 1 { &texts[..] } else { &[] };
        let heading = (self.title(), note, self.metric().to_string());
        let (mut picture, at_ends) = framed(heading, named, x, y);
        // Half of the trials.
        let half = path(&[picture.at(start, 0.5), picture.at(end, 0.5)]);
        picture.svg.path(&half, MUTED, 0.8, r#"stroke-dasharray="2 3""#);
        let both = || tracks.iter().zip(&texts);
        for (track, name) in both().filter(|(_, n)| n.dim).chain(both().filter(|(_, n)| !n.dim)) {
            let corners = track.steps(start, end);
            let points: Vec<_> = corners.into_iter().map(|p| picture.at(p.0, p.1)).collect();
            let (d, says) = (path(&points), track.says());
            picture.inside(|svg| {
                if !name.dim {
                    svg.path(&d, CARD, 3.2, r#"opacity="0.6""#);
                }
                svg.path(&d, name.colour(), name.stroke(), &dashes(name.index));
            });
            let rough: Vec<_> = (1..=9)
                .map(|k| f64::from(k) / 10.0)
                .map(|q| picture.at(track.quantile(q), q))
                .collect();
            picture.inside(|svg| svg.tip_line(&path(&rough), &says));
        }
        if let [one] = &tracks[..] {
            self.median(&mut picture, one);
        }
        if at_ends && tracks.len() > 1 {
            names(&mut picture, &Self::ends(&tracks, &texts));
        }
        let said: Vec<String> = tracks.iter().take(20).map(Track::says).collect();
        picture.finish(&self.title(), &format!("{}. {}", self.title(), said.join("; ")))
    }

    fn plain(&self) -> String {
        let title = fit(&self.title(), COLUMNS);
        let tracks = self.tracks();
        if tracks.is_empty() {
            return format!("{title}\nnothing to draw yet: no trial has a score\n");
        }
        let x = self.scale(&tracks);
        let (start, end) = x.ends();
        let name = tracks.iter().map(|t| len(t.name)).max().unwrap_or(0).min(24);
        let (room, mut out) = (26, heading(&title, &self.shown));
        for track in &tracks {
            let at = |i: usize| start + (end - start) * (i as f64 / (room - 1) as f64);
            let shares: Vec<f64> = (0..room).map(|i| track.share(at(i))).collect();
            let line = spark(&shares, (0.0, 1.0), room);
            let (half, n) = (score(track.quantile(0.5)), trials(track.sorted.len()));
            let row = format!("  {} {line} half up to {half}, {n}", cell(track.name, name));
            out += &(fit(&row, COLUMNS) + "\n");
        }
        let range = format!("{} {} to {}", self.metric(), score(start), score(end));
        out + &fit(&format!("  {range}, blocks from 0 to 100 % of the trials"), COLUMNS) + "\n"
    }
}

impl ScoreDistribution {
    /// The median of the only search, in the picture.
    fn median(&self, frame: &mut Frame, track: &Track) {
        let value = track.quantile(0.5);
        let (x, y) = frame.at(value, 0.5);
        if !(frame.left..=frame.right).contains(&x) {
            return;
        }
        frame.layer("", |pen| pen.ring((value, 0.5), 4.6, super::theme::colour(1)));
        let text = format!("half up to {}", score(value));
        let font = LABEL.bold().size(11.0);
        let w = width(&text, font);
        let left = if x - w - 12.0 > frame.left { x - w - 9.0 } else { x + 9.0 };
        let base = if left < x { y - 6.0 } else { y + 14.0 };
        if left + w < frame.right {
            frame.svg.halo((left, base), &text, font, Anchor::Start, w + 1.0);
        }
        frame.svg.hover((x, y), 6.0, &capital(&track.says()));
    }
}

/// Three made-up strategies.
pub(super) fn example() -> ScoreDistribution {
    let mut rng = crate::rng::Rng::from_u64(13);
    let series = ["random", "regularized evolution", "TPE"].iter().enumerate().map(|(i, name)| {
        let (gap, wide) = [(3.4, 0.7), (1.1, 0.8), (1.9, 0.6)][i];
        let scores = (0..400).map(|_| 94.4 - gap * (wide * rng.normal()).exp()).collect();
        ScoreSeries { name: (*name).into(), scores }
    });
    ScoreDistribution {
        metric: "accuracy (%)".into(),
        maximise: true,
        shown: "all finished trials of 4 seeds".into(),
        series: series.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn of(series: Vec<Vec<f64>>) -> ScoreDistribution {
        let one = |(i, scores)| ScoreSeries { name: format!("search {i}"), scores };
        ScoreDistribution { series: series.into_iter().enumerate().map(one).collect(), ..example() }
    }

    #[test]
    fn the_curve_is_the_empirical_distribution() {
        let chart = of(vec![vec![3.0, 1.0, 1.0, 2.0, f64::NAN]]);
        let track = &chart.tracks()[0];
        // scipy.stats.ecdf([3, 1, 1, 2]).cdf: 0.5 at 1, 0.75 at 2, 1 at 3.
        assert_eq!([0.9, 1.0, 2.5, 3.0].map(|s| track.share(s)), [0.0, 0.5, 0.75, 1.0]);
        assert_eq!(
            [0.1, 0.5, 0.51, 0.75, 1.0].map(|q| track.quantile(q)),
            [1.0, 1.0, 2.0, 2.0, 3.0]
        );
        assert_eq!(
            track.steps(0.0, 4.0),
            [
                (0.0, 0.0),
                (1.0, 0.0),
                (1.0, 0.5),
                (2.0, 0.5),
                (2.0, 0.75),
                (3.0, 0.75),
                (3.0, 1.0),
                (4.0, 1.0)
            ]
        );
    }

    #[test]
    fn names_begin_at_their_curves_the_best_lowest() {
        let chart = of(vec![vec![1.0, 2.0, 3.0], vec![11.0, 12.0, 13.0], vec![4.0, 5.0, 6.0]]);
        let tracks = chart.tracks();
        let name = |t: &Track| Name { index: t.index, text: t.name.into(), dim: false };
        let ends = ScoreDistribution::ends(&tracks, &tracks.iter().map(name).collect::<Vec<_>>());
        let found: Vec<(usize, f64)> = ends.iter().map(|e| (e.name.index, e.at.0)).collect();
        assert_eq!(found, [(1, 11.0), (2, 5.0), (0, 3.0)]);
        assert!(example().svg().contains(">regularized evolution</text>"));
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let long = "a very long name of a strategy & ".repeat(9);
        let mut named = example();
        named.series.iter_mut().for_each(|s| s.name.clone_from(&long));
        let many: Vec<f64> = (0..100_000).map(|i| f64::from(i * 7919 % 99_991)).collect();
        let cases = [
            ScoreDistribution::default(),
            of(vec![]),
            of(vec![vec![]]),
            of(vec![vec![f64::NAN, f64::INFINITY]]),
            of(vec![vec![0.5]]),
            of(vec![vec![0.5; 100], vec![0.5]]),
            of(vec![vec![f64::MAX, f64::MIN], vec![5e-324, 0.0]]),
            of(vec![vec![1e300, -1e300, 0.0]; 3]),
            of((0..14).map(|i| (0..50).map(|k| f64::from(i + k * k % 31)).collect()).collect()),
            of(vec![many]),
            ScoreDistribution { maximise: false, metric: long.clone(), shown: long, ..named },
        ];
        cases.iter().for_each(check::chart);
        assert!(cases[9].svg().len() < 200_000, "{}", cases[9].svg().len());
    }
}
