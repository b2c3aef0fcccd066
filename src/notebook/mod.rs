//! Showing things in a notebook: one composed output per cell, and whole lines while it runs.
//!
//! The evcxr kernel calls `evcxr_display` on the last value of a cell and shows what it prints
//! between two marks, one text for each MIME type. Our types have the method themselves, so that it is
//! found without any import; references, vectors, tuples, options and results of them have it through
//! [`EvcxrDisplay`].

#[cfg(test)]
mod stress;

use crate::chart::theme::{BREAK, escape};
use crate::chart::{Chart, Entry, IntoEntry, Listing, Map, Report, compose_html, compose_plain};
use crate::draw::Draw;
use crate::live;
use crate::stats::{Band, Friedman, Summary, Wilcoxon};
use crate::{
    Acts, Answer, Architecture, Augment, Bill, Block, Budget, Compare, Comparison, Dataset,
    Distance, Encoding, Error, Evaluation, Explanation, Finalists, Floats, Images, Ints, Latency,
    LayerRow, Live, LogMel, Measures, Metric, Model, Optimizer, Pair, Predictor, Protocol,
    Retrained, Running, Schedule, Searches, Shape, Space, Standing, Study, Supernet, Table, Task,
    Train, Transferred, Trial, Verdict,
};
use std::sync::Arc;

/// Shows a value in the evcxr kernel. Implemented for everything that can be drawn.
pub trait EvcxrDisplay {
    /// Prints the value for the kernel.
    fn evcxr_display(&self);
}

impl<T: Draw + ?Sized> EvcxrDisplay for T {
    fn evcxr_display(&self) {
        let (html, plain) = self.both();
        if !(html.is_empty() && plain.is_empty()) {
            display(&html, &plain);
        }
    }
}

fn display(html: &str, plain: &str) {
    evcxr_runtime::mime_type("text/html").text(live::shown(html));
    evcxr_runtime::mime_type("text/plain").text(plain.trim_end());
}

/// Several things as one output, since a cell shows only one.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8])));
/// let both = show((&space, space.default_architecture()?.diagram()));
/// assert!(both.html().matches("<svg").count() >= 2);
/// # Ok::<(), nascent::Error>(())
/// ```
pub fn show(items: impl Draw) -> Shown {
    Shown { html: items.html(), plain: items.plain() }
}

/// What [`show`] makes.
#[derive(Clone)]
#[must_use = "it is shown where it is the last value of a cell, or by println!"]
pub struct Shown {
    html: String,
    plain: String,
}

impl Draw for Shown {
    fn html(&self) -> String {
        self.html.clone()
    }
    fn plain(&self) -> String {
        self.plain.clone()
    }
}

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.plain)
    }
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// What is shown as something else: the type, and what stands for it.
macro_rules! draw_as {
    ($([$($bounds:tt)*] $type:ty: |$it:ident| $shown:expr;)*) => {$(
        impl<$($bounds)*> Draw for $type {
            fn html(&self) -> String {
                let $it = self;
                $shown.html()
            }
            fn plain(&self) -> String {
                let $it = self;
                $shown.plain()
            }
            fn both(&self) -> (String, String) {
                let $it = self;
                $shown.both()
            }
        }
    )*};
}
draw_as! {
    [] Architecture: |it| it.shown();
    [] Bill: |it| it.report();
    [] Comparison: |it| it.report();
    [] Finalists: |it| it.report();
    [] Listing: |it| Chart::new((*it).clone());
    [] Map: |it| it.chart();
    [] Measures: |it| it.chart();
    [] Retrained: |it| it.report();
    [] Transferred: |it| it.report();
    [T: Draw + ?Sized] &T: |it| **it;
    [T: Draw + ?Sized] Box<T>: |it| **it;
    [T: Draw + ?Sized] Arc<T>: |it| **it;
    [T: Draw] Vec<T>: |it| it[..];
    [T: Draw, const N: usize] [T; N]: |it| it[..];
}

impl Draw for Chart {
    fn html(&self) -> String {
        Chart::html(self)
    }
    fn plain(&self) -> String {
        Chart::plain(self)
    }
}

impl Draw for Report {
    fn html(&self) -> String {
        Report::html(self)
    }
    fn plain(&self) -> String {
        Report::plain(self)
    }
}

impl Draw for Space {
    fn html(&self) -> String {
        match self.remarks() {
            None => self.drawing().html(),
            Some(text) => compose_html(&[warning(&text), self.drawing_beside().html()]),
        }
    }
    fn plain(&self) -> String {
        match self.remarks() {
            None => self.drawing().plain(),
            Some(text) => compose_plain(&[text, self.drawing_beside().plain()]),
        }
    }
}

impl IntoEntry for Architecture {
    fn entry(&self) -> Entry {
        Entry::Text(self.to_text())
    }
}

/// A text that readers must not overlook.
fn warning(text: &str) -> String {
    format!(
        "<div style=\"border-left:4px solid #D55E00;background:#FFF4EE;color:#222;padding:6px 10px\">{}</div>",
        line(text)
    )
}

impl Draw for Study {
    fn html(&self) -> String {
        self.both().0
    }
    fn plain(&self) -> String {
        self.both().1
    }
    fn both(&self) -> (String, String) {
        match self.trials_done().is_empty() && self.ended().is_empty() {
            true => self.explain().both(),
            false => self.report().both(),
        }
    }
}

/// Lines of text as HTML. The kernel turns line breaks in HTML into spaces, so they become `<br>`.
fn line(text: &str) -> String {
    let text = text.trim_end().lines().map(escape).collect::<Vec<_>>().join("<br>");
    format!(
        "<div style=\"font-family:ui-monospace,Menlo,Consolas,monospace;font-size:13px;\
         {BREAK}\">{text}</div>"
    )
}

macro_rules! draw_lines {
    ($($type:ty),*) => {$(
        impl Draw for $type {
            fn html(&self) -> String {
                line(&self.to_string())
            }
            fn plain(&self) -> String {
                self.to_string()
            }
        }
    )*};
}
draw_lines!(
    Trial, Error, Block, Ints, Floats, Acts, Shape, Task, Metric, Budget, Protocol, LayerRow,
    Train, Supernet, Table, Latency, Optimizer, Schedule, Augment, LogMel, Images, Distance,
    Encoding, Band, Friedman, Summary, Wilcoxon, Compare, Verdict, Standing, Pair, Searches,
    Answer, Predictor
);

/// A line of progress and below it the charts so far: run the cell again to see more.
impl Draw for Running {
    fn html(&self) -> String {
        let study = self.study();
        let parts = [line(&self.progress()), study.best_so_far().html(), study.frontier().html()];
        compose_html(&parts)
    }
    fn plain(&self) -> String {
        compose_plain(&[self.progress(), self.study().best_so_far().plain()])
    }
}

impl Draw for Explanation {
    fn html(&self) -> String {
        self.table()
    }
    fn plain(&self) -> String {
        self.to_string()
    }
}

impl Draw for Evaluation {
    fn html(&self) -> String {
        line(&self.plain())
    }
    fn plain(&self) -> String {
        let metrics = self.metrics();
        let more = metrics.iter().map(|(name, v)| format!(", {name} {}", crate::words::score(*v)));
        format!("score {}{}", crate::words::score(self.score()), more.collect::<String>())
    }
}

impl Draw for Model {
    fn html(&self) -> String {
        compose_html(&[line(&self.to_string()), self.architecture().html()])
    }
    fn plain(&self) -> String {
        compose_plain(&[self.to_string(), self.architecture().plain()])
    }
}

impl Draw for Dataset {
    fn html(&self) -> String {
        compose_html(&[line(&self.to_string()), self.samples_svg().unwrap_or_default()])
    }
    fn plain(&self) -> String {
        self.to_string()
    }
}

/// Nothing to show, but a check, which gives a `Result<()>`, can be the last value of a cell too.
impl Draw for () {
    fn html(&self) -> String {
        String::new()
    }
    fn plain(&self) -> String {
        String::new()
    }
}

impl<T: Draw> Draw for [T] {
    fn html(&self) -> String {
        compose_html(&self.iter().map(Draw::html).collect::<Vec<_>>())
    }
    fn plain(&self) -> String {
        compose_plain(&self.iter().map(Draw::plain).collect::<Vec<_>>())
    }
}

impl<T: Draw> Draw for Option<T> {
    fn html(&self) -> String {
        self.as_ref().map_or_else(|| line("nothing"), Draw::html)
    }
    fn plain(&self) -> String {
        self.as_ref().map_or_else(|| "nothing".to_string(), Draw::plain)
    }
}

impl<T: Draw, E: std::fmt::Display> Draw for Result<T, E> {
    fn html(&self) -> String {
        match self {
            Ok(value) => match value.html() {
                nothing if nothing.is_empty() => line("fine"),
                html => html,
            },
            Err(e) => warning(&format!("error: {e}")),
        }
    }
    fn plain(&self) -> String {
        match self {
            Ok(value) => match value.plain() {
                nothing if nothing.is_empty() => "fine".to_string(),
                plain => plain,
            },
            Err(e) => format!("error: {e}"),
        }
    }
}

macro_rules! draw_tuples {
    ($($name:ident)+) => {
        impl<$($name: Draw),+> Draw for ($($name,)+) {
            #[allow(non_snake_case)]
            fn html(&self) -> String {
                let ($($name,)+) = self;
                compose_html(&[$($name.html()),+])
            }
            #[allow(non_snake_case)]
            fn plain(&self) -> String {
                let ($($name,)+) = self;
                compose_plain(&[$($name.plain()),+])
            }
        }
    };
}
draw_tuples!(A);
draw_tuples!(A B);
draw_tuples!(A B C);
draw_tuples!(A B C D);
draw_tuples!(A B C D E);
draw_tuples!(A B C D E F);

/// The method itself on our own types, so that the kernel finds it without any import.
macro_rules! inherent {
    ($($type:ty),*) => {$(
        impl $type {
            #[doc(hidden)]
            pub fn evcxr_display(&self) {
                EvcxrDisplay::evcxr_display(self);
            }
        }
    )*};
}
inherent! {
    Answer, Architecture, Band, Bill, Block, Chart, Compare, Comparison, Dataset, Error, Evaluation, Explanation, Finalists, Friedman, Latency, Listing, Live, Map, Measures, Model, Pair, Predictor, Report, Retrained, Running, Searches, Shown, Space, Study, Summary, Supernet, Table, Transferred, Trial, Verdict, Wilcoxon
}
