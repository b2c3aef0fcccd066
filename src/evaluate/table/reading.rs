//! How the reading of a table looks: how many rows there are so far. What is read in a blink is not shown.

use crate::chart::Progress;
use crate::live::{Scene, Stage};
use crate::words::{clock, thousands};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// A file that is being read. Copies are the same reading.
#[derive(Clone)]
pub(super) struct Reading {
    name: String,
    begun: Instant,
    /// The rows so far, and the bytes that they took of so many.
    rows: Arc<AtomicU64>,
    read: Arc<AtomicU64>,
    bytes: u64,
}

impl Reading {
    pub(super) fn new(name: &str, bytes: usize) -> Reading {
        let (rows, read) = (Arc::default(), Arc::default());
        Reading { name: name.to_string(), begun: Instant::now(), rows, read, bytes: bytes as u64 }
    }

    /// Begins to draw it in the output of its cell, where that is possible.
    pub(super) fn open(&self) -> Option<Stage> {
        let scene: Box<dyn Scene> = Box::new(self.clone());
        Stage::open(|| scene, false)
    }

    /// A row has been read, up to this byte.
    pub(super) fn row(&self, at: usize) {
        self.rows.fetch_add(1, Ordering::Relaxed);
        self.read.store(at as u64, Ordering::Relaxed);
    }
}

impl Scene for Reading {
    fn news(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    fn draw(&mut self) -> (String, String) {
        let (rows, read) = (self.news(), self.read.load(Ordering::Relaxed));
        let share = read as f64 / self.bytes.max(1) as f64;
        let elapsed = self.begun.elapsed().as_secs_f64();
        let mut says = format!("{} rows", thousands(u128::from(rows)));
        says += &format!(" · {}", clock(elapsed));
        if share > 0.0 && share < 1.0 {
            let left = elapsed * (1.0 - share) / share;
            says += &format!(" · about {} left", clock(left.max(1.0)));
        }
        let title = format!("Reading {}", self.name);
        let picture = Progress { title, share: Some(share), says, ..Progress::default() };
        (picture.html(), picture.plain())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_how_far_it_is() {
        let mut reading = Reading::new("table.csv", 1000);
        (1..=50).for_each(|row| reading.row(10 * row));
        let plain = reading.draw().1;
        assert!(plain.starts_with("Reading table.csv\n"), "{plain}");
        assert!(plain.contains("██████████░░░░░░░░░░ 50 rows · 0 s · about 1 s left"), "{plain}");
    }
}
