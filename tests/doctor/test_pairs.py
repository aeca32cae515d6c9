#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
mailfrom doctor over each setting of pairs.py, beside the plain lines of a second
pass and beside the hardened ones, as the postconf of a real Postfix reads them.

It prints how many it flagged, how many it missed, and how often it raised a false
alarm.  With SETTINGS_ALL=1, as in `make soak', harmless settings are tried beside
all four; else each beside one of them in turn.
"""

import concurrent.futures
import itertools
import json
import os
import subprocess
import sys
import tempfile

import places
import tap
import world

import lines
import pairs

MAILFROM = places.program("mailfrom")
PEER = "postfix"
ALL = os.environ.get("SETTINGS_ALL") == "1"


class Bench:
    """A directory, and a postconf that needs no installation."""

    def __init__(self, directory):
        self.directory, self.count = directory, 0
        prefix = places.peer(PEER)
        self.environment = {
            "PATH": os.path.join(prefix, "usr/sbin") + ":/usr/bin:/bin",
            "LD_LIBRARY_PATH": world.libraries(prefix, "usr/lib/postfix")}

    def run(self, number, main_cf, master_cf, own="", files=None):
        """What the doctor says about these files: (exit status, findings)."""
        place = os.path.join(self.directory, str(number))
        os.mkdir(place)
        with open(os.path.join(place, "secret"), "w", encoding="ascii") as f:
            f.write("a-secret-of-the-tests-of-doctor\n")
        os.chmod(os.path.join(place, "secret"), 0o600)
        texts = {"main.cf": main_cf, "master.cf": master_cf,
                 "mailfrom.conf": lines.CONFIGURATION + own, **(files or {})}
        for name, text in texts.items():
            path = os.path.join(place, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text.replace("{directory}", place))
            os.utime(path, (1, 1))
        for name in files or {}:
            subprocess.run(
                [places.peer(PEER, "usr/sbin/postmap"), "-c", place,
                 f"hash:{place}/{name}"], env=self.environment, check=True)
        done = places.run(
            MAILFROM, "doctor", "-c", os.path.join(place, "mailfrom.conf"),
            "--config-dir", place, "--offline", "--json",
            env=self.environment)
        if not done.stdout:
            raise AssertionError(f"no output: {done.stderr}")
        return done.returncode, json.loads(done.stdout)


def wrong(said):
    return [f for f in said["checks"] if f["status"] != "ok"]


def show(findings):
    return "; ".join(f"{f['check']}: {f['read']} -> {f['do']}"
                     for f in findings) or "nothing"


def whole(form, is_hardened, pair=None, main="", changes=None):
    """(main.cf, master.cf)"""
    main = main + "\n"
    is_last = pair is None or pair.is_last
    return (lines.main_cf(form, is_hardened, after=main if is_last else "",
                          before="" if is_last else main),
            lines.master_cf(form, is_hardened, changes,
                            more=pair.more if pair else ""))


def without_warnings_of_postconf(findings, main):
    """A line of main.cf that is there twice is the test's own doing."""
    names = [line.split("=")[0].strip() for line in main.splitlines()]
    return [f for f in findings if f["check"] != "postconf" or
            not any(f"earlier entry: {name}=" in f["read"] for name in names)]


class Table:
    """Jobs that run side by side, and how their results count."""

    def __init__(self, bench):
        self.bench, self.jobs, self.number = bench, [], 0

    def add(self, name, form, is_hardened, judge, pair=None, main=None,
            changes=None):
        self.number += 1
        main = pair.main if main is None else main
        main_cf, master_cf = whole(form, is_hardened, pair, main, changes)
        files = pair.files if pair else \
            pairs.SOUND_FILES if "{directory}" in main else {}
        self.jobs.append((name, judge, pair, main, (
            self.number, main_cf, master_cf, pair.own if pair else "", files)))

    def run(self):
        """[(name, problem or None)] in order."""
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            said = list(pool.map(lambda job: self.bench.run(*job[4]),
                                 self.jobs))
        return [(name, judge(pair, main, *answer))
                for (name, judge, pair, main, _), answer
                in zip(self.jobs, said)]


def must_flag(pair, main, status, said):
    found = wrong(said)
    if pair.is_last:
        found = without_warnings_of_postconf(found, main)
    if not found:
        return "missed"
    if not any(pair.cure in f["do"] for f in found):
        return f"no word of {pair.cure}: {show(found)}"
    if (status == 1) != any(f["status"] == "fail" for f in found):
        return f"exit status {status}"
    return None


def must_be_silent(_, main, status, said):
    found = without_warnings_of_postconf(wrong(said), main)
    if not found and status != 0 and not wrong(said):
        return f"exit status {status}"
    return show(found) if found else None


def report(title, results, report_to, kind):
    problems = [f"{name}: {problem}" for name, problem in results if problem]
    report_to.test(f"{title}: {len(results) - len(problems)} of "
                   f"{len(results)}", problems, shown_max=100)
    tap.diagnose(f"{kind}: {len(problems)}")


def main():
    reason = places.fetch(PEER)
    if reason:
        return tap.cannot_run(reason)
    out = tap.Report()
    with tempfile.TemporaryDirectory(prefix="mailfrom-doctor-") as directory:
        bench = Bench(directory)
        flagged, silent, sound = Table(bench), Table(bench), Table(bench)
        flagged.number, silent.number, sound.number = 0, 10000, 20000
        for pair in pairs.BROKEN:
            for form in pair.forms:
                name = f"{form}: {' / '.join(pair.main.splitlines())}"
                flagged.add(name, form, False, must_flag, pair)
                if pair.hardened:
                    silent.add(name, form, True, must_be_silent, pair)
                else:
                    flagged.add(f"hardened {name}", form, True, must_flag,
                                pair)
                if pair.cured_main is not None or pair.cured is not None:
                    silent.add(f"cured {name}", form, True, must_be_silent,
                               pair, pair.main if pair.cured_main is None
                               else pair.cured_main, pair.cured)
        kinds = list(itertools.product(pairs.BOTH, (False, True)))
        for number, line in enumerate(pairs.SOUND):
            for form, is_hardened in kinds if ALL or line == "" else \
                    [kinds[number % len(kinds)]]:
                sound.add(f"{form}{' hardened' * is_hardened}: {line!r}",
                          form, is_hardened, must_be_silent, None, line)
        report("broken settings are flagged, with their cure", flagged.run(),
               out, "missed")
        report("hardened lines, and merged ones, are right", silent.run(),
               out, "false alarms")
        report("settings that do no harm are not flagged", sound.run(), out,
               "false alarms")
    return out.end()


if __name__ == "__main__":
    sys.exit(main())
