#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
What Postfix's policy services cost: spfmilter's beside policyd-spf, which Postfix
starts as a process for each connection.

usage: policy.py [-c CONNECTIONS] [-r ROUNDS] [-n REQUESTS] [-i IDLE]

Both get the same requests, in turns within each round, with the services on one
core, load and name server on another; ratios are taken within a round.  Their
answers are compared: which mail is refused, and which is let pass.  "cached":
senders of domains that were asked for before; "new": of domains that weren't, and
without a cache.  policyd-spf keeps nothing between checks.  Nothing is asserted.
"""

import argparse
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

import nameserver
import places
import policy_client
import servers
from run import median, on_core, program, write

DOMAINS = 20000         # of which one in ten fails
BATCH = 20              # requests that a connection has sent ahead
CONFIGURATION = """\
[spf]
nameservers = {nameserver}
cache_size = {cache}
[spfmilter]
listen = unix:{directory}/{name}.milter
policy_listen = unix:{directory}/{name}.sock
authserv_id = here.test
{user}
[log]
to = stderr
level = warning
"""
POLICYD = "debugLevel = 0\nTestOnly = 1\nHELO_reject = Fail\n" \
    "Mail_From_reject = Fail\nskip_addresses = 127.0.0.0/8\n"


def zone():
    yield '*.sender.test. TXT "nothing"\n'
    for number in range(DOMAINS):
        network = "" if number % 10 == 0 else "ip4:192.0.2.0/24 "
        yield f's{number}.test. TXT "v=spf1 {network}-all"\n'


def request_of(number):
    return policy_client.request(
        client_address=f"192.0.2.{number % 250 + 1}",
        helo_name=f"mx{number % 250}.sender.test",
        sender=f"user{number}@s{number}.test")


class Service:
    """A policy service at a path; connect() is a connection to it."""

    def __init__(self, site, name, cache):
        self.name = name
        text = CONFIGURATION.format(
            nameserver=site.dns.name, cache=cache, directory=site.directory,
            name=name, user="user = root" if os.geteuid() == 0 else "")
        path = write(site.directory, name + ".conf", text)
        self.process = subprocess.Popen(
            [*on_core(0), program("spfmilter"), "-f", "-c", path],
            stdin=subprocess.DEVNULL)
        self.path = os.path.join(site.directory, name + ".sock")
        deadline = time.monotonic() + 20
        while not os.path.exists(self.path):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{name} doesn't start")
            time.sleep(0.02)

    def connect(self):
        return policy_client.Client(self.path)

    def disconnect(self, client):
        client.close()

    def pids(self):
        return nameserver.process_tree(self.process.pid)

    def cpu(self):
        return sum(time.clock_gettime(~pid << 3 | 2) for pid in self.pids())

    def memory(self):
        """Proportional set, in KB."""
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                total += sum(int(line.split()[1]) for line in file
                             if line.startswith("Pss:"))
        return total

    def stop(self):
        self.process.kill()
        self.process.wait()


class PolicydClient(policy_client.Client):
    """The other end of a process of policyd-spf, as spawn(8) starts it."""

    def __init__(self, command):
        ours, theirs = socket.socketpair()
        self.socket, self.file = ours, ours.makefile("rb")
        ours.settimeout(120)
        with theirs:
            self.process = subprocess.Popen(
                command, stdin=theirs, stdout=theirs,
                stderr=subprocess.DEVNULL)


class Policyd:
    """policyd-spf: a process for each connection."""
    name = "policyd-spf"

    def __init__(self, site):
        path = write(site.directory, "policyd-spf.conf", POLICYD)
        self.command = [
            *on_core(0), sys.executable, places.source("tests/lib/peer_policyd.py"),
            places.peer("policyd", places.PYTHON), str(site.dns.port), path]
        self.clients, self.ended = [], 0.0

    def connect(self):
        self.clients.append(PolicydClient(self.command))
        return self.clients[-1]

    def disconnect(self, client):
        client.close()
        used = os.wait4(client.process.pid, 0)[2]
        self.ended += used.ru_utime + used.ru_stime
        client.process.returncode = 0
        self.clients.remove(client)

    def cpu(self):
        return self.ended + sum(time.clock_gettime(~c.process.pid << 3 | 2)
                                for c in self.clients)

    memory = Service.memory

    def pids(self):
        return [client.process.pid for client in self.clients]


class Load:
    """Requests over connections that are there already."""

    def __init__(self, service, clients, numbers):
        self.answers = {}
        shares = [numbers[n::len(clients)] for n in range(len(clients))]
        before, begin = service.cpu(), time.monotonic()
        threads = [threading.Thread(target=self.run, args=pair)
                   for pair in zip(clients, shares)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.rate = len(numbers) / (time.monotonic() - begin)
        self.cpu_us = (service.cpu() - before) * 1e6 / len(numbers)

    def run(self, client, numbers):
        for at in range(0, len(numbers), BATCH):
            batch = numbers[at:at + BATCH]
            client.send(b"".join(map(request_of, batch)))
            for number in batch:
                self.answers[number] = client.answer()

    def refused(self):
        return {n for n, said in self.answers.items() if said[:3] == "550"}


def compare(what, services, options, numbers_of):
    print(f"{what}: {options.connections} connections, medians of "
          f"{options.rounds} rounds, CPU of the service a check")
    loads = {service.name: [] for service in services}
    clients = {service.name: [service.connect()
                              for _ in range(options.connections)]
               for service in services}
    for service in services:    # a process has started, a cache is filled
        Load(service, clients[service.name], numbers_of(-1))
    for turn in range(options.rounds):
        for service in services if turn % 2 == 0 else services[::-1]:
            loads[service.name].append(Load(
                service, clients[service.name], numbers_of(turn)))
    for service in services:
        mine = loads[service.name]
        print(f"  {service.name:12} {median([l.cpu_us for l in mine]):8.1f} us "
              f"{median([l.rate for l in mine]):9,.0f}/s")
        for client in clients[service.name]:
            service.disconnect(client)
    ours, theirs = (loads[service.name] for service in services)
    ratios = [a.cpu_us / b.cpu_us for a, b in zip(ours, theirs)]
    print(f"  ratio: CPU {median(ratios):.4f} ({min(ratios):.4f} to "
          f"{max(ratios):.4f}), rate "
          f"{median([a.rate / b.rate for a, b in zip(ours, theirs)]):.1f}")
    wrong = sum(a.refused() != b.refused() for a, b in zip(ours, theirs))
    print(f"  {'DIFFERENT answers' if wrong else 'the same answers'} to "
          f"{sum(len(a.answers) for a in ours)} requests")
    sys.stdout.flush()


def idle(service, count):
    """Memory that connections take once they have asked something."""
    before = service.memory()
    clients = [service.connect() for _ in range(count)]
    for number, client in enumerate(clients):
        client.send(request_of(number))
    for client in clients:
        client.answer()
    after = service.memory()
    print(f"  {service.name:12} {after / 1024:8.1f} MB for {count}, "
          f"{(after - before) / count:8.1f} KB each")
    for client in clients:
        service.disconnect(client)
    return (after - before) / count


class Site:
    def __init__(self, directory, dns):
        self.directory, self.dns = directory, dns


def bench(site, options):
    policyd = Policyd(site)
    ours = Service(site, "spfmilter", 64 << 20)
    uncached = Service(site, "no-cache", 0)
    count = options.requests
    try:
        compare("cached", [ours, policyd], options,
                lambda turn: list(range(count)))
        compare("new", [uncached, policyd], options,
                lambda turn: list(range((turn + 1) * count % DOMAINS,
                                        (turn + 1) * count % DOMAINS + count)))
        print("memory (PSS):")
        each = idle(ours, options.idle)
        theirs = idle(policyd, options.idle // 50)
        print(f"  ratio a connection: {each / theirs:.5f}")
    finally:
        ours.stop()
        uncached.stop()


def main():
    parser = argparse.ArgumentParser(description="what policy services cost")
    parser.add_argument("-c", "--connections", type=int, default=8)
    parser.add_argument("-r", "--rounds", type=int, default=5)
    parser.add_argument("-n", "--requests", type=int, default=800)
    parser.add_argument("-i", "--idle", type=int, default=1000)
    options = parser.parse_args()
    reason = places.fetch("policyd") or servers.find_nsd()[1]
    if reason:
        print(f"without figures of policy services: {reason}")
        return 0
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    directory = tempfile.mkdtemp(prefix="mailfrom-bench-")
    try:
        with nameserver.zone_server("".join(zone()), 0,
                                    prefix=on_core(1)) as dns:
            bench(Site(directory, dns), options)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
