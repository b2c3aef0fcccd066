//! The memory that a supernet needs, known before anything is allocated.
//!
//! ```text
//! weights      all that some path may have, but no more than the steps of the training can touch; of
//!              sizes that are slices the largest
//! optimiser    one or two numbers per weight
//! statistics   two numbers per channel of every batch normalisation
//! gradients    of the largest path; with fair paths also the sum over the paths, of all weights
//! slices       a copy of the weights of each path of a step, and once more their gradients
//! activations  what the largest path keeps until its backward pass, with gradients
//! ```

use super::paths::Fair;
use super::{Evaluator, Train};
use crate::data::Split;
use crate::space::Space;

/// The bytes that a supernet needs at most.
pub(super) struct Needs {
    /// For the shared weights, their statistics and the state of the optimiser.
    pub(super) shared: usize,
    pub(super) all: usize,
}

impl Needs {
    /// Nothing where the space has too many shapes to tell, or none that fit.
    pub(super) fn of(space: &Space, train: &Train, fair: bool, slices: bool) -> Option<Needs> {
        let sharing = space.networks().sharing()?;
        let settings = &train.settings;
        let paths = match fair.then(|| Fair::of(space)) {
            Some(Ok(fair)) => fair.paths() as u64,
            _ => 1,
        };
        let steps = train.full().saturating_mul(train.steps(Split::Train)) as u64;
        // One path is built before the first step.
        let built = steps.saturating_mul(paths).saturating_add(1);
        let touched = built.saturating_mul(sharing.path);
        // A whole is as large as the largest of each of its dimensions, whatever paths touch.
        let slices = slices && sharing.sliced != sharing.weights;
        let weights = if slices { sharing.sliced } else { sharing.weights.min(touched) };
        let state = weights.saturating_mul(settings.optimizer.moments() as u64);
        let shared = weights.saturating_add(state).saturating_add(sharing.statistics);
        let sum = if fair { weights } else { 0 };
        let batch = 2u64.saturating_mul(settings.batch.max(0) as u64);
        let copies = if slices { sharing.path.saturating_mul(paths + 1) } else { 0 };
        let step = sharing.path.saturating_add(sum).saturating_add(copies);
        let step = step.saturating_add(batch.saturating_mul(sharing.kept));
        let bytes = |numbers: u64| usize::try_from(numbers.saturating_mul(4)).unwrap_or(usize::MAX);
        Some(Needs { shared: bytes(shared), all: bytes(shared.saturating_add(step)) })
    }
}

#[cfg(test)]
mod tests {
    use crate::model::Model;
    use crate::op::Store;
    use crate::prelude::*;

    /// What is said of a space, beside what its architectures have: all weights and statistics, the most
    /// weights of one, and the most numbers that one keeps.
    fn compared(space: &Space, archs: impl Iterator<Item = Architecture>) -> ([u64; 4], [u64; 4]) {
        let said = space.networks().sharing().unwrap();
        let (store, sliced) = (Store::default(), Store::new(true));
        let (mut path, mut kept) = (0, 0);
        for arch in archs {
            Model::sharing(&arch, &Device::Cpu, 1, &store).unwrap();
            Model::sharing(&arch, &Device::Cpu, 1, &sliced).unwrap();
            path = path.max(arch.params() as u64);
            kept = kept.max((arch.memory(1) - arch.memory(0)) as u64 / 8);
        }
        let said =
            [said.weights + said.statistics, said.path, said.kept, said.sliced + said.statistics];
        (said, [store.numbers() as u64, path, kept, sliced.numbers() as u64])
    }

    fn images() -> Space {
        Space::new([3, 8, 8], Task::classification(10))
    }

    #[test]
    fn what_is_said_is_what_all_architectures_have() {
        let op =
            one_of([conv(same(), 3), conv(same(), 1), depthwise(3), max_pool(3).stride(1), zero()]);
        let edges = [vec![op.clone()], vec![op.clone(), op.clone()]];
        let widths = images().then(conv(any([4, 8]), any([1, 3]))).then(conv(any([4, 6]), 3));
        let sequence = Space::new([12, 3], Task::classification(4));
        let spaces = [
            ("widths", widths.then(global_avg_pool())),
            ("a cell", images().then(conv(4, 3)).then(cell(edges.clone())).then(global_avg_pool())),
            ("a cell on widths", images().then(conv(any([4, 6]), 1)).then(cell(edges))),
            ("residual", widths.then(conv(any([4, 8]), 3).residual()).then(flatten())),
            (
                "depth",
                images()
                    .then(repeat(0..=3, one_of([conv(any([2, 4]), 3), relu()]).residual()))
                    .then(one_of([flatten(), global_avg_pool()])),
            ),
            (
                "not all fit",
                images().then(conv(any([4, 6]), 3)).then(conv(same(), 3).groups(any([1, 4]))),
            ),
            (
                "layers of sequences",
                sequence
                    .then(one_of([gru(6), lstm(any([4, 6])), conv1d(6, 3).residual()]))
                    .then(one_of([
                        attention(2),
                        feed_forward(2),
                        layer_norm(),
                        batch_norm(),
                        skip(),
                    ]))
                    .then(last()),
            ),
            (
                "joined",
                images()
                    .then(conv(4, 3))
                    .then(branches([one_of([conv(2, 3), zero()]), conv(any([2, 3]), 1)]))
                    .then(concat([skip(), one_of([conv(2, 3), skip()]), conv(any([2, 3]), 1)])),
            ),
        ];
        for (name, space) in spaces {
            let (said, found) = compared(&space, space.enumerate());
            assert_eq!(said, found, "{name}");
        }
    }

    #[test]
    fn it_is_a_bound_where_it_is_not_exact() {
        let motif = shared("motif", one_of([conv(same(), 3), conv(any([4, 8]), 1)]));
        let spaces = [
            ("shared", images().then(&motif).then(max_pool(2)).then(&motif).then(flatten())),
            ("nas_bench_201", images().then(presets::nas_bench_201(4, 1))),
            ("nas_bench_101", images().then(presets::nas_bench_101(8, 1))),
            ("darts", images().then(presets::darts(4, 3))),
            ("mobile", images().then(presets::mobile(8, [(8, 1), (16, 2)], any([1, 2])))),
        ];
        for (name, space) in spaces {
            let mut rng = Rng::new(1);
            let drawn: Vec<Architecture> =
                (0..60).map(|_| space.sample(&mut rng).unwrap()).collect();
            let (said, found) = compared(&space, drawn.into_iter());
            println!("{name}: {said:?} {found:?}");
            for (said, found) in said.into_iter().zip(found) {
                assert!(found <= said && said < 5 * found, "{name}: {found} of {said}");
            }
        }
    }

    #[test]
    fn a_short_training_touches_few_weights() {
        let data = Dataset::digits().take(200);
        let many = Space::on(&data).then(linear(any(1..=300))).then(linear(any(1..=300)));
        let train = Train::on(&data).batch_size(50);
        let apart = |epochs: i32| Supernet::on(&many, &train.epochs(epochs)).separate_sizes();
        let bytes = |epochs: i32| apart(epochs).memory().unwrap();
        let all = many.networks().sharing().unwrap();
        assert!(bytes(1) < bytes(2) && bytes(2) < bytes(1_000_000));
        assert_eq!(bytes(1_000_000), bytes(2_000_000));
        // Weights and two moments of AdamW, a path's gradient, and its activations.
        let numbers = 3 * all.weights + all.statistics + all.path + 100 * all.kept;
        assert_eq!(bytes(2_000_000) as u64, 4 * numbers);
        let fair = apart(2_000_000).fair();
        assert_eq!(fair.memory().unwrap() as u64, 4 * (numbers + all.weights));
    }

    #[test]
    fn of_slices_the_largest_counts() {
        let data = Dataset::digits().take(200);
        let many = Space::on(&data).then(linear(any(1..=300))).then(linear(any(1..=300)));
        let all = many.networks().sharing().unwrap();
        let whole = (64 * 300 + 300) + (300 * 300 + 300) + (300 * 10 + 10);
        assert_eq!((all.sliced, all.path), (whole, whole));
        // Copies of the slices, and their gradients once more.
        let train = Train::on(&data).batch_size(50).epochs(4000);
        let numbers = 3 * whole + whole + 2 * whole + 100 * all.kept;
        assert_eq!(Supernet::on(&many, &train).memory().unwrap() as u64, 4 * numbers);
    }

    /// The weights of one layer at one place, read by the same shapes, are the same on all paths, whatever is before.
    #[test]
    fn what_is_behind_other_channels_is_shared_all_the_same() {
        let images = || Space::new([1, 8, 8], Task::classification(10));
        let tokens = || Space::new([12, 3], Task::classification(4));
        let parts = || concat([conv(2, 3), conv(2, 1)]);
        let spaces = [
            images().then(one_of([parts(), conv(4, 3)])).then(conv(3, 1)).then(global_avg_pool()),
            tokens().then(one_of([gru(2).bidirectional(true), gru(4)])).then(linear(3)),
            images()
                .then(conv(8, 3))
                .then(one_of([skip(), concat([conv(4, 3), conv(4, 1)])]).residual())
                .then(conv(8, 3)),
            images()
                .then(one_of([seq([flatten(), relu()]), seq([flatten(), linear(64)])]))
                .then(linear(8)),
            images()
                .then(conv(4, 3))
                .then(one_of([skip(), max_pool(2)]))
                .then(conv(3, 3))
                .then(global_avg_pool()),
        ];
        for space in spaces {
            let (said, found) = compared(&space, space.enumerate());
            assert_eq!(said, found, "{space}");
            // No size is open, so slices change nothing.
            assert_eq!(found[0], found[3], "{space}");
        }
        // Behind channels that are not the first of a wider tensor, each width has its own.
        let image = Space::new([2, 8, 8], Task::classification(4));
        for (space, apart) in [
            (
                image.then(conv(any([2, 4]), 3).groups(2)).then(conv(3, 1)).then(global_avg_pool()),
                true,
            ),
            (tokens().then(linear(any([2, 4]))).then(attention(1)).then(linear(3)), false),
            (tokens().then(gru(any([2, 4]))).then(linear(3)), true),
        ] {
            let (said, found) = compared(&space, space.enumerate());
            assert_eq!(said, found, "{space}");
            assert_eq!(found[0] == found[3], apart, "{space}");
        }
    }
}
