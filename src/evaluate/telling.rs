//! Progress while shared weights are trained: a bar on a terminal, otherwise whole lines on standard output, ten at
//! most.
//!
//! A notebook's kernel adds a newline to all output, so no line is drawn again, and a training of seconds
//! would fill a page with a line per epoch.

use crate::bar::Bar;
use crate::words::{human_seconds, plural, score};

/// At most this many lines before the closing one.
const LINES: usize = 9;
/// No two lines within this many seconds.
const PAUSE: f64 = 1.0;

/// What has been told of a training.
pub(super) struct Telling {
    quiet: bool,
    bar: Bar,
    epochs: usize,
    /// The epoch and the time of the last line.
    last: Option<(usize, f64)>,
}

impl Telling {
    pub(super) fn new(quiet: bool, epochs: usize) -> Telling {
        Telling { quiet, bar: Bar::new(!quiet), epochs, last: None }
    }

    /// Whether a line is due: the first as soon as something can be said of the time left, the others in
    /// equal shares of the epochs.
    fn due(&self, epoch: usize, elapsed: f64) -> bool {
        let (before, since) = match self.last {
            None => (true, elapsed),
            Some((at, when)) => ((epoch - at) * LINES >= self.epochs, elapsed - when),
        };
        before && since >= PAUSE && epoch < self.epochs
    }

    /// The line after an epoch, if one is due; then it counts as told.
    fn line(&mut self, epoch: usize, loss: f64, elapsed: f64) -> Option<String> {
        if !self.due(epoch, elapsed) {
            return None;
        }
        self.last = Some((epoch, elapsed));
        Some(self.text(epoch, loss, elapsed))
    }

    fn text(&self, epoch: usize, loss: f64, elapsed: f64) -> String {
        let left = elapsed * (self.epochs - epoch) as f64 / epoch as f64;
        let (elapsed, left) = (human_seconds(elapsed), human_seconds(left));
        let (of, loss) = (self.epochs, score(loss));
        format!("epoch {epoch}/{of}: loss {loss}, {elapsed} so far, about {left} left")
    }

    /// An epoch has ended; the first is number 1.
    pub(super) fn epoch(&mut self, epoch: usize, loss: f64, elapsed: f64) {
        if self.bar.is_there() {
            let share = epoch as f64 / self.epochs.max(1) as f64;
            self.bar.say(|| (share, self.text(epoch, loss, elapsed)));
        } else if let Some(line) = self.line(epoch, loss, elapsed).filter(|_| !self.quiet) {
            println!("{line}");
        }
    }

    /// The closing line.
    pub(super) fn finish(&self, loss: f64, elapsed: f64) {
        if !self.quiet {
            let (epochs, elapsed) = (plural(self.epochs, "epoch"), human_seconds(elapsed));
            self.bar.line(&format!("{epochs} done in {elapsed}: loss {}", score(loss)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(epochs: usize, seconds_per_epoch: f64) -> Vec<String> {
        let mut telling = Telling::new(false, epochs);
        let line = |e: usize| telling.line(e, 0.5, e as f64 * seconds_per_epoch);
        (1..=epochs).filter_map(line).collect()
    }

    #[test]
    fn lines_are_few_and_say_what_is_left() {
        assert!(lines(30, 0.01).is_empty() && lines(1, 60.0).is_empty());
        assert_eq!(
            lines(4, 20.0),
            [
                "epoch 1/4: loss 0.5000, 20 s so far, about 1 min left",
                "epoch 2/4: loss 0.5000, 40 s so far, about 40 s left",
                "epoch 3/4: loss 0.5000, 1 min so far, about 20 s left",
            ]
        );
        for epochs in [2, 9, 10, 11, 30, 100, 1000] {
            for seconds in [0.001, 0.3, 1.0, 7.0, 3600.0] {
                assert!(lines(epochs, seconds).len() <= LINES, "{epochs} of {seconds} s");
            }
        }
        // A long training is heard of after its first epoch.
        assert!(lines(100, 600.0)[0].starts_with("epoch 1/100") && lines(100, 600.0).len() == 9);
    }
}
