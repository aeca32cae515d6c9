#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
The official suites once more: each document's zone served by a real nsd, each
test by spfquery through c-ares.  Where a zone says TIMEOUT, a server in front of
nsd fails instead of it.

usage: test_suites.py [PART-OF-A-NAME...]
"""

import concurrent.futures
import gzip
import json
import subprocess
import sys

import dns
import network
import places
import servers
import tap

SPFQUERY = places.program("spfquery")
AT_ONCE = 4

# How many tests each suite has, lest some are overlooked.
SUITES = {"rfc7208-tests": 203, "rfc4408-tests": 191, "test": 16}

# (suite, test): reason.  Exactly these are skipped.
SKIPPED = {
    ("test", "default-modifier"): "a mode of pyspf's",
    ("test", "default-modifier-harsh"): "a mode of pyspf's",
}


class Unsayable(Exception):
    """A zone that nsd can't serve."""


# --- suites ---

def load_yaml():
    """The module, and why it can't be had."""
    try:
        import yaml
        return yaml, None
    except ImportError:
        reason = places.fetch("yaml")
        if reason:
            return None, reason
        sys.path.insert(0, places.peer("yaml", places.PYTHON))
        import yaml
        return yaml, None


def documents(yaml, suite):
    path = places.peer("pyspf", "usr/share/doc/python3-spf", f"{suite}.yml.gz")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        # Without types: 1.10 is no number here, nor is NONE nothing.
        return [document for document in yaml.load_all(file, yaml.BaseLoader)
                if document]


# --- zone files ---

def records_of(items):
    """Pairs of type and value; TIMEOUT stands alone there, without a value."""
    for item in items:
        if isinstance(item, str):
            yield item, None
        else:
            yield from item.items()


def escape(octets, plain):
    return "".join(chr(c) if chr(c) in plain else f"\\{c:03}" for c in octets)


LETTERS = "".join(map(chr, range(0x30, 0x3a))) + "-_" + \
    "".join(chr(upper + n) for upper in (0x41, 0x61) for n in range(26))
PRINTABLE = "".join(chr(c) for c in range(0x20, 0x7f) if chr(c) not in '"\\')


def name_text(name):
    labels = name.rstrip(".").encode("utf-8").split(b".")
    if labels == [b""]:
        return "."
    if not all(0 < len(label) < 64 for label in labels):
        raise Unsayable(f"{name}: no domain name")
    return ".".join(escape(label, LETTERS) for label in labels) + "."


def txt_text(strings, copies):
    """
    The strings of a TXT record.  A set of records has none twice, so that a copy
    gets as many empty strings as there were before it; they change nothing.
    """
    octets = [string.encode("utf-8") for string in strings] + [b""] * copies
    parts = [part for string in octets for part in
             [string[i:i + 255] for i in range(0, len(string), 255)] or [b""]]
    return " ".join(f'"{escape(part, PRINTABLE)}"' for part in parts)


def zone_text(zonedata):
    """A zone file for the root, with all names in it."""
    lines = ["$TTL 300", ". SOA ns.invalid. admin.invalid. 1 3600 600 86400 60",
             ". NS ns.invalid."]
    for owner, items in zonedata.items():
        records = list(records_of(items))
        have_txt = any(kind == "TXT" for kind, _ in records)
        seen = []
        for kind, value in records:
            if kind == "TIMEOUT" or value in ("TIMEOUT", "NONE"):
                continue
            copies = seen.count((kind, value))
            seen.append((kind, value))
            if kind in ("TXT", "SPF"):
                strings = [value] if isinstance(value, str) else value or [""]
                data = txt_text(strings, copies)
                if kind == "SPF" and not have_txt:
                    lines.append(f"{name_text(owner)} TXT {data}")
            elif kind in ("A", "AAAA"):
                data = value
            elif kind == "MX":
                data = f"{value[0]} {name_text(value[1])}"
            elif kind in ("PTR", "CNAME"):
                data = name_text(value)
            else:
                raise Unsayable(f"{owner}: {kind}")
            lines.append(f"{name_text(owner)} {kind} {data}")
    return "\n".join(lines) + "\n"


def failing(zonedata):
    """
    The questions (name, type) that fail.  TIMEOUT at a name stands for the types
    that aren't listed before it, and comes before TXT records made of SPF ones.
    """
    out = set()
    for owner, items in zonedata.items():
        seen = set()
        for kind, value in records_of(items):
            if kind == "TIMEOUT":
                out.update((owner.rstrip(".").lower(), number)
                           for word, number in dns.TYPES.items()
                           if word not in seen)
            elif value == "TIMEOUT":
                out.add((owner.rstrip(".").lower(), dns.TYPES[kind]))
            elif value != "NONE":
                seen.add(kind)
    return out


# --- tests ---

def ask(port, test):
    """The verdict by spfquery, as a dictionary."""
    done = subprocess.run(
        [SPFQUERY, "--json", "--nameserver", f"{servers.HOST}:{port}",
         "--ip", test["host"], "--sender", test.get("mailfrom", ""),
         "--helo", test.get("helo", ""),
         "--receiver", test.get("receiver", "receiver.invalid"),
         "--default-explanation", "DEFAULT"],
        capture_output=True, encoding="utf-8", timeout=60)
    try:
        return json.loads(done.stdout)
    except ValueError:
        return {"result": f"status {done.returncode}",
                "why": done.stdout + done.stderr}


def complaint(name, test, verdict):
    """What is wrong with a verdict, or None."""
    wanted = test["result"]
    wanted = [wanted] if isinstance(wanted, str) else wanted
    have = verdict["result"]
    if have not in wanted:
        return (f"{name}: want {' or '.join(wanted)}, have {have}: "
                f"{verdict.get('problem') or verdict.get('why')}")
    explanation = verdict.get("explanation") or ""
    if test.get("explanation", explanation) != explanation:
        return (f"{name}: want explanation {test['explanation']!r}, "
                f"have {explanation!r}")
    return None


def title_of(suite, document):
    first = next(iter(document["tests"]))
    return f"{suite}: {document.get('description', first)}"


class Run(tap.Report):
    """All documents, with counts."""

    def __init__(self, nsd):
        super().__init__()
        self.nsd, self.skipped = nsd, set()

    def document(self, suite, document):
        """How many tests were run."""
        tests = {}
        for name, test in document["tests"].items():
            if (suite, name) in SKIPPED:
                self.skipped.add((suite, name))
            else:
                tests[name] = test
        try:
            problems = self.serve(document["zonedata"], tests)
        except (Unsayable, AssertionError) as error:
            problems = [str(error)]
        self.test(f"{title_of(suite, document)}: {len(tests)} tests",
                  problems)
        return len(tests)

    def serve(self, zonedata, tests):
        nsd = servers.Nsd(self.nsd, {".": zone_text(zonedata)})
        server, port = None, nsd.port
        failures = failing(zonedata)
        if failures:
            server = servers.Server(
                lambda question, tcp:
                [dns.reply(question, rcode=dns.SERVFAIL)]
                if (question.name, question.type) in failures else None,
                upstream=nsd.port)
            port = server.port
        try:
            refused = [line for line in nsd.evidence().splitlines()
                       if "error:" in line]
            with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
                verdicts = pool.map(lambda test: ask(port, test),
                                    tests.values())
                problems = [complaint(name, test, verdict)
                            for (name, test), verdict in
                            zip(tests.items(), verdicts)]
        finally:
            if server:
                server.stop()
            nsd.stop()
        return refused + [problem for problem in problems if problem]


    def total(self, suite, count, wanted):
        """That no test was overlooked, and none skipped but those listed."""
        skipped = {key for key in SKIPPED if key[0] == suite}
        problems = [f"{name} isn't there"
                    for _, name in sorted(skipped - self.skipped)]
        if count + len(skipped) != wanted:
            problems.append(f"{count + len(skipped)} tests, not {wanted}")
        self.test(f"{suite}: {count} tests run, {len(skipped)} skipped",
                  problems)
        for key in sorted(skipped):
            tap.diagnose(f"{key[1]}: {SKIPPED[key]}")


def main():
    nsd, reason = servers.find_nsd()
    reason = reason or places.fetch("pyspf")
    yaml = None
    if not reason:
        yaml, reason = load_yaml()
    if reason:
        return tap.cannot_run(reason)
    network.enter()
    run = Run(nsd)
    for suite, wanted in SUITES.items():
        count = sum(run.document(suite, document)
                    for document in documents(yaml, suite)
                    if all(word in title_of(suite, document)
                           for word in sys.argv[1:]))
        if not sys.argv[1:]:
            run.total(suite, count, wanted)
    return run.end()


if __name__ == "__main__":
    sys.exit(main())
