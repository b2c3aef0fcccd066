//! How every picture looks: one palette, one type scale, one way to write a number.
//!
//! The colours are those of Okabe and Ito (2008), which can be told apart with every common kind of
//! colour blindness. Pictures lie on an opaque card that is nearly white, or nearly black on a dark page
//! (`dark.rs`). SVG cannot measure text. The widths here are those of DejaVu Sans, a
//! wide typeface, so that a label never grows beyond its place in another one.

pub use crate::words::{human_count, human_seconds, score};

use super::Family;
use super::letters::{clean, pieces};

/// Okabe and Ito's colours, the strongest first; yellow is darkened to show on white.
pub const PALETTE: [&str; 8] =
    ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#4D4D4D", "#A89B00"];
/// The card behind every picture.
pub const CARD: &str = "#FCFCFA";
/// The thin border of the card.
pub const BORDER: &str = "#D8D8D2";
/// Text that carries the message.
pub const INK: &str = "#22262B";
/// Text that explains: axis names, notes.
pub const MUTED: &str = "#5F666E";
/// Grid lines.
pub const GRID: &str = "#E6E7E4";
/// Marks in the background: dominated points, other curves.
pub const FAINT: &str = "#9AA1A8";
/// A failure.
pub const FAIL: &str = "#B23A00";
/// Typefaces for text, the reader's own first.
pub const FONT: &str =
    "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,'DejaVu Sans',sans-serif";
/// Typefaces for code and architectures.
pub const MONO: &str =
    "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace";

/// Long words break rather than leave the page. It is said twice, because JupyterLab keeps only the
/// first form in a notebook that is not trusted, and only the second works in narrow boxes as well.
pub(crate) const BREAK: &str = "overflow-wrap:break-word;overflow-wrap:anywhere";

/// The colour of series `i`.
pub fn colour(i: usize) -> &'static str {
    PALETTE[i % PALETTE.len()]
}

/// The pattern of the line of series `i`: the first four are solid, and no two of sixteen series have
/// the same colour and pattern.
pub(crate) fn dash(i: usize) -> &'static str {
    ["", "6 2.5", "1.6 2.2", "7 2.2 1.6 2.2"][(i / 4) % 4]
}

/// The strong and the pale colour of a family of layers; unknown families are grey.
pub fn family(kind: &str) -> (&'static str, &'static str) {
    Family::of(kind).colours()
}

/// Text as XML and HTML allow it: markup characters escaped, and without control characters and marks
/// that change the direction of writing.
///
/// ```
/// assert_eq!(nascent::chart::theme::escape("a<b & \"c\""), "a&lt;b &amp; &quot;c&quot;");
/// ```
pub fn escape(text: &str) -> String {
    let marks = [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;"), ("'", "&#39;")];
    marks.into_iter().fold(clean(text), |text, (mark, escaped)| text.replace(mark, escaped))
}

/// How a piece of text is set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Font {
    pub size: f64,
    pub fill: &'static str,
    pub bold: bool,
    pub mono: bool,
}

impl Font {
    pub const TITLE: Font = Font { size: 14.0, fill: INK, bold: true, mono: false };
    pub const TEXT: Font = Font { size: 12.0, fill: INK, bold: false, mono: false };
    pub const NOTE: Font = Font { size: 11.0, fill: MUTED, bold: false, mono: false };
    pub const CODE: Font = Font { size: 11.0, fill: INK, bold: false, mono: true };

    pub fn bold(self) -> Font {
        Font { bold: true, ..self }
    }

    pub fn fill(self, fill: &'static str) -> Font {
        Font { fill, ..self }
    }

    pub fn size(self, size: f64) -> Font {
        Font { size, ..self }
    }
}

/// A generous estimate of the width of a text in pixels.
pub(crate) fn width(text: &str, font: Font) -> f64 {
    let em: f64 = pieces(text).map(|piece| piece_width(piece, font.mono)).sum();
    em * font.size * if font.bold { 1.1 } else { 1.0 }
}

/// The width of a letter with what combines with it, in em.
fn piece_width((piece, columns): (&str, usize), mono: bool) -> f64 {
    let Some(c) = piece.chars().next().filter(|_| columns > 0) else { return 0.0 };
    match mono {
        true if c < '\u{1100}' => 0.61,
        true => 1.22,
        // Emoji are wider than letters are high.
        false if columns > 1 && !('\u{2e80}'..'\u{1f000}').contains(&c) => 1.4,
        false => advance(c),
    }
}

/// The advance of a character of DejaVu Sans, in em.
fn advance(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | '\'' => 0.28,
        ' ' | '.' | ',' | 'I' | '·' | '/' | '|' | ':' | ';' => 0.34,
        'f' | 't' | 'r' | '-' | '(' | ')' | '[' | ']' | '!' => 0.41,
        'm' | 'M' | 'W' | '…' | '—' | '%' | '@' => 1.0,
        'w' | '×' | '±' | '→' | '↑' | '↓' | '=' | '+' | '<' | '>' | '~' => 0.84,
        's' | 'c' | 'z' | '_' | '–' => 0.55,
        'A'..='Z' => 0.74,
        'a'..='z' | '0'..='9' => 0.635,
        c if c < '\u{1100}' => 0.7,
        _ => 1.05,
    }
}

/// The text cut with an ellipsis to fit `room` pixels.
pub(crate) fn elide(text: &str, font: Font, room: f64) -> String {
    if width(text, font) <= room {
        return text.to_string();
    }
    let mut kept = String::new();
    let mut used = width("…", font);
    for (piece, columns) in pieces(text) {
        used += width(piece, font) * if columns > 0 { 1.0 } else { 0.0 };
        if used > room {
            break;
        }
        kept.push_str(piece);
    }
    format!("{}…", kept.trim_end())
}

/// The text in lines of at most `room` pixels, broken at spaces and after punctuation where possible.
pub(crate) fn wrap(text: &str, font: Font, room: f64) -> Vec<String> {
    wrap_by(text, |line| width(line, font) <= room)
}

/// The same with any measure of what fits.
pub(crate) fn wrap_by(text: &str, fits: impl Fn(&str) -> bool) -> Vec<String> {
    let text = clean(text);
    let mut lines = Vec::new();
    let mut line = String::new();
    for (piece, _) in pieces(&text) {
        line.push_str(piece);
        if fits(line.trim_end()) || line.len() == piece.len() {
            continue;
        }
        let soft = |c: char| matches!(c, ' ' | ',' | '>' | ')' | ']' | '|' | ';' | '-' | '+' | '~');
        let body = &line[..line.len() - piece.len()];
        // Late in the line if possible, and never within a word that fits on the next line.
        let late = body.char_indices().rfind(|&(i, c)| soft(c) && i * 2 > body.len());
        let at = match late.or_else(|| body.char_indices().rfind(|&(i, c)| c == ' ' && i > 0)) {
            Some((i, c)) => i + c.len_utf8(),
            None => body.len(),
        };
        let rest = line.split_off(at);
        lines.push(line.trim_end().to_string());
        line = rest.trim_start().to_string();
    }
    if !line.trim().is_empty() || lines.is_empty() {
        lines.push(line.trim_end().to_string());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words() {
        let wrap = |text: &str, room: usize| wrap_by(text, |line| line.len() <= room);
        assert_eq!(wrap("mean regret", 10), ["mean", "regret"]);
        assert_eq!(wrap("a bcdefghijkl", 5), ["a", "bcdef", "ghijk", "l"]);
        assert_eq!(wrap("conv(16, 3) -> conv", 12), ["conv(16, 3)", "-> conv"]);
    }

    #[test]
    fn numbers_for_people() {
        let counts = [0.0, 1.0, 0.5, 999.0, 999.9, 1000.0, 10_000.0, 123_456.0, 999_999.0, 2.5e9];
        let said = ["0", "1", "0.5", "999", "1 k", "1 k", "10 k", "123 k", "1 M", "2.5 G"];
        for (count, said) in counts.into_iter().zip(said) {
            assert_eq!(human_count(count), said);
        }
        assert_eq!(human_count(f64::NAN), "–");
        let times = [0.0, 0.0005, 0.42, 4.21, 59.7, 119.6, 7500.0, 3600.0];
        let said =
            ["0 s", "0.5 ms", "420 ms", "4.2 s", "1 min", "2 min", "2 h 05 min", "1 h 00 min"];
        for (time, said) in times.into_iter().zip(said) {
            assert_eq!(human_seconds(time), said);
        }
        assert_eq!([score(2.25), score(1e-5), score(0.0)], ["2.2500", "1.0e-5", "0"]);
    }

    #[test]
    fn text_is_cut_and_wrapped_to_its_room() {
        let long = "sep_conv(32, 3)|".repeat(20);
        assert!(width(&elide(&long, Font::TEXT, 100.0), Font::TEXT) <= 100.0);
        let lines = wrap(&long, Font::CODE, 120.0);
        assert!(lines.iter().all(|l| width(l, Font::CODE) <= 120.0));
        assert_eq!(lines.concat().replace(' ', ""), long.replace(' ', ""));
        assert_eq!(elide("", Font::TEXT, 0.0), "");
        assert_eq!(wrap("", Font::TEXT, 0.0), [""]);
        assert_eq!(wrap("abc", Font::TEXT, 0.0).concat(), "abc");
    }
}
