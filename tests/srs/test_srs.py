#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
The command line of srs; and make quickstart.
"""

import glob
import os
import re
import subprocess
import sys
import tempfile

import tap
from places import BUILD, TOP, program

SRS = program("srs")

suite = tap.Suite()
case = suite.case


class Site:
    def __init__(self, directory):
        self.directory = directory


def encode(*options):
    """srs encode of bob@example.com."""
    return subprocess.run(
        [SRS, "encode", "--secret", "correct horse battery", *options,
         "bob@example.com"], check=False, capture_output=True, text=True)


@case("--domain is a domain, and written as DNS has it")
def domains(_):
    for given, written in (("fwd.example", "fwd.example"),
                           ("fwd.example.", "fwd.example"),
                           ("b\u00fccher.example", "xn--bcher-kva.example")):
        done = encode("--domain", given)
        tap.equal((done.returncode, done.stdout.rstrip().split("@")[1:]),
                  (0, [written]), given)
    for wrong_one in ("", "@fwd.example", "*.fwd.example", ".fwd.example",
                      "fwd.example, x", "a..example", "192.0.2.1",
                      "\u201cfwd.example\u201d", "x" * 64 + ".example"):
        done = encode("--domain", wrong_one)
        tap.equal((done.returncode, done.stdout), (2, ""), wrong_one)
        if f'--domain: "{wrong_one}" is not a domain: ' not in done.stderr:
            raise AssertionError(done.stderr)


@case("numbers of srs: the error names the range that is allowed")
def numbers(_):
    for option, number, said in (
            ("--hash-length", "29", "from 1 to 27"),
            ("--hash-length", "0", "from 1 to 27"),
            ("--hash-min", "0", "from 1 to 27"),
            ("--hash-min", "7", "--hash-min 7 is above --hash-length 6"),
            ("--max-age", "501", "from 0 to 500"),
            ("--future-days", "x", "from 0 to 30")):
        done = encode("--domain", "fwd.example", option, number)
        tap.equal((done.returncode, done.stdout), (2, ""), option)
        if said not in done.stderr:
            raise AssertionError(f"{option} {number}: {done.stderr}")
    for options in (["--hash-length", "1"],
                    ["--hash-length", "27", "--hash-min", "1"]):
        done = encode("--domain", "fwd.example", *options)
        tap.equal(done.returncode, 0, done.stderr)


@case("srs --help begins with what administrators do")
def help_order(_):
    usage_text = subprocess.run([SRS, "--help"], check=False,
                                capture_output=True, text=True).stdout
    found = re.findall(r"^(?:usage:)? *srs ([a-z]+)", usage_text, re.M)
    tap.equal(found[:4], ["explain", "keygen", "ask", "encode"])


def rrs(*words, stdin=""):
    """Exit status and lines of srs rrs."""
    done = subprocess.run(
        [SRS, "rrs", "--secret", "correct horse battery", *words], check=False,
        input=stdin, capture_output=True, text=True)
    return done.returncode, done.stdout.splitlines()


@case("srs rrs: forwarder and address as words, as a word and lines, as lines")
def forwarders(_):
    one, two = "Bob@our.example", "ann+x@b\u00fcro.example"
    rc, lines = rrs("old.example", one, two)
    tap.equal(rc, 0)
    tap.equal([line.split("=", 2)[2] for line in lines],
              ["old.example=Bob@our.example",
               "old.example=ann+x@xn--bro-hoa.example"])
    tap.equal(rrs("old.example", stdin=f"{one}\n{two}\n"), (0, lines))
    tap.equal(rrs(stdin=f"OLD.example. {one}\r\nold.example \t {two}"), (0, lines))
    tap.equal(rrs("old.example", "bOB@OUR.example")[1][0].split("=")[1],
              lines[0].split("=")[1], "case is no part of the hash")


@case("srs rrs: what can't be is said, line by line")
def bad_forwarders(_):
    rc, lines = rrs(stdin="example bob@our.example\n"
                          "old.example\n\n"
                          "old.example bob\n"
                          f"old.example {'b' * 36}@our.example\n"
                          f"old.example {'b' * 35}@our.example\n"
                          "old.example SRS0=a=b=c=d@our.example\n")
    tap.equal(rc, 1)
    tap.equal([line[:24] for line in lines],
              ["! the forwarder is not a", "! not an address, or fie",
               "! the forwarder is not a", "! not an address, or fie",
               "! too long: over 64 byte", lines[5][:24],
               "! not an address, or fie"])
    tap.equal(len(lines[5].split("@")[0]), 64)
    tap.equal(rrs("", "bob@our.example")[0], 2)


@case("srs explain: an address for a forwarder, and a forged one")
def explained_rrs(_):
    address = rrs("old.example", "Bob@our.example")[1][0]
    for given, secret, said in (
            (address, "correct horse battery", "verdict    ok"),
            (address.upper(), "correct horse battery", "verdict    ok"),
            (address, "another horse battery", "verdict    the hash does not match"),
            (address.replace("Bob", "Bab"), "correct horse battery",
             "verdict    the hash does not match")):
        done = subprocess.run([SRS, "explain", "--secret", secret, given],
                              check=False, capture_output=True, text=True)
        if said not in done.stdout or (done.returncode == 0) != said.endswith("ok"):
            raise AssertionError(done.stdout)


@case("srs explain: no control or format character gets to the terminal")
def explained(_):
    text = "a\x1b\u009b\u202e\u00fc@x.example"
    for locale, shown in (("C", "a\\x1b\\xc2\\x9b\\xe2\\x80\\xae\\xc3\\xbc"),
                          ("C.UTF-8", "a\\x1b\\xc2\\x9b\\xe2\\x80\\xae\u00fc")):
        done = subprocess.run([SRS, "explain", text], check=False,
                              capture_output=True, text=True,
                              encoding="utf-8", env={"LC_ALL": locale})
        tap.equal(done.stdout.splitlines()[0], shown + "@x.example", locale)


@case("make quickstart: an address there and back, SPF, and what to put where")
def quickstart(site):
    done = subprocess.run([os.path.join(TOP, "scripts", "quickstart")],
                          env={**os.environ, "BUILD": BUILD,
                               "TMPDIR": site.directory},
                          text=True, capture_output=True, check=False,
                          stdin=subprocess.DEVNULL)
    tap.equal(done.returncode, 0, done.stdout + done.stderr)
    lines = done.stdout.splitlines()
    for wanted in ("bob@example.com", "! NOTFOUND", "pass",
                   "LOCAL_DOMAIN(`srs.example.net')dnl",
                   "include(`/etc/mail/mailfrom-srs.m4')dnl",
                   "default_transport = srsout:[127.0.0.1]:10027",
                   "srsclean  unix  n       -       n       -       0       "
                   "cleanup"):
        if wanted not in lines:
            raise AssertionError(f"no {wanted!r} in {done.stdout}")
    tap.equal(glob.glob(os.path.join(site.directory, "tmp*")), [], "left")


def main():
    with tempfile.TemporaryDirectory() as directory:
        return suite.run(Site(directory))


if __name__ == "__main__":
    sys.exit(main())
