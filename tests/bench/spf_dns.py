#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
How fast SPF checks over the DNS are, where every answer is late: the resolver,
libspf2 and pyspf with theirs, over the same zones of an nsd, in the same run.

usage: spf_dns.py [-d MS] [-r ROUNDS]

libspf2 and pyspf ask the servers of /etc/resolv.conf, at port 53: all of this
runs in a network and mount namespace of its own, with another such file.  Where
there can be none (it takes root, or user namespaces), the resolver runs alone.
Nothing is asserted.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile

import dns
import places
import servers

INSIDE = "SPF_DNS_INSIDE"       # in the environment, once in the namespace

# Of ten terms, that ask 13 questions, and of none, that ask one.
TEN = ("v=spf1 a:a0.{d} a:a1.{d} mx:m0.{d} include:i0.{d} a:a2.{d} "
       "include:i1.{d} exists:x.{d} a:a3.{d} include:i2.{d} mx:m1.{d} -all")
ONE = "v=spf1 ip4:192.0.2.0/24 -all"
RECORDS = {"ten": ("t", "ten terms, 13 questions"),
           "one": ("o", "ip4 alone, 1 question")}
DOMAINS = {"ten": 4000, "one": 20000}
IN_FLIGHT = [64, 1000]
FEW = 15            # checks, where there is one at a time
ATTEMPT_MS = 600    # of servers in trouble
TRUNCATED = 500


def zone():
    yield "$TTL 300\n@ SOA ns admin 1 3600 600 86400 60\n  NS ns\n"
    yield "ns A 127.0.0.1\n"
    for number in range(DOMAINS["one"]):
        yield f'o{number} TXT "{ONE}"\n'
    for number in range(DOMAINS["ten"]):
        d = f"t{number}"
        yield f'{d} TXT "{TEN.format(d=d + ".test")}"\n'
        for n in range(4):
            yield f"a{n}.{d} A 203.0.113.{n}\n"
        for n in range(3):
            yield f'i{n}.{d} TXT "v=spf1 ip4:203.0.113.{n} -all"\n'
        for n in range(2):
            yield f"m{n}.{d} MX 10 h{n}.{d}\nh{n}.{d} A 203.0.113.{n}\n"


def program(name):
    return places.program(f"bench/{name}")


def cores():
    return sorted(os.sched_getaffinity(0))


def on_core(which):
    """What pins a command: servers have the first core, checks the second."""
    available = cores()
    return ["taskset", "-c", str(available[which % len(available)])]


def enter_namespace():
    """Run this again in a namespace; only returns, with why, if it can't."""
    for options in (["--net", "--mount"],
                    ["--user", "--map-root-user", "--net", "--mount"]):
        command = ["unshare", *options]
        try:
            done = subprocess.run(
                [*command, "sh", "-c", "ip link set lo up && "
                 "mount --bind /dev/null /etc/resolv.conf"],
                capture_output=True, text=True, errors="replace")
        except OSError as error:
            return str(error)
        if done.returncode == 0:
            os.environ[INSIDE] = "1"
            sys.stdout.flush()
            os.execvp(command[0], [*command, sys.executable, *sys.argv])
    return " ".join(done.stderr.split())


class Proxy:
    """spf_delay in front of nsd."""

    def __init__(self, port, upstream, delay_ms):
        self.process = subprocess.Popen(
            [*on_core(0), program("spf_delay"), f"{servers.HOST}:{port}",
             str(upstream), str(delay_ms)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline())

    def questions(self):
        """How many came since this was asked last."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        self.process.wait(timeout=20)


class Bench:
    def __init__(self, proxy, inside, delay_ms):
        self.proxy, self.delay_ms = proxy, delay_ms
        self.engines = ["native"]
        if inside:
            self.engines += ["libspf2"]
            self.find_pyspf()

    def find_pyspf(self):
        reason = places.fetch("pyspf") or \
            places.fetch("pydns", packages=["python3-dns"])
        self.path = os.pathsep.join(places.peer(name, places.PYTHON)
                                    for name in ("pyspf", "pydns"))
        if not reason:
            done = subprocess.run(
                [sys.executable, "-c", "import spf"], text=True,
                env=dict(os.environ, PYTHONPATH=self.path),
                capture_output=True, errors="replace")
            lines = done.stderr.splitlines()
            reason = lines[-1] if done.returncode else None
        if reason:
            print(f"without pyspf: {reason}")
        else:
            self.engines.append("pyspf")

    def run(self, engine, record, count, in_flight=1):
        """
        Median microseconds of a check, checks/s, questions a check, and
        microseconds of CPU a question.
        """
        prefix = RECORDS[record][0]
        if engine == "pyspf":
            command = [sys.executable, places.source("tests/bench/spf_pyspf.py"),
                       str(count), prefix]
        else:
            command = [program("spf_dns"), engine, str(in_flight), str(count),
                       prefix, f"{servers.HOST}:{self.proxy.port}"]
        environment = dict(os.environ)
        if engine == "pyspf":
            environment["PYTHONPATH"] = self.path
        self.proxy.questions()
        done = subprocess.run(
            on_core(1) + command, capture_output=True, text=True,
            env=environment)
        if done.returncode != 0:
            raise SystemExit(f"{engine}: {done.stderr}")
        fails, middle, spent, *cpu = map(int, done.stdout.split())
        if fails != count:
            print(f"  {engine}, {in_flight} in flight: {count - fails} of "
                  f"{count} results are wrong")
        questions = self.proxy.questions()
        return (middle, count / spent * 1e6, questions / count,
                cpu[0] / questions if cpu and questions else 0)

    def rounds(self, record, jobs, count):
        """The medians of each of jobs: (engine, checks, in flight)."""
        results = {job: [] for job in jobs}
        for number in range(count):
            turn = number % len(jobs)
            for job in jobs[turn:] + jobs[:turn]:
                engine, checks, in_flight = job
                results[job].append(
                    self.run(engine, record, checks, in_flight))
        return {job: [statistics.median(column) for column in zip(*rows)]
                for job, rows in results.items()}

    def latency(self, record, rounds):
        print(f"{RECORDS[record][1]}, one check at a time:")
        jobs = [(engine, FEW, 1) for engine in self.engines]
        for (engine, _, _), (middle, _, questions, _) in \
                self.rounds(record, jobs, rounds).items():
            print(f"  {engine:8} {middle / 1e3:7.1f} ms  "
                  f"{middle / 1e3 / self.delay_ms:5.2f} round trips  "
                  f"{questions:5.1f} questions")

    def rates(self, record, rounds):
        print(f"{RECORDS[record][1]}, one thread, distinct domains:")
        jobs = [("native", FEW, 1)] + [
            ("native", DOMAINS[record], n) for n in IN_FLIGHT]
        if "libspf2" in self.engines:
            jobs.append(("libspf2", FEW, 1))
        medians = self.rounds(record, jobs, rounds)
        theirs = medians[jobs[-1]][1] if "libspf2" in self.engines else None
        for (engine, _, in_flight), (middle, rate, questions, cpu) in \
                medians.items():
            print(f"  {engine:8} {in_flight:5} in flight {rate:9,.0f} checks/s "
                  f" median {middle / 1e3:7.1f} ms  {questions:5.1f} questions"
                  f"  {cpu:5.1f} us CPU a question"
                  + (f"  {rate / theirs:7.1f} x libspf2" if theirs else ""))


def truncated(question, tcp):
    """Answers that come by TCP alone."""
    return [dns.reply(question, truncated=not tcp, answers=[dns.rr(
        question.name, dns.TXT, dns.txt(ONE))] if tcp else [])]


def troubles():
    """Servers that are slow, silent, or have large answers only."""
    slow = servers.Server(lambda question, tcp: [dns.reply(question, [dns.rr(
        question.name, dns.TXT, dns.txt(ONE))])],
        delay=ATTEMPT_MS * 1.5 / 1000)
    silent = servers.Server(lambda question, tcp: [])
    large = servers.Server(truncated)
    print(f"servers in trouble; an attempt is {ATTEMPT_MS} ms:")
    for what, count, asked in (
            ("one that answers after 1.5 attempts", 1, [slow]),
            ("the same, and a silent one second", 1, [slow, silent]),
            ("the same, and a silent one first", 1, [silent, slow]),
            (f"{TRUNCATED} truncated answers at once", TRUNCATED, [large])):
        done = subprocess.run(
            [program("spf_dns"), "native", str(count), str(count), "o",
             ",".join(server.name for server in asked), str(ATTEMPT_MS)],
            capture_output=True, text=True, check=True)
        fails, _, spent, _ = map(int, done.stdout.split())
        print(f"  {what:38} {spent / 1e6:5.2f} s"
              + ("" if fails == count else f"  {count - fails} are wrong"))
    for server in (slow, silent, large):
        server.stop()


def run(proxy, inside, options):
    print(f"SPF over the DNS, answers {options.delay_ms} ms late; medians of "
          f"{options.rounds} rounds; load "
          + " ".join(f"{load:.1f}" for load in os.getloadavg()))
    try:
        bench = Bench(proxy, inside, options.delay_ms)
        for record in RECORDS:
            bench.latency(record, options.rounds)
            sys.stdout.flush()
        for record in RECORDS:
            bench.rates(record, options.rounds)
            sys.stdout.flush()
        troubles()
    finally:
        proxy.stop()


def main():
    parser = argparse.ArgumentParser(description="SPF over a slow DNS")
    parser.add_argument("-d", "--delay-ms", type=int, default=20)
    parser.add_argument("-r", "--rounds", type=int, default=3)
    options = parser.parse_args()
    nsd, reason = servers.find_nsd()
    if reason:
        print(f"without figures of SPF over the DNS: {reason}")
        return 0
    inside = INSIDE in os.environ
    if not inside:
        reason = enter_namespace()
        print(f"without libspf2 and pyspf, for want of a namespace: {reason}")
    with tempfile.NamedTemporaryFile("w", suffix=".resolv.conf") as file:
        if inside:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            file.write(f"nameserver {servers.HOST}\noptions timeout:5\n")
            file.flush()
            os.chmod(file.name, 0o644)
            subprocess.run(["mount", "--bind", file.name, "/etc/resolv.conf"],
                           check=True)
        server = servers.Nsd(on_core(0) + nsd, {"test": "".join(zone())})
        try:
            run(Proxy(53 if inside else 0, server.port, options.delay_ms),
                inside, options)
        finally:
            server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
