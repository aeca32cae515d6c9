#!/usr/bin/env python3
"""
spfmilter among other filters, in sendmail and in Postfix: OpenDKIM in front of
it and behind it, and behind it one that tells what it sees.
"""

import os
import re
import subprocess
import sys

import exchange
import postfix
import sendmail
import spf_cases
import srsd
import tap
import world
from spf_cases import spfmilter

import milter_filters

PEERS = ["sendmail", "postfix", "opendkim", *spf_cases.PEERS]
DOMAIN = "fwd.test"
OURS = "mx.fwd.test"

suite = tap.Suite()
case = suite.case


class OpenDkim:
    """It verifies, and says so in the name authserv_id."""

    def __init__(self, place, port, authserv_id):
        prefix = place.path("peers", "opendkim")
        directory = place.make_dir("run", f"opendkim-{port}")
        self.log_path = os.path.join(directory, "log")
        config = place.write("run", f"opendkim-{port}", "conf", text=(
            f"Socket inet:{port}@127.0.0.1\nMode v\nSyslog no\n"
            f"AuthservID {authserv_id}\nAlwaysAddARHeader yes\n"
            "UserID nobody\nUMask 002\nInternalHosts 192.0.2.1\n"))
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [os.path.join(prefix, "usr/sbin/opendkim"), "-f", "-x", config],
                env={"LD_LIBRARY_PATH": world.libraries(prefix),
                     "PATH": "/usr/bin:/bin"},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        tap.wait_until(self.is_up, "opendkim to listen")

    def is_up(self):
        if self.process.poll() is not None:
            with open(self.log_path, encoding="utf-8") as log:
                raise AssertionError(f"opendkim ended: {log.read()}")
        return srsd.listens(self.port_of())

    def port_of(self):
        return int(os.path.basename(os.path.dirname(self.log_path)
                                    ).rpartition("-")[2])


class Site(exchange.Exchange):
    """The filters, in the order in which the MTAs ask them."""

    def __init__(self, place):
        super().__init__()
        self.place, self.mta = place, None
        self.dkim = [OpenDkim(place, 10021, OURS),
                     OpenDkim(place, 10022, "before.test"),
                     OpenDkim(place, 10023, OURS)]
        self.dns = spfmilter.name_server(spf_cases.FAILING)
        self.filter = spfmilter.Spfmilter(
            place.make_dir("run", "spfmilter", owner="mailfrom"), self.dns.name,
            user="mailfrom", listen="inet:10006@127.0.0.1").start()
        self.observer = milter_filters.Filter(
            place.path("run", "observer"), [], address="inet:10024@127.0.0.1")
        self.ports = [10021, 10022, 10006, 10024, 10023]

    def in_sendmail(self):
        self.stop()
        chain = "".join(
            f"INPUT_MAIL_FILTER(`f{port}', `S=inet:{port}@127.0.0.1, F=T, "
            "T=C:5s;S:30s;R:30s;E:5m')dnl\n" for port in self.ports)
        self.mta = sendmail.Sendmail(
            self.place, "chain-sendmail", DOMAIN, world.FORWARDER,
            "MAILER(`smtp')dnl", features=chain).start()
        return self

    def in_postfix(self):
        self.stop()
        chain = ", ".join(f"inet:127.0.0.1:{port}" for port in self.ports)
        self.mta = postfix.Postfix(
            self.place, "chain-postfix", DOMAIN, f"smtpd_milters = {chain}\n"
            "milter_default_action = tempfail\n").start()
        return self

    def stop(self):
        if self.mta:
            self.mta.stop()

    def deliver(self):
        """
        Send a message.  Who has signed its Authentication-Results in the end,
        and the fields of ours and of OpenDKIM that the observer saw.
        """
        before = len(self.observer.saw("header"))
        token = self.send("bob@pass.test", "local@fwd.test")
        tap.wait_until(lambda: self.mta.mailbox("local", token), token)
        [text] = self.mta.mailbox("local", token)
        signed = [signer(h) for h in spf_cases.unfold(text)
                  if h.startswith("Authentication-Results: ")]
        seen = [line.removeprefix("header ") for line in
                self.observer.saw("header")[before:]]
        return sorted(signed), [
            h.split()[0] if h.startswith("Received-SPF") else signer(h)
            for h in seen if h.startswith(("Received-SPF", "Authentication-"))]


def signer(field):
    return field.split()[1].split(";")[0], re.search("dkim|spf", field)[0]


def try_chain(site):
    ours, before, dkim = (OURS, "spf"), ("before.test", "dkim"), (OURS, "dkim")
    signed, seen = site.deliver()
    tap.equal(signed, [before, dkim, ours], "in the end")
    tap.equal(seen, ["Received-SPF", ours, before], "what the next filter saw: "
              "the field in our name from before us is taken for forged")
    site.filter.reload(spfmilter="remove_ar = none")
    try:
        _, seen = site.deliver()
        tap.equal(sorted(seen[1:]), sorted([ours, before, dkim]),
                  "with remove_ar = none")
        tap.equal(seen[:2], ["Received-SPF", ours], "on top")
    finally:
        site.filter.reload(spfmilter="")


@case("sendmail: OpenDKIM before and behind, and what a later filter sees")
def in_sendmail(site):
    try_chain(site.in_sendmail())


@case("Postfix: the same")
def in_postfix(site):
    try_chain(site.in_postfix())


def main():
    place = world.enter(PEERS)
    site = Site(place)
    return suite.run(site, lambda: place.recent_log() + [
        "spfmilter:", site.filter.log_tail(), *site.observer.log()[-40:]])


if __name__ == "__main__":
    sys.exit(main())
