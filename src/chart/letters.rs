//! How wide letters are, and which of them change the direction of a line. A name may be in any
//! script: Chinese characters and emoji take two columns of a terminal, combining accents take none,
//! and a mark for writing from right to left would turn everything after it around.
//!
//! The tables at the end are inversion lists: a range begins at the first, third, fifth number and so
//! on, and ends before the next one.

/// The columns that a text takes in a terminal, after Unicode's East Asian width.
pub(crate) fn columns(text: &str) -> usize {
    pieces(text).map(|(_, wide)| wide).sum()
}

/// The text in pieces that must not be split (a letter with what combines with it), and the columns
/// that each takes.
pub(crate) fn pieces(text: &str) -> impl Iterator<Item = (&str, usize)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut letters = rest.char_indices();
        let (_, first) = letters.next()?;
        let (mut wide, mut end, mut joined) = (alone(first), first.len_utf8(), false);
        for (at, c) in letters {
            // What follows a joiner is drawn as one with what precedes it.
            if alone(c) > 0 && !joined {
                break;
            }
            joined = c == '\u{200d}';
            // As an emoji, in place of the narrow sign.
            if c == '\u{fe0f}' && ('\u{203c}'..='\u{3299}').contains(&first) {
                wide = 2;
            }
            end = at + c.len_utf8();
        }
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some((piece, wide))
    })
}

/// Whether a letter lies in one of the ranges of a table.
fn within(table: &[u32], c: char) -> bool {
    table.partition_point(|&edge| edge <= c as u32) % 2 == 1
}

/// The columns of a letter by itself.
fn alone(c: char) -> usize {
    match () {
        () if (c as u32) < 0x300 => usize::from(c != '\u{ad}'),
        () if within(NONE, c) => 0,
        () if within(TWO, c) => 2,
        () => 1,
    }
}

/// The text on one line, without invisible characters that move or hide the rest: control characters,
/// marks that change the direction of writing, letters of no width between words. Names written from
/// right to left are isolated, so that the numbers after them stay where they are.
pub(crate) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut turned = false;
    for c in text.chars() {
        let c = match c {
            '\n' | '\r' | '\t' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => ' ',
            c => c,
        };
        let unseen = matches!(
            c,
            '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
                | '\u{1d173}'..='\u{1d17a}' | '\u{e0001}'
        );
        if unseen || c.is_control() {
            continue;
        }
        // Such a name ends with a mark for writing from left to right.
        match within(LEFTWARD, c) {
            true => turned = true,
            false if turned && alone(c) > 0 => {
                out.push('\u{200e}');
                turned = false;
            }
            false => {}
        }
        out.push(c);
    }
    if turned {
        out.push('\u{200e}');
    }
    out
}

/// The text at the left of `room` columns.
pub(crate) fn left(text: &str, room: usize) -> String {
    format!("{text}{}", " ".repeat(room.saturating_sub(columns(text))))
}

/// The text at the right of `room` columns.
pub(crate) fn right(text: &str, room: usize) -> String {
    format!("{}{text}", " ".repeat(room.saturating_sub(columns(text))))
}

/// Letters that combine with the one before, or are invisible.
const NONE: &[u32] = &[
    0x300, 0x370, 0x483, 0x48a, 0x591, 0x5be, 0x5bf, 0x5c0, 0x5c1, 0x5c3, 0x5c4, 0x5c6, 0x5c7,
    0x5c8, 0x610, 0x61b, 0x61c, 0x61d, 0x64b, 0x660, 0x670, 0x671, 0x6d6, 0x6dd, 0x6df, 0x6e5,
    0x6e7, 0x6e9, 0x6ea, 0x6ee, 0x711, 0x712, 0x730, 0x74b, 0x7a6, 0x7b1, 0x7eb, 0x7f4, 0x816,
    0x82e, 0x859, 0x85c, 0x8d3, 0x903, 0x93a, 0x93b, 0x93c, 0x93d, 0x941, 0x949, 0x94d, 0x94e,
    0x951, 0x958, 0x962, 0x964, 0x981, 0x982, 0x9bc, 0x9bd, 0x9c1, 0x9c5, 0x9cd, 0x9ce, 0xa01,
    0xa03, 0xa3c, 0xa3d, 0xa41, 0xa52, 0xa70, 0xa72, 0xa81, 0xa83, 0xabc, 0xabd, 0xac1, 0xac9,
    0xacd, 0xace, 0xb01, 0xb02, 0xb3c, 0xb3d, 0xb41, 0xb45, 0xb4d, 0xb4e, 0xbc0, 0xbc1, 0xbcd,
    0xbce, 0xc3e, 0xc41, 0xc46, 0xc57, 0xcbc, 0xcbd, 0xccc, 0xcce, 0xd41, 0xd45, 0xd4d, 0xd4e,
    0xdca, 0xdcb, 0xdd2, 0xdd7, 0xe31, 0xe32, 0xe34, 0xe3b, 0xe47, 0xe4f, 0xeb1, 0xeb2, 0xeb4,
    0xebd, 0xec8, 0xecf, 0xf18, 0xf1a, 0xf35, 0xf36, 0xf37, 0xf38, 0xf39, 0xf3a, 0xf71, 0xf7f,
    0xf80, 0xf85, 0xf86, 0xf88, 0xf8d, 0xfbd, 0x102d, 0x1031, 0x1032, 0x1038, 0x1039, 0x103b,
    0x1160, 0x1200, 0x135d, 0x1360, 0x1712, 0x1715, 0x17b4, 0x17b6, 0x17b7, 0x17be, 0x17c6, 0x17c7,
    0x17c9, 0x17d4, 0x180b, 0x1810, 0x1ab0, 0x1b00, 0x1dc0, 0x1e00, 0x200b, 0x2010, 0x202a, 0x202f,
    0x2060, 0x2070, 0x20d0, 0x20f1, 0x2de0, 0x2e00, 0x302a, 0x302e, 0x3099, 0x309b, 0xa66f, 0xa673,
    0xa674, 0xa67e, 0xa8e0, 0xa8f2, 0xd7b0, 0xd800, 0xfb1e, 0xfb1f, 0xfe00, 0xfe10, 0xfe20, 0xfe30,
    0xfeff, 0xff00, 0xfff9, 0xfffc, 0x1d167, 0x1d16a, 0x1d173, 0x1d183, 0x1f3fb, 0x1f400, 0xe0000,
    0xe1000,
];

/// Wide and full-width letters, and signs that are shown as emoji.
const TWO: &[u32] = &[
    0x1100, 0x1160, 0x231a, 0x231c, 0x2329, 0x232b, 0x23e9, 0x23ed, 0x23f0, 0x23f1, 0x23f3, 0x23f4,
    0x25fd, 0x25ff, 0x2614, 0x2616, 0x2648, 0x2654, 0x267f, 0x2680, 0x2693, 0x2694, 0x26a1, 0x26a2,
    0x26aa, 0x26ac, 0x26bd, 0x26bf, 0x26c4, 0x26c6, 0x26ce, 0x26cf, 0x26d4, 0x26d5, 0x26ea, 0x26eb,
    0x26f2, 0x26f4, 0x26f5, 0x26f6, 0x26fa, 0x26fb, 0x26fd, 0x26fe, 0x2705, 0x2706, 0x270a, 0x270c,
    0x2728, 0x2729, 0x274c, 0x274d, 0x274e, 0x274f, 0x2753, 0x2756, 0x2757, 0x2758, 0x2795, 0x2798,
    0x27b0, 0x27b1, 0x27bf, 0x27c0, 0x2b1b, 0x2b1d, 0x2b50, 0x2b51, 0x2b55, 0x2b56, 0x2e80, 0x303f,
    0x3041, 0x4dc0, 0x4e00, 0xa4d0, 0xa960, 0xa97d, 0xac00, 0xd7a4, 0xf900, 0xfb00, 0xfe10, 0xfe1a,
    0xfe30, 0xfe70, 0xff01, 0xff61, 0xffe0, 0xffe7, 0x16fe0, 0x18b00, 0x1aff0, 0x1b300, 0x1f004,
    0x1f005, 0x1f0cf, 0x1f0d0, 0x1f18e, 0x1f18f, 0x1f191, 0x1f19b, 0x1f200, 0x1f321, 0x1f32d,
    0x1f336, 0x1f337, 0x1f37d, 0x1f37e, 0x1f394, 0x1f3a0, 0x1f3cb, 0x1f3cf, 0x1f3d4, 0x1f3e0,
    0x1f3f1, 0x1f3f4, 0x1f3f5, 0x1f3f8, 0x1f43f, 0x1f440, 0x1f441, 0x1f442, 0x1f4fd, 0x1f4ff,
    0x1f53e, 0x1f54b, 0x1f54f, 0x1f550, 0x1f568, 0x1f57a, 0x1f57b, 0x1f595, 0x1f597, 0x1f5a4,
    0x1f5a5, 0x1f5fb, 0x1f650, 0x1f680, 0x1f6c6, 0x1f6cc, 0x1f6cd, 0x1f6d0, 0x1f6d3, 0x1f6d5,
    0x1f6e0, 0x1f6eb, 0x1f6ed, 0x1f6f4, 0x1f6fd, 0x1f7e0, 0x1f7ec, 0x1f7f0, 0x1f7f1, 0x1f90c,
    0x1f93b, 0x1f93c, 0x1f946, 0x1f947, 0x1fa00, 0x1fa70, 0x1fb00, 0x20000, 0x3fffe,
];

/// Hebrew, Arabic, Syriac, Thaana, N'Ko and related scripts, with their presentation forms.
const LEFTWARD: &[u32] =
    &[0x590, 0x900, 0xfb1d, 0xfe00, 0xfe70, 0xfeff, 0x10800, 0x11000, 0x1e800, 0x1f000];

#[cfg(test)]
mod tests {
    use super::*;

    /// As Python's wcwidth 0.2.13 counts: `wcwidth.wcswidth(text)`.
    #[test]
    fn columns_of_many_scripts() {
        let said = [
            ("", 0),
            ("conv(16, 3)", 11),
            ("架構", 4),
            ("ひらがな", 8),
            ("한국어", 6),
            ("ｆｕｌｌ", 8),
            ("e\u{301}te\u{301}", 3),
            ("नमस्ते", 4),
            ("ภาษาไทย", 7),
            ("שלום", 4),
            ("🚀", 2),
            ("👩\u{200d}💻", 2),
            ("👍🏽", 2),
            ("❤\u{fe0f}", 2),
            ("→×·", 3),
        ];
        for (text, wide) in said {
            assert_eq!(columns(text), wide, "{text}");
            assert_eq!(pieces(text).map(|p| p.0).collect::<String>(), text);
        }
        for table in [NONE, TWO, LEFTWARD] {
            assert!(table.len() % 2 == 0 && table.windows(2).all(|pair| pair[0] < pair[1]));
        }
        assert_eq!((left("架", 4), right("架", 4)), ("架  ".into(), "  架".into()));
    }

    #[test]
    fn what_is_not_seen_is_dropped_and_lines_keep_their_direction() {
        assert_eq!(clean("a\nb\u{1b}[31m\u{0}c"), "a b[31mc");
        assert_eq!(clean("a\u{202e}b\u{2067}c\u{feff}d\u{200f}"), "abcd");
        assert_eq!(clean("שלום 0.98"), "שלום\u{200e} 0.98");
        assert_eq!(clean("שלום"), "שלום\u{200e}");
        // What was cleaned stays as it is.
        for text in ["שלום 0.98 עולם", "👩\u{200d}💻", "e\u{301}"] {
            assert_eq!(clean(&clean(text)), clean(text));
        }
        assert_eq!(clean("👩\u{200d}💻"), "👩\u{200d}💻");
    }
}
