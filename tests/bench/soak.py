#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
Whether the daemons stay as they are: mixed traffic at three quarters of full
speed for SOAK_SECONDS (1800), on spfmilter, srsmilter and srsd.

Bursts of new and of persistent sessions, of envelopes and of whole messages, and
of requests of srsd take turns; after each comes a pause of a third of its
length.  Printed in ten lines: resident memory, descriptors, threads, and the
median and the 99th percentile of the seconds that one innocent client waited.
It fails if a message had a wrong outcome, or if memory, descriptors or threads
at the end are beyond what they were after the first tenth, when caches are
full: GROWTH.
"""

import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

import milter
import nameserver
from milter_client import Session
from run import program, srsd_command

SECONDS = float(os.environ.get("SOAK_SECONDS", "1800"))
CONNECTIONS = 32
TENTHS = 10
# Factor and addend; sessions may be about to end while they are counted.
GROWTH = {"kB": (1.1, 2048), "descriptors": (1, 8), "threads": (1, 8)}


def request(number):
    return b"make_srs recipient.example\x9buser%d<@example%d.com.>" % (
        number, number % 97)


class Srsd(milter.Filter):
    def command(self):
        return srsd_command(self.site.directory, self.socket)

    def wait(self):
        while not os.path.exists(self.socket):
            if self.process.poll() is not None:
                raise SystemExit("srsd doesn't start")
            time.sleep(0.02)


def srsd_burst(site, target):
    done = subprocess.run(
        [program("bench/load"), "-c", str(CONNECTIONS), "-s", "1", "-k",
         site.keys, target.socket], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"load on srsd: {done.stderr}")
    return int(done.stdout.split()[3])


def bursts(site, spf, srs, srsd):
    """Functions that return how many outcomes were wrong."""
    def mail(target, words, messages):
        return lambda: milter.Run(site, target, CONNECTIONS, messages,
                                  words).wrong
    found = []
    for words in milter.SHAPES.values():
        for content in milter.CONTENTS.values():
            for target in spf, srs:
                found.append(mail(target, words + content, 50))
        found.append(lambda: srsd_burst(site, srsd))
    return found


# --- an innocent client ---

class Innocent:
    """One client of each daemon, at ten messages a second: its waits in ms."""

    def __init__(self, spf, srs, srsd):
        self.waits = {spf.name: [], srs.name: [], srsd.name: []}
        self.failed, self.over = [], threading.Event()
        self.thread = threading.Thread(target=self.run, args=(spf, srs, srsd),
                                       daemon=True)
        self.thread.start()

    def run(self, spf, srs, srsd):
        try:
            while not self.over.wait(0.1):
                for target in spf, srs:
                    self.timed(target, self.message)
                self.timed(srsd, self.ask)
        except Exception as error:
            self.failed.append(repr(error))
            raise

    def timed(self, target, function):
        begin = time.monotonic()
        function(target)
        self.waits[target.name].append((time.monotonic() - begin) * 1000)

    @staticmethod
    def message(target):
        with Session(f"unix:{target.socket}") as session:
            session.connect("192.0.2.2")
            session.helo()
            session.deliver("user1@s1.test", ["bob@here.test"])

    @staticmethod
    def ask(target):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(30)
            client.connect(target.socket)
            client.sendall(b"%d:%s," % (len(request(0)), request(0)))
            if not client.recv(1000):
                raise AssertionError("srsd hung up")

    def take(self, name):
        """(median, 99th percentile) of what came since the last time."""
        waits, self.waits[name] = sorted(self.waits[name]), []
        return [waits[int(len(waits) * part)] for part in (0.5, 0.99)] \
            if waits else [0, 0]


# --- what there is ---

def state(target):
    pids = target.pids()
    return {"kB": target.memory()[0],
            "descriptors": sum(len(os.listdir(f"/proc/{p}/fd")) for p in pids),
            "threads": sum(len(os.listdir(f"/proc/{p}/task")) for p in pids)}


def grown(first, last):
    return [f"{key}: from {first[key]} to {last[key]}"
            for key, (factor, more) in GROWTH.items()
            if last[key] > first[key] * factor + more]


def quiet(target):
    """Its state once sessions are over, by which threads can tell."""
    now = state(target)
    for _ in range(50):
        time.sleep(0.1)
        before, now = now, state(target)
        if before["threads"] == now["threads"]:
            break
    return now


def soak(site):
    targets = [milter.Spfmilter(site, "spfmilter"),
               milter.Srsmilter(site, "srsmilter"), Srsd(site, "srsd")]
    innocent, turns = Innocent(*targets), bursts(site, *targets)
    begin, first, wrong, number = time.monotonic(), None, 0, 0
    for tenth in range(1, TENTHS + 1):
        while time.monotonic() < begin + SECONDS * tenth / TENTHS or \
                number < len(turns):
            started = time.monotonic()
            wrong += turns[number % len(turns)]()
            number += 1
            time.sleep((time.monotonic() - started) / 3)
        last = {target.name: quiet(target) for target in targets}
        first = first or last
        for name, seen in last.items():
            print(f"{time.monotonic() - begin:6.0f} s  {name:10}"
                  f" RSS {seen['kB'] / 1024:6.1f} MB"
                  f"  descriptors {seen['descriptors']:3}"
                  f"  threads {seen['threads']:3}"
                  "  p50 {:6.2f} ms  p99 {:6.2f} ms".format(
                      *innocent.take(name)), flush=True)
    innocent.over.set()
    innocent.thread.join()
    problems = [f"{name}: {text}" for name in first
                for text in grown(first[name], last[name])] + innocent.failed
    if wrong:
        problems.append(f"{wrong} messages had a wrong outcome")
    print(f"{number} bursts; " + ("; ".join(problems) or "all flat"))
    return 1 if problems else 0


def main():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    directory = tempfile.mkdtemp(prefix="mailfrom-soak-")
    site = None
    try:
        with nameserver.zone_server("".join(milter.zone())) as dns:
            site = milter.Site(directory, dns, False)
            site.keys = os.path.join(directory, "keys")
            with open(site.keys, "wb") as file:
                file.writelines(request(n) + b"\n" for n in range(1000))
            return soak(site)
    except nameserver.Unavailable as reason:
        print(f"no soak: {reason}")
        return 0
    finally:
        for target in site.running if site else []:
            target.stop()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
