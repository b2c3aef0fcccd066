//! Recurrent layers, and sequences that end before their padding.

use nascent::prelude::*;

/// A space over padded tokens, which only data sets make otherwise.
fn padded(length: usize, symbols: usize, block: Block) -> Result<Space> {
    let space = Space::new([length], Task::next_token(symbols)).then(embedding(4)).then(block);
    let mut json: serde_json::Value = serde_json::from_str(&space.to_json())?;
    json["input"] = serde_json::to_value(Shape::tokens(length, symbols).padded())?;
    json["task"] = serde_json::to_value(Task::classification(3))?;
    Space::from_json(&json.to_string())
}

fn tokens(rows: &[&[u32]], length: usize) -> Result<Tensor> {
    let fill = |row: &&[u32]| [row, &vec![0; length - row.len()][..]].concat();
    let data: Vec<u32> = rows.iter().flat_map(fill).collect();
    Ok(Tensor::from_vec(data, (rows.len(), length), &Device::Cpu)?)
}

fn numbers(t: &Tensor) -> Result<Vec<f32>> {
    Ok(t.flatten_all()?.to_vec1::<f32>()?)
}

fn assert_close(what: &str, a: &[f32], b: &[f32]) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() < 1e-5, "{what}: {a} {b}");
    }
}

/// Scores and gradients of a batch, with this many positions.
fn result(block: &Block, rows: &[&[u32]], length: usize) -> Result<(Vec<f32>, Vec<Vec<f32>>)> {
    let arch = padded(length, 6, block.clone())?.default_architecture()?;
    let model = Model::new(&arch, &Device::Cpu, 7)?;
    let y = model.forward_train(&tokens(rows, length)?, &mut Rng::new(1))?;
    let grads = y.sqr()?.sum_all()?.backward()?;
    let of = |v: &Var| grads.get(v).map_or(Ok(vec![]), numbers);
    Ok((numbers(&y)?, model.vars().iter().map(of).collect::<Result<_>>()?))
}

#[test]
fn results_do_not_depend_on_the_padding() -> Result<()> {
    let rows: [&[u32]; 4] = [&[1, 2, 3, 4, 5], &[2], &[5, 0, 4], &[]];
    for recurrent in [rnn(2), lstm(2), gru(2)] {
        let both = recurrent.bidirectional(true);
        for block in [
            recurrent.then(last()),
            both.then(last()),
            recurrent.then(global_avg_pool()),
            both.then(global_max_pool()),
            both.then(dropout(0.0)).then(recurrent.clone()).then(last()),
            // As wide as the embedding: a projection would count padding in its normalisation.
            both.residual().then(both.clone()).then(last()),
            linear(5).then(global_avg_pool()),
            last().then(linear(4)),
            // Every other position: the end is where the last valid one of them is.
            conv1d(4, 1).stride(2).norm(false).then(last()),
            conv1d(4, 1).stride(2).norm(false).then(recurrent.clone()).then(global_avg_pool()),
            conv1d(4, 1).stride(3).norm(false).then(global_max_pool()),
        ] {
            let (y, grads) = result(&block, &rows, 5)?;
            for length in [6, 11] {
                let (more, more_grads) = result(&block, &rows, length)?;
                assert_close(&block.to_string(), &y, &more);
                for (a, b) in grads.iter().zip(&more_grads) {
                    assert_close(&block.to_string(), a, b);
                }
            }
            // Nor on the other samples of the batch.
            let (alone, _) = result(&block, &rows[1..2], 8)?;
            assert_close(&block.to_string(), &y[3..6], &alone);
        }
    }
    Ok(())
}

/// Steps with all functions, and with states both near and far.
fn steps() -> [(i32, &'static str); 8] {
    let functions = ["sigmoid", "relu", "relu", "identity", "tanh", "sigmoid", "tanh", "relu"];
    let from = [0, 1, 1, 1, 2, 5, 3, 5];
    std::array::from_fn(|i| (from[i], functions[i]))
}

#[test]
fn the_cell_of_darts_does_not_depend_on_the_padding() -> Result<()> {
    let rows: [&[u32]; 4] = [&[1, 2, 3, 4, 5], &[2], &[5, 0, 4], &[]];
    let cell = darts_rnn(6, steps());
    let twice = cell.then(cell.clone());
    for block in [cell.then(last()), twice.then(global_avg_pool())] {
        let (y, grads) = result(&block, &rows, 5)?;
        let (more, more_grads) = result(&block, &rows, 9)?;
        assert_close(&block.to_string(), &y, &more);
        for (a, b) in grads.iter().zip(&more_grads) {
            assert_close(&block.to_string(), a, b);
        }
    }
    Ok(())
}

#[test]
fn the_cell_of_darts_costs_what_it_says() -> Result<()> {
    let (d, h, l) = (3, 5, 7);
    let space = Space::new([l, d], Task::classification(2)).then(darts_rnn(h as i32, steps()));
    let arch = space.default_architecture()?;
    let row = &arch.layers()[1];
    let weights = (d + h) * 2 * h + 8 * h * 2 * h;
    assert_eq!((row.params, row.macs), (weights, l * weights));
    assert_eq!(row.shape.dims(), [l, h]);
    let text = "darts_rnn(5,0,sigmoid,1,relu,1,relu,1,identity,2,tanh,5,sigmoid,3,tanh,5,relu)";
    assert_eq!(arch.to_string(), text);
    assert_eq!(space.parse(text)?, arch);
    let model = Model::new(&arch, &Device::Cpu, 3)?;
    let all: usize = model.vars().iter().map(|v| v.elem_count()).sum();
    assert_eq!(all, arch.params());
    // Uniform in 0.04 either way: the deviation is 0.04 / sqrt(3).
    let w = numbers(&model.vars()[1])?;
    let square = w.iter().map(|v| v * v).sum::<f32>() / w.len() as f32;
    assert!(
        w.iter().all(|v| v.abs() <= 0.04) && (square.sqrt() - 0.0231).abs() < 0.002,
        "{square}"
    );

    // What is impossible is reported.
    let seven = darts_rnn(4, steps().into_iter().take(7));
    assert!(seven.problems()[0].contains("7 steps"), "{:?}", seven.problems());
    let mut late = steps();
    late[2].0 = 3;
    assert!(darts_rnn(4, late).problems()[0].contains("from3 is 3; allowed is 0 to 2"));
    let mut other = steps();
    other[4].1 = "gelu";
    let space = Space::new([7, 3], Task::classification(2)).then(darts_rnn(4, other));
    let e = space.default_architecture().unwrap_err().to_string();
    assert!(e.contains("step 5 is gelu") && e.contains("identity"), "{e}");
    let image = Space::new([1, 8, 8], Task::classification(2)).then(darts_rnn(4, steps()));
    assert!(image.default_architecture().unwrap_err().to_string().contains("sequence [L, D]"));
    Ok(())
}

/// A model whose head passes its inputs on.
fn without_head(space: &Space, seed: u64) -> Result<Model> {
    let model = Model::new(&space.default_architecture()?, &Device::Cpu, seed)?;
    let vars = model.vars();
    let [.., weight, bias] = &vars[..] else { return Err("no head".into()) };
    weight.set(&Tensor::eye(weight.dim(0)?, DType::F32, &Device::Cpu)?)?;
    bias.set(&bias.zeros_like()?)?;
    Ok(model)
}

#[test]
fn last_takes_the_state_in_which_each_direction_ends() -> Result<()> {
    for (one, cell) in [(rnn(3), "rnn"), (lstm(3), "lstm"), (gru(3), "gru")] {
        let start = |targets: i32| Space::new([4, 2], Task::regression(targets));
        let both = start(6).then(one.bidirectional(true).then(dropout(0.1))).then(last());
        let names: Vec<String> =
            both.default_architecture()?.layers().iter().map(|l| l.name.clone()).collect();
        assert_eq!(names[3], "last(bidirectional=1)");
        let both = without_head(&both, 1)?;
        let x: Vec<f32> = (0..24).map(|i| (0.7 * i as f32).sin()).collect();
        let x = Tensor::from_vec(x, (3, 4, 2), &Device::Cpu)?;
        let y = both.forward(&x)?;

        let single = without_head(&start(3).then(one.clone()).then(last()), 2)?;
        for (end, x, half) in [("", x.clone(), 0), ("_reverse", x.flip(&[1])?, 3)] {
            for (name, var) in single.named_vars().iter().take(2) {
                let name = format!("{name}{end}");
                let of = both.named_vars().into_iter().find(|(n, _)| *n == name);
                let (_, of) = of.ok_or_else(|| format!("{cell} has no {name}"))?;
                var.set(&of)?;
            }
            let expected = numbers(&single.forward(&x)?)?;
            assert_close(cell, &numbers(&y.narrow(1, half, 3)?)?, &expected);
        }
    }
    Ok(())
}

#[test]
fn misfits_are_named() -> Result<()> {
    let image = Space::new([1, 8, 8], Task::classification(2));
    for block in [lstm(4), last()] {
        let e = image.then(block).default_architecture().unwrap_err().to_string();
        assert!(e.contains("sequence [L, D]") && e.contains("1x8x8"), "{e}");
    }
    let tokens = Space::new([8], Task::next_token(5)).then(gru(4));
    assert!(tokens.default_architecture().unwrap_err().to_string().contains("embedding"));
    let odd = Space::new([8, 3], Task::classification(2)).then(last().bidirectional(true));
    assert!(odd.default_architecture().unwrap_err().to_string().contains("even number"));
    assert!(lstm(4).bidirectional(3).problems()[0].contains("0 to 1"));
    assert!(lstm(0).problems()[0].contains("units is 0"));
    assert!(conv(4, 3).bidirectional(true).problems()[0].contains("rnn, lstm, gru"));
    let json = Space::new([8, 3], Task::classification(2))
        .to_json()
        .replace("[8,3]", "[8,3],\"padded\":true");
    let e = Space::from_json(&json).and_then(|s| s.check()).unwrap_err().to_string();
    assert!(e.contains("only tokens"), "{e}");
    let absurd = |d: usize| Space::new([2, d], Task::classification(2)).then(lstm(4));
    assert!(absurd(1 << 38).default_architecture()?.memory(64) > 1 << 40);
    assert!(absurd(usize::MAX / 2).default_architecture().is_err());
    Ok(())
}

#[test]
fn padding_is_part_of_the_shape() -> Result<()> {
    let shape = Shape::tokens(9, 4).padded();
    assert_eq!(shape.to_string(), "9 tokens of 4, padded");
    let text = serde_json::to_string(&shape)?;
    assert_eq!(serde_json::from_str::<Shape>(&text)?, shape);
    // Stored spaces without padding stay as they were.
    assert!(!serde_json::to_string(&Shape::tokens(9, 4))?.contains("padded"));
    assert!(!serde_json::from_str::<Shape>(r#"{"dims":[9],"vocabulary":4}"#)?.is_padded());
    Ok(())
}

/// What the last position alone does not show: whether the first and the last number have the same sign.
#[test]
fn recurrent_layers_remember() -> Result<()> {
    let mut rng = Rng::new(1);
    let mut x = vec![];
    let labels: Vec<u32> = (0..600)
        .map(|_| {
            let row: Vec<f32> =
                (0..8).map(|_| if rng.uniform() < 0.5 { -1.0 } else { 1.0 }).collect();
            let same = row[0] == row[7];
            x.extend(row);
            u32::from(same)
        })
        .collect();
    let data = Dataset::classification("ends", x, [8, 1], labels, 2)?;
    for block in [rnn(16), lstm(16), gru(16).bidirectional(true)] {
        let space = Space::on(&data).then(block).then(last());
        let train = Train::on(&data).epochs(25).optimizer(Optimizer::adamw().learning_rate(0.02));
        let study = Study::new(&space, train).trials(1).seed(1).run()?;
        assert!(study.best()?.score() > Some(0.95), "{study}");
    }
    Ok(())
}
