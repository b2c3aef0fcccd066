//! A trained model outside the study: it knows how its inputs were scaled and what its classes are
//! called, takes plain numbers, and comes back from disk as it was, or not at all.

use crate::help::{Folder, says};
use nascent::prelude::*;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Two features far from 0 and of different spread, in three named classes.
fn rows() -> (Vec<Vec<f64>>, Vec<u32>) {
    let class = |i: usize| (i % 3) as u32;
    let row = |i: usize| {
        let c = f64::from(class(i));
        vec![5000.0 + 400.0 * c + (i % 7) as f64, 0.002 - 0.0005 * c + 1e-6 * (i % 5) as f64]
    };
    ((0..150).map(row).collect(), (0..150).map(class).collect())
}

fn flowers() -> Dataset {
    let (x, y) = rows();
    let data = Dataset::classification("flowers", x.concat(), [2], y, 3).unwrap();
    data.with_classes(["rose", "tulip", "lily"]).unwrap()
}

fn trained(data: &Dataset) -> Retrained {
    let arch = Space::on(data).then(linear(8)).default_architecture().unwrap();
    Train::on(data).batch_size(8).retrain(&arch, 12, 1).unwrap()
}

#[test]
fn raw_rows_are_standardised_by_the_model_itself() {
    let (plain, data) = (flowers(), flowers().standardised().unwrap());
    let model = trained(&data).model();
    let (rows, truth) = rows();
    let words: Vec<&str> = truth.iter().map(|&c| ["rose", "tulip", "lily"][c as usize]).collect();
    let answers = model.predict(&rows).unwrap();
    assert_eq!(answers, words);
    assert_eq!(answers, truth);
    assert_eq!(model.classes(), ["rose", "tulip", "lily"]);
    assert!(model.scales() && model.to_string().contains("scales its inputs itself"), "{model}");

    // The same samples in every form: as they are, scaled by the same numbers, and by others.
    let half = plain.with_splits((0..75).collect(), (75..150).collect(), vec![]).unwrap();
    for same in [&plain, &data, &half.standardised().unwrap()] {
        assert_eq!(model.predict(same).unwrap(), words, "{same}");
    }
    let narrow: Vec<Vec<f32>> =
        rows.iter().map(|r| r.iter().map(|&v| v as f32).collect()).collect();
    assert_eq!(model.predict(&narrow).unwrap(), words);
    assert_eq!(model.predict(&narrow[..]).unwrap(), words);
    let arrays: Vec<[f64; 2]> = rows.iter().map(|r| [r[0], r[1]]).collect();
    assert_eq!(model.predict(&arrays).unwrap(), words);
    assert_eq!(model.predict([5001, 0]).unwrap().len(), 1, "whole numbers, one sample");
    assert_eq!(model.predict(rows[4].as_slice()).unwrap(), [words[4]]);
    assert!(model.predict(Vec::<Vec<f64>>::new()).unwrap().is_empty());
    let none = data.with_splits((0..150).collect(), vec![], vec![]).unwrap();
    assert!(model.predict((&none, Split::Test)).unwrap().is_empty());

    // One split, in the order of its tensors; those are what the network itself takes.
    let (x, y) = data.tensors(Split::Test).unwrap();
    let y = y.to_vec1::<u32>().unwrap();
    assert_eq!(model.predict((&data, Split::Test)).unwrap(), y);
    assert_eq!(model.predict((&plain, Split::Test)).unwrap(), y);
    let logits = model.forward(&x).unwrap().argmax(1).unwrap().to_vec1::<u32>().unwrap();
    assert_eq!(logits, y);
    // A tensor does not say what it is; everything that the message says to try works.
    let raw = plain.tensors(Split::Test).unwrap().0;
    says(model.predict(&raw), &["to_vec2::<f32>()", "(&data, Split::Test)", "model.forward(&x)"]);
    let list = raw.flatten_from(1).unwrap().to_vec2::<f32>().unwrap();
    assert_eq!(model.predict(list).unwrap(), y);

    let p = model.probabilities(&rows).unwrap();
    assert!(p.iter().all(|p| p.len() == 3 && (p.iter().sum::<f64>() - 1.0).abs() < 1e-9));
    assert!(p.iter().zip(&truth).all(|(p, &c)| p[c as usize] > 0.5));
}

#[test]
fn a_model_of_plain_data_takes_what_it_was_given() {
    let data = Dataset::digits().take(300);
    let arch = Space::on(&data).then(flatten()).default_architecture().unwrap();
    let mut run = Train::on(&data).epochs(2).start(&arch, 1).unwrap();
    run.advance(2).unwrap();
    let model = run.model();
    let (x, _) = data.tensors(Split::Test).unwrap();
    let answers = model.predict(&x).unwrap();
    assert_eq!(answers, model.predict((&data, Split::Test)).unwrap());
    // With their dimensions, without the only channel, and in a row.
    let planes: Vec<Vec<Vec<f32>>> = (0..x.dim(0).unwrap())
        .map(|i| x.get(i).unwrap().get(0).unwrap().to_vec2().unwrap())
        .collect();
    assert_eq!(model.predict(&planes).unwrap(), answers);
    assert_eq!(model.predict(&planes[0]).unwrap(), answers[..1]);
    assert_eq!(model.predict([&planes[0]]).unwrap(), answers[..1]);
    assert_eq!(model.predict([[&planes[0]]]).unwrap(), answers[..1]);
    let flat = x.flatten_from(1).unwrap().to_vec2::<f32>().unwrap();
    assert_eq!(model.predict(&flat).unwrap(), answers);
    assert_eq!(model.predict(&flat[0]).unwrap(), answers[..1]);
    // Many samples in one row, and the advice for it.
    let all = flat.concat();
    says(model.predict(&all), &["[3840]", "1x8x8", "x.chunks(64).collect::<Vec<_>>()"]);
    assert_eq!(model.predict(all.chunks(64).collect::<Vec<_>>()).unwrap(), answers);
    says(model.predict([[0.5; 63]]), &["[1, 63]", "[1, 8, 8] for one"]);
    says(model.predict([vec![0.5; 64], vec![0.5; 3]]), &["different lengths", "64", "3"]);
    says(model.predict([[f32::NAN; 64]]), &["value 0 of sample 0", "finite"]);
    says(model.predict("seven"), &["\"seven\"", "numbers"]);
    says(model.predict(0.5), &["a single number"]);

    let colour = Space::new([3, 4, 4], Task::classification(2)).then(conv(2, 3)).then(flatten());
    let model = Model::new(&colour.default_architecture().unwrap(), &Device::Cpu, 1).unwrap();
    says(model.predict(vec![vec![[[0.5; 3]; 4]; 4]; 2]).map(|_| ()), &["channels in front"]);
    assert_eq!(model.predict(vec![vec![[[0.5; 4]; 4]; 3]; 2]).unwrap().len(), 2);
}

#[test]
fn a_regression_answers_in_the_unit_of_its_data() {
    // Times far from 0 are moved before they become 32-bit numbers.
    let x: Vec<f64> = (0..120).map(|i| 1e4 + f64::from(i)).collect();
    let y: Vec<f64> = x.iter().map(|x| 1.7e12 + (x - 1e4) / 10.0).collect();
    let data = Dataset::regression("clock", x.clone(), [1], y.clone(), 1).unwrap();
    let data = data.standardised().unwrap();
    let arch = Space::on(&data).then(linear(16)).default_architecture().unwrap();
    let winner = Train::on(&data).batch_size(8).retrain(&arch, 30, 1).unwrap();
    let answers = winner.model().predict(&x).unwrap();
    let near = answers.iter().zip(&y).all(|(a, y)| (a.value().unwrap() - y).abs() < 6.0);
    assert!(near, "{:?}", &answers[..3]);
    assert!(answers[0].class().is_none() && answers[0].name().starts_with("17000000"));
    says(winner.model().probabilities(&x), &["regression", "model.predict(x)"]);
    let folder = Folder::new("clock");
    winner.model().save(folder.0.join("m")).unwrap();
    let again = Model::load(folder.0.join("m"), &Device::Cpu).unwrap();
    assert_eq!(again.predict(&x).unwrap(), answers);
}

#[test]
fn texts_are_asked_about_as_texts() {
    let rows = ["no", "never", "nope", "yes", "yeah", "sure", "non", "yep"];
    let rows = rows.map(|t| (t, if t.starts_with('n') { "negative" } else { "positive" }));
    let data = Dataset::texts("answers", rows, 5).unwrap();
    let arch =
        Space::on(&data).then(seq([embedding(4), flatten()])).default_architecture().unwrap();
    let model = Model::new(&arch, &Device::Cpu, 1).unwrap();
    says(model.predict("no"), &["characters", "for_data(&data)"]);
    let model = model.for_data(&data).unwrap();
    let one = model.predict("never").unwrap();
    assert_eq!(one, model.predict(data.encode("never").unwrap()).unwrap());
    assert!(["negative", "positive"].contains(&one[0].name().as_str()));
    let two = model.predict(["no", "yes"]).unwrap();
    let symbols = vec![data.encode("no").unwrap(), data.encode("yes").unwrap()];
    assert_eq!(two, model.predict(symbols).unwrap());
    says(model.predict("Quiz"), &["'Q'", "does not occur"]);
    says(model.predict([[99, 0, 0, 0, 0]]), &["symbol 99"]);
    says(model.predict([[0.5; 5]]), &["0.5", "whole numbers"]);
    // Other data number their characters differently; the text is the same.
    let fewer = ["no", "yes", "on", "so", "yo"].map(|t| (t, if t == "no" { "a" } else { "b" }));
    let fewer = Dataset::texts("fewer", fewer, 5).unwrap();
    assert_eq!(model.predict(&fewer).unwrap()[..2], two);

    let text = Dataset::text("rhyme", &"abcab".repeat(20), 4).unwrap();
    let arch = Space::on(&text).then(embedding(4)).default_architecture().unwrap();
    let model = Model::new(&arch, &Device::Cpu, 1).unwrap().for_data(&text).unwrap();
    let next = model.predict("abca").unwrap();
    assert_eq!(next.len(), 4);
    assert!(next.iter().all(|a| ["a", "b", "c"].contains(&a.name().as_str())), "{next:?}");
    says(model.predict("ab"), &["2 symbols", "4 tokens of 3"]);
}

// ---- files ----

type Change<'a> = &'a dyn Fn(&mut HashMap<String, Tensor>, &mut HashMap<String, String>);

/// Tensors and head of a file of weights, changed by hand and written again.
fn rewrite(path: &Path, change: Change) {
    let bytes = std::fs::read(path).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let head = String::from_utf8(bytes[8..8 + length].to_vec()).unwrap();
    let start = head.find("\"__metadata__\":").map(|i| i + "\"__metadata__\":".len());
    let mut said = HashMap::new();
    if let Some(start) = start {
        let mut list = serde_json::Deserializer::from_str(&head[start..]).into_iter();
        said = list.next().unwrap().unwrap();
    }
    let mut tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).unwrap();
    change(&mut tensors, &mut said);
    let said = Some(said).filter(|s| !s.is_empty());
    std::fs::write(path, safetensors::serialize(tensors, said).unwrap()).unwrap();
}

fn saved(folder: &Folder, name: &str, block: Block) -> PathBuf {
    let arch = Space::new([4], Task::classification(3)).then(block).default_architecture().unwrap();
    let path = folder.0.join(name);
    Model::new(&arch, &Device::Cpu, 7).unwrap().save(&path).unwrap();
    path
}

fn end(path: &Path, end: &str) -> PathBuf {
    PathBuf::from(format!("{}.{end}", path.display()))
}

fn load(path: &Path) -> Result<Model> {
    Model::load(path, &Device::Cpu)
}

#[test]
fn all_that_a_model_knows_comes_back_from_disk() {
    let folder = Folder::new("round");
    let data = flowers().standardised().unwrap();
    let model = trained(&data).model();
    // A dot in a name is not an ending.
    for path in ["winner", "v1.0", "b.safetensors", "c.json"].map(|n| folder.0.join(n)) {
        model.save(&path).unwrap();
        let again = load(&path).unwrap();
        let (rows, _) = rows();
        assert_eq!(again.predict(&rows).unwrap(), model.predict(&rows).unwrap());
        assert_eq!(again.probabilities(&rows).unwrap(), model.probabilities(&rows).unwrap());
        assert_eq!(
            again.predict((&data, Split::Test)).unwrap(),
            model.predict((&data, Split::Test)).unwrap()
        );
        assert_eq!(again.to_string(), model.to_string());
        assert_eq!((again.classes(), again.task()), (model.classes(), data.task()));
    }
    let mut names: Vec<String> = std::fs::read_dir(&folder.0)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "b.json",
            "b.safetensors",
            "c.json",
            "c.safetensors",
            "v1.0.json",
            "v1.0.safetensors",
            "winner.json",
            "winner.safetensors"
        ]
    );
    // With the mode that any file gets here.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |p: &Path| std::fs::metadata(p).unwrap().permissions().mode() & 0o777;
        let usual = folder.0.join("usual");
        std::fs::write(&usual, "").unwrap();
        for end in ["json", "safetensors"] {
            assert_eq!(mode(&folder.0.join(format!("winner.{end}"))), mode(&usual));
        }
    }
    says(model.save(folder.0.join("no/such/folder/m")), &["no/such/folder/m.safetensors"]);
}

#[test]
fn weights_of_another_architecture_are_refused() {
    let folder = Folder::new("other");
    let (short, long) =
        (saved(&folder, "short", linear(8)), saved(&folder, "long", seq([linear(8), linear(3)])));
    let weights = |p: &Path| end(p, "safetensors");
    let mixed = |weights_of: &Path, json_of: &Path| {
        let path = folder.0.join("mixed");
        std::fs::copy(weights(weights_of), weights(&path)).unwrap();
        std::fs::copy(end(json_of, "json"), end(&path, "json")).unwrap();
        load(&path)
    };
    says(
        mixed(&long, &short),
        &["weights of linear(8)>linear(3)", "needs those of linear(8),", "mixed.json"],
    );
    says(mixed(&short, &long), &["weights of linear(8),", "linear(8)>linear(3)"]);
    // The same names and shapes in another order, or with another activation.
    let orders = [
        (seq([linear(8), relu(), linear(8)]), seq([linear(8), tanh(), linear(8)])),
        (seq([linear(8).residual(), relu()]), seq([linear(8), relu()])),
        (seq([linear(8), relu(), skip()]), seq([linear(8), skip(), relu()])),
    ];
    for (i, (a, b)) in orders.into_iter().enumerate() {
        let (a, b) = (saved(&folder, &format!("a{i}"), a), saved(&folder, &format!("b{i}"), b));
        says(mixed(&a, &b), &["saved together"]);
        assert!(mixed(&a, &a).is_ok());
    }

    // Older files say nothing about themselves: exactly these names and shapes have to be there.
    for path in [&short, &long] {
        rewrite(&weights(path), &|_, said| said.clear());
        assert!(load(path).is_ok());
    }
    says(mixed(&long, &short), &["weight", "has no place in linear(8)"]);
    says(mixed(&short, &long), &["missing", "another architecture"]);
}

#[test]
fn damaged_and_foreign_files_are_refused_in_words() {
    let folder = Folder::new("damaged");
    let path = saved(&folder, "m", linear(8));
    let weights = end(&path, "safetensors");
    let good = std::fs::read(&weights).unwrap();
    let again = || std::fs::write(&weights, &good).unwrap();
    for cut in [0, 4, 8, 100, good.len() - 1] {
        std::fs::write(&weights, &good[..cut]).unwrap();
        says(load(&path), &["m.safetensors", "not a whole safetensors file"]);
    }
    std::fs::write(&weights, [&good[..], b"more"].concat()).unwrap();
    says(load(&path), &["not a whole safetensors file"]);
    for (foreign, part) in
        [(&b"PK\x03\x04 a zip of PyTorch"[..], "not a whole"), (b"{}", "not a whole")]
    {
        std::fs::write(&weights, foreign).unwrap();
        says(load(&path), &["m.safetensors", part]);
    }
    let change = |f: Change| {
        again();
        rewrite(&weights, f);
        load(&path)
    };
    let first = "1.linear.weight";
    says(
        change(&|t, _| {
            let v = (&t[first] * f64::NAN).unwrap();
            t.insert(first.into(), v);
        }),
        &[first, "not a finite number"],
    );
    says(
        change(&|t, _| {
            let v = t[first].to_dtype(DType::U32).unwrap();
            t.insert(first.into(), v);
        }),
        &[first, "U32", "floating-point"],
    );
    says(
        change(&|t, _| {
            let v = t[first].t().unwrap().contiguous().unwrap();
            t.insert(first.into(), v);
        }),
        &[first, "[4, 8]", "[8, 4]"],
    );
    says(
        change(&|t, _| {
            let v = t.remove(first).unwrap();
            t.insert("encoder.weight".into(), v);
        }),
        &[first, "missing"],
    );
    says(change(&|_, s| drop(s.insert("nascent.format".into(), "9".into()))), &["format is 9"]);
    let other = r#"{"data":"d","inputs":{"shift":[0.0],"scale":[1.0]},"targets":null,"classes":[],"symbols":[]}"#;
    says(
        change(&|_, s| drop(s.insert("nascent.meaning".into(), other.into()))),
        &["another network"],
    );
    // 64-bit numbers are the same numbers.
    let wide = change(&|t, _| t.values_mut().for_each(|v| *v = v.to_dtype(DType::F64).unwrap()));
    assert!(wide.is_ok());
    again();
    assert!(load(&path).is_ok());

    // A model that has diverged is refused when it is saved, and what was there stays.
    let model = load(&path).unwrap();
    let var = &model.vars()[0];
    var.set(&(var.as_tensor() * f64::INFINITY).unwrap()).unwrap();
    says(model.save(&path), &["not a finite number", "smaller learning rate"]);
    assert_eq!(std::fs::read(&weights).unwrap(), good);
    says(load(&folder.0), &["no such file", "Model::save"]);
}

#[test]
fn checkpoints_hold_exactly_what_belongs_to_them() {
    let data = Dataset::digits().take(200);
    let space = Space::on(&data).then(flatten()).then(linear(any([4, 8])));
    let arch = space.default_architecture().unwrap();
    let train = Train::on(&data).epochs(3).keep_best_epoch();
    let mut run = train.start(&arch, 1).unwrap();
    run.advance(2).unwrap();
    let bytes = run.checkpoint().unwrap().to_bytes();
    let again = train.resume(&arch, &Checkpoint::from_bytes(&bytes).unwrap()).unwrap();
    assert_eq!(again.epoch(), 2);
    assert_eq!(again.model().classes().len(), 10);
    for cut in [0, 7, 40, bytes.len() - 1] {
        says(Checkpoint::from_bytes(&bytes[..cut]), &["not a checkpoint"]);
    }
    says(Checkpoint::from_bytes(b"PK\x03\x04 something else"), &["not a checkpoint"]);
    // A weight that is not a number, one too many, one too few.
    let head = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let with = |change: &dyn Fn(&mut HashMap<String, Tensor>)| {
        let mut tensors =
            candle_core::safetensors::load_buffer(&bytes[head..], &Device::Cpu).unwrap();
        change(&mut tensors);
        let rest = safetensors::serialize(tensors, None).unwrap();
        let checkpoint = Checkpoint::from_bytes(&[&bytes[..head], &rest].concat())?;
        train.resume(&arch, &checkpoint)
    };
    assert!(with(&|_| ()).is_ok());
    let name = "2.linear.weight";
    let nan = |t: &mut HashMap<String, Tensor>| {
        let v = (&t[name] * f64::NAN).unwrap();
        t.insert(name.into(), v);
    };
    says(with(&nan), &[name, "not a finite number"]);
    says(
        with(&|t| drop(t.insert("9.linear.weight".into(), t[name].clone()))),
        &["9.linear.weight"],
    );
    says(with(&|t| drop(t.remove(name))), &[name, "missing"]);
}

// ---- the final training ----

#[test]
fn without_a_test_split_the_final_training_says_so_before_it_begins() {
    let (train, validation): (Vec<u32>, Vec<u32>) = (0..150).partition(|i| i % 5 != 0);
    let data = flowers().with_splits(train, validation, vec![]).unwrap().standardised().unwrap();
    let space = Space::on(&data).then(linear(any([4, 8])));
    let train = Train::on(&data).batch_size(8).epochs(3);
    let study = Study::new(&space, &train).trials(2).seed(1).quiet().run().unwrap();
    let begun = std::time::Instant::now();
    says(study.retrain(1_000_000), &["no test split", "data.split(0.6, 0.2, 0.2)", "run.model()"]);
    assert!(begun.elapsed().as_secs() < 5);
    // Both things that it says to try.
    let arch = study.best().unwrap().architecture();
    let mut run = train.epochs(12).start(&arch, 1).unwrap();
    run.advance(12).unwrap();
    assert_eq!(run.model().predict([5001.0, 0.002]).unwrap(), ["rose"]);
    let data = flowers().split(0.6, 0.2, 0.2).unwrap();
    let arch = Space::on(&data).then(linear(8)).default_architecture().unwrap();
    let winner = Train::on(&data).batch_size(8).retrain(&arch, 2, 1).unwrap();
    assert!(winner.test_score().is_finite());
}

#[test]
fn limits_that_are_not_finite_numbers_are_refused() {
    let space = Space::new([4], Task::classification(2)).then(linear(any([2, 4, 8])));
    let plan = Compare::new(&space, evaluator(|arch, _| arch.params() as f64))
        .strategies((Random, Grid))
        .trials(2)
        .seeds(2)
        .quiet();
    for bad in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
        says(plan.optimum(bad).check(), &[&format!("optimum({bad})"), "finite number"]);
    }
    let study = Study::new(&space, evaluator(|arch, _| arch.params() as f64));
    for bad in [f64::INFINITY, f64::NAN, 0.0] {
        says(study.seconds(bad).check(), &[&format!(" seconds({bad})"), "finite number"]);
        says(study.simulated_seconds(bad).check(), &[&format!("simulated_seconds({bad})")]);
        says(study.trial_seconds(bad).check(), &[&format!("trial_seconds({bad})")]);
    }
    let found = plan.run().unwrap();
    let chart = found.time_to_target(f64::NAN, Against::Trials).plain();
    assert_eq!(chart.matches("   0 %").count(), 2, "{chart}");
    for bad in [f64::INFINITY, f64::NAN] {
        says(found.time_to(bad, "random", Against::Trials), &[&format!("target of {bad}")]);
    }
}

/// What is stored in a file as `[H, W, C]` is predicted as it is stored.
#[test]
fn images_with_their_channels_last_are_asked_about_as_they_were_given() {
    let pixel = |i: usize, k: usize| [((i * 7 + k) % 5) as f64 / 5.0, (i % 2) as f64, 0.3];
    let image = |i: usize| (0..16).flat_map(|k| pixel(i, k)).collect::<Vec<f64>>();
    let x: Vec<f64> = (0..40).flat_map(image).collect();
    let make = |name| {
        let y = (0..40).map(|i| i % 2).collect();
        Dataset::classification(name, x.clone(), [4, 4, 3], y, 2).unwrap()
    };
    let plain = make("photos");
    let data = plain.channels_last().unwrap().standardised().unwrap();
    let arch =
        Space::on(&data).then(conv(4, 3)).then(global_avg_pool()).default_architecture().unwrap();
    let model = Model::new(&arch, &Device::Cpu, 1).unwrap().for_data(&data).unwrap();
    let folder = Folder::new("channels");
    model.save(folder.0.join("m")).unwrap();
    for model in [model, Model::load(folder.0.join("m"), &Device::Cpu).unwrap()] {
        let wanted = model.probabilities((&data, Split::Train)).unwrap();
        let rows: Vec<Vec<f64>> = (0..40).map(image).collect();
        let nested: Vec<Vec<Vec<Vec<f64>>>> = rows
            .iter()
            .map(|x| x.chunks(12).map(|r| r.chunks(3).map(<[f64]>::to_vec).collect()).collect())
            .collect();
        let plane = |x: &[f64], c: usize| -> Vec<Vec<f64>> {
            (0..4).map(|h| (0..4).map(|w| x[(4 * h + w) * 3 + c]).collect()).collect()
        };
        let turned: Vec<_> = rows.iter().map(|x| [plane(x, 0), plane(x, 1), plane(x, 2)]).collect();
        let all = model.probabilities(&data).unwrap();
        let close = |given: Vec<Vec<f64>>, wanted: &[Vec<f64>]| {
            let pairs = given.concat().into_iter().zip(wanted.concat());
            assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-5), "{given:?}");
        };
        close(model.probabilities(&rows).unwrap(), &all);
        close(model.probabilities(&nested).unwrap(), &all);
        close(model.probabilities(&turned).unwrap(), &all);
        close(model.probabilities(&nested[0]).unwrap(), &all[..1]);
        close(model.probabilities((&plain, Split::Train)).unwrap(), &wanted);
    }
    says(data.channels_last(), &["standardised"]);
    says(plain.channels_last().unwrap().channels_last(), &["in front already"]);
}

/// Images whose values 32 bits do not tell apart are kept apart when they are turned.
#[test]
fn what_keeps_numbers_apart_is_done_to_the_true_channels() {
    let x: Vec<f64> = (0..10 * 12).map(|i| 1.7e12 + f64::from(i)).collect();
    let y = (0..10).map(|i| i % 2).collect();
    let data = Dataset::classification("times", x, [2, 2, 3], y, 2).unwrap();
    let turned = data.channels_last().unwrap();
    let all = turned.tensors(Split::Train).unwrap().0.flatten_all().unwrap();
    let mut all = all.to_vec1::<f32>().unwrap();
    all.sort_unstable_by(f32::total_cmp);
    all.dedup();
    assert!(all.len() > 20, "{all:?}");
    assert_eq!(turned.notes().len(), 3, "{turned}");
}

/// Another table's columns are found by their names.
#[test]
fn a_table_in_another_order_is_asked_about_by_its_names() {
    let folder = Folder::new("columns");
    let write = |name: &str, head: &str, row: &dyn Fn(usize) -> String| {
        let path = folder.0.join(name);
        let rows: String = (0..20).map(|i| row(i) + "\n").collect();
        std::fs::write(&path, format!("{head}\n{rows}")).unwrap();
        Dataset::csv(&path, "y", Task::classification(2)).unwrap()
    };
    let word = |i: usize| ["no", "yes"][i % 2];
    let time = |i: usize| 1_700_000_000_000usize + 1000 * i;
    let a = write("a.csv", "id,t,u,y", &|i| format!("k{i},{},{i}.5,{}", time(i), word(i)));
    // Not every id is different: the column is read, but the model does not need it.
    let b = write("b.csv", "u,y,id,t", &|i| format!("{i}.5,{},{},{}", word(i), i / 2, time(i)));
    let c = write("c.csv", "u,z,y", &|i| format!("{i}.5,{i},{}", word(i)));
    assert_eq!((a.shape().dims(), b.shape().dims()), (vec![2], vec![3]));
    for data in [a.clone(), a.standardised().unwrap()] {
        let model = trained(&data.split(0.5, 0.25, 0.25).unwrap()).model();
        model.save(folder.0.join("m")).unwrap();
        for model in [model, Model::load(folder.0.join("m"), &Device::Cpu).unwrap()] {
            let of = |data: &Dataset| model.probabilities(data).unwrap().concat();
            let near = of(&a).into_iter().zip(of(&b)).all(|(a, b)| (a - b).abs() < 1e-4);
            assert!(near, "{:?} {:?}", of(&a), of(&b));
            says(model.predict(&c), &["no column \"t\"", "the columns t, u"]);
            says(model.predict([[1.0, 2.0, 3.0]]), &["They are t, u."]);
        }
    }
}

#[test]
fn a_model_wants_a_name() {
    let model = flowers();
    let arch = Space::on(&model).then(linear(2)).default_architecture().unwrap();
    let model = Model::new(&arch, &Device::Cpu, 1).unwrap();
    let folder = Folder::new("nameless");
    let inside = format!("{}/", folder.0.display());
    for path in ["", &inside] {
        says(model.save(path), &["a name is wanted", "model"]);
        says(Model::load(path, &Device::Cpu), &["a name is wanted"]);
    }
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 0);
}

/// Files of other versions may say less about the data.
#[test]
fn a_head_that_says_less_is_read() {
    let folder = Folder::new("less");
    let path = saved(&folder, "m", linear(4));
    for less in [None, Some("{}".to_string()), Some("{\"classes\":[]}".to_string())] {
        rewrite(&end(&path, "safetensors"), &|_, head| {
            head.remove("nascent.meaning");
            head.extend(less.clone().map(|less| ("nascent.meaning".to_string(), less)));
        });
        load(&path).unwrap();
    }
}

/// The matrix counts each sample once, finds classes by their names, and says what it cannot compare.
#[test]
fn confusion_counts_every_sample() {
    let data = Dataset::digits().take(500);
    let arch = Space::on(&data).then(flatten()).then(linear(16)).default_architecture().unwrap();
    let mut run = Train::on(&data).epochs(10).start(&arch, 1).unwrap();
    run.advance(10).unwrap();
    let model = run.model();
    let counts = |data: &Dataset, split| match model.confusion(data, split).unwrap().data() {
        nascent::chart::ChartData::Confusion(found) => found.counts,
        other => panic!("{other:?}"),
    };
    let found = counts(&data, Split::Validation);
    let truth: Vec<u32> = data.tensors(Split::Validation).unwrap().1.to_vec1().unwrap();
    let answers = model.predict((&data, Split::Validation)).unwrap();
    for (row, column) in (0..10).flat_map(|i| (0..10).map(move |j| (i, j))) {
        let both = truth.iter().zip(&answers);
        let n = both.filter(|(t, a)| (**t, a.class()) == (row, Some(column))).count();
        assert_eq!(found[row as usize][column as usize], n);
    }
    // The same samples with the classes in another order.
    let back = |class: u32| 9 - class;
    let (x, y) = data.tensors(Split::Train).unwrap();
    let values: Vec<f32> = x.flatten_all().unwrap().to_vec1().unwrap();
    let labels: Vec<u32> = y.to_vec1::<u32>().unwrap().into_iter().map(back).collect();
    let names: Vec<String> = data.classes().into_iter().rev().collect();
    let values: Vec<f64> = values.into_iter().map(f64::from).collect();
    let turned = Dataset::classification("turned", values, [1, 8, 8], labels, 10).unwrap();
    let turned = turned.with_classes(names).unwrap();
    let all = |counts: Vec<Vec<usize>>| counts.concat().iter().sum::<usize>();
    let sums = [Split::Train, Split::Validation, Split::Test].map(|s| all(counts(&turned, s)));
    assert_eq!(sums.iter().sum::<usize>(), turned.len());
    let right = |c: &[Vec<usize>]| (0..10).map(|i| c[i][i]).sum::<usize>();
    let rates = counts(&turned, Split::Train);
    assert!(right(&rates) * 2 > all(rates), "classes are found by their names");
    let other = Dataset::mnist1d();
    let named = other.with_classes(["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]).unwrap();
    says(model.confusion(&named, Split::Test), &["the model knows", "trained on"]);
    let numbers = Dataset::regression("r", vec![0.0; 40], [1], vec![0.0; 40], 1).unwrap();
    says(model.confusion(&numbers, Split::Test), &["classification", "regression"]);
}
