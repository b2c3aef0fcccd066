//! The line to the kernel in front of evcxr, which shows pictures while a cell runs.
//!
//! evcxr itself shows a cell's pictures when the cell has ended. A kernel that stands before it listens on a Unix
//! datagram socket in a folder of its own, and names it in `NASCENT_LIVE`. A datagram is one JSON object:
//!
//! ```text
//! {"live": 1, "id": ID, "data": {"text/html": ..., "text/plain": ...}}     show it, or show it anew
//! {"live": 1, "id": ID, "file": NAME}                                      the same; the data are in that file
//! {"live": 1, "clear": ID}                                                 take it away
//! {"live": 1, "running": N, "note": TEXT}                                  what would stop, if it were asked to
//! ```
//!
//! Nothing here ever waits for the kernel, except for the last picture of a display: what does not fit is left
//! out. Without such a kernel, as in a terminal, there is no sender, and nothing is sent.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Larger messages, in bytes, go by a file: not every system takes them as datagrams.
const LARGEST: usize = 64 << 10;

/// How long the last picture of a display tries to get through.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// A display in a notebook: it keeps its place, whatever is shown in it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Id(String);

impl Id {
    /// One that no other display has.
    pub(crate) fn new() -> Id {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        Id(format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)))
    }
}

/// The socket of the kernel, if there is one that listens; it is looked for once.
pub(crate) fn sender() -> Option<&'static Sender> {
    static SENDER: OnceLock<Option<Sender>> = OnceLock::new();
    SENDER.get_or_init(|| Sender::to(Path::new(&std::env::var_os("NASCENT_LIVE")?))).as_ref()
}

/// Sends to one socket.
#[derive(Debug)]
pub(crate) struct Sender {
    line: Line,
    /// Where the socket is, and files for large messages.
    folder: PathBuf,
}

impl Sender {
    /// A sender to the socket at this path; `None` if nobody listens there.
    pub(crate) fn to(path: &Path) -> Option<Sender> {
        let folder = path.parent().filter(|_| path.is_absolute())?.to_path_buf();
        Some(Sender { line: Line::to(path)?, folder })
    }

    /// Shows a picture, in place of what the display showed before. Returns whether it was sent; it is tried for
    /// so long.
    pub(crate) fn show(&self, id: &Id, html: &str, plain: &str, patience: Duration) -> bool {
        let data = serde_json::json!({ "text/html": html, "text/plain": plain });
        let message = serde_json::json!({ "live": 1, "id": id.0, "data": data }).to_string();
        if message.len() <= LARGEST {
            return self.send(&message, patience);
        }
        let Some(name) = self.keep(id, &data.to_string()) else { return false };
        let message = serde_json::json!({ "live": 1, "id": id.0, "file": name }).to_string();
        let sent = self.send(&message, patience);
        if !sent {
            // Whoever reads it removes it, but nobody will.
            let _ = std::fs::remove_file(self.folder.join(name));
        }
        sent
    }

    /// Takes a display away.
    pub(crate) fn clear(&self, id: &Id) {
        self.send(&serde_json::json!({ "live": 1, "clear": id.0 }).to_string(), PATIENCE);
    }

    /// Says how many searches would be asked to stop, and which.
    pub(crate) fn running(&self, searches: usize, note: &str) {
        let message = serde_json::json!({ "live": 1, "running": searches, "note": note });
        self.send(&message.to_string(), Duration::ZERO);
    }

    /// Writes a file of a name that none had before, for the reader of the socket alone.
    fn keep(&self, id: &Id, text: &str) -> Option<String> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("{}-{}.json", id.0, COUNT.fetch_add(1, Ordering::Relaxed));
        let path = self.folder.join(&name);
        let written = write_new(&path, text.as_bytes());
        if written.is_err() {
            let _ = std::fs::remove_file(path);
        }
        written.ok().map(|()| name)
    }

    fn send(&self, message: &str, patience: Duration) -> bool {
        let begun = Instant::now();
        loop {
            match self.line.send(message.as_bytes()) {
                Sent::Yes => return true,
                Sent::Full if begun.elapsed() < patience => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Sent::Full | Sent::Never => return false,
            }
        }
    }
}

/// What became of a datagram.
#[cfg_attr(not(unix), allow(dead_code))]
enum Sent {
    Yes,
    /// The reader has not caught up.
    Full,
    /// Nobody reads any more, or it is too large.
    Never,
}

#[cfg(unix)]
fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600).open(path)?.write_all(bytes)
}

#[cfg(not(unix))]
fn write_new(_: &Path, _: &[u8]) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(unix)]
#[derive(Debug)]
struct Line(std::os::unix::net::UnixDatagram);

#[cfg(unix)]
impl Line {
    fn to(path: &Path) -> Option<Line> {
        let socket = std::os::unix::net::UnixDatagram::unbound().ok()?;
        socket.connect(path).ok()?;
        socket.set_nonblocking(true).ok()?;
        Some(Line(socket))
    }

    fn send(&self, bytes: &[u8]) -> Sent {
        use std::io::ErrorKind;
        match self.0.send(bytes) {
            Ok(_) => Sent::Yes,
            Err(e) if e.kind() == ErrorKind::WouldBlock => Sent::Full,
            // BSD and macOS say so where the queue of the reader is full.
            Err(e) if e.raw_os_error() == Some(55) => Sent::Full,
            Err(e) if e.kind() == ErrorKind::Interrupted => Sent::Full,
            Err(_) => Sent::Never,
        }
    }
}

/// Elsewhere there are no such sockets.
#[cfg(not(unix))]
#[derive(Debug)]
enum Line {}

#[cfg(not(unix))]
impl Line {
    fn to(_: &Path) -> Option<Line> {
        None
    }

    fn send(&self, _: &[u8]) -> Sent {
        match *self {}
    }
}

#[cfg(test)]
#[cfg(unix)]
pub(crate) mod tests {
    use super::*;
    use serde_json::Value;
    use std::os::unix::net::UnixDatagram;

    /// What the kernel in front does: a socket in a folder of its own.
    pub(crate) struct Ear {
        pub(crate) socket: UnixDatagram,
        pub(crate) folder: PathBuf,
    }

    impl Ear {
        pub(crate) fn new(name: &str) -> Ear {
            let folder = std::env::temp_dir().join(format!("nascent-{name}-{}", Id::new().0));
            std::fs::create_dir_all(&folder).unwrap();
            let socket = UnixDatagram::bind(folder.join("live")).unwrap();
            socket.set_nonblocking(true).unwrap();
            Ear { socket, folder }
        }

        pub(crate) fn sender(&self) -> Sender {
            Sender::to(&self.folder.join("live")).unwrap()
        }

        /// All messages that wait, with the data of files in their places.
        pub(crate) fn heard(&self) -> Vec<Value> {
            let mut buffer = vec![0; 1 << 20];
            let mut all = vec![];
            while let Ok(n) = self.socket.recv(&mut buffer) {
                let mut message: Value = serde_json::from_slice(&buffer[..n]).unwrap();
                assert_eq!(message["live"], 1);
                if let Some(name) = message["file"].as_str() {
                    let path = self.folder.join(name);
                    message["data"] =
                        serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
                    std::fs::remove_file(path).unwrap();
                }
                all.push(message);
            }
            all
        }
    }

    impl Drop for Ear {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }

    #[test]
    fn pictures_come_in_order_and_large_ones_by_a_file() {
        let ear = Ear::new("order");
        let (sender, a, b) = (ear.sender(), Id::new(), Id::new());
        let large = "x".repeat(300_000);
        assert!(sender.show(&a, "<p>1</p>", "1", Duration::ZERO));
        assert!(sender.show(&b, &large, "large", Duration::ZERO));
        assert!(sender.show(&a, "<p>2 \"é\"</p>", "2", Duration::ZERO));
        sender.running(2, "two searches");
        sender.clear(&b);
        let [first, second, third, running, clear] = &ear.heard()[..] else { panic!("five") };
        assert_eq!(first["id"], third["id"]);
        assert_ne!(first["id"], second["id"]);
        assert_eq!(third["data"]["text/html"], "<p>2 \"é\"</p>");
        assert_eq!(second["data"]["text/html"], large);
        assert_eq!((&running["running"], &running["note"]), (&2.into(), &"two searches".into()));
        assert_eq!(clear["clear"], second["id"]);
        // Of the file nothing is left but the socket.
        assert_eq!(std::fs::read_dir(&ear.folder).unwrap().count(), 1);
    }

    #[test]
    fn a_full_socket_never_blocks() {
        let ear = Ear::new("full");
        let (sender, id, large) = (ear.sender(), Id::new(), "x".repeat(60_000));
        let begun = Instant::now();
        let sent = (0..5_000).filter(|_| sender.show(&id, &large, "", Duration::ZERO)).count();
        assert!(sent < 5_000, "the queue has an end");
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        // The last one of a display waits for its place.
        std::thread::scope(|scope| {
            let last = scope.spawn(|| sender.show(&id, "the last", "", PATIENCE));
            std::thread::sleep(Duration::from_millis(50));
            let mut all = ear.heard();
            assert!(last.join().unwrap());
            all.extend(ear.heard());
            assert_eq!(all.last().unwrap()["data"]["text/html"], "the last");
        });
        // What did not get through leaves no file.
        let huge = "x".repeat(100_000);
        while sender.show(&id, &large, "", Duration::ZERO) {}
        assert!(!sender.show(&id, &huge, "", Duration::ZERO));
        assert_eq!(std::fs::read_dir(&ear.folder).unwrap().count(), 1);
    }

    #[test]
    fn nobody_listens() {
        assert!(Sender::to(Path::new("/no/such/socket")).is_none());
        assert!(Sender::to(Path::new("relative")).is_none());
        let ear = Ear::new("gone");
        let sender = ear.sender();
        drop(ear);
        let begun = Instant::now();
        assert!(!sender.show(&Id::new(), "", "", PATIENCE));
        assert!(begun.elapsed() < PATIENCE / 2);
    }
}
