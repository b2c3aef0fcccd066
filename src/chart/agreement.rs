//! A cheap measure of networks against the truth: a point for each network. If the cheap measure is any
//! good, the points rise together; what a search loses by trusting it is the distance, upwards, from the
//! network that it would choose to the best one.

use super::Draw;
use super::Listing;
use super::lines::remarks;
use super::plain::{COLUMNS, Canvas, fit, len, table};
use super::plot::{Around, Frame, Key, Sample, Scale, binned, padded, zoomed};
use super::svg::{WIDTH, nothing};
use super::theme::{FAINT, Font, colour, width};
use crate::stats::kendall_tau;
use crate::stats::rank::ranks;
use crate::stats::regret::{liked, regrets};
use crate::words::{capital, direction, plural, score, usable};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a cheap measure says of networks, against what is true.
///
/// ```
/// use nascent::chart::{Agreement, Chart, Measured};
/// let of = |name: &str, cheap, truth| Measured { name: name.into(), cheap, truth };
/// let chart = Chart::new(Agreement {
///     cheap: "accuracy after 1 epoch".into(),
///     truth: "accuracy after 30".into(),
///     maximise: true,
///     networks: vec![of("small", 0.61, 0.90), of("wide", 0.70, 0.92), of("deep", 0.66, 0.95)],
/// });
/// assert!(chart.plain().contains("Kendall's tau 0.33"));
/// assert!(chart.plain().contains("regret of the top 1: 0.0300"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// What the cheap measure is: `accuracy on shared weights`.
    pub cheap: String,
    /// What the true one is: `test accuracy`.
    pub truth: String,
    /// Whether more is better, in both.
    pub maximise: bool,
    /// The networks.
    pub networks: Vec<Measured>,
}

/// One network of an [`Agreement`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The name of the network.
    pub name: String,
    /// What the cheap measure says.
    pub cheap: f64,
    /// What is true.
    pub truth: f64,
}

/// Of how many networks that the cheap measure likes most the regret is told.
const TOP: [usize; 3] = [1, 5, 10];

/// The networks that can be drawn, and what is said about them.
struct Found<'a> {
    networks: Vec<&'a Measured>,
    /// Which of them the cheap measure would choose, and which is the best.
    chosen: usize,
    best: usize,
    /// Kendall's tau; nothing where one of the measures puts them into no order.
    tau: Option<f64>,
    /// How many are chosen, and their regret.
    regrets: Vec<(usize, f64)>,
}

impl Found<'_> {
    /// Kendall's tau, and of how many networks.
    fn tau(&self) -> String {
        let networks = plural(self.networks.len(), "network");
        match self.tau {
            Some(tau) => format!("Kendall's tau {tau:.2}, {networks}"),
            None => format!("no Kendall's tau: no order among {networks}"),
        }
    }

    /// What is lost by the choice of the cheap measure.
    fn regret(&self) -> String {
        let of = |(k, regret): &(usize, f64)| format!("{k}: {}", score(*regret));
        let all: Vec<String> = self.regrets.iter().map(of).collect();
        format!("regret of the top {}", all.join(", of "))
    }
}

impl Agreement {
    fn cheap(&self) -> &str {
        if self.cheap.is_empty() { "cheap measure" } else { &self.cheap }
    }

    fn truth(&self) -> &str {
        if self.truth.is_empty() { "truth" } else { &self.truth }
    }

    fn title(&self) -> String {
        format!("{} against {}", capital(self.truth()), self.cheap())
    }

    /// The same, without the name of the axis below where there is no room for it.
    fn short_title(&self) -> String {
        let title = self.title();
        match width(&title, Font::TITLE) <= WIDTH - 32.0 {
            true => title,
            false => capital(self.truth()),
        }
    }

    fn why_empty(&self) -> &'static str {
        match self.networks.is_empty() {
            true => "no network has been measured",
            false => "no network has both measures",
        }
    }

    /// Nothing where no network has both measures.
    fn found(&self) -> Option<Found<'_>> {
        let networks: Vec<&Measured> =
            self.networks.iter().filter(|m| usable(m.cheap) && usable(m.truth)).collect();
        let (cheap, truth): (Vec<f64>, Vec<f64>) =
            networks.iter().map(|m| (m.cheap, m.truth)).unzip();
        let order = liked(&cheap, &truth, self.maximise);
        let chosen = *order.first()?;
        // Of equally good ones that which the cheap measure likes more.
        let gain = |&i: &usize| if self.maximise { truth[i] } else { -truth[i] };
        let better = |a: usize, b: &usize| if gain(b) > gain(&a) { *b } else { a };
        let best = order.iter().fold(chosen, better);
        // All together have no regret, so that says nothing.
        let ks: Vec<usize> = TOP.into_iter().filter(|&k| k == 1 || k < networks.len()).collect();
        let regrets = regrets(&order, &truth, &ks, self.maximise);
        let regrets = ks.into_iter().zip(regrets).collect();
        let tau = kendall_tau(&cheap, &truth).ok();
        Some(Found { networks, chosen, best, tau, regrets })
    }

    /// The values of one axis that are worth showing: without those far off, and with those that are
    /// marked.
    fn shown(&self, found: &Found, of: impl Fn(&Measured) -> f64) -> Vec<f64> {
        let mut shown = zoomed(found.networks.iter().map(|m| of(m)).collect(), self.maximise, 8.0);
        shown.extend([found.chosen, found.best].map(|i| of(found.networks[i])));
        shown
    }

    fn describe(&self, found: &Found) -> String {
        let says = |i: usize| self.says(found.networks[i]);
        let (title, direction) = (self.title(), direction(self.maximise));
        let (tau, regret) = (found.tau(), found.regret());
        let (chosen, best) = (says(found.chosen), says(found.best));
        format!("{title} ({direction}). {tau}; {regret}. Chosen: {chosen}. Best: {best}")
    }

    /// A network in words.
    fn says(&self, m: &Measured) -> String {
        let (cheap, truth) = (score(m.cheap), score(m.truth));
        format!("{}: {} {truth}, {} {cheap}", m.name, self.truth(), self.cheap())
    }
}

/// With how many of the others, those nearest to it in truth, a network is compared.
const NEAR: usize = 5;

impl Agreement {
    /// By how many places the networks of a group (their positions in [`Agreement::networks`]) stand lower in the order
    /// of the cheap measure than networks that are as good: each is compared with the five outside the group that are
    /// nearest to it in the order of the truth, since a bad measure puts every good network too low. Negative: they
    /// stand too high. Networks without one of the measures do not count; `None` where the group or the rest is empty.
    ///
    /// ```
    /// use nascent::chart::{Agreement, Measured};
    /// let of = |cheap, truth| Measured { name: String::new(), cheap, truth };
    /// let networks = vec![of(0.9, 0.9), of(0.2, 0.8), of(0.7, 0.7), of(0.6, 0.6)];
    /// let found = Agreement { maximise: true, networks, ..Agreement::default() };
    /// assert_eq!(found.too_low([1]), Some(2.0)); // fourth, where the others stand second on average
    /// ```
    pub fn too_low(&self, group: impl IntoIterator<Item = usize>) -> Option<f64> {
        let usable = |m: &Measured| usable(m.cheap) && usable(m.truth);
        let kept: Vec<usize> =
            (0..self.networks.len()).filter(|&i| usable(&self.networks[i])).collect();
        let wanted: BTreeSet<usize> = group.into_iter().collect();
        // 1 is the best; equal ones share a place.
        let places = |of: fn(&Measured) -> f64| {
            let sign = if self.maximise { -1.0 } else { 1.0 };
            ranks(&kept.iter().map(|&i| sign * of(&self.networks[i]) + 0.0).collect::<Vec<f64>>())
        };
        let (cheap, truth) = (places(|m| m.cheap), places(|m| m.truth));
        let (own, rest): (Vec<usize>, Vec<usize>) =
            (0..kept.len()).partition(|&k| wanted.contains(&kept[k]));
        let lower = |&i: &usize| -> Option<f64> {
            let far = |&j: &usize| (truth[i] - truth[j]).abs();
            let mut reach: Vec<f64> = rest.iter().map(far).collect();
            reach.sort_by(f64::total_cmp);
            let reach = *reach.get(NEAR.min(reach.len()).checked_sub(1)?)?;
            // Of equally near ones all.
            let near: Vec<f64> =
                rest.iter().filter(|j| far(j) <= reach).map(|&j| cheap[j]).collect();
            Some(cheap[i] - near.iter().sum::<f64>() / near.len() as f64)
        };
        let lower: Vec<f64> = own.iter().map(lower).collect::<Option<_>>()?;
        let mean = lower.iter().sum::<f64>() / lower.len() as f64;
        mean.is_finite().then_some(mean)
    }

    /// The groups in a table: how many networks, the means of both measures, Kendall's tau within the group, and
    /// [`Agreement::too_low`]. One number for all pairs hides which pairs are in the wrong order.
    ///
    /// ```
    /// use nascent::chart::{Agreement, Measured};
    /// let of = |cheap, truth| Measured { name: String::new(), cheap, truth };
    /// let networks = vec![of(0.9, 0.9), of(0.2, 0.8), of(0.7, 0.7), of(0.6, 0.6)];
    /// let found = Agreement { maximise: true, networks, ..Agreement::default() };
    /// let listing = found.by_group([("with skip", vec![1, 2]), ("without", vec![0, 3])]);
    /// assert_eq!(listing.rows.len(), 2);
    /// ```
    pub fn by_group<S: AsRef<str>>(
        &self,
        groups: impl IntoIterator<Item = (S, Vec<usize>)>,
    ) -> Listing {
        let (cheap, truth) = (capital(self.cheap()), capital(self.truth()));
        let mut listing =
            Listing::new(["networks", "how many", &cheap, &truth, "tau", "too low by"]);
        let usable = |m: &&Measured| usable(m.cheap) && usable(m.truth);
        for (name, group) in groups {
            let group: BTreeSet<usize> = group.into_iter().collect();
            let own = group.iter().filter_map(|&i| self.networks.get(i)).filter(usable);
            let (a, b): (Vec<f64>, Vec<f64>) = own.map(|m| (m.cheap, m.truth)).unzip();
            let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len() as f64;
            let low = self.too_low(group).map(|places| format!("{places:+.1}"));
            let tau = kendall_tau(&a, &b).ok().map(|tau| format!("{tau:.2}"));
            listing.add((name.as_ref(), a.len(), mean(&a), mean(&b), tau, low));
        }
        let all = self.networks.iter().filter(usable).count();
        let of = plural(all, "network");
        listing.noted(&format!(
            "too low by: places in the order of {of}, compared with those outside the group that are nearest in truth"
        ))
    }
}

impl Draw for Agreement {
    fn svg(&self) -> String {
        let Some(found) = self.found() else { return nothing(&self.title(), self.why_empty()) };
        let axis = |of: fn(&Measured) -> f64, below, above| {
            let (lo, hi) = padded(&self.shown(&found, of), below, above);
            Scale::linear(lo, hi, 5, false)
        };
        let (x, y) = (axis(|m| m.cheap, 0.05, 0.05), axis(|m| m.truth, 0.08, 0.1));
        let inside = |m: &Measured| {
            [x.unit(m.cheap), y.unit(m.truth)].iter().all(|u| (0.0..=1.0).contains(u))
        };
        let hidden = match found.networks.iter().filter(|m| !inside(m)).count() {
            0 => String::new(),
            n => format!("{n} beyond the axes, not drawn"),
        };
        let spots = binned(found.networks.len());
        let note =
            remarks(&[&found.tau(), direction(self.maximise), &found.regret(), &hidden, spots]);
        let (chosen, best) = (found.networks[found.chosen], found.networks[found.best]);
        let key = |what: &str, m: &Measured| format!("{what}, {}", score(m.truth));
        let legend = vec![
            Key::new(colour(1), Sample::Ring, key("chosen", chosen)),
            Key::new(colour(0), Sample::Dot, key("best", best)),
        ];
        let around = Around::new(self.short_title(), note, legend, self.cheap());
        let mut frame = Frame::new(around, x.clone(), y.clone());
        let points: Vec<(f64, f64)> = found.networks.iter().map(|m| (m.cheap, m.truth)).collect();
        let alpha = if points.len() > 400 { 0.35 } else { 0.55 };
        frame.layer("", |pen| pen.dots(&points, 2.8, FAINT, alpha));
        // Where the choice is the best there is, its point lies within the ring.
        frame.layer("", |pen| {
            pen.ring((chosen.cheap, chosen.truth), 5.8, colour(1));
            pen.dots(&[(best.cheap, best.truth)], 3.6, colour(0), 1.0);
        });
        if points.len() <= 300 {
            for m in found.networks.iter().filter(|m| inside(m)) {
                let at = frame.at(m.cheap, m.truth);
                frame.svg.hover(at, 6.0, &self.says(m));
            }
        }
        frame.finish(&self.title(), &self.describe(&found))
    }

    fn plain(&self) -> String {
        let title = fit(&format!("{} ({})", self.title(), direction(self.maximise)), COLUMNS);
        let Some(found) = self.found() else {
            return format!("{title}\nnothing to draw yet: {}\n", self.why_empty());
        };
        let (xs, ys) = (self.shown(&found, |m| m.cheap), self.shown(&found, |m| m.truth));
        let ((left, right), (lo, hi)) = (padded(&xs, 0.0, 0.0), padded(&ys, 0.0, 0.0));
        let (x, y) = (Scale::linear(left, right, 5, false), Scale::linear(lo, hi, 5, false));
        let mut canvas = Canvas::new(64, 12);
        let mut put = |m: &Measured, mark, over| {
            let cell = canvas.cell((x.unit(m.cheap), y.unit(m.truth)));
            canvas.put(cell, mark, over);
        };
        found.networks.iter().for_each(|m| put(m, '·', false));
        let (chosen, best) = (found.networks[found.chosen], found.networks[found.best]);
        put(best, '●', true);
        put(chosen, '◆', true);
        let (xs, ys) = ((&score(left), &score(right)), (&score(lo), &score(hi)));
        let plot = canvas.render((ys.0, ys.1), (xs.0, xs.1), self.cheap(), &[]);
        let says = format!("{}; {}", found.tau(), found.regret());
        let says = match len(&says) <= COLUMNS {
            true => says,
            false => format!("{}\n{}", fit(&found.tau(), COLUMNS), fit(&found.regret(), COLUMNS)),
        };
        let row = |mark: &str, m: &Measured| {
            vec![format!("{mark} {}", fit(&m.name, 40)), score(m.truth), score(m.cheap)]
        };
        let rows = match found.chosen == found.best {
            true => vec![row("◆ chosen and best:", best)],
            false => vec![row("◆ chosen:", chosen), row("● best:", best)],
        };
        let columns = [String::new(), self.truth().into(), self.cheap().into()];
        format!("{title}\n{plot}{says}\n\n{}", table(&columns, &rows))
    }
}

/// A hundred made-up networks, of which the cheap measure overrates some.
pub(super) fn example() -> Agreement {
    let mut rng = crate::rng::Rng::from_u64(5);
    let network = |i: usize| {
        let truth = 0.965 - 0.03 * (0.5 * rng.normal()).exp();
        let cheap = 0.86 + 4.0 * (truth - 0.95) + 0.05 * rng.normal();
        Measured { name: format!("network {}", i + 1), cheap, truth }
    };
    Agreement {
        cheap: "accuracy on shared weights".into(),
        truth: "test accuracy".into(),
        maximise: true,
        networks: (0..100).map(network).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn of(points: &[(f64, f64)], maximise: bool) -> Agreement {
        let network = |(i, &(cheap, truth)): (usize, &(f64, f64))| Measured {
            name: format!("network {i}"),
            cheap,
            truth,
        };
        Agreement {
            maximise,
            networks: points.iter().enumerate().map(network).collect(),
            ..example()
        }
    }

    #[test]
    fn what_is_chosen_and_what_is_best() {
        let points = [(0.3, 0.9), (0.5, 0.7), (0.5, 0.8), (0.1, 0.2), (f64::NAN, 9.0)];
        let (more, less) = (of(&points, true), of(&points, false));
        let found = more.found().unwrap();
        // Of two that the cheap measure likes equally, the worse one.
        assert_eq!((found.networks.len(), found.chosen, found.best), (4, 1, 0));
        assert_eq!(found.regrets.iter().map(|r| r.0).collect::<Vec<_>>(), [1]);
        assert!((found.regrets[0].1 - 0.2).abs() < 1e-12);
        let found = less.found().unwrap();
        assert_eq!((found.chosen, found.best, found.regrets[0].1), (3, 3, 0.0));
        assert!(less.plain().contains("◆ chosen and best: network 3"), "{}", less.plain());
        let (svg, plain) = (more.svg(), more.plain());
        for part in ["Kendall's tau", "regret of the top 1: 0.2000", "4 networks"] {
            assert!(svg.contains(&part.replace('\'', "&#39;")) && plain.contains(part), "{plain}");
        }
        assert!(plain.contains("◆ chosen: network 1") && plain.contains("● best: network 0"));
    }

    #[test]
    fn the_regret_is_told_of_fewer_than_all() {
        let rising: Vec<(f64, f64)> = (0..11).map(|i| (f64::from(i), f64::from(i))).collect();
        let of = |n: usize| of(&rising[..n], true).found().map(|f| f.regrets.len());
        assert_eq!(
            [0, 1, 5, 6, 10, 11].map(of),
            [None, Some(1), Some(1), Some(2), Some(2), Some(3)]
        );
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let many: Vec<(f64, f64)> =
            (0..100_000).map(|i| (f64::from(i * 7919 % 997), f64::from(i * 31 % 1009))).collect();
        let long = "a very long name of a network & ".repeat(9);
        let mut named = example();
        named.networks.iter_mut().for_each(|m| m.name.clone_from(&long));
        let cases = [
            Agreement::default(),
            of(&[], true),
            of(&[(f64::NAN, 1.0), (1.0, f64::INFINITY)], true),
            of(&[(1.0, 1.0)], true),
            of(&[(0.0, 0.0); 5], false),
            of(&[(0.5, 0.1), (0.5, 0.2)], true),
            of(&[(-1.0, 1.0), (1e6, 2.0), (0.0, f64::NEG_INFINITY)], true),
            of(&[(f64::MAX, f64::MIN), (f64::MIN, f64::MAX)], true),
            of(&[(1e-300, 5e-324), (2e-300, 0.0), (1e300, -1e300)], false),
            of(&many, true),
            of(&many, false),
            Agreement { cheap: long.clone(), truth: long.clone(), ..example() },
            Agreement { cheap: String::new(), truth: String::new(), ..example() },
            named,
        ];
        cases.iter().for_each(check::chart);
        assert!(of(&many, true).svg().len() < 500_000, "{}", of(&many, true).svg().len());
    }

    #[test]
    fn networks_far_off_are_counted() {
        let mut chart = example();
        chart.networks[0].cheap = -1e6;
        assert!(chart.svg().contains("1 beyond the axes, not drawn"));
    }
}
