//! IDX, the format of MNIST and of the sets that followed it.
//!
//! Two zero bytes, the type of the values (8 is an unsigned byte, the only one that these sets use),
//! the number of dimensions, each dimension as a 32-bit number with the high byte first, and then
//! the values. Y. LeCun, C. Cortes and C. Burges, "The MNIST database of handwritten digits", 1998.

use super::file::{find, name_of, read, reserve, wrong};
use super::{Dataset, Values};
use crate::error::Result;
use crate::shape::Shape;
use crate::task::Task;
use std::collections::BTreeSet;
use std::path::Path;

const HINT: &str = "Fashion-MNIST is the Debian package dataset-fashion-mnist (in \
    /usr/share/datasets/fashion-mnist) or github.com/zalandoresearch/fashion-mnist; MNIST is at \
    yann.lecun.com/exdb/mnist and its mirrors.";

/// The dimensions and the values of an IDX file.
fn parse<'a>(path: &Path, bytes: &'a [u8]) -> Result<(Vec<usize>, &'a [u8])> {
    let bad = |what: String| wrong(path, format!("{what} {HINT}"));
    let Some((&[0, 0, kind, rank], rest)) = bytes.split_first_chunk::<4>() else {
        return Err(bad(format!(
            "not an IDX file: it begins with {:02x?}, but 00 00 08 is expected.",
            &bytes[..bytes.len().min(4)]
        )));
    };
    if kind != 8 {
        return Err(bad(format!(
            "the values are of type {kind:#04x}; unsigned bytes (0x08) are read."
        )));
    }
    let Some((head, values)) = rest.split_at_checked(4 * usize::from(rank)) else {
        return Err(bad(format!("cut short: {rank} dimensions are promised.")));
    };
    let dims: Vec<usize> = head
        .chunks_exact(4)
        .map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]) as usize)
        .collect();
    // Nothing is allocated before the promised size is compared with the actual one.
    let wanted = dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
    if wanted != Some(values.len()) || dims.is_empty() {
        return Err(bad(format!(
            "the dimensions {dims:?} do not match the {} values in the file.",
            values.len()
        )));
    }
    Ok((dims, values))
}

/// Adds the samples of a pair of files, and returns the shape of a sample.
fn append((images, labels): (&Path, &Path), x: &mut Vec<f32>, y: &mut Vec<u32>) -> Result<Shape> {
    let (picture_bytes, label_bytes) = (read(images, HINT)?, read(labels, HINT)?);
    let (dims, pixels) = parse(images, &picture_bytes)?;
    let (counts, classes) = parse(labels, &label_bytes)?;
    if dims.len() < 2 || dims.len() > 4 || dims[1..].contains(&0) {
        return Err(wrong(
            images,
            format!("the dimensions {dims:?} are not images. Is this the file of the labels?"),
        ));
    }
    if counts.len() != 1 || counts[0] != dims[0] {
        return Err(wrong(
            labels,
            format!("{counts:?} labels for {} images. Do the files belong together?", dims[0]),
        ));
    }
    reserve(x, pixels.len(), images)?;
    x.extend(pixels.iter().map(|&p| f32::from(p) / 255.0));
    y.extend(classes.iter().map(|&c| u32::from(c)));
    Ok(match dims[1..] {
        [h, w] => Shape::new([1, h, w]),
        ref dims => Shape::new(dims.iter().copied()),
    })
}

fn finish(
    name: &str,
    shape: Shape,
    x: Vec<f32>,
    y: Vec<u32>,
    test: Option<usize>,
) -> Result<Dataset> {
    let found: BTreeSet<u32> = y.iter().copied().collect();
    let words: Vec<String> = found.iter().map(u32::to_string).collect();
    super::refuse(name, super::too_few("image", test.unwrap_or(y.len()), &words))?;
    let task = Task::classification(found.last().map_or(0, |&c| c as usize + 1));
    Ok(Dataset::labelled(name, task, shape, Values::Numbers(x), y, test)?)
}

impl Dataset {
    /// Images and their classes from a pair of IDX files, plain or gzip, split 60 : 20 : 20. Bytes
    /// become numbers from 0 to 1, 4 bytes of memory each; images of one channel have the shape
    /// `[1, H, W]`.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let e = Dataset::from_idx("images-idx3-ubyte.gz", "labels-idx1-ubyte.gz").unwrap_err();
    /// assert!(e.to_string().contains("dataset-fashion-mnist")); // where to get one
    /// ```
    ///
    /// # Errors
    /// When a file is missing or damaged, or the two do not belong together.
    pub fn from_idx(images: impl AsRef<Path>, labels: impl AsRef<Path>) -> Result<Dataset> {
        let (images, labels) = (images.as_ref(), labels.as_ref());
        let (mut x, mut y) = (vec![], vec![]);
        let shape = append((images, labels), &mut x, &mut y)?;
        finish(&name_of(images), shape, x, y, None)
    }

    /// MNIST, Fashion-MNIST or another set of the same four files in a folder, plain or gzip:
    /// `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
    /// `t10k-labels-idx1-ubyte`. `t10k` is the test split, a fifth of the others the validation
    /// split. The 70,000 images of 28x28 take 220 MB of memory.
    ///
    /// ```no_run
    /// use nascent::prelude::*;
    /// // sudo apt install dataset-fashion-mnist
    /// let data = Dataset::idx("/usr/share/datasets/fashion-mnist")?;
    /// assert_eq!(data.sizes(), (48_000, 12_000, 10_000));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When a file is missing or damaged.
    pub fn idx(folder: impl AsRef<Path>) -> Result<Dataset> {
        let folder = folder.as_ref();
        let file = |part: &str, what: &str, kind: &str| {
            // Some mirrors unpack to a dot where the original has a hyphen.
            let names = ["-", "."].map(|dot| format!("{part}-{what}{dot}{kind}-ubyte"));
            find(folder, &names.each_ref().map(String::as_str), HINT)
        };
        let train = (file("train", "images", "idx3")?, file("train", "labels", "idx1")?);
        let test = (file("t10k", "images", "idx3")?, file("t10k", "labels", "idx1")?);
        let (mut x, mut y) = (vec![], vec![]);
        let shape = append((&train.0, &train.1), &mut x, &mut y)?;
        let n = y.len();
        let test_shape = append((&test.0, &test.1), &mut x, &mut y)?;
        if shape != test_shape {
            return Err(wrong(
                &test.0,
                format!("images of {test_shape}, and the train images are {shape}."),
            ));
        }
        finish(&name_of(folder), shape, x, y, Some(n))
    }
}
