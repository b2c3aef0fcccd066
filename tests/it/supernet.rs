//! Weight sharing: what paths have in common, what is scored, and what is refused.

use crate::help::{Folder, lines, says};
use nascent::chart::ChartData;
use nascent::prelude::*;

fn data() -> Dataset {
    Dataset::digits().take(400)
}

/// Two places with three operations each, after a stem that all paths have.
fn space() -> Space {
    space_on(&data())
}

fn space_on(data: &Dataset) -> Space {
    let op = one_of([conv(same(), 3), conv(same(), 1), zero()]);
    let edges = [vec![op.clone()], vec![op.clone(), op]];
    Space::on(data).then(conv(8, 3)).then(cell(edges)).then(global_avg_pool())
}

fn train() -> Train {
    Train::on(&data()).epochs(3).optimizer(Optimizer::sgd(0.9).learning_rate(0.05))
}

fn weights(model: &Model) -> Vec<(String, Vec<f32>)> {
    let values = |v: &candle_core::Var| v.flatten_all().unwrap().to_vec1().unwrap();
    model.named_vars().iter().map(|(name, v)| (name.clone(), values(v))).collect()
}

/// The weights of a model by what comes behind the number of the layer.
fn of_layer(model: &Model, number: usize) -> Vec<Vec<f32>> {
    let begin = format!("{number}.");
    weights(model).into_iter().filter(|(n, _)| n.starts_with(&begin)).map(|(_, v)| v).collect()
}

#[test]
fn paths_share_what_they_have_in_common() {
    let (space, supernet) = (space(), Supernet::on(&space(), &train()).quiet().train(1).unwrap());
    let arch = |picks: [u32; 3]| space.decode(picks).unwrap();
    let extract = |picks| supernet.extract(&arch(picks)).unwrap();
    let (a, b, c) = (extract([0, 0, 2]), extract([0, 1, 2]), extract([1, 0, 2]));
    // The stem, and the first edge, which a and b have in common.
    assert_eq!(of_layer(&a, 1), of_layer(&b, 1));
    assert_eq!(of_layer(&a, 1), of_layer(&c, 1));
    assert_eq!(of_layer(&a, 2), of_layer(&b, 2));
    // The same operation at another place, and another one at the same place, have weights of their own.
    assert_ne!(of_layer(&a, 2), of_layer(&a, 3));
    assert_ne!(of_layer(&a, 2)[0].len(), of_layer(&c, 2)[0].len());
    // What is extracted is a copy: training it leaves the supernet as it is.
    a.vars()[0].set(&a.vars()[0].zeros_like().unwrap()).unwrap();
    assert_ne!(weights(&a), weights(&extract([0, 0, 2])));
    assert_eq!(weights(&b), weights(&extract([0, 1, 2])));
}

/// A narrow layer has the first filters of the wide one at its place, and a small kernel the middle of the
/// large one; what stands behind it the first channels.
#[test]
fn sizes_are_slices_of_the_largest() {
    let data = data();
    let sizes = conv(any([4, 8]), any([1, 3])).plain().bias(false);
    let last = conv(any([3, 6]), 3).plain().bias(false);
    let space = Space::on(&data).then(sizes).then(last).then(global_avg_pool());
    let supernet = Supernet::on(&space, &train()).quiet().train(1).unwrap();
    let weight = |picks: [u32; 3], layer: usize| -> Tensor {
        let model = supernet.extract(&space.decode(picks).unwrap()).unwrap();
        let name = format!("{layer}.conv.weight");
        let var = model.named_vars().into_iter().find(|(n, _)| *n == name).unwrap().1;
        var.as_detached_tensor()
    };
    let same = |a: Tensor, b: Tensor| {
        assert_eq!(a.dims(), b.dims());
        let bits = |t: Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(bits(a), bits(b));
    };
    let slice = |t: Tensor, n: usize| t.narrow(0, 0, n).unwrap();
    // 4 filters of 3 x 3, and 8 of 1 x 1.
    same(weight([0, 1, 0], 1), slice(weight([1, 1, 0], 1), 4));
    let middle = weight([1, 1, 0], 1).narrow(2, 1, 1).unwrap().narrow(3, 1, 1).unwrap();
    same(weight([1, 0, 0], 1), middle);
    // 3 filters on 4 channels, of 6 on 8.
    let whole = weight([1, 1, 1], 2);
    same(weight([0, 1, 0], 2), slice(whole, 3).narrow(1, 0, 4).unwrap());
    // Apart, none of that.
    let apart = Supernet::on(&space, &train()).separate_sizes().quiet().train(1).unwrap();
    let numbers = |s: &Supernet| s.to_string().split("; ").nth(1).unwrap().to_string();
    assert_ne!(numbers(&supernet), numbers(&apart));
    assert!(apart.to_string().contains("sizes apart"));
    let folder = Folder::new("supernet-slices");
    for net in [supernet, apart] {
        let path = folder.file("weights");
        net.save(&path).unwrap();
        let again = Supernet::load(&space, &train(), &path).unwrap();
        assert_eq!(again.to_string(), net.to_string());
        let arch = space.decode([0, 1, 1]).unwrap();
        assert_eq!(again.evaluate(&arch).unwrap(), net.evaluate(&arch).unwrap());
    }
}

/// Behind a concatenation the first channels of a wide input are not those of a narrow one; and the rows of
/// a recurrent layer belong to its gates.
#[test]
fn sizes_that_are_no_slices_stay_apart() {
    let data = data();
    let behind = |first: Block| {
        let op = conv(3, 1).plain().bias(false);
        Space::on(&data).then(first).then(op).then(global_avg_pool())
    };
    let shared = |space: &Space| {
        let supernet = Supernet::on(space, &train()).quiet().train(1).unwrap();
        let of = |pick: u32| {
            let arch = space.decode([pick]).unwrap();
            let model = supernet.extract(&arch).unwrap();
            let all = model.named_vars();
            let last = all.iter().rfind(|(n, _)| n.ends_with("conv.weight")).unwrap();
            last.1.as_detached_tensor()
        };
        let (narrow, wide) = (of(0), of(1));
        let cut = wide.narrow(1, 0, narrow.dim(1).unwrap()).unwrap();
        let bits = |t: Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        bits(narrow) == bits(cut)
    };
    assert!(shared(&behind(conv(any([2, 4]), 3))));
    assert!(shared(&behind(conv(any([2, 4]), 3).then(max_pool(3).stride(1).padding(1)))));
    assert!(!shared(&behind(concat([conv(any([2, 4]), 3), conv(2, 1)]))));
    let text = Dataset::names().take(200);
    let space = Space::on(&text).then(embedding(4)).then(gru(any([2, 4])));
    let train = Train::on(&text).epochs(1);
    let supernet = Supernet::on(&space, &train).quiet().train(1).unwrap();
    let rows = |pick: u32| {
        let model = supernet.extract(&space.decode([pick]).unwrap()).unwrap();
        let all = model.named_vars();
        let weight = all.iter().find(|(n, _)| n.contains("gru.weight")).unwrap();
        weight.1.flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    assert!(rows(0).iter().all(|v| !rows(1).contains(v)));
}

/// The first part of a first part has a place of its own: a layer that only some paths have does not
/// lend its weights to an equal one behind it.
#[test]
fn equal_layers_at_different_places_do_not_share() {
    let data = data();
    let inner = seq([seq([skip(), conv(same(), 3)]), skip()]);
    let space = Space::on(&data)
        .then(one_of([inner, relu().then(skip())]))
        .then(conv(same(), 3))
        .then(global_avg_pool());
    let supernet = Supernet::on(&space, &train()).quiet().train(1).unwrap();
    let extract = |pick| supernet.extract(&space.decode([pick]).unwrap()).unwrap();
    let convs = |model: &Model| -> Vec<Vec<f32>> {
        let all = weights(model).into_iter();
        all.filter(|(name, _)| name.ends_with("conv.weight")).map(|(_, v)| v).collect()
    };
    let (both, one) = (convs(&extract(0)), convs(&extract(1)));
    assert_eq!((both.len(), one.len()), (2, 1));
    assert_eq!(both[1], one[0]);
    assert_ne!(both[0], one[0]);
}

/// A journal goes on with a supernet that was trained in the same way, and with no other.
#[test]
fn a_journal_knows_the_weights_by_their_seed() {
    let folder = Folder::new("supernet");
    let (space, path) = (space(), folder.file("study.jsonl"));
    let plan = |seed: u64, trials: usize| {
        let supernet = Supernet::on(&space, &train()).quiet().train(seed).unwrap();
        Study::new(&space, &supernet).trials(trials).seed(1).quiet().journal(&path)
    };
    let begun = plan(1, 3).run().unwrap();
    let on = plan(1, 6).run().unwrap();
    assert_eq!(lines(&begun)[..], lines(&on)[..3]);
    let other = plan(2, 6).run().unwrap_err().to_string();
    assert!(other.contains("from seed 1") && other.contains("from seed 2"), "{other}");
}

#[test]
fn the_weights_follow_from_the_seed_alone() {
    let supernet = Supernet::on(&space(), &train()).quiet();
    for supernet in [supernet.clone(), supernet.fair()] {
        let arch = space().decode([0, 1, 0]).unwrap();
        let found = |s: &Supernet| weights(&s.extract(&arch).unwrap());
        let (one, again) = (supernet.train(1).unwrap(), supernet.train(1).unwrap());
        assert_eq!((found(&one), one.losses()), (found(&again), again.losses()));
        assert_ne!(found(&one), found(&supernet.train(2).unwrap()));
        let threads = Supernet::on(&space(), &train().threads(2)).quiet();
        let threads = if supernet.to_string().contains("fair") { threads.fair() } else { threads };
        assert_eq!(found(&one), found(&threads.train(1).unwrap()));
    }
}

#[test]
fn lines_of_progress_change_nothing_else() {
    let supernet = Supernet::on(&space(), &train());
    let (told, quiet) = (supernet.train(1).unwrap(), supernet.quiet().train(1).unwrap());
    assert_eq!(told.losses(), quiet.losses());
    assert_eq!(Evaluator::describe(&told), Evaluator::describe(&quiet));
    // It stays trained, whatever is said about it later.
    assert_eq!(told.quiet().losses(), quiet.losses());
}

#[test]
fn fair_paths_train_every_operation_in_every_step() {
    // One epoch of one step: all operations have moved, and uniform paths leave some as they were.
    let small = Dataset::digits().take(100);
    let train = Train::on(&small).epochs(1).batch_size(50);
    let op = one_of([conv(same(), 3), conv(same(), 1), conv(same(), 5)]);
    let space = Space::on(&small).then(conv(8, 3)).then(&op).then(global_avg_pool());
    let of = |supernet: &Supernet, pick: u32| {
        of_layer(&supernet.extract(&space.decode([pick]).unwrap()).unwrap(), 2)
    };
    // A learning rate that changes nothing shows where the weights began.
    let still = train.optimizer(Optimizer::sgd(0.0).learning_rate(1e-30));
    let begun = Supernet::on(&space, &still).quiet().fair().train(1).unwrap();
    let fair = Supernet::on(&space, &train).quiet().fair().train(1).unwrap();
    let uniform = Supernet::on(&space, &train).quiet().train(1).unwrap();
    let moved = |s: &Supernet| (0..3).filter(|&pick| of(s, pick)[0] != of(&begun, pick)[0]).count();
    assert_eq!((moved(&fair), moved(&uniform)), (3, 1));
}

#[test]
fn an_architecture_is_scored_on_what_it_inherits() {
    let data = Dataset::digits();
    let space = space_on(&data);
    let train = Train::on(&data).epochs(8).optimizer(Optimizer::sgd(0.9).learning_rate(0.1));
    let supernet = Supernet::on(&space, &train).quiet().train(3).unwrap();
    let score = |picks: [u32; 3]| supernet.evaluate(&space.decode(picks).unwrap()).unwrap().score();
    assert!(supernet.losses()[7] < supernet.losses()[0]);
    // Without an edge to the output nothing is learned; with convolutions much is.
    let (whole, nothing) = (score([0, 0, 0]), score([2, 2, 2]));
    assert!(nothing < 0.2 && whole > 0.3, "{nothing} {whole}");
    assert_eq!(whole, score([0, 0, 0]));
    let found = supernet.evaluate(&space.decode([0, 0, 0]).unwrap()).unwrap();
    assert!(found.get("loss").is_some() && found.epochs_spent() > Some(0.0));
    // The statistics are those of the path, not the mean of all paths.
    let other = supernet.recalibrate(1).evaluate(&space.decode([0, 0, 0]).unwrap()).unwrap();
    assert_ne!(other.get("loss"), found.get("loss"));
}

#[test]
fn a_study_searches_on_shared_weights() {
    let space = space();
    let supernet = Supernet::on(&space, &train()).quiet().train(1).unwrap();
    for strategy in [Evolution::regularized().into_strategy(), Random.into_strategy()] {
        let plan = Study::new(&space, &supernet).strategy(strategy).trials(12).seed(1).quiet();
        let study = plan.jobs(1).run().unwrap();
        assert_eq!(lines(&study), lines(&plan.jobs(3).run().unwrap()));
        assert_eq!(study.failed().len(), 0);
        let best = study.best().unwrap();
        assert_eq!(best.score(), Some(supernet.evaluate(&best.architecture()).unwrap().score()));
        // What is retrained is trained alone.
        assert!(study.metric().name == "accuracy" && study.retrain(2).is_ok());
    }
}

#[test]
fn the_agreement_with_the_truth_is_drawn() {
    let space = space();
    let supernet = Supernet::on(&space, &train()).quiet().train(1).unwrap();
    let archs: Vec<Architecture> = space.enumerate().take(12).collect();
    let shared = |a: &Architecture| supernet.evaluate(a).unwrap().score();
    // Where the truth is what the shared weights say, they agree; turned around, they do not.
    let known = |sign: f64| archs.iter().map(move |a| (a.clone(), sign * shared(a)));
    let chart = supernet.agreement(known(1.0)).unwrap();
    let ChartData::Agreement(data) = chart.data() else { panic!("{chart}") };
    assert_eq!((data.networks.len(), data.maximise), (12, true));
    for (network, arch) in data.networks.iter().zip(&archs) {
        assert_eq!((&network.name, network.cheap), (&arch.to_string(), shared(arch)));
        assert_eq!(network.truth, network.cheap);
    }
    let text = chart.plain();
    assert!(text.contains("Kendall's tau 1.00, 12 networks"), "{text}");
    assert!(text.contains("regret of the top 1: 0, of 5: 0, of 10: 0"), "{text}");
    let turned = supernet.agreement(known(-1.0)).unwrap().plain();
    assert!(turned.contains("Kendall's tau -1.00"), "{turned}");
    // A network of which nothing is known is left out.
    let some = known(1.0).enumerate().map(|(i, (a, v))| (a, if i < 3 { v } else { f64::NAN }));
    assert!(supernet.agreement(some).unwrap().plain().contains("3 networks"));
    // A loss is better lower, and the chart says so.
    let line: Vec<f64> = [0.0, 1.0, 2.0, 3.0].repeat(20);
    let data = Dataset::regression("a line", line.clone(), [1], line, 1).unwrap();
    let of_rmse = Space::on(&data).then(one_of([linear(4), linear(8)]));
    let train = Train::on(&data).epochs(1).batch_size(8);
    let supernet = Supernet::on(&of_rmse, &train).quiet().train(1).unwrap();
    let chart = supernet.agreement(of_rmse.enumerate().zip([1.0, 2.0])).unwrap();
    assert!(
        chart.plain().contains("rmse on shared weights")
            && chart.plain().contains("lower is better")
    );
}

#[test]
fn kinds_of_spaces_are_shared() {
    let tokens = Dataset::names();
    let recurrent = Space::on(&tokens)
        .then(embedding(8))
        .then(one_of([gru(8), lstm(8), rnn(8)]).residual())
        .then(last());
    let mnist = Dataset::mnist1d().take(300);
    let depth = Space::on(&mnist)
        .then(conv1d(any([4, 8]), 5))
        .then(repeat(0..=2, one_of([conv1d(same(), 3), skip()])))
        .then(global_avg_pool());
    for (space, data) in [(recurrent, tokens.take(200)), (depth, mnist)] {
        let supernet = Supernet::on(&space, &Train::on(&data).epochs(1)).quiet().train(1).unwrap();
        for arch in space.enumerate().take(6) {
            let found = supernet.evaluate(&arch).unwrap();
            assert!(found.score().is_finite(), "{arch}");
        }
    }
}

#[test]
fn a_supernet_is_saved_and_loaded() {
    let folder = Folder::new("supernet-saved");
    let (space, train, path) = (space(), train(), folder.file("shared.safetensors"));
    let supernet = Supernet::on(&space, &train).quiet().fair().recalibrate(2).train(7).unwrap();
    // The ending is added, or is there already.
    supernet.save(folder.file("shared")).unwrap();
    let again = Supernet::load(&space, &train, &path).unwrap();
    for arch in space.enumerate().step_by(5) {
        let found = supernet.evaluate(&arch).unwrap();
        assert_eq!(again.evaluate(&arch).unwrap(), found);
        let both = [&supernet, &again].map(|s| weights(&s.extract(&arch).unwrap()));
        assert_eq!(both[0], both[1]);
    }
    assert_eq!(again.to_string(), supernet.to_string());
    assert_eq!((again.losses(), again.memory()), (supernet.losses(), supernet.memory()));
    // What was not trained begins as it did; the same threads or more give the same.
    let short = Train::on(&data().take(80)).epochs(1).batch_size(40).threads(2);
    let one = Supernet::on(&space, &short).quiet().train(1).unwrap();
    one.save(&path).unwrap();
    let again = Supernet::load(&space, &short.threads(1), &path).unwrap();
    for arch in space.enumerate() {
        assert_eq!(again.evaluate(&arch).unwrap(), one.evaluate(&arch).unwrap());
    }
    // A journal goes on with it.
    let journal = folder.file("study.jsonl");
    let plan =
        |s: &Supernet, n: usize| Study::new(&space, s).trials(n).seed(1).quiet().journal(&journal);
    let begun = plan(&one, 3).run().unwrap();
    let on = plan(&again, 6).run().unwrap();
    assert_eq!(lines(&begun)[..], lines(&on)[..3]);
}

#[test]
fn files_of_something_else_are_refused() {
    let folder = Folder::new("supernet-refused");
    let (space, train, path) = (space(), train(), folder.file("shared.safetensors"));
    let supernet = Supernet::on(&space, &train).quiet();
    let said = |e: Option<Error>, parts: &[&str]| {
        let text = e.unwrap().to_string();
        parts.iter().for_each(|part| assert!(text.contains(part), "{part:?} is not in {text}"));
    };
    said(supernet.save(&path).err(), &["not been trained"]);
    said(Supernet::load(&space, &train, &path).err(), &["shared.safetensors", "Supernet::save"]);
    let trained = supernet.train(1).unwrap();
    said(trained.save("").err(), &["for a supernet", "a name is wanted"]);
    said(trained.save(folder.file("no/such/x")).err(), &["no/such"]);
    trained.save(&path).unwrap();
    let op = one_of([conv(same(), 3), zero()]);
    let other = Space::on(&data()).then(conv(8, 3)).then(op).then(global_avg_pool());
    let parts = ["shared.safetensors", "of another space, of 27", "this one has 2", "Supernet::on"];
    said(Supernet::load(&other, &train, &path).err(), &parts);
    let longer = train.epochs(4);
    said(Supernet::load(&space, &longer, &path).err(), &["for 3 epochs", "for 4 epochs"]);
    let fewer = Train::on(&data().take(300)).epochs(3);
    said(Supernet::load(&space, &fewer, &path).err(), &["on the data", "the same data"]);
    // Cut off, changed in a single byte of a weight, or not there at all.
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 3]).unwrap();
    said(Supernet::load(&space, &train, &path).err(), &["not a whole safetensors file"]);
    let mut changed = whole.clone();
    let last = changed.len() - 2;
    changed[last] ^= 1;
    std::fs::write(&path, &changed).unwrap();
    said(Supernet::load(&space, &train, &path).err(), &["damaged", "train again"]);
    std::fs::write(&path, "").unwrap();
    assert!(Supernet::load(&space, &train, &path).is_err());
    // Of another kind, and of a later version.
    let model = trained.extract(&space.default_architecture().unwrap()).unwrap();
    model.save(folder.file("model")).unwrap();
    let of_model = Supernet::load(&space, &train, folder.file("model"));
    said(of_model.err(), &["a single model", "Model::load"]);
    assert!(Model::load(folder.file("shared"), &Device::Cpu).is_err());
    let at = whole.windows(9).position(|w| w == b"format\\\":").unwrap();
    let mut newer = whole;
    newer[at + 9] = b'9';
    std::fs::write(&path, &newer).unwrap();
    said(Supernet::load(&space, &train, &path).err(), &["its format is 9", "newer"]);
}

#[test]
fn the_memory_is_known_before_and_too_much_is_refused() {
    let (space, train) = (space(), train());
    let supernet = Supernet::on(&space, &train).quiet();
    let (uniform, fair) = (supernet.memory().unwrap(), supernet.fair().memory().unwrap());
    let largest = space.enumerate().map(|a| a.memory(64)).max().unwrap();
    // SGD has one moment, and the estimate of a single network counts two.
    assert!(
        uniform < fair && largest / 2 < uniform && fair < 3 * largest,
        "{uniform} {fair} {largest}"
    );
    assert_eq!(supernet.train(1).unwrap().memory(), Some(uniform));
    assert!(Supernet::on(&space, &train.optimizer(Optimizer::adamw())).memory().unwrap() > uniform);
    let huge = Space::on(&data()).then(repeat(60, one_of([linear(65_536), linear(65_535)])));
    let supernet = Supernet::on(&huge, &train).quiet();
    assert!(supernet.memory().unwrap() > 1 << 40);
    let said = supernet.train(1).err().unwrap().to_string();
    for part in
        ["a supernet that needs up to", "GB are free", "fewer operations", "smaller batches"]
    {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn what_cannot_be_shared_is_refused_with_advice() {
    let (space, train) = (space(), train());
    let said = |e: Error, parts: &[&str]| {
        let text = e.to_string();
        parts.iter().for_each(|part| assert!(text.contains(part), "{part:?} is not in {text}"));
    };
    let (supernet, arch) =
        (Supernet::on(&space, &train).quiet(), space.default_architecture().unwrap());
    said(supernet.evaluate(&arch).unwrap_err(), &["not been trained", "supernet.train(1)?"]);
    said(supernet.extract(&arch).unwrap_err(), &["not been trained"]);
    let trained = supernet.train(1).unwrap();
    let other = Space::on(&data()).then(conv(8, 3)).then(global_avg_pool());
    let foreign = other.default_architecture().unwrap();
    said(trained.extract(&foreign).unwrap_err(), &["not one of the space", "space.sample"]);
    let few = |n: usize| trained.agreement(space.enumerate().zip([0.5; 9]).take(n));
    said(few(0).unwrap_err(), &["agreement of 0 networks", "at least two"]);
    said(few(1).unwrap_err(), &["agreement of 1 network:", "more networks"]);
    let mixed = [(arch.clone(), 0.5), (foreign.clone(), 0.6)];
    said(trained.agreement(mixed.clone()).unwrap_err(), &["not one of the space"]);
    said(supernet.agreement(mixed).unwrap_err(), &["not been trained"]);
    said(
        Supernet::on(&other, &train).quiet().train(1).err().unwrap(),
        &["single architecture", "one_of"],
    );
    said(supernet.recalibrate(0).train(1).err().unwrap(), &["recalibrate(0)", "Try 20"]);
    said(Supernet::on(&space, &train.epochs(0)).quiet().train(1).err().unwrap(), &["epochs(0)"]);
    let mnist = Train::on(&Dataset::mnist1d());
    said(Supernet::on(&space, &mnist).quiet().train(1).err().unwrap(), &["Space::on(&data)"]);
    let deep = Space::on(&data()).then(repeat(1..=2, one_of([relu(), gelu()]))).then(flatten());
    said(Supernet::on(&deep, &train).quiet().fair().train(1).err().unwrap(), &["uniform paths"]);
    assert!(Supernet::on(&deep, &train).quiet().train(1).is_ok());
    // A study on it says what is wrong before anything runs.
    let early = Study::new(&space, &supernet).trials(2).quiet();
    assert!(early.problems().iter().any(|p| p.contains("not been trained")));
    let study = Study::new(&other, &trained).trials(2).quiet();
    assert!(study.problems().iter().any(|p| p.contains("another space")), "{:?}", study.problems());
}

/// What is extracted does what was scored, with the statistics of its own path.
#[test]
fn what_is_extracted_does_what_was_scored() {
    let data = Dataset::digits().take(300);
    let space = Space::on(&data)
        .then(conv(any([4, 8]), any([1, 3])))
        .then(conv(any([4, 8, 12]), any([3, 5])))
        .then(global_avg_pool());
    let supernet = Supernet::on(&space, &Train::on(&data).epochs(2)).quiet().train(1).unwrap();
    let (x, y) = data.tensors(Split::Validation).unwrap();
    let y = y.flatten_all().unwrap();
    for arch in space.enumerate().step_by(5) {
        let model = supernet.extract(&arch).unwrap();
        let right = model.forward(&x).unwrap().argmax(1).unwrap().eq(&y).unwrap();
        let right = right.to_dtype(DType::F32).unwrap().mean_all().unwrap();
        let accuracy = f64::from(right.to_scalar::<f32>().unwrap());
        let score = supernet.evaluate(&arch).unwrap().score();
        assert!((accuracy - score).abs() < 1e-6, "{arch}: {accuracy} and {score}");
    }
    says(
        supernet.recalibrate(0).extract(&space.default_architecture().unwrap()),
        &["recalibrate(0)"],
    );
    let early = Supernet::on(&space, &Train::on(&data).early_stop(1));
    says(early.train(1), &["early_stop", "Leave them out"]);
}
