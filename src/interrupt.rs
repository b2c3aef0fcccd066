//! ■ in a notebook, and Ctrl-C in a terminal: what runs in the foreground is asked to stop.
//!
//! A search of hours must not be lost to one key. The first press asks whatever runs in the foreground to
//! [stop](Stop) at its next step: a study ends with its report, and whoever called it goes on. A second press
//! within two seconds, or one while nothing could be asked, ends the process, as it would have without this file.
//!
//! ```text
//! foreground   a study, a comparison, a training ... that the caller waits for: it stands in a list
//! background   a study that was spawned: it goes on, and a line says how to stop it
//! under        what a thread works for; everything that is begun inside ends with it and is not listed again
//! ```
//!
//! The handler is installed when the first work begins, and only where SIGINT would have ended
//! the process: a program's own handler, or a shell's wish to ignore the signal, stays as it is.

use crate::error::{Error, ErrorKind, Result};
use crate::front::{self, Id, PATIENCE};
use crate::words::capital;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once};
use std::time::{Duration, Instant};

/// Two presses within this time end the process.
const TWICE: Duration = Duration::from_secs(2);

/// Whether some work has been asked to stop, and by whom.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    asked: AtomicBool,
    pressed: AtomicBool,
}

impl Stop {
    /// Asks it to stop: it ends at its next step.
    pub(crate) fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    pub(crate) fn asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// The same, by ■ or Ctrl-C.
    fn press(&self) {
        self.pressed.store(true, Ordering::Relaxed);
        self.ask();
    }

    /// Whether it was asked by ■ or Ctrl-C.
    pub(crate) fn pressed(&self) -> bool {
        self.pressed.load(Ordering::Relaxed)
    }

    /// # Errors
    /// When it has been asked to stop.
    pub(crate) fn check(&self) -> Result<()> {
        if self.asked() { Err(self.told()) } else { Ok(()) }
    }

    /// What work ends with that was asked to stop.
    pub(crate) fn told(&self) -> Error {
        let text = match self.pressed() {
            true => "it was interrupted",
            false => "the study has been stopped",
        };
        Error::new(ErrorKind::Stopped, text)
    }
}

thread_local! {
    /// What this thread works for, and whether that shows itself.
    static UNDER: RefCell<Option<(Arc<Stop>, bool)>> = const { RefCell::new(None) };
}

/// Does some work of a search that ends with `stop`, and all that is begun inside.
pub(crate) fn under<T>(stop: &Arc<Stop>, f: impl FnOnce() -> T) -> T {
    working(stop, true, f)
}

fn working<T>(stop: &Arc<Stop>, shown: bool, f: impl FnOnce() -> T) -> T {
    struct Back(Option<(Arc<Stop>, bool)>);
    impl Drop for Back {
        fn drop(&mut self) {
            UNDER.set(self.0.take());
        }
    }
    let _back = Back(UNDER.replace(Some((stop.clone(), shown))));
    f()
}

/// What the work of this thread ends with, if it is a part of something.
pub(crate) fn stop_here() -> Option<Arc<Stop>> {
    UNDER.with_borrow(|work| work.as_ref().map(|(stop, _)| stop.clone()))
}

/// Whether this thread works for a search, which shows itself.
pub(crate) fn part_of_search() -> bool {
    UNDER.with_borrow(|work| work.as_ref().is_some_and(|(_, shown)| *shown))
}

/// Whether the work of this thread may go on; loops that take long ask at their steps.
///
/// # Errors
/// When it has been asked to stop.
pub(crate) fn check() -> Result<()> {
    UNDER.with_borrow(|work| work.as_ref().map_or(Ok(()), |(stop, _)| stop.check()))
}

/// The same deep inside of a strategy's model, which has no errors: the stack is unwound up to the study, which
/// makes an error of it. Nothing that is half done is kept: what a strategy remembers is put back only at the end.
pub(crate) fn point() {
    if let Err(e) = check() {
        resume_unwind(Box::new(e));
    }
}

/// What waits for its end in the foreground.
struct Work {
    stop: Arc<Stop>,
    what: String,
    /// Where its results are already, in words; empty if they are nowhere.
    kept: String,
}

static FOREGROUND: Mutex<Vec<Work>> = Mutex::new(vec![]);
static BACKGROUND: AtomicUsize = AtomicUsize::new(0);

fn foreground() -> MutexGuard<'static, Vec<Work>> {
    FOREGROUND.lock().unwrap_or_else(|e| e.into_inner())
}

/// While it lives, its work is in the foreground.
#[must_use = "the work leaves the foreground when this is dropped"]
pub(crate) struct Front(Arc<Stop>);

impl Front {
    /// Brings work to the foreground, unless it is a part of something that is there or in the background. `what`
    /// it is and where its results are `kept` is for those who wonder what a press would do.
    pub(crate) fn of(stop: &Arc<Stop>, describe: impl FnOnce() -> [String; 2]) -> Option<Front> {
        if stop_here().is_some() {
            return None;
        }
        install();
        let [what, kept] = describe();
        let mut all = foreground();
        all.push(Work { stop: stop.clone(), what, kept });
        tell(&all);
        Some(Front(stop.clone()))
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        let mut all = foreground();
        if let Some(i) = all.iter().rposition(|work| Arc::ptr_eq(&work.stop, &self.0)) {
            all.remove(i);
        }
        tell(&all);
    }
}

/// Does some work in the foreground, or as a part of what this thread works for.
pub(crate) fn in_front<T>(what: impl FnOnce() -> String, f: impl FnOnce() -> T) -> T {
    if stop_here().is_some() {
        return f();
    }
    let stop = Arc::default();
    let _front = Front::of(&stop, || [what(), String::new()]);
    working(&stop, false, f)
}

/// The same for work with [points](point): where it is no part of anything, a press ends it with an error.
///
/// # Errors
/// Those of the work, and that it was interrupted.
pub(crate) fn stoppable<T>(
    what: impl FnOnce() -> String,
    f: impl FnOnce() -> Result<T>,
) -> Result<T> {
    if stop_here().is_some() {
        return f();
    }
    in_front(what, || match catch_unwind(AssertUnwindSafe(f)) {
        Ok(found) => found,
        Err(payload) => match payload.downcast::<Error>() {
            Ok(told) => Err(*told),
            Err(panic) => resume_unwind(panic),
        },
    })
}

/// The work as a part of what this thread works for, on whatever thread it runs.
pub(crate) fn carried<R>(work: impl Fn(usize) -> R + Sync) -> impl Fn(usize) -> R + Sync {
    let under = UNDER.with_borrow(Clone::clone);
    move |i| match &under {
        Some((stop, shown)) => working(stop, *shown, || work(i)),
        None => work(i),
    }
}

/// While it lives, there is a search in the background.
pub(crate) struct Back;

impl Back {
    pub(crate) fn new() -> Back {
        install();
        BACKGROUND.fetch_add(1, Ordering::Relaxed);
        Back
    }
}

impl Drop for Back {
    fn drop(&mut self) {
        BACKGROUND.fetch_sub(1, Ordering::Relaxed);
    }
}

fn tell(all: &[Work]) {
    if let Some(sender) = front::sender() {
        sender.running(all.len(), &names(all));
    }
}

fn names(all: &[Work]) -> String {
    let names: Vec<&str> = all.iter().map(|work| &work.what[..]).collect();
    names.join("; ")
}

fn install() {
    static ONCE: Once = Once::new();
    // An error means that somebody else takes care of the signal.
    ONCE.call_once(|| _ = ctrlc::try_set_handler(pressed));
}

/// Runs on a thread of its own, at each press. The kernel for notebooks says itself what it asks to stop, and shows
/// what else there is to say; elsewhere that is written to standard error.
fn pressed() {
    static LAST: Mutex<Option<Instant>> = Mutex::new(None);
    let now = Instant::now();
    let before = LAST.lock().unwrap_or_else(|e| e.into_inner()).replace(now);
    let again = before.is_some_and(|before| now - before < TWICE);
    let background = BACKGROUND.load(Ordering::Relaxed);
    let (said, end) = answer(&foreground(), background, again);
    match front::sender().filter(|_| !end) {
        Some(_) if background == 0 => {}
        Some(sender) => {
            let page = said.replace('&', "&amp;").replace('<', "&lt;");
            sender.show(&Id::new(), &format!("<p>{page}</p>"), &said, PATIENCE);
        }
        None if said.is_empty() => {}
        None => eprintln!("{said}"),
    }
    if end {
        by_default();
    }
}

/// What a press does, and what is said.
fn answer(all: &[Work], background: usize, again: bool) -> (String, bool) {
    if again || (all.is_empty() && background == 0) {
        let kept: Vec<&str> = all.iter().map(|w| &w.kept[..]).filter(|k| !k.is_empty()).collect();
        let said = if kept.is_empty() { String::new() } else { kept.join("\n") };
        return (said, true);
    }
    all.iter().for_each(|work| work.stop.press());
    let searches = match background {
        0 => String::new(),
        1 => "A search in the background goes on: nascent::running().stop() ends it. ".into(),
        n => format!("{n} searches in the background go on: nascent::running().stop() ends them. "),
    };
    let stopping = match all {
        [] => "Nothing else here can be asked to stop. ".to_string(),
        all => format!("{} will end at the next step. ", capital(&names(all))),
    };
    let twice = "A second press within two seconds ends the process.";
    (format!("{stopping}{searches}{twice}"), false)
}

/// What the signal does where nobody handles it: a shell that runs a list of programs ends the list only where one was
/// ended by the signal.
fn by_default() -> ! {
    #[cfg(unix)]
    let _ = signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGINT);
    std::process::exit(130)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(what: &str, kept: &str) -> Work {
        Work { stop: Arc::default(), what: what.into(), kept: kept.into() }
    }

    #[test]
    fn a_press_asks_and_a_second_one_ends() {
        let all = [work("evolution", "The journal a.jsonl has it."), work("a training", "")];
        let (said, end) = answer(&all, 0, false);
        assert!(!end && said.starts_with("Evolution; a training will end at the next step. "));
        assert!(all.iter().all(|work| work.stop.pressed() && work.stop.asked()));
        assert_eq!(answer(&all, 0, true), ("The journal a.jsonl has it.".into(), true));
    }

    #[test]
    fn a_press_without_a_search_ends_the_process_and_spares_the_background() {
        assert_eq!(answer(&[], 0, false), (String::new(), true));
        let (said, end) = answer(&[], 2, false);
        assert!(!end && said.contains("2 searches in the background go on"), "{said}");
        assert!(answer(&[], 2, true).1);
        let one = [work("evolution", "")];
        let (said, _) = answer(&one, 1, false);
        assert!(said.contains("A search in the background goes on"), "{said}");
    }

    #[test]
    fn what_is_begun_inside_ends_with_the_whole() {
        let stop = Arc::<Stop>::default();
        assert!(check().is_ok() && stop_here().is_none());
        under(&stop, || {
            assert!(check().is_ok() && Front::of(&Arc::default(), || unreachable!()).is_none());
            stop.ask();
            assert_eq!(in_front(String::new, check).unwrap_err().kind(), ErrorKind::Stopped);
        });
        assert!(check().is_ok());
    }

    #[test]
    fn points_end_with_an_error_where_nothing_is_around() {
        let fit = || -> Result<()> {
            let all = foreground();
            all.iter().filter(|w| w.what == "a fit of this test").for_each(|w| w.stop.press());
            drop(all);
            crate::threads::map(4, 1, |_| point());
            Ok(())
        };
        let told = stoppable(|| "a fit of this test".into(), fit).unwrap_err();
        assert_eq!(told.kind(), ErrorKind::Stopped, "{told}");
        assert!(stoppable(String::new, check).is_ok());
        // A panic of its own stays one.
        let panics = || stoppable(String::new, || -> Result<()> { panic!("mine") });
        assert!(catch_unwind(panics).is_err());
    }
}
