//! Network morphisms: the larger network computes the same, and can learn.

use crate::help::says;
use nascent::prelude::*;

/// Weights and statistics as after a training, none of them special.
fn shaken(arch: &Architecture, rng: &mut Rng) -> Model {
    let model = Model::new(arch, &Device::Cpu, rng.below(1000)).unwrap();
    for (name, var) in model.named_vars() {
        let mut draw = |base: f64, width: f64| {
            let n = var.elem_count();
            let list: Vec<f32> = (0..n).map(|_| (base + width * rng.normal()) as f32).collect();
            Tensor::from_vec(list, var.dims(), &Device::Cpu).unwrap()
        };
        let new = match name.rsplit('.').next().unwrap() {
            "gamma" => draw(1.0, 0.4),
            "beta" | "running_mean" => draw(0.0, 0.5),
            "running_var" => (draw(0.0, 1.0).sqr().unwrap() + 0.3).unwrap(),
            _ => continue,
        };
        var.set(&new).unwrap();
    }
    model
}

fn input(space: &Space, rng: &mut Rng) -> Tensor {
    let mut dims = vec![6];
    dims.extend(space.input().dims());
    let n = dims.iter().product();
    Tensor::from_vec((0..n).map(|_| rng.normal() as f32).collect(), dims, &Device::Cpu).unwrap()
}

/// The largest difference of two outputs, relative to the largest output.
fn apart(a: &Tensor, b: &Tensor) -> f32 {
    let most = |t: Tensor| t.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
    most((a - b).unwrap()) / most(a.clone()).max(1.0)
}

/// Spaces, and the kinds of morphisms that each has to have.
fn spaces() -> Vec<(Space, Vec<&'static str>)> {
    let image = || Space::new([2, 8, 8], Task::classification(4));
    let widths = || any([4, 8, 12]);
    vec![
        (
            image()
                .then(conv(widths(), any([3, 5])))
                .then(repeat(1..=3, one_of([conv(widths(), any([1, 3, 5])), max_pool(2)])))
                .then(flatten())
                .then(linear(any([6, 9]))),
            vec!["wider: conv", "wider: linear", "larger kernel", "deeper: conv"],
        ),
        (
            image()
                .then(sep_conv(widths(), any([3, 5])))
                .then(repeat(
                    1..=3,
                    one_of([depthwise(any([3, 5])), sep_conv(widths(), 3), batch_norm()]),
                ))
                .then(global_avg_pool())
                .then(repeat(0..=2, linear(any([6, 12])).norm(any([false, true])))),
            vec![
                "wider: sep_conv",
                "larger kernel: depthwise",
                "deeper: sep_conv",
                "deeper: linear",
            ],
        ),
        (
            // Skips that are added: a branch of zeros, and projections of what has become wider.
            image()
                .then(conv(widths(), 3))
                .then(repeat(0..=2, relu().then(conv(same(), 3).activation("identity")).residual()))
                .then(conv(any([4, 8]), 3).activation("identity").residual())
                .then(global_avg_pool()),
            vec!["skip, added", "wider: conv"],
        ),
        (
            // Skips that are concatenated.
            image()
                .then(conv(6, 3))
                .then(one_of([conv(6, 3), conv(6, 3).dense(), concat([conv(6, 3), conv(4, 5)])]))
                .then(max_pool(2))
                .then(flatten())
                .then(linear(8)),
            vec!["skip, concatenated"],
        ),
        (
            Space::new([12, 3], Task::classification(4))
                .then(conv1d(widths(), any([3, 5])).causal(any([false, true])))
                .then(repeat(1..=2, conv1d(widths(), 3).causal(true)))
                .then(repeat(0..=1, linear(any([8, 12]))))
                .then(global_max_pool()),
            vec!["wider: conv1d", "larger kernel: conv1d", "deeper: conv1d"],
        ),
        (
            Space::new([2, 8, 8], Task::classification(4)).then(presets::nas_bench_201(4, 1)),
            vec!["skip, added"],
        ),
    ]
}

/// Every morphism of many architectures, several in a row, on networks with arbitrary statistics.
#[test]
fn the_function_is_preserved() {
    for (space, kinds) in spaces() {
        let mut rng = Rng::new(7);
        let mut found: Vec<String> = vec![];
        for _ in 0..8 {
            let arch = space.sample(&mut rng).unwrap();
            let small = shaken(&arch, &mut rng);
            let x = input(&space, &mut rng);
            let y = small.forward(&x).unwrap();
            let mut model = small.clone();
            let all = arch.morphisms().unwrap();
            for step in &all {
                let large = small.morph(&step.architecture(), rng.below(100)).unwrap();
                let apart = apart(&y, &large.forward(&x).unwrap());
                assert!(apart < 1e-5, "{arch}: {step}: {apart}");
                assert!(step.architecture().params() >= arch.params());
                found.push(step.name());
            }
            // One after the other, as a search does.
            for _ in 0..4 {
                let all = model.architecture().morphisms().unwrap();
                let Some(step) = rng.pick(&all) else { break };
                model = model.morph(&step.architecture(), 5).unwrap();
                let apart = apart(&y, &model.forward(&x).unwrap());
                assert!(apart < 1e-5, "{arch} to {}: {apart}", model.architecture());
            }
        }
        for kind in kinds {
            assert!(found.iter().any(|name| name.starts_with(kind)), "{space}: {kind}: {found:?}");
        }
    }
}

/// Copies of a unit have different gradients, and something of every new branch has one.
#[test]
fn what_has_grown_can_learn() {
    let grads = |model: &Model, x: &Tensor| {
        let y = model.forward_train(x, &mut Rng::new(1)).unwrap();
        let loss = y.sqr().unwrap().mean_all().unwrap().backward().unwrap();
        let of = |(name, var): (String, Var)| {
            let grad = loss.get(&var).map(|g| g.flatten_all().unwrap().to_vec1::<f32>().unwrap());
            (name, grad.unwrap_or_default())
        };
        model.named_vars().into_iter().map(of).collect::<Vec<_>>()
    };
    let mut rng = Rng::new(3);
    let space = Space::new([5], Task::regression(2)).then(linear(any([4, 8]))).then(linear(6));
    let small = shaken(&space.decode([0]).unwrap(), &mut rng);
    let x = input(&space, &mut rng);
    let large = small.morph(&space.decode([1]).unwrap(), 1).unwrap();
    let (_, first) = &grads(&large, &x)[0];
    for unit in 0..4 {
        let row = |u: usize| &first[u * 5..(u + 1) * 5];
        let (a, b) = (row(unit), row(unit + 4));
        let dead = a.iter().chain(b).all(|v| *v == 0.0);
        assert!(dead || a != b, "unit {unit} has two copies with the gradient {a:?}");
    }
    assert!(first.iter().any(|v| *v != 0.0));

    let space = Space::new([2, 8, 8], Task::classification(4))
        .then(conv(4, 3))
        .then(repeat(0..=1, relu().then(conv(same(), 3).activation("identity")).residual()));
    let space = space.then(global_avg_pool());
    let small = shaken(&space.decode([0]).unwrap(), &mut rng);
    let x = input(&space, &mut rng);
    let large = small.morph(&space.decode([1]).unwrap(), 1).unwrap();
    let all = grads(&large, &x);
    let zeroed = large.named_vars().into_iter().filter(|(name, var)| {
        name.ends_with("gamma")
            && var.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap() == 0.0
    });
    let zeroed: Vec<String> = zeroed.map(|(name, _)| name).collect();
    assert_eq!(zeroed.len(), 1, "{zeroed:?}");
    let (_, grad) = all.iter().find(|(name, _)| *name == zeroed[0]).unwrap();
    assert!(grad.iter().any(|v| *v != 0.0), "the branch of zeros has no gradient");
}

/// Of what cannot be preserved the error says which layer, and why.
#[test]
fn what_changes_the_function_is_refused() {
    let refused = |space: &Space, from: &str, to: &str, parts: &[&str]| {
        let from = space.parse(from).unwrap();
        let to = space.parse(to).unwrap();
        let model = Model::new(&from, &Device::Cpu, 1).unwrap();
        assert!(from.morphisms().unwrap().iter().all(|m| m.architecture() != to));
        says(model.morph(&to, 1), &[&format!("{to} cannot compute the same as {from}")]);
        says(model.morph(&to, 1), parts);
    };
    let features = Space::new([5], Task::classification(3));
    let space = features
        .then(linear(any([4, 8])))
        .then(repeat(0..=1, linear(any([4, 8])).activation("tanh")));
    refused(&space, "linear(8)", "linear(4)", &["layer 1", "a narrower layer"]);
    refused(
        &space,
        "linear(4)",
        "linear(4)>linear(4,activation=tanh)",
        &["layer 2", "ends in tanh"],
    );
    let images = Space::new([2, 8, 8], Task::classification(3));
    let space = images
        .then(conv(4, any([3, 5])))
        .then(repeat(
            0..=1,
            one_of([max_pool(2), conv(same(), 3).residual(), conv(4, 3).stride(2)]),
        ))
        .then(global_avg_pool());
    refused(
        &space,
        "conv(4,5)>global_avg_pool",
        "conv(4,3)>global_avg_pool",
        &["a smaller kernel"],
    );
    let after = |what: &str| format!("conv(4,3)>{what}>global_avg_pool");
    let plain = "conv(4,3)>global_avg_pool";
    refused(&space, plain, &after("max_pool(2)"), &["layer 2", "keep the shape"]);
    refused(&space, plain, &after("conv(4,3,stride=2)"), &["layer 2", "keep the shape"]);
    let of_relu = space.decode([0, 1, 1]).unwrap().to_text();
    refused(&space, plain, &of_relu, &["layer 3, add", "does not end in ReLU", "relu() before it"]);
    let sequence = Space::new([6, 4], Task::classification(3));
    let space = sequence.then(lstm(any([4, 8]))).then(last());
    refused(&space, "lstm(4)>last", "lstm(8)>last", &["layer 1", "stay as it is"]);
    let decisions = Space::decisions([2, 3]).default_architecture().unwrap();
    assert!(decisions.morphisms().unwrap().is_empty());
}
