#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
spfquery --lint judged by pyspf and Mail::SPF over random zones: what they give
to a client is among the results that lint announces for it, with an error
where they give one.

Lint shares its reading of records with our engine, so the engine alone can't
be the judge.  Where a peer differs from us, one of spf_rules.py says why.
LINT_ORACLE_ZONES in the environment: how many zones (default 300);
LINT_ORACLE_FIRST: the first seed.

usage: test_lint.py
"""

import collections
import json
import os
import sys
import tempfile

import places
import spf_rules
import spf_zones
import tap
import test_spf

ZONES = int(os.environ.get("LINT_ORACLE_ZONES", "300"))
FIRST = int(os.environ.get("LINT_ORACLE_FIRST", "0"))


def lint(path, client, sender):
    """What --lint says of a client: the whole object."""
    done = places.run(places.program("spfquery"), "--zone", path, "--json",
                      "--lint", sender, "--ip", client, "--sender", sender,
                      timeout=60)
    if done.returncode not in (0, 1) or done.stderr:
        raise AssertionError(f"{client} {sender}: {done.stderr}")
    found = json.loads(done.stdout)
    if (done.returncode == 1) != (found["errors"] > 0):
        raise AssertionError(f"{sender}: status {done.returncode}")
    return found


class Judges(tap.Report):
    def __init__(self):
        super().__init__()
        self.problems = collections.defaultdict(list)
        self.judged = collections.Counter()
        self.explained = collections.Counter()
        self.results = collections.Counter()
        self.classes = collections.Counter()

    def judge(self, seed, found, difference):
        peer, theirs = difference.peer.name, difference.theirs[0]
        self.judged[peer] += 1
        self.results[theirs] += 1
        possible = found["client"]["possible"]
        wrong = theirs not in possible
        # Possible errors are errors only if a client has been found.
        certain = possible == [theirs]
        if theirs in ("permerror", "temperror") and certain and \
                not found["errors"]:
            wrong = True
        if not wrong:
            return
        if difference.ours["result"] != theirs and \
                spf_rules.explain(difference) is not None:
            self.explained[peer] += 1
            return
        self.problems[peer].append(
            f"seed {seed}, {' '.join(difference.question)}: lint {possible}, "
            f"{found['errors']} errors, here {difference.ours['result']}, "
            f"there {difference.theirs}")

    def finish(self):
        for peer, count in self.judged.items():
            self.test(f"{peer}: {count} judgements, {self.explained[peer]} "
                      "differences explained", self.problems[peer])
        self.test("every result is met: " + ", ".join(
            f"{result} {count}" for result, count in
            self.results.most_common()),
            [result for result in ("none", "neutral", "pass", "fail",
                                   "softfail", "temperror", "permerror")
             if not self.results[result]])
        self.test("classes: " + ", ".join(
            f"{name} {count}" for name, count in sorted(
                self.classes.items())), [])
        return self.end()


def run(report, peers, path):
    for seed in range(FIRST, FIRST + ZONES):
        maker = spf_zones.Maker(seed)
        zone = maker.zone()
        question = maker.question()
        while "@" not in question[1] or question[1].startswith("@"):
            question = maker.question()
        ours, = test_spf.ask_here(path, zone, [question])
        found = lint(path, question[0], question[1])
        report.classes["errors" if found["errors"] else
                       "warnings" if found["warnings"] else "clean"] += 1
        report.classes[f"{len(found['client']['possible'])} possible"] += 1
        for peer in peers:
            there, = peer.ask(zone, [question])
            report.judge(seed, found, spf_rules.Difference(
                peer, zone, question, ours, there))


def main():
    reason = places.fetch("spf-oracle")
    if reason:
        return tap.cannot_run(reason)
    report, peers = Judges(), test_spf.open_peers()
    with tempfile.TemporaryDirectory(prefix="mailfrom-oracle-") as directory:
        try:
            run(report, peers, os.path.join(directory, "zone.yml"))
        finally:
            for peer in peers:
                peer.close()
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
