"""`notebooks/start`: sets up, then opens JupyterLab, runs notebooks, or measures."""
import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import install
from install import HOME, JUPYTER, NOTEBOOKS, SPECS, SetupError, lock, say

HELP = """\
Opens the nascent notebooks in JupyterLab. The first run installs a pinned JupyterLab and Rust kernel
and compiles all crates: about 15 minutes on 2 cores, 0.8 GB (1.5 GB meanwhile). Later runs start in seconds.
Needs Rust, Python 3.10 or newer with venv, and a C compiler."""
EPILOG = f"""\
All is kept in {HOME}
(set NASCENT_HOME to choose another place); delete it to start over. An open notebook
takes about 60 MB more there, freed when its kernel ends."""


def arguments():
    parser = argparse.ArgumentParser(prog="notebooks/start", description=HELP, epilog=EPILOG,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebook", nargs="?", type=Path, help="what to open (default: quickstart.ipynb)")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--run", nargs="+", type=Path, metavar="FILE",
                      help="run notebooks without a browser; fail if a cell fails, naming it")
    mode.add_argument("--setup", action="store_true", help="set up, then stop")
    mode.add_argument("--measure", nargs="?", type=int, const=3, metavar="N",
                      help="print how fast a fresh kernel gets to charts: median of N (3)")
    mode.add_argument("--python", nargs=argparse.REMAINDER, metavar="FILE",
                      help="run a Python program that uses kernel.py, with its arguments")
    parser.add_argument("--out", type=Path, metavar="DIR", help="with --run: where executed .ipynb and .html go")
    parser.add_argument("--in-place", action="store_true",
                        help="with --run: write the outputs into the notebooks themselves, if all is well")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="with --run: notebooks side by side (1)")
    parser.add_argument("--timeout", type=float, default=300, metavar="S", help="with --run: seconds per cell (300)")
    parser.add_argument("--port", type=int, help="JupyterLab's port")
    parser.add_argument("--ip", help="the address on which JupyterLab listens, as in a container (default: this machine only)")
    parser.add_argument("--no-browser", action="store_true", help="only print JupyterLab's address")
    return parser.parse_args()


# Their outputs came with this clone. Of other notebooks in the folder we know nothing.
SHIPPED = ("quickstart", "your_data", "training", "spaces", "strategies", "compare", "resume", "cheaper", "zero_cost", "morphism",
           "one_shot", "darts", "recurrent")


def sign(files):
    """Tells Jupyter to trust these notebooks: their outputs are then shown as they were saved."""
    import nbformat
    from nbformat.sign import NotebookNotary
    notary = NotebookNotary()
    for file in files:
        try:
            notary.sign(nbformat.read(file, as_version=4))
        except (OSError, ValueError):
            pass  # it was deleted, or is being edited; it opens like any other
    notary.store.close()


def lab(args):
    notebook = (args.notebook or NOTEBOOKS / "quickstart.ipynb").resolve()
    if not notebook.exists():
        raise SetupError(f"there is no {notebook}")
    sign(NOTEBOOKS / f"{name}.ipynb" for name in SHIPPED)
    command = [
        sys.executable, "-m", "jupyterlab", str(notebook),
        f"--ServerApp.root_dir={notebook.parent}",
        # A reader looks for notebooks, not for the machinery beside them.
        "--ContentsManager.hide_globs=" + repr(["*.py", "__pycache__", "evcxr", "shims", "start", "requirements.txt"]),
        "--KernelSpecManager.allowed_kernelspecs=nascent",
        "--MappingKernelManager.default_kernel_name=nascent",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    if args.port:
        command.append(f"--port={args.port}")
    if args.ip:
        command.append(f"--ServerApp.ip={args.ip}")
    if args.no_browser:
        command.append("--no-browser")
    if os.geteuid() == 0:
        command.append("--allow-root")
    os.execv(sys.executable, command)


def main():
    args = arguments()
    python = install.venv_python()
    if Path(sys.prefix) != python.parent.parent:
        # The system's Python installs; the rest runs in the venv.
        install.check_tools()
        with lock("setup", home=HOME):
            install.install_all()
        os.execv(python, [str(python), __file__, *sys.argv[1:]])

    # The user's own Jupyter settings and kernels stay out of this, and this out of theirs.
    os.environ["JUPYTER_PATH"] = str(SPECS)
    for kind in "config", "data", "runtime":
        os.environ[f"JUPYTER_{kind.upper()}_DIR"] = str(JUPYTER / kind)
    import warm
    warm.refresh()
    if args.setup:
        say(f"ready in {HOME}")
    elif args.python:
        return subprocess.run([sys.executable, *args.python],
                              env=dict(os.environ, PYTHONPATH=str(NOTEBOOKS))).returncode
    elif args.run:
        import run
        out = None if args.in_place else args.out or Path(tempfile.mkdtemp(prefix="nascent-"))
        return run.run_all(args.run, out, args.timeout, max(args.jobs, 1))
    elif args.measure:
        import measure
        measure.main(args.measure)
    else:
        lab(args)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SetupError as error:
        sys.exit(f"notebooks/start: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
