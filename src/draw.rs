//! Showing things: as HTML in a notebook, as text in a terminal.

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
