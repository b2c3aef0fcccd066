//! Folders of WAV files as sequences of log-mel features.
//!
//! A WAV file is a RIFF container (Microsoft and IBM, 1991): chunks of a name, a length and bytes,
//! padded to even lengths, of which `fmt ` says how `data` is to be read. Read are PCM of 8
//! (unsigned), 16, 24 and 32 bits and floats of 32 and 64 bits, of any number of channels, which are
//! mixed to one by their mean.

use super::file::{classes_of, list, name_of, read, wrong};
use super::{Dataset, LogMel, Values, refuse};
use crate::arch::Shape;
use crate::error::Result;
use crate::task::Task;
use std::path::{Path, PathBuf};

const HINT: &str = "Wanted are folders of .wav files named after their class, or files whose names \
    begin with it, as in 7_jackson_0.wav of the Free Spoken Digit Dataset \
    (github.com/Jakobovski/free-spoken-digit-dataset).";

/// The most values in memory.
const MOST: usize = 1 << 30;

/// The sampling rate in Hz, and the samples from -1 to 1.
fn parse(bytes: &[u8]) -> Result<(usize, Vec<f32>), String> {
    let (head, mut rest) = bytes.split_at_checked(12).ok_or("no WAV file: it is too short.")?;
    if &head[..4] != b"RIFF" || &head[8..] != b"WAVE" {
        return Err("no WAV file: it does not begin with RIFF and WAVE. Convert it to WAV.".into());
    }
    let mut format: Option<&[u8]> = None;
    while let Some((head, after)) = rest.split_at_checked(8) {
        let (name, length) = head.split_at(4);
        let length = u32::from_le_bytes(length.try_into().unwrap_or_default()) as usize;
        let Some((chunk, next)) = after.split_at_checked(length) else {
            return Err(format!(
                "cut short: the chunk {:?} should have {length} bytes, {} are left. Get it again.",
                String::from_utf8_lossy(name),
                after.len()
            ));
        };
        match name {
            b"fmt " => format = Some(chunk),
            b"data" => {
                return decode(format.ok_or("the data come before their format.")?, chunk);
            }
            _ => {}
        }
        rest = next.get(length % 2..).unwrap_or_default();
    }
    Err("there is no data chunk in the file.".into())
}

fn decode(format: &[u8], data: &[u8]) -> Result<(usize, Vec<f32>), String> {
    let two = |at: usize| format.get(at..at + 2).map(|b| u16::from_le_bytes([b[0], b[1]]));
    let short = "the format chunk is too short.";
    let (kind, channels) = (two(0).ok_or(short)?, usize::from(two(2).ok_or(short)?));
    let (low, high) = (two(4).ok_or(short)?, two(6).ok_or(short)?);
    let rate = usize::from(low) + (usize::from(high) << 16);
    let bits = two(14).ok_or(short)?;
    // The extensible format has its true kind further back.
    let kind = if kind == 0xfffe { two(24).ok_or(short)? } else { kind };
    let sample: fn(&[u8]) -> f64 = match (kind, bits) {
        (1, 8) => |b| (f64::from(b[0]) - 128.0) / 128.0,
        (1, 16) => |b| f64::from(i16::from_le_bytes([b[0], b[1]])) / 32768.0,
        (1, 24) => |b| f64::from(i32::from_le_bytes([0, b[0], b[1], b[2]])) / 2147483648.0,
        (1, 32) => |b| f64::from(i32::from_le_bytes([b[0], b[1], b[2], b[3]])) / 2147483648.0,
        (3, 32) => |b| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]])),
        (3, 64) => |b| f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]),
        _ => {
            return Err(format!(
                "the format {kind} with {bits} bits is not read; PCM (1) of 8, 16, 24 or 32 bits \
                 and float (3) of 32 or 64 bits are. Convert it."
            ));
        }
    };
    if channels == 0 || rate == 0 {
        return Err(format!("{channels} channels at {rate} Hz cannot be right. Get it again."));
    }
    let width = usize::from(bits / 8);
    let mix = |all: &[u8]| all.chunks_exact(width).map(sample).sum::<f64>() / channels as f64;
    let sound: Vec<f32> = data.chunks_exact(width * channels).map(|all| mix(all) as f32).collect();
    match sound.iter().position(|v| !v.is_finite()) {
        Some(i) => Err(format!("sample {i} is no finite number. Export it anew.")),
        None if sound.is_empty() => Err("there is not one sample in it. Drop the file.".into()),
        None => Ok((rate, sound)),
    }
}

/// The WAV files with their classes: from folders, or else from their own names.
fn files(folder: &Path) -> Result<Vec<(PathBuf, String)>> {
    let is_wav = |p: &PathBuf| p.extension().is_some_and(|e| e.eq_ignore_ascii_case("wav"));
    let text = |s: Option<&std::ffi::OsStr>| s.unwrap_or_default().to_string_lossy().into_owned();
    let mut found = vec![];
    let here = list(folder, HINT)?;
    for sub in here.iter().filter(|p| p.is_dir()) {
        let inside = list(sub, HINT)?.into_iter().filter(is_wav);
        found.extend(inside.map(|path| (path, text(sub.file_name()))));
    }
    let plain: Vec<&PathBuf> = here.iter().filter(|p| p.is_file() && is_wav(p)).collect();
    if !found.is_empty() && !plain.is_empty() {
        return Err(wrong(
            folder,
            format!(
                "there are WAV files both in folders and beside them ({}). Move them into folders.",
                text(plain[0].file_name())
            ),
        ));
    }
    for path in plain {
        let name = text(path.file_stem());
        let Some((class, _)) = name.split_once('_') else {
            return Err(wrong(path, format!("the name does not tell the class. {HINT}")));
        };
        found.push((path.clone(), class.to_string()));
    }
    match found.is_empty() {
        true => Err(wrong(folder, format!("there is no .wav file in it. {HINT}"))),
        false => Ok(found),
    }
}

impl Dataset {
    /// A folder of WAV recordings as sequences `[frames, mels]` of [`LogMel`] features with its
    /// defaults. The class is the folder that a file is in; where there are no folders, it is the
    /// part of the file's name before the first `_`. All recordings must have the same sampling
    /// rate. Split 60 : 20 : 20 by a shuffle, so the same voices are in all splits.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let e = Dataset::wav_folder("no/such/folder").unwrap_err().to_string();
    /// assert!(e.contains("no such folder") && e.contains("7_jackson_0.wav"));
    /// ```
    ///
    /// # Errors
    /// When there are no such files, one is damaged or of another kind, or rates differ.
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
    /// As [`Dataset::wav_folder`], and when the settings do not go together.
    pub fn wav_folder_with(folder: impl AsRef<Path>, settings: LogMel) -> Result<Dataset> {
        let folder = folder.as_ref();
        let found = files(folder)?;
        let (mut x, mut labels) = (vec![], vec![]);
        let mut plan = None;
        for (path, class) in &found {
            let (rate, sound) = parse(&read(path, HINT)?).map_err(|what| wrong(path, what))?;
            let (first, plan) = match &plan {
                Some(known) => known,
                None => plan.insert((rate, settings.plan(rate)?)),
            };
            if found.len().saturating_mul(plan.values()) > MOST {
                let what = format!("{} files would be more than {MOST} values", found.len());
                return Err(wrong(folder, format!("{what} with {settings}. Try fewer mels.")));
            }
            if rate != *first {
                let what = format!("{rate} Hz, and the files before have {first}. Resample it.");
                return Err(wrong(path, what));
            }
            x.extend(plan.features(&sound));
            labels.push(class.clone());
        }
        let frames = plan.map_or(0, |(_, plan)| plan.frames);
        let (labels, classes) = classes_of(&labels, None).unwrap_or_default();
        let task = Task::classification(classes.len());
        let mut problems: Vec<String> = task.problem().into_iter().collect();
        if labels.len() < 5 {
            problems
                .push(format!("{} files cannot be split; at least 5 are needed.", labels.len()));
        }
        let name = name_of(folder);
        refuse(&name, problems)?;
        let shape = Shape::new([frames, x.len() / (frames * labels.len())]);
        let data = Dataset::labelled(&name, task, shape, Values::Numbers(x), labels, None)?;
        Ok(data.with(|d| d.classes = classes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A WAV file with an odd chunk in front of the data.
    fn wav(kind: u16, bits: u16, channels: u16, data: &[u8]) -> Vec<u8> {
        let mut out = b"RIFF\0\0\0\0WAVEfmt ".to_vec();
        out.extend(16u32.to_le_bytes());
        for v in [kind, channels, 8000, 0, 0, 0, channels * bits / 8, bits] {
            out.extend(v.to_le_bytes());
        }
        out.extend(b"LIST\x03\0\0\0abc\0data");
        out.extend((data.len() as u32).to_le_bytes());
        out.extend(data);
        out
    }

    #[test]
    fn every_kind_of_sample_is_read() {
        let bytes = |list: &[[u8; 4]], n: usize| -> Vec<u8> {
            list.iter().flat_map(|b| b[4 - n..].to_vec()).collect()
        };
        let whole = [[0, 0, 0, 0x40], [0, 0, 0, 0xc0]]; // 0.5 and -0.5
        for bits in [16, 24, 32] {
            let data = bytes(&whole, usize::from(bits / 8));
            assert_eq!(parse(&wav(1, bits, 1, &data)).unwrap(), (8000, vec![0.5, -0.5]));
            assert_eq!(parse(&wav(1, bits, 2, &data)).unwrap().1, [0.0], "the mean of two");
        }
        assert_eq!(parse(&wav(1, 8, 1, &[192, 64])).unwrap().1, [0.5, -0.5]);
        let float: Vec<u8> = [0.25f32, -1.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        assert_eq!(parse(&wav(3, 32, 1, &float)).unwrap().1, [0.25, -1.0]);
        let double: Vec<u8> = 0.75f64.to_le_bytes().to_vec();
        assert_eq!(parse(&wav(3, 64, 1, &double)).unwrap().1, [0.75]);
    }

    #[test]
    fn damaged_files_are_refused_and_never_panic() {
        let good = wav(1, 16, 1, &[0, 0x40, 0, 0xc0]);
        for cut in 0..good.len() {
            assert!(parse(&good[..cut]).is_err(), "cut at {cut}");
        }
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                let _ = parse(&bad);
            }
        }
        let cases = [
            (wav(1, 16, 1, &[]), "not one sample"),
            (wav(1, 16, 0, &[0, 0]), "0 channels"),
            (wav(1, 12, 1, &[0, 0]), "12 bits"),
            (wav(6, 8, 1, &[0, 0]), "format 6"),
            (wav(3, 32, 1, &f32::NAN.to_le_bytes()), "sample 0"),
            (b"RIFF\0\0\0\0AVI LIST".to_vec(), "no WAV file"),
        ];
        for (bytes, part) in cases {
            let e = parse(&bytes).unwrap_err();
            assert!(e.contains(part), "{part}: {e}");
        }
    }
}
