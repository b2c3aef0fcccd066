//! What tests of several files need.

use nascent::IntoStrategy;
use nascent::prelude::*;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A folder of a test's own, removed at its end.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let (process, n) = (std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(format!("nascent-{process}-{n}-{name}"));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file, and the folders that it is in.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.file(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// An error that says all of this.
#[track_caller]
pub fn says<T>(result: Result<T>, parts: &[&str]) {
    let Err(e) = result else { panic!("no error; wanted {parts:?}") };
    let text = e.to_string();
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

/// The trials of a study, one line each.
pub fn lines(study: &Study) -> Vec<String> {
    study.trials_done().iter().map(|t| t.line()).collect()
}

pub fn labels(data: &Dataset, split: Split) -> Vec<u32> {
    data.tensors(split).unwrap().1.flatten_all().unwrap().to_vec1().unwrap()
}

/// A file of the folder NASCENT_DATA (or ../shared/data), which is not part of the project.
pub fn outside(file: &str) -> Option<PathBuf> {
    let folder = std::env::var("NASCENT_DATA").unwrap_or_else(|_| "../shared/data".into());
    let path = Path::new(&folder).join(file);
    if !path.is_file() {
        println!("skipped: there is no {}", path.display());
        return None;
    }
    Some(path)
}

/// A strategy of the table with its defaults; networks learn for a few epochs only, which is all that
/// most tests need.
pub fn quick(row: &nascent::StrategyInfo) -> AnyStrategy {
    match row.name {
        "autokeras" => AutoKeras::new().candidates(12).into_strategy(),
        "bananas" => Bananas::new().members(2).epochs(5).into_strategy(),
        "ppo" => Ppo::new().units(20).epochs(2).into_strategy(),
        _ => (row.make)(),
    }
}

/// Does the work for each of these, on as many threads as there are cores.
pub fn side_by_side<'a, T: Sync>(all: &'a [T], work: impl Fn(usize, &'a T) + Sync) {
    let next = AtomicUsize::new(0);
    let worker = || {
        let take = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|i| *i < all.len());
        while let Some(i) = take() {
            work(i, &all[i]);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, std::num::NonZero::get) {
            scope.spawn(worker);
        }
    });
}

/// One test of this program, such as `journal::the_child_that_may_die`, in a process of its own, which may die.
pub fn alone(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]);
    command
}
