#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
The libspf2 engine over the official suites: where it differs from native is a
list, deviations.tsv, which has to be right to the line.  Then records made to
break libspf2, and how many DNS questions hostile zones can provoke.

usage: test_engine.py [-w]      -w: print what deviations.tsv should say
"""

import gzip
import os
import random
import subprocess
import sys
import tempfile

import places
import tap

HELPER = places.program("spf-libspf2")
DEVIATIONS = places.source("tests", "engine", "deviations.tsv")
SUITES = ["rfc7208-tests", "rfc4408-tests", "test"]
ZONES = os.environ.get("ENGINE_ZONES", "5000")
HOSTILE = 3000

# Columns of engine_suite.
NAME, RESULT, WANTED, OK, EXPLANATION, WANTED_EXPLANATION, PROBLEM = range(7)


def unpack(suite, directory):
    path = os.path.join(directory, f"{suite}.yml")
    packed = places.peer("pyspf", "usr/share/doc/python3-spf",
                         f"{suite}.yml.gz")
    with gzip.open(packed) as source, open(path, "wb") as target:
        target.write(source.read())
    return path


def run(engine, path):
    """The lines of engine_suite."""
    done = subprocess.run([places.program("tests/engine/engine_suite"), engine, path],
                          capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        raise RuntimeError(f"{engine}: status {done.returncode}: "
                           f"{done.stderr.strip()}")
    return [line.split("\t") for line in done.stdout.splitlines()]


def differences(suite, native, libspf2):
    for ours, theirs in zip(native, libspf2):
        if ours[RESULT] != theirs[RESULT]:
            yield suite, ours[NAME], ours[RESULT], theirs[RESULT]
        elif ours[EXPLANATION] != theirs[EXPLANATION]:
            yield (suite, ours[NAME],
                   f"{ours[RESULT]}: {ours[EXPLANATION]}",
                   f"{theirs[RESULT]}: {theirs[EXPLANATION]}")


def known_deviations():
    with open(DEVIATIONS, encoding="ascii") as file:
        rows = [line.rstrip("\n").split("\t") for line in file
                if not line.startswith("#")]
    for row in rows:
        if len(row) != 5 or not row[4].isalpha():
            raise ValueError(f"deviations.tsv: {row}")
    return {tuple(row[:4]): row[4] for row in rows}


def is_wanted(row):
    return row[RESULT] in row[WANTED].split(",")


def test_suites(report, directory):
    known = known_deviations()
    for suite in SUITES:
        path = unpack(suite, directory)
        native, libspf2 = run("native", path), run("libspf2", path)
        print(f"# {suite}: libspf2 has the wanted result in "
              f"{sum(map(is_wanted, libspf2))} of {len(libspf2)}, with the "
              f"wanted explanation in "
              f"{sum(row[OK] == 'ok' for row in libspf2)}; native "
              f"{sum(row[OK] == 'ok' for row in native)}")
        found = set(differences(suite, native, libspf2))
        expected = {row for row in known if row[0] == suite}
        report.test(f"{suite}: {len(expected)} known deviations", [
            f"new: {' | '.join(row)}" for row in sorted(found - expected)] + [
            f"gone: {' | '.join(row)}" for row in sorted(expected - found)])
        helper = run(HELPER, path)
        report.test(f"{suite}: the same in a helper process", [
            f"{here} and {there}" for here, there in zip(libspf2, helper)
            if here != there] + (
                ["another number of tests"] if len(libspf2) != len(helper)
                else []))


# --- records made to break it ---

PIECES = ["%{d}", "%{i}", "%{l}", "%{s}", "%{o}", "%{h}", "%{p}", "%{S}",
          "%{L}", "%{ir}", "%{d2r}", "%{s1r-+.}", "%{v}", "%{d128}", "%%",
          "%_", "%-", "%", "%{", "%{x}", "A", "B" * 8, "C" * 63, "D" * 250,
          "E" * 256, "F" * 1000, ".", "..", "/", "//", "/24", "//64", ":",
          "=", "}", "{", "%{d"]
TERMS = ["exists:", "a:", "mx:", "ptr:", "include:", "redirect=", "exp=",
         "-exists:", "x=", "ip4:", "ip6:", "exp-text=", "y" * 200 + "="]


def full_block(rng):
    """
    508 of the 511 octets that libspf2 has for a term, then a literal: where it
    forgets how much room is left (CVE-2023-42118).
    """
    filler = rng.choice(["", "B", "BBBB", "B" * 8, "B" * 100])
    size = 4 + (4 + (len(filler) + 3) // 4 * 4 if filler else 0)
    pairs = rng.randrange(508 // size + 1)
    return ((filler + "%{d}") * pairs + "%{d}" * ((508 - pairs * size) // 4) +
            "A" * rng.choice([1, 60, 250, 1000, 3900]))


def pieces(rng):
    """Mostly about as long as what the guard lets through."""
    shape = rng.randrange(8)
    if shape == 0:
        return full_block(rng)
    if shape < 3:
        text = rng.choice(PIECES) * rng.randrange(1, 140)
    else:
        text = "".join(rng.choice(PIECES) for _ in range(rng.randrange(60)))
    return text[:rng.choice([20, 80, 150, 250, 390, 5000])]


def hostile_suite(path, seed):
    """Records and explanations; the results don't matter, surviving does."""
    rng = random.Random(seed)
    with open(path, "w", encoding="ascii") as file:
        file.write("description: hostile\ntests:\n")
        for number in range(HOSTILE):
            sender = rng.choice([
                "u", "u" * 64, "a-b+c." * 20, "!#$%&" * 60,
                "x" * 500]).replace("'", "")
            file.write(
                f"  t{number}:\n    helo: h.example\n"
                f"    host: {rng.choice(['1.2.3.4', '2001:db8::1'])}\n"
                f"    mailfrom: '{sender}@d{number}.example'\n"
                "    result: [none, neutral, pass, fail, softfail, "
                "temperror, permerror, silent]\n")
        file.write("zonedata:\n")
        for number in range(HOSTILE):
            record = " ".join(["v=spf1"] + [
                rng.choice(TERMS) + pieces(rng)
                for _ in range(rng.randrange(3))] +
                ["-all", f"exp=e{number}.example"])
            file.write(f"  d{number}.example:\n    - SPF: '{record}'\n"
                       f"    - A: 1.2.3.4\n"
                       f"  e{number}.example:\n"
                       f"    - TXT: '{pieces(rng) or 'x'}'\n")
        file.write("  4.3.2.1.in-addr.arpa:\n    - PTR: d1.example\n")


def test_hostile(report, directory):
    path = os.path.join(directory, "hostile.yml")
    for seed in (1, 2):
        hostile_suite(path, seed)
        problems = []
        try:
            rows = run("libspf2", path)
        except RuntimeError as problem:
            problems.append(str(problem))
        else:
            refused = sum(row[RESULT] == "silent" for row in rows)
            print(f"# {refused} of {len(rows)} hostile records refused")
            if len(rows) != HOSTILE or not 0 < refused < HOSTILE:
                problems.append("that proves nothing")
        report.test(f"libspf2 survives hostile records {seed}", problems)


def test_lookups(report):
    done = subprocess.run([places.program("tests/engine/engine_lookups"), ZONES],
                          capture_output=True, text=True, errors="replace")
    lines = done.stdout.splitlines()
    for line in lines:
        if line.startswith("#"):
            print(line)
    problems = [line for line in lines if line.startswith("not ok")]
    if done.returncode != 0 and not problems:
        problems.append(f"status {done.returncode}: {done.stderr}")
    report.test("no check asks more than the limits imply", problems)


def main():
    report = tap.Report()
    reason = places.fetch("pyspf")
    if reason:
        return tap.cannot_run(reason)
    with tempfile.TemporaryDirectory() as directory:
        if sys.argv[1:] == ["-w"]:
            known = known_deviations()
            for suite in SUITES:
                path = unpack(suite, directory)
                for row in differences(suite, run("native", path),
                                       run("libspf2", path)):
                    print("\t".join(row + (known.get(row, "new"),)))
            return 0
        test_suites(report, directory)
        test_hostile(report, directory)
    test_lookups(report)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
