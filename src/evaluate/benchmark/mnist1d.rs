//! MNIST-1D as a benchmark: every network of a small convolutional and recurrent space, trained by
//! this crate.
//!
//! MNIST-1D (S. Greydanus and D. Kobak, arXiv 2011.14439) has ten classes of sequences of 40 values,
//! which say more about a network than images of the same cost: linear models reach 32 %,
//! convolutional ones 94 %.
//!
//! ```text
//! decision   options
//! stem       1: channels 4, 8, 16          2: width of its kernel 3, 7
//! body       3, 4, 5: skip, convolution of width 3, convolution of width 5 with a residual
//!            connection, max pooling by 2, GRU
//! read-out   6: global average, global maximum, the last position
//! ```
//!
//! All 2,250 were trained twice, with the seeds 0 and 1, for 27 epochs on the 3,200 training sequences
//! as [`Mnist1dBench::training`] says; after every epoch 800 validation sequences and the 1,000 test
//! sequences were classified. Nothing here is estimated or filled in. `examples/mnist1d_bench.rs`
//! recreates `mnist1d_bench.bin`, and prints these figures:
//!
//! ```text
//! trained       2026-11-27, on two cores of an AMD EPYC virtual machine with AVX-512, Rust 1.95
//! cost          2.0 hours of one core for all 4,500 trainings, at the seconds of the table
//! validation    mean of both seeds after 27 epochs, %: least 7.88, median 86.12, most 99.06
//! test          the same: least 8.55, median 86.70, most 99.00
//! between seeds standard deviation of the test accuracy 4.81 points; for half of the networks below
//!               0.85, for the best tenth 0.37; the large ones are of networks that one seed did not train
//! best regret   who finds the best by the validation of seed 0 is 0.50 points of test accuracy below
//!               the best there is; of seed 1, 0.10; of the mean of both, 0.40
//! an epoch      10 to 179 ms, median 54: the shortest of three, one training at a time
//! ```

use crate::data::Dataset;
use crate::evaluate::{Table, Train};
use crate::layer::{conv1d, global_avg_pool, global_max_pool, gru, last, max_pool, skip};
use crate::space::{Architecture, Space};
use crate::tree::{any, one_of, same};
use std::io::Read;

/// Compressed (deflate). For each seed, for validation and then test sequences, for each architecture
/// in the order of enumeration, for each epoch: how many more sequences were classified correctly
/// than after the epoch before; d >= 0 as 2d and d < 0 as -2d - 1, in one byte, or from 128 on in two,
/// the first with the lower 7 bits and the highest bit set. Then for each architecture the seconds of
/// an epoch, 16 bits, little-endian, in units of 10 microseconds.
static TRAININGS: &[u8] = include_bytes!("../../data/mnist1d_bench.bin");

const NAME: &str = "MNIST-1D bench";
const SEEDS: usize = 2;
const EPOCHS: usize = 27;
/// Validation and test sequences.
const SEQUENCES: [f64; 2] = [800.0, 1000.0];

/// A benchmark trained by this crate: 2,250 small convolutional and recurrent networks on MNIST-1D,
/// with two seeds each and figures after every one of 27 epochs.
///
/// [`Mnist1dBench::table`] looks the figures up; its architectures are real networks, so that any
/// of them can be trained again and compared.
///
/// ```
/// use nascent::prelude::*;
/// let table = Mnist1dBench::table();
/// let study = Study::new(&table.space(), &table)
///     .strategy(LocalSearch::new()).duplicates(Duplicates::Repeat).batch(1)
///     .trials(100).seed(1).quiet().run()?;
/// let best = study.best()?.architecture();
/// let regret = table.optimum_of("test")? - table.figure(&best, "test")?.unwrap_or(0.0);
/// assert!(regret < 0.1);
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, Debug)]
pub enum Mnist1dBench {}

impl Mnist1dBench {
    /// The space: a stem, three positions of five operations each, and three ways to read out.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// assert_eq!(Mnist1dBench::space().size(), Some(2_250));
    /// ```
    pub fn space() -> Space {
        let operation = one_of([
            skip(),
            conv1d(same(), 3),
            conv1d(same(), 5).residual(),
            max_pool(2),
            gru(same()),
        ]);
        Space::on(&Dataset::mnist1d())
            .then(conv1d(any([4, 8, 16]), any([3, 7])))
            .then(&operation)
            .then(&operation)
            .then(&operation)
            .then(one_of([global_avg_pool(), global_max_pool(), last()]))
    }

    /// How each of them was trained: the defaults of [`Train`] for 27 epochs, with the seeds 0 and 1.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let arch = Mnist1dBench::table().best()?;
    /// let mut training = Mnist1dBench::training().start(&arch, 0)?;
    /// training.advance(1)?;                      // the first of 27 epochs, as in the table
    /// assert_eq!(training.epoch(), 1);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn training() -> Train {
        Train::on(&Dataset::mnist1d()).epochs(EPOCHS)
    }

    /// What was found, as a [`Table`] over [`Mnist1dBench::space`].
    ///
    /// Its columns are `val1_s0`, `val1_s1`, `test1_s0`, `test1_s1` to `test27_s1` (share of the
    /// validation and test sequences classified correctly, after that many epochs, with each seed),
    /// `val` and `test` (the means of both seeds after 27 epochs), `seconds` (of 27 epochs with their
    /// validation, on one core), `params` and `macs`. A trial gets one of the seeds, drawn by its own seed,
    /// after as many epochs as its budget allows, and pays the seconds of those; `test` is on record
    /// with it.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let table = Mnist1dBench::table();
    /// let arch = table.space().sample(&mut Rng::new(1))?;
    /// let third = table.evaluate(&arch, &Budget::new(9, 27, 1))?;
    /// let curve: Vec<f64> = (1..=27)
    ///     .filter_map(|e| table.figure(&arch, &format!("val{e}_s0")).ok().flatten())
    ///     .collect();
    /// assert_eq!(curve.len(), 27);
    /// assert!(third.score() == curve[8] || Some(third.score()) == table.figure(&arch, "val9_s1")?);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn table() -> Table {
        table(TRAININGS)
    }
}

/// The table of a name that [`Table::embedded`] was given.
pub(super) fn embedded(name: &str) -> Option<Table> {
    (name == NAME).then(Mnist1dBench::table)
}

fn table(packed: &[u8]) -> Table {
    let mut bytes = vec![];
    // Cannot fail: the file is part of the program, and a test reads all of it.
    let _ = flate2::bufread::DeflateDecoder::new(packed).read_to_end(&mut bytes);
    let space = Mnist1dBench::space();
    let all: Vec<Architecture> = space.enumerate().collect();
    let mut bytes = bytes.into_iter();
    let mut byte = || u64::from(bytes.next().unwrap_or_default());
    let mut columns: Vec<(String, Vec<f64>)> = vec![];
    for seed in 0..SEEDS {
        for (split, sequences) in ["val", "test"].into_iter().zip(SEQUENCES) {
            let mut curves = vec![vec![]; EPOCHS];
            for _ in &all {
                let mut count = 0;
                for curve in &mut curves {
                    let low = byte();
                    let more = if low < 128 { low } else { low & 127 | byte() << 7 } as i64;
                    count += if more % 2 == 0 { more / 2 } else { -(more + 1) / 2 };
                    curve.push(count as f64 / sequences);
                }
            }
            let name = |epoch: usize| format!("{split}{epoch}_s{seed}");
            columns.extend(curves.into_iter().enumerate().map(|(e, curve)| (name(e + 1), curve)));
        }
    }
    let mean = |split: usize| -> Vec<f64> {
        let of_seed = |seed: usize| &columns[(2 * seed + split + 1) * EPOCHS - 1].1;
        (0..all.len()).map(|row| (of_seed(0)[row] + of_seed(1)[row]) / 2.0).collect()
    };
    let (val, test) = (mean(0), mean(1));
    let units = |_: &Architecture| byte() + (byte() << 8);
    let seconds = all.iter().map(units).map(|units| units as f64 * 1e-5 * EPOCHS as f64).collect();
    columns.extend([
        ("val".to_string(), val),
        ("test".to_string(), test),
        ("seconds".to_string(), seconds),
        ("params".to_string(), all.iter().map(|a| a.params() as f64).collect()),
        ("macs".to_string(), all.iter().map(|a| a.macs() as f64).collect()),
    ]);
    let codes = all.iter().map(Architecture::decisions).collect();
    let seeds = |epoch: usize| vec![format!("val{epoch}_s0"), format!("val{epoch}_s1")];
    Table::embedded(NAME, EPOCHS as i64, codes, columns)
        .levels_of((1..=EPOCHS).map(|epoch| (seeds(epoch), epoch as i64)))
        .named("validation accuracy")
        .reporting("test")
        .cost("seconds")
        .over(&space)
}
