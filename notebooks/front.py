"""The kernel that Jupyter talks to. It starts evcxr_jupyter behind itself and passes everything on, and adds
what evcxr lacks:
- live displays, in the middle of a cell and after it (live.py);
- a ■ that asks a search to stop instead of ending the process that holds all variables (inner.py);
- beside the crate, nascent is loaded before the first cell asks for it;
- notebooks that were copied to another folder find the crate (`with_crate`);
- faults of evcxr are told in the cell, and the next cell starts it again.

What evcxr sends keeps its content; only the parent and the execution count change. All runs in one event
loop, so nothing here may block.
"""
import asyncio
import fnmatch
import json
import logging
import os
import re
import signal
import sys
import time
from collections import OrderedDict
from pathlib import Path

import zmq
from ipykernel.kernelbase import Kernel
from jupyter_client.session import Session
from tornado import ioloop
from zmq.eventloop.zmqstream import ZMQStream

from install import REPO
from live import Live

# The text of a `?` error can arrive after evcxr has said that the cell is done. So the end of a cell waits until
# nothing has come for so many seconds; longer if the cell has shown nothing, as after an error.
QUIET, QUIET_IF_EMPTY, DRAIN_AT_MOST = 0.002, 0.005, 0.05
AGAIN = 5.0  # seconds in which a third ■ ends what two did not
# What is run ahead of the first cell: the line that all notebooks begin with, and a block that leaves nothing behind.
AHEAD = ':dep nascent = {{ path = {} }}\n{{ use nascent::prelude::*; let _ = Dataset::digits(); }}'
PATIENCE = 15.0  # seconds that a cell which does not name nascent waits for it
STOPPED = "stopped while this cell was being compiled. It did not run, and all variables are as they were."

DEP = re.compile(r'^(\s*:dep\s+nascent\s*=\s*\{[^}\n]*?\bpath\s*=\s*)"\.\."', re.M)

OUTPUTS = {"stream", "display_data", "update_display_data", "execute_result", "error", "clear_output"}
INFO = {  # until evcxr has said it itself
    "status": "ok", "protocol_version": "5.3", "implementation": "evcxr_jupyter", "implementation_version": "",
    "language_info": {"name": "Rust", "version": "", "mimetype": "text/rust", "file_extension": ".rs",
                      "pygment_lexer": "rust", "codemirror_mode": "rust"},
    "banner": "", "help_links": [],
}


class InnerFault(Exception):
    """The kernel behind this one does not start, or has ended. The text says what to do."""


def with_crate(code, folder):
    """The notebooks say `:dep nascent = { path = ".." }`. Where there is no crate, as beside a student's own copy of a
    notebook, it is this kernel's crate that is meant. Any other path is what it says."""
    if Path(folder, "..", "Cargo.toml").exists():
        return code
    return DEP.sub(lambda match: match[1] + json.dumps(str(REPO), ensure_ascii=False), code)


class Wire:
    """The connection to the inner kernel: requests with their replies, and what it publishes."""

    def __init__(self, info, on_output, on_input):
        self.context = zmq.Context.instance()
        self.session = Session(key=info["key"].encode(), signature_scheme=info["signature_scheme"])
        self.replies, self.idle = {}, {}  # by the request's id: a future, an event
        self.heard = asyncio.Event()  # the inner kernel's iopub reaches us
        self.shell = self._connect(zmq.DEALER, info, "shell", self._on_reply)
        self.stdin = self._connect(zmq.DEALER, info, "stdin", on_input)
        self.iopub = self._connect(zmq.SUB, info, "iopub", on_output)

    def _connect(self, kind, info, channel, handler):
        sock = self.context.socket(kind)
        sock.linger = 0
        sock.reconnect_ivl = 20
        sock.rcvhwm = sock.sndhwm = 0  # what a cell prints is not lost
        if kind == zmq.SUB:
            sock.subscribe(b"")
        else:
            sock.identity = self.session.bsession  # evcxr asks for input on the identity of the request
        sock.connect(f"{info['transport']}://{info['ip']}:{info[f'{channel}_port']}")
        stream = ZMQStream(sock)

        def receive(frames):
            _, frames = self.session.feed_identities(frames)
            try:
                handler(self.session.deserialize(frames))
            except ValueError:
                logging.exception("not a Jupyter message")
        stream.on_recv(receive)
        return stream

    def _on_reply(self, message):
        future = self.replies.pop(message["parent_header"].get("msg_id"), None)
        if future and not future.done():
            future.set_result(message["content"])

    def send(self, kind, content):
        """Sends a request. Returns its id, and the future of its reply."""
        message = self.session.msg(kind, content)
        name = message["header"]["msg_id"]
        future = self.replies[name] = asyncio.get_running_loop().create_future()
        self.idle[name] = asyncio.Event()
        self.session.send(self.shell, message)
        return name, future

    def answer(self, value):
        self.session.send(self.stdin, "input_reply", {"value": value})

    def fail(self, fault):
        """Ends all waiting. Futures that nobody waits for any more say nothing."""
        for future in self.replies.values():
            if not future.done():
                future.set_exception(fault)
                future.exception()
        for event in self.idle.values():
            event.set()

    def close(self):
        for stream in self.shell, self.stdin, self.iopub:
            stream.close()


class Cell:
    """A cell that runs."""

    def __init__(self, request, identity, silent):
        self.request, self.identity, self.silent = request, identity, silent
        self.parent = request["header"]
        self.error = None  # the content of its last error
        self.empty = True  # nothing was shown
        self.sent = False  # evcxr has it
        self.asks = False  # waits for input
        self.presses = []  # times of ■
        self.signalled = None  # the process that got SIGINT
        self.built = False  # its compilation was stopped
        self.stopping = None  # the task; asyncio itself would forget it


class Front(Kernel):
    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner
        self.info = INFO
        self.wire = None
        self.starting = None  # the task that starts the inner kernel
        self.ahead = None  # the task that loads nascent ahead of the first cell
        self.lost = ""  # what the next cell is told of an end that no cell was told of
        self.cell = None
        self.latest = {}  # the header of the cell that runs, or ran last
        self.parents = OrderedDict()  # ids of requests to the inner kernel: headers of those to us
        self.last_output = 0.0
        self.inputs = []  # for history
        for kind in "comm_open", "comm_msg", "comm_close":
            self.shell_handlers[kind] = getattr(self, kind)

    async def begin(self):
        """Once the event loop runs."""
        self.live = Live(self.inner.folder, self._prepare, lambda: self.latest)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self.interrupt)
        self.inner.on_end = lambda: loop.call_soon_threadsafe(self._ended)
        self.stdin_stream = ZMQStream(self.stdin_socket)
        self.stdin_stream.on_recv(self._on_stdin)
        self._ready()

    # --- the inner kernel's life ----------------------------------------------------------------------

    def _ready(self):
        """The task that starts the inner kernel, or has. It fails with an InnerFault."""
        if self.starting is None:
            self.starting = asyncio.get_running_loop().create_task(self._start())
            self.starting.add_done_callback(lambda task: task.cancelled() or task.exception())
        return asyncio.shield(self.starting)

    async def _start(self):
        """A second time, if it ends at once: another program may have taken a port in between."""
        for last in False, True:
            try:
                await self._start_once()
                self.ahead = asyncio.get_running_loop().create_task(self._load_ahead(self.wire))
                return
            except OSError as error:
                self.starting = None
                raise InnerFault(f"The Rust kernel could not be started: {error}. Run notebooks/start --setup again.") from None
            except InnerFault:
                if last:
                    self.starting = None
                    raise InnerFault(f"The Rust kernel {self.inner.ending()} before it was ready. The next cell tries again; if that "
                                     f"fails too, restart this kernel, or run notebooks/start --setup.{self._last_words()}") from None

    async def _start_once(self):
        if not self.inner.alive:
            self.inner.start()
        wire = self.wire = Wire(self.inner.info, self._on_output, self._on_input_request)
        # Its iopub socket does not know us yet, and what it published so far is lost. So ask until both answer.
        while not wire.heard.is_set():
            _, reply = wire.send("kernel_info_request", {})
            info = await reply
            try:
                await asyncio.wait_for(wire.heard.wait(), 0.2)
            except asyncio.TimeoutError:
                pass
        self.info = info

    async def _load_ahead(self, wire):
        """Loads nascent while the notebook is still being read, where it lies beside this clone, or as NASCENT_PRELOAD says:
        the path of a crate, or 0 for none. Nothing of it is shown, and a cell with its own `:dep` says what counts."""
        path = os.environ.get("NASCENT_PRELOAD") or (".." if Path.cwd().parent == REPO else "0")
        if path == "0":
            return
        content = {"code": AHEAD.format(json.dumps(path, ensure_ascii=False)), "silent": True, "store_history": False, "user_expressions": {},
                   "allow_stdin": False, "stop_on_error": False}
        name, reply = wire.send("execute_request", content)
        self.parents[name] = None
        try:
            await reply
        except InnerFault:
            pass  # told in the first cell
        wire.idle.pop(name, None)

    async def _loaded(self, cell, code):
        """Waits for it: evcxr does one thing after the other. Returns whether the cell may run."""
        begun = time.monotonic()
        while self.ahead and not self.ahead.done():
            await asyncio.wait([self.ahead], timeout=0.1)
            impatient = "nascent" not in code and time.monotonic() - begun > PATIENCE
            if cell.presses or impatient:
                self.inner.stop_building()
        cell.built = bool(cell.presses)
        return not cell.built

    def _ended(self):
        """The inner kernel has ended. Whoever waits for it hears of it, and the next cell starts it again."""
        if self.inner.alive:
            return
        self.live.running = 0
        if self.starting and self.starting.done():
            self.starting = None
            if not self.cell:
                self.lost = self._loss("between two cells", "It has been started again")
        if self.wire:
            self.wire.fail(InnerFault(self._loss("while this cell ran", "The next cell starts it again")))
            self.wire.close()
            self.wire = None

    def _loss(self, when, then):
        return (f"The Rust kernel {self.inner.ending()} {when}, and all variables are lost. {then}: run the cells again from the "
                f"top. A study with a journal goes on with the same journal.{self._last_words()}")

    def _last_words(self):
        said = "\n".join(self.inner.said).strip()
        return f"\nIts last words:\n{said}" if said else ""

    async def _ask(self, kind, content, otherwise):
        """A request passed on, and the content of its reply."""
        try:
            await self._ready()
            name, reply = self.wire.send(kind, content)
            content = await reply
            self.wire and self.wire.idle.pop(name, None)
            return content
        except InnerFault:
            return otherwise

    # --- what the inner kernel publishes --------------------------------------------------------------

    def _prepare(self, kind, content, parent):
        """A message made ready, which is the work, and the function that sends it. Bytes are content as JSON."""
        message = self.session.msg(kind, content, parent=parent)
        frames = self.session.serialize(message, ident=self._topic(kind))
        return lambda: self.iopub_socket.send_multipart(frames, copy=False)

    def _publish(self, kind, content, parent):
        self._prepare(kind, content, parent)()

    def _on_output(self, message):
        wire, kind, content = self.wire, message["msg_type"], message["content"]
        if wire is None:
            return
        wire.heard.set()
        self.last_output = time.monotonic()
        name = message["parent_header"].get("msg_id")
        if kind == "status":
            if content["execution_state"] == "idle" and name in wire.idle:
                wire.idle.pop(name).set()
            return
        # evcxr gives the lines of background threads to the cell that ran last.
        parent = self.parents.get(name, self.latest)
        if parent is None:  # of what is loaded ahead, a cell that waits hears what is compiled
            if not self.cell or kind != "stream":
                return
            parent = self.cell.parent
        cell = self.cell if self.cell and self.cell.parent is parent else None
        if kind not in OUTPUTS:
            return
        if kind == "execute_result":
            if cell:
                self.live.flush(parent)
                cell.empty = False
                if cell.silent or self.live.shows(content["data"], parent):
                    return
            content = {**content, "execution_count": self.execution_count}
        elif cell:
            cell.empty = cell.empty and kind == "stream" and content.get("name") == "stdout"
            if kind == "error":
                if cell.built:  # pages of what cargo had to say; see `_say_stopped`
                    return
                cell.error = content
        self._publish(kind, content, parent)

    # --- requests -------------------------------------------------------------------------------------

    async def do_execute(self, code, silent, store_history=True, user_expressions=None, allow_stdin=False):
        request = self.get_parent("shell")
        cell = self.cell = Cell(request, self._get_shell_context_var(self._shell_parent_ident), silent)
        if not silent:
            self.latest = cell.parent
        if store_history and not silent:
            self.inputs.append(code)
        if self.lost:
            self._publish("stream", {"name": "stderr", "text": f"{self.lost}\n"}, cell.parent)
            self.lost = ""
        try:
            await self._ready()
            if not await self._loaded(cell, code):
                self._say_stopped(cell)
                return {"status": "error", "execution_count": self.execution_count, **cell.error}
            reply = await self._run(cell, {
                "code": with_crate(code, os.getcwd()), "silent": silent, "store_history": store_history, "user_expressions": {},
                "allow_stdin": allow_stdin, "stop_on_error": request["content"].get("stop_on_error", True)})
        except InnerFault as fault:
            await self.live.drain(cell.parent)
            self._say_stopped(cell)
            cell.error = {"ename": "the kernel", "evalue": str(fault), "traceback": str(fault).split("\n")}
            self._publish("error", cell.error, cell.parent)
            reply = {"status": "error"}
        finally:
            self.cell = None
            if silent:  # what threads still print is shown where it can be seen
                self.parents = OrderedDict((name, parent) for name, parent in self.parents.items() if parent is not cell.parent)
        reply = {**reply, "execution_count": self.execution_count}
        if reply["status"] == "error":
            reply = {"ename": "Error", "evalue": "", "traceback": [], **(cell.error or {}), **reply}
        else:
            reply.setdefault("payload", [])
            reply["user_expressions"] = {name: {
                "status": "error", "ename": "NotSupported", "evalue": "the Rust kernel has no user expressions",
                "traceback": []} for name in user_expressions or {}}
        return reply

    async def _run(self, cell, content):
        wire = self.wire
        name, reply = wire.send("execute_request", content)
        cell.sent = True
        idle = wire.idle[name]
        self.parents[name] = cell.parent
        if len(self.parents) > 100:
            self.parents.popitem(last=False)
        reply = await reply
        try:
            await asyncio.wait_for(idle.wait(), 2)
        except asyncio.TimeoutError:
            pass
        end = time.monotonic() + DRAIN_AT_MOST
        while (now := time.monotonic()) < end:
            quiet = self.last_output + (QUIET_IF_EMPTY if cell.empty else QUIET)
            if now >= quiet:
                break
            await asyncio.sleep(quiet - now)
        await self.live.drain(cell.parent)
        self._say_stopped(cell)
        return reply

    async def do_complete(self, code, cursor_pos):
        return await self._ask("complete_request", {"code": code, "cursor_pos": cursor_pos},
                               await super().do_complete(code, cursor_pos))

    async def do_inspect(self, code, cursor_pos, detail_level=0, omit_sections=()):
        return await self._ask("inspect_request", {"code": code, "cursor_pos": cursor_pos, "detail_level": detail_level},
                               await super().do_inspect(code, cursor_pos))

    async def do_is_complete(self, code):
        return await self._ask("is_complete_request", {"code": code}, {"status": "unknown"})

    async def do_history(self, hist_access_type, output=False, raw=True, session=None, start=None, stop=None, n=None,
                         pattern=None, unique=False):
        """Of this session. evcxr keeps none."""
        lines = [(0, number, code) for number, code in enumerate(self.inputs, 1)]
        if hist_access_type == "range":
            lines = lines[max(0, (start or 1) - 1):stop - 1 if stop else None] if not session else []
        if hist_access_type == "search":
            lines = [line for line in lines if fnmatch.fnmatchcase(line[2], pattern or "*")]
            if unique:
                lines = list({line[2]: line for line in lines}.values())
        if hist_access_type in ("tail", "search") and n:
            lines = lines[-n:]
        return {"status": "ok", "history": [(*line[:2], (line[2], None)) if output else line for line in lines]}

    async def kernel_info_request(self, stream, ident, parent):
        """Answered when the inner kernel is ready, as evcxr itself would."""
        try:
            await self._ready()
        except InnerFault:
            pass  # told in the first cell
        self.session.send(stream, "kernel_info_reply", self.info, parent, ident)

    async def comm_open(self, stream, ident, parent):
        """There is nobody to talk to: closed again."""
        self._publish("comm_close", {"comm_id": parent["content"].get("comm_id"), "data": {}}, parent["header"])

    async def comm_msg(self, stream, ident, parent):
        pass

    comm_close = comm_msg

    async def do_shutdown(self, restart):
        self.inner.on_end = lambda: None
        self.inner.end()
        self.live.close()
        return {"status": "ok", "restart": restart}

    def _abort_queues(self, subshell_id=None):
        """After an error, the requests that wait already are not carried out. (ipykernel's own is over too soon
        without its subshells.)"""
        async def stop_aborting():
            async with self._main_asyncio_lock:  # after all that wait for it
                self._aborting = False

        self._aborting = True
        self.shell_stream.flush(zmq.POLLIN)  # those that are still in the socket
        self._stop_aborting = asyncio.get_running_loop().create_task(stop_aborting())

    # --- input ----------------------------------------------------------------------------------------

    def _on_input_request(self, message):
        if self.cell and message["msg_type"] == "input_request":
            self.cell.asks = True
            self.session.send(self.stdin_socket, "input_request", message["content"], self.cell.request,
                              ident=self.cell.identity)

    def _on_stdin(self, frames):
        _, frames = self.session.feed_identities(frames)
        try:
            message = self.session.deserialize(frames)
        except ValueError:
            return
        if self.cell and self.cell.asks and self.wire and message["msg_type"] == "input_reply":
            self.cell.asks = False
            self.wire.answer(message["content"].get("value", ""))

    # --- ■ --------------------------------------------------------------------------------------------

    def pre_handler_hook(self):
        """ipykernel would have SIGINT raise KeyboardInterrupt here."""

    post_handler_hook = pre_handler_hook

    def interrupt(self):
        if self.cell:
            self.cell.presses.append(time.monotonic())
            self.cell.stopping = asyncio.get_running_loop().create_task(self._stop(self.cell))

    async def _stop(self, cell):
        """Stops what the cell is at: its compilation, or what it computes. Between the two, it waits for either: a
        signal to the process that runs the cells would lose its variables, and stop nothing."""
        press, pause = len(cell.presses), 0.02
        while self.cell is cell and len(cell.presses) == press:
            cells = cell.sent and self.inner.cells()
            if cell.sent and self.inner.stop_building():
                cell.built = True  # evcxr may try once more, so this goes on
            elif cells and (cell.asks or not self.inner.idle(cells)):
                cell.built, cell.signalled = False, cells
                self._signal(cell, cells)
                return
            await asyncio.sleep(pause)
            pause = min(1.2 * pause, 0.2)

    def _signal(self, cell, cells):
        import psutil
        impatient = len(cell.presses) > 2 and cell.presses[-1] - cell.presses[-3] < AGAIN
        try:
            cells.send_signal(signal.SIGKILL if impatient else signal.SIGINT)
        except psutil.Error:
            return
        if cell.asks:
            cell.asks = False
            self.wire.answer("")
        if self.live.running and len(cell.presses) == 1:
            what = self.live.note or ("the search" if self.live.running == 1 else f"{self.live.running} searches")
            self._say(cell, f"asked {what} to stop. ■ again within 2 s ends the process that runs the cells.")

    def _say_stopped(self, cell):
        """At the end of a cell in which ■ was pressed."""
        if cell.built:
            self._say(cell, STOPPED)
            cell.error = {"ename": "Stopped", "evalue": STOPPED, "traceback": []}
        elif cell.signalled and self.inner.cells() != cell.signalled:
            self._say(cell, "the process that ran the cells was ended, and its variables are lost. A study with a journal "
                            "goes on with the same journal.")

    def _say(self, cell, text):
        self._publish("stream", {"name": "stdout", "text": f"■: {text}\n"}, cell.parent)


def main(connection_file, inner):
    """Serves Jupyter on the sockets of its connection file until it is told to shut down."""
    info = {"transport": "tcp", "signature_scheme": "hmac-sha256", **json.loads(Path(connection_file).read_text())}
    context = zmq.Context.instance()

    def bound(kind, channel):
        sock = context.socket(kind)
        sock.linger = 1000
        sock.sndhwm = 0
        if kind == zmq.ROUTER:
            sock.router_handover = 1  # a client that comes back
        if info.get("curve_secretkey"):
            sock.curve_secretkey, sock.curve_publickey = info["curve_secretkey"].encode(), info["curve_publickey"].encode()
            sock.curve_server = True
        between = ":" if info["transport"] == "tcp" else "-"
        sock.bind(f"{info['transport']}://{info['ip']}{between}{info[f'{channel}_port']}")
        return sock

    heartbeat = ZMQStream(bound(zmq.REP, "hb"))
    heartbeat.on_recv(heartbeat.send_multipart)
    log = logging.getLogger("nascent")
    session = Session(key=info["key"].encode(), signature_scheme=info["signature_scheme"], username="kernel")
    kernel = Front(inner, session=session, log=log, shell_stream=ZMQStream(bound(zmq.ROUTER, "shell")),
                   control_stream=ZMQStream(bound(zmq.ROUTER, "control")), stdin_socket=bound(zmq.ROUTER, "stdin"),
                   iopub_socket=bound(zmq.PUB, "iopub"), _execute_sleep=0)
    kernel.start()
    loop = ioloop.IOLoop.current()
    loop.add_callback(kernel.begin)
    loop.start()
    inner.end()
    context.destroy(linger=500)
