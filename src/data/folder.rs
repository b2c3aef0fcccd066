//! Folders whose files are samples, each of the class that its folder is named after.

use super::file::{list, wrong};
use crate::error::Result;
use crate::words::plural;
use std::path::{Path, PathBuf};

/// How deep nested folders are searched; links may lead in a circle.
const DEEPEST: usize = 16;

/// A kind of files that are read from folders.
pub(super) struct Kind {
    /// One of them: `a WAV file`.
    pub one: &'static str,
    /// Many of them: `WAV files`.
    pub many: &'static str,
    /// The endings of their names.
    pub ends: &'static [&'static str],
    /// What a folder has to look like.
    pub hint: &'static str,
    /// The reader: `wav_folder`.
    pub call: &'static str,
}

/// What is in a folder: the files of a kind with their classes, and all that is left out.
pub(super) struct Found {
    kind: &'static Kind,
    pub files: Vec<(PathBuf, String)>,
    /// Files in a folder inside their class's folder.
    deeper: Vec<PathBuf>,
    hidden: Vec<PathBuf>,
    underscored: Vec<PathBuf>,
    empty: Vec<PathBuf>,
    others: Vec<PathBuf>,
    /// Links to folders that are read by their own names.
    linked: Vec<PathBuf>,
    /// Folders too deep to be searched.
    too_deep: Vec<PathBuf>,
}

fn text(name: Option<&std::ffi::OsStr>) -> String {
    name.unwrap_or_default().to_string_lossy().into_owned()
}

impl Kind {
    pub(super) fn is(&self, path: &Path) -> bool {
        path.extension().is_some_and(|e| self.ends.iter().any(|end| e.eq_ignore_ascii_case(end)))
    }
}

fn true_path(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

/// Whether a folder is a link to one that is read anyway, or to one that is around all of them.
fn leads_back(path: &Path, root: &Path) -> bool {
    let to = true_path(path);
    path.is_symlink() && (to.starts_with(root) || root.starts_with(&to))
}

/// Adds a sentence to the last of the problems, if there are any.
pub(super) fn advise(problems: &mut [String], advice: &str) {
    if let Some(last) = problems.last_mut() {
        *last += " ";
        *last += advice;
    }
}

/// Files and folders that systems and programs make for themselves: `.DS_Store`, `.ipynb_checkpoints`, the
/// `._a.wav` of a Mac's archives.
fn is_hidden(path: &Path) -> bool {
    text(path.file_name()).starts_with('.')
}

impl Found {
    pub(super) fn look(folder: &Path, kind: &'static Kind) -> Result<Found> {
        let none = || vec![];
        let mut found = Found {
            kind,
            files: vec![],
            deeper: none(),
            hidden: none(),
            underscored: none(),
            empty: none(),
            others: none(),
            linked: none(),
            too_deep: none(),
        };
        let root = true_path(folder);
        let hint = kind.hint;
        let mut plain = vec![];
        for path in list(folder, hint)? {
            let name = text(path.file_name());
            match path.is_dir() {
                _ if is_hidden(&path) => found.hidden.push(path),
                true if leads_back(&path, &root) => found.linked.push(path),
                // `_background_noise_` of the Speech Commands, `__MACOSX` of archives.
                true if name.starts_with('_') => found.underscored.push(path),
                true => {
                    let before = found.files.len();
                    found.walk(&path, &name, 0, &root)?;
                    if found.files.len() == before {
                        found.empty.push(path);
                    }
                }
                false if kind.is(&path) => plain.push(path),
                false => found.others.push(path),
            }
        }
        if let (false, Some(first)) = (found.files.is_empty(), plain.first()) {
            let what = format!(
                "there are {} both in folders and beside them ({}). Move them into folders.",
                kind.many,
                text(first.file_name())
            );
            return Err(wrong(folder, what));
        }
        for path in plain {
            let name = text(path.file_stem());
            let class =
                name.split_once('_').map(|(class, _)| class).filter(|class| !class.is_empty());
            let Some(class) = class else {
                return Err(wrong(&path, format!("the name does not tell the class. {hint}")));
            };
            found.files.push((path.clone(), class.to_string()));
        }
        if found.files.is_empty() {
            let left_out = found.notes(folder).join("; ");
            let left_out = if left_out.is_empty() { left_out } else { format!(" ({left_out})") };
            let many = kind.many;
            return Err(wrong(folder, format!("there are no {many} in it{left_out}. {hint}")));
        }
        found.check_splits(folder)?;
        Ok(found)
    }

    /// All files below a folder are of one class.
    fn walk(&mut self, folder: &Path, class: &str, depth: usize, root: &Path) -> Result<()> {
        if depth > DEEPEST {
            self.too_deep.push(folder.to_path_buf());
            return Ok(());
        }
        for path in list(folder, self.kind.hint)? {
            match path.is_dir() {
                _ if is_hidden(&path) => self.hidden.push(path),
                true if leads_back(&path, root) => self.linked.push(path),
                true if text(path.file_name()).starts_with("__") => self.underscored.push(path),
                true => self.walk(&path, class, depth + 1, root)?,
                false if self.kind.is(&path) => {
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

    /// Folders named `train` and `test` in which there are folders are not classes.
    fn check_splits(&self, folder: &Path) -> Result<()> {
        let (train, test) = (["train", "training"], ["test", "testing"]);
        let others = ["val", "valid", "validation", "dev", "eval"];
        let is = |names: &[&str], class: &str| names.iter().any(|n| n.eq_ignore_ascii_case(class));
        let all = |(_, class): &(PathBuf, String)| {
            is(&train, class) || is(&test, class) || is(&others, class)
        };
        if self.deeper.is_empty() || !self.files.iter().all(all) {
            return Ok(());
        }
        let of = |names: &[&str]| {
            let found = self.files.iter().find(|(_, class)| is(names, class));
            found.map(|(_, class)| format!("{:?}", folder.join(class)))
        };
        let call = self.kind.call;
        Err(wrong(
            folder,
            match (of(&train), of(&test)) {
                (Some(train), Some(test)) => format!(
                    "its folders are named like splits, not like classes. Try \
                     Dataset::{call}({train})?.with_test_{call}({test})?."
                ),
                (one, other) => format!(
                    "its folders are named like splits, not like classes. Try \
                     Dataset::{call}({})?.",
                    one.or(other).unwrap_or_else(|| format!("{:?}", folder.join("train")))
                ),
            },
        ))
    }

    /// What was left out, and what was read though one might not expect it.
    pub(super) fn notes(&self, folder: &Path) -> Vec<String> {
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
        let Kind { one, many, .. } = self.kind;
        let (one_empty, empty) =
            (format!("a folder without {one}"), format!("folders without {one}"));
        left_out(&self.empty, &one_empty, &empty, "");
        let again = "; what they lead to is read by its own name";
        left_out(&self.linked, "a link to a folder", "links to folders", again);
        let (deep, deeps) = ("a folder that is too deep", "folders that are too deep");
        left_out(&self.too_deep, deep, deeps, "; move its files up");
        let (other, others) =
            (format!("a file that is not {one}"), format!("files that are not {many}"));
        left_out(&self.others, &other, &others, "");
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

/// What to say of classes with one file, which can be in one split only.
pub(super) fn alone(labels: &[u32], classes: &[String]) -> Option<String> {
    let count = |c: usize| labels.iter().filter(|&&l| l as usize == c).count();
    let list: Vec<&str> =
        (0..classes.len()).filter(|&c| count(c) == 1).map(|c| classes[c].as_str()).collect();
    let (n, shown) = (list.len(), list.iter().take(5).copied().collect::<Vec<_>>().join(", "));
    let (have, it) = if n == 1 { ("has", "its folder") } else { ("have", "their folders") };
    (n > 0).then(|| {
        format!(
            "{} ({shown}) {have} a single file, which cannot be both learned and tested. Add files, or take {it} away.",
            plural(n, "class").replace("classs", "classes")
        )
    })
}
