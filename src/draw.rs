//! Showing things: as HTML in a notebook, as text in a terminal.

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

/// What can be shown: as HTML in a notebook, as text in a terminal.
pub trait Draw {
    /// The picture, as an HTML fragment.
    fn html(&self) -> String;
    /// The text.
    fn plain(&self) -> String;
    /// Both; for what is costly to find out and should be found out once.
    fn both(&self) -> (String, String) {
        (self.html(), self.plain())
    }
}
