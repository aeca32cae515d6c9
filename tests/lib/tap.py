"""Test cases that print the Test Anything Protocol, for prove(1)."""

import os
import sys
import time
import traceback


class Suite:
    """Named cases, run in the order in which they are written."""

    def __init__(self):
        self.cases = []

    def case(self, name):
        def register(function):
            self.cases.append((name, function))
            return function
        return register

    def run(self, site, evidence, after=lambda: None):
        """
        Run the cases on site, and after() behind each; evidence() returns log
        lines for a failure.  Returns the exit status.
        Arguments of the program, if any, select cases by part of their name.
        """
        chosen = [c for c in self.cases
                  if all(word in c[0] for word in sys.argv[1:])]
        failed = 0
        for number, (name, function) in enumerate(chosen, 1):
            begin = time.monotonic()
            try:
                function(site)
            except Exception:
                failed += 1
                emit(f"not ok {number} - {name}")
                diagnose(traceback.format_exc())
                diagnose("\n".join(evidence()))
            else:
                spent = time.monotonic() - begin
                emit(f"ok {number} - {name}")
                if spent > 5:
                    diagnose(f"took {spent:.1f} s")
            finally:
                after()
        emit(f"1..{len(chosen)}")
        return 1 if failed else 0


def cannot_run(reason):
    """Skip all, or fail where nothing may be skipped; the exit status."""
    if os.environ.get("MAILFROM_REQUIRE_ALL") == "1":
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
