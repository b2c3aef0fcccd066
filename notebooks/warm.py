"""The warm build folder: all crates compiled once, by the kernel itself, for every kernel to start from.

One for each Rust version and Cargo.lock. It holds nascent too, compiled for each clone that asked; when
a source file of nascent is newer, nascent alone is compiled again. Work goes on in a copy, which then
takes the old one's place: running kernels have copies of their own and notice nothing.
"""
import json
import os
import shutil

from install import EVCXR_VERSION, HOME, PROFILE, REPO, SetupError, digest, lock, output, say, write_kernelspec
from launch import copy, own

CLONES = 4  # nascent compiled for more clones than this: start over with nascent, not with the rest
KEEP = 2  # warm folders of other Rust versions or lock files, most recent first


def toolchain():
    return digest(output("rustc", "-vV"), EVCXR_VERSION, json.dumps(PROFILE))


def fingerprint():
    """Changes when nascent has to be compiled again."""
    files = [REPO / "Cargo.toml"] + [f for d in ("src", "data") for f in sorted((REPO / d).rglob("*"))]
    return digest(*((f, f.stat().st_mtime_ns, f.stat().st_size) for f in files if f.is_file()))


def record(folder):
    try:
        return json.loads((folder / "nascent.json").read_text())
    except (OSError, ValueError):
        return None


def refresh():
    """Makes the warm folder, or brings it up to date, and points the kernelspec at it."""
    tools = toolchain()
    lockfile = (REPO / "Cargo.lock").read_text()
    folder = HOME / "warm" / f"{tools}-{digest(lockfile)}"
    with lock("warm"):
        clones = (record(folder) or {"clones": {}})["clones"]
        if clones.get(str(REPO)) != fingerprint():
            build(folder, tools, lockfile, clones)
        os.utime(folder)
        prune(folder)
        write_kernelspec(folder)


def build(folder, tools, lockfile, clones):
    say("compiling nascent for the kernel" if clones else
        "compiling Candle, plotters and nascent for the kernel (once, about 5 minutes on 2 cores)")
    fresh = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    # With a new Cargo.lock, most crates are still the old ones: start from the latest folder.
    old = [folder] if clones else others(folder, tools)
    keep = len(clones) < CLONES or str(REPO) in clones
    if old:
        copy(old[0], fresh, lambda name: own(name) and not (clones and keep))
    else:
        fresh.mkdir(parents=True)
    (fresh / "nascent.lock").write_text(lockfile)  # see evcxr/prelude.rs
    write_kernelspec(fresh)
    seen = fingerprint()
    compile_in(fresh)
    for path in [*fresh.glob("target/**/*ctx*"), *fresh.glob("target/**/libcode_*"), fresh / "src"]:
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    clones = {**(clones if keep else {}), str(REPO): seen}
    (fresh / "nascent.json").write_text(json.dumps({"toolchain": tools, "clones": clones}, indent=1))
    with lock("warm-swap"):
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)


def compile_in(folder):
    """Runs a kernel in the folder itself; what it compiles stays."""
    from kernel import Kernel
    with Kernel(REPO, in_place=folder) as kernel:
        out = kernel.run(f":dep nascent = {{ path = {json.dumps(str(REPO))} }}\n()", timeout=7200)
    if out.error:
        raise SetupError(f"nascent does not compile in the kernel:\n{out.error}")


def others(folder, tools):
    """Finished warm folders of the same toolchain, latest first."""
    found = [f for f in (HOME / "warm").glob("*") if f != folder and (record(f) or {}).get("toolchain") == tools]
    return sorted(found, key=lambda f: f.stat().st_mtime, reverse=True)


def prune(folder):
    """Deletes warm folders long unused."""
    found = [f for f in (HOME / "warm").glob("*") if f != folder]
    for old in sorted(found, key=lambda f: f.stat().st_mtime, reverse=True)[KEEP:]:
        with lock("warm-swap"):
            shutil.rmtree(old, ignore_errors=True)
