//! Folders of WAV files as sequences of log-mel features.

use super::file::{classes_of, list, name_of, read, wrong};
use super::{Dataset, LogMel, Values, refuse, too_few, wav};
use crate::error::{Error, Result};
use crate::shape::Shape;
use crate::task::Task;
use candle_core::{Device, Tensor};
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

const HINT: &str = "Expected are folders of .wav files named after their class, or files whose names \
    begin with it, as in 7_jackson_0.wav of the Free Spoken Digit Dataset \
    (github.com/Jakobovski/free-spoken-digit-dataset).";

/// The most values in memory.
const MOST: usize = 1 << 30;

/// The most damaged files that are reported at once.
const TOLD: usize = 5;

/// How deep nested folders are searched; links may lead in a circle.
const DEEPEST: usize = 16;

/// What is in a folder: the WAV files with their classes, and all that is left out.
#[derive(Default)]
struct Found {
    files: Vec<(PathBuf, String)>,
    /// Files in a folder inside their class's folder.
    deeper: Vec<PathBuf>,
    hidden: Vec<PathBuf>,
    underscored: Vec<PathBuf>,
    empty: Vec<PathBuf>,
    others: Vec<PathBuf>,
}

fn text(name: Option<&std::ffi::OsStr>) -> String {
    name.unwrap_or_default().to_string_lossy().into_owned()
}

fn is_wav(path: &Path) -> bool {
    path.extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("wav") || e.eq_ignore_ascii_case("wave"))
}

/// Files and folders that systems and programs make for themselves: `.DS_Store`, `.ipynb_checkpoints`, the
/// `._a.wav` of a Mac's archives.
fn is_hidden(path: &Path) -> bool {
    text(path.file_name()).starts_with('.')
}

impl Found {
    fn look(folder: &Path) -> Result<Found> {
        let mut found = Found::default();
        let mut plain = vec![];
        for path in list(folder, HINT)? {
            let name = text(path.file_name());
            match path.is_dir() {
                _ if is_hidden(&path) => found.hidden.push(path),
                // `_background_noise_` of the Speech Commands, `__MACOSX` of archives.
                true if name.starts_with('_') => found.underscored.push(path),
                true => {
                    let before = found.files.len();
                    found.walk(&path, &name, 0, &mut HashSet::new())?;
                    if found.files.len() == before {
                        found.empty.push(path);
                    }
                }
                false if is_wav(&path) => plain.push(path),
                false => found.others.push(path),
            }
        }
        if let (false, Some(first)) = (found.files.is_empty(), plain.first()) {
            let what = format!(
                "there are WAV files both in folders and beside them ({}). Move them into folders.",
                text(first.file_name())
            );
            return Err(wrong(folder, what));
        }
        for path in plain {
            let name = text(path.file_stem());
            let Some((class, _)) = name.split_once('_') else {
                return Err(wrong(&path, format!("the name does not tell the class. {HINT}")));
            };
            found.files.push((path.clone(), class.to_string()));
        }
        if found.files.is_empty() {
            let left_out = found.notes(folder).join("; ");
            let left_out = if left_out.is_empty() { left_out } else { format!(" ({left_out})") };
            return Err(wrong(folder, format!("there is no .wav file in it{left_out}. {HINT}")));
        }
        found.check_splits(folder)?;
        Ok(found)
    }

    /// All WAV files below a folder are of one class.
    fn walk(
        &mut self,
        folder: &Path,
        class: &str,
        depth: usize,
        seen: &mut HashSet<PathBuf>,
    ) -> Result<()> {
        let true_path = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
        if depth > DEEPEST || !seen.insert(true_path) {
            return Ok(());
        }
        for path in list(folder, HINT)? {
            match path.is_dir() {
                _ if is_hidden(&path) => self.hidden.push(path),
                true if text(path.file_name()).starts_with("__") => self.underscored.push(path),
                true => self.walk(&path, class, depth + 1, seen)?,
                false if is_wav(&path) => {
                    if depth > 0 {
                        self.deeper.push(path.clone());
                    }
                    self.files.push((path, class.to_string()));
                }
                false => self.others.push(path),
            }
        }
        Ok(())
    }

    /// Folders named `train` and `test` are not classes.
    fn check_splits(&self, folder: &Path) -> Result<()> {
        let (train, test) = (["train", "training"], ["test", "testing"]);
        let others = ["val", "valid", "validation", "dev", "eval"];
        let is = |names: &[&str], class: &str| names.iter().any(|n| n.eq_ignore_ascii_case(class));
        let all = |(_, class): &(PathBuf, String)| {
            is(&train, class) || is(&test, class) || is(&others, class)
        };
        if !self.files.iter().all(all) {
            return Ok(());
        }
        let of = |names: &[&str]| {
            let found = self.files.iter().find(|(_, class)| is(names, class));
            found.map(|(_, class)| format!("{:?}", folder.join(class)))
        };
        Err(wrong(
            folder,
            match (of(&train), of(&test)) {
                (Some(train), Some(test)) => format!(
                    "its folders are named like splits, not like classes. Try \
                     Dataset::wav_folder({train})?.with_test_wav_folder({test})?."
                ),
                (one, other) => format!(
                    "its folders are named like splits, not like classes. Try \
                     Dataset::wav_folder({})?.",
                    one.or(other).unwrap_or_else(|| format!("{:?}", folder.join("train")))
                ),
            },
        ))
    }

    /// What was left out, and what was read though one might not expect it.
    fn notes(&self, folder: &Path) -> Vec<String> {
        let inside = |path: &PathBuf| {
            path.strip_prefix(folder).unwrap_or(path).to_string_lossy().into_owned()
        };
        let shown = |paths: &[PathBuf]| {
            let list: Vec<String> = paths.iter().take(3).map(inside).collect();
            list.join(", ") + if paths.len() > 3 { ", ..." } else { "" }
        };
        let count = |paths: &[PathBuf], one: &str, many: &str| match paths.len() {
            1 => one.to_string(),
            n => format!("{n} {many}"),
        };
        let mut notes = vec![];
        let mut left_out = |paths: &[PathBuf], one: &str, many: &str, why: &str| {
            if !paths.is_empty() {
                let what = count(paths, one, many);
                notes.push(format!("left out: {what} ({}){why}", shown(paths)));
            }
        };
        left_out(&self.hidden, "a hidden file or folder", "hidden files or folders", "");
        left_out(
            &self.underscored,
            "a folder whose name begins with _",
            "folders whose names begin with _",
            "; rename it to make it a class",
        );
        left_out(&self.empty, "a folder without a WAV file", "folders without a WAV file", "");
        left_out(&self.others, "a file that is not WAV", "files that are not WAV", "");
        if !self.deeper.is_empty() {
            notes.push(format!(
                "{} in folders inside a class's folder ({}): of the outer folder's class",
                count(&self.deeper, "a file is", "files are"),
                shown(&self.deeper)
            ));
        }
        notes
    }
}

impl Dataset {
    /// A folder of WAV recordings as sequences `[frames, mels]` of [`LogMel`] features with its
    /// defaults. The class is the folder that a file is in, at the top, however deep the file lies;
    /// where there are no folders, it is the part of the file's name before the first `_`. All
    /// recordings must have the same sampling rate. They are shuffled and split 60 : 20 : 20, so the same
    /// voices are in all splits.
    ///
    /// Left out, and listed in [`Dataset::notes`], are hidden files and folders, folders whose names
    /// begin with `_` (the `_background_noise_` of the Speech Commands, the `__MACOSX` of archives),
    /// folders without a WAV file, and files that are not WAV.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let e = Dataset::wav_folder("no/such/folder").unwrap_err().to_string();
    /// assert!(e.contains("no such folder") && e.contains("7_jackson_0.wav"));
    /// ```
    ///
    /// # Errors
    /// When there are no such files, some are damaged or of another kind, rates differ, or all are of
    /// one class.
    pub fn wav_folder(folder: impl AsRef<Path>) -> Result<Dataset> {
        Dataset::wav_folder_with(folder, LogMel::new())
    }

    /// [`Dataset::wav_folder`] with features of your choice.
    ///
    /// ```no_run
    /// use nascent::prelude::*;
    /// let digits = Dataset::wav_folder_with("recordings", LogMel::new().seconds(0.7).mels(24))?;
    /// let space = Space::on(&digits.standardised()?);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Dataset::wav_folder`], and when the settings do not fit together.
    pub fn wav_folder_with(folder: impl AsRef<Path>, settings: LogMel) -> Result<Dataset> {
        let folder = folder.as_ref();
        let name = name_of(folder);
        let sounds = Sounds::read(folder, settings)?;
        let (labels, classes) = classes_of(&sounds.labels, None).unwrap_or_default();
        let mut problems = too_few("file", labels.len(), &classes);
        if let [one] = &classes[..] {
            let inner = folder.join(one);
            problems.extend(inner.is_dir().then(|| {
                format!("If the classes are inside it, try Dataset::wav_folder({inner:?}).")
            }));
        }
        if !problems.is_empty() {
            problems.push(format!(
                "If this is the test folder of other data, try data.with_test_wav_folder({folder:?})."
            ));
        }
        refuse(&name, problems)?;
        let task = Task::classification(classes.len());
        let x = Values::Numbers(sounds.x);
        let data = Dataset::labelled(&name, task, sounds.shape, x, labels, None)?;
        Ok(data.with(|d| {
            (d.classes, d.notes) = (classes, sounds.notes);
            d.sound = Some((sounds.rate, settings));
        }))
    }

    /// These recordings with those of another folder as the test split, read with the same features.
    /// The folder may have few files, and lack classes; the card says which. All samples of this set
    /// become training and validation samples, 4 to 1.
    ///
    /// ```no_run
    /// use nascent::prelude::*;
    /// let data = Dataset::wav_folder("words/train")?.with_test_wav_folder("words/test")?;
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When these data are not of WAV files or were standardised, and when the folder has another
    /// sampling rate or a class that these data do not have.
    pub fn with_test_wav_folder(&self, folder: impl AsRef<Path>) -> Result<Dataset> {
        let folder = folder.as_ref();
        let given = || format!("with_test_wav_folder({folder:?}) on {}", self.line());
        let Some((_, settings)) = self.0.sound else {
            return Err(Error::invalid(
                given(),
                "these data are not of WAV files",
                "data of Dataset::wav_folder(folder)",
            ));
        };
        let sounds = Sounds::read(folder, settings)?;
        let (labels, classes) = classes_of(&sounds.labels, None).unwrap_or_default();
        let n = labels.len();
        let task = Task::classification(classes.len());
        let test = Dataset::of(
            &name_of(folder),
            task,
            sounds.shape.clone(),
            Tensor::from_vec(sounds.x, sounds.shape.batch(n), &Device::Cpu)?,
            Tensor::from_vec(labels, n, &Device::Cpu)?,
            [vec![], vec![], (0..n as u32).collect()],
        );
        self.with_test_of(&test.with(|d| {
            (d.classes, d.notes) = (classes, sounds.notes);
            d.sound = Some((sounds.rate, settings));
        }))
    }
}

/// The recordings of a folder as features.
struct Sounds {
    x: Vec<f32>,
    /// `[frames, mels]`.
    shape: Shape,
    /// The word of each recording's class.
    labels: Vec<String>,
    rate: usize,
    notes: Vec<String>,
}

impl Sounds {
    fn read(folder: &Path, settings: LogMel) -> Result<Sounds> {
        let found = Found::look(folder)?;
        let (mut x, mut labels, mut problems) = (vec![], vec![], vec![]);
        // The files of each rate: how many, and the first.
        let mut rates: BTreeMap<usize, (usize, &Path)> = BTreeMap::new();
        let mut plan = None;
        for (path, class) in &found.files {
            let bytes = read(path, HINT);
            let sound = bytes.and_then(|b| wav::parse(&b).map_err(|what| wrong(path, what)));
            let (rate, sound) = match sound {
                Ok(sound) => sound,
                Err(e) => {
                    problems.push(e.to_string());
                    if problems.len() == TOLD {
                        problems.push("There may be more; reading ended here.".into());
                        break;
                    }
                    continue;
                }
            };
            let (first, plan) = match &plan {
                Some(known) => known,
                None => plan.insert((rate, settings.plan(rate)?)),
            };
            rates.entry(rate).or_insert((0, path)).0 += 1;
            let count = found.files.len();
            if count.saturating_mul(plan.values()) > MOST {
                let what = format!("{count} files would be more than {MOST} values");
                return Err(wrong(folder, format!("{what} with {settings}. Try fewer mels.")));
            }
            if rate == *first {
                x.extend(plan.features(&sound));
                labels.push(class.clone());
            }
        }
        problems.extend(several_rates(&rates));
        refuse(&name_of(folder), problems)?;
        let (rate, frames) = plan.map_or((0, 1), |(rate, plan)| (rate, plan.frames));
        let shape = Shape::new([frames, x.len() / (frames * labels.len()).max(1)]);
        Ok(Sounds { x, shape, labels, rate, notes: found.notes(folder) })
    }
}

/// What to do about recordings of several rates.
fn several_rates(rates: &BTreeMap<usize, (usize, &Path)>) -> Option<String> {
    if rates.len() < 2 {
        return None;
    }
    let usual = rates.iter().max_by_key(|(_, (count, _))| *count).map_or(0, |(rate, _)| *rate);
    let list = rates.iter().map(|(rate, (count, path))| {
        let files = if *count == 1 { "1 file".to_string() } else { format!("{count} files") };
        format!("{rate} Hz in {files} (as {})", path.display())
    });
    Some(format!(
        "several sampling rates: {}. Bring all to one: ffmpeg -i in.wav -ar {usual} out.wav, or sox \
         in.wav -r {usual} out.wav.",
        list.collect::<Vec<_>>().join(", ")
    ))
}
