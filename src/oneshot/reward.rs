//! How good a path is on a single batch: cheap, rough, and larger where it is better.

use crate::error::{Error, Result};
use crate::evaluate::loss;
use crate::space::Architecture;
use crate::task::Task;
use candle_core::Tensor;

/// The accuracy of outputs; of a regression 1 / (1 + loss), and for the next token the inverse of the
/// perplexity. 0 where the loss is no number.
pub(super) fn reward(task: &Task, out: &Tensor, y: &Tensor) -> Result<f64> {
    if let Task::Classification { .. } = task {
        let rows: Vec<Vec<f32>> = out.to_vec2()?;
        let right = rows.iter().zip(y.to_vec1::<u32>()?).filter(|(row, target)| {
            let larger = |best: usize, c: usize| if row[c] > row[best] { c } else { best };
            (1..row.len()).fold(0, larger) == *target as usize
        });
        return Ok(right.count() as f64 / rows.len().max(1) as f64);
    }
    let loss = f64::from(loss(task, out, y, 0.0)?.to_scalar::<f32>()?);
    if !loss.is_finite() {
        return Ok(0.0);
    }
    Ok(if let Task::NextToken { .. } = task { (-loss).exp() } else { 1.0 / (1.0 + loss) })
}

/// The decisions of the architecture with the largest reward; of equal ones the first. One that is not a number is
/// behind all others.
pub(super) fn best_of(
    archs: impl IntoIterator<Item = Architecture>,
    mut reward: impl FnMut(&Architecture) -> Result<f64>,
) -> Result<Vec<u32>> {
    let mut best: Option<(f64, Architecture)> = None;
    for arch in archs {
        let found = ranked(reward(&arch)?);
        if best.as_ref().is_none_or(|(most, _)| found > *most) {
            best = Some((found, arch));
        }
    }
    let none = || Error::from("no architecture to choose from");
    best.map(|(_, arch)| arch.decisions()).ok_or_else(none)
}

/// A number by which to rank: a network that overflows is the worst.
pub(super) fn ranked(score: f64) -> f64 {
    if score.is_nan() { f64::NEG_INFINITY } else { score }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Space;

    #[test]
    fn what_is_no_number_is_behind_all_others() {
        let archs = Space::decisions([4]).all().unwrap();
        let best = |scores: [f64; 4]| {
            let reward = |a: &Architecture| Ok(scores[a.decided()[0] as usize]);
            best_of(archs.clone(), reward).unwrap()
        };
        assert_eq!(best([f64::NAN, 0.2, 0.1, f64::NAN]), [1]);
        assert_eq!(best([-1.0, f64::NAN, -2.0, -3.0]), [0]);
        assert_eq!(best([f64::NAN; 4]), [0], "of equal ones the first");
    }
}
