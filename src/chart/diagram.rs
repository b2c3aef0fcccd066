//! One network, layer by layer: each has a row with its operation, output shape and parameters. The
//! chain runs straight down. Connections that skip a layer run in lanes on the left, one trunk for
//! each source, with the short ones inside, so that they cross as little as possible.

use super::Draw;
use super::letters::right;
use super::plain::{COLUMNS, cell, fit, len, wrap as wrap_plain};
use super::svg::{Anchor, Svg, nothing};
use super::theme::{Font, GRID, MUTED, family, width, wrap};
use crate::words::plural;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// A drawing of one network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Diagram {
    /// The heading; may be empty.
    pub title: String,
    /// The layers, inputs before those that use them.
    pub rows: Vec<DiagramRow>,
    /// The last line: total parameters and the like; may be empty.
    pub total: String,
}

/// One layer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DiagramRow {
    /// The number that `inputs` of later rows refer to.
    pub id: usize,
    /// The operation with its arguments.
    pub name: String,
    /// The shape of its output.
    pub shape: String,
    /// How many parameters it has.
    pub params: String,
    /// The rows whose outputs it takes.
    pub inputs: Vec<usize>,
    /// The family, for the colour: `conv`, `pool`, `norm`, `linear`, `recurrent`, `attention`,
    /// `activation`, `add`, `input`, `head`, `other`.
    pub kind: String,
}

/// The path from one source past other layers: from row `from` to each of `to`, in a lane (0 is next
/// to the layers).
#[derive(Clone, Debug, PartialEq)]
struct Trunk {
    from: usize,
    to: Vec<usize>,
    lane: usize,
}

/// The edges: rows that take the row above, and the trunks of the others.
struct Wiring {
    chained: Vec<bool>,
    trunks: Vec<Trunk>,
    lanes: usize,
}

impl Diagram {
    fn wiring(&self) -> Wiring {
        let mut chained = vec![false; self.rows.len()];
        let mut place: HashMap<usize, usize> = HashMap::new();
        let mut skips: Vec<Vec<usize>> = vec![vec![]; self.rows.len()];
        for (row, layer) in self.rows.iter().enumerate() {
            for from in layer.inputs.iter().filter_map(|id| place.get(id)).copied() {
                if from + 1 == row {
                    chained[row] = true;
                } else if skips[from].last() != Some(&row) {
                    skips[from].push(row);
                }
            }
            place.insert(layer.id, row);
        }
        let skips = skips.into_iter().enumerate().filter(|(_, to)| !to.is_empty());
        let mut trunks: Vec<Trunk> = skips.map(|(from, to)| Trunk { from, to, lane: 0 }).collect();
        let span = |t: &Trunk| t.to.last().copied().unwrap_or(t.from) - t.from;
        trunks.sort_by_key(|t| (span(t), t.from));
        for i in 0..trunks.len() {
            let (from, end) = (trunks[i].from, trunks[i].from + span(&trunks[i]));
            // As near to the layers as possible, but outside all shorter ones beside it.
            let inner = trunks[..i].iter().filter(|t| t.from < end && from < t.from + span(t));
            trunks[i].lane = inner.map(|t| t.lane + 1).max().unwrap_or(0);
        }
        let lanes = trunks.iter().map(|t| t.lane + 1).max().unwrap_or(0);
        Wiring { chained, trunks, lanes }
    }

    fn title(&self) -> &str {
        if self.title.is_empty() { "Network" } else { &self.title }
    }
}

const WHY: &str = "the network has no layers";

impl Draw for Diagram {
    fn svg(&self) -> String {
        if self.rows.is_empty() {
            return nothing(self.title(), WHY);
        }
        let wiring = self.wiring();
        let n = self.rows.len();
        let (height, gap) = if n > 24 { (20.0, 6.0) } else { (23.0, 9.0) };
        let widest = |text: fn(&DiagramRow) -> &String, font: Font, head: &str| {
            self.rows.iter().map(|r| width(text(r), font)).fold(width(head, Font::NOTE), f64::max)
        };
        let name = (widest(|r| &r.name, Font::TEXT, "operation") + 24.0).clamp(120.0, 360.0);
        let shape = widest(|r| &r.shape, Font::CODE, "output").min(150.0);
        let params = widest(|r| &r.params, Font::NOTE, "parameters").min(110.0);
        let pitch = (130.0 / wiring.lanes.max(1) as f64).clamp(3.0, 9.0);
        let lanes = (wiring.lanes as f64 * pitch).min(180.0);
        let left = 16.0 + if wiring.lanes > 0 { lanes + 14.0 } else { 0.0 };
        let shape_x = left + name + 16.0;
        let params_x = shape_x + shape + 18.0 + params;
        let full = (params_x + 16.0).max(300.0);
        let mut svg = Svg::default();

        svg.text((16.0, 26.0), self.title(), Font::TITLE, Anchor::Start, full - 32.0);
        let head = Font::NOTE.size(10.5);
        let y = 47.0;
        svg.text((left + 12.0, y), "operation", head, Anchor::Start, name);
        svg.text((shape_x, y), "output", head, Anchor::Start, shape + 10.0);
        svg.text((params_x, y), "parameters", head, Anchor::End, params + 10.0);
        let first = 55.0;
        let top = |row: usize| first + row as f64 * (height + gap);
        let middle = |row: usize| top(row) + height / 2.0;

        // Trunks first and outermost first, so that layers and inner paths lie on top.
        let mut outer: Vec<&Trunk> = wiring.trunks.iter().collect();
        outer.sort_by_key(|t| std::cmp::Reverse(t.lane));
        for trunk in outer {
            let shade = ["#6B7680", "#9AA4AD", "#46505A"][trunk.lane % 3];
            let x = (left - 11.0 - trunk.lane as f64 * pitch).max(10.0);
            let out = middle(trunk.from) + 4.0;
            for (i, &to) in trunk.to.iter().enumerate() {
                let into = middle(to) - 4.0;
                let route = [(left, out), (x, out), (x, into), (left - 3.0, into)];
                match i + 1 < trunk.to.len() {
                    true => svg.line(route[2], route[3], shade, 1.3),
                    false => svg.route(&route, 4.0, shade, 1.3),
                }
                svg.arrow_head((left, into), (1.0, 0.0), shade);
            }
        }
        let chain = left + 22.0;
        for (row, layer) in self.rows.iter().enumerate() {
            let (strong, pale) = family(&layer.kind);
            let y = top(row);
            if wiring.chained[row] {
                svg.line((chain, y - gap), (chain, y - 3.0), MUTED, 1.3);
                svg.arrow_head((chain, y), (0.0, 1.0), MUTED);
            }
            let edge = format!(r#"stroke="{strong}" stroke-opacity="0.45""#);
            svg.rect((left, y, name, height), 4.0, pale, &edge);
            svg.rect((left, y, 4.0, height), 1.5, strong, "");
            let base = middle(row) + 4.2;
            svg.text((left + 12.0, base), &layer.name, Font::TEXT, Anchor::Start, name - 18.0);
            svg.text((shape_x, base), &layer.shape, Font::CODE, Anchor::Start, shape + 2.0);
            let font = match layer.params.as_str() {
                "0" | "-" | "–" => Font::NOTE,
                _ => Font::TEXT.size(11.0),
            };
            svg.text((params_x, base), &layer.params, font, Anchor::End, params + 2.0);
        }
        let mut bottom = top(n - 1) + height + 12.0;
        if !self.total.is_empty() {
            svg.line((left, bottom), (params_x, bottom), GRID, 1.0);
            let (font, room) = (Font::TEXT.bold(), full - 32.0);
            for line in wrap(&self.total, font, room) {
                bottom += 17.0;
                svg.text((16.0, bottom), &line, font, Anchor::Start, room + 2.0);
            }
            bottom += 11.0;
        }
        let (layers, skips) = (plural(n, "layer"), wiring.trunks.len());
        let said = format!("{layers}, {skips} with skip connections. {}", self.total);
        svg.finish((full, bottom + 2.0), full, self.title(), &said)
    }

    fn plain(&self) -> String {
        let title = fit(self.title(), COLUMNS);
        if self.rows.is_empty() {
            return format!("{title}\nnothing to draw yet: {WHY}\n");
        }
        let wiring = self.wiring();
        // More lanes than this leave no room for the layers; they are described in words instead.
        let drawn = wiring.lanes <= 14;
        let lanes = if drawn { wiring.lanes } else { 0 };
        let gutters = match lanes {
            0 => vec![String::new(); self.rows.len()],
            _ => gutter(&wiring, self.rows.len()),
        };
        let name = |(row, layer): (usize, &DiagramRow)| {
            if drawn || !wiring.trunks.iter().any(|t| t.to.contains(&row)) {
                return layer.name.clone();
            }
            let from: Vec<String> = layer.inputs.iter().map(usize::to_string).collect();
            format!("{}: {} (from {})", layer.id, layer.name, from.join(", "))
        };
        let names: Vec<String> = self.rows.iter().enumerate().map(name).collect();
        let longest = |texts: &mut dyn Iterator<Item = &String>, head: &str| {
            texts.map(|t| len(t)).max().unwrap_or(0).max(len(head))
        };
        let shape = longest(&mut self.rows.iter().map(|r| &r.shape), "output").min(20);
        let params = longest(&mut self.rows.iter().map(|r| &r.params), "parameters").min(14);
        let side = if lanes > 0 { lanes + 3 } else { 0 };
        let name = longest(&mut names.iter(), "operation")
            .min(COLUMNS.saturating_sub(side + shape + params + 4));
        let line = |gutter: &str, a: &str, b: &str, c: &str| {
            let (a, b, c) = (cell(a, name), cell(b, shape), right(&fit(c, params), params));
            format!("{gutter:side$}{a}  {b}  {c}").trim_end().to_string() + "\n"
        };
        let mut out = format!("{title}\n") + &line("", "operation", "output", "parameters");
        out += &format!("{:side$}{}\n", "", "─".repeat(name + shape + params + 4));
        for (row, layer) in self.rows.iter().enumerate() {
            out += &line(&gutters[row], &names[row], &layer.shape, &layer.params);
        }
        if !self.total.is_empty() {
            let side = side.min(20);
            for text in wrap_plain(&self.total, COLUMNS - side) {
                out += &format!("{:side$}{text}\n", "");
            }
        }
        out
    }
}

/// The lanes in box-drawing characters, one string per row: `┌──`, `│`, `└─▸`.
fn gutter(wiring: &Wiring, rows: usize) -> Vec<String> {
    const BOX: [char; 16] =
        [' ', '╵', '╷', '│', '╶', '└', '┌', '├', '╴', '┘', '┐', '┤', '─', '┴', '┬', '┼'];
    const UP: usize = 1;
    const DOWN: usize = 2;
    const RIGHT: usize = 4;
    const LEFT: usize = 8;
    let n = wiring.lanes;
    let mut cells = vec![vec![0; n + 1]; rows];
    let mut heads = vec![false; rows];
    for trunk in &wiring.trunks {
        let column = n - 1 - trunk.lane;
        let end = trunk.to.last().copied().unwrap_or(trunk.from);
        (trunk.from..end).for_each(|row| {
            cells[row][column] |= DOWN;
            cells[row + 1][column] |= UP;
        });
        for &row in trunk.to.iter().chain([&trunk.from]) {
            cells[row][column] |= RIGHT;
            cells[row][column + 1..].iter_mut().for_each(|c| *c |= LEFT | RIGHT);
        }
        trunk.to.iter().for_each(|&row| heads[row] = true);
    }
    let line = |(row, head): (&Vec<usize>, &bool)| {
        let lanes: String = row.iter().map(|&c| BOX[c]).collect();
        let end = match row[n] {
            _ if *head => "▸ ",
            0 => "  ",
            _ => "─ ",
        };
        lanes + end
    };
    cells.iter().zip(&heads).map(line).collect()
}

/// A small residual network on the digits.
pub(super) fn example() -> Diagram {
    let layers: [(&str, &str, &str, &[usize], &str); 12] = [
        ("input", "1×8×8", "", &[], "input"),
        ("conv 32, 3×3", "32×8×8", "320", &[0], "conv"),
        ("batch norm", "32×8×8", "64", &[1], "norm"),
        ("relu", "32×8×8", "", &[2], "activation"),
        ("conv 32, 5×5", "32×8×8", "25 632", &[3], "conv"),
        ("batch norm", "32×8×8", "64", &[4], "norm"),
        ("add", "32×8×8", "", &[5, 3], "add"),
        ("relu", "32×8×8", "", &[6], "activation"),
        ("separable conv 32, 3×3", "32×8×8", "1 344", &[7], "conv"),
        ("max pool 2×2", "32×4×4", "", &[8], "pool"),
        ("global average pool", "32", "", &[9], "pool"),
        ("linear 10", "10", "330", &[10], "head"),
    ];
    let rows = layers.into_iter().enumerate().map(|(id, (name, shape, params, inputs, kind))| {
        let [name, shape, params, kind] = [name, shape, params, kind].map(String::from);
        DiagramRow { id, name, shape, params, inputs: inputs.to_vec(), kind }
    });
    Diagram {
        title: "Best network (trial 19)".into(),
        rows: rows.collect(),
        total: "27.8 k parameters, 1.8 M multiply-adds".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn net(inputs: &[&[usize]]) -> Diagram {
        let row = |(id, inputs): (usize, &&[usize])| DiagramRow {
            id,
            name: format!("layer {id}"),
            inputs: inputs.to_vec(),
            ..DiagramRow::default()
        };
        Diagram { rows: inputs.iter().enumerate().map(row).collect(), ..Diagram::default() }
    }

    #[test]
    fn nested_ways_lie_outside_of_those_they_enclose() {
        let wiring = net(&[&[], &[0], &[1], &[2, 1], &[3, 0], &[4], &[5, 4]]).wiring();
        let lane =
            |from| wiring.trunks.iter().find(|t| t.from == from).map(|t| (t.lane, t.to.clone()));
        assert_eq!(lane(1), Some((0, vec![3])));
        assert_eq!(lane(0), Some((1, vec![4])));
        assert_eq!(lane(4), Some((0, vec![6])));
        assert!(wiring.chained[1..].iter().all(|c| *c));
    }

    #[test]
    fn ways_in_one_lane_never_overlap() {
        let dense: Vec<Vec<usize>> = (0..12).map(|i| (0..i).collect()).collect();
        let wiring = net(&dense.iter().map(Vec::as_slice).collect::<Vec<_>>()).wiring();
        for (i, a) in wiring.trunks.iter().enumerate() {
            for b in wiring.trunks[..i].iter().filter(|b| b.lane == a.lane) {
                assert!(
                    a.from >= b.to[b.to.len() - 1] || b.from >= a.to[a.to.len() - 1],
                    "{a:?} {b:?}"
                );
            }
        }
    }

    #[test]
    fn the_terminal_draws_the_lanes() {
        let text = net(&[&[], &[0], &[1], &[2, 0], &[3]]).plain();
        let lines: Vec<&str> = text.lines().skip(3).collect();
        assert_eq!(lines[0].trim_end(), "┌── layer 0");
        assert_eq!(lines[1].trim_end(), "│   layer 1");
        assert_eq!(lines[3].trim_end(), "└─▸ layer 3");
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let dense: Vec<Vec<usize>> = (0..40).map(|i| (0..i).collect()).collect();
        let mut long = example();
        long.rows.iter_mut().for_each(|r| {
            (r.name, r.shape, r.params) = ("conv & <".repeat(40), "1×".repeat(90), "9".repeat(60));
        });
        (long.title, long.total) = ("t ".repeat(300), "total ".repeat(99));
        let cases = [
            Diagram::default(),
            net(&[&[]]),
            net(&[&[0, 7, 99], &[1], &[0, 0, 0]]),
            net(&dense.iter().map(Vec::as_slice).collect::<Vec<_>>()),
            long,
            Diagram { rows: vec![DiagramRow::default(); 200], ..Diagram::default() },
        ];
        cases.iter().for_each(check::chart);
    }
}
