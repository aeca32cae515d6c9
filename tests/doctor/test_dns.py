#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
What mailfrom doctor says of the SRS domain in DNS: its MX, its SPF record and the
names of the addresses that mail leaves from, asked of a real name server.
"""

import json
import subprocess
import sys
import tempfile

import nameserver
import places
import tap

MAILFROM = places.program("mailfrom")
HERE, HERE6, ELSEWHERE = "203.0.113.7", "2001:db8:7::1", "198.51.100.9"
ZONE = f"""
here.test.              MX 10 mx.here.test.
here.test.              TXT "v=spf1 mx -all"
mx.here.test.           A {HERE}
7.113.0.203.in-addr.arpa. PTR mx.here.test.
six.test.               MX 10 mx6.six.test.
six.test.               TXT "v=spf1 ip6:{HERE6} -all"
mx6.six.test.           AAAA {HERE6}
implicit.test.          A {HERE}
gateway.test.           MX 10 mx.gateway.test.
gateway.test.           TXT "v=spf1 ip4:{ELSEWHERE} -all"
mx.gateway.test.        A 192.0.2.55
9.100.51.198.in-addr.arpa. PTR other.gateway.test.
other.gateway.test.     A 198.51.100.10
null.test.              MX 0 .
nothing.test.           TXT "nothing"
twice.test.             TXT "v=spf1 -all"
twice.test.             TXT "v=spf1 ?all"
broken.test.            MX 10 mx.broken.test.
broken.test.            TXT "v=spf1 -all"
unclear.test.           TXT "v=spf1 include:silent.test -all"
silent.test.            TXT "v=spf1 -all"
66.100.51.198.in-addr.arpa. PTR silent.test.
"""

suite = tap.Suite()
case = suite.case


class Site:
    def __init__(self):
        for address in HERE + "/32", HERE6 + "/128":
            subprocess.run(["ip", "addr", "add", address, "dev", "lo"],
                           check=True)
        self.dns = nameserver.zone_server(
            ZONE, servfail=["broken.test", "silent.test",
                            "66.100.51.198.in-addr.arpa"])

    def run(self, tests):
        try:
            return tests.run(self)
        finally:
            self.dns.close()

    def doctor(self, domain, *options, outbound=""):
        """{check: [finding, ...]} of mx, spf and ptr, for an SRS domain."""
        with tempfile.TemporaryDirectory() as directory:
            config = f"{directory}/mailfrom.conf"
            with open(config, "w", encoding="utf-8") as file:
                file.write(f"[srs]\nfwdomain = {domain}\n" +
                           (f"outbound_addresses = {outbound}\n" * bool(outbound))
                           + f"[spf]\nnameservers = {self.dns.name}\n")
            done = places.run(MAILFROM, "doctor", "-c", config, "--json",
                              "--no-smtp", *options, env={"PATH": "/nowhere"})
        if not done.stdout:
            raise AssertionError(done.stderr)
        found = {}
        for finding in json.loads(done.stdout)["checks"]:
            if finding["check"] in ("mx", "spf", "ptr"):
                found.setdefault(finding["check"], []).append(finding)
        return found


def expect(findings, status, *words):
    """All findings have the status, and together these words."""
    tap.equal({f["status"] for f in findings}, {status}, str(findings))
    text = " ".join(str(value) for f in findings for value in f.values())
    for word in words:
        if word not in text:
            raise AssertionError(f"{word!r} isn't in {text}")


@case("all is well: MX, SPF and PTR lead here")
def well(site):
    found = site.doctor("here.test", outbound=HERE)
    expect(found["mx"], "ok", "mx.here.test")
    expect(found["spf"], "ok", "1 outbound_addresses")
    expect(found["ptr"], "ok")


@case("IPv6 alone: the same")
def six(site):
    found = site.doctor("six.test", outbound=HERE6)
    expect(found["mx"], "ok", "mx6.six.test")
    expect(found["spf"], "ok")
    expect(found["ptr"], "warn", f"{HERE6} has no PTR record")


@case("without outbound_addresses, the public ones of this host are tried")
def unconfigured(site):
    found = site.doctor("here.test")
    # The IPv6 address isn't in the record; that is no more than a warning.
    expect(found["spf"], "warn", f"add ip6:{HERE6}", "outbound_addresses")


@case("no MX but an address of this host: bounces arrive")
def implicit(site):
    expect(site.doctor("implicit.test")["mx"], "ok")


@case("an MX elsewhere may be a gateway: a warning that names it")
def gateway(site):
    found = site.doctor("gateway.test", outbound=f"{HERE}, {ELSEWHERE}")
    expect(found["mx"], "warn", "mx.gateway.test",
           "pass mail for gateway.test on")
    expect(found["spf"], "fail", f"add ip4:{HERE} ", "fail")
    expect(found["ptr"], "warn", ELSEWHERE, "other.gateway.test",
           "doesn't have that address")


@case("no MX, a domain that isn't there, a null MX")
def no_mx(site):
    expect(site.doctor("nothing.test")["mx"], "warn", "has no MX")
    expect(site.doctor("gone.test")["mx"], "warn", "has no MX")
    expect(site.doctor("null.test")["mx"], "fail", "null MX", "RFC 7505")


@case("SPF: none, permerror and temperror, each with its cure")
def spf_results(site):
    expect(site.doctor("nothing.test", outbound=HERE)["spf"], "fail",
           f"v=spf1 ip4:{HERE} -all")
    expect(site.doctor("twice.test", outbound=HERE)["spf"], "fail",
           "permerror", "spfquery --lint twice.test")
    expect(site.doctor("unclear.test", outbound=HERE)["spf"], "warn",
           "temperror", "name servers of unclear.test")


@case("servers that fail: warnings with the cause, never ok")
def failing(site):
    found = site.doctor("broken.test", outbound="198.51.100.66")
    expect(found["mx"], "warn", "lookup of the MX", "SERVFAIL")
    expect(found["spf"], "warn", "temperror")
    expect(found["ptr"], "warn", "lookup of the PTR record", "198.51.100.66")


@case("--no-dns: nothing is asked")
def no_dns(site):
    tap.equal(site.doctor("broken.test", "--no-dns"), {}, "findings")


if __name__ == "__main__":
    sys.exit(nameserver.run(suite, Site))
