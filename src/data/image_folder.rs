//! Folders of image files.

use super::file::{classes_of, name_of, read, wrong};
use super::folder::{Found, Kind, advise, alone};
use super::images::{Images, Picture, broken, decoded};
use super::{Dataset, Files, Values, refuse, too_few};
use crate::error::{Error, Result};
use crate::interrupt;
use crate::shape::Shape;
use crate::task::Task;
use crate::threads;
use crate::words::plural;
use candle_core::{Device, Tensor};
use std::collections::BTreeSet;
use std::path::Path;

const HINT: &str = "Expected are folders of PNG, JPEG, BMP or GIF files named after their class, as \
    flowers/daisy/1.jpg and flowers/tulip/1.jpg for image_folder(\"flowers\").";

const KIND: Kind = Kind {
    one: "an image file",
    many: "image files",
    ends: &["png", "jpg", "jpeg", "jpe", "jfif", "bmp", "dib", "gif"],
    hint: HINT,
    call: "image_folder",
};

/// The most values in memory.
const MOST: usize = 1 << 30;

/// The most damaged files that are reported at once.
const TOLD: usize = 5;

impl Dataset {
    /// A folder of pictures as images `[C, H, W]` with pixels from 0 to 1, with the defaults of [`Images`]. The class is
    /// the folder that a file is in, at the top, however deep the file lies; where there are no folders, it is the part
    /// of the file's name before the first `_`. They are shuffled and split 60 : 20 : 20, each class alike.
    ///
    /// Left out, and listed in [`Dataset::notes`], are hidden files and folders, folders whose names begin with `_`,
    /// folders without an image, and files whose names end otherwise. The card says how the pictures were brought
    /// to one size. [`Model::predict`](crate::Model::predict) takes the names of such files.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let e = Dataset::image_folder("no/such/folder").unwrap_err().to_string();
    /// assert!(e.contains("no such folder") && e.contains("flowers/daisy/1.jpg"));
    /// ```
    ///
    /// # Errors
    /// When there are no such files, some are damaged or of another kind, or all are of one class, or a class has only
    /// one.
    pub fn image_folder(folder: impl AsRef<Path>) -> Result<Dataset> {
        Dataset::image_folder_with(folder, Images::new())
    }

    /// [`Dataset::image_folder`] with settings of your own.
    ///
    /// ```no_run
    /// use nascent::prelude::*;
    /// let flowers = Dataset::image_folder_with("flowers", Images::new().size(64, 64).skip_broken())?;
    /// let space = Space::on(&flowers.standardised()?);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Dataset::image_folder`], and when the settings do not fit together.
    pub fn image_folder_with(folder: impl AsRef<Path>, images: Images) -> Result<Dataset> {
        let folder = folder.as_ref();
        let name = name_of(folder);
        let pictures = Pictures::read(folder, images)?;
        let (labels, classes) = classes_of(&pictures.labels, None).unwrap_or_default();
        let mut problems = too_few("file", labels.len(), &classes);
        if problems.is_empty() {
            problems.extend(alone(&labels, &classes));
        }
        if pictures.skipped > 0 {
            advise(&mut problems, &format!("{} left out.", plural_were(pictures.skipped)));
        } else if let [one] = &classes[..] {
            let inner = folder.join(one);
            if inner.is_dir() {
                advise(
                    &mut problems,
                    &format!("If the classes are inside it, try Dataset::image_folder({inner:?})."),
                );
            }
        }
        advise(
            &mut problems,
            &format!(
                "If this is the test folder of other data, try data.with_test_image_folder({folder:?})."
            ),
        );
        refuse(&name, problems)?;
        let task = Task::classification(classes.len());
        let x = Values::Numbers(pictures.x);
        let shape = Shape::new(pictures.images.shape());
        let data = Dataset::labelled(&name, task, shape, x, labels, None)?;
        Ok(data.with(|d| {
            (d.classes, d.notes) = (classes, pictures.notes);
            d.files = Some(Files::Images(pictures.images));
        }))
    }

    /// These pictures with those of another folder as the test split, brought to size and colour in the same way. The
    /// folder may have few files, and lack classes; the card says which. All samples of this set become training and
    /// validation samples, 4 to 1.
    ///
    /// ```no_run
    /// use nascent::prelude::*;
    /// let data = Dataset::image_folder("flowers/train")?.with_test_image_folder("flowers/test")?;
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When these data are not of image files or were standardised, and when the folder has a class that these data do
    /// not have.
    pub fn with_test_image_folder(&self, folder: impl AsRef<Path>) -> Result<Dataset> {
        let folder = folder.as_ref();
        let Some(Files::Images(images)) = self.0.files else {
            return Err(Error::invalid(
                format!("with_test_image_folder({folder:?}) on {}", self.line()),
                "these data are not of image files",
                "data of Dataset::image_folder(folder), before shrunk(...)",
            ));
        };
        self.unscaled(|| format!("with_test_image_folder({folder:?})"))?;
        let pictures = Pictures::read(folder, images)?;
        let (labels, classes) = classes_of(&pictures.labels, None).unwrap_or_default();
        let (n, shape) = (labels.len(), Shape::new(images.shape()));
        let test = Dataset::of(
            &name_of(folder),
            Task::classification(classes.len()),
            shape.clone(),
            Tensor::from_vec(pictures.x, shape.batch(n), &Device::Cpu)?,
            Tensor::from_vec(labels, n, &Device::Cpu)?,
            [vec![], vec![], (0..n as u32).collect()],
        );
        self.with_test_of(&test.with(|d| {
            (d.classes, d.notes) = (classes, pictures.notes);
            d.files = Some(Files::Images(images));
        }))
    }
}

/// "2 broken files were".
fn plural_were(n: usize) -> String {
    format!("{} {}", plural(n, "broken file"), if n == 1 { "was" } else { "were" })
}

/// The pictures of a folder as numbers.
struct Pictures {
    x: Vec<f32>,
    /// The word of each picture's class.
    labels: Vec<String>,
    /// How they were brought to one size and colour.
    images: Images,
    notes: Vec<String>,
    /// How many broken files were left out.
    skipped: usize,
}

impl Pictures {
    fn read(folder: &Path, images: Images) -> Result<Pictures> {
        images.check()?;
        let found = Found::look(folder, &KIND)?;
        let files = &found.files;
        let open = |path: &Path| -> Result<Picture> {
            interrupt::check()?;
            decoded(&read(path, HINT)?).map_err(|what| wrong(path, what))
        };
        // Without size and colour a first look at all files decides on them, and a second one takes their numbers:
        // photographs are too large to be kept meanwhile.
        let settled = images.is_settled();
        let room = |images: Images, n: usize| {
            let values: usize = images.shape().iter().product();
            match n.saturating_mul(values) > MOST {
                true => Err(wrong(
                    folder,
                    format!(
                        "{n} pictures of {values} numbers are more than {MOST}. Try a smaller \
                         size(height, width)."
                    ),
                )),
                false => Ok(()),
            }
        };
        if settled {
            room(images, files.len())?;
        }
        let look = |i: usize| -> Result<(Seen, Vec<f32>)> {
            let picture = open(&files[i].0)?;
            let x = if settled { images.values(&picture) } else { vec![] };
            Ok((Seen { size: picture.size(), grey: picture.grey, clear: picture.clear }, x))
        };
        let looked = all(files.len(), look)?;
        let (mut kept, mut x, mut wrong_ones, mut names) = (vec![], vec![], vec![], vec![]);
        for ((path, class), found) in files.iter().zip(looked) {
            match found {
                Ok((seen, values)) => {
                    kept.push((path, class, seen));
                    x.push(values);
                }
                Err(e) => {
                    let name = path.strip_prefix(folder).unwrap_or(path);
                    names.push(name.to_string_lossy().into_owned());
                    wrong_ones.push(e.to_string());
                }
            }
        }
        let mut notes = found.notes(folder);
        let skipped = wrong_ones.len();
        if !wrong_ones.is_empty() && images.skips() && !kept.is_empty() {
            notes.push(broken(&names));
        } else if !wrong_ones.is_empty() {
            let more = wrong_ones.len().saturating_sub(TOLD);
            wrong_ones.truncate(TOLD);
            let advice = match images.skips() {
                true => "None is left.".to_string(),
                false => "Images::new().skip_broken() leaves such files out.".to_string(),
            };
            let more =
                if more > 0 { format!("{more} more cannot be read. ") } else { String::new() };
            advise(&mut wrong_ones, &(more + &advice));
            refuse(&name_of(folder), wrong_ones)?;
        }
        let first = kept.first().map(|(.., seen)| seen.size);
        let alike = kept.iter().all(|(.., seen)| Some(seen.size) == first);
        let images = images.settled(first, alike, kept.iter().all(|(.., seen)| seen.grey));
        room(images, kept.len())?;
        notes.extend(said(kept.iter().map(|(.., seen)| seen), images));
        if !settled {
            let of = |i: usize| Ok(images.values(&open(kept[i].0)?));
            x = all(kept.len(), of)?.into_iter().collect::<Result<_>>()?;
        }
        let labels = kept.iter().map(|(_, class, _)| (*class).clone()).collect();
        Ok(Pictures { x: x.concat(), labels, images, notes, skipped })
    }
}

/// What a file turned out to be.
struct Seen {
    /// Height and width.
    size: (u32, u32),
    grey: bool,
    /// Whether something of it was transparent.
    clear: bool,
}

/// The same for all files, on several threads, until it is stopped.
fn all<T: Send>(n: usize, look: impl Fn(usize) -> Result<T> + Sync) -> Result<Vec<Result<T>>> {
    let read = || {
        let found = threads::map(n, 1, look);
        interrupt::check()?;
        Ok(found)
    };
    interrupt::stoppable(|| format!("reading {}", plural(n, "picture")), read)
}

/// How pictures of these sizes were brought to one, in words.
fn said<'s>(all: impl Iterator<Item = &'s Seen> + Clone, images: Images) -> Vec<String> {
    let [_, h, w] = images.shape();
    let sizes: BTreeSet<(u32, u32)> = all.clone().map(|seen| seen.size).collect();
    let area = |&&(h, w): &&(u32, u32)| u64::from(h) * u64::from(w);
    let mut notes = vec![];
    let own = |&(a, b): &(u32, u32)| (a as usize, b as usize) == (h, w);
    if let (Some(least), Some(most)) =
        (sizes.iter().min_by_key(area), sizes.iter().max_by_key(area))
        && !sizes.iter().all(own)
    {
        let of = match sizes.len() {
            1 => format!("{}x{}", least.0, least.1),
            n => format!("{n} sizes from {}x{} to {}x{}", least.0, least.1, most.0, most.1),
        };
        notes.push(format!("pictures of {of} became {images} (height x width)"));
    }
    let clear = all.filter(|seen| seen.clear).count();
    notes.extend(
        (clear > 0).then(|| format!("{} put on white", plural(clear, "transparent picture"))),
    );
    notes
}
