//! Showing values: as HTML in a notebook and as text in a terminal.

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
