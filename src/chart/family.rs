//! The families of layers, each with its colours.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A family of layers, which decides the colour in pictures of architectures and of spaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum Family {
    /// Convolutions.
    Conv,
    /// Pooling, and other layers that reduce the number of positions.
    Pool,
    /// Normalisation.
    Norm,
    /// Linear maps.
    Linear,
    /// Recurrent layers.
    Recurrent,
    /// Attention and gates.
    Attention,
    /// Activation functions.
    Activation,
    /// Where several tensors become one.
    Add,
    /// What the task puts at the end.
    Head,
    /// The data.
    Input,
    /// Everything else.
    #[default]
    Other,
}

/// All families, each with its name, its strong and its pale colour.
const FAMILIES: [(Family, &str, [&str; 2]); 11] = [
    (Family::Conv, "conv", ["#0072B2", "#E3F0F8"]),
    (Family::Pool, "pool", ["#E69F00", "#FDF3DC"]),
    (Family::Norm, "norm", ["#56B4E9", "#EAF6FD"]),
    (Family::Linear, "linear", ["#009E73", "#E0F4EE"]),
    // Indigo from Tol's muted palette: with every kind of colour vision, it differs more from the other
    // colours than they do from each other.
    (Family::Attention, "attention", ["#332288", "#E8E6F4"]),
    // Brown, for the same reason.
    (Family::Recurrent, "recurrent", ["#773311", "#F3EAE4"]),
    (Family::Activation, "activation", ["#A89B00", "#FAF8DC"]),
    (Family::Add, "add", ["#CC79A7", "#FAEBF3"]),
    (Family::Head, "head", ["#D55E00", "#FCEADF"]),
    (Family::Input, "input", ["#4D4D4D", "#EDEEEE"]),
    (Family::Other, "other", ["#8A9097", "#F1F2F2"]),
];

impl Family {
    /// The family of a name, as in [`DiagramRow::kind`](super::DiagramRow::kind); [`Family::Other`] for
    /// names that are not known.
    pub fn of(name: &str) -> Family {
        FAMILIES.iter().find(|f| f.1 == name).map_or(Family::Other, |f| f.0)
    }

    fn row(self) -> &'static (Family, &'static str, [&'static str; 2]) {
        FAMILIES.iter().find(|f| f.0 == self).unwrap_or(&FAMILIES[FAMILIES.len() - 1])
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// Its strong and its pale colour.
    pub(super) fn colours(self) -> (&'static str, &'static str) {
        let [strong, pale] = self.row().2;
        (strong, pale)
    }
}

/// Names that are not known are read as [`Family::Other`].
impl From<String> for Family {
    fn from(name: String) -> Family {
        Family::of(&name)
    }
}

impl From<Family> for String {
    fn from(family: Family) -> String {
        family.name().to_string()
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_has_colours_of_its_own() {
        for (i, (family, name, colours)) in FAMILIES.iter().enumerate() {
            assert_eq!((Family::of(name), family.name()), (*family, *name));
            for (_, other, theirs) in &FAMILIES[..i] {
                assert!(colours.iter().all(|c| !theirs.contains(c)), "{name} and {other}");
            }
        }
    }
}
