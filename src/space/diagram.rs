//! The drawing of an architecture: its layers with shapes and parameters.

use super::Architecture;
use crate::chart::{Chart, Diagram, DiagramRow};
use crate::words::human_count;

pub(super) fn diagram(arch: &Architecture) -> Chart {
    let graph = match arch.graph() {
        Ok(graph) => graph,
        Err(e) => {
            return Chart::new(Diagram {
                title: "This architecture does not fit together".into(),
                rows: vec![],
                total: e.to_string(),
            });
        }
    };
    let rows = graph.rows().into_iter().enumerate().map(|(id, row)| DiagramRow {
        id,
        name: row.name,
        shape: row.shape.to_string(),
        params: if row.params == 0 { String::new() } else { human_count(row.params as f64) },
        inputs: row.inputs,
        kind: row.family,
    });
    let count = |n: usize| human_count(n as f64);
    let total = match graph.is_decisions() {
        true => "decisions alone: what they stand for is the evaluator's to know".to_string(),
        false => format!(
            "{} parameters, {} multiply-adds per sample, about {}B to train with batches of 64",
            count(arch.params()),
            count(arch.macs()),
            count(arch.memory(64))
        ),
    };
    Chart::new(Diagram { title: "Architecture".into(), rows: rows.collect(), total })
}
