//! The memory that is left to the machine, the container and the process, and how much of it is reserved.
//!
//! A failed allocation ends the process, and a notebook would lose all of its variables. So an
//! architecture that cannot fit is refused before anything is allocated, by the tightest of the limits:
//!
//! ```text
//! the machine    MemAvailable of /proc/meminfo
//! a container    memory.max of its control group and of all groups around it (version 2), or
//!                memory.limit_in_bytes (version 1), less what is in use there and is not file cache
//! ulimit -v, -d  the address space or the data of the process, less what it has
//! ```
//!
//! Memory that the allocator keeps after a training can be used again and counts as free. Trainings that
//! run side by side need their memory at the same time, but most of it is not allocated yet when the next
//! one begins. So each says how much it will need, and one that does not fit beside the others waits for
//! them. It is refused only if it would not fit alone, and no result depends on the number of jobs.

use crate::error::{Error, Result};
use crate::kernel::heap;
use crate::words::memory_size;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

/// The bytes that can still be allocated, and by which limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Room {
    bytes: usize,
    limit: Limit,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Limit {
    Machine,
    /// The bytes that a control group may use.
    Container(usize),
    /// The letter of a `ulimit`, and the bytes that it allows.
    Process(char, usize),
}

impl Room {
    /// What is free now, where the system says so.
    pub(crate) fn now() -> Option<Room> {
        let room = Room::read(&|path| std::fs::read_to_string(path).ok())?;
        let spare = heap().map_or(0, |heap| heap.spare);
        Some(Room { bytes: room.bytes.saturating_add(spare), ..room })
    }

    /// The tightest of all limits, according to the system's files.
    fn read(file: &dyn Fn(&Path) -> Option<String>) -> Option<Room> {
        let read = |path: &str| file(Path::new(path));
        let machine = read("/proc/meminfo").and_then(|text| kilobytes(&text, "MemAvailable:"));
        let mut rooms: Vec<Room> =
            machine.map(|bytes| Room { bytes, limit: Limit::Machine }).into_iter().collect();
        if let (Some(own), Some(mounts)) = (read("/proc/self/cgroup"), read("/proc/self/mountinfo"))
        {
            let groups = groups(&own, &mounts);
            rooms.extend(groups.iter().filter_map(|(version, folder)| {
                let of = |name: &str| file(&folder.join(name));
                version.room(&of(version.limit)?, &of(version.usage)?, &of("memory.stat"))
            }));
        }
        if let (Some(limits), Some(status)) = (read("/proc/self/limits"), read("/proc/self/status"))
        {
            rooms.extend(of_process(&limits, &status));
        }
        rooms.into_iter().min_by_key(|room| room.bytes)
    }
}

impl std::fmt::Display for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} are free", memory_size(self.bytes))?;
        match self.limit {
            Limit::Machine => Ok(()),
            Limit::Container(most) => {
                write!(f, " under the memory limit of {} of this container", memory_size(most))
            }
            Limit::Process(letter, most) => {
                let most = memory_size(most);
                write!(f, " under the limit of {most} of this process (ulimit -{letter})")
            }
        }
    }
}

/// A line as `MemAvailable:   1234 kB`, in bytes.
fn kilobytes(text: &str, name: &str) -> Option<usize> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let number = line.trim().strip_suffix("kB")?.trim();
    number.parse::<usize>().ok()?.checked_mul(1024)
}

/// A version of control groups: the names of its files, and of the file caches in `memory.stat`.
#[derive(PartialEq, Eq, Debug)]
struct Version {
    limit: &'static str,
    usage: &'static str,
    caches: [&'static str; 2],
}

static TWO: Version = Version {
    limit: "memory.max",
    usage: "memory.current",
    caches: ["inactive_file ", "active_file "],
};
static ONE: Version = Version {
    limit: "memory.limit_in_bytes",
    usage: "memory.usage_in_bytes",
    caches: ["total_inactive_file ", "total_active_file "],
};

impl Version {
    /// The room according to the files of a group; `None` if it has no limit.
    fn room(&self, limit: &str, usage: &str, stat: &Option<String>) -> Option<Room> {
        // "max", or in version 1 a number that no machine has: no limit.
        let most = limit.trim().parse::<u64>().ok().filter(|&most| most < 1 << 60)?;
        let used: u64 = usage.trim().parse().ok()?;
        // The system drops its file cache when the memory is needed.
        let cached = |name: &&str| {
            let line = stat.as_ref()?.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().parse::<u64>().ok()
        };
        let cache: u64 = self.caches.iter().filter_map(cached).sum();
        let free = most.saturating_sub(used.saturating_sub(cache));
        let limit = Limit::Container(usize::try_from(most).ok()?);
        Some(Room { bytes: usize::try_from(free).ok()?, limit })
    }
}

/// The folders of the control groups that this process is in, each with those around it: from
/// `/proc/self/cgroup` and `/proc/self/mountinfo`.
fn groups(own: &str, mounts: &str) -> Vec<(&'static Version, PathBuf)> {
    let mut found = vec![];
    for mount in mounts.lines() {
        let Some((left, right)) = mount.split_once(" - ") else { continue };
        let (left, right): (Vec<&str>, Vec<&str>) =
            (left.split(' ').collect(), right.split(' ').collect());
        let (&[_, _, _, root, point, ..], &[kind, _, options, ..]) = (&left[..], &right[..]) else {
            continue;
        };
        let version = match kind {
            "cgroup2" => &TWO,
            "cgroup" if options.split(',').any(|o| o == "memory") => &ONE,
            _ => continue,
        };
        // `0::/path` of version 2, `4:cpu,memory:/path` of version 1.
        let path = own.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':');
            let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
            let ours = match kind {
                "cgroup2" => controllers.is_empty(),
                _ => controllers.split(',').any(|c| c == "memory"),
            };
            ours.then_some(path)
        });
        let point = PathBuf::from(point.replace("\\040", " "));
        // Inside a container, the group may lie outside of what is mounted.
        let below = path.and_then(|path| Path::new(path).strip_prefix(root).ok());
        let below = below.filter(|p| !p.components().any(|c| c.as_os_str() == ".."));
        let group = below.map_or_else(|| point.clone(), |below| point.join(below));
        let within = group.ancestors().take_while(|folder| folder.starts_with(&point));
        found.extend(within.map(|folder| (version, folder.to_path_buf())));
    }
    found
}

/// The room under `ulimit -v` and `ulimit -d`, from `/proc/self/limits` and `/proc/self/status`.
fn of_process(limits: &str, status: &str) -> Vec<Room> {
    let rows = [("Max address space", "VmSize:", 'v'), ("Max data size", "VmData:", 'd')];
    let room = |(limit, usage, letter): (&str, &str, char)| {
        let soft = limits.lines().find_map(|line| line.strip_prefix(limit))?;
        let most: usize = soft.split_whitespace().next()?.parse().ok()?;
        let used = kilobytes(status, usage)?;
        let limit = Limit::Process(letter, most);
        Some(Room { bytes: most.saturating_sub(used), limit })
    };
    rows.into_iter().filter_map(room).collect()
}

/// Refuses an architecture for which there is not enough memory; `largest` names its largest layer.
pub(crate) fn fits(bytes: usize, largest: impl Fn() -> String) -> Result<()> {
    match Room::now().filter(|room| bytes > room.bytes) {
        Some(room) => Err(too_large(bytes, room, largest())),
        None => Ok(()),
    }
}

/// Refuses weights that many architectures share for which there is not enough memory; `shared` are the
/// bytes of the weights with the state of their optimiser, of `bytes` in all.
pub(crate) fn fits_shared(bytes: usize, shared: usize) -> Result<()> {
    match Room::now().filter(|room| bytes > room.bytes) {
        Some(room) => Err(Error::invalid(
            format!("a supernet that needs up to {}", memory_size(bytes)),
            format!("{room}; {} of it are shared weights and their optimiser", memory_size(shared)),
            "fewer operations and values in the space, or smaller batches",
        )),
        None => Ok(()),
    }
}

fn too_large(bytes: usize, room: Room, largest: String) -> Error {
    Error::invalid(
        format!("an architecture that needs about {}", memory_size(bytes)),
        format!("{room}; its largest layer is {largest}"),
        "smaller sizes in the space, or smaller batches",
    )
}

/// What the running trainings have reserved.
struct Spoken {
    /// The bytes reserved, and how many trainings there are.
    held: usize,
    trainings: usize,
    /// The bytes in use when the first of them began.
    before: usize,
}

static SPOKEN: Mutex<Spoken> = Mutex::new(Spoken { held: 0, trainings: 0, before: 0 });
static GIVEN_BACK: Condvar = Condvar::new();
/// How long a training waits before it looks again: memory may also become free elsewhere.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

#[derive(PartialEq, Eq, Debug)]
enum Answer {
    Go,
    Wait,
    Never,
}

impl Spoken {
    /// Whether a training that needs `bytes` can begin, given how many are free and how many in use.
    fn ask(&self, bytes: usize, free: usize, in_use: usize) -> Answer {
        let allocated = in_use.saturating_sub(self.before).min(self.held);
        match bytes <= free.saturating_sub(self.held - allocated) {
            true => Answer::Go,
            // It would not fit even when all others have ended.
            false if self.trainings == 0 || bytes > free.saturating_add(self.held) => Answer::Never,
            false => Answer::Wait,
        }
    }
}

/// The memory of a running training. It is reserved until this is dropped.
pub(crate) struct Reserved(usize);

/// Reserves the bytes that a training needs, and waits while others have them, until `go_on` gives an
/// error. `largest` names the largest layer.
pub(crate) fn reserve(
    bytes: usize,
    largest: impl Fn() -> String,
    go_on: impl Fn() -> Result<()>,
) -> Result<Reserved> {
    let mut spoken = SPOKEN.lock().unwrap_or_else(|e| e.into_inner());
    loop {
        go_on()?;
        let in_use = heap().map_or(0, |heap| heap.in_use);
        if let Some(room) = Room::now() {
            match spoken.ask(bytes, room.bytes, in_use) {
                Answer::Go => {}
                Answer::Never => return Err(too_large(bytes, room, largest())),
                Answer::Wait => {
                    let woken = GIVEN_BACK.wait_timeout(spoken, LOOK_AGAIN);
                    spoken = woken.unwrap_or_else(|e| e.into_inner()).0;
                    continue;
                }
            }
        }
        if spoken.trainings == 0 {
            spoken.before = in_use;
        }
        spoken.held = spoken.held.saturating_add(bytes);
        spoken.trainings += 1;
        return Ok(Reserved(bytes));
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let mut spoken = SPOKEN.lock().unwrap_or_else(|e| e.into_inner());
        spoken.held = spoken.held.saturating_sub(self.0);
        spoken.trainings -= 1;
        GIVEN_BACK.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    const MEMINFO: &str = "MemTotal:       16000000 kB\nMemAvailable:    8000000 kB\n";

    fn room(files: &[(&str, &str)]) -> Option<(usize, Limit)> {
        let files: HashMap<PathBuf, String> =
            files.iter().map(|(path, text)| (path.into(), text.to_string())).collect();
        Room::read(&|path| files.get(path).cloned()).map(|room| (room.bytes, room.limit))
    }

    #[test]
    fn a_machine_without_limits() {
        assert_eq!(room(&[]), None);
        assert_eq!(room(&[("/proc/meminfo", "MemAvailable: lots kB\n")]), None);
        let free = Some((8_000_000 * 1024, Limit::Machine));
        assert_eq!(room(&[("/proc/meminfo", MEMINFO)]), free);
        // A group without a limit, in both versions, limits nothing.
        let unlimited = [
            ("/proc/meminfo", MEMINFO),
            ("/proc/self/cgroup", "4:memory:/a\n0::/a\n"),
            (
                "/proc/self/mountinfo",
                "30 25 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n\
                 31 25 0:27 / /sys/fs/one rw - cgroup cgroup rw,memory\n",
            ),
            ("/sys/fs/cgroup/a/memory.max", "max\n"),
            ("/sys/fs/cgroup/a/memory.current", "500\n"),
            ("/sys/fs/one/a/memory.limit_in_bytes", "9223372036854771712\n"),
            ("/sys/fs/one/a/memory.usage_in_bytes", "500\n"),
        ];
        assert_eq!(room(&unlimited), free);
    }

    #[test]
    fn containers_of_version_two() {
        let mounts = "22 1 0:20 / /proc rw,nosuid shared:5 - proc proc rw\n\
                      30 25 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
        let inside = [
            ("/proc/meminfo", MEMINFO),
            ("/proc/self/mountinfo", mounts),
            ("/proc/self/cgroup", "0::/\n"),
            ("/sys/fs/cgroup/memory.max", "2000000000\n"),
            ("/sys/fs/cgroup/memory.current", "1500000000\n"),
            (
                "/sys/fs/cgroup/memory.stat",
                "anon 1\ninactive_file 600000000\nactive_file 100000000\n",
            ),
        ];
        assert_eq!(room(&inside), Some((1_200_000_000, Limit::Container(2_000_000_000))));
        // The tighter limit of a group around it counts, and what is used beside it there.
        let around = [
            ("/proc/meminfo", MEMINFO),
            ("/proc/self/mountinfo", mounts),
            ("/proc/self/cgroup", "0::/user.slice/job/step\n"),
            ("/sys/fs/cgroup/user.slice/job/step/memory.max", "max"),
            ("/sys/fs/cgroup/user.slice/job/step/memory.current", "100"),
            ("/sys/fs/cgroup/user.slice/job/memory.max", "1000"),
            ("/sys/fs/cgroup/user.slice/job/memory.current", "900"),
            ("/sys/fs/cgroup/user.slice/memory.max", "5000"),
            ("/sys/fs/cgroup/user.slice/memory.current", "4000"),
        ];
        assert_eq!(room(&around), Some((100, Limit::Container(1000))));
        // More in use than is allowed leaves nothing.
        let over = |text: &str| TWO.room("1000", text, &None).map(|room| room.bytes);
        assert_eq!((over("1200"), over("none")), (Some(0), None));
    }

    #[test]
    fn containers_of_version_one() {
        // As Docker mounts it: only the container's own part of the tree.
        let docker = [
            ("/proc/meminfo", MEMINFO),
            ("/proc/self/cgroup", "11:cpu,cpuacct:/docker/f00\n9:memory:/docker/f00\n"),
            (
                "/proc/self/mountinfo",
                "40 30 0:34 /docker/f00 /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu,cpuacct\n\
                 42 30 0:36 /docker/f00 /sys/fs/cgroup/memory ro master:17 - cgroup cgroup rw,memory\n",
            ),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824\n"),
            ("/sys/fs/cgroup/memory/memory.usage_in_bytes", "73741824\n"),
            ("/sys/fs/cgroup/memory/memory.stat", "inactive_file 1\ntotal_inactive_file 1000\n"),
        ];
        assert_eq!(room(&docker), Some((1_000_001_000, Limit::Container(1 << 30))));
        // A group that is not in what is mounted: its top is used.
        let own = "9:memory:/elsewhere/f00\n";
        let found =
            groups(own, "42 30 0:36 /docker/f00 /mem ro - cgroup cgroup rw,memory\nbroken\n");
        assert_eq!(found, [(&ONE, PathBuf::from("/mem"))]);
    }

    #[test]
    fn limits_of_the_process() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max data size             unlimited            unlimited            bytes     \n\
                      Max address space         4096000              unlimited            bytes     \n";
        let status = "Name:\tnascent\nVmSize:\t    1000 kB\nVmData:\t     600 kB\n";
        let files = [
            ("/proc/meminfo", MEMINFO),
            ("/proc/self/limits", limits),
            ("/proc/self/status", status),
        ];
        assert_eq!(room(&files), Some((3000 * 1024, Limit::Process('v', 4_096_000))));
        let data = limits.replace("size             unlimited", "size             1024000  ");
        let tightest = of_process(&data, status).into_iter().min_by_key(|room| room.bytes);
        assert_eq!(tightest.unwrap().limit, Limit::Process('d', 1_024_000));
        let text = Room { bytes: 400 * 1024, limit: Limit::Process('d', 1_024_000) }.to_string();
        assert_eq!(text, "0.4 MB are free under the limit of 1.0 MB of this process (ulimit -d)");
    }

    #[test]
    fn trainings_side_by_side_need_their_memory_together() {
        // A training of 60 has begun and allocated 10; 90 are left of 100.
        let one = Spoken { held: 60, trainings: 1, before: 1000 };
        assert_eq!(one.ask(40, 90, 1010), Answer::Go);
        assert_eq!(one.ask(41, 90, 1010), Answer::Wait);
        assert_eq!(one.ask(200, 90, 1010), Answer::Never);
        // All of it is allocated: what is free is free.
        assert_eq!(one.ask(40, 40, 1060), Answer::Go);
        // Something else in the process has allocated more.
        assert_eq!(one.ask(40, 40, 5000), Answer::Go);
        let none = Spoken { held: 0, trainings: 0, before: 0 };
        assert_eq!((none.ask(100, 100, 7), none.ask(101, 100, 7)), (Answer::Go, Answer::Never));
    }
}
