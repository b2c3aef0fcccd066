//! What the layers of attention networks promise: who sees whom, what is dropped, what it costs.

use nascent::prelude::*;

fn numbers(t: &Tensor) -> Vec<f32> {
    t.flatten_all().unwrap().to_vec1().unwrap()
}

fn model(space: &Space) -> Model {
    Model::new(&space.default_architecture().unwrap(), &Device::Cpu, 1).unwrap()
}

#[test]
fn causal_attention_does_not_look_ahead() {
    // If the next token is to be predicted, the task asks for it; otherwise positions see everything.
    let blocks = || attention(2).then(feed_forward(2));
    let language = Space::new([6], Task::next_token(5))
        .then(embedding(8))
        .then(positions())
        .then(repeat(2, blocks()));
    let model = model(&language);
    let run = |tokens: [u32; 6]| {
        let x = Tensor::new(&[tokens], &Device::Cpu).unwrap();
        numbers(&model.forward(&x).unwrap()).chunks(5).map(<[f32]>::to_vec).collect::<Vec<_>>()
    };
    let (a, b) = (run([0, 1, 2, 3, 4, 0]), run([0, 1, 2, 3, 1, 1]));
    assert_eq!(a[..4], b[..4]);
    assert_ne!(a[4], b[4]);
    // The order counts, by the learned positions.
    assert!(run([1, 1, 1, 1, 1, 1]).windows(2).all(|w| w[0] != w[1]));

    for (block, causal) in [(blocks(), false), (attention(2).causal(true), true)] {
        let space = Space::new([6, 2], Task::classification(12)).then(block);
        let name = space.default_architecture().unwrap().layers()[1].name.clone();
        assert_eq!(name, format!("attention(2,causal={})", u8::from(causal)));
    }
}

#[test]
fn drop_path_drops_whole_samples_and_scales_the_others() {
    let space = Space::new([3], Task::classification(2)).then(drop_path(0.25));
    let model = model(&space);
    let n = 4000;
    let x = Tensor::full(0.5f32, (n, 3), &Device::Cpu).unwrap();
    let one_row = |by: f64| numbers(&model.forward(&(&x * by).unwrap()).unwrap())[..2].to_vec();
    let (kept, dropped) = (one_row(1.0 / 0.75), one_row(0.0));
    let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
    let y = numbers(&model.forward_train(&x, &mut Rng::new(3)).unwrap());
    let zeros = y.chunks(2).filter(|row| near(row, &dropped)).count();
    assert!(y.chunks(2).all(|row| near(row, &dropped) || near(row, &kept)));
    assert!((zeros as f64 / n as f64 - 0.25).abs() < 0.03, "{zeros}");
    // The same stream drops the same samples.
    assert_eq!(y, numbers(&model.forward_train(&x, &mut Rng::new(3)).unwrap()));
}

#[test]
fn costs_by_hand() {
    let space = Space::new([10, 16], Task::classification(3))
        .then(attention(4))
        .then(feed_forward(2))
        .then(global_avg_pool());
    let rows = space.default_architecture().unwrap().layers();
    assert_eq!([rows[1].params, rows[2].params], [1088 + 32, 2 * 512 + 32 + 16 + 32]);
    assert_eq!([rows[1].macs, rows[2].macs], [10 * 1024 + 2 * 10 * 10 * 16, 10 * 1024]);
    let space = Space::new([32, 4, 4], Task::classification(3)).then(squeeze_excite(8));
    let rows = space.default_architecture().unwrap().layers();
    assert_eq!([rows[1].params, rows[1].macs], [2 * 32 * 4 + 36, 2 * 32 * 4 + 512]);
}

#[test]
fn misfits_say_what_would_fit() {
    let image = || Space::new([6, 4, 4], Task::classification(3));
    let tokens = || Space::new([6], Task::next_token(5));
    let sequence = || Space::new([6, 12], Task::classification(3));
    for (space, parts) in [
        (sequence().then(attention(5)), vec!["12 features", "5 heads", "1, 2, 3, 4, 6, 12"]),
        (tokens().then(attention(2)), vec!["6 tokens of 5", "embedding"]),
        (image().then(attention(2)), vec!["6x4x4", "[L, D]"]),
        (tokens().then(positions()), vec!["embedding"]),
        (tokens().then(feed_forward(2)), vec!["embedding"]),
        (image().then(feed_forward(2)), vec!["global_avg_pool"]),
        (image().then(group_norm(4)), vec!["6 channels", "4 groups", "1, 2, 3, 6"]),
        (sequence().then(group_norm(2)), vec!["layer_norm"]),
        (tokens().then(layer_norm()), vec!["embedding"]),
        (sequence().then(squeeze_excite(2)), vec!["6x12", "image"]),
        (tokens().then(drop_path(0.1)), vec!["embedding"]),
    ] {
        let e = space.default_architecture().unwrap_err().to_string();
        assert!(parts.iter().all(|p| e.contains(p)), "{parts:?} is not in: {e}");
    }
    for (block, part) in [
        (attention(0), "allowed is 1 to 1024"),
        (attention(2).causal(3), "allowed is 0 to 2"),
        (linear(2).causal(true), "linear has no setting `causal`; conv1d, attention have"),
        (drop_path(1.0), "less than 1.0"),
    ] {
        assert!(block.problems()[0].contains(part), "{:?}", block.problems());
    }
}

/// PyTorch's defaults: `LayerNorm` is ones and zeros, the biases of `MultiheadAttention` are zeros,
/// its projections within sqrt(6 / (3 D + D)) and 1 / sqrt(D).
#[test]
fn weights_begin_as_in_pytorch() {
    let space = Space::new([5, 32], Task::classification(2)).then(attention(4));
    let model = model(&space);
    let largest = |end: &str| {
        let vars = model.named_vars();
        let (_, v) = vars.iter().find(|(name, _)| name.ends_with(end)).unwrap();
        numbers(v.as_tensor()).iter().fold(0f32, |m, v| m.max(v.abs()))
    };
    assert_eq!([largest("norm.gamma"), largest("norm.beta")], [1.0, 0.0]);
    assert_eq!([largest("in_proj.bias"), largest("out_proj.bias")], [0.0, 0.0]);
    for (name, bound) in [("in_proj.weight", 6.0 / 128.0), ("out_proj.weight", 1.0 / 32.0)] {
        let share = largest(name) / f32::sqrt(bound);
        assert!((0.98..=1.0).contains(&share), "{name}: {share}");
    }
}
