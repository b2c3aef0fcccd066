//! A small SVG writer. It knows rectangles, lines, text that fits its place, and the card that
//! every picture lies on. It writes no ids, and the only rules of style are those of dark pages, which are the same for
//! all; so any number of pictures can share a page without affecting each other.

use super::dark;
use super::theme::{BORDER, CARD, FONT, Font, MONO, elide, escape};

/// Width of a plot in drawing units. It is small, so that its text can still be read on a phone, and
/// is shown larger where there is room.
pub(crate) const WIDTH: f64 = 420.0;
/// How wide a plot is shown where there is room.
pub(crate) const SHOWN: f64 = 560.0;

/// Where a text is relative to its point.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// Left, top, width and height.
type Extent = (f64, f64, f64, f64);

/// The body of a picture while it is drawn.
#[derive(Default)]
pub(crate) struct Svg {
    body: String,
}

/// A coordinate with one decimal at most.
pub(crate) fn n(v: f64) -> String {
    let rounded = (v * 10.0).round() / 10.0;
    if rounded == 0.0 { "0".into() } else { format!("{rounded}") }
}

/// Further attributes, after a space.
fn more(extra: &str) -> String {
    if extra.is_empty() { String::new() } else { format!(" {extra}") }
}

impl Svg {
    /// Adds finished markup.
    pub fn raw(&mut self, markup: &str) {
        self.body.push_str(markup);
    }

    /// A rectangle with rounded corners; `extra` holds further attributes.
    pub fn rect(&mut self, (x, y, w, h): Extent, round: f64, fill: &str, extra: &str) {
        let (x, y, w, h, r) = (n(x), n(y), n(w.max(0.0)), n(h.max(0.0)), n(round));
        let extra = more(extra);
        self.body += &format!(
            r#"<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="{r}" fill="{fill}"{extra}/>"#
        );
    }

    /// A line along path commands.
    pub fn path(&mut self, d: &str, stroke: &str, stroke_width: f64, extra: &str) {
        let extra = more(extra);
        self.body += &format!(
            r#"<path d="{d}" fill="none" stroke="{stroke}" stroke-width="{stroke_width}"{extra}/>"#
        );
    }

    /// A line through points, with rounded corners of `bend` pixels.
    pub fn route(&mut self, points: &[(f64, f64)], bend: f64, stroke: &str, stroke_width: f64) {
        let Some(&(x, y)) = points.first() else { return };
        let mut d = format!("M{} {}", n(x), n(y));
        for corner in points.windows(3) {
            let [a, b, c] = [corner[0], corner[1], corner[2]];
            let near = |from: (f64, f64)| {
                let (dx, dy) = (from.0 - b.0, from.1 - b.1);
                let length = (dx * dx + dy * dy).sqrt().max(1e-9);
                let r = bend.min(length / 2.0) / length;
                (b.0 + dx * r, b.1 + dy * r)
            };
            let (p, q) = (near(a), near(c));
            d += &format!("L{} {}Q{} {} {} {}", n(p.0), n(p.1), n(b.0), n(b.1), n(q.0), n(q.1));
        }
        if let [_, .., (x, y)] = points {
            d += &format!("L{} {}", n(*x), n(*y));
        }
        self.path(&d, stroke, stroke_width, "");
    }

    /// A straight line.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), stroke: &str, stroke_width: f64) {
        let d = format!("M{} {}L{} {}", n(from.0), n(from.1), n(to.0), n(to.1));
        self.path(&d, stroke, stroke_width, "");
    }

    /// The head of an arrow, its tip at `(x, y)`, pointing along `(dx, dy)`, one of which is 0.
    pub fn arrow_head(&mut self, (x, y): (f64, f64), (dx, dy): (f64, f64), fill: &str) {
        let (l, h) = (5.5, 3.2);
        let (ax, ay) = (x - dx * l - dy * h, y - dy * l - dx * h);
        let (bx, by) = (x - dx * l + dy * h, y - dy * l + dx * h);
        let d = format!("M{} {}L{} {}L{} {}Z", n(x), n(y), n(ax), n(ay), n(bx), n(by));
        self.area(&d, fill, "");
    }

    /// A filled circle.
    pub fn dot(&mut self, (x, y): (f64, f64), r: f64, fill: &str, extra: &str) {
        let (x, y, r, extra) = (n(x), n(y), n(r), more(extra));
        self.body += &format!(r#"<circle cx="{x}" cy="{y}" r="{r}" fill="{fill}"{extra}/>"#);
    }

    /// An invisible spot that says something when hovered over.
    pub fn hover(&mut self, (x, y): (f64, f64), r: f64, says: &str) {
        let (x, y, r, says) = (n(x), n(y), n(r), escape(says));
        self.body += &format!(
            r#"<circle cx="{x}" cy="{y}" r="{r}" fill="transparent"><title>{says}</title></circle>"#
        );
    }

    /// An invisible area that says something when hovered over.
    pub fn tip(&mut self, (x, y, w, h): Extent, says: &str) {
        let (x, y, w, h, says) = (n(x), n(y), n(w.max(0.0)), n(h.max(0.0)), escape(says));
        self.body += &format!(
            r#"<rect x="{x}" y="{y}" width="{w}" height="{h}" fill="transparent"><title>{says}</title></rect>"#
        );
    }

    /// An invisible wide line that says something when hovered over.
    pub fn tip_line(&mut self, d: &str, says: &str) {
        let says = escape(says);
        self.body += &format!(
            r#"<path d="{d}" fill="none" stroke="transparent" stroke-width="8"><title>{says}</title></path>"#
        );
    }

    /// A filled shape along path commands.
    pub fn area(&mut self, d: &str, fill: &str, extra: &str) {
        self.body += &format!(r#"<path d="{d}" fill="{fill}"{}/>"#, more(extra));
    }

    /// A part of the picture, in the same pixels, clipped to an area given by left, top, right and
    /// bottom.
    pub fn clipped(&mut self, (x0, y0, x1, y1): (f64, f64, f64, f64), part: Svg) {
        if part.body.is_empty() {
            return;
        }
        let (x, y, w, h) = (n(x0), n(y0), n((x1 - x0).max(0.0)), n((y1 - y0).max(0.0)));
        self.body += &format!(
            r#"<svg x="{x}" y="{y}" width="{w}" height="{h}" viewBox="{x} {y} {w} {h}">{}</svg>"#,
            part.body
        );
    }

    /// What another one holds, after what is here.
    pub fn append(&mut self, part: Svg) {
        self.body += &part.body;
    }

    /// All of it as one group, with an animation of that.
    pub fn group(self, animation: &str) -> String {
        format!("<g>{}{animation}</g>", self.body)
    }

    /// Text that reads upwards from its point, cut to `room` pixels.
    pub fn upright(&mut self, (x, y): (f64, f64), text: &str, font: Font, room: f64) {
        let turn = format!(r#" transform="rotate(-90 {} {})""#, n(x), n(y));
        self.set(x, y, text, font, Anchor::Start, room, &turn);
    }

    /// Text on its baseline, cut to `room` pixels; what was cut stays in a tooltip.
    pub fn text(&mut self, (x, y): (f64, f64), text: &str, font: Font, at: Anchor, room: f64) {
        self.set(x, y, text, font, at, room, "");
    }

    /// The same with a pale halo, for text that lies on lines.
    pub fn halo(&mut self, (x, y): (f64, f64), text: &str, font: Font, at: Anchor, room: f64) {
        let halo = format!(
            r#" paint-order="stroke" stroke="{CARD}" stroke-width="3" stroke-linejoin="round""#
        );
        self.set(x, y, text, font, at, room, &halo);
    }

    /// Adds an animation to what was drawn last, a text; `hidden` if it is not seen at rest.
    pub fn animate_text(&mut self, animation: &str, hidden: bool) {
        let Some(start) = self.body.rfind("<text ").filter(|_| self.body.ends_with("</text>"))
        else {
            return;
        };
        self.body.truncate(self.body.len() - "</text>".len());
        if hidden {
            self.body.insert_str(start + "<text".len(), r#" opacity="0""#);
        }
        self.body += animation;
        self.body += "</text>";
    }

    #[allow(clippy::too_many_arguments)]
    fn set(&mut self, x: f64, y: f64, text: &str, font: Font, at: Anchor, room: f64, extra: &str) {
        let shown = elide(text, font, room);
        let tip = match shown == text {
            true => String::new(),
            false => format!("<title>{}</title>", escape(text)),
        };
        let anchor = match at {
            Anchor::Start => "",
            Anchor::Middle => r#" text-anchor="middle""#,
            Anchor::End => r#" text-anchor="end""#,
        };
        let weight = if font.bold { r#" font-weight="600""# } else { "" };
        let face = if font.mono { format!(r#" font-family="{MONO}""#) } else { String::new() };
        let (x, y, size, fill, shown) = (n(x), n(y), n(font.size), font.fill, escape(&shown));
        self.body += &format!(
            r#"<text x="{x}" y="{y}" font-size="{size}" fill="{fill}"{anchor}{weight}{face}{extra}>{tip}{shown}</text>"#
        );
    }

    /// The whole picture on its card: `size` in drawing units, shown `shown` pixels wide where there
    /// is room and smaller where there is not.
    pub fn finish(self, (w, h): (f64, f64), shown: f64, title: &str, desc: &str) -> String {
        let (title, desc) = (escape(title), escape(desc));
        let place = if w > HALF_MAX { "wide" } else { "half" };
        let (wide, high) = (n(shown), n(h * shown / w));
        let mut card = Svg::default();
        card.rect((0.5, 0.5, w - 1.0, h - 1.0), 8.0, CARD, &format!(r#"stroke="{BORDER}""#));
        let (w, h, body) = (n(w), n(h), card.body + &self.body);
        let rules = dark::rules(&body);
        format!(
            r#"<svg data-nascent="{place}" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{wide}" height="{high}" role="img" aria-label="{title}" font-family="{FONT}" style="max-width:100%;height:auto;display:block"><title>{title}</title><desc>{desc}</desc>{rules}{body}</svg>"#
        )
    }
}

/// Pictures wider than this, in drawing units, have a row of their own in a report: at half the
/// width, their text would be too small.
const HALF_MAX: f64 = 460.0;

/// The picture for when there is nothing to draw, with the reason.
pub(crate) fn nothing(title: &str, why: &str) -> String {
    let (w, h) = (WIDTH, 112.0);
    let mut svg = Svg::default();
    let middle = w / 2.0;
    svg.text((16.0, 26.0), title, Font::TITLE, Anchor::Start, w - 32.0);
    let dashed = r##"stroke="#9AA1A8" stroke-width="1.5" stroke-dasharray="2 2""##;
    svg.dot((middle, 54.0), 5.0, "none", dashed);
    let says = format!("nothing to draw yet: {why}");
    svg.text((middle, 82.0), &says, Font::TEXT, Anchor::Middle, w - 32.0);
    svg.finish((w, h), SHOWN, title, &says)
}
