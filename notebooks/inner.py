"""The kernel behind the front kernel: evcxr_jupyter as a process. Started, watched, told to stop, ended.

It is in a process group of its own: Jupyter sends the ■ to the whole group of the kernel that it knows, and
evcxr's compiler and cells are not all to be stopped in the same way. Standard library only, so that evcxr
starts while the front kernel still loads its modules.
"""
import collections
import contextlib
import json
import os
import platform
import secrets
import signal
import socket
import subprocess
import threading
from pathlib import Path

# The number of the system call `read`, by which an idle process is known; see `idle`.
READ = {"x86_64": "0", "aarch64": "63"}.get(platform.machine())


def free_ports(count):
    """Ports that nothing listens on. All are held until the last is found, or one would come twice."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Inner:
    """A process that may be started again after its end. `report` tells the watcher which groups live."""

    def __init__(self, command, folder, report=lambda text: None):
        self.command, self.folder, self.report = command, Path(folder), report
        self.process = None
        self.info = {}
        self.on_end = lambda: None  # called in another thread
        self.said = collections.deque(maxlen=12)  # the last lines on its stderr

    def start(self):
        """Starts it. OSError if there is no such program."""
        kinds = ["shell_port", "iopub_port", "stdin_port", "control_port", "hb_port"]
        self.info = {"transport": "tcp", "ip": "127.0.0.1", "key": secrets.token_hex(16),
                     "signature_scheme": "hmac-sha256", **dict(zip(kinds, free_ports(len(kinds))))}
        file = self.folder / "inner.json"
        file.unlink(missing_ok=True)
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            json.dump(self.info, out)
        self.said.clear()
        # Inherits what is inheritable: the lock on the build folder, see launch.py.
        self.process = subprocess.Popen([*self.command, file], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        start_new_session=True, close_fds=False)
        self.report(f"{self.process.pid}\n")
        threading.Thread(target=self._watch, args=[self.process], daemon=True).start()

    def _watch(self, process):
        copier = threading.Thread(target=self._copy, args=[process.stderr], daemon=True)
        copier.start()
        if hasattr(os, "waitid"):  # macOS has it from Python 3.13 on
            with contextlib.suppress(ChildProcessError):  # collected already, by somebody who asked whether it lives
                os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        else:
            process.wait()
        # Not collected yet, so that the number is not another's: ends a cell that it left computing.
        self._kill(process)
        process.wait()
        self.report(f"-{process.pid}\n")
        copier.join(0.2)
        self.on_end()

    def _copy(self, stderr):
        """What evcxr itself has to say goes where it always went, and its last words are kept."""
        for line in stderr:
            self.said.append(line.decode(errors="replace").rstrip())
            try:
                os.write(2, line)  # not by sys.stderr: this thread ends in the middle of anything
            except OSError:
                pass  # whoever started the kernel does not listen

    @staticmethod
    def _kill(process):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass

    @property
    def alive(self):
        return self.process is not None and self.process.poll() is None

    def end(self):
        """Ends it and all that it started."""
        if self.alive:
            self._kill(self.process)

    def ending(self):
        """How it ended, in words."""
        status = self.process.returncode if self.process else None
        if status is None:
            return "does not answer"
        if status < 0:
            try:
                return f"was ended by {signal.Signals(-status).name}"
            except ValueError:
                return f"was ended by signal {-status}"
        return f"ended with status {status}"

    # --- the process that runs the cells, and the compiler ------------------------------------------

    def _children(self):
        """Its children: what runs cells, and what else it has started, which is cargo."""
        import psutil  # here, for evcxr's start does not wait for it
        cells, others = None, []
        try:
            evcxr = psutil.Process(self.process.pid)
            program = evcxr.exe()
            for child in evcxr.children():
                try:
                    if child.status() == psutil.STATUS_ZOMBIE:
                        continue
                    if child.exe() == program:
                        cells = child
                    else:
                        others.append(child)
                except psutil.Error:
                    pass  # it has just ended
        except (psutil.Error, AttributeError):
            pass
        return cells, others

    def cells(self):
        """The process that runs the cells, or None."""
        return self._children()[0]

    def stop_building(self):
        """Whether something was being compiled; it is not any more."""
        import psutil
        _, builders = self._children()
        for builder in builders:
            try:
                # cargo.py itself lives on, and puts Cargo.lock in order.
                for process in builder.children(recursive=True) or [builder]:
                    process.send_signal(signal.SIGINT)
            except psutil.Error:
                pass
        return bool(builders)

    @staticmethod
    def idle(cells):
        """Whether the process that runs the cells waits for one, so that SIGINT would only lose its variables.
        It reads then from its standard input. Where that cannot be seen, it counts as busy."""
        try:
            words = Path(f"/proc/{cells.pid}/syscall").read_text().split()
        except OSError:
            return False
        return len(words) > 1 and words[0] == READ and int(words[1], 16) == 0
