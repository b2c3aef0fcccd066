//! One error type: what was given, what is allowed, what to try.

use std::fmt;

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in words that end with something to try.
///
/// `Display` shows the whole story, including causes, because a notebook prints nothing else; `Debug`
/// shows the same text. All usual error types convert into it, so `?` works inside an evaluator or a
/// strategy of your own.
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
    /// For a layer on a shape: whether no settings of it would help.
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
    /// Candle, or another library that this crate uses, refused.
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

    /// The error of a layer on a shape that occurs whatever its settings are.
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
            many => format!("{what} has {} problems:{}", many.len(), numbered(many)),
        };
        Error::new(ErrorKind::Invalid, text)
    }
}

/// A numbered list, each item on a line of its own.
pub(crate) fn numbered<T: fmt::Display>(items: &[T]) -> String {
    (1..).zip(items).map(|(n, item)| format!("\n  {n}. {item}")).collect()
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

/// Errors of other types, each with the kind that it becomes and its text.
macro_rules! from {
    ($($given:ty: $kind:ident, |$e:ident| $text:expr;)*) => {$(
        impl From<$given> for Error {
            fn from($e: $given) -> Self {
                Error::new(ErrorKind::$kind, $text)
            }
        }
    )*};
}
from! {
    String: User, |text| text;
    &str: User, |text| text;
    std::num::ParseIntError: User, |e| e.to_string();
    std::num::ParseFloatError: User, |e| e.to_string();
    Box<dyn std::error::Error>: User, |e| e.to_string();
    Box<dyn std::error::Error + Send + Sync>: User, |e| e.to_string();
    std::io::Error: File, |e| e.to_string();
    serde_json::Error: File, |e| format!("JSON: {e}");
    // Candle appends a backtrace of many lines; the first line says what happened.
    candle_core::Error: Backend,
        |e| format!("candle: {}", e.to_string().lines().next().unwrap_or_default());
}
