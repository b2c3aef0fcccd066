"""A nascent kernel to run code in, from Python: what run.py, selftest.py and the regression tests use.

    with Kernel("notebooks") as kernel:
        out = kernel.run(':dep nascent = { path = ".." }')
        out = kernel.run("use nascent::prelude::*; Dataset::digits()")
        assert not out.error and out.svg

Run it with `notebooks/start --python FILE`, which sets up the kernel and has jupyter_client.
"""
import base64
import os
import queue
import re
import tempfile
import time
from dataclasses import dataclass, field

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager
from nbformat import from_dict
from nbformat.v4 import output_from_msg

from cargo import COMPILED, SAYS
from install import MINE, SPECS, SetupError

# The text of a `?` error goes through stderr, and can arrive after the cell is said to be done.
DRAIN = 0.1
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Output:
    """What one cell returned."""

    outputs: list = field(default_factory=list)  # as in the notebook file
    seconds: float = 0.0
    broken: str = ""  # the kernel died, or time ran out: no more cells can run

    def _stream(self, name):
        return "".join(o.text for o in self.outputs if o.output_type == "stream" and o.name == name)

    @property
    def text(self):
        """What was printed."""
        return self._stream("stdout")

    @property
    def stderr(self):
        return self._stream("stderr")

    @property
    def data(self):
        """The value shown, by MIME type, or else the last live display: a value that it shows already does not come again."""
        for kind in "execute_result", "display_data":
            for output in reversed(self.outputs):
                if output.output_type == kind and output.data:
                    return output.data
        return {}

    @property
    def html(self):
        return self.data.get("text/html", "")

    @property
    def pictures(self):
        """The charts as SVG. They are data of an <img>, which survives in notebooks without trust."""
        found = re.findall(r'src="data:image/svg\+xml;base64,([^"]*)"', self.html)
        return [base64.b64decode(data).decode() for data in found]

    @property
    def svg(self):
        """The first chart, or an empty text."""
        return (self.pictures or [""])[0]

    @property
    def notes(self):
        """What cargo.py said: what is compiled, and the compiler's warnings."""
        return "".join(line.removeprefix(SAYS) for line in self.stderr.splitlines(True) if line.startswith(SAYS))

    @property
    def error(self):
        """What went wrong, or "". The kernel's own status says `ok` after a panic and after a `?`
        error: both show on stderr only. So anything there is an error, but for the notes: nascent
        prints on stdout."""
        failed = [ANSI.sub("", "\n".join(o.traceback) or o.evalue)
                  for o in self.outputs if o.output_type == "error"]
        wrong = "".join(line for line in self.stderr.splitlines(True) if not line.startswith(SAYS))
        return self.broken or "\n".join(failed + [wrong.strip()]).strip()


class Kernel:
    """A running kernel; ends with the `with` block, or by `shutdown`."""

    def __init__(self, cwd, timeout=180, in_place=None, ahead=True):
        # `:dep nascent = { path = ".." }` is resolved against the kernel's working folder.
        specs = KernelSpecManager(kernel_dirs=[str(SPECS / "kernels")], ensure_native_kernel=False)
        # warm.py alone runs a kernel in the warm folder itself, and shows what it compiles.
        env = dict(os.environ, **({"NASCENT_IN_PLACE": str(in_place)} if in_place else {}))
        if not ahead:
            env["NASCENT_PRELOAD"] = "0"  # see Front._load_ahead
        self.log = tempfile.TemporaryFile("w+")
        self.manager = KernelManager(kernel_name="nascent", kernel_spec_manager=specs)
        start = time.monotonic()
        self.manager.start_kernel(cwd=str(cwd), env=env, stdout=self.log,
                                  stderr=None if in_place else self.log)
        self.closed = False
        self.cells = {}  # by the ids of the requests: what each cell has returned so far
        self.displays = {}  # by their ids: outputs of cells, which change while later ones run
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        try:
            self.client.wait_for_ready(timeout=timeout)
        except RuntimeError as error:
            self.shutdown()
            raise SetupError(f"the kernel does not start: {error}\n{self.tail()}") from None
        self.seconds = time.monotonic() - start
        self.before = 0 if in_place else len((self.folder / COMPILED).read_text().splitlines())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.shutdown()

    def run(self, code, timeout=300):
        """Runs a cell to its end. Raises nothing: see `Output.error`."""
        out = Output()
        if self.closed:
            out.broken = "the kernel has ended"
            return out
        start = time.monotonic()
        request = self.client.execute(code, allow_stdin=False, stop_on_error=False)
        end = start + timeout
        self.cells[request] = out
        idle = quiet = None  # when it was done, and when nothing more is waited for
        while idle is None or time.monotonic() < min(quiet, idle + 2):  # some threads never stop writing
            try:
                message = self.client.get_iopub_msg(timeout=0.5 if idle is None else max(0, quiet - time.monotonic()))
            except queue.Empty:
                if idle is not None:
                    break
                if not self.manager.is_alive():
                    out.broken = f"the kernel died\n{self.tail()}".strip()
                    break
                message = None
            if message:
                cell = self.cells.get(message["parent_header"].get("msg_id"))
                kind = message["msg_type"]
                if cell is out and kind == "status" and message["content"]["execution_state"] == "idle":
                    idle = time.monotonic()
                    quiet = idle + DRAIN
                elif kind in ("display_data", "update_display_data"):
                    self._display(cell, message)
                elif kind == "stream" or cell is out and kind in ("execute_result", "error"):
                    # A stream is taken whatever its parent: background threads write at any time.
                    self._add(out, output_from_msg(message))
                    quiet = idle and time.monotonic() + DRAIN
            if idle is None and time.monotonic() > end:
                out.broken = f"no end after {timeout:g} s"
                break
        out.seconds = (idle or time.monotonic()) - start
        if out.broken:
            self.shutdown(now=True)
        return out

    @staticmethod
    def _add(out, new):
        last = out.outputs[-1] if out.outputs else None
        if last and new.output_type == last.output_type == "stream" and new.name == last.name:
            last.text += new.text
        else:
            out.outputs.append(new)

    def _display(self, cell, message):
        """A display begins below a cell, this one or an earlier one, or it has changed."""
        content = message["content"]
        name = content.get("transient", {}).get("display_id")
        if message["msg_type"] == "display_data" and cell:
            self.displays[name] = output_from_msg(message)
            self._add(cell, self.displays[name])
        elif name in self.displays:
            self.displays[name].update(from_dict({"data": content["data"], "metadata": content["metadata"]}))

    def interrupt(self):
        """What the ■ button does: a search is asked to stop; anything else ends, with the process that runs the cells."""
        self.manager.interrupt_kernel()

    @property
    def folder(self):
        """Its build folder, see launch.py. Others may be at work here too, so it goes by the process."""
        return next((MINE / "kernels").glob(f"{self.manager.provisioner.pid}-*[0-9]"))

    def compiled(self):
        """Names of the crates that its cells had to compile."""
        return [line.split()[0] for line in (self.folder / COMPILED).read_text().splitlines()[self.before:]]

    def tail(self, lines=15):
        """The last thing the kernel itself had to say: not shown in notebooks."""
        self.log.seek(0)
        return "\n".join(self.log.read().splitlines()[-lines:])

    def shutdown(self, now=False):
        """Ends the kernel. Once is enough, twice does no harm."""
        if not self.closed:
            self.closed = True
            self.client.stop_channels()
            self.manager.shutdown_kernel(now=now)
