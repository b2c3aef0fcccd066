//! The importance of decisions against Optuna 5 on the same trials: `optuna/importance.py` recorded them and what
//! Optuna finds.

use nascent::chart::ChartData;
use nascent::prelude::*;
use std::collections::HashMap;
use std::path::Path;

/// What is in a file: trials with their scores and decisions, and importances by the name of their evaluator.
struct Recorded {
    trials: Vec<(f64, Vec<u32>)>,
    importances: HashMap<String, Vec<f64>>,
}

fn recorded(name: &str) -> Recorded {
    let file = format!("tests/fixtures/importance-{name}.csv");
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let mut found = Recorded { trials: vec![], importances: HashMap::new() };
    for line in text.lines().skip(1) {
        let line = line.replace(", top", " top").replace('"', "");
        let cells: Vec<&str> = line.split(',').collect();
        match cells[0] {
            "trial" => {
                let picks = cells[2..].iter().filter(|c| !c.is_empty());
                let picks = picks.map(|c| c.parse().unwrap()).collect();
                found.trials.push((cells[1].parse().unwrap(), picks));
            }
            name => {
                let values = cells[2..].iter().map(|c| c.parse().unwrap()).collect();
                found.importances.insert(name.to_string(), values);
            }
        }
    }
    assert_eq!(found.trials.len(), 300);
    found
}

/// A study that has exactly these trials.
fn study(space: &Space, recorded: &Recorded) -> Study {
    let trials = recorded.trials.clone();
    let scores: HashMap<Vec<u32>, f64> = trials.iter().map(|(s, d)| (d.clone(), *s)).collect();
    let score = evaluator(move |a: &Architecture, _: &Budget| scores[&a.decisions()]);
    let replay = strategy("recorded", move |history: &History, _: &mut Rng| {
        history.space().decode(trials[history.asked()].1.clone())
    });
    let plan = Study::new(space, score).strategy(replay).trials(300).batch(1).quiet();
    plan.duplicates(Duplicates::Repeat).run().unwrap()
}

/// The importances in the order of the space's decisions.
fn found(chart: &Chart) -> Vec<f64> {
    let ChartData::Importances(data) = chart.data() else { panic!("{chart}") };
    data.rows.iter().map(|row| row.importance).collect()
}

fn same(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() <= 1e-9 * e, "{found:?} for {expected:?}");
    }
}

/// The most important decision.
fn first(importances: &[f64]) -> Option<usize> {
    (0..importances.len()).max_by(|&a, &b| importances[a].total_cmp(&importances[b]))
}

#[test]
fn ped_anova_is_that_of_optuna() {
    let recorded = recorded("nasbench201");
    let study = study(&Space::decisions([5; 6]), &recorded);
    same(&found(&study.importance().unwrap()), &recorded.importances["ped-anova"]);
    let quarter = study.importance_for_best(0.25).unwrap();
    same(&found(&quarter), &recorded.importances["ped-anova top 25 %"]);
}

/// Where a decision exists only if another one took some option.
#[test]
fn ped_anova_of_conditional_decisions_is_that_of_optuna() {
    let recorded = recorded("conditional");
    let inner = one_of([linear(any([1, 2, 3, 4, 5])), relu(), tanh()]);
    let space = Space::new([8], Task::classification(2))
        .then(one_of([gelu(), relu(), inner, silu()]))
        .then(one_of([gelu(), relu()]));
    let chart = study(&space, &recorded).importance().unwrap();
    same(&found(&chart), &recorded.importances["ped-anova"]);
    assert!(chart.plain().contains(" of the trials"), "{chart}");
}

/// Forests are random, so the shares of two of 64 trees differ by a few percent. Optuna's own means are over more than
/// architectures, as `importance.py` says, but the decision that leads is the same.
#[test]
fn fanova_is_near_to_that_of_the_forests_of_optuna() {
    let recorded = recorded("nasbench201");
    let study = study(&Space::decisions([5; 6]), &recorded);
    let ours = found(&study.importance_of_variance().unwrap());
    let theirs = &recorded.importances["fanova over architectures"];
    for (f, e) in ours.iter().zip(theirs) {
        assert!((f - e).abs() < 0.04, "{ours:?} for {theirs:?}");
    }
    for other in [theirs, &recorded.importances["fanova"]] {
        assert_eq!(first(&ours), first(other), "{ours:?} for {other:?}");
    }
}

/// All charts of decisions of a study, with the name of each.
fn charts(study: &Study) -> Vec<(&'static str, Result<Chart>)> {
    vec![
        ("importance", study.importance()),
        ("importance_of_variance", study.importance_of_variance()),
        ("choices", study.choices()),
        ("interaction", study.interaction("0.choice", "1.choice")),
        ("interaction_best", study.interaction_best("0.choice", "1.choice")),
        ("interaction_rank", study.interaction_rank("0.choice", "1.choice")),
        ("parallel_coordinates", study.parallel_coordinates()),
    ]
}

#[test]
fn what_cannot_be_shown_is_refused_with_what_to_try() {
    let plan = |space: &Space| {
        Study::new(space, evaluator(|a, _| f64::from(a.decisions().len() as u32))).quiet()
    };
    let space = Space::decisions([3, 3]);
    for (name, chart) in charts(&plan(&space)) {
        let said = chart.unwrap_err().to_string();
        assert!(said.contains("0 trials") && said.contains("Try study.run()"), "{name}: {said}");
    }
    let run = plan(&space).trials(9).strategy(Grid).run().unwrap();
    let said = run.interaction("0.choise", "1.choice").unwrap_err().to_string();
    assert!(said.contains("\"0.choise\"") && said.ends_with("Try \"0.choice\"."), "{said}");
    let said = run.importance_for_best(1.0).unwrap_err().to_string();
    assert!(said.ends_with("Try 0.1."), "{said}");
    let single = Space::new([8], Task::classification(2)).then(linear(4));
    let single = plan(&single).trials(2).duplicates(Duplicates::Repeat).run().unwrap();
    let said = single.importance().unwrap_err().to_string();
    assert!(said.contains("a single architecture"), "{said}");
    let deep = Space::new([8], Task::classification(2))
        .then(repeat(1..=1000, linear(any([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]))));
    let deep = plan(&deep).trials(2).run().unwrap();
    let said = deep.choices().unwrap_err().to_string();
    assert!(said.contains("at most 10000"), "{said}");
}

/// Equal scores, failures, scores that are not numbers, and losses.
#[test]
fn any_study_with_two_scores_can_be_shown() {
    let space = Space::decisions([3, 3]);
    let evaluators: [fn(&Architecture, &Budget) -> Result<f64>; 4] = [
        |_, _| Ok(0.5),
        |a, _| match a.decisions()[0] {
            0 => Err(Error::new(ErrorKind::User, "no")),
            d => Ok(f64::from(d)),
        },
        |a, _| Ok(if a.decisions()[1] == 2 { f64::NAN } else { 1e300 }),
        |a, _| Ok(-f64::from(a.decisions()[0])),
    ];
    for evaluate in evaluators {
        let study = Study::new(&space, evaluator(evaluate)).quiet().strategy(Grid).trials(9);
        let study = study.run().unwrap();
        for (name, chart) in charts(&study) {
            let chart = chart.unwrap_or_else(|e| panic!("{name}: {e}"));
            assert!(chart.svg().starts_with("<svg") && !chart.plain().is_empty(), "{name}");
        }
    }
}

/// Scores after few epochs are not compared with scores after many, and a result that was reused counts once.
#[test]
fn only_trials_that_can_be_compared_count() {
    let space = Space::decisions([4, 4, 4]);
    let sum =
        evaluator(|a: &Architecture, b: &Budget| (a.identity() as f64) * b.epochs_allowed() as f64);
    let plan = Study::new(&space, sum.epochs(9)).batch(1).seed(1).quiet();
    let halved = plan.strategy(SuccessiveHalving::new()).trials(39).run().unwrap();
    let said = halved.importance().unwrap().plain();
    assert!(said.contains("the 3 trials with 9 epochs"), "{said}");
    let again =
        Study::new(&Space::decisions([2, 2]), evaluator(|a, _| f64::from(a.decisions()[0])));
    let again = again.quiet().batch(1).trials(50).run().unwrap();
    assert!(again.trials_done().len() == 50);
    assert!(again.importance().unwrap().plain().contains("4 trials"));
}

/// A decision with thousands of options has too many pairs, and a space with one architecture has none.
#[test]
fn what_cannot_be_shown_says_why() {
    let wide = Space::decisions([5000]);
    let study = Study::new(&wide, evaluator(|a, _| f64::from(a.decisions()[0])));
    let study = study.trials(20).quiet().run().unwrap();
    let said = study.interaction("choice", "choice").unwrap_err().to_string();
    assert!(said.contains("5000 by 5000") && said.contains("study.choices()"), "{said}");
    let one = Study::new(&Space::decisions([1, 1]), evaluator(|_, _| 1.0)).trials(5).quiet();
    let said = one.run().unwrap().importance().unwrap_err().to_string();
    assert!(said.contains("a single architecture"), "{said}");
}
