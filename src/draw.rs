//! Showing values: as HTML in a notebook and as text in a terminal.

/// `Debug` for types whose `Display` says all that there is to say.
macro_rules! debug_as_display {
    ($($type:ty),+) => {$(
        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }
    )+};
}
pub(crate) use debug_as_display;

/// A value that can be shown: as HTML in a notebook and as text in a terminal.
pub trait Draw {
    /// The picture, as an HTML fragment.
    fn html(&self) -> String;
    /// The text.
    fn plain(&self) -> String;
    /// Both, for values whose content is costly to compute and should be computed only once.
    fn both(&self) -> (String, String) {
        (self.html(), self.plain())
    }
}
