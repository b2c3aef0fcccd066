//! What the tests require of every picture: well-formed, no ids, no rules but those of dark pages, all text inside the frame, no `NaN`.

use super::Draw;
use super::plain::{COLUMNS, len};
use super::theme::{Font, width};

/// All forms of a chart.
pub(super) fn chart(chart: &impl Draw) {
    svg(&chart.svg());
    html(&chart.html());
    plain(&chart.plain());
}

/// Balanced tags, quoted attributes, escaped text. Returns the elements: name, attributes, text.
fn elements(markup: &str) -> Vec<(String, String, String)> {
    let mut open: Vec<String> = vec![];
    let mut all = vec![];
    for piece in markup.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').unwrap_or_else(|| panic!("unclosed tag: <{piece}"));
        assert!(!text.contains('>'), "stray > in {text:?}");
        for entity in text.split('&').skip(1).chain(tag.split('&').skip(1)) {
            let name = entity.split_once(';').map_or("", |e| e.0);
            assert!(["amp", "lt", "gt", "quot", "#39"].contains(&name), "bad entity &{entity}");
        }
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "closing {name}");
            continue;
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "unbalanced quotes in <{tag}>");
        let name = tag.split([' ', '/']).next().unwrap_or_default().to_string();
        all.push((name.clone(), tag.to_string(), text.to_string()));
        if !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    all
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let start = tag.find(&format!(" {name}=\""))? + name.len() + 3;
    tag[start..].split('"').next().map(String::from)
}

/// A picture.
pub fn svg(picture: &str) {
    assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>"));
    let all = elements(picture);
    for needed in [r#"role="img""#, "viewBox", "xmlns", "max-width:100%;height:auto"] {
        assert!(all[0].1.contains(needed), "{needed}");
    }
    assert_eq!([&all[1].0, &all[2].0], ["title", "desc"]);
    let size: Vec<f64> =
        attribute(&all[0].1, "viewBox").unwrap().split(' ').map(|v| v.parse().unwrap()).collect();
    let mut boxes: Vec<(f64, f64, f64, f64, String)> = vec![];
    for (i, (name, tag, text)) in all.iter().enumerate() {
        assert!(!tag.contains(" id=") && !tag.contains(" class="), "{tag}");
        if name == "style" {
            assert!(i == 3 && text.starts_with(":root[data-nascent]"), "{text}");
            assert!(
                text[1..]
                    .split('}')
                    .skip(1)
                    .all(|r| r.is_empty() || r.starts_with("[data-nascent] ")),
                "{text}"
            );
        }
        let numbers = tag.split("font-family").next().unwrap_or_default();
        if name != "title" && !tag.contains("aria-label") {
            assert!(!numbers.contains("NaN") && !numbers.contains("inf"), "{tag}");
        }
        if name != "text" {
            continue;
        }
        let number = |n: &str| attribute(tag, n).and_then(|v| v.parse::<f64>().ok()).unwrap();
        // Text that was cut begins with a title, which holds the whole.
        let shown = match all.get(i + 1) {
            Some((next, ..)) if text.is_empty() && next == "title" => {
                let rest = picture.split(tag.as_str()).nth(1).unwrap();
                rest.split_once("</title>").unwrap().1.split('<').next().unwrap().to_string()
            }
            _ => text.clone(),
        };
        let shown = shown.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">");
        let shown = shown.replace("&quot;", "\"").replace("&#39;", "'");
        let font = Font {
            size: number("font-size"),
            bold: tag.contains("font-weight"),
            mono: tag.contains("monospace"),
            fill: "",
        };
        let w = width(&shown, font);
        let x = match attribute(tag, "text-anchor").as_deref() {
            Some("middle") => number("x") - w / 2.0,
            Some("end") => number("x") - w,
            _ => number("x"),
        };
        let y = number("y");
        if tag.contains("rotate(-90 ") {
            // Read upwards: its width is a height.
            assert!(number("x") - font.size >= 1.0 && number("x") + 2.0 <= size[2], "{shown:?}");
            assert!(y - w >= 1.0 && y <= size[3] - 1.0, "{shown:?} from {y} up to {}", y - w);
            boxes.push((number("x") - font.size * 0.72, y - w, number("x") + 1.0, y, shown));
            continue;
        }
        let (end, wide) = (x + w, size[2]);
        assert!(x >= 1.0 && end <= wide - 1.0, "{shown:?} from {x} to {end} in {wide}");
        assert!(y - font.size >= 0.0 && y + 2.0 <= size[3], "{shown:?} at {y} in {}", size[3]);
        // What an animation shows later may lie where something else is seen at rest.
        if !shown.trim().is_empty() && !tag.contains(r#" opacity="0""#) {
            boxes.push((x, y - font.size * 0.72, x + w, y + 1.0, shown));
        }
    }
    boxes.sort_by(|a, b| a.1.total_cmp(&b.1));
    for (i, a) in boxes.iter().enumerate() {
        for b in boxes[i + 1..].iter().take_while(|b| b.1 < a.3) {
            let apart = a.2 <= b.0 + 0.5 || b.2 <= a.0 + 0.5;
            assert!(apart, "{:?} and {:?} overlap", a.4, b.4);
        }
    }
}

/// A block of HTML.
pub fn html(block: &str) {
    for (name, tag, text) in elements(block) {
        assert!(name != "style" || text.starts_with(":root[data-nascent]"), "{text}");
        assert!(name != "script" && !tag.contains(" id="), "{tag}");
    }
}

/// Text for a terminal.
pub fn plain(text: &str) {
    assert!(text.ends_with('\n') && !text.contains('\u{1b}'));
    for line in text.lines() {
        assert!(len(line) <= COLUMNS, "{} columns: {line}", len(line));
        assert_eq!(line, line.trim_end(), "spaces at the end of {line:?}");
    }
}

/// Checks that JupyterLab 4 removes nothing important from a block in a notebook that is not trusted:
/// it has only these tags, and only style values that JupyterLab knows.
pub fn untrusted(block: &str) {
    const TAGS: [&str; 13] = [
        "div", "img", "table", "thead", "tbody", "tr", "th", "td", "br", "wbr", "b", "span", "bdi",
    ];
    // Too new in CSS for its list; without them a page is plainer but just as legible.
    const PLAINER: [&str; 2] = ["font-variant-numeric", "overflow-wrap:anywhere"];
    let known = |property: &str, value: &str| match property {
        "box-sizing" => value == "border-box",
        "display" => ["block", "inline-block", "flex"].contains(&value),
        "position" => ["relative", "absolute"].contains(&value),
        "flex-wrap" => value == "wrap",
        "align-items" => ["baseline", "flex-start"].contains(&value),
        "text-align" => ["left", "right"].contains(&value),
        "vertical-align" => value == "top",
        "white-space" => ["normal", "nowrap"].contains(&value),
        "overflow-wrap" => value == "break-word",
        "table-layout" => value == "fixed",
        "border-collapse" => value == "collapse",
        "font-weight" => value == "600",
        "font-family" | "color" | "background" => !value.contains('('),
        // Lengths, numbers, per cents, `auto` and `none`; borders have a style and a colour as well.
        "width" | "height" | "max-width" | "min-width" | "left" | "top" | "margin" | "padding"
        | "gap" | "flex" | "font-size" | "line-height" | "border-radius" | "border"
        | "border-left" | "border-bottom" => value.split(' ').all(|part| {
            let number = part.trim_end_matches("px").trim_end_matches('%');
            number.parse::<f64>().is_ok()
                || ["auto", "none", "solid"].contains(&part)
                || part.starts_with('#')
        }),
        _ => false,
    };
    for (name, tag, _) in elements(block) {
        assert!(TAGS.contains(&name.as_str()), "<{tag}> would be stripped");
        for declaration in attribute(&tag, "style").unwrap_or_default().split(';') {
            if declaration.is_empty() || PLAINER.iter().any(|p| declaration.starts_with(p)) {
                continue;
            }
            let (property, value) = declaration.split_once(':').unwrap_or((declaration, ""));
            assert!(known(property, value), "{declaration:?} would be stripped from <{name}>");
        }
    }
}
