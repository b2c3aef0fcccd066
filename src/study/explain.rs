//! What a run would do and cost, before it begins.

use super::Study;
use super::run::guarded;
use crate::chart::theme::{BORDER, BREAK, CARD, FONT, INK, MUTED, escape};
use crate::evaluate::Evaluator;
use crate::record::Duplicates;
use crate::rng::Rng;
use crate::room::Room;
use crate::strategy::Strategy;
use crate::words::{human_count, human_seconds, memory_size, plural};
use std::fmt;

/// What [`Study::explain`] found.
#[derive(Clone)]
#[must_use = "it is shown where it is the last value of a cell, or by println!"]
pub struct Explanation {
    head: String,
    lines: Vec<(String, String)>,
    problems: Vec<String>,
}

/// How many architectures are drawn to forecast the cost of a trial.
const DRAWS: usize = 12;

pub(super) fn explain(study: &Study) -> Explanation {
    let s = &*study.setup;
    let p = &s.protocol;
    let problems = study.problems();
    let mut lines = vec![];
    let mut say = |what: &str, text: String| lines.push((what.to_string(), text));
    let purpose = match s.space.is_decisions() {
        true => "of decisions alone".to_string(),
        false => format!("for {}", s.space.task()),
    };
    say("space", format!("{}, {purpose}", s.space.combinations()));
    s.space.never_fitting().into_iter().for_each(|text| say("note", text));
    say("strategy", s.strategy.describe(s.planned()));
    say("evaluation", s.evaluator.describe());
    let metric = s.evaluator.metric();
    let way = if metric.maximise { "maximised" } else { "minimised" };
    say("score", format!("{}, {way}", metric.name));
    say("budget", p.limits());
    let duplicates = match p.duplicates {
        Duplicates::Reuse => "results of duplicates are reused",
        Duplicates::Repeat => "duplicates are evaluated again",
        Duplicates::Forbid => "no duplicates",
    };
    let batch = match p.batch {
        1 => "sequential".to_string(),
        q => format!("batch of {q}"),
    };
    say("protocol", format!("seed {}, {batch}, {duplicates}", p.seed));
    say("failures", format!("when a trial fails, {}", p.failures()));
    let of_attempts = p.trial_seconds.is_some() && p.on_failure.attempts() > 1;
    let limits = match p.trial_limits() {
        None => "none of time and memory".to_string(),
        Some(limits) if of_attempts => {
            format!("{limits} an attempt; over it, the attempt has failed")
        }
        Some(limits) => format!("{limits}; over it, the trial has failed"),
    };
    say("trial limits", limits);
    if let Some(text) = study.stopping() {
        say("stopping", text);
    }
    if let Some(Ok(rungs)) = study.rungs_of()
        && let [only] = rungs[..]
    {
        let text = format!(
            "the schedule looks only once, after {}: nothing is stopped early, and every trial costs as much as \
             without it. More epochs in the evaluator, a smaller reduction(...) or more rungs([...]) give it more to decide.",
            plural(only, "epoch")
        );
        say("note", text);
    }
    let mut known = study.trials_done().len();
    // An empty path is one of the problems below.
    if let Some(path) = s.journal.as_ref().filter(|path| !path.as_os_str().is_empty()) {
        let holds = match guarded(|| super::journal::holds(study, path)) {
            Ok(None) => "it begins with the run".to_string(),
            Ok(Some(n)) => {
                known = known.max(n);
                format!("it holds {}, which the run goes on from", plural(n, "trial"))
            }
            Err(e) => format!("the run will refuse it: {e}"),
        };
        say("journal", format!("{}; {holds}", path.display()));
    }
    if problems.is_empty() {
        let mut rng = Rng::from_u64(p.seed).stream("explain", 0);
        let drawn: Vec<_> = (0..DRAWS).filter_map(|_| s.space.sample(&mut rng).ok()).collect();
        let params = drawn.iter().map(crate::space::Architecture::params);
        if !s.space.is_decisions()
            && let (Some(least), Some(most)) = (params.clone().min(), params.max())
        {
            let [least, most] = [least, most].map(|n| human_count(n as f64));
            say("sizes", format!("{least} to {most} parameters in {DRAWS} draws"));
        }
        let need = drawn.iter().filter_map(|a| guarded(|| Ok(s.evaluator.memory(a))).ok()?);
        if let Some(most) = need.max() {
            let free = Room::now().map_or(String::new(), |room| format!("; {room}"));
            let (most, threads) = (memory_size(most), plural(s.threads(), "trial"));
            say("memory", format!("up to {most} a trial in these draws, {threads} at once{free}"));
        }
        let forecast = |a| guarded(|| Ok(s.evaluator.forecast(a))).ok()?;
        let sane = |seconds: &f64| seconds.is_finite() && *seconds >= 0.0;
        let each: Vec<f64> = drawn.iter().filter_map(forecast).filter(sane).collect();
        if !each.is_empty() {
            let mean = each.iter().sum::<f64>() / each.len() as f64;
            let threads = s.threads();
            let so = match p.seconds {
                Some(limit) => {
                    // The trials that the other limits allow, if there is time for all of them.
                    let others = p.trials.is_some() || p.epochs.is_some();
                    let most = if others { s.planned() } else { usize::MAX };
                    match limit / mean * threads as f64 {
                        n if n < most as f64 && n < 1e15 => {
                            format!("so about {}", plural(n as usize, "trial"))
                        }
                        _ if others => format!("so there is time for {}", plural(most, "trial")),
                        _ => "so more trials than can be counted".to_string(),
                    }
                }
                None => {
                    let total = human_seconds(mean * s.planned() as f64 / threads as f64);
                    format!("{total} in all on {}", plural(threads, "thread"))
                }
            };
            say("cost", format!("about {} per trial, {so}", human_seconds(mean)));
        }
        let bill = study.bill();
        if let Some(forecast) = bill.forecast() {
            let done = plural(known, "trial");
            let seconds = human_seconds(forecast);
            say(
                "forecast",
                format!("{seconds} of evaluations by the first of {done}, over all threads"),
            );
        }
    }
    let head = match known {
        0 => "A study that has not run yet; run() starts it.".to_string(),
        n => format!("A study of {} so far; run() goes on with it.", plural(n, "trial")),
    };
    Explanation { head, lines, problems }
}

impl Study {
    /// What cannot be stopped in the middle of a trial, if anything.
    pub(crate) fn stopping(&self) -> Option<String> {
        let s = &*self.setup;
        if s.evaluator.stops_midway() || s.evaluator.looks_up() {
            return None;
        }
        let limits = match s.protocol.timed() {
            true => "stop() and the limits of time wait",
            false => "stop() waits",
        };
        Some(format!(
            "only a training can be stopped in the middle, also one inside this evaluation; for \
             anything else {limits} until it returns"
        ))
    }
}

impl Explanation {
    /// As an HTML table of two columns.
    pub(crate) fn table(&self) -> String {
        let row = |what: &str, text: &str, ink: &str| {
            format!(
                "<tr style=\"background:none\"><td style=\"text-align:left;vertical-align:top;\
                 width:90px;padding:2px 18px 2px 0;color:{MUTED};{BREAK}\">{}</td><td \
                 style=\"text-align:left;padding:2px 0;color:{ink};{BREAK}\">{}</td></tr>",
                escape(what),
                escape(text)
            )
        };
        let rows: String = self.lines.iter().map(|(what, text)| row(what, text, INK)).collect();
        let wrong: String = self.problems.iter().map(|p| row("problem", p, "#B03A00")).collect();
        format!(
            "<div style=\"box-sizing:border-box;max-width:800px;background:{CARD};color:{INK};\
             border:1px solid {BORDER};border-radius:10px;padding:12px 16px;font-family:{FONT};\
             font-size:13px\"><div style=\"font-size:15px;font-weight:600;margin:0 0 6px\">{}\
             </div><table style=\"border-collapse:collapse;table-layout:fixed;width:100%;margin:0;\
             font-size:13px\">{rows}{wrong}</table></div>",
            escape(&self.head)
        )
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.head)?;
        for (what, text) in &self.lines {
            writeln!(f, "  {what:<12}  {text}")?;
        }
        for problem in &self.problems {
            writeln!(f, "  problem       {problem}")?;
        }
        Ok(())
    }
}

crate::draw::debug_as_display!(Explanation);
