"""What the moving pictures of a search cost: `notebooks/start --python tests/live_cost.py`, on a machine that does nothing else.

Two searches run in the kernel: one of real trainings, and one whose trials take a microsecond, which is the worst case. The CPU
seconds of the thread that draws, as Linux counts them, are set beside those of its process. Not part of tests/run: it measures.
"""
import glob
import sys
import threading
import time
from pathlib import Path

from kernel import Kernel

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
START = ':dep nascent = { path = ".." }\nuse nascent::prelude::*;'
RUN = 'let study = plan.run()?;\nprintln!("{} trials", study.trials_done().len());'
MOST = 1.0  # percent
SEARCHES = {
    "digits, real trainings": """\
let data = Dataset::digits();
let space = Space::on(&data)
    .then(conv(any([8, 16, 32]), 3))
    .then(repeat(1..=3, conv(any([16, 32]), 3)))
    .then(global_avg_pool());
let plan = Study::new(&space, Train::on(&data).epochs(6)).strategy(Evolution::regularized()).seconds(40.0).seed(1);""",
    "a table, a trial in microseconds": """\
let table = NasBench201::cifar10();
let plan = Study::new(&table.space(), &table)
    .strategy(Evolution::regularized())
    .seconds(20.0)
    .duplicates(Duplicates::Repeat);""",
}


def cpu(stat):
    """User and system time in a line of /proc, in seconds."""
    fields = Path(stat).read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


class Watch(threading.Thread):
    """Looks twice a second at the thread that draws, and at its process."""

    def __init__(self):
        super().__init__()
        self.first, self.last, self.ended = {}, {}, threading.Event()

    def run(self):
        while not self.ended.wait(0.5):
            for name in glob.glob("/proc/[0-9]*/task/[0-9]*/comm"):
                try:
                    if Path(name).read_text().strip() == "live":
                        process = "/".join(name.split("/")[:3])
                        seen = (cpu(name.replace("comm", "stat")), cpu(f"{process}/stat"), time.monotonic())
                        self.first.setdefault(name, seen)
                        self.last[name] = seen
                except OSError:
                    pass  # It has ended meanwhile.

    def shares(self):
        """Seconds of drawing, of the process, and of the clock."""
        longest = max(self.first, key=lambda name: self.last[name][2] - self.first[name][2])
        return [b - a for a, b in zip(self.first[longest], self.last[longest])]


def main():
    dear = []
    with Kernel(NOTEBOOKS) as kernel:
        for name, plan in SEARCHES.items():
            for code in START, plan:
                out = kernel.run(code)
                assert not out.error, out.error
            watch = Watch()
            watch.start()
            out = kernel.run(RUN, timeout=300)
            watch.ended.set()
            watch.join()
            assert not out.error, out.error
            drawn, all_of_it, seconds = watch.shares()
            share = 100 * drawn / all_of_it
            print(f"{name}: {out.text.strip()}; in {seconds:.0f} s pictures took {drawn:.2f} of {all_of_it:.1f} s of the "
                  f"CPU, {share:.2f} %", flush=True)
            if share > MOST:
                dear.append(name)
    sys.exit(f"more than {MOST} %: {', '.join(dear)}" if dear else 0)


if __name__ == "__main__":
    main()
