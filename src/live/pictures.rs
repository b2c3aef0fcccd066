//! Pictures that are shown even in a notebook that is not trusted. A notebook that was cloned or mailed
//! is not trusted until its cells have run, and JupyterLab strips `<svg>` from its outputs: only labels
//! and tooltips are left, run together. An `<img>` with the same SVG as data stays whole, there and on
//! pages that show notebooks. Such a picture has no tooltips of its own, so they are laid over it as
//! empty boxes with a title, which scale with it and are kept as well.

use crate::words::trim;

/// If there are more boxes than this, all are left out: nobody points at one in a thousand, and they
/// would take more space than the picture.
const TIPS: usize = 400;

/// The HTML with each inline picture as an `<img>`.
pub(crate) fn portable(html: &str) -> String {
    let mut out = String::with_capacity(html.len() * 4 / 3);
    let mut rest = html;
    while let Some(start) = rest.find("<svg") {
        let Some(length) = whole(&rest[start..]) else { break };
        out.push_str(&rest[..start]);
        out.push_str(&image(&rest[start..start + length]));
        rest = &rest[start + length..];
    }
    out + rest
}

/// The length of the element that the text begins with, including pictures inside it.
fn whole(text: &str) -> Option<usize> {
    let (mut depth, mut at) = (0usize, 0);
    loop {
        let open = text[at..].find("<svg").map_or(usize::MAX, |i| at + i);
        let close = at + text[at..].find("</svg>")?;
        if open < close {
            depth += 1;
            at = open + 4;
        } else {
            depth = depth.checked_sub(1)?;
            at = close + 6;
            if depth == 0 {
                return Some(at);
            }
        }
    }
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let start = tag.find(&format!(" {name}=\""))? + name.len() + 3;
    tag[start..].split('"').next()
}

fn number(tag: &str, name: &str) -> Option<f64> {
    attribute(tag, name)?.parse().ok()
}

fn image(svg: &str) -> String {
    let head = &svg[..svg.find('>').map_or(svg.len(), |i| i + 1)];
    let child = |name: &str| {
        let after = svg.split_once(&format!("<{name}>"))?.1;
        after.split_once(&format!("</{name}>")).map(|(text, _)| text)
    };
    let first = |name: &str| child(name).filter(|_| svg[head.len()..].starts_with("<title>"));
    let alt = match (first("title"), first("desc")) {
        (Some(title), Some(desc)) if !desc.is_empty() => format!("{title}: {desc}"),
        (Some(title), _) => title.to_string(),
        _ => attribute(head, "aria-label").unwrap_or("picture").to_string(),
    };
    let (body, tips) = without_tips(&svg[head.len()..]);
    // The style that sizes the element on a page would size it once more inside the image.
    let style = attribute(head, "style").unwrap_or_default();
    let mut inner = head.replace(&format!(" style=\"{style}\""), "");
    if !inner.contains("xmlns=") {
        inner = inner.replacen("<svg", r#"<svg xmlns="http://www.w3.org/2000/svg""#, 1);
    }
    let data = base64((inner + body.as_str()).as_bytes());
    let size =
        |name: &str| attribute(head, name).map_or(String::new(), |v| format!(" {name}=\"{v}\""));
    let (w, h) = (size("width"), size("height"));
    let own = "max-width:100%;height:auto;";
    let style = style.replace(&format!("{own}display:block"), "").replace(own, "");
    let img = format!(
        r#"<img src="data:image/svg+xml;base64,{data}" alt="{alt}"{w}{h} style="{own}display:block;{style}"/>"#
    );
    let view = attribute(head, "viewBox").unwrap_or_default();
    let view: Vec<f64> = view.split(' ').filter_map(|n| n.parse().ok()).collect();
    match (view[..].try_into(), number(head, "width")) {
        (Ok(view), Some(wide)) if (1..=TIPS).contains(&tips.len()) => {
            let boxes: String = tips.iter().map(|tip| tip.html(view)).collect();
            format!(
                r#"<div style="position:relative;width:{wide}px;max-width:100%">{img}{boxes}</div>"#
            )
        }
        _ => img,
    }
}

/// A text that shows under the pointer, and where, in the picture's own units.
struct Tip<'a> {
    says: &'a str,
    x: f64,
    y: f64,
    w: f64,
    h: f64,
}

impl Tip<'_> {
    /// As shares of the whole picture, so that it scales with it.
    fn html(&self, [x, y, w, h]: [f64; 4]) -> String {
        let percent = |part: f64, of: f64| trim(format!("{:.2}", 100.0 * part / of));
        let (left, top) = (percent(self.x - x, w), percent(self.y - y, h));
        let (wide, high, says) = (percent(self.w, w), percent(self.h, h), self.says);
        format!(
            r#"<div title="{says}" style="position:absolute;left:{left}%;top:{top}%;width:{wide}%;height:{high}%"></div>"#
        )
    }
}

/// The markup without its invisible spots, and what they say. A broad line cannot be placed as a box,
/// so it only loses its text.
fn without_tips(body: &str) -> (String, Vec<Tip<'_>>) {
    let mut out = String::with_capacity(body.len());
    let mut tips = vec![];
    let mut rest = body;
    while let Some(end) = rest.find(r#"="transparent""#) {
        let start = rest[..end].rfind('<').unwrap_or(0);
        let close = end + rest[end..].find('>').map_or(rest.len() - end, |i| i + 1);
        let tag = &rest[start..close];
        let name = tag[1..].split(' ').next().unwrap_or_default();
        let says = rest[close..].strip_prefix("<title>").and_then(|t| t.split_once("</title>"));
        let after = says.and_then(|(says, t)| Some((says, t.strip_prefix(&format!("</{name}>"))?)));
        let Some((says, after)) = after else {
            out.push_str(&rest[..close]);
            rest = &rest[close..];
            continue;
        };
        let [x, y, w, h, cx, cy, r] =
            ["x", "y", "width", "height", "cx", "cy", "r"].map(|n| number(tag, n));
        let place = match (name, cx, cy, r, x, y, w, h) {
            ("circle", Some(cx), Some(cy), Some(r), ..) => Some((cx - r, cy - r, 2.0 * r, 2.0 * r)),
            ("rect", .., Some(x), Some(y), Some(w), Some(h)) => Some((x, y, w, h)),
            _ => None,
        };
        tips.extend(place.map(|(x, y, w, h)| Tip { says, x, y, w, h }));
        out.push_str(&rest[..start]);
        rest = after;
    }
    (out + rest, tips)
}

/// RFC 4648, section 4.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for part in bytes.chunks(3) {
        let byte = |i: usize| part.get(i).copied().map_or(0, u32::from);
        let all = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            match i <= part.len() {
                true => out.push(DIGITS[(all >> (18 - 6 * i) & 63) as usize] as char),
                false => out.push('='),
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::{Chart, Report, charts, check};

    fn decoded(html: &str) -> Vec<String> {
        html.split("data:image/svg+xml;base64,")
            .skip(1)
            .map(|part| unpack(part.split('"').next().unwrap()))
            .collect()
    }

    fn unpack(text: &str) -> String {
        let digit = |c: u8| match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            _ => 63,
        };
        let mut bytes = vec![];
        for four in text.as_bytes().chunks(4) {
            let n = four.iter().filter(|c| **c != b'=').count();
            let all = four
                .iter()
                .fold(0u32, |all, &c| all << 6 | if c == b'=' { 0 } else { u32::from(digit(c)) });
            bytes.extend(&all.to_be_bytes()[1..n]);
        }
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn base64_as_in_the_standard() {
        let said = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        for (n, said) in said.into_iter().enumerate() {
            assert_eq!(base64(&b"foobar"[..n]), said);
            assert_eq!(unpack(said).as_bytes(), &b"foobar"[..n]);
        }
    }

    /// What JupyterLab 4 leaves of the output of a notebook that is not trusted: its tags, its
    /// attributes, and the declarations of a style whose values it knows.
    #[test]
    fn what_a_notebook_shows_survives_without_trust() {
        let report = Report {
            title: "A title of <some> length".into(),
            subtitle: "and more".into(),
            facts: vec![("best".into(), "0.9871".into()), ("network".into(), "conv ".repeat(9))],
            notices: vec!["1 of 2 failed".into()],
            charts: charts().iter().map(|c| (c.example)()).collect(),
        };
        let mut all: Vec<String> = charts().iter().map(|c| (c.example)().html()).collect();
        all.push(report.html());
        for html in all {
            let shown = portable(&html);
            check::untrusted(&shown);
            check::html(&shown);
            assert_eq!(decoded(&shown).len(), html.matches("role=\"img\"").count());
            for picture in decoded(&shown) {
                assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>"));
                assert!(picture.contains(r#"xmlns="http://www.w3.org/2000/svg""#));
            }
            // Base64, and a box over the picture for each tooltip.
            let boxes = 300 * shown.matches("position:absolute").count();
            let most = html.len() * 4 / 3 + 600 + boxes;
            assert!(shown.len() <= most, "{} of {}", shown.len(), html.len());
        }
    }

    #[test]
    fn labels_and_tooltips_stay_readable() {
        let chart: Chart = (charts().iter().find(|c| c.name == "frontier").unwrap().example)();
        let shown = portable(&chart.html());
        let [picture] = &decoded(&shown)[..] else { panic!("one picture") };
        let labels = |svg: &str| svg.matches("<text").count();
        assert_eq!(labels(picture), labels(&chart.svg()));
        // Each tooltip is a box now, and none is left inside.
        let before = chart.svg().matches(r#"fill="transparent""#).count();
        assert!(before > 0 && !picture.contains("transparent"));
        assert_eq!(shown.matches("position:absolute").count(), before);
        assert!(shown.contains(r#" alt=""#) && !shown.contains(r#" alt="""#));
    }

    /// Writes a report as a notebook shows it, to be looked at:
    /// `NASCENT_PICTURES=folder cargo test --lib pages_for -- --ignored`.
    #[test]
    #[ignore = "writes a file for the eye"]
    fn pages_for_the_eye() {
        let folder = std::env::var("NASCENT_PICTURES").map(std::path::PathBuf::from);
        let folder = folder.unwrap_or_else(|_| std::env::temp_dir().join("nascent-pictures"));
        std::fs::create_dir_all(&folder).unwrap();
        let report = Report {
            title: "All charts as a notebook shows them".into(),
            facts: vec![("best".into(), "0.9871".into()), ("network".into(), "conv ".repeat(9))],
            notices: vec!["1 of 2 trials failed".into()],
            charts: charts().iter().map(|c| (c.example)()).collect(),
            ..Report::default()
        };
        std::fs::write(folder.join("notebook.html"), portable(&report.html())).unwrap();
    }

    /// A comparison and a study with awkward names, as pages for the eye.
    #[test]
    #[ignore = "writes files for the eye"]
    fn nasty_names_for_the_eye() {
        use crate::prelude::*;
        let folder = std::env::var("NASCENT_PICTURES").map(std::path::PathBuf::from);
        let folder = folder.unwrap_or_else(|_| std::env::temp_dir().join("nascent-pictures"));
        std::fs::create_dir_all(&folder).unwrap();
        let space = Space::decisions([9, 9]);
        let score = crate::evaluator(|a: &Architecture, b: &Budget| {
            f64::from(a.decisions()[0]) + b.rng().uniform()
        });
        let mut plan =
            Compare::new(&space, &score).trials(6).seeds(6).quiet().strategies((Random,));
        for name in [
            "an annealing with restarts and a long name of its own",
            &"x".repeat(200),
            "אסטרטגיה אקראית 12",
            "神経構造探索の戦略 🚀",
            "a\u{202e}reversed",
            "<script>alert(1)</script>",
        ] {
            plan = plan.strategy(name, Random);
        }
        let found = plan.run().unwrap();
        std::fs::write(folder.join("nasty.html"), portable(&found.report().html())).unwrap();
        found.report().save(folder.join("nasty-page.html")).unwrap();
        std::fs::write(folder.join("nasty.txt"), found.to_string()).unwrap();
        found.table().save(folder.join("nasty-table.svg")).unwrap();
        let study = Study::new(&space, &score)
            .strategy(crate::strategy(&"y".repeat(200), |h, r| h.space().sample(r)));
        std::fs::write(folder.join("explain.html"), study.explain().html()).unwrap();
        let study = study.trials(9).quiet().run().unwrap();
        std::fs::write(folder.join("study.html"), portable(&study.report().html())).unwrap();
    }

    #[test]
    fn foreign_markup_is_kept() {
        assert_eq!(portable("<p>no picture</p>"), "<p>no picture</p>");
        assert_eq!(portable("<svg never closed"), "<svg never closed");
        let html = r#"a<svg width="5"><svg x="1"><rect/></svg></svg>b<svg></svg>c"#;
        let shown = portable(html);
        assert!(shown.starts_with("a<img ") && shown.ends_with('c') && !shown.contains("<svg"));
        assert_eq!(
            decoded(&shown)[0],
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="5"><svg x="1"><rect/></svg></svg>"#
        );
        // Invisible, but without a text: left alone.
        let svg = r#"<svg><rect fill="transparent"/><path stroke="transparent"><title>t</title></path></svg>"#;
        assert_eq!(
            decoded(&portable(svg))[0],
            r#"<svg xmlns="http://www.w3.org/2000/svg"><rect fill="transparent"/></svg>"#
        );
    }
}
