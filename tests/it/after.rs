//! After a search: finals on fresh seeds, other data, and the bill.

use crate::help::{Folder, says};
use nascent::IntoEvaluator;
use nascent::prelude::*;

/// A sum, with noise by the seed.
fn noisy(sd: f64) -> AnyEvaluator {
    evaluator(move |a, b| a.decisions().iter().sum::<u32>() as f64 + sd * b.rng().normal())
}

fn searched(sd: f64) -> Study {
    let space = Space::decisions([8, 8]);
    Study::new(&space, noisy(sd)).trials(60).seed(4).quiet().run().unwrap()
}

#[test]
fn the_better_one_wins_and_looks_end_early() {
    let finals = searched(0.1).finals(3).seeds(64).quiet().run().unwrap();
    let winner = finals.winner().expect("differences of ten times the noise");
    let means = finals.means();
    let best = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let at = finals.trials().iter().position(|t| t.number() == winner.number()).unwrap();
    assert_eq!(means[at], best);
    assert!(finals.seeds() < 64, "{}", finals.seeds());
    assert!(finals.to_string().contains("ahead"), "{finals}");
}

#[test]
fn equals_are_not_told_apart() {
    let space = Space::decisions([8, 8]);
    let luck = evaluator(|_, b| b.rng().normal());
    let mut won = 0;
    for seed in 0..20 {
        let study = Study::new(&space, &luck).trials(30).seed(seed).quiet().run().unwrap();
        let finals = study.finals(3).seeds(16).quiet().run().unwrap();
        won += usize::from(finals.winner().is_some());
        assert_eq!(finals.optimism().len(), 3);
        assert!(finals.optimism()[0] > 0.5, "the best of 30 draws: {:?}", finals.optimism());
    }
    assert!(won <= 3, "{won} of 20 at a level of 0.05");
}

#[test]
fn finals_go_on_from_their_journal() {
    let folder = Folder::new("finals");
    let study = searched(1.0);
    let path = folder.file("finals.jsonl");
    let plan = study.finals(3).seeds(16).quiet();
    let whole = plan.run().unwrap();
    let kept = plan.journal(&path).run().unwrap();
    let again = plan.journal(&path).jobs(1).run().unwrap();
    for other in [&kept, &again] {
        assert_eq!(whole.means(), other.means());
        assert_eq!(whole.verdict(), other.verdict());
    }
    // More seeds go on as well, with other looks.
    assert!(
        study.finals(3).seeds(24).quiet().journal(&path).run().unwrap().seeds() >= kept.seeds()
    );
}

#[test]
fn finals_without_finalists_are_refused() {
    let study = searched(1.0);
    says(study.finals(1).run(), &["finals(1)", "at least 2", "finals(3)"]);
    says(study.finals(3).seeds(0).run(), &["seeds(0)"]);
    let one = Study::new(&Space::decisions([1]), noisy(0.0)).trials(1).quiet().run().unwrap();
    says(one.finals(2).run(), &["two architectures", "there is 1"]);
}

fn digits() -> (Dataset, Space) {
    let digits = Dataset::digits().take(300);
    let space = Space::on(&digits).then(flatten()).then(linear(any([2, 8, 32, 64]))).then(relu());
    (digits, space)
}

#[test]
fn an_order_carries_over_or_not() {
    let (digits, space) = digits();
    let study = Study::new(&space, Train::on(&digits).epochs(3)).strategy(Grid).trials(4);
    let study = study.quiet().run().unwrap();
    let other = Dataset::mnist1d().take(400);
    let found = study.transfer(&other).top(4).seeds(2).quiet().run().unwrap();
    assert_eq!(found.networks().iter().map(|(_, s)| s.len()).collect::<Vec<_>>(), [2; 4]);
    let one = study.transfer(&other).top(4).seeds(2).jobs(1).quiet().run().unwrap();
    assert_eq!(found.to_string(), one.to_string());
    let (tau, low, high) = found.tau().unwrap();
    assert!(low <= tau && tau <= high && (-1.0..=1.0).contains(&tau));
    assert!(found.regret() >= 0.0 && found.chart().svg().contains("mnist1d"));
    says(study.transfer(&other).top(1).run(), &["top(1)", "at least 2"]);
    says(study.transfer(&other).seeds(0).run(), &["seeds(0)", "seeds(3)"]);
}

/// The same order, and the order turned around.
#[test]
fn tau_tells_the_direction() {
    let (digits, space) = digits();
    let study = Study::new(&space, evaluator(|a, _| a.params() as f64)).strategy(Grid).trials(4);
    let study = study.quiet().run().unwrap();
    for (sign, expected) in [(1.0, 1.0), (-1.0, -1.0)] {
        let judge = evaluator(move |a, _| sign * a.params() as f64);
        let found = study.transfer(&digits).with(judge).seeds(1).quiet().run().unwrap();
        assert_eq!(found.tau().unwrap().0, expected);
        let loss = evaluator(move |a, _| -sign * a.params() as f64).minimise();
        let found = study.transfer(&digits).with(loss).seeds(1).quiet().run().unwrap();
        assert_eq!(found.tau().unwrap().0, expected, "a loss that falls is a score that grows");
    }
}

#[test]
fn the_bill_is_what_was_trained() {
    let (digits, space) = digits();
    let study = Study::new(&space, Train::on(&digits).epochs(2)).trials(3).quiet().run().unwrap();
    let bill = study.bill();
    let samples = digits.sizes().0 as f64;
    let macs: f64 = study
        .trials_done()
        .iter()
        .filter(|t| t.reused_from().is_none())
        .map(|t| t.architecture().macs() as f64)
        .sum();
    assert_eq!(bill.multiply_adds(), Some(3.0 * samples * 2.0 * macs));
    let hours = (bill.seconds() + bill.overhead()) / 3600.0;
    assert!((bill.watts(100.0).watt_hours() - 100.0 * hours).abs() < 1e-9);
    assert!((bill.watts(100.0).grams_per_kwh(500.0).grams_of_co2e() - 50.0 * hours).abs() < 1e-9);
    assert!(bill.forecast().is_some_and(|f| f > 0.0));
    assert!(study.report().plain().contains("CO2e"), "{}", study.report().plain());
    assert!(study.explain().to_string().contains("forecast"), "{}", study.explain());
    // What is looked up costs nothing here.
    let bench = NasBench201::cifar10();
    let table = Study::new(&bench.space(), &bench).trials(5).quiet().run().unwrap();
    assert_eq!(table.bill().multiply_adds(), None);
    assert!(table.bill().simulated_seconds() > 0.0 && table.bill().seconds() < 1.0);
}

/// A loss in the search and a score elsewhere: regret and axes are those of the other data.
#[test]
fn regret_is_in_the_units_of_the_other_data() {
    let (digits, space) = digits();
    let loss = evaluator(|a: &Architecture, _: &Budget| 1.0 / a.params() as f64).minimise();
    let study =
        Study::new(&space, loss).trials(4).duplicates(Duplicates::Forbid).quiet().run().unwrap();
    // The largest network is best in the search, the smallest elsewhere.
    let other = evaluator(|a: &Architecture, _: &Budget| -(a.params() as f64));
    let found = study.transfer(&digits).with(other).seeds(1).quiet().run().unwrap();
    let sizes: Vec<f64> =
        found.networks().iter().map(|(t, _)| t.architecture().params() as f64).collect();
    let (first, least) = (sizes[0], sizes.iter().copied().fold(f64::MAX, f64::min));
    assert_eq!(found.regret(), first - least);
    assert_eq!(found.tau().unwrap().0, -1.0);
    let chart = found.chart().to_string();
    assert!(chart.contains("minus"), "one direction for both axes: {chart}");
}

#[test]
fn a_schedule_has_no_forecast_without_epochs() {
    let (digits, space) = digits();
    let train = Train::on(&digits).epochs(4);
    let plan = Study::new(&space, &train).strategy(SuccessiveHalving::new()).quiet();
    let by_trials = plan.trials(6).run().unwrap();
    assert_eq!(by_trials.bill().forecast(), None, "nobody knows how many epochs six trials are");
    let by_epochs = plan.epochs(8).run().unwrap();
    assert!(by_epochs.bill().forecast().is_some_and(|f| f > 0.0));
    // However fast the machine is, it is not nothing.
    let said = by_epochs.bill().watts(1e-3).to_string();
    assert!(said.contains("µWh") && !said.contains(" 0 "), "{said}");
}

#[test]
fn finals_of_shared_and_inherited_weights_train_by_themselves() {
    let (digits, space) = digits();
    let train = Train::on(&digits).epochs(2).batch_size(50);
    let net = Supernet::on(&space, &train).train(1).unwrap();
    let study = Study::new(&space, &net).trials(4).quiet().run().unwrap();
    let finals = study.finals(2).seeds(3).quiet().run().unwrap();
    assert!(finals.means().iter().all(|m| m.is_finite()));
    assert!(finals.comparison().spread().svg().contains("<svg"));
    assert!(finals.optimism().iter().all(|o| o.is_nan()), "two measures");
    assert!(finals.to_string().contains("shared weights"), "{finals}");

    // A price on top makes a score of one's own, which has no fresh seeds; another name does not.
    struct Priced(Supernet);
    impl Evaluator for Priced {
        fn evaluate(&self, a: &Architecture, b: &Budget) -> Result<Evaluation> {
            Ok(Evaluation::new(
                Evaluator::evaluate(&self.0, a, b)?.score() - 1e-6 * a.params() as f64,
            ))
        }
        fn wraps(&self) -> Option<&dyn Evaluator> {
            Some(&self.0)
        }
    }
    let priced = Study::new(&space, Priced(net.clone())).trials(4).quiet().run().unwrap();
    says(priced.finals(2).quiet().run(), &["scores of its own", "around a Train"]);
    let named = (&net).into_evaluator().named("quality");
    let study = Study::new(&space, named).trials(4).quiet().run().unwrap();
    let finals = study.finals(2).seeds(2).quiet().run().unwrap();
    assert_eq!(finals.comparison().metric(), study.metric());

    let heirs = Evolution::regularized().inheriting();
    let study =
        Study::new(&space, &train).strategy(heirs).trials(12).seed(2).quiet().run().unwrap();
    let finals = study.finals(3).seeds(2).quiet().run().unwrap();
    if finals.trials().iter().any(|t| t.inherits().is_some()) {
        assert!(finals.to_string().contains("inherited weights"), "{finals}");
    }
}

#[test]
fn finals_of_a_begun_search_are_refused() {
    let (digits, space) = digits();
    let train = Train::on(&digits).epochs(9);
    let halving = SuccessiveHalving::new();
    let study =
        Study::new(&space, train).strategy(halving).trials(3).batch(1).quiet().run().unwrap();
    says(study.finals(2).quiet().run(), &["finals are full trainings, of 9 epochs", "more trials"]);
}

#[test]
fn fidelities_of_two_spaces_are_refused() {
    let (digits, space) = digits();
    let other = Space::on(&digits).then(flatten()).then(linear(any([3, 5])));
    let train = Train::on(&digits).epochs(2);
    let mixed = [space.default_architecture().unwrap(), other.default_architecture().unwrap()];
    let found = Fidelities::of(&mixed, &train).with("epochs", train.epochs(1)).quiet().run();
    says(found, &["different spaces", "space.different(20"]);
}

/// A journal does not say when a duplicate was asked for; it was not before its result was there.
#[test]
fn what_was_taken_over_is_not_at_the_beginning_of_time() {
    let folder = Folder::new("taken-over");
    let slow = evaluator(|a, _| {
        std::thread::sleep(std::time::Duration::from_millis(5));
        f64::from(a.identity() as u32 % 7)
    });
    let plan = Study::new(&Space::decisions([2, 2]), slow).strategy(Random).batch(1).jobs(1);
    let plan = plan.journal(folder.file("study.jsonl")).quiet();
    plan.trials(10).run().unwrap();
    let loaded = Study::load(folder.file("study.jsonl")).unwrap();
    assert!(loaded.trials_done().iter().any(|t| t.reused_from().is_some()));
    let nascent::chart::ChartData::BestSoFar(chart) = loaded.best_against_seconds().data() else {
        panic!("another chart")
    };
    assert!(chart.series[0].points.iter().all(|p| p.0 > 0.004), "{:?}", chart.series[0].points);
}
