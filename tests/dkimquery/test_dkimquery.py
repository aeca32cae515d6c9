#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
dkimquery: verdicts of all kinds of signatures, exit statuses, trace, JSON, and
files as they come.

usage: test_dkimquery.py [WORD...]      only cases with these words in the name
"""

import json
import os
import sys
import tempfile

import dkim_cases
import dns
import places
import servers
import tap
from dkim_cases import NAME, NOW, PLAIN, key
from dkim_signer import record, signed
from tap import equal, true

PROGRAM = places.program("dkimquery")

STATUS = {"pass": 0, "fail": 1, "policy": 2, "neutral": 3, "permerror": 4,
          "temperror": 5, "none": 6}

suite = tap.Suite()
case = suite.case


def run(message, zone=None, *arguments, **options):
    """dkimquery on a message: (status, stdout, stderr), the last two as text."""
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        file.write(dkim_cases.zone_text(key() if zone is None else zone))
        file.flush()
        done = places.run(PROGRAM, "--now", str(NOW), "--zone", file.name,
                          *arguments, text=False, input=message, timeout=60,
                          env=environment, **options)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def usage(*arguments):
    return places.run(PROGRAM, *arguments, input="", timeout=60)


@case("each kind of signature gets its verdict")
def verdicts():
    count = 0
    for one in dkim_cases.all_cases():
        status, out, err = run(one.message, one.zone)
        lines = out.splitlines()
        first = lines[1] if len(lines) > 1 else ""
        count += 1
        if lines[:1] != [one.result] or one.reason not in first or \
                status != STATUS[one.result] or err:
            yield f"{one.name}: {status} {lines} {err}, not {one.result} " \
                f"({one.reason})"
    true(count > 100, f"only {count} cases")


@case("signatures beyond ten are counted, not verified")
def bound():
    bad = b"".join(signed(PLAIN, d=f"d{i}.example").split(b"\r\nReceived")[0] +
                   b"\r\n" for i in range(60))
    _, out, _ = run(bad + signed(PLAIN))
    equal(out.count("\nsignature "), 10)
    equal(out.splitlines()[-1], "51 more signatures were ignored")


@case("lines that end in LF are taken for lines of SMTP, and mbox lines skipped")
def line_ends():
    message = signed(PLAIN, c="simple/simple")
    for variant in (message, message.replace(b"\r\n", b"\n"),
                    b"From joe Mon Jan  1 00:00:00 2024\n" + message,
                    b"From joe Mon Jan  1 00:00:00 2024\r\n" + message):
        status, out, _ = run(variant)
        equal((status, out.splitlines()[0]), (0, "pass"))


@case("a message without a body, without a header, without anything")
def stumps():
    bare = b"From: joe@example.org\r\nTo: x\r\nSubject: y"
    message = signed(bare + b"\r\n\r\n")
    for variant in (message, message[:-2], message[:-4]):
        equal(run(variant)[0], 0, variant[-10:])
    for variant in (b"", b"\r\n", b"\r\n\r\nbody", b"no colon", b":\r\n\r\n",
                    b" folded: first\r\n\r\n"):
        equal(run(variant)[:2], (6, "none\n"), variant)


@case("a file as argument, - and nothing are the same message")
def sources():
    message = signed(PLAIN)
    with tempfile.NamedTemporaryFile() as file:
        file.write(message)
        file.flush()
        named = run(b"", key(), file.name)
    equal(named, run(message))
    equal(named, run(message, key(), "-"))


@case("--trace shows what is hashed, the key and each step")
def trace():
    _, out, _ = run(signed(PLAIN), key(), "--trace")
    for text in (f"  key name: {NAME}\n", f"  key record: {record('r1024')}\n",
                 "  signed: from:Joe <joe@example.org>\n",
                 "  signed: subject:is dinner ready?\n",
                 "  signed: dkim-signature:v=1; a=rsa-sha256;", "; b=\n",
                 "  header hash: ", "  body hash: ", ", as in bh=\n"):
        true(text in out, f"no {text!r} in {out}")
    _, out, _ = run(signed(PLAIN).replace(b"game", b"war"), key(), "--trace")
    true(", but bh= is " in out, out)


@case("--json is one object on one line")
def as_json():
    _, out, _ = run(signed(PLAIN), key(), "--json")
    equal(out.count("\n"), 1)
    whole = json.loads(out)
    one = whole["signatures"][0]
    equal((whole["result"], whole["ignored"], len(whole["signatures"])),
          ("pass", 0, 1))
    equal((one["result"], one["counts"], one["d"], one["s"], one["i"], one["a"],
           one["key_bits"], one["key_name"], len(one["b"])),
          ("pass", True, "example.org", "sel", "@example.org", "rsa-sha256", 1024,
           NAME, 8))
    _, out, _ = run(signed(PLAIN), {NAME: ["t=y; " + record("r1024")[9:]]},
                    "--json")
    one = json.loads(out)["signatures"][0]
    equal((one["result"], one["counts"], one["why_not"]),
          ("pass", False, "the key is for testing only (t=y)"))
    _, out, _ = run(signed(PLAIN), key(), "--json", "--trace")
    lines = json.loads(out)["signatures"][0]["trace"]
    true("signed: from:Joe <joe@example.org>" in lines and
         any(line.startswith("body hash: ") for line in lines), lines)
    _, out, _ = run(signed(PLAIN), {NAME: "SERVFAIL"}, "--json")
    equal(json.loads(out)["signatures"][0]["dns_error"], "SERVFAIL")


@case("what a message says does nothing to a terminal")
def terminal():
    template = dkim_cases.tags("s={s};", "s={s}; i==1B[31m@{d};")
    for arguments in ((), ("--trace",), ("--json",)):
        _, out, _ = run(signed(PLAIN, template=template).replace(
            b"To: Suzie", b"To: \x1b[2J\x07Suzie"), key(), *arguments)
        equal([c for c in out if ord(c) < 32 and c != "\n"], [], arguments)


def by_dns(answer, *arguments):
    """The first two lines, with keys from a server that answers so."""
    server = servers.Server(answer)
    try:
        done = places.run(PROGRAM, "--nameserver", server.name, "--now", str(NOW),
                          *arguments, text=False, input=signed(PLAIN), timeout=60)
    finally:
        server.stop()
    return done.returncode, done.stdout.decode().splitlines()[1]


@case("keys come from the DNS, long ones too, and a failure is temporary")
def real_dns():
    def text(*records):
        answers = [dns.rr(NAME, dns.TXT, dns.long_txt(one)) for one in records]
        return lambda question, tcp: [
            dns.reply(question, answers) if tcp or sum(map(len, answers)) < 1000
            else dns.reply(question, truncated=True)]

    usual = record("r1024")
    equal(by_dns(text(usual))[0], 0)
    equal(by_dns(text("n=" + "x" * 1000 + "; " + usual[9:]))[0], 0)
    status, line = by_dns(text(usual, "v=spf1 -all"))
    true(status == 4 and "several TXT records" in line, line)
    status, line = by_dns(lambda question, tcp: [dns.void(question, rcode=3)])
    true(status == 4 and "no key" in line, line)
    status, line = by_dns(lambda question, tcp: [dns.reply(question, rcode=2)])
    true(status == 5 and "key lookup failed: SERVFAIL" in line, line)
    status, line = by_dns(lambda question, tcp: [], "--timeout", "1")
    true(status == 5 and "key lookup failed" in line, line)


@case("mistakes on the command line and in files end in 255 and a message")
def mistakes():
    for arguments, text in {
            ("a", "b"): "one message at a time",
            ("--zone", "x", "--nameserver", "127.0.0.1"): "exclude each other",
            ("--timeout", "0"): "not a number from 1 to 25",
            ("--now", "x"): "--now",
            ("/nonexistent",): "/nonexistent: No such file or directory",
            ("/",): "Is a directory",
            ("--zone", "/nonexistent", "-"): "", ("--what",): "--help"}.items():
        done = usage(*arguments)
        if done.returncode != 255 or text not in done.stderr or done.stdout:
            yield f"{arguments}: {done}"
    for arguments, text in {("--help",): "usage: dkimquery",
                            ("-V",): "dkimquery (mailfrom)"}.items():
        done = usage(*arguments)
        if done.returncode != 0 or not done.stdout.startswith(text):
            yield f"{arguments}: {done}"


if __name__ == "__main__":
    sys.exit(suite.run())
