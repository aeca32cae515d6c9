#!/usr/bin/env python3
"""spfmilter in a real Postfix, with the settings of etc/postfix/spfmilter.main.cf."""

import glob
import os
import sys

import exchange
import postfix
import spf_cases
import tap
import world
import milter_daemon
from spf_cases import spfmilter

PEERS = ["postfix", *spf_cases.PEERS]
# A queue that nobody else's messages are in, and no limits on one client.
SETTINGS = "smtpd_client_connection_rate_limit = 0\n" \
    "smtpd_delay_reject = yes\nsmtpd_error_sleep_time = 0\n" \
    "smtpd_soft_error_limit = 1000\nsmtpd_hard_error_limit = 1000\n"


class Site(exchange.Exchange):
    send = exchange.Exchange.submit

    def __init__(self, place):
        super().__init__()
        self.dns = spfmilter.name_server(spf_cases.FAILING)
        self.filter = spfmilter.Spfmilter(
            place.make_dir("run", "spfmilter", owner="mailfrom"), self.dns.name,
            spf_cases.ACCESS, user="mailfrom",
            listen="inet:10006@127.0.0.1").start()
        self.mta = postfix.Postfix(
            place, "spf-postfix", "fwd.test",
            postfix.settings("spfmilter.main.cf", "fwd.test") + SETTINGS,
            aliases="friend: local\npostmaster: local\n").start()

    def settled(self):
        """Nothing is on its way any more: what there is, is held."""
        queues = ("maildrop", "incoming", "active", "deferred")
        tap.wait_until(
            lambda: not any(glob.glob(f"{self.mta.spool}/{queue}/**/*[0-9A-F]",
                                      recursive=True) for queue in queues),
            "an empty queue")

    def delivered(self, token):
        self.settled()
        return self.mta.mailbox("local", token)

    def count_copies(self, tokens):
        return spf_cases.count_copies(tokens, f"{self.mta.mail}/local/new/*")

    def held(self, token):
        self.settled()
        for path in glob.glob(f"{self.mta.spool}/hold/*"):
            if os.path.isfile(path):
                with open(path, encoding="latin-1") as file:
                    if token in file.read():
                        return True
        return False


@spf_cases.case("access maps by postmap: hash, btree and texthash")
def postmap(site):
    for kind in "hash", "btree", "texthash":
        path = os.path.join(site.mta.etc, f"spf-{kind}")

        def make(text):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            if kind != "texthash":
                site.mta.command("postmap", f"{kind}:{path}")
        spf_cases.try_map(site, f"{kind}:{path}", make)


@spf_cases.case("a sender without a domain: the one that Postfix adds is checked")
def unqualified(site):
    before = len(site.filter.log())
    _, reply = site.send("ceo", spf_cases.RCPT)
    tap.equal(reply.accepted, True, "fwd.test has no record")
    [line] = site.filter.wait_for_log(r' mail .* from="?ceo\b', before)
    tap.equal(milter_daemon.parse(line)["domain"], "fwd.test")


def main():
    place = world.enter(PEERS)
    site = Site(place)
    return spf_cases.suite.run(site, lambda: place.recent_log() + [
        "spfmilter:", site.filter.log_tail()])


if __name__ == "__main__":
    sys.exit(main())
