//! A study as a journal of Optuna, which optuna-dashboard opens and `optuna.load_study` reads: a line of JSON for each
//! thing that happened, here one for the study and one for each trial (`optuna/storages/journal` of Optuna 4 and 5).

use crate::error::Result;
use crate::output;
use crate::record::Trial;
use crate::record::objectives::values;
use crate::study::Study;
use serde_json::{Map, Value, json};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

// Things that happen, and states of trials, by Optuna's numbers.
const CREATE_STUDY: u32 = 0;
const CREATE_TRIAL: u32 = 4;
const COMPLETE: u32 = 1;
const PRUNED: u32 = 2;
const FAIL: u32 = 3;
const WORKER: &str = "nascent";

impl Study {
    /// Writes the trials that have ended as a journal of Optuna: `optuna-dashboard trials.log` shows it, and
    /// `optuna.load_study(study_name=None, storage=JournalStorage(JournalFileBackend("trials.log")))` reads it. Decisions
    /// are categorical parameters, named as the columns of [`Encoding::one_hot`](crate::Encoding::one_hot); learning
    /// curves are intermediate values; trials of fewer epochs than the longest are pruned ones; the rest is in the
    /// attributes of the trials. Times are counted back from now.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8, 16])));
    /// let study = Study::new(&space, evaluator(|a, _| a.params() as f64)).trials(3).quiet().run()?;
    /// let path = std::env::temp_dir().join(format!("nascent-doc-{}.log", std::process::id()));
    /// study.export_optuna(&path)?;
    /// assert_eq!(std::fs::read_to_string(&path)?.lines().count(), 4);
    /// # std::fs::remove_file(path)?;
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the file cannot be written; an old file is then kept.
    pub fn export_optuna(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        output::write(path, self.optuna(&name, SystemTime::now()))
    }

    fn optuna(&self, name: &str, now: SystemTime) -> String {
        let directions: Vec<u32> =
            self.objectives().iter().map(|m| if m.maximise { 2 } else { 1 }).collect();
        let mut lines = vec![json!({
            "op_code": CREATE_STUDY, "worker_id": WORKER, "study_name": name, "directions": directions,
        })];
        let begun = now - Duration::from_secs_f64(self.seconds_run().clamp(0.0, 1e9));
        let trials = self.trials_done();
        let deepest = trials.iter().map(Trial::depth).max().unwrap_or_default();
        let labels = self.labels();
        lines.extend(trials.iter().map(|t| self.optuna_trial(t, deepest, begun, &labels)));
        lines.iter().map(|line| format!("{line}\n")).collect()
    }

    /// A name and an option for each column of the decisions.
    fn labels(&self) -> Vec<(String, String)> {
        let mut labels = vec![];
        self.space().places().labels("", &mut labels);
        labels
    }

    fn optuna_trial(
        &self,
        t: &Trial,
        deepest: usize,
        begun: SystemTime,
        labels: &[(String, String)],
    ) -> Value {
        let arch = t.architecture();
        let (mut params, mut distributions) = (Map::new(), Map::new());
        let mut taken = vec![];
        self.space().places().taken(&mut arch.decided().iter(), 0, &mut taken);
        for place in taken {
            let Some(options) = labels.get(place.at..place.at + place.options as usize) else {
                continue;
            };
            let Some((name, _)) = options.first() else { continue };
            let choices: Vec<&String> = options.iter().map(|(_, option)| option).collect();
            let kind =
                json!({ "name": "CategoricalDistribution", "attributes": { "choices": choices } });
            distributions.insert(name.clone(), kind.to_string().into());
            params.insert(name.clone(), place.pick.into());
        }
        let found = t.finished();
        let further = self.protocol().objectives;
        let scores = values(t, &further).filter(|all| all.iter().all(|v| v.is_finite()));
        let state = match &scores {
            None => FAIL,
            Some(_) if t.depth() < deepest => PRUNED,
            Some(_) => COMPLETE,
        };
        let finite = |v: f64| if v.is_finite() { json!(v) } else { json!(v.to_string()) };
        let mut attributes = Map::new();
        let mut say = |name: &str, value: Value| drop(attributes.insert(name.to_string(), value));
        say("architecture", arch.to_text().into());
        say("params", arch.params().into());
        say("epochs", finite(t.epochs_spent()));
        say("seconds", finite(t.seconds_spent()));
        say("made by", t.origin().into());
        say("parents", json!(t.parents()));
        if let Some(first) = t.reused_from() {
            say("reused from", first.into());
        }
        if let Some(why) = t.error() {
            say("error", why.into());
        }
        found.iter().flat_map(|e| e.metrics()).for_each(|(name, v)| say(&name, finite(v)));
        let curve = found.map(|e| e.curve()).unwrap_or_default();
        let curve: Map<String, Value> = curve
            .iter()
            .enumerate()
            .filter(|(_, v)| v.is_finite())
            .map(|(i, v)| ((i + 1).to_string(), json!(v)))
            .collect();
        let several = scores.as_ref().filter(|all| all.len() > 1);
        let one = scores.as_ref().filter(|all| all.len() == 1).map(|all| all[0]);
        let ended = t.0.at.clamp(0.0, 1e9);
        let took = if t.reused_from().is_some() { 0.0 } else { t.0.cost.seconds.clamp(0.0, ended) };
        let at = |seconds: f64| time(begun + Duration::from_secs_f64(seconds));
        json!({
            "op_code": CREATE_TRIAL, "worker_id": WORKER, "study_id": 0, "state": state,
            "value": one, "values": several,
            "datetime_start": at(ended - took), "datetime_complete": at(ended),
            "distributions": distributions, "params": params,
            "user_attrs": attributes, "system_attrs": {}, "intermediate_values": curve,
        })
    }
}

/// As in ISO 8601, in UTC. The date is found by Howard Hinnant's `civil_from_days`.
fn time(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (seconds, micros) = (since.as_secs(), since.subsec_micros());
    let (days, rest) = ((seconds / 86_400) as i64 + 719_468, seconds % 86_400);
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}+00:00")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        let at = |seconds: u64| time(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01T00:00:00.000000+00:00");
        assert_eq!(at(951_782_400 + 86_399), "2000-02-29T23:59:59.000000+00:00");
        assert_eq!(at(1_798_761_600), "2027-01-01T00:00:00.000000+00:00");
    }
}
