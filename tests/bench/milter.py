#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
What the milters cost: spfmilter beside pyspf-milter and a filter that does
nothing, srsmilter beside that one; the same mail for all, from milter_load.

usage: milter.py [-c CONNECTIONS] [-r ROUNDS] [-s SCALE] [-i IDLE]
                 [spfmilter|srsmilter]...

CPU time is that of the filter's process, and of what it has started.  Filters
take turns in each round, on one core, with load and name server on another;
ratios are taken within a round.  The names of senders are in the filters'
caches, where they have one.  pyspf-milter asks the servers of /etc/resolv.conf,
so all runs in a namespace with another such file; without one it's left out.
A filter that gets results wrong is told.  Nothing is asserted.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import nameserver
import places
import servers
import spf_dns
from milter_client import Session, Step
from run import SECRET, median, on_core, program, write
from milter_wire import STAGES

PACKAGES = ["pyspf-milter", "python3-spf-engine", "python3-milter",
            "python3-spf", "python3-dns", "python3-authres"]
LINES = 1000            # senders, of which one in ten fails
FAILS = 10
SHAPES = {"new sessions": ["-n"], "persistent": []}
CONTENTS = {"envelope": [], "15 headers, 4 KB": ["-h", "15", "-b", "4096"]}

# What a filter for SPF would negotiate, if there is none to ask.
GUESS = (Step.NOBODY | Step.NODATA | Step.NOUNKNOWN | Step.NR_CONN |
         Step.NR_HELO | Step.NR_HDR)

SPFMILTER = """\
[spf]
nameservers = {nameserver}
[spfmilter]
listen = unix:{socket}
access = {directory}/access
authserv_id = here.test
{user}
[log]
to = stderr
level = warning
"""
SRSMILTER = """\
[srs]
secret_file = {directory}/secret
fwdomain = forward.example
[srsmilter]
listen = unix:{socket}
rewrite = all
{user}
[log]
to = stderr
level = warning
"""
PYSPF = """\
debugLevel = 0
TestOnly = 1
HELO_reject = Fail
Mail_From_reject = Fail
Socket = local:{socket}
PidFile = {directory}/pid
UserID = root
Authserv_Id = here.test
"""


# --- the mail ---

def fails(number):
    return number % FAILS == 0


def zone():
    for number in range(LINES):
        network = "" if fails(number) else "ip4:192.0.2.0/24 "
        yield f's{number}.test. TXT "v=spf1 {network}-all"\n'


def senders():
    for number in range(LINES):
        yield (f"192.0.2.{number % 250 + 1} mx{number % 250 + 1}.sender.test "
               f"user{number}@s{number}.test\n")


# --- filters ---

class Filter:
    """
    A filter that runs.  messages: how many a connection gets in a run; results:
    whether it is expected to reject who fails and to add a field for the rest
    ("spf"), or to rewrite all ("srs").
    """
    messages, results = 100, None

    def __init__(self, site, name):
        self.name, self.site = name, site
        site.running.append(self)
        self.socket = os.path.join(site.directory, name + ".sock")
        self.log = open(os.path.join(site.directory, name + ".log"), "w+",
                        encoding="utf-8", errors="replace")
        self.process = subprocess.Popen(
            on_core(0) + self.command(), stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=self.log, env=self.environment())
        self.terms = self.wait()

    def environment(self):
        return None

    def fill(self, template):
        user = "user = root" if os.geteuid() == 0 else ""
        text = template.format(
            socket=self.socket, directory=self.site.directory, user=user,
            nameserver=self.site.dns.name)
        return write(self.site.directory, self.name + ".conf", text)

    def wait(self):
        """What it negotiates, once it listens."""
        deadline = time.monotonic() + 20
        while True:
            try:
                with Session(f"unix:{self.socket}") as session:
                    return session.actions, session.steps, session.lists
            except (FileNotFoundError, ConnectionRefusedError) as error:
                ended = self.process.poll() is not None
                if ended or time.monotonic() > deadline:
                    self.log.seek(0)
                    raise SystemExit(f"{self.name} doesn't start: "
                                     f"{self.log.read()}") from error
            time.sleep(0.02)

    def pids(self):
        return nameserver.process_tree(self.process.pid)

    def cpu(self):
        """Seconds of the processes; the clocks of others by their id."""
        return sum(time.clock_gettime(~pid << 3 | 2) for pid in self.pids())

    def memory(self):
        """Resident and proportional set, in KB."""
        sizes = {"Rss": 0, "Pss": 0}
        for pid in self.pids():
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                for line in file:
                    words = line.split()
                    if words[0][:-1] in sizes:
                        sizes[words[0][:-1]] += int(words[1])
        return sizes["Rss"], sizes["Pss"]

    def settled_memory(self):
        """As soon as it stays the same."""
        last = None
        for _ in range(100):
            now = self.memory()
            if now == last:
                break
            last = now
            time.sleep(0.2)
        return now

    def stop(self):
        self.process.kill()     # libmilter takes seconds to end otherwise
        self.process.wait()
        self.log.close()
        if os.path.exists(self.socket):
            os.unlink(self.socket)


class Nothing(Filter):
    def __init__(self, site, name, terms):
        self.like = terms
        super().__init__(site, name)

    def command(self):
        actions, steps, lists = self.like
        words = [program("bench/nothing_milter"), "-a", str(int(actions)),
                 "-n", str(int(steps))]
        for stage, names in lists.items():
            words += ["-m", f"{STAGES.index(stage)}={' '.join(names)}"]
        return words + ["unix:" + self.socket]


class Spfmilter(Filter):
    results = "spf"

    def command(self):
        write(self.site.directory, "access", "")
        return [program("spfmilter"), "-f", "-c", self.fill(SPFMILTER)]


class Srsmilter(Filter):
    results = "srs"

    def command(self):
        write(self.site.directory, "secret", SECRET + "\n")
        return [program("srsmilter"), "-f", "-c", self.fill(SRSMILTER)]


class PyspfMilter(Filter):
    messages, results = 50, "spf"

    def command(self):
        return ["/usr/bin/python3",
                places.peer("pyspf", "usr/bin/pyspf-milter"),
                self.fill(PYSPF)]

    def environment(self):
        return dict(os.environ, PYTHONPATH=places.peer(
            "pyspf", places.PYTHON))


# --- measuring ---

class Run:
    """One load on one filter."""

    def __init__(self, site, target, connections, messages, words):
        before = target.cpu()
        done = subprocess.run(
            [*on_core(1), program("bench/milter_load"), "-c", str(connections),
             "-m", str(messages), "-l", site.list, *words, target.socket],
            capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"load on {target.name}: {done.stderr}")
        self.seen = {key: float(value) for key, _, value in (
            word.partition("=") for word in done.stdout.split())}
        count = self.seen["messages"]
        self.cpu_us = (target.cpu() - before) * 1e6 / count
        self.rate = count / self.seen["seconds"]
        self.client_us = self.seen["cpu_us"] / count
        self.wrong = self.count_wrong(target.results, int(count))

    def count_wrong(self, results, count):
        """Messages whose outcome isn't what it should be, at least."""
        failing = sum(fails(number % LINES) for number in range(count)) \
            if results == "spf" else 0
        wrong = abs(failing - self.seen["rejected"]) + sum(
            self.seen[name] for name in ("tempfailed", "discarded", "lost"))
        if results == "spf":        # a field each, or more
            wrong += max(0, count - failing - self.seen["headers"])
        elif results == "srs":      # a sender each
            wrong += abs(count - self.seen["others"])
        return int(wrong)


class Site:
    """Where it all happens; filters that can't be had are told."""

    def __init__(self, directory, dns, inside):
        self.directory, self.dns, self.inside = directory, dns, inside
        self.running = []
        self.list = write(directory, "list", "".join(senders()))

    def filters_for(self, name, kind):
        """The floor first, then ours; one alone is nothing to compare with."""
        found = []
        if os.path.exists(program(name)):
            found.append(kind(self, name))
        else:
            print(f"without {name}, which isn't built")
            if name != "spfmilter":
                return []
        terms = found[0].terms if found else (0, GUESS, {})
        if name == "spfmilter" and self.inside:
            reason = fetch_pyspf()
            if reason:
                print(f"without pyspf-milter: {reason}")
            else:
                found.append(PyspfMilter(self, "pyspf-milter"))
        return [Nothing(self, "nothing", terms), *found]

    def bench(self, name, kind, options):
        try:
            targets = self.filters_for(name, kind)
            if targets:
                self.bench_all(name, targets, options)
        finally:
            while self.running:
                self.running.pop().stop()

    def bench_all(self, name, targets, options):
        print(f"{name}: {options.connections} connections; medians of "
              f"{options.rounds} rounds; CPU of the filter a message; load "
              f"{os.getloadavg()[0]:.1f}")
        print(f"  nothing negotiates as it does: {targets[0].terms[1]!r}")
        for target in targets:      # what is in a cache is there now
            Run(self, target, options.connections, 16, [])
        for session, how in SHAPES.items():
            for content, what in CONTENTS.items():
                print(f"{session}, {content}:")
                self.compare(targets, options, how + what)
        self.idle(targets, options.idle)

    def compare(self, targets, options, words):
        runs = {target.name: [] for target in targets}
        for number in range(options.rounds):
            turn = number % len(targets)
            for target in targets[turn:] + targets[:turn]:
                messages = max(1, int(target.messages * options.scale))
                runs[target.name].append(Run(
                    self, target, options.connections, messages, words))
        for target in targets:
            mine = runs[target.name]
            memory = target.memory()
            wrong = sum(run.wrong for run in mine)
            count = sum(run.seen["messages"] for run in mine)
            print(f"  {target.name:13} {median([r.cpu_us for r in mine]):7.1f} "
                  f"us {median([r.rate for r in mine]):8,.0f}/s "
                  f" RSS {memory[0] / 1024:5.1f} MB  PSS "
                  f"{memory[1] / 1024:5.1f} MB  client "
                  f"{median([r.client_us for r in mine]):5.1f} us"
                  + (f"  WRONG: {wrong} of {count:.0f}" if wrong else ""))
        if len(targets) > 1 and targets[1].results and \
                targets[1].name != "pyspf-milter":
            self.ratios(targets[1].name, runs)
        sys.stdout.flush()

    @staticmethod
    def ratios(ours, runs):
        for name in runs:
            if name == ours:
                continue
            cpu = [mine.cpu_us / theirs.cpu_us
                   for mine, theirs in zip(runs[ours], runs[name])]
            rate = statistics.median(mine.rate / theirs.rate for mine, theirs
                                     in zip(runs[ours], runs[name]))
            print(f"    {ours} / {name:13} CPU {median(cpu):6.3f} "
                  f"({min(cpu):.3f} to {max(cpu):.3f})  rate {rate:7.2f}")

    def idle(self, targets, count):
        print(f"{count} sessions that came to HELO and stay:")
        for target in targets:
            before = target.settled_memory()
            load = subprocess.Popen(
                [*on_core(1), program("bench/milter_load"), "-c", str(count),
                 "-m", "0", "-l", self.list, target.socket],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            try:
                if load.stdout.readline() != "ready\n":
                    print(f"  {target.name:13} doesn't take them")
                    continue
                after = target.settled_memory()
            finally:
                load.stdin.close()
                load.wait()
                load.stdout.close()
            print(f"  {target.name:13} RSS {after[0] / 1024:6.1f} MB  PSS "
                  f"{after[1] / 1024:6.1f} MB  (before: "
                  f"{before[1] / 1024:.1f}), "
                  f"{(after[1] - before[1]) / count:.1f} KB each")


def fetch_pyspf():
    """Why it can't be had, or None."""
    return places.fetch("pyspf", packages=PACKAGES)


def use_resolver(directory):
    """In the namespace, loopback and a resolv.conf that names it."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    path = write(directory, "resolv.conf", "nameserver 127.0.0.1\n")
    os.chmod(path, 0o644)
    subprocess.run(["mount", "--bind", path, "/etc/resolv.conf"], check=True)


KINDS = {"spfmilter": Spfmilter, "srsmilter": Srsmilter}


def main():
    parser = argparse.ArgumentParser(description="what the milters cost")
    parser.add_argument("-c", "--connections", type=int, default=64)
    parser.add_argument("-r", "--rounds", type=int, default=5)
    parser.add_argument("-s", "--scale", type=float, default=1,
                        help="of the number of messages")
    parser.add_argument("-i", "--idle", type=int, default=1000)
    parser.add_argument("what", nargs="*", choices=[[], *KINDS])
    options = parser.parse_args()
    inside = spf_dns.INSIDE in os.environ
    if not inside:      # it returns if there can be none
        servers.find_nsd()   # there is no network within
        fetch_pyspf()
        reason = spf_dns.enter_namespace()
        print(f"without pyspf-milter, for want of a namespace: {reason}")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    directory = tempfile.mkdtemp(prefix="mailfrom-bench-")
    try:
        if inside:
            use_resolver(directory)
        with nameserver.zone_server("".join(zone()), 53 if inside else 0,
                                    prefix=on_core(1)) as dns:
            site = Site(directory, dns, inside)
            for name in options.what or KINDS:
                site.bench(name, KINDS[name], options)
    except nameserver.Unavailable as reason:
        print(f"without figures of the milters: {reason}")
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
