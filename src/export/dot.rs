//! An architecture as a graph in the language of Graphviz (graphviz.org/doc/info/lang.html).

use crate::space::Architecture;

impl Architecture {
    /// The network in the language of Graphviz: a box for each layer with its shape and its parameters, an arrow for each tensor
    /// that goes from one to another. `dot -Tsvg network.dot` draws it.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::on(&Dataset::digits()).then(conv(8, 3).residual()).then(global_avg_pool());
    /// let dot = space.default_architecture()?.to_dot();
    /// assert!(dot.starts_with("digraph") && dot.contains("conv(8,3)") && dot.contains("0 -> 1;"));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn to_dot(&self) -> String {
        let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let mut out = format!(
            "digraph \"{}\" {{\n  node [shape=box, fontname=\"sans-serif\"];\n",
            quoted(&self.to_string())
        );
        for (i, row) in self.layers().iter().enumerate() {
            let params = match row.params {
                0 => String::new(),
                n => format!("\\n{n} parameters"),
            };
            let (name, shape) = (quoted(&row.name), &row.shape);
            out += &format!("  {i} [label=\"{name}\\n{shape}{params}\"];\n");
            row.inputs.iter().for_each(|from| out += &format!("  {from} -> {i};\n"));
        }
        out + "}\n"
    }
}
