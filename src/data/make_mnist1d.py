"""Makes mnist1d.bin: the MNIST-1D set, generated once by its authors' package.

    pip install mnist1d==0.0.2.post1 numpy==2.4.6 scipy==1.17.1
    python make_mnist1d.py

MNIST-1D: Sam Greydanus and Dmitry Kobak, arXiv 2011.14439; the package is by Sam Greydanus and
others, Apache-2.0 (LICENSE-APACHE beside Cargo.toml holds the licence's text).

The file holds 81 bytes per sample, the 4,000 of the package's train split before the 1,000 of its
test split: 40 numbers as little-endian 16-bit integers, to be divided by 4096, then the class.
"""

import numpy as np
from mnist1d.data import get_dataset_args, make_dataset

# The package's defaults, written out so that another version of it makes the same set.
args = get_dataset_args()
vars(args).update(
    num_samples=5000,
    train_split=0.8,
    template_len=12,
    padding=[36, 60],
    scale_coeff=0.4,
    max_translation=48,
    corr_noise_scale=0.25,
    iid_noise_scale=2e-2,
    shear_scale=0.75,
    shuffle_seq=False,
    final_seq_length=40,
    seed=42,
)
data = make_dataset(args)
x = np.concatenate([data["x"], data["x_test"]])
y = np.concatenate([data["y"], data["y_test"]])
whole = np.rint(x * 4096)
assert np.abs(whole).max() < 32768, np.abs(x).max()
with open("mnist1d.bin", "wb") as out:
    for row, label in zip(whole.astype("<i2"), y.astype("u1")):
        out.write(row.tobytes() + label.tobytes())

# What the tests compare with.
print("range", x.min(), x.max(), "largest error", np.abs(whole / 4096 - x).max())
print("first", repr(data["x"][0, :4]), "class", data["y"][0])
print("last", repr(data["x_test"][-1, -4:]), "class", data["y_test"][-1])
print("sum", x.sum(), "sum of squares", (x**2).sum())
