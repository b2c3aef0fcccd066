"""Runs notebooks without a browser and judges them by what their cells show.

The kernel's own status is no judge: a cell ends `ok` after a panic and after a `?` error. A cell fails if
- anything is an error: a compile error, a panic, a `?` error, a lost variable, a warning, any word on stderr;
- its last line is an expression (no semicolon) and nothing is shown or printed;
- it shows the Debug text of a type that the notebook does not define, where a picture was expected;
- it takes too long, or the kernel dies.
A cell tagged `raises-exception` (Jupyter's own tag) or `expect-error` must fail with an error, and only so.
The first failing cell ends its notebook, since later cells would only fail for want of its variables.
"""
import re
import sys
from concurrent.futures import ThreadPoolExecutor

import nbformat
from nbconvert import HTMLExporter

from kernel import Kernel

KERNELSPEC = {"display_name": "Rust (nascent)", "language": "rust", "name": "nascent"}
LANGUAGE = {"name": "rust", "file_extension": ".rs", "mimetype": "text/rust", "pygments_lexer": "rust"}
ERROR_TAGS = {"raises-exception", "expect-error"}
# A raw string, a string, a character, a comment: what may hold a `//`, and what is one.
TOKENS = re.compile(r"""r(#*)".*?"\1|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])'|(?P<comment>//[^\n]*|/\*.*?\*/)""", re.S)
# The Debug text of a struct, alone or in a list, a tuple, an Option or a Result.
DEBUG = re.compile(r"(?:\[|\(|Ok\(|Some\(|\s)*([A-Z]\w*) \{")


def bare(source):
    """The source without comments."""
    return TOKENS.sub(lambda m: "" if m["comment"] else m[0], source).strip()


def should_show(source):
    """Whether the last line is an expression. One that ends in `}` may be anything, and passes."""
    last = bare(source).splitlines()[-1:]
    return bool(last) and not last[0].strip().startswith(":") and not last[0].endswith((";", "}"))


def complaint(source, tags, out, defined=()):
    """Why a cell fails, or None. `defined`: names of the types that cells so far have defined."""
    if out.broken:
        return out.broken
    if ERROR_TAGS & set(tags):
        return None if out.error else "an error was expected, but there is none"
    if out.error:
        return out.error
    if "warning: " in out.notes:
        return out.notes
    shown = out.data.get("text/plain", "")
    if should_show(source) and (not out.data or shown == "()") and not out.text.strip():
        return "shows nothing, though its last line is an expression"
    if set(out.data) == {"text/plain"}:
        debug = DEBUG.match(shown)
        if debug and debug[1] not in defined:
            return f"shows Debug text instead of a picture: {shown[:120]}"
        if shown.startswith("Err("):
            return f"shows an error: {shown[:300]}"
    return None


def execute(notebook, folder, timeout):
    """Runs all cells and fills in their outputs. Returns what is wrong, or None."""
    cells = [c for c in notebook.cells if c.cell_type == "code"]
    for cell in cells:
        cell.outputs, cell.execution_count = [], None
    defined = set()
    number = 0
    with Kernel(folder) as kernel:
        for cell in cells:
            if not cell.source.strip():
                continue
            number += 1
            defined.update(re.findall(r"\b(?:struct|enum)\s+(\w+)", bare(cell.source)))
            out = kernel.run(cell.source, timeout)
            # The kernel counts from 2. Counted from 1, a re-run in place changes what has changed.
            cell.execution_count = number
            cell.outputs = out.outputs
            for output in cell.outputs:
                if "execution_count" in output:
                    output.execution_count = number
            wrong = complaint(cell.source, cell.metadata.get("tags", ()), out, defined)
            if wrong:
                return f'cell {number} "{cell.source.strip().splitlines()[0]}": {wrong}'
    return None


def run_all(files, out, timeout, jobs=1):
    """Runs notebooks, so many side by side. Without `out`, writes good ones back in place."""
    notebooks = []
    for file in files:
        try:
            notebooks.append(nbformat.read(file, as_version=4))
        except (OSError, ValueError, nbformat.reader.NotJSONError) as error:
            print(f"cannot read {file}: {error}", file=sys.stderr)
            return 1
    if out and len({file.stem for file in files}) < len(files):
        print("two notebooks have the same name, so one would replace the other in the output folder", file=sys.stderr)
        return 1

    def one(file, notebook):
        print(f"{file}: running\n", end="", flush=True)  # whole lines, side by side
        wrong = execute(notebook, file.resolve().parent, timeout)
        notebook.metadata.update(kernelspec=KERNELSPEC, language_info=LANGUAGE)
        if out:
            save(notebook, file, out)
        elif not wrong:
            nbformat.write(notebook, file)
        print(f"{file}: {'FAILED in ' + wrong if wrong else 'ok'}\n", end="", flush=True)
        return bool(wrong)

    with ThreadPoolExecutor(jobs) as pool:
        failed = sum(pool.map(one, files, notebooks))
    if out:
        print(f"executed notebooks are in {out}")
    print(f"{len(files) - failed} passed, {failed} failed")
    return 1 if failed else 0


def save(notebook, file, out):
    """The executed notebook, and the same as a page to look at."""
    out.mkdir(parents=True, exist_ok=True)
    name = file.stem
    nbformat.write(notebook, out / f"{name}.ipynb")
    page, _ = HTMLExporter().from_notebook_node(notebook, resources={"metadata": {"name": name}})
    (out / f"{name}.html").write_text(page)
