//! The gradients of a model in a plain program, which `tests/in_kernel.py` expects in notebook cells.

use nascent::prelude::*;

/// The loss, and the gradient's norm, of a small network on fixed inputs; `in_kernel.py` reads them.
const LOSS: f64 = 1.1356363;
const NORM: f64 = 0.3116136;

#[test]
fn gradients_in_a_plain_program() -> Result<()> {
    let space =
        Space::new([1, 6, 6], Task::classification(3)).then(conv(4, 3)).then(global_avg_pool());
    let model = Model::new(&space.default_architecture()?, &Device::Cpu, 1)?;
    let values: Vec<f32> = (0..5 * 36).map(|i| ((i * 37) % 101) as f32 / 101.0).collect();
    let x = Tensor::from_vec(values, (5, 1, 6, 6), &Device::Cpu)?;
    let y = Tensor::new(&[0u32, 1, 2, 1, 0], &Device::Cpu)?;

    let out = model.forward_train(&x, &mut Rng::new(1))?;
    let loss = candle_nn::loss::cross_entropy(&out, &y)?;
    let grads = loss.backward()?;
    let mut square = 0.0;
    for var in model.vars() {
        let g = grads.get(&var).ok_or("a weight without a gradient")?;
        square += g.sqr()?.sum_all()?.to_scalar::<f32>()? as f64;
    }
    let (loss, norm) = (loss.to_scalar::<f32>()? as f64, square.sqrt());
    assert!((loss - LOSS).abs() < 1e-5 && (norm - NORM).abs() < 1e-5, "{loss} {norm}");
    Ok(())
}
