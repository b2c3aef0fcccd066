//! One suite for all strategies: every row of the table, and two of a user's own, on spaces of every
//! kind. A new row is covered here without a line of its own.
//!
//! Every pair of strategy and space passes all checks; pairs run side by side, and whatever fails is named
//! as `strategy on space: check: what is wrong`.

use crate::help::{Folder, quick, side_by_side};
use nascent::IntoStrategy;
use nascent::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Trials of a study: enough for the first models and generations, which begin after 4 or 5.
const TRIALS: usize = 20;
/// Spaces with this many architectures or fewer are searched to their end.
const SMALL: usize = 40;

/// What a strategy does differently from the others, and why: (strategy, check, reason).
const EXCEPTIONS: &[(&str, &str, &str)] =
    &[("grid", ENDS, "it goes through the space once, and ends after the last architecture")];
/// The studies of this check end with their budget, and nothing else.
const ENDS: &str = "ends with its budget";

struct Named<T> {
    name: &'static str,
    it: T,
}

type Make = Box<dyn Fn() -> AnyStrategy + Send + Sync>;

/// A user's own: mutates the best architecture so far.
struct HillClimb;

impl Strategy for HillClimb {
    fn ask(&self, history: &History, rng: &mut Rng) -> Result<Proposal> {
        let (space, best) = (history.space(), history.best());
        let mutant = best.and_then(|b| Some((space.mutate(&b.architecture(), rng).ok()?, b)));
        Ok(match mutant {
            Some((arch, best)) => Proposal::child(arch, &best),
            None => space.sample(rng)?.into(),
        })
    }
}

fn all_strategies() -> Vec<Named<Make>> {
    let rows = nascent::strategies().iter().map(|row| {
        let make: Make = Box::new(|| quick(row));
        Named { name: row.name, it: make }
    });
    let closure = |history: &History, rng: &mut Rng| match history.last_finished(5).last() {
        Some(last) if rng.below(2) == 0 => Ok(last.architecture()),
        _ => history.space().sample(rng),
    };
    let own: [Named<Make>; 2] = [
        Named { name: "a struct", it: Box::new(|| HillClimb.into_strategy()) },
        Named { name: "a closure", it: Box::new(move || strategy("a closure", closure)) },
    ];
    rows.chain(own).collect()
}

fn all_spaces() -> Vec<Named<Space>> {
    let vectors = || Space::new([8], Task::classification(3));
    let images = || Space::new([1, 8, 8], Task::classification(3));
    let width = || linear(any([4, 8, 16, 32]));
    let motif = || shared("motif", one_of([conv(same(), 3), conv(same(), any([1, 5])).residual()]));
    let branches = one_of([
        skip(),
        linear(any([4, 8])).residual(),
        repeat(1..=2, linear(8).activation(any(["relu", "tanh"]))),
    ]);
    let pools = one_of([conv(any([2, 4]), 3), max_pool(2)]);
    let layers = (0..6).fold(vectors(), |space, _| space.then(width()));
    let named = |name, it| Named { name, it };
    vec![
        named("a chain", vectors().then(repeat(1..=3, width()))),
        named("conditional choices", vectors().then(repeat(0..=3, branches))),
        named("layers that do not always fit", images().then(repeat(1..=4, pools))),
        named("NAS-Bench-201", images().then(presets::nas_bench_201(4, 1))),
        named("NAS-Bench-101", images().then(presets::nas_bench_101(4, 1))),
        named("DARTS", images().then(presets::darts(4, 3))),
        named("decisions", Space::decisions([3, 1, 5, 2])),
        // 3 percent of 4096 combinations.
        named("a tight limit", layers.at_most(Params(420))),
        named("shared blocks", images().then(motif()).then(conv(any([2, 4]), 1)).then(motif())),
        named("three architectures", vectors().then(linear(any([4, 8, 16])))),
        named("one architecture", vectors().then(linear(4))),
    ]
}

/// A score with some structure and some noise, from 0 to 1, the same for ever.
fn score(arch: &Architecture) -> f64 {
    let decisions = arch.decisions();
    let mean = decisions.iter().map(|&d| f64::from(d)).sum::<f64>() / decisions.len().max(1) as f64;
    mean / 8.0 + (arch.identity() % 1000) as f64 / 2000.0
}

/// A third of the evaluations fail: with an error, with NaN, in a panic.
fn failing() -> AnyEvaluator {
    evaluator(|arch, budget| match (budget.seed() / 7) % 9 {
        0 => Err(Error::from("unlucky")),
        1 => Ok(f64::NAN),
        2 => panic!("unluckier"),
        _ => Ok(score(arch)),
    })
}

struct Case<'c> {
    strategy: &'c Named<Make>,
    space: &'c Named<Space>,
    /// A journal of its own.
    path: PathBuf,
}

type Score = fn(&Architecture) -> f64;

type Check = fn(&Case) -> Result<(), String>;

const CHECKS: &[(&str, Check)] = &[
    ("its words", words),
    (ENDS, ends_with_its_budget),
    ("a seed is a study", a_seed_is_a_study),
    ("resumed", resumed),
    ("nothing but the history", nothing_but_the_history),
    ("failures", failures),
    ("the whole space", the_whole_space),
    ("two objectives", two_objectives),
    ("mirrored", mirrored),
    ("scores of every size", scores_of_every_size),
    ("budgets", budgets),
];

impl Case<'_> {
    fn plan(&self, evaluator: AnyEvaluator) -> Study {
        Study::new(&self.space.it, evaluator)
            .strategy((self.strategy.it)())
            .duplicates(Duplicates::Repeat)
            .trials(TRIALS)
            .seed(5)
            .quiet()
    }

    fn scored(&self) -> Study {
        self.plan(evaluator(|arch, _| score(arch)))
    }

    /// Every trial is one of the space, and there are as many as the budget allows.
    fn complete(&self, study: &Study) -> Result<(), String> {
        let trials = study.trials_done();
        if let Some(t) = trials.iter().find(|t| !self.space.it.contains(&t.architecture())) {
            return Err(format!("trial {} is not of the space: {}", t.number(), t.architecture()));
        }
        let excepted = EXCEPTIONS.iter().any(|e| (e.0, e.1) == (self.strategy.name, ENDS));
        let size = match excepted {
            true => self.space.it.enumerate().take(TRIALS).count(),
            false => TRIALS,
        };
        match trials.len() == size {
            true => Ok(()),
            false => Err(format!("{} trials of {size}: {}", trials.len(), study.ended())),
        }
    }
}

/// What a strategy decided and what came of it, one line per trial.
fn lines(study: &Study) -> Vec<String> {
    let line = |t: &Trial| {
        let (decisions, found) = (t.architecture().decisions(), t.score().ok_or(t.error()));
        format!("{} {decisions:?} {} of {:?}: {found:?}", t.number(), t.origin(), t.parents())
    };
    study.trials_done().iter().map(line).collect()
}

fn decisions(study: &Study) -> Vec<String> {
    let archs = study.trials_done().into_iter().map(|t| t.architecture().decisions());
    archs.map(|d| format!("{d:?}")).collect()
}

fn same_lines(what: &str, a: &[String], b: &[String]) -> Result<(), String> {
    match a.iter().zip(b).position(|(a, b)| a != b) {
        Some(i) => Err(format!("{what} differs in trial {i}: {}, not {}", b[i], a[i])),
        None if a.len() == b.len() => Ok(()),
        None => Err(format!("{what} has {} trials, not {}", b.len(), a.len())),
    }
}

fn run(study: &Study) -> Result<Study, String> {
    study.run().map_err(|e| e.to_string())
}

fn words(case: &Case) -> Result<(), String> {
    let strategy = (case.strategy.it)();
    let problems = strategy.problems();
    if !problems.is_empty() || strategy.describe(TRIALS).is_empty() {
        return Err(format!("{:?}: {problems:?}", strategy.describe(TRIALS)));
    }
    Ok(())
}

/// Whatever a duplicate means, and even if there are no more architectures than trials.
fn ends_with_its_budget(case: &Case) -> Result<(), String> {
    for duplicates in [Duplicates::Reuse, Duplicates::Repeat] {
        let study = run(&case.scored().duplicates(duplicates))?;
        case.complete(&study)?;
        if study.report().html().is_empty() {
            return Err("an empty report".to_string());
        }
    }
    Ok(())
}

fn a_seed_is_a_study(case: &Case) -> Result<(), String> {
    for batch in [1, 4, 2 * TRIALS] {
        let plan = case.scored().batch(batch);
        let first = run(&plan.jobs(1))?;
        case.complete(&first)?;
        let again = lines(&run(&plan.jobs(3))?);
        same_lines(&format!("batch {batch}, again with 3 jobs,"), &lines(&first), &again)?;
    }
    Ok(())
}

/// Cut in the middle, with trials under way, and resumed with a strategy that was newly created.
fn resumed(case: &Case) -> Result<(), String> {
    for batch in [1, 4] {
        let plan = || case.plan(failing()).batch(batch).journal(&case.path);
        let _ = std::fs::remove_file(&case.path);
        let whole = lines(&run(&plan())?);
        cut(&case.path)?;
        same_lines(&format!("batch {batch}, resumed,"), &whole, &lines(&run(&plan().jobs(2))?))?;
    }
    Ok(())
}

/// Cuts a journal after the trial in its middle was asked for.
fn cut(path: &PathBuf) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    let asked: Vec<usize> =
        text.match_indices("{\"event\":\"asked\"").map(|(begin, _)| begin).collect();
    let begin = *asked.get(asked.len() / 2).ok_or("nothing was asked")?;
    let end = begin + text[begin..].find('\n').map_or(0, |n| n + 1);
    std::fs::write(path, &text[..end]).map_err(|e| e.to_string())
}

/// A strategy that is newly created for every trial proposes the same, and so does one that serves two
/// studies in turn.
fn nothing_but_the_history(case: &Case) -> Result<(), String> {
    for batch in [1, 4] {
        let plan = case.plan(failing()).batch(batch);
        let whole = lines(&run(&plan)?);
        let row = case.strategy.name;
        let anew = match nascent::strategies().iter().find(|s| s.name == row) {
            Some(row) => strategy(row.name, |h, rng| quick(row).ask(h, rng)),
            None => (case.strategy.it)(),
        };
        let anew = run(&plan.strategy(anew))?;
        same_lines(&format!("batch {batch}, made anew,"), &whole, &lines(&anew))?;
        let (one, other) = (plan.jobs(1), plan.seed(6));
        for _ in 0..TRIALS {
            _ = (one.step(), other.step());
        }
        same_lines(&format!("batch {batch}, in turn,"), &whole, &lines(&one))?;
    }
    Ok(())
}

fn failures(case: &Case) -> Result<(), String> {
    let study = run(&case.plan(failing()).batch(4))?;
    case.complete(&study)?;
    let none = run(&case.plan(evaluator(|_, _| Err::<f64, _>(Error::from("never")))))?;
    case.complete(&none)?;
    match none.failed().len() == none.trials_done().len() {
        true => Ok(()),
        false => Err("some of them did not fail".to_string()),
    }
}

/// Without duplicates a small space ends when each of its architectures has been tried once.
fn the_whole_space(case: &Case) -> Result<(), String> {
    let size = case.space.it.enumerate().take(SMALL + 1).count();
    let (expected, budget) = if size > SMALL { (TRIALS, TRIALS) } else { (size, 2 * SMALL) };
    let study = case.plan(failing()).duplicates(Duplicates::Forbid).trials(budget).batch(4);
    let study = run(&study)?;
    let mut tried = decisions(&study);
    let asked = tried.len();
    tried.sort();
    tried.dedup();
    if tried.len() != asked || asked != expected {
        return Err(format!(
            "{asked} trials of {} architectures, {expected} were expected: {}",
            tried.len(),
            study.ended()
        ));
    }
    match size > SMALL || study.ended().contains("exhausted") {
        true => Ok(()),
        false => Err(study.ended()),
    }
}

fn two_objectives(case: &Case) -> Result<(), String> {
    let two = evaluator(|arch, _| {
        Evaluation::new(score(arch)).with("second", (arch.identity() % 7) as f64)
    });
    let plan = case.plan(two).objective(Metric::minimise("second"));
    let study = run(&plan.jobs(1))?;
    case.complete(&study)?;
    same_lines("3 jobs", &lines(&study), &lines(&run(&plan.jobs(3))?))?;
    match study.front().is_empty() {
        true => Err("an empty front".to_string()),
        false => Ok(()),
    }
}

/// The same scores upside down, the other way: the same proposals.
fn mirrored(case: &Case) -> Result<(), String> {
    let up = run(&case.scored())?;
    let down = run(&case.plan(evaluator(|arch, _| -score(arch)).minimise()))?;
    same_lines("minimised it", &decisions(&up), &decisions(&down))
}

fn scores_of_every_size(case: &Case) -> Result<(), String> {
    let sizes: [(&str, Score); 4] = [
        ("one score for all", |_| 0.5),
        ("huge scores", |arch| if arch.identity() % 2 == 0 { 1e300 } else { -1e300 }),
        ("tiny differences", |arch| 1.0 + (arch.identity() % 5) as f64 * f64::EPSILON),
        ("tiny scores", |arch| (arch.identity() % 5) as f64 * 1e-310),
    ];
    for (what, score) in sizes {
        let study = run(&case.plan(evaluator(move |arch, _| score(arch))))?;
        case.complete(&study).map_err(|e| format!("{what}: {e}"))?;
    }
    Ok(())
}

/// Budgets that do not say how many trials there will be.
fn budgets(case: &Case) -> Result<(), String> {
    let timed = evaluator(|arch, _| Evaluation::new(score(arch)).with_seconds(10.0)).epochs(2);
    let free = Study::new(&case.space.it, timed).strategy((case.strategy.it)());
    let free = free.batch(1).duplicates(Duplicates::Repeat).quiet();
    let trials = case.space.it.enumerate().take(12).count();
    let grid = EXCEPTIONS.iter().any(|e| (e.0, e.1) == (case.strategy.name, ENDS));
    let expected = if grid { trials } else { 12 };
    for (what, plan) in [("epochs", free.epochs(24)), ("seconds", free.simulated_seconds(120.0))] {
        let study = run(&plan)?;
        let n = study.trials_done().len();
        if n != expected {
            return Err(format!("{n} trials with a budget in {what}: {}", study.ended()));
        }
    }
    Ok(())
}

/// What a check found, even if it panicked.
fn guarded(check: Check, case: &Case) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| check(case))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(text.unwrap_or_else(|| "a panic".to_string()))
    })
}

#[test]
fn every_strategy_on_every_space() {
    let (strategies, spaces) = (all_strategies(), all_spaces());
    let folder = Folder::new("strategies");
    let pairs: Vec<_> =
        strategies.iter().flat_map(|s| spaces.iter().map(move |t| (s, t))).collect();
    let failed = Mutex::new(vec![]);
    let times = Mutex::new(std::collections::BTreeMap::<&str, f64>::new());
    side_by_side(&pairs, |i, &(strategy, space)| {
        let case = Case { strategy, space, path: folder.file(&format!("{i}.jsonl")) };
        for (name, check) in CHECKS {
            let begun = std::time::Instant::now();
            if let Err(why) = guarded(*check, &case) {
                let text = format!("{} on {}: {name}: {why}", strategy.name, space.name);
                failed.lock().unwrap().push(text);
            }
            let seconds = begun.elapsed().as_secs_f64();
            let mut times = times.lock().unwrap();
            [strategy.name, space.name, name]
                .into_iter()
                .for_each(|what| *times.entry(what).or_default() += seconds);
        }
    });
    // `cargo test --test it strategies:: -- --nocapture`: where the time goes.
    for (what, seconds) in times.lock().unwrap().iter() {
        println!("{what:<32} {seconds:>6.2} s");
    }
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} checks failed:\n{}", failed.len(), failed.join("\n"));
}

/// The suite is only as strong as what it finds: strategies with one fault each, and the check that finds it.
#[test]
fn faults_are_found() {
    fn faulty(f: fn(&History, &mut Rng) -> Result<Architecture>) -> Make {
        Box::new(move || strategy("faulty", f))
    }
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let counting = faulty(|history, _| {
        let n = ASKED.fetch_add(1, Ordering::SeqCst);
        history.space().enumerate().nth(n % 7).ok_or_else(|| Error::from("nothing"))
    });
    let upward = faulty(|history, rng| {
        let all = history.finished();
        match all.iter().max_by(|a, b| a.score().partial_cmp(&b.score()).unwrap()) {
            Some(best) => history.space().mutate(&best.architecture(), rng),
            None => history.space().sample(rng),
        }
    });
    let timid = faulty(|history, rng| match history.failed().is_empty() {
        true => history.space().sample(rng),
        false => Err(Error::from("I give up")),
    });
    let careless = faulty(|history, rng| {
        let n = history.space().sample(rng)?.decisions().len();
        history.space().decode(vec![3; n])
    });
    let remembering: Make = Box::new(|| {
        let asked = AtomicUsize::new(0);
        strategy("remembering", move |history, rng| {
            let n = asked.fetch_add(1, Ordering::SeqCst);
            history.space().sample(&mut rng.stream("mine", n))
        })
    });
    let absurd = faulty(|history, rng| match history.best() {
        Some(best) if best.score() > Some(1e6) => Err(Error::from("too good to be true")),
        _ => history.space().sample(rng),
    });
    let found = [
        ("counting", counting, "a seed is a study"),
        ("upward", upward, "mirrored"),
        ("timid", timid, "failures"),
        ("careless", careless, ENDS),
        ("remembering", remembering, "resumed"),
        ("absurd", absurd, "scores of every size"),
    ];
    let folder = Folder::new("strategies-faults");
    let spaces = all_spaces();
    let space = spaces.iter().find(|s| s.name == "a tight limit").unwrap();
    for (name, it, check) in found {
        let (strategy, path) = (Named { name, it }, folder.0.join("study.jsonl"));
        let case = Case { strategy: &strategy, space, path };
        let (_, run) = CHECKS.iter().find(|c| c.0 == check).unwrap();
        assert!(guarded(*run, &case).is_err(), "{name}: nothing was found by {check:?}");
    }
}

/// Two copies of a study share a strategy, and a trial that was under way when they parted ends in two
/// ways: what one remembers is not taken for the other's.
#[test]
fn copies_that_part_while_a_trial_runs_go_on_by_themselves() {
    let space = Space::decisions([3, 3, 3, 3]);
    for row in nascent::strategies() {
        let plan = || {
            let study = Study::new(&space, evaluator(|arch, _| score(arch))).strategy(quick(row));
            study.batch(4).trials(TRIALS).seed(5).quiet()
        };
        let parted = || {
            let (study, told) = (plan(), [0.3, 0.2, 0.4]);
            let asked: Vec<_> = (0..4).map(|_| study.ask().unwrap()).collect();
            asked[1..].iter().zip(told).for_each(|(a, s)| study.tell(a, s).unwrap());
            (study, asked)
        };
        let (one, asked) = parted();
        let other = one.trials(TRIALS + 1).trials(TRIALS);
        one.tell(&asked[0], 0.1).unwrap();
        one.run().unwrap();
        other.tell(&asked[0], 0.9).unwrap();
        other.run().unwrap();
        let (alone, asked) = parted();
        alone.tell(&asked[0], 0.9).unwrap();
        alone.run().unwrap();
        same_lines("the copy", &lines(&alone), &lines(&other)).expect(row.name);
        assert_ne!(lines(&one), lines(&other), "{}", row.name);
    }
}

/// From its journal alone: all its settings are there, and the strategy that is made from them continues
/// as if nothing had happened.
#[test]
fn every_row_is_made_again_from_its_stored_form() {
    let folder = Folder::new("strategies-stored");
    for row in nascent::strategies() {
        let strategy = (row.make)();
        assert!(strategy.to_json().is_some_and(|json| json.contains(row.name)), "{}", row.name);
        let path = folder.0.join(format!("{}.jsonl", row.name));
        let table = NasBench201::cifar10();
        let plan = Study::new(&table.space(), &table).strategy(strategy).trials(TRIALS).quiet();
        let whole = plan.journal(&path).run().unwrap();
        cut(&path).unwrap();
        let resumed = Study::resume(&path).unwrap().quiet().run().unwrap();
        same_lines("resumed it", &lines(&whole), &lines(&resumed)).expect(row.name);
    }
}

/// Settings other than the defaults are stored too, and bad ones are reported before a study begins.
#[test]
fn the_sizes_of_evolution_follow_the_budget() {
    let of = |trials: usize| Evolution::regularized().describe(trials);
    for (trials, sizes) in [
        (4, "(population 2, sample 2)"),
        (30, "(population 7, sample 7)"),
        (89, "(population 22, sample 22)"),
        (90, "(population 30, sample 10)"),
        (999, "(population 30, sample 10)"),
        (1000, "(population 100, sample 25)"),
    ] {
        assert!(of(trials).ends_with(sizes), "{trials}: {}", of(trials));
    }
    let given = Evolution::regularized().population(9).describe(30);
    assert!(given.ends_with("(population 9, sample 3)"), "{given}");
}

#[test]
fn settings_are_stored_and_checked() {
    let plan = |s: &AnyStrategy| {
        let table = NasBench201::cifar10();
        Study::new(&table.space(), &table).strategy(s.clone()).trials(TRIALS).quiet()
    };
    let folder = Folder::new("strategies-settings");
    let set: [AnyStrategy; 6] = [
        AutoKeras::new().beta(1.5).candidates(9).into_strategy(),
        Evolution::regularized().population(6).sample(2).inheriting().into_strategy(),
        Annealing::new().acceptance(0.5, 0.1).into_strategy(),
        Genetic::new()
            .population(6)
            .tournament(3)
            .elite(2)
            .crossover(0.5)
            .mutation(2.0)
            .into_strategy(),
        Nsga2::new().population(6).crossover(0.5).mutation(2.0).into_strategy(),
        Tpe::new().gamma(0.25).candidates(10).startup(4).into_strategy(),
    ];
    for (i, strategy) in set.iter().enumerate() {
        let path = folder.0.join(format!("{i}.jsonl"));
        let study = plan(strategy).journal(&path).run().unwrap();
        let again = Study::resume(&path).unwrap();
        let (json, text) = (strategy.to_json().unwrap(), strategy.describe(TRIALS));
        assert!(std::fs::read_to_string(&path).unwrap().contains(&text), "{text}");
        assert_eq!(lines(&again), lines(&study), "{json}");
        assert!(again.explain().to_string().contains(&text), "{json}");
        // An invalid value would be read back as another strategy.
        assert!(!json.contains("null"), "{json}");
    }
    let bad: [(AnyStrategy, &[&str]); 6] = [
        (Annealing::new().acceptance(0.1, 0.5).into_strategy(), &["acceptance(0.1, 0.5)"]),
        (Annealing::new().acceptance(1.0, f64::NAN).into_strategy(), &["between 0 and 1"]),
        (
            Genetic::new().population(1).tournament(0).elite(-1).crossover(1.5).into_strategy(),
            &["population(1)", "tournament(0)", "elite(-1)", "crossover(1.5)"],
        ),
        (Genetic::new().population(4).elite(4).into_strategy(), &["elite(4)"]),
        (
            Nsga2::new().population(0).crossover(0.0).mutation(0.0).into_strategy(),
            &["population(0)", "every child would be like its parent"],
        ),
        (
            Tpe::new().gamma(0.0).candidates(0).startup(-3).into_strategy(),
            &["gamma(0)", "candidates(0)", "startup(-3)"],
        ),
    ];
    for (strategy, parts) in &bad {
        let text = plan(strategy).run().unwrap_err().to_string();
        for part in *parts {
            assert!(text.contains(part), "{part:?} is not in: {text}");
        }
    }
}
