//! Cross-entropy with label smoothing, from logits: one pass forward, one pass backward.
//!
//! For logits `z [N, K]`, targets `t [N]` and smoothing `e`, with `p = softmax(z)` and
//! `q[n, k] = (1 - e) [k == t[n]] + e / K`, the loss is the mean over `n` of
//! `sum over k of -q log p`, and its gradient `(p - q) / N`. The logarithm of the softmax is computed as
//! `z - max - log(sum exp(z - max))`, which neither overflows nor rounds to log 0.

use super::{Host, on_host, operand, output, tensor};
use candle_core::{CpuStorage, CustomOp1, DType, Layout, Result, Shape, Tensor, bail};

/// The mean cross-entropy of `logits [N, K]` against `targets [N]` (`u32`), a scalar.
///
/// `label_smoothing` in `0..=1` spreads that share of the target evenly over all classes.
pub(crate) fn cross_entropy(
    logits: &Tensor,
    targets: &Tensor,
    label_smoothing: f64,
) -> Result<Tensor> {
    let (rows, classes) = logits.dims2()?;
    if targets.dims() != [rows] || targets.dtype() != DType::U32 {
        bail!(
            "cross_entropy: targets {:?} {:?} must be u32, one for each row of logits {:?}",
            targets.dtype(),
            targets.shape(),
            logits.shape()
        );
    }
    if rows == 0 || classes == 0 {
        bail!("cross_entropy: logits {:?} are empty", logits.shape());
    }
    if !(0.0..=1.0).contains(&label_smoothing) {
        bail!("cross_entropy: label smoothing {label_smoothing} is not between 0 and 1");
    }
    if !on_host(&[logits]) {
        // On a GPU, reading the targets would block at every step; the data set has already checked them.
        if logits.device().is_cpu() {
            check(&targets.to_vec1()?, classes)?;
        }
        return fallback(logits, targets, label_smoothing);
    }
    let labels = targets.to_vec1::<u32>()?;
    check(&labels, classes)?;
    logits.contiguous()?.apply_op1(CrossEntropy { labels, smoothing: label_smoothing })
}

fn check(labels: &[u32], classes: usize) -> Result<()> {
    if let Some(bad) = labels.iter().find(|&&t| t as usize >= classes) {
        let last = classes - 1;
        bail!("cross_entropy: target {bad} is not one of {classes} classes, 0 to {last}");
    }
    Ok(())
}

fn fallback(logits: &Tensor, targets: &Tensor, smoothing: f64) -> Result<Tensor> {
    let log_p = candle_nn::ops::log_softmax(logits, 1)?;
    let hit = log_p.gather(&targets.unsqueeze(1)?.contiguous()?, 1)?.mean_all()?;
    hit.affine(-(1.0 - smoothing), 0.0)? + log_p.mean_all()?.affine(-smoothing, 0.0)?
}

struct CrossEntropy {
    labels: Vec<u32>,
    smoothing: f64,
}

/// The largest number of a row, and `log(sum exp(z - largest))`, which is NaN if the row contains NaN.
fn log_sum_exp(row: &[f32]) -> (f32, f64) {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = row.iter().map(|&z| f64::from((z - largest).exp())).sum();
    (largest, sum.ln())
}

impl CustomOp1 for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross-entropy"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let z = operand(storage, layout)?;
        let (rows, classes) = layout.shape().dims2()?;
        let mut total = 0f64;
        for (row, &label) in z.chunks_exact(classes).zip(&self.labels) {
            let (largest, log_sum) = log_sum_exp(row);
            let log_p = |z: f32| f64::from(z - largest) - log_sum;
            total -= (1.0 - self.smoothing) * log_p(row[label as usize]);
            if self.smoothing > 0.0 {
                let all: f64 = row.iter().map(|&z| log_p(z)).sum();
                total -= self.smoothing / classes as f64 * all;
            }
        }
        output(vec![(total / rows as f64) as f32], ())
    }

    fn bwd(&self, logits: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let (rows, classes) = logits.dims2()?;
        let host = Host::new(logits)?;
        let z = host.data()?;
        let scale = grad.to_scalar::<f32>()? / rows as f32;
        let (off, on) = ((self.smoothing / classes as f64) as f32, (1.0 - self.smoothing) as f32);
        let mut dz = Vec::with_capacity(z.len());
        for (row, &label) in z.chunks_exact(classes).zip(&self.labels) {
            let (largest, log_sum) = log_sum_exp(row);
            let log_sum = log_sum as f32;
            let start = dz.len();
            dz.extend(row.iter().map(|&z| ((z - largest - log_sum).exp() - off) * scale));
            dz[start + label as usize] -= on * scale;
        }
        Ok(Some(tensor(dz, logits.shape())?))
    }
}
