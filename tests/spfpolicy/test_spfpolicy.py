#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
spfpolicy: the action and what decides it, recipients, lint, usage, databases,
hostile files and addresses; and a model of the lookup, written from the manual.

usage: test_spfpolicy.py [WORD...]      only cases with these words in the name
"""

import os
import random
import re
import shutil
import sys
import tempfile

import places
import tap
from tap import equal

PROGRAM = places.program("spfpolicy")
CORPUS = places.source("tests", "fuzz", "corpus")

RESULTS = ("none", "neutral", "pass", "fail", "softfail", "temperror",
           "permerror")
ACTIONS = {"OK", "WHITELIST", "SKIP", "REJECT", "TEMPFAIL", "DISCARD",
           "QUARANTINE", "ERROR"}

suite = tap.Suite()
case = suite.case


def run(*arguments, **options):
    """spfpolicy with arguments: (status, stdout, stderr), all bytes."""
    done = places.run(PROGRAM, *arguments, text=False, timeout=60, **options)
    if done.returncode not in (0, 1, 2):
        raise AssertionError(f"{arguments}: {done.returncode}: {done.stderr}")
    return done.returncode, done.stdout, done.stderr


class File:
    """An access file called "access" in a directory of its own."""

    def __init__(self, content, name="access"):
        self.content = content
        self.name = name

    def __enter__(self):
        self.directory = tempfile.mkdtemp()
        content = self.content
        if isinstance(content, str):
            content = content.encode()
        with open(os.path.join(self.directory, self.name), "wb") as file:
            file.write(content)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.directory)

    def run(self, *arguments, access=None):
        return run("--access", access or self.name, *arguments,
                   cwd=self.directory)

    def lines(self, *arguments, access=None):
        """What is answered; it must be an answer."""
        status, out, err = self.run(*arguments, access=access)
        equal((status, err), (0, b""), arguments)
        lines = out.decode("ascii").splitlines()
        if lines[0] not in ACTIONS:
            raise AssertionError(f"{arguments}: no action: {lines}")
        return lines


# --- answers ----------------------------------------------------------------

SAMPLE = """\
# a comment
Connect:192.0.2.1	REJECT
spf-fail:partner.example	OK
spf-fail:bob@partner.example	REJECT 5.7.1 not Bob
spf-fail:bob@	SKIP
spf-fail:.news.example	ERROR:5.7.1:550 no news
SPF-Softfail:	QUARANTINE:softfail
spf-softfail:later.example	defer
spf-pass:drop.example	DISCARD
spf-neutral:wrong.example	REJCET
spf-none:classes.example	ERROR:4.7.1:550 text
helo-fail:mta.example	WHITELIST
null-fail:mta.example	OK
srs-fail	TEMPFAIL our own
smtp-auth:closed.example	REJECT
smtp-auth:eve@closed.example	OK
spf-to:list@here.example	WHITELIST
spf-to:sales@	dunno
Spam:friend@here.example	FRIEND
Spam:hater@here.example	HATER
"""

ANSWERS = [
    # what is asked, and all lines of the answer
    ("--result fail --sender al@partner.example",
     "OK", "key: spf-fail:partner.example", "where: access:3", "value: OK",
     "happens: accepted"),
    ("--result fail --sender <BOB+x@Partner.Example.>",
     "REJECT", "key: spf-fail:bob@partner.example", "where: access:4",
     "value: REJECT 5.7.1 not Bob", "happens: refused",
     "reply: 550 5.7.1 not Bob"),
    ("--result fail --sender bob@other.example",
     "SKIP", "key: spf-fail:bob@", "where: access:5", "value: SKIP",
     "default: REJECT (fail, rfc)", "happens: refused", "reply: 550 5.7.23"),
    ("--result fail --sender al@x.news.example",
     "ERROR", "key: spf-fail:.news.example", "where: access:6",
     "value: ERROR:5.7.1:550 no news", "happens: refused",
     "reply: 550 5.7.1 no news"),
    ("--result softfail --sender al@partner.example",
     "QUARANTINE", "key: spf-softfail:", "where: access:7",
     "value: QUARANTINE:softfail", "happens: accepted, and kept in quarantine",
     "reason: softfail"),
    ("--result softfail --sender al@later.example",
     "TEMPFAIL", "key: spf-softfail:later.example", "where: access:8",
     "value: defer", "happens: refused for now", "reply: 451 4.7.1"),
    ("--result pass --sender al@drop.example",
     "DISCARD", "key: spf-pass:drop.example", "where: access:9",
     "value: DISCARD", "happens: accepted, and thrown away"),
    ("--result neutral --sender al@wrong.example",
     "SKIP", "key: spf-neutral:wrong.example", "where: access:10",
     "value: REJCET", "problem: there is no such action",
     "default: OK (neutral, rfc)", "happens: accepted"),
    ("--result none --sender al@wrong.example",
     "SKIP", "key: spf-neutral:wrong.example", "where: access:10",
     "value: REJCET", "problem: there is no such action",
     "default: OK (none, rfc)", "happens: accepted"),
    ("--result none --sender al@classes.example",
     "ERROR", "key: spf-none:classes.example", "where: access:11",
     "value: ERROR:4.7.1:550 text",
     "problem: the enhanced code is of another class than the refusal, and "
     "isn't used", "happens: refused", "reply: 550 5.7.1 text"),
    ("--result permerror --sender al@other.example",
     "REJECT", "key: none", "default: REJECT (permerror, rfc)",
     "happens: refused", "reply: 550 5.7.24"),
    ("--result permerror --sender al@other.example --defaults pymilter",
     "REJECT", "key: none", "default: REJECT (permerror, pymilter)",
     "happens: refused", "reply: 550 5.5.2"),
    ("--result temperror --sender al@other.example",
     "TEMPFAIL", "key: none", "default: TEMPFAIL (temperror, rfc)",
     "happens: refused for now", "reply: 451 4.7.24"),
    ("--result FAIL --sender al@other.example",
     "REJECT", "key: none", "default: REJECT (fail, rfc)", "happens: refused",
     "reply: 550 5.7.23"),
    # identities
    ("--result fail --helo mta.example",
     "WHITELIST", "key: helo-fail:mta.example", "where: access:12",
     "value: WHITELIST",
     "happens: accepted, whatever the other identity's policy says"),
    ("--result fail --sender al@partner.example --helo mta.example",
     "OK", "key: spf-fail:partner.example", "where: access:3", "value: OK",
     "happens: accepted"),
    ("--result fail --sender al@partner.example --helo mta.example "
     "--identity helo",
     "WHITELIST", "key: helo-fail:mta.example", "where: access:12",
     "value: WHITELIST",
     "happens: accepted, whatever the other identity's policy says"),
    ("--result fail --helo x.example",
     "REJECT", "key: none", "default: REJECT (fail, rfc)",
     "happens: refused, unless MAIL FROM is pass or temperror",
     "reply: 550 5.7.23"),
    ("--result permerror --helo x.example",
     "OK", "key: none", "default: OK (permerror, rfc)",
     "happens: accepted, if the policy of MAIL FROM has nothing against it"),
    ("--result fail --sender <> --helo mta.example",
     "OK", "key: null-fail:mta.example", "where: access:13", "value: OK",
     "happens: accepted"),
    ("--result fail --sender <> --helo x.partner.example",
     "REJECT", "key: none", "default: REJECT (fail, rfc)", "happens: refused",
     "reply: 550 5.7.23"),
    ("--result fail --sender <> --helo partner.example",
     "OK", "key: spf-fail:partner.example", "where: access:3", "value: OK",
     "happens: accepted"),
    ("--result fail --sender SRS0=x=y=z=a@here.example --identity srs",
     "TEMPFAIL", "key: srs-fail", "where: access:14",
     "value: TEMPFAIL our own", "happens: refused for now",
     "reply: 451 4.7.1 our own"),
    ("--auth al --sender al@closed.example",
     "REJECT", "key: smtp-auth:closed.example", "where: access:15",
     "value: REJECT", "happens: refused", "reply: 550 5.7.1"),
    ("--auth eve --sender al@closed.example",
     "OK", "key: smtp-auth:eve@closed.example", "where: access:16",
     "value: OK", "happens: accepted"),
    ("--auth eve --sender al@other.example",
     "OK", "key: none", "default: OK (smtp-auth, rfc)", "happens: accepted"),
    # recipients
    ("--recipient List@here.example",
     "WHITELIST", "key: spf-to:list@here.example", "where: access:17",
     "value: WHITELIST",
     "happens: accepted for this recipient, whatever SPF says"),
    ("--recipient <sales@x.example>",
     "SKIP", "key: spf-to:sales@", "where: access:18", "value: dunno",
     "happens: no exemption: the sender's policy decides"),
    ("--recipient friend@here.example",
     "SKIP", "key: none",
     "happens: no exemption: the sender's policy decides"),
    ("--recipient friend@here.example --delay-checks friend",
     "OK", "key: spam:friend@here.example", "where: access:19",
     "value: FRIEND",
     "happens: accepted for this recipient, whatever SPF says"),
    ("--recipient hater@here.example --delay-checks friend",
     "SKIP", "key: spam:hater@here.example", "where: access:20",
     "value: HATER", "happens: no exemption: the sender's policy decides"),
    ("--recipient hater@here.example --delay-checks hater",
     "SKIP", "key: spam:hater@here.example", "where: access:20",
     "value: HATER", "happens: no exemption: the sender's policy decides"),
    ("--recipient other@here.example --delay-checks hater",
     "OK", "key: none",
     "happens: accepted for this recipient, whatever SPF says"),
    ("--recipient list@here.example --result fail --sender al@other.example",
     "WHITELIST", "key: spf-to:list@here.example", "where: access:17",
     "value: WHITELIST",
     "happens: accepted for this recipient, whatever SPF says"),
    ("--recipient al@here.example --result fail --sender al@other.example",
     "REJECT", "key: none", "default: REJECT (fail, rfc)", "happens: refused",
     "reply: 550 5.7.23", "recipient: not exempt"),
    # trace
    ("--trace --result none --sender al+x@wrong.example",
     "SKIP", "key: spf-neutral:wrong.example", "where: access:10",
     "value: REJCET", "problem: there is no such action",
     "default: OK (none, rfc)", "happens: accepted",
     "lookup: spf-none:al+x@wrong.example -> not there",
     "lookup: spf-none:al@wrong.example -> not there",
     "lookup: spf-none:wrong.example -> not there",
     "lookup: spf-none:.example -> not there",
     "lookup: spf-none:al@ -> not there",
     "lookup: spf-none: -> not there",
     "lookup: spf-none -> not there",
     "lookup: spf-neutral:al+x@wrong.example -> not there",
     "lookup: spf-neutral:al@wrong.example -> not there",
     "lookup: spf-neutral:wrong.example -> REJCET"),
    ("--trace --recipient sales@here.example --result fail --sender "
     "al@partner.example",
     "OK", "key: spf-fail:partner.example", "where: access:3", "value: OK",
     "happens: accepted", "recipient: not exempt",
     "lookup: spf-fail:al@partner.example -> not there",
     "lookup: spf-fail:partner.example -> OK",
     "lookup: spf-to:sales@here.example -> not there",
     "lookup: spf-to:here.example -> not there",
     "lookup: spf-to:.example -> not there",
     "lookup: spf-to:sales@ -> dunno"),
    # U-labels are looked up as the DNS has them
    ("--trace --result pass --sender al@b\u00fccher.example",
     "OK", "key: none", "default: OK (pass, rfc)", "happens: accepted",
     "lookup: spf-pass:al@xn--bcher-kva.example -> not there",
     "lookup: spf-pass:xn--bcher-kva.example -> not there",
     "lookup: spf-pass:.example -> not there",
     "lookup: spf-pass:al@ -> not there",
     "lookup: spf-pass: -> not there",
     "lookup: spf-pass -> not there"),
]


@case
def answers_are_complete():
    with File(SAMPLE) as file:
        for question, *expected in ANSWERS:
            equal(file.lines(*question.split(" ")), expected, question)


@case
def an_empty_sender_is_the_null_sender():
    with File("null-fail: DISCARD\n") as file:
        equal(file.lines("--result", "fail", "--sender", "")[:2],
              ["DISCARD", "key: null-fail:"])


@case
def words_of_the_same_meaning_are_one():
    words = {"OK": "OK", "relay": "OK", "Whitelist": "WHITELIST",
             "SKIP": "SKIP", "dunno": "SKIP", "REJECT": "REJECT",
             "TEMPFAIL": "TEMPFAIL", "Defer": "TEMPFAIL",
             "DISCARD": "DISCARD", "quarantine": "QUARANTINE",
             "HOLD x": "QUARANTINE", "ERROR:550 x": "ERROR",
             "550 5.7.1 x": "ERROR", '"451 x"': "ERROR", "CBV": "SKIP"}
    for value, action in words.items():
        with File(f"spf-fail {value}\n") as file:
            equal(file.lines("--result", "fail", "--sender", "a@b")[0],
                  action, value)


# --- a model of the lookup, from spfmilter(8) --------------------------------

def model_keys(tag, address):
    local, _, domain = address.lower().rpartition("@")
    user = local
    if local.find("+") > 0:
        user = local[:local.find("+")]
    keys = [f"{tag}:{local}@{domain}", f"{tag}:{user}@{domain}",
            f"{tag}:{domain}"]
    labels = domain.split(".")
    keys += [f"{tag}:." + ".".join(labels[n:]) for n in range(1, len(labels))]
    keys += [f"{tag}:{user}@", f"{tag}:", tag]
    return list(dict.fromkeys(keys))


def model(table, result, address):
    keys = model_keys(f"spf-{result}", address)
    if result == "none":
        keys += model_keys("spf-neutral", address)
    for key in keys:
        if key in table:
            return key
    return "none"


@case
def keys_are_those_of_the_manual():
    dice = random.Random(7)
    users = ["a", "a+x", "b", "b+x+y", "+c", "A"]
    domains = ["x", "y.x", "z.y.x", "Y.X", "w.z.y.x", "v"]
    hits = 0
    for _ in range(60):
        table = {}
        for _ in range(dice.randrange(1, 9)):
            address = f"{dice.choice(users)}@{dice.choice(domains)}"
            tag = "spf-" + dice.choice(RESULTS[:4])
            key = dice.choice(model_keys(tag, address))
            table[key] = dice.choice(["OK", "REJECT", "SKIP"])
        text = "".join(f"{key}\t{value}\n" for key, value in table.items())
        with File(text) as file:
            for _ in range(8):
                address = f"{dice.choice(users)}@{dice.choice(domains)}"
                result = dice.choice(RESULTS[:4])
                lines = file.lines("--result", result, "--sender", address)
                expected = model(table, result, address)
                equal(lines[1], f"key: {expected}", f"{text}\n{address}")
                if expected != "none":
                    equal(lines[0], table[expected], f"{text}\n{address}")
                    hits += 1
    if hits < 100:
        raise AssertionError(f"only {hits} hits")


# --- usage ------------------------------------------------------------------

USAGE = [
    ("", "Add --access"),
    ("--result fail --sender a@b", "Add --access"),
    ("--lint", "Add --access"),
    ("--access access", "Add --result and --sender"),
    ("--access access --sender a@b", "Add --result"),
    ("--access access --helo a.b", "Add --result"),
    ("--access access --result fail", "Add --sender"),
    ("--access access --result fail --identity helo --sender a@b",
     "--helo NAME"),
    ("--access access --result fail --identity srs --helo a", "--sender"),
    ("--access access --result fail --identity srs --sender <>", "--sender"),
    ("--access access --result fail --identity mailfrom --helo a",
     "--sender"),
    ("--access access --result fail --identity hello --helo a", '"helo"'),
    ("--access access --result fial --sender a@b", 'is "fail" meant'),
    ("--access access --result error --sender a@b", '"error"'),
    ("--access access --result fail --sender a@b --defaults RFC7372",
     "--defaults"),
    ("--access access --recipient a@b --delay-checks freind", '"friend"'),
    ("--access access --auth a", "--sender"),
    ("--access access --auth a --sender a@b --result pass", "--result"),
    ("--access access --auth a --sender a@b --identity helo", "--identity"),
    ("--access access --result fail --recipient a@b", "Add --sender"),
    ("--access access --lint --sender a@b", "--lint"),
    ("--access access --lint --trace", "--lint"),
    ("--access access --result fail a@b", '"a@b"'),
    ("--access access --verbose", "verbose"),
    ("--access", "access"),
]


@case
def wrong_usage_says_what_to_add():
    with File("spf-fail OK\n") as file:
        for words, expected in USAGE:
            status, out, err = run(*words.split(), cwd=file.directory)
            equal((status, out), (2, b""), words)
            if expected not in err.decode() or b"--help" not in err:
                raise AssertionError(f"{words}: {err.decode()}")


@case
def help_and_version():
    status, out, err = run("--help")
    equal((status, err, out[:16]), (0, b"", b"usage: spfpolicy"))
    status, out, err = run("--version")
    equal((status, err, out[:20]), (0, b"", b"spfpolicy (mailfrom)"))


@case
def unreadable_files_are_told_apart():
    with File("spf-fail OK\n") as file:
        question = ("--result", "fail", "--sender", "a@b")
        for access in ("nosuch", "/", "hash:access", "lmdb:access",
                       "cdb:access", "mysql:access", ""):
            for arguments in (question, ("--lint",)):
                status, out, err = run("--access", access, *arguments,
                                       cwd=file.directory)
                equal((status, out), (2, b""), f"{access} {arguments}")
                if not err.startswith(b"error: "):
                    raise AssertionError(f"{access}: {err.decode()}")


@case
def full_disk_is_noticed():
    with File(SAMPLE) as file, open("/dev/full", "wb") as full:
        for arguments in (("--lint",), ("--recipient", "a@b"), ("--help",)):
            status, _, err = run("--access", file.name, *arguments,
                                 cwd=file.directory, stdout=full)
            equal((status, b"stdout" in err), (2, True), arguments)


# --- lint -------------------------------------------------------------------

BROKEN = """\
spf-fail:a.example OK
 spf-fail:indented.example OK
spf-fail:novalue.example
spf-fial:b.example OK
spf-fail:c.example REJCET
spf-fail:a.example REJECT
spf-softfail:d.example CBV
spf-pass:e.example ERROR:5.7.1:250 x
spf-pass:f.example 550 4.7.1 x
spf-fail:g.example. OK
spf-fail:x@a.example OK
Spam:h.example OK
Connect:whatever REJCET
"""

FINDINGS = [
    # in the order of lines, but those of reading come first
    "access:2: begins with white space [error]",
    'access:3: no value behind the key "spf-fail:novalue.example" [error]',
    'access:4: spf-fial:b.example: there is no tag "spf-fial"; is "spf-fail" '
    "meant? [error]",
    'access:5: spf-fail:c.example: there is no action "REJCET"; is "REJECT" '
    "meant? [error]",
    "access:6: spf-fail:a.example: never used: line 1 has the same key "
    '("OK") [error]',
    "access:7: spf-softfail:d.example: there is no CBV here: asking the "
    "sender's host whether the address exists bothers hosts whose names were "
    "forged [error]",
    "access:8: spf-pass:e.example: a refusal has a reply code from 400 to "
    "599, and an enhanced code 4.x.x or 5.x.x if any [error]",
    "access:9: spf-pass:f.example: the enhanced code is of another class than "
    "the refusal, and isn't used [error]",
    "access:10: spf-fail:g.example.: never looked up: domains are looked up "
    "without a dot at the end [error]",
    'access:11: spf-fail:x@a.example: redundant: "spf-fail:a.example" would '
    "decide the same [warning]",
    "access:12: spam:h.example: only FRIEND and HATER have a meaning for "
    "Spam: [warning]",
    "10 entries, 9 errors, 2 warnings",
]


@case
def lint_finds_everything_at_once():
    with File(BROKEN) as file:
        status, out, err = file.run("--lint")
        equal((status, err), (1, b""))
        equal(out.decode().splitlines(), FINDINGS)


@case
def lint_status_is_that_of_errors():
    for text, expected, last in (
            ("", 0, "0 entries, 0 errors, 1 warning"),
            ("spf-fail OK\n", 0, "1 entry, 0 errors, 0 warnings"),
            ("spf-fail OK x\n", 0, "1 entry, 0 errors, 1 warning"),
            ("spf-fail OKK\n", 1, "1 entry, 1 error, 0 warnings")):
        with File(text) as file:
            status, out, err = file.run("--lint")
            equal((status, err), (expected, b""), text)
            equal(out.decode().splitlines()[-1], last, text)


@case
def dkim_lifts_and_is_looked_up():
    with File("spf-fail: UNLESS-DKIM REJECT\nspf-softfail: UNLESS-DKIM\n"
              "spf-permerror: UNLESS-DKIM\ndkim-pass:list.example OK\n"
              "dkim-pass:.spam.example REJECT no spam\n") as file:
        unless = "unless: a DKIM signature counts (dkim = verify)"
        for result, first, lifted in (("fail", "REJECT", True),
                                      ("permerror", "SKIP", True),
                                      ("softfail", "SKIP", False)):
            lines = file.lines("--result", result, "--sender", "x@a.example")
            equal((lines[0], unless in lines), (first, lifted), result)
        lines = file.lines("--result", "fail", "--sender", "<>", "--helo", "a.example")
        equal((lines[0], unless in lines), ("REJECT", False), "null sender")
        for domain, first, last in (
                ("list.example", "OK", "happens: its signatures lift UNLESS-DKIM for "
                 "any sender"),
                ("x.spam.example", "REJECT", "reply: 550 5.7.1 no spam"),
                ("other.example", "SKIP", "happens: its signatures lift UNLESS-DKIM "
                 "for senders in it or below it")):
            lines = file.lines("--dkim", domain)
            equal((lines[0], lines[-1]), (first, last), domain)
        equal(file.lines("--dkim", "list.example", "--trace")[-1],
              "lookup: dkim-pass:list.example -> OK")
        equal(file.run("--dkim", "x", "--result", "fail")[0], 2)


@case
def lint_takes_postfix_text():
    text = "spf-fail:a.example REJECT\n  go away\n  # more\nspf-fail:b.example X\n"
    with File(text) as file:
        status, out, _ = file.run("--lint", access="texthash:access")
        equal((status, out.decode().splitlines()[:-1]), (1, [
            'access:4: spf-fail:b.example: there is no action "X" [error]']))
        equal(file.lines("--result", "fail", "--sender", "x@a.example",
                         access="texthash:access")[-1],
              "reply: 550 5.7.23 go away")


@case
def what_lint_finds_dead_never_decides():
    """No sender reaches a key that is "never looked up"."""
    keys = ["spf-fail:example.com.", "spf-fail:@example.com",
            "spf-fail:bob@.example.com", "spf-fail:*.example.com",
            "spf-fail:bob+x@", "spf-fail:<bob@example.com>",
            "spf-fail:192.0.2.1", "spf-fail:example.com,"]
    senders = ["bob@example.com", "bob+x@example.com", "bob@www.example.com",
               "<bob@example.com>", "bob@example.com.", "x@192.0.2",
               "example.com", "bob+x@www.example.com."]
    with File("".join(f"{key} DISCARD\n" for key in keys)) as file:
        _, out, _ = file.run("--lint")
        equal(len(re.findall(rb": never looked up: .* \[error\]", out)),
              len(keys), out.decode())
        for sender in senders:
            equal(file.lines("--result", "fail", "--sender", sender)[0],
                  "REJECT", sender)


# --- databases --------------------------------------------------------------

@case
def databases_are_named_with_their_type():
    for kind, suffix, shown in (("cdb", ".cdb", "CDB"),
                                ("lmdb", ".lmdb", "LMDB")):
        with open(os.path.join(CORPUS, f"access_{kind}", "small"),
                  "rb") as small:
            content = small.read()
        with File(content, "map" + suffix) as file:
            for access in (f"{kind}:map", f"{kind}:map{suffix}",
                           "map" + suffix, "map"):
                equal(file.lines("--result", "fail", "--sender",
                                 "x@a.example", access=access),
                      ["REJECT", "key: spf-fail:a.example",
                       f"where: map{suffix} ({shown})", "value: REJECT",
                       "happens: refused", "reply: 550 5.7.23"], access)
            status, out, _ = file.run("--lint", access=f"{kind}:map")
            equal((status, out),
                  (0, b"3 entries, 0 errors, 0 warnings\n"), kind)


# --- hostile input ----------------------------------------------------------

@case
def nothing_plays_with_the_terminal():
    evil = b"\x1b]0;x\x07\x9b31m\xc2\x9b\\\r"
    text = (b"spf-fail:a.example REJECT " + evil + b"\n"
            b"spf-fail:" + evil + b"x OK\n")
    with File(text) as file:
        for arguments in (
                ("--result", "fail", "--sender", "x@a.example", "--trace"),
                ("--result", "pass", "--sender", evil + b"@" + evil,
                 "--trace"),
                ("--result", "pass", "--helo", evil, "--trace"),
                ("--recipient", evil, "--trace"),
                ("--lint",)):
            _, out, _ = file.run(*arguments)
            if re.search(rb"[^\n -~]", out):
                raise AssertionError(f"{arguments}: {out!r}")
        _, out, _ = file.run("--result", "fail", "--sender", "x@a.example")
        equal(len(out.splitlines()), 6)


@case
def long_addresses_are_taken():
    with File("spf-fail:.x OK\nspf-fail: DISCARD\n") as file:
        for sender, expected in (
                ("a" * 2000 + "@b.x", "OK"),
                ("a@" + "b" * 2000 + ".x", "OK"),
                ("a@" + "b." * 1000 + "x", "OK"),
                ("a" * 2000, "DISCARD"),
                ("+" * 2000, "DISCARD"),
                ("@" * 2000, "DISCARD")):
            equal(file.lines("--result", "fail", "--sender", sender,
                             "--trace")[0], expected, sender[:9])
        status, out, err = file.run("--result", "fail", "--sender",
                                    "a" * 100000)
        equal((status, out, b"too long" in err), (2, b"", True))


@case
def garbage_never_ends_in_a_signal():
    """run() raises on any other end than an exit status of ours."""
    dice = random.Random(3)
    pieces = [b"spf-fail", b":", b"!", b" ", b"\t", b"\n", b"OK", b"REJECT",
              b"ERROR:", b"5.7.1", b"250", b'"', b"@", b".", b"+", b"a.b",
              b"\xff", b"helo-pass", b"spf-", b"#", b"\r", b"*", b"[", b"]"]
    for _ in range(150):
        text = b"".join(dice.choice(pieces)
                        for _ in range(dice.randrange(1, 60)))
        sender = b"".join(dice.choice(pieces)
                          for _ in range(dice.randrange(1, 8)))
        with File(text) as file:
            file.run("--lint")
            file.run("--result=fail", b"--sender=" + sender, "--trace")


if __name__ == "__main__":
    sys.exit(suite.run())
