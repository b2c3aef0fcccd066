//! Progress in a terminal: one line that is drawn again in its place, with a bar. In a pipe, a file or a notebook
//! nothing is drawn, and whoever has something to say prints whole lines.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::cell::Cell;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How finely the bar is divided.
const PARTS: f64 = 1000.0;
/// The least time between two drawings.
const PAUSE: Duration = Duration::from_millis(250);

/// Whether there is one: of works inside of others, or beside each other, only the first has a bar.
static DRAWN: AtomicBool = AtomicBool::new(false);

/// A bar on the terminal, or lines in its place. It goes when it is dropped.
pub(crate) struct Bar {
    bar: Option<ProgressBar>,
    /// Whether the terminal had another one, which lines of progress would tear.
    hidden: bool,
    drawn: Cell<Option<Instant>>,
}

impl Bar {
    /// A bar, if somebody wants it and standard output is a terminal.
    pub(crate) fn new(wanted: bool) -> Bar {
        let there = wanted && std::io::stdout().is_terminal();
        let free = there && !DRAWN.swap(true, Ordering::Relaxed);
        let bar = free.then(|| Bar::on(ProgressDrawTarget::stdout()));
        Bar { bar, hidden: there && !free, drawn: Cell::new(None) }
    }

    fn on(target: ProgressDrawTarget) -> ProgressBar {
        let style = ProgressStyle::with_template("{bar:16.cyan/238} {percent:>3} % {wide_msg}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        ProgressBar::with_draw_target(Some(PARTS as u64), target)
            .with_style(style.progress_chars("█▉▊▋▌▍▎▏░"))
    }

    /// Whether it stands in the place of lines.
    pub(crate) fn is_there(&self) -> bool {
        self.bar.is_some() || self.hidden && DRAWN.load(Ordering::Relaxed)
    }

    /// How much is done, from 0 to 1, and a text beside it; asked for only if it is time to draw.
    pub(crate) fn say(&self, says: impl FnOnce() -> (f64, String)) {
        let Some(bar) = &self.bar else { return };
        if self.drawn.get().is_none_or(|at| at.elapsed() >= PAUSE) {
            self.drawn.set(Some(Instant::now()));
            let (share, text) = says();
            bar.set_position((PARTS * share.clamp(0.0, 1.0)) as u64);
            bar.set_message(text);
        }
    }

    /// Takes it away while something else may be printed.
    pub(crate) fn aside<T>(&self, f: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(f),
            None => f(),
        }
    }

    /// Prints a line, above the bar if there is one.
    pub(crate) fn line(&self, text: &str) {
        self.aside(|| println!("{text}"));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
            DRAWN.store(false, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use indicatif::InMemoryTerm;

    #[test]
    fn it_is_drawn_in_its_place_and_goes() {
        let screen = InMemoryTerm::new(5, 60);
        let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
        let bar = Bar { bar: Some(Bar::on(target)), hidden: false, drawn: Cell::new(None) };
        bar.say(|| (0.5, "20 of 40 trials".into()));
        let seen = screen.contents();
        assert!(seen.starts_with("████████") && seen.contains(" 50 % 20 of 40"), "{seen}");
        bar.say(|| panic!("too early for another one"));
        bar.drawn.set(None);
        bar.say(|| (f64::NAN, "a long text ".repeat(20)));
        assert_eq!(screen.contents().lines().count(), 1, "cut at the end of the line");
        assert!(bar.is_there());
        drop(bar);
        assert_eq!(screen.contents(), "");
    }

    #[test]
    fn without_a_terminal_nothing_is_drawn() {
        let bar = Bar { bar: None, hidden: false, drawn: Cell::new(None) };
        bar.say(|| panic!("nobody sees it"));
        assert_eq!((bar.aside(|| 3), bar.is_there()), (3, false));
    }
}
