#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""srsmilter's SPF gate: which senders stay, and that doubt rewrites."""

import sys

import nameserver
import milter_daemon
import srsmilter
from milter_client import POSTFIX, Session
import tap

equal = tap.equal
suite = tap.Suite()

ZONE = """\
both.test.  TXT "v=spf1 ip4:192.0.2.0/24 -all"
one.test.   TXT "v=spf1 ip4:192.0.2.1 -all"
soft.test.  TXT "v=spf1 ip4:192.0.2.1 ~all"
error.test. TXT "v=spf1 ipv4:192.0.2.1 -all"
none.test.  TXT "nothing to do with SPF"
ses.test.   TXT "v=spf1 ip4:192.0.2.0/24 -all"
slow.test.  TXT "v=spf1 ip4:192.0.2.0/24 -all"
"""
GATE = "skip_if_spf_passes = yes\noutbound_addresses = 192.0.2.1, 192.0.2.2"
MODE = "rewrite = all"


class Site(milter_daemon.Site):
    """One name server for all cases."""

    def __init__(self):
        super().__init__()
        self.dns = nameserver.zone_server(
            ZONE, servfail=["servfail.test"])

    def daemon(self, directory, spf="", srs=GATE):
        return srsmilter.Srsmilter(
            directory, MODE, srs,
            f"[spf]\nnameservers = {self.dns.name}\n{spf}")


def deliver(daemon, sender, recipient="<ann@far.test>"):
    """The reason that is logged, once the sender is as that says."""
    before = len(daemon.log())
    with Session(daemon.address, POSTFIX) as s:
        s.connect()
        done = s.deliver(sender, [recipient], ["Subject: hello"])
    equal(done.verdict, "continue", sender)
    [line] = daemon.wait_for_log(" mail queue_id=", before)
    told = milter_daemon.parse(line)
    equal(bool(done.requests), told["result"] == "changed", sender)
    return told["reason"]


@suite.case("a sender stays if every address of ours gets a pass, else not")
def passes(site):
    d = site.start()
    for domain, reason in (
            ("both", "spf_passes"), ("one", "forwarded"),
            ("soft", "forwarded"), ("error", "forwarded"),
            ("none", "forwarded"), ("missing", "forwarded"),
            ("servfail", "forwarded"),
            ("ses", "ses_signed")):
        equal(deliver(d, f"<bob@{domain}.test>"), reason, domain)


@suite.case("who isn't rewritten anyway is not asked about")
def not_asked(site):
    d = site.start()
    asked = site.dns.questions
    for sender, reason in (
            ("<x@own.test>", "own_domain"), ("<x@ses.test>", "ses_signed"),
            ("<>", "null_sender"),
            (f"<{d.encode('x@slow.test')}>", "own_srs")):
        equal(deliver(d, sender), reason, sender)
    equal(site.dns.questions, asked, "questions")


@suite.case("what is guessed or delegated is no record of the domain's")
def guessed(site):
    d = site.start("best_guess = v=spf1 ip4:192.0.2.0/24 -all")
    equal(deliver(d, "<bob@none.test>"), "forwarded")


@suite.case("DNS silent: rewritten, at the deadline")
def silent(site):
    d = site.start("timeout = 1")
    site.dns.freeze()
    try:
        equal(deliver(d, "<bob@slow.test>"), "forwarded")
    finally:
        site.dns.thaw()
    tap.wait_until(lambda: deliver(d, "<bob@slow.test>") == "spf_passes",
                   "an answer")


@suite.case("a reload turns it off and on")
def reloads(site):
    d = site.start()
    for srs, reason in (("", "forwarded"), (GATE, "spf_passes"),
                        ("outbound_addresses = 192.0.2.1", "forwarded"),
                        (GATE + ", 198.51.100.1", "forwarded")):
        d.reload(srs=srs)
        equal(deliver(d, "<bob@both.test>"), reason, srs)


if __name__ == "__main__":
    sys.exit(nameserver.run(suite, Site))
