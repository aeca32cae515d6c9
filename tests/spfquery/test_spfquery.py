#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
spfquery: the official suites, exit statuses, trace, JSON, lint, other programs'
options, hostile names and files.

usage: test_spfquery.py [WORD...]       only cases with these words in the name
"""

import glob
import gzip
import json
import os
import pty
import random
import re
import shutil
import subprocess
import sys
import tempfile
import unicodedata

import places
import tap
import zones
from places import BUILD
from tap import Skip, equal

PROGRAM = places.program("spfquery")

STATUS = {"pass": 0, "fail": 1, "softfail": 2, "neutral": 3, "permerror": 4,
          "temperror": 5, "none": 6}

suite = tap.Suite()
case = suite.case


def run(*arguments, **options):
    """spfquery with arguments: (status, stdout, stderr), all bytes."""
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    environment.update(options.pop("env", {}))
    done = places.run(PROGRAM, *arguments, text=False, timeout=120,
                      env=environment, **options)
    return done.returncode, done.stdout, done.stderr


def check(zone, *arguments, **options):
    """(result, lines of output) of a check in zone; the status must fit."""
    with zones.File(zone) as path:
        status, out, err = run("--zone", path, *arguments, **options)
    lines = out.decode().splitlines()
    if not lines or STATUS.get(lines[0]) != status:
        raise AssertionError(f"{arguments}: status {status}, {out!r}, {err!r}")
    return lines[0], lines


SIMPLE = {
    "pass.example": [{"TXT": "v=spf1 ip4:192.0.2.1 -all"}],
    "fail.example": [{"TXT": "v=spf1 -all"}],
    "soft.example": [{"TXT": "v=spf1 ~all"}],
    "neutral.example": [{"TXT": "v=spf1 ?all"}],
    "perm.example": [{"TXT": "v=spf1 ipv4:192.0.2.1 -all"}],
    "temp.example": ["TIMEOUT"],
    "none.example": [{"A": "192.0.2.1"}],
}


# --- suites -----------------------------------------------------------------

def suite_file(name, directory):
    """A suite of python3-spf, unpacked to directory."""
    reason = places.fetch("pyspf")
    found = glob.glob(places.peer("pyspf", "usr/share/doc/*", name + ".gz"))
    if not found:
        raise Skip(f"no python3-spf: {reason}")
    path = os.path.join(directory, name)
    with gzip.open(found[0]) as packed, open(path, "wb") as file:
        shutil.copyfileobj(packed, file)
    return path


def run_suite(name):
    """(status, names of failed tests, last line)"""
    with tempfile.TemporaryDirectory() as directory:
        status, out, err = run("--suite", suite_file(name, directory))
    equal(err, b"", name)
    *failures, last = out.decode().splitlines()
    return status, [re.match(r"FAIL \S+: ([^:]+):", line).group(1)
                    for line in failures], last


@case
def suite_of_rfc_7208_passes():
    equal(run_suite("rfc7208-tests.yml"), (0, [], "203 passed, 0 failed"))


# Where RFC 7208 changed what this suite asks for; none, as it happens: the
# suite allows both wherever the two differ, and leaves the void limit out.
RFC_4408_DIFFERENCES = []


@case
def suite_of_rfc_4408_passes_but_for_differences():
    status, failed, last = run_suite("rfc4408-tests.yml")
    equal(failed, RFC_4408_DIFFERENCES)
    equal((status, last), (0, "191 passed, 0 failed"))


@case
def suite_of_pyspf_fails_in_its_own_modes_alone():
    equal(run_suite("test.yml"),
          (1, ["default-modifier", "default-modifier-harsh"],
           "14 passed, 2 failed"))


@case
def suite_of_long_names_passes():
    equal(run("--suite", places.source("tests/spfquery/long-names.yml")),
          (0, b"9 passed, 0 failed\n", b""))


@case
def several_suites_are_counted_together():
    with tempfile.TemporaryDirectory() as directory:
        paths = [suite_file(name, directory)
                 for name in ("rfc7208-tests.yml", "test.yml")]
        status, out, _ = run("--suite", *paths)
    equal(status, 1)
    equal(out.decode().splitlines()[-1], "217 passed, 2 failed")


@case
def failures_of_a_suite_are_named_and_safe():
    suite = {"zonedata": SIMPLE, "tests": {
        "right": {"host": "192.0.2.1", "mailfrom": "a@pass.example",
                  "helo": "x", "result": ["neutral", "pass"]},
        "wrong \x1b[2J": {"host": "192.0.2.1", "mailfrom": "a@fail.example",
                          "helo": "x", "result": ["pass", "softfail\x07"]},
        "words": {"host": "192.0.2.1", "mailfrom": "a@fail.example",
                  "helo": "x", "result": "fail", "explanation": "no\n"},
        "no host": {"host": "here", "mailfrom": "a@fail.example",
                    "helo": "x", "result": "fail"},
        "nothing": {}, "list": [1, 2]}}
    with zones.File(None, json.dumps(suite).encode()) as path:
        status, out, _ = run("--suite", path)
    lines = out.decode().splitlines()
    equal((status, lines[-1]), (1, "1 passed, 5 failed"))
    equal(lines[0], f"FAIL {path}: wrong \\x1b[2J: want pass or softfail\\x07"
          ", have fail")
    equal(lines[1], f"FAIL {path}: words: want explanation \"no\\x0a\", have "
          "\"DEFAULT\"")
    equal(lines[2], f"FAIL {path}: no host: want fail, have no such host "
          "address")


# --- results ----------------------------------------------------------------

@case
def exit_status_and_first_line_say_the_result():
    domains = {"pass": "pass", "fail": "fail", "softfail": "soft",
               "neutral": "neutral", "permerror": "perm", "temperror": "temp",
               "none": "none"}
    for result, domain in domains.items():
        for more in ((), ("--trace",)):
            equal(check(SIMPLE, "--ip", "192.0.2.1", "--sender",
                        f"me@{domain}.example", "--helo", "h.example",
                        *more)[0], result, domain)
        with zones.File(SIMPLE) as path:
            status, out, _ = run("--zone", path, "--ip", "192.0.2.1",
                                 "--sender", f"me@{domain}.example", "--json")
        equal(json.loads(out)["result"], result)
        equal(status, STATUS[result])


@case
def output_has_reason_explanation_and_header_fields():
    zone = {"e.example": [{"TXT": "v=spf1 mx -all exp=why.e.example"},
                          {"MX": [0, "m.example"]}],
            "why.e.example": [{"TXT": "%{i} isn't for %{o}"}]}
    _, lines = check(zone, "192.0.2.9", "a@e.example", "h.example",
                     "--receiver", "here.example")
    equal(lines[:3], ["fail", 'why: "-all" matches in the record of e.example',
                      "explanation: 192.0.2.9 isn't for e.example"])
    text = "\n".join(lines)
    for needed in (r"^Received-SPF: fail .*", r"client-ip=192\.0\.2\.9",
                   r"^Authentication-Results: here\.example;\n\tspf=fail"):
        if not re.search(needed, text, re.M):
            raise AssertionError(f"no {needed} in {text}")


@case
def identities():
    zone = {"h.example": [{"TXT": "v=spf1 -all"}],
            "s.example": [{"TXT": "v=spf1 +all"}]}
    for arguments, result in (
            (("--sender", "a@s.example", "--helo", "h.example"), "pass"),
            (("--sender", "<a@s.example>", "--helo", "h.example"), "pass"),
            (("--sender", "s.example"), "pass"),
            (("--sender", "", "--helo", "h.example"), "fail"),
            (("--sender", "<>", "--helo", "h.example"), "fail"),
            (("--helo", "h.example"), "fail"),
            (("--sender", "a@s.example", "--helo", "h.example",
              "--scope", "helo"), "fail"),
            (("--sender", "a@s.example", "--helo", "h.example",
              "--identity", "helo"), "fail"),
            (("--identity", "a@s.example"), "pass"),
            (("--identity", "h.example", "--scope", "helo"), "fail")):
        equal(check(zone, "--ip", "::ffff:192.0.2.1", *arguments)[0], result,
              arguments)


@case
def records_can_be_given_guessed_and_delegated():
    zone = {**SIMPLE, "none.example._spf.d.example":
            [{"TXT": "v=spf1 ip4:192.0.2.3 -all"}]}
    for arguments, result in (
            (("--record", "v=spf1 ~all"), "softfail"),
            (("--override", "none.example=v=spf1 -all"), "fail"),
            (("--override", "None.Example.=v=spf1 -all"), "fail"),
            (("--override", "other.example=v=spf1 -all"), "none"),
            (("--guess", "a -all"), "pass"),
            (("--guess", "v=spf1 ?all"), "neutral"),
            (("--best-guess",), "pass"),
            (("--delegate", "d.example"), "fail"),
            ((), "none")):
        equal(check(zone, *arguments, "192.0.2.1", "a@none.example",
                    "x")[0], result, arguments)
    equal(check(zone, "--record", "v=spf1 include:fail.example redirect="
                "soft.example", "192.0.2.1", "a@temp.example", "x")[0],
          "softfail")
    equal(check(SIMPLE, "--default-explanation", "no, %{d}!", "192.0.2.1",
                "a@fail.example", "x")[1][2], "explanation: no, fail.example!")
    equal(check(SIMPLE, "--default-explanation", "%{t}", "--now", "12345",
                "192.0.2.1", "a@fail.example", "x")[1][2],
          "explanation: 12345")


@case
def many_checks_from_a_file():
    lines = ("# a comment\n\n192.0.2.1 a@pass.example h.example\n"
             "  192.0.2.2\ta@pass.example\n192.0.2.1 fail.example x\r\n")
    with zones.File(SIMPLE) as path:
        status, out, _ = run("--zone", path, "--file", "-", "--json",
                             input=lines.encode())
        equal(status, 0)
        equal([json.loads(line)["result"] for line in out.splitlines()],
              ["pass", "fail", "fail"])
        with zones.File(None, lines.encode()) as file:
            status, out, _ = run("--zone", path, "-f", file)
        equal((status, out.decode().count("Received-SPF: ")), (0, 3))
        for bad in (b"192.0.2.1\n", b"1 a@b c\n", b"192.0.2.1 a b c\n"):
            status, out, err = run("--zone", path, "--file", "-", input=bad +
                                   b"192.0.2.1 a@pass.example\n")
            equal((status, out.split(b"\n")[0]), (255, b"pass"), bad)
            equal(err.count(b"\n"), 1, bad)
    equal(run("--zone", places.source("tests/spfquery/example.yml"), "--file", "/nowhere")[0], 255)


@case
def wrong_usage_is_255_with_one_message():
    zone = ("--zone", places.source("tests/spfquery/example.yml"))
    for arguments in (
            (), ("--ip", "192.0.2.1"), ("--sender", "a@b.example"),
            ("--ip", "192.0.2.1.2", "--sender", "a@b.example", *zone),
            ("--ip", "", "--sender", "a@b.example", *zone),
            ("192.0.2.1", "a@b.example"), ("a.example",),
            ("192.0.2.1", "a@b.example", "h", "i"),
            ("--nonsense",), ("--ip",), ("--suite",),
            ("--scope", "pra", "--ip", "192.0.2.1", "--helo", "x"),
            ("--engine", "other", "--ip", "192.0.2.1", "--helo", "x"),
            ("--timeout", "0", "--lint", "a.example"),
            ("--timeout", "26", "--lint", "a.example"),
            ("--timeout", "1x", "--lint", "a.example"),
            ("--override", "v=spf1", "--override", "=x"),
            ("--override", "*.example=v=spf1 -all"),
            ("--suite", "--lint", "a.example"), ("--suite", "--json", "x"),
            ("--lint", "nodots", *zone), ("--lint", "a..b", *zone),
            ("--zone", "x", "--nameserver", "192.0.2.1", "--lint", "a.b"),
            ("--zone", "/nowhere", "--lint", "a.example"),
            ("--zone", "/", "--lint", "a.example"),
            ("--suite", "/nowhere"), ("--suite", "/"),
            ("--scope", "helo", "--ip", "192.0.2.1", "--sender", "a@b.c")):
        status, _, err = run(*arguments)
        equal(status, 255, arguments)
        if not err:
            raise AssertionError(f"{arguments}: no message")
    equal(run("--help")[0], 0)
    equal(run("--version")[1].split()[:2], [b"spfquery", b"(mailfrom)"])


@case
def a_full_disk_is_an_error():
    if not os.path.exists("/dev/full"):
        raise Skip("no /dev/full")
    with zones.File(SIMPLE) as path, open("/dev/full", "wb") as full:
        done = subprocess.run([PROGRAM, "--zone", path, "192.0.2.1",
                               "a@pass.example", "x"], stdout=full,
                              stderr=subprocess.PIPE, check=False)
    equal(done.returncode, 255)


# --- other programs' options ------------------------------------------------

@case
def options_of_other_programs_work():
    helo = {"h.example": [{"TXT": "v=spf1 ip4:192.0.2.1 -all"}]}
    zone = {**SIMPLE, **helo}
    for arguments, result in (
            # libspf2
            (("-ip=192.0.2.1", "-sender=a@pass.example", "-helo=x.example"),
             "pass"),
            (("-ip", "192.0.2.1", "-sender", "a@fail.example",
              "-rcpt-to", "you@example.com"), "fail"),
            (("-i", "192.0.2.1", "-s", "a@pass.example", "-h", "x"), "pass"),
            (("-ip", "192.0.2.1", "-helo", "h.example"), "pass"),
            (("-ip", "192.0.2.1", "-sender", "a@none.example", "-guess",
              "a -all", "-name", "here.example"), "pass"),
            (("-ip", "192.0.2.1", "-sender", "a@fail.example",
              "-default-explanation", "no", "-sanitize", "-trusted", "0",
              "-debug", "-keep-comments"), "fail"),
            # Mail::SPF
            (("--scope", "helo", "--identity", "h.example", "--ip-address",
              "192.0.2.2"), "fail"),
            (("--scope", "mfrom", "--id", "a@soft.example", "--ip",
              "192.0.2.2", "--helo-identity", "x", "--versions", "1,2",
              "--hostname", "here.example"), "softfail"),
            (("-s", "helo", "--id", "h.example", "--ip", "192.0.2.1"),
             "pass"),
            (("--mail-from", "a@soft.example", "--ip", "192.0.2.2"),
             "softfail"),
            (("-m", "a@soft.example", "--ip", "192.0.2.2"), "softfail"),
            (("--mfrom", "a@soft.example", "--ip", "192.0.2.2", "--def-exp",
              "x"), "softfail"),
            # pyspf
            (("192.0.2.1", "a@pass.example", "x.example"), "pass"),
            (("-v", "192.0.2.1", "a@pass.example", "x.example"), "pass"),
            (("v=spf1 ?all", "192.0.2.1", "a@pass.example", "x"),
             "neutral")):
        equal(check(zone, *arguments)[0], result, arguments)


@case
def options_without_effect_say_so():
    with zones.File(SIMPLE) as path:
        _, out, err = run("--zone", path, "--ip", "192.0.2.1", "--sender",
                          "a@pass.example", "--rcpt-to", "b@c.example",
                          "--sanitize")
    equal(out.split(b"\n")[0], b"pass")
    equal(err, b"spfquery: rcpt-to has no effect here\n"
          b"spfquery: sanitize has no effect here\n")


@case
def options_that_would_change_results_are_refused():
    for option in (("--local", "a"), ("--max-lookup", "9"), ("--tfwl",),
                   ("--fallback", "a=b"), ("--pra", "a@b"),
                   ("--versions", "2"), ("-s", "pra")):
        status, out, err = run("--ip", "192.0.2.1", "--helo", "x", *option)
        equal((status, out, bool(err)), (255, b"", True), option)


# --- trace ------------------------------------------------------------------

TREE = {
    "t.example": [{"TXT": "v=spf1 ip4:192.0.2.1 ip4:192.0.2.2 ip4:192.0.2.3 "
                   "include:i.example a:%{l}.gone.example mx "
                   "redirect=r.example"},
                  {"MX": [10, "m1.example"]}, {"MX": [5, "m0.example"]}],
    "i.example": [{"TXT": "v=spf1 a:m1.example -all"}],
    "m0.example": [{"A": "192.0.2.10"}, {"A": "192.0.2.11"}],
    "m1.example": [{"A": f"192.0.2.{n}"} for n in range(20, 30)],
    "r.example": [{"TXT": "v=spf1 ptr:none.example exists:broken.example"}],
    "broken.example": ["TIMEOUT"],
}
TREE_DRAWN = """\
temperror

MAIL FROM <me@t.example>, from 198.51.100.1, HELO h.example
|- TXT t.example -> an SPF record
`- t.example  temperror
   |  v=spf1 ip4:192.0.2.1 ip4:192.0.2.2 ip4:192.0.2.3 include:i.example
   |  a:%{l}.gone.example mx redirect=r.example
   |- ip4:192.0.2.1 ... ip4:192.0.2.3  no match (3 networks)
   |- include:i.example  no match  (term 1 of 10)
   |  |- TXT i.example -> an SPF record
   |  `- i.example  fail
   |     |  v=spf1 a:m1.example -all
   |     |- a:m1.example  no match  (term 2 of 10)
   |     |  `- A m1.example -> 192.0.2.20, 192.0.2.21, 192.0.2.22, 192.0.2.23 \
and 6 more
   |     `- -all  matches: fail
   |- a:%{l}.gone.example  no match  (term 3 of 10)
   |  |- %{l}.gone.example -> me.gone.example
   |  `- A me.gone.example -> nothing (NXDOMAIN)  (void 1 of 2)
   |- mx  no match  (term 4 of 10)
   |  |- MX t.example -> m0.example, m1.example
   |  |- A m0.example -> 192.0.2.10, 192.0.2.11
   |  `- A m1.example -> 192.0.2.20, 192.0.2.21, 192.0.2.22, 192.0.2.23 and \
6 more
   `- redirect=r.example  (term 5 of 10)
      |- TXT r.example -> an SPF record
      `- r.example  temperror
         |  v=spf1 ptr:none.example exists:broken.example
         |- ptr:none.example  no match  (term 6 of 10)
         |  `- PTR 1.100.51.198.in-addr.arpa -> nothing (NXDOMAIN)  (void 2 of 2)
         `- exists:broken.example  (term 7 of 10)
            |- A broken.example -> failed: timeout
            `- problem: "exists:broken.example" in the record of r.example: \
DNS lookup of A broken.example failed: timeout
7 of 10 terms, 2 of 2 void lookups, 10 lookups
temperror: "exists:broken.example" in the record of r.example: DNS lookup of \
A broken.example failed: timeout
"""


def traced(zone, *arguments, **options):
    return "\n".join(check(zone, *arguments, "--trace", **options)[1]) + "\n"


@case
def trace_draws_the_whole_evaluation():
    text = traced(TREE, "198.51.100.1", "me@t.example", "h.example")
    found, expected = text.split("\n"), TREE_DRAWN.split("\n")
    for line in range(len(expected) - 1):
        equal(found[line], expected[line], f"line {line + 1} of the trace")


@case
def trace_has_lines_of_utf_8_in_such_a_locale():
    locales = subprocess.run(["locale", "-a"], capture_output=True, text=True,
                             check=False).stdout.split()
    name = next((n for n in locales if n.lower() in ("c.utf8", "c.utf-8")),
                None)
    if name is None:
        raise Skip("no locale C.UTF-8")
    text = traced(TREE, "198.51.100.1", "me@t.example", "h.example",
                  env={"LC_ALL": name})
    plain = text.replace("\u2502", "|").replace("\u251c\u2500", "|-") \
        .replace("\u2514\u2500", "`-").replace("\u2192", "->") \
        .replace("\u2026", "...")
    if plain == text:
        raise AssertionError("plain lines")
    equal(plain[:len(TREE_DRAWN)], TREE_DRAWN)


def on_terminal(*arguments, **environment):
    """What spfquery writes to a terminal."""
    primary, secondary = pty.openpty()
    with subprocess.Popen([PROGRAM, *arguments], stdout=secondary,
                          env={"LC_ALL": "C", "TERM": "xterm",
                               **environment}) as process:
        os.close(secondary)
        out = b""
        while True:
            try:
                some = os.read(primary, 65536)
            except OSError:     # Linux says EIO at the end
                break
            if not some:
                break
            out += some
    os.close(primary)
    return process.returncode, out


@case
def colours_are_for_terminals_that_want_them():
    with zones.File(TREE) as path:
        arguments = ("--zone", path, "198.51.100.1", "me@t.example", "x",
                     "--trace")
        status, out = on_terminal(*arguments)
        equal(status, 5)
        if b"\x1b[1;31m" not in out:
            raise AssertionError("no colours on a terminal")
        bare = re.sub(rb"\x1b\[[0-9;]*m", b"", out)
        if b"\x1b" in bare:
            raise AssertionError("other escape sequences")
        equal(bare.replace(b"\r\n", b"\n"), run(*arguments)[1])
        for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            if b"\x1b" in on_terminal(*arguments, **environment)[1]:
                raise AssertionError(f"colours in spite of {environment}")
        if b"\x1b" not in on_terminal(*arguments, NO_COLOR="")[1]:
            raise AssertionError("an empty NO_COLOR counts")


@case
def limits_are_seen_in_the_trace():
    zone = {"big.example": [{"TXT": "v=spf1 " + " ".join(
        f"a:h{n}.example" for n in range(11)) + " -all"}]}
    zone.update({f"h{n}.example": [{"A": "192.0.2.1"}] for n in range(11)})
    text = traced(zone, "192.0.2.9", "a@big.example", "x")
    for needed in ("(term 11 of 10)", "11 of 10 terms", "problem: ",
                   "permerror: "):
        if needed not in text:
            raise AssertionError(f"no {needed!r} in {text}")
    zone = {"v.example": [{"TXT": "v=spf1 a:a.example a:b.example a:c.example "
                           "-all"}]}
    text = traced(zone, "192.0.2.9", "a@v.example", "x")
    for needed in ("(void 3 of 2)", "3 of 2 void lookups"):
        if needed not in text:
            raise AssertionError(f"no {needed!r} in {text}")


# --- hostile text -----------------------------------------------------------

HOSTILE = ["\x1b[2J\x1b]0;x\x07", "a\r\nX-Evil: 1", "\x00", "\x7f\x80\x9b2J",
           "\u202egnp.exe", "\ufeff", "\"\\", "%s%n", "</script>", "\ud800"]


def hostile_zone():
    """Such text wherever DNS can have it."""
    zone = {}
    for number, text in enumerate(HOSTILE):
        text = text.encode("utf-8", "surrogatepass").decode("latin-1")
        name = f"h{number}.example"
        zone[name] = [{"TXT": f"v=spf1 mx ptr exists:{text}.example a:%{{l}}."
                       "example -all exp=why." + name},
                      {"MX": [1, text + ".example"]}, {"MX": [2, name]}]
        zone["why." + name] = [{"TXT": text + " %{s} %{h}"}]
        zone[f"m{number}.example"] = [
            {"TXT": f"v=spf1 mx:h{number}.example exists:%{{h}}.x.example "
             f"include:%{{l}}.example -all exp=why.{name}"}]
        zone[f"e{number}.example"] = [
            {"TXT": "v=spf1 -all exp=why." + name}]
    zone["1.2.0.192.in-addr.arpa"] = [
        {"PTR": t.encode("utf-8", "surrogatepass").decode("latin-1") +
         ".example"} for t in HOSTILE]
    return zone


def all_hostile():
    """Arguments with such text wherever a client can have it."""
    for number, text in enumerate(HOSTILE):
        raw = text.replace("\x00", "").encode("utf-8", "surrogatepass")
        for letter in "hme":
            domain = f"{letter}{number}.example"
            yield (b"--ip", b"192.0.2.1", b"--sender",
                   raw + b"@" + domain.encode(), b"--helo", raw)
        yield (b"--ip", b"192.0.2.1", b"--sender", b"a@" + raw)
        yield (b"--ip", b"192.0.2.1", b"--helo", raw + b".example")


@case
def hostile_text_never_reaches_a_terminal_raw():
    with zones.File(hostile_zone()) as path:
        for arguments in all_hostile():
            for more in ((), ("--trace",)):
                status, out, err = run("--zone", path, *arguments, *more)
                if status == 255:
                    raise AssertionError(f"{arguments}: {err!r}")
                # Header fields carry UTF-8, if the sender has it (RFC 8616).
                body = out.split(b"Received-SPF: ")[0]
                if re.search(rb"[^\n -~]", body):
                    raise AssertionError(f"{arguments}: {body!r}")
                head = out[len(body):]
                head.decode()
                if re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", head) or \
                        re.search(rb"\nX-Evil", head):
                    raise AssertionError(f"{arguments}: {head!r}")
                if err:
                    raise AssertionError(f"{arguments}: {err!r}")
        for number in range(len(HOSTILE)):
            for letter in "hme":
                _, out, _ = run("--zone", path, "--lint",
                                f"{letter}{number}.example")
                if re.search(rb"[^\n -~]", out):
                    raise AssertionError(f"lint of h{number}: {out!r}")


HIDDEN = ("Cc", "Cf", "Zl", "Zp")


def all_characters():
    """Those past ASCII, 64 at a time; surrogates and private ones aside."""
    known = [chr(code) for code in range(0x80, 0x110000)
             if unicodedata.category(chr(code)) not in ("Cn", "Co", "Cs")]
    return ["".join(known[i:i + 64]) for i in range(0, len(known), 64)]


def hidden_in(text):
    return [f"U+{ord(c):04X}" for c in text
            if c != "\n" and unicodedata.category(c) in HIDDEN]


@case
def characters_that_hide_are_escaped_and_no_others():
    texts = all_characters()
    lines = "".join(f"192.0.2.1 {text}@pass.example h\n" for text in texts)
    with zones.File(SIMPLE) as path:
        _, out, _ = run("--zone", path, "--json", "--file", "-",
                        input=lines.encode())
        reports = out.decode().split("\n")[:-1]
        equal(len(reports), len(texts))
        for text, report in zip(texts, reports):
            equal(json.loads(report)["sender"], text + "@pass.example")
            equal(hidden_in(report), [])
            raw = re.search(r'"sender":"([^"]*)@', report).group(1)
            equal(re.sub(r"\\u[0-9a-f]{4}", "", raw), "".join(
                c for c in text if unicodedata.category(c) not in HIDDEN))
        # The same on a terminal, which gets octets as \\xHH.
        _, out, _ = run("--zone", path, "--trace", "--file", "-",
                        input=lines.encode(), env={"LC_ALL": "C.UTF-8"})
    drawn = re.findall(r"^MAIL FROM <(.*)@pass\.example>", out.decode(), re.M)
    if not drawn[1].isascii():
        equal(drawn, ["".join(
            "".join(f"\\x{octet:02x}" for octet in c.encode())
            if unicodedata.category(c) in HIDDEN else c for c in text)
            for text in texts])
    equal(hidden_in("".join(drawn)), [])


@case
def json_is_valid_whatever_is_in_it():
    seen = set()
    with zones.File(hostile_zone()) as path:
        for arguments in all_hostile():
            _, out, _ = run("--zone", path, "--json", *arguments)
            if out.count(b"\n") != 1 or re.search(rb"[\x00-\x09\x0b-\x1f\x7f]",
                                                  out):
                raise AssertionError(f"{arguments}: {out!r}")
            report = json.loads(out.decode("utf-8"))
            seen |= {event["event"] for event in report["trace"]}
        for number in range(len(HOSTILE)):
            _, out, _ = run("--zone", path, "--json", "--lint",
                            f"h{number}.example")
            json.loads(out.decode("utf-8"))
    equal(seen, {"check", "record", "term", "macro", "lookup", "match",
                 "problem", "result"})


@case
def json_says_what_the_trace_says():
    with zones.File(TREE) as path:
        status, out, _ = run("--zone", path, "--json", "198.51.100.1",
                             "me@t.example", "h.example")
    report = json.loads(out)
    equal(status, STATUS["temperror"])
    for key, value in (("terms", 7), ("voids", 2), ("lookups", 10),
                       ("depth", 1), ("ip", "198.51.100.1"),
                       ("identity", "mailfrom"), ("questions", 0)):
        equal(report[key], value, key)
    lookups = [e for e in report["trace"] if e["event"] == "lookup"]
    equal(len(lookups), 10)
    equal((lookups[-1]["answer"], lookups[-1]["cause"]), ("error", "timeout"))
    equal(report["cause"], "timeout")
    equal([e for e in lookups[:-1] if "cause" in e], [])
    equal(next(e for e in lookups if e["type"] == "MX")["names"],
          ["m0.example", "m1.example"])
    equal(next(e for e in lookups if e["name"] == "m0.example")["addresses"],
          ["192.0.2.10", "192.0.2.11"])
    macro, = [e for e in report["trace"] if e["event"] == "macro"]
    equal((macro["before"], macro["after"]),
          ("%{l}.gone.example", "me.gone.example"))


@case
def members_of_json_are_those_of_the_page():
    with zones.File(SIMPLE) as path:
        report = json.loads(run("--zone", path, "--json", "192.0.2.1",
                                "a@pass.example", "x")[1])
    text = page()
    section = text[text.index(".Ss JSON"):text.index(".Ss ZONE FILES")]
    names = set(re.findall(r"\b([a-z_]{2,})\b", " ".join(
        re.findall(r"^\.Cm (.*)$", section, re.M))))
    equal(names - {"event"}, set(report), "members")


# --- lint -------------------------------------------------------------------

def many_hosts(count):
    return [{"MX": [n, "mail.example"]} for n in range(count)]


# 250 octets: a label more, and it is cut off (RFC 7208 7.3).
LONG = ".".join(["a" * 62] * 4)[1:]

LINT_WORLD = {
    "v4rec.example": [{"TXT": "v=spf1 a:v4.example ~all"}],
    "ok2.example": [{"TXT": "v=spf1 ip4:11.22.33.0/24 ?all"}],
    "ok3.example": [{"TXT": "v=spf1 include:ok.example ?all"}],
    "mxip.example": [{"MX": [1, "11.0.0.1"]}, {"MX": [2, "mail.example"]}],
    LONG: [{"TXT": "v=spf1 +all"}],
    "ok.example": [{"TXT": "v=spf1 ip4:11.22.33.0/24 -all"}],
    "mail.example": [{"A": "192.0.2.1"}, {"AAAA": "2001:db8::1"}],
    "v4.example": [{"A": "192.0.2.1"}],
    "two.example": [{"TXT": "v=spf1 a"}, {"TXT": "v=spf1 mx"}],
    "nonspf.example": [{"TXT": "hello"}],
    "typo.example": [{"TXT": "v=spf1 ipv4:1.2.3.4"}],
    "all.example": [{"TXT": "v=spf1 +all"}],
    "loop.example": [{"TXT": "v=spf1 include:l.example -all"}],
    "mx8.example": many_hosts(8),
    "mx11.example": many_hosts(11),
    "nullmx.example": [{"MX": [0, ""]}],
    "deadmx.example": [{"MX": [0, "gone.example"]}],
    "dead.example": ["TIMEOUT"],
    "voids.example": [{"TXT": "v=spf1 a:n1.example a:n2.example ?all"}],
    "exp.example": [{"TXT": "sorry, %{i}"}],
    "exp2.example": [{"TXT": "a"}, {"TXT": "b"}],
    "expbad.example": [{"TXT": "100% bad"}],
    "wide.example": [{"TXT": "v=spf1 " + " ".join(
        "a:mail.example" for _ in range(9)) + " ~all"}],
}

# (record of l.example, expected findings but for notes that aren't named)
LINT = [
    ("v=spf1 ip4:11.22.33.0/24 -all", []),
    ("v=spf1 -all", ["note parked"]),
    ("v=spf1 a:mail.example include:ok.example ~all", []),
    ("v=spf1 redirect=ok.example", []),
    ("v=spf1 exists:%{i}.x.example -all", ["note macro"]),
    ("v=spf1 ra=me a:mail.example -all", ["note order"]),
    ("v=spf1 a:mail.example -all ra=me", []),
    # syntax
    ("v=spf1 ipv4:192.0.2.1 -all", ["error syntax"]),
    ("v=spf1 ip:192.0.2.1 ipv6:2001:db8::1 inclde:x.example -all",
     ["error syntax"] * 3),
    ("v=spf1 a:%{z}.example mx/33 -all", ["error syntax"] * 2),
    ("v=spf1 192.0.2.1 -all", ["error syntax"]),
    ("v=spf1 redirect=ok.example redirect=ok.example",
     ["error syntax"]),
    ("v=spf1 include=ok.example -all", ["warning typo", "note order", "note parked"]),
    ("v=spf1 -all ip4=192.0.2.1", ["warning typo", "note parked"]),
    ("v=spf1 redirct=ok.example", ["warning typo", "warning no-all"]),
    ("v=spf1 a:mail.example v=spf1 -all", ["warning typo"]),
    ("v=spf1 -all moo=1", ["warning modifier", "note parked"]),
    # what all says
    ("v=spf1 +all", ["error everybody"]),
    ("v=spf1 all", ["error everybody"]),
    ("v=spf1 ip4:0.0.0.0/0 -all", ["error everybody"]),
    ("v=spf1 ip6:::/0 -all", ["error everybody"]),
    ("v=spf1 a:mail.example/0 -all", ["error everybody"]),
    ("v=spf1 include:all.example -all", ["error everybody"]),
    (f"v=spf1 include:cut.{LONG} -all", ["error everybody", "note strings"]),
    ("v=spf1 ?all", ["warning neutral-all"]),
    ("v=spf1 a:mail.example ?all", ["warning neutral-all"]),
    ("v=spf1 a:mail.example", ["warning no-all"]),
    ("v=spf1", ["warning no-all"]),
    ("v=spf1 -all a:mail.example", ["warning after-all"]),
    ("v=spf1 -all redirect=ok.example", ["warning redirect", "note parked"]),
    # networks
    ("v=spf1 ip4:11.0.0.0/8 -all", ["warning broad"]),
    ("v=spf1 ip6:2400::/12 -all", ["warning broad"]),
    ("v=spf1 a:mail.example/8 -all", ["warning broad"]),
    ("v=spf1 ip4:10.1.2.3 -all", ["warning special-use"]),
    ("v=spf1 ip6:fe80::1 -all", ["warning special-use"]),
    ("v=spf1 ip6:::ffff:192.0.2.1 -all", ["warning mapped"]),
    ("v=spf1 ip4:11.22.33.1/24 -all", ["note host-bits"]),
    ("v=spf1 ip4:11.22.33.1 ip4:11.22.33.1 -all", ["warning duplicate"]),
    ("v=spf1 a:mail.example -A:mail.example -all", ["warning duplicate"]),
    ("v=spf1 ip4:11.22.33.0/24 ip4:11.22.33.7 -all", ["warning covered"]),
    # terms that are better not used
    ("v=spf1 ptr -all", ["warning ptr"]),
    ("v=spf1 exists:%{p}.x.example -all", ["warning macro-p", "note macro"]),
    ("v=spf1 exists:mail.example -all", ["warning exists", "error everybody"]),
    ("v=spf1 -exists:mail.example -all", ["warning exists"]),
    # names
    ("v=spf1 a:gone.example -all", ["warning nowhere"]),
    ("v=spf1 mx -all", ["warning nowhere"]),
    ("v=spf1 mx:nullmx.example -all", ["warning nowhere"]),
    ("v=spf1 mx:deadmx.example -all", ["warning nowhere"]),
    ("v=spf1 exists:gone.example -all", ["warning exists", "warning nowhere"]),
    ("v=spf1 include:gone.example -all", ["error no-record"]),
    ("v=spf1 include:nonspf.example -all", ["error no-record"]),
    ("v=spf1 redirect=nonspf.example", ["error no-record"]),
    ("v=spf1 include:two.example -all", ["error many-records"]),
    ("v=spf1 include:typo.example -all", ["error broken"]),
    ("v=spf1 redirect=typo.example",
     ["error broken", "error syntax"]),
    ("v=spf1 include:l.example -all", ["error loop"]),
    ("v=spf1 include:loop.example -all", ["error loop"]),
    ("v=spf1 a:dead.example -all", ["error dns"]),
    ("v=spf1 include:dead.example -all", ["error dns"]),
    ("v=spf1 mx:dead.example exists:dead.example -all exp=dead.example",
     ["warning exists", "warning exp", "error dns"]),
    # limits
    ("v=spf1 mx:mx8.example -all", ["warning near-mx"]),
    ("v=spf1 mx:mx11.example -all", ["error many-mx"]),
    ("v=spf1 include:voids.example -all",
     ["warning nowhere"] * 2 + ["warning near-voids"]),
    ("v=spf1 include:voids.example mx -all",
     ["warning nowhere"] * 3 + ["error many-voids"]),
    ("v=spf1 a:v4.example a:V4.example. a:v4.example//64 -all",
     ["warning duplicate", "error many-voids"]),
    ("v=spf1 include:wide.example -all", ["warning near-terms"]),
    ("v=spf1 include:wide.example a:mail.example -all",
     ["error many-terms"]),
    ("v=spf1 " + " ".join(f"ip4:11.22.{n}.7" for n in range(20)) + " -all",
     ["note strings"]),
    ("v=spf1 " + " ".join(f"ip4:11.22.{n}.7" for n in range(40)) + " -all",
     ["warning long", "note strings"]),
    # more
    ("v=spf1 a:v4.example include:v4rec.example -all",
     ["warning near-voids"]),
    ("v=spf1 include:ok.example include:ok2.example -all", ["note twice"]),
    ("v=spf1 include:ok.example include:OK.example -all",
     ["warning duplicate", "warning repeat"]),
    ("v=spf1 include:ok.example include:ok3.example -all",
     ["warning repeat"]),
    ("v=spf1 ip4:11.22.33.0/25 ip4:11.22.33.128/25 -all", ["note merge"]),
    ("v=spf1 ip4:11.22.33.0/25 -ip4:11.22.33.128/25 -all", []),
    ("v=spf1 ip4:224.1.2.3 ip4:240.0.0.1 ip6:ff02::1 -all",
     ["warning special-use"] * 3),
    ("v=spf1 ip4:192.0.2.1 ip4:198.51.100.0/24 ip6:2001:db8::1 -all",
     ["note special-use"]),
    ("v=spf1 mx:mxip.example -all", ["warning mx-address"]),
    ("v=spf1 a:x..y.example -all", ["warning no-name"]),
    ("v=spf1 a:%{v}.gone.example a:%{d1}.%{d} -all",
     ["warning nowhere"] * 3 + ["warning near-voids"]),
    ("v=spf1 a a:l.example -all",
     ["warning nowhere", "warning duplicate", "warning nowhere",
      "warning near-voids"]),
    ("v=spf1 ?include:all.example -all", ["warning neutral-all"]),
    ("v=spf1 include:%{l}.x.example -all",
     ["note macro", "error macro-error"]),
    ("v=spf1 include:x..y.example -all", ["error no-name"]),
    ("v=spf1 ipv4:11.0.0.1 mx:nullmx.example -all a",
     ["error syntax", "warning after-all", "warning nowhere"]),
    # exp
    ("v=spf1 a:mail.example -all exp=exp.example", []),
    ("v=spf1 ~all exp=exp.example", ["warning exp-unused"]),
    ("v=spf1 a:mail.example -all exp=gone.example", ["warning exp"]),
    ("v=spf1 a:mail.example -all exp=exp2.example", ["warning exp"]),
    ("v=spf1 a:mail.example -all exp=expbad.example", ["warning exp"]),
]

lint_seen = set()


def lint(zone, *arguments, domain="l.example"):
    """(status, ["level code"...], the object) of --lint --json."""
    with zones.File(zone) as path:
        status, out, err = run("--zone", path, "--json", "--lint", domain,
                               *arguments)
        plain = run("--zone", path, "--lint", domain, *arguments)
    equal(err, b"")
    found = json.loads(out)
    equal(plain[0], status)
    equal(status, 1 if found["errors"] else 0, "status")
    listed = [f"{f['level']} {f['code']}" for f in found["findings"]]
    lint_seen.update(f["code"] for f in found["findings"])
    equal(re.findall(r"^(\w+): .*\[([a-z0-9-]+)\]$", plain[1].decode(), re.M),
          [tuple(item.split()) for item in listed], "plain and JSON")
    return status, listed, found


@case
def lint_finds_each_mistake_and_nothing_else():
    problems = []
    for record, expected in LINT:
        zone = {**LINT_WORLD, "l.example": [{"TXT": record}]}
        _, listed, found = lint(zone)
        if sorted(listed) != sorted(expected):
            problems.append(f"{record}: {listed}: " + "; ".join(
                f["term"] + ": " + f["text"] for f in found["findings"]))
        # The same without a zone's TXT.
        equal(lint(LINT_WORLD, "--record", record)[1], listed, record)
    if problems:
        raise AssertionError("\n".join(problems))


@case
def lint_of_domains_without_a_good_record():
    for records, expected in (
            ([], "warning no-record"),
            ([{"TXT": "hello"}], "warning no-record"),
            ([{"TXT": "v=spf1; a -all"}], "warning no-record"),
            ([{"TXT": "v=spf1 a"}, {"TXT": "v=spf1 -all"}],
             "error many-records"),
            (["TIMEOUT"], "error dns")):
        equal(lint({"l.example": records})[1], [expected], records)
    _, _, found = lint({"l.example": [{"TXT": "v=spf1;-all"}]})
    if "v=spf1;-all" not in found["findings"][0]["text"]:
        raise AssertionError(found)


@case
def lint_of_endless_trees_ends():
    zone = {f"n{n}.example": [{"TXT": "v=spf1 " + " ".join(
        f"include:n{(n * 7 + k) % 97}.example" for k in range(1, 30)) +
        " -all"}] for n in range(97)}
    _, listed, found = lint(zone, domain="n0.example")
    if "error loop" not in listed and "error many-terms" not in listed:
        raise AssertionError(listed)
    if len(found["findings"]) > 10000:
        raise AssertionError(f"{len(found['findings'])} findings")
    # Branches that nothing ends, and more names than anybody asks for.
    zone = {f"n{n}.example": [{"TXT": "v=spf1 " + " ".join(
        f"?include:n{n + 1}.example" for k in range(8)) + " -all"}]
        for n in range(60)}
    equal(lint(zone, "--max-terms", "100", domain="n0.example")[0], 1)
    zone = {"l.example": [{"TXT": "v=spf1 " + " ".join(
        f"a:n{n}.x" for n in range(1200)) + " -all"}]}
    if "warning endless" not in lint(zone)[1]:
        raise AssertionError("1200 names, and not endless")


# What records that were taken for fine, or for wrong, really give: the errors,
# and the exit status by them.
CLIENTS = [
    # Void lookups of names that macros make.
    ("v=spf1 exists:%{i}.a.example exists:%{i}.b.example "
     "exists:%{i}.c.example -all", ["many-voids"]),
    ("v=spf1 ptr ptr:a.example ptr:b.example -all", ["many-voids"]),
    ("v=spf1 exists:%{l}.a.example a:%{h}.b.example mx:%{l}.c.example ?all",
     ["many-voids"]),
    ("v=spf1 exists:%{i}.a.example exists:%{i}.b.example -all", []),
    ("v=spf1 ip4:0.0.0.0/0 ip6:::/0 exists:%{i}.a.example "
     "exists:%{i}.b.example exists:%{i}.c.example -all",
     ["everybody", "everybody"]),
    # Names whose macros are known.
    ("v=spf1 a:x.%{d} a:y.%{d} a:z.%{o} -all", ["many-voids"]),
    ("v=spf1 a:%{v}.ip.example -all", []),
    ("v=spf1 include:%{o} -all", ["loop"]),
    ("v=spf1 exists:%{d} -all", ["everybody"]),
    ("v=spf1 include:_spf.%{d2} -all", ["no-record"]),
    ("v=spf1 include:%{l}.spf.example -all", ["macro-error"]),
    ("v=spf1 redirect=%{l}.spf.example", ["macro-error"]),
    # Everybody, through whatever.
    ("v=spf1 include:w1.example -all", ["everybody"]),
    ("v=spf1 redirect=w1.example", ["everybody"]),
    ("v=spf1 include:w2.example -all", ["everybody"]),
    ("v=spf1 ip4:0.0.0.0/1 ip4:128.0.0.0/1 -all", ["everybody"]),
    ("v=spf1 ip6:::/1 ip6:8000::/1 -all", ["everybody"]),
    ("v=spf1 a:mail.example/0 -all", ["everybody"]),
    ("v=spf1 ?exists:%{i}.x.example +all", []),
    ("v=spf1 exists:%{i}.x.example +all", ["everybody"]),
    ("v=spf1 -ip4:11.0.0.1 +all", ["everybody"]),
    ("v=spf1 -ip4:11.0.0.1 -ip6:2a00::/16 +all", []),
    # All, and nobody passes.
    ("v=spf1 ?include:w4.example -all", []),
    ("v=spf1 -include:w4.example -all", []),
    ("v=spf1 ~include:w1.example -all", []),
    ("v=spf1 include:w5.example -all", []),
    ("v=spf1 a:x..y.example a:z..z.example a:u..u.example -all", []),
    ("v=spf1 include:x..y.example -all", ["no-name"]),
    # Errors that nobody gets to.
    ("v=spf1 +all include:gone.example", ["everybody"]),
    ("v=spf1 -all a:gone.example a:gone.example a:gone.example", []),
    ("v=spf1 ?ip4:0.0.0.0/0 ?ip6:::/0 include:gone.example", []),
    ("v=spf1 ~ip4:0.0.0.0/0 ip6:::/0 redirect=two.example", ["everybody"]),
    ("v=spf1 -ip4:0.0.0.0/0 include:gone.example -all", ["no-record"]),
    ("v=spf1 mx:two.example -all include:two.example", []),
    # Limits by family, and by the order of terms.
    ("v=spf1 a:v4.example mx:m1.example a:v4.example//64 a:v4.example/24 -all",
     ["many-voids"]),
    ("v=spf1 ip6:::/0 a:v4.example a:v4.example//64 a:v4.example/24 -all",
     ["everybody"]),
    ("v=spf1 -ip6:::/0 a:v4.example a:v4.example//64 a:v4.example/24 -all",
     []),
    ("v=spf1 include:wide.example a:mail.example -all", ["many-terms"]),
    ("v=spf1 -ip4:0.0.0.0/0 -ip6:::/0 include:wide.example a:mail.example",
     []),
    ("v=spf1 mx:mx11.example -all", ["many-mx"]),
    ("v=spf1 mx:mxdead.example -all", ["dns"]),
    # Modifiers are no errors.
    ("v=spf1 include=ok.example -all", []),
    ("v=spf1 v=spf1 -all", []),
    ("v=spf1 a:mail.example -all exp=gone.example", []),
]

CLIENTS_WORLD = {
    **LINT_WORLD,
    "w1.example": [{"TXT": "v=spf1 ip4:0.0.0.0/0 -all"}],
    "w2.example": [{"TXT": "v=spf1 ?all redirect=x"},
                   {"CNAME": "w3.example"}][1:],
    "w3.example": [{"TXT": "v=spf1 a:mail.example/1 ip4:0.0.0.0/1 "
                           "ip4:128.0.0.0/2 ip4:192.0.0.0/2 ~all"}],
    "w4.example": [{"TXT": "v=spf1 +all"}],
    "w5.example": [{"TXT": "v=spf1 -all"}],
    "in-addr.ip.example": [{"A": "11.0.0.1"}],
    "ip6.ip.example": [{"AAAA": "2a00::1"}],
    "m1.example": [{"MX": [1, "mail.example"]}],
    "mxdead.example": [{"MX": [1, "mail.example"]},
                       {"MX": [2, "dead.example"]}],
}


@case
def lint_errors_are_what_clients_get():
    problems = []
    for record, expected in CLIENTS:
        zone = {**CLIENTS_WORLD, "l.example": [{"TXT": record}, {"A": "11.0.0.9"}]}
        status, listed, found = lint(zone)
        errors = [item.split()[1] for item in listed
                  if item.startswith("error ")]
        if errors != expected or status != (1 if expected else 0):
            problems.append(f"{record}: {status} {listed}: {found}")
    if problems:
        raise AssertionError("\n".join(problems))


def classes(record, family):
    """{result: (addresses for certain, possible ones)}, and others."""
    zone = {**CLIENTS_WORLD, "l.example": [{"TXT": record}]}
    found = lint(zone)[2][family]
    return {result: (sets["certain"]["addresses"],
                     sets["possible"]["addresses"])
            for result, sets in found["results"].items()}, found["others"]


@case
def lint_says_which_clients_get_what():
    every = str(2 ** 32)
    equal(classes("v=spf1 ip4:11.0.0.0/24 ~ip4:11.0.0.0/16 -all", "ipv4"),
          ({"pass": ("256", "0"), "softfail": (str(65536 - 256), "0"),
            "fail": (str(2 ** 32 - 65536), "0")}, ["fail"]))
    equal(classes("v=spf1 exists:%{i}.x -all", "ipv4"),
          ({"pass": ("0", every), "fail": ("0", every),
            "temperror": ("0", every)}, ["pass", "fail", "temperror"]))
    equal(classes("v=spf1 -include:w4.example ?all", "ipv4"),
          ({"fail": (every, "0")}, ["fail"]))
    equal(classes("v=spf1 include:w1.example -all", "ipv6"),
          ({"fail": (str(2 ** 128), "0")}, ["fail"]))
    equal(classes("v=spf1 a:mail.example mx:mxdead.example -all", "ipv4"),
          ({"pass": ("1", "0"), "temperror": (str(2 ** 32 - 1), "0")},
           ["temperror"]))


@case
def lint_says_who_reaches_a_bound():
    zone = {**CLIENTS_WORLD, "l.example": [{"TXT":
            "v=spf1 ip4:11.0.0.0/24 -ip4:11.0.1.0/24 a:gone.example "
            "include:wide.example -all"}]}
    found = lint(zone)[2]["ipv4"]
    equal([(name, found[name]["count"], found[name]["reached"])
           for name in ("terms_least", "terms_most", "voids_least",
                        "voids_most")],
          [("terms_least", 0, True), ("terms_most", 11, True),
           ("voids_least", 0, True), ("voids_most", 1, True)])
    equal([step["term"] for step in found["terms_most"]["path"]][:3],
          ["a:gone.example", "include:wide.example", "a:mail.example"])
    with zones.File(zone) as path:
        for name in ("terms_least", "terms_most"):
            _, out, _ = run("--zone", path, "--json", "--ip",
                            found[name]["ip"], "--sender",
                            found[name]["sender"])
            equal(json.loads(out)["terms"], found[name]["count"])
    # A name that exists for nobody that lint knows.
    zone["l.example"] = [{"TXT": "v=spf1 exists:%{i}.x a:mail.example -all"}]
    found = lint(zone)[2]["ipv4"]
    equal((found["terms_least"]["count"], found["terms_least"]["reached"],
           found["terms_least"]["found"]), (1, False, 2))


@case
def lint_says_what_one_client_gets():
    zone = {**CLIENTS_WORLD, "l.example": [
        {"TXT": "v=spf1 exists:%{l}.u.example exists:%{h} -all"}],
        "bob.u.example": [{"A": "127.0.0.2"}]}
    for arguments, result in (
            (("--ip", "11.0.0.1"), "fail"),
            (("--ip", "11.0.0.1", "--sender", "bob@l.example"), "pass"),
            (("--ip", "2a00::1", "--sender", "<bob@L.Example>"), "pass"),
            (("--ip", "11.0.0.1", "--helo", "v4.example"), "pass"),
            (("--ip", "11.0.0.1", "--sender", ""), "fail")):
        _, _, found = lint(zone, *arguments)
        equal(found["client"]["result"], result, arguments)
    equal("client" in lint(zone)[2], False)
    with zones.File(zone) as path:
        for bad in (("--ip", "x"), ("--sender", "bob@l.example"),
                    ("--helo", "x.example"),
                    ("--ip", "11.0.0.1", "--sender", "a@other.example"),
                    ("--ip", "11.0.0.1", "--sender", "", "--helo",
                     "other.example")):
            status, out, err = run("--zone", path, "--lint", "l.example",
                                   *bad)
            equal((status, out, bool(err)), (255, b"", True), bad)


@case
def limits_can_be_raised_for_a_what_if():
    zone = {**CLIENTS_WORLD, "l.example": [{"TXT":
            "v=spf1 include:wide.example a:mail.example "
            "a:n1.example a:n2.example a:n3.example mx:mx11.example -all"}]}
    limits = ("--max-terms", "20", "--max-voids", "3", "--max-mx", "11")
    equal(check(zone, "11.0.0.1", "a@l.example", "x")[0], "permerror")
    equal(check(zone, "11.0.0.1", "a@l.example", "x", *limits)[0], "fail")
    equal(check(zone, "11.0.0.1", "a@l.example", "x", *limits[:4])[1][1],
          'why: "mx:mx11.example" in the record of l.example: more than 10 '
          "MX records for mx11.example")
    equal(check(zone, "11.0.0.1", "a@l.example", "x", *limits[:2])[1][1],
          'why: "a:n3.example" in the record of l.example: more than 2 void '
          "lookups, the last for n3.example")
    equal(check(zone, "11.0.0.1", "a@l.example", "x", "--max-terms", "11")
          [1][1], 'why: "a:n1.example" in the record of l.example: more than '
          "11 terms that need DNS lookups")
    text = "\n".join(check(zone, "11.0.0.1", "a@l.example", "x", "--trace",
                            *limits)[1])
    if "15 of 20 terms, 3 of 3 void lookups" not in text:
        raise AssertionError(text)
    status, listed, found = lint(zone, *limits)
    equal((status, found["terms_max"], found["voids_max"],
           found["ipv4"]["terms_most"]["count"]), (0, 20, 3, 15))
    equal(lint(zone)[0], 1)
    for option, least in (("--max-terms", 10), ("--max-voids", 2),
                          ("--max-mx", 10)):
        for value in (str(least - 1), "0", "101", "x", ""):
            status, out, err = run("--ip", "11.0.0.1", "--helo", "x.example",
                                   option, value)
            equal((status, out, bool(err)), (255, b"", True), option + value)
    deep = {f"n{n}.example": [{"TXT": f"v=spf1 include:n{n + 1}.example "
                                      "-all"}] for n in range(99)}
    deep["n99.example"] = [{"TXT": "v=spf1 ip4:11.0.0.1 -all"}]
    for arguments in ((), ("--trace",), ("--json",)):
        with zones.File(deep) as path:
            status, _, _ = run("--zone", path, "--max-terms", "100",
                               *arguments, "11.0.0.1", "a@n0.example", "x")
        equal(status, 0, arguments)


# (what is written, what was meant)
HINTS = [
    ("ipv4:192.0.2.1", "ip4:192.0.2.1"), ("ip:192.0.2.1", "ip4:192.0.2.1"),
    ("-ipv4:192.0.2.1", "-ip4:192.0.2.1"),
    ("ipv6:2001:db8::1", "ip6:2001:db8::1"),
    ("ip4:192.0.2.1/24,", "ip4:192.0.2.1/24"),
    ("inlcude:x.example", "include:x.example"),
    ("?includes:x.example", "?include:x.example"),
    ("redirect:x.example", "redirect=x.example"),
    ("192.0.2.1", "ip4:192.0.2.1"), ("~192.0.2.0/24", "~ip4:192.0.2.0/24"),
    ("2001:db8::1", "ip6:2001:db8::1"), ("a:192.0.2.1", "ip4:192.0.2.1"),
    ("ip4:2001:db8::1", "ip6:2001:db8::1"), ("ip6:192.0.2.1", "ip4:192.0.2.1"),
    ("ip4:mail.example", "a:mail.example"),
    ("mx:192.0.2.0/24", "ip4:192.0.2.0/24"),
    ("include=x.example", "include:x.example"),
    ("exits:x.example", "exists:x.example"),
    # punctuation, lists
    ("-all;", "-all"), ("~all;", "~all"), ("?all.", "?all"), ("-all,", "-all"),
    ("+all;", "+all"), ('-all"', "-all"), ('"-all', "-all"), ("'~all'", "~all"),
    ("ip4:192.0.2.1;", "ip4:192.0.2.1"),
    ("ip4:192.0.2.1,ip4:192.0.2.2", "ip4:192.0.2.1 ip4:192.0.2.2"),
    ("ip4:192.0.2.1,192.0.2.2", "ip4:192.0.2.1 ip4:192.0.2.2"),
    ("ip4:192.0.2.1;ip6:2001:db8::1;-all",
     "ip4:192.0.2.1 ip6:2001:db8::1 -all"),
    # no blank between terms
    ("ip4:192.0.2.1~all", "ip4:192.0.2.1 ~all"),
    ("-ip4:192.0.2.1-all", "-ip4:192.0.2.1 -all"),
    ("ip6:2001:db8:a::1-all", "ip6:2001:db8:a::1 -all"),
    ("ip4:192.0.2.1ip4:192.0.2.2", "ip4:192.0.2.1 ip4:192.0.2.2"),
    ("ip4:192.0.2.1include:x.example", "ip4:192.0.2.1 include:x.example"),
    ("ip4:192.0.2.0/24a:x.example", "ip4:192.0.2.0/24 a:x.example"),
    ("ip4:192.0.2.1mx:x.example-all", "ip4:192.0.2.1 mx:x.example -all"),
    ("include:x.example~all", "include:x.example ~all"),
    ("mx?all", "mx ?all"), ("a~all", "a ~all"),
    # what typesetting has made of it
    ("\u2013all", "-all"), ("\u2014all", "-all"), ("\u2011all", "-all"),
    ("\u02dcall", "~all"), ("include:x.example\u00a0-all",
                            "include:x.example -all"),
    ("mx\t-all", "mx -all"), ("\u201c-all\u201d", "-all"),
    ("ip4\uff1a192.0.2.1", "ip4:192.0.2.1"),
    ("include:x.example\u200b", "include:x.example"),
]

# No suggestion is better than a wrong one.
NO_HINTS = ["ip4:192.0.2.1-192.0.2.9", "ip4:192.0.2.300", "foo:x.example",
            "ip6:2001:db8::1::2", "a:x", "include:x", "mx/33", "-", "%{i}",
            "all:x.example=y", "include:%{z}.example", "ip4:192.0.2.0/33"]

HINT = re.compile(r'did you mean "([^"]*)"')


def hints_of(term):
    """What lint suggests in the place of term."""
    _, _, found = lint({}, "--record", f"v=spf1 {term} ?all")
    return [match.group(1) for f in found["findings"]
            for match in [HINT.search(f["text"])] if match]


@case
def lint_hints_name_what_was_meant():
    for term, meant in HINTS:
        equal(hints_of(term), [meant], term)
        # It is a record, and no further hint is needed.
        status, listed, _ = lint({}, "--record", f"v=spf1 {meant}")
        if any("syntax" in item or "typo" in item for item in listed):
            raise AssertionError(f"{meant}: {listed}")
    for term in NO_HINTS:
        equal(hints_of(term), [], term)


@case
def lint_hints_of_valid_terms_are_looked_up():
    world = {"x.example": [{"TXT": "v=spf1 -all"}, {"A": "192.0.2.1"},
                           {"MX": [1, "x.example"]}],
             "y.example": [{"TXT": "v=spf1 -all"}, {"A": "192.0.2.1"},
                           {"MX": [1, "x.example"]}]}
    for term, meant in (
            ("include:x.example-all", "include:x.example -all"),
            ("a:x.example-all", "a:x.example -all"),
            ("include:x.exampleinclude:y.example",
             "include:x.example include:y.example"),
            ("a:x.examplemx:y.example", "a:x.example mx:y.example"),
            ("include:https://x.example/spf.example",
             "include:x.example"),
            ("include:http://x.example", "include:x.example"),
            ("redirect=https://x.example", "redirect=x.example")):
        _, _, found = lint(world, "--record", f"v=spf1 {term}")
        hints = [HINT.search(f["text"]).group(1) for f in found["findings"]
                 if HINT.search(f["text"])]
        if meant not in hints or len(set(hints)) != 1:
            raise AssertionError(f"{term}: {found['findings']}")
        # Nothing is suggested that finds nothing either.
        _, _, found = lint({}, "--record", f"v=spf1 {term}")
        equal([f["text"] for f in found["findings"]
               if HINT.search(f["text"])], [], term)


@case
def lint_hints_for_two_words_and_for_versions():
    _, _, found = lint({}, "--record", "v=spf1 include: x.example a -all")
    equal([(f["term"], "did you mean" in f["text"])
           for f in found["findings"] if f["code"] == "syntax"],
          [("include:", True), ("x.example", False)])
    if 'did you mean "include:x.example"?' not in found["findings"][0]["text"]:
        raise AssertionError(found)
    _, _, found = lint({}, "--record", "v=spf1 ip4: 192.0.2.1 -all")
    if 'did you mean "ip4:192.0.2.1"?' not in found["findings"][0]["text"]:
        raise AssertionError(found)
    for text, meant in (
            (" v=spf1 -all", "v=spf1 -all"), ("v=spf1;-all", "v=spf1 -all"),
            ('"v=spf1 mx -all"', "v=spf1 mx -all"),
            ("v=spf1, -all", "v=spf1 -all"), ("v = spf1 -all", "v=spf1 -all"),
            ("spf1 -all", "v=spf1 -all"), ("v=spf -all", "v=spf1 -all"),
            ("v:spf1 -all", "v=spf1 -all"), ("v=spf1\ta -all", "v=spf1 a -all"),
            ("v=spf1:-all", "v=spf1 -all"), ("\u00a0v=spf1 -all", "v=spf1 -all"),
            ("v=spf1; ip9:x", None), ("v=spf10 -all", None)):
        for others in ([], [{"TXT": "site=1"}]):
            _, listed, found = lint({"l.example": [{"TXT": text}, *others]})
            equal(listed, ["warning no-record"], text)
            match = HINT.search(found["findings"][0]["text"])
            equal(match and match.group(1), meant, text)


@case
def lint_knows_domains_without_mail():
    null = {"MX": [0, ""]}
    for records, expected in (
            ([{"TXT": "v=spf1 -all"}, null], []),
            ([{"TXT": "v=spf1 a:mail.example -all"}, null],
             ["warning parked"]),
            ([{"TXT": "v=spf1 ~all"}, null], ["warning parked"]),
            ([{"TXT": "hello"}, null], ["warning no-record",
                                        "warning parked"]),
            ([{"TXT": "v=spf1 -all"}], ["note parked"]),
            ([{"TXT": "v=spf1 -all"}, {"MX": [1, "mail.example"]}], []),
            ([{"TXT": "v=spf1 a:mail.example -all"},
              {"TXT": "spf2.0/pra a -all"}], ["note sender-id"])):
        equal(sorted(lint({**LINT_WORLD, "l.example": records})[1]),
              sorted(expected), records)


@case
def codes_of_lint_are_those_of_the_page():
    text = page()
    section = text[text.index(".Sh LINT"):text.index(".Sh OTHER")]
    listed = set()
    for line in re.findall(r"^\.It Sy (.*)$", section, re.M):
        listed |= {word for word in line.split() if word != ","}
    code = set()
    listed -= {"error", "warning", "note"}
    for path in glob.glob(places.source("tools/spfquery/lint*.c")):
        with open(path, encoding="utf-8") as file:
            source = re.sub(r"\s+", " ", file.read())
        for match in re.findall(
                r"(?:LINT_(?:ERROR|WARNING|NOTE)|p->error), "
                r"((?:[^,\"]*\? )?\"[a-z0-9-]+\"(?: : \"[a-z0-9-]+\")?)",
                source):
            code |= set(re.findall(r'"([a-z0-9-]+)"', match))
        if path.endswith(("classes.c", "errors.c")):
            code |= set(re.findall(r'return "([a-z-]+)"; (?:case|})', source))
            code |= set(re.findall(r'error_place\){"([a-z-]+)"', source))
    equal(listed, code, "page and sources")
    if len(sys.argv) == 1:      # all cases have run
        equal(code - lint_seen, set(), "codes that no test has met")


# --- zone files -------------------------------------------------------------

@case
def garbage_in_a_zone_file_is_an_error_with_its_line():
    for text, message in (
            (b"", b": zonedata is not a mapping of names"),
            (b"- a\n- b\n", b":1: zonedata is not a mapping of names"),
            (b"zonedata: 5\n", b":1: zonedata is not a mapping of names"),
            (b"zonedata:\n  a.example: text\n",
             b":2: a.example: the records of a name must be a list"),
            (b"zonedata:\n  a.example:\n    - A: here\n",
             b":3: a.example: not an IPv4 address"),
            (b"zonedata:\n  a.example:\n    - A: 2001:db8::1\n",
             b":3: a.example: not an IPv4 address"),
            (b"zonedata:\n  a.example:\n    - AAAA: 192.0.2.1\n",
             b":3: a.example: not an IPv6 address"),
            (b"zonedata:\n  a.example:\n    - AAAA: [1, 2]\n",
             b":3: a.example: a list where one text belongs"),
            (b"zonedata:\n  a.example:\n    - TXT: {a: b}\n",
             b":3: a.example: a record can't be a mapping"),
            (b"zonedata:\n  a.example:\n    - TXT: [[a]]\n",
             b":3: a.example: the strings of a TXT record are texts"),
            (b"zonedata:\n  a.example:\n    - TXTT: v=spf1 -all\n",
             b":3: a.example: unknown record type; known are TXT, SPF"),
            (b"zonedata:\n  a.example:\n    - txt: v=spf1 -all\n",
             b":3: a.example: unknown record type"),
            (b"zonedata:\n  a.example:\n    - {A: 192.0.2.1, TXT: x}\n",
             b":3: a.example: neither TYPE: VALUE nor TIMEOUT"),
            (b"zonedata:\n  a.example:\n    - [A, 192.0.2.1]\n",
             b":3: a.example: neither TYPE: VALUE nor TIMEOUT"),
            (b"zonedata:\n  a.example:\n    - TIMEOUT: false\n",
             b":3: a.example: a failure has no value but true"),
            (b"zonedata:\n  a.example:\n    - SERVFAIL: 192.0.2.1\n",
             b":3: a.example: a failure has no value but true"),
            (b"zonedata:\n  a.example:\n    - TXT: v=spf1 -all\n"
             b"    - CNAME: b.example\n",
             b":4: a.example: a name with a CNAME has no other records"),
            (b"zonedata:\n  a.example:\n    - CNAME: b.example\n"
             b"    - TIMEOUT\n",
             b":3: a.example: a name with a CNAME has no other records"),
            (b"zonedata:\n  a.example:\n    - PTR: ''\n",
             b":3: a.example: PTR wants a name"),
            (b"zonedata:\n  ? [a, b]\n  : [TIMEOUT]\n", b":2: not a name"),
            (b"zonedata:\n  \"\": [TIMEOUT]\n", b":2: not a name"),
            (b"zonedata:\n  \"a\\x1b.example\": x\n",
             b":2: a\\x1b.example: the records"),
            (b"zonedata:\n  a.example:\n    - MX: m.example\n",
             b":3: a.example: MX wants [PREFERENCE, NAME]"),
            (b"zonedata:\n  a.example:\n    - MX: [x, m.example]\n",
             b":3: a.example: the preference of MX is a number from 0 to 65535"),
            (b"zonedata:\n  a.example:\n    - LATER\n",
             b":3: a.example: neither TYPE: VALUE nor TIMEOUT"),
            (b"zonedata:\n  a.example:\n    - {}\n",
             b":3: a.example: neither TYPE: VALUE nor TIMEOUT"),
            (b"zonedata:\n  a.example: []\n  b.example: []\n"
             b"  A.example.: []\n",
             b":4: a.example: a name may be there only once"),
            (b"zonedata:\n  a.example:\n" + b"    - A: 192.0.2.1\n" * 300,
             b":259: a.example: too many records of a type at a name"),
            (b"zonedata:\n  a.example:\n    - TXT: " + b"x" * 70000 + b"\n",
             b":3: a.example: more than 65535 octets of text at a name"),
            (b"zonedata: [\n", b":2: "), (b"a: b: c\n", b":1: "),
            (b"\xff\xfe\x00", b": "), (b"\x80abc", b": "),
            (b"*anchor\n", b":1: "), (b"%YAML 9\n---\n", b": "),
            (b"zonedata: &a [*a]\n", b": "),
            (b"[" * 300000, b":1: nested too deeply"),
            (b"{a: " * 100000, b":1: nested too deeply")):
        with zones.File(None, text) as path:
            for arguments in (("--zone", path, "192.0.2.1", "a@a.example",
                               "x"), ("--zone", path, "--lint", "a.example")):
                status, out, err = run(*arguments)
                equal((status, out), (255, b""), text[:40])
                if message.replace(b": ", b": ") not in err:
                    raise AssertionError(f"{text[:40]!r}: {err!r}")


@case
def names_in_a_zone_file_may_be_anything():
    for text in (b"zonedata:\n  " + b"a" * 1000 + b": [TIMEOUT]\n",
                 b"a.example:\n  - CNAME: a.example\n",
                 b"a.example:\n  - CNAME: \n", b"{}\n",
                 b"zonedata: {}\n---\nzonedata: 1\n", b"zonedata:\n",
                 b"zonedata: []\n", b"zonedata: ~\n", b"zonedata: null\n",
                 b"a.example: [TIMEOUT: yes, AAAA: SERVFAIL]\n"):
        with zones.File(None, text) as path:
            status, out, err = run("--zone", path, "192.0.2.1", "a@a.example",
                                   "x")
        if status == 255:
            raise AssertionError(f"{text[:40]!r}: {err!r}")


@case
def failures_in_a_zone_file_may_be_true():
    for failure in ("TIMEOUT", {"TIMEOUT": True}, {"TIMEOUT": "yes"},
                    {"SERVFAIL": True}, "SERVFAIL", {"TXT": "SERVFAIL"}):
        equal(check({"a.example": [failure]}, "192.0.2.1", "a@a.example",
                    "x")[0], "temperror", failure)
        # What is listed before isn't meant.
        equal(check({"a.example": [{"TXT": "v=spf1 a -all"},
                                   {"A": "192.0.2.1"}, failure]},
                    "192.0.2.1", "a@a.example", "x")[0],
              "temperror" if failure == {"TXT": "SERVFAIL"} else "pass",
              failure)
    equal(check({"d\u00fc.example": [{"TXT": "v=spf1 -all"}]}, "192.0.2.1",
                "a@xn--d-eha.example", "x")[0], "fail")


@case
def random_damage_to_files_does_no_harm():
    suite = (b"description: x\nzonedata:\n"
             b"  a.example:\n    - SPF: v=spf1 mx a:b.example/24//64 -all\n"
             b"    - MX: [10, b.example]\n    - TIMEOUT\n"
             b"  b.example:\n    - A: 192.0.2.1\n    - AAAA: 2001:db8::1\n"
             b"    - TXT: ['one ', \"two\\x1b\"]\n"
             b"  c.example:\n    - CNAME: b.example\n"
             b"tests:\n  one:\n    host: 192.0.2.1\n    helo: h.example\n"
             b"    mailfrom: x@a.example\n    result: [pass, temperror]\n"
             b"    explanation: DEFAULT\n---\n# end\n")
    pieces = [b"", b"\n", b" ", b":", b"- ", b"[", b"]", b"{", b"}", b"&a ",
              b"*a", b"\"", b"'", b"|", b">", b"\t", b"\x00", b"\xff", b"#",
              b"---\n", b"...\n", b"? ", b"!!map ", b"TIMEOUT", b"%", b"<<: "]
    chance = random.Random(7208)
    statuses = set()
    for _ in range(400):
        text = bytearray(suite)
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(text))
            text[at:at + chance.choice((0, 0, 1, 5, 40))] = \
                chance.choice(pieces)
        with zones.File(None, bytes(text)) as path:
            statuses.add(run("--suite", path)[0])
            run("--zone", path, "--trace", "192.0.2.1", "x@a.example", "h")
    equal(statuses, {0, 1, 255})


# --- DNS --------------------------------------------------------------------

DNS = {
    "d.example": [{"TXT": "v=spf1 a:m.example include:i.example mx -all"},
                  {"MX": [5, "m.example"]}],
    "i.example": [{"TXT": "v=spf1 ip4:192.0.2.50 ?all"}],
    "m.example": [{"A": "192.0.2.10"}],
    "bad.example": [{"TXT": "v=spf1 include:dead.example -all"}],
}


@case
def dns_by_a_nameserver():
    with zones.Server(DNS, dead={"dead.example"}) as server:
        for ip, domain, result in (
                ("192.0.2.10", "d.example", "pass"),
                ("192.0.2.50", "d.example", "pass"),
                ("192.0.2.51", "d.example", "fail"),
                ("192.0.2.51", "bad.example", "temperror"),
                ("192.0.2.51", "gone.example", "none")):
            for more in ((), ("--trace",), ("--json",)):
                status, out, err = run("--nameserver", server.address, *more,
                                       ip, "a@" + domain, "h.example")
                equal((status, err), (STATUS[result], b""), (ip, domain, out))


@case
def dns_times_are_in_trace_and_json():
    with zones.Server(DNS) as server:
        _, out, _ = run("--nameserver", server.address, "--trace",
                        "192.0.2.51", "a@d.example", "h.example")
        _, data, _ = run("--nameserver", server.address, "--json",
                         "192.0.2.51", "a@d.example", "h.example")
    for line in re.findall(r"^.* (?:TXT|A|MX) \S+ -> .*$", out.decode(), re.M):
        if not re.search(r"  [0-9.:]+, ([0-9.]+ ms|cached), TTL \d+$", line):
            raise AssertionError(f"no time: {line}")
    if not re.search(r", 4 questions in [0-9.]+ ms\n", out.decode()):
        raise AssertionError(out)
    report = json.loads(data)
    times = [e["microseconds"] for e in report["trace"]
             if e["event"] == "lookup"]
    equal((len(times), report["questions"]), (5, 4))


@case
def dns_is_asked_once_and_as_without_a_trace():
    asked = []
    for more in ((), ("--trace",), ("--json",)):
        with zones.Server(DNS) as server:
            run("--nameserver", server.address, *more, "192.0.2.51",
                "a@d.example", "h.example")
        asked.append(sorted(server.asked))
    equal(len(asked[0]), 4)
    equal(asked[1:], asked[:1] * 2)


@case
def dns_records_can_be_replaced():
    with zones.Server(DNS) as server:
        for more in ((), ("--trace",)):
            for option in (("--record", "v=spf1 ~all"),
                           ("--override", "D.example=v=spf1 ~all")):
                equal(run("--nameserver", server.address, *option, *more,
                          "192.0.2.51", "a@d.example", "h")[0], 2,
                      (option, more))


@case
def dns_that_is_silent_ends_in_time():
    # Bound, and nobody reads.
    with zones.Server({}) as silent:
        silent.answer = lambda question: b"?"
        for more in ((), ("--trace",)):
            status, out, _ = run("--nameserver", silent.address, "--timeout",
                                 "1", *more, "192.0.2.1", "a@d.example", "h")
            equal((status, out.split(b"\n")[0]), (5, b"temperror"))


@case
def dns_lint():
    with zones.Server({**DNS, "l.example": [
            {"TXT": "v=spf1 a:gone.example ptr mx:d.example -all"}]}) as server:
        status, out, _ = run("--nameserver", server.address, "--json",
                             "--lint", "l.example")
    equal(status, 0)
    equal([f["code"] for f in json.loads(out)["findings"]],
          ["ptr", "nowhere", "near-voids"])


@case
def nameservers_that_make_no_sense_are_refused():
    for server in ("here", "192.0.2.1:99999", "[::1", ""):
        status, _, err = run("--nameserver", server, "192.0.2.1",
                             "a@d.example", "h")
        equal((status, bool(err)), (255, True), server)


# --- engines ----------------------------------------------------------------

@case
def engines():
    equal(check(SIMPLE, "--engine", "native", "192.0.2.1", "a@pass.example",
                "x")[0], "pass")
    with zones.File(SIMPLE) as path:
        status, out, err = run("--zone", path, "--engine", "libspf2",
                               "192.0.2.1", "a@pass.example", "x.example")
        equal((status, out.split(b"\n")[0], err), (0, b"pass", b""))
        status, out, _ = run("--zone", path, "--engine", "audit",
                             "192.0.2.1", "a@fail.example", "x.example")
        equal(out.split(b"\n")[0], b"fail")
        if b"\nlibspf2: fail (agreed)\n" not in out:
            raise AssertionError(out)
        _, out, _ = run("--zone", path, "--engine", "audit", "--json",
                        "192.0.2.1", "a@soft.example", "x.example")
        equal(json.loads(out)["libspf2"]["outcome"], "agreed")


@case
def engines_ask_the_dns():
    for engine in ("native", "libspf2", "audit"):
        for more in ((), ("--trace",), ("--json",)):
            with zones.Server(DNS) as server:
                status, out, err = run(
                    "--nameserver", server.address, "--engine", engine, *more,
                    "192.0.2.51", "a@d.example", "h.example")
            equal((status, err), (1, b""), (engine, more))
            agreed = (b"\nlibspf2: fail (agreed)\n" in out or
                      b'"outcome":"agreed"' in out)
            equal(agreed, engine == "audit", (engine, more))


@case
def second_opinion_without_an_answer_counts_for_nothing():
    # Native sees the syntax error; libspf2 goes on, and asks for that name.
    class Silent(zones.Server):
        def answer(self, question):
            return b"?" if b"\x011\x012\x013\x014" in question else \
                super().answer(question)

    with Silent({"d.example": [{"TXT": "v=spf1 a:1.2.3.4 -all"}]}) as server:
        status, out, _ = run("--nameserver", server.address, "--timeout", "1",
                             "--engine", "audit", "192.0.2.1", "a@d.example",
                             "h.example")
    equal((status, out.split(b"\n")[0]), (4, b"permerror"))
    if b"\nlibspf2: temperror (result)\n" not in out:
        raise AssertionError(out)


# --- the page ---------------------------------------------------------------

def page():
    with open(places.source("man/spfquery.1"), encoding="utf-8") as file:
        return file.read()


@case
def examples_of_the_page_do_what_they_show():
    text = page()
    text = text[text.index(".Sh EXAMPLES"):text.index(".Sh SEE ALSO")]
    steps = []
    for block in re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed$", text,
                            re.S | re.M):
        for line in block.replace("\\&", "").replace("\\e", "\\").splitlines():
            if line.startswith("$ "):
                steps.append((line[2:], []))
            else:
                steps[-1][1].append(line)
    if len(steps) < 5:
        raise AssertionError("hardly any example")
    script = "".join(f"{{ {command}\n}} 2>&1; s=$?; printf '\\001'; "
                     "(exit $s)\n" for command, _ in steps)
    with tempfile.TemporaryDirectory() as directory:
        for name in ("example", "university", "shop", "six"):
            shutil.copy(places.source(f"tests/spfquery/{name}.yml"), directory)
        done = subprocess.run(
            ["sh", "-c", script], cwd=directory, stdout=subprocess.PIPE,
            text=True, check=False,
            env={**os.environ, "PATH": BUILD + ":" + os.environ["PATH"],
                 "LC_ALL": "C"})
    for (command, expected), found in zip(steps, done.stdout.split("\001")):
        equal(found.splitlines(), expected, f"$ {command}")


if __name__ == "__main__":
    sys.exit(suite.run())
