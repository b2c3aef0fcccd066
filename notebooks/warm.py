"""The warm build folder: all crates compiled once, by the kernel itself, for every kernel to start from.

One for each clone, Rust version and Cargo.lock. (Not one for several clones: cargo gives the file of a crate that is
beside it no name of its own, so `libnascent.so` would be that of the clone compiled last, and all would use it.) Where
another clone has one, it begins as its copy, linked where possible, and nascent alone is compiled; so it is when a source file
is newer. Work goes on in a copy, which then takes the old one's place: running kernels have copies of their own and
notice nothing.
"""
import json
import os
import shutil

from cargo import COMPILED, KEPT, merge, read, write
from install import (EVCXR_VERSION, HOME, MINE, NOTEBOOKS, OURS, PROFILE, REPO, SetupError, digest, lock, output, say,
                     write_kernelspec)
from kernel import Kernel
from launch import copy, own

KEEP = 5  # this many warm folders of other clones, Rust versions and lock files are kept
RECORD = "nascent.json"  # written last: a folder without it is not finished


def toolchain():
    features = (NOTEBOOKS / "evcxr" / "features" / "Cargo.toml").read_text()
    return digest(output("rustc", "-vV"), EVCXR_VERSION, json.dumps(PROFILE), features)


def fingerprint():
    """Changes when nascent has to be compiled again."""
    files = [REPO / "Cargo.toml"] + sorted((REPO / "src").rglob("*"))
    # Whole seconds: an image of a container keeps no more.
    return digest(*((f, int(f.stat().st_mtime), f.stat().st_size) for f in files if f.is_file()))


def record(of):
    """Which nascent a finished warm folder holds: the clone's folder, and its fingerprint. Nothing when it is not
    finished."""
    try:
        return json.loads((of / RECORD).read_text())
    except FileNotFoundError:
        return {}


def folder(home=MINE):
    """The warm folder for this clone, this Rust and this Cargo.lock, whether it exists or not."""
    return home / "warm" / f"{toolchain()}-{digest((REPO / 'Cargo.lock').read_text())}-{digest(REPO)}"


def current(of):
    return record(of).get("seen") == fingerprint()


def refresh():
    """Makes the warm folder, or brings it up to date, and points the kernelspec at it. One that somebody else has
    set up for this clone is used as it is."""
    if not OURS and current(folder(HOME)):
        write_kernelspec(folder(HOME))
        return
    here = folder()
    write_kernelspec(here)
    with lock("warm"):
        if not current(here):
            build(here)
        os.utime(here)
        for old in others(here)[KEEP:]:
            with lock("warm-swap"):
                shutil.rmtree(old, ignore_errors=True)


def build(here):
    fresh = here.with_name(f"{here.name}.new")
    # With a new Cargo.lock, or in another clone, most crates are the same: start from the folder last used.
    before = [here] if record(here) else others(here)
    if not before and not OURS:
        before = others(folder(HOME))
    before = [old for old in before if old.name.startswith(f"{toolchain()}-")]
    if before:
        say("compiling nascent for the kernel")
        shutil.rmtree(fresh, ignore_errors=True)
        of_another = before[0] != here
        copy(before[0], fresh, skip=lambda name: name == RECORD or of_another and own(name) and name not in (KEPT, COMPILED))
    else:
        say("step 3 of 3: compiling Candle, plotters and nascent for the kernel (once, about 5 minutes on 2 cores)")
        fresh.mkdir(parents=True, exist_ok=True)  # one that was interrupted continues
    # See cargo.py. In a folder that was used before, what the crate's own lock does not name stays.
    write(fresh / KEPT, merge(read(fresh / KEPT), read(REPO / "Cargo.lock"), replace=True))
    seen = fingerprint()
    compile_in(fresh)
    # The kernel's own crate is named for its folder; in a copy, it would never be used again.
    for pattern in "target/**/ctx-*", "target/**/libctx*", "target/**/libcode_*":
        for path in list(fresh.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    (fresh / RECORD).write_text(json.dumps({"clone": str(REPO), "seen": seen}, indent=1))
    with lock("warm-swap"):
        shutil.rmtree(here, ignore_errors=True)
        fresh.rename(here)


def compile_in(fresh):
    """Runs a kernel in the folder itself; what it compiles stays."""
    # The start compiles too: evcxr/features is part of the first cell, which evcxr runs by itself.
    with Kernel(REPO, timeout=7200, in_place=fresh) as kernel:
        out = kernel.run(f":dep nascent = {{ path = {json.dumps(str(REPO))} }}\n()", timeout=7200)
    if out.error:
        raise SetupError(f"nascent does not compile in the kernel (try `cargo build`):\n{out.error}")


def others(here):
    """Other finished warm folders, last used first."""
    found = [old for old in here.parent.glob("*") if old != here and record(old)]
    return sorted(found, key=lambda old: old.stat().st_mtime, reverse=True)
