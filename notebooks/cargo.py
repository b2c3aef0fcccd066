"""Cargo as the kernel sees it: `shims/cargo` comes first on the kernel's PATH, and runs this.

evcxr runs cargo for every cell and every `:dep`, each time with another manifest, and cargo drops from
Cargo.lock what that manifest does not need. The next `:dep` would resolve those crates anew, to newer
versions, and compile Candle again: minutes, without a word. So around each run of the real cargo
- Cargo.lock holds every version that was compiled so far, beginning with those of the warm folder;
- the cell's crate depends on evcxr/features, so that the features of shared crates stay what they are;
- what has to be compiled is said in the cell at once, with how long, and how far it is;
- the compiler's warnings about the cell's own lines are shown. evcxr shows none if a cell compiles, and
  takes them for errors if it does not.

Standard library only, and little of it: each cell waits for this to start.
"""
import os
import select
import sys
import time

KEPT = "nascent.lock"  # every version compiled so far, in the format of Cargo.lock
COMPILED = "nascent.compiled"  # name, version and seconds of every crate compiled so far, one line each
FEATURES = "nascent-kernel"
CELL = "ctx"  # evcxr's name for the crate of a cell
OURS = {CELL, FEATURES, "evcxr_dummy_validate_dep"}  # compiled in no time
SAYS = "kernel: "  # every line that this writes into a cell begins like this
EVERY = 10  # seconds between lines about progress


# --- Cargo.lock -------------------------------------------------------------------------------------

def parse(text):
    """The packages of a lock file. Dependencies get their versions, which cargo leaves out where only
    one is known: after merging there may be two."""
    packages = []
    for block in text.split("[[package]]\n")[1:]:
        package = {"deps": []}
        for line in block.splitlines():
            if line.startswith("["):
                break
            name, equals, value = line.partition(" = ")
            if line.startswith(' "'):
                package["deps"].append(line.strip(' ",'))
            elif equals and value.startswith('"'):
                package[name] = value.strip('"')
        packages.append(package)
    versions = {}
    for package in packages:
        versions.setdefault(package["name"], []).append(package["version"])
    for package in packages:
        package["deps"] = [f"{dep} {versions[dep][0]}" if len(versions.get(dep, ())) == 1 else dep
                           for dep in package["deps"]]
    return packages


def key(package):
    """Packages of one key replace each other: cargo uses one version of those that are compatible."""
    version = package["version"]
    parts = version.split("+")[0].split(".")
    if "-" in version:
        compatible = version
    elif parts[0] != "0":
        compatible = parts[0]
    else:
        compatible = ".".join(parts[:2]) if parts[1] != "0" else version
    source = package.get("source")
    return package["name"], compatible if source else "", (source or "").partition("#")[0]


def merge(kept, new, replace):
    """Both lock files in one. `replace`: whose version counts where both have one."""
    packages = {key(p): p for p in parse(kept)}
    for package in parse(new):
        if package["name"] != "evcxr_dummy_validate_dep" and (replace or key(package) not in packages):
            packages[key(package)] = package
    return render(packages.values())


def render(packages):
    lines = ["version = 4"]
    for package in sorted(packages, key=lambda p: (p["name"], p["version"], p.get("source", ""))):
        lines += ["", "[[package]]"]
        lines += [f'{name} = "{package[name]}"' for name in ("name", "version", "source", "checksum") if name in package]
        if package["deps"]:
            lines += ["dependencies = [", *(f' "{dep}",' for dep in package["deps"]), "]"]
    return "\n".join(lines) + "\n"


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def write(path, text):
    """Replaces a file in one step: a kernel may be killed at any time."""
    if read(path) != text:
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(f"{path}.new", path)


# --- what a cell is told ----------------------------------------------------------------------------

def cell_stderr():
    """The standard error of the process that runs cells: what arrives there is shown at once. None where
    it cannot be found (without /proc, as on macOS): then nothing is said."""
    evcxr = str(os.getppid())
    try:
        for process in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{process}/stat") as file:
                    if file.read().rpartition(")")[2].split()[1] != evcxr:
                        continue
                with open(f"/proc/{process}/environ", "rb") as file:
                    if b"EVCXR_IS_RUNTIME=" in file.read():
                        return os.open(f"/proc/{process}/fd/2", os.O_WRONLY | os.O_CLOEXEC)
            except (OSError, IndexError):
                continue
    except OSError:
        pass
    return None


def say(text):
    descriptor = cell_stderr()
    if descriptor is not None:
        try:
            os.write(descriptor, "".join(f"{SAYS}{line}\n" for line in text.splitlines()).encode())
        except OSError:
            pass
        os.close(descriptor)


def spoken(seconds):
    """Seconds in words, as exact as an estimate can be."""
    if seconds < 10:
        return "a few seconds"
    if seconds < 90:
        return f"about {round(seconds, -1):.0f} s"
    return f"about {seconds / 60:.0f} minutes" if seconds >= 105 else "about 1.5 minutes"


class Progress:
    """What a build has to compile, how far it has got and how long it takes."""

    def __init__(self, cargo, compiled=COMPILED):
        self.cargo, self.compiled = cargo, compiled
        self.begun = None
        self.started, self.done, self.fresh = {}, set(), set()
        self.expected = {}  # name and version: seconds
        self.last = 0

    def line(self, line):
        """A line of cargo's standard error."""
        words = line.split()
        if len(words) >= 3 and words[0] == b"Compiling":
            self.starts((words[1].decode(), words[2].decode().removeprefix("v")))

    def starts(self, package):
        if package[0] in OURS:
            return
        self.started[package] = time.monotonic()
        if self.begun is None:
            self.begun = time.monotonic()
            self.look()
            self.announce()
        elif package not in self.expected:
            self.expect([package])

    def artifact(self, package, fresh):
        """A message from cargo that a crate's library, build script or macro is ready."""
        if fresh:
            self.fresh.add(package)
            self.expected.pop(package, None)
        elif package[0] not in OURS:
            if package not in self.started:  # a small crate is ready before its `Compiling` has been read
                self.starts(package)
            self.done.add(package)
            seconds = time.monotonic() - self.started[package]
            with open(self.compiled, "a", encoding="utf-8") as file:
                file.write(f"{package[0]} {package[1]} {seconds:.1f}\n")

    def look(self):
        """What is known beforehand: which crates this build needs, and how long each took or may take."""
        import subprocess
        tree = subprocess.run([self.cargo, "tree", "--offline", "--edges=normal,build", "--prefix=none", "--format={p}"],
                              capture_output=True, text=True)
        self.needed = {(words[0], words[1].removeprefix("v"))
                       for words in map(str.split, tree.stdout.splitlines()) if len(words) > 1}
        self.seconds = {}
        for line in read(self.compiled).splitlines():
            name, version, seconds = line.split()
            self.seconds[name, version] = float(seconds)
        self.users = {}
        for package in parse(read("Cargo.lock")):
            for dep in package["deps"]:
                self.users.setdefault(tuple(dep.split()[:2]), set()).add((package["name"], package["version"]))
        self.rate = None
        self.expect([p for p in self.needed if p not in self.seconds] + list(self.started))

    def expect(self, packages):
        """These will be compiled, and so will all that use them."""
        packages = list(packages)
        while packages:
            package = packages.pop()
            if package in self.expected or package in self.fresh or package[0] in OURS:
                continue
            if package not in self.needed and package not in self.started:
                continue
            self.expected[package] = self.guess(package)
            packages += self.users.get(package, ())

    def guess(self, package):
        """The seconds that a crate takes: what it took before, or an estimate by the size of its source."""
        if package in self.seconds:
            return self.seconds[package]
        if self.rate is None:
            known = [(s, self.size(p)) for p, s in self.seconds.items()]
            known = [(s, size) for s, size in known if size]
            self.rate = sum(s for s, _ in known) / sum(size for _, size in known) if known else 1e-5
        return max(0.3, self.rate * self.size(package))

    @staticmethod
    def size(package):
        """The bytes of a registry crate's source."""
        home = os.environ.get("CARGO_HOME") or os.path.expanduser("~/.cargo")
        registries = os.path.join(home, "registry", "src")
        total = 0
        for registry in os.listdir(registries) if os.path.isdir(registries) else ():
            for folder, _, files in os.walk(os.path.join(registries, registry, "-".join(package), "src")):
                total += sum(os.path.getsize(os.path.join(folder, f)) for f in files if f.endswith(".rs"))
        return total

    def left(self):
        """The seconds that are left, by the estimates and by how accurate they have been so far."""
        side_by_side = max(1, min(os.cpu_count() or 1, 8) * 0.9)
        total = sum(self.expected.values()) / side_by_side
        done = sum(s for p, s in self.expected.items() if p in self.done) / side_by_side
        elapsed = time.monotonic() - self.begun
        if done > 0.2 * total:
            return (total - done) * max(0.3, min(3, elapsed / done))
        return max(total - elapsed, total - done if elapsed < total else 0.1 * total)

    def announce(self):
        self.last = time.monotonic()
        names = sorted({name for name, _ in self.expected})
        shown = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
        crates = f"{len(self.expected)} crates" if len(self.expected) != 1 else "1 crate"
        say(f"compiling {crates} ({shown}): {spoken(self.left())}, once for this session")

    def tick(self):
        if self.begun is not None and time.monotonic() - self.last > EVERY:
            self.last = time.monotonic()
            done = sum(p in self.done for p in self.expected)
            say(f"{done} of {len(self.expected)} crates compiled, {spoken(self.left())} left")

    def end(self, good):
        # evcxr may have asked for a cell that does not compile, as a first try. The crates are there.
        if self.begun is not None and (good or self.done.issuperset(self.started)):
            say(f"compiled in {time.monotonic() - self.begun:.0f} s")


# --- the compiler's messages ------------------------------------------------------------------------

# Warnings that are about what the cell's author wrote. Others come from how evcxr wraps a cell.
SHOWN = {"unused_must_use", "deprecated", "unconditional_recursion", "unused_comparisons", "unreachable_code",
         "unreachable_patterns"}


def package_of(identity):
    """Name and version from cargo's `registry+https://...#name@1.0.0` or `path+file:///.../name#1.0.0`."""
    source, _, last = identity.rpartition("#")
    name, at, version = last.rpartition("@")
    return (name, version) if at else (source.rpartition("/")[2], last)


def warning(message):
    """What a compiler warning says, if it is about a statement of this cell; otherwise None."""
    code = (message.get("code") or {}).get("code")
    span = next((s for s in message.get("spans", ()) if s.get("is_primary")), None)
    if code not in SHOWN or not span or not span["file_name"].endswith("lib.rs"):
        return None
    # Items of earlier cells are compiled again with every cell. They come before its statements.
    source = read("src/lib.rs").splitlines()
    begins = next((i for i, line in enumerate(source, 1) if "fn run_user_code_" in line), len(source))
    if span["line_start"] < begins:
        return None
    notes = [child["message"] for child in message.get("children", ())
             if child["level"] == "note" and not child["message"].startswith("`#[")]
    text = [f"warning: {message['message']}"] + [f"    {line['text'].strip()}" for line in span["text"]]
    return "\n".join(text + [f"    {note}" for note in notes])


# --- a run ------------------------------------------------------------------------------------------

def run(cargo, args, command):
    """Runs cargo, passes on what it says, and returns its status."""
    building = command != "metadata"
    progress = Progress(cargo)
    warnings = []

    def on_stdout(line):
        if b'"reason":"compiler-artifact"' in line:
            import json
            message = json.loads(line)
            if message["target"]["kind"] != ["custom-build"]:
                progress.artifact(package_of(message["package_id"]), message["fresh"])
        elif b'"reason":"compiler-message"' in line and b'"level":"warning"' in line:
            import json
            message = json.loads(line)
            if message["message"]["level"] == "warning":
                if message["target"]["name"] == CELL and command == "build":
                    warnings.append(warning(message["message"]))
                return b""
        return line

    def on_stderr(line):
        if building:
            progress.line(line)
        elif line.lstrip().startswith(b"Downloading crates"):
            say("downloading crates")
        return line

    pipes, actions, handlers = [], [], {}
    for standard, handler in ((1, on_stdout if building else None), (2, on_stderr)):
        if handler:
            end, start = os.pipe()
            pipes.append(start)
            actions.append((os.POSIX_SPAWN_DUP2, start, standard))
            handlers[end] = (standard, handler)
    child = os.posix_spawn(cargo, [cargo, *args], os.environ, file_actions=actions)
    for start in pipes:
        os.close(start)
    rest = {end: b"" for end in handlers}
    while handlers:
        ready, _, _ = select.select(list(handlers), [], [], 1)
        for end in ready:
            standard, handler = handlers[end]
            data = os.read(end, 1 << 16)
            *lines, rest[end] = (rest[end] + data).split(b"\n")
            if not data:
                lines, rest[end] = [rest[end]] if rest[end] else [], b""
                del handlers[end]
            passed = b"".join(handler(line + b"\n") for line in lines)
            while passed:
                passed = passed[os.write(standard, passed):]
        progress.tick()
    _, status = os.waitpid(child, 0)
    status = os.waitstatus_to_exitcode(status)
    progress.end(status == 0)
    if status == 0:
        for text in dict.fromkeys(filter(None, warnings)):
            say(text)
    return status


def with_features(manifest):
    """The cell's manifest, with evcxr/features among its dependencies: they are its last section."""
    here = os.path.dirname(os.path.abspath(__file__))
    path = os.path.join(here, "evcxr", "features").replace("\\", "\\\\").replace('"', '\\"')
    return f'{manifest.rstrip()}\n{FEATURES} = {{ path = "{path}" }}\n'


def main(args):
    cargo = os.environ["NASCENT_CARGO"]
    command = next((arg for arg in args if not arg.startswith(("-", "+"))), "")
    folder = os.environ.get("EVCXR_TMPDIR")
    if command not in ("build", "check", "metadata") or not folder or not os.path.samefile(folder, "."):
        os.execv(cargo, [cargo, *args])
    # evcxr checks a cell for better messages. A check would compile all crates once more, for itself.
    args = ["build" if arg == "check" else arg for arg in args]
    manifest = read("Cargo.toml")
    write("Cargo.lock", read(KEPT))
    status = 1
    try:
        if command != "metadata":
            write("Cargo.toml", with_features(manifest))
        status = run(cargo, args, command)
    finally:
        # rust-analyzer reads both files too.
        write("Cargo.toml", manifest)
        kept = merge(read(KEPT), read("Cargo.lock"), replace=command == "build" and status == 0)
        write(KEPT, kept)
        write("Cargo.lock", kept)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
