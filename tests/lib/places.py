# SPDX-License-Identifier: ISC
"""
Where things are: the source tree, what was built, and the packages that
tests/fetch-peers unpacks; and how to run them.

BUILD names the directory of the programs (default: build), PEERS that of the
packages (default: BUILD/peers).  A variable named like a program (SRSD for
srsd) names another one to test.
"""

import os
import re
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.path.join(TOP, os.environ.get("BUILD", "build"))
PEERS = os.path.join(TOP, os.environ.get("PEERS", os.path.join(BUILD, "peers")))
PYTHON = "usr/lib/python3/dist-packages"        # of a peer


def source(*path):
    return os.path.join(TOP, *path)


def program(name):
    """The path of a program that was built: "srsd", or "tests/maps/reader"."""
    other = os.environ.get(name.upper())
    return os.path.abspath(other) if other else os.path.join(BUILD, name)


def is_sanitized(path):
    """
    Whether the program was built with a sanitizer: it needs terabytes of address
    space, and to be the first library that is loaded.
    """
    with open(path, "rb") as file:
        return bool(re.search(b"__[at]san_init", file.read()))


def peer(name, *path):
    return os.path.join(PEERS, name, *path)


def fetch(*names, packages=()):
    """
    Why these peers can't be had; None: they are there.  Without packages, they
    are those of tests/peers.
    """
    for name in names:
        done = run(source("tests", "fetch-peers"), peer(name), *packages,
                   errors="replace")
        if done.returncode != 0:
            return " ".join(done.stderr.split())
    return None


def run(*command, **options):
    """
    The finished process, with its output as text unless options say otherwise.
    Its exit status is the caller's to look at; a signal or the report of a
    sanitizer is a failure.
    """
    done = subprocess.run(command, check=False, **{
        "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True,
        **options})
    said = done.stderr or ""
    if isinstance(said, bytes):
        said = said.decode(errors="replace")
    if done.returncode < 0 or "Sanitizer" in said:
        raise AssertionError(f"{command}: died, {done.returncode}: {said}")
    return done
