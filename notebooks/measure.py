"""`notebooks/start --measure [N]`: how soon a fresh kernel draws, and how fast its cells train.

Targets: 12 s from `:dep` to the first chart, 1 s for a later one; training within 10 % of the same code in a release
program. Cell and program take turns, since machines are noisy.
"""
import csv
import re
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

from install import NOTEBOOKS, REPO, SetupError, say
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
READING = 20  # seconds in which a notebook is read before its first cell is run
READ = f"the same in a kernel that has been open for {READING} s"
TARGETS = {"from :dep to the first chart": 6, READ: 3, "a later chart": 0.35}

# The search of examples/quickstart.rs, and its seconds of training.
PROGRAM = ["cargo", "run", "--quiet", "--release", "--example", "quickstart", "--"]
OPTIONS = ["--trials", "8", "--jobs", "1", "--seed", "3", "--epochs", "8"]
SETUP = """\
let wide = Space::on(&data)
    .then(conv(any([16, 32]), 3))
    .then(repeat(1..=3, one_of([conv(32, any([3, 5])).residual(), sep_conv(32, 3), max_pool(2)])))
    .then(global_avg_pool());
let plan = Study::new(&wide, Train::on(&data).epochs(8))
    .strategy(Evolution::regularized()).trials(8).jobs(1).seed(3).quiet();"""
SAME = 'println!("{}", plan.run()?.trials_done().iter().filter(|t| t.reused_from().is_none()).map(|t| t.seconds_spent()).sum::<f64>());'

# The networks of examples/throughput.rs, and its seconds.
THROUGHPUT = ["cargo", "run", "--quiet", "--release", "--example", "throughput", "--"]
CODES = ["|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|avg_pool_3x3~0|none~1|nor_conv_3x3~2|",
         "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_3x3~0|nor_conv_3x3~1|skip_connect~2|"]
NETWORKS = """\
let (validation, train): (Vec<u32>, Vec<u32>) = (0..1797).partition(|i| i % 5 == 4);
let split = Dataset::digits().with_splits(train, validation, vec![])?;
let sgd = Optimizer::sgd(0.9).nesterov().learning_rate(0.1).weight_decay(5e-4);
let training = Train::on(&split).epochs(3).batch_size(64).optimizer(sgd);
let networks: Vec<Architecture> =
    CODES.iter().map(|n| network(&split, n)?.default_architecture()).collect::<Result<_>>()?;"""
TRAINED = """\
let begun = std::time::Instant::now();
for (i, arch) in networks.iter().enumerate() {
    training.evaluate(arch, &Budget::new(3, 3, i as u64))?;
}
println!("{}", begun.elapsed().as_secs_f64());"""


def good(kernel, code, chart=False):
    out = kernel.run(code)
    if out.error or chart and not out.svg:
        raise SetupError(f'"{code}" failed: {out.error or "no chart"}')
    return out


def program_seconds(folder):
    file = Path(folder) / "trials.csv"
    subprocess.run([*PROGRAM, *OPTIONS, "--csv", str(file)], cwd=REPO, check=True, stdout=subprocess.DEVNULL)
    with open(file, newline="") as rows:
        return sum(float(row["seconds"]) for row in csv.DictReader(rows) if not row["reused_from"])


def network_seconds(folder):
    archs = Path(folder) / "archs.txt"
    archs.write_text("\n".join(CODES))
    out = subprocess.run([*THROUGHPUT, "--archs", str(archs), "--epochs", "3", "--jobs", "1"], cwd=REPO, check=True,
                         stdout=subprocess.PIPE, text=True).stdout
    return float(re.search(r": ([\d.]+) s, ", out.splitlines()[-1])[1])


def ratio(name, cells, programs):
    # The first of each warms up.
    cell, program = median(cells[1:]), median(programs[1:])
    ratios = sorted(c / p for c, p in zip(cells[1:], programs[1:]))
    print(f"{name:30} {cell:6.2f} s   the same in a release program {program:.2f} s: ratio "
          f"{median(ratios):.2f}, {ratios[0]:.2f} to {ratios[-1]:.2f}  (target 1.10)", flush=True)


def main(repeats):
    """Prints the median and the range of each step."""
    times = {}
    for _ in range(repeats):
        with Kernel(NOTEBOOKS) as kernel:
            times.setdefault("kernel start", []).append(kernel.seconds)
            total = 0
            for name, code in CELLS:
                out = good(kernel, code, "chart" in name)
                times.setdefault(name, []).append(out.seconds)
                total += out.seconds
                if name == "run and first chart":
                    times.setdefault("from :dep to the first chart", []).append(total)
        with Kernel(NOTEBOOKS) as kernel:
            time.sleep(READING)
            times.setdefault(READ, []).append(sum(good(kernel, code, "chart" in name).seconds for name, code in CELLS[:3]))
    for name, seconds in times.items():
        target = f"  (target {TARGETS[name]} s)" if name in TARGETS else ""
        print(f"{name:48} {median(seconds):6.2f} s   {min(seconds):.2f} to {max(seconds):.2f}{target}", flush=True)

    say("building the release program")
    cells, programs = [], []
    with tempfile.TemporaryDirectory() as folder, Kernel(NOTEBOOKS) as kernel:
        for _, code in CELLS[:2]:
            good(kernel, code)
        good(kernel, SETUP)
        for _ in range(repeats + 1):
            programs.append(program_seconds(folder))
            cells.append(float(good(kernel, SAME).text))
    ratio("training in a cell", cells, programs)

    cells, programs = [], []
    source = (REPO / "examples" / "throughput.rs").read_text()
    with tempfile.TemporaryDirectory() as folder, Kernel(NOTEBOOKS) as kernel:
        good(kernel, CELLS[0][1])
        good(kernel, source[source.index("/// The benchmark's network for small images"):])
        codes = ", ".join(f'"{code}"' for code in CODES)
        good(kernel, NETWORKS.replace("CODES.iter()", f"[{codes}].into_iter()"))
        for _ in range(repeats + 1):
            programs.append(network_seconds(folder))
            cells.append(float(good(kernel, TRAINED).text))
    ratio("NAS-Bench-201 networks", cells, programs)
