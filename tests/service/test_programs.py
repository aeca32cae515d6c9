#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
What all programs have in common: -V, --version, -h, --help; and what they say to
those who know other programs of that name.
"""

import re
import subprocess
import sys

from places import program, source
from tap import Suite, equal, true

suite = Suite()


def programs():
    """All that is built to be installed, as the Makefile has it."""
    with open(source("Makefile"), encoding="utf-8") as file:
        text = file.read().replace("\\\n", " ")
    value = re.search(r"^PROGRAMS\s*=(.*)", text, re.M).group(1)
    return re.findall(r"\$\(BUILD\)/([\w-]+)", value)


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def version():
    with open(source("CHANGELOG.md"), encoding="utf-8") as file:
        return re.search(r"^## ([^,]*),", file.read(), re.M).group(1)


@suite.case("-V and --version, alike in all programs")
def versions():
    true(len(programs()) >= 7, f"programs: {programs()}")
    for name in programs():
        for option in "-V", "--version":
            equal(run(program(name), option),
                  (0, f"{name} (mailfrom) {version()}\n", ""),
                  f"{name} {option}")


@suite.case("-h and --help, alike in all programs: on standard output, status 0")
def helps():
    for name in programs():
        short, long = (run(program(name), option)
                       for option in ("-h", "--help"))
        equal(short, long, name)
        status, output, error = long
        equal((status, error), (0, ""), f"{name} --help")
        true(output.startswith((f"usage: {name} ", f"{name}: ")), output)
        true(output.endswith("\n"), output)


@suite.case("the options are in what --help prints")
def mentioned():
    for name in set(programs()) - {"spf-libspf2"}:
        _, output, _ = run(program(name), "--help")
        for option in "-V", "--version", "-h", "--help":
            true(re.search(rf"(?<![\w-]){option}\b", output),
                 f"{name}: {option}")


@suite.case("each command of mailfrom has them too")
def commands():
    _, output, _ = run(program("mailfrom"), "--help")
    names = re.findall(r"^(?:usage:)? +mailfrom ([a-z]+) ", output, re.M)
    true("setup" in names and "fingerprint" in names, names)
    for name in names:
        equal(run(program("mailfrom"), name, "-V"),
              (0, f"mailfrom (mailfrom) {version()}\n", ""), f"{name} -V")
        for option in "-h", "--help":
            status, output, error = run(program("mailfrom"), name, option)
            equal((status, error), (0, ""), f"{name} {option}")
            true(output.startswith(f"usage: mailfrom {name}"), output)


@suite.case("srs --help begins with what administrators use")
def order():
    _, output, _ = run(program("srs"), "--help")
    names = re.findall(r"^(?:usage:)? *srs ([a-z]+)", output, re.M)
    true(names.index("explain") < names.index("encode") and
         names.index("keygen") < names.index("encode") and
         names.index("ask") < names.index("encode"), names)


@suite.case("an option that is none: an error, the usage, and no status 0")
def unknown():
    for name in programs():
        status, output, error = run(program(name), "--no-such-option")
        true(status not in (0, None) and output == "" and error != "",
             f"{name}: {status}")


@suite.case("srs: each option of Mail::SRS's program is answered with ours")
def mail_srs():
    for option, here in (
            ("--alias=fwd@a.example", "srs encode --domain DOMAIN"),
            ("--forward", "srs encode --domain DOMAIN"),
            ("--reverse", "srs decode "),
            ("--address=bob@example.net", "last argument"),
            ("--secretfile=/etc/srs_secret", "--secret-file FILE"),
            ("--hashlength=4", "--hash-length N"),
            ("--hashmin=4", "--hash-min N"),
            ("--maxage=21", "--max-age DAYS")):
        status, output, error = run(program("srs"), option, "bob@example.net")
        equal((status, output), (2, ""), option)
        true("Mail::SRS" in error and here in error.splitlines()[0], error)


if __name__ == "__main__":
    sys.exit(suite.run())
