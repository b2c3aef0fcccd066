"""Tests of the notebook tools: `notebooks/start --python notebooks/selftest.py`, about a minute.

The runner must pass what is good and name the cell that is not; kernels must end without a trace; and
two notebooks must not disturb each other while nascent is rebuilt in one of them.
"""
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook, new_output

import cargo
import front
import launch
import run
import warm
from install import EVCXR, HOME, MINE, NOTEBOOKS, OURS, REPO, venv_python
from kernel import Kernel, Output

CHART = """\
struct Chart(u32);
impl Chart {
    fn evcxr_display(&self) {
        println!("EVCXR_BEGIN_CONTENT text/html\\n<svg width='{}'></svg>\\nEVCXR_END_CONTENT", self.0);
        println!("EVCXR_BEGIN_CONTENT text/plain\\na chart\\nEVCXR_END_CONTENT");
    }
}"""
FAIL = 'fn fail() -> Result<u32, String> { Err("no luck".into()) }'

# Notebooks by name: their cells, and what the runner says about them.
NOTEBOOKS_AND_VERDICTS = {
    "good": ([CHART, 'println!("progress");', "Chart(5)", "let n = 3;", "n + 1 // seen",
              "#[derive(Debug)]\nstruct P { x: u8 }\nP { x: 1 }",
              ("expect-error", FAIL + "\nfail()?"), ("raises-exception", 'let n: u8 = "x";')], "ok"),
    "question": ([FAIL, "1 + 1", "let x = fail()?;\nx"], 'FAILED in cell 3 "let x = fail()?;": no luck'),
    "panic": (["let v: Vec<u32> = vec![];", "v[0]"], 'FAILED in cell 2 "v[0]": '),
    "compile": (["let a: u32 = 1;", 'let b: u32 = "b";'], 'FAILED in cell 2 "let b: u32 = "b";": [E0308]'),
    "missing": ([CHART, "let chart = Chart(1);\n()"], 'FAILED in cell 2 "let chart = Chart(1);": shows nothing'),
    "slow": (["1", "loop {}"], 'FAILED in cell 2 "loop {}": no end after'),
}


def write(folder, name, cells):
    cells = [cell if isinstance(cell, tuple) else (None, cell) for cell in cells]
    file = folder / f"{name}.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(source, metadata={"tags": [tag]} if tag else {})
                                       for tag, source in cells]), file)
    return file


def start(*args, **env):
    return subprocess.run([NOTEBOOKS / "start", *args], env=dict(os.environ, **env), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def eventually(check, seconds=15):
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def test_rules():
    """The judgement of single cells, without a kernel."""
    shows = {"x": True, "x;": False, "x // y;": True, 'f("//")': True, "let x = 1; // x": False, ":vars": False,
             "if x {\n}": False, "": False, "// x": False, 'x /* a\nb */': True, 'r#"// " ;"#': True, "'\"' // ;": True}
    for source, expected in shows.items():
        assert run.should_show(source) == expected, source

    def wrong(shown, source="x", tags=(), defined=()):
        result = new_output("execute_result", data={"text/plain": shown}) if shown else None
        return run.complaint(source, tags, Output(outputs=[result] if shown else []), defined) or ""

    assert "shows nothing" in wrong("") and "shows nothing" in wrong("()") and not wrong("", "x;")
    assert "Debug text" in wrong("Study { space: 1 }") and "Debug text" in wrong('[Trial { n: 1 }]')
    assert not wrong("P { x: 1 }", defined={"P"}) and not wrong('"a {"') and not wrong("[1, 2]")
    assert "an error was expected" in wrong("4", tags=["expect-error"])


LOCK = """\
version = 4

[[package]]
name = "ctx"
version = "1.0.0"
dependencies = [
 "low",
]

[[package]]
name = "low"
version = "{}"
source = "registry+https://example.org"
checksum = "{}"
"""


def test_locks():
    """What was locked stays locked, beside what is new; each dependency has its version."""
    kept, new = LOCK.format("1.2.0", "a"), LOCK.format("1.3.0", "b")
    found = cargo.merge(kept, new, replace=False)
    assert found == cargo.merge("", kept, replace=True) and "1.3.0" not in found, found
    assert cargo.merge(kept, new, replace=True) == new.replace(' "low",', ' "low 1.3.0",')
    both = cargo.merge(kept, LOCK.format("2.0.0", "c"), replace=True)
    assert '"1.2.0"' in both and '"2.0.0"' in both and ' "low 2.0.0",' in both, both
    assert cargo.merge(both, both, replace=True) == both
    incompatible = [("0.1.2", "0.1.3", True), ("0.1.2", "0.2.0", False), ("1.0.0", "1.9.0+x", True), ("0.0.1", "0.0.2", False),
                    ("1.0.0-a", "1.0.0", False)]
    for a, b, same in incompatible:
        a, b = ({"name": "x", "version": version, "source": "registry"} for version in (a, b))
        assert (cargo.key(a) == cargo.key(b)) == same, (a, b)


def test_features():
    """evcxr/features turns on all that nascent does, so that a cell before `:dep nascent` compiles nothing twice."""
    def dependencies(manifest):
        section = manifest.read_text().partition("\n[dependencies]\n")[2].partition("\n[")[0]
        lines = [line.partition(" = ") for line in section.splitlines() if " = " in line and not line.startswith("#")]
        return {name: re.findall(r'"([^"]+)"', rest) + ["default"] * ("default-features = false" not in rest)
                for name, _, rest in lines}

    theirs = dependencies(NOTEBOOKS / "evcxr" / "features" / "Cargo.toml")
    for name, wanted in dependencies(REPO / "Cargo.toml").items():
        assert set(wanted) <= set(theirs.get(name, ())), f"{name} {wanted} in Cargo.toml, {theirs.get(name)} in evcxr/features"


def test_notes():
    """What cargo.py reads in cargo's messages, and how it words durations."""
    names = {"registry+https://github.com/rust-lang/crates.io-index#memchr@2.8.3": ("memchr", "2.8.3"),
             "path+file:///home/me/kernel#nascent@0.1.0": ("nascent", "0.1.0"),
             "path+file:///home/me/nascent#0.1.0": ("nascent", "0.1.0"),
             "git+https://example.org/x?rev=1#y@2.0.0-a+b": ("y", "2.0.0-a+b")}
    for identity, package in names.items():
        assert cargo.package_of(identity) == package, identity
    with tempfile.TemporaryDirectory() as folder:
        compiled = Path(folder) / cargo.COMPILED
        # The two pipes of cargo are read in any order: a crate that is compiled at once may be ready first.
        for order in (("line", "artifact"), ("artifact", "line")):
            progress = cargo.Progress("true", compiled)
            calls = {"line": (b"   Compiling small v1.0.0\n",), "artifact": (("small", "1.0.0"), False)}
            for call in order:
                getattr(progress, call)(*calls[call])
            assert ("small", "1.0.0") in progress.done, order
        names = [line.split()[:2] for line in compiled.read_text().splitlines()]
        assert names == [["small", "1.0.0"]] * 2, names
    times = {0.5: "a few seconds", 14: "about 10 s", 88: "about 90 s", 100: "about 1.5 minutes", 170: "about 3 minutes"}
    for seconds, words in times.items():
        assert cargo.spoken(seconds) == words, cargo.spoken(seconds)


def test_verdicts():
    """Every notebook gets its verdict, and the cell is named."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        files = [write(folder, name, cells) for name, (cells, _) in NOTEBOOKS_AND_VERDICTS.items()]
        done = start("--run", *files, "--out", folder / "out", "--timeout", "15", "--jobs", "2")
        assert done.returncode == 1, done.stdout
        for file, (_, verdict) in zip(files, NOTEBOOKS_AND_VERDICTS.values()):
            assert f"{file}: {verdict}" in done.stdout, f"{file}: {verdict!r} is not in:\n{done.stdout}"
            assert (folder / "out" / file.name).exists()
        assert "<svg width=" in (folder / "out" / "good.html").read_text()


def test_in_place():
    """Outputs go into a good notebook, and a bad one stays as it was."""
    with tempfile.TemporaryDirectory() as folder:
        good, bad = write(Path(folder), "good", ["40 + 2"]), write(Path(folder), "bad", ["1", 'panic!("no")'])
        bytes_before = bad.read_bytes()
        done = start("--run", good, bad, "--in-place")
        assert done.returncode == 1 and "1 passed, 1 failed" in done.stdout, done.stdout
        assert "".join(json.loads(good.read_text())["cells"][0]["outputs"][0]["data"]["text/plain"]) == "42"
        assert bad.read_bytes() == bytes_before


def test_interrupt_and_shutdown():
    """An interrupted cell ends and the kernel goes on; an ended kernel leaves no process and no folder."""
    with Kernel(NOTEBOOKS, ahead=False) as kernel:
        threading.Timer(3, kernel.interrupt).start()
        out = kernel.run("loop {}", timeout=60)
        assert out.error and not out.broken and out.seconds < 20, out
        assert kernel.run("6 * 7").data["text/plain"] == "42"
        left = [kernel.folder, Path("/proc") / kernel.run("std::process::id()").data["text/plain"]]
        kernel.client.execute("loop {}")
        time.sleep(2)
    with Kernel(NOTEBOOKS, ahead=False) as kernel:
        left += [kernel.folder, Path("/proc") / kernel.run("std::process::id()").data["text/plain"]]
        threading.Timer(2, os.kill, (kernel.manager.provisioner.pid, signal.SIGKILL)).start()
        assert "the kernel died" in kernel.run("loop {}").broken
    eventually(lambda: not any(path.exists() and not zombie(path) for path in left))


def zombie(process):
    """Dead, but not yet collected: a container's first process may never do it."""
    try:
        return "State:\tZ" in (process / "status").read_text()
    except OSError:
        return False


def contents(folder):
    """Every byte and time of a folder, to see whether anything wrote into it."""
    return {file: (file.stat().st_mtime_ns, hashlib.sha256(file.read_bytes()).digest())
            for file in folder.rglob("*") if file.is_file()}


def test_two_notebooks():
    """In a clone with a home of its own, seeded from ours: see `two_notebooks`."""
    home = MINE / f"selftest-{os.getpid()}"  # beside the warm folder: links need one file system
    template = warm.folder()
    with tempfile.TemporaryDirectory() as clone:
        clone = Path(clone).resolve()
        try:
            home.mkdir()
            for installed in EVCXR, venv_python().parent.parent:
                (home / installed.name).symlink_to(installed)
            (home / "warm").mkdir()
            launch.copy(template, home / "warm" / template.name)
            shutil.copytree(NOTEBOOKS, clone / "notebooks", ignore=shutil.ignore_patterns("*.ipynb", "__pycache__", ".*"))
            for name in "Cargo.toml", "Cargo.lock":
                shutil.copy2(REPO / name, clone)
            edit(clone, 1)
            before = contents(template)
            done = subprocess.run([clone / "notebooks" / "start", "--python", clone / "notebooks" / "selftest.py", "--two"],
                                  env=dict(os.environ, NASCENT_HOME=str(home)), text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            assert done.returncode == 0, done.stdout
            [made] = [folder for folder in (home / "warm").iterdir() if folder.name != template.name]
            lines = [(folder / cargo.COMPILED).read_text().splitlines() for folder in (template, made)]
            compiled = [line.split()[0] for line in lines[1][len(lines[0]):]]
            assert compiled == ["nascent"], f"compiled {compiled}: of a warm folder's crates only nascent is new"
            assert contents(template) == before, "the clone wrote into the warm folder that it was copied from"
        finally:
            shutil.rmtree(home, ignore_errors=True)


def test_links():
    """Where hard links are forbidden, a copy has symbolic ones; what is written in place is copied all the same."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "warm" / "deps", Path(folder) / "copy" / "deps"
        source.mkdir(parents=True)
        for name in "libcandle-1.rlib", "libnascent-1.rlib", "candle.d":
            (source / name).write_text(name)
        # In a process of its own: other tests link meanwhile.
        code = ("import os, sys, launch\ndef refused(*_, **__):\n    raise PermissionError(1, 'not permitted')\n"
                "os.link = refused\nlaunch.copy(*sys.argv[1:])")
        subprocess.run([sys.executable, "-c", code, source.parent, target.parent], check=True)
        assert [name for name in sorted(os.listdir(target)) if (target / name).is_symlink()] == ["libcandle-1.rlib"]
        assert all((target / name).read_text() == name for name in os.listdir(source))


def test_crate():
    """A notebook that was copied elsewhere gets the crate of its kernel; any other path stays what it says."""
    with tempfile.TemporaryDirectory() as folder:
        away = ':dep nascent = { path = ".." }\nuse nascent::prelude::*;'
        assert front.with_crate(away, NOTEBOOKS) == away
        assert front.with_crate(away, folder) == away.replace('".."', json.dumps(str(REPO)))
        features = ':dep nascent = { features = ["cuda"], path = ".." }'
        assert json.dumps(str(REPO)) in front.with_crate(features, folder)
        for other in ':dep csv = "1"', 'let path = "..";', f':dep nascent = {{ path = "{REPO}" }}', ':dep own = { path = ".." }':
            assert front.with_crate(other, folder) == other, other


def test_shared():
    """A home that somebody else has set up for all: see `shared`. Nothing is written there."""
    restricted = []
    if os.geteuid() == 0:  # may write everywhere, unless it gives that up
        if not shutil.which("setpriv"):
            return
        restricted = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
    home = MINE / f"selftest-shared-{os.getpid()}"
    template = warm.folder()
    with tempfile.TemporaryDirectory() as cache:
        try:
            (home / "warm").mkdir(parents=True)
            for installed in EVCXR, venv_python().parent.parent:
                (home / installed.name).symlink_to(installed)
            launch.copy(template, home / "warm" / template.name)
            for name in "setup", "warm-swap":
                (home / f"{name}.lock").touch()
            before = contents(home)
            for folder in home / "warm", home:
                folder.chmod(0o555)
            done = subprocess.run([*restricted, NOTEBOOKS / "start", "--python", NOTEBOOKS / "selftest.py", "--shared"],
                                  env=dict(os.environ, NASCENT_HOME=str(home), XDG_CACHE_HOME=cache), text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            assert done.returncode == 0, done.stdout
            assert contents(home) == before, "a kernel wrote into the home that all share"
        finally:
            for folder in home, home / "warm":
                folder.chmod(0o755)
            shutil.rmtree(home, ignore_errors=True)


def shared():
    """With a home that cannot be written: kernels work in the user's own cache, with nothing compiled anew, and in
    any folder."""
    assert not OURS and MINE != HOME, (HOME, MINE)
    with tempfile.TemporaryDirectory() as folder, Kernel(folder) as kernel:
        assert kernel.folder.is_relative_to(MINE)
        out = kernel.run(':dep nascent = { path = ".." }\nnascent::Dataset::digits().take(20)')
        assert not out.error and out.data, out
        assert not kernel.compiled(), f"compiled {kernel.compiled()}"


def edit(clone, version):
    """A nascent of one function, in place of the real one: compiled in a second."""
    (clone / "src").mkdir(exist_ok=True)
    (clone / "src" / "lib.rs").write_text(f"//! Stub.\n/// Its version.\npub fn version() -> u32 {{ {version} }}\n")


def two_notebooks():
    """nascent is rebuilt in one notebook while another is open. Neither the other's folder nor the warm one changes."""
    template = warm.folder()
    use = ':dep nascent = { path = ".." }\nnascent::version()'

    def run_in(kernel, code):
        out = kernel.run(code)
        assert not out.error, out.error
        return out.data["text/plain"]

    with Kernel(NOTEBOOKS) as first:
        assert run_in(first, use) == "1"
        assert not first.compiled(), f"a warm kernel compiled {first.compiled()}"
        firsts = first.folder
        with Kernel(NOTEBOOKS) as second:
            edit(REPO, 2)
            before = contents(template), contents(firsts)
            assert run_in(second, use) == "2"
            assert second.compiled() == ["nascent"], second.compiled()
            assert (contents(template), contents(firsts)) == before, "the second notebook wrote into another's files"
        assert run_in(first, "6 * 7") == "42"


def main():
    tests = {name: test for name, test in globals().items() if name.startswith("test_")}

    def one(name):
        begin = time.monotonic()
        try:
            tests[name]()
        except Exception:
            print(f"FAILED  {name}\n{traceback.format_exc()}", flush=True)
            return True
        print(f"ok      {name} ({time.monotonic() - begin:.0f} s)", flush=True)
        return False

    # A kernel uses one core most of the time.
    with ThreadPoolExecutor(2) as pool:
        failed = sum(pool.map(one, tests))
    print(f"{len(tests) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit({"--two": two_notebooks, "--shared": shared}.get("".join(sys.argv[1:]), main)())
