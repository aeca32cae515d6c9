# SPDX-License-Identifier: ISC
"""
Work that is shared by several processes, each of which enters a world of its own:
one of world.enter(), which can be entered only by a program that starts again.
"""

import json
import os
import subprocess
import sys

JOBS, RESULTS = "MAILFROM_JOBS", "MAILFROM_RESULTS"
RECORD = 8


def am_worker():
    return JOBS in os.environ


def run(count, workers, done):
    """
    Start this program workers times, and call done(result) with what they make of
    the jobs 0 to count - 1, in the order in which they end.  Their exit statuses.
    """
    jobs, feed = os.pipe()
    results, report = os.pipe()
    for fd in jobs, report:
        os.set_inheritable(fd, True)
    os.write(feed, b"".join(b"%*d" % (RECORD, n) for n in range(count)))
    os.close(feed)
    environment = {**os.environ, JOBS: str(jobs), RESULTS: str(report)}
    # Standard output is the tests' report.
    started = [subprocess.Popen(
        [sys.executable, *sys.argv], env=environment, stdout=sys.stderr,
        stdin=subprocess.DEVNULL, pass_fds=(jobs, report))
        for _ in range(workers)]
    os.close(report)
    with os.fdopen(results, encoding="utf-8") as lines:
        for line in lines:
            done(json.loads(line))
    os.close(jobs)
    return [worker.wait() for worker in started]


def jobs():
    """The numbers of this worker's jobs, one at a time."""
    while True:
        number = os.read(int(os.environ[JOBS]), RECORD)
        if not number:
            return
        yield int(number)


def report(result):
    # A line each, in one piece.
    os.write(int(os.environ[RESULTS]), (json.dumps(result) + "\n").encode())
