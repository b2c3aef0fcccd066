//! The same pictures on a dark page.
//!
//! Each colour has a counterpart for dark pages: as far from the dark card as it was from the light one, in the same hue.
//! Lightness, chroma and hue are those of OKLab (Björn Ottosson, "A perceptual color space for image processing", 2020),
//! in which equal distances look equal; so what can be read on the light card can be read on the dark one. The eight
//! colours of the palette have counterparts by hand, for in most hues nothing is as strong in the other half.
//!
//! A picture carries a rule for each colour that it has, which a page takes notice of where it is dark itself, that is
//! where `color-scheme` is `dark`. A picture in a file, or in an `<img>`, follows the page around it, or the reader's
//! settings. Programs that do not know `light-dark()` draw the light picture.

use super::theme::PALETTE;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// The palette on a dark page.
const DARK: [&str; 8] =
    ["#3B9BDB", "#F08A45", "#2FC297", "#DE97BD", "#F0B429", "#9BD6F8", "#B8B8B8", "#CFC43D"];

/// The colour that stands for another one, as `#RRGGBB`, on a dark page.
///
/// ```text
/// card   0.99 -> 0.22        L' = 0.22 + 0.97 (0.99 - L)
/// text   0.27 -> 0.92
/// ```
pub(super) fn counterpart(hex: &str) -> String {
    if let Some(i) = PALETTE.iter().position(|c| c.eq_ignore_ascii_case(hex)) {
        return DARK[i].into();
    }
    let part = |i: usize| hex.get(i..i + 2).and_then(|h| u8::from_str_radix(h, 16).ok());
    let (Some(r), Some(g), Some(b)) = (part(1), part(3), part(5)) else { return hex.into() };
    let [light, a, b] = lab([r, g, b]);
    let light = (0.22 + 0.97 * (0.99 - light)).clamp(0.0, 1.0);
    // As colourful as before, or as a screen can show.
    let shares = (0..=20).rev().map(|i| f64::from(i) / 20.0);
    let shown = shares.map(|s| rgb([light, a * s, b * s]));
    let inside = |c: &[f64; 3]| c.iter().all(|v| (-1e-3..=1.001).contains(v));
    let [r, g, b] = shown
        .into_iter()
        .find(inside)
        .unwrap_or([light; 3])
        .map(|v| (v.clamp(0.0, 1.0) * 255.0).round() as u8);
    format!("#{r:02X}{g:02X}{b:02X}")
}

/// Of a colour on a screen: lightness, and green to red, blue to yellow.
fn lab(colour: [u8; 3]) -> [f64; 3] {
    let linear = |v: u8| {
        let v = f64::from(v) / 255.0;
        if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
    };
    let [r, g, b] = colour.map(linear);
    let l = (0.412_221_470_8 * r + 0.536_332_536_3 * g + 0.051_445_992_9 * b).cbrt();
    let m = (0.211_903_498_2 * r + 0.680_699_545_1 * g + 0.107_396_956_6 * b).cbrt();
    let s = (0.088_302_461_9 * r + 0.281_718_837_6 * g + 0.629_978_700_5 * b).cbrt();
    [
        0.210_454_255_3 * l + 0.793_617_785_0 * m - 0.004_072_046_8 * s,
        1.977_998_495_1 * l - 2.428_592_205_0 * m + 0.450_593_709_9 * s,
        0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766_0 * s,
    ]
}

/// The other way round, each part from 0 to 1 if a screen can show it.
fn rgb([light, a, b]: [f64; 3]) -> [f64; 3] {
    let l = (light + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let m = (light - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let s = (light - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
    [
        4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
        -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
        -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s,
    ]
    .map(|v| if v <= 0.003_130_8 { 12.92 * v } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 })
}

/// The rules for the colours of a picture.
pub(super) fn rules(body: &str) -> String {
    let mut all = String::from("<style>:root[data-nascent]{color-scheme:light dark}");
    for property in ["fill", "stroke"] {
        let sought = format!(" {property}=\"#");
        let colours: BTreeSet<&str> = body
            .match_indices(&sought)
            .filter_map(|(i, _)| body.get(i + sought.len() - 1..i + sought.len() + 6))
            .collect();
        for colour in colours {
            let dark = counterpart(colour);
            all += &format!(
                "[data-nascent] [{property}=\"{colour}\"]{{{property}:light-dark({colour},{dark})}}"
            );
        }
    }
    all + "</style>"
}

/// The colours around pictures, in the inline styles of reports and tables.
const AROUND: [(&str, &str); 3] = [
    ("background", "#FCFCFA #FFF3DC #FFF4EE #E6E7E4 #E3F0F8"),
    ("color", "#22262B #5F666E #5C3B00 #B03A00"),
    ("solid", "#D8D8D2 #E6E7E4 #B9BDBF"),
];

/// A style sheet by which reports and tables follow a dark page, as their pictures do: with inline styles alone they stay
/// light. A notebook has it with each of its outputs; in a page of your own, put it into the head.
///
/// ```
/// let sheet = nascent::chart::sheet();
/// assert!(sheet.starts_with("<style>") && sheet.contains("light-dark"));
/// ```
pub fn sheet() -> &'static str {
    static SHEET: LazyLock<String> = LazyLock::new(|| {
        // JupyterLab says which of its themes is dark, but not by `color-scheme`.
        let theme = |light: bool, scheme: &str| {
            format!(
                "[data-jp-theme-light=\"{light}\"] .jp-OutputArea-output{{color-scheme:{scheme}}}"
            )
        };
        let mut all = format!("<style>{}{}", theme(true, "light"), theme(false, "dark"));
        for (property, colours) in AROUND {
            for colour in colours.split_whitespace() {
                let (name, sought) = match property {
                    "solid" => ("border-color", format!("solid {colour}")),
                    property => (property, format!("{property}:{colour}")),
                };
                let dark = counterpart(colour);
                all += &format!(
                    "[style*=\"{sought}\"]{{{name}:light-dark({colour},{dark})!important}}"
                );
            }
        }
        all + "</style>"
    });
    &SHEET
}

#[cfg(test)]
mod tests {
    use super::super::theme::{BORDER, CARD, GRID, INK, MUTED};
    use super::*;

    /// The contrast of WCAG 2: 4.5 for text.
    fn contrast(a: &str, b: &str) -> f64 {
        let bright = |hex: &str| {
            let part = |i: usize| {
                let v = f64::from(u8::from_str_radix(&hex[i..i + 2], 16).unwrap()) / 255.0;
                if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
        };
        let (a, b) = (bright(a), bright(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_and_lines_stand_out_on_the_dark_card() {
        let card = counterpart(CARD);
        assert!(contrast(&card, &counterpart(INK)) > 10.0);
        assert!(contrast(&card, &counterpart(MUTED)) > 4.5);
        for colour in PALETTE {
            assert!(contrast(&card, &counterpart(colour)) > 4.5, "{colour}");
        }
        for faint in [GRID, BORDER] {
            let stands_out = contrast(&card, &counterpart(faint));
            assert!((1.1..2.0).contains(&stands_out), "{faint}: {stands_out}");
        }
    }

    /// Of red, as in Ottosson's article; and there and back again.
    #[test]
    fn colours_are_taken_apart_as_in_the_article() {
        let red = lab([255, 0, 0]);
        for (value, said) in red.into_iter().zip([0.6280, 0.2249, 0.1258]) {
            assert!((value - said).abs() < 1e-4, "{red:?}");
        }
        for colour in [[255, 0, 0], [1, 2, 3], [252, 252, 250], [12, 200, 90]] {
            let back = rgb(lab(colour)).map(|v| (v * 255.0).round() as u8);
            assert_eq!(back, colour);
        }
        assert_eq!(counterpart("none"), "none");
    }

    #[test]
    fn a_picture_has_a_rule_for_each_of_its_colours() {
        let said = rules(
            r##"<rect fill="#FCFCFA"/><path fill="none" stroke="#0072B2"/><rect fill="#FCFCFA"/>"##,
        );
        assert_eq!(said.matches("light-dark").count(), 2);
        assert!(
            said.contains(r##"[stroke="#0072B2"]{stroke:light-dark(#0072B2,#3B9BDB)}"##),
            "{said}"
        );
    }
}
