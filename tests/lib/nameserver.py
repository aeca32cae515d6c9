# SPDX-License-Identifier: ISC
"""
Zones for the tests of milters, served by a real nsd on loopback.

    dns = nameserver.zone_server('''
        example.org.    TXT "v=spf1 ip4:192.0.2.0/24 -all"
        1.2.0.192.in-addr.arpa. PTR mx.example.org.
    ''')
    ... f"nameservers = {dns.name}" ...
    dns.freeze(); dns.thaw(); dns.stop(); dns.start(); dns.close()

(Not named dns.py, for tests/lib/dns.py, which servers.py needs, is.)
"""

import os
import shutil
import signal
import tempfile


import network
import dns
import servers
import tap

ROOT = ("$ORIGIN .\n$TTL 300\n"
        "@ SOA ns.test. admin.test. 1 3600 600 86400 60\n@ NS ns.test.\n")


def zone_server(zones, port=0, servfail=(), delay=0.0, prefix=()):
    """
    Serve zones: the records of all names there are, or texts of zones by name.
    servfail: names whose queries fail; they and delay, seconds before each
    answer, can be changed later (failing, front.delay) if one was given here.
    prefix: a command before nsd's, as taskset.  Raises Unavailable, with why.
    """
    program, reason = servers.find_nsd()
    if reason:
        raise Unavailable(f"no nsd: {reason}")
    if isinstance(zones, str):
        lines = (line.strip() for line in zones.splitlines())
        zones = {".": ROOT + "\n".join(lines) + "\n"}
    return ZoneServer([*prefix, *program], zones, port, servfail, delay)


def own_network():
    """
    Leave the host's network, if one may, with all fetched that is needed there.
    """
    reason = servers.find_nsd()[1]
    if reason:
        raise Unavailable(f"no nsd: {reason}")
    network.enter()


def run(suite, new_site):
    """Run the suite on new_site(), in a network of its own; the exit status."""
    try:
        own_network()
        site = new_site()
    except Unavailable as why:
        return tap.cannot_run(why)
    return site.run(suite)


class Unavailable(Exception):
    """There is no nsd here, and none to be had."""


class ZoneServer(servers.Nsd):
    """port and name ("127.0.0.1:port") are where to ask."""

    def __init__(self, program, zones, port, servfail, delay):
        self.program, self.zones = program, list(zones)
        self.directory = tempfile.mkdtemp(prefix="mailfrom-zones.")
        self.log = os.path.join(self.directory, "log")
        self.process, self.front = None, None
        for zone, text in zones.items():
            self.write(f"{zone}.zone", text)
        self.begin(port)
        self.backend_port, self.failing = self.port, set(servfail)
        if servfail or delay:
            self.front = servers.Server(self.answer, self.port, delay)
            self.port = self.front.port

    def begin(self, port):
        """At a port, or at one that is free, which may be taken by then."""
        for _ in range(1 if port else 10):
            self.port = port or network.free_port()
            self.process = super().start(self.zones)
            if self.is_up():
                return
        raise AssertionError("nsd doesn't start:\n" + self.evidence())

    @property
    def name(self):
        return f"{servers.HOST}:{self.port}"

    def answer(self, question, tcp):
        del tcp
        if question.name in self.failing:
            return [dns.reply(question, rcode=dns.SERVFAIL)]
        return None

    @property
    def questions(self):
        """How many came, if there is a front."""
        return self.front.asked()

    def start(self, *_):
        """Again, after stop(), at the same port."""
        front_port, self.port = self.port, self.backend_port
        self.process = super().start(self.zones)
        if not self.is_up():
            raise AssertionError("nsd doesn't start:\n" + self.evidence())
        self.port = front_port

    def stop(self):
        """No one listens any more: a query is refused by the kernel."""
        self.thaw()
        self.process.terminate()
        self.process.wait(timeout=30)

    def freeze(self):
        """Silence: queries are taken in, and answered after thaw()."""
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def signal(self, number):
        for pid in process_tree(self.process.pid):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def close(self):
        if self.front:
            self.front.stop()
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def process_tree(pid):
    """The process and what it has started, children before grandchildren."""
    found = [pid]
    for parent in found:
        try:
            with open(f"/proc/{parent}/task/{parent}/children",
                      encoding="ascii") as file:
                found += [int(child) for child in file.read().split()]
        except FileNotFoundError:
            pass
    return found
