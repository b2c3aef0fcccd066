"""The public interface, a line for each item, as it stands in api.txt: a change of it is seen here.

    cargo doc --no-deps && python3 tests/api.py              compares, and shows what differs
    cargo doc --no-deps && python3 tests/api.py --write      writes it anew

It is read from the documentation that rustdoc makes: declarations, methods, and the traits that a
type has by itself. What is hidden from the documentation is not part of it.
"""

import difflib
import html.parser
import os
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
DOCS = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target")) / "doc" / "nascent"
KEPT = HERE / "api.txt"


class Page(html.parser.HTMLParser):
    """The declaration of an item, and headers of code by the section that they stand in."""

    def __init__(self, path):
        super().__init__()
        self.declaration, self.headers, self.links = "", [], []
        self.section, self.inside, self.skip = "", None, 0
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        a = dict(attributes)
        kind = a.get("class", "") or ""
        if tag == "a" and a.get("href"):
            self.links.append(a["href"])
        if tag == "div" and self.inside:
            self.text += " " if kind == "where" else ""
        if tag == "h2":
            self.section = a.get("id", "")
        if "code-header" in kind or "item-decl" in kind or (tag == "dt" and self.section == "reexports"):
            self.inside, self.text = tag, ""
        if "src" in kind.split() or "rightside" in kind:
            self.skip = 1

    def handle_endtag(self, tag):
        if tag == "a":
            self.skip = 0
        if tag == "div" and self.inside == "pre":
            self.text += "\n"
        if tag == self.inside:
            if tag == "pre":
                self.declaration = self.text
            else:
                self.headers.append((self.section, " ".join(self.text.split())))
            self.inside = None

    def handle_data(self, data):
        if self.inside and not self.skip:
            self.text += data


def tidy(header):
    """Lists that rustdoc writes in lines, as one line."""
    return header.replace("( ", "(").replace(", )", ")").replace(",)", ")").rstrip(", ")


def item(path):
    """An item's lines: its name, its declaration, its traits and its methods."""
    page = Page(DOCS / path)
    kind, name = pathlib.Path(path).stem.split(".", 1)
    module = "::".join(("nascent", *pathlib.Path(path).parent.parts))
    lines = [f"# {kind} {module}::{name}"]
    if module == "nascent::prelude":
        return lines + ["    of another crate", ""]
    # Long lists are folded under a button, whose words are no part of them.
    declaration = re.sub(r"^Show \d+ \w+", "", page.declaration.strip(), flags=re.M)
    lines += [line.rstrip() for line in declaration.splitlines() if line.strip()]
    traits, others, methods = set(), set(), set()
    for section, header in page.headers:
        own = re.fullmatch(rf"impl (!?\w+) for {name}", header)
        if section == "trait-implementations" and own:
            traits.add(own[1])
        elif section in ("trait-implementations", "foreign-impls") and header.startswith("impl"):
            others.add(tidy(header))
        elif section == "synthetic-implementations" and re.match(r"impl.* !(Send|Sync) for", header):
            others.add(header)
        elif section == "implementations" and not header.startswith("impl"):
            methods.add(tidy(header))
    traits -= {"StructuralPartialEq"}
    lines += [f"    has {', '.join(sorted(traits))}"] if traits else []
    lines += [f"    {line}" for line in sorted(others) + sorted(methods)]
    return lines + [""]


def interface():
    pages = [link for link in Page(DOCS / "all.html").links if re.match(r"([\w/]+/)?\w+\.\w+\.html$", link)]
    items = [item(path) for path in sorted(set(pages), key=lambda p: (pathlib.Path(p).parts[:-1], p.split(".")[1], p))]
    modules = sorted({pathlib.Path(path).parent for path in pages} | {pathlib.Path("prelude")})
    for module in modules:
        uses = [tidy(text) for section, text in Page(DOCS / module / "index.html").headers if section == "reexports"]
        if uses:
            items.append([f"# module {'::'.join(('nascent', *module.parts))}", *sorted(set(uses)), ""])
    return "\n".join(line for lines in items for line in lines)


def main():
    found = interface()
    if "--write" in sys.argv[1:]:
        KEPT.write_text(found)
        return
    kept = KEPT.read_text()
    if found != kept:
        lines = difflib.unified_diff(kept.splitlines(), found.splitlines(), "as it was", "as it is", lineterm="", n=2)
        print("\n".join(lines))
        sys.exit("the public interface has changed. Where that is meant: python3 tests/api.py --write")
    print(f"the public interface is as it was: {found.count(chr(10) + '# ') + 1} items")


main()
