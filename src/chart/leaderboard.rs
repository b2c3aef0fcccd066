//! The leaderboard: the best trials as a table. In a notebook it is HTML, which can be copied and
//! wraps on a phone; as a file it is SVG like every other chart.

use super::Draw;
use super::plain::{numeric, table, wrap as wrap_plain};
use super::svg::{Anchor, Svg, nothing};
use super::theme::{BORDER, BREAK, CARD, FONT, Font, INK, MONO, MUTED, escape, width, wrap};
use crate::words::plural;
use serde::{Deserialize, Serialize};

/// A table of the best trials, the best first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Leaderboard {
    /// The headings of the columns.
    pub columns: Vec<String>,
    /// The rows, each as long as `columns`; missing cells are empty.
    pub rows: Vec<Vec<String>>,
    /// A remark below the table; may be empty.
    pub note: String,
}

/// A column as it is set.
struct Column {
    /// Numbers are aligned to the right.
    right: bool,
    /// Long texts, such as architectures, are monospaced and wrap.
    long: bool,
}

impl Column {
    fn font(&self) -> Font {
        if self.long { Font::CODE } else { Font::TEXT }
    }
}

/// A cell; empty if the row is too short.
fn cell(row: &[String], c: usize) -> &str {
    row.get(c).map_or("", String::as_str)
}

impl Leaderboard {
    /// The columns; none without rows.
    fn columns(&self) -> Vec<Column> {
        let Some(longest) = self.rows.iter().map(Vec::len).max() else { return vec![] };
        let column = |c| {
            let cells = || self.rows.iter().map(move |r| cell(r, c));
            let long = cells().any(|t| t.chars().count() > 26);
            Column { right: numeric(cells()), long }
        };
        (0..longest.max(self.columns.len())).map(column).collect()
    }

    /// The width of the widest cell of a column, its heading included.
    fn widest(&self, c: usize, font: Font, head: Font) -> f64 {
        let cells = self.rows.iter().map(|r| width(cell(r, c), font));
        cells.fold(width(cell(&self.columns, c), head), f64::max)
    }

    /// Widths in pixels that add up to `room` at most: long columns give way first.
    fn widths(&self, columns: &[Column], room: f64) -> Vec<f64> {
        let all = columns.iter().enumerate();
        let wanted = all.map(|(c, column)| self.widest(c, column.font(), Font::NOTE.bold()) + 1.0);
        let mut widths: Vec<f64> = wanted.collect();
        let total: f64 = widths.iter().sum();
        let long: f64 = widths.iter().zip(columns).filter(|(_, c)| c.long).map(|(w, _)| w).sum();
        if total > room && long > 0.0 {
            let left = (room - (total - long)).max(room * 0.3);
            let long_ones = widths.iter_mut().zip(columns).filter(|(_, c)| c.long);
            long_ones.for_each(|(w, _)| *w *= (left / long).min(1.0));
        }
        let total: f64 = widths.iter().sum();
        if total > room {
            widths.iter_mut().for_each(|w| *w *= room / total);
        }
        widths
    }
}

const WHY: &str = "no trial has finished";

impl Draw for Leaderboard {
    fn svg(&self) -> String {
        let columns = self.columns();
        if columns.is_empty() {
            return nothing("Leaderboard", WHY);
        }
        let (most, gap, pad) = (760.0, 18.0, 16.0);
        let room = most - 2.0 * pad - gap * (columns.len() - 1) as f64;
        let widths = self.widths(&columns, room.max(80.0));
        let gap = gap.min((most - 2.0 * pad) / columns.len() as f64 / 3.0);
        let total = (2.0 * pad + widths.iter().sum::<f64>() + gap * (columns.len() - 1) as f64)
            .clamp(220.0, most);
        let mut lefts = vec![pad];
        widths.iter().for_each(|w| lefts.push(lefts[lefts.len() - 1] + w + gap));
        let place = |c: usize| match columns[c].right {
            true => (lefts[c] + widths[c], Anchor::End),
            false => (lefts[c], Anchor::Start),
        };

        let mut svg = Svg::default();
        for (c, wide) in widths.iter().enumerate() {
            let ((x, anchor), head) = (place(c), cell(&self.columns, c));
            svg.text((x, 26.0), head, Font::NOTE.bold(), anchor, wide + gap * 0.6);
        }
        let mut y = 36.0;
        svg.line((pad, y), (total - pad, y), "#B9BDBF", 1.0);
        for (i, row) in self.rows.iter().enumerate() {
            let set = |c: usize| {
                if !columns[c].long {
                    return vec![cell(row, c).to_string()];
                }
                let mut lines = wrap(cell(row, c), Font::CODE, widths[c]);
                if lines.len() > 6 {
                    lines.truncate(6);
                    lines[5].push('…');
                }
                lines
            };
            let cells: Vec<Vec<String>> = (0..columns.len()).map(set).collect();
            let lines = cells.iter().map(Vec::len).max().unwrap_or(1) as f64;
            let height = 12.0 + 14.0 * lines;
            if i == 0 {
                let area = (pad - 8.0, y + 0.5, total - 2.0 * pad + 16.0, height - 0.5);
                svg.rect(area, 3.0, "#E3F0F8", "");
            }
            for (c, lines) in cells.iter().enumerate() {
                let (x, anchor) = place(c);
                let font = columns[c].font();
                let font = if i == 0 && !columns[c].long { font.bold() } else { font };
                for (l, line) in lines.iter().enumerate() {
                    let at = (x, y + 17.0 + 14.0 * l as f64);
                    svg.text(at, line, font, anchor, widths[c] + gap * 0.6);
                }
            }
            y += height;
            svg.line((pad, y), (total - pad, y), "#E6E7E4", 1.0);
        }
        for line in wrap(&self.note, Font::NOTE, total - 2.0 * pad) {
            if !line.is_empty() {
                y += 16.0;
                svg.text((pad, y + 2.0), &line, Font::NOTE, Anchor::Start, total - 2.0 * pad);
            }
        }
        let said =
            format!("The best {}: {}", plural(self.rows.len(), "trial"), self.rows[0].join(", "));
        svg.finish((total, y + 14.0), total, "Leaderboard", &said)
    }

    fn html(&self) -> String {
        let columns = self.columns();
        if columns.is_empty() {
            return nothing("Leaderboard", WHY);
        }
        // Rows are flexible boxes: a long cell is beside the numbers where there is room, and
        // below them on a phone. The columns of numbers need a width for that.
        let (text, head) = (Font::TEXT.size(13.0).bold(), Font::NOTE.size(12.0).bold());
        let place = |(c, column): (usize, &Column)| {
            let wide = self.widest(c, text, head);
            let align =
                if column.right { "right;white-space:nowrap" } else { "left;white-space:normal" };
            let flex = match column.long {
                // Before numbers, it leaves room for them.
                true if c + 1 < columns.len() => "1 1 150px".into(),
                true => "1 1 290px".into(),
                false => format!("0 0 {:.0}px", wide.min(260.0) + 18.0),
            };
            format!(
                "box-sizing:border-box;display:block;flex:{flex};min-width:0;text-align:{align};padding:6px 8px;border:0;background:transparent;{BREAK}"
            )
        };
        let places: Vec<String> = columns.iter().enumerate().map(place).collect();
        let row = |line: &str, back: &str, cells: String| {
            format!(
                r#"<tr role="row" style="display:flex;flex-wrap:wrap;align-items:baseline;padding:0;border:0;border-bottom:1px solid {line};background:{back}">{cells}</tr>"#
            )
        };
        let head = |(c, place): (usize, &String)| {
            let text = escape(cell(&self.columns, c));
            format!(
                r#"<th role="columnheader" scope="col" style="{place};font-weight:600;font-size:12px;color:{MUTED}">{text}</th>"#
            )
        };
        let heads = row("#B9BDBF", CARD, places.iter().enumerate().map(head).collect());
        let mut rows = String::new();
        for (i, cells) in self.rows.iter().enumerate() {
            let set = |(c, place): (usize, &String)| {
                let face = match columns[c].long {
                    true => format!("font-family:{MONO};font-size:12px"),
                    false if i == 0 => "font-weight:600;font-variant-numeric:tabular-nums".into(),
                    false => "font-variant-numeric:tabular-nums".into(),
                };
                let text = escape(cell(cells, c)).replace("&gt;", "&gt;<wbr/>");
                format!(r#"<td role="cell" style="{place};{face}">{text}</td>"#)
            };
            let cells = places.iter().enumerate().map(set).collect();
            rows += &row("#E6E7E4", if i == 0 { "#E3F0F8" } else { CARD }, cells);
        }
        let note = match self.note.is_empty() {
            true => String::new(),
            false => format!(
                r#"<div style="padding:8px 8px 2px;font-size:12px;color:{MUTED};{BREAK}">{}</div>"#,
                escape(&self.note)
            ),
        };
        let block = "display:block;margin:0;padding:0;border:0";
        format!(
            r#"<div style="box-sizing:border-box;display:inline-block;max-width:100%;background:{CARD};color:{INK};border:1px solid {BORDER};border-radius:8px;padding:4px 6px 8px;font-family:{FONT};font-size:13px;line-height:1.4"><table role="table" aria-label="Leaderboard" style="{block};width:auto;color:{INK};background:{CARD};font-size:13px"><thead role="rowgroup" style="{block}">{heads}</thead><tbody role="rowgroup" style="{block}">{rows}</tbody></table>{note}</div>"#
        )
    }

    fn plain(&self) -> String {
        if self.columns().is_empty() {
            return format!("Leaderboard\nnothing to draw yet: {WHY}\n");
        }
        let note: String = match self.note.is_empty() {
            true => String::new(),
            false => wrap_plain(&self.note, 80).into_iter().map(|l| l + "\n").collect(),
        };
        table(&self.columns, &self.rows) + &note
    }
}

/// The best of twenty trials on the digits.
pub(super) fn example() -> Leaderboard {
    let row = |cells: &str| cells.split(" | ").map(String::from).collect::<Vec<_>>();
    let rows = [
        "1 | 19 | 0.9871 | 190.3 k | 2.4 s | conv(32, 3) > conv(32, 5).residual() > sep_conv(32, 3) > max_pool(2) > global_avg_pool()",
        "2 | 16 | 0.9822 | 88.1 k | 1.9 s | conv(16, 3) > conv(32, 3).residual() > max_pool(2) > global_avg_pool()",
        "3 | 14 | 0.9801 | 48.2 k | 1.7 s | conv(16, 3) > sep_conv(32, 3) > sep_conv(32, 3) > global_avg_pool()",
        "4 | 12 | 0.9764 | 33.8 k | 1.2 s | conv(32, 3) > max_pool(2) > global_avg_pool()",
        "5 | 10 | 0.9731 | 9.8 k | 980 ms | conv(16, 3) > sep_conv(32, 3) > global_avg_pool()",
    ];
    Leaderboard {
        columns: row("# | trial | accuracy | parameters | time | architecture"),
        rows: rows.map(row).into(),
        note: "validation scores; the test set has not been used".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    #[test]
    fn numbers_are_at_the_right_and_architectures_wrap() {
        let columns = example().columns();
        assert_eq!(
            columns.iter().map(|c| c.right).collect::<Vec<_>>(),
            [true, true, true, true, true, false]
        );
        assert_eq!(columns.iter().filter(|c| c.long).count(), 1);
        check::html(&example().html());
    }

    #[test]
    fn names_of_any_length_keep_clear_of_the_numbers_beside_them() {
        for letters in [1, 20, 26, 27, 36, 37, 50, 80, 200] {
            for name in ["w".repeat(letters), "ab ".repeat(letters / 3 + 1), "網".repeat(letters)]
            {
                let numbers = ["0.9871 ± 0.0123", "0.9841 to 0.9899", "0.9870", "1.83", "97 %"];
                let row = |name: &str| {
                    let numbers = numbers.iter().map(|n| n.to_string());
                    [name.to_string()].into_iter().chain(numbers).collect::<Vec<String>>()
                };
                let columns = ["strategy", "mean accuracy ± sd", "95 % of the mean", "median"];
                let columns = columns.iter().chain(&["rank", "beats random"]);
                let table = Leaderboard {
                    columns: columns.map(|c| c.to_string()).collect(),
                    rows: vec![row(&name), row("random")],
                    note: name.clone(),
                };
                check::chart(&table);
                // The numbers are shown whole.
                let (svg, plain) = (table.svg(), table.plain());
                numbers.iter().for_each(|n| assert!(svg.contains(&format!(">{n}<")), "{n}: {svg}"));
                assert!(plain.contains("0.9870") && plain.contains("97 %"), "{plain}");
            }
        }
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let cases = [
            Leaderboard::default(),
            Leaderboard { rows: vec![vec![]], ..example() },
            Leaderboard { rows: vec![vec!["<b>".into()], vec!["a".into(); 9]], ..example() },
            Leaderboard {
                columns: vec!["column".into(); 30],
                rows: vec![vec!["0.123456".into(); 30]; 3],
                note: "x ".repeat(900),
            },
            Leaderboard { rows: vec![vec!["conv".repeat(400); 3]; 2], ..example() },
            Leaderboard { rows: vec![vec!["1".into(); 6]; 3000], ..example() },
        ];
        for case in &cases {
            check::chart(case);
            check::html(&case.html());
        }
    }
}
