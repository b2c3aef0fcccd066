//! Files that data are read from: plain or gzip; where one is missing, the error says where to get it.

use crate::error::{Error, ErrorKind, Result};
use flate2::bufread::MultiGzDecoder;
use std::fmt::Display;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// Larger files are refused: an unpacked archive or a device would fill the memory.
const MOST: u64 = 4 << 30;

/// An error about a file: what is wrong with it, and what to try.
pub(crate) fn wrong(path: &Path, what: impl Display) -> Error {
    Error::new(ErrorKind::File, format!("{}: {what}", path.display()))
}

/// The bytes of a file, unpacked when they are gzip. Where there is no file, `hint` says where to
/// get one.
pub(crate) fn read(path: &Path, hint: &str) -> Result<Vec<u8>> {
    read_up_to(path, hint, MOST)
}

/// Refuses what is not a regular file, before it is opened: a pipe may never yield anything, and a
/// device never ends. Where there is nothing, `hint` says where to get a file.
pub(crate) fn regular(path: &Path, hint: &str) -> Result<()> {
    let meta = match std::fs::metadata(path) {
        Ok(meta) => meta,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Err(wrong(path, format!("there is no such file. {hint}")));
        }
        Err(e) => return Err(wrong(path, format!("cannot be read: {e}."))),
    };
    if meta.is_dir() {
        return Err(wrong(path, "this is a folder, but a file is needed. Name a file in it."));
    }
    if !meta.is_file() {
        return Err(wrong(
            path,
            "this is a pipe or a device, but a regular file is needed. Write what it yields to a \
             file, and name that.",
        ));
    }
    Ok(())
}

fn read_up_to(path: &Path, hint: &str, most: u64) -> Result<Vec<u8>> {
    regular(path, hint)?;
    let failed = |e: std::io::Error| wrong(path, format!("cannot be read: {e}."));
    let mut file = BufReader::new(std::fs::File::open(path).map_err(failed)?);
    let mut start = vec![];
    file.by_ref().take(2).read_to_end(&mut start).map_err(failed)?;
    let whole = start.clone();
    let file = std::io::Cursor::new(start).chain(file);
    let mut bytes = vec![];
    if whole == [0x1f, 0x8b] {
        let mut unpacked = MultiGzDecoder::new(file).take(most + 1);
        unpacked.read_to_end(&mut bytes).map_err(|e| {
            wrong(path, format!("the gzip file is damaged or cut short ({e}). Get it again."))
        })?;
    } else {
        file.take(most + 1).read_to_end(&mut bytes).map_err(failed)?;
    }
    if bytes.len() as u64 > most {
        return Err(wrong(
            path,
            format!("holds more than {most} bytes, the most that is read. Try a part of it."),
        ));
    }
    Ok(bytes)
}

/// A file as text: UTF-8, or UTF-16 with its mark.
pub(crate) fn read_text(path: &Path, hint: &str) -> Result<String> {
    text_of(read(path, hint)?).map_err(|what| wrong(path, what))
}

/// The beginnings of files that are often mistaken for text, and what to do with such files.
const NOT_TEXT: [(&[u8], &str); 9] = [
    (
        b"PK\x03\x04",
        "is a spreadsheet (xlsx, ods) or a zip archive. Save its sheet as CSV in UTF-8",
    ),
    (b"\xd0\xcf\x11\xe0", "is a spreadsheet (xls). Save its sheet as CSV in UTF-8"),
    (
        b"PAR1",
        "is a Parquet file. Write it as CSV, in pandas by df.to_csv(\"file.csv\", index=False)",
    ),
    (
        b"ARROW1",
        "is an Arrow file. Write it as CSV, in pandas by df.to_csv(\"file.csv\", index=False)",
    ),
    (b"\x93NUMPY", "is a NumPy array. Write it as CSV, by np.savetxt with a header"),
    (b"%PDF", "is a PDF. Save its tables as CSV in UTF-8"),
    (b"BZh", "is packed with bzip2. Unpack it, or pack it with gzip"),
    (b"\xfd7zXZ", "is packed with xz. Unpack it, or pack it with gzip"),
    (b"\x28\xb5\x2f\xfd", "is packed with zstd. Unpack it, or pack it with gzip"),
];

fn text_of(bytes: Vec<u8>) -> Result<String, String> {
    if let Some((_, what)) = NOT_TEXT.iter().find(|(start, _)| bytes.starts_with(start)) {
        return Err(format!("this {what}."));
    }
    let wide: Option<fn([u8; 2]) -> u16> = match bytes[..] {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => {
            return Err("this is UTF-32. Save it as UTF-8.".into());
        }
        [0xff, 0xfe, ..] => Some(u16::from_le_bytes),
        [0xfe, 0xff, ..] => Some(u16::from_be_bytes),
        // Latin letters in UTF-16 without a mark: every other byte is 0.
        [a, 0, b, 0, ..] if a != 0 && b != 0 => Some(u16::from_le_bytes),
        [0, a, 0, b, ..] if a != 0 && b != 0 => Some(u16::from_be_bytes),
        _ => None,
    };
    let text = match wide {
        Some(unit) => {
            let (pairs, rest) = bytes.as_chunks::<2>();
            let units: Vec<u16> = pairs.iter().map(|&pair| unit(pair)).collect();
            String::from_utf16(&units).ok().filter(|_| rest.is_empty()).ok_or_else(|| {
                "this is UTF-16, and damaged or cut short. Save it as UTF-8.".to_string()
            })?
        }
        None => String::from_utf8(bytes).map_err(|e| {
            let at = e.utf8_error().valid_up_to();
            let line = e.as_bytes()[..at].iter().filter(|&&b| b == b'\n').count() + 1;
            format!("line {line} is not UTF-8 text (byte {at}). Save it as UTF-8.")
        })?,
    };
    // Some programs begin a file with a mark that is not part of the text.
    Ok(text.strip_prefix('\u{feff}').map(str::to_string).unwrap_or(text))
}

/// The first of these files that a folder holds, plain or with `.gz`.
pub(super) fn find(folder: &Path, names: &[&str], hint: &str) -> Result<PathBuf> {
    for name in names {
        for path in [folder.join(name), folder.join(format!("{name}.gz"))] {
            // A pipe of that name is refused by its reader, in its own words.
            if path.exists() && !path.is_dir() {
                return Ok(path);
            }
        }
    }
    let what = if folder.is_dir() { "the folder has no" } else { "there is no such folder with" };
    Err(wrong(folder, format!("{what} {}[.gz]. {hint}", names.join(" or "))))
}

/// The files and folders in a folder, by name.
pub(super) fn list(folder: &Path, hint: &str) -> Result<Vec<PathBuf>> {
    if folder.is_file() {
        return Err(wrong(folder, format!("this is a file, but a folder is needed. {hint}")));
    }
    if !folder.is_dir() {
        return Err(wrong(folder, format!("there is no such folder. {hint}")));
    }
    let failed = |e: std::io::Error| wrong(folder, format!("cannot be read: {e}."));
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    let mut paths: Vec<PathBuf> =
        entries.map(|e| Ok(e?.path())).collect::<std::io::Result<_>>().map_err(failed)?;
    paths.sort();
    Ok(paths)
}

/// The name of a file or folder for a data set: without parent folders and extensions.
pub(crate) fn name_of(path: &Path) -> String {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let name = whole.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    for end in [".csv", ".tsv", ".txt", ".bin"] {
        if let Some(stem) = name.strip_suffix(end) {
            return stem.to_string();
        }
    }
    name.to_string()
}

/// The numbers of labels, and the words of the classes: labels that are numbers in their order, others in
/// alphabetical order. With a number of classes, whole numbers below it are taken as they are.
pub(super) fn classes_of(
    labels: &[String],
    classes: Option<usize>,
) -> Result<(Vec<u32>, Vec<String>), String> {
    let mut words: Vec<&String> = labels.iter().collect();
    words.sort_unstable();
    words.dedup();
    let numbers: Option<Vec<u32>> = words.iter().map(|w| w.parse().ok()).collect();
    if let (Some(numbers), Some(n)) = (&numbers, classes)
        && n > 1
        && numbers.iter().all(|&c| (c as usize) < n)
    {
        let labels = labels.iter().filter_map(|l| l.parse().ok()).collect();
        return Ok((labels, vec![]));
    }
    let value = |w: &str| w.parse::<f64>().ok();
    let are_numbers = words.iter().all(|w| value(w).is_some());
    if are_numbers {
        let key = |w: &String| (w.parse::<i128>().ok(), value(w).unwrap_or(f64::NAN));
        words.sort_by(|a, b| match (key(a), key(b)) {
            ((Some(a), _), (Some(b), _)) => a.cmp(&b),
            ((_, a), (_, b)) => a.total_cmp(&b),
        });
    }
    if let Some(n) = classes.filter(|&n| n != words.len() || n < 2) {
        let found = words.len();
        let shown: Vec<&str> = words.iter().take(12).map(|w| w.as_str()).collect();
        let shown = shown.join(", ") + if found > 12 { ", ..." } else { "" };
        let test_file =
            "If this is the test file of other data, try data.with_test_csv(path, target).";
        let wanted = if n == 1 { "1 class is".into() } else { format!("{n} classes are") };
        return Err(match found {
            0 | 1 => format!(
                "{wanted} wanted and all rows have the same: {shown}. Try another target \
                 column, or rows of two classes at least. {test_file}"
            ),
            _ if are_numbers && found > 20 && found > labels.len() / 10 => format!(
                "{wanted} wanted and {found} different numbers found: {shown}. Try \
                 Task::regression(1) for numbers, or Task::classification({found})."
            ),
            _ if found < n => format!(
                "{wanted} wanted and {found} found: {shown}. Try \
                 Task::classification({found}). {test_file}"
            ),
            _ => format!(
                "{wanted} wanted and {found} found: {shown}. Try Task::classification({found})."
            ),
        });
    }
    let number: std::collections::HashMap<&str, u32> =
        words.iter().enumerate().map(|(i, w)| (w.as_str(), i as u32)).collect();
    let found = labels.iter().filter_map(|l| number.get(l.as_str()).copied()).collect();
    Ok((found, words.into_iter().cloned().collect()))
}

/// Reserves memory for `more` numbers of a file, or says that there is not enough.
pub(super) fn reserve(x: &mut Vec<f32>, more: usize, path: &Path) -> Result<()> {
    x.try_reserve_exact(more).map_err(|_| {
        wrong(
            path,
            format!(
                "its {more} numbers need {:.1} GB of memory, which is not available. Give a part of the file",
                more as f64 * 4e-9
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    #[test]
    fn gzip_is_unpacked_and_bounded() {
        let folder = std::env::temp_dir().join(format!("nascent-file-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("zeros.csv.gz");
        let mut zip = GzEncoder::new(vec![], Compression::best());
        zip.write_all(&vec![0; 100_000]).unwrap();
        let packed = zip.finish().unwrap();
        std::fs::write(&path, &packed).unwrap();
        assert_eq!(read(&path, "").unwrap().len(), 100_000);
        assert_eq!(name_of(&path), "zeros");
        let e = read_up_to(&path, "", 99_999).unwrap_err().to_string();
        assert!(e.contains("more than 99999 bytes"), "{e}");
        std::fs::write(&path, &packed[..packed.len() - 9]).unwrap();
        let e = read(&path, "").unwrap_err().to_string();
        assert!(e.contains("damaged or cut short"), "{e}");
        std::fs::write(&path, [0x1f]).unwrap();
        assert_eq!(read(&path, "").unwrap(), [0x1f]);
        assert!(read(&folder, "").unwrap_err().to_string().contains("folder"));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn text_in_16_bits_and_what_is_not_text() {
        let text = "a,b\n1,ä\n";
        for (mark, order) in [(true, true), (true, false), (false, true), (false, false)] {
            let text = if mark { format!("\u{feff}{text}") } else { text.to_string() };
            let bytes = |u: u16| if order { u.to_le_bytes() } else { u.to_be_bytes() };
            let wide: Vec<u8> = text.encode_utf16().flat_map(bytes).collect();
            assert_eq!(text_of(wide.clone()).unwrap(), "a,b\n1,ä\n");
            assert!(text_of(wide[..wide.len() - 1].to_vec()).unwrap_err().contains("UTF-16"));
        }
        assert_eq!(text_of(b"\xef\xbb\xbfa".to_vec()).unwrap(), "a");
        assert!(text_of(b"\xff\xfe\0\0a\0\0\0".to_vec()).unwrap_err().contains("UTF-32"));
        assert!(text_of(b"PK\x03\x04rest".to_vec()).unwrap_err().contains("Save its sheet"));
        assert!(text_of(vec![]).unwrap().is_empty());
    }

    #[test]
    fn words_become_classes() {
        let of = |list: &[&str], n| {
            classes_of(&list.iter().map(|s| s.to_string()).collect::<Vec<_>>(), n)
        };
        assert_eq!(of(&["b", "a", "b"], Some(2)).unwrap().0, [1, 0, 1]);
        assert_eq!(of(&["10", "9"], None).unwrap(), (vec![1, 0], vec!["9".into(), "10".into()]));
        assert_eq!(of(&["0", "2"], Some(3)).unwrap(), (vec![0, 2], vec![]));
        assert!(of(&["1", "2", "3"], Some(2)).unwrap_err().contains("classification(3)"));
    }
}
