//! Pieces that several strategies are made of.

use crate::rng::Rng;
use crate::study::{History, Trial};

/// The best of `size` trials drawn with replacement; the first drawn wins a tie.
pub(super) fn tournament(
    history: &History,
    population: &[Trial],
    size: usize,
    rng: &mut Rng,
) -> Option<Trial> {
    let metric = history.metric();
    let mut best: Option<Trial> = None;
    for _ in 0..size {
        let drawn = rng.pick(population)?;
        let better = match (&best, drawn.score()) {
            (None, _) => true,
            (Some(b), Some(s)) => metric.better(s, b.score().unwrap_or(f64::NAN)),
            (Some(_), None) => false,
        };
        if better {
            best = Some(drawn);
        }
    }
    best
}
