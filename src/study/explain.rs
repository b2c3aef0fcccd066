//! What a run would do and cost, before it is run.

use super::run::guarded;
use super::{Duplicates, Study};
use crate::chart::theme::{
    BORDER, CARD, FONT, INK, MUTED, escape, human_count, human_seconds, plural,
};
use crate::evaluate::Evaluator;
use crate::rng::Rng;
use crate::strategy::Strategy;
use std::fmt;

/// What [`Study::explain`] found.
#[derive(Clone)]
#[must_use = "it is shown where it is the last value of a cell, or by println!"]
pub struct Explanation {
    lines: Vec<(String, String)>,
    problems: Vec<String>,
}

/// Architectures that are drawn to forecast the cost of one.
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
    if problems.is_empty() {
        let mut rng = Rng::from_u64(p.seed).stream("explain", 0);
        let drawn: Vec<_> = (0..DRAWS).filter_map(|_| s.space.sample(&mut rng).ok()).collect();
        let params = drawn.iter().map(crate::Architecture::params);
        if !s.space.is_decisions()
            && let (Some(least), Some(most)) = (params.clone().min(), params.max())
        {
            say(
                "sizes",
                format!(
                    "{} to {} parameters in {DRAWS} draws",
                    human_count(least as f64),
                    human_count(most as f64)
                ),
            );
        }
        let each: Vec<f64> =
            drawn.iter().filter_map(|a| guarded(|| Ok(s.evaluator.forecast(a))).ok()?).collect();
        if !each.is_empty() {
            let mean = each.iter().sum::<f64>() / each.len() as f64;
            let threads = s.threads();
            let text = match p.seconds {
                Some(limit) => {
                    let n = (limit / mean * threads as f64) as usize;
                    format!(
                        "about {} per trial, so about {}",
                        human_seconds(mean),
                        plural(n, "trial")
                    )
                }
                None => {
                    let total = mean * s.planned() as f64 / threads as f64;
                    format!(
                        "about {} per trial, {} in all on {}",
                        human_seconds(mean),
                        human_seconds(total),
                        plural(threads, "thread")
                    )
                }
            };
            say("cost", text);
        }
    }
    Explanation { lines, problems }
}

impl Explanation {
    /// As an HTML table of two columns.
    pub(crate) fn table(&self) -> String {
        let row = |what: &str, text: &str, ink: &str| {
            format!(
                "<tr style=\"background:none\"><td style=\"text-align:left;vertical-align:top;\
                 padding:2px 18px 2px 0;color:{MUTED}\">{}</td><td style=\"text-align:left;\
                 padding:2px 0;color:{ink}\">{}</td></tr>",
                escape(what),
                escape(text)
            )
        };
        let rows: String = self.lines.iter().map(|(what, text)| row(what, text, INK)).collect();
        let wrong: String = self.problems.iter().map(|p| row("problem", p, "#B03A00")).collect();
        format!(
            "<div style=\"box-sizing:border-box;max-width:800px;background:{CARD};color:{INK};\
             border:1px solid {BORDER};border-radius:10px;padding:12px 16px;font-family:{FONT};\
             font-size:13px\"><div style=\"font-size:15px;font-weight:600;margin:0 0 6px\">{HEAD}\
             </div><table style=\"border-collapse:collapse;margin:0;font-size:13px\">{rows}{wrong}\
             </table></div>"
        )
    }
}

const HEAD: &str = "A study that has not run yet; run() starts it.";

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEAD}")?;
        for (what, text) in &self.lines {
            writeln!(f, "  {what:<10}  {text}")?;
        }
        for problem in &self.problems {
            writeln!(f, "  problem     {problem}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
