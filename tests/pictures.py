"""Every shipped notebook shows its pictures where nobody trusts it: `notebooks/start --python tests/pictures.py`.

JupyterLab cleans the outputs of a notebook that somebody else has run: inline SVG goes, and leaves its
labels and tooltips behind, run together. So this opens an untrusted copy of each notebook in the real
JupyterLab in headless Chromium, and the pages that nbconvert makes of it, and asks the browser:
- each picture is there and was loaded;
- the text is that of the outputs without their pictures: no letter of a chart beside it.
Without Chromium (`apt-get install chromium`) nothing is tested, and that is said.
"""
import contextlib
import faulthandler
import html.parser
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request
from pathlib import Path

import nbformat
import websocket
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook

from install import SPECS
from main import SHIPPED, sign

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
BROWSERS = "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
         "--remote-debugging-port=0", "--remote-allow-origins=*", "--window-size=1400,1000"]
PICTURE = re.compile(r'<img[^>]*src="data:image/')


# --- what a notebook holds --------------------------------------------------------------------------

def outputs(notebook):
    """The HTML of its outputs."""
    return [output.data["text/html"] for cell in notebook.cells if cell.cell_type == "code"
            for output in cell.outputs if "text/html" in output.get("data", {})]


class Text(html.parser.HTMLParser):
    """What is to be read in a piece of HTML, apart from drawings."""

    HIDDEN = {"svg", "style", "script"}

    def __init__(self, source):
        super().__init__()
        self.text, self.hidden = "", 0
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, _):
        self.hidden += tag in self.HIDDEN

    def handle_endtag(self, tag):
        self.hidden -= tag in self.HIDDEN

    def handle_data(self, data):
        if not self.hidden:
            self.text += data


def squeezed(text):
    """Without white space: where lines break is the browser's affair."""
    return "".join(text.split())


# --- the browser ------------------------------------------------------------------------------------

class Browser:
    """Headless Chromium with one page, by its DevTools protocol."""

    def __init__(self, program, folder):
        self.errors = open(Path(folder) / "chromium.log", "w")
        self.process = subprocess.Popen([program, *FLAGS, f"--user-data-dir={folder}/profile", "about:blank"],
                                        stdout=self.errors, stderr=self.errors)
        file = Path(folder) / "profile" / "DevToolsActivePort"
        wait(lambda: file.exists() and len(file.read_text().splitlines()) > 1, "Chromium")
        self.port = file.read_text().splitlines()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/json/list", timeout=30) as answer:
            page = next(target for target in json.load(answer) if target["type"] == "page")
        self.socket = websocket.create_connection(page["webSocketDebuggerUrl"], timeout=180)
        self.number = 0
        self.said = []  # on the console
        self.call("Page.enable")

    def call(self, method, **params):
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": params}))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("method") in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"):
                self.said.append(json.dumps(answer["params"])[:500])
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]

    def open(self, address):
        self.call("Page.navigate", url=address)

    def ask(self, script):
        """The value of a piece of JavaScript."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def close(self):
        self.socket.close()
        end(self.process)
        self.errors.close()


def end(process, seconds=15):
    """Asks a program to end, and ends it where it does not."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        print(f"        {Path(process.args[0]).name} did not end within {seconds} s: it was killed", flush=True)
        process.kill()
        process.wait()


def no_longer_than(minutes):
    """Whatever hangs, hangs no longer: the program says where it stands, and ends."""
    faulthandler.dump_traceback_later(60 * minutes, exit=True)


def wait(check, what, seconds=90):
    until = time.monotonic() + seconds
    while not (value := check()):
        assert time.monotonic() < until, f"waited for {what} in vain"
        time.sleep(0.2)
    return value


# What a page shows in its outputs of HTML: pictures, those that loaded, and the text.
SHOWN = """(() => {
    const areas = [...document.querySelectorAll(".jp-OutputArea-output.jp-RenderedHTMLCommon[data-mime-type='text/html']")];
    const all = selector => areas.flatMap(area => [...area.querySelectorAll(selector)]);
    const pictures = all('img');
    return {
        areas: areas.length,
        pictures: pictures.length,
        loaded: pictures.filter(p => p.complete && p.naturalWidth > 0 && p.getBoundingClientRect().width > 0).length,
        text: areas.map(area => {
            const copy = area.cloneNode(true);
            copy.querySelectorAll('style, script, svg').forEach(e => e.remove());
            return copy.textContent;
        }),
    };
})()"""


def check(browser, expected):
    """The pictures and the words of a page are those of the notebook's outputs."""
    count = sum(len(PICTURE.findall(output)) for output in expected)
    wanted = [squeezed(Text(output).text) for output in expected]
    until = time.monotonic() + 60
    while True:
        shown = browser.ask(SHOWN)
        said = list(map(squeezed, shown["text"]))
        # A page of some MB is there in parts: its last text may still grow.
        if shown["loaded"] == count and said == wanted or time.monotonic() > until:
            break
        time.sleep(0.3)
    assert shown["areas"] == len(expected), f"{shown['areas']} of {len(expected)} outputs are shown"
    assert (shown["pictures"], shown["loaded"]) == (count, count), \
        f"{shown['pictures']} of {count} pictures are there, {shown['loaded']} loaded"
    for text, due in zip(said, wanted):
        at = next((n for n, (a, b) in enumerate(zip(text, due)) if a != b), min(len(text), len(due)))
        assert text == due, f"an output reads {text[at:at + 200]!r} instead of {due[at:at + 200]!r} from letter {at} on"
    assert count, "it has no pictures"
    return f"{count} pictures"


# --- JupyterLab -------------------------------------------------------------------------------------

@contextlib.contextmanager
def jupyterlab(folder, *options):
    """JupyterLab on a folder, with settings, keys and signatures of its own: it trusts nothing."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = folder / "settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    # All cells are in the page, not only those that would be seen.
    (settings / "tracker.jupyterlab-settings").write_text('{"windowingMode": "none"}')
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}",
               "--IdentityProvider.token=pictures", f"--ServerApp.root_dir={folder / 'notebooks'}",
               f"--LabApp.user_settings_dir={folder / 'settings'}", f"--LabApp.workspaces_dir={folder / 'workspaces'}",
               "--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate", *options]
    with open(folder / "jupyterlab.log", "w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"

    def up():
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(f"{address}/api?token=pictures", timeout=30).status == 200

    try:
        wait(up, "JupyterLab")
        yield address
    finally:
        end(server)


@contextlib.contextmanager
def environment(**changes):
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def opened(program, cells, name):
    """A browser with a new notebook of these cells in JupyterLab, which has our kernel and nobody's settings."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, environment(
            JUPYTER_PATH=str(SPECS), **{f"JUPYTER_{kind}_DIR": f"{folder}/{kind}" for kind in ("CONFIG", "DATA", "RUNTIME")}):
        folder = Path(folder)
        (folder / "notebooks").mkdir()
        spec = {"name": "nascent", "display_name": "Rust (nascent)", "language": "rust"}
        nbformat.write(new_notebook(cells=list(map(new_code_cell, cells)), metadata={"kernelspec": spec}),
                       folder / "notebooks" / f"{name}.ipynb")
        with jupyterlab(folder, "--LabApp.expose_app_in_browser=True") as address:
            browser = Browser(program, folder)
            try:
                browser.open(f"{address}/lab/tree/{name}.ipynb?token=pictures&reset")
                yield browser
            finally:
                browser.close()


def trusted(address, name):
    """Whether the server takes all code cells of a notebook for trusted."""
    with urllib.request.urlopen(f"{address}/api/contents/{name}?token=pictures", timeout=60) as answer:
        cells = json.load(answer)["content"]["cells"]
    return all(cell["metadata"].get("trusted") for cell in cells if cell["cell_type"] == "code")


def in_jupyterlab(browser, folder, files):
    with jupyterlab(folder) as address:
        for file in files:
            assert not trusted(address, file.name), f"{file.name} is trusted: nothing would be tested"
            browser.open(f"{address}/lab/workspaces/{file.stem}/tree/{file.name}?token=pictures&reset")
            yield file, lambda expected: check(browser, expected)
        # What `notebooks/start` does to the shipped ones.
        sign(files)
        assert all(trusted(address, file.name) for file in files), "a notebook that was signed is not trusted"


def as_page(browser, folder, files):
    for file in files:
        page, _ = HTMLExporter().from_filename(str(file))
        (folder / f"{file.stem}.html").write_text(page)
        browser.open((folder / f"{file.stem}.html").as_uri())
        yield file, lambda expected: check(browser, expected)


def main():
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not program:
        print("SKIPPED: there is no Chromium. Install it (Debian, Ubuntu: apt-get install chromium) to test the pictures.")
        return 0
    no_longer_than(20)
    chosen = [Path(name) for name in sys.argv[1:]] or [NOTEBOOKS / f"{name}.ipynb" for name in SHIPPED]
    failed = done = 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        folder = Path(folder)
        for kind in "config", "data", "runtime":
            os.environ[f"JUPYTER_{kind.upper()}_DIR"] = str(folder / kind)
        os.environ["JUPYTER_PATH"] = ""  # what is only looked at needs no kernel
        (folder / "notebooks").mkdir()
        files = [Path(shutil.copy(file, folder / "notebooks")) for file in chosen]
        browser = Browser(program, folder)
        try:
            for name, views in (("untrusted in JupyterLab", in_jupyterlab), ("as a page of nbconvert", as_page)):
                for file, view in views(browser, folder, files):
                    try:
                        said = view(outputs(nbformat.read(file, as_version=4)))
                        print(f"ok      {file.name} {name}, {said}", flush=True)
                    except Exception as wrong:
                        failed += 1
                        kind = wrong if isinstance(wrong, AssertionError) else traceback.format_exc()
                        print(f"FAILED  {file.name} {name}: {kind}", flush=True)
                    done += 1
        finally:
            browser.close()
    print(f"{done - failed} passed, {failed} failed")
    return 1 if failed or not done else 0


if __name__ == "__main__":
    sys.exit(main())
