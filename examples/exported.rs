//! What goes to other software, for `tests/exported.py`: `cargo run --example exported -- FOLDER`. Networks as ONNX files
//! with inputs and the outputs that they have here, studies as journals of Optuna with what is known of them.
//!
//! Every layer of the table with its settings, on images, features, sequences, padded texts and texts to be continued,
//! and random architectures of spaces that mix them.

use nascent::prelude::*;
use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;

/// How many random architectures, in all spaces together.
const RANDOM: usize = 200;
const SAMPLES: usize = 4;

const ACTS: [&str; 8] =
    ["relu", "gelu", "silu", "tanh", "sigmoid", "leaky_relu", "elu", "identity"];

/// A space for each kind of data, from which every layer of the table is drawn.
fn spaces() -> Vec<(&'static str, Space)> {
    let flags = || any([false, true]);
    let acts = || any(ACTS);
    let image = repeat(
        1..=4,
        one_of([
            conv(any([8, 16]), any([1, 3, 4, 5]))
                .stride(any([1, 2]))
                .dilation(any([1, 2]))
                .groups(any([1, 2]))
                .activation(acts())
                .norm(flags())
                .bias(flags()),
            sep_conv(any([8, 12]), any([3, 5]))
                .stride(any([1, 2]))
                .activation(acts())
                .norm(flags()),
            depthwise(any([3, 5])).stride(any([1, 2])).norm(flags()),
            conv(same(), 3).residual(),
            max_pool(any([2, 3])).stride(any([1, 2])).padding(any([0, 1])),
            avg_pool(any([2, 3])).stride(any([1, 2])).padding(any([0, 1])),
            squeeze_excite(any([2, 4])),
            group_norm(any([1, 2, 4])),
            batch_norm(),
            layer_norm(),
            activation(acts()),
            dropout(0.3),
            drop_path(0.3),
            concat([conv(8, 3), max_pool(3).stride(1).padding(1)]),
            skip(),
        ]),
    );
    let images = Space::new([4, 12, 10], Task::classification(5))
        .then(conv(8, 3))
        .then(image)
        .then(one_of([global_avg_pool(), global_max_pool(), flatten()]));
    let positions_of = |causal: bool| {
        let mut all = vec![
            conv1d(any([8, 12]), any([1, 3, 5]))
                .dilation(any([1, 2]))
                .groups(any([1, 2]))
                .activation(acts())
                .norm(flags())
                .causal(causal),
            rnn(any([8, 10])),
            lstm(any([8, 10])),
            gru(any([8, 10])),
            attention(any([1, 2])).causal(causal),
            feed_forward(any([1, 2])).activation(acts()),
            linear(any([8, 16])).norm(flags()).activation(acts()),
            positions(),
            layer_norm(),
            presets::darts_rnn(8),
        ];
        if !causal {
            all.extend([
                conv1d(8, 3).stride(any([1, 2])),
                rnn(4).bidirectional(true),
                lstm(any([4, 6])).bidirectional(true),
                gru(any([4, 6])).bidirectional(true),
                max_pool(2),
                avg_pool(any([2, 3])).stride(1).padding(1),
                batch_norm(),
            ]);
        }
        repeat(1..=3, one_of(all))
    };
    let ends = || one_of([last(), global_avg_pool(), global_max_pool(), flatten()]);
    let sequences = Space::new([9, 6], Task::classification(4))
        .then(linear(8))
        .then(positions_of(false))
        .then(ends());
    let texts = Space::on(&Dataset::names())
        .then(embedding(any([8, 12])))
        .then(positions_of(false))
        .then(ends());
    let next = Space::on(&Dataset::names_text()).then(embedding(8)).then(positions_of(true));
    let features = Space::new([7], Task::regression(3)).then(repeat(
        1..=4,
        one_of([
            linear(any([8, 12])).norm(flags()).activation(acts()).bias(flags()),
            feed_forward(2),
            group_norm(1),
            layer_norm(),
            batch_norm(),
            concat([linear(4), linear(3)]),
            linear(same()).residual(),
        ]),
    ));
    let digits = Dataset::digits();
    vec![
        ("images", images),
        ("sequences", sequences),
        ("texts", texts),
        ("next", next),
        ("features", features),
        ("cells", Space::on(&digits).then(presets::nas_bench_201(8, 1))),
        ("wired", Space::on(&digits).then(presets::nas_bench_101(8, 1))),
        ("darts", Space::on(&digits).then(presets::darts(4, 3))),
    ]
}

/// A batch of random inputs; texts are padded at their ends.
fn inputs(space: &Space, rng: &mut Rng) -> nascent::Result<Tensor> {
    let shape = space.input();
    let dims: Vec<usize> = [SAMPLES].into_iter().chain(shape.dims()).collect();
    let n: usize = dims.iter().product();
    Ok(match shape.vocabulary() {
        None => {
            let x: Vec<f32> = (0..n).map(|_| rng.normal() as f32).collect();
            Tensor::from_vec(x, dims, &Device::Cpu)?
        }
        Some(vocabulary) => {
            let l = n / SAMPLES;
            let mut x: Vec<u32> = (0..n).map(|_| 1 + rng.below(vocabulary - 1) as u32).collect();
            for sample in x.chunks_mut(l) {
                let end = 1 + rng.below(l);
                sample[end..].fill(0);
            }
            Tensor::from_vec(x, dims, &Device::Cpu)?
        }
    })
}

/// Studies of one and of two objectives, with failures, prunings and conditional decisions, and their facts as JSON.
fn studies(folder: &Path) -> Result<(), Box<dyn Error>> {
    let space = Space::new([8], Task::classification(2))
        .then(repeat(1..=3, one_of([linear(any([4, 8, 16])), dropout(any([0.1, 0.2]))])));
    let size = evaluator(|arch: &Architecture, _: &Budget| match arch.params() {
        n if n > 400 => Err("it is \"too large\"".into()),
        n => Ok(Evaluation::new(n as f64).with("half", n as f64 / 2.0)),
    });
    let one = Study::new(&space, &size).strategy("evolution").trials(40).seed(1).quiet();
    let table = Mnist1dBench::table();
    let rungs = Study::new(&table.space(), &table).strategy("halving").trials(40).seed(1).quiet();
    let two = one.strategy("nsga2").objective(Metric::minimise("half"));
    for (name, plan) in [("one", one), ("rungs", rungs), ("two", two)] {
        let study = plan.run()?;
        study.export_optuna(folder.join(format!("{name}.log")))?;
        let best = study.best()?;
        let facts = format!(
            "{{\"trials\":{},\"failed\":{},\"best\":{},\"score\":{},\"maximise\":{},\"front\":{},\"full\":{}}}",
            study.trials_done().len(),
            study.failed().len(),
            best.number(),
            best.score().unwrap_or(f64::NAN),
            study.metric().maximise,
            study.front().len(),
            study
                .trials_done()
                .iter()
                .filter(|t| t.budget().epochs_allowed() == best.budget().epochs_allowed())
                .count(),
        );
        std::fs::write(folder.join(format!("{name}.json")), facts)?;
    }
    Ok(())
}

/// As little-endian numbers of 4 bytes, and the dimensions beside them.
fn write(path: &Path, x: &Tensor) -> Result<(), Box<dyn Error>> {
    let bytes: Vec<u8> = match x.dtype() {
        DType::U32 => {
            x.flatten_all()?.to_vec1::<u32>()?.iter().flat_map(|v| v.to_le_bytes()).collect()
        }
        _ => x.flatten_all()?.to_vec1::<f32>()?.iter().flat_map(|v| v.to_le_bytes()).collect(),
    };
    let dims: Vec<String> = x.dims().iter().map(usize::to_string).collect();
    std::fs::write(path, bytes)?;
    Ok(std::fs::write(path.with_extension("dims"), dims.join(" "))?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("exported FOLDER")?;
    let folder = Path::new(&folder);
    let spaces = spaces();
    let mut rng = Rng::new(1);
    let mut met = BTreeSet::new();
    for i in 0..RANDOM {
        let (name, space) = &spaces[i % spaces.len()];
        let arch = space.sample(&mut rng)?;
        let model = Model::new(&arch, &Device::Cpu, i)?;
        let names = arch.layers();
        met.extend(
            names.iter().map(|row| row.name.split('(').next().unwrap_or_default().to_string()),
        );
        let x = inputs(space, &mut rng)?;
        // Running statistics that are not those of the start.
        for _ in 0..3 {
            model.forward_train(&inputs(space, &mut rng)?, &mut rng.clone())?;
        }
        let place = folder.join(format!("{i:03}-{name}"));
        std::fs::create_dir_all(&place)?;
        model.export_onnx(place.join("model.onnx"))?;
        std::fs::write(place.join("architecture.txt"), arch.to_string())?;
        write(&place.join("input.bin"), &x)?;
        write(&place.join("output.bin"), &model.forward(&x)?)?;
    }
    // With what a model knows of its data: the file takes the original numbers.
    let data = Dataset::digits().standardised()?;
    let arch = Space::on(&data).then(conv(8, 3)).then(global_avg_pool()).default_architecture()?;
    let model = Train::on(&data.take(300)).epochs(1).start(&arch, 1)?.model();
    let place = folder.join("scaled");
    std::fs::create_dir_all(&place)?;
    model.export_onnx(place.join("model.onnx"))?;
    std::fs::write(place.join("architecture.txt"), arch.to_string())?;
    write(&place.join("input.bin"), &Dataset::digits().tensors(Split::Test)?.0)?;
    write(&place.join("output.bin"), &model.forward(&data.tensors(Split::Test)?.0)?)?;
    // What does nothing is not in the list of an architecture's layers.
    let silent = ["dropout", "drop_path", "skip"];
    let missing: Vec<&str> = nascent::layers()
        .iter()
        .map(|row| row.name)
        .filter(|name| !silent.contains(name) && !met.contains(*name))
        .collect();
    if !missing.is_empty() {
        return Err(format!("no network has {}", missing.join(", ")).into());
    }
    studies(folder)?;
    println!("{} networks", RANDOM + 1);
    Ok(())
}
