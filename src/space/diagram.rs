//! The drawing of an architecture: its layers with shapes and parameters.

use super::Architecture;
use crate::chart::{Chart, Diagram, DiagramRow, NetworkGraph, branches};
use crate::words::human_count;

/// The network as a graph.
pub(super) fn drawing(arch: &Architecture) -> Chart {
    let layers = layers(arch);
    Chart::new(NetworkGraph { title: layers.title.clone(), networks: vec![layers] })
}

/// As it is shown: as a graph if it branches, otherwise as a list.
pub(super) fn shown(arch: &Architecture) -> Chart {
    let layers = layers(arch);
    match branches(&layers) {
        true => Chart::new(NetworkGraph { title: layers.title.clone(), networks: vec![layers] }),
        false => Chart::new(layers),
    }
}

/// Two networks as graphs, beside each other.
pub(super) fn beside(arch: &Architecture, other: &Architecture) -> Chart {
    let named = |arch: &Architecture| Diagram { title: arch.to_string(), ..layers(arch) };
    let title = "Two architectures".to_string();
    Chart::new(NetworkGraph { title, networks: vec![named(arch), named(other)] })
}

pub(super) fn layers(arch: &Architecture) -> Diagram {
    let graph = match arch.graph() {
        Ok(graph) => graph,
        Err(e) => {
            return Diagram {
                title: "This architecture does not fit together".into(),
                rows: vec![],
                total: e.to_string(),
            };
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
    Diagram { title: "Architecture".into(), rows: rows.collect(), total }
}
