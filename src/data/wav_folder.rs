//! Folders of WAV files as sequences of log-mel features.

use super::file::{classes_of, name_of, read, wrong};
use super::folder::{Found, Kind, advise, alone};
use super::{Dataset, Files, LogMel, Values, refuse, too_few, wav};
use crate::error::{Error, Result};
use crate::shape::Shape;
use crate::task::Task;
use candle_core::{Device, Tensor};
use std::collections::BTreeMap;
use std::path::Path;

const HINT: &str = "Expected are folders of .wav files named after their class, or files whose names \
    begin with it, as in 7_jackson_0.wav of the Free Spoken Digit Dataset \
    (github.com/Jakobovski/free-spoken-digit-dataset).";

const KIND: Kind = Kind {
    one: "a WAV file",
    many: "WAV files",
    ends: &["wav", "wave"],
    hint: HINT,
    call: "wav_folder",
};

/// The most values in memory.
const MOST: usize = 1 << 30;

/// The most damaged files that are reported at once.
const TOLD: usize = 5;

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
        if problems.is_empty() {
            problems.extend(alone(&labels, &classes));
        }
        if let [one] = &classes[..] {
            let inner = folder.join(one);
            if inner.is_dir() {
                advise(
                    &mut problems,
                    &format!("If the classes are inside it, try Dataset::wav_folder({inner:?})."),
                );
            }
        }
        advise(
            &mut problems,
            &format!(
                "If this is the test folder of other data, try data.with_test_wav_folder({folder:?})."
            ),
        );
        refuse(&name, problems)?;
        let task = Task::classification(classes.len());
        let x = Values::Numbers(sounds.x);
        let data = Dataset::labelled(&name, task, sounds.shape, x, labels, None)?;
        Ok(data.with(|d| {
            (d.classes, d.notes) = (classes, sounds.notes);
            d.files = Some(Files::Sound(sounds.rate, settings));
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
        let Some(Files::Sound(_, settings)) = self.0.files else {
            return Err(Error::invalid(
                given(),
                "these data are not of WAV files",
                "data of Dataset::wav_folder(folder), before shrunk(...)",
            ));
        };
        self.unscaled(|| format!("with_test_wav_folder({folder:?})"))?;
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
            d.files = Some(Files::Sound(sounds.rate, settings));
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
        let found = Found::look(folder, &KIND)?;
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
