//! Writing files: they are checked before a long run and replaced as a whole, and the failure of one does
//! not keep the others from being written.
//!
//! A file is written beside its place and moved there, so a full disk or a killed process leaves the old
//! one. Links are followed, and the mode of a file is kept. A pipe, `/dev/stdout` or anything else that
//! is not a regular file is written to directly.
//!
//! ```
//! use nascent::output;
//! let folder = std::env::temp_dir();
//! let file = folder.join(format!("nascent-doc-{}.txt", std::process::id()));
//! output::check(&file)?;                                       // before the run
//! output::all([output::write(&file, "42\n")])?;                // after it
//! assert_eq!(std::fs::read_to_string(&file)?, "42\n");
//! let said = output::check("no/such/folder/trials.csv").unwrap_err().to_string();
//! assert!(said.ends_with("Make the folder no/such/folder first, or try trials.csv."), "{said}");
//! # std::fs::remove_file(&file)?;
//! # Ok::<(), nascent::Error>(())
//! ```

use crate::error::{Error, ErrorKind, Result, numbered};
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind as Io, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Checks that a file can be written: its folder exists and accepts files, and nothing else is in its
/// place. Nothing is changed.
///
/// # Errors
/// When [`write()`] would fail for such a reason; the text says what to try.
pub fn check(path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    match Place::of(path)? {
        Place::Stdout | Place::Stderr | Place::Special(_) => Ok(()),
        Place::File { real, old } => {
            writable(&real, old.as_ref()).map_err(|e| wrong(path, &e))?;
            match Beside::new(&real) {
                Err(e) if !(in_place(&e) && old.is_some()) => Err(wrong(path, &e)),
                _ => Ok(()),
            }
        }
    }
}

/// Checks that files can be written into a folder, which need not exist yet. Nothing is changed.
///
/// # Errors
/// When it could not be created, or does not accept files.
pub fn check_folder(folder: impl AsRef<Path>) -> Result<()> {
    let folder = folder.as_ref();
    if folder.as_os_str().is_empty() {
        return Err(Error::invalid("an empty path", "a folder is needed", "results"));
    }
    // The folder itself, or the nearest one above it that exists.
    let mut there = folder;
    let taken = |what: &Path| {
        let (folder, what) = (folder.display(), what.display());
        let text = format!("cannot write into {folder}: {what} is a file");
        Error::new(ErrorKind::File, format!("{text}. Try another name, such as {what}-1"))
    };
    loop {
        let above = || there.parent().filter(|p| !p.as_os_str().is_empty());
        match std::fs::metadata(there) {
            Ok(found) if found.is_dir() => break,
            Ok(_) => return Err(taken(there)),
            // Its folder may be a file: then the error is about the folder.
            Err(e) if matches!(e.kind(), Io::NotFound | Io::NotADirectory) => match above() {
                Some(parent) => there = parent,
                None => {
                    there = Path::new(".");
                    break;
                }
            },
            Err(e) => return Err(wrong(folder, &e)),
        }
    }
    Beside::new(&there.join("x")).map(|_| ()).map_err(|e| wrong(&folder.join("trials.csv"), &e))
}

/// Refuses two paths to the same file, because the last one written would replace the other. Each path
/// comes with the name that the message uses for it, such as an option of the command line.
///
/// # Errors
/// When two lead to the same file.
///
/// ```
/// use nascent::output;
/// assert!(output::apart([("--csv", "a.csv"), ("--report", "a.html")]).is_ok());
/// assert!(output::apart([("--csv", "a.csv"), ("--journal", "./a.csv")]).is_err());
/// ```
pub fn apart<N: AsRef<str>, P: AsRef<Path>>(paths: impl IntoIterator<Item = (N, P)>) -> Result<()> {
    let mut seen: Vec<(String, PathBuf)> = vec![];
    for (name, path) in paths {
        let (name, path) = (name.as_ref(), path.as_ref());
        let Ok(Place::File { real, .. }) = Place::of(path) else { continue };
        let real = whole(&real);
        if let Some((other, _)) = seen.iter().find(|(_, before)| same(before, &real)) {
            return Err(Error::invalid(
                format!("{name} {}", path.display()),
                format!("{other} is the same file"),
                format!("{name} with another name"),
            ));
        }
        seen.push((name.to_string(), real));
    }
    Ok(())
}

/// Writes a file, or replaces it as a whole. Folders are not created.
///
/// # Errors
/// When it cannot be written; an old file is then still there. A journal is not replaced by something
/// else.
pub fn write(path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> Result<()> {
    together(&[(path.as_ref(), content.as_ref())])
}

/// Writes files that belong together: all are on disk before the first is moved to its place.
pub(crate) fn together(files: &[(&Path, &[u8])]) -> Result<()> {
    let mut drafts = vec![];
    for (path, content) in files {
        let named = |e: io::Error| wrong(path, &e);
        match Place::of(path)? {
            Place::Stdout => {
                let mut out = io::stdout().lock();
                out.write_all(content).and_then(|()| out.flush()).map_err(named)?;
            }
            Place::Stderr => io::stderr().lock().write_all(content).map_err(named)?,
            Place::Special(path) => {
                let file = OpenOptions::new().append(true).open(path);
                file.and_then(|mut file| file.write_all(content)).map_err(named)?;
            }
            Place::File { real, old } => {
                spare_journal(path, &real, content)?;
                writable(&real, old.as_ref()).map_err(named)?;
                match Beside::new(&real) {
                    Ok(mut beside) => {
                        beside.fill(content, old.as_ref()).map_err(named)?;
                        drafts.push((*path, beside, content));
                    }
                    // The file may be written to, but nothing can be put beside it in its folder.
                    Err(e) if in_place(&e) && old.is_some() => {
                        std::fs::write(&real, content).map_err(named)?;
                    }
                    Err(e) => return Err(named(e)),
                }
            }
        }
    }
    for (path, beside, content) in drafts {
        beside.publish(content).map_err(|e| wrong(path, &e))?;
    }
    Ok(())
}

/// One result for several writes, all of which were tried: every failure in a single error.
///
/// ```
/// let said = nascent::output::all([Err("one".into()), Ok(()), Err("two".into())]);
/// assert_eq!(said.unwrap_err().to_string(), "2 of 3 outputs failed:\n  1. one\n  2. two");
/// ```
///
/// # Errors
/// When one of them is an error.
pub fn all(written: impl IntoIterator<Item = Result<()>>) -> Result<()> {
    let written: Vec<Result<()>> = written.into_iter().collect();
    let of = written.len();
    let mut failed: Vec<Error> = written.into_iter().filter_map(Result::err).collect();
    match failed.len() {
        0 => Ok(()),
        1 => Err(failed.remove(0)),
        n => {
            let text = format!("{n} of {of} outputs failed:{}", numbered(&failed));
            Err(Error::new(failed[0].kind(), text))
        }
    }
}

/// Whether a path leads to something other than a regular file, whose name need not have an ending.
pub(crate) fn special(path: &Path) -> bool {
    matches!(Place::of(path), Ok(Place::Stdout | Place::Stderr | Place::Special(_)))
}

/// What a path leads to.
enum Place {
    Stdout,
    Stderr,
    /// A pipe or a device.
    Special(PathBuf),
    /// A file behind all links, with the metadata of the existing one.
    File {
        real: PathBuf,
        old: Option<Metadata>,
    },
}

impl Place {
    fn of(path: &Path) -> Result<Place> {
        let text = path.as_os_str().to_string_lossy();
        match &*text {
            "" => return Err(Error::invalid("an empty path", "a file is needed", "trials.csv")),
            "/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1" => return Ok(Place::Stdout),
            "/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2" => return Ok(Place::Stderr),
            _ => {}
        }
        let name = path.file_name().map(Path::new);
        let shown = path.display();
        let refused = |why: String| {
            Err(Error::new(ErrorKind::File, format!("cannot write {shown}: it is {why}")))
        };
        let folder = || {
            let inside = path.join(path.extension().and(name).unwrap_or(Path::new("output.txt")));
            refused(format!("a folder. Try a file in it, such as {}", inside.display()))
        };
        match std::fs::metadata(path) {
            Ok(found) if found.is_dir() => return folder(),
            Ok(found)
                if !found.is_file() || text.starts_with("/proc/") || text.starts_with("/dev/") =>
            {
                return match takes_bytes(&found) {
                    true => Ok(Place::Special(path.to_path_buf())),
                    false => refused(format!("not a file. Try {}", elsewhere(path))),
                };
            }
            Ok(found) => return Ok(Place::File { real: behind(path), old: Some(found) }),
            Err(e) if e.kind() != Io::NotFound => return Err(wrong(path, &e)),
            Err(_) => {}
        }
        let (Some(_), false) = (name, text.ends_with(['/', std::path::MAIN_SEPARATOR])) else {
            return folder();
        };
        let real = behind(path);
        match std::fs::metadata(above(&real)) {
            Ok(found) if found.is_dir() => Ok(Place::File { real, old: None }),
            Ok(_) => Err(wrong(path, &Io::NotADirectory.into())),
            Err(e) => Err(wrong(path, &e)),
        }
    }
}

/// Whether something other than a file and a folder can be written to as a stream.
#[cfg(unix)]
fn takes_bytes(found: &Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    let kind = found.file_type();
    !kind.is_block_device() && !kind.is_socket()
}

#[cfg(not(unix))]
fn takes_bytes(_: &Metadata) -> bool {
    true
}

/// The path with its links followed, even if the last one leads to nothing yet.
fn behind(path: &Path) -> PathBuf {
    let mut path = path.to_path_buf();
    // As many as Linux follows.
    for _ in 0..40 {
        match std::fs::read_link(&path) {
            Ok(to) => path = above(&path).join(to),
            Err(_) => break,
        }
    }
    path
}

/// The folder of a file.
fn above(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// The canonical path of a file, with the links of its folders followed.
fn whole(path: &Path) -> PathBuf {
    let folder = above(path);
    let folder = folder.canonicalize().unwrap_or(folder);
    path.file_name().map_or(folder.clone(), |name| folder.join(name))
}

#[cfg(unix)]
fn same(a: &Path, b: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |p: &Path| std::fs::metadata(p).ok().map(|m| (m.dev(), m.ino()));
    a == b || id(a).is_some_and(|one| id(b) == Some(one))
}

#[cfg(not(unix))]
fn same(a: &Path, b: &Path) -> bool {
    a == b
}

/// A file that is being written beside its place. When dropped, it is removed.
struct Beside {
    place: PathBuf,
    path: PathBuf,
    file: File,
    published: bool,
}

impl Beside {
    fn new(place: &Path) -> io::Result<Beside> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        // It has a short name of its own, because the name of the file may already be as long as is allowed.
        if let Some(name) = place.file_name().filter(|name| name.len() > 255) {
            return Err(io::Error::new(Io::InvalidFilename, format!("{} bytes", name.len())));
        }
        loop {
            let n = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = above(place).join(format!(".nascent-{}-{n}.new", std::process::id()));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => {
                    return Ok(Beside { place: place.to_path_buf(), path, file, published: false });
                }
                Err(e) if e.kind() == Io::AlreadyExists => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// Writes all of it to the disk, under the owner and the mode of the old file.
    fn fill(&mut self, content: &[u8], old: Option<&Metadata>) -> io::Result<()> {
        self.file.write_all(content)?;
        if let Some(old) = old {
            own(&self.path, old);
            self.file.set_permissions(old.permissions())?;
        }
        match self.file.sync_all() {
            // Some file systems have nothing to sync.
            Err(e) if !matches!(e.kind(), Io::InvalidInput | Io::Unsupported) => Err(e),
            _ => Ok(()),
        }
    }

    fn publish(mut self, content: &[u8]) -> io::Result<()> {
        match std::fs::rename(&self.path, &self.place) {
            Ok(()) => self.published = true,
            // A single file that is mounted in its place stays there.
            Err(e) if matches!(e.kind(), Io::ResourceBusy | Io::CrossesDevices) => {
                return std::fs::write(&self.place, content);
            }
            Err(e) => return Err(e),
        }
        // So that the new name is on disk as well; where that cannot be requested, it will be soon.
        let _ = File::open(above(&self.place)).and_then(|folder| folder.sync_all());
        Ok(())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if !self.published {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(unix)]
fn own(path: &Path, old: &Metadata) {
    use std::os::unix::fs::{MetadataExt, chown};
    // Where that is not allowed, the new file belongs to the writer.
    let _ = chown(path, Some(old.uid()), Some(old.gid()));
}

#[cfg(not(unix))]
fn own(_: &Path, _: &Metadata) {}

/// An existing file that may not be written to is not replaced either.
fn writable(real: &Path, old: Option<&Metadata>) -> io::Result<()> {
    if old.is_some() {
        OpenOptions::new().write(true).open(real)?;
    }
    Ok(())
}

/// Whether a folder refuses new files, although one that is in it may be writable.
fn in_place(e: &io::Error) -> bool {
    matches!(e.kind(), Io::PermissionDenied | Io::ReadOnlyFilesystem)
}

/// Refuses to replace a journal, whose content could not be recovered.
fn spare_journal(path: &Path, real: &Path, content: &[u8]) -> Result<()> {
    use std::io::Read;
    let begins = br#"{"nascent":"#;
    let mut first = vec![];
    let read = File::open(real).and_then(|f| f.take(begins.len() as u64).read_to_end(&mut first));
    if read.is_err() || first != begins || content.starts_with(begins) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::File,
        format!(
            "cannot write {}: it is a journal, whose trials would be lost. Try {}",
            path.display(),
            beside_name(path).display()
        ),
    ))
}

/// `trials-1.csv` for `trials.csv`.
fn beside_name(path: &Path) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let end = path.extension().map_or(String::new(), |e| format!(".{}", e.to_string_lossy()));
    path.with_file_name(format!("{stem}-1{end}"))
}

/// The same name in a folder that certainly accepts files.
fn elsewhere(path: &Path) -> String {
    let name = path.file_name().map_or("output.txt".into(), |n| n.to_string_lossy());
    std::env::temp_dir().join(&*name).display().to_string()
}

/// Why a file cannot be written, and what to try.
fn wrong(path: &Path, e: &io::Error) -> Error {
    let folder = above(path);
    let (shown, name) = (folder.display(), path.file_name().unwrap_or_default().to_string_lossy());
    let link = path.is_symlink();
    let why = match e.kind() {
        Io::NotFound if link => format!(
            "it is a link to {}, whose folder does not exist. Try {}",
            behind(path).display(),
            beside_name(path).display()
        ),
        Io::NotFound => {
            format!("there is no folder {shown}. Make the folder {shown} first, or try {name}.")
        }
        Io::NotADirectory => {
            let all: Vec<&Path> = path.ancestors().skip(1).collect();
            let file = all.into_iter().find(|p| p.is_file()).unwrap_or(&folder).display();
            format!("{file} is a file, not a folder. Try {}", elsewhere(path))
        }
        Io::PermissionDenied | Io::ReadOnlyFilesystem => {
            format!("{e}. Try a folder of your own, such as {}", elsewhere(path))
        }
        Io::InvalidFilename => {
            let end =
                path.extension().map_or(String::new(), |e| format!(".{}", e.to_string_lossy()));
            let short: String = name.chars().take(20).collect();
            format!(
                "its name is too long ({e}). Try {}",
                path.with_file_name(short + &end).display()
            )
        }
        Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge => {
            let old = if path.is_file() { " What was there before is unchanged." } else { "" };
            format!("{e}.{old} Make room, or try another disk")
        }
        _ => format!("{e}. Try {}", elsewhere(path)),
    };
    Error::new(ErrorKind::File, format!("cannot write {}: {why}", path.display()))
}
