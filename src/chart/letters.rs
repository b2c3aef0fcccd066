//! How wide letters are, and which of them turn a line around. A name may be in any script: Chinese characters
//! and emoji take two columns of a terminal, accents that combine take none, and a mark for writing
//! from right to left would turn all that follows.

/// The columns that a text takes in a terminal, after Unicode's East Asian width.
pub(crate) fn columns(text: &str) -> usize {
    pieces(text).map(|(_, wide)| wide).sum()
}

/// The text in pieces that must not be split, a letter with what combines with it, and the columns of
/// each.
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

fn within(table: &[(u32, u32)], c: char) -> bool {
    let c = c as u32;
    let after = table.partition_point(|range| range.0 <= c);
    after > 0 && table[after - 1].1 >= c
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

/// Whether a letter is written from right to left.
fn leftward(c: char) -> bool {
    within(LEFTWARD, c)
}

/// The text on one line, without what cannot be seen but moves or hides the rest: control characters,
/// marks that turn the direction of writing, letters of no width between words. Names from right to
/// left are isolated, so that the numbers after them stay where they are.
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
        // A mark of the usual direction after the last letter of such a name ends it.
        match leftward(c) {
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

/// What combines with the letter before it, or is not seen at all.
const NONE: &[(u32, u32)] = &[
    (0x300, 0x36f),
    (0x483, 0x489),
    (0x591, 0x5bd),
    (0x5bf, 0x5bf),
    (0x5c1, 0x5c2),
    (0x5c4, 0x5c5),
    (0x5c7, 0x5c7),
    (0x610, 0x61a),
    (0x61c, 0x61c),
    (0x64b, 0x65f),
    (0x670, 0x670),
    (0x6d6, 0x6dc),
    (0x6df, 0x6e4),
    (0x6e7, 0x6e8),
    (0x6ea, 0x6ed),
    (0x711, 0x711),
    (0x730, 0x74a),
    (0x7a6, 0x7b0),
    (0x7eb, 0x7f3),
    (0x816, 0x82d),
    (0x859, 0x85b),
    (0x8d3, 0x902),
    (0x93a, 0x93a),
    (0x93c, 0x93c),
    (0x941, 0x948),
    (0x94d, 0x94d),
    (0x951, 0x957),
    (0x962, 0x963),
    (0x981, 0x981),
    (0x9bc, 0x9bc),
    (0x9c1, 0x9c4),
    (0x9cd, 0x9cd),
    (0xa01, 0xa02),
    (0xa3c, 0xa3c),
    (0xa41, 0xa51),
    (0xa70, 0xa71),
    (0xa81, 0xa82),
    (0xabc, 0xabc),
    (0xac1, 0xac8),
    (0xacd, 0xacd),
    (0xb01, 0xb01),
    (0xb3c, 0xb3c),
    (0xb41, 0xb44),
    (0xb4d, 0xb4d),
    (0xbc0, 0xbc0),
    (0xbcd, 0xbcd),
    (0xc3e, 0xc40),
    (0xc46, 0xc56),
    (0xcbc, 0xcbc),
    (0xccc, 0xccd),
    (0xd41, 0xd44),
    (0xd4d, 0xd4d),
    (0xdca, 0xdca),
    (0xdd2, 0xdd6),
    (0xe31, 0xe31),
    (0xe34, 0xe3a),
    (0xe47, 0xe4e),
    (0xeb1, 0xeb1),
    (0xeb4, 0xebc),
    (0xec8, 0xece),
    (0xf18, 0xf19),
    (0xf35, 0xf35),
    (0xf37, 0xf37),
    (0xf39, 0xf39),
    (0xf71, 0xf7e),
    (0xf80, 0xf84),
    (0xf86, 0xf87),
    (0xf8d, 0xfbc),
    (0x102d, 0x1030),
    (0x1032, 0x1037),
    (0x1039, 0x103a),
    (0x1160, 0x11ff),
    (0x135d, 0x135f),
    (0x1712, 0x1714),
    (0x17b4, 0x17b5),
    (0x17b7, 0x17bd),
    (0x17c6, 0x17c6),
    (0x17c9, 0x17d3),
    (0x180b, 0x180f),
    (0x1ab0, 0x1aff),
    (0x1dc0, 0x1dff),
    (0x200b, 0x200f),
    (0x202a, 0x202e),
    (0x2060, 0x206f),
    (0x20d0, 0x20f0),
    (0x2de0, 0x2dff),
    (0x302a, 0x302d),
    (0x3099, 0x309a),
    (0xa66f, 0xa672),
    (0xa674, 0xa67d),
    (0xa8e0, 0xa8f1),
    (0xd7b0, 0xd7ff),
    (0xfb1e, 0xfb1e),
    (0xfe00, 0xfe0f),
    (0xfe20, 0xfe2f),
    (0xfeff, 0xfeff),
    (0xfff9, 0xfffb),
    (0x1d167, 0x1d169),
    (0x1d173, 0x1d182),
    (0x1f3fb, 0x1f3ff),
    (0xe0000, 0xe0fff),
];

/// Wide and full-width letters, and signs that are shown as emoji.
const TWO: &[(u32, u32)] = &[
    (0x1100, 0x115f),
    (0x231a, 0x231b),
    (0x2329, 0x232a),
    (0x23e9, 0x23ec),
    (0x23f0, 0x23f0),
    (0x23f3, 0x23f3),
    (0x25fd, 0x25fe),
    (0x2614, 0x2615),
    (0x2648, 0x2653),
    (0x267f, 0x267f),
    (0x2693, 0x2693),
    (0x26a1, 0x26a1),
    (0x26aa, 0x26ab),
    (0x26bd, 0x26be),
    (0x26c4, 0x26c5),
    (0x26ce, 0x26ce),
    (0x26d4, 0x26d4),
    (0x26ea, 0x26ea),
    (0x26f2, 0x26f3),
    (0x26f5, 0x26f5),
    (0x26fa, 0x26fa),
    (0x26fd, 0x26fd),
    (0x2705, 0x2705),
    (0x270a, 0x270b),
    (0x2728, 0x2728),
    (0x274c, 0x274c),
    (0x274e, 0x274e),
    (0x2753, 0x2755),
    (0x2757, 0x2757),
    (0x2795, 0x2797),
    (0x27b0, 0x27b0),
    (0x27bf, 0x27bf),
    (0x2b1b, 0x2b1c),
    (0x2b50, 0x2b50),
    (0x2b55, 0x2b55),
    (0x2e80, 0x303e),
    (0x3041, 0x33ff),
    (0x3400, 0x4dbf),
    (0x4e00, 0x9fff),
    (0xa000, 0xa4cf),
    (0xa960, 0xa97c),
    (0xac00, 0xd7a3),
    (0xf900, 0xfaff),
    (0xfe10, 0xfe19),
    (0xfe30, 0xfe6f),
    (0xff01, 0xff60),
    (0xffe0, 0xffe6),
    (0x16fe0, 0x18aff),
    (0x1aff0, 0x1b2ff),
    (0x1f004, 0x1f004),
    (0x1f0cf, 0x1f0cf),
    (0x1f18e, 0x1f18e),
    (0x1f191, 0x1f19a),
    (0x1f200, 0x1f320),
    (0x1f32d, 0x1f335),
    (0x1f337, 0x1f37c),
    (0x1f37e, 0x1f393),
    (0x1f3a0, 0x1f3ca),
    (0x1f3cf, 0x1f3d3),
    (0x1f3e0, 0x1f3f0),
    (0x1f3f4, 0x1f3f4),
    (0x1f3f8, 0x1f43e),
    (0x1f440, 0x1f440),
    (0x1f442, 0x1f4fc),
    (0x1f4ff, 0x1f53d),
    (0x1f54b, 0x1f54e),
    (0x1f550, 0x1f567),
    (0x1f57a, 0x1f57a),
    (0x1f595, 0x1f596),
    (0x1f5a4, 0x1f5a4),
    (0x1f5fb, 0x1f64f),
    (0x1f680, 0x1f6c5),
    (0x1f6cc, 0x1f6cc),
    (0x1f6d0, 0x1f6d2),
    (0x1f6d5, 0x1f6df),
    (0x1f6eb, 0x1f6ec),
    (0x1f6f4, 0x1f6fc),
    (0x1f7e0, 0x1f7eb),
    (0x1f7f0, 0x1f7f0),
    (0x1f90c, 0x1f93a),
    (0x1f93c, 0x1f945),
    (0x1f947, 0x1f9ff),
    (0x1fa70, 0x1faff),
    (0x20000, 0x3fffd),
];

/// Hebrew, Arabic, Syriac, Thaana, N'Ko and related scripts, with their presentation forms.
const LEFTWARD: &[(u32, u32)] =
    &[(0x590, 0x8ff), (0xfb1d, 0xfdff), (0xfe70, 0xfefe), (0x10800, 0x10fff), (0x1e800, 0x1efff)];

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
            assert!(table.windows(2).all(|pair| pair[0].1 < pair[1].0));
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
