//! The problems of a block, found before anything is built from it.

use crate::op::Setting;
use crate::tree::{Block, Choice, Tree};

impl Block {
    /// Everything that is wrong with the block, in words; empty when it can be searched.
    pub fn problems(&self) -> Vec<String> {
        let mut found = vec![];
        self.collect_problems(&mut found);
        // A block may stand in several places; its problems are reported once.
        let mut seen = std::collections::HashSet::new();
        found.retain(|problem| seen.insert(problem.clone()));
        found
    }

    fn collect_problems(&self, found: &mut Vec<String>) {
        match &*self.0 {
            Tree::Layer { info, args } => {
                for (arg, choice) in info.args.iter().zip(args) {
                    let within = format!("{}({})", info.name, arg.name);
                    if let Some(p) = &choice.problem {
                        found.push(format!("{within}: {p}"));
                    } else if choice.options.is_empty() {
                        found.push(format!("{within}: no value to choose. Give at least one."));
                    }
                    found.extend(refusals(arg, info.name, choice));
                }
            }
            Tree::OneOf(blocks) if blocks.is_empty() => {
                let what = "one_of([]) offers no block.";
                found.push(format!("{what} Give at least one, as one_of([conv(16, 3), skip()])."));
            }
            Tree::Repeat { times, .. } => {
                if let Some(p) = &times.problem {
                    found.push(format!("repeat: {p}"));
                }
                let allowed = Setting::int("times", None, 0, 1000);
                found.extend(refusals(&allowed, "repeat", times));
            }
            Tree::Cell(cell) => {
                found.extend(cell.problems());
                return cell.edges().for_each(|(_, _, b)| b.collect_problems(found));
            }
            Tree::Wired(cell) => found.extend(cell.problems()),
            Tree::Stack(parts) => {
                for prepare in parts.iter().step_by(2) {
                    if prepare.has_choices() {
                        found.push(format!(
                            "stack: the preparation {prepare} has choices in it. Put them into the \
                             cell, and prepare with a block without, as conv(16, 1)."
                        ));
                    }
                }
            }
            Tree::Shared { name, .. } => {
                let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
                if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !name.chars().all(part) {
                    found.push(format!(
                        "shared({name:?}): a name begins with a letter and consists of letters, \
                         digits and _. Try shared(\"normal\", ...)."
                    ));
                } else if RESERVED.contains(&name.as_str()) || super::find(name).is_ok() {
                    found.push(format!(
                        "shared({name:?}): that is the name of a layer or of a way to join them. \
                         Try shared(\"normal\", ...)."
                    ));
                }
            }
            Tree::Broken { problem, .. } => found.push(problem.clone()),
            _ => {}
        }
        self.children().iter().for_each(|b| b.collect_problems(found));
    }
}

/// Words that an architecture's text uses for something other than layers. `cell` is always followed
/// by a bracket, so it remains free as a name.
const RESERVED: [&str; 6] = ["residual", "sum", "concat", "wired", "stack", "same"];

/// The first value that a setting refuses, and how many more there are.
fn refusals(arg: &Setting, layer: &str, choice: &Choice) -> Option<String> {
    let mut refused = choice.options.iter().filter_map(|v| arg.refuse(layer, v));
    let first = refused.next()?;
    Some(match refused.count() {
        0 => first,
        1 => format!("{first} Nor is one more of its values allowed."),
        more => format!("{first} Nor are {more} more of its values."),
    })
}
