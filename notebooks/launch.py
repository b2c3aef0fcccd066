"""The kernelspec's command: gives the kernel a build folder of its own, starts evcxr in it, then becomes the kernel.

evcxr needs a build folder for itself. A fresh one costs minutes of compiling, so each kernel gets a
copy of the warm one. Large artefacts are hard links; cargo and rustc replace those by renaming and
never write into them. All else is a real copy, because it is written in place: fingerprints, dep-info,
build-script output, Cargo.toml, src/lib.rs, and the `.cargo-lock` whose lock belongs to the inode, so
that a link would make two notebooks wait for each other. So are nascent's own artefacts: they are
relinked when its source changes, and not every linker unlinks its output first. Where a warm folder is somebody
else's, systems forbid hard links (or it is on another disk), and symbolic links take their place.

This process becomes the front kernel (front.py), which Jupyter talks to; evcxr is its child. A small watcher
outlives it, ends evcxr and a computation it left behind, and deletes the copy. Standard library only, for
evcxr is to start before anything else is loaded.
"""
import contextlib
import errno
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from inner import Inner
from install import EVCXR, HOME, MINE, NOTEBOOKS, lock

LINKED = {".rlib", ".rmeta", ".so", ".dylib", ".a"}
KERNELS = MINE / "kernels"


def own(name):
    """Whether a file or folder comes from a crate that is rebuilt: one of this clone, or the cell itself."""
    return name.removeprefix("lib").startswith(("nascent-", "nascent.", "nascent_kernel", "ctx-", "ctx.", "code_"))


def copy(source, target, skip=lambda name: False):
    """Copies a build folder, linking what is never written in place. Times are kept: cargo compares them."""
    os.makedirs(target)
    for entry in os.scandir(source):
        to = os.path.join(target, entry.name)
        if skip(entry.name):
            continue
        if entry.is_dir(follow_symlinks=False):
            copy(entry.path, to, skip)
        elif os.path.splitext(entry.name)[1] in LINKED and not own(entry.name):
            link(entry.path, to)
        else:
            shutil.copy2(entry.path, to, follow_symlinks=False)


def link(path, to):
    try:
        os.link(path, to, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EACCES, errno.EXDEV, errno.EMLINK):
            raise
        os.symlink(os.path.realpath(path), to)


def claim(folder):
    """Locks a copy. The kernel and all it starts inherit the descriptor: held while any of them lives."""
    descriptor = os.open(f"{folder}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    os.set_inheritable(descriptor, True)
    return descriptor


def remove(folder):
    shutil.rmtree(folder, ignore_errors=True)
    Path(f"{folder}.lock").unlink(missing_ok=True)


def sweep():
    """Deletes the copies of kernels whose watcher died with them, as in a power cut."""
    for file in KERNELS.glob("*.lock"):
        descriptor = claim(file.with_suffix(""))
        if descriptor is not None:
            remove(file.with_suffix(""))
            os.close(descriptor)


def alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def watch(clear_up):
    """Forks a watcher: waits for the end of the kernel, or of its starter, and ends what is left of it. Returns
    a function that tells it of a process group ("12\n"), or of the end of one ("-12\n")."""
    kernel, starter = os.getpid(), os.getppid()
    heard, told = os.pipe()
    if os.fork():
        os.close(heard)

        def report(text):
            with contextlib.suppress(OSError):  # somebody has killed the watcher
                os.write(told, text.encode())
        return report
    os.close(told)
    os.setsid()  # or it would end with the kernel's process group
    null = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):  # whoever started the kernel may read these to their end
        os.dup2(null, standard)
    while os.getppid() == kernel and alive(starter):
        time.sleep(0.3)
    # Jupyter makes the kernel a group leader. A cell still computing would go on for hours.
    end(kernel)
    if os.getppid() == kernel:  # it is none
        os.kill(kernel, signal.SIGKILL)
    with open(heard) as file:  # to its end, which is the kernel's
        groups = file.read().split()
    for group in groups:
        if f"-{group}" not in groups and not group.startswith("-"):
            end(int(group))
    clear_up()
    os._exit(0)


def end(group):
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


LONGEST = 100  # bytes that the path of a socket can have, on all systems, less a few


def live_folder(folder):
    """Where the socket for live displays will be. In the build folder, which is removed whatever happens; unless
    that has too long a path."""
    inside = os.path.join(folder, "live")
    if len(os.fsencode(os.path.join(inside, "socket"))) < LONGEST:
        return inside
    return os.path.join(tempfile.mkdtemp(prefix="nascent-", dir="/tmp"), "live")


def own_copy():
    """A build folder for this kernel, one for its socket, and the watcher that deletes both."""
    KERNELS.mkdir(parents=True, exist_ok=True)
    folder = KERNELS / f"{os.getpid()}-{time.time_ns()}"
    live = live_folder(folder)
    with lock("kernels"):
        sweep()
        descriptor = claim(folder)

    def clear_up():
        os.close(descriptor)
        with open(f"{folder}.lock") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # until the last process that uses it is gone
            remove(folder)
        remove_live(live, folder)

    report = watch(clear_up)
    warm = Path(os.environ["NASCENT_WARM"])
    with lock("warm-swap", shared=True, home=MINE if MINE in warm.parents else HOME):
        try:
            copy(warm, folder)
        except FileNotFoundError:
            sys.exit("nascent: the warm build folder is gone. Run notebooks/start again.")
    return str(folder), live, report


def remove_live(live, folder):
    if not live.startswith(f"{folder}{os.sep}"):
        shutil.rmtree(os.path.dirname(live), ignore_errors=True)


def shims():
    """What evcxr runs as cargo: cargo.py, in front of the real one."""
    def found(tool, *ask):
        try:
            return subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            return shutil.which(tool) or tool

    os.environ.update(
        NASCENT_PYTHON=sys.executable,
        NASCENT_CARGO_PY=str(NOTEBOOKS / "cargo.py"),
        NASCENT_CARGO=found("cargo", "rustup", "which", "cargo"),
        NASCENT_RUSTUP=shutil.which("rustup") or "/nonexistent/rustup",
        PATH=os.pathsep.join([str(NOTEBOOKS / "shims"), os.environ.get("PATH", os.defpath)]),
    )


def main(connection_file, command=(str(EVCXR / "bin" / "evcxr_jupyter"), "--control_file")):
    # Not ignored, for evcxr would inherit that, and its cells could not be stopped. See `Front.interrupt`.
    signal.signal(signal.SIGINT, lambda *_: None)
    folder = os.environ.pop("NASCENT_IN_PLACE", None)  # from warm.py, to fill the warm folder itself
    if folder:
        os.environ["NASCENT_PRELOAD"] = "0"
        live = os.path.join(tempfile.mkdtemp(prefix="nascent-", dir="/tmp"), "live")
        report = watch(clear_up=lambda: remove_live(live, folder))
    else:
        folder, live, report = own_copy()
    os.mkdir(live, 0o700)
    os.environ.update(EVCXR_TMPDIR=folder, NASCENT_LIVE=os.path.join(live, "socket"))
    shims()
    inner = Inner(command, live, report)
    try:
        inner.start()
    except OSError:
        pass  # the front kernel tries again, and says so
    import front
    front.main(connection_file, inner)


if __name__ == "__main__":
    main(sys.argv[1])
