#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
tests/run and tests/fetch-peers: that a test which fails in an odd way fails,
alone, and that a library which isn't there is named.
"""

import os
import subprocess
import sys
import tempfile

import places
import tap
from tap import equal

suite = tap.Suite()
CASES = """\
#!/usr/bin/env python3
import sys
import tap
suite = tap.Suite()

@suite.case
def what_holds(site):
    tap.equal(site, 1)

@suite.case("what raises")
def _(site):
    tap.equal(site, 2, "site")

@suite.case("what finds two problems")
def _(site):
    yield "first"
    yield "second"

@suite.case("what lacks something")
def _(site):
    raise tap.Skip("no moon")

sys.exit(suite.run(1, lambda: ["the log"]))
"""
APT_GET = """\
#!/bin/sh
# apt-get OPTION... download PACKAGE..., from REPOSITORY
while [ "$1" != download ]; do shift; done
shift
for package; do cp "$REPOSITORY/$package.deb" . || exit 100; done
"""
APT_CACHE = """\
#!/bin/sh
# apt-cache OPTION show PACKAGE...
for package; do
	[ ! -e "$REPOSITORY/$package.deb" ] || echo "Package: $package"
done
"""


class Site:
    def __init__(self, directory):
        self.directory = directory

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def write(self, name, text, mode=0o755):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def run_tests(self, **printed):
        """
        tests/run with tests that end with a status and print lines: (its status,
        its lines).
        """
        paths = []
        for name, (status, *lines) in printed.items():
            text = "".join(f"echo '{line}'\n" for line in lines)
            paths.append(self.write(f"tests/{name}",
                                    f"#!/bin/sh\n{text}exit {status}\n"))
        return self.run_paths(*paths)

    def run_paths(self, *arguments):
        done = places.run(
            places.source("tests", "run"), *arguments,
            stderr=subprocess.STDOUT,
            env=dict(os.environ, BUILD=self.directory, MAILFROM_REQUIRE_ALL=""))
        return done.returncode, done.stdout.splitlines()

    # --- a repository of packages ---

    def compile(self, *arguments):
        subprocess.run(["cc", *arguments], check=True)

    def package(self, name, depends, **files):
        """files: {path in the package with _ for /: path of a file here}"""
        root = self.path("packages", name)
        self.write(f"packages/{name}/DEBIAN/control",
                   f"Package: {name}\nVersion: 1\nArchitecture: all\n"
                   "Maintainer: nobody <nobody@example.com>\n"
                   f"Depends: {depends}\nDescription: test\n", 0o644)
        for target, source in files.items():
            target = os.path.join(root, target.replace("_", "/"),
                                  os.path.basename(source))
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.link(source, target)
        os.makedirs(self.path("repository"), exist_ok=True)
        subprocess.run(["dpkg-deb", "--root-owner-group", "-b", root,
                        self.path("repository", name + ".deb")], check=True,
                       stdout=subprocess.DEVNULL)

    def fetch(self, package):
        """fetch-peers: (its status, what it says, files that it unpacked)"""
        peer = self.path("peers", package)
        done = subprocess.run(
            [places.source("tests", "fetch-peers"), peer, package],
            capture_output=True, text=True,
            env=dict(os.environ, REPOSITORY=self.path("repository"),
                     PATH=self.path("bin") + ":" + os.environ["PATH"]))
        found = sorted(name for _, _, names in os.walk(peer)
                       for name in names if not name.startswith("."))
        return done.returncode, done.stderr, found


@suite.case("all is well")
def _(site):
    status, lines = site.run_tests(
        good=(0, "1..2", "ok 1 - one", "ok 2 - two"),
        partly=(0, "ok 1 - one", "ok 2 - two # SKIP no moon", "1..2"),
        absent=(0, "1..0 # SKIP no sun"))
    equal(status, 0, "status")
    equal("Result: PASS" in lines, True, "prove says so")
    equal(lines[-5:], ["Summary:", "Skipped:", "  absent: all of it: no sun",
                       "  partly: two: no moon", "3 passed, 0 failed, 2 skipped"])


@suite.case("a case fails by an exception or by what it yields; words choose some")
def _(site):
    path = site.write("tests/cases", CASES)
    status, lines = site.run_paths(path)
    equal((status, lines[-1]), (1, "1 passed, 2 failed, 1 skipped"), "all")
    for line in ("# AssertionError: site: got 1, expected 2", "# the log",
                 "not ok 3 - what finds two problems", "# second",
                 "  cases: what lacks something: no moon"):
        equal(line in lines, True, line)
    status, lines = site.run_paths(path, "::", "holds", "what")
    equal((status, lines[-1]), (0, "1 passed, 0 failed, 0 skipped"), "some")
    status, lines = site.run_paths(path, "::", "nothing")
    equal((status, lines[-1]), (1, "0 passed, 0 failed, 1 skipped"), "none")


@suite.case("a bail-out fails alone")
def _(site):
    status, lines = site.run_tests(
        a=(1, "Bail out! no luck"), b=(0, "1..1", "ok 1 - b"),
        c=(0, "1..1", "ok 1 - c"), d=(0, "1..1", "ok 1 - d"))
    equal(status, 1, "status")
    equal([line for line in lines if "PASS" in line or "Bail" in line],
          ["Bail out! no luck"], "lines")
    equal(lines[-5:], ["--- a, exit status 1:", "Bail out! no luck", "Summary:",
                       "Failed: a", "3 passed, 1 failed, 0 skipped"])


@suite.case("odd ends are failures")
def _(site):
    for odd in ((3, "1..1", "ok 1 - one"), (0, "1..2", "ok 1 - one"),
                (0, "ok 1 - one"), (0, "ok 1 - one", "not ok 2 - two", "1..2"),
                (0, "ok 1 - one", "1..2")):
        status, lines = site.run_tests(good=(0, "ok 1 - good", "1..1"), odd=odd)
        equal(status, 1, f"status of {odd}")
        equal(lines[-2:], ["Failed: odd", "2 passed, 1 failed, 0 skipped"],
              f"end of {odd}")
    status, lines = site.run_tests(mute=(0,))
    equal((status, lines[-1]), (1, "0 passed, 1 failed, 0 skipped"), "mute")


@suite.case("libraries come from what depends name, or are missed by name")
def _(site):
    site.write("bin/apt-get", APT_GET)
    site.write("bin/apt-cache", APT_CACHE)
    source = site.write("x.c", "int x(void); int x(void) { return 0; }\n")
    main = site.write("main.c", "int x(void); int main(void) { return x(); }\n")
    library = site.path("libmailfrom-test.so.7")
    site.compile("-shared", "-fPIC", "-Wl,-soname,libmailfrom-test.so.7", "-o",
                 library, source)
    program = site.path("mailfrom-test")
    site.compile("-o", program, main, library)
    # A bare SONAME is looked for like any other.
    site.package("whole", "libc6 (>= 2) | libc6:any, libmailfrom-of-this-release",
                 usr_bin=program)
    site.package("libmailfrom-of-this-release", "libc6", usr_lib=library)
    site.package("broken", "libc6, libmailfrom-nowhere", usr_bin=program)
    equal(site.fetch("whole"), (0, "", ["libmailfrom-test.so.7",
                                        "mailfrom-test"]), "whole")
    for _ in range(2):      # it isn't taken for done
        status, said, _ = site.fetch("broken")
        equal((status, said),
              (1, "fetch-peers: broken: no package has libmailfrom-test.so.7, "
               "which usr/bin/mailfrom-test needs\n"), "broken")


def main():
    with tempfile.TemporaryDirectory(prefix="mailfrom-harness-") as directory:
        return suite.run(Site(directory))


if __name__ == "__main__":
    sys.exit(main())
