# SPDX-License-Identifier: ISC
"""A page in headless Chromium: what it shows, what it fetches, a picture."""

import html.parser
import os
import shutil
import subprocess
import tempfile

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def program():
    """The browser, or None."""
    return next((path for path in map(shutil.which, PROGRAMS) if path), None)


class Browser:
    """Chromium with a profile of its own, which goes away with it."""

    def __enter__(self):
        self.profile = tempfile.mkdtemp(prefix="mailfrom-page.")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.profile, ignore_errors=True)

    def run(self, path, *options):
        """Standard output of the browser with the page."""
        done = subprocess.run(
            [program(), "--headless", "--no-sandbox", "--disable-gpu",
             "--disable-dev-shm-usage", "--no-first-run",
             "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--disable-extensions", "--no-proxy-server",
             "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
             f"--user-data-dir={self.profile}", *options, f"file://{path}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=300, check=False)
        if done.returncode != 0:
            raise AssertionError(f"chromium: {done.returncode}: "
                                 f"{done.stderr.decode(errors='replace')}")
        return done.stdout.decode()

    def document(self, path, *options):
        """The tree that the browser has made of the page."""
        return Document(self.run(path, "--dump-dom", *options))

    def picture(self, path, name, width, height, *options):
        """A screenshot in the file name; its size in bytes."""
        self.run(path, f"--screenshot={name}",
                 f"--window-size={width},{height}", *options)
        return os.path.getsize(name)


class Document(html.parser.HTMLParser):
    """Elements, their attributes, and text by element."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.attributes = [], []
        self.words, self.inside = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in ("meta", "br", "link", "img", "input"):
            self.inside.append(tag)

    def handle_endtag(self, tag):
        while self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data):
        if "style" not in self.inside:
            self.words.append(data)

    @property
    def text(self):
        return "".join(self.words)
