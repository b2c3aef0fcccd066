//! The life of a population: each member is a line at the height of its score, from the trial in
//! which it was born to the one in which it left. The lengths of the lines show how a strategy
//! forgets: by age, or by rank.

use super::Draw;
use super::lines::{path, thinned};
use super::plain::{COLUMNS, fit, spark};
use super::plot::{Around, Frame, Key, Sample, Scale, padded, spots, steps, zoomed};
use super::svg::{n, nothing};
use super::theme::{CARD, INK, colour};
use crate::words::{capital, direction, human_count, plural, score, usable};
use serde::{Deserialize, Serialize};

/// The members of a population and when each was alive.
///
/// ```
/// use nascent::chart::{Chart, Member, Population};
/// let member = |score, born, died| Member { name: String::new(), score, born, died };
/// let chart = Chart::new(Population {
///     metric: "accuracy".into(),
///     maximise: true,
///     members: vec![member(0.90, 1.0, Some(3.0)), member(0.92, 2.0, None)],
///     ..Population::default()
/// });
/// assert!(chart.plain().contains("2 births, 1 death"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Population {
    /// What the horizontal axis counts: `trials`.
    pub x: String,
    /// The name of the score.
    pub metric: String,
    /// Whether higher is better.
    pub maximise: bool,
    /// The members, in any order.
    pub members: Vec<Member>,
    /// Where the search ended. `None`: at the last birth or death.
    pub end: Option<f64>,
}

/// A member of a [`Population`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Its name, such as `trial 12`; may be empty.
    pub name: String,
    /// Its score.
    pub score: f64,
    /// When it entered the population.
    pub born: f64,
    /// When it left; `None` if it is alive at the end.
    pub died: Option<f64>,
}

/// A life as it is drawn.
struct Life<'a> {
    name: &'a str,
    score: f64,
    born: f64,
    /// When it left, or the end of the search.
    until: f64,
    dead: bool,
}

/// The population at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Moment {
    x: f64,
    size: usize,
    best: f64,
    mean: f64,
}

/// The most moments at which the mean and the best are computed.
const MOMENTS: usize = 400;

impl Population {
    fn lives(&self) -> Vec<Life<'_>> {
        let can = |m: &&Member| usable(m.score) && usable(m.born);
        let died = |m: &Member| m.died.filter(|d| usable(*d) && *d >= m.born);
        let times = self.members.iter().filter(can).flat_map(|m| [Some(m.born), died(m)]);
        let last = times.flatten().chain(self.end.filter(|e| usable(*e)));
        let end = last.fold(f64::NEG_INFINITY, f64::max);
        let lives = self.members.iter().filter(can).map(|m| Life {
            name: &m.name,
            score: m.score,
            born: m.born,
            until: died(m).unwrap_or(end),
            dead: died(m).is_some(),
        });
        lives.collect()
    }

    /// Size, best and mean at the times when they may change.
    fn moments(&self, lives: &[Life]) -> Vec<Moment> {
        let mut times: Vec<f64> = lives.iter().flat_map(|l| [l.born, l.until]).collect();
        times.sort_by(f64::total_cmp);
        times.dedup();
        let every = times.len().div_ceil(MOMENTS).max(1);
        let last = times.last().copied();
        let mut shown: Vec<f64> = times.into_iter().step_by(every).collect();
        if shown.last() != last.as_ref() {
            shown.extend(last);
        }
        let moment = |x: f64| {
            let here = lives.iter().filter(|l| l.born <= x && (x < l.until || !l.dead));
            let scores: Vec<f64> = here.map(|l| l.score).collect();
            let pick = if self.maximise { f64::max } else { f64::min };
            let best = scores.iter().copied().reduce(pick)?;
            let mean = scores.iter().sum::<f64>() / scores.len() as f64;
            Some(Moment { x, size: scores.len(), best, mean })
        };
        shown.into_iter().filter_map(moment).collect()
    }

    fn metric(&self) -> &str {
        if self.metric.is_empty() { "score" } else { &self.metric }
    }

    fn x_name(&self) -> &str {
        if self.x.is_empty() { "trials" } else { &self.x }
    }

    fn title(&self) -> String {
        format!("{} of the population", capital(self.metric()))
    }

    fn scales(&self, lives: &[Life], moments: &[Moment]) -> (Scale, Scale) {
        let xs: Vec<f64> = lives.iter().flat_map(|l| [l.born, l.until]).collect();
        let (lo, hi) = padded(&xs, 0.02, 0.02);
        let whole = xs.iter().all(|x| x.fract() == 0.0) && hi - lo > 4.0;
        let x = Scale::linear(lo, hi, 7, whole);
        // The first members are often far worse than all others, yet part of the story.
        let mut view = zoomed(lives.iter().map(|l| l.score).collect(), self.maximise, 40.0);
        view.extend(moments.iter().map(|m| m.best));
        let (lo, hi) = padded(&view, 0.06, 0.08);
        (x, Scale::linear(lo, hi, 5, false))
    }

    fn note(&self, lives: &[Life]) -> String {
        let dead = lives.iter().filter(|l| l.dead).count();
        let thin = match every(lives) {
            1 => String::new(),
            n => format!(", 1 of {n} lives drawn"),
        };
        let (births, deaths) = (plural(lives.len(), "birth"), plural(dead, "death"));
        format!("{}  ·  {births}, {deaths}{thin}", direction(self.maximise))
    }

    /// A life in words.
    fn says(&self, life: &Life) -> String {
        let name = if life.name.is_empty() { String::new() } else { format!("{}: ", life.name) };
        let (born, until) = (human_count(life.born), human_count(life.until));
        let until = if life.dead { format!("to {until}") } else { "to the end".into() };
        format!("{name}{}, from {} {born} {until}", score(life.score), self.x_name())
    }

    fn describe(&self, lives: &[Life], moments: &[Moment]) -> String {
        let end = moments.last().map_or(String::new(), |m| {
            let (best, mean) = (score(m.best), score(m.mean));
            format!(" At the end {} with mean {mean} and best {best}", plural(m.size, "member"))
        });
        format!("{} ({}).{end}", self.title(), self.note(lives))
    }

    fn draw_lives(&self, frame: &mut Frame, lives: &[Life]) {
        let [mut gone, mut here, mut births, mut deaths] = [const { String::new() }; 4];
        // Births that are too close to be told apart become one, and only some of the lines are drawn.
        let every = every(lives);
        let mut born = vec![];
        for (i, life) in lives.iter().enumerate() {
            let (from, to) = (frame.at(life.born, life.score), frame.at(life.until, life.score));
            let d = format!("M{} {}H{}", n(from.0), n(from.1), n(to.0));
            match every {
                1 => births += &format!("M{} {}h0", n(from.0), n(from.1)),
                _ => born.push(from),
            }
            if !i.is_multiple_of(every) {
                continue;
            }
            if life.dead {
                gone += &d;
                deaths += &format!("M{} {}v5", n(to.0), n(to.1 - 2.5));
            } else {
                here += &d;
            }
        }
        births += &spots(born.into_iter(), 1.6);
        let many = lives.len() > 150;
        let (thick, alpha, dot) = if many { (1.0, 0.4, 2.6) } else { (1.6, 0.5, 4.0) };
        frame.inside(|svg| {
            let look = format!(r#"stroke-opacity="{alpha}""#);
            svg.path(&gone, colour(0), thick, &look);
            svg.path(&here, colour(0), thick, &look);
            svg.path(&deaths, colour(0), 1.0, r#"stroke-opacity="0.7""#);
            svg.path(&births, colour(0), dot, r#"stroke-linecap="round" stroke-opacity="0.8""#);
        });
    }
}

/// One in so many lives is drawn as a line.
fn every(lives: &[Life]) -> usize {
    const DRAWN: usize = 1500;
    if lives.len() > 2 * DRAWN { lives.len().div_ceil(DRAWN) } else { 1 }
}

impl Draw for Population {
    fn svg(&self) -> String {
        let lives = self.lives();
        if lives.is_empty() {
            return nothing(&self.title(), "the population has no member");
        }
        let moments = self.moments(&lives);
        let (x, y) = self.scales(&lives, &moments);
        let legend = vec![
            Key::new(colour(0), Sample::Dot, "birth"),
            Key::new(colour(0), Sample::Line(""), "life"),
            Key::new(colour(1), Sample::Line(""), "best alive"),
            Key::new(INK, Sample::Line("4 2"), "mean"),
        ];
        let around = Around::new(self.title(), self.note(&lives), legend, self.x_name());
        let mut frame = Frame::tall(around, x, y, 200.0);
        self.draw_lives(&mut frame, &lives);
        let best = path(&steps(moments.iter().map(|m| frame.at(m.x, m.best))));
        let mean = moments.iter().map(|m| frame.at(m.x, m.mean)).collect();
        let mean = path(&thinned(mean, 1.0));
        frame.inside(|svg| {
            for (d, colour, dash) in
                [(mean, INK, r#"stroke-dasharray="4 2""#), (best, colour(1), "")]
            {
                svg.path(&d, CARD, 3.8, r#"stroke-opacity="0.75""#);
                svg.path(&d, colour, 1.8, &format!(r#"stroke-linejoin="round" {dash}"#));
            }
        });
        for life in lives.iter().take(600) {
            if !frame.shows(life.score) {
                continue;
            }
            let (from, to) = (frame.at(life.born, life.score), frame.at(life.until, life.score));
            let area = (from.0 - 3.0, from.1 - 3.0, to.0 - from.0 + 6.0, 6.0);
            frame.svg.tip(area, &self.says(life));
        }
        frame.finish(&self.title(), &self.describe(&lives, &moments))
    }

    fn plain(&self) -> String {
        let title = fit(&format!("{} ({})", self.title(), direction(self.maximise)), COLUMNS);
        let lives = self.lives();
        if lives.is_empty() {
            return format!("{title}\nnothing to draw yet: the population has no member\n");
        }
        let moments = self.moments(&lives);
        let (x, y) = self.scales(&lives, &moments);
        let room = 48;
        let line = |value: &dyn Fn(&Moment) -> f64| -> Vec<f64> {
            let at = |i: usize| {
                let before =
                    moments.iter().rfind(|m| x.unit(m.x) <= (i as f64 + 0.5) / room as f64);
                before.or(moments.first()).map_or(f64::NAN, value)
            };
            (0..room).map(at).collect()
        };
        let Some(last) = moments.last() else { return format!("{title}\n") };
        let most = moments.iter().map(|m| m.size).max().unwrap_or(0) as f64;
        let unit = |v: f64| y.unit(v).clamp(0.0, 1.0);
        let rows = [
            ("best", line(&|m| unit(m.best)), (0.0, 1.0), score(last.best)),
            ("mean", line(&|m| unit(m.mean)), (0.0, 1.0), score(last.mean)),
            ("size", line(&|m| m.size as f64), (0.0, most), last.size.to_string()),
        ];
        let mut out = format!("{title}\n");
        for (name, values, range, end) in rows {
            out += &format!("  {name}  {}  {end}\n", spark(&values, range, room));
        }
        let ((from, to), (lo, hi)) = (x.ends(), y.ends());
        let (from, to) = (human_count(from.max(0.0)), human_count(to));
        let (lo, hi) = (score(lo), score(hi));
        let range = format!("{} {from} to {to}, blocks from {lo} to {hi}", self.x_name());
        let ages: Vec<f64> = lives.iter().filter(|l| l.dead).map(|l| l.until - l.born).collect();
        let mean = human_count(ages.iter().sum::<f64>() / ages.len() as f64);
        let age = match ages.len() {
            0 => String::new(),
            _ => format!("; a life lasts {mean} on average"),
        };
        out += &(fit(&format!("        {range}"), COLUMNS) + "\n");
        let dead = ages.len();
        let births = format!("{}, {}{age}", plural(lives.len(), "birth"), plural(dead, "death"));
        out + &fit(&births, COLUMNS) + "\n"
    }
}

/// A made-up ageing population of sixteen.
pub(super) fn example() -> Population {
    let mut rng = crate::rng::Rng::from_u64(4);
    let mut members: Vec<Member> = vec![];
    for trial in 1..=110 {
        let drawn: Vec<f64> = match trial > 16 {
            true => (0..5).map(|_| members[trial - 17 + rng.below(16)].score).collect(),
            false => vec![0.88 + 0.03 * rng.uniform()],
        };
        let parent = drawn.into_iter().fold(0.0, f64::max);
        let score = parent + (0.985 - parent) * (0.02 + 0.11 * rng.normal());
        let born = trial as f64;
        let died = Some(born + 16.0).filter(|d| *d <= 110.0);
        members.push(Member { name: format!("trial {trial}"), score, born, died });
    }
    let (x, metric) = ("trials".into(), "accuracy".into());
    Population { x, metric, maximise: true, members, end: Some(110.0) }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn of(members: &[(f64, f64, Option<f64>)]) -> Population {
        let member = |&(score, born, died): &_| Member { name: String::new(), score, born, died };
        let members = members.iter().map(member).collect();
        Population { members, end: Some(10.0), ..example() }
    }

    #[test]
    fn best_and_mean_are_those_of_the_living() {
        let chart = of(&[(0.8, 1.0, Some(3.0)), (0.4, 2.0, None), (0.6, 5.0, Some(6.0))]);
        let seen = chart.moments(&chart.lives());
        let of = |m: &Moment| (m.x, m.size, m.best, (m.mean * 10.0).round());
        assert_eq!(
            seen.iter().map(of).collect::<Vec<_>>(),
            [
                (1.0, 1, 0.8, 8.0),
                (2.0, 2, 0.8, 6.0),
                (3.0, 1, 0.4, 4.0),
                (5.0, 2, 0.6, 5.0),
                (6.0, 1, 0.4, 4.0),
                (10.0, 1, 0.4, 4.0)
            ]
        );
        let down = Population { maximise: false, ..chart };
        assert_eq!(down.moments(&down.lives())[1].best, 0.4);
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let long = "a very long name & ".repeat(12);
        let many: Vec<_> = (0..3000)
            .map(|i| (f64::from(i * 7919 % 1000), f64::from(i), Some(f64::from(i + 20))))
            .collect();
        let cases = [
            Population::default(),
            of(&[]),
            of(&[(f64::NAN, 1.0, None), (1.0, f64::INFINITY, None)]),
            Population { end: None, ..of(&[(0.0, 0.0, None)]) },
            of(&[(1.0, 5.0, Some(2.0)), (1.0, 5.0, Some(5.0))]),
            of(&[(1.0, 1.0, Some(f64::NAN)), (2.0, 1.0, Some(2.0))]),
            of(&[(-1e99, 0.0, None), (1e99, 1e99, None)]),
            of(&many),
            Population { metric: long.clone(), x: long, maximise: false, ..example() },
        ];
        cases.iter().for_each(check::chart);
        assert!(of(&many).svg().len() < 400_000, "{}", of(&many).svg().len());
    }
}
