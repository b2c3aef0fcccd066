"""Live displays: what code in a cell sends to a socket is shown in its output, and replaced in place.

    {"live": 1, "id": ID, "data": {MIME: ...}}   show or replace the display ID
    {"live": 1, "id": ID, "file": NAME}          the same, the data being JSON in a file beside the socket
    {"live": 1, "clear": ID}                     take it away
    {"live": 1, "running": N, "note": TEXT}      how many searches run in the foreground

The socket takes datagrams, and lies in a folder that nobody else can enter. A sender never waits for us,
and nothing that it sends may hold up the notebook: of many updates the last of each tenth of a second is
shown, large ones are read in a thread, and what is malformed is ignored.
"""
import asyncio
import hashlib
import json
import os
import socket
import time
from dataclasses import dataclass

SOCKET = "socket"
EVERY = 0.1  # seconds between two updates of a display
FIRST = 0.005  # what was printed before a display comes through evcxr, and is to stand above it
LARGE = 1 << 20  # bytes: from here on in a thread
AT_ONCE = 64  # messages that are read in one go
MOST = 1000  # displays that are remembered


@dataclass
class Display:
    name: str
    parent: dict  # the header of the request in whose output it stands
    shown: bool = False
    html: bytes = b""  # a digest of what it shows
    pending: object = None  # a dict of data, or the name of a file
    timer: object = None
    task: object = None
    next: float = 0.0  # not shown again before


def digest(data):
    """Of the HTML of a bundle; evcxr may change the line ends around it."""
    html = data.get("text/html")
    return hashlib.sha256(html.strip().encode(errors="replace")).digest() if isinstance(html, str) else b""


def loads(text):
    """JSON, and nothing that only Python takes for it."""
    def refuse(constant):
        raise ValueError(f"{constant} is not JSON")
    return json.loads(text.decode(), parse_constant=refuse)


def bundle(data):
    """Whether this is a MIME bundle."""
    return isinstance(data, dict) and all(
        "/" in mime and (isinstance(value, str) or "json" in mime) for mime, value in data.items())


class Live:
    """The socket and its displays. `publish(kind, content, parent)` may be called in a thread and returns a
    function that sends, to be called in the loop; `parent()` is the header of the cell that runs, or ran last."""

    def __init__(self, folder, publish, parent):
        self.folder, self.publish, self.parent = str(folder), publish, parent
        self.displays = {}
        self.running, self.note = 0, ""
        self.path = os.path.join(self.folder, SOCKET)
        try:
            os.unlink(self.path)
        except FileNotFoundError:
            pass
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind(self.path)
        self.loop = asyncio.get_running_loop()
        self.loop.add_reader(self.socket, self.receive)

    def close(self):
        self.loop.remove_reader(self.socket)
        self.socket.close()
        try:
            os.unlink(self.path)
        except OSError:
            pass

    def receive(self):
        """Reads what has arrived, but not for ever."""
        for _ in range(AT_ONCE):
            try:
                datagram = self.socket.recv(1 << 18)
            except OSError:
                return
            try:
                message = loads(datagram)
                if message["live"] == 1:
                    self._take(message)
            except (ValueError, KeyError, TypeError, RecursionError):
                pass  # not of this protocol

    def _take(self, message):
        if "running" in message:
            self.running, self.note = int(message["running"]), str(message.get("note", ""))
        elif "clear" in message:
            display = self.displays.get(message["clear"])
            if display:
                self._put(display, {})
        elif isinstance(message["id"], str) and message["id"]:
            data = message.get("data")
            if data is None:
                data = message["file"]
                if not isinstance(data, str) or "/" in data or "\0" in data or data in (SOCKET, "inner.json", "", ".", ".."):
                    return
            elif not bundle(data):
                return
            display = self.displays.get(message["id"])
            if display is None:
                if len(self.displays) >= MOST:
                    self._forget(next(iter(self.displays)))
                display = self.displays[message["id"]] = Display(message["id"], self.parent())
                display.next = time.monotonic() + FIRST
            self._put(display, data)

    def _forget(self, name):
        display = self.displays.pop(name)
        if display.timer:
            display.timer.cancel()
        self._drop(display.pending)

    def _put(self, display, data):
        self._drop(display.pending)
        display.pending = data
        self._plan(display)

    def _plan(self, display):
        if not display.timer and not display.task:
            display.timer = self.loop.call_later(max(0, display.next - time.monotonic()), self._show, display)

    def _drop(self, pending):
        """A file whose content is not shown any more."""
        if isinstance(pending, str):
            try:
                os.unlink(os.path.join(self.folder, pending))
            except OSError:
                pass

    def _show(self, display):
        """Shows what is pending, at once or by a thread."""
        if display.timer:
            display.timer.cancel()
            display.timer = None
        if display.task or display.pending is None:
            return
        pending, display.pending = display.pending, None
        begun = time.monotonic()
        size = 0
        if isinstance(pending, str):
            try:
                size = os.stat(os.path.join(self.folder, pending)).st_size
            except OSError:
                return
        if size < LARGE:
            self._shown(display, begun, self._prepared(display, pending))
        else:
            display.task = self.loop.create_task(self._show_large(display, begun, pending))

    async def _show_large(self, display, begun, pending):
        try:
            self._shown(display, begun, await asyncio.to_thread(self._prepared, display, pending))
        finally:
            display.task = None
            if display.pending is not None:
                self._plan(display)

    def _prepared(self, display, pending):
        """What sends it, and the digest of what is then shown. None if the file holds no bundle."""
        kind = "update_display_data" if display.shown else "display_data"
        rest = {"metadata": {}, "transient": {"display_id": display.name}}
        if not isinstance(pending, str):
            return self.publish(kind, {"data": pending, **rest}, display.parent), digest(pending), bool(pending)
        try:
            with open(os.path.join(self.folder, pending), "rb") as file:
                text = file.read()
            data = loads(text)
        except (OSError, ValueError, RecursionError):
            return None
        finally:
            self._drop(pending)
        if not bundle(data):
            return None
        # Passed on as it is: to write 50 MB anew takes as long as to read them.
        content = b'{"data": %s, %s' % (text, json.dumps(rest).encode()[1:])
        return self.publish(kind, content, display.parent), digest(data), bool(data)

    def _shown(self, display, begun, prepared):
        if prepared is None:
            return
        send, html, anything = prepared
        if anything or display.shown:  # what was never shown needs no clearing
            send()
            display.shown, display.html = True, html
        now = time.monotonic()
        # One that takes long is shown less often: it slows nothing but itself.
        display.next = now + max(EVERY, 10 * (now - begun))

    def _of(self, parent):
        return [d for d in self.displays.values() if d.parent.get("msg_id") == parent.get("msg_id")]

    def flush(self, parent):
        """Shows at once what is pending, but for large things of other cells."""
        self.receive()
        for display in list(self.displays.values()):
            if not isinstance(display.pending, str) or display.parent.get("msg_id") == parent.get("msg_id"):
                self._show(display)

    async def drain(self, parent):
        """All that was sent before belongs to the cell: returns when it has been shown."""
        self.flush(parent)
        while tasks := [d.task for d in self._of(parent) if d.task]:
            await asyncio.wait(tasks)
            self.flush(parent)

    def shows(self, data, parent):
        """Whether a display of this cell shows exactly this HTML."""
        html = digest(data)
        return bool(html) and any(d.html == html for d in self._of(parent))
