#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
Mistakes in mailfrom.conf: an error for the daemon whose section it is, a warning
for the others, in the same words.  They have a table of their own for that.
"""

import os
import re
import sys
import tempfile

import tap
from places import program, run

DAEMONS = ("srsd", "srsmilter", "spfmilter")
RIGHT = "[srs]\nsecret_file = {}\n[srsmilter]\nrewrite = none\n"

suite = tap.Suite()
case = suite.case


def keys(daemon):
    """(key, its range or words, default or sample) from the printed file."""
    section = run(program(daemon), "--print-config").stdout.partition(
        f"[{daemon}]\n")[2].partition("\n[")[0]
    return re.findall(r"^# .*?(?:; ([^;\n]*))?\n#(\w+) = (.*)$", section, re.M)


class Site:
    def __init__(self, directory):
        self.path = os.path.join(directory, "mailfrom.conf")
        self.secret = os.path.join(directory, "secret")
        with open(self.secret, "w", encoding="ascii") as file:
            file.write("a secret of the tests\n")
        os.chmod(self.secret, 0o600)

    def check(self, daemon, text):
        """Its exit status, and what it says: (level, line, reason)."""
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text)
        done = run(program(daemon), "-n", "-c", self.path)
        return done.returncode, re.findall(
            rf"^(\w+): {re.escape(self.path)}:(\d+): (.*)$", done.stderr, re.M)


def wrong_values(what):
    """Values that a key with such a range or such words can't have."""
    span = re.match(r"(\d+) to (\d+)", what)
    if span:
        low, high = map(int, span.groups())
        return [str(high + 1), "x"] + ([str(low - 1)] if low else [])
    return ["neither"] if "|" in what else []


@case("every key of every daemon is known to the others, with its values")
def right(site):
    for daemon in DAEMONS:
        values = [(key, value) for _, key, value in keys(daemon)
                  if key != "rewrite"]
        if len(values) < 8:
            raise AssertionError(f"{daemon}: only {values}")
        text = RIGHT.format(site.secret) + f"[{daemon}]\n" + \
            "".join(f"{key} = {value}\n" for key, value in values)
        for other in set(DAEMONS) - {daemon}:
            tap.equal(site.check(other, text), (0, []), f"{other} on {daemon}")


@case("a wrong value: an error for one, the same as a warning for the others")
def wrong(site):
    tried = 0
    for daemon in DAEMONS:
        for what, key, _ in keys(daemon):
            bad = ["0778"] if key == "socket_mode" else wrong_values(what)
            for value in bad:
                mistake(site, daemon, f"{key} = {value}\n")
                tried += 1
        mistake(site, daemon, "no_such_key = 1\n")
        mistake(site, daemon, "socket_mode = 0600\nsocket_mode = 0660\n")
    if tried < 30:
        raise AssertionError(f"only {tried} values")


def mistake(site, daemon, lines):
    text = f"[{daemon}]\n{lines}[srs]\nsecret_file = {site.secret}\n"
    if "rewrite" not in lines:
        text += "[srsmilter]\nrewrite = none\n"
    status, said = site.check(daemon, text)
    tap.equal((status, [level for level, *_ in said]), (1, ["error"]),
              f"{daemon}: {lines}{said}")
    for other in set(DAEMONS) - {daemon}:
        if (other, lines[:7]) == ("srsmilter", "rewrite"):
            continue
        tap.equal(site.check(other, text),
                  (0, [("warning", *what) for _, *what in said]),
                  f"{other} on {daemon}: {lines}")


def main():
    with tempfile.TemporaryDirectory() as directory:
        return suite.run(Site(directory))


if __name__ == "__main__":
    sys.exit(main())
