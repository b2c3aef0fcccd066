//! One error type: what was given, what is allowed, what to try.

use std::fmt;

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in words that end with something to try.
///
/// `Display` holds the whole story, including causes, because a notebook prints nothing else;
/// `Debug` prints the same text. Any of the usual error types converts into it, so `?` works
/// inside an evaluator or a strategy of your own.
///
/// ```
/// use nascent::{Error, ErrorKind};
/// let e = Error::invalid("trials(0)", "a study needs at least one trial", "trials(20)");
/// assert_eq!(e.kind(), ErrorKind::Invalid);
/// assert_eq!(e.to_string(), "trials(0): a study needs at least one trial. Try trials(20).");
/// ```
#[derive(Clone, PartialEq)]
pub struct Error {
    kind: ErrorKind,
    text: String,
    /// For a layer on a shape: that no settings of it would help.
    hopeless: bool,
}

/// The kind of an [`Error`], for code that wants to tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument or a combination of settings that cannot work.
    Invalid,
    /// An architecture whose layers do not fit together; the text names the layer and the shape.
    Shape,
    /// The search space has no architecture left to propose.
    Exhausted,
    /// Nothing finished, or nothing of the kind that was asked for exists.
    Missing,
    /// A file could not be read or written, or does not hold what was expected.
    File,
    /// Candle, or another library below us, refused.
    Backend,
    /// The study was stopped before the evaluation ended.
    Stopped,
    /// Raised by a user's own evaluator, strategy or callback.
    User,
}

impl Error {
    /// An error of a kind, with its whole text.
    pub fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Error { kind, text: text.into(), hopeless: false }
    }

    /// Bad input: what was `given`, what is `allowed`, what to `try_`.
    pub fn invalid(
        given: impl fmt::Display,
        allowed: impl fmt::Display,
        try_: impl fmt::Display,
    ) -> Self {
        Error::new(ErrorKind::Invalid, format!("{given}: {allowed}. Try {try_}."))
    }

    /// The kind of the error.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The same text as an error of this kind.
    pub(crate) fn of_kind(self, kind: ErrorKind) -> Self {
        Error { kind, ..self }
    }

    /// For a layer on a shape: whatever its settings.
    pub(crate) fn whatever_is_set(self) -> Self {
        Error { hopeless: true, ..self }
    }

    pub(crate) fn is_hopeless(&self) -> bool {
        self.hopeless
    }

    /// The same error with its context in front of it.
    ///
    /// ```
    /// # use nascent::Error;
    /// let e = Error::from("no such file").context("reading weights.safetensors");
    /// assert_eq!(e.to_string(), "reading weights.safetensors: no such file");
    /// ```
    #[must_use = "it returns the error"]
    pub fn context(self, what: impl fmt::Display) -> Self {
        Error { text: format!("{what}: {}", self.text), ..self }
    }

    /// Several problems as one error, so that a builder reports all of them together.
    pub(crate) fn all(what: &str, problems: &[String]) -> Self {
        let text = match problems {
            [one] => format!("{what}: {one}"),
            many => {
                let list: Vec<String> =
                    many.iter().enumerate().map(|(i, p)| format!("\n  {}. {p}", i + 1)).collect();
                format!("{what} has {} problems:{}", many.len(), list.concat())
            }
        };
        Error::new(ErrorKind::Invalid, text)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}

impl From<String> for Error {
    fn from(text: String) -> Self {
        Error::new(ErrorKind::User, text)
    }
}

impl From<&str> for Error {
    fn from(text: &str) -> Self {
        Error::new(ErrorKind::User, text)
    }
}

impl From<std::io::Error> for Error {
    fn from(e: std::io::Error) -> Self {
        Error::new(ErrorKind::File, e.to_string())
    }
}

impl From<serde_json::Error> for Error {
    fn from(e: serde_json::Error) -> Self {
        Error::new(ErrorKind::File, format!("JSON: {e}"))
    }
}

impl From<candle_core::Error> for Error {
    fn from(e: candle_core::Error) -> Self {
        // Candle appends a backtrace of many lines; the first line says what happened.
        let text = e.to_string();
        let first = text.lines().next().unwrap_or_default();
        Error::new(ErrorKind::Backend, format!("candle: {first}"))
    }
}

impl From<std::num::ParseIntError> for Error {
    fn from(e: std::num::ParseIntError) -> Self {
        Error::new(ErrorKind::User, e.to_string())
    }
}

impl From<std::num::ParseFloatError> for Error {
    fn from(e: std::num::ParseFloatError) -> Self {
        Error::new(ErrorKind::User, e.to_string())
    }
}

impl From<Box<dyn std::error::Error>> for Error {
    fn from(e: Box<dyn std::error::Error>) -> Self {
        Error::new(ErrorKind::User, e.to_string())
    }
}

impl From<Box<dyn std::error::Error + Send + Sync>> for Error {
    fn from(e: Box<dyn std::error::Error + Send + Sync>) -> Self {
        Error::new(ErrorKind::User, e.to_string())
    }
}
