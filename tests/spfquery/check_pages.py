#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
The page of spfquery --html in headless Chromium: what it shows, that nothing is
fetched or run, that text of records stays text, and that it fits on narrow
screens.  `make check-pages` runs this; it needs Debian's package chromium.

usage: check_pages.py [WORD...]         PAGES=DIRECTORY: keep the pictures there
"""

import http.server
import os
import sys
import tempfile
import threading

import page
import places
import tap
import zones
from page_zones import HOSTILE, LARGE, MARKUP

suite = tap.Suite()
case = suite.case


def write_page(zone, domain, directory):
    path = os.path.join(directory, f"{domain}.html")
    with zones.File(zone) as file:
        done = places.run(places.program("spfquery"), "--zone", file, "--tree",
                          "--html", domain)
    if done.returncode not in (0, 1):
        raise AssertionError(done.stderr)
    with open(path, "w", encoding="utf-8") as out:
        out.write(done.stdout)
    return path


class Trap(http.server.ThreadingHTTPServer):
    """Where a page would fetch something from, if it did."""

    def __init__(self):
        self.asked = asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                self.send_error(404)

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def name(self):
        return f"127.0.0.1:{self.server_address[1]}"


def with_browser(test):
    with page.Browser() as browser, tempfile.TemporaryDirectory() as directory:
        yield from test(browser, directory) or ()


@case("a page shows tree, findings, limits and networks")
def pages_show_all():
    def test(browser, directory):
        path = write_page(LARGE, "example.com", directory)
        document = browser.document(path)
        for words in ("SPF of example.com", "Terms that need DNS",
                      "Lookup tree", "Networks", "include:_spf.esp3.example",
                      "10.3.0.0/20", "addresses pass", "Findings"):
            if words not in document.text:
                yield f"no {words!r} in the page"
        if document.elements.count("details") < 20:
            yield "hardly anything to unfold"
    yield from with_browser(test)


@case("markup in records stays text, in whatever place")
def markup_stays_text():
    def test(browser, directory):
        path = write_page(HOSTILE, "hostile.example", directory)
        document = browser.document(path)
        known = {"html", "head", "meta", "title", "style", "body", "h1", "h2",
                 "p", "pre", "code", "span", "div", "b", "i", "section", "ul",
                 "li", "details", "summary", "table", "tbody", "tr", "th",
                 "td"}
        for element in sorted(set(document.elements) - known):
            yield f"there is an element <{element}>"
        names = {"lang", "charset", "name", "content", "http-equiv", "class",
                 "style", "open"}
        for element, name, value in document.attributes:
            if name not in names:
                yield f"<{element} {name}={value!r}>"
        for markup in MARKUP:
            if markup not in document.text:
                yield f"{markup!r} isn't shown as it is"
    yield from with_browser(test)


@case("a page fetches nothing and runs nothing")
def pages_fetch_nothing():
    def test(browser, directory):
        trap = Trap()
        hostile = {
            "f.example": [{"TXT": f'v=spf1 exists:%{{i}}.x ra="><img/src='
                                  f"http://{trap.name}/img></style><link/rel="
                                  f"stylesheet/href=http://{trap.name}/css>"
                                  f"<script/src=http://{trap.name}/js>"
                                  "</script><script>document.title='run'"
                                  "</script> -all"}]}
        path = write_page(hostile, "f.example", directory)
        document = browser.document(path, "--virtual-time-budget=5000")
        trap.shutdown()
        trap.server_close()
        if trap.asked:
            yield f"fetched {trap.asked}"
        if "SPF of f.example" not in document.text:
            yield "another title"
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for word in ("<script", "http://", "https://", "@import", "url("):
            if word in text.replace(f"http://{trap.name}", ""):
                yield f"{word} in the page"
    yield from with_browser(test)


@case("pictures: light, dark, narrow, printed")
def pages_can_be_looked_at():
    def test(browser, directory):
        keep = os.environ.get("PAGES", directory)
        os.makedirs(keep, exist_ok=True)
        path = write_page(LARGE, "example.com", directory)
        shapes = {"light": (1000, 1600), "narrow": (390, 1600),
                  "dark": (1000, 1600, "--force-dark-mode",
                           "--blink-settings=preferredColorScheme=0")}
        for name, (width, height, *options) in shapes.items():
            size = browser.picture(path, os.path.join(keep, f"{name}.png"),
                                   width, height, *options)
            if size < 10000:
                yield f"{name}: hardly anything to be seen"
        printed = os.path.join(keep, "printed.pdf")
        browser.run(path, f"--print-to-pdf={printed}", "--no-pdf-header-footer")
        if os.path.getsize(printed) < 10000:
            yield "hardly anything printed"
    yield from with_browser(test)


@case("on a narrow screen nothing is wider than the screen")
def pages_fit():
    """A script of the test's own measures, in a copy without the policy."""
    def test(browser, directory):
        path = write_page(LARGE, "example.com", directory)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        start = text.index('<meta http-equiv="Content-Security-Policy"')
        text = text[:start] + text[text.index(">", start) + 1:]
        text = text.replace("</body>", "<script>document.title='wide '+("
                            "document.documentElement.scrollWidth-"
                            "innerWidth)</script></body>")
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        document = browser.document(path, "--window-size=500,900")
        wide = [word for word in document.words if word.startswith("wide ")]
        if not wide or int(wide[0].split()[1]) > 0:
            yield f"{wide}: it has to be scrolled sideways"
    yield from with_browser(test)


if __name__ == "__main__":
    if page.program() is None:
        sys.exit(tap.cannot_run("no chromium"))
    sys.exit(suite.run())
