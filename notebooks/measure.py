"""`notebooks/start --measure [N]`: how soon a fresh kernel draws. Targets: 12 s to the first chart, then 1 s a chart."""
from statistics import median

from install import NOTEBOOKS, SetupError
from kernel import Kernel

CELLS = [
    ("dep and use", ':dep nascent = { path = ".." }\nuse nascent::prelude::*;'),
    ("first let", """\
let data = Dataset::digits();
let space = Space::on(&data).then(conv(16, 3)).then(global_avg_pool());"""),
    ("run and first chart", """\
let study = Study::new(&space, Train::on(&data).epochs(1)).trials(4).seed(1).run()?;
study"""),
    ("a later chart", "study"),
]
TARGETS = {"from :dep to the first chart": 12, "a later chart": 1}


def main(repeats):
    """Prints the median and the range of each step."""
    times = {}
    for _ in range(repeats):
        with Kernel(NOTEBOOKS) as kernel:
            times.setdefault("kernel start", []).append(kernel.seconds)
            total = 0
            for name, code in CELLS:
                out = kernel.run(code)
                if out.error or "chart" in name and not out.svg:
                    raise SetupError(f'"{code}" failed: {out.error or "no chart"}')
                times.setdefault(name, []).append(out.seconds)
                total += out.seconds
                if name == "run and first chart":
                    times.setdefault("from :dep to the first chart", []).append(total)
    for name, seconds in times.items():
        target = f"  (target {TARGETS[name]} s)" if name in TARGETS else ""
        print(f"{name:30} {median(seconds):6.2f} s   {min(seconds):.2f} to {max(seconds):.2f}{target}")
