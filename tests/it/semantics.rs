//! The contracts that everything else relies on. A change here is a decision, argued in its commit.
//!
//! 1. batch and jobs   2. identity and canonical form   3. duplicates
//! 4. budget and fidelity   5. task

use nascent::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// 5 x 5 x 5 decisions over linear layers: cheap to score by hand.
fn space() -> Space {
    Space::new([8], Task::classification(3))
        .then(linear(any([4, 5, 6, 7, 8])))
        .then(linear(any([4, 5, 6, 7, 8])))
        .then(linear(any([4, 5, 6, 7, 8])))
}

/// A score that depends on the decisions and, a little, on the seed.
fn score(arch: &Architecture, seed: u64) -> f64 {
    arch.decisions().iter().map(|&d| d as f64).sum::<f64>() / 12.0 + (seed % 1000) as f64 * 1e-6
}

// ---------------------------------------------------------------------------------- 1. batch, jobs

/// Trial n sees the results of trials 0..=n-q, exactly those, whatever the threads do.
#[test]
fn batch_decides_what_a_trial_may_know() {
    for q in [1, 2, 4, 7] {
        let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
        let log = seen.clone();
        let spy = strategy("spy", move |history, rng| {
            let finished: Vec<usize> = history.finished().iter().map(|t| t.number()).collect();
            log.lock().unwrap().push((history.asked(), finished));
            history.space().sample(rng)
        });
        // Later trials end sooner, so completions arrive out of order.
        let slow = evaluator(|arch, budget| {
            std::thread::sleep(Duration::from_millis(budget.seed() % 7));
            score(arch, budget.seed())
        });
        let study = Study::new(&space(), slow).strategy(spy).trials(20).batch(q).jobs(4).quiet();
        study.run().unwrap();
        for (n, finished) in seen.lock().unwrap().iter() {
            let expected: Vec<usize> = (0..(n + 1).saturating_sub(q)).collect();
            assert_eq!(finished, &expected, "batch {q}, trial {n}");
        }
    }
}

#[test]
fn at_most_batch_trials_run_at_once() {
    for (q, jobs, most) in [(1, 8, 1), (3, 8, 3), (4, 2, 2)] {
        let (now, peak) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (n, p) = (now.clone(), peak.clone());
        let watch = evaluator(move |arch, budget| {
            p.fetch_max(n.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(3));
            n.fetch_sub(1, Ordering::SeqCst);
            score(arch, budget.seed())
        });
        Study::new(&space(), watch).trials(24).batch(q).jobs(jobs).quiet().run().unwrap();
        let peak = peak.load(Ordering::SeqCst);
        assert!(peak <= most, "batch {q}, jobs {jobs}: {peak} at once");
        assert!(q == 1 || peak > 1, "batch {q}, jobs {jobs}: nothing ran side by side");
    }
}

#[test]
fn jobs_never_change_a_result() {
    let run = |jobs: usize| {
        let noisy = evaluator(|arch, budget| {
            std::thread::sleep(Duration::from_micros(budget.rng().below(2000) as u64));
            score(arch, budget.seed())
        });
        Study::new(&space(), noisy)
            .strategy(Evolution::regularized())
            .trials(60)
            .seed(3)
            .jobs(jobs)
            .quiet()
            .run()
            .unwrap()
    };
    let lines = |s: &Study| s.trials_done().iter().map(|t| t.line()).collect::<Vec<_>>();
    let one = run(1);
    assert_eq!(one.trials_done().len(), 60);
    for jobs in [2, 3, 8] {
        assert_eq!(lines(&one), lines(&run(jobs)), "jobs {jobs}");
    }
}

#[test]
fn batch_defaults_to_four_and_one_is_sequential() {
    let study = Study::new(&space(), evaluator(|arch, budget| score(arch, budget.seed())));
    assert_eq!(study.protocol().batch, 4);
    assert_eq!(study.batch(1).protocol().batch, 1);
}

// ------------------------------------------------------------------ 2. identity and canonical form

fn skippy() -> Space {
    let layer = || one_of([skip(), conv(4, 3)]);
    Space::new([1, 6, 6], Task::classification(2)).then(layer()).then(layer())
}

#[test]
fn identity_is_the_decisions() {
    let space = skippy();
    let (a, b) = (space.decode([0, 1]).unwrap(), space.decode([1, 0]).unwrap());
    assert_ne!(a, b);
    assert_ne!(a.identity(), b.identity());
    assert_eq!(a, space.decode([0, 1]).unwrap());
    // The canonical key: skip-then-conv and conv-then-skip are one network.
    assert_eq!(a.canonical(), b.canonical());
    assert_ne!(a.canonical(), space.decode([1, 1]).unwrap().canonical());
    assert_ne!(a.canonical(), space.decode([0, 0]).unwrap().canonical());
}

#[test]
fn canonical_form_is_opted_into() {
    let paid = |key: Option<Key>| {
        let calls = Arc::new(AtomicUsize::new(0));
        let c = calls.clone();
        let count = evaluator(move |_, _| c.fetch_add(1, Ordering::SeqCst) as f64);
        let study = Study::new(&skippy(), count).strategy(Grid).trials(10).quiet();
        let study = if let Some(key) = key { study.key(key) } else { study };
        assert_eq!(study.run().unwrap().trials_done().len(), 4);
        calls.load(Ordering::SeqCst)
    };
    assert_eq!(paid(None), 4);
    assert_eq!(paid(Some(Key::Identity)), 4);
    assert_eq!(paid(Some(Key::Canonical)), 3);
}

// -------------------------------------------------------------------------------- 3. duplicates

fn pair() -> Space {
    Space::new([4], Task::classification(2)).then(linear(any([2, 3])))
}

fn duplicates(mode: Option<Duplicates>) -> (Study, usize) {
    let calls = Arc::new(AtomicUsize::new(0));
    let c = calls.clone();
    let count = evaluator(move |arch, budget| {
        c.fetch_add(1, Ordering::SeqCst);
        score(arch, budget.seed())
    });
    let study = Study::new(&pair(), count).strategy(Random).trials(12).jobs(2).quiet();
    let study = if let Some(mode) = mode { study.duplicates(mode) } else { study };
    (study.run().unwrap(), calls.load(Ordering::SeqCst))
}

#[test]
fn reuse_returns_the_stored_result_and_counts_the_trial() {
    for mode in [None, Some(Duplicates::Reuse)] {
        let (study, calls) = duplicates(mode);
        let trials = study.trials_done();
        assert_eq!((trials.len(), calls), (12, 2));
        for t in &trials {
            let first = trials.iter().find(|o| o.architecture() == t.architecture()).unwrap();
            assert_eq!(t.score(), first.score());
            assert_eq!(t.reused_from(), (first.number() != t.number()).then(|| first.number()));
        }
        assert_eq!(study.epochs_paid(), 2.0);
    }
}

#[test]
fn repeat_evaluates_and_pays_again() {
    let (study, calls) = duplicates(Some(Duplicates::Repeat));
    assert_eq!((study.trials_done().len(), calls), (12, 12));
    let mut scores: Vec<_> = study.trials_done().iter().map(|t| t.score().unwrap()).collect();
    scores.sort_by(f64::total_cmp);
    scores.dedup();
    assert!(scores.len() > 2, "each repeat has a seed of its own: {scores:?}");
    assert_eq!(study.epochs_paid(), 12.0);
}

#[test]
fn forbid_asks_again_and_ends_with_the_space() {
    let (study, calls) = duplicates(Some(Duplicates::Forbid));
    assert_eq!((study.trials_done().len(), calls), (2, 2));
    assert!(study.ended().contains("exhausted"), "{}", study.ended());
}

// ---------------------------------------------------------------------- 4. budget and fidelity

fn tiny() -> (Dataset, Space) {
    let data = Dataset::digits().take(160);
    let space = Space::on(&data)
        .then(conv(any([4, 6]), 3))
        .then(one_of([dropout(0.2), skip()]))
        .then(global_avg_pool());
    (data, space)
}

fn bits(curve: &[f64]) -> Vec<u64> {
    curve.iter().map(|v| v.to_bits()).collect()
}

#[test]
fn an_evaluation_is_a_pure_function() {
    let (data, space) = tiny();
    let train = Train::on(&data).epochs(3);
    let arch = space.decode([1, 0]).unwrap();
    let run = |seed: u64| train.evaluate(&arch, &Budget::new(3, 3, seed)).unwrap();
    let (a, b, c) = (run(7), run(7), run(8));
    assert_eq!(bits(&a.losses()), bits(&b.losses()));
    assert_eq!(a.score().to_bits(), b.score().to_bits());
    assert_ne!(bits(&a.losses()), bits(&c.losses()));
}

#[test]
fn a_shorter_fidelity_is_a_prefix_of_a_longer_one() {
    let (data, space) = tiny();
    let train = Train::on(&data).epochs(4);
    let arch = space.decode([0, 0]).unwrap();
    let long = train.evaluate(&arch, &Budget::new(4, 4, 1)).unwrap();
    for epochs in 1..4 {
        let short = train.evaluate(&arch, &Budget::new(epochs, 4, 1)).unwrap();
        assert_eq!(bits(&short.losses()), bits(&long.losses()[..epochs]), "{epochs} of 4");
        assert_eq!(bits(&short.curve()), bits(&long.curve()[..epochs]), "{epochs} of 4");
    }
}

#[test]
fn training_continues_bit_equal() {
    let (data, space) = tiny();
    let arch = space.decode([1, 0]).unwrap(); // with dropout: its stream must go on as well
    for optimizer in [Optimizer::adamw(), Optimizer::sgd(0.9).nesterov()] {
        let train = Train::on(&data).epochs(4).optimizer(optimizer);
        let mut whole = train.start(&arch, 5).unwrap();
        whole.advance(4).unwrap();
        let mut first = train.start(&arch, 5).unwrap();
        first.advance(2).unwrap();
        let bytes = first.checkpoint().unwrap().to_bytes();
        drop(first);
        let kept = Checkpoint::from_bytes(&bytes).unwrap();
        let mut second = train.resume(&arch, &kept).unwrap();
        assert_eq!(second.epoch(), 2);
        second.advance(2).unwrap();
        assert_eq!(bits(&whole.evaluation().losses()), bits(&second.evaluation().losses()));
        let (w, s) = (whole.checkpoint().unwrap(), second.checkpoint().unwrap());
        assert!(w.to_bytes() == s.to_bytes(), "weights, statistics and optimiser state differ");
    }
}

// ----------------------------------------------------------------------------------------- 5. task

#[test]
fn the_task_decides_head_loss_metrics_and_direction() {
    let names = |t: &Task| -> Vec<(String, bool)> {
        t.metrics().iter().map(|m| (m.name.clone(), m.maximise)).collect()
    };
    let is = |name: &str, up: bool| (name.to_string(), up);

    let classes = Task::classification(10);
    assert_eq!(classes.loss(), "cross-entropy");
    assert_eq!(names(&classes), [is("accuracy", true), is("loss", false)]);

    let values = Task::regression(2);
    assert_eq!(values.loss(), "mean squared error");
    assert_eq!(names(&values), [is("rmse", false), is("r2", true), is("loss", false)]);

    let text = Task::next_token(27);
    assert_eq!(text.loss(), "cross-entropy");
    assert_eq!(names(&text), [is("perplexity", false), is("accuracy", true), is("loss", false)]);

    // The head: one output a class, a target, a symbol.
    for (task, input, outputs) in
        [(classes, vec![5], vec![10]), (values, vec![5], vec![2]), (text, vec![12], vec![12, 27])]
    {
        let body = if outputs.len() == 2 { embedding(8) } else { linear(4) };
        let space = Space::new(input, task).then(body);
        let arch = space.default_architecture().unwrap();
        assert_eq!(arch.output().dims(), outputs);
    }
}

#[test]
fn every_task_trains_and_its_direction_picks_the_best() {
    let mut rng = Rng::new(1);
    let x: Vec<f32> = (0..200 * 3).map(|_| rng.normal() as f32).collect();
    let y: Vec<f32> = x.chunks(3).map(|r| r[0] - 2.0 * r[1] + 0.5 * r[2]).collect();
    let line = Dataset::regression("line", x, [3], y, 1).unwrap();
    let text: Vec<u32> = (0..2000).map(|i| [0, 1, 2, 1][i % 4]).collect();
    let text = Dataset::next_token("cycle", &text, 8, 3).unwrap();
    for (data, body, up) in
        [(line, linear(any([2, 8, 16])), false), (text, embedding(any([2, 4, 8])), false)]
    {
        let space = Space::on(&data).then(body);
        let study = Study::new(&space, Train::on(&data).epochs(5)).trials(4).quiet().run().unwrap();
        assert_eq!(study.metric().maximise, up);
        let scores: Vec<f64> = study.trials_done().iter().filter_map(|t| t.score()).collect();
        let best = study.best().unwrap().score().unwrap();
        assert_eq!(best, scores.iter().copied().fold(f64::INFINITY, f64::min));
    }
}
