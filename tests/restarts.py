"""*Restart kernel* again and again: `notebooks/start --python tests/restarts.py [N]`, 5 times unless told.

After each restart the kernel must be ready, load nascent without compiling anything, and draw a chart. Restarts at once, while
what is loaded ahead still runs, take turns with restarts of a kernel that has been used.
"""
import sys
import time
from pathlib import Path

from kernel import Kernel

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
START = ':dep nascent = { path = ".." }\nuse nascent::prelude::*;'
CHART = "Space::on(&Dataset::digits()).then(conv(any([4, 8]), 3)).drawing()"


def used(kernel):
    for code in START, CHART:
        out = kernel.run(code)
        assert not out.error, out.error
    assert out.svg, "there is no chart"
    assert not kernel.compiled(), f"compiled again: {kernel.compiled()}"


def main():
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    seconds = []
    with Kernel(NOTEBOOKS) as kernel:
        used(kernel)
        for n in range(times):
            begun = time.monotonic()
            kernel.manager.restart_kernel(now=False)
            kernel.client.wait_for_ready(timeout=60)
            seconds.append(time.monotonic() - begun)
            if n % 2 or n == times - 1:
                used(kernel)
    seconds.sort()
    print(f"ok      {times} restarts, ready after {seconds[0]:.1f} to {seconds[-1]:.1f} s, median {seconds[len(seconds) // 2]:.1f}")


if __name__ == "__main__":
    main()
