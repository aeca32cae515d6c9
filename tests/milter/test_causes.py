#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
Why a DNS lookup failed, as users read it: in spfquery's lines, trace and JSON;
in spfmilter's reply, log and header fields; in srsmilter's log.
"""

import json
import os
import re
import subprocess
import sys

import dns
import milter_daemon
import network
import servers
import spfmilter
import srsmilter
import tap
from milter_client import Session
from milter_daemon import parse
from places import program

SPFQUERY = program("spfquery")
NOTIMP, NOTAUTH = 4, 9
NOBODY = "192.0.2.53"       # there is no route to it in a network of our own

equal = tap.equal
suite = tap.Suite()


def rcode(number):
    return lambda question, tcp: [dns.reply(question, rcode=number)]


def broken(question, tcp):
    """A record that is longer than the message."""
    record = dns.rr(question.name, question.type, b"\4v=sp")
    return [dns.reply(question, [record])[:-2]]


def truncated(question, tcp):
    return [dns.reply(question, truncated=True)]


def referral(question, tcp):
    """From a server that neither knows nor asks."""
    reply = dns.reply(question, authority=[
        dns.rr("test", dns.NS, dns.name("ns.test"))])
    return [reply[:2] + b"\x81\x00" + reply[4:]]


def loop(question, tcp):
    return [dns.reply(question, [dns.rr(
        question.name, dns.CNAME, dns.name(question.name))])]


# What a server does with questions for names of <domain>.test, and the cause.
CAUSES = {
    "formerr": (rcode(dns.FORMERR), "FORMERR"),
    "servfail": (rcode(dns.SERVFAIL), "SERVFAIL"),
    "notimp": (rcode(NOTIMP), "NOTIMP"),
    "refused": (rcode(dns.REFUSED), "REFUSED"),
    "notauth": (rcode(NOTAUTH), "NOTAUTH"),
    "rcode": (rcode(12), "RCODE 12"),
    "broken": (broken, "malformed answer"),
    "truncated": (truncated, "truncated answer"),
    "referral": (referral, "referral"),
    "loop": (loop, "too many CNAMEs"),
}


def answer(question, tcp):
    """pass.test passes all; names of no cause don't exist."""
    domain = question.name.split(".")[-2]
    if domain in CAUSES:
        return CAUSES[domain][0](question, tcp)
    if question.name == "pass.test" and question.type == dns.TXT:
        return [dns.reply(question, [dns.rr(
            question.name, dns.TXT, dns.txt("v=spf1 +all"))])]
    return [dns.void(question)]


class Site(milter_daemon.Site):
    """A faulty server; daemons that ask it, or another."""

    def __init__(self):
        super().__init__()
        self.is_alone = network.enter()
        self.server = servers.Server(answer)
        self.silent = servers.Server(
            lambda question, tcp:
                [] if question.name.startswith("silent") else
                answer(question, tcp))

    def daemon(self, directory, server=None, **options):
        return spfmilter.Spfmilter(
            directory, server or self.server.name, **options)


def problem(cause, domain, kind="TXT"):
    return f"DNS lookup of {kind} {domain} failed: {cause}"


# --- spfquery ---

def spfquery(server, sender, *options, status=5):
    done = subprocess.run(
        [SPFQUERY, "--nameserver", server, "--receiver", "mx.test", *options,
         "198.51.100.1", sender, "mx.test"],
        capture_output=True, text=True, timeout=60,
        env={**os.environ, "LC_ALL": "C"})
    equal((done.returncode, done.stderr), (status, ""), "status, stderr")
    return done.stdout


def spfquery_names(server, domain, cause, *options):
    text, sender = problem(cause, domain), f"bob@{domain}"
    lines = spfquery(server, sender, *options).splitlines()
    equal(lines[:2], ["temperror", f"why: {text}"], domain)
    equal([line.strip() for line in lines if "problem=" in line],
          [f'problem="{text}"'], domain)
    equal([line.strip() for line in lines if "reason=" in line],
          [f'reason="{text}"'], domain)
    trace = spfquery(server, sender, "--trace", *options)
    # Behind it the server, if one was asked, and the time.
    equal(re.findall(r"TXT \S+ -> (.*?)(?:  .*)?$", trace, re.M),
          [f"failed: {cause}"], trace)
    report = json.loads(spfquery(server, sender, "--json", *options))
    equal((report["why"], report["problem"], report["cause"]),
          (text, text, cause), domain)
    equal([(event["answer"], event["cause"]) for event in report["trace"]
           if event["event"] == "lookup"], [("error", cause)], domain)


@suite.case("spfquery names it: lines, trace and JSON")
def by_spfquery(site):
    for domain, (_, cause) in CAUSES.items():
        spfquery_names(site.server.name, f"{domain}.test", cause)


@suite.case("spfquery: nobody listens")
def spfquery_closed(site):
    spfquery_names(f"127.0.0.1:{network.free_port()}", "closed.test",
                   "connection refused")


@suite.case("spfquery: no route")
def spfquery_unreachable(site):
    if site.is_alone:
        spfquery_names(NOBODY, "far.test", "network unreachable")


@suite.case("spfquery: the check's time is over before the server's")
def spfquery_late(site):
    spfquery_names(site.silent.name, "silent.test", "no answer in time",
                   "--timeout", "1")


@suite.case("the last server's cause, and none if another one answers")
def several_servers(site):
    closed = f"127.0.0.1:{network.free_port()}"
    spfquery_names(f"{closed},{site.server.name}", "refused.test", "REFUSED")
    report = json.loads(spfquery(f"{closed},{site.server.name}",
                                 "bob@pass.test", "--json", status=0))
    equal((report["result"], report["cause"], report["problem"]),
          ("pass", "", ""))


@suite.case("libspf2 names it, in this process and in a helper")
def by_libspf2(site):
    for domain, (_, cause) in CAUSES.items():
        report = json.loads(spfquery(
            site.server.name, f"bob@{domain}.test", "--engine", "libspf2",
            "--json"))
        equal((report["problem"], report["cause"]),
              (problem(cause, f"{domain}.test"), cause), domain)
    helper = program("spf-libspf2")
    d = site.start(spf=f"engine = libspf2\nhelper = {helper}")
    done = talk(d, "bob@refused.test", ip="198.51.100.1")
    equal(done.text.endswith(": " + problem("REFUSED", "refused.test")), True,
          done.text)
    equal(d.line_of("refused.test")["dns_error"], "REFUSED")


ZONE = """\
zonedata:
  all.example:
    - TXT: v=spf1 a:one.example a:two.example a:three.example -all
  one.example:
    - AAAA: 2001:db8::1
    - SERVFAIL
  two.example:
    - A: CONNECTION REFUSED
  three.example:
    - TIMEOUT
  said.example:
    - TXT: servfail
"""


@suite.case("zone files: types that fail, each for its cause")
def zone_files(site):
    path = os.path.join(site.path(), "zone.yml")

    def checked(text, ip, sender, *options):
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return subprocess.run(
            [SPFQUERY, "--zone", path, *options, ip, sender, "mx.test"],
            capture_output=True, text=True, timeout=60)

    for ip, records, kind, name, cause in (
            ("192.0.2.1", ZONE, "A", "one.example", "SERVFAIL"),
            ("2001:db8::2", ZONE, "AAAA", "three.example", "timeout"),
            ("192.0.2.1", ZONE.replace("a:one.example ", ""), "A",
             "two.example", "connection refused")):
        report = json.loads(checked(records, ip, "bob@all.example",
                                    "--json").stdout)
        equal((report["problem"], report["cause"]),
              (f'"a:{name}" in the record of all.example: '
               + problem(cause, name, kind), cause), name)
    done = checked(ZONE, "2001:db8::1", "bob@all.example")
    equal(done.stdout.split("\n")[0], "pass", "other types don't fail")
    done = checked(ZONE, "192.0.2.1", "bob@said.example")
    equal(done.stdout.split("\n")[0], "none", "a text in small letters")
    for bad in "SERVFAI", "servfail", "RCODE 16", "NONE":
        done = checked(ZONE.replace("- SERVFAIL", f"- {bad}"), "192.0.2.1",
                       "bob@all.example")
        equal((done.returncode, done.stdout, done.stderr),
              (255, "", f"{path}:6: one.example: neither TYPE: VALUE nor TIMEOUT, "
               "SERVFAIL, REFUSED...\n"), bad)


@suite.case("lint names it")
def lint(site):
    for domain, (_, cause) in CAUSES.items():
        done = subprocess.run(
            [SPFQUERY, "--nameserver", site.server.name, "--lint",
             f"{domain}.test"], capture_output=True, text=True, timeout=60)
        equal((done.returncode, done.stdout.split("\n")[0]),
              (1, f"error: {domain}.test: DNS lookup of TXT {domain}.test "
               f"failed: {cause}: temperror for every client [dns]"), domain)


@suite.case("attempts that are all in vain are a timeout")
def attempts(site):
    with servers.Driver(site.silent, attempt_ms=20, attempts=2) as driver:
        check = driver.check("198.51.100.1", "bob@silent.test")
        equal((check.result, check.problem),
              ("temperror", problem("timeout", "silent.test")))


# --- spfmilter ---

def talk(daemon, sender, helo="mx.test", ip="127.0.0.99"):
    with Session(daemon.address) as s:
        s.connect(ip)
        s.helo(helo)
        return s.deliver(f"<{sender}>", ["<ann@fwd.test>"],
                         ["Subject: hello"])


def unfold(text):
    return re.sub(r"\r?\n\s+", " ", text)


def spfmilter_names(site, server, domain, cause, **options):
    """In the reply and the log; in the fields of what is only reported."""
    text = problem(cause, domain)
    d = site.start(server, **options)
    done = talk(d, f"bob@{domain}")
    equal((done.verdict, done.code, done.status),
          ("tempfail", "451", "4.7.24"), domain)
    equal(done.text, f"SPF temperror for sender domain {domain} from "
          f"127.0.0.99: {text}", domain)
    line = d.line_of(f"from=bob@{domain}")
    equal((line["spf"], line["problem"], line["dns_error"]),
          ("temperror", text, cause), domain)
    d.reload(spfmilter="mode = report")
    message = talk(d, f"joe@{domain}").message
    [received] = message.values("Received-SPF")
    equal(unfold(received).endswith(f'; problem="{text}"'), True, received)
    [results] = message.values("Authentication-Results")
    equal(f' reason="{text}" smtp.mailfrom=joe@{domain}' in unfold(results),
          True, results)
    d.end()


@suite.case("spfmilter names it: reply, log and fields")
def by_spfmilter(site):
    for domain, (_, cause) in CAUSES.items():
        spfmilter_names(site, site.server.name, f"{domain}.test", cause)


@suite.case("spfmilter: nobody listens, no route, no time")
def spfmilter_others(site):
    spfmilter_names(site, f"127.0.0.1:{network.free_port()}", "closed.test",
                    "connection refused")
    spfmilter_names(site, site.silent.name, "silent.test", "no answer in time",
                    spf="timeout = 1")
    if site.is_alone:
        spfmilter_names(site, NOBODY, "far.test", "network unreachable")


@suite.case("a term's lookup, and that of the HELO name")
def terms_and_helo(site):
    d = site.start(spfmilter="mode = report",
                   spf="best_guess = v=spf1 a:mx.servfail.test -all")
    talk(d, "bob@nothing.test", "refused.test")
    line = d.line_of("from=bob@nothing.test")
    equal((line["dns_error"], line["helo_dns_error"], line["problem"]),
          ("SERVFAIL", "REFUSED",
           r'\"a:mx.servfail.test\" in the record of nothing.test: '
           + problem("SERVFAIL", "mx.servfail.test", "A")))
    talk(d, "bob@pass.test", "pass.test")
    equal({"dns_error", "helo_dns_error"} & set(d.line_of("from=bob@pass.test")),
          set())


@suite.case("in JSON the log has it too")
def json_log(site):
    d = site.start(more="format = json")
    talk(d, "bob@rcode.test")
    [line] = d.wait_for_log('"from":"bob@rcode.test"')
    equal(json.loads(line)["dns_error"], "RCODE 12")


# --- srsmilter's gate ---

@suite.case("srsmilter logs why its gate couldn't tell")
def gate(site):
    d = srsmilter.Srsmilter(
        site.path(), "rewrite = all",
        "skip_if_spf_passes = yes\noutbound_addresses = 192.0.2.1, 192.0.2.2",
        f"[spf]\nnameservers = {site.server.name}\n")
    site.daemons.append(d)
    d.start()
    for sender, reason, cause in (
            ("bob@servfail.test", "forwarded", "SERVFAIL"),
            ("bob@loop.test", "forwarded", "too many CNAMEs"),
            ("bob@nothing.test", "forwarded", None),
            ("bob@pass.test", "spf_passes", None)):
        before = len(d.log())
        with Session(d.address) as s:
            s.connect()
            s.deliver(f"<{sender}>", ["<ann@far.test>"], ["Subject: hello"])
        [line] = d.wait_for_log(" mail queue_id=", before)
        told = parse(line)
        equal((told["reason"], told.get("dns_error")), (reason, cause), sender)


if __name__ == "__main__":
    sys.exit(Site().run(suite))
