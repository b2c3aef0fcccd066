"""Tests of the front kernel: `notebooks/start --python tests/front.py`, about a minute.

A Python kernel stands in for evcxr, so that a cell takes a millisecond and can send whatever it likes. What
needs evcxr itself is in in_kernel.py.
"""
import json
import os
import queue
import shutil
import signal
import stat
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
sys.path.insert(0, str(NOTEBOOKS))
if sys.argv[1:2] == ["--serve"]:  # what the kernelspec of these tests runs
    import launch
    launch.main(sys.argv[2], json.loads(os.environ["FAKE"]))
    sys.exit()

# A home of its own: no build folder but an empty one, and a kernelspec that starts this file.
HOME = tempfile.TemporaryDirectory(prefix="nascent-front-")
os.environ.update(NASCENT_HOME=HOME.name, NASCENT_WARM=str(Path(HOME.name) / "empty"), IPYTHONDIR=HOME.name,
                  FAKE=json.dumps([sys.executable, "-m", "ipykernel_launcher", "-f"]))

import psutil  # noqa: E402

import cargo  # noqa: E402
import kernel as kernel_module  # noqa: E402
import pictures  # noqa: E402
import run  # noqa: E402
from install import SPECS  # noqa: E402
from kernel import Kernel  # noqa: E402
from pictures import environment  # noqa: E402

SEND = """\
import json, os, signal, socket, subprocess, sys, threading, time
from pathlib import Path
_socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
_socket.connect(os.environ["NASCENT_LIVE"])
def raw(text):
    _socket.send(text if isinstance(text, bytes) else text.encode())
def send(**message):
    raw(json.dumps({"live": 1, **message}))
def html(name, text):
    send(id=name, data={"text/html": text, "text/plain": "plain"})
class Shown:
    def __init__(self, html): self.html = html
    def _repr_html_(self): return self.html
    def __repr__(self): return "shown"
"""


def prepare():
    warm = Path(os.environ["NASCENT_WARM"])
    warm.mkdir()
    (warm / cargo.COMPILED).touch()
    spec = SPECS / "kernels" / "nascent"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text(json.dumps({
        "display_name": "fake", "language": "rust", "interrupt_mode": "signal",
        "argv": [sys.executable, __file__, "--serve", "{connection_file}"]}))


def messages(kernel, code, after=0.1, **options):
    """What a cell brings, and what comes soon after it, as (kind, content, id of the parent); the reply; its id."""
    request = kernel.client.execute(code, **options)
    found, end = [], time.monotonic() + 30
    idle = None
    while time.monotonic() < (idle or end):
        try:
            message = kernel.client.get_iopub_msg(timeout=0.05)
        except queue.Empty:
            continue
        parent = message["parent_header"].get("msg_id")
        found.append((message["msg_type"], message["content"], parent))
        if parent == request and message["content"].get("execution_state") == "idle":
            idle = time.monotonic() + after
    assert idle, f"no end: {found}"
    return found, reply_to(kernel, request), request


def reply_to(kernel, request):
    """The content of the reply to a request."""
    while True:
        reply = kernel.client.get_shell_msg(timeout=10)
        if reply["parent_header"]["msg_id"] == request:
            return reply["content"]


def ask(kernel, kind, *args, **options):
    return reply_to(kernel, getattr(kernel.client, kind)(*args, **options))


def kinds(found):
    return [kind for kind, _, _ in found]


def shown(found):
    """The live displays, in order: kind of message, id, HTML."""
    return [(kind, content["transient"]["display_id"], content["data"].get("text/html"))
            for kind, content, _ in found if kind.endswith("display_data")]


def eventually(check, seconds=15):
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def fake(*command):
    """With this in place of the Python kernel."""
    return environment(FAKE=json.dumps(command))


# --- what is passed on ------------------------------------------------------------------------------

def test_outputs(kernel):
    """Every kind of output, with the parent and the count of our cell, between busy and idle."""
    found, reply, request = messages(kernel, """\
from IPython.display import display, clear_output
print("out", flush=True); print("err", file=sys.stderr, flush=True)
handle = display("one", display_id="mine"); handle.update("two")
clear_output(); 6 * 7""")
    assert kinds(found) == ["status", "execute_input", "stream", "stream", "display_data", "update_display_data",
                            "clear_output", "execute_result", "status"], kinds(found)
    assert {parent for _, _, parent in found} == {request}
    count = reply["execution_count"]
    contents = [content for _, content, _ in found]
    assert contents[1]["execution_count"] == contents[7]["execution_count"] == count, contents
    assert contents[7]["data"]["text/plain"] == "42" and contents[2] == {"name": "stdout", "text": "out\n"}
    assert reply["status"] == "ok" and reply["user_expressions"] == {}, reply
    _, reply, _ = messages(kernel, "1 / 0", stop_on_error=False)
    assert reply["status"] == "error" and reply["ename"] == "ZeroDivisionError" and reply["traceback"], reply
    assert reply["execution_count"] == count + 1


def test_options(kernel):
    """silent, user_expressions, and a queue that stops at an error."""
    _, before, _ = messages(kernel, "1")
    found, reply, _ = messages(kernel, "quiet = 5; 6", silent=True)
    assert kinds(found) == ["status", "status"] and reply["execution_count"] == before["execution_count"], found
    _, reply, _ = messages(kernel, "1", user_expressions={"x": "quiet"})
    assert reply["user_expressions"]["x"]["status"] == "error", reply
    waiting = [kernel.client.execute(code) for code in ("time.sleep(.1); 1 / 0", "never = 1", "never = 1")]
    assert [reply_to(kernel, request)["status"] for request in waiting] == ["error", "aborted", "aborted"]
    assert kernel.run("'never' in globals()").data["text/plain"] == "False"


def test_requests(kernel):
    """Completion, inspection, completeness, history, kernel info, comms."""
    messages(kernel, "longname = 3")
    assert "longname" in ask(kernel, "complete", "longn", 5)["matches"]
    assert "int" in ask(kernel, "inspect", "longname", 4)["data"]["text/plain"]
    assert ask(kernel, "is_complete", "for x in y:")["status"] == "incomplete"
    history = ask(kernel, "history", hist_access_type="tail", n=1)["history"]
    assert [line[2] for line in history] == ["longname = 3"], history
    assert ask(kernel, "history", hist_access_type="search", pattern="long*")["history"] == history
    assert ask(kernel, "kernel_info")["implementation"] == "ipython"  # what the inner kernel says
    assert ask(kernel, "comm_info") == {"status": "ok", "comms": {}}
    opened = kernel.client.session.msg("comm_open", {"comm_id": "c", "target_name": "x", "data": {}})
    kernel.client.shell_channel.send(opened)
    found, _, _ = messages(kernel, "1")
    assert ("comm_close", {"comm_id": "c", "data": {}}, opened["header"]["msg_id"]) in found, found


def test_input(kernel):
    """A question in the middle of a cell, and its answer."""
    request = kernel.client.execute("answer = input('how many? ')", allow_stdin=True)
    question = kernel.client.get_stdin_msg(timeout=10)
    assert question["content"] == {"prompt": "how many? ", "password": False}
    assert question["parent_header"]["msg_id"] == request
    kernel.client.input("seven")
    assert kernel.run("answer").data["text/plain"] == "'seven'"
    assert "StdinNotImplementedError" in kernel.run("input()").error


# --- live displays ----------------------------------------------------------------------------------

def test_display_and_update(kernel):
    """First a display, then updates of it; also from a thread, while another cell runs and after all."""
    found, _, first = messages(kernel, """\
def work():
    for step in range(3):
        html("walk", str(step)); time.sleep(0.6)
threading.Thread(target=work).start(); time.sleep(0.15)""")
    assert shown(found) == [("display_data", "walk", "0")], shown(found)
    found, _, _ = messages(kernel, "time.sleep(0.6)", after=1.0)
    assert shown(found) == [("update_display_data", "walk", "1"), ("update_display_data", "walk", "2")], found
    assert {parent for kind, _, parent in found if kind == "update_display_data"} == {first}
    at = kinds(found)
    assert at.index("update_display_data") < len(at) - 1 - at[::-1].index("status"), "one came before the idle"


def test_drain(kernel):
    """What is sent before a cell ends is shown before the cell ends, the last version of each."""
    for _ in range(20):
        found, _, _ = messages(kernel, "for i in range(8): html(f'd{time.time_ns()}', 'x'); html('last', str(i))", 0.02)
        assert kinds(found)[-1] == "status", kinds(found)
        assert len({name for _, name, _ in shown(found)} - {"last"}) == 8, shown(found)
        kernel.run("html('last', 'x')")
    found, _, _ = messages(kernel, "for i in range(8): html('fresh', str(i))")
    assert shown(found)[-1][1:] == ("fresh", "7") and kinds(found)[-1] == "status", found


def test_once(kernel):
    """A result that a display of the same cell shows already is not shown again; any other is."""
    found, _, _ = messages(kernel, r"html('r', '<b>report</b>'); Shown('\n<b>report</b>\n')")
    assert "execute_result" not in kinds(found) and len(shown(found)) == 1, found
    for code in "Shown('<b>report</b>')", "html('s', '<b>1</b>'); html('s', '<b>2</b>'); Shown('<b>1</b>')", "Shown('')":
        found, _, _ = messages(kernel, code)
        assert "execute_result" in kinds(found), found


def test_clear(kernel):
    """A display that is taken away is empty; one that was never there is nothing."""
    found, _, _ = messages(kernel, "html('gone', 'x'); time.sleep(.05); send(clear='gone'); send(clear='never')")
    assert shown(found) == [("display_data", "gone", "x"), ("update_display_data", "gone", None)], shown(found)


def test_flood(kernel):
    """Of many updates about ten a second are shown and always the last, and cells are as fast as ever."""
    found, _, _ = messages(kernel, """\
begun = time.time(); n = 0
while time.time() < begun + 1:
    n += 1; html("flood", str(n))
print(n)""", after=0.3)
    texts = [text for _, _, text in shown(found)]
    sent = next(content["text"] for kind, content, _ in found if kind == "stream").strip()
    assert 5 <= len(texts) <= 13 and texts[-1] == sent and int(sent) > 300, (len(texts), texts[-1], sent)
    kernel.run("""\
go = True
def flood():
    n = 0
    while go:
        n += 1; html("flood2", str(n)); time.sleep(0.0002)
flooding = threading.Thread(target=flood); flooding.start()""")
    begun = time.monotonic()
    for _ in range(10):
        messages(kernel, "1", after=0)
    each = (time.monotonic() - begun) / 10
    kernel.run("go = False; flooding.join()")
    assert each < 0.15, f"{each:.3f} s a cell"


def test_large(kernel):
    """A bundle of 50 MB, by a file: it is shown, its file removed, and other cells go on meanwhile."""
    kernel.run("""\
folder = Path(os.environ["NASCENT_LIVE"]).parent
def by_file(name, text, file):
    (folder / file).write_text(json.dumps({"text/html": text})); send(id=name, file=file)
text = "x" * 50_000_000""")
    found, _, _ = messages(kernel, "by_file('small', 'y', 'one.json')")
    assert shown(found) == [("display_data", "small", "y")]
    found, _, _ = messages(kernel, "by_file('large', text, 'two.json'); by_file('large', text + 'end', 'three.json')")
    texts = [text for _, name, text in shown(found) if name == "large"]
    assert len(texts[-1]) == 50_000_003 and kinds(found)[-1] == "status"
    kernel.run("(folder / 'four.json').write_text(json.dumps({'text/html': text}))")
    kernel.run("threading.Timer(0.2, send, kwargs=dict(id='larger', file='four.json')).start()")
    slowest = 0
    for _ in range(30):
        begun = time.monotonic()
        reply_to(kernel, kernel.client.execute("1"))  # only that: to read 50 MB takes us time as well
        slowest = max(slowest, time.monotonic() - begun)
    print(f"        slowest cell beside 50 MB: {slowest:.2f} s")
    assert slowest < 1, f"{slowest:.1f} s for a cell"
    found, _, _ = messages(kernel, "1")
    assert ("display_data", "larger", 50_000_000) in [(kind, name, len(text)) for kind, name, text in shown(found)]
    left = kernel.run("sorted(os.listdir(folder))").data["text/plain"]
    assert left == "['inner.json', 'socket']", left


def test_malformed(kernel):
    """What is not of the protocol does nothing."""
    found, _, _ = messages(kernel, r"""
live = Path(os.environ["NASCENT_LIVE"]).parent
secret = live.parent / "secret.json"
secret.write_text('{"text/html": "secret"}')
(live / "bad.json").write_text("{")
for text in [b"", b"\xff\xfe", "no json", "[]", "1", "null", "{}", '{"live": 2, "id": "m", "data": {}}', '{"live": 1}',
             '{"live": 1, "id": 5, "data": {"text/html": "x"}}', '{"live": 1, "id": "m", "data": 5}',
             '{"live": 1, "id": "m", "data": {"text/html": 5}}', '{"live": 1, "id": "m", "data": {"html": "x"}}',
             '{"live": 1, "id": "m", "file": 5}', '{"live": 1, "id": "m", "file": "nowhere"}', '{"live": 1, "clear": []}',
             '{"live": 1, "id": "m", "file": "../secret.json"}', '{"live": 1, "id": "m", "file": "socket"}',
             '{"live": 1, "running": "x"}', "[" * 100_000, '{"live": 1, "id": "m", "file": "bad.json"}']:
    raw(text)""")
    assert not shown(found) and "error" not in kinds(found), found
    assert kernel.run("secret.exists(), os.path.exists(os.environ['NASCENT_LIVE'])").data["text/plain"] == "(True, True)"
    assert shown(messages(kernel, "html('m', 'good')")[0])[-1][2] == "good"


def test_notebook(kernel):
    """As notebooks/start --run has it: the last picture stands in the cell that showed the first, and counts."""
    first = kernel.run("html('picture', 'old'); Shown('old')")
    assert first.html == "old" and not run.complaint("study", (), first), first
    second = kernel.run("html('picture', 'new')")
    assert first.html == "new" and not second.outputs, (first, second)
    assert set(first.outputs[0]) == {"output_type", "data", "metadata"}, first
    kernel.run("threading.Timer(0.3, html, args=('late', 'begins between two cells')).start()")
    before = kernel.cells[next(reversed(kernel.cells))]
    time.sleep(0.5)
    kernel.run("1")
    assert before.html == "begins between two cells", before
    gone = kernel.run("html('empty', 'x'); time.sleep(.05); send(clear='empty')")
    assert "shows nothing" in run.complaint("study", (), gone), gone


# --- ■ ----------------------------------------------------------------------------------------------

CELLS = """\
def cells(code):
    # The child with the inner kernel's own program is the one that ■ is for.
    return subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
HANDLED = '''
import signal, sys, time
signal.signal(signal.SIGINT, lambda *_: print("stopped", flush=True))
print("ready", flush=True)
while True: time.sleep(0.01)'''
STUBBORN = HANDLED.replace('print("stopped", flush=True)', "None")
PLAIN = HANDLED.replace('lambda *_: print("stopped", flush=True)', "signal.SIG_DFL")
def wait(process):
    process.stdout.readline(); print("go", flush=True)
    return process.wait()
def hear(process):
    process.stdout.readline(); print("go", flush=True)
    return process.stdout.readline().strip()"""


def press(kernel, code, times=1):
    """Runs a cell, and presses ■ when it has printed `go`. Returns what it said after that."""
    request = kernel.client.execute(code, stop_on_error=False)
    text = ""
    while True:
        message = kernel.client.get_iopub_msg(timeout=20)
        content = message["content"]
        if message["parent_header"].get("msg_id") != request:
            continue
        if message["msg_type"] in ("error", "execute_result"):
            text += content["evalue"] if "evalue" in content else content["data"]["text/plain"]
        elif message["msg_type"] == "stream":
            text += content["text"]
            if text == "go\n":
                for _ in range(times):
                    kernel.interrupt()
                    time.sleep(0.1)
        elif content.get("execution_state") == "idle":
            reply_to(kernel, request)
            return text.removeprefix("go\n")


def test_stop(kernel):
    """SIGINT goes to the process that runs the cells, and to nobody else; the cell says what happened."""
    said = press(kernel, "send(running=1, note='the search'); hear(cells(HANDLED))")
    assert said.startswith("■: asked the search to stop") and said.endswith("'stopped'"), said
    said = press(kernel, "send(running=0); hear(cells(HANDLED))")
    assert said == "'stopped'", said
    said = press(kernel, "wait(cells(PLAIN))")
    assert "-2" in said and "■: the process that ran the cells was ended, and its variables are lost" in said, said
    said = press(kernel, "wait(cells(STUBBORN))", times=3)
    assert "-9" in said and "was ended" in said, said
    assert not kernel.run("1").error, "the inner kernel itself goes on"


def test_stop_building(kernel):
    """While a compiler runs, that is stopped, and the process with the variables is left alone."""
    said = press(kernel, """\
process = cells("input()"); builder = subprocess.Popen(["sh", "-c", "sleep 60; exit 5"])
time.sleep(.3); print("go", flush=True)
builder.wait(), process.poll()""")
    assert "(5, None)" in said and "■: stopped while this cell was being compiled" in said, said
    # While it waits for a cell, it is left alone as well.
    said = press(kernel, "print('go', flush=True); time.sleep(.5); process.poll()")
    assert said == "", said
    kernel.run("process.kill(); process.wait()")


def test_nothing_to_stop(kernel):
    """Between cells ■ does nothing."""
    kernel.run("process = cells(PLAIN); process.stdout.readline()")
    kernel.interrupt()
    time.sleep(0.3)
    assert kernel.run("str(process.poll())").data["text/plain"] == "'None'"
    kernel.run("process.kill(); process.wait()")


# --- beginnings and ends ----------------------------------------------------------------------------

def processes_of(kernel):
    front = psutil.Process(kernel.manager.provisioner.pid)
    return [front, *front.children(recursive=True)]


def gone(processes):
    return not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes)


def alone_death():
    """The inner kernel dies in a cell, or between two: said in one paragraph, and the next cell runs."""
    with Kernel(HOME.name) as kernel:
        kernel.run("import os, signal, threading; kept = 1")
        out = kernel.run("os.kill(os.getpid(), signal.SIGKILL)")
        assert "The Rust kernel was ended by SIGKILL while this cell ran" in out.error and not out.broken, out
        assert "run the cells again from the top" in out.error
        assert "NameError" in kernel.run("kept").error and kernel.run("6 * 7").data["text/plain"] == "42"
        kernel.run("import os, threading; threading.Timer(0.2, os._exit, [3]).start()")
        time.sleep(1)
        out = kernel.run("6 * 7")
        assert out.data["text/plain"] == "42" and "ended with status 3 between two cells" in out.stderr, out
        assert not kernel.run("1").error


def alone_no_start():
    """An inner kernel that does not start: the cell says so, with its last words."""
    for command, said in (["sh", "-c", "echo no luck >&2; exit 3"], "no luck"), (["/nowhere/evcxr"], "--setup"):
        with fake(*command), Kernel(HOME.name) as kernel:
            for _ in range(2):
                out = kernel.run("1")
                assert said in out.error and "The Rust kernel" in out.error and not out.broken, out


def alone_signals():
    """Under a Jupyter that ignores SIGINT, as one that was started with `nohup ... &`: a cell can be stopped all the same."""
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with fake("sh", "-c", "grep SigIgn /proc/self/status >&2"), Kernel(HOME.name) as kernel:
            ignored = kernel.run("1").error.split("SigIgn:")[1].split()[0]
            assert not int(ignored, 16) >> (signal.SIGINT - 1) & 1, ignored
    finally:
        signal.signal(signal.SIGINT, handler)


def alone_in_jupyterlab():
    """In JupyterLab in a browser: a display moves while later cells run; ■ stops a search, and the next cell runs."""
    program = next(filter(None, map(shutil.which, pictures.BROWSERS)), None)
    if not program:
        print("        SKIPPED: there is no Chromium", flush=True)
        return
    cells = [SEND + CELLS, """\
def work():
    for step in range(400): html("live", f"step {step}"); time.sleep(0.1)
threading.Thread(target=work, daemon=True).start()""",
             "send(running=1, note='the search'); hear(cells(HANDLED))", "6 * 7"]
    with pictures.opened(program, cells, "live") as browser:
        drive(browser)


def drive(browser):
    def command(name):
        browser.ask(f"window.jupyterapp.commands.execute({name!r}); 1")

    def states():
        return browser.ask("""(async () => {
            const kernels = window.jupyterapp.serviceManager.kernels;
            await kernels.refreshRunning();
            return [...kernels.running()].map(kernel => kernel.execution_state);
        })()""")

    def said(cell):
        return browser.ask(f"""[...document.querySelectorAll('.jp-CodeCell')[{cell}].querySelectorAll('.jp-OutputArea-output')]
            .map(output => output.innerText.trim()).join(' ')""")

    pictures.wait(lambda: browser.ask("!!(window.jupyterapp && document.querySelector('.jp-Cell .cm-content'))"), "the notebook")
    browser.ask("document.querySelector('.jp-Cell .cm-content').focus(); 1")
    pictures.wait(lambda: states() == ["idle"], "the kernel")
    command("notebook:run-all-cells")
    pictures.wait(lambda: said(2) == "go", "the search")
    first = pictures.wait(lambda: said(1), "a display")
    pictures.wait(lambda: said(1) != first, "an update beside a running cell")
    command("notebook:interrupt-kernel")
    pictures.wait(lambda: said(3) == "42", "the cell after ■")
    assert "■: asked the search to stop" in said(2) and said(2).endswith("'stopped'"), said(2)
    last = said(1)
    pictures.wait(lambda: said(1) != last, "an update after all cells have ended")


def alone_ends():
    """The socket is private, and after a shutdown, a restart or a SIGKILL nothing is left."""
    with Kernel(HOME.name) as kernel:
        live, left, folders = kernel.folder / "live", processes_of(kernel), [kernel.folder]
        assert stat.S_IMODE(live.stat().st_mode) == 0o700 and stat.S_ISSOCK((live / "socket").stat().st_mode)
        assert stat.S_IMODE((live / "inner.json").stat().st_mode) == 0o600
        kernel.manager.restart_kernel()
        kernel.client.wait_for_ready(timeout=60)
        assert kernel.run("6 * 7").data["text/plain"] == "42"
        folders.append(kernel.folder)
        left += processes_of(kernel)
    with Kernel(HOME.name) as kernel:
        kernel.run(SEND + CELLS)
        kernel.run("child = cells(STUBBORN)")
        folders.append(kernel.folder)
        left += processes_of(kernel)
        threading.Timer(0.5, os.kill, (kernel.manager.provisioner.pid, signal.SIGKILL)).start()
        assert "the kernel died" in kernel.run("while True: pass").broken
    eventually(lambda: not any(folder.exists() for folder in folders))
    eventually(lambda: gone(left))
    assert not list(Path(HOME.name, "kernels").iterdir())


def alone_long_path():
    """A home too deep for a socket's path: it is in /tmp then, private, and gone afterwards."""
    deep = Path(HOME.name) / ("deep" * 20)
    kernel_module.MINE = deep
    try:
        with environment(NASCENT_HOME=str(deep)), Kernel(HOME.name) as kernel:
            path = Path(kernel.run("import os; print(os.environ['NASCENT_LIVE'])").text.strip())
            assert len(str(path)) < 100 and stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700, path
        eventually(lambda: not path.parent.parent.exists())
    finally:
        kernel_module.MINE = Path(HOME.name)


def alone_in_place():
    """In a folder of someone else, as when the warm one is made: that stays, and nothing else does."""
    folder = Path(HOME.name) / "place"
    folder.mkdir()
    with Kernel(HOME.name, in_place=folder) as kernel:
        path = Path(kernel.run("import os; print(os.environ['NASCENT_LIVE'])").text.strip())
        assert kernel.run("os.environ['EVCXR_TMPDIR']").data["text/plain"] == repr(str(folder))
    eventually(lambda: not path.parent.parent.exists())
    assert folder.is_dir() and not list(folder.iterdir())


def main():
    prepare()
    chosen = {name: test for name, test in globals().items()
              if name.startswith(("test_", "alone_")) and all(word in name for word in sys.argv[1:])}

    def failed(name, *args):
        begun = time.monotonic()
        try:
            chosen[name](*args)
        except Exception:
            print(f"FAILED  {name}\n{traceback.format_exc()}", flush=True)
            return True
        print(f"ok      {name} ({time.monotonic() - begun:.1f} s)", flush=True)
        return False

    count = sum(failed(name) for name in chosen if name.startswith("alone_"))
    if any(name.startswith("test_") for name in chosen):
        with Kernel(HOME.name) as kernel:
            wrong = kernel.run(SEND + CELLS).error
            assert not wrong, wrong
            count += sum(failed(name, kernel) for name in chosen if name.startswith("test_"))
    print(f"{len(chosen) - count} passed, {count} failed")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
