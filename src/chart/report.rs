//! A report: what a finished study shows. Title, facts and what went wrong come first, then the
//! charts, two per row where there is room and one on a phone.

use super::Chart;
use super::dark::sheet;
use super::plain::{COLUMNS, cell, fit, len, wrap};
use super::theme::{BORDER, BREAK, CARD, FONT, INK, MONO, MUTED, escape};
use crate::error::{Error, Result};
use crate::output;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A title, some facts, notices and charts as one block.
///
/// ```
/// use nascent::chart::{Leaderboard, Chart, Report};
/// let report = Report {
///     title: "Regularized evolution on digits".into(),
///     facts: vec![("best accuracy".into(), "0.9871".into())],
///     charts: vec![Chart::new(Leaderboard::default())],
///     ..Report::default()
/// };
/// assert!(report.html().contains("best accuracy"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[must_use = "it is shown where it is the last value of a cell, or by println!"]
pub struct Report {
    /// The heading.
    pub title: String,
    /// A line below it; may be empty.
    pub subtitle: String,
    /// Names and values: best score, trials, time.
    pub facts: Vec<(String, String)>,
    /// What the reader must not overlook: `3 of 20 trials failed: out of memory`.
    pub notices: Vec<String>,
    /// The charts, in order.
    pub charts: Vec<Chart>,
}

impl Report {
    /// The report as one HTML block with inline styles only.
    pub fn html(&self) -> String {
        let notices: String = self.notices.iter().map(|notice| note(notice)).collect();
        let parts = [head(&self.title, &self.subtitle), notices, tiles(&self.facts)];
        block(&(parts.concat() + &side_by_side(&self.charts)))
    }

    /// The report for a terminal.
    pub fn plain(&self) -> String {
        let mut head = String::new();
        if !self.title.is_empty() {
            let title = fit(&self.title, COLUMNS);
            head += &format!("{title}\n{}\n", "═".repeat(len(&title)));
        }
        if !self.subtitle.is_empty() {
            head += &(wrap(&self.subtitle, COLUMNS).join("\n") + "\n");
        }
        for notice in &self.notices {
            for (i, line) in wrap(notice, COLUMNS - 2).iter().enumerate() {
                head += &format!("{} {line}\n", if i == 0 { '!' } else { ' ' });
            }
        }
        let name = self.facts.iter().map(|f| len(&f.0)).max().unwrap_or(0).min(28);
        for (what, value) in &self.facts {
            for (i, line) in wrap(value, COLUMNS - name - 4).iter().enumerate() {
                let what = if i == 0 { what.as_str() } else { "" };
                head += &(format!("  {}  {line}", cell(what, name)).trim_end().to_string() + "\n");
            }
        }
        let parts: Vec<String> =
            std::iter::once(head).chain(self.charts.iter().map(Chart::plain)).collect();
        compose_plain(&parts)
    }

    /// Writes the report as a page of its own; the name ends in `.html`.
    ///
    /// # Errors
    /// If the name has another ending, or the file cannot be written; an old one is then still there.
    /// Folders are not created.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let title = if self.title.is_empty() { "Report" } else { &self.title };
        let page = format!(
            r#"<!DOCTYPE html>
<html lang="en" style="color-scheme:light dark"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>{}</title>{}</head>
<body style="margin:16px auto;max-width:1240px;padding:0 12px">{}</body></html>
"#,
            escape(title),
            sheet(),
            self.html()
        );
        write(path.as_ref(), "html", "a report", &page)
    }

    /// Gives before a long run the error that [`Report::save`] would give after it.
    ///
    /// # Errors
    /// When the name or the folder is wrong; see [`output::check`].
    pub fn check(path: impl AsRef<Path>) -> Result<()> {
        named(path.as_ref(), "html", "a report")?;
        output::check(path)
    }
}

/// The card that everything stands on.
pub(super) fn block(content: &str) -> String {
    format!(
        r#"<div style="box-sizing:border-box;max-width:1240px;background:{CARD};color:{INK};border:1px solid {BORDER};border-radius:10px;padding:12px;font-family:{FONT};font-size:14px;line-height:1.45">{content}</div>"#
    )
}

/// The heading and the line below it.
pub(super) fn head(title: &str, subtitle: &str) -> String {
    let mut out = String::new();
    if !title.is_empty() {
        out += &format!(
            r#"<div role="heading" aria-level="3" style="font-size:18px;font-weight:600;line-height:1.3;{BREAK}">{}</div>"#,
            escape(title)
        );
    }
    if !subtitle.is_empty() {
        out += &format!(
            r#"<div style="color:{MUTED};font-size:13px;{BREAK}">{}</div>"#,
            escape(subtitle)
        );
    }
    out
}

/// What must not be overlooked.
pub(super) fn note(text: &str) -> String {
    format!(
        r#"<div role="note" style="margin:10px 0 0;padding:7px 11px;background:#FFF3DC;color:#5C3B00;border-left:4px solid #E69F00;border-radius:4px;font-size:13px;{BREAK}">{}</div>"#,
        escape(text)
    )
}

/// Names and values side by side, first the short ones in twos, so that none stands alone on a line.
pub(super) fn tiles(facts: &[(String, String)]) -> String {
    if facts.is_empty() {
        return String::new();
    }
    let tile = |place: &str, face: &str, (name, value): &(String, String)| {
        format!(
            r#"<div style="{place};min-width:0"><div style="color:{MUTED};font-size:12px;line-height:1.3">{}</div><div style="{face};line-height:1.4;{BREAK}">{}</div></div>"#,
            escape(name),
            escape(value)
        )
    };
    // A long value, such as an architecture, has a line of its own.
    let long = |fact: &(String, String)| len(&fact.1) > 24;
    let mut tiles = String::new();
    let (wide, short): (Vec<_>, Vec<_>) = facts.iter().partition(|&fact| long(fact));
    for run in [short, wide] {
        let mut rest = &run[..];
        while let Some(&first) = rest.first() {
            if long(first) {
                let face = format!("font-family:{MONO};font-size:12.5px");
                tiles += &tile("flex:1 1 100%", &face, first);
                rest = &rest[1..];
                continue;
            }
            // The last three of an odd number stay together.
            let n = if rest.len() == 3 { 3 } else { rest.len().min(2) };
            let face = "font-weight:600;font-size:15px";
            let group: String =
                rest[..n].iter().map(|&f| tile("flex:0 1 150px", face, f)).collect();
            tiles += &format!(
                r#"<div style="display:flex;flex:0 1 {}px;min-width:0;gap:8px 16px">{group}</div>"#,
                n * 166 - 16
            );
            rest = &rest[n..];
        }
    }
    format!(
        r#"<div style="display:flex;flex-wrap:wrap;gap:8px 16px;margin:12px 0 0">{tiles}</div>"#
    )
}

/// The charts below all that.
pub(super) fn side_by_side(charts: &[Chart]) -> String {
    let charts: Vec<String> = charts.iter().map(Chart::html).collect();
    match charts.is_empty() {
        true => String::new(),
        false => format!(r#"<div style="margin:14px 0 0">{}</div>"#, compose_html(&charts)),
    }
}

/// Writes a file if its name has the right ending.
pub(super) fn write(path: &Path, end: &str, what: &str, text: &str) -> Result<()> {
    named(path, end, what)?;
    output::write(path, text)
}

/// Refuses a name with another ending, except for what is not a regular file.
pub(super) fn named(path: &Path, end: &str, what: &str) -> Result<()> {
    if path.extension().is_some_and(|e| e.eq_ignore_ascii_case(end)) || output::special(path) {
        return Ok(());
    }
    let name = match path.as_os_str().is_empty() {
        true => std::path::PathBuf::from(format!("chart.{end}")),
        false => path.with_extension(end),
    };
    Err(Error::invalid(
        format!("save({:?})", path.display().to_string()),
        format!("{what} is saved as .{end} only"),
        format!("save({:?})", name.display().to_string()),
    ))
}

/// Several outputs as one: pictures of a plot's size side by side where there is room, everything
/// else below one another. A single part comes back as it is.
pub fn compose_html(parts: &[String]) -> String {
    if let [one] = parts {
        return one.clone();
    }
    let half = |part: &&String| part.starts_with(r#"<svg data-nascent="half""#);
    let parts: Vec<&String> = parts.iter().filter(|part| !part.trim().is_empty()).collect();
    let mut items = String::new();
    for run in parts.chunk_by(|a, b| half(a) == half(b)) {
        let basis = if half(&run[0]) { "1 1 330px" } else { "1 1 100%" };
        for part in run {
            items += &format!(
                r#"<div style="box-sizing:border-box;flex:{basis};min-width:0;max-width:100%">{part}</div>"#
            );
        }
        // Up to three stand in a row; empty places keep the last ones as large as the others.
        if half(&run[0]) && run.len() > 1 {
            items += &r#"<div style="flex:1 1 330px;height:0"></div>"#.repeat(2);
        }
    }
    format!(
        r#"<div style="display:flex;flex-wrap:wrap;gap:12px;align-items:flex-start">{items}</div>"#
    )
}

/// Several texts as one, a blank line between them.
pub fn compose_plain(parts: &[String]) -> String {
    let parts: Vec<&str> =
        parts.iter().map(|p| p.trim_end_matches('\n')).filter(|p| !p.trim().is_empty()).collect();
    if parts.is_empty() { String::new() } else { parts.join("\n\n") + "\n" }
}

#[cfg(test)]
mod tests {
    use super::super::{charts, check};
    use super::*;

    #[test]
    fn every_chart_fits_a_report() {
        let mut report = Report {
            title: "<Evolution> & \"digits\"".into(),
            subtitle: "s ".repeat(200),
            facts: vec![
                ("best".into(), "0.9871".into()),
                ("architecture".into(), "conv(16, 3) > ".repeat(30)),
            ],
            notices: vec!["3 of 20 trials failed: ".repeat(9)],
            charts: charts().iter().map(|c| (c.example)()).collect(),
        };
        check::html(&report.html());
        assert!(report.plain().lines().all(|l| len(l) <= COLUMNS));
        check::html(&Report::default().html());
        assert_eq!(Report::default().plain(), "");
        report.charts.clear();
        assert!(!report.html().contains("<svg"));
    }

    #[test]
    fn reports_are_saved_as_html_only() {
        let file = std::env::temp_dir().join(format!("nascent-report-{}.html", std::process::id()));
        Report::default().save(&file).unwrap();
        assert!(std::fs::read_to_string(&file).unwrap().starts_with("<!DOCTYPE html>"));
        std::fs::remove_file(&file).unwrap();
        let said = Report::default().save("report.pdf").unwrap_err().to_string();
        assert_eq!(
            said,
            "save(\"report.pdf\"): a report is saved as .html only. Try save(\"report.html\")."
        );
        let said = Report::default().save("/no/such/folder/report.html").unwrap_err().to_string();
        assert!(
            said.ends_with("Make the folder /no/such/folder first, or try report.html."),
            "{said}"
        );
    }

    #[test]
    fn composing_keeps_single_parts_as_they_are() {
        assert_eq!(compose_html(&["<p>x</p>".into()]), "<p>x</p>");
        check::html(&compose_html(&[]));
        assert_eq!(compose_plain(&["a\n".into(), String::new(), "b".into()]), "a\n\nb\n");
    }
}
