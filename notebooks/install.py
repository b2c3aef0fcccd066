"""Where everything is, and the two installs: the Python venv and the kernel. Standard library only.

Everything is in one folder, shared by all clones, safe to delete:
    venv-<key>/       JupyterLab and its friends, pinned by requirements.txt
    evcxr-<version>/  the Rust kernel, built by cargo
    warm/<key>/       a build folder with Candle and all other crates compiled, one per clone (warm.py)
    kernels/          a copy of it for each running kernel, gone when the kernel ends (launch.py)
    jupyter/          kernelspecs, one per clone; JupyterLab's settings
Where that folder belongs to somebody else, who has set it up for all (TEACHERS.md), the last two are in the
user's own cache, and so is a warm folder for a clone of their own.
"""
import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

NOTEBOOKS = Path(__file__).resolve().parent
REPO = NOTEBOOKS.parent
EVCXR_VERSION = "0.22.0"


def cache():
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "nascent"


HOME = Path(os.environ.get("NASCENT_HOME") or cache()).absolute()
OURS = not HOME.exists() or os.access(HOME, os.W_OK)  # otherwise it was set up by somebody else, for all
MINE = HOME if OURS else cache()
EVCXR = HOME / f"evcxr-{EVCXR_VERSION}"
JUPYTER = MINE / "jupyter"


def digest(*parts):
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:12]


# A kernelspec names this clone's launch.py, so every clone has its own.
SPECS = JUPYTER / f"clone-{digest(REPO)}"


# The kernel writes its own Cargo.toml and ignores ours: only these settings reach the build.
PROFILE = {
    "CARGO_PROFILE_DEV_OPT_LEVEL": "3",
    "CARGO_PROFILE_DEV_DEBUG_ASSERTIONS": "false",
    "CARGO_PROFILE_DEV_OVERFLOW_CHECKS": "false",
    # Cells compile just as fast without it, copies are smaller, and nascent itself is optimised as a whole.
    "CARGO_INCREMENTAL": "0",
}


class SetupError(Exception):
    """Something is missing; the text says what to do."""


@contextlib.contextmanager
def lock(name, shared=False, home=MINE):
    """Two starts at once: the second waits for the first, and says so."""
    home.mkdir(parents=True, exist_ok=True)
    path = home / f"{name}.lock"
    if home != MINE and not path.exists():
        yield  # there is nothing yet that could be at work there
        return
    # A folder that is somebody else's is locked as well: that takes no right to write.
    with open(path, "a" if home == MINE else "r") as file:
        mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(file, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another notebooks/start ({name})")
            fcntl.flock(file, mode)
        yield


def say(text):
    # In one piece: two steps of the set-up speak beside each other.
    print(f"notebooks/start: {text}\n", end="", file=sys.stderr, flush=True)


def output(*argv):
    return subprocess.run(argv, check=True, capture_output=True, text=True, cwd=REPO).stdout.strip()


def check_tools():
    """Fails with what is missing and what to install."""
    if not shutil.which("cargo") or not shutil.which("rustc"):
        raise SetupError("Rust is missing. Install it with rustup, or your system's rustc and cargo packages.")
    try:
        have = re.search(r"rustc (\d+)\.(\d+)", output("rustc", "--version"))
    except subprocess.CalledProcessError as error:
        raise SetupError(f"rustc does not run: {error.stderr.strip()}") from None
    need = re.search(r'rust-version = "(\d+)\.(\d+)', (REPO / "Cargo.toml").read_text())
    if tuple(map(int, have.groups())) < tuple(map(int, need.groups())):
        raise SetupError(f"{have[0]} is too old: nascent needs {need[1]}.{need[2]}. Try `rustup update`.")
    if not shutil.which("cc"):
        raise SetupError("a C compiler (cc) is missing; Rust links with it. Install gcc or clang "
                         "(Debian: build-essential; Fedora: gcc).")


def check_ours(what):
    if not OURS:
        raise SetupError(f"{HOME} has not got {what}, and only its owner can write there. Ask whoever set it up to run "
                         "notebooks/start --setup again, or set NASCENT_HOME to a folder of your own.")


def venv_python():
    # With another Python version, or other pins, it is another venv.
    key = digest((NOTEBOOKS / "requirements.txt").read_text(), sys.version_info[:2], sys.base_prefix)
    return HOME / f"venv-{key}" / "bin" / "python"


def install_venv():
    python = venv_python()
    folder = python.parent.parent
    done = folder / "complete"
    if done.exists() and python.exists():
        return
    check_ours("JupyterLab for this Python")
    say("step 1 of 3: installing JupyterLab (250 MB, about a minute, beside the next step)")
    shutil.rmtree(folder, ignore_errors=True)
    made = subprocess.run([sys.executable, "-m", "venv", folder], capture_output=True, text=True)
    if made.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        raise SetupError("Python cannot make a virtual environment. Install its venv package (Debian, Ubuntu: "
                         f"python3-venv).\n{made.stdout}{made.stderr}".rstrip())
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
           "-r", NOTEBOOKS / "requirements.txt"]
    if subprocess.run(pip).returncode:
        raise SetupError("pip could not install JupyterLab (see above). Is the network up? Run again to retry.")
    done.touch()


def install_evcxr():
    if (EVCXR / "bin" / "evcxr_jupyter").exists():
        return
    check_ours("the Rust kernel")
    say(f"step 2 of 3: building the Rust kernel, evcxr_jupyter {EVCXR_VERSION} (once, about 8 minutes on 2 cores)")
    # A target folder of its own: an interrupted build continues where it was.
    build = HOME / "evcxr-build"
    cargo = ["cargo", "install", "--locked", "--root", EVCXR, "--target-dir", build,
             "evcxr_jupyter", "--version", f"={EVCXR_VERSION}"]
    # Not in the repo: its Cargo configuration is not the kernel's.
    if subprocess.run(cargo, cwd=HOME).returncode:
        raise SetupError("cargo could not build evcxr_jupyter (see above). Run again to continue from there.")
    shutil.rmtree(build, ignore_errors=True)


def install_all():
    """Both beside each other: one waits for the network, the other computes."""
    def jupyter():
        try:
            install_venv()
        except SetupError as error:
            say(f"{error} The Rust kernel is being built meanwhile, and kept.")  # at once, not in ten minutes
            raise

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(jupyter)
        install_evcxr()
        other.result()


def toolchain_env():
    """Where Rust is, for a Jupyter that was not started by notebooks/start. Cargo's own folder is part of what it
    compiles, so everybody who uses a warm folder has to use the same one."""
    cargo = Path(shutil.which("cargo") or "cargo").parent
    env = {"PATH": os.pathsep.join([str(cargo), "${PATH}"])} if cargo.is_absolute() else {}
    for name, usual in (("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")):
        folder = Path(os.environ.get(name) or Path.home() / usual)
        if folder.is_dir():
            env[name] = str(folder)
    return env


def write_kernelspec(warm):
    """`Rust (nascent)`: launch.py with the environment the kernel needs."""
    libdir = output("rustc", "--print", "target-libdir")
    spec = {
        "display_name": "Rust (nascent)",
        "language": "rust",
        # The front kernel asks what runs to stop, see front.py.
        "interrupt_mode": "signal",
        "argv": [str(venv_python()), str(NOTEBOOKS / "launch.py"), "{connection_file}"],
        "env": {
            **toolchain_env(),
            "NASCENT_HOME": str(HOME),
            "NASCENT_WARM": str(warm),
            "EVCXR_CONFIG_DIR": str(NOTEBOOKS / "evcxr"),
            # evcxr 0.22 finds no libstd when build folder and toolchain share a path prefix ($HOME).
            "LD_LIBRARY_PATH": os.pathsep.join(filter(None, [libdir, os.environ.get("LD_LIBRARY_PATH")])),
            # evcxr rewrites a kernel it finds at kernels/rust, the user's own perhaps: show it none.
            "JUPYTER_PATH": str(SPECS),
            **PROFILE,
        },
    }
    folder = SPECS / "kernels" / "nascent"
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f"kernel.json.{os.getpid()}"
    fresh.write_text(json.dumps(spec, indent=1))
    fresh.replace(folder / "kernel.json")
