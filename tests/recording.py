"""A search that is watched, in the real JupyterLab and the real kernel: `notebooks/start --python tests/recording.py [FOLDER]`.

In headless Chromium the cells of a notebook are run as a person would. While the search runs, its picture must change in its
place; ■ must end the search, with its report there; and the next cell must have its best. With FOLDER, what was to be seen
goes there as pictures, the end in the dark theme as well. Without Chromium nothing is tested, and that is said.
"""
import base64
import json
import re
import shutil
import sys
import time
from pathlib import Path

import pictures
from install import REPO

CELLS = [
    f":dep nascent = {{ path = {json.dumps(str(REPO))} }}\nuse nascent::prelude::*;",
    """\
let data = Dataset::digits();
let space = Space::on(&data).then(conv(any([16, 32]), 3)).then(repeat(1..=3, conv(any([16, 32]), 3))).then(global_avg_pool());
let plan = Study::new(&space, Train::on(&data).epochs(4)).strategy(Evolution::regularized()).trials(2000).seed(1);""",
    "let study = plan.run()?;\nstudy",
    "study.best()",
]
SEARCH, BEST = 2, 3
DONE = re.compile(r"(\d+) of 2000 trials")
DRAWN = re.compile(r"<desc>[^<]*?(\d+) trials?, best")


class Page:
    def __init__(self, browser, folder):
        self.browser, self.folder, self.taken = browser, folder, 0

    def command(self, name, **arguments):
        self.browser.ask(f"window.jupyterapp.commands.execute({name!r}, {json.dumps(arguments)}); 1")

    def states(self):
        return self.browser.ask("""(async () => {
            const kernels = window.jupyterapp.serviceManager.kernels;
            await kernels.refreshRunning();
            return [...kernels.running()].map(kernel => kernel.execution_state);
        })()""")

    def output(self, cell):
        """The text of a cell's outputs, and the addresses of its pictures."""
        return self.browser.ask(f"""(() => {{
            const cell = document.querySelectorAll('.jp-CodeCell')[{cell}];
            const outputs = cell ? [...cell.querySelectorAll('.jp-OutputArea-output')] : [];
            return {{ text: outputs.map(o => o.innerText.trim()).join('\\n'), displays: outputs.length,
                     pictures: outputs.flatMap(o => [...o.querySelectorAll('img')]).map(p => p.src) }};
        }})()""")

    def shot(self, name):
        if self.folder:
            self.browser.ask(f"""document.querySelectorAll('.jp-CodeCell')[{SEARCH}]?.scrollIntoView(); 1""")
            time.sleep(0.5)
            data = self.browser.call("Page.captureScreenshot", format="png")["data"]
            self.taken += 1
            (self.folder / f"{self.taken}-{name}.png").write_bytes(base64.b64decode(data))


def watch(page):
    ask = page.browser.ask
    pictures.wait(lambda: ask("!!(window.jupyterapp && document.querySelector('.jp-Cell .cm-content'))"), "the notebook")
    ask("document.querySelector('.jp-Cell .cm-content').focus(); 1")
    pictures.wait(lambda: page.states() == ["idle"], "the kernel")
    page.command("notebook:run-all-cells")

    def done(shown):
        found = DONE.search(shown["text"])
        return int(found[1]) if found else 0

    pictures.wait(lambda: done(page.output(SEARCH)) > 0, "the first trials", 240)
    seen, curves = [], []
    end = time.monotonic() + 60
    while len(seen) < 4:
        assert time.monotonic() < end, f"the picture does not change: {seen}"
        shown = page.output(SEARCH)
        now = done(shown)
        if now and now not in seen:
            assert shown["displays"] == 1, "the picture changes in its place"
            seen.append(now)
            curves.append(shown["pictures"][0])
            page.shot(f"while-it-runs-{now}")
        time.sleep(0.3)
    assert seen == sorted(seen) and len(set(curves)) == len(curves), seen
    # What each picture says of itself.
    drawn = [int(DRAWN.search(base64.b64decode(c.split(",", 1)[1]).decode())[1]) for c in curves]
    assert drawn == sorted(set(drawn)), f"the curve does not grow: {drawn} trials"

    page.command("notebook:interrupt-kernel")
    best = pictures.wait(lambda: page.output(BEST)["text"], "the cell after ■")
    assert re.match(r"trial \d+", best), best
    report = page.output(SEARCH)
    assert "asked" in report["text"] and "interrupted" in report["text"].lower(), report["text"][:600]
    assert len(report["pictures"]) >= 4, "the report stands there"
    page.shot("after-the-stop-button")
    page.command("apputils:change-theme", theme="JupyterLab Dark")
    time.sleep(3)
    page.shot("dark")
    print(f"ok      a search in JupyterLab: {seen} trials, {drawn} of them in the curve, ■, then {best.splitlines()[0][:60]}", flush=True)


def main():
    program = next(filter(None, map(shutil.which, pictures.BROWSERS)), None)
    if not program:
        print("SKIPPED: there is no Chromium (apt-get install chromium)")
        return
    pictures.no_longer_than(15)
    shots = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    if shots:
        shots.mkdir(parents=True, exist_ok=True)
    with pictures.opened(program, CELLS, "search") as browser:
        watch(Page(browser, shots))


if __name__ == "__main__":
    main()
