//! What the numbers of a data set mean: how inputs were scaled, and which words outputs stand for. A model
//! carries this with it.

use super::file::{read, wrong};
use super::{Dataset, Images, LogMel, Scaling, wav};
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;

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
    /// How files became samples.
    pub(crate) files: Option<Files>,
}

/// How files became samples, each of its own.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Files {
    /// Pictures, with size and channels decided.
    Images(Images),
    /// Recordings of one sampling rate.
    Sound(usize, LogMel),
}

impl Files {
    /// A file as a sample.
    ///
    /// # Errors
    /// When it cannot be read, or is of another sampling rate.
    pub(crate) fn sample(&self, path: &Path) -> Result<Vec<f32>> {
        match self {
            Files::Images(images) => {
                images.of_file(path, "The model takes numbers or the names of image files.")
            }
            Files::Sound(rate, settings) => {
                let bytes = read(path, "The model takes numbers or the names of WAV files.")?;
                let (own, sound) = wav::parse(&bytes).map_err(|what| wrong(path, what))?;
                if own != *rate {
                    return Err(wrong(
                        path,
                        format!(
                            "it has {own} Hz, and the model was trained on {rate} Hz. Convert it: \
                             ffmpeg -i in.wav -ar {rate} out.wav."
                        ),
                    ));
                }
                settings.features(&sound, own)
            }
        }
    }

    /// Whether the same file becomes the same sample.
    pub(super) fn as_read(&self, other: &Files) -> bool {
        match (self, other) {
            (Files::Images(a), Files::Images(b)) => a.as_read(b),
            _ => self == other,
        }
    }
}

impl fmt::Display for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Files::Images(images) => images.fmt(f),
            Files::Sound(rate, settings) => write!(f, "{settings} at {rate} Hz"),
        }
    }
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
            files: self.0.files,
        }
    }
}
