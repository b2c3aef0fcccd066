//! What a search shows while it goes on: a bar with the time left, some figures, what went wrong, and charts that
//! grow. It stands where its report will stand, and looks like it.

use super::plain::COLUMNS;
use super::report::{block, head, note, side_by_side, tiles};
use super::theme::{BREAK, GRID, MUTED, escape};
use super::{Chart, Report};

/// A search that goes on.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Progress {
    /// What it is.
    pub(crate) title: String,
    /// A line below it; may be empty.
    pub(crate) subtitle: String,
    /// How much of it is done, from 0 to 1, where that is known.
    pub(crate) share: Option<f64>,
    /// The line at the bar: what is done, what is left.
    pub(crate) says: String,
    /// Names and values.
    pub(crate) facts: Vec<(String, String)>,
    /// What went wrong, or holds it up.
    pub(crate) notices: Vec<String>,
    /// The charts, in order.
    pub(crate) charts: Vec<Chart>,
}

/// The colour of the part that is done.
const DONE: &str = "#0072B2";

impl Progress {
    /// As one HTML block with inline styles only.
    pub(crate) fn html(&self) -> String {
        let mut out = head(&self.title, &self.subtitle);
        if let Some(share) = self.share {
            out += &bar(share);
        }
        if !self.says.is_empty() {
            out += &format!(
                r#"<div style="margin:6px 0 0;color:{MUTED};font-size:13px;{BREAK}">{}</div>"#,
                escape(&self.says)
            );
        }
        out += &tiles(&self.facts);
        out.extend(self.notices.iter().map(|notice| note(notice)));
        block(&(out + &side_by_side(&self.charts)))
    }

    /// For a terminal.
    pub(crate) fn plain(&self) -> String {
        let mut subtitle = self.says.clone();
        if let Some(share) = self.share {
            let done = (share * BLOCKS as f64).round().clamp(0.0, BLOCKS as f64) as usize;
            let (done, rest) = ("█".repeat(done), "░".repeat(BLOCKS - done));
            subtitle = format!("{done}{rest} {subtitle}").trim_end().to_string();
        }
        let report = Report {
            title: self.title.clone(),
            subtitle,
            facts: self.facts.clone(),
            notices: self.notices.clone(),
            charts: self.charts.clone(),
        };
        report.plain()
    }
}

/// The width of the bar in a terminal.
const BLOCKS: usize = COLUMNS / 4;

/// Two boxes, one in the other, which are kept in a notebook that is not trusted as well.
fn bar(share: f64) -> String {
    let percent = (100.0 * share).clamp(0.0, 100.0);
    let percent = if percent.is_finite() { percent } else { 0.0 };
    format!(
        r#"<div role="progressbar" aria-valuenow="{percent:.0}" aria-valuemin="0" aria-valuemax="100" style="margin:10px 0 0;height:8px;border-radius:4px;background:{GRID}"><div style="width:{percent:.1}%;height:8px;border-radius:4px;background:{DONE}"></div></div>"#
    )
}

#[cfg(test)]
mod tests {
    use super::super::{charts, check};
    use super::*;

    #[test]
    fn it_fits_whatever_it_is_given() {
        let chart = (charts()[0].example)();
        for share in [None, Some(0.0), Some(0.4), Some(1.0), Some(7.0), Some(f64::NAN)] {
            let progress = Progress {
                title: "<Evolution> & \"digits\"".into(),
                subtitle: "s ".repeat(200),
                share,
                says: "12 of 40 trials, about 2 min left".into(),
                facts: vec![("best".into(), "0.9871".into())],
                notices: vec!["Trial 3 failed: ".repeat(20)],
                charts: vec![chart.clone()],
            };
            check::html(&progress.html());
            check::untrusted(&crate::live::portable(&progress.html()));
            check::plain(&progress.plain());
        }
        let half = Progress { share: Some(0.5), says: "half".into(), ..Progress::default() };
        assert_eq!(half.plain(), "██████████░░░░░░░░░░ half\n");
        check::html(&Progress::default().html());
    }
}
