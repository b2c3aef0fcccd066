//! CIFAR-10 and CIFAR-100 in their binary format.
//!
//! A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009. A record is one
//! byte for the class (CIFAR-100: the coarse class, then the fine one) and 3,072 bytes: a plane of 32x32
//! for red, one for green, one for blue.

use super::file::{find, name_of, read, read_text, reserve, wrong};
use super::{Dataset, Values};
use crate::error::Result;
use crate::shape::Shape;
use crate::task::Task;
use std::path::{Path, PathBuf};

const PIXELS: usize = 3 * 32 * 32;
const HINT: &str = "Get the binary version at www.cs.toronto.edu/~kriz/cifar.html and unpack it.";

/// What differs between the two sets.
struct Kind {
    classes: usize,
    /// Bytes of classes before the pixels; the last of them counts.
    labels: usize,
    folder: &'static str,
    train: &'static [&'static str],
    test: &'static str,
    words: &'static str,
}

const CIFAR10: Kind = Kind {
    classes: 10,
    labels: 1,
    folder: "cifar-10-batches-bin",
    train: &[
        "data_batch_1.bin",
        "data_batch_2.bin",
        "data_batch_3.bin",
        "data_batch_4.bin",
        "data_batch_5.bin",
    ],
    test: "test_batch.bin",
    words: "batches.meta.txt",
};

const CIFAR100: Kind = Kind {
    classes: 100,
    labels: 2,
    folder: "cifar-100-binary",
    train: &["train.bin"],
    test: "test.bin",
    words: "fine_label_names.txt",
};

fn append(kind: &Kind, path: &Path, x: &mut Vec<f32>, y: &mut Vec<u32>) -> Result<()> {
    let bytes = read(path, HINT)?;
    let record = kind.labels + PIXELS;
    if bytes.is_empty() || !bytes.len().is_multiple_of(record) {
        return Err(wrong(
            path,
            format!("{} bytes are not a whole number of records of {record}. {HINT}", bytes.len()),
        ));
    }
    reserve(x, bytes.len() / record * PIXELS, path)?;
    for (i, one) in bytes.chunks_exact(record).enumerate() {
        let (labels, pixels) = one.split_at(kind.labels);
        let class = labels[kind.labels - 1];
        if usize::from(class) >= kind.classes {
            return Err(wrong(
                path,
                format!("record {i} is of class {class}; {} are allowed. {HINT}", kind.classes),
            ));
        }
        y.push(u32::from(class));
        x.extend(pixels.iter().map(|&p| f32::from(p) / 255.0));
    }
    Ok(())
}

fn load(kind: &Kind, path: &Path) -> Result<Dataset> {
    let (mut x, mut y) = (vec![], vec![]);
    let (task, shape) = (Task::classification(kind.classes), Shape::new([3, 32, 32]));
    if path.exists() && !path.is_dir() {
        append(kind, path, &mut x, &mut y)?;
        return Ok(Dataset::labelled(&name_of(path), task, shape, Values::Numbers(x), y, None)?);
    }
    let inside = path.join(kind.folder);
    let folder = if inside.is_dir() { &inside } else { path };
    let train: Vec<PathBuf> =
        kind.train.iter().map(|name| find(folder, &[name], HINT)).collect::<Result<_>>()?;
    let test = find(folder, &[kind.test], HINT)?;
    for part in &train {
        append(kind, part, &mut x, &mut y)?;
    }
    let n = y.len();
    append(kind, &test, &mut x, &mut y)?;
    let name = format!("cifar{}", kind.classes);
    let data = Dataset::labelled(&name, task, shape, Values::Numbers(x), y, Some(n))?;
    // Without the file of their names, the classes are numbered.
    let words = read_text(&folder.join(kind.words), HINT).unwrap_or_default();
    let words = words.split_whitespace().map(str::to_string);
    Ok(data.with_classes(words.collect::<Vec<_>>()).unwrap_or(data))
}

impl Dataset {
    /// CIFAR-10 in its binary format: 60,000 images `[3, 32, 32]` in 10 classes. `path` is the
    /// folder `cifar-10-batches-bin`, the one that it is in, or one `.bin` file. In a folder,
    /// `test_batch.bin` is the test split and a fifth of the five train batches the validation
    /// split; a file is split 60 : 20 : 20. Bytes become numbers from 0 to 1, 740 MB in all.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let e = Dataset::cifar10("no/such/folder").unwrap_err().to_string();
    /// assert!(e.contains("data_batch_1.bin") && e.contains("kriz/cifar.html"));
    /// ```
    ///
    /// # Errors
    /// When a file is missing or damaged.
    pub fn cifar10(path: impl AsRef<Path>) -> Result<Dataset> {
        load(&CIFAR10, path.as_ref())
    }

    /// CIFAR-100 in its binary format, with its 100 fine classes; see [`Dataset::cifar10`]. `path`
    /// is the folder `cifar-100-binary`, the one that it is in, or one `.bin` file.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let e = Dataset::cifar100("no/such/folder").unwrap_err().to_string();
    /// assert!(e.contains("train.bin"));
    /// ```
    ///
    /// # Errors
    /// When a file is missing or damaged.
    pub fn cifar100(path: impl AsRef<Path>) -> Result<Dataset> {
        load(&CIFAR100, path.as_ref())
    }
}
