#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
libspf against pyspf and Mail::SPF over random zones: result and explanation.

Each difference must be explained by one of spf_rules.py, and each of these
must explain one.  SPF_ORACLE_ZONES in the environment: how many zones;
SPF_ORACLE_FIRST: the first seed.

usage: test_spf.py [-v]         -v: an example for each rule
"""

import collections
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

import places
import spf_rules
import spf_zones
import tap

ZONES = int(os.environ.get("SPF_ORACLE_ZONES", "4000"))
FIRST = int(os.environ.get("SPF_ORACLE_FIRST", "0"))
QUESTIONS = 4       # for a zone


# Not shared with other tests, which may be fetching theirs.
DIRECTORY = places.peer("spf-oracle")


class Peer:
    """A process that answers a line for each line."""

    def __init__(self, name, command):
        self.name = name
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, encoding="utf-8")
        version = json.loads(self.read())
        print(f"# {name} {version}")
        self.major = int(re.search(r"\d+", version)[0])

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(timeout=20)

    def ask(self, zone, questions):
        json.dump({"zone": zone, "questions": questions}, self.process.stdin)
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.read())

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"{self.name} died")
        return line


def open_peers():
    perl = ["perl"]
    for directory in glob.glob(DIRECTORY + "/usr/share/perl5") + \
            glob.glob(DIRECTORY + "/usr/lib/*/perl5/[0-9]*"):
        perl += ["-I", directory]
    return [
        Peer("pyspf", [sys.executable, places.source("tests/oracle/spf_peer_pyspf.py"),
                       DIRECTORY + "/usr/lib/python3/dist-packages"]),
        Peer("mailspf", perl + [places.source("tests/oracle/spf_peer_mailspf.pl")]),
    ]


def ask_here(path, zone, questions):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(spf_zones.as_yaml(zone), file)
    done = subprocess.run(
        [places.program("spfquery"), "--zone", path, "--file", "-",
         "--json", "--default-explanation", "DEFAULT", "--receiver",
         "here.test"],
        input="".join(" ".join(q) + "\n" for q in questions),
        capture_output=True, text=True, encoding="utf-8", check=False)
    if done.returncode != 0:
        raise AssertionError(f"spfquery: {done.stderr}")
    return [json.loads(line) for line in done.stdout.split("\n")[:-1]]


class Comparison(tap.Report):
    def __init__(self):
        super().__init__()
        self.fired = collections.Counter()
        self.examples = {}
        self.results = collections.Counter()
        self.compared = collections.Counter()
        self.problems = collections.defaultdict(list)

    def compare(self, seed, difference):
        peer = difference.peer.name
        self.compared[peer] += 1
        ours, theirs = difference.ours, difference.theirs
        if [ours["result"], ours["explanation"]] == theirs[:2]:
            return
        rule = spf_rules.explain(difference)
        if rule is None:
            self.problems[peer].append(
                f"seed {seed}, {' '.join(difference.question)}: here "
                f"{ours['result']} ({ours['why']}) {ours['explanation']!r}, "
                f"there {theirs}")
            return
        self.fired[rule.name, peer] += 1
        self.examples.setdefault((rule.name, peer), (seed, difference))

    def finish(self, peers, verbose):
        for peer, count in self.compared.items():
            self.test(f"{peer}: {count} checks, "
                      f"{sum(n for (_, p), n in self.fired.items() if p == peer)}"
                      " differences explained", self.problems[peer])
        total = sum(self.results.values())
        self.test("every result is met: " + ", ".join(
            f"{result} {count}" for result, count in
            self.results.most_common()),
            [f"{result}: {self.results[result]} of {total}"
             for result in ("none", "neutral", "pass", "fail", "softfail",
                            "temperror", "permerror")
             if self.results[result] < total / 200])
        for rule in spf_rules.RULES:
            for peer in peers:
                if spf_rules.is_for(rule, peer):
                    self.rule(rule, peer.name, verbose)
        return self.end()

    def rule(self, rule, peer, verbose):
        times = self.fired[rule.name, peer]
        self.test(f"rule \"{rule.name}\" explains {peer}: {times}",
                  [] if times else ["it explains nothing any more"])
        if verbose and times:
            seed, d = self.examples[rule.name, peer]
            print(f"#   RFC 7208 {rule.section}: {rule.reason}\n"
                  f"#   seed {seed}, {' '.join(d.question)}: here "
                  f"{d.ours['result']}, there {d.theirs}")


def run(report, peers, path):
    for seed in range(FIRST, FIRST + ZONES):
        maker = spf_zones.Maker(seed)
        zone = maker.zone()
        questions = [maker.question() for _ in range(QUESTIONS)]
        ours = ask_here(path, zone, questions)
        if len(ours) != len(questions):
            raise AssertionError(f"seed {seed}: {len(ours)} answers")
        report.results.update(answer["result"] for answer in ours)
        for peer in peers:
            for question, here, there in zip(questions, ours,
                                             peer.ask(zone, questions)):
                report.compare(seed, spf_rules.Difference(
                    peer, zone, question, here, there))


def main():
    reason = places.fetch("spf-oracle")
    if reason:
        return tap.cannot_run(reason)
    report, peers = Comparison(), open_peers()
    with tempfile.TemporaryDirectory(prefix="mailfrom-oracle-") as directory:
        try:
            run(report, peers, os.path.join(directory, "zone.yml"))
        finally:
            for peer in peers:
                peer.close()
    return report.finish(peers, "-v" in sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
