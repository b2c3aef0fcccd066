//! Weights that trials inherit: where they come from, and that results stay pure functions.

use crate::help::{Folder, says};
use nascent::prelude::*;

fn data() -> Dataset {
    Dataset::digits().take(160)
}

fn space(data: &Dataset) -> Space {
    Space::on(data).then(repeat(1..=3, linear(any([8, 16, 24])))).then(linear(any([8, 16])))
}

/// All that a study has found.
fn exact(study: &Study) -> Vec<String> {
    let line = |t: &Trial| {
        let bits = |list: Vec<f64>| list.into_iter().map(f64::to_bits).collect::<Vec<_>>();
        let losses = t.evaluation().map(|e| (bits(e.curve()), bits(e.losses())));
        let (decisions, from) = (t.architecture().decisions(), t.inherits());
        format!("{} {decisions:?} {} {from:?} {losses:?}", t.number(), t.budget().seed())
    };
    study.trials_done().iter().map(line).collect()
}

fn plan(data: &Dataset, strategy: impl Strategy + 'static) -> Study {
    let train = Train::on(data).epochs(2).batch_size(16);
    Study::new(&space(data), train).strategy(strategy).trials(14).seed(3).quiet()
}

fn evolution() -> Evolution {
    Evolution::regularized().population(4).sample(3).inheriting()
}

/// On any number of threads, and from any line of its journal: what is not in memory is trained again.
#[test]
fn an_inheriting_search_is_resumed_as_it_was() {
    let (data, folder) = (data(), Folder::new("inherit"));
    let whole = plan(&data, evolution()).jobs(1).run().unwrap();
    let trials = whole.trials_done();
    let grandchildren =
        trials.iter().filter_map(Trial::inherits).filter(|&n| trials[n].inherits().is_some());
    assert!(grandchildren.count() > 1, "{:?}", exact(&whole));
    assert_eq!(exact(&whole), exact(&plan(&data, evolution()).jobs(4).run().unwrap()));
    let path = folder.file("search.jsonl");
    plan(&data, evolution()).journal(&path).run().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(r#""inherits":"#) && text.contains("inherited weights"));
    let lines: Vec<String> = text.lines().map(String::from).collect();
    for n in [2, lines.len() / 2, lines.len() - 6, lines.len() - 2] {
        std::fs::write(&path, lines[..n].join("\n") + "\n").unwrap();
        let again = plan(&data, evolution()).journal(&path).run().unwrap();
        assert_eq!(exact(&whole), exact(&again), "from line {n}");
    }
}

/// A child of the same architecture begins where its parent ended, and so does one that goes on training.
#[test]
fn a_child_begins_where_its_parent_ended() {
    let data = data();
    let same = |inherits: bool| {
        strategy("the same", move |h, rng| {
            let Some(first) = h.visible().first().cloned() else {
                return Ok(Proposal::new(h.space().sample(rng)?, "random"));
            };
            let child = Proposal::child(first.architecture(), &first);
            Ok(if inherits { child.inheriting(&first) } else { child })
        })
    };
    let run = |inherits: bool| {
        let plan = plan(&data, same(inherits)).batch(1).trials(2);
        plan.duplicates(Duplicates::Repeat).run().unwrap()
    };
    let (with, without) = (run(true), run(false));
    let losses = |s: &Study, n: usize| s.trials_done()[n].evaluation().unwrap().losses();
    assert_eq!(losses(&with, 0), losses(&without, 0));
    let (parent, child, alone) = (losses(&with, 0), losses(&with, 1), losses(&without, 1));
    assert!(child[0] < parent[1] && parent[1] < alone[0], "{parent:?} {child:?} {alone:?}");
    assert_eq!(with.epochs_paid(), 4.0, "it pays for its own epochs");
    // The network of a trial has what it inherited.
    let found = with.trials_done()[1].evaluation().unwrap();
    let model = with.model(&with.trials_done()[1]).unwrap();
    let (x, y) = data.tensors(Split::Validation).unwrap();
    let classes = model.forward(&x).unwrap().argmax(1).unwrap();
    let right = classes.eq(&y.flatten_all().unwrap()).unwrap().to_dtype(DType::F32).unwrap();
    let accuracy = f64::from(right.mean_all().unwrap().to_scalar::<f32>().unwrap());
    assert!((accuracy - found.score()).abs() < 1e-6, "{accuracy} {}", found.score());
}

/// A schedule goes on with a training that inherits, from the weights that it began with.
#[test]
fn what_inherits_can_go_on() {
    let data = data();
    let train = Train::on(&data).epochs(4).batch_size(16);
    let plan = Study::new(&space(&data), &train)
        .strategy(SuccessiveHalving::new().reduction(2).of(evolution()))
        .trials(24)
        .seed(1)
        .quiet();
    let whole = plan.jobs(1).run().unwrap();
    let trials = whole.trials_done();
    let on = |t: &&Trial| t.continues().is_some() && t.inherits().is_some();
    assert!(trials.iter().any(|t| on(&t)), "{:?}", exact(&whole));
    for t in trials.iter().filter(on) {
        assert_eq!(t.inherits(), trials[t.continues().unwrap()].inherits());
    }
    assert_eq!(exact(&whole), exact(&plan.jobs(4).run().unwrap()));
    let folder = Folder::new("inherit-on");
    let path = folder.file("search.jsonl");
    plan.journal(&path).run().unwrap();
    let lines: Vec<String> =
        std::fs::read_to_string(&path).unwrap().lines().map(String::from).collect();
    std::fs::write(&path, lines[..lines.len() - 9].join("\n") + "\n").unwrap();
    assert_eq!(exact(&whole), exact(&plan.journal(&path).run().unwrap()));
}

#[test]
fn an_heir_needs_a_trial_that_has_finished() {
    let data = data();
    let picky = strategy("picky", |h, rng| {
        let child = Proposal::new(h.space().sample(rng)?, "x");
        Ok(match h.visible().first() {
            Some(first) => child.inheriting(first),
            None => child,
        })
    });
    let failing = evaluator(|_, _| Err::<f64, _>(Error::from("no")));
    let study = Study::new(&space(&data), failing).strategy(picky).batch(1).trials(3).quiet();
    let ended = study.run().unwrap().ended();
    for part in ["inherits from trial 0", "it has failed", "history.finished()"] {
        assert!(ended.contains(part), "{ended}");
    }
    // A table has no weights, and takes no notice.
    let table = NasBench201::cifar10();
    let run = |evolution: Evolution| {
        Study::new(&table.space(), &table).strategy(evolution).trials(60).quiet().run().unwrap()
    };
    let plain = run(Evolution::regularized().population(10).sample(3));
    let heirs = run(Evolution::regularized().population(10).sample(3).inheriting());
    let scores = |s: &Study| s.trials_done().iter().map(Trial::score).collect::<Vec<_>>();
    assert_eq!(scores(&plain), scores(&heirs));
    says(heirs.model(&heirs.best().unwrap()), &["leaves none", "Train::on(&data)"]);
}

/// Auto-Keras is the same on any number of threads, goes on from its journal, and is found by its name.
#[test]
fn auto_keras_is_repeated_and_resumed() {
    let folder = Folder::new("autokeras");
    let data = Dataset::digits().take(200);
    let space = Space::on(&data).then(repeat(1..=3, linear(any([4, 8, 16]))));
    let auto = AutoKeras::new().candidates(20);
    let plan = Study::new(&space, Train::on(&data).epochs(1)).strategy(&auto).trials(10).seed(2);
    let plan = plan.quiet();
    let one = plan.jobs(1).run().unwrap();
    assert_eq!(one.failed().len(), 0, "{one}");
    assert!(one.trials_done().iter().any(|t| t.inherits().is_some()));
    assert_eq!(exact(&one), exact(&plan.jobs(3).run().unwrap()));
    let path = folder.file("study.jsonl");
    plan.journal(&path).run().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for n in [4, 11] {
        std::fs::write(&path, lines[..n].join("\n") + "\n").unwrap();
        assert_eq!(exact(&one), exact(&Study::resume(&path).unwrap().quiet().run().unwrap()));
    }
    // By name, where strategies are named; not in the table.
    assert!(!nascent::strategies().iter().any(|row| row.name == "autokeras"));
    let named = Compare::new(&space, evaluator(|a, _| a.params() as f64)).strategies(["autokeras"]);
    assert_eq!(named.problems(), [""; 0]);
}

/// Two strategies of one plan may train the same architecture from the same seed and from other weights: what the
/// first left on the shelf is not the second's.
#[test]
fn studies_of_one_plan_do_not_inherit_from_each_other() {
    let data = data();
    // Trial 1 is the same architecture in both, and begins with the weights of another trial 0.
    let line = |first: usize| {
        strategy(&format!("from {first}"), move |h, _| {
            let all = h.space().all()?;
            let at = |n: usize| all[n % all.len()].clone();
            Ok(match h.visible().last() {
                None => Proposal::new(at(first), "first").heritable(),
                Some(last) => {
                    let next = [7, 8][h.asked() - 1];
                    Proposal::child(at(next), last).inheriting(last).heritable()
                }
            })
        })
    };
    let train = Train::on(&data).epochs(1).batch_size(16);
    let plan = || Study::new(&space(&data), &train).batch(1).trials(3).seed(5).quiet();
    let alone = plan().strategy(line(2)).run().unwrap();
    let other = plan().strategy(line(1)).run().unwrap();
    assert_ne!(exact(&alone)[1], exact(&other)[1], "the ancestor matters");
    let both = plan().strategy(line(1));
    both.run().unwrap();
    assert_eq!(exact(&both.strategy(line(2)).run().unwrap()), exact(&alone));
}

/// With checkpoints, what was paused is beside the journal, and another process goes on with it.
#[test]
fn what_is_paused_outlives_the_process() {
    let (data, folder) = (data(), Folder::new("shelf"));
    let train = Train::on(&data).epochs(4).batch_size(16);
    let schedule = || SuccessiveHalving::new().reduction(2).of(evolution());
    let plan = || Study::new(&space(&data), &train).strategy(schedule()).seed(1).quiet();
    let whole = plan().trials(24).run().unwrap();
    let path = folder.file("search.jsonl");
    let kept = |ending: &str| {
        let all = std::fs::read_dir(path.parent().unwrap()).unwrap().map(|e| e.unwrap().path());
        all.filter(|p| p.to_string_lossy().ends_with(ending)).collect::<Vec<_>>()
    };
    let again = plan().trials(15).journal(&path).checkpoints().run().unwrap();
    assert_eq!(exact(&again)[..], exact(&whole)[..15]);
    assert!(!kept(".paused").is_empty() && !kept(".weights").is_empty());
    // A new study, as in a new process: with what is there, with damaged files, and with none.
    let journal = std::fs::read(&path).unwrap();
    let resumed = || {
        std::fs::write(&path, &journal).unwrap();
        exact(&plan().trials(24).journal(&path).checkpoints().run().unwrap())
    };
    assert_eq!(resumed(), exact(&whole));
    for file in kept(".paused").iter().chain(&kept(".weights")) {
        let bytes = std::fs::read(file).unwrap();
        std::fs::write(file, &bytes[..bytes.len() / 2]).unwrap();
    }
    assert_eq!(resumed(), exact(&whole));
    kept(".paused").iter().chain(&kept(".weights")).for_each(|f| std::fs::remove_file(f).unwrap());
    assert_eq!(resumed(), exact(&whole));
    // Within a limit: room for a few of these networks, and for none.
    for most in [200_000, 0] {
        kept(".paused")
            .iter()
            .chain(&kept(".weights"))
            .for_each(|f| std::fs::remove_file(f).unwrap());
        std::fs::write(&path, &journal).unwrap();
        let plan = plan().trials(24).shelf(most).journal(&path).checkpoints();
        assert_eq!(exact(&plan.run().unwrap()), exact(&whole));
        let sizes = kept(".paused").into_iter().chain(kept(".weights"));
        let bytes: u64 = sizes.map(|f| f.metadata().unwrap().len()).sum();
        assert!(bytes <= most as u64, "{bytes} of {most}");
    }
    says(plan().shelf(-1).run(), &["shelf(-1)", "shelf(0)"]);
    says(plan().shelf(100).run(), &["shelf(100)", "alone take", "Try shelf("]);
}
