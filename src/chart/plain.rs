//! Pictures for a terminal: a canvas of characters, sparklines, aligned tables; at most 80 columns,
//! no colours.

use super::letters::{clean, columns, left, pieces, right as right_of};
use super::plot::share;
use super::theme::wrap_by;

/// The widest line.
pub(crate) const COLUMNS: usize = 80;

/// The columns that a text takes.
pub(crate) fn len(text: &str) -> usize {
    columns(text)
}

/// The text on one line, cut with an ellipsis to `room` columns.
pub(crate) fn fit(text: &str, room: usize) -> String {
    let text = clean(text);
    if len(&text) <= room {
        return text;
    }
    let (mut kept, mut used) = (String::new(), 1);
    for (piece, wide) in pieces(&text) {
        used += wide;
        if used > room {
            break;
        }
        kept.push_str(piece);
    }
    format!("{}…", kept.trim_end())
}

/// The same, filled up with spaces to `room` columns.
pub(crate) fn cell(text: &str, room: usize) -> String {
    left(&fit(text, room), room)
}

/// The text in lines of at most `room` columns.
pub(crate) fn wrap(text: &str, room: usize) -> Vec<String> {
    wrap_by(text, |line| len(line) <= room)
}

/// The first lines of a chart: its title and, if anything is said about it, what is shown.
pub(crate) fn heading(title: &str, shown: &str) -> String {
    let shown = if shown.is_empty() { String::new() } else { fit(shown, COLUMNS) + "\n" };
    format!("{title}\n{shown}")
}

/// A row of block characters, one per value and at most `room` of them, from the lowest block for
/// `lo` to the highest for `hi`.
pub(crate) fn spark(values: &[f64], (lo, hi): (f64, f64), room: usize) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let shown = values.len().min(room);
    (0..shown)
        .map(|i| {
            // The last value of each stretch, so that the end of the line is the end of the data.
            let v = values[(i + 1) * values.len() / shown - 1];
            let unit = share(v, (lo, hi));
            if v.is_finite() { BLOCKS[((unit * 8.0) as usize).min(7)] } else { ' ' }
        })
        .collect()
}

/// A grid of characters with axes.
pub(crate) struct Canvas {
    cells: Vec<Vec<char>>,
}

impl Canvas {
    pub fn new(columns: usize, rows: usize) -> Canvas {
        Canvas { cells: vec![vec![' '; columns]; rows] }
    }

    /// The column and row of a point, both 0 to 1 from the lower left.
    pub fn cell(&self, (x, y): (f64, f64)) -> (usize, usize) {
        let (w, h) = (self.cells[0].len() - 1, self.cells.len() - 1);
        let place = |v: f64, n: usize| (v.clamp(0.0, 1.0) * n as f64).round() as usize;
        (place(x, w), h - place(y, h))
    }

    /// Sets a cell if it is empty, or in any case where `over`.
    pub fn put(&mut self, (column, row): (usize, usize), mark: char, over: bool) {
        match self.cells.get_mut(row).and_then(|r| r.get_mut(column)) {
            Some(cell) if over || *cell == ' ' => *cell = mark,
            _ => {}
        }
    }

    /// A line of steps through cells that lie in order of their columns.
    pub fn steps(&mut self, cells: &[(usize, usize)]) {
        for pair in cells.windows(2) {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            (x0..x1).for_each(|x| self.put((x, y0), '─', false));
            if y0 == y1 {
                continue;
            }
            let (from, to) = if y1 < y0 { ('╯', '╭') } else { ('╮', '╰') };
            self.put((x1, y0), from, true);
            (y0.min(y1) + 1..y0.max(y1)).for_each(|y| self.put((x1, y), '│', true));
            self.put((x1, y1), to, true);
        }
        if let Some(&last) = cells.last() {
            self.put(last, '─', false);
        }
    }

    /// The canvas with the labels of its axes; `under` are marks on the lower edge.
    pub fn render(&self, y: (&str, &str), x: (&str, &str), name: &str, under: &[usize]) -> String {
        let wide = len(y.0).max(len(y.1));
        let columns = self.cells[0].len();
        let mut out = String::new();
        for (i, row) in self.cells.iter().enumerate() {
            let label = match i {
                0 => y.1,
                i if i + 1 == self.cells.len() => y.0,
                _ => "",
            };
            let row: String = row.iter().collect();
            let side = if label.is_empty() { '│' } else { '┤' };
            out += &format!("{} {side}{}\n", right_of(label, wide), row.trim_end());
        }
        let edge: String =
            (0..columns).map(|c| if under.contains(&c) { '×' } else { '─' }).collect();
        out += &format!("{:wide$} └{edge}\n", "");
        let room = columns.saturating_sub(len(x.0) + len(x.1));
        let name = fit(name, room.saturating_sub(2));
        let before = room.saturating_sub(len(&name)) / 2;
        let name = left(&format!("{}{name}", " ".repeat(before)), room);
        out + &format!("{:wide$}  {}{name}{}\n", "", x.0, x.1)
    }
}

/// Whether every cell of a column is a number (with its unit) or empty.
pub(crate) fn numeric<'a>(mut cells: impl Iterator<Item = &'a str>) -> bool {
    cells.all(|cell| {
        let cell = cell.trim();
        let bare = cell.trim_start_matches(['-', '+', '−', '±', '<', '>', '~', '#']);
        cell.is_empty()
            || matches!(cell, "-" | "–" | "—" | "NaN" | "inf")
            || (bare.starts_with(|c: char| c.is_ascii_digit())
                && cell.chars().count() <= 20
                && cell.chars().filter(|c| c.is_alphabetic()).count() <= 8)
    })
}

/// A table with aligned columns: numbers at the right, the widest text column wrapped to what is left.
pub(crate) fn table(columns: &[String], rows: &[Vec<String>]) -> String {
    let n = rows.iter().map(Vec::len).max().unwrap_or(0).max(columns.len());
    if n == 0 {
        return String::new();
    }
    let cell = |row: &[String], c: usize| row.get(c).cloned().unwrap_or_default();
    let right: Vec<bool> =
        (0..n).map(|c| numeric(rows.iter().map(|r| r.get(c).map_or("", String::as_str)))).collect();
    let widest = |c| rows.iter().map(|r| len(&cell(r, c))).fold(len(&cell(columns, c)), usize::max);
    let mut wide: Vec<usize> = (0..n).map(widest).collect();
    let room = COLUMNS.saturating_sub(2 * (n - 1));
    while wide.iter().sum::<usize>() > room {
        let Some(widest) = (0..n).max_by_key(|&c| (wide[c], c)).filter(|&c| wide[c] > 1) else {
            break;
        };
        wide[widest] -= 1;
    }
    let line = |row: &[String]| -> String {
        let cells: Vec<Vec<String>> = (0..n).map(|c| wrap(&cell(row, c), wide[c].max(1))).collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or(1);
        let part = |i: usize, c: usize| {
            let text = cells[c].get(i).map_or("", String::as_str);
            if right[c] { right_of(text, wide[c]) } else { left(text, wide[c]) }
        };
        let joined = |i| (0..n).map(|c| part(i, c)).collect::<Vec<_>>().join("  ");
        (0..height).map(|i| fit(joined(i).trim_end(), COLUMNS) + "\n").collect()
    };
    let mut out = String::new();
    if !columns.is_empty() {
        let rule: Vec<String> = wide.iter().map(|w| "─".repeat(*w)).collect();
        out += &line(columns);
        out += &(fit(&rule.join("  "), COLUMNS) + "\n");
    }
    rows.iter().for_each(|row| out += &line(row));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparklines_span_their_range() {
        assert_eq!(spark(&[0.0, 0.5, 1.0], (0.0, 1.0), 10), "▁▅█");
        assert_eq!(spark(&[1.0; 100], (1.0, 1.0), 4), "▅▅▅▅");
        assert_eq!(spark(&[], (0.0, 1.0), 4), "");
        assert_eq!(spark(&[f64::NAN], (0.0, 1.0), 4), " ");
    }

    #[test]
    fn tables_stay_in_eighty_columns() {
        let columns = vec!["#".to_string(), "architecture".into(), "accuracy".into()];
        let rows = vec![vec!["1".to_string(), "conv(16, 3) -> ".repeat(20), "0.9871".into()]];
        let text = table(&columns, &rows);
        assert!(text.lines().all(|l| len(l) <= COLUMNS), "{text}");
        assert!(text.lines().nth(2).is_some_and(|l| l.ends_with("0.9871")));
        let many = vec!["x".repeat(9); 60];
        assert!(table(&many, std::slice::from_ref(&many)).lines().all(|l| len(l) <= COLUMNS));
    }
}
