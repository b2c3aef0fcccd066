//! Pictures that change in their place while the cell runs, and after it.
//!
//! ```text
//! Live     a user's own: live(&chart), and then update(&chart) as often as there is something new
//! Stage    a search's own: a thread that draws it now and then, and the report at its end
//! ```
//!
//! Both speak to the kernel in front of evcxr (`front.rs`). Without one there is no stage, and a search prints lines.

mod pictures;
mod stage;

pub(crate) use pictures::{base64, portable};
pub(crate) use stage::{Scene, Stage, hush, hushed, silent};

use crate::chart::sheet;
use crate::draw::Draw;
use crate::front::{self, Id, PATIENCE, Sender};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// The least time between two pictures of a display.
pub(crate) const PAUSE: Duration = Duration::from_millis(250);

/// As the cell of a notebook holds it: pictures that survive without trust, and no line breaks, of which the
/// kernel makes spaces. Behind it is the style sheet of dark pages, which JupyterLab takes out of a notebook that is not
/// trusted: then all is light.
pub(crate) fn shown(html: &str) -> String {
    (portable(html) + sheet()).replace(['\n', '\r'], " ")
}

/// A picture in the output of a cell, made by [`live`], that can be changed in its place. Clones are the same
/// picture.
#[derive(Clone)]
pub struct Live(Arc<Mutex<Picture>>);

struct Picture {
    id: Id,
    html: String,
    plain: String,
    /// When it was sent.
    sent: Option<Instant>,
    /// Whether a thread waits to send what is there by then.
    due: bool,
    to: Option<&'static Sender>,
}

/// Shows something in the output of the cell that is running, at once, and returns a handle by which to
/// [update](Live::update) it: a chart of a loop of your own, while it runs.
///
/// That needs this project's kernel for notebooks. Elsewhere nothing is shown by itself, and the handle can be
/// shown like any value: it is the last picture.
///
/// ```
/// use nascent::prelude::*;
/// use nascent::chart::{Curve, LearningCurves};
/// let chart = |values: &[f64]| {
///     let curve = Curve { name: "mine".into(), highlight: true, values: values.to_vec() };
///     let (metric, x) = ("loss".to_string(), "step".to_string());
///     Chart::new(LearningCurves { metric, maximise: false, x, curves: vec![curve] })
/// };
/// let mut losses = vec![];
/// let view = live(chart(&losses));
/// for step in 0..100 {
///     losses.push(1.0 / (1.0 + step as f64));
///     view.update(chart(&losses));
/// }
/// assert!(view.plain().contains("0.0100"));
/// ```
pub fn live(item: impl Draw) -> Live {
    Live::to(front::sender(), item)
}

impl Live {
    fn to(to: Option<&'static Sender>, item: impl Draw) -> Live {
        let (html, plain) = item.both();
        let picture = Picture { id: Id::new(), html, plain, sent: None, due: false, to };
        let live = Live(Arc::new(Mutex::new(picture)));
        live.send();
        live
    }

    fn picture(&self) -> MutexGuard<'_, Picture> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Shows this in place of what was there. At most four pictures a second are sent; the last one always is.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8])));
    /// let view = live(&space);
    /// view.update((&space, space.default_architecture()?));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn update(&self, item: impl Draw) {
        let (html, plain) = item.both();
        {
            let mut picture = self.picture();
            (picture.html, picture.plain) = (html, plain);
        }
        self.send();
    }

    /// Sends the picture, now or as soon as there may be another one.
    fn send(&self) {
        let mut picture = self.picture();
        let Some(sender) = picture.to.filter(|_| !picture.due) else { return };
        let wait = picture.sent.map_or(Duration::ZERO, |at| PAUSE.saturating_sub(at.elapsed()));
        if wait.is_zero() && picture.send(sender, Duration::ZERO) {
            return;
        }
        picture.due = true;
        drop(picture);
        let later = self.clone();
        let waits = move || {
            std::thread::sleep(wait);
            let mut picture = later.picture();
            picture.due = false;
            picture.send(sender, PATIENCE);
        };
        if std::thread::Builder::new().name("live".into()).spawn(waits).is_err() {
            self.picture().due = false;
        }
    }
}

impl Picture {
    fn send(&mut self, sender: &Sender, patience: Duration) -> bool {
        self.sent = Some(Instant::now());
        sender.show(&self.id, &shown(&self.html), self.plain.trim_end(), patience)
    }
}

/// The last picture.
impl Draw for Live {
    fn html(&self) -> String {
        self.picture().html.clone()
    }
    fn plain(&self) -> String {
        self.picture().plain.clone()
    }
}

impl std::fmt::Display for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.picture().plain)
    }
}

crate::draw::debug_as_display!(Live);

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::front::tests::Ear;

    /// Something to be shown.
    struct Word(String);

    impl Draw for Word {
        fn html(&self) -> String {
            format!("<p>{}\nand more</p>", self.0)
        }
        fn plain(&self) -> String {
            format!("{}\n", self.0)
        }
    }

    fn word(n: usize) -> Word {
        Word(format!("word {n}"))
    }

    #[test]
    fn the_last_of_many_pictures_is_shown_and_few_before_it() {
        let ear = Ear::new("many");
        let sender: &'static Sender = Box::leak(Box::new(ear.sender()));
        let begun = Instant::now();
        let live = Live::to(Some(sender), word(0));
        for n in 1..=100 {
            live.update(word(n));
            std::thread::sleep(Duration::from_millis(6));
        }
        let most = begun.elapsed().as_millis() / PAUSE.as_millis() + 2;
        std::thread::sleep(2 * PAUSE);
        let heard = ear.heard();
        assert!((2..=most).contains(&(heard.len() as u128)), "{} of {most}", heard.len());
        assert!(heard.iter().all(|m| m["id"] == heard[0]["id"]));
        assert_eq!(heard[0]["data"]["text/html"], shown("<p>word 0 and more</p>"));
        let last = &heard[heard.len() - 1]["data"];
        assert_eq!(
            *last,
            serde_json::json!({ "text/html": shown("<p>word 100 and more</p>"), "text/plain": "word 100" })
        );
        assert_eq!((live.plain(), live.to_string()), ("word 100\n".into(), "word 100\n".into()));
    }

    #[test]
    fn without_a_kernel_it_is_a_picture_that_can_be_shown() {
        let live = Live::to(None, word(1));
        live.clone().update(word(2));
        assert_eq!(live.html(), word(2).html());
    }
}
