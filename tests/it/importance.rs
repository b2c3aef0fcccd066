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
