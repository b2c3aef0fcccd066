//! Where the time and the epochs of a search went: each as a bar that is cut into what it was spent on, with what it was
//! forecast to take below it. The parts of a bar add up to the whole, so a part that is large is what to save on.

use super::Draw;
use super::lines::{LABEL, path, remarks};
use super::plain::{COLUMNS, cell, fit, heading, len};
use super::plot::head;
use super::svg::{Anchor, SHOWN, Svg, WIDTH, nothing};
use super::theme::{CARD, FAIL, Font, MUTED, colour, width};
use crate::words::{capital, human_count, human_seconds, usable};
use serde::{Deserialize, Serialize};

/// What was spent, and on what.
///
/// ```
/// use nascent::chart::{Chart, CostBill, CostPart, Spent};
/// let part = |name: &str, amount| CostPart { name: name.into(), amount };
/// let seconds = Spent {
///     name: "time, summed over threads".into(),
///     seconds: true,
///     parts: vec![part("finished evaluations", 540.0), part("strategy", 20.0)],
///     forecast: Some(600.0),
/// };
/// let chart = Chart::new(CostBill { shown: "20 trials".into(), spent: vec![seconds] });
/// assert!(chart.plain().contains("96 %"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CostBill {
    /// Whose bill it is.
    pub shown: String,
    /// What was spent, a bar for each.
    pub spent: Vec<Spent>,
}

/// A bar of a [`CostBill`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// What it is: `epochs`.
    pub name: String,
    /// Whether it is time in seconds; otherwise it is a number of things.
    pub seconds: bool,
    /// What it was spent on.
    pub parts: Vec<CostPart>,
    /// What the whole was forecast to be.
    pub forecast: Option<f64>,
}

/// A part of a bar.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CostPart {
    /// What it was spent on.
    pub name: String,
    /// How much.
    pub amount: f64,
}

const TITLE: &str = "Where it went";
/// The most bars, and the most parts of one.
const BARS: usize = 6;
const PARTS: usize = 6;

/// A bar as it is drawn.
struct Bar<'a> {
    spent: &'a Spent,
    /// With their places in the data, which decide on their colours.
    parts: Vec<(usize, &'a CostPart)>,
    whole: f64,
    forecast: Option<f64>,
}

impl Bar<'_> {
    fn amount(&self, v: f64) -> String {
        if self.spent.seconds { human_seconds(v) } else { human_count(v) }
    }

    fn share(&self, v: f64) -> String {
        match 100.0 * (v / self.whole) {
            share if share > 0.0 && share < 0.5 => "< 1 %".into(),
            share if (99.5..100.0).contains(&share) => "> 99 %".into(),
            share => format!("{share:.0} %"),
        }
    }

    fn says(&self) -> String {
        let part = |(_, p): &(usize, &CostPart)| {
            format!("{} {} ({})", p.name, self.amount(p.amount), self.share(p.amount))
        };
        let parts: Vec<String> = self.parts.iter().map(part).collect();
        let forecast =
            self.forecast.map_or(String::new(), |f| format!("; forecast {}", self.amount(f)));
        format!("{}: {}: {}{forecast}", self.spent.name, self.amount(self.whole), parts.join(", "))
    }
}

impl CostBill {
    /// The bars with something on them, which add up to a number.
    fn bars(&self) -> Vec<Bar<'_>> {
        let bar = |spent: &'_ Spent| {
            let can = |p: &&CostPart| usable(p.amount) && p.amount > 0.0;
            let whole: f64 = spent.parts.iter().filter(can).map(|p| p.amount).sum();
            let forecast = spent.forecast.filter(|f| usable(*f) && *f > 0.0);
            (whole, forecast)
        };
        let kept = self.spent.iter().map(|spent| {
            let (whole, forecast) = bar(spent);
            let all = spent.parts.iter().enumerate();
            let parts = all.filter(|(_, p)| usable(p.amount) && p.amount > 0.0);
            Bar { spent, parts: parts.take(PARTS).collect(), whole, forecast }
        });
        kept.filter(|bar| bar.whole > 0.0 && usable(bar.whole)).take(BARS).collect()
    }

    fn why_empty(&self) -> &'static str {
        if self.spent.is_empty() {
            "nothing has been spent"
        } else {
            "nothing that was spent is known"
        }
    }
}

/// The colour of part `i`; failures have theirs everywhere.
fn fill(i: usize, part: &CostPart) -> &'static str {
    match part.name.contains("failed") {
        true => FAIL,
        false => [colour(0), colour(2), colour(5), colour(4), colour(3), colour(6)][i % 6],
    }
}

/// Draws a bar with its parts listed below; returns where the next may begin.
fn draw(svg: &mut Svg, bar: &Bar, top: f64) -> f64 {
    let (left, right) = (16.0, WIDTH - 16.0);
    let name = Font::TEXT.bold();
    let whole = bar.amount(bar.whole);
    let room = right - left - width(&whole, name) - 12.0;
    svg.text((left, top), &capital(&bar.spent.name), name, Anchor::Start, room);
    svg.text((right, top), &whole, name, Anchor::End, 120.0);
    let most = bar.forecast.map_or(bar.whole, |f| f.max(bar.whole));
    let at = |v: f64| left + (v / most).clamp(0.0, 1.0) * (right - left);
    let (mut y, mut done) = (top + 7.0, 0.0);
    for &(i, part) in &bar.parts {
        let (from, to) = (at(done), at(done + part.amount));
        // A part that can hardly be seen is still there.
        let wide = (to - from).max(0.8);
        svg.rect(
            (from, y, wide, 20.0),
            0.0,
            fill(i, part),
            &format!(r#"stroke="{CARD}" stroke-width="0.8""#),
        );
        let share = bar.share(part.amount);
        if bar.parts.len() > 1 && width(&share, LABEL.bold()) + 8.0 < wide {
            let middle = (from + wide / 2.0, y + 13.6);
            svg.halo(middle, &share, LABEL.bold(), Anchor::Middle, wide);
        }
        svg.tip(
            (from, y, wide, 20.0),
            &format!("{}: {}, {share}", part.name, bar.amount(part.amount)),
        );
        done += part.amount;
    }
    y += 20.0;
    if let Some(forecast) = bar.forecast {
        let end = at(forecast);
        let d = path(&[(left, y + 4.0), (left, y + 9.0), (end, y + 9.0), (end, y + 4.0)]);
        svg.path(&d, MUTED, 1.4, "");
        let says = format!("forecast by the first trial: {}", bar.amount(forecast));
        y += 21.0;
        let w = width(&says, Font::NOTE).min(right - left);
        let from = (end - w).clamp(left, right - w);
        svg.text((from, y), &says, Font::NOTE, Anchor::Start, right - left);
        y += 1.0;
    }
    y += 17.0;
    for &(i, part) in &bar.parts {
        svg.rect((left, y - 8.5, 10.0, 10.0), 1.0, fill(i, part), "");
        let amount = format!("{} · {}", bar.amount(part.amount), bar.share(part.amount));
        let room = right - left - 22.0 - width(&amount, LABEL) - 10.0;
        svg.text((left + 16.0, y), &part.name, LABEL.size(11.0), Anchor::Start, room);
        svg.text((right, y), &amount, LABEL.size(11.0), Anchor::End, 150.0);
        y += 15.5;
    }
    y + 10.0
}

impl Draw for CostBill {
    fn svg(&self) -> String {
        let bars = self.bars();
        if bars.is_empty() {
            return nothing(TITLE, self.why_empty());
        }
        let mut svg = Svg::default();
        let mut y = head(&mut svg, TITLE, &remarks(&[&self.shown])) + 6.0;
        for bar in &bars {
            y = draw(&mut svg, bar, y) + 6.0;
        }
        let said: Vec<String> = bars.iter().map(Bar::says).collect();
        let desc = format!("{TITLE}. {}. {}", self.shown, said.join("; "));
        svg.finish((WIDTH, y - 10.0), SHOWN, TITLE, &desc)
    }

    fn plain(&self) -> String {
        let bars = self.bars();
        if bars.is_empty() {
            return format!("{TITLE}\nnothing to draw yet: {}\n", self.why_empty());
        }
        let mut out = heading(TITLE, &self.shown);
        let names = bars.iter().flat_map(|b| b.parts.iter().map(|(_, p)| len(&p.name)));
        let name = names.max().unwrap_or(0).clamp(8, 28);
        for bar in &bars {
            let most = bar.forecast.map_or(bar.whole, |f| f.max(bar.whole));
            out += &(fit(&capital(&bar.spent.name), COLUMNS) + "\n");
            let mut line = |name: &str, v: f64, share: &str, mark: &str| {
                let blocks = mark.repeat((24.0 * (v / most)).round() as usize);
                let amount = bar.amount(v);
                let row = format!("  {name} {blocks:<24} {amount:>14} {share:>6}");
                out += &(fit(row.trim_end(), COLUMNS) + "\n");
            };
            for (_, part) in &bar.parts {
                line(&cell(&part.name, name), part.amount, &bar.share(part.amount), "█");
            }
            line(&cell("in all", name), bar.whole, "", "▒");
            if let Some(forecast) = bar.forecast {
                line(&cell("forecast", name), forecast, "", "░");
            }
        }
        out
    }
}

/// The bill of a made-up search with a schedule.
pub(super) fn example() -> CostBill {
    let part = |name: &str, amount| CostPart { name: name.into(), amount };
    CostBill {
        shown: "81 trials, 4 threads".into(),
        spent: vec![
            Spent {
                name: "time, summed over threads".into(),
                seconds: true,
                parts: vec![
                    part("evaluations that finished", 2710.0),
                    part("evaluations that failed", 130.0),
                    part("strategy", 210.0),
                    part("waiting and the rest", 480.0),
                ],
                forecast: Some(3100.0),
            },
            Spent {
                name: "epochs".into(),
                seconds: false,
                parts: vec![
                    part("to the end in one go", 54.0),
                    part("to the end, step by step", 81.0),
                    part("stopped early", 160.0),
                    part("failed", 9.0),
                ],
                forecast: None,
            },
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn of(amounts: &[f64], forecast: Option<f64>) -> CostBill {
        let part =
            |(i, amount): (usize, &f64)| CostPart { name: format!("part {i}"), amount: *amount };
        let parts = amounts.iter().enumerate().map(part).collect();
        let spent = Spent { name: "epochs".into(), seconds: false, parts, forecast };
        CostBill { shown: "3 trials".into(), spent: vec![spent] }
    }

    #[test]
    fn shares_are_of_the_whole() {
        let bill = of(&[1.0, 3.0, 0.0, f64::NAN], Some(8.0));
        let bars = bill.bars();
        assert_eq!((bars[0].whole, bars[0].parts.len()), (4.0, 2));
        assert_eq!(
            [1.0, 3.0, 0.001, 3.999].map(|v| bars[0].share(v)),
            ["25 %", "75 %", "< 1 %", "> 99 %"]
        );
        assert!(bill.plain().contains("forecast"), "{}", bill.plain());
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let mut named = example();
        for spent in &mut named.spent {
            spent.name = "long & <name> ".repeat(20);
            spent.parts.iter_mut().for_each(|p| p.name = "long & <name> ".repeat(20));
        }
        let cases = [
            CostBill::default(),
            of(&[], None),
            of(&[0.0, -1.0, f64::NAN], Some(3.0)),
            of(&[1.0], None),
            of(&[1e-300, 1.0], Some(1e300)),
            of(&[1e300, 5e-324], Some(f64::INFINITY)),
            of(&[f64::MAX, f64::MAX], None),
            of(&[1.0; 40], Some(1e-9)),
            CostBill { spent: vec![example().spent[0].clone(); 40], shown: "x y".repeat(400) },
            named,
        ];
        cases.iter().for_each(check::chart);
    }
}
