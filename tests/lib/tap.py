# SPDX-License-Identifier: ISC
"""
Tests that print the Test Anything Protocol, for prove(1).

A Suite has named cases; a Report has tests that are computed.
"""

import os
import sys
import time
import traceback

REQUIRE_ALL = os.environ.get("MAILFROM_REQUIRE_ALL") == "1"


class Skip(Exception):
    """A case can't run here; the text says what is missing."""


class Report:
    """Tests as they come, each with the problems that were found, and a plan."""

    def __init__(self):
        self.number = self.failed = 0

    def test(self, name, problems=(), shown_max=20):
        self.number += 1
        self.failed += bool(problems)
        emit(f"{'not ok' if problems else 'ok'} {self.number} - {name}")
        for problem in problems[:shown_max]:
            diagnose(str(problem))
        if len(problems) > shown_max:
            diagnose(f"... {len(problems)} in all")

    def skip(self, name, reason):
        """A test that can't run, or a failure where nothing may be skipped."""
        if REQUIRE_ALL:
            self.test(f"{name}: {reason}", ["it must not be skipped"])
        else:
            self.test(f"{name} # SKIP {reason}")

    def end(self):
        """Print the plan; the exit status."""
        emit(f"1..{self.number}")
        return 1 if self.failed else 0


class Suite:
    """Named cases, run in the order in which they are written."""

    def __init__(self):
        self.cases = []

    def case(self, name):
        """
        @suite.case("a name"), or @suite.case: the function's own name.  A case
        fails by an exception, or by yielding what is wrong; Skip skips it.
        """
        if callable(name):
            return self.case(name.__name__.replace("_", " "))(name)

        def register(function):
            self.cases.append((name, function))
            return function
        return register

    def run(self, site=None, evidence=lambda: [], after=lambda: None):
        """
        Run the cases, with site as argument if there is one, and after() when
        each is over; evidence() returns log lines for a failure.  Returns the
        exit status.
        Arguments of the program, if any, select cases by part of their name.
        """
        report = Report()
        for name, function in self.cases:
            if all(word in name for word in sys.argv[1:]):
                run_case(report, name, function, [site] * (site is not None),
                         evidence)
                after()
        return report.end()


def run_case(report, name, function, arguments, evidence):
    begin = time.monotonic()
    try:
        report.test(name, list(function(*arguments) or ()))
    except Skip as reason:
        report.skip(name, reason)
    except Exception:       # one case must not end the others
        report.test(name, [traceback.format_exc(), "\n".join(evidence())])
    spent = time.monotonic() - begin
    if spent > 5:
        diagnose(f"took {spent:.1f} s")


def cannot_run(reason):
    """Skip all, or fail where nothing may be skipped; the exit status."""
    if REQUIRE_ALL:
        emit(f"Bail out! {reason}")
        return 1
    return skip_all(reason)


def skip_all(reason):
    emit(f"1..0 # SKIP {reason}")
    return 0


def diagnose(text):
    for line in text.splitlines():
        emit(f"# {line}")


def emit(line):
    print(line.encode("ascii", "backslashreplace").decode(), flush=True)


def equal(got, expected, what="value"):
    if got != expected:
        raise AssertionError(f"{what}: got {got!r}, expected {expected!r}")


def true(condition, what):
    if not condition:
        raise AssertionError(what)


def wait_until(condition, what, timeout=20):
    """
    Poll condition() until it returns something true, and return that.  The
    timeout only bounds a failure: no test passes or fails by how long it takes.
    """
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError(f"waited {timeout} s in vain for {what}")
