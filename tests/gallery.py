"""Every drawing of the gallery in a real browser: `notebooks/start --python tests/gallery.py FOLDER`, where FOLDER is
what `cargo run --example gallery -- FOLDER --hard` wrote.

The crate estimates how wide a text is; only a browser knows. So this opens the pages in headless Chromium, light and
dark, at a phone's width and at a wide screen's, and asks:
- each SVG is well-formed, and the console stays empty;
- no text leaves the view box of its picture, and no two texts of a picture overlap;
- the page does not scroll sideways;
- the pictures of a dark page have a dark card and those of a light one a light card, as pictures in files too.
Without Chromium (`apt-get install chromium`) nothing is tested, and that is said.
"""
import shutil
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from pictures import BROWSERS, Browser, no_longer_than, wait

WIDTHS = 400, 1200
# In units of the drawing, whose texts are 10 to 14 high: what nobody sees.
NEAR = 1.0

# The texts of every picture, as boxes in the units of its view box. A box of the browser is as high as the typeface:
# the letters themselves begin a fifth below its upper edge and end a sixth above its lower one. Not counted:
# - what cannot be seen at rest (an animation shows one text after the other in the same place);
# - the same text in the same place, which is drawn twice to be bold.
FOUND = """(() => {
    const wrong = [];
    let pictures = 0, texts = 0, least = [99, ''];
    for (const svg of document.querySelectorAll('section svg')) {
        if (svg.parentElement.closest('svg')) continue;
        pictures += 1;
        const name = svg.closest('section').dataset.name + ' / ' + (svg.getAttribute('aria-label') || '').slice(0, 40);
        const whole = svg.getBoundingClientRect(), view = svg.viewBox.baseVal;
        if (!whole.width || !view.width) { wrong.push(`${name}: nothing is shown`); continue; }
        const scale = view.width / whole.width;
        const boxes = [];
        for (const text of svg.querySelectorAll('text')) {
            if (text.getAttribute('opacity') === '0' || text.querySelector('animate')) continue;
            const title = text.querySelector('title')?.textContent || '';
            const says = text.textContent.slice(title.length).trim();
            const box = text.getBoundingClientRect();
            if (!says || !box.width) continue;
            texts += 1;
            const size = parseFloat(text.getAttribute('font-size')) / scale;
            if (size < least[0]) least = [size, name];
            let [l, t, r, b] = [box.left - whole.left, box.top - whole.top, box.right - whole.left, box.bottom - whole.top].map(v => v * scale);
            if ((text.getAttribute('transform') || '').includes('rotate(-90')) { const w = r - l; l += 0.2 * w; r -= 0.16 * w; }
            else { const h = b - t; t += 0.2 * h; b -= 0.16 * h; }
            const over = Math.max(-l, -t, r - view.width, b - view.height);
            if (over > NEAR) wrong.push(`${name}: ${JSON.stringify(says)} leaves the picture by ${over.toFixed(1)}`);
            for (const o of boxes) {
                const [x, y] = [Math.min(r, o.r) - Math.max(l, o.l), Math.min(b, o.b) - Math.max(t, o.t)];
                if (x > NEAR && y > NEAR && !(says === o.says && Math.abs(l - o.l) + Math.abs(t - o.t) < 0.5))
                    wrong.push(`${name}: ${JSON.stringify(says)} and ${JSON.stringify(o.says)} overlap by ${x.toFixed(1)} x ${y.toFixed(1)}`);
            }
            boxes.push({l, t, r, b, says});
        }
    }
    const wide = document.documentElement.scrollWidth - window.innerWidth;
    if (wide > 0) {
        const far = [...document.querySelectorAll('section')].filter(s => s.scrollWidth > s.clientWidth + 1).map(s => s.dataset.name);
        wrong.push(`the page scrolls sideways by ${wide}: ${far.slice(0, 5).join('; ')}`);
    }
    return {pictures, texts, least, wrong};
})()""".replace("NEAR", str(NEAR))


def drawings(page):
    """The outermost SVG elements of a page."""
    depth, start, at = 0, 0, 0
    while True:
        opens, closes = page.find("<svg", at), page.find("</svg>", at)
        if closes < 0:
            return
        if 0 <= opens < closes:
            start = opens if depth == 0 else start
            depth, at = depth + 1, opens + 4
        else:
            depth, at = depth - 1, closes + 6
            if depth == 0:
                yield page[start:at]


def parses(page):
    """What is not well-formed."""
    for svg in drawings(page.read_text()):
        try:
            ElementTree.fromstring(svg)
        except ElementTree.ParseError as wrong:
            yield f"{wrong} in {svg[:200]}"


def look(browser, page, width):
    browser.call("Emulation.setDeviceMetricsOverride", width=width, height=1000, deviceScaleFactor=1, mobile=False)
    browser.open(page.as_uri())
    wait(lambda: browser.ask("document.readyState") == "complete", page.name, 300)
    browser.ask("document.fonts.ready.then(() => true)")
    found = browser.ask(FOUND)
    size, name = found["least"]
    said = f"{found['pictures']} pictures, {found['texts']} texts, the smallest of {size:.1f} px ({name})"
    return said, found["wrong"]


def main():
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not program:
        print("SKIPPED: there is no Chromium. Install it (Debian, Ubuntu: apt-get install chromium) to test the gallery.")
        return 0
    no_longer_than(20)
    folder = Path(sys.argv[1]).resolve()
    pages = [page for name in ("light", "dark", "hard") if (page := folder / f"{name}.html").exists()]
    failed = 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as own:
        browser = Browser(program, own)
        browser.call("Runtime.enable")
        browser.call("Log.enable")
        try:
            for page in pages:
                wrong = list(parses(page))
                for width in WIDTHS:
                    said, more = look(browser, page, width)
                    wrong += more + [f"on the console: {line}" for line in browser.said]
                    browser.said.clear()
                    print(f"{'FAILED' if wrong else 'ok':<7} {page.name} at {width} px: {said}", flush=True)
                    failed += len(wrong)
                    for line in wrong:
                        print(f"        {line}")
                    wrong = []
        finally:
            browser.close()
    print(f"{failed} blemishes on {len(pages)} pages")
    return 1 if failed or not pages else 0


if __name__ == "__main__":
    sys.exit(main())
