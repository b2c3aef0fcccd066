//! Trials in which the process ended.
//!
//! An evaluation that aborts, exits or overflows its stack ends the process, and would end it again
//! after every resume. The journal shows which trial it may have been: one that had begun and had neither
//! ended nor been stopped. Only a user's own evaluator is suspected: a training of this crate that is
//! killed and resumed twenty times finds the same result as one that is not.
//!
//! ```text
//! a process ends          each trial that was running is a suspect
//! the study goes on       suspects first, one at a time: no result depends on the order, and if the
//!                         process ends again, it was the one that ran alone
//! ended in MOST times     a failed trial, which `retry_failures` opens again
//! ```
//!
//! A trial that got further than ever before, by its epochs, was interrupted rather than at fault, and
//! is not a suspect: a long training may be killed and resumed any number of times. Trials that were
//! asked for by hand are evaluated elsewhere and are never suspects.

use super::journal::Event;
use super::state::State;
use crate::record::Failure;
use std::collections::BTreeMap;

/// After this many ends of the process in one trial, the trial has failed.
const MOST: usize = 2;

/// How often a process ended in each of the trials that have not ended.
pub(super) struct Deaths(BTreeMap<usize, Attempts>);

#[derive(Clone, Copy, Default)]
struct Attempts {
    /// The last epoch of the current attempt.
    running: Option<usize>,
    /// The last epoch of all earlier ones.
    furthest: usize,
    deaths: usize,
}

impl Attempts {
    /// The process has ended.
    fn end(&mut self) {
        match self.running.take() {
            Some(epoch) if epoch > self.furthest => (self.furthest, self.deaths) = (epoch, 0),
            Some(_) => self.deaths += 1,
            None => {}
        }
    }
}

impl Deaths {
    /// Counts them in the events of a journal that no process is writing.
    pub(super) fn of(events: &[Event]) -> Deaths {
        let mut trials: BTreeMap<usize, Attempts> = BTreeMap::new();
        for event in events {
            match event {
                Event::Epoch { trial, epoch: 0, score: None, loss: None } => {
                    let attempts = trials.entry(*trial).or_default();
                    attempts.end();
                    attempts.running = Some(0);
                }
                Event::Epoch { trial, epoch, .. } => {
                    if let Some(last) = trials.get_mut(trial).and_then(|a| a.running.as_mut()) {
                        *last = (*last).max(*epoch);
                    }
                }
                Event::Finished { trial, .. }
                | Event::Failed { trial, .. }
                | Event::Retried { trial } => drop(trials.remove(trial)),
                // A study that was told to stop abandoned its trials itself.
                Event::Stopped { .. } => trials.values_mut().for_each(|a| a.running = None),
                Event::Asked { .. } | Event::Limits(_) => {}
            }
        }
        trials.values_mut().for_each(Attempts::end);
        trials.retain(|_, a| a.deaths > 0);
        Deaths(trials)
    }

    /// Marks the suspects; returns the failures to be recorded, and what to tell the user.
    pub(super) fn verdicts(&self, state: &mut State, at: f64) -> (Vec<Event>, Vec<String>) {
        let open = |n: &usize| state.trials().get(*n).is_some_and(|t| !t.ended());
        let (mut failed, mut suspects, mut said) = (vec![], vec![], vec![]);
        for (&trial, attempts) in self.0.iter().filter(|(n, _)| open(n)) {
            if attempts.deaths < MOST {
                suspects.push(trial);
                continue;
            }
            let error = Failure::Died(attempts.deaths);
            said.push(format!("trial {trial} has failed: {error}"));
            let seed = state.trials()[trial].budget().seed();
            failed.push(Event::Failed { trial, seed, error, seconds: 0.0, retried: None, at });
        }
        if !suspects.is_empty() {
            let list: Vec<String> = suspects.iter().map(usize::to_string).collect();
            said.push(format!(
                "the process ended while it evaluated trial {}: tried once more, one at a time",
                list.join(" or ")
            ));
        }
        state.suspects.extend(suspects);
        (failed, said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(trial: usize) -> Event {
        super::super::journal::begins(trial)
    }

    fn epoch(trial: usize, epoch: usize) -> Event {
        Event::Epoch { trial, epoch, score: Some(0.5), loss: None }
    }

    fn deaths(events: &[Event]) -> Vec<(usize, usize)> {
        Deaths::of(events).0.into_iter().map(|(n, a)| (n, a.deaths)).collect()
    }

    #[test]
    fn what_ran_when_the_process_ended_is_counted() {
        let stopped = || Event::Stopped { reason: "it was stopped".into(), seconds: 1.0 };
        let failed = |trial| Event::Failed {
            trial,
            seed: 1,
            error: Failure::Error("no luck".into()),
            seconds: 1.0,
            retried: None,
            at: 1.0,
        };
        // Two side by side; then each alone, of which the first passes.
        let mut events = vec![begun(0), begun(1)];
        assert_eq!(deaths(&events), [(0, 1), (1, 1)]);
        events.extend([begun(0), failed(0), begun(1)]);
        assert_eq!(deaths(&events), [(1, 2)]);
        // One that waits for its turn while another one ends the process is counted once.
        assert_eq!(deaths(&[begun(0), begun(1), begun(0)]), [(0, 2), (1, 1)]);
        // To be tried again, it begins anew; and what was stopped has not ended the process.
        events.extend([failed(1), Event::Retried { trial: 1 }]);
        assert_eq!(deaths(&events), []);
        assert_eq!(deaths(&[begun(0), stopped()]), []);
        assert_eq!(deaths(&[begun(0), begun(0), stopped()]), [(0, 1)]);
        // Journals of earlier versions have no such events.
        assert_eq!(deaths(&[epoch(0, 1), epoch(0, 2)]), []);
    }

    #[test]
    fn what_gets_further_is_not_a_suspect() {
        let mut events = vec![];
        for last in 1..5 {
            events.push(begun(0));
            events.extend((last..=last + 1).map(|e| epoch(0, e)));
            assert_eq!(deaths(&events), [], "{last}");
        }
        // Twice no further than before.
        events.extend([begun(0), epoch(0, 3)]);
        assert_eq!(deaths(&events), [(0, 1)]);
        events.extend([begun(0), epoch(0, 5)]);
        assert_eq!(deaths(&events), [(0, 2)]);
    }
}
