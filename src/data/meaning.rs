//! What the numbers of a data set mean: how inputs were scaled, and which words outputs stand for. A model
//! carries this with it.

use super::{Dataset, Scaling};
use serde::{Deserialize, Serialize};

/// All that a model has to know to answer questions about raw data.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Meaning {
    /// The name of the data; empty where there are none.
    pub(crate) data: String,
    /// What is done to inputs before the network sees them.
    pub(crate) inputs: Option<Scaling>,
    /// What was done to the targets of a regression, to be undone.
    pub(crate) targets: Option<Scaling>,
    /// The words of the classes, in order.
    pub(crate) classes: Vec<String>,
    /// The characters of the symbols, in order.
    pub(crate) symbols: Vec<char>,
    /// The names of a table's features, in order.
    pub(crate) columns: Vec<String>,
    /// Whether images were given as `[H, W, C]`, and turned.
    pub(crate) channels_last: bool,
}

impl Dataset {
    /// What a model that is trained on these data has to know about them.
    pub(crate) fn meaning(&self) -> Meaning {
        Meaning {
            data: self.name(),
            inputs: self.scaling().cloned(),
            targets: self.target_scaling().cloned(),
            classes: self.classes(),
            symbols: self.symbols(),
            columns: self.0.columns.clone(),
            channels_last: self.0.channels_last,
        }
    }
}
