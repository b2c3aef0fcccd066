//! How a training looks while it goes on: its epochs, the time left, and the loss.

use crate::chart::{Chart, Curve, LearningCurves, Progress};
use crate::error::{Error, ErrorKind};
use crate::live::{Scene, Stage};
use crate::words::{clock, plural, score};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

/// A training that is told of its epochs. Copies are told the same.
#[derive(Clone)]
pub(super) struct Lesson {
    title: String,
    /// What is trained.
    subtitle: String,
    epochs: usize,
    begun: Instant,
    losses: Arc<Mutex<Vec<f64>>>,
}

impl Lesson {
    pub(super) fn new(title: &str, subtitle: &str, epochs: usize) -> Lesson {
        let (title, subtitle) = (title.to_string(), subtitle.to_string());
        Lesson { title, subtitle, epochs, begun: Instant::now(), losses: Arc::default() }
    }

    /// Begins to draw it in the output of its cell, where that is possible and wanted.
    pub(super) fn open(&self, wanted: bool) -> Option<Stage> {
        let scene: Box<dyn Scene> = Box::new(self.clone());
        if wanted { Stage::open(|| scene, false) } else { None }
    }

    fn losses(&self) -> MutexGuard<'_, Vec<f64>> {
        self.losses.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// An epoch has ended, with this training loss.
    pub(super) fn epoch(&self, loss: f64) {
        self.losses().push(loss);
    }

    /// The error of a training that was broken off, with how far it had come.
    pub(super) fn broken(&self, e: Error) -> Error {
        let (done, of) = (self.losses().len(), plural(self.epochs, "epoch"));
        match e.kind() {
            ErrorKind::Stopped => {
                Error::new(e.kind(), format!("the training ended after {done} of {of}: {e}"))
            }
            _ => e,
        }
    }

    /// The share that is done, and the line at the bar.
    pub(super) fn says(&self) -> (f64, String) {
        let (done, elapsed) = (self.losses().len(), self.begun.elapsed().as_secs_f64());
        let mut says = format!("{done} of {}", plural(self.epochs, "epoch"));
        says += &format!(" · {}", clock(elapsed));
        if done > 0 && done < self.epochs {
            let left = elapsed * (self.epochs - done) as f64 / done as f64;
            says += &format!(" · about {} left", clock(left.max(1.0)));
        }
        (done as f64 / self.epochs.max(1) as f64, says)
    }

    fn picture(&self) -> Progress {
        let losses = self.losses().clone();
        let ((share, says), done) = (self.says(), losses.len());
        let facts = losses.last().map(|loss| ("training loss".to_string(), score(*loss)));
        let curve = Curve { name: "loss".into(), highlight: true, values: losses };
        let chart = LearningCurves {
            metric: "training loss".into(),
            maximise: false,
            x: "epoch".into(),
            curves: vec![curve],
        };
        Progress {
            title: self.title.clone(),
            subtitle: self.subtitle.clone(),
            share: Some(share),
            says,
            facts: facts.into_iter().collect(),
            charts: if done > 0 { vec![Chart::new(chart)] } else { vec![] },
            ..Progress::default()
        }
    }
}

impl Scene for Lesson {
    fn news(&self) -> u64 {
        self.losses().len() as u64
    }

    fn draw(&mut self) -> (String, String) {
        let picture = self.picture();
        (picture.html(), picture.plain())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_how_far_it_has_come() {
        let mut lesson = Lesson::new("The winner", "conv(8, 3)", 4);
        assert!(lesson.draw().1.contains("░ 0 of 4 epochs · 0 s"), "{}", lesson.draw().1);
        lesson.epoch(0.5);
        let plain = lesson.draw().1;
        assert!(plain.contains("█████░") && plain.contains("1 of 4 epochs"), "{plain}");
        assert!(plain.contains("training loss  0.5000"), "{plain}");
        let stopped = lesson.broken(Error::new(ErrorKind::Stopped, "it was interrupted"));
        assert_eq!(
            stopped.to_string(),
            "the training ended after 1 of 4 epochs: it was interrupted"
        );
    }
}
