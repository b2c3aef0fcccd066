//! Files that are read and then written: only regular ones are opened, and they are locked.
//!
//! ```text
//! irregular   says before opening a path that it is a pipe, which would wait for its other end, or a
//!             device, which may never end
//! open        opens a file, created if needed, under a lock that other programs respect
//! read_if     reads all of a file if its first line is as expected, and no more than that line otherwise
//! ```

use crate::error::{Error, ErrorKind, Result};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Read};
use std::ops::{Deref, DerefMut};
use std::path::Path;

/// What a path leads to, if it is something other than a regular file. It is called before a file is
/// opened, because opening a pipe waits for its other end, and reading a device may never end.
pub(crate) fn irregular(path: &Path) -> Option<&'static str> {
    let kind = std::fs::metadata(path).ok()?.file_type();
    if kind.is_file() {
        return None;
    }
    if kind.is_dir() {
        return Some("a folder");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return Some("a pipe");
        }
        if kind.is_socket() {
            return Some("a socket");
        }
    }
    Some("a device")
}

/// What a file is called in errors, and who may be using it.
#[derive(Clone, Copy)]
pub(crate) struct Role {
    pub(crate) what: &'static str,
    pub(crate) user: &'static str,
}

impl Role {
    fn error(self, path: &Path, text: String) -> Error {
        Error::new(ErrorKind::File, format!("{} {} {text}", self.what, path.display()))
    }

    /// Refuses what is not a regular file.
    ///
    /// # Errors
    /// When something else is there.
    pub(crate) fn regular(self, path: &Path) -> Result<()> {
        let Some(found) = irregular(path) else { return Ok(()) };
        let folder = if found == "a folder" { path } else { Path::new("") };
        let try_ = folder.join("study.jsonl");
        let text = format!("cannot be opened: this is {found}, and a regular file is needed.");
        Err(self.error(path, format!("{text} Try {}.", try_.display())))
    }
}

/// An open file under its lock, which is released when this is dropped. Closing the file is not enough: a
/// process that is being started at that moment has a copy of it, and would hold the lock.
pub(crate) struct Locked(File);

impl Deref for Locked {
    type Target = File;
    fn deref(&self) -> &File {
        &self.0
    }
}

impl DerefMut for Locked {
    fn deref_mut(&mut self) -> &mut File {
        &mut self.0
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// A file that was opened to read and to write.
pub(crate) struct Opened {
    pub(crate) file: Locked,
    /// Whether it did not exist before.
    pub(crate) new: bool,
}

/// Opens a file to read and to write, creates it if it does not exist, and locks it.
///
/// # Errors
/// When it is not a regular file, cannot be opened, is in use, or cannot be locked. A file that was
/// created for this is then removed.
pub(crate) fn open(path: &Path, role: Role) -> Result<Opened> {
    open_with(path, role, File::try_lock)
}

fn open_with(
    path: &Path,
    role: Role,
    lock: impl FnMut(&File) -> Result<(), TryLockError>,
) -> Result<Opened> {
    role.regular(path)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    let opened = match options.clone().create_new(true).open(path) {
        Ok(file) => Ok(Opened { file: Locked(file), new: true }),
        // A link that leads nowhere exists as well; its file is created.
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => options
            .create(true)
            .truncate(false)
            .open(path)
            .map(|file| Opened { file: Locked(file), new: false }),
        Err(e) => Err(e),
    };
    let opened = opened.map_err(|e| role.error(path, format!("cannot be opened: {e}")))?;
    let locked = locked(&opened.file, lock);
    if opened.new && matches!(locked, Err(TryLockError::Error(_))) {
        let _ = std::fs::remove_file(path);
    }
    locked.map_err(|e| not_locked(path, role, e))?;
    Ok(opened)
}

/// Locks a file that is already open.
///
/// # Errors
/// When it is in use, or cannot be locked.
pub(crate) fn lock(file: File, path: &Path, role: Role) -> Result<Locked> {
    locked(&file, File::try_lock).map_err(|e| not_locked(path, role, e))?;
    Ok(Locked(file))
}

/// Requests the lock, again if a signal arrives in between.
fn locked(
    file: &File,
    mut lock: impl FnMut(&File) -> Result<(), TryLockError>,
) -> Result<(), TryLockError> {
    loop {
        match lock(file) {
            Err(TryLockError::Error(e)) if e.kind() == io::ErrorKind::Interrupted => {}
            answer => return answer,
        }
    }
}

fn not_locked(path: &Path, role: Role, e: TryLockError) -> Error {
    let user = role.user;
    let text = match e {
        TryLockError::WouldBlock => format!(
            "is in use by another {user}, here or in another process. Stop that one, or give this one \
             another path"
        ),
        TryLockError::Error(e) => format!(
            "cannot be locked: {e}. Its file system does not support locks, as is often so on network \
             drives, and without one two programs could write to the same file. Give a path on a local \
             disk, and copy the file when the {user} has ended"
        ),
    };
    role.error(path, text)
}

/// The bytes of a file whose first line passes the check, which sees it with its line feed. Of any other
/// file, only that line is read, and at most `most` bytes of it.
///
/// # Errors
/// Those of the check, and when the file cannot be read.
pub(crate) fn read_if(
    file: &File,
    most: usize,
    check: impl FnOnce(&[u8]) -> Result<()>,
) -> Result<Vec<u8>> {
    let mut reader = BufReader::new(file);
    let mut bytes = vec![];
    reader.by_ref().take(most as u64).read_until(b'\n', &mut bytes)?;
    check(&bytes)?;
    reader.read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: Role = Role { what: "the journal", user: "study" };

    fn scratch(name: &str) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("nascent-file-{name}-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        path
    }

    /// Network drives: the answers of `flock` are reported as what they are, and leave no file behind.
    #[test]
    fn a_file_system_without_locks_is_told_from_a_file_in_use() {
        let path = scratch("locks");
        // ENOLCK, ENOSYS and EOPNOTSUPP on Linux.
        for code in [37, 38, 95] {
            let answer = |_: &File| Err(TryLockError::Error(io::Error::from_raw_os_error(code)));
            let e = open_with(&path, ROLE, answer).err().unwrap().to_string();
            assert!(e.contains("cannot be locked") && e.contains("local disk"), "{e}");
            assert!(!e.contains("in use"), "{e}");
            assert!(!path.exists(), "{code} leaves an empty file");
        }
        // A file that existed stays, and so does one that another program has just created.
        let e = open_with(&path, ROLE, |_| Err(TryLockError::WouldBlock)).err().unwrap();
        assert!(e.to_string().contains("in use by another study") && path.exists(), "{e}");
        std::fs::write(&path, "kept").unwrap();
        let answer = |_: &File| Err(TryLockError::Error(io::Error::from_raw_os_error(37)));
        assert!(open_with(&path, ROLE, answer).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"kept");
        // A signal in between changes nothing.
        let mut signals = 3;
        let answer = |file: &File| match signals {
            0 => file.try_lock(),
            _ => {
                signals -= 1;
                Err(TryLockError::Error(io::ErrorKind::Interrupted.into()))
            }
        };
        let held = open_with(&path, ROLE, answer).unwrap();
        assert!(!held.new);
        let e = open(&path, ROLE).err().unwrap().to_string();
        assert!(e.contains("in use by another study"), "{e}");
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn of_a_foreign_file_no_more_than_its_first_line_is_read() {
        let path = scratch("first");
        std::fs::write(&path, "one\ntwo\n").unwrap();
        let file = || File::open(&path).unwrap();
        let mut seen = vec![];
        let all = read_if(&file(), 100, |first| {
            seen = first.to_vec();
            Ok(())
        });
        assert_eq!((seen, all.unwrap()), (b"one\n".to_vec(), b"one\ntwo\n".to_vec()));
        assert!(read_if(&file(), 100, |_| Err(Error::from("foreign"))).is_err());
        let mut seen = 0;
        let _ = read_if(&file(), 2, |first| {
            seen = first.len();
            Err(Error::from("foreign"))
        });
        assert_eq!(seen, 2);
        std::fs::remove_file(&path).unwrap();
    }
}
