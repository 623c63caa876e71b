# /// script
# requires-python = ">=3.9"
# dependencies = ["playwright==1.65.2"]
# ///
"""Opens a report in headless Chromium and fails on anything a reader would stumble over.

    python check_report.py OUT/report.html [--shots FOLDER] [--chromium PATH]

Looks at it 1200 and 390 pixels wide, light and dark, without a network: no console message of a
warning or an error, no request, no sideways scrolling of the page, every figure drawn, and the
slice browser doing what its controls say.
"""

import argparse
import pathlib
import shutil
import sys

from playwright.sync_api import sync_playwright

LARGEST = 15_000_000


def problems_of(page, path, width, scheme, shots):
    found = []
    said = lambda text: found.append(f"{width} px, {scheme}: {text}")
    page.on("console", lambda m: m.type in ("error", "warning") and said(f"console: {m.text}"))
    page.on("pageerror", lambda e: said(f"page error: {e}"))
    page.on("request", lambda r: r.url.startswith(("file:", "data:", "about:")) or said(f"asks for {r.url}"))
    page.goto(path.as_uri(), wait_until="load")
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if wide > 0:
        said(f"the page scrolls sideways by {wide} px")
    figures = page.locator("section.card figure svg").count()
    if figures == 0:
        said("no figure is drawn")
    empty = page.evaluate("[...document.querySelectorAll('section.card figure svg')].filter(s => s.getBoundingClientRect().width < 20).length")
    if empty:
        said(f"{empty} drawings have no width")
    broken = page.evaluate("""async () => {
        const uris = [...document.querySelectorAll('svg image')].map(i => i.getAttribute('href'));
        const fine = await Promise.all(uris.map(u => new Promise(d => { const i = new Image(); i.onload = () => d(true); i.onerror = () => d(false); i.src = u; })));
        return fine.filter(f => !f).length;
    }""")
    if broken:
        said(f"{broken} pictures do not load")
    if page.locator("#b-form").count():
        found.extend(f"{width} px, {scheme}: {text}" for text in browser_problems(page))
    if shots:
        page.locator("body").screenshot(path=str(shots / f"report-{width}-{scheme}.png"))
        if page.locator("#b-form").count():
            page.locator("section.browser").screenshot(path=str(shots / f"browser-{width}-{scheme}.png"))
    return found


def browser_problems(page):
    found = []
    text = lambda: page.locator("#b-said").inner_text()
    picture = lambda: page.evaluate("document.getElementById('b-map').toDataURL()")
    page.wait_for_function("document.getElementById('b-said').textContent.length > 0", timeout=10_000)

    def must_change(what, act, of):
        before = of()
        act()
        try:
            page.wait_for_timeout(50)
            for _ in range(100):
                if of() != before:
                    return
                page.wait_for_timeout(50)
        finally:
            pass
        found.append(f"the slice browser does not answer to {what}")

    def set_threshold(value):
        page.locator("#b-threshold").evaluate("(e, v) => { e.value = v; e.dispatchEvent(new Event('input')); }", value)

    count = lambda name: page.locator(f"#b-{name} option").count()
    if count("slice") > 1:
        must_change("the button for the next slice", lambda: page.locator("#b-next").click(), text)
        must_change("the button for the slice before", lambda: page.locator("#b-back").click(), text)
    for name in ("network", "method"):
        if count(name) > 1:
            must_change(name, lambda: page.locator(f"#b-{name}").select_option(index=1), text)
    if count("group") > 1:
        must_change("the group", lambda: page.locator("#b-group").select_option(index=1), text)
    must_change("the threshold", lambda: set_threshold("0.9"), text)
    high = text()
    set_threshold("0.05")
    page.wait_for_timeout(300)
    share = lambda words: int(words.split(": ")[1].split(" %")[0])
    if "%" in high and "%" in text() and share(text()) < share(high):
        found.append("the slice browser marks less at a lower threshold")
    colours = page.evaluate("""() => {
        const c = document.getElementById('b-map');
        const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
        const seen = new Set();
        for (let i = 0; i < d.length; i += 4) seen.add(d[i] << 16 | d[i + 1] << 8 | d[i + 2]);
        return seen.size;
    }""")
    if colours < 20:
        found.append(f"the slice browser's picture has only {colours} colours")
    if len(picture()) < 1000:
        found.append("the slice browser draws nothing")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("report", type=pathlib.Path)
    parser.add_argument("--shots", type=pathlib.Path, help="folder for pictures of the page")
    parser.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome"))
    given = parser.parse_args()
    if not given.report.is_file():
        sys.exit(f"{given.report} is not a file")
    if not given.chromium:
        sys.exit("no Chromium found; name one with --chromium")
    found = []
    size = given.report.stat().st_size
    if size > LARGEST:
        found.append(f"the report has {size} bytes, more than {LARGEST}")
    if given.shots:
        given.shots.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=given.chromium, args=["--no-sandbox"])
        for width, height in ((1200, 900), (390, 844)):
            for scheme in ("light", "dark"):
                context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, offline=True)
                found += problems_of(context.new_page(), given.report.resolve(), width, scheme, given.shots)
                context.close()
        chromium.close()
    for text in found:
        print(text)
    print(f"{given.report.name}: {size} bytes, " + ("nothing to complain about" if not found else f"{len(found)} problems"))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
