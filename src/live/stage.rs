//! A search that draws itself: a thread of its own makes pictures of it, at most four a second, until the search
//! puts its report there.
//!
//! ```text
//! pause = max(a quarter of a second, 100 times as long as the last picture took)
//! ```
//!
//! So the pictures take at most a hundredth of the time, even where there is no core to spare. While nothing
//! happens in the search, only the clock moves, and that more and more rarely: a notebook left open over night
//! receives thousands of pictures otherwise.

use super::{PAUSE, shown};
use crate::front::{self, Id, PATIENCE, Sender};
use crate::interrupt;
use crate::threads::with_share;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A picture takes at most one part in this many.
const SHARE: u32 = 100;

/// Something that goes on and can be drawn at any time.
pub(crate) trait Scene: Send + 'static {
    /// A number that changes when there is something new to be seen; asked often.
    fn news(&self) -> u64;
    /// How it looks now, as HTML and as text.
    fn draw(&mut self) -> (String, String);
}

thread_local! {
    static HUSHED: Cell<bool> = const { Cell::new(false) };
}

/// Whether what this thread begins shows nothing: it is a part of something, or was told to be quiet.
pub(crate) fn silent() -> bool {
    HUSHED.get() || interrupt::part_of_search()
}

/// Whether what this thread begins draws itself. Of searches inside of others only the outermost does.
fn staged() -> bool {
    front::sender().is_some() && !silent()
}

/// Whether what this thread begins is a part of something that draws itself already.
pub(crate) fn hush() -> bool {
    front::sender().is_some() && !staged()
}

/// Does some work that shows nothing by itself, since the caller does.
pub(crate) fn hushed<T>(hush: bool, f: impl FnOnce() -> T) -> T {
    struct Back(bool);
    impl Drop for Back {
        fn drop(&mut self) {
            HUSHED.set(self.0);
        }
    }
    let _back = Back(HUSHED.replace(hush || HUSHED.get()));
    f()
}

/// The display of something that goes on. When dropped, it stays as it was drawn last.
pub(crate) struct Stage {
    to: &'static Sender,
    id: Id,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    over: Mutex<bool>,
    /// Whether there is a picture.
    drawn: AtomicBool,
    ends: Condvar,
}

impl Shared {
    fn over(&self) -> MutexGuard<'_, bool> {
        self.over.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Waits; returns whether it is over.
    fn wait(&self, most: Duration) -> bool {
        let waited = self.ends.wait_timeout_while(self.over(), most, |over| !*over);
        *waited.unwrap_or_else(|e| e.into_inner()).0
    }
}

impl Stage {
    /// Begins to show a scene, if there is a kernel to show it and nobody else does. What may be over in a blink
    /// is not drawn at once.
    pub(crate) fn open(scene: impl FnOnce() -> Box<dyn Scene>, at_once: bool) -> Option<Stage> {
        let to = front::sender().filter(|_| staged())?;
        Stage::to(to, scene(), at_once)
    }

    fn to(to: &'static Sender, mut scene: Box<dyn Scene>, at_once: bool) -> Option<Stage> {
        let (id, shared) = (Id::new(), Arc::<Shared>::default());
        let mut first = PAUSE;
        if at_once {
            first = draw(to, &id, &shared, &mut *scene, PAUSE);
        }
        let (there, display) = (shared.clone(), id.clone());
        let work = move || with_share(1, || play(to, &display, &there, scene, first));
        let thread = std::thread::Builder::new().name("live".into()).spawn(work).ok()?;
        Some(Stage { to, id, shared, thread: Some(thread) })
    }

    /// Ends the drawing; a picture that is being made is waited for, so that it does not come later.
    fn end(&mut self) {
        *self.shared.over() = true;
        self.shared.ends.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }

    /// The last picture, which stays.
    pub(crate) fn finish(mut self, (html, plain): (String, String)) {
        self.end();
        self.to.show(&self.id, &shown(&html), plain.trim_end(), PATIENCE);
    }

    /// Leaves nothing behind.
    pub(crate) fn clear(mut self) {
        self.end();
        if self.shared.drawn.load(Ordering::Relaxed) {
            self.to.clear(&self.id);
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.end();
    }
}

/// Draws the scene until it is over.
fn play(to: &Sender, id: &Id, shared: &Shared, mut scene: Box<dyn Scene>, first: Duration) {
    let begun = Instant::now();
    let (mut last, mut seen) = (begun, u64::MAX);
    let mut pause = first;
    loop {
        if shared.wait(pause) {
            return;
        }
        // The clock of a search that nothing is heard of.
        let clock = (begun.elapsed() / 60).clamp(4 * PAUSE, 120 * PAUSE);
        let news = scene.news();
        pause = PAUSE;
        if news != seen || last.elapsed() >= clock {
            (last, seen) = (Instant::now(), news);
            pause = draw(to, id, shared, &mut *scene, Duration::ZERO);
        }
    }
}

/// Draws once, and says how long to wait before the next time. A panic in a user's code leaves a picture out.
fn draw(
    to: &Sender,
    id: &Id,
    shared: &Shared,
    scene: &mut dyn Scene,
    patience: Duration,
) -> Duration {
    let begun = Instant::now();
    if let Ok((html, plain)) = catch_unwind(AssertUnwindSafe(|| scene.draw())) {
        let sent = to.show(id, &shown(&html), plain.trim_end(), patience);
        shared.drawn.fetch_or(sent, Ordering::Relaxed);
    }
    (SHARE * begun.elapsed()).max(PAUSE)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::front::tests::Ear;
    use std::sync::atomic::AtomicU64;

    /// Counts its pictures, and has as much news as is put into it.
    struct Counter(Arc<AtomicU64>, u64, Duration);

    impl Scene for Counter {
        fn news(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }
        fn draw(&mut self) -> (String, String) {
            std::thread::sleep(self.2);
            self.1 += 1;
            (format!("<p>{}</p>", self.1), format!("{}\n", self.1))
        }
    }

    /// What is heard of a search of so many steps of 10 ms, with pictures that take so long.
    fn heard(steps: u64, took: u64, at_once: bool) -> Vec<serde_json::Value> {
        let ear = Ear::new("stage");
        let to: &'static Sender = Box::leak(Box::new(ear.sender()));
        let news = Arc::new(AtomicU64::new(0));
        let scene = Counter(news.clone(), 0, Duration::from_millis(took));
        let stage = Stage::to(to, Box::new(scene), at_once).unwrap();
        for n in 0..steps {
            news.store(n, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(10));
        }
        stage.finish(("<b>the end</b>".into(), "the end\n".into()));
        ear.heard()
    }

    #[test]
    fn at_most_four_pictures_a_second_and_always_the_last() {
        let begun = Instant::now();
        let all = heard(100, 0, false);
        let most = begun.elapsed().as_millis() / PAUSE.as_millis() + 1;
        assert!((2..=most).contains(&(all.len() as u128)), "{} of {most}", all.len());
        assert!(all.iter().all(|m| m["id"] == all[0]["id"]));
        let said: Vec<&str> = all.iter().filter_map(|m| m["data"]["text/plain"].as_str()).collect();
        let mut expected: Vec<String> = (1..all.len()).map(|n| n.to_string()).collect();
        expected.push("the end".into());
        assert_eq!(said, expected);
        // A search of a blink shows its end alone, unless its cell ends before it.
        assert_eq!(heard(2, 0, false).len(), 1);
        assert_eq!(heard(2, 0, true).len(), 2);
    }

    #[test]
    fn slow_pictures_are_rare() {
        // 20 ms a picture allow one in 2 s.
        let all = heard(100, 20, true);
        assert_eq!(all.len(), 2);
    }

    #[test]
    fn what_is_taken_away_or_dropped_is_quiet() {
        let ear = Ear::new("clear");
        let to: &'static Sender = Box::leak(Box::new(ear.sender()));
        let scene = || Counter(Arc::default(), 0, Duration::ZERO);
        Stage::to(to, Box::new(scene()), true).unwrap().clear();
        drop(Stage::to(to, Box::new(scene()), true).unwrap());
        let all = ear.heard();
        assert_eq!(all.len(), 3);
        assert_eq!(all[1]["clear"], all[0]["id"]);
        std::thread::sleep(2 * PAUSE);
        assert!(ear.heard().is_empty());
    }

    #[test]
    fn hush_is_for_this_work_only() {
        assert!(hushed(true, || HUSHED.get() && hushed(false, || HUSHED.get())));
        assert!(!HUSHED.get());
    }
}
