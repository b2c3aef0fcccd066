//! A table that its user fills, row by row, and that is shown by one call: numbers at the right, with as many decimals as
//! their column needs; long texts wrap. In a notebook it is HTML, in a terminal text, as a file SVG.

use super::Draw;
use super::plain::{numeric, table, wrap as wrap_plain};
use super::svg::{Anchor, Svg, nothing};
use super::theme::{BORDER, BREAK, CARD, FONT, Font, INK, MONO, MUTED, escape, score, width, wrap};
use crate::words::{plural, thousands};
use serde::{Deserialize, Serialize};

/// A table of rows.
///
/// ```
/// use nascent::prelude::*;
/// let mut listing = Listing::new(["epochs", "tau", "what"]);
/// for (epochs, tau) in [(1, 0.514), (9, 0.88)] {
///     listing.add((epochs, tau, format!("after {epochs}")));
/// }
/// let chart = Chart::new(listing);        // or the listing itself, as the last value of a cell
/// assert!(chart.plain().contains("     1  0.5140  after 1"), "{chart}");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Listing {
    /// A line above the table; may be empty.
    pub title: String,
    /// The headings of the columns.
    pub columns: Vec<String>,
    /// The rows; missing cells are empty.
    pub rows: Vec<Vec<Entry>>,
    /// A remark below the table; may be empty.
    pub note: String,
}

/// A cell of a [`Listing`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Entry {
    /// As it is.
    Text(String),
    /// A whole number; with separators where one of its column has more than four digits.
    Whole(i64),
    /// A number, with as many decimals as the others of its column; one that is not finite is a dash.
    Number(#[serde(with = "dash")] f64),
}

/// JSON has no number that is not finite: it is null there, and NaN again when read.
mod dash {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    // A reference is what serde gives.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    pub(super) fn serialize<S: Serializer>(v: &f64, to: S) -> Result<S::Ok, S::Error> {
        v.is_finite().then_some(*v).serialize(to)
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<f64, D::Error> {
        Ok(Option::deserialize(from)?.unwrap_or(f64::NAN))
    }
}

impl Listing {
    /// A table with these headings and no rows yet.
    pub fn new<S: AsRef<str>>(columns: impl IntoIterator<Item = S>) -> Listing {
        let columns = columns.into_iter().map(|name| name.as_ref().to_string()).collect();
        Listing { columns, ..Listing::default() }
    }

    /// Adds a row: a tuple, a list or an array of texts, numbers, options of them (`None` is a dash) and whatever else
    /// can be an [`Entry`].
    pub fn add(&mut self, row: impl IntoRow) {
        self.rows.push(row.row());
    }

    /// The same with a line above it.
    #[must_use = "a setting returns a new listing and leaves this one as it is"]
    pub fn titled(&self, title: &str) -> Listing {
        Listing { title: title.into(), ..self.clone() }
    }

    /// The same with a remark below it.
    #[must_use = "a setting returns a new listing and leaves this one as it is"]
    pub fn noted(&self, note: &str) -> Listing {
        Listing { note: note.into(), ..self.clone() }
    }

    /// The cells in words, column by column in one number of decimals.
    fn words(&self) -> Vec<Vec<String>> {
        let longest = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let decimals: Vec<Option<usize>> = (0..longest)
            .map(|c| {
                let numbers = self.rows.iter().filter_map(|row| match row.get(c) {
                    Some(Entry::Number(v)) if v.is_finite() => Some(*v),
                    _ => None,
                });
                decimals(numbers)
            })
            .collect();
        let wide = |entry: Option<&Entry>| match entry {
            Some(Entry::Whole(n)) => n.unsigned_abs() >= 10_000,
            _ => false,
        };
        let long: Vec<bool> =
            (0..longest).map(|c| self.rows.iter().any(|row| wide(row.get(c)))).collect();
        let word = |(c, entry): (usize, &Entry)| match (entry, decimals[c]) {
            (Entry::Text(text), _) => text.clone(),
            (Entry::Whole(n), _) if !long[c] => n.to_string(),
            (Entry::Whole(n), _) => {
                let sign = if *n < 0 { "-" } else { "" };
                format!("{sign}{}", thousands(n.unsigned_abs().into()))
            }
            (Entry::Number(v), _) if !v.is_finite() => "–".into(),
            // A negative zero is a zero.
            (Entry::Number(v), Some(decimals)) => format!("{:.decimals$}", v + 0.0),
            (Entry::Number(v), None) => score(*v),
        };
        self.rows.iter().map(|row| row.iter().enumerate().map(word).collect()).collect()
    }

    fn sheet<'a>(&'a self, rows: &'a [Vec<String>]) -> Sheet<'a> {
        Sheet {
            title: &self.title,
            name: "Table",
            said: format!("{}, the first", plural(rows.len(), "row")),
            why: "it has no rows",
            columns: &self.columns,
            rows,
            note: &self.note,
            marked: None,
        }
    }
}

/// As many decimals as show four digits of the largest number and two of the smallest, but none where all are whole;
/// `None` where that is more than six.
fn decimals(numbers: impl Iterator<Item = f64> + Clone) -> Option<usize> {
    if numbers.clone().all(|v| v.fract() == 0.0 && v.abs() < 1e15) {
        return Some(0);
    }
    let sizes = numbers.map(f64::abs).filter(|v| *v > 0.0);
    let (least, most) =
        sizes.fold((f64::INFINITY, 0.0), |(a, b): (f64, f64), v| (a.min(v), b.max(v)));
    let wanted = (3.0 - most.log10().floor()).max(1.0 - least.log10().floor()).max(0.0);
    (most < 1e9 && wanted <= 6.0).then_some(wanted as usize)
}

/// What can be a cell of a [`Listing`]: texts, numbers, yes and no, options of them, architectures.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a cell of a table",
    label = "give a text, a number, an option of them or an architecture; format!(\"{{value}}\") makes a text"
)]
pub trait IntoEntry {
    /// The cell.
    fn entry(&self) -> Entry;
}

impl IntoEntry for Entry {
    fn entry(&self) -> Entry {
        self.clone()
    }
}

impl IntoEntry for str {
    fn entry(&self) -> Entry {
        Entry::Text(self.into())
    }
}

impl IntoEntry for String {
    fn entry(&self) -> Entry {
        Entry::Text(self.clone())
    }
}

impl IntoEntry for bool {
    fn entry(&self) -> Entry {
        Entry::Text(if *self { "yes" } else { "no" }.into())
    }
}

impl<T: IntoEntry> IntoEntry for Option<T> {
    fn entry(&self) -> Entry {
        self.as_ref().map_or(Entry::Text("–".into()), IntoEntry::entry)
    }
}

impl<T: IntoEntry + ?Sized> IntoEntry for &T {
    fn entry(&self) -> Entry {
        (**self).entry()
    }
}

macro_rules! numbers {
    ($($whole:ty)*; $($part:ty)*) => {
        $(impl IntoEntry for $whole {
            fn entry(&self) -> Entry {
                i64::try_from(*self).map_or(Entry::Number(*self as f64), Entry::Whole)
            }
        })*
        $(impl IntoEntry for $part {
            fn entry(&self) -> Entry {
                Entry::Number(f64::from(*self))
            }
        })*
    };
}
numbers!(i8 i16 i32 i64 isize u8 u16 u32 u64 usize u128; f32 f64);

/// What can be a row of a [`Listing`]: a tuple of up to ten cells, or a list of cells of one type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a row of a table",
    label = "give a tuple such as (name, 12, 0.5), a list or an array of texts or numbers"
)]
pub trait IntoRow {
    /// The cells.
    fn row(&self) -> Vec<Entry>;
}

impl<T: IntoEntry> IntoRow for [T] {
    fn row(&self) -> Vec<Entry> {
        self.iter().map(IntoEntry::entry).collect()
    }
}

impl<T: IntoEntry> IntoRow for Vec<T> {
    fn row(&self) -> Vec<Entry> {
        self[..].row()
    }
}

impl<T: IntoEntry, const N: usize> IntoRow for [T; N] {
    fn row(&self) -> Vec<Entry> {
        self[..].row()
    }
}

impl<T: IntoRow + ?Sized> IntoRow for &T {
    fn row(&self) -> Vec<Entry> {
        (**self).row()
    }
}

macro_rules! tuples {
    ($($($name:ident)+;)*) => {$(
        impl<$($name: IntoEntry),+> IntoRow for ($($name,)+) {
            #[allow(non_snake_case)]
            fn row(&self) -> Vec<Entry> {
                let ($($name,)+) = self;
                vec![$($name.entry()),+]
            }
        }
    )*};
}
tuples! {
    A; A B; A B C; A B C D; A B C D E; A B C D E F; A B C D E F G; A B C D E F G H; A B C D E F G H I;
    A B C D E F G H I J;
}

impl Draw for Listing {
    fn svg(&self) -> String {
        self.sheet(&self.words()).svg()
    }
    fn html(&self) -> String {
        self.sheet(&self.words()).html()
    }
    fn plain(&self) -> String {
        self.sheet(&self.words()).plain()
    }
}

/// A column as it is set.
pub(super) struct Column {
    /// Numbers are aligned to the right.
    pub right: bool,
    /// Long texts, such as architectures, are monospaced and wrap.
    pub long: bool,
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

/// A table that is drawn: that of a [`Listing`] or of a leaderboard.
pub(super) struct Sheet<'a> {
    /// A line above the table; may be empty.
    pub title: &'a str,
    /// What kind of table it is, for those who cannot see it.
    pub name: &'a str,
    /// What the first row is, or the table.
    pub said: String,
    /// Why there may be no rows.
    pub why: &'a str,
    pub columns: &'a [String],
    pub rows: &'a [Vec<String>],
    pub note: &'a str,
    /// A row that stands out.
    pub marked: Option<usize>,
}

impl Sheet<'_> {
    /// The columns as they are set; none without rows.
    pub fn set(&self) -> Vec<Column> {
        let Some(longest) = self.rows.iter().map(Vec::len).max() else { return vec![] };
        let column = |c| {
            let cells = || self.rows.iter().map(move |r| cell(r, c));
            let long = cells().any(|t| t.chars().count() > 26);
            Column { right: numeric(cells()), long }
        };
        (0..longest.max(self.columns.len())).map(column).collect()
    }

    fn heading(&self) -> &str {
        if self.title.is_empty() { self.name } else { self.title }
    }

    fn marked(&self, row: usize) -> bool {
        self.marked == Some(row)
    }

    /// The width of the widest cell of a column, its heading included.
    fn widest(&self, c: usize, font: Font, head: Font) -> f64 {
        let cells = self.rows.iter().map(|r| width(cell(r, c), font));
        cells.fold(width(cell(self.columns, c), head), f64::max)
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
        // Then other texts; numbers last, for a part of a number is another number.
        let of = |right: bool, widths: &[f64]| -> f64 {
            widths.iter().zip(columns).filter(|(_, c)| c.right == right).map(|(w, _)| w).sum()
        };
        let (texts, numbers) = (of(false, &widths), of(true, &widths));
        if texts + numbers > room && texts > 0.0 {
            let share = ((room - numbers) / texts).clamp(0.25, 1.0);
            let words = widths.iter_mut().zip(columns).filter(|(_, c)| !c.right);
            words.for_each(|(w, _)| *w *= share);
        }
        let total: f64 = widths.iter().sum();
        if total > room {
            widths.iter_mut().for_each(|w| *w *= room / total);
        }
        widths
    }

    pub fn svg(&self) -> String {
        let columns = self.set();
        if columns.is_empty() {
            return nothing(self.heading(), self.why);
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
        let mut y = 0.0;
        for line in wrap(self.title, Font::TITLE, total - 2.0 * pad) {
            if !line.is_empty() {
                y += 20.0;
                svg.text((pad, y + 5.0), &line, Font::TITLE, Anchor::Start, total - 2.0 * pad);
            }
        }
        for (c, wide) in widths.iter().enumerate() {
            let ((x, anchor), head) = (place(c), cell(self.columns, c));
            svg.text((x, y + 26.0), head, Font::NOTE.bold(), anchor, wide + gap * 0.6);
        }
        y += 36.0;
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
            if self.marked(i) {
                let area = (pad - 8.0, y + 0.5, total - 2.0 * pad + 16.0, height - 0.5);
                svg.rect(area, 3.0, "#E3F0F8", "");
            }
            for (c, lines) in cells.iter().enumerate() {
                let (x, anchor) = place(c);
                let font = columns[c].font();
                let font = if self.marked(i) && !columns[c].long { font.bold() } else { font };
                for (l, line) in lines.iter().enumerate() {
                    let at = (x, y + 17.0 + 14.0 * l as f64);
                    svg.text(at, line, font, anchor, widths[c] + gap * 0.6);
                }
            }
            y += height;
            svg.line((pad, y), (total - pad, y), "#E6E7E4", 1.0);
        }
        for line in wrap(self.note, Font::NOTE, total - 2.0 * pad) {
            if !line.is_empty() {
                y += 16.0;
                svg.text((pad, y + 2.0), &line, Font::NOTE, Anchor::Start, total - 2.0 * pad);
            }
        }
        let said = format!("{}: {}", self.said, self.rows[0].join(", "));
        svg.finish((total, y + 14.0), total, self.heading(), &said)
    }

    pub fn html(&self) -> String {
        let columns = self.set();
        if columns.is_empty() {
            return nothing(self.heading(), self.why);
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
            let text = escape(cell(self.columns, c));
            format!(
                r#"<th role="columnheader" scope="col" style="{place};white-space:normal;font-weight:600;font-size:12px;color:{MUTED}">{text}</th>"#
            )
        };
        let heads = row("#B9BDBF", CARD, places.iter().enumerate().map(head).collect());
        let mut rows = String::new();
        for (i, cells) in self.rows.iter().enumerate() {
            let set = |(c, place): (usize, &String)| {
                let face = match columns[c].long {
                    true => format!("font-family:{MONO};font-size:12px"),
                    false if self.marked(i) => {
                        "font-weight:600;font-variant-numeric:tabular-nums".into()
                    }
                    false => "font-variant-numeric:tabular-nums".into(),
                };
                let text = escape(cell(cells, c)).replace("&gt;", "&gt;<wbr/>");
                format!(r#"<td role="cell" style="{place};{face}">{text}</td>"#)
            };
            let cells = places.iter().enumerate().map(set).collect();
            rows += &row("#E6E7E4", if self.marked(i) { "#E3F0F8" } else { CARD }, cells);
        }
        let note = match self.note.is_empty() {
            true => String::new(),
            false => format!(
                r#"<div style="padding:8px 8px 2px;font-size:12px;color:{MUTED};{BREAK}">{}</div>"#,
                escape(self.note)
            ),
        };
        let title = match self.title.is_empty() {
            true => String::new(),
            false => format!(
                r#"<div style="padding:6px 8px 2px;font-size:14px;font-weight:600;{BREAK}">{}</div>"#,
                escape(self.title)
            ),
        };
        let name = escape(self.heading());
        let block = "display:block;margin:0;padding:0;border:0";
        format!(
            r#"<div style="box-sizing:border-box;display:inline-block;max-width:100%;background:{CARD};color:{INK};border:1px solid {BORDER};border-radius:8px;padding:4px 6px 8px;font-family:{FONT};font-size:13px;line-height:1.4">{title}<table role="table" aria-label="{name}" style="{block};width:auto;color:{INK};background:{CARD};font-size:13px"><thead role="rowgroup" style="{block}">{heads}</thead><tbody role="rowgroup" style="{block}">{rows}</tbody></table>{note}</div>"#
        )
    }

    pub fn plain(&self) -> String {
        if self.set().is_empty() {
            return format!("{}\nnothing to draw yet: {}\n", self.heading(), self.why);
        }
        let note: String = match self.note.is_empty() {
            true => String::new(),
            false => wrap_plain(self.note, 80).into_iter().map(|l| l + "\n").collect(),
        };
        {
            let title = match self.title {
                "" => String::new(),
                title => wrap_plain(title, 80).into_iter().map(|l| l + "\n").collect(),
            };
            title + &table(self.columns, self.rows) + &note
        }
    }
}

/// How well the validation accuracy after few epochs ranks networks.
pub(super) fn example() -> Listing {
    let mut listing =
        Listing::new(["epochs", "Kendall's tau", "regret of the first", "parameters", "judged"]);
    for (epochs, tau, regret, params, says) in [
        (1, 0.534, Some(0.0122), 12_345, "hardly"),
        (3, 0.712, Some(0.004), 9_870, "drops the worst half"),
        (9, 0.861, Some(0.0009), 9_870, "well"),
        (27, 1.0, None, 10_421, "to the end"),
    ] {
        listing.add((epochs, tau, regret, params, says));
    }
    listing
        .titled("What an early score says")
        .noted("400 networks of MNIST-1D; regret in test accuracy")
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn column(values: &[f64]) -> Vec<String> {
        let mut listing = Listing::new(["v"]);
        values.iter().for_each(|v| listing.add((*v,)));
        listing.words().into_iter().flatten().collect()
    }

    #[test]
    fn a_column_has_one_number_of_decimals() {
        assert_eq!(column(&[0.5, 0.123_456, f64::NAN]), ["0.5000", "0.1235", "–"]);
        assert_eq!(column(&[94.1, 9.128]), ["94.10", "9.13"]);
        assert_eq!(column(&[730.0, 16.25]), ["730.0", "16.2"]);
        assert_eq!(column(&[730.0, 0.06]), ["730.000", "0.060"]);
        assert_eq!(column(&[1000.0, 0.5]), ["1000.00", "0.50"]);
        assert_eq!(column(&[2.5e-4, 1.5e-4]), ["2.5e-4", "1.5e-4"]);
        assert_eq!(column(&[-0.0, 1.0]), ["0", "1"]);
        assert_eq!(column(&[3.0, 200.0]), ["3", "200"]);
        // What four decimals would not show is written on its own.
        assert_eq!(column(&[0.5, 1e-7]), ["0.5000", "1.0e-7"]);
        assert_eq!(column(&[f64::MAX, 0.25]), ["1.80e308", "0.2500"]);
    }

    #[test]
    fn what_is_no_number_is_kept_as_a_dash() {
        let mut listing = Listing::new(["v"]);
        [f64::NAN, f64::INFINITY, 0.5].iter().for_each(|v| listing.add((*v,)));
        let text = serde_json::to_string(&listing).unwrap();
        let again: Listing = serde_json::from_str(&text).unwrap();
        assert_eq!(again.words(), [["–"], ["–"], ["0.5000"]]);
    }

    #[test]
    fn rows_of_every_kind() {
        let mut listing = Listing::new(["a", "b", "c"]);
        listing.add(("x", 1_234_567, None::<f64>));
        listing.add(vec!["y".to_string(), "z".to_string()]);
        listing.add([true, false]);
        listing.add((-12_345i64, u128::MAX, &"w"));
        let words = listing.words();
        assert_eq!(words[0], ["x", "1,234,567", "–"]);
        assert_eq!(words[2], ["yes", "no"]);
        assert_eq!(words[3][0], "-12,345");
        check::chart(&listing);
        check::html(&listing.html());
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let long = "a very long name & ".repeat(9);
        let text = |text: &str| Entry::Text(text.into());
        let cases = [
            Listing::default(),
            Listing::new(["a", "b"]),
            Listing { rows: vec![vec![]], ..example() },
            Listing { title: long.clone(), note: long.clone(), ..example() },
            Listing { rows: vec![vec![text("<b>")], vec![text(&long); 9]], ..example() },
            Listing {
                columns: vec![long.clone(); 20],
                rows: vec![vec![Entry::Number(1e300); 20]; 9],
                ..example()
            },
            Listing { rows: vec![vec![Entry::Number(0.1); 3]; 3000], ..example() },
        ];
        for case in &cases {
            check::chart(case);
            check::html(&case.html());
        }
    }
}
