//! A comparison as CSV.

use super::Comparison;
use super::curves::regret;
use crate::error::Result;
use crate::output;
use crate::study::csv::{number, row};
use std::path::Path;

impl Comparison {
    /// Every trial of every study: strategy, seed, trial, score, the reported figure, what the study
    /// is judged by so far, seconds, own seconds of the strategy, epochs. Empty where a trial failed.
    pub fn to_csv(&self) -> String {
        let mut out =
            "strategy,seed,trial,score,report,judged,seconds,overhead,epochs\n".to_string();
        let inner = &self.0;
        for ((name, runs), judged) in inner.names.iter().zip(&inner.runs).zip(&inner.judged) {
            for (run, judged) in runs.iter().zip(judged) {
                for (i, judged) in judged.iter().enumerate() {
                    out += &row(&[
                        name.clone(),
                        run.seed.to_string(),
                        i.to_string(),
                        number(run.scores[i]),
                        number(run.reports.get(i).copied().flatten()),
                        number(*judged),
                        run.seconds[i].to_string(),
                        format!("{:.9}", run.overhead[i]),
                        run.epochs[i].to_string(),
                    ]);
                }
            }
        }
        out
    }

    /// The strategies in numbers, one line each; see [`Comparison::standings`].
    pub fn summary_csv(&self) -> String {
        let mut out = "strategy,studies,mean,low,high,std,median,regret,score,score_regret,rank,\
                       beats_random,seconds,seconds_per_trial,trials,failed\n"
            .to_string();
        for s in self.standings() {
            out += &row(&[
                s.name,
                s.studies.to_string(),
                s.mean.value.to_string(),
                s.mean.low.to_string(),
                s.mean.high.to_string(),
                number(s.deviation),
                s.median.to_string(),
                number(self.0.optimum.map(|_| self.shown(s.mean.value))),
                s.score.to_string(),
                number(self.0.optimum_of_score.map(|o| regret(o, s.score, self.0.metric.maximise))),
                number(s.rank),
                number(s.beats_random.map(|b| b.value)),
                s.seconds.to_string(),
                format!("{:.9}", s.overhead),
                s.trials.to_string(),
                s.failed.to_string(),
            ]);
        }
        out
    }

    /// The pairs of strategies; see [`Comparison::pairs`].
    pub fn pairs_csv(&self) -> String {
        let mut out = "first,second,wins,p\n".to_string();
        for pair in self.pairs() {
            out += &row(&[pair.first, pair.second, pair.wins.to_string(), pair.p.to_string()]);
        }
        out
    }

    /// Writes [`Comparison::summary_csv`] to a file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save_csv(&self, path: impl AsRef<Path>) -> Result<()> {
        output::write(path, self.summary_csv())
    }
}
