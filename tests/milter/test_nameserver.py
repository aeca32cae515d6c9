#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The tests' name server: what it answers, and how it fails."""

import os
import socket
import struct
import sys

import nameserver
import dns
import network
import tap

suite = tap.Suite()
ZONES = r"""
    example.org.            TXT "v=spf1 ip4:192.0.2.0/24 -all"
    mx.example.org.         A   192.0.2.1
    1.2.0.192.in-addr.arpa. PTR mx.example.org.
"""


def ask(server, name, kind, timeout=20):
    """rcode and number of answers; None: silence; False: nobody is there."""
    query = dns.query(name, kind, number=os.getpid() & 0xffff)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(timeout)
        sock.connect(("127.0.0.1", server.port))
        try:
            sock.send(query)
            reply = sock.recv(4096)
        except TimeoutError:
            return None
        except ConnectionRefusedError:
            return False
    _, flags, _, answers = struct.unpack_from(">HHHH", reply)
    return flags & 15, answers


@suite.case("answers for any names")
def answers():
    with nameserver.zone_server(ZONES) as server:
        for name, kind, expected in (
                ("example.org", dns.TXT, (dns.NOERROR, 1)),
                ("mx.example.org", dns.A, (dns.NOERROR, 1)),
                ("1.2.0.192.in-addr.arpa", dns.PTR, (dns.NOERROR, 1)),
                ("mx.example.org", dns.AAAA, (dns.NOERROR, 0)),
                ("nobody.example.org", dns.A, (dns.NXDOMAIN, 0))):
            tap.equal(ask(server, name, kind), expected, name)


@suite.case("is silent, refuses, and comes back at the same port")
def outages():
    with nameserver.zone_server(ZONES) as server:
        name = server.name
        server.freeze()
        tap.equal(ask(server, "example.org", dns.TXT, 0.3), None, "frozen")
        server.thaw()
        tap.equal(ask(server, "example.org", dns.TXT), (0, 1), "thawed")
        server.freeze()
        server.stop()
        tap.equal(ask(server, "example.org", dns.TXT), False, "stopped")
        server.start()
        tap.equal(ask(server, "example.org", dns.TXT), (0, 1), "started")
        tap.equal(server.name, name, "name")


@suite.case("fails for some names, and is late")
def failures():
    with nameserver.zone_server(ZONES, servfail=["example.org"]) as server:
        tap.equal(ask(server, "example.org", dns.TXT), (dns.SERVFAIL, 0))
        tap.equal(ask(server, "mx.example.org", dns.A), (0, 1))
        server.failing.clear()
        tap.equal(ask(server, "example.org", dns.TXT), (0, 1))
        server.front.delay = 60
        tap.equal(ask(server, "example.org", dns.TXT, 0.3), None)
        tap.equal(server.questions, 4)
        server.front.delay = 0
        server.stop()
        server.start()
        tap.equal(ask(server, "example.org", dns.TXT), (0, 1))


@suite.case("serves zones apart, and a port that is asked for")
def zones():
    text = "$TTL 60\n@ SOA ns admin 1 3600 600 86400 60\n  NS ns\n@ TXT x\n"
    port = network.free_port()
    with nameserver.zone_server({"a.test": text}, port=port) as server:
        tap.equal(server.port, port)
        tap.equal(ask(server, "a.test", dns.TXT), (0, 1))
        tap.equal(ask(server, "b.test", dns.TXT)[0], dns.REFUSED)


def main():
    try:
        nameserver.own_network()
    except nameserver.Unavailable as why:
        return tap.cannot_run(why)
    return suite.run()


if __name__ == "__main__":
    sys.exit(main())
